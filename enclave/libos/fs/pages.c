/* SPDX-License-Identifier: Apache-2.0 */
/* Pages of trusted memory for tmpfs and the cache of verified blocks. They come from slabs and are
 * kept in one list when free, so that a file system's worth of 4 KiB requests costs the trusted heap
 * one allocation per 64 pages. Slabs are not given back: the high-water mark stays. Pipes have pages
 * of their own from the heap: files that take all that they may leave those alone. */
#include "vfs.h"

#define SLAB_PAGES 64u

struct free_page {
    struct free_page *next;
};
static struct free_page *free_pages;

void *page_alloc_any(void)
{
    if (free_pages == NULL) {
        uint8_t *slab = rt_alloc_content((size_t)SLAB_PAGES * 4096);
        if (slab == NULL) {
            return NULL;
        }
        for (unsigned i = SLAB_PAGES; i-- > 0;) {
            struct free_page *p = (struct free_page *)(void *)(slab + (size_t)i * 4096);
            p->next = free_pages;
            free_pages = p;
        }
    }
    struct free_page *p = free_pages;
    free_pages = p->next;
    return p;
}

void *page_alloc(void)
{
    void *page = page_alloc_any();
    if (page != NULL) {
        memset(page, 0, 4096);
    }
    return page;
}

void page_free(void *page)
{
    if (page != NULL) {
        struct free_page *p = page;
        p->next = free_pages;
        free_pages = p;
    }
}
