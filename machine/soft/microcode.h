/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the microcode helper: the enclave under construction, and what the machine's secret gives.
 * The peer on the socket is an enclave process: untrusted by this one. */
#pragma once

#include "abi/sgx.h"
#include "base/diag.h"
#include "machine/root_secret.h"
#include "soft/protocol.h"

#include <openssl/sha.h>

/* The identity that EINIT fixed. EREPORT and EGETKEY take everything from here. */
struct mc_identity {
    struct sgx_secs secs; /* with MRENCLAVE, MRSIGNER, ISV fields; ATTRIBUTES.INIT set */
    uint8_t isvfamilyid[16], isvextprodid[16];
    uint8_t cet_attributes;
};

struct mc_page {
    uint64_t offset, flags;
};

/* One enclave being built. */
struct mc_enclave {
    bool created;
    int staging; /* the client's pages, sealed: what is measured and what the client maps */
    const uint8_t *map;
    size_t map_size;
    struct mc_page *pages; /* in the order of EADD; sorted index beside */
    uint32_t page_count, page_capacity;
    uint32_t *table; /* open addressing by offset: page index + 1 */
    uint32_t table_size;
    SHA256_CTX hash;
    struct sgx_secs secs;
    int error; /* first refusal; sticks until EINIT reports it */
    struct diag diag;
};

#define MC_ENCLAVES_MAX 64u /* a process has one, a test a few */

struct microcode {
    uint8_t secret[ROOT_SECRET_SIZE];
    uint8_t report_keyid[32]; /* CR_REPORT_KEYID: new with every start of the machine */
    struct mc_enclave building;
    struct mc_identity enclaves[MC_ENCLAVES_MAX]; /* handle is index + 1 */
    uint32_t enclave_count;
};

/* microcode_build.c */
void mc_create(struct mc_enclave *e, const struct sgx_secs *secs, int take_staging);
void mc_build(struct mc_enclave *e, const struct mc_record *records, uint32_t count);
int mc_init(struct mc_enclave *e, const struct sgx_sigstruct *s, struct mc_identity *ret,
            struct diag *d) MUST_USE;
void mc_enclave_done(struct mc_enclave *e);

/* microcode_keys.c */
/* A secret for another part of the machine: HMAC-SHA256(root secret, label). */
void microcode_derive(const uint8_t secret[ROOT_SECRET_SIZE], const char *label, uint8_t ret[32]);
int mc_report(const struct microcode *mc, const struct mc_identity *id,
              const struct sgx_targetinfo *target, const uint8_t reportdata[64],
              struct sgx_report *ret) MUST_USE;
/* 0, an enum sgx_error, or -errno. */
int mc_getkey(const struct microcode *mc, const struct mc_identity *id,
              const struct sgx_keyrequest *request, uint8_t ret_key[16]) MUST_USE;
/* microcode_cmac.c: AES-128-CMAC (RFC 4493). */
int mc_cmac(const uint8_t key[16], struct bytes message, uint8_t ret[16]) MUST_USE;
