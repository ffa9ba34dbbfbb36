/* SPDX-License-Identifier: Apache-2.0 */
/* Resource limits and usage, of processes. */
#include <errno.h>

#include "libos/numbers.h"
#include "mm/mm.h"
#include "proc/call_client.h"
#include "proc/table.h"
#include "proc/usage.h"

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
    p->limits[LIMIT_NOFILE] = (struct os_limit){FS_FD_SOFT, FS_FD_MAX};
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

/* Limits are where a process's calls are served that they bound: descriptors with the owner, so it
 * keeps all of them; a member keeps a copy of its own, for what it serves itself. */
int64_t sys_prlimit64(int pid, int resource, app_ptr new_limit, app_ptr old_limit)
{
    struct os_limit wanted, now;
    struct process *p = os_current();
    if (os_is_member() && ((pid != 0 && pid != p->pid) || new_limit.addr != 0)) {
        int64_t r = REMOTE_CALL(SYS_prlimit64, (uint64_t)pid, (uint64_t)resource, new_limit.addr,
                                old_limit.addr);
        if (r != 0 || (pid != 0 && pid != p->pid)) {
            return r;
        }
        old_limit = app_at(0);
    } else if (pid != 0 && pid != p->pid) {
        p = process_by_pid(pid);
    }
    if (p == NULL || p->state == PROCESS_ZOMBIE) {
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

struct process_usage usage_now(void)
{
    struct process_usage u = {.cpu_ns = os_process_cpu_ns(),
                              .peak_kib = mm_usage().peak / 1024,
                              .sleeps = os.sleeps_gone};
    for (const struct os_thread *t = os.threads; t != NULL; t = t->next) {
        u.sleeps += t->sleeps;
    }
    return u;
}

int64_t sys_getrusage(int who, app_ptr usage)
{
    enum { SELF = 0, CHILDREN = -1, THREAD = 1 };
    struct process_usage u = usage_now();
    switch (who) {
    case CHILDREN:
        if (os_is_member()) {
            return REMOTE_CALL(SYS_getrusage, (uint64_t)who, usage.addr);
        }
        u = os_current()->children;
        break;
    case THREAD:
        u.cpu_ns = os_thread_cpu_ns(os_self());
        u.sleeps = os_self()->sleeps;
        break;
    case SELF:
        break;
    default:
        return -EINVAL;
    }
    return usage_put(usage, &u);
}

static int64_t ticks_of(uint64_t ns)
{
    return (int64_t)(ns / 10000000);
}

int64_t sys_times(app_ptr buffer)
{
    int64_t t[4] = {0}; /* user and system time, of the process and its children */
    if (os_is_member() && buffer.addr != 0) { /* the owner knows of the children */
        int64_t r = REMOTE_CALL(SYS_times, buffer.addr);
        if (r < 0 || copy_from_app(t, buffer, sizeof t) != 0) {
            return r < 0 ? r : -EFAULT;
        }
    } else {
        t[2] = ticks_of(os_current()->children.cpu_ns);
    }
    t[0] = ticks_of(os_process_cpu_ns());
    if (buffer.addr != 0 && copy_to_app(buffer, t, sizeof t) != 0) {
        return -EFAULT;
    }
    return ticks_of(rt_clock_ns(1));
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
