/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors that name a process, whatever becomes of its number. With the lock held. */
#pragma once

#include "process.h"

/* Whose it is; borrowed. *ret_no_wait: O_NONBLOCK, for waitid. -EBADF: no such descriptor, or
 * another kind. */
int pidfd_process(int fd, struct process **ret, bool *ret_no_wait) MUST_USE;
/* A new one, close-on-exec: the number. -EMFILE, -ENOMEM. */
int64_t pidfd_new(struct process *p, uint32_t flags) MUST_USE;
