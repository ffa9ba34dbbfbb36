/* SPDX-License-Identifier: Apache-2.0 */
/* A custodian as a worker sees it, and no more of one: for tests/e2e/worker.sh, which carries its
 * messages and shows it what an honest or lying host would. Compiled by `alcove cc` it is an
 * enclave and checks the worker's REPORT; as an ordinary program, with --unchecked, it takes the
 * REPORT's word.
 *
 * Over standard input and output, in frames as workers use them:
 *
 *   in:  the manifest of the worker that it is for, MRENCLAVE (32 bytes), the task in clear
 *   out: hello                  in: REPORT and binding     out: the task, sealed
 *   in:  the result, sealed     out: the result in clear, after a line that says what it is
 *
 * A refusal is a message that begins with "refused: ", and then it ends. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "abi/sgx.h"
#include "channel/binding.h"
#include "channel/message.h"
#include "channel/worker.h"

#define ATTESTATION "/dev/attestation/"

static bool unchecked;

/* ---- frames ---------------------------------------------------------------------------------- */

static void send_message(const void *data, size_t size)
{
    const uint8_t *at = data;
    uint32_t n;
    do {
        n = size < WORKER_FRAME_MAX ? (uint32_t)size : WORKER_FRAME_MAX;
        if (fwrite(&n, sizeof n, 1, stdout) != 1 || fwrite(at, 1, n, stdout) != n) {
            exit(1);
        }
        at += n;
        size -= n;
    } while (n == WORKER_FRAME_MAX);
    if (fflush(stdout) != 0) {
        exit(1);
    }
}

static void refuse(const char *why) __attribute__((noreturn));
static void refuse(const char *why)
{
    char text[DIAG_MAX + 64];
    int n = snprintf(text, sizeof text, "refused: %s", why);
    send_message(text, (size_t)n);
    exit(0);
}

static struct bytes receive_message(uint8_t *buffer, size_t max)
{
    size_t size = 0;
    uint32_t n;
    do {
        if (fread(&n, sizeof n, 1, stdin) != 1 || n > WORKER_FRAME_MAX || n > max - size ||
            fread(buffer + size, 1, n, stdin) != n) {
            exit(1);
        }
        size += n;
    } while (n == WORKER_FRAME_MAX);
    return BYTES(buffer, size);
}

/* ---- who it is, who the worker is ------------------------------------------------------------ */

static bool file_read(const char *path, void *ret, size_t size)
{
    int fd = open(path, O_RDONLY);
    ssize_t n = fd < 0 ? -1 : read(fd, ret, size);
    close(fd);
    return n == (ssize_t)size;
}

static void make_hello(uint8_t hello[WORKER_HELLO_SIZE])
{
    memset(hello, 0, WORKER_HELLO_SIZE);
    if ((!unchecked && !file_read(ATTESTATION "my_target_info", hello, 512)) ||
        !file_read("/dev/urandom", hello + 512, WORKER_NONCE_SIZE)) {
        refuse("no identity and no randomness");
    }
}

static bool report_is_good(const struct sgx_report *report)
{
    char answer[3];
    int fd = open(ATTESTATION "check_report", O_RDWR);
    bool good = fd >= 0 && write(fd, report, sizeof *report) == (ssize_t)sizeof *report &&
                read(fd, answer, sizeof answer) == 3 && memcmp(answer, "ok\n", 3) == 0;
    close(fd);
    return good;
}

/* The worker's key, if this is the worker. */
static struct hpke_public_key judge(struct bytes answer, struct bytes manifest,
                                    const uint8_t mrenclave[32], struct bytes nonce)
{
    struct sgx_report report;
    struct binding_facts facts = {.sgx = true};
    struct binding_result result;
    const struct binding_expectation expected = {.purpose = BINDING_PURPOSE_WORKER,
                                                 .owner_mode = BINDING_OWNER_NONE,
                                                 .fresh_mode = BINDING_EXPECT_NONCE,
                                                 .nonce = nonce,
                                                 .context = {.mode = ALCOVE_EXPECT_VALUE}};
    if (answer.size < sizeof report) {
        refuse("no REPORT");
    }
    memcpy(&report, answer.data, sizeof report);
    const struct sgx_report_body *body = &report.body;
    if (!unchecked && !report_is_good(&report)) {
        refuse("the REPORT is not of this machine and for this enclave");
    }
    if (memcmp(body->mrenclave, mrenclave, 32) != 0) {
        refuse("another MRENCLAVE");
    }
    facts.verdict.accepted_word = ALCOVE_VERDICT_ACCEPTED;
    facts.debug = (body->attributes.flags & SGX_FLAGS_DEBUG) != 0;
    memcpy(facts.report_data, body->reportdata, sizeof facts.report_data);
    memcpy(facts.configid, body->configid, sizeof facts.configid);
    if (facts.debug) {
        refuse("a debug enclave");
    }
    struct alcove_verdict v = binding_judge(
        &facts, manifest, BYTES(answer.data + sizeof report, answer.size - sizeof report),
        &expected, 0, &result);
    if (!alcove_verdict_accepted(v)) {
        refuse(binding_reason_name(result.reason));
    }
    return result.binding.key;
}

/* ---- the call -------------------------------------------------------------------------------- */

static uint8_t sealed[MESSAGE_SIZE_MAX], plain[MESSAGE_SIZE_MAX];

/* What the task was sealed with, and what its answer has to name. */
struct call {
    struct hpke_private_key own;
    struct hpke_public_key worker;
    uint8_t task_id[MESSAGE_ID_SIZE];
};

static void send_task(struct call *c, struct bytes nonce, struct bytes body)
{
    struct writer w = writer_of(sealed, sizeof sealed);
    struct diag d = {""};
    const struct message_draft draft = {.kind = MESSAGE_KIND_TASK,
                                        .context_mode = MESSAGE_CONTEXT_VALUE,
                                        .context = nonce,
                                        .to = &c->worker,
                                        .from = HPKE_FROM_SELF(&c->own),
                                        .aead = HPKE_SUITE_DEFAULT.aead,
                                        .body = body};
    if (message_seal(&draft, &w, c->task_id, &d) != 0) {
        refuse(d.text);
    }
    send_message(w.data, w.size);
}

static void receive_result(const struct call *c)
{
    static uint8_t answer[WORKER_RESULT_MAX + 256];
    struct message m;
    struct worker_result r;
    struct diag d = {""};
    const struct message_expectation expected = {.kind = MESSAGE_KIND_RESULT,
                                                 .context_mode = MESSAGE_CONTEXT_VALUE,
                                                 .context = BYTES_OF(c->task_id),
                                                 .from_mode = MESSAGE_FROM_KEY,
                                                 .from = &c->worker,
                                                 .evidence_mode = MESSAGE_EVIDENCE_NONE};
    struct bytes message = receive_message(sealed, sizeof sealed);
    if (message_open(message, &c->own, &expected, plain, sizeof plain, &m, &d) != 0 ||
        worker_result_decode(m.body, &r, &d) != 0) {
        refuse(d.text);
    }
    int n =
        snprintf((char *)answer, 256, "end %u %llu complete %d out %zu err %zu\n", (unsigned)r.end,
                 (unsigned long long)r.value, r.complete, r.out.size, r.err.size);
    struct writer w = {.data = answer, .capacity = sizeof answer, .size = (size_t)n};
    writer_put(&w, r.out);
    writer_put(&w, r.err);
    send_message(w.data, w.size);
}

int main(int argc, char **argv)
{
    static uint8_t manifest_data[MANIFEST_SIZE_MAX], task_data[MESSAGE_PLAIN_MAX];
    uint8_t mrenclave[32], hello[WORKER_HELLO_SIZE];
    static uint8_t answer_data[sizeof(struct sgx_report) + BINDING_SIZE_MAX];
    struct call call = {0};
    unchecked = argc == 2 && strcmp(argv[1], "--unchecked") == 0;
    struct bytes manifest = receive_message(manifest_data, sizeof manifest_data);
    if (receive_message(mrenclave, sizeof mrenclave).size != sizeof mrenclave) {
        return 1;
    }
    struct bytes task = receive_message(task_data, sizeof task_data);
    if (hpke_private_make(HPKE_KEM_X25519, &call.own) != 0) {
        return 1;
    }
    make_hello(hello);
    const struct bytes nonce = {hello + 512, WORKER_NONCE_SIZE};
    send_message(hello, sizeof hello);
    struct bytes answer = receive_message(answer_data, sizeof answer_data);
    call.worker = judge(answer, manifest, mrenclave, nonce);
    send_task(&call, nonce, task);
    receive_result(&call);
    return 0;
}
