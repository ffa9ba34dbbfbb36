/* SPDX-License-Identifier: Apache-2.0 */
/* The policy file's structure: which keys there are and what each sets. How values are written is
 * policy_values.c's; files are policy_file.c's. */
#include "policy.h"

#include <string.h>

#include "policy_values.h"

#define TAKE(name) static int take_##name(void *context, const yaml_node_t *n)
#define POLICY     (&((struct policy_file *)context)->policy)
#define YAML       (&((struct policy_file *)context)->yaml)

/* ---- what holds for every kind ---- */

TAKE(accept_statuses)
{
    size_t count = 0;
    int err = strict_yaml_list(YAML, n, ALCOVE_TCB_STATUS_COUNT, &count);
    POLICY->accepted_statuses = 0;
    for (size_t i = 0; err == 0 && i < count; i++) {
        err = policy_take_status(YAML, strict_yaml_item(YAML, n, i), &POLICY->accepted_statuses);
    }
    return err == 0 && count == 0 ? strict_yaml_fail(YAML, n, "no status would be accepted") : err;
}

TAKE(tolerate)
{
    struct alcove_advisory_lists *lists = &POLICY->advisories;
    struct policy_file *p = context;
    lists->tolerated = p->tolerated;
    lists->tolerate_mode = strict_yaml_is_word(n, "any") ? ALCOVE_EXPECT_ANY : ALCOVE_EXPECT_VALUE;
    return lists->tolerate_mode == ALCOVE_EXPECT_ANY
               ? 0
               : policy_take_advisories(YAML, n, p->tolerated, &lists->tolerated_count);
}
TAKE(refuse)
{
    struct policy_file *p = context;
    POLICY->advisories.refused = p->refused;
    return policy_take_advisories(YAML, n, p->refused, &POLICY->advisories.refused_count);
}
TAKE(advisories)
{
    static const struct strict_yaml_member members[] = {
        {"tolerate", take_tolerate}, {"refuse", take_refuse}, {NULL, NULL}};
    return strict_yaml_members(YAML, n, members, context);
}

TAKE(min_tcb_evaluation_number)
{
    return policy_take_u32(YAML, n, &POLICY->min_tcb_evaluation_number);
}

static int only_one_grace(void *context, const yaml_node_t *n)
{
    return POLICY->collateral_grace_s != 0 && POLICY->platform_grace_s != 0
               ? strict_yaml_fail(YAML, n,
                                  "grace is given to collateral or to platforms, not to both: "
                                  "together they would accept old platforms by old lists")
               : 0;
}
TAKE(grace_collateral)
{
    int err = strict_yaml_duration(YAML, n, &POLICY->collateral_grace_s);
    return err != 0 ? err : only_one_grace(context, n);
}
TAKE(grace_platform)
{
    int err = strict_yaml_duration(YAML, n, &POLICY->platform_grace_s);
    return err != 0 ? err : only_one_grace(context, n);
}
TAKE(grace)
{
    static const struct strict_yaml_member members[] = {
        {"collateral", take_grace_collateral}, {"platform", take_grace_platform}, {NULL, NULL}};
    return strict_yaml_members(YAML, n, members, context);
}

TAKE(allow_debug)
{
    return strict_yaml_bool(YAML, n, &POLICY->allow_debug);
}
TAKE(allow_migration)
{
    return strict_yaml_bool(YAML, n, &POLICY->allow_migration);
}
TAKE(refuse_smt)
{
    return strict_yaml_bool(YAML, n, &POLICY->refuse_smt);
}
TAKE(allow_trailing)
{
    return strict_yaml_bool(YAML, n, &POLICY->allow_trailing);
}

/* A root is 64 hex digits, or a file that policy_read() opens later. */
TAKE(roots)
{
    struct policy_file *p = context;
    size_t count = 0;
    int err = strict_yaml_list(YAML, n, ROOTS_MAX, &count);
    for (size_t i = 0; err == 0 && i < count; i++) {
        const yaml_node_t *item = strict_yaml_item(YAML, n, i);
        const char *text = "";
        struct alcove_root root;
        err = strict_yaml_text(YAML, item, &text);
        if (err == 0 && hex_decode(root.spki_sha256, 32, BYTES(text, strlen(text)))) {
            p->roots[p->policy.root_count++] = root;
        } else {
            p->root_files[p->root_file_count++] = item;
        }
    }
    return err;
}
TAKE(builtin_roots)
{
    bool yes = true;
    int err = strict_yaml_bool(YAML, n, &yes);
    POLICY->refuse_builtin_roots = !yes;
    return err;
}

TAKE(revocation_amd)
{
    bool if_given = strict_yaml_is_word(n, "if-given");
    POLICY->revocation.amd = if_given ? ALCOVE_REVOCATION_IF_GIVEN : ALCOVE_REVOCATION_REQUIRED;
    return if_given || strict_yaml_is_word(n, "required")
               ? 0
               : strict_yaml_fail(YAML, n, "required or if-given is expected here");
}
TAKE(revocation)
{
    static const struct strict_yaml_member members[] = {{"amd", take_revocation_amd}, {NULL, NULL}};
    return strict_yaml_members(YAML, n, members, context);
}

TAKE(platforms)
{
    static const struct strict_yaml_member members[] = {{"fmspc", policy_take_fmspc},
                                                        {"ppid", policy_take_ppid},
                                                        {"chip_id", policy_take_chip_id},
                                                        {NULL, NULL}};
    return strict_yaml_members(YAML, n, members, context);
}

TAKE(report_data)
{
    const char *text = "";
    int err = strict_yaml_text(YAML, n, &text);
    return err != 0 || policy_report_data(text, &POLICY->report_data)
               ? err
               : strict_yaml_fail(YAML, n,
                                  "'any' is expected here, or 64 bytes as hex digits, or 32 bytes "
                                  "that zeros follow");
}

/* ---- SGX ---- */

#define EXPECT(target, zero_word)                                                                  \
    policy_take_expect(YAML, n, &(target).mode, (target).value, sizeof(target).value, zero_word)

TAKE(mrenclave)
{
    return EXPECT(POLICY->mrenclave, NULL);
}
TAKE(configid)
{
    return EXPECT(POLICY->configid, "none");
}
TAKE(mrsigner)
{
    enum alcove_expect mode;
    struct alcove_expect_signer *s = &POLICY->signer;
    return strict_yaml_is_word(n, "any")
               ? strict_yaml_fail(YAML, n, "a signer is named, or 'signer: any' is written")
               : policy_take_expect(YAML, n, &mode, s->mrsigner, sizeof s->mrsigner, NULL);
}
TAKE(isvprodid)
{
    return policy_take_u16(YAML, n, &POLICY->signer.isvprodid);
}
TAKE(min_isvsvn)
{
    return policy_take_u16(YAML, n, &POLICY->signer.min_isvsvn);
}
TAKE(signer)
{
    static const struct strict_yaml_member members[] = {{"mrsigner", take_mrsigner},
                                                        {"isvprodid", take_isvprodid},
                                                        {"min_isvsvn", take_min_isvsvn},
                                                        {NULL, NULL}};
    if (strict_yaml_is_word(n, "any")) {
        POLICY->signer.mode = ALCOVE_EXPECT_ANY;
        return 0;
    }
    int err = policy_take_all_members(YAML, n, members, 3, context);
    POLICY->signer.mode = ALCOVE_EXPECT_VALUE;
    return err;
}
TAKE(sgx)
{
    static const struct strict_yaml_member members[] = {{"mrenclave", take_mrenclave},
                                                        {"signer", take_signer},
                                                        {"configid", take_configid},
                                                        {NULL, NULL}};
    return strict_yaml_members(YAML, n, members, context);
}

/* ---- TDX ---- */

TAKE(mrtd)
{
    return EXPECT(POLICY->mrtd, NULL);
}
TAKE(rtmr)
{
    size_t count = 0;
    if (strict_yaml_is_word(n, "any")) {
        for (size_t i = 0; i < ARRAY_SIZE(POLICY->rtmr); i++) {
            POLICY->rtmr[i].mode = ALCOVE_EXPECT_ANY;
        }
        return 0;
    }
    int err = strict_yaml_list(YAML, n, ARRAY_SIZE(POLICY->rtmr), &count);
    if (err == 0 && count != ARRAY_SIZE(POLICY->rtmr)) {
        return strict_yaml_fail(YAML, n,
                                "four registers are expected here, each 'any' or 48 bytes "
                                "as hex digits");
    }
    const yaml_node_t *list = n;
    for (size_t i = 0; err == 0 && i < count; i++) {
        n = strict_yaml_item(YAML, list, i);
        err = EXPECT(POLICY->rtmr[i], "none");
    }
    return err;
}
TAKE(mrseam)
{
    return EXPECT(POLICY->mrseam, NULL);
}
TAKE(mrservicetd)
{
    return EXPECT(POLICY->mrservicetd, "none");
}
TAKE(attributes_mask)
{
    return policy_take_bits(YAML, n, &POLICY->td_attributes.mask);
}
TAKE(attributes_value)
{
    return policy_take_bits(YAML, n, &POLICY->td_attributes.value);
}
TAKE(xfam_mask)
{
    return policy_take_bits(YAML, n, &POLICY->td_xfam.mask);
}
TAKE(xfam_value)
{
    return policy_take_bits(YAML, n, &POLICY->td_xfam.value);
}
static int take_bits(void *context, const yaml_node_t *n, const struct strict_yaml_member *members,
                     struct alcove_expect_bits *ret)
{
    if (strict_yaml_is_word(n, "any")) {
        ret->mode = ALCOVE_EXPECT_ANY;
        return 0;
    }
    int err = policy_take_all_members(YAML, n, members, 2, context);
    ret->mode = ALCOVE_EXPECT_VALUE;
    return err == 0 && (ret->value & ~ret->mask) != 0
               ? strict_yaml_fail(YAML, n, "'value' has bits that 'mask' does not compare")
               : err;
}
TAKE(attributes)
{
    static const struct strict_yaml_member members[] = {
        {"mask", take_attributes_mask}, {"value", take_attributes_value}, {NULL, NULL}};
    return take_bits(context, n, members, &POLICY->td_attributes);
}
TAKE(xfam)
{
    static const struct strict_yaml_member members[] = {
        {"mask", take_xfam_mask}, {"value", take_xfam_value}, {NULL, NULL}};
    return take_bits(context, n, members, &POLICY->td_xfam);
}
TAKE(tdx)
{
    static const struct strict_yaml_member members[] = {{"mrtd", take_mrtd},
                                                        {"rtmr", take_rtmr},
                                                        {"mrseam", take_mrseam},
                                                        {"mrservicetd", take_mrservicetd},
                                                        {"attributes", take_attributes},
                                                        {"xfam", take_xfam},
                                                        {NULL, NULL}};
    return strict_yaml_members(YAML, n, members, context);
}

/* ---- SEV-SNP, Azure ---- */

TAKE(measurement)
{
    return EXPECT(POLICY->snp_measurement, NULL);
}
TAKE(host_data)
{
    return EXPECT(POLICY->snp_host_data, "none");
}
TAKE(vmpl)
{
    uint64_t v = 0;
    POLICY->snp_vmpl.mode = ALCOVE_EXPECT_ANY;
    if (strict_yaml_is_word(n, "any")) {
        return 0;
    }
    int err = strict_yaml_number(YAML, n, 0, 3, &v);
    POLICY->snp_vmpl = (struct alcove_expect_vmpl){ALCOVE_EXPECT_VALUE, (uint32_t)v};
    return err;
}
TAKE(bootloader)
{
    return policy_take_u8(YAML, n, &POLICY->snp_min_tcb.minimum.bootloader);
}
TAKE(tee)
{
    return policy_take_u8(YAML, n, &POLICY->snp_min_tcb.minimum.tee);
}
TAKE(snp_svn)
{
    return policy_take_u8(YAML, n, &POLICY->snp_min_tcb.minimum.snp);
}
TAKE(microcode)
{
    return policy_take_u8(YAML, n, &POLICY->snp_min_tcb.minimum.microcode);
}
TAKE(fmc)
{
    return policy_take_u8(YAML, n, &POLICY->snp_min_tcb.minimum.fmc);
}
TAKE(min_tcb)
{
    static const struct strict_yaml_member members[] = {
        {"bootloader", take_bootloader}, {"tee", take_tee}, {"snp", take_snp_svn},
        {"microcode", take_microcode},   {"fmc", take_fmc}, {NULL, NULL}};
    if (strict_yaml_is_word(n, "any")) {
        POLICY->snp_min_tcb.mode = ALCOVE_EXPECT_ANY;
        return 0;
    }
    int err = policy_take_all_members(YAML, n, members, 4, context);
    POLICY->snp_min_tcb.mode = ALCOVE_EXPECT_VALUE;
    return err;
}
TAKE(snp)
{
    static const struct strict_yaml_member members[] = {{"measurement", take_measurement},
                                                        {"host_data", take_host_data},
                                                        {"vmpl", take_vmpl},
                                                        {"min_tcb", take_min_tcb},
                                                        {NULL, NULL}};
    return strict_yaml_members(YAML, n, members, context);
}

TAKE(azure_key)
{
    return EXPECT(POLICY->azure_key, NULL);
}
TAKE(azure)
{
    static const struct strict_yaml_member members[] = {{"key", take_azure_key}, {NULL, NULL}};
    return strict_yaml_members(YAML, n, members, context);
}

/* ---- Nitro ---- */

TAKE(pcrs)
{
    size_t count = 0;
    int err = strict_yaml_map(YAML, n, ALCOVE_NITRO_PCRS, &count);
    for (size_t i = 0; err == 0 && i < count; i++) {
        struct strict_yaml_pair p = strict_yaml_pair(YAML, n, i);
        uint64_t index = 0;
        err = strict_yaml_number(YAML, p.key, 0, ALCOVE_NITRO_PCRS - 1, &index);
        err = err != 0 ? err : policy_take_pcr(YAML, p.value, &POLICY->nitro_pcr[index]);
    }
    return err;
}
TAKE(nitro_nonce)
{
    struct policy_file *p = context;
    return policy_take_bytes(YAML, n, p->nitro_nonce, sizeof p->nitro_nonce, &POLICY->nitro_nonce);
}
TAKE(user_data)
{
    struct policy_file *p = context;
    return policy_take_bytes(YAML, n, p->nitro_user_data, sizeof p->nitro_user_data,
                             &POLICY->nitro_user_data);
}
TAKE(public_key)
{
    struct policy_file *p = context;
    return policy_take_bytes(YAML, n, p->nitro_public_key, sizeof p->nitro_public_key,
                             &POLICY->nitro_public_key);
}
TAKE(nitro_time)
{
    bool given = strict_yaml_is_word(n, "given");
    POLICY->nitro_time = given ? ALCOVE_NITRO_TIME_GIVEN : ALCOVE_NITRO_TIME_OF_DOCUMENT;
    return given || strict_yaml_is_word(n, "document")
               ? 0
               : strict_yaml_fail(YAML, n,
                                  "given (as of now or --at: fresh evidence) or document (as of "
                                  "its own timestamp: stored evidence) is expected here");
}
TAKE(max_age)
{
    return strict_yaml_duration(YAML, n, &POLICY->nitro_max_age_s);
}
TAKE(clock_skew)
{
    return strict_yaml_duration(YAML, n, &POLICY->clock_skew_s);
}
TAKE(nitro)
{
    static const struct strict_yaml_member members[] = {{"pcrs", take_pcrs},
                                                        {"nonce", take_nitro_nonce},
                                                        {"user_data", take_user_data},
                                                        {"public_key", take_public_key},
                                                        {"time", take_nitro_time},
                                                        {"max_age", take_max_age},
                                                        {"clock_skew", take_clock_skew},
                                                        {NULL, NULL}};
    return strict_yaml_members(YAML, n, members, context);
}

/* ---- RA-TLS ---- */

TAKE(ratls_nonce)
{
    struct policy_file *p = context;
    return policy_take_bytes(YAML, n, p->ratls_nonce, sizeof p->ratls_nonce, &POLICY->ratls_nonce);
}
TAKE(ratls_key)
{
    return EXPECT(POLICY->ratls_key, NULL);
}
TAKE(legacy)
{
    size_t count = 0;
    int err = strict_yaml_list(YAML, n, 2, &count);
    for (size_t i = 0; err == 0 && i < count; i++) {
        const yaml_node_t *item = strict_yaml_item(YAML, n, i);
        if (strict_yaml_is_word(item, "gramine")) {
            POLICY->ratls_legacy |= ALCOVE_RATLS_LEGACY_GRAMINE;
        } else if (strict_yaml_is_word(item, "rats-tls")) {
            POLICY->ratls_legacy |= ALCOVE_RATLS_LEGACY_RATS_TLS;
        } else {
            err = strict_yaml_fail(YAML, item, "gramine or rats-tls is expected here");
        }
    }
    return err;
}
TAKE(ratls)
{
    static const struct strict_yaml_member members[] = {{"nonce", take_ratls_nonce},
                                                        {"key", take_ratls_key},
                                                        {"legacy", take_legacy},
                                                        {NULL, NULL}};
    return strict_yaml_members(YAML, n, members, context);
}

/* ---- the whole ---- */

int policy_take_root(struct policy_file *p)
{
    static const struct strict_yaml_member members[] = {
        {"accept_statuses", take_accept_statuses},
        {"advisories", take_advisories},
        {"min_tcb_evaluation_number", take_min_tcb_evaluation_number},
        {"grace", take_grace},
        {"allow_debug", take_allow_debug},
        {"allow_migration", take_allow_migration},
        {"refuse_smt", take_refuse_smt},
        {"allow_trailing", take_allow_trailing},
        {"roots", take_roots},
        {"builtin_roots", take_builtin_roots},
        {"platforms", take_platforms},
        {"revocation", take_revocation},
        {"report_data", take_report_data},
        {"sgx", take_sgx},
        {"tdx", take_tdx},
        {"snp", take_snp},
        {"azure", take_azure},
        {"nitro", take_nitro},
        {"ratls", take_ratls},
        {NULL, NULL}};
    const yaml_node_t *root = strict_yaml_root(&p->yaml);
    int err = strict_yaml_members(&p->yaml, root, members, p);
    return err == 0 && p->policy.refuse_builtin_roots &&
                   p->policy.root_count + p->root_file_count == 0
               ? strict_yaml_fail(&p->yaml, root,
                                  "'builtin_roots: false' leaves no root; name some under 'roots'")
               : err;
}
