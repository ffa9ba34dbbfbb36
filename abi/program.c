/* SPDX-License-Identifier: Apache-2.0 */
/* What a shim program's descriptor may say, see program.h. */
#include "abi/program.h"

#include <errno.h>

#include "abi/sgx.h"
#include "base/bytes.h"

static bool whole_pages(uint64_t n)
{
    return n % SGX_PAGE_SIZE == 0;
}

static int check_segment(const struct program_segment *s, uint64_t previous_end, struct diag *d)
{
    const uint64_t all = SGX_SECINFO_R | SGX_SECINFO_W | SGX_SECINFO_X;
    if (!whole_pages(s->start) || !whole_pages(s->measured) || !whole_pages(s->size) ||
        s->size == 0 || s->measured > s->size || s->start < previous_end ||
        !range_within(s->start, s->size, APP_LIBRARIES)) {
        return diag_fail(d, -EINVAL, "the program's segments overlap or lie outside their range");
    }
    if ((s->rights & ~all) != 0 || (s->rights & SGX_SECINFO_R) == 0 ||
        ((s->rights & SGX_SECINFO_W) != 0 && (s->rights & SGX_SECINFO_X) != 0)) {
        return diag_fail(d, -EINVAL, "a segment of the program is writable and executable");
    }
    if ((s->rights & SGX_SECINFO_X) != 0 && s->measured != s->size) {
        return diag_fail(d, -EINVAL, "the program has text that is not measured");
    }
    return 0;
}

int program_descriptor_check(const struct program_descriptor *p, struct diag *d)
{
    uint64_t end = APP_BASE;
    bool entry_is_text = false;
    if (p->magic != PROGRAM_MAGIC || p->segment_count == 0 ||
        p->segment_count > PROGRAM_SEGMENTS_MAX || !whole_pages(p->stubs_size) ||
        p->stubs_size == 0 || p->stubs_size > APP_STUBS_END - APP_STUBS) {
        return diag_fail(d, -EINVAL, "no description of a program that this runtime understands");
    }
    for (uint64_t i = 0; i < p->segment_count; i++) {
        const struct program_segment *s = &p->segments[i];
        int r = check_segment(s, end, d);
        if (r != 0) {
            return r;
        }
        end = s->start + s->size;
        entry_is_text = entry_is_text || ((s->rights & SGX_SECINFO_X) != 0 &&
                                          p->entry >= s->start && p->entry < end);
    }
    if (!entry_is_text || p->end < end || p->end > APP_LIBRARIES || p->phnum > UINT16_MAX) {
        return diag_fail(d, -EINVAL, "the program's entry point or end lies outside of it");
    }
    return 0;
}
