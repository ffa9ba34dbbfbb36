/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as an amount and as a probability: what is accepted has the value that its digits say,
 * counted here in another way; a probability that is accepted is one that can be converted. */
#include "query/decimal.h"
#include "query/limits.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

/* The digits without the point, and how many follow it. */
static uint64_t digits_of(const uint8_t *data, size_t size, unsigned *ret_after)
{
    uint64_t value = 0;
    bool point = false;
    *ret_after = 0;
    for (size_t i = 0; i < size; i++) {
        must((data[i] >= '0' && data[i] <= '9') || (data[i] == '.' && !point));
        if (data[i] == '.') {
            point = true;
        } else {
            value = value * 10 + (uint64_t)(data[i] - '0');
            *ret_after += point;
        }
    }
    return value;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t micro;
    if (dp_parse_micro(BYTES(data, size), DP_RHO_MAX, &micro, NULL) == 0) {
        unsigned after;
        uint64_t value = digits_of(data, size, &after);
        must(after <= 6 && micro > 0 && micro <= DP_RHO_MAX);
        for (; after < 6; after++) {
            value *= 10;
        }
        must(value == micro);
    }
    struct dp_ratio p;
    struct diag diag = {{0}};
    if (dp_parse_probability(BYTES(data, size), &p, &diag) == 0) {
        must(p.num > 0 && p.num < p.den && p.den >> 127 == 0 && diag.text[0] == 0);
        uint64_t pico;
        must(dp_epsilon(dp_micro(10000), p, 0, &pico, NULL) == 0);
    } else {
        must(diag.text[0] != 0);
    }
    return 0;
}
