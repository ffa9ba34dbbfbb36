/* SPDX-License-Identifier: Apache-2.0 */
/* Puts bundles together: tells pieces by their content, brings them into the form in which they are
 * stored, and keeps them sorted. Memory is bounded by the limits of a bundle. */
#include "amd/cert_table.h"
#include "base/cbor.h"
#include "bundle/bundle.h"
#include "intel/collateral.h"
#include "intel/quote.h"
#include "x509/der.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    size_t group; /* index into bundle_groups: the order of the file */
    struct bytes content;
};
struct alcove_bundle {
    struct entry *entries; /* sorted */
    size_t count, capacity;
    size_t bytes; /* of all contents */
    /* Certificates whose chain may be spread over files. */
    struct bytes loose[BUNDLE_LOOSE_MAX];
    size_t loose_count;
    uint8_t *encoded;
};

struct alcove_bundle *alcove_bundle_new(void)
{
    return calloc(1, sizeof(struct alcove_bundle));
}

static void free_view(struct bytes b)
{
    union {
        const uint8_t *view;
        uint8_t *owned;
    } u = {b.data};
    free(u.owned);
}

void alcove_bundle_free(struct alcove_bundle *b)
{
    if (b == NULL) {
        return;
    }
    for (size_t i = 0; i < b->count; i++) {
        free_view(b->entries[i].content);
    }
    for (size_t i = 0; i < b->loose_count; i++) {
        free_view(b->loose[i]);
    }
    free(b->entries);
    free(b->encoded);
    free(b);
}

/* ---- The sorted entries ---- */

static bool copy(struct bytes b, struct bytes *ret)
{
    uint8_t *data = malloc(b.size);
    if (data == NULL) {
        return false;
    }
    memcpy(data, b.data, b.size);
    *ret = BYTES(data, b.size);
    return true;
}

static size_t group_of(enum alcove_bundle_kind kind)
{
    size_t i = 0;
    while (bundle_groups[i].kind != kind) {
        i++;
    }
    return i;
}

static bool entry_less(size_t group, struct bytes content, const struct entry *than)
{
    return group != than->group ? group < than->group : cbor_key_less(content, than->content);
}

/* Where the entry is or belongs. */
static size_t find(const struct alcove_bundle *b, size_t group, struct bytes content)
{
    size_t low = 0, high = b->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct entry *e = &b->entries[middle];
        bool before = e->group != group ? e->group < group : cbor_key_less(e->content, content);
        low = before ? middle + 1 : low;
        high = before ? high : middle;
    }
    return low;
}

static int grow(struct alcove_bundle *b)
{
    if (b->count < b->capacity) {
        return 0;
    }
    size_t capacity = b->capacity == 0 ? 64 : b->capacity * 2;
    struct entry *entries = realloc(b->entries, capacity * sizeof *entries);
    if (entries == NULL) {
        return -ENOMEM;
    }
    b->entries = entries;
    b->capacity = capacity;
    return 0;
}

/* A head of 5 bytes each, and the keys: what the file needs besides contents. */
static size_t encoded_size(size_t count, size_t bytes)
{
    return 256 + 5 * count + bytes;
}

static int insert(struct alcove_bundle *b, enum alcove_bundle_kind kind, struct bytes content,
                  uint32_t *kinds)
{
    size_t group = group_of(kind);
    size_t at = find(b, group, content);
    if (at == b->count || entry_less(group, content, &b->entries[at])) {
        if (content.size > bundle_groups[group].max || b->count == BUNDLE_ENTRIES_MAX ||
            encoded_size(b->count + 1, b->bytes + content.size) > BUNDLE_BYTES_MAX) {
            return -E2BIG;
        }
        struct entry e = {.group = group};
        if (grow(b) != 0 || !copy(content, &e.content)) {
            return -ENOMEM;
        }
        memmove(&b->entries[at + 1], &b->entries[at], (b->count - at) * sizeof e);
        b->entries[at] = e;
        b->count++;
        b->bytes += content.size;
    }
    *kinds |= ALCOVE_BUNDLE_BIT(kind);
    return 0;
}

/* ---- Certificates ---- */

static void put_pem(struct writer *w, struct bytes der)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    writer_put(w, BYTES_STR("-----BEGIN CERTIFICATE-----\n"));
    for (size_t i = 0; i < der.size; i += 3) {
        size_t left = der.size - i;
        uint32_t bits = (uint32_t)der.data[i] << 16;
        bits |= left > 1 ? (uint32_t)der.data[i + 1] << 8 : 0;
        bits |= left > 2 ? der.data[i + 2] : 0;
        const char group[4] = {digits[bits >> 18], digits[bits >> 12 & 63],
                               left > 1 ? digits[bits >> 6 & 63] : '=',
                               left > 2 ? digits[bits & 63] : '='};
        writer_put(w, BYTES(group, sizeof group));
        if (i % 48 == 45 && left > 3) {
            writer_put(w, BYTES_STR("\n"));
        }
    }
    writer_put(w, BYTES_STR("\n-----END CERTIFICATE-----\n"));
}

/* Certificates among which chains are looked for. */
struct pool {
    struct certificate certificates[CHAIN_MAX + 2 + BUNDLE_LOOSE_MAX];
    size_t count, own_count; /* the piece's own come first */
    struct crypto crypto;
};

/* By its name where both came in this piece. Where several makers use that name, or one of the two
 * came before, by its key: a wrong one would hide the right one, which may come later. */
static const struct certificate *issuer_in(struct pool *p, const struct certificate *c)
{
    const struct certificate *named = NULL;
    bool own = c < &p->certificates[p->own_count], several = false;
    for (size_t i = 0; i < p->count; i++) {
        const struct certificate *issuer = &p->certificates[i];
        if (!certificate_links(c, issuer)) {
            continue;
        }
        if (named == NULL && own && i < p->own_count) {
            named = issuer;
        }
        several = several || named == NULL ||
                  memcmp(issuer->spki_sha256, named->spki_sha256, sizeof named->spki_sha256) != 0;
    }
    for (size_t i = 0; several && i < p->count; i++) {
        const struct certificate *issuer = &p->certificates[i];
        if (certificate_links(c, issuer) &&
            crypto_verify(&p->crypto, &issuer->key, &c->signature, c->tbs)) {
            return issuer;
        }
    }
    return named;
}

static bool self_issued(const struct certificate *c)
{
    return certificate_links(c, c);
}

/* Which chain begins with this certificate? KINDS: none. */
static enum alcove_bundle_kind chain_of(const struct certificate *c)
{
    struct platform platform;
    bool is_vlek;
    if (bundle_platform(c, &platform)) {
        return ALCOVE_BUNDLE_PCK_CHAIN;
    }
    if (bundle_vek_product(c->issuer_common_name, &is_vlek) != ALCOVE_SNP_UNKNOWN) {
        return ALCOVE_BUNDLE_AMD_VEK;
    }
    if (bundle_vek_product(c->common_name, &is_vlek) != ALCOVE_SNP_UNKNOWN) {
        return ALCOVE_BUNDLE_AMD_CHAIN;
    }
    bool signer = !c->is_ca && strstr(c->common_name, "TCB Signing") != NULL;
    return signer ? ALCOVE_BUNDLE_TCB_CHAIN : ALCOVE_BUNDLE_KINDS;
}

/* The chain from `first` up, if it is complete and has one of the piece's own certificates. */
static int add_chain(struct alcove_bundle *b, struct pool *p, const struct certificate *first,
                     uint32_t *kinds)
{
    const struct certificate *own_end = &p->certificates[p->own_count];
    enum alcove_bundle_kind kind = chain_of(first);
    uint8_t text[PEM_BYTES_MAX];
    struct writer w = writer_of(text, sizeof text);
    if (kind == ALCOVE_BUNDLE_KINDS) {
        return 0;
    }
    if (kind == ALCOVE_BUNDLE_AMD_VEK) {
        return insert(b, kind, first->der, kinds);
    }
    bool own = first < own_end;
    size_t wanted = kind == ALCOVE_BUNDLE_PCK_CHAIN ? 3 : 2, length = 1;
    const struct certificate *c = first;
    put_pem(&w, c->der);
    for (; length < wanted; length++) {
        c = issuer_in(p, c);
        if (c == NULL) {
            return 0;
        }
        put_pem(&w, c->der);
        own = own || c < own_end;
    }
    if (!own || !self_issued(c) || c == first) {
        return 0;
    }
    return w.failed ? -E2BIG : insert(b, kind, BYTES(text, w.size), kinds);
}

static int keep_loose(struct alcove_bundle *b, struct bytes der)
{
    for (size_t i = 0; i < b->loose_count; i++) {
        if (bytes_equal(b->loose[i], der)) {
            return 0;
        }
    }
    if (b->loose_count == BUNDLE_LOOSE_MAX || der.size > BUNDLE_CERTIFICATE_MAX) {
        return 0; /* a chain that is spread that widely has to be put together by hand */
    }
    if (!copy(der, &b->loose[b->loose_count])) {
        return -ENOMEM;
    }
    b->loose_count++;
    return 0;
}

/* Every chain that these certificates, together with earlier loose ones, make up. */
static int add_certificates(struct alcove_bundle *b, const struct bytes *ders, size_t count,
                            uint32_t *kinds)
{
    struct pool *p = calloc(1, sizeof *p);
    if (p == NULL) {
        return -ENOMEM;
    }
    int error = 0;
    for (size_t i = 0; i < count; i++) {
        if (!certificate_read(ders[i], &p->certificates[p->count++])) {
            error = -EINVAL;
        }
    }
    p->own_count = p->count;
    for (size_t i = 0; i < b->loose_count; i++) {
        if (certificate_read(b->loose[i], &p->certificates[p->count])) {
            p->count++;
        }
    }
    crypto_enter(&p->crypto);
    for (size_t i = 0; i < p->count && error == 0; i++) {
        error = add_chain(b, p, &p->certificates[i], kinds);
    }
    crypto_leave(&p->crypto);
    for (size_t i = 0; i < count && error == 0; i++) {
        if (*kinds == 0 || p->certificates[i].is_ca) {
            error = keep_loose(b, ders[i]);
        }
    }
    free(p);
    return error;
}

/* ---- Pieces ---- */

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == 0;
}

static struct bytes trimmed(struct bytes b)
{
    while (b.size > 0 && is_space(b.data[b.size - 1])) {
        b.size--;
    }
    while (b.size > 0 && is_space(b.data[0])) {
        b = BYTES(b.data + 1, b.size - 1);
    }
    return b;
}

static bool begins_with(struct bytes b, const char *prefix)
{
    size_t size = strlen(prefix);
    return b.size >= size && memcmp(b.data, prefix, size) == 0;
}

/* Read as the verifier will, so that nothing is kept that is of no use to it. */
static int add_json(struct alcove_bundle *b, struct bytes text, uint32_t *kinds)
{
    union {
        struct tcb_info tcb_info;
        struct qe_identity identity;
    } *u = malloc(sizeof *u);
    if (u == NULL) {
        return -ENOMEM;
    }
    int error = -EINVAL;
    if (tcb_info_read(text, &u->tcb_info)) {
        error = insert(b, ALCOVE_BUNDLE_TCB_INFO, text, kinds);
    } else if (qe_identity_read(text, &u->identity)) {
        /* Those of other enclaves no verifier needs to know. */
        bool used = u->identity.is_sgx_qe || u->identity.is_td_qe;
        error = used ? insert(b, ALCOVE_BUNDLE_QE_IDENTITY, text, kinds) : 0;
    }
    free(u);
    return error;
}

static int add_crl(struct alcove_bundle *b, struct bytes der, uint32_t *kinds)
{
    struct crl crl;
    char issuer[COMMON_NAME_SIZE];
    if (!crl_read(der, &crl)) {
        return -EINVAL;
    }
    bundle_common_name(crl.issuer, issuer);
    if (strncmp(issuer, "ARK-", 4) == 0) {
        return insert(b, ALCOVE_BUNDLE_AMD_CRL, der, kinds);
    }
    if (strstr(issuer, " Root CA") != NULL) {
        return insert(b, ALCOVE_BUNDLE_ROOT_CRL, der, kinds);
    }
    if (strstr(issuer, " PCK ") != NULL) {
        return insert(b, ALCOVE_BUNDLE_PCK_CRL, der, kinds);
    }
    return -EINVAL;
}

static int add_der(struct alcove_bundle *b, struct bytes der, uint32_t *kinds)
{
    struct certificate c;
    return certificate_read(der, &c) ? add_certificates(b, &der, 1, kinds) : add_crl(b, der, kinds);
}

static int add_pem(struct alcove_bundle *b, struct bytes text, uint32_t *kinds)
{
    struct pem_chain pem;
    if (pem_read(text, &pem)) {
        return add_certificates(b, pem.certificates, pem.count, kinds);
    }
    if (text.size > 2 * CRL_SIZE_MAX) {
        return -E2BIG;
    }
    uint8_t *data = malloc(text.size);
    if (data == NULL) {
        return -ENOMEM;
    }
    struct writer out = writer_of(data, text.size);
    struct bytes der;
    int error = pem_read_crl(text, &out, &der) ? add_crl(b, der, kinds) : -EINVAL;
    free(data);
    return error;
}

/* Intel's service of version 3 sends lists so. */
static int add_hex(struct alcove_bundle *b, struct bytes text, uint32_t *kinds)
{
    if (text.size > 2 * CRL_SIZE_MAX) {
        return -E2BIG;
    }
    uint8_t *data = malloc(text.size / 2 + 1);
    if (data == NULL) {
        return -ENOMEM;
    }
    int error = -EINVAL;
    if (text.size % 2 == 0 && hex_decode(data, text.size / 2, text)) {
        error = add_der(b, BYTES(data, text.size / 2), kinds);
    }
    free(data);
    return error;
}

static bool decode_either(struct bytes piece, struct writer *out, struct bytes *ret)
{
    *ret = piece;
    return !begins_with(piece, "-----") || pem_read_one(piece, out, ret);
}

static int add_cert_table(struct alcove_bundle *b, const struct cert_table *t, uint32_t *kinds)
{
    const struct bytes parts[] = {t->vcek, t->vlek, t->ask, t->ark};
    struct bytes ders[ARRAY_SIZE(parts)];
    uint8_t storage[PEM_BYTES_MAX];
    struct writer out = writer_of(storage, sizeof storage);
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        if (parts[i].size > 0 && !decode_either(parts[i], &out, &ders[count++])) {
            return -EINVAL;
        }
    }
    int error = count > 0 ? add_certificates(b, ders, count, kinds) : 0;
    if (error == 0 && t->crl.size > 0) {
        error =
            begins_with(t->crl, "-----") ? add_pem(b, t->crl, kinds) : add_crl(b, t->crl, kinds);
    }
    return error;
}

static int add_piece(struct alcove_bundle *b, struct bytes piece, uint32_t *kinds)
{
    struct bytes text = trimmed(piece);
    struct cert_table table;
    struct quote quote;
    if (begins_with(text, "{")) {
        return add_json(b, text, kinds);
    }
    if (begins_with(text, "-----BEGIN ")) {
        return add_pem(b, text, kinds);
    }
    if (begins_with(piece, "\x30")) {
        int error = add_der(b, piece, kinds);
        if (error != -EINVAL) {
            return error;
        }
    }
    if (begins_with(text, "30")) {
        return add_hex(b, text, kinds);
    }
    if (quote_read(piece, &quote) == ALCOVE_REASON_NONE) {
        return quote.cert_type == QUOTE_CERT_PCK_CHAIN ? add_pem(b, trimmed(quote.cert_data), kinds)
                                                       : 0;
    }
    return cert_table_read(piece, &table) ? add_cert_table(b, &table, kinds) : -EINVAL;
}

/* Its entries are pieces like any others: what another program put in wrongly is found out here. */
static int add_bundle(struct alcove_bundle *b, struct alcove_bytes bundle, uint32_t *kinds)
{
    struct alcove_bundle_position at = {0};
    enum alcove_bundle_kind kind;
    struct bytes content;
    while (bundle_step(BYTES(bundle.data, bundle.size), &at, &kind, &content)) {
        uint32_t part = 0;
        int error = add_piece(b, content, &part);
        if (error != 0) {
            return error;
        }
        *kinds |= part;
    }
    return 0;
}

int alcove_bundle_add(struct alcove_bundle *b, struct alcove_bytes piece, uint32_t *ret_kinds)
{
    uint32_t kinds = 0;
    int error;
    if (alcove_bundle_valid(piece)) {
        error = add_bundle(b, piece, &kinds);
    } else if (piece.size == 0) {
        error = -EINVAL;
    } else {
        error = piece.size > BUNDLE_BYTES_MAX ? -E2BIG
                                              : add_piece(b, BYTES(piece.data, piece.size), &kinds);
    }
    if (error == 0) {
        *ret_kinds = kinds;
    }
    return error;
}

struct alcove_bytes alcove_bundle_encode(struct alcove_bundle *b)
{
    size_t capacity = encoded_size(b->count, b->bytes), at = 0;
    free(b->encoded);
    b->encoded = malloc(capacity);
    if (b->encoded == NULL) {
        return (struct alcove_bytes){0};
    }
    struct writer w = writer_of(b->encoded, capacity);
    cbor_put_map(&w, 1 + ALCOVE_BUNDLE_KINDS);
    cbor_put_str(&w, "format");
    cbor_put_str(&w, BUNDLE_FORMAT);
    for (size_t group = 0; group < ALCOVE_BUNDLE_KINDS; group++) {
        size_t end = at;
        while (end < b->count && b->entries[end].group == group) {
            end++;
        }
        cbor_put_str(&w, bundle_groups[group].key);
        cbor_put_array(&w, end - at);
        for (; at < end; at++) {
            cbor_put_bytes(&w, b->entries[at].content);
        }
    }
    REQUIRE(!w.failed);
    return (struct alcove_bytes){b->encoded, w.size};
}
