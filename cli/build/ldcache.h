/* SPDX-License-Identifier: Apache-2.0 */
/* /etc/ld.so.cache for a staged tree, so that the dynamic loader finds each library with one open.
 * Written here because ldconfig -r needs chroot, thus root, and records what the machine has. */
#pragma once

#include "stage.h"

/* Lists the libraries in folder (a path in the tree, such as /usr/lib/x86_64-linux-gnu). */
int ldcache_stage(struct stage *s, const char *folder, struct diag *d) MUST_USE;
