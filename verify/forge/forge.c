/* SPDX-License-Identifier: Apache-2.0 */
/* Forges evidence for tests; see forge.h. Never part of anything that is installed. */
#include "forge/forge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#define YEAR INT64_C(31536000)
#define DAY  INT64_C(86400)

static EVP_PKEY *key_of(enum forge_key which)
{
    static EVP_PKEY *keys[FORGE_KEYS];
    if (keys[which] == NULL) {
        keys[which] = EVP_EC_gen("P-256");
        REQUIRE(keys[which] != NULL);
    }
    return keys[which];
}

static void public_of(enum forge_key which, uint8_t ret[64])
{
    uint8_t point[65];
    size_t size = 0;
    REQUIRE(EVP_PKEY_get_octet_string_param(key_of(which), "pub", point, sizeof point, &size) == 1);
    REQUIRE(size == 65);
    memcpy(ret, point + 1, 64);
}

static void sign_raw(enum forge_key which, struct bytes message, uint8_t ret[64])
{
    uint8_t der[128];
    size_t size = sizeof der;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    REQUIRE(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key_of(which)) == 1);
    REQUIRE(EVP_DigestSign(ctx, der, &size, message.data, message.size) == 1);
    EVP_MD_CTX_free(ctx);
    const unsigned char *p = der;
    ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &p, (long)size);
    REQUIRE(s != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(s), ret, 32) == 32 &&
            BN_bn2binpad(ECDSA_SIG_get0_s(s), ret + 32, 32) == 32);
    ECDSA_SIG_free(s);
}

/* ---- the SGX extension, innermost first; everything is short or two-byte length ---- */

static void put_tlv(struct writer *w, uint8_t tag, struct bytes content)
{
    writer_be(w, tag, 1);
    if (content.size >= 256) {
        writer_be(w, 0x82, 1);
        writer_be(w, content.size, 2);
    } else if (content.size >= 128) {
        writer_be(w, 0x81, 1);
        writer_be(w, content.size, 1);
    } else {
        writer_be(w, content.size, 1);
    }
    writer_put(w, content);
}

/* SEQUENCE { OID 1.2.840.113741.1.13.1.<arcs>, value } */
static void put_member(struct writer *w, struct bytes arcs, uint8_t tag, struct bytes value)
{
    uint8_t oid_text[16], content[2048];
    struct writer oid = writer_of(oid_text, sizeof oid_text);
    struct writer c = writer_of(content, sizeof content);
    writer_put(&oid, BYTES_STR("\x2a\x86\x48\x86\xf8\x4d\x01\x0d\x01"));
    writer_put(&oid, arcs);
    put_tlv(&c, 6, BYTES(oid_text, oid.size));
    put_tlv(&c, tag, value);
    put_tlv(w, 0x30, BYTES(content, c.size));
}

static void put_number(struct writer *w, struct bytes arcs, int value)
{
    uint8_t text[2] = {(uint8_t)(value >> 8), (uint8_t)value};
    bool one_byte = value >= -128 && value < 128;
    put_member(w, arcs, 2, one_byte ? BYTES(text + 1, 1) : BYTES(text, 2));
}

/* What certificates of the Platform CA say besides. */
static void put_configuration(const struct forge_spec *s, struct writer *w)
{
    uint8_t text[256], value[2] = {0}, id[16];
    memset(id, 0x1d, sizeof id);
    struct writer c = writer_of(text, sizeof text);
    for (uint8_t i = 0; i < s->configuration_count; i++) {
        uint8_t arcs[2] = {7, s->configuration_twice && i == 2 ? 2 : i + 1};
        value[0] = s->configuration[i];
        put_member(&c, BYTES_OF(arcs), 1, BYTES(value, s->boolean_size));
    }
    put_member(w, BYTES_STR("\x06"), 4, BYTES(id, s->instance_size));
    put_member(w, BYTES_STR("\x07"), 0x30, BYTES(text, c.size));
    REQUIRE(!c.failed);
}

static size_t sgx_extension(const struct forge_spec *s, uint8_t *out, size_t capacity)
{
    uint8_t tcb_text[1024], content[2048], zeros[16] = {0}, cpusvn[16];
    static const uint8_t fmspc[8] = {0x00, 0xa0, 0x6f, 0x05, 0x00, 0x00, 0x00, 0x00};
    struct writer tcb = writer_of(tcb_text, sizeof tcb_text);
    for (uint8_t i = 1; i <= (s->missing_component ? 15 : 16); i++) {
        uint8_t arcs[2] = {2, s->component_twice && i == 16 ? 15 : i};
        put_number(&tcb, BYTES_OF(arcs), s->components[i - 1]);
        cpusvn[i - 1] = (uint8_t)s->components[i - 1];
    }
    put_number(&tcb, BYTES_STR("\x02\x11"), s->pcesvn);
    put_member(&tcb, BYTES_STR("\x02\x12"), 4, BYTES_OF(cpusvn));
    if (s->unknown_component) {
        put_member(&tcb, BYTES_STR("\x02\x13"), 2, BYTES(zeros, 1));
    }
    if (s->long_component) {
        put_member(&tcb, BYTES_STR("\x02\x14\x01"), 2, BYTES(zeros, 1));
    }

    struct writer c = writer_of(content, sizeof content);
    put_member(&c, BYTES_STR("\x01"), 4, BYTES_OF(zeros));
    put_member(&c, BYTES_STR("\x02"), 0x30, BYTES(tcb_text, tcb.size));
    if (!s->leave_out_pceid) {
        put_member(&c, BYTES_STR("\x03"), 4, BYTES(zeros, 2));
    }
    put_member(&c, BYTES_STR("\x04"), 4, BYTES(fmspc, s->fmspc_size));
    put_member(&c, BYTES_STR("\x05"), 10, BYTES(zeros, 1));
    if (!s->no_platform_instance) {
        put_configuration(s, &c);
    }
    if (s->unknown_member) {
        put_member(&c, BYTES_STR("\x08"), 4, BYTES(zeros, 3));
    }
    if (s->foreign_oid) {
        put_member(&c, BYTES_STR("\x81\x08"), 4, BYTES(zeros, 3));
    }
    struct writer w = writer_of(out, capacity);
    put_tlv(&w, 0x30, BYTES(content, c.size));
    if (s->extension_trailing) {
        writer_put(&w, BYTES(zeros, 1));
    }
    REQUIRE(!w.failed && !c.failed && !tcb.failed);
    return w.size;
}

/* ---- certificates ---- */

static void put_name(X509_NAME *name, const char *common_name)
{
    REQUIRE(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)common_name, -1,
                                       -1, 0) == 1);
    REQUIRE(X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, (const uint8_t *)"Test", -1, -1,
                                       0) == 1);
}

static void add_known(X509 *x, int nid, const char *value)
{
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    REQUIRE(e != NULL && X509_add_ext(x, e, -1) == 1);
    X509_EXTENSION_free(e);
}

static X509_EXTENSION *raw_extension(const char *oid, bool critical, struct bytes value)
{
    ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
    ASN1_OCTET_STRING *data = ASN1_OCTET_STRING_new();
    REQUIRE(object != NULL && ASN1_OCTET_STRING_set(data, value.data, (int)value.size) == 1);
    X509_EXTENSION *e = X509_EXTENSION_create_by_OBJ(NULL, object, critical, data);
    REQUIRE(e != NULL);
    ASN1_OBJECT_free(object);
    ASN1_OCTET_STRING_free(data);
    return e;
}

static void add_raw(X509 *x, const char *oid, bool critical, struct bytes value)
{
    X509_EXTENSION *e = raw_extension(oid, critical, value);
    REQUIRE(X509_add_ext(x, e, -1) == 1);
    X509_EXTENSION_free(e);
}

static void add_extensions(const struct forge_spec *s, const struct forge_cert *c, X509 *x)
{
    char usage[64];
    snprintf(usage, sizeof usage, "critical%s%s%s",
             c->usage & USAGE_SIGNATURE ? ",digitalSignature" : "",
             c->usage & USAGE_CERT ? ",keyCertSign" : "", c->usage & USAGE_CRL ? ",cRLSign" : "");
    if (c->usage != 0) {
        add_known(x, NID_key_usage, usage);
    }
    if (!c->no_constraints) {
        char constraints[64];
        snprintf(constraints, sizeof constraints, "critical,CA:%s%s%s", c->is_ca ? "TRUE" : "FALSE",
                 c->path_length ? ",pathlen:" : "", c->path_length ? c->path_length : "");
        add_known(x, NID_basic_constraints, constraints);
    }
    if (c->unknown_critical) {
        add_raw(x, "1.2.3.4.5", true, BYTES_STR("\x05\x00"));
    }
    if (c->garbled_usage) {
        add_raw(x, "2.5.29.15", true, BYTES_STR("\x05\x00"));
    }
    for (int i = 0; c->twice && i < 2; i++) {
        add_raw(x, "1.2.3.4.6", false, BYTES_STR("\x05\x00"));
    }
    if (c->sgx_extension) {
        uint8_t text[2048];
        add_raw(x, "1.2.840.113741.1.13.1", false,
                BYTES(text, sgx_extension(s, text, sizeof text)));
    }
}

static void put_certificate(const struct forge_spec *s, const struct forge_cert *c,
                            struct forge_part *pem)
{
    X509 *x = X509_new();
    EVP_PKEY *key = c->other_curve ? EVP_EC_gen("secp256k1") : key_of(c->key);
    REQUIRE(X509_set_version(x, c->version1 ? X509_VERSION_1 : X509_VERSION_3) == 1);
    REQUIRE(ASN1_INTEGER_set(X509_get_serialNumber(x), c->serial) == 1);
    put_name(X509_get_subject_name(x), c->subject);
    put_name(X509_get_issuer_name(x), c->issuer);
    REQUIRE(ASN1_TIME_set(X509_getm_notBefore(x), (time_t)c->from) != NULL);
    REQUIRE(ASN1_TIME_set(X509_getm_notAfter(x), (time_t)c->until) != NULL);
    REQUIRE(X509_set_pubkey(x, key) == 1);
    if (!c->version1) {
        add_extensions(s, c, x);
    }
    REQUIRE(X509_sign(x, key_of(c->issuer_key), c->sha384 ? EVP_sha384() : EVP_sha256()) > 0);
    if (c->other_curve) {
        EVP_PKEY_free(key);
    }
    BIO *b = BIO_new(BIO_s_mem());
    char *text = NULL;
    REQUIRE(PEM_write_bio_X509(b, x) == 1);
    size_t size = (size_t)BIO_get_mem_data(b, &text);
    REQUIRE(pem->size + size <= sizeof pem->data);
    memcpy(pem->data + pem->size, text, size);
    pem->size += size;
    BIO_free(b);
    X509_free(x);
}

/* Serial numbers of 20 bytes and a reason, as Intel writes them. */
static void revoke_strangers(const struct forge_crl *c, X509_CRL *x)
{
    ASN1_TIME *t = ASN1_TIME_set(NULL, (time_t)c->from);
    for (int i = 0; i < c->strangers; i++) {
        unsigned char number[20] = {0x7f, 1, 2, 3};
        number[18] = (unsigned char)(i >> 8);
        number[19] = (unsigned char)i;
        BIGNUM *n = BN_bin2bn(number, sizeof number, NULL);
        ASN1_INTEGER *serial = BN_to_ASN1_INTEGER(n, NULL);
        X509_REVOKED *r = X509_REVOKED_new();
        X509_EXTENSION *e = raw_extension("2.5.29.21", false, BYTES_STR("\x0a\x01\x01"));
        REQUIRE(X509_REVOKED_set_serialNumber(r, serial) == 1 &&
                X509_REVOKED_set_revocationDate(r, t) == 1 && X509_REVOKED_add_ext(r, e, -1) == 1 &&
                X509_CRL_add0_revoked(x, r) == 1);
        X509_EXTENSION_free(e);
        ASN1_INTEGER_free(serial);
        BN_free(n);
    }
    ASN1_TIME_free(t);
}

static void put_crl(const struct forge_crl *c, struct forge_part *ret)
{
    X509_CRL *x = X509_CRL_new();
    X509_NAME *name = X509_NAME_new();
    ASN1_TIME *t = ASN1_TIME_new();
    put_name(name, c->issuer);
    REQUIRE(X509_CRL_set_version(x, X509_CRL_VERSION_2) == 1);
    REQUIRE(X509_CRL_set_issuer_name(x, name) == 1);
    REQUIRE(ASN1_TIME_set(t, (time_t)c->from) && X509_CRL_set1_lastUpdate(x, t) == 1);
    REQUIRE(ASN1_TIME_set(t, (time_t)c->until) && X509_CRL_set1_nextUpdate(x, t) == 1);
    revoke_strangers(c, x);
    if (c->revoked_serial != 0) {
        X509_REVOKED *r = X509_REVOKED_new();
        ASN1_INTEGER *serial = ASN1_INTEGER_new();
        REQUIRE(ASN1_INTEGER_set(serial, c->revoked_serial) == 1);
        REQUIRE(X509_REVOKED_set_serialNumber(r, serial) == 1);
        REQUIRE(ASN1_TIME_set(t, (time_t)c->from) && X509_REVOKED_set_revocationDate(r, t) == 1);
        if (c->critical_entry) {
            X509_EXTENSION *e = raw_extension("1.2.3.4.5", true, BYTES_STR("\x05\x00"));
            REQUIRE(X509_REVOKED_add_ext(r, e, -1) == 1);
            X509_EXTENSION_free(e);
        }
        REQUIRE(X509_CRL_add0_revoked(x, r) == 1);
        ASN1_INTEGER_free(serial);
    }
    if (c->critical_extension) {
        X509_EXTENSION *e = raw_extension("1.2.3.4.5", true, BYTES_STR("\x05\x00"));
        REQUIRE(X509_CRL_add_ext(x, e, -1) == 1);
        X509_EXTENSION_free(e);
    }
    REQUIRE(X509_CRL_sign(x, key_of(c->key), EVP_sha256()) > 0);
    unsigned char *p = ret->data;
    int size = i2d_X509_CRL(x, NULL);
    REQUIRE(size > 0 && (size_t)size <= sizeof ret->data);
    ret->size = (size_t)i2d_X509_CRL(x, &p);
    ASN1_TIME_free(t);
    X509_NAME_free(name);
    X509_CRL_free(x);
}

/* ---- documents ---- */

static void put_document(const char *member, const char *body, enum forge_key key,
                         struct forge_part *ret)
{
    uint8_t signature[64];
    char hex[129];
    sign_raw(key, BYTES(body, strlen(body)), signature);
    hex_encode(hex, signature, sizeof signature);
    int n = snprintf((char *)ret->data, sizeof ret->data, "{\"%s\":%s,\"signature\":\"%s\"}",
                     member, body, hex);
    REQUIRE(n > 0 && (size_t)n < sizeof ret->data);
    ret->size = (size_t)n;
}

void forge_edit(char *body, size_t capacity, const char *from, const char *to)
{
    char *at = strstr(body, from);
    REQUIRE(at != NULL);
    char *tail = strdup(at + strlen(from));
    int n = snprintf(at, capacity - (size_t)(at - body), "%s%s", to, tail);
    REQUIRE(n >= 0 && (size_t)n < capacity - (size_t)(at - body));
    free(tail);
}

static void default_documents(struct forge_spec *s)
{
#define FOUR "{\"svn\":5},{\"svn\":5},{\"svn\":5},{\"svn\":5}"
    static const char components[] = FOUR "," FOUR "," FOUR "," FOUR;
    snprintf(
        s->tcb_body, sizeof s->tcb_body,
        "{\"id\":\"SGX\",\"version\":3,\"issueDate\":\"2026-09-01T00:00:00Z\","
        "\"nextUpdate\":\"2026-10-01T00:00:00Z\",\"fmspc\":\"00A06F050000\",\"pceId\":\"0000\","
        "\"tcbType\":0,\"tcbEvaluationDataNumber\":20,\"tcbLevels\":[{\"tcb\":"
        "{\"sgxtcbcomponents\":[%s],\"pcesvn\":13},\"tcbDate\":\"2026-01-01T00:00:00Z\","
        "\"tcbStatus\":\"UpToDate\"},{\"tcb\":{\"sgxtcbcomponents\":[%s],\"pcesvn\":7},"
        "\"tcbDate\":\"2024-01-01T00:00:00Z\",\"tcbStatus\":\"OutOfDate\","
        "\"advisoryIDs\":[\"INTEL-SA-00002\",\"INTEL-SA-00001\"]}]}",
        components, components);
    snprintf(s->qe_body, sizeof s->qe_body,
             "{\"id\":\"QE\",\"version\":2,\"issueDate\":\"2026-09-01T00:00:00Z\","
             "\"nextUpdate\":\"2026-10-01T00:00:00Z\",\"tcbEvaluationDataNumber\":20,"
             "\"miscselect\":\"00000000\",\"miscselectMask\":\"FFFFFFFF\","
             "\"attributes\":\"11000000000000000000000000000000\","
             "\"attributesMask\":\"FBFFFFFFFFFFFFFF0000000000000000\",\"mrsigner\":\"%064d\","
             "\"isvprodid\":1,\"tcbLevels\":[{\"tcb\":{\"isvsvn\":8},\"tcbDate\":"
             "\"2025-01-01T00:00:00Z\",\"tcbStatus\":\"UpToDate\"},{\"tcb\":{\"isvsvn\":6},"
             "\"tcbDate\":\"2023-01-01T00:00:00Z\",\"tcbStatus\":\"OutOfDate\",\"advisoryIDs\":"
             "[\"INTEL-SA-00001\"]}]}",
             0);
}

void forge_defaults(struct forge_spec *ret)
{
    const int64_t from = FORGE_NOW - YEAR, until = FORGE_NOW + 5 * YEAR;
    memset(ret, 0, sizeof *ret);
    ret->root = (struct forge_cert){.subject = "Intel SGX Root CA",
                                    .issuer = "Intel SGX Root CA",
                                    .key = KEY_ROOT,
                                    .issuer_key = KEY_ROOT,
                                    .serial = 1,
                                    .from = from,
                                    .until = until,
                                    .is_ca = true,
                                    .usage = USAGE_CERT | USAGE_CRL};
    ret->signer_root = ret->root;
    ret->ca = ret->root;
    ret->ca.subject = "Intel SGX PCK Platform CA";
    ret->ca.key = KEY_CA;
    ret->ca.serial = 2;
    ret->leaf = (struct forge_cert){.subject = "Intel SGX PCK Certificate",
                                    .issuer = "Intel SGX PCK Platform CA",
                                    .key = KEY_LEAF,
                                    .issuer_key = KEY_CA,
                                    .serial = 3,
                                    .from = from,
                                    .until = until,
                                    .usage = USAGE_SIGNATURE,
                                    .sgx_extension = true};
    ret->signer = ret->leaf;
    ret->signer.subject = "Intel SGX TCB Signing";
    ret->signer.issuer = "Intel SGX Root CA";
    ret->signer.key = KEY_SIGNER;
    ret->signer.issuer_key = KEY_ROOT;
    ret->signer.serial = 4;
    ret->signer.sgx_extension = false;
    ret->root_crl = (struct forge_crl){.issuer = "Intel SGX Root CA",
                                       .key = KEY_ROOT,
                                       .from = FORGE_NOW - DAY,
                                       .until = FORGE_NOW + 30 * DAY};
    ret->pck_crl = ret->root_crl;
    ret->pck_crl.issuer = "Intel SGX PCK Platform CA";
    ret->pck_crl.key = KEY_CA;
    for (size_t i = 0; i < 16; i++) {
        ret->components[i] = 5;
    }
    ret->pcesvn = 13;
    ret->fmspc_size = 6;
    ret->instance_size = 16;
    ret->configuration_count = 3;
    ret->boolean_size = 1;
    ret->configuration[0] = 0xff;
    default_documents(ret);
    ret->tcb_key = ret->qe_key = KEY_SIGNER;
    ret->version = QUOTE_VERSION_3;
    ret->outer_cert_type = QUOTE_CERT_QE_REPORT;
    ret->qe_report_key = KEY_LEAF;
    ret->quote_key = KEY_AK;
    ret->cert_type = QUOTE_CERT_PCK_CHAIN;
    ret->qe_report.attributes =
        (struct sgx_attributes){SGX_FLAGS_INIT | SGX_FLAGS_MODE64BIT | SGX_FLAGS_PROVISIONKEY, 3};
    ret->qe_report.isvprodid = 1;
    ret->qe_report.isvsvn = 8;
    ret->body.attributes =
        (struct sgx_attributes){SGX_FLAGS_INIT | SGX_FLAGS_MODE64BIT | SGX_FLAGS_KSS, 7};
    ret->body.isvprodid = 7;
    ret->body.isvsvn = 3;
    memset(ret->body.mrenclave, 0xe1, sizeof ret->body.mrenclave);
    memset(ret->body.mrsigner, 0x51, sizeof ret->body.mrsigner);
    memset(ret->body.configid, 0xc0, sizeof ret->body.configid);
    memset(ret->body.reportdata, 0xda, sizeof ret->body.reportdata);
}

#define ZEROS_48                                                                                   \
    "000000000000000000000000000000000000000000000000"                                             \
    "000000000000000000000000000000000000000000000000"
#define MODULE                                                                                     \
    "\"mrsigner\":\"" ZEROS_48 "\",\"attributes\":\"0000000000000000\","                           \
    "\"attributesMask\":\"FFFFFFFFFFFFFFFF\""
#define TDX_FOUR FOUR "," FOUR "," FOUR "," FOUR

void forge_defaults_tdx(struct forge_spec *ret, uint16_t version)
{
    static const uint8_t svn[16] = {5, 1, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5};
    forge_defaults(ret);
    ret->version = version;
    ret->tdx = true;
    ret->body_type = 3;
    ret->td_size = 648;
    forge_edit(ret->qe_body, sizeof ret->qe_body, "\"QE\"", "\"TD_QE\"");
    forge_edit(ret->tcb_body, sizeof ret->tcb_body, "\"id\":\"SGX\",",
               "\"id\":\"TDX\",\"tdxModule\":{" MODULE "},\"tdxModuleIdentities\":[{\"id\":"
               "\"TDX_01\"," MODULE ",\"tcbLevels\":[{\"tcb\":{\"isvsvn\":5},\"tcbDate\":"
               "\"2025-01-01T00:00:00Z\",\"tcbStatus\":\"UpToDate\"},{\"tcb\":{\"isvsvn\":3},"
               "\"tcbDate\":\"2022-01-01T00:00:00Z\",\"tcbStatus\":\"OutOfDate\",\"advisoryIDs\":"
               "[\"INTEL-SA-00003\"]}]}],");
    forge_edit(ret->tcb_body, sizeof ret->tcb_body, "\"pcesvn\":13}",
               "\"pcesvn\":13,\"tdxtcbcomponents\":[" TDX_FOUR "]}");
    forge_edit(ret->tcb_body, sizeof ret->tcb_body, "\"pcesvn\":7}",
               "\"pcesvn\":7,\"tdxtcbcomponents\":[" TDX_FOUR "]}");
    memcpy(ret->td + TD_TCB_SVN, svn, sizeof svn);
    memcpy(ret->td + TD_TCB_SVN_2, svn, sizeof svn);
    ret->td[TD_ATTRIBUTES + 3] = 0x10; /* SEPT_VE_DISABLE */
    memset(ret->td + TD_MRTD, 0x7d, 48);
    for (int i = 0; i < 4; i++) {
        memset(ret->td + TD_RTMR + 48 * i, 0x70 + i, 48);
    }
    memset(ret->td + TD_REPORTDATA, 0xda, 64);
}

/* ---- real sizes ---- */

static void put_words(char **at, const char *end, const char *text)
{
    int n = snprintf(*at, (size_t)(end - *at), "%s", text);
    REQUIRE(n >= 0 && n < end - *at);
    *at += n;
}

/* Twenty levels with the members that Intel writes; the platform reaches the third. */
static void put_tcb_info(struct forge_spec *s)
{
    char *at = s->tcb_body, component[128];
    const char *end = at + sizeof s->tcb_body;
    put_words(
        &at, end,
        "{\"id\":\"SGX\",\"version\":3,\"issueDate\":\"2026-09-01T00:00:00Z\","
        "\"nextUpdate\":\"2026-10-01T00:00:00Z\",\"fmspc\":\"00A06F050000\",\"pceId\":\"0000\","
        "\"tcbType\":0,\"tcbEvaluationDataNumber\":20,\"tcbLevels\":[");
    for (int level = 0; level < 20; level++) {
        put_words(&at, end,
                  level ? ",{\"tcb\":{\"sgxtcbcomponents\":[" : "{\"tcb\":{\"sgxtcbcomponents\":[");
        for (int i = 0; i < 16; i++) {
            int svn = level < 2 ? 6 : 5;
            snprintf(
                component, sizeof component,
                i == 0 ? "{\"svn\":%d,\"category\":\"BIOS\",\"type\":\"Early Microcode Update\"}"
                : i == 1
                    ? ",{\"svn\":%d,\"category\":\"OS/VMM\",\"type\":\"SGX Late Microcode Update\"}"
                    : ",{\"svn\":%d}",
                svn);
            put_words(&at, end, component);
        }
        put_words(&at, end,
                  level <= 2
                      ? "],\"pcesvn\":13},\"tcbDate\":\"2026-01-01T00:00:00Z\",\"tcbStatus\":"
                        "\"UpToDate\"}"
                      : "],\"pcesvn\":5},\"tcbDate\":\"2018-01-04T00:00:00Z\",\"tcbStatus\":"
                        "\"OutOfDate\","
                        "\"advisoryIDs\":[\"INTEL-SA-00106\",\"INTEL-SA-00115\",\"INTEL-SA-00135\","
                        "\"INTEL-SA-00203\"]}");
    }
    put_words(&at, end, "]}");
}

void forge_real_sizes(struct forge_spec *s)
{
    put_tcb_info(s);
    s->pck_crl.strangers = 57;
}

/* ---- the quote ---- */

static void put_le(struct writer *w, uint64_t value, size_t byte_count)
{
    uint8_t text[8];
    store_le64(text, value);
    writer_put(w, BYTES(text, byte_count));
}

/* Header and body. */
static void put_signed(const struct forge_spec *s, struct writer *w)
{
    static const uint8_t user_data[20] = {0};
    struct quote_v3_signed q;
    struct sgx_report_body body = s->body;
    if (s->claims.size > 0) {
        SHA512(s->claims.data, s->claims.size, body.reportdata);
        SHA512(s->manifest.data, s->manifest.size, body.configid);
    }
    quote_v3_prepare(&body, 8, 13, user_data, &q);
    q.header.version = s->version;
    q.header.tee_type = s->tdx ? QUOTE_TEE_TDX : QUOTE_TEE_SGX;
    struct bytes text =
        s->tdx ? BYTES(s->td, s->version == QUOTE_VERSION_5 ? s->td_size : 584) : BYTES_OF(q.body);
    writer_put(w, BYTES_OF(q.header));
    if (s->version == QUOTE_VERSION_5) {
        put_le(w, s->tdx ? s->body_type : 1, 2);
        put_le(w, text.size, 4);
    }
    writer_put(w, text);
}

/* What certifies the key that signs quoting enclaves' reports, or helps to find it. */
static void put_certification(const struct forge_spec *s, const struct forge_output *out,
                              struct writer *w)
{
    static const uint8_t ppid[512] = {0};
    static const size_t sizes[] = {0, 36, 276, 404}; /* of types 1 to 3 */
    static const char end[] = "-----END CERTIFICATE-----\n";
    struct bytes data = BYTES(out->pck_chain.data, out->pck_chain.size);
    if (s->cert_type > 0 && s->cert_type < 4) {
        data = BYTES(ppid, sizes[s->cert_type]);
    } else if (s->cert_type == QUOTE_CERT_PCK_LEAF) {
        const char *text = (const char *)data.data;
        data.size = (size_t)(strstr(text, end) - text) + strlen(end);
    }
    if (s->cert_data_cut) {
        data.size--;
    }
    put_le(w, s->cert_type, 2);
    put_le(w, data.size, 4);
    writer_put(w, data);
}

/* The quoting enclave's report, its signature and what certifies that. */
static void put_qe(const struct forge_spec *s, const struct forge_output *out,
                   const uint8_t attestation_key[64], struct writer *w)
{
    static const uint8_t auth_data[32] = {1, 2, 3};
    uint8_t text[64 + sizeof auth_data], signature[64];
    struct sgx_report_body report = s->qe_report;
    memcpy(text, attestation_key, 64);
    memcpy(text + 64, auth_data, sizeof auth_data);
    if (report.reportdata[0] == 0) {
        SHA256(text, sizeof text, report.reportdata);
    }
    sign_raw(s->qe_report_key, BYTES_OF(report), signature);
    writer_put(w, BYTES_OF(report));
    writer_put(w, BYTES_OF(signature));
    put_le(w, sizeof auth_data, 2);
    writer_put(w, BYTES_OF(auth_data));
    put_certification(s, out, w);
}

static void put_quote(const struct forge_spec *s, struct forge_output *out)
{
    uint8_t qe_text[FORGE_PART_MAX / 2], key[64], signature[64];
    struct writer qe = writer_of(qe_text, sizeof qe_text);
    struct writer w = writer_of(out->quote.data, sizeof out->quote.data);
    public_of(KEY_AK, key);
    if (s->ak_off_curve) {
        key[63] ^= 1;
    }
    put_qe(s, out, key, &qe);
    put_signed(s, &w);
    sign_raw(s->quote_key, BYTES(w.data, w.size), signature);
    size_t nested = s->version == QUOTE_VERSION_3 ? 0 : 6;
    put_le(&w, sizeof signature + sizeof key + nested + qe.size, 4);
    writer_put(&w, BYTES_OF(signature));
    writer_put(&w, BYTES_OF(key));
    if (nested > 0) {
        put_le(&w, s->outer_cert_type, 2);
        put_le(&w, qe.size, 4);
    }
    writer_put(&w, BYTES(qe_text, qe.size));
    REQUIRE(!w.failed && !qe.failed);
    out->quote.size = w.size;
}

void forge_build(const struct forge_spec *s, struct forge_output *ret)
{
    struct forge_part root_pem = {.size = 0};
    memset(ret, 0, sizeof *ret);
    put_certificate(s, &s->leaf, &ret->pck_chain);
    put_certificate(s, &s->ca, &ret->pck_chain);
    put_certificate(s, &s->root, &ret->pck_chain);
    put_certificate(s, &s->signer, &ret->tcb_chain);
    put_certificate(s, &s->signer_root, &ret->tcb_chain);
    ret->qe_chain = ret->tcb_chain;
    put_certificate(s, &s->ca, &ret->pck_crl_chain);
    put_certificate(s, &s->root, &ret->pck_crl_chain);
    put_crl(&s->root_crl, &ret->root_crl);
    put_crl(&s->pck_crl, &ret->pck_crl);
    put_document("tcbInfo", s->tcb_body, s->tcb_key, &ret->tcb_info);
    put_document("enclaveIdentity", s->qe_body, s->qe_key, &ret->qe_identity);
    put_quote(s, ret);
    struct forge_spec good;
    forge_defaults(&good);
    put_certificate(&good, &good.root, &root_pem);
    REQUIRE(alcove_root_read((struct alcove_bytes){root_pem.data, root_pem.size}, &ret->root));
}

void forge_requote(const struct forge_spec *s, struct forge_output *io)
{
    uint8_t text[sizeof(struct quote_v3_signed)], signature[64];
    struct writer w = writer_of(text, sizeof text);
    put_signed(s, &w);
    REQUIRE(!w.failed && io->quote.size > w.size + 4 + sizeof signature);
    sign_raw(s->quote_key, BYTES(w.data, w.size), signature);
    memcpy(io->quote.data, w.data, w.size);
    memcpy(io->quote.data + w.size + 4, signature,
           sizeof signature); /* behind the size of the rest */
}

void forge_platform(const struct forge_spec *s, const struct forge_output *first,
                    struct forge_output *ret)
{
    static const char end[] = "-----END CERTIFICATE-----\n";
    const struct forge_part *chain = &first->pck_chain;
    const uint8_t *issuers = memmem(chain->data, chain->size, end, strlen(end));
    REQUIRE(issuers != NULL);
    issuers += strlen(end);
    *ret = *first;
    ret->pck_chain.size = 0;
    put_certificate(s, &s->leaf, &ret->pck_chain);
    size_t rest = chain->size - (size_t)(issuers - chain->data);
    REQUIRE(ret->pck_chain.size + rest <= sizeof ret->pck_chain.data);
    memcpy(ret->pck_chain.data + ret->pck_chain.size, issuers, rest);
    ret->pck_chain.size += rest;
    put_quote(s, ret);
}

static struct alcove_bytes lend(const struct forge_part *p)
{
    return (struct alcove_bytes){p->data, p->size};
}

struct alcove_collateral forge_collateral(const struct forge_output *o)
{
    return (struct alcove_collateral){.tcb_info = lend(&o->tcb_info),
                                      .tcb_chain = lend(&o->tcb_chain),
                                      .qe_identity = lend(&o->qe_identity),
                                      .qe_chain = lend(&o->qe_chain),
                                      .pck_crl = lend(&o->pck_crl),
                                      .pck_crl_chain = lend(&o->pck_crl_chain),
                                      .root_crl = lend(&o->root_crl)};
}

struct alcove_policy forge_policy(const struct forge_output *o)
{
    struct forge_spec good;
    forge_defaults(&good);
    struct alcove_policy p = alcove_policy_strict();
    p.roots = &o->root;
    p.root_count = 1;
    p.mrenclave.mode = p.signer.mode = ALCOVE_EXPECT_VALUE;
    p.configid.mode = p.report_data.mode = ALCOVE_EXPECT_VALUE;
    memcpy(p.mrenclave.value, good.body.mrenclave, 32);
    memcpy(p.signer.mrsigner, good.body.mrsigner, 32);
    p.signer.isvprodid = good.body.isvprodid;
    p.signer.min_isvsvn = good.body.isvsvn;
    memcpy(p.configid.value, good.body.configid, 64);
    memcpy(p.report_data.value, good.body.reportdata, 64);
    p.mrtd.mode = ALCOVE_EXPECT_VALUE;
    memset(p.mrtd.value, 0x7d, 48);
    for (int i = 0; i < 4; i++) {
        p.rtmr[i].mode = ALCOVE_EXPECT_VALUE;
        memset(p.rtmr[i].value, 0x70 + i, 48);
    }
    return p;
}

/* ---- evidence of a run ---- */

struct bytes forge_manifest(void)
{
    static uint8_t text[MANIFEST_SIZE_MAX];
    struct manifest m = {.door = DOOR_LIBOS,
                         .uid = 1000,
                         .gid = 1000,
                         .memory = 1u << 26,
                         .threads = 4,
                         .entry = BYTES_STR("/usr/bin/python3.11"),
                         .cwd = BYTES_STR("/"),
                         .layer_count = 1,
                         .argv_count = 2,
                         .argv = {BYTES_STR("python3.11"), BYTES_STR("/app/trips.py")}};
    m.layers[0].name = BYTES_STR("app");
    m.layers[0].size = 4096;
    memset(m.layers[0].root, 0x1a, 32);
    struct writer w = writer_of(text, sizeof text);
    struct diag d = {""};
    if (manifest_encode(&m, &w, &d) != 0) {
        fprintf(stderr, "%s\n", d.text);
        abort();
    }
    return BYTES(text, w.size);
}

struct bytes forge_claims(void)
{
    static uint8_t text[CLAIMS_SIZE_MAX];
    struct run_claims c = {.nonce = BYTES_STR("fresh"), .input_count = 1, .output_count = 1};
    c.inputs[0].name = BYTES_STR("day");
    c.outputs[0].name = BYTES_STR("summary");
    SHA256((const uint8_t *)"input", 5, c.inputs[0].sha256);
    SHA256((const uint8_t *)"output", 6, c.outputs[0].sha256);
    struct writer w = writer_of(text, sizeof text);
    struct diag d = {""};
    if (run_claims_encode(&c, &w, &d) != 0) {
        fprintf(stderr, "%s\n", d.text);
        abort();
    }
    return BYTES(text, w.size);
}

static struct bytes view(const struct forge_part *p)
{
    return BYTES(p->data, p->size);
}

size_t forge_evidence(const struct forge_spec *s, const struct forge_output *o, uint8_t *ret,
                      size_t capacity)
{
    struct evidence e = {.quote = view(&o->quote),
                         .claims = s->claims,
                         .manifest = s->manifest,
                         .collateral = {.tcb_info = view(&o->tcb_info),
                                        .tcb_chain = view(&o->tcb_chain),
                                        .qe_identity = view(&o->qe_identity),
                                        .qe_chain = view(&o->qe_chain),
                                        .pck_crl = view(&o->pck_crl),
                                        .pck_crl_chain = view(&o->pck_crl_chain),
                                        .root_crl = view(&o->root_crl)}};
    struct writer w = writer_of(ret, capacity);
    struct diag d = {""};
    if (evidence_encode(&e, &w, &d) != 0) {
        fprintf(stderr, "%s\n", d.text);
        abort();
    }
    return w.size;
}
