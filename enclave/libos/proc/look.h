/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of /proc that one process reads of another: only the enclave that has a process's memory
 * and threads can make them. Its listener is asked over the control mailbox, and answers in as many
 * records as the text needs. With the lock held.
 *
 * Trust: the text is an enclave's of this image, about memory that its workload wrote: bytes for
 * the reader, looked at no further. */
#pragma once

#include "proc/notice.h"

/* A text of the process in this enclave, made by a thread that is none of its own: as os_text_of().
 * stopped: so the owner counts it, whether its threads have heard of it or not. */
bool look_here(unsigned which, int id, bool stopped, struct fs_text *t);

/* The owner: a member's answer, or a part of it. */
void look_answered(const struct notice_look *look, struct bytes text);
/* The owner: a process has left its enclave, whose answer will not come. */
void look_changed(void);
/* A member: says it, to the owner. there: it has a process that can be looked at. */
void look_answer(const struct notice_look *look, bool there);
