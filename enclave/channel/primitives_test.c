/* SPDX-License-Identifier: Apache-2.0 */
/* The enclave's primitives in an ordinary process: the published vectors, RFC 7748's, and that what
 * is not there is refused. Messages between the two implementations: tests/e2e/worker.sh. */
#include "primitives.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "runtime/rt.h"
#include "tests/tap.h"

#include "hpke_vector_check.h"

/* ---- the runtime's part, without an enclave -------------------------------------------------- */

static int vector_depth; /* they do not nest */

void rt_vector_begin(void)
{
    REQUIRE(vector_depth++ == 0);
}

void rt_vector_end(void)
{
    REQUIRE(vector_depth-- == 1);
}

void rt_random(void *to, size_t n)
{
    REQUIRE(getrandom(to, n, 0) == (ssize_t)n);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void take(uint8_t ret[32], const char *hex)
{
    if (!hex_decode(ret, 32, BYTES(hex, 64))) {
        abort();
    }
}

/* RFC 7748 section 5.2: a scalar, a point with its highest bit set or not, the product. */
static void test_x25519(void)
{
    static const char *const table[][3] = {
        {"a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
         "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
         "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"},
        {"4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
         "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
         "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957"}};
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        uint8_t k[32], u[32], wanted[32], found[32];
        take(k, table[i][0]);
        take(u, table[i][1]);
        take(wanted, table[i][2]);
        CHECK(x25519_shared(k, u, u, found) && memcmp(found, wanted, 32) == 0,
              "RFC 7748 section 5.2: product %zu", i + 1);
    }
    uint8_t k[32] = {9}, u[32] = {9}, found[32], wanted[32];
    bool good = true;
    for (unsigned i = 0; i < 1000; i++) {
        good = good && x25519_shared(k, u, u, found);
        memcpy(u, k, 32);
        memcpy(k, found, 32);
    }
    take(wanted, "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51");
    CHECK(good && memcmp(k, wanted, 32) == 0, "RFC 7748 section 5.2: after 1,000 rounds");
    uint8_t base[32] = {9}, secret[32], public_key[32];
    CHECK(random_secret(secret, 32) && x25519_public(secret, public_key) &&
              x25519_shared(secret, public_key, base, found) && memcmp(found, public_key, 32) == 0,
          "a public key is the product with the base point");
    static const uint8_t small[][32] = {{0}, {1}, {0xed, [1 ... 30] = 0xff, [31] = 0x7f}};
    for (size_t i = 0; i < ARRAY_SIZE(small); i++) {
        CHECK(!x25519_shared(secret, public_key, small[i], found),
              "a point of small order gives no secret (%zu)", i);
    }
}

static void test_missing(void)
{
    struct hpke_private_key key;
    struct hpke_public_key public_key, enc;
    struct hpke_sender s;
    uint8_t point[65], out[16 + HPKE_TAG_SIZE] = {0};
    const struct hpke_vector *p256 = &hpke_vectors[2];
    REQUIRE(p256->suite.kem == HPKE_KEM_P256);
    if (!hex_decode(point, sizeof point, BYTES(p256->pk_r, 2 * sizeof point))) {
        abort();
    }
    CHECK(hpke_public_read(HPKE_KEM_P256, BYTES_OF(point), &public_key) == -EINVAL,
          "a key on P-256 is refused");
    CHECK(hpke_private_make(HPKE_KEM_P256, &key) != 0, "and none is made");
    REQUIRE(hpke_private_make(HPKE_KEM_X25519, &key) == 0);
    const struct hpke_suite suite = {HPKE_KEM_X25519, HPKE_AES_128_GCM};
    CHECK(hpke_setup_sender(suite, &key.public_key, HPKE_FROM_ANYONE, (struct bytes){0}, &enc,
                            &s) == 0 &&
              hpke_seal(&s, (struct bytes){0}, BYTES(out, 16), out) == -EIO,
          "nothing is sealed with AES-128-GCM");
    struct hpke_receiver r;
    CHECK(hpke_setup_receiver(suite, hpke_public_bytes(&enc), &key, HPKE_FROM_ANYONE,
                              (struct bytes){0}, &r) == 0 &&
              hpke_open(&r, (struct bytes){0}, BYTES_OF(out), out) == -EBADMSG,
          "and nothing opens");
}

/* A large one, in place; one bit less and nothing of it is left. */
static void test_gcm(void)
{
    enum { SIZE = (1 << 20) + 5 };
    static uint8_t data[SIZE + GCM_TAG_SIZE];
    uint8_t key[32] = {1}, nonce[GCM_NONCE_SIZE] = {2};
    const struct bytes aad = BYTES_STR("aad");
    memset(data, 'x', SIZE);
    bool sealed = gcm_seal(BYTES_OF(key), nonce, aad, BYTES(data, SIZE), data);
    bool good = gcm_open(BYTES_OF(key), nonce, aad, BYTES_OF(data), data) && data[0] == 'x' &&
                memcmp(data, data + 1, SIZE - 1) == 0;
    CHECK(sealed && good, "a megabyte is sealed and opened in place");
    sealed = gcm_seal(BYTES_OF(key), nonce, aad, BYTES(data, SIZE), data);
    data[SIZE / 2] ^= 4;
    CHECK(sealed && !gcm_open(BYTES_OF(key), nonce, aad, BYTES_OF(data), data) && data[0] == 0 &&
              memcmp(data, data + 1, SIZE - 1) == 0,
          "a changed one leaves zeros");
    CHECK(!gcm_open(BYTES_OF(key), nonce, aad, BYTES(data, GCM_TAG_SIZE - 1), data),
          "what is shorter than a tag does not open");
}

int main(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(hpke_vectors); i++) {
        if (hpke_vectors[i].suite.kem == HPKE_KEM_X25519) {
            test_vector(&hpke_vectors[i], hpke_vectors[i].suite.aead == HPKE_AES_256_GCM);
        }
    }
    test_x25519();
    test_missing();
    test_gcm();
    return tap_done();
}
