/* SPDX-License-Identifier: Apache-2.0 */
/* The identities of a bundle, recomputed from its bytes: what `alcove build` writes beside them,
 * `alcove measure` prints, and a verifier compares with a quote. */
#pragma once

#include "abi/manifest.h"
#include "base/diag.h"

struct identity_layer {
    char name[NAME_MAX_BYTES + 1];
    uint8_t root[32];
    uint64_t size;
    bool in_bundle; /* else in the layer store; known only when layers were checked */
};

struct identity {
    uint8_t mrenclave[32], mrsigner[32], configid[64];
    bool debug;
    bool is_program; /* shim door: MRENCLAVE names the program too */
    size_t layer_count;
    struct identity_layer layers[MANIFEST_LAYERS_MAX];
};

/* Checks every file of the bundle on the way: manifest, runtime image, its SIGSTRUCT and that the
 * two belong together, and, when check_layers, every block of every layer; else the layers need not
 * even be there: CONFIGID names them by root hash. */
int identity_of_bundle(const char *bundle, bool check_layers, struct identity *ret,
                       struct diag *d) MUST_USE;
/* The JSON object of identity.json and `alcove measure --json`; ends with a newline. */
#define IDENTITY_JSON_MAX 8192u
size_t identity_json(const struct identity *i, char *out, size_t capacity);
