/* SPDX-License-Identifier: Apache-2.0 */
/* What an enclave runs on, as one small table of operations with two implementations: machine/soft
 * (a faithful SGX in user space) and machine/sgx (the Linux driver, /dev/sgx_enclave, and
 * __vdso_sgx_enter_enclave). Offsets are relative to SECS.BASEADDR and page aligned.
 * All functions return 0 or -errno and explain failures in the diag.
 * Threads: building is single-threaded; enter() and the page operations may be called from any
 * thread afterwards. */
#pragma once

#include <signal.h>

#include "abi/sgx.h"
#include "base/bytes.h"
#include "base/diag.h"

struct machine; /* one enclave on one machine */

/* How an enter() ended. Same fields as the kernel's struct sgx_enclave_run (asm/sgx.h). */
struct machine_run {
    uint64_t tcs;      /* in: address of the TCS */
    uint32_t function; /* out: EEXIT after a normal exit, else the leaf that faulted */
    uint16_t exception_vector;
    uint16_t exception_error_code;
    uint64_t exception_addr;
};

/* A microcode helper that runs already; pid 0: none. Whoever has it open keeps it alive. */
struct machine_started {
    int pid, socket, pages;
};

struct machine_config {
    /* Directory with the software machine's root secret and certificates; NULL: the default,
     * $ALCOVE_MACHINE_DIR, else $XDG_DATA_HOME/alcove/machine, else ~/.local/share/alcove/machine.
     */
    const char *state_dir;
    /* Path of the microcode helper program; NULL: $ALCOVE_LIBEXEC_DIR/alcove-microcode, else beside
     * the running program, else the installed place. */
    const char *microcode_path;
    /* Soft machine: never translate ENCLU sites, emulate all of them by trap. */
    bool trap_only;
    /* What start() left, for one open() in this process or in one that was forked since. */
    struct machine_started started;
};

struct machine_ops {
    const char *name; /* "soft" or "sgx" */

    /* Optional (NULL: it gains nothing). Begins what open() will need, as early as possible; fills
     * config->started. Only after a good open() of the same config may a machine be started again. */
    int (*start)(struct machine_config *config, struct diag *d);
    /* Opens the machine and reserves nothing yet. */
    int (*open)(const struct machine_config *config, struct machine **ret, struct diag *d);
    /* ECREATE. Reserves ELRANGE in this process. */
    int (*create)(struct machine *m, const struct sgx_secs *secs, struct diag *d);
    /* EADD of one page; content is 4096 bytes. */
    int (*add_page)(struct machine *m, uint64_t offset, const struct sgx_secinfo *secinfo,
                    const void *content, struct diag *d);
    /* EEXTEND of the 256 bytes at offset (a multiple of 256). The sgx machine accepts only the
     * order that the driver can produce: all 16 chunks of a page right after its EADD, or none. */
    int (*extend)(struct machine *m, uint64_t offset, struct diag *d);
    /* Optional (NULL: it gains nothing). init_start begins what init() ends, with the same SIGSTRUCT, so
     * that the host can do other things meanwhile; nothing can be added any more. expect: the enclave
     * will soon add and fill this range, a multiple of 2 MiB; false: init() would not wait any more. */
    int (*init_start)(struct machine *m, const struct sgx_sigstruct *sigstruct, struct diag *d);
    bool (*expect)(struct machine *m, uint64_t offset, uint64_t size);
    /* EINIT. Afterwards pages are accessible with their EPCM permissions. */
    int (*init)(struct machine *m, const struct sgx_sigstruct *sigstruct, struct diag *d);

    /* After EINIT. size is a multiple of the page size; prot is SGX_SECINFO_R|W|X bits.
     * map: makes a range accessible to the process with at most prot (in which HOSTCALL_MAP_SOON is a
     * hint); where no page exists, EACCEPT
     * or an access finds a page added by EAUG (pending, zero). */
    int (*map)(struct machine *m, uint64_t offset, uint64_t size, uint64_t prot);
    /* EMODPR (then the enclave must EACCEPT) and page tables. */
    int (*restrict_permissions)(struct machine *m, uint64_t offset, uint64_t size, uint64_t prot);
    /* Page tables only; effective rights are the intersection with the EPCM. */
    int (*protect)(struct machine *m, uint64_t offset, uint64_t size, uint64_t prot);
    /* EMODT to SGX_PT_TCS or SGX_PT_TRIM. */
    int (*modify_type)(struct machine *m, uint64_t offset, uint64_t size, enum sgx_page_type type);
    /* EREMOVE of trimmed and accepted pages. Whoever wants pages there again maps the range again. */
    int (*remove)(struct machine *m, uint64_t offset, uint64_t size);

    /* The contract of __vdso_sgx_enter_enclave without a user handler: leaf is ENCLU_EENTER or
     * ENCLU_ERESUME. Returns 0 after EEXIT (run->function = ENCLU_EEXIT), -EFAULT after an
     * exception (run says which), -EINVAL for misuse. Host signals that arrive inside are handled
     * by the process's ordinary handlers and the enclave is resumed by itself. rdi, rsi and rdx
     * reach the enclave in those registers. */
    int (*enter)(struct machine *m, uint64_t rdi, uint64_t rsi, uint64_t rdx, unsigned leaf,
                 uint64_t r8, uint64_t r9, struct machine_run *run);
    /* Handles a signal of the host on whichever thread it strikes, for the whole process; after the
     * first open(). If it interrupted the enclave, the handler runs on the host's stack with the
     * registers of the asynchronous exit in its context (RAX ENCLU_ERESUME, RBX the TCS) and may
     * enter() at CSSA 1; afterwards the enclave is resumed. If it interrupted the host's own code it
     * must not use the machine. Other signals are blocked meanwhile. flags: SA_RESTART or 0. */
    int (*signal)(int sig, void (*handler)(int sig, siginfo_t *info, void *context), int flags);
    /* Destroys the enclave and everything the machine holds of it. NULL-safe. */
    void (*close)(struct machine *m);
};

extern const struct machine_ops machine_soft, machine_sgx;

/* Gives up what start() left; what a forked process has of it stays. */
void machine_forget(struct machine_config *config);

/* "soft" or "sgx"; NULL when unknown. */
const struct machine_ops *machine_by_name(const char *name);

/* Streams SGXS records (ECREATE, EADD, EEXTEND as measured; Fortanix's format) into a machine.
 * secs_template: attributes, XFRM, MISCSELECT and CONFIGID to use; size and SSA frame size come
 * from the stream. Trust: the stream is a file of unknown origin. */
int machine_load_sgxs(const struct machine_ops *ops, struct machine *m, struct bytes sgxs,
                      const struct sgx_secs *secs_template, struct diag *d) MUST_USE;
/* MRENCLAVE of a stream without any machine: checks its form and hashes it. */
int sgxs_measure(struct bytes sgxs, uint8_t ret_mrenclave[32], struct diag *d) MUST_USE;

/* The state that XRSTOR/XSAVE cover on this processor, as an XFRM for enclaves (x87, SSE, AVX,
 * AVX-512; never AMX, so that one SSA page is enough). */
uint64_t machine_host_xfrm(void);

/* SIGSTRUCT (machine/sigstruct.c; OpenSSL). Verify as EINIT does; sign with an RSA-3072 e=3 PEM
 * key. */
int sigstruct_verify(const struct sgx_sigstruct *s, uint8_t ret_mrsigner[32],
                     struct diag *d) MUST_USE;
int sigstruct_sign(struct sgx_sigstruct *s, struct bytes key_pem, struct diag *d) MUST_USE;
