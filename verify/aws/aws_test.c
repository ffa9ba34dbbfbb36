/* SPDX-License-Identifier: Apache-2.0 */
/* Nitro documents: good ones in every form are accepted, and each reason has a case that gives it
 * first. Real documents when ../shared is there. */
#include "aws/cose.h"
#include "aws/document.h"
#include "forge/aws.h"
#include "verify/limits.h"

#include "tests/tap.h"

#include <stdlib.h>
#include <string.h>

#define DAY          INT64_C(86400)
#define NOW          FORGE_NITRO_NOW
#define SPEC(name)   static void name(struct forge_nitro *f)
#define EDIT(name)   static void name(struct forge_nitro_payload *p)
#define COSE(name)   static void name(struct forge_nitro_cose *c)
#define POLICY(name) static void name(struct alcove_policy *p)

static void value(struct forge_nitro_payload *p, int member, const void *data, size_t size)
{
    forge_blob_set(&p->members[member].value, data, size);
}
#define VALUE(member, lit) value(p, (member), (lit), sizeof(lit) - 1)
static void drop(struct forge_nitro_payload *p, int member)
{
    memmove(&p->members[member], &p->members[member + 1],
            (p->count - (size_t)member - 1) * sizeof p->members[0]);
    p->count--;
}
static void add(struct forge_nitro_payload *p, const char *key, const char *encoded)
{
    struct forge_nitro_member *m = &p->members[p->count++];
    m->key.data[0] = (uint8_t)(0x60 + strlen(key));
    memcpy(m->key.data + 1, key, strlen(key));
    m->key.size = 1 + strlen(key);
    forge_blob_set(&m->value, encoded, strlen(encoded));
}
/* A byte or text string of so many bytes. */
static void long_value(struct forge_nitro_payload *p, int member, uint8_t major, size_t size)
{
    struct forge_blob *b = &p->members[member].value;
    b->data[0] = (uint8_t)(major << 5 | 25);
    b->data[1] = (uint8_t)(size >> 8);
    b->data[2] = (uint8_t)size;
    memset(b->data + 3, 'x', size);
    b->size = 3 + size;
}

/* ---- what is changed, one function each ---- */
/* clang-format off */

POLICY(unset_pcr0) { p->nitro_pcr[0].mode = ALCOVE_EXPECT_UNSET; }
POLICY(unset_pcr2) { p->nitro_pcr[2].mode = ALCOVE_EXPECT_UNSET; }
POLICY(unset_pcr31) { p->nitro_pcr[31].mode = ALCOVE_EXPECT_UNSET; }
POLICY(pcr_of_no_size) { p->nitro_pcr[4].size = 0; }
POLICY(pcr_of_strange_size) { p->nitro_pcr[4].size = 65; }
POLICY(strange_mode) { p->nitro_pcr[4].mode = (enum alcove_expect)9; }
POLICY(unset_nonce) { p->nitro_nonce.mode = ALCOVE_EXPECT_UNSET; }
POLICY(unset_user_data) { p->nitro_user_data.mode = ALCOVE_EXPECT_UNSET; }
POLICY(unset_public_key) { p->nitro_public_key.mode = ALCOVE_EXPECT_UNSET; }
POLICY(nonce_of_nowhere) { p->nitro_nonce.value.data = NULL; }
POLICY(unset_time) { p->nitro_time = ALCOVE_NITRO_TIME_UNSET; }
POLICY(strange_time) { p->nitro_time = (enum alcove_nitro_time)3; }

COSE(array_of_3) { FORGE_BLOB_LIT(&c->head, "\x84\x41x"); }
COSE(four_and_more_announced) { FORGE_BLOB_LIT(&c->head, "\x98\x05"); }
COSE(one_less) { FORGE_BLOB_LIT(&c->head, "\x83"); }
COSE(one_more) { FORGE_BLOB_LIT(&c->head, "\x85"); FORGE_BLOB_LIT(&c->tail, "\x40"); }
COSE(endless_array) { FORGE_BLOB_LIT(&c->head, "\x9f"); FORGE_BLOB_LIT(&c->tail, "\xff"); }
COSE(long_head) { FORGE_BLOB_LIT(&c->head, "\x98\x04"); }
COSE(two_tags) { FORGE_BLOB_LIT(&c->head, "\xd2\xd2\x84"); }
COSE(end_cut) { c->payload.size--; }
COSE(signature_short) { c->signature.size = 95; }
COSE(signature_long) { c->signature.data[c->signature.size++] = 0; }
COSE(signature_empty) { c->signature.size = 0; }
COSE(payload_empty) { c->payload.size = 0; }
COSE(unprotected_no_map) { FORGE_BLOB_LIT(&c->unprotected, "\x80"); }
COSE(unprotected_null) { FORGE_BLOB_LIT(&c->unprotected, "\xf6"); }
COSE(unprotected_twice) { FORGE_BLOB_LIT(&c->unprotected, "\xa2\x01\x00\x01\x00"); }
COSE(unprotected_text_twice) { FORGE_BLOB_LIT(&c->unprotected, "\xa2\x61x\x00\x61x\x00"); }
COSE(unprotected_label) { FORGE_BLOB_LIT(&c->unprotected, "\xa1\x41x\x00"); }
COSE(unprotected_cut) { FORGE_BLOB_LIT(&c->unprotected, "\xbf\x01"); }
COSE(unprotected_many)
{
    FORGE_BLOB_LIT(&c->unprotected, "\xa9\x01\0\x02\0\x03\0\x04\0\x05\0\x06\0\x07\0\x08\0\x09\0");
}
COSE(unprotected_deep)
{
    FORGE_BLOB_LIT(&c->unprotected, "\xa1\x01\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x80");
}
COSE(unprotected_alg) { FORGE_BLOB_LIT(&c->unprotected, "\xa1\x01\x38\x22"); }
COSE(unprotected_full)
{
    FORGE_BLOB_LIT(&c->unprotected,
                   "\xbf\x01\x26\x04\x42hi\x20\x81\x61x\x61k\xa1\x01\x02\x61l\xf5\xff");
}
COSE(trailing) { FORGE_BLOB_LIT(&c->tail, "\0\0\0"); }
COSE(tagged) { FORGE_BLOB_LIT(&c->head, "\xd2\x84"); }
COSE(alg_es256) { FORGE_BLOB_LIT(&c->protected_header, "\xa1\x01\x26"); }
COSE(alg_missing) { FORGE_BLOB_LIT(&c->protected_header, "\xa0"); }
COSE(alg_empty)
{
    c->protected_header.size = 0;
    FORGE_BLOB_LIT(&c->unprotected, "\xa1\x01\x38\x22");
}
COSE(alg_and_more) { FORGE_BLOB_LIT(&c->protected_header, "\xa2\x01\x38\x22\x03\x00"); }
SPEC(with_array_of_3) { f->wrap = array_of_3; }
SPEC(with_four_and_more) { f->wrap = four_and_more_announced; }
SPEC(with_one_less) { f->wrap = one_less; }
SPEC(with_one_more) { f->wrap = one_more; }
SPEC(with_endless_array) { f->wrap = endless_array; }
SPEC(with_long_head) { f->wrap = long_head; }
SPEC(with_two_tags) { f->wrap = two_tags; }
SPEC(with_end_cut) { f->indefinite = true; f->protect = end_cut; }
SPEC(with_signature_short) { f->wrap = signature_short; }
SPEC(with_signature_long) { f->wrap = signature_long; }
SPEC(with_signature_empty) { f->wrap = signature_empty; }
SPEC(with_payload_empty) { f->protect = payload_empty; }
SPEC(with_unprotected_no_map) { f->wrap = unprotected_no_map; }
SPEC(with_unprotected_null) { f->wrap = unprotected_null; }
SPEC(with_unprotected_twice) { f->wrap = unprotected_twice; }
SPEC(with_unprotected_text_twice) { f->wrap = unprotected_text_twice; }
SPEC(with_unprotected_label) { f->wrap = unprotected_label; }
SPEC(with_unprotected_cut) { f->wrap = unprotected_cut; }
SPEC(with_unprotected_many) { f->wrap = unprotected_many; }
SPEC(with_unprotected_deep) { f->wrap = unprotected_deep; }
SPEC(with_unprotected_alg) { f->wrap = unprotected_alg; }
SPEC(with_unprotected_full) { f->wrap = unprotected_full; }
SPEC(with_trailing) { f->wrap = trailing; }
SPEC(with_tag) { f->wrap = tagged; }
SPEC(with_alg_es256) { f->protect = alg_es256; }
SPEC(with_alg_missing) { f->protect = alg_missing; }
SPEC(with_alg_outside) { f->protect = alg_empty; }
SPEC(with_alg_and_more) { f->protect = alg_and_more; }
POLICY(allow_trailing) { p->allow_trailing = true; }

EDIT(not_a_map)
{
    p->count = 0;
    p->indefinite = true;
    VALUE(0, "");
    FORGE_BLOB_LIT(&p->tail, "\x80");
}
EDIT(map_and_more) { FORGE_BLOB_LIT(&p->tail, "\0"); }
EDIT(map_cut) { p->members[p->count - 1].value.size--; }
EDIT(no_end) { FORGE_BLOB_LIT(&p->members[NITRO_NONCE].key, ""); VALUE(NITRO_NONCE, ""); }
EDIT(key_no_text) { FORGE_BLOB_LIT(&p->members[NITRO_NONCE].key, "\x45nonce"); }
EDIT(unknown_member) { add(p, "more", "\x61x"); }
EDIT(member_twice) { add(p, "nonce", "\x45nonce"); }
EDIT(null_twice) { VALUE(NITRO_NONCE, "\xf6"); add(p, "nonce", "\xf6"); }
EDIT(no_module_id) { drop(p, NITRO_MODULE_ID); }
EDIT(no_digest) { drop(p, NITRO_DIGEST); }
EDIT(no_timestamp) { drop(p, NITRO_TIMESTAMP); }
EDIT(no_pcrs) { drop(p, NITRO_PCRS); }
EDIT(no_certificate) { drop(p, NITRO_CERTIFICATE); }
EDIT(no_cabundle) { drop(p, NITRO_CABUNDLE); }
EDIT(module_id_empty) { VALUE(NITRO_MODULE_ID, "\x60"); }
EDIT(module_id_bytes) { VALUE(NITRO_MODULE_ID, "\x41x"); }
EDIT(module_id_null) { VALUE(NITRO_MODULE_ID, "\xf6"); }
EDIT(module_id_long) { long_value(p, NITRO_MODULE_ID, 3, 257); }
EDIT(module_id_control) { VALUE(NITRO_MODULE_ID, "\x62x\n"); }
EDIT(module_id_high) { VALUE(NITRO_MODULE_ID, "\x62\xc3\xa4"); }
EDIT(module_id_longest) { long_value(p, NITRO_MODULE_ID, 3, 256); }
EDIT(digest_bytes) { VALUE(NITRO_DIGEST, "\x46SHA384"); }
EDIT(digest_other) { VALUE(NITRO_DIGEST, "\x66SHA256"); }
EDIT(digest_longer) { VALUE(NITRO_DIGEST, "\x67SHA384\0"); }
EDIT(timestamp_zero) { VALUE(NITRO_TIMESTAMP, "\x00"); }
EDIT(timestamp_negative) { VALUE(NITRO_TIMESTAMP, "\x20"); }
EDIT(timestamp_float) { VALUE(NITRO_TIMESTAMP, "\xfb\x42\x70\0\0\0\0\0\0"); }
EDIT(timestamp_null) { VALUE(NITRO_TIMESTAMP, "\xf6"); }
EDIT(timestamp_tagged) { VALUE(NITRO_TIMESTAMP, "\xc1\x01"); }
EDIT(timestamp_greatest) { VALUE(NITRO_TIMESTAMP, "\x1b\xff\xff\xff\xff\xff\xff\xff\xff"); }
EDIT(pcrs_empty) { VALUE(NITRO_PCRS, "\xa0"); }
EDIT(pcrs_array) { VALUE(NITRO_PCRS, "\x80"); }
EDIT(pcrs_text_key)
{
    VALUE(NITRO_PCRS, "\xa1\x61\x30\x58\x20" "0123456789abcdef0123456789abcdef");
}
EDIT(pcrs_key_32) { VALUE(NITRO_PCRS, "\xa1\x18\x20\x58\x20" "0123456789abcdef0123456789abcdef"); }
EDIT(pcrs_key_huge)
{
    VALUE(NITRO_PCRS, "\xa1\x1b\x80\0\0\0\0\0\0\0\x58\x20" "0123456789abcdef0123456789abcdef");
}
EDIT(pcrs_twice) { p->members[NITRO_PCRS].value.data[1 + 51] = 0; }
EDIT(pcrs_text) { p->members[NITRO_PCRS].value.data[2] = 0x78; }
EDIT(pcrs_two_sizes)
{
    VALUE(NITRO_PCRS, "\xa2\x00\x58\x20" "0123456789abcdef0123456789abcdef\x01\x58\x30"
                      "0123456789abcdef0123456789abcdef0123456789abcdef");
}
EDIT(pcrs_of_33) { VALUE(NITRO_PCRS, "\xa1\x00\x58\x21" "0123456789abcdef0123456789abcdef0"); }
EDIT(pcrs_cut) { struct forge_blob *b = &p->members[NITRO_PCRS].value; b->data[0] = 0xbf; }
EDIT(certificate_empty) { VALUE(NITRO_CERTIFICATE, "\x40"); }
EDIT(certificate_text) { VALUE(NITRO_CERTIFICATE, "\x61x"); }
EDIT(certificate_long) { long_value(p, NITRO_CERTIFICATE, 2, 1025); }
EDIT(cabundle_empty) { VALUE(NITRO_CABUNDLE, "\x80"); }
EDIT(cabundle_empty_indefinite) { VALUE(NITRO_CABUNDLE, "\x9f\xff"); }
EDIT(cabundle_map) { VALUE(NITRO_CABUNDLE, "\xa0"); }
EDIT(cabundle_element_empty) { VALUE(NITRO_CABUNDLE, "\x81\x40"); }
EDIT(cabundle_nested) { VALUE(NITRO_CABUNDLE, "\x81\x81\x41x"); }
EDIT(cabundle_many)
{
    VALUE(NITRO_CABUNDLE, "\x9b\xff\xff\xff\xff\xff\xff\xff\xff\x41x\x41x\x41x\x41x\x41x\x41x"
                          "\x41x\x41x\x41x");
}
EDIT(cabundle_element_cut) { VALUE(NITRO_CABUNDLE, "\x9f\x41x"); }
EDIT(public_key_long) { long_value(p, NITRO_PUBLIC_KEY, 2, 1025); }
EDIT(user_data_long) { long_value(p, NITRO_USER_DATA, 2, 1025); }
EDIT(nonce_long) { long_value(p, NITRO_NONCE, 2, 1025); }
EDIT(nonce_text) { VALUE(NITRO_NONCE, "\x65nonce"); }
EDIT(nonce_undefined) { VALUE(NITRO_NONCE, "\xf7"); }
EDIT(nonce_like_null) { VALUE(NITRO_NONCE, "\xf9\x00\x16"); }
EDIT(nonce_pieces) { VALUE(NITRO_NONCE, "\x5f\x45nonce\xff"); }
EDIT(nothing_said)
{
    VALUE(NITRO_PUBLIC_KEY, "\xf6");
    VALUE(NITRO_USER_DATA, "\xf6");
    VALUE(NITRO_NONCE, "\xf6");
}
EDIT(nothing_there) { p->count = NITRO_PUBLIC_KEY; }
EDIT(nothing_in_them)
{
    VALUE(NITRO_PUBLIC_KEY, "\x40");
    VALUE(NITRO_USER_DATA, "\x40");
    VALUE(NITRO_NONCE, "\x40");
}
EDIT(longest)
{
    long_value(p, NITRO_PUBLIC_KEY, 2, 1024);
    long_value(p, NITRO_USER_DATA, 2, 1024);
    long_value(p, NITRO_NONCE, 2, 1024);
}
EDIT(other_order)
{
    struct forge_nitro_member m = p->members[0];
    p->members[0] = p->members[8];
    p->members[8] = m;
}

POLICY(want_nothing)
{
    p->nitro_nonce.value.size = p->nitro_user_data.value.size = p->nitro_public_key.value.size = 0;
}
POLICY(want_any)
{
    const struct alcove_expect_bytes any = {.mode = ALCOVE_EXPECT_ANY};
    p->nitro_nonce = p->nitro_user_data = p->nitro_public_key = any;
}
POLICY(any_pcr) { for (size_t i = 0; i < 32; i++) { p->nitro_pcr[i].mode = ALCOVE_EXPECT_ANY; } }
POLICY(any_pcr_debug) { any_pcr(p); p->allow_debug = true; }

SPEC(made_in_20_s) { f->timestamp_ms = (uint64_t)(NOW + 20) * 1000; }
SPEC(made_in_60_s) { f->timestamp_ms = (uint64_t)(NOW + 60) * 1000 + 999; }
SPEC(made_in_61_s) { f->timestamp_ms = (uint64_t)(NOW + 61) * 1000; }
SPEC(made_yesterday)
{
    f->timestamp_ms = (uint64_t)(NOW - DAY) * 1000;
    for (size_t i = 0; i < 5; i++) { f->certs[i].from -= DAY; f->certs[i].until -= DAY; }
    f->certs[1].until = f->certs[0].until;
}
SPEC(made_before_its_leaf) { f->timestamp_ms = (uint64_t)(NOW - 3601) * 1000; }
SPEC(made_after_its_leaf)
{
    f->timestamp_ms = (uint64_t)(NOW - 10) * 1000;
    f->certs[0].until = NOW - 11;
}
POLICY(of_document) { p->nitro_time = ALCOVE_NITRO_TIME_OF_DOCUMENT; }
POLICY(max_age_60) { p->nitro_max_age_s = 60; }
POLICY(max_age_59) { p->nitro_max_age_s = 59; }
POLICY(max_age_of_document) { p->nitro_max_age_s = 59; of_document(p); }
POLICY(no_skew) { p->clock_skew_s = 0; }

SPEC(leaf_damaged) { f->certs[0].damaged = true; }
SPEC(issuer_damaged) { f->certs[2].damaged = true; }
SPEC(leaf_sha256) { f->certs[0].sha256 = true; }
SPEC(root_sha256) { f->certs[4].sha256 = true; }
SPEC(leaf_p256) { f->certs[0].p256 = true; }
SPEC(leaf_version1) { f->certs[0].version1 = true; }
SPEC(zone_critical) { f->certs[2].unknown_critical = true; }
SPEC(usage_twice) { f->certs[1].usage_twice = true; }
SPEC(leaf_is_ca) { f->certs[0].is_ca = true; }
SPEC(leaf_pathlen) { f->certs[0].is_ca = true; f->certs[0].path_length = 0; }
SPEC(leaf_says_nothing) { f->certs[0].no_constraints = true; }
SPEC(instance_is_no_ca) { f->certs[1].is_ca = false; f->certs[1].path_length = -1; }
SPEC(root_is_no_ca) { f->certs[4].is_ca = false; }
SPEC(zone_says_nothing) { f->certs[2].no_constraints = true; }
SPEC(path_too_long) { f->certs[3].path_length = 1; }
SPEC(root_path_exact) { f->certs[4].path_length = 3; }
SPEC(root_path_too_long) { f->certs[4].path_length = 2; }
SPEC(leaf_may_not_sign) { f->certs[0].usage = "nonRepudiation"; }
SPEC(leaf_may_certify) { f->certs[0].usage = "digitalSignature,keyCertSign"; }
SPEC(leaf_no_usage) { f->certs[0].usage = NULL; }
SPEC(zone_may_not_certify) { f->certs[2].usage = "critical,digitalSignature"; }
SPEC(root_no_usage) { f->certs[4].usage = NULL; }
SPEC(leaf_other_issuer) { f->certs[0].issuer = "zone.test"; }
SPEC(region_other_issuer) { f->certs[3].issuer = "root2.test"; }
SPEC(root_not_self_issued) { f->certs[4].issuer = "root2.test"; }
SPEC(leaf_by_stranger) { f->certs[0].issuer_key = NITRO_KEY_STRANGER; }
SPEC(region_by_stranger) { f->certs[3].issuer_key = NITRO_KEY_STRANGER; }
SPEC(root_by_stranger) { f->certs[4].issuer_key = NITRO_KEY_STRANGER; }
SPEC(leaf_future) { f->certs[0].from = NOW + 1; }
SPEC(root_future) { f->certs[4].from = NOW + 1; }
SPEC(leaf_from_now) { f->certs[0].from = NOW; }
SPEC(leaf_until_now) { f->certs[0].until = NOW; }
SPEC(leaf_expired) { f->certs[0].until = NOW - 1; }
SPEC(region_expired) { f->certs[3].until = NOW - 1; }
SPEC(root_of_stranger)
{
    f->certs[4].key = f->certs[4].issuer_key = f->certs[3].issuer_key = NITRO_KEY_STRANGER;
}
SPEC(root_left_out) { f->cert_count = 4; }
SPEC(leaf_by_root)
{
    f->certs[1] = f->certs[4];
    f->cert_count = 2;
    f->certs[0].issuer = "root.test";
    f->certs[0].issuer_key = NITRO_KEY_ROOT;
}
SPEC(root_is_leaf) /* one key for everything */
{
    leaf_by_root(f);
    f->certs[0].key = f->signer = NITRO_KEY_ROOT;
}
SPEC(deepest_chain) /* eight in the bundle: root and the zone's CA again and again under itself */
{
    for (size_t i = 8; i >= 4; i--) { f->certs[i] = f->certs[i == 8 ? 4 : 3]; }
    for (size_t i = 1; i < 8; i++) { f->certs[i] = f->certs[3]; f->certs[i].path_length = -1; }
    for (size_t i = 1; i < 7; i++) {
        f->certs[i].issuer = f->certs[i].subject;
        f->certs[i].issuer_key = f->certs[i].key;
    }
    f->certs[0].issuer = f->certs[1].subject;
    f->certs[0].issuer_key = f->certs[1].key;
    f->cert_count = 9;
}
SPEC(chain_too_deep)
{
    deepest_chain(f);
    f->certs[9] = f->certs[8];
    f->certs[8] = f->certs[7];
    f->certs[7] = f->certs[6];
    f->cert_count = 10;
}
POLICY(root_not_named) { p->root_count = 0; }
POLICY(builtin_refused) { p->refuse_builtin_roots = true; }

SPEC(signed_by_stranger) { f->signer = NITRO_KEY_STRANGER; }
SPEC(signed_by_issuer) { f->signer = NITRO_KEY_INSTANCE; }
COSE(signature_zero) { memset(c->signature.data, 0, 96); }
COSE(payload_changed) { c->payload.data[c->payload.size - 1] ^= 1; }
SPEC(with_signature_zero) { f->wrap = signature_zero; }
SPEC(with_payload_changed) { f->wrap = payload_changed; }

SPEC(debug) { f->debug = true; }
SPEC(no_pcr1) { f->pcrs &= ~2u; }
SPEC(no_pcr4) { f->pcrs &= ~0x10u; }
SPEC(pcrs_of_32) { f->pcr_size = 32; }
SPEC(pcrs_of_64) { f->pcr_size = 64; }
SPEC(all_pcrs) { f->pcrs = UINT32_MAX; }
SPEC(indefinite) { f->indefinite = true; }
POLICY(allow_debug) { p->allow_debug = true; }
POLICY(pcr0_differs) { p->nitro_pcr[0].value[47] ^= 1; }
POLICY(pcr15_differs) { p->nitro_pcr[15].value[0] ^= 1; }
POLICY(pcr20_wanted) { p->nitro_pcr[20] = p->nitro_pcr[0]; }
POLICY(pcrs_of_32_wanted)
{
    for (size_t i = 0; i < 16; i++) { p->nitro_pcr[i].size = 32; }
}
POLICY(pcrs_of_64_wanted)
{
    for (size_t i = 0; i < 16; i++) {
        p->nitro_pcr[i].size = 64;
        memset(p->nitro_pcr[i].value, (int)(0xa0 + i), 64);
    }
}
POLICY(other_nonce) { p->nitro_nonce.value.data = (const uint8_t *)"nonse"; }
POLICY(nonce_prefix) { p->nitro_nonce.value.size = 4; }
POLICY(no_nonce) { p->nitro_nonce.value.size = 0; }
POLICY(other_user_data) { p->nitro_user_data.value.data = (const uint8_t *)"uses"; }
POLICY(other_public_key) { p->nitro_public_key.value.data = (const uint8_t *)"kez"; }

#define EDITED(name) SPEC(with_##name) { f->edit = name; }
EDITED(not_a_map) EDITED(map_and_more) EDITED(map_cut) EDITED(no_end) EDITED(key_no_text)
EDITED(unknown_member) EDITED(member_twice) EDITED(null_twice)
EDITED(no_module_id) EDITED(no_digest)
EDITED(no_timestamp) EDITED(no_pcrs) EDITED(no_certificate)
EDITED(no_cabundle) EDITED(module_id_empty)
EDITED(module_id_bytes) EDITED(module_id_null) EDITED(module_id_long) EDITED(module_id_control)
EDITED(module_id_high) EDITED(module_id_longest) EDITED(digest_bytes) EDITED(digest_other)
EDITED(digest_longer) EDITED(timestamp_zero) EDITED(timestamp_negative) EDITED(timestamp_float)
EDITED(timestamp_null) EDITED(timestamp_tagged) EDITED(timestamp_greatest) EDITED(pcrs_empty)
EDITED(pcrs_array) EDITED(pcrs_text_key) EDITED(pcrs_key_32)
EDITED(pcrs_key_huge) EDITED(pcrs_twice)
EDITED(pcrs_text) EDITED(pcrs_of_33) EDITED(pcrs_two_sizes) EDITED(pcrs_cut) EDITED(certificate_empty)
EDITED(certificate_text) EDITED(certificate_long) EDITED(cabundle_empty)
EDITED(cabundle_empty_indefinite) EDITED(cabundle_map) EDITED(cabundle_element_empty)
EDITED(cabundle_nested) EDITED(cabundle_many) EDITED(cabundle_element_cut) EDITED(public_key_long)
EDITED(user_data_long) EDITED(nonce_long) EDITED(nonce_text) EDITED(nonce_undefined)
EDITED(nonce_like_null) EDITED(nonce_pieces) EDITED(nothing_said) EDITED(nothing_there)
EDITED(nothing_in_them) EDITED(longest) EDITED(other_order)
    /* clang-format on */

    struct test_case {
    void (*spec)(struct forge_nitro *f);
    void (*policy)(struct alcove_policy *p);
    enum alcove_reason reason;
    const char *what;
};
#define S(fn, reason, what)                                                                        \
    {                                                                                              \
        fn, NULL, ALCOVE_REASON_##reason, what                                                     \
    }
#define P(fn, reason, what)                                                                        \
    {                                                                                              \
        NULL, fn, ALCOVE_REASON_##reason, what                                                     \
    }
#define B(sp, pol, reason, what)                                                                   \
    {                                                                                              \
        sp, pol, ALCOVE_REASON_##reason, what                                                      \
    }
#define E(fn, reason, what)                                                                        \
    {                                                                                              \
        with_##fn, NULL, ALCOVE_REASON_##reason, what                                              \
    }

static const struct test_case cases[] = {
    {NULL, NULL, ALCOVE_REASON_NONE, "a good document"},
    S(indefinite, NONE, "maps and arrays of indefinite length"),
    E(tag, NONE, "tag 18 in front"),
    S(with_long_head, NONE, "a count of parts in two bytes"),
    E(unprotected_alg, NONE, "an algorithm in the unprotected header, which is not read"),
    E(unprotected_full, NONE, "much in the unprotected header, of another algorithm too"),
    B(with_trailing, allow_trailing, NONE, "bytes behind it that the policy allows"),
    E(other_order, NONE, "members in another order"),
    E(module_id_longest, NONE, "the longest module id"),
    B(with_nothing_said, want_nothing, NONE, "nulls where nothing is expected"),
    B(with_nothing_there, want_nothing, NONE, "members left out where nothing is expected"),
    B(with_nothing_in_them, want_nothing, NONE, "empty strings where nothing is expected"),
    B(with_longest, want_any, NONE, "the longest strings"),
    B(pcrs_of_32, any_pcr, NONE, "registers of 32 bytes"),
    B(pcrs_of_32, pcrs_of_32_wanted, NONE, "the same, compared whole"),
    B(pcrs_of_64, pcrs_of_64_wanted, NONE, "registers of 64 bytes, compared whole"),
    S(all_pcrs, NONE, "32 registers"),
    B(debug, any_pcr_debug, NONE, "debug mode that the policy allows"),
    S(made_in_20_s, NONE, "a clock that is 20 seconds ahead"),
    S(made_in_60_s, NONE, "a clock as far ahead as may be"),
    B(made_yesterday, of_document, NONE, "a stored document as of its own time"),
    P(max_age_60, NONE, "a document just young enough"),
    S(leaf_from_now, NONE, "a leaf that becomes valid now"),
    S(leaf_until_now, NONE, "a leaf in its last second"),
    S(leaf_says_nothing, NONE, "a leaf without basicConstraints, which is no CA"),
    S(root_path_exact, NONE, "a root that limits the chain to what it is"),
    S(leaf_by_root, NONE, "a leaf right under the root"),
    S(root_is_leaf, NONE, "one key in two places"),
    S(deepest_chain, NONE, "the longest chain"),
    P(builtin_refused, NONE, "a named root where AWS's own is refused"),

    P(unset_pcr0, POLICY_INCOMPLETE, "no word about PCR0"),
    P(unset_pcr2, POLICY_INCOMPLETE, "no word about PCR2"),
    P(unset_pcr31, POLICY_INCOMPLETE, "no word about PCR31"),
    P(pcr_of_no_size, POLICY_INCOMPLETE, "a register of size 0 expected"),
    P(pcr_of_strange_size, POLICY_INCOMPLETE, "a register of size 65 expected"),
    P(strange_mode, POLICY_INCOMPLETE, "a strange mode"),
    P(unset_nonce, POLICY_INCOMPLETE, "no word about the nonce"),
    P(unset_user_data, POLICY_INCOMPLETE, "no word about user data"),
    P(unset_public_key, POLICY_INCOMPLETE, "no word about the public key"),
    P(nonce_of_nowhere, POLICY_INCOMPLETE, "a nonce at NULL"),
    P(unset_time, POLICY_INCOMPLETE, "no word about time"),
    P(strange_time, POLICY_INCOMPLETE, "a strange word about time"),

    E(array_of_3, NITRO_FORMAT, "parts in the wrong places"),
    E(four_and_more, NITRO_FORMAT, "more parts announced than there are"),
    E(two_tags, NITRO_FORMAT, "two tags"),
    E(one_less, NITRO_FORMAT, "three parts"),
    E(one_more, NITRO_FORMAT, "five parts"),
    E(endless_array, NITRO_FORMAT, "an array of indefinite length"),
    E(signature_short, NITRO_FORMAT, "a signature of 95 bytes"),
    E(signature_long, NITRO_FORMAT, "a signature of 97 bytes"),
    E(signature_empty, NITRO_FORMAT, "an empty signature"),
    E(payload_empty, NITRO_FORMAT, "an empty payload"),
    E(unprotected_no_map, NITRO_FORMAT, "an array as unprotected header"),
    E(unprotected_null, NITRO_FORMAT, "null as unprotected header"),
    E(unprotected_twice, NITRO_FORMAT, "a label twice in the unprotected header"),
    E(unprotected_text_twice, NITRO_FORMAT, "a text label twice"),
    E(unprotected_label, NITRO_FORMAT, "a byte string as label"),
    E(unprotected_cut, NITRO_FORMAT, "an unprotected header without end"),
    E(unprotected_many, NITRO_FORMAT, "nine unprotected parameters"),
    E(unprotected_deep, NITRO_FORMAT, "a deep unprotected parameter"),
    E(trailing, NITRO_TRAILING, "bytes behind it"),
    E(alg_es256, NITRO_ALGORITHM, "ES256 in the protected header"),
    E(alg_missing, NITRO_ALGORITHM, "an empty map as protected header"),
    E(alg_outside, NITRO_ALGORITHM, "the algorithm in the unprotected header only"),
    E(alg_and_more, NITRO_ALGORITHM, "a protected parameter that nobody knows"),

    E(not_a_map, NITRO_PAYLOAD, "a payload that is no map"),
    E(map_and_more, NITRO_PAYLOAD, "a byte behind the map"),
    E(map_cut, NITRO_PAYLOAD, "a map cut short"),
    E(no_end, NITRO_PAYLOAD, "a map that announces more"),
    E(end_cut, NITRO_PAYLOAD, "a map of indefinite length without end"),
    E(key_no_text, NITRO_PAYLOAD, "a byte string as key"),
    E(unknown_member, NITRO_PAYLOAD, "a member that nobody knows"),
    E(member_twice, NITRO_PAYLOAD, "a member twice"),
    E(null_twice, NITRO_PAYLOAD, "a null member twice"),
    E(no_module_id, NITRO_PAYLOAD, "no module_id"),
    E(no_digest, NITRO_PAYLOAD, "no digest"),
    E(no_timestamp, NITRO_PAYLOAD, "no timestamp"),
    E(no_pcrs, NITRO_PAYLOAD, "no pcrs"),
    E(no_certificate, NITRO_PAYLOAD, "no certificate"),
    E(no_cabundle, NITRO_PAYLOAD, "no cabundle"),
    E(module_id_empty, NITRO_PAYLOAD, "an empty module id"),
    E(module_id_bytes, NITRO_PAYLOAD, "a module id of bytes"),
    E(module_id_null, NITRO_PAYLOAD, "null as module id"),
    E(module_id_long, NITRO_PAYLOAD, "a module id of 257 bytes"),
    E(module_id_control, NITRO_PAYLOAD, "a line break in the module id"),
    E(module_id_high, NITRO_PAYLOAD, "another letter than ASCII in the module id"),
    E(digest_bytes, NITRO_PAYLOAD, "a digest of bytes"),
    E(timestamp_zero, NITRO_PAYLOAD, "timestamp 0"),
    E(timestamp_negative, NITRO_PAYLOAD, "timestamp -1"),
    E(timestamp_float, NITRO_PAYLOAD, "a floating point timestamp"),
    E(timestamp_null, NITRO_PAYLOAD, "null as timestamp"),
    E(timestamp_tagged, NITRO_PAYLOAD, "a tagged timestamp"),
    E(pcrs_empty, NITRO_PAYLOAD, "no registers"),
    E(pcrs_array, NITRO_PAYLOAD, "an array of registers"),
    E(pcrs_text_key, NITRO_PAYLOAD, "a register called '0'"),
    E(pcrs_key_32, NITRO_PAYLOAD, "register 32"),
    E(pcrs_key_huge, NITRO_PAYLOAD, "register 2^63"),
    E(pcrs_twice, NITRO_PAYLOAD, "a register twice"),
    E(pcrs_text, NITRO_PAYLOAD, "a register of text"),
    B(with_pcrs_of_33, any_pcr, NITRO_PAYLOAD, "a register of 33 bytes"),
    B(with_pcrs_two_sizes, any_pcr, NITRO_PAYLOAD, "registers of two sizes"),
    E(pcrs_cut, NITRO_PAYLOAD, "registers without end"),
    E(certificate_empty, NITRO_PAYLOAD, "an empty certificate"),
    E(certificate_text, NITRO_PAYLOAD, "a certificate of text"),
    E(certificate_long, NITRO_PAYLOAD, "a certificate of 1025 bytes"),
    E(cabundle_empty, NITRO_PAYLOAD, "an empty bundle"),
    E(cabundle_empty_indefinite, NITRO_PAYLOAD, "an empty bundle of indefinite length"),
    E(cabundle_map, NITRO_PAYLOAD, "a map as bundle"),
    E(cabundle_element_empty, NITRO_PAYLOAD, "an empty certificate in the bundle"),
    E(cabundle_nested, NITRO_PAYLOAD, "an array in the bundle"),
    E(cabundle_many, NITRO_PAYLOAD, "a bundle of 2^64 - 1 certificates"),
    S(chain_too_deep, NITRO_PAYLOAD, "nine certificates in the bundle"),
    E(cabundle_element_cut, NITRO_PAYLOAD, "a bundle without end"),
    E(public_key_long, NITRO_PAYLOAD, "a public key of 1025 bytes"),
    E(user_data_long, NITRO_PAYLOAD, "user data of 1025 bytes"),
    E(nonce_long, NITRO_PAYLOAD, "a nonce of 1025 bytes"),
    E(nonce_text, NITRO_PAYLOAD, "a nonce of text"),
    E(nonce_undefined, NITRO_PAYLOAD, "undefined as nonce"),
    E(nonce_like_null, NITRO_PAYLOAD, "a floating point number with null's bits as nonce"),
    E(nonce_pieces, NITRO_PAYLOAD, "a nonce in pieces"),
    E(digest_other, NITRO_DIGEST, "registers of another hash"),
    E(digest_longer, NITRO_DIGEST, "a zero byte behind the digest's name"),

    S(made_in_61_s, NITRO_FUTURE, "a clock a minute and a second ahead"),
    B(made_in_20_s, no_skew, NITRO_FUTURE, "a clock ahead where none may be"),
    E(timestamp_greatest, NITRO_FUTURE, "the last millisecond"),
    B(made_in_61_s, of_document, NITRO_FUTURE, "a stored document from the future"),
    P(max_age_59, NITRO_TOO_OLD, "a document a second too old"),
    P(max_age_of_document, NITRO_TOO_OLD, "a stored document that is too old"),

    S(leaf_damaged, NITRO_CHAIN_FORMAT, "a leaf that cannot be read"),
    S(issuer_damaged, NITRO_CHAIN_FORMAT, "an issuer that cannot be read"),
    S(leaf_sha256, NITRO_CHAIN_PROFILE, "a leaf signed with SHA-256"),
    S(root_sha256, NITRO_CHAIN_PROFILE, "a root signed with SHA-256"),
    S(leaf_p256, NITRO_CHAIN_PROFILE, "a leaf's key on P-256"),
    S(leaf_version1, NITRO_CHAIN_PROFILE, "a leaf of X.509 version 1"),
    S(zone_critical, NITRO_CHAIN_PROFILE, "an unknown critical extension"),
    S(usage_twice, NITRO_CHAIN_PROFILE, "an extension twice"),
    S(leaf_is_ca, NITRO_CHAIN_CA, "a leaf that is a CA"),
    S(leaf_pathlen, NITRO_CHAIN_CA, "a leaf that is a CA of nothing"),
    S(instance_is_no_ca, NITRO_CHAIN_CA, "an issuer that is no CA"),
    S(root_is_no_ca, NITRO_CHAIN_CA, "a root that is no CA"),
    S(zone_says_nothing, NITRO_CHAIN_CA, "an issuer without basicConstraints"),
    S(path_too_long, NITRO_CHAIN_CA, "a chain longer than an issuer allows"),
    S(root_path_too_long, NITRO_CHAIN_CA, "a chain longer than the root allows"),
    S(leaf_may_not_sign, NITRO_CHAIN_KEY_USAGE, "a leaf that may not sign"),
    S(leaf_may_certify, NITRO_CHAIN_KEY_USAGE, "a leaf that may sign certificates"),
    S(leaf_no_usage, NITRO_CHAIN_KEY_USAGE, "a leaf without keyUsage"),
    S(zone_may_not_certify, NITRO_CHAIN_KEY_USAGE, "an issuer that may not sign certificates"),
    S(root_no_usage, NITRO_CHAIN_KEY_USAGE, "a root without keyUsage"),
    S(leaf_other_issuer, NITRO_CHAIN_NAMES, "a leaf that names another issuer"),
    S(region_other_issuer, NITRO_CHAIN_NAMES, "an issuer that names another root"),
    S(root_not_self_issued, NITRO_CHAIN_NAMES, "a root that names another issuer"),
    S(root_left_out, NITRO_CHAIN_NAMES, "a bundle without its root"),
    S(leaf_by_stranger, NITRO_CHAIN_SIGNATURE, "a leaf signed by a stranger"),
    S(region_by_stranger, NITRO_CHAIN_SIGNATURE, "an issuer signed by a stranger"),
    S(root_by_stranger, NITRO_CHAIN_SIGNATURE, "the root's key in a certificate of a stranger's"),
    S(leaf_future, NITRO_CHAIN_NOT_YET_VALID, "a leaf that is not valid yet"),
    S(root_future, NITRO_CHAIN_NOT_YET_VALID, "a root that is not valid yet"),
    B(made_before_its_leaf, of_document, NITRO_CHAIN_NOT_YET_VALID,
      "a document older than its certificate, as of its own time"),
    S(leaf_expired, NITRO_CHAIN_EXPIRED, "a leaf that has expired"),
    S(region_expired, NITRO_CHAIN_EXPIRED, "an issuer that has expired"),
    S(made_yesterday, NITRO_CHAIN_EXPIRED, "a stored document as of now"),
    B(made_after_its_leaf, of_document, NITRO_CHAIN_EXPIRED,
      "a document younger than its certificate, as of its own time"),
    P(root_not_named, NITRO_ROOT, "a root that nobody named"),
    S(root_of_stranger, NITRO_ROOT, "a stranger's root in the bundle"),
    B(root_of_stranger, builtin_refused, NITRO_ROOT, "the same where AWS's own is refused"),
    S(signed_by_stranger, NITRO_SIGNATURE, "a document signed by a stranger"),
    S(signed_by_issuer, NITRO_SIGNATURE, "a document signed by the leaf's issuer"),
    E(signature_zero, NITRO_SIGNATURE, "r = s = 0"),
    E(payload_changed, NITRO_SIGNATURE, "a nonce changed after signing"),

    S(debug, NITRO_DEBUG, "debug mode"),
    B(debug, any_pcr, NITRO_DEBUG, "debug mode where any image will do"),
    B(no_pcr1, any_pcr, NITRO_DEBUG, "no word of PCR1"),
    B(debug, allow_debug, NITRO_PCR, "debug mode that is allowed, another image expected"),
    P(pcr0_differs, NITRO_PCR, "PCR0 differs in its last byte"),
    P(pcr15_differs, NITRO_PCR, "PCR15 differs"),
    P(pcr20_wanted, NITRO_PCR, "PCR20 is expected and not there"),
    S(no_pcr4, NITRO_PCR, "PCR4 is not there"),
    S(pcrs_of_32, NITRO_PCR, "registers of another size"),
    P(other_nonce, NITRO_NONCE, "another nonce"),
    P(nonce_prefix, NITRO_NONCE, "a longer nonce"),
    P(no_nonce, NITRO_NONCE, "a nonce where none is expected"),
    S(with_nothing_said, NITRO_NONCE, "no nonce"),
    P(other_user_data, NITRO_USER_DATA, "other user data"),
    P(other_public_key, NITRO_PUBLIC_KEY, "another public key"),
};

static struct alcove_result judge(struct bytes document, const struct alcove_policy *p,
                                  int64_t time)
{
    struct alcove_result r;
    const struct alcove_collateral none = {0};
    struct alcove_verdict v =
        alcove_verify((struct alcove_bytes){document.data, document.size}, &none, p, time, &r);
    REQUIRE(v.accepted_word == r.verdict.accepted_word);
    return r;
}

static void forge(void (*spec)(struct forge_nitro *f), struct forge_blob *ret,
                  struct alcove_root *ret_root)
{
    static struct forge_nitro f;
    forge_nitro_defaults(&f);
    if (spec != NULL) {
        spec(&f);
    }
    forge_nitro_build(&f, ret, ret_root);
}

/* Inputs for the fuzz target: ALCOVE_SEEDS=tests/corpus/nitro (new keys each time). */
static void keep_seed(size_t number, const struct forge_blob *document)
{
    char path[512];
    const char *folder = getenv("ALCOVE_SEEDS");
    if (folder == NULL) {
        return;
    }
    snprintf(path, sizeof path, "%s/seed-%03zu", folder, number);
    FILE *f = fopen(path, "wb");
    REQUIRE(f != NULL && fwrite(document->data, 1, document->size, f) == document->size);
    fclose(f);
}

static void run_case(const struct test_case *t)
{
    static struct forge_blob document;
    struct alcove_root root;
    forge(t->spec, &document, &root);
    keep_seed((size_t)(t - cases), &document);
    struct alcove_policy p = forge_nitro_policy(&root);
    if (t->policy != NULL) {
        t->policy(&p);
    }
    struct alcove_result r = judge(BYTES(document.data, document.size), &p, NOW);
    bool accepted = alcove_verdict_accepted(r.verdict);
    const char *name = alcove_reason_name(t->reason);
    CHECK(r.first_reason == t->reason && accepted == (t->reason == ALCOVE_REASON_NONE), "%s: %s",
          t->what, name);
    if (r.first_reason != t->reason) {
        printf("# got %s\n", alcove_reason_name(r.first_reason));
    }
}

static void test_every_reason_has_a_case(void)
{
    for (int reason = 1; reason < ALCOVE_REASON_COUNT; reason++) {
        const char *name = alcove_reason_name((enum alcove_reason)reason);
        bool found = strncmp(name, "nitro-", 6) != 0;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
            found = found || cases[i].reason == (enum alcove_reason)reason;
        }
        if (!found) {
            CHECK(false, "%s has a case", name);
        }
    }
    CHECK(true, "every reason was looked up");
}

static void test_result(void)
{
    static struct forge_blob document;
    struct alcove_root root;
    forge(NULL, &document, &root);
    struct alcove_policy p = forge_nitro_policy(&root);
    struct alcove_result r = judge(BYTES(document.data, document.size), &p, NOW);
    const struct alcove_nitro_document *d = &r.nitro;
    CHECK(r.kind == ALCOVE_EVIDENCE_NITRO_DOCUMENT && r.has_nitro && !r.has_sgx,
          "the kind is told");
    CHECK(strcmp(d->module_id, "i-0123456789abcdef0-enc0123456789abcdef") == 0 &&
              d->timestamp_ms == (uint64_t)(NOW - 60) * 1000 + 7,
          "module and time");
    CHECK(d->pcr_present == 0xffff && d->pcr_size == 48 && d->pcr[3][47] == 0xa3 &&
              d->pcr[3][48] == 0 && d->pcr[16][0] == 0,
          "registers");
    CHECK(d->has_nonce && d->nonce_size == 5 && memcmp(d->nonce, "nonce", 5) == 0 &&
              d->user_data_size == 4 && d->public_key_size == 3,
          "nonce, user data, public key");
    CHECK(r.root_kind == ALCOVE_ROOT_OTHER &&
              memcmp(r.root_spki_sha256, root.spki_sha256, sizeof root.spki_sha256) == 0,
          "the root");
    CHECK(r.earliest_expiration == NOW + 7200, "the leaf expires first");

    p.nitro_nonce.value.size = 1;
    p.nitro_pcr[0].value[0] ^= 1;
    document.data[document.size - 1] ^= 1;
    document.data[document.size++] = 0;
    p.root_count = 0;
    r = judge(BYTES(document.data, document.size), &p, NOW + DAY);
    CHECK(alcove_result_failed(&r, ALCOVE_REASON_NITRO_TRAILING) &&
              alcove_result_failed(&r, ALCOVE_REASON_NITRO_CHAIN_EXPIRED) &&
              alcove_result_failed(&r, ALCOVE_REASON_NITRO_ROOT) &&
              alcove_result_failed(&r, ALCOVE_REASON_NITRO_SIGNATURE) &&
              alcove_result_failed(&r, ALCOVE_REASON_NITRO_PCR) &&
              alcove_result_failed(&r, ALCOVE_REASON_NITRO_NONCE),
          "a rejection names everything that is wrong");
}

/* Times at both ends of the number range overflow nothing and accept nothing. */
static void test_times(void)
{
    static struct forge_blob document;
    struct alcove_root root;
    forge(NULL, &document, &root);
    static const int64_t times[] = {INT64_MIN, INT64_MIN + 1, -1, 0, INT64_MAX - 1, INT64_MAX};
    for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
        struct alcove_policy p = forge_nitro_policy(&root);
        p.clock_skew_s = p.nitro_max_age_s = UINT32_MAX - 1;
        struct alcove_result r = judge(BYTES(document.data, document.size), &p, times[i]);
        CHECK(!alcove_verdict_accepted(r.verdict), "nothing holds at %lld", (long long)times[i]);
    }
}

/* No prefix of a document is a document. */
static void test_cut(void)
{
    static struct forge_blob document;
    struct alcove_root root;
    forge(NULL, &document, &root);
    struct alcove_policy p = forge_nitro_policy(&root);
    p.allow_trailing = true;
    size_t refused = 0;
    for (size_t size = 1; size < document.size; size++) {
        /* A copy, so that a read past the end is seen. */
        uint8_t *copy = malloc(size);
        memcpy(copy, document.data, size);
        struct alcove_result r = judge(BYTES(copy, size), &p, NOW);
        refused += r.first_reason == ALCOVE_REASON_NITRO_FORMAT;
        free(copy);
    }
    CHECK(refused == document.size - 1, "%zu of %zu prefixes are refused", refused,
          document.size - 1);
    static uint8_t huge[NITRO_BYTES_MAX + 1];
    memcpy(huge, document.data, document.size);
    CHECK(alcove_verdict_accepted(judge(BYTES(huge, NITRO_BYTES_MAX), &p, NOW).verdict) &&
              judge(BYTES(huge, NITRO_BYTES_MAX + 1), &p, NOW).first_reason ==
                  ALCOVE_REASON_NITRO_FORMAT,
          "buffers have a largest size");
}

/* The reader by itself: heads, and the largest payload. */
static void test_cose(void)
{
    struct cose_sign1 c;
    static struct forge_blob document;
    struct alcove_root root;
    forge(with_four_and_more, &document, &root);
    CHECK(!cose_read(BYTES(document.data, document.size), &c), "an array of five");
    forge(with_two_tags, &document, &root);
    CHECK(!cose_read(BYTES(document.data, document.size), &c), "two tags");
    CHECK(!cose_read((struct bytes){0}, &c), "nothing");
    CHECK(!cose_read(BYTES_STR("\x9f\x40\xa0\x40\x40\xff"), &c), "an array of indefinite length");
    CHECK(!cose_read(BYTES_STR("\xd8\x62\x84"), &c), "another tag");
    static uint8_t large[NITRO_PAYLOAD_MAX + 256] = {
        0x84, 0x40, 0xa0, 0x59, (NITRO_PAYLOAD_MAX + 1) >> 8, (NITRO_PAYLOAD_MAX + 1) & 0xff};
    size_t at = 6 + NITRO_PAYLOAD_MAX + 1;
    large[at] = 0x58;
    large[at + 1] = 96;
    CHECK(!cose_read(BYTES_OF(large), &c), "a payload larger than AWS's");
    large[5] = NITRO_PAYLOAD_MAX & 0xff;
    large[at - 1] = 0x58;
    large[at] = 96;
    CHECK(cose_read(BYTES_OF(large), &c) && c.payload.size == NITRO_PAYLOAD_MAX &&
              !cose_is_es384(&c),
          "the largest one");
}

/* ---- real documents ---- */

static struct bytes load(const char *name, struct forge_blob *ret)
{
    char path[512];
    const char *shared = getenv("ALCOVE_SHARED");
    snprintf(path, sizeof path, "%s/evidence/%s/doc.cbor", shared != NULL ? shared : "../shared",
             name);
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        return (struct bytes){0};
    }
    ret->size = fread(ret->data, 1, sizeof ret->data, f);
    fclose(f);
    return BYTES(ret->data, ret->size);
}

static struct alcove_policy open_policy(void)
{
    struct alcove_policy p = alcove_policy_strict();
    any_pcr(&p);
    want_any(&p);
    of_document(&p);
    return p;
}

struct real_case {
    const char *name;
    enum alcove_reason reason; /* as of its own time, any image, nothing allowed */
    bool debug, trailing;
};
static const struct real_case real_cases[] = {
    {"nitro/anjuna-attestdoc-sample_prod_doc", ALCOVE_REASON_NONE, false, false},
    {"nitro/anjuna-attestdoc-sample_prod_doc_with_publickey", ALCOVE_REASON_NONE, false, false},
    {"nitro/anjuna-attester-sample_attestation_doc_full", ALCOVE_REASON_NITRO_DEBUG, true, false},
    {"nitro/anjuna-attester-sample_prod_doc", ALCOVE_REASON_NONE, false, false},
    {"nitro/base-org", ALCOVE_REASON_NONE, false, false},
    {"nitro/dstack-attest-dbg", ALCOVE_REASON_NITRO_TRAILING, true, true},
    {"nitro/dstack-nsm-qvl", ALCOVE_REASON_NITRO_TRAILING, false, true},
    {"nitro/evervault-ga", ALCOVE_REASON_NITRO_DEBUG, true, false},
    {"nitro/evervault-san-debug-mode", ALCOVE_REASON_NITRO_DEBUG, true, false},
    {"nitro/evervault-san-non-debug", ALCOVE_REASON_NONE, false, false},
    {"nitro/fortanix-proper", ALCOVE_REASON_NITRO_DEBUG, true, false},
    {"synthetic/derived/nitro-tag18", ALCOVE_REASON_NONE, false, false},
    {"synthetic/derived/nitro-sig-s-negated", ALCOVE_REASON_NONE, false, false},
    /* RFC 9052 lets anything stand in the unprotected header, and nothing of it is used. */
    {"synthetic/derived/nitro-unprotected-not-empty", ALCOVE_REASON_NONE, false, false},
    {"synthetic/derived/nitro-array-of-3", ALCOVE_REASON_NITRO_FORMAT, true, true},
    {"synthetic/derived/nitro-huge-bstr", ALCOVE_REASON_NITRO_FORMAT, true, true},
    {"synthetic/derived/nitro-truncated-1", ALCOVE_REASON_NITRO_FORMAT, true, true},
    {"synthetic/derived/nitro-truncated-half", ALCOVE_REASON_NITRO_FORMAT, true, true},
    {"synthetic/derived/nitro-root-in-bundle", ALCOVE_REASON_NITRO_CHAIN_FORMAT, true, true},
    {"synthetic/derived/nitro-sig-r", ALCOVE_REASON_NITRO_SIGNATURE, true, true},
    {"synthetic/derived/nitro-sig-zero", ALCOVE_REASON_NITRO_SIGNATURE, true, true},
    {"negative/nitro-base-missing-bytes", ALCOVE_REASON_NITRO_FORMAT, true, true},
    {"negative/nitro-tampered-signature", ALCOVE_REASON_NITRO_SIGNATURE, true, true},
    {"negative/nitro-veracruz-bad-sig", ALCOVE_REASON_NITRO_SIGNATURE, true, true},
};

static void test_real(const struct real_case *t)
{
    static struct forge_blob document;
    struct bytes b = load(t->name, &document);
    const int64_t now = 1800000000;
    if (b.size == 0) {
        SKIP("no ../shared", "%s", t->name);
        return;
    }
    struct alcove_policy p = open_policy();
    struct alcove_result r = judge(b, &p, now);
    CHECK(r.first_reason == t->reason, "%s: %s", t->name, alcove_reason_name(r.first_reason));
    bool good = t->reason == ALCOVE_REASON_NONE || t->reason == ALCOVE_REASON_NITRO_TRAILING ||
                t->reason == ALCOVE_REASON_NITRO_DEBUG;
    p.allow_debug = t->debug;
    p.allow_trailing = t->trailing;
    r = judge(b, &p, now);
    CHECK(alcove_verdict_accepted(r.verdict) == good, "%s: %s with what it needs", t->name,
          good ? "accepted" : "refused");
    if (!good) {
        return;
    }
    CHECK(r.root_kind == ALCOVE_ROOT_AWS, "its root is AWS's");
    p.nitro_time = ALCOVE_NITRO_TIME_GIVEN;
    CHECK(judge(b, &p, now).first_reason == ALCOVE_REASON_NITRO_CHAIN_EXPIRED,
          "it is not fresh today");
    int64_t then = (int64_t)(r.nitro.timestamp_ms / 1000);
    CHECK(alcove_verdict_accepted(judge(b, &p, then).verdict) &&
              judge(b, &p, then - 3600).first_reason == ALCOVE_REASON_NITRO_FUTURE,
          "it was when it was made, and not an hour earlier");
    p.refuse_builtin_roots = true;
    CHECK(judge(b, &p, then).first_reason == ALCOVE_REASON_NITRO_ROOT, "AWS's root can be refused");
}

int main(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        run_case(&cases[i]);
    }
    test_every_reason_has_a_case();
    test_result();
    test_times();
    test_cut();
    test_cose();
    for (size_t i = 0; i < ARRAY_SIZE(real_cases); i++) {
        test_real(&real_cases[i]);
    }
    return tap_done();
}
