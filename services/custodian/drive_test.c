/* SPDX-License-Identifier: Apache-2.0 */
/* The custodian's bundle in its enclave, with the real aggregator and a real worker, over `alcove
 * run`: this program is the phone, the log and the host. tests/e2e/custodian.sh starts it:
 *
 *   ALCOVE FOLDER ROOT CUSTODIAN AGGREGATOR WORKER
 *
 * FOLDER has custodian.bundle, aggregator.bundle, worker.bundle, and `evidence` of a run on this
 * machine, for its collateral; then the SHA-256 of the machine's root key, and MRENCLAVEs. */
#include "test_world.h"

#include "abi/evidence.h"
#include "services/frames.h"
#include "tests/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

#define DAY  20001
#define PATH 4096

static const char *alcove, *folder;
static struct world w;
static struct evidence machine; /* its collateral */
static struct service_buffer machine_text;

/* ---- programs -------------------------------------------------------------------------------- */

struct program {
    pid_t pid;
    int in, out;
};

static void path_of(char ret[PATH], const char *name)
{
    REQUIRE(snprintf(ret, PATH, "%s/%s", folder, name) < PATH);
}

/* `alcove run BUNDLE [--volume data=PATH]`, with both ends of its streams here. */
static void start(struct program *p, const char *bundle, const char *volume)
{
    char path[PATH], data[PATH + 8];
    int to[2], from[2];
    path_of(path, bundle);
    (void)snprintf(data, sizeof data, "data=%s/%s", folder, volume != NULL ? volume : "");
    const char *const args[] = {alcove, "run", path, volume != NULL ? "--volume" : NULL,
                                data,   NULL};
    posix_spawn_file_actions_t actions;
    REQUIRE(pipe2(to, O_CLOEXEC) == 0 && pipe2(from, O_CLOEXEC) == 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, to[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, from[1], STDOUT_FILENO);
    REQUIRE(posix_spawn(&p->pid, alcove, &actions, NULL, (char **)(uintptr_t)args, environ) == 0);
    posix_spawn_file_actions_destroy(&actions);
    close(to[0]);
    close(from[1]);
    p->in = to[1];
    p->out = from[0];
}

/* Its status; -1 when a signal ended it. */
static int stop(struct program *p, int signal_number)
{
    int status = 0;
    if (signal_number != 0) {
        kill(p->pid, signal_number);
    }
    close(p->in);
    close(p->out);
    REQUIRE(waitpid(p->pid, &status, 0) == p->pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int talk(void *context, struct bytes record, struct service_buffer *answer)
{
    const struct program *p = context;
    struct diag d = {""};
    if (frames_write(p->in, record, &d) != 0 || frames_read(p->out, answer, &d) != FRAMES_MESSAGE) {
        printf("# %s\n", d.text[0] != '\0' ? d.text : "the service ended");
        service_buffer_reset(answer);
        return 0;
    }
    return 0;
}

static bool read_whole(const char *name, struct service_buffer *ret)
{
    char path[PATH];
    path_of(path, name);
    FILE *f = fopen(path, "rb");
    bool good = f != NULL && service_buffer_reserve(ret, 8u << 20) == 0;
    ret->size = good ? fread(ret->data, 1, ret->capacity, f) : 0;
    if (f != NULL) {
        fclose(f);
    }
    return good && ret->size > 0;
}

/* CONFIGID of a bundle: SHA-512 of its manifest. */
static void configid_of(const char *manifest, uint8_t ret[64])
{
    AUTO_SERVICE_BUFFER text = {0};
    REQUIRE(read_whole(manifest, &text) &&
            binding_report_data(service_buffer_bytes(&text), ret) == 0);
}

static bool say_hello(const char *manifest, struct service_buffer *answer, struct program *p)
{
    AUTO_SERVICE_BUFFER text = {0}, record = {0};
    const struct evidence_collateral *c = &machine.collateral;
    REQUIRE(read_whole(manifest, &text));
    const struct wire_hello hello = {.manifest = service_buffer_bytes(&text),
                                     .tcb_info = c->tcb_info,
                                     .tcb_chain = c->tcb_chain,
                                     .qe_identity = c->qe_identity,
                                     .qe_chain = c->qe_chain,
                                     .pck_crl = c->pck_crl,
                                     .pck_crl_chain = c->pck_crl_chain,
                                     .root_crl = c->root_crl};
    REQUIRE(service_answer(WIRE_hello, &hello, &record, NULL) == 0);
    return talk(p, service_buffer_bytes(&record), answer) == 0 &&
           wire_peek(service_buffer_bytes(answer)) == WIRE_done;
}

static struct program custodian;

static bool start_custodian(const char *volume)
{
    start(&custodian, "custodian.bundle", volume);
    w.serve = talk;
    w.context = &custodian;
    if (!say_hello("custodian.bundle/manifest.cbor", &w.answer, &custodian)) {
        return false;
    }
    world_attest(&w);
    return true;
}

/* ---- the phone's view ------------------------------------------------------------------------ */

static bool believed(enum binding_expect_owner owner)
{
    struct wire_attest attest = {.nonce = BYTES_STR("the phone's own nonce")};
    struct wire_evidence evidence;
    struct trusted trusted;
    struct diag d = {""};
    const struct binding_expectation expected = {.purpose = BINDING_PURPOSE_CUSTODIAN,
                                                 .owner_mode = owner,
                                                 .fresh_mode = BINDING_EXPECT_NONCE,
                                                 .nonce = attest.nonce,
                                                 .context = {.mode = ALCOVE_EXPECT_VALUE}};
    if (ask(&w, WIRE_attest, &attest) != WIRE_evidence ||
        wire_read_evidence(service_buffer_bytes(&w.answer), &evidence, NULL) != 0 ||
        trust_service(evidence.evidence, &w.root, 1, NULL, &expected, time(NULL), &trusted, &d) !=
            0) {
        printf("# %s\n", d.text);
        return false;
    }
    return trust_identity(&w.own_id, 1, &trusted.peer) &&
           hpke_public_equal(&trusted.binding.key, &w.boot);
}

static bool file_is(uint64_t stage, const char *text)
{
    struct wire_file file;
    return phone_order(&w, WIRE_ORDER_GET, DAY, stage, 0) == WIRE_CODE_OK &&
           wire_read_file(w.last.body, &file, NULL) == 0 &&
           bytes_equal(file.data, BYTES(text, strlen(text)));
}

/* ---- a worker -------------------------------------------------------------------------------- */

/* Carries between the custodian and a worker. True when the worker gave a result. */
static bool carry(void)
{
    AUTO_SERVICE_BUFFER message = {0};
    struct program worker;
    struct wire_work work;
    struct wire_job job;
    struct wire_task task;
    struct wire_worker_hello hello;
    struct wire_worker_end end;
    struct diag d = {""};
    memset(&work, 0, sizeof work);
    if (ask(&w, WIRE_work, &work) != WIRE_job ||
        wire_read_job(service_buffer_bytes(&w.answer), &job, NULL) != 0 || job.kind == 0) {
        return false;
    }
    uint8_t first[WORKER_HELLO_SIZE];
    memcpy(first, job.target_info, 512);
    memcpy(first + 512, job.nonce, 32);
    start(&worker, "worker.bundle", NULL);
    bool good = frames_write(worker.in, BYTES_OF(first), &d) == 0 &&
                frames_read(worker.out, &message, &d) == FRAMES_MESSAGE && message.size > 432;
    if (good) {
        memcpy(hello.nonce, job.nonce, 32);
        memcpy(hello.report, message.data, 432);
        hello.binding = BYTES(message.data + 432, message.size - 432);
        good = ask(&w, WIRE_worker_hello, &hello) == WIRE_task &&
               wire_read_task(service_buffer_bytes(&w.answer), &task, NULL) == 0 &&
               frames_write(worker.in, task.message, &d) == 0 &&
               frames_read(worker.out, &message, &d) == FRAMES_MESSAGE;
    }
    memcpy(end.nonce, job.nonce, 32);
    end.message = good ? service_buffer_bytes(&message) : BYTES(NULL, 0);
    good = ask(&w, WIRE_worker_end, &end) == WIRE_done && good;
    if (!good) {
        printf("# %s\n", d.text);
    }
    return stop(&worker, 0) == 0 && good;
}

/* ---- the story ------------------------------------------------------------------------------- */

static void copy_volume(const char *from, const char *to)
{
    AUTO_SERVICE_BUFFER text = {0};
    char path[PATH];
    path_of(path, to);
    REQUIRE(read_whole(from, &text) && text.size < text.capacity);
    FILE *f = fopen(path, "wb");
    REQUIRE(f != NULL && fwrite(text.data, 1, text.size, f) == text.size && fclose(f) == 0);
}

static void test_life(void)
{
    CHECK(start_custodian("volume"), "the custodian starts, and knows its manifest");
    CHECK(believed(BINDING_OWNER_NONE), "its evidence is believed, and says that it is nobody's");
    CHECK(phone_claim(&w) == WIRE_CODE_OK && w.last.sequence > 0, "its owner claims it");
    CHECK(believed(BINDING_OWNER_SOME), "then it says that it is somebody's");
    CHECK(phone_claim(&w) == WIRE_CODE_OWNED, "a second claim is refused");
    CHECK(phone_upload(&w, DAY, BYTES_STR("a walk")) == WIRE_CODE_OK && w.work, "a day is stored");
    CHECK(carry(), "a worker in its enclave processes it");
    CHECK(file_is(1, "A WALK"), "and what it made of it is there");
    CHECK(stop(&custodian, SIGKILL) == -1, "it is killed");
    CHECK(start_custodian("volume") && phone_state(&w).days == 0 && w.last.code == WIRE_CODE_LOCKED,
          "started again it is locked");
    CHECK(phone_unlock(&w) == WIRE_CODE_OK && file_is(0, "a walk") && file_is(1, "A WALK"),
          "unlocked it has what was acknowledged");
    copy_volume("volume", "older");
}

static uint64_t milliseconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* The real aggregator's evidence for the question. */
static bool begin(struct program *aggregator, struct asking *a)
{
    AUTO_SERVICE_BUFFER record = {0}, answer = {0};
    uint8_t head_text[QUERY_LOG_HEAD_MAX];
    struct query_log_head head = {.tree = log_tree(&w, w.leaf_count), .time = w.log_time};
    struct query_signer signer = {query_sign_with, &w.log_key};
    struct writer out = writer_of(head_text, sizeof head_text);
    struct wire_evidence evidence;
    struct evidence file;
    struct binding b;
    start(aggregator, "aggregator.bundle", NULL);
    asking_paths(&w, a);
    REQUIRE(query_key_id(&w.log_key.key, &head.log) == 0 &&
            query_log_head_sign(&head, &signer, &out, NULL) == 0);
    struct wire_begin record_of = {.document = BYTES(a->text, a->size),
                                   .users = a->doc.users_min,
                                   .head = BYTES(head_text, out.size),
                                   .query_index = a->index,
                                   .query_proof = a->invite.query_proof};
    memcpy(record_of.log_key, w.log_key.key.point, QUERY_KEY_SIZE);
    if (!say_hello("aggregator.bundle/manifest.cbor", &answer, aggregator) ||
        service_answer(WIRE_begin, &record_of, &record, NULL) != 0 ||
        talk(aggregator, service_buffer_bytes(&record), &answer) != 0 ||
        wire_read_evidence(service_buffer_bytes(&answer), &evidence, NULL) != 0 ||
        evidence_decode(evidence.evidence, &file, NULL) != 0 ||
        binding_decode(file.claims, &b, NULL) != 0) {
        return false;
    }
    a->key.public_key = b.key;
    REQUIRE(service_buffer_reserve(&a->evidence, evidence.evidence.size) == 0);
    memcpy(a->evidence.data, evidence.evidence.data, evidence.evidence.size);
    a->evidence.size = evidence.evidence.size;
    asking_paths(&w, a);
    return true;
}

static void test_query(void)
{
    static struct asking a;
    struct program aggregator;
    struct wire_collect collect;
    struct wire_collected collected;
    struct wire_counted counted;
    AUTO_SERVICE_BUFFER record = {0}, answer = {0};
    REQUIRE(phone_grant(&w, 2000000) == WIRE_CODE_OK);
    asking_make(&w, 1, &a);
    memcpy(a.doc.bundle, w.policy.bundles[0].configid, 64);
    a.doc.run_ms = 8000;
    asking_write(&w, &a);
    CHECK(begin(&aggregator, &a), "an aggregator in its enclave takes the query");
    CHECK(asking_invite(&w, &a), "the custodian verifies it and accepts");
    uint64_t accepted = milliseconds();
    CHECK(!asking_invite(&w, &a), "once");
    memcpy(collect.query, a.id.data, 32);
    CHECK(ask(&w, WIRE_collect, &collect) == WIRE_collected &&
              wire_read_collected(service_buffer_bytes(&w.answer), &collected, NULL) == 0 &&
              collected.wait_ms > 0 && collected.message.size == 0,
          "its contribution is not there yet");
    CHECK(carry(), "a worker answers");
    do {
        struct timespec pause = {.tv_nsec = 100000000};
        nanosleep(&pause, NULL);
    } while (ask(&w, WIRE_collect, &collect) == WIRE_collected &&
             wire_read_collected(service_buffer_bytes(&w.answer), &collected, NULL) == 0 &&
             collected.wait_ms > 0);
    CHECK(collected.wait_ms == 0 && collected.message.size > 65536 &&
              milliseconds() - accepted >= a.doc.run_ms - 200,
          "the contribution leaves at its time");
    const struct wire_contribute contribute = {.message = collected.message};
    CHECK(service_answer(WIRE_contribute, &contribute, &record, NULL) == 0 &&
              talk(&aggregator, service_buffer_bytes(&record), &answer) == 0 &&
              wire_read_counted(service_buffer_bytes(&answer), &counted, NULL) == 0 &&
              counted.counted && counted.answered == 1,
          "and counts");
    struct wire_event event = phone_event(&w);
    for (int skip = 1; event.cost == 0 && skip < 3; skip++) { /* the second invitation's is newer */
        static struct wire_activity page;
        REQUIRE(phone_order(&w, WIRE_ORDER_ACTIVITY, 0, 0, (uint64_t)skip) == WIRE_CODE_OK &&
                wire_read_activity(w.last.body, &page, NULL) == 0 && page.events_count > 0);
        event = page.events[0];
    }
    CHECK(event.cost > 0 && event.sent && !event.fallback && event.failure.size == 0,
          "the owner reads that it left, and that the script answered");
    asking_free(&a);
    stop(&aggregator, SIGKILL);
}

/* Uploads whose answer may never come: the host kills it at some moment of each. */
static void test_kills(void)
{
    uint8_t content = 0, known = 0;
    unsigned acknowledged = 0;
    bool good = true;
    for (unsigned round = 0; round < 12 && good; round++) {
        AUTO_SERVICE_BUFFER record = {0};
        struct wire_file file;
        uint8_t id[32];
        content++;
        const struct wire_upload upload = {.day = DAY + 9, .data = BYTES_OF(content)};
        phone_seal(&w, &w.message, MESSAGE_KIND_UPLOAD, WIRE_upload, &upload, id);
        const struct wire_deliver deliver = {.message = service_buffer_bytes(&w.sent)};
        REQUIRE(service_answer(WIRE_deliver, &deliver, &record, NULL) == 0 &&
                frames_write(custodian.in, service_buffer_bytes(&record), NULL) == 0);
        struct timespec pause = {.tv_nsec = (long)round * 1500000};
        nanosleep(&pause, NULL);
        kill(custodian.pid, SIGKILL);
        /* What came out before counts: the phone would have it. */
        bool answered = frames_read(custodian.out, &w.answer, NULL) == FRAMES_MESSAGE &&
                        phone_opens(&w, &w.message, id) == WIRE_CODE_OK;
        stop(&custodian, 0);
        known = answered ? content : known;
        acknowledged += answered;
        good = start_custodian("volume") && phone_unlock(&w) == WIRE_CODE_OK;
        uint64_t code = good ? phone_order(&w, WIRE_ORDER_GET, DAY + 9, 0, 0) : WIRE_CODE_COUNT;
        good = code == WIRE_CODE_NOT_FOUND
                   ? known == 0
                   : code == WIRE_CODE_OK && wire_read_file(w.last.body, &file, NULL) == 0 &&
                         file.data.size == 1 &&
                         (file.data.data[0] == known || file.data.data[0] == content);
        known = code == WIRE_CODE_OK ? file.data.data[0] : 0;
    }
    CHECK(good, "killed in the middle of 12 uploads (%u acknowledged) it loses none of those",
          acknowledged);
}

/* Another version of it: other bytes, other manifest, other identity. */
static void test_successor(void)
{
    struct program old = custodian;
    struct wire_identity own = w.own_id;
    CHECK(stop(&old, 0) == 0, "it ends when the host closes its input");
    start(&custodian, "successor.bundle", "volume");
    configid_of("successor.bundle/manifest.cbor", w.own_id.configid);
    CHECK(say_hello("successor.bundle/manifest.cbor", &w.answer, &custodian) &&
              (world_attest(&w), memcmp(own.configid, w.own_id.configid, 64) != 0) &&
              believed(BINDING_OWNER_NONE),
          "a custodian of another identity is started with its volume");
    CHECK(phone_unlock(&w) == WIRE_CODE_OK && file_is(0, "a walk") && file_is(1, "A WALK"),
          "the owner's secret opens it: data outlive versions");
    REQUIRE(stop(&custodian, 0) == 0);
    w.own_id = own;
    CHECK(start_custodian("volume") && phone_unlock(&w) == WIRE_CODE_OK, "and back");
}

/* The largest days, and what they take. */
static void test_load(void)
{
    static uint8_t large[WIRE_DAY_MAX];
    bool good = true;
    uint64_t from = milliseconds();
    for (uint64_t i = 0; i < 4; i++) {
        memset(large, (int)i, sizeof large);
        good = good && phone_upload(&w, DAY + 20 + i, BYTES_OF(large)) == WIRE_CODE_OK;
    }
    uint64_t uploaded = milliseconds();
    struct wire_file file;
    good = good && phone_order(&w, WIRE_ORDER_GET, DAY + 23, 0, 0) == WIRE_CODE_OK &&
           wire_read_file(w.last.body, &file, NULL) == 0 && bytes_equal(file.data, BYTES_OF(large));
    uint64_t got = milliseconds();
    good = good && stop(&custodian, SIGKILL) == -1 && start_custodian("volume");
    uint64_t started = milliseconds();
    good = good && phone_unlock(&w) == WIRE_CODE_OK;
    CHECK(good, "four days of 15 MiB are stored, given back, and there after a kill");
    printf(
        "# stored in %llu ms, one given back in %llu ms, started in %llu ms, unlocked in %llu ms\n",
        (unsigned long long)(uploaded - from), (unsigned long long)(got - uploaded),
        (unsigned long long)(started - got), (unsigned long long)(milliseconds() - started));
    from = milliseconds();
    struct volume_state known = w.book.acknowledged;
    CHECK(phone_order(&w, WIRE_ORDER_DELETE, 0, 0, 0) == WIRE_CODE_OK && w.deleted &&
              w.book.acknowledged.sequence > known.sequence,
          "its owner deletes everything");
    printf("# deleted in %llu ms\n", (unsigned long long)(milliseconds() - from));
    stop(&custodian, 0);
    w.book.acknowledged = (struct volume_state){0};
    CHECK(start_custodian("volume") && phone_unlock(&w) == WIRE_CODE_STATE,
          "and it serves nobody from then on");
    stop(&custodian, 0);
}

static void test_host(void)
{
    struct program clone;
    REQUIRE(phone_order(&w, WIRE_ORDER_PAUSE, 0, 0, 0) == WIRE_CODE_OK);
    REQUIRE(stop(&custodian, 0) == 0);
    copy_volume("volume", "newest");
    copy_volume("older", "volume");
    CHECK(start_custodian("volume") && phone_unlock(&w) == WIRE_CODE_ROLLED_BACK,
          "an older volume is noticed");
    CHECK(phone_claim(&w) == WIRE_CODE_OWNED, "and is not new either");
    stop(&custodian, SIGKILL);
    copy_volume("newest", "volume");
    CHECK(start_custodian("volume") && phone_unlock(&w) == WIRE_CODE_OK, "the newest opens");
    clone = custodian;
    struct volume_state known = w.book.acknowledged;
    CHECK(start_custodian("newest") && (w.book.acknowledged = known, true) &&
              phone_state(&w).lease == 0,
          "a clone beside it is locked, and has no lease");
    stop(&custodian, SIGKILL);
    stop(&clone, SIGKILL);
    copy_volume("newest", "volume");
    REQUIRE(start_custodian("volume"));
    w.secret[0] ^= 1;
    CHECK(phone_unlock(&w) == WIRE_CODE_KEY, "another secret does not open it");
    w.secret[0] ^= 1;
    w.book.acknowledged = (struct volume_state){0};
    REQUIRE(phone_unlock(&w) == WIRE_CODE_OK);
}

int main(int argc, char **argv)
{
    if (argc != 7) {
        fprintf(stderr, "usage: ALCOVE FOLDER ROOT CUSTODIAN AGGREGATOR WORKER\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    alcove = argv[1];
    folder = argv[2];
    uint8_t *const ids[] = {w.root.value, w.own_id.mrenclave, w.aggregator_id.mrenclave};
    uint8_t runtime[32];
    for (int i = 0; i < 3; i++) {
        REQUIRE(hex_decode(ids[i], 32, BYTES(argv[3 + i], strlen(argv[3 + i]))));
    }
    REQUIRE(hex_decode(runtime, 32, BYTES(argv[6], strlen(argv[6]))));
    configid_of("custodian.bundle/manifest.cbor", w.own_id.configid);
    configid_of("aggregator.bundle/manifest.cbor", w.aggregator_id.configid);
    REQUIRE(read_whole("evidence", &machine_text) &&
            evidence_decode(service_buffer_bytes(&machine_text), &machine, NULL) == 0);
    world_outside(&w);
    memcpy(w.runtime, runtime, 32);
    memcpy(w.policy.workers[0].value, runtime, 32);
    configid_of("worker.bundle/manifest.cbor", w.policy.process_bundle);
    configid_of("worker.bundle/manifest.cbor", w.policy.bundles[0].configid);
    test_life();
    test_query();
    test_kills();
    test_successor();
    test_host();
    test_load();
    return tap_done();
}
