/* SPDX-License-Identifier: Apache-2.0 */
/* What an analyst has spent, read from the log: queries stand in it for good, and so does who asked
 * them. What each person still allows is known to that person's custodian alone. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cbor.h"
#include "query/lease.h"
#include "query/run.h"

#define LEAVES_READ  1024u /* the newest: months of a campaign, and a handful of requests */
#define QUERIES_READ 64u

/* Adds the query if it can have been charged in the week of `time`. */
static int add_query(struct query_run *run, const struct query_hash *id, uint64_t time,
                     struct query_spent *ret, struct diag *d)
{
    AUTO_ANSWER answer = {0};
    struct query_hash found;
    struct query_plan plan;
    char hex[65], path[CLIENT_PATH_MAX];
    hex_encode(hex, id->data, sizeof id->data);
    (void)base_format(path, sizeof path, "/v1/queries/%s/document", hex);
    struct query_document *doc = malloc(sizeof *doc);
    if (doc == NULL) {
        return diag_fail(d, -ENOMEM, "no memory");
    }
    int err = client_request(run->client, "GET", path, (struct bytes){0}, NULL, &answer, d);
    if (err == 0 &&
        (query_document_id(answer.body, &found) != 0 || !query_hash_equal(id, &found))) {
        err = diag_fail(d, -EPROTO, "the server has another document for query %.16s", hex);
    }
    err = err != 0 ? err : query_document_decode(answer.body, doc, d);
    /* Its deadline passed in an earlier week: so did all that it was paid. */
    if (err == 0 && lease_window(doc->deadline) >= lease_window(time)) {
        err = query_document_plan(doc, doc->users_min, &plan, d);
        if (err == 0 && !add_ok(ret->rho, plan.cost, &ret->rho)) {
            err = diag_fail(d, -ERANGE, "costs that nobody can have paid");
        }
        ret->queries++;
    }
    free(doc);
    return err;
}

/* A page of leaves: those of the analyst's queries. */
static int add_leaves(struct query_run *run, struct bytes page, const struct query_hash *analyst,
                      uint64_t time, uint64_t *ret_count, struct query_spent *ret, struct diag *d)
{
    struct cbor_reader in = cbor_reader_of(page);
    int err = 0;
    while (err == 0 && cbor_ok(&in) && in.in.rest.size > 0) {
        struct query_log_leaf leaf;
        struct bytes bytes = cbor_bytes(&in, 1, QUERY_LOG_LEAF_MAX);
        err = cbor_ok(&in) ? query_log_leaf_decode(bytes, &leaf, d) : -EPROTO;
        if (err == 0 && leaf.kind == QUERY_LOG_QUERY && query_hash_equal(&leaf.analyst, analyst)) {
            if (ret->queries == QUERIES_READ) {
                ret->whole = false;
                return 0;
            }
            err = add_query(run, &leaf.query, time, ret, d);
        }
        ++*ret_count;
    }
    return err;
}

int query_run_spent(struct query_run *run, const struct query_hash *analyst,
                    const struct query_log_head *head, struct query_spent *ret, struct diag *d)
{
    const uint64_t size = head->tree.size;
    uint64_t at = size > LEAVES_READ ? size - LEAVES_READ : 0;
    *ret = (struct query_spent){.whole = at == 0};
    int err = 0;
    while (err == 0 && at < size) {
        AUTO_ANSWER answer = {0};
        char path[CLIENT_PATH_MAX];
        uint64_t count = 0;
        (void)base_format(path, sizeof path, "/v1/log/leaves?from=%llu", (unsigned long long)at);
        err = client_request(run->client, "GET", path, (struct bytes){0}, NULL, &answer, d);
        err = err != 0 ? err : add_leaves(run, answer.body, analyst, head->time, &count, ret, d);
        if (err == 0 && count == 0) {
            err = diag_fail(d, -EPROTO, "the server has no leaf %llu of its log",
                            (unsigned long long)at);
        }
        at += count;
    }
    ret->known = err == 0;
    return err;
}
