/* SPDX-License-Identifier: Apache-2.0 */
/* The sampler gives exactly the table's distribution (each entry's two sides), draws look like the
 * true one, and its time says nothing. Floats are for the tests' expectations only. */
#include "query/noise.h"
#include "tests/tap.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <time.h>

typedef unsigned __int128 u128;

/* Random bytes from a buffer, or from splitmix64 when there is none; counts what was asked. */
struct trace {
    const uint8_t *given;
    uint64_t state;
    size_t calls, bytes;
    int fail_with;
};

static int trace_fill(void *context, uint8_t *ret_data, size_t size)
{
    struct trace *t = context;
    t->calls++;
    t->bytes += size;
    if (t->fail_with != 0) {
        return t->fail_with;
    }
    if (t->given != NULL) {
        memcpy(ret_data, t->given, size);
        return 0;
    }
    for (size_t i = 0; i < size; i += 8) {
        uint64_t z = t->state += UINT64_C(0x9e3779b97f4a7c15);
        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        store_le64(ret_data + i, z ^ (z >> 31));
    }
    return 0;
}

static int64_t sample(const struct dp_table *table, struct trace *t)
{
    struct dp_random random = {trace_fill, t};
    int64_t noise = INT64_MIN;
    REQUIRE(dp_sample(table, &random, &noise) == 0);
    return noise;
}

static void store_word(uint8_t *to, u128 word)
{
    store_le64(to, (uint64_t)word);
    store_le64(to + 8, (uint64_t)(word >> 64));
}

static u128 entry(const struct dp_table *t, uint32_t i)
{
    return (u128)t->entries[i][1] << 64 | t->entries[i][0];
}

static void test_tables(void)
{
    bool rising = true, declared = true, sized = true, limited = true, found = true;
    for (size_t i = 0; i < dp_table_count; i++) {
        const struct dp_table *t = &dp_tables[i];
        declared &= t->mass_bits >= DP_MASS_BITS;
        sized &= t->draw_size <= DP_DRAW_MAX &&
                 t->draw_size == (t->kind == DP_GAUSSIAN ? 16 : 32 * t->entry_count);
        limited &= t->scale_num <= 1000 * t->scale_den;
        if (i > 0 && t[-1].kind == t->kind) {
            rising &= (u128)t[-1].scale_num * t->scale_den < (u128)t->scale_num * t[-1].scale_den;
        }
        for (uint32_t k = 1; k < t->entry_count && t->kind == DP_GAUSSIAN; k++) {
            rising &= entry(t, k - 1) <= entry(t, k); /* equal ones: a value that is never drawn */
        }
        found &= dp_table_for_sigma(t->kind, t->scale_num, t->scale_den) == t;
    }
    CHECK(dp_table_count <= DP_TABLES_MAX, "there are at most %d tables", DP_TABLES_MAX);
    CHECK(rising, "scales and entries rise");
    CHECK(declared, "every table declares its mass, at most 2^-%d", DP_MASS_BITS);
    CHECK(sized, "every table declares how many random bytes it takes");
    CHECK(limited, "no scale exceeds 1000 units");
    CHECK(found, "a scale that has a table gets that table");
}

static bool rounds_to(enum dp_kind kind, uint64_t num, uint64_t den, uint32_t want_num,
                      uint32_t want_den)
{
    const struct dp_table *t = dp_table_for_sigma(kind, num, den);
    return t != NULL && t->kind == kind && t->scale_num == want_num && t->scale_den == want_den;
}

static void test_rounding(void)
{
    CHECK(rounds_to(DP_GAUSSIAN, 1, UINT64_MAX, 1, 1) && rounds_to(DP_GAUSSIAN, 3, 1, 373, 100) &&
              rounds_to(DP_GAUSSIAN, 10000000001, 10000000000, 139, 100) &&
              rounds_to(DP_GAUSSIAN, 999, 1, 1000, 1) && rounds_to(DP_LAPLACE, 201, 100, 5, 1),
          "a scale between two tables gets the wider one");
    CHECK(dp_table_for_sigma(DP_GAUSSIAN, 1001, 1) == NULL &&
              dp_table_for_sigma(DP_LAPLACE, 10000000001, 10000000) == NULL &&
              dp_table_for_sigma(DP_GAUSSIAN, UINT64_MAX, 1) == NULL,
          "a scale above all tables gets none");
    CHECK(dp_table_for_sigma(DP_GAUSSIAN, 0, 1) == NULL &&
              dp_table_for_sigma(DP_GAUSSIAN, 1, 0) == NULL &&
              dp_table_for_sigma(DP_LAPLACE, 0, 0) == NULL,
          "a scale of zero and a fraction of nothing get none");
}

/* Every number that could be drawn next to an entry: the sampler realises the table, nothing else.
 */
static void test_gaussian_edges(void)
{
    bool exact = true;
    for (size_t i = 0; i < dp_table_count; i++) {
        const struct dp_table *t = &dp_tables[i];
        uint32_t step = t->entry_count > 700 ? 7 : 1;
        for (uint32_t k = 0; k < t->entry_count && t->kind == DP_GAUSSIAN; k += step) {
            uint8_t bytes[16];
            struct trace trace = {.given = bytes};
            uint32_t first = k, last = k; /* of equal entries */
            while (first > 0 && entry(t, first - 1) == entry(t, k)) {
                first--;
            }
            while (last + 1 < t->entry_count && entry(t, last + 1) == entry(t, k)) {
                last++;
            }
            for (int negative = 0; negative < 2; negative++) {
                u128 sign = (u128)negative << 127;
                int64_t factor = negative ? -1 : 1;
                store_word(bytes, (entry(t, k) - 1) | sign);
                exact &= sample(t, &trace) == factor * (int64_t)first;
                store_word(bytes, entry(t, k) | sign);
                exact &= sample(t, &trace) == factor * ((int64_t)last + 1);
            }
        }
    }
    CHECK(exact, "Gaussian: on both sides of each entry the sample is what the table says");
}

static void test_laplace_edges(void)
{
    bool exact = true;
    for (size_t i = 0; i < dp_table_count; i++) {
        const struct dp_table *t = &dp_tables[i];
        for (uint32_t k = 0; k < 2 * t->entry_count && t->kind == DP_LAPLACE; k++) {
            uint8_t bytes[DP_DRAW_MAX];
            memset(bytes, 0xff, sizeof bytes); /* all bits of both are 0 */
            struct trace trace = {.given = bytes};
            uint32_t bit = k % t->entry_count;
            int64_t value = (k < t->entry_count ? 1 : -1) * (INT64_C(1) << bit);
            store_word(bytes + 16 * k, entry(t, bit) - 1);
            exact &= sample(t, &trace) == value;
            store_word(bytes + 16 * k, entry(t, bit));
            exact &= sample(t, &trace) == 0;
        }
    }
    CHECK(exact, "Laplace: each bit of both variables is one just below its entry");
}

static void test_draws(void)
{
    bool same = true, within = true, extreme = true;
    for (size_t i = 0; i < dp_table_count; i++) {
        const struct dp_table *t = &dp_tables[i];
        struct trace trace = {.state = i};
        for (int n = 0; n < 100; n++) {
            size_t calls = trace.calls, bytes = trace.bytes;
            int64_t x = sample(t, &trace);
            same &= trace.calls == calls + 1 && trace.bytes == bytes + t->draw_size;
            within &= x >= -(int64_t)t->reach && x <= (int64_t)t->reach;
        }
        uint8_t bytes[DP_DRAW_MAX];
        struct trace ends = {.given = bytes};
        memset(bytes, 0xff, sizeof bytes);
        extreme &= sample(t, &ends) == (t->kind == DP_GAUSSIAN ? -(int64_t)t->reach : 0);
        memset(bytes, 0, sizeof bytes);
        extreme &= sample(t, &ends) == 0;
        memset(bytes + t->draw_size / 2, 0xff, t->draw_size / 2);
        bytes[15] &= 0x7f;
        extreme &= sample(t, &ends) == (t->kind == DP_GAUSSIAN ? sample(t, &ends) : t->reach);
    }
    CHECK(same, "each sample takes one draw, always of the same size");
    CHECK(within && extreme, "no sample lies beyond the table's reach");
    struct trace broken = {.fail_with = -EIO};
    struct dp_random random = {trace_fill, &broken};
    int64_t noise = 77;
    CHECK(dp_sample(&dp_tables[0], &random, &noise) == -EIO && noise == 77,
          "without random bytes there is no sample");
}

/* Unnormalised. */
static double weight(const struct dp_table *t, double x)
{
    double scale = (double)t->scale_num / t->scale_den;
    return t->kind == DP_GAUSSIAN ? exp(-x * x / (2 * scale * scale)) : exp(-fabs(x) / scale);
}

/* z of a chi-square value (Wilson and Hilferty). */
static double chi_square_z(double value, double freedom)
{
    double part = 2 / (9 * freedom);
    return (cbrt(value / freedom) - (1 - part)) / sqrt(part);
}

/* Bins of neighbouring values with at least 20 expected each; the last bin is everything beyond. */
static double chi_square(const struct dp_table *t, const uint32_t *counts, int draws)
{
    double all = 0, value = 0, expected = 0, left = 1;
    int64_t reach = t->reach, bins = 0;
    double observed = 0, unseen = draws;
    for (int64_t x = -reach; x <= reach; x++) {
        all += weight(t, (double)x);
    }
    for (int64_t x = -reach; x <= reach; x++) {
        expected += draws * weight(t, (double)x) / all;
        observed += counts[x + reach];
        if (expected >= 20 && left * draws - expected >= 20) {
            value += (observed - expected) * (observed - expected) / expected;
            left -= expected / draws;
            unseen -= observed;
            bins++;
            expected = observed = 0;
        }
    }
    left *= draws;
    value += (unseen - left) * (unseen - left) / left;
    return chi_square_z(value, (double)bins);
}

enum { CHI_DRAWS = 30000 };

/* One test a table; 4.75 standard deviations are 10^-6, so 32 tests raise a false alarm for one
 * seed in 30,000. The seeds are fixed: this run is always the same. */
static void test_distribution(void)
{
    double worst = 0, worst_mean = 0;
    static uint32_t counts[2 * 131072];
    for (size_t i = 0; i < dp_table_count; i++) {
        const struct dp_table *t = &dp_tables[i];
        struct trace trace = {.state = 1000 + i};
        memset(counts, 0, sizeof counts);
        double sum = 0, squares = 0;
        for (int n = 0; n < CHI_DRAWS; n++) {
            int64_t x = sample(t, &trace);
            counts[x + (int64_t)t->reach]++;
            sum += (double)x;
            squares += (double)x * (double)x;
        }
        double z = chi_square(t, counts, CHI_DRAWS);
        worst = fmax(worst, z);
        worst_mean = fmax(worst_mean, fabs(sum) / sqrt(squares));
    }
    CHECK(worst < 4.75,
          "samples of each table fit the true probabilities (chi-square; worst z %.2f)", worst);
    CHECK(worst_mean < 5.3, "the mean of each table is 0 (worst z %.2f; false alarm 4e-6)",
          worst_mean);
}

/* The same statistic must see a sampler that is a little wrong. */
static void test_distribution_detects(void)
{
    static uint32_t counts[64];
    const struct dp_table *t = dp_table_for_sigma(DP_GAUSSIAN, 1, 1);
    struct trace trace = {.state = 5};
    memset(counts, 0, sizeof counts);
    for (int n = 0; n < CHI_DRAWS; n++) {
        int64_t x = sample(t, &trace);
        x += n % 20 == 0; /* one in twenty is off by one */
        counts[x + (int64_t)t->reach]++;
    }
    CHECK(chi_square(t, counts, CHI_DRAWS) > 4.75,
          "a sampler that is off by one in 5 %% is noticed");
}

/* What a sampler looks like that stops at the first entry that is larger. */
static int64_t leaky(const struct dp_table *t, struct trace *trace)
{
    uint8_t bytes[16];
    REQUIRE(trace_fill(trace, bytes, sizeof bytes) == 0);
    u128 word = ((u128)load_le64(bytes + 8) << 64 | load_le64(bytes)) & ~(u128)0 >> 1;
    uint32_t k = 0;
    while (k < t->entry_count && entry(t, k) <= word) {
        k++;
    }
    return k;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double correlation(const double *x, const double *y, int n)
{
    double mx = 0, my = 0, xx = 0, yy = 0, xy = 0;
    for (int i = 0; i < n; i++) {
        mx += x[i] / n;
        my += y[i] / n;
    }
    for (int i = 0; i < n; i++) {
        xx += (x[i] - mx) * (x[i] - mx);
        yy += (y[i] - my) * (y[i] - my);
        xy += (x[i] - mx) * (y[i] - my);
    }
    return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : 0;
}

enum { TIMED = 16000 };

/* Correlation of |noise| with its time. Interruptions have times of their own: times are cut at
 * their 5th and 95th percentiles. Without a leak the value has a standard deviation of
 * 1/sqrt(16000) = 0.008, so 0.05 is six of them: one false alarm in 10^9, and each table has three
 * tries. */
static double time_correlation(const struct dp_table *t, uint64_t seed,
                               int64_t (*sampler)(const struct dp_table *, struct trace *))
{
    static double times[TIMED], sizes[TIMED], sorted[TIMED];
    struct trace trace = {.state = seed};
    for (int i = 0; i < TIMED; i++) {
        double start = now_ns();
        int64_t x = sampler(t, &trace);
        times[i] = now_ns() - start;
        sizes[i] = fabs((double)x);
    }
    memcpy(sorted, times, sizeof sorted);
    qsort(sorted, TIMED, sizeof *sorted, by_value);
    for (int i = 0; i < TIMED; i++) {
        times[i] = fmin(fmax(times[i], sorted[TIMED / 20]), sorted[TIMED - TIMED / 20]);
    }
    return correlation(times, sizes, TIMED);
}

static void test_time(void)
{
    static const struct {
        enum dp_kind kind;
        uint32_t scale;
    } timed[] = {{DP_GAUSSIAN, 1}, {DP_GAUSSIAN, 10}, {DP_GAUSSIAN, 100},
                 {DP_LAPLACE, 10}, {DP_LAPLACE, 100}, {DP_LAPLACE, 1000}};
    for (size_t i = 0; i < ARRAY_SIZE(timed); i++) {
        const struct dp_table *t = dp_table_for_sigma(timed[i].kind, timed[i].scale, 1);
        double found = 1;
        for (uint64_t try = 0; try < 3 && fabs(found) >= 0.05; try++) {
            found = time_correlation(t, 10 * i + try, sample);
        }
        CHECK(fabs(found) < 0.05, "%s %u: the time of a sample does not tell its size (%.3f)",
              t->kind == DP_GAUSSIAN ? "Gaussian" : "Laplace", timed[i].scale, found);
    }
    double found = time_correlation(dp_table_for_sigma(DP_GAUSSIAN, 100, 1), 99, leaky);
    CHECK(found > 0.2, "a sampler that stops early is noticed (%.3f)", found);
}

int main(void)
{
    test_tables();
    test_rounding();
    test_gaussian_edges();
    test_laplace_edges();
    test_draws();
    test_distribution();
    test_distribution_detects();
    test_time();
    return tap_done();
}
