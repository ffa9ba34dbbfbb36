/* SPDX-License-Identifier: Apache-2.0 */
/* Stopping and continuing. Who continues a process asks the owner, but whether and when a stop
 * signal takes effect is known where it is delivered. A member therefore asks the owner to count it
 * as stopped, and says how many SIGCONT have reached it: when one is still on its way, the process
 * goes on. */
#include "stop.h"

#include <errno.h>

#include "call_client.h"
#include "signals/signals.h"
#include "table.h"

struct stop_request {
    int32_t signo;
    uint32_t continues;
};

/* A terminal's stop signals do nothing where no job control could undo them. Source:
 * kernel/signal.c, get_signal(). */
static bool may_stop(const struct process *p, int signo)
{
    return signo == OS_SIGSTOP ? !process_is_alone(p) : !process_group_is_orphaned(p->pgid);
}

/* At the owner. 1: it is stopped; 0: it goes on. */
int64_t remote_serve_stop(struct call_server *s, struct bytes in, struct writer *out)
{
    struct stop_request r;
    struct process *p = os_current();
    (void)s, (void)out;
    if (in.size != sizeof r) {
        return -EINVAL;
    }
    memcpy(&r, in.data, sizeof r);
    if (r.signo < 1 || r.signo > (int)SIGNALS) {
        return -EINVAL;
    }
    if (r.continues != p->continues || p->state != PROCESS_RUNNING || !may_stop(p, r.signo)) {
        return 0;
    }
    process_stopped(p, r.signo);
    return 1;
}

/* The lock is given up while the owner answers. */
static bool owner_agrees(const struct process *p, int signo)
{
    const struct stop_request r = {.signo = signo, .continues = p->continues};
    size_t size;
    return remote_request(REMOTE_stop, BYTES(&r, sizeof r), NULL, 0, &size) == 1 &&
           p->continues == r.continues;
}

void process_stop(int signo)
{
    struct process *p = os_current();
    if (p->state != PROCESS_RUNNING) {
        return;
    }
    if (!os_is_member()) {
        if (!may_stop(p, signo)) {
            return;
        }
        process_stopped(p, signo);
    } else if (owner_agrees(p, signo) && p->state == PROCESS_RUNNING) {
        p->state = PROCESS_STOPPED;
    }
    for (struct os_thread *t = os.threads; t != NULL && p->state == PROCESS_STOPPED; t = t->next) {
        if (t->process == p && t != os_self()) {
            signal_notify(t);
        }
    }
}

void process_park(struct os_thread *t)
{
    struct process *p = t->process;
    const uint64_t blocked = t->blocked, deadline = t->restart.deadline;
    t->blocked = ~SIGNAL_BIT(OS_SIGKILL);
    while (p->state == PROCESS_STOPPED && os_block(&p->state_changed, UINT64_MAX) == 0) {
    }
    t->blocked = blocked;
    t->restart.deadline = deadline; /* of the call that was interrupted */
}

void process_signal_arrived(const struct signal_info *info)
{
    os.process->continues += info->signo == OS_SIGCONT ? 1 : 0;
    signal_to_process(os.process, info);
    call_notice_taken();
}
