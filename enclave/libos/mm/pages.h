/* SPDX-License-Identifier: Apache-2.0 */
/* What every page of the workload's range is at this moment: the library OS's own record of what it
 * has accepted from the host. Ranges are page aligned and inside APP_BASE..APP_END. With the lock
 * held. */
#pragma once

#include "runtime/rt.h"

#define PAGE_SIZE      UINT64_C(4096)
#define PAGE_STEP      (UINT64_C(2) << 20) /* committed ahead by these: the size of huge pages */
#define PAGE_RW        ((uint8_t)(SGX_SECINFO_R | SGX_SECINFO_W))
#define PAGE_RIGHTS    ((uint8_t)7u) /* SGX_SECINFO_R/W/X */
#define PAGE_COMMITTED ((uint8_t)8u)
#define PAGE_DIRTY     ((uint8_t)16u) /* may hold anything but zeros */
#define PAGE_FILE      ((uint8_t)64u) /* a measured file's bytes; not writable since */
#define PAGE_PURE      ((uint8_t)32u) /* and nobody wrote while they were filled */

int pages_start(void) MUST_USE;
/* Makes room in the record for a range, so that nothing after it can run out of memory. */
int pages_reserve(uint64_t start, uint64_t end) MUST_USE;
uint8_t pages_state(uint64_t addr);
/* End of the run from start on in which (pages_state() & mask) is the same, which is *ret_state. */
uint64_t pages_run(uint64_t start, uint64_t end, uint8_t mask, uint8_t *ret_state);
bool pages_all(uint64_t start, uint64_t end, uint8_t flag);
uint64_t pages_committed(uint64_t start, uint64_t end); /* bytes */

/* Records pages of the measured image as committed, with the rights that they have. Those that are
 * not writable are as good as a measured file's: PAGE_FILE, PAGE_PURE. */
void pages_adopt(uint64_t start, uint64_t end, uint8_t rights);
/* Committed, readable and writable afterwards, whatever they were; zero when asked. The caller may
 * have [ahead_start, ahead_end) committed with it, as clean pages, where nothing is yet. */
int pages_take(uint64_t start, uint64_t end, bool zero, uint64_t ahead_start,
               uint64_t ahead_end) MUST_USE;
/* Commits pages that are not committed yet, with copies of trusted pages in them. rights: R or RW. */
int pages_take_copies(uint64_t start, const void *const *pages, size_t count,
                      uint8_t rights) MUST_USE;
/* The first committed page in [start, end), or end. */
uint64_t pages_next(uint64_t start, uint64_t end);
/* Commits what is not committed; tells the first such run, so that the caller can fill it:
 * [*ret_start, *ret_end) is empty when there was none left. */
int pages_take_missing(uint64_t start, uint64_t end, uint64_t *ret_start,
                       uint64_t *ret_end) MUST_USE;
/* Rights of the committed pages among them. */
int pages_protect(uint64_t start, uint64_t end, uint8_t rights) MUST_USE;
void pages_mark(uint64_t start, uint64_t end, uint8_t flags);
/* Gives committed pages back to the host. */
int pages_release(uint64_t start, uint64_t end) MUST_USE;
/* Is there nothing but zeros in that page? It is committed and readable. */
bool pages_is_zero(uint64_t addr);
/* No mapping uses them any more: what a program could have put there is gone, and pages are
 * readable and writable zeros, as committed ahead, or given back. Those that are kept are at most
 * `keep` bytes; returns how many. */
uint64_t pages_wipe(uint64_t start, uint64_t end, uint64_t keep);
/* The committed pages among them become zero; rights stay. */
int pages_zero(uint64_t start, uint64_t end) MUST_USE;
