/* SPDX-License-Identifier: Apache-2.0 */
/* Decimals of costs and probabilities, read exactly or not at all. */
#pragma once

#include "query/account.h"

/* "0.01" -> 10000: a decimal in millionths. Grammar: a whole part without leading zeros, then
 * optionally a point and one to six digits. No sign, exponent, blank, "inf" or "nan"; more digits
 * than six are refused, not rounded, even when they are zeros. -EINVAL for the form and for zero,
 * -ERANGE above max. Trust: the text may come from anybody. */
int dp_parse_micro(struct bytes text, uint64_t max, uint64_t *ret_micro,
                   struct diag *diag) MUST_USE;

/* "0.000001" or "1e-6" -> a probability strictly between 0 and 1. Up to 18 digits after the point,
 * or a digit form with e-1 to e-30. Errors and trust as above. */
int dp_parse_probability(struct bytes text, struct dp_ratio *ret, struct diag *diag) MUST_USE;
