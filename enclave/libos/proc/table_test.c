/* SPDX-License-Identifier: Apache-2.0 */
/* The table of processes and the calls that it serves, with processes that are entries only: who is
 * whose child, who is told what, what is left of whom. Sources: the manual pages, kernel/exit.c,
 * kernel/signal.c. */
#include <errno.h>
#include <string.h>

#include "events.h"
#include "fs/test_host.h"
#include "fs/vfs.h"
#include "libos/syscalls.h"
#include "pidfd.h"
#include "call_client.h"
#include "signals/signals.h"
#include "table.h"
#include "tests/tap.h"

/* ---- what stands for the rest of the library OS
 * ------------------------------------------------------- */

struct os_state os;
static struct manifest manifest;
static struct os_thread self;

struct os_thread *os_self(void)
{
    return &self;
}

struct os_thread *os_thread_by_tid(int tid)
{
    return tid == self.tid ? &self : NULL;
}

void os_limits_start(struct process *p)
{
    p->limits[7] = (struct os_limit){FS_FD_MAX, FS_FD_MAX};
}

int64_t remote_call(uint64_t number, const uint64_t args[CALL_ARGS])
{
    (void)number, (void)args;
    REQUIRE(!"a member");
    return 0;
}

/* The last signal that somebody got, and how many since the last look. */
static struct {
    const struct process *to;
    struct signal_info info;
    int count;
    uint64_t set;
} sent;

static void note_signal(const struct process *p, const struct signal_info *info)
{
    sent.to = p;
    sent.info = *info;
    sent.count++;
    sent.set |= SIGNAL_BIT(info->signo);
}

int signal_to_process(struct process *p, const struct signal_info *info)
{
    note_signal(p, info);
    if (info->signo == OS_SIGCONT) {
        process_continued(p);
    }
    return 0;
}

int signal_to_thread(struct os_thread *t, const struct signal_info *info)
{
    note_signal(t->process, info);
    return 0;
}

int os_anon_file(struct node *take_n, const char *name, uint32_t flags, struct file **ret)
{
    static struct fs fs;
    take_n->fs = &fs;
    take_n->refs = 1;
    struct dentry *d = dentry_new_anon(name, take_n);
    *ret = file_new(take_n->ops->file_ops, d, take_n, flags);
    dentry_unref(d);
    node_unref(take_n);
    return *ret == NULL ? -ENOMEM : 0;
}

int64_t os_install(struct file *take_f, bool cloexec)
{
    int64_t fd = fd_install(take_f, 0, cloexec);
    file_unref(take_f);
    return fd;
}

/* ---- help
 * ------------------------------------------------------------------------------------ */

static struct process *first;

static void forget_signals(void)
{
    memset(&sent, 0, sizeof sent);
}

/* fd_install() and its kin work for os_fs(), which test_host has: it is given the descriptors. */
static void become(struct process *p)
{
    os_fs()->fds = p->fs.fds;
    self.process = p;
}

static struct process *child_of(struct process *p)
{
    struct process *c;
    REQUIRE(process_new(p, 0, OS_SIGCHLD, &c) == 0);
    return c;
}

static int wait_any(int *ret_status)
{
    *ret_status = -1;
    return (int)sys_wait4(-1, host_app(ret_status), 1 /* WNOHANG */, app_at(0));
}

static void start(void)
{
    struct fs_context *c = os_fs();
    static struct fs fs;
    static struct node directory = {.fs = &fs, .refs = 1000, .mode = S_IFDIR | 0755};
    manifest.uid = 1000;
    os.manifest = &manifest;
    os.next_tid = FIRST_PID + 1;
    REQUIRE(process_start_first(&first) == 0);
    os.process = first;
    self.tid = first->pid;
    c->cwd = dentry_new_anon("somewhere", &directory);
    first->fs.cwd = dentry_ref(c->cwd);
    fd_table_unref(c->fds); /* test_host's own */
    memcpy(first->comm, "first", 6);
    become(first);
}

/* ---- tests
 * ----------------------------------------------------------------------------------- */

static void test_birth(void)
{
    struct process *a = child_of(first), *b = child_of(a);
    CHECK(a->pid != first->pid && b->pid != a->pid, "numbers differ");
    CHECK(a->ppid == first->pid && b->ppid == a->pid, "children know their parents");
    CHECK(a->pgid == first->pgid && b->sid == first->sid, "group and session are inherited");
    CHECK(strcmp(b->comm, "first") == 0, "and the name");
    CHECK(process_by_pid(b->pid) == b && process_by_pid(9999) == NULL, "they are found by number");
    CHECK(process_count() == 3, "and counted");
    process_cancel(b);
    CHECK(process_count() == 2, "one that could not start never was");
    struct process *c;
    become(a);
    REQUIRE(process_new(a, PROCESS_SIBLING, 0, &c) == 0);
    CHECK(c->parent == first && c->exit_signal == OS_SIGCHLD, "CLONE_PARENT makes a sibling");
    become(first);
    process_cancel(c);
    process_cancel(a);
    struct process *all[PROCESSES_MAX];
    unsigned n = 0;
    while (n < PROCESSES_MAX && process_new(first, 0, OS_SIGCHLD, &all[n]) == 0) {
        n++;
    }
    CHECK(n == PROCESSES_MAX - 1, "there may be so many processes");
    CHECK(process_new(first, 0, OS_SIGCHLD, &c) == -EAGAIN, "and no more");
    while (n > 0) {
        process_cancel(all[--n]);
    }
    os.next_tid = PID_MAX - 1;
    a = child_of(first);
    b = child_of(first);
    CHECK(a->pid == PID_MAX - 1 && b->pid == 300, "numbers begin again");
    process_cancel(a);
    process_cancel(b);
}

static void test_exit_and_wait(void)
{
    int status;
    CHECK(wait_any(&status) == -ECHILD, "without children there is nothing to wait for");
    struct process *a = child_of(first), *b = child_of(first);
    int pid_a = a->pid, pid_b = b->pid;
    CHECK(wait_any(&status) == 0, "two run: WNOHANG says 0");
    forget_signals();
    const struct process_usage used = {.cpu_ns = 1500000000, .peak_kib = 700};
    process_end(b, STATUS_EXITED(7), &used);
    CHECK(sent.count == 1 && sent.to == first && sent.info.signo == OS_SIGCHLD, "SIGCHLD is sent");
    CHECK(sent.info.code == 1 && sent.info.pid == pid_b && sent.info.value == 7 &&
              sent.info.uid == 1000 && sent.info.user_ticks == 150,
          "with who, how and what it used");
    CHECK(process_by_pid(pid_b) == b && b->state == PROCESS_ZOMBIE, "a zombie stays");
    CHECK(sys_wait4(pid_a, host_app(&status), 1, app_at(0)) == 0, "the other one runs");
    int64_t usage[18];
    CHECK(sys_wait4(pid_b, host_app(&status), 0, host_app(usage)) == pid_b && status == 7 << 8 &&
              usage[0] == 1 && usage[1] == 500000 && usage[4] == 700,
          "wait4 tells status and usage");
    CHECK(process_by_pid(pid_b) == NULL, "and the zombie is gone");
    CHECK(sys_wait4(pid_b, host_app(&status), 0, app_at(0)) == -ECHILD, "it cannot be had twice");
    process_end(a, STATUS_SIGNALED(OS_SIGKILL), NULL);
    CHECK(sent.info.code == 2 && sent.info.value == 9, "a killed one says by what");
    host_bad_start = (uint64_t)(uintptr_t)&status;
    host_bad_end = host_bad_start + sizeof status;
    CHECK(sys_wait4(-1, host_app(&status), 0, app_at(0)) == -EFAULT && process_by_pid(pid_a) == a,
          "memory that cannot be written loses no child");
    host_bad_start = host_bad_end = 0;
    CHECK(sys_wait4(-1, app_at(0), 0, app_at(0)) == pid_a, "nobody need write a status");
    CHECK(first->children.cpu_ns == 1500000000 && first->children.peak_kib == 700,
          "what they used is the parent's children's");
    CHECK(sys_wait4(-1, app_at(0), 0x40, app_at(0)) == -EINVAL, "unknown options");
    CHECK(sys_wait4(INT32_MIN, app_at(0), 0, app_at(0)) == -ESRCH, "no group has that number");
}

static int blocks;
static struct process *ending;
static int end_it(struct wait_queue *q, uint64_t deadline)
{
    (void)deadline;
    REQUIRE(q == &first->child_changed && ++blocks < 3);
    if (blocks == 2) {
        process_end(ending, STATUS_EXITED(1), NULL);
    }
    return 0;
}

static void test_waiting(void)
{
    ending = child_of(first);
    int pid = ending->pid, status;
    CHECK(sys_wait4(-1, host_app(&status), 0, app_at(0)) == -ERESTARTSYS, "a signal ends a wait");
    host_on_block = end_it;
    CHECK(sys_wait4(0, host_app(&status), 0, app_at(0)) == pid && status == 0x100,
          "who waits wakes when a child of the group ends");
    host_on_block = NULL;
}

static void test_who_does_not_care(void)
{
    int status;
    struct process *a = child_of(first);
    first->actions[OS_SIGCHLD - 1].handler = OS_SIG_IGN;
    forget_signals();
    process_end(a, STATUS_EXITED(0), NULL);
    CHECK(process_count() == 1 && sent.count == 0, "SIGCHLD ignored: no zombie and no signal");
    CHECK(wait_any(&status) == -ECHILD, "and nothing to wait for");
    first->actions[OS_SIGCHLD - 1] = (struct signal_action){.handler = 0x1000, .flags = 2};
    a = child_of(first);
    process_end(a, STATUS_EXITED(0), NULL);
    CHECK(process_count() == 1 && sent.count == 1, "SA_NOCLDWAIT: no zombie, but the signal");
    first->actions[OS_SIGCHLD - 1] = (struct signal_action){.handler = OS_SIG_DFL};
    REQUIRE(process_new(first, 0, 0, &a) == 0);
    int pid = a->pid;
    forget_signals();
    process_end(a, STATUS_EXITED(0), NULL);
    CHECK(sent.count == 0, "a clone without exit signal sends none");
    CHECK(wait_any(&status) == -ECHILD, "is not waited for as children are");
    CHECK(sys_wait4(-1, app_at(0), 0x80000000, app_at(0)) == pid, "but with __WCLONE");
    REQUIRE(process_new(first, 0, 10, &a) == 0);
    pid = a->pid;
    process_end(a, STATUS_EXITED(0), NULL);
    CHECK(sent.info.signo == 10, "another exit signal is what is sent");
    CHECK(sys_wait4(-1, app_at(0), 0x40000000, app_at(0)) == pid, "__WALL is for all");
}

static void test_orphans(void)
{
    int status;
    struct process *a = child_of(first), *b = child_of(a), *c = child_of(b), *z = child_of(b);
    int pid_c = c->pid, pid_z = z->pid, pid_b = b->pid;
    c->death_signal = 12;
    process_end(z, STATUS_EXITED(3), NULL);
    forget_signals();
    process_end(b, STATUS_EXITED(0), NULL);
    CHECK((sent.set & SIGNAL_BIT(12)) != 0, "PR_SET_PDEATHSIG");
    CHECK(c->parent == first && c->ppid == 1, "an orphan is the first process's");
    CHECK(z->parent == first, "a zombie too");
    CHECK(wait_any(&status) == pid_z && status == 0x300, "which can wait for it");
    become(a);
    CHECK(sys_wait4(-1, app_at(0), 0, app_at(0)) == pid_b, "its parent waits for the dead one");
    a->subreaper = true;
    b = child_of(a);
    z = child_of(b);
    process_end(b, STATUS_EXITED(0), NULL);
    CHECK(z->parent == a, "a subreaper takes its descendants' orphans");
    first->actions[OS_SIGCHLD - 1].handler = OS_SIG_IGN;
    process_end(c, STATUS_EXITED(0), NULL);
    CHECK(process_by_pid(pid_c) == NULL, "an heir that ignores SIGCHLD lets them go");
    process_end(z, STATUS_EXITED(0), NULL);
    become(first);
    process_end(a, STATUS_EXITED(0), NULL);
    CHECK(process_count() == 1, "zombies of an ended process go the same way");
    first->actions[OS_SIGCHLD - 1].handler = OS_SIG_DFL;
}

static void test_groups(void)
{
    struct process *a = child_of(first), *b = child_of(first), *c = child_of(a);
    CHECK(sys_getpgid(0) == 1 && sys_getpgid(a->pid) == 1 && sys_getpgid(9999) == -ESRCH,
          "getpgid");
    CHECK(sys_setpgid(0, 0) == -EPERM, "a session's leader stays where it is");
    CHECK(sys_setsid() == -EPERM, "and makes no other");
    CHECK(sys_setpgid(a->pid, b->pid) == -EPERM, "no group has that number");
    CHECK(sys_setpgid(c->pid, 0) == -ESRCH, "not its child");
    CHECK(sys_setpgid(a->pid, -1) == -EINVAL, "nor a negative one");
    CHECK(sys_setpgid(a->pid, 0) == 0 && a->pgid == a->pid, "a child leads a new group");
    CHECK(sys_setpgid(b->pid, a->pid) == 0 && b->pgid == a->pid, "another joins it");
    b->replaced = true;
    CHECK(sys_setpgid(b->pid, 0) == -EACCES, "not after its execve");
    become(b);
    CHECK(sys_setpgid(0, 0) == 0 && b->pgid == b->pid, "itself may always");
    CHECK(sys_setsid() == -EPERM, "a group's leader makes no session");
    become(c);
    CHECK(sys_setsid() == c->pid && c->sid == c->pid && c->pgid == c->pid, "setsid");
    CHECK(sys_setpgid(0, 0) == -EPERM, "its leader cannot leave");
    become(a);
    CHECK(sys_setpgid(c->pid, 0) == -EPERM, "nobody moves another session's");
    CHECK(sys_getsid(c->pid) == c->pid && sys_getsid(0) == 1 && sys_getsid(9999) == -ESRCH,
          "getsid");
    int status;
    become(first);
    b->pgid = a->pgid;
    process_end(b, STATUS_EXITED(0), NULL);
    CHECK(sys_wait4(0, host_app(&status), 1, app_at(0)) == -ECHILD, "wait: none in the own group");
    CHECK(sys_wait4(-a->pgid, host_app(&status), 1, app_at(0)) > 0, "wait: one in that group");
    process_end(c, STATUS_EXITED(0), NULL);
    process_end(a, STATUS_EXITED(0), NULL);
    CHECK(wait_any(&status) > 0 && wait_any(&status) > 0, "all are waited for");
}

static void test_kill(void)
{
    struct process *a = child_of(first), *b = child_of(first);
    a->pgid = b->pgid = a->pid;
    forget_signals();
    CHECK(sys_kill(a->pid, 10) == 0 && sent.to == a && sent.info.code == 0 && sent.info.pid == 1,
          "kill by number");
    CHECK(sys_kill(9999, 10) == -ESRCH && sys_kill(-9999, 10) == -ESRCH, "nobody has it");
    CHECK(sys_kill(a->pid, 65) == -EINVAL && sys_kill(9999, 65) == -EINVAL, "no such signal");
    forget_signals();
    CHECK(sys_kill(a->pid, 0) == 0 && sent.count == 0, "signal 0 asks only");
    CHECK(sys_kill(-a->pgid, 10) == 0 && sent.count == 2, "a group");
    forget_signals();
    CHECK(sys_kill(0, 10) == 0 && sent.count == 1 && sent.to == first, "the own group");
    forget_signals();
    CHECK(sys_kill(-1, 10) == 0 && sent.count == 2, "everybody, but not oneself");
    become(a);
    forget_signals();
    CHECK(sys_kill(-1, 10) == 0 && sent.count == 1 && sent.to == b, "nor the first process");
    become(first);
    process_end(b, STATUS_EXITED(0), NULL);
    forget_signals();
    CHECK(sys_kill(b->pid, 10) == 0 && sent.count == 0, "a zombie takes it without effect");
    CHECK(sys_tgkill(1, 1, 10) == 0 && sent.to == first && sent.info.code == -6, "tgkill");
    CHECK(sys_tgkill(1, 77, 10) == -ESRCH && sys_tgkill(0, 1, 10) == -EINVAL, "bad ones");
    CHECK(sys_tgkill(a->pid, a->pid, 10) == 0 && sent.to == a, "another's first thread");
    CHECK(sys_tkill(a->pid, 12) == 0 && sent.info.signo == 12, "tkill");
    struct signal_siginfo s = {.signo = 10, .code = 0, .u.sender = {.pid = 5}};
    CHECK(sys_rt_sigqueueinfo(a->pid, 10, host_app(&s)) == -EPERM, "nobody claims to be kill()");
    s.code = -1;
    s.u.sender.value = 42;
    CHECK(sys_rt_sigqueueinfo(a->pid, 10, host_app(&s)) == 0 && sent.info.value == 42 &&
              sent.info.pid == 5,
          "sigqueue carries a value");
    int status;
    process_end(a, STATUS_EXITED(0), NULL);
    wait_any(&status);
    wait_any(&status);
}

struct info {
    int32_t signo, error, code, pad, pid;
    uint32_t uid;
    int32_t status, rest[25];
};

static int64_t waitid_(int which, int id, struct info *i, uint32_t options)
{
    memset(i, 0xee, sizeof *i);
    return sys_waitid(which, id, host_app(i), options, app_at(0));
}

static void test_stop(void)
{
    enum { NOHANG = 1, STOPPED = 2, EXITED = 4, CONTINUED = 8, NOWAIT = 0x1000000 };
    struct process *a = child_of(first);
    int pid = a->pid, status;
    struct info i;
    forget_signals();
    process_stopped(a, 19);
    CHECK(a->state == PROCESS_STOPPED && sent.to == first && sent.info.code == 5 &&
              sent.info.value == 19,
          "a stop is told: CLD_STOPPED");
    CHECK(wait_any(&status) == 0, "but not to a wait that did not ask");
    CHECK(waitid_(1, pid, &i, STOPPED | NOWAIT | NOHANG) == 0 && i.pid == pid && i.code == 5 &&
              i.status == 19 && i.signo == 17,
          "waitid tells of it, and WNOWAIT leaves it");
    CHECK(sys_wait4(pid, host_app(&status), STOPPED | NOHANG, app_at(0)) == pid &&
              status == (19 << 8 | 0x7f),
          "wait4 with WUNTRACED");
    CHECK(sys_wait4(pid, host_app(&status), STOPPED | NOHANG, app_at(0)) == 0, "once");
    forget_signals();
    sys_kill(pid, OS_SIGCONT);
    CHECK(a->state == PROCESS_RUNNING && (sent.set & SIGNAL_BIT(OS_SIGCHLD)) != 0, "it goes on");
    CHECK(waitid_(1, pid, &i, CONTINUED | NOHANG) == 0 && i.code == 6 && i.status == 18,
          "waitid: CLD_CONTINUED");
    CHECK(waitid_(1, pid, &i, CONTINUED | NOHANG) == 0 && i.signo == 0 && i.pid == 0, "once");
    process_stopped(a, 20);
    sys_kill(pid, OS_SIGCONT);
    CHECK(sys_wait4(pid, host_app(&status), CONTINUED, app_at(0)) == pid && status == 0xffff,
          "wait4 with WCONTINUED");
    first->actions[OS_SIGCHLD - 1] = (struct signal_action){.handler = 0x1000, .flags = 1};
    forget_signals();
    process_stopped(a, 20);
    CHECK(sent.count == 0, "SA_NOCLDSTOP: no signal");
    first->actions[OS_SIGCHLD - 1] = (struct signal_action){.handler = OS_SIG_DFL};
    process_end(a, STATUS_SIGNALED(9), NULL);
    CHECK(waitid_(0, 0, &i, STOPPED | NOHANG) == 0 && i.pid == 0, "a zombie has not stopped");
    CHECK(waitid_(0, 0, &i, EXITED | NOWAIT) == 0 && i.code == 2 && i.status == 9, "CLD_KILLED");
    CHECK(waitid_(2, 0, &i, EXITED) == 0 && i.pid == pid, "waitid by the own group");
    CHECK(waitid_(0, 0, &i, EXITED) == -ECHILD, "nobody is left");
    CHECK(waitid_(0, 0, &i, NOHANG) == -EINVAL && waitid_(7, 1, &i, EXITED) == -EINVAL &&
              waitid_(1, 0, &i, EXITED) == -EINVAL && waitid_(2, -2, &i, EXITED) == -EINVAL,
          "bad arguments");
    CHECK(process_is_alone(first), "the first process is alone");
    a = child_of(first);
    CHECK(!process_is_alone(first), "and not with a child");
    process_end(a, STATUS_EXITED(0), NULL);
    CHECK(process_is_alone(first), "a zombie is no company");
    wait_any(&status);
}

/* A shell, a job of it in its own group, and the job's child: when the shell goes, nobody would
 * ever continue the stopped child. */
static void test_orphaned_group(void)
{
    struct process *shell = child_of(first), *job = child_of(shell);
    shell->sid = shell->pgid = job->sid = shell->pid;
    job->pgid = job->pid;
    CHECK(!process_group_is_orphaned(job->pgid), "a job with its shell");
    process_stopped(job, 20);
    forget_signals();
    process_end(shell, STATUS_EXITED(0), NULL);
    CHECK((sent.set & SIGNAL_BIT(OS_SIGHUP)) != 0 && (sent.set & SIGNAL_BIT(OS_SIGCONT)) != 0 &&
              job->state == PROCESS_RUNNING,
          "a stopped job whose shell ends gets SIGHUP and SIGCONT");
    int status;
    process_end(job, STATUS_EXITED(0), NULL);
    CHECK(wait_any(&status) > 0 && wait_any(&status) > 0 && process_count() == 1, "and all end");
}

static void test_descriptors(void)
{
    static const struct file_ops ops = {.seekable = true};
    static const struct node_ops node_ops = {.file_ops = &ops};
    static struct fs fs;
    static struct node n = {.ops = &node_ops, .fs = &fs, .refs = 1000, .mode = S_IFREG | 0644};
    struct dentry *d = dentry_new_anon("file", &n);
    struct file *f = file_new(&ops, d, &n, O_RDWR);
    REQUIRE(fd_install(f, 5, false) == 5 && fd_install(f, 6, true) == 6);
    struct process *a = child_of(first);
    CHECK(fd_table_get(a->fs.fds, 5) == f && f->refs == 5, "a child has the same descriptions");
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 10};
    CHECK(record_lock(f, F_SETLK, host_app(&lock)) == 0, "the parent locks a range");
    become(a);
    CHECK(record_lock(f, F_SETLK, host_app(&lock)) == -EAGAIN, "which is not the child's");
    struct flock other = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 20, .l_len = 10};
    CHECK(record_lock(f, F_SETLK, host_app(&other)) == 0 && fd_close(5) == 0 &&
              record_lock(f, F_SETLK, host_app(&lock)) == -EAGAIN,
          "closing gives up the own locks of the file, not the parent's");
    become(first);
    CHECK(record_lock(f, F_SETLK, host_app(&other)) == 0, "whose own are free then");
    become(a);
    CHECK(process_exec(a, "a-program-with-a-long-name", NULL, BYTES_STR("a\0b")) == 0 &&
              fd_table_get(a->fs.fds, 6) == NULL && strlen(a->comm) == 15 && a->replaced,
          "execve closes what is marked and names the process");
    become(first);
    CHECK(fd_table_get(first->fs.fds, 6) == f, "in its own table");
    struct process *b;
    REQUIRE(process_new(first, PROCESS_SHARE_FILES, OS_SIGCHLD, &b) == 0);
    CHECK(b->fs.fds == first->fs.fds, "CLONE_FILES shares the table");
    process_end(b, STATUS_EXITED(0), NULL);
    process_end(a, STATUS_EXITED(0), NULL);
    CHECK(fd_get(5) == f && f->refs == 3, "their ends close their own");
    int status;
    wait_any(&status);
    wait_any(&status);
    struct signal_action *act = first->actions;
    act[9] = (struct signal_action){.handler = 0x1000};
    act[11] = (struct signal_action){.handler = OS_SIG_IGN};
    a = child_of(first);
    CHECK(a->actions[9].handler == 0x1000, "actions are inherited");
    CHECK(process_exec(a, "x", NULL, BYTES_STR("x")) == 0 && a->actions[9].handler == OS_SIG_DFL &&
              a->actions[11].handler == OS_SIG_IGN,
          "execve keeps the ignored ones only");
    act[9] = act[11] = (struct signal_action){.handler = OS_SIG_DFL};
    process_end(a, STATUS_EXITED(0), NULL);
    wait_any(&status);
    CHECK(fd_close(5) == 0 && fd_close(6) == 0 && f->refs == 1, "nothing is left of the file");
    file_unref(f);
    dentry_unref(d);
}

static void test_pidfd(void)
{
    struct process *a = child_of(first), *got;
    struct info i;
    bool no_wait;
    int pid = a->pid;
    CHECK(sys_pidfd_open(9999, 0) == -ESRCH && sys_pidfd_open(0, 0) == -EINVAL &&
              sys_pidfd_open(pid, 1) == -EINVAL,
          "pidfd_open refuses what is nobody");
    int fd = (int)sys_pidfd_open(pid, 0), fd2 = (int)sys_pidfd_open(pid, O_NONBLOCK);
    CHECK(fd >= 0 && file_cloexec(fd) && pidfd_process(fd, &got, &no_wait) == 0 && got == a &&
              !no_wait,
          "and is closed by execve");
    struct file *f = fd_get(fd);
    CHECK(f->ops->poll(f) == 0, "nothing to read while it runs");
    forget_signals();
    CHECK(sys_pidfd_send_signal(fd, 10, app_at(0), 0) == 0 && sent.to == a, "it is signalled");
    CHECK(sys_pidfd_send_signal(fd, 65, app_at(0), 0) == -EINVAL &&
              sys_pidfd_send_signal(99, 10, app_at(0), 0) == -EBADF &&
              sys_pidfd_send_signal(fd, 10, app_at(0), 1) == -EINVAL,
          "or not");
    CHECK(waitid_(3, fd2, &i, 4) == -EAGAIN, "waitid on one that does not wait");
    int of_first = (int)sys_pidfd_open(first->pid, 0);
    CHECK(sys_pidfd_getfd(fd, fd, 0) == -EBADF && sys_pidfd_getfd(of_first, fd, 0) > of_first,
          "descriptors of others can be had");
    process_end(a, STATUS_EXITED(4), NULL);
    CHECK(f->ops->poll(f) == FS_POLLIN, "its end can be polled for");
    CHECK(waitid_(3, fd, &i, 4) == 0 && i.pid == pid && i.status == 4, "and waited for");
    CHECK(waitid_(3, fd, &i, 4) == -ECHILD && waitid_(3, 99, &i, 4) == -EBADF, "once");
    CHECK(sys_pidfd_send_signal(fd, 0, app_at(0), 0) == -ESRCH && f->ops->poll(f) == FS_POLLIN,
          "then it is nobody");
    for (int n = fd_next(0); n >= 0; n = fd_next(n + 1)) {
        REQUIRE(fd_close(n) == 0);
    }
}

static const struct process *killed, *moved;
static void member_signal(struct process *p, const struct signal_info *info)
{
    note_signal(p, info);
}
static void member_kill(struct process *p)
{
    killed = p;
}
static void member_moved(struct process *p)
{
    moved = p;
}

static void test_members(void)
{
    static const struct member_operations operations = {member_signal, member_kill, member_moved};
    struct process *a = child_of(first), *b = child_of(a);
    member_operations = &operations;
    a->member = b->member = (struct member *)(void *)&self; /* somebody */
    forget_signals();
    CHECK(sys_kill(a->pid, 10) == 0 && sent.to == a, "a process elsewhere gets signals there");
    CHECK(sys_kill(b->pid, 9) == 0 && killed == b, "SIGKILL is not asked about");
    process_stopped(a, 19);
    CHECK(sys_kill(a->pid, OS_SIGCONT) == 0 && a->state == PROCESS_RUNNING && a->continues == 1,
          "SIGCONT counts, and the table knows of it at once");
    process_end(a, STATUS_SIGNALED(9), NULL);
    CHECK(moved == b && b->ppid == 1, "an orphan elsewhere learns whose it is");
    process_end(b, STATUS_SIGNALED(9), NULL);
    int status;
    CHECK(wait_any(&status) > 0 && wait_any(&status) > 0 && process_count() == 1, "all are gone");
}

int main(void)
{
    start();
    test_birth();
    test_exit_and_wait();
    test_waiting();
    test_who_does_not_care();
    test_orphans();
    test_groups();
    test_kill();
    test_stop();
    test_orphaned_group();
    test_descriptors();
    test_pidfd();
    test_members();
    return tap_done();
}
