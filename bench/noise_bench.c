/* SPDX-License-Identifier: Apache-2.0 */
/* What private queries cost before any message: samples of noise a second for each table, plans,
 * conversions, and contributions clipped and summed a second. Time is this process's processor
 * time; shown are medians of short stretches.
 *
 *   noise_bench [--check]
 *
 * With --check: a plan takes under 1 ms, the widest table gives 20,000 samples a second, and 20,000
 * contributions of 168 entries are clipped and summed a second. */
#include "query/account.h"
#include "query/aggregate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define STRETCH           0.02 /* seconds */
#define ROUNDS            9
#define FLOOR_PLANS       1000.0
#define FLOOR_SAMPLES     20000.0
#define FLOOR_CONTRIBUTED 20000.0

static double now(void)
{
    struct timespec t;
    REQUIRE(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) == 0);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Calls a second of work(context): the median of stretches. */
static double rate(void (*work)(void *), void *context)
{
    double rates[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        double start = now(), elapsed = 0;
        uint64_t calls = 0;
        for (uint64_t batch = 1; elapsed < STRETCH; batch *= 2) {
            for (uint64_t k = 0; k < batch; k++) {
                work(context);
            }
            calls += batch;
            elapsed = now() - start;
        }
        rates[i] = (double)calls / elapsed;
    }
    qsort(rates, ROUNDS, sizeof *rates, by_value);
    return rates[ROUNDS / 2];
}

/* Cheap bytes: a generator's own time is not the sampler's. */
static int counter_fill(void *context, uint8_t *ret_data, size_t size)
{
    uint64_t *state = context;
    for (size_t i = 0; i < size; i += 8) {
        store_le64(ret_data + i, *state += UINT64_C(0x9e3779b97f4a7c15));
    }
    return 0;
}

static uint64_t counter_state;
static volatile int64_t sink;

static void sample(void *context)
{
    const struct dp_table *table = context;
    struct dp_random random = {counter_fill, &counter_state};
    int64_t noise = 0;
    REQUIRE(dp_sample(table, &random, &noise) == 0);
    sink = noise;
}

static double bench_tables(void)
{
    double widest = 0;
    for (size_t i = 0; i < dp_table_count; i++) {
        struct dp_table table = dp_tables[i];
        double got = rate(sample, &table);
        printf("%-8s scale %7.2f: %11.0f samples/s (%5u entries, %3u random bytes)\n",
               table.kind == DP_GAUSSIAN ? "Gaussian" : "Laplace",
               (double)table.scale_num / table.scale_den, got, table.entry_count, table.draw_size);
        if (table.kind == DP_GAUSSIAN) {
            widest = got;
        }
    }
    return widest;
}

struct asked {
    struct query_schema schema;
    struct query_plan plan;
};

static void plan(void *context)
{
    struct asked *a = context;
    REQUIRE(query_make_plan(&a->schema, DP_GAUSSIAN, 1000, 10000, &a->plan, NULL) == 0);
}

static void convert(void *context)
{
    uint64_t *ret_epsilon = context;
    REQUIRE(dp_epsilon(dp_micro(10000), (struct dp_ratio){1, 1000000}, 168, ret_epsilon, NULL) ==
            0);
}

struct contributions {
    const struct query_schema *schema;
    int64_t vector[QUERY_ENTRIES_MAX];
    __int128 totals[QUERY_ENTRIES_MAX];
};

static void contribute(void *context)
{
    struct contributions *c = context;
    query_add(c->schema, c->vector, c->totals);
}

int main(int argc, char **argv)
{
    bool check = argc == 2 && strcmp(argv[1], "--check") == 0;
    if (argc > 1 && !check) {
        fprintf(stderr, "noise_bench: usage: noise_bench [--check]\n");
        return 2;
    }
    double widest = bench_tables();

    static struct query_entry entries[168]; /* the hours of a week */
    for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
        entries[i] = (struct query_entry){0, 20, 0};
    }
    struct asked hours = {
        .schema = {QUERY_HISTOGRAM, ARRAY_SIZE(entries), entries, .most_total = 20}};
    double plans = rate(plan, &hours);
    uint64_t epsilon;
    double conversions = rate(convert, &epsilon);
    static struct contributions c;
    c.schema = &hours.schema;
    double contributed = rate(contribute, &c);
    printf("plans of 168 entries:         %11.0f /s\n", plans);
    printf("rho to epsilon:               %11.0f /s\n", conversions);
    printf("contributions of 168 entries: %11.0f /s, clipped to a total and summed\n", contributed);
    return check &&
           !(widest >= FLOOR_SAMPLES && plans >= FLOOR_PLANS && contributed >= FLOOR_CONTRIBUTED);
}
