/* SPDX-License-Identifier: Apache-2.0 */
/* Lies about the yard, told between two hostcalls of any thread of the tree. All of it is memory of
 * the host: records are changed, repeated and shortened, counters and waiting threads are made up,
 * processes are said to be gone, wake-ups come without a reason or not at all. */
#include "hostile.h"

#include <string.h>

enum { THREADS_USED = 4, COPIED = 4096 };

static uint64_t below(uint64_t *random, uint64_t n)
{
    return hostile_random(random) % n;
}

/* A slot whose process there is, most often; else any of the first. */
static unsigned some_slot(struct liar *l, const struct hostile_run *run)
{
    const uint64_t there = __atomic_load_n(&run->slots, __ATOMIC_RELAXED);
    for (int i = 0; i < 8; i++) {
        unsigned slot = (unsigned)below(&l->random, 6);
        if ((there >> slot & 1) != 0) {
            return slot;
        }
    }
    return (unsigned)below(&l->random, 4);
}

struct way {
    struct yard_ring *ring;
    uint8_t *chunks;
    size_t count;
};

/* Of a member: nobody looks into the owner's. */
static struct way some_way(struct liar *l, struct hostile_run *run)
{
    unsigned slot = some_slot(l, run);
    struct yard_slot *s = &run->yard->slots[slot == YARD_OWNER ? 1 : slot];
    unsigned direction = (unsigned)below(&l->random, 2);
    switch (below(&l->random, 4)) {
    case 0:
        return (struct way){&s->control[direction].ring, s->control[direction].chunks[0],
                            YARD_CALL_CHUNKS};
    case 1:
        return (struct way){&s->stream[direction].ring, s->stream[direction].chunks[0],
                            YARD_STREAM_CHUNKS};
    default: {
        struct yard_call_way *c = &s->calls[below(&l->random, THREADS_USED)][direction];
        return (struct way){&c->ring, c->chunks[0], YARD_CALL_CHUNKS};
    }
    }
}

/* Where the next record is, or the last one was. */
static uint8_t *recent_chunk(struct liar *l, const struct way *w)
{
    uint64_t n = __atomic_load_n(&w->ring->taken, __ATOMIC_RELAXED) + below(&l->random, 2);
    return w->chunks + n % w->count * YARD_CHUNK_SIZE;
}

static uint64_t size_in(const uint8_t *chunk)
{
    uint64_t size;
    memcpy(&size, chunk, sizeof size);
    size += sizeof(struct yard_chunk_head);
    return size <= YARD_CHUNK_SIZE ? size : YARD_CHUNK_SIZE;
}

static void change_bits(struct liar *l, struct hostile_run *run)
{
    const struct way w = some_way(l, run);
    uint8_t *chunk = recent_chunk(l, &w);
    for (uint64_t n = 1 + below(&l->random, 8); n > 0; n--) {
        chunk[below(&l->random, size_in(chunk))] ^= (uint8_t)(1u << below(&l->random, 8));
    }
}

/* An earlier record of the same way, or one of any other. */
static void repeat_record(struct liar *l, struct hostile_run *run)
{
    const struct way to = some_way(l, run);
    const struct way from = below(&l->random, 2) == 0 ? to : some_way(l, run);
    const uint8_t *record = from.chunks + below(&l->random, from.count) * YARD_CHUNK_SIZE;
    const size_t size = size_in(record);
    memmove(recent_chunk(l, &to), record, size < COPIED ? size : COPIED);
    if (below(&l->random, 2) == 0) { /* and it is shown as another one */
        __atomic_fetch_add(&to.ring->written, 1, __ATOMIC_SEQ_CST);
    }
}

static void change_size(struct liar *l, struct hostile_run *run)
{
    const struct way w = some_way(l, run);
    uint8_t *chunk = recent_chunk(l, &w);
    uint64_t size = below(&l->random, 2) == 0 ? hostile_odd_number(&l->random)
                                              : size_in(chunk) + 64 * (below(&l->random, 5) - 3);
    memcpy(chunk, &size, sizeof size);
}

static uint64_t other_count(struct liar *l, uint64_t count)
{
    return below(&l->random, 4) == 0 ? hostile_odd_number(&l->random)
                                     : count + below(&l->random, 9) - 4;
}

static void change_counter(struct liar *l, struct hostile_run *run)
{
    const struct way w = some_way(l, run);
    uint64_t *word = below(&l->random, 2) == 0 ? &w.ring->written : &w.ring->taken;
    __atomic_store_n(word, other_count(l, *word), __ATOMIC_SEQ_CST);
}

static void change_waiter(struct liar *l, struct hostile_run *run)
{
    const struct way w = some_way(l, run);
    uint64_t *word = below(&l->random, 2) == 0 ? &w.ring->reader : &w.ring->writer;
    uint64_t other =
        below(&l->random, 2) == 0 ? hostile_odd_number(&l->random) : below(&l->random, 10);
    __atomic_store_n(word, other, __ATOMIC_SEQ_CST);
}

static bool change_while_read(struct liar *l, struct hostile_run *run)
{
    const struct way w = some_way(l, run);
    uint64_t *const words[] = {&w.ring->written, &w.ring->taken,
                               (uint64_t *)(void *)recent_chunk(l, &w),
                               (uint64_t *)(void *)(recent_chunk(l, &w) + 64)};
    uint64_t *word = words[below(&l->random, ARRAY_SIZE(words))];
    return hostile_race_start(word, other_count(l, *word));
}

static void wake_some(struct liar *l, struct hostile_run *run)
{
    for (uint64_t n = 1 + below(&l->random, 4); n > 0; n--) {
        host_yard_wake(run->yard, some_slot(l, run), below(&l->random, 8));
    }
}

static bool tell(struct liar *l, struct hostile_run *run, unsigned how)
{
    switch (how) {
    case YARD_BITS:
        change_bits(l, run);
        return true;
    case YARD_REPEATED:
        repeat_record(l, run);
        return true;
    case YARD_SIZE:
        change_size(l, run);
        return true;
    case YARD_COUNTER:
        change_counter(l, run);
        return true;
    case YARD_WAITER:
        change_waiter(l, run);
        return true;
    case YARD_DEAD:
    case YARD_ALIVE:
        __atomic_store_n(&run->yard->slots[some_slot(l, run)].dead, how == YARD_DEAD,
                         __ATOMIC_SEQ_CST);
        return true;
    case YARD_WOKEN:
        wake_some(l, run);
        return true;
    case YARD_ASLEEP:
        __atomic_store_n(&run->yard->slots[some_slot(l, run)].wake[below(&l->random, THREADS_USED)],
                         0, __ATOMIC_SEQ_CST);
        return true;
    default:
        return change_while_read(l, run);
    }
}

void hostile_lie_in_yard(struct liar *l, struct hostile_run *run)
{
    const struct profile *p = &hostile_profile;
    if (!p->yard || below(&l->random, p->yard_one_in) != 0 ||
        __atomic_load_n(&run->slots, __ATOMIC_RELAXED) < 2) {
        return;
    }
    static const unsigned gentle[] = {YARD_WOKEN, YARD_WAITER, YARD_WOKEN, YARD_ALIVE};
    unsigned how = p->yard_gentle ? gentle[below(&l->random, ARRAY_SIZE(gentle))]
                                  : (unsigned)below(&l->random, YARD_LIES);
    if (tell(l, run, how)) {
        hostile_told(ROW_YARD, how);
    }
}
