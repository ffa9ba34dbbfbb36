/* SPDX-License-Identifier: Apache-2.0 */
/* Hybrid public key encryption, RFC 9180: DHKEM(X25519, HKDF-SHA256) and DHKEM(P-256, HKDF-SHA256),
 * HKDF-SHA256, AES-128-GCM and AES-256-GCM; modes base and auth. Debian 12's OpenSSL has no HPKE of
 * its own.
 *
 * Functions over bytes: no files, no clock, no state of their own. Randomness (new keys, and the
 * ephemeral key of a sender) comes from the crypto library. All may be called from any thread; a
 * context belongs to one thread at a time.
 *
 * Errors: 0 or -errno, outputs untouched on failure. -EINVAL: a key, size or suite that is not
 * taken; -EBADMSG: does not open; -EOVERFLOW: the context has used up its sequence numbers;
 * -ENOSPC: the output is too small; -EIO: the crypto library failed.
 *
 * Trust: public keys, enc and ciphertexts come from whoever sent them. */
#pragma once

#include "base/bytes.h"
#include "channel/limits.h"

/* RFC 9180, tables 2 and 5. Zero is none. */
enum hpke_kem {
    HPKE_KEM_P256 = 0x0010,   /* DHKEM(P-256, HKDF-SHA256) */
    HPKE_KEM_X25519 = 0x0020, /* DHKEM(X25519, HKDF-SHA256) */
};
enum hpke_aead {
    HPKE_AES_128_GCM = 0x0001,
    HPKE_AES_256_GCM = 0x0002,
};
#define HPKE_KDF_HKDF_SHA256 0x0001u

/* RFC 9180, table 1. No mode with a pre-shared key: nobody here has one. */
enum hpke_mode {
    HPKE_MODE_BASE = 0, /* anybody may be the sender */
    HPKE_MODE_AUTH = 2, /* the sender had the private key of a public key that the receiver names */
};

struct hpke_suite {
    enum hpke_kem kem;
    enum hpke_aead aead;
};
/* What Alcove sends; both are accepted: docs/decisions/010-sealed-messages.md. */
#define HPKE_SUITE_DEFAULT ((struct hpke_suite){HPKE_KEM_X25519, HPKE_AES_256_GCM})

#define HPKE_PUBLIC_MAX   65u
#define HPKE_PRIVATE_SIZE 32u
#define HPKE_TAG_SIZE     16u

/* Bytes of a public key (and of enc): 32, or 65 uncompressed; 0 for a KEM that is not taken. */
size_t hpke_public_size(enum hpke_kem kem);

/* A public key that is one: made by hpke_public_read() or together with a private key. */
struct hpke_public_key {
    enum hpke_kem kem;
    uint8_t data[HPKE_PUBLIC_MAX];
};
static inline struct bytes hpke_public_bytes(const struct hpke_public_key *key)
{
    return BYTES(key->data, hpke_public_size(key->kem));
}
/* -EINVAL unless it has the exact size and, for P-256, is an uncompressed point on the curve. RFC
 * 9180 section 7.1.4: of X25519 any 32 bytes are a key; those with which every shared secret is
 * zero are refused here, and the secret itself is checked at every use. */
int hpke_public_read(enum hpke_kem kem, struct bytes data, struct hpke_public_key *ret) MUST_USE;
bool hpke_public_equal(const struct hpke_public_key *a, const struct hpke_public_key *b);
/* SHA-256 of the key's bytes: how messages name their recipient. */
int hpke_public_id(const struct hpke_public_key *key, uint8_t ret_id[32]) MUST_USE;

/* A secret. Declare it AUTO_HPKE_KEY: it is wiped at the end of its scope. */
struct hpke_private_key {
    uint8_t secret[HPKE_PRIVATE_SIZE];
    struct hpke_public_key public_key;
};
void hpke_private_wipe(struct hpke_private_key *key);
#define AUTO_HPKE_KEY __attribute__((cleanup(hpke_private_wipe))) struct hpke_private_key

/* A new random key pair. CT: time does not depend on the key. */
int hpke_private_make(enum hpke_kem kem, struct hpke_private_key *ret) MUST_USE;
/* DeriveKeyPair, RFC 9180 section 7.1.3: the same pair from the same secret of 32 to 64 bytes,
 * which must be as hard to guess as the key shall be. CT: but for P-256's retries, once in 2^32. */
int hpke_private_derive(enum hpke_kem kem, struct bytes secret,
                        struct hpke_private_key *ret) MUST_USE;
/* From 32 stored bytes; -EINVAL for a scalar of P-256 that is not in [1, n-1]. */
int hpke_private_read(enum hpke_kem kem, struct bytes secret,
                      struct hpke_private_key *ret) MUST_USE;

/* A context holds secrets: wiped by hpke_context_wipe(), or declared AUTO_HPKE_SENDER and
 * AUTO_HPKE_RECEIVER. Two types, so that nobody opens with what seals. */
struct hpke_context {
    enum hpke_aead aead; /* zero: wiped or never set up, takes no call */
    enum hpke_kem kem;
    uint8_t key[32], base_nonce[12], exporter_secret[32];
    uint64_t sequence;
};
struct hpke_sender {
    struct hpke_context context;
};
struct hpke_receiver {
    struct hpke_context context;
};
void hpke_sender_wipe(struct hpke_sender *s);
void hpke_receiver_wipe(struct hpke_receiver *r);
#define AUTO_HPKE_SENDER   __attribute__((cleanup(hpke_sender_wipe))) struct hpke_sender
#define AUTO_HPKE_RECEIVER __attribute__((cleanup(hpke_receiver_wipe))) struct hpke_receiver

/* Who the sender is. Written out on both sides: in auth mode a key, in base mode "anyone". */
struct hpke_from {
    enum hpke_mode mode;
    const struct hpke_private_key *sender;  /* of the sealing side, in auth mode; else NULL */
    const struct hpke_public_key *expected; /* of the opening side, in auth mode; else NULL */
};
#define HPKE_FROM_ANYONE     ((struct hpke_from){.mode = HPKE_MODE_BASE})
#define HPKE_FROM_SELF(key)  ((struct hpke_from){.mode = HPKE_MODE_AUTH, .sender = (key)})
#define HPKE_FROM_KNOWN(key) ((struct hpke_from){.mode = HPKE_MODE_AUTH, .expected = (key)})

/* SetupBaseS, SetupAuthS (RFC 9180 section 5.1). info is at most HPKE_INFO_MAX bytes. ret_enc is
 * what the receiver needs; its bytes travel with the messages. */
int hpke_setup_sender(struct hpke_suite suite, const struct hpke_public_key *to,
                      struct hpke_from from, struct bytes info, struct hpke_public_key *ret_enc,
                      struct hpke_sender *ret) MUST_USE;
/* SetupBaseR, SetupAuthR. -EINVAL when enc is no key, -EBADMSG when it gives a zero secret. Success
 * says nothing about who sent it: only a message that opens does. */
int hpke_setup_receiver(struct hpke_suite suite, struct bytes enc,
                        const struct hpke_private_key *to, struct hpke_from from, struct bytes info,
                        struct hpke_receiver *ret) MUST_USE;

/* Section 5.2. ret_ciphertext holds plaintext.size + HPKE_TAG_SIZE bytes and may be where the
 * plaintext is. -EOVERFLOW when 2^64 - 1 messages were sealed. CT: time depends on sizes alone. */
int hpke_seal(struct hpke_sender *s, struct bytes aad, struct bytes plaintext,
              uint8_t *ret_ciphertext) MUST_USE;
/* ret_plaintext holds ciphertext.size - HPKE_TAG_SIZE bytes and may be where the ciphertext is. On
 * failure it is wiped and the sequence number stays. CT: as hpke_seal(). */
int hpke_open(struct hpke_receiver *r, struct bytes aad, struct bytes ciphertext,
              uint8_t *ret_plaintext) MUST_USE;

/* Section 5.3: a secret of `size` bytes (at most HPKE_EXPORT_MAX) that both sides can make. */
int hpke_export(const struct hpke_context *c, struct bytes exporter_context, uint8_t *ret_secret,
                size_t size) MUST_USE;

/* Section 6.1: one message, then the context is gone. Arguments as above. */
int hpke_seal_once(struct hpke_suite suite, const struct hpke_public_key *to, struct hpke_from from,
                   struct bytes info, struct bytes aad, struct bytes plaintext,
                   struct hpke_public_key *ret_enc, uint8_t *ret_ciphertext) MUST_USE;
int hpke_open_once(struct hpke_suite suite, struct bytes enc, const struct hpke_private_key *to,
                   struct hpke_from from, struct bytes info, struct bytes aad,
                   struct bytes ciphertext, uint8_t *ret_plaintext) MUST_USE;
