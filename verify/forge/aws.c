/* SPDX-License-Identifier: Apache-2.0 */
/* Forges Nitro documents for tests; see aws.h. Never part of anything that is installed. */
#include "forge/aws.h"

#include <stdio.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#define HOUR INT64_C(3600)
#define DAY  (24 * HOUR)

void forge_blob_set(struct forge_blob *b, const void *data, size_t size)
{
    REQUIRE(size <= sizeof b->data);
    memcpy(b->data, data, size);
    b->size = size;
}

static void append(struct forge_blob *b, const void *data, size_t size)
{
    REQUIRE(b->size + size <= sizeof b->data);
    memcpy(b->data + b->size, data, size);
    b->size += size;
}

/* ---- CBOR, written by hand ---- */

static void put_head(struct forge_blob *b, unsigned major, uint64_t value)
{
    uint8_t head[9];
    size_t extra = value < 24            ? 0
                   : value < 256         ? 1
                   : value < 65536       ? 2
                   : value <= UINT32_MAX ? 4
                                         : 8;
    static const uint8_t infos[] = {0, 24, 25, 0, 26, 0, 0, 0, 27};
    head[0] = (uint8_t)(major << 5 | (extra == 0 ? value : infos[extra]));
    for (size_t i = 0; i < extra; i++) {
        head[1 + i] = (uint8_t)(value >> 8 * (extra - 1 - i));
    }
    append(b, head, 1 + extra);
}

static void put_string(struct forge_blob *b, unsigned major, const void *data, size_t size)
{
    put_head(b, major, size);
    append(b, data, size);
}

static void open_container(struct forge_blob *b, unsigned major, bool indefinite, size_t count)
{
    if (indefinite) {
        append(b, major == 4 ? "\x9f" : "\xbf", 1);
    } else {
        put_head(b, major, count);
    }
}

static void close_container(struct forge_blob *b, bool indefinite)
{
    if (indefinite) {
        append(b, "\xff", 1);
    }
}

/* ---- keys and certificates ---- */

static EVP_PKEY *key_of(enum forge_nitro_key which)
{
    static EVP_PKEY *keys[NITRO_KEYS];
    if (keys[which] == NULL) {
        keys[which] = EVP_EC_gen("P-384");
        REQUIRE(keys[which] != NULL);
    }
    return keys[which];
}

static void put_name(X509_NAME *name, const char *common_name)
{
    const char *const parts[][2] = {
        {"C", "US"}, {"O", "Test"}, {"OU", "Nitro"}, {"CN", common_name}};
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        REQUIRE(X509_NAME_add_entry_by_txt(name, parts[i][0], MBSTRING_UTF8,
                                           (const uint8_t *)parts[i][1], -1, -1, 0) == 1);
    }
}

static void add_extension(X509 *x, int nid, const char *value)
{
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    REQUIRE(e != NULL && X509_add_ext(x, e, -1) == 1);
    X509_EXTENSION_free(e);
}

static void add_extensions(const struct forge_nitro_cert *c, X509 *x)
{
    char text[64];
    if (!c->no_constraints) {
        snprintf(text, sizeof text, "critical,CA:%s", c->is_ca ? "TRUE" : "FALSE");
        if (c->path_length >= 0) {
            snprintf(text, sizeof text, "critical,CA:%s,pathlen:%d", c->is_ca ? "TRUE" : "FALSE",
                     c->path_length);
        }
        add_extension(x, NID_basic_constraints, text);
    }
    for (int i = 0; c->usage != NULL && i < 1 + c->usage_twice; i++) {
        add_extension(x, NID_key_usage, c->usage);
    }
    if (c->unknown_critical) {
        X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, NID_policy_constraints,
                                                "critical,requireExplicitPolicy:1");
        REQUIRE(e != NULL && X509_add_ext(x, e, -1) == 1);
        X509_EXTENSION_free(e);
    }
}

static void make_certificate(const struct forge_nitro_cert *c, int serial, struct forge_blob *ret)
{
    X509 *x = X509_new();
    EVP_PKEY *key = c->p256 ? EVP_EC_gen("P-256") : key_of(c->key);
    REQUIRE(X509_set_version(x, c->version1 ? X509_VERSION_1 : X509_VERSION_3) == 1);
    REQUIRE(ASN1_INTEGER_set(X509_get_serialNumber(x), serial) == 1);
    put_name(X509_get_subject_name(x), c->subject);
    put_name(X509_get_issuer_name(x), c->issuer);
    REQUIRE(ASN1_TIME_set(X509_getm_notBefore(x), (time_t)c->from) != NULL);
    REQUIRE(ASN1_TIME_set(X509_getm_notAfter(x), (time_t)c->until) != NULL);
    REQUIRE(X509_set_pubkey(x, key) == 1);
    if (!c->version1) {
        add_extensions(c, x);
    }
    REQUIRE(X509_sign(x, key_of(c->issuer_key), c->sha256 ? EVP_sha256() : EVP_sha384()) > 0);
    unsigned char *p = ret->data;
    REQUIRE(i2d_X509(x, NULL) <= (int)sizeof ret->data);
    ret->size = (size_t)i2d_X509(x, &p);
    if (c->damaged) {
        ret->data[1] ^= 1;
    }
    if (c->p256) {
        EVP_PKEY_free(key);
    }
    X509_free(x);
}

static void sign(enum forge_nitro_key which, const struct forge_blob *message,
                 struct forge_blob *ret)
{
    uint8_t der[160];
    size_t size = sizeof der;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    REQUIRE(EVP_DigestSignInit(ctx, NULL, EVP_sha384(), NULL, key_of(which)) == 1);
    REQUIRE(EVP_DigestSign(ctx, der, &size, message->data, message->size) == 1);
    EVP_MD_CTX_free(ctx);
    const unsigned char *p = der;
    ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &p, (long)size);
    REQUIRE(s != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(s), ret->data, 48) == 48 &&
            BN_bn2binpad(ECDSA_SIG_get0_s(s), ret->data + 48, 48) == 48);
    ret->size = 96;
    ECDSA_SIG_free(s);
}

/* ---- the document ---- */

void forge_nitro_defaults(struct forge_nitro *ret)
{
    static const char *const names[] = {"i-0123456789abcdef0-enc0123456789abcdef.test",
                                        "i-0123456789abcdef0.test", "zone.test", "region.test",
                                        "root.test"};
    memset(ret, 0, sizeof *ret);
    ret->cert_count = 5;
    for (size_t i = 0; i < 5; i++) {
        ret->certs[i] = (struct forge_nitro_cert){
            .subject = names[i],
            .issuer = names[i == 4 ? 4 : i + 1],
            .key = (enum forge_nitro_key)i,
            .issuer_key = (enum forge_nitro_key)(i == 4 ? 4 : i + 1),
            .from = FORGE_NITRO_NOW - HOUR,
            .until = FORGE_NITRO_NOW + 2 * HOUR,
            .is_ca = i > 0,
            .path_length = i == 0 || i == 4 ? -1 : (int)i - 1,
            .usage = i == 0 ? "digitalSignature,nonRepudiation" : "critical,keyCertSign",
        };
    }
    for (size_t i = 1; i < 5; i++) {
        ret->certs[i].from -= (int64_t)i * DAY;
        ret->certs[i].until += (int64_t)i * DAY;
    }
    ret->timestamp_ms = (uint64_t)(FORGE_NITRO_NOW - 60) * 1000 + 7;
    ret->pcrs = 0xffff;
    ret->pcr_size = 48;
    ret->signer = NITRO_KEY_LEAF;
}

static void make_pcrs(const struct forge_nitro *f, struct forge_blob *b)
{
    size_t count = 0;
    for (unsigned i = 0; i < 32; i++) {
        count += f->pcrs >> i & 1;
    }
    open_container(b, 5, f->indefinite, count);
    for (unsigned i = 0; i < 32; i++) {
        if ((f->pcrs >> i & 1) != 0) {
            uint8_t value[64];
            memset(value, f->debug && i < 3 ? 0 : (int)(0xa0 + i), sizeof value);
            put_head(b, 0, i);
            put_string(b, 2, value, f->pcr_size);
        }
    }
    close_container(b, f->indefinite);
}

static void make_payload(const struct forge_nitro *f, struct forge_nitro_payload *p)
{
    static const char *const keys[NITRO_MEMBERS] = {"module_id",  "digest",      "timestamp",
                                                    "pcrs",       "certificate", "cabundle",
                                                    "public_key", "user_data",   "nonce"};
    static const char *const texts[NITRO_MEMBERS] = {[NITRO_MODULE_ID] =
                                                         "i-0123456789abcdef0-enc0123456789abcdef",
                                                     [NITRO_DIGEST] = "SHA384",
                                                     [NITRO_PUBLIC_KEY] = "key",
                                                     [NITRO_USER_DATA] = "user",
                                                     [NITRO_NONCE] = "nonce"};
    static struct forge_blob der;
    memset(p, 0, sizeof *p);
    p->indefinite = f->indefinite;
    p->count = NITRO_MEMBERS;
    for (size_t i = 0; i < NITRO_MEMBERS; i++) {
        put_string(&p->members[i].key, 3, keys[i], strlen(keys[i]));
        if (texts[i] != NULL) {
            put_string(&p->members[i].value, i < NITRO_PUBLIC_KEY ? 3 : 2, texts[i],
                       strlen(texts[i]));
        }
    }
    put_head(&p->members[NITRO_TIMESTAMP].value, 0, f->timestamp_ms);
    make_pcrs(f, &p->members[NITRO_PCRS].value);
    make_certificate(&f->certs[0], 1, &der);
    put_string(&p->members[NITRO_CERTIFICATE].value, 2, der.data, der.size);
    struct forge_blob *bundle = &p->members[NITRO_CABUNDLE].value;
    open_container(bundle, 4, f->indefinite, f->cert_count - 1);
    for (size_t i = f->cert_count - 1; i >= 1; i--) {
        make_certificate(&f->certs[i], 1 + (int)i, &der);
        put_string(bundle, 2, der.data, der.size);
    }
    close_container(bundle, f->indefinite);
}

void forge_nitro_build(const struct forge_nitro *f, struct forge_blob *ret,
                       struct alcove_root *ret_root)
{
    static struct forge_nitro_payload p;
    static struct forge_nitro_cose c;
    static struct forge_blob message;
    make_payload(f, &p);
    if (f->edit != NULL) {
        f->edit(&p);
    }
    memset(&c, 0, sizeof c);
    open_container(&c.payload, 5, p.indefinite, p.count);
    for (size_t i = 0; i < p.count; i++) {
        append(&c.payload, p.members[i].key.data, p.members[i].key.size);
        append(&c.payload, p.members[i].value.data, p.members[i].value.size);
    }
    close_container(&c.payload, p.indefinite);
    append(&c.payload, p.tail.data, p.tail.size);

    FORGE_BLOB_LIT(&c.head, "\x84");
    FORGE_BLOB_LIT(&c.protected_header, "\xa1\x01\x38\x22");
    FORGE_BLOB_LIT(&c.unprotected, "\xa0");
    if (f->protect != NULL) {
        f->protect(&c);
    }
    FORGE_BLOB_LIT(&message, "\x84\x6aSignature1");
    put_string(&message, 2, c.protected_header.data, c.protected_header.size);
    put_string(&message, 2, "", 0);
    put_string(&message, 2, c.payload.data, c.payload.size);
    sign(f->signer, &message, &c.signature);
    if (f->wrap != NULL) {
        f->wrap(&c);
    }
    *ret = c.head;
    put_string(ret, 2, c.protected_header.data, c.protected_header.size);
    append(ret, c.unprotected.data, c.unprotected.size);
    put_string(ret, 2, c.payload.data, c.payload.size);
    put_string(ret, 2, c.signature.data, c.signature.size);
    append(ret, c.tail.data, c.tail.size);

    uint8_t *spki = NULL;
    int size = i2d_PUBKEY(key_of(NITRO_KEY_ROOT), &spki);
    REQUIRE(size > 0);
    SHA256(spki, (size_t)size, ret_root->spki_sha256);
    OPENSSL_free(spki);
}

struct alcove_policy forge_nitro_policy(const struct alcove_root *root)
{
    struct alcove_policy p = alcove_policy_strict();
    p.roots = root;
    p.root_count = 1;
    for (size_t i = 0; i < 16; i++) {
        p.nitro_pcr[i].mode = ALCOVE_EXPECT_VALUE;
        p.nitro_pcr[i].size = 48;
        memset(p.nitro_pcr[i].value, (int)(0xa0 + i), 48);
    }
    p.nitro_public_key =
        (struct alcove_expect_bytes){ALCOVE_EXPECT_VALUE, {(const uint8_t *)"key", 3}};
    p.nitro_user_data =
        (struct alcove_expect_bytes){ALCOVE_EXPECT_VALUE, {(const uint8_t *)"user", 4}};
    p.nitro_nonce =
        (struct alcove_expect_bytes){ALCOVE_EXPECT_VALUE, {(const uint8_t *)"nonce", 5}};
    p.nitro_time = ALCOVE_NITRO_TIME_GIVEN;
    return p;
}
