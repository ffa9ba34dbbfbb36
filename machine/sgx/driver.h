/* SPDX-License-Identifier: Apache-2.0 */
/* The hardware machine's state and its way into an enclave. */
#pragma once

#include "machine/machine.h"

struct sgx_added {
    uint64_t offset, flags;
};

struct machine {
    int fd; /* /dev/sgx_enclave */
    uint64_t base, size;
    uint64_t reserved_start;
    bool created, initialised;
    /* The page that waits for its EEXTENDs: the driver adds and measures in one step. */
    bool has_page;
    unsigned extended;
    struct sgx_added page;
    uint8_t content[SGX_PAGE_SIZE] __attribute__((aligned(4096)));
    struct sgx_added *added;
    size_t added_count, added_capacity;
};

/* __vdso_sgx_enter_enclave of this process, found in AT_SYSINFO_EHDR; 0: the kernel has none. */
uint64_t sgx_vdso_enter(void);
/* Parses an ELF image in memory for a dynamic symbol; 0 if absent. For tests too. */
uint64_t sgx_elf_symbol(uint64_t image, const char *name);

struct sgx_enclave_run;
/* Calls the vDSO function, which keeps only the non-volatile general registers of the ABI: saves
 * MXCSR and the x87 control word around it (enter.S). */
int sgx_vdso_call(unsigned long rdi, unsigned long rsi, unsigned long rdx, unsigned function,
                  unsigned long r8, unsigned long r9, struct sgx_enclave_run *run, uint64_t vdso);
