/* SPDX-License-Identifier: Apache-2.0 */
/* A custodian's life with its owner and its workers, natively: claimed, filled, read, restarted,
 * rolled back, cloned, deleted; and what each of them is refused. */
#include "test_world.h"

#include "abi/evidence.h"
#include "tests/tap.h"

#include <string.h>

static struct world w;
static uint8_t scratch[1u << 19];

#define DAY 20001

static bool is_text(struct bytes b, const char *text)
{
    return bytes_equal(b, BYTES(text, strlen(text)));
}

static bool is_zero(const uint8_t *data, size_t size)
{
    uint8_t any = 0;
    for (size_t i = 0; i < size; i++) {
        any |= data[i];
    }
    return any == 0;
}

static struct bytes processed(const char *text)
{
    return BYTES(scratch, reply_processed(BYTES(text, strlen(text)), scratch, sizeof scratch));
}

/* ---- evidence -------------------------------------------------------------------------------- */

static struct binding_result judged;

/* Verifies what `attest` gives, as a phone does. */
static bool attested(const struct wire_attest *attest, enum binding_expect_owner owner)
{
    static uint8_t file[1u << 17];
    struct wire_evidence evidence;
    struct trusted trusted;
    struct query_hash id;
    struct binding_expectation expected = {
        .purpose = BINDING_PURPOSE_CUSTODIAN,
        .owner_mode = owner,
        .fresh_mode = attest->nonce.size > 0 ? BINDING_EXPECT_NONCE : BINDING_EXPECT_AGE,
        .nonce = attest->nonce,
        .max_age_s = 10,
        .clock_skew_s = 1,
        .context = {.mode = ALCOVE_EXPECT_VALUE}};
    if (ask(&w, WIRE_attest, attest) != WIRE_evidence ||
        wire_read_evidence(service_buffer_bytes(&w.answer), &evidence, NULL) != 0 ||
        query_key_id(&w.owner.key, &id) != 0) {
        return false;
    }
    memcpy(expected.owner, id.data, sizeof expected.owner);
    memcpy(file, evidence.evidence.data, evidence.evidence.size);
    if (trust_service(BYTES(file, evidence.evidence.size), w.policy.roots, 1, NULL, &expected,
                      FORGE_NOW, &trusted, NULL) != 0) {
        return false;
    }
    judged.binding = trusted.binding;
    return memcmp(trusted.peer.mrenclave, w.own.mrenclave, 32) == 0;
}

static void test_attest(void)
{
    struct wire_attest attest = {.nonce = BYTES_STR("sixteen or more.")};
    world_make(&w);
    CHECK(attested(&attest, BINDING_OWNER_NONE) && hpke_public_equal(&judged.binding.key, &w.boot),
          "who is nobody's yet says so, and names its key");
    attest.nonce.size = 0;
    CHECK(attested(&attest, BINDING_OWNER_NONE), "without a nonce it says when");
    attest.nonce.size = 15;
    CHECK(ask(&w, WIRE_attest, &attest) == WIRE_refused && refusal(&w) == WIRE_CODE_FORMAT,
          "a nonce that is too short is refused");
    attest.nonce.size = 16;
    CHECK(phone_claim(&w) == WIRE_CODE_OK && attested(&attest, BINDING_OWNER_VALUE),
          "claimed, it names its owner");
    struct hpke_public_key before = w.boot;
    world_boot(&w);
    CHECK(!hpke_public_equal(&before, &w.boot), "each start has a key of its own");
    w.own.no_quotes = true;
    CHECK(ask(&w, WIRE_attest, &attest) == WIRE_refused && refusal(&w) == WIRE_CODE_INTERNAL,
          "where nobody quotes it says so");
    world_free(&w);
}

/* ---- claiming and opening -------------------------------------------------------------------- */

static void test_claim(void)
{
    struct hpke_private_key stranger;
    struct wire_claim claim = {.policy = BYTES_STR("?")};
    uint8_t id[32];
    world_make(&w);
    REQUIRE(hpke_private_make(HPKE_KEM_X25519, &stranger) == 0);
    const struct wire_order order = {.what = WIRE_ORDER_STATE};
    CHECK(phone_send(&w, MESSAGE_KIND_COMMAND, WIRE_order, &order) == WIRE_CODE_LOCKED,
          "before it is open, an order is told that it is locked");
    memcpy(claim.owner_key, w.owner.key.point, sizeof claim.owner_key);
    CHECK(phone_send(&w, MESSAGE_KIND_CLAIM, WIRE_claim, &claim) == WIRE_CODE_POLICY,
          "a claim with a policy that is none is refused");
    claim.owner_key[0] = 3;
    CHECK(phone_send(&w, MESSAGE_KIND_CLAIM, WIRE_claim, &claim) == WIRE_CODE_FORMAT,
          "one with an owner's key that is none, too");
    phone_seal(&w, NULL, MESSAGE_KIND_CLAIM, WIRE_claim, &claim, id);
    CHECK(phone_deliver(&w, &w.message, id, BYTES(NULL, 0)) == WIRE_CODE_COUNT &&
              refusal(&w) == WIRE_CODE_MESSAGE,
          "a claim that nobody vouches for does not open");
    CHECK(!w.volume.disk.used, "nothing of this was stored");
    CHECK(phone_unlock(&w) == WIRE_CODE_STATE, "nobody's custodian cannot be unlocked");
    CHECK(phone_claim(&w) == WIRE_CODE_OK && w.last.sequence > 0 &&
              !is_zero(w.last.root, sizeof w.last.root),
          "the first claim counts, and its answer says what was stored");
    CHECK(phone_claim(&w) == WIRE_CODE_OWNED, "a second claim is refused");
    memcpy(claim.owner_key, w.owner.key.point, sizeof claim.owner_key);
    phone_seal(&w, &stranger, MESSAGE_KIND_CLAIM, WIRE_claim, &claim, id);
    CHECK(phone_deliver(&w, &stranger, id, BYTES(NULL, 0)) == WIRE_CODE_OWNED, "a stranger's too");
    phone_seal(&w, &stranger, MESSAGE_KIND_COMMAND, WIRE_order, &order, id);
    CHECK(phone_deliver(&w, &stranger, id, BYTES(NULL, 0)) == WIRE_CODE_COUNT &&
              refusal(&w) == WIRE_CODE_MESSAGE,
          "a stranger's order does not open");
    phone_seal(&w, &w.message, MESSAGE_KIND_COMMAND, WIRE_grant,
               &(struct wire_grant){.lease = BYTES_STR("x")}, id);
    CHECK(phone_deliver(&w, &w.message, id, BYTES(NULL, 0)) == WIRE_CODE_FORMAT,
          "a body of another kind is refused");
    world_boot(&w);
    CHECK(phone_claim(&w) == WIRE_CODE_OWNED, "after a restart it has its owner still");
    memset(w.secret, 1, sizeof w.secret);
    world_boot(&w);
    CHECK(phone_claim(&w) == WIRE_CODE_OWNED, "also for who brings another secret");
    world_free(&w);
}

static void test_unlock(void)
{
    struct hpke_private_key stranger;
    struct wire_unlock unlock = {.sequence = 0};
    uint8_t id[32];
    world_make(&w);
    world_ready(&w, 1000);
    REQUIRE(phone_upload(&w, DAY, BYTES_STR("walked")) == WIRE_CODE_OK);
    world_boot(&w);
    CHECK(phone_order(&w, WIRE_ORDER_STATE, 0, 0, 0) == WIRE_CODE_LOCKED,
          "started again it is locked");
    w.secret[3] ^= 1;
    CHECK(phone_unlock(&w) == WIRE_CODE_KEY, "another secret does not open it");
    w.secret[3] ^= 1;
    REQUIRE(hpke_private_make(HPKE_KEM_X25519, &stranger) == 0);
    memcpy(unlock.owner_key, w.owner.key.point, sizeof unlock.owner_key);
    memcpy(unlock.secret, w.secret, sizeof unlock.secret);
    phone_seal(&w, &stranger, MESSAGE_KIND_GRANT, WIRE_unlock, &unlock, id);
    CHECK(phone_deliver(&w, &stranger, id, BYTES(NULL, 0)) == WIRE_CODE_NOT_OWNER,
          "who has the secret and not the key is not the owner");
    unlock.owner_key[40] ^= 1;
    CHECK(phone_send(&w, MESSAGE_KIND_GRANT, WIRE_unlock, &unlock) == WIRE_CODE_NOT_OWNER,
          "nor who names another owner");
    CHECK(phone_order(&w, WIRE_ORDER_STATE, 0, 0, 0) == WIRE_CODE_LOCKED, "it stays locked");
    w.secret[3] ^= 1;
    CHECK(phone_unlock(&w) == WIRE_CODE_KEY, "also for other secrets");
    w.secret[3] ^= 1;
    uint64_t before = w.book.acknowledged.sequence;
    CHECK(phone_unlock(&w) == WIRE_CODE_OK && w.book.acknowledged.sequence > before,
          "its owner unlocks it");
    CHECK(phone_unlock(&w) == WIRE_CODE_OK, "twice is no harm");
    struct wire_state s = phone_state(&w);
    CHECK(s.days == 1 && s.lease == 0 && s.policy == 1 && s.cap == w.policy.cap,
          "what was stored is there, and no lease");
    w.volume.damaged = true;
    world_boot(&w);
    CHECK(phone_unlock(&w) == WIRE_CODE_STORAGE, "a damaged volume is said to be");
    world_free(&w);
}

static void test_rollback(void)
{
    struct disk old, newest;
    world_make(&w);
    world_ready(&w, 1000);
    disk_copy(&w.volume.disk, &old);
    REQUIRE(phone_upload(&w, DAY, BYTES_STR("walked")) == WIRE_CODE_OK);
    disk_copy(&w.volume.disk, &newest);
    disk_free(&w.volume.disk);
    disk_copy(&old, &w.volume.disk);
    world_boot(&w);
    CHECK(phone_unlock(&w) == WIRE_CODE_ROLLED_BACK, "an older volume is noticed");
    CHECK(phone_order(&w, WIRE_ORDER_STATE, 0, 0, 0) == WIRE_CODE_LOCKED, "and stays closed");
    disk_free(&w.volume.disk);
    disk_copy(&newest, &w.volume.disk);
    CHECK(phone_unlock(&w) == WIRE_CODE_OK, "the newest opens");

    /* The operator goes on from the older one until its number is higher: without a minimum, which
     * who has lost the phone would do. The lease tells. */
    struct volume_state known = w.book.acknowledged;
    disk_free(&w.volume.disk);
    disk_copy(&old, &w.volume.disk);
    world_boot(&w);
    w.book.acknowledged = (struct volume_state){0};
    REQUIRE(phone_unlock(&w) == WIRE_CODE_OK);
    for (int i = 0; i < 5; i++) {
        REQUIRE(phone_order(&w, WIRE_ORDER_PAUSE, 0, 0, 0) == WIRE_CODE_OK);
    }
    w.book.acknowledged = known;
    CHECK(w.volume.disk.state.sequence > known.sequence && phone_grant(&w, 500) == WIRE_CODE_LEASE,
          "one that was continued from an older state gets no lease");
    CHECK(phone_unlock(&w) == WIRE_CODE_ROLLED_BACK && phone_grant(&w, 500) == WIRE_CODE_LEASE,
          "however high its number is, it says so when the phone asks how far it has come");
    world_boot(&w);
    CHECK(phone_unlock(&w) == WIRE_CODE_ROLLED_BACK &&
              phone_order(&w, WIRE_ORDER_STATE, 0, 0, 0) == WIRE_CODE_LOCKED,
          "and started again it stays closed");
    w.book.acknowledged = (struct volume_state){0};
    REQUIRE(phone_unlock(&w) == WIRE_CODE_OK);
    w.book.acknowledged = known;
    w.volume.disk.state.sequence = 0;
    CHECK(phone_unlock(&w) == WIRE_CODE_ROLLED_BACK,
          "an open one that lacks what the phone knows is told so");
    disk_free(&w.volume.disk);
    disk_free(&old);
    disk_free(&newest);
    world_boot(&w);
    CHECK(phone_unlock(&w) == WIRE_CODE_ROLLED_BACK, "an empty volume too is an older one");
    world_free(&w);
}

/* ---- days ------------------------------------------------------------------------------------ */

static struct wire_days days;

static bool first_day(struct wire_day *ret)
{
    bool good = phone_order(&w, WIRE_ORDER_DAYS, 0, 0, 0) == WIRE_CODE_OK &&
                wire_read_days(w.last.body, &days, NULL) == 0 && days.days_count > 0;
    *ret = good ? days.days[0] : (struct wire_day){.day = 0};
    return good;
}

static bool file_is(uint64_t day, uint64_t stage, const char *text)
{
    struct wire_file file;
    return phone_order(&w, WIRE_ORDER_GET, day, stage, 0) == WIRE_CODE_OK &&
           wire_read_file(w.last.body, &file, NULL) == 0 && file.day == day &&
           file.stage == stage && is_text(file.data, text);
}

static void test_days(void)
{
    struct wire_day day;
    world_make(&w);
    world_ready(&w, 1000);
    CHECK(phone_upload(&w, 1, BYTES_STR("x")) == WIRE_CODE_FORMAT, "no day is before 2000");
    CHECK(phone_upload(&w, DAY, BYTES_STR("walked")) == WIRE_CODE_OK && w.work &&
              w.last.sequence > 0,
          "a day is stored, and there is work");
    CHECK(first_day(&day) && day.day == DAY && day.raw == 6 && day.processed == 0 && !day.failed,
          "it is listed");
    CHECK(w.last.sequence == 0 && is_zero(w.last.root, 32), "reading acknowledges nothing");
    CHECK(file_is(DAY, 0, "walked"), "it can be had as it was");
    CHECK(phone_order(&w, WIRE_ORDER_GET, DAY, 1, 0) == WIRE_CODE_NOT_FOUND,
          "and not processed yet");
    CHECK(phone_order(&w, WIRE_ORDER_GET, DAY + 1, 0, 0) == WIRE_CODE_NOT_FOUND,
          "another day is not found");
    CHECK(working_run(&w, processed("2 trips")) && file_is(DAY, 1, "2 trips"),
          "a worker processes it");
    CHECK(first_day(&day) && day.processed == 7 && !day.failed && !w.work, "that is listed too");
    CHECK(phone_state(&w).processed == 1, "and counted");
    CHECK(phone_upload(&w, DAY, BYTES_STR("ran")) == WIRE_CODE_OK && file_is(DAY, 0, "ran") &&
              phone_order(&w, WIRE_ORDER_GET, DAY, 1, 0) == WIRE_CODE_NOT_FOUND,
          "uploaded again it replaces what was there");
    for (uint64_t i = 0; i < WIRE_PAGE_MAX + 3; i++) {
        REQUIRE(phone_upload(&w, DAY + i, BYTES_STR("x")) == WIRE_CODE_OK);
    }
    bool paged = phone_order(&w, WIRE_ORDER_DAYS, 0, 0, WIRE_PAGE_MAX) == WIRE_CODE_OK &&
                 wire_read_days(w.last.body, &days, NULL) == 0;
    CHECK(paged && days.total == WIRE_PAGE_MAX + 3 && days.days_count == 3 &&
              days.days[2].day == DAY + WIRE_PAGE_MAX + 2,
          "long lists come in pages");
    CHECK(phone_order(&w, WIRE_ORDER_DAYS, 0, 0, UINT32_MAX) == WIRE_CODE_OK &&
              wire_read_days(w.last.body, &days, NULL) == 0 && days.days_count == 0,
          "behind the end is nothing");
    world_boot(&w);
    CHECK(phone_unlock(&w) == WIRE_CODE_OK && file_is(DAY, 0, "x") &&
              phone_state(&w).days == WIRE_PAGE_MAX + 3,
          "all of it outlives the enclave");
    world_free(&w);
}

static void test_sizes(void)
{
    static uint8_t large[WIRE_DAY_MAX];
    world_make(&w);
    world_ready(&w, 1000);
    memset(large, 'x', sizeof large);
    CHECK(phone_upload(&w, DAY, BYTES_OF(large)) == WIRE_CODE_OK, "the largest day is taken");
    struct wire_file file;
    CHECK(phone_order(&w, WIRE_ORDER_GET, DAY, 0, 0) == WIRE_CODE_OK &&
              wire_read_file(w.last.body, &file, NULL) == 0 &&
              bytes_equal(file.data, BYTES_OF(large)),
          "and given back");
    struct working k;
    CHECK(working_make(&w, &k) == 1 && working_hello(&w, &k) && k.call.size > sizeof large,
          "and goes to a worker");
    working_free(&k);
    uint64_t code = WIRE_CODE_OK, taken = 1;
    for (; taken < 40 && code == WIRE_CODE_OK; taken++) {
        code = phone_upload(&w, DAY + taken, BYTES_OF(large));
    }
    CHECK(code == WIRE_CODE_STORAGE && taken > 10 && phone_state(&w).days == taken - 1,
          "when days fill their part of the volume, the next is refused");
    CHECK(phone_order(&w, WIRE_ORDER_PAUSE, 0, 0, 0) == WIRE_CODE_OK,
          "and everything else goes on");
    CHECK(phone_upload(&w, DAY, BYTES_STR("x")) == WIRE_CODE_OK, "a day that becomes smaller fits");
    const struct disk_file *small = disk_find(&w.volume.disk, "day-20001-raw");
    CHECK(small != NULL && small->size == 65536, "small days take as much as larger ones");
    world_free(&w);
}

/* ---- workers --------------------------------------------------------------------------------- */

/* A worker with one thing wrong gets no task. */
static bool turned_away(struct working *k)
{
    bool got = working_hello(&w, k);
    bool refused = !got && refusal(&w) == WIRE_CODE_WORKER;
    working_free(k);
    return refused && working_make(&w, k) == 0; /* the job is over, and not offered again */
}

static void again(struct working *k)
{
    world_boot(&w);
    REQUIRE(phone_unlock(&w) == WIRE_CODE_OK && working_make(&w, k) == 1);
}

static void test_wrong_workers(void)
{
    struct working k;
    struct wire_day day;
    struct hpke_private_key p256;
    world_make(&w);
    world_ready(&w, 1000);
    REQUIRE(phone_upload(&w, DAY, BYTES_STR("walked")) == WIRE_CODE_OK);
    REQUIRE(working_make(&w, &k) == 1);
    CHECK(memcmp(k.job.bundle, w.policy.process_bundle, 64) == 0 && k.job.run_ms > 0 &&
              !is_zero(k.job.nonce, 32),
          "a job names the worker and a nonce");
    k.body.mrenclave[0] ^= 1;
    CHECK(turned_away(&k), "a worker on another runtime gets nothing");
    CHECK(first_day(&day) && day.failed && day.failure.size > 0, "the owner is told");
    again(&k);
    k.body.configid[63] ^= 1;
    CHECK(turned_away(&k), "nor does another script");
    again(&k);
    k.body.attributes.flags |= SGX_FLAGS_DEBUG;
    CHECK(turned_away(&k), "nor one whose memory the host reads");
    again(&k);
    k.bad_mac = true;
    CHECK(turned_away(&k), "nor one that is not of this machine");
    again(&k);
    k.binding.nonce = BYTES_STR("an older nonce, of 32 bytes ...");
    CHECK(turned_away(&k), "nor one that answers another nonce");
    again(&k);
    k.body.reportdata[0] = 1;
    CHECK(turned_away(&k), "nor one whose REPORT is not about its key");
    again(&k);
    k.binding.has_owner = true;
    CHECK(turned_away(&k), "nor one that says it has an owner");
    again(&k);
    k.binding.context = BYTES_STR("context");
    CHECK(turned_away(&k), "nor one that is about something");
    again(&k);
    k.binding.purpose = BINDING_PURPOSE_CUSTODIAN;
    CHECK(turned_away(&k), "nor one that says it is a custodian");
    again(&k);
    REQUIRE(hpke_private_make(HPKE_KEM_P256, &p256) == 0);
    k.binding.key = p256.public_key;
    CHECK(turned_away(&k), "nor one with a key of another kind");
    again(&k);
    k.binding.signing = BINDING_SIGNING_ED25519;
    CHECK(turned_away(&k), "nor one that signs");
    again(&k);
    struct working other = k;
    other.job.nonce[0] ^= 1;
    CHECK(!working_hello(&w, &other) && refusal(&w) == WIRE_CODE_STATE,
          "a hello for no job is refused, and the job stays");
    CHECK(working_hello(&w, &k), "the right one gets its task");
    CHECK(!working_hello(&w, &other) && !working_hello(&w, &k) && refusal(&w) == WIRE_CODE_STATE,
          "once");
    working_free(&k);
    world_free(&w);
}

/* What a worker of a day says; what is listed then. */
static struct wire_day after(struct worker_result result)
{
    struct working k;
    struct wire_day day;
    REQUIRE(phone_upload(&w, DAY, BYTES_STR("walked")) == WIRE_CODE_OK &&
            working_make(&w, &k) == 1 && working_hello(&w, &k));
    k.result = result;
    REQUIRE(working_end(&w, &k) == WIRE_done && first_day(&day));
    working_free(&k);
    return day;
}

static void test_results(void)
{
    static const struct worker_result good = {.end = WORKER_END_STATUS, .complete = true};
    struct worker_result r = good;
    struct working k;
    struct wire_day day;
    world_make(&w);
    world_ready(&w, 1000);
    r.out = processed("");
    day = after(r);
    CHECK(!day.failed && day.processed == 0 && phone_state(&w).processed == 1,
          "an empty day is a processed day");
    r.out = BYTES_STR("trips");
    CHECK(after(r).failed, "what is no reply is a failure");
    const int64_t number = 1;
    r.out = BYTES(scratch, reply_vector(&number, 1, scratch, sizeof scratch));
    CHECK(after(r).failed, "a vector is no processed day");
    r.out = processed("2 trips");
    r.out.size--;
    CHECK(after(r).failed, "half a reply is a failure");
    r.out = processed("2 trips");
    r.value = 3;
    day = after(r);
    CHECK(day.failed && is_text(day.failure, "the script ended with status 3"),
          "another end than status 0 is a failure");
    r.err = BYTES_STR("Traceback \x1b[31m\xff: KeyError");
    day = after(r);
    CHECK(is_text(day.failure, "Traceback ?[31m?: KeyError"),
          "the owner reads what the script said, as harmless text");
    CHECK(phone_order(&w, WIRE_ORDER_GET, DAY, 1, 0) == WIRE_CODE_NOT_FOUND,
          "a failure is no processed day");
    const struct disk_file *out = disk_find(&w.volume.disk, "day-20001-out");
    CHECK(out != NULL && out->size == 65536, "on the disk a failure is as large as a success");
    world_boot(&w);
    REQUIRE(phone_unlock(&w) == WIRE_CODE_OK);
    CHECK(working_make(&w, &k) == 0 && first_day(&day) && day.failed,
          "a script that failed is not tried again");
    r = good;
    r.complete = false;
    CHECK(after(r).failed, "more than a result holds is a failure");
    r = good;
    static uint8_t much[PROCESSED_MAX + 1], text[PROCESSED_MAX + 256];
    r.out = BYTES(text, reply_processed(BYTES(much, sizeof much - 1), text, sizeof text));
    day = after(r);
    CHECK(!day.failed && day.processed == PROCESSED_MAX, "240 KiB are stored");
    r.out = BYTES(text, reply_processed(BYTES_OF(much), text, sizeof text));
    CHECK(after(r).failed, "one byte more is not");
    world_free(&w);
}

static void test_ends(void)
{
    struct working k;
    struct wire_day day;
    struct wire_worker_end end = {.message = BYTES(NULL, 0)};
    world_make(&w);
    world_ready(&w, 1000);
    REQUIRE(phone_upload(&w, DAY, BYTES_STR("walked")) == WIRE_CODE_OK);
    REQUIRE(working_make(&w, &k) == 1 && working_hello(&w, &k));
    struct working none;
    CHECK(working_make(&w, &none) == 0, "there is one job at a time");
    CHECK(ask(&w, WIRE_worker_end, &end) == WIRE_refused && refusal(&w) == WIRE_CODE_STATE,
          "the end of no job is refused");
    memcpy(end.nonce, k.job.nonce, sizeof end.nonce);
    CHECK(ask(&w, WIRE_worker_end, &end) == WIRE_done && first_day(&day) && day.failed,
          "a worker that ends without a word leaves its day undone");
    CHECK(working_make(&w, &none) == 0, "which is not offered again at once");
    REQUIRE(phone_policy(&w) == WIRE_CODE_OK);
    CHECK(w.work && working_make(&w, &none) == 1, "under a new policy it is");
    working_free(&k);
    REQUIRE(working_hello(&w, &none));
    none.result.out = processed("from another");
    struct hpke_private_key stranger;
    REQUIRE(hpke_private_make(HPKE_KEM_X25519, &stranger) == 0);
    none.key = stranger;
    CHECK(working_end(&w, &none) == WIRE_done && first_day(&day) && day.failed &&
              day.processed == 0,
          "a result that the worker did not send counts for nothing");
    working_free(&none);
    REQUIRE(phone_upload(&w, DAY, BYTES_STR("walked")) == WIRE_CODE_OK &&
            working_make(&w, &k) == 1 && working_hello(&w, &k) &&
            phone_upload(&w, DAY, BYTES_STR("ran")) == WIRE_CODE_OK);
    k.result.out = processed("old trips");
    CHECK(working_end(&w, &k) == WIRE_done && first_day(&day) && day.processed == 0 &&
              !day.failed && phone_state(&w).pending == 1,
          "what was made of a day that was replaced is not taken for the new one");
    working_free(&k);
    memset(w.policy.process_bundle, 0, 64);
    REQUIRE(phone_policy(&w) == WIRE_CODE_OK);
    CHECK(!w.work && working_make(&w, &k) == 0, "a policy without a script has no days processed");
    world_free(&w);
}

/* ---- orders ---------------------------------------------------------------------------------- */

static void test_replay(void)
{
    uint8_t id[32];
    world_make(&w);
    world_ready(&w, 1000);
    const struct wire_upload upload = {.day = DAY, .data = BYTES_STR("walked")};
    phone_seal(&w, &w.message, MESSAGE_KIND_UPLOAD, WIRE_upload, &upload, id);
    CHECK(phone_deliver(&w, &w.message, id, BYTES(NULL, 0)) == WIRE_CODE_OK, "a message is taken");
    uint64_t changes = w.volume.changes;
    CHECK(phone_deliver(&w, &w.message, id, BYTES(NULL, 0)) == WIRE_CODE_COUNT &&
              refusal(&w) == WIRE_CODE_MESSAGE && w.volume.changes == changes,
          "the same message again is not");
    world_boot(&w);
    REQUIRE(phone_unlock(&w) == WIRE_CODE_OK);
    CHECK(phone_deliver(&w, &w.message, id, BYTES(NULL, 0)) == WIRE_CODE_COUNT &&
              refusal(&w) == WIRE_CODE_MESSAGE,
          "nor after a restart");
    world_boot(&w);
    struct wire_unlock unlock = {.sequence = 0};
    memcpy(unlock.owner_key, w.owner.key.point, sizeof unlock.owner_key);
    memcpy(unlock.secret, w.secret, sizeof unlock.secret);
    phone_seal(&w, &w.message, MESSAGE_KIND_GRANT, WIRE_unlock, &unlock, id);
    CHECK(phone_deliver(&w, &w.message, id, BYTES(NULL, 0)) == WIRE_CODE_OK &&
              phone_deliver(&w, &w.message, id, BYTES(NULL, 0)) == WIRE_CODE_COUNT &&
              refusal(&w) == WIRE_CODE_MESSAGE,
          "nor the one that unlocked");
    w.sent.data[w.sent.size / 2] ^= 1;
    CHECK(phone_deliver(&w, &w.message, id, BYTES(NULL, 0)) == WIRE_CODE_COUNT &&
              refusal(&w) == WIRE_CODE_MESSAGE,
          "nor one that was changed");
    world_free(&w);
}

static void test_policy(void)
{
    world_make(&w);
    world_ready(&w, 1000);
    REQUIRE(phone_state(&w).lease == 1);
    w.policy.cap = 70000;
    CHECK(phone_policy(&w) == WIRE_CODE_OK && phone_state(&w).policy == 2 &&
              phone_state(&w).cap == 70000 && phone_state(&w).lease == 0,
          "a new policy voids the lease");
    w.policy.version = 1;
    CHECK(phone_policy(&w) == WIRE_CODE_POLICY, "an older one is refused");
    w.policy.log_key[64] ^= 1;
    CHECK(phone_policy(&w) == WIRE_CODE_POLICY, "one with a log's key that is none too");
    memcpy(w.policy.log_key, w.owner.key.point, sizeof w.policy.log_key);
    CHECK(phone_policy(&w) == WIRE_CODE_POLICY, "and one of another log");
    CHECK(phone_state(&w).policy == 2, "nothing of them stays");
    world_free(&w);
}

static void test_leases(void)
{
    world_make(&w);
    REQUIRE(phone_claim(&w) == WIRE_CODE_OK);
    CHECK(phone_grant(&w, 1000) == WIRE_CODE_OK && w.last.sequence > 0, "a lease is taken");
    struct wire_state s = phone_state(&w);
    CHECK(s.lease == 1 && s.lease_rho == 1000 && s.lease_left == 1000 && s.spent == 1000 &&
              s.time == w.log_time && s.lease_end == w.log_time + 86400,
          "and said");
    w.book.number--;
    CHECK(phone_grant(&w, 1000) == WIRE_CODE_LEASE, "the same number again is not");
    w.book.number = 5;
    w.book.budget.cap = DP_RHO_MAX;
    CHECK(phone_grant(&w, w.policy.cap) == WIRE_CODE_LEASE, "nor one beyond the policy's cap");
    struct hpke_public_key boot = w.boot;
    world_boot(&w);
    REQUIRE(phone_unlock(&w) == WIRE_CODE_OK);
    struct hpke_public_key now = w.boot;
    struct query_hash old_boot;
    uint8_t lease[LEASE_MAX], id[32];
    struct writer out = writer_of(lease, sizeof lease);
    struct query_signer signer = {query_sign_with, &w.owner};
    REQUIRE(hpke_public_id(&boot, old_boot.data) == 0 &&
            lease_grant(&w.book, &old_boot, 10, 100, &signer, &out, NULL) == 0);
    const struct wire_grant grant = {.lease = BYTES(lease, out.size)};
    w.boot = now;
    phone_seal(&w, &w.message, MESSAGE_KIND_GRANT, WIRE_grant, &grant, id);
    CHECK(phone_deliver(&w, &w.message, id, BYTES_STR("\x80")) == WIRE_CODE_LEASE,
          "nor one for an earlier boot");
    world_free(&w);
}

static void test_orders(void)
{
    world_make(&w);
    world_ready(&w, 1000);
    CHECK(phone_order(&w, WIRE_ORDER_PAUSE, 0, 0, 0) == WIRE_CODE_OK && w.last.sequence > 0 &&
              phone_state(&w).paused && phone_state(&w).lease == 1,
          "paused is paused, with its lease");
    world_boot(&w);
    CHECK(phone_unlock(&w) == WIRE_CODE_OK && phone_state(&w).paused, "also after a restart");
    CHECK(phone_order(&w, WIRE_ORDER_RESUME, 0, 0, 0) == WIRE_CODE_OK && !phone_state(&w).paused,
          "resumed is not");
    REQUIRE(phone_grant(&w, 1000) == WIRE_CODE_OK);
    CHECK(phone_order(&w, WIRE_ORDER_WITHDRAW, 0, 0, 0) == WIRE_CODE_OK &&
              phone_state(&w).withdrawn && phone_state(&w).lease == 0,
          "withdrawn drops the lease");
    CHECK(phone_order(&w, WIRE_ORDER_RESUME, 0, 0, 0) == WIRE_CODE_OK && phone_state(&w).withdrawn,
          "and is not resumed");
    CHECK(phone_policy(&w) == WIRE_CODE_OK && !phone_state(&w).withdrawn, "but by a new policy");
    world_free(&w);
}

static void test_delete(void)
{
    struct wire_work work;
    world_make(&w);
    world_ready(&w, 1000);
    REQUIRE(phone_upload(&w, DAY, BYTES_STR("walked")) == WIRE_CODE_OK);
    memset(&work, 0, sizeof work);
    CHECK(phone_order(&w, WIRE_ORDER_DELETE, 0, 0, 0) == WIRE_CODE_OK && w.deleted && !w.work,
          "the owner deletes everything");
    CHECK(w.volume.disk.count == 1 && disk_find(&w.volume.disk, "deleted") != NULL,
          "nothing is left but that it was");
    CHECK(phone_order(&w, WIRE_ORDER_STATE, 0, 0, 0) == WIRE_CODE_COUNT &&
              refusal(&w) == WIRE_CODE_STATE && ask(&w, WIRE_work, &work) == WIRE_refused &&
              refusal(&w) == WIRE_CODE_STATE,
          "it serves nobody then");
    world_boot(&w);
    w.book.acknowledged = (struct volume_state){0};
    CHECK(phone_claim(&w) == WIRE_CODE_STATE, "nor after a restart");
    CHECK(phone_unlock(&w) == WIRE_CODE_STATE && phone_unlock(&w) == WIRE_CODE_COUNT &&
              refusal(&w) == WIRE_CODE_STATE,
          "not even its owner");
    world_free(&w);
}

/* Two custodians of one volume's file. */
static void test_clone(void)
{
    world_make(&w);
    world_ready(&w, 1000);
    struct custodian *first = w.custodian;
    struct hpke_public_key key = w.boot;
    struct volume_state known = w.book.acknowledged;
    w.custodian = NULL;
    world_boot(&w);
    REQUIRE(phone_unlock(&w) == WIRE_CODE_OK);
    CHECK(phone_state(&w).lease == 0, "a clone has not the lease of the first");
    struct custodian *clone = w.custodian;
    w.custodian = w.context = first;
    w.boot = key;
    CHECK(phone_state(&w).lease == 1, "which keeps its own");
    w.custodian = w.context = clone;
    (void)known;
    custodian_free(first);
    world_free(&w);
}

/* ---- the host -------------------------------------------------------------------------------- */

static void test_host(void)
{
    struct wire_work work;
    struct wire_collect collect = {{0}};
    struct wire_held held;
    static struct wire_invite invite;
    world_make(&w);
    memset(&work, 0, sizeof work);
    CHECK(custodian_serve(w.custodian, BYTES_STR("\xa0"), &w.answer) == 0 &&
              refusal(&w) == WIRE_CODE_FORMAT,
          "what is no record is refused");
    const struct wire_finish *finish = (const struct wire_finish *)&work;
    CHECK(ask(&w, WIRE_finish, finish) == WIRE_refused && refusal(&w) == WIRE_CODE_FORMAT,
          "and a record for another service");
    struct wire_job job;
    CHECK(ask(&w, WIRE_work, &work) == WIRE_job &&
              wire_read_job(service_buffer_bytes(&w.answer), &job, NULL) == 0 && job.kind == 0,
          "a locked custodian has no work");
    CHECK(log_advance(&w) == WIRE_held &&
              wire_read_held(service_buffer_bytes(&w.answer), &held, NULL) == 0 && !held.open &&
              held.size == 0,
          "holds no head");
    invite = (struct wire_invite){
        .document = BYTES_STR("?"), .evidence = BYTES_STR("?"), .aggregator_leaf = BYTES_STR("?")};
    CHECK(ask(&w, WIRE_invite, &invite) == WIRE_refused && refusal(&w) == WIRE_CODE_LOCKED,
          "answers no query");
    CHECK(ask(&w, WIRE_collect, &collect) == WIRE_refused && refusal(&w) == WIRE_CODE_LOCKED,
          "and has no contribution");
    world_ready(&w, 1000);
    CHECK(ask(&w, WIRE_collect, &collect) == WIRE_refused && refusal(&w) == WIRE_CODE_STATE,
          "an open one has none for a query that was never asked");
    const struct wire_advance advance = {.head = BYTES_STR("?")};
    CHECK(ask(&w, WIRE_advance, &advance) == WIRE_refused && refusal(&w) == WIRE_CODE_LOG,
          "a head that is none is refused");
    uint64_t changes = w.volume.changes;
    CHECK(log_advance(&w) == WIRE_held && w.volume.changes == changes,
          "the head that is held costs nothing");
    w.leaf_count++;
    w.log_time++;
    CHECK(log_advance(&w) == WIRE_held && w.volume.changes == changes + 1 &&
              wire_read_held(service_buffer_bytes(&w.answer), &held, NULL) == 0 && held.open &&
              held.size == w.leaf_count,
          "a newer one is stored");
    w.leaves[0].data[0] ^= 1;
    w.leaf_count++;
    CHECK(log_advance(&w) == WIRE_refused && refusal(&w) == WIRE_CODE_LOG,
          "a log with another past is refused");
    world_free(&w);
    /* Before hello. */
    world_make(&w);
    custodian_free(w.custodian);
    w.custodian = w.context = custodian_new(&w.own.env, &w.table);
    CHECK(ask(&w, WIRE_work, &work) == WIRE_refused && refusal(&w) == WIRE_CODE_STATE,
          "before hello nothing is answered");
    world_free(&w);
}

int main(void)
{
    test_attest();
    test_claim();
    test_unlock();
    test_rollback();
    test_days();
    test_sizes();
    test_wrong_workers();
    test_results();
    test_ends();
    test_replay();
    test_policy();
    test_leases();
    test_orders();
    test_delete();
    test_clone();
    test_host();
    CHECK((world_codes & CODES_OF_LIFE) == CODES_OF_LIFE,
          "each code of a life without queries came up: %llx", (unsigned long long)world_codes);
    return tap_done();
}
