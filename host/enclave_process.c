/* SPDX-License-Identifier: Apache-2.0 */
/* An enclave process, from its fork to its end: it builds its enclave, locks itself and runs; what it
 * wants of the world afterwards goes over one socket to the supervisor. */
#include "debugger.h"
#include "enclave.h"
#include "net.h"
#include "processes.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int supervisor_socket;

static void send_diag(const struct diag *d)
{
    struct message m = {.number = 0, .size = (uint32_t)strlen(d->text)};
    memcpy(m.data, d->text, m.size);
    ignore_result((int)send(supervisor_socket, &m, offsetof(struct message, data) + m.size, MSG_NOSIGNAL),
                  "the supervisor is gone, nobody is left to tell");
}

static int64_t forward(void *context, unsigned number, struct hostcall_slot *slot)
{
    static struct message m;
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static struct reply reply;
    uint64_t to_size = slot->to_size;
    (void)context;
    if (to_size > sizeof m.data) {
        return -EIO;
    }
    pthread_mutex_lock(&lock);
    m.number = number;
    m.size = (uint32_t)to_size;
    m.args[0] = slot->args[0];
    m.args[1] = slot->args[1];
    memcpy(m.data, slot->data, m.size);
    size_t size = offsetof(struct message, data) + m.size;
    if (send(supervisor_socket, &m, size, MSG_NOSIGNAL) == (ssize_t)size && number == HOSTCALL_exit) {
        _exit(EXIT_SUCCESS);
    }
    ssize_t n;
    do {
        n = recv(supervisor_socket, &reply, sizeof reply, 0);
    } while (n < 0 && errno == EINTR);
    const size_t head = offsetof(struct reply, data); /* a slot's number comes without data */
    if (n < (ssize_t)head || ((size_t)n != head && (size_t)n != reply_size(&reply))) {
        _exit(EXIT_FAILURE);
    }
    int64_t result = reply.result;
    if ((size_t)n > head) {
        memcpy(slot->data, reply.data, (size_t)n - head);
    }
    pthread_mutex_unlock(&lock);
    return result;
}

/* What the supervisor has open is not the enclave process's: above all the way to the quoting
 * process. Its own are the standard streams, the declared files and its end of the socket. */
static void close_others(const struct host_config *c)
{
    int own[2 * MANIFEST_FILES_MAX + MANIFEST_MOUNTS_MAX + 6];
    size_t count = 0;
    if (c->net.on) {
        own[count++] = c->net.broker;
        own[count++] = c->net.wake;
    }
    if (c->machine.started.pid != 0) {
        own[count++] = c->machine.started.socket;
        own[count++] = c->machine.started.pages;
    }
    own[count++] = supervisor_socket;
    own[count++] = c->trace_fd;
    for (size_t i = 0; i < MANIFEST_FILES_MAX; i++) {
        own[count++] = c->inputs[i].fd;
        own[count++] = c->outputs[i].fd;
    }
    for (size_t i = 0; i < MANIFEST_MOUNTS_MAX; i++) {
        own[count++] = c->volumes[i].fd;
    }
    unsigned from = 3;
    for (;;) {
        unsigned next = UINT_MAX; /* the lowest of our own from there on */
        for (size_t i = 0; i < count; i++) {
            next = own[i] >= (int)from && (unsigned)own[i] < next ? (unsigned)own[i] : next;
        }
        if (next > from) {
            close_range(from, next - 1, 0);
        }
        if (next == UINT_MAX) {
            return;
        }
        from = next + 1;
    }
}

void host_enclave_process(const struct host_config *config, int socket, pid_t supervisor)
{
    struct host_config c = *config;
    struct host_enclave *e = NULL;
    struct diag d = {""};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != supervisor) {
        _exit(EXIT_FAILURE); /* it died before it could be watched */
    }
    prctl(PR_SET_NAME, "alcove-enclave");
    signal(SIGINT, SIG_IGN); /* the terminal's keys are the supervisor's to handle */
    signal(SIGQUIT, SIG_IGN);
    signal(SIGTERM, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
    supervisor_socket = socket;
    close_others(&c);
    c.service = forward;
    int r = host_enclave_create(&c, &e, &d);
    r = r != 0 ? r : host_net_start(&c.net, &d);
    bool network = c.net.on && c.net.broker >= 0;
    r = r != 0 || !c.debugged ? r : host_debugger_wait(c.watch, &d);
    r = r != 0 ? r : network ? host_lock_process_with_network(&d) : host_lock_process(&d);
    r = r != 0 ? r : host_enclave_run(e, &d);
    if (r == 0) {
        diag_fail(&d, -EFAULT, "the enclave's first thread left without an exit");
    }
    send_diag(&d);
    _exit(EXIT_FAILURE);
}
