/* SPDX-License-Identifier: Apache-2.0 */
/* The list of mappings, sorted by address, without overlaps. Bookkeeping only: pages are pages.c's.
 * With the lock held. */
#pragma once

#include "fs/fs.h"

enum vma_kind { VMA_PLAIN, VMA_HEAP, VMA_STACK };

struct vma {
    uint64_t start, end;
    uint32_t prot; /* OS_PROT_* */
    bool shared;
    bool charged; /* counts against the manifest's memory, from its first access rights on */
    bool lazy;    /* MAP_NORESERVE: pages come when they are touched, and count then */
    bool stack;   /* MAP_STACK, without rights so far: lazy from its first ones on */
    bool window;  /* on a file in memory (windows.h); also lazy */
    bool foreign; /* shared with the process that this one was forked from: no page is here, none comes */
    bool dont_fork, wipe_on_fork; /* madvise */
    enum vma_kind kind;
    struct file *file; /* NULL: anonymous. The list holds a reference */
    uint64_t offset;   /* of start in the file */
};

size_t vma_count(void);
struct vma *vma_at(size_t index); /* valid until the list changes */
/* First mapping that ends above addr: the one that contains it, or the next. vma_count(): none. */
size_t vma_find(uint64_t addr);
/* The mapping that contains addr, or NULL. */
struct vma *vma_of(uint64_t addr);
bool vma_free_range(uint64_t start, uint64_t end);
/* Is every address of the range mapped? */
bool vma_covers(uint64_t start, uint64_t end);
/* Lowest free range of `size` bytes within [lo, hi) at a multiple of align; 0: none. */
uint64_t vma_find_free(uint64_t lo, uint64_t hi, uint64_t size, uint64_t align);

/* Room for `more` insertions, so that the functions below cannot fail. */
int vma_reserve(size_t more) MUST_USE;
/* Cuts mappings at addr so that none straddles it. Needs room for one. */
void vma_split(uint64_t addr);
/* Takes a reference to v->file; joins neighbours that are alike. Needs room for one. */
void vma_insert(const struct vma *v);
/* Drops mappings within [start, end), cutting those that straddle. Needs room for two. */
void vma_remove(uint64_t start, uint64_t end);
/* Joins like neighbours in and around a range after changes through vma_at(). */
void vma_join(uint64_t start, uint64_t end);
