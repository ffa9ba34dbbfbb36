/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps a running mean and shows no single number: the mean is given out for five or more samples,
 * and then only every fifth one, so that two means never differ by one sample. */
#include "mean.h"
#define SDK_CALLS "mean.def"
#include "sdk/enclave.h"

#include <errno.h>

#define GROUP 5u
#define LIMIT 1000000

static int64_t sum;
static uint64_t count;

int ecall_add(const struct sample *in, struct sdk_nothing *out)
{
    (void)out;
    if (in->value < -LIMIT || in->value > LIMIT || count == UINT32_MAX) {
        return -ERANGE;
    }
    sum += in->value;
    count++;
    return 0;
}

int ecall_mean(const struct sdk_nothing *in, struct mean *out)
{
    struct sdk_nothing answer;
    (void)in;
    if (count == 0 || count % GROUP != 0) {
        return -EAGAIN;
    }
    *out = (struct mean){sum / (int64_t)count, count};
    return ocall_published(out, &answer);
}
