/* SPDX-License-Identifier: Apache-2.0 */
/* A cache changes nothing but the time that a call takes: evidence of every kind, good, forged from
 * wrong descriptions and damaged, as of several times, in random order, by several threads at once,
 * with large and tiny caches. Every result is the very bytes that the same call gives without a
 * cache. cache_test [SEED] */
#include "cache.h"
#include "forge/cases.h"
#include "forge/forge.h"
#include "verify/limits.h"

#include "tests/tap.h"

#include <pthread.h>
#include <string.h>

#define VARIANTS  5u /* of each kind: good, two wrong descriptions, two damaged ones */
#define KINDS_MAX 32u
#define THREADS   4u
#define DAY       INT64_C(86400)

/* Before everything, a little early, good, collateral too old, everything expired. */
static const int64_t offsets[] = {-5000 * DAY, -25 * DAY, 0, 40 * DAY, 9000 * DAY};

static struct forge_case *cases[KINDS_MAX * VARIANTS];
static size_t case_count;
static struct alcove_result *expected; /* by case and time */
static struct alcove_policy policy;

static uint64_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

/* One bit of something that is there. */
static void damage(struct forge_case *c, uint64_t *seed)
{
    struct case_bytes *part;
    do {
        part = &c->part[next_random(seed) % CASE_PARTS];
    } while (part->size == 0);
    size_t at = next_random(seed) % part->size;
    part->data[at] ^= (uint8_t)(1u << next_random(seed) % 8);
}

static void make_cases(uint64_t seed)
{
    for (size_t kind = 0; kind < forge_case_count() && kind < KINDS_MAX; kind++) {
        for (unsigned variant = 0; variant < VARIANTS; variant++) {
            uint8_t value[4];
            for (size_t i = 0; i < sizeof value; i++) {
                value[i] = (uint8_t)next_random(&seed);
            }
            struct case_change change = {.field = (uint8_t)next_random(&seed),
                                         .at = (uint16_t)next_random(&seed),
                                         .size = sizeof value,
                                         .data = value};
            struct forge_case *c = malloc(sizeof *c);
            REQUIRE(c != NULL);
            bool wrong = variant == 1 || variant == 2;
            if (!forge_case_build(kind, &change, wrong ? 1 : 0, c)) {
                free(c);
                continue;
            }
            if (variant > 2) {
                damage(c, &seed);
            }
            cases[case_count++] = c;
        }
    }
}

static size_t job_count(void)
{
    return case_count * ARRAY_SIZE(offsets);
}

static void run_job(size_t job, const struct forge_case *c, struct alcove_cache *cache,
                    struct alcove_result *ret)
{
    struct alcove_collateral collateral = forge_case_collateral(c);
    int64_t time = c->now + offsets[job % ARRAY_SIZE(offsets)];
    (void)alcove_verdict_accepted(
        alcove_verify_cached(forge_case_evidence(c), &collateral, &policy, time, cache, ret));
}

/* ---- many at once ---- */

struct worker {
    pthread_t thread;
    struct alcove_cache *cache;
    uint64_t seed;
    size_t rounds, different, accepted;
};

/* Each call gets its evidence at a place where something else was before. */
static void *work(void *argument)
{
    struct worker *w = argument;
    struct forge_case *c = malloc(sizeof *c);
    struct alcove_result *r = malloc(sizeof *r);
    REQUIRE(c != NULL && r != NULL);
    for (size_t i = 0; i < w->rounds; i++) {
        size_t job = next_random(&w->seed) % job_count();
        memcpy(c, cases[job / ARRAY_SIZE(offsets)], sizeof *c);
        run_job(job, c, w->cache, r);
        w->different += memcmp(r, &expected[job], sizeof *r) != 0;
        w->accepted += alcove_verdict_accepted(r->verdict);
    }
    free(c);
    free(r);
    return NULL;
}

static void test_same(const char *what, size_t entries, size_t threads, size_t rounds,
                      uint64_t seed)
{
    struct worker workers[THREADS] = {0};
    struct alcove_cache *cache = alcove_cache_new(entries);
    REQUIRE(cache != NULL && threads <= THREADS);
    size_t different = 0, accepted = 0;
    for (size_t i = 0; i < threads; i++) {
        workers[i].cache = cache;
        workers[i].seed = seed + i;
        workers[i].rounds = rounds;
        REQUIRE(pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0);
    }
    for (size_t i = 0; i < threads; i++) {
        REQUIRE(pthread_join(workers[i].thread, NULL) == 0);
        different += workers[i].different;
        accepted += workers[i].accepted;
    }
    alcove_cache_free(cache);
    CHECK(different == 0 && accepted > 0,
          "%s: %zu calls by %zu threads, %zu accepted, the same results", what, threads * rounds,
          threads, accepted);
}

static void test_verdicts(uint64_t seed)
{
    size_t accepted = 0;
    make_cases(seed);
    policy = forge_case_policy();
    expected = calloc(job_count(), sizeof *expected);
    REQUIRE(expected != NULL);
    for (size_t job = 0; job < job_count(); job++) {
        run_job(job, cases[job / ARRAY_SIZE(offsets)], NULL, &expected[job]);
        accepted += alcove_verdict_accepted(expected[job].verdict);
    }
    CHECK(accepted >= forge_case_count() && accepted < job_count() / 2,
          "without a cache %zu of %zu are accepted", accepted, job_count());
    test_same("a large cache", 65536, 1, 400, seed);
    test_same("a cache for eight", 8, 1, 200, seed + 10);
    test_same("a cache for one", 0, 1, 100, seed + 20);
    test_same("a shared cache", 65536, THREADS, 200, seed + 30);
    test_same("a small one, shared", 16, THREADS, 100, seed + 40);
    for (size_t i = 0; i < case_count; i++) {
        free(cases[i]);
    }
    free(expected);
}

/* ---- the tables ---- */

static void name_of(uint32_t number, uint8_t ret[CACHE_NAME_SIZE])
{
    memset(ret, 0, CACHE_NAME_SIZE);
    memcpy(ret + 8, &number, sizeof number); /* all in one row */
}

static void test_names(void)
{
    struct alcove_cache *cache = alcove_cache_new(64);
    uint8_t name[CACHE_NAME_SIZE];
    unsigned left = 0;
    name_of(1, name);
    CHECK(!cache_has(cache, name), "nothing is in an empty cache");
    memset(name, 0, sizeof name);
    CHECK(!cache_has(cache, name), "not even zeros");
    name_of(1, name);
    cache_add(cache, name);
    CHECK(cache_has(cache, name), "a name is there once it was added");
    for (size_t i = 0; i < sizeof name; i++) {
        name[i] ^= 0x80;
        left += cache_has(cache, name);
        name[i] ^= 0x80;
    }
    CHECK(left == 0, "every byte of a name counts");
    name_of(1, name);
    cache_add(cache, name);
    for (uint32_t i = 2; i <= 4; i++) {
        name_of(i, name);
        cache_add(cache, name);
    }
    name_of(1, name);
    CHECK(cache_has(cache, name), "added twice it takes one place");
    name_of(5, name);
    cache_add(cache, name);
    name_of(1, name);
    CHECK(!cache_has(cache, name), "a full row forgets its oldest name");
    for (uint32_t i = 2; i <= 5; i++) {
        name_of(i, name);
        left += cache_has(cache, name);
    }
    CHECK(left == 4, "and no other");
    alcove_cache_free(cache);
    alcove_cache_free(NULL);
}

static void test_documents(void)
{
    struct alcove_cache *cache = alcove_cache_new(1);
    static uint8_t text[CACHE_TEXT_MAX + 1];
    uint32_t value = 7, found = 0;
    uintptr_t origin = 0;
    struct bytes t = BYTES(text, 1000);
    CHECK(!cache_find(cache, CACHE_TCB_INFO, (struct bytes){0}, &found, sizeof found, &origin),
          "an empty cache has not even the empty text");
    cache_keep(cache, CACHE_TCB_INFO, t, &value, sizeof value);
    CHECK(cache_find(cache, CACHE_TCB_INFO, t, &found, sizeof found, &origin) && found == 7 &&
              origin == (uintptr_t)text,
          "a text is found, and where it was");
    CHECK(!cache_find(cache, CACHE_QE_IDENTITY, t, &found, sizeof found, &origin),
          "but not as another kind");
    text[999] = 1;
    CHECK(!cache_find(cache, CACHE_TCB_INFO, t, &found, sizeof found, &origin),
          "its last byte counts");
    text[999] = 0;
    t.size--;
    CHECK(!cache_find(cache, CACHE_TCB_INFO, t, &found, sizeof found, &origin),
          "and so does its size");
    t.size++;
    value = 8;
    cache_keep(cache, CACHE_TCB_INFO, t, &value, sizeof value);
    CHECK(cache_find(cache, CACHE_TCB_INFO, t, &found, sizeof found, &origin) && found == 7,
          "what is there stays");
    struct bytes longest = BYTES(text, CACHE_TEXT_MAX), too_long = BYTES(text, CACHE_TEXT_MAX + 1);
    cache_keep(cache, CACHE_TCB_INFO, longest, &value, sizeof value);
    cache_keep(cache, CACHE_TCB_INFO, too_long, &value, sizeof value);
    CHECK(cache_find(cache, CACHE_TCB_INFO, longest, &found, sizeof found, &origin),
          "the longest text is kept");
    CHECK(!cache_find(cache, CACHE_TCB_INFO, too_long, &found, sizeof found, &origin),
          "a longer one is not");
    for (size_t i = 0; i < CACHE_DOCUMENTS; i++) {
        cache_keep(cache, CACHE_QE_IDENTITY, BYTES(text, i + 1), &value, sizeof value);
    }
    CHECK(!cache_find(cache, CACHE_TCB_INFO, t, &found, sizeof found, &origin) &&
              cache_find(cache, CACHE_QE_IDENTITY, BYTES(text, 1), &found, sizeof found, &origin),
          "newer ones push out the older");
    alcove_cache_free(cache);
}

static void test_keys(void)
{
    struct alcove_cache *cache = alcove_cache_new(1);
    struct crypto x[CACHE_KEYS + 1];
    uint8_t zeros[64] = {0};
    const struct public_key key = {.kind = KEY_P256, .point = BYTES_OF(zeros)};
    for (size_t i = 0; i <= CACHE_KEYS; i++) {
        crypto_enter(&x[i]);
        cache_lend_keys(cache, &x[i]);
        (void)!crypto_key_valid(&x[i], &key); /* makes the object */
    }
    const void *last = x[CACHE_KEYS - 1].keys.p256;
    for (size_t i = 0; i <= CACHE_KEYS; i++) {
        cache_take_keys(cache, &x[i]);
    }
    CHECK(x[0].keys.p256 == NULL && x[CACHE_KEYS].keys.p256 != NULL,
          "keys are kept, as many as there is room for");
    for (size_t i = 0; i <= CACHE_KEYS; i++) {
        crypto_leave(&x[i]);
    }
    crypto_enter(&x[0]);
    cache_lend_keys(cache, &x[0]);
    CHECK(x[0].keys.p256 == last, "and lent to the next call");
    cache_take_keys(cache, &x[0]);
    crypto_leave(&x[0]);
    alcove_cache_free(cache);
}

/* Advisories are read from the document's text, of which a kept copy has the place that it had
 * then. */
static void test_moved_text(void)
{
    static struct forge_spec s;
    static struct forge_output o, moved;
    static struct alcove_result without, with;
    forge_defaults_tdx(&s, 5);
    s.pcesvn = 7;
    s.qe_report.isvsvn = 6;
    forge_edit(s.qe_body, sizeof s.qe_body, "INTEL-SA-00001", "INTEL-SA-00004");
    s.td[TD_TCB_SVN] = s.td[TD_TCB_SVN_2] = 3;
    forge_build(&s, &o);
    struct alcove_policy p = forge_policy(&o);
    struct alcove_collateral c = forge_collateral(&o);
    struct alcove_bytes quote = {o.quote.data, o.quote.size};
    struct alcove_cache *cache = alcove_cache_new(64);
    (void)alcove_verdict_accepted(alcove_verify(quote, &c, &p, FORGE_NOW, &without));
    (void)alcove_verdict_accepted(alcove_verify_cached(quote, &c, &p, FORGE_NOW, cache, &with));
    CHECK(without.advisory_count == 4 && memcmp(&without, &with, sizeof with) == 0,
          "four advisories, before anything is kept");
    moved = o;
    memset(&o.tcb_info, 'x', sizeof o.tcb_info);
    memset(&o.qe_identity, 'x', sizeof o.qe_identity);
    c = forge_collateral(&moved);
    memset(&with, 0, sizeof with);
    (void)alcove_verdict_accepted(alcove_verify_cached(quote, &c, &p, FORGE_NOW, cache, &with));
    CHECK(memcmp(&without, &with, sizeof with) == 0, "and the same when the text lies elsewhere");
    alcove_cache_free(cache);
}

int main(int argc, char **argv)
{
    uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 20261122;
    test_names();
    test_documents();
    test_keys();
    test_moved_text();
    printf("# seed %llu\n", (unsigned long long)seed);
    test_verdicts(seed);
    return tap_done();
}
