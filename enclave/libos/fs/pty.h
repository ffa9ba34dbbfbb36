/* SPDX-License-Identifier: Apache-2.0 */
/* Pseudo-terminals, as the rest of the library OS sees them. With the lock held. */
#pragma once

#include "vfs.h"

/* /dev/ptmx and /dev/pts; dev is /dev. */
int pty_start(struct dentry *dev, struct fs *dev_fs) MUST_USE;
/* Opening /dev/tty: f becomes the slave that controls the caller's session. -ENXIO: none does. */
int pty_open_controlling(struct file *f) MUST_USE;
/* Does some terminal control that session? */
bool pty_controls(int session);
/* Its device number and foreground group, for /proc/N/stat; 0 and -1: none. */
int pty_controlling(int session, int *ret_group);
/* The session's leader ends: its terminal is free, its foreground group hears SIGHUP. */
void pty_leave_session(int session);

/* ---- what the rest of the library OS provides: jobs (proc/jobs.c) ------------------------------
 */

/* Session and process group of the process that makes the call. */
int os_session(void);
int os_group(void);
/* The session of a process group; -1: there is no such group. */
int os_group_session(int group);
void os_signal_group(int group, int signo);
/* The caller, in the background, wants what the foreground may do: SIGTTIN or SIGTTOU to its group,
 * and -ERESTARTSYS; 0 when it ignores SIGTTOU; -EIO when nobody could bring it back. */
int os_background(int signo) MUST_USE;
