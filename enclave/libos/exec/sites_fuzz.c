/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a rewriting table: no crash, and every accepted site gives a stub that fits. */
#include "exec/rewrite.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint64_t file_size = UINT64_C(1) << 30;
    const struct stub_targets targets = {RUNTIME_BASE, RUNTIME_BASE + 64};
    struct site_table t;
    uint8_t code[STUB_MAX];
    if (site_table_parse(data, size, file_size, &t) != 0) {
        return 0;
    }
    for (uint32_t i = 0; i < t.count; i++) {
        const struct site *s = &t.sites[i];
        REQUIRE(range_within(s->patch_offset, s->patch_size, file_size));
        size_t n = stub_generate(s, 0x40000000 + s->patch_offset, 0x3f000000, &targets, code);
        REQUIRE(n > 0 && n <= STUB_MAX);
    }
    return 0;
}
