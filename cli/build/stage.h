/* SPDX-License-Identifier: Apache-2.0 */
/* A staging directory: the tree that becomes a layer. Every write goes below its root whatever
 * symbolic links lie in it, and gets one of two modes, so that neither the umask nor the owner of
 * the sources reaches the image. Paths in the tree are absolute, as the workload will see them. */
#pragma once

#include <limits.h>
#include <sys/types.h>

#include "base/bytes.h"
#include "base/diag.h"

struct stage {
    char root[PATH_MAX]; /* host path */
    int fd;
    uint64_t file_count, byte_count;
    /* Folders that copying leaves out, whatever their names: the bundle that is being made, and the
     * one that it replaces, may lie in the very tree that goes into it. */
    struct stage_skip {
        dev_t device;
        ino_t inode;
    } skip[2];
    size_t skip_count;
};

/* Makes an empty one in the directory `parent`. */
int stage_open(struct stage *ret, const char *parent, struct diag *d) MUST_USE;
/* Removes it and all in it. Safe on a zeroed struct. */
void stage_close(struct stage *s);

/* Leaves a host folder out of later copies; one that is not there is no error. */
void stage_skip(struct stage *s, const char *host_path);

int stage_dir(struct stage *s, const char *path, struct diag *d) MUST_USE;
/* What is there already is replaced, unless it is a directory. */
int stage_bytes(struct stage *s, const char *path, struct bytes content, bool executable,
                struct diag *d) MUST_USE;
int stage_symlink(struct stage *s, const char *path, const char *target, struct diag *d) MUST_USE;
/* Copies a regular file, a symbolic link (as a link) or an empty directory from the host. */
int stage_copy(struct stage *s, const char *path, const char *source, struct diag *d) MUST_USE;
/* The same with all that is below it; device nodes, sockets and __pycache__ folders are left out.
 */
int stage_copy_tree(struct stage *s, const char *path, const char *source, struct diag *d) MUST_USE;

/* Calls visit for every regular file, in sorted order, with its path in the tree and its host path.
 * Ends with the first result that is not 0. */
typedef int stage_visit(void *context, const char *path, const char *host_path, struct diag *d);
int stage_walk(const struct stage *s, stage_visit *visit, void *context, struct diag *d) MUST_USE;

/* Removes a directory and all below it without following links; errors are the caller's silence:
 * it is used on the way out. */
void remove_tree(const char *path);
