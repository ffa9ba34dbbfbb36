/* SPDX-License-Identifier: Apache-2.0 */
/* The lies of lies.def. Each changes a slot, or what the host does, around one hostcall.
 * All choices come from the seed, the thread's number and how many hostcalls it has made, so that a
 * seed names the same lies again as far as the threads' own order is the same again. */
#include "hostile.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

const struct contract hostile_contracts[ROW_BOOT] = {
#define HOSTCALL(number, name, to_host, from_host, result_max, ...)                                \
    [number] = {#name, (to_host), (from_host), (result_max), __VA_ARGS__},
#include "abi/hostcalls.def"
#undef HOSTCALL
};

#define REQUEST false
#define REPLY   true
const struct lie_kind hostile_lies[LIE_COUNT] = {
#define LIE(name, stage, gentle, condition, ends, sentence)                                        \
    [LIE_##name] = {#name, sentence, stage, gentle, (ends)},
#include "lies.def"
#undef LIE
};

bool hostile_fits(enum lie lie, const struct contract *c)
{
    switch ((unsigned)lie) {
#define LIE(name, stage, gentle, condition, ends, sentence)                                        \
    case LIE_##name:                                                                               \
        return (condition);
#include "lies.def"
#undef LIE
    default:
        return false;
    }
}

static const char *const row_names[] = {"boot record", "exception", "kick",   "layer",
                                        "memory",      "yard",      "process"};
static const char *const other_names[ROW_COUNT - ROW_BOOT][YARD_LIES] = {
    {"a changed field"},
    {"shown twice", "resumed first", "shown late"},
    {"entered without an event"},
    {"flipped bits", "changed while read"},
    {"page taken away", "rights taken", "page trimmed", "page removed"},
    {"flipped bits", "a repeated record", "a changed size", "a changed counter", "a changed waiter",
     "said to be gone", "said to live", "woken", "a wake-up lost", "changed while read"},
    {"the same once more", "of another bundle", "none", "killed", "said to be gone"},
};

const char *hostile_row_name(unsigned row)
{
    return row >= ROW_BOOT ? row_names[row - ROW_BOOT] : hostile_contracts[row].name;
}

const char *hostile_lie_name(unsigned row, unsigned lie)
{
    return row >= ROW_BOOT ? other_names[row - ROW_BOOT][lie] : hostile_lies[lie].name;
}

unsigned hostile_excuse(unsigned row, unsigned lie)
{
    switch (row) {
    case ROW_BOOT:
        return STALL | DATA; /* clocks, sizes of inputs, processors */
    case ROW_EXCEPTION:
    case ROW_KICK:
        return 0;
    case ROW_LAYER:
        return SIGNAL; /* a page of a mapped file that cannot be read is SIGBUS, as on Linux */
    case ROW_MEMORY:
        return STALL | FAULT | DIES;
    case ROW_YARD: /* a record that does not open stops who reads it; who is gone is waited for no
                      more */
        return lie == YARD_BITS || lie == YARD_REPEATED || lie == YARD_SIZE || lie == YARD_WOKEN
                   ? 0
                   : STALL;
    case ROW_PROCESS:
        return lie == PROCESS_TWICE || lie == PROCESS_NONE ? STALL : 0;
    case HOSTCALL_process_start: /* a number that is no new process's: it is waited for */
        return (hostile_lies[lie].ends & STALL) |
               (lie == LIE_more || lie == LIE_fewer ? STALL : 0u);
    case HOSTCALL_mem_map:
    case HOSTCALL_mem_restrict:
    case HOSTCALL_mem_protect:
    case HOSTCALL_mem_type:
    case HOSTCALL_mem_remove:
        return hostile_lies[lie].ends | (lie == LIE_other_arguments ? DIES : 0);
    case HOSTCALL_thread_start:
        return hostile_lies[lie].ends | (lie == LIE_other_arguments ? DIES : 0) |
               (lie == LIE_permitted_errno ? STALL : 0);
    case HOSTCALL_console_read:
    case HOSTCALL_input_read:
    case HOSTCALL_net_receive:
    case HOSTCALL_net_wait: /* brings bytes, too */
    case HOSTCALL_net_send: /* who is sent something else, or twice, answers something else */
    case HOSTCALL_clock:
        return hostile_lies[lie].ends & ~(unsigned)FAULT;
    default:
        return hostile_lies[lie].ends & ~(unsigned)(FAULT | DATA);
    }
}

/* ---- choices
 * -------------------------------------------------------------------------------------- */

struct profile hostile_profile;
static struct hostile_run *shared;
static struct host_enclave *enclave;
static uint8_t *bait; /* an address that nobody may use */

uint64_t hostile_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static uint64_t below(uint64_t *state, uint64_t n)
{
    return hostile_random(state) % n;
}

void hostile_told_in(struct hostile_run *run, unsigned row, unsigned lie)
{
    __atomic_fetch_add(&run->told[row][lie], 1, __ATOMIC_RELAXED);
    __atomic_store_n(&run->last_row, row, __ATOMIC_RELAXED);
    __atomic_store_n(&run->last_lie, lie, __ATOMIC_RELAXED);
}

void hostile_told(unsigned row, unsigned lie)
{
    hostile_told_in(shared, row, lie);
}

/* Numbers on which arithmetic or a comparison may slip, and addresses. */
uint64_t hostile_odd_number(uint64_t *state)
{
    const uint64_t numbers[] = {
        0,
        1,
        7,
        8,
        63,
        4095,
        4096,
        4097,
        HOSTCALL_DATA_MAX - 1,
        HOSTCALL_DATA_MAX,
        HOSTCALL_DATA_MAX + 1,
        INT32_MAX,
        UINT32_MAX,
        UINT64_C(1) << 32,
        INT64_MAX,
        UINT64_C(1) << 63,
        UINT64_MAX,
        UINT64_MAX - 4095,
        (uint64_t)-4095,
        (uint64_t)-11,
        APP_PROGRAM,
        APP_MMAP_BASE,
        RUNTIME_BASE,
        RUNTIME_HEAP,
        RUNTIME_THREADS,
        ELRANGE_SIZE - 8,
        ELRANGE_SIZE,
        (uint64_t)(uintptr_t)bait,
    };
    return numbers[below(state, ARRAY_SIZE(numbers))];
}

/* Of a tree's processes all are kicked, or none, but each has its own lies. */
struct profile hostile_profile_of(const struct hostile_run *run, unsigned slot)
{
    uint64_t s = run->seed ^ UINT64_C(0x686f7374696c65);
    static const uint32_t rates[] = {1, 2, 4, 8, 8, 16, 32, 64};
    struct profile p = {.gentle_one_in = rates[below(&s, ARRAY_SIZE(rates))]};
    /* Half of the runs end by a broken contract, sooner or later. */
    p.harsh_at = below(&s, 2) == 0 ? UINT32_MAX : (uint32_t)below(&s, (uint64_t)8 << below(&s, 8));
    p.racing = below(&s, 8) == 0;
    p.kicks = (below(&s, 3) == 0 || run->all_kicks) && !run->no_kicks;
    p.kick_us = (uint32_t)(50u << below(&s, 7));
    p.exceptions = below(&s, 3) == 0;
    p.boot = below(&s, 10) == 0;
    p.layers = below(&s, 8) == 0;
    p.layer_one_in = 1 + (uint32_t)below(&s, 64);
    p.memory = below(&s, 8) == 0;
    p.memory_one_in = 1 + (uint32_t)below(&s, 200);
    p.processes = below(&s, 2) == 0;
    p.yard = below(&s, 2) == 0;
    p.yard_gentle = below(&s, 3) != 0;
    p.yard_one_in = 1 + (uint32_t)below(&s, UINT64_C(16) << below(&s, 6));
    if (run->tree && below(&s, 3) == 0) { /* nothing else: so little excuses a stall */
        p = (struct profile){.gentle_one_in = UINT32_MAX,
                             .harsh_at = UINT32_MAX,
                             .racing = p.racing,
                             .kicks = p.kicks,
                             .kick_us = p.kick_us,
                             .yard = below(&s, 2) == 0,
                             .yard_gentle = below(&s, 2) == 0,
                             .yard_one_in = p.yard_one_in,
                             .processes = true};
    }
    s += slot;
    if (slot != YARD_OWNER && p.gentle_one_in != UINT32_MAX) {
        p.harsh_at =
            below(&s, 4) == 0 ? (uint32_t)below(&s, (uint64_t)8 << below(&s, 6)) : UINT32_MAX;
        p.boot = below(&s, 20) == 0;
    }
    if (slot != YARD_OWNER && p.processes && below(&s, 4) == 0) {
        p.dies_at = 1 + (uint32_t)below(&s, 64);
    }
    return run->honest ? (struct profile){.harsh_at = UINT32_MAX} : p;
}

void hostile_lies_start(struct host_enclave *e, struct hostile_run *run)
{
    enclave = e;
    shared = run;
    hostile_profile = hostile_profile_of(run, e->config.yard_slot);
    bait = mmap(NULL, 1 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (size_t i = 0; hostile_profile.layers && i < e->config.layer_count; i++) {
        const struct host_layer *l = &e->config.layers[i];
        if (mprotect((void *)(uintptr_t)l->data, l->size, PROT_READ | PROT_WRITE) != 0) {
            hostile_profile.layers = false; /* a private mapping: nothing reaches the file */
        }
    }
}

/* ---- replies that were true once
 * ------------------------------------------------------------------ */

enum { KEPT = 4, KEPT_DATA = 16384 };
struct kept {
    int64_t result;
    uint64_t size;
    uint8_t data[KEPT_DATA];
};
static struct kept kept[ROW_BOOT][KEPT];
static uint32_t kept_count[ROW_BOOT];
static pthread_mutex_t kept_lock = PTHREAD_MUTEX_INITIALIZER;

static void keep(const struct hostcall_slot *s, unsigned number)
{
    if (s->from_size > KEPT_DATA) {
        return;
    }
    pthread_mutex_lock(&kept_lock);
    struct kept *k = &kept[number][kept_count[number]++ % KEPT];
    k->result = s->result;
    k->size = s->from_size;
    memcpy(k->data, s->data, s->from_size);
    pthread_mutex_unlock(&kept_lock);
}

static bool replay(struct liar *l, struct hostcall_slot *s, unsigned number)
{
    pthread_mutex_lock(&kept_lock);
    uint32_t count = kept_count[number] < KEPT ? kept_count[number] : KEPT;
    if (count > 0) {
        const struct kept *k = &kept[number][below(&l->random, count)];
        s->result = k->result;
        s->from_size = k->size;
        memcpy(s->data, k->data, k->size);
    }
    pthread_mutex_unlock(&kept_lock);
    return count > 0;
}

/* ---- the thread that changes what is being read
 * --------------------------------------------------- */

static struct {
    _Atomic(volatile uint64_t *) word; /* NULL: at rest */
    uint64_t one, other;
} race;

void *hostile_racer(void *unused)
{
    for (;;) {
        volatile uint64_t *word = atomic_load(&race.word);
        if (word == NULL) {
            const struct timespec rest = {0, 20000};
            nanosleep(&rest, NULL);
            continue;
        }
        for (int i = 0; i < 64; i++) {
            *word = race.one;
            *word = race.other;
        }
    }
    return unused;
}

bool hostile_race_start(volatile uint64_t *word, uint64_t other)
{
    volatile uint64_t *none = NULL;
    if (!hostile_profile.racing || atomic_load(&race.word) != none) {
        return false;
    }
    race.one = *word;
    race.other = other;
    atomic_store(&race.word, word);
    sched_yield();
    return true;
}

void hostile_race_stop(void)
{
    atomic_store(&race.word, NULL);
}

/* ---- replies
 * -------------------------------------------------------------------------------------- */

static void lie_about_data(struct liar *l, struct hostcall_slot *s, enum lie lie)
{
    uint64_t size = s->from_size <= HOSTCALL_DATA_MAX ? s->from_size : HOSTCALL_DATA_MAX;
    if (lie == LIE_flipped_bits) {
        for (uint64_t n = 1 + below(&l->random, 8); size > 0 && n > 0; n--) {
            s->data[below(&l->random, size)] ^= (uint8_t)(1u << below(&l->random, 8));
        }
        return;
    }
    bool addresses = below(&l->random, 2) == 0;
    for (uint64_t at = 0; at < size; at += 8) {
        uint64_t word = addresses ? hostile_odd_number(&l->random) : hostile_random(&l->random);
        memcpy(s->data + at, &word, size - at < 8 ? size - at : 8);
    }
}

static void set_reply(struct hostcall_slot *s, const struct contract *c, int64_t result)
{
    s->result = result;
    s->from_size = c->from_max > 0 && result > 0 ? (uint64_t)result : 0;
}

static bool lie_about_result(struct liar *l, struct hostcall_slot *s, const struct contract *c,
                             enum lie lie)
{
    static const int foreign[] = {1, 2, 4, 5, 9, 11, 12, 14, 22, 28, 38, 77, 110, 133, 4095, 4096};
    size_t errnos = 0;
    while (errnos < ARRAY_SIZE(c->errnos) && c->errnos[errnos] != 0) {
        errnos++;
    }
    switch ((unsigned)lie) {
    case LIE_permitted_errno:
        set_reply(s, c, -c->errnos[below(&l->random, errnos)]);
        return true;
    case LIE_fewer:
        if (s->result < 2) {
            return false;
        }
        set_reply(s, c, 1 + (int64_t)below(&l->random, (uint64_t)s->result - 1));
        return true;
    case LIE_nothing:
        set_reply(s, c, 0);
        return true;
    case LIE_more:
        set_reply(s, c, (int64_t)below(&l->random, (uint64_t)c->result_max));
        return true;
    case LIE_foreign_errno:
        set_reply(s, c, -foreign[below(&l->random, ARRAY_SIZE(foreign))]);
        return true;
    case LIE_wild_result:
        s->result = (int64_t)hostile_odd_number(&l->random);
        return true;
    case LIE_wild_size:
        s->from_size = hostile_odd_number(&l->random);
        return true;
    default: /* LIE_too_much */
        set_reply(s, c, (int64_t)(l->args[0] + l->args[2] + 1 + below(&l->random, 4096)));
        return true;
    }
}

static void wake_anybody(struct liar *l)
{
    for (uint64_t n = 1 + below(&l->random, 4); n > 0; n--) {
        host_thread_wake(enclave, below(&l->random, 8));
    }
}

/* Entries that the enclave must refuse, or that the processor refuses. The thread's own TCS is idle
 * at this moment, so ERESUME there finds no interrupted state. */
static void enter_wrongly(struct liar *l, bool others)
{
    struct machine_run run = {.tcs = l->thread->tcs};
    if (others) {
        const struct host_thread *t = &enclave->threads[1 + below(&l->random, 8)];
        run.tcs = t->tcs;
        if (t == l->thread || t->tcs == 0 ||
            __atomic_load_n(&t->start_token, __ATOMIC_SEQ_CST) != 0) {
            return;
        }
        /* A thread that is parked would be taken for answered, by a host thread that is not its
         * own: only those that have said goodbye. */
        if (t->slot == NULL ||
            __atomic_load_n(&t->slot->number, __ATOMIC_SEQ_CST) != HOSTCALL_thread_exit) {
            return;
        }
    }
    uint64_t rdi =
        below(&l->random, 2) == 0 ? hostile_odd_number(&l->random) : (uintptr_t)l->thread->slot;
    ignore_result(machine_soft.enter(enclave->machine, rdi, 0, 0,
                                     others ? ENCLU_EENTER : ENCLU_ERESUME, 0, 0, &run),
                  "refused, or out again at once");
}

static bool race_reply(struct liar *l, struct hostcall_slot *s, const struct contract *c)
{
    volatile uint64_t *const words[] = {(volatile uint64_t *)&s->result, &s->from_size,
                                        (volatile uint64_t *)(void *)s->data};
    uint64_t other = below(&l->random, 2) == 0 && c->errnos[0] != 0
                         ? (uint64_t)-c->errnos[0]
                         : hostile_odd_number(&l->random);
    return hostile_race_start(words[below(&l->random, ARRAY_SIZE(words))], other);
}

static bool tell_reply(struct liar *l, enum lie lie, const struct contract *c,
                       uint64_t registers[3])
{
    struct hostcall_slot *s = l->thread->slot;
    switch ((unsigned)lie) {
    case LIE_flipped_bits:
    case LIE_garbage:
        lie_about_data(l, s, lie);
        return s->from_size > 0;
    case LIE_replayed:
        return replay(l, s, l->asked);
    case LIE_another_reply:
        return replay(l, s, (unsigned)below(&l->random, ROW_BOOT));
    case LIE_changed_while_read:
        return race_reply(l, s, c);
    case LIE_late: {
        const struct timespec pause = {0, 20000 + (long)below(&l->random, 3000000)};
        nanosleep(&pause, NULL);
        return true;
    }
    case LIE_wakes_anybody:
        wake_anybody(l);
        return true;
    case LIE_registers:
        for (size_t i = 0; i < 3; i++) {
            registers[i] = hostile_odd_number(&l->random);
        }
        return true;
    case LIE_resumes_first:
    case LIE_enters_others:
        enter_wrongly(l, lie == LIE_enters_others);
        return true;
    default:
        return lie_about_result(l, s, c, lie);
    }
}

/* Lies that end nearly every run at once, though the contract allows them: told where a run is to
 * end. */
static bool ends_it(unsigned number, enum lie lie)
{
    bool memory = number == HOSTCALL_mem_map || number == HOSTCALL_mem_restrict ||
                  number == HOSTCALL_mem_type;
    return (memory &&
            (lie == LIE_unserved || lie == LIE_served_twice || lie == LIE_permitted_errno)) ||
           ((number == HOSTCALL_wake || number == HOSTCALL_thread_start) && lie == LIE_unserved) ||
           (number == HOSTCALL_console_write && (lie == LIE_permitted_errno || lie == LIE_nothing));
}

/* One that fits the hostcall; LIE_COUNT if chance has it that none does. */
static enum lie choose(struct liar *l, bool reply, bool gentle)
{
    for (int i = 0; i < 16; i++) {
        enum lie lie = (enum lie)below(&l->random, LIE_COUNT);
        if (hostile_lies[lie].reply == reply && (!gentle || hostile_lies[lie].gentle) &&
            (!gentle || !ends_it(l->asked, lie) || below(&l->random, 24) == 0) &&
            hostile_fits(lie, &hostile_contracts[l->asked])) {
            return lie;
        }
    }
    return LIE_COUNT;
}

static _Atomic uint64_t
    taken; /* a page; given back at the next chance: the workload may wait for it */

bool hostile_give_back(void)
{
    uint64_t page = atomic_exchange(&taken, 0);
    const uint64_t most = SGX_SECINFO_R | SGX_SECINFO_W | SGX_SECINFO_X;
    if (page != 0) {
        ignore_result(machine_soft.protect(enclave->machine, page, SGX_PAGE_SIZE, most),
                      "as far as the page allows it");
    }
    return page != 0;
}

/* Pages that the enclave has not spoken of. */
static void lie_about_memory(struct liar *l)
{
    const struct machine_ops *ops = &machine_soft;
    if (hostile_give_back()) {
        return;
    }
    const uint64_t places[] = {APP_PROGRAM,  APP_MMAP_BASE,   RUNTIME_BASE,
                               RUNTIME_HEAP, RUNTIME_THREADS, APP_END - (1 << 20)};
    uint64_t page = places[below(&l->random, ARRAY_SIZE(places))] +
                    SGX_PAGE_SIZE * below(&l->random, (uint64_t)1 << below(&l->random, 10));
    unsigned how = (unsigned)below(&l->random, 4);
    int r = how == MEMORY_PROTECTED ? ops->protect(enclave->machine, page, SGX_PAGE_SIZE, 0)
            : how == MEMORY_RESTRICTED
                ? ops->restrict_permissions(enclave->machine, page, SGX_PAGE_SIZE, SGX_SECINFO_R)
            : how == MEMORY_TRIMMED
                ? ops->modify_type(enclave->machine, page, SGX_PAGE_SIZE, SGX_PT_TRIM)
                : ops->remove(enclave->machine, page, SGX_PAGE_SIZE);
    if (r == 0) {
        hostile_told(ROW_MEMORY, how);
        atomic_store(&taken, how == MEMORY_PROTECTED ? page : 0);
    }
}

static void lie_about_layers(struct liar *l)
{
    const struct host_config *c = &enclave->config;
    if (c->layer_count == 0) {
        return;
    }
    const struct host_layer *layer = &c->layers[below(&l->random, c->layer_count)];
    uint8_t *data = (uint8_t *)(uintptr_t)layer->data;
    uint64_t at = below(&l->random, layer->size);
    if (hostile_profile.racing) {
        volatile uint64_t *word = (volatile uint64_t *)(void *)(data + (at & ~UINT64_C(7)));
        if (hostile_race_start(word, *word ^ 1)) {
            hostile_told(ROW_LAYER, LAYER_RACE);
        }
    } else {
        data[at] ^= (uint8_t)(1u << below(&l->random, 8));
        hostile_told(ROW_LAYER, LAYER_BITS);
    }
}

void hostile_lie_in_reply(struct liar *l, uint64_t registers[3], uint32_t nth)
{
    const struct profile *p = &hostile_profile;
    struct hostcall_slot *s = l->thread->slot;
    keep(s, l->asked);
    bool harsh = nth == p->harsh_at;
    if (l->unserved) {
        const struct contract *c = &hostile_contracts[l->asked];
        set_reply(s, c, l->to_size > 0 && c->result_max > 0 ? (int64_t)l->to_size : 0);
        l->unserved = false;
    }
    if (shared->honest) {
        return;
    }
    if (harsh || below(&l->random, p->gentle_one_in) == 0) {
        enum lie lie = choose(l, true, !harsh);
        if (lie != LIE_COUNT && tell_reply(l, lie, &hostile_contracts[l->asked], registers)) {
            hostile_told(l->asked, lie);
        }
    }
    if (p->memory && below(&l->random, p->memory_one_in) == 0) {
        lie_about_memory(l);
    }
    if (p->layers && below(&l->random, p->layer_one_in) == 0) {
        lie_about_layers(l);
    }
    hostile_lie_in_yard(l, shared);
}

/* ---- requests
 * ------------------------------------------------------------------------------------- */

void hostile_lie_in_request(struct liar *l, uint32_t nth)
{
    const struct profile *p = &hostile_profile;
    struct hostcall_slot *s = l->thread->slot;
    bool harsh = nth == p->harsh_at;
    if (shared->honest || !(harsh || below(&l->random, 8 * (uint64_t)p->gentle_one_in) == 0)) {
        return;
    }
    enum lie lie = choose(l, false, !harsh);
    if (lie == LIE_COUNT) {
        return;
    }
    hostile_told(l->asked, lie);
    if (lie == LIE_unserved) {
        l->unserved = true;
        s->number = HOSTCALL_wake; /* of nobody */
        s->args[0] = THREADS_MAX;
    } else if (lie == LIE_served_twice) {
        if (l->asked != HOSTCALL_wait) {
            ignore_result(host_serve(l->thread), "the second time counts");
        }
    } else {
        uint64_t *arg = &s->args[below(&l->random, 3)];
        *arg = below(&l->random, 2) == 0 ? hostile_odd_number(&l->random)
                                         : *arg + SGX_PAGE_SIZE * (below(&l->random, 9) - 4);
    }
}

/* ---- the boot record
 * ------------------------------------------------------------------------------ */

void hostile_lie_in_boot(struct liar *l, struct boot_record *b)
{
    if (!hostile_profile.boot) {
        return;
    }
    uint64_t *const fields[] = {
        &b->magic,        &b->manifest_addr,  &b->manifest_size,
        &b->layer_count,  &b->layers[0].addr, &b->layers[0].size,
        &b->input_count,  &b->input_size[0],  &b->slot_addr,
        &b->trace,        &b->want_evidence,  &b->nonce_size,
        &b->tsc,          &b->tsc_hz,         &b->realtime_ns,
        &b->monotonic_ns, &b->cpu_count,      &b->cpuid_count,
        &b->yard_addr,    &b->yard_slot,
    };
    for (uint64_t n = 1 + below(&l->random, 3); n > 0; n--) {
        uint64_t i = below(&l->random, ARRAY_SIZE(fields) + 2);
        if (i < ARRAY_SIZE(fields)) {
            *fields[i] = below(&l->random, 2) == 0 ? hostile_odd_number(&l->random)
                                                   : *fields[i] + below(&l->random, 17) - 8;
        } else {
            b->cpuid[below(&l->random, BOOT_CPUID_MAX)] =
                (struct boot_cpuid){(uint32_t)hostile_odd_number(&l->random),
                                    (uint32_t)hostile_odd_number(&l->random),
                                    (uint32_t)hostile_random(&l->random),
                                    UINT32_MAX,
                                    0,
                                    (uint32_t)hostile_random(&l->random)};
        }
        hostile_told(ROW_BOOT, BOOT_FIELD);
    }
}
