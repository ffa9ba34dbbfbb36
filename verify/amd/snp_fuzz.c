/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as an SNP report and its collateral, through the readers and all of the family's
 * checks. An input is parts, each with its size (2 bytes, little endian) before it: report, VEK,
 * chain, list, table. The mutator changes one part and puts all together again. Nobody but AMD can
 * make what is accepted with no root named. */
#include "amd/cert_table.h"
#include "amd/report.h"
#include "amd/vek.h"
#include "check.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

#define NOW      INT64_C(1790000000) /* when the seeds are valid */
#define PARTS    5
#define PART_MAX 16384u

enum part { REPORT, VEK, CHAIN, LIST, TABLE };

static void split(const uint8_t *data, size_t size, struct bytes parts[PARTS])
{
    struct cursor c = cursor_of(BYTES(data, size));
    for (size_t i = 0; i < PARTS; i++) {
        size_t wanted = cursor_le16(&c);
        parts[i] = cursor_take(&c, wanted < c.rest.size ? wanted : c.rest.size);
    }
}

static void inside(struct bytes part, struct bytes whole)
{
    if (part.size > 0 &&
        (part.data < whole.data || part.data + part.size > whole.data + whole.size)) {
        abort();
    }
}

/* What is read says everything: written again it gives the same bytes. */
static void check_report(struct bytes b)
{
    static uint8_t again[SNP_SIGNED_SIZE];
    struct snp_report r;
    struct alcove_snp_tcb tcb;
    if (snp_report_read(b, &r) != ALCOVE_REASON_NONE) {
        return;
    }
    const struct alcove_snp_report *f = &r.facts;
    inside(r.signed_bytes, b);
    inside(r.trailing, b);
    memcpy(again, b.data, sizeof again);
    store_le32(again, f->version);
    store_le32(again + 4, f->guest_svn);
    store_le64(again + 8, f->policy);
    store_le32(again + 0x30, f->vmpl);
    store_le64(again + 0x40, f->platform_info);
    store_le32(again + 0x48, (uint32_t)f->author_key_enabled | (uint32_t)f->mask_chip_key << 1 |
                                 (uint32_t)r.signing_key << 2);
    if (r.reserved_ok && memcmp(again, b.data, sizeof again) != 0) {
        abort();
    }
    for (int p = 0; p < ALCOVE_SNP_PRODUCT_COUNT; p++) {
        bool known = snp_tcb_read((enum alcove_snp_product)p, r.reported_tcb, &tcb);
        unsigned sum = 0, read = tcb.bootloader + tcb.tee + tcb.snp + tcb.microcode + tcb.fmc;
        for (size_t i = 0; i < 8; i++) {
            sum += r.reported_tcb[i];
        }
        if ((known && (sum != read || p == ALCOVE_SNP_UNKNOWN)) || !snp_tcb_at_most(&tcb, &tcb)) {
            abort();
        }
    }
}

static void check_vek(struct bytes b)
{
    static struct certificate c;
    struct vek v;
    if (!certificate_read(b, &c) || !vek_read(&c, &v)) {
        return;
    }
    inside(v.product_name, b);
    inside(v.hwid, b);
    inside(v.csp_id, b);
    bool as_vcek = vek_complete(&v, ALCOVE_SNP_TURIN, false);
    if (as_vcek && (vek_complete(&v, ALCOVE_SNP_TURIN, true) ||
                    vek_complete(&v, ALCOVE_SNP_MILAN, false) || v.hwid.size != 8)) {
        abort();
    }
}

static void check_table(struct bytes b)
{
    struct cert_table t;
    if (cert_table_read(b, &t)) {
        inside(t.vcek, b);
        inside(t.vlek, b);
        inside(t.ask, b);
        inside(t.ark, b);
        inside(t.crl, b);
    }
}

static struct alcove_bytes lend(struct bytes b)
{
    return (struct alcove_bytes){b.data, b.size};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes parts[PARTS];
    split(data, size, parts);
    check_report(parts[REPORT]);
    check_vek(parts[VEK]);
    check_table(parts[TABLE]);

    struct alcove_policy policy = {.allow_debug = true,
                                   .allow_migration = true,
                                   .allow_trailing = true,
                                   .revocation.amd = ALCOVE_REVOCATION_IF_GIVEN,
                                   .chip_id.allow_mode = ALCOVE_EXPECT_ANY,
                                   .report_data.mode = ALCOVE_EXPECT_ANY,
                                   .snp_measurement.mode = ALCOVE_EXPECT_ANY,
                                   .snp_host_data.mode = ALCOVE_EXPECT_ANY,
                                   .snp_vmpl.mode = ALCOVE_EXPECT_ANY,
                                   .snp_min_tcb.mode = ALCOVE_EXPECT_ANY};
    const struct alcove_collateral collateral = {.amd_vek = lend(parts[VEK]),
                                                 .amd_chain = lend(parts[CHAIN]),
                                                 .amd_crl = lend(parts[LIST]),
                                                 .amd_cert_table = lend(parts[TABLE])};
    static struct alcove_result r;
    r = (struct alcove_result){0};
    struct check c = {.policy = &policy, .time = NOW, .result = &r};
    crypto_enter(&c.crypto);
    amd_check(&c, parts[REPORT], &collateral);
    crypto_leave(&c.crypto);
    bool failed = false;
    for (size_t i = 0; i < ARRAY_SIZE(r.failed); i++) {
        failed = failed || r.failed[i] != 0;
    }
    bool complete = c.required == CHECK_AMD && (c.groups & c.required) == c.required;
    if (!failed && (!complete || r.root_kind != ALCOVE_ROOT_AMD)) {
        abort();
    }
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    static uint8_t part[PART_MAX], text[1u << 17];
    struct bytes parts[PARTS];
    split(data, size, parts);
    size_t which = seed % PARTS;
    if (seed % 16 == 0 || parts[which].size > sizeof part) {
        return LLVMFuzzerMutate(data, size, max_size);
    }
    if (parts[which].size > 0) {
        memcpy(part, parts[which].data, parts[which].size);
    }
    parts[which] = BYTES(part, LLVMFuzzerMutate(part, parts[which].size, sizeof part));
    struct writer w = writer_of(text, sizeof text < max_size ? sizeof text : max_size);
    for (size_t i = 0; i < PARTS; i++) {
        uint8_t head[2];
        store_le16(head, (uint16_t)parts[i].size);
        writer_put(&w, BYTES_OF(head));
        writer_put(&w, parts[i]);
    }
    if (w.failed) {
        return LLVMFuzzerMutate(data, size, max_size);
    }
    memcpy(data, text, w.size);
    return w.size;
}
