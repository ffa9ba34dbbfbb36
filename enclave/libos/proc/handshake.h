/* SPDX-License-Identifier: Apache-2.0 */
/* Owner and blank verify each other, and agree on the member's secret
 * (docs/formats/process-tree.md). Two messages in the clear, over the stream mailbox of the blank's
 * slot; the proof that the blank took part now, and not in another life, is its first record under
 * the secret.
 *
 * Trust: the host carries both messages and may bring any bytes. Who made a REPORT is the
 * processor's word, and it must be another enclave of this image, manifest and security version. */
#pragma once

#include "runtime/rt.h"

struct handshake_message {
    uint8_t public_key[32]; /* X25519, made for this one handshake */
    uint8_t nonce[32];
    struct sgx_report report; /* for an enclave of the same identity; REPORTDATA binds the rest */
};
_Static_assert(sizeof(struct handshake_message) == 496, "the message has no holes");

/* The one side's state: wiped when the secret is there. */
struct handshake {
    uint8_t secret_key[32];
    struct handshake_message own;
};

/* The blank's message. */
void handshake_introduce(struct handshake *ret, struct handshake_message *ret_message);
/* The owner's: checks the blank's and gives answer and secret. NULL, or a sentence: what is wrong
 * with the blank's. */
const char *handshake_answer(const struct handshake_message *blank,
                             struct handshake_message *ret_answer, uint8_t ret_secret[32]) MUST_USE;
/* The blank's end: wipes *h. NULL, or what is wrong with the answer. */
const char *handshake_finish(struct handshake *h, const struct handshake_message *answer,
                             uint8_t ret_secret[32]) MUST_USE;
