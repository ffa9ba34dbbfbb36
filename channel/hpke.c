/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 9180 from section 4 to 6. Names of functions and variables that the RFC has are kept in
 * comments, so that both can be read side by side.
 *
 * What an adversary sends here are public keys, enc and ciphertexts. Keys are checked when they are
 * read, shared secrets when they are made, and everything else by the AEAD. */
#include "channel/hpke.h"
#include "hpke_inner.h"
#include "primitives.h"

#include <errno.h>

#define HASH_SIZE 32u /* Nh, and Nsecret of both KEMs */
#define DH_SIZE   32u /* Ndh */
/* "HPKE-v1" || suite_id || label || input: the largest is info. */
#define LABELED_MAX (HPKE_INFO_MAX + 64u)

static const uint8_t version_label[] = {'H', 'P', 'K', 'E', '-', 'v', '1'};

/* suite_id of a KEM ("KEM" || kem_id) or of all ("HPKE" || kem_id || kdf_id || aead_id). */
struct suite_id {
    uint8_t data[10];
    size_t size;
};

static struct suite_id kem_suite_id(enum hpke_kem kem)
{
    return (struct suite_id){{'K', 'E', 'M', (uint8_t)(kem >> 8), (uint8_t)kem}, 5};
}

static struct suite_id hpke_suite_id(struct hpke_suite s)
{
    return (struct suite_id){{'H', 'P', 'K', 'E', (uint8_t)(s.kem >> 8), (uint8_t)s.kem, 0,
                              HPKE_KDF_HKDF_SHA256, 0, (uint8_t)s.aead},
                             10};
}

static size_t aead_key_size(enum hpke_aead aead)
{
    return aead == HPKE_AES_128_GCM ? 16 : aead == HPKE_AES_256_GCM ? 32 : 0;
}

/* ---- Key derivation, section 4 --------------------------------------------------------------- */

/* LabeledExtract(salt, label, ikm). CT: time depends on sizes alone. */
static bool labeled_extract(const struct suite_id *id, struct bytes salt, const char *label,
                            struct bytes ikm, uint8_t ret_prk[HASH_SIZE])
{
    uint8_t buffer[LABELED_MAX];
    struct writer w = writer_of(buffer, sizeof buffer);
    writer_put(&w, BYTES(version_label, sizeof version_label));
    writer_put(&w, BYTES(id->data, id->size));
    writer_put(&w, BYTES(label, __builtin_strlen(label)));
    writer_put(&w, ikm);
    bool ok = !w.failed && hmac_sha256(salt, BYTES(buffer, w.size), ret_prk);
    secure_zero(buffer, sizeof buffer);
    return ok;
}

/* LabeledExpand(prk, label, info, L), by RFC 5869 section 2.3. CT: time depends on sizes alone. */
static bool labeled_expand(const struct suite_id *id, const uint8_t prk[HASH_SIZE],
                           const char *label, struct bytes info, uint8_t *ret, size_t size)
{
    uint8_t buffer[HASH_SIZE + LABELED_MAX];
    uint8_t block[HASH_SIZE];
    bool ok = size <= HPKE_EXPORT_MAX;
    for (size_t done = 0, i = 1; ok && done < size; i++) {
        struct writer w = writer_of(buffer, sizeof buffer);
        if (i > 1) {
            writer_put(&w, BYTES(block, sizeof block));
        }
        writer_be(&w, size, 2);
        writer_put(&w, BYTES(version_label, sizeof version_label));
        writer_put(&w, BYTES(id->data, id->size));
        writer_put(&w, BYTES(label, __builtin_strlen(label)));
        writer_put(&w, info);
        writer_be(&w, i, 1);
        ok = !w.failed && hmac_sha256(BYTES(prk, HASH_SIZE), BYTES(buffer, w.size), block);
        size_t part = size - done < HASH_SIZE ? size - done : HASH_SIZE;
        __builtin_memcpy(ret + done, block, part);
        done += part;
    }
    secure_zero(buffer, sizeof buffer);
    secure_zero(block, sizeof block);
    return ok;
}

/* ---- Keys, section 7.1 ----------------------------------------------------------------------- */

size_t hpke_public_size(enum hpke_kem kem)
{
    return kem == HPKE_KEM_X25519 ? X25519_SIZE : kem == HPKE_KEM_P256 ? P256_POINT_SIZE : 0;
}

/* The points of small order, little endian, below 2^255: multiplied by any clamped secret they are
 * zero. From https://cr.yp.to/ecdh.html#validate; hpke_test.c shows that each of them is one. */
static bool x25519_small_order(const uint8_t key[X25519_SIZE])
{
    static const uint8_t points[][X25519_SIZE] = {
        {0},
        {1},
        {0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3,
         0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32,
         0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00},
        {0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1,
         0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c,
         0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57},
        {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
         0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
         0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
        {0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
         0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
         0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
        {0xee, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
         0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
         0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
    };
    for (size_t i = 0; i < ARRAY_SIZE(points); i++) {
        /* RFC 7748 section 5: the highest bit is ignored. */
        if (__builtin_memcmp(key, points[i], 31) == 0 && (key[31] & 0x7f) == points[i][31]) {
            return true;
        }
    }
    return false;
}

int hpke_public_read(enum hpke_kem kem, struct bytes data, struct hpke_public_key *ret)
{
    size_t size = hpke_public_size(kem);
    if (size == 0 || data.size != size) {
        return -EINVAL;
    }
    bool good = kem == HPKE_KEM_P256 ? p256_point_valid(data.data) : !x25519_small_order(data.data);
    if (!good) {
        return -EINVAL;
    }
    *ret = (struct hpke_public_key){.kem = kem};
    __builtin_memcpy(ret->data, data.data, size);
    return 0;
}

bool hpke_public_equal(const struct hpke_public_key *a, const struct hpke_public_key *b)
{
    return a->kem == b->kem && hpke_public_size(a->kem) > 0 &&
           bytes_equal(hpke_public_bytes(a), hpke_public_bytes(b));
}

int hpke_public_id(const struct hpke_public_key *key, uint8_t ret_id[32])
{
    struct bytes data = hpke_public_bytes(key);
    if (data.size == 0) {
        return -EINVAL;
    }
    return hash_sha256(data, ret_id) ? 0 : -EIO;
}

void hpke_private_wipe(struct hpke_private_key *key)
{
    secure_zero(key, sizeof *key);
}

/* Fills the public half of a secret that is in range. False when the library fails. */
static bool complete(enum hpke_kem kem, const uint8_t secret[32], struct hpke_private_key *ret)
{
    AUTO_HPKE_KEY key = {.public_key.kem = kem};
    __builtin_memcpy(key.secret, secret, sizeof key.secret);
    bool ok = kem == HPKE_KEM_P256 ? p256_public(secret, key.public_key.data)
                                   : x25519_public(secret, key.public_key.data);
    if (ok) {
        *ret = key;
    }
    return ok;
}

static bool secret_valid(enum hpke_kem kem, const uint8_t secret[32])
{
    return kem != HPKE_KEM_P256 || p256_secret_valid(secret);
}

int hpke_private_read(enum hpke_kem kem, struct bytes secret, struct hpke_private_key *ret)
{
    if (hpke_public_size(kem) == 0 || secret.size != HPKE_PRIVATE_SIZE ||
        !secret_valid(kem, secret.data)) {
        return -EINVAL;
    }
    return complete(kem, secret.data, ret) ? 0 : -EIO;
}

/* The secret key of DeriveKeyPair(ikm), section 7.1.3. Of P-256 one candidate in 2^32 is out of
 * range; that 256 of them are does not happen. A failure of the library must not count as one: the
 * next candidate would be another key. */
static bool derive_secret(enum hpke_kem kem, const uint8_t prk[HASH_SIZE],
                          uint8_t ret[HPKE_PRIVATE_SIZE])
{
    const struct suite_id id = kem_suite_id(kem);
    if (kem == HPKE_KEM_X25519) {
        return labeled_expand(&id, prk, "sk", (struct bytes){0}, ret, HPKE_PRIVATE_SIZE);
    }
    for (unsigned counter = 0; counter < 256; counter++) {
        const uint8_t byte = (uint8_t)counter;
        if (!labeled_expand(&id, prk, "candidate", BYTES_OF(byte), ret, HPKE_PRIVATE_SIZE)) {
            return false;
        }
        if (p256_secret_valid(ret)) {
            return true;
        }
    }
    return false;
}

int hpke_private_derive(enum hpke_kem kem, struct bytes secret, struct hpke_private_key *ret)
{
    if (hpke_public_size(kem) == 0 || secret.size < HPKE_PRIVATE_SIZE || secret.size > 64) {
        return -EINVAL;
    }
    const struct suite_id id = kem_suite_id(kem);
    uint8_t prk[HASH_SIZE], own[HPKE_PRIVATE_SIZE];
    bool ok = labeled_extract(&id, (struct bytes){0}, "dkp_prk", secret, prk) &&
              derive_secret(kem, prk, own) && complete(kem, own, ret);
    secure_zero(prk, sizeof prk);
    secure_zero(own, sizeof own);
    return ok ? 0 : -EIO;
}

int hpke_private_make(enum hpke_kem kem, struct hpke_private_key *ret)
{
    uint8_t secret[HPKE_PRIVATE_SIZE];
    if (hpke_public_size(kem) == 0) {
        return -EINVAL;
    }
    int r = random_secret(secret, sizeof secret)
                ? hpke_private_derive(kem, BYTES(secret, sizeof secret), ret)
                : -EIO;
    secure_zero(secret, sizeof secret);
    return r;
}

/* ---- DHKEM, section 4.1 ---------------------------------------------------------------------- */

/* What ExtractAndExpand() takes: one or two DH values, and who takes part. */
struct kem_input {
    uint8_t dh[2 * DH_SIZE];
    size_t dh_size;
    uint8_t context[3 * HPKE_PUBLIC_MAX];
    size_t context_size;
};

static bool kem_dh(struct kem_input *in, const struct hpke_private_key *own,
                   const struct hpke_public_key *peer)
{
    REQUIRE(in->dh_size + DH_SIZE <= sizeof in->dh);
    uint8_t *ret = in->dh + in->dh_size;
    in->dh_size += DH_SIZE;
    return peer->kem == HPKE_KEM_P256
               ? p256_shared(own->secret, peer->data, ret)
               : x25519_shared(own->secret, own->public_key.data, peer->data, ret);
}

static void kem_party(struct kem_input *in, const struct hpke_public_key *key)
{
    struct writer w = {
        .data = in->context, .capacity = sizeof in->context, .size = in->context_size};
    writer_put(&w, hpke_public_bytes(key));
    REQUIRE(!w.failed);
    in->context_size = w.size;
}

/* ExtractAndExpand(dh, kem_context). */
static bool kem_secret(enum hpke_kem kem, const struct kem_input *in, uint8_t ret[HASH_SIZE])
{
    const struct suite_id id = kem_suite_id(kem);
    uint8_t prk[HASH_SIZE];
    bool ok = labeled_extract(&id, (struct bytes){0}, "eae_prk", BYTES(in->dh, in->dh_size), prk) &&
              labeled_expand(&id, prk, "shared_secret", BYTES(in->context, in->context_size), ret,
                             HASH_SIZE);
    secure_zero(prk, sizeof prk);
    return ok;
}

/* Encap and AuthEncap. A public key that was read is good, so that a zero secret does not happen.
 */
static bool encap(const struct hpke_private_key *ephemeral, const struct hpke_public_key *to,
                  const struct hpke_private_key *sender, uint8_t ret[HASH_SIZE])
{
    struct kem_input in = {0};
    bool ok = kem_dh(&in, ephemeral, to) && (sender == NULL || kem_dh(&in, sender, to));
    kem_party(&in, &ephemeral->public_key);
    kem_party(&in, to);
    if (sender != NULL) {
        kem_party(&in, &sender->public_key);
    }
    ok = ok && kem_secret(to->kem, &in, ret);
    secure_zero(&in, sizeof in);
    return ok;
}

/* Decap and AuthDecap. */
static bool decap(const struct hpke_public_key *enc, const struct hpke_private_key *to,
                  const struct hpke_public_key *sender, uint8_t ret[HASH_SIZE])
{
    struct kem_input in = {0};
    bool ok = kem_dh(&in, to, enc) && (sender == NULL || kem_dh(&in, to, sender));
    kem_party(&in, enc);
    kem_party(&in, &to->public_key);
    if (sender != NULL) {
        kem_party(&in, sender);
    }
    ok = ok && kem_secret(enc->kem, &in, ret);
    secure_zero(&in, sizeof in);
    return ok;
}

/* ---- Contexts, section 5 --------------------------------------------------------------------- */

static void context_wipe(struct hpke_context *c)
{
    secure_zero(c, sizeof *c);
}

void hpke_sender_wipe(struct hpke_sender *s)
{
    context_wipe(&s->context);
}

void hpke_receiver_wipe(struct hpke_receiver *r)
{
    context_wipe(&r->context);
}

/* KeySchedule(mode, shared_secret, info, "", ""), section 5.1. Modes without a pre-shared key have
 * empty psk and psk_id, which VerifyPSKInputs() demands of them. */
static bool key_schedule(struct hpke_suite suite, enum hpke_mode mode,
                         const uint8_t shared_secret[HASH_SIZE], struct bytes info,
                         struct hpke_context *ret)
{
    const struct suite_id id = hpke_suite_id(suite);
    const struct bytes nothing = {0};
    uint8_t context[1 + 2 * HASH_SIZE] = {(uint8_t)mode};
    const struct bytes all = BYTES(context, sizeof context);
    uint8_t secret[HASH_SIZE];
    *ret = (struct hpke_context){.aead = suite.aead, .kem = suite.kem};
    bool ok =
        labeled_extract(&id, nothing, "psk_id_hash", nothing, context + 1) &&
        labeled_extract(&id, nothing, "info_hash", info, context + 1 + HASH_SIZE) &&
        labeled_extract(&id, BYTES(shared_secret, HASH_SIZE), "secret", nothing, secret) &&
        labeled_expand(&id, secret, "key", all, ret->key, aead_key_size(suite.aead)) &&
        labeled_expand(&id, secret, "base_nonce", all, ret->base_nonce, sizeof ret->base_nonce) &&
        labeled_expand(&id, secret, "exp", all, ret->exporter_secret, sizeof ret->exporter_secret);
    secure_zero(secret, sizeof secret);
    return ok;
}

/* Exactly what the mode asks for, of the KEM of the suite. */
static bool from_fits(struct hpke_suite suite, struct hpke_from from, bool sealing)
{
    if (from.mode == HPKE_MODE_BASE) {
        return from.sender == NULL && from.expected == NULL;
    }
    if (from.mode != HPKE_MODE_AUTH || (from.sender != NULL) != sealing ||
        (from.expected == NULL) != sealing) {
        return false;
    }
    return (sealing ? from.sender->public_key.kem : from.expected->kem) == suite.kem;
}

static bool suite_taken(struct hpke_suite suite, struct bytes info)
{
    return hpke_public_size(suite.kem) > 0 && aead_key_size(suite.aead) > 0 &&
           info.size <= HPKE_INFO_MAX;
}

int hpke_setup_sender_with(struct hpke_suite suite, const struct hpke_private_key *ephemeral,
                           const struct hpke_public_key *to, struct hpke_from from,
                           struct bytes info, struct hpke_public_key *ret_enc,
                           struct hpke_sender *ret)
{
    if (!suite_taken(suite, info) || !from_fits(suite, from, true) || to->kem != suite.kem ||
        ephemeral->public_key.kem != suite.kem) {
        return -EINVAL;
    }
    AUTO_HPKE_SENDER made = {0};
    uint8_t shared_secret[HASH_SIZE];
    bool ok = encap(ephemeral, to, from.sender, shared_secret) &&
              key_schedule(suite, from.mode, shared_secret, info, &made.context);
    secure_zero(shared_secret, sizeof shared_secret);
    if (!ok) {
        return -EIO;
    }
    *ret_enc = ephemeral->public_key;
    *ret = made;
    return 0;
}

int hpke_setup_sender(struct hpke_suite suite, const struct hpke_public_key *to,
                      struct hpke_from from, struct bytes info, struct hpke_public_key *ret_enc,
                      struct hpke_sender *ret)
{
    AUTO_HPKE_KEY ephemeral = {0};
    int r = hpke_private_make(suite.kem, &ephemeral);
    return r != 0 ? r : hpke_setup_sender_with(suite, &ephemeral, to, from, info, ret_enc, ret);
}

int hpke_setup_receiver(struct hpke_suite suite, struct bytes enc,
                        const struct hpke_private_key *to, struct hpke_from from, struct bytes info,
                        struct hpke_receiver *ret)
{
    struct hpke_public_key peer;
    if (!suite_taken(suite, info) || !from_fits(suite, from, false) ||
        to->public_key.kem != suite.kem || hpke_public_read(suite.kem, enc, &peer) != 0) {
        return -EINVAL;
    }
    AUTO_HPKE_RECEIVER made = {0};
    uint8_t shared_secret[HASH_SIZE];
    bool ok = decap(&peer, to, from.expected, shared_secret) &&
              key_schedule(suite, from.mode, shared_secret, info, &made.context);
    secure_zero(shared_secret, sizeof shared_secret);
    if (!ok) {
        return -EBADMSG;
    }
    *ret = made;
    return 0;
}

/* ComputeNonce(seq), section 5.2: the number, big endian, upon the end of the base nonce. */
static void compute_nonce(const struct hpke_context *c, uint8_t ret[GCM_NONCE_SIZE])
{
    __builtin_memcpy(ret, c->base_nonce, GCM_NONCE_SIZE);
    for (size_t i = 0; i < sizeof c->sequence; i++) {
        ret[GCM_NONCE_SIZE - 1 - i] ^= (uint8_t)(c->sequence >> (8 * i));
    }
}

/* May the context take another message of this size? The RFC ends at 2^96 - 1; ours counts in 64
 * bits and ends before. */
static int context_ready(const struct hpke_context *c, size_t plaintext_size)
{
    if (aead_key_size(c->aead) == 0 || plaintext_size > HPKE_PLAINTEXT_MAX) {
        return -EINVAL;
    }
    return c->sequence == UINT64_MAX ? -EOVERFLOW : 0;
}

int hpke_seal(struct hpke_sender *s, struct bytes aad, struct bytes plaintext,
              uint8_t *ret_ciphertext)
{
    struct hpke_context *c = &s->context;
    uint8_t nonce[GCM_NONCE_SIZE];
    int r = context_ready(c, plaintext.size);
    if (r != 0) {
        return r;
    }
    compute_nonce(c, nonce);
    /* Counted before use: a seal that fails midway must not leave its nonce for another text. */
    c->sequence++;
    return gcm_seal(BYTES(c->key, aead_key_size(c->aead)), nonce, aad, plaintext, ret_ciphertext)
               ? 0
               : -EIO;
}

int hpke_open(struct hpke_receiver *r, struct bytes aad, struct bytes ciphertext,
              uint8_t *ret_plaintext)
{
    struct hpke_context *c = &r->context;
    uint8_t nonce[GCM_NONCE_SIZE];
    if (ciphertext.size < HPKE_TAG_SIZE) {
        return -EBADMSG;
    }
    int ready = context_ready(c, ciphertext.size - HPKE_TAG_SIZE);
    if (ready != 0) {
        return ready;
    }
    compute_nonce(c, nonce);
    if (!gcm_open(BYTES(c->key, aead_key_size(c->aead)), nonce, aad, ciphertext, ret_plaintext)) {
        return -EBADMSG;
    }
    c->sequence++;
    return 0;
}

int hpke_export(const struct hpke_context *c, struct bytes exporter_context, uint8_t *ret_secret,
                size_t size)
{
    if (aead_key_size(c->aead) == 0 || exporter_context.size > HPKE_INFO_MAX ||
        size > HPKE_EXPORT_MAX) {
        return -EINVAL;
    }
    const struct suite_id id = hpke_suite_id((struct hpke_suite){c->kem, c->aead});
    return labeled_expand(&id, c->exporter_secret, "sec", exporter_context, ret_secret, size)
               ? 0
               : -EIO;
}

int hpke_seal_once(struct hpke_suite suite, const struct hpke_public_key *to, struct hpke_from from,
                   struct bytes info, struct bytes aad, struct bytes plaintext,
                   struct hpke_public_key *ret_enc, uint8_t *ret_ciphertext)
{
    AUTO_HPKE_SENDER s = {0};
    struct hpke_public_key enc;
    int r = hpke_setup_sender(suite, to, from, info, &enc, &s);
    r = r != 0 ? r : hpke_seal(&s, aad, plaintext, ret_ciphertext);
    if (r == 0) {
        *ret_enc = enc;
    }
    return r;
}

int hpke_open_once(struct hpke_suite suite, struct bytes enc, const struct hpke_private_key *to,
                   struct hpke_from from, struct bytes info, struct bytes aad,
                   struct bytes ciphertext, uint8_t *ret_plaintext)
{
    AUTO_HPKE_RECEIVER r = {0};
    int set_up = hpke_setup_receiver(suite, enc, to, from, info, &r);
    return set_up != 0 ? set_up : hpke_open(&r, aad, ciphertext, ret_plaintext);
}
