/* SPDX-License-Identifier: Apache-2.0 */
/* The policy file of `alcove verify`: what a relying party accepts, in YAML; docs/formats/policy.md
 * describes it. It starts from alcove_policy_strict(): what the file leaves out stays strict, and
 * an expectation that it leaves out stays unset, which rejects.
 *
 * Trust: the file is the relying party's own. */
#pragma once

#include "strict_yaml.h"
#include "verify/limits.h"
#include "verify/verify.h"

#define POLICY_SIZE_MAX (16u * 1024 * 1024) /* as many chip ids as a list may have take half */

struct policy_ids {
    uint8_t *allowed, *denied;
};

/* A policy and all that it points to. */
struct policy_file {
    struct alcove_policy policy;
    char *path; /* of the file itself, for sentences */
    struct strict_yaml yaml;
    struct alcove_root roots[ROOTS_MAX];
    const yaml_node_t *root_files[ROOTS_MAX]; /* still to be read: policy_read() does */
    size_t root_file_count;
    struct policy_ids fmspc, ppid, chip_id;
    const char *tolerated[POLICY_ADVISORIES_MAX], *refused[POLICY_ADVISORIES_MAX];
    uint8_t nitro_nonce[ALCOVE_NITRO_FIELD_MAX], nitro_user_data[ALCOVE_NITRO_FIELD_MAX],
        nitro_public_key[ALCOVE_NITRO_FIELD_MAX];
    uint8_t ratls_nonce[ALCOVE_RATLS_NONCE_MAX];
};

/* From memory, without the root certificates that it names as files; path is for sentences. */
int policy_parse(struct bytes text, const char *path, struct policy_file **ret,
                 struct diag *d) MUST_USE;
/* The file at path and the certificates that it names, relative to its folder. */
int policy_read(const char *path, struct policy_file **ret, struct diag *d) MUST_USE;
/* The strict policy, for a caller that sets expectations by options alone. */
int policy_strict(struct policy_file **ret, struct diag *d) MUST_USE;
void policy_free(struct policy_file *p);

/* Reads a file with one root certificate and names it too. option: for sentences. */
int policy_add_root(struct policy_file *p, const char *path, const char *option,
                    struct diag *d) MUST_USE;
/* "64 bytes, or 32 that zeros follow", as hex digits, or "any". */
bool policy_report_data(const char *text, struct alcove_expect_64 *ret) MUST_USE;

/* ---- Kinds of evidence, as policies see them ---- */

enum policy_kind {
    POLICY_SGX,
    POLICY_TDX,
    POLICY_SNP,
    POLICY_AZURE,
    POLICY_NITRO,
    POLICY_RATLS, /* around SGX or TDX */
    POLICY_KIND_COUNT,
};
/* "sgx", "tdx", "snp", "azure", "nitro", "ratls"; "unknown" for the count. */
const char *policy_kind_name(enum policy_kind kind);
/* Also takes the library's names, "sgx-quote". */
bool policy_kind_by_name(const char *name, enum policy_kind *ret) MUST_USE;
bool policy_kind_of(enum alcove_evidence_kind kind, enum alcove_wrapping wrapping,
                    enum policy_kind *ret) MUST_USE;

/* A commented policy to start from, each value that must be chosen written as CHOOSE, which no
 * policy may contain: a template that nobody read accepts nothing. */
const char *policy_template(enum policy_kind kind);

/* The keys that evidence of this kind needs and that the policy leaves out: "sgx.mrenclave,
 * sgx.signer". Writes at most size bytes with the NUL; returns how many keys. For RA-TLS, inside
 * says what is in the certificate (NONE: not known). */
size_t policy_missing(const struct alcove_policy *p, enum policy_kind kind,
                      enum alcove_evidence_kind inside, char *ret, size_t size);
