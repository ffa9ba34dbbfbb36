/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon is killed at moments that a seed decides, while people enrol, delete, send messages
 * and a query runs; each time it starts again, and what it had answered before is still so. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "event.h"
#include "http.h"
#include "test_services.h"
#include "test_world.h"
#include "tests/scratch.h"
#include "tests/tap.h"

#define ROUNDS       40u
#define ROUNDS_LEAST 8u /* on a slow machine, or with sanitizers */
#define LONG_ENOUGH  25000
#define QUERIES      250
#define ANSWER_MAX   65536
#define AT_LEAST_MS  20u
#define AT_MOST_MS   4000u /* at most; twice as long as the first release takes */

static uint32_t seed = 20261122;
static char socket_path[PATH_MAX];
static uint8_t answer[ANSWER_MAX];
static struct bytes body; /* of the last answer */

/* What was answered. */
static bool enrolled[WORLD_PEOPLE];
static struct {
    struct query_hash id;
    uint8_t nonce;
    size_t outcome_size; /* 0: none was seen */
    uint8_t outcome[4096];
} taken[QUERIES];
static size_t taken_count;
static struct query_log_head held;
static struct query_key log_key;
static unsigned lost, heads, outcomes;

static uint32_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed;
}

/* ---- the daemon, and its end ----------------------------------------------------------------- */

static pid_t start_daemon(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        struct http *http;
        struct diag d = {""};
        int port;
        world_start();
        if (http_open(&g, socket_path, -1, &http, &port, &d) != 0) {
            printf("# %s\n", d.text);
            _exit(1);
        }
        for (;;) {
            pause();
        }
    }
    return pid;
}

static pid_t kill_later(pid_t daemon, unsigned ms)
{
    pid_t pid = fork();
    if (pid == 0) {
        usleep(ms * 1000);
        kill(daemon, SIGKILL);
        _exit(0);
    }
    return pid;
}

/* ---- requests over the socket ---------------------------------------------------------------- */

static int dial(void)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    base_format(at.sun_path, sizeof at.sun_path, "%s", socket_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(fd >= 0);
    if (connect(fd, (const struct sockaddr *)&at, sizeof at) == 0) {
        return fd;
    }
    close(fd);
    return -1;
}

/* The status; 0 when the daemon died before it had answered. */
static unsigned read_answer(int fd)
{
    size_t n = 0;
    for (ssize_t got = 1; got > 0 && n<sizeof answer - 1; n += got> 0 ? (size_t)got : 0) {
        got = read(fd, answer + n, sizeof answer - 1 - n);
    }
    answer[n] = '\0';
    const char *text = (const char *)answer, *end = strstr(text, "\r\n\r\n");
    const char *length = strstr(text, "Content-Length: ");
    if (end == NULL || strncmp(text, "HTTP/1.1 ", 9) != 0) {
        return 0;
    }
    size_t size = length != NULL && length < end ? strtoul(length + 16, NULL, 10) : 0;
    body = BYTES(end + 4, n - (size_t)(end + 4 - text));
    return body.size == size ? (unsigned)strtoul(text + 9, NULL, 10) : 0;
}

static unsigned request(const struct query_secret_key *key, const char *method, const char *target,
                        struct bytes content)
{
    char head[2048];
    size_t n = base_format(head, sizeof head, "%s %s HTTP/1.1", method, target);
    n = (size_t)snprintf(
        head, sizeof head,
        "%s %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %zu\r\n", method, target,
        content.size);
    if (key != NULL) {
        struct signed_headers h;
        sign_request(key, method, target, content, 0, &h);
        n += (size_t)snprintf(head + n, sizeof head - n,
                              REQUEST_KEY ": %s\r\n" REQUEST_TIME ": %s\r\n" REQUEST_SIGNATURE
                                          ": %s\r\n",
                              h.key, h.time, h.signature);
    }
    n += (size_t)snprintf(head + n, sizeof head - n, "\r\n");
    int fd = dial();
    if (fd < 0) {
        return 0;
    }
    bool sent = send(fd, head, n, MSG_NOSIGNAL) == (ssize_t)n &&
                (content.size == 0 ||
                 send(fd, content.data, content.size, MSG_NOSIGNAL) == (ssize_t)content.size);
    unsigned status = sent ? read_answer(fd) : 0;
    close(fd);
    return status;
}

/* ---- what people do -------------------------------------------------------------------------- */

/* False: the daemon is gone. */
static bool enrol(size_t i)
{
    unsigned status = request(&owners[i], "POST", "/v1/custodians", enrol_body(&owners[i]));
    if (status == 0) {
        return false;
    }
    lost += status != 200 && status != 201;
    lost += enrolled[i] && status != 200;
    enrolled[i] = true;
    return true;
}

static bool open_custodian(size_t i)
{
    unsigned status = request(&owners[i], "POST", path_of(&owners[i], "/attest"),
                              BYTES_STR("a nonce of so many bytes"));
    status = status != 200 ? status
                           : request(&owners[i], "POST", path_of(&owners[i], "/messages?head=0"),
                                     BYTES_STR("open"));
    lost += status != 200 && status != 0 && status < 500 && status != 409;
    return status != 0;
}

static bool delete_custodian(size_t i)
{
    unsigned status = request(&owners[i], "DELETE", path_of(&owners[i], ""), BYTES(NULL, 0));
    /* Without an answer it may be there or not, and either is right. */
    enrolled[i] = false;
    lost += status != 204 && status != 0;
    return status != 0;
}

static bool follow(void)
{
    struct wire_log_head h;
    enum query_log_reason reason;
    char path[64];
    base_format(path, sizeof path, "/v1/log/head?from=%llu", (unsigned long long)held.tree.size);
    unsigned status = request(NULL, "GET", path, BYTES(NULL, 0));
    if (status == 0) {
        return false;
    }
    bool good = status == 200 && wire_read_log_head(body, &h, NULL) == 0 &&
                query_log_advance(&held, &log_key, h.head, h.proof, &reason, NULL) == 0;
    lost += !good;
    heads++;
    return true;
}

static bool ask(void)
{
    if (taken_count == QUERIES) {
        return true;
    }
    uint8_t nonce = (uint8_t)(taken_count + 1);
    unsigned status = request(&analyst, "POST", "/v1/queries", make_document(nonce, 60, 2, 10));
    if (status == 0) {
        return false;
    }
    lost += status != 202;
    taken[taken_count].id = query_id;
    taken[taken_count++].nonce = nonce;
    return true;
}

/* What was taken is known; what was released stays as it was. */
static bool look_at(size_t i)
{
    struct wire_progress p;
    query_id = taken[i].id;
    unsigned status = request(&analyst, "GET", query_path(""), BYTES(NULL, 0));
    if (status == 0) {
        return false;
    }
    bool known = status == 200 && wire_read_progress(body, &p, NULL) == 0;
    lost += !known;
    if (!known || (p.state != WIRE_QUERY_RELEASED && taken[i].outcome_size == 0)) {
        return true;
    }
    status = request(NULL, "GET", query_path("/outcome"), BYTES(NULL, 0));
    if (status == 0) {
        return false;
    }
    REQUIRE(body.size <= sizeof taken[i].outcome);
    if (taken[i].outcome_size == 0) {
        lost += status != 200;
        memcpy(taken[i].outcome, body.data, body.size);
        taken[i].outcome_size = body.size;
        outcomes++;
    }
    lost += !bytes_equal(body, BYTES(taken[i].outcome, taken[i].outcome_size));
    return true;
}

static bool all_is_there(void)
{
    bool alive = follow();
    for (size_t i = 0; i < WORLD_PEOPLE && alive; i++) {
        alive = enrol(i);
    }
    for (size_t i = taken_count > 8 ? taken_count - 8 : 0; i < taken_count && alive; i++) {
        alive = look_at(i);
    }
    return alive;
}

static bool begin_life(void)
{
    bool alive = all_is_there();
    for (size_t i = 0; i < WORLD_PEOPLE && alive; i++) {
        alive = open_custodian(i);
    }
    return alive && ask();
}

/* Until the daemon is gone. */
static void live(void)
{
    bool alive = begin_life();
    while (alive) {
        uint32_t what = next_random() % 32;
        size_t who = next_random() % WORLD_PEOPLE;
        if (what == 0) {
            alive = delete_custodian(who) && enrol(who) && open_custodian(who);
        } else if (what == 1) {
            alive = ask();
        } else if (what < 8) {
            alive = follow();
        } else if (what < 24 && taken_count > 0) {
            alive = look_at(taken_count - 1);
        } else {
            alive = open_custodian(who);
        }
        usleep(2000);
    }
}

static void wait_for(pid_t pid)
{
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
}

static void wait_until_up(void)
{
    for (int i = 0; i < 2000; i++) {
        int fd = dial();
        if (fd >= 0) {
            close(fd);
            return;
        }
        usleep(5000);
    }
}

static void learn_log_key(void)
{
    struct wire_programs *p = calloc(1, sizeof *p);
    REQUIRE(p != NULL && request(NULL, "GET", "/v1/programs", BYTES(NULL, 0)) == 200);
    REQUIRE(wire_read_programs(body, p, NULL) == 0);
    REQUIRE(query_key_read(BYTES_OF(p->log_key), &log_key) == 0);
    held.tree = query_log_empty();
    REQUIRE(query_key_id(&log_key, &held.log) == 0);
    free(p);
}

/* Undisturbed until a query is released: what there is to lose. Returns twice the time that it
 * took. */
static unsigned first_life(void)
{
    pid_t daemon = start_daemon();
    wait_until_up();
    learn_log_key();
    int64_t start = now_ms();
    REQUIRE(begin_life());
    while (outcomes == 0 && now_ms() - start < 30000) {
        REQUIRE(look_at(0));
        usleep(5000);
    }
    int64_t took = 2 * (now_ms() - start);
    kill(daemon, SIGKILL);
    wait_for(daemon);
    return took < AT_MOST_MS ? (unsigned)took : AT_MOST_MS;
}

int main(int argc, char **argv)
{
    int r = fake_service(argc, argv);
    if (r >= 0) {
        return r;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    world_make();
    base_format(socket_path, sizeof socket_path, "%s/socket", state);
    unsigned long first = seed;
    unsigned most = first_life(), round = 0;
    for (int64_t start = now_ms();
         round < ROUNDS && (round < ROUNDS_LEAST || now_ms() - start < LONG_ENOUGH); round++) {
        pid_t daemon = start_daemon();
        wait_until_up();
        pid_t killer = kill_later(daemon, AT_LEAST_MS + next_random() % most);
        live();
        wait_for(killer);
        wait_for(daemon);
    }
    pid_t daemon = start_daemon();
    wait_until_up();
    bool alive = all_is_there();
    for (size_t i = 0; i < taken_count && alive; i++) {
        alive = look_at(i);
    }
    CHECK(alive, "killed %u times, the daemon starts again (seed %lu)", round, first);
    CHECK(lost == 0, "nothing that it had answered is lost: people, queries, outcomes, heads");
    CHECK(heads >= ROUNDS_LEAST && taken_count >= 2 && outcomes >= 1,
          "%u heads extended each other, %zu queries were taken, %u released", heads, taken_count,
          outcomes);
    kill(daemon, SIGKILL);
    wait_for(daemon);
    scratch_remove(state);
    return tap_done();
}
