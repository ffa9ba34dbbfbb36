/* SPDX-License-Identifier: Apache-2.0 */
/* Queries, natively: each reason to decline one, with nothing else wrong; what an accepted one
 * costs; and its contribution, which leaves at its time whatever a script, a worker or the host
 * did. */
#include "test_world.h"

#include "tests/tap.h"

#include <string.h>

static struct world w;
static struct asking a, b;
static uint8_t scratch[1u << 19];

#define DAY 20001
static const int64_t fallback[3] = {0, 7, 14};

static void ready(uint64_t rho)
{
    world_make(&w);
    world_ready(&w, rho);
}

static uint64_t plan_cost(const struct asking *asked)
{
    struct query_plan plan;
    REQUIRE(query_document_plan(&asked->doc, asked->doc.users_min, &plan, NULL) == 0);
    return plan.cost;
}

/* Is it declined with this code, for free? The host is told nothing else. */
static bool declined(struct asking *asked, enum wire_code code)
{
    struct wire_state before = phone_state(&w);
    struct wire_invited invited;
    bool no = ask(&w, WIRE_invite, &asked->invite) == WIRE_invited &&
              wire_read_invited(service_buffer_bytes(&w.answer), &invited, NULL) == 0 &&
              !invited.accepted;
    struct wire_state after = phone_state(&w);
    struct wire_event e = phone_event(&w);
    if (no && e.code != code) {
        printf("# declined as %s\n", wire_code_text(e.code));
    }
    return no && e.code == code && e.cost == 0 && !e.sent && e.failure.size > 0 &&
           before.lease_left == after.lease_left;
}

/* Makes the question anew, good. */
static void fresh(uint64_t number)
{
    asking_free(&a);
    asking_make(&w, number, &a);
}

/* ---- accepted -------------------------------------------------------------------------------- */

static void test_accepted(void)
{
    int64_t vector[3];
    ready(1000000);
    asking_make(&w, 1, &a);
    uint64_t cost = plan_cost(&a);
    CHECK(cost > 0 && cost <= a.doc.cost && asking_invite(&w, &a), "a good query is accepted");
    struct wire_state s = phone_state(&w);
    CHECK(s.lease_left == 1000000 - cost && s.events == 1, "and charged its plan's cost");
    struct wire_event e = phone_event(&w);
    CHECK(e.code == WIRE_CODE_OK && e.cost == cost && e.users == 10 && e.entries == 3 &&
              e.most == 100 && !e.sent && e.time == w.log_time &&
              bytes_equal_str(e.question, "How do people travel?") &&
              bytes_equal_str(e.function, "mode_share") && memcmp(e.query, a.id.data, 32) == 0 &&
              memcmp(e.analyst, a.doc.analyst.data, 32) == 0,
          "the owner reads what was asked, and what it cost");
    CHECK(!asking_collect(&w, &a, vector), "nothing leaves before its time");
    struct wire_collected collected;
    CHECK(wire_read_collected(service_buffer_bytes(&w.answer), &collected, NULL) == 0 &&
              collected.wait_ms == a.doc.run_ms && collected.message.size == 0,
          "but how long that is");
    w.own.clock_ms += a.doc.run_ms - 1;
    CHECK(!asking_collect(&w, &a, vector), "to the millisecond");
    w.own.clock_ms++;
    CHECK(asking_collect(&w, &a, vector) && memcmp(vector, fallback, sizeof vector) == 0,
          "without a worker the default leaves");
    AUTO_SERVICE_BUFFER first = {0};
    REQUIRE(service_buffer_reserve(&first, w.answer.size) == 0);
    memcpy(first.data, w.answer.data, w.answer.size);
    first.size = w.answer.size;
    CHECK(asking_collect(&w, &a, vector) &&
              bytes_equal(service_buffer_bytes(&first), service_buffer_bytes(&w.answer)),
          "asked again, the same bytes");
    e = phone_event(&w);
    CHECK(e.sent && e.fallback && e.cost == cost && e.failure.size > 0 &&
              phone_state(&w).events == 1,
          "the owner reads that it left, and was the default");
    CHECK(declined(&a, WIRE_CODE_ANSWERED), "answered once, it is declined");
    uint64_t changes = w.volume.changes;
    CHECK(declined(&a, WIRE_CODE_ANSWERED) && w.volume.changes == changes + 1 &&
              phone_state(&w).events == 2,
          "asked once more it is told once, and written again, as for another reason");
    world_boot(&w);
    REQUIRE(phone_unlock(&w) == WIRE_CODE_OK && phone_grant(&w, 1000000) == WIRE_CODE_OK);
    struct wire_state before = phone_state(&w);
    CHECK(!asking_invite(&w, &a) && phone_state(&w).lease_left == before.lease_left,
          "also after a restart, with a new lease: no fresh noise by a crash");
    CHECK(phone_state(&w).events == 2, "which the owner is told once");
    asking_free(&a);
    world_free(&w);
}

/* ---- document and evidence ------------------------------------------------------------------- */

static void test_document(void)
{
    ready(1000000);
    asking_make(&w, 1, &a);
    asking_make(&w, 2, &b);
    a.invite.document.size--;
    CHECK(declined(&a, WIRE_CODE_DOCUMENT), "half a document is declined");
    fresh(1);
    a.invite.document = b.invite.document;
    CHECK(declined(&a, WIRE_CODE_DOCUMENT),
          "another document than the aggregator's evidence binds is declined");
    fresh(3);
    a.binding.context = BYTES_STR("too short");
    asking_prove(&w, &a);
    CHECK(declined(&a, WIRE_CODE_DOCUMENT), "evidence that says nothing of a query, too");
    fresh(4);
    a.invite.evidence = b.invite.evidence;
    w.policy.roots[0].value[0] ^= 1;
    REQUIRE(phone_policy(&w) == WIRE_CODE_OK);
    CHECK(declined(&a, WIRE_CODE_DOCUMENT), "what evidence is about is looked at first");
    asking_free(&a);
    asking_free(&b);
    world_free(&w);
}

static void test_evidence(void)
{
    ready(1000000);
    asking_make(&w, 1, &a);
    a.invite.evidence.size--;
    CHECK(declined(&a, WIRE_CODE_EVIDENCE), "evidence that cannot be read is declined");
    fresh(2);
    w.machine.spec.quote_key = KEY_STRANGER;
    asking_prove(&w, &a);
    CHECK(declined(&a, WIRE_CODE_EVIDENCE), "so is one that a stranger signed");
    w.machine.spec.quote_key = KEY_AK;
    fresh(3);
    w.aggregator.debug = true;
    asking_prove(&w, &a);
    CHECK(declined(&a, WIRE_CODE_EVIDENCE), "of an enclave that the host can read");
    w.aggregator.debug = false;
    fresh(4);
    a.binding.time = FORGE_NOW - TRUST_AGE_MAX_S - 1;
    asking_prove(&w, &a);
    CHECK(declined(&a, WIRE_CODE_EVIDENCE), "older than a week");
    fresh(5);
    a.binding.time = FORGE_NOW + TRUST_SKEW_S + 1;
    asking_prove(&w, &a);
    CHECK(declined(&a, WIRE_CODE_EVIDENCE), "of the future");
    fresh(6);
    a.binding.purpose = BINDING_PURPOSE_CUSTODIAN;
    asking_prove(&w, &a);
    CHECK(declined(&a, WIRE_CODE_EVIDENCE), "for another purpose");
    fresh(7);
    a.binding.has_owner = true;
    asking_prove(&w, &a);
    CHECK(declined(&a, WIRE_CODE_EVIDENCE), "of somebody's");
    fresh(8);
    a.binding.signing = BINDING_SIGNING_NONE;
    asking_prove(&w, &a);
    CHECK(declined(&a, WIRE_CODE_EVIDENCE), "without a key for the receipt");
    fresh(9);
    struct hpke_private_key p256;
    REQUIRE(hpke_private_make(HPKE_KEM_P256, &p256) == 0);
    a.binding.key = p256.public_key;
    asking_prove(&w, &a);
    CHECK(declined(&a, WIRE_CODE_EVIDENCE), "with a key of another kind");
    fresh(10);
    a.doc.roots[0][0] ^= 1;
    asking_write(&w, &a);
    CHECK(declined(&a, WIRE_CODE_EVIDENCE), "from a root that the query does not name");
    fresh(11);
    w.policy.roots[0].value[0] ^= 1;
    REQUIRE(phone_policy(&w) == WIRE_CODE_OK);
    CHECK(declined(&a, WIRE_CODE_EVIDENCE), "from a root that the policy does not name");
    fresh(12);
    w.policy.roots_count = 0;
    REQUIRE(phone_policy(&w) == WIRE_CODE_OK);
    CHECK(declined(&a, WIRE_CODE_EVIDENCE), "under a policy that names none");
    asking_free(&a);
    world_free(&w);
}

/* ---- identities ------------------------------------------------------------------------------ */

static void test_identity(void)
{
    static struct test_enclave imposter;
    ready(1000000);
    asking_make(&w, 1, &a);
    test_enclave_make(&imposter, &w.machine, "aggregator", 0xa1);
    imposter.mrenclave[31] ^= 1;
    a.speaker = &imposter;
    asking_prove(&w, &a);
    CHECK(declined(&a, WIRE_CODE_IDENTITY), "an aggregator that differs in a bit is declined");
    fresh(2);
    test_enclave_make(&imposter, &w.machine, "aggregate", 0xa1);
    a.speaker = &imposter;
    asking_prove(&w, &a);
    CHECK(declined(&a, WIRE_CODE_IDENTITY), "so is the same with another manifest");
    fresh(3);
    test_enclave_make(&imposter, &w.machine, "aggregator", 0xa1);
    imposter.mrenclave[31] ^= 1;
    memcpy(a.doc.aggregators[0].program.measurement, imposter.mrenclave, 32);
    a.speaker = &imposter;
    asking_write(&w, &a);
    CHECK(declined(&a, WIRE_CODE_IDENTITY), "also when the query names it");
    fresh(4);
    memcpy(w.policy.aggregators[0].mrenclave, imposter.mrenclave, 32);
    REQUIRE(phone_policy(&w) == WIRE_CODE_OK);
    a.speaker = &imposter;
    asking_prove(&w, &a);
    CHECK(declined(&a, WIRE_CODE_IDENTITY), "or when only the policy does");
    memcpy(w.policy.aggregators[0].mrenclave, w.aggregator.mrenclave, 32);
    REQUIRE(phone_policy(&w) == WIRE_CODE_OK && phone_grant(&w, 1000000) == WIRE_CODE_OK);
    fresh(5);
    a.doc.bundle[0] ^= 1;
    asking_write(&w, &a);
    CHECK(declined(&a, WIRE_CODE_IDENTITY), "a script that the policy does not allow is declined");
    fresh(6);
    a.doc.custodians[0].program.measurement[0] ^= 1;
    asking_write(&w, &a);
    CHECK(declined(&a, WIRE_CODE_IDENTITY), "a query for other custodians is declined");
    fresh(7);
    a.doc.custodians[0].configid[0] ^= 1;
    asking_write(&w, &a);
    CHECK(declined(&a, WIRE_CODE_IDENTITY), "or for those with another manifest");
    fresh(8);
    a.doc.custodians[0].program = (struct query_program){.by_signer = true, .isvprodid = 9};
    memcpy(a.doc.custodians[0].program.measurement, w.own.mrsigner, 32);
    asking_write(&w, &a);
    CHECK(declined(&a, WIRE_CODE_IDENTITY), "or for another product of its signer");
    fresh(9);
    a.doc.custodians[0].program = (struct query_program){.by_signer = true,
                                                         .isvprodid = w.machine.spec.body.isvprodid,
                                                         .min_isvsvn = w.machine.spec.body.isvsvn};
    memcpy(a.doc.custodians[0].program.measurement, w.own.mrsigner, 32);
    asking_write(&w, &a);
    CHECK(asking_invite(&w, &a), "one for its signer's custodians is accepted");
    asking_free(&a);
    world_free(&w);
}

/* ---- log ------------------------------------------------------------------------------------- */

static void test_logged(void)
{
    struct query_log_leaf leaf = {.kind = QUERY_LOG_IDENTITY,
                                  .role = QUERY_ROLE_CUSTODIAN,
                                  .name = BYTES_STR("aggregator 1")};
    uint8_t text[QUERY_LOG_LEAF_MAX];
    ready(1000000);
    asking_make(&w, 1, &a);
    a.invite.query_index--;
    CHECK(declined(&a, WIRE_CODE_NOT_LOGGED), "a query that is elsewhere in the log is declined");
    fresh(2);
    a.invite.query_proof = BYTES_STR("\x80");
    CHECK(declined(&a, WIRE_CODE_NOT_LOGGED), "one without a proof");
    fresh(3);
    a.invite.query_proof = BYTES_STR("?");
    CHECK(declined(&a, WIRE_CODE_NOT_LOGGED), "one with a proof that is none");
    fresh(4);
    a.index--; /* another query's place, with a good proof */
    asking_paths(&w, &a);
    CHECK(declined(&a, WIRE_CODE_NOT_LOGGED), "shown one query and run another: declined");
    fresh(5);
    a.invite.aggregator_proof = a.invite.query_proof;
    CHECK(declined(&a, WIRE_CODE_NOT_LOGGED), "an aggregator that is not in the log is declined");
    fresh(6);
    a.invite.aggregator_leaf = BYTES_STR("?");
    CHECK(declined(&a, WIRE_CODE_NOT_LOGGED), "or whose leaf is none");
    fresh(7);
    memcpy(leaf.mrenclave, w.aggregator.mrenclave, 32);
    test_enclave_configid(&w.aggregator, leaf.configid);
    struct writer out = writer_of(text, sizeof text);
    REQUIRE(query_log_leaf_encode(&leaf, &out, NULL) == 0);
    a.invite.aggregator_leaf = BYTES(text, out.size);
    CHECK(declined(&a, WIRE_CODE_NOT_LOGGED), "or is a custodian's");
    fresh(8);
    leaf.role = QUERY_ROLE_AGGREGATOR;
    leaf.mrenclave[0] ^= 1;
    out = writer_of(text, sizeof text);
    REQUIRE(query_log_leaf_encode(&leaf, &out, NULL) == 0);
    a.invite.aggregator_leaf = BYTES(text, out.size);
    CHECK(declined(&a, WIRE_CODE_NOT_LOGGED), "or another program's");
    asking_free(&a);
    world_free(&w);
}

/* Leaves that are in the log, with good proofs, and are not the aggregator's. */
static bool declined_as(uint64_t number, const struct query_log_leaf *leaf)
{
    uint8_t text[QUERY_LOG_LEAF_MAX], path[QUERY_LOG_PROOF_SIZE_MAX];
    struct query_log_proof proof;
    uint64_t index = log_add(&w, leaf);
    fresh(number);
    struct writer out = writer_of(text, sizeof text), way = writer_of(path, sizeof path);
    REQUIRE(query_log_leaf_encode(leaf, &out, NULL) == 0 &&
            query_log_prove_inclusion(w.leaves, a.tree_size, index, &proof) == 0 &&
            query_log_proof_encode(&proof, &way) == 0);
    a.invite.aggregator_leaf = BYTES(text, out.size);
    a.invite.aggregator_index = index;
    a.invite.aggregator_proof = BYTES(path, way.size);
    return declined(&a, WIRE_CODE_NOT_LOGGED);
}

static void test_others_leaves(void)
{
    ready(1000000);
    struct query_log_leaf leaf = {.kind = QUERY_LOG_IDENTITY,
                                  .role = QUERY_ROLE_CUSTODIAN,
                                  .name = BYTES_STR("aggregator 1")};
    memcpy(leaf.mrenclave, w.aggregator_id.mrenclave, 32);
    memcpy(leaf.configid, w.aggregator_id.configid, 64);
    CHECK(declined_as(1, &leaf), "an aggregator that is logged as a custodian is declined");
    leaf.role = QUERY_ROLE_AGGREGATOR;
    leaf.mrenclave[31] ^= 1;
    CHECK(declined_as(2, &leaf), "one of which another version is logged");
    leaf.mrenclave[31] ^= 1;
    leaf.configid[63] ^= 1;
    CHECK(declined_as(3, &leaf), "or another manifest");
    leaf.configid[63] ^= 1;
    leaf.name = BYTES_STR("another name");
    CHECK(!declined_as(4, &leaf) && w.answer.size > 0, "the name in the leaf is nobody's business");
    asking_free(&a);
    memset(&a, 0, sizeof a);
    world_free(&w);
}

static void test_log(void)
{
    ready(1000000);
    asking_make(&w, 1, &a);
    /* An aggregator saw more of the log than this custodian was shown. */
    const struct query_log_leaf more = {.kind = QUERY_LOG_QUERY, .query = {{1}}};
    (void)log_add(&w, &more);
    a.tree_size = w.leaf_count;
    asking_prove(&w, &a);
    CHECK(declined(&a, WIRE_CODE_LOG), "a log that is ahead of the one held is declined");
    REQUIRE(log_advance(&w) == WIRE_held);
    CHECK(asking_invite(&w, &a), "shown its head, the custodian accepts");
    fresh(2);
    a.invite.extends = BYTES_STR("?");
    CHECK(declined(&a, WIRE_CODE_LOG), "without a proof it is declined");
    /* The operator forks: another past for this query. */
    fresh(3);
    struct query_hash kept = w.leaves[0];
    w.leaves[0].data[0] ^= 1;
    asking_prove(&w, &a);
    CHECK(declined(&a, WIRE_CODE_LOG), "a log with another past is declined");
    w.leaves[0] = kept;
    asking_free(&a);
    world_free(&w);
}

/* ---- policy ---------------------------------------------------------------------------------- */

static void test_policy(void)
{
    ready(300000);
    asking_make(&w, 1, &a);
    uint64_t cost = plan_cost(&a);
    w.policy.analysts_count = 1;
    memset(w.policy.analysts[0].value, 8, 32);
    REQUIRE(phone_policy(&w) == WIRE_CODE_OK);
    CHECK(declined(&a, WIRE_CODE_ANALYST), "an analyst whom the policy does not name is declined");
    memcpy(w.policy.analysts[0].value, a.doc.analyst.data, 32);
    REQUIRE(phone_policy(&w) == WIRE_CODE_OK && phone_grant(&w, 300000) == WIRE_CODE_OK);
    CHECK(asking_invite(&w, &a), "one whom it names is answered");
    fresh(2);
    w.policy.users_min = a.doc.users_min + 1;
    REQUIRE(phone_policy(&w) == WIRE_CODE_OK);
    CHECK(declined(&a, WIRE_CODE_USERS), "a query for one person too few is declined");
    w.policy.users_min = a.doc.users_min;
    w.policy.query_cap = cost - 1;
    REQUIRE(phone_policy(&w) == WIRE_CODE_OK && phone_grant(&w, 300000) == WIRE_CODE_OK);
    CHECK(declined(&a, WIRE_CODE_COST), "one that costs a millionth too much is declined");
    w.policy.query_cap = cost;
    REQUIRE(phone_policy(&w) == WIRE_CODE_OK && phone_grant(&w, 300000) == WIRE_CODE_OK);
    CHECK(asking_invite(&w, &a), "one that costs and asks just what is allowed is answered");
    fresh(3);
    REQUIRE(phone_order(&w, WIRE_ORDER_PAUSE, 0, 0, 0) == WIRE_CODE_OK);
    CHECK(declined(&a, WIRE_CODE_PAUSED), "while paused all are declined");
    REQUIRE(phone_order(&w, WIRE_ORDER_RESUME, 0, 0, 0) == WIRE_CODE_OK);
    CHECK(asking_invite(&w, &a), "then answered again");
    REQUIRE(phone_order(&w, WIRE_ORDER_WITHDRAW, 0, 0, 0) == WIRE_CODE_OK);
    fresh(4);
    CHECK(declined(&a, WIRE_CODE_PAUSED), "withdrawn declines them");
    asking_free(&a);
    world_free(&w);
}

static void test_budget(void)
{
    world_make(&w);
    REQUIRE(phone_claim(&w) == WIRE_CODE_OK);
    asking_make(&w, 1, &a);
    uint64_t cost = plan_cost(&a);
    CHECK(declined(&a, WIRE_CODE_NO_LEASE), "without a lease nothing is answered");
    REQUIRE(phone_grant(&w, cost - 1) == WIRE_CODE_OK);
    fresh(2);
    CHECK(declined(&a, WIRE_CODE_NO_LEASE), "nor with one that is a millionth too small");
    REQUIRE(phone_grant(&w, cost) == WIRE_CODE_OK);
    fresh(3);
    asking_make(&w, 4, &b);
    CHECK(asking_invite(&w, &a) + asking_invite(&w, &b) == 1 && phone_state(&w).lease_left == 0,
          "of two that race for one budget one is answered");
    REQUIRE(phone_grant(&w, cost) == WIRE_CODE_OK);
    fresh(5);
    a.doc.deadline = w.log_time + 2; /* its own leaf takes one second */
    asking_write(&w, &a);
    CHECK(asking_invite(&w, &a), "a second before its deadline it is answered");
    REQUIRE(phone_grant(&w, cost) == WIRE_CODE_OK);
    fresh(6);
    a.doc.deadline = w.log_time + 1;
    asking_write(&w, &a);
    CHECK(declined(&a, WIRE_CODE_LATE), "at its deadline it is late");
    fresh(7);
    w.log_time += 2 * 86400;
    const struct query_log_leaf leaf = {.kind = QUERY_LOG_QUERY, .query = {{2}}};
    (void)log_add(&w, &leaf);
    REQUIRE(log_advance(&w) == WIRE_held);
    asking_prove(&w, &a);
    CHECK(declined(&a, WIRE_CODE_NO_LEASE), "a lease that is over pays for nothing");
    world_boot(&w);
    REQUIRE(phone_unlock(&w) == WIRE_CODE_OK);
    fresh(8);
    CHECK(declined(&a, WIRE_CODE_NO_LEASE), "nor one of the boot before");
    asking_free(&a);
    asking_free(&b);
    world_free(&w);
}

static void test_quota(void)
{
    world_make(&w);
    w.policy.cap = w.book.budget.cap = DP_RHO_MAX;
    asking_make(&w, 1, &a);
    uint64_t cost = plan_cost(&a);
    w.policy.analyst_cap = 2 * cost;
    world_ready(&w, 10 * cost);
    REQUIRE(log_advance(&w) == WIRE_held);
    CHECK(asking_invite(&w, &a), "an analyst asks");
    fresh(2);
    CHECK(asking_invite(&w, &a), "and again, up to the quota");
    fresh(3);
    CHECK(declined(&a, WIRE_CODE_ANALYST_SPENT), "and no further");
    a.doc.analyst.data[0] ^= 1;
    a.doc.nonce[9] = 1;
    asking_write(&w, &a);
    CHECK(asking_invite(&w, &a), "another analyst has a quota of one's own");
    world_boot(&w);
    REQUIRE(phone_unlock(&w) == WIRE_CODE_OK && phone_grant(&w, 10 * cost) == WIRE_CODE_OK);
    fresh(4);
    CHECK(declined(&a, WIRE_CODE_ANALYST_SPENT), "a restart gives nothing back");
    w.log_time += LEDGER_WINDOW_S;
    const struct query_log_leaf leaf = {.kind = QUERY_LOG_QUERY, .query = {{2}}};
    (void)log_add(&w, &leaf);
    REQUIRE(phone_grant(&w, 10 * cost) == WIRE_CODE_OK);
    fresh(5);
    CHECK(asking_invite(&w, &a), "the next week does");
    asking_free(&a);
    world_free(&w);
}

static void test_busy(void)
{
    int64_t vector[3];
    world_make(&w);
    w.policy.cap = w.book.budget.cap = w.policy.analyst_cap = DP_RHO_MAX;
    world_ready(&w, DP_RHO_MAX / 2);
    for (uint64_t i = 0; i < 16; i++) {
        fresh(100 + i);
        REQUIRE(asking_invite(&w, &a));
    }
    fresh(1);
    CHECK(declined(&a, WIRE_CODE_BUSY), "a seventeenth query at a time is declined, for free");
    fresh(100);
    w.own.clock_ms += a.doc.run_ms;
    CHECK(!asking_collect(&w, &a, vector), "whose key another asks for is sealed to the first");
    fresh(2);
    CHECK(asking_invite(&w, &a), "when one was given there is room again");
    fresh(3);
    CHECK(declined(&a, WIRE_CODE_BUSY), "and then no more");
    w.log_time = a.doc.deadline;
    const struct query_log_leaf leaf = {.kind = QUERY_LOG_QUERY, .query = {{2}}};
    (void)log_add(&w, &leaf);
    w.book.budget.cap = DP_RHO_MAX;
    REQUIRE(phone_grant(&w, 1000000) == WIRE_CODE_OK);
    fresh(4);
    a.doc.deadline = w.log_time + 1000;
    asking_write(&w, &a);
    CHECK(asking_invite(&w, &a), "those that nobody collected make room at their deadline");
    w.own.no_quotes = true;
    w.own.time += 7200;
    fresh(5);
    CHECK(!asking_invite(&w, &a) && refusal(&w) == WIRE_CODE_INTERNAL,
          "who cannot show who it is does not answer");
    asking_free(&a);
    world_free(&w);
}

/* ---- contributions --------------------------------------------------------------------------- */

/* Days before, in and behind the window; one in it could not be processed. */
static void with_day(void)
{
    static const uint64_t days[] = {DAY - 400, DAY, DAY + 1, DAY + 400};
    ready(1000000);
    for (size_t i = 0; i < ARRAY_SIZE(days); i++) {
        REQUIRE(phone_upload(&w, days[i], BYTES_STR("walked")) == WIRE_CODE_OK);
    }
    size_t size = reply_processed(BYTES_STR("2 trips"), scratch, sizeof scratch);
    for (size_t i = 0; i < ARRAY_SIZE(days); i++) {
        REQUIRE(working_run(&w, i == 2 ? BYTES_STR("?") : BYTES(scratch, size)));
    }
    asking_make(&w, 1, &a);
    REQUIRE(asking_invite(&w, &a));
}

/* What leaves when the script's output is this; then whether it was the default. */
static bool leaves(struct bytes out, const int64_t *wanted, bool wanted_fallback)
{
    int64_t vector[3];
    with_day();
    REQUIRE(working_run(&w, out));
    w.own.clock_ms += a.doc.run_ms;
    bool good = asking_collect(&w, &a, vector);
    struct wire_event e = phone_event(&w);
    bool same = good && memcmp(vector, wanted, sizeof vector) == 0 &&
                e.fallback == wanted_fallback && e.sent && (e.failure.size > 0) == wanted_fallback;
    if (!same) {
        printf("# %lld %lld %lld, fallback %d\n", (long long)vector[0], (long long)vector[1],
               (long long)vector[2], e.fallback);
    }
    asking_free(&a);
    world_free(&w);
    return same;
}

static bool leaves_vector(const int64_t *said, size_t count, const int64_t *wanted)
{
    static uint8_t text[4096];
    size_t size = reply_vector(said, count, text, sizeof text);
    return leaves(BYTES(text, size), wanted != NULL ? wanted : fallback, wanted == NULL);
}

#define V(...) ((const int64_t[]){__VA_ARGS__})

static void test_vectors(void)
{
    CHECK(leaves_vector(V(1, 2, 3), 3, V(1, 2, 3)), "what a script answers leaves");
    CHECK(leaves_vector(V(-5, 101, 100), 3, V(0, 100, 100)), "inside its bounds");
    CHECK(leaves_vector(V(INT64_MIN, INT64_MAX, 0), 3, V(0, 100, 0)), "however far outside it was");
    CHECK(leaves_vector(V(1, 2), 2, NULL), "two numbers for three are none");
    CHECK(leaves_vector(V(1, 2, 3, 4), 4, NULL), "nor are four");
    CHECK(leaves(BYTES_STR(""), fallback, true), "nothing is the default");
    CHECK(leaves(BYTES_STR("[1, 2, 3]"), fallback, true), "so is what is no reply");
#define REPLY(bytes)                                                                               \
    "\xa3\x66"                                                                                     \
    "format\x6e"                                                                                   \
    "alcove-reply-1\x66"                                                                           \
    "vector" bytes "\x69processed\xf6"
    CHECK(leaves(BYTES_STR(REPLY("\x83\x01\x02\x03")), V(1, 2, 3), false), "(written by hand)");
    CHECK(leaves(BYTES_STR(REPLY("\x83\xf9\x7e\x00\x02\x03")), fallback, true),
          "what is not a number is no number");
    CHECK(leaves(BYTES_STR(REPLY("\x83\xf9\x3c\x00\x02\x03")), fallback, true),
          "a fraction is none either");
    CHECK(leaves(BYTES_STR(REPLY("\x83\x1b\xff\xff\xff\xff\xff\xff\xff\xff\x02\x03")), fallback,
                 true),
          "nor what no 64 bits hold");
    CHECK(leaves(BYTES_STR(REPLY("\x83\x18\x01\x02\x03")), fallback, true),
          "nor a number written in another way");
    CHECK(leaves(BYTES_STR(REPLY("\x83\x01\x02\x03") "\x00"), fallback, true),
          "nor a reply with something behind it");
    CHECK(leaves(BYTES_STR(REPLY("\xf6")), fallback, true), "nor none at all");
}

/* An answer that comes too late. */
static void test_failures(void)
{
    struct working k;
    int64_t vector[3];
    static uint8_t reply[256];
    size_t size = reply_vector(V(1, 2, 3), 3, reply, sizeof reply);
    with_day();
    CHECK(working_make(&w, &k) == 2 && memcmp(k.job.query, a.id.data, 32) == 0 &&
              k.job.run_ms == a.doc.run_ms && memcmp(k.job.bundle, a.doc.bundle, 64) == 0,
          "a query is a job");
    CHECK(working_hello(&w, &k) && memmem(k.call.data, k.call.size, "2 trips", 7) != NULL &&
              memmem(k.call.data, k.call.size, "mode_share", 10) != NULL &&
              memmem(k.call.data, k.call.size, "walked", 6) == NULL && k.call.data[6] == 0x81 &&
              memmem(k.call.data, k.call.size, "\x82\x19\x4e\x21", 4) != NULL,
          "its call has the processed days of its window, and not what was uploaded");
    w.own.clock_ms += a.doc.run_ms;
    k.result.out = BYTES(reply, size);
    CHECK(working_end(&w, &k) == WIRE_done && asking_collect(&w, &a, vector) &&
              memcmp(vector, fallback, sizeof vector) == 0 &&
              bytes_equal_str(phone_event(&w).failure, "the script's answer came too late"),
          "an answer after its time is the default");
    working_free(&k);
    asking_free(&a);
    world_free(&w);

    with_day();
    REQUIRE(working_make(&w, &k) == 2 && working_hello(&w, &k));
    w.own.clock_ms += a.doc.run_ms;
    REQUIRE(asking_collect(&w, &a, vector));
    k.result.out = BYTES(reply, size);
    CHECK(working_end(&w, &k) == WIRE_refused && refusal(&w) == WIRE_CODE_STATE &&
              asking_collect(&w, &a, vector) && memcmp(vector, fallback, sizeof vector) == 0,
          "a worker that is still there when it leaves changes nothing");
    working_free(&k);
    asking_free(&a);
    world_free(&w);
}

/* Workers that one of the two does not accept. */
static void test_workers(void)
{
    struct working k;
    int64_t vector[3];
    with_day();
    REQUIRE(working_make(&w, &k) == 2);
    memcpy(w.policy.workers[0].value, w.own.mrenclave, 32);
    REQUIRE(phone_policy(&w) == WIRE_CODE_OK);
    CHECK(!working_hello(&w, &k) && refusal(&w) == WIRE_CODE_WORKER,
          "a worker that only the query accepts gets nothing");
    w.own.clock_ms += a.doc.run_ms;
    CHECK(asking_collect(&w, &a, vector) && memcmp(vector, fallback, sizeof vector) == 0,
          "and the default leaves");
    asking_free(&a);
    world_free(&w);

    ready(1000000);
    asking_make(&w, 1, &a);
    a.doc.workers[0].measurement[0] ^= 1;
    asking_write(&w, &a);
    REQUIRE(asking_invite(&w, &a) && working_make(&w, &k) == 2);
    CHECK(!working_hello(&w, &k) && refusal(&w) == WIRE_CODE_WORKER,
          "one that only the policy accepts gets nothing either");
    asking_free(&a);
    world_free(&w);

    with_day();
    REQUIRE(working_make(&w, &k) == 2);
    k.body.attributes.flags &= ~SGX_FLAGS_INIT;
    CHECK(!working_hello(&w, &k) && refusal(&w) == WIRE_CODE_WORKER,
          "nor one that no processor has started");
    asking_free(&a);
    world_free(&w);

    with_day();
    w.own.clock_ms += a.doc.run_ms;
    CHECK(working_make(&w, &k) == 0, "when its time is over, a query is no job any more");
    asking_free(&a);
    world_free(&w);
}

/* What happens to it while it waits. */
static void test_waiting(void)
{
    struct working k;
    int64_t vector[3];
    static uint8_t reply[256];
    size_t size = reply_vector(V(1, 2, 3), 3, reply, sizeof reply);
    with_day();
    REQUIRE(working_make(&w, &k) == 2 && working_hello(&w, &k));
    k.result.err = BYTES_STR("KeyError: home\n");
    k.result.end = WORKER_END_SIGNAL;
    k.result.value = 9;
    REQUIRE(working_end(&w, &k) == WIRE_done);
    w.own.clock_ms += a.doc.run_ms;
    CHECK(asking_collect(&w, &a, vector) &&
              bytes_equal_str(phone_event(&w).failure, "KeyError: home\n"),
          "what a script said when it failed is for its owner");
    CHECK(memmem(w.answer.data, w.answer.size, "KeyError", 8) == NULL, "and not for the host");
    working_free(&k);
    asking_free(&a);
    world_free(&w);

    with_day();
    REQUIRE(working_run(&w, BYTES(reply, size)) &&
            phone_order(&w, WIRE_ORDER_WITHDRAW, 0, 0, 0) == WIRE_CODE_OK);
    w.own.clock_ms += a.doc.run_ms;
    CHECK(asking_collect(&w, &a, vector) && memcmp(vector, fallback, sizeof vector) == 0,
          "who withdraws before it leaves sends the default");
    REQUIRE(phone_order(&w, WIRE_ORDER_DELETE, 0, 0, 0) == WIRE_CODE_OK);
    CHECK(!asking_collect(&w, &a, vector) && refusal(&w) == WIRE_CODE_STATE,
          "and who deletes everything nothing");
    asking_free(&a);
    world_free(&w);

    with_day();
    REQUIRE(working_run(&w, BYTES(reply, size)));
    world_boot(&w);
    w.own.clock_ms += a.doc.run_ms;
    CHECK(!asking_collect(&w, &a, vector) && refusal(&w) == WIRE_CODE_LOCKED,
          "after a restart there is none");
    REQUIRE(phone_unlock(&w) == WIRE_CODE_OK);
    struct wire_event e = phone_event(&w);
    CHECK(!asking_collect(&w, &a, vector) && refusal(&w) == WIRE_CODE_STATE && e.cost > 0 &&
              !e.sent,
          "what was charged stays charged, and the owner reads that nothing left");
    asking_free(&a);
    world_free(&w);
}

/* What the host sees of a script that answers, and of one that fails. */
struct seen {
    uint64_t changes;
    size_t answer, events;
    uint64_t wait_ms;
};

static struct seen look(bool fails)
{
    struct working k;
    struct seen s = {0};
    struct wire_collect collect;
    struct wire_collected collected;
    int64_t vector[3];
    static uint8_t reply[256];
    with_day();
    REQUIRE(working_make(&w, &k) == 2 && working_hello(&w, &k));
    w.own.clock_ms += fails ? 17 : 4711;
    k.result.out = BYTES(reply, reply_vector(V(1, 2, 3), 3, reply, sizeof reply));
    k.result.value = fails ? 1 : 0;
    k.result.err = fails ? BYTES_STR("a long story") : BYTES(NULL, 0);
    REQUIRE(working_end(&w, &k) == WIRE_done);
    memcpy(collect.query, a.id.data, 32);
    w.own.clock_ms = 5000;
    REQUIRE(ask(&w, WIRE_collect, &collect) == WIRE_collected &&
            wire_read_collected(service_buffer_bytes(&w.answer), &collected, NULL) == 0);
    s.wait_ms = collected.wait_ms;
    w.own.clock_ms += a.doc.run_ms;
    REQUIRE(asking_collect(&w, &a, vector));
    s.answer = w.answer.size;
    s.changes = w.volume.changes;
    s.events = disk_find(&w.volume.disk, "events-0")->size;
    working_free(&k);
    asking_free(&a);
    world_free(&w);
    return s;
}

static void test_looks(void)
{
    struct seen good = look(false), bad = look(true);
    CHECK(good.answer == bad.answer && good.changes == bad.changes && good.events == bad.events &&
              good.wait_ms == bad.wait_ms,
          "for the host a script that answers looks like one that fails");
}

/* ---- events ---------------------------------------------------------------------------------- */

static void test_events(void)
{
    static struct wire_activity page;
    uint64_t charged = 0;
    ready(1000000);
    asking_make(&w, 1, &a);
    REQUIRE(asking_invite(&w, &a));
    for (uint64_t i = 0; i < 1010; i++) { /* garbage is noted too: the host writes a lot of it */
        struct wire_invite invite = a.invite;
        uint64_t nonce = i;
        invite.document = BYTES_OF(nonce);
        REQUIRE(ask(&w, WIRE_invite, &invite) == WIRE_invited);
    }
    CHECK(phone_state(&w).events == 1000, "a thousand events are kept");
    world_boot(&w);
    REQUIRE(phone_unlock(&w) == WIRE_CODE_OK);
    uint64_t seen = 0;
    while (phone_order(&w, WIRE_ORDER_ACTIVITY, 0, 0, seen) == WIRE_CODE_OK &&
           wire_read_activity(w.last.body, &page, NULL) == 0 && page.events_count > 0) {
        seen += page.events_count;
        for (size_t i = 0; i < page.events_count; i++) {
            charged += page.events[i].cost > 0;
        }
    }
    CHECK(seen == 1000 && page.total == 1000 && charged == 1,
          "also after a restart, and what was paid is not washed away");
    asking_free(&a);
    world_free(&w);
}

int main(void)
{
    test_accepted();
    test_document();
    test_evidence();
    test_identity();
    test_logged();
    test_others_leaves();
    test_log();
    test_policy();
    test_budget();
    test_quota();
    test_busy();
    test_vectors();
    test_failures();
    test_workers();
    test_waiting();
    test_looks();
    test_events();
    const uint64_t all = (UINT64_C(1) << WIRE_CODE_COUNT) - 1;
    CHECK(((world_codes | CODES_OF_LIFE) & all) == all, "each other code came up: %llx",
          (unsigned long long)world_codes);
    return tap_done();
}
