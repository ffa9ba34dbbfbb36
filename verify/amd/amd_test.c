/* SPDX-License-Identifier: Apache-2.0 */
/* Every reason of SNP reports and of Azure's wrapping has a case that gives it, and gives it first;
 * good evidence of every product, version and kind of key is accepted. */
#include "amd/cert_table.h"
#include "amd/hcl.h"
#include "forge/amd.h"
#include "verify/limits.h"

#include "tests/tap.h"

#include <string.h>

#include <openssl/pem.h>

#define NOW          FORGE_AMD_NOW
#define FUTURE       (NOW + 1000)
#define PAST         (NOW - 1000)
#define SPEC(name)   static void name(struct forge_amd_spec *s)
#define OUTPUT(name) static void name(struct forge_amd_output *o, struct alcove_collateral *c)
#define POLICY(name) static void name(struct alcove_policy *p)

static struct alcove_bytes lend(const struct forge_amd_part *p)
{
    return (struct alcove_bytes){p->data, p->size};
}
static struct bytes view(const struct forge_amd_part *p)
{
    return BYTES(p->data, p->size);
}
static void append(struct forge_amd_part *p, const struct forge_amd_part *more)
{
    REQUIRE(p->size + more->size <= sizeof p->data);
    memcpy(p->data + p->size, more->data, more->size);
    p->size += more->size;
}
/* The first occurrence of `from` in a text; both have the same length. */
static void edit(char *text, const char *from, const char *to)
{
    char *at = strstr(text, from);
    REQUIRE(at != NULL && strlen(from) == strlen(to));
    memcpy(at, to, strlen(to));
}

/* ---- what is wrong, one function each ---- */
/* clang-format off */

SPEC(nothing) { (void)s; }

POLICY(unset_report_data) { p->report_data.mode = ALCOVE_EXPECT_UNSET; }
POLICY(unset_measurement) { p->snp_measurement.mode = ALCOVE_EXPECT_UNSET; }
POLICY(unset_host_data) { p->snp_host_data.mode = ALCOVE_EXPECT_UNSET; }
POLICY(unset_vmpl) { p->snp_vmpl.mode = ALCOVE_EXPECT_UNSET; }
POLICY(unset_min_tcb) { p->snp_min_tcb.mode = ALCOVE_EXPECT_UNSET; }
POLICY(strange_min_tcb) { p->snp_min_tcb.mode = (enum alcove_expect)77; }
POLICY(unset_chips) { p->chip_id.allow_mode = ALCOVE_EXPECT_UNSET; }
POLICY(chips_missing) { p->chip_id.allow_mode = ALCOVE_EXPECT_VALUE; p->chip_id.allowed_count = 1; }
POLICY(zero) { *p = (struct alcove_policy){0}; }

OUTPUT(no_vek) { (void)o; c->amd_vek.size = 0; }
OUTPUT(no_chain) { (void)o; c->amd_chain.size = 0; }
OUTPUT(nothing_at_all) { (void)o; *c = (struct alcove_collateral){0}; }

/* The report's form. */
OUTPUT(cut) { (void)c; o->evidence.size--; }
OUTPUT(cut_at_signature) { (void)c; o->evidence.size = SNP_AT_SIGNATURE; }
OUTPUT(one_more) { (void)c; o->evidence.data[o->evidence.size++] = 0; }
SPEC(version_0) { s->report[0] = 0; }
SPEC(version_1) { s->report[0] = 1; }
SPEC(version_4) { s->report[0] = 4; }
SPEC(version_6) { s->report[0] = 6; }
SPEC(version_258) { s->report[1] = 1; }
SPEC(algorithm_0) { s->report[SNP_AT_ALGORITHM] = 0; }
SPEC(algorithm_2) { s->report[SNP_AT_ALGORITHM] = 2; }
SPEC(reserved_flag) { s->report[SNP_AT_FLAGS] |= 0x20; }
SPEC(reserved_word) { s->report[0x4c] = 1; }
SPEC(policy_bit_26) { s->report[SNP_AT_POLICY + 3] |= 4; }
SPEC(policy_bit_17_clear) { s->report[SNP_AT_POLICY + 2] &= 0xfd; }
SPEC(reserved_before_chip_id) { s->report[SNP_AT_CHIP_ID - 1] = 1; }
SPEC(reserved_version) { s->report[0x1eb] = 1; }
SPEC(reserved_version_2) { s->report[0x1ef] = 1; }
SPEC(reserved_end) { s->report[SNP_AT_SIGNATURE - 1] = 1; }
SPEC(model_in_version_2) { s->report[SNP_AT_FAMILY] = 0x19; }
SPEC(vectors_in_version_3) { s->report[0x1f8] = 1; }
SPEC(reserved_in_tcb) { s->report[SNP_AT_CURRENT_TCB + 5] = 1; }
SPEC(reserved_in_reported_tcb) { s->report[SNP_AT_REPORTED_TCB + 4] = 1; }
SPEC(reserved_in_committed_tcb) { s->report[SNP_AT_COMMITTED_TCB + 5] = 1; }
SPEC(reserved_in_launch_tcb) { s->report[SNP_AT_LAUNCH_TCB + 5] = 1; }
OUTPUT(above_r) { (void)c; o->evidence.data[SNP_AT_SIGNATURE + 48] = 1; }
OUTPUT(above_s) { (void)c; o->evidence.data[SNP_AT_SIGNATURE + 143] = 1; }
OUTPUT(behind_signature) { (void)c; o->evidence.data[SNP_SIZE - 1] = 1; }
SPEC(no_key) { s->report[SNP_AT_FLAGS] = 7 << 2; }
SPEC(strange_key) { s->report[SNP_AT_FLAGS] = 2 << 2; }
SPEC(masked_key) { s->report[SNP_AT_FLAGS] |= 2; }

/* Certificates. */
OUTPUT(table_cut) { c->amd_cert_table = lend(&o->table); c->amd_cert_table.size = 23; }
OUTPUT(vek_cut) { (void)o; c->amd_vek.size--; }
OUTPUT(vek_letter) { memcpy(o->vek_pem.data, "-----BEGIM", 10); c->amd_vek = lend(&o->vek_pem); }
OUTPUT(chain_of_one) { c->amd_chain = lend(&o->ask_pem); }
OUTPUT(chain_of_three) { append(&o->chain, &o->ark_pem); c->amd_chain = lend(&o->chain); }
OUTPUT(chain_cut) { (void)o; c->amd_chain.size -= 3; }
OUTPUT(chain_in_der) { c->amd_chain = lend(&o->vek); }
OUTPUT(chain_bad_ask)
{
    o->chain.size = 0;
    edit((char *)o->ask_pem.data, "MII", "MIQ");
    append(&o->chain, &o->ask_pem);
    append(&o->chain, &o->ark_pem);
    c->amd_chain = lend(&o->chain);
}
OUTPUT(chain_of_arks)
{
    o->chain.size = 0;
    append(&o->chain, &o->ark_pem);
    append(&o->chain, &o->ark_pem);
    c->amd_chain = lend(&o->chain);
}
OUTPUT(vek_and_ask_in_pem)
{
    append(&o->vek_pem, &o->ask_pem);
    c->amd_vek = lend(&o->vek_pem);
    c->amd_chain.size = 0;
}
OUTPUT(chain_of_lists)
{
    o->chain.size = 0;
    append(&o->chain, &o->vek_pem);
    edit((char *)o->ark_pem.data, "MII", "MIQ");
    append(&o->chain, &o->ark_pem);
    c->amd_chain = lend(&o->chain);
}
static void from_table(struct forge_amd_output *o, struct alcove_collateral *c,
                       const struct forge_table_entry *entries, size_t count)
{
    forge_cert_table(entries, count, &o->table);
    *c = (struct alcove_collateral){.amd_cert_table = lend(&o->table), .amd_crl = c->amd_crl};
}
OUTPUT(table_two_asks)
{
    struct forge_table_entry entries[] = {{forge_guid_ark, view(&o->ark_pem)},
                                          {forge_guid_ask, view(&o->chain)},
                                          {forge_guid_vcek, view(&o->vek)}};
    from_table(o, c, entries, 3);
}
OUTPUT(table_two_arks)
{
    struct forge_table_entry entries[] = {{forge_guid_ark, view(&o->chain)},
                                          {forge_guid_ask, view(&o->ask_pem)},
                                          {forge_guid_vcek, view(&o->vek)}};
    from_table(o, c, entries, 3);
}
OUTPUT(table_bad_ask)
{
    struct forge_table_entry entries[] = {{forge_guid_ark, view(&o->ark_pem)},
                                          {forge_guid_ask, BYTES_STR("ask")},
                                          {forge_guid_vcek, view(&o->vek)}};
    from_table(o, c, entries, 3);
}
OUTPUT(table_bad_ark)
{
    struct forge_table_entry entries[] = {{forge_guid_ark, BYTES_STR("\x30\x00")},
                                          {forge_guid_ask, view(&o->ask_pem)},
                                          {forge_guid_vcek, view(&o->vek)}};
    from_table(o, c, entries, 3);
}
OUTPUT(table_ark_not_pem)
{
    struct forge_table_entry entries[] = {{forge_guid_ark, BYTES_STR("ark")},
                                          {forge_guid_ask, view(&o->ask_pem)},
                                          {forge_guid_vcek, view(&o->vek)}};
    from_table(o, c, entries, 3);
}
OUTPUT(table_without_ark)
{
    struct forge_table_entry entries[] = {{forge_guid_ask, view(&o->ask_pem)},
                                          {forge_guid_vcek, view(&o->vek)}};
    from_table(o, c, entries, 2);
}
OUTPUT(table_without_ask)
{
    struct forge_table_entry entries[] = {{forge_guid_ark, view(&o->ark_pem)},
                                          {forge_guid_vcek, view(&o->vek)}};
    from_table(o, c, entries, 2);
}
OUTPUT(table_with_vlek)
{
    struct forge_table_entry entries[] = {{forge_guid_ark, view(&o->ark_pem)},
                                          {forge_guid_ask, view(&o->ask_pem)},
                                          {forge_guid_vlek, view(&o->vek)}};
    from_table(o, c, entries, 3);
}

SPEC(malformed_ask) { s->ask.no_constraints = s->ask.malformed = true; }
SPEC(critical_in_vek) { s->vek.unknown_critical = true; }
SPEC(critical_in_ask) { s->ask.unknown_critical = true; }
SPEC(critical_in_ark) { s->ark.unknown_critical = true; }
SPEC(pkcs1_vek) { s->vek.pkcs1 = true; }
SPEC(pkcs1_ask) { s->ask.pkcs1 = true; }
SPEC(pkcs1_ark) { s->ark.pkcs1 = true; }
SPEC(sha256_vek) { s->vek.sha256 = true; }
SPEC(version1_ask) { s->ask.version1 = true; }
SPEC(p256_vek) { s->vek.p256_key = true; }
SPEC(rsa_vek) { s->vek.key = AMD_KEY_STRANGER; }
SPEC(ec_ask) { s->ask.p256_key = true; }
SPEC(repeated_in_vek) { s->ids.component[8] = 210; s->ids.repeated = true; }

SPEC(name_of_vek) { s->vek.subject = "SEV-VCEK2"; }
SPEC(name_of_ask) { s->ask.subject = s->vek.issuer = "SEV-Milam"; }
SPEC(name_of_other_ask) { s->ask.subject = s->vek.issuer = "SEV-Genoa"; }
SPEC(name_of_rome)
{
    s->ask.subject = s->vek.issuer = "SEV-Rome";
    s->ark.subject = s->ark.issuer = s->ask.issuer = s->crl.issuer = "ARK-Rome";
}
SPEC(name_of_ark) { s->ark.subject = s->ark.issuer = s->ask.issuer = s->crl.issuer = "ARK-Genoa"; }
SPEC(vlek_below_ask) { s->vek.subject = "SEV-VLEK"; }
SPEC(vek_not_linked) { s->vek.issuer = "SEV-Genoa"; }
SPEC(ask_not_linked) { s->ask.issuer = "ARK-Genoa"; }
SPEC(ark_not_self_issued) { s->ark.issuer = "ARK-Genoa"; }
SPEC(vek_is_ca) { s->vek.no_constraints = false; s->vek.is_ca = true; }
SPEC(ask_is_not) { s->ask.is_ca = false; s->ask.path_length = -1; }
SPEC(ask_says_nothing) { s->ask.no_constraints = true; }
SPEC(ark_is_not) { s->ark.is_ca = false; }
SPEC(ark_says_nothing) { s->ark.no_constraints = true; }
SPEC(ark_path_length) { s->ark.path_length = 0; }
SPEC(vek_may_certify) { s->vek.usage = AMD_USAGE_SIGNATURE | AMD_USAGE_CERT; }
SPEC(vek_may_not_sign) { s->vek.usage = AMD_USAGE_CRL; }
SPEC(ask_no_usage) { s->ask.usage = 0; }
SPEC(ask_may_not_certify) { s->ask.usage = AMD_USAGE_CRL; }
SPEC(ark_no_usage) { s->ark.usage = 0; }
SPEC(ark_may_not_certify) { s->ark.usage = AMD_USAGE_CRL; }
SPEC(ark_may_not_revoke) { s->ark.usage = AMD_USAGE_CERT; }
SPEC(vek_by_stranger) { s->vek.issuer_key = AMD_KEY_STRANGER; }
SPEC(ask_by_stranger) { s->ask.issuer_key = AMD_KEY_STRANGER; }
SPEC(ark_by_stranger) { s->ark.issuer_key = AMD_KEY_STRANGER; }
SPEC(vek_future) { s->vek.from = FUTURE; }
SPEC(ask_future) { s->ask.from = FUTURE; }
SPEC(ark_future) { s->ark.from = FUTURE; }
SPEC(vek_past) { s->vek.until = PAST; }
SPEC(ask_past) { s->ask.until = PAST; }
SPEC(ark_past) { s->ark.until = PAST; }
POLICY(no_roots) { p->root_count = 0; }
POLICY(built_in_refused) { p->refuse_builtin_roots = true; p->root_count = 0; }
POLICY(built_in_refused_but_named) { p->refuse_builtin_roots = true; }
SPEC(ark_of_stranger)
{
    s->ark.key = s->ark.issuer_key = s->ask.issuer_key = s->crl.key = AMD_KEY_STRANGER;
}

/* Revocation. */
OUTPUT(no_crl) { (void)o; c->amd_crl.size = 0; }
POLICY(list_if_given) { p->revocation.amd = ALCOVE_REVOCATION_IF_GIVEN; }
POLICY(strange_revocation) { p->revocation.amd = (enum alcove_revocation)7; }
OUTPUT(crl_cut) { (void)o; c->amd_crl.size--; }
OUTPUT(crl_is_text) { c->amd_crl = lend(&o->ark_pem); }
SPEC(crl_critical) { s->crl.critical_extension = true; }
SPEC(crl_issuer) { s->crl.issuer = "ARK-Genoa"; }
SPEC(crl_key) { s->crl.key = AMD_KEY_ASK; }
SPEC(crl_pkcs1) { s->crl.pkcs1 = true; }
SPEC(crl_future) { s->crl.from = FUTURE; }
SPEC(crl_past) { s->crl.until = PAST; }
POLICY(grace) { p->collateral_grace_s = 2000; }
POLICY(short_grace) { p->collateral_grace_s = 999; }
SPEC(revoke_ask) { s->crl.revoked_serial = 65537; }
SPEC(revoke_ark) { s->crl.revoked_serial = 65536; }
SPEC(revoke_other) { s->crl.revoked_serial = 65538; }

/* The signature, and whose it is. */
SPEC(report_by_stranger) { s->report_key = AMD_KEY_VEK_STRANGER; }
OUTPUT(measurement_changed) { (void)c; o->evidence.data[SNP_AT_MEASUREMENT] ^= 1; }
OUTPUT(vmpl_changed) { (void)c; o->evidence.data[SNP_AT_VMPL] ^= 1; }
OUTPUT(last_byte_changed) { (void)c; o->evidence.data[0x1a0] ^= 1; }
OUTPUT(signature_zero) { (void)c; memset(o->evidence.data + SNP_AT_SIGNATURE, 0, 144); }
OUTPUT(signature_swapped)
{
    (void)c;
    uint8_t r[48], *at = o->evidence.data + SNP_AT_SIGNATURE;
    memcpy(r, at, 48);
    memcpy(at, at + 72, 48);
    memcpy(at + 72, r, 48);
}
SPEC(model_of_genoa) { s->report[SNP_AT_FAMILY + 1] = 0x11; }
SPEC(model_unknown) { s->report[SNP_AT_FAMILY + 1] = 0x20; }
SPEC(family_unknown) { s->report[SNP_AT_FAMILY] = 0x17; }
SPEC(model_of_venice) { s->report[SNP_AT_FAMILY] = 0x1a; s->report[SNP_AT_FAMILY + 1] = 0x50; }
SPEC(product_genoa) { s->ids.product_name = "Genoa"; }
SPEC(product_milano) { s->ids.product_name = "Milano"; }
SPEC(product_mil) { s->ids.product_name = "Mil"; }
SPEC(report_says_vlek) { s->report[SNP_AT_FLAGS] = 4; }
SPEC(report_says_vcek) { s->report[SNP_AT_FLAGS] = 0; }

SPEC(struct_version_2) { s->ids.struct_version = 2; }
SPEC(product_empty) { s->ids.product_name = ""; }
SPEC(product_type) { s->ids.product_tag = 0x04; }
SPEC(product_utf8) { s->ids.product_tag = 0x0c; }
SPEC(product_printable) { s->ids.product_tag = 0x13; }
SPEC(product_no_bytes) { s->ids.product_name = NULL; s->ids.empty_value = true; }
SPEC(product_newline) { s->ids.product_name = "Milan\n"; }
SPEC(product_accent) { s->ids.product_name = "Milan\x80"; }
SPEC(product_two_texts) { s->ids.product_name = "Milan\x16"; s->ids.product_slack = -1; }
SPEC(product_cut) { s->ids.product_slack = 1; }
SPEC(strange_arc) { s->ids.strange_arc = true; }
SPEC(foreign) { s->ids.foreign = true; }
SPEC(component_256) { s->ids.component[8] = 256; }
SPEC(component_two_integers) { s->ids.component_two_integers = true; }
SPEC(unknown_arc) { s->ids.unknown_arc = true; }
SPEC(deep_arc) { s->ids.deep_arc = true; }
SPEC(arc_zero) { s->ids.component[0] = 1; }
SPEC(arc_itself) { s->ids.bare_arc = true; }
SPEC(hwid_63) { s->ids.hwid_size = 63; }
SPEC(hwid_8) { s->ids.hwid_size = 8; }
SPEC(hwid_64) { s->ids.hwid_size = 64; }
SPEC(no_hwid) { s->ids.hwid_size = 0; }
SPEC(hwid_tagged_63) { s->ids.hwid_tagged = true; s->ids.hwid_size = 63; }
SPEC(csp_id_in_vcek) { s->ids.csp_id = "CN=cc-us-east-2.example.com"; }
SPEC(no_csp_id) { s->ids.csp_id = NULL; }
SPEC(csp_id_empty) { s->ids.csp_id = ""; }
SPEC(csp_id_long)
{
    s->ids.csp_id = "a234567890123456789012345678901234567890123456789012345678901234X";
}
SPEC(hwid_in_vlek) { s->ids.hwid_size = 64; }
SPEC(no_bootloader) { s->ids.component[1] = -1; }
SPEC(no_tee) { s->ids.component[2] = -1; }
SPEC(no_snp) { s->ids.component[3] = -1; }
SPEC(no_microcode) { s->ids.component[8] = -1; }
SPEC(no_fmc) { s->ids.component[9] = -1; }
SPEC(bootloader_higher) { s->ids.component[1] = 5; }
SPEC(tee_higher) { s->ids.component[2] = 1; }
SPEC(snp_lower) { s->ids.component[3] = 22; }
SPEC(microcode_lower) { s->ids.component[8] = 209; }
SPEC(fmc_other) { s->ids.component[9] = 2; }
SPEC(spare_component) { s->ids.component[4] = 1; }
SPEC(reported_lower) { s->report[SNP_AT_REPORTED_TCB + 6] = 22; }
SPEC(hwid_last_byte) { s->ids.hwid[63] ^= 1; }
SPEC(hwid_first_byte) { s->ids.hwid[0] ^= 1; }
SPEC(chip_id_masked) { memset(s->report + SNP_AT_CHIP_ID, 0, 64); }
SPEC(chip_id_longer) { s->report[SNP_AT_CHIP_ID + 8] = 1; }

#define MILAN_TCB(at, ...)                                                                         \
    forge_amd_tcb(s, at, ALCOVE_SNP_MILAN, &(struct alcove_snp_tcb){__VA_ARGS__})
SPEC(committed_below_reported) { MILAN_TCB(SNP_AT_COMMITTED_TCB, 4, 0, 22, 210, 0); }
SPEC(current_below_committed) { MILAN_TCB(SNP_AT_CURRENT_TCB, 4, 0, 24, 209, 0);
                                MILAN_TCB(SNP_AT_LAUNCH_TCB, 4, 0, 24, 209, 0); }
SPEC(launch_above_current) { MILAN_TCB(SNP_AT_LAUNCH_TCB, 5, 0, 24, 210, 0); }
SPEC(bootloader_order) { MILAN_TCB(SNP_AT_COMMITTED_TCB, 3, 0, 24, 210, 0); }
SPEC(tee_order) { MILAN_TCB(SNP_AT_COMMITTED_TCB, 4, 1, 24, 210, 0); }
SPEC(fmc_order)
{
    forge_amd_tcb(s, SNP_AT_COMMITTED_TCB, ALCOVE_SNP_TURIN,
                  &(struct alcove_snp_tcb){4, 0, 24, 210, 0});
}
SPEC(launch_below_minimum) { MILAN_TCB(SNP_AT_LAUNCH_TCB, 4, 0, 22, 210, 0); }

/* Policy. */
static uint8_t these_chips[2][64];
POLICY(chip_allowed)
{
    memset(these_chips[0], 0xc2, 64);
    memset(these_chips[1], 0xc1, 64);
    p->chip_id.allow_mode = ALCOVE_EXPECT_VALUE;
    p->chip_id.allowed = these_chips[0];
    p->chip_id.allowed_count = 2;
}
POLICY(chip_not_allowed) { chip_allowed(p); p->chip_id.allowed_count = 1; }
POLICY(chip_denied)
{
    chip_allowed(p);
    p->chip_id = (struct alcove_id_lists){.allow_mode = ALCOVE_EXPECT_ANY,
                                          .denied = these_chips[0], .denied_count = 2};
}
POLICY(other_chip_denied) { chip_denied(p); p->chip_id.denied_count = 1; }
POLICY(minimum_bootloader) { p->snp_min_tcb.minimum.bootloader++; }
POLICY(minimum_tee) { p->snp_min_tcb.minimum.tee++; }
POLICY(minimum_snp) { p->snp_min_tcb.minimum.snp++; }
POLICY(minimum_microcode) { p->snp_min_tcb.minimum.microcode++; }
POLICY(minimum_fmc) { p->snp_min_tcb.minimum.fmc++; }
POLICY(any_tcb) { p->snp_min_tcb.mode = ALCOVE_EXPECT_ANY; }
SPEC(debug) { s->report[SNP_AT_POLICY + 2] |= 8; }
SPEC(migration) { s->report[SNP_AT_POLICY + 2] |= 4; }
POLICY(allow_debug) { p->allow_debug = true; }
POLICY(allow_migration) { p->allow_migration = true; }
POLICY(refuse_smt) { p->refuse_smt = true; }
SPEC(smt_off) { s->report[SNP_AT_PLATFORM_INFO] = 0x24; }
SPEC(other_vmpl) { s->report[SNP_AT_VMPL] = 1; }
SPEC(other_guest) { s->report[SNP_AT_MEASUREMENT + 47] ^= 1; }
SPEC(other_host_data) { s->report[SNP_AT_HOST_DATA + 31] ^= 1; }
SPEC(other_data) { s->report[SNP_AT_REPORT_DATA + 63] ^= 1; }
POLICY(allow_trailing) { p->allow_trailing = true; }
POLICY(azure_key_expected) { p->azure_key.mode = ALCOVE_EXPECT_VALUE; }

/* Accepted all the same. */
OUTPUT(chain_reversed)
{
    o->chain.size = 0;
    append(&o->chain, &o->ark_pem);
    append(&o->chain, &o->ask_pem);
    c->amd_chain = lend(&o->chain);
}
OUTPUT(vek_in_pem) { c->amd_vek = lend(&o->vek_pem); }
OUTPUT(all_in_one_pem)
{
    append(&o->vek_pem, &o->chain);
    c->amd_vek = lend(&o->vek_pem);
    c->amd_chain.size = 0;
}
OUTPUT(all_in_table) { *c = (struct alcove_collateral){.amd_cert_table = lend(&o->table)}; }
OUTPUT(table_beside) { c->amd_cert_table = lend(&o->table); }
OUTPUT(crl_in_pem)
{
    const unsigned char *p = o->crl.data;
    X509_CRL *x = d2i_X509_CRL(NULL, &p, (long)o->crl.size);
    BIO *b = BIO_new(BIO_s_mem());
    char *text = NULL;
    REQUIRE(x != NULL && PEM_write_bio_X509_CRL(b, x) == 1);
    o->crl.size = (size_t)BIO_get_mem_data(b, &text);
    memcpy(o->crl.data, text, o->crl.size);
    c->amd_crl = lend(&o->crl);
    BIO_free(b);
    X509_CRL_free(x);
}
SPEC(hwid_tagged) { s->ids.hwid_tagged = true; }
SPEC(product_plain) { s->ids.product_name = "Milan"; }
SPEC(no_product) { s->ids.product_name = NULL; }
SPEC(no_struct_version) { s->ids.struct_version = -1; }
SPEC(vek_may_sign) { s->vek.usage = AMD_USAGE_SIGNATURE; }
SPEC(ark_long_path) { s->ark.path_length = 1; }
SPEC(chip_masked_key) { s->report[SNP_AT_FLAGS] |= 2; }
SPEC(author_key) { s->report[SNP_AT_FLAGS] |= 1; }
SPEC(siena) { s->report[SNP_AT_FAMILY + 1] = 0xa0; }

/* Azure. */
POLICY(unset_azure_key) { p->azure_key.mode = ALCOVE_EXPECT_UNSET; }
POLICY(other_azure_key) { p->azure_key.value[0] ^= 1; }
OUTPUT(hcl_cut) { (void)c; o->evidence.size = 1235; }
OUTPUT(hcl_cut_in_text) { (void)c; o->evidence.size = 1300; }
OUTPUT(hcl_long) { (void)c; o->evidence.size = HCL_BYTES_MAX + 1; }
OUTPUT(hcl_header_only) { (void)c; o->evidence.size = 32; }
SPEC(hcl_version_0) { s->hcl.version = 0; }
SPEC(hcl_version_3) { s->hcl.version = 3; }
SPEC(hcl_request) { s->hcl.request_type = 1; }
SPEC(hcl_status) { s->hcl.status = 1; }
SPEC(hcl_reserved) { s->hcl.reserved = 1; }
SPEC(hcl_data_version) { s->hcl.data_version = 2; }
SPEC(hcl_size) { s->hcl.size_slack = 1; }
SPEC(hcl_data_size) { s->hcl.data_size_slack = -1; }
SPEC(hcl_length) { s->hcl.length_slack = 1; }
SPEC(hcl_length_huge)
{
    s->hcl.length_slack = s->hcl.size_slack = s->hcl.data_size_slack = 1000000;
}
SPEC(hcl_no_text) { s->hcl.runtime[0] = 0; }
SPEC(hcl_tdx) { s->hcl.report_type = 4; }
SPEC(hcl_hash_0) { s->hcl.hash_type = 0; }
SPEC(hcl_hash_4) { s->hcl.hash_type = 4; }
SPEC(hcl_sha384) { s->hcl.hash_type = 2; }
SPEC(hcl_sha512) { s->hcl.hash_type = 3; }
SPEC(hcl_version_1) { s->hcl.version = 1; s->hcl.padding = 0; }
OUTPUT(hcl_trailing) { (void)c; o->evidence.data[o->evidence.size - 1] = 1; }
SPEC(hcl_not_bound) { s->hcl.not_bound = true; }
OUTPUT(hcl_text_changed)
{
    (void)c;
    edit((char *)o->evidence.data + 1236, "secure-boot", "secure-boat");
}
OUTPUT(hcl_hash_lied) { (void)c; o->evidence.data[1228] = 2; }
SPEC(hcl_rest_used)
{
    s->hcl.not_bound = true;
    forge_amd_bind(s);
    s->report[SNP_AT_REPORT_DATA + 32] = 1;
}
SPEC(runtime_not_json) { edit(s->hcl.runtime, "{\"keys\"", "[\"keys\""); }
SPEC(runtime_no_key) { edit(s->hcl.runtime, "HCLAkPub", "HCLBkPub"); }
SPEC(runtime_no_keys) { edit(s->hcl.runtime, "\"keys\"", "\"kees\""); }
SPEC(runtime_two_keys) { edit(s->hcl.runtime, "HCLEkPub", "HCLAkPub"); }
SPEC(runtime_twice) { edit(s->hcl.runtime, "\"kty\"", "\"kid\""); }
SPEC(runtime_ec) { edit(s->hcl.runtime, "\"RSA\"", "\"RSB\""); }
SPEC(runtime_exponent) { edit(s->hcl.runtime, "\"AQAB\"", "\"AQAD\""); }
SPEC(runtime_n_padded) { edit(s->hcl.runtime, "pw\"", "p=\""); }
SPEC(runtime_n_standard) { edit(s->hcl.runtime, "pp", "p+"); }
SPEC(runtime_n_bits) { edit(s->hcl.runtime, "pw\"", "px\""); }
SPEC(runtime_n_even) { edit(s->hcl.runtime, "pw\"", "pg\""); }
SPEC(runtime_n_zero) { edit(s->hcl.runtime, "\"n\":\"pp", "\"n\":\"AA"); }
SPEC(runtime_n_short)
{
    char *n = strstr(s->hcl.runtime, "\"n\":\"") + 5;
    memmove(n, n + 4, strlen(n + 4) + 1); /* 253 bytes */
}
SPEC(runtime_n_one_letter)
{
    char *n = strstr(s->hcl.runtime, "\"n\":\"") + 5;
    memmove(n, n + 1, strlen(n + 1) + 1); /* 341 letters */
}
SPEC(runtime_n_long)
{
    char more[700], *n = strstr(s->hcl.runtime, "\"n\":\"") + 5;
    memset(more, 'p', sizeof more);
    memmove(n + sizeof more, n, strlen(n) + 1);
    memcpy(n, more, sizeof more);
}
SPEC(runtime_all_letters) { edit(s->hcl.runtime, "\"n\":\"pppppppp", "\"n\":\"sA0-_9zZ"); }
SPEC(runtime_trailing) { strcat(s->hcl.runtime, "}"); }

/* clang-format on */

struct test_case {
    const char *what;
    void (*spec)(struct forge_amd_spec *);
    void (*output)(struct forge_amd_output *, struct alcove_collateral *);
    void (*policy)(struct alcove_policy *);
    enum alcove_reason reason;
};
#define S(function, expected, text)                                                                \
    {                                                                                              \
        text, function, NULL, NULL, ALCOVE_REASON_##expected                                       \
    }
#define O(function, expected, text)                                                                \
    {                                                                                              \
        text, NULL, function, NULL, ALCOVE_REASON_##expected                                       \
    }
#define P(function, expected, text)                                                                \
    {                                                                                              \
        text, NULL, NULL, function, ALCOVE_REASON_##expected                                       \
    }
#define X(s, o, p, expected, text)                                                                 \
    {                                                                                              \
        text, s, o, p, ALCOVE_REASON_##expected                                                    \
    }

/* A VCEK of Milan, a report of version 3. */
static const struct test_case cases[] = {
    P(unset_report_data, POLICY_INCOMPLETE, "forgotten report data reject"),
    P(unset_measurement, POLICY_INCOMPLETE, "a forgotten measurement rejects"),
    P(unset_host_data, POLICY_INCOMPLETE, "forgotten host data reject"),
    P(unset_vmpl, POLICY_INCOMPLETE, "a forgotten VMPL rejects"),
    P(unset_min_tcb, POLICY_INCOMPLETE, "a forgotten minimum TCB rejects"),
    P(strange_min_tcb, POLICY_INCOMPLETE, "a mode that is none rejects"),
    P(unset_chips, POLICY_INCOMPLETE, "forgotten lists of chips reject"),
    P(chips_missing, POLICY_INCOMPLETE, "a count of chips without chips rejects"),
    P(zero, POLICY_INCOMPLETE, "a policy of zeros rejects"),
    O(no_vek, COLLATERAL_MISSING, "no VCEK"),
    O(no_chain, COLLATERAL_MISSING, "no chain"),
    O(nothing_at_all, COLLATERAL_MISSING, "no collateral"),
    O(table_without_ark, COLLATERAL_MISSING, "a table without ARK"),
    O(table_without_ask, COLLATERAL_MISSING, "a table without ASK"),
    O(table_with_vlek, COLLATERAL_MISSING, "a table with a VLEK for a report signed by VCEK"),
    P(azure_key_expected, AZURE_KEY, "a bare report where an Azure key is expected"),

    O(cut, SNP_FORMAT, "a report cut by a byte"),
    O(cut_at_signature, SNP_FORMAT, "a report without its signature"),
    O(one_more, SNP_TRAILING, "a byte too much"),
    S(version_0, SNP_VERSION, "version 0"),
    S(version_1, SNP_VERSION, "version 1"),
    S(version_6, SNP_VERSION, "version 6"),
    S(version_258, SNP_VERSION, "a version of which only the last byte is known"),
    S(algorithm_0, SNP_ALGORITHM, "no signature algorithm"),
    S(algorithm_2, SNP_ALGORITHM, "another signature algorithm"),
    S(reserved_flag, SNP_RESERVED, "a reserved flag"),
    S(reserved_word, SNP_RESERVED, "a reserved word"),
    S(policy_bit_26, SNP_RESERVED, "a bit of the guest policy that nobody knows"),
    S(policy_bit_17_clear, SNP_RESERVED, "the bit of the guest policy that must be one"),
    S(reserved_before_chip_id, SNP_RESERVED, "a reserved byte before CHIP_ID"),
    S(reserved_version, SNP_RESERVED, "a reserved byte behind the current version"),
    S(reserved_version_2, SNP_RESERVED, "a reserved byte behind the committed version"),
    S(reserved_end, SNP_RESERVED, "the last reserved byte"),
    S(vectors_in_version_3, SNP_RESERVED, "mitigation vectors, which version 5 has"),
    S(reserved_in_tcb, SNP_RESERVED, "a reserved byte of CURRENT_TCB"),
    S(reserved_in_reported_tcb, SNP_RESERVED, "a reserved byte of REPORTED_TCB"),
    S(reserved_in_committed_tcb, SNP_RESERVED, "a reserved byte of COMMITTED_TCB"),
    S(reserved_in_launch_tcb, SNP_RESERVED, "a reserved byte of LAUNCH_TCB"),
    O(above_r, SNP_UNSIGNED_BYTES, "a byte above r"),
    O(above_s, SNP_UNSIGNED_BYTES, "a byte above s"),
    O(behind_signature, SNP_UNSIGNED_BYTES, "a byte behind the signature"),
    S(no_key, SNP_SIGNING_KEY, "a report that no key signed"),
    S(strange_key, SNP_SIGNING_KEY, "a key that nobody knows"),
    S(masked_key, SNP_SIGNING_KEY, "a VCEK's report whose host masks the chip's key"),

    O(table_cut, SNP_CERT_TABLE, "a table that is cut"),
    O(vek_cut, SNP_CHAIN_FORMAT, "a VCEK cut by a byte"),
    O(vek_letter, SNP_CHAIN_FORMAT, "a misspelt PEM line"),
    O(chain_of_one, SNP_CHAIN_FORMAT, "an ASK alone"),
    O(chain_of_three, SNP_CHAIN_FORMAT, "a chain with one more"),
    O(chain_cut, SNP_CHAIN_FORMAT, "a chain that is cut"),
    O(chain_in_der, SNP_CHAIN_FORMAT, "a chain that is a single DER certificate"),
    O(chain_of_lists, SNP_CHAIN_FORMAT, "an ARK that is not DER"),
    O(chain_bad_ask, SNP_CHAIN_FORMAT, "an ASK that is not DER"),
    O(vek_and_ask_in_pem, SNP_CHAIN_FORMAT, "VCEK and ASK in one text, without ARK"),
    O(table_two_asks, SNP_CHAIN_FORMAT, "two certificates where the table has its ASK"),
    O(table_two_arks, SNP_CHAIN_FORMAT, "two certificates where the table has its ARK"),
    O(table_bad_ask, SNP_CHAIN_FORMAT, "something else as the table's ASK"),
    O(table_bad_ark, SNP_CHAIN_FORMAT, "an empty sequence as the table's ARK"),
    O(table_ark_not_pem, SNP_CHAIN_FORMAT, "something else as the table's ARK"),
    S(malformed_ask, SNP_CHAIN_PROFILE, "basicConstraints that cannot be read"),
    S(critical_in_vek, SNP_CHAIN_PROFILE, "an unknown critical extension in the VCEK"),
    S(critical_in_ask, SNP_CHAIN_PROFILE, "an unknown critical extension in the ASK"),
    S(critical_in_ark, SNP_CHAIN_PROFILE, "an unknown critical extension in the ARK"),
    S(pkcs1_vek, SNP_CHAIN_PROFILE, "a VCEK signed by PKCS #1 v1.5"),
    S(pkcs1_ask, SNP_CHAIN_PROFILE, "an ASK signed by PKCS #1 v1.5"),
    S(pkcs1_ark, SNP_CHAIN_PROFILE, "an ARK signed by PKCS #1 v1.5"),
    S(sha256_vek, SNP_CHAIN_PROFILE, "a VCEK signed with SHA-256"),
    S(version1_ask, SNP_CHAIN_PROFILE, "an ASK of X.509 v1"),
    S(p256_vek, SNP_CHAIN_PROFILE, "a VCEK on P-256"),
    S(rsa_vek, SNP_CHAIN_PROFILE, "a VCEK with an RSA key"),
    S(ec_ask, SNP_CHAIN_PROFILE, "an ASK on a curve"),
    S(repeated_in_vek, SNP_CHAIN_PROFILE, "the same extension twice"),
    S(name_of_vek, SNP_CHAIN_NAMES, "a leaf of another name"),
    S(name_of_ask, SNP_CHAIN_NAMES, "an ASK of another name"),
    S(name_of_other_ask, SNP_CHAIN_NAMES, "Genoa's ASK below Milan's ARK"),
    S(name_of_rome, SNP_CHAIN_NAMES, "a product that this library does not know"),
    S(name_of_ark, SNP_CHAIN_NAMES, "Milan's ASK below Genoa's ARK"),
    O(chain_of_arks, SNP_CHAIN_NAMES, "an ARK instead of the ASK"),
    S(vlek_below_ask, SNP_CHAIN_NAMES, "a VLEK below an ASK"),
    S(vek_not_linked, SNP_CHAIN_NAMES, "a VCEK of another issuer"),
    S(ask_not_linked, SNP_CHAIN_NAMES, "an ASK of another issuer"),
    S(ark_not_self_issued, SNP_CHAIN_NAMES, "an ARK of another issuer"),
    S(vek_is_ca, SNP_CHAIN_CA, "a VCEK that is a CA"),
    S(ask_is_not, SNP_CHAIN_CA, "an ASK that is no CA"),
    S(ask_says_nothing, SNP_CHAIN_CA, "an ASK that does not say"),
    S(ark_is_not, SNP_CHAIN_CA, "an ARK that is no CA"),
    S(ark_says_nothing, SNP_CHAIN_CA, "an ARK that does not say"),
    S(ark_path_length, SNP_CHAIN_CA, "an ARK below which there may be no ASK"),
    S(vek_may_certify, SNP_CHAIN_KEY_USAGE, "a VCEK that may certify"),
    S(vek_may_not_sign, SNP_CHAIN_KEY_USAGE, "a VCEK that may not sign"),
    S(ask_no_usage, SNP_CHAIN_KEY_USAGE, "an ASK without key usage"),
    S(ask_may_not_certify, SNP_CHAIN_KEY_USAGE, "an ASK that may not certify"),
    S(ark_no_usage, SNP_CHAIN_KEY_USAGE, "an ARK without key usage"),
    S(ark_may_not_certify, SNP_CHAIN_KEY_USAGE, "an ARK that may not certify"),
    S(ark_may_not_revoke, SNP_CHAIN_KEY_USAGE, "an ARK that may not revoke"),
    S(vek_by_stranger, SNP_CHAIN_SIGNATURE, "a VCEK signed by a stranger"),
    S(ask_by_stranger, SNP_CHAIN_SIGNATURE, "an ASK signed by a stranger"),
    S(ark_by_stranger, SNP_CHAIN_SIGNATURE, "an ARK signed by a stranger"),
    S(vek_future, SNP_CHAIN_NOT_YET_VALID, "a VCEK of the future"),
    S(ask_future, SNP_CHAIN_NOT_YET_VALID, "an ASK of the future"),
    S(ark_future, SNP_CHAIN_NOT_YET_VALID, "an ARK of the future"),
    S(vek_past, SNP_CHAIN_EXPIRED, "an expired VCEK"),
    S(ask_past, SNP_CHAIN_EXPIRED, "an expired ASK"),
    S(ark_past, SNP_CHAIN_EXPIRED, "an expired ARK"),
    P(no_roots, SNP_UNKNOWN_ROOT, "a root that nobody named"),
    P(built_in_refused, SNP_UNKNOWN_ROOT, "no root at all"),
    S(ark_of_stranger, SNP_UNKNOWN_ROOT, "a stranger's chain with AMD's names"),

    O(no_crl, SNP_CRL_MISSING, "no list where the policy needs one"),
    X(NULL, no_crl, strange_revocation, SNP_CRL_MISSING, "no list and a policy that says nothing"),
    O(crl_cut, SNP_CRL_FORMAT, "a list cut by a byte"),
    O(crl_is_text, SNP_CRL_FORMAT, "a certificate instead of a list"),
    S(crl_critical, SNP_CRL_FORMAT, "a list with a critical extension"),
    S(crl_issuer, SNP_CRL_ISSUER, "another issuer's list"),
    S(crl_key, SNP_CRL_SIGNATURE, "a list signed by the ASK"),
    S(crl_pkcs1, SNP_CRL_SIGNATURE, "a list signed by PKCS #1 v1.5"),
    S(crl_future, SNP_CRL_NOT_YET_VALID, "a list of the future"),
    S(crl_past, SNP_CRL_EXPIRED, "an expired list"),
    X(crl_past, NULL, list_if_given, SNP_CRL_EXPIRED, "an expired list counts where it is given"),
    X(crl_past, NULL, short_grace, SNP_CRL_EXPIRED, "a list that expired before the grace"),
    X(vek_past, NULL, grace, SNP_CHAIN_EXPIRED, "grace is for collateral, not for the VCEK"),
    S(revoke_ask, SNP_REVOKED, "a revoked ASK"),
    S(revoke_ark, SNP_REVOKED, "a revoked ARK"),
    X(revoke_ask, NULL, list_if_given, SNP_REVOKED, "a list counts where it is given"),

    S(report_by_stranger, SNP_SIGNATURE, "a report signed by a stranger"),
    O(measurement_changed, SNP_SIGNATURE, "a changed measurement"),
    O(vmpl_changed, SNP_SIGNATURE, "a changed VMPL"),
    O(last_byte_changed, SNP_SIGNATURE, "a changed CHIP_ID"),
    O(signature_zero, SNP_SIGNATURE, "a signature of zeros"),
    O(signature_swapped, SNP_SIGNATURE, "r and s exchanged"),
    S(model_of_genoa, SNP_PRODUCT, "Genoa's model with Milan's VCEK"),
    S(model_unknown, SNP_PRODUCT, "a model that nobody knows"),
    S(family_unknown, SNP_PRODUCT, "a family that has no SNP"),
    S(model_of_venice, SNP_PRODUCT, "a processor of the next generation"),
    S(siena, SNP_PRODUCT, "Siena's model, which is Genoa's, with Milan's VCEK"),
    S(product_genoa, SNP_PRODUCT, "a VCEK of Milan's ASK that says Genoa"),
    S(product_milano, SNP_PRODUCT, "a product's name that only begins like one"),
    S(product_mil, SNP_PRODUCT, "half a product's name"),
    S(report_says_vlek, SNP_VEK_KIND, "a report that says VLEK, and a VCEK"),
    S(struct_version_2, SNP_VEK_EXTENSIONS, "extensions of a version that nobody knows"),
    S(product_empty, SNP_VEK_EXTENSIONS, "a product without a name"),
    S(product_type, SNP_VEK_EXTENSIONS, "a product's name of another type"),
    S(product_no_bytes, SNP_VEK_EXTENSIONS, "a product's name of no bytes"),
    S(product_newline, SNP_VEK_EXTENSIONS, "a product's name with a line end"),
    S(product_accent, SNP_VEK_EXTENSIONS, "a product's name beyond ASCII"),
    S(product_two_texts, SNP_VEK_EXTENSIONS, "a byte behind a product's name"),
    S(product_cut, SNP_VEK_EXTENSIONS, "a product's name that is cut"),
    S(strange_arc, SNP_VEK_EXTENSIONS, "an extension below AMD's HWID"),
    S(component_256, SNP_VEK_EXTENSIONS, "a component of 256"),
    S(component_two_integers, SNP_VEK_EXTENSIONS, "two numbers in one component"),
    S(unknown_arc, SNP_VEK_EXTENSIONS, "an extension of AMD's that nobody knows"),
    S(deep_arc, SNP_VEK_EXTENSIONS, "a tenth component"),
    S(arc_zero, SNP_VEK_EXTENSIONS, "a component of number zero"),
    S(arc_itself, SNP_VEK_EXTENSIONS, "the components' own arc"),
    S(hwid_63, SNP_VEK_EXTENSIONS, "a HWID of 63 bytes"),
    S(hwid_8, SNP_VEK_EXTENSIONS, "Turin's size of HWID in Milan's VCEK"),
    S(hwid_tagged_63, SNP_VEK_EXTENSIONS, "a tagged HWID of 63 bytes"),
    S(no_hwid, SNP_VEK_EXTENSIONS, "a VCEK without HWID"),
    S(csp_id_in_vcek, SNP_VEK_EXTENSIONS, "a VCEK with a provider's id"),
    S(no_bootloader, SNP_VEK_EXTENSIONS, "no boot loader version"),
    S(no_tee, SNP_VEK_EXTENSIONS, "no TEE version"),
    S(no_snp, SNP_VEK_EXTENSIONS, "no SNP version"),
    S(no_microcode, SNP_VEK_EXTENSIONS, "no microcode version"),
    S(bootloader_higher, SNP_VEK_TCB, "a VCEK for a newer boot loader"),
    S(tee_higher, SNP_VEK_TCB, "a VCEK for a newer TEE"),
    S(snp_lower, SNP_VEK_TCB, "a VCEK for an older SNP"),
    S(microcode_lower, SNP_VEK_TCB, "a VCEK for an older microcode"),
    S(spare_component, SNP_VEK_TCB, "a spare component that is used"),
    S(reported_lower, SNP_VEK_TCB, "a report of an older TCB than the VCEK"),
    S(hwid_first_byte, SNP_VEK_CHIP_ID, "another chip's VCEK"),
    S(hwid_last_byte, SNP_VEK_CHIP_ID, "another chip's VCEK, by the last byte"),
    S(committed_below_reported, SNP_TCB_ORDER, "committed below reported"),
    S(current_below_committed, SNP_TCB_ORDER, "current below committed"),
    S(launch_above_current, SNP_TCB_ORDER, "launch above current"),
    S(bootloader_order, SNP_TCB_ORDER, "a lower boot loader in committed"),
    S(tee_order, SNP_TCB_ORDER, "a lower TEE in current"),

    P(chip_not_allowed, SNP_CHIP_REFUSED, "a chip that is not on the list"),
    P(chip_denied, SNP_CHIP_REFUSED, "a chip that is denied"),
    P(minimum_bootloader, SNP_MIN_TCB, "a boot loader below the minimum"),
    P(minimum_tee, SNP_MIN_TCB, "a TEE below the minimum"),
    P(minimum_snp, SNP_MIN_TCB, "SNP below the minimum"),
    P(minimum_microcode, SNP_MIN_TCB, "microcode below the minimum"),
    P(minimum_fmc, SNP_MIN_TCB, "an FMC minimum for a product without one"),
    S(launch_below_minimum, SNP_MIN_TCB, "a launch below the minimum"),
    S(debug, SNP_DEBUG, "a guest that may be debugged"),
    S(migration, SNP_MIGRATION, "a guest that may be migrated"),
    P(refuse_smt, SNP_SMT, "hyperthreading"),
    S(other_vmpl, SNP_VMPL, "another privilege level"),
    S(other_guest, SNP_MEASUREMENT, "another guest"),
    S(other_host_data, SNP_HOST_DATA, "other host data"),
    S(other_data, SNP_REPORT_DATA, "other report data"),
    /* Accepted. */
    S(nothing, NONE, "good evidence"),
    X(NULL, one_more, allow_trailing, NONE, "a byte too much, where the policy allows it"),
    X(crl_past, NULL, grace, NONE, "an expired list within the policy's grace"),
    X(NULL, no_crl, list_if_given, NONE, "no list, where the policy needs none"),
    X(debug, NULL, allow_debug, NONE, "debugging, where the policy allows it"),
    X(migration, NULL, allow_migration, NONE, "migration, where the policy allows it"),
    X(smt_off, NULL, refuse_smt, NONE, "no hyperthreading, where the policy refuses it"),
    X(launch_below_minimum, NULL, any_tcb, NONE, "any TCB, where the policy says so"),
    P(built_in_refused_but_named, NONE, "refusing the built-in roots leaves the named ones"),
    P(chip_allowed, NONE, "a chip that is on the list"),
    P(other_chip_denied, NONE, "another chip is denied"),
    S(revoke_other, NONE, "a list with another serial number"),
    O(chain_reversed, NONE, "ARK before ASK"),
    O(vek_in_pem, NONE, "a VCEK in PEM"),
    O(all_in_one_pem, NONE, "VCEK, ASK and ARK in one text"),
    O(all_in_table, NONE, "all from the host's table"),
    O(table_beside, NONE, "a table beside everything else"),
    O(crl_in_pem, NONE, "a list in PEM"),
    S(hwid_tagged, NONE, "a HWID with a tag"),
    S(product_utf8, NONE, "a product's name in UTF-8"),
    S(product_printable, NONE, "a product's name in PrintableString"),
    S(foreign, NONE, "an extension of somebody else, not critical"),
    S(product_plain, NONE, "a product without stepping"),
    S(no_product, NONE, "a VCEK that does not name the product"),
    S(no_struct_version, NONE, "a VCEK that does not name its version"),
    S(vek_may_sign, NONE, "a VCEK that says that it may sign"),
    S(ark_long_path, NONE, "an ARK with a longer path"),
    S(author_key, NONE, "a report with an author's key"),
    S(version_4, NONE, "version 4"),
    S(chip_id_masked, NONE, "a VCEK's report whose host masks the chip's id"),
    X(chip_id_masked, NULL, chip_allowed, SNP_CHIP_REFUSED,
      "a VCEK's chip that hides its id, where only some are allowed"),
    X(chip_id_masked, NULL, chip_denied, SNP_CHIP_REFUSED,
      "a VCEK's chip that hides its id, where some are denied"),
};

static const struct test_case version_2_cases[] = {
    S(name_of_vek, SNP_CHAIN_NAMES, "a leaf of another name"),
    S(model_in_version_2, SNP_RESERVED, "a model, which version 3 has"),
    S(vectors_in_version_3, SNP_RESERVED, "mitigation vectors, which version 5 has"),
    S(report_by_stranger, SNP_SIGNATURE, "a report signed by a stranger"),
    S(nothing, NONE, "good evidence"),
};

static const struct test_case turin_cases[] = {
    S(hwid_64, SNP_VEK_EXTENSIONS, "Milan's size of HWID in Turin's VCEK"),
    S(hwid_tagged, NONE, "a HWID with a tag"),
    S(no_fmc, SNP_VEK_EXTENSIONS, "no FMC version"),
    S(fmc_other, SNP_VEK_TCB, "a VCEK for another FMC"),
    S(chip_id_longer, SNP_VEK_CHIP_ID, "more of CHIP_ID than the HWID has"),
    S(hwid_first_byte, SNP_VEK_CHIP_ID, "another chip's VCEK"),
    S(hwid_last_byte, NONE, "bytes behind the HWID are not in it"),
    S(reserved_in_tcb, SNP_RESERVED, "a reserved byte of CURRENT_TCB"),
    S(fmc_order, SNP_TCB_ORDER, "a lower FMC in committed"),
    P(minimum_snp, SNP_MIN_TCB, "SNP below the minimum"),
    S(nothing, NONE, "good evidence"),
};

static const struct test_case vlek_cases[] = {
    S(report_says_vcek, SNP_VEK_KIND, "a report that says VCEK, and a VLEK"),
    S(no_csp_id, SNP_VEK_EXTENSIONS, "a VLEK without a provider"),
    S(no_snp, SNP_VEK_EXTENSIONS, "no SNP version"),
    S(csp_id_empty, SNP_VEK_EXTENSIONS, "a provider without a name"),
    S(csp_id_long, SNP_VEK_EXTENSIONS, "a provider's name that is too long"),
    S(hwid_in_vlek, SNP_VEK_EXTENSIONS, "a VLEK with a HWID"),
    X(chip_id_masked, NULL, chip_allowed, SNP_CHIP_REFUSED,
      "a chip that hides its id, where only some are allowed"),
    X(chip_id_masked, NULL, chip_denied, SNP_CHIP_REFUSED,
      "a chip that hides its id, where some are denied"),
    P(chip_not_allowed, SNP_CHIP_REFUSED, "a chip that is not on the list"),
    S(chip_id_masked, NONE, "a chip that hides its id"),
    S(chip_masked_key, NONE, "a host that masks the chip's key signs by VLEK"),
    O(all_in_table, NONE, "all from the host's table"),
    S(nothing, NONE, "good evidence"),
};

static const struct test_case hcl_cases[] = {
    P(unset_azure_key, POLICY_INCOMPLETE, "a forgotten Azure key rejects"),
    O(hcl_cut, AZURE_FORMAT, "a blob without runtime data"),
    O(hcl_cut_in_text, AZURE_FORMAT, "a blob cut in the runtime data"),
    O(hcl_long, AZURE_FORMAT, "a blob that is longer than any"),
    O(hcl_header_only, AZURE_FORMAT, "a header alone"),
    S(hcl_version_0, AZURE_FORMAT, "a header of version 0"),
    S(hcl_version_3, AZURE_FORMAT, "a header of a version that nobody knows"),
    S(hcl_request, AZURE_FORMAT, "another type of request"),
    S(hcl_status, AZURE_FORMAT, "a status that is an error"),
    S(hcl_reserved, AZURE_FORMAT, "a reserved word"),
    S(hcl_data_version, AZURE_FORMAT, "runtime data of a version that nobody knows"),
    S(hcl_size, AZURE_FORMAT, "a size that does not fit"),
    S(hcl_data_size, AZURE_FORMAT, "a data size that does not fit"),
    S(hcl_length, AZURE_FORMAT, "a length that does not fit"),
    S(hcl_length_huge, AZURE_FORMAT, "a length that is longer than the blob"),
    S(hcl_no_text, AZURE_FORMAT, "no runtime data"),
    S(hcl_tdx, AZURE_KIND, "a TDX report inside"),
    S(hcl_hash_0, AZURE_HASH_TYPE, "no type of hash"),
    S(hcl_hash_4, AZURE_HASH_TYPE, "a type of hash that nobody knows"),
    O(hcl_trailing, AZURE_TRAILING, "something behind the blob"),
    S(hcl_not_bound, AZURE_BINDING, "a report that does not bind the runtime data"),
    O(hcl_text_changed, AZURE_BINDING, "changed runtime data"),
    O(hcl_hash_lied, AZURE_BINDING, "another type of hash than was used"),
    S(hcl_rest_used, AZURE_BINDING, "report data behind the hash"),
    S(runtime_not_json, AZURE_RUNTIME_DATA, "runtime data that are not JSON"),
    S(runtime_no_key, AZURE_RUNTIME_DATA, "no attestation key"),
    S(runtime_no_keys, AZURE_RUNTIME_DATA, "no keys"),
    S(runtime_two_keys, AZURE_RUNTIME_DATA, "two attestation keys"),
    S(runtime_twice, AZURE_RUNTIME_DATA, "a member that occurs twice"),
    S(runtime_ec, AZURE_RUNTIME_DATA, "an attestation key of another type"),
    S(runtime_exponent, AZURE_RUNTIME_DATA, "another exponent"),
    S(runtime_n_padded, AZURE_RUNTIME_DATA, "a modulus with padding"),
    S(runtime_n_standard, AZURE_RUNTIME_DATA, "a modulus in another base64"),
    S(runtime_n_bits, AZURE_RUNTIME_DATA, "a modulus with unused bits"),
    S(runtime_n_even, AZURE_RUNTIME_DATA, "an even modulus"),
    S(runtime_n_zero, AZURE_RUNTIME_DATA, "a modulus with a leading zero"),
    S(runtime_n_short, AZURE_RUNTIME_DATA, "a short modulus"),
    S(runtime_n_one_letter, AZURE_RUNTIME_DATA, "a modulus with a letter too few"),
    S(runtime_n_long, AZURE_RUNTIME_DATA, "a long modulus"),
    S(runtime_trailing, AZURE_RUNTIME_DATA, "something behind the JSON"),
    P(other_azure_key, AZURE_KEY, "another attestation key"),
    S(report_by_stranger, SNP_SIGNATURE, "a report signed by a stranger"),
    P(unset_measurement, POLICY_INCOMPLETE, "a forgotten measurement rejects"),
    /* Accepted. */
    S(nothing, NONE, "good evidence"),
    S(hcl_sha384, NONE, "SHA-384"),
    S(hcl_sha512, NONE, "SHA-512"),
    S(hcl_version_1, NONE, "a header of version 1, and no padding"),
    X(NULL, hcl_trailing, allow_trailing, NONE, "something behind it, where the policy allows it"),
};

static struct alcove_result judge(const struct forge_amd_output *o,
                                  const struct alcove_collateral *c, const struct alcove_policy *p)
{
    struct alcove_result r;
    struct alcove_verdict v = alcove_verify(lend(&o->evidence), c, p, NOW, &r);
    REQUIRE(v.accepted_word == r.verdict.accepted_word);
    return r;
}

/* SHA-256 of the modulus of forge_amd_defaults(): a6 9a 69 … */
static void expect_azure_key(struct alcove_policy *p)
{
    uint8_t modulus[256];
    static const uint8_t three[3] = {0xa6, 0x9a, 0x69};
    for (size_t i = 0; i < sizeof modulus; i++) {
        modulus[i] = three[i % 3];
    }
    modulus[255] = 0xa7; /* "pw" */
    p->azure_key.mode = ALCOVE_EXPECT_VALUE;
    REQUIRE(EVP_Digest(modulus, sizeof modulus, p->azure_key.value, NULL, EVP_sha256(), NULL) == 1);
    p->report_data.mode = ALCOVE_EXPECT_ANY;
}

struct setting {
    const char *name;
    enum alcove_snp_product product;
    uint32_t version;
    bool is_vlek, wrap;
};

static void run_case(const struct test_case *t, const struct setting *in)
{
    static struct forge_amd_spec s;
    static struct forge_amd_output o;
    forge_amd_defaults(&s, in->product, in->version, in->is_vlek);
    s.wrap = in->wrap;
    if (t->spec) {
        t->spec(&s);
    }
    forge_amd_build(&s, &o);
    struct alcove_policy p = forge_amd_policy(&o);
    struct alcove_collateral c = forge_amd_collateral(&o);
    if (in->wrap) {
        expect_azure_key(&p);
    }
    if (t->output) {
        t->output(&o, &c);
    }
    if (t->policy) {
        t->policy(&p);
    }
    struct alcove_result r = judge(&o, &c, &p);
    bool accepted = alcove_verdict_accepted(r.verdict);
    CHECK(r.first_reason == t->reason && accepted == (t->reason == ALCOVE_REASON_NONE),
          "%s: %s: %s", in->name, t->what, alcove_reason_name(t->reason));
    if (r.first_reason != t->reason) {
        printf("# got %s\n", alcove_reason_name(r.first_reason));
    }
}

static const struct suite {
    struct setting in;
    const struct test_case *cases;
    size_t count;
} suites[] = {
    {{"Milan", ALCOVE_SNP_MILAN, 3, false, false}, cases, ARRAY_SIZE(cases)},
    {{"version 2", ALCOVE_SNP_MILAN, 2, false, false},
     version_2_cases,
     ARRAY_SIZE(version_2_cases)},
    {{"Turin", ALCOVE_SNP_TURIN, 5, false, false}, turin_cases, ARRAY_SIZE(turin_cases)},
    {{"VLEK", ALCOVE_SNP_MILAN, 3, true, false}, vlek_cases, ARRAY_SIZE(vlek_cases)},
    {{"HCL", ALCOVE_SNP_GENOA, 5, false, true}, hcl_cases, ARRAY_SIZE(hcl_cases)},
};

static void test_every_reason_has_a_case(void)
{
    static const enum alcove_reason own[] = {
#define REASON(name, text, explanation) ALCOVE_REASON_##name,
#include "verify/reasons_amd.def"
#include "verify/reasons_azure.def"
#undef REASON
    };
    for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
        bool found = own[i] == ALCOVE_REASON_SNP_UNKNOWN_INTERMEDIATE; /* pins_test.c */
        for (size_t s = 0; s < ARRAY_SIZE(suites); s++) {
            for (size_t k = 0; k < suites[s].count; k++) {
                found = found || suites[s].cases[k].reason == own[i];
            }
        }
        CHECK(found, "%s has a case", alcove_reason_name(own[i]));
    }
}

static void test_results(void)
{
    static struct forge_amd_spec s;
    static struct forge_amd_output o;
    static struct alcove_result r;
    for (int product = ALCOVE_SNP_MILAN; product < ALCOVE_SNP_PRODUCT_COUNT; product++) {
        for (int is_vlek = 0; is_vlek < 2; is_vlek++) {
            uint32_t version = product == ALCOVE_SNP_MILAN   ? 2
                               : product == ALCOVE_SNP_GENOA ? 3
                                                             : 5;
            forge_amd_defaults(&s, (enum alcove_snp_product)product, version, is_vlek);
            forge_amd_build(&s, &o);
            struct alcove_policy p = forge_amd_policy(&o);
            struct alcove_collateral c = forge_amd_collateral(&o);
            r = judge(&o, &c, &p);
            const struct alcove_snp_report *snp = &r.snp;
            const char *name = alcove_snp_product_name((enum alcove_snp_product)product);
            CHECK(alcove_verdict_accepted(r.verdict) && r.has_snp &&
                      snp->product == (enum alcove_snp_product)product &&
                      snp->signed_by_vlek == is_vlek && r.quote_version == version &&
                      r.kind == ALCOVE_EVIDENCE_SNP_REPORT && r.wrapping == ALCOVE_WRAPPING_NONE,
                  "%s, version %u, %s: accepted", name, version, is_vlek ? "VLEK" : "VCEK");
            CHECK(snp->reported_tcb.microcode == 210 && snp->reported_tcb.snp == 23 &&
                      snp->current_tcb.snp == 24 && snp->launch_tcb.bootloader == 4 &&
                      snp->committed_tcb.fmc == (product == ALCOVE_SNP_TURIN),
                  "%s: the TCBs are read in its layout", name);
            CHECK(strcmp(snp->csp_id, is_vlek ? "CN=cc-us-east-2.example.com" : "") == 0 &&
                      snp->csp_id_size == strlen(snp->csp_id),
                  "%s: a VLEK names its provider", name);
            CHECK(r.root_kind == ALCOVE_ROOT_OTHER &&
                      memcmp(r.root_spki_sha256, o.root.spki_sha256, 32) == 0 &&
                      r.earliest_expiration == s.crl.until && r.earliest_issue == s.crl.from,
                  "%s: root and dates are told", name);
        }
    }
}

static void test_root_reading(void)
{
    static struct forge_amd_spec s;
    static struct forge_amd_output o;
    struct alcove_root root;
    forge_amd_defaults(&s, ALCOVE_SNP_MILAN, 3, false);
    forge_amd_build(&s, &o);
    CHECK(alcove_root_read(lend(&o.ark_pem), &root) &&
              memcmp(root.spki_sha256, o.root.spki_sha256, 32) == 0,
          "an ARK can be read as a root to name");
    CHECK(!alcove_root_read(lend(&o.ask_pem), &root), "an ASK cannot");
}

static void test_wrapped_result(void)
{
    static struct forge_amd_spec s;
    static struct forge_amd_output o;
    forge_amd_defaults(&s, ALCOVE_SNP_MILAN, 3, false);
    s.wrap = true;
    runtime_all_letters(&s);
    s.report[SNP_AT_POLICY + 2] |= 8;
    forge_amd_build(&s, &o);
    o.evidence.data[o.evidence.size - 1] = 1;
    struct alcove_policy p = forge_amd_policy(&o);
    struct alcove_collateral c = forge_amd_collateral(&o);
    expect_azure_key(&p);
    struct alcove_result r = judge(&o, &c, &p);
    CHECK(alcove_result_failed(&r, ALCOVE_REASON_AZURE_TRAILING) &&
              alcove_result_failed(&r, ALCOVE_REASON_AZURE_KEY) &&
              alcove_result_failed(&r, ALCOVE_REASON_SNP_DEBUG) && r.has_azure &&
              r.wrapping == ALCOVE_WRAPPING_AZURE_HCL,
          "a rejection names everything that is wrong, inside and outside");
    p.allow_trailing = p.allow_debug = true;
    p.azure_key.mode = ALCOVE_EXPECT_ANY;
    p.report_data.mode = ALCOVE_EXPECT_VALUE;
    r = judge(&o, &c, &p);
    CHECK(r.first_reason == ALCOVE_REASON_SNP_REPORT_DATA,
          "an expectation of report data applies besides the binding");
    memcpy(p.report_data.value, s.report + SNP_AT_REPORT_DATA, 64);
    r = judge(&o, &c, &p);
    CHECK(alcove_verdict_accepted(r.verdict) &&
              memcmp(r.azure.runtime_sha256, r.snp.report_data, 32) == 0,
          "and can be met");
}

static void test_truncation(void)
{
    static struct forge_amd_spec s;
    static struct forge_amd_output o;
    for (int wrap = 0; wrap < 2; wrap++) {
        forge_amd_defaults(&s, ALCOVE_SNP_MILAN, 3, false);
        s.wrap = wrap;
        s.hcl.padding = 0;
        forge_amd_build(&s, &o);
        struct alcove_policy p = forge_amd_policy(&o);
        struct alcove_collateral c = forge_amd_collateral(&o);
        expect_azure_key(&p);
        p.azure_key.mode = ALCOVE_EXPECT_ANY;
        size_t whole = o.evidence.size, wrong = 0;
        enum alcove_reason expected = wrap ? ALCOVE_REASON_AZURE_FORMAT : ALCOVE_REASON_SNP_FORMAT;
        for (size_t n = 4; n < whole; n++) {
            o.evidence.size = n;
            struct alcove_result r = judge(&o, &c, &p);
            wrong += alcove_verdict_accepted(r.verdict) || r.first_reason != expected;
        }
        CHECK(wrong == 0, "every shorter piece is refused as malformed: %s",
              alcove_reason_name(expected));
    }
}

/* Every single byte of a report is covered: by the signature or by the checks of what it leaves
 * out. */
static void test_every_byte_counts(void)
{
    static struct forge_amd_spec s;
    static struct forge_amd_output o;
    forge_amd_defaults(&s, ALCOVE_SNP_MILAN, 2, false);
    forge_amd_build(&s, &o);
    struct alcove_policy p = forge_amd_policy(&o);
    struct alcove_collateral c = forge_amd_collateral(&o);
    size_t accepted = 0;
    for (size_t i = 0; i < SNP_SIZE; i++) {
        o.evidence.data[i] ^= 1;
        accepted += alcove_verdict_accepted(judge(&o, &c, &p).verdict);
        o.evidence.data[i] ^= 1;
    }
    CHECK(accepted == 0 && alcove_verdict_accepted(judge(&o, &c, &p).verdict),
          "a change of any byte of a report rejects");
}

static void test_table(void)
{
    static struct forge_amd_part t;
    struct cert_table found;
    struct forge_table_entry many[CERT_TABLE_ENTRIES_MAX + 1];
    static const uint8_t other[16] = {1};
    struct forge_table_entry good[] = {
        {forge_guid_vcek, BYTES_STR("vcek")}, {other, BYTES_STR("other")},
        {forge_guid_vlek, BYTES_STR("vlek")}, {forge_guid_ask, BYTES_STR("ask")},
        {forge_guid_ark, BYTES_STR("ark")},   {forge_guid_crl, BYTES_STR("crl")}};
    for (size_t i = 0; i < ARRAY_SIZE(many); i++) {
        many[i] = (struct forge_table_entry){other, BYTES_STR("x")};
    }
    forge_cert_table(good, ARRAY_SIZE(good), &t);
    CHECK(cert_table_read(view(&t), &found) && bytes_equal_str(found.vcek, "vcek") &&
              bytes_equal_str(found.vlek, "vlek") && bytes_equal_str(found.ask, "ask") &&
              bytes_equal_str(found.ark, "ark") && bytes_equal_str(found.crl, "crl"),
          "a table of all kinds, and one that nobody knows");
    t.size += 4000;
    CHECK(cert_table_read(view(&t), &found), "a table with padding behind it");
    t.size -= 4001;
    CHECK(!cert_table_read(view(&t), &found), "contents that end behind the table");
    t.size++;
    t.data[16]--;
    CHECK(!cert_table_read(view(&t), &found), "contents that begin in the entries");
    forge_cert_table(good, 1, &t);
    t.data[20] = 0;
    CHECK(!cert_table_read(view(&t), &found), "no contents");
    memset(t.data + 16, 0xff, 8);
    CHECK(!cert_table_read(view(&t), &found), "an offset and a size whose sum is small again");
    t.size = 47;
    CHECK(!cert_table_read(view(&t), &found), "a table without an end");
    good[1] = good[0];
    forge_cert_table(good, 2, &t);
    CHECK(!cert_table_read(view(&t), &found), "two VCEKs");
    forge_cert_table(NULL, 0, &t);
    CHECK(cert_table_read(view(&t), &found) && found.vcek.size == 0, "an empty table");
    forge_cert_table(many, CERT_TABLE_ENTRIES_MAX, &t);
    CHECK(cert_table_read(view(&t), &found), "as many entries as may be");
    forge_cert_table(many, ARRAY_SIZE(many), &t);
    CHECK(!cert_table_read(view(&t), &found), "one more");
    static const uint8_t zeros[CERT_TABLE_SIZE_MAX + 1];
    CHECK(cert_table_read(BYTES(zeros, CERT_TABLE_SIZE_MAX), &found) &&
              !cert_table_read(BYTES_OF(zeros), &found),
          "as many bytes as may be, and one more");
}

/* The entry point takes only what begins with HCLA for an HCL report, so that others do not get
 * here. */
static void test_hcl_reader(void)
{
    static struct forge_amd_spec s;
    static struct forge_amd_output o;
    struct hcl h;
    forge_amd_defaults(&s, ALCOVE_SNP_MILAN, 3, false);
    s.wrap = true;
    forge_amd_build(&s, &o);
    CHECK(hcl_read(view(&o.evidence), &h) == ALCOVE_REASON_NONE && h.report.size == SNP_SIZE,
          "an HCL report is read");
    o.evidence.data[3] = 'B';
    CHECK(hcl_read(view(&o.evidence), &h) == ALCOVE_REASON_AZURE_FORMAT,
          "one that begins with something else is not");
}

int main(void)
{
    test_table();
    test_hcl_reader();
    for (size_t s = 0; s < ARRAY_SIZE(suites); s++) {
        for (size_t i = 0; i < suites[s].count; i++) {
            run_case(&suites[s].cases[i], &suites[s].in);
        }
    }
    test_every_reason_has_a_case();
    test_results();
    test_root_reading();
    test_wrapped_result();
    test_truncation();
    test_every_byte_counts();
    return tap_done();
}
