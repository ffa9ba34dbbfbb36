/* SPDX-License-Identifier: Apache-2.0 */
/* The evidence of a run of `alcove run --quote`: it carries its collateral, and its expectations
 * are the user's options. */
#include "build/file.h"
#include "cli.h"
#include "report.h"

static int read_roots(const struct verify_request *q, struct policy_file *holder, struct diag *d)
{
    for (size_t i = 0; i < q->root_count; i++) {
        int err = policy_add_root(holder, q->root_paths[i], "--root", d);
        if (err != 0) {
            return err;
        }
    }
    return 0;
}

int verify_run_evidence(struct verify_request *q, struct bytes evidence)
{
    struct run_expectation *x = &q->expectation;
    struct policy_file *holder = NULL; /* of the roots */
    struct run_result result;
    struct diag d = {""};
    if (q->raw_option != NULL) {
        return cli_usage("verify",
                         "%s: %s is none of the raw kinds (quote, report, document, certificate); "
                         "the evidence of a run carries its collateral, and --expect, --nonce, "
                         "--input and --output say what it must show",
                         q->raw_option, q->evidence_path);
    }
    if (q->nonce_size > NONCE_MAX) {
        return cli_usage("verify", "--nonce %s: a run's nonce has at most %u bytes", q->nonce_text,
                         NONCE_MAX);
    }
    if (policy_strict(&holder, &d) != 0 || read_roots(q, holder, &d) != 0) {
        policy_free(holder);
        return cli_fail("verify", &d);
    }
    if (q->nonce_text != NULL) {
        x->nonce = BYTES(q->nonce, q->nonce_size);
        x->nonce_mode = ALCOVE_EXPECT_VALUE;
    }
    x->roots = holder->roots;
    x->root_count = holder->policy.root_count;
    x->allow_debug = q->allow_debug;
    x->accepted_statuses |= q->accepted_statuses;
    const char *hint = evidence_hint(evidence);
    struct alcove_verdict verdict = run_verify(evidence, x, q->time, &result, &d);
    struct verify_report report = {.request = q,
                                   .result = &result.quote,
                                   .run = &result,
                                   .roots = x->roots,
                                   .root_count = x->root_count,
                                   .note = hint[0] != '\0' ? hint : d.text,
                                   .missing = ""};
    (q->json ? report_json : report_text)(&report);
    policy_free(holder);
    return alcove_verdict_accepted(verdict) ? CLI_OK : CLI_FAILED;
}
