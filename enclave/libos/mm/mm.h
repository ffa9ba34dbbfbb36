/* SPDX-License-Identifier: Apache-2.0 */
/* The workload's address space. All functions with the lock held. */
#pragma once

#include "process.h"

#include "mm/pages.h"

/* asm-generic/mman.h */
#define OS_PROT_READ  1u
#define OS_PROT_WRITE 2u
#define OS_PROT_EXEC  4u

#define OS_MAP_SHARED          0x01u
#define OS_MAP_PRIVATE         0x02u
#define OS_MAP_SHARED_VALIDATE 0x03u
#define OS_MAP_TYPE            0x0fu
#define OS_MAP_FIXED           0x10u
#define OS_MAP_ANONYMOUS       0x20u
#define OS_MAP_GROWSDOWN       0x0100u
#define OS_MAP_NORESERVE       0x4000u
#define OS_MAP_STACK           0x20000u
#define OS_MAP_FIXED_NOREPLACE 0x100000u

/* Where things go. Everything that can carry text lies in the lowest 2 GiB, so that a five-byte
 * jump reaches from any rewritten site to any stub. Anonymous memory has a region of its own, in
 * which memory is committed ahead in huge-page steps; reservations (PROT_NONE, NORESERVE) have
 * another in which nothing is. */
#define MM_FILES       APP_LIBRARIES
#define MM_FILES_END   APP_STUBS
#define MM_STUBS       APP_STUBS
#define MM_STUBS_END   APP_STUBS_END
#define MM_BRK_LIMIT   MM_FILES
#define MM_ANON        APP_MMAP_BASE
#define MM_ANON_END    UINT64_C(0x800000000)
#define MM_RESERVE     MM_ANON_END
#define MM_RESERVE_END APP_END

/* The address space is empty at start. limit: bytes the workload may map. */
int mm_start(uint64_t limit) MUST_USE;

/* Empties it for another program: nothing of the one before can be read, and pages stay committed
 * where that is cheap. Files get back what was written through shared mappings. */
void mm_reset(void);

/* What sys_mmap does, for the loader of programs too. */
int64_t mm_map(uint64_t addr, uint64_t length, uint32_t prot, uint32_t flags, struct file *f,
               uint64_t offset) MUST_USE;
/* The same for memory that a forked child shares: anonymous, or of /dev/zero. */
int64_t mm_map_shared_memory(uint64_t addr, uint64_t length, uint32_t prot,
                             uint32_t flags) MUST_USE;
/* Shim door: whole pages that are there already, part of the measured image, become a mapping. */
int mm_adopt(uint64_t start, uint64_t size, uint32_t prot) MUST_USE;
/* No page becomes executable any more, whatever it holds. */
void mm_seal_text(void);
/* Pages of an anonymous lazy mapping (NORESERVE) that are to be there before they are touched.
 * -ENOMEM. */
int mm_populate(uint64_t start, uint64_t end) MUST_USE;
/* A free place for an object of a program with all its segments; 0: none. */
uint64_t mm_find_object(uint64_t size);
/* The heap starts here (end of the program's data); break is where the program's bss ends. */
void mm_set_brk(uint64_t start);

bool mm_is_mapped(uint64_t addr);
/* Would the access that a page fault's error code describes be allowed by what was accepted? Then the
 * fault is the host's doing (it owns the page tables), not the workload's. */
bool mm_allows(uint64_t addr, uint32_t error);
/* Bytes from addr on, within one mapping, of a process's own memory that can be read and does not run; 0: it
 * is no such memory. Of a process's own: not where other mappings or processes share the pages. */
uint64_t mm_private_data(uint64_t addr);
/* A page fault at addr: true when the page belongs to a mapping that is filled on demand and is
 * there now, so that the access can be tried again. */
bool mm_page_in(uint64_t addr);
/* The same for all lazily filled pages in [addr, addr+size) of the mapping at addr: did any come?
 */
bool mm_page_in_range(uint64_t addr, uint64_t size);
bool mm_has_lazy(void); /* without the lock: a hint */
/* "path+0xoffset", or what else is there. */
void mm_describe(uint64_t addr, char *ret, size_t capacity);

/* Would an access at addr fail only because its file does not reach there, or because there is no memory for
 * a page that is shared? Then it is SIGBUS. */
bool mm_beyond_file(uint64_t addr);
/* Memory that counted and was given back. */
void mm_uncharge(uint64_t bytes);

/* ---- the image of a process (proc/image.h) ---------------------------------------------------- */

/* Between these two, system calls of other threads wait before they change mappings. Not nested. */
void mm_freeze(void);
void mm_thaw(void);
/* Is that what a list of mappings could hold next to those that are there? Inserts it; what it counts
 * is known at the end. -EINVAL, -ENOMEM. */
struct vma;
int mm_restore_mapping(const struct vma *v) MUST_USE;
/* All mappings and pages are there. -ENOMEM: they are more than the limit allows; -EINVAL. */
int mm_restore_done(uint64_t brk_start, uint64_t brk) MUST_USE;
void mm_brk(uint64_t *ret_start, uint64_t *ret_end);
/* SGX rights of pages of a mapping with that protection. */
uint8_t mm_rights(uint32_t prot);

struct mm_usage {
    uint64_t mapped, mapped_peak, peak, charged, limit;
};
struct mm_usage mm_usage(void);
