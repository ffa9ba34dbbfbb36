/* SPDX-License-Identifier: Apache-2.0 */
/* Locks an enclave process to the system calls that its hostcalls need. The same filter makes a
 * `syscall` instruction inside ELRANGE trap: the software machine turns that into #UD, as hardware
 * does. Order: architecture first (`int 0x80` arrives as i386), then the instruction pointer, then
 * the number. libseccomp cannot test the instruction pointer, so the program is written out. */
#include "enclave.h"
#include "net.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Why each is needed. */
static const int allowed[] = {
    SYS_write,          /* console, output of the supervisor's socket */
    SYS_read,           /* console input */
    SYS_pread64,        /* declared inputs */
    SYS_pwrite64,       /* declared outputs */
    SYS_fdatasync,      /* sealed volumes */
    SYS_ftruncate,      /* sealed volumes grow */
    SYS_mprotect,       /* page permissions; thread stacks */
    SYS_madvise,        /* pages given back; thread stacks */
    SYS_mmap,           /* thread stacks, slots */
    SYS_munmap,         /* thread stacks */
    SYS_rt_sigreturn,   /* the machine's signal handlers */
    SYS_rt_sigprocmask, /* threads, the machine */
    SYS_rt_sigaction,   /* the first pthread_create installs its cancellation handler */
    SYS_sigaltstack,    /* new threads */
    SYS_sendmsg,        /* microcode, supervisor */
    SYS_sendto,         SYS_recvmsg, SYS_recvfrom,
    SYS_clock_gettime,  /* where the vDSO does not serve it */
    SYS_clock_nanosleep, SYS_nanosleep,
    SYS_set_robust_list, SYS_rseq, SYS_gettid, SYS_getpid, /* new threads */
    SYS_sched_getaffinity, /* processors, for the boot record */
    SYS_poll,           /* standard streams that somebody made non-blocking */
    SYS_ppoll,          /* console input, unless the reader is kicked */
    SYS_close,          SYS_exit, SYS_exit_group,
    SYS_restart_syscall,
};

/* With a network: on the sockets that the broker gave. None of them makes, binds or connects any. */
static const int allowed_network[] = {
    SYS_sendto, SYS_recvfrom, SYS_epoll_pwait2, /* first: the filter is walked at each call */
    SYS_epoll_ctl, SYS_accept4, SYS_shutdown, SYS_getsockname,
    SYS_getsockopt,     /* SO_ERROR */
};
struct option { int level, name; };
static const struct option allowed_options[] = {
#define NET_OPTION(name_, level_, option_, least, most) {(level_), (option_)},
    NET_OPTIONS(NET_OPTION)
#undef NET_OPTION
};

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define LOAD_HIGH(field)                                                                           \
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field) + 4)
#define RETURN(value) BPF_STMT(BPF_RET | BPF_K, (value))

#define SGX_IOCTL_TYPE 0xa4u /* SGX_MAGIC of asm/sgx.h */
#define PROLOGUE_MAX   32u

static size_t add_prologue(struct sock_filter *f)
{
    const struct sock_filter prologue[] = {
        LOAD(arch),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
        RETURN(SECCOMP_RET_TRAP),
        LOAD_HIGH(instruction_pointer),
        /* Inside ELRANGE (the pointer is already past the instruction; the last two bytes of the
         * range belong to the runtime's thread area and are never executable). */
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, (uint32_t)(ELRANGE_SIZE >> 32), 1, 0),
        RETURN(SECCOMP_RET_TRAP),
        LOAD(nr),
        /* Ahead of the rest, as threads that wake each other do nothing else. */
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_futex, 1, 0),       /* wait, wake, pthread locks */
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sched_yield, 0, 1), /* give way */
        RETURN(SECCOMP_RET_ALLOW),
        /* clone3 hides its flags from filters: glibc falls back to clone. */
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
        RETURN(SECCOMP_RET_ERRNO | ENOSYS),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 4),
        LOAD(args[0]),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 0, 1),
        RETURN(SECCOMP_RET_ALLOW),
        RETURN(SECCOMP_RET_ERRNO | EPERM),
        /* The SGX driver's requests, for the hardware machine. Never a terminal's: TIOCSTI would type
         * commands for the user's shell. */
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 5),
        LOAD(args[1]),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xff00),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SGX_IOCTL_TYPE << 8, 0, 1),
        RETURN(SECCOMP_RET_ALLOW),
        RETURN(SECCOMP_RET_ERRNO | ENOTTY),
        /* abort(), and a signal that the machine puts off until a leaf has ended: to this process
         * alone. */
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_tgsigqueueinfo, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_tgkill, 0, 4),
        LOAD(args[0]),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)getpid(), 0, 1),
        RETURN(SECCOMP_RET_ALLOW),
        RETURN(SECCOMP_RET_ERRNO | EPERM),
    };
    _Static_assert(ARRAY_SIZE(prologue) <= PROLOGUE_MAX, "the prologue fits");
    memcpy(f, prologue, sizeof prologue);
    return ARRAY_SIZE(prologue);
}

static size_t add_allowed(struct sock_filter *f, const int *calls, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        f[2 * i] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)calls[i], 0, 1);
        f[2 * i + 1] = (struct sock_filter)RETURN(SECCOMP_RET_ALLOW);
    }
    return 2 * count;
}

#define OPTIONS_SIZE (7 + 2 * ARRAY_SIZE(allowed_options))

/* setsockopt of what abi/network.h lists: a device or a mark that root may set is not among it. */
static size_t add_options(struct sock_filter *f)
{
    const struct sock_filter begin[] = {
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_setsockopt, 0, OPTIONS_SIZE - 1),
        LOAD(args[1]),
        BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 16),
        BPF_STMT(BPF_MISC | BPF_TAX, 0),
        LOAD(args[2]),
        BPF_STMT(BPF_ALU | BPF_OR | BPF_X, 0),
    };
    size_t n = ARRAY_SIZE(begin);
    memcpy(f, begin, sizeof begin);
    for (size_t i = 0; i < ARRAY_SIZE(allowed_options); i++) {
        uint32_t both = (uint32_t)allowed_options[i].level << 16 | (uint32_t)allowed_options[i].name;
        f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, both, 0, 1);
        f[n++] = (struct sock_filter)RETURN(SECCOMP_RET_ALLOW);
    }
    f[n++] = (struct sock_filter)RETURN(SECCOMP_RET_ERRNO | EPERM);
    return n;
}

#define ARENAS_MAX 8 /* pools that malloc() keeps for threads */

static int lock_process(bool network, struct diag *d)
{
    struct sock_filter program[192];
    _Static_assert(PROLOGUE_MAX + 2 * ARRAY_SIZE(allowed) + 2 * ARRAY_SIZE(allowed_network) + OPTIONS_SIZE +
                           1 <= ARRAY_SIZE(program), "the filter fits");
    size_t n = add_prologue(program);
    if (network) {
        n += add_allowed(program + n, allowed_network, ARRAY_SIZE(allowed_network));
    }
    n += add_allowed(program + n, allowed, ARRAY_SIZE(allowed));
    if (network) {
        n += add_options(program + n);
    }
    program[n++] = (struct sock_filter)RETURN(SECCOMP_RET_KILL_PROCESS);
    /* A process of many threads would otherwise look into /sys how many pools of memory may be. */
    mallopt(M_ARENA_MAX, ARENAS_MAX);
    const struct sock_fprog prog = {.len = (unsigned short)n, .filter = program};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &prog) != 0) {
        return diag_fail(d, -errno, "cannot lock the enclave process with seccomp: %s; the kernel needs "
                         "CONFIG_SECCOMP_FILTER", strerror(errno));
    }
    return 0;
}

int host_lock_process(struct diag *d)
{
    return lock_process(false, d);
}

int host_lock_process_with_network(struct diag *d)
{
    return lock_process(true, d);
}
