/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: makes SEV-SNP reports as AMD's firmware would, with certificates as AMD's key service
 * would, and Azure's wrapping, from a description in which everything can be wrong. Made with
 * OpenSSL, apart from the library. */
#pragma once

#include "base/bytes.h"
#include "verify/verify.h"

#define FORGE_AMD_NOW INT64_C(1790000000) /* all periods of the default description contain it */

enum forge_amd_key {
    AMD_KEY_ARK, /* RSA; 2048 bits, because making 4096 takes seconds */
    AMD_KEY_ASK,
    AMD_KEY_STRANGER,
    AMD_KEY_VEK, /* P-384 */
    AMD_KEY_VEK_STRANGER,
    AMD_KEYS,
};

#define AMD_USAGE_SIGNATURE 1u
#define AMD_USAGE_CERT      2u
#define AMD_USAGE_CRL       4u

struct forge_amd_cert {
    const char *subject, *issuer; /* common names */
    enum forge_amd_key key, issuer_key;
    int serial;
    int64_t from, until;
    bool is_ca, no_constraints;
    int path_length; /* -1: none */
    unsigned usage;
    bool unknown_critical, version1;
    bool malformed; /* basicConstraints that cannot be read */
    bool pkcs1;     /* signed with PKCS #1 v1.5 */
    bool sha256;    /* signed with another hash */
    bool p256_key;  /* the subject's key is on another curve */
};

struct forge_amd_crl {
    const char *issuer;
    enum forge_amd_key key;
    int64_t from, until;
    int revoked_serial; /* 0: none */
    bool pkcs1, critical_extension;
};

/* AMD's extensions in a VEK's certificate. */
struct forge_vek {
    int struct_version;          /* -1: none */
    const char *product_name;    /* NULL: none */
    int component[10];           /* by last arc, 1 to 9; -1: none; [0]: 0 is none */
    bool component_two_integers; /* in one value, one behind the other */
    bool repeated;               /* the same extension twice */
    uint8_t hwid[64];
    size_t hwid_size;           /* 0: none */
    bool hwid_tagged;           /* as an OCTET STRING */
    const char *csp_id;         /* NULL: none */
    bool unknown_arc, deep_arc; /* below AMD's arc */
    bool strange_arc;           /* another arc of two numbers */
    bool empty_value;           /* a product name of no bytes; leave out the other one */
    uint8_t product_tag;        /* 0: IA5String */
    int product_slack;          /* added to its length */
    bool foreign;               /* an extension of somebody else */
    bool bare_arc;              /* AMD's arc itself, one number short */
};

/* How the vTPM's blob is put together. */
struct forge_hcl {
    char runtime[4096];
    uint32_t version, request_type, status, reserved, data_version, report_type, hash_type;
    int32_t size_slack, data_size_slack, length_slack; /* added to what is right */
    bool not_bound;                                    /* REPORTDATA stay as they are */
    size_t padding;                                    /* zeros behind it */
};

/* Offsets in a report. */
#define SNP_AT_VERSION       0x00
#define SNP_AT_POLICY        0x08
#define SNP_AT_VMPL          0x30
#define SNP_AT_ALGORITHM     0x34
#define SNP_AT_CURRENT_TCB   0x38
#define SNP_AT_PLATFORM_INFO 0x40
#define SNP_AT_FLAGS         0x48
#define SNP_AT_REPORT_DATA   0x50
#define SNP_AT_MEASUREMENT   0x90
#define SNP_AT_HOST_DATA     0xc0
#define SNP_AT_REPORTED_TCB  0x180
#define SNP_AT_FAMILY        0x188
#define SNP_AT_CHIP_ID       0x1a0
#define SNP_AT_COMMITTED_TCB 0x1e0
#define SNP_AT_LAUNCH_TCB    0x1f0
#define SNP_AT_SIGNATURE     0x2a0
#define SNP_SIZE             0x4a0

struct forge_amd_spec {
    struct forge_amd_cert vek, ask, ark;
    struct forge_amd_crl crl;
    struct forge_vek ids;
    uint8_t report[SNP_SIZE]; /* signed as it stands */
    enum forge_amd_key report_key;
    struct forge_hcl hcl;
    bool wrap; /* make the HCL blob, and bind it */
};

#define FORGE_AMD_PART_MAX 20480u
struct forge_amd_part {
    uint8_t data[FORGE_AMD_PART_MAX];
    size_t size;
};
struct forge_amd_output {
    struct forge_amd_part evidence; /* the report, or the HCL blob around it */
    struct forge_amd_part vek;      /* DER */
    struct forge_amd_part vek_pem, ask_pem, ark_pem;
    struct forge_amd_part chain; /* PEM: ask, ark */
    struct forge_amd_part crl;   /* DER */
    struct forge_amd_part table; /* the GHCB's, of all four */
    struct alcove_root root;     /* to be named in policies */
    uint8_t ask_spki_sha256[32];
};

/* A description of good evidence: of Milan, Genoa or Turin, in version 2, 3 or 5. */
void forge_amd_defaults(struct forge_amd_spec *ret, enum alcove_snp_product product,
                        uint32_t version, bool is_vlek);
/* Writes a TCB into the report, in the product's layout. */
void forge_amd_tcb(struct forge_amd_spec *s, size_t at, enum alcove_snp_product product,
                   const struct alcove_snp_tcb *tcb);
/* Puts the hash of the runtime data into the report, as building does if they are to be bound. */
void forge_amd_bind(struct forge_amd_spec *s);
/* Builds what is described. Aborts the test program when the crypto library fails. */
void forge_amd_build(struct forge_amd_spec *s, struct forge_amd_output *ret);

/* The VEK in DER, its chain in PEM, the list in DER. */
struct alcove_collateral forge_amd_collateral(const struct forge_amd_output *o);
/* Expects exactly what forge_amd_defaults() describes, names the forged root, and is strict. */
struct alcove_policy forge_amd_policy(const struct forge_amd_output *o);
/* A table of certificates: entries of a GUID and contents. Returns its size. */
struct forge_table_entry {
    const uint8_t *guid; /* 16 bytes */
    struct bytes content;
};
void forge_cert_table(const struct forge_table_entry *entries, size_t count,
                      struct forge_amd_part *ret);
extern const uint8_t forge_guid_vcek[16], forge_guid_vlek[16], forge_guid_ask[16],
    forge_guid_ark[16], forge_guid_crl[16];
