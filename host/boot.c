/* SPDX-License-Identifier: Apache-2.0 */
/* Facts about the machine for the boot record: clock and CPUID. */
#include "enclave.h"

#include <cpuid.h>
#include <sched.h>
#include <string.h>
#include <time.h>

/* What the counter and the clocks showed at one moment. */
struct moment {
    uint64_t tsc, monotonic_ns, realtime_ns;
};

static struct moment clock_origin;

static uint64_t read_tsc(void)
{
    return __builtin_ia32_rdtsc();
}

static uint64_t now_ns(clockid_t clock)
{
    struct timespec ts;
    clock_gettime(clock, &ts);
    return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* Whoever is put aside between two readings pairs times that do not belong together (12 us of that make
 * a rate over 2 ms wrong by 0.6 %): of several tries the quickest counts. */
static struct moment read_clocks(void)
{
    enum { TRIES = 16 };
    struct moment best = {0};
    uint64_t least = UINT64_MAX;
    for (int i = 0; i < TRIES; i++) {
        uint64_t before = read_tsc();
        uint64_t monotonic_ns = now_ns(CLOCK_MONOTONIC), realtime_ns = now_ns(CLOCK_REALTIME);
        uint64_t took = read_tsc() - before;
        if (took < least) {
            least = took;
            best = (struct moment){before + took / 2, monotonic_ns, realtime_ns};
        }
    }
    return best;
}

void host_clock_start(void)
{
    clock_origin = read_clocks();
}

static void fill_clock(struct boot_record *b)
{
    enum { LEAST_NS = 2000000 }; /* below that the rate would be coarse */
    if (clock_origin.tsc == 0) {
        host_clock_start();
    }
    uint64_t elapsed = now_ns(CLOCK_MONOTONIC) - clock_origin.monotonic_ns;
    if (elapsed < LEAST_NS) {
        struct timespec rest = {0, (long)(LEAST_NS - elapsed)};
        nanosleep(&rest, NULL);
    }
    struct moment now = read_clocks();
    b->tsc = now.tsc;
    b->monotonic_ns = now.monotonic_ns;
    b->realtime_ns = now.realtime_ns;
    uint64_t ticks = now.tsc - clock_origin.tsc, ns = now.monotonic_ns - clock_origin.monotonic_ns;
    b->tsc_hz = (uint64_t)((unsigned __int128)ticks * 1000000000 / ns);
}

static bool add_leaf(struct boot_record *b, uint32_t leaf, uint32_t subleaf)
{
    if (b->cpuid_count == BOOT_CPUID_MAX) {
        return false;
    }
    struct boot_cpuid *e = &b->cpuid[b->cpuid_count++];
    e->leaf = leaf;
    e->subleaf = subleaf;
    __cpuid_count(leaf, subleaf, e->eax, e->ebx, e->ecx, e->edx);
    return true;
}

static void fill_cpuid(struct boot_record *b)
{
    uint32_t max = __get_cpuid_max(0, NULL);
    uint32_t max_extended = __get_cpuid_max(0x80000000, NULL);
    static const struct {
        uint32_t leaf, subleaves;
    } plan[] = {{0, 1},          {1, 1},          {2, 1},          {4, 5},          {7, 2},
                {0xb, 3},        {0xd, 10},       {0x15, 1},       {0x16, 1},       {0x1f, 3},
                {0x80000000, 1}, {0x80000001, 1}, {0x80000002, 1}, {0x80000003, 1}, {0x80000004, 1},
                {0x80000005, 1}, {0x80000006, 1}, {0x80000007, 1}, {0x80000008, 1}, {0x8000001d, 5},
                {0x8000001e, 1}};
    for (size_t i = 0; i < ARRAY_SIZE(plan); i++) {
        if (plan[i].leaf > (plan[i].leaf >= 0x80000000 ? max_extended : max)) {
            continue;
        }
        for (uint32_t s = 0; s < plan[i].subleaves; s++) {
            add_leaf(b, plan[i].leaf, s);
        }
    }
}

static uint64_t cpu_count(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? (uint64_t)CPU_COUNT(&set) : 1;
}

void host_boot_probe(struct host_enclave *e)
{
    fill_cpuid(&e->boot);
}

void host_boot_fill(struct host_enclave *e)
{
    struct boot_record *b = &e->boot;
    const struct host_config *c = &e->config;
    b->magic = BOOT_MAGIC;
    b->manifest_addr = (uint64_t)(uintptr_t)c->image.manifest.data;
    b->manifest_size = c->image.manifest.size;
    b->layer_count = c->layer_count;
    for (size_t i = 0; i < c->layer_count; i++) {
        b->layers[i] = (struct boot_layer){(uint64_t)(uintptr_t)c->layers[i].data, c->layers[i].size};
    }
    b->input_count = c->input_count;
    for (size_t i = 0; i < c->input_count; i++) {
        b->input_size[i] = c->inputs[i].fd < 0 ? UINT64_MAX : c->inputs[i].size;
    }
    b->slot_addr = (uint64_t)(uintptr_t)e->threads[0].slot;
    b->trace = c->trace;
    memcpy(b->trace_calls, c->trace_calls, sizeof b->trace_calls);
    b->want_evidence = c->want_evidence;
    b->nonce_size = c->nonce.size;
    if (c->nonce.size > 0) {
        __builtin_memcpy(b->nonce, c->nonce.data, c->nonce.size);
    }
    b->yard_addr = (uint64_t)(uintptr_t)c->yard;
    b->yard_slot = c->yard_slot;
    b->cpu_count = cpu_count();
    if (b->cpuid_count == 0) {
        fill_cpuid(b);
    }
    fill_clock(b);
}
