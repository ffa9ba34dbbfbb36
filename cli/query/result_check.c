/* SPDX-License-Identifier: Apache-2.0 */
/* Is this the answer to the question that was asked? Whoever carries results would like to choose
 * them: every statement is followed back to the query, to an enclave that the query names, and to
 * the log. */
#include "query/result.h"

#include <errno.h>
#include <string.h>

static int fail(enum result_part part, enum result_part *ret_part, struct diag *d)
{
    const char *text = result_part_text(part);
    *ret_part = part;
    if (d != NULL && strncmp(d->text, text, strlen(text)) != 0) {
        diag_prefix(d, "%s", text);
    }
    return -EACCES;
}

static int read_document(const struct result *r, const struct query_hash *asked,
                         struct result_checked *ret, struct diag *d)
{
    int err = query_document_id(r->outcome.document, &ret->id);
    if (err != 0) {
        return diag_fail(d, -EIO, "the crypto library failed");
    }
    if (asked != NULL && !query_hash_equal(asked, &ret->id)) {
        return diag_fail(d, -EINVAL, "it is another query than the one that was asked");
    }
    return query_document_decode(r->outcome.document, &ret->doc, d);
}

/* A head as who has seen none takes it; with a held one and a proof, as its extension. */
static int take_head(const struct query_key *log_key, struct bytes head, struct bytes proof,
                     struct query_log_head *held, struct diag *d)
{
    enum query_log_reason reason = QUERY_LOG_REASON_NONE;
    int err = query_log_advance(held, log_key, head, proof, &reason, d);
    if (err == -EACCES) {
        const char *why = query_log_reason_explain(reason);
        return diag_fail(d, err, "%s", why != NULL ? why : "it does not hold");
    }
    return err != 0 ? diag_fail(d, err, "the crypto library failed") : 0;
}

int result_head_read(const struct query_key *log_key, struct bytes head, struct query_log_head *ret,
                     struct diag *d)
{
    static const uint8_t no_hashes[] = {0x80};
    *ret = (struct query_log_head){.tree = query_log_empty()};
    if (query_key_id(log_key, &ret->log) != 0) {
        return diag_fail(d, -EIO, "the crypto library failed");
    }
    return take_head(log_key, head, BYTES_OF(no_hashes), ret, d);
}

static int check_leaf(const struct query_log_head *head, const struct query_log_leaf *leaf,
                      uint64_t index, struct bytes proof, struct diag *d)
{
    uint8_t bytes[QUERY_LOG_LEAF_MAX];
    struct writer w = writer_of(bytes, sizeof bytes);
    struct query_hash hash;
    struct query_log_proof path;
    int err = query_log_leaf_encode(leaf, &w, d);
    if (err == 0 && query_log_proof_decode(proof, &path) != 0) {
        err = diag_fail(d, -EINVAL, "its proof cannot be read");
    }
    if (err == 0 && query_log_leaf_hash(BYTES(bytes, w.size), &hash) != 0) {
        err = diag_fail(d, -EIO, "the crypto library failed");
    }
    if (err == 0 && query_log_check_inclusion(&head->tree, index, &hash, &path) != 0) {
        err = diag_fail(d, -EBADMSG, "the log of the signed head does not have it there");
    }
    return err;
}

static int check_evidence(const struct result *r, uint64_t now, struct result_checked *ret,
                          struct query_log_tree *ret_tree, struct diag *d)
{
    struct wire_hash roots[QUERY_ROOTS_MAX];
    struct binding_expectation expected = {
        .purpose = BINDING_PURPOSE_AGGREGATOR,
        .owner_mode = BINDING_OWNER_NONE,
        .fresh_mode = BINDING_EXPECT_AGE,
        .max_age_s = TRUST_AGE_MAX_S,
        .clock_skew_s = TRUST_SKEW_S,
        .context = {.mode = ALCOVE_EXPECT_ANY},
    };
    for (uint32_t i = 0; i < ret->doc.root_count; i++) {
        memcpy(roots[i].value, ret->doc.roots[i], sizeof roots[i].value);
    }
    int err = trust_service(r->outcome.evidence, roots, ret->doc.root_count, NULL, &expected,
                            (int64_t)now, &ret->aggregator, d);
    return err != 0
               ? err
               : aggregator_context_read(ret->aggregator.binding.context, &ret->id, ret_tree, d);
}

static int open_receipt(const struct result *r, struct result_checked *ret, struct diag *d)
{
    const struct binding *b = &ret->aggregator.binding;
    struct query_key key;
    if (b->signing != BINDING_SIGNING_P256 ||
        query_key_read(BYTES(b->signing_key, QUERY_KEY_SIZE), &key) != 0) {
        return diag_fail(d, -EINVAL, "the evidence binds no key that signs receipts");
    }
    return receipt_open(r->outcome.receipt, &key, &ret->receipt, &ret->release, d);
}

static int check_receipt(const struct result_checked *c, struct diag *d)
{
    const struct query_peer *peer = &c->aggregator.peer;
    if (memcmp(c->receipt.mrenclave, peer->mrenclave, sizeof peer->mrenclave) != 0 ||
        memcmp(c->receipt.configid, peer->configid, sizeof peer->configid) != 0) {
        return diag_fail(d, -EINVAL, "it names another aggregator than its evidence");
    }
    return receipt_check(&c->receipt, &c->doc, &c->id, d);
}

static int check_tree(const struct result *r, const struct result_checked *c,
                      const struct query_log_tree *seen, struct diag *d)
{
    const struct receipt *p = &c->receipt;
    if (p->tree.size != seen->size || !query_hash_equal(&p->tree.root, &seen->root)) {
        return diag_fail(d, -EINVAL, "the receipt names another tree than the evidence");
    }
    if (p->log_index != r->outcome.query_index) {
        return diag_fail(d, -EINVAL, "the query has another place in the receipt than in the log");
    }
    /* The release was logged after the aggregator had looked. */
    if (p->tree.size >= c->head.tree.size || r->outcome.release_index < p->tree.size) {
        return diag_fail(d, -EINVAL, "the aggregator's tree is not older than the release");
    }
    return 0;
}

static int check_growth(const struct result *r, const struct query_key *log_key,
                        struct result_checked *c, struct diag *d)
{
    struct query_log_proof begun;
    if (r->newest.size == 0) {
        return 0;
    }
    c->newest = c->head;
    int err = take_head(log_key, r->newest, r->extends, &c->newest, d);
    if (err == 0 && query_log_proof_decode(r->begun, &begun) != 0) {
        err = diag_fail(d, -EINVAL, "its proof cannot be read");
    }
    if (err == 0 && query_log_check_consistency(&c->receipt.tree, &c->newest.tree, &begun) != 0) {
        err = diag_fail(d, -EBADMSG, "the aggregator was shown another log");
    }
    return err;
}

int result_check(const struct result *result, const struct query_hash *asked,
                 const struct query_key *log_key, uint64_t now, struct result_checked *ret,
                 enum result_part *ret_part, struct diag *d)
{
    const struct wire_outcome *o = &result->outcome;
    struct query_log_tree seen;
    memset(ret, 0, sizeof *ret);
    *ret_part = RESULT_PARTS;
    ret->time = now;
    ret->release_index = o->release_index;
    if (read_document(result, asked, ret, d) != 0) {
        return fail(RESULT_PART_DOCUMENT, ret_part, d);
    }
    if (result_head_read(log_key, o->head, &ret->head, d) != 0) {
        return fail(RESULT_PART_HEAD, ret_part, d);
    }
    struct query_log_leaf leaf = {
        .kind = QUERY_LOG_QUERY, .query = ret->id, .analyst = ret->doc.analyst};
    if (check_leaf(&ret->head, &leaf, o->query_index, o->query_proof, d) != 0) {
        return fail(RESULT_PART_QUERY_LEAF, ret_part, d);
    }
    if (check_evidence(result, now, ret, &seen, d) != 0) {
        return fail(RESULT_PART_EVIDENCE, ret_part, d);
    }
    if (!query_document_accepts(&ret->doc, QUERY_ROLE_AGGREGATOR, &ret->aggregator.peer)) {
        ignore_result(diag_fail(d, -EACCES, "the query does not name this program"), "goes on");
        return fail(RESULT_PART_AGGREGATOR, ret_part, d);
    }
    if (open_receipt(result, ret, d) != 0) {
        return fail(RESULT_PART_SIGNATURE, ret_part, d);
    }
    if (check_receipt(ret, d) != 0) {
        return fail(RESULT_PART_RECEIPT, ret_part, d);
    }
    if (check_tree(result, ret, &seen, d) != 0) {
        return fail(RESULT_PART_TREE, ret_part, d);
    }
    leaf = (struct query_log_leaf){
        .kind = QUERY_LOG_RELEASE, .query = ret->id, .receipt = ret->release};
    if (check_leaf(&ret->head, &leaf, o->release_index, o->release_proof, d) != 0) {
        return fail(RESULT_PART_RELEASE_LEAF, ret_part, d);
    }
    if (check_growth(result, log_key, ret, d) != 0) {
        return fail(RESULT_PART_GROWTH, ret_part, d);
    }
    return 0;
}
