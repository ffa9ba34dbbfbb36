/* SPDX-License-Identifier: Apache-2.0 */
/* Leases and ledgers: what a host may do with restarts, old volumes, clones and repeated messages,
 * and that it gains nothing. */
#include "query/lease.h"

#include <errno.h>
#include <string.h>

#include "tests/tap.h"

#define LEAVES 12
#define WEEK   2900u
#define NOW    (WEEK * LEDGER_WINDOW_S + 1000)

static struct query_hash leaves[LEAVES];
static struct query_secret_key owner_key, stranger_key, log_key;
static struct query_signer owner = {query_sign_with, &owner_key};
static struct query_signer stranger = {query_sign_with, &stranger_key};
static struct query_hash log_id;

static struct lease_book book;
static struct ledger ledger, other;
static uint8_t lease_bytes[LEASE_MAX + QUERY_SIGNED_OVERHEAD],
    proof_bytes[QUERY_LOG_PROOF_SIZE_MAX];
static uint8_t stored[LEDGER_SIZE_MAX];
static struct bytes sent, proof;
static enum ledger_reason reason;

static struct query_hash hash_of(unsigned value)
{
    struct query_hash hash = {{(uint8_t)value, (uint8_t)(value >> 8), 0x55}};
    return hash;
}

static struct query_log_tree tree_of(uint64_t size)
{
    struct query_log_tree tree;
    REQUIRE(query_log_tree_of(leaves, size, &tree) == 0);
    return tree;
}

static void make_keys(void)
{
    uint8_t scalar[32] = {1};
    REQUIRE(query_secret_key_read(BYTES_OF(scalar), &owner_key) == 0);
    scalar[0] = 2;
    REQUIRE(query_secret_key_read(BYTES_OF(scalar), &stranger_key) == 0);
    scalar[0] = 3;
    REQUIRE(query_secret_key_read(BYTES_OF(scalar), &log_key) == 0);
    REQUIRE(query_key_id(&log_key.key, &log_id) == 0);
    for (unsigned i = 0; i < LEAVES; i++) {
        leaves[i] = hash_of(1000 + i);
    }
}

/* A phone and its custodian, in its first boot, both with a head of 5 leaves; a cap of 50,000. */
static void make(void)
{
    struct query_hash boot = hash_of(1);
    memset(&book, 0, sizeof book);
    book.budget.cap = 50000;
    book.policy = 1;
    book.head = (struct query_log_head){tree_of(5), NOW, log_id};
    ledger_start(&ledger, &boot, &log_id);
    REQUIRE(ledger_policy(&ledger, 1, 50000, NULL) == 0);
    ledger.head = book.head;
}

/* The phone grants so much to this boot. */
static void grant(unsigned boot, uint64_t rho)
{
    struct query_hash boot_key = hash_of(boot);
    struct writer w = writer_of(lease_bytes, sizeof lease_bytes);
    REQUIRE(lease_grant(&book, &boot_key, rho, 86400, &owner, &w, NULL) == 0);
    sent = BYTES(lease_bytes, w.size);
}

/* The host brings what was sent last, with the proof from one size to the other. */
static int bring(struct ledger *to, uint64_t from_size, uint64_t to_size)
{
    struct query_log_proof p;
    struct writer w = writer_of(proof_bytes, sizeof proof_bytes);
    REQUIRE(query_log_prove_consistency(leaves, to_size, from_size, &p) == 0);
    REQUIRE(query_log_proof_encode(&p, &w) == 0);
    proof = BYTES(proof_bytes, w.size);
    reason = LEDGER_REASON_NONE;
    struct diag d = {""};
    int err = ledger_grant(to, &owner_key.key, sent, proof, &reason, &d);
    REQUIRE((err == 0) == (reason == LEDGER_REASON_NONE));
    REQUIRE(err == 0 || (err == -EACCES && d.text[0] != '\0'));
    return err;
}

static bool bring_refused(enum ledger_reason expected)
{
    static struct ledger before;
    before = ledger;
    bool refused = bring(&ledger, 5, 5) == -EACCES && reason == expected;
    return refused && memcmp(&before, &ledger, sizeof before) == 0;
}

static int debit(unsigned query, uint64_t cost)
{
    struct query_hash id = hash_of(query);
    reason = LEDGER_REASON_NONE;
    return ledger_debit(&ledger, &id, NOW + 3600, cost, &reason, NULL);
}

static bool debit_refused(unsigned query, uint64_t cost, enum ledger_reason expected)
{
    uint64_t left = ledger.left;
    return debit(query, cost) == -EACCES && reason == expected && ledger.left == left;
}

static size_t store(void)
{
    struct writer w = writer_of(stored, sizeof stored);
    REQUIRE(ledger_encode(&ledger, &w, NULL) == 0);
    return w.size;
}

static void restart(size_t size, unsigned boot)
{
    struct query_hash boot_key = hash_of(boot);
    REQUIRE(ledger_decode(BYTES(stored, size), &boot_key, &ledger, NULL) == 0);
}

/* ---- what must work ---- */

static void a_week(void)
{
    make();
    CHECK(debit_refused(7, 1, LEDGER_NO_LEASE), "without a lease nothing is answered");
    grant(1, 20000);
    CHECK(bring(&ledger, 5, 5) == 0 && ledger.left == 20000 && book.budget.spent == 20000 &&
              ledger.budget.spent == 20000,
          "a lease is counted as spent by the phone and by the custodian when it is granted");
    CHECK(debit(7, 15000) == 0 && ledger.left == 5000, "a query is charged");
    CHECK(debit(8, 5000) == 0 && ledger.left == 0, "another one, to the last millionth");
    CHECK(debit_refused(9, 1, LEDGER_OVERSPENT), "and then not one more");
    grant(1, 30000);
    CHECK(bring(&ledger, 5, 5) == 0 && ledger.left == 30000, "a new lease takes its place");
    struct writer w = writer_of(lease_bytes, sizeof lease_bytes);
    struct query_hash boot = hash_of(1);
    CHECK(lease_grant(&book, &boot, 1, 60, &owner, &w, NULL) == -EDQUOT && w.size == 0,
          "beyond the week's cap the phone grants nothing");
    book.head.time += LEDGER_WINDOW_S;
    ledger.head.time = book.head.time;
    CHECK(debit_refused(10, 1, LEDGER_EXPIRED), "next week the lease is over");
    grant(1, 50000);
    CHECK(bring(&ledger, 5, 5) == 0 && ledger.budget.lifetime == 100000,
          "next week has a cap of its own, a lifetime adds up");
}

static void later_head(void)
{
    make();
    grant(1, 1000);
    struct query_log_head head = {tree_of(9), NOW + 5, log_id};
    uint8_t bytes[512], path[QUERY_LOG_PROOF_SIZE_MAX];
    struct writer w = writer_of(bytes, sizeof bytes), v = writer_of(path, sizeof path);
    struct query_signer signer = {query_sign_with, &log_key};
    struct query_log_proof p;
    enum query_log_reason why;
    REQUIRE(query_log_head_sign(&head, &signer, &w, NULL) == 0);
    REQUIRE(query_log_prove_consistency(leaves, 9, 5, &p) == 0);
    REQUIRE(query_log_proof_encode(&p, &v) == 0);
    CHECK(ledger_advance(&ledger, &log_key.key, BYTES(bytes, w.size), BYTES(path, v.size), &why,
                         NULL) == 0 &&
              ledger.head.tree.size == 9,
          "the ledger follows the log");
    CHECK(bring(&ledger, 5, 9) == 0, "a lease that names an earlier head of the same log is taken");
}

/* ---- attacks ---- */

static void restarts(void)
{
    make();
    grant(1, 20000);
    REQUIRE(bring(&ledger, 5, 5) == 0);
    REQUIRE(debit(7, 100) == 0);
    size_t size = store();
    restart(size, 2);
    CHECK(debit_refused(8, 1, LEDGER_NO_LEASE), "restarts the custodian: no lease came back");
    CHECK(bring_refused(LEDGER_BOOT), "restarts it and brings the old lease: refused");
    grant(2, 20000);
    CHECK(bring(&ledger, 5, 5) == 0, "the phone grants another");
    CHECK(debit_refused(7, 100, LEDGER_ANSWERED),
          "asks the same query again after the restart: refused");
    CHECK(ledger.budget.spent == 40000, "the old lease stays spent");
    grant(3, 10000);
    CHECK(bring_refused(LEDGER_BOOT), "brings a lease before the boot that it is for: refused");
}

static void clones(void)
{
    make();
    size_t size = store();
    struct query_hash clone_boot = hash_of(9);
    REQUIRE(ledger_decode(BYTES(stored, size), &clone_boot, &other, NULL) == 0);
    grant(1, 20000);
    CHECK(bring(&other, 5, 5) == -EACCES && reason == LEDGER_BOOT,
          "clones the custodian and gives both one lease: the clone refuses it");
    CHECK(bring(&ledger, 5, 5) == 0, "the one that it was granted to takes it");
    grant(9, 30000);
    CHECK(bring(&other, 5, 5) == 0, "a lease for the clone is another lease");
    struct writer w = writer_of(lease_bytes, sizeof lease_bytes);
    struct query_hash boot = hash_of(1);
    CHECK(lease_grant(&book, &boot, 1, 60, &owner, &w, NULL) == -EDQUOT,
          "both together cannot have more than the phone's cap");
}

static void rollback(void)
{
    struct volume_state first = {10, hash_of(70)}, second = {12, hash_of(71)};
    make();
    REQUIRE(ledger_acknowledge(&ledger, &first, NULL) == 0);
    size_t old = store();
    static uint8_t kept[LEDGER_SIZE_MAX];
    memcpy(kept, stored, old);
    grant(1, 1000);
    REQUIRE(bring(&ledger, 5, 5) == 0 && debit(7, 10) == 0);
    REQUIRE(ledger_acknowledge(&ledger, &second, NULL) == 0);
    book.acknowledged = second;
    size_t size = store();
    restart(size, 2);
    grant(2, 1000);
    CHECK(bring(&ledger, 5, 5) == 0, "a volume with all that was acknowledged serves");
    memcpy(stored, kept, old);
    restart(old, 3);
    grant(3, 1000);
    CHECK(bring_refused(LEDGER_ROLLED_BACK), "rolls back the volume: it refuses to serve");
    struct volume_state forged = {12, hash_of(99)}, beyond = {13, hash_of(98)};
    REQUIRE(ledger_acknowledge(&ledger, &forged, NULL) == 0);
    REQUIRE(ledger_acknowledge(&ledger, &beyond, NULL) == 0);
    CHECK(bring_refused(LEDGER_ROLLED_BACK),
          "rolls back and lets the sequence number rise again: it refuses to serve");
    restart(old, 3);
    book.acknowledged = first;
    grant(3, 1000);
    CHECK(bring(&ledger, 5, 5) == 0, "what the phone knows of is enough");
}

static void acknowledgements(void)
{
    make();
    for (unsigned i = 1; i <= LEDGER_ACKS_MAX + 3; i++) {
        struct volume_state state = {i * 10, hash_of(i)};
        REQUIRE(ledger_acknowledge(&ledger, &state, NULL) == 0);
    }
    CHECK(ledger.ack_count == LEDGER_ACKS_MAX && ledger.acks[0].sequence == 40,
          "the newest acknowledgements are remembered");
    struct volume_state again = {(LEDGER_ACKS_MAX + 3) * 10, hash_of(1)};
    CHECK(ledger_acknowledge(&ledger, &again, NULL) == -EINVAL, "sequence numbers rise");
    book.acknowledged = ledger.acks[2];
    grant(1, 10);
    CHECK(bring(&ledger, 5, 5) == 0, "loses the last acknowledgements on their way: served still");
    book.acknowledged = (struct volume_state){30, hash_of(3)};
    grant(1, 10);
    CHECK(bring_refused(LEDGER_ROLLED_BACK), "one that is too old is not remembered");
    book.acknowledged = (struct volume_state){0, hash_of(3)};
    grant(1, 10);
    CHECK(bring_refused(LEDGER_ROLLED_BACK), "a root without a number is no state");
}

static void replays(void)
{
    make();
    grant(1, 20000);
    REQUIRE(bring(&ledger, 5, 5) == 0);
    REQUIRE(debit(7, 20000) == 0);
    CHECK(bring_refused(LEDGER_NUMBER), "brings a lease twice: refused");
    CHECK(debit_refused(7, 1, LEDGER_ANSWERED), "asks a query twice: refused");
    grant(1, 100);
    struct lease lease;
    uint8_t bytes[sizeof lease_bytes];
    memcpy(bytes, lease_bytes, sizeof bytes);
    size_t size = sent.size;
    REQUIRE(lease_open(sent, &owner_key.key, &lease, NULL) == 0);
    grant(1, 200);
    REQUIRE(bring(&ledger, 5, 5) == 0);
    sent = BYTES(bytes, size);
    CHECK(bring_refused(LEDGER_NUMBER), "keeps an earlier lease back for later: refused");
}

static void forgeries(void)
{
    struct query_hash boot = hash_of(1);
    struct writer w = writer_of(lease_bytes, sizeof lease_bytes);
    unsigned taken = 0;
    make();
    REQUIRE(lease_grant(&book, &boot, 1000, 60, &stranger, &w, NULL) == 0);
    sent = BYTES(lease_bytes, w.size);
    CHECK(bring_refused(LEDGER_SIGNATURE), "swaps owners: another owner's lease is refused");
    grant(1, 1000);
    for (size_t i = 0; i < sent.size; i++) {
        lease_bytes[i] ^= 1;
        taken += bring(&ledger, 5, 5) == 0;
        lease_bytes[i] ^= 1;
    }
    CHECK(taken == 0, "changes a byte of a lease: refused, whichever it is");
    sent.size--;
    CHECK(bring_refused(LEDGER_FORMAT), "cuts a lease off: refused");
    sent.size++;
    CHECK(ledger_grant(&ledger, &owner_key.key, sent, BYTES(NULL, 0), &reason, NULL) == -EACCES &&
              reason == LEDGER_FORMAT && !ledger.has_lease,
          "leaves the proof out: refused");
    w = writer_of(lease_bytes, sizeof lease_bytes);
    REQUIRE(query_signed_make("alcove-lease-1", BYTES_STR("\xa0"), &owner, &w, NULL) == 0);
    sent = BYTES(lease_bytes, w.size);
    CHECK(bring_refused(LEDGER_FORMAT), "gets something else signed: refused");
    const uint64_t bad[] = {0, DP_RHO_MAX + 1, UINT64_MAX};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct lease lease = {.rho = bad[i], .number = 1, .policy = 1, .not_after = NOW};
        w = writer_of(lease_bytes, sizeof lease_bytes);
        CHECK(lease_sign(&lease, &owner, &w, NULL) == -EINVAL, "no lease is over %llu millionths",
              (unsigned long long)bad[i]);
    }
}

static void logs(void)
{
    make();
    book.head.tree = tree_of(6);
    grant(1, 10);
    CHECK(bring_refused(LEDGER_BEHIND), "keeps the custodian behind the log: refused");
    book.head.tree = tree_of(5);
    book.head.tree.root.data[0] ^= 1;
    grant(1, 10);
    CHECK(bring_refused(LEDGER_FORKED), "forks the log between phone and custodian: refused");
    book.head.tree = tree_of(4);
    grant(1, 10);
    CHECK(bring(&ledger, 3, 5) == -EACCES && reason == LEDGER_FORKED,
          "proves another extension: refused");
    CHECK(bring(&ledger, 4, 5) == 0, "proves the right one: taken");
}

static void policies_and_times(void)
{
    make();
    grant(1, 10);
    REQUIRE(ledger_policy(&ledger, 2, 500, NULL) == 0);
    CHECK(bring_refused(LEDGER_POLICY), "brings a lease for an earlier policy: refused");
    CHECK(ledger_policy(&ledger, 2, 50000, NULL) == -ESTALE &&
              ledger_policy(&ledger, 1, 50000, NULL) == -ESTALE && ledger.budget.cap == 500,
          "brings an earlier policy: refused");
    CHECK(ledger_policy(&ledger, 3, DP_RHO_MAX + 1, NULL) == -EINVAL,
          "no cap is beyond all bounds");
    book.policy = 2;
    grant(1, 501);
    CHECK(bring_refused(LEDGER_CAP), "gets a lease beyond the policy's cap: refused");
    grant(1, 400);
    REQUIRE(bring(&ledger, 5, 5) == 0);
    grant(1, 101);
    CHECK(bring_refused(LEDGER_CAP), "adds leases up beyond the cap: refused");
    CHECK(ledger.left == 400, "the lease that is there stays");
    REQUIRE(ledger_policy(&ledger, 3, 500, NULL) == 0);
    CHECK(debit_refused(7, 1, LEDGER_NO_LEASE), "a new policy voids the lease");
    make();
    grant(1, 10);
    ledger.head.time += 86401;
    CHECK(bring_refused(LEDGER_EXPIRED), "keeps a lease back until it is over: refused");
    ledger.head.time = NOW + LEDGER_WINDOW_S;
    CHECK(bring_refused(LEDGER_WINDOW), "brings a lease of last week: refused");
    ledger.head.time = NOW - LEDGER_WINDOW_S;
    CHECK(bring_refused(LEDGER_WINDOW), "turns the clock back to another week: refused");
    ledger.head.time = NOW;
    REQUIRE(bring(&ledger, 5, 5) == 0);
    ledger.lease.not_after = UINT64_MAX;
    ledger.head.time = NOW + LEDGER_WINDOW_S;
    CHECK(debit_refused(7, 1, LEDGER_WINDOW), "spends last week's lease this week: refused");
    struct query_hash boot = hash_of(1);
    struct writer w = writer_of(lease_bytes, sizeof lease_bytes);
    CHECK(lease_grant(&book, &boot, 1, UINT64_MAX, &owner, &w, NULL) == -EINVAL &&
              lease_grant(&book, &boot, 1, QUERY_TIME_MAX, &owner, &w, NULL) == -EINVAL,
          "no lease is for ever");
    struct writer none = writer_of(NULL, 0);
    uint64_t spent = book.budget.spent;
    CHECK(lease_grant(&book, &boot, 1, 60, &owner, &none, NULL) == -ENOSPC &&
              book.budget.spent == spent + 1,
          "a lease that could not be written has been counted");
}

/* A phone of somebody's own making signs a lease whose cost is written like this. */
static void grant_written(const char *rho, size_t size)
{
    static const uint8_t head[] = "\xa9\x63rho\x19\x03\xe8";
    static uint8_t body[LEASE_MAX + 16];
    grant(1, 1000);
    const uint8_t *at = memmem(sent.data, sent.size, head, 8);
    REQUIRE(at != NULL && at[-2] == 0x58); /* a byte string of at[-1] bytes */
    size_t rest = at[-1] - 8u;
    memcpy(body, at, 5);
    memcpy(body + 5, rho, size);
    memcpy(body + 5 + size, at + 8, rest);
    struct writer w = writer_of(lease_bytes, sizeof lease_bytes);
    REQUIRE(query_signed_make("alcove-lease-1", BYTES(body, 5 + size + rest), &owner, &w, NULL) ==
            0);
    sent = BYTES(lease_bytes, w.size);
}

static void written(void)
{
#define RHO(bytes) bytes, sizeof bytes - 1
    static const struct {
        const char *what, *bytes;
        size_t size;
    } bad[] = {{"that is no number", RHO("\xf9\x7e\x00")},
               {"without end", RHO("\xf9\x7c\x00")},
               {"of a half", RHO("\xf9\x38\x00")},
               {"of one, as a fraction", RHO("\xf9\x3c\x00")},
               {"of -1", RHO("\x20")},
               {"of -2^64", RHO("\x3b\xff\xff\xff\xff\xff\xff\xff\xff")},
               {"of 0", RHO("\x00")},
               {"of 100 and a millionth", RHO("\x1a\x05\xf5\xe1\x01")},
               {"of 2^64 - 1", RHO("\x1b\xff\xff\xff\xff\xff\xff\xff\xff")},
               {"in a longer form", RHO("\x1a\x00\x00\x03\xe8")}};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        make();
        grant_written(bad[i].bytes, bad[i].size);
        CHECK(bring_refused(LEDGER_FORMAT), "signs a lease with a cost %s: refused", bad[i].what);
    }
    make();
    grant_written(RHO("\x19\x03\xe8"));
    CHECK(bring(&ledger, 5, 5) == 0 && ledger.left == 1000, "with a cost as it must be: taken");
#undef RHO
}

static void costs(void)
{
    const uint64_t bad[] = {0, DP_RHO_MAX + 1, UINT64_MAX, (uint64_t)-1, (uint64_t)INT64_MIN};
    make();
    grant(1, 1000);
    REQUIRE(bring(&ledger, 5, 5) == 0);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        CHECK(debit_refused(7, bad[i], LEDGER_COST), "sends a cost of %llu: refused",
              (unsigned long long)bad[i]);
    }
    CHECK(debit_refused(7, 1001, LEDGER_OVERSPENT), "asks for one millionth too much: refused");
    CHECK(debit(7, 600) == 0 && debit_refused(8, 600, LEDGER_OVERSPENT),
          "races two queries for one budget: one of them is answered");
    struct query_hash id = hash_of(9);
    CHECK(ledger_debit(&ledger, &id, NOW, 1, &reason, NULL) == -EACCES && reason == LEDGER_LATE,
          "asks after the deadline: refused");
    CHECK(ledger_debit(&ledger, &id, UINT64_MAX, 1, &reason, NULL) == -EACCES &&
              reason == LEDGER_LATE,
          "asks without a deadline: refused");
}

static void many(void)
{
    unsigned failed = 0;
    make();
    grant(1, 50000);
    REQUIRE(bring(&ledger, 5, 5) == 0);
    for (unsigned i = 0; i < LEDGER_ANSWERED_MAX; i++) {
        failed += debit((i * 7919) % 4096 + 5, 1) != 0;
    }
    CHECK(failed == 0 && ledger.answered_count == LEDGER_ANSWERED_MAX, "many queries are answered");
    CHECK(debit_refused(60000, 1, LEDGER_FULL), "crowds out answered queries: refused instead");
    unsigned again = 0;
    for (unsigned i = 0; i < LEDGER_ANSWERED_MAX; i++) {
        again += !debit_refused((i * 7919) % 4096 + 5, 1, LEDGER_ANSWERED);
    }
    CHECK(again == 0, "none of them is answered twice");
    size_t size = store();
    other = ledger;
    restart(size, 2);
    other.has_lease = false;
    CHECK(size <= LEDGER_SIZE_MAX && ledger.answered_count == LEDGER_ANSWERED_MAX &&
              memcmp(ledger.answered, other.answered, sizeof other.answered) == 0 &&
              memcmp(&ledger.budget, &other.budget, sizeof other.budget) == 0,
          "the fullest ledger has %zu bytes and comes back", size);
    unsigned taken = 0;
    struct query_hash boot = hash_of(1);
    for (size_t n = 0; n < 600; n++) {
        taken += ledger_decode(BYTES(stored, n), &boot, &other, NULL) == 0;
    }
    stored[size] = 0;
    taken += ledger_decode(BYTES(stored, size + 1), &boot, &other, NULL) == 0;
    taken += ledger_decode(BYTES(stored, size - 1), &boot, &other, NULL) == 0;
    CHECK(taken == 0 && other.answered_count == 0, "a ledger that was cut off is refused");
}

static void forgets(void)
{
    make();
    grant(1, 50000);
    REQUIRE(bring(&ledger, 5, 5) == 0);
    for (unsigned i = 0; i < LEDGER_ANSWERED_MAX; i++) {
        REQUIRE(debit(i, 1) == 0);
    }
    ledger.head.time = NOW + 3600;
    struct query_hash id = hash_of(60000), old = hash_of(5);
    CHECK(ledger_debit(&ledger, &id, NOW + 7200, 1, &reason, NULL) == 0 &&
              ledger.answered_count == 1,
          "queries whose deadline has passed are forgotten");
    CHECK(ledger_debit(&ledger, &old, NOW + 3600, 1, &reason, NULL) == -EACCES &&
              reason == LEDGER_LATE,
          "asks a forgotten query again: too late");
    struct writer none = writer_of(NULL, 0);
    CHECK(ledger_encode(&ledger, &none, NULL) == -ENOSPC, "no room, no ledger");
    ledger.budget.lifetime = 0;
    size_t size = store();
    CHECK(ledger_decode(BYTES(stored, size), &id, &other, NULL) == -EINVAL,
          "a week cannot cost more than a lifetime");
}

static void unsorted(void)
{
    make();
    grant(1, 100);
    REQUIRE(bring(&ledger, 5, 5) == 0 && debit(1, 1) == 0 && debit(2, 1) == 0);
    struct ledger_answered first = ledger.answered[0];
    struct query_hash boot = hash_of(1);
    ledger.answered[0] = ledger.answered[1];
    size_t size = store();
    CHECK(ledger_decode(BYTES(stored, size), &boot, &other, NULL) == -EINVAL,
          "a query stands in the ledger once");
    ledger.answered[1] = first;
    size = store();
    CHECK(ledger_decode(BYTES(stored, size), &boot, &other, NULL) == -EINVAL, "and in its place");
    ledger.answered_count = 0;
    ledger.ack_count = 2;
    ledger.acks[0] = ledger.acks[1] = (struct volume_state){4, hash_of(4)};
    size = store();
    CHECK(ledger_decode(BYTES(stored, size), &boot, &other, NULL) == -EINVAL,
          "acknowledged states have different numbers");
}

static void names(void)
{
    bool all = true;
    for (int i = 1; i < LEDGER_REASONS; i++) {
        all = all && ledger_reason_text((enum ledger_reason)i) != NULL &&
              ledger_reason_explain((enum ledger_reason)i) != NULL;
    }
    CHECK(all && ledger_reason_text(LEDGER_REASONS) == NULL &&
              ledger_reason_explain(LEDGER_REASONS) == NULL,
          "each reason has a name and an explanation");
}

int main(void)
{
    make_keys();
    a_week();
    later_head();
    restarts();
    clones();
    rollback();
    acknowledgements();
    replays();
    forgeries();
    logs();
    policies_and_times();
    costs();
    written();
    many();
    forgets();
    unsorted();
    names();
    return tap_done();
}
