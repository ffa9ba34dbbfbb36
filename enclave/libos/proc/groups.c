/* SPDX-License-Identifier: Apache-2.0 */
/* Process groups and sessions. Served where the table is. Sources: kernel/sys.c, setpgid(),
 * setsid(). */
#include <errno.h>

#include "libos/syscalls.h"
#include "table.h"

static struct process *named(int pid)
{
    return pid == 0 ? os_current() : process_by_pid(pid);
}

int64_t sys_getpgid(int pid)
{
    const struct process *p = named(pid);
    return p != NULL ? p->pgid : -ESRCH;
}

int64_t sys_getpgrp(void)
{
    return os_current()->pgid;
}

int64_t sys_getsid(int pid)
{
    const struct process *p = named(pid);
    return p != NULL ? p->sid : -ESRCH;
}

int64_t sys_setpgid(int pid, int pgid)
{
    struct process *self = os_current(), *p = named(pid);
    int sid;
    if (pgid < 0) {
        return -EINVAL;
    }
    if (p == NULL || (p != self && p->parent != self)) {
        return -ESRCH;
    }
    if (p != self && p->sid != self->sid) {
        return -EPERM;
    }
    if (p != self && p->replaced) {
        return -EACCES;
    }
    if (p->sid == p->pid) {
        return -EPERM;
    }
    pgid = pgid == 0 ? p->pid : pgid;
    if (pgid != p->pid && (!process_group_exists(pgid, &sid) || sid != self->sid)) {
        return -EPERM;
    }
    p->pgid = pgid;
    return 0;
}

int64_t sys_setsid(void)
{
    struct process *p = os_current();
    int sid;
    if (process_group_exists(p->pid, &sid)) {
        return -EPERM;
    }
    p->sid = p->pgid = p->pid;
    return p->pid;
}
