/* SPDX-License-Identifier: Apache-2.0 */
/* Owner and blank, with a processor of this test's own: a REPORT is an HMAC under a key of the
 * machine and the identity that it was made for. Whatever the host changes in either message,
 * wherever it takes one from, nobody agrees with anybody else. */
#include "proc/handshake.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <string.h>

#include "tests/tap.h"

/* ---- the processor --------------------------------------------------------------------------- */

static struct sgx_report_body here; /* identity of the enclave that runs now */
static uint8_t machine = 1;         /* and its machine */

static void hmac(const void *key, size_t key_size, const void *data, size_t size, uint8_t ret[32])
{
    unsigned n = 32;
    REQUIRE(HMAC(EVP_sha256(), key, (int)key_size, (const uint8_t *)data, size, ret, &n) != NULL);
}

static void identity_key(const char *purpose, uint8_t ret[32])
{
    struct {
        uint8_t machine;
        char purpose[31];
        uint8_t identity[offsetof(struct sgx_report_body, reportdata)];
    } of = {.machine = machine};
    strncpy(of.purpose, purpose, sizeof of.purpose - 1);
    memcpy(of.identity, &here, sizeof of.identity);
    hmac("fuses", 5, &of, sizeof of, ret);
}

void rt_target_info(struct sgx_targetinfo *ret)
{
    memset(ret, 0, sizeof *ret);
}

const struct sgx_report_body *rt_identity(void)
{
    return &here;
}

static void mac_of(const struct sgx_report *r, uint8_t ret[32])
{
    uint8_t key[32];
    identity_key("report", key);
    hmac(key, sizeof key, r, offsetof(struct sgx_report, mac), ret);
}

void rt_report(const struct sgx_targetinfo *target, const uint8_t reportdata[64],
               struct sgx_report *ret)
{
    uint8_t mac[32];
    (void)target;
    memset(ret, 0, sizeof *ret);
    ret->body = here;
    memcpy(ret->body.reportdata, reportdata, 64);
    mac_of(ret, mac);
    memcpy(ret->mac, mac, sizeof ret->mac);
}

bool rt_report_is_ours(const struct sgx_report *report)
{
    uint8_t mac[32];
    mac_of(report, mac);
    return memcmp(mac, report->mac, sizeof report->mac) == 0;
}

int rt_seal_key(enum rt_seal_to to, const char *purpose, uint8_t ret_key[16])
{
    uint8_t key[32];
    (void)to;
    identity_key(purpose, key);
    memcpy(ret_key, key, 16);
    return 0;
}

/* ---- cryptography ---------------------------------------------------------------------------- */

void rt_random(void *to, size_t n)
{
    REQUIRE(RAND_bytes((uint8_t *)to, (int)n) == 1);
}

void rt_sha512(struct bytes data, uint8_t ret[64])
{
    SHA512(data.data, data.size, ret);
}

void rt_hkdf_sha256(struct bytes salt, struct bytes key, struct bytes info, void *ret, size_t size)
{
    uint8_t extracted[32], out[32];
    REQUIRE(size == sizeof out);
    hmac(salt.data, salt.size, key.data, key.size, extracted);
    hmac(extracted, sizeof extracted, info.data, info.size, out);
    memcpy(ret, out, size);
}

void rt_x25519_public(const uint8_t secret[32], uint8_t ret[32])
{
    size_t n = 32;
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, secret, 32);
    REQUIRE(key != NULL && EVP_PKEY_get_raw_public_key(key, ret, &n) == 1);
    EVP_PKEY_free(key);
}

bool rt_x25519_shared(const uint8_t secret[32], const uint8_t public_key[32], uint8_t ret[32])
{
    size_t n = 32;
    EVP_PKEY *own = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, secret, 32);
    EVP_PKEY *peer = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, public_key, 32);
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(own, NULL);
    bool good = EVP_PKEY_derive_init(c) == 1 && EVP_PKEY_derive_set_peer(c, peer) == 1 &&
                EVP_PKEY_derive(c, ret, &n) == 1;
    EVP_PKEY_CTX_free(c);
    EVP_PKEY_free(own);
    EVP_PKEY_free(peer);
    return good;
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void they_agree(void)
{
    struct handshake h;
    struct handshake_message blank, answer;
    uint8_t owner_secret[32], blank_secret[32], before[32];
    handshake_introduce(&h, &blank);
    CHECK(handshake_answer(&blank, &answer, owner_secret) == NULL, "the owner believes a blank");
    CHECK(handshake_finish(&h, &answer, blank_secret) == NULL, "the blank believes its owner");
    CHECK(memcmp(owner_secret, blank_secret, 32) == 0, "they have one secret");
    static const struct handshake nothing;
    CHECK(memcmp(&h, &nothing, sizeof h) == 0, "and the blank's key is wiped");
    memcpy(before, owner_secret, sizeof before);
    CHECK(handshake_answer(&blank, &answer, owner_secret) == NULL &&
              memcmp(before, owner_secret, sizeof before) != 0,
          "a message that comes again makes another secret");
}

/* Every byte of both messages. */
static void changed_bytes(void)
{
    struct handshake h, copy;
    struct handshake_message blank, answer, changed;
    uint8_t owner_secret[32], secret[32];
    unsigned believed_blank = 0, believed_owner = 0;
    handshake_introduce(&h, &blank);
    for (size_t i = 0; i < sizeof blank; i++) {
        changed = blank;
        ((uint8_t *)&changed)[i] ^= (uint8_t)(1u << i % 8);
        believed_blank += handshake_answer(&changed, &answer, secret) == NULL;
    }
    CHECK(believed_blank == 0, "no changed byte of a blank's message is believed (%u)",
          believed_blank);
    REQUIRE(handshake_answer(&blank, &answer, owner_secret) == NULL);
    for (size_t i = 0; i < sizeof answer; i++) {
        copy = h;
        changed = answer;
        ((uint8_t *)&changed)[i] ^= (uint8_t)(1u << i % 8);
        believed_owner += handshake_finish(&copy, &changed, secret) == NULL;
    }
    CHECK(believed_owner == 0, "nor of an owner's (%u)", believed_owner);
}

static void messages_of_others(void)
{
    struct handshake h[2], copy;
    struct handshake_message blank[2], answer[2];
    uint8_t secret[32];
    for (int i = 0; i < 2; i++) {
        handshake_introduce(&h[i], &blank[i]);
        REQUIRE(handshake_answer(&blank[i], &answer[i], secret) == NULL);
    }
    copy = h[0];
    CHECK(handshake_finish(&copy, &blank[0], secret) != NULL, "its own message is no answer");
    copy = h[0];
    CHECK(handshake_finish(&copy, &blank[1], secret) != NULL, "nor is another blank's");
    copy = h[0];
    CHECK(handshake_finish(&copy, &answer[1], secret) != NULL, "nor what was for another blank");
    struct handshake_message unused;
    CHECK(handshake_answer(&answer[0], &unused, secret) != NULL,
          "an owner's message is no blank's");
}

static void another(const char *what, void *field, size_t size)
{
    struct handshake h;
    struct handshake_message blank, answer;
    uint8_t secret[32];
    uint8_t *bytes = (uint8_t *)field;
    handshake_introduce(&h, &blank);
    bytes[size - 1] ^= 1;
    CHECK(handshake_answer(&blank, &answer, secret) != NULL, "a blank with another %s is refused",
          what);
    struct handshake other;
    handshake_introduce(&other, &blank);
    REQUIRE(handshake_answer(&blank, &answer, secret) == NULL);
    bytes[size - 1] ^= 1;
    CHECK(handshake_finish(&h, &answer, secret) != NULL, "and so is such an owner");
}

int main(void)
{
    they_agree();
    changed_bytes();
    messages_of_others();
    another("measurement", here.mrenclave, sizeof here.mrenclave);
    another("manifest", here.configid, sizeof here.configid);
    another("version", &here.isvsvn, sizeof here.isvsvn);
    another("processor's version", here.cpusvn, sizeof here.cpusvn);
    another("set of attributes", &here.attributes, sizeof here.attributes);
    another("machine", &machine, sizeof machine);
    return tap_done();
}
