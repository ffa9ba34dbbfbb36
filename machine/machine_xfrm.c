/* SPDX-License-Identifier: Apache-2.0 */
/* What this processor's enclaves may use of its vector state. */
#include "machine/machine.h"

#include <cpuid.h>

#define XFRM_CANDIDATES UINT64_C(0xe7) /* x87, SSE, AVX, AVX-512: opmask, ZMM_Hi256, Hi16_ZMM */

uint64_t machine_host_xfrm(void)
{
    uint32_t a, b, c, d;
    __cpuid(1, a, b, c, d);
    if ((c & bit_OSXSAVE) == 0) {
        return 3;
    }
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    uint64_t xfrm = (((uint64_t)high << 32) | low) & XFRM_CANDIDATES;
    if ((xfrm & 4) == 0 || (xfrm & 0xe0) != 0xe0) {
        xfrm &= ~UINT64_C(0xe0); /* AVX-512 is all or nothing, and needs AVX */
    }
    return xfrm | 3;
}
