/* SPDX-License-Identifier: Apache-2.0 */
/* Any file as a program of the shim door: it is refused, or becomes an image whose description is
 * one that the enclave accepts. */
#include <stdlib.h>

#include "base/attr.h"
#include "program.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct diag d = {""};
    struct bytes image = {NULL, 0};
    static const uint8_t runtime[64];
    if (program_image(BYTES(data, size), BYTES(runtime, sizeof runtime), &image, &d) == 0) {
        REQUIRE(image.size > sizeof runtime);
        free((void *)(uintptr_t)image.data);
    } else {
        REQUIRE(d.text[0] != '\0');
    }
    return 0;
}
