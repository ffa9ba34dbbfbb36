/* SPDX-License-Identifier: Apache-2.0 */
/* Prints roots and all proofs of small trees for log_oracle.py, which makes them anew from the
 * definitions in RFC 9162. Leaf i is the byte i. */
#include <stdio.h>

#include "query/log.h"

#define LEAVES 40

static void print(const char *what, uint64_t a, uint64_t b, const struct query_hash *hashes,
                  uint32_t count)
{
    printf("%s %llu %llu", what, (unsigned long long)a, (unsigned long long)b);
    for (uint32_t i = 0; i < count; i++) {
        char text[65];
        hex_encode(text, hashes[i].data, 32);
        printf(" %s", text);
    }
    printf("\n");
}

int main(void)
{
    static struct query_hash leaves[LEAVES];
    struct query_log_tree tree;
    struct query_log_proof proof;
    for (unsigned i = 0; i < LEAVES; i++) {
        uint8_t leaf = (uint8_t)i;
        REQUIRE(query_log_leaf_hash(BYTES(&leaf, 1), &leaves[i]) == 0);
    }
    for (uint64_t n = 0; n <= LEAVES; n++) {
        REQUIRE(query_log_tree_of(leaves, n, &tree) == 0);
        print("root", n, 0, &tree.root, 1);
        for (uint64_t i = 0; i < n; i++) {
            REQUIRE(query_log_prove_inclusion(leaves, n, i, &proof) == 0);
            print("inclusion", n, i, proof.path, proof.count);
        }
        for (uint64_t old = 0; old <= n; old++) {
            REQUIRE(query_log_prove_consistency(leaves, n, old, &proof) == 0);
            print("consistency", n, old, proof.path, proof.count);
        }
    }
    return 0;
}
