/* SPDX-License-Identifier: Apache-2.0 */
/* EREPORT's and EGETKEY's questions to the microcode helper. Leaf code (internal.h): raw system
 * calls, no TLS, copies through soft_copy(), which touches general registers only. */
#include "soft/client.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/syscall.h>

static void copy(void *to, const void *from, size_t n)
{
    if (soft_copy(to, from, n) != 0) {
        soft_fatal("alcove: soft machine: a copy of its own memory faulted\n");
    }
}

/* Asks and receives exactly reply_size bytes into c->message. Lock held. */
static void ask(struct soft_client *c, size_t size, size_t reply_size)
{
    long n;
    do {
        n = raw_syscall(SYS_sendto, c->socket, (long)&c->message, (long)size, MSG_NOSIGNAL, 0, 0);
    } while (n == -EINTR);
    if (n == (long)size) {
        do {
            n = raw_syscall(SYS_recvfrom, c->socket, (long)&c->message, sizeof c->message, 0, 0, 0);
        } while (n == -EINTR);
        if (n == (long)reply_size) {
            return;
        }
    }
    soft_fatal("alcove: soft machine: the microcode helper is gone\n");
}

void client_report(struct soft_client *c, uint32_t handle, const struct sgx_targetinfo *target,
                   const uint8_t reportdata[64], struct sgx_report *ret)
{
    soft_lock(&c->lock);
    c->message.report.type = MC_REPORT;
    c->message.report.handle = handle;
    copy(&c->message.report.target, target, sizeof *target);
    copy(c->message.report.reportdata, reportdata, 64);
    ask(c, sizeof c->message.report, sizeof c->message.report_reply);
    if (c->message.report_reply.error != 0) {
        soft_fatal("alcove: soft machine: the microcode helper refused a report\n");
    }
    copy(ret, &c->message.report_reply.report, sizeof *ret);
    soft_unlock(&c->lock);
}

unsigned client_getkey(struct soft_client *c, uint32_t handle, const struct sgx_keyrequest *request,
                       uint8_t ret_key[16])
{
    soft_lock(&c->lock);
    c->message.getkey.type = MC_GETKEY;
    c->message.getkey.handle = handle;
    copy(&c->message.getkey.request, request, sizeof *request);
    ask(c, sizeof c->message.getkey, sizeof c->message.getkey_reply);
    int error = c->message.getkey_reply.error;
    if (error < 0) {
        soft_fatal("alcove: soft machine: the microcode helper refused a key request\n");
    }
    copy(ret_key, c->message.getkey_reply.key, 16);
    volatile uint64_t *wipe = (volatile uint64_t *)&c->message.getkey_reply;
    for (size_t i = 0; i < sizeof c->message.getkey_reply / 8; i++) {
        wipe[i] = 0;
    }
    soft_unlock(&c->lock);
    return (unsigned)error;
}
