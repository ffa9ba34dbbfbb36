/* SPDX-License-Identifier: Apache-2.0 */
/* libmicrohttpd carries; reply.c answers. One thread for each connection, because an answer may
 * take as long as an enclave takes to start. */
#include "http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "event.h"
#include "reply.h"

#define CONNECTIONS_MAX 256u /* each may hold a body of 17 MiB */
#define IDLE_S          60u  /* then a silent connection is closed */
#define BACKLOG         128
#define STACK_SIZE      (1024u * 1024)
#define FIRST_ROOM      4096u
#define BODIES_MAX      (1024u * 1024 * 1024) /* bytes of all that are under way: then "later" */

struct http {
    struct daemon *g;
    struct MHD_Daemon *local, *tcp;
    int local_fd, tcp_fd;
    uint64_t bodies; /* __atomic: room that all transfers have taken */
    char path[sizeof((struct sockaddr_un *)NULL)->sun_path];
};

/* One request, from its first line on. */
struct transfer {
    char *target;
    uint8_t *body;
    size_t size, room, max;
    bool seen, too_long, no_memory;
};

static void *on_target(void *context, const char *uri, struct MHD_Connection *connection)
{
    struct transfer *t = calloc(1, sizeof *t);
    ignore_result(context == NULL || connection == NULL, "not needed");
    if (t != NULL) {
        t->target = strdup(uri);
    }
    return t;
}

static void on_end(void *context, struct MHD_Connection *connection, void **state,
                   enum MHD_RequestTerminationCode code)
{
    struct http *h = context;
    struct transfer *t = *state;
    ignore_result(connection == NULL || code == 0, "not needed");
    if (t != NULL) {
        __atomic_fetch_sub(&h->bodies, t->room, __ATOMIC_RELAXED);
        free(t->target);
        free(t->body);
        free(t);
    }
    *state = NULL;
}

/* What is too long is read to its end and thrown away, so that the refusal is read, too. */
static void take(struct http *h, struct transfer *t, const char *data, size_t size)
{
    if (t->too_long || t->no_memory || size > t->max - t->size) {
        t->too_long = true;
        return;
    }
    size_t room = t->room > 0 ? t->room : FIRST_ROOM;
    while (room - t->size < size) {
        room *= 2; /* at most twice the largest body */
    }
    uint64_t all = __atomic_add_fetch(&h->bodies, room - t->room, __ATOMIC_RELAXED);
    uint8_t *bigger = room == t->room ? t->body : all > BODIES_MAX ? NULL : realloc(t->body, room);
    if (bigger == NULL) {
        __atomic_fetch_sub(&h->bodies, room - t->room, __ATOMIC_RELAXED);
        t->no_memory = true;
        return;
    }
    t->body = bigger;
    t->room = room;
    memcpy(t->body + t->size, data, size);
    t->size += size;
}

static enum MHD_Result send_reply(struct MHD_Connection *connection, struct reply *reply)
{
    struct MHD_Response *r = MHD_create_response_from_buffer(
        reply->body.size, (void *)(uintptr_t)reply->body.data,
        reply->body.data != NULL ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
    if (r == NULL) {
        free((void *)(uintptr_t)reply->body.data);
        return MHD_NO;
    }
    if (reply->body.size > 0) {
        ignore_result(MHD_add_response_header(r, "Content-Type", "application/cbor") == MHD_NO,
                      "clients know what they asked for");
    }
    enum MHD_Result sent = MHD_queue_response(connection, reply->status, r);
    MHD_destroy_response(r);
    return sent;
}

static const char *header(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *data_size, void **state)
{
    struct http *h = context;
    struct transfer *t = *state;
    struct reply reply = {0};
    ignore_result(url == NULL || version == NULL, "the target is taken as sent");
    if (t == NULL || t->target == NULL) {
        return MHD_NO;
    }
    if (!t->seen) { /* the headers are here, the body is not */
        t->seen = true;
        t->max = reply_body_max(method, t->target);
        return MHD_YES;
    }
    if (*data_size > 0) {
        take(h, t, data, *data_size);
        *data_size = 0;
        return MHD_YES;
    }
    if (t->no_memory) {
        reply_refuse(&reply, 503, WIRE_CODE_BUSY, "too much is under way: send it again later");
        return send_reply(connection, &reply);
    }
    const struct call call = {.method = method,
                              .target = t->target,
                              .body = t->too_long ? BYTES(NULL, SIZE_MAX) : BYTES(t->body, t->size),
                              .key = header(connection, REQUEST_KEY),
                              .time = header(connection, REQUEST_TIME),
                              .signature = header(connection, REQUEST_SIGNATURE)};
    reply_make(h->g, &call, &reply);
    return send_reply(connection, &reply);
}

static int serve(struct http *h, int fd, struct MHD_Daemon **ret, struct diag *d)
{
    *ret = MHD_start_daemon(MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD |
                                MHD_USE_POLL | MHD_USE_ITC,
                            0, NULL, NULL, on_request, h, MHD_OPTION_LISTEN_SOCKET, fd,
                            MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
                            MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S, MHD_OPTION_THREAD_STACK_SIZE,
                            (size_t)STACK_SIZE, MHD_OPTION_URI_LOG_CALLBACK, on_target, NULL,
                            MHD_OPTION_NOTIFY_COMPLETED, on_end, h, MHD_OPTION_END);
    return *ret != NULL ? 0 : diag_fail(d, -EIO, "the HTTP server cannot be started");
}

/* ---- sockets --------------------------------------------------------------------------------- */

/* A socket whose daemon is gone stays behind as a file; one that answers is somebody's. */
static int clear_way(const struct sockaddr_un *at, struct diag *d)
{
    struct stat st;
    if (lstat(at->sun_path, &st) != 0) {
        return errno == ENOENT ? 0 : diag_fail(d, -errno, "%s: %s", at->sun_path, strerror(errno));
    }
    if (!S_ISSOCK(st.st_mode)) {
        return diag_fail(d, -EEXIST, "%s is there and no socket: give another --socket",
                         at->sun_path);
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool answers = fd >= 0 && connect(fd, (const struct sockaddr *)at, sizeof *at) == 0;
    if (fd >= 0) {
        close(fd);
    }
    if (answers) {
        return diag_fail(d, -EADDRINUSE,
                         "%s is in use by another daemon: stop it, or give another --socket",
                         at->sun_path);
    }
    return unlink(at->sun_path) == 0
               ? 0
               : diag_fail(d, -errno, "%s: %s", at->sun_path, strerror(errno));
}

static int listen_local(struct http *h, const char *path, struct diag *d)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof at.sun_path) {
        return diag_fail(d, -ENAMETOOLONG, "%s: a socket's path has less than %zu bytes", path,
                         sizeof at.sun_path);
    }
    memcpy(at.sun_path, path, strlen(path) + 1);
    int r = clear_way(&at, d);
    if (r != 0) {
        return r;
    }
    h->local_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    r = h->local_fd < 0 || bind(h->local_fd, (const struct sockaddr *)&at, sizeof at) != 0 ||
                listen(h->local_fd, BACKLOG) != 0
            ? -errno
            : 0;
    if (r != 0) {
        return diag_fail(d, r, "cannot listen on %s: %s", path, strerror(-r));
    }
    memcpy(h->path, at.sun_path, sizeof h->path);
    return 0;
}

static int listen_tcp(struct http *h, int port, int *ret_port, struct diag *d)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int on = 1;
    h->tcp_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (h->tcp_fd < 0 || setsockopt(h->tcp_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(h->tcp_fd, (const struct sockaddr *)&at, sizeof at) != 0 ||
        listen(h->tcp_fd, BACKLOG) != 0 ||
        getsockname(h->tcp_fd, (struct sockaddr *)&at, &size) != 0) {
        return diag_fail(d, -errno, "cannot listen on port %d of 127.0.0.1: %s", port,
                         strerror(errno));
    }
    *ret_port = ntohs(at.sin_port);
    return 0;
}

int http_open(struct daemon *g, const char *path, int port, struct http **ret, int *ret_port,
              struct diag *d)
{
    struct http *h = calloc(1, sizeof *h);
    if (h == NULL) {
        return diag_fail(d, -ENOMEM, "no memory for the HTTP server");
    }
    h->g = g;
    h->local_fd = h->tcp_fd = -1;
    int r = listen_local(h, path, d);
    r = r != 0 || port < 0 ? r : listen_tcp(h, port, ret_port, d);
    r = r != 0 ? r : serve(h, h->local_fd, &h->local, d);
    r = r != 0 || port < 0 ? r : serve(h, h->tcp_fd, &h->tcp, d);
    if (r != 0) {
        http_close(h);
        return r;
    }
    *ret = h;
    return 0;
}

void http_quiesce(struct http *h)
{
    if (h->path[0] != '\0') {
        (void)unlink(h->path);
        h->path[0] = '\0';
    }
    struct MHD_Daemon *const servers[] = {h->local, h->tcp};
    for (size_t i = 0; i < ARRAY_SIZE(servers); i++) {
        if (servers[i] != NULL) {
            (void)MHD_quiesce_daemon(servers[i]); /* the descriptor is closed with the others */
        }
    }
}

void http_close(struct http *h)
{
    if (h == NULL) {
        return;
    }
    http_quiesce(h);
    if (h->local != NULL) {
        MHD_stop_daemon(h->local);
    }
    if (h->tcp != NULL) {
        MHD_stop_daemon(h->tcp);
    }
    if (h->local_fd >= 0) {
        close(h->local_fd);
    }
    if (h->tcp_fd >= 0) {
        close(h->tcp_fd);
    }
    free(h);
}
