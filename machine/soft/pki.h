/* SPDX-License-Identifier: Apache-2.0 */
/* The software machine's public key infrastructure: what Intel's provisioning service is to a
 * processor. Everything is derived from the machine's root secret, so the same secret gives the
 * same keys and the same certificates, byte for byte, whenever they are made:
 *
 *   Alcove Software SGX Root CA (machine xxxxxxxx)      self-signed; its key is this machine's name
 *   +- Alcove Software SGX PCK Platform CA
 *   |  +- Alcove Software SGX PCK Certificate           Intel's SGX extension, FMSPC "ALC..."
 *   +- Alcove Software SGX TCB Signing                  signs TCB info and QE identity
 *
 * Formats are Intel's (PCK Certificate and CRL Profile; PCS API v4: TCB info v3, QE identity v2),
 * names are not: whoever sees any certificate of the chain can tell that no hardware stands behind
 * it, and verify/ accepts it only where the relying party names this very root.
 *
 * Trust: runs inside the machine's microcode helper, the only process that holds the secret. All
 * functions are pure: secret in, bytes out. No globals, no files except pki_create(). */
#pragma once

#include "abi/sgx.h"
#include "base/bytes.h"
#include "base/diag.h"

#define PKI_SECRET_SIZE 32u
#define PKI_PART_MAX    6144u

/* The software machine's security versions. REPORT.CPUSVN of the software machine is sixteen bytes
 * PKI_CPUSVN_BYTE; the PCK certificate and the TCB info say the same. */
#define PKI_CPUSVN_BYTE 1u
#define PKI_PCESVN      1u

/* One file's worth of bytes. */
struct pki_part {
    uint32_t size;
    uint8_t data[PKI_PART_MAX];
};

/* All that accompanies a quote. Plain bytes: may be sent over a socket as it is. */
struct pki_collateral {
    struct pki_part pck_chain; /* PEM: leaf, platform CA, root; certification data type 5 */
    struct pki_part tcb_info;  /* JSON as PCS sends it */
    struct pki_part tcb_chain; /* PEM: TCB signing, root */
    struct pki_part qe_identity;
    struct pki_part qe_chain;
    struct pki_part pck_crl; /* DER */
    struct pki_part pck_crl_chain;
    struct pki_part root_crl; /* DER */
};

/* Which enclave is this machine's quoting enclave: what QE identity says and what the machine
 * certifies. */
struct pki_qe {
    uint8_t mrsigner[32];
    uint16_t isvprodid;
    uint16_t isvsvn; /* the lowest that is up to date */
};

static inline struct bytes pki_part_bytes(const struct pki_part *p)
{
    return BYTES(p->data, p->size);
}

/* Certificates, and TCB info, QE identity and CRLs that are valid for 30 days from (a day before)
 * `now`, seconds since 1970. Returns 0, or -EIO when the crypto library fails; *ret is then zero.
 */
int pki_collateral(const uint8_t secret[PKI_SECRET_SIZE], const struct pki_qe *qe, int64_t now,
                   struct pki_collateral *ret, struct diag *d) MUST_USE;

/* What Intel's provisioning certification enclave does: signs a quoting enclave's REPORT body with
 * the PCK key, r||s big endian. The caller has verified the report's MAC. Refuses (-EPERM) a body
 * that is not this quoting enclave's: other MRSIGNER or ISVPRODID, lower ISVSVN, debug, or without
 * the PROVISIONKEY attribute. */
int pki_sign_qe_report(const uint8_t secret[PKI_SECRET_SIZE], const struct pki_qe *qe,
                       const struct sgx_report_body *report, uint8_t ret_signature[64],
                       struct diag *d) MUST_USE;

/* The root certificate, PEM: what a relying party names with --root. */
int pki_root(const uint8_t secret[PKI_SECRET_SIZE], struct pki_part *ret, struct diag *d) MUST_USE;

/* Writes root.pem, the machine's public part, into the machine's folder (mode 0644, atomically).
 * The folder exists. Returns 0 or -errno. */
int pki_create(const char *dir, const uint8_t secret[PKI_SECRET_SIZE], struct diag *d) MUST_USE;
