/* SPDX-License-Identifier: Apache-2.0 */
/* System V shared memory: a segment is an unnamed file in memory at the owner, and attaching it
 * maps that file shared, in the owner's process or in a member (proc/shares.h). */
#pragma once

#include <stdint.h>

#define SHM_SEGMENTS_MAX 4096u /* Linux's SHMMNI */

struct fs_text;
struct node;

/* Process pid, in another enclave, has no mapping of it any more: it goes if it was removed and
 * nobody has one. */
void shm_left(const struct node *n, int pid);
uint64_t shm_memory_max(void);
/* /proc/sysvipc/shm */
void shm_text(struct fs_text *t);
