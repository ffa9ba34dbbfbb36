/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates. The adversary chooses every byte: the reader never goes back, every length is
 * bounded by what is left, and lists by verify/limits.h. What has a wrong form makes the whole
 * certificate unreadable; what has a form that nobody here uses (a key, an algorithm, a name) is
 * left empty, and the families refuse it where they need it.
 *
 * Algorithms are compared as bytes, parameters included: each has one encoding, and two readers
 * cannot disagree about which it is. */
#include "x509/certificate.h"
#include "x509/der.h"
#include "x509/signed.h"
#include "verify/limits.h"

/* ---- What certificates and lists have in common (x509/signed.h) ---- */

#define OID_SHA384 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02
#define SHA384     0x30, 0x0d, OID_SHA384, 0x05, 0x00
#define PSS_SHA384 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a
#define PSS_PARAMETERS                                                                             \
    0xa0, 0x0f, SHA384, 0xa1, 0x1c, 0x30, 0x1a, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d,    \
        0x01, 0x01, 0x08, SHA384, 0xa2, 0x03, 0x02, 0x01, 0x30

/* AlgorithmIdentifiers, without their outer tag and length (RFC 5758, RFC 4055). */
static const uint8_t ecdsa_sha256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
static const uint8_t ecdsa_sha384[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03};
static const uint8_t pkcs1_sha256[] = {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7,
                                       0x0d, 0x01, 0x01, 0x0b, 0x05, 0x00};
static const uint8_t pkcs1_sha384[] = {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7,
                                       0x0d, 0x01, 0x01, 0x0c, 0x05, 0x00};
/* AMD writes the trailer, which is the default, in some certificates and leaves it out in others.
 */
static const uint8_t pss_sha384[] = {PSS_SHA384, 0x30, 0x34, PSS_PARAMETERS};
static const uint8_t pss_sha384_trailer[] = {PSS_SHA384, 0x30, 0x39, PSS_PARAMETERS, 0xa3, 0x03,
                                             0x02,       0x01, 0x01};

static enum signature_scheme scheme_of(struct bytes algorithm)
{
    static const struct {
        struct bytes algorithm;
        enum signature_scheme scheme;
    } known[] = {
        {BYTES_OF(ecdsa_sha256), SCHEME_ECDSA_SHA256},
        {BYTES_OF(ecdsa_sha384), SCHEME_ECDSA_SHA384},
        {BYTES_OF(pss_sha384), SCHEME_RSA_PSS_SHA384},
        {BYTES_OF(pss_sha384_trailer), SCHEME_RSA_PSS_SHA384},
        {BYTES_OF(pkcs1_sha256), SCHEME_RSA_PKCS1_SHA256},
        {BYTES_OF(pkcs1_sha384), SCHEME_RSA_PKCS1_SHA384},
    };
    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        if (bytes_equal(algorithm, known[i].algorithm)) {
            return known[i].scheme;
        }
    }
    return SCHEME_NONE;
}

bool x509_signed_read(struct bytes der, struct x509_signed *ret)
{
    struct cursor outer = cursor_of(der);
    struct cursor c = cursor_of(der_take(&outer, DER_SEQUENCE));
    ret->tbs = der_take_whole(&c, DER_SEQUENCE);
    ret->algorithm = der_take(&c, DER_SEQUENCE);
    ret->value = der_take_bits(&c);
    return cursor_done(&outer) && cursor_done(&c);
}

struct signature x509_signature(const struct x509_signed *s, struct bytes inner_algorithm,
                                uint8_t storage[96])
{
    static const struct signature none = {0};
    /* What the signature does not cover must say the same as what it covers. */
    enum signature_scheme scheme = scheme_of(s->algorithm);
    if (scheme == SCHEME_NONE || !bytes_equal(s->algorithm, inner_algorithm)) {
        return none;
    }
    if (scheme != SCHEME_ECDSA_SHA256 && scheme != SCHEME_ECDSA_SHA384) {
        return (struct signature){scheme, s->value};
    }
    size_t size = der_ecdsa_signature(s->value, storage);
    return size == 0 ? none : (struct signature){scheme, BYTES(storage, size)};
}

bool x509_next_extension(struct cursor *list, struct extension *ret)
{
    if (list->failed || list->rest.size == 0) {
        return false;
    }
    struct cursor c = cursor_of(der_take(list, DER_SEQUENCE));
    ret->oid = der_take(&c, DER_OID);
    ret->critical = der_take_default_false(&c);
    ret->value = der_take(&c, DER_OCTET_STRING);
    if (!cursor_done(&c) || ret->oid.size == 0) {
        list->failed = true;
    }
    return !list->failed;
}

/* ---- Names ---- */

static bool is_text(uint8_t tag)
{
    return tag == DER_UTF8_STRING || tag == DER_PRINTABLE_STRING || tag == DER_TELETEX_STRING ||
           tag == DER_IA5_STRING;
}

/* Printable ASCII only, in which these types of strings do not differ. */
static bool copy_text(struct bytes text, char ret[COMMON_NAME_SIZE])
{
    if (text.size == 0 || text.size >= COMMON_NAME_SIZE) {
        return false;
    }
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < 0x20 || text.data[i] > 0x7e) {
            return false;
        }
    }
    __builtin_memcpy(ret, text.data, text.size);
    return true;
}

/* Name: SEQUENCE OF SET OF SEQUENCE { type OID, value ANY }. The only common name goes to `ret`,
 * which is zero before. */
static void take_name(struct cursor *c, struct bytes *ret_name, char ret[COMMON_NAME_SIZE])
{
    static const uint8_t common_name[] = {0x55, 0x04, 0x03};
    unsigned found = 0;
    *ret_name = der_take_whole(c, DER_SEQUENCE);
    struct cursor whole = cursor_of(*ret_name);
    struct cursor names = cursor_of(der_take(&whole, DER_SEQUENCE));
    while (!names.failed && names.rest.size > 0) {
        struct cursor set = cursor_of(der_take(&names, DER_SET));
        do {
            struct cursor pair = cursor_of(der_take(&set, DER_SEQUENCE));
            struct bytes type = der_take(&pair, DER_OID);
            uint8_t tag = 0;
            struct bytes value = der_take_any(&pair, &tag);
            if (!cursor_done(&pair)) {
                names.failed = true;
            } else if (bytes_equal(type, BYTES_OF(common_name))) {
                bool taken = found++ == 0 && is_text(tag) && copy_text(value, ret);
                if (!taken) {
                    __builtin_memset(ret, 0, COMMON_NAME_SIZE);
                }
            }
        } while (!set.failed && set.rest.size > 0);
        if (set.failed) {
            names.failed = true;
        }
    }
    if (names.failed) {
        c->failed = true;
    }
}

/* ---- Keys ---- */

static struct public_key read_point(struct bytes bits, enum key_kind kind, size_t size)
{
    if (bits.size != 1 + size || bits.data[0] != 4) { /* uncompressed */
        return (struct public_key){0};
    }
    return (struct public_key){.kind = kind, .point = BYTES(bits.data + 1, size)};
}

static struct public_key read_rsa(struct bytes bits)
{
    struct cursor outer = cursor_of(bits);
    struct cursor c = cursor_of(der_take(&outer, DER_SEQUENCE));
    struct public_key key = {.kind = KEY_RSA,
                             .modulus = der_take_magnitude(&c, DER_INTEGER),
                             .exponent = der_take_magnitude(&c, DER_INTEGER)};
    if (!cursor_done(&outer) || !cursor_done(&c) || key.modulus.size < RSA_BYTES_MIN ||
        key.modulus.size > RSA_BYTES_MAX || key.modulus.data[0] < 0x80 || key.exponent.size == 0 ||
        key.exponent.size > RSA_EXPONENT_MAX) {
        return (struct public_key){0};
    }
    uint8_t last = key.exponent.data[key.exponent.size - 1];
    bool odd = (last & 1) != 0 && (key.modulus.data[key.modulus.size - 1] & 1) != 0;
    bool one = key.exponent.size == 1 && last == 1;
    return odd && !one ? key : (struct public_key){0};
}

/* SubjectPublicKeyInfo: SEQUENCE { algorithm, BIT STRING }. */
static struct public_key take_key(struct cursor *c, struct bytes *ret_spki)
{
    static const uint8_t p256[] = {0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
                                   0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
    static const uint8_t p384[] = {0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02,
                                   0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22};
    static const uint8_t rsa[] = {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7,
                                  0x0d, 0x01, 0x01, 0x01, 0x05, 0x00};
    *ret_spki = der_take_whole(c, DER_SEQUENCE);
    struct cursor outer = cursor_of(*ret_spki);
    struct cursor inner = cursor_of(der_take(&outer, DER_SEQUENCE));
    struct bytes algorithm = der_take(&inner, DER_SEQUENCE);
    struct bytes bits = der_take_bits(&inner);
    if (!cursor_done(&inner)) {
        c->failed = true;
    } else if (bytes_equal(algorithm, BYTES_OF(p256))) {
        return read_point(bits, KEY_P256, 64);
    } else if (bytes_equal(algorithm, BYTES_OF(p384))) {
        return read_point(bits, KEY_P384, 96);
    } else if (bytes_equal(algorithm, BYTES_OF(rsa))) {
        return read_rsa(bits);
    }
    return (struct public_key){0};
}

/* ---- Extensions ---- */

/* SEQUENCE { cA BOOLEAN DEFAULT FALSE, pathLenConstraint INTEGER OPTIONAL }. */
static bool read_basic_constraints(struct bytes value, struct certificate *ret)
{
    struct cursor outer = cursor_of(value);
    struct cursor c = cursor_of(der_take(&outer, DER_SEQUENCE));
    bool is_ca = der_take_default_false(&c);
    int path_length = -1;
    if (is_ca && der_peek(&c) == DER_INTEGER) {
        path_length = (int)der_take_uint(&c, DER_INTEGER, INT32_MAX);
    }
    if (!cursor_done(&outer) || !cursor_done(&c)) {
        return false;
    }
    ret->has_basic_constraints = true;
    ret->is_ca = is_ca;
    ret->path_length = path_length;
    return true;
}

/* A BIT STRING of named bits, the first one in the highest bit. Zeros at its end should be left
 * out, but real certificates have them. */
static bool read_key_usage(struct bytes value, struct certificate *ret)
{
    struct cursor outer = cursor_of(value);
    struct cursor c = cursor_of(der_take(&outer, DER_BIT_STRING));
    uint8_t unused = cursor_u8(&c);
    struct bytes bits = c.rest;
    if (!cursor_done(&outer) || c.failed || unused > 7 || bits.size < 1 || bits.size > 2 ||
        (bits.data[bits.size - 1] & ((1u << unused) - 1)) != 0) {
        return false;
    }
    ret->has_key_usage = true;
    ret->usage_digital_signature = (bits.data[0] & 0x80) != 0;
    ret->usage_cert_sign = (bits.data[0] & 0x04) != 0;
    ret->usage_crl_sign = (bits.data[0] & 0x02) != 0;
    return true;
}

static bool read_extensions(struct certificate *ret)
{
    static const uint8_t key_usage[] = {0x55, 0x1d, 0x0f}, constraints[] = {0x55, 0x1d, 0x13};
    struct bytes oids[EXTENSIONS_MAX];
    struct cursor list = cursor_of(ret->extensions);
    struct extension e;
    for (size_t count = 0; x509_next_extension(&list, &e); count++) {
        if (count == EXTENSIONS_MAX) {
            return false;
        }
        for (size_t i = 0; i < count; i++) {
            ret->repeated_extension = ret->repeated_extension || bytes_equal(oids[i], e.oid);
        }
        oids[count] = e.oid;
        bool ok = true;
        if (bytes_equal(e.oid, BYTES_OF(key_usage))) {
            ok = read_key_usage(e.value, ret);
        } else if (bytes_equal(e.oid, BYTES_OF(constraints))) {
            ok = read_basic_constraints(e.value, ret);
        } else if (e.critical) {
            ret->unknown_critical = true;
        }
        ret->malformed_extension = ret->malformed_extension || !ok;
    }
    return !list.failed;
}

bool certificate_next_extension(const struct certificate *c, size_t *at, struct extension *ret)
{
    struct cursor list = cursor_of(c->extensions);
    (void)cursor_take(&list, *at);
    if (!x509_next_extension(&list, ret)) {
        return false;
    }
    *at = c->extensions.size - list.rest.size;
    return true;
}

bool certificate_extension(const struct certificate *c, struct bytes oid, struct bytes *ret_value,
                           bool *ret_critical)
{
    struct extension e;
    for (size_t at = 0; certificate_next_extension(c, &at, &e);) {
        if (bytes_equal(e.oid, oid)) {
            *ret_value = e.value;
            *ret_critical = e.critical;
            return true;
        }
    }
    return false;
}

/* ---- The certificate ---- */

/* Version: [0] EXPLICIT INTEGER DEFAULT v1. */
static void take_version(struct cursor *c, struct certificate *ret)
{
    if (der_peek(c) != DER_CONTEXT_0) {
        return;
    }
    struct cursor version = cursor_of(der_take(c, DER_CONTEXT_0));
    uint64_t number = der_take_uint(&version, DER_INTEGER, 2);
    if (!cursor_done(&version) || number == 0) {
        c->failed = true;
    }
    ret->is_v3 = number == 2;
}

/* Unique identifiers of issuer and subject, which RFC 5280 forbids to write, are refused. */
static void take_extensions(struct cursor *c, struct certificate *ret)
{
    if (c->rest.size == 0) {
        return;
    }
    struct cursor list = cursor_of(der_take(c, DER_CONTEXT_3));
    ret->extensions = der_take(&list, DER_SEQUENCE);
    if (!cursor_done(&list) || ret->extensions.size == 0 || !read_extensions(ret)) {
        c->failed = true;
    }
}

static bool read_tbs(const struct x509_signed *s, struct certificate *ret)
{
    struct cursor outer = cursor_of(s->tbs);
    struct cursor c = cursor_of(der_take(&outer, DER_SEQUENCE));
    take_version(&c, ret);
    ret->serial = der_take_integer(&c);
    struct bytes algorithm = der_take(&c, DER_SEQUENCE);
    take_name(&c, &ret->issuer, ret->issuer_common_name);
    struct cursor validity = cursor_of(der_take(&c, DER_SEQUENCE));
    ret->not_before = der_take_time(&validity);
    ret->not_after = der_take_time(&validity);
    take_name(&c, &ret->subject, ret->common_name);
    ret->key = take_key(&c, &ret->spki);
    take_extensions(&c, ret);
    ret->signature = x509_signature(s, algorithm, ret->signature_storage);
    return cursor_done(&c) && cursor_done(&validity) && ret->serial.size <= SERIAL_SIZE_MAX;
}

bool certificate_read(struct bytes der, struct certificate *ret)
{
    struct x509_signed s;
    *ret = (struct certificate){.der = der, .path_length = -1};
    if (der.size > CERTIFICATE_SIZE_MAX || !x509_signed_read(der, &s) || !read_tbs(&s, ret) ||
        !crypto_sha256(ret->spki, ret->spki_sha256) || !crypto_sha256(der, ret->sha256)) {
        *ret = (struct certificate){0};
        return false;
    }
    ret->tbs = s.tbs;
    return true;
}
