/* SPDX-License-Identifier: Apache-2.0 */
/* One contribution: from sealed bytes of the host's to numbers that are added. Anybody can seal a
 * message to the query key; what makes it count is the custodian's evidence in it, and that each
 * owner and each custodian's boot key counts once. Who copies a custodian's evidence has not its
 * key. */
#include "state.h"

#include <errno.h>
#include <string.h>

static int refuse(struct diag *d, const char *why)
{
    return diag_fail(d, -EACCES, "not counted: %s", why);
}

/* The sender, if the document wants it. */
static int verify(struct aggregator *a, const struct message *m, struct trusted *ret,
                  struct diag *d)
{
    const struct binding_expectation expected = {.purpose = BINDING_PURPOSE_CUSTODIAN,
                                                 .owner_mode = BINDING_OWNER_SOME,
                                                 .fresh_mode = BINDING_EXPECT_AGE,
                                                 .max_age_s = TRUST_AGE_MAX_S,
                                                 .clock_skew_s = TRUST_SKEW_S,
                                                 .context = {.mode = ALCOVE_EXPECT_VALUE}};
    int64_t now = a->kit.env->time_s(a->kit.env->context);
    if (trust_service(m->evidence, a->roots, a->doc.root_count, a->cache, &expected, now, ret, d) !=
        0) {
        diag_prefix(d, "not counted");
        return -EACCES;
    }
    if (!query_document_accepts(&a->doc, QUERY_ROLE_CUSTODIAN, &ret->peer)) {
        return refuse(d, "the query does not name this custodian's program");
    }
    if (!message_sent_by(m, &ret->binding)) {
        return refuse(d, "the evidence in it is another sender's");
    }
    return 0;
}

/* Each owner once, and each custodian once: a custodian has one owner, so that the second rule
 * catches a program that takes several. *ret_boot is the boot key's name. */
static int is_new(const struct aggregator *a, const struct trusted *t, uint8_t ret_boot[32],
                  struct diag *d)
{
    if (hpke_public_id(&t->binding.key, ret_boot) != 0) {
        return diag_fail(d, -EACCES, "not counted: the crypto library failed");
    }
    int owner = seen_has(&a->owners, t->binding.owner);
    int boot = seen_has(&a->boots, ret_boot);
    if (owner < 0 || boot < 0) {
        return diag_fail(d, -EACCES, "not counted: the crypto library failed");
    }
    if (owner > 0) {
        return refuse(d, "this owner was counted before");
    }
    if (boot > 0) {
        return refuse(d, "this custodian was counted before, for another owner");
    }
    return a->answered < a->users ? 0 : refuse(d, "everybody who was asked was counted");
}

static int read_vector(struct aggregator *a, struct bytes body, struct diag *d)
{
    struct wire_contribution c;
    if (wire_read_contribution(body, &c, d) != 0) {
        diag_prefix(d, "not counted");
        return -EACCES;
    }
    if (!ct_equal(c.query, a->id.data, sizeof c.query)) {
        return refuse(d, "it answers another query");
    }
    if (c.vector.size != (size_t)8 * a->doc.schema.entry_count) {
        return refuse(d, "it has another number of entries than the query");
    }
    struct cursor in = cursor_of(c.vector);
    for (uint32_t i = 0; i < a->doc.schema.entry_count; i++) {
        a->vector[i] = (int64_t)cursor_be(&in, 8);
    }
    return 0;
}

static int count(struct aggregator *a, const struct message *m, struct diag *d)
{
    struct trusted sender;
    uint8_t boot[32];
    int err = verify(a, m, &sender, d);
    err = err != 0 ? err : is_new(a, &sender, boot, d);
    err = err != 0 ? err : read_vector(a, m->body, d);
    if (err != 0) {
        return err;
    }
    if (seen_add(&a->owners, sender.binding.owner) != 0 || seen_add(&a->boots, boot) != 0) {
        return diag_fail(d, -EACCES, "not counted: the crypto library failed");
    }
#ifdef AGGREGATOR_WATCH
    aggregator_watch(sender.binding.owner, a->vector, a->doc.schema.entry_count);
#endif
    struct query_schema schema = query_document_schema(&a->doc);
    query_add(&schema, a->vector, a->totals);
    a->answered++;
    return 0;
}

int aggregator_count(struct aggregator *a, struct bytes message, struct diag *d)
{
    const struct message_expectation expected = {.kind = MESSAGE_KIND_CONTRIBUTION,
                                                 .context_mode = MESSAGE_CONTEXT_VALUE,
                                                 .context = BYTES_OF(a->id.data),
                                                 .from_mode = MESSAGE_FROM_CLAIMED,
                                                 .evidence_mode = MESSAGE_EVIDENCE_WANTED};
    struct message m;
    if (message_open(message, &a->query_key, &expected, a->plain, sizeof a->plain, &m, d) != 0) {
        diag_prefix(d, "not counted");
        return -EACCES;
    }
    int err = count(a, &m, d);
    secure_zero(a->plain, sizeof a->plain);
    secure_zero(a->vector, sizeof a->vector);
    return err;
}
