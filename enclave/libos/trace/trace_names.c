/* SPDX-License-Identifier: Apache-2.0 */
/* Flags and values by name, for traces. */
#include "trace/trace.h"

static const struct {
    uint8_t table; /* enum trace_table */
    uint32_t mask, value;
    const char *name;
} rows[] = {
#define TRACE_TABLE(table)
#define TRACE_NAME(table, mask, value, name) {TRACE_##table, (mask), (value), name},
#include "trace_flags.def"
};

void trace_names(struct trace_line *l, enum trace_table table, uint64_t value)
{
    uint64_t left = value;
    bool any = false;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (rows[i].table != table || ((uint32_t)value & rows[i].mask) != rows[i].value) {
            continue;
        }
        /* Part of a longer name that was shown, or what a row of more bits shares with it. */
        if (rows[i].value != 0 && (left & rows[i].value) == 0) {
            continue;
        }
        trace_add(l, "%s%s", any ? "|" : "", rows[i].name);
        left &= ~(uint64_t)rows[i].mask;
        any = true;
        if (rows[i].mask == UINT32_MAX) {
            return;
        }
    }
    if (left != 0 || !any) {
        trace_add(l, left < 10 ? "%s%llu" : "%s0x%llx", any ? "|" : "", (unsigned long long)left);
    }
}
