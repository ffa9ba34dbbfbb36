/* SPDX-License-Identifier: Apache-2.0 */
/* What the parties of private queries say to each other: a struct for each record of records.def,
 * a reader and a writer. Who says what to whom: docs/formats/parties.md.
 *
 * Functions over bytes: no allocation, no OS; callable from any thread, in enclaves and outside.
 *
 * Trust: records come from anybody. What was read has the members, types and bounds of its row, and
 * nothing else is known of it. */
#pragma once

#include "base/diag.h"
#include "wire/limits.h"

enum wire_order_kind {
#define ORDER(name, text) WIRE_ORDER_##name,
#include "wire/orders.def"
#undef ORDER
    WIRE_ORDER_COUNT,
};
enum wire_code {
#define CODE(name, text, explanation) WIRE_CODE_##name,
#include "wire/codes.def"
#undef CODE
    WIRE_CODE_COUNT,
};
enum wire_query_state {
#define QUERY_STATE(name, text) WIRE_QUERY_##name,
#include "wire/query_states.def"
#undef QUERY_STATE
    WIRE_QUERY_STATE_COUNT,
};
/* "pause"; NULL outside the enum, as for the others. */
const char *wire_order_text(uint64_t order);
const char *wire_code_text(uint64_t code);
const char *wire_code_explain(uint64_t code);
const char *wire_query_state_text(uint64_t state);

#define UINT(name, max)        uint64_t name;
#define FLAG(name)             bool name;
#define FIXED(name, n)         uint8_t name[n];
#define BYTES_(name, min, max) struct bytes name;
#define TEXT(name, min, max)   struct bytes name;
#define LIST(name, record, max)                                                                    \
    size_t name##_count;                                                                           \
    struct wire_##record name[max];
#define RECORD(name, format, ...)                                                                  \
    struct wire_##name {                                                                           \
        __VA_ARGS__                                                                                \
    };
#include "wire/records.def"
#undef RECORD

enum wire_record {
#define RECORD(name, format, ...) WIRE_##name,
#include "wire/records.def"
#undef RECORD
    WIRE_RECORDS, /* none */
};

/* Which record is it, by its format? WIRE_RECORDS: none of these, or it cannot be read. */
enum wire_record wire_peek(struct bytes cbor);
/* "alcove-claim-1"; NULL for records that stand in lists only and outside the enum. */
const char *wire_format(enum wire_record record);

/* Strict: unknown, missing, unsorted or ill-typed members, values out of bounds, trailing bytes are
 * -EINVAL; *ret is then zero. Views point into cbor. */
int wire_read(enum wire_record record, struct bytes cbor, void *ret, struct diag *d) MUST_USE;
/* Appends. -EINVAL for what wire_read() would refuse, -ENOSPC when out is too small; out is then
 * as before. */
int wire_write(enum wire_record record, const void *from, struct writer *out,
               struct diag *d) MUST_USE;

/* wire_read_claim(cbor, &claim, d), wire_write_claim(&claim, &out, d): the same, typed. */
#define RECORD(name, format, ...)                                                                  \
    static inline int wire_read_##name(struct bytes cbor, struct wire_##name *ret, struct diag *d) \
    {                                                                                              \
        return wire_read(WIRE_##name, cbor, ret, d);                                               \
    }                                                                                              \
    static inline int wire_write_##name(const struct wire_##name *from, struct writer *out,        \
                                        struct diag *d)                                            \
    {                                                                                              \
        return wire_write(WIRE_##name, from, out, d);                                              \
    }
#include "wire/records.def"
#undef RECORD
#undef UINT
#undef FLAG
#undef FIXED
#undef BYTES_
#undef TEXT
#undef LIST
