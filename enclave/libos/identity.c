/* SPDX-License-Identifier: Apache-2.0 */
/* Who the process is and on what it runs: answers that come from the manifest or are constants.
 * None of them comes from the host, except the number of processors, which is a hint. */
#include <errno.h>

#include "libos/numbers.h"
#include "mm/mm.h"
#include "proc/call_client.h"
#include "proc/call_server.h"
#include "proc/table.h"
#include "process.h"
#include "signals/signals.h"

int64_t sys_getpid(void)
{
    return os_current()->pid;
}

int64_t sys_getppid(void)
{
    return __atomic_load_n(&os_current()->ppid, __ATOMIC_RELAXED);
}

int64_t sys_gettid(void)
{
    return os_self()->tid;
}

static bool is_self(int pid)
{
    return pid == 0 || pid == os_current()->pid;
}

bool os_is_somebody(int who)
{
    int session;
    return who > 0 ? process_by_pid(who) != NULL : process_group_exists(-who, &session);
}

/* A process or thread of the tree; 0: the caller. */
static bool is_there(int id)
{
    const int of_process = 0; /* PRIO_PROCESS */
    return is_self(id) || (os_is_member() ? REMOTE_CALL(SYS_getpriority, of_process, (uint64_t)id)
                                          : sys_getpriority(of_process, id)) > 0;
}

int64_t sys_getuid(void)
{
    return os.manifest->uid;
}

int64_t sys_geteuid(void)
{
    return os.manifest->uid;
}

int64_t sys_getgid(void)
{
    return os.manifest->gid;
}

int64_t sys_getegid(void)
{
    return os.manifest->gid;
}

#define GROUPS_TOP 65536 /* NGROUPS_MAX */

int64_t sys_getgroups(int count, app_ptr list)
{
    const struct process *p = os_current();
    if (count < 0 || (count > 0 && count < p->group_count)) {
        return -EINVAL;
    }
    size_t size = (size_t)p->group_count * sizeof p->groups[0];
    if (count > 0 && size > 0 && copy_to_app(list, p->groups, size) != 0) {
        return -EFAULT;
    }
    return p->group_count;
}

/* Kept and told: uid 0 may do with every file what these could allow. */
int64_t sys_setgroups(int count, app_ptr list)
{
    uint32_t wanted[GROUPS_MAX] = {0};
    if (os.manifest->uid != 0) {
        return -EPERM;
    }
    if (count < 0 || count > GROUPS_TOP) {
        return -EINVAL;
    }
    if (count > (int)GROUPS_MAX) {
        return -ENOMEM;
    }
    if (copy_from_app(wanted, list, (size_t)count * sizeof wanted[0]) != 0) {
        return -EFAULT;
    }
    memcpy(os_current()->groups, wanted, sizeof wanted);
    os_current()->group_count = count;
    return 0;
}

static int64_t three_times(uint32_t id, app_ptr a, app_ptr b, app_ptr c)
{
    if (copy_to_app(a, &id, sizeof id) != 0 || copy_to_app(b, &id, sizeof id) != 0 ||
        copy_to_app(c, &id, sizeof id) != 0) {
        return -EFAULT;
    }
    return 0;
}

int64_t sys_getresuid(app_ptr real, app_ptr effective, app_ptr saved)
{
    return three_times(os.manifest->uid, real, effective, saved);
}

int64_t sys_getresgid(app_ptr real, app_ptr effective, app_ptr saved)
{
    return three_times(os.manifest->gid, real, effective, saved);
}

/* Whoever asks for what is already so gets it; anything else is the manifest's to say. */
static bool keeps(int id, uint32_t now)
{
    return id == -1 || (uint32_t)id == now;
}

int64_t sys_setuid(int uid)
{
    return uid == -1 ? -EINVAL : keeps(uid, os.manifest->uid) ? 0 : -EPERM;
}

int64_t sys_setgid(int gid)
{
    return gid == -1 ? -EINVAL : keeps(gid, os.manifest->gid) ? 0 : -EPERM;
}

int64_t sys_setreuid(int real, int effective)
{
    return keeps(real, os.manifest->uid) && keeps(effective, os.manifest->uid) ? 0 : -EPERM;
}

int64_t sys_setregid(int real, int effective)
{
    return keeps(real, os.manifest->gid) && keeps(effective, os.manifest->gid) ? 0 : -EPERM;
}

int64_t sys_setresuid(int real, int effective, int saved)
{
    return keeps(saved, os.manifest->uid) ? sys_setreuid(real, effective) : -EPERM;
}

int64_t sys_setresgid(int real, int effective, int saved)
{
    return keeps(saved, os.manifest->gid) ? sys_setregid(real, effective) : -EPERM;
}

/* They change nothing, and answer who it is, even for a refusal. */
int64_t sys_setfsuid(int uid)
{
    (void)uid;
    return os.manifest->uid;
}

int64_t sys_setfsgid(int gid)
{
    (void)gid;
    return os.manifest->gid;
}

/* linux/capability.h: effective, permitted and inheritable, 32 of them in version 1, twice that
 * later. */
enum { CAPABILITIES_1 = 0x19980330, CAPABILITIES_2 = 0x20071026, CAPABILITIES_3 = 0x20080522 };
enum { CAPABILITY_WORDS = 6 };

/* *ret_words 0: it names no version, and has been told one. */
static int capability_header(app_ptr header, int32_t *ret_pid, size_t *ret_words)
{
    struct {
        uint32_t version;
        int32_t pid;
    } h;
    if (copy_from_app(&h, header, sizeof h) != 0) {
        return -EFAULT;
    }
    *ret_pid = h.pid;
    switch (h.version) {
    case CAPABILITIES_1:
        *ret_words = CAPABILITY_WORDS / 2;
        return 0;
    case CAPABILITIES_2:
    case CAPABILITIES_3:
        *ret_words = CAPABILITY_WORDS;
        return 0;
    default:
        *ret_words = 0;
        h.version = CAPABILITIES_3;
        return copy_to_app(header, &h, sizeof h);
    }
}

int64_t sys_capget(app_ptr header, app_ptr data)
{
    const uint32_t none[CAPABILITY_WORDS] = {0};
    int32_t pid;
    size_t words;
    int err = capability_header(header, &pid, &words);
    if (err != 0) {
        return err;
    }
    if (words == 0) {
        return data.addr == 0 ? 0 : -EINVAL;
    }
    if (pid < 0) {
        return -EINVAL;
    }
    if (!is_there(pid)) {
        return -ESRCH;
    }
    return data.addr == 0 ? 0 : copy_to_app(data, none, words * sizeof none[0]);
}

/* Who has none can give up what it has not. */
int64_t sys_capset(app_ptr header, app_ptr data)
{
    uint32_t wanted[CAPABILITY_WORDS] = {0}, any = 0;
    int32_t pid;
    size_t words;
    int err = capability_header(header, &pid, &words);
    if (err != 0 || words == 0) {
        return err != 0 ? err : -EINVAL;
    }
    if (!is_self(pid)) {
        return -EPERM;
    }
    if (copy_from_app(wanted, data, words * sizeof wanted[0]) != 0) {
        return -EFAULT;
    }
    for (size_t i = 0; i < words; i++) {
        any |= wanted[i];
    }
    return any == 0 ? 0 : -EPERM;
}

int64_t sys_arch_prctl(int code, uint64_t addr)
{
    enum { SET_GS = 0x1001, SET_FS = 0x1002, GET_FS = 0x1003, GET_GS = 0x1004 };
    uint64_t base;
    switch (code) {
    case SET_FS:
        if (addr >= ELRANGE_SIZE) { /* also keeps it canonical */
            return -EPERM;
        }
        rt_set_fsbase(addr);
        return 0;
    case GET_FS:
        base = rt_get_fsbase();
        return copy_to_app(app_at(addr), &base, sizeof base);
    case SET_GS: /* GS is the runtime's */
    case GET_GS:
    default:
        return -EINVAL;
    }
}

int64_t sys_prctl(int option, uint64_t arg2, uint64_t arg3, uint64_t arg4, uint64_t arg5)
{
    enum {
        SET_PDEATHSIG = 1,
        GET_PDEATHSIG = 2,
        GET_DUMPABLE = 3,
        SET_DUMPABLE = 4,
        SET_NAME = 15,
        GET_NAME = 16,
        CAPBSET_READ = 23,
        SET_NO_NEW_PRIVS = 38,
        GET_NO_NEW_PRIVS = 39,
        SET_CHILD_SUBREAPER = 36,
        GET_CHILD_SUBREAPER = 37,
        SET_VMA = 0x53564d41
    };
    struct os_thread *t = os_self();
    struct process *p = os_current();
    char name[COMM_SIZE] = "";
    int64_t n;
    int32_t word;
    bool first = t->tid == p->pid;
    if (os_is_member() &&
        (option == SET_PDEATHSIG || option == GET_PDEATHSIG || option == SET_CHILD_SUBREAPER ||
         option == GET_CHILD_SUBREAPER || (option == SET_NAME && first))) {
        n = REMOTE_CALL(SYS_prctl, (uint64_t)option, arg2, arg3, arg4, arg5);
        if (n != 0 || option != SET_NAME) {
            return n;
        }
    }
    switch (option) {
    case SET_NAME:
        n = string_from_app(name, app_at(arg2), COMM_SIZE);
        if (n < 0 && n != -ENAMETOOLONG) {
            return n;
        }
        name[COMM_SIZE - 1] = '\0';
        os_set_comm(name);
        return 0;
    case GET_NAME:
        return copy_to_app(app_at(arg2), t->comm, COMM_SIZE);
    case SET_PDEATHSIG:
        if (arg2 > SIGNALS) {
            return -EINVAL;
        }
        p->death_signal = (int)arg2;
        return 0;
    case GET_PDEATHSIG:
        return copy_to_app(app_at(arg2), &p->death_signal, sizeof p->death_signal);
    case SET_CHILD_SUBREAPER:
        p->subreaper = arg2 != 0;
        return 0;
    case GET_CHILD_SUBREAPER:
        word = p->subreaper;
        return copy_to_app(app_at(arg2), &word, sizeof word);
    case GET_DUMPABLE:
        return 0;
    case SET_DUMPABLE: /* no dump is ever written */
        return arg2 > 1 ? -EINVAL : 0;
    case CAPBSET_READ:
        return arg2 > 63 ? -EINVAL : 0;
    case SET_NO_NEW_PRIVS:
        return arg2 != 1 || arg3 != 0 || arg4 != 0 || arg5 != 0 ? -EINVAL : 0;
    case GET_NO_NEW_PRIVS: /* there are none to gain */
        return 1;
    case SET_VMA: /* names are for people who look from outside */
        return 0;
    default:
        return -EINVAL;
    }
}

int64_t sys_uname(app_ptr name)
{
    static const struct {
        char sysname[65], nodename[65], release[65], version[65], machine[65], domain[65];
    } u = {.sysname = "Linux",
           .nodename = "enclave",
           .release = "5.15.0-alcove",
           .version = "#1 alcove",
           .machine = "x86_64",
           .domain = "(none)"};
    return copy_to_app(name, &u, sizeof u);
}

int64_t sys_personality(uint64_t persona)
{
    enum { ASK = 0xffffffff, NO_RANDOMIZE = 0x40000 }; /* linux/personality.h */
    const uint32_t was = os_current()->persona;
    if ((uint32_t)persona == ASK) {
        return was;
    }
    if ((persona & ~(uint64_t)NO_RANDOMIZE) != 0) {
        return -EINVAL;
    }
    os_current()->persona = (uint32_t)persona;
    return was;
}

int64_t sys_getrandom(app_ptr buffer, uint64_t size, uint32_t flags)
{
    enum { NONBLOCK = 1, RANDOM = 2, INSECURE = 4 };
    uint8_t chunk[256];
    if ((flags & ~7u) != 0 || (flags & (RANDOM | INSECURE)) == (RANDOM | INSECURE)) {
        return -EINVAL;
    }
    size = size < FS_IO_MAX ? size : FS_IO_MAX;
    for (uint64_t done = 0; done < size;) {
        uint64_t n = size - done < sizeof chunk ? size - done : sizeof chunk;
        rt_random(chunk, n);
        if (copy_to_app(app_add(buffer, done), chunk, n) != 0) {
            return done > 0 ? (int64_t)done : -EFAULT;
        }
        done += n;
    }
    secure_zero(chunk, sizeof chunk);
    return (int64_t)size;
}

/* ---- scheduling
 * ------------------------------------------------------------------------------------------ */

unsigned os_cpu_count(void)
{
    unsigned cpus = rt_cpu_count();
    return cpus < os.manifest->threads ? cpus : os.manifest->threads;
}

static uint64_t all_cpus(void)
{
    unsigned n = os_cpu_count();
    return n == 64 ? UINT64_MAX : (UINT64_C(1) << n) - 1;
}

static bool is_thread(int pid)
{
    os_lock();
    bool found = pid == 0 || os_thread_by_tid(pid) != NULL;
    os_unlock();
    return found;
}

int64_t sys_sched_yield(void)
{
    __builtin_ia32_pause();
    return 0;
}

int64_t sys_sched_setaffinity(int pid, uint64_t size, app_ptr mask)
{
    struct os_thread *t = pid == 0 ? os_self() : os_thread_by_tid(pid);
    uint64_t bits = 0;
    if (t == NULL) {
        return -ESRCH;
    }
    if (copy_from_app(&bits, mask, size < sizeof bits ? size : sizeof bits) != 0) {
        return -EFAULT;
    }
    bits &= all_cpus();
    if (bits == 0) {
        return -EINVAL;
    }
    t->affinity = bits;
    return 0;
}

int64_t sys_sched_getaffinity(int pid, uint64_t size, app_ptr mask)
{
    const struct os_thread *t = pid == 0 ? os_self() : os_thread_by_tid(pid);
    if (t == NULL) {
        return -ESRCH;
    }
    uint64_t bits = t->affinity == 0 ? all_cpus() : t->affinity;
    if (size < sizeof bits || size % sizeof bits != 0) {
        return -EINVAL;
    }
    return copy_to_app(mask, &bits, sizeof bits) != 0 ? -EFAULT : (int64_t)sizeof bits;
}

/* The policy that a thread has been given, which nobody here follows; set: a new one, or -1. */
static int64_t policy_of(int pid, int set)
{
    os_lock();
    struct os_thread *t = pid == 0 ? os_self() : os_thread_by_tid(pid);
    if (t != NULL && set >= 0) {
        t->policy = set;
    }
    int64_t r = t == NULL ? -ESRCH : set >= 0 ? 0 : t->policy;
    os_unlock();
    return r;
}

int64_t sys_sched_getscheduler(int pid)
{
    return pid < 0 ? -EINVAL : policy_of(pid, -1);
}

int64_t sys_sched_getparam(int pid, app_ptr param)
{
    const int32_t priority = 0;
    if (pid < 0 || param.addr == 0) {
        return -EINVAL;
    }
    return is_thread(pid) ? copy_to_app(param, &priority, sizeof priority) : -ESRCH;
}

/* struct sched_param; the policies that there are have priority 0. */
int64_t sys_sched_setparam(int pid, app_ptr param)
{
    int32_t priority;
    if (pid < 0 || param.addr == 0) {
        return -EINVAL;
    }
    if (copy_from_app(&priority, param, sizeof priority) != 0) {
        return -EFAULT;
    }
    return !is_thread(pid) ? -ESRCH : priority != 0 ? -EINVAL : 0;
}

int64_t sys_sched_setscheduler(int pid, int policy, app_ptr param)
{
    enum { OTHER = 0, FIFO = 1, RR = 2, BATCH = 3, IDLE = 5, RESET_ON_FORK = 0x40000000 };
    int kind = policy & ~RESET_ON_FORK;
    int32_t priority;
    if (policy < 0 || pid < 0 || param.addr == 0) {
        return -EINVAL;
    }
    if (copy_from_app(&priority, param, sizeof priority) != 0) {
        return -EFAULT;
    }
    if (!is_thread(pid)) {
        return -ESRCH;
    }
    if (kind == FIFO || kind == RR) {
        return priority < 1 || priority > 99 ? -EINVAL : -EPERM; /* nobody here has CAP_SYS_NICE */
    }
    return (kind != OTHER && kind != BATCH && kind != IDLE) || priority != 0
               ? -EINVAL
               : policy_of(pid, policy);
}

int64_t sys_sched_rr_get_interval(int pid, app_ptr interval)
{
    const int64_t slice[2] = {0, 4000000}; /* as Linux says for SCHED_OTHER on a quiet machine */
    if (pid < 0) {
        return -EINVAL;
    }
    return is_thread(pid) ? copy_to_app(interval, slice, sizeof slice) : -ESRCH;
}

int64_t sys_sched_get_priority_max(int policy)
{
    return policy == 1 || policy == 2                  ? 99
           : policy == 0 || policy == 3 || policy == 5 ? 0
                                                       : -EINVAL;
}

int64_t sys_sched_get_priority_min(int policy)
{
    return policy == 1 || policy == 2 ? 1 : policy == 0 || policy == 3 || policy == 5 ? 0 : -EINVAL;
}

int64_t sys_getcpu(app_ptr cpu, app_ptr node)
{
    const uint32_t zero = 0;
    if ((cpu.addr != 0 && copy_to_app(cpu, &zero, sizeof zero) != 0) ||
        (node.addr != 0 && copy_to_app(node, &zero, sizeof zero) != 0)) {
        return -EFAULT;
    }
    return 0;
}

int64_t sys_membarrier(int command, uint32_t flags, int cpu)
{
    enum { QUERY = 0 };
    (void)cpu;
    /* Threads of an enclave cannot be interrupted at will, so no barrier can be given. */
    return command == QUERY && flags == 0 ? 0 : -EINVAL;
}

/* ---- /proc/self
 * ------------------------------------------------------------------------------------------ */

void os_process_info(struct process_info *ret)
{
    const struct os_thread *t = os.looked_at != NULL ? os.looked_at : os_self();
    const struct process *p = t->process;
    struct mm_usage u = mm_usage();
    *ret = (struct process_info){.state = os.looked_at == NULL   ? 'R'
                                          : os.looked_at_stopped ? 'T'
                                          : t->waiting           ? 'S'
                                                                 : 'R',
                                 .pid = p->pid,
                                 .tid = t->tid,
                                 .ppid = p->ppid,
                                 .pgid = p->pgid,
                                 .sid = p->sid,
                                 .thread_count = os.thread_count,
                                 .vm_size = u.mapped,
                                 .vm_peak = u.mapped > u.peak ? u.mapped : u.peak,
                                 .rss = u.charged,
                                 .memory_limit = u.limit,
                                 .start_ns = p->start_ns,
                                 .cpu_ns = os_process_cpu_ns(),
                                 .stack_start = os.stack_start,
                                 .start_code = os.code_start,
                                 .end_code = os.code_end,
                                 .pending = t->pending | p->pending,
                                 .blocked = t->blocked};
    signal_masks(p, &ret->ignored, &ret->caught);
    memcpy(ret->comm, t->comm, sizeof ret->comm);
}

void os_set_comm(const char *comm)
{
    struct os_thread *t = os_self();
    if (t->server != NULL) {
        call_server_set_comm(t->server, comm);
    }
    size_t n = strlen(comm);
    memset(t->comm, 0, COMM_SIZE);
    memcpy(t->comm, comm, n < COMM_SIZE - 1 ? n : COMM_SIZE - 1);
    if (t->tid == t->process->pid) {
        memcpy(t->process->comm, t->comm, COMM_SIZE);
    }
}

/* What lies on the workload's stack since its start; it may have changed it, as on Linux. */
static void text_from_app(struct fs_text *t, uint64_t at, uint64_t size)
{
    uint8_t chunk[256];
    for (uint64_t done = 0; done < size;) {
        uint64_t n = size - done < sizeof chunk ? size - done : sizeof chunk;
        if (copy_from_app(chunk, app_at(at + done), n) != 0) {
            t->failed = true;
            return;
        }
        fs_text_put(t, BYTES(chunk, n));
        done += n;
    }
}

void os_cmdline_text(struct fs_text *t)
{
    text_from_app(t, os.args_start, os.args_size);
}

void os_environ_text(struct fs_text *t)
{
    text_from_app(t, os.env_start, os.env_size);
}

void os_auxv_text(struct fs_text *t)
{
    text_from_app(t, os.auxv_start, os.auxv_size);
}
