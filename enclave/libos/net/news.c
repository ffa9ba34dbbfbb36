/* SPDX-License-Identifier: Apache-2.0 */
/* What the host tells of its sockets, record by record (struct net_event). The adversary writes all
 * of it: what has no form ends the news, and everything else is the network's word. */
#include "outside.h"

bool news_next(struct cursor *news, struct net_event *ret, struct bytes *ret_data)
{
    struct net_event e;
    e.socket = cursor_le32(news);
    e.events = cursor_le32(news);
    e.brought = (int32_t)cursor_le32(news);
    e.reserved = cursor_le32(news);
    size_t size = 0;
    if (!cursor_ok(news)) {
        return false;
    }
    if ((e.events & NET_BROUGHT) != 0 && e.brought > 0) {
        size = (size_t)e.brought;
        if (size > NET_BROUGHT_MAX) {
            return false;
        }
    }
    struct bytes data = cursor_take(news, size);
    ignore_result(cursor_take(news, (8 - size % 8) % 8).size, "what it is filled up with");
    if (!cursor_ok(news)) {
        return false;
    }
    *ret = e;
    *ret_data = data;
    return true;
}
