/* SPDX-License-Identifier: Apache-2.0 */
/* The probe enclave of the SDK door's test (sdk_test.c). */
#include "probe.h"
#define SDK_CALLS "probe.def"
#include "sdk/enclave.h"

#include <errno.h>

int ecall_reverse(const struct probe_reverse *in, struct bytes in_bytes, struct probe_size *out,
                  struct writer *out_bytes)
{
    for (uint64_t r = 0; r < in->repeat && r < 3; r++) {
        for (size_t i = in_bytes.size; i > 0; i--) {
            writer_put(out_bytes, BYTES(in_bytes.data + i - 1, 1));
        }
    }
    out->size = out_bytes->size;
    return 0;
}

int ecall_fail(const struct probe_status *in, struct bytes in_bytes, struct probe_size *out,
               struct writer *out_bytes)
{
    (void)in_bytes;
    out->size = 0x5ec3e7;
    writer_put(out_bytes, BYTES_STR("a secret"));
    return (int)in->status;
}

int ecall_overflow(const struct sdk_nothing *in, struct bytes in_bytes, struct probe_size *out,
                   struct writer *out_bytes)
{
    (void)in;
    (void)in_bytes;
    out->size = 17;
    writer_put(out_bytes, BYTES_STR("seventeen letters"));
    return 0;
}

int ecall_report(const struct probe_report_in *in, struct sgx_report *out)
{
    rt_report(&in->target, in->report_data, out);
    return 0;
}

int ecall_ask(const struct sdk_nothing *in, struct bytes in_bytes, struct probe_status *out,
              struct writer *out_bytes)
{
    struct probe_size answer = {0};
    out->status = ocall_twice(in, in_bytes, &answer, out_bytes);
    return out->status == 0 && answer.size != out_bytes->size ? -EPROTO : 0;
}

int ecall_ask_unknown(const struct sdk_nothing *in, struct probe_status *out)
{
    static const struct sdk_shape unknown = {99, "unknown", sizeof *in, 0, sizeof *in, 0};
    struct sdk_nothing nothing;
    struct writer none = {0};
    out->status = sdk_ocall(&unknown, in, BYTES(NULL, 0), &nothing, &none);
    return 0;
}

int ecall_hole(const struct sdk_nothing *in, struct probe_hole *out)
{
    (void)in;
    out->small = 1;
    out->large = 2;
    return 0;
}
