/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers for people, by whole-number arithmetic: what is printed is the exact quotient, rounded
 * where it says so, and no float has touched it. */
#pragma once

#include "base/attr.h"

struct number {
    char text[64];
};

/* num / den with so many digits behind the point (at most 12), half rounded away from zero, whole
 * part in groups: "-1,234.50". den > 0; |num| * 10^digits < 2^126. */
struct number number_of(__int128 num, unsigned __int128 den, unsigned digits);
/* The same, rounded up: for costs, bounds and epsilons, which must not look smaller than they are.
 */
struct number number_up(unsigned __int128 num, unsigned __int128 den, unsigned digits);
/* For programs and for exact decimals: no groups, no zeros at the end: "0.01". */
struct number number_plain(__int128 num, unsigned __int128 den, unsigned digits);
/* Digits behind the point that show two figures of num / den: 0 to 9. */
unsigned number_digits(unsigned __int128 num, unsigned __int128 den);
/* The root of a whole number as number_up() shows it; value < 2^100, digits at most 3. */
struct number number_root(unsigned __int128 value, unsigned digits);
