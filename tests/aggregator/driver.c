/* SPDX-License-Identifier: Apache-2.0 */
/* The host of an aggregator and of a contributor in real enclaves on the software machine, as the
 * daemon will be: makes a query and a log, carries records, and reads the receipt.
 *
 *   aggregator_driver ALCOVE AGGREGATOR.bundle CONTRIBUTOR.bundle PEOPLE [WHAT]
 *
 * WHAT: "other-manifest", the query names another manifest of the contributor; "other-root", it
 * demands another root; "twice", everybody contributes twice; "few", one of them contributes;
 * "speed", prints the processor time that the aggregator took. Prints how many were counted, then
 * what became of it. $ALCOVE_MACHINE_DIR/root.pem is the root. */
#include "host/quoting.h"
#include "number.h"
#include "query/receipt.h"
#include "services/frames.h"
#include "test_query.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static struct test_machine machine; /* its root alone */
static struct test_enclave aggregator, contributor;
static struct test_query query;
static struct trusted believed;

static void fail(const char *what, const struct diag *d)
{
    fprintf(stderr, "driver: %s: %s\n", what, d != NULL ? d->text : strerror(errno));
    exit(1);
}

/* ---- a service ------------------------------------------------------------------------------- */

struct service {
    pid_t pid;
    int to, from;
    struct service_buffer sent, answer;
    double seconds; /* processor time, when it has ended */
};

static void start(const char *alcove, const char *bundle, struct service *s)
{
    int in[2], out[2];
    posix_spawn_file_actions_t actions;
    const char *const argv[] = {alcove, "run", bundle, NULL};
    memset(s, 0, sizeof *s);
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0 ||
        posix_spawn_file_actions_init(&actions) != 0 ||
        posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO) != 0 ||
        posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO) != 0 ||
        posix_spawn(&s->pid, alcove, &actions, NULL, (char *const *)(uintptr_t)argv, environ) !=
            0) {
        fail(bundle, NULL);
    }
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(out[1]);
    s->to = in[1];
    s->from = out[0];
}

static struct bytes ask(struct service *s, enum wire_record which, const void *record)
{
    struct diag d = {""};
    if (service_answer(which, record, &s->sent, &d) != 0 ||
        frames_write(s->to, service_buffer_bytes(&s->sent), &d) != 0) {
        fail("asking", &d);
    }
    int end = frames_read(s->from, &s->answer, &d);
    if (end != FRAMES_MESSAGE) {
        fail(end == FRAMES_END ? "the service ended" : "its answer", &d);
    }
    return service_buffer_bytes(&s->answer);
}

/* Its exit status. */
static int stop(struct service *s)
{
    int status = 0;
    struct rusage used = {0};
    close(s->to);
    while (wait4(s->pid, &status, 0, &used) < 0 && errno == EINTR) {
    }
    s->seconds = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                 (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    close(s->from);
    service_buffer_done(&s->sent);
    service_buffer_done(&s->answer);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void say_hello(struct service *s, const struct test_enclave *e,
                      const struct evidence_collateral *c)
{
    const struct wire_hello hello = {.manifest = BYTES(e->manifest_text, e->manifest_size),
                                     .tcb_info = c->tcb_info,
                                     .tcb_chain = c->tcb_chain,
                                     .qe_identity = c->qe_identity,
                                     .qe_chain = c->qe_chain,
                                     .pck_crl = c->pck_crl,
                                     .pck_crl_chain = c->pck_crl_chain,
                                     .root_crl = c->root_crl};
    struct wire_done done;
    if (wire_read_done(ask(s, WIRE_hello, &hello), &done, NULL) != 0) {
        struct wire_refused r;
        struct diag d = {"no answer"};
        if (wire_read_refused(service_buffer_bytes(&s->answer), &r, NULL) == 0) {
            base_format(d.text, sizeof d.text, "%.*s", (int)r.sentence.size,
                        (const char *)r.sentence.data);
        }
        fail("hello", &d);
    }
}

/* ---- what it knows --------------------------------------------------------------------------- */

static size_t load(const char *folder, const char *name, void *ret, size_t capacity)
{
    char path[4096];
    base_format(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        fail(path, NULL);
    }
    size_t size = fread(ret, 1, capacity, f);
    fclose(f);
    return size;
}

/* Who the bundle says it is; whether that is true, its evidence shows. */
static void identify(const char *bundle, struct test_enclave *ret)
{
    char text[4096];
    static const char key[] = "\"mrenclave\": \"";
    size_t size = load(bundle, "identity.json", text, sizeof text - 1);
    text[size] = '\0';
    const char *at = strstr(text, key);
    if (at == NULL || !hex_decode(ret->mrenclave, 32, BYTES(at + strlen(key), 64))) {
        fail("identity.json", NULL);
    }
    ret->machine = &machine;
    ret->manifest_size = load(bundle, "manifest.cbor", ret->manifest_text, 1024);
}

static void find_root(void)
{
    static uint8_t pem[1 << 16];
    const char *folder = getenv("ALCOVE_MACHINE_DIR");
    size_t size = load(folder != NULL ? folder : ".", "root.pem", pem, sizeof pem);
    if (!alcove_root_read((struct alcove_bytes){pem, size}, &machine.output.root)) {
        fail("root.pem", NULL);
    }
}

/* ---- the query ------------------------------------------------------------------------------- */

static void begin(struct service *s, uint64_t people, uint8_t *ret_evidence, size_t *ret_size)
{
    struct wire_begin r;
    struct wire_evidence reply;
    struct wire_hash root;
    struct diag d = {""};
    uint8_t context[AGGREGATOR_CONTEXT_SIZE];
    test_query_begin(&query, people, &r);
    if (wire_read_evidence(ask(s, WIRE_begin, &r), &reply, &d) != 0) {
        fail("begin", &d);
    }
    memcpy(ret_evidence, reply.evidence.data, reply.evidence.size);
    *ret_size = reply.evidence.size;
    aggregator_context(&query.id, &query.tree, context);
    const struct binding_expectation expected = {
        .purpose = BINDING_PURPOSE_AGGREGATOR,
        .owner_mode = BINDING_OWNER_NONE,
        .fresh_mode = BINDING_EXPECT_AGE,
        .max_age_s = 60,
        .clock_skew_s = 5,
        .context = {.mode = ALCOVE_EXPECT_VALUE, .value = {context, sizeof context}}};
    memcpy(root.value, machine.output.root.spki_sha256, sizeof root.value);
    if (trust_service(BYTES(ret_evidence, *ret_size), &root, 1, NULL, &expected, time(NULL),
                      &believed, &d) != 0) {
        fail("the aggregator", &d);
    }
    if (!query_document_accepts(&query.doc, QUERY_ROLE_AGGREGATOR, &believed.peer)) {
        fail("the aggregator is another program", &d);
    }
}

static bool contribute(struct service *s, struct bytes message)
{
    const struct wire_contribute r = {.message = message};
    struct wire_counted counted;
    struct diag d = {""};
    if (wire_read_counted(ask(s, WIRE_contribute, &r), &counted, &d) != 0) {
        fail("contribute", &d);
    }
    if (!counted.counted) {
        printf("%.*s\n", (int)counted.sentence.size, (const char *)counted.sentence.data);
    }
    return counted.counted;
}

/* Within the noise's reach of the sums that the contributor's numbers have, and a good receipt. */
static void check_result(struct bytes text, uint64_t people)
{
    static struct receipt receipt;
    struct query_key key;
    struct query_plan plan;
    struct diag d = {""};
    memcpy(key.point, believed.binding.signing_key, sizeof key.point);
    if (receipt_open(text, &key, &receipt, NULL, &d) != 0 ||
        receipt_check(&receipt, &query.doc, &query.id, &d) != 0 ||
        query_document_plan(&query.doc, people, &plan, &d) != 0) {
        fail("the receipt", &d);
    }
    bool good = true;
    for (uint32_t i = 0; i < receipt.entry_count; i++) {
        int64_t sum = 0;
        for (uint64_t p = 1; p <= people; p++) {
            sum += number(p, i);
        }
        int64_t off = receipt.values[i] - sum;
        good = good && off <= (int64_t)plan.table->reach && off >= -(int64_t)plan.table->reach;
    }
    printf("%s\n", good ? "released: the sums, within the noise's reach" : "released: OTHER SUMS");
}

static void finish(struct service *s, uint64_t people)
{
    struct wire_finish f;
    struct wire_released released;
    struct wire_refused refused;
    memset(&f, 0, sizeof f);
    struct bytes reply = ask(s, WIRE_finish, &f);
    if (wire_read_released(reply, &released, NULL) == 0) {
        check_result(released.receipt, people);
    } else if (wire_read_refused(reply, &refused, NULL) == 0) {
        printf("refused: %s\n", wire_code_text(refused.code));
    }
}

static void collect(struct service *from, struct service *to, uint64_t people, struct bytes says,
                    const char *what)
{
    struct service_buffer *messages = calloc(people, sizeof *messages);
    struct wire_collected collected;
    struct diag d = {""};
    unsigned long counted = 0;
    for (uint64_t p = 0; messages != NULL && p < people; p++) {
        const struct wire_invite r = {.document = BYTES(query.text, query.size),
                                      .evidence = says,
                                      .query_index = p + 1,
                                      .aggregator_leaf = BYTES_STR("nobody looks")};
        if (wire_read_collected(ask(from, WIRE_invite, &r), &collected, &d) != 0 ||
            service_buffer_reserve(&messages[p], collected.message.size) != 0) {
            fail("the contributor", &d);
        }
        memcpy(messages[p].data, collected.message.data, collected.message.size);
        messages[p].size = collected.message.size;
    }
    for (uint64_t p = 0; messages != NULL && p < people; p++) {
        counted += contribute(to, service_buffer_bytes(&messages[p]));
        if (strcmp(what, "twice") == 0) {
            counted += contribute(to, service_buffer_bytes(&messages[p]));
        }
    }
    printf("counted %lu of %lu\n", counted, (unsigned long)people);
    for (uint64_t p = 0; messages != NULL && p < people; p++) {
        service_buffer_done(&messages[p]);
    }
    free(messages);
}

int main(int argc, char **argv)
{
    static uint8_t says[WIRE_EVIDENCE_MAX];
    const struct machine_config config = {.state_dir = NULL};
    struct evidence_collateral collateral;
    struct quoting *quoting = NULL;
    struct service from, to;
    struct diag d = {""};
    size_t size;
    if (argc < 5 || argc > 6) {
        fprintf(stderr, "usage: aggregator_driver ALCOVE AGGREGATOR CONTRIBUTOR PEOPLE [WHAT]\n");
        return 2;
    }
    const char *what = argc > 5 ? argv[5] : "";
    uint64_t people = strtoul(argv[4], NULL, 10);
    if (quoting_open(&machine_soft, &config, &quoting, &d) != 0 ||
        quoting_collateral(quoting, &collateral, &d) != 0) {
        fail("collateral", &d);
    }
    find_root();
    identify(argv[2], &aggregator);
    identify(argv[3], &contributor);
    test_query_make(&query, &contributor, &aggregator, people);
    query.doc.roots[0][0] ^= strcmp(what, "other-root") == 0;
    query.doc.custodians[0].configid[0] ^= strcmp(what, "other-manifest") == 0;
    test_query_write(&query);
    start(argv[1], argv[2], &to);
    start(argv[1], argv[3], &from);
    say_hello(&to, &aggregator, &collateral);
    say_hello(&from, &contributor, &collateral);
    begin(&to, people, says, &size);
    collect(&from, &to, strcmp(what, "few") == 0 ? 1 : people, BYTES(says, size), what);
    finish(&to, people);
    int first = stop(&to), second = stop(&from);
    printf("ended %d %d\n", first, second);
    if (strcmp(what, "speed") == 0) {
        printf("seconds %.6f\n", to.seconds);
    }
    quoting_close(quoting);
    return 0;
}
