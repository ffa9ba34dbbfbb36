/* SPDX-License-Identifier: Apache-2.0 */
/* One enclave thread as the runtime sees it. GS base points here while the thread is inside, and FS
 * base too while library code runs (T_CANARY is what such code reads at %fs:0x28). */
#pragma once

#include "offsets.h"
#include "runtime/rt.h"

/* One image, linked once: addresses of everything below are RIP-relative, not through a table. */
#pragma GCC visibility push(hidden)

/* What came of the last looks before a sleep (wait.c). */
struct rt_bet {
    uint32_t skip;    /* sleeps that begin outside at once */
    uint32_t penalty; /* as many when the next look is in vain, and more */
};

struct rt_thread {
    struct rt_thread *self;
    uint64_t app_rsp;   /* scratch of the entry code */
    uint64_t stack_top; /* runtime stack for calls of the workload */
    uint64_t state;     /* STATE_*; see offsets.h */
    uint64_t saved_rsp; /* runtime stack while outside in a hostcall */
    uint64_t canary;
    uint64_t app_fs;      /* FS base while outside */
    void *xsave_leave;    /* vector state while outside */
    void *xsave_lib;      /* vector state while library code runs */
    uint64_t exc_top;     /* stack for entries at CSSA 1 */
    uint64_t host_rsp, host_rbp, host_ret;
    uint64_t xfrm;
    uint64_t exc_rsp, exc_rbp, exc_ret;
    uint64_t app_rip;
    uint64_t entry_rdi; /* first argument of the first entry */
    uint64_t in_use;    /* cleared by the last instructions of a thread that leaves for good */
    uint64_t lib_fs;    /* workload's FS base between rt_vector_begin() and _end() */
    uint64_t kick;      /* 1: door_kick() is to run before the workload does */
    struct rt_frame *return_frame; /* what the way back to the workload restores */
    uint64_t by_hand, left_by;     /* BY_*; see offsets.h */
    /* Unknown to the assembly from here on. */
    struct sgx_gprsgx *ssa_gpr;   /* of SSA frame 0 */
    struct sgx_exinfo *ssa_exinfo;
    host_span slot;
    unsigned number;
    uint64_t tcs;
    void *start_argument;
    bool idle;   /* ended, and waits inside for something to do; under the threads' lock */
    uint32_t go; /* idle no more: start_argument and app_fs are set */
    struct { /* wait.c: rt_wait() and rt_wake() */
        uint32_t token;
        /* Looks before it sleeps: for a thread of this enclave, for another enclave. */
        struct rt_bet near, far;
        uint64_t no_way;  /* rt_clock_ns(1) before which the thread does not give way */
    } wait;
    void *door_data;
    struct net_attention *attention; /* NULL: it does not attend to the network */
    struct app_memory *app_memory; /* NULL: this enclave's; rt_set_app_memory() */
    bool fault_in_runtime;
    struct rt_frame fault_frame;
    struct rt_fault fault;
};

#define CHECK_OFFSET(member, offset)                                                               \
    _Static_assert(offsetof(struct rt_thread, member) == (offset), #member)
CHECK_OFFSET(self, T_SELF);
CHECK_OFFSET(app_rsp, T_APP_RSP);
CHECK_OFFSET(stack_top, T_STACK_TOP);
CHECK_OFFSET(state, T_STATE);
CHECK_OFFSET(saved_rsp, T_SAVED_RSP);
CHECK_OFFSET(canary, T_CANARY);
CHECK_OFFSET(app_fs, T_APP_FS);
CHECK_OFFSET(xsave_leave, T_XSAVE_LEAVE);
CHECK_OFFSET(xsave_lib, T_XSAVE_LIB);
CHECK_OFFSET(exc_top, T_EXC_TOP);
CHECK_OFFSET(host_rsp, T_HOST_RSP);
CHECK_OFFSET(host_rbp, T_HOST_RBP);
CHECK_OFFSET(host_ret, T_HOST_RET);
CHECK_OFFSET(xfrm, T_XFRM);
CHECK_OFFSET(exc_rsp, T_EXC_RSP);
CHECK_OFFSET(exc_rbp, T_EXC_RBP);
CHECK_OFFSET(exc_ret, T_EXC_RET);
CHECK_OFFSET(app_rip, T_APP_RIP);
CHECK_OFFSET(entry_rdi, T_ENTRY_RDI);
CHECK_OFFSET(in_use, T_IN_USE);
CHECK_OFFSET(lib_fs, T_LIB_FS);
CHECK_OFFSET(kick, T_KICK);
CHECK_OFFSET(return_frame, T_FRAME);
CHECK_OFFSET(by_hand, T_BY_HAND);
CHECK_OFFSET(left_by, T_LEFT_BY);

/* The memory of one thread: control pages, stacks, TCS. The first thread's is part of the image,
 * later ones are added at RUNTIME_THREADS. Guard pages are never committed (first thread: read-only
 * zero pages would be measured for nothing; its stacks lie below data that is never written). */
#define THREAD_SSA_FRAMES  2u
#define THREAD_STACK_PAGES 32u
#define THREAD_EXC_PAGES   4u
struct rt_thread_area {
    uint8_t control[4096]; /* struct rt_thread */
    uint8_t xsave_leave[4096];
    uint8_t xsave_lib[4096];
    uint8_t ssa[THREAD_SSA_FRAMES][4096];
    uint8_t guard1[4096];
    uint8_t exc_stack[THREAD_EXC_PAGES * 4096];
    uint8_t guard2[4096];
    uint8_t stack[THREAD_STACK_PAGES * 4096];
} __attribute__((aligned(4096)));
_Static_assert(sizeof(struct rt_thread) <= 4096, "control page");

/* entry.S */
void rt_entry(void);
void rt_leave(void);                                    /* exit for a hostcall; returns afterwards */
void rt_leave_forever(void) __attribute__((noreturn));  /* the thread is dead and may be reused */
void rt_resume_app(struct rt_frame *frame) __attribute__((noreturn));
void rt_again(void) __attribute__((noreturn)); /* the thread begins anew: rt_begin() on a fresh stack */
void rt_fault_entry(void);
/* The way back to the workload, from the last look at T_KICK to the jump; and where it starts again
 * when it is kicked in between. The same for cpuid, whose last instruction is a case of its own. */
extern const uint8_t rt_return_start[], rt_return_end[], rt_cpuid_return_start[],
    rt_cpuid_return_last[], rt_cpuid_return_end[];
void rt_return_kicked(void);
void rt_cpuid_kicked(void);
void rt_cpuid_kicked_last(void);
void rt_kick_entry(void);
void rt_vector_linux_start(void);
void rt_xsave_current(void *area);
/* copy.S: 0: XGETBV(1) is there, and with masks the instruction that moves all of a mask register. */
int rt_try_in_use(bool masks);
extern const uint8_t rt_text_start[], rt_text_end[], rt_image_start[], rt_image_end[];

/* thread.c */
/* NULL: never there. */
struct rt_thread *rt_thread_at(unsigned number);
/* The first thread learns what the image could not know. */
void rt_threads_start(uint64_t xfrm);
/* exception.c: called on the exception stack at CSSA 1. */
void rt_exception(struct rt_thread *t);
/* net.c: rt_wait() of a thread that attends to the network; false: of one that does not. */
bool rt_net_wait(struct rt_thread *t, uint64_t timeout_ns);
/* start.c: first entry of a thread, on its runtime stack; and what every thread but the first, and each
 * that has ended before, begins with. */
void rt_first_entry(struct rt_thread *t);
void rt_begin(struct rt_thread *t) __attribute__((noreturn));

/* enclu.S: the leaves. */
uint64_t enclu_accept(const struct sgx_secinfo *secinfo, uint64_t page);
/* from: a page of trusted memory. */
uint64_t enclu_acceptcopy(const struct sgx_secinfo *secinfo, uint64_t page, const void *from);
void enclu_modpe(const struct sgx_secinfo *secinfo, uint64_t page);
void enclu_report(const struct sgx_targetinfo *target, const void *reportdata,
                  struct sgx_report *out);
uint64_t enclu_getkey(const struct sgx_keyrequest *request, void *out);

/* attest.c: a REPORT for the machine's quoting enclave, whom the host names. */
int rt_report_to_quoting(const uint8_t reportdata[64], struct sgx_report *ret) MUST_USE;

/* thread.c: has the time come that rt_alarm() named? */
bool rt_alarm_due(void);

/* hostcall.c */
int64_t rt_hostcall(unsigned number, const uint64_t args[HOSTCALL_ARGS], struct bytes to_host,
                    void *from_host, size_t from_size);
#define HOSTCALL_SIMPLE(number, ...)                                                               \
    rt_hostcall((number), (const uint64_t[HOSTCALL_ARGS]){__VA_ARGS__}, BYTES(NULL, 0), NULL, 0)
/* Wholly outside ELRANGE and without overflow, else stops the enclave. */
host_span rt_host_span(host_ptr p, uint64_t size, const char *what);

/* mem.c */
int rt_pages_commit(uint64_t addr, uint64_t size);
int rt_pages_to_tcs(uint64_t addr);
/* boot-time set-up */
void rt_heap_start(void);
void rt_clock_start(const struct boot_record *boot);
void rt_cpuid_start(const struct boot_record *boot, uint64_t xfrm);
void rt_console_start(const struct manifest *m, const struct boot_record *boot);
void rt_evidence_start(const struct boot_record *boot);
void rt_yard_start(const struct boot_record *boot);
extern const struct boot_record *rt_boot_copy(void);

#pragma GCC visibility pop
