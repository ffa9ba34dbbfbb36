/* SPDX-License-Identifier: Apache-2.0 */
/* News of the network, as a host may write them: what was brought lies within them, is no more than
 * was asked for, and each record ends before the next. */
#include "outside.h"

#include <stdio.h>
#include <stdlib.h>

void base_require_failed(const char *expression, const char *file, int line)
{
    fprintf(stderr, "%s:%d: %s\n", file, line, expression);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cursor news = cursor_of(BYTES(data, size));
    struct net_event e;
    struct bytes brought;
    const uint8_t *at = data;
    while (news_next(&news, &e, &brought)) {
        bool says = (e.events & NET_BROUGHT) != 0 && e.brought > 0;
        if (brought.size != (says ? (size_t)e.brought : 0) || brought.size > NET_BROUGHT_MAX ||
            (size_t)(data + size - at) < sizeof e + brought.size ||
            (brought.size > 0 && brought.data != at + sizeof e) ||
            news.rest.data < at + sizeof e + brought.size) {
            abort();
        }
        at = news.rest.data;
    }
    return 0;
}
