/* SPDX-License-Identifier: Apache-2.0 */
/* How much memory verified blocks of layers are kept in. With the lock held. */
#pragma once

#include <stdint.h>

/* What the workload leaves of the manifest's memory: as much may be kept, and 64 MiB in any case. */
void block_cache_set_room(uint64_t bytes);
/* Gives back what is more than that; not between getting a block and using it. */
void block_cache_trim(void);
