/* SPDX-License-Identifier: Apache-2.0 */
/* enter() with the contract of the kernel's __vdso_sgx_enter_enclave. Host code; the transition
 * itself is transition.c and gate.S. */
#include "soft/internal.h"

#include <cpuid.h>
#include <errno.h>

/* Component sizes and places in the standard XSAVE layout. */
size_t soft_xsave_size(uint64_t xfrm)
{
    size_t end = 576;
    for (unsigned i = 2; i < 63; i++) {
        if ((xfrm >> i & 1) != 0) {
            uint32_t size, offset, c, d;
            __cpuid_count(0xd, i, size, offset, c, d);
            end = offset + size > end ? offset + size : end;
        }
    }
    return end;
}

int soft_enter(struct machine *m, uint64_t rdi, uint64_t rsi, uint64_t rdx, unsigned leaf,
               uint64_t r8, uint64_t r9, struct machine_run *run)
{
    if (run == NULL || (leaf != ENCLU_EENTER && leaf != ENCLU_ERESUME) || !m->initialised) {
        return -EINVAL;
    }
    struct soft_thread *t = soft_thread_self();
    if (t == NULL) {
        return -ENOMEM;
    }
    if (soft_thread_at((uint64_t)__builtin_frame_address(0)) != NULL) {
        return -EINVAL; /* on the alternate stack, which the next signal would overwrite */
    }
    /* A handler of a signal that interrupted the enclave may enter again: keep the outer enter's.
     */
    struct {
        struct machine *machine;
        struct machine_run *run;
        struct soft_tcs *tcs;
        uint64_t tcs_addr, host_rsp, host_rbp, leaf, args[5];
    } outer = {t->machine, t->run, t->tcs, t->tcs_addr, t->host_rsp, t->host_rbp, t->leaf, {0}};
    for (size_t i = 0; i < ARRAY_SIZE(outer.args); i++) {
        outer.args[i] = t->args[i];
    }
    t->machine = m;
    t->run = run;
    t->args[0] = rdi;
    t->args[1] = rsi;
    t->args[2] = rdx;
    t->args[3] = r8;
    t->args[4] = r9;
    int r = soft_gate(t, leaf);
    t->machine = outer.machine;
    t->run = outer.run;
    t->tcs = outer.tcs;
    t->tcs_addr = outer.tcs_addr;
    t->host_rsp = outer.host_rsp;
    t->host_rbp = outer.host_rbp;
    t->leaf = outer.leaf;
    for (size_t i = 0; i < ARRAY_SIZE(outer.args); i++) {
        t->args[i] = outer.args[i];
    }
    if (r == 0) {
        run->function = ENCLU_EEXIT;
        return 0;
    }
    return -EFAULT;
}
