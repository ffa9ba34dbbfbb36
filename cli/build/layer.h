/* SPDX-License-Identifier: Apache-2.0 */
/* A layer image: EROFS made by mkfs.erofs with everything variable fixed, then its hash tree. */
#pragma once

#include "abi/manifest.h"
#include "stage.h"

/* Fixed for every layer, so that content alone decides the root hash. An empty salt: it would only
 * keep apart layers that have equal blocks, and two equal layers are meant to be equal. */
#define LAYER_UUID "a1c0be00-0000-4000-8000-000000000001"

struct layer_id {
    uint8_t root[32];
    uint64_t size; /* of the file system */
};

/* Writes the image of what is staged to dir/<root hash>.img, atomically. */
int layer_make(const struct stage *s, const char *dir, struct layer_id *ret,
               struct diag *d) MUST_USE;
/* Checks the whole file against what a manifest says of it. */
int layer_check(const char *path, const struct manifest_layer *expected, struct diag *d) MUST_USE;
