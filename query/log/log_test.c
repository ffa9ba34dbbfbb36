/* SPDX-License-Identifier: Apache-2.0 */
/* The log: every proof of small trees holds, and none that was changed; heads; leaves. */
#include "query/log.h"

#include <errno.h>
#include <string.h>

#include "tests/tap.h"

#define LEAVES 20

static struct query_hash leaves[LEAVES];
static struct query_log_tree trees[LEAVES + 1];

static void make_trees(void)
{
    for (unsigned i = 0; i < LEAVES; i++) {
        uint8_t leaf[2] = {(uint8_t)i, 7};
        REQUIRE(query_log_leaf_hash(BYTES(leaf, sizeof leaf), &leaves[i]) == 0);
    }
    for (unsigned n = 0; n <= LEAVES; n++) {
        REQUIRE(query_log_tree_of(leaves, n, &trees[n]) == 0);
    }
}

/* Counts the changes of a good proof that are believed; none may be. */
static unsigned inclusion_forgeries(uint64_t n, uint64_t i, const struct query_log_proof *good)
{
    unsigned believed = 0;
    struct query_log_proof p = *good;
    for (uint32_t k = 0; k < good->count; k++) {
        p.path[k].data[k % 32] ^= 1;
        believed += query_log_check_inclusion(&trees[n], i, &leaves[i], &p) == 0;
        p = *good;
    }
    if (p.count > 0) {
        p.count--;
        believed += query_log_check_inclusion(&trees[n], i, &leaves[i], &p) == 0;
        p = *good;
    }
    p.count++;
    believed += query_log_check_inclusion(&trees[n], i, &leaves[i], &p) == 0;
    for (uint64_t other = 0; other <= n; other++) {
        if (other != i) {
            believed += query_log_check_inclusion(&trees[n], other, &leaves[i], good) == 0;
        }
        if (other != i && other < n) {
            believed += query_log_check_inclusion(&trees[n], i, &leaves[other], good) == 0;
        }
    }
    for (uint64_t m = 0; m <= LEAVES; m++) {
        if (m != n) {
            believed += query_log_check_inclusion(&trees[m], i, &leaves[i], good) == 0;
        }
    }
    return believed;
}

static void inclusion(void)
{
    unsigned refused = 0, believed = 0;
    struct query_log_proof p;
    for (uint64_t n = 1; n <= LEAVES; n++) {
        for (uint64_t i = 0; i < n; i++) {
            REQUIRE(query_log_prove_inclusion(leaves, n, i, &p) == 0);
            refused += query_log_check_inclusion(&trees[n], i, &leaves[i], &p) != 0;
            believed += inclusion_forgeries(n, i, &p);
        }
    }
    CHECK(refused == 0, "every leaf of every tree of up to %d leaves is shown to be in it", LEAVES);
    CHECK(believed == 0, "forges inclusion: no changed proof, place, leaf or size is believed");
    CHECK(query_log_prove_inclusion(leaves, 3, 3, &p) == -EINVAL &&
              query_log_prove_inclusion(leaves, QUERY_LOG_SIZE_MAX + 1, 0, &p) == -EINVAL,
          "there is no proof for a leaf outside the tree, nor for too large a tree");
    p.count = QUERY_LOG_PATH_MAX + 1;
    CHECK(query_log_check_inclusion(&trees[3], 0, &leaves[0], &p) == -EBADMSG,
          "a path longer than any is refused before it is read");
    struct query_log_tree huge = {QUERY_LOG_SIZE_MAX + 1, trees[1].root};
    p.count = 0;
    CHECK(query_log_check_inclusion(&huge, 0, &leaves[0], &p) == -EBADMSG &&
              query_log_check_consistency(&trees[1], &huge, &p) == -EBADMSG,
          "a tree larger than any is refused");
}

static unsigned consistency_forgeries(uint64_t m, uint64_t n, const struct query_log_proof *good)
{
    unsigned believed = 0;
    struct query_log_proof p = *good;
    for (uint32_t k = 0; k < good->count; k++) {
        p.path[k].data[k % 32] ^= 0x80;
        believed += query_log_check_consistency(&trees[m], &trees[n], &p) == 0;
        p = *good;
    }
    if (p.count > 0) {
        p.count--;
        believed += query_log_check_consistency(&trees[m], &trees[n], &p) == 0;
        p = *good;
    }
    p.count++;
    believed += query_log_check_consistency(&trees[m], &trees[n], &p) == 0;
    struct query_log_tree forked = trees[m];
    forked.root.data[31] ^= 1;
    believed += query_log_check_consistency(&forked, &trees[n], good) == 0;
    forked = trees[n];
    forked.root.data[0] ^= 1;
    /* Every tree extends the one without leaves, whatever its root is: the head is signed. */
    believed += m != 0 && query_log_check_consistency(&trees[m], &forked, good) == 0;
    for (uint64_t other = 1; m > 0 && other <= LEAVES; other++) {
        if (other != n) {
            believed += query_log_check_consistency(&trees[m], &trees[other], good) == 0;
        }
        if (other != m) {
            believed += query_log_check_consistency(&trees[other], &trees[n], good) == 0;
        }
    }
    return believed;
}

static void consistency(void)
{
    unsigned refused = 0, believed = 0;
    struct query_log_proof p;
    for (uint64_t n = 0; n <= LEAVES; n++) {
        for (uint64_t m = 0; m <= n; m++) {
            REQUIRE(query_log_prove_consistency(leaves, n, m, &p) == 0);
            refused += query_log_check_consistency(&trees[m], &trees[n], &p) != 0;
            /* A proof of length 0 for m = n holds for every such pair. */
            believed += m < n ? consistency_forgeries(m, n, &p) : 0;
            refused += m < n && query_log_check_consistency(&trees[n], &trees[m], &p) == 0;
        }
    }
    CHECK(refused == 0, "every tree of up to %d leaves extends every smaller one, never a larger",
          LEAVES);
    CHECK(believed == 0, "forks the log: no changed proof, root or size is believed");
    CHECK(query_log_prove_consistency(leaves, 2, 3, &p) == -EINVAL &&
              query_log_prove_consistency(leaves, QUERY_LOG_SIZE_MAX + 1, 3, &p) == -EINVAL &&
              query_log_tree_of(leaves, QUERY_LOG_SIZE_MAX + 1, &trees[0]) == -EINVAL,
          "there is no proof that a tree shrank, nor for too large a tree");
    p.count = QUERY_LOG_PATH_MAX + 1;
    CHECK(query_log_check_consistency(&trees[3], &trees[4], &p) == -EBADMSG,
          "a path longer than any is refused before it is read");
}

/* A leaf is rewritten after the fact: the tree's head cannot be proved to extend the old one. */
static void rewrite_history(void)
{
    static struct query_hash other[LEAVES];
    struct query_log_tree tree;
    struct query_log_proof p;
    unsigned believed = 0;
    for (uint64_t m = 1; m < LEAVES; m++) {
        for (uint64_t changed = 0; changed < m; changed++) {
            memcpy(other, leaves, sizeof other);
            other[changed].data[5] ^= 4;
            REQUIRE(query_log_tree_of(other, LEAVES, &tree) == 0);
            REQUIRE(query_log_prove_consistency(other, LEAVES, m, &p) == 0);
            believed += query_log_check_consistency(&trees[m], &tree, &p) == 0;
        }
    }
    CHECK(believed == 0, "rewrites a leaf: nobody who held any earlier head follows");
}

static void proofs_as_bytes(void)
{
    uint8_t bytes[QUERY_LOG_PROOF_SIZE_MAX];
    struct query_log_proof p, again;
    REQUIRE(query_log_prove_inclusion(leaves, LEAVES, 3, &p) == 0);
    struct writer w = writer_of(bytes, sizeof bytes);
    CHECK(query_log_proof_encode(&p, &w) == 0 &&
              query_log_proof_decode(BYTES(bytes, w.size), &again) == 0 && again.count == p.count &&
              memcmp(again.path, p.path, p.count * sizeof p.path[0]) == 0,
          "a proof is read as it was written");
    unsigned taken = 0;
    for (size_t n = 0; n < w.size; n++) {
        taken += query_log_proof_decode(BYTES(bytes, n), &again) == 0;
    }
    CHECK(taken == 0, "a proof that was cut off is refused");
    struct writer small = writer_of(bytes, 20);
    CHECK(query_log_proof_encode(&p, &small) == -ENOSPC && small.size == 0, "no room, no proof");
    p.count = QUERY_LOG_PATH_MAX;
    w = writer_of(bytes, sizeof bytes);
    CHECK(query_log_proof_encode(&p, &w) == 0 &&
              query_log_proof_decode(BYTES(bytes, w.size), &again) == 0,
          "the longest proof fits");
    p.count++;
    CHECK(query_log_proof_encode(&p, &w) == -EINVAL, "a longer one is none");
}

/* ---- heads ---- */

struct world {
    struct query_secret_key operator_key, stranger;
    struct query_signer signer, other_signer;
    struct query_log_head held;
};

static struct world make_world(void)
{
    struct world w = {0};
    uint8_t scalar[32] = {1, 2, 3};
    REQUIRE(query_secret_key_read(BYTES_OF(scalar), &w.operator_key) == 0);
    scalar[0] = 9;
    REQUIRE(query_secret_key_read(BYTES_OF(scalar), &w.stranger) == 0);
    REQUIRE(query_key_id(&w.operator_key.key, &w.held.log) == 0);
    w.held.tree = trees[5];
    w.held.time = 1000;
    return w;
}

/* Sends a head with the proof that leaves give for m to n; expects this reason. */
static enum query_log_reason send(struct world *w, struct query_log_head head, bool stranger,
                                  uint64_t m, uint64_t n)
{
    uint8_t bytes[QUERY_LOG_HEAD_MAX + QUERY_SIGNED_OVERHEAD], proof[QUERY_LOG_PROOF_SIZE_MAX];
    struct writer out = writer_of(bytes, sizeof bytes), proof_out = writer_of(proof, sizeof proof);
    struct query_signer signer = {query_sign_with, stranger ? &w->stranger : &w->operator_key};
    struct query_log_proof p;
    struct query_log_head before = w->held;
    enum query_log_reason reason = QUERY_LOG_REASONS;
    REQUIRE(query_log_head_sign(&head, &signer, &out, NULL) == 0);
    REQUIRE(query_log_prove_consistency(leaves, n, m, &p) == 0);
    REQUIRE(query_log_proof_encode(&p, &proof_out) == 0);
    int err = query_log_advance(&w->held, &w->operator_key.key, BYTES(bytes, out.size),
                                BYTES(proof, proof_out.size), &reason, NULL);
    REQUIRE((err == 0) == (reason == QUERY_LOG_REASON_NONE));
    REQUIRE(err == 0 || (err == -EACCES && memcmp(&before, &w->held, sizeof before) == 0));
    return reason;
}

static void heads(void)
{
    struct world w = make_world();
    struct query_log_head head = w.held, held = w.held;
    head.tree = trees[9];
    head.time = 1001;
    CHECK(send(&w, head, true, 5, 9) == QUERY_LOG_REASON_SIGNATURE,
          "signs heads with a key of its own: refused");
    struct query_log_head other = head;
    other.log.data[0] ^= 1;
    CHECK(send(&w, other, false, 5, 9) == QUERY_LOG_REASON_OTHER_LOG,
          "sends another log's head: refused");
    other = head;
    other.time = 999;
    CHECK(send(&w, other, false, 5, 9) == QUERY_LOG_REASON_TIME, "turns back the clock: refused");
    other = head;
    other.tree = trees[4];
    CHECK(send(&w, other, false, 4, 5) == QUERY_LOG_REASON_SHRUNK,
          "takes back a leaf, with a later time: refused");
    other = head;
    other.tree = trees[5];
    other.tree.root.data[3] ^= 1;
    CHECK(send(&w, other, false, 5, 5) == QUERY_LOG_REASON_FORKED,
          "shows another log of the same size: refused as forked");
    other = head;
    other.tree.root.data[3] ^= 1;
    CHECK(send(&w, other, false, 5, 9) == QUERY_LOG_REASON_NOT_EXTENSION,
          "shows a longer log with other leaves: refused");
    CHECK(send(&w, head, false, 4, 9) == QUERY_LOG_REASON_NOT_EXTENSION,
          "proves another extension than the one that is needed: refused");
    CHECK(memcmp(&held, &w.held, sizeof held) == 0, "what was refused changed nothing");
    CHECK(send(&w, head, false, 5, 9) == QUERY_LOG_REASON_NONE && w.held.tree.size == 9 &&
              w.held.time == 1001,
          "a head that extends the held one takes its place");
    CHECK(send(&w, head, false, 9, 9) == QUERY_LOG_REASON_NONE, "the same head may come again");
    w.held.tree = query_log_empty();
    w.held.time = 0;
    CHECK(send(&w, head, false, 0, 9) == QUERY_LOG_REASON_NONE,
          "who holds no head yet takes the first one");
    head.tree.size = QUERY_LOG_SIZE_MAX + 1;
    struct writer none = writer_of(NULL, 0);
    struct query_signer signer = {query_sign_with, &w.operator_key};
    CHECK(query_log_head_sign(&head, &signer, &none, NULL) == -EINVAL &&
              query_log_head_sign(&held, &signer, &none, NULL) == -ENOSPC,
          "nobody signs a head that cannot be, or without room");
}

static void bad_heads(void)
{
    struct world w = make_world();
    struct query_log_head head = w.held;
    uint8_t bytes[QUERY_LOG_HEAD_MAX + QUERY_SIGNED_OVERHEAD];
    const uint8_t empty_proof[] = {0x80};
    enum query_log_reason reason = QUERY_LOG_REASON_NONE;
    struct query_signer signer = {query_sign_with, &w.operator_key};
    struct writer out = writer_of(bytes, sizeof bytes);
    REQUIRE(query_log_head_sign(&head, &signer, &out, NULL) == 0);
    unsigned taken = 0;
    for (size_t i = 0; i < out.size; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            bytes[i] ^= (uint8_t)(1u << bit);
            taken += query_log_advance(&w.held, &w.operator_key.key, BYTES(bytes, out.size),
                                       BYTES_OF(empty_proof), &reason, NULL) == 0;
            bytes[i] ^= (uint8_t)(1u << bit);
        }
    }
    CHECK(taken == 0, "changes one bit of a signed head: refused, whichever it is");
    reason = QUERY_LOG_REASON_NONE;
    CHECK(query_log_advance(&w.held, &w.operator_key.key, BYTES(bytes, out.size - 1),
                            BYTES_OF(empty_proof), &reason, NULL) == -EACCES &&
              reason == QUERY_LOG_REASON_FORMAT,
          "cuts a head off: refused as format");
    CHECK(query_log_advance(&w.held, &w.operator_key.key, BYTES(bytes, out.size), BYTES(NULL, 0),
                            &reason, NULL) == -EACCES &&
              reason == QUERY_LOG_REASON_FORMAT,
          "leaves the proof out: refused as format");
    out = writer_of(bytes, sizeof bytes);
    REQUIRE(query_signed_make("alcove-log-head-1", BYTES_STR("\xa0"), &signer, &out, NULL) == 0);
    CHECK(query_log_advance(&w.held, &w.operator_key.key, BYTES(bytes, out.size),
                            BYTES_OF(empty_proof), &reason, NULL) == -EACCES &&
              reason == QUERY_LOG_REASON_FORMAT,
          "signs something else as a head: refused as format");
    out = writer_of(bytes, sizeof bytes);
    struct bytes body = {NULL, 0};
    REQUIRE(query_log_head_sign(&head, &signer, &out, NULL) == 0);
    CHECK(query_signed_open("alcove-lease-1", BYTES(bytes, out.size), 256, &w.operator_key.key,
                            &body, NULL) == -EBADMSG,
          "shows a signed head as a signed lease: the signature is for heads only");
    bool all = true;
    for (int i = 1; i < QUERY_LOG_REASONS; i++) {
        all = all && query_log_reason_text((enum query_log_reason)i) != NULL &&
              query_log_reason_explain((enum query_log_reason)i) != NULL;
    }
    CHECK(all && query_log_reason_text(QUERY_LOG_REASONS) == NULL &&
              query_log_reason_explain(QUERY_LOG_REASONS) == NULL,
          "each reason has a name and an explanation");
}

static int no_signature(void *context, const uint8_t digest[32], uint8_t ret[QUERY_SIGNATURE_SIZE])
{
    (void)context, (void)digest, (void)ret;
    return -EIO;
}

static void keys(void)
{
    struct world w = make_world();
    struct query_key key = w.operator_key.key;
    struct query_secret_key secret;
    uint8_t scalar[32] = {0}, bytes[64];
    struct writer out = writer_of(bytes, sizeof bytes);
    struct query_signer broken = {no_signature, NULL};
    CHECK(query_key_read(BYTES_OF(key.point), &key) == 0, "a point on the curve is a key");
    key.point[40] ^= 1;
    CHECK(query_key_read(BYTES_OF(key.point), &key) == -EINVAL &&
              query_key_read(BYTES(key.point, 33), &key) == -EINVAL,
          "a point beside the curve, or a compressed one, is none");
    CHECK(query_secret_key_read(BYTES_OF(scalar), &secret) == -EINVAL &&
              query_secret_key_read(BYTES(scalar, 31), &secret) == -EINVAL,
          "zero is no secret key");
    memset(scalar, 0xff, sizeof scalar);
    CHECK(query_secret_key_read(BYTES_OF(scalar), &secret) == -EINVAL,
          "a number beyond the order is no secret key");
    CHECK(query_signed_make("x", BYTES_STR("body"), &broken, &out, NULL) == -EIO && out.size == 0,
          "a secure element that fails gives no statement");
    query_secret_key_wipe(&w.operator_key);
    uint8_t zero[sizeof w.operator_key] = {0};
    CHECK(memcmp(&w.operator_key, zero, sizeof zero) == 0, "a secret key is wiped");
}

/* ---- leaves ---- */

static bool leaf_round(const struct query_log_leaf *leaf)
{
    uint8_t bytes[QUERY_LOG_LEAF_MAX], again_bytes[QUERY_LOG_LEAF_MAX];
    struct writer w = writer_of(bytes, sizeof bytes), v = writer_of(again_bytes, sizeof bytes);
    struct query_log_leaf again;
    if (query_log_leaf_encode(leaf, &w, NULL) != 0 ||
        query_log_leaf_decode(BYTES(bytes, w.size), &again, NULL) != 0 ||
        query_log_leaf_encode(&again, &v, NULL) != 0) {
        return false;
    }
    for (size_t n = 0; n < w.size; n++) {
        if (query_log_leaf_decode(BYTES(bytes, n), &again, NULL) == 0) {
            return false;
        }
    }
    return bytes_equal(BYTES(bytes, w.size), BYTES(again_bytes, v.size));
}

static void leaf_formats(void)
{
    struct query_log_leaf leaf = {.kind = QUERY_LOG_IDENTITY,
                                  .role = QUERY_ROLE_AGGREGATOR,
                                  .name = BYTES_STR("aggregator 0.1"),
                                  .configid = {3}};
    uint8_t bytes[QUERY_LOG_LEAF_MAX];
    struct writer w = writer_of(bytes, sizeof bytes);
    bool good = true;
    for (int role = 1; role < QUERY_ROLES; role++) {
        leaf.role = (enum query_role)role;
        good = good && leaf_round(&leaf);
    }
    CHECK(good, "identities of all roles are read as they were written");
    leaf.role = QUERY_ROLE_NONE;
    CHECK(query_log_leaf_encode(&leaf, &w, NULL) == -EINVAL, "an identity without a role is none");
    leaf.role = QUERY_ROLE_WORKER;
    const char *const names[] = {"",
                                 "a\nb",
                                 "a\x7f",
                                 "a\xc2\x85"
                                 "b",
                                 "a\xe2\x80\xae"
                                 "b",
                                 "a\xe2\x81\xa6"
                                 "b",
                                 "a\xd8\x9c",
                                 "a\xe2\x80\x8f",
                                 "\xff"};
    unsigned taken = 0;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        leaf.name = BYTES(names[i], strlen(names[i]));
        taken += query_log_leaf_encode(&leaf, &w, NULL) == 0;
    }
    CHECK(taken == 0 && w.size == 0,
          "hides what a name says (control characters, turned writing): refused");
    leaf.name = BYTES_STR("Stra\xc3\x9f"
                          "e \xe2\x80\x93 1");
    CHECK(leaf_round(&leaf), "letters of other languages are names");
    leaf = (struct query_log_leaf){.kind = QUERY_LOG_QUERY, .query.data = {1}, .analyst.data = {2}};
    CHECK(leaf_round(&leaf), "a query's leaf is read as it was written");
    leaf = (struct query_log_leaf){.kind = QUERY_LOG_RELEASE, .query.data = {1}};
    CHECK(leaf_round(&leaf), "a release's leaf is read as it was written");
    leaf.kind = QUERY_LOG_NONE;
    CHECK(query_log_leaf_encode(&leaf, &w, NULL) == -EINVAL, "a leaf of no kind is none");
    leaf.kind = (enum query_log_kind)9;
    CHECK(query_log_leaf_encode(&leaf, &w, NULL) == -EINVAL, "a leaf of a made-up kind is none");
    leaf.kind = QUERY_LOG_QUERY;
    struct writer small = writer_of(bytes, 10);
    CHECK(query_log_leaf_encode(&leaf, &small, NULL) == -ENOSPC, "no room, no leaf");
    CHECK(query_role_text(QUERY_ROLES) == NULL && query_role_text(QUERY_ROLE_NONE) == NULL,
          "there are no other roles");
}

int main(void)
{
    make_trees();
    inclusion();
    consistency();
    make_trees();
    rewrite_history();
    proofs_as_bytes();
    heads();
    bad_heads();
    keys();
    leaf_formats();
    return tap_done();
}
