/* SPDX-License-Identifier: Apache-2.0 */
/* See handshake.h.
 *
 * Each side makes its REPORT for an enclave of its own identity, which needs no word from the host:
 * only an enclave with this MRENCLAVE, CONFIGID and attributes on this machine can check it. What
 * REPORTDATA hashes tells the roles apart, so that no message can be sent back to who made it, and
 * the owner's names the blank's key and nonce, so that it answers this blank and no other. */
#include "proc/handshake.h"

static const char blank_label[] = "alcove tree: blank";
static const char owner_label[] = "alcove tree: owner";

/* SHA-512 of a label, one's own key and nonce, and the peer's (zeros in the blank's message). */
static void report_data(const char label[static 19], const struct handshake_message *own,
                        const struct handshake_message *peer, uint8_t ret[64])
{
    struct {
        char label[32];
        uint8_t own_key[32], own_nonce[32], peer_key[32], peer_nonce[32];
    } text = {.label = ""};
    memcpy(text.label, label, sizeof blank_label);
    memcpy(text.own_key, own->public_key, 32);
    memcpy(text.own_nonce, own->nonce, 32);
    if (peer != NULL) {
        memcpy(text.peer_key, peer->public_key, 32);
        memcpy(text.peer_nonce, peer->nonce, 32);
    }
    rt_sha512(BYTES_OF(text), ret);
}

static void make(struct handshake *h, const char label[static 19],
                 const struct handshake_message *peer)
{
    struct sgx_targetinfo self;
    uint8_t data[64];
    rt_random(h->secret_key, sizeof h->secret_key);
    rt_random(h->own.nonce, sizeof h->own.nonce);
    rt_x25519_public(h->secret_key, h->own.public_key);
    report_data(label, &h->own, peer, data);
    rt_target_info(&self);
    rt_report(&self, data, &h->own.report);
}

/* Everything that the processor says of an enclave, but REPORTDATA. */
static bool same_identity(const struct sgx_report_body *a, const struct sgx_report_body *b)
{
    return memcmp(a, b, offsetof(struct sgx_report_body, reportdata)) == 0;
}

static const char *check(const struct handshake_message *m, const char label[static 19],
                         const struct handshake_message *peer)
{
    uint8_t data[64];
    if (!rt_report_is_ours(&m->report)) {
        return "its REPORT was not made on this machine for an enclave of this image and manifest";
    }
    if (!same_identity(&m->report.body, rt_identity())) {
        return "it is another enclave: measurement, manifest, attributes or versions differ";
    }
    report_data(label, m, peer, data);
    return ct_equal(data, m->report.body.reportdata, sizeof data)
               ? NULL
               : "its REPORT is of another handshake";
}

/* Of the agreed point, a sealing key of this identity, and everything that was said. The REPORTs
 * alone would not do where the manifest gives the workload /dev/attestation: who may choose
 * REPORTDATA could make one for the enclave itself, with a key of its own in it. What it cannot
 * have is the sealing key for this purpose. */
static const char *agree(const struct handshake *h, const struct handshake_message *peer,
                         const struct handshake_message *blank,
                         const struct handshake_message *owner, uint8_t ret[32])
{
    struct {
        uint8_t point[32], seal[16];
    } keys;
    uint8_t transcript[64];
    const char *wrong = NULL;
    if (!rt_x25519_shared(h->secret_key, peer->public_key, keys.point)) {
        wrong = "its public key is not one";
    } else if (rt_seal_key(RT_SEAL_TO_MRENCLAVE, "alcove process tree", keys.seal) != 0) {
        wrong = "the processor gives no sealing key";
    } else {
        report_data(owner_label, owner, blank, transcript);
        rt_hkdf_sha256(BYTES_STR("alcove process tree"), BYTES_OF(keys), BYTES_OF(transcript), ret,
                       32);
    }
    secure_zero(&keys, sizeof keys);
    return wrong;
}

void handshake_introduce(struct handshake *ret, struct handshake_message *ret_message)
{
    make(ret, blank_label, NULL);
    *ret_message = ret->own;
}

const char *handshake_answer(const struct handshake_message *blank,
                             struct handshake_message *ret_answer, uint8_t ret_secret[32])
{
    struct handshake h;
    const char *wrong = check(blank, blank_label, NULL);
    if (wrong == NULL) {
        make(&h, owner_label, blank);
        wrong = agree(&h, blank, blank, &h.own, ret_secret);
        *ret_answer = h.own;
        secure_zero(&h, sizeof h);
    }
    return wrong;
}

const char *handshake_finish(struct handshake *h, const struct handshake_message *answer,
                             uint8_t ret_secret[32])
{
    const char *wrong = check(answer, owner_label, &h->own);
    wrong = wrong == NULL ? agree(h, answer, &h->own, answer, ret_secret) : wrong;
    secure_zero(h, sizeof *h);
    return wrong;
}
