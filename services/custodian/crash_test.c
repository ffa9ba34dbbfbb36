/* SPDX-License-Identifier: Apache-2.0 */
/* The custodian stops at each commit of each operation: right before it, right after it, or because
 * the volume is full. Started again, it is as before the operation or as after it; nothing that was
 * acknowledged is lost, nothing is charged twice, and what was accepted was charged. */
#include "test_world.h"

#include "tests/tap.h"

#include <string.h>

static struct world w;
static struct asking a;
static uint8_t scratch[1024];

#define DAY 20001
#define RHO 300000

/* ---- operations: each says whether it was acknowledged --------------------------------------- */

static bool op_claim(void)
{
    return phone_claim(&w) == WIRE_CODE_OK;
}
static bool op_unlock(void)
{
    return phone_unlock(&w) == WIRE_CODE_OK;
}
static bool op_grant(void)
{
    return phone_grant(&w, RHO) == WIRE_CODE_OK;
}
static bool op_upload(void)
{
    return phone_upload(&w, DAY + 1, BYTES_STR("ran")) == WIRE_CODE_OK;
}
static bool op_replace(void)
{
    return phone_upload(&w, DAY, BYTES_STR("ran")) == WIRE_CODE_OK;
}
static bool op_policy(void)
{
    w.policy.cap = 1900000;
    return phone_policy(&w) == WIRE_CODE_OK;
}
static bool op_pause(void)
{
    return phone_order(&w, WIRE_ORDER_PAUSE, 0, 0, 0) == WIRE_CODE_OK;
}
static bool op_withdraw(void)
{
    return phone_order(&w, WIRE_ORDER_WITHDRAW, 0, 0, 0) == WIRE_CODE_OK;
}
static bool op_delete(void)
{
    return phone_order(&w, WIRE_ORDER_DELETE, 0, 0, 0) == WIRE_CODE_OK;
}
static bool op_advance(void)
{
    const struct query_log_leaf leaf = {.kind = QUERY_LOG_QUERY, .query = {{3}}};
    (void)log_add(&w, &leaf);
    return log_advance(&w) == WIRE_held;
}
static bool op_accept(void)
{
    return asking_invite(&w, &a);
}
static bool op_decline(void)
{
    struct wire_invite garbage = a.invite;
    garbage.document = BYTES_STR("?");
    return ask(&w, WIRE_invite, &garbage) == WIRE_invited;
}
static bool op_process(void)
{
    struct working k;
    bool good = working_make(&w, &k) == 1 && working_hello(&w, &k);
    k.result.out = BYTES(scratch, reply_processed(BYTES_STR("2 trips"), scratch, sizeof scratch));
    good = good && working_end(&w, &k) == WIRE_done;
    working_free(&k);
    return good;
}
static bool op_fail(void)
{
    struct working k;
    bool good = working_make(&w, &k) == 1 && working_hello(&w, &k);
    k.result.err = BYTES_STR("Traceback");
    good = good && working_end(&w, &k) == WIRE_done;
    working_free(&k);
    return good;
}
static bool op_collect(void)
{
    int64_t vector[3];
    w.own.clock_ms += a.doc.run_ms;
    return asking_collect(&w, &a, vector);
}

/* ---- moments --------------------------------------------------------------------------------- */

/* Where each begins: a day is there, a lease, and a query that could be asked. */
static void at_ready(void)
{
    world_ready(&w, RHO);
    REQUIRE(phone_upload(&w, DAY, BYTES_STR("walked")) == WIRE_CODE_OK);
    asking_make(&w, 1, &a);
}
static void at_started(void)
{
}
static void at_restart(void)
{
    at_ready();
    world_boot(&w);
}
static void at_accepted(void)
{
    at_ready();
    REQUIRE(asking_invite(&w, &a));
}

static const struct {
    const char *name;
    void (*begin)(void);
    bool (*act)(void);
} operations[] = {
    {"a claim", at_started, op_claim},
    {"an unlock", at_restart, op_unlock},
    {"a lease", at_ready, op_grant},
    {"an upload", at_ready, op_upload},
    {"another upload of a day", at_ready, op_replace},
    {"a policy", at_ready, op_policy},
    {"a pause", at_ready, op_pause},
    {"a withdrawal", at_ready, op_withdraw},
    {"deleting everything", at_ready, op_delete},
    {"a head of the log", at_ready, op_advance},
    {"a query that is accepted", at_ready, op_accept},
    {"a query that is declined", at_ready, op_decline},
    {"a day's processing", at_ready, op_process},
    {"a day's failure", at_ready, op_fail},
    {"a contribution", at_accepted, op_collect},
};

/* ---- what can be seen of it ------------------------------------------------------------------ */

struct look {
    uint64_t unlocks; /* code */
    uint64_t paused, withdrawn, policy, cap, spent, days, processed, pending, events, head;
    uint64_t raw, out, sent, cost;
};

/* After a start. */
static struct look look(void)
{
    static struct wire_days days;
    struct look l;
    memset(&l, 0, sizeof l);
    world_boot(&w);
    l.unlocks = phone_unlock(&w);
    if (l.unlocks != WIRE_CODE_OK) {
        return l;
    }
    struct wire_state s = phone_state(&w);
    l = (struct look){.unlocks = l.unlocks,
                      .paused = s.paused,
                      .withdrawn = s.withdrawn,
                      .policy = s.policy,
                      .cap = s.cap,
                      .spent = s.spent,
                      .days = s.days,
                      .processed = s.processed,
                      .pending = s.pending,
                      .events = s.events,
                      .head = w.last.head_size};
    REQUIRE(phone_order(&w, WIRE_ORDER_DAYS, 0, 0, 0) == WIRE_CODE_OK &&
            wire_read_days(w.last.body, &days, NULL) == 0);
    for (size_t i = 0; i < days.days_count; i++) {
        l.raw += days.days[i].raw;
        l.out += days.days[i].processed + 100 * days.days[i].failed;
    }
    if (s.events > 0) {
        struct wire_event e = phone_event(&w);
        l.sent = e.sent;
        l.cost = e.cost;
    }
    return l;
}

static bool equal(const struct look *x, const struct look *y)
{
    return memcmp(x, y, sizeof *x) == 0;
}

static void begin(size_t i)
{
    asking_free(&a);
    memset(&a.evidence, 0, sizeof a.evidence);
    world_make(&w);
    operations[i].begin();
}

/* Whoever was told that a query was accepted finds it charged. */
static bool charged(bool accepted, enum crash crash)
{
    REQUIRE(phone_grant(&w, RHO) == WIRE_CODE_OK);
    bool again = asking_invite(&w, &a); /* not, if it was charged before */
    return again == (!accepted && crash != CRASH_AFTER);
}

static bool stops_at(size_t i, uint64_t k, enum crash crash, const struct look *before,
                     const struct look *after, bool *ret_reached)
{
    begin(i);
    w.volume.crash_at = w.volume.changes + k;
    w.volume.crash = crash;
    bool acknowledged = operations[i].act();
    *ret_reached = w.volume.changes >= w.volume.crash_at;
    if (!*ret_reached) {
        world_free(&w);
        return acknowledged;
    }
    bool good = true;
    if (crash == CRASH_FULL) { /* it goes on */
        w.volume.crash = CRASH_NONE;
        good = operations[i].act == op_claim || operations[i].act == op_unlock ||
               operations[i].act == op_delete || phone_state(&w).policy > 0;
    } else { /* nothing more is tried */
        uint64_t tries = w.volume.changes;
        struct wire_work work;
        memset(&work, 0, sizeof work);
        (void)ask(&w, WIRE_work, &work);
        (void)phone_order(&w, WIRE_ORDER_RESUME, 0, 0, 0);
        good = w.volume.changes == tries;
    }
    struct look now = look();
    bool is_before = equal(&now, before), is_after = equal(&now, after);
    /* Deleting is done with its first commit, and says so, whatever its cleaning up comes to. */
    bool may_say = operations[i].act == op_delete && k > 1;
    good = good && (is_before || is_after) && (!acknowledged || is_after) &&
           (!acknowledged || may_say || crash == CRASH_FULL);
    if (operations[i].act == op_accept && now.unlocks == WIRE_CODE_OK) {
        good = good && charged(acknowledged, crash);
    }
    if (!good) {
        printf("# %s, commit %llu, %s: acknowledged %d, as before %d, as after %d\n",
               operations[i].name, (unsigned long long)k,
               crash == CRASH_BEFORE  ? "before"
               : crash == CRASH_AFTER ? "after"
                                      : "full",
               acknowledged, is_before, is_after);
    }
    world_free(&w);
    return good;
}

static void test_operation(size_t i)
{
    static const enum crash crashes[] = {CRASH_BEFORE, CRASH_AFTER, CRASH_FULL};
    uint64_t commits = 0;
    begin(i);
    struct look before = look();
    world_free(&w);
    begin(i);
    bool good = operations[i].act();
    struct look after = look();
    world_free(&w);
    for (size_t c = 0; c < 3; c++) {
        bool reached = true;
        for (uint64_t k = 1; reached; k++) {
            good = stops_at(i, k, crashes[c], &before, &after, &reached) && good;
            commits += reached;
        }
    }
    CHECK(good && commits >= 3, "%s: stopped at %llu moments, it happened or it did not",
          operations[i].name, (unsigned long long)commits);
}

/* ---- a life with many crashes ---------------------------------------------------------------- */

static uint64_t state = 20261122;
static uint64_t pick(uint64_t n)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (state >> 33) % n;
}

static uint8_t kept[4][2]; /* content of days that was acknowledged, and was tried since */

static bool content_is_known(uint64_t day)
{
    struct wire_file file;
    uint64_t code = phone_order(&w, WIRE_ORDER_GET, DAY + day, 0, 0);
    if (code == WIRE_CODE_NOT_FOUND) {
        return kept[day][0] == 0;
    }
    bool good = code == WIRE_CODE_OK && wire_read_file(w.last.body, &file, NULL) == 0 &&
                file.data.size == 1 &&
                (file.data.data[0] == kept[day][0] || file.data.data[0] == kept[day][1]);
    if (good) {
        kept[day][0] = file.data.data[0];
    }
    return good;
}

static void test_many(void)
{
    uint64_t crashes = 0, uploads = 0;
    bool good = true;
    world_make(&w);
    REQUIRE(phone_claim(&w) == WIRE_CODE_OK);
    for (uint64_t step = 1; step <= 400 && good; step++) {
        uint64_t day = pick(4);
        uint8_t content = (uint8_t)(1 + step % 250);
        w.volume.crash_at = w.volume.changes + 1 + pick(4);
        w.volume.crash = pick(3) == 0 ? (pick(2) == 0 ? CRASH_BEFORE : CRASH_AFTER) : CRASH_NONE;
        kept[day][1] = content;
        if (phone_upload(&w, DAY + day, BYTES_OF(content)) == WIRE_CODE_OK) {
            kept[day][0] = content;
            uploads++;
        }
        if (w.volume.crashed || pick(9) == 0) {
            crashes++;
            world_boot(&w);
            good = phone_unlock(&w) == WIRE_CODE_OK;
        }
        w.volume.crash = CRASH_NONE;
        for (uint64_t i = 0; i < 4 && good; i++) {
            good = content_is_known(i);
        }
    }
    CHECK(good && crashes > 50 && uploads > 100,
          "%llu stops among %llu uploads lose nothing that was acknowledged",
          (unsigned long long)crashes, (unsigned long long)uploads);
    world_free(&w);
}

int main(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(operations); i++) {
        test_operation(i);
    }
    test_many();
    asking_free(&a);
    return tap_done();
}
