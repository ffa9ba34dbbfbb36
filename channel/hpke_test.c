/* SPDX-License-Identifier: Apache-2.0 */
/* HPKE against the published vectors, and against everything that must not open. */
#include "channel/hpke.h"
#include "primitives.h"

#include "tests/tap.h"

#include "hpke_vector_check.h"

#include <errno.h>
#include <string.h>

#include <openssl/err.h>

/* ---- One message of every suite and mode, and all that must not open --------------------------
 */

#define TEXT "a day in the life"

struct scene {
    struct hpke_suite suite;
    enum hpke_mode mode;
    struct hpke_private_key to, sender, stranger;
    struct hpke_public_key enc;
    uint8_t sealed[sizeof TEXT + HPKE_TAG_SIZE];
};

static struct hpke_from scene_known(const struct scene *c, const struct hpke_private_key *who)
{
    return c->mode == HPKE_MODE_BASE ? HPKE_FROM_ANYONE : HPKE_FROM_KNOWN(&who->public_key);
}

static struct hpke_from scene_self(const struct scene *c)
{
    return c->mode == HPKE_MODE_BASE ? HPKE_FROM_ANYONE : HPKE_FROM_SELF(&c->sender);
}

static void scene_make(struct scene *c, struct hpke_suite suite, enum hpke_mode mode)
{
    *c = (struct scene){.suite = suite, .mode = mode};
    if (hpke_private_make(suite.kem, &c->to) != 0 ||
        hpke_private_make(suite.kem, &c->sender) != 0 ||
        hpke_private_make(suite.kem, &c->stranger) != 0 ||
        hpke_seal_once(suite, &c->to.public_key, scene_self(c), BYTES_STR("info"), BYTES_STR("aad"),
                       BYTES(TEXT, sizeof TEXT), &c->enc, c->sealed) != 0) {
        abort();
    }
}

/* What is left as it was is named "", NULL or the scene's own. */
struct attempt {
    const struct hpke_private_key *to, *sender;
    const char *info, *aad;
    size_t cut;
    int flip; /* the byte to change, or -1 */
    int enc_flip;
};

static int scene_open(const struct scene *c, struct attempt a, uint8_t opened[sizeof TEXT])
{
    uint8_t sealed[sizeof c->sealed];
    struct hpke_public_key enc = c->enc;
    memcpy(sealed, c->sealed, sizeof sealed);
    if (a.flip >= 0) {
        sealed[a.flip] ^= 1;
    }
    if (a.enc_flip >= 0) {
        enc.data[a.enc_flip] ^= 1;
    }
    memset(opened, 0x5a, sizeof TEXT);
    return hpke_open_once(c->suite, hpke_public_bytes(&enc), a.to, scene_known(c, a.sender),
                          BYTES(a.info, strlen(a.info)), BYTES(a.aad, strlen(a.aad)),
                          BYTES(sealed, sizeof sealed - a.cut), opened);
}

static bool wiped(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (data[i] != 0) {
            return false;
        }
    }
    return true;
}

static void test_scene(struct hpke_suite suite, enum hpke_mode mode, const char *name)
{
    struct scene c;
    scene_make(&c, suite, mode);
    const struct attempt good = {&c.to, &c.sender, "info", "aad", 0, -1, -1};
    uint8_t opened[sizeof TEXT];
    CHECK(scene_open(&c, good, opened) == 0 && memcmp(opened, TEXT, sizeof TEXT) == 0,
          "%s: what was sealed opens", name);

    struct attempt a = good;
    a.to = &c.stranger;
    CHECK(scene_open(&c, a, opened) == -EBADMSG && wiped(opened, sizeof opened),
          "%s: with another private key it does not open, and leaves nothing", name);
    a = good;
    a.info = "Info";
    CHECK(scene_open(&c, a, opened) == -EBADMSG, "%s: with other info it does not open", name);
    a = good;
    a.aad = "aae";
    CHECK(scene_open(&c, a, opened) == -EBADMSG, "%s: with other associated data neither", name);
    a.aad = "";
    CHECK(scene_open(&c, a, opened) == -EBADMSG, "%s: without associated data neither", name);
    bool refused = true;
    for (int i = 0; i < (int)sizeof c.sealed; i++) {
        a = good;
        a.flip = i;
        refused &= scene_open(&c, a, opened) == -EBADMSG;
    }
    CHECK(refused, "%s: with any byte changed it does not open", name);
    refused = true;
    for (size_t cut = 1; cut <= sizeof c.sealed; cut++) {
        a = good;
        a.cut = cut;
        refused &= scene_open(&c, a, opened) == -EBADMSG;
    }
    CHECK(refused, "%s: cut anywhere it does not open", name);
    refused = true;
    for (int i = 0; i < (int)hpke_public_size(suite.kem); i++) {
        a = good;
        a.enc_flip = i;
        refused &= scene_open(&c, a, opened) != 0;
    }
    CHECK(refused, "%s: with any byte of enc changed it does not open", name);
    if (mode == HPKE_MODE_AUTH) {
        a = good;
        a.sender = &c.stranger;
        CHECK(scene_open(&c, a, opened) == -EBADMSG, "%s: from another sender it does not open",
              name);
        c.mode = HPKE_MODE_BASE;
        CHECK(scene_open(&c, good, opened) == -EBADMSG, "%s: nor as if from anyone", name);
    } else {
        c.mode = HPKE_MODE_AUTH;
        CHECK(scene_open(&c, good, opened) == -EBADMSG, "%s: nor as if from a known sender", name);
    }
    c.mode = mode;
    c.suite.aead = suite.aead == HPKE_AES_128_GCM ? HPKE_AES_256_GCM : HPKE_AES_128_GCM;
    CHECK(scene_open(&c, good, opened) == -EBADMSG, "%s: nor with the other AEAD", name);
}

/* ---- Contexts -------------------------------------------------------------------------------- */

struct pair {
    struct hpke_sender s;
    struct hpke_receiver r;
};

static void pair_make(struct pair *p)
{
    struct hpke_private_key to;
    struct hpke_public_key enc;
    if (hpke_private_make(HPKE_KEM_X25519, &to) != 0 ||
        hpke_setup_sender(HPKE_SUITE_DEFAULT, &to.public_key, HPKE_FROM_ANYONE, BYTES_STR("i"),
                          &enc, &p->s) != 0 ||
        hpke_setup_receiver(HPKE_SUITE_DEFAULT, hpke_public_bytes(&enc), &to, HPKE_FROM_ANYONE,
                            BYTES_STR("i"), &p->r) != 0) {
        abort();
    }
}

static void test_sequence(void)
{
    struct pair p;
    pair_make(&p);
    uint8_t sealed[2][4 + HPKE_TAG_SIZE], opened[4];
    const struct bytes none = {0}, text = BYTES("text", 4);
    CHECK(hpke_seal(&p.s, none, text, sealed[0]) == 0 &&
              hpke_seal(&p.s, none, text, sealed[1]) == 0 && memcmp(sealed[0], sealed[1], 20) != 0,
          "the same text sealed twice is not the same");
    CHECK(hpke_open(&p.r, none, BYTES_OF(sealed[1]), opened) == -EBADMSG &&
              p.r.context.sequence == 0,
          "the second message does not open first, and the number stays");
    CHECK(hpke_open(&p.r, none, BYTES_OF(sealed[0]), opened) == 0 &&
              hpke_open(&p.r, none, BYTES_OF(sealed[0]), opened) == -EBADMSG,
          "a message opens once");
    CHECK(hpke_open(&p.r, none, BYTES_OF(sealed[1]), opened) == 0 && memcmp(opened, "text", 4) == 0,
          "in order both open");
    p.s.context.sequence = p.r.context.sequence = UINT64_MAX - 1;
    CHECK(hpke_seal(&p.s, none, text, sealed[0]) == 0 &&
              hpke_open(&p.r, none, BYTES_OF(sealed[0]), opened) == 0,
          "the last sequence number is used");
    CHECK(hpke_seal(&p.s, none, text, sealed[0]) == -EOVERFLOW &&
              hpke_open(&p.r, none, BYTES_OF(sealed[0]), opened) == -EOVERFLOW,
          "a context without sequence numbers left seals and opens nothing");
}

static void test_contexts(void)
{
    struct pair p;
    pair_make(&p);
    uint8_t buffer[64], opened[64];
    const struct bytes none = {0};
    CHECK(hpke_seal(&p.s, none, none, buffer) == 0 &&
              hpke_open(&p.r, none, BYTES(buffer, HPKE_TAG_SIZE), opened) == 0,
          "an empty message is a message");
    memcpy(buffer, "in place", 8);
    CHECK(hpke_seal(&p.s, none, BYTES(buffer, 8), buffer) == 0 &&
              memcmp(buffer, "in place", 8) != 0 &&
              hpke_open(&p.r, none, BYTES(buffer, 8 + HPKE_TAG_SIZE), buffer) == 0 &&
              memcmp(buffer, "in place", 8) == 0,
          "sealing and opening work in place");
    static uint8_t secret[HPKE_EXPORT_MAX + 1], again[HPKE_EXPORT_MAX + 1];
    CHECK(hpke_export(&p.s.context, none, secret, HPKE_EXPORT_MAX) == 0 &&
              hpke_export(&p.r.context, none, again, HPKE_EXPORT_MAX) == 0 &&
              memcmp(secret, again, HPKE_EXPORT_MAX) == 0,
          "the longest export is the same on both sides");
    CHECK(hpke_export(&p.s.context, none, secret, HPKE_EXPORT_MAX + 1) == -EINVAL &&
              hpke_export(&p.s.context, BYTES(secret, HPKE_INFO_MAX + 1), again, 1) == -EINVAL,
          "longer exports and contexts are refused");
    CHECK(hpke_export(&p.s.context, none, secret, 31) == 0 &&
              hpke_export(&p.s.context, none, again, 32) == 0 && memcmp(secret, again, 31) != 0,
          "an export of another length is another secret");
    CHECK(hpke_seal(&p.s, none, BYTES(buffer, HPKE_PLAINTEXT_MAX + 1u), buffer) == -EINVAL,
          "a text beyond the limit is refused");
    hpke_sender_wipe(&p.s);
    hpke_receiver_wipe(&p.r);
    CHECK(wiped((const uint8_t *)&p, sizeof p) && hpke_seal(&p.s, none, none, buffer) == -EINVAL &&
              hpke_open(&p.r, none, BYTES(buffer, 16), buffer) == -EINVAL &&
              hpke_export(&p.s.context, none, buffer, 1) == -EINVAL,
          "a wiped context has no secret and takes no call");
}

/* ---- Keys ------------------------------------------------------------------------------------ */

/* https://cr.yp.to/ecdh.html#validate, hexadecimal. */
static const char *const small_order[] = {
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
};

static void test_small_order(void)
{
    struct hpke_private_key to;
    struct hpke_public_key key;
    struct hpke_receiver r;
    struct hpke_sender s;
    bool zero = true, unread = true, unused = true, unsent = true;
    if (hpke_private_make(HPKE_KEM_X25519, &to) != 0) {
        abort();
    }
    for (size_t i = 0; i < 2 * ARRAY_SIZE(small_order); i++) {
        uint8_t point[32], shared[32];
        memcpy(point, unhex(small_order[i / 2]).data, sizeof point);
        point[31] |= (uint8_t)(i % 2 << 7);
        zero &= !x25519_shared(to.secret, to.public_key.data, point, shared);
        unread &= hpke_public_read(HPKE_KEM_X25519, BYTES_OF(point), &key) == -EINVAL;
        unused &= hpke_setup_receiver(HPKE_SUITE_DEFAULT, BYTES_OF(point), &to, HPKE_FROM_ANYONE,
                                      (struct bytes){0}, &r) == -EINVAL;
        struct hpke_public_key forced = {.kem = HPKE_KEM_X25519};
        memcpy(forced.data, point, sizeof point);
        unsent &= hpke_setup_sender(HPKE_SUITE_DEFAULT, &forced, HPKE_FROM_ANYONE,
                                    (struct bytes){0}, &key, &s) == -EIO;
        unused &= hpke_setup_receiver(HPKE_SUITE_DEFAULT, hpke_public_bytes(&to.public_key), &to,
                                      HPKE_FROM_KNOWN(&forced), (struct bytes){0}, &r) == -EBADMSG;
    }
    CHECK(zero, "each point of small order gives a shared secret of zero, which is refused");
    CHECK(unread, "none of them is read as a key, with the ignored bit or without");
    CHECK(unused, "none of them is taken as enc or as a sender");
    CHECK(unsent, "nothing is sealed to one of them");
}

static void test_p256_points(void)
{
    const struct hpke_vector *v = &hpke_vectors[2];
    uint8_t point[65];
    struct hpke_public_key key;
    memcpy(point, unhex(v->pk_r).data, sizeof point);
    CHECK(hpke_public_read(HPKE_KEM_P256, BYTES_OF(point), &key) == 0, "a point of P-256 is a key");
    point[64] ^= 1;
    CHECK(hpke_public_read(HPKE_KEM_P256, BYTES_OF(point), &key) == -EINVAL,
          "a point beside the curve is none");
    point[64] ^= 1;
    CHECK(hpke_public_read(HPKE_KEM_P256, BYTES(point, 64), &key) == -EINVAL,
          "a point without its last byte is none");
    uint8_t compressed[33] = {(uint8_t)(2 + (point[64] & 1))};
    memcpy(compressed + 1, point + 1, 32);
    CHECK(hpke_public_read(HPKE_KEM_P256, BYTES_OF(compressed), &key) == -EINVAL,
          "a compressed point is none");
    point[0] = (uint8_t)(6 + (point[64] & 1));
    CHECK(hpke_public_read(HPKE_KEM_P256, BYTES_OF(point), &key) == -EINVAL,
          "a point in the hybrid form is none");
    uint8_t infinity[65] = {0};
    CHECK(hpke_public_read(HPKE_KEM_P256, BYTES_OF(infinity), &key) == -EINVAL &&
              hpke_public_read(HPKE_KEM_P256, BYTES(infinity, 1), &key) == -EINVAL,
          "infinity is none");
    infinity[0] = 4;
    CHECK(hpke_public_read(HPKE_KEM_P256, BYTES_OF(infinity), &key) == -EINVAL,
          "the point (0, 0) is none");
    /* x = p + 5: (5, y) is on the curve, and p + 5 fits into 32 bytes. */
    uint8_t large[65] = {4};
    memcpy(large + 1,
           unhex("ffffffff00000001000000000000000000000001000000000000000000000004").data, 32);
    memcpy(large + 33,
           unhex("459243b9aa581806fe913bce99817ade11ca503c64d9a3c533415c083248fbcc").data, 32);
    CHECK(hpke_public_read(HPKE_KEM_P256, BYTES_OF(large), &key) == -EINVAL,
          "a coordinate beyond the field is none");
    struct hpke_public_key forced = {.kem = HPKE_KEM_P256};
    memcpy(forced.data, infinity, sizeof infinity);
    struct hpke_private_key own;
    struct hpke_sender s;
    CHECK(hpke_private_make(HPKE_KEM_P256, &own) == 0 &&
              hpke_setup_sender((struct hpke_suite){HPKE_KEM_P256, HPKE_AES_128_GCM}, &forced,
                                HPKE_FROM_SELF(&own), (struct bytes){0}, &key, &s) == -EIO,
          "nothing is sealed to a point that is none");
}

static void test_scalars(void)
{
    static const struct {
        const char *secret;
        bool good;
    } scalars[] = {
        {"0000000000000000000000000000000000000000000000000000000000000000", false},
        {"0000000000000000000000000000000000000000000000000000000000000001", true},
        {"ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550", true},
        {"ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", false},
        {"ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632552", false},
        {"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", false},
        {"fffffffe00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", true},
    };
    bool as_expected = true;
    for (size_t i = 0; i < ARRAY_SIZE(scalars); i++) {
        struct hpke_private_key key;
        as_expected &= (hpke_private_read(HPKE_KEM_P256, unhex(scalars[i].secret), &key) == 0) ==
                       scalars[i].good;
    }
    CHECK(as_expected, "scalars of P-256 are those from 1 to n - 1");
    struct hpke_private_key key, other;
    uint8_t secret[65] = {1};
    CHECK(hpke_private_read(HPKE_KEM_P256, BYTES(secret, 31), &key) == -EINVAL &&
              hpke_private_read((enum hpke_kem)0, BYTES(secret, 32), &key) == -EINVAL,
          "secrets of another size or KEM are refused");
    CHECK(hpke_private_derive(HPKE_KEM_X25519, BYTES(secret, 31), &key) == -EINVAL &&
              hpke_private_derive(HPKE_KEM_X25519, BYTES(secret, 65), &key) == -EINVAL &&
              hpke_private_derive((enum hpke_kem)0x12, BYTES(secret, 32), &key) == -EINVAL &&
              hpke_private_derive(HPKE_KEM_X25519, BYTES(secret, 64), &key) == 0,
          "keys are derived from 32 to 64 bytes");
    CHECK(hpke_private_make((enum hpke_kem)0x12, &key) == -EINVAL &&
              hpke_private_make(HPKE_KEM_P256, &key) == 0 &&
              hpke_private_make(HPKE_KEM_P256, &other) == 0 &&
              !hpke_public_equal(&key.public_key, &other.public_key),
          "no key is made twice");
    hpke_private_wipe(&key);
    CHECK(wiped((const uint8_t *)&key, sizeof key), "a wiped key is gone");
}

static void test_public_keys(void)
{
    struct hpke_private_key a, b;
    struct hpke_public_key none = {0};
    uint8_t id[32], expected[32];
    if (hpke_private_make(HPKE_KEM_X25519, &a) != 0 || hpke_private_make(HPKE_KEM_P256, &b) != 0) {
        abort();
    }
    CHECK(hpke_public_id(&a.public_key, id) == 0 &&
              hash_sha256(hpke_public_bytes(&a.public_key), expected) &&
              memcmp(id, expected, 32) == 0 && hpke_public_id(&none, id) == -EINVAL,
          "a key's id is the SHA-256 of its bytes");
    CHECK(hpke_public_equal(&a.public_key, &a.public_key) &&
              !hpke_public_equal(&a.public_key, &b.public_key) && !hpke_public_equal(&none, &none),
          "keys are equal when both are keys");
    CHECK(hpke_public_read((enum hpke_kem)0x12, BYTES(a.public_key.data, 32), &none) == -EINVAL &&
              hpke_public_read(HPKE_KEM_X25519, BYTES(a.public_key.data, 31), &none) == -EINVAL,
          "keys of another KEM or size are refused");
}

/* ---- Arguments ------------------------------------------------------------------------------- */

static void test_arguments(void)
{
    struct hpke_private_key x, p;
    struct hpke_public_key enc;
    struct hpke_sender s;
    struct hpke_receiver r;
    static const uint8_t long_info[HPKE_INFO_MAX + 1];
    const struct bytes none = {0};
    const struct hpke_suite suite = HPKE_SUITE_DEFAULT;
    const struct hpke_suite bad_kem = {(enum hpke_kem)0x12, HPKE_AES_128_GCM};
    const struct hpke_suite bad_aead = {HPKE_KEM_X25519, (enum hpke_aead)3};
    if (hpke_private_make(HPKE_KEM_X25519, &x) != 0 || hpke_private_make(HPKE_KEM_P256, &p) != 0) {
        abort();
    }
    const struct bytes key = hpke_public_bytes(&x.public_key);
#define SEND(suite, to, from, info)      hpke_setup_sender(suite, to, from, info, &enc, &s)
#define TAKE(suite, enc, to, from, info) hpke_setup_receiver(suite, enc, to, from, info, &r)
    CHECK(SEND(suite, &x.public_key, HPKE_FROM_ANYONE, BYTES(long_info, HPKE_INFO_MAX)) == 0 &&
              SEND(suite, &x.public_key, HPKE_FROM_ANYONE, BYTES_OF(long_info)) == -EINVAL &&
              TAKE(suite, key, &x, HPKE_FROM_ANYONE, BYTES_OF(long_info)) == -EINVAL,
          "info has a limit");
    CHECK(SEND(bad_kem, &x.public_key, HPKE_FROM_ANYONE, none) == -EINVAL &&
              SEND(bad_aead, &x.public_key, HPKE_FROM_ANYONE, none) == -EINVAL &&
              TAKE(bad_kem, key, &x, HPKE_FROM_ANYONE, none) == -EINVAL &&
              TAKE(bad_aead, key, &x, HPKE_FROM_ANYONE, none) == -EINVAL,
          "other suites are refused");
    CHECK(SEND(suite, &p.public_key, HPKE_FROM_ANYONE, none) == -EINVAL &&
              TAKE(suite, key, &p, HPKE_FROM_ANYONE, none) == -EINVAL &&
              SEND(suite, &x.public_key, HPKE_FROM_SELF(&p), none) == -EINVAL &&
              TAKE(suite, key, &x, HPKE_FROM_KNOWN(&p.public_key), none) == -EINVAL,
          "keys of another KEM are refused");
    CHECK(hpke_setup_sender_with(suite, &p, &x.public_key, HPKE_FROM_ANYONE, none, &enc, &s) ==
              -EINVAL,
          "an ephemeral key of another KEM too");
    struct hpke_from psk = {.mode = (enum hpke_mode)1}, bare = {.mode = HPKE_MODE_AUTH},
                     too_much = HPKE_FROM_SELF(&x);
    too_much.mode = HPKE_MODE_BASE;
    struct hpke_from both = HPKE_FROM_SELF(&x);
    both.expected = &x.public_key;
    CHECK(SEND(suite, &x.public_key, psk, none) == -EINVAL &&
              SEND(suite, &x.public_key, bare, none) == -EINVAL &&
              SEND(suite, &x.public_key, too_much, none) == -EINVAL &&
              SEND(suite, &x.public_key, both, none) == -EINVAL,
          "the sealing side names itself exactly when the mode asks for it");
    too_much = HPKE_FROM_KNOWN(&x.public_key);
    too_much.mode = HPKE_MODE_BASE;
    CHECK(TAKE(suite, key, &x, psk, none) == -EINVAL &&
              TAKE(suite, key, &x, bare, none) == -EINVAL &&
              TAKE(suite, key, &x, too_much, none) == -EINVAL &&
              TAKE(suite, key, &x, both, none) == -EINVAL,
          "the opening side names the sender exactly when the mode asks for it");
    CHECK(TAKE(suite, BYTES(key.data, 31), &x, HPKE_FROM_ANYONE, none) == -EINVAL &&
              TAKE(suite, none, &x, HPKE_FROM_ANYONE, none) == -EINVAL,
          "an enc of another size is refused");
}

/* The library's error queue is the caller's. */
static void test_error_queue(void)
{
    struct scene c;
    uint8_t opened[sizeof TEXT];
    scene_make(&c, (struct hpke_suite){HPKE_KEM_P256, HPKE_AES_128_GCM}, HPKE_MODE_AUTH);
    const struct attempt damaged = {&c.to, &c.sender, "info", "aad", 0, 3, -1};
    const struct attempt no_point = {&c.to, &c.sender, "info", "aad", 0, -1, 20};
    ERR_clear_error();
    bool refused = scene_open(&c, damaged, opened) != 0 && scene_open(&c, no_point, opened) != 0;
    CHECK(refused && ERR_peek_error() == 0, "refusals leave no errors behind");
    ERR_raise(ERR_LIB_USER, 42);
    refused = scene_open(&c, damaged, opened) != 0 && scene_open(&c, no_point, opened) != 0;
    bool kept = ERR_GET_REASON(ERR_get_error()) == 42 && ERR_peek_error() == 0;
    CHECK(refused && kept, "and those that were there stay");
}

int main(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(hpke_vectors); i++) {
        test_vector(&hpke_vectors[i], true);
    }
    static const struct {
        const char *name;
        struct hpke_suite suite;
    } suites[] = {{"X25519, AES-128-GCM", {HPKE_KEM_X25519, HPKE_AES_128_GCM}},
                  {"X25519, AES-256-GCM", {HPKE_KEM_X25519, HPKE_AES_256_GCM}},
                  {"P-256, AES-128-GCM", {HPKE_KEM_P256, HPKE_AES_128_GCM}},
                  {"P-256, AES-256-GCM", {HPKE_KEM_P256, HPKE_AES_256_GCM}}};
    for (size_t i = 0; i < ARRAY_SIZE(suites); i++) {
        char name[64];
        snprintf(name, sizeof name, "%s, base", suites[i].name);
        test_scene(suites[i].suite, HPKE_MODE_BASE, name);
        snprintf(name, sizeof name, "%s, auth", suites[i].name);
        test_scene(suites[i].suite, HPKE_MODE_AUTH, name);
    }
    test_sequence();
    test_contexts();
    test_small_order();
    test_p256_points();
    test_scalars();
    test_public_keys();
    test_arguments();
    test_error_queue();
    return tap_done();
}
