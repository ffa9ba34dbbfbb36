/* SPDX-License-Identifier: Apache-2.0 */
/* RA-TLS certificates: every reason has a case that gives it first; good ones are accepted. */
#include "forge/ratls.h"
#include "ratls/extension.h"
#include "verify/verify.h"

#include "tests/tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FUTURE       (FORGE_NOW + 1000)
#define PAST         (FORGE_NOW - 1000)
#define SPEC(name)   static void name(struct forge_ratls *s)
#define TEXT(name)   static void name(struct forge_text *t)
#define OUTPUT(name) static void name(struct forge_ratls_output *o)
#define POLICY(name) static void name(struct alcove_policy *p)

static uint8_t long_nonce[ALCOVE_RATLS_NONCE_MAX + 1];

/* ---- what is wrong, one function each ---- */
/* clang-format off */

POLICY(key_unset) { p->ratls_key.mode = ALCOVE_EXPECT_UNSET; }
POLICY(nonce_unset) { p->ratls_nonce.mode = ALCOVE_EXPECT_UNSET; }
POLICY(nonce_missing) { p->ratls_nonce.value = (struct alcove_bytes){NULL, 5}; }
POLICY(nonce_too_long)
{
    p->ratls_nonce.value = (struct alcove_bytes){long_nonce, sizeof long_nonce};
}
POLICY(legacy_strange) { p->ratls_legacy = 4; }
POLICY(report_data_unset) { p->report_data.mode = ALCOVE_EXPECT_UNSET; }

OUTPUT(cut) { o->der.size--; }
OUTPUT(longer) { o->der.data[o->der.size++] = 0; }
OUTPUT(head_only) { o->der.size = 2; }
OUTPUT(pem_twice)
{
    memcpy(o->pem.data + o->pem.size, o->pem.data, o->pem.size);
    o->pem.size *= 2;
    o->der = o->pem;
}
OUTPUT(pem_cut) { o->der = o->pem; o->der.size -= 2; }
OUTPUT(pem_garbage) { o->der = o->pem; o->der.data[28] = 'A'; } /* base64, and no SEQUENCE */
OUTPUT(pem_spaces)
{
    o->der = o->pem;
    memset(o->der.data + o->der.size, ' ', sizeof o->der.data - o->der.size);
    o->der.size = sizeof o->der.data; /* white space is fine, so much of it too */
}
OUTPUT(pem) { o->der = o->pem; }
OUTPUT(pem_nul) { o->der = o->pem; o->der.data[o->der.size++] = 0; }
OUTPUT(changed) { o->der.data[o->der.size - 400] ^= 1; } /* inside the PCK chain */
OUTPUT(signature_changed) { o->der.data[o->der.size - 1] ^= 1; }

OUTPUT(outer_algorithm)
{
    /* The second time, ecdsa-with-SHA256 and NULL stand outside of what is signed. */
    static const char algorithm[] = "\x2a\x86\x48\xce\x3d\x04\x03\x02\x05";
    uint8_t *p = memmem(o->der.data, o->der.size, algorithm, 9);
    REQUIRE(p != NULL);
    p = memmem(p + 1, (size_t)(o->der.data + o->der.size - p - 1), algorithm, 9);
    REQUIRE(p != NULL);
    p[7] = 3;
}

SPEC(version1) { s->version1 = true; }
SPEC(unknown_critical) { s->unknown_critical = true; }
SPEC(critical_name) { s->critical_name = true; }
SPEC(critical_purpose) { s->critical_purpose = true; }
SPEC(critical_usage) { s->critical_usage = true; }
SPEC(nameless)
{
    s->subject = s->issuer = "";
    s->critical_name = s->critical_purpose = s->critical_usage = true;
}
SPEC(critical_constraint) { s->critical_constraint = true; }
SPEC(garbled_usage) { s->garbled_usage = true; }
SPEC(twice) { s->twice = true; }
SPEC(curve) { s->key = s->signer = TLS_SECP256K1; }
SPEC(sha512) { s->sha512 = true; }
SPEC(null_sha512) { s->key = s->signer = TLS_RSA; s->sha512 = true; }
SPEC(by_stranger) { s->signer = TLS_STRANGER; }
SPEC(null_by_stranger) { s->signer = TLS_STRANGER; s->null_parameters = true; }
SPEC(future) { s->from = FUTURE; }
SPEC(past) { s->until = PAST; }
SPEC(no_evidence) { s->interoperable = false; }
SPEC(only_endorsements) { s->interoperable = false; s->endorsements = true; }
SPEC(hidden) { s->interoperable = false; s->hidden = true; s->has_nonce = false; }
SPEC(gramine) { s->interoperable = false; s->gramine = true; s->has_nonce = false; }
SPEC(rats_tls)
{
    s->interoperable = false;
    s->rats_tls = true;
    s->has_nonce = false;
    s->key = s->signer = TLS_RSA;
}
SPEC(rats_tls_ec) { rats_tls(s); s->key = s->signer = TLS_P256; }
POLICY(accept_gramine) { p->ratls_legacy = ALCOVE_RATLS_LEGACY_GRAMINE; }
POLICY(accept_rats_tls) { p->ratls_legacy = ALCOVE_RATLS_LEGACY_RATS_TLS; }
POLICY(accept_gramine_nonce)
{
    accept_gramine(p);
    p->ratls_nonce.value = (struct alcove_bytes){(const uint8_t *)"fresh", 5};
}
POLICY(accept_both)
{
    p->ratls_legacy = ALCOVE_RATLS_LEGACY_GRAMINE | ALCOVE_RATLS_LEGACY_RATS_TLS;
}

TEXT(other_tag) { t->data[2] = 0x61; }
TEXT(no_tag) { memmove(t->data, t->data + 3, t->size -= 3); }
TEXT(three) { t->data[3]++; }
TEXT(fewer) { t->data[3]--; }
TEXT(quote_is_text) { t->data[4] |= 0x20; }
TEXT(one_more) { t->data[t->size++] = 0; }
TEXT(one_less) { t->size--; }
TEXT(endless) { t->data[3] = 0x9f; t->data[t->size++] = 0xff; }
TEXT(nothing_left) { t->size = 0; }
SPEC(evidence_tag) { s->edit_evidence = other_tag; }
SPEC(evidence_no_tag) { s->edit_evidence = no_tag; }
SPEC(evidence_three) { s->edit_evidence = three; }
SPEC(evidence_fewer) { s->edit_evidence = fewer; }
SPEC(evidence_text) { s->edit_evidence = quote_is_text; }
SPEC(evidence_longer) { s->edit_evidence = one_more; }
SPEC(evidence_shorter) { s->edit_evidence = one_less; }
SPEC(evidence_endless) { s->edit_evidence = endless; }
SPEC(evidence_empty) { s->edit_evidence = nothing_left; }

/* Version 3 is in a longer form at 4; the first text follows at 9. */
TEXT(version_is_text) { t->data[4] = 0x7a; }
TEXT(list_not_hex)
{
    /* The PCK list follows the first chain; 0x59 and two bytes are its length. */
    static const char before[] = "-----END CERTIFICATE-----\n\x59";
    uint8_t *p = memmem(t->data, t->size, before, strlen(before));
    REQUIRE(p != NULL);
    p[strlen(before) + 2 + 1] = 'g';
}
SPEC(endorsements) { s->endorsements = true; }
SPEC(endorsements_tag) { endorsements(s); s->edit_endorsements = other_tag; }
SPEC(endorsements_seven) { endorsements(s); s->edit_endorsements = fewer; }
SPEC(endorsements_nine) { endorsements(s); s->edit_endorsements = three; }
SPEC(endorsements_ten) { endorsements(s); s->dated = true; s->edit_endorsements = three; }
SPEC(endorsements_longer) { endorsements(s); s->edit_endorsements = one_more; }
SPEC(endorsements_shorter) { endorsements(s); s->edit_endorsements = one_less; }
SPEC(endorsements_endless) { endorsements(s); s->edit_endorsements = endless; }
SPEC(endorsements_version) { endorsements(s); s->edit_endorsements = version_is_text; }
SPEC(endorsements_not_hex)
{
    endorsements(s);
    s->lists_in_hex = true;
    s->edit_endorsements = list_not_hex;
}
SPEC(endorsements_hex) { endorsements(s); s->lists_in_hex = s->c_strings = true; }
SPEC(endorsements_c) { endorsements(s); s->c_strings = s->dated = true; }
SPEC(endorsements_old)
{
    endorsements(s);
    forge_edit(s->quote.tcb_body, sizeof s->quote.tcb_body, "2026-10-01T00:00:00Z",
               "2026-09-10T00:00:00Z");
}
SPEC(endorsements_revoke) { endorsements(s); s->quote.pck_crl.revoked_serial = 3; }
OUTPUT(no_collateral)
{
    struct forge_part *parts[] = {&o->parts.tcb_info, &o->parts.tcb_chain, &o->parts.qe_identity,
                                  &o->parts.qe_chain, &o->parts.pck_crl, &o->parts.root_crl,
                                  &o->parts.pck_crl_chain};
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        parts[i]->size = 0;
    }
}
OUTPUT(some_collateral) { o->parts.tcb_info.size = o->parts.qe_identity.size = 0; }

/* a2 6b "pubkey-hash" 58 24 82 01 58 20 ... 65 "nonce" 45 "fresh" */
enum { AT_NAME = 1, AT_VALUE = 13, AT_ENTRY = 15, AT_ALGORITHM = 16, AT_HASH = 17 };
static void append(struct forge_text *t, struct bytes more)
{
    memcpy(t->data + t->size, more.data, more.size);
    t->size += more.size;
}
TEXT(claims_endless) { t->data[0] = 0xbf; append(t, BYTES_STR("\xff")); }
TEXT(claims_array) { t->data[0] = 0x84; }
TEXT(claims_longer) { append(t, BYTES_STR("\x00")); }
TEXT(claims_shorter) { t->size--; }
TEXT(claims_missing) { t->data[0] = 0xa3; }
TEXT(claims_nonce_twice) { t->data[0] = 0xa3; append(t, BYTES_STR("\x65nonce\x45" "fresh")); }
TEXT(claims_other_twice) { t->data[0] = 0xa4; append(t, BYTES_STR("\x61x\x40\x61x\x40")); }
TEXT(claims_hash_twice)
{
    t->data[0] = 0xa3;
    append(t, BYTES(t->data + AT_NAME, 12 + 2 + 36));
}
TEXT(claims_no_hash) { t->data[AT_NAME + 1] = 'P'; }
TEXT(claims_name_bytes) { t->data[AT_NAME] = 0x4b; }
TEXT(claims_hash_text) { t->data[AT_VALUE] = 0x78; }
TEXT(claims_entry_three) { t->data[AT_ENTRY] = 0x83; }
TEXT(claims_entry_endless) { t->data[AT_ENTRY] = 0x9f; }
TEXT(claims_algorithm_7) { t->data[AT_ALGORITHM] = 7; }
TEXT(claims_algorithm_text) { t->data[AT_ALGORITHM] = 0x60; }
TEXT(claims_hash_empty)
{
    /* [2, ""]: an unknown algorithm has a hash of no bytes. */
    t->data[0] = 0xa1;
    t->data[AT_VALUE] = 0x43;
    memcpy(t->data + AT_VALUE + 1, "\x82\x02\x40", 3);
    t->size = AT_VALUE + 4;
}
TEXT(claims_hash_is_text) { t->data[AT_HASH] = 0x78; }
TEXT(claims_nonce_text) { t->data[t->size - 6] = 0x65; }
TEXT(claims_strange_value) { t->data[0] = 0xa3; append(t, BYTES_STR("\x61x\x1c")); }
TEXT(claims_any_value) { t->data[0] = 0xa3; append(t, BYTES_STR("\x61x\x82\xf6\x9f\x01\xff")); }
TEXT(claims_long_number)
{
    /* [0x18 01, hash]: one in two bytes. */
    memmove(t->data + AT_ALGORITHM + 1, t->data + AT_ALGORITHM, t->size - AT_ALGORITHM);
    t->data[AT_ALGORITHM] = 0x18;
    t->data[AT_VALUE + 1]++;
    t->size++;
}
TEXT(claims_empty) { t->size = 0; }
#define CLAIMS(name) SPEC(spec_##name) { s->edit_claims = name; }
CLAIMS(claims_endless) CLAIMS(claims_array) CLAIMS(claims_longer) CLAIMS(claims_shorter)
CLAIMS(claims_missing) CLAIMS(claims_nonce_twice) CLAIMS(claims_other_twice)
CLAIMS(claims_hash_twice) CLAIMS(claims_no_hash) CLAIMS(claims_name_bytes) CLAIMS(claims_hash_text)
CLAIMS(claims_entry_three) CLAIMS(claims_entry_endless) CLAIMS(claims_algorithm_7)
CLAIMS(claims_algorithm_text) CLAIMS(claims_hash_is_text) CLAIMS(claims_nonce_text)
CLAIMS(claims_strange_value) CLAIMS(claims_any_value) CLAIMS(claims_long_number)
CLAIMS(claims_empty) CLAIMS(claims_hash_empty)
SPEC(algorithm_2) { s->hash_algorithm = 2; }
SPEC(many_claims) { s->extra_claims = 30; } /* 32 in all */
SPEC(too_many_claims) { s->extra_claims = 31; }
SPEC(nonce_513) { s->nonce = BYTES_OF(long_nonce); }
SPEC(nonce_512) { s->nonce = BYTES(long_nonce, ALCOVE_RATLS_NONCE_MAX); }
SPEC(nonce_empty) { s->nonce.size = 0; }
SPEC(no_nonce) { s->has_nonce = false; }
POLICY(other_nonce) { p->ratls_nonce.value = (struct alcove_bytes){(const uint8_t *)"stale", 5}; }
POLICY(no_nonce_wanted) { p->ratls_nonce.value = (struct alcove_bytes){0}; }
POLICY(nonce_wanted) { p->ratls_nonce.value = (struct alcove_bytes){(const uint8_t *)"fresh", 5}; }
POLICY(any)
{
    p->ratls_nonce = (struct alcove_expect_bytes){.mode = ALCOVE_EXPECT_ANY};
    p->ratls_key.mode = ALCOVE_EXPECT_ANY;
}
POLICY(other_key) { p->ratls_key.value[0] ^= 1; }
SPEC(other_hash) { s->other_hash = true; }
SPEC(report_data) { s->keep_report_data = true; }
SPEC(report_data_zero)
{
    s->keep_report_data = true;
    memset(s->quote.body.reportdata, 0, 64);
}
SPEC(report_data_tail) { s->dirty_tail = true; }
SPEC(sha384_report_data) { s->sha384_report_data = true; }
SPEC(gramine_report_data) { gramine(s); s->keep_report_data = true; }
SPEC(rats_tls_report_data) { rats_tls(s); s->keep_report_data = true; }
POLICY(fixed_report_data) { p->report_data.mode = ALCOVE_EXPECT_VALUE; }
SPEC(quote_version) { s->quote.version = 9; }
SPEC(debug) { s->quote.body.attributes.flags |= SGX_FLAGS_DEBUG; }

/* Good ones. */
SPEC(nothing) { (void)s; }
SPEC(p384) { s->key = s->signer = TLS_P384; s->sha384 = true; }
SPEC(p384_sha256) { s->key = s->signer = TLS_P384; }
SPEC(p256_sha384) { s->sha384 = true; }
SPEC(rsa) { s->key = s->signer = TLS_RSA; }
SPEC(null_parameters) { s->null_parameters = true; }
SPEC(null_p384) { p384(s); s->null_parameters = true; }
SPEC(hash_384) { s->hash_algorithm = 7; }
SPEC(hash_512) { s->hash_algorithm = 8; }
SPEC(critical) { s->critical = s->endorsements = true; }
SPEC(both_formats) { s->gramine = s->rats_tls = true; }
SPEC(of_a_ca) { s->issuer = "A CA"; s->signer = TLS_STRANGER; }
SPEC(of_a_ca_unknown) { s->issuer = "A CA"; s->signer = TLS_SECP256K1; }
SPEC(tdx_4) { forge_defaults_tdx(&s->quote, 4); }
SPEC(tdx_5) { forge_defaults_tdx(&s->quote, 5); }
SPEC(tdx_sha384) { tdx_4(s); s->sha384_report_data = true; s->hash_algorithm = 7; }
SPEC(tdx_report_data) { tdx_4(s); s->keep_report_data = true; }

/* clang-format on */

struct test_case {
    const char *what;
    void (*spec)(struct forge_ratls *);
    void (*output)(struct forge_ratls_output *);
    void (*policy)(struct alcove_policy *);
    enum alcove_reason reason;
};
#define CASE(spec, output, policy, expected, text)                                                 \
    {                                                                                              \
        text, spec, output, policy, ALCOVE_REASON_##expected                                       \
    }
#define S(spec, expected, text)   CASE(spec, NULL, NULL, expected, text)
#define O(output, expected, text) CASE(NULL, output, NULL, expected, text)
#define P(policy, expected, text) CASE(NULL, NULL, policy, expected, text)
#define C(claims, text)           CASE(spec_##claims, NULL, NULL, RATLS_CLAIMS, text)

static const struct test_case cases[] = {
    P(key_unset, POLICY_INCOMPLETE, "a forgotten key rejects"),
    P(nonce_unset, POLICY_INCOMPLETE, "a forgotten nonce rejects"),
    P(nonce_missing, POLICY_INCOMPLETE, "a nonce without bytes rejects"),
    P(nonce_too_long, POLICY_INCOMPLETE, "a nonce that no certificate can have rejects"),
    P(legacy_strange, POLICY_INCOMPLETE, "an unknown older format rejects"),
    P(report_data_unset, POLICY_INCOMPLETE, "report data must be chosen besides"),
    O(cut, RATLS_FORMAT, "a certificate cut by a byte"),
    O(longer, RATLS_FORMAT, "a byte behind the certificate"),
    O(head_only, RATLS_FORMAT, "nothing but the beginning"),
    O(pem_twice, RATLS_FORMAT, "two certificates"),
    O(pem_cut, RATLS_FORMAT, "PEM without its end"),
    O(pem_garbage, RATLS_FORMAT, "PEM of something else"),
    S(version1, RATLS_PROFILE, "X.509 version 1"),
    S(unknown_critical, RATLS_PROFILE, "an unknown critical extension"),
    S(critical_constraint, RATLS_PROFILE, "critical name constraints"),
    S(garbled_usage, RATLS_PROFILE, "keyUsage that cannot be read"),
    S(twice, RATLS_PROFILE, "evidence twice"),
    S(curve, RATLS_SIGNATURE_SCHEME, "a key on another curve"),
    S(sha512, RATLS_SIGNATURE_SCHEME, "ECDSA with SHA-512"),
    S(null_sha512, RATLS_SIGNATURE_SCHEME, "RSA with SHA-512"),
    CASE(null_parameters, outer_algorithm, NULL, RATLS_SIGNATURE_SCHEME,
         "two algorithms, both with NULL parameters"),
    S(by_stranger, RATLS_SIGNATURE, "a certificate signed by another key"),
    S(null_by_stranger, RATLS_SIGNATURE, "the same with NULL parameters"),
    O(changed, RATLS_SIGNATURE, "a changed byte"),
    O(signature_changed, RATLS_SIGNATURE, "a changed signature"),
    S(future, RATLS_NOT_YET_VALID, "a certificate of the future"),
    S(past, RATLS_EXPIRED, "an expired certificate"),
    S(no_evidence, RATLS_NO_EVIDENCE, "a certificate like others"),
    S(only_endorsements, RATLS_NO_EVIDENCE, "endorsements without evidence"),
    CASE(hidden, NULL, accept_both, RATLS_NO_EVIDENCE, "an identifier inside another extension"),
    S(gramine, RATLS_LEGACY, "Gramine's format, not asked for"),
    S(rats_tls, RATLS_LEGACY, "RATS-TLS's format, not asked for"),
    CASE(gramine, NULL, accept_rats_tls, RATLS_LEGACY, "Gramine's format, the other asked for"),
    CASE(rats_tls, NULL, accept_gramine, RATLS_LEGACY, "RATS-TLS's format, the other asked for"),
    S(evidence_tag, RATLS_EVIDENCE, "another tag"),
    S(evidence_no_tag, RATLS_EVIDENCE, "no tag"),
    S(evidence_three, RATLS_EVIDENCE, "three elements said"),
    S(evidence_fewer, RATLS_EVIDENCE, "one element said"),
    S(evidence_text, RATLS_EVIDENCE, "a quote that is text"),
    S(evidence_longer, RATLS_EVIDENCE, "a byte behind the evidence"),
    S(evidence_shorter, RATLS_EVIDENCE, "evidence cut by a byte"),
    S(evidence_endless, RATLS_EVIDENCE, "evidence of indefinite length"),
    S(evidence_empty, RATLS_EVIDENCE, "empty evidence"),
    S(endorsements_tag, RATLS_ENDORSEMENTS, "endorsements with another tag"),
    S(endorsements_seven, RATLS_ENDORSEMENTS, "seven endorsements said"),
    S(endorsements_nine, RATLS_ENDORSEMENTS, "nine endorsements said"),
    S(endorsements_ten, RATLS_ENDORSEMENTS, "ten endorsements said"),
    S(endorsements_longer, RATLS_ENDORSEMENTS, "a byte behind the endorsements"),
    S(endorsements_shorter, RATLS_ENDORSEMENTS, "endorsements cut by a byte"),
    S(endorsements_endless, RATLS_ENDORSEMENTS, "endorsements of indefinite length"),
    S(endorsements_version, RATLS_ENDORSEMENTS, "a version that is text"),
    S(endorsements_not_hex, RATLS_ENDORSEMENTS, "a list that is not quite hexadecimal"),
    C(claims_endless, "claims of indefinite length"),
    C(claims_array, "claims that are an array"),
    C(claims_longer, "a byte behind the claims"),
    C(claims_shorter, "claims cut by a byte"),
    C(claims_missing, "one claim too few"),
    C(claims_nonce_twice, "two nonces"),
    C(claims_other_twice, "an unknown claim twice"),
    C(claims_hash_twice, "two key hashes"),
    C(claims_no_hash, "no key hash"),
    C(claims_name_bytes, "a name that is bytes"),
    C(claims_hash_text, "a key hash in a text"),
    C(claims_entry_three, "a key hash of three elements"),
    C(claims_entry_endless, "a key hash of indefinite length"),
    C(claims_algorithm_7, "SHA-384 of 32 bytes"),
    C(claims_algorithm_text, "an algorithm that is text"),
    C(claims_hash_is_text, "a hash that is text"),
    C(claims_hash_empty, "a hash of no bytes"),
    C(claims_nonce_text, "a nonce that is text"),
    C(claims_strange_value, "an unknown claim that is no CBOR"),
    C(claims_empty, "no claims"),
    S(algorithm_2, RATLS_CLAIMS, "a truncated hash"),
    S(too_many_claims, RATLS_CLAIMS, "33 claims"),
    CASE(nonce_513, NULL, any, RATLS_CLAIMS, "a nonce of 513 bytes"),
    S(other_hash, RATLS_KEY_HASH, "claims of another key"),
    S(report_data, RATLS_BINDING, "report data of something else"),
    S(report_data_tail, RATLS_BINDING, "the right hash and then not zeros"),
    S(report_data_zero, RATLS_BINDING, "report data of nothing"),
    S(sha384_report_data, RATLS_BINDING, "SHA-384 of the claims in an enclave's report"),
    S(tdx_report_data, RATLS_BINDING, "a virtual machine's report data of something else"),
    CASE(gramine_report_data, NULL, accept_gramine, RATLS_BINDING, "Gramine: something else"),
    CASE(rats_tls_report_data, NULL, accept_rats_tls, RATLS_BINDING, "RATS-TLS: something else"),
    CASE(rats_tls_ec, NULL, accept_rats_tls, RATLS_BINDING, "RATS-TLS: not an RSA key"),
    P(other_key, RATLS_KEY, "a certificate of another key"),
    P(other_nonce, RATLS_NONCE, "another nonce"),
    P(no_nonce_wanted, RATLS_NONCE, "a nonce where none is expected"),
    CASE(no_nonce, NULL, nonce_wanted, RATLS_NONCE, "no nonce"),
    CASE(gramine, NULL, accept_gramine_nonce, RATLS_NONCE, "older formats have no nonce"),
    P(fixed_report_data, REPORT_DATA, "expected report data count besides"),
    S(quote_version, QUOTE_VERSION, "no quote inside"),
    S(debug, DEBUG, "a debug enclave"),
    O(no_collateral, COLLATERAL_MISSING, "no collateral, no endorsements"),
    CASE(endorsements, some_collateral, NULL, COLLATERAL_MISSING,
         "endorsements do not fill gaps of the caller's collateral"),
    CASE(endorsements_old, no_collateral, NULL, TCB_INFO_EXPIRED, "endorsements that are old"),
    CASE(endorsements_revoke, no_collateral, NULL, PCK_REVOKED, "endorsements that revoke"),

    S(nothing, NONE, "the interoperable format"),
    O(pem, NONE, "in PEM"),
    O(pem_nul, NONE, "in PEM that ends with a NUL"),
    O(pem_spaces, NONE, "in PEM and many spaces"),
    P(any, NONE, "any key, any nonce"),
    S(no_nonce, NONE, "without a nonce, and none expected"),
    S(nonce_empty, NONE, "with an empty nonce"),
    S(nonce_512, NONE, "with a nonce of 512 bytes"),
    S(p384, NONE, "a P-384 key"),
    S(p384_sha256, NONE, "a P-384 key with SHA-256"),
    S(p256_sha384, NONE, "a P-256 key with SHA-384"),
    S(rsa, NONE, "an RSA key"),
    S(null_parameters, NONE, "NULL parameters"),
    S(null_p384, NONE, "NULL parameters with SHA-384"),
    S(hash_384, NONE, "pubkey-hash by SHA-384"),
    S(hash_512, NONE, "pubkey-hash by SHA-512"),
    S(many_claims, NONE, "32 claims"),
    S(spec_claims_any_value, NONE, "an unknown claim of any form"),
    S(spec_claims_long_number, NONE, "a number in a longer form"),
    S(critical, NONE, "critical extensions that are known"),
    S(of_a_ca, NONE, "signed by a CA"),
    S(of_a_ca_unknown, NONE, "signed by a CA in a way that nobody here knows"),
    S(both_formats, NONE, "older formats besides"),
    CASE(both_formats, NULL, accept_both, NONE, "older formats besides, and accepted"),
    CASE(gramine, NULL, accept_gramine, NONE, "Gramine's format"),
    CASE(rats_tls, NULL, accept_rats_tls, NONE, "RATS-TLS's format"),
    S(tdx_4, NONE, "a virtual machine, version 4"),
    S(tdx_5, NONE, "a virtual machine, version 5"),
    S(tdx_sha384, NONE, "a virtual machine, SHA-384 as Intel's library writes it"),
    S(endorsements, NONE, "endorsements beside the caller's collateral"),
    S(critical_name, NONE, "a critical subject alternative name"),
    S(critical_purpose, NONE, "a critical extended key usage"),
    S(critical_usage, NONE, "a critical key usage"),
    S(nameless, NONE, "no subject, and so a critical alternative name"),
    CASE(endorsements, no_collateral, NULL, NONE, "endorsements as collateral"),
    CASE(endorsements_hex, no_collateral, NULL, NONE, "lists in hexadecimal"),
    CASE(endorsements_c, no_collateral, NULL, NONE, "endorsements that end with NULs, and a date"),
};

static void run_case(const struct test_case *t)
{
    static struct forge_ratls s;
    static struct forge_ratls_output o;
    struct alcove_result r;
    forge_ratls_defaults(&s);
    if (t->spec) {
        t->spec(&s);
    }
    forge_ratls_build(&s, &o);
    struct alcove_policy p = forge_ratls_policy(&s, &o);
    if (t->output) {
        t->output(&o);
    }
    if (t->policy) {
        t->policy(&p);
    }
    struct alcove_collateral c = forge_collateral(&o.parts);
    struct alcove_verdict v =
        alcove_verify((struct alcove_bytes){o.der.data, o.der.size}, &c, &p, FORGE_NOW, &r);
    bool accepted = alcove_verdict_accepted(v);
    CHECK(r.first_reason == t->reason && accepted == (t->reason == ALCOVE_REASON_NONE), "%s: %s",
          t->what, alcove_reason_name(t->reason));
    if (r.first_reason != t->reason) {
        printf("# got %s\n", alcove_reason_name(r.first_reason));
    }
}

static void test_every_reason_has_a_case(void)
{
    static const enum alcove_reason own[] = {
#define REASON(name, text, explanation) ALCOVE_REASON_##name,
#include "verify/reasons_ratls.def"
#undef REASON
    };
    for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
        bool found = false;
        for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
            found = found || cases[k].reason == own[i];
        }
        CHECK(found, "%s has a case", alcove_reason_name(own[i]));
    }
}

static void test_result(void)
{
    static struct forge_ratls s;
    static struct forge_ratls_output o;
    struct alcove_result r;
    forge_ratls_defaults(&s);
    forge_ratls_build(&s, &o);
    struct alcove_policy p = forge_ratls_policy(&s, &o);
    struct alcove_collateral c = forge_collateral(&o.parts);
    struct alcove_bytes evidence = {o.der.data, o.der.size};
    struct alcove_verdict v = alcove_verify(evidence, &c, &p, FORGE_NOW, &r);
    CHECK(alcove_verdict_accepted(v) && r.wrapping == ALCOVE_WRAPPING_RATLS && r.has_ratls &&
              r.kind == ALCOVE_EVIDENCE_SGX_QUOTE && r.has_sgx,
          "the result tells wrapping and kind");
    CHECK(memcmp(r.ratls.spki_sha256, o.spki_sha256, 32) == 0, "and the key");
    CHECK(r.ratls.has_nonce && r.ratls.nonce_size == 5 && memcmp(r.ratls.nonce, "fresh", 5) == 0,
          "and the nonce");
    CHECK(r.ratls.not_before == FORGE_NOW - 3600 && r.ratls.not_after == FORGE_NOW + 3600,
          "and the period");
    CHECK(r.earliest_expiration == FORGE_NOW + 3600, "which is the earliest to end");
    p.ratls_key.value[0] ^= 1;
    p.allow_debug = true;
    v = alcove_verify(evidence, &c, &p, FORGE_NOW + 3601, &r);
    CHECK(!alcove_verdict_accepted(v) && alcove_result_failed(&r, ALCOVE_REASON_RATLS_KEY) &&
              alcove_result_failed(&r, ALCOVE_REASON_RATLS_EXPIRED),
          "a rejection names all that is wrong");
}

/* Whoever asks for the kind is told it of every certificate that would be verified. */
static void test_kind(void)
{
    static struct forge_ratls s;
    static struct forge_ratls_output o;
    static const struct {
        void (*change)(struct forge_ratls_output *);
        const char *what;
    } outputs[] = {
        {NULL, "DER"}, {pem, "PEM"}, {pem_nul, "PEM and a NUL"}, {pem_spaces, "long PEM"}};
    for (size_t i = 0; i < ARRAY_SIZE(outputs); i++) {
        enum alcove_wrapping wrapping = ALCOVE_WRAPPING_NONE;
        forge_ratls_defaults(&s);
        forge_ratls_build(&s, &o);
        if (outputs[i].change != NULL) {
            outputs[i].change(&o);
        }
        struct alcove_bytes evidence = {o.der.data, o.der.size};
        CHECK(alcove_evidence_kind_of(evidence, &wrapping) == ALCOVE_EVIDENCE_SGX_QUOTE &&
                  wrapping == ALCOVE_WRAPPING_RATLS,
              "%s has a kind", outputs[i].what);
    }
}

/* Endorsements serve only where the caller has nothing at all. */
static void test_gaps(void)
{
    static struct forge_ratls s;
    static struct forge_ratls_output o;
    struct alcove_result r;
    forge_ratls_defaults(&s);
    s.endorsements = true;
    forge_ratls_build(&s, &o);
    struct alcove_policy p = forge_ratls_policy(&s, &o);
    for (size_t i = 0; i < 7; i++) {
        struct alcove_collateral all = forge_collateral(&o.parts), one = {0};
        const struct alcove_bytes *from[] = {&all.tcb_info,     &all.tcb_chain, &all.qe_identity,
                                             &all.qe_chain,     &all.pck_crl,   &all.root_crl,
                                             &all.pck_crl_chain};
        struct alcove_bytes *to[] = {&one.tcb_info,     &one.tcb_chain, &one.qe_identity,
                                     &one.qe_chain,     &one.pck_crl,   &one.root_crl,
                                     &one.pck_crl_chain};
        *to[i] = *from[i];
        struct alcove_verdict v =
            alcove_verify((struct alcove_bytes){o.der.data, o.der.size}, &one, &p, FORGE_NOW, &r);
        CHECK(!alcove_verdict_accepted(v) && r.first_reason == ALCOVE_REASON_COLLATERAL_MISSING,
              "endorsements do not fill up collateral that has only part %zu", i);
    }
}

/* 60000([3, "", "", list, "", "", "", ""]) */
static bool read_list(struct bytes list, size_t capacity, struct alcove_bytes *ret)
{
    uint8_t text[64], decoded[8];
    struct writer w = writer_of(text, sizeof text), out = writer_of(decoded, capacity);
    struct alcove_collateral c;
    REQUIRE(capacity <= sizeof decoded && list.size < 24);
    writer_put(&w, BYTES_STR("\xd9\xea\x60\x88\x03\x40\x40"));
    writer_be(&w, 0x40 + list.size, 1);
    writer_put(&w, list);
    writer_put(&w, BYTES_STR("\x40\x40\x40\x40"));
    if (!ratls_endorsements_read(BYTES(text, w.size), &out, &c)) {
        return false;
    }
    *ret = c.pck_crl;
    return true;
}

static void test_lists(void)
{
    struct alcove_bytes r = {0};
    CHECK(read_list(BYTES_STR("\x30\x01\x05"), 8, &r) && r.size == 3, "a list in DER");
    CHECK(read_list(BYTES_STR("\x30\x01\x05\x00"), 8, &r) && r.size == 3, "and a NUL");
    CHECK(read_list(BYTES_STR("\x30\x01\x05\x01"), 8, &r) && r.size == 4,
          "what follows otherwise is left there, for the list's reader to refuse");
    CHECK(read_list(BYTES_STR("300105"), 8, &r) && r.size == 3 && r.data[0] == 0x30,
          "a list in hexadecimal");
    CHECK(!read_list(BYTES_STR("300105"), 2, &r), "for which there must be room");
    CHECK(!read_list(BYTES_STR("30010"), 8, &r), "with an even number of digits");
}

static void test_truncation(void)
{
    static struct forge_ratls s;
    static struct forge_ratls_output o;
    struct alcove_result r;
    forge_ratls_defaults(&s);
    forge_ratls_build(&s, &o);
    struct alcove_policy p = forge_ratls_policy(&s, &o);
    struct alcove_collateral c = forge_collateral(&o.parts);
    size_t wrong = 0;
    for (size_t n = 2; n < o.der.size; n++) {
        struct alcove_verdict v =
            alcove_verify((struct alcove_bytes){o.der.data, n}, &c, &p, FORGE_NOW, &r);
        wrong += alcove_verdict_accepted(v) || r.first_reason != ALCOVE_REASON_RATLS_FORMAT;
    }
    CHECK(wrong == 0, "every shorter piece is refused as malformed");
}

/* ---- real certificates ---- */

static struct alcove_bytes load(const char *folder, const char *name)
{
    char path[4096];
    static uint8_t data[20][65536];
    static size_t used;
    snprintf(path, sizeof path, "%s/evidence/%s", folder, name);
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        return (struct alcove_bytes){0};
    }
    REQUIRE(used < ARRAY_SIZE(data));
    size_t size = fread(data[used], 1, sizeof data[used], f);
    fclose(f);
    return (struct alcove_bytes){data[used++], size};
}

#define IN_MAY_2023 INT64_C(1684540800)

static struct alcove_result judge_real(const char *folder, const char *name, uint32_t legacy)
{
    static struct alcove_collateral c;
    struct alcove_result r;
    struct alcove_policy p = alcove_policy_strict();
    p.accepted_statuses = ALCOVE_TCB_BIT(ALCOVE_TCB_NOT_SUPPORTED) - 2;
    p.advisories.tolerate_mode = p.mrenclave.mode = p.signer.mode = ALCOVE_EXPECT_ANY;
    p.configid.mode = p.report_data.mode = ALCOVE_EXPECT_ANY;
    p.ratls_key.mode = p.ratls_nonce.mode = ALCOVE_EXPECT_ANY;
    p.ratls_legacy = legacy;
    p.allow_debug = true;
    if (c.tcb_info.size == 0) {
#define POOL(file) load(folder, "collateral-pool/" file)
        c.tcb_info = POOL("tcbinfo/00606a000000-SGX-v3-eval15-2023-05-15T140811.json");
        c.qe_identity = POOL("identity/QE-v2-eval15-2023-05-15T144840.json");
        c.tcb_chain = c.qe_chain = POOL("tcb-signing-chain-2018.pem");
        c.pck_crl = POOL("crl/Intel_SGX_PCK_Platform_CA-20230513T210003-44revoked.der");
        c.root_crl = POOL("crl/Intel_SGX_Root_CA-20230403T102251-0revoked.der");
    }
    struct alcove_verdict v = alcove_verify(load(folder, name), &c, &p, IN_MAY_2023, &r);
    REQUIRE(v.accepted_word == r.verdict.accepted_word);
    return r;
}

static bool has_own_reason(const struct alcove_result *r)
{
#define REASON(name, text, explanation) || alcove_result_failed(r, ALCOVE_REASON_##name)
    return false
#include "verify/reasons_ratls.def"
        ;
#undef REASON
}

static void test_real(const char *folder)
{
    static const struct {
        const char *name;
        enum alcove_wrapping wrapping;
        uint32_t legacy;
    } good[] = {
        {"ratls/ccc-gramine/cert.pem", ALCOVE_WRAPPING_RATLS, 0},
        {"ratls/ccc-gramine/cert.pem", ALCOVE_WRAPPING_RATLS, ALCOVE_RATLS_LEGACY_GRAMINE},
        {"ratls/ccc-rats-tls/cert.pem", ALCOVE_WRAPPING_RATLS, 0},
        {"ratls/legacy-rats-tls-cert-openssl-sample/cert.pem",
         ALCOVE_WRAPPING_RATLS_LEGACY_RATS_TLS, ALCOVE_RATLS_LEGACY_RATS_TLS},
    };
    struct alcove_result r;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        r = judge_real(folder, good[i].name, good[i].legacy);
        CHECK(alcove_verdict_accepted(r.verdict) && r.wrapping == good[i].wrapping,
              "%s is accepted as of May 2023", good[i].name);
        printf("# %s, %s, %s\n", alcove_reason_name(r.first_reason),
               alcove_wrapping_name(r.wrapping), alcove_tcb_status_name(r.tcb_status));
    }
    r = judge_real(folder, "ratls/ccc-intel-sgxsdk/cert.pem", 0);
    CHECK(r.wrapping == ALCOVE_WRAPPING_RATLS && !has_own_reason(&r) &&
              !alcove_result_failed(&r, ALCOVE_REASON_QUOTE_SIGNATURE) &&
              alcove_result_failed(&r, ALCOVE_REASON_TCB_INFO_PLATFORM),
          "Intel's sample binds; nothing fails but the collateral of another platform");
    r = judge_real(folder, "ratls/legacy-rats-tls-cert-openssl-sample/cert.pem",
                   ALCOVE_RATLS_LEGACY_GRAMINE);
    CHECK(r.first_reason == ALCOVE_REASON_RATLS_LEGACY, "an older format is accepted by name only");
    r = judge_real(folder,
                   "ratls/evervault-non-debug-cert-containing-attestation-do/"
                   "non-debug-cert-containing-attestation-document-18-1-23-der.crt",
                   3);
    CHECK(alcove_result_failed(&r, ALCOVE_REASON_RATLS_NO_EVIDENCE),
          "a document in a subject alternative name is no evidence here");
    r = judge_real(folder, "negative/ratls-oe-sgx_cert_ec_bad/cert.der", 3);
    CHECK(r.first_reason == ALCOVE_REASON_RATLS_SIGNATURE,
          "Open Enclave's certificate with a bad signature is refused");
}

/* usage: ratls_test [SHARED]; $ALCOVE_SHARED wins. */
int main(int argc, char **argv)
{
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        run_case(&cases[i]);
    }
    test_every_reason_has_a_case();
    test_result();
    test_kind();
    test_gaps();
    test_lists();
    test_truncation();
    const char *shared = getenv("ALCOVE_SHARED");
    if (shared == NULL && argc > 1) {
        shared = argv[1];
    }
    if (shared != NULL && load(shared, "ratls/ccc-gramine/cert.pem").size > 0) {
        test_real(shared);
    } else {
        SKIP("no ../shared/evidence", "real certificates");
    }
    return tap_done();
}
