/* SPDX-License-Identifier: Apache-2.0 */
/* Forges RA-TLS certificates for tests; see forge/ratls.h. */
#include "forge/ratls.h"

#include "base/cbor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#define EVIDENCE     "2.23.133.5.4.9"
#define ENDORSEMENTS "2.23.133.5.4.2"
#define RATS_TLS     "1.2.840.113741.1337.6"
#define GRAMINE      "0.6.9.42.840.113741.1337.6"

static EVP_PKEY *key_of(enum forge_tls_key which)
{
    static EVP_PKEY *keys[FORGE_TLS_KEYS];
    if (keys[which] == NULL) {
        keys[which] = which == TLS_RSA         ? EVP_RSA_gen(2048)
                      : which == TLS_P384      ? EVP_EC_gen("P-384")
                      : which == TLS_SECP256K1 ? EVP_EC_gen("secp256k1")
                                               : EVP_EC_gen("P-256");
        REQUIRE(keys[which] != NULL);
    }
    return keys[which];
}

static struct writer writer_into(struct forge_text *t)
{
    return writer_of(t->data, sizeof t->data);
}

static struct bytes view(const struct forge_text *t)
{
    return BYTES(t->data, t->size);
}

static void done(struct forge_text *t, const struct writer *w)
{
    REQUIRE(!w->failed);
    t->size = w->size;
}

static void spki_of(enum forge_tls_key which, struct forge_text *ret)
{
    unsigned char *p = ret->data;
    int size = i2d_PUBKEY(key_of(which), &p);
    REQUIRE(size > 0);
    ret->size = (size_t)size;
}

/* ---- extensions ---- */

static void put_claims(const struct forge_ratls *s, struct forge_text *ret)
{
    static struct forge_text spki;
    uint8_t hash[64], entry[80];
    size_t size = s->hash_algorithm == 7 ? 48 : s->hash_algorithm == 8 ? 64 : 32;
    spki_of(s->other_hash ? TLS_STRANGER : s->key, &spki);
    if (size == 48) {
        SHA384(spki.data, spki.size, hash);
    } else if (size == 64) {
        SHA512(spki.data, spki.size, hash);
    } else {
        SHA256(spki.data, spki.size, hash);
    }
    struct writer e = writer_of(entry, sizeof entry);
    cbor_put_array(&e, 2);
    cbor_put_uint(&e, s->hash_algorithm);
    cbor_put_bytes(&e, BYTES(hash, size));

    struct writer w = writer_into(ret);
    cbor_put_map(&w, 1u + s->has_nonce + s->extra_claims);
    cbor_put_str(&w, "pubkey-hash");
    cbor_put_bytes(&w, BYTES(entry, e.size));
    if (s->has_nonce) {
        cbor_put_str(&w, "nonce");
        cbor_put_bytes(&w, s->nonce);
    }
    for (unsigned i = 0; i < s->extra_claims; i++) {
        char name[16];
        snprintf(name, sizeof name, "key_%u", i);
        cbor_put_str(&w, name);
        cbor_put_bytes(&w, BYTES_STR("value"));
    }
    done(ret, &w);
    if (s->edit_claims) {
        s->edit_claims(ret);
    }
}

static void put_evidence(const struct forge_ratls *s, const struct forge_output *parts,
                         const struct forge_text *claims, struct forge_text *ret)
{
    struct writer w = writer_into(ret);
    writer_put(&w, BYTES_STR("\xd9\xea\x60"));
    cbor_put_array(&w, 2);
    cbor_put_bytes(&w, BYTES(parts->quote.data, parts->quote.size));
    cbor_put_bytes(&w, view(claims));
    done(ret, &w);
    if (s->edit_evidence) {
        s->edit_evidence(ret);
    }
}

static void put_part(const struct forge_ratls *s, const struct forge_part *p, bool hex,
                     struct writer *w)
{
    static char text[2 * FORGE_PART_MAX + 2];
    size_t size = p->size;
    memcpy(text, p->data, size);
    text[size] = 0;
    if (hex) {
        hex_encode(text, p->data, size);
        size *= 2;
    }
    cbor_put_bytes(w, BYTES(text, size + s->c_strings));
}

static void put_endorsements(const struct forge_ratls *s, const struct forge_output *parts,
                             struct forge_text *ret)
{
    struct writer w = writer_into(ret);
    writer_put(&w, BYTES_STR("\xd9\xea\x60"));
    cbor_put_array(&w, 8u + s->dated);
    writer_put(&w, BYTES_STR("\x1a\x00\x00\x00\x03")); /* as libcbor writes 32-bit numbers */
    put_part(s, &parts->tcb_info, false, &w);
    put_part(s, &parts->tcb_chain, false, &w);
    put_part(s, &parts->pck_crl, s->lists_in_hex, &w);
    put_part(s, &parts->root_crl, s->lists_in_hex, &w);
    put_part(s, &parts->pck_crl_chain, false, &w);
    put_part(s, &parts->qe_identity, false, &w);
    put_part(s, &parts->qe_chain, false, &w);
    if (s->dated) {
        cbor_put_bytes(&w, BYTES_STR("2026-09-21T00:00:00Z"));
    }
    done(ret, &w);
    if (s->edit_endorsements) {
        s->edit_endorsements(ret);
    }
}

/* ---- the certificate ---- */

static void add_name(X509_NAME *name, const char *text)
{
    if (*text == 0) {
        return; /* the empty name */
    }
    REQUIRE(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)text, -1, -1,
                                       0) == 1);
}

static void add_extension(X509 *x, const char *oid, bool critical, struct bytes value)
{
    ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
    ASN1_OCTET_STRING *data = ASN1_OCTET_STRING_new();
    REQUIRE(object != NULL && ASN1_OCTET_STRING_set(data, value.data, (int)value.size) == 1);
    X509_EXTENSION *e = X509_EXTENSION_create_by_OBJ(NULL, object, critical, data);
    REQUIRE(e != NULL && X509_add_ext(x, e, -1) == 1);
    X509_EXTENSION_free(e);
    ASN1_OBJECT_free(object);
    ASN1_OCTET_STRING_free(data);
}

static void sign(const struct forge_ratls *s, X509 *x)
{
    const EVP_MD *hash = s->sha384 ? EVP_sha384() : s->sha512 ? EVP_sha512() : EVP_sha256();
    REQUIRE(X509_sign(x, key_of(s->signer), hash) > 0);
    if (!s->null_parameters) {
        return;
    }
    /* Again, after changing the algorithm inside and outside. */
    const X509_ALGOR *outer = NULL;
    const ASN1_BIT_STRING *signature = NULL;
    X509_get0_signature(&signature, &outer, x);
    int nid = s->sha384 ? NID_ecdsa_with_SHA384 : NID_ecdsa_with_SHA256;
    const X509_ALGOR *both[] = {outer, X509_get0_tbs_sigalg(x)};
    for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
        X509_ALGOR *algorithm = (X509_ALGOR *)(uintptr_t)both[i];
        REQUIRE(X509_ALGOR_set0(algorithm, OBJ_nid2obj(nid), V_ASN1_NULL, NULL) == 1);
    }
    uint8_t *tbs = NULL, der[160];
    int tbs_size = i2d_re_X509_tbs(x, &tbs);
    size_t size = sizeof der;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    REQUIRE(tbs_size > 0 && EVP_DigestSignInit(ctx, NULL, hash, NULL, key_of(s->signer)) == 1 &&
            EVP_DigestSign(ctx, der, &size, tbs, (size_t)tbs_size) == 1);
    REQUIRE(ASN1_STRING_set((ASN1_STRING *)(uintptr_t)signature, der, (int)size) == 1);
    EVP_MD_CTX_free(ctx);
    OPENSSL_free(tbs);
}

static void add_evidence(const struct forge_ratls *s, const struct forge_output *parts,
                         const struct forge_output *legacy_parts, const struct forge_text *claims,
                         X509 *x)
{
    static struct forge_text text;
    struct bytes legacy = BYTES(legacy_parts->quote.data, legacy_parts->quote.size);
    if (s->interoperable) {
        put_evidence(s, parts, claims, &text);
        add_extension(x, EVIDENCE, s->critical, view(&text));
        if (s->twice) {
            add_extension(x, EVIDENCE, s->critical, view(&text));
        }
    }
    if (s->endorsements) {
        put_endorsements(s, parts, &text);
        add_extension(x, ENDORSEMENTS, s->critical, view(&text));
    }
    if (s->gramine) {
        add_extension(x, GRAMINE, s->critical, legacy);
    }
    if (s->rats_tls) {
        add_extension(x, RATS_TLS, s->critical, legacy);
    }
    if (s->hidden) {
        /* What Gramine's own verifier would find: the identifier's bytes, an octet string. */
        struct writer w = writer_into(&text);
        writer_put(&w, BYTES_STR("\x06\x0b\x06\x09\x2a\x86\x48\x86\xf8\x4d\x8a\x39\x06\x04\x82"));
        writer_be(&w, legacy.size, 2);
        writer_put(&w, legacy);
        done(&text, &w);
        add_extension(x, "1.2.3.4.6", false, view(&text));
    }
}

static X509 *make(const struct forge_ratls *s)
{
    X509 *x = X509_new();
    REQUIRE(X509_set_version(x, s->version1 ? X509_VERSION_1 : X509_VERSION_3) == 1);
    REQUIRE(ASN1_INTEGER_set(X509_get_serialNumber(x), 1) == 1);
    add_name(X509_get_subject_name(x), s->subject);
    add_name(X509_get_issuer_name(x), s->issuer);
    REQUIRE(ASN1_TIME_set(X509_getm_notBefore(x), (time_t)s->from) != NULL);
    REQUIRE(ASN1_TIME_set(X509_getm_notAfter(x), (time_t)s->until) != NULL);
    REQUIRE(X509_set_pubkey(x, key_of(s->key)) == 1);
    add_extension(x, "2.5.29.19", false, BYTES_STR("\x30\x00"));
    if (s->garbled_usage) {
        add_extension(x, "2.5.29.15", true, BYTES_STR("\x05\x00"));
    }
    if (s->unknown_critical) {
        add_extension(x, "1.2.3.4.5", true, BYTES_STR("\x05\x00"));
    }
    if (s->critical_name) {
        add_extension(x, "2.5.29.17", true, BYTES_STR("\x30\x03\x82\x01\x61"));
    }
    if (s->critical_purpose) { /* serverAuth */
        add_extension(x, "2.5.29.37", true,
                      BYTES_STR("\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x01"));
    }
    if (s->critical_usage) { /* digitalSignature */
        add_extension(x, "2.5.29.15", true, BYTES_STR("\x03\x02\x07\x80"));
    }
    if (s->critical_constraint) {
        add_extension(x, "2.5.29.30", true, BYTES_STR("\x30\x00"));
    }
    return x;
}

static void put_certificate(X509 *x, struct forge_ratls_output *ret)
{
    BIO *b = BIO_new(BIO_s_mem());
    char *text = NULL;
    unsigned char *p = ret->der.data;
    int size = i2d_X509(x, NULL);
    REQUIRE(size > 0 && (size_t)size <= sizeof ret->der.data);
    ret->der.size = (size_t)i2d_X509(x, &p);
    REQUIRE(PEM_write_bio_X509(b, x) == 1);
    ret->pem.size = (size_t)BIO_get_mem_data(b, &text);
    REQUIRE(ret->pem.size <= sizeof ret->pem.data);
    memcpy(ret->pem.data, text, ret->pem.size);
    BIO_free(b);
}

static void set_report_data(struct forge_spec *quote, const uint8_t hash[64])
{
    memcpy(quote->body.reportdata, hash, 64);
    memcpy(quote->td + TD_REPORTDATA, hash, 64);
}

/* REPORTDATA of the older formats: SHA-256 of the key, as SPKI or as PKCS#1. */
static void legacy_report_data(const struct forge_ratls *s, uint8_t ret[64])
{
    static struct forge_text text;
    spki_of(s->key, &text);
    if (s->rats_tls && s->key == TLS_RSA) {
        unsigned char *p = text.data;
        text.size = (size_t)i2d_PublicKey(key_of(s->key), &p);
    }
    memset(ret, 0, 64);
    SHA256(text.data, text.size, ret);
}

void forge_ratls_build(const struct forge_ratls *s, struct forge_ratls_output *ret)
{
    static struct forge_spec quote;
    static struct forge_output legacy_parts;
    static struct forge_text claims, spki;
    uint8_t hash[64] = {0};
    quote = s->quote;
    put_claims(s, &claims);
    legacy_report_data(s, hash);
    if (!s->keep_report_data) {
        set_report_data(&quote, hash);
    }
    forge_build(&quote, &legacy_parts);
    memset(hash, 0, sizeof hash);
    if (s->sha384_report_data) {
        SHA384(claims.data, claims.size, hash);
    } else {
        SHA256(claims.data, claims.size, hash);
    }
    hash[63] = s->dirty_tail;
    if (!s->keep_report_data) {
        set_report_data(&quote, hash);
    }
    forge_build(&quote, &ret->parts);
    X509 *x = make(s);
    add_evidence(s, &ret->parts, &legacy_parts, &claims, x);
    sign(s, x);
    put_certificate(x, ret);
    X509_free(x);
    spki_of(s->key, &spki);
    SHA256(spki.data, spki.size, ret->spki_sha256);
}

void forge_ratls_defaults(struct forge_ratls *ret)
{
    memset(ret, 0, sizeof *ret);
    forge_defaults(&ret->quote);
    ret->key = ret->signer = TLS_P256;
    ret->subject = ret->issuer = "RATLS";
    ret->from = FORGE_NOW - 3600;
    ret->until = FORGE_NOW + 3600;
    ret->interoperable = true;
    ret->hash_algorithm = 1;
    ret->has_nonce = true;
    ret->nonce = BYTES_STR("fresh");
}

struct alcove_policy forge_ratls_policy(const struct forge_ratls *s,
                                        const struct forge_ratls_output *o)
{
    struct alcove_policy p = forge_policy(&o->parts);
    p.report_data.mode = ALCOVE_EXPECT_ANY;
    p.ratls_key.mode = p.ratls_nonce.mode = ALCOVE_EXPECT_VALUE;
    memcpy(p.ratls_key.value, o->spki_sha256, 32);
    if (s->has_nonce) {
        p.ratls_nonce.value = (struct alcove_bytes){s->nonce.data, s->nonce.size};
    }
    return p;
}
