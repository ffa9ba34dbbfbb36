/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-2 by the crypto library's own functions for it. The library's one-call interface looks its
 * algorithms up by name and loads what provides them: 0.9 ms for the first digest of a process,
 * more than anything else that a start of an enclave does on this side.
 *
 * CT: data-independent, as the library's. */
#pragma once

#include <stddef.h>
#include <stdint.h>

void machine_sha256(const void *data, size_t size, uint8_t ret[32]);
void machine_sha512(const void *data, size_t size, uint8_t ret[64]);
