/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's parts together, with services that speak frames (test_services.h): who may do what,
 * what is carried, what survives an end, and queries from the first leaf to the release. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "asking.h"
#include "base/cbor.h"
#include "custodian.h"
#include "event.h"
#include "http.h"
#include "test_services.h"
#include "test_world.h"
#include "tests/scratch.h"
#include "tests/tap.h"

/* ---- requests -------------------------------------------------------------------------------- */

static struct reply last;

static struct wire_refused last_refusal(void)
{
    struct wire_refused r = {.code = WIRE_CODE_OK};
    ignore_result(wire_read_refused(last.body, &r, NULL), "then it says ok, which no refusal does");
    return r;
}

static bool body_is(const char *text)
{
    return bytes_equal_str(last.body, text);
}

/* Signed by the key; NULL: not signed. off: seconds that its clock is off. */
static unsigned request(const struct query_secret_key *key, const char *method, const char *target,
                        struct bytes body, int off)
{
    struct signed_headers h;
    struct call call = {.method = method, .target = target, .body = body};
    free((void *)(uintptr_t)last.body.data);
    if (key != NULL) {
        sign_request(key, method, target, body, off, &h);
        call.key = h.key;
        call.time = h.time;
        call.signature = h.signature;
    }
    reply_make(&g, &call, &last);
    return last.status;
}

static unsigned enrol(const struct query_secret_key *key, const struct query_secret_key *owner)
{
    return request(key, "POST", "/v1/custodians", enrol_body(owner), 0);
}

static unsigned attest(const struct query_secret_key *owner)
{
    return request(owner, "POST", path_of(owner, "/attest"), BYTES_STR("a nonce of so many bytes"),
                   0);
}

static unsigned tell(const struct query_secret_key *owner, const char *text)
{
    return request(owner, "POST", path_of(owner, "/messages?head=1"), BYTES(text, strlen(text)), 0);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static struct wire_log_head head_from(uint64_t from)
{
    char path[64];
    struct wire_log_head h = {0};
    base_format(path, sizeof path, "/v1/log/head?from=%llu", (unsigned long long)from);
    REQUIRE(request(NULL, "GET", path, BYTES(NULL, 0), 0) == 200);
    REQUIRE(wire_read_log_head(last.body, &h, NULL) == 0);
    return h;
}

/* Who follows the log: true when the newest head extends what is held. */
static struct query_log_head followed;
static bool follow(void)
{
    enum query_log_reason reason;
    if (followed.tree.size == 0) {
        followed.tree = query_log_empty();
        REQUIRE(query_key_id(logbook_key(g.log), &followed.log) == 0);
    }
    struct wire_log_head h = head_from(followed.tree.size);
    return query_log_advance(&followed, logbook_key(g.log), h.head, h.proof, &reason, NULL) == 0;
}

static void the_log(void)
{
    struct query_log_leaf leaf;
    struct query_hash hash;
    struct query_log_proof proof;
    struct wire_log_entry entry = {0};
    char hex[65], path[160];
    CHECK(follow() && followed.tree.size == 4, "the log begins with the programs' identities");
    CHECK(request(NULL, "GET", "/v1/log/leaves?from=1", BYTES(NULL, 0), 0) == 200,
          "leaves are there for who audits");
    struct cbor_reader r = cbor_reader_of(last.body);
    struct bytes first = cbor_bytes(&r, 1, QUERY_LOG_LEAF_MAX);
    CHECK(query_log_leaf_decode(first, &leaf, NULL) == 0 && bytes_equal_str(leaf.name, "keeper-2"),
          "… from the one that was asked for");
    REQUIRE(query_log_leaf_hash(first, &hash) == 0);
    hex_encode(hex, hash.data, 32);
    base_format(path, sizeof path, "/v1/log/entry?leaf=%s&size=3", hex);
    CHECK(request(NULL, "GET", path, BYTES(NULL, 0), 0) == 200 &&
              wire_read_log_entry(last.body, &entry, NULL) == 0 && entry.index == 1,
          "a leaf is found by its hash");
    struct query_log_tree tree;
    struct query_hash hashes[3];
    CHECK(request(NULL, "GET", "/v1/log/leaves", BYTES(NULL, 0), 0) == 200, "all leaves come");
    r = cbor_reader_of(last.body);
    for (size_t i = 0; i < 3; i++) {
        REQUIRE(query_log_leaf_hash(cbor_bytes(&r, 1, QUERY_LOG_LEAF_MAX), &hashes[i]) == 0);
    }
    REQUIRE(query_log_tree_of(hashes, 3, &tree) == 0);
    struct call call = {.method = "GET", .target = path};
    struct reply again;
    reply_make(&g, &call, &again);
    REQUIRE(wire_read_log_entry(again.body, &entry, NULL) == 0);
    CHECK(query_log_proof_decode(entry.proof, &proof) == 0 &&
              query_log_check_inclusion(&tree, 1, &hash, &proof) == 0,
          "… with its proof in the tree of that size");
    free((void *)(uintptr_t)again.body.data);
    CHECK(request(NULL, "GET", "/v1/log/head?from=99", BYTES(NULL, 0), 0) == 400,
          "nothing extends a larger tree");
    CHECK(request(NULL, "GET", "/v1/log/head?from=-1", BYTES(NULL, 0), 0) == 400, "-1 is no size");
    path[strlen(path) - 1] = '1';
    CHECK(request(NULL, "GET", path, BYTES(NULL, 0), 0) == 404,
          "a leaf that came later is not in an earlier tree");
    struct wire_programs *p = calloc(1, sizeof *p);
    CHECK(request(NULL, "GET", "/v1/programs", BYTES(NULL, 0), 0) == 200 &&
              wire_read_programs(last.body, p, NULL) == 0 && p->programs_count == 4 &&
              p->programs[3].log_index == 3,
          "programs are listed with their places in the log");
    free(p);
}

static void who_may(void)
{
    struct query_secret_key *a = &owners[0], *b = &owners[1];
    CHECK(enrol(NULL, a) == 401, "who does not sign enrols nobody");
    CHECK(enrol(b, a) == 403, "nor does who signs for somebody else");
    CHECK(attest(a) == 404, "who is not enrolled has no custodian");
    CHECK(enrol(a, a) == 201 && enrol(a, a) == 200, "the owner does, twice is once");
    char path[256];
    base_format(path, sizeof path, "%s", path_of(a, "/stop"));
    CHECK(request(b, "POST", path, BYTES(NULL, 0), 0) == 403, "nobody else stops it");
    CHECK(last_refusal().code == WIRE_CODE_NOT_OWNER, "… and is told why");
    base_format(path, sizeof path, "%s", path_of(a, ""));
    CHECK(request(b, "DELETE", path, BYTES(NULL, 0), 0) == 403, "nobody else deletes it");
    base_format(path, sizeof path, "%s", path_of(a, "/messages?head=0"));
    CHECK(request(b, "POST", path, BYTES_STR("x"), 0) == 403, "nobody else sends it messages");
    CHECK(request(a, "POST", path_of(a, "/stop"), BYTES(NULL, 0), -301) == 401,
          "a request of five minutes ago is refused");
    CHECK(request(a, "POST", path_of(a, "/stop"), BYTES(NULL, 0), 310) == 401,
          "so is one of the future");
    CHECK(request(a, "POST", path_of(a, "/stop"), BYTES(NULL, 0), -200) == 204,
          "a clock may be some minutes off");
    CHECK(request(a, "PATCH", path_of(a, "/stop"), BYTES(NULL, 0), 0) == 405,
          "another method is refused");
    CHECK(request(a, "POST", path_of(a, "/stop/"), BYTES(NULL, 0), 0) == 404, "so is another path");
    CHECK(request(a, "POST", path_of(a, "/stop"), BYTES_STR("x"), 0) == 413,
          "and a body where there is none");
}

/* A copy of a request, with the same signature or with its other spelling, does nothing. */
static void replays(void)
{
    static const uint8_t order[32] = {0xff, 0xff, 0xff, 0xff, 0,    0,    0,    0,
                                      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                      0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84,
                                      0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};
    struct query_secret_key *a = &owners[0];
    const struct query_signer signer = {query_sign_with, a};
    char point[2 * QUERY_KEY_SIZE + 1], time[24], s[2 * QUERY_SIGNATURE_SIZE + 1], target[256];
    uint8_t signature[QUERY_SIGNATURE_SIZE];
    base_format(target, sizeof target, "%s", path_of(a, "/stop"));
    struct request q = {"POST", target, now_s(), {NULL, 0}};
    REQUIRE(request_sign(&q, &signer, signature, NULL) == 0);
    hex_encode(point, a->key.point, QUERY_KEY_SIZE);
    base_format(time, sizeof time, "%llu", (unsigned long long)q.time);
    unsigned status[3];
    for (int i = 0; i < 3; i++) {
        struct reply r;
        if (i == 2) { /* n - s */
            int borrow = 0;
            for (int k = 31; k >= 0; k--) {
                int v = order[k] - signature[32 + k] - borrow;
                borrow = v < 0;
                signature[32 + k] = (uint8_t)v;
            }
            REQUIRE(request_check(&q, &a->key, signature, NULL) == 0);
        }
        hex_encode(s, signature, sizeof signature);
        struct call call = {"POST", target, {NULL, 0}, point, time, s};
        reply_make(&g, &call, &r);
        status[i] = r.status;
        free((void *)(uintptr_t)r.body.data);
    }
    CHECK(status[0] == 204 && status[1] == 401, "a copy of a request is refused");
    CHECK(status[2] == 401, "so is one with the signature's other spelling");
    world_stop();
    world_start();
    struct reply r;
    struct call call = {"POST", target, {NULL, 0}, point, time, s};
    reply_make(&g, &call, &r);
    CHECK(r.status == 401, "after a restart, too");
    free((void *)(uintptr_t)r.body.data);
}

static void custodians(void)
{
    struct query_secret_key *a = &owners[0];
    CHECK(tell(a, "open") == 409 && last_refusal().code == WIRE_CODE_STATE,
          "a custodian that does not run takes no messages");
    CHECK(attest(a) == 200 && body_is("a nonce of so many bytes"), "attesting starts it");
    CHECK(request(a, "POST", path_of(a, "/attest"), BYTES_STR("short"), 0) == 400,
          "a nonce has at least 16 bytes");
    CHECK(tell(a, "hello") == 200 && body_is("heard: hello, 5 bytes, proof no"),
          "a message arrives, and its answer");
    CHECK(tell(a, "open") == 200 && tell(a, "again") == 200 &&
              body_is("heard: again, 5 bytes, proof yes"),
          "one that is open gets the newest head first, and the phone's proof");
    size_t size = 3 * 65536;
    char *large = malloc(size + 1), want[64];
    memset(large, 'x', size);
    large[size] = '\0';
    base_format(want, sizeof want, ", %zu bytes, proof yes", size);
    CHECK(tell(a, large) == 200 && last.body.size > 30 &&
              memmem(last.body.data, last.body.size, want, strlen(want)) != NULL,
          "one of exactly three frames arrives whole");
    free(large);
    CHECK(tell(a, "refuse") == 409 && last_refusal().code == WIRE_CODE_MESSAGE,
          "its refusal is carried");
    CHECK(tell(a, "crash") == 409, "one that crashes does not answer");
    CHECK(tell(a, "x") == 409, "nor afterwards");
    CHECK(attest(a) == 200, "attesting starts it again");
    CHECK(tell(a, "open") == 200 && tell(a, "again") == 200 &&
              body_is("heard: again, 5 bytes, proof yes"),
          "… and it gets heads from the one on that it holds");
    CHECK(tell(a, "other-log") == 200 && tell(a, "hello") == 200 &&
              body_is("heard: hello, 5 bytes, proof no"),
          "one that follows another log hears its owner nevertheless");
    CHECK(tell(a, "this-log") == 200 && tell(a, "again") == 200 &&
              body_is("heard: again, 5 bytes, proof yes"),
          "… who can bring it back");
    CHECK(tell(a, "nonsense") == 409 && attest(a) == 200, "one that talks nonsense is given up");
    CHECK(request(a, "POST", path_of(a, "/move?program=nobody"), BYTES(NULL, 0), 0) == 400,
          "it does not move to a program that is not there");
    CHECK(request(a, "POST", path_of(a, "/move?program=keeper-2"), BYTES(NULL, 0), 0) == 204 &&
              tell(a, "x") == 409 && attest(a) == 200,
          "it moves to another program, stopped first");
}

static bool volume_there(const struct query_secret_key *owner)
{
    char path[PATH_MAX];
    base_format(path, sizeof path, "%s/volumes/%s", state, path_of(owner, "") + 15);
    return access(path, F_OK) == 0;
}

static void deleting(void)
{
    struct query_secret_key *d = &owners[3];
    REQUIRE(enrol(d, d) == 201 && attest(d) == 200 && tell(d, "open") == 200 &&
            tell(d, "x") == 200);
    CHECK(volume_there(d), "a custodian has a volume");
    CHECK(tell(d, "delete") == 200 && !volume_there(d), "when it deleted all, the volume goes");
    CHECK(attest(d) == 200 && tell(d, "open") == 200 && tell(d, "x") == 200 && volume_there(d),
          "and there may be a new one");
    CHECK(request(d, "DELETE", path_of(d, ""), BYTES(NULL, 0), 0) == 204 && !volume_there(d),
          "the owner deletes the custodian and its volume");
    CHECK(attest(d) == 404, "then there is none");
    CHECK(enrol(d, d) == 201 && attest(d) == 200, "and may be one again");
}

/* Milliseconds are not counted on: until the condition holds, or ten seconds. */
#define WAIT_FOR(condition)                                                                        \
    for (int waited_ = 0; waited_ < 1000 && !(condition); waited_++) {                             \
        usleep(10000);                                                                             \
    }

/* ---- queries --------------------------------------------------------------------------------- */

static struct wire_progress progress(void)
{
    struct wire_progress p = {0};
    REQUIRE(request(&analyst, "GET", query_path(""), BYTES(NULL, 0), 0) == 200);
    REQUIRE(wire_read_progress(last.body, &p, NULL) == 0);
    return p;
}

static bool is_over(void)
{
    struct wire_progress p = progress();
    return p.state == WIRE_QUERY_RELEASED || p.state == WIRE_QUERY_FAILED;
}

static unsigned post(struct bytes doc)
{
    return request(&analyst, "POST", "/v1/queries", doc, 0);
}

static void outcome_of(unsigned counted)
{
    struct wire_outcome o = {0};
    struct query_log_leaf leaf = {.kind = QUERY_LOG_RELEASE, .query = query_id};
    struct query_log_proof proof;
    struct query_hash hash;
    char receipt[64];
    uint8_t bytes[QUERY_LOG_LEAF_MAX];
    struct writer w = writer_of(bytes, sizeof bytes);
    base_format(receipt, sizeof receipt, "receipt of %u", counted);
    CHECK(request(NULL, "GET", query_path("/outcome"), BYTES(NULL, 0), 0) == 200 &&
              wire_read_outcome(last.body, &o, NULL) == 0 &&
              memmem(o.receipt.data, o.receipt.size, receipt, strlen(receipt)) != NULL,
          "the outcome has the aggregator's receipt of %u", counted);
    struct query_log_head head = {.tree = query_log_empty()};
    enum query_log_reason reason;
    static const uint8_t empty[] = {0x80};
    REQUIRE(query_key_id(logbook_key(g.log), &head.log) == 0);
    CHECK(query_log_advance(&head, logbook_key(g.log), o.head, BYTES_OF(empty), &reason, NULL) == 0,
          "… a head of the log");
    REQUIRE(query_hash_of(BYTES(receipt, strlen(receipt)), &leaf.receipt) == 0);
    REQUIRE(query_log_leaf_encode(&leaf, &w, NULL) == 0);
    REQUIRE(query_log_leaf_hash(BYTES(w.data, w.size), &hash) == 0);
    CHECK(query_log_proof_decode(o.release_proof, &proof) == 0 &&
              query_log_check_inclusion(&head.tree, o.release_index, &hash, &proof) == 0,
          "… and the proof that the release is in it");
    leaf = (struct query_log_leaf){.kind = QUERY_LOG_QUERY, .query = query_id};
    REQUIRE(query_key_id(&analyst.key, &leaf.analyst) == 0);
    w = writer_of(bytes, sizeof bytes);
    REQUIRE(query_log_leaf_encode(&leaf, &w, NULL) == 0);
    REQUIRE(query_log_leaf_hash(BYTES(w.data, w.size), &hash) == 0);
    CHECK(query_log_proof_decode(o.query_proof, &proof) == 0 &&
              query_log_check_inclusion(&head.tree, o.query_index, &hash, &proof) == 0,
          "… as is the query");
}

static void open_all(void)
{
    for (size_t i = 0; i < WORLD_PEOPLE; i++) {
        unsigned status = enrol(&owners[i], &owners[i]);
        REQUIRE(status == 200 || status == 201);
        REQUIRE(attest(&owners[i]) == 200 && tell(&owners[i], "open") == 200);
    }
}

static void queries(void)
{
    open_all();
    struct bytes doc = make_document(1, 30, 2, 10);
    CHECK(request(&stranger, "POST", "/v1/queries", doc, 0) == 403,
          "a document is taken from its analyst alone");
    CHECK(request(&analyst, "POST", "/v1/queries", BYTES_STR("?"), 0) == 400,
          "what is no document is refused");
    REQUIRE(tell(&owners[1], "decline") == 200 && tell(&owners[2], "day") == 200);
    doc = make_document(1, 30, 2, 10);
    CHECK(post(doc) == 202, "a query is taken");
    CHECK(post(doc) == 202, "taken twice is once");
    CHECK(request(NULL, "GET", query_path("/outcome"), BYTES(NULL, 0), 0) == 404,
          "before the release there is no outcome");
    CHECK(request(&stranger, "GET", query_path(""), BYTES(NULL, 0), 0) == 403,
          "how far it is, is for its analyst");
    CHECK(request(NULL, "GET", query_path("/document"), BYTES(NULL, 0), 0) == 200 &&
              bytes_equal(last.body, doc),
          "the document is for everybody");
    WAIT_FOR(is_over());
    struct wire_progress p = progress();
    CHECK(p.state == WIRE_QUERY_RELEASED && p.invited == 4 && p.accepted == 3 && p.declined == 1 &&
              p.answered == 3 && p.late == 0,
          "four are invited, one declines, three answer (%lu, %lu, %lu, %lu in state %lu)",
          (unsigned long)p.invited, (unsigned long)p.accepted, (unsigned long)p.declined,
          (unsigned long)p.answered, (unsigned long)p.state);
    outcome_of(3);
    CHECK(follow() && followed.tree.size == 6,
          "the log has the query and its release, and extends");
}

static void unhappy_queries(void)
{
    REQUIRE(tell(&owners[1], "accept") == 200);
    post(make_document(2, 30, 5, 10));
    WAIT_FOR(is_over());
    CHECK(progress().state == WIRE_QUERY_FAILED,
          "a query that wants more people than there are fails");
    post(make_document(3, 30, 2, 3));
    WAIT_FOR(is_over());
    CHECK(progress().invited == 3 && progress().state == WIRE_QUERY_RELEASED,
          "no more are asked than it says");
    REQUIRE(tell(&owners[0], "crash-on-invite") == 200 && tell(&owners[1], "bad-worker") == 200);
    REQUIRE(tell(&owners[2], "slow-worker") == 200);
    post(make_document(4, 30, 2, 10));
    WAIT_FOR(is_over());
    struct wire_progress p = progress();
    CHECK(p.state == WIRE_QUERY_RELEASED && p.accepted == 3 && p.answered == 3,
          "one that crashes, a worker that dies and one that hangs do not keep the others waiting");
    CHECK(tell(&owners[0], "x") == 409 && attest(&owners[0]) == 200 &&
              tell(&owners[0], "open") == 200,
          "the crashed one is started again when it is attested");
    CHECK(request(&analyst, "POST", "/v1/queries", make_document(5, -1, 2, 10), 0) == 409 &&
              last_refusal().code == WIRE_CODE_LATE,
          "a query whose deadline is past is refused");
    post(make_document(6, 2, 2, 10));
    WAIT_FOR(is_over());
    CHECK(progress().state == WIRE_QUERY_FAILED && progress().invited == 0,
          "without time to answer nobody is asked, and charged, and nothing is released");
}

/* ---- over a socket --------------------------------------------------------------------------- */

/* The status of the answer; 0: none. */
static unsigned over_socket(const char *path, const char *head, size_t body_size)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    char answer[512] = "", block[4096];
    base_format(at.sun_path, sizeof at.sun_path, "%s", path);
    memset(block, 'x', sizeof block);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(fd >= 0 && connect(fd, (const struct sockaddr *)&at, sizeof at) == 0);
    REQUIRE(write(fd, head, strlen(head)) == (ssize_t)strlen(head));
    while (body_size > 0) {
        ssize_t n = write(fd, block, body_size < sizeof block ? body_size : sizeof block);
        if (n <= 0) {
            break; /* it has heard enough */
        }
        body_size -= (size_t)n;
    }
    ignore_result(read(fd, answer, sizeof answer - 1) < 0, "then there is no status in it");
    close(fd);
    return strncmp(answer, "HTTP/1.1 ", 9) == 0 ? (unsigned)strtoul(answer + 9, NULL, 10) : 0;
}

static void sockets(void)
{
    struct http *http, *other;
    struct diag d = {""};
    char path[PATH_MAX];
    int port = 0;
    base_format(path, sizeof path, "%s/socket", state);
    int r = http_open(&g, path, 0, &http, &port, &d);
    CHECK(r == 0 && port > 0, "the daemon answers on a socket and a port %s", d.text);
    CHECK(over_socket(path, "GET /v1/programs HTTP/1.1\r\nHost: a\r\n\r\n", 0) == 200,
          "a request over the socket is answered");
    CHECK(over_socket(path, "GET /v1/%70rograms HTTP/1.1\r\nHost: a\r\n\r\n", 0) == 404,
          "a path is taken as sent, and nothing in it decoded");
    CHECK(over_socket(path, "POST /v1/queries HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n",
                      5) == 401,
          "one that is not signed is refused");
    CHECK(over_socket(path,
                      "POST /v1/queries HTTP/1.1\r\nHost: a\r\nContent-Length: 524289\r\n\r\n",
                      524289) == 413,
          "a document that is too long is refused");
    CHECK(over_socket(path, "POST /v2 HTTP/1.1\r\nHost: a\r\nContent-Length: 50000\r\n\r\n",
                      50000) == 404,
          "a body for nobody is read and thrown away");
    CHECK(over_socket(path, "nonsense\r\n\r\n", 0) != 200,
          "what is no HTTP is not answered with 200");
    CHECK(http_open(&g, path, -1, &other, &port, &d) == -EADDRINUSE,
          "a socket that somebody answers at is left alone");
    http_close(http);
    CHECK(access(path, F_OK) != 0, "the socket is gone with the daemon");
    FILE *f = fopen(path, "we");
    REQUIRE(f != NULL && fclose(f) == 0);
    CHECK(http_open(&g, path, -1, &other, &port, &d) == -EEXIST && access(path, F_OK) == 0,
          "a file that is no socket is left alone");
}

/* ---- ends ------------------------------------------------------------------------------------ */

static void restarts(void)
{
    struct signed_head before, after;
    post(make_document(7, 60, 2, 10));
    REQUIRE(logbook_head(g.log, &before, NULL) == 0);
    world_stop();
    world_start();
    REQUIRE(logbook_head(g.log, &after, NULL) == 0);
    CHECK(after.size == before.size && follow(), "after a restart the log's head is an extension");
    CHECK(progress().state == WIRE_QUERY_FAILED && progress().sentence.size > 0,
          "a query that was under way has failed, and says why");
    CHECK(tell(&owners[0], "x") == 409, "custodians do not run");
    CHECK(attest(&owners[0]) == 200 && tell(&owners[0], "open") == 200 &&
              tell(&owners[0], "x") == 200 && body_is("heard: x, 1 bytes, proof yes"),
          "but are there, and go on from the head that they hold");
    make_document(1, 30, 2, 10);
    query_path("");
    world_stop();
    char path[PATH_MAX];
    base_format(path, sizeof path, "%s/log.key", state);
    REQUIRE(chmod(path, 0644) == 0);
    struct store *store;
    struct logbook *log;
    struct diag d = {""};
    REQUIRE(store_open(state, &store, &d) == 0);
    CHECK(logbook_open(store, state, &log, &d) == -EPERM,
          "a log's key that others can read is refused");
    REQUIRE(unlink(path) == 0);
    CHECK(logbook_open(store, state, &log, &d) == -ENOENT && access(path, F_OK) != 0,
          "a log without its key is refused, and none is made");
    store_close(store);
}

int main(int argc, char **argv)
{
    int r = fake_service(argc, argv);
    if (r >= 0) {
        return r;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    world_make();
    world_start();
    the_log();
    who_may();
    replays();
    custodians();
    deleting();
    sockets();
    queries();
    unhappy_queries();
    restarts();
    free((void *)(uintptr_t)last.body.data);
    scratch_remove(state);
    return tap_done();
}
