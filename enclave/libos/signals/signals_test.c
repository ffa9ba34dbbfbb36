/* SPDX-License-Identifier: Apache-2.0 */
/* The frame of a signal handler has the shape that the kernel's has: compared with what a real
 * signal leaves on this process's stack, and with the ABI's alignment for all stack tops. */
#include "signals/signals.h"

#include <signal.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#include "tests/tap.h"

static volatile int handled;
static uintptr_t frame_at, info_at, context_at, fpstate_at;
static uint64_t seen_rip, seen_mask;

static void handler(int signo, siginfo_t *info, void *context)
{
    const ucontext_t *uc = (const ucontext_t *)context;
    handled = signo;
    info_at = (uintptr_t)info;
    context_at = (uintptr_t)context;
    frame_at = context_at - offsetof(struct signal_frame, uc);
    fpstate_at = (uintptr_t)uc->uc_mcontext.fpregs;
    seen_rip = (uint64_t)uc->uc_mcontext.gregs[REG_RIP];
    const struct signal_frame *f = (const struct signal_frame *)frame_at;
    seen_mask = f->uc.mask;
    CHECK(f->uc.context.rip == seen_rip &&
              f->uc.context.rsp == (uint64_t)uc->uc_mcontext.gregs[REG_RSP] &&
              f->uc.context.r15 == (uint64_t)uc->uc_mcontext.gregs[REG_R15] &&
              f->uc.context.rflags == (uint64_t)uc->uc_mcontext.gregs[REG_EFL] &&
              f->uc.context.fpstate == (uint64_t)fpstate_at,
          "registers lie where libc looks for them");
    CHECK(f->info.signo == SIGUSR1 && f->info.u.sender.pid == getpid() &&
              f->info.u.sender.uid == getuid(),
          "siginfo lies where libc looks for it");
}

static void test_kernel_frame(void)
{
    struct sigaction sa = {.sa_flags = SA_SIGINFO};
    sigset_t mask;
    sa.sa_sigaction = handler;
    sigemptyset(&mask);
    sigaddset(&mask, SIGHUP);
    sigprocmask(SIG_SETMASK, &mask, NULL);
    sigaction(SIGUSR1, &sa, NULL);
    raise(SIGUSR1);
    CHECK(handled == SIGUSR1 && info_at == frame_at + offsetof(struct signal_frame, info),
          "the kernel's frame has our layout");
    CHECK(seen_mask == 1, "the saved mask lies where libc looks for it");
    CHECK((frame_at + 8) % 16 == 0 && fpstate_at % 64 == 0 &&
              fpstate_at >= frame_at + sizeof(struct signal_frame),
          "it is aligned as ours will be");
}

static void test_layout(void)
{
    bool good = true;
    for (uint64_t top = 0x700000; top < 0x700000 + 256; top++) {
        for (uint64_t size = 576; size <= 2696; size += 8) {
            uint64_t frame, xstate;
            good = good && signal_layout(top, size, &frame, &xstate) && (frame + 8) % 16 == 0 &&
                   xstate % 64 == 0 && frame + sizeof(struct signal_frame) <= xstate &&
                   xstate + size + 4 <= top;
        }
    }
    CHECK(good, "parts are aligned and apart for every stack top and size of vector state");
    uint64_t frame, xstate;
    CHECK(!signal_layout(1000, 832, &frame, &xstate), "a stack at the bottom of memory is refused");
}

int main(void)
{
    test_kernel_frame();
    test_layout();
    return tap_done();
}
