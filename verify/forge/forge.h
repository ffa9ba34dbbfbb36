/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: makes evidence as Intel's service, a processor and a quoting enclave would, from a
 * description in which everything can be wrong. Written against OpenSSL's certificate builder and
 * apart from the library and from machine/soft, so that three implementations must agree. */
#pragma once

#include "abi/evidence.h"
#include "abi/quote.h"
#include "verify/run.h"

enum forge_key { KEY_ROOT, KEY_CA, KEY_LEAF, KEY_SIGNER, KEY_AK, KEY_STRANGER, FORGE_KEYS };

#define USAGE_SIGNATURE 1u
#define USAGE_CERT      2u
#define USAGE_CRL       4u

struct forge_cert {
    const char *subject, *issuer; /* common names */
    enum forge_key key, issuer_key;
    int serial;
    int64_t from, until;
    bool is_ca, no_constraints;
    const char *path_length; /* of a CA: "0"; NULL: no limit */
    unsigned usage;
    bool unknown_critical; /* an extension nobody knows */
    bool sha384;           /* signed with another hash */
    bool other_curve;      /* the subject's key is on secp256k1 */
    bool version1;
    bool sgx_extension;
    bool garbled_usage; /* a critical keyUsage that cannot be read, besides `usage` */
    bool twice;         /* an extension nobody knows, not critical, two times */
};

struct forge_crl {
    const char *issuer;
    enum forge_key key;
    int64_t from, until;
    int revoked_serial; /* 0: none */
    int strangers;      /* so many others are revoked too, as in a list of years */
    bool critical_extension, critical_entry;
};

struct forge_spec {
    struct forge_cert leaf, ca, root, signer, signer_root;
    struct forge_crl root_crl, pck_crl;

    /* The SGX extension. */
    int components[16], pcesvn;
    size_t fmspc_size; /* 6 */
    bool leave_out_pceid, component_twice;
    bool unknown_component;     /* one beyond CPUSVN */
    bool missing_component;     /* the sixteenth */
    bool unknown_member;        /* of the extension, of a later profile */
    bool foreign_oid;           /* a member that is not below the extension's OID */
    bool extension_trailing;    /* a byte behind the extension */
    bool long_component;        /* a component followed by something else */
    bool no_platform_instance;  /* a certificate of the Processor CA: neither of the next */
    size_t instance_size;       /* 16 */
    uint8_t configuration[5];   /* dynamic platform, cached keys, SMT, and what nobody knows */
    size_t configuration_count; /* 3 */
    size_t boolean_size;        /* 1 */
    bool configuration_twice;

    char tcb_body[14336], qe_body[3072]; /* JSON, signed as they stand */
    enum forge_key tcb_key, qe_key;

    struct sgx_report_body qe_report, body;
    uint16_t version;         /* 3, 4 or 5 */
    bool tdx;                 /* a virtual machine's quote: td, not body */
    uint8_t td[885];          /* a TD 1.5 "ex" report body; version 4 takes the 584 bytes of 1.0 */
    uint16_t body_type;       /* of version 5 */
    size_t td_size;           /* of version 5; 648: TD 1.5 */
    uint16_t outer_cert_type; /* 6, from version 4 on */
    enum forge_key qe_report_key, quote_key;
    bool ak_off_curve;
    uint16_t cert_type;
    bool cert_data_cut; /* a byte is missing from what is there */

    /* Evidence of a run: when not empty, REPORTDATA and CONFIGID are their hashes. */
    struct bytes claims, manifest;
};

#define FORGE_PART_MAX 16384u
struct forge_part {
    uint8_t data[FORGE_PART_MAX];
    size_t size;
};

struct forge_output {
    struct forge_part quote, tcb_info, tcb_chain, qe_chain, qe_identity, pck_crl, pck_crl_chain,
        root_crl, pck_chain;
    struct alcove_root root; /* to be named in policies */
};

#define FORGE_NOW INT64_C(1790000000) /* all periods of the default description contain it */

/* A description of good evidence of an enclave. */
void forge_defaults(struct forge_spec *ret);
/* Changes a default description to one whose TCB info and list are as long as Intel's. */
void forge_real_sizes(struct forge_spec *s);
/* Of a virtual machine, in a quote of version 4 or 5: TDX module version 1. */
void forge_defaults_tdx(struct forge_spec *ret, uint16_t version);

/* Offsets in a TD report body. */
#define TD_TCB_SVN      0
#define TD_MRSIGNERSEAM 64
#define TD_SEAM_ATTR    112
#define TD_ATTRIBUTES   120
#define TD_XFAM         128
#define TD_MRTD         136
#define TD_RTMR         328
#define TD_REPORTDATA   520
#define TD_TCB_SVN_2    584
#define TD_MRSERVICETD  600
/* Replaces the first occurrence of `from` in a JSON body; it must occur. */
void forge_edit(char *body, size_t capacity, const char *from, const char *to);
/* Builds what is described. Aborts the test program when the crypto library fails. */
void forge_build(const struct forge_spec *s, struct forge_output *ret);
/* Another quote by the same quoting enclave: `s` says which body, all else stays byte for byte, as
 * on a machine that quotes many enclaves. Of version 3; io is what forge_build() made. */
void forge_requote(const struct forge_spec *s, struct forge_output *io);
/* Another machine of the same kind, under `first`'s collateral and issuers: a leaf of its own,
 * whose serial number `s` gives, and a quoting enclave's report of its own. */
void forge_platform(const struct forge_spec *s, const struct forge_output *first,
                    struct forge_output *ret);

struct alcove_collateral forge_collateral(const struct forge_output *o);
/* Expects exactly what forge_defaults() describes, names the forged root, and is strict. */
struct alcove_policy forge_policy(const struct forge_output *o);
/* The evidence file of a run. */
size_t forge_evidence(const struct forge_spec *s, const struct forge_output *o, uint8_t *ret,
                      size_t capacity);
/* A manifest and claims to go with it. */
struct bytes forge_manifest(void);
struct bytes forge_claims(void);
