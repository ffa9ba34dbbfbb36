/* SPDX-License-Identifier: Apache-2.0 */
/* How a typed call crosses the boundary of an SDK enclave, in the data of the hostcalls ecall_done
 * and ocall. Both sides compute the sizes from the same table of calls; no pointer crosses.
 *
 *   ecall: the host answers ecall_done with  u64 number | in struct | bytes in
 *          and finds in the next ecall_done  args[0] status, data: out struct | bytes out
 *          The first ecall_done of an enclave carries status 0 and no data: it is ready.
 *   ocall: args[0] number, data: in struct | bytes in; the answer is  out struct | bytes out
 *
 * Structs have their fixed size; the byte strings have what is left of the message. A status other
 * than 0 comes without data. */
#pragma once

#include "abi/hostcall.h"

#define SDK_NUMBER_SIZE  8u
#define SDK_MESSAGE_MAX  HOSTCALL_DATA_MAX
#define SDK_STRUCT_ALIGN 512u /* the most that a struct in a call may ask for: KEYREQUEST's */

/* For calls without one of the two structs. */
struct sdk_nothing {
    uint64_t zero;
};

/* The shape of one call, as both sides see it. */
struct sdk_shape {
    uint64_t number;
    const char *name;
    size_t in_size, in_bytes_max;
    size_t out_size, out_bytes_max;
};

/* A type that may cross: no larger than a message, no stricter alignment than the buffers'. Whether
 * it holds pointers only a reader can tell. */
#define SDK_CHECK_CALL(name, in_type, in_max, out_type, out_max)                                   \
    _Static_assert(SDK_NUMBER_SIZE + sizeof(in_type) + (in_max) <= SDK_MESSAGE_MAX, #name ": in"); \
    _Static_assert(sizeof(out_type) + (out_max) <= SDK_MESSAGE_MAX, #name ": out");                \
    _Static_assert(_Alignof(in_type) <= SDK_STRUCT_ALIGN, #name ": alignment of in");              \
    _Static_assert(_Alignof(out_type) <= SDK_STRUCT_ALIGN, #name ": alignment of out");
