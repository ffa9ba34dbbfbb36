/* SPDX-License-Identifier: Apache-2.0 */
/* Asynchronous exits: faults become SSA frames and error returns, signals of the host interrupt and
 * resume without a trace in any register, also when they strike inside a leaf; entering is refused
 * where the processor would refuse it. */
#include "soft/testkit.h"
#include "tests/tap.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const struct machine_ops *const soft = &machine_soft;
static const char *mode;
static struct kit_enclave *current;

struct ssa {
    struct sgx_exinfo exinfo;
    struct sgx_gprsgx gpr;
};

static void read_ssa(struct kit_enclave *e, struct ssa *ret)
{
    memset(ret, 0xee, sizeof *ret);
    CHECK(kit_enter(e, 0, ENCLU_EENTER, 1, (uint64_t)ret, 0, NULL) == 0,
          "%s: the handler at CSSA 1 reads the SSA", mode);
}

static void resume_behind(struct kit_enclave *e, uint64_t skip, const char *what)
{
    struct machine_run run;
    CHECK(kit_enter(e, 0, ENCLU_EENTER, 0, skip, 0, NULL) == 0 &&
              kit_enter(e, 0, ENCLU_ERESUME, 0, 0, 0, &run) == 0 && run.function == ENCLU_EEXIT,
          "%s: after %s the handler skips it and ERESUME goes on to EEXIT", mode, what);
}

/* ---- faults ---------------------------------------------------------------------------------- */

static void test_faults(struct kit_enclave *e)
{
    static const struct {
        const char *name;
        uint64_t which, skip;
        uint16_t vector;
        uint32_t exitinfo;
    } cases[] = {
        {"ud2", 0, 2, 6, 0x80000306},
        {"a division by zero", 1, 2, 0, 0x80000300},
        {"int3", 2, 0, 3, 0x80000603},
        {"a general protection fault", 5, 3, 13, 0x8000030d},
        {"a misaligned access under AC", 6, 5, 17, 0x80000311},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct machine_run run;
        struct ssa ssa;
        int r = kit_call(e, 0, KIT_FAULT, NULL, cases[i].which, &run);
        CHECK(r == -EFAULT && run.function == ENCLU_ERESUME &&
                  run.exception_vector == cases[i].vector,
              "%s: %s comes back as vector %u", mode, cases[i].name, cases[i].vector);
        read_ssa(e, &ssa);
        CHECK(ssa.gpr.exitinfo == cases[i].exitinfo, "%s: EXITINFO of %s", mode, cases[i].name);
        resume_behind(e, cases[i].skip, cases[i].name);
    }
}

static void test_page_fault(struct kit_enclave *e)
{
    uint64_t arg[2] = {0x123, 0}; /* outside ELRANGE, unmapped */
    struct machine_run run;
    struct ssa ssa;
    CHECK(kit_call(e, 0, KIT_STORE, arg, 0, &run) == -EFAULT && run.exception_vector == 14 &&
              run.exception_addr == 0x123,
          "%s: a store to unmapped host memory is #PF at the exact address", mode);
    read_ssa(e, &ssa);
    CHECK(ssa.gpr.exitinfo == 0x8000030e && ssa.exinfo.maddr == 0x123 &&
              (ssa.exinfo.errcd & 2) != 0,
          "%s: EXINFO holds address and error code", mode);
    resume_behind(e, 3, "a page fault");
    arg[0] = e->base + KIT_READONLY + 0x18;
    CHECK(kit_call(e, 0, KIT_STORE, arg, 0, &run) == -EFAULT &&
              run.exception_addr == e->base + KIT_READONLY,
          "%s: inside ELRANGE the host learns only the page", mode);
    read_ssa(e, &ssa);
    CHECK(ssa.exinfo.maddr == e->base + KIT_READONLY + 0x18 && (ssa.exinfo.errcd & 2) != 0,
          "%s: the enclave learns the address", mode);
    resume_behind(e, 3, "a page fault inside");
}

static void test_no_exinfo(void)
{
    struct kit_enclave e = kit_start(&(struct kit_options){.no_exinfo = true});
    uint64_t arg[2] = {0x123, 0};
    struct machine_run run;
    struct ssa ssa;
    CHECK(kit_call(&e, 0, KIT_LOAD, arg, 0, &run) == -EFAULT && run.exception_vector == 14,
          "without MISCSELECT.EXINFO a #PF still returns");
    mode = "no EXINFO";
    read_ssa(&e, &ssa);
    CHECK(ssa.gpr.exitinfo == 0, "but EXITINFO is not valid");
    kit_end(&e);
}

/* ---- registers ------------------------------------------------------------------------------- */

struct registers {
    volatile uint64_t started, go_on;
    uint64_t avx512, unused1[5];
    uint64_t gpr[16]; /* 64 */
    uint32_t mxcsr, unused2[15];
    uint8_t zmm[32][64]; /* 256 */
    uint64_t k[8];
} __attribute__((aligned(64)));
_Static_assert(offsetof(struct registers, zmm) == 256, "test_enclave.S");

static volatile int handled;
static volatile uint64_t fs_in_handler;
static __thread int tls_marker = 42;
static volatile int tls_seen;

static void count_signal(int sig, siginfo_t *info, void *context)
{
    (void)sig;
    (void)info;
    (void)context;
    /* Vector registers of the host's choice, TLS, and floating point must work here. */
    uint8_t junk[64];
    memset(junk, handled, sizeof junk);
    __asm__ volatile("movdqu %0, %%xmm3\n\tpxor %%xmm4, %%xmm4" ::"m"(*(uint8_t(*)[16])junk)
                     : "xmm3", "xmm4");
    tls_seen = tls_marker;
    handled++;
}

static struct registers area;
static pthread_t entered;

static void *interrupt(void *unused)
{
    (void)unused;
    while (area.started == 0) {
        usleep(100);
    }
    for (int i = 0; i < 50; i++) {
        (void)pthread_kill(entered, SIGUSR1);
        usleep(200);
    }
    area.go_on = 1;
    return NULL;
}

static uint64_t rbp_pattern(size_t i)
{
    return UINT64_C(0x1111111111111111) * (i + 1);
}

static void test_registers(struct kit_enclave *e)
{
    memset(&area, 0, sizeof area);
    area.avx512 = (machine_host_xfrm() & 0xe0) == 0xe0;
    for (size_t i = 0; i < sizeof area.zmm; i++) {
        ((uint8_t *)area.zmm)[i] = (uint8_t)(i * 7 + 1);
    }
    for (size_t i = 0; i < 8; i++) {
        area.k[i] = UINT64_C(0x0123456789abcdef) * (i + 1);
    }
    struct registers before = area;
    handled = 0;
    tls_seen = 0;
    entered = pthread_self();
    CHECK(soft_signal(SIGUSR1, count_signal, 0) == 0, "%s: a handler is installed", mode);
    pthread_t thread;
    (void)pthread_create(&thread, NULL, interrupt, NULL);
    struct machine_run run;
    int r = kit_call(e, 0, KIT_REGISTERS, &area, 0, &run);
    (void)pthread_join(thread, NULL);
    CHECK(r == 0 && handled > 0, "%s: the enclave was interrupted and resumed (%d times)", mode,
          handled);
    CHECK(tls_seen == 42, "%s: the host's handler has the host's TLS", mode);
    bool same = true;
    for (size_t i = 0; i < 14; i++) {
        same = same && area.gpr[i] == rbp_pattern(i);
    }
    CHECK(same && area.gpr[14] == 0x77, "%s: all general registers and the red zone survive", mode);
    CHECK(area.mxcsr == 0x3f80, "%s: MXCSR survives", mode);
    if (area.avx512) {
        CHECK(memcmp(area.zmm, before.zmm, sizeof area.zmm) == 0 &&
                  memcmp(area.k, before.k, sizeof area.k) == 0,
              "%s: all ZMM and mask registers survive", mode);
    } else {
        bool equal = true;
        for (size_t i = 0; i < 16; i++) {
            equal = equal && memcmp(area.zmm[i], before.zmm[i], 16) == 0;
        }
        CHECK(equal, "%s: all XMM registers survive", mode);
    }
}

/* What the host sees in its registers after an AEX: nothing of the enclave's. */
static volatile bool leaked;
static void look_at_registers(int sig, siginfo_t *info, void *context)
{
    (void)sig;
    (void)info;
    const ucontext_t *uc = context;
    const int zero[] = {REG_RDX, REG_RSI, REG_RDI, REG_R8,  REG_R9, REG_R10,
                        REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
    for (size_t i = 0; i < ARRAY_SIZE(zero); i++) {
        leaked = leaked || uc->uc_mcontext.gregs[zero[i]] != 0;
    }
    leaked = leaked || uc->uc_mcontext.gregs[REG_RAX] != ENCLU_ERESUME ||
             uc->uc_mcontext.gregs[REG_RBX] != (greg_t)kit_tcs(current, 0);
    area.go_on = 1;
}

static void *interrupt_once(void *unused)
{
    (void)unused;
    while (area.started == 0) {
        usleep(100);
    }
    while (area.go_on == 0) {
        (void)pthread_kill(entered, SIGUSR1);
        usleep(1000);
    }
    return NULL;
}

static void test_no_leak(struct kit_enclave *e)
{
    memset(&area, 0, sizeof area);
    current = e;
    leaked = false;
    CHECK(soft_signal(SIGUSR1, look_at_registers, 0) == 0, "%s: another handler", mode);
    pthread_t thread;
    (void)pthread_create(&thread, NULL, interrupt_once, NULL);
    int r = kit_call(e, 0, KIT_REGISTERS, &area, 0, NULL);
    (void)pthread_join(thread, NULL);
    CHECK(r == 0 && !leaked, "%s: at the AEP only RAX, RBX and RCX say anything", mode);
}

/* ---- the kick: entering from a handler ------------------------------------------------------- */

static volatile int kicked;
static void kick(int sig, siginfo_t *info, void *context)
{
    (void)sig;
    (void)info;
    (void)context;
    struct ssa ssa;
    memset(&ssa, 0, sizeof ssa);
    struct machine_run run = {.tcs = kit_tcs(current, 0)};
    int r = soft->enter(current->m, 1, (uint64_t)&ssa, 0, ENCLU_EENTER, 0, 0, &run);
    if (r == 0 && ssa.gpr.exitinfo == 0 && ssa.gpr.rip != 0) {
        kicked++;
    }
    area.go_on = 1;
}

static void test_kick(struct kit_enclave *e)
{
    memset(&area, 0, sizeof area);
    current = e;
    kicked = 0;
    CHECK(soft_signal(SIGUSR1, kick, 0) == 0, "%s: a handler that enters", mode);
    pthread_t thread;
    (void)pthread_create(&thread, NULL, interrupt_once, NULL);
    int r = kit_call(e, 0, KIT_REGISTERS, &area, 0, NULL);
    (void)pthread_join(thread, NULL);
    bool same = r == 0;
    for (size_t i = 0; i < 14; i++) {
        same = same && area.gpr[i] == rbp_pattern(i);
    }
    CHECK(kicked > 0, "%s: a signal handler enters the interrupted TCS at CSSA 1, EXITINFO invalid",
          mode);
    CHECK(same, "%s: and the interrupted code goes on unharmed", mode);
}

/* ---- signals inside leaves ------------------------------------------------------------------- */

static void storm(int sig, siginfo_t *info, void *context)
{
    (void)sig;
    (void)info;
    (void)context;
    handled++;
}

static void start_storm(int microseconds)
{
    struct itimerval timer = {{0, microseconds}, {0, microseconds}};
    (void)setitimer(ITIMER_REAL, &timer, NULL);
}

static void test_signals_in_leaves(struct kit_enclave *e, uint64_t count)
{
    handled = 0;
    CHECK(soft_signal(SIGALRM, storm, SA_RESTART) == 0, "%s: a timer's handler", mode);
    uint64_t secinfo[8] = {SGX_SECINFO_R | SGX_SECINFO_TYPE(SGX_PT_REG)};
    kit_write(e, KIT_DATA + 0x1000, secinfo, sizeof secinfo);
    /* EMODPE of a page that has the right already: short, so that signals strike everywhere. */
    uint64_t arg[6] = {e->base + KIT_DATA + 0x1000, e->base + KIT_DATA, 0, ENCLU_EMODPE, count, 0};
    start_storm(37);
    int r = kit_call(e, 0, KIT_LEAF_LOOP, arg, 0, NULL);
    start_storm(0);
    CHECK(r == 0 && arg[5] == 0 && handled > 0,
          "%s: %lu short leaves under a storm of signals (%d) keep every register", mode,
          (unsigned long)count, handled);
    handled = 0;
    /* EREPORT: waits for the helper inside the leaf. */
    uint64_t report[6] = {e->base + KIT_DATA + 0x2000,
                          e->base + KIT_DATA + 0x2400,
                          e->base + KIT_DATA + 0x2800,
                          ENCLU_EREPORT,
                          count / 400,
                          0};
    start_storm(230);
    r = kit_call(e, 0, KIT_LEAF_LOOP, report, 0, NULL);
    start_storm(0);
    CHECK(r == 0 && report[5] == 0 && handled > 0,
          "%s: %lu long leaves under a storm of signals (%d) keep every register", mode,
          (unsigned long)count / 400, handled);
}

static void test_entries_under_storm(struct kit_enclave *e)
{
    handled = 0;
    bool good = true;
    start_storm(41);
    for (int i = 0; i < 20000; i++) {
        good = good && kit_call(e, 0, KIT_NOTHING, NULL, 0, NULL) == 0;
    }
    start_storm(0);
    CHECK(good && handled > 0, "%s: 20000 entries under a storm of signals (%d)", mode, handled);
}

/* ---- faults in leaves ------------------------------------------------------------------------ */

/* An enclave that turned alignment checks and the direction flag on harms neither leaves nor host.
 */
static void test_flags(struct kit_enclave *e)
{
    struct kit_enclu regs = {ENCLU_EREPORT, e->base + KIT_DATA + 0x2000,
                             e->base + KIT_DATA + 0x2400, e->base + KIT_DATA + 0x2800, 0};
    CHECK(kit_call(e, 0, KIT_ENCLU_AC, &regs, 0, NULL) == 0 && (regs.rflags & 0x40400) == 0x40400,
          "%s: a leaf under AC and DF works and keeps them", mode);
    uint64_t flags;
    __asm__ volatile("pushfq\n\tpop %0" : "=r"(flags));
    CHECK((flags & 0x40400) == 0, "%s: the host has neither of them afterwards", mode);
}

static void test_leaf_fault(struct kit_enclave *e)
{
    /* SECINFO at an address that is not mapped: #PF at the ENCLU; the handler lets it be. */
    struct kit_enclu regs = {ENCLU_EACCEPT, e->base + 0xf00000, e->base + KIT_DATA, 0, 0};
    struct machine_run run;
    struct ssa ssa;
    CHECK(kit_enclu(e, 0, &regs, &run) == -EFAULT && run.exception_vector == 14,
          "%s: a leaf whose operand is missing faults", mode);
    read_ssa(e, &ssa);
    CHECK(ssa.gpr.rax == ENCLU_EACCEPT && ssa.gpr.rbx == e->base + 0xf00000 &&
              ssa.gpr.r13 == 0x5a5a && (ssa.gpr.rflags & 1) != 0,
          "%s: the SSA holds the registers as they were at the ENCLU", mode);
    CHECK(ssa.exinfo.maddr == e->base + 0xf00000, "%s: and the address of the operand", mode);
    resume_behind(e, 5, "a fault in a leaf");
}

/* ---- entering -------------------------------------------------------------------------------- */

static bool refused(struct kit_enclave *e, uint64_t tcs, unsigned leaf, uint16_t vector)
{
    struct machine_run run = {.tcs = tcs};
    return soft->enter(e->m, 0, 0, 0, leaf, 0, 0, &run) == -EFAULT &&
           run.exception_vector == vector && run.function == leaf;
}

static struct kit_enclave *busy_enclave;
static void *stay_inside(void *unused)
{
    (void)unused;
    (void)kit_call(busy_enclave, 1, KIT_REGISTERS, &area, 0, NULL);
    return NULL;
}

static void test_entry_checks(struct kit_enclave *e)
{
    struct machine_run run = {.tcs = kit_tcs(e, 0)};
    CHECK(soft->enter(e->m, 0, 0, 0, ENCLU_EEXIT, 0, 0, &run) == -EINVAL &&
              soft->enter(e->m, 0, 0, 0, ENCLU_EENTER, 0, 0, NULL) == -EINVAL,
          "%s: other leaves, or no run, are -EINVAL", mode);
    CHECK(refused(e, kit_tcs(e, 0) + 8, ENCLU_EENTER, 13), "%s: an unaligned TCS is #GP", mode);
    CHECK(refused(e, e->base + KIT_SIZE, ENCLU_EENTER, 13), "%s: a TCS outside is #GP", mode);
    CHECK(refused(e, e->base + KIT_CODE, ENCLU_EENTER, 14), "%s: a page of type REG is #PF", mode);
    CHECK(refused(e, e->base + 0xf00000, ENCLU_EENTER, 14), "%s: no page is #PF", mode);
    CHECK(refused(e, kit_tcs(e, 0), ENCLU_ERESUME, 13), "%s: ERESUME at CSSA 0 is #GP", mode);
    memset(&area, 0, sizeof area);
    busy_enclave = e;
    pthread_t thread;
    (void)pthread_create(&thread, NULL, stay_inside, NULL);
    while (area.started == 0) {
        usleep(100);
    }
    CHECK(refused(e, kit_tcs(e, 1), ENCLU_EENTER, 13), "%s: a busy TCS is #GP", mode);
    area.go_on = 1;
    (void)pthread_join(thread, NULL);
    CHECK(kit_call(e, 1, KIT_NOTHING, NULL, 0, NULL) == 0, "%s: once it is free it works", mode);
    for (size_t i = 0; i < 2; i++) { /* as another thread of the enclave may leave them */
        const size_t field[] = {offsetof(struct sgx_gprsgx, fsbase),
                                offsetof(struct sgx_gprsgx, gsbase)};
        uint64_t frame_end = kit_tcs(e, 3) + 0x2000 - sizeof(struct sgx_gprsgx);
        uint64_t arg[2] = {frame_end + field[i], UINT64_C(1) << 47};
        CHECK(kit_call(e, 3, KIT_FAULT, NULL, 0, &run) == -EFAULT &&
                  kit_call(e, 0, KIT_STORE, arg, 0, NULL) == 0 &&
                  refused(e, kit_tcs(e, 3), ENCLU_ERESUME, 13) &&
                  kit_enter(e, 3, ENCLU_EENTER, 3, 0, 0, NULL) == 0,
              "%s: ERESUME with a segment base that is not canonical is #GP", mode);
    }
    for (int i = 0; i < 2; i++) {
        (void)kit_enter(e, 2, ENCLU_EENTER, i == 0 ? KIT_FAULT : 99, 0, 0, NULL);
    }
    uint64_t arg[2] = {0x123};
    (void)arg;
    CHECK(kit_enter(e, 2, ENCLU_EENTER, 2, 0, 0, NULL) == 0, "%s: CSSA 1 of 2 can be entered",
          mode);
    CHECK(soft->modify_type(e->m, KIT_THREADS + 2 * KIT_STRIDE + 0x2000, 4096, SGX_PT_TRIM) == 0 &&
              refused(e, kit_tcs(e, 2), ENCLU_EENTER, 14),
          "%s: an SSA page that was taken away is #PF", mode);
    uint64_t bases[2];
    CHECK(kit_call(e, 0, KIT_BASES, bases, 0, NULL) == 0 && bases[0] == e->base + KIT_DATA &&
              bases[1] == kit_tcs(e, 0) + 0x3000,
          "%s: FS and GS bases come from the TCS", mode);
    CHECK(tls_marker == 42, "%s: and the host's are back afterwards", mode);
}

static void test_exit(struct kit_enclave *e)
{
    uint64_t out[5];
    struct machine_run run = {.tcs = kit_tcs(e, 0)};
    CHECK(soft->enter(e->m, 0, 22, 33, ENCLU_EENTER, 44, 55, &run) == 0 &&
              run.function == ENCLU_EEXIT,
          "%s: EEXIT", mode);
    soft_exit_registers(out);
    CHECK(out[0] == 0 && out[1] == 22 && out[2] == 33 && out[3] == 44 && out[4] == 55,
          "%s: rdi, rsi, rdx, r8, r9 pass in and out", mode);
    uint64_t rest[8];
    memset(&area, 0, sizeof area);
    area.go_on = 1;
    bool same = kit_call(e, 0, KIT_REGISTERS, &area, 0, NULL) == 0;
    soft_exit_rest(rest);
    for (size_t i = 0; i < 6; i++) {
        const uint64_t gs = kit_tcs(e, 0) + 0x3000; /* its way out uses r11 */
        same = same && rest[i] == (i == 1 ? gs : rbp_pattern(8 + i));
    }
    CHECK(same && rest[6] == rbp_pattern(5) && rest[7] == kit_tcs(e, 0) + 0x6000,
          "%s: and r10 to r15, rbp and rsp can be read as the enclave left them", mode);
    uint64_t secinfo[8] = {SGX_SECINFO_R | SGX_SECINFO_TYPE(SGX_PT_REG)};
    kit_write(e, KIT_DATA + 0x1000, secinfo, sizeof secinfo);
    struct kit_enclu regs = {ENCLU_EEXIT, e->base + KIT_CODE, 0, 0, 0};
    CHECK(kit_enclu(e, 0, &regs, &run) == -EFAULT && run.exception_vector == 13,
          "%s: EEXIT to an address inside is #GP", mode);
    CHECK(kit_enter(e, 0, ENCLU_EENTER, 3, 0, 0, NULL) == 0, "%s: back to CSSA 0", mode);
    regs = (struct kit_enclu){12, 0, 0, 0, 0};
    CHECK(kit_enclu(e, 0, &regs, &run) == -EFAULT && run.exception_vector == 13,
          "%s: an unknown leaf is #GP", mode);
    CHECK(kit_enter(e, 0, ENCLU_EENTER, 3, 0, 0, NULL) == 0, "%s: back to CSSA 0", mode);
    regs = (struct kit_enclu){ENCLU_EMODPE, e->base + KIT_DATA + 0x1000, e->base + KIT_DATA, 0, 0};
    CHECK(kit_call(e, 0, KIT_UNPADDED, &regs, 0, NULL) == 0,
          "%s: an ENCLU without padding works by trap", mode);
}

/* ---- seccomp --------------------------------------------------------------------------------- */

static void *filtered(void *argument)
{
    struct kit_enclave *e = argument;
    struct sock_filter filter[SOFT_SECCOMP_MAX + 1];
    size_t n = soft_seccomp_elrange(e->base, KIT_SIZE, SECCOMP_RET_TRAP, filter);
    filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {(unsigned short)n, filter};
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
              prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0,
          "%s: the filter is accepted", mode);
    static const char *const names[] = {"syscall", "int 0x80"};
    for (uint64_t i = 0; i < 2; i++) {
        struct machine_run run;
        struct ssa ssa;
        CHECK(kit_call(e, 0, KIT_FAULT, NULL, 3 + i, &run) == -EFAULT && run.exception_vector == 6,
              "%s: %s inside is #UD", mode, names[i]);
        read_ssa(e, &ssa);
        CHECK(ssa.gpr.rax == (i == 0 ? 39 : 20), "%s: RAX still names the call", mode);
        resume_behind(e, 2, names[i]);
    }
    CHECK(syscall(SYS_getpid) == getpid(), "%s: the host's own calls work", mode);
    return NULL;
}

int main(void)
{
    for (int trap = 0; trap < 2; trap++) {
        mode = trap ? "trap" : "translation";
        struct kit_enclave e = kit_start(&(struct kit_options){.trap_only = trap});
        test_faults(&e);
        test_page_fault(&e);
        test_registers(&e);
        test_no_leak(&e);
        test_kick(&e);
        test_signals_in_leaves(&e, trap ? 20000 : 400000);
        test_entries_under_storm(&e);
        test_flags(&e);
        test_leaf_fault(&e);
        test_exit(&e);
        test_entry_checks(&e);
        pthread_t thread;
        (void)pthread_create(&thread, NULL, filtered, &e);
        (void)pthread_join(thread, NULL);
        kit_end(&e);
    }
    test_no_exinfo();
    return tap_done();
}
