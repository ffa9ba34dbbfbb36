/* SPDX-License-Identifier: Apache-2.0 */
/* The SDK door, trusted half. A developer writes a table of calls, calls.def:
 *
 *   ECALL(1, add_trip, struct trip, struct sdk_nothing)
 *   ECALL_BYTES(2, seal, struct seal_in, 4096, struct seal_out, 8192)
 *   OCALL(1, tell, struct note, struct sdk_nothing)
 *
 * that is ECALL(number, name, type in, type out), with the greatest number of bytes in and out
 * beside the struct for the _BYTES kind. In one C file of the enclave:
 *
 *   #define SDK_CALLS "calls.def"
 *   #include "sdk/enclave.h"
 *   int ecall_add_trip(const struct trip *in, struct sdk_nothing *out) { ... }
 *
 * which declares ecall_NAME() for every ECALL, defines ocall_NAME() for every OCALL and the table
 * that the door dispatches from. Functions return 0 or -errno; *out starts zeroed, and reaches the
 * host only with 0.
 *
 * Trust: *in and the bytes of an ecall, *out and the bytes of an ocall are the host's words: already
 * copied, of the right size, and otherwise whatever it likes. Everything in *out of an ecall and *in
 * of an ocall becomes public. One call runs at a time.
 * Functions may use rt.h, and crypto/crypto.h between rt_vector_begin() and rt_vector_end(). */
#pragma once

#include "abi/sdk.h"
#include "runtime/rt.h"

struct sdk_ecall {
    struct sdk_shape shape;
    int (*run)(const void *in, struct bytes in_bytes, void *out, struct writer *out_bytes);
};
/* Defined by the expansion below, read by the door. */
extern const struct sdk_ecall sdk_ecalls[];
extern const size_t sdk_ecall_count;

/* Asks the host. 0, -EIO or -ENOSYS from the host, -EPROTO for an answer of the wrong size.
 * ret_out and ret_bytes are untouched on failure. */
int sdk_ocall(const struct sdk_shape *shape, const void *in, struct bytes in_bytes, void *ret_out,
              struct writer *ret_bytes) MUST_USE;

#ifdef SDK_CALLS

/* Prototypes of what the developer writes. */
#define ECALL(number, name, in_type, out_type) int ecall_##name(const in_type *in, out_type *out);
#define ECALL_BYTES(number, name, in_type, in_max, out_type, out_max)                              \
    int ecall_##name(const in_type *in, struct bytes in_bytes, out_type *out,                      \
                     struct writer *out_bytes);
#define OCALL(number, name, in_type, out_type)
#define OCALL_BYTES(number, name, in_type, in_max, out_type, out_max)
#include SDK_CALLS
#undef ECALL
#undef ECALL_BYTES
#undef OCALL
#undef OCALL_BYTES

/* From the door's buffers, aligned for any type that SDK_CHECK_CALL admits, to types. */
#define ECALL(number, name, in_type, out_type)                                                     \
    SDK_CHECK_CALL(name, in_type, 0, out_type, 0)                                                  \
    static int sdk_run_##name(const void *in, struct bytes in_bytes, void *out,                    \
                              struct writer *out_bytes)                                            \
    {                                                                                              \
        (void)in_bytes;                                                                            \
        (void)out_bytes;                                                                           \
        return ecall_##name((const in_type *)in, (out_type *)out);                                 \
    }
#define ECALL_BYTES(number, name, in_type, in_max, out_type, out_max)                              \
    SDK_CHECK_CALL(name, in_type, in_max, out_type, out_max)                                       \
    static int sdk_run_##name(const void *in, struct bytes in_bytes, void *out,                    \
                              struct writer *out_bytes)                                            \
    {                                                                                              \
        return ecall_##name((const in_type *)in, in_bytes, (out_type *)out, out_bytes);            \
    }
#define OCALL(number, name, in_type, out_type)                                                     \
    SDK_CHECK_CALL(name, in_type, 0, out_type, 0)                                                  \
    static inline MUST_USE int ocall_##name(const in_type *in, out_type *ret_out)                  \
    {                                                                                              \
        static const struct sdk_shape shape = {(number), #name, sizeof(in_type), 0,                \
                                               sizeof(out_type), 0};                               \
        struct writer none = {0};                                                                  \
        return sdk_ocall(&shape, in, BYTES(NULL, 0), ret_out, &none);                              \
    }
#define OCALL_BYTES(number, name, in_type, in_max, out_type, out_max)                              \
    SDK_CHECK_CALL(name, in_type, in_max, out_type, out_max)                                       \
    static inline MUST_USE int ocall_##name(const in_type *in, struct bytes in_bytes,              \
                                            out_type *ret_out, struct writer *ret_bytes)           \
    {                                                                                              \
        static const struct sdk_shape shape = {(number), #name, sizeof(in_type), (in_max),         \
                                               sizeof(out_type), (out_max)};                       \
        return sdk_ocall(&shape, in, in_bytes, ret_out, ret_bytes);                                \
    }
#include SDK_CALLS
#undef ECALL
#undef ECALL_BYTES
#undef OCALL
#undef OCALL_BYTES

#define ECALL(number, name, in_type, out_type)                                                     \
    {{(number), #name, sizeof(in_type), 0, sizeof(out_type), 0}, sdk_run_##name},
#define ECALL_BYTES(number, name, in_type, in_max, out_type, out_max)                              \
    {{(number), #name, sizeof(in_type), (in_max), sizeof(out_type), (out_max)}, sdk_run_##name},
#define OCALL(number, name, in_type, out_type)
#define OCALL_BYTES(number, name, in_type, in_max, out_type, out_max)
const struct sdk_ecall sdk_ecalls[] = {
#include SDK_CALLS
};
const size_t sdk_ecall_count = ARRAY_SIZE(sdk_ecalls);
#undef ECALL
#undef ECALL_BYTES
#undef OCALL
#undef OCALL_BYTES

#endif
