/* SPDX-License-Identifier: Apache-2.0 */
/* Priorities of processes, for CPUs and for disks: kept, inherited, told, and followed by nobody,
 * since the host places threads and does what is done with files. The owner has those of all
 * processes in its table.
 *
 * The adversary: the workload chooses whom a call names; there is one user, so it may name anybody.
 */
#include <errno.h>

#include "proc/table.h"
#include "process.h"

enum { OF_PROCESS, OF_GROUP, OF_USER }; /* PRIO_*; IOPRIO_WHO_* is one more */

/* A thread's priorities are those of its process. NULL: there is none. */
static struct process *process_of_thread(int id)
{
    struct process *p = id == 0 ? os_current() : process_by_pid(id);
    const struct os_thread *t = p == NULL ? os_thread_by_tid(id) : NULL;
    return t != NULL ? t->process : p;
}

/* The next process of those that are meant, after p; NULL for the first. */
static struct process *next_meant(struct process *p, int which, int who)
{
    if (which == OF_PROCESS) {
        return p == NULL ? process_of_thread(who) : NULL;
    }
    for (p = p == NULL ? process_first() : p->next; p != NULL; p = p->next) {
        bool meant = which == OF_GROUP ? p->pgid == (who == 0 ? os_current()->pgid : who)
                                       : who == 0 || (uint32_t)who == os.manifest->uid;
        if (meant && p->state != PROCESS_ZOMBIE && p->state != PROCESS_GONE) {
            return p;
        }
    }
    return NULL;
}

int64_t sys_getpriority(int which, int who)
{
    int64_t best = -ESRCH;
    if (which < OF_PROCESS || which > OF_USER) {
        return -EINVAL;
    }
    for (struct process *p = NULL; (p = next_meant(p, which, who)) != NULL;) {
        best = 20 - p->nice > best ? 20 - p->nice : best;
    }
    return best;
}

int64_t sys_setpriority(int which, int who, int nice)
{
    int64_t r = -ESRCH;
    if (which < OF_PROCESS || which > OF_USER) {
        return -EINVAL;
    }
    nice = nice > 19 ? 19 : nice < -20 ? -20 : nice;
    for (struct process *p = NULL; (p = next_meant(p, which, who)) != NULL;) {
        if (nice < p->nice) { /* nobody here has CAP_SYS_NICE */
            r = -EACCES;
            continue;
        }
        p->nice = nice;
        r = r == -ESRCH ? 0 : r;
    }
    return r;
}

#define IO_CLASS_SHIFT 13 /* linux/ioprio.h */

int64_t sys_ioprio_set(int which, int who, int priority)
{
    enum { NONE, REAL_TIME, BEST_EFFORT, IDLE };
    const int class = priority >> IO_CLASS_SHIFT, level = priority & ((1 << IO_CLASS_SHIFT) - 1);
    int64_t r = -ESRCH;
    switch (class) {
    case REAL_TIME:
        return -EPERM;
    case BEST_EFFORT:
        if (level > 7) {
            return -EINVAL;
        }
        break;
    case IDLE:
        break;
    case NONE:
        if (level != 0) {
            return -EINVAL;
        }
        break;
    default:
        return -EINVAL;
    }
    if (which < OF_PROCESS + 1 || which > OF_USER + 1) {
        return -EINVAL;
    }
    for (struct process *p = NULL; (p = next_meant(p, which - 1, who)) != NULL;) {
        p->io_priority = priority;
        r = 0;
    }
    return r;
}

int64_t sys_ioprio_get(int which, int who)
{
    int64_t best = -ESRCH;
    if (which < OF_PROCESS + 1 || which > OF_USER + 1) {
        return -EINVAL;
    }
    /* Smaller is better; the class of who never set one is the last of all. */
    for (struct process *p = NULL; (p = next_meant(p, which - 1, who)) != NULL;) {
        bool better = p->io_priority >> IO_CLASS_SHIFT != 0 && (best <= 0 || p->io_priority < best);
        best = better ? p->io_priority : best == -ESRCH ? p->io_priority : best;
    }
    return best;
}
