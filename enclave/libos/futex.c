/* SPDX-License-Identifier: Apache-2.0 */
/* futex(2). All threads share one address space, so private and shared futexes are the same: the
 * address is the key.
 *
 * The adversary: the host may wake a parked thread without reason or leave it asleep. The first is
 * harmless because only `woken`, which lives here, ends a wait; the second is denial of service. */
#include "futex.h"

#include <errno.h>

#include "signals.h"

/* linux/futex.h */
enum futex_command {
    CMD_WAIT = 0,
    CMD_WAKE = 1,
    CMD_REQUEUE = 3,
    CMD_CMP_REQUEUE = 4,
    CMD_WAKE_OP = 5,
    CMD_WAIT_BITSET = 9,
    CMD_WAKE_BITSET = 10,
};
#define FLAG_PRIVATE  128u
#define FLAG_REALTIME 256u

#define BUCKETS 64u

struct waiter {
    struct waiter *next;
    uint64_t addr;
    uint32_t bitset;
    bool woken;
    unsigned thread; /* number to wake */
};
static struct waiter *buckets[BUCKETS]; /* oldest waiter first */

static struct waiter **bucket_of(uint64_t addr)
{
    return &buckets[(addr >> 2) * UINT64_C(0x9e3779b97f4a7c15) >> 58];
}

static void enqueue(struct waiter *w)
{
    struct waiter **p = bucket_of(w->addr);
    while (*p != NULL) {
        p = &(*p)->next;
    }
    w->next = NULL;
    *p = w;
}

static void dequeue(struct waiter *w)
{
    for (struct waiter **p = bucket_of(w->addr); *p != NULL; p = &(*p)->next) {
        if (*p == w) {
            *p = w->next;
            return;
        }
    }
}

int64_t futex_wake(uint64_t addr, uint32_t count, uint32_t bitset)
{
    int64_t n = 0;
    for (struct waiter **p = bucket_of(addr); *p != NULL && n < (int64_t)count;) {
        struct waiter *w = *p;
        if (w->addr != addr || (w->bitset & bitset) == 0) {
            p = &w->next;
            continue;
        }
        *p = w->next;
        w->woken = true;
        os_wake(w->thread);
        n++;
    }
    return n;
}

static int64_t requeue(uint64_t from, uint32_t wake, uint32_t move, uint64_t to)
{
    int64_t n = futex_wake(from, wake, FUTEX_ANY), moved = 0;
    for (struct waiter **p = bucket_of(from); *p != NULL && moved < (int64_t)move && from != to;) {
        struct waiter *w = *p;
        if (w->addr != from) {
            p = &w->next;
            continue;
        }
        *p = w->next;
        w->addr = to;
        enqueue(w);
        moved++;
    }
    return n + moved;
}

/* Absolute CLOCK_MONOTONIC deadline. timeout 0: none. */
static int deadline_of(uint64_t timeout, enum futex_command command, bool realtime, uint64_t *ret)
{
    int64_t spec[2];
    uint64_t ns;
    *ret = UINT64_MAX;
    if (timeout == 0) {
        return 0;
    }
    if (copy_from_app(spec, app_at(timeout), sizeof spec) != 0) {
        return -EFAULT;
    }
    if (spec[0] < 0 || spec[1] < 0 || spec[1] >= 1000000000) {
        return -EINVAL;
    }
    if (!mul_ok((uint64_t)spec[0], 1000000000, &ns) || !add_ok(ns, (uint64_t)spec[1], &ns)) {
        return 0; /* further away than time reaches */
    }
    uint64_t now = rt_clock_ns(1);
    if (command == CMD_WAIT) { /* relative */
        *ret = add_ok(now, ns, &ns) ? ns : UINT64_MAX;
        return 0;
    }
    if (realtime) {
        uint64_t real = rt_clock_ns(0);
        ns = ns > real ? ns - real : 0;
        *ret = add_ok(now, ns, &ns) ? ns : UINT64_MAX;
        return 0;
    }
    *ret = ns;
    return 0;
}

static int64_t wait(uint64_t addr, uint32_t value, uint32_t bitset, uint64_t deadline, bool timed)
{
    struct wait_queue nobody = {{0}};
    struct waiter w = {.addr = addr, .bitset = bitset, .thread = rt_thread_number(rt_self())};
    uint32_t now;
    if (bitset == 0) {
        return -EINVAL;
    }
    if (load_app_u32(&now, app_at(addr)) != 0) {
        return -EFAULT;
    }
    if (now != value) {
        return -EAGAIN;
    }
    enqueue(&w);
    int r = 0;
    while (!w.woken && r == 0) {
        r = os_block(&nobody, deadline);
    }
    if (w.woken) {
        return 0;
    }
    dequeue(&w);
    return r == -ERESTARTSYS && timed ? -ERESTART_RESTARTBLOCK : r;
}

/* FUTEX_WAKE_OP: a read-modify-write of *addr2, then wakes on both. */
static int64_t wake_op(uint64_t addr, uint32_t count, uint64_t addr2, uint32_t count2,
                       uint32_t code)
{
    uint32_t op = code >> 28 & 7, compare = code >> 24 & 15;
    int32_t operand = (int32_t)(code << 8) >> 20, against = (int32_t)(code << 20) >> 20;
    uint32_t argument = (code >> 31) != 0 ? UINT32_C(1) << (operand & 31) : (uint32_t)operand;
    uint32_t old, next, seen;
    if (op > 4 || compare > 5) {
        return -ENOSYS;
    }
    if (load_app_u32(&old, app_at(addr2)) != 0) {
        return -EFAULT;
    }
    for (;;) {
        next = op == 0   ? argument
               : op == 1 ? old + argument
               : op == 2 ? old | argument
               : op == 3 ? old & ~argument
                         : old ^ argument;
        if (cmpxchg_app_u32(app_at(addr2), old, next, &seen) != 0) {
            return -EFAULT;
        }
        if (seen == old) {
            break;
        }
        old = seen;
    }
    int32_t o = (int32_t)old;
    bool also = compare == 0   ? o == against
                : compare == 1 ? o != against
                : compare == 2 ? o < against
                : compare == 3 ? o <= against
                : compare == 4 ? o > against
                               : o >= against;
    int64_t n = futex_wake(addr, count, FUTEX_ANY);
    return also ? n + futex_wake(addr2, count2, FUTEX_ANY) : n;
}

int64_t sys_futex(uint64_t addr, int op, uint32_t value, uint64_t timeout, uint64_t addr2,
                  uint32_t value3)
{
    enum futex_command command =
        (enum futex_command)((unsigned)op & ~(FLAG_PRIVATE | FLAG_REALTIME));
    bool realtime = ((unsigned)op & FLAG_REALTIME) != 0;
    uint32_t now;
    uint64_t deadline;
    if (addr % 4 != 0) {
        return -EINVAL;
    }
    switch (command) {
    case CMD_WAIT:
    case CMD_WAIT_BITSET: {
        int r = deadline_of(timeout, command, realtime, &deadline);
        if (r != 0) {
            return r;
        }
        return wait(addr, value, command == CMD_WAIT ? FUTEX_ANY : value3, signal_deadline(deadline),
                    timeout != 0);
    }
    case CMD_WAKE:
        return futex_wake(addr, value == 0 ? 1 : value, FUTEX_ANY);
    case CMD_WAKE_BITSET:
        return value3 == 0 ? -EINVAL : futex_wake(addr, value == 0 ? 1 : value, value3);
    case CMD_CMP_REQUEUE:
        if (load_app_u32(&now, app_at(addr)) != 0) {
            return -EFAULT;
        }
        if (now != value3) {
            return -EAGAIN;
        }
        return requeue(addr, value, (uint32_t)timeout, addr2);
    case CMD_REQUEUE:
        return requeue(addr, value, (uint32_t)timeout, addr2);
    case CMD_WAKE_OP:
        return wake_op(addr, value, addr2, (uint32_t)timeout, value3);
    default:
        return -ENOSYS;
    }
}
