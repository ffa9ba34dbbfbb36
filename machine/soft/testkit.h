/* SPDX-License-Identifier: Apache-2.0 */
/* What the soft machine's tests share: keys and state folders of their own, and the test enclave
 * (test_enclave.S) with the layout below, signed on the spot. Failures to set up end the test. */
#pragma once

#include "machine/machine.h"
#include "machine/soft.h"

/* Layout of the test enclave, offsets in ELRANGE. */
#define KIT_CODE         0x10000u /* R X, entry at its start */
#define KIT_DATA         0x20000u /* R W, eight pages; DATA_PAGES */
#define KIT_READONLY     0x30000u /* R */
#define KIT_THREADS      0x40000u /* thread areas of 0x8000: TCS, two SSA frames, GS page, stack */
#define KIT_STRIDE       0x8000u
#define KIT_THREAD_COUNT 4u
#define KIT_DYNAMIC      0x100000u  /* nothing before EINIT */
#define KIT_SIZE         0x1000000u /* 16 MiB */
#define KIT_DATA_PAGES   8u

struct kit_options {
    bool trap_only;
    uint64_t flags; /* ATTRIBUTES beside MODE64BIT */
    uint64_t xfrm;  /* 0: the host's */
    uint64_t base;  /* 0: SOFT_BASE_ANY */
    const uint8_t *configid;
    uint16_t configsvn, isvsvn, isvprodid;
    const char *state_dir; /* NULL: the test's */
    struct bytes key_pem;  /* empty: the test's first key */
    bool no_exinfo;
    uint8_t fill; /* one measured byte: another measurement */
};

struct kit_enclave {
    struct machine *m;
    uint64_t base;
    uint8_t mrenclave[32], mrsigner[32];
    struct sgx_sigstruct sigstruct;
};

/* A folder that is removed at the end of the test. */
const char *kit_dir(void);
/* RSA-3072 keys with exponent 3, made once: number 0 or 1. */
struct bytes kit_key(unsigned number);
struct machine_config kit_config(const struct kit_options *o);
/* Builds up to, not including, EINIT; fills sigstruct and signs it. */
struct kit_enclave kit_build(const struct kit_options *o);
struct kit_enclave kit_start(const struct kit_options *o);
void kit_end(struct kit_enclave *e);
/* Enters thread `thread` with command and argument; the result of enter(). */
int kit_call(struct kit_enclave *e, unsigned thread, uint64_t command, void *argument, uint64_t rdx,
             struct machine_run *ret_run);
int kit_enter(struct kit_enclave *e, unsigned thread, unsigned leaf, uint64_t rdi, uint64_t rsi,
              uint64_t rdx, struct machine_run *ret_run);
uint64_t kit_tcs(const struct kit_enclave *e, unsigned thread);

enum kit_command {
    KIT_NOTHING,
    KIT_ENCLU,
    KIT_LOAD,
    KIT_STORE,
    KIT_FAULT,
    KIT_REGISTERS,
    KIT_ACCEPT_RUN,
    KIT_LEAF_LOOP,
    KIT_BASES,
    KIT_UNPADDED,
    KIT_JUMP,
    KIT_ENCLU_AC,
    KIT_SECRET,
};
struct kit_enclu {
    uint64_t rax, rbx, rcx, rdx, rflags;
};
/* One ENCLU inside; the result of enter(). */
int kit_enclu(struct kit_enclave *e, unsigned thread, struct kit_enclu *regs,
              struct machine_run *ret_run);
/* Memory of the enclave through its own loads and stores, in words of 8. An error ends the test. */
void kit_write(struct kit_enclave *e, uint64_t offset, const void *from, size_t size);
void kit_read(struct kit_enclave *e, uint64_t offset, void *to, size_t size);
/* EACCEPT, EMODPE of the page at offset with SECINFO flags; RAX, or 1000 + vector on a fault. */
uint64_t kit_accept(struct kit_enclave *e, uint64_t offset, uint64_t flags);
uint64_t kit_page_leaf(struct kit_enclave *e, unsigned leaf, uint64_t offset, uint64_t flags,
                       uint64_t rdx);
/* Does the enclave's load (or store) of 8 bytes fault? 0, or the run's vector and error. */
bool kit_load_ok(struct kit_enclave *e, uint64_t offset, struct machine_run *ret_run);
bool kit_store_ok(struct kit_enclave *e, uint64_t offset, struct machine_run *ret_run);
