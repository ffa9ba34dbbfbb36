/* SPDX-License-Identifier: Apache-2.0 */
/* The machine's collateral, kept for an hour: asking for it starts the quoting enclave. */
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "event.h"
#include "host/quoting.h"
#include "program.h"

#define FRESH_MS (3600 * 1000)
#define PARTS    7

struct platform {
    pthread_mutex_t mutex;
    bool fixed;
    int64_t asked;             /* now_ms() */
    struct bytes parts[PARTS]; /* all in one block of memory, the first one's */
    uint8_t *memory;
    size_t size;
    uint8_t root[32];
};

/* The last certificate of a PEM chain is its root. */
static void find_root(struct platform *p, struct bytes chain)
{
    BIO *in = BIO_new_mem_buf(chain.data, (int)chain.size);
    X509 *last = NULL, *next;
    memset(p->root, 0, sizeof p->root);
    while (in != NULL && (next = PEM_read_bio_X509(in, NULL, NULL, NULL)) != NULL) {
        X509_free(last);
        last = next;
    }
    uint8_t *der = NULL;
    int size = last != NULL ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(last), &der) : 0;
    if (size > 0) {
        SHA256(der, (size_t)size, p->root);
    }
    OPENSSL_free(der);
    X509_free(last);
    BIO_free(in);
}

static int take(struct platform *p, const struct evidence_collateral *c, struct diag *d)
{
    const struct bytes from[PARTS] = {c->tcb_info, c->tcb_chain,     c->qe_identity, c->qe_chain,
                                      c->pck_crl,  c->pck_crl_chain, c->root_crl};
    size_t size = 0;
    for (size_t i = 0; i < PARTS; i++) {
        if (from[i].size > WIRE_COLLATERAL_MAX) {
            return diag_fail(d, -EMSGSIZE, "a part of the machine's collateral has %zu bytes",
                             from[i].size);
        }
        size += from[i].size;
    }
    uint8_t *memory = malloc(size + 1);
    if (memory == NULL) {
        return diag_fail(d, -ENOMEM, "no memory for the machine's collateral");
    }
    free(p->memory);
    p->memory = memory;
    p->size = size;
    size_t at = 0;
    for (size_t i = 0; i < PARTS; i++) {
        p->parts[i] = BYTES(memory + at, from[i].size);
        if (from[i].size > 0) {
            memcpy(memory + at, from[i].data, from[i].size);
        }
        at += from[i].size;
    }
    p->asked = now_ms();
    find_root(p, p->parts[1]);
    return 0;
}

static int ask(struct platform *p, struct diag *d)
{
    const struct machine_config config = {.state_dir = NULL};
    struct evidence_collateral c;
    struct quoting *q = NULL;
    int r = quoting_open(&machine_soft, &config, &q, d);
    r = r != 0 ? r : quoting_collateral(q, &c, d);
    r = r != 0 ? r : take(p, &c, d);
    quoting_close(q);
    return r;
}

static int refresh(struct platform *p, struct diag *d)
{
    if (p->fixed || (p->memory != NULL && now_ms() - p->asked < FRESH_MS)) {
        return 0;
    }
    return ask(p, d);
}

int platform_open(const struct evidence_collateral *fixed, struct platform **ret, struct diag *d)
{
    struct platform *p = calloc(1, sizeof *p);
    if (p == NULL) {
        return diag_fail(d, -ENOMEM, "no memory for the machine's collateral");
    }
    pthread_mutex_init(&p->mutex, NULL);
    p->fixed = fixed != NULL;
    int r = fixed != NULL ? take(p, fixed, d) : ask(p, d);
    if (r != 0) {
        platform_close(p);
        return r;
    }
    *ret = p;
    return 0;
}

void platform_close(struct platform *p)
{
    if (p == NULL) {
        return;
    }
    pthread_mutex_destroy(&p->mutex);
    free(p->memory);
    free(p);
}

int platform_hello(struct platform *p, struct bytes manifest, struct wire_hello *ret,
                   void **ret_memory, struct diag *d)
{
    pthread_mutex_lock(&p->mutex);
    int r = refresh(p, d);
    uint8_t *copy = r == 0 ? malloc(p->size + 1) : NULL;
    if (r == 0 && copy == NULL) {
        r = diag_fail(d, -ENOMEM, "no memory for the machine's collateral");
    }
    if (r == 0) {
        struct bytes *const to[PARTS] = {&ret->tcb_info, &ret->tcb_chain, &ret->qe_identity,
                                         &ret->qe_chain, &ret->pck_crl,   &ret->pck_crl_chain,
                                         &ret->root_crl};
        memcpy(copy, p->memory, p->size);
        ret->manifest = manifest;
        for (size_t i = 0; i < PARTS; i++) {
            *to[i] = BYTES(copy + (p->parts[i].data - p->memory), p->parts[i].size);
        }
        *ret_memory = copy;
    }
    pthread_mutex_unlock(&p->mutex);
    return r;
}

void platform_root(struct platform *p, uint8_t ret[32])
{
    pthread_mutex_lock(&p->mutex);
    memcpy(ret, p->root, sizeof p->root);
    pthread_mutex_unlock(&p->mutex);
}
