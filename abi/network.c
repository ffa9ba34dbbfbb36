/* SPDX-License-Identifier: Apache-2.0 */
/* Which endpoints a manifest's lines cover. The enclave asks for its workload, the host's broker
 * for itself: one rule for both. */
#include "abi/network.h"

static bool prefix_same(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;
    if (__builtin_memcmp(a, b, whole) != 0) {
        return false;
    }
    return rest == 0 || ((a[whole] ^ b[whole]) & (0xff00u >> rest) & 0xff) == 0;
}

bool network_allows(const struct manifest_endpoint *endpoints, size_t count, bool udp,
                    const uint8_t ip[16], uint16_t port)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    bool v4 = __builtin_memcmp(ip, mapped, sizeof mapped) == 0;
    for (size_t i = 0; i < count; i++) {
        const struct manifest_endpoint *e = &endpoints[i];
        if (e->udp == udp && e->v6 != v4 && port >= e->first && port <= e->last &&
            prefix_same(e->ip, ip, e->v6 ? e->prefix : 96u + e->prefix)) {
            return true;
        }
    }
    return false;
}
