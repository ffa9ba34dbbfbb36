/* SPDX-License-Identifier: Apache-2.0 */
/* Signals that wait for a thread or for a process: of a standard one the first that came, of a
 * real-time one each, in the order in which they came, with its value.
 *
 * The adversary: a workload that sends without end. What waits is bounded by RLIMIT_SIGPENDING and
 * by QUEUE_MAX; beyond it a real-time signal is refused, or waits without what it carried. */
#include <errno.h>

#include "signals/signals.h"

#define QUEUE_MAX        16384u
#define LIMIT_SIGPENDING 11

struct signal_queued {
    struct signal_queued *next;
    struct signal_info info;
};

static unsigned queued_count; /* of all processes in this enclave: they have one user */

struct signal_box signal_box_of_thread(struct os_thread *t)
{
    return (struct signal_box){&t->pending, t->pending_info, &t->queued};
}

struct signal_box signal_box_of_process(struct process *p)
{
    return (struct signal_box){&p->pending, p->pending_info, &p->queued};
}

static bool is_realtime(int signo)
{
    return signo >= OS_SIGRTMIN;
}

int signal_put(const struct signal_box *b, const struct signal_info *info)
{
    uint64_t bit = SIGNAL_BIT(info->signo);
    uint64_t limit = os_current()->limits[LIMIT_SIGPENDING].soft;
    if (!is_realtime(info->signo)) {
        if ((*b->pending & bit) == 0) {
            b->info[info->signo - 1] = *info;
        }
        *b->pending |= bit;
        return 0;
    }
    struct signal_queued *q = NULL;
    if (queued_count < QUEUE_MAX && queued_count < limit) {
        q = (struct signal_queued *)rt_alloc(sizeof *q);
    }
    if (q == NULL && info->code != SI_USER_ && info->code != SI_TIMER_) {
        return -EAGAIN;
    }
    *b->pending |= bit; /* without a place it waits once, and carries nothing */
    if (q != NULL) {
        struct signal_queued **p = b->queued;
        while (*p != NULL) {
            p = &(*p)->next;
        }
        q->info = *info;
        *p = q;
        queued_count++;
    }
    return 0;
}

static void drop(struct signal_queued **p)
{
    struct signal_queued *q = *p;
    *p = q->next;
    queued_count--;
    rt_free(q);
}

bool signal_get(const struct signal_box *b, uint64_t set, struct signal_info *ret)
{
    uint64_t due = *b->pending & set;
    if (due == 0) {
        return false;
    }
    uint64_t first = (due & SIGNALS_SYNCHRONOUS) != 0 ? due & SIGNALS_SYNCHRONOUS : due;
    int signo = __builtin_ctzll(first) + 1;
    if (!is_realtime(signo)) {
        *ret = b->info[signo - 1];
        *b->pending &= ~SIGNAL_BIT(signo);
        return true;
    }
    *ret = (struct signal_info){.signo = signo, .code = SI_USER_};
    bool found = false, more = false;
    for (struct signal_queued **p = b->queued; *p != NULL;) {
        if ((*p)->info.signo != signo) {
            p = &(*p)->next;
        } else if (found) {
            more = true;
            break;
        } else {
            *ret = (*p)->info;
            found = true;
            drop(p);
        }
    }
    if (!more) {
        *b->pending &= ~SIGNAL_BIT(signo);
    }
    return true;
}

void signal_forget(const struct signal_box *b, uint64_t set)
{
    *b->pending &= ~set;
    for (struct signal_queued **p = b->queued; *p != NULL;) {
        if ((SIGNAL_BIT((*p)->info.signo) & set) != 0) {
            drop(p);
        } else {
            p = &(*p)->next;
        }
    }
}

struct signal_info *signal_find(const struct signal_box *b, int signo, int code, int id)
{
    if ((*b->pending & SIGNAL_BIT(signo)) == 0) {
        return NULL;
    }
    if (!is_realtime(signo)) {
        struct signal_info *i = &b->info[signo - 1];
        return i->code == code && i->pid == id ? i : NULL;
    }
    for (struct signal_queued *q = *b->queued; q != NULL; q = q->next) {
        if (q->info.signo == signo && q->info.code == code && q->info.pid == id) {
            return &q->info;
        }
    }
    return NULL;
}

void signal_remove(const struct signal_box *b, int signo, int code, int id)
{
    if (signal_find(b, signo, code, id) == NULL) {
        return;
    }
    bool more = false;
    for (struct signal_queued **p = b->queued; *p != NULL;) {
        if ((*p)->info.signo == signo && (*p)->info.code == code && (*p)->info.pid == id) {
            drop(p);
        } else {
            more = more || (*p)->info.signo == signo;
            p = &(*p)->next;
        }
    }
    if (!more) {
        *b->pending &= ~SIGNAL_BIT(signo);
    }
}
