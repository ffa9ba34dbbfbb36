/* SPDX-License-Identifier: Apache-2.0 */
/* The report has a fixed size and no lengths inside, so reading it is a matter of offsets. What the
 * adversary can do here is say things in places that this version reserves: the reader notes it,
 * and the check refuses. */
#include "amd/report.h"

#define SIGNATURE_ALGO_ECDSA_P384_SHA384 1u
#define SIGNATURE_NUMBER_SIZE            72u /* little endian, of which 48 are used */

/* Guest policy: bits 0 to 15 are the ABI's version, 16 to 25 are known, 17 must be one. What a
 * later bit would allow nobody knows. */
#define POLICY_BITS       UINT64_C(0x3ffffff)
#define POLICY_MUST_BE_1  (UINT64_C(1) << 17)
#define FLAGS_BITS        UINT32_C(0x1f)
#define FLAG_AUTHOR_KEY   1u
#define FLAG_MASK_CHIP    2u
#define FLAGS_SIGNING_KEY 2 /* shift */

/* Where the signed fields of each version end and reserved bytes begin. */
static const struct {
    uint32_t version;
    uint16_t processor_end, end;
} layouts[] = {
    {2, 0x188, 0x1f8},
    {3, 0x18b, 0x1f8},
    {4, 0x18b, 0x1f8}, /* in none of the revisions that are public: docs/verification-snp.md */
    {5, 0x18b, 0x208},
};

/* Family and model ranges: AMD 57230 and 56860, CPUID_FAM_ID and CPUID_MOD_ID. */
static const struct {
    uint8_t family, first_model, last_model;
    enum alcove_snp_product product;
} processors[] = {
    {0x19, 0x00, 0x0f, ALCOVE_SNP_MILAN},
    {0x19, 0x10, 0x1f, ALCOVE_SNP_GENOA},
    {0x19, 0xa0, 0xaf, ALCOVE_SNP_GENOA}, /* Bergamo and Siena: Genoa's keys */
    {0x1a, 0x00, 0x1f, ALCOVE_SNP_TURIN},
};

static bool zero(const uint8_t *p, size_t from, size_t to)
{
    uint8_t any = 0;
    for (size_t i = from; i < to; i++) {
        any |= p[i];
    }
    return any == 0;
}

static enum alcove_snp_product product_of(uint8_t family, uint8_t model)
{
    for (size_t i = 0; i < ARRAY_SIZE(processors); i++) {
        if (processors[i].family == family && processors[i].first_model <= model &&
            model <= processors[i].last_model) {
            return processors[i].product;
        }
    }
    return ALCOVE_SNP_UNKNOWN;
}

static void read_signature(const uint8_t *p, struct snp_report *ret)
{
    const uint8_t *number = p + SNP_SIGNED_SIZE;
    for (size_t n = 0; n < 2; n++, number += SIGNATURE_NUMBER_SIZE) {
        for (size_t i = 0; i < 48; i++) {
            ret->signature[48 * n + i] = number[47 - i];
        }
    }
    size_t r = SNP_SIGNED_SIZE, s = r + SIGNATURE_NUMBER_SIZE, end = s + SIGNATURE_NUMBER_SIZE;
    ret->unsigned_zero =
        zero(p, r + 48, s) && zero(p, s + 48, end) && zero(p, end, SNP_REPORT_SIZE);
}

static void read_facts(const uint8_t *p, struct alcove_snp_report *f)
{
    f->guest_svn = load_le32(p + 0x04);
    f->policy = load_le64(p + 0x08);
    __builtin_memcpy(f->family_id, p + 0x10, sizeof f->family_id);
    __builtin_memcpy(f->image_id, p + 0x20, sizeof f->image_id);
    f->vmpl = load_le32(p + 0x30);
    f->platform_info = load_le64(p + 0x40);
    __builtin_memcpy(f->report_data, p + 0x50, sizeof f->report_data);
    __builtin_memcpy(f->measurement, p + 0x90, sizeof f->measurement);
    __builtin_memcpy(f->host_data, p + 0xc0, sizeof f->host_data);
    __builtin_memcpy(f->id_key_digest, p + 0xe0, sizeof f->id_key_digest);
    __builtin_memcpy(f->author_key_digest, p + 0x110, sizeof f->author_key_digest);
    __builtin_memcpy(f->report_id, p + 0x140, sizeof f->report_id);
    __builtin_memcpy(f->report_id_ma, p + 0x160, sizeof f->report_id_ma);
    __builtin_memcpy(f->chip_id, p + 0x1a0, sizeof f->chip_id);
}

enum alcove_reason snp_report_read(struct bytes report, struct snp_report *ret)
{
    *ret = (struct snp_report){0};
    if (report.size < SNP_REPORT_SIZE) {
        return ALCOVE_REASON_SNP_FORMAT;
    }
    const uint8_t *p = report.data;
    struct alcove_snp_report *f = &ret->facts;
    f->version = load_le32(p);
    size_t l = 0;
    while (l < ARRAY_SIZE(layouts) && layouts[l].version != f->version) {
        l++;
    }
    if (l == ARRAY_SIZE(layouts)) {
        return ALCOVE_REASON_SNP_VERSION;
    }
    if (load_le32(p + 0x34) != SIGNATURE_ALGO_ECDSA_P384_SHA384) {
        return ALCOVE_REASON_SNP_ALGORITHM;
    }
    read_facts(p, f);
    uint32_t flags = load_le32(p + 0x48);
    f->author_key_enabled = (flags & FLAG_AUTHOR_KEY) != 0;
    f->mask_chip_key = (flags & FLAG_MASK_CHIP) != 0;
    ret->signing_key = flags >> FLAGS_SIGNING_KEY & 7;
    f->signed_by_vlek = ret->signing_key == SNP_SIGNED_BY_VLEK;
    ret->current_tcb = p + 0x38;
    ret->reported_tcb = p + 0x180;
    ret->committed_tcb = p + 0x1e0;
    ret->launch_tcb = p + 0x1f0;
    ret->has_model = layouts[l].processor_end > 0x188;
    ret->product = ret->has_model ? product_of(p[0x188], p[0x189]) : ALCOVE_SNP_UNKNOWN;
    ret->reserved_ok = (flags & ~FLAGS_BITS) == 0 && (f->policy & ~POLICY_BITS) == 0 &&
                       (f->policy & POLICY_MUST_BE_1) != 0 && zero(p, 0x4c, 0x50) &&
                       zero(p, layouts[l].processor_end, 0x1a0) && p[0x1eb] == 0 && p[0x1ef] == 0 &&
                       zero(p, layouts[l].end, SNP_SIGNED_SIZE);
    read_signature(p, ret);
    ret->signed_bytes = BYTES(p, SNP_SIGNED_SIZE);
    ret->trailing = BYTES(p + SNP_REPORT_SIZE, report.size - SNP_REPORT_SIZE);
    return ALCOVE_REASON_NONE;
}

bool snp_tcb_read(enum alcove_snp_product product, const uint8_t raw[8], struct alcove_snp_tcb *ret)
{
    *ret = (struct alcove_snp_tcb){.microcode = raw[7]};
    if (product == ALCOVE_SNP_MILAN || product == ALCOVE_SNP_GENOA) {
        ret->bootloader = raw[0];
        ret->tee = raw[1];
        ret->snp = raw[6];
        return zero(raw, 2, 6);
    }
    if (product == ALCOVE_SNP_TURIN) {
        ret->fmc = raw[0];
        ret->bootloader = raw[1];
        ret->tee = raw[2];
        ret->snp = raw[3];
        return zero(raw, 4, 7);
    }
    *ret = (struct alcove_snp_tcb){0};
    return false;
}

bool snp_tcb_at_most(const struct alcove_snp_tcb *low, const struct alcove_snp_tcb *high)
{
    return low->bootloader <= high->bootloader && low->tee <= high->tee && low->snp <= high->snp &&
           low->microcode <= high->microcode && low->fmc <= high->fmc;
}
