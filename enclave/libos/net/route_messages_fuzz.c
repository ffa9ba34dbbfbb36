/* SPDX-License-Identifier: Apache-2.0 */
/* Requests over rtnetlink, as a workload may write them: every answer is a datagram of whole
 * messages, for the port that asked, and there are no more of them than requests allow. */
#include "route_messages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PORT 4711u

void base_require_failed(const char *expression, const char *file, int line)
{
    fprintf(stderr, "%s:%d: %s\n", file, line, expression);
    abort();
}

static bool check(void *context, const void *data, size_t size)
{
    size_t *left = context;
    const uint8_t *at = data;
    while (size > 0) {
        uint32_t head[4];
        if (size < sizeof head) {
            abort();
        }
        memcpy(head, at, sizeof head);
        size_t step = (head[0] + 3u) & ~(size_t)3;
        if (head[0] < sizeof head || head[0] > size || head[3] != PORT) {
            abort();
        }
        step = step < size ? step : size;
        at += step;
        size -= step;
    }
    return (*left)-- > 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t left = 2 * (size / 16) + 1; /* a dump is two datagrams */
    route_answer(data, size, PORT, size % 2 == 0, check, &left);
    if (left == 0) {
        abort();
    }
    left = 1; /* no room after the first */
    route_answer(data, size, PORT, true, check, &left);
    return 0;
}
