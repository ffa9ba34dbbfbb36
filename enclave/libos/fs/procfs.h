/* SPDX-License-Identifier: Apache-2.0 */
/* What a directory of /proc or /sys consists of. */
#pragma once

#include "vfs.h"

enum proc_kind {
    PROC_DIR,    /* entries by name */
    PROC_DIR_FD, /* open descriptors, each like entries[0] */
    PROC_DIR_FDINFO,
    PROC_DIR_TASK, /* threads, each like entries[0] */
    PROC_DIR_CPU,  /* entries by name, and cpu0, cpu1, ..., each like *each */
    PROC_FILE,
    PROC_LINK,
};

struct proc_entry {
    const char *name;
    enum proc_kind kind;
    bool own;      /* belongs to the workload's user */
    bool own_only; /* and nobody else may read it */
    const struct proc_entry *entries;
    size_t count;
    const struct proc_entry *process; /* of the root: what the process's own directory is */
    const struct proc_entry *each;
    /* id: thread, descriptor or processor, 0 elsewhere. */
    void (*text)(struct fs_text *t, int id);
    int (*write)(const char *text, size_t n);
    size_t (*link)(char *ret, size_t capacity);
    int (*jump)(int id, struct dentry **ret); /* new reference */
};

extern const struct proc_entry proc_root, sys_root;
/* Whose directory the functions of entries are called for: that process, until the next call; 0: the
 * caller's. With the lock held, which they do not give up. */
void proc_view(int pid);
/* What the process in view has of files; NULL: it is gone. */
const struct fs_context *proc_files(void);
int proc_pid(void);
/* Texts that only the enclave can make which has the process's memory and threads: their number, 0 for
 * any other. */
unsigned proc_own_text(const struct proc_entry *entry);
/* A text that came from the caller's enclave, with what only the table and the terminals know. */
void proc_put_right(const struct proc_entry *entry, struct fs_text *t);
