/* SPDX-License-Identifier: Apache-2.0 */
/* Verified data blocks of all layers, kept. With the lock held. */
#pragma once

#include "verity.h"

/* What the workload leaves of the manifest's memory: as much may be kept, and 64 MiB in any case.
 */
void block_cache_set_room(uint64_t bytes);
/* Gives back what is more than that; not between getting a block and using it. */
void block_cache_trim(void);

/* A verified block in trusted memory, valid until the next call of either function. The enclave
 * stops on a mismatch. NULL: no memory, or beyond the data. */
const uint8_t *block_get(struct verity *v, uint64_t block) MUST_USE;
/* The same for up to VERITY_BATCH consecutive blocks at once: ret[0..count). Missing ones are
 * hashed together. 0 or -errno. */
int block_get_run(struct verity *v, uint64_t first, size_t count, const uint8_t **ret) MUST_USE;
/* Only if it is there already. */
const uint8_t *block_peek(struct verity *v, uint64_t block);
void block_cache_reset(void); /* tests */
