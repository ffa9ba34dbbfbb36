/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a trampoline: no crash, nothing beyond the longest shape counts, and what is
 * accepted says where it leads in its own bytes. */
#include "exec/trampoline.h"

#define AT UINT64_C(0x812345678)

static bool holds(const uint8_t *data, size_t size, uint64_t value, size_t width)
{
    for (size_t i = 0; i + width <= size; i++) {
        if (__builtin_memcmp(data + i, &value, width) == 0) {
            return true;
        }
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trampoline t, again;
    if (!trampoline_read(BYTES(data, size), AT, &t)) {
        return 0;
    }
    const size_t most = size < TRAMPOLINE_MAX ? size : TRAMPOLINE_MAX;
    REQUIRE(trampoline_read(BYTES(data, most), AT, &again));
    REQUIRE(again.target == t.target && again.r10 == t.r10 && again.sets_r11 == t.sets_r11);
    REQUIRE(t.target >> 47 == 0 && holds(data, most, t.target, t.target >> 32 == 0 ? 4 : 8));
    REQUIRE(t.sets_r11 ? t.r11 == t.target && holds(data, most, t.r10, 8) : t.r10 == AT);
    return 0;
}
