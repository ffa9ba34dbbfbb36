/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks and sleeping. Time comes from the TSC, set once from the host's clock: monotone within a
 * run, untrusted in rate and origin. */
#include <errno.h>

#include "process.h"
#include "signals/signals.h"

#define SECOND UINT64_C(1000000000)

/* linux/time.h */
enum clock_id {
    CLOCK_REALTIME_ = 0,
    CLOCK_MONOTONIC_ = 1,
    CLOCK_PROCESS_CPUTIME = 2,
    CLOCK_THREAD_CPUTIME = 3,
    CLOCK_MONOTONIC_RAW_ = 4,
    CLOCK_REALTIME_COARSE_ = 5,
    CLOCK_MONOTONIC_COARSE_ = 6,
    CLOCK_BOOTTIME_ = 7,
    CLOCK_REALTIME_ALARM_ = 8,
    CLOCK_BOOTTIME_ALARM_ = 9,
    CLOCK_TAI_ = 11,
};
#define TIMER_ABSTIME 1u

struct timespec64 {
    int64_t seconds, ns;
};

static struct timespec64 spec_of(uint64_t ns)
{
    return (struct timespec64){.seconds = (int64_t)(ns / SECOND), .ns = (int64_t)(ns % SECOND)};
}

uint64_t os_thread_cpu_ns(const struct os_thread *t)
{
    return rt_clock_ns(1) - t->born_ns - t->waited_ns;
}

uint64_t os_thread_sleeps(int tid)
{
    const struct os_thread *t = os_thread_by_tid(tid);
    return t != NULL ? t->sleeps : 0;
}

uint64_t os_process_cpu_ns(void)
{
    uint64_t ns = os.cpu_gone_ns;
    for (const struct os_thread *t = os.threads; t != NULL; t = t->next) {
        ns += os_thread_cpu_ns(t);
    }
    return ns;
}

/* Clocks of other threads and of the process by id, as pthread_getcpuclockid() makes them: the id's
 * complement above three bits, of which bit 2 says thread. */
static int read_cpu_clock(int clock, uint64_t *ret_ns)
{
    bool thread = clock == CLOCK_THREAD_CPUTIME || (clock < 0 && (clock & 4) != 0);
    int id = clock < 0 ? ~(clock >> 3) : 0;
    if (clock < 0 && (clock & 3) == 3) {
        return -EINVAL; /* a clock device's descriptor */
    }
    if (thread) {
        const struct os_thread *t = id == 0 ? os_self() : os_thread_by_tid(id);
        if (t == NULL) {
            return -EINVAL;
        }
        *ret_ns = os_thread_cpu_ns(t);
        return 0;
    }
    if (id != 0 && id != os_current()->pid) {
        return -EINVAL;
    }
    *ret_ns = os_process_cpu_ns();
    return 0;
}

static int read_clock(int clock, uint64_t *ret_ns)
{
    switch (clock) {
    case CLOCK_REALTIME_:
    case CLOCK_REALTIME_COARSE_:
    case CLOCK_TAI_:
        *ret_ns = rt_clock_ns(0);
        return 0;
    case CLOCK_MONOTONIC_:
    case CLOCK_MONOTONIC_RAW_:
    case CLOCK_MONOTONIC_COARSE_:
    case CLOCK_BOOTTIME_:
        *ret_ns = rt_clock_ns(1);
        return 0;
    default:
        return -EINVAL;
    }
}

static bool is_cpu_clock(int clock)
{
    return clock < 0 || clock == CLOCK_PROCESS_CPUTIME || clock == CLOCK_THREAD_CPUTIME;
}

/* Without the lock. */
static int read_any_clock(int clock, uint64_t *ret_ns)
{
    if (!is_cpu_clock(clock)) {
        return read_clock(clock, ret_ns);
    }
    os_lock();
    int r = read_cpu_clock(clock, ret_ns);
    os_unlock();
    return r;
}

int64_t sys_clock_gettime(int clock, app_ptr time)
{
    uint64_t ns;
    int r = read_any_clock(clock, &ns);
    if (r != 0) {
        return r;
    }
    struct timespec64 t = spec_of(ns);
    return copy_to_app(time, &t, sizeof t);
}

int64_t sys_clock_getres(int clock, app_ptr resolution)
{
    uint64_t ns;
    int r = read_any_clock(clock, &ns);
    const struct timespec64 one = {.seconds = 0, .ns = 1};
    return r != 0 || resolution.addr == 0 ? r : copy_to_app(resolution, &one, sizeof one);
}

int64_t sys_gettimeofday(app_ptr time, app_ptr zone)
{
    uint64_t ns = rt_clock_ns(0);
    const struct timespec64 t = {.seconds = (int64_t)(ns / SECOND),
                                 .ns = (int64_t)(ns % SECOND / 1000)}; /* microseconds here */
    const uint32_t utc[2] = {0, 0};
    if ((time.addr != 0 && copy_to_app(time, &t, sizeof t) != 0) ||
        (zone.addr != 0 && copy_to_app(zone, utc, sizeof utc) != 0)) {
        return -EFAULT;
    }
    return 0;
}

int64_t sys_time(app_ptr seconds)
{
    int64_t now = (int64_t)(rt_clock_ns(0) / SECOND);
    if (seconds.addr != 0 && copy_to_app(seconds, &now, sizeof now) != 0) {
        return -EFAULT;
    }
    return now;
}

/* Until a CLOCK_MONOTONIC deadline. */
static int64_t sleep_until(uint64_t deadline, bool absolute, app_ptr remain)
{
    struct wait_queue nobody = {{0}};
    int r = 0;
    while (r == 0) {
        r = os_block(&nobody, deadline);
    }
    if (r == -ETIMEDOUT) {
        return 0;
    }
    if (absolute || r != -ERESTARTSYS) {
        return r;
    }
    uint64_t now = rt_clock_ns(1);
    struct timespec64 left = spec_of(deadline > now ? deadline - now : 0);
    if (remain.addr != 0 && copy_to_app(remain, &left, sizeof left) != 0) {
        return -EFAULT;
    }
    return -ERESTART_RESTARTBLOCK;
}

int64_t sys_clock_nanosleep(int clock, uint32_t flags, app_ptr request, app_ptr remain)
{
    struct timespec64 t;
    uint64_t now, ns, mono = rt_clock_ns(1), deadline;
    int r = read_clock(clock, &now); /* sleeping by CPU time: -EINVAL */
    if (r != 0) {
        return r;
    }
    if (copy_from_app(&t, request, sizeof t) != 0) {
        return -EFAULT;
    }
    if (t.seconds < 0 || t.ns < 0 || t.ns >= (int64_t)SECOND) {
        return -EINVAL;
    }
    if (!mul_ok((uint64_t)t.seconds, SECOND, &ns) || !add_ok(ns, (uint64_t)t.ns, &ns)) {
        ns = UINT64_MAX;
    }
    bool absolute = (flags & TIMER_ABSTIME) != 0;
    if (absolute) {
        ns = ns > now ? ns - now : 0;
    }
    deadline = add_ok(mono, ns, &deadline) ? deadline : UINT64_MAX - 1;
    return sleep_until(absolute ? deadline : signal_deadline(deadline), absolute, remain);
}

int64_t sys_nanosleep(app_ptr request, app_ptr remain)
{
    return sys_clock_nanosleep(CLOCK_MONOTONIC_, 0, request, remain);
}
