/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the tables of query/include/query/noise.h: `mktables OUTPUT.c`.
 *
 * Everything is computed with 512 bits, rounded to nearest; the largest sum has under 2^17 terms,
 * so results are right to 2^-480, far below what is declared. Declared bounds are rounded up after
 * adding 2^-400. The output depends on nothing but the list of scales: the same bytes at each
 * build. */
#include <mpfr.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GAUSSIAN, LAPLACE };
static const struct scale {
    int kind;
    unsigned long num, den;
} scales[] = {
#define DP_TABLE(kind, num, den) {kind, num, den},
#include "query/noise_tables.def"
#undef DP_TABLE
};
#define SCALES (sizeof scales / sizeof scales[0])

struct made {
    unsigned long entries, mass_bits, bound95, reach, draw_size;
};

enum { PRECISION = 512, MARGIN_BITS = 400 };

/* The entry closest to p * 2^bits, as text; ret_back is its value / 2^bits. */
static void entry(FILE *out, mpfr_t p, unsigned long bits, mpfr_t ret_back)
{
    mpz_t z;
    mpz_init(z);
    mpfr_mul_2ui(ret_back, p, bits, MPFR_RNDN);
    mpfr_get_z(z, ret_back, MPFR_RNDN);
    mpfr_set_z(ret_back, z, MPFR_RNDN);
    mpfr_div_2ui(ret_back, ret_back, bits, MPFR_RNDN);
    char digits[64];
    gmp_snprintf(digits, sizeof digits, "%032Zx", z);
    fprintf(out, "    {0x%s, 0x%.16s},\n", digits + 16, digits);
    mpz_clear(z);
}

/* Largest k with mass <= 2^-k, after the margin. */
static unsigned long declared_bits(mpfr_t mass)
{
    mpfr_t margin;
    mpfr_init2(margin, PRECISION);
    mpfr_set_ui_2exp(margin, 1, -MARGIN_BITS, MPFR_RNDU);
    mpfr_add(mass, mass, margin, MPFR_RNDU);
    mpfr_clear(margin);
    return (unsigned long)-mpfr_get_exp(mass); /* mass < 2^exp */
}

/* ret = exp(-x^2 / 2 sigma^2) */
static void gaussian_weight(mpfr_t ret, const struct scale *s, unsigned long x)
{
    mpfr_set_ui(ret, x, MPFR_RNDN);
    mpfr_mul_ui(ret, ret, s->den, MPFR_RNDN);
    mpfr_div_ui(ret, ret, s->num, MPFR_RNDN);
    mpfr_sqr(ret, ret, MPFR_RNDN);
    mpfr_div_2ui(ret, ret, 1, MPFR_RNDN);
    mpfr_neg(ret, ret, MPFR_RNDN);
    mpfr_exp(ret, ret, MPFR_RNDN);
}

static struct made make_gaussian(FILE *out, const struct scale *s)
{
    struct made made = {.draw_size = 16};
    mpfr_t total, weight, inside, p, back, before, mass, step, one;
    mpfr_inits2(PRECISION, total, weight, inside, p, back, before, mass, step, one, (mpfr_ptr)0);
    mpfr_set_ui(one, 1, MPFR_RNDN);
    mpfr_set_ui(total, 1, MPFR_RNDN); /* the weight of 0; then both sides */
    for (unsigned long x = 1;; x++) {
        gaussian_weight(weight, s, x);
        if (mpfr_get_exp(weight) < -PRECISION) {
            break;
        }
        mpfr_mul_2ui(weight, weight, 1, MPFR_RNDN);
        mpfr_add(total, total, weight, MPFR_RNDN);
    }
    mpfr_set_ui(inside, 0,
                MPFR_RNDN); /* the true P(|x| <= i), and `before` the table's P(|x| < i) */
    mpfr_set_ui(before, 0, MPFR_RNDN);
    mpfr_set_ui(mass, 0, MPFR_RNDN);
    for (unsigned long i = 0;; i++) {
        mpfr_sub(step, one, inside, MPFR_RNDN); /* P(|x| >= i) */
        if (made.bound95 == 0 && mpfr_cmp_d(step, 0.5) < 0) {
            mpfr_mul_ui(step, step, 20, MPFR_RNDN);
            made.bound95 = mpfr_cmp_ui(step, 1) <= 0 ? i : 0;
        }
        gaussian_weight(weight, s, i);
        mpfr_mul_2ui(weight, weight, i != 0, MPFR_RNDN);
        mpfr_div(weight, weight, total, MPFR_RNDN);
        mpfr_add(inside, inside, weight, MPFR_RNDN);
        mpfr_mul_2ui(p, inside, 127, MPFR_RNDN);
        mpfr_rint(p, p, MPFR_RNDN);
        int last = mpfr_get_exp(p) > 127; /* rounds to all: the last value that is ever drawn */
        if (last) {
            mpfr_set_ui(back, 1, MPFR_RNDN);
        } else {
            entry(out, inside, 127, back);
            made.entries++;
        }
        mpfr_sub(step, back, before, MPFR_RNDN); /* the table's P(|x| = i) */
        mpfr_sub(step, step, weight, MPFR_RNDN);
        mpfr_abs(step, step, MPFR_RNDN);
        mpfr_add(mass, mass, step, MPFR_RNDU);
        mpfr_set(before, back, MPFR_RNDN);
        if (last) {
            made.reach = i;
            break;
        }
    }
    mpfr_sub(step, one, inside, MPFR_RNDN); /* never drawn at all */
    mpfr_abs(step, step, MPFR_RNDN);
    mpfr_add(mass, mass, step, MPFR_RNDU);
    mpfr_div_2ui(mass, mass, 1, MPFR_RNDU);
    made.mass_bits = declared_bits(mass);
    mpfr_clears(total, weight, inside, p, back, before, mass, step, one, (mpfr_ptr)0);
    return made;
}

static struct made make_laplace(FILE *out, const struct scale *s)
{
    struct made made = {0};
    mpfr_t power, p, back, mass, q, side;
    mpfr_inits2(PRECISION, power, p, back, mass, q, side, (mpfr_ptr)0);
    mpfr_set_ui(mass, 0, MPFR_RNDN);
    mpfr_set_ui(q, s->den, MPFR_RNDN);
    mpfr_div_ui(q, q, s->num, MPFR_RNDN);
    mpfr_neg(q, q, MPFR_RNDN);
    mpfr_exp(q, q, MPFR_RNDN);
    mpfr_set(power, q, MPFR_RNDN); /* q^(2^i) */
    /* Bits until q^(2^k), what lies beyond, is under 2^-128. */
    for (; mpfr_get_exp(power) > -128; made.entries++) {
        mpfr_add_ui(p, power, 1, MPFR_RNDN);
        mpfr_div(p, power, p, MPFR_RNDN);
        entry(out, p, 128, back);
        mpfr_sub(p, p, back, MPFR_RNDN);
        mpfr_abs(p, p, MPFR_RNDN);
        mpfr_add(mass, mass, p, MPFR_RNDU);
        mpfr_sqr(power, power, MPFR_RNDN);
    }
    mpfr_add(mass, mass, power, MPFR_RNDU);
    mpfr_mul_2ui(mass, mass, 1, MPFR_RNDU); /* two geometric variables */
    made.mass_bits = declared_bits(mass);
    made.reach = (1ul << made.entries) - 1;
    made.draw_size = 2 * 16 * made.entries;
    mpfr_set(side, q, MPFR_RNDN); /* P(|x| >= a) = 2 q^a / (1 + q), a >= 1 */
    mpfr_add_ui(p, q, 1, MPFR_RNDN);
    for (made.bound95 = 1;; made.bound95++) {
        mpfr_mul_ui(back, side, 40, MPFR_RNDN);
        if (mpfr_cmp(back, p) <= 0) {
            break;
        }
        mpfr_mul(side, side, q, MPFR_RNDN);
    }
    mpfr_clears(power, p, back, mass, q, side, (mpfr_ptr)0);
    return made;
}

int main(int argc, char **argv)
{
    FILE *out = argc == 2 ? fopen(argv[1], "w") : NULL;
    if (out == NULL) {
        fprintf(stderr, "mktables: want one argument, a file to write\n");
        return 2;
    }
    struct made made[SCALES];
    fprintf(out, "/* SPDX-License-Identifier: Apache-2.0 */\n"
                 "/* Made by tools/mktables.c from query/include/query/noise_tables.def. */\n"
                 "#include \"query/noise.h\"\n\n");
    for (size_t i = 0; i < SCALES; i++) {
        fprintf(out, "static const uint64_t entries_%zu[][2] = {\n", i);
        made[i] = scales[i].kind == GAUSSIAN ? make_gaussian(out, &scales[i])
                                             : make_laplace(out, &scales[i]);
        fprintf(out, "};\n");
    }
    fprintf(out, "\n/* mass_bits: a sample's distribution differs from the true one by at most "
                 "2^-mass_bits\n"
                 " * in total variation, truncation and rounding together. */\n"
                 "const struct dp_table dp_tables[] = {\n");
    for (size_t i = 0; i < SCALES; i++) {
        fprintf(out,
                "    {DP_%s, %lu, %lu, %lu, entries_%zu, .mass_bits = %lu, .bound95 = %lu,\n"
                "     .reach = %lu, .draw_size = %lu},\n",
                scales[i].kind == GAUSSIAN ? "GAUSSIAN" : "LAPLACE", scales[i].num, scales[i].den,
                made[i].entries, i, made[i].mass_bits, made[i].bound95, made[i].reach,
                made[i].draw_size);
    }
    fprintf(out, "};\nconst size_t dp_table_count = %zu;\n", SCALES);
    mpfr_free_cache();
    return ferror(out) || fclose(out) != 0;
}
