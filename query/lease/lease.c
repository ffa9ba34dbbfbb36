/* SPDX-License-Identifier: Apache-2.0 */
/* Leases and the phone's book of them, see query/lease.h. Whoever carries a lease may repeat it,
 * delay it, or bring it to another custodian. */
#include "query/lease.h"

#include <errno.h>

#include "lease/state.h"

#define FORMAT "alcove-lease-1"

void state_take(struct cbor_reader *r, struct volume_state *ret)
{
    field_array(r, 2);
    ret->sequence = cbor_uint(r, INT64_MAX);
    field_item(r, ret->root.data, sizeof ret->root.data);
}

void state_put(struct writer *w, const struct volume_state *state)
{
    cbor_put_array(w, 2);
    cbor_put_uint(w, state->sequence);
    cbor_put_bytes(w, BYTES_OF(state->root.data));
}

void tree_take(struct cbor_reader *r, struct query_log_tree *ret)
{
    field_array(r, 2);
    ret->size = cbor_uint(r, QUERY_LOG_SIZE_MAX);
    field_item(r, ret->root.data, sizeof ret->root.data);
}

void tree_put(struct writer *w, const struct query_log_tree *tree)
{
    cbor_put_array(w, 2);
    cbor_put_uint(w, tree->size);
    cbor_put_bytes(w, BYTES_OF(tree->root.data));
}

static int decode(struct bytes body, struct lease *ret, struct diag *d)
{
    struct cbor_reader r = cbor_reader_of(body);
    struct lease lease = {0};
    struct cbor_map map = field_map(&r, 9);
    lease.rho = field_uint(&r, &map, "rho", 1, DP_RHO_MAX);
    field_key(&r, &map, "head");
    tree_take(&r, &lease.head);
    field_word(&r, &map, "format", FORMAT);
    lease.number = field_uint(&r, &map, "number", 1, INT64_MAX);
    lease.policy = field_uint(&r, &map, "policy", 1, INT64_MAX);
    field_key(&r, &map, "volume");
    state_take(&r, &lease.volume);
    lease.window = field_uint(&r, &map, "window", 0, lease_window(QUERY_TIME_MAX));
    field_fixed(&r, &map, "boot_key", lease.boot_key.data, sizeof lease.boot_key.data);
    lease.not_after = field_uint(&r, &map, "not_after", 1, QUERY_TIME_MAX);
    if (!cursor_done(&r.in)) {
        return diag_fail(d, -EINVAL, "not a well-formed " FORMAT);
    }
    *ret = lease;
    return 0;
}

int lease_open(struct bytes signed_lease, const struct query_key *owner, struct lease *ret,
               struct diag *d)
{
    struct bytes body;
    int err = query_signed_open(FORMAT, signed_lease, LEASE_MAX, owner, &body, d);
    return err != 0 ? err : decode(body, ret, d);
}

int lease_sign(const struct lease *lease, const struct query_signer *owner, struct writer *out,
               struct diag *d)
{
    uint8_t bytes[LEASE_MAX];
    struct writer w = writer_of(bytes, sizeof bytes);
    struct lease again;
    cbor_put_map(&w, 9);
    field_put_uint(&w, "rho", lease->rho);
    cbor_put_str(&w, "head");
    tree_put(&w, &lease->head);
    field_put_word(&w, "format", FORMAT);
    field_put_uint(&w, "number", lease->number);
    field_put_uint(&w, "policy", lease->policy);
    cbor_put_str(&w, "volume");
    state_put(&w, &lease->volume);
    field_put_uint(&w, "window", lease->window);
    field_put_fixed(&w, "boot_key", lease->boot_key.data, sizeof lease->boot_key.data);
    field_put_uint(&w, "not_after", lease->not_after);
    REQUIRE(!w.failed);
    int err = decode(BYTES(bytes, w.size), &again, d);
    return err != 0 ? err : query_signed_make(FORMAT, BYTES(bytes, w.size), owner, out, d);
}

int lease_grant(struct lease_book *book, const struct query_hash *boot_key, uint64_t rho,
                uint64_t lifetime_s, const struct query_signer *owner, struct writer *out,
                struct diag *d)
{
    uint64_t now = book->head.time, window = lease_window(now);
    struct lease lease = {.boot_key = *boot_key,
                          .volume = book->acknowledged,
                          .head = book->head.tree,
                          .number = book->number + 1,
                          .policy = book->policy,
                          .rho = rho,
                          .window = window,
                          .not_after = now + lifetime_s};
    if (!(now <= QUERY_TIME_MAX && lifetime_s <= QUERY_TIME_MAX - now)) {
        return diag_fail(d, -EINVAL, "a lease that never ends");
    }
    int err = budget_charge(&book->budget, NULL, window, rho, d);
    if (err != 0) {
        return err;
    }
    book->number++;
    return lease_sign(&lease, owner, out, d);
}
