/* SPDX-License-Identifier: Apache-2.0 */
/* Answers the oracle's questions, one a line: how a test in another language calls the library.
 *   tables                              each table, then its entries
 *   sample TABLE HEX                    the sample that these random bytes give
 *   epsilon RHO RHO DELTA DELTA COUNT   as numerator and denominator
 *   delta RHO RHO EPSILON EPSILON
 *   rho EPSILON DELTA DELTA             the largest that fits; epsilon in 10^-12
 *   exp X X                             bounds of e^-X, each as mantissa and exponent of two
 *   charge CAP COST COST COST           what a budget says to each, and what is spent then
 *   gaussian|laplace DISTANCE NUM DEN   a cost */
#include "query/account.h"
#include "query/budget.h"
#include "query/noise.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dp/real.h"

static u128 number(char **text)
{
    u128 value = 0;
    for (*text += strspn(*text, " "); **text >= '0' && **text <= '9'; (*text)++) {
        value = value * 10 + (u128)(**text - '0');
    }
    return value;
}

static void tables(void)
{
    for (size_t i = 0; i < dp_table_count; i++) {
        const struct dp_table *t = &dp_tables[i];
        printf("%d %u %u %u %u %u %u %u\n", (int)t->kind, t->scale_num, t->scale_den,
               t->entry_count, t->mass_bits, t->bound95, t->reach, t->draw_size);
        for (uint32_t k = 0; k < t->entry_count; k++) {
            printf("%016" PRIx64 "%016" PRIx64 "\n", t->entries[k][1], t->entries[k][0]);
        }
    }
    printf(".\n");
}

static int given(void *context, uint8_t *ret_data, size_t size)
{
    return hex_decode(ret_data, size, *(const struct bytes *)context) ? 0 : -1;
}

static void sample(char *text)
{
    uint64_t table = (uint64_t)number(&text);
    text += strspn(text, " ");
    struct bytes hex = BYTES(text, strcspn(text, "\n"));
    struct dp_random random = {given, &hex};
    int64_t noise = 0;
    int err = table < dp_table_count ? dp_sample(&dp_tables[table], &random, &noise) : -1;
    printf("%d %" PRId64 "\n", err, noise);
}

static void convert(char *text, bool to_epsilon)
{
    struct dp_ratio rho = {number(&text), 0}, other;
    rho.den = number(&text);
    other.num = number(&text);
    other.den = number(&text);
    if (to_epsilon) {
        uint64_t pico = 0;
        int err = dp_epsilon(rho, other, (uint64_t)number(&text), &pico, NULL);
        printf("%d %" PRIu64 "\n", err, pico);
    } else {
        struct dp_decimal delta = {0};
        int err = dp_delta(rho, other, &delta, NULL);
        printf("%d %" PRIu64 " %d\n", err, delta.digits, delta.exponent);
    }
}

static void cost(char *text, bool gaussian)
{
    u128 distance = number(&text);
    uint64_t num = (uint64_t)number(&text), den = (uint64_t)number(&text), micro = 0;
    int err = gaussian ? dp_cost_gaussian(distance, num, den, &micro, NULL)
                       : dp_cost_laplace((uint64_t)distance, num, den, &micro, NULL);
    printf("%d %" PRIu64 "\n", err, micro);
}

static void largest_rho(char *text)
{
    uint64_t pico = (uint64_t)number(&text), micro = 0;
    struct dp_ratio delta = {number(&text), 0};
    delta.den = number(&text);
    int err = dp_rho_for(pico, delta, &micro, NULL);
    printf("%d %" PRIu64 "\n", err, micro);
}

static void exponential(char *text)
{
    u128 num = number(&text), den = number(&text);
    struct real low = real_exp_minus(real_ratio(num, den, UP), DOWN);
    struct real high = real_exp_minus(real_ratio(num, den, DOWN), UP);
    printf("%" PRIu64 " %d %" PRIu64 " %d\n", low.m, low.e, high.m, high.e);
}

static void charge(char *text)
{
    struct budget_window window = {.cap = (uint64_t)number(&text)};
    for (int i = 0; i < 3; i++) {
        printf("%d ", budget_charge(&window, NULL, 0, (uint64_t)number(&text), NULL));
    }
    printf("%" PRIu64 "\n", window.spent);
}

int main(void)
{
    char line[4096];
    while (fgets(line, sizeof line, stdin) != NULL) {
        char *rest = line + strcspn(line, " \n");
        char *arguments = *rest == ' ' ? rest + 1 : rest;
        *rest = 0;
        if (strcmp(line, "tables") == 0) {
            tables();
        } else if (strcmp(line, "sample") == 0) {
            sample(arguments);
        } else if (strcmp(line, "epsilon") == 0 || strcmp(line, "delta") == 0) {
            convert(arguments, line[0] == 'e');
        } else if (strcmp(line, "rho") == 0) {
            largest_rho(arguments);
        } else if (strcmp(line, "exp") == 0) {
            exponential(arguments);
        } else if (strcmp(line, "charge") == 0) {
            charge(arguments);
        } else if (strcmp(line, "gaussian") == 0 || strcmp(line, "laplace") == 0) {
            cost(arguments, line[0] == 'g');
        } else {
            printf("?\n");
        }
        fflush(stdout);
    }
    return 0;
}
