/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256, one message at a time and many at once. The compression functions are ipsec-mb's
 * assembly kernels, called directly: its job manager would add locks, CPUID and a larger trusted
 * base. Their argument block (struct SHA256_ARGS of ipsec-mb 1.3) is restated below and held to by
 * the test, which runs every kernel against the portable code.
 *
 * Adversary: none of this sees host memory; a host that lies about the processor gets #UD. */
#include "crypto.h"

#include <bearssl.h>

#define LANES_MAX 16u

/* The multi-buffer kernels keep word w of lane l at digest[w * 16 + l]; the SHA-NI ones keep the
 * eight words of a lane together. */
struct kernel_args {
    union {
        uint32_t by_word[8][LANES_MAX];
        uint32_t by_lane[LANES_MAX][8];
    } digest;
    const uint8_t *data[LANES_MAX];
} __attribute__((aligned(64)));
_Static_assert(offsetof(struct kernel_args, data) == 0x200, "the kernels' data_ptr");

void call_sha256_x16_avx512_from_c(struct kernel_args *args, uint64_t block_count);
void call_sha256_oct_avx2_from_c(struct kernel_args *args, uint64_t block_count);
void call_sha256_ni_x2_sse_from_c(struct kernel_args *args, uint64_t block_count);
void call_sha256_ni_x1_sse_from_c(struct kernel_args *args, uint64_t block_count, uint64_t lane);

static struct crypto_cpu cpu_;

void crypto_select(struct crypto_cpu cpu)
{
    cpu_ = cpu;
}

/* ---- one message ------------------------------------------------------------------------------
 */

static void store_digest(uint8_t to[SHA256_SIZE], const uint32_t h[8])
{
    for (unsigned w = 0; w < 8; w++) {
        store_le32(to + 4 * w, __builtin_bswap32(h[w]));
    }
}

static void compress(uint32_t h[8], const uint8_t *data, size_t block_count)
{
    if (cpu_.sha_ni) {
        struct kernel_args args;
        __builtin_memcpy(args.digest.by_lane[0], h, 32);
        args.data[0] = data;
        call_sha256_ni_x1_sse_from_c(&args, block_count, 0);
        __builtin_memcpy(h, args.digest.by_lane[0], 32);
    } else {
        br_sha256_context c;
        uint8_t state[SHA256_SIZE];
        br_sha256_init(&c);
        store_digest(state, h);
        br_sha256_set_state(&c, state, 0);
        br_sha256_update(&c, data, block_count * SHA256_BLOCK);
        (void)br_sha256_state(&c, state);
        for (unsigned w = 0; w < 8; w++) {
            h[w] = __builtin_bswap32(load_le32(state + 4 * w));
        }
    }
}

static const uint32_t initial[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

void crypto_sha256_init(struct crypto_sha256 *s)
{
    __builtin_memset(s, 0, sizeof *s);
    __builtin_memcpy(s->h, initial, sizeof initial);
}

bool crypto_sha256_buffers(const struct crypto_sha256 *s, size_t n)
{
    return n < SHA256_BLOCK - s->size % SHA256_BLOCK;
}

void crypto_sha256_update(struct crypto_sha256 *s, struct bytes data)
{
    size_t held = s->size % SHA256_BLOCK;
    if (data.size == 0) {
        return;
    }
    s->size += data.size;
    if (data.size < SHA256_BLOCK - held) {
        __builtin_memcpy(s->block + held, data.data, data.size);
        return;
    }
    if (held > 0) {
        size_t part = SHA256_BLOCK - held;
        __builtin_memcpy(s->block + held, data.data, part);
        compress(s->h, s->block, 1);
        data = BYTES(data.data + part, data.size - part);
    }
    if (data.size >= SHA256_BLOCK) {
        size_t whole = data.size / SHA256_BLOCK;
        compress(s->h, data.data, whole);
        data = BYTES(data.data + whole * SHA256_BLOCK, data.size % SHA256_BLOCK);
    }
    __builtin_memcpy(s->block, data.data, data.size);
}

/* FIPS 180-4, 5.1.1: the rest of a message of `size` bytes, a 1 bit, zeros, the length in bits.
 * Returns how many blocks of `to` that takes. */
static size_t pad(uint8_t to[2 * SHA256_BLOCK], struct bytes rest, uint64_t size)
{
    size_t n = rest.size + 9 <= SHA256_BLOCK ? 1 : 2;
    __builtin_memset(to, 0, 2 * SHA256_BLOCK);
    if (rest.size > 0) {
        __builtin_memcpy(to, rest.data, rest.size);
    }
    to[rest.size] = 0x80;
    store_le64(to + n * SHA256_BLOCK - 8, __builtin_bswap64(size * 8));
    return n;
}

void crypto_sha256_final(struct crypto_sha256 *s, uint8_t ret[SHA256_SIZE])
{
    uint8_t last[2 * SHA256_BLOCK];
    size_t n = pad(last, BYTES(s->block, s->size % SHA256_BLOCK), s->size);
    compress(s->h, last, n);
    store_digest(ret, s->h);
    secure_zero(s, sizeof *s);
    secure_zero(last, sizeof last);
}

void crypto_sha256_hash(struct bytes data, uint8_t ret[SHA256_SIZE])
{
    struct crypto_sha256 s;
    crypto_sha256_init(&s);
    crypto_sha256_update(&s, data);
    crypto_sha256_final(&s, ret);
}

/* ---- many blocks at once ----------------------------------------------------------------------
 */

/* One way to hash several messages of equal length in step. */
struct engine {
    unsigned lanes;
    bool by_word;
    void (*run)(struct kernel_args *args, uint64_t block_count);
};
static const struct engine x16_avx512 = {16, true, call_sha256_x16_avx512_from_c};
static const struct engine x8_avx2 = {8, true, call_sha256_oct_avx2_from_c};
static const struct engine x2_ni = {2, false, call_sha256_ni_x2_sse_from_c};

/* The widest kernel pays for all of its lanes, filled or not. Measured: sixteen AVX-512 lanes cost
 * as much as some thirteen blocks through SHA-NI. */
#define X16_WORTH 14u
#define X8_WORTH  3u

static const struct engine *engine_for(size_t count)
{
    if (cpu_.avx512 && (count >= X16_WORTH || (!cpu_.sha_ni && count >= X8_WORTH))) {
        return &x16_avx512;
    }
    if (cpu_.sha_ni) {
        return count >= 2 ? &x2_ni : NULL;
    }
    return cpu_.avx2 && count >= X8_WORTH ? &x8_avx2 : NULL;
}

static uint32_t *digest_word(struct kernel_args *args, const struct engine *e, unsigned lane,
                             unsigned word)
{
    return e->by_word ? &args->digest.by_word[word][lane] : &args->digest.by_lane[lane][word];
}

/* What all messages have in common: the state after the salt's whole blocks, and its rest, which
 * shares a block with the first bytes of each message. */
struct salted {
    uint32_t h[8];
    struct bytes rest;
    uint64_t total; /* salt and message, bytes */
};

static struct salted salted_of(struct bytes salt)
{
    struct salted s = {.total = salt.size + CRYPTO_BLOCK};
    size_t whole = salt.size / SHA256_BLOCK;
    __builtin_memcpy(s.h, initial, sizeof initial);
    if (whole > 0) {
        compress(s.h, salt.data, whole);
    }
    s.rest = BYTES(salt.data + whole * SHA256_BLOCK, salt.size % SHA256_BLOCK);
    return s;
}

/* Hashes up to e->lanes blocks: [rest of salt | head], the middle in place, [tail | padding]. */
static void hash_lanes(const struct engine *e, const struct salted *s, const void *const *blocks,
                       unsigned count, uint8_t (*ret)[SHA256_SIZE])
{
    struct kernel_args args;
    uint8_t edge[LANES_MAX][2 * SHA256_BLOCK];
    size_t head = s->rest.size == 0 ? 0 : SHA256_BLOCK - s->rest.size;
    size_t middle = (CRYPTO_BLOCK - head) / SHA256_BLOCK;
    size_t tail_at = head + middle * SHA256_BLOCK;
    size_t tail_blocks = 0;

    for (unsigned l = 0; l < e->lanes; l++) {
        for (unsigned w = 0; w < 8; w++) {
            *digest_word(&args, e, l, w) = s->h[w];
        }
    }
    if (head > 0) {
        for (unsigned l = 0; l < e->lanes; l++) {
            const uint8_t *block = blocks[l < count ? l : 0];
            __builtin_memcpy(edge[l], s->rest.data, s->rest.size);
            __builtin_memcpy(edge[l] + s->rest.size, block, head);
            args.data[l] = edge[l];
        }
        e->run(&args, 1);
    }
    for (unsigned l = 0; l < e->lanes; l++) {
        args.data[l] = (const uint8_t *)blocks[l < count ? l : 0] + head;
    }
    e->run(&args, middle);
    for (unsigned l = 0; l < e->lanes; l++) {
        const uint8_t *block = blocks[l < count ? l : 0];
        tail_blocks = pad(edge[l], BYTES(block + tail_at, CRYPTO_BLOCK - tail_at), s->total);
        args.data[l] = edge[l];
    }
    e->run(&args, tail_blocks);
    for (unsigned l = 0; l < count; l++) {
        for (unsigned w = 0; w < 8; w++) {
            store_le32(ret[l] + 4 * w, __builtin_bswap32(*digest_word(&args, e, l, w)));
        }
    }
}

static void hash_one(const struct salted *s, const void *block, uint8_t ret[SHA256_SIZE])
{
    struct crypto_sha256 state = {.size = s->total - CRYPTO_BLOCK};
    __builtin_memcpy(state.h, s->h, sizeof state.h);
    if (s->rest.size > 0) {
        __builtin_memcpy(state.block, s->rest.data, s->rest.size);
    }
    crypto_sha256_update(&state, BYTES(block, CRYPTO_BLOCK));
    crypto_sha256_final(&state, ret);
}

void crypto_sha256_blocks(const void *const *blocks, size_t count, struct bytes salt,
                          uint8_t (*ret)[SHA256_SIZE])
{
    const struct salted s = salted_of(salt);
    while (count > 0) {
        const struct engine *e = engine_for(count);
        size_t n = 1;
        if (e == NULL) {
            hash_one(&s, blocks[0], ret[0]);
        } else {
            n = count < e->lanes ? count : e->lanes;
            hash_lanes(e, &s, blocks, (unsigned)n, ret);
        }
        blocks += n;
        ret += n;
        count -= n;
    }
}
