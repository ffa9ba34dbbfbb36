/* SPDX-License-Identifier: Apache-2.0 */
/* Phrase and keys, see phrase.h. */
#include "phone/phrase.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <string.h>

#define WORD_SIZE 5u
#define SALT      "alcove-phone-1"

static const char consonants[] = "bdfghjklmnprstvz", vowels[] = "aiou";

/* ---- Words ----------------------------------------------------------------------------------- */

static void word_write(uint16_t value, char ret[WORD_SIZE])
{
    ret[0] = consonants[value >> 12];
    ret[1] = vowels[value >> 10 & 3];
    ret[2] = consonants[value >> 6 & 15];
    ret[3] = vowels[value >> 4 & 3];
    ret[4] = consonants[value & 15];
}

static bool word_read(struct bytes word, uint16_t *ret)
{
    unsigned value = 0;
    if (word.size != WORD_SIZE) {
        return false;
    }
    for (size_t i = 0; i < WORD_SIZE; i++) {
        char c =
            (char)(word.data[i] >= 'A' && word.data[i] <= 'Z' ? word.data[i] + 32 : word.data[i]);
        const char *letters = i % 2 == 0 ? consonants : vowels;
        const char *at = c != '\0' ? strchr(letters, c) : NULL;
        if (at == NULL) {
            return false;
        }
        value = value << (i % 2 == 0 ? 4 : 2) | (unsigned)(at - letters);
    }
    *ret = (uint16_t)value;
    return true;
}

static int checksum(const uint8_t seed[PHONE_SEED_SIZE], uint16_t *ret)
{
    static const char name[] = "alcove-phrase-1"; /* and its zero byte */
    uint8_t text[sizeof name + PHONE_SEED_SIZE];
    struct query_hash hash;
    memcpy(text, name, sizeof name);
    memcpy(text + sizeof name, seed, PHONE_SEED_SIZE);
    int err = query_hash_of(BYTES_OF(text), &hash);
    secure_zero(text, sizeof text);
    *ret = (uint16_t)(hash.data[0] << 8 | hash.data[1]);
    return err;
}

int phrase_write(const uint8_t seed[PHONE_SEED_SIZE], char ret[PHRASE_MAX], struct diag *d)
{
    uint16_t sum;
    if (checksum(seed, &sum) != 0) {
        return diag_fail(d, -EIO, "the crypto library failed");
    }
    for (size_t i = 0; i < PHRASE_WORDS; i++) {
        uint16_t value =
            i < PHRASE_WORDS - 1 ? (uint16_t)(seed[2 * i] << 8 | seed[2 * i + 1]) : sum;
        word_write(value, ret + 6 * i);
        ret[6 * i + WORD_SIZE] = i < PHRASE_WORDS - 1 ? ' ' : '\0';
    }
    return 0;
}

static bool between(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '-';
}

/* The next word; empty at the end. */
static struct bytes next_word(struct bytes *rest)
{
    while (rest->size > 0 && between(rest->data[0])) {
        rest->data++;
        rest->size--;
    }
    struct bytes word = {rest->data, 0};
    while (rest->size > 0 && !between(rest->data[0])) {
        word.size++;
        rest->data++;
        rest->size--;
    }
    return word;
}

int phrase_read(struct bytes text, uint8_t ret_seed[PHONE_SEED_SIZE], struct diag *d)
{
    uint16_t values[PHRASE_WORDS], sum;
    uint8_t seed[PHONE_SEED_SIZE];
    size_t count = 0;
    for (struct bytes word; (word = next_word(&text)).size > 0; count++) {
        uint16_t value;
        if (!word_read(word, &value)) {
            return diag_fail(d, -EINVAL,
                             "word %zu of the phrase, '%.*s', is none: words have five letters, "
                             "consonants of %s and vowels of %s in turn",
                             count + 1, (int)(word.size < 20 ? word.size : 20), word.data,
                             consonants, vowels);
        }
        if (count < PHRASE_WORDS) {
            values[count] = value;
        }
    }
    if (count != PHRASE_WORDS) {
        return diag_fail(d, -EINVAL, "the phrase has %u words, and here are %zu", PHRASE_WORDS,
                         count);
    }
    for (size_t i = 0; i < PHONE_SEED_SIZE / 2; i++) {
        seed[2 * i] = (uint8_t)(values[i] >> 8);
        seed[2 * i + 1] = (uint8_t)values[i];
    }
    int err = checksum(seed, &sum) != 0 ? diag_fail(d, -EIO, "the crypto library failed") : 0;
    if (err == 0 && sum != values[PHRASE_WORDS - 1]) {
        err =
            diag_fail(d, -EINVAL,
                      "the checksum does not fit: a word is mistyped, or two have changed places");
    }
    if (err == 0) {
        memcpy(ret_seed, seed, sizeof seed);
    }
    secure_zero(seed, sizeof seed);
    secure_zero(values, sizeof values);
    return err;
}

/* ---- Keys ------------------------------------------------------------------------------------ */

static bool hkdf(const uint8_t seed[PHONE_SEED_SIZE], const char *info, uint8_t ret[32])
{
    char digest[] = "SHA256", salt[] = SALT, label[16];
    uint8_t secret[PHONE_SEED_SIZE];
    memcpy(secret, seed, sizeof secret);
    base_format(label, sizeof label, "%s", info);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, secret, sizeof secret),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, salt, sizeof salt - 1),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, label, strlen(label)),
        OSSL_PARAM_construct_end()};
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *context = kdf != NULL ? EVP_KDF_CTX_new(kdf) : NULL;
    bool ok = context != NULL && EVP_KDF_derive(context, ret, 32, params) == 1;
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
    secure_zero(secret, sizeof secret);
    return ok;
}

static int derive(const uint8_t seed[PHONE_SEED_SIZE], const char *info, enum hpke_kem kem,
                  struct hpke_private_key *ret)
{
    uint8_t secret[32];
    int err = hkdf(seed, info, secret) ? hpke_private_derive(kem, BYTES_OF(secret), ret) : -EIO;
    secure_zero(secret, sizeof secret);
    return err;
}

int phone_keys_derive(const uint8_t seed[PHONE_SEED_SIZE], struct phone_keys *ret, struct diag *d)
{
    AUTO_HPKE_KEY owner = {0};
    int err = derive(seed, "owner", HPKE_KEM_P256, &owner);
    err = err != 0 ? err : query_secret_key_read(BYTES_OF(owner.secret), &ret->owner);
    err = err != 0 ? err : derive(seed, "message", HPKE_KEM_X25519, &ret->message);
    err = err != 0 ? err : query_key_id(&ret->owner.key, &ret->owner_id);
    if (err == 0 && !hkdf(seed, "volume", ret->volume)) {
        err = -EIO;
    }
    if (err != 0) {
        phone_keys_wipe(ret);
        return diag_fail(d, err, "the crypto library failed to derive keys");
    }
    return 0;
}

void phone_keys_wipe(struct phone_keys *keys)
{
    secure_zero(keys, sizeof *keys);
}
