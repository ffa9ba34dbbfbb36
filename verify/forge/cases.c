/* SPDX-License-Identifier: Apache-2.0 */
/* See cases.h. Never part of anything that is installed. */
#define OPENSSL_SUPPRESS_DEPRECATED /* replacing the random numbers has no other interface */

#include "forge/cases.h"
#include "forge/amd.h"
#include "forge/aws.h"
#include "forge/ratls.h"
#include "forge/tolerant.h"

#include <stdatomic.h>
#include <string.h>

#include <openssl/rand.h>

/* ---- keys and nonces that are the same every time ---- */

/* Atomic, because threads that only verify make the crypto library ask for random numbers too. */
static _Atomic uint64_t random_state = 0x616c636f7665;

static int random_bytes(unsigned char *ret, int size)
{
    for (int i = 0; i < size; i++) { /* splitmix64: nothing here is secret */
        uint64_t z = atomic_fetch_add(&random_state, 0x9e3779b97f4a7c15);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        ret[i] = (uint8_t)(z >> 56);
    }
    return 1;
}

static int random_ready(void)
{
    return 1;
}

static void same_keys_every_time(void)
{
    static const RAND_METHOD method = {
        .bytes = random_bytes, .pseudorand = random_bytes, .status = random_ready};
    static bool done;
    if (!done) {
        REQUIRE(RAND_set_rand_method(&method) == 1);
        done = true;
    }
}

/* ---- changing descriptions ---- */

static void overwrite(void *target, size_t target_size, const struct case_change *c)
{
    uint8_t *bytes = (uint8_t *)target;
    for (size_t i = 0; i < c->size && target_size > 0; i++) {
        bytes[(c->at + i) % target_size] = c->data[i];
    }
}

enum edit { EDIT_OVERWRITE, EDIT_INSERT, EDIT_DELETE, EDITS };

/* Of `size` bytes in a buffer; returns the new size. */
static size_t edit_bytes(uint8_t *data, size_t size, size_t capacity, enum edit how,
                         const struct case_change *c)
{
    size_t at = c->at % (size + 1), count = c->size;
    switch (how) {
    case EDIT_INSERT:
        if (size + count > capacity) {
            return size;
        }
        memmove(data + at + count, data + at, size - at);
        memcpy(data + at, c->data, count);
        return size + count;
    case EDIT_DELETE:
        count = count < size - at ? count : size - at;
        memmove(data + at, data + at + count, size - at - count);
        return size - count;
    case EDIT_OVERWRITE:
    case EDITS:
        break;
    }
    overwrite(data, size, c);
    return size;
}

/* Text that ends at its first NUL. */
static void edit_text(char *text, size_t capacity, enum edit how, const struct case_change *c)
{
    size_t size = edit_bytes((uint8_t *)text, strlen(text), capacity - 1, how, c);
    text[size] = 0;
}

static void change_cert(struct forge_cert *x, const struct case_change *c)
{
    uint8_t value = c->size > 1 ? c->data[1] : 0;
    switch (c->size > 0 ? c->data[0] % 10 : 0) {
    case 0:
        x->is_ca = !x->is_ca;
        return;
    case 1:
        x->no_constraints = !x->no_constraints;
        return;
    case 2:
        x->usage = value & 7u;
        return;
    case 3:
        x->unknown_critical = true;
        return;
    case 4:
        x->sha384 = true;
        return;
    case 5:
        x->other_curve = true;
        return;
    case 6:
        x->version1 = true;
        return;
    case 7:
        x->from += (int64_t)value * 10000000;
        return;
    case 8:
        x->until -= (int64_t)value * 10000000;
        return;
    default:
        x->issuer_key = (enum forge_key)(value % FORGE_KEYS);
        return;
    }
}

static void change_number(struct forge_spec *s, const struct case_change *c)
{
    uint8_t value = c->size > 0 ? c->data[0] : 0;
    uint16_t wide = (uint16_t)(value | (c->size > 1 ? c->data[1] << 8 : 0));
    switch (c->at % 24) {
    case 16:
        s->pcesvn = wide;
        return;
    case 17:
        s->body_type = wide;
        return;
    case 18:
        s->outer_cert_type = wide;
        return;
    case 19:
        s->cert_type = value % 8;
        return;
    case 20:
        s->quote_key = (enum forge_key)(value % FORGE_KEYS);
        return;
    case 21:
        s->qe_report_key = (enum forge_key)(value % FORGE_KEYS);
        return;
    case 22:
        s->pck_crl.revoked_serial = value % 8;
        return;
    case 23:
        s->root_crl.revoked_serial = value % 8;
        return;
    default:
        s->components[c->at % 16] = value;
        return;
    }
}

static void change_intel(struct forge_spec *s, const struct case_change *c)
{
    struct forge_cert *certs[] = {&s->leaf, &s->ca, &s->root, &s->signer, &s->signer_root};
    unsigned field = c->field % 12;
    if (field < 3) {
        edit_text(s->tcb_body, sizeof s->tcb_body, (enum edit)field, c);
    } else if (field < 6) {
        edit_text(s->qe_body, sizeof s->qe_body, (enum edit)(field - 3), c);
    } else if (field < 8) {
        overwrite(&s->qe_report, sizeof s->qe_report, c);
    } else if (field < 10 && s->tdx) {
        overwrite(s->td, sizeof s->td, c);
    } else if (field < 10) {
        overwrite(&s->body, sizeof s->body, c);
    } else if (field == 10) {
        change_cert(certs[c->at % ARRAY_SIZE(certs)], c);
    } else {
        change_number(s, c);
    }
}

static void change_amd(struct forge_amd_spec *s, const struct case_change *c)
{
    switch (c->field % 8) {
    case 0:
    case 1:
    case 2:
        overwrite(s->report, sizeof s->report, c);
        return;
    case 3:
    case 4:
    case 5:
        edit_text(s->hcl.runtime, sizeof s->hcl.runtime, (enum edit)(c->field % 8 - 3), c);
        return;
    case 6:
        overwrite(s->ids.hwid, sizeof s->ids.hwid, c);
        return;
    default:
        s->ids.component[1 + c->at % 9] = c->size > 0 ? c->data[0] : -1;
        return;
    }
}

/* ---- kinds ---- */

static bool take(struct case_bytes *part, const void *data, size_t size)
{
    if (size > sizeof part->data) {
        return false;
    }
    memcpy(part->data, data, size);
    part->size = size;
    return true;
}

static bool take_intel(const struct forge_output *o, struct forge_case *ret)
{
    ret->now = FORGE_NOW;
    return take(&ret->part[PART_TCB_INFO], o->tcb_info.data, o->tcb_info.size) &&
           take(&ret->part[PART_TCB_CHAIN], o->tcb_chain.data, o->tcb_chain.size) &&
           take(&ret->part[PART_QE_IDENTITY], o->qe_identity.data, o->qe_identity.size) &&
           take(&ret->part[PART_QE_CHAIN], o->qe_chain.data, o->qe_chain.size) &&
           take(&ret->part[PART_PCK_CRL], o->pck_crl.data, o->pck_crl.size) &&
           take(&ret->part[PART_ROOT_CRL], o->root_crl.data, o->root_crl.size) &&
           take(&ret->part[PART_PCK_CRL_CHAIN], o->pck_crl_chain.data, o->pck_crl_chain.size);
}

enum intel_kind { SGX_3, SGX_4, SGX_5, TDX_4, TDX_5, SGX_3_CHAIN_APART };

static bool build_intel(int kind, const struct case_change *changes, size_t count,
                        struct forge_case *ret)
{
    static struct forge_spec s;
    static struct forge_output o;
    static const uint16_t version[] = {3, 4, 5, 4, 5, 3};
    if (kind == TDX_4 || kind == TDX_5) {
        forge_defaults_tdx(&s, version[kind]);
    } else {
        forge_defaults(&s);
        s.version = version[kind];
    }
    if (kind == SGX_3_CHAIN_APART) {
        s.cert_type = 1;
    }
    for (size_t i = 0; i < count; i++) {
        change_intel(&s, &changes[i]);
    }
    forge_build(&s, &o);
    bool apart = kind == SGX_3_CHAIN_APART;
    return take_intel(&o, ret) && take(&ret->part[PART_EVIDENCE], o.quote.data, o.quote.size) &&
           take(&ret->part[PART_PCK_CHAIN], o.pck_chain.data, apart ? o.pck_chain.size : 0);
}

enum amd_kind { MILAN_2, MILAN_3_VLEK, GENOA_5, TURIN_5, AZURE, GENOA_3_TABLE };

static bool build_amd(int kind, const struct case_change *changes, size_t count,
                      struct forge_case *ret)
{
    static struct forge_amd_spec s;
    static struct forge_amd_output o;
    static const enum alcove_snp_product product[] = {ALCOVE_SNP_MILAN, ALCOVE_SNP_MILAN,
                                                      ALCOVE_SNP_GENOA, ALCOVE_SNP_TURIN,
                                                      ALCOVE_SNP_MILAN, ALCOVE_SNP_GENOA};
    static const uint32_t version[] = {2, 3, 5, 5, 3, 3};
    forge_amd_defaults(&s, product[kind], version[kind], kind == MILAN_3_VLEK);
    s.wrap = kind == AZURE;
    for (size_t i = 0; i < count; i++) {
        change_amd(&s, &changes[i]);
    }
    forge_amd_build(&s, &o);
    ret->now = FORGE_AMD_NOW;
    bool good = take(&ret->part[PART_EVIDENCE], o.evidence.data, o.evidence.size) &&
                take(&ret->part[PART_AMD_CRL], o.crl.data, o.crl.size);
    if (kind == GENOA_3_TABLE) {
        return good && take(&ret->part[PART_AMD_CERT_TABLE], o.table.data, o.table.size);
    }
    return good && take(&ret->part[PART_AMD_VEK], o.vek.data, o.vek.size) &&
           take(&ret->part[PART_AMD_CHAIN], o.chain.data, o.chain.size);
}

/* The builders of Nitro documents and RA-TLS certificates call back for changes. */
static const struct case_change *pending;
static size_t pending_count;

static void edit_blob(struct forge_blob *b, enum edit how, const struct case_change *c)
{
    b->size = edit_bytes(b->data, b->size, 2048, how, c); /* what is around it must fit too */
}

static void edit_nitro(struct forge_nitro_payload *p)
{
    for (size_t i = 0; i < pending_count; i++) {
        const struct case_change *c = &pending[i];
        struct forge_nitro_member *m = &p->members[(c->field / 8) % p->count];
        if (c->field % 8 < EDITS) {
            edit_blob(&m->value, (enum edit)(c->field % 8), c);
        } else if (c->field % 8 < 2 * EDITS) {
            edit_blob(&m->key, (enum edit)(c->field % 8 - EDITS), c);
        } else if (c->field % 8 == 6 && p->count > 1) {
            *m = p->members[--p->count];
        } else {
            *m = p->members[c->at % p->count];
        }
    }
}

static void edit_cose(struct forge_nitro_cose *cose)
{
    for (size_t i = 0; i < pending_count; i++) {
        if (pending[i].field >= 240) {
            edit_blob(pending[i].field & 1 ? &cose->protected_header : &cose->unprotected,
                      (enum edit)(pending[i].field % EDITS), &pending[i]);
        }
    }
}

static bool build_nitro(int kind, const struct case_change *changes, size_t count,
                        struct forge_case *ret)
{
    static struct forge_nitro s;
    static struct forge_blob document;
    struct alcove_root root;
    forge_nitro_defaults(&s);
    s.indefinite = kind == 1;
    pending = changes;
    pending_count = count;
    if (count > 0) {
        s.edit = edit_nitro;
        s.protect = edit_cose;
    }
    forge_nitro_build(&s, &document, &root);
    ret->now = FORGE_NITRO_NOW;
    return take(&ret->part[PART_EVIDENCE], document.data, document.size);
}

static void edit_ratls(struct forge_text *t, unsigned field)
{
    for (size_t i = 0; i < pending_count; i++) {
        if (pending[i].field / 4 % 4 == field && pending[i].field % 4 < EDITS) {
            t->size =
                edit_bytes(t->data, t->size, 16384, (enum edit)(pending[i].field % 4), &pending[i]);
        }
    }
}
static void edit_claims(struct forge_text *t)
{
    edit_ratls(t, 0);
}
static void edit_evidence(struct forge_text *t)
{
    edit_ratls(t, 1);
}
static void edit_endorsements(struct forge_text *t)
{
    edit_ratls(t, 2);
}

enum ratls_kind { RATLS, RATLS_ENDORSED, RATLS_GRAMINE, RATLS_RATS_TLS, RATLS_TDX_RSA };

static bool build_ratls(int kind, const struct case_change *changes, size_t count,
                        struct forge_case *ret)
{
    static struct forge_ratls s;
    static struct forge_ratls_output o;
    forge_ratls_defaults(&s);
    s.endorsements = kind == RATLS_ENDORSED;
    s.interoperable = kind != RATLS_GRAMINE && kind != RATLS_RATS_TLS;
    s.gramine = kind == RATLS_GRAMINE;
    s.rats_tls = kind == RATLS_RATS_TLS;
    if (kind == RATLS_TDX_RSA) {
        forge_defaults_tdx(&s.quote, 4);
    }
    if (kind == RATLS_TDX_RSA || kind == RATLS_RATS_TLS) { /* the latter knows no other keys */
        s.key = s.signer = TLS_RSA;
    }
    pending = changes;
    pending_count = count;
    if (count > 0) {
        s.edit_claims = edit_claims;
        s.edit_evidence = edit_evidence;
        s.edit_endorsements = edit_endorsements;
    }
    for (size_t i = 0; i < count; i++) {
        if (changes[i].field / 4 % 4 == 3) {
            change_intel(&s.quote, &changes[i]);
        }
    }
    forge_ratls_build(&s, &o);
    const struct forge_text *text = kind == RATLS ? &o.pem : &o.der;
    return (kind == RATLS_ENDORSED || take_intel(&o.parts, ret)) &&
           take(&ret->part[PART_EVIDENCE], text->data, text->size);
}

static const struct {
    bool (*build)(int kind, const struct case_change *, size_t, struct forge_case *);
    int kind;
} kinds[] = {
    {build_intel, SGX_3},
    {build_intel, SGX_4},
    {build_intel, SGX_5},
    {build_intel, TDX_4},
    {build_intel, TDX_5},
    {build_intel, SGX_3_CHAIN_APART},
    {build_amd, MILAN_2},
    {build_amd, MILAN_3_VLEK},
    {build_amd, GENOA_5},
    {build_amd, TURIN_5},
    {build_amd, AZURE},
    {build_amd, GENOA_3_TABLE},
    {build_nitro, 0},
    {build_nitro, 1},
    {build_ratls, RATLS},
    {build_ratls, RATLS_ENDORSED},
    {build_ratls, RATLS_GRAMINE},
    {build_ratls, RATLS_RATS_TLS},
    {build_ratls, RATLS_TDX_RSA},
};

size_t forge_case_count(void)
{
    return ARRAY_SIZE(kinds);
}

bool forge_case_build(size_t index, const struct case_change *changes, size_t change_count,
                      struct forge_case *ret)
{
    same_keys_every_time();
    random_state = index; /* whatever was forged before, this comes out the same */
    for (size_t i = 0; i < CASE_PARTS; i++) {
        ret->part[i].size = 0;
    }
    ret->now = FORGE_NOW;
    return kinds[index].build(kinds[index].kind, changes, change_count, ret);
}

struct alcove_policy forge_case_policy(void)
{
    static struct alcove_root roots[3];
    static struct forge_spec intel;
    static struct forge_output intel_output;
    static struct forge_amd_spec amd;
    static struct forge_amd_output amd_output;
    static struct forge_nitro nitro;
    static struct forge_blob document;
    same_keys_every_time();
    forge_defaults(&intel);
    forge_build(&intel, &intel_output);
    roots[0] = intel_output.root;
    forge_amd_defaults(&amd, ALCOVE_SNP_MILAN, 2, false);
    forge_amd_build(&amd, &amd_output);
    roots[1] = amd_output.root;
    forge_nitro_defaults(&nitro);
    forge_nitro_build(&nitro, &document, &roots[2]);

    return tolerant_policy(roots, ARRAY_SIZE(roots));
}

struct alcove_collateral forge_case_collateral(const struct forge_case *c)
{
    struct alcove_bytes b[CASE_PARTS];
    for (size_t i = 0; i < CASE_PARTS; i++) {
        b[i] = (struct alcove_bytes){c->part[i].data, c->part[i].size};
    }
    return (struct alcove_collateral){.tcb_info = b[PART_TCB_INFO],
                                      .tcb_chain = b[PART_TCB_CHAIN],
                                      .qe_identity = b[PART_QE_IDENTITY],
                                      .qe_chain = b[PART_QE_CHAIN],
                                      .pck_crl = b[PART_PCK_CRL],
                                      .root_crl = b[PART_ROOT_CRL],
                                      .pck_crl_chain = b[PART_PCK_CRL_CHAIN],
                                      .pck_chain = b[PART_PCK_CHAIN],
                                      .amd_vek = b[PART_AMD_VEK],
                                      .amd_chain = b[PART_AMD_CHAIN],
                                      .amd_crl = b[PART_AMD_CRL],
                                      .amd_cert_table = b[PART_AMD_CERT_TABLE]};
}

struct alcove_bytes forge_case_evidence(const struct forge_case *c)
{
    return (struct alcove_bytes){c->part[PART_EVIDENCE].data, c->part[PART_EVIDENCE].size};
}
