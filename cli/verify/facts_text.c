/* SPDX-License-Identifier: Apache-2.0 */
/* What evidence of each kind says and who vouches for it, for people. Zeros that mean "none" are
 * left out. */
#include "report.h"

#include <string.h>

#define BYTES_LINE(label, array) print_bytes(label, array, sizeof(array))

static void print_unless_zero(const char *label, const void *data, size_t size)
{
    if (!is_zero(data, size)) {
        print_bytes(label, data, size);
    }
}
#define UNLESS_ZERO(label, array) print_unless_zero(label, array, sizeof(array))

static void print_debug(const struct alcove_result *v)
{
    print_label("debug");
    printf("%s\n", report_is_debug(v) ? "YES: the host can read and change everything" : "no");
}

static void print_sgx(const struct alcove_result *v)
{
    const struct alcove_sgx_report *s = &v->sgx;
    printf("enclave\n");
    BYTES_LINE("MRENCLAVE", s->mrenclave);
    BYTES_LINE("MRSIGNER", s->mrsigner);
    print_label("ISVPRODID");
    printf("%u, ISVSVN %u\n", s->isvprodid, s->isvsvn);
    UNLESS_ZERO("CONFIGID", s->configid);
    if (s->configsvn != 0) {
        print_label("CONFIGSVN");
        printf("%u\n", s->configsvn);
    }
    UNLESS_ZERO("EXTPRODID", s->isvextprodid);
    UNLESS_ZERO("FAMILYID", s->isvfamilyid);
    print_label("ATTRIBUTES");
    printf("%016llx, XFRM %016llx, MISCSELECT %08x\n", (unsigned long long)s->attributes_flags,
           (unsigned long long)s->attributes_xfrm, s->miscselect);
    print_debug(v);
    BYTES_LINE("report data", s->report_data);
}

static void print_td(const struct alcove_result *v)
{
    static const char *const names[] = {"RTMR0", "RTMR1", "RTMR2", "RTMR3"};
    const struct alcove_td_report *t = &v->td;
    printf("virtual machine\n");
    BYTES_LINE("MRTD", t->mrtd);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        BYTES_LINE(names[i], t->rtmr[i]);
    }
    UNLESS_ZERO("MRCONFIGID", t->mrconfigid);
    UNLESS_ZERO("MROWNER", t->mrowner);
    UNLESS_ZERO("OWNERCONFIG", t->mrownerconfig);
    UNLESS_ZERO("SERVICETD", t->mrservicetd);
    print_label("ATTRIBUTES");
    printf("%016llx, XFAM %016llx\n", (unsigned long long)t->td_attributes,
           (unsigned long long)t->xfam);
    print_debug(v);
    BYTES_LINE("report data", t->report_data);
    printf("TDX module\n");
    BYTES_LINE("MRSEAM", t->mrseam);
    UNLESS_ZERO("SIGNERSEAM", t->mrsignerseam);
    BYTES_LINE("TCB SVN", t->tee_tcb_svn);
    if (t->has_1_5) {
        BYTES_LINE("TCB SVN now", t->tee_tcb_svn_2);
    }
}

static void print_tcb(const char *label, const struct alcove_snp_tcb *t)
{
    print_label(label);
    printf("bootloader %u, TEE %u, SNP %u, microcode %u", t->bootloader, t->tee, t->snp,
           t->microcode);
    printf(t->fmc != 0 ? ", FMC %u\n" : "\n", t->fmc);
}

static void print_snp(const struct alcove_result *v)
{
    const struct alcove_snp_report *s = &v->snp;
    printf("guest\n");
    BYTES_LINE("measurement", s->measurement);
    UNLESS_ZERO("host data", s->host_data);
    print_label("VMPL");
    printf("%u\n", s->vmpl);
    print_label("policy");
    printf("%016llx:%s%s%s\n", (unsigned long long)s->policy,
           s->policy & ALCOVE_SNP_POLICY_SMT ? " hyperthreading" : " no hyperthreading",
           s->policy & ALCOVE_SNP_POLICY_MIGRATE_MA ? ", migration by an agent" : "",
           s->policy & ALCOVE_SNP_POLICY_DEBUG ? ", DEBUG" : "");
    UNLESS_ZERO("family id", s->family_id);
    UNLESS_ZERO("image id", s->image_id);
    UNLESS_ZERO("id key", s->id_key_digest);
    UNLESS_ZERO("author key", s->author_key_digest);
    if (s->guest_svn != 0) {
        print_label("guest SVN");
        printf("%u\n", s->guest_svn);
    }
    print_debug(v);
    BYTES_LINE("report data", s->report_data);
    printf("processor\n");
    print_label("product");
    printf("%s, report version %u, signed by its %s", alcove_snp_product_name(s->product),
           s->version, s->signed_by_vlek ? "VLEK" : "VCEK");
    if (s->csp_id_size != 0) {
        printf(" of ");
        print_escaped(BYTES(s->csp_id, s->csp_id_size));
    }
    printf("\n");
    if (s->mask_chip_key || is_zero(s->chip_id, sizeof s->chip_id)) {
        print_label("chip id");
        printf("masked\n");
    } else {
        BYTES_LINE("chip id", s->chip_id);
    }
    if (s->product == ALCOVE_SNP_UNKNOWN) {
        return; /* the layout of a TCB depends on the product */
    }
    print_tcb("TCB", &s->reported_tcb);
    print_tcb("committed", &s->committed_tcb);
    print_tcb("current", &s->current_tcb);
    print_tcb("at launch", &s->launch_tcb);
}

static void print_azure(const struct alcove_azure *a)
{
    printf("Azure's paravisor\n");
    BYTES_LINE("vTPM key", a->key_sha256);
    BYTES_LINE("claims", a->runtime_sha256);
}

/* A field of a document that may be absent: bytes, and as text where it is one. */
static void print_field(const char *label, bool there, const uint8_t *data, size_t size)
{
    bool text = size > 0;
    for (size_t i = 0; i < size; i++) {
        text = text && data[i] >= 0x20 && data[i] < 0x7f;
    }
    if (!there) {
        print_label(label);
        printf("none\n");
        return;
    }
    print_bytes(label, data, size);
    if (text) {
        print_label("");
        printf("(");
        print_escaped(BYTES(data, size));
        printf(")\n");
    }
}

static void print_nitro(const struct alcove_result *v)
{
    const struct alcove_nitro_document *n = &v->nitro;
    printf("enclave\n");
    print_label("module");
    print_escaped(BYTES(n->module_id, strnlen(n->module_id, sizeof n->module_id)));
    printf("\n");
    print_label("made");
    printf("%s\n", print_date_of((int64_t)(n->timestamp_ms / 1000)).text);
    for (unsigned i = 0; i < ALCOVE_NITRO_PCRS; i++) {
        char label[8];
        bool there = (n->pcr_present >> i & 1) != 0;
        base_format(label, sizeof label, "PCR%u", i);
        if (there && (i < 3 || !is_zero(n->pcr[i], sizeof n->pcr[i]))) {
            print_bytes(label, n->pcr[i], n->pcr_size);
        }
    }
    print_debug(v);
    print_field("nonce", n->has_nonce, n->nonce, n->nonce_size);
    print_field("user data", n->has_user_data, n->user_data, n->user_data_size);
    print_field("public key", n->has_public_key, n->public_key, n->public_key_size);
}

static void print_ratls(const struct alcove_result *v)
{
    const struct alcove_ratls *t = &v->ratls;
    printf("TLS certificate\n");
    print_label("format");
    printf("%s\n", alcove_wrapping_name(v->wrapping));
    BYTES_LINE("key (SPKI)", t->spki_sha256);
    print_field("nonce", t->has_nonce, t->nonce, t->nonce_size);
    print_label("valid");
    printf("from %s ", print_date_of(t->not_before).text);
    printf("until %s\n", print_date_of(t->not_after).text);
}

void facts_text(const struct verify_report *r)
{
    const struct alcove_result *v = r->result;
    if (v->has_ratls) {
        print_ratls(v);
    }
    if (v->has_azure) {
        print_azure(&v->azure);
    }
    if (v->has_sgx) {
        print_sgx(v);
    }
    if (v->has_td) {
        print_td(v);
    }
    if (v->has_snp) {
        print_snp(v);
    }
    if (v->has_nitro) {
        print_nitro(v);
    }
}

/* ---- who vouches for it ---- */

static const char *root_sentence(enum alcove_root_kind kind)
{
    switch (kind) {
    case ALCOVE_ROOT_INTEL:
        return "Intel SGX";
    case ALCOVE_ROOT_AMD:
        return "AMD SEV-SNP";
    case ALCOVE_ROOT_AWS:
        return "AWS Nitro";
    case ALCOVE_ROOT_SOFTWARE:
        return SOFTWARE_NOTICE;
    case ALCOVE_ROOT_OTHER:
        return "whatever the owner of this root certifies: not a maker's hardware";
    case ALCOVE_ROOT_NONE:
        break;
    }
    return "unknown";
}

static void print_intel_tcb(const struct alcove_result *v)
{
    print_label("TCB");
    printf("%s", alcove_tcb_status_name(v->tcb_status));
    for (size_t i = 0; i < v->advisory_count; i++) {
        printf("%s%s", i ? ", " : "; advisories ", v->advisories[i]);
    }
    printf("\n");
    if (v->platform_status != v->qe_status || v->module_status != ALCOVE_TCB_NONE) {
        print_label("");
        printf("platform %s, quoting enclave %s", alcove_tcb_status_name(v->platform_status),
               alcove_tcb_status_name(v->qe_status));
        if (v->module_status != ALCOVE_TCB_NONE) {
            printf(", TDX module %s", alcove_tcb_status_name(v->module_status));
        }
        printf("\n");
    }
    print_label("platform");
    printf("FMSPC %s, TCB of %.10s", v->has_platform ? HEX(v->fmspc) : "unknown",
           print_date_of(v->tcb_date).text);
    if (v->tcb_evaluation_number != 0) {
        printf(", evaluation %u", v->tcb_evaluation_number);
    }
    printf("\n");
    if (v->has_platform) {
        print_unless_zero("PPID", v->ppid, sizeof v->ppid);
    }
    if (v->has_platform_instance) {
        print_unless_zero("instance", v->platform_instance_id, sizeof v->platform_instance_id);
    }
    if (v->smt_enabled == 1) {
        print_label("threads");
        printf("hyperthreading is on\n");
    }
}

void facts_text_machine(const struct verify_report *r)
{
    const struct alcove_result *v = r->result;
    bool builtin = v->root_kind == ALCOVE_ROOT_INTEL || v->root_kind == ALCOVE_ROOT_AMD ||
                   v->root_kind == ALCOVE_ROOT_AWS;
    bool named = false;
    for (size_t i = 0; i < r->root_count; i++) {
        named = named || memcmp(r->roots[i].spki_sha256, v->root_spki_sha256,
                                sizeof v->root_spki_sha256) == 0;
    }
    printf("machine\n");
    print_label("kind");
    printf("%s\n", v->root_kind == ALCOVE_ROOT_INTEL && v->kind == ALCOVE_EVIDENCE_TDX_QUOTE
                       ? "Intel TDX"
                       : root_sentence(v->root_kind));
    if (v->root_kind == ALCOVE_ROOT_NONE) {
        return;
    }
    print_label("root");
    printf("%s (SHA-256 of its key)%s\n", HEX(v->root_spki_sha256),
           named     ? ", named by you"
           : builtin ? ""
                     : ", not named by you");
    if (v->kind == ALCOVE_EVIDENCE_SGX_QUOTE || v->kind == ALCOVE_EVIDENCE_TDX_QUOTE) {
        print_intel_tcb(v);
    }
    print_label("valid");
    printf("until %s, checked as of ", print_date_of(v->earliest_expiration).text);
    printf("%s%s\n", print_date_of(report_time(r)).text,
           r->own_time ? ", its own timestamp: NOT known to be fresh" : "");
}
