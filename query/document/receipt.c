/* SPDX-License-Identifier: Apache-2.0 */
/* Receipts, see query/receipt.h. Whoever shows one may want a result to look surer, cheaper or more
 * complete than it is: what follows from the document is checked against it. */
#include "query/receipt.h"

#include <errno.h>

#include "log/fields.h"

#define FORMAT "alcove-receipt-1"

static void take_log(struct cbor_reader *r, struct cbor_map *map, struct receipt *ret)
{
    field_key(r, map, "log");
    field_array(r, 3);
    ret->log_index = cbor_uint(r, QUERY_LOG_SIZE_MAX);
    ret->tree.size = field_number(r, ret->log_index + 1, QUERY_LOG_SIZE_MAX);
    field_item(r, ret->tree.root.data, sizeof ret->tree.root.data);
}

static void take_users(struct cbor_reader *r, struct cbor_map *map, struct receipt *ret)
{
    field_key(r, map, "users");
    field_array(r, 2);
    ret->asked = cbor_uint(r, QUERY_USERS_MAX);
    ret->answered = cbor_uint(r, ret->asked);
}

static void take_entries(struct cbor_reader *r, struct cbor_map *map, struct receipt *ret)
{
    field_key(r, map, "entries");
    ret->entry_count = (uint32_t)cbor_array(r, QUERY_ENTRIES_MAX);
    if (ret->entry_count == 0) {
        cbor_fail(r);
    }
    for (uint32_t i = 0; i < ret->entry_count && cbor_ok(r); i++) {
        enum cbor_kind kind = CBOR_UINT;
        ret->suppressed[i] = cbor_peek(r, &kind) && kind == CBOR_NULL;
        if (ret->suppressed[i]) {
            cbor_skip(r);
        } else {
            ret->values[i] = cbor_int(r);
        }
    }
}

static int decode(struct bytes body, struct receipt *ret, struct diag *d)
{
    struct cbor_reader r = cbor_reader_of(body);
    struct cbor_map map = field_map(&r, 13);
    take_log(&r, &map, ret);
    ret->cost = field_uint(&r, &map, "cost", 1, DP_RHO_MAX);
    ret->bound95 = field_uint(&r, &map, "bound", 1, INT64_MAX);
    ret->delta_exponent = (uint32_t)field_uint(&r, &map, "delta", 1, 30);
    field_fixed(&r, &map, "query", ret->query.data, sizeof ret->query.data);
    take_users(&r, &map, ret);
    field_fixed(&r, &map, "bundle", ret->bundle, sizeof ret->bundle);
    field_word(&r, &map, "format", FORMAT);
    ret->divisor = field_uint(&r, &map, "divisor", 1, UINT64_MAX);
    take_entries(&r, &map, ret);
    ret->epsilon_pico = field_uint(&r, &map, "epsilon", 1, UINT64_MAX);
    field_fixed(&r, &map, "configid", ret->configid, sizeof ret->configid);
    field_fixed(&r, &map, "mrenclave", ret->mrenclave, sizeof ret->mrenclave);
    if (!cursor_done(&r.in)) {
        return diag_fail(d, -EINVAL, "not a well-formed " FORMAT);
    }
    return 0;
}

int receipt_open(struct bytes signed_receipt, const struct query_key *aggregator,
                 struct receipt *ret, struct query_hash *ret_id, struct diag *d)
{
    struct bytes body;
    struct query_hash id;
    __builtin_memset(ret, 0, sizeof *ret);
    int err = query_signed_open(FORMAT, signed_receipt, RECEIPT_MAX, aggregator, &body, d);
    if (err == 0 && query_hash_of(body, &id) != 0) {
        err = diag_fail(d, -EIO, FORMAT ": the crypto library failed");
    }
    err = err != 0 ? err : decode(body, ret, d);
    if (err != 0) {
        __builtin_memset(ret, 0, sizeof *ret);
    } else if (ret_id != NULL) {
        *ret_id = id;
    }
    return err;
}

/* What decode() refuses and the types of *receipt allow. */
static bool can_be(const struct receipt *p)
{
    return p->log_index < p->tree.size && p->tree.size <= QUERY_LOG_SIZE_MAX &&
           p->asked <= QUERY_USERS_MAX && p->answered <= p->asked && p->cost >= 1 &&
           p->cost <= DP_RHO_MAX && p->delta_exponent >= 1 && p->delta_exponent <= 30 &&
           p->epsilon_pico >= 1 && p->bound95 >= 1 && p->bound95 <= INT64_MAX && p->divisor >= 1 &&
           p->entry_count >= 1 && p->entry_count <= QUERY_ENTRIES_MAX;
}

static void put_body(struct writer *w, const struct receipt *p)
{
    cbor_put_map(w, 13);
    cbor_put_str(w, "log");
    cbor_put_array(w, 3);
    cbor_put_uint(w, p->log_index);
    cbor_put_uint(w, p->tree.size);
    cbor_put_bytes(w, BYTES_OF(p->tree.root.data));
    field_put_uint(w, "cost", p->cost);
    field_put_uint(w, "bound", p->bound95);
    field_put_uint(w, "delta", p->delta_exponent);
    field_put_fixed(w, "query", p->query.data, sizeof p->query.data);
    cbor_put_str(w, "users");
    cbor_put_array(w, 2);
    cbor_put_uint(w, p->asked);
    cbor_put_uint(w, p->answered);
    field_put_fixed(w, "bundle", p->bundle, sizeof p->bundle);
    field_put_word(w, "format", FORMAT);
    field_put_uint(w, "divisor", p->divisor);
    cbor_put_str(w, "entries");
    cbor_put_array(w, p->entry_count);
    for (uint32_t i = 0; i < p->entry_count; i++) {
        if (p->suppressed[i]) {
            cbor_put_null(w);
        } else {
            cbor_put_int(w, p->values[i]);
        }
    }
    field_put_uint(w, "epsilon", p->epsilon_pico);
    field_put_fixed(w, "configid", p->configid, sizeof p->configid);
    field_put_fixed(w, "mrenclave", p->mrenclave, sizeof p->mrenclave);
}

int receipt_sign(const struct receipt *receipt, const struct query_signer *aggregator,
                 uint8_t *body, struct writer *out, struct diag *d)
{
    struct writer w = writer_of(body, RECEIPT_MAX);
    if (!can_be(receipt)) {
        return diag_fail(d, -EINVAL, "receipt: a number is out of range");
    }
    put_body(&w, receipt);
    REQUIRE(!w.failed);
    return query_signed_make(FORMAT, BYTES(body, w.size), aggregator, out, d);
}

/* ---- against the document -------------------------------------------------------------------- */

static int check_numbers(const struct receipt *p, const struct query_document *doc, struct diag *d)
{
    struct query_plan plan;
    struct dp_ratio delta = {1, 1};
    uint64_t epsilon;
    int err = query_document_plan(doc, p->asked, &plan, d);
    if (err != 0) {
        return -EINVAL;
    }
    if (!(p->answered >= doc->users_min)) {
        return diag_fail(d, -EINVAL, "fewer people answered than the query wants");
    }
    if (p->cost != plan.cost || p->bound95 != plan.bound95 || p->divisor != plan.divisor) {
        return diag_fail(d, -EINVAL, "cost, bound or divisor are not those of the query's plan");
    }
    for (uint32_t i = 0; i < p->delta_exponent; i++) {
        delta.den *= 10;
    }
    err = dp_epsilon(dp_micro(p->cost), delta, p->entry_count, &epsilon, d);
    if (err != 0) {
        return -EINVAL;
    }
    if (!(p->epsilon_pico >= epsilon)) {
        return diag_fail(d, -EINVAL, "epsilon is larger than the receipt says");
    }
    return 0;
}

static int check_cells(const struct receipt *p, const struct query_document *doc, struct diag *d)
{
    struct query_schema schema = query_document_schema(doc);
    for (uint32_t i = 0; i < p->entry_count; i++) {
        bool threshold = schema.aggregate == QUERY_OD;
        bool shown = !threshold || query_cell_shown(&schema, p->values[i]);
        if (p->suppressed[i] ? !threshold : !shown) {
            return diag_fail(d, -EINVAL, "entry %u: %s", i,
                             p->suppressed[i] ? "suppressed without a threshold"
                                              : "shown below the threshold");
        }
    }
    return 0;
}

/* Of a signer's program the receipt has the measurement alone; evidence tells the signer. */
static bool aggregator_named(const struct receipt *p, const struct query_document *doc)
{
    for (uint32_t i = 0; i < doc->aggregator_count; i++) {
        const struct query_identity *a = &doc->aggregators[i];
        bool program = a->program.by_signer ||
                       ct_equal(a->program.measurement, p->mrenclave, sizeof p->mrenclave);
        if (program && ct_equal(a->configid, p->configid, sizeof p->configid)) {
            return true;
        }
    }
    return false;
}

int receipt_check(const struct receipt *p, const struct query_document *doc,
                  const struct query_hash *id, struct diag *d)
{
    int err = 0;
    if (!query_hash_equal(&p->query, id)) {
        err = diag_fail(d, -EINVAL, "it is of another query");
    } else if (p->entry_count != doc->schema.entry_count) {
        err = diag_fail(d, -EINVAL, "it has %u entries, the query %u", p->entry_count,
                        doc->schema.entry_count);
    } else if (!ct_equal(p->bundle, doc->bundle, sizeof p->bundle)) {
        err = diag_fail(d, -EINVAL, "it names another bundle than the query");
    } else if (!aggregator_named(p, doc)) {
        err = diag_fail(d, -EINVAL, "the query does not name this aggregator");
    }
    err = err != 0 ? err : check_numbers(p, doc, d);
    err = err != 0 ? err : check_cells(p, doc, d);
    if (err != 0) {
        diag_prefix(d, "receipt");
    }
    return err;
}

uint32_t receipt_suppressed(const struct receipt *receipt)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < receipt->entry_count; i++) {
        count += receipt->suppressed[i];
    }
    return count;
}
