/* SPDX-License-Identifier: Apache-2.0 */
/* Enclave threads. The first one is part of the measured image; later ones get memory by EAUG and
 * their TCS by EMODT, so a program that needs one thread pays for one. The host decides when a
 * thread runs, never where: entry point, stacks and GS base stand in the TCS that the enclave wrote
 * and accepted. */
#include "thread.h"

#define EPERM          1
#define EAGAIN         11
#define ENOMEM         12
#define XFRM_SUPPORTED UINT64_C(0xe7) /* x87 SSE AVX AVX-512; the processor masks what it lacks */
#define IDLE_MAX       8u             /* threads that ended and wait inside */
#define AREA_STRIDE    (UINT64_C(64) * SGX_PAGE_SIZE)
_Static_assert(sizeof(struct rt_thread_area) + SGX_PAGE_SIZE <= AREA_STRIDE, "area and TCS fit");
_Static_assert(RUNTIME_THREADS + THREADS_MAX * AREA_STRIDE <= RUNTIME_END, "all threads fit");

#define SSA_END(area) ((area).ssa[0] + SGX_PAGE_SIZE) /* the processor saves downwards from there  \
                                                       */
static struct rt_thread_area first_area;
static union {
    struct rt_thread thread;
    uint8_t page[4096];
} first_control __attribute__((aligned(4096))) = {
    .thread = {
        .self = &first_control.thread,
        .stack_top = (uint64_t)(uintptr_t)(first_area.stack + sizeof first_area.stack),
        .state = STATE_NEW,
        .xsave_leave = first_area.xsave_leave,
        .xsave_lib = first_area.xsave_lib,
        .exc_top = (uint64_t)(uintptr_t)(first_area.exc_stack + sizeof first_area.exc_stack),
        .xfrm = XFRM_SUPPORTED,
        /* Ready before the first instruction: the host may interrupt it and enter at CSSA 1. */
        .ssa_gpr = (struct sgx_gprsgx *)(void *)(SSA_END(first_area) - sizeof(struct sgx_gprsgx)),
        .ssa_exinfo =
            (struct sgx_exinfo *)(void *)(SSA_END(first_area) - sizeof(struct sgx_gprsgx) -
                                          sizeof(struct sgx_exinfo)),
    }};

/* ELRANGE_BASE is 0, so addresses are the offsets that the TCS wants. */
_Static_assert(ELRANGE_BASE == 0, "TCS fields below are addresses");
extern const struct sgx_tcs rt_first_tcs;
const struct sgx_tcs rt_first_tcs __attribute__((section(".tcs"), aligned(4096))) = {
    .ossa = (uint64_t)(uintptr_t)first_area.ssa,
    .nssa = THREAD_SSA_FRAMES,
    .oentry = (uint64_t)(uintptr_t)&rt_entry,
    .ofsbasgx = (uint64_t)(uintptr_t)&first_control,
    .ogsbasgx = (uint64_t)(uintptr_t)&first_control,
    .fslimit = 0xfff,
    .gslimit = 0xfff,
};

static struct {
    struct rt_lock lock;
    struct rt_thread *all[THREADS_MAX];
    uint8_t parts_done[THREADS_MAX]; /* of a new thread's memory */
    unsigned idle;
} threads;

static void set_ssa(struct rt_thread *t, struct rt_thread_area *area)
{
    uint8_t *end = SSA_END(*area);
    t->ssa_gpr = (struct sgx_gprsgx *)(void *)(end - sizeof(struct sgx_gprsgx));
    t->ssa_exinfo =
        (struct sgx_exinfo *)(void *)(end - sizeof(struct sgx_gprsgx) - sizeof(struct sgx_exinfo));
}

static void set_canary(struct rt_thread *t)
{
    rt_random(&t->canary, sizeof t->canary);
    t->canary &= ~UINT64_C(0xff); /* a string overflow stops at the zero byte */
}

/* The thread stays unable to enter (STATE_DEAD) until everything of it is there: the host may try
 * at any time. What an entry that is being refused reads has the same value before and after. */
static void init_thread(struct rt_thread *t, struct rt_thread_area *area, unsigned number,
                        uint64_t tcs)
{
    const struct rt_thread fresh = {
        .self = t,
        .stack_top = (uint64_t)(uintptr_t)(area->stack + sizeof area->stack),
        .state = STATE_DEAD,
        .xsave_leave = area->xsave_leave,
        .xsave_lib = area->xsave_lib,
        .exc_top = (uint64_t)(uintptr_t)(area->exc_stack + sizeof area->exc_stack),
        .xfrm = rt_self()->xfrm,
        .by_hand = rt_self()->by_hand,
        .number = number,
        .tcs = tcs,
        .in_use = true,
    };
    memcpy(t, &fresh, sizeof fresh);
    memset(area->xsave_leave, 0, sizeof area->xsave_leave);
    memset(area->xsave_lib, 0, sizeof area->xsave_lib);
    set_ssa(t, area);
    set_canary(t);
}

#define XFRM_AVX    UINT64_C(0x04)
#define XFRM_AVX512 UINT64_C(0xe0)

/* XSAVE and XRSTOR take 0.27 us of each hostcall; moving the registers takes a third of that. The
 * processor itself is asked whether it has what that needs: what the host says of it decides nothing. */
static uint64_t ways_by_hand(uint64_t xfrm)
{
    const bool masks = (xfrm & XFRM_AVX512) != 0;
    if ((xfrm & XFRM_AVX) == 0 || (masks && (xfrm & XFRM_AVX512) != XFRM_AVX512) ||
        rt_try_in_use(masks) != 0) {
        return BY_XSAVE;
    }
    return masks ? BY_AVX512 : BY_AVX;
}

void rt_threads_start(uint64_t xfrm)
{
    struct rt_thread *t = rt_self();
    set_canary(t);
    t->xfrm = xfrm & XFRM_SUPPORTED;
    t->by_hand = ways_by_hand(t->xfrm);
    t->tcs = (uint64_t)(uintptr_t)&rt_first_tcs;
    t->in_use = true;
    threads.all[0] = t;
}

struct rt_thread *rt_self(void)
{
    struct rt_thread *t;
    __asm__("mov %%gs:0, %0" : "=r"(t));
    return t;
}

struct rt_thread *rt_thread_at(unsigned number)
{
    REQUIRE(number < THREADS_MAX);
    return threads.all[number];
}

unsigned rt_thread_number(const struct rt_thread *t)
{
    return t->number;
}

void *rt_self_data(void)
{
    return rt_self()->door_data;
}

void rt_set_self_data(void *data)
{
    rt_self()->door_data = data;
}

uint64_t rt_get_fsbase(void)
{
    uint64_t base;
    __asm__ volatile("rdfsbase %0" : "=r"(base));
    return base;
}

void rt_set_fsbase(uint64_t base)
{
    __asm__ volatile("wrfsbase %0" : : "r"(base));
}

/* Memory of thread `number`, added page range by page range; guards stay holes. The host may refuse
 * half-way: the next attempt goes on from there, because pages are never added twice. */
static struct rt_thread_area *new_area(unsigned number, uint64_t *ret_tcs)
{
    enum {
        GUARD1 = offsetof(struct rt_thread_area, guard1),
        GUARD2 = offsetof(struct rt_thread_area, guard2),
        AREA_END = sizeof(struct rt_thread_area) + SGX_PAGE_SIZE
    };
    static const struct {
        uint64_t from, to;
    } parts[] = {{0, GUARD1}, {GUARD1 + SGX_PAGE_SIZE, GUARD2}, {GUARD2 + SGX_PAGE_SIZE, AREA_END}};
    uint64_t base = RUNTIME_THREADS + (number - 1) * AREA_STRIDE;
    uint64_t tcs = base + sizeof(struct rt_thread_area);
    for (uint8_t *done = &threads.parts_done[number]; *done < ARRAY_SIZE(parts); ++*done) {
        if (rt_pages_commit(base + parts[*done].from, parts[*done].to - parts[*done].from) != 0) {
            return NULL;
        }
    }
    /* SAFETY: pages just accepted at a fixed place of the runtime's own range. */
    struct rt_thread_area *area = (struct rt_thread_area *)base;
    *(struct sgx_tcs *)tcs = (struct sgx_tcs){
        .ossa = (uint64_t)(uintptr_t)area->ssa,
        .nssa = THREAD_SSA_FRAMES,
        .oentry = (uint64_t)(uintptr_t)&rt_entry,
        .ofsbasgx = base,
        .ogsbasgx = base,
        .fslimit = 0xfff,
        .gslimit = 0xfff,
    };
    if (rt_pages_to_tcs(tcs) != 0) {
        return NULL;
    }
    *ret_tcs = tcs;
    return area;
}

static int reserve_number(void)
{
    for (unsigned i = 1; i < THREADS_MAX; i++) {
        struct rt_thread *t = threads.all[i];
        if (t == NULL || !__atomic_load_n(&t->in_use, __ATOMIC_ACQUIRE)) {
            return (int)i;
        }
    }
    return -EAGAIN;
}

/* A thread that ended and waits inside costs no entry, and no host that has to agree. */
static bool wake_idle(void *argument, uint64_t fsbase)
{
    for (unsigned i = 0; i < THREADS_MAX && threads.idle > 0; i++) {
        struct rt_thread *t = threads.all[i];
        if (t != NULL && t->idle) {
            t->idle = false;
            threads.idle--;
            t->start_argument = argument;
            t->app_fs = fsbase;
            __atomic_store_n(&t->go, 1, __ATOMIC_SEQ_CST);
            rt_wake(i);
            return true;
        }
    }
    return false;
}

static int prepare(void *argument, uint64_t fsbase, struct rt_thread **ret)
{
    int number = reserve_number();
    if (number < 0) {
        return number;
    }
    struct rt_thread *t = threads.all[number];
    uint64_t tcs = 0;
    struct rt_thread_area *area;
    if (t == NULL) {
        area = new_area((unsigned)number, &tcs);
        if (area == NULL) {
            return -EAGAIN;
        }
        t = (struct rt_thread *)(void *)area->control;
    } else {
        area = (struct rt_thread_area *)(void *)t;
        tcs = t->tcs;
    }
    init_thread(t, area, (unsigned)number, tcs);
    t->start_argument = argument;
    t->app_fs = fsbase;
    threads.all[number] = t;
    *ret = t;
    return 0;
}

/* The host said that it will not run the thread, and the caller is about to free what the thread
 * was to work on. A host that runs it nevertheless finds the door closed; one that has run it
 * already has lied. */
static void withdraw(struct rt_thread *t)
{
    uint64_t expected = STATE_NEW;
    if (!__atomic_compare_exchange_n(&t->state, &expected, STATE_DEAD, false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST)) {
        rt_fatal("the host refused to start thread %u, but entered it", t->number);
    }
    __atomic_store_n(&t->in_use, false, __ATOMIC_RELEASE);
}

int rt_thread_start(void *argument, uint64_t fsbase)
{
    struct rt_thread *t = NULL;
    if (fsbase >> 47 != 0) {
        return -EPERM; /* as on Linux; loading it would fault */
    }
    rt_lock(&threads.lock);
    bool done = wake_idle(argument, fsbase);
    int r = done ? 0 : prepare(argument, fsbase, &t);
    if (r == 0 && !done) {
        __atomic_store_n(&t->state, STATE_NEW, __ATOMIC_SEQ_CST);
        r = (int)HOSTCALL_SIMPLE(HOSTCALL_thread_start, t->tcs, t->number);
        if (r != 0) {
            withdraw(t);
        }
    }
    rt_unlock(&threads.lock);
    return r;
}

/* The enclave's first thread always stays: its host thread has nothing else to do. */
static bool becomes_idle(struct rt_thread *t)
{
    rt_lock(&threads.lock);
    t->idle = t->number == 0 || threads.idle < IDLE_MAX;
    threads.idle += t->idle ? 1 : 0;
    bool idle = t->idle;
    rt_unlock(&threads.lock);
    return idle;
}

static void idle_until_go(struct rt_thread *t) __attribute__((noreturn));
static void idle_until_go(struct rt_thread *t)
{
    while (__atomic_exchange_n(&t->go, 0, __ATOMIC_SEQ_CST) == 0) {
        rt_wait_near(UINT64_MAX);
    }
    t->app_memory = NULL;
    t->attention = NULL;
    __atomic_store_n(&t->kick, 0, __ATOMIC_RELAXED); /* it was for the thread before */
    rt_again();
}

/* The slot's number tells the host; nothing comes back. A successor on the same TCS cannot enter
 * before this exit is complete: the TCS is busy until then. */
void rt_thread_exit(void)
{
    struct rt_thread *t = rt_self();
    if (becomes_idle(t)) {
        idle_until_go(t);
    }
    *(volatile uint64_t *)(t->slot.addr + offsetof(struct hostcall_slot, number)) =
        HOSTCALL_thread_exit;
    rt_leave_forever();
}

/* T_KICK before the look at the state, and an entry changes the state before its thread looks at
 * T_KICK: one of the two sees the other. */
void rt_kick(unsigned thread_number)
{
    REQUIRE(thread_number < THREADS_MAX);
    struct rt_thread *t = threads.all[thread_number];
    if (t == NULL) {
        return;
    }
    __atomic_exchange_n(&t->kick, 1, __ATOMIC_SEQ_CST);
    if (t != rt_self() && __atomic_load_n(&t->state, __ATOMIC_SEQ_CST) == STATE_RUNNING) {
        HOSTCALL_SIMPLE(HOSTCALL_kick, thread_number);
    }
}

bool rt_thread_outside(unsigned thread_number)
{
    REQUIRE(thread_number < THREADS_MAX);
    const struct rt_thread *t = threads.all[thread_number];
    return t == NULL || __atomic_load_n(&t->state, __ATOMIC_SEQ_CST) != STATE_RUNNING;
}

/* The host is told of a time only when it would come too late otherwise: programs that move their
 * timers forward all the time (a timeout per request) cost a hostcall per time that passes. So the
 * time that it knows may come before the one that is wanted; then the door asks again. It does so,
 * too, when the host's clock runs ahead of this one and the kick comes a little early. */
static struct {
    uint64_t at;    /* UINT64_MAX: nothing is asked for */
    uint64_t early; /* from here on a kick may be meant for it */
} told = {UINT64_MAX, UINT64_MAX};

bool rt_alarm_due(void)
{
    uint64_t from = __atomic_load_n(&told.early, __ATOMIC_RELAXED);
    return from != UINT64_MAX && rt_clock_ns(1) >= from;
}

void rt_alarm(uint64_t at_ns)
{
    uint64_t now = rt_clock_ns(1);
    if (now >= told.early) {
        told.at = UINT64_MAX;
    }
    bool sooner = at_ns < told.at;
    uint64_t ns = at_ns > now ? at_ns - now : 0;
    told.at = sooner ? at_ns : told.at;
    __atomic_store_n(&told.early,
                     sooner                  ? now + ns - ns / 64
                     : told.at == UINT64_MAX ? UINT64_MAX
                                             : told.early,
                     __ATOMIC_RELAXED);
    if (sooner) {
        HOSTCALL_SIMPLE(HOSTCALL_alarm, ns);
    }
}
