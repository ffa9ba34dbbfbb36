/* SPDX-License-Identifier: Apache-2.0 */
/* Processes and threads, as the library OS keeps them. Internal to enclave/libos.
 *
 * An enclave has the memory and the threads of one process, os.process. The tree's first enclave
 * (the owner, docs/decisions/015-processes.md) also keeps what the others share: their entries of
 * the process table, descriptors and the like, and serves their calls on threads of its own, each
 * of which is in the caller's process meanwhile. So a call asks os_current(), never os.process, for
 * whatever belongs to a process. */
#pragma once

#include "fs/fs.h"
#include "libos/syscalls.h"

#define SIGNALS    64u
#define COMM_SIZE  16u
#define GROUPS_MAX 64u /* supplementary ones */
#define FIRST_PID  1
#define PID_MAX    32768 /* as /proc/sys/kernel/pid_max says: numbers start again below it */

/* A set of signals: bit signo-1. */
#define SIGNAL_BIT(signo) (UINT64_C(1) << ((unsigned)(signo)-1u))

/* What siginfo carries, without its unions. */
struct signal_info {
    int signo, code, error;
    int pid;
    uint32_t uid;
    uint64_t value; /* sigval of rt_sigqueueinfo, the fault's address, or SIGCHLD's si_status */
    int64_t user_ticks, system_ticks; /* SIGCHLD */
};

/* struct sigaction as the kernel's call takes it. */
struct signal_action {
    uint64_t handler;
    uint64_t flags;
    uint64_t restorer;
    uint64_t mask;
};
_Static_assert(sizeof(struct signal_action) == 32, "asm/signal.h");

struct os_limit {
    uint64_t soft, hard;
};

enum process_state { PROCESS_RUNNING, PROCESS_STOPPED, PROCESS_ZOMBIE, PROCESS_GONE };

/* What it used, for wait4 and getrusage. */
struct process_usage {
    uint64_t cpu_ns;
    uint64_t peak_kib; /* ru_maxrss; of children: of the largest */
    uint64_t sleeps;   /* ru_nvcsw: that the host lets others run it does not see */
};

/* Everything that is the process's and not a thread's or the memory's. The table (proc/table.h), on
 * the owner only, links all of them; a member has its own alone, with the fields that its calls
 * look at. */
struct process {
    int pid, ppid; /* ppid 0: nobody inside */
    int pgid, sid;
    struct fs_context fs; /* descriptors, working directory, umask, program */
    struct os_limit limits[16];
    uint32_t groups[GROUPS_MAX];
    int group_count;
    int nice, io_priority; /* the owner's to know: priority.c */
    uint32_t persona;
    char comm[COMM_SIZE];                  /* of its first thread */
    struct signal_action actions[SIGNALS]; /* index signo-1 */
    uint64_t pending;                      /* to the process */
    struct signal_info pending_info[SIGNALS];
    struct signal_queued *queued; /* queue.c */
    uint64_t start_ns;            /* CLOCK_MONOTONIC */

    /* The table's. */
    struct process *next; /* all, oldest first */
    struct process *parent;
    struct member *member; /* the enclave that has its memory; NULL: this one has */
    /* A reference to whoever it is the child of a vfork of, in whose memory and on whose thread it
     * runs: until its end or its execve. NULL: it is none. */
    struct process *vforked_by;
    enum process_state state;
    unsigned refs;        /* the table's, and of descriptors (pidfd) */
    int exit_signal;      /* to the parent, at its end; 0: none */
    int death_signal;     /* PR_SET_PDEATHSIG; 0: none */
    bool subreaper;       /* PR_SET_CHILD_SUBREAPER */
    bool replaced;        /* made an execve: its parent cannot move it to another group */
    int status;           /* zombies: as wait4 tells it */
    int stop_signal;      /* stopped by; */
    uint32_t continues;   /* SIGCONT that were sent to, or have reached, a member; */
    uint64_t notices;     /* signals of all kinds that were, or have */
    bool stop_untold;     /* no wait has told of it; */
    bool continue_untold; /* nor of its having been continued */
    struct process_usage used, children; /* its own at its end; of children that were waited for */
    struct wait_queue child_changed;     /* who waits in wait4 */
    struct wait_queue state_changed;     /* who waits to go on after a stop */
    char *command_line; /* NUL-separated, for others to see in /proc; NULL: not known */
    size_t command_line_size;
};

#define THREAD_NOT_YET THREADS_MAX

struct os_thread {
    struct os_thread *next; /* all threads, newest first */
    /* In whose name it makes calls. Its own doing only: a thread that serves another process, or is
     * the child of a vfork, changes it for that time. */
    struct process *process;
    struct call_client *client; /* of a member: its way to the owner (proc/call_client.h) */
    struct call_server *server; /* not NULL: serves a member's calls (proc/call_server.h) */
    /* Not NULL: what the thread does first, in no process's name. If it returns, *frame is where the
     * thread begins in the workload (proc/member.c, proc/blank.c). */
    void (*service)(struct os_thread *t, struct rt_frame *frame);
    struct vfork_context *vfork; /* not NULL: it is the child of a vfork (proc/fork.h) */
    struct {                     /* of a member: its mailbox of calls (proc/blank.h) */
        uint32_t box;
        uint64_t generation;
    } served;
    struct { /* pages that a call found elsewhere; node: a reference, or NULL (shares.h) */
        struct node *node;
        uint64_t first, end;
    } away;
    struct rt_frame *frame;     /* of the call or fault being served */
    unsigned number;            /* rt_thread_number(); THREAD_NOT_YET before it has begun */
    int tid;
    /* Set under the lock by whoever gives the thread something to do before it goes back to the
     * workload; looked at without the lock when a call returns. */
    uint32_t attention;
    bool waiting; /* inside rt_wait() */
    bool parked;  /* on its way back to the workload, or waits for another's fork or exec */
    bool changes_memory; /* inside a call that changes mappings (mm/space.h) */
    bool ending;  /* leaves at its way back to the workload, or out of its sleep */
    struct {      /* a call that goes on with the rest of its time (signals.h) */
        uint64_t number, was, deadline;
        bool again;
    } restart;
    uint16_t last_call; /* its number, for reports */

    uint64_t blocked; /* signal mask */
    uint64_t saved_blocked;
    bool restore_blocked; /* rt_sigsuspend, ppoll: back to saved_blocked after delivery */
    uint64_t pending;
    struct signal_info pending_info[SIGNALS];
    struct signal_queued *queued;
    uint64_t alt_stack, alt_stack_size;
    uint32_t alt_stack_flags;
    int policy; /* sched_setscheduler(2): told, and without effect */
    uint64_t sigwait; /* rt_sigtimedwait waits for these */

    uint64_t born_ns, waited_ns; /* CPU time is what it did not sleep since its start */
    uint64_t sleeps;             /* how often it did */
    uint64_t clear_child_tid;    /* 0: none */
    uint64_t robust_list;
    uint64_t affinity;     /* what it asked for; 0: every processor */
    struct rt_frame start; /* first registers of a new thread */
    char comm[COMM_SIZE];
    uint64_t calls[SYS_NUMBERS];
};

struct os_state {
    const struct manifest *manifest;
    struct process *process; /* whose memory and threads are in this enclave */
    struct os_thread *threads;
    int thread_count, thread_peak;
    int next_tid;
    const struct os_thread *looked_at; /* whose texts in /proc another process's thread makes (proc/look.h) */
    bool looked_at_stopped;
    uint64_t start_ns;
    uint64_t cpu_gone_ns; /* of threads that ended */
    uint64_t sleeps_gone;
    uint64_t calls_gone[SYS_NUMBERS];
    uint64_t unknown[SYS_NUMBERS]; /* calls that nobody implements */
    uint64_t unknown_high;         /* with numbers beyond the table */
    unsigned text_refused;         /* requests for executable memory that is no measured file's */
    /* For /proc/self. */
    uint64_t stack_start, code_start, code_end;
    uint64_t args_start, args_size, env_start, env_size, auxv_start, auxv_size;
};
extern struct os_state os;

struct os_thread *os_self(void);
/* With the lock held: that enclave thread wakes as soon as the lock is free. */
void os_wake(unsigned number);
static inline struct process *os_current(void)
{
    return os_self()->process;
}
/* Is there a signal that a call of the thread is to end for? It will be looked at on the thread's
 * way back to the workload. With the lock held. */
bool os_interrupted(struct os_thread *t);
struct os_thread *os_thread_by_tid(int tid);
/* Allocates and links a thread with the next id; NULL when memory is exhausted. */
struct os_thread *os_thread_new(void);
/* Ends the process: outputs are written, evidence is made, the enclave exits. */
void os_exit_process(enum exit_kind kind, uint64_t value) __attribute__((noreturn));

/* time.c. Nanoseconds that a thread, or all threads, did not sleep: the enclave cannot see when the
 * host does not run them. With the lock held. */
uint64_t os_thread_cpu_ns(const struct os_thread *t);
uint64_t os_process_cpu_ns(void);

/* dispatch.c */
void dispatch_start(void);
const char *dispatch_errno_name(int error);
/* limits.c */
void os_limits_start(struct process *p);
