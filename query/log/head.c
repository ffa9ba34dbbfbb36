/* SPDX-License-Identifier: Apache-2.0 */
/* Signed heads of the log. Its operator may want to show different people different logs, or to
 * take something back: who holds a head follows only heads that extend it. */
#include "query/log.h"

#include <errno.h>

#include "log/fields.h"

#define FORMAT "alcove-log-head-1"

static const struct {
    const char *text, *explanation;
} reasons[] = {
    {NULL, NULL},
#define LOG_REASON(name, text, explanation) {text, explanation},
#include "query/log_reasons.def"
#undef LOG_REASON
};

const char *query_log_reason_text(enum query_log_reason reason)
{
    return (unsigned)reason < QUERY_LOG_REASONS ? reasons[reason].text : NULL;
}

const char *query_log_reason_explain(enum query_log_reason reason)
{
    return (unsigned)reason < QUERY_LOG_REASONS ? reasons[reason].explanation : NULL;
}

static int decode(struct bytes body, struct query_log_head *ret, struct diag *d)
{
    struct cbor_reader r = cbor_reader_of(body);
    struct query_log_head head = {0};
    struct cbor_map map = field_map(&r, 5);
    field_fixed(&r, &map, "log", head.log.data, sizeof head.log.data);
    field_fixed(&r, &map, "root", head.tree.root.data, sizeof head.tree.root.data);
    head.tree.size = field_uint(&r, &map, "size", 0, QUERY_LOG_SIZE_MAX);
    head.time = field_uint(&r, &map, "time", 0, QUERY_TIME_MAX);
    field_word(&r, &map, "format", FORMAT);
    if (!cursor_done(&r.in)) {
        return diag_fail(d, -EINVAL, "not a well-formed " FORMAT);
    }
    *ret = head;
    return 0;
}

int query_log_head_sign(const struct query_log_head *head, const struct query_signer *signer,
                        struct writer *out, struct diag *d)
{
    uint8_t bytes[QUERY_LOG_HEAD_MAX];
    struct writer w = writer_of(bytes, sizeof bytes);
    struct query_log_head again;
    cbor_put_map(&w, 5);
    field_put_fixed(&w, "log", head->log.data, sizeof head->log.data);
    field_put_fixed(&w, "root", head->tree.root.data, sizeof head->tree.root.data);
    field_put_uint(&w, "size", head->tree.size);
    field_put_uint(&w, "time", head->time);
    field_put_word(&w, "format", FORMAT);
    REQUIRE(!w.failed);
    int err = decode(BYTES(bytes, w.size), &again, d);
    return err != 0 ? err : query_signed_make(FORMAT, BYTES(bytes, w.size), signer, out, d);
}

static int refuse(enum query_log_reason reason, enum query_log_reason *ret_reason, struct diag *d)
{
    *ret_reason = reason;
    return diag_fail(d, -EACCES, "log: %s", query_log_reason_explain(reason));
}

/* Which rule, if any, keeps `head` from taking the place of `held`; -EIO besides. */
static int compare(const struct query_log_head *held, const struct query_log_head *head,
                   const struct query_log_proof *proof, enum query_log_reason *ret)
{
    *ret = QUERY_LOG_REASON_NONE;
    if (!query_hash_equal(&held->log, &head->log)) {
        *ret = QUERY_LOG_REASON_OTHER_LOG;
    } else if (!(held->time <= head->time)) {
        *ret = QUERY_LOG_REASON_TIME;
    } else if (!(held->tree.size <= head->tree.size)) {
        *ret = QUERY_LOG_REASON_SHRUNK;
    } else if (held->tree.size == head->tree.size &&
               !query_hash_equal(&held->tree.root, &head->tree.root)) {
        *ret = QUERY_LOG_REASON_FORKED;
    } else {
        int err = query_log_check_consistency(&held->tree, &head->tree, proof);
        *ret = err == -EBADMSG ? QUERY_LOG_REASON_NOT_EXTENSION : QUERY_LOG_REASON_NONE;
        return err == -EBADMSG ? 0 : err;
    }
    return 0;
}

int query_log_advance(struct query_log_head *held, const struct query_key *log_key,
                      struct bytes signed_head, struct bytes proof_bytes,
                      enum query_log_reason *ret_reason, struct diag *d)
{
    struct bytes body;
    struct query_log_head head;
    struct query_log_proof proof;
    enum query_log_reason reason;
    int err = query_signed_open(FORMAT, signed_head, QUERY_LOG_HEAD_MAX, log_key, &body, d);
    if (err == -EBADMSG) {
        return refuse(QUERY_LOG_REASON_SIGNATURE, ret_reason, d);
    }
    if (err == -EIO) {
        return err;
    }
    if (err != 0 || decode(body, &head, d) != 0 ||
        query_log_proof_decode(proof_bytes, &proof) != 0) {
        return refuse(QUERY_LOG_REASON_FORMAT, ret_reason, d);
    }
    err = compare(held, &head, &proof, &reason);
    if (err != 0) {
        return diag_fail(d, err, "log: the crypto library failed");
    }
    if (reason != QUERY_LOG_REASON_NONE) {
        return refuse(reason, ret_reason, d);
    }
    *held = head;
    *ret_reason = QUERY_LOG_REASON_NONE;
    return 0;
}
