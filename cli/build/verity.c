/* SPDX-License-Identifier: Apache-2.0 */
/* dm-verity hash trees, see verity.h. Trust: images come from anywhere; sizes are checked against
 * the layout before any block is read. */
#include "verity.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

struct hasher {
    EVP_MD_CTX *salted; /* state after the salt; copied for each block */
    EVP_MD_CTX *work;
};

static int hasher_open(struct hasher *ret, struct bytes salt, struct diag *d)
{
    struct hasher h = {EVP_MD_CTX_new(), EVP_MD_CTX_new()};
    if (h.salted == NULL || h.work == NULL ||
        EVP_DigestInit_ex(h.salted, EVP_sha256(), NULL) != 1 ||
        EVP_DigestUpdate(h.salted, salt.data, salt.size) != 1) {
        EVP_MD_CTX_free(h.salted);
        EVP_MD_CTX_free(h.work);
        return diag_fail(d, -ENOMEM, "SHA-256 is not available from OpenSSL");
    }
    *ret = h;
    return 0;
}

static void hasher_close(struct hasher *h)
{
    EVP_MD_CTX_free(h->salted);
    EVP_MD_CTX_free(h->work);
}

static int hash_block(struct hasher *h, const uint8_t *block, uint8_t *ret)
{
    return EVP_MD_CTX_copy_ex(h->work, h->salted) == 1 &&
                   EVP_DigestUpdate(h->work, block, VERITY_BLOCK) == 1 &&
                   EVP_DigestFinal_ex(h->work, ret, NULL) == 1
               ? 0
               : -ENOMEM;
}

static int hash_level(struct hasher *h, const uint8_t *from, uint64_t blocks, uint8_t *digests)
{
    int err = 0;
    for (uint64_t i = 0; i < blocks && err == 0; i++) {
        err = hash_block(h, from + i * VERITY_BLOCK, digests + i * VERITY_DIGEST);
    }
    return err;
}

/* Fills the tree bottom up; level_start counts from the start of the layer, the tree from its own.
 */
static int fill_tree(struct hasher *h, struct bytes data, const struct verity_layout *l,
                     uint8_t *tree, uint8_t *ret_root)
{
    const uint8_t *from = data.data;
    uint64_t blocks = l->data_blocks;
    int err = 0;
    for (unsigned level = 0; level < l->levels && err == 0; level++) {
        uint8_t *to = tree + (l->level_start[level] - l->data_blocks) * VERITY_BLOCK;
        err = hash_level(h, from, blocks, to);
        from = to;
        blocks = l->level_blocks[level];
    }
    return err != 0 ? err : hash_block(h, from, ret_root);
}

int verity_build(struct bytes data, struct bytes salt, uint8_t **ret_tree, size_t *ret_tree_size,
                 uint8_t ret_root[32], struct diag *d)
{
    struct verity_layout l;
    struct hasher h;
    if (!verity_layout_of(data.size, &l)) {
        return diag_fail(d, -EINVAL, "a layer of %zu bytes is not whole blocks", data.size);
    }
    size_t size = (size_t)(l.total_blocks - l.data_blocks) * VERITY_BLOCK;
    uint8_t *tree = calloc(1, size + 1); /* +1: one block has no tree, and calloc(0) may be NULL */
    if (tree == NULL) {
        return diag_fail(d, -ENOMEM, "no memory for a hash tree of %zu bytes", size);
    }
    int err = hasher_open(&h, salt, d);
    if (err == 0) {
        err = fill_tree(&h, data, &l, tree, ret_root);
        hasher_close(&h);
    }
    if (err != 0) {
        free(tree);
        return diag_fail(d, err, "cannot compute the hash tree");
    }
    *ret_tree = tree;
    *ret_tree_size = size;
    return 0;
}

/* The tree as it should be and as it is: names the first block, of data or of tree, that differs.
 */
static int explain(struct bytes layer, const struct verity_layout *l, const uint8_t *tree,
                   const uint8_t *found_root, const uint8_t *root, struct diag *d)
{
    const uint8_t *stored = layer.data + l->data_blocks * VERITY_BLOCK;
    char found[65], expected[65];
    if (l->levels > 0) {
        /* Digests that do not fit to their data: the data or the lowest level changed. */
        uint64_t start = (l->level_start[0] - l->data_blocks) * VERITY_BLOCK;
        for (uint64_t i = 0; i < l->data_blocks; i++) {
            uint64_t at = start + i * VERITY_DIGEST;
            if (memcmp(tree + at, stored + at, VERITY_DIGEST) != 0) {
                return diag_fail(d, -EBADMSG, "block %llu does not match its hash",
                                 (unsigned long long)i);
            }
        }
        uint64_t size = (l->total_blocks - l->data_blocks) * VERITY_BLOCK;
        for (uint64_t at = 0; at < size; at++) {
            if (tree[at] != stored[at]) {
                return diag_fail(d, -EBADMSG, "the hash tree differs in block %llu",
                                 (unsigned long long)(l->data_blocks + at / VERITY_BLOCK));
            }
        }
    }
    hex_encode(found, found_root, 32);
    hex_encode(expected, root, 32);
    return diag_fail(d, -EBADMSG, "the root hash is %s, not %s", found, expected);
}

int verity_check(struct bytes layer, uint64_t data_size, struct bytes salt, const uint8_t root[32],
                 struct diag *d)
{
    struct verity_layout l;
    uint8_t *tree = NULL;
    size_t tree_size = 0;
    uint8_t found[32];
    if (!verity_layout_of(data_size, &l) || layer.size != l.total_blocks * VERITY_BLOCK) {
        return diag_fail(d, -EINVAL, "%zu bytes long, which does not fit a file system of %llu",
                         layer.size, (unsigned long long)data_size);
    }
    int err = verity_build((struct bytes){layer.data, (size_t)data_size}, salt, &tree, &tree_size,
                           found, d);
    if (err != 0) {
        return err;
    }
    bool good =
        memcmp(tree, layer.data + data_size, tree_size) == 0 && memcmp(found, root, 32) == 0;
    err = good ? 0 : explain(layer, &l, tree, found, root, d);
    free(tree);
    return err;
}
