/* SPDX-License-Identifier: Apache-2.0 */
/* Resource limits and usage, of processes. */
#include <errno.h>

#include "mm.h"
#include "process.h"

/* asm-generic/resource.h */
enum resource {
    LIMIT_STACK = 3,
    LIMIT_CORE = 4,
    LIMIT_NPROC = 6,
    LIMIT_NOFILE = 7,
    LIMIT_MEMLOCK = 8,
    LIMIT_AS = 9,
    LIMIT_SIGPENDING = 11,
    LIMIT_MSGQUEUE = 12,
    LIMIT_NICE = 13,
    LIMIT_RTPRIO = 14,
    LIMIT_COUNT = 16,
};
#define STACK_LIMIT (UINT64_C(8) << 20)

void os_limits_start(struct process *p)
{
    for (size_t i = 0; i < LIMIT_COUNT; i++) {
        p->limits[i] = (struct os_limit){UINT64_MAX, UINT64_MAX};
    }
    p->limits[LIMIT_STACK] = (struct os_limit){STACK_LIMIT, STACK_LIMIT};
    p->limits[LIMIT_CORE] = (struct os_limit){0, 0};
    p->limits[LIMIT_NPROC] = (struct os_limit){os.manifest->threads, os.manifest->threads};
    p->limits[LIMIT_NOFILE] = (struct os_limit){FS_FD_MAX, FS_FD_MAX};
    p->limits[LIMIT_MEMLOCK] = (struct os_limit){0, 0};
    p->limits[LIMIT_MSGQUEUE] = (struct os_limit){0, 0};
    p->limits[LIMIT_NICE] = (struct os_limit){0, 0};
    p->limits[LIMIT_RTPRIO] = (struct os_limit){0, 0};
}

void os_rlimit(unsigned resource, uint64_t *ret_soft, uint64_t *ret_hard)
{
    REQUIRE(resource < LIMIT_COUNT);
    *ret_soft = os_current()->limits[resource].soft;
    *ret_hard = os_current()->limits[resource].hard;
}

int64_t sys_prlimit64(int pid, int resource, app_ptr new_limit, app_ptr old_limit)
{
    struct os_limit wanted, now;
    struct process *p = os_current();
    if (pid != 0 && pid != p->pid) {
        return -ESRCH;
    }
    if (resource < 0 || resource >= LIMIT_COUNT) {
        return -EINVAL;
    }
    now = p->limits[resource];
    if (new_limit.addr != 0) {
        if (copy_from_app(&wanted, new_limit, sizeof wanted) != 0) {
            return -EFAULT;
        }
        if (wanted.soft > wanted.hard) {
            return -EINVAL;
        }
        if (wanted.hard > now.hard) {
            return -EPERM;
        }
    }
    if (old_limit.addr != 0 && copy_to_app(old_limit, &now, sizeof now) != 0) {
        return -EFAULT;
    }
    if (new_limit.addr != 0) {
        p->limits[resource] = wanted;
    }
    return 0;
}

int64_t sys_getrlimit(int resource, app_ptr limit)
{
    return limit.addr == 0 ? -EFAULT : sys_prlimit64(0, resource, app_at(0), limit);
}

int64_t sys_setrlimit(int resource, app_ptr limit)
{
    return limit.addr == 0 ? -EFAULT : sys_prlimit64(0, resource, limit, app_at(0));
}

int64_t sys_getrusage(int who, app_ptr usage)
{
    enum { RUSAGE_SELF_ = 0, RUSAGE_CHILDREN_ = -1, RUSAGE_THREAD_ = 1 };
    int64_t u[18] = {0}; /* struct rusage: two timevals and 14 counters */
    if (who != RUSAGE_SELF_ && who != RUSAGE_CHILDREN_ && who != RUSAGE_THREAD_) {
        return -EINVAL;
    }
    if (who != RUSAGE_CHILDREN_) {
        uint64_t ns = who == RUSAGE_THREAD_ ? os_thread_cpu_ns(os_self()) : os_process_cpu_ns();
        u[0] = (int64_t)(ns / 1000000000);
        u[1] = (int64_t)(ns % 1000000000 / 1000);
        u[4] = (int64_t)(mm_usage().peak / 1024);
    }
    return copy_to_app(usage, u, sizeof u);
}

int64_t sys_times(app_ptr buffer)
{
    int64_t ticks = (int64_t)(os_process_cpu_ns() / 10000000);
    int64_t t[4] = {ticks, 0, 0, 0};
    if (buffer.addr != 0 && copy_to_app(buffer, t, sizeof t) != 0) {
        return -EFAULT;
    }
    return (int64_t)(rt_clock_ns(1) / 10000000);
}

int64_t sys_sysinfo(app_ptr info)
{
    struct {
        int64_t uptime;
        uint64_t loads[3], total_ram, free_ram, shared_ram, buffer_ram, total_swap, free_swap;
        uint16_t procs, pad;
        uint32_t pad2;
        uint64_t total_high, free_high;
        uint32_t unit;
        uint32_t pad3;
    } s = {.uptime = (int64_t)((rt_clock_ns(1) - os.start_ns) / 1000000000),
           .procs = (uint16_t)os.thread_count,
           .unit = 1};
    _Static_assert(sizeof s == 112, "struct sysinfo");
    struct mm_usage u = mm_usage();
    s.total_ram = u.limit;
    s.free_ram = u.limit - u.charged;
    return copy_to_app(info, &s, sizeof s);
}
