/* SPDX-License-Identifier: Apache-2.0 */
/* futex(2). Threads share one address space: the address is the key. In memory that processes share
 * the key is the file and the offset in it, and who waits is known to the owner of the tree: a
 * member sends such calls there with (share id, offset) in place of an address (shares.h). The
 * owner looks at the word when its page is nowhere else, under its lock, so nobody changes it in
 * between.
 *
 * The adversary: the host may wake a parked thread without reason or leave it asleep. The first is
 * harmless because only `woken`, which lives here, ends a wait; the second is denial of service. */
#include "threads/futex.h"

#include <errno.h>

#include "fs/vfs.h"
#include "proc/call_client.h"
#include "proc/call_server.h"
#include "libos/numbers.h"
#include "proc/member.h"
#include "proc/shares.h"
#include "signals/signals.h"
#include "mm/vma.h"

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

struct key {
    struct node *node; /* of shared memory; NULL: an address */
    uint64_t addr;
};

struct waiter {
    struct waiter *next;
    struct key key; /* holds a reference */
    uint32_t bitset;
    bool woken;
    unsigned thread; /* number to wake */
};
static struct waiter *buckets[BUCKETS]; /* oldest waiter first */

static struct waiter **bucket_of(const struct key *k)
{
    uint64_t n = (uint64_t)(uintptr_t)k->node / 64 + (k->addr >> 2);
    return &buckets[n * UINT64_C(0x9e3779b97f4a7c15) >> 58];
}

static bool same(const struct key *a, const struct key *b)
{
    return a->node == b->node && a->addr == b->addr;
}

static void enqueue(struct waiter *w)
{
    struct waiter **p = bucket_of(&w->key);
    while (*p != NULL) {
        p = &(*p)->next;
    }
    w->next = NULL;
    *p = w;
}

static void dequeue(struct waiter *w)
{
    for (struct waiter **p = bucket_of(&w->key); *p != NULL; p = &(*p)->next) {
        if (*p == w) {
            *p = w->next;
            return;
        }
    }
}

static struct key key_ref(const struct key *k)
{
    if (k->node != NULL) {
        node_ref(k->node);
    }
    return *k;
}

static int64_t wake(const struct key *key, uint32_t count, uint32_t bitset)
{
    int64_t n = 0;
    for (struct waiter **p = bucket_of(key); *p != NULL && n < (int64_t)count;) {
        struct waiter *w = *p;
        if (!same(&w->key, key) || (w->bitset & bitset) == 0) {
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

static int64_t requeue(const struct key *from, uint32_t count, uint32_t move, const struct key *to)
{
    int64_t n = wake(from, count, FUTEX_ANY), moved = 0;
    for (struct waiter **p = bucket_of(from);
         *p != NULL && moved < (int64_t)move && !same(from, to);) {
        struct waiter *w = *p;
        if (!same(&w->key, from)) {
            p = &w->next;
            continue;
        }
        *p = w->next;
        node_unref(w->key.node);
        w->key = key_ref(to);
        enqueue(w);
        moved++;
    }
    return n + moved;
}

/* ---- where it is -------------------------------------------------------------------------------
 */

static struct key key_of(uint64_t addr)
{
    const struct vma *v = vma_of(addr);
    return v != NULL && v->window ? (struct key){v->file->node, v->offset + (addr - v->start)}
                                  : (struct key){NULL, addr};
}

int64_t futex_wake(uint64_t addr, uint32_t count, uint32_t bitset)
{
    const struct key k = key_of(addr), here = {NULL, addr};
    int64_t n = wake(&here, count, bitset);
    if (k.node != NULL && k.node->remote) {
        share_wake(k.node, k.addr);
        return n;
    }
    return k.node != NULL ? n + wake(&k, count, bitset) : n;
}

void futex_wake_shared(struct node *n, uint64_t offset)
{
    const struct key k = {n, offset};
    ignore_result((int)wake(&k, 1, FUTEX_ANY), "nobody waits, then");
}

static int load(const struct key *k, uint32_t *ret)
{
    if (k->node == NULL) {
        return load_app_u32(ret, app_at(k->addr));
    }
    const uint32_t *word = share_word(k->node, k->addr, false);
    if (word == NULL) {
        return -EFAULT;
    }
    *ret = __atomic_load_n(word, __ATOMIC_RELAXED);
    return 0;
}

static int exchange(const struct key *k, uint32_t expected, uint32_t desired, uint32_t *ret_seen)
{
    if (k->node == NULL) {
        return cmpxchg_app_u32(app_at(k->addr), expected, desired, ret_seen);
    }
    uint32_t *word = share_word(k->node, k->addr, true);
    if (word == NULL) {
        return -EFAULT;
    }
    *ret_seen = *word;
    if (*word == expected) {
        *word = desired;
    }
    return 0;
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

static int64_t wait(const struct key *key, uint32_t value, uint32_t bitset, uint64_t deadline,
                    bool timed)
{
    struct wait_queue nobody = {{0}};
    struct waiter w = {.bitset = bitset, .thread = rt_thread_number(rt_self())};
    uint32_t now;
    if (bitset == 0) {
        return -EINVAL;
    }
    if (load(key, &now) != 0) {
        return -EFAULT;
    }
    if (now != value) {
        return -EAGAIN;
    }
    w.key = key_ref(key);
    enqueue(&w);
    int r = 0;
    while (!w.woken && r == 0) {
        r = os_block(&nobody, deadline);
    }
    if (!w.woken) {
        dequeue(&w);
    }
    node_unref(w.key.node);
    if (w.woken) {
        return 0;
    }
    return r == -ERESTARTSYS && timed && os_self()->server == NULL ? -ERESTART_RESTARTBLOCK : r;
}

/* FUTEX_WAKE_OP: a read-modify-write of *addr2, then wakes on both. */
static int64_t wake_op(const struct key *key, uint32_t count, const struct key *key2,
                       uint32_t count2, uint32_t code)
{
    uint32_t op = code >> 28 & 7, compare = code >> 24 & 15;
    int32_t operand = (int32_t)(code << 8) >> 20, against = (int32_t)(code << 20) >> 20;
    uint32_t argument = (code >> 31) != 0 ? UINT32_C(1) << (operand & 31) : (uint32_t)operand;
    uint32_t old, next, seen;
    if (op > 4 || compare > 5) {
        return -ENOSYS;
    }
    if (load(key2, &old) != 0) {
        return -EFAULT;
    }
    for (;;) {
        next = op == 0   ? argument
               : op == 1 ? old + argument
               : op == 2 ? old | argument
               : op == 3 ? old & ~argument
                         : old ^ argument;
        if (exchange(key2, old, next, &seen) != 0) {
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
    int64_t n = wake(key, count, FUTEX_ANY);
    return also ? n + wake(key2, count2, FUTEX_ANY) : n;
}

/* Of a member's call: what it sent in place of an address. */
static bool key_of_caller(uint64_t sent, struct key *ret)
{
    const struct process *p = member_of_server(os_self()->server)->process;
    const uint64_t offset = sent & ((UINT64_C(1) << SHARE_OFFSET_BITS) - 1);
    *ret = (struct key){shares_node(p, sent >> SHARE_OFFSET_BITS), offset};
    return ret->node != NULL;
}

static uint64_t sent_for(const struct key *k)
{
    return k->node->share << SHARE_OFFSET_BITS | k->addr;
}

/* The owner knows who waits there. */
static int64_t futex_at_owner(const struct key *k, int op, uint32_t value, uint64_t timeout,
                              const struct key *k2, uint32_t value3)
{
    const uint64_t second = k2 != NULL ? sent_for(k2) : 0;
    int64_t r = REMOTE_CALL(SYS_futex, sent_for(k), (uint32_t)op, value, timeout, second, value3);
    /* What is left of a relative time is not known here. */
    return r == -ERESTARTSYS && timeout != 0 && ((unsigned)op & 127u) == CMD_WAIT ? -EINTR : r;
}

static bool has_second(enum futex_command c)
{
    return c == CMD_REQUEUE || c == CMD_CMP_REQUEUE || c == CMD_WAKE_OP;
}

static bool has_timeout(enum futex_command c)
{
    return c == CMD_WAIT || c == CMD_WAIT_BITSET;
}

static int64_t do_futex(const struct key *k, enum futex_command command, bool realtime,
                        uint32_t value, uint64_t timeout, const struct key *k2, uint32_t value3)
{
    uint32_t now;
    uint64_t deadline;
    switch (command) {
    case CMD_WAIT:
    case CMD_WAIT_BITSET: {
        int r = deadline_of(timeout, command, realtime, &deadline);
        if (r != 0) {
            return r;
        }
        return wait(k, value, command == CMD_WAIT ? FUTEX_ANY : value3, signal_deadline(deadline),
                    timeout != 0);
    }
    case CMD_WAKE:
        return wake(k, value == 0 ? 1 : value, FUTEX_ANY);
    case CMD_WAKE_BITSET:
        return value3 == 0 ? -EINVAL : wake(k, value == 0 ? 1 : value, value3);
    case CMD_CMP_REQUEUE:
        if (load(k, &now) != 0) {
            return -EFAULT;
        }
        if (now != value3) {
            return -EAGAIN;
        }
        return requeue(k, value, (uint32_t)timeout, k2);
    case CMD_REQUEUE:
        return requeue(k, value, (uint32_t)timeout, k2);
    case CMD_WAKE_OP:
        return wake_op(k, value, k2, (uint32_t)timeout, value3);
    default:
        return -ENOSYS;
    }
}

int64_t sys_futex(uint64_t addr, int op, uint32_t value, uint64_t timeout, uint64_t addr2,
                  uint32_t value3)
{
    enum futex_command command =
        (enum futex_command)((unsigned)op & ~(FLAG_PRIVATE | FLAG_REALTIME));
    const bool realtime = ((unsigned)op & FLAG_REALTIME) != 0;
    struct key k = {NULL, addr}, k2 = {NULL, addr2};
    if (addr % 4 != 0) {
        return -EINVAL;
    }
    if (os_self()->server != NULL) {
        if (!key_of_caller(addr, &k) || (has_second(command) && !key_of_caller(addr2, &k2))) {
            return -EFAULT;
        }
        return do_futex(&k, command, realtime, value, timeout, &k2, value3);
    }
    if (((unsigned)op & FLAG_PRIVATE) == 0) {
        k = key_of(addr);
        k2 = has_second(command) ? key_of(addr2) : k2;
    }
    const bool remote = k.node != NULL && k.node->remote;
    const bool remote2 = k2.node != NULL && k2.node->remote;
    if (has_second(command) && remote != remote2) {
        return -EINVAL; /* one here and one at the owner */
    }
    return remote ? futex_at_owner(&k, op, value,
                                   has_timeout(command) || has_second(command) ? timeout : 0,
                                   remote2 ? &k2 : NULL, value3)
                  : do_futex(&k, command, realtime, value, timeout, &k2, value3);
}
