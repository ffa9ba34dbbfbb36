/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptions of things that have no name in any directory. */
#pragma once

#include "fs/vfs.h"

/* Opens the node, whose ops, and nothing else, are set; takes it, whether it works or not. name is
 * what /proc/self/fd shows. */
int os_anon_file(struct node *take_n, const char *name, uint32_t flags, struct file **ret) MUST_USE;
/* The lowest free descriptor for it; takes the reference. */
int64_t os_install(struct file *take_f, bool cloexec) MUST_USE;
