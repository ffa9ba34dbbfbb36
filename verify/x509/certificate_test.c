/* SPDX-License-Identifier: Apache-2.0 */
/* The reader of certificates and lists against OpenSSL's, over everything that is forged and
 * everything real that is at hand: same facts, same signatures. And against certificates that are
 * taken apart and put together wrong: what is no DER, or no X.509, is not read. certificate_test
 * SHARED    the collection in SHARED/evidence; $ALCOVE_SHARED wins */
#define OPENSSL_API_COMPAT 10101
#include "forge/aws.h"
#include "forge/forge.h"
#include "forge/ratls.h"
#include "x509/crl.h"
#include "x509/der.h"
#include "x509/pem.h"

#include "tests/tap.h"

#include <ftw.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

/* ---- OpenSSL's opinion ---- */

static bool same_time(const ASN1_TIME *theirs, int64_t ours)
{
    time_t t = (time_t)ours;
    return ASN1_TIME_cmp_time_t(theirs, t) == 0;
}

static bool same_name(const X509_NAME *theirs, struct bytes ours)
{
    const unsigned char *data = NULL;
    size_t size = 0;
    return X509_NAME_get0_der(theirs, &data, &size) == 1 && bytes_equal(BYTES(data, size), ours);
}

static bool same_common_name(const X509_NAME *theirs, const char *ours)
{
    char text[COMMON_NAME_SIZE] = "";
    int at = X509_NAME_get_index_by_NID(theirs, NID_commonName, -1);
    if (at < 0 || X509_NAME_get_index_by_NID(theirs, NID_commonName, at) >= 0) {
        return ours[0] == 0;
    }
    (void)X509_NAME_get_text_by_NID(theirs, NID_commonName, text, sizeof text);
    return strcmp(text, ours) == 0;
}

static bool same_serial(const ASN1_INTEGER *theirs, struct bytes ours)
{
    unsigned char text[64], *p = text;
    int size = i2d_ASN1_INTEGER((ASN1_INTEGER *)(uintptr_t)theirs, NULL);
    if (size < 2 || size > (int)sizeof text) {
        return false;
    }
    (void)i2d_ASN1_INTEGER((ASN1_INTEGER *)(uintptr_t)theirs, &p);
    return bytes_equal(BYTES(text + 2, (size_t)size - 2), ours);
}

static bool same_number(const BIGNUM *theirs, struct bytes ours)
{
    unsigned char text[RSA_BYTES_MAX];
    return (size_t)BN_num_bytes(theirs) == ours.size && ours.size <= sizeof text &&
           BN_bn2bin(theirs, text) == (int)ours.size && memcmp(text, ours.data, ours.size) == 0;
}

static bool same_point(const EC_KEY *theirs, struct bytes ours)
{
    unsigned char text[128];
    size_t size = EC_POINT_point2oct(EC_KEY_get0_group(theirs), EC_KEY_get0_public_key(theirs),
                                     POINT_CONVERSION_UNCOMPRESSED, text, sizeof text, NULL);
    return size > 0 && bytes_equal(BYTES(text + 1, size - 1), ours);
}

static bool same_key(X509 *x, const struct certificate *c)
{
    EVP_PKEY *key = X509_get0_pubkey(x);
    int kind = key ? EVP_PKEY_base_id(key) : 0;
    if (kind == EVP_PKEY_EC) {
        const EC_KEY *ec = EVP_PKEY_get0_EC_KEY(key);
        int curve = EC_GROUP_get_curve_name(EC_KEY_get0_group(ec));
        enum key_kind expected = curve == NID_X9_62_prime256v1 ? KEY_P256
                                 : curve == NID_secp384r1      ? KEY_P384
                                                               : KEY_NONE;
        return c->key.kind == expected && (expected == KEY_NONE || same_point(ec, c->key.point));
    }
    if (kind == EVP_PKEY_RSA) {
        const RSA *rsa = EVP_PKEY_get0_RSA(key);
        return c->key.kind == KEY_RSA && same_number(RSA_get0_n(rsa), c->key.modulus) &&
               same_number(RSA_get0_e(rsa), c->key.exponent);
    }
    return c->key.kind == KEY_NONE;
}

/* ECDSA with NULL for parameters, which OpenSSL takes and mbed TLS writes, is no algorithm here. */
static bool same_scheme(const X509_ALGOR *theirs, enum signature_scheme scheme)
{
    const ASN1_OBJECT *object = NULL;
    int parameters = 0;
    X509_ALGOR_get0(&object, &parameters, NULL, theirs);
    int nid = OBJ_obj2nid(object);
    bool ecdsa = nid == NID_ecdsa_with_SHA256 || nid == NID_ecdsa_with_SHA384;
    if (ecdsa && parameters != V_ASN1_UNDEF) {
        return scheme == SCHEME_NONE;
    }
    switch (nid) {
    case NID_ecdsa_with_SHA256:
        return scheme == SCHEME_ECDSA_SHA256;
    case NID_ecdsa_with_SHA384:
        return scheme == SCHEME_ECDSA_SHA384;
    case NID_sha256WithRSAEncryption:
        return scheme == SCHEME_RSA_PKCS1_SHA256;
    case NID_sha384WithRSAEncryption:
        return scheme == SCHEME_RSA_PKCS1_SHA384;
    case NID_rsassaPss:
        return scheme == SCHEME_RSA_PSS_SHA384;
    default:
        return scheme == SCHEME_NONE;
    }
}

static bool same_extensions(const X509 *x, const struct certificate *c)
{
    int count = 0;
    struct extension e;
    for (size_t at = 0; certificate_next_extension(c, &at, &e); count++) {
        X509_EXTENSION *theirs = X509_get_ext(x, count);
        if (theirs == NULL) {
            return false;
        }
        const ASN1_OBJECT *o = X509_EXTENSION_get_object(theirs);
        const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(theirs);
        if (!bytes_equal(BYTES(OBJ_get0_data(o), OBJ_length(o)), e.oid) ||
            !bytes_equal(BYTES(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value)),
                         e.value) ||
            e.critical != (X509_EXTENSION_get_critical(theirs) != 0)) {
            return false;
        }
    }
    return count == X509_get_ext_count(x);
}

static bool same_roles(X509 *x, const struct certificate *c)
{
    uint32_t flags = X509_get_extension_flags(x), usage = X509_get_key_usage(x);
    long path = X509_get_pathlen(x);
    bool constrained = (flags & EXFLAG_BCONS) != 0, used = (flags & EXFLAG_KUSAGE) != 0;
    bool same = c->has_basic_constraints == constrained && c->has_key_usage == used &&
                c->is_ca == (constrained && (flags & EXFLAG_CA) != 0) && c->path_length == path;
    if (used) {
        same = same && c->usage_digital_signature == ((usage & KU_DIGITAL_SIGNATURE) != 0) &&
               c->usage_cert_sign == ((usage & KU_KEY_CERT_SIGN) != 0) &&
               c->usage_crl_sign == ((usage & KU_CRL_SIGN) != 0);
    }
    return same && !c->repeated_extension && !c->malformed_extension &&
           c->is_v3 == (X509_get_version(x) == X509_VERSION_3);
}

static bool same_hashes(X509 *x, const struct certificate *c)
{
    unsigned char hash[32], *spki = NULL, *tbs = NULL;
    unsigned size = 0;
    bool same = X509_digest(x, EVP_sha256(), hash, &size) == 1 && memcmp(hash, c->sha256, 32) == 0;
    int spki_size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &spki);
    int tbs_size = i2d_re_X509_tbs(x, &tbs);
    same = same && bytes_equal(BYTES(spki, (size_t)spki_size), c->spki) &&
           bytes_equal(BYTES(tbs, (size_t)tbs_size), c->tbs) &&
           EVP_Digest(spki, (size_t)spki_size, hash, &size, EVP_sha256(), NULL) == 1 &&
           memcmp(hash, c->spki_sha256, 32) == 0;
    OPENSSL_free(spki);
    OPENSSL_free(tbs);
    return same;
}

static bool same_certificate(X509 *x, struct bytes der)
{
    struct certificate c;
    return certificate_read(der, &c) && same_time(X509_get0_notBefore(x), c.not_before) &&
           same_time(X509_get0_notAfter(x), c.not_after) &&
           same_name(X509_get_subject_name(x), c.subject) &&
           same_name(X509_get_issuer_name(x), c.issuer) &&
           same_common_name(X509_get_subject_name(x), c.common_name) &&
           same_common_name(X509_get_issuer_name(x), c.issuer_common_name) &&
           same_serial(X509_get0_serialNumber(x), c.serial) && same_key(x, &c) &&
           same_scheme(X509_get0_tbs_sigalg(x), c.signature.scheme) && same_extensions(x, &c) &&
           same_roles(x, &c) && same_hashes(x, &c);
}

static bool same_crl(X509_CRL *x, struct bytes der)
{
    struct crl l;
    const X509_ALGOR *algorithm = NULL;
    X509_CRL_get0_signature(x, NULL, &algorithm);
    if (!crl_read(der, &l) || !same_time(X509_CRL_get0_lastUpdate(x), l.this_update) ||
        !same_time(X509_CRL_get0_nextUpdate(x), l.next_update) ||
        !same_name(X509_CRL_get_issuer(x), l.issuer) ||
        !same_scheme(algorithm, l.signature.scheme)) {
        return false;
    }
    STACK_OF(X509_REVOKED) *revoked = X509_CRL_get_REVOKED(x);
    for (int i = 0; i < sk_X509_REVOKED_num(revoked); i++) {
        const X509_REVOKED *r = sk_X509_REVOKED_value(revoked, i);
        unsigned char text[64], *p = text;
        int size =
            i2d_ASN1_INTEGER((ASN1_INTEGER *)(uintptr_t)X509_REVOKED_get0_serialNumber(r), &p);
        struct certificate c = {.serial = BYTES(text + 2, (size_t)size - 2)};
        struct certificate other = c;
        other.serial.size--;
        if (!crl_lists(&l, &c) || crl_lists(&l, &other)) {
            return false;
        }
    }
    return true;
}

/* ---- everything that is in some bytes ---- */

static struct {
    unsigned certificates, lists, signatures;
    char different[512], unalike[512]; /* the last ones */
} seen;

/* Each is looked at once, wherever it occurs. */
#define KNOWN_MAX 1024u
static struct {
    uint8_t *data;
    struct certificate facts; /* of `data` */
    bool is_certificate;
} known[KNOWN_MAX];
static size_t known_count;
static uint8_t known_hashes[KNOWN_MAX][32];

static bool is_new(struct bytes der)
{
    uint8_t hash[32];
    REQUIRE(crypto_sha256(der, hash) && known_count < KNOWN_MAX);
    for (size_t i = 0; i < known_count; i++) {
        if (memcmp(known_hashes[i], hash, sizeof hash) == 0) {
            return false;
        }
    }
    memcpy(known_hashes[known_count], hash, sizeof hash);
    known[known_count].data = malloc(der.size);
    REQUIRE(known[known_count].data != NULL);
    memcpy(known[known_count].data, der.data, der.size);
    known[known_count].is_certificate =
        certificate_read(BYTES(known[known_count].data, der.size), &known[known_count].facts);
    known_count++;
    return true;
}

static void compare(struct bytes der, const char *where)
{
    const unsigned char *at = der.data, *q = der.data;
    X509 *x = d2i_X509(NULL, &at, (long)der.size);
    X509_CRL *l = x == NULL ? d2i_X509_CRL(NULL, &q, (long)der.size) : NULL;
    bool same = true;
    if (x != NULL && at == der.data + der.size && is_new(der)) {
        seen.certificates++;
        same = same_certificate(x, der);
    } else if (l != NULL && q == der.data + der.size && is_new(der)) {
        seen.lists++;
        same = same_crl(l, der);
    }
    if (!same) {
        snprintf(seen.different, sizeof seen.different, "%s", where);
    }
    X509_free(x);
    X509_CRL_free(l);
}

static void scan(struct bytes b, const char *where)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----", end[] = "-----END CERTIFICATE-----";
    const uint8_t *stop = b.data + b.size;
    for (const uint8_t *p = b.data; stop - p >= 8; p++) {
        size_t rest = (size_t)(stop - p);
        size_t size = 4 + (size_t)p[2] * 256 + p[3];
        if (p[0] == 0x30 && p[1] == 0x82 && p[4] == 0x30 && size <= rest) {
            compare(BYTES(p, size), where);
        } else if (rest > sizeof begin && memcmp(p, begin, sizeof begin - 1) == 0) {
            const uint8_t *last = memmem(p, rest, end, sizeof end - 1);
            static struct pem_chain chain;
            size_t text = last ? (size_t)(last - p) + sizeof end - 1 : 0;
            if (last != NULL && pem_read(BYTES(p, text), &chain)) {
                compare(chain.certificates[0], where);
            }
        }
    }
}

/* Both libraries judge the signature alike. */
static void compare_signature(struct crypto *x, const struct certificate *subject,
                              const struct certificate *issuer)
{
    const unsigned char *at = subject->der.data, *q = issuer->der.data;
    X509 *s = d2i_X509(NULL, &at, (long)subject->der.size);
    X509 *by = d2i_X509(NULL, &q, (long)issuer->der.size);
    bool theirs = X509_verify(s, X509_get0_pubkey(by)) == 1;
    seen.signatures++;
    if (theirs != crypto_verify(x, &issuer->key, &subject->signature, subject->tbs)) {
        snprintf(seen.unalike, sizeof seen.unalike, "%s under %s", subject->common_name,
                 issuer->common_name);
    }
    X509_free(s);
    X509_free(by);
}

/* All pairs of which one issued the other by name. */
static void compare_signatures(void)
{
    struct crypto x;
    crypto_enter(&x);
    for (size_t i = 0; i < known_count; i++) {
        for (size_t k = 0; k < known_count; k++) {
            if (known[i].is_certificate && known[k].is_certificate &&
                known[i].facts.signature.scheme != SCHEME_NONE &&
                certificate_links(&known[i].facts, &known[k].facts)) {
                compare_signature(&x, &known[i].facts, &known[k].facts);
            }
        }
    }
    crypto_leave(&x);
}

static void report(const char *what)
{
    compare_signatures();
    CHECK(seen.certificates > 0 && seen.different[0] == 0,
          "%s: %u certificates and %u lists read the same with both libraries %s", what,
          seen.certificates, seen.lists, seen.different);
    CHECK(seen.signatures > 0 && seen.unalike[0] == 0, "%s: %u signatures are judged alike %s",
          what, seen.signatures, seen.unalike);
    while (known_count > 0) {
        free(known[--known_count].data);
    }
    memset(&seen, 0, sizeof seen);
}

static struct bytes part(const struct forge_part *p)
{
    return BYTES(p->data, p->size);
}

static void test_forged(void)
{
    static struct forge_spec s;
    static struct forge_output o;
    static struct forge_nitro nitro;
    static struct forge_blob document;
    static struct forge_ratls ratls;
    static struct forge_ratls_output certificate;
    struct alcove_root root;
    forge_defaults(&s);
    s.root_crl.revoked_serial = 77;
    s.pck_crl.strangers = 40;
    s.signer.version1 = true;
    s.leaf.unknown_critical = true;
    s.signer_root.sha384 = true;
    forge_build(&s, &o);
    const struct forge_part *parts[] = {&o.pck_chain, &o.tcb_chain, &o.pck_crl, &o.root_crl};
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        scan(part(parts[i]), "Intel's, forged");
    }
    forge_nitro_defaults(&nitro);
    forge_nitro_build(&nitro, &document, &root);
    scan(BYTES(document.data, document.size), "Nitro, forged");
    forge_ratls_defaults(&ratls);
    forge_ratls_build(&ratls, &certificate);
    scan(BYTES(certificate.der.data, certificate.der.size), "RA-TLS, forged");
    report("forged");
}

static int visit(const char *path, const struct stat *st, int type, struct FTW *place)
{
    static uint8_t data[1u << 19];
    (void)place;
    /* What is derived from others has nothing new for a reader, and takes long. */
    if (type == FTW_F && st->st_size <= (off_t)sizeof data && strstr(path, "/derived/") == NULL) {
        FILE *f = fopen(path, "rb");
        size_t size = f ? fread(data, 1, sizeof data, f) : 0;
        if (f) {
            fclose(f);
        }
        scan(BYTES(data, size), path);
    }
    return 0;
}

static void test_real(const char *shared)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/evidence", shared);
    if (nftw(path, visit, 16, FTW_PHYS) != 0 || seen.certificates == 0) {
        SKIP("no collection of evidence", "real certificates");
        return;
    }
    report("real");
}

/* ---- taken apart and put together ---- */

struct parts {
    uint8_t tag; /* of the whole */
    struct bytes version, serial, inner, issuer, validity, subject, spki, unique, extensions;
    struct bytes outer, signature, tail;
};

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

static struct bytes build(const struct parts *p)
{
    static uint8_t tbs_text[32768], body_text[32768], text[32768];
    struct writer tbs = writer_of(tbs_text, sizeof tbs_text);
    struct writer body = writer_of(body_text, sizeof body_text);
    struct writer w = writer_of(text, sizeof text);
    const struct bytes inner[] = {p->version, p->serial, p->inner,  p->issuer,    p->validity,
                                  p->subject, p->spki,   p->unique, p->extensions};
    for (size_t i = 0; i < ARRAY_SIZE(inner); i++) {
        writer_put(&tbs, inner[i]);
    }
    put_tlv(&body, 0x30, BYTES(tbs_text, tbs.size));
    writer_put(&body, p->outer);
    writer_put(&body, p->signature);
    put_tlv(&w, p->tag, BYTES(body_text, body.size));
    writer_put(&w, p->tail);
    REQUIRE(!w.failed && !body.failed && !tbs.failed);
    return BYTES(text, w.size);
}

/* The parts of a good certificate, with tags and lengths. */
static struct parts good_parts(void)
{
    static struct forge_spec s;
    static struct forge_output o;
    static struct pem_chain chain;
    static bool made;
    if (!made) {
        forge_defaults(&s);
        forge_build(&s, &o);
        REQUIRE(pem_read(part(&o.pck_chain), &chain));
        made = true;
    }
    struct cursor whole = cursor_of(chain.certificates[0]);
    struct cursor c = cursor_of(der_take(&whole, DER_SEQUENCE));
    struct cursor tbs = cursor_of(der_take(&c, DER_SEQUENCE));
    struct parts p = {.tag = 0x30};
    p.version = der_take_whole(&tbs, DER_CONTEXT_0);
    p.serial = der_take_whole(&tbs, DER_INTEGER);
    p.inner = der_take_whole(&tbs, DER_SEQUENCE);
    p.issuer = der_take_whole(&tbs, DER_SEQUENCE);
    p.validity = der_take_whole(&tbs, DER_SEQUENCE);
    p.subject = der_take_whole(&tbs, DER_SEQUENCE);
    p.spki = der_take_whole(&tbs, DER_SEQUENCE);
    p.extensions = der_take_whole(&tbs, DER_CONTEXT_3);
    p.outer = der_take_whole(&c, DER_SEQUENCE);
    p.signature = der_take_whole(&c, DER_BIT_STRING);
    REQUIRE(cursor_done(&tbs) && cursor_done(&c) && cursor_done(&whole));
    return p;
}

#define HEX_MAX 1024u

/* Bytes from hexadecimal text; spaces are for the reader. Good until four later calls. */
static struct bytes hex(const char *text)
{
    static uint8_t ring[4][HEX_MAX];
    static unsigned next;
    uint8_t *out = ring[next++ % 4];
    char digits[2 * HEX_MAX];
    size_t n = 0;
    for (; *text; text++) {
        if (*text != ' ') {
            REQUIRE(n < sizeof digits);
            digits[n++] = *text;
        }
    }
    REQUIRE(hex_decode(out, n / 2, BYTES(digits, n)));
    return BYTES(out, n / 2);
}

static struct certificate c; /* what was read last */
static struct parts p;

static bool reads(void)
{
    bool ok = certificate_read(build(&p), &c);
    return ok;
}

#define WITH(member, text) (p = good_parts(), p.member = hex(text), reads())

static void test_outside(void)
{
    p = good_parts();
    CHECK(reads() && c.signature.scheme == SCHEME_ECDSA_SHA256 && c.key.kind == KEY_P256 && c.is_v3,
          "put together again it is what it was");
    p = good_parts();
    p.tag = 0x31;
    CHECK(!reads(), "a set is no certificate");
    CHECK(!WITH(tail, "00"), "a byte behind the certificate");
    p = good_parts();
    struct bytes whole = build(&p);
    static uint8_t indefinite[8192];
    memcpy(indefinite, whole.data, whole.size);
    indefinite[1] = 0x80; /* and the two bytes of the length become garbage */
    CHECK(!certificate_read(BYTES(indefinite, whole.size), &c), "an indefinite length");
    unsigned read_prefixes = 0;
    for (size_t n = 0; n < whole.size; n++) {
        read_prefixes += certificate_read(BYTES(whole.data, n), &c);
    }
    CHECK(read_prefixes == 0, "nothing that is cut off is a certificate");
    static uint8_t huge[CERTIFICATE_SIZE_MAX + 1];
    CHECK(!certificate_read(BYTES_OF(huge), &c), "more than CERTIFICATE_SIZE_MAX");
    CHECK(!WITH(outer, ""), "no algorithm outside");
    CHECK(!WITH(signature, "0302 0700"), "a signature with unused bits");
    CHECK(WITH(signature, "0301 00") && c.signature.scheme == SCHEME_NONE, "an empty signature");
    CHECK(WITH(signature, "0309 00 3006 020101 020101") && c.signature.scheme != SCHEME_NONE,
          "a signature of small numbers is one");
    CHECK(WITH(signature, "030a 00 3007 020101 02020001") && c.signature.scheme == SCHEME_NONE,
          "a padded number in a signature");
}

static void test_algorithms(void)
{
    static const char *const known_schemes[] = {
        "300a 0608 2a8648ce3d040302",
        "300a 0608 2a8648ce3d040303",
        "300d 0609 2a864886f70d01010b 0500",
        "300d 0609 2a864886f70d01010c 0500",
        "3041 0609 2a864886f70d01010a 3034 a00f 300d 0609 608648016503040202 0500 a11c 301a 0609 "
        "2a864886f70d010108 300d 0609 608648016503040202 0500 a203 020130",
        "3046 0609 2a864886f70d01010a 3039 a00f 300d 0609 608648016503040202 0500 a11c 301a 0609 "
        "2a864886f70d010108 300d 0609 608648016503040202 0500 a203 020130 a303 020101"};
    static const enum signature_scheme schemes[] = {
        SCHEME_ECDSA_SHA256,     SCHEME_ECDSA_SHA384,   SCHEME_RSA_PKCS1_SHA256,
        SCHEME_RSA_PKCS1_SHA384, SCHEME_RSA_PSS_SHA384, SCHEME_RSA_PSS_SHA384};
    for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
        p = good_parts();
        p.inner = p.outer = hex(known_schemes[i]);
        CHECK(reads() && c.signature.scheme == schemes[i], "algorithm %s", known_schemes[i]);
        p = good_parts();
        p.outer = hex(known_schemes[(i + 1) % 4]);
        p.inner = hex(known_schemes[(i + 2) % 4]);
        CHECK(reads() && c.signature.scheme == SCHEME_NONE, "inside and outside differ, nr. %zu",
              i);
    }
    static const char *const unknown[] = {
        "300c 0608 2a8648ce3d040302 0500",   /* ECDSA has no parameters, not NULL */
        "3009 0607 2a8648ce3d0401",          /* ECDSA with SHA-1 */
        "300b 0609 2a864886f70d01010b",      /* RSA has NULL */
        "300d 0609 2a864886f70d010105 0500", /* RSA with SHA-1 */
        "300d 0609 2a864886f70d01010d 0500", /* RSA with SHA-512 */
        "300b 0609 2a864886f70d01010a",      /* PSS by default: SHA-1 */
        "3041 0609 2a864886f70d01010a 3034 a00f 300d 0609 608648016503040202 0500 a11c 301a 0609 "
        "2a864886f70d010108 300d 0609 608648016503040202 0500 a203 020120", /* another salt */
        "3041 0609 2a864886f70d01010a 3034 a00f 300d 0609 608648016503040202 0500 a11c 301a 0609 "
        "2a864886f70d010108 300d 0609 608648016503040201 0500 a203 020130", /* another mask */
    };
    for (size_t i = 0; i < ARRAY_SIZE(unknown); i++) {
        p = good_parts();
        p.inner = p.outer = hex(unknown[i]);
        CHECK(reads() && c.signature.scheme == SCHEME_NONE, "no algorithm of ours: %s", unknown[i]);
    }
}

static void test_numbers_and_times(void)
{
    CHECK(WITH(version, "") && !c.is_v3, "version 1 is left out");
    CHECK(WITH(version, "a003 020101") && !c.is_v3, "version 2");
    CHECK(!WITH(version, "a003 020100"), "version 1, written");
    CHECK(!WITH(version, "a003 020103"), "version 4");
    CHECK(!WITH(version, "a006 020102 020102"), "two versions");
    CHECK(WITH(serial, "0201 00") && c.serial.size == 1, "serial number zero, as AMD's");
    CHECK(WITH(serial, "0201 ff"), "a negative serial number is one");
    CHECK(!WITH(serial, "0200"), "an empty serial number");
    CHECK(!WITH(serial, "0202 0001"), "a padded serial number");
    CHECK(WITH(serial, "0215 00ffffffffffffffffffffffffffffffffffffffff"), "20 bytes and a sign");
    CHECK(!WITH(serial, "0216 01ffffffffffffffffffffffffffffffffffffffffff"), "22 bytes");
    CHECK(WITH(validity, "301e 170d 3730303130313030303030305a 170d 3730303130313030303030315a") &&
              c.not_before == 0 && c.not_after == 1,
          "two times");
    CHECK(!WITH(validity, "300f 170d 3730303130313030303030305a"), "one time");
    CHECK(!WITH(validity, "301e 170d 3730303130313030303030305a 170d 3730303130313030303036305a"),
          "second 60");
    CHECK(!WITH(validity,
                "3020 170d 3730303130313030303030305a 170d 3730303130313030303030315a 0500"),
          "something behind the times");
}

static void test_names(void)
{
    CHECK(WITH(subject, "3000") && c.common_name[0] == 0 && c.subject.size == 2, "an empty name");
    CHECK(WITH(subject, "300c 310a 3008 0603550403 0c0141") && strcmp(c.common_name, "A") == 0,
          "a common name");
    static const char *const kinds[] = {"13", "14", "16"};
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        char text[64];
        snprintf(text, sizeof text, "300c 310a 3008 0603550403 %s0141", kinds[i]);
        CHECK(WITH(subject, text) && strcmp(c.common_name, "A") == 0, "a string of type %s",
              kinds[i]);
    }
    CHECK(WITH(subject, "3015 3113 3008 0603550403 0c0141 3007 0603550404 0500") &&
              strcmp(c.common_name, "A") == 0,
          "a set of two, one of them strange");
    CHECK(WITH(subject, "3018 310a 3008 0603550403 0c0141 310a 3008 0603550403 0c0141") &&
              c.common_name[0] == 0,
          "two common names are none");
    CHECK(WITH(subject, "3024 310a 3008 0603550403 0c0141 310a 3008 0603550403 0c0141"
                        "310a 3008 0603550403 0c0141") &&
              c.common_name[0] == 0,
          "three are none either");
    CHECK(WITH(subject, "300d 310b 3009 0603550403 1e020041") && c.common_name[0] == 0,
          "a string of two-byte characters");
    CHECK(WITH(subject, "300d 310b 3009 0603550403 0c02c3a4") && c.common_name[0] == 0,
          "a name beyond ASCII");
    CHECK(WITH(subject, "300c 310a 3008 0603550403 0c0100") && c.common_name[0] == 0,
          "a zero in a name");
    CHECK(WITH(subject, "300b 3109 3007 0603550403 0c00") && c.common_name[0] == 0,
          "a name without letters");
    static const char long_text[] =
        "305c 315a 3058 0603550403 0c51"
        "4141414141414141414141414141414141414141414141414141414141414141"
        "4141414141414141414141414141414141414141414141414141414141414141"
        "4141414141414141414141414141414141";
    CHECK(WITH(subject, long_text) && c.common_name[0] == 0, "a name that is too long");
    CHECK(!WITH(subject, "3002 3100"), "an empty set in a name");
    CHECK(!WITH(subject, "3009 3007 3005 0603550403"), "a part without a value");
    CHECK(!WITH(subject, "300e 310c 300a 0603550403 0c0141 0500"), "a part with two values");
    CHECK(!WITH(subject, "300c 300a 3008 0603550403 0c0141"), "a sequence of sequences");
    CHECK(!WITH(issuer, "3002 3100"), "an empty set in the issuer's name");
}

/* A key of n bytes, its first byte given. */
static bool reads_rsa(size_t modulus_size, uint8_t first, uint8_t last, const char *exponent)
{
    static uint8_t modulus[1024], key[2048], bits[2048], body[2048], text[2048];
    memset(modulus, 0xc3, sizeof modulus);
    modulus[0] = 0;
    modulus[1] = first;
    modulus[modulus_size] = last;
    struct writer k = writer_of(key, sizeof key), b = writer_of(bits, sizeof bits);
    struct writer n = writer_of(body, sizeof body), w = writer_of(text, sizeof text);
    if (first & 0x80) {
        put_tlv(&n, 2, BYTES(modulus, modulus_size + 1));
    } else {
        put_tlv(&n, 2, BYTES(modulus + 1, modulus_size));
    }
    writer_put(&n, hex(exponent));
    put_tlv(&k, 0x30, BYTES(body, n.size));
    writer_be(&b, 0, 1);
    writer_put(&b, BYTES(key, k.size));
    n = writer_of(body, sizeof body);
    writer_put(&n, hex("300d 0609 2a864886f70d010101 0500"));
    put_tlv(&n, 3, BYTES(bits, b.size));
    put_tlv(&w, 0x30, BYTES(body, n.size));
    p = good_parts();
    p.spki = BYTES(text, w.size);
    REQUIRE(!w.failed && !n.failed && !k.failed && !b.failed);
    return reads();
}

static void test_keys(void)
{
    struct bytes spki = good_parts().spki; /* its 26 first bytes, 04, and 64 of the point */
    static uint8_t text[128];
    memcpy(text, spki.data, spki.size);
    text[26] = 2;
    p = good_parts();
    p.spki = BYTES(text, spki.size);
    CHECK(reads() && c.key.kind == KEY_NONE, "a point that is not uncompressed");
    memcpy(text, spki.data, spki.size);
    text[22] = 8; /* the curve's last arc */
    CHECK(reads() && c.key.kind == KEY_NONE, "another curve");
    CHECK(WITH(spki, "301b 3013 06072a8648ce3d0201 06082a8648ce3d030107 0304 000400ff") &&
              c.key.kind == KEY_NONE,
          "a point that is too short");
    CHECK(WITH(spki, "3017 3010 06072a8648ce3d0201 06052b81040022 0303 000400") &&
              c.key.kind == KEY_NONE,
          "a point on P-384 that is too short");
    CHECK(WITH(spki, "300c 3005 06032b6570 0303 00aabb") && c.key.kind == KEY_NONE, "Ed25519");
    CHECK(!WITH(spki, "3007 3005 06032b6570"), "an algorithm without a key");
    CHECK(!WITH(spki, "300c 3005 06032b6570 0303 01aabb"), "a key with unused bits");

    CHECK(reads_rsa(256, 0xc3, 0xc3, "0203010001") && c.key.kind == KEY_RSA &&
              c.key.modulus.size == 256 && c.key.exponent.size == 3,
          "RSA of 2048 bits");
    CHECK(reads_rsa(512, 0xc3, 0xc3, "020103") && c.key.kind == KEY_RSA, "RSA of 4096 bits");
    CHECK(reads_rsa(256, 0xc3, 0xc3, "0205 00ffffffff") && c.key.kind == KEY_RSA,
          "the largest exponent");
    static const struct {
        const char *what;
        size_t size;
        uint8_t first, last;
        const char *exponent;
    } no[] = {
        {"fewer bits", 255, 0xc3, 0xc3, "0203010001"},
        {"more bits", 513, 0xc3, 0xc3, "0203010001"},
        {"2047 bits", 256, 0x43, 0xc3, "0203010001"},
        {"an even modulus", 256, 0xc3, 0xc2, "0203010001"},
        {"an even exponent", 256, 0xc3, 0xc3, "0203010000"},
        {"exponent 1", 256, 0xc3, 0xc3, "020101"},
        {"exponent 0", 256, 0xc3, 0xc3, "020100"},
        {"a negative exponent", 256, 0xc3, 0xc3, "0201ff"},
        {"an exponent of five bytes", 256, 0xc3, 0xc3, "02050100000001"},
        {"no exponent", 256, 0xc3, 0xc3, ""},
        {"three numbers", 256, 0xc3, 0xc3, "0203010001 020101"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(no); i++) {
        CHECK(reads_rsa(no[i].size, no[i].first, no[i].last, no[i].exponent) &&
                  c.key.kind == KEY_NONE,
              "RSA, %s: no key of ours", no[i].what);
    }
}

static bool reads_extensions(const char *list)
{
    static uint8_t text[2][2048];
    struct writer inner = writer_of(text[0], sizeof text[0]);
    struct writer outer = writer_of(text[1], sizeof text[1]);
    put_tlv(&inner, 0x30, hex(list));
    put_tlv(&outer, 0xa3, BYTES(text[0], inner.size));
    p = good_parts();
    p.extensions = BYTES(text[1], outer.size);
    return reads();
}

static void test_extensions(void)
{
    struct bytes value;
    bool critical = false;
    static const uint8_t constraints[] = {0x55, 0x1d, 0x13}, other[] = {0x55, 0x1d, 0x12};
    CHECK(WITH(extensions, "") && c.extensions.size == 0 && !c.has_basic_constraints &&
              !c.has_key_usage && c.path_length == -1,
          "no extensions");
    CHECK(reads_extensions("300f 0603551d13 0101ff 0405 3003 0101ff") && c.is_ca &&
              c.has_basic_constraints && c.path_length == -1 && !c.malformed_extension,
          "a CA without limit");
    CHECK(certificate_extension(&c, BYTES_OF(constraints), &value, &critical) && critical &&
              value.size == 5,
          "an extension is found");
    CHECK(!certificate_extension(&c, BYTES_OF(other), &value, &critical), "another one is not");
    CHECK(reads_extensions("3012 0603551d13 0101ff 0408 3006 0101ff 020102") && c.path_length == 2,
          "a limit");
    CHECK(reads_extensions("3009 0603551d13 0402 3000") && !c.is_ca && c.has_basic_constraints,
          "no CA");
    static const char *const bad_constraints[] = {
        "300c 0603551d13 0405 3003 010100", /* the default, written */
        "300c 0603551d13 0405 3003 010101", /* another true */
        "300c 0603551d13 0405 3003 020102", /* a limit for what is no CA */
        "300f 0603551d13 0408 3006 0101ff 0201ff", "3009 0603551d13 0402 3100",
        "300b 0603551d13 0404 3000 0500",          "3007 0603551d13 0400",
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad_constraints); i++) {
        CHECK(reads_extensions(bad_constraints[i]) && c.malformed_extension && !c.is_ca,
              "constraints that cannot be read, nr. %zu", i);
    }
    CHECK(reads_extensions("300e 0603551d0f 0101ff 0404 03020106") && c.has_key_usage &&
              c.usage_cert_sign && c.usage_crl_sign && !c.usage_digital_signature,
          "key usage");
    CHECK(reads_extensions("300e 0603551d0f 0101ff 0404 03020780") && c.usage_digital_signature &&
              !c.usage_cert_sign && !c.usage_crl_sign,
          "another one");
    CHECK(reads_extensions("300f 0603551d0f 0101ff 0405 0303070080") && c.has_key_usage,
          "key usage of two bytes");
    CHECK(reads_extensions("300e 0603551d0f 0101ff 0404 03020104") && c.usage_cert_sign &&
              !c.malformed_extension,
          "a zero bit at the end, as AMD's");
    static const char *const bad_usage[] = {
        "300e 0603551d0f 0101ff 0404 03020107", /* unused bits are set */
        "300e 0603551d0f 0101ff 0404 03020880",     "300d 0603551d0f 0101ff 0403 030100",
        "3010 0603551d0f 0101ff 0406 030400800000", "300c 0603551d0f 0101ff 0402 0300",
        "300e 0603551d0f 0101ff 0404 04020780",     "3010 0603551d0f 0101ff 0406 03020780 0500",
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad_usage); i++) {
        CHECK(reads_extensions(bad_usage[i]) && c.malformed_extension && !c.has_key_usage,
              "key usage that cannot be read, nr. %zu", i);
    }
    CHECK(reads_extensions("3006 06012a 04017a") && !c.unknown_critical, "an unknown extension");
    CHECK(reads_extensions("3009 06012a 0101ff 04017a") && c.unknown_critical,
          "an unknown critical extension");
    CHECK(reads_extensions("3006 06012a 04017a 3006 06012a 04017b") && c.repeated_extension,
          "twice the same");
    CHECK(reads_extensions("3006 06012a 04017a 3006 06012b 04017a") && !c.repeated_extension,
          "two");
    static const char *const no_extensions[] = {
        "",                          /* an empty list */
        "3009 06012a 010100 04017a", /* critical FALSE, written */
        "3009 06012a 010101 04017a",
        "3005 0600 04017a",
        "3003 06012a",
        "3008 06012a 04017a 0500",
        "3106 06012a 04017a",
        "3006 06012a 05017a",
    };
    for (size_t i = 0; i < ARRAY_SIZE(no_extensions); i++) {
        CHECK(!reads_extensions(no_extensions[i]), "no list of extensions, nr. %zu", i);
    }
    char many[8 * 2 * (EXTENSIONS_MAX + 2)] = "";
    for (unsigned i = 0; i <= EXTENSIONS_MAX; i++) {
        if (i == EXTENSIONS_MAX) {
            CHECK(reads_extensions(many), "as many extensions as can be");
        }
        size_t at = strlen(many);
        snprintf(many + at, sizeof many - at, "30060601%02x04017a", i + 1);
    }
    CHECK(!reads_extensions(many), "one more");
    CHECK(!WITH(extensions, "a30c 3008 3006 06012a 04017a 0500"), "something behind the list");
    CHECK(!WITH(unique, "8102 0001"), "an issuer's unique identifier");
}

/* ---- lists ---- */

struct list_parts {
    struct bytes version, inner, issuer, times, entries, extensions, outer;
};

static bool reads_list(const struct list_parts *l, struct crl *ret)
{
    static uint8_t tbs_text[4096], body_text[4096], text[4096];
    struct writer tbs = writer_of(tbs_text, sizeof tbs_text);
    struct writer body = writer_of(body_text, sizeof body_text);
    struct writer w = writer_of(text, sizeof text);
    const struct bytes inner[] = {l->version, l->inner,   l->issuer,
                                  l->times,   l->entries, l->extensions};
    for (size_t i = 0; i < ARRAY_SIZE(inner); i++) {
        writer_put(&tbs, inner[i]);
    }
    put_tlv(&body, 0x30, BYTES(tbs_text, tbs.size));
    writer_put(&body, l->outer);
    writer_put(&body, BYTES_STR("\x03\x09\x00\x30\x06\x02\x01\x01\x02\x01\x01"));
    put_tlv(&w, 0x30, BYTES(body_text, body.size));
    return crl_read(BYTES(text, w.size), ret);
}

#define TIME_0                  "170d 3730303130313030303030305a"
#define TIME_1                  "170d 3730303130313030303030315a"
#define LIST_WITH(member, text) (l = good, l.member = hex(text), reads_list(&l, &list))

static void test_lists(void)
{
    static uint8_t kept[4][64];
    struct list_parts good, l;
    struct crl list;
    struct bytes fixed[] = {hex("020101"), hex("300a 0608 2a8648ce3d040302"), hex("3000"),
                            hex(TIME_0 TIME_1)};
    for (size_t i = 0; i < ARRAY_SIZE(fixed); i++) {
        memcpy(kept[i], fixed[i].data, fixed[i].size);
        fixed[i].data = kept[i];
    }
    good = (struct list_parts){.version = fixed[0],
                               .inner = fixed[1],
                               .outer = fixed[1],
                               .issuer = fixed[2],
                               .times = fixed[3]};
    const struct certificate first = {.serial = BYTES_STR("\x05")};
    const struct certificate second = {.serial = BYTES_STR("\x06")};
    const struct certificate third = {.serial = BYTES_STR("\x06\x05")};
    l = good;
    CHECK(reads_list(&l, &list) && list.this_update == 0 && list.next_update == 1 &&
              list.signature.scheme == SCHEME_ECDSA_SHA256 && !crl_lists(&list, &first),
          "a list that names nobody");
    CHECK(LIST_WITH(entries, "3028 3012 020105" TIME_0 "3012 020106" TIME_1) &&
              crl_lists(&list, &first) && crl_lists(&list, &second) && !crl_lists(&list, &third),
          "a list of two");
    CHECK(LIST_WITH(entries, "3022 3020 020105" TIME_0 "300c 300a 0603551d15 0403 0a0108") &&
              crl_lists(&list, &first),
          "removed from the list is on it");
    CHECK(LIST_WITH(entries, "3000"), "an empty list of entries");
    CHECK(LIST_WITH(extensions, "a00f 300d 300b 0603551d14 0404 0202 0101"), "extensions");
    CHECK(LIST_WITH(outer, "300a 0608 2a8648ce3d040303") && list.signature.scheme == SCHEME_NONE,
          "inside and outside differ");
    static const char *const bad_entries[] = {
        "3005 3003 020105",               /* no date */
        "3014 3012 020005" TIME_0,        /* no number */
        "3015 3013 02020005" TIME_0,      /* a padded number */
        "3016 3014 020105" TIME_0 "0500", /* strange extensions */
        "3016 3014 020105" TIME_0 "3000", /* an empty list of them */
        "3025 3023 020105" TIME_0 "300f 300d 0603551d15 0101ff 0403 0a0108", /* a critical one */
        "3024 3022 020105" TIME_0 "300c 300a 0603551d15 0403 0a0108 0500",
        "3024 3022 020105" TIME_0 "300e 300a 0603551d15 0403 0a0108 0500", /* half of a second */
        "3014 3112 020105" TIME_0,
        "3029 3027 0216 01ffffffffffffffffffffffffffffffffffffffffff" TIME_0,
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad_entries); i++) {
        CHECK(!LIST_WITH(entries, bad_entries[i]), "entries that cannot be read, nr. %zu", i);
    }
    CHECK(!LIST_WITH(version, ""), "version 1");
    CHECK(!LIST_WITH(version, "020100"), "version 1, written");
    CHECK(!LIST_WITH(version, "020102"), "version 3");
    CHECK(!LIST_WITH(times, TIME_0), "no next update");
    CHECK(!LIST_WITH(extensions, "a012 3010 300e 0603551d14 0101ff 0404 02020101"),
          "a critical extension");
    CHECK(!LIST_WITH(extensions, "a002 3000"), "an empty list of extensions");
    CHECK(!LIST_WITH(extensions, "a011 300d 300b 0603551d14 0404 02020101 0500"),
          "something behind the extensions");
    CHECK(!LIST_WITH(extensions, "0500"), "something else than extensions");
    CHECK(!LIST_WITH(issuer, ""), "no issuer");
    CHECK(!crl_read((struct bytes){0}, &list), "nothing is no list");
    static uint8_t huge[CRL_SIZE_MAX + 1];
    CHECK(!crl_read(BYTES_OF(huge), &list), "more than CRL_SIZE_MAX");
}

/* ---- signatures ---- */

static void test_crypto(void)
{
    struct crypto x;
    uint8_t value[RSA_BYTES_MAX] = {0}, zeros[96] = {0};
    crypto_enter(&x);
    p = good_parts();
    REQUIRE(reads());
    struct public_key key = c.key;
    struct signature none = {SCHEME_NONE, BYTES(value, 64)};
    CHECK(crypto_key_valid(&x, &key), "a point on its curve");
    CHECK(!crypto_verify(&x, &key, &none, c.tbs), "no scheme verifies nothing");
    struct signature zero = {SCHEME_ECDSA_SHA256, BYTES(zeros, 64)};
    CHECK(!crypto_verify(&x, &key, &zero, c.tbs), "zeros are no signature");
    zero.value.size = 96;
    CHECK(!crypto_verify(&x, &key, &zero, c.tbs), "nor longer ones");
    struct signature rsa = {SCHEME_RSA_PKCS1_SHA256, BYTES(value, 256)};
    CHECK(!crypto_verify(&x, &key, &rsa, c.tbs), "RSA under a point");
    key.kind = KEY_P384;
    CHECK(!crypto_key_valid(&x, &key), "a point of the wrong size");
    key = (struct public_key){.kind = KEY_P256, .point = BYTES(zeros, 64)};
    CHECK(!crypto_key_valid(&x, &key) && !crypto_verify(&x, &key, &zero, c.tbs),
          "zeros are not on the curve");
    key.kind = KEY_NONE;
    CHECK(!crypto_key_valid(&x, &key), "no kind of key");
    static uint8_t modulus[RSA_BYTES_MAX + 1];
    memset(modulus, 0xc3, sizeof modulus);
    key = (struct public_key){
        .kind = KEY_RSA, .modulus = BYTES(modulus, 256), .exponent = BYTES_STR("\x01\x00\x01")};
    CHECK(crypto_key_valid(&x, &key), "a modulus");
    CHECK(!crypto_verify(&x, &key, &rsa, c.tbs), "zeros are no RSA signature");
    rsa.scheme = SCHEME_RSA_PSS_SHA384;
    CHECK(!crypto_verify(&x, &key, &rsa, c.tbs), "nor one with PSS");
    rsa.scheme = SCHEME_RSA_PKCS1_SHA384;
    rsa.value.size = 255;
    CHECK(!crypto_verify(&x, &key, &rsa, c.tbs), "a signature that is too short");
    zero.value.size = 64;
    CHECK(!crypto_verify(&x, &key, &zero, c.tbs), "ECDSA under a modulus");
    key.exponent = BYTES_STR("\x01");
    CHECK(!crypto_key_valid(&x, &key), "exponent 1");
    key.exponent = BYTES_STR("\x01\x00\x00\x00\x01");
    CHECK(!crypto_key_valid(&x, &key), "a long exponent");
    key.exponent = BYTES_STR("\x04");
    CHECK(!crypto_key_valid(&x, &key), "an even exponent");
    key.exponent = BYTES_STR("\x03");
    key.modulus.size = 255;
    CHECK(!crypto_key_valid(&x, &key), "a short modulus");
    key.modulus.size = 513;
    CHECK(!crypto_key_valid(&x, &key), "a long modulus");
    key.modulus.size = 256;
    modulus[255] = 0xc2;
    CHECK(!crypto_key_valid(&x, &key), "an even modulus");
    rsa.value.size = 256;
    CHECK(!crypto_verify(&x, &key, &rsa, c.tbs), "and nothing verifies under it");
    crypto_leave(&x);
}

int main(int argc, char **argv)
{
    const char *shared = getenv("ALCOVE_SHARED");
    test_outside();
    test_algorithms();
    test_numbers_and_times();
    test_names();
    test_keys();
    test_extensions();
    test_lists();
    test_crypto();
    test_forged();
    test_real(shared ? shared : argc > 1 ? argv[1] : "../shared");
    return tap_done();
}
