/* SPDX-License-Identifier: Apache-2.0 */
/* The SDK door, untrusted half: opens an enclave that serves typed calls, and calls it. The program
 * includes the enclave's own table of calls and gets one function per ECALL:
 *
 *   #define SDK_CALLS "calls.def"
 *   #include "host/sdk.h"
 *   int r = call_add_trip(enclave, &trip, &nothing, &d);
 *
 * and writes one function `int host_NAME(void *context, const in *, out *)` per OCALL (bytes beside
 * the structs for the _BYTES kinds), which returns 0 or an error that the enclave sees as -EIO.
 * sdk_serve_ocall is then what goes into struct sdk_config.
 *
 * One enclave per process (host/host.h). Calls may come from any thread; one runs at a time.
 * Trust: none of this protects anything. What an enclave answers is the enclave's word only as far
 * as the caller trusts this process; somebody else believes a quote instead. */
#pragma once

#include <errno.h>

#include "abi/sdk.h"
#include "host/host.h"

struct sdk_enclave;

typedef int64_t sdk_ocall_service(void *context, uint64_t number, struct bytes in,
                                  struct writer *out);

struct sdk_config {
    const struct machine_ops *ops;
    struct machine_config machine;
    struct bytes sgxs; /* borrowed until sdk_close() */
    struct sgx_sigstruct sigstruct;
    bool debug;
    /* Locks the process (host_lock_process) once the enclave is built: nothing can be opened or
     * executed afterwards. */
    bool lock_process;
    sdk_ocall_service *ocall; /* NULL: the enclave makes no calls out */
    void *ocall_context;
};

/* The canonical manifest of an SDK enclave; its SHA-512 is the enclave's CONFIGID. */
int sdk_manifest(bool debug, struct writer *out, struct diag *d) MUST_USE;
/* Builds the enclave, starts its thread and waits until it is ready. */
int sdk_open(const struct sdk_config *config, struct sdk_enclave **ret, struct diag *d) MUST_USE;
/* One call. 0; the enclave function's own -errno; -ENOSYS or -EMSGSIZE when tables differ; -EPROTO
 * for an answer of the wrong size; -EPIPE when the enclave is dead. Outputs are untouched on
 * failure. */
int sdk_call(struct sdk_enclave *e, const struct sdk_shape *shape, const void *in,
             struct bytes in_bytes, void *ret_out, struct writer *ret_bytes,
             struct diag *d) MUST_USE;
/* The machine that it runs on, for questions that concern no enclave. */
struct machine *sdk_machine(struct sdk_enclave *e);
/* Ends and destroys the enclave. NULL-safe. */
void sdk_close(struct sdk_enclave *e);

#ifdef SDK_CALLS

#define ECALL(number, name, in_type, out_type)                                                     \
    SDK_CHECK_CALL(name, in_type, 0, out_type, 0)                                                  \
    static inline MUST_USE int call_##name(struct sdk_enclave *e, const in_type *in,               \
                                           out_type *ret_out, struct diag *d)                      \
    {                                                                                              \
        static const struct sdk_shape shape = {(number), #name, sizeof(in_type), 0,                \
                                               sizeof(out_type), 0};                               \
        struct writer none = {0};                                                                  \
        return sdk_call(e, &shape, in, BYTES(NULL, 0), ret_out, &none, d);                         \
    }
#define ECALL_BYTES(number, name, in_type, in_max, out_type, out_max)                              \
    SDK_CHECK_CALL(name, in_type, in_max, out_type, out_max)                                       \
    static inline MUST_USE int call_##name(struct sdk_enclave *e, const in_type *in,               \
                                           struct bytes in_bytes, out_type *ret_out,               \
                                           struct writer *ret_bytes, struct diag *d)               \
    {                                                                                              \
        static const struct sdk_shape shape = {(number), #name, sizeof(in_type), (in_max),         \
                                               sizeof(out_type), (out_max)};                       \
        return sdk_call(e, &shape, in, in_bytes, ret_out, ret_bytes, d);                           \
    }
#define OCALL(number, name, in_type, out_type)                                                     \
    SDK_CHECK_CALL(name, in_type, 0, out_type, 0)                                                  \
    int host_##name(void *context, const in_type *in, out_type *ret_out);
#define OCALL_BYTES(number, name, in_type, in_max, out_type, out_max)                              \
    SDK_CHECK_CALL(name, in_type, in_max, out_type, out_max)                                       \
    int host_##name(void *context, const in_type *in, struct bytes in_bytes, out_type *ret_out,    \
                    struct writer *ret_bytes);
#include SDK_CALLS
#undef ECALL
#undef ECALL_BYTES
#undef OCALL
#undef OCALL_BYTES

/* Answers an ocall from the table; the byte strings go behind the structs. */
#define ECALL(number, name, in_type, out_type)
#define ECALL_BYTES(number, name, in_type, in_max, out_type, out_max)
#define OCALL(number, name, in_type, out_type)                                                     \
    case (number): {                                                                               \
        in_type in;                                                                                \
        out_type out = {0};                                                                        \
        if (message.size != sizeof in) {                                                           \
            return -EIO;                                                                           \
        }                                                                                          \
        __builtin_memcpy(&in, message.data, sizeof in);                                            \
        if (host_##name(context, &in, &out) != 0) {                                                \
            return -EIO;                                                                           \
        }                                                                                          \
        writer_put(answer, BYTES_OF(out));                                                         \
        return answer->failed ? -EIO : (int64_t)answer->size;                                      \
    }
#define OCALL_BYTES(number, name, in_type, in_max, out_type, out_max)                              \
    case (number): {                                                                               \
        in_type in;                                                                                \
        out_type out = {0};                                                                        \
        uint8_t rest[(out_max) + 1];                                                               \
        struct writer out_bytes = writer_of(rest, (out_max));                                      \
        if (message.size < sizeof in || message.size - sizeof in > (in_max)) {                     \
            return -EIO;                                                                           \
        }                                                                                          \
        __builtin_memcpy(&in, message.data, sizeof in);                                            \
        if (host_##name(context, &in, BYTES(message.data + sizeof in, message.size - sizeof in),   \
                        &out, &out_bytes) != 0 || out_bytes.failed) {                              \
            return -EIO;                                                                           \
        }                                                                                          \
        writer_put(answer, BYTES_OF(out));                                                         \
        writer_put(answer, BYTES(rest, out_bytes.size));                                           \
        return answer->failed ? -EIO : (int64_t)answer->size;                                      \
    }
static inline int64_t sdk_serve_ocall(void *context, uint64_t number, struct bytes message,
                                      struct writer *answer)
{
    (void)context;
    (void)message;
    (void)answer;
    switch (number) {
#include SDK_CALLS
    default:
        return -ENOSYS;
    }
}
#undef ECALL
#undef ECALL_BYTES
#undef OCALL
#undef OCALL_BYTES

#endif
