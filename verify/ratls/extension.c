/* SPDX-License-Identifier: Apache-2.0 */
/* Reads what RA-TLS certificates carry. The claims are hashed as they stand, so reading them
 * leniently could only make two verifiers see different claims: names may not repeat, and nothing
 * may follow. */
#include "ratls/extension.h"

#include "cbor/item.h"
#include "verify/limits.h"
#include "x509/certificate.h"
#include "x509/der.h"
#include "x509/pem.h"

#define TAG_INTEL_QUOTE 60000u

/* 60000([ ... ]) with that many elements; they follow. */
static struct item take_tagged_array(struct cursor *c)
{
    struct item tag = item_take_kind(c, ITEM_TAG);
    struct item array = item_take_kind(c, ITEM_ARRAY);
    if (tag.value != TAG_INTEL_QUOTE || array.indefinite) {
        c->failed = true;
    }
    return array;
}

bool ratls_evidence_read(struct bytes value, struct ratls_evidence *ret)
{
    struct cursor c = cursor_of(value);
    struct item array = take_tagged_array(&c);
    struct ratls_evidence e;
    e.quote = item_take_kind(&c, ITEM_BYTES).text;
    e.claims = item_take_kind(&c, ITEM_BYTES).text;
    if (!cursor_done(&c) || array.value != 2) {
        return false;
    }
    *ret = e;
    return true;
}

bool ratls_find(struct bytes text, struct writer *decoded, enum alcove_wrapping *ret_wrapping,
                struct bytes *ret_quote)
{
    static const struct {
        struct bytes oid;
        enum alcove_wrapping wrapping;
    } formats[] = {
        {BYTES_STR(RATLS_OID_EVIDENCE), ALCOVE_WRAPPING_RATLS},
        {BYTES_STR(RATLS_OID_GRAMINE), ALCOVE_WRAPPING_RATLS_LEGACY_GRAMINE},
        {BYTES_STR(RATLS_OID_RATS_TLS), ALCOVE_WRAPPING_RATLS_LEGACY_RATS_TLS},
    };
    struct certificate c;
    struct ratls_evidence e;
    struct bytes der, value;
    bool critical;
    if (!certificate_read(pem_read_one(text, decoded, &der) ? der : text, &c)) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
        if (!certificate_extension(&c, formats[i].oid, &value, &critical)) {
            continue;
        }
        *ret_wrapping = formats[i].wrapping;
        if (formats[i].wrapping != ALCOVE_WRAPPING_RATLS) {
            *ret_quote = value;
            return true;
        }
        if (ratls_evidence_read(value, &e)) {
            *ret_quote = e.quote;
            return true;
        }
        return false;
    }
    return false;
}

static size_t size_of_hash(uint64_t algorithm)
{
    switch (algorithm) {
    case RATLS_SHA256:
        return 32;
    case RATLS_SHA384:
        return 48;
    case RATLS_SHA512:
        return 64;
    default:
        return 0;
    }
}

/* [algorithm, hash] */
static bool read_hash_entry(struct bytes entry, struct ratls_claims *ret)
{
    struct cursor c = cursor_of(entry);
    struct item array = item_take_kind(&c, ITEM_ARRAY);
    uint64_t algorithm = item_take_kind(&c, ITEM_UINT).value;
    struct bytes hash = item_take_kind(&c, ITEM_BYTES).text;
    if (!cursor_done(&c) || array.indefinite || array.value != 2 || hash.size == 0 ||
        hash.size != size_of_hash(algorithm)) {
        return false;
    }
    ret->key_algorithm = (enum ratls_hash)algorithm;
    ret->key_hash = hash;
    return true;
}

static bool is_repeated(const struct bytes *names, size_t count, struct bytes name)
{
    for (size_t i = 0; i < count; i++) {
        if (bytes_equal(names[i], name)) {
            return true;
        }
    }
    return false;
}

bool ratls_claims_read(struct bytes claims, struct ratls_claims *ret)
{
    struct cursor c = cursor_of(claims);
    struct bytes names[RATLS_CLAIMS_MAX];
    struct ratls_claims r = {0};
    size_t count = 0;
    struct item map = item_take_kind(&c, ITEM_MAP);
    if (map.indefinite || map.value > ARRAY_SIZE(names)) {
        return false;
    }
    while (item_more(&c, &map)) {
        struct bytes name = item_take_kind(&c, ITEM_TEXT).text;
        if (is_repeated(names, count, name)) {
            return false;
        }
        names[count++] = name;
        if (bytes_equal_str(name, "pubkey-hash")) {
            if (!read_hash_entry(item_take_kind(&c, ITEM_BYTES).text, &r)) {
                return false;
            }
        } else if (bytes_equal_str(name, "nonce")) {
            r.has_nonce = true;
            r.nonce = item_take_kind(&c, ITEM_BYTES).text;
        } else {
            item_skip(&c); /* some implementations add claims of their own */
        }
    }
    if (!cursor_done(&c) || r.key_hash.size == 0 || r.nonce.size > ALCOVE_RATLS_NONCE_MAX) {
        return false;
    }
    *ret = r;
    return true;
}

/* ---- endorsements ---- */

static struct bytes without_nul(struct bytes text)
{
    if (text.size > 0 && text.data[text.size - 1] == 0) {
        text.size--;
    }
    return text;
}

static struct alcove_bytes take_text(struct cursor *c)
{
    struct bytes b = without_nul(item_take_kind(c, ITEM_BYTES).text);
    return (struct alcove_bytes){b.data, b.size};
}

/* A revocation list: DER, DER and a NUL, or hexadecimal of it (and a NUL). DER begins with 0x30,
 * its hexadecimal with "3". */
static struct alcove_bytes take_list(struct cursor *c, struct writer *out)
{
    struct bytes b = item_take_kind(c, ITEM_BYTES).text;
    if (b.size > 0 && b.data[0] == '3') {
        b = without_nul(b);
        uint8_t *start = out->data + out->size;
        size_t size = b.size / 2;
        if (size > out->capacity - out->size || !hex_decode(start, size, b)) {
            c->failed = true;
            return (struct alcove_bytes){0};
        }
        out->size += size;
        return (struct alcove_bytes){start, size};
    }
    struct cursor inner = cursor_of(b);
    struct bytes list = der_take_whole(&inner, DER_SEQUENCE);
    if (cursor_ok(&inner) && inner.rest.size == 1 && inner.rest.data[0] == 0) {
        b = list;
    }
    return (struct alcove_bytes){b.data, b.size}; /* what is not a list is refused as one */
}

bool ratls_endorsements_read(struct bytes value, struct writer *out, struct alcove_collateral *ret)
{
    struct cursor c = cursor_of(value);
    struct item array = take_tagged_array(&c);
    struct alcove_collateral r = {0};
    (void)item_take_kind(&c, ITEM_UINT); /* version of Intel's API; all formats are told apart */
    r.tcb_info = take_text(&c);
    r.tcb_chain = take_text(&c);
    r.pck_crl = take_list(&c, out);
    r.root_crl = take_list(&c, out);
    r.pck_crl_chain = take_text(&c);
    r.qe_identity = take_text(&c);
    r.qe_chain = take_text(&c);
    if (array.value == 9) {
        (void)item_take_kind(&c, ITEM_BYTES); /* when they were fetched; they say so themselves */
    }
    if (!cursor_done(&c) || (array.value != 8 && array.value != 9)) {
        return false;
    }
    *ret = r;
    return true;
}
