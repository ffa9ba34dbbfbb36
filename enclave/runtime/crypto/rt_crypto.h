/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Chooses the hashing kernels from the enclave's CPUID table and its own XFRM. Called once by the
 * boot code, when both are known and before other threads exist. */
void rt_crypto_init(void);
