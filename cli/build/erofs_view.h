/* SPDX-License-Identifier: Apache-2.0 */
/* Looks up paths in a stack of layer images as the enclave will see them: the topmost layer that
 * has a name wins, folders merge, symbolic links lead through the whole stack. */
#pragma once

#include "abi/limits.h"
#include "file.h"

struct erofs_view {
    size_t layer_count;
    struct mapped_file layers[MANIFEST_LAYERS_MAX]; /* bottom first */
};

/* Adds an image on top. */
int erofs_view_add(struct erofs_view *v, const char *path, struct diag *d) MUST_USE;
void erofs_view_close(struct erofs_view *v);

/* The mode (type and permissions) of what is at an absolute path, links followed unless it is the
 * last part and follow is false. -ENOENT, -ENOTDIR, -ELOOP; -EINVAL for a malformed image. */
int erofs_view_mode(const struct erofs_view *v, const char *path, bool follow,
                    uint32_t *ret_mode) MUST_USE;
