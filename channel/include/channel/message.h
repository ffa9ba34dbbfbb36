/* SPDX-License-Identifier: Apache-2.0 */
/* The sealed message: HPKE to one key, with a kind, a context that both sides know, a size that
 * says little, and, where the sender is an enclave, its evidence inside.
 * docs/formats/sealed-message.md has the CDDL.
 *
 * Functions over bytes, callable from any thread, without allocation: the caller lends the buffers.
 * Randomness comes from the crypto library.
 *
 * Replays: whoever carries a message can deliver it again, and it opens again. Each message has an
 * id; a receiver for whom a repetition would matter remembers the ids that it opened, as long as
 * its key lives, or accepts only what its own state asks for next. That is the receiver's state.
 *
 * Trust: messages come from whoever carries them. Of an opened one, body and evidence are what the
 * sender wrote, whoever that is: with MESSAGE_FROM_ANYONE anybody. */
#pragma once

#include "base/diag.h"
#include "channel/binding.h"
#include "channel/hpke.h"

enum message_kind {
    MESSAGE_KIND_NONE = 0,
#define KIND(name, text, smallest, largest) MESSAGE_KIND_##name,
#include "channel/kinds.def"
#undef KIND
    MESSAGE_KIND_COUNT,
};
/* "upload"; NULL for none and outside the enum. */
const char *message_kind_name(enum message_kind kind);

#define MESSAGE_ID_SIZE 32u

/* What the two sides have to agree on besides the message: a query's hash, a lease, the id of the
 * message that this one answers. It is not sent. With another one the message does not open. */
enum message_context {
    MESSAGE_CONTEXT_UNSET = 0, /* refused: forgotten is not the same as none */
    MESSAGE_CONTEXT_NONE,
    MESSAGE_CONTEXT_VALUE,
};

struct message_draft {
    enum message_kind kind;
    enum message_context context_mode;
    struct bytes context; /* at most MESSAGE_CONTEXT_MAX bytes */
    const struct hpke_public_key *to;
    struct hpke_from
        from; /* HPKE_FROM_ANYONE or HPKE_FROM_SELF(key); the key is named in the clear */
    enum hpke_aead aead;   /* HPKE_SUITE_DEFAULT.aead */
    struct bytes evidence; /* of the sender, an evidence file; none: empty */
    struct bytes body;
};

/* Bytes that message_seal() will write; 0 if the draft does not fit its kind. */
size_t message_sealed_size(const struct message_draft *m);
/* Appends the message to out. ret_id is what the receiver will see as its id. -EINVAL: a draft that
 * is incomplete or does not fit its kind; -ENOSPC: out is too small; -EIO: the crypto library. */
int message_seal(const struct message_draft *m, struct writer *out, uint8_t ret_id[MESSAGE_ID_SIZE],
                 struct diag *d) MUST_USE;

/* What stands outside, for whoever carries the message or looks for the key that it is for. Nobody
 * has vouched for any of it. */
struct message_header {
    enum message_kind kind;
    struct hpke_suite suite;
    uint8_t to[32]; /* hpke_public_id() of the recipient's key */
    bool has_from;  /* auth mode */
    struct hpke_public_key from;
    struct bytes enc; /* borrowed */
    uint8_t id[MESSAGE_ID_SIZE];
};
/* Strict, of the whole message. 0 or -EBADMSG. */
int message_peek(struct bytes message, struct message_header *ret, struct diag *d) MUST_USE;

/* Who may have sent it, written out: zero refuses. */
enum message_expect_from {
    MESSAGE_FROM_UNSET = 0,
    MESSAGE_FROM_ANYONE,  /* base mode: nobody vouches for it */
    MESSAGE_FROM_KEY,     /* auth mode, and the sender has this key */
    MESSAGE_FROM_CLAIMED, /* auth mode, and the sender has the key that the message names; the
                             caller goes on to find out whose key that is: message_sent_by() */
};
enum message_expect_evidence {
    MESSAGE_EVIDENCE_UNSET = 0,
    MESSAGE_EVIDENCE_NONE,   /* there must be none */
    MESSAGE_EVIDENCE_WANTED, /* there must be some; the caller verifies it */
};
struct message_expectation {
    enum message_kind kind;
    enum message_context context_mode;
    struct bytes context;
    enum message_expect_from from_mode;
    const struct hpke_public_key *from; /* with MESSAGE_FROM_KEY; else NULL */
    enum message_expect_evidence evidence_mode;
};

struct message {
    enum message_kind kind;
    uint8_t id[MESSAGE_ID_SIZE];
    bool has_from; /* the sender showed that it has this key */
    struct hpke_public_key from;
    struct bytes evidence, body; /* in the caller's buffer */
};
/* Opens a message for `to` into buffer, of which at most MESSAGE_PLAIN_MAX bytes are used; all
 * views of *ret point there. -EINVAL: an expectation that is not written out; -ENOSPC: the buffer
 * is too small; -EBADMSG: not a message, not the expected one, or does not open. On failure nothing
 * of the plaintext is left in the buffer. */
int message_open(struct bytes message, const struct hpke_private_key *to,
                 const struct message_expectation *expected, uint8_t *buffer, size_t buffer_size,
                 struct message *ret, struct diag *d) MUST_USE;

/* Did the service that made this binding send the message? Evidence alone shows nothing: anybody
 * can send on what he was sent. True only in auth mode, with the very key that the binding names.
 * The binding has to be one that binding_judge() accepted. */
bool message_sent_by(const struct message *m, const struct binding *accepted) MUST_USE;
