/* SPDX-License-Identifier: Apache-2.0 */
/* What terminals ask about sessions and process groups. With the lock held; the host has no part in
 * it. */
#include <errno.h>

#include "fs/pty.h"
#include "proc/call_server.h"
#include "proc/table.h"
#include "signals/signals.h"

int os_session(void)
{
    return os_current()->sid;
}

int os_group(void)
{
    return os_current()->pgid;
}

int os_group_session(int group)
{
    int sid;
    return process_group_exists(group, &sid) ? sid : -1;
}

void os_signal_group(int group, int signo)
{
    const struct signal_info info = {.signo = signo, .code = 0x80 /* SI_KERNEL */};
    ignore_result(process_signal_all(-group, &info), "a group may be empty by now");
}

int os_background(int signo)
{
    const struct process *p = os_current();
    const struct os_thread *t = os_self();
    const uint64_t blocked = t->server != NULL ? t->server->head.blocked : t->blocked;
    bool deaf = (blocked & SIGNAL_BIT(signo)) != 0 || p->actions[signo - 1].handler == OS_SIG_IGN;
    if (deaf) {
        return signo == OS_SIGTTOU ? 0 : -EIO;
    }
    if (process_group_is_orphaned(p->pgid)) {
        return -EIO;
    }
    os_signal_group(p->pgid, signo);
    return -ERESTARTSYS;
}
