/* SPDX-License-Identifier: Apache-2.0 */
/* Phrases go to paper and back; keys are those that phrases of years ago gave. The fixed values
 * were made with Python's hmac and hashlib and an implementation of RFC 9180's DeriveKeyPair apart
 * from ours. */
#include "phone/phrase.h"

#include <errno.h>
#include <string.h>

#include "tests/tap.h"

static int read_text(const char *text, uint8_t ret[PHONE_SEED_SIZE], struct diag *d)
{
    return phrase_read(BYTES(text, strlen(text)), ret, d);
}

static bool is_hex(const void *data, size_t size, const char *hex)
{
    char text[2 * 65 + 1];
    hex_encode(text, data, size);
    if (strcmp(text, hex) != 0) {
        printf("# %s\n", text);
        return false;
    }
    return true;
}

static void test_round_trip(void)
{
    bool ok = true;
    for (unsigned i = 0; i < 500; i++) {
        uint8_t seed[PHONE_SEED_SIZE], again[PHONE_SEED_SIZE] = {0};
        char text[PHRASE_MAX];
        for (size_t k = 0; k < sizeof seed; k++) {
            seed[k] = (uint8_t)((i * 2654435761u + k * 40503u) >> 7);
        }
        ok &= phrase_write(seed, text, NULL) == 0 && strlen(text) == PHRASE_MAX - 1 &&
              read_text(text, again, NULL) == 0 && memcmp(seed, again, sizeof seed) == 0;
    }
    CHECK(ok, "500 seeds become nine words and come back");
}

static const uint8_t counting[PHONE_SEED_SIZE] = {0, 1, 2,  3,  4,  5,  6,  7,
                                                  8, 9, 10, 11, 12, 13, 14, 15};
#define COUNTING "babad bamag bibaj bimal boban bomar bubat bumaz parat"

static void test_words(void)
{
    char text[PHRASE_MAX], mixed[PHRASE_MAX + 16];
    uint8_t seed[PHONE_SEED_SIZE];
    struct diag d = {""};
    CHECK(phrase_write(counting, text, NULL) == 0 && strcmp(text, COUNTING) == 0,
          "the words of a seed are fixed: %s", text);
    snprintf(mixed, sizeof mixed, "  %s\n", text);
    for (char *c = mixed; *c != '\0'; c++) {
        *c = (char)(*c == ' ' ? '-' : *c >= 'a' && *c <= 'm' ? *c - 32 : *c);
    }
    CHECK(read_text(mixed, seed, NULL) == 0 && memcmp(seed, counting, sizeof seed) == 0,
          "case and what stands between words do not matter");
    memcpy(mixed, text, sizeof text);
    mixed[7] = 'e';
    CHECK(read_text(mixed, seed, &d) == -EINVAL && strstr(d.text, "word 2") != NULL &&
              strstr(d.text, "'bemag'") != NULL,
          "a word that is none is named: %s", d.text);
    mixed[5] = '\0';
    CHECK(read_text(mixed, seed, &d) == -EINVAL && strstr(d.text, "here are 1") != NULL,
          "missing words are counted");
    snprintf(mixed, sizeof mixed, "%s babab", text);
    CHECK(read_text(mixed, seed, &d) == -EINVAL && strstr(d.text, "here are 10") != NULL,
          "so are too many");
    CHECK(read_text("", seed, &d) == -EINVAL, "nothing is no phrase");
}

/* Each phrase with one letter changed or two neighbouring words swapped: 16 bits of checksum let
 * one in 65,536 through, and none of these. */
static void test_checksum(void)
{
    static const char consonants[] = "bdfghjklmnprstvz";
    char text[PHRASE_MAX], changed[PHRASE_MAX];
    uint8_t seed[PHONE_SEED_SIZE];
    unsigned taken = 0, tried = 0;
    if (phrase_write(counting, text, NULL) != 0) {
        abort();
    }
    for (size_t i = 0; i < PHRASE_MAX - 1; i++) {
        for (size_t k = 0; k < 16 && i % 6 % 2 == 0 && i % 6 < 5; k++) {
            memcpy(changed, text, sizeof text);
            changed[i] = consonants[k];
            if (changed[i] != text[i]) {
                taken += read_text(changed, seed, NULL) == 0;
                tried++;
            }
        }
    }
    CHECK(taken == 0 && tried == 9 * 3 * 15,
          "a letter mistaken for another is noticed, in %u cases", tried);
    taken = 0;
    for (size_t i = 0; i + 1 < PHRASE_WORDS; i++) {
        memcpy(changed, text, sizeof text);
        memcpy(changed + 6 * i, text + 6 * (i + 1), 5);
        memcpy(changed + 6 * (i + 1), text + 6 * i, 5);
        taken += read_text(changed, seed, NULL) == 0;
    }
    CHECK(taken == 0, "so are words that changed places");
    memcpy(seed, "untouched seed!!", sizeof seed);
    changed[0] = changed[0] == 'b' ? 'd' : 'b';
    CHECK(read_text(changed, seed, NULL) == -EINVAL && memcmp(seed, "untouched seed!!", 16) == 0,
          "a refused phrase leaves the seed alone");
}

static void test_keys(void)
{
    struct phone_keys keys, other;
    uint8_t seed[PHONE_SEED_SIZE];
    memcpy(seed, counting, sizeof seed);
    if (phone_keys_derive(seed, &keys, NULL) != 0) {
        abort();
    }
    CHECK(is_hex(keys.owner.scalar, 32,
                 "e08ced2452c2b50d828bd50bdca70fe92ae6df11f438bdb50f8477325f60d4c5"),
          "the owner's key");
    CHECK(is_hex(keys.owner_id.data, 32,
                 "fb7375bf37f42b4b56ac5d2c106c88b35767a92cd943dd85eab9d18501587d70"),
          "the owner");
    CHECK(is_hex(keys.message.secret, 32,
                 "43a81c8237f4dffab9b7bf2d314191731bfc24d170e38f86db2369499ae8fd58"),
          "the key of messages");
    CHECK(is_hex(keys.message.public_key.data, 32,
                 "b74bbaedd93abdfd2e090cdb8dee088fa5fccb90dbf2b75782b42d35d3f83050"),
          "its public half");
    CHECK(
        is_hex(keys.volume, 32, "bd4a7a791514e871e0c1bddf6df7cb289626563ebfbf578596bfab74f787cdd5"),
        "the volume's secret");
    seed[15] ^= 1;
    CHECK(phone_keys_derive(seed, &other, NULL) == 0 &&
              memcmp(other.owner.scalar, keys.owner.scalar, 32) != 0 &&
              memcmp(other.message.secret, keys.message.secret, 32) != 0 &&
              memcmp(other.volume, keys.volume, 32) != 0,
          "another seed gives other keys");
    phone_keys_wipe(&keys);
    phone_keys_wipe(&other);
    static const struct phone_keys zero;
    CHECK(memcmp(&keys, &zero, sizeof keys) == 0, "wiped keys are gone");
}

int main(void)
{
    test_round_trip();
    test_words();
    test_checksum();
    test_keys();
    return tap_done();
}
