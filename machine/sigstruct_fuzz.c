/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a SIGSTRUCT: verification ends with a reason, and nothing but a signature passes. */
#include <stdlib.h>
#include <string.h>

#include "machine/machine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t header1[16] = {6, 0, 0, 0, 0xe1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0};
    static const uint8_t header2[16] = {1, 1, 0, 0, 0x60, 0, 0, 0, 0x60, 0, 0, 0, 1, 0, 0, 0};
    struct sgx_sigstruct s;
    struct diag d = {""};
    uint8_t mrsigner[32];
    memset(&s, 0, sizeof s);
    memcpy(&s, data, size < sizeof s ? size : sizeof s);
    for (int mended = 0; mended < 2; mended++) {
        /* Then with what the form demands, so that the numbers are reached. */
        if (sigstruct_verify(&s, mrsigner, &d) != 0 && d.text[0] == '\0') {
            abort();
        }
        memcpy(s.header, header1, 16);
        memcpy(s.header2, header2, 16);
        s.vendor = 0;
        s.exponent = 3;
        s.modulus[383] |= 0x80;
        memset(s.reserved1, 0, sizeof s.reserved1);
        memset(s.reserved2, 0, sizeof s.reserved2);
        memset(s.reserved3, 0, sizeof s.reserved3);
        memset(s.reserved4, 0, sizeof s.reserved4);
    }
    return 0;
}
