/* SPDX-License-Identifier: Apache-2.0 */
/* Leaves of the log, see docs/formats/log.md. Who reads a leaf has its inclusion to check besides.
 */
#include "query/log.h"

#include <errno.h>

#include "log/fields.h"

static const char *const roles[QUERY_ROLES] = {NULL, "custodian", "worker", "aggregator"};

const char *query_role_text(enum query_role role)
{
    return (unsigned)role < QUERY_ROLES ? roles[role] : NULL;
}

static enum query_role role_named(struct bytes name)
{
    for (unsigned i = 1; i < QUERY_ROLES; i++) {
        if (bytes_equal_str(name, roles[i])) {
            return (enum query_role)i;
        }
    }
    return QUERY_ROLE_NONE;
}

static void take_identity(struct cbor_reader *r, struct cbor_map *map, struct query_log_leaf *leaf)
{
    leaf->kind = QUERY_LOG_IDENTITY;
    leaf->name = field_text(r, map, "name", QUERY_LABEL_MAX);
    field_key(r, map, "role");
    leaf->role = role_named(cbor_text(r, QUERY_LABEL_MAX));
    if (leaf->role == QUERY_ROLE_NONE) {
        cbor_fail(r);
    }
    field_fixed(r, map, "configid", leaf->configid, sizeof leaf->configid);
    field_fixed(r, map, "mrenclave", leaf->mrenclave, sizeof leaf->mrenclave);
}

int query_log_leaf_decode(struct bytes cbor, struct query_log_leaf *ret, struct diag *d)
{
    struct cbor_reader r = cbor_reader_of(cbor);
    struct query_log_leaf leaf = {0};
    struct cbor_map map = cbor_map(&r, 5);
    size_t members = map.left;
    field_key(&r, &map, "kind");
    struct bytes kind = cbor_text(&r, QUERY_LABEL_MAX);
    if (members == 5 && bytes_equal_str(kind, "identity")) {
        take_identity(&r, &map, &leaf);
    } else if (members == 3 && bytes_equal_str(kind, "query")) {
        leaf.kind = QUERY_LOG_QUERY;
        field_fixed(&r, &map, "query", leaf.query.data, sizeof leaf.query.data);
        field_fixed(&r, &map, "analyst", leaf.analyst.data, sizeof leaf.analyst.data);
    } else if (members == 3 && bytes_equal_str(kind, "release")) {
        leaf.kind = QUERY_LOG_RELEASE;
        field_fixed(&r, &map, "query", leaf.query.data, sizeof leaf.query.data);
        field_fixed(&r, &map, "receipt", leaf.receipt.data, sizeof leaf.receipt.data);
    } else {
        cbor_fail(&r);
    }
    if (!cursor_done(&r.in) || cbor.size > QUERY_LOG_LEAF_MAX) {
        return diag_fail(d, -EINVAL, "not a well-formed leaf of the log");
    }
    *ret = leaf;
    return 0;
}

int query_log_leaf_encode(const struct query_log_leaf *leaf, struct writer *out, struct diag *d)
{
    static const char *const kinds[] = {"", "identity", "query", "release"};
    size_t start = out->size;
    if ((unsigned)leaf->kind >= ARRAY_SIZE(kinds) ||
        (leaf->kind == QUERY_LOG_IDENTITY && query_role_text(leaf->role) == NULL)) {
        return diag_fail(d, -EINVAL, "a leaf of no kind, or of no role");
    }
    cbor_put_map(out, leaf->kind == QUERY_LOG_IDENTITY ? 5 : 3);
    field_put_word(out, "kind", kinds[leaf->kind]);
    if (leaf->kind == QUERY_LOG_IDENTITY) {
        field_put_text(out, "name", leaf->name);
        field_put_word(out, "role", query_role_text(leaf->role));
        field_put_fixed(out, "configid", leaf->configid, sizeof leaf->configid);
        field_put_fixed(out, "mrenclave", leaf->mrenclave, sizeof leaf->mrenclave);
    } else {
        bool query = leaf->kind == QUERY_LOG_QUERY;
        field_put_fixed(out, "query", leaf->query.data, sizeof leaf->query.data);
        field_put_fixed(out, query ? "analyst" : "receipt",
                        query ? leaf->analyst.data : leaf->receipt.data, 32);
    }
    if (out->failed) {
        out->size = start;
        return diag_fail(d, -ENOSPC, "the leaf does not fit");
    }
    struct query_log_leaf again; /* the decoder's rules are the only copy of the rules */
    int err = query_log_leaf_decode(BYTES(out->data + start, out->size - start), &again, d);
    if (err != 0) {
        out->size = start;
    }
    return err;
}
