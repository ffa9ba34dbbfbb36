/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/trust.h"

#include <errno.h>
#include <string.h>

static struct alcove_policy policy_of(const struct alcove_root *roots, size_t count)
{
    struct alcove_policy p = alcove_policy_strict();
    p.roots = roots;
    p.root_count = count;
    p.refuse_builtin_roots = true; /* a list that does not name Intel's means it */
    p.mrenclave.mode = ALCOVE_EXPECT_ANY;
    p.signer.mode = ALCOVE_EXPECT_ANY;
    p.configid.mode = ALCOVE_EXPECT_ANY;
    return p;
}

static struct query_peer peer_of(const struct alcove_sgx_report *r)
{
    struct query_peer peer = {.isvprodid = r->isvprodid, .isvsvn = r->isvsvn};
    memcpy(peer.mrenclave, r->mrenclave, sizeof peer.mrenclave);
    memcpy(peer.mrsigner, r->mrsigner, sizeof peer.mrsigner);
    memcpy(peer.configid, r->configid, sizeof peer.configid);
    return peer;
}

int trust_service(struct bytes evidence, const struct wire_hash *roots, size_t root_count,
                  struct alcove_cache *cache, const struct binding_expectation *expected,
                  int64_t now, struct trusted *ret, struct diag *d)
{
    memset(ret, 0, sizeof *ret);
    struct alcove_root named[WIRE_LIST_MAX];
    if (root_count == 0 || root_count > WIRE_LIST_MAX) {
        return diag_fail(d, -EACCES, "no root is named that evidence could chain to");
    }
    for (size_t i = 0; i < root_count; i++) {
        memcpy(named[i].spki_sha256, roots[i].value, sizeof named[i].spki_sha256);
    }
    struct alcove_policy policy = policy_of(named, root_count);
    struct service_result result;
    if (!alcove_verdict_accepted(
            service_verify(evidence, &policy, NULL, cache, expected, now, &result))) {
        if (!result.readable) {
            return diag_fail(d, -EACCES, "the evidence cannot be read");
        }
        if (!alcove_verdict_accepted(result.quote.verdict)) {
            const char *why = alcove_reason_name(result.quote.first_reason);
            return diag_fail(d, -EACCES, "the evidence is rejected: %s (alcove explain says more)",
                             why != NULL ? why : "rejected");
        }
        const char *why = binding_reason_name(result.binding.reason);
        const char *more = binding_reason_explain(result.binding.reason);
        return diag_fail(d, -EACCES, "the evidence is rejected: %s: %s",
                         why != NULL ? why : "binding", more != NULL ? more : "");
    }
    ret->peer = peer_of(&result.quote.sgx);
    memcpy(ret->root, result.quote.root_spki_sha256, sizeof ret->root);
    ret->root_kind = result.quote.root_kind;
    ret->binding = result.binding.binding;
    return 0;
}

bool trust_identity(const struct wire_identity *list, size_t count, const struct query_peer *peer)
{
    for (size_t i = 0; i < count; i++) {
        if (memcmp(list[i].mrenclave, peer->mrenclave, sizeof peer->mrenclave) == 0 &&
            memcmp(list[i].configid, peer->configid, sizeof peer->configid) == 0) {
            return true;
        }
    }
    return false;
}

bool trust_hash(const struct wire_hash *list, size_t count, const uint8_t value[32])
{
    for (size_t i = 0; i < count; i++) {
        if (memcmp(list[i].value, value, sizeof list[i].value) == 0) {
            return true;
        }
    }
    return false;
}

void aggregator_context(const struct query_hash *query, const struct query_log_tree *tree,
                        uint8_t ret[AGGREGATOR_CONTEXT_SIZE])
{
    struct writer w = writer_of(ret, AGGREGATOR_CONTEXT_SIZE);
    writer_put(&w, BYTES_OF(query->data));
    writer_be(&w, tree->size, 8);
    writer_put(&w, BYTES_OF(tree->root.data));
}

int aggregator_context_read(struct bytes context, const struct query_hash *query,
                            struct query_log_tree *ret, struct diag *d)
{
    struct cursor c = cursor_of(context);
    struct bytes id = cursor_take(&c, sizeof query->data);
    uint64_t size = cursor_be(&c, 8);
    struct bytes root = cursor_take(&c, sizeof ret->root.data);
    if (!cursor_done(&c) || size > QUERY_LOG_SIZE_MAX) {
        return diag_fail(d, -EINVAL, "the aggregator's evidence does not say which tree it saw");
    }
    if (!bytes_equal(id, BYTES_OF(query->data))) {
        return diag_fail(d, -EINVAL, "the aggregator's evidence is for another query");
    }
    ret->size = size;
    memcpy(ret->root.data, root.data, sizeof ret->root.data);
    return 0;
}
