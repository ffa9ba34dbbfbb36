/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files: read through a mapping, written beside and renamed, so that a reader finds the old
 * content or the new, never half of it. */
#pragma once

#include "base/bytes.h"
#include "base/diag.h"

struct mapped_file {
    struct bytes bytes;
};

/* A regular file of at most max bytes. */
int mapped_file_open(struct mapped_file *ret, const char *path, uint64_t max,
                     struct diag *d) MUST_USE;
void mapped_file_close(struct mapped_file *f);

int file_append(const char *path, struct bytes content, struct diag *d) MUST_USE;
/* Flushes `temporary` and gives it its name. */
int file_commit(const char *temporary, const char *path, struct diag *d) MUST_USE;
/* Writes and commits in one step; mode as given, whatever the umask. */
int file_write(const char *path, struct bytes content, unsigned mode, struct diag *d) MUST_USE;
int file_copy(const char *path, const char *source, uint64_t max, struct diag *d) MUST_USE;
/* mkdir -p */
int make_folders(const char *path, struct diag *d) MUST_USE;
