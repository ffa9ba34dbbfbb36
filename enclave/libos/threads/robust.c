/* SPDX-License-Identifier: Apache-2.0 */
/* See robust.h. A futex may lie in memory that processes share: its page is brought as for any
 * access, even to a thread that is being killed, and goes back marked (proc/shares.h).
 *
 * The adversary: the list is the workload's memory: any links, any length; the walk is bounded and
 * may stop early. Pages of shared memory come when the host lets them. */
#include "threads/robust.h"

#include "proc/shares.h"
#include "threads/futex.h"

/* linux/futex.h: struct robust_list_head and the bits of a robust futex. */
#define ROBUST_MAX       2048
#define FUTEX_OWNER_DIED UINT32_C(0x40000000)
#define FUTEX_WAITERS    UINT32_C(0x80000000)
#define FUTEX_TID_MASK   UINT32_C(0x3fffffff)

/* An access failed: was its page one that comes when it is touched, and is it here now? */
static bool came(uint64_t at, size_t size)
{
    bool any = false;
    do {
        any = os_page_in(app_at(at), size) || any;
    } while (share_bring() > 0);
    return any;
}

static int load(uint64_t at, void *ret, size_t size)
{
    int r;
    do {
        r = copy_from_app(ret, app_at(at), size);
    } while (r != 0 && came(at, size));
    return r;
}

static int exchange(uint64_t at, uint32_t expected, uint32_t desired, uint32_t *ret_seen)
{
    int r;
    do {
        r = cmpxchg_app_u32(app_at(at), expected, desired, ret_seen);
    } while (r != 0 && came(at, sizeof expected));
    return r;
}

static void release(const struct os_thread *t, uint64_t futex)
{
    uint32_t value, seen;
    if (futex % 4 != 0 || load(futex, &value, sizeof value) != 0) {
        return;
    }
    while ((value & FUTEX_TID_MASK) == (uint32_t)t->tid) {
        if (exchange(futex, value, (value & FUTEX_WAITERS) | FUTEX_OWNER_DIED, &seen) != 0) {
            return;
        }
        if (seen == value) {
            if ((value & FUTEX_WAITERS) != 0) {
                futex_wake(futex, 1, FUTEX_ANY);
            }
            return;
        }
        value = seen;
    }
}

static void walk(const struct os_thread *t, uint64_t list)
{
    struct {
        uint64_t first;
        int64_t futex_offset;
        uint64_t pending;
    } head;
    if (load(list, &head, sizeof head) != 0) {
        return;
    }
    uint64_t entry = head.first;
    for (int i = 0; i < ROBUST_MAX && (entry & ~UINT64_C(1)) != list; i++) {
        uint64_t node = entry & ~UINT64_C(1), next;
        if (load(node, &next, sizeof next) != 0) {
            return;
        }
        if (node != (head.pending & ~UINT64_C(1))) {
            release(t, node + (uint64_t)head.futex_offset);
        }
        entry = next;
    }
    if (head.pending != 0) {
        release(t, (head.pending & ~UINT64_C(1)) + (uint64_t)head.futex_offset);
    }
}

void robust_release(struct os_thread *t)
{
    const uint64_t list = t->robust_list, blocked = t->blocked;
    const bool ending = t->ending;
    if (list == 0) {
        return;
    }
    t->robust_list = 0;
    t->blocked = UINT64_MAX; /* whatever ends it, pages are waited for */
    t->ending = false;
    walk(t, list);
    t->blocked = blocked;
    t->ending = ending || t->ending;
}
