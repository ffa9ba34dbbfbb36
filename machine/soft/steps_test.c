/* SPDX-License-Identifier: Apache-2.0 */
/* A signal of the host at every single instruction between the call of enter() and the enclave's
 * first instruction: the trap flag stops before each, and there the signal is sent. Whatever it
 * finds half done must look to the host's handler as if EENTER and ERESUME were one instruction,
 * as they are: no register of the enclave in its context, in its registers or on its stack; the
 * handler runs once; the entry then goes its way.
 *
 * The secret is in no memory of this process (soft/test_secret.h): it is compared under a veil. */
#include "soft/internal.h"
#include "soft/test_secret.h"
#include "soft/testkit.h"
#include "tests/tap.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RFLAGS_TF 0x100

static const volatile uint64_t veil = UINT64_C(0xa5a5c3c35a5a3c00);
#define VEILED ((KIT_SECRET_A * KIT_SECRET_B) ^ UINT64_C(0xa5a5c3c35a5a3c00))

struct word {
    uint64_t value;
} __attribute__((packed, may_alias));

/* Below the stack pointer, too, which is no object that a sanitizer knows. */
static __attribute__((no_sanitize("address"))) bool secret_in(const void *data, size_t size)
{
    uint64_t v = veil;
    for (size_t i = 0; i + 8 <= size; i++) {
        const struct word *word = (const struct word *)((const uint8_t *)data + i);
        if ((word->value ^ v) == VEILED) {
            return true;
        }
    }
    return false;
}

/* What the machine's code left below the caller's frame, as the last thing that ran there. */
static __attribute__((noinline)) bool secret_on_stack(void)
{
    enum { DEPTH = 32 << 10 };
    return secret_in((const uint8_t *)__builtin_frame_address(0) - DEPTH, DEPTH);
}

/* ---- one step after the other ---------------------------------------------------------------- */

static volatile struct {
    uint64_t strike_at; /* which step */
    uint64_t step;
    bool struck, there; /* the enclave would begin now */
} walk;
static volatile int handled;
static volatile uint64_t shown, left; /* steps at which a handler saw the secret; a stack kept it */

/* The machine passes on what is not an enclave's, as to any handler that was there before. */
static void on_step(int sig, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    (void)sig;
    (void)info;
    greg_t *gregs = uc->uc_mcontext.gregs;
    uint64_t rip = (uint64_t)gregs[REG_RIP];
    walk.step++;
    const uint8_t *code = (const uint8_t *)rip;
    bool window = rip >= (uint64_t)soft_gate_window && rip < (uint64_t)soft_gate_window_end;
    walk.there = window && ((code[0] == 0x48 && code[1] == 0xcf) ||
                            (code[0] == 0x41 && code[1] == 0xff && code[2] == 0xe3));
    if (walk.step == walk.strike_at) {
        walk.struck = true;
        /* Blocked while this handler runs: it strikes at the return, at this instruction. */
        (void)syscall(SYS_tgkill, getpid(), gettid(), SIGUSR1);
    }
    if (!walk.struck && code[0] == 0xf3 && code[1] == 0xa4) {
        /* All rounds of a `rep movsb`, which are steps of their own, are one. */
        size_t n = (size_t)gregs[REG_RCX];
        __builtin_memcpy((void *)gregs[REG_RDI], (const void *)gregs[REG_RSI], n);
        gregs[REG_RDI] += (greg_t)n;
        gregs[REG_RSI] += (greg_t)n;
        gregs[REG_RCX] = 0;
    }
    if (walk.struck || walk.there) { /* iretq and the jump: the enclave has no trap flag */
        gregs[REG_EFL] &= ~RFLAGS_TF;
    }
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
    static uint8_t state[4096] __attribute__((aligned(64)));
    __asm__ volatile("xsave64 %0" : "+m"(state) : "a"(7), "d"(0));
    const ucontext_t *uc = context;
    (void)sig;
    (void)info;
    handled++;
    shown += secret_in(state, 832) || secret_in(uc, sizeof *uc) ||
             (uc->uc_mcontext.fpregs != NULL && secret_in(uc->uc_mcontext.fpregs, 832));
}

static void set_trap_flag(void)
{
    __asm__ volatile("pushfq\n\torq %0, (%%rsp)\n\tpopfq" ::"i"(RFLAGS_TF) : "cc", "memory");
}

static void clear_trap_flag(void)
{
    __asm__ volatile("pushfq\n\tandq %0, (%%rsp)\n\tpopfq" ::"i"(~RFLAGS_TF) : "cc", "memory");
}

/* An entry that is struck at step `at`. */
static int walk_in(struct kit_enclave *e, unsigned leaf, uint64_t rdi, uint64_t at,
                   struct machine_run *run)
{
    *run = (struct machine_run){.tcs = kit_tcs(e, 0)};
    walk.strike_at = at;
    walk.step = 0;
    walk.struck = walk.there = false;
    handled = 0;
    set_trap_flag();
    int r = machine_soft.enter(e->m, rdi, 0, 0, leaf, 0, 0, run);
    clear_trap_flag();
    left += secret_on_stack();
    return r;
}

/* ---- entries --------------------------------------------------------------------------------- */

/* Stops in the enclave at the ud2, every register full. */
static bool be_interrupted(struct kit_enclave *e)
{
    struct machine_run run;
    return kit_call(e, 0, KIT_SECRET, NULL, 0, &run) == -EFAULT && run.exception_vector == 6 &&
           kit_enter(e, 0, ENCLU_EENTER, 0, 2, 0, NULL) == 0;
}

static void test_resume(struct kit_enclave *e)
{
    struct machine_run run;
    shown = left = 0;
    CHECK(be_interrupted(e) && kit_enter(e, 0, ENCLU_ERESUME, 0, 0, 0, NULL) == 0 &&
              !secret_on_stack(),
          "after ERESUME the host's stack does not hold what the SSA held");
    uint64_t at = 0;
    bool good = true;
    do {
        at++;
        good = good && be_interrupted(e);
        good = good && walk_in(e, ENCLU_ERESUME, 0, at, &run) == 0;
        good = good && handled == (walk.struck ? 1 : 0);
    } while (good && walk.struck);
    CHECK(good && at > 100, "a signal at each of %lu instructions of ERESUME is handled once",
          (unsigned long)at - 1);
    CHECK(shown == 0, "no handler sees a register of the enclave (%lu did)", (unsigned long)shown);
    CHECK(left == 0, "nor does the host's stack keep one (%lu times)", (unsigned long)left);
}

static void test_enter(struct kit_enclave *e)
{
    struct machine_run run;
    uint64_t at = 0;
    bool good = be_interrupted(e);
    shown = left = 0;
    do { /* at CSSA 1, where the handler does nothing */
        at++;
        good = good && walk_in(e, ENCLU_EENTER, 2, at, &run) == 0;
        good = good && handled == (walk.struck ? 1 : 0);
    } while (good && walk.struck);
    CHECK(good && at > 50, "a signal at each of %lu instructions of EENTER", at - 1);
    CHECK(kit_enter(e, 0, ENCLU_ERESUME, 0, 0, 0, NULL) == 0, "and what it interrupted goes on");
}

static void test_refusal(struct kit_enclave *e)
{
    struct machine_run run;
    uint64_t at = 0;
    bool good = true;
    shown = left = 0;
    do { /* nothing was interrupted */
        at++;
        good = good && walk_in(e, ENCLU_ERESUME, 0, at, &run) == -EFAULT &&
               run.exception_vector == 13 && run.function == ENCLU_ERESUME;
        good = good && handled == (walk.struck ? 1 : 0);
    } while (good && walk.struck);
    CHECK(good && at > 50, "a signal at each of %lu instructions of a refusal", at - 1);
    CHECK(kit_call(e, 0, KIT_NOTHING, NULL, 0, NULL) == 0, "the thread can be entered afterwards");
}

int main(void)
{
    struct sigaction step = {.sa_sigaction = on_step, .sa_flags = SA_SIGINFO};
    (void)sigaction(SIGTRAP, &step, NULL); /* before the machine takes it */
    struct kit_enclave e = kit_start(&(struct kit_options){0});
    CHECK(soft_signal(SIGUSR1, on_signal, 0) == 0, "a handler is installed");
    test_resume(&e);
    test_enter(&e);
    test_refusal(&e);
    kit_end(&e);
    return tap_done();
}
