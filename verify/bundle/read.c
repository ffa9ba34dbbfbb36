/* SPDX-License-Identifier: Apache-2.0 */
/* The form of a bundle, step by step. An adversary chooses every byte; each step takes something
 * from what is left, and nothing is believed about counts that are not followed by entries. */
#include "base/cbor.h"
#include "bundle/bundle.h"

/* Keys as deterministic CBOR sorts them: shorter first. "format" comes before all of them. */
const struct bundle_group bundle_groups[ALCOVE_BUNDLE_KINDS] = {
    {"amd_crls", ALCOVE_BUNDLE_AMD_CRL, CRL_SIZE_MAX},
    {"amd_veks", ALCOVE_BUNDLE_AMD_VEK, BUNDLE_CERTIFICATE_MAX},
    {"pck_crls", ALCOVE_BUNDLE_PCK_CRL, CRL_SIZE_MAX},
    {"root_crls", ALCOVE_BUNDLE_ROOT_CRL, CRL_SIZE_MAX},
    {"tcb_infos", ALCOVE_BUNDLE_TCB_INFO, BUNDLE_JSON_MAX},
    {"amd_chains", ALCOVE_BUNDLE_AMD_CHAIN, PEM_BYTES_MAX},
    {"pck_chains", ALCOVE_BUNDLE_PCK_CHAIN, PEM_BYTES_MAX},
    {"tcb_chains", ALCOVE_BUNDLE_TCB_CHAIN, PEM_BYTES_MAX},
    {"qe_identities", ALCOVE_BUNDLE_QE_IDENTITY, BUNDLE_JSON_MAX},
};

static const char *const kind_names[ALCOVE_BUNDLE_KINDS] = {
    [ALCOVE_BUNDLE_AMD_CHAIN] = "amd-chain", [ALCOVE_BUNDLE_AMD_CRL] = "amd-crl",
    [ALCOVE_BUNDLE_AMD_VEK] = "amd-vek",     [ALCOVE_BUNDLE_PCK_CHAIN] = "pck-chain",
    [ALCOVE_BUNDLE_PCK_CRL] = "pck-crl",     [ALCOVE_BUNDLE_QE_IDENTITY] = "qe-identity",
    [ALCOVE_BUNDLE_ROOT_CRL] = "root-crl",   [ALCOVE_BUNDLE_TCB_CHAIN] = "tcb-chain",
    [ALCOVE_BUNDLE_TCB_INFO] = "tcb-info",
};

const char *alcove_bundle_kind_name(enum alcove_bundle_kind kind)
{
    return (unsigned)kind < ALCOVE_BUNDLE_KINDS ? kind_names[kind] : NULL;
}

static void take_word(struct cbor_reader *r, const char *word)
{
    if (!bytes_equal_str(cbor_text(r, 64), word)) {
        cbor_fail(r);
    }
}

static void take_head(struct cbor_reader *r)
{
    if (cbor_map(r, 1 + ALCOVE_BUNDLE_KINDS).left != 1 + ALCOVE_BUNDLE_KINDS) {
        cbor_fail(r);
    }
    take_word(r, "format");
    take_word(r, BUNDLE_FORMAT);
}

bool bundle_step(struct bytes bundle, struct alcove_bundle_position *at,
                 enum alcove_bundle_kind *ret_kind, struct bytes *ret_content)
{
    if (bundle.size > BUNDLE_BYTES_MAX || at->offset > bundle.size ||
        at->group > ALCOVE_BUNDLE_KINDS) {
        return false;
    }
    struct cbor_reader r =
        cbor_reader_of(BYTES(bundle.data + at->offset, bundle.size - at->offset));
    if (at->offset == 0) {
        take_head(&r);
    }
    while (at->left == 0 && at->group < ALCOVE_BUNDLE_KINDS && cbor_ok(&r)) {
        take_word(&r, bundle_groups[at->group++].key);
        at->left = (uint32_t)cbor_array(&r, BUNDLE_ENTRIES_MAX);
    }
    bool more = at->left > 0 && at->group > 0;
    if (more) {
        const struct bundle_group *group = &bundle_groups[at->group - 1];
        *ret_kind = group->kind;
        *ret_content = cbor_bytes(&r, 1, group->max);
        at->left--;
    }
    at->offset = cbor_ok(&r) ? bundle.size - r.in.rest.size : SIZE_MAX;
    return more && cbor_ok(&r);
}

bool alcove_bundle_valid(struct alcove_bytes bundle)
{
    struct bytes b = BYTES(bundle.data, bundle.size);
    struct alcove_bundle_position at = {0};
    enum alcove_bundle_kind kind, last_kind = ALCOVE_BUNDLE_KINDS;
    struct bytes content, last = {0};
    size_t count = 0;
    while (bundle_step(b, &at, &kind, &content)) {
        if (++count > BUNDLE_ENTRIES_MAX || (kind == last_kind && !cbor_key_less(last, content))) {
            return false;
        }
        last_kind = kind;
        last = content;
    }
    return b.size > 0 && at.group == ALCOVE_BUNDLE_KINDS && at.left == 0 && at.offset == b.size;
}

bool alcove_bundle_next(struct alcove_bytes bundle, struct alcove_bundle_position *at,
                        struct alcove_bundle_entry *ret)
{
    struct alcove_bundle_entry e = {0};
    struct bytes content;
    if (!bundle_step(BYTES(bundle.data, bundle.size), at, &e.kind, &content)) {
        return false;
    }
    e.content = (struct alcove_bytes){content.data, content.size};
    bundle_facts(e.kind, content, &e);
    *ret = e;
    return true;
}
