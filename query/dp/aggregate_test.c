/* SPDX-License-Identifier: Apache-2.0 */
/* What one person can do to a result is what the plan declares: exhaustively for small schemas, and
 * on neighbouring inputs with the same random bytes (after Re:cord-play: same control flow, same
 * draws, distance within the declared one). */
#include "query/aggregate.h"
#include "query/account.h"
#include "tests/tap.h"

#include <errno.h>
#include <string.h>

typedef unsigned __int128 u128;

#define ENTRIES(...)                                                                               \
    .entry_count = ARRAY_SIZE(((const struct query_entry[]){__VA_ARGS__})),                        \
    .entries = (const struct query_entry[])                                                        \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

static bool refused(struct query_schema schema, const char *because)
{
    struct diag diag = {{0}};
    int err = query_schema_check(&schema, &diag);
    bool right = err == -EINVAL && strstr(diag.text, because) != NULL;
    if (!right) {
        printf("# %d: %s\n", err, diag.text);
    }
    return right;
}

static struct query_schema of(enum query_aggregate aggregate, struct query_entry entry)
{
    static struct query_entry entries[16];
    static unsigned next;
    struct query_entry *slot = &entries[next++ % ARRAY_SIZE(entries)];
    *slot = entry;
    return (struct query_schema){.aggregate = aggregate, .entry_count = 1, .entries = slot};
}

static void test_schemas(void)
{
    const int64_t beyond = QUERY_VALUE_MAX + 1;
    CHECK(refused(of(QUERY_AGGREGATES, (struct query_entry){0, 1, 0}), "no such aggregate") &&
              refused(of((enum query_aggregate) - 1, (struct query_entry){0, 1, 0}),
                      "no such aggregate"),
          "what is no aggregate is refused");
    struct query_schema s = of(QUERY_SUM, (struct query_entry){0, 1, 0});
    s.entry_count = 0;
    CHECK(refused(s, "1 to 4096 entries"), "no entries are refused");
    s.entry_count = QUERY_ENTRIES_MAX + 1;
    CHECK(refused(s, "1 to 4096 entries"), "too many entries are refused, unread");
    s = (struct query_schema){.aggregate = QUERY_COUNT, ENTRIES({0, 1, 0}, {0, 1, 0})};
    CHECK(refused(s, "1 to 1 entries"), "a count of two numbers is refused");
    CHECK(refused(of(QUERY_SUM, (struct query_entry){-beyond, 1, 0}), "beyond 2^40") &&
              refused(of(QUERY_SUM, (struct query_entry){0, beyond, 0}), "beyond 2^40") &&
              refused(of(QUERY_SUM, (struct query_entry){INT64_MIN, INT64_MAX, 0}), "beyond 2^40"),
          "huge bounds are refused");
    CHECK(refused(of(QUERY_SUM, (struct query_entry){5, 5, 5}), "not below its high one") &&
              refused(of(QUERY_SUM, (struct query_entry){5, 4, 5}), "not below its high one"),
          "bounds with nothing between them are refused");
    CHECK(refused(of(QUERY_MEAN, (struct query_entry){1, 5, 0}), "default lies outside") &&
              refused(of(QUERY_MEAN, (struct query_entry){1, 5, 6}), "default lies outside"),
          "a default outside its bounds is refused");
    CHECK(refused(of(QUERY_HISTOGRAM, (struct query_entry){-1, 5, 0}), "starts at 0") &&
              refused(of(QUERY_HISTOGRAM, (struct query_entry){0, 5, 1}), "starts at 0"),
          "a histogram that can go below zero is refused");
    CHECK(refused(of(QUERY_COUNT, (struct query_entry){0, 2, 0}), "it is 0 or 1"),
          "a count in which a person counts twice is refused");
    CHECK(refused(of(QUERY_QUANTILE, (struct query_entry){0, 1, 0}), "one cell of a person"),
          "a quantile of more than one cell a person is refused");
    CHECK(refused(of(QUERY_OD, (struct query_entry){0, 1, 0}), "how many cells"),
          "a matrix without a bound on cells is refused");
    s = of(QUERY_OD, (struct query_entry){0, 1, 0});
    s.most_entries = 2;
    CHECK(refused(s, "2 of 1 entries"), "a bound on cells that bounds nothing is refused");
    CHECK(refused(of(QUERY_HISTOGRAM, (struct query_entry){0, 1, 0}), "add up to"),
          "a histogram without a total is refused");
    s = of(QUERY_SHARE, (struct query_entry){0, 100, 0});
    s.most_total = 100;
    CHECK(refused(s, "a share vector, and no other"), "shares of no whole are refused");
    s.whole = 99;
    CHECK(refused(s, "a share vector, and no other"), "shares of more than the whole are refused");
    s.whole = s.most_total = (uint64_t)beyond;
    CHECK(refused(s, "whole beyond"), "a huge whole is refused");
    s = of(QUERY_SUM, (struct query_entry){0, 1, 0});
    s.whole = 1;
    CHECK(refused(s, "a share vector, and no other"), "a sum with a whole is refused");
    s.whole = 0;
    s.threshold = 1;
    CHECK(refused(s, "has no threshold"), "a sum with a threshold is refused");
}

static void test_names(void)
{
    bool found = true;
    for (unsigned i = 0; i < QUERY_AGGREGATES; i++) {
        const char *text = query_aggregate_text((enum query_aggregate)i);
        enum query_aggregate back = QUERY_AGGREGATES;
        found &= query_aggregate_named(BYTES(text, strlen(text)), &back) && back == i;
    }
    enum query_aggregate none = QUERY_SUM;
    CHECK(found, "each aggregate is found by its name");
    CHECK(!query_aggregate_named(BYTES("max", 3), &none) &&
              !query_aggregate_named(BYTES("", 0), &none) && none == QUERY_SUM &&
              query_aggregate_text(QUERY_AGGREGATES) == NULL,
          "nothing else is");
}

/* The largest distances of any two inputs that differ in one person, found by trying every vector.
 */
struct extremes {
    u128 total, square, largest;
    bool inside, idempotent, identity;
};

static bool vector_is_inside(const struct query_schema *s, const int64_t *v)
{
    uint64_t entries = 0;
    u128 total = 0, square = 0;
    bool inside = true;
    for (uint32_t i = 0; i < s->entry_count; i++) {
        __int128 d = (__int128)v[i] - s->entries[i].fallback;
        inside &= v[i] >= s->entries[i].low && v[i] <= s->entries[i].high;
        entries += d != 0;
        total += (u128)(d < 0 ? -d : d);
        square += (u128)(d * d);
    }
    return inside && (s->most_entries == 0 || entries <= s->most_entries) &&
           (s->most_total == 0 || total <= s->most_total) &&
           (s->most_square == 0 || square <= s->most_square);
}

static void measure(const struct query_schema *s, const int64_t *given, struct extremes *x)
{
    int64_t v[8], again[8];
    memcpy(v, given, s->entry_count * sizeof *v);
    bool was_inside = vector_is_inside(s, v);
    query_clip(s, v);
    x->inside &= vector_is_inside(s, v);
    x->identity &= !was_inside || memcmp(v, given, s->entry_count * sizeof *v) == 0;
    memcpy(again, v, sizeof v);
    query_clip(s, again);
    u128 total = 0, square = 0;
    for (uint32_t i = 0; i < s->entry_count; i++) {
        x->idempotent &= again[i] == v[i];
        int64_t d = v[i] - s->entries[i].fallback;
        u128 size = (u128)(d < 0 ? -d : d);
        total += size;
        square += size * size;
        x->largest = size > x->largest ? size : x->largest;
    }
    x->total = total > x->total ? total : x->total;
    x->square = square > x->square ? square : x->square;
}

/* Each entry takes every value from -8 to 8, and the ends of int64. */
static struct extremes every_vector(const struct query_schema *s)
{
    struct extremes x = {.inside = true, .idempotent = true, .identity = true};
    uint64_t all = 1;
    for (uint32_t i = 0; i < s->entry_count; i++) {
        all *= 19;
    }
    for (uint64_t n = 0; n < all; n++) {
        int64_t v[8];
        uint64_t rest = n;
        for (uint32_t i = 0; i < s->entry_count; i++, rest /= 19) {
            int64_t value = (int64_t)(rest % 19) - 8;
            v[i] = value == 9 ? INT64_MAX : value == 10 ? INT64_MIN : value;
        }
        measure(s, v, &x);
    }
    return x;
}

static void test_distances(void)
{
    static const struct query_entry mixed[] = {{-3, 3, 0}, {0, 5, 0}, {-2, 4, 1}};
    static const struct query_entry ones[] = {{0, 1, 0}, {0, 1, 0}, {0, 1, 0}};
    static const struct query_entry same[] = {{0, 4, 0}, {0, 4, 0}, {0, 4, 0}};
    static const struct query_entry off[] = {{2, 8, 8}, {-8, -2, -5}};
    static const struct {
        const char *name;
        struct query_schema schema;
        bool tight; /* some vector reaches every declared distance */
    } cases[] = {
        {"count", {QUERY_COUNT, 1, ones}, true},
        {"sums", {QUERY_SUM, 3, mixed}, true},
        {"sums with defaults off zero", {QUERY_MEAN, 2, off}, true},
        {"sums, two entries", {QUERY_SUM, 3, mixed, .most_entries = 2}, true},
        {"sums, one entry", {QUERY_SUM, 3, mixed, .most_entries = 1}, true},
        {"sums, equal bounds, two entries", {QUERY_SUM, 3, same, .most_entries = 2}, true},
        {"sums, total 4", {QUERY_SUM, 3, mixed, .most_total = 4}, true},
        {"sums, square 9", {QUERY_SUM, 3, mixed, .most_square = 9}, false},
        {"sums, square 10, total 5",
         {QUERY_SUM, 3, mixed, .most_total = 5, .most_square = 10},
         false},
        {"sums, all bounds",
         {QUERY_SUM, 3, mixed, .most_entries = 2, .most_total = 6, .most_square = 20},
         false},
        {"histogram, 6 trips", {QUERY_HISTOGRAM, 3, same, .most_total = 6}, false},
        {"histogram, 4 trips", {QUERY_HISTOGRAM, 3, same, .most_total = 4}, true},
        {"shares", {QUERY_SHARE, 3, same, .most_total = 4, .whole = 4}, true},
        {"quantile", {QUERY_QUANTILE, 3, ones, .most_entries = 1}, true},
        {"matrix, 2 cells", {QUERY_OD, 3, same, .most_entries = 2, .threshold = 3}, true},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct query_schema *s = &cases[i].schema;
        struct query_distance d = query_distance(s);
        struct extremes x = every_vector(s);
        CHECK(query_schema_check(s, NULL) == 0 && x.inside && x.total <= d.total &&
                  x.square <= d.square && x.largest <= d.largest,
              "%s: no vector moves sums further than declared (%lu, %lu squared, %lu)",
              cases[i].name, (unsigned long)d.total, (unsigned long)d.square,
              (unsigned long)d.largest);
        CHECK(!cases[i].tight ||
                  (x.total == d.total && x.square == d.square && x.largest == d.largest),
              "%s: the declared distances are reached", cases[i].name);
        CHECK(x.idempotent && x.identity, "%s: what fits is left as it is", cases[i].name);
    }
}

static void test_clip_keeps_the_largest(void)
{
    static const struct query_entry e[] = {{-9, 9, 0}, {-9, 9, 0}, {-9, 9, 0}, {-9, 9, 0}};
    struct query_schema s = {QUERY_SUM, 4, e, .most_entries = 2};
    int64_t v[] = {3, -5, 3, 3};
    query_clip(&s, v);
    CHECK(v[0] == 3 && v[1] == -5 && v[2] == 0 && v[3] == 0,
          "the largest entries stay, of equal ones the first");
    struct query_schema t = {QUERY_SUM, 4, e, .most_total = 8};
    int64_t w[] = {8, -4, 4, 0};
    query_clip(&t, w);
    CHECK(w[0] == 4 && w[1] == -2 && w[2] == 2 && w[3] == 0,
          "too large a total shrinks in proportion");
}

static void test_large_schema(void)
{
    static struct query_entry e[QUERY_ENTRIES_MAX];
    static int64_t v[QUERY_ENTRIES_MAX];
    for (size_t i = 0; i < ARRAY_SIZE(e); i++) {
        e[i] = (struct query_entry){-QUERY_VALUE_MAX, QUERY_VALUE_MAX, -QUERY_VALUE_MAX};
        v[i] = INT64_MAX;
    }
    struct query_schema s = {QUERY_SUM, QUERY_ENTRIES_MAX, e};
    struct query_distance d = query_distance(&s);
    CHECK(query_schema_check(&s, NULL) == 0 && d.largest == UINT64_C(1) << 41 &&
              d.total == UINT64_C(1) << 53 && d.square == (u128)1 << 94,
          "the largest schema's distances are exact");
    s.most_square = UINT64_MAX;
    s.most_total = UINT64_C(1) << 52;
    s.most_entries = 4000;
    query_clip(&s, v);
    CHECK(query_distance(&s).square == UINT64_MAX && vector_is_inside(&s, v),
          "the largest vector is clipped without overflow");
}

/* The library under test here is built with -fsanitize-coverage=trace-pc: each basic block calls
 * this. The record of a run is a hash of the blocks in their order, so two runs with one record
 * took the same way. */
void __sanitizer_cov_trace_pc(void);
static uint64_t flow, flow_blocks;

void __sanitizer_cov_trace_pc(void)
{
    flow = (flow ^ (uint64_t)(uintptr_t)__builtin_return_address(0)) * UINT64_C(0x100000001b3);
    flow_blocks++;
}

/* Random bytes of a counter; what was asked is recorded. */
struct trace {
    uint64_t state;
    uint64_t record; /* a hash of every request's size */
    uint64_t flow;   /* of the blocks that the run went through */
    size_t calls, fail_after;
};

static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static int trace_fill(void *context, uint8_t *ret_data, size_t size)
{
    struct trace *t = context;
    t->record = mix(t->record + size + 1);
    if (t->fail_after != 0 && ++t->calls >= t->fail_after) {
        return -EIO;
    }
    for (size_t i = 0; i < size; i += 8) {
        store_le64(ret_data + i, mix(t->state += UINT64_C(0x9e3779b97f4a7c15)));
    }
    return 0;
}

enum { PEOPLE = 20, SMALL_MAX = 8 };

static int run(const struct query_schema *s, const struct query_plan *plan,
               int64_t people[PEOPLE][SMALL_MAX], struct trace *trace, int64_t *ret_result)
{
    __int128 totals[SMALL_MAX] = {0};
    flow = flow_blocks = 0;
    for (size_t i = 0; i < PEOPLE; i++) {
        int64_t v[SMALL_MAX];
        memcpy(v, people[i], sizeof v);
        query_add(s, v, totals);
    }
    struct dp_random random = {trace_fill, trace};
    int err = query_release(s, plan, plan->cost, &random, totals, ret_result, NULL);
    trace->flow = flow;
    return err;
}

/* One pair of neighbours: person `who` is replaced by the default. */
static bool neighbours(const struct query_schema *s, const struct query_plan *plan, uint64_t seed)
{
    int64_t people[PEOPLE][SMALL_MAX], one[SMALL_MAX], other[SMALL_MAX];
    uint64_t state = seed;
    for (size_t i = 0; i < PEOPLE * SMALL_MAX; i++) {
        uint64_t r = mix(state += UINT64_C(0x9e3779b97f4a7c15));
        people[i / SMALL_MAX][i % SMALL_MAX] = r % 7 == 0 ? (int64_t)r : (int64_t)(r % 40) - 20;
    }
    struct trace a = {.state = seed}, b = {.state = seed};
    bool ok = run(s, plan, people, &a, one) == 0;
    query_default(s, people[seed % PEOPLE]);
    ok &= run(s, plan, people, &b, other) == 0;
    u128 total = 0, square = 0;
    for (uint32_t i = 0; i < s->entry_count; i++) {
        int64_t d = one[i] - other[i];
        u128 size = (u128)(d < 0 ? -d : d);
        total += size;
        square += size * size;
        ok &= size <= plan->distance.largest;
    }
    return ok && a.record == b.record && a.state == b.state && a.flow == b.flow &&
           flow_blocks > PEOPLE && total <= plan->distance.total && square <= plan->distance.square;
}

static const struct query_entry trips[] = {{0, 20, 0}, {0, 20, 0}, {0, 20, 0}, {0, 20, 0}};
static const struct query_entry cells[] = {{0, 1, 0}, {0, 1, 0}, {0, 1, 0}, {0, 1, 0}};
static const struct query_entry carbon[] = {{-15, 15, 0}, {-9, 12, 3}};

static void test_neighbours(void)
{
    static const struct query_schema schemas[] = {
        {QUERY_COUNT, 1, cells},
        {QUERY_SUM, 2, carbon},
        {QUERY_MEAN, 2, carbon, .most_total = 10},
        {QUERY_HISTOGRAM, 4, trips, .most_total = 20},
        {QUERY_SHARE, 4, trips, .most_total = 20, .whole = 20},
        {QUERY_QUANTILE, 4, cells, .most_entries = 1},
        {QUERY_OD, 4, trips, .most_entries = 2, .most_square = 500, .threshold = 9},
    };
    for (size_t i = 0; i < ARRAY_SIZE(schemas); i++) {
        for (int kind = DP_GAUSSIAN; kind <= DP_LAPLACE; kind++) {
            struct query_plan plan;
            int err = query_make_plan(&schemas[i], (enum dp_kind)kind, PEOPLE, 500000, &plan, NULL);
            bool good = err == 0;
            for (uint64_t seed = 0; good && seed < 500; seed++) {
                good = neighbours(&schemas[i], &plan, seed);
            }
            CHECK(good,
                  "%s, %s: neighbours go one way, draw alike, differ within the declared distance",
                  query_aggregate_text(schemas[i].aggregate),
                  kind == DP_LAPLACE ? "Laplace" : "Gaussian");
        }
    }
}

/* Declared half as large, a distance must be seen to be too small: the comparison can fail. */
static void test_neighbours_detects(void)
{
    struct query_schema s = {QUERY_SUM, 2, carbon};
    struct query_plan plan;
    bool seen = query_make_plan(&s, DP_GAUSSIAN, PEOPLE, 500000, &plan, NULL) == 0, all = true;
    plan.distance.total /= 2;
    for (uint64_t seed = 0; seed < 500; seed++) {
        all &= neighbours(&s, &plan, seed);
    }
    CHECK(seen && !all, "a distance that is declared too small is noticed");
}

static void test_plans(void)
{
    static const struct query_entry percent[] = {{0, 100, 0}, {0, 100, 0}};
    struct query_schema share = {QUERY_SHARE, 2, percent, .most_total = 100, .whole = 100};
    struct query_plan plan;
    int err = query_make_plan(&share, DP_LAPLACE, 13, 500000, &plan, NULL); /* epsilon 1 */
    CHECK(err == 0 && plan.cost == 500000 && plan.table->scale_num == 100 && plan.bound95 == 301 &&
              plan.divisor == 1300 && plan.relative_ppm == 231539,
          "mode share, 13 people, epsilon 1: within 23 percentage points");
    static const struct {
        uint64_t users, ppm;
    } known[] = {{50, 60200}, {200, 15050}, {2000, 1505}};
    bool good = true;
    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        good &= query_make_plan(&share, DP_LAPLACE, known[i].users, 500000, &plan, NULL) == 0 &&
                plan.relative_ppm == known[i].ppm;
    }
    CHECK(good, "50, 200, 2000 people: 6.0, 1.5 and 0.15 percentage points");
    CHECK(query_make_plan(&share, DP_GAUSSIAN, 200, 10000, &plan, NULL) == 0 &&
              plan.cost <= 10000 && plan.table->scale_num == 720 && plan.distance.square == 10000,
          "rho 0.01 rounds sigma 707.1 up to 720 and charges less");
    CHECK(query_liars_move(&plan, 3) == 300 && query_liars_move(&plan, UINT64_MAX) == UINT64_MAX,
          "three liars move three bounds");
    struct query_schema count = {QUERY_COUNT, 1, cells};
    CHECK(query_make_plan(&count, DP_GAUSSIAN, 1, DP_RHO_MAX, &plan, NULL) == 0 &&
              plan.cost == 500000 && plan.table->scale_num == 1 && plan.divisor == 1,
          "the least noise there is costs 0.5, however much is offered");
    struct query_schema mean = {QUERY_MEAN, 2, carbon};
    CHECK(query_make_plan(&mean, DP_GAUSSIAN, 77, 100000, &plan, NULL) == 0 && plan.divisor == 77,
          "a mean is read over the number of people asked");
}

static void test_plans_refused(void)
{
    struct query_plan plan = {.cost = 7};
    struct diag diag = {{0}};
    struct query_schema count = {QUERY_COUNT, 1, cells}, broken = count;
    broken.entry_count = 0;
    CHECK(query_make_plan(&broken, DP_GAUSSIAN, 10, 1000, &plan, &diag) == -EINVAL,
          "a plan of a schema that is none is refused");
    CHECK(query_make_plan(&count, DP_GAUSSIAN, 0, 1000, &plan, &diag) == -EINVAL &&
              query_make_plan(&count, DP_GAUSSIAN, QUERY_USERS_MAX + 1, 1000, &plan, &diag) ==
                  -EINVAL,
          "nobody, and more people than there are, are refused");
    CHECK(query_make_plan(&count, DP_GAUSSIAN, 10, 0, &plan, &diag) == -EINVAL &&
              query_make_plan(&count, DP_GAUSSIAN, 10, DP_RHO_MAX + 1, &plan, &diag) == -EINVAL &&
              query_make_plan(&count, DP_GAUSSIAN, 10, (uint64_t)-10000, &plan, &diag) == -EINVAL,
          "rho of zero, huge, or negative in disguise is refused");
    struct query_entry wide = {0, QUERY_VALUE_MAX, 0}, deep = {-QUERY_VALUE_MAX, 0, 0};
    struct query_schema sum = {QUERY_SUM, 1, &wide};
    CHECK(query_make_plan(&sum, DP_GAUSSIAN, UINT64_C(1) << 23, 1000, &plan, &diag) == -ERANGE &&
              strstr(diag.text, "2^62") != NULL,
          "sums that could overflow are refused up front");
    sum.entries = &deep;
    CHECK(query_make_plan(&sum, DP_GAUSSIAN, UINT64_C(1) << 23, 1000, &plan, &diag) == -ERANGE &&
              strstr(diag.text, "2^62") != NULL,
          "below zero, too");
    struct query_entry small = {0, 1, 0};
    struct query_schema share = {QUERY_SHARE, 1, &small, .most_total = UINT64_C(1) << 40,
                                 .whole = UINT64_C(1) << 40};
    CHECK(query_make_plan(&share, DP_GAUSSIAN, UINT64_C(1) << 23, 1000, &plan, &diag) == -ERANGE &&
              strstr(diag.text, "2^62") != NULL,
          "so is a divisor that could");
    sum.entries = &wide;
    CHECK(query_make_plan(&sum, DP_GAUSSIAN, 10, 1000, &plan, &diag) == -ERANGE &&
              strstr(diag.text, "as coarse") != NULL && plan.cost == 7,
          "noise wider than all tables is refused, and the sentence says which unit would do");
    struct query_entry metres = {0, 50000, 0};
    struct query_schema distance = {QUERY_SUM, 1, &metres};
    int err = query_make_plan(&distance, DP_GAUSSIAN, 10, 10000, &plan, &diag);
    const char *number = strstr(diag.text, "a unit about ");
    uint64_t coarser = number == NULL ? 1 : strtoul(number + 13, NULL, 10);
    struct query_entry fewer = {0, (int64_t)((50000 + coarser - 1) / coarser), 0};
    distance.entries = &fewer;
    CHECK(err == -ERANGE && coarser < 1000 &&
              query_make_plan(&distance, DP_GAUSSIAN, 10, 10000, &plan, &diag) == 0,
          "with that unit (%lu m) it fits", (unsigned long)coarser);
}

static bool all_zero(const void *data, size_t size)
{
    const uint8_t *bytes = data;
    uint8_t any = 0;
    for (size_t i = 0; i < size; i++) {
        any |= bytes[i];
    }
    return any == 0;
}

static void test_release(void)
{
    struct query_schema s = {QUERY_HISTOGRAM, 4, trips, .most_total = 20};
    struct query_plan plan;
    REQUIRE(query_make_plan(&s, DP_GAUSSIAN, 5, 500000, &plan, NULL) == 0);
    struct trace trace = {.state = 1};
    struct dp_random random = {trace_fill, &trace};
    struct diag diag = {{0}};
    int64_t result[4] = {1, 1, 1, 1};
    __int128 totals[4] = {50, 0, 100, 7};
    CHECK(query_release(&s, &plan, plan.cost - 1, &random, totals, result, &diag) == -EDQUOT &&
              all_zero(result, sizeof result) && all_zero(totals, sizeof totals) &&
              trace.record == 0,
          "what was paid one millionth too little for is not released, and nothing is left of it");
    __int128 again[4] = {50, 0, 100, 7};
    CHECK(query_release(&s, &plan, 0, &random, again, result, &diag) == -EDQUOT,
          "nor is what was not paid for");
    __int128 impossible[2][4] = {{101, 0, 0, 0}, {-1, 0, 0, 0}};
    CHECK(query_release(&s, &plan, plan.cost, &random, impossible[0], result, &diag) == -EINVAL &&
              query_release(&s, &plan, plan.cost, &random, impossible[1], result, &diag) ==
                  -EINVAL &&
              all_zero(result, sizeof result),
          "sums that so many people cannot have are not released");
    trace.fail_after = 3;
    __int128 third[4] = {50, 0, 100, 7};
    CHECK(query_release(&s, &plan, plan.cost, &random, third, result, &diag) == -EIO &&
              all_zero(result, sizeof result) && all_zero(third, sizeof third),
          "without random bytes for the last entries none is released");
    struct trace one = {.state = 9}, two = {.state = 9};
    struct dp_random first = {trace_fill, &one}, second = {trace_fill, &two};
    __int128 fourth[4] = {50, 0, 100, 7};
    int64_t noise = 0;
    int err = query_release(&s, &plan, plan.cost, &first, fourth, result, &diag);
    bool exact = err == 0 && all_zero(fourth, sizeof fourth);
    static const int64_t sums[] = {50, 0, 100, 7};
    for (size_t i = 0; i < 4; i++) {
        exact &= dp_sample(plan.table, &second, &noise) == 0 && result[i] == sums[i] + noise;
    }
    CHECK(exact, "a release is each sum and a sample of its own, neither clamped nor rounded");
}

static void test_order(void)
{
    struct query_schema s = {QUERY_SUM, 2, carbon};
    __int128 forward[2] = {0}, backward[2] = {0};
    for (int64_t i = 0; i < 1000; i++) {
        int64_t a[] = {i * 7919 % 41 - 20, i}, b[] = {(999 - i) * 7919 % 41 - 20, 999 - i};
        query_add(&s, a, forward);
        query_add(&s, b, backward);
    }
    CHECK(memcmp(forward, backward, sizeof forward) == 0,
          "sums do not depend on the order of people");
}

static void test_reading(void)
{
    struct query_schema od = {QUERY_OD, 4, trips, .most_entries = 2, .threshold = 10};
    CHECK(query_cell_shown(&od, 10) && !query_cell_shown(&od, 9) && !query_cell_shown(&od, -10) &&
              !query_cell_shown(&od, INT64_MIN),
          "cells below the threshold are suppressed");
    od.threshold = 0;
    CHECK(query_cell_shown(&od, -5), "without a threshold every cell is shown");
    static const struct query_entry grid[] = {{0, 1, 0}, {0, 1, 0}, {0, 1, 0},
                                              {0, 1, 0}, {0, 1, 0}, {0, 1, 0}};
    struct query_schema s = {QUERY_QUANTILE, 6, grid, .most_entries = 1};
    struct query_plan plan;
    REQUIRE(query_make_plan(&s, DP_GAUSSIAN, 10000, 500000, &plan, NULL) == 0);
    const int64_t released[] = {1000, 1000, 2999, 3001, 1000, 1000};
    struct query_quantile q = {9, 9, 9}, quarter, last;
    CHECK(query_read_quantile(&s, &plan, released, 1, 2, &q, NULL) == 0 && q.cell == 3 &&
              q.low == 2 && q.high == 3,
          "a median near the edge of a cell has both in its interval");
    CHECK(query_read_quantile(&s, &plan, released, 1, 4, &quarter, NULL) == 0 &&
              quarter.cell == 2 && quarter.low == 2 && quarter.high == 2,
          "one far from an edge has its cell alone");
    CHECK(query_read_quantile(&s, &plan, released, 999, 1000, &last, NULL) == 0 && last.cell == 5,
          "the highest quantile lies in the last cell");
    const int64_t nothing[] = {3, -1, -2, 0, 1, -1};
    CHECK(query_read_quantile(&s, &plan, nothing, 1, 2, &q, NULL) == -ERANGE && q.cell == 3,
          "where noise leaves no total there is no quantile");
    struct query_schema sum = {QUERY_SUM, 2, carbon};
    CHECK(query_read_quantile(&s, &plan, released, 0, 2, &q, NULL) == -EINVAL &&
              query_read_quantile(&s, &plan, released, 2, 2, &q, NULL) == -EINVAL &&
              query_read_quantile(&s, &plan, released, 1, 1001, &q, NULL) == -EINVAL &&
              query_read_quantile(&sum, &plan, released, 1, 2, &q, NULL) == -EINVAL,
          "what is no quantile is refused");
}

int main(void)
{
    test_schemas();
    test_names();
    test_distances();
    test_clip_keeps_the_largest();
    test_large_schema();
    test_neighbours();
    test_neighbours_detects();
    test_plans();
    test_plans_refused();
    test_release();
    test_order();
    test_reading();
    return tap_done();
}
