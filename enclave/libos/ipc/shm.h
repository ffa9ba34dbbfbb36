/* SPDX-License-Identifier: Apache-2.0 */
/* System V shared memory: a segment is an unnamed file in memory at the owner, and attaching it
 * maps that file shared, in the owner's process or in a member (proc/shares.h). */
#pragma once

struct node;

/* Process pid, in another enclave, has no mapping of it any more: it goes if it was removed and
 * nobody has one. */
void shm_left(const struct node *n, int pid);
