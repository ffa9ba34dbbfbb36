/* SPDX-License-Identifier: Apache-2.0 */
/* The workload's address space, inside: what the calls of mm/ have in common. mmap and its
 * relatives over enclave pages.
 *
 * Three ideas. (1) Entering the host is dear, so anonymous memory and the place for libraries are
 * committed ahead in 2 MiB steps, and what is unmapped stays committed, to be zeroed when it is
 * used again; only large ranges go back to the host. (2) A library is read and hashed once: the
 * loader first maps a whole object and then parts of it over that mapping, and the bytes that are
 * there already are used again. (3) Text is never writable once it is executable, and executable
 * only if its bytes came from a measured file and the workload never could write them (PAGE_PURE).
 *
 * The adversary: the workload chooses every argument; the host may refuse memory. Ranges are
 * checked for overflow before anything changes, and the record of pages is never ahead of what was
 * accepted. All functions with the lock held. */
#pragma once

#include "mm/mm.h"
#include "mm/vma.h"

struct mm_space {
    uint64_t limit;
    uint64_t charged; /* bytes that count against the limit */
    uint64_t mapped, mapped_peak, peak;
    uint64_t retained; /* committed bytes that no mapping uses; an upper bound */
    uint64_t brk_start, brk;
    uint64_t measured_end; /* adopted pages of the image lie below; 0: there are none */
    bool text_sealed;
    bool any_lazy; /* there was a lazy mapping once */
    bool frozen;
    struct wait_queue thaw;
};
extern struct mm_space mm;

/* The one place where the sum changes. */
void mm_charge(uint64_t added, uint64_t removed);
/* Around what a call changes of mappings, or gives back of pages: it may give up the lock
 * meanwhile, and a fork waits until it is done. -ERESTARTSYS, and it has not begun. */
int mm_begin_change(void) MUST_USE;
int64_t mm_end_change(int64_t result);

/* ---- ranges (space.c) ---------------------------------------------------------------------- */

/* Whole pages among the workload's addresses, without the rewriter's stubs. */
bool mm_range_ok(uint64_t start, uint64_t length, uint64_t *ret_end) MUST_USE;
/* Bytes that a part of a mapping counts for. */
uint64_t mm_charge_of(const struct vma *v, uint64_t start, uint64_t end);
/* What unmapping the range would give back. */
uint64_t mm_charged_within(uint64_t start, uint64_t end);
uint64_t mm_mapped_within(uint64_t start, uint64_t end);
/* Mappings come or go: the sums follow. */
void mm_account_removed(uint64_t start, uint64_t end);
void mm_account_added(const struct vma *v);
/* Pages of a range for a mapping, and some around it: as pages_take(). */
int mm_take(uint64_t start, uint64_t end, bool zero) MUST_USE;

/* ---- unmapping (unmap.c) ------------------------------------------------------------------- */

int mm_unmap(uint64_t start, uint64_t end) MUST_USE;
/* Removes mappings and their accounts; their pages stay as they are. Needs room for two. */
void mm_unmap_list(uint64_t start, uint64_t end);
/* The pages of a range that no mapping covers any more. */
void mm_retire_pages(uint64_t start, uint64_t end);

/* ---- contents (fill.c, advise.c) ----------------------------------------------------------- */

/* Bytes of [v->start, v->end) that the file covers, in whole pages. Beyond is no memory. */
int mm_file_extent(const struct vma *v, uint64_t *ret_end) MUST_USE;
/* Makes text of a measured file, in pages that hold its bytes already (here) or not yet. Afterwards
 * nobody can write to it. */
int mm_make_text(struct file *f, uint64_t start, uint64_t end, uint64_t offset, bool here) MUST_USE;
/* Where the bytes of a new file mapping already lie, untouched by the workload; 0: nowhere. */
uint64_t mm_bytes_in_memory(const struct vma *v, uint64_t end);
/* from: where the bytes lie in memory, or 0: in the file. */
int mm_fill_from_file(const struct vma *v, uint64_t end, uint64_t from) MUST_USE;
int mm_fill_anonymous(const struct vma *v) MUST_USE;
/* What fork does with that range is what it does with the mapping. -ENOMEM. */
int mm_fork_as(uint64_t start, uint64_t end, const struct vma *like) MUST_USE;
/* That part of a mapping is as if nobody had touched it. */
int mm_forget(const struct vma *v, uint64_t start, uint64_t end) MUST_USE;

/* ---- rights (map.c, protect.c) ------------------------------------------------------------- */

int mm_check_prot(uint32_t prot) MUST_USE;
/* What sys_mprotect() does, for calls that have begun to change memory. */
int64_t mm_protect(uint64_t addr, uint64_t length, uint32_t prot) MUST_USE;
/* Part of the image: what was adopted, and memory that lies among it. */
bool mm_is_measured(const struct vma *v);
