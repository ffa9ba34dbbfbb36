/* SPDX-License-Identifier: Apache-2.0 */
/* The client against a server of this test that answers what its path says, over both transports.
 */
#include "net/client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/tap.h"
#include "wire/request.h"

static char seen[65536]; /* the last request, whole */
static size_t seen_size;

static const char *header(const char *name)
{
    static char value[256];
    char *at = strcasestr(seen, name);
    if (at == NULL || sscanf(at + strlen(name), ": %255[^\r]", value) != 1) {
        return "";
    }
    return value;
}

static void read_request(int fd)
{
    size_t want = SIZE_MAX;
    seen_size = 0;
    memset(seen, 0, sizeof seen);
    while (seen_size < want && seen_size < sizeof seen - 1) {
        ssize_t n = read(fd, seen + seen_size, sizeof seen - 1 - seen_size);
        if (n <= 0) {
            return;
        }
        seen_size += (size_t)n;
        char *end = strstr(seen, "\r\n\r\n");
        if (end != NULL && want == SIZE_MAX) {
            want = (size_t)(end + 4 - seen) + strtoul(header("Content-Length"), NULL, 10);
        }
    }
}

static void reply(int fd, unsigned status, struct bytes body, size_t promised)
{
    char head[256];
    int n = snprintf(head, sizeof head,
                     "HTTP/1.1 %u X\r\nContent-Length: %zu\r\nConnection: close\r\n"
                     "Location: /v1/elsewhere\r\n\r\n",
                     status, promised);
    ignore_result(write(fd, head, (size_t)n) < 0, "the client may have gone");
    ignore_result(write(fd, body.data, body.size) < 0, "the same");
}

static void answer(int fd)
{
    uint8_t buffer[256];
    struct writer w = writer_of(buffer, sizeof buffer);
    struct wire_refused refused = {.code = WIRE_CODE_LOCKED, .sentence = BYTES_STR("it sleeps")};
    read_request(fd);
    if (strncmp(seen, "GET /silent", 11) == 0) {
        return;
    }
    if (strstr(seen, "/refused") != NULL) {
        if (wire_write_refused(&refused, &w, NULL) != 0) {
            abort();
        }
        reply(fd, 409, BYTES(buffer, w.size), w.size);
    } else if (strstr(seen, "/page") != NULL) {
        reply(fd, 404, BYTES_STR("<html>"), 6);
    } else if (strstr(seen, "/moved") != NULL) {
        reply(fd, 302, BYTES_STR(""), 0);
    } else if (strstr(seen, "/huge") != NULL) {
        reply(fd, 200, BYTES_STR("x"), CLIENT_ANSWER_MAX + (size_t)1);
    } else if (strstr(seen, "/half") != NULL) {
        reply(fd, 200, BYTES_STR("x"), 100);
    } else if (strstr(seen, "/nothing") != NULL) {
        reply(fd, 204, BYTES_STR(""), 0);
    } else {
        reply(fd, 200, BYTES_STR("good\0bytes"), 10);
    }
}

static void *serve(void *context)
{
    int listener = *(int *)context;
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0) {
            return NULL;
        }
        answer(fd);
        close(fd);
    }
}

static pthread_t threads[2];
static int listeners[2];
static char unix_url[128], tcp_url[128], folder[] = "/tmp/client-test-XXXXXX";

static void start(void)
{
    struct sockaddr_un u = {.sun_family = AF_UNIX};
    struct sockaddr_in t = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof t;
    if (mkdtemp(folder) == NULL) {
        abort();
    }
    snprintf(u.sun_path, sizeof u.sun_path, "%s/s", folder);
    snprintf(unix_url, sizeof unix_url, "unix:%s", u.sun_path);
    listeners[0] = socket(AF_UNIX, SOCK_STREAM, 0);
    listeners[1] = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listeners[0], (struct sockaddr *)&u, sizeof u) != 0 ||
        bind(listeners[1], (struct sockaddr *)&t, sizeof t) != 0 ||
        getsockname(listeners[1], (struct sockaddr *)&t, &size) != 0 ||
        listen(listeners[0], 4) != 0 || listen(listeners[1], 4) != 0) {
        abort();
    }
    snprintf(tcp_url, sizeof tcp_url, "http://127.0.0.1:%u", ntohs(t.sin_port));
    for (size_t i = 0; i < 2; i++) {
        if (pthread_create(&threads[i], NULL, serve, &listeners[i]) != 0) {
            abort();
        }
    }
}

static void stop(void)
{
    for (size_t i = 0; i < 2; i++) {
        shutdown(listeners[i], SHUT_RDWR);
        pthread_join(threads[i], NULL);
        close(listeners[i]);
    }
    unlink(unix_url + strlen("unix:"));
    rmdir(folder);
}

/* Did this key sign the last request, as the daemon would ask? */
static bool signature_good(const struct query_secret_key *key, const char *method, const char *path,
                           struct bytes body)
{
    char values[3][256];
    static const char *const names[] = {REQUEST_KEY, REQUEST_TIME, REQUEST_SIGNATURE};
    struct request request = {.method = method, .target = path, .body = body};
    uint8_t signature[QUERY_SIGNATURE_SIZE];
    struct query_key sender;
    for (size_t i = 0; i < 3; i++) {
        snprintf(values[i], sizeof values[i], "%s", header(names[i]));
    }
    return request_headers_read(values[0], values[1], values[2], &sender, &request.time, signature,
                                NULL) == 0 &&
           memcmp(sender.point, key->key.point, sizeof sender.point) == 0 &&
           request_check(&request, &sender, signature, NULL) == 0;
}

static void test_answers(const char *url, const char *what)
{
    AUTO(client) c = NULL;
    struct diag d = {""};
    struct query_secret_key key;
    uint8_t scalar[32] = {[31] = 7};
    if (query_secret_key_read(BYTES_OF(scalar), &key) != 0 || client_open(url, &c, &d) != 0) {
        abort();
    }
    struct client_signer signer = client_signer_of(&key);
    {
        AUTO_ANSWER a;
        CHECK(client_request(c, "GET", "/v1/programs", BYTES_STR(""), NULL, &a, &d) == 0 &&
                  a.status == 200 && bytes_equal(a.body, BYTES_STR("good\0bytes")),
              "%s: an answer is there byte by byte", what);
        CHECK(strncmp(seen, "GET /v1/programs HTTP/1.1\r\n", 27) == 0 &&
                  header("Alcove-Key")[0] == '\0',
              "%s: the request too, and it is not signed", what);
    }
    {
        AUTO_ANSWER a;
        CHECK(client_request(c, "POST", "/v1/custodians?x=1", BYTES_STR("a\0b"), &signer, &a, &d) ==
                      0 &&
                  seen_size > 3 && memcmp(seen + seen_size - 3, "a\0b", 3) == 0 &&
                  strcmp(header("Content-Type"), "application/cbor") == 0,
              "%s: a body arrives", what);
        CHECK(signature_good(&key, "POST", "/v1/custodians?x=1", BYTES_STR("a\0b")),
              "%s: with the signer's key, a time and a signature", what);
    }
    {
        AUTO_ANSWER a;
        CHECK(client_request(c, "DELETE", "/v1/nothing", BYTES_STR(""), &signer, &a, &d) == 0 &&
                  a.status == 204 && a.body.size == 0 && strncmp(seen, "DELETE ", 7) == 0,
              "%s: an empty answer is one", what);
    }
    {
        AUTO_ANSWER a;
        CHECK(client_request(c, "POST", "/v1/refused?head=1", BYTES_STR(""), NULL, &a, &d) ==
                      -EREMOTEIO &&
                  a.status == 409 && a.code == WIRE_CODE_LOCKED &&
                  strcmp(d.text, "the server refused POST /v1/refused: it sleeps (locked, status "
                                 "409)") == 0,
              "%s: a refusal says what, which and why", what);
    }
    {
        AUTO_ANSWER a;
        CHECK(client_request(c, "GET", "/v1/page", BYTES_STR(""), NULL, &a, &d) == -EREMOTEIO &&
                  a.status == 404 && a.code == WIRE_CODE_OK && strstr(d.text, "404") != NULL,
              "%s: so does one without a record", what);
    }
    {
        AUTO_ANSWER a;
        CHECK(client_request(c, "GET", "/v1/moved", BYTES_STR(""), NULL, &a, &d) == -EREMOTEIO &&
                  a.status == 302,
              "%s: nobody is followed elsewhere", what);
    }
    {
        AUTO_ANSWER a;
        CHECK(client_request(c, "GET", "/v1/half", BYTES_STR(""), NULL, &a, &d) == -EPROTO &&
                  a.body.size == 0,
              "%s: half an answer is none", what);
    }
    {
        AUTO_ANSWER a;
        CHECK(client_request(c, "GET", "/silent", BYTES_STR(""), NULL, &a, &d) == -EPROTO,
              "%s: a connection that ends is no answer", what);
    }
}

static void test_servers(void)
{
    static const char *const good[] = {"unix:/run/a", "unix:a", "http://127.0.0.1:80",
                                       "http://localhost:65535", "http://[::1]:8080"};
    static const char *const bad[] = {"",
                                      "unix:",
                                      "http://127.0.0.1",
                                      "http://127.0.0.1:0",
                                      "http://127.0.0.1:080",
                                      "http://127.0.0.1:65536",
                                      "http://127.0.0.1:80/x",
                                      "http://127.0.0.1:80@evil.example",
                                      "http://example.org:80",
                                      "https://127.0.0.1:80",
                                      "file:///etc/passwd"};
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        CHECK(client_server_valid(good[i]), "%s is a server", good[i]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        AUTO(client) c = NULL;
        struct diag d = {""};
        CHECK(client_open(bad[i], &c, &d) == -EINVAL && d.text[0] != '\0', "'%s' is none", bad[i]);
    }
}

static void test_nobody(void)
{
    AUTO(client) c = NULL;
    AUTO_ANSWER a;
    struct diag d = {""};
    if (client_open("unix:/nowhere/alcoved", &c, &d) != 0) {
        abort();
    }
    CHECK(client_request(c, "GET", "/v1/programs", BYTES_STR(""), NULL, &a, &d) == -ECONNREFUSED &&
              a.status == 0 && strstr(d.text, "is alcoved running?") != NULL,
          "where nobody listens the sentence asks whether alcoved runs");
}

int main(void)
{
    /* Proxies of the environment have no say. */
    setenv("http_proxy", "http://127.0.0.1:9", 1);
    setenv("all_proxy", "http://127.0.0.1:9", 1);
    start();
    test_servers();
    test_nobody();
    test_answers(unix_url, "socket");
    test_answers(tcp_url, "loopback");
    AUTO(client) c = NULL;
    AUTO_ANSWER a;
    struct diag d = {""};
    if (client_open(tcp_url, &c, &d) != 0) {
        abort();
    }
    CHECK(client_request(c, "GET", "/v1/huge", BYTES_STR(""), NULL, &a, &d) == -EPROTO,
          "more than an answer may have is none");
    stop();
    return tap_done();
}
