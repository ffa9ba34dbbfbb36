/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as Azure's HCL report and as its runtime data: the readers stay inside, and without
 * certificates nothing is accepted. The mutator keeps the lengths of the header right, most of the
 * time, and can bind what it changed, so that changes reach the JSON. */
#include "amd/hcl.h"
#include "check.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

#define RUNTIME_AT     1236u
#define REPORT_DATA_AT (32u + 0x50u)

static void check_key(struct bytes text)
{
    struct hcl_key key;
    if (hcl_key_read(text, &key) &&
        (key.modulus_size < 256 || key.modulus_size > sizeof key.modulus || key.modulus[0] == 0 ||
         key.modulus[key.modulus_size - 1] % 2 == 0)) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hcl h;
    struct bytes b = BYTES(data, size);
    check_key(b);
    if (hcl_read(b, &h) == ALCOVE_REASON_NONE) {
        if (h.report.data != data + 32 || h.runtime.data != data + RUNTIME_AT ||
            h.runtime.size == 0 || h.runtime.size > size - RUNTIME_AT) {
            abort();
        }
        check_key(h.runtime);
    }
    struct alcove_policy policy = {.allow_trailing = true, .azure_key.mode = ALCOVE_EXPECT_ANY};
    const struct alcove_collateral none = {0};
    static struct alcove_result r;
    r = (struct alcove_result){0};
    struct check c = {.policy = &policy, .result = &r};
    crypto_enter(&c.crypto);
    azure_check(&c, b, &none);
    crypto_leave(&c.crypto);
    bool failed = false;
    for (size_t i = 0; i < ARRAY_SIZE(r.failed); i++) {
        failed = failed || r.failed[i] != 0;
    }
    if (!failed) {
        abort();
    }
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    if (seed % 4 == 0 || size <= RUNTIME_AT || max_size <= RUNTIME_AT) {
        return LLVMFuzzerMutate(data, size, max_size);
    }
    size_t length = LLVMFuzzerMutate(data + RUNTIME_AT, size - RUNTIME_AT, max_size - RUNTIME_AT);
    store_le32(data + 8, (uint32_t)(RUNTIME_AT + length));
    store_le32(data + 1216, (uint32_t)(20 + length));
    store_le32(data + 1232, (uint32_t)length);
    store_le32(data + 1228, 1);
    memset(data + REPORT_DATA_AT, 0, 64);
    if (!crypto_sha256(BYTES(data + RUNTIME_AT, length), data + REPORT_DATA_AT)) {
        abort();
    }
    return RUNTIME_AT + length;
}
