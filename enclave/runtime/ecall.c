/* SPDX-License-Identifier: Apache-2.0 */
/* The two hostcalls of the SDK door. What comes back is the host's word in trusted memory. */
#include "thread.h"

size_t rt_ecall_next(int status, struct bytes result, void *ret_request, size_t size)
{
    int64_t n =
        rt_hostcall(HOSTCALL_ecall_done, (const uint64_t[HOSTCALL_ARGS]){(uint64_t)(int64_t)status},
                    result, ret_request, size);
    return (size_t)n; /* never negative: the call permits no errno */
}

int64_t rt_ocall(uint64_t number, struct bytes request, void *ret_reply, size_t size)
{
    return rt_hostcall(HOSTCALL_ocall, (const uint64_t[HOSTCALL_ARGS]){number}, request, ret_reply,
                       size);
}
