/* SPDX-License-Identifier: Apache-2.0 */
/* Does an implementation of primitives.h give what the published vectors say? For its tests:
 * OpenSSL's outside (hpke_test.c), the enclave's inside (enclave/channel/primitives_test.c). Both
 * have tests/tap.h before it. */
#pragma once

#include <string.h>

#include "channel/hpke.h"
#include "hpke_inner.h"
#include "hpke_vectors.h"

#define HEX_MAX 128u

/* Decodes into one of a few buffers in turn; the vectors' values are short. */
static struct bytes unhex(const char *text)
{
    static uint8_t buffers[16][HEX_MAX];
    static unsigned next;
    uint8_t *out = buffers[next++ % ARRAY_SIZE(buffers)];
    size_t size = strlen(text) / 2;
    if (size > HEX_MAX || !hex_decode(out, size, BYTES(text, 2 * size))) {
        abort();
    }
    return BYTES(out, size);
}

static bool same(struct bytes found, const char *expected)
{
    return expected == NULL || bytes_equal(found, unhex(expected));
}

static bool same_pair(enum hpke_kem kem, const char *ikm, const char *sk, const char *pk)
{
    struct hpke_private_key derived, read;
    struct hpke_public_key public_key;
    if (hpke_private_read(kem, unhex(sk), &read) != 0 ||
        hpke_public_read(kem, unhex(pk), &public_key) != 0 ||
        !hpke_public_equal(&read.public_key, &public_key)) {
        return false;
    }
    return ikm == NULL || (hpke_private_derive(kem, unhex(ikm), &derived) == 0 &&
                           memcmp(&derived, &read, sizeof read) == 0);
}

static struct hpke_from from_of(const struct hpke_vector *v, const struct hpke_private_key *s,
                                const struct hpke_public_key *known)
{
    return v->mode == HPKE_MODE_BASE ? HPKE_FROM_ANYONE
           : s != NULL               ? HPKE_FROM_SELF(s)
                                     : HPKE_FROM_KNOWN(known);
}

static struct bytes count_aad(char text[16], unsigned sequence)
{
    return BYTES(text, (size_t)snprintf(text, 16, "Count-%u", sequence));
}

static void check_encryptions(const struct hpke_vector *v, struct hpke_sender *s,
                              struct hpke_receiver *r)
{
    const struct bytes plaintext = BYTES(unhex(VECTOR_PLAINTEXT).data, 29);
    uint8_t text[29], sealed[45], opened[29];
    bool good = true;
    unsigned count = 0;
    memcpy(text, plaintext.data, sizeof text);
    for (size_t i = 0; i < ARRAY_SIZE(v->encryptions) && v->encryptions[i].ciphertext != NULL;
         i++) {
        char aad[16];
        unsigned sequence = v->encryptions[i].sequence;
        s->context.sequence = r->context.sequence = sequence;
        good &= hpke_seal(s, count_aad(aad, sequence), BYTES_OF(text), sealed) == 0 &&
                same(BYTES_OF(sealed), v->encryptions[i].ciphertext) &&
                hpke_open(r, count_aad(aad, sequence), BYTES_OF(sealed), opened) == 0 &&
                memcmp(opened, text, sizeof text) == 0 && s->context.sequence == sequence + 1 &&
                r->context.sequence == sequence + 1;
        count++;
    }
    CHECK(good && count >= 4, "%s: %u encryptions are those of the vector", v->name, count);
}

static void check_exports(const struct hpke_vector *v, const struct hpke_sender *s,
                          const struct hpke_receiver *r)
{
    static const struct bytes contexts[] = {
        {0}, {(const uint8_t *)"", 1}, BYTES_STR("TestContext")};
    bool good = true;
    for (size_t i = 0; i < ARRAY_SIZE(contexts); i++) {
        uint8_t ours[32], theirs[32];
        good &= hpke_export(&s->context, contexts[i], ours, 32) == 0 &&
                hpke_export(&r->context, contexts[i], theirs, 32) == 0 &&
                memcmp(ours, theirs, 32) == 0 && same(BYTES_OF(ours), v->exports[i]);
    }
    CHECK(good, "%s: exports are those of the vector", v->name);
}

/* Without its AEAD everything else of a vector can still be shown. */
static void test_vector(const struct hpke_vector *v, bool aead_is_there)
{
    enum hpke_kem kem = v->suite.kem;
    bool auth = v->mode == HPKE_MODE_AUTH;
    CHECK(same_pair(kem, v->ikm_e, v->sk_e, v->pk_e) &&
              same_pair(kem, v->ikm_r, v->sk_r, v->pk_r) &&
              (!auth || same_pair(kem, v->ikm_s, v->sk_s, v->pk_s)),
          "%s: key pairs are those of the vector", v->name);
    struct hpke_private_key e, to, sender = {0};
    if (hpke_private_read(kem, unhex(v->sk_e), &e) != 0 ||
        hpke_private_read(kem, unhex(v->sk_r), &to) != 0 ||
        (auth && hpke_private_read(kem, unhex(v->sk_s), &sender) != 0)) {
        abort();
    }
    struct hpke_sender s;
    struct hpke_receiver r;
    struct hpke_public_key enc;
    const struct bytes info = BYTES(unhex(VECTOR_INFO).data, 20);
    uint8_t info_copy[20];
    memcpy(info_copy, info.data, sizeof info_copy);
    int sealing = hpke_setup_sender_with(v->suite, &e, &to.public_key, from_of(v, &sender, NULL),
                                         BYTES_OF(info_copy), &enc, &s);
    int opening =
        hpke_setup_receiver(v->suite, unhex(v->pk_e), &to, from_of(v, NULL, &sender.public_key),
                            BYTES_OF(info_copy), &r);
    CHECK(sealing == 0 && opening == 0 && same(hpke_public_bytes(&enc), v->pk_e) &&
              memcmp(&s.context, &r.context, sizeof s.context) == 0,
          "%s: both sides have the same context", v->name);
    CHECK(same(BYTES(s.context.key, v->suite.aead == HPKE_AES_128_GCM ? 16 : 32), v->key) &&
              same(BYTES_OF(s.context.base_nonce), v->base_nonce) &&
              same(BYTES_OF(s.context.exporter_secret), v->exporter_secret),
          "%s: the key schedule is that of the vector", v->name);
    if (aead_is_there) {
        check_encryptions(v, &s, &r);
    }
    check_exports(v, &s, &r);
}
