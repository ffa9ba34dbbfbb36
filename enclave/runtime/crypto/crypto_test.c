/* SPDX-License-Identifier: Apache-2.0 */
/* The trusted cryptography against published vectors and, for P-256, against OpenSSL; every hashing
 * kernel that this processor has against the portable code. */
#include "crypto.h"

#include <cpuid.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "tests/tap.h"

static bool is_hex(const void *got, size_t n, const char *want)
{
    uint8_t expected[128];
    return n <= sizeof expected && hex_decode(expected, n, BYTES(want, strlen(want))) &&
           memcmp(got, expected, n) == 0;
}

static size_t from_hex(uint8_t *to, const char *text)
{
    size_t n = strlen(text) / 2;
    REQUIRE(hex_decode(to, n, BYTES(text, 2 * n)));
    return n;
}

static struct crypto_cpu this_cpu(void)
{
    unsigned a, b = 0, c, d;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
        b = 0;
    }
    return (struct crypto_cpu){
        .sha_ni = (b & 1u << 29) != 0,
        .avx2 = __builtin_cpu_supports("avx2"),
        .avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                  __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"),
    };
}

/* ---- hashes -----------------------------------------------------------------------------------
 */

static void test_sha256(const char *how)
{
    uint8_t got[SHA256_SIZE];
    /* NIST, examples with intermediate values (FIPS 180-4). */
    crypto_sha256_hash(BYTES_STR("abc"), got);
    CHECK(is_hex(got, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
          "SHA-256 of NIST's one-block message (%s)", how);
    crypto_sha256_hash(BYTES_STR("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), got);
    CHECK(is_hex(got, 32, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"),
          "SHA-256 of NIST's two-block message (%s)", how);
    crypto_sha256_hash(BYTES("", 0), got);
    CHECK(is_hex(got, 32, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
          "SHA-256 of the empty message (%s)", how);

    struct crypto_sha256 s;
    uint8_t piece[1000];
    memset(piece, 'a', sizeof piece);
    crypto_sha256_init(&s);
    for (size_t left = 1000000, n = 1; left > 0; left -= n, n = n * 7 % 997 + 1) {
        n = n < left ? n : left;
        crypto_sha256_update(&s, BYTES(piece, n));
    }
    crypto_sha256_final(&s, got);
    CHECK(is_hex(got, 32, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
          "SHA-256 of a million 'a' in uneven pieces (%s)", how);

    bool same = true;
    for (size_t n = 0; n < 300; n++) {
        uint8_t want[SHA256_SIZE];
        EVP_Digest(piece, n, want, NULL, EVP_sha256(), NULL);
        crypto_sha256_hash(BYTES(piece, n), got);
        same = same && memcmp(got, want, sizeof got) == 0;
    }
    CHECK(same, "SHA-256 of every length below 300 is OpenSSL's (%s)", how);
}

#define MANY 71u
static void test_blocks(const char *how)
{
    static uint8_t data[MANY][CRYPTO_BLOCK];
    static uint8_t got[MANY][SHA256_SIZE];
    static const size_t salt_sizes[] = {0, 1, 20, 32, 55, 56, 63, 64, 65, 100, 256};
    uint8_t salt[256];
    const void *blocks[MANY];
    uint32_t seed = 7;
    for (size_t i = 0; i < sizeof data; i++) {
        seed = seed * 1664525u + 1013904223u;
        (&data[0][0])[i] = (uint8_t)(seed >> 24);
    }
    memcpy(salt, data, sizeof salt);
    for (size_t i = 0; i < MANY; i++) {
        blocks[i] = data[i];
    }
    size_t wrong = 0;
    for (size_t s = 0; s < ARRAY_SIZE(salt_sizes); s++) {
        for (size_t count = 0; count <= MANY; count += count < 20 ? 1 : 17) {
            memset(got, 0, sizeof got);
            crypto_sha256_blocks(blocks, count, BYTES(salt, salt_sizes[s]), got);
            for (size_t i = 0; i < MANY; i++) {
                uint8_t want[SHA256_SIZE] = {0};
                if (i < count) {
                    EVP_MD_CTX *c = EVP_MD_CTX_new();
                    EVP_DigestInit(c, EVP_sha256());
                    EVP_DigestUpdate(c, salt, salt_sizes[s]);
                    EVP_DigestUpdate(c, data[i], CRYPTO_BLOCK);
                    EVP_DigestFinal(c, want, NULL);
                    EVP_MD_CTX_free(c);
                }
                wrong += memcmp(got[i], want, sizeof want) != 0;
            }
        }
    }
    CHECK(wrong == 0, "salted 4 KiB blocks, any number and salt, hash as OpenSSL says (%s)", how);
}

static void test_kernels(void)
{
    const struct crypto_cpu all = this_cpu();
    test_sha256("portable");
    test_blocks("portable");
    if (all.avx2) {
        crypto_select((struct crypto_cpu){.avx2 = true});
        test_blocks("AVX2");
    }
    if (all.sha_ni) {
        crypto_select((struct crypto_cpu){.sha_ni = true});
        test_sha256("SHA-NI");
        test_blocks("SHA-NI");
    }
    if (all.avx512) {
        crypto_select((struct crypto_cpu){.avx512 = true});
        test_blocks("AVX-512");
    }
    crypto_select(all);
    test_blocks("this processor's choice");
}

static void test_sha512(void)
{
    uint8_t got[SHA512_SIZE];
    crypto_sha512_hash(BYTES_STR("abc"), got);
    CHECK(is_hex(got, 64,
                 "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                 "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"),
          "SHA-512 of NIST's one-block message");
}

/* ---- symmetric keys ---------------------------------------------------------------------------
 */

static void test_cmac(void)
{
    /* RFC 4493, section 4. */
    static const struct {
        size_t size;
        const char *mac;
    } cases[] = {{0, "bb1d6929e95937287fa37d129b756746"},
                 {16, "070a16b46b4d4144f79bdd9dd04a287c"},
                 {40, "dfa66747de9ae63030ca32611497c827"},
                 {64, "51f0bebf7e3b9d92fc49741779363cfe"}};
    uint8_t key[16], message[64], got[16];
    (void)from_hex(key, "2b7e151628aed2a6abf7158809cf4f3c");
    (void)from_hex(message, "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
                            "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710");
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        crypto_aes_cmac(key, BYTES(message, cases[i].size), got);
        CHECK(is_hex(got, 16, cases[i].mac), "AES-CMAC of RFC 4493's %zu bytes", cases[i].size);
    }
}

static void test_hmac_hkdf(void)
{
    uint8_t key[32], got[64];
    /* RFC 4231, test case 2. */
    crypto_hmac_sha256(BYTES_STR("Jefe"), BYTES_STR("what do ya want for nothing?"), got);
    CHECK(is_hex(got, 32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
          "HMAC-SHA-256 of RFC 4231's case 2");
    /* RFC 5869, A.1. */
    memset(key, 0x0b, 22);
    crypto_hkdf_sha256(BYTES("\0\1\2\3\4\5\6\7\10\11\12\13\14", 13), BYTES(key, 22),
                       BYTES("\xf0\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9", 10), got, 42);
    CHECK(is_hex(got, 42,
                 "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
                 "34007208d5b887185865"),
          "HKDF-SHA-256 of RFC 5869's case 1");
}

static bool openssl_seals_alike(const uint8_t key[32], const uint8_t nonce[12], struct bytes aad,
                                struct bytes in, const uint8_t *out, const uint8_t tag[16])
{
    static uint8_t want[70000];
    uint8_t want_tag[16];
    int n = 0;
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    bool ok = EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
              EVP_EncryptUpdate(c, NULL, &n, aad.data, (int)aad.size) == 1 &&
              EVP_EncryptUpdate(c, want, &n, in.data, (int)in.size) == 1 &&
              EVP_EncryptFinal_ex(c, want + n, &n) == 1 &&
              EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, 16, want_tag) == 1;
    EVP_CIPHER_CTX_free(c);
    return ok && memcmp(want, out, in.size) == 0 && memcmp(want_tag, tag, 16) == 0;
}

static void test_gcm(void)
{
    static uint8_t data[65536 + 16], out[65536 + 16], back[65536 + 16];
    struct crypto_gcm k;
    uint8_t key[32], nonce[12], tag[16];
    /* NIST's GCM test vectors: key, nonce and text of zeros. */
    memset(key, 0, sizeof key);
    memset(nonce, 0, sizeof nonce);
    crypto_gcm_key(&k, key);
    crypto_gcm_seal(&k, nonce, BYTES("", 0), BYTES(data, 16), out, tag);
    CHECK(is_hex(out, 16, "cea7403d4d606b6e074ec5d3baf39d18") &&
              is_hex(tag, 16, "d0d1c8a799996bf0265b98b5d48ab919"),
          "AES-256-GCM of NIST's block of zeros");
    crypto_gcm_seal(&k, nonce, BYTES("", 0), BYTES("", 0), NULL, tag);
    CHECK(is_hex(tag, 16, "530f8afbc74536b9a963b4f1c4cb738b"), "and of nothing");

    static const size_t sizes[] = {1, 15, 16, 17, 127, 128, 129, 1000, 4096, 65536};
    bool same = true, opens = true, refuses = true;
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (uint8_t)(i * 31 + i / 253);
    }
    for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
        struct bytes aad = BYTES(data + 5, 7 * s);
        for (size_t i = 0; i < sizeof key; i++) {
            key[i] = (uint8_t)(i * 7 + s);
        }
        nonce[s] = (uint8_t)s;
        crypto_gcm_key(&k, key);
        crypto_gcm_seal(&k, nonce, aad, BYTES(data, sizes[s]), out, tag);
        same = same && openssl_seals_alike(key, nonce, aad, BYTES(data, sizes[s]), out, tag);
        opens = opens && crypto_gcm_open(&k, nonce, aad, BYTES(out, sizes[s]), back, tag) &&
                memcmp(back, data, sizes[s]) == 0;
        out[sizes[s] / 2] ^= 1;
        refuses = refuses && !crypto_gcm_open(&k, nonce, aad, BYTES(out, sizes[s]), back, tag) &&
                  back[0] == 0 && memcmp(back, back + 1, sizes[s] - 1) == 0;
        out[sizes[s] / 2] ^= 1;
        tag[s] ^= 0x80;
        refuses = refuses && !crypto_gcm_open(&k, nonce, aad, BYTES(out, sizes[s]), back, tag);
    }
    CHECK(same, "AES-256-GCM of every size is OpenSSL's");
    CHECK(opens, "and opens again");
    CHECK(refuses, "one bit of text or tag changed: refused, and zeros are all that comes out");
    memcpy(out, data, 4096);
    crypto_gcm_seal(&k, nonce, BYTES("", 0), BYTES(out, 4096), out, tag);
    CHECK(crypto_gcm_open(&k, nonce, BYTES("", 0), BYTES(out, 4096), out, tag) &&
              memcmp(out, data, 4096) == 0,
          "sealing and opening in place");
}

/* ---- P-256 ------------------------------------------------------------------------------------
 */

static bool openssl_accepts(const uint8_t public[P256_POINT], const uint8_t digest[SHA256_SIZE],
                            const uint8_t signature[P256_SIGNATURE])
{
    uint8_t point[1 + P256_POINT] = {4};
    memcpy(point + 1, public, P256_POINT);
    OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
    OSSL_PARAM_BLD_push_utf8_string(b, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0);
    OSSL_PARAM_BLD_push_octet_string(b, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point);
    OSSL_PARAM *p = OSSL_PARAM_BLD_to_param(b);
    EVP_PKEY_CTX *make = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    EVP_PKEY *key = NULL;
    EVP_PKEY_fromdata_init(make);
    bool ok = EVP_PKEY_fromdata(make, &key, EVP_PKEY_PUBLIC_KEY, p) == 1;

    ECDSA_SIG *sig = ECDSA_SIG_new();
    ECDSA_SIG_set0(sig, BN_bin2bn(signature, 32, NULL), BN_bin2bn(signature + 32, 32, NULL));
    uint8_t *der = NULL;
    int der_size = i2d_ECDSA_SIG(sig, &der);
    EVP_PKEY_CTX *c = ok ? EVP_PKEY_CTX_new(key, NULL) : NULL;
    ok = ok && EVP_PKEY_verify_init(c) == 1 &&
         EVP_PKEY_verify(c, der, (size_t)der_size, digest, SHA256_SIZE) == 1;
    EVP_PKEY_CTX_free(c);
    OPENSSL_free(der);
    ECDSA_SIG_free(sig);
    EVP_PKEY_free(key);
    EVP_PKEY_CTX_free(make);
    OSSL_PARAM_free(p);
    OSSL_PARAM_BLD_free(b);
    return ok;
}

static void test_p256(void)
{
    uint8_t scalar[P256_SCALAR], private[P256_SCALAR], public[P256_POINT];
    uint8_t digest[SHA256_SIZE], signature[P256_SIGNATURE];
    /* RFC 6979, A.2.5. */
    (void)from_hex(scalar, "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721");
    CHECK(crypto_p256_keypair(scalar, private, public) == 0 &&
              is_hex(public, 64,
                     "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
                     "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"),
          "the public key of RFC 6979's A.2.5");
    crypto_sha256_hash(BYTES_STR("sample"), digest);
    CHECK(crypto_p256_sign(private, digest, signature) == 0 &&
              is_hex(signature, 64,
                     "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
                     "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"),
          "the signature of \"sample\" in RFC 6979's A.2.5");
    CHECK(openssl_accepts(public, digest, signature), "OpenSSL accepts the signature");
    digest[0] ^= 1;
    CHECK(!openssl_accepts(public, digest, signature), "and not for another digest");

    memset(scalar, 0, sizeof scalar);
    CHECK(crypto_p256_keypair(scalar, private, public) == -EAGAIN, "zero is not a private key");
    (void)from_hex(scalar, "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
    CHECK(crypto_p256_keypair(scalar, private, public) == -EAGAIN, "n is not a private key");
    CHECK(crypto_p256_sign(scalar, digest, signature) == -EINVAL, "and does not sign");
    scalar[31]--;
    CHECK(crypto_p256_keypair(scalar, private, public) == 0, "n-1 is a private key");
}

/* ---- speed ------------------------------------------------------------------------------------
 */

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); /* others on the machine do not count */
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Not a check: a loaded machine would fail it. `crypto_test speed` prints it for the benchmarks. */
static void print_speed(void)
{
    enum { COUNT = 4096 };
    static uint8_t data[COUNT][CRYPTO_BLOCK];
    static uint8_t got[COUNT][SHA256_SIZE];
    static const void *blocks[COUNT];
    static const size_t batches[] = {1, 2, 4, 8, 9, 10, 12, 16, COUNT};
    memset(data, 1, sizeof data);
    for (size_t i = 0; i < COUNT; i++) {
        blocks[i] = data[i];
    }
    crypto_select(this_cpu());
    for (size_t b = 0; b < ARRAY_SIZE(batches); b++) {
        double best = 1e9;
        for (int round = 0; round < 20; round++) {
            double start = seconds();
            for (size_t i = 0; i + batches[b] <= COUNT; i += batches[b]) {
                crypto_sha256_blocks(blocks + i, batches[b], BYTES(data, 32), got + i);
            }
            double t = seconds() - start;
            best = t < best ? t : best;
        }
        size_t whole = COUNT / batches[b] * batches[b];
        printf("# sha256_blocks, %4zu at a time: %.2f GB/s\n", batches[b],
               (double)(whole * CRYPTO_BLOCK) / best / 1e9);
    }
    struct crypto_gcm k;
    uint8_t nonce[12] = {0}, tag[16];
    crypto_gcm_key(&k, data[0]);
    double best = 1e9;
    for (int round = 0; round < 20; round++) {
        double start = seconds();
        for (size_t i = 0; i < COUNT; i++) {
            crypto_gcm_seal(&k, nonce, BYTES("", 0), BYTES(data[i], CRYPTO_BLOCK), data[i], tag);
        }
        double t = seconds() - start;
        best = t < best ? t : best;
    }
    printf("# AES-256-GCM, 4 KiB at a time: %.2f GB/s\n",
           (double)COUNT * CRYPTO_BLOCK / best / 1e9);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "speed") == 0) {
        print_speed();
        return 0;
    }
    test_kernels();
    test_sha512();
    test_cmac();
    test_hmac_hkdf();
    test_gcm();
    test_p256();
    return tap_done();
}
