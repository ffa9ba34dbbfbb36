/* SPDX-License-Identifier: Apache-2.0 */
/* Forges AMD's evidence for tests; see amd.h. Never part of anything that is installed. */
#include "forge/amd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#define YEAR INT64_C(31536000)
#define DAY  INT64_C(86400)

const uint8_t forge_guid_vcek[16] = {0x63, 0xda, 0x75, 0x8d, 0xe6, 0x64, 0x45, 0x64,
                                     0xad, 0xc5, 0xf4, 0xb9, 0x3b, 0xe8, 0xac, 0xcd};
const uint8_t forge_guid_vlek[16] = {0xa8, 0x07, 0x4b, 0xc2, 0xa2, 0x5a, 0x48, 0x3e,
                                     0xaa, 0xe6, 0x39, 0xc0, 0x45, 0xa0, 0xb8, 0xa1};
const uint8_t forge_guid_ask[16] = {0x4a, 0xb7, 0xb3, 0x79, 0xbb, 0xac, 0x4f, 0xe4,
                                    0xa0, 0x2f, 0x05, 0xae, 0xf3, 0x27, 0xc7, 0x82};
const uint8_t forge_guid_ark[16] = {0xc0, 0xb4, 0x06, 0xa4, 0xa8, 0x03, 0x49, 0x52,
                                    0x97, 0x43, 0x3f, 0xb6, 0x01, 0x4c, 0xd0, 0xae};
const uint8_t forge_guid_crl[16] = {0x92, 0xf8, 0x1b, 0xc3, 0x58, 0x11, 0x4d, 0x3d,
                                    0x97, 0xff, 0xd1, 0x9f, 0x88, 0xdc, 0x67, 0xea};

static EVP_PKEY *key_of(enum forge_amd_key which)
{
    static EVP_PKEY *keys[AMD_KEYS];
    if (keys[which] == NULL) {
        keys[which] = which >= AMD_KEY_VEK ? EVP_EC_gen("P-384") : EVP_RSA_gen(2048);
        REQUIRE(keys[which] != NULL);
    }
    return keys[which];
}

static void put(struct forge_amd_part *p, const void *data, size_t size)
{
    REQUIRE(p->size + size <= sizeof p->data);
    if (size > 0) {
        memcpy(p->data + p->size, data, size);
    }
    p->size += size;
}

/* ---- certificates and the list ---- */

static void put_name(X509_NAME *name, const char *common_name)
{
    REQUIRE(X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8,
                                       (const uint8_t *)"Advanced Micro Devices", -1, -1, 0) == 1);
    REQUIRE(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)common_name, -1,
                                       -1, 0) == 1);
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

/* Short values with one tag. */
static void add_tagged(X509 *x, const char *oid, uint8_t tag, struct bytes value)
{
    uint8_t text[128] = {tag, (uint8_t)value.size};
    REQUIRE(value.size < 100);
    memcpy(text + 2, value.data, value.size);
    add_raw(x, oid, false, BYTES(text, value.size + 2));
}

static void add_component(X509 *x, const struct forge_vek *v, int arc)
{
    char oid[40];
    int value = v->component[arc];
    uint8_t bytes[5] = {(uint8_t)(value >> 8), (uint8_t)value, 0x02, 0x01, 0x00};
    size_t from = value < 0x80 ? 1 : 0;
    snprintf(oid, sizeof oid, "1.3.6.1.4.1.3704.1.3.%d", arc);
    add_tagged(x, oid, 0x02, BYTES(bytes + from, 2 - from));
    if (v->component_two_integers && arc == 8) {
        uint8_t text[8] = {0x02, (uint8_t)(2 - from)};
        memcpy(text + 2, bytes + from, 5 - from);
        X509_EXTENSION *last = X509_delete_ext(x, X509_get_ext_count(x) - 1);
        X509_EXTENSION_free(last);
        add_raw(x, oid, false, BYTES(text, 7 - from));
    }
}

static void add_ids(X509 *x, const struct forge_vek *v)
{
    uint8_t version = (uint8_t)v->struct_version;
    if (v->struct_version >= 0) {
        add_tagged(x, "1.3.6.1.4.1.3704.1.1", 0x02, BYTES(&version, 1));
    }
    if (v->product_name != NULL) {
        uint8_t text[64] = {v->product_tag != 0 ? v->product_tag : 0x16};
        size_t size = strlen(v->product_name);
        REQUIRE(size < sizeof text - 2);
        text[1] = (uint8_t)((int)size + v->product_slack);
        memcpy(text + 2, v->product_name, size);
        add_raw(x, "1.3.6.1.4.1.3704.1.2", false, BYTES(text, size + 2));
    }
    for (int arc = v->component[0] != 0 ? 0 : 1; arc <= 9; arc++) {
        if (v->component[arc] >= 0) {
            add_component(x, v, arc);
        }
    }
    if (v->repeated) {
        add_component(x, v, 8);
    }
    if (v->hwid_size > 0 && v->hwid_tagged) {
        add_tagged(x, "1.3.6.1.4.1.3704.1.4", 0x04, BYTES(v->hwid, v->hwid_size));
    } else if (v->hwid_size > 0) {
        add_raw(x, "1.3.6.1.4.1.3704.1.4", false, BYTES(v->hwid, v->hwid_size));
    }
    if (v->csp_id != NULL) {
        add_tagged(x, "1.3.6.1.4.1.3704.1.5", 0x16, BYTES(v->csp_id, strlen(v->csp_id)));
    }
    if (v->unknown_arc) {
        add_tagged(x, "1.3.6.1.4.1.3704.1.7", 0x02, BYTES("", 1));
    }
    if (v->empty_value) {
        add_raw(x, "1.3.6.1.4.1.3704.1.2", false, BYTES("", 0));
    }
    if (v->strange_arc) {
        add_tagged(x, "1.3.6.1.4.1.3704.1.4.1", 0x02, BYTES("", 1));
    }
    if (v->foreign) {
        add_tagged(x, "1.2.840.113549.1.9.15", 0x02, BYTES("", 1));
    }
    if (v->bare_arc) {
        add_tagged(x, "1.3.6.1.4.1.3704.1.3", 0x02, BYTES("", 1));
    }
    if (v->deep_arc) {
        add_tagged(x, "1.3.6.1.4.1.3704.1.3.10", 0x02, BYTES("", 1));
    }
}

static EVP_MD_CTX *signer(enum forge_amd_key which, bool pkcs1, bool sha256)
{
    EVP_PKEY_CTX *p = NULL;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    const EVP_MD *md = sha256 ? EVP_sha256() : EVP_sha384();
    REQUIRE(EVP_DigestSignInit(ctx, &p, md, NULL, key_of(which)) == 1);
    if (!pkcs1) {
        REQUIRE(EVP_PKEY_CTX_set_rsa_padding(p, RSA_PKCS1_PSS_PADDING) == 1 &&
                EVP_PKEY_CTX_set_rsa_pss_saltlen(p, sha256 ? 32 : 48) == 1 &&
                EVP_PKEY_CTX_set_rsa_mgf1_md(p, md) == 1);
    }
    return ctx;
}

static void add_extensions(const struct forge_amd_cert *c, const struct forge_vek *ids, X509 *x)
{
    char usage[64], constraints[64];
    snprintf(usage, sizeof usage, "critical%s%s%s",
             c->usage & AMD_USAGE_SIGNATURE ? ",digitalSignature" : "",
             c->usage & AMD_USAGE_CERT ? ",keyCertSign" : "",
             c->usage & AMD_USAGE_CRL ? ",cRLSign" : "");
    if (c->usage != 0) {
        add_known(x, NID_key_usage, usage);
    }
    snprintf(constraints, sizeof constraints, "critical,CA:%s", c->is_ca ? "TRUE" : "FALSE");
    if (c->path_length >= 0) {
        snprintf(constraints, sizeof constraints, "critical,CA:TRUE,pathlen:%d", c->path_length);
    }
    if (!c->no_constraints) {
        add_known(x, NID_basic_constraints, constraints);
    }
    if (c->malformed) {
        add_raw(x, "2.5.29.19", true, BYTES_STR("\x30\x01"));
    }
    if (c->unknown_critical) {
        add_raw(x, "1.2.3.4.5", true, BYTES_STR("\x05\x00"));
    }
    if (ids != NULL) {
        add_ids(x, ids);
    }
}

static void put_certificate(const struct forge_amd_cert *c, const struct forge_vek *ids,
                            struct forge_amd_part *pem, struct forge_amd_part *der)
{
    X509 *x = X509_new();
    EVP_PKEY *key = c->p256_key ? EVP_EC_gen("P-256") : key_of(c->key);
    REQUIRE(X509_set_version(x, c->version1 ? X509_VERSION_1 : X509_VERSION_3) == 1);
    REQUIRE(ASN1_INTEGER_set(X509_get_serialNumber(x), c->serial) == 1);
    put_name(X509_get_subject_name(x), c->subject);
    put_name(X509_get_issuer_name(x), c->issuer);
    REQUIRE(ASN1_TIME_set(X509_getm_notBefore(x), (time_t)c->from) != NULL);
    REQUIRE(ASN1_TIME_set(X509_getm_notAfter(x), (time_t)c->until) != NULL);
    REQUIRE(X509_set_pubkey(x, key) == 1);
    if (!c->version1) {
        add_extensions(c, ids, x);
    }
    EVP_MD_CTX *ctx = signer(c->issuer_key, c->pkcs1, c->sha256);
    REQUIRE(X509_sign_ctx(x, ctx) > 0);
    EVP_MD_CTX_free(ctx);
    if (c->p256_key) {
        EVP_PKEY_free(key);
    }
    BIO *b = BIO_new(BIO_s_mem());
    char *text = NULL;
    REQUIRE(PEM_write_bio_X509(b, x) == 1);
    size_t size = (size_t)BIO_get_mem_data(b, &text);
    put(pem, text, size);
    BIO_free(b);
    if (der != NULL) {
        uint8_t *raw = NULL;
        int n = i2d_X509(x, &raw);
        REQUIRE(n > 0);
        put(der, raw, (size_t)n);
        OPENSSL_free(raw);
    }
    X509_free(x);
}

static void add_revoked(X509_CRL *x, const struct forge_amd_crl *c)
{
    X509_REVOKED *r = X509_REVOKED_new();
    ASN1_INTEGER *serial = ASN1_INTEGER_new();
    ASN1_TIME *when = ASN1_TIME_set(NULL, (time_t)(FORGE_AMD_NOW - DAY));
    REQUIRE(ASN1_INTEGER_set(serial, c->revoked_serial) == 1 && when != NULL &&
            X509_REVOKED_set_serialNumber(r, serial) == 1 &&
            X509_REVOKED_set_revocationDate(r, when) == 1 && X509_CRL_add0_revoked(x, r) == 1);
    ASN1_INTEGER_free(serial);
    ASN1_TIME_free(when);
}

static void put_crl(const struct forge_amd_crl *c, struct forge_amd_part *der)
{
    X509_CRL *x = X509_CRL_new();
    X509_NAME *issuer = X509_NAME_new();
    ASN1_TIME *from = ASN1_TIME_set(NULL, (time_t)c->from);
    ASN1_TIME *until = ASN1_TIME_set(NULL, (time_t)c->until);
    put_name(issuer, c->issuer);
    REQUIRE(X509_CRL_set_version(x, X509_CRL_VERSION_2) == 1 &&
            X509_CRL_set_issuer_name(x, issuer) == 1 && X509_CRL_set1_lastUpdate(x, from) == 1 &&
            X509_CRL_set1_nextUpdate(x, until) == 1);
    if (c->revoked_serial != 0) {
        add_revoked(x, c);
    }
    X509_EXTENSION *number = raw_extension("2.5.29.20", false, BYTES_STR("\x02\x01\x07"));
    REQUIRE(X509_CRL_add_ext(x, number, -1) == 1);
    X509_EXTENSION_free(number);
    if (c->critical_extension) {
        X509_EXTENSION *e = raw_extension("1.2.3.4.5", true, BYTES_STR("\x05\x00"));
        REQUIRE(X509_CRL_add_ext(x, e, -1) == 1);
        X509_EXTENSION_free(e);
    }
    EVP_MD_CTX *ctx = signer(c->key, c->pkcs1, false);
    REQUIRE(X509_CRL_sign_ctx(x, ctx) > 0);
    EVP_MD_CTX_free(ctx);
    uint8_t *raw = NULL;
    int n = i2d_X509_CRL(x, &raw);
    REQUIRE(n > 0);
    put(der, raw, (size_t)n);
    OPENSSL_free(raw);
    ASN1_TIME_free(from);
    ASN1_TIME_free(until);
    X509_NAME_free(issuer);
    X509_CRL_free(x);
}

/* ---- the report ---- */

void forge_amd_tcb(struct forge_amd_spec *s, size_t at, enum alcove_snp_product product,
                   const struct alcove_snp_tcb *tcb)
{
    uint8_t *p = s->report + at;
    memset(p, 0, 8);
    if (product == ALCOVE_SNP_TURIN) {
        p[0] = tcb->fmc;
        p[1] = tcb->bootloader;
        p[2] = tcb->tee;
        p[3] = tcb->snp;
    } else {
        p[0] = tcb->bootloader;
        p[1] = tcb->tee;
        p[6] = tcb->snp;
    }
    p[7] = tcb->microcode;
}

static void sign_report(struct forge_amd_spec *s)
{
    uint8_t der[160], number[48];
    size_t size = sizeof der;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    REQUIRE(EVP_DigestSignInit(ctx, NULL, EVP_sha384(), NULL, key_of(s->report_key)) == 1);
    REQUIRE(EVP_DigestSign(ctx, der, &size, s->report, SNP_AT_SIGNATURE) == 1);
    EVP_MD_CTX_free(ctx);
    const unsigned char *p = der;
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)size);
    REQUIRE(sig != NULL);
    const BIGNUM *both[2] = {ECDSA_SIG_get0_r(sig), ECDSA_SIG_get0_s(sig)};
    for (size_t n = 0; n < 2; n++) {
        REQUIRE(BN_bn2binpad(both[n], number, 48) == 48);
        for (size_t i = 0; i < 48; i++) {
            s->report[SNP_AT_SIGNATURE + 72 * n + i] = number[47 - i];
        }
    }
    ECDSA_SIG_free(sig);
}

static void default_report(struct forge_amd_spec *s, enum alcove_snp_product product,
                           uint32_t version, bool is_vlek)
{
    static const uint8_t processors[][3] = {
        [ALCOVE_SNP_MILAN] = {0x19, 0x01, 1},
        [ALCOVE_SNP_GENOA] = {0x19, 0x11, 1},
        [ALCOVE_SNP_TURIN] = {0x1a, 0x02, 1},
    };
    struct alcove_snp_tcb reported = {4, 0, 23, 210, 0}, current = {4, 0, 24, 210, 0};
    uint8_t *r = s->report;
    if (product == ALCOVE_SNP_TURIN) {
        reported.fmc = current.fmc = 1;
    }
    memset(r, 0, SNP_SIZE);
    store_le32(r + SNP_AT_VERSION, version);
    store_le32(r + 0x04, 1);
    store_le64(r + SNP_AT_POLICY, 0x3001f);
    memset(r + 0x10, 0xf1, 16);
    memset(r + 0x20, 0x11, 16);
    store_le32(r + SNP_AT_ALGORITHM, 1);
    store_le64(r + SNP_AT_PLATFORM_INFO, 0x25);
    store_le32(r + SNP_AT_FLAGS, is_vlek ? 4 : 0);
    memset(r + SNP_AT_REPORT_DATA, 0xd1, 64);
    memset(r + SNP_AT_MEASUREMENT, 0x3e, 48);
    memset(r + SNP_AT_HOST_DATA, 0x4d, 32);
    memset(r + 0x140, 0x1d, 32);
    memset(r + 0x160, 0xff, 32);
    forge_amd_tcb(s, SNP_AT_CURRENT_TCB, product, &current);
    forge_amd_tcb(s, SNP_AT_REPORTED_TCB, product, &reported);
    forge_amd_tcb(s, SNP_AT_COMMITTED_TCB, product, &current);
    forge_amd_tcb(s, SNP_AT_LAUNCH_TCB, product, &current);
    if (version >= 3) {
        memcpy(r + SNP_AT_FAMILY, processors[product], 3);
    }
    memset(r + SNP_AT_CHIP_ID, 0xc1, product == ALCOVE_SNP_TURIN ? 8 : 64);
    memcpy(r + 0x1e8, "\x31\x37\x01", 3);
    memcpy(r + 0x1ec, "\x31\x37\x01", 3);
    if (version >= 5) {
        r[0x1f8] = r[0x200] = 0x0b;
    }
}

static void default_ids(struct forge_vek *v, enum alcove_snp_product product, bool is_vlek)
{
    bool turin = product == ALCOVE_SNP_TURIN;
    static const char *const names[] = {[ALCOVE_SNP_MILAN] = "Milan-B0",
                                        [ALCOVE_SNP_GENOA] = "Genoa",
                                        [ALCOVE_SNP_TURIN] = "Turin"};
    *v = (struct forge_vek){.component = {[1] = 4, [3] = 23, [8] = 210}};
    v->struct_version = turin ? 1 : 0;
    v->product_name = names[product];
    v->component[4] = turin ? -1 : 0;
    v->component[9] = turin ? 1 : -1;
    v->hwid_size = is_vlek ? 0 : turin ? 8 : 64;
    memset(v->hwid, 0xc1, sizeof v->hwid);
    v->csp_id = is_vlek ? "CN=cc-us-east-2.example.com" : NULL;
}

static const char runtime_default[] =
    "{\"keys\":[{\"kid\":\"HCLAkPub\",\"key_ops\":[\"sign\"],\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":"
    "\"%s\"},{\"kid\":\"HCLEkPub\",\"key_ops\":[\"encrypt\"],\"kty\":\"RSA\",\"e\":\"AQAB\","
    "\"n\":\"AQAB\"}],\"vm-configuration\":{\"secure-boot\":true,\"tpm-enabled\":true},"
    "\"user-data\":\"00\"}";

static void default_hcl(struct forge_hcl *h)
{
    char n[343];
    memset(n, 'p', sizeof n); /* 256 bytes of a6 9a 69 … take 342 letters; the last one is 'w' */
    n[341] = 'w';
    n[342] = 0;
    int size = snprintf(h->runtime, sizeof h->runtime, runtime_default, n);
    REQUIRE(size > 0 && (size_t)size < sizeof h->runtime);
    h->version = 2;
    h->request_type = 2;
    h->data_version = 1;
    h->report_type = 2;
    h->hash_type = 1;
    h->padding = 254;
}

void forge_amd_defaults(struct forge_amd_spec *ret, enum alcove_snp_product product,
                        uint32_t version, bool is_vlek)
{
    static const char *const ark[] = {[ALCOVE_SNP_MILAN] = "ARK-Milan",
                                      [ALCOVE_SNP_GENOA] = "ARK-Genoa",
                                      [ALCOVE_SNP_TURIN] = "ARK-Turin"};
    static const char *const ask[][2] = {[ALCOVE_SNP_MILAN] = {"SEV-Milan", "SEV-VLEK-Milan"},
                                         [ALCOVE_SNP_GENOA] = {"SEV-Genoa", "SEV-VLEK-Genoa"},
                                         [ALCOVE_SNP_TURIN] = {"SEV-Turin", "SEV-VLEK-Turin"}};
    int64_t now = FORGE_AMD_NOW;
    *ret = (struct forge_amd_spec){
        .ark = {.subject = ark[product],
                .issuer = ark[product],
                .key = AMD_KEY_ARK,
                .issuer_key = AMD_KEY_ARK,
                .serial = 65536,
                .from = now - 5 * YEAR,
                .until = now + 20 * YEAR,
                .is_ca = true,
                .path_length = -1,
                .usage = AMD_USAGE_CERT | AMD_USAGE_CRL},
        .ask = {.subject = ask[product][is_vlek],
                .issuer = ark[product],
                .key = AMD_KEY_ASK,
                .issuer_key = AMD_KEY_ARK,
                .serial = 65537,
                .from = now - 5 * YEAR,
                .until = now + 20 * YEAR,
                .is_ca = true,
                .path_length = 0,
                .usage = AMD_USAGE_CERT},
        .vek = {.subject = is_vlek ? "SEV-VLEK" : "SEV-VCEK",
                .issuer = ask[product][is_vlek],
                .key = AMD_KEY_VEK,
                .issuer_key = AMD_KEY_ASK,
                .serial = 0,
                .from = now - YEAR,
                .until = now + 6 * YEAR,
                .no_constraints = true,
                .path_length = -1},
        .crl = {.issuer = ark[product],
                .key = AMD_KEY_ARK,
                .from = now - 30 * DAY,
                .until = now + 335 * DAY},
        .report_key = AMD_KEY_VEK,
    };
    default_ids(&ret->ids, product, is_vlek);
    default_report(ret, product, version, is_vlek);
    default_hcl(&ret->hcl);
}

/* ---- Azure ---- */

static void put_le32(struct forge_amd_part *p, uint32_t value)
{
    uint8_t raw[4];
    store_le32(raw, value);
    put(p, raw, sizeof raw);
}

void forge_amd_bind(struct forge_amd_spec *s)
{
    const uint8_t *text = (const uint8_t *)s->hcl.runtime;
    size_t size = strlen(s->hcl.runtime);
    uint8_t *data = s->report + SNP_AT_REPORT_DATA;
    memset(data, 0, 64);
    if (s->hcl.hash_type == 2) {
        SHA384(text, size, data);
    } else if (s->hcl.hash_type == 3) {
        SHA512(text, size, data);
    } else {
        SHA256(text, size, data);
    }
}

static void put_hcl(const struct forge_amd_spec *s, struct forge_amd_part *out)
{
    const struct forge_hcl *h = &s->hcl;
    uint32_t length = (uint32_t)strlen(h->runtime);
    static const uint8_t zeros[4096];
    put(out, "HCLA", 4);
    put_le32(out, h->version);
    put_le32(out, 32 + SNP_SIZE + 20 + length + (uint32_t)h->size_slack);
    put_le32(out, h->request_type);
    put_le32(out, h->status);
    put_le32(out, h->reserved);
    put(out, zeros, 8);
    put(out, s->report, SNP_SIZE);
    put_le32(out, 20 + length + (uint32_t)h->data_size_slack);
    put_le32(out, h->data_version);
    put_le32(out, h->report_type);
    put_le32(out, h->hash_type);
    put_le32(out, length + (uint32_t)h->length_slack);
    put(out, h->runtime, length);
    put(out, zeros, h->padding);
}

/* ---- all of it ---- */

void forge_cert_table(const struct forge_table_entry *entries, size_t count,
                      struct forge_amd_part *ret)
{
    static const uint8_t zeros[24];
    size_t offset = 24 * (count + 1);
    ret->size = 0;
    for (size_t i = 0; i < count; i++) {
        put(ret, entries[i].guid, 16);
        put_le32(ret, (uint32_t)offset);
        put_le32(ret, (uint32_t)entries[i].content.size);
        offset += entries[i].content.size;
    }
    put(ret, zeros, sizeof zeros);
    for (size_t i = 0; i < count; i++) {
        put(ret, entries[i].content.data, entries[i].content.size);
    }
}

static struct bytes view(const struct forge_amd_part *p)
{
    return BYTES(p->data, p->size);
}

static void hash_key(enum forge_amd_key which, uint8_t ret[32])
{
    uint8_t *spki = NULL;
    int n = i2d_PUBKEY(key_of(which), &spki);
    REQUIRE(n > 0);
    SHA256(spki, (size_t)n, ret);
    OPENSSL_free(spki);
}

void forge_amd_build(struct forge_amd_spec *s, struct forge_amd_output *ret)
{
    *ret = (struct forge_amd_output){0};
    if (s->wrap && !s->hcl.not_bound) {
        forge_amd_bind(s);
    }
    sign_report(s);
    if (s->wrap) {
        put_hcl(s, &ret->evidence);
    } else {
        put(&ret->evidence, s->report, sizeof s->report);
    }
    put_certificate(&s->vek, &s->ids, &ret->vek_pem, &ret->vek);
    put_certificate(&s->ask, NULL, &ret->ask_pem, NULL);
    put_certificate(&s->ark, NULL, &ret->ark_pem, NULL);
    put(&ret->chain, ret->ask_pem.data, ret->ask_pem.size);
    put(&ret->chain, ret->ark_pem.data, ret->ark_pem.size);
    put_crl(&s->crl, &ret->crl);
    bool is_vlek = strcmp(s->vek.subject, "SEV-VLEK") == 0;
    struct forge_table_entry entries[] = {
        {forge_guid_ark, view(&ret->ark_pem)},
        {forge_guid_ask, view(&ret->ask_pem)},
        {is_vlek ? forge_guid_vlek : forge_guid_vcek, view(&ret->vek)},
        {forge_guid_crl, view(&ret->crl)}};
    forge_cert_table(entries, ARRAY_SIZE(entries), &ret->table);
    hash_key(AMD_KEY_ARK, ret->root.spki_sha256);
    hash_key(AMD_KEY_ASK, ret->ask_spki_sha256);
}

static struct alcove_bytes lend(const struct forge_amd_part *p)
{
    return (struct alcove_bytes){p->data, p->size};
}

struct alcove_collateral forge_amd_collateral(const struct forge_amd_output *o)
{
    return (struct alcove_collateral){
        .amd_vek = lend(&o->vek), .amd_chain = lend(&o->chain), .amd_crl = lend(&o->crl)};
}

struct alcove_policy forge_amd_policy(const struct forge_amd_output *o)
{
    struct alcove_policy p = alcove_policy_strict();
    p.roots = &o->root;
    p.root_count = 1;
    p.report_data.mode = p.snp_measurement.mode = p.snp_host_data.mode = ALCOVE_EXPECT_VALUE;
    memset(p.report_data.value, 0xd1, 64);
    memset(p.snp_measurement.value, 0x3e, 48);
    memset(p.snp_host_data.value, 0x4d, 32);
    p.snp_vmpl.mode = ALCOVE_EXPECT_VALUE;
    p.snp_min_tcb.mode = ALCOVE_EXPECT_VALUE;
    p.snp_min_tcb.minimum = (struct alcove_snp_tcb){4, 0, 23, 210, 0};
    return p;
}
