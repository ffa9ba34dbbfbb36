/* SPDX-License-Identifier: Apache-2.0 */
/* The custodian's ledger, see query/lease.h. The host starts and stops it, gives it any version of
 * its volume, and brings it leases and queries in any order, as often as it likes.
 *
 * Decide first, then act: after the last refusal nothing can fail. */
#include "query/lease.h"

#include <errno.h>

#include "lease/state.h"

#define FORMAT "alcove-ledger-1"

static const struct {
    const char *text, *explanation;
} reasons[] = {
    {NULL, NULL},
#define LEDGER_REASON(name, text, explanation) {text, explanation},
#include "query/ledger_reasons.def"
#undef LEDGER_REASON
};

const char *ledger_reason_text(enum ledger_reason reason)
{
    return (unsigned)reason < LEDGER_REASONS ? reasons[reason].text : NULL;
}

const char *ledger_reason_explain(enum ledger_reason reason)
{
    return (unsigned)reason < LEDGER_REASONS ? reasons[reason].explanation : NULL;
}

static int refuse(enum ledger_reason reason, enum ledger_reason *ret_reason, struct diag *d)
{
    *ret_reason = reason;
    return diag_fail(d, -EACCES, "%s", ledger_reason_explain(reason));
}

void ledger_start(struct ledger *ret, const struct query_hash *boot_key,
                  const struct query_hash *log)
{
    __builtin_memset(ret, 0, sizeof *ret);
    ret->head.tree = query_log_empty();
    ret->head.log = *log;
    ret->boot_key = *boot_key;
}

int ledger_policy(struct ledger *ledger, uint64_t version, uint64_t cap, struct diag *d)
{
    if (!(version > ledger->policy && version <= INT64_MAX)) {
        return diag_fail(d, -ESTALE, "policy %llu is not newer than %llu",
                         (unsigned long long)version, (unsigned long long)ledger->policy);
    }
    if (!(cap <= DP_RHO_MAX)) {
        return diag_fail(d, -EINVAL, "a cap above %llu millionths of rho",
                         (unsigned long long)DP_RHO_MAX);
    }
    ledger->policy = version;
    ledger->budget.cap = cap;
    ledger->has_lease = false;
    ledger->left = 0;
    return 0;
}

int ledger_advance(struct ledger *ledger, const struct query_key *log_key, struct bytes signed_head,
                   struct bytes proof, enum query_log_reason *ret_reason, struct diag *d)
{
    return query_log_advance(&ledger->head, log_key, signed_head, proof, ret_reason, d);
}

int ledger_acknowledge(struct ledger *ledger, const struct volume_state *state, struct diag *d)
{
    uint32_t n = ledger->ack_count;
    uint64_t last = n > 0 ? ledger->acks[n - 1].sequence : 0;
    if (!(state->sequence > last && state->sequence <= INT64_MAX)) {
        return diag_fail(d, -EINVAL, "the volume's sequence number has to rise");
    }
    if (n == LEDGER_ACKS_MAX) {
        for (n = 0; n < LEDGER_ACKS_MAX - 1; n++) {
            ledger->acks[n] = ledger->acks[n + 1];
        }
    }
    ledger->acks[n] = *state;
    ledger->ack_count = n + 1;
    return 0;
}

/* ---- leases ---------------------------------------------------------------------------------- */

/* Was this state acknowledged by this volume, or one that it comes from? The sequence number alone
 * would not do: a host may roll back and then let the number rise again. */
static bool acknowledged(const struct ledger *l, const struct volume_state *state)
{
    static const struct volume_state none;
    bool found = state->sequence == 0 && query_hash_equal(&state->root, &none.root);
    for (uint32_t i = 0; i < l->ack_count; i++) {
        found = found || (l->acks[i].sequence == state->sequence &&
                          query_hash_equal(&l->acks[i].root, &state->root));
    }
    return found;
}

bool ledger_knows(const struct ledger *ledger, const struct volume_state *state)
{
    return acknowledged(ledger, state) ||
           (ledger->ack_count == LEDGER_ACKS_MAX && state->sequence < ledger->acks[0].sequence);
}

/* The first rule that keeps the lease from being taken; -EIO besides. */
static int judge(const struct ledger *l, const struct lease *lease, struct bytes proof_bytes,
                 enum ledger_reason *ret)
{
    struct query_log_proof proof;
    *ret = LEDGER_REASON_NONE;
    if (query_log_proof_decode(proof_bytes, &proof) != 0) {
        *ret = LEDGER_FORMAT;
    } else if (!query_hash_equal(&lease->boot_key, &l->boot_key)) {
        *ret = LEDGER_BOOT;
    } else if (!(lease->number > l->number)) {
        *ret = LEDGER_NUMBER;
    } else if (lease->policy != l->policy) {
        *ret = LEDGER_POLICY;
    } else if (!acknowledged(l, &lease->volume)) {
        *ret = LEDGER_ROLLED_BACK;
    } else if (!(lease->head.size <= l->head.tree.size)) {
        *ret = LEDGER_BEHIND;
    } else {
        int err = query_log_check_consistency(&lease->head, &l->head.tree, &proof);
        *ret = err == -EBADMSG ? LEDGER_FORKED : LEDGER_REASON_NONE;
        return err == -EBADMSG ? 0 : err;
    }
    return 0;
}

int ledger_grant(struct ledger *ledger, const struct query_key *owner, struct bytes signed_lease,
                 struct bytes proof, enum ledger_reason *ret_reason, struct diag *d)
{
    struct lease lease;
    enum ledger_reason reason;
    int err = lease_open(signed_lease, owner, &lease, d);
    if (err == -EIO) {
        return err;
    }
    if (err != 0) {
        return refuse(err == -EBADMSG ? LEDGER_SIGNATURE : LEDGER_FORMAT, ret_reason, d);
    }
    err = judge(ledger, &lease, proof, &reason);
    if (err != 0) {
        return diag_fail(d, err, "lease: the crypto library failed");
    }
    if (reason != LEDGER_REASON_NONE) {
        return refuse(reason, ret_reason, d);
    }
    if (lease.window != lease_window(ledger->head.time)) {
        return refuse(LEDGER_WINDOW, ret_reason, d);
    }
    if (!(ledger->head.time <= lease.not_after)) {
        return refuse(LEDGER_EXPIRED, ret_reason, d);
    }
    if (budget_charge(&ledger->budget, NULL, lease.window, lease.rho, d) != 0) {
        return refuse(LEDGER_CAP, ret_reason, d);
    }
    ledger->number = lease.number;
    ledger->lease = lease;
    ledger->left = lease.rho;
    ledger->has_lease = true;
    *ret_reason = LEDGER_REASON_NONE;
    return 0;
}

/* ---- queries --------------------------------------------------------------------------------- */

static int order(const struct query_hash *a, const struct query_hash *b)
{
    return __builtin_memcmp(a->data, b->data, sizeof a->data);
}

/* The first answered query that is not below this one. */
static uint32_t place_of(const struct ledger *l, const struct query_hash *query)
{
    uint32_t low = 0, high = l->answered_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (order(&l->answered[middle].query, query) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Queries whose deadline has passed are refused for that; the log's time never falls. */
static void forget_late(struct ledger *l)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < l->answered_count; i++) {
        if (l->head.time < l->answered[i].deadline) {
            l->answered[kept++] = l->answered[i];
        }
    }
    l->answered_count = kept;
}

static void remember(struct ledger *l, const struct query_hash *query, uint64_t deadline)
{
    uint32_t place = place_of(l, query);
    for (uint32_t i = l->answered_count; i > place; i--) {
        l->answered[i] = l->answered[i - 1];
    }
    l->answered[place] = (struct ledger_answered){*query, deadline};
    l->answered_count++;
}

int ledger_debit(struct ledger *ledger, const struct query_hash *query, uint64_t deadline,
                 uint64_t cost, enum ledger_reason *ret_reason, struct diag *d)
{
    uint64_t now = ledger->head.time;
    if (!ledger->has_lease) {
        return refuse(LEDGER_NO_LEASE, ret_reason, d);
    }
    if (!(now <= ledger->lease.not_after)) {
        return refuse(LEDGER_EXPIRED, ret_reason, d);
    }
    if (lease_window(now) != ledger->lease.window) {
        return refuse(LEDGER_WINDOW, ret_reason, d);
    }
    if (!(cost >= 1 && cost <= DP_RHO_MAX)) {
        return refuse(LEDGER_COST, ret_reason, d);
    }
    uint32_t place = place_of(ledger, query);
    if (place < ledger->answered_count && order(&ledger->answered[place].query, query) == 0) {
        return refuse(LEDGER_ANSWERED, ret_reason, d);
    }
    if (!(now < deadline && deadline <= QUERY_TIME_MAX)) {
        return refuse(LEDGER_LATE, ret_reason, d);
    }
    if (!(cost <= ledger->left)) {
        return refuse(LEDGER_OVERSPENT, ret_reason, d);
    }
    forget_late(ledger);
    if (!(ledger->answered_count < LEDGER_ANSWERED_MAX)) {
        return refuse(LEDGER_FULL, ret_reason, d);
    }
    ledger->left -= cost;
    remember(ledger, query, deadline);
    *ret_reason = LEDGER_REASON_NONE;
    return 0;
}

/* ---- as bytes -------------------------------------------------------------------------------- */

static void take_budget(struct cbor_reader *r, struct cbor_map *map, struct budget_window *b)
{
    field_key(r, map, "budget");
    field_array(r, 4);
    b->window = cbor_uint(r, lease_window(QUERY_TIME_MAX));
    b->cap = cbor_uint(r, DP_RHO_MAX);
    b->spent = cbor_uint(r, DP_RHO_MAX);
    b->lifetime = cbor_uint(r, UINT64_MAX);
    if (b->spent > b->lifetime) {
        cbor_fail(r);
    }
}

static void take_acks(struct cbor_reader *r, struct cbor_map *map, struct ledger *l)
{
    uint64_t last = 0;
    field_key(r, map, "acks");
    l->ack_count = (uint32_t)cbor_array(r, LEDGER_ACKS_MAX);
    for (uint32_t i = 0; i < l->ack_count && cbor_ok(r); i++) {
        state_take(r, &l->acks[i]);
        if (!(l->acks[i].sequence > last)) {
            cbor_fail(r);
        }
        last = l->acks[i].sequence;
    }
}

static void take_answered(struct cbor_reader *r, struct cbor_map *map, struct ledger *l)
{
    field_key(r, map, "answered");
    l->answered_count = (uint32_t)cbor_array(r, LEDGER_ANSWERED_MAX);
    for (uint32_t i = 0; i < l->answered_count && cbor_ok(r); i++) {
        field_array(r, 2);
        field_item(r, l->answered[i].query.data, sizeof l->answered[i].query.data);
        l->answered[i].deadline = field_number(r, 1, QUERY_TIME_MAX);
        if (i > 0 && !(order(&l->answered[i - 1].query, &l->answered[i].query) < 0)) {
            cbor_fail(r);
        }
    }
}

int ledger_decode(struct bytes cbor, const struct query_hash *boot_key, struct ledger *ret,
                  struct diag *d)
{
    struct cbor_reader r = cbor_reader_of(cbor);
    __builtin_memset(ret, 0, sizeof *ret);
    struct cbor_map map = field_map(&r, 9);
    field_fixed(&r, &map, "log", ret->head.log.data, sizeof ret->head.log.data);
    take_acks(&r, &map, ret);
    field_key(&r, &map, "head");
    tree_take(&r, &ret->head.tree);
    ret->head.time = field_uint(&r, &map, "time", 0, QUERY_TIME_MAX);
    take_budget(&r, &map, &ret->budget);
    field_word(&r, &map, "format", FORMAT);
    ret->number = field_uint(&r, &map, "number", 0, INT64_MAX);
    ret->policy = field_uint(&r, &map, "policy", 0, INT64_MAX);
    take_answered(&r, &map, ret);
    if (!cursor_done(&r.in)) {
        __builtin_memset(ret, 0, sizeof *ret);
        return diag_fail(d, -EINVAL, "not a well-formed " FORMAT);
    }
    ret->boot_key = *boot_key;
    return 0;
}

int ledger_encode(const struct ledger *l, struct writer *out, struct diag *d)
{
    size_t start = out->size;
    cbor_put_map(out, 9);
    field_put_fixed(out, "log", l->head.log.data, sizeof l->head.log.data);
    cbor_put_str(out, "acks");
    cbor_put_array(out, l->ack_count);
    for (uint32_t i = 0; i < l->ack_count; i++) {
        state_put(out, &l->acks[i]);
    }
    cbor_put_str(out, "head");
    tree_put(out, &l->head.tree);
    field_put_uint(out, "time", l->head.time);
    cbor_put_str(out, "budget");
    cbor_put_array(out, 4);
    cbor_put_uint(out, l->budget.window);
    cbor_put_uint(out, l->budget.cap);
    cbor_put_uint(out, l->budget.spent);
    cbor_put_uint(out, l->budget.lifetime);
    field_put_word(out, "format", FORMAT);
    field_put_uint(out, "number", l->number);
    field_put_uint(out, "policy", l->policy);
    cbor_put_str(out, "answered");
    cbor_put_array(out, l->answered_count);
    for (uint32_t i = 0; i < l->answered_count; i++) {
        cbor_put_array(out, 2);
        cbor_put_bytes(out, BYTES_OF(l->answered[i].query.data));
        cbor_put_uint(out, l->answered[i].deadline);
    }
    if (out->failed) {
        out->size = start;
        return diag_fail(d, -ENOSPC, "the ledger does not fit");
    }
    return 0;
}
