/* SPDX-License-Identifier: Apache-2.0 */
/* The texts of /proc and /sys in Linux's formats (proc(5)), for programs that parse them by column.
 * Fields that nothing inside the enclave knows are 0, which those formats have for "none". */
#include "procfs.h"
#include "pty.h"

#define CLOCK_TICKS 100u

static int viewed; /* 0: the caller */

void proc_view(int pid)
{
    viewed = pid == os_pid() ? 0 : pid;
}

const struct fs_context *proc_files(void)
{
    return viewed == 0 ? os_fs() : os_fs_of(viewed);
}

static void look(struct process_info *ret)
{
    if (viewed == 0 || !os_process_info_of(viewed, ret)) {
        os_process_info(ret);
    }
}

int proc_pid(void)
{
    return os_pid();
}

/* ---- the process
 * -------------------------------------------------------------------------------------- */

static void cmdline(struct fs_text *t, int id)
{
    (void)id;
    if (viewed != 0) {
        os_cmdline_of(viewed, t);
    } else {
        os_cmdline_text(t);
    }
}

static void environment(struct fs_text *t, int id)
{
    (void)id;
    if (viewed == 0) { /* of others it is not known here */
        os_environ_text(t);
    }
}

static void auxv(struct fs_text *t, int id)
{
    (void)id;
    if (viewed == 0) { /* of others it is not known here */
        os_auxv_text(t);
    }
}

static void maps(struct fs_text *t, int id)
{
    (void)id;
    if (viewed == 0 || os_memory_is_here(viewed)) { /* of others it is not known here */
        os_maps_text(t);
    }
}

static void smaps(struct fs_text *t, int id)
{
    (void)id;
    if (viewed == 0 || os_memory_is_here(viewed)) {
        os_smaps_text(t, false);
    }
}

static void smaps_rollup(struct fs_text *t, int id)
{
    (void)id;
    if (viewed == 0 || os_memory_is_here(viewed)) {
        os_smaps_text(t, true);
    }
}

static void comm(struct fs_text *t, int id)
{
    (void)id;
    struct process_info p;
    look(&p);
    fs_printf(t, "%s\n", p.comm);
}

static int set_comm(const char *text, size_t n)
{
    char name[16] = {0};
    for (size_t i = 0; i < n && i < sizeof name - 1 && text[i] != '\n'; i++) {
        name[i] = text[i];
    }
    os_set_comm(name);
    return 0;
}

static const char *state_name(char state)
{
    return state == 'S'   ? "S (sleeping)"
           : state == 'T' ? "T (stopped)"
           : state == 'Z' ? "Z (zombie)"
                          : "R (running)";
}

/* A member has no table: proc_put_right() tells of its process's. */
static unsigned fd_size(void)
{
    const struct fs_context *c = proc_files();
    return c != NULL && c->fds != NULL ? fd_table_room(c->fds) : 0;
}

static void status(struct fs_text *t, int id)
{
    struct process_info p;
    look(&p);
    uint32_t mask = proc_files() != NULL ? proc_files()->umask : 0;
    fs_printf(t, "Name:\t%s\nUmask:\t0%c%c%c\nState:\t%s\n", p.comm, (int)('0' + (mask >> 6)),
              (int)('0' + (mask >> 3 & 7)), (int)('0' + (mask & 7)), state_name(p.state));
    fs_printf(t, "Tgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\nTracerPid:\t0\n", p.pid,
              id != 0 ? id : p.pid, p.ppid);
    fs_printf(t, "Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\nFDSize:\t%u\nGroups:\t \n", fs_uid(),
              fs_uid(), fs_uid(), fs_uid(), fs_gid(), fs_gid(), fs_gid(), fs_gid(), fd_size());
    fs_printf(t, "VmPeak:\t%8llu kB\nVmSize:\t%8llu kB\nVmHWM:\t%8llu kB\nVmRSS:\t%8llu kB\n",
              (unsigned long long)p.vm_peak / 1024, (unsigned long long)p.vm_size / 1024,
              (unsigned long long)p.rss / 1024, (unsigned long long)p.rss / 1024);
    fs_printf(t,
              "Threads:\t%d\nSigPnd:\t%016llx\nSigBlk:\t%016llx\nSigIgn:\t%016llx\n"
              "SigCgt:\t%016llx\n",
              p.thread_count, (unsigned long long)p.pending, (unsigned long long)p.blocked,
              (unsigned long long)p.ignored, (unsigned long long)p.caught);
    fs_printf(t, "CapInh:\t%016x\nCapPrm:\t%016x\nCapEff:\t%016x\nCapBnd:\t%016x\nCapAmb:\t%016x\n",
              0u, 0u, 0u, 0u, 0u);
    fs_printf(t, "NoNewPrivs:\t1\nSeccomp:\t0\n");
    unsigned n = os_cpu_count();
    fs_printf(t, "Cpus_allowed:\t%llx\nCpus_allowed_list:\t0-%u\n",
              n >= 64 ? ~0ull : (1ull << n) - 1, n - 1);
    /* That the host lets others run in its place is not to be seen from inside. */
    fs_printf(t, "voluntary_ctxt_switches:\t%llu\nnonvoluntary_ctxt_switches:\t0\n",
              (unsigned long long)os_thread_sleeps(id != 0 ? id : p.pid));
}

static void stat(struct fs_text *t, int id)
{
    struct process_info p;
    look(&p);
    unsigned long long ticks = p.cpu_ns / (1000000000u / CLOCK_TICKS);
    unsigned long long start = p.start_ns / (1000000000u / CLOCK_TICKS);
    int foreground, terminal = pty_controlling(p.sid, &foreground);
    fs_printf(t, "%d (%s) %c %d %d %d %d %d 0 0 0 0 0 %llu 0 0 0 20 0 %d 0 %llu %llu %llu ",
              id != 0 ? id : p.pid, p.comm, p.state, p.ppid, p.pgid, p.sid, terminal, foreground,
              ticks, p.thread_count, start, (unsigned long long)p.vm_size,
              (unsigned long long)p.rss / 4096);
    fs_printf(t,
              "18446744073709551615 %llu %llu %llu 0 0 %llu %llu %llu %llu 0 0 0 17 0 0 0 0 0 0 "
              "0 0 0 0 0 0 0 0\n",
              (unsigned long long)p.start_code, (unsigned long long)p.end_code,
              (unsigned long long)p.stack_start, (unsigned long long)p.pending,
              (unsigned long long)p.blocked, (unsigned long long)p.ignored,
              (unsigned long long)p.caught);
}

static void statm(struct fs_text *t, int id)
{
    (void)id;
    struct process_info p;
    look(&p);
    fs_printf(t, "%llu %llu 0 %llu 0 0 0\n", (unsigned long long)p.vm_size / 4096,
              (unsigned long long)p.rss / 4096,
              (unsigned long long)(p.end_code - p.start_code) / 4096);
}

static void put_limit(struct fs_text *t, uint64_t v)
{
    if (v == UINT64_MAX) {
        fs_printf(t, "%-20s ", "unlimited");
    } else {
        char number[24];
        base_format(number, sizeof number, "%llu", (unsigned long long)v);
        fs_printf(t, "%-20s ", number);
    }
}

static void limits(struct fs_text *t, int id)
{
    (void)id;
    static const char *const names[16][2] = {
        {"Max cpu time", "seconds"},     {"Max file size", "bytes"},
        {"Max data size", "bytes"},      {"Max stack size", "bytes"},
        {"Max core file size", "bytes"}, {"Max resident set", "bytes"},
        {"Max processes", "processes"},  {"Max open files", "files"},
        {"Max locked memory", "bytes"},  {"Max address space", "bytes"},
        {"Max file locks", "locks"},     {"Max pending signals", "signals"},
        {"Max msgqueue size", "bytes"},  {"Max nice priority", ""},
        {"Max realtime priority", ""},   {"Max realtime timeout", "us"}};
    fs_printf(t, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
    for (unsigned i = 0; i < 16; i++) {
        uint64_t soft, hard;
        if (viewed != 0) {
            os_rlimit_of(viewed, i, &soft, &hard);
        } else {
            os_rlimit(i, &soft, &hard);
        }
        fs_printf(t, "%-25s ", names[i][0]);
        put_limit(t, soft);
        put_limit(t, hard);
        fs_printf(t, "%-10s\n", names[i][1]);
    }
}

static void mounts(struct fs_text *t, int id)
{
    (void)id;
    mounts_text(t, false);
}

static void mountinfo(struct fs_text *t, int id)
{
    (void)id;
    mounts_text(t, true);
}

static void cgroup(struct fs_text *t, int id)
{
    (void)id;
    fs_printf(t, "0::/\n");
}

/* What of it came from storage is the host's to know. */
static void io(struct fs_text *t, int id)
{
    const struct fs_context *c = proc_files();
    (void)id;
    if (c != NULL) {
        fs_printf(t, "rchar: %llu\nwchar: %llu\nsyscr: %llu\nsyscw: %llu\n",
                  (unsigned long long)c->io.read, (unsigned long long)c->io.written,
                  (unsigned long long)c->io.reads, (unsigned long long)c->io.writes);
        fs_printf(t, "read_bytes: 0\nwrite_bytes: 0\ncancelled_write_bytes: 0\n");
    }
}

static void fdinfo(struct fs_text *t, int id)
{
    const struct fs_context *c = proc_files();
    struct file *f = c != NULL && c->fds != NULL ? fd_table_get(c->fds, id) : NULL;
    if (f != NULL) {
        uint32_t flags = f->flags | (fd_table_cloexec(c->fds, id) ? O_CLOEXEC : 0);
        char octal[16];
        size_t at = sizeof octal;
        octal[--at] = 0;
        do {
            octal[--at] = (char)('0' + (flags & 7));
            flags >>= 3;
        } while (flags != 0);
        fs_printf(t, "pos:\t%llu\nflags:\t0%s\nmnt_id:\t1\nino:\t%llu\n",
                  (unsigned long long)f->pos, octal + at, (unsigned long long)f->node->ino);
    }
}

/* ---- links
 * ------------------------------------------------------------------------------------------------
 */

static int exe(int id, struct dentry **ret)
{
    (void)id;
    const struct fs_context *c = proc_files();
    struct file *f = c != NULL ? c->exe : NULL;
    if (f == NULL) {
        return -ENOENT;
    }
    *ret = dentry_ref(f->dentry);
    return 0;
}

static int cwd(int id, struct dentry **ret)
{
    const struct fs_context *c = proc_files();
    (void)id;
    if (c == NULL || c->cwd == NULL) {
        return -ENOENT;
    }
    *ret = dentry_ref(c->cwd);
    return 0;
}

static int root(int id, struct dentry **ret)
{
    (void)id;
    *ret = dentry_ref(dentry_root());
    return 0;
}

static int descriptor(int id, struct dentry **ret)
{
    const struct fs_context *c = proc_files();
    struct file *f = c != NULL && c->fds != NULL ? fd_table_get(c->fds, id) : NULL;
    if (f == NULL) {
        return -ENOENT;
    }
    *ret = dentry_ref(f->dentry);
    return 0;
}

static size_t self(char *ret, size_t capacity)
{
    return base_format(ret, capacity, "%d", proc_pid());
}

static size_t thread_self(char *ret, size_t capacity)
{
    struct process_info p;
    os_process_info(&p);
    return base_format(ret, capacity, "%d/task/%d", p.pid, p.tid);
}

static size_t self_net(char *ret, size_t capacity)
{
    return base_format(ret, capacity, "self/net");
}

static size_t self_mounts(char *ret, size_t capacity)
{
    return base_format(ret, capacity, "self/mounts");
}

/* ---- the system
 * --------------------------------------------------------------------------------------------- */

/* The registers that flags come from, by leaf, subleaf and register (eax ebx ecx edx). */
enum cpu_word { W1D, WX1D, W1C, WX1C, W7B, WD1A, W7C, W7D, CPU_WORDS };
static const struct {
    uint32_t leaf, subleaf, reg;
} cpu_words[CPU_WORDS] = {
    [W1D] = {1, 0, 3}, [WX1D] = {0x80000001, 0, 3}, [W1C] = {1, 0, 2}, [WX1C] = {0x80000001, 0, 2},
    [W7B] = {7, 0, 1}, [WD1A] = {0xd, 1, 0},        [W7C] = {7, 0, 2}, [W7D] = {7, 0, 3},
};

/* What a program can use, in Linux's order; source: arch/x86/include/asm/cpufeatures.h. What only a
 * kernel can is not told. */
static void cpu_flags(struct fs_text *t)
{
    static const struct {
        const char *name;
        uint8_t word, bit; /* enum cpu_word */
    } flags[] = {
#define FLAG(name, word, bit) {#name, word, bit},
#include "cpu_flags.def"
#undef FLAG
    };
    fs_printf(t, "flags\t\t:");
    for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
        const uint8_t word = flags[i].word;
        uint32_t regs[4] = {cpu_words[word].leaf, 0, cpu_words[word].subleaf, 0};
        rt_cpuid(regs);
        if ((regs[cpu_words[word].reg] >> flags[i].bit & 1) != 0) {
            fs_printf(t, " %s", flags[i].name);
        }
    }
    fs_printf(t, "\n");
}

static void cpuinfo(struct fs_text *t, int id)
{
    (void)id;
    uint32_t zero[4] = {0}, one[4] = {1}; /* eax ebx ecx edx */
    rt_cpuid(zero);
    rt_cpuid(one);
    char vendor[13] = {0};
    store_le32(vendor, zero[1]);
    store_le32(vendor + 4, zero[3]);
    store_le32(vendor + 8, zero[2]);
    char brand[49] = {0};
    for (uint32_t i = 0; i < 3; i++) {
        uint32_t part[4] = {0x80000002 + i};
        rt_cpuid(part);
        memcpy(brand + 16 * i, part, sizeof part);
    }
    uint32_t signature = one[0];
    uint32_t family = signature >> 8 & 15, model = signature >> 4 & 15;
    if (family == 6 || family == 15) {
        model |= signature >> 12 & 0xf0;
    }
    family += family == 15 ? signature >> 20 & 255 : 0;
    for (unsigned i = 0; i < os_cpu_count(); i++) {
        fs_printf(t, "processor\t: %u\nvendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\n", i,
                  vendor, family, model);
        fs_printf(t, "model name\t: %s\nstepping\t: %u\n", brand, signature & 15);
        cpu_flags(t);
        fs_printf(t, "\n");
    }
}

static void meminfo(struct fs_text *t, int id)
{
    (void)id;
    struct process_info p;
    os_process_info(&p);
    uint64_t total = p.memory_limit / 1024;
    uint64_t used = p.rss / 1024 < total ? p.rss / 1024 : total;
    static const char *const zeros[] = {"Buffers", "Cached", "SwapCached", "SwapTotal", "SwapFree"};
    fs_printf(t, "MemTotal:       %8llu kB\nMemFree:        %8llu kB\nMemAvailable:   %8llu kB\n",
              (unsigned long long)total, (unsigned long long)(total - used),
              (unsigned long long)(total - used));
    for (size_t i = 0; i < ARRAY_SIZE(zeros); i++) {
        fs_printf(t, "%s: 0 kB\n", zeros[i]);
    }
}

static void system_stat(struct fs_text *t, int id)
{
    (void)id;
    struct process_info p;
    os_process_info(&p);
    /* Of processors the enclave knows what its process did with them. */
    const uint64_t count = os_cpu_count(), all = rt_clock_ns(1) / 10000000 * count;
    const uint64_t used = p.cpu_ns / 10000000 < all ? p.cpu_ns / 10000000 : all;
    fs_printf(t, "cpu  %llu 0 0 %llu 0 0 0 0 0 0\n", (unsigned long long)used,
              (unsigned long long)(all - used));
    for (unsigned i = 0; i < count; i++) {
        fs_printf(t, "cpu%u %llu 0 0 %llu 0 0 0 0 0 0\n", i, (unsigned long long)(used / count),
                  (unsigned long long)((all - used) / count));
    }
    fs_printf(
        t,
        "intr 0\nctxt 0\nsoftirq 0\nbtime %llu\nprocesses 1\nprocs_running %d\nprocs_blocked 0\n",
        (unsigned long long)((rt_clock_ns(0) - rt_clock_ns(1)) / 1000000000), p.thread_count);
}

static void vm_stat(struct fs_text *t, int id)
{
    (void)id;
    fs_printf(t, "pswpin 0\npswpout 0\n"); /* nothing is swapped that the enclave knows of */
}

#define SOCKETS(function, which)                                                                   \
    static void function(struct fs_text *t, int id)                                                \
    {                                                                                              \
        (void)id;                                                                                  \
        os_sockets_text(which, t);                                                                 \
    }
SOCKETS(net_tcp, SOCKETS_TCP)
SOCKETS(net_tcp6, SOCKETS_TCP6)
SOCKETS(net_udp, SOCKETS_UDP)
SOCKETS(net_udp6, SOCKETS_UDP6)
SOCKETS(net_unix, SOCKETS_UNIX)

#define IPC(function, which)                                                                       \
    static void function(struct fs_text *t, int id)                                                \
    {                                                                                              \
        (void)id;                                                                                  \
        os_ipc_text(which, t);                                                                     \
    }
IPC(ipc_shm, IPC_SHM)
IPC(ipc_sem, IPC_SEM)
IPC(ipc_msg, IPC_MSG)
IPC(ipc_limits_sem, IPC_LIMITS_SEM)
IPC(ipc_msgmax, IPC_MSGMAX)
IPC(ipc_msgmnb, IPC_MSGMNB)
IPC(ipc_msgmni, IPC_MSGMNI)
IPC(ipc_shmall, IPC_SHMALL)
IPC(ipc_shmmax, IPC_SHMMAX)
IPC(ipc_shmmni, IPC_SHMMNI)

/* Loopback alone, of which nobody counts what passes. */
static void net_dev(struct fs_text *t, int id)
{
    (void)id;
    fs_printf(t,
              "Inter-|   Receive                                                |  Transmit\n"
              " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets "
              "errs drop fifo colls carrier compressed\n"
              "    lo:       0       0    0    0    0     0          0         0        0       0 "
              "   0    0    0     0       0          0\n");
}

static void uptime(struct fs_text *t, int id)
{
    (void)id;
    uint64_t hundredths = rt_clock_ns(1) / 10000000;
    fs_printf(t, "%llu.%02llu 0.00\n", (unsigned long long)(hundredths / 100),
              (unsigned long long)(hundredths % 100));
}

/* As sys_uname() says. */
#define OS_TYPE    "Linux"
#define OS_RELEASE "5.15.0-alcove"
#define HOST_NAME  "enclave"
#define OS_VERSION "#1 alcove"

static void version(struct fs_text *t, int id)
{
    (void)id;
    fs_printf(t, OS_TYPE " version " OS_RELEASE " " OS_VERSION "\n");
}

static void filesystems(struct fs_text *t, int id)
{
    (void)id;
    fs_printf(t, "nodev\tsysfs\nnodev\ttmpfs\nnodev\tproc\nnodev\tdevtmpfs\n\terofs\n");
}

#define TEXT(function, ...)                                                                        \
    static void function(struct fs_text *t, int id)                                                \
    {                                                                                              \
        (void)id;                                                                                  \
        fs_printf(t, __VA_ARGS__);                                                                 \
    }

TEXT(osrelease, OS_RELEASE "\n")
TEXT(ostype, OS_TYPE "\n")
TEXT(hostname, HOST_NAME "\n")
TEXT(os_version, OS_VERSION "\n")
TEXT(pid_max, "%u\n", 32768u)
TEXT(ngroups_max, "%u\n", 65536u)
TEXT(cap_last_cap, "%u\n", 40u)
TEXT(threads_max, "%u\n", THREADS_MAX)
TEXT(fd_max, "%u\n", FS_FD_MAX)
TEXT(file_max, "%u\n", FS_FILES_MAX)
TEXT(file_nr, "%llu\t0\t%u\n", (unsigned long long)file_count(), FS_FILES_MAX)

static void put_uuid(struct fs_text *t, uint8_t u[16])
{
    u[6] = (uint8_t)((u[6] & 0x0f) | 0x40); /* version 4, RFC 4122 */
    u[8] = (uint8_t)((u[8] & 0x3f) | 0x80);
    char hex[33];
    hex_encode(hex, u, 16);
    fs_printf(t, "%.*s-%.*s-%.*s-%.*s-%s\n", 8, hex, 4, hex + 8, 4, hex + 12, 4, hex + 16,
              hex + 20);
}

static void uuid(struct fs_text *t, int id)
{
    (void)id;
    uint8_t u[16];
    rt_random(u, sizeof u);
    put_uuid(t, u);
}

static void boot_id(struct fs_text *t, int id)
{
    (void)id;
    static uint8_t boot[16]; /* this enclave's start is its boot */
    static bool made;
    if (!made) {
        rt_random(boot, sizeof boot);
        made = true;
    }
    uint8_t u[16];
    memcpy(u, boot, sizeof u);
    put_uuid(t, u);
}

/* ---- of other enclaves' processes ------------------------------------------------------------ */

static void (*const own_texts[])(struct fs_text *t, int id) = {
    comm, cmdline, environment, auxv, maps, smaps, smaps_rollup, stat, statm, status};

unsigned proc_own_text(const struct proc_entry *entry)
{
    for (unsigned i = 0; i < ARRAY_SIZE(own_texts); i++) {
        if (entry->text == own_texts[i]) {
            return i + 1;
        }
    }
    return 0;
}

bool fs_own_text(unsigned which, int id, struct fs_text *t)
{
    if (which == 0 || which > ARRAY_SIZE(own_texts)) {
        return false;
    }
    viewed = 0;
    own_texts[which - 1](t, id);
    return true;
}

static size_t find_text(const struct fs_text *t, const char *wanted)
{
    const size_t n = strlen(wanted);
    for (size_t i = 0; i + n <= t->size; i++) {
        if (memcmp(t->data + i, wanted, n) == 0) {
            return i + n;
        }
    }
    return t->size;
}

/* ") S ppid pgid sid tty tpgid ": what is between the state and the seventh space. */
static void put_ids(struct fs_text *t)
{
    struct process_info p;
    struct fs_text whole = {.data = NULL};
    size_t name = t->size, end;
    unsigned spaces = 0;
    while (name > 0 && t->data[name - 1] != ')') {
        name--;
    }
    for (end = name; end < t->size && (t->data[end] != ' ' || spaces++ < 6); end++) {
    }
    if (name == 0 || end == t->size) {
        return;
    }
    look(&p);
    int foreground, terminal = pty_controlling(p.sid, &foreground);
    fs_text_put(&whole, BYTES(t->data, name + 2));
    fs_printf(&whole, " %d %d %d %d %d", p.ppid, p.pgid, p.sid, terminal, foreground);
    fs_text_put(&whole, BYTES(t->data + end, t->size - end));
    rt_free(t->data);
    *t = whole;
}

static void put_umask(struct fs_text *t)
{
    const size_t at = find_text(t, "\nUmask:\t0");
    const uint32_t mask = proc_files()->umask;
    for (unsigned i = 0; i < 3 && at + i < t->size; i++) {
        t->data[at + i] = (char)('0' + (mask >> (6 - 3 * i) & 7));
    }
}

static void put_fd_size(struct fs_text *t)
{
    struct fs_text whole = {.data = NULL};
    const size_t at = find_text(t, "\nFDSize:\t");
    size_t end = at;
    while (end < t->size && t->data[end] != '\n') {
        end++;
    }
    if (end == t->size) {
        return;
    }
    fs_text_put(&whole, BYTES(t->data, at));
    fs_printf(&whole, "%u", fd_size());
    fs_text_put(&whole, BYTES(t->data + end, t->size - end));
    rt_free(t->data);
    *t = whole;
}

void proc_put_right(const struct proc_entry *entry, struct fs_text *t)
{
    if (!t->failed && entry->text == stat) {
        put_ids(t);
    } else if (!t->failed && entry->text == status) {
        put_umask(t);
        put_fd_size(t);
    }
}

/* ---- tables ---------------------------------------------------------------------------------- */

/* clang-format off */
#define FILE_(n, f)          {.name = (n), .kind = PROC_FILE, .text = (f)}
#define OWN(n, f)            {.name = (n), .kind = PROC_FILE, .own = true, .text = (f)}
#define PRIVATE(n, f)                                                                              \
    {.name = (n), .kind = PROC_FILE, .own = true, .own_only = true, .text = (f)}
#define LINK_(n, f)          {.name = (n), .kind = PROC_LINK, .link = (f)}
#define JUMP(n, f)           {.name = (n), .kind = PROC_LINK, .own = true, .jump = (f)}
#define DIR_(n, table)                                                                             \
    {.name = (n), .kind = PROC_DIR, .entries = (table), .count = ARRAY_SIZE(table)}
#define EACH(n, which, each) {.name = (n), .kind = (which), .own = true, .entries = (each)}
/* clang-format on */

static const struct proc_entry fd_entry = JUMP("", descriptor);
static const struct proc_entry fdinfo_entry = PRIVATE("", fdinfo);

static const struct proc_entry net_entries[] = {FILE_("dev", net_dev),   FILE_("tcp", net_tcp),
                                                FILE_("tcp6", net_tcp6), FILE_("udp", net_udp),
                                                FILE_("udp6", net_udp6), FILE_("unix", net_unix)};

#define PROCESS_ENTRIES                                                                            \
    PRIVATE("auxv", auxv), OWN("cgroup", cgroup), OWN("cmdline", cmdline),                         \
        {.name = "comm", .kind = PROC_FILE, .own = true, .text = comm, .write = set_comm},         \
        JUMP("cwd", cwd), PRIVATE("environ", environment), JUMP("exe", exe),                       \
        PRIVATE("io", io),                                                                         \
        EACH("fd", PROC_DIR_FD, &fd_entry), EACH("fdinfo", PROC_DIR_FDINFO, &fdinfo_entry),        \
        OWN("limits", limits), OWN("maps", maps), OWN("mountinfo", mountinfo),                     \
        OWN("mounts", mounts), DIR_("net", net_entries), JUMP("root", root), OWN("smaps", smaps),  \
        OWN("smaps_rollup", smaps_rollup), OWN("stat", stat), OWN("statm", statm),                 \
        OWN("status", status)

static const struct proc_entry task_entries[] = {PROCESS_ENTRIES};
static const struct proc_entry task_entry = {.name = "",
                                             .kind = PROC_DIR,
                                             .own = true,
                                             .entries = task_entries,
                                             .count = ARRAY_SIZE(task_entries)};
static const struct proc_entry process_entries[] = {PROCESS_ENTRIES,
                                                    EACH("task", PROC_DIR_TASK, &task_entry)};
static const struct proc_entry process = {.name = "",
                                          .kind = PROC_DIR,
                                          .own = true,
                                          .entries = process_entries,
                                          .count = ARRAY_SIZE(process_entries)};

static const struct proc_entry random_entries[] = {FILE_("boot_id", boot_id), FILE_("uuid", uuid)};
static const struct proc_entry kernel_entries[] = {FILE_("cap_last_cap", cap_last_cap),
                                                   FILE_("hostname", hostname),
                                                   FILE_("msgmax", ipc_msgmax),
                                                   FILE_("msgmnb", ipc_msgmnb),
                                                   FILE_("msgmni", ipc_msgmni),
                                                   FILE_("ngroups_max", ngroups_max),
                                                   FILE_("osrelease", osrelease),
                                                   FILE_("ostype", ostype),
                                                   FILE_("pid_max", pid_max),
                                                   DIR_("random", random_entries),
                                                   FILE_("sem", ipc_limits_sem),
                                                   FILE_("shmall", ipc_shmall),
                                                   FILE_("shmmax", ipc_shmmax),
                                                   FILE_("shmmni", ipc_shmmni),
                                                   FILE_("threads-max", threads_max),
                                                   FILE_("version", os_version)};
static const struct proc_entry sysctl_fs_entries[] = {FILE_("file-max", file_max),
                                                      FILE_("file-nr", file_nr),
                                                      FILE_("nr_open", fd_max)};
static const struct proc_entry sysctl_entries[] = {DIR_("fs", sysctl_fs_entries),
                                                   DIR_("kernel", kernel_entries)};
static const struct proc_entry ipc_entries[] = {
    FILE_("msg", ipc_msg), FILE_("sem", ipc_sem), FILE_("shm", ipc_shm)};
static const struct proc_entry root_entries[] = {FILE_("cpuinfo", cpuinfo),
                                                 FILE_("filesystems", filesystems),
                                                 FILE_("meminfo", meminfo),
                                                 LINK_("mounts", self_mounts),
                                                 LINK_("net", self_net),
                                                 LINK_("self", self),
                                                 FILE_("stat", system_stat),
                                                 DIR_("sys", sysctl_entries),
                                                 DIR_("sysvipc", ipc_entries),
                                                 LINK_("thread-self", thread_self),
                                                 FILE_("uptime", uptime),
                                                 FILE_("version", version),
                                                 FILE_("vmstat", vm_stat)};
const struct proc_entry proc_root = {.name = "",
                                     .kind = PROC_DIR,
                                     .entries = root_entries,
                                     .count = ARRAY_SIZE(root_entries),
                                     .process = &process};
