/* SPDX-License-Identifier: Apache-2.0 */
/* alcove-quoting: the process around the quoting enclave. Loads it, has the machine certify its
 * attestation key, locks itself, and then answers questions on the socket that it inherited until
 * that closes.
 *
 * Usage: alcove-quoting STATE_DIR MICROCODE (both may be empty), with the socket as descriptor 3.
 */
#include "abi/quoting.h"
#define SDK_CALLS "abi/quoting.def"
#include "host/sdk.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/install.h"
#include "machine/certify.h"
#include "protocol.h"

#define IMAGE_MAX (64u << 20)

struct service {
    struct sdk_enclave *enclave;
    struct sgx_targetinfo target;
    struct quoting_init_out key; /* attestation key, its REPORT and authentication data */
    uint8_t qe_signature[64];
    uint8_t storage[SOFT_CERTIFY_STORAGE];
    struct bytes pck_chain;
    struct evidence_collateral collateral;
};

static int load(struct sdk_config *config, struct diag *d)
{
    char path[PATH_MAX];
    struct bytes sigstruct = {NULL, 0};
    int r = host_find_file("quoting.sgxs", path, d);
    r = r != 0 ? r : host_read_file(path, IMAGE_MAX, &config->sgxs, d);
    r = r != 0 ? r : host_find_file("quoting.sig", path, d);
    r = r != 0 ? r : host_read_file(path, sizeof config->sigstruct, &sigstruct, d);
    if (r == 0 && sigstruct.size != sizeof config->sigstruct) {
        r = diag_fail(d, -EINVAL, "%s: %zu bytes are no SIGSTRUCT", path, sigstruct.size);
    }
    if (r == 0) {
        memcpy(&config->sigstruct, sigstruct.data, sizeof config->sigstruct);
    }
    return r;
}

static int start(struct service *s, const char *state_dir, const char *microcode, struct diag *d)
{
    struct sdk_config config = {.ops = &machine_soft, .lock_process = true};
    struct sdk_nothing nothing = {0};
    struct quoting_init_in init = {.pce_svn = SOFT_PCE_SVN};
    struct writer storage = writer_of(s->storage, sizeof s->storage);
    config.machine.state_dir = *state_dir == '\0' ? NULL : state_dir;
    config.machine.microcode_path = *microcode == '\0' ? NULL : microcode;
    int r = load(&config, d);
    r = r != 0 ? r : sdk_open(&config, &s->enclave, d);
    r = r != 0 ? r : call_get_target(s->enclave, &nothing, &s->target, d);
    soft_certifier(&init.certifier);
    r = r != 0 ? r : call_init(s->enclave, &init, &s->key, d);
    r = r != 0 ? r
               : soft_certify(sdk_machine(s->enclave), &s->key.report, s->qe_signature, &storage,
                              &s->pck_chain, &s->collateral, d);
    if (r != 0) {
        diag_prefix(d, "the quoting enclave");
    }
    return r;
}

/* The enclave's signature and the machine's certificate for it, as DCAP version 3 puts them. */
static bool assemble(const struct service *s, const struct quoting_quote_out *signed_body,
                     struct writer *out)
{
    struct quote_v3_auth auth = {
        .qe_report = s->key.report.body,
        .qe_auth_data = BYTES_OF(s->key.auth_data),
        .cert_type = QUOTE_CERT_PCK_CHAIN,
        .cert_data = s->pck_chain,
    };
    memcpy(auth.signature, signed_body->signature, sizeof auth.signature);
    memcpy(auth.attestation_key, s->key.attestation_key, sizeof auth.attestation_key);
    memcpy(auth.qe_report_signature, s->qe_signature, sizeof auth.qe_report_signature);
    return quote_v3_assemble(&signed_body->body, &auth, out);
}

/* Behind the quote in w, which may be none. */
static int put_collateral(struct service *s, struct writer *w, struct quoting_answer *answer)
{
    answer->size[0] = (uint32_t)w->size;
    for (size_t i = 0; i < QUOTING_PARTS - 1; i++) {
        const struct bytes *part = quoting_part(&s->collateral, i);
        answer->size[i + 1] = (uint32_t)part->size;
        writer_put(w, *part);
    }
    return w->failed ? diag_fail(&answer->diag, -ENOSPC, "no room for the collateral") : 0;
}

static int quote(struct service *s, const struct sgx_report *report, struct quoting_answer *answer)
{
    struct quoting_quote_in in = {.report = *report};
    struct quoting_quote_out out;
    struct diag *d = &answer->diag;
    struct writer w = writer_of(answer->data, sizeof answer->data);
    int r = call_quote(s->enclave, &in, &out, d);
    if (r == -EPERM) {
        return diag_fail(d, r, "the report was not made on this machine for its quoting enclave");
    }
    if (r != 0) {
        return r;
    }
    if (!assemble(s, &out, &w) || w.size > QUOTE_SIZE_MAX) {
        return diag_fail(d, -ENOSPC, "the quote is larger than %u bytes", QUOTE_SIZE_MAX);
    }
    return put_collateral(s, &w, answer);
}

static int answer_one(struct service *s, const struct quoting_question *q,
                      struct quoting_answer *answer)
{
    struct writer w = writer_of(answer->data, sizeof answer->data);
    switch (q->kind) {
    case QUOTING_TARGET:
        answer->target = s->target;
        return 0;
    case QUOTING_QUOTE:
        return quote(s, &q->report, answer);
    case QUOTING_COLLATERAL:
        return put_collateral(s, &w, answer);
    default:
        return diag_fail(&answer->diag, -EINVAL, "unknown question %u", q->kind);
    }
}

/* Until the other end closes. start_error: what the one question gets; who asks again starts
 * another process, which may fare better. */
static void serve(struct service *s, int start_error, const struct diag *why)
{
    static struct quoting_answer answer;
    struct quoting_question question;
    for (;;) {
        ssize_t n = recv(QUOTING_FD, &question, sizeof question, 0);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n != (ssize_t)sizeof question) {
            return;
        }
        answer = (struct quoting_answer){.error = start_error, .diag = *why};
        if (start_error == 0) {
            answer.error = answer_one(s, &question, &answer);
        }
        if (send(QUOTING_FD, &answer, sizeof answer, MSG_NOSIGNAL) != (ssize_t)sizeof answer ||
            start_error != 0) {
            return;
        }
    }
}

int main(int argc, char **argv)
{
    static struct service service;
    struct diag d = {""};
    int type;
    socklen_t size = sizeof type;
    if (argc != 3 || getsockopt(QUOTING_FD, SOL_SOCKET, SO_TYPE, &type, &size) != 0) {
        fputs(
            "alcove-quoting: the process around the quoting enclave; it is started by the programs "
            "that need quotes, not by hand\n",
            stderr);
        return 2;
    }
    (void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL); /* openssl.cnf costs 4.5 ms */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    host_clock_start();
    int r = start(&service, argv[1], argv[2], &d);
    serve(&service, r, &d);
    sdk_close(service.enclave);
    return EXIT_SUCCESS;
}
