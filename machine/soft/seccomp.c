/* SPDX-License-Identifier: Apache-2.0 */
/* The two seccomp rules that make `syscall` inside an enclave trap (machine/soft.h), as BPF. */
#include "machine/soft.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stddef.h>

#define LOAD(field)                                                                                \
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, field))
#define IP_LOW               ((uint32_t)offsetof(struct seccomp_data, instruction_pointer))
#define IP_HIGH              (IP_LOW + 4u)
#define LOAD_AT(at)          BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (at))
#define JUMP(op, k, yes, no) BPF_JUMP(BPF_JMP | (op) | BPF_K, (k), (yes), (no))

/* 64-bit unsigned comparisons out of 32-bit ones. The pointer is behind the instruction: inside
 * means start < ip <= start + size. */
size_t soft_seccomp_elrange(uint64_t base, uint64_t size, uint32_t foreign_arch,
                            struct sock_filter ret_filter[SOFT_SECCOMP_MAX])
{
    const uint64_t end = base + size;
    const uint32_t base_high = (uint32_t)(base >> 32), base_low = (uint32_t)base;
    const uint32_t end_high = (uint32_t)(end >> 32), end_low = (uint32_t)end;
    const struct sock_filter filter[] = {
        /* 0 */ LOAD(arch),
        /* 1 */ JUMP(BPF_JEQ, AUDIT_ARCH_X86_64, 1, 0),
        /* 2 */ BPF_STMT(BPF_RET | BPF_K, foreign_arch),
        /* 3 */ LOAD_AT(IP_HIGH),
        /* ip > base? */
        /* 4 */ JUMP(BPF_JGT, base_high, 3, 0),
        /* 5 */ JUMP(BPF_JEQ, base_high, 0, 8),
        /* 6 */ LOAD_AT(IP_LOW),
        /* 7 */ JUMP(BPF_JGT, base_low, 0, 6),
        /* ip <= end? */
        /* 8 */ LOAD_AT(IP_HIGH),
        /* 9 */ JUMP(BPF_JGT, end_high, 4, 0),
        /* 10 */ JUMP(BPF_JEQ, end_high, 0, 2),
        /* 11 */ LOAD_AT(IP_LOW),
        /* 12 */ JUMP(BPF_JGT, end_low, 1, 0),
        /* 13 */ BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
        /* 14: outside; the caller's own rules follow */
    };
    _Static_assert(ARRAY_SIZE(filter) <= SOFT_SECCOMP_MAX, "room for the rules");
    for (size_t i = 0; i < ARRAY_SIZE(filter); i++) {
        ret_filter[i] = filter[i];
    }
    return ARRAY_SIZE(filter);
}
