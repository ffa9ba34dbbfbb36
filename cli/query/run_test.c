/* SPDX-License-Identifier: Apache-2.0 */
/* Asking, with a daemon of our own: what it is sent, what is said while it works, and what its lies
 * come to. */
#include "query/run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "query/test_forge.h"
#include "tests/tap.h"

static struct forged f;
static uint8_t file[RESULT_FILE_MAX];
static struct result honest;
static struct diag diag;

/* ---- the daemon ------------------------------------------------------------------------------ */

static struct {
    struct client client;
    bool posted;
    unsigned posts, unsigned_requests, polls;
    const struct wire_progress *states;
    size_t state_count;
    struct bytes outcome; /* empty: 404 */
    struct bytes newest, begun, extends;
    unsigned growing; /* so often the log grows between two questions */
    const struct wire_programs *programs;
} daemon;

static int answer(struct client_answer *ret, struct bytes body)
{
    ret->status = 200;
    ret->storage = malloc(body.size + 1);
    REQUIRE(ret->storage != NULL);
    memcpy(ret->storage, body.data, body.size);
    ret->body = BYTES(ret->storage, body.size);
    return 0;
}

static int absent(struct client_answer *ret, struct diag *d)
{
    ret->status = 404;
    return diag_fail(d, -EREMOTEIO, "the daemon does not know it");
}

static int answer_progress(struct client_answer *ret)
{
    uint8_t bytes[2048];
    struct writer w = writer_of(bytes, sizeof bytes);
    size_t at = daemon.polls < daemon.state_count ? daemon.polls : daemon.state_count - 1;
    daemon.polls++;
    REQUIRE(wire_write_progress(&daemon.states[at], &w, NULL) == 0);
    return answer(ret, BYTES(bytes, w.size));
}

static int answer_head(struct client_answer *ret, const char *from)
{
    uint8_t bytes[4096];
    struct writer w = writer_of(bytes, sizeof bytes);
    struct wire_log_head head = {daemon.newest, {NULL, 0}};
    REQUIRE(strcmp(from, "3") == 0 || strcmp(from, "5") == 0);
    head.proof = from[0] == '3' ? daemon.begun : daemon.extends;
    if (from[0] == '3' && daemon.growing > 0) {
        daemon.growing--;
        head.head = honest.outcome.head; /* shorter than what the second question will get */
    }
    REQUIRE(wire_write_log_head(&head, &w, NULL) == 0);
    return answer(ret, BYTES(bytes, w.size));
}

static int request(struct client *c, const char *method, const char *path, struct bytes body,
                   const struct client_signer *signer, struct client_answer *ret, struct diag *d)
{
    static uint8_t bytes[65536];
    char id[65], wanted[128];
    (void)c;
    hex_encode(id, f.id.data, sizeof f.id.data);
    snprintf(wanted, sizeof wanted, "/v1/queries/%s", id);
    bool of_query = strncmp(path, wanted, strlen(wanted)) == 0;
    const char *rest = of_query ? path + strlen(wanted) : "";
    if (strcmp(method, "POST") == 0) {
        REQUIRE(strcmp(path, "/v1/queries") == 0);
        REQUIRE(bytes_equal(body, BYTES(f.document, f.document_size)));
        daemon.unsigned_requests += signer == NULL;
        daemon.posted = true;
        daemon.posts++;
        return answer_progress(ret);
    }
    REQUIRE(strcmp(method, "GET") == 0 && body.size == 0);
    if (of_query && rest[0] == '\0') {
        daemon.unsigned_requests += signer == NULL;
        return daemon.posted ? answer_progress(ret) : absent(ret, d);
    }
    if (of_query && strcmp(rest, "/outcome") == 0) {
        return daemon.outcome.size > 0 ? answer(ret, daemon.outcome) : absent(ret, d);
    }
    if (strncmp(path, "/v1/log/head?from=", 18) == 0) {
        return answer_head(ret, path + 18);
    }
    REQUIRE(strcmp(path, "/v1/programs") == 0);
    struct writer w = writer_of(bytes, sizeof bytes);
    REQUIRE(wire_write_programs(daemon.programs, &w, NULL) == 0);
    return answer(ret, BYTES(bytes, w.size));
}

static const struct wire_progress course[] = {
    {.state = WIRE_QUERY_WAITING},
    {.state = WIRE_QUERY_ASKING, .invited = 5, .accepted = 3, .declined = 1},
    {.state = WIRE_QUERY_ASKING, .invited = 5, .accepted = 3, .declined = 1},
    {.state = WIRE_QUERY_COLLECTING, .invited = 9, .accepted = 7, .declined = 2, .answered = 4},
    {.state = WIRE_QUERY_RELEASED,
     .invited = 9,
     .accepted = 7,
     .declined = 2,
     .answered = 6,
     .late = 1},
};

static struct client_signer signer;
static struct query_run begin(void)
{
    forged_example(&f, "share");
    size_t size = forged_file(&f, file, sizeof file);
    REQUIRE(result_read(BYTES(file, size), &honest, NULL) == 0);
    memset(&daemon, 0, sizeof daemon);
    daemon.client.request = request;
    daemon.states = course;
    daemon.state_count = ARRAY_SIZE(course);
    daemon.outcome = honest.outcome_record;
    daemon.newest = honest.newest;
    daemon.begun = honest.begun;
    daemon.extends = honest.extends;
    diag.text[0] = '\0';
    return (struct query_run){.client = &daemon.client, .signer = &signer, .pause_ms = 1};
}

/* ---- asking ---------------------------------------------------------------------------------- */

static void asking(void)
{
    static struct query_read read;
    struct query_run run = begin();
    bool again = true;
    memcpy(read.cbor, f.document, f.document_size);
    read.size = f.document_size;
    read.id = f.id;
    CHECK(query_run_post(&run, &read, &again, &diag) == 0 && !again && daemon.posts == 1,
          "a query is posted %s", diag.text);
    CHECK(query_run_post(&run, &read, &again, &diag) == 0 && again && daemon.posts == 1,
          "and not a second time");
    CHECK(daemon.unsigned_requests == 0, "what is the analyst's is signed");

    char *text = NULL;
    size_t size = 0;
    daemon.polls = 0;
    run.progress = open_memstream(&text, &size);
    REQUIRE(run.progress != NULL);
    int err = query_run_wait(&run, &f.id, &diag);
    fclose(run.progress);
    CHECK(err == 0 && daemon.polls == 5, "it waits until there is an outcome %s", diag.text);
    CHECK(strcmp(text, "waiting: 0 asked, 0 accepted, 0 declined, 0 answered, 0 late\n"
                       "asking: 5 asked, 3 accepted, 1 declined, 0 answered, 0 late\n"
                       "collecting: 9 asked, 7 accepted, 2 declined, 4 answered, 0 late\n"
                       "released: 9 asked, 7 accepted, 2 declined, 6 answered, 1 late\n") == 0,
          "each change is a line");
    free(text);
    daemon.polls = 0;
    run.terminal = true;
    run.progress = open_memstream(&text, &size);
    REQUIRE(run.progress != NULL);
    err = query_run_wait(&run, &f.id, &diag);
    fclose(run.progress);
    CHECK(err == 0 && strncmp(text, "\r\033[Kwaiting", 11) == 0 && strchr(text, '\n') != NULL &&
              strchr(text, '\n')[1] == '\0',
          "on a terminal one line is written over");
    free(text);
}

static bool at_once(void)
{
    return true;
}

static void ends(void)
{
    static const struct wire_progress failure = {
        .state = WIRE_QUERY_FAILED, .sentence = {(const uint8_t *)"too few \033[2J people", 19}};
    struct query_run run = begin();
    daemon.posted = true;
    daemon.states = &failure;
    daemon.state_count = 1;
    CHECK(query_run_wait(&run, &f.id, &diag) == -ECANCELED &&
              strstr(diag.text, "too few") != NULL && strchr(diag.text, '\033') == NULL,
          "a query that fails says why, and moves no terminal: %s", diag.text);
    run = begin();
    daemon.posted = true;
    run.stopped = at_once;
    CHECK(query_run_wait(&run, &f.id, &diag) == -EINTR && daemon.polls == 1,
          "waiting can be stopped");
    run = begin();
    CHECK(query_run_wait(&run, &f.id, &diag) == -EREMOTEIO, "what nobody knows ends it");
}

/* ---- fetching -------------------------------------------------------------------------------- */

static int fetch(struct query_run *run, const struct query_key *log_key)
{
    struct query_fetched fetched;
    diag.text[0] = '\0';
    int err = query_run_fetch(run, &f.id, log_key, FORGED_TIME, &fetched, &diag);
    if (err == 0) {
        REQUIRE(fetched.checked->receipt.values[0] == f.receipt.values[0] &&
                fetched.checked->newest.tree.size == 6 && fetched.result.has_log_key &&
                fetched.result.time == FORGED_TIME);
    }
    query_fetched_done(&fetched);
    return err;
}

static void fetching(void)
{
    struct query_run run = begin();
    CHECK(fetch(&run, &f.log.key) == 0, "an outcome is fetched, and the log's growth %s",
          diag.text);
    daemon.growing = 3;
    CHECK(fetch(&run, &f.log.key) == 0 && daemon.growing == 0,
          "a log that grows meanwhile is asked again %s", diag.text);
    daemon.growing = 100;
    CHECK(fetch(&run, &f.log.key) == -EAGAIN, "but not for ever: %s", diag.text);
    daemon.growing = 0;
    daemon.outcome = (struct bytes){0};
    CHECK(fetch(&run, &f.log.key) == -ENOENT, "there may be none yet");
}

static void lies(void)
{
    static uint8_t other[RESULT_FILE_MAX];
    struct query_run run = begin();
    daemon.outcome = BYTES_STR("nonsense");
    CHECK(fetch(&run, &f.log.key) == -EACCES, "answers nonsense: %s", diag.text);
    run = begin();
    daemon.outcome = BYTES(file, sizeof file);
    CHECK(fetch(&run, &f.log.key) == -EACCES, "answers something huge: %s", diag.text);
    run = begin();
    struct result mine = honest;
    struct writer w = writer_of(other, sizeof other);
    REQUIRE(result_write(&mine, &w, NULL) == 0);
    daemon.outcome = BYTES(other, w.size);
    CHECK(fetch(&run, &f.log.key) == -EACCES, "brings a log's key along: %s", diag.text);
    run = begin();
    CHECK(fetch(&run, &f.other.key) == -EACCES && strncmp(diag.text, "head", 4) == 0,
          "has another log than is known: %s", diag.text);
    run = begin();
    f.id.data[0] ^= 1;
    CHECK(fetch(&run, &f.log.key) == -EACCES && strncmp(diag.text, "document", 8) == 0,
          "answers another query: %s", diag.text);
    run = begin();
    daemon.begun = honest.extends;
    CHECK(fetch(&run, &f.log.key) == -EACCES && strncmp(diag.text, "growth", 6) == 0,
          "cannot show that the aggregator saw this log: %s", diag.text);
    run = begin();
    daemon.extends = (struct bytes){0};
    CHECK(fetch(&run, &f.log.key) == -EACCES && strncmp(diag.text, "growth", 6) == 0,
          "leaves out a proof: %s", diag.text);
}

static void programs(void)
{
    static struct wire_programs offered = {.programs_count = 4};
    struct query_run run = begin();
    struct query_key key;
    char *text = NULL;
    size_t size = 0;
    offered.programs[0] = (struct wire_program){
        .name = BYTES_STR("agg\033[2J"), .role = QUERY_ROLE_AGGREGATOR, .log_index = 7};
    offered.programs[1] = (struct wire_program){.name = BYTES_STR("w"), .role = QUERY_ROLE_WORKER};
    offered.programs[2] =
        (struct wire_program){.name = BYTES_STR("c"), .role = QUERY_ROLE_CUSTODIAN};
    offered.programs[3] = (struct wire_program){
        .name = BYTES_STR("second"), .role = QUERY_ROLE_WORKER, .configid = {0xbb}};
    memcpy(offered.log_key, f.log.key.point, sizeof offered.log_key);
    daemon.programs = &offered;
    FILE *out = open_memstream(&text, &size);
    REQUIRE(out != NULL);
    int err = query_run_programs(&run, out, &diag);
    fclose(out);
    CHECK(err == 0 && strstr(text, "aggregators:\n  - {mrenclave: 00") != NULL &&
              strstr(text, "leaf 7 of the log") != NULL && strstr(text, "custodians:\n") != NULL &&
              strstr(text, "workers:\n") != NULL && strchr(text, '\033') == NULL,
          "programs are lists for a query, and move no terminal");
    const char *worker = strstr(text, "workers:\n  - {mrenclave: 00");
    CHECK(worker != NULL &&
              strstr(worker + 20, "  - {mrenclave") > strstr(text, "aggregators:\n") &&
              strstr(worker, "    # bundle: bb00") != NULL &&
              strstr(worker, ", second, leaf") != NULL,
          "two scripts of one runtime are one worker: no list names a thing twice");
    free(text);
    CHECK(query_run_log_key(&run, &key, &diag) == 0 && memcmp(&key, &f.log.key, sizeof key) == 0,
          "the daemon's word of the log's key is taken where there is no other");
    memcpy(offered.programs[0].mrenclave, f.spec.body.mrenclave, 32);
    memcpy(offered.programs[0].configid, f.doc.aggregators[0].configid, 64);
    memset(offered.programs[1].mrenclave, 0xe2, 32);
    memset(offered.programs[1].configid, 0xb0, 64);
    memset(offered.programs[2].mrenclave, 0xc1, 32);
    memset(offered.programs[2].configid, 0xc2, 64);
    out = open_memstream(&text, &size);
    REQUIRE(out != NULL);
    CHECK(query_run_compare(&run, &f.doc, out, &diag) == 0, "it offers what the query names %s",
          diag.text);
    offered.programs[1].configid[0] ^= 1;
    CHECK(query_run_compare(&run, &f.doc, out, &diag) == -ENOENT,
          "another script is another program: %s", diag.text);
    fclose(out);
    CHECK(strstr(text, "offers NO worker that the query names\n") != NULL, "and which is told");
    free(text);
    offered.log_key[0] = 9;
    CHECK(query_run_log_key(&run, &key, &diag) == -EPROTO, "if it is a key");
}

int main(void)
{
    asking();
    ends();
    fetching();
    lies();
    programs();
    return tap_done();
}
