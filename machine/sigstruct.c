/* SPDX-License-Identifier: Apache-2.0 */
/* SIGSTRUCT: who vouches for a measurement, with which attributes (SDM volume 3D). RSA-3072 with
 * exponent 3 over SHA-256 of its first 128 bytes and bytes 900 to 1027; numbers are little endian;
 * Q1 and Q2 are the quotients that spare the processor its divisions, and must be right.
 * Trust: a SIGSTRUCT is a file of unknown origin. */
#include "machine/digest.h"
#include "machine/machine.h"

#include <errno.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <string.h>

#define KEY_SIZE    384u
#define BODY_OFFSET 900u
#define BODY_SIZE   128u

static const uint8_t header1[16] = {6, 0, 0, 0, 0xe1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0};
static const uint8_t header2[16] = {1, 1, 0, 0, 0x60, 0, 0, 0, 0x60, 0, 0, 0, 1, 0, 0, 0};

static int invalid(struct diag *d, const char *what)
{
    return diag_fail(d, -EPERM, "SGX_INVALID_SIG_STRUCT: %s", what);
}

static bool all_zero(const uint8_t *p, size_t n)
{
    uint8_t any = 0;
    for (size_t i = 0; i < n; i++) {
        any |= p[i];
    }
    return any == 0;
}

static int check_form(const struct sgx_sigstruct *s, struct diag *d)
{
    if (memcmp(s->header, header1, 16) != 0 || memcmp(s->header2, header2, 16) != 0) {
        return invalid(d, "its header is not the one that the manual prescribes");
    }
    if (s->vendor != 0 && s->vendor != 0x8086) {
        return invalid(d, "its vendor is neither 0 nor 0x8086");
    }
    if (s->exponent != 3) {
        return invalid(d, "its exponent is not 3");
    }
    if (!all_zero(s->reserved1, sizeof s->reserved1) || !all_zero(s->reserved2, 2) ||
        !all_zero(s->reserved3, sizeof s->reserved3) ||
        !all_zero(s->reserved4, sizeof s->reserved4)) {
        return invalid(d, "reserved bytes are not zero");
    }
    return 0;
}

static void message_digest(const struct sgx_sigstruct *s, uint8_t ret[32])
{
    uint8_t message[128 + BODY_SIZE];
    memcpy(message, s, 128);
    memcpy(message + 128, (const uint8_t *)s + BODY_OFFSET, BODY_SIZE);
    machine_sha256(message, sizeof message, ret);
}

/* EMSA-PKCS1-v1_5 (RFC 8017 section 9.2) for SHA-256, as a big-endian number. */
static void encode_message(const uint8_t digest[32], uint8_t ret[KEY_SIZE])
{
    static const uint8_t prefix[19] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                       0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};
    memset(ret, 0xff, KEY_SIZE);
    ret[0] = 0;
    ret[1] = 1;
    uint8_t *end = ret + KEY_SIZE - 32 - sizeof prefix;
    end[-1] = 0;
    memcpy(end, prefix, sizeof prefix);
    memcpy(end + sizeof prefix, digest, 32);
}

struct numbers {
    BN_CTX *ctx;
    BIGNUM *n, *s, *q1, *q2, *square, *cube, *rest;
};

static void numbers_done(struct numbers *b)
{
    BN_free(b->n);
    BN_free(b->s);
    BN_free(b->q1);
    BN_free(b->q2);
    BN_free(b->square);
    BN_free(b->cube);
    BN_free(b->rest);
    BN_CTX_free(b->ctx);
}

/* q1 = s^2 / n, q2 = (s * (s^2 mod n)) / n, rest = s^3 mod n (SDM, table of SIGSTRUCT). */
static bool numbers_compute(struct numbers *b, const uint8_t modulus[KEY_SIZE],
                            const uint8_t signature[KEY_SIZE])
{
    BIGNUM *remainder = BN_new();
    b->ctx = BN_CTX_new();
    b->n = BN_lebin2bn(modulus, KEY_SIZE, NULL);
    b->s = BN_lebin2bn(signature, KEY_SIZE, NULL);
    b->q1 = BN_new();
    b->q2 = BN_new();
    b->square = BN_new();
    b->cube = BN_new();
    b->rest = BN_new();
    bool ok = b->ctx != NULL && b->n != NULL && b->s != NULL && b->q1 != NULL && b->q2 != NULL &&
              b->square != NULL && b->cube != NULL && b->rest != NULL && remainder != NULL &&
              !BN_is_zero(b->n) && BN_cmp(b->s, b->n) < 0 && BN_sqr(b->square, b->s, b->ctx) == 1 &&
              BN_div(b->q1, remainder, b->square, b->n, b->ctx) == 1 &&
              BN_mul(b->cube, b->s, remainder, b->ctx) == 1 &&
              BN_div(b->q2, b->rest, b->cube, b->n, b->ctx) == 1;
    BN_free(remainder);
    return ok;
}

static bool number_is(const BIGNUM *bn, const uint8_t little_endian[KEY_SIZE])
{
    uint8_t bytes[KEY_SIZE];
    return BN_bn2lebinpad(bn, bytes, KEY_SIZE) == (int)KEY_SIZE &&
           memcmp(bytes, little_endian, KEY_SIZE) == 0;
}

int sigstruct_verify(const struct sgx_sigstruct *s, uint8_t ret_mrsigner[32], struct diag *d)
{
    int r = check_form(s, d);
    if (r < 0) {
        return r;
    }
    uint8_t digest[32], expected[KEY_SIZE], found[KEY_SIZE];
    message_digest(s, digest);
    encode_message(digest, expected);
    struct numbers b = {0};
    bool right = (s->modulus[KEY_SIZE - 1] & 0x80) != 0 &&
                 numbers_compute(&b, s->modulus, s->signature) &&
                 BN_bn2binpad(b.rest, found, KEY_SIZE) == (int)KEY_SIZE &&
                 memcmp(found, expected, KEY_SIZE) == 0;
    bool quotients = right && number_is(b.q1, s->q1) && number_is(b.q2, s->q2);
    numbers_done(&b);
    if (!right) {
        return diag_fail(d, -EPERM,
                         "SGX_INVALID_SIGNATURE: SIGSTRUCT's signature is not made by "
                         "its key over its content");
    }
    if (!quotients) {
        return diag_fail(d, -EPERM, "SGX_INVALID_SIGNATURE: SIGSTRUCT's Q1 or Q2 is wrong");
    }
    machine_sha256(s->modulus, KEY_SIZE, ret_mrsigner);
    return 0;
}

/* ---- signing --------------------------------------------------------------------------------- */

static int load_key(struct bytes pem, EVP_PKEY **ret, struct diag *d)
{
    BIO *bio = pem.size <= 65536 ? BIO_new_mem_buf(pem.data, (int)pem.size) : NULL;
    char no_password[] = "";
    EVP_PKEY *key = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, NULL, no_password) : NULL;
    BIO_free(bio);
    if (key == NULL) {
        return diag_fail(d, -EINVAL,
                         "the signing key is not an unencrypted private key in PEM form");
    }
    BIGNUM *e = NULL;
    bool fits = EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) == 3072 &&
                EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) == 1 && BN_is_word(e, 3);
    BN_free(e);
    if (!fits) {
        EVP_PKEY_free(key);
        return diag_fail(d, -EINVAL,
                         "the signing key must be RSA with 3072 bits and exponent 3; "
                         "make one with: alcove key new");
    }
    *ret = key;
    return 0;
}

static bool sign_digest(EVP_PKEY *key, const uint8_t digest[32], uint8_t ret[KEY_SIZE])
{
    size_t size = KEY_SIZE;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    bool ok = ctx != NULL && EVP_PKEY_sign_init(ctx) == 1 &&
              EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
              EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 &&
              EVP_PKEY_sign(ctx, ret, &size, digest, 32) == 1 && size == KEY_SIZE;
    EVP_PKEY_CTX_free(ctx);
    return ok;
}

int sigstruct_sign(struct sgx_sigstruct *s, struct bytes key_pem, struct diag *d)
{
    EVP_PKEY *key = NULL;
    int r = load_key(key_pem, &key, d);
    if (r < 0) {
        return r;
    }
    struct sgx_sigstruct out = *s;
    memcpy(out.header, header1, 16);
    memcpy(out.header2, header2, 16);
    out.exponent = 3;
    uint8_t digest[32], big_endian[KEY_SIZE];
    message_digest(&out, digest);
    BIGNUM *n = NULL;
    struct numbers b = {0};
    bool ok = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) == 1 &&
              BN_bn2lebinpad(n, out.modulus, KEY_SIZE) == (int)KEY_SIZE &&
              sign_digest(key, digest, big_endian);
    for (size_t i = 0; ok && i < KEY_SIZE; i++) {
        out.signature[i] = big_endian[KEY_SIZE - 1 - i];
    }
    ok = ok && numbers_compute(&b, out.modulus, out.signature) &&
         BN_bn2lebinpad(b.q1, out.q1, KEY_SIZE) == (int)KEY_SIZE &&
         BN_bn2lebinpad(b.q2, out.q2, KEY_SIZE) == (int)KEY_SIZE;
    numbers_done(&b);
    BN_free(n);
    EVP_PKEY_free(key);
    if (!ok) {
        return diag_fail(d, -EIO, "the crypto library fails to sign");
    }
    uint8_t mrsigner[32];
    r = sigstruct_verify(&out, mrsigner, d);
    if (r == 0) {
        *s = out;
    }
    return r;
}
