/* SPDX-License-Identifier: Apache-2.0 */
/* Many blocks at once, by two threads: the one that wants them, from the front, and a helper of
 * this file's own, from the back, until they meet. What limits a start is hashing, and most
 * machines have another processor for it. The helper is an enclave thread that never runs the
 * workload: it sleeps in the host, takes pieces of the range that is open, and touches nothing
 * else.
 *
 * The adversary schedules the helper. If it never runs, the first thread does everything; if it
 * stops with a piece in its hands, the first thread waits for ever, as it does for a host that
 * never resumes a thread. A piece belongs to one thread, by one compare-and-exchange, and the range
 * closes only when neither has one. With the lock held (so there is one range at a time), but for
 * the helper. */
#include "verity_range.h"

#define HELPED_LEAST 192u /* blocks: waking the helper takes as long as 30 of them */
#define PIECE        VERITY_BATCH
#define SPINS        4000u
#define WAIT_NS      UINT64_C(20000)

enum { NOT_TRIED, NONE, RUNS };

static struct {
    int helper;      /* NOT_TRIED … RUNS */
    uint32_t number; /* of its thread; valid once it has run */
    uint32_t ready;
    uint32_t open;    /* 0: no range; else its number */
    uint32_t working; /* the helper may hold a piece */
    uint64_t pieces;  /* not taken yet: first | end << 32 */
    /* fixed while the range is open */
    struct verity *v;
    uint64_t first;
    size_t count;
    uint8_t *to;
    /* the first failure; written by whoever claims it */
    uint32_t failed;
    int err;
    uint64_t bad;
} range;

static uint32_t load(const uint32_t *p)
{
    return __atomic_load_n(p, __ATOMIC_SEQ_CST);
}

static void store(uint32_t *p, uint32_t value)
{
    __atomic_store_n(p, value, __ATOMIC_SEQ_CST);
}

/* A piece from one of the ends; false: none is left. */
static bool take(bool from_back, uint64_t *ret)
{
    uint64_t old = __atomic_load_n(&range.pieces, __ATOMIC_SEQ_CST);
    for (;;) {
        uint64_t first = old & UINT32_MAX, end = old >> 32;
        if (first >= end) {
            return false;
        }
        uint64_t left = from_back ? first | (end - 1) << 32 : (first + 1) | end << 32;
        if (__atomic_compare_exchange_n(&range.pieces, &old, left, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_SEQ_CST)) {
            *ret = from_back ? end - 1 : first;
            return true;
        }
    }
}

static void fail(int err, uint64_t bad)
{
    uint32_t expected = 0;
    if (__atomic_compare_exchange_n(&range.failed, &expected, 1, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_SEQ_CST)) {
        range.err = err;
        range.bad = bad;
    }
    __atomic_store_n(&range.pieces, 0, __ATOMIC_SEQ_CST); /* nobody takes another one */
}

static void verify_piece(uint64_t piece)
{
    uint64_t blocks[PIECE], bad = 0;
    uint8_t *to[PIECE];
    size_t at = (size_t)piece * PIECE;
    size_t n = range.count - at < PIECE ? range.count - at : PIECE;
    for (size_t i = 0; i < n; i++) {
        blocks[i] = range.first + at + i;
        to[i] = range.to + (at + i) * VERITY_BLOCK;
    }
    int err = verity_read(range.v, blocks, n, to, &bad);
    if (err != 0) {
        fail(err, bad);
    }
}

/* ---- the helper ------------------------------------------------------------------------------ */

bool verity_helper_is(const void *thread_argument)
{
    return thread_argument == &range;
}

/* One round of the helper; the range that it has seen last, so that it sleeps through the rest of
 * it. */
static uint32_t help(uint32_t seen)
{
    uint64_t piece;
    store(&range.working, 1);
    uint32_t open =
        load(&range.open); /* after `working`: whoever closes a range looks the other way round */
    while (open != 0 && open != seen && take(true, &piece)) {
        verify_piece(piece);
    }
    store(&range.working, 0);
    return open;
}

void verity_helper_run(void)
{
    uint32_t seen = 0;
    range.number = rt_thread_number(rt_self());
    store(&range.ready, 1);
    for (;;) {
        uint32_t open = help(seen);
        if (open == 0 || open == seen) {
            ignore_result(rt_wait(UINT64_MAX), "it looks again, whatever woke it");
        }
        seen = open;
    }
}

/* ---- the thread that wants the blocks -------------------------------------------------------- */

static void wake_helper(void)
{
    if (range.helper == NOT_TRIED) {
        range.helper = rt_cpu_count() > 1 && rt_thread_start(&range, 0) == 0 ? RUNS : NONE;
    } else if (range.helper == RUNS && load(&range.ready) != 0) {
        rt_wake(range.number);
    }
}

static void close_range(void)
{
    store(&range.open, 0);
    for (uint32_t i = 0; load(&range.working) != 0; i++) {
        if (i < SPINS) {
            __builtin_ia32_pause();
        } else {
            ignore_result(rt_wait(WAIT_NS), "the helper is looked at again");
        }
    }
}

int verity_read_range(struct verity *v, uint64_t first, size_t count, uint8_t *to,
                      uint64_t *ret_bad)
{
    static uint32_t last_number;
    int err = verity_prepare(v, first, count, ret_bad);
    if (err != 0) {
        return err;
    }
    range.v = v;
    range.first = first;
    range.count = count;
    range.to = to;
    range.failed = 0;
    __atomic_store_n(&range.pieces, (uint64_t)((count + PIECE - 1) / PIECE) << 32,
                     __ATOMIC_SEQ_CST);
    if (count >= HELPED_LEAST) {
        last_number = last_number == UINT32_MAX ? 1 : last_number + 1;
        store(&range.open, last_number);
        wake_helper();
    }
    uint64_t piece;
    while (take(false, &piece)) {
        verify_piece(piece);
    }
    close_range();
    if (range.failed != 0) {
        memset(to, 0, count * VERITY_BLOCK);
        *ret_bad = range.bad;
        return range.err;
    }
    return 0;
}
