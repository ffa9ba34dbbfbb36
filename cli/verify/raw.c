/* SPDX-License-Identifier: Apache-2.0 */
/* Raw evidence: a policy file says what is accepted, and the makers' collateral comes in files. */
#include <string.h>

#include "cli.h"
#include "collateral.h"
#include "report.h"

/* What a policy must at least say, for somebody who has none yet. */
static int without_policy(const struct verify_request *q, enum policy_kind kind)
{
    const char *name = policy_kind_name(kind);
    fprintf(stderr,
            "alcove verify: %s: what is accepted? Raw evidence is compared with a policy: --policy "
            "FILE.\n"
            "For this kind it could be, with each CHOOSE replaced ('alcove verify --print-policy "
            "%s' prints it):\n\n%s",
            q->evidence_path, name, policy_template(kind));
    return CLI_USAGE;
}

/* Options win over the file: they are nearer to the question. */
static int apply_options(struct verify_request *q, enum policy_kind kind, struct policy_file *p,
                         struct diag *d)
{
    struct alcove_policy *a = &p->policy;
    struct alcove_expect_bytes nonce = {ALCOVE_EXPECT_VALUE, {q->nonce, q->nonce_size}};
    a->accepted_statuses |= q->accepted_statuses;
    a->allow_debug = a->allow_debug || q->allow_debug;
    if (q->report_data.mode != ALCOVE_EXPECT_UNSET) {
        a->report_data = q->report_data;
    }
    if (q->nonce_text != NULL) {
        *(kind == POLICY_NITRO ? &a->nitro_nonce : &a->ratls_nonce) = nonce;
    }
    for (size_t i = 0; i < q->root_count; i++) {
        int err = policy_add_root(p, q->root_paths[i], "--root", d);
        if (err != 0) {
            return err;
        }
    }
    return 0;
}

/* CLI_OK, or the status to exit with. */
static int check_usage(const struct verify_request *q, enum policy_kind kind)
{
    if (q->run_option != NULL) {
        return cli_usage("verify",
                         "%s is for the evidence of a run; %s is raw evidence (%s), for which "
                         "--policy says what is expected",
                         q->run_option, q->evidence_path, policy_kind_name(kind));
    }
    if (q->nonce_text != NULL && kind != POLICY_KIND_COUNT && kind != POLICY_NITRO &&
        kind != POLICY_RATLS) {
        return cli_usage("verify",
                         "--nonce: evidence of kind %s has no nonce; its report data bind a "
                         "challenge: --report-data HEX",
                         policy_kind_name(kind));
    }
    return q->policy_path == NULL ? without_policy(q, kind) : CLI_OK;
}

int verify_raw_evidence(struct verify_request *q, struct bytes evidence, enum policy_kind kind)
{
    struct policy_file *policy = NULL;
    struct collateral *collateral = NULL;
    struct alcove_result result;
    struct diag d = {""};
    char missing[512] = "";
    int status = check_usage(q, kind);
    if (status != CLI_OK) {
        return status;
    }
    if (policy_read(q->policy_path, &policy, &d) != 0 || apply_options(q, kind, policy, &d) != 0 ||
        collateral_gather(q, evidence, &collateral, &d) != 0) {
        policy_free(policy);
        return cli_fail("verify", &d);
    }
    struct alcove_verdict verdict =
        alcove_verify((struct alcove_bytes){evidence.data, evidence.size},
                      collateral_view(collateral), &policy->policy, q->time, &result);
    if (!alcove_verdict_accepted(verdict) && collateral_take_any(collateral, &result)) {
        verdict = alcove_verify((struct alcove_bytes){evidence.data, evidence.size},
                                collateral_view(collateral), &policy->policy, q->time, &result);
    }
    struct verify_report report = {
        .request = q,
        .result = &result,
        .kind = kind,
        .roots = policy->roots,
        .root_count = policy->policy.root_count,
        .own_time = result.has_nitro && policy->policy.nitro_time == ALCOVE_NITRO_TIME_OF_DOCUMENT,
        .note = kind == POLICY_KIND_COUNT ? evidence_hint(evidence)
                                          : collateral_note(collateral, &result),
        .missing = missing};
    if (kind != POLICY_KIND_COUNT &&
        alcove_result_failed(&result, ALCOVE_REASON_POLICY_INCOMPLETE)) {
        ignore_result(policy_missing(&policy->policy, kind, result.kind, missing, sizeof missing),
                      "the text is what is printed");
    }
    (q->json ? report_json : report_text)(&report);
    collateral_free(collateral);
    policy_free(policy);
    return alcove_verdict_accepted(verdict) ? CLI_OK : CLI_FAILED;
}
