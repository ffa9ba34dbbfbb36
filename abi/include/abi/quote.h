/* SPDX-License-Identifier: Apache-2.0 */
/* Intel's DCAP quote, version 3, as bytes. Source: "SGX ECDSA QuoteLibReference DCAP API",
 * appendix A. All integers little endian; ECDSA signatures r||s and keys x||y big endian.
 *
 *   0    header 48 | report body 384            <- these 432 bytes are what the quote signs
 *   432  u32 size of everything that follows
 *   436  signature 64 | attestation key 64      <- by the quoting enclave's attestation key (AK)
 *   564  QE report 384 | its signature 64       <- by the PCK: the platform vouches for the QE
 *   1012 u16 n | QE authentication data n
 *        u16 certification data type | u32 m | certification data m
 *
 * The QE report's REPORTDATA is SHA-256(AK || QE authentication data) || 32 zero bytes: it ties the
 * AK to the quoting enclave. Used inside the quoting enclave (to write) and by tests; verify/ has a
 * strict reader of its own. */
#pragma once

#include "abi/sgx.h"
#include "base/bytes.h"

#define QUOTE_VERSION_3      3u
#define QUOTE_VERSION_4      4u
#define QUOTE_VERSION_5      5u
#define QUOTE_KEY_ECDSA_P256 2u
#define QUOTE_TEE_SGX        0u
#define QUOTE_TEE_TDX        0x81u

/* Certification data types. */
enum quote_cert_type {
    QUOTE_CERT_PPID_PLAIN = 1,
    QUOTE_CERT_PPID_RSA2048 = 2,
    QUOTE_CERT_PPID_RSA3072 = 3,
    QUOTE_CERT_PCK_LEAF = 4,
    QUOTE_CERT_PCK_CHAIN = 5, /* PEM: leaf, intermediate, root */
    QUOTE_CERT_QE_REPORT = 6, /* versions 4 and 5: the rest is nested in it */
};

/* Intel's QE vendor id, 939a7233f79c4ca9940a0db3957f0607; the software machine's quoting enclave
 * writes the same formats and so the same id. */
#define QUOTE_VENDOR_INTEL                                                                         \
    {                                                                                              \
        0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9, 0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06,  \
            0x07                                                                                   \
    }

struct quote_header {
    uint16_t version;
    uint16_t att_key_type;
    uint32_t tee_type; /* reserved, zero, in version 3 */
    uint16_t qe_svn;
    uint16_t pce_svn;
    uint8_t qe_vendor_id[16];
    uint8_t user_data[20];
};
_Static_assert(sizeof(struct quote_header) == 48, "quote header is 48 bytes");

/* What the attestation key signs (ECDSA P-256 over SHA-256 of these bytes). */
struct quote_v3_signed {
    struct quote_header header;
    struct sgx_report_body body;
};
_Static_assert(sizeof(struct quote_v3_signed) == 432, "a v3 quote signs 432 bytes");

/* Everything of a v3 quote besides the signed bytes. */
struct quote_v3_auth {
    uint8_t signature[64];
    uint8_t attestation_key[64];
    struct sgx_report_body qe_report;
    uint8_t qe_report_signature[64];
    struct bytes qe_auth_data; /* at most 65535 bytes; usually 32 */
    uint16_t cert_type;        /* enum quote_cert_type */
    struct bytes cert_data;
};

#define QUOTE_V3_AUTH_OFFSET  436u
#define QUOTE_V3_FIXED_SIZE   1020u /* a quote without QE authentication and certification data */
#define QUOTE_REPORTDATA_HASH 32u

/* Fills header and body of a quote for a report that the caller has verified. */
void quote_v3_prepare(const struct sgx_report_body *report, uint16_t qe_svn, uint16_t pce_svn,
                      const uint8_t user_data[20], struct quote_v3_signed *ret);

/* Size of the assembled quote. */
size_t quote_v3_size(const struct quote_v3_auth *a);

/* Is that a whole version 3 quote over exactly this body? What signs it is not looked at: whoever asked
 * for it wants only to know that it was not given another one. Trust: the quote is the host's word. */
bool quote_v3_covers(struct bytes quote, const struct sgx_report_body *body) MUST_USE;

/* Appends the quote to out. False, and out->failed, if it does not fit or a part is longer than its
 * length field can say. Works inside an enclave: no libc, no allocation. */
bool quote_v3_assemble(const struct quote_v3_signed *s, const struct quote_v3_auth *a,
                       struct writer *out) MUST_USE;
