/* SPDX-License-Identifier: Apache-2.0 */
/* What os_block() knows of the network beyond the enclave: one sleeping thread at a time sleeps
 * where the host's sockets wake it (outside_wait.c). With the lock held. */
#pragma once

#include "fs/fs.h"

/* Is the calling thread, about to sleep on q, the one? Its rt_wait() waits for the network, too. */
bool network_attend(const struct wait_queue *q) MUST_USE;
/* Without sleeping: did anything happen out there? For who polls and would not wait, or who finds
 * other things to do each time (then not more often than makes sense). */
bool network_look(bool nothing_else);
/* Takes to heart what it was told; false: nothing. */
bool network_news(bool attends);
/* It sleeps no more; whether or not it was the one, somebody is again if anybody wants to. */
void network_leave(bool attends);
