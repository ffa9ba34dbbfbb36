/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the head of a program: no crash, and what is accepted can be mapped as it stands. */
#include "abi/elf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct elf_image e;
    struct diag d;
    size_t head = size < ELF_HEAD_SIZE ? size : ELF_HEAD_SIZE;
    if (elf_parse(BYTES(data, head), size, &e, &d) != 0) {
        return 0;
    }
    uint64_t end = 0;
    REQUIRE(e.segment_count > 0 && e.segment_count <= ELF_SEGMENTS_MAX && e.end <= ELF_ADDR_MAX);
    REQUIRE(e.entry >= e.start && e.entry < e.end && e.interp_size <= ELF_INTERP_MAX);
    for (size_t i = 0; i < e.segment_count; i++) {
        const struct elf_segment *s = &e.segments[i];
        REQUIRE(align_down(s->vaddr, 4096) >= end && !(s->write && s->exec));
        REQUIRE(range_within(s->offset, s->filesz, size) && s->filesz <= s->memsz);
        end = align_down(s->vaddr + s->memsz + 4095, 4096);
    }
    REQUIRE(end == e.end && range_within(e.interp_offset, e.interp_size, size));
    return 0;
}
