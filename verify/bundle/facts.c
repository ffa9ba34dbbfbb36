/* SPDX-License-Identifier: Apache-2.0 */
/* What pieces of collateral say about themselves. Nothing is verified: who lies here chooses an
 * entry that the verifier then refuses. */
#include "amd/vek.h"
#include "bundle/bundle.h"
#include "verify/json.h"
#include "x509/der.h"

/* ---- JSON ---- */

/* TCB info or QE identity: only what tells one document from another. */
static void read_document(struct json *j, struct alcove_bundle_entry *e, struct bytes *ret_id)
{
    struct json_object members = {0};
    struct bytes key;
    unsigned fmspc = 0, pceid = 0;
    while (json_member(j, &members, &key)) {
        if (bytes_equal_str(key, "id")) {
            *ret_id = json_string(j);
        } else if (bytes_equal_str(key, "issueDate")) {
            e->issued = json_time(j);
        } else if (bytes_equal_str(key, "nextUpdate")) {
            e->expires = json_time(j);
        } else if (bytes_equal_str(key, "tcbEvaluationDataNumber")) {
            e->evaluation_number = (uint32_t)json_uint(j, UINT32_MAX);
        } else if (bytes_equal_str(key, "fmspc")) {
            json_hex(j, e->fmspc, sizeof e->fmspc);
            fmspc++;
        } else if (bytes_equal_str(key, "pceId")) {
            json_hex(j, e->pceid, sizeof e->pceid);
            pceid++;
        } else {
            (void)json_raw(j);
        }
    }
    e->has_fmspc = fmspc == 1 && pceid == 1;
}

/* {"tcbInfo": {...}, "signature": "..."}, or enclaveIdentity. */
static bool read_json(struct bytes text, const char *member, struct alcove_bundle_entry *e,
                      struct bytes *ret_id)
{
    struct json j = json_of(text);
    struct json_object members = {0};
    struct bytes key;
    bool found = false;
    while (json_member(&j, &members, &key)) {
        if (bytes_equal_str(key, member)) {
            read_document(&j, e, ret_id);
            found = true;
        } else {
            (void)json_raw(&j);
        }
    }
    return json_done(&j) && found;
}

static bool read_tcb_info(struct bytes text, struct alcove_bundle_entry *e)
{
    struct bytes id = {0};
    if (!read_json(text, "tcbInfo", e, &id) || !e->has_fmspc) {
        return false;
    }
    /* Version 2 has no id and is SGX's. */
    bool tdx = bytes_equal_str(id, "TDX");
    e->tee = tdx ? ALCOVE_BUNDLE_TEE_TDX : ALCOVE_BUNDLE_TEE_SGX;
    return tdx || id.size == 0 || bytes_equal_str(id, "SGX");
}

static bool read_qe_identity(struct bytes text, struct alcove_bundle_entry *e)
{
    struct bytes id = {0};
    if (!read_json(text, "enclaveIdentity", e, &id)) {
        return false;
    }
    bool td_qe = bytes_equal_str(id, "TD_QE");
    e->tee = td_qe ? ALCOVE_BUNDLE_TEE_TDX : ALCOVE_BUNDLE_TEE_SGX;
    return td_qe || bytes_equal_str(id, "QE");
}

static bool same_letters(struct bytes text, const char *value)
{
    bool same = text.size == __builtin_strlen(value);
    for (size_t i = 0; i < text.size && same; i++) {
        uint8_t a = text.data[i], b = (uint8_t)value[i];
        same = (a >= 'a' && a <= 'z' ? a - 32 : a) == (b >= 'a' && b <= 'z' ? b - 32 : b);
    }
    return same;
}

/* Steps to this member of the object; false where there is none. */
static bool step_to(struct json *j, const char *member)
{
    struct json_object members = {0};
    struct bytes key;
    while (json_member(j, &members, &key)) {
        if (bytes_equal_str(key, member)) {
            return true;
        }
        (void)json_raw(j);
    }
    return false;
}

bool bundle_document_says(struct bytes text, const char *document, const char *member,
                          const char *value)
{
    struct json j = json_of(text);
    return step_to(&j, document) && step_to(&j, member) && same_letters(json_string(&j), value);
}

/* ---- Certificates ---- */

bool bundle_chain_read(struct bytes pem, struct bundle_chain *ret)
{
    ret->count = 0;
    if (!pem_read(pem, &ret->pem)) {
        return false;
    }
    for (size_t i = 0; i < ret->pem.count; i++) {
        if (!certificate_read(ret->pem.certificates[i], &ret->certificates[i])) {
            return false;
        }
    }
    ret->count = ret->pem.count;
    return true;
}

bool bundle_platform(const struct certificate *c, struct platform *ret)
{
    static const uint8_t sgx_extension[] = {0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01};
    struct bytes value;
    bool critical;
    return certificate_extension(c, BYTES_OF(sgx_extension), &value, &critical) &&
           platform_read(value, ret);
}

static bool starts_with(const char *text, const char *prefix)
{
    return __builtin_strncmp(text, prefix, __builtin_strlen(prefix)) == 0;
}

enum alcove_snp_product bundle_vek_product(const char *issuer, bool *ret_is_vlek)
{
    *ret_is_vlek = starts_with(issuer, "SEV-VLEK-");
    const char *prefix = *ret_is_vlek ? "SEV-VLEK-" : "SEV-";
    if (!starts_with(issuer, prefix)) {
        return ALCOVE_SNP_UNKNOWN;
    }
    for (int i = ALCOVE_SNP_UNKNOWN + 1; i < ALCOVE_SNP_PRODUCT_COUNT; i++) {
        enum alcove_snp_product product = (enum alcove_snp_product)i;
        if (__builtin_strcmp(issuer + __builtin_strlen(prefix), alcove_snp_product_name(product)) ==
            0) {
            return product;
        }
    }
    return ALCOVE_SNP_UNKNOWN;
}

static void note_certificate(const struct certificate *c, struct alcove_bundle_entry *e)
{
    e->issued = c->not_before;
    e->expires = c->not_after;
    _Static_assert(sizeof e->subject == sizeof c->common_name, "common names fit");
    __builtin_memcpy(e->subject, c->common_name, sizeof e->subject);
    __builtin_memcpy(e->issuer, c->issuer_common_name, sizeof e->issuer);
}

static bool read_chain(struct bytes pem, struct alcove_bundle_entry *e, struct bundle_chain *chain)
{
    if (!bundle_chain_read(pem, chain)) {
        return false;
    }
    note_certificate(&chain->certificates[0], e);
    return true;
}

static bool read_pck_chain(struct bytes pem, struct alcove_bundle_entry *e,
                           struct bundle_chain *chain)
{
    struct platform p;
    if (!read_chain(pem, e, chain) || !bundle_platform(&chain->certificates[0], &p)) {
        return false;
    }
    e->has_fmspc = true;
    __builtin_memcpy(e->fmspc, p.fmspc, sizeof e->fmspc);
    __builtin_memcpy(e->pceid, p.pceid, sizeof e->pceid);
    return true;
}

static bool read_amd_chain(struct bytes pem, struct alcove_bundle_entry *e,
                           struct bundle_chain *chain)
{
    if (!read_chain(pem, e, chain)) {
        return false;
    }
    e->product = bundle_vek_product(e->subject, &e->is_vlek);
    return true;
}

static bool read_vek(struct bytes der, struct alcove_bundle_entry *e)
{
    struct certificate c;
    struct vek v;
    if (!certificate_read(der, &c) || !vek_read(&c, &v) || v.hwid.size > sizeof e->chip_id) {
        return false;
    }
    note_certificate(&c, e);
    e->product = bundle_vek_product(e->issuer, &e->is_vlek);
    e->chip_id_size = (uint8_t)v.hwid.size;
    if (v.hwid.size > 0) {
        __builtin_memcpy(e->chip_id, v.hwid.data, v.hwid.size);
    }
    e->tcb = (struct alcove_snp_tcb){.bootloader = v.component[1],
                                     .tee = v.component[2],
                                     .snp = v.component[3],
                                     .microcode = v.component[8],
                                     .fmc = v.component[9]};
    return e->product != ALCOVE_SNP_UNKNOWN;
}

/* ---- Revocation lists ---- */

void bundle_common_name(struct bytes name, char ret[COMMON_NAME_SIZE])
{
    static const uint8_t common_name[] = {0x55, 0x04, 0x03};
    struct cursor whole = cursor_of(name);
    struct cursor names = cursor_of(der_take(&whole, DER_SEQUENCE));
    __builtin_memset(ret, 0, COMMON_NAME_SIZE);
    while (cursor_ok(&names) && names.rest.size > 0) {
        struct cursor set = cursor_of(der_take(&names, DER_SET));
        struct cursor pair = cursor_of(der_take(&set, DER_SEQUENCE));
        struct bytes type = der_take(&pair, DER_OID);
        uint8_t tag = 0;
        struct bytes text = der_take_any(&pair, &tag);
        if (bytes_equal(type, BYTES_OF(common_name)) && text.size < COMMON_NAME_SIZE) {
            for (size_t i = 0; i < text.size; i++) {
                bool printable = text.data[i] >= 0x20 && text.data[i] <= 0x7e;
                ret[i] = printable ? (char)text.data[i] : '?';
            }
            return;
        }
    }
}

static bool read_crl(struct bytes der, struct alcove_bundle_entry *e)
{
    struct crl c;
    if (!crl_read(der, &c)) {
        return false;
    }
    e->issued = c.this_update;
    e->expires = c.next_update;
    bundle_common_name(c.issuer, e->issuer);
    struct cursor entries = cursor_of(c.entries);
    while (cursor_ok(&entries) && entries.rest.size > 0) {
        (void)der_take(&entries, DER_SEQUENCE);
        e->revoked_count += cursor_ok(&entries);
    }
    if (starts_with(e->issuer, "ARK-")) {
        bool is_vlek;
        char ask[COMMON_NAME_SIZE + 1] = "SEV-";
        __builtin_memcpy(ask + 4, e->issuer + 4, COMMON_NAME_SIZE - 4);
        e->product = bundle_vek_product(ask, &is_vlek);
    }
    return true;
}

void bundle_facts(enum alcove_bundle_kind kind, struct bytes content,
                  struct alcove_bundle_entry *ret)
{
    struct bundle_chain chain;
    struct alcove_bundle_entry e = {0};
    switch (kind) {
    case ALCOVE_BUNDLE_AMD_CHAIN:
        e.readable = read_amd_chain(content, &e, &chain);
        break;
    case ALCOVE_BUNDLE_AMD_VEK:
        e.readable = read_vek(content, &e);
        break;
    case ALCOVE_BUNDLE_PCK_CHAIN:
        e.readable = read_pck_chain(content, &e, &chain);
        break;
    case ALCOVE_BUNDLE_TCB_CHAIN:
        e.readable = read_chain(content, &e, &chain);
        break;
    case ALCOVE_BUNDLE_AMD_CRL:
    case ALCOVE_BUNDLE_PCK_CRL:
    case ALCOVE_BUNDLE_ROOT_CRL:
        e.readable = read_crl(content, &e);
        break;
    case ALCOVE_BUNDLE_QE_IDENTITY:
        e.readable = read_qe_identity(content, &e);
        break;
    case ALCOVE_BUNDLE_TCB_INFO:
        e.readable = read_tcb_info(content, &e);
        break;
    case ALCOVE_BUNDLE_KINDS:
        break;
    }
    if (!e.readable) {
        e = (struct alcove_bundle_entry){0};
    }
    e.kind = kind;
    e.content = (struct alcove_bytes){content.data, content.size};
    *ret = e;
}
