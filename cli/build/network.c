/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoints of the network, see network.h. Addresses only: a name means what somebody's resolver
 * says that day, and nobody could compare it. */
#include "network.h"

#include <arpa/inet.h>
#include <string.h>

/* Decimal digits at *at, at most max; moves behind them. */
static bool take_number(const char **at, unsigned max, unsigned *ret)
{
    const char *start = *at;
    unsigned v = 0;
    while (**at >= '0' && **at <= '9' && v <= max) {
        v = v * 10 + (unsigned)(*(*at)++ - '0');
    }
    *ret = v;
    return *at != start && v <= max && (*start != '0' || *at == start + 1);
}

static const char *take_address(const char **at, struct manifest_endpoint *e)
{
    char address[64];
    bool v6 = **at == '[';
    const char *start = *at + (v6 ? 1 : 0);
    size_t size = strcspn(start, v6 ? "]" : "/:");
    if (size >= sizeof address || (v6 && start[size] != ']')) {
        return "the address has no end; IPv6 addresses stand in brackets";
    }
    memcpy(address, start, size);
    address[size] = '\0';
    *at = start + size + (v6 ? 1 : 0);
    e->v6 = v6;
    e->prefix = v6 ? 128 : 32;
    if (!v6) {
        e->ip[10] = e->ip[11] = 0xff;
    }
    return inet_pton(v6 ? AF_INET6 : AF_INET, address, v6 ? e->ip : e->ip + 12) == 1
               ? NULL
               : "not an IP address; names are resolved by nobody";
}

const char *network_parse(const char *text, struct manifest_endpoint *ret)
{
    struct manifest_endpoint e = {.udp = strncmp(text, "udp ", 4) == 0};
    const char *at = e.udp || strncmp(text, "tcp ", 4) == 0 ? text + 4 : text;
    unsigned prefix, first, last;
    const char *why = take_address(&at, &e);
    if (why != NULL) {
        return why;
    }
    if (*at == '/') {
        at++;
        if (!take_number(&at, e.prefix, &prefix)) {
            return "the prefix is not a number of the address's bits";
        }
        e.prefix = (uint8_t)prefix;
    }
    for (unsigned i = (e.v6 ? 0u : 96u) + e.prefix; i < 128; i++) {
        if ((e.ip[i / 8] & (0x80u >> (i % 8))) != 0) {
            return "the address has bits behind its prefix";
        }
    }
    if (*at++ != ':' || !take_number(&at, UINT16_MAX, &first) || first == 0) {
        return "a port from 1 to 65535 is missing behind the address";
    }
    last = first;
    if (*at == '-') {
        at++;
        if (!take_number(&at, UINT16_MAX, &last) || last < first) {
            return "the last port is not one from the first to 65535";
        }
    }
    if (*at != '\0') {
        return "something follows the port";
    }
    e.first = (uint16_t)first;
    e.last = (uint16_t)last;
    *ret = e;
    return NULL;
}
