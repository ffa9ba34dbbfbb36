/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP to alcoved over libcurl, see client.h. Nothing of the environment has a say: no proxies, no
 * .netrc, no redirects, no other protocols. */
#include "net/client.h"
#include "net/late_curl.h"

#include <errno.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "wire/request.h"

#define CONNECT_S 10L
/* A custodian that has to be started first answers after seconds; a stuck one never. */
#define SILENT_S   180L
#define HEADER_MAX 192u
/* Who waits longer than this is told so. */
#define PATIENCE_S 2

struct curl_client {
    struct client client;
    const struct late_curl *lib;
    CURL *curl;
    char server[CLIENT_URL_MAX]; /* as it was given, for sentences */
    char base[CLIENT_URL_MAX];   /* what goes before the path */
    const char *socket;          /* in server; NULL: TCP */
};

struct client_signer client_signer_of(struct query_secret_key *key)
{
    return (struct client_signer){.key = key->key,
                                  .signer = {.sign = query_sign_with, .context = key}};
}

void client_answer_done(struct client_answer *answer)
{
    free(answer->storage);
    *answer = (struct client_answer){0};
}

/* ---- Signatures ------------------------------------------------------------------------------ */

static int add_header(const struct late_curl *lib, struct curl_slist **list, const char *name,
                      const char *value)
{
    char line[HEADER_MAX];
    if (base_format(line, sizeof line, "%s: %s", name, value) >= sizeof line) {
        return -ENOSPC;
    }
    struct curl_slist *longer = lib->slist_append(*list, line);
    if (longer == NULL) {
        return -ENOMEM;
    }
    *list = longer;
    return 0;
}

static int add_signature(const struct late_curl *lib, struct curl_slist **list,
                         const struct request *request, const struct client_signer *signer,
                         struct diag *d)
{
    char key[2 * QUERY_KEY_SIZE + 1], seconds[24], text[2 * QUERY_SIGNATURE_SIZE + 1];
    uint8_t signature[QUERY_SIGNATURE_SIZE];
    int err = request_sign(request, &signer->signer, signature, d);
    if (err != 0) {
        return err;
    }
    base_format(seconds, sizeof seconds, "%llu", (unsigned long long)request->time);
    hex_encode(key, signer->key.point, QUERY_KEY_SIZE);
    hex_encode(text, signature, sizeof signature);
    err = add_header(lib, list, REQUEST_KEY, key);
    err = err != 0 ? err : add_header(lib, list, REQUEST_TIME, seconds);
    err = err != 0 ? err : add_header(lib, list, REQUEST_SIGNATURE, text);
    return err != 0 ? diag_fail(d, err, "no memory for a signature") : 0;
}

/* ---- Answers --------------------------------------------------------------------------------- */

struct sink {
    uint8_t *data;
    size_t size, capacity;
    bool too_long;
};

static size_t receive(char *data, size_t one, size_t count, void *context)
{
    struct sink *s = context;
    size_t size = one * count; /* one is always 1, says CURLOPT_WRITEFUNCTION */
    if (size > CLIENT_ANSWER_MAX - s->size) {
        s->too_long = true;
        return 0;
    }
    if (s->capacity - s->size < size) {
        size_t capacity = 2 * (s->size + size) + 4096;
        uint8_t *larger = realloc(s->data, capacity);
        if (larger == NULL) {
            return 0;
        }
        s->data = larger;
        s->capacity = capacity;
    }
    memcpy(s->data + s->size, data, size);
    s->size += size;
    return size;
}

/* ---- Patience -------------------------------------------------------------------------------- */

struct wait {
    const char *who; /* NULL: silent */
    struct timespec started;
    long long shown_s;
};

/* libcurl calls it about once a second, and with each part of what comes. */
static int waiting(void *context, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                   curl_off_t up)
{
    struct wait *w = context;
    struct timespec now;
    (void)down_total, (void)down, (void)up_total, (void)up;
    clock_gettime(CLOCK_MONOTONIC, &now);
    long long seconds = now.tv_sec - w->started.tv_sec;
    bool terminal = isatty(2) == 1;
    if (w->who != NULL && seconds >= PATIENCE_S &&
        seconds >= w->shown_s + (terminal || w->shown_s == 0 ? 1 : 10)) {
        fprintf(stderr, "%s%s: waiting for the server, %lld s%s", terminal ? "\r" : "", w->who,
                seconds, terminal ? "" : "\n");
        fflush(stderr);
        w->shown_s = seconds;
    }
    return 0;
}

static void waited(const struct wait *w)
{
    if (w->shown_s != 0 && isatty(2) == 1) {
        fputs("\r\033[K", stderr); /* the line is gone again */
    }
}

/* What people can do about it. */
static const char *advice(unsigned status)
{
    switch (status) {
    case 401:
        return "; is the clock of this device right?";
    case 403:
        return "; this key may not do that";
    case 404:
        return "; it is not there";
    default:
        return "";
    }
}

int client_refusal(const char *method, const char *path, unsigned status, struct bytes body,
                   struct client_answer *ret, struct diag *d)
{
    struct wire_refused refused;
    size_t shown = strcspn(path, "?");
    ret->status = status;
    ret->code = WIRE_CODE_OK;
    if (wire_read_refused(body, &refused, NULL) != 0 || refused.code == WIRE_CODE_OK) {
        return diag_fail(d, -EREMOTEIO, "the server refused %s %.*s with status %u%s", method,
                         (int)shown, path, status, advice(status));
    }
    ret->code = (enum wire_code)refused.code;
    const char *text = wire_code_explain(refused.code);
    if (refused.sentence.size > 0) {
        return diag_fail(d, -EREMOTEIO, "the server refused %s %.*s: %.*s (%s, status %u)", method,
                         (int)shown, path, (int)refused.sentence.size,
                         (const char *)refused.sentence.data, wire_code_text(refused.code), status);
    }
    return diag_fail(d, -EREMOTEIO, "the server refused %s %.*s: %s (%s, status %u)", method,
                     (int)shown, path, text, wire_code_text(refused.code), status);
}

static int transport_error(const struct curl_client *c, CURLcode code, const struct sink *s,
                           const char *detail, struct diag *d)
{
    if (s->too_long) {
        return diag_fail(d, -EPROTO, "%s: the answer is longer than %u bytes: that is not alcoved",
                         c->server, CLIENT_ANSWER_MAX);
    }
    switch ((int)code) { /* libcurl has a hundred */
    case CURLE_COULDNT_CONNECT:
        return diag_fail(d, -ECONNREFUSED, "%s: nobody answers there; is alcoved running?",
                         c->server);
    case CURLE_OPERATION_TIMEDOUT:
        return diag_fail(d, -ETIMEDOUT,
                         "%s: no answer in time; try again, and look what alcoved says", c->server);
    case CURLE_OUT_OF_MEMORY:
        return diag_fail(d, -ENOMEM, "no memory for the answer of %s", c->server);
    default:
        return diag_fail(d, -EPROTO, "%s: %s", c->server,
                         detail[0] != '\0' ? detail : c->lib->easy_strerror(code));
    }
}

/* ---- Requests -------------------------------------------------------------------------------- */

static bool set_options(struct curl_client *c, const char *method, const char *url,
                        struct bytes body, struct curl_slist *headers, struct sink *s,
                        struct wait *wait, char *detail)
{
    CURL *h = c->curl;
    __typeof__(c->lib->easy_setopt) set = c->lib->easy_setopt;
    c->lib->easy_reset(h);
    bool posts = strcmp(method, "POST") == 0;
    bool ok =
        set(h, CURLOPT_URL, url) == CURLE_OK && set(h, CURLOPT_PROTOCOLS_STR, "http") == CURLE_OK &&
        set(h, CURLOPT_PROXY, "") == CURLE_OK && set(h, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
        set(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
        set(h, CURLOPT_HTTPHEADER, headers) == CURLE_OK &&
        set(h, CURLOPT_CONNECTTIMEOUT, CONNECT_S) == CURLE_OK &&
        set(h, CURLOPT_LOW_SPEED_LIMIT, 1L) == CURLE_OK &&
        set(h, CURLOPT_LOW_SPEED_TIME, SILENT_S) == CURLE_OK &&
        set(h, CURLOPT_ERRORBUFFER, detail) == CURLE_OK &&
        set(h, CURLOPT_WRITEFUNCTION, receive) == CURLE_OK &&
        set(h, CURLOPT_WRITEDATA, s) == CURLE_OK && set(h, CURLOPT_NOPROGRESS, 0L) == CURLE_OK &&
        set(h, CURLOPT_XFERINFOFUNCTION, waiting) == CURLE_OK &&
        set(h, CURLOPT_XFERINFODATA, wait) == CURLE_OK;
    if (ok && c->socket != NULL) {
        ok = set(h, CURLOPT_UNIX_SOCKET_PATH, c->socket) == CURLE_OK;
    }
    if (ok && posts) {
        ok = set(h, CURLOPT_POST, 1L) == CURLE_OK &&
             set(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.size) == CURLE_OK &&
             set(h, CURLOPT_POSTFIELDS, body.size > 0 ? (const char *)body.data : "") == CURLE_OK;
    } else if (ok && strcmp(method, "GET") != 0) {
        ok = set(h, CURLOPT_CUSTOMREQUEST, method) == CURLE_OK;
    }
    return ok;
}

static int perform(struct curl_client *c, const char *method, const char *path, struct bytes body,
                   struct curl_slist *headers, struct client_answer *ret, struct diag *d)
{
    char url[CLIENT_URL_MAX + CLIENT_PATH_MAX], detail[CURL_ERROR_SIZE] = "";
    struct sink s = {0};
    struct wait w = {.who = c->client.who};
    long status = 0;
    clock_gettime(CLOCK_MONOTONIC, &w.started);
    base_format(url, sizeof url, "%s%s", c->base, path);
    if (!set_options(c, method, url, body, headers, &s, &w, detail)) {
        return diag_fail(d, -EPROTO, "%s: libcurl cannot do that", c->server);
    }
    CURLcode code = c->lib->easy_perform(c->curl);
    waited(&w);
    if (code != CURLE_OK ||
        c->lib->easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK) {
        free(s.data);
        return transport_error(c, code, &s, detail, d);
    }
    if (status >= 200 && status < 300) {
        *ret = (struct client_answer){
            .status = (unsigned)status, .body = BYTES(s.data, s.size), .storage = s.data};
        return 0;
    }
    int err = client_refusal(method, path, (unsigned)status, BYTES(s.data, s.size), ret, d);
    free(s.data);
    return err;
}

static int curl_request(struct client *client, const char *method, const char *path,
                        struct bytes body, const struct client_signer *signer,
                        struct client_answer *ret, struct diag *d)
{
    struct curl_client *c = (struct curl_client *)client;
    struct curl_slist *headers = NULL;
    if (path[0] != '/' || strlen(path) >= CLIENT_PATH_MAX) {
        return diag_fail(d, -EINVAL, "not a path of a request: %s", path);
    }
    int err = add_header(c->lib, &headers, "Content-Type", "application/cbor");
    err = err != 0 ? err : add_header(c->lib, &headers, "Expect", ""); /* no wait for a 100 */
    if (err != 0) {
        err = diag_fail(d, err, "no memory for the request %s %s", method, path);
    } else if (signer != NULL) {
        struct request request = {method, path, (uint64_t)time(NULL), body};
        err = add_signature(c->lib, &headers, &request, signer, d);
    }
    err = err != 0 ? err : perform(c, method, path, body, headers, ret, d);
    c->lib->slist_free_all(headers);
    return err;
}

/* ---- Servers --------------------------------------------------------------------------------- */

static bool is_port(const char *s)
{
    size_t n = strspn(s, "0123456789");
    unsigned long port = n >= 1 && n <= 5 && s[0] != '0' ? strtoul(s, NULL, 10) : 0;
    return s[n] == '\0' && port >= 1 && port <= 65535;
}

static const char *after(const char *s, const char *prefix)
{
    size_t n = strlen(prefix);
    return strncmp(s, prefix, n) == 0 ? s + n : NULL;
}

bool client_server_valid(const char *server)
{
    static const char *const hosts[] = {"http://127.0.0.1:", "http://localhost:", "http://[::1]:"};
    const char *rest = after(server, "unix:");
    if (strlen(server) >= CLIENT_URL_MAX) {
        return false;
    }
    if (rest != NULL) {
        return rest[0] != '\0' && strlen(rest) < 108; /* sun_path */
    }
    for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
        rest = after(server, hosts[i]);
        if (rest != NULL) {
            return is_port(rest);
        }
    }
    return false;
}

static void curl_close(struct client *client)
{
    struct curl_client *c = (struct curl_client *)client;
    c->lib->easy_cleanup(c->curl);
    free(c);
}

int client_of_server(const char *server, struct client **ret, struct diag *d)
{
    if (!client_server_valid(server)) {
        return diag_fail(d, -EINVAL,
                         "%s: not a server: want unix:PATH (at most 107 bytes) or "
                         "http://127.0.0.1:PORT",
                         server);
    }
    const struct late_curl *lib;
    int err = late_curl(&lib, d);
    if (err != 0) {
        return err;
    }
    struct curl_client *c = calloc(1, sizeof *c);
    if (c == NULL || (c->curl = lib->easy_init()) == NULL) {
        free(c);
        return diag_fail(d, -ENOMEM, "no memory for a connection to %s", server);
    }
    c->lib = lib;
    c->client = (struct client){.request = curl_request, .close = curl_close};
    base_format(c->server, sizeof c->server, "%s", server);
    c->socket = after(c->server, "unix:");
    base_format(c->base, sizeof c->base, "%s", c->socket != NULL ? "http://localhost" : server);
    *ret = &c->client;
    return 0;
}
