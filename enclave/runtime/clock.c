/* SPDX-License-Identifier: Apache-2.0 */
/* Time and randomness. Time comes from the time-stamp counter, set once by the host: it never leaves
 * the enclave to be read and is untrusted in rate and origin (docs/threat-model.md). A host can also
 * write or offset the counter; that time runs forward is therefore seen to here.
 * Randomness is RDRAND only; when it fails the enclave stops. */
#include "thread.h"

#define NS_PER_S UINT64_C(1000000000)
#define LATEST_NS (UINT64_C(1) << 62) /* the year 2116: sums with timeouts stay in range */

static struct {
    uint64_t tsc, realtime_ns, monotonic_ns;
    uint64_t ns_per_tick_fp32; /* 32.32 fixed point */
    uint64_t ticks;            /* the most that any thread has seen */
} origin;

static uint64_t read_tsc(void)
{
    uint32_t low, high;
    __asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

void rt_clock_start(const struct boot_record *boot)
{
    if (boot->tsc_hz < UINT64_C(100000000) || boot->tsc_hz > UINT64_C(20000000000)) {
        rt_refuse("the host says that the time-stamp counter runs at %lu Hz", boot->tsc_hz);
    }
    if (boot->realtime_ns > LATEST_NS || boot->monotonic_ns > LATEST_NS) {
        rt_refuse("the host's clocks show %lu and %lu ns: no time that this runtime can count from",
                  boot->realtime_ns, boot->monotonic_ns);
    }
    origin.tsc = boot->tsc;
    origin.realtime_ns = boot->realtime_ns;
    origin.monotonic_ns = boot->monotonic_ns;
    origin.ns_per_tick_fp32 = (NS_PER_S << 32) / boot->tsc_hz;
}

static uint64_t ticks_forward(void)
{
    uint64_t now = read_tsc();
    uint64_t ticks = now > origin.tsc ? now - origin.tsc : 0;
    uint64_t seen = __atomic_load_n(&origin.ticks, __ATOMIC_RELAXED);
    do {
        if (ticks <= seen) {
            return seen;
        }
    } while (!__atomic_compare_exchange_n(&origin.ticks, &seen, ticks, true, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
    return ticks;
}

uint64_t rt_clock_ns(int clock)
{
    uint64_t ticks = ticks_forward();
    uint64_t ns = (uint64_t)(((unsigned __int128)ticks * origin.ns_per_tick_fp32) >> 32);
    return ns + (clock == 0 ? origin.realtime_ns : origin.monotonic_ns);
}

static uint64_t rdrand64(void)
{
    for (int i = 0; i < 64; i++) {
        uint64_t v;
        uint8_t ok;
        __asm__ volatile("rdrand %0; setc %1" : "=r"(v), "=qm"(ok) : : "cc");
        if (ok) {
            return v;
        }
    }
    rt_fatal("the processor's random number generator (RDRAND) failed 64 times");
}

void rt_random(void *to, size_t n)
{
    uint8_t *out = (uint8_t *)to;
    while (n > 0) {
        uint64_t v = rdrand64();
        size_t k = n < sizeof v ? n : sizeof v;
        memcpy(out, &v, k);
        out += k;
        n -= k;
    }
}

void rt_report(const struct sgx_targetinfo *target, const uint8_t reportdata[64],
               struct sgx_report *ret)
{
    struct sgx_targetinfo aligned_target = *target;
    uint8_t aligned_data[64] __attribute__((aligned(128)));
    struct {
        struct sgx_report report;
        uint8_t pad[80];
    } out __attribute__((aligned(512)));
    memcpy(aligned_data, reportdata, sizeof aligned_data);
    enclu_report(&aligned_target, aligned_data, &out.report);
    *ret = out.report;
}

int rt_getkey(const struct sgx_keyrequest *request, uint8_t ret_key[16])
{
    struct sgx_keyrequest aligned = *request;
    uint8_t key[16] __attribute__((aligned(16)));
    uint64_t error = enclu_getkey(&aligned, key);
    if (error == SGX_SUCCESS) {
        memcpy(ret_key, key, sizeof key);
    }
    secure_zero(key, sizeof key);
    return (int)error;
}
