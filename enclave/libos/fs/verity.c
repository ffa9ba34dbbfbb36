/* SPDX-License-Identifier: Apache-2.0 */
/* dm-verity inside the enclave. The adversary owns the bytes of image and tree and may change them
 * between any two instructions; what it gains is a stop. Every block goes the same way: one copy,
 * a hash of the copy, a comparison. Tree blocks that verified are kept for good (1/128 of what is
 * read), so a data block costs one copy and one hash. */
#include <asm/errno.h>

#include "base/bytes.h"
#include "base/diag.h"
#include "verity.h"

int verity_init(struct verity *v, unsigned number, struct bytes name, uint64_t data_size,
                const uint8_t root[VERITY_DIGEST], struct bytes salt, host_span span,
                struct diag *d)
{
    struct verity t = {.number = number, .name = name, .span = span, .salt_size = salt.size};
    if (!verity_layout_of(data_size, &t.layout)) {
        return diag_fail(d, -EINVAL, "size %llu is not a positive multiple of 4096",
                         (unsigned long long)data_size);
    }
    if (salt.size > VERITY_SALT_MAX) {
        return diag_fail(d, -EINVAL, "salt of %zu bytes; at most %u", salt.size, VERITY_SALT_MAX);
    }
    if (span.size < t.layout.total_blocks * VERITY_BLOCK) {
        return diag_fail(d, -EINVAL, "image has %llu bytes; data and hash tree need %llu",
                         (unsigned long long)span.size,
                         (unsigned long long)(t.layout.total_blocks * VERITY_BLOCK));
    }
    memcpy(t.root, root, VERITY_DIGEST);
    if (salt.size > 0) {
        memcpy(t.salt, salt.data, salt.size);
    }
    uint64_t tree_blocks = t.layout.total_blocks - t.layout.data_blocks;
    t.tree = rt_alloc((size_t)(tree_blocks + 1) * sizeof *t.tree);
    if (t.tree == NULL) {
        return diag_fail(d, -ENOMEM, "no memory for the hash tree");
    }
    *v = t;
    return 0;
}

void verity_done(struct verity *v)
{
    if (v->tree != NULL) {
        for (uint64_t i = 0; i < v->layout.total_blocks - v->layout.data_blocks; i++) {
            rt_free(v->tree[i]);
        }
    }
    rt_free(v->tree);
    v->tree = NULL;
}

static struct bytes salt_of(const struct verity *v)
{
    return BYTES(v->salt, v->salt_size);
}

/* The verified digest of block `index` of `level`'s children: level 0 covers data blocks. Walks up
 * to the nearest verified ancestor, then down again. */
static int digest_of(struct verity *v, unsigned level, uint64_t index, const uint8_t **ret,
                     uint64_t *ret_bad)
{
    if (level == v->layout.levels) {
        *ret = v->root;
        return 0;
    }
    uint64_t block = index / VERITY_FANOUT;
    uint64_t place = v->layout.level_start[level] + block;
    uint8_t **slot = &v->tree[place - v->layout.data_blocks];
    if (*slot == NULL) {
        const uint8_t *want;
        int err =
            digest_of(v, level + 1, block, &want, ret_bad); /* at most VERITY_LEVELS_MAX deep */
        if (err != 0) {
            return err;
        }
        uint8_t *copy = rt_alloc(VERITY_BLOCK);
        if (copy == NULL) {
            return -ENOMEM;
        }
        copy_from_host(copy, v->span, place * VERITY_BLOCK, VERITY_BLOCK);
        uint8_t digest[1][VERITY_DIGEST];
        const void *blocks[1] = {copy};
        rt_sha256_blocks(blocks, 1, salt_of(v), digest);
        v->blocks_hashed++;
        if (memcmp(digest[0], want, VERITY_DIGEST) != 0) {
            rt_free(copy);
            *ret_bad = place;
            return -EBADMSG;
        }
        *slot = copy;
    }
    *ret = *slot + (index % VERITY_FANOUT) * VERITY_DIGEST;
    return 0;
}

int verity_prepare(struct verity *v, uint64_t first, uint64_t count, uint64_t *ret_bad)
{
    REQUIRE(range_within(first, count, v->layout.data_blocks));
    int err = 0;
    for (uint64_t b = align_down(first, VERITY_FANOUT); err == 0 && b < first + count;
         b += VERITY_FANOUT) {
        const uint8_t *ignored;
        err = digest_of(v, 0, b, &ignored, ret_bad);
    }
    return err;
}

int verity_read(struct verity *v, const uint64_t *blocks, size_t count, uint8_t *const *to,
                uint64_t *ret_bad)
{
    REQUIRE(count <= VERITY_BATCH);
    const uint8_t *want[VERITY_BATCH];
    for (size_t i = 0; i < count; i++) {
        REQUIRE(blocks[i] < v->layout.data_blocks);
        int err = digest_of(v, 0, blocks[i], &want[i], ret_bad);
        if (err != 0) {
            return err;
        }
    }
    for (size_t i = 0; i < count;) { /* runs that lie together on both sides: one copy */
        size_t n = 1;
        while (i + n < count && blocks[i + n] == blocks[i] + n &&
               to[i + n] == to[i] + n * VERITY_BLOCK) {
            n++;
        }
        copy_from_host(to[i], v->span, blocks[i] * VERITY_BLOCK, n * VERITY_BLOCK);
        i += n;
    }
    uint8_t digests[VERITY_BATCH][VERITY_DIGEST];
    const void *copies[VERITY_BATCH] = {NULL};
    for (size_t i = 0; i < count; i++) {
        copies[i] = to[i];
    }
    rt_sha256_blocks(copies, count, salt_of(v), digests);
    v->blocks_hashed += count;
    for (size_t i = 0; i < count; i++) {
        if (memcmp(digests[i], want[i], VERITY_DIGEST) != 0) {
            for (size_t j = 0; j < count; j++) {
                memset(to[j], 0, VERITY_BLOCK);
            }
            *ret_bad = blocks[i];
            return -EBADMSG;
        }
    }
    return 0;
}

void verity_refuse(const struct verity *v, uint64_t bad)
{
    bool data = bad < v->layout.data_blocks;
    uint64_t n = data ? bad : bad - v->layout.data_blocks;
    rt_fatal("layer %u (%.*s): %s block %llu does not match the measured root hash; the image was "
             "changed or is damaged: build or fetch it again",
             v->number, (int)v->name.size, (const char *)v->name.data, data ? "data" : "hash tree",
             (unsigned long long)n);
}
