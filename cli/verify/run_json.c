/* SPDX-License-Identifier: Apache-2.0 */
/* What the evidence of a run says, for programs. `machine` and `report` repeat what is in `root`,
 * `tcb`, `dates`, `platform` and `sgx`: they are older than these. */
#include "report.h"

#include <string.h>

static void json_machine(const struct alcove_result *v, struct json_out *j)
{
    json_open(j, "machine", '{');
    json_put_string(j, "root", report_root_kind(v->root_kind));
    JSON_HEX(j, "root_spki_sha256", v->root_spki_sha256);
    json_put_bool(j, "software", v->root_kind == ALCOVE_ROOT_SOFTWARE);
    json_put_string(j, "tcb_status", alcove_tcb_status_name(v->tcb_status));
    json_put_string(j, "platform_status", alcove_tcb_status_name(v->platform_status));
    json_put_string(j, "qe_status", alcove_tcb_status_name(v->qe_status));
    json_open(j, "advisories", '[');
    for (size_t i = 0; i < v->advisory_count; i++) {
        json_put_string(j, NULL, v->advisories[i]);
    }
    json_close(j, ']');
    json_put_date(j, "tcb_date", v->tcb_date);
    json_put_date(j, "earliest_issue", v->earliest_issue);
    json_put_date(j, "earliest_expiration", v->earliest_expiration);
    json_put_number(j, "tcb_evaluation_number", v->tcb_evaluation_number);
    json_put_hex(j, "fmspc", v->fmspc, v->has_platform ? sizeof v->fmspc : 0);
    json_close(j, '}');
}

static void json_report(const struct alcove_sgx_report *s, struct json_out *j)
{
    json_open(j, "report", '{');
    JSON_HEX(j, "mrenclave", s->mrenclave);
    JSON_HEX(j, "mrsigner", s->mrsigner);
    JSON_HEX(j, "configid", s->configid);
    json_put_number(j, "isvprodid", s->isvprodid);
    json_put_number(j, "isvsvn", s->isvsvn);
    json_put_bool(j, "debug", (s->attributes_flags & ALCOVE_SGX_FLAG_DEBUG) != 0);
    JSON_HEX(j, "report_data", s->report_data);
    json_close(j, '}');
}

static void json_program(const struct manifest *m, struct json_out *j)
{
    json_open(j, "program", '{');
    json_put_text(j, "entry", m->entry);
    json_open(j, "argv", '[');
    for (size_t i = 0; i < m->argv_count; i++) {
        json_put_text(j, NULL, m->argv[i]);
    }
    json_close(j, ']');
    json_open(j, "layers", '[');
    for (size_t i = 0; i < m->layer_count; i++) {
        json_open(j, NULL, '{');
        json_put_text(j, "name", m->layers[i].name);
        JSON_HEX(j, "root", m->layers[i].root);
        json_close(j, '}');
    }
    json_close(j, ']');
    json_put_bool(j, "debug", m->debug);
    json_close(j, '}');
}

static void json_files(const char *key, const struct verify_report *r, bool output,
                       struct json_out *j)
{
    const struct run_claims *c = &r->run->claims;
    size_t count = output ? c->output_count : c->input_count;
    const struct claim_file *files = output ? c->outputs : c->inputs;
    json_open(j, key, '[');
    for (size_t i = 0; i < count; i++) {
        const char *path = NULL;
        const char *match = report_compared(r, output, files[i].name, &path);
        json_open(j, NULL, '{');
        json_put_text(j, "name", files[i].name);
        JSON_HEX(j, "sha256", files[i].sha256);
        if (match == NULL) {
            json_put_null(j, "matches");
        } else {
            json_put_bool(j, "matches", strcmp(match, "matches") == 0);
        }
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void json_run(const struct verify_report *r, struct json_out *j)
{
    const struct run_claims *c = &r->run->claims;
    json_open(j, "run", '{');
    json_put_hex(j, "nonce", c->nonce.data, c->nonce.size);
    json_put_bool(j, "nonce_compared", r->request->nonce_text != NULL);
    json_files("inputs", r, false, j);
    json_files("outputs", r, true, j);
    json_open(j, "exit", '{');
    json_put_string(j, "kind", report_exit_kind(c->exit_kind));
    json_put_number(j, "value", c->exit_value);
    json_close(j, '}');
    json_close(j, '}');
}

void run_json(const struct verify_report *r, struct json_out *j)
{
    json_put_bool(j, "identity_compared", r->request->expect_path != NULL);
    json_machine(r->result, j);
    if (r->result->has_sgx) {
        json_report(&r->result->sgx, j);
    }
    if (r->run->has_manifest) {
        json_program(&r->run->manifest, j);
    }
    if (r->run->has_claims) {
        json_run(r, j);
    }
}
