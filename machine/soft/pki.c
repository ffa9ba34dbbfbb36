/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the software machine's certificates, revocation lists, TCB info and QE identity. They
 * follow Intel's profiles member by member, so that verifying software evidence exercises exactly
 * the path that hardware evidence takes; what tells them apart is the root key and every name.
 *
 * Dates of certificates are fixed, those of the rest move with the day. Nothing an adversary says
 * is parsed here: input is the machine's secret, the clock, and a REPORT body to be signed. */
#include "pki.h"
#include "der_write.h"
#include "pki_key.h"

#include <errno.h>
#include <stdarg.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define DAY            INT64_C(86400)
#define VALID_DAYS     30
#define EVALUATION     1
#define CERT_SIZE_MAX  2048u
#define NAME_TEXT_SIZE 64u
#define TIME_TEXT_SIZE 24u

/* Fixed, so that a machine's certificates are the same whenever they are made; thirty years outlast
 * any machine. */
#define CERT_NOT_BEFORE "250101000000Z"
#define CERT_NOT_AFTER  "20541231235959Z"

#define ORGANISATION "Alcove"
#define NAME_CA      "Alcove Software SGX PCK Platform CA"
#define NAME_PCK     "Alcove Software SGX PCK Certificate"
#define NAME_SIGNER  "Alcove Software SGX TCB Signing"

/* FMSPC of software machines: "ALC", generation 1. Intel's are allocated otherwise. */
#define FMSPC_HEX "414c43000001"
static const uint8_t fmspc[6] = {'A', 'L', 'C', 0, 0, 1};
static const uint8_t pceid[2] = {0, 0};

static const uint8_t oid_ecdsa_sha256[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
static const uint8_t oid_common_name[] = {0x55, 0x04, 0x03};
static const uint8_t oid_organisation[] = {0x55, 0x04, 0x0a};
static const uint8_t oid_subject_key_id[] = {0x55, 0x1d, 0x0e};
static const uint8_t oid_key_usage[] = {0x55, 0x1d, 0x0f};
static const uint8_t oid_basic_constraints[] = {0x55, 0x1d, 0x13};
static const uint8_t oid_crl_number[] = {0x55, 0x1d, 0x14};
static const uint8_t oid_authority_key_id[] = {0x55, 0x1d, 0x23};
static const uint8_t oid_sgx[] = {0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01};

/* Whoever has a key and a name. */
struct authority {
    struct pki_key key;
    char name[NAME_TEXT_SIZE];
};

struct authorities {
    struct authority root, ca, pck, signer;
    uint8_t ppid[16];
};

static void authorities_done(struct authorities *a)
{
    secure_zero(a, sizeof *a);
}

static bool authorities_of(const uint8_t secret[32], struct authorities *ret)
{
    uint8_t ppid[32];
    *ret =
        (struct authorities){.ca.name = NAME_CA, .pck.name = NAME_PCK, .signer.name = NAME_SIGNER};
    if (!pki_key_derive(secret, "root", &ret->root.key) ||
        !pki_key_derive(secret, "pck platform ca", &ret->ca.key) ||
        !pki_key_derive(secret, "pck", &ret->pck.key) ||
        !pki_key_derive(secret, "tcb signing", &ret->signer.key) ||
        !pki_derive(secret, "ppid", 0, ppid)) {
        authorities_done(ret);
        return false;
    }
    memcpy(ret->ppid, ppid, sizeof ret->ppid);
    char machine[9];
    hex_encode(machine, ret->root.key.id, 4);
    snprintf(ret->root.name, sizeof ret->root.name, "Alcove Software SGX Root CA (machine %s)",
             machine);
    return true;
}

/* ---- certificates ---------------------------------------------------------------------------- */

static void put_algorithm(struct writer *w)
{
    size_t seq = der_begin(w, DER_SEQ);
    der_put(w, DER_OID, BYTES_OF(oid_ecdsa_sha256));
    der_end(w, seq);
}

static void put_name_part(struct writer *w, struct bytes oid, const char *text)
{
    size_t set = der_begin(w, DER_SET);
    size_t seq = der_begin(w, DER_SEQ);
    der_put(w, DER_OID, oid);
    der_put(w, DER_UTF8, BYTES(text, strlen(text)));
    der_end(w, seq);
    der_end(w, set);
}

static void put_name(struct writer *w, const char *common_name)
{
    size_t seq = der_begin(w, DER_SEQ);
    put_name_part(w, BYTES_OF(oid_common_name), common_name);
    put_name_part(w, BYTES_OF(oid_organisation), ORGANISATION);
    der_end(w, seq);
}

/* Extension ::= SEQUENCE { OID, critical BOOLEAN DEFAULT FALSE, OCTET STRING } */
static void put_extension(struct writer *w, struct bytes oid, bool critical, struct bytes value)
{
    static const uint8_t critical_true[] = {0x01, 0x01, 0xff};
    size_t seq = der_begin(w, DER_SEQ);
    der_put(w, DER_OID, oid);
    if (critical) {
        writer_put(w, BYTES_OF(critical_true));
    }
    der_put(w, DER_OCTETS, value);
    der_end(w, seq);
}

#define KEY_ID_SIZE 20u
static void put_authority_key_id(struct writer *w, const struct authority *issuer)
{
    uint8_t value[4 + KEY_ID_SIZE] = {DER_SEQ, 2 + KEY_ID_SIZE, 0x80, KEY_ID_SIZE};
    memcpy(value + 4, issuer->key.id, KEY_ID_SIZE);
    put_extension(w, BYTES_OF(oid_authority_key_id), false, BYTES_OF(value));
}

static void put_subject_key_id(struct writer *w, const struct authority *subject)
{
    uint8_t value[2 + KEY_ID_SIZE] = {DER_OCTETS, KEY_ID_SIZE};
    memcpy(value + 2, subject->key.id, KEY_ID_SIZE);
    put_extension(w, BYTES_OF(oid_subject_key_id), false, BYTES_OF(value));
}

enum certificate_kind { KIND_ROOT, KIND_CA, KIND_SIGNER, KIND_PCK };

static void put_constraints(struct writer *w, enum certificate_kind kind)
{
    static const uint8_t usage_ca[] = {DER_BITSTRING, 2, 1, 0x06}; /* certificate and CRL signing */
    static const uint8_t usage_leaf[] = {DER_BITSTRING, 2, 6,
                                         0xc0}; /* signatures, non-repudiation */
    static const uint8_t root[] = {DER_SEQ, 6, 0x01, 0x01, 0xff, DER_INTEGER, 1, 1};
    static const uint8_t ca[] = {DER_SEQ, 6, 0x01, 0x01, 0xff, DER_INTEGER, 1, 0};
    static const uint8_t leaf[] = {DER_SEQ, 0};
    bool is_ca = kind == KIND_ROOT || kind == KIND_CA;
    put_extension(w, BYTES_OF(oid_key_usage), true,
                  is_ca ? BYTES_OF(usage_ca) : BYTES_OF(usage_leaf));
    put_extension(w, BYTES_OF(oid_basic_constraints), true,
                  kind == KIND_ROOT ? BYTES_OF(root)
                  : is_ca           ? BYTES_OF(ca)
                                    : BYTES_OF(leaf));
}

/* SEQUENCE { 1.2.840.113741.1.13.1.<arc>[.<sub>], value } begins; der_end() closes it. */
static size_t begin_sgx_member(struct writer *w, uint8_t arc, uint8_t sub)
{
    uint8_t oid[sizeof oid_sgx + 2];
    memcpy(oid, oid_sgx, sizeof oid_sgx);
    oid[sizeof oid_sgx] = arc;
    oid[sizeof oid_sgx + 1] = sub;
    size_t seq = der_begin(w, DER_SEQ);
    der_put(w, DER_OID, BYTES(oid, sizeof oid - (sub == 0 ? 1 : 0)));
    return seq;
}

static void put_sgx_octets(struct writer *w, uint8_t arc, uint8_t sub, struct bytes value)
{
    size_t member = begin_sgx_member(w, arc, sub);
    der_put(w, DER_OCTETS, value);
    der_end(w, member);
}

static void put_sgx_number(struct writer *w, uint8_t arc, uint8_t sub, uint8_t tag, uint32_t value)
{
    size_t member = begin_sgx_member(w, arc, sub);
    der_put_small(w, tag, value);
    der_end(w, member);
}

/* Intel "PCK Certificate and CRL Profile Specification": the SGX extension. */
static void put_sgx_extension(struct writer *w, const uint8_t ppid[16])
{
    uint8_t text[1024];
    uint8_t cpusvn[16];
    memset(cpusvn, PKI_CPUSVN_BYTE, sizeof cpusvn);
    struct writer x = writer_of(text, sizeof text);
    size_t all = der_begin(&x, DER_SEQ);
    put_sgx_octets(&x, 1, 0, BYTES(ppid, 16));
    size_t tcb = begin_sgx_member(&x, 2, 0);
    size_t tcb_content = der_begin(&x, DER_SEQ);
    for (uint8_t i = 1; i <= 16; i++) {
        put_sgx_number(&x, 2, i, DER_INTEGER, cpusvn[i - 1]);
    }
    put_sgx_number(&x, 2, 17, DER_INTEGER, PKI_PCESVN);
    put_sgx_octets(&x, 2, 18, BYTES_OF(cpusvn));
    der_end(&x, tcb_content);
    der_end(&x, tcb);
    put_sgx_octets(&x, 3, 0, BYTES_OF(pceid));
    put_sgx_octets(&x, 4, 0, BYTES_OF(fmspc));
    put_sgx_number(&x, 5, 0, DER_ENUM, 0);
    der_end(&x, all);
    if (x.failed) {
        w->failed = true;
    }
    put_extension(w, BYTES_OF(oid_sgx), false, BYTES(text, x.size));
}

/* Signs `tbs` and wraps it: SEQUENCE { tbs, algorithm, BIT STRING signature }. */
static bool wrap_signed(struct writer *out, struct bytes tbs, const struct pki_key *key)
{
    uint8_t signature[64];
    if (!pki_key_sign(key, tbs, signature)) {
        return false;
    }
    size_t seq = der_begin(out, DER_SEQ);
    writer_put(out, tbs);
    put_algorithm(out);
    size_t bits = der_begin(out, DER_BITSTRING);
    writer_be(out, 0, 1); /* unused bits */
    size_t pair = der_begin(out, DER_SEQ);
    der_put_integer(out, DER_INTEGER, BYTES(signature, 32));
    der_put_integer(out, DER_INTEGER, BYTES(signature + 32, 32));
    der_end(out, pair);
    der_end(out, bits);
    der_end(out, seq);
    return !out->failed;
}

static void put_validity(struct writer *w)
{
    size_t seq = der_begin(w, DER_SEQ);
    der_put(w, DER_UTC_TIME, BYTES_STR(CERT_NOT_BEFORE));
    der_put(w, DER_TIME, BYTES_STR(CERT_NOT_AFTER));
    der_end(w, seq);
}

static bool make_certificate(enum certificate_kind kind, const struct authority *subject,
                             const struct authority *issuer, const uint8_t ppid[16],
                             struct writer *out)
{
    uint8_t text[CERT_SIZE_MAX], spki[PKI_SPKI_SIZE], serial[16];
    memcpy(serial, subject->key.id, sizeof serial);
    serial[0] = (uint8_t)((serial[0] & 0x7f) | 0x40); /* positive, sixteen bytes */
    pki_key_spki(&subject->key, spki);

    struct writer w = writer_of(text, sizeof text);
    size_t tbs = der_begin(&w, DER_SEQ);
    size_t version = der_begin(&w, DER_CONTEXT(0));
    der_put_small(&w, DER_INTEGER, 2); /* v3 */
    der_end(&w, version);
    der_put_integer(&w, DER_INTEGER, BYTES_OF(serial));
    put_algorithm(&w);
    put_name(&w, issuer->name);
    put_validity(&w);
    put_name(&w, subject->name);
    writer_put(&w, BYTES_OF(spki));
    size_t tagged = der_begin(&w, DER_CONTEXT(3));
    size_t extensions = der_begin(&w, DER_SEQ);
    put_authority_key_id(&w, issuer);
    put_subject_key_id(&w, subject);
    put_constraints(&w, kind);
    if (kind == KIND_PCK) {
        put_sgx_extension(&w, ppid);
    }
    der_end(&w, extensions);
    der_end(&w, tagged);
    der_end(&w, tbs);
    return !w.failed && wrap_signed(out, BYTES(text, w.size), &issuer->key);
}

/* ---- PEM ------------------------------------------------------------------------------------- */

static void put_text(struct writer *w, const char *text)
{
    writer_put(w, BYTES(text, strlen(text)));
}

static void put_base64(struct writer *w, struct bytes b)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < b.size; i += 3) {
        size_t n = b.size - i < 3 ? b.size - i : 3;
        uint32_t v = (uint32_t)b.data[i] << 16 | (uint32_t)(n > 1 ? b.data[i + 1] : 0) << 8 |
                     (uint32_t)(n > 2 ? b.data[i + 2] : 0);
        char group[4] = {digits[v >> 18 & 63], digits[v >> 12 & 63],
                         n > 1 ? digits[v >> 6 & 63] : '=', n > 2 ? digits[v & 63] : '='};
        writer_put(w, BYTES_OF(group));
        if ((i / 3 + 1) % 16 == 0 && i + 3 < b.size) {
            put_text(w, "\n");
        }
    }
}

static void put_pem(struct writer *w, struct bytes der)
{
    put_text(w, "-----BEGIN CERTIFICATE-----\n");
    put_base64(w, der);
    put_text(w, "\n-----END CERTIFICATE-----\n");
}

/* One certificate more for a chain. */
static bool append_certificate(struct writer *pem, enum certificate_kind kind,
                               const struct authority *subject, const struct authority *issuer,
                               const uint8_t ppid[16])
{
    uint8_t der[CERT_SIZE_MAX];
    struct writer w = writer_of(der, sizeof der);
    if (!make_certificate(kind, subject, issuer, ppid, &w)) {
        return false;
    }
    put_pem(pem, BYTES(der, w.size));
    return !pem->failed;
}

static struct writer part_writer(struct pki_part *p)
{
    return writer_of(p->data, sizeof p->data);
}

static bool part_close(struct pki_part *p, const struct writer *w)
{
    p->size = (uint32_t)w->size;
    return !w->failed;
}

static bool make_pck_chain(const struct authorities *a, struct pki_part *ret)
{
    struct writer w = part_writer(ret);
    return append_certificate(&w, KIND_PCK, &a->pck, &a->ca, a->ppid) &&
           append_certificate(&w, KIND_CA, &a->ca, &a->root, NULL) &&
           append_certificate(&w, KIND_ROOT, &a->root, &a->root, NULL) && part_close(ret, &w);
}

static bool make_two(enum certificate_kind kind, const struct authority *subject,
                     const struct authority *root, struct pki_part *ret)
{
    struct writer w = part_writer(ret);
    return append_certificate(&w, kind, subject, root, NULL) &&
           append_certificate(&w, KIND_ROOT, root, root, NULL) && part_close(ret, &w);
}

/* ---- dates ----------------------------------------------------------------------------------- */

struct period {
    int64_t from, until;
};

/* Whole days, so that evidence of one day carries the same collateral. */
static struct period period_at(int64_t now)
{
    int64_t today = now - now % DAY;
    return (struct period){today - DAY, today + (VALID_DAYS + 1) * DAY};
}

static bool format_time(int64_t seconds, const char *format, char ret[TIME_TEXT_SIZE])
{
    time_t t = (time_t)seconds;
    struct tm tm;
    return gmtime_r(&t, &tm) != NULL && strftime(ret, TIME_TEXT_SIZE, format, &tm) > 0;
}

/* RFC 5280: UTCTime up to 2049, GeneralizedTime afterwards. */
static bool put_time(struct writer *w, int64_t seconds)
{
    char year[TIME_TEXT_SIZE], text[TIME_TEXT_SIZE];
    if (!format_time(seconds, "%Y", year)) {
        return false;
    }
    bool late = strcmp(year, "2050") >= 0;
    if (!format_time(seconds, late ? "%Y%m%d%H%M%SZ" : "%y%m%d%H%M%SZ", text)) {
        return false;
    }
    der_put(w, late ? DER_TIME : DER_UTC_TIME, BYTES(text, strlen(text)));
    return true;
}

/* ---- revocation lists: a software machine revokes nothing ------------------------------------ */

static bool make_crl(const struct authority *issuer, struct period p, struct pki_part *ret)
{
    uint8_t text[CERT_SIZE_MAX], number[8];
    struct writer n = writer_of(number, sizeof number);
    der_put_small(&n, DER_INTEGER, 1);
    struct writer w = writer_of(text, sizeof text);
    size_t tbs = der_begin(&w, DER_SEQ);
    der_put_small(&w, DER_INTEGER, 1); /* v2 */
    put_algorithm(&w);
    put_name(&w, issuer->name);
    bool dated = put_time(&w, p.from) && put_time(&w, p.until);
    size_t tagged = der_begin(&w, DER_CONTEXT(0));
    size_t extensions = der_begin(&w, DER_SEQ);
    put_extension(&w, BYTES_OF(oid_crl_number), false, BYTES(number, n.size));
    put_authority_key_id(&w, issuer);
    der_end(&w, extensions);
    der_end(&w, tagged);
    der_end(&w, tbs);
    struct writer out = part_writer(ret);
    return dated && !w.failed && wrap_signed(&out, BYTES(text, w.size), &issuer->key) &&
           part_close(ret, &out);
}

/* ---- TCB info and QE identity ---------------------------------------------------------------- */

#define BODY_SIZE_MAX 4096

struct text {
    char data[BODY_SIZE_MAX];
    size_t size;
    bool failed;
};

static void text_add(struct text *t, const char *format, ...) PRINTF(2, 3);
static void text_add(struct text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(t->data + t->size, sizeof t->data - t->size, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof t->data - t->size) {
        t->failed = true;
        return;
    }
    t->size += (size_t)n;
}

static bool text_dates(struct text *t, struct period p)
{
    char from[TIME_TEXT_SIZE], until[TIME_TEXT_SIZE];
    if (!format_time(p.from, "%Y-%m-%dT%H:%M:%SZ", from) ||
        !format_time(p.until, "%Y-%m-%dT%H:%M:%SZ", until)) {
        return false;
    }
    text_add(t, "\"issueDate\":\"%s\",\"nextUpdate\":\"%s\",", from, until);
    return true;
}

/* {"<member>":<body>,"signature":"<hex>"} */
static bool sign_document(const char *member, const struct text *body,
                          const struct authority *signer, struct pki_part *ret)
{
    uint8_t signature[64];
    char hex[129];
    if (body->failed || !pki_key_sign(&signer->key, BYTES(body->data, body->size), signature)) {
        return false;
    }
    hex_encode(hex, signature, sizeof signature);
    struct writer w = part_writer(ret);
    put_text(&w, "{\"");
    put_text(&w, member);
    put_text(&w, "\":");
    writer_put(&w, BYTES(body->data, body->size));
    put_text(&w, ",\"signature\":\"");
    put_text(&w, hex);
    put_text(&w, "\"}");
    return part_close(ret, &w);
}

#define LEVEL_DATE "\"tcbDate\":\"2025-01-01T00:00:00Z\",\"tcbStatus\":\"UpToDate\""

static bool make_tcb_info(const struct authority *signer, struct period p, struct pki_part *ret)
{
    struct text t = {0};
    text_add(&t, "{\"id\":\"SGX\",\"version\":3,");
    bool dated = text_dates(&t, p);
    text_add(&t, "\"fmspc\":\"" FMSPC_HEX "\",\"pceId\":\"0000\",\"tcbType\":0,");
    text_add(&t, "\"tcbEvaluationDataNumber\":%d,\"tcbLevels\":[{\"tcb\":{\"sgxtcbcomponents\":[",
             EVALUATION);
    for (int i = 0; i < 16; i++) {
        text_add(&t, "%s{\"svn\":%u}", i ? "," : "", PKI_CPUSVN_BYTE);
    }
    text_add(&t, "],\"pcesvn\":%u}," LEVEL_DATE "}]}", PKI_PCESVN);
    return dated && sign_document("tcbInfo", &t, signer, ret);
}

/* MISCSELECT: EXINFO may be on or off. ATTRIBUTES: INIT, MODE64BIT and PROVISIONKEY on; KSS and
 * AEXNOTIFY may be on or off; everything else off, DEBUG above all. XFRM does not matter. */
static bool make_qe_identity(const struct authority *signer, const struct pki_qe *qe,
                             struct period p, struct pki_part *ret)
{
    struct text t = {0};
    char mrsigner[65];
    hex_encode(mrsigner, qe->mrsigner, sizeof qe->mrsigner);
    text_add(&t, "{\"id\":\"QE\",\"version\":2,");
    bool dated = text_dates(&t, p);
    text_add(&t, "\"tcbEvaluationDataNumber\":%d,", EVALUATION);
    text_add(&t, "\"miscselect\":\"00000000\",\"miscselectMask\":\"feffffff\",");
    text_add(&t, "\"attributes\":\"15000000000000000000000000000000\",");
    text_add(&t, "\"attributesMask\":\"7ffbffffffffffff0000000000000000\",");
    text_add(&t, "\"mrsigner\":\"%s\",\"isvprodid\":%u,", mrsigner, qe->isvprodid);
    text_add(&t, "\"tcbLevels\":[{\"tcb\":{\"isvsvn\":%u}," LEVEL_DATE "}]}", qe->isvsvn);
    return dated && sign_document("enclaveIdentity", &t, signer, ret);
}

/* ---- the interface --------------------------------------------------------------------------- */

int pki_collateral(const uint8_t secret[PKI_SECRET_SIZE], const struct pki_qe *qe, int64_t now,
                   struct pki_collateral *ret, struct diag *d)
{
    struct authorities a;
    struct period p = period_at(now);
    memset(ret, 0, sizeof *ret);
    if (!authorities_of(secret, &a)) {
        return diag_fail(d, -EIO, "the crypto library failed to derive the machine's keys");
    }
    bool ok = make_pck_chain(&a, &ret->pck_chain) &&
              make_two(KIND_SIGNER, &a.signer, &a.root, &ret->tcb_chain) &&
              make_two(KIND_CA, &a.ca, &a.root, &ret->pck_crl_chain) &&
              make_tcb_info(&a.signer, p, &ret->tcb_info) &&
              make_qe_identity(&a.signer, qe, p, &ret->qe_identity) &&
              make_crl(&a.ca, p, &ret->pck_crl) && make_crl(&a.root, p, &ret->root_crl);
    ret->qe_chain = ret->tcb_chain;
    authorities_done(&a);
    if (!ok) {
        memset(ret, 0, sizeof *ret);
        return diag_fail(d, -EIO, "the machine's certificates could not be made");
    }
    return 0;
}

int pki_sign_qe_report(const uint8_t secret[PKI_SECRET_SIZE], const struct pki_qe *qe,
                       const struct sgx_report_body *report, uint8_t ret_signature[64],
                       struct diag *d)
{
    const uint64_t flags = report->attributes.flags;
    if (flags & SGX_FLAGS_DEBUG) {
        return diag_fail(d, -EPERM, "a quoting enclave in debug mode is not certified");
    }
    if (!(flags & SGX_FLAGS_PROVISIONKEY)) {
        return diag_fail(d, -EPERM,
                         "an enclave without the PROVISIONKEY attribute is not certified");
    }
    if (memcmp(report->mrsigner, qe->mrsigner, sizeof qe->mrsigner) != 0 ||
        report->isvprodid != qe->isvprodid || report->isvsvn < qe->isvsvn) {
        return diag_fail(d, -EPERM,
                         "only this machine's quoting enclave is certified; another "
                         "enclave asked");
    }
    struct pki_key pck;
    bool ok =
        pki_key_derive(secret, "pck", &pck) && pki_key_sign(&pck, BYTES_OF(*report), ret_signature);
    pki_key_done(&pck);
    return ok ? 0 : diag_fail(d, -EIO, "the crypto library failed to sign with the PCK key");
}

int pki_root(const uint8_t secret[PKI_SECRET_SIZE], struct pki_part *ret, struct diag *d)
{
    struct authorities a;
    if (!authorities_of(secret, &a)) {
        return diag_fail(d, -EIO, "the crypto library failed to derive the machine's keys");
    }
    struct writer w = part_writer(ret);
    bool ok = append_certificate(&w, KIND_ROOT, &a.root, &a.root, NULL) && part_close(ret, &w);
    authorities_done(&a);
    return ok ? 0 : diag_fail(d, -EIO, "the machine's root certificate could not be made");
}

static int write_all(int fd, struct bytes b)
{
    while (b.size > 0) {
        ssize_t n = write(fd, b.data, b.size);
        if (n < 0 && errno != EINTR) {
            return -errno;
        }
        if (n > 0) {
            b = BYTES(b.data + n, b.size - (size_t)n);
        }
    }
    return 0;
}

int pki_create(const char *dir, const uint8_t secret[PKI_SECRET_SIZE], struct diag *d)
{
    struct pki_part root;
    char path[4096], temporary[4096];
    int r = pki_root(secret, &root, d);
    if (r != 0) {
        return r;
    }
    int n = snprintf(path, sizeof path, "%s/root.pem", dir);
    int m = snprintf(temporary, sizeof temporary, "%s/root.pem.XXXXXX", dir);
    if (n < 0 || (size_t)n >= sizeof path || m < 0 || (size_t)m >= sizeof temporary) {
        return diag_fail(d, -ENAMETOOLONG, "%.200s...: the path is too long", dir);
    }
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0) {
        return diag_fail(d, -errno, "%s: cannot be made: %s", temporary, strerror(errno));
    }
    r = write_all(fd, pki_part_bytes(&root));
    if (r == 0 && (fchmod(fd, 0644) != 0 || fsync(fd) != 0)) {
        r = -errno;
    }
    if (close(fd) != 0 && r == 0) {
        r = -errno;
    }
    if (r == 0 && rename(temporary, path) != 0) {
        r = -errno;
    }
    if (r != 0) {
        unlink(temporary);
        return diag_fail(d, r, "%s: cannot be written: %s", path, strerror(-r));
    }
    return 0;
}
