/* SPDX-License-Identifier: Apache-2.0 */
/* The client's half of certifying: one question to the microcode helper. Host code. */
#include "machine/certify.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "soft/certify_protocol.h"
#include "soft/client.h"

_Static_assert(SOFT_PCE_SVN == PKI_PCESVN, "what quotes say is what certificates say");
_Static_assert(SOFT_CERTIFY_STORAGE >= sizeof(struct pki_collateral) - 8 * sizeof(uint32_t),
               "storage holds all parts");

static int ask(struct soft_client *c, const struct sgx_report *report,
               struct mc_certify_reply *reply, struct diag *d)
{
    struct mc_certify question = {.type = MC_CERTIFY, .report = *report};
    ssize_t n;
    soft_lock(&c->lock);
    do {
        n = send(c->socket, &question, sizeof question, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    do {
        n = n < 0 ? n : recv(c->socket, reply, sizeof *reply, 0);
    } while (n < 0 && errno == EINTR);
    soft_unlock(&c->lock);
    if (n != (ssize_t)sizeof *reply) {
        return diag_fail(d, -EIO, "the microcode helper ended without an answer");
    }
    reply->diag.text[DIAG_MAX - 1] = '\0';
    return reply->error == 0 ? 0 : diag_fail(d, reply->error, "%s", reply->diag.text);
}

static struct bytes store(struct writer *storage, const struct pki_part *part)
{
    uint8_t *at = storage->data + storage->size;
    uint32_t size = part->size <= sizeof part->data ? part->size : 0;
    writer_put(storage, BYTES(part->data, size));
    return BYTES(at, storage->failed ? 0 : size);
}

int soft_certify(struct machine *m, const struct sgx_report *qe_report, uint8_t ret_signature[64],
                 struct writer *storage, struct bytes *ret_pck_chain,
                 struct evidence_collateral *ret_collateral, struct diag *d)
{
    struct mc_certify_reply *reply = calloc(1, sizeof *reply);
    if (reply == NULL) {
        return diag_fail(d, -ENOMEM, "no memory for the machine's certificates");
    }
    int r = ask(m->client, qe_report, reply, d);
    if (r == 0) {
        const struct pki_collateral *p = &reply->collateral;
        memcpy(ret_signature, reply->signature, sizeof reply->signature);
        *ret_pck_chain = store(storage, &p->pck_chain);
        *ret_collateral = (struct evidence_collateral){
            .tcb_info = store(storage, &p->tcb_info),
            .tcb_chain = store(storage, &p->tcb_chain),
            .qe_identity = store(storage, &p->qe_identity),
            .qe_chain = store(storage, &p->qe_chain),
            .pck_crl = store(storage, &p->pck_crl),
            .pck_crl_chain = store(storage, &p->pck_crl_chain),
            .root_crl = store(storage, &p->root_crl),
        };
        r = storage->failed ? diag_fail(d, -ENOSPC, "no room for the machine's certificates") : 0;
    }
    free(reply);
    return r;
}
