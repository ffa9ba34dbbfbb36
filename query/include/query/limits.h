/* SPDX-License-Identifier: Apache-2.0 */
/* Everything here has a bound, and each bound a reason. */
#pragma once

/* Entries of a vector: 64 x 64 zones, or 170 weeks of hours. One contribution is then at most 32
 * KiB. */
#define QUERY_ENTRIES_MAX 4096
/* An entry's size in the schema's unit: 10^12 is more metres, grams or seconds than anybody
 * travels; sums of squares over all entries stay below 2^92. */
#define QUERY_VALUE_MAX (INT64_C(1) << 40)
/* People asked in one query: a large country's phones. Sums stay below 2^66 and are refused from
 * 2^62 on. */
#define QUERY_USERS_MAX (UINT64_C(1) << 26)
/* A released number, before noise: an int64 holds it with any table's noise. */
#define QUERY_SUM_MAX (INT64_C(1) << 62)

/* The largest cost or cap, in millionths of rho: at rho = 100 nothing is private any more. */
#define DP_RHO_MAX UINT64_C(100000000)
/* Samples that one statement about epsilon may cover. */
#define DP_SAMPLES_MAX (UINT64_C(1) << 32)
/* A decimal's text: 18 digits each side, a point and an exponent. */
#define DP_DECIMAL_MAX 48
