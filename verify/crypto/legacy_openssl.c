/* SPDX-License-Identifier: Apache-2.0 */
/* crypto.h by OpenSSL 3. Signatures go through its EC_KEY interface, which 3.0 calls deprecated:
 * with EVP, making a key from 64 bytes costs more than the verification that it is for. X.509 is
 * parsed by OpenSSL, but never judged by it: its path building has policies that are not ours.
 *
 * An adversary chooses every byte. OpenSSL reads BER, so that the outer shape of certificates and
 * lists is checked by the strict reader too, and what is hashed are the exact bytes. */
#define OPENSSL_API_COMPAT 10101
#include "crypto/legacy.h"
#include "x509/civil.h"
#include "x509/der.h"
#include "verify/limits.h"

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

void legacy_enter(void)
{
    (void)ERR_set_mark();
}

void legacy_leave(void)
{
    (void)ERR_pop_to_mark();
}

static EC_KEY *p256_key(const uint8_t key[P256_KEY_SIZE])
{
    uint8_t point[1 + P256_KEY_SIZE] = {POINT_CONVERSION_UNCOMPRESSED};
    __builtin_memcpy(point + 1, key, P256_KEY_SIZE);
    EC_KEY *k = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
    /* Checks that the point lies on the curve. */
    if (k != NULL && EC_KEY_oct2key(k, point, sizeof point, NULL) != 1) {
        EC_KEY_free(k);
        return NULL;
    }
    return k;
}

bool crypto_p256_key_valid(const uint8_t key[P256_KEY_SIZE])
{
    EC_KEY *k = p256_key(key);
    EC_KEY_free(k);
    return k != NULL;
}

bool crypto_p256_verify(const uint8_t key[P256_KEY_SIZE], struct bytes message,
                        const uint8_t signature[P256_SIGNATURE_SIZE])
{
    uint8_t digest[32];
    bool ok = false;
    EC_KEY *k = p256_key(key);
    ECDSA_SIG *s = ECDSA_SIG_new();
    BIGNUM *r_value = BN_bin2bn(signature, 32, NULL);
    BIGNUM *s_value = BN_bin2bn(signature + 32, 32, NULL);
    if (k != NULL && s != NULL && r_value != NULL && s_value != NULL &&
        ECDSA_SIG_set0(s, r_value, s_value) == 1) {
        r_value = s_value = NULL; /* s owns them now */
        ok = crypto_sha256(message, digest) && ECDSA_do_verify(digest, sizeof digest, s, k) == 1;
    }
    BN_free(r_value);
    BN_free(s_value);
    ECDSA_SIG_free(s);
    EC_KEY_free(k);
    return ok;
}

static bool seconds_of(const ASN1_TIME *t, int64_t *ret)
{
    struct tm tm = {0};
    if (t == NULL || ASN1_TIME_to_tm(t, &tm) != 1) {
        return false;
    }
    struct civil c = {.year = tm.tm_year + 1900,
                      .month = (unsigned)tm.tm_mon + 1,
                      .day = (unsigned)tm.tm_mday,
                      .hour = (unsigned)tm.tm_hour,
                      .minute = (unsigned)tm.tm_min,
                      .second = (unsigned)tm.tm_sec};
    return civil_seconds(&c, ret);
}

static struct bytes raw_name(const X509_NAME *name)
{
    const unsigned char *data = NULL;
    size_t size = 0;
    return X509_NAME_get0_der(name, &data, &size) == 1 ? BYTES(data, size) : (struct bytes){0};
}

/* SEQUENCE { signed bytes, algorithm, BIT STRING signature }: certificates and lists alike. */
static bool outer_shape(struct bytes der, struct bytes *ret_tbs, uint8_t ret_signature[64],
                        bool *ret_signature_ok)
{
    struct cursor c = cursor_of(der);
    struct cursor inner = cursor_of(der_take(&c, DER_SEQUENCE));
    struct bytes tbs = der_take_whole(&inner, DER_SEQUENCE);
    (void)der_take(&inner, DER_SEQUENCE);
    struct bytes signature = der_take(&inner, DER_BIT_STRING);
    if (!cursor_done(&c) || !cursor_done(&inner)) {
        return false;
    }
    uint8_t raw[96];
    *ret_tbs = tbs;
    *ret_signature_ok =
        signature.size > 1 && signature.data[0] == 0 &&
        der_ecdsa_signature(BYTES(signature.data + 1, signature.size - 1), raw) == 64;
    if (*ret_signature_ok) {
        __builtin_memcpy(ret_signature, raw, 64);
    }
    return true;
}

static bool is_ecdsa_sha256(const X509_ALGOR *inner, const X509_ALGOR *outer)
{
    const ASN1_OBJECT *object = NULL;
    X509_ALGOR_get0(&object, NULL, NULL, outer);
    return OBJ_obj2nid(object) == NID_ecdsa_with_SHA256 && X509_ALGOR_cmp(inner, outer) == 0;
}

static void read_common_name(const X509_NAME *name, char ret[COMMON_NAME_SIZE])
{
    int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
    if (at < 0 || X509_NAME_get_index_by_NID(name, NID_commonName, at) >= 0) {
        return;
    }
    const ASN1_STRING *s = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
    int type = ASN1_STRING_type(s);
    int size = ASN1_STRING_length(s);
    const unsigned char *data = ASN1_STRING_get0_data(s);
    bool ascii_kind = type == V_ASN1_UTF8STRING || type == V_ASN1_PRINTABLESTRING;
    if (!ascii_kind || size <= 0 || size >= COMMON_NAME_SIZE) {
        return;
    }
    for (int i = 0; i < size; i++) {
        if (data[i] < 0x20 || data[i] > 0x7e) {
            return;
        }
    }
    __builtin_memcpy(ret, data, (size_t)size);
}

/* The key, if it is P-256 by name and uncompressed, and the hash of its SubjectPublicKeyInfo. */
static bool read_key(X509 *x, struct certificate *ret)
{
    /* SEQUENCE { SEQUENCE { id-ecPublicKey, prime256v1 }, BIT STRING }: the only encoding of such a
     * key, so that comparing points and comparing encodings is the same. */
    static const uint8_t prefix[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                     0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                     0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};
    ASN1_OBJECT *algorithm = NULL, *curve = NULL;
    const unsigned char *data = NULL;
    const void *parameter = NULL;
    int size = 0, type = 0;
    X509_ALGOR *algor = NULL;
    if (X509_PUBKEY_get0_param(&algorithm, &data, &size, &algor, X509_get_X509_PUBKEY(x)) != 1) {
        return false;
    }
    X509_ALGOR_get0(NULL, &type, &parameter, algor);
    if (OBJ_obj2nid(algorithm) != NID_X9_62_id_ecPublicKey || type != V_ASN1_OBJECT) {
        return false;
    }
    curve = (ASN1_OBJECT *)(uintptr_t)parameter;
    if (OBJ_obj2nid(curve) != NID_X9_62_prime256v1 || size != 1 + P256_KEY_SIZE || data[0] != 4) {
        return false;
    }
    uint8_t spki[sizeof prefix + P256_KEY_SIZE];
    __builtin_memcpy(spki, prefix, sizeof prefix);
    __builtin_memcpy(spki + sizeof prefix, data + 1, P256_KEY_SIZE);
    __builtin_memcpy(ret->key, data + 1, P256_KEY_SIZE);
    return crypto_sha256(BYTES_OF(spki), ret->spki_sha256) && crypto_p256_key_valid(ret->key);
}

static bool is_sgx_extension(const ASN1_OBJECT *object)
{
    static const uint8_t oid[] = {0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01};
    return bytes_equal(BYTES(OBJ_get0_data(object), OBJ_length(object)), BYTES_OF(oid));
}

static bool read_basic_constraints(const X509 *x, struct certificate *ret)
{
    int critical = 0;
    BASIC_CONSTRAINTS *b = X509_get_ext_d2i(x, NID_basic_constraints, &critical, NULL);
    if (b == NULL) {
        return critical == -1; /* absent is well-formed; malformed and duplicate are not */
    }
    ret->has_basic_constraints = true;
    ret->is_ca = b->ca != 0;
    BASIC_CONSTRAINTS_free(b);
    return true;
}

static bool read_key_usage(const X509 *x, struct certificate *ret)
{
    int critical = 0;
    ASN1_BIT_STRING *u = X509_get_ext_d2i(x, NID_key_usage, &critical, NULL);
    if (u == NULL) {
        return critical == -1;
    }
    ret->usage_digital_signature = ASN1_BIT_STRING_get_bit(u, 0) == 1;
    ret->usage_cert_sign = ASN1_BIT_STRING_get_bit(u, 5) == 1;
    ret->usage_crl_sign = ASN1_BIT_STRING_get_bit(u, 6) == 1;
    ASN1_BIT_STRING_free(u);
    return true;
}

static bool read_extensions(X509 *x, struct certificate *ret)
{
    bool ok = true;
    int count = X509_get_ext_count(x);
    for (int i = 0; i < count; i++) {
        X509_EXTENSION *e = X509_get_ext(x, i);
        const ASN1_OBJECT *object = X509_EXTENSION_get_object(e);
        int nid = OBJ_obj2nid(object);
        bool sgx = is_sgx_extension(object);
        bool known = sgx || nid == NID_basic_constraints || nid == NID_key_usage ||
                     nid == NID_subject_key_identifier || nid == NID_authority_key_identifier ||
                     nid == NID_crl_distribution_points;
        bool repeated = X509_get_ext_by_OBJ(x, object, i) >= 0;
        if (repeated || (!known && X509_EXTENSION_get_critical(e))) {
            ok = false;
        }
        if (sgx) {
            const ASN1_OCTET_STRING *s = X509_EXTENSION_get_data(e);
            ret->sgx_extension = BYTES(ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
        }
    }
    return read_basic_constraints(x, ret) && read_key_usage(x, ret) && ok;
}

static bool read_facts(struct bytes der, X509 *x, struct certificate *ret)
{
    bool signature_ok = false;
    if (!outer_shape(der, &ret->tbs, ret->signature, &signature_ok) ||
        !seconds_of(X509_get0_notBefore(x), &ret->not_before) ||
        !seconds_of(X509_get0_notAfter(x), &ret->not_after) || !crypto_sha256(der, ret->sha256)) {
        return false;
    }
    ret->der = der;
    ret->subject = raw_name(X509_get_subject_name(x));
    ret->issuer = raw_name(X509_get_issuer_name(x));
    const ASN1_INTEGER *serial = X509_get0_serialNumber(x);
    ret->serial = BYTES(ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial));
    read_common_name(X509_get_subject_name(x), ret->common_name);

    const X509_ALGOR *algorithm = NULL;
    X509_get0_signature(NULL, &algorithm, x);
    bool extensions_ok = read_extensions(x, ret);
    ret->profile_ok = signature_ok && X509_get_version(x) == X509_VERSION_3 &&
                      is_ecdsa_sha256(X509_get0_tbs_sigalg(x), algorithm) && read_key(x, ret) &&
                      extensions_ok;
    return true;
}

bool certificate_read(struct bytes der, struct certificate *ret)
{
    *ret = (struct certificate){0};
    if (der.size == 0 || der.size > CERTIFICATE_SIZE_MAX) {
        return false;
    }
    const unsigned char *p = der.data;
    X509 *x = d2i_X509(NULL, &p, (long)der.size);
    if (x == NULL) {
        return false;
    }
    ret->handle = x;
    if (p != der.data + der.size || !read_facts(der, x, ret)) {
        certificate_done(ret);
        return false;
    }
    return true;
}

void certificate_done(struct certificate *c)
{
    X509_free(c->handle);
    *c = (struct certificate){0};
}

/* Critical extensions change what a list means, so that none is tolerated; OpenSSL's extension
 * accessors want non-const lists. */
static bool has_critical_extension(X509_CRL *x)
{
    for (int i = 0; i < X509_CRL_get_ext_count(x); i++) {
        if (X509_EXTENSION_get_critical(X509_CRL_get_ext(x, i))) {
            return true;
        }
    }
    STACK_OF(X509_REVOKED) *revoked = X509_CRL_get_REVOKED(x);
    for (int i = 0; i < sk_X509_REVOKED_num(revoked); i++) {
        const X509_REVOKED *r = sk_X509_REVOKED_value(revoked, i);
        for (int k = 0; k < X509_REVOKED_get_ext_count(r); k++) {
            if (X509_EXTENSION_get_critical(X509_REVOKED_get_ext(r, k))) {
                return true;
            }
        }
    }
    return false;
}

bool crl_read(struct bytes der, struct crl *ret)
{
    *ret = (struct crl){0};
    if (der.size == 0 || der.size > CRL_SIZE_MAX) {
        return false;
    }
    const unsigned char *p = der.data;
    X509_CRL *x = d2i_X509_CRL(NULL, &p, (long)der.size);
    if (x == NULL) {
        return false;
    }
    ret->handle = x;
    bool signature_ok = false;
    const X509_ALGOR *algorithm = NULL;
    X509_CRL_get0_signature(x, NULL, &algorithm);
    const ASN1_OBJECT *object = NULL;
    X509_ALGOR_get0(&object, NULL, NULL, algorithm);
    bool ok =
        p == der.data + der.size && outer_shape(der, &ret->tbs, ret->signature, &signature_ok) &&
        signature_ok && X509_CRL_get_version(x) == X509_CRL_VERSION_2 &&
        OBJ_obj2nid(object) == NID_ecdsa_with_SHA256 &&
        seconds_of(X509_CRL_get0_lastUpdate(x), &ret->this_update) &&
        seconds_of(X509_CRL_get0_nextUpdate(x), &ret->next_update) && !has_critical_extension(x);
    if (!ok) {
        crl_done(ret);
        return false;
    }
    ret->issuer = raw_name(X509_CRL_get_issuer(x));
    return true;
}

void crl_done(struct crl *c)
{
    X509_CRL_free(c->handle);
    *c = (struct crl){0};
}

bool crl_lists(const struct crl *c, const struct certificate *certificate)
{
    const ASN1_INTEGER *serial = X509_get0_serialNumber(certificate->handle);
    STACK_OF(X509_REVOKED) *revoked = X509_CRL_get_REVOKED(c->handle);
    /* In order, not by X509_CRL_get0_by_serial(): that sorts the list and treats an entry
     * "removeFromCRL" as absent, which has no place in a complete list. */
    for (int i = 0; i < sk_X509_REVOKED_num(revoked); i++) {
        const X509_REVOKED *r = sk_X509_REVOKED_value(revoked, i);
        if (ASN1_INTEGER_cmp(X509_REVOKED_get0_serialNumber(r), serial) == 0) {
            return true;
        }
    }
    return false;
}
