/* SPDX-License-Identifier: Apache-2.0 */
/* Costs, conversions, budgets and decimals against published values (numbers are those of the
 * reference table that reference_test.py uses, too) and at their edges. */
#include "query/account.h"
#include "query/budget.h"
#include "query/decimal.h"
#include "query/limits.h"
#include "query/noise.h"
#include "tests/tap.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "dp/real.h"

static const struct dp_ratio millionth = {1, 1000000};

static long double pico(uint64_t value)
{
    return (long double)value * 1e-12L;
}

static long double as_double(struct dp_decimal d)
{
    return (long double)d.digits * powl(10, d.exponent);
}

static void test_epsilon_references(void)
{
    static const struct {
        int number;
        struct dp_ratio rho, delta;
        long double epsilon, tolerance;
    } cases[] = {
        {1, {1, 32}, {1, 1000}, 0.6880024554878084L, 2e-12L},
        {6, {1, 10}, {1, 100000}, 1.914238832L, 1e-9L},
        {7, {1, 2}, {1, 1000000}, 5.22153444453L, 1e-11L},
        {8, {1, 1}, {1, 1000000}, 7.76621662531L, 1e-11L},
        {9, {263, 100}, {1, 10000000000}, 17.4305844873L, 1e-10L},
        {40, {52, 100}, {1, 1000000}, 5.3387L, 5e-5L},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint64_t got = 0;
        int err = dp_epsilon(cases[i].rho, cases[i].delta, 0, &got, NULL);
        long double over = pico(got) - cases[i].epsilon;
        /* The reference is rounded to its last digit, so half of one may be missing. */
        CHECK(err == 0 && over >= -cases[i].tolerance / 2 && over <= cases[i].tolerance,
              "reference %d: epsilon %.12Lf is %.3Lg above the published one", cases[i].number,
              pico(got), over);
    }
    uint64_t one = 0;
    CHECK(dp_epsilon((struct dp_ratio){1, 100}, millionth, 0, &one, NULL) == 0 && one * 52 > 30e12,
          "reference 40: adding up 52 epsilons would say more than 30");
}

static void test_delta_references(void)
{
    static const struct {
        int number;
        struct dp_ratio rho, epsilon;
        long double delta;
    } cases[] = {
        {2, {1, 32}, {0, 1}, 0.1508457845622861L},
        {3, {1, 2}, {0, 1}, 0.5588356393474346L},
        {4, {1, 20}, {1, 4}, 0.08177275310369552L},
        {5,
         {1, (unsigned __int128)2000000000000000 * 100000000000000},
         {1, 10000000000000},
         2.6196763297295e-234L},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct dp_decimal got = {0};
        int err = dp_delta(cases[i].rho, cases[i].epsilon, &got, NULL);
        long double over = as_double(got) / cases[i].delta - 1;
        CHECK(err == 0 && over >= -3e-14L && over <= 2e-11L,
              "reference %d: delta is %.3Lg of the published one above it", cases[i].number, over);
    }
}

static void test_rho_references(void)
{
    uint64_t rho = 0, back = 0, more = 0;
    int err = dp_rho_for(1000000000000, millionth, &rho, NULL);
    CHECK(err == 0 && rho == 24355, "reference 10: 24355 millionths of rho fit (1, 1e-6)");
    CHECK(dp_epsilon(dp_micro(rho), millionth, 0, &back, NULL) == 0 && back <= 1000000000000 &&
              dp_epsilon(dp_micro(rho + 1), millionth, 0, &more, NULL) == 0 && more > 1000000000000,
          "reference 10: and no more do");
    CHECK(dp_cost_gaussian(1, 4530877118, 1000000000, &rho, NULL) == 0 && rho == 24356,
          "reference 10: sigma 4.530877118 is that rho, rounded up");
    CHECK(dp_rho_for(0, millionth, &rho, NULL) == 0 && rho == 0, "no epsilon, no rho");
    CHECK(dp_rho_for(UINT64_MAX, millionth, &rho, NULL) == 0 && rho == DP_RHO_MAX,
          "an endless epsilon gives the largest rho");
}

static void test_conversion_edges(void)
{
    uint64_t e = 7;
    struct dp_decimal d = {7, 7};
    CHECK(dp_epsilon(dp_micro(0), millionth, 0, &e, NULL) == 0 && e == 0, "rho 0 is epsilon 0");
    CHECK(dp_delta(dp_micro(0), dp_micro(0), &d, NULL) == 0 && d.digits == 0, "rho 0 is delta 0");
    CHECK(dp_delta(dp_micro(DP_RHO_MAX), dp_micro(0), &d, NULL) == 0 && as_double(d) >= 1 &&
              as_double(d) < 1.0001L,
          "a large rho is delta 1");
    CHECK(dp_delta(dp_micro(1), (struct dp_ratio){1000000, 1}, &d, NULL) == 0 && d.digits > 0 &&
              d.exponent < -6000,
          "a delta too small to tell is still above zero");
    CHECK(dp_epsilon(dp_micro(1), (struct dp_ratio){999999, 1000000}, 0, &e, NULL) == 0 && e == 0,
          "delta near 1 is epsilon 0");
    static const struct dp_ratio bad[] = {{0, 1}, {1, 1}, {2, 1}, {1, 0}, {1, (u128)1 << 127}};
    bool refused = true;
    e = 7;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        refused &= dp_epsilon(dp_micro(1), bad[i], 0, &e, NULL) == -ERANGE;
        refused &= dp_rho_for(1, bad[i], &e, NULL) == -ERANGE;
    }
    CHECK(refused && e == 7, "a delta of 0, 1, more, or none is refused");
    d.digits = 7;
    CHECK(dp_epsilon((struct dp_ratio){1, 0}, millionth, 0, &e, NULL) == -ERANGE &&
              dp_epsilon((struct dp_ratio){101, 1}, millionth, 0, &e, NULL) == -ERANGE &&
              dp_delta((struct dp_ratio){(u128)1 << 127, 1}, dp_micro(1), &d, NULL) == -ERANGE &&
              dp_delta(dp_micro(1), (struct dp_ratio){1, 0}, &d, NULL) == -ERANGE &&
              dp_delta(dp_micro(1), (struct dp_ratio){1000001, 1}, &d, NULL) == -ERANGE && e == 7 &&
              d.digits == 7,
          "a rho or epsilon that is no number, or huge, is refused");
}

/* What tables round is part of delta. */
static void test_table_mass(void)
{
    uint64_t ideal = 0, real = 0;
    CHECK(dp_epsilon(dp_micro(10000), millionth, 0, &ideal, NULL) == 0 &&
              dp_epsilon(dp_micro(10000), millionth, 4096, &real, NULL) == 0 && real >= ideal &&
              real - ideal < 10,
          "tables' rounding costs less than 10^-11 of epsilon");
    CHECK(dp_epsilon(dp_micro(10000), (struct dp_ratio){1, (u128)1 << 100}, 4096, &real, NULL) ==
              -ERANGE,
          "a delta that tables cannot give is refused");
    CHECK(dp_epsilon(dp_micro(90000000), millionth, 1, &real, NULL) == -ERANGE,
          "so is an epsilon of hundreds");
    CHECK(dp_epsilon(dp_micro(10000), millionth, DP_SAMPLES_MAX + 1, &real, NULL) == -ERANGE,
          "so are more samples than can be covered");
}

static void test_costs(void)
{
    uint64_t micro = 7;
    CHECK(dp_cost_gaussian(4, 1, 1, &micro, NULL) == 0 && micro == 2000000,
          "distance 2 at sigma 1 costs exactly 2");
    CHECK(dp_cost_gaussian(1, 3, 1, &micro, NULL) == 0 && micro == 55556, "1/18 is rounded up");
    CHECK(dp_cost_laplace(1, 10, 1, &micro, NULL) == 0 && micro == 5000,
          "Laplace: epsilon 0.1 costs 0.005");
    CHECK(dp_cost_gaussian(1, 1000000, 1, &micro, NULL) == 0 && micro == 1,
          "the least cost is one millionth");
    micro = 7;
    bool refused = dp_cost_gaussian(0, 1, 1, &micro, NULL) == -EINVAL &&
                   dp_cost_gaussian(1, 0, 1, &micro, NULL) == -EINVAL &&
                   dp_cost_laplace(1, 1, 0, &micro, NULL) == -EINVAL;
    CHECK(refused && micro == 7, "a distance or a scale of zero has no cost: it is refused");
    refused = dp_cost_gaussian((u128)1 << 126, 1, 1, &micro, NULL) == -ERANGE &&
              dp_cost_gaussian((u128)1 << 100, 1, 100000, &micro, NULL) == -ERANGE &&
              dp_cost_gaussian(1, UINT64_MAX, UINT64_MAX, &micro, NULL) == -ERANGE &&
              dp_cost_laplace(UINT64_MAX, 1, 1, &micro, NULL) == -ERANGE &&
              dp_cost_gaussian(201, 1, 1, &micro, NULL) == -ERANGE;
    CHECK(refused && micro == 7, "a distance that costs more than everything is refused");
    CHECK(dp_cost_gaussian(200, 1, 1, &micro, NULL) == 0 && micro == DP_RHO_MAX,
          "the largest cost is none too large");
    CHECK(dp_compose(1, 2, &micro, NULL) == 0 && micro == 3 &&
              dp_compose(DP_RHO_MAX, 0, &micro, NULL) == 0 && micro == DP_RHO_MAX,
          "costs add up");
    micro = 7;
    CHECK(dp_compose(DP_RHO_MAX, 1, &micro, NULL) == -ERANGE &&
              dp_compose(UINT64_MAX, 2, &micro, NULL) == -ERANGE &&
              dp_compose(1, UINT64_MAX, &micro, NULL) == -ERANGE && micro == 7,
          "a sum beyond the largest cost is refused");
}

static uint64_t micro_of(const char *text)
{
    uint64_t micro = 0;
    int err = dp_parse_micro(BYTES(text, strlen(text)), DP_RHO_MAX, &micro, NULL);
    return err == 0 ? micro : 0;
}

/* OpenDP's tightness test: what costs 2.0 passes under 2.0 and not under less. */
static void test_tightness(void)
{
    uint64_t cost = 0;
    int err = dp_cost_gaussian(4, 1, 1, &cost, NULL);
    struct budget_window enough = {.cap = micro_of("2.0")}, less = {.cap = micro_of("1.9999")};
    CHECK(err == 0 && budget_charge(&enough, NULL, 0, cost, NULL) == 0 && enough.spent == 2000000,
          "what costs 2.0 passes under a cap of 2.0");
    CHECK(less.cap == 1999900 && budget_charge(&less, NULL, 0, cost, NULL) == -EDQUOT &&
              less.spent == 0,
          "what costs 2.0 is refused under a cap of 1.9999");
}

static bool same(const void *a, const void *b, size_t size)
{
    return memcmp(a, b, size) == 0;
}

static void test_budgets(void)
{
    struct budget_window user = {.window = 10, .cap = 100, .spent = 40, .lifetime = 1000};
    struct budget_quota quota = {.quota = 70};
    struct diag diag = {{0}};
    CHECK(budget_charge(&user, &quota, 10, 60, &diag) == 0 && user.spent == 100 &&
              user.lifetime == 1060 && quota.spent == 60 && budget_left(&user, 10) == 0 &&
              budget_quota_left(&quota) == 10,
          "a charge is taken from both budgets, to the last millionth");
    struct budget_window before = user;
    struct budget_quota quota_before = quota;
    CHECK(budget_charge(&user, &quota, 10, 1, &diag) == -EDQUOT &&
              same(&user, &before, sizeof user) && same(&quota, &quota_before, sizeof quota) &&
              strstr(diag.text, "0 are left in this window") != NULL,
          "one millionth more than the window has is refused, and nothing is charged");
    CHECK(budget_charge(&user, &quota, 11, 11, &diag) == -EDQUOT &&
              same(&user, &before, sizeof user) && same(&quota, &quota_before, sizeof quota) &&
              strstr(diag.text, "10 are left of the analyst's quota") != NULL,
          "so is one more than the quota has; the window does not move on");
    CHECK(budget_charge(&user, &quota, 11, 10, &diag) == 0 && user.window == 11 &&
              user.spent == 10 && user.lifetime == 1070,
          "a later window starts at zero");
    CHECK(budget_charge(&user, NULL, 10, 1, &diag) == -ESTALE && budget_left(&user, 10) == 0 &&
              user.spent == 10,
          "an earlier one earns nothing");
    CHECK(budget_charge(&user, NULL, 11, 0, &diag) == -EINVAL, "a cost of zero is refused");
    before = user;
    CHECK(budget_charge(&user, NULL, 11, UINT64_MAX, &diag) == -EDQUOT &&
              budget_charge(&user, NULL, 11, UINT64_MAX - 9, &diag) == -EDQUOT &&
              budget_charge(&user, NULL, 11, (uint64_t)-1000, &diag) == -EDQUOT &&
              same(&user, &before, sizeof user),
          "a huge cost, or a negative one in disguise, is refused");
    user.cap = 5;
    CHECK(budget_left(&user, 11) == 0 && budget_charge(&user, NULL, 11, 1, &diag) == -EDQUOT,
          "a cap lowered below what is spent leaves nothing");
    struct budget_window old = {.cap = 100, .lifetime = UINT64_MAX};
    CHECK(budget_charge(&old, NULL, 0, 1, &diag) == -EDQUOT, "a lifetime does not wrap");
}

/* Charges in any order never exceed the caps: every sequence of five out of three costs. */
static void test_budgets_exhaustively(void)
{
    static const uint64_t costs[] = {1, 3, 4};
    bool within = true, greedy = true;
    for (int sequence = 0; sequence < 243; sequence++) {
        struct budget_window user = {.cap = 8};
        struct budget_quota quota = {.quota = 7};
        uint64_t paid = 0;
        for (int i = 0, rest = sequence; i < 5; i++, rest /= 3) {
            uint64_t cost = costs[rest % 3];
            bool taken = budget_charge(&user, &quota, (uint64_t)i / 3, cost, NULL) == 0;
            paid += taken ? cost : 0;
            within &= user.spent <= user.cap && quota.spent <= quota.quota && quota.spent == paid &&
                      user.lifetime == paid;
            greedy &= taken || cost > quota.quota - quota.spent || cost > user.cap - user.spent;
        }
    }
    CHECK(within, "whatever is asked in whatever order, no cap is exceeded");
    CHECK(greedy, "and nothing that fits is refused");
}

static void test_decimals(void)
{
    CHECK(micro_of("0.01") == 10000 && micro_of("1") == 1000000 && micro_of("2.0") == 2000000 &&
              micro_of("0.000001") == 1 && micro_of("12.345678") == 12345678 &&
              micro_of("100") == DP_RHO_MAX,
          "decimals are read exactly");
    static const char *const bad[] = {"",
                                      "-1",
                                      "-0",
                                      "+1",
                                      ".5",
                                      "5.",
                                      "0.0000001",
                                      "0.0100000",
                                      "1e-2",
                                      "nan",
                                      "NaN",
                                      "inf",
                                      "0x1",
                                      "01",
                                      "00.1",
                                      "1,5",
                                      " 1",
                                      "1 ",
                                      "1.5.",
                                      "1.5x",
                                      "1..5",
                                      "0",
                                      "0.0",
                                      "0.000000",
                                      "100.000001",
                                      "101",
                                      "999999999999",
                                      "1000000000000",
                                      "99999999999999999999",
                                      "1.-5",
                                      "\xd9\xa1",
                                      "18446744073709.551617"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        CHECK(micro_of(bad[i]) == 0, "no amount: \"%s\"", bad[i]);
    }
    uint64_t micro = 7;
    static const uint8_t zeros[] = {'1', 0};
    CHECK(dp_parse_micro(BYTES(zeros, 2), DP_RHO_MAX, &micro, NULL) == -EINVAL && micro == 7,
          "a byte of zero ends nothing");
    char longest[DP_DECIMAL_MAX + 2];
    memset(longest, '1', sizeof longest);
    CHECK(dp_parse_micro(BYTES(longest, sizeof longest), UINT64_MAX, &micro, NULL) == -EINVAL,
          "a text of any length is refused");
    CHECK(dp_parse_micro(BYTES("101", 3), DP_RHO_MAX, &micro, NULL) == -ERANGE &&
              dp_parse_micro(BYTES("0.3", 3), 299999, &micro, NULL) == -ERANGE &&
              dp_parse_micro(BYTES("0.3", 3), 300000, &micro, NULL) == 0 && micro == 300000,
          "the largest amount is the caller's");
}

static bool probability(const char *text, u128 num, u128 den)
{
    struct dp_ratio p = {0, 1};
    return dp_parse_probability(BYTES(text, strlen(text)), &p, NULL) == 0 &&
           p.num * den == num * p.den;
}

static void test_probabilities(void)
{
    u128 big = 1;
    for (int i = 0; i < 30; i++) {
        big *= 10;
    }
    CHECK(probability("0.000001", 1, 1000000) && probability("1e-6", 1, 1000000) &&
              probability("0.05", 1, 20) && probability("9e-1", 9, 10) &&
              probability("0.000000000000000001", 1, 1000000000000000000),
          "probabilities are read exactly");
    struct dp_ratio p;
    CHECK(dp_parse_probability(BYTES("3e-30", 5), &p, NULL) == 0 && p.num == 3 && p.den == big,
          "the least exponent is -30");
    static const char *const bad[] = {
        "",       "0",     "1",    "1.0",   "2",     "0.0",   "0e-3",
        "1e6",    "1e-",   "1e-0", "1e-31", "1e-06", "10e-3", "1E-6",
        "1.5e-3", "-1e-6", "nan",  "1e--6", "1e-6 ", "e-6",   "0.0000000000000000001",
        "1e-400", "1e-1.5"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        CHECK(dp_parse_probability(BYTES(bad[i], strlen(bad[i])), &p, NULL) != 0,
              "no probability: \"%s\"", bad[i]);
    }
    char longest[DP_DECIMAL_MAX + 2];
    memset(longest, '0', sizeof longest);
    CHECK(dp_parse_probability(BYTES(longest, sizeof longest), &p, NULL) == -EINVAL,
          "a text of any length is refused as a probability");
}

static long double value(struct real r)
{
    return ldexpl((long double)r.m, r.e);
}

/* Small numbers, where the exact result is known: both directions enclose it, and tightly. */
static void test_reals(void)
{
    bool encloses = true, tight = true, exact = true;
    for (uint64_t a = 1; a < 60; a++) {
        for (uint64_t b = 1; b < 60; b++) {
            struct real x = real_whole(a), y = real_whole(b);
            struct real down = real_div(x, y, DOWN), up = real_div(x, y, UP);
            struct real ratio_down = real_ratio(a, b, DOWN), ratio_up = real_ratio(a, b, UP);
            /* down * b <= a <= up * b, in whole numbers */
            encloses &= real_compare(real_mul(down, y, DOWN), x) <= 0 &&
                        real_compare(real_mul(up, y, UP), x) >= 0 &&
                        real_compare(real_mul(ratio_down, y, DOWN), x) <= 0 &&
                        real_compare(real_mul(ratio_up, y, UP), x) >= 0;
            tight &= value(up) - value(down) <= value(up) * 0x1p-62L &&
                     value(ratio_up) - value(ratio_down) <= value(ratio_up) * 0x1p-62L;
            exact &= real_compare(real_add(x, y, UP), real_whole(a + b)) == 0 &&
                     real_compare(real_mul(x, y, UP), real_whole(a * b)) == 0 &&
                     real_compare(real_sub(x, y, UP), real_whole(a > b ? a - b : 0)) == 0 &&
                     real_floor(down) == a / b - (a % b == 0 && value(down) * b < a) &&
                     real_ceil(up) >= (a + b - 1) / b;
        }
    }
    CHECK(encloses, "quotients lie between their two roundings");
    CHECK(tight, "which are 2^-62 apart");
    CHECK(exact, "whole numbers are exact");
    struct real one = real_whole(1), tiny = {UINT64_C(1) << 63, -300};
    CHECK(real_compare(real_add(one, tiny, DOWN), one) == 0 &&
              real_compare(real_add(one, tiny, UP), one) > 0 &&
              real_compare(real_sub(one, tiny, DOWN), one) < 0 &&
              real_compare(real_sub(one, tiny, UP), one) == 0,
          "what is too small to be seen still rounds in its direction");
    struct real ones = {UINT64_MAX, 0};
    CHECK(value(real_add(ones, one, UP)) == 0x1p64L && value(real_mul(ones, ones, UP)) > 0x1p127L,
          "a mantissa of ones carries");
    CHECK(real_ceil(tiny) == 1 && real_floor(tiny) == 0 && real_ceil((struct real){0}) == 0 &&
              real_floor(real_scale(one, 64)) == UINT64_MAX &&
              real_ceil(real_scale(one, 64)) == UINT64_MAX && real_ceil(real_whole(5)) == 5 &&
              real_floor(ones) == UINT64_MAX && real_ceil(real_ratio(11, 2, UP)) == 6,
          "ceilings and floors, also of what does not fit");
}

static void test_logarithms(void)
{
    bool log_ok = true, exp_ok = true;
    for (int i = -60; i < 200; i++) {
        for (uint64_t m = 1; m < 40; m += 2) {
            struct real x = real_scale(real_whole(m), i);
            long double low = value(real_ln1p(x, DOWN)), high = value(real_ln1p(x, UP));
            long double truth = log1pl(value(x));
            log_ok &=
                low <= high && high - low <= high * 1e-17L && fabsl(low - truth) <= truth * 1e-17L;
            if (i > 8) {
                continue;
            }
            long double up = value(real_exp_minus(x, UP)), down = value(real_exp_minus(x, DOWN));
            long double exact = expl(-value(x));
            exp_ok &= up >= down && up >= exact * (1 - 3e-15L) && up <= exact * (1 + 3e-15L) &&
                      down >= exact * (1 - 3e-15L) && down <= exact * (1 + 3e-15L);
        }
    }
    CHECK(log_ok, "both bounds of ln(1 + x) agree with each other and with libm");
    CHECK(exp_ok, "both bounds of exp(-x) agree with each other and with libm");
    CHECK(value(real_exp_minus((struct real){0}, UP)) == 1 &&
              value(real_exp_minus((struct real){0}, DOWN)) == 1,
          "exp(0) is 1");
    CHECK(real_exp_minus(real_whole(1000000), UP).m != 0 &&
              real_exp_minus(real_whole(1000000), DOWN).m == 0,
          "what is too small to tell lies between zero and something");
}

static void test_odds(void)
{
    CHECK(dp_odds(0) == 500000, "without a release one guesses right 50 times in 100");
    CHECK(dp_odds(80000000000) == 519990, "epsilon 0.08: 52.0 in 100");
    CHECK(dp_odds(1000000000000) == 731059, "epsilon 1: 73.1 in 100, rounded up");
    CHECK(dp_odds(1) == 500001 && dp_odds(UINT64_MAX) == 1000000,
          "rounded up, and no more than always");
}

int main(void)
{
    test_epsilon_references();
    test_delta_references();
    test_rho_references();
    test_conversion_edges();
    test_table_mass();
    test_costs();
    test_tightness();
    test_budgets();
    test_budgets_exhaustively();
    test_decimals();
    test_probabilities();
    test_reals();
    test_logarithms();
    test_odds();
    return tap_done();
}
