/* SPDX-License-Identifier: Apache-2.0 */
/* alcove-microcode: the part of the soft machine that a processor would keep to itself. It holds
 * the machine's root secret, performs ECREATE, EADD, EEXTEND and EINIT on pages that nobody can
 * change, and answers EREPORT and EGETKEY for the enclaves that it initialised, named by handle:
 * the enclave process never says who it is. One helper serves one enclave process over the socket
 * that it inherits, and ends when that closes.
 *
 * The adversary: the enclave process on the socket. Every message has a fixed size per type; sizes
 * and handles are checked; nothing of the secret leaves but derived keys. */
#include "soft/microcode.h"
#include "soft/microcode_certify.h"

#include "machine/soft.h"
#include "machine/state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

union message {
    uint32_t type;
    struct mc_create create;
    struct mc_build build;
    struct mc_init init;
    struct mc_report report;
    struct mc_getkey getkey;
    struct mc_certify certify;
};

static ssize_t receive(union message *m, int *ret_fd)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec iov = {m, sizeof *m};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = &control,
                         .msg_controllen = sizeof control};
    ssize_t n;
    do {
        n = recvmsg(MICROCODE_FD, &msg, MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    *ret_fd = -1;
    struct cmsghdr *h = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL;
    if (h != NULL && h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS &&
        h->cmsg_len == CMSG_LEN(sizeof(int))) {
        memcpy(ret_fd, CMSG_DATA(h), sizeof(int));
    }
    return (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 ? -1 : n;
}

static int reply(const void *data, size_t size)
{
    ssize_t n;
    do {
        n = send(MICROCODE_FD, data, size, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    return n == (ssize_t)size ? 0 : -1;
}

static int handle_init(struct microcode *mc, const struct sgx_sigstruct *sigstruct, int start_error,
                       const struct diag *start_diag)
{
    struct mc_init_reply r;
    memset(&r, 0, sizeof r);
    struct mc_identity identity;
    if (start_error != 0) {
        r.error = start_error;
        r.diag = *start_diag;
    } else if (mc->enclave_count == MC_ENCLAVES_MAX) {
        r.error = diag_fail(&r.diag, -ENOMEM, "EINIT: more than %u enclaves in one process",
                            MC_ENCLAVES_MAX);
    } else {
        r.error = mc_init(&mc->building, sigstruct, &identity, &r.diag);
    }
    if (r.error == 0) {
        mc->enclaves[mc->enclave_count++] = identity;
        r.handle = mc->enclave_count;
        memcpy(r.mrenclave, identity.secs.mrenclave, sizeof r.mrenclave);
    }
    mc_enclave_done(&mc->building);
    return reply(&r, sizeof r);
}

static const struct mc_identity *identity_of(const struct microcode *mc, uint32_t handle)
{
    return handle >= 1 && handle <= mc->enclave_count ? &mc->enclaves[handle - 1] : NULL;
}

static int handle_report(const struct microcode *mc, const struct mc_report *m)
{
    struct mc_report_reply r;
    memset(&r, 0, sizeof r);
    const struct mc_identity *id = identity_of(mc, m->handle);
    r.error = id == NULL ? -EINVAL : mc_report(mc, id, &m->target, m->reportdata, &r.report);
    return reply(&r, sizeof r);
}

static int handle_getkey(const struct microcode *mc, const struct mc_getkey *m)
{
    struct mc_getkey_reply r;
    memset(&r, 0, sizeof r);
    const struct mc_identity *id = identity_of(mc, m->handle);
    r.error = id == NULL ? -EINVAL : mc_getkey(mc, id, &m->request, r.key);
    int sent = reply(&r, sizeof r);
    secure_zero(&r, sizeof r);
    return sent;
}

static int handle_certify(const struct microcode *mc, const struct mc_certify *m)
{
    static struct mc_certify_reply r;
    mc_certify(mc, m, &r);
    return reply(&r, sizeof r);
}

/* One message; 0 to go on. A message that no client of ours would send ends the helper. */
static int dispatch(struct microcode *mc, const union message *m, size_t size, int fd,
                    int start_error, const struct diag *start_diag)
{
    if (size < sizeof m->type) {
        return -1;
    }
    if (m->type == MC_CREATE && size == sizeof m->create && fd >= 0) {
        mc_create(&mc->building, &m->create.secs, fd);
        return 0;
    }
    if (fd >= 0) {
        (void)close(fd);
        return -1;
    }
    if (m->type == MC_BUILD && size >= offsetof(struct mc_build, records) &&
        m->build.count <= MC_RECORDS &&
        size == offsetof(struct mc_build, records) + m->build.count * sizeof(struct mc_record)) {
        mc_build(&mc->building, m->build.records, m->build.count);
        return 0;
    }
    if (m->type == MC_INIT && size == sizeof m->init) {
        return handle_init(mc, &m->init.sigstruct, start_error, start_diag);
    }
    if (m->type == MC_REPORT && size == sizeof m->report) {
        return handle_report(mc, &m->report);
    }
    if (m->type == MC_GETKEY && size == sizeof m->getkey) {
        return handle_getkey(mc, &m->getkey);
    }
    if (m->type == MC_CERTIFY && size == sizeof m->certify) {
        return handle_certify(mc, &m->certify);
    }
    return -1;
}

static int start(struct microcode *mc, const char *state_dir, struct diag *d)
{
    char dir[PATH_MAX];
    int r = machine_state_make(state_dir, false, dir, mc->secret, d);
    if (r == 0 && getrandom(mc->report_keyid, sizeof mc->report_keyid, 0) !=
                      (ssize_t)sizeof mc->report_keyid) {
        r = diag_fail(d, -EIO, "no randomness from the kernel");
    }
    return r;
}

int main(int argc, char **argv)
{
    int type;
    socklen_t size = sizeof type;
    if (getsockopt(MICROCODE_FD, SOL_SOCKET, SO_TYPE, &type, &size) != 0) {
        fputs("alcove-microcode: the software SGX machine's helper; it is started by the programs "
              "that run enclaves, not by hand\n",
              stderr);
        return 2;
    }
    /* The secret stays out of core files and debuggers. */
    const struct rlimit no_core = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &no_core);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1) {
        return 1;
    }
    static struct microcode mc = {.building = {.staging = -1}};
    static union message message;
    struct diag start_diag;
    (void)diag_fail(&start_diag, 0, "no error");
    int start_error = start(&mc, argc > 1 ? argv[1] : NULL, &start_diag);
    for (;;) {
        int fd;
        ssize_t n = receive(&message, &fd);
        if (n <= 0 || dispatch(&mc, &message, (size_t)n, fd, start_error, &start_diag) != 0) {
            break;
        }
    }
    mc_enclave_done(&mc.building);
    secure_zero(&mc, sizeof mc);
    return 0;
}
