/* SPDX-License-Identifier: Apache-2.0 */
/* What terminals ask about sessions and process groups. With the lock held; the host has no part in
 * it. */
#include <errno.h>

#include "fs/pty.h"
#include "process.h"
#include "signals.h"

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
    const struct process *p = os_current();
    return group == p->pgid ? p->sid : -1;
}

void os_signal_group(int group, int signo)
{
    struct process *p = os_current();
    const struct signal_info info = {.signo = signo, .code = 0x80 /* SI_KERNEL */};
    if (group == p->pgid) {
        signal_to_process(p, &info);
    }
}

int os_background(int signo)
{
    const struct process *p = os_current();
    const struct os_thread *t = os_self();
    bool deaf =
        (t->blocked & SIGNAL_BIT(signo)) != 0 || p->actions[signo - 1].handler == OS_SIG_IGN;
    if (deaf) {
        return signo == OS_SIGTTOU ? 0 : -EIO;
    }
    os_signal_group(p->pgid, signo);
    return -ERESTARTSYS;
}
