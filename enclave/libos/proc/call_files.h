/* SPDX-License-Identifier: Apache-2.0 */
/* Files of the owner's in a member's memory. A file of a layer is mapped from the member's own
 * verified copy; of any other file a private mapping gets a copy of what it holds now, which is
 * what private mappings of changing files are in the first process too.
 *
 * Trust: what the owner says about a descriptor. A path is believed only as far as the member finds
 * the same inode there in its own layers. */
#pragma once

#include "proc/call_client.h"

/* mmap(2) of a descriptor, at a member, with the lock held, which is given up meanwhile. -ENODEV: a
 * shared mapping of a file that can change. */
int64_t remote_mmap(uint64_t addr, uint64_t length, uint32_t prot, uint32_t flags, int fd,
                    uint64_t offset) MUST_USE;
/* The member's own file for that descriptor; *ret NULL: an anonymous mapping is meant. shared: of
 * that kind of mapping. The caller's reference. */
int remote_file(int fd, bool shared, uint64_t offset, uint64_t length, struct file **ret) MUST_USE;
