/* SPDX-License-Identifier: Apache-2.0 */
/* Merkle trees of RFC 9162 section 2.1. The operator of the log may send any proof; checking one
 * takes a bounded number of hashes and no memory.
 *
 * No recursion: a subtree's hash is made with a stack of its full subtrees, of which there is at
 * most one a level. */
#include "log/fields.h"
#include "query/log.h"

#include <errno.h>

#include "log/crypto.h"

#define LEVELS 41

static int hash_node(const struct query_hash *left, const struct query_hash *right,
                     struct query_hash *ret)
{
    static const uint8_t node = 1;
    const struct bytes parts[] = {{&node, 1}, BYTES_OF(left->data), BYTES_OF(right->data)};
    struct query_hash hash;
    if (!record_sha256(parts, ARRAY_SIZE(parts), &hash)) {
        return -EIO;
    }
    *ret = hash;
    return 0;
}

int query_log_leaf_hash(struct bytes leaf, struct query_hash *ret)
{
    static const uint8_t zero = 0;
    const struct bytes parts[] = {{&zero, 1}, leaf};
    return record_sha256(parts, ARRAY_SIZE(parts), ret) ? 0 : -EIO;
}

struct query_log_tree query_log_empty(void)
{
    /* SHA-256 of nothing. */
    return (struct query_log_tree){
        .size = 0, .root.data = {0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4,
                                 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b,
                                 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55}};
}

/* MTH of count > 0 leaves. After i leaves the stack holds one hash for each bit of i. */
static int subtree(const struct query_hash *leaves, uint64_t count, struct query_hash *ret)
{
    struct query_hash stack[LEVELS + 1];
    size_t depth = 0;
    int err = 0;
    for (uint64_t i = 0; i < count && err == 0; i++) {
        stack[depth++] = leaves[i];
        for (uint64_t rest = i; (rest & 1) != 0 && err == 0; rest >>= 1) {
            depth--;
            err = hash_node(&stack[depth - 1], &stack[depth], &stack[depth - 1]);
        }
    }
    for (; depth > 1 && err == 0; depth--) {
        err = hash_node(&stack[depth - 2], &stack[depth - 1], &stack[depth - 2]);
    }
    if (err == 0) {
        *ret = stack[0];
    }
    return err;
}

int query_log_tree_of(const struct query_hash *leaves, uint64_t count, struct query_log_tree *ret)
{
    struct query_log_tree tree = query_log_empty();
    if (count > QUERY_LOG_SIZE_MAX) {
        return -EINVAL;
    }
    int err = count > 0 ? subtree(leaves, count, &tree.root) : 0;
    tree.size = count;
    if (err == 0) {
        *ret = tree;
    }
    return err;
}

/* The largest power of two below n; n > 1. */
static uint64_t split(uint64_t n)
{
    return UINT64_C(1) << (63 - __builtin_clzll(n - 1));
}

/* The paths of both proofs are found from the root down and written from the leaf up. */
static void turn_round(struct query_log_proof *proof)
{
    for (uint32_t i = 0; i < proof->count / 2; i++) {
        struct query_hash other = proof->path[proof->count - 1 - i];
        proof->path[proof->count - 1 - i] = proof->path[i];
        proof->path[i] = other;
    }
}

int query_log_prove_inclusion(const struct query_hash *leaves, uint64_t count, uint64_t index,
                              struct query_log_proof *ret)
{
    struct query_log_proof proof = {0};
    int err = 0;
    if (count > QUERY_LOG_SIZE_MAX || index >= count) {
        return -EINVAL;
    }
    while (count > 1 && err == 0) {
        uint64_t k = split(count);
        struct query_hash *sibling = &proof.path[proof.count++];
        if (index < k) {
            err = subtree(leaves + k, count - k, sibling);
            count = k;
        } else {
            err = subtree(leaves, k, sibling);
            leaves += k;
            count -= k;
            index -= k;
        }
    }
    turn_round(&proof);
    if (err == 0) {
        *ret = proof;
    }
    return err;
}

int query_log_prove_consistency(const struct query_hash *leaves, uint64_t count, uint64_t old_count,
                                struct query_log_proof *ret)
{
    struct query_log_proof proof = {0};
    bool whole = true; /* the old tree's own hash is known to who checks: SUBPROOF's flag b */
    int err = 0;
    if (count > QUERY_LOG_SIZE_MAX || old_count > count) {
        return -EINVAL;
    }
    if (old_count == 0) {
        *ret = proof;
        return 0;
    }
    while (old_count < count && err == 0) {
        uint64_t k = split(count);
        struct query_hash *sibling = &proof.path[proof.count++];
        if (old_count <= k) {
            err = subtree(leaves + k, count - k, sibling);
            count = k;
        } else {
            err = subtree(leaves, k, sibling);
            leaves += k;
            count -= k;
            old_count -= k;
            whole = false;
        }
    }
    if (!whole && err == 0) {
        err = subtree(leaves, count, &proof.path[proof.count++]);
    }
    turn_round(&proof);
    if (err == 0) {
        *ret = proof;
    }
    return err;
}

/* ---- checking -------------------------------------------------------------------------------- */

static int judge(bool good)
{
    return good ? 0 : -EBADMSG;
}

int query_log_check_inclusion(const struct query_log_tree *tree, uint64_t index,
                              const struct query_hash *leaf, const struct query_log_proof *proof)
{
    if (index >= tree->size || tree->size > QUERY_LOG_SIZE_MAX ||
        proof->count > QUERY_LOG_PATH_MAX) {
        return -EBADMSG;
    }
    uint64_t place = index, last = tree->size - 1;
    struct query_hash r = *leaf;
    for (uint32_t i = 0; i < proof->count; i++) {
        const struct query_hash *p = &proof->path[i];
        int err;
        if (last == 0) {
            return -EBADMSG;
        }
        if ((place & 1) != 0 || place == last) {
            err = hash_node(p, &r, &r);
            while ((place & 1) == 0 && place != 0) {
                place >>= 1;
                last >>= 1;
            }
        } else {
            err = hash_node(&r, p, &r);
        }
        if (err != 0) {
            return err;
        }
        place >>= 1;
        last >>= 1;
    }
    return judge(last == 0 && query_hash_equal(&r, &tree->root));
}

/* Sizes differ and are above zero. */
static int check_growth(const struct query_log_tree *old_tree,
                        const struct query_log_tree *new_tree, const struct query_log_proof *proof)
{
    uint64_t place = old_tree->size - 1, last = new_tree->size - 1;
    bool whole = (old_tree->size & place) == 0; /* a full subtree: its hash is not in the proof */
    uint32_t next = whole ? 0 : 1;
    if (proof->count == 0) {
        return -EBADMSG;
    }
    struct query_hash old_root = whole ? old_tree->root : proof->path[0];
    struct query_hash new_root = old_root;
    for (; (place & 1) != 0; place >>= 1) {
        last >>= 1;
    }
    for (; next < proof->count; next++) {
        const struct query_hash *c = &proof->path[next];
        int err;
        if (last == 0) {
            return -EBADMSG;
        }
        if ((place & 1) != 0 || place == last) {
            err = hash_node(c, &old_root, &old_root);
            err = err != 0 ? err : hash_node(c, &new_root, &new_root);
            while ((place & 1) == 0 && place != 0) {
                place >>= 1;
                last >>= 1;
            }
        } else {
            err = hash_node(&new_root, c, &new_root);
        }
        if (err != 0) {
            return err;
        }
        place >>= 1;
        last >>= 1;
    }
    return judge(last == 0 && query_hash_equal(&old_root, &old_tree->root) &&
                 query_hash_equal(&new_root, &new_tree->root));
}

int query_log_check_consistency(const struct query_log_tree *old_tree,
                                const struct query_log_tree *new_tree,
                                const struct query_log_proof *proof)
{
    const struct query_log_tree empty = query_log_empty();
    if (new_tree->size > QUERY_LOG_SIZE_MAX || old_tree->size > new_tree->size ||
        proof->count > QUERY_LOG_PATH_MAX) {
        return -EBADMSG;
    }
    if (new_tree->size == old_tree->size) {
        return judge(proof->count == 0 && query_hash_equal(&old_tree->root, &new_tree->root));
    }
    if (old_tree->size == 0) {
        return judge(proof->count == 0 && query_hash_equal(&old_tree->root, &empty.root));
    }
    return check_growth(old_tree, new_tree, proof);
}

/* ---- proofs as bytes ------------------------------------------------------------------------- */

int query_log_proof_decode(struct bytes cbor, struct query_log_proof *ret)
{
    struct cbor_reader r = cbor_reader_of(cbor);
    struct query_log_proof proof = {0};
    proof.count = (uint32_t)cbor_array(&r, QUERY_LOG_PATH_MAX);
    for (uint32_t i = 0; i < proof.count; i++) {
        field_item(&r, proof.path[i].data, sizeof proof.path[i].data);
    }
    if (!cursor_done(&r.in)) {
        return -EINVAL;
    }
    *ret = proof;
    return 0;
}

int query_log_proof_encode(const struct query_log_proof *proof, struct writer *out)
{
    size_t start = out->size;
    if (proof->count > QUERY_LOG_PATH_MAX) {
        return -EINVAL;
    }
    cbor_put_array(out, proof->count);
    for (uint32_t i = 0; i < proof->count; i++) {
        cbor_put_bytes(out, BYTES_OF(proof->path[i].data));
    }
    if (out->failed) {
        out->size = start;
        return -ENOSPC;
    }
    return 0;
}
