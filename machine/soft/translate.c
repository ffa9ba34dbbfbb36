/* SPDX-License-Identifier: Apache-2.0 */
/* Translation: after EINIT, ENCLU instructions that were prepared for it, padded with NOPs to five
 * bytes (0f 01 d7 followed by 90 90 or 66 90), become calls of the machine's leaf page, right above
 * ELRANGE. The measurement was taken before and does not change. Anything else goes on to trap: a
 * pattern without padding is never touched, so foreign enclaves stay as built. Host code. */
#include "soft/internal.h"

#include <string.h>
#include <sys/mman.h>

#define SITE_SIZE 5u

static bool make_leaf_page(struct machine *m)
{
    void *at = (void *)(m->base + m->size);
    uint8_t *p = mmap(at, PAGE_SIZE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (p == MAP_FAILED) {
        return false;
    }
    /* jmp *2(%rip); the address is aligned, because the enclave may have set RFLAGS.AC. */
    static const uint8_t jump[] = {0xff, 0x25, 2, 0, 0, 0, 0xcc, 0xcc};
    const uint64_t target = (uint64_t)soft_leaf_entry;
    memset(p, 0xcc, PAGE_SIZE);
    memcpy(p, jump, sizeof jump);
    memcpy(p + sizeof jump, &target, sizeof target);
    if (mprotect(p, PAGE_SIZE, PROT_READ | PROT_EXEC) != 0) {
        (void)munmap(p, PAGE_SIZE);
        return false;
    }
    m->leaf_page = (uint64_t)p;
    return true;
}

static bool is_site(const uint8_t *p)
{
    return p[0] == 0x0f && p[1] == 0x01 && p[2] == 0xd7 &&
           ((p[3] == 0x90 && p[4] == 0x90) || (p[3] == 0x66 && p[4] == 0x90));
}

static void patch_site(struct machine *m, uint8_t *site)
{
    int64_t distance = (int64_t)(m->leaf_page - ((uint64_t)site + SITE_SIZE));
    if (distance != (int32_t)distance) {
        return;
    }
    int32_t rel = (int32_t)distance;
    site[0] = 0xe8; /* call rel32 */
    memcpy(site + 1, &rel, sizeof rel);
}

/* One run of consecutive readable and executable pages, writable for the moment. */
static void translate_run(struct machine *m, uint64_t page, uint64_t count, int prot)
{
    uint8_t *start = (uint8_t *)(m->base + page * PAGE_SIZE);
    size_t size = count * PAGE_SIZE;
    const uint8_t *end = start + size;
    bool writable = false;
    for (uint8_t *p = start; (size_t)(end - p) >= SITE_SIZE; p++) {
        /* By the third byte, which is a tenth as frequent in code as the first. */
        p = memchr(p + 2, 0xd7, (size_t)(end - p) - (SITE_SIZE - 1));
        if (p == NULL) {
            break;
        }
        p -= 2;
        if (!is_site(p)) {
            continue;
        }
        if (!writable && mprotect(start, size, PROT_READ | PROT_WRITE) != 0) {
            return;
        }
        writable = true;
        patch_site(m, p);
    }
    if (writable && mprotect(start, size, prot) != 0) {
        soft_fatal("alcove: soft machine: cannot make translated code executable again\n");
    }
}

void soft_translate(struct machine *m)
{
    if (!make_leaf_page(m)) {
        return; /* something of the host is there: everything by trap */
    }
    for (size_t i = 0; i < m->added_count;) {
        uint64_t flags = m->added[i].flags;
        size_t n = 1;
        while (i + n < m->added_count && m->added[i + n].flags == flags &&
               m->added[i + n].page == m->added[i].page + n) {
            n++;
        }
        if (flags >> 8 == SGX_PT_REG && (flags & (EPCM_X | EPCM_R)) == (EPCM_X | EPCM_R)) {
            int prot = PROT_READ | PROT_EXEC | ((flags & EPCM_W) != 0 ? PROT_WRITE : 0);
            translate_run(m, m->added[i].page, n, prot);
        }
        i += n;
    }
}
