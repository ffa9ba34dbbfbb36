/* SPDX-License-Identifier: Apache-2.0 */
/* What evidence of each kind says and who vouches for it, for programs: every member of struct
 * alcove_result. */
#include "report.h"

#include <string.h>

static void json_root(const struct alcove_result *v, struct json_out *j)
{
    json_open(j, "root", '{');
    json_put_string(j, "kind", report_root_kind(v->root_kind));
    if (v->root_kind == ALCOVE_ROOT_NONE) {
        json_put_null(j, "spki_sha256");
        json_put_null(j, "certificate_sha256");
    } else {
        JSON_HEX(j, "spki_sha256", v->root_spki_sha256);
        JSON_HEX(j, "certificate_sha256", v->root_certificate_sha256);
    }
    json_close(j, '}');
}

static void json_tcb(const struct alcove_result *v, struct json_out *j)
{
    json_open(j, "tcb", '{');
    json_put_string(j, "status", alcove_tcb_status_name(v->tcb_status));
    json_put_string(j, "platform", alcove_tcb_status_name(v->platform_status));
    json_put_string(j, "qe", alcove_tcb_status_name(v->qe_status));
    json_put_string(j, "module", alcove_tcb_status_name(v->module_status));
    json_open(j, "advisories", '[');
    for (size_t i = 0; i < v->advisory_count; i++) {
        json_put_string(j, NULL, v->advisories[i]);
    }
    json_close(j, ']');
    json_put_date(j, "tcb_date", v->tcb_date);
    json_put_number(j, "evaluation_number", v->tcb_evaluation_number);
    json_put_bool(j, "collateral_grace_used", v->collateral_grace_used);
    json_put_bool(j, "platform_grace_used", v->platform_grace_used);
    json_close(j, '}');
}

/* -1: the certificate does not say. */
static void json_put_maybe(struct json_out *j, const char *key, bool says, int value)
{
    if (!says || value < 0) {
        json_put_null(j, key);
    } else {
        json_put_bool(j, key, value != 0);
    }
}

static void json_platform(const struct alcove_result *v, struct json_out *j)
{
    json_open(j, "platform", '{');
    JSON_HEX(j, "fmspc", v->fmspc);
    JSON_HEX(j, "pceid", v->pceid);
    JSON_HEX(j, "ppid", v->ppid);
    JSON_HEX(j, "tcb_components", v->tcb_components);
    json_put_number(j, "pcesvn", v->pcesvn);
    if (v->has_platform_instance) {
        JSON_HEX(j, "platform_instance_id", v->platform_instance_id);
    } else {
        json_put_null(j, "platform_instance_id");
    }
    json_put_maybe(j, "dynamic_platform", v->has_platform_instance, v->dynamic_platform);
    json_put_maybe(j, "cached_keys", v->has_platform_instance, v->cached_keys);
    json_put_maybe(j, "smt_enabled", v->has_platform_instance, v->smt_enabled);
    json_close(j, '}');
}

/* Bits as hexadecimal: JSON's numbers lose some beyond 2^53. */
static void json_put_bits(struct json_out *j, const char *key, uint64_t bits)
{
    char text[17];
    base_format(text, sizeof text, "%016llx", (unsigned long long)bits);
    json_put_string(j, key, text);
}

static void json_sgx(const struct alcove_sgx_report *s, bool debug, struct json_out *j)
{
    json_open(j, "sgx", '{');
    JSON_HEX(j, "mrenclave", s->mrenclave);
    JSON_HEX(j, "mrsigner", s->mrsigner);
    json_put_number(j, "isvprodid", s->isvprodid);
    json_put_number(j, "isvsvn", s->isvsvn);
    JSON_HEX(j, "configid", s->configid);
    json_put_number(j, "configsvn", s->configsvn);
    JSON_HEX(j, "isvextprodid", s->isvextprodid);
    JSON_HEX(j, "isvfamilyid", s->isvfamilyid);
    JSON_HEX(j, "cpusvn", s->cpusvn);
    json_put_number(j, "miscselect", s->miscselect);
    json_put_bits(j, "attributes_flags", s->attributes_flags);
    json_put_bits(j, "attributes_xfrm", s->attributes_xfrm);
    json_put_bool(j, "debug", debug);
    JSON_HEX(j, "report_data", s->report_data);
    json_close(j, '}');
}

static void json_td(const struct alcove_td_report *t, bool debug, struct json_out *j)
{
    json_open(j, "tdx", '{');
    JSON_HEX(j, "mrtd", t->mrtd);
    json_open(j, "rtmr", '[');
    for (size_t i = 0; i < ARRAY_SIZE(t->rtmr); i++) {
        JSON_HEX(j, NULL, t->rtmr[i]);
    }
    json_close(j, ']');
    JSON_HEX(j, "mrconfigid", t->mrconfigid);
    JSON_HEX(j, "mrowner", t->mrowner);
    JSON_HEX(j, "mrownerconfig", t->mrownerconfig);
    JSON_HEX(j, "mrseam", t->mrseam);
    JSON_HEX(j, "mrsignerseam", t->mrsignerseam);
    json_put_bits(j, "seam_attributes", t->seam_attributes);
    json_put_bits(j, "td_attributes", t->td_attributes);
    json_put_bits(j, "xfam", t->xfam);
    JSON_HEX(j, "tee_tcb_svn", t->tee_tcb_svn);
    if (t->has_1_5) {
        JSON_HEX(j, "tee_tcb_svn_2", t->tee_tcb_svn_2);
        JSON_HEX(j, "mrservicetd", t->mrservicetd);
    } else {
        json_put_null(j, "tee_tcb_svn_2");
        json_put_null(j, "mrservicetd");
    }
    json_put_bool(j, "debug", debug);
    JSON_HEX(j, "report_data", t->report_data);
    json_close(j, '}');
}

static void json_snp_tcb(const char *key, const struct alcove_snp_tcb *t, struct json_out *j)
{
    json_open(j, key, '{');
    json_put_number(j, "bootloader", t->bootloader);
    json_put_number(j, "tee", t->tee);
    json_put_number(j, "snp", t->snp);
    json_put_number(j, "microcode", t->microcode);
    json_put_number(j, "fmc", t->fmc);
    json_close(j, '}');
}

static void json_snp(const struct alcove_snp_report *s, bool debug, struct json_out *j)
{
    json_open(j, "snp", '{');
    json_put_number(j, "version", s->version);
    json_put_string(j, "product", alcove_snp_product_name(s->product));
    JSON_HEX(j, "measurement", s->measurement);
    JSON_HEX(j, "host_data", s->host_data);
    json_put_number(j, "vmpl", s->vmpl);
    json_put_number(j, "guest_svn", s->guest_svn);
    json_put_bits(j, "policy", s->policy);
    json_put_bool(j, "smt_allowed", (s->policy & ALCOVE_SNP_POLICY_SMT) != 0);
    json_put_bool(j, "migration_allowed", (s->policy & ALCOVE_SNP_POLICY_MIGRATE_MA) != 0);
    json_put_bits(j, "platform_info", s->platform_info);
    JSON_HEX(j, "family_id", s->family_id);
    JSON_HEX(j, "image_id", s->image_id);
    json_put_bool(j, "author_key_enabled", s->author_key_enabled);
    JSON_HEX(j, "id_key_digest", s->id_key_digest);
    JSON_HEX(j, "author_key_digest", s->author_key_digest);
    JSON_HEX(j, "report_id", s->report_id);
    JSON_HEX(j, "report_id_ma", s->report_id_ma);
    json_put_string(j, "signed_by", s->signed_by_vlek ? "vlek" : "vcek");
    if (s->csp_id_size != 0) {
        json_put_text(j, "csp_id", BYTES(s->csp_id, s->csp_id_size));
    } else {
        json_put_null(j, "csp_id");
    }
    json_put_bool(j, "mask_chip_key", s->mask_chip_key);
    JSON_HEX(j, "chip_id", s->chip_id);
    json_snp_tcb("reported_tcb", &s->reported_tcb, j);
    json_snp_tcb("committed_tcb", &s->committed_tcb, j);
    json_snp_tcb("current_tcb", &s->current_tcb, j);
    json_snp_tcb("launch_tcb", &s->launch_tcb, j);
    json_put_bool(j, "debug", debug);
    JSON_HEX(j, "report_data", s->report_data);
    json_close(j, '}');
}

static void json_put_optional(struct json_out *j, const char *key, bool there, const void *data,
                              size_t size)
{
    if (there) {
        json_put_hex(j, key, data, size);
    } else {
        json_put_null(j, key);
    }
}

static void json_nitro(const struct alcove_nitro_document *n, bool debug, struct json_out *j)
{
    json_open(j, "nitro", '{');
    json_put_text(j, "module_id", BYTES(n->module_id, strnlen(n->module_id, sizeof n->module_id)));
    json_put_date(j, "timestamp", (int64_t)(n->timestamp_ms / 1000));
    json_put_number(j, "timestamp_ms", n->timestamp_ms);
    json_open(j, "pcrs", '{');
    for (unsigned i = 0; i < ALCOVE_NITRO_PCRS; i++) {
        char key[4];
        base_format(key, sizeof key, "%u", i);
        if (n->pcr_present >> i & 1) {
            json_put_hex(j, key, n->pcr[i], n->pcr_size);
        }
    }
    json_close(j, '}');
    json_put_optional(j, "nonce", n->has_nonce, n->nonce, n->nonce_size);
    json_put_optional(j, "user_data", n->has_user_data, n->user_data, n->user_data_size);
    json_put_optional(j, "public_key", n->has_public_key, n->public_key, n->public_key_size);
    json_put_bool(j, "debug", debug);
    json_close(j, '}');
}

static void json_wrappings(const struct alcove_result *v, struct json_out *j)
{
    if (v->has_azure) {
        json_open(j, "azure", '{');
        JSON_HEX(j, "runtime_sha256", v->azure.runtime_sha256);
        JSON_HEX(j, "key_sha256", v->azure.key_sha256);
        json_close(j, '}');
    }
    if (v->has_ratls) {
        const struct alcove_ratls *t = &v->ratls;
        json_open(j, "ratls", '{');
        JSON_HEX(j, "spki_sha256", t->spki_sha256);
        json_put_optional(j, "nonce", t->has_nonce, t->nonce, t->nonce_size);
        json_put_date(j, "not_before", t->not_before);
        json_put_date(j, "not_after", t->not_after);
        json_close(j, '}');
    }
}

void facts_json(const struct alcove_result *v, struct json_out *j)
{
    bool debug = report_is_debug(v);
    json_put_string(j, "kind", alcove_evidence_kind_name(v->kind));
    json_put_string(j, "wrapping", alcove_wrapping_name(v->wrapping));
    json_put_number(j, "quote_version", v->quote_version);
    json_root(v, j);
    json_tcb(v, j);
    json_open(j, "dates", '{');
    json_put_date(j, "earliest_issue", v->earliest_issue);
    json_put_date(j, "earliest_expiration", v->earliest_expiration);
    json_close(j, '}');
    if (v->has_platform) {
        json_platform(v, j);
    }
    if (v->has_sgx) {
        json_sgx(&v->sgx, debug, j);
    }
    if (v->has_td) {
        json_td(&v->td, debug, j);
    }
    if (v->has_snp) {
        json_snp(&v->snp, debug, j);
    }
    if (v->has_nitro) {
        json_nitro(&v->nitro, debug, j);
    }
    json_wrappings(v, j);
}
