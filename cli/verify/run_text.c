/* SPDX-License-Identifier: Apache-2.0 */
/* What the evidence of a run says, for people. */
#include "report.h"

#include <arpa/inet.h>

static void print_endpoints(const char *label, const struct manifest_endpoint *endpoints, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct manifest_endpoint *e = &endpoints[i];
        char address[INET6_ADDRSTRLEN] = "?";
        inet_ntop(e->v6 ? AF_INET6 : AF_INET, e->v6 ? e->ip : e->ip + 12, address, sizeof address);
        print_label(label);
        printf("%s %s%s%s/%u, port%s %u", e->udp ? "udp" : "tcp", e->v6 ? "[" : "", address,
               e->v6 ? "]" : "", e->prefix, e->first == e->last ? "" : "s", e->first);
        if (e->first != e->last) {
            printf(" to %u", e->last);
        }
        printf("\n");
    }
}

static void print_network(const struct manifest *m)
{
    if (m->listen_count + m->connect_count == 0) {
        print_label("network");
        printf("denied\n");
        return;
    }
    print_endpoints("listens", m->listen, m->listen_count);
    print_endpoints("connects", m->connect, m->connect_count);
}

static void print_program(const struct manifest *m)
{
    printf("program\n");
    print_label("entry");
    print_escaped(m->entry);
    printf("\n");
    print_label("arguments");
    for (size_t i = 0; i < m->argv_count; i++) {
        printf("%s", i ? " " : "");
        print_escaped(m->argv[i]);
    }
    printf("\n");
    for (size_t i = 0; i < m->layer_count; i++) {
        print_label("layer");
        printf("%s ", HEX(m->layers[i].root));
        print_escaped(m->layers[i].name);
        printf("\n");
    }
    print_label("debug");
    printf("%s\n", m->debug ? "YES: the host can read and change everything" : "no");
    print_label("console");
    printf("stdin %s, stdout %s, stderr %s\n",
           m->stdin_host   ? "from the host"
           : m->stdin_task ? "sealed to it"
                           : "none",
           m->stdout_host     ? "to the host"
           : m->stdout_result ? "sealed by it"
                              : "dropped",
           m->stderr_host     ? "to the host"
           : m->stderr_result ? "sealed by it"
                              : "dropped");
    print_network(m);
}

static void print_identity(const struct verify_report *r)
{
    const struct alcove_sgx_report *s = &r->result->sgx;
    printf("identity\n");
    print_bytes("MRENCLAVE", s->mrenclave, sizeof s->mrenclave);
    print_bytes("MRSIGNER", s->mrsigner, sizeof s->mrsigner);
    print_bytes("CONFIGID", s->configid, sizeof s->configid);
    print_label("expected");
    if (r->request->expect_path == NULL) {
        printf("nothing: compare these with 'alcove measure', or name the program with --expect;\n"
               "              any program can make evidence of its own\n");
        return;
    }
    bool same = !run_result_failed(r->run, RUN_REASON_EXPECTED_MRENCLAVE) &&
                !run_result_failed(r->run, RUN_REASON_EXPECTED_MRSIGNER) &&
                !run_result_failed(r->run, RUN_REASON_EXPECTED_CONFIGID) &&
                !run_result_failed(r->run, RUN_REASON_EXPECTED_LAYERS);
    printf("%s %s\n", same ? "the same as" : "ANOTHER PROGRAM than", r->request->expect_path);
}

static void print_files(const struct verify_report *r, bool output)
{
    const struct run_claims *c = &r->run->claims;
    size_t count = output ? c->output_count : c->input_count;
    const struct claim_file *files = output ? c->outputs : c->inputs;
    for (size_t i = 0; i < count; i++) {
        const char *path = NULL;
        const char *match = report_compared(r, output, files[i].name, &path);
        print_label(output ? "output" : "input");
        printf("%s ", HEX(files[i].sha256));
        print_escaped(files[i].name);
        if (match != NULL) {
            printf(" %s %s", match, path);
        }
        printf("\n");
    }
}

static void print_run(const struct verify_report *r)
{
    const struct run_claims *c = &r->run->claims;
    printf("run\n");
    print_label("nonce");
    printf("%s%s\n", c->nonce.size ? print_hex_of(c->nonce.data, c->nonce.size).text : "none",
           r->request->nonce_text == NULL                ? " (not compared; give --nonce)"
           : run_result_failed(r->run, RUN_REASON_NONCE) ? " NOT the expected one"
                                                         : " as expected");
    print_files(r, false);
    print_files(r, true);
    print_label("exit");
    printf("%s %llu\n", report_exit_kind(c->exit_kind), (unsigned long long)c->exit_value);
}

void run_text(const struct verify_report *r)
{
    if (r->run->has_manifest) {
        print_program(&r->run->manifest);
    }
    if (r->result->has_sgx) {
        print_identity(r);
    }
    if (r->run->has_claims) {
        print_run(r);
    }
}
