/* SPDX-License-Identifier: Apache-2.0 */
/* The enclave page cache map and the page tables: one entry per page of ELRANGE as the SDM's EPCM
 * has it, the ranges that the host made accessible (as the kernel's VMAs), and the process's real
 * page protection, which is always the intersection of both. Real protection is changed in runs of
 * equal pages, because each mprotect costs a microsecond and may split a kernel mapping.
 *
 * One deliberate slackness: a run of EACCEPTs over consecutive absent pages opens real access ahead
 * of itself in growing windows, so that accepting costs nanoseconds. A page inside such a window
 * does not fault when it is touched before its own EACCEPT (it reads as zeros); an isolated page
 * does. docs/promises.md lists this.
 *
 * Leaf code (internal.h): general registers only, no TLS, raw system calls. The adversary is
 * nobody: this is the simulated processor and kernel; but what enclave and host ask for is checked
 * as the processor and the driver would. */
#include "abi/hostcall.h"
#include "soft/internal.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define CHUNK_PAGES   512u /* 2 MiB: a huge page, and the unit of chunk_used */
#define WINDOW_GROWTH 4u

void soft_lock(uint32_t *lock)
{
    uint32_t expected = 0;
    if (__atomic_compare_exchange_n(lock, &expected, 1, false, __ATOMIC_ACQUIRE,
                                    __ATOMIC_RELAXED)) {
        return;
    }
    while (__atomic_exchange_n(lock, 2, __ATOMIC_ACQUIRE) != 0) {
        (void)raw_syscall(SYS_futex, (long)lock, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 2, 0, 0, 0);
    }
}

void soft_unlock(uint32_t *lock)
{
    if (__atomic_exchange_n(lock, 0, __ATOMIC_RELEASE) == 2) {
        (void)raw_syscall(SYS_futex, (long)lock, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, 0, 0, 0);
    }
}

int epcm_init(struct machine *m, struct diag *d)
{
    size_t chunks = (size_t)(m->page_count + CHUNK_PAGES - 1) / CHUNK_PAGES;
    struct {
        void **at;
        size_t size;
    } wanted[] = {
        {(void **)&m->epcm, m->page_count * sizeof(epcm_t)},
        {(void **)&m->chunk_used, chunks},
        {(void **)&m->areas, SOFT_AREAS_MAX * sizeof(struct soft_area)},
        {(void **)&m->tcs, SOFT_TCS_MAX * sizeof(struct soft_tcs)},
    };
    for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
        void *p = mmap(NULL, wanted[i].size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (p == MAP_FAILED) {
            return diag_fail(d, -errno, "no address space for the EPCM (%zu bytes)",
                             wanted[i].size);
        }
        *wanted[i].at = p;
    }
    return 0;
}

void epcm_done(struct machine *m)
{
    size_t chunks = (size_t)(m->page_count + CHUNK_PAGES - 1) / CHUNK_PAGES;
    struct {
        void *at;
        size_t size;
    } held[] = {
        {m->epcm, m->page_count * sizeof(epcm_t)},
        {m->chunk_used, chunks},
        {m->areas, SOFT_AREAS_MAX * sizeof(struct soft_area)},
        {m->tcs, SOFT_TCS_MAX * sizeof(struct soft_tcs)},
    };
    for (size_t i = 0; i < ARRAY_SIZE(held); i++) {
        if (held[i].at != NULL) {
            (void)munmap(held[i].at, held[i].size);
        }
    }
}

epcm_t epcm_load(const struct machine *m, uint64_t page)
{
    return __atomic_load_n(&m->epcm[page], __ATOMIC_ACQUIRE);
}

void epcm_store(struct machine *m, uint64_t page, epcm_t e)
{
    m->chunk_used[page / CHUNK_PAGES] = 1;
    __atomic_store_n(&m->epcm[page], e, __ATOMIC_RELEASE);
}

bool epcm_cas(struct machine *m, uint64_t page, epcm_t old, epcm_t new_entry)
{
    return __atomic_compare_exchange_n(&m->epcm[page], &old, new_entry, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE);
}

/* ---- areas ----------------------------------------------------------------------------------- */

/* Index of the first area that ends behind page. */
static size_t area_search(const struct machine *m, uint64_t page)
{
    size_t low = 0, high = m->area_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (m->areas[middle].end <= page) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

uint32_t area_prot(const struct machine *m, uint64_t page)
{
    size_t i = area_search(m, page);
    return i < m->area_count && m->areas[i].start <= page ? m->areas[i].prot : 0;
}

static void areas_move(struct machine *m, size_t from, size_t to)
{
    size_t count = m->area_count - from;
    __builtin_memmove(&m->areas[to], &m->areas[from], count * sizeof m->areas[0]);
    m->area_count = m->area_count - from + to;
}

int area_set(struct machine *m, uint64_t start, uint64_t end, uint32_t prot)
{
    if (m->area_count + 2 > SOFT_AREAS_MAX) {
        return -ENOMEM;
    }
    size_t i = area_search(m, start);
    /* Split an area that begins before the range, and one that ends behind it. */
    if (i < m->area_count && m->areas[i].start < start) {
        areas_move(m, i, i + 1);
        m->areas[i] = (struct soft_area){m->areas[i + 1].start, start, m->areas[i + 1].prot};
        m->areas[i + 1].start = start;
        i++;
    }
    size_t j = i;
    while (j < m->area_count && m->areas[j].end <= end) {
        j++;
    }
    if (j < m->area_count && m->areas[j].start < end) {
        m->areas[j].start = end;
    }
    struct soft_area area = {start, end, prot};
    /* Merge with equal neighbours. */
    if (i > 0 && m->areas[i - 1].end == start && m->areas[i - 1].prot == prot) {
        i--;
        area.start = m->areas[i].start;
    }
    if (j < m->area_count && m->areas[j].start == end && m->areas[j].prot == prot) {
        area.end = m->areas[j].end;
        j++;
    }
    if (j != i + 1) {
        areas_move(m, j, i + 1);
    }
    m->areas[i] = area;
    return 0;
}

/* ---- real protection ------------------------------------------------------------------------- */

static int host_prot(uint32_t rights)
{
    int prot = PROT_NONE;
    if ((rights & (EPCM_R | EPCM_X)) != 0) {
        prot |= PROT_READ; /* execute-only would need a protection key */
    }
    if ((rights & EPCM_W) != 0) {
        prot |= PROT_WRITE;
    }
    if ((rights & EPCM_X) != 0) {
        prot |= PROT_EXEC;
    }
    return prot;
}

/* What the processor would allow now. */
static uint32_t rights_of(epcm_t e, uint32_t area)
{
    if ((e & (EPCM_TYPE_BITS | EPCM_PENDING | EPCM_MODIFIED)) != EPCM_REG) {
        return 0;
    }
    return e & area & EPCM_RWX;
}

uint32_t epcm_rights(struct machine *m, uint64_t page)
{
    return rights_of(epcm_load(m, page), area_prot(m, page));
}

static int protect_run(struct machine *m, uint64_t start, uint64_t end, uint32_t rights)
{
    if (start == end) {
        return 0;
    }
    long r = raw_syscall(SYS_mprotect, (long)(m->base + start * PAGE_SIZE),
                         (long)((end - start) * PAGE_SIZE), host_prot(rights), 0, 0, 0);
    return (int)r;
}

/* Only these bits, atomically: an EACCEPT may change the others meanwhile, without the lock. */
static void set_host_bits(struct machine *m, uint64_t page, epcm_t e, uint32_t rights)
{
    epcm_t change = (epcm_t)((e ^ (rights << EPCM_HOST_SHIFT)) & EPCM_HOST_RWX);
    m->chunk_used[page / CHUNK_PAGES] = 1;
    __atomic_fetch_xor(&m->epcm[page], change, __ATOMIC_ACQ_REL);
}

int epcm_sync(struct machine *m, uint64_t start, uint64_t end)
{
    uint64_t run_start = start, run_end = start; /* the run ends behind the last page to change */
    uint32_t run_rights = 0;
    size_t area = area_search(m, start);
    for (uint64_t page = start; page < end; page++) {
        if (page % CHUNK_PAGES == 0 && !m->chunk_used[page / CHUNK_PAGES]) {
            page += CHUNK_PAGES - 1; /* nothing was ever here: no access to take away or give */
            continue;
        }
        while (area < m->area_count && m->areas[area].end <= page) {
            area++;
        }
        uint32_t mapped =
            area < m->area_count && m->areas[area].start <= page ? m->areas[area].prot : 0;
        epcm_t e = epcm_load(m, page);
        uint32_t want = rights_of(e, mapped);
        if (((e & EPCM_HOST_RWX) >> EPCM_HOST_SHIFT) == want) {
            if (want != run_rights && run_end > run_start) {
                int r = protect_run(m, run_start, run_end, run_rights);
                if (r < 0) {
                    return r;
                }
                run_end = run_start;
            }
            continue;
        }
        if (run_end == run_start || want != run_rights) {
            int r = protect_run(m, run_start, run_end, run_rights);
            if (r < 0) {
                return r;
            }
            run_start = page;
            run_rights = want;
        }
        run_end = page + 1;
        set_host_bits(m, page, e, want);
    }
    return protect_run(m, run_start, run_end, run_rights);
}

/* ---- EAUG ------------------------------------------------------------------------------------ */

bool epcm_eaug(struct machine *m, uint64_t page)
{
    bool there = false;
    soft_lock(&m->lock);
    epcm_t e = epcm_load(m, page);
    if ((e & EPCM_TYPE_BITS) != EPCM_NONE) {
        there = true;
    } else if (area_prot(m, page) != 0) {
        epcm_store(m, page, (epcm_t)(e | EPCM_REG | EPCM_PENDING | EPCM_R | EPCM_W));
        /* The window of a run of EACCEPTs may have opened it: a pending page is not accessible. */
        (void)epcm_sync(m, page, page + 1);
        there = true;
    }
    soft_unlock(&m->lock);
    return there;
}

/* A whole huge page was opened: its memory can be found while those before it are filled. */
static void post_ahead(struct machine *m, uint64_t start, uint64_t end)
{
    struct soft_ahead *a = m->ahead;
    if (a == NULL || end - start != CHUNK_PAGES || start < m->ahead_first || end > m->ahead_end) {
        return;
    }
    __atomic_store_n(&a->ring[a->posted % SOFT_AHEAD_RING], m->base + start * PAGE_SIZE,
                     __ATOMIC_RELAXED);
    __atomic_fetch_add(&a->posted, 1, __ATOMIC_RELEASE);
    (void)raw_syscall(SYS_futex, (long)&a->posted, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, 0, 0, 0);
}

/* The start of a chunk that has its huge page already: opening less than all of it would split it.
 */
static bool is_ready(const struct machine *m, uint64_t page)
{
    bool ready = false;
    for (uint32_t i = 0; i < m->ready_count; i++) {
        ready |= m->ready[i] == page;
    }
    return ready;
}

/* Opens [page, window end) for real access: absent pages of one area that allows R and W. */
static void open_window(struct machine *m, uint64_t page)
{
    size_t i = area_search(m, page);
    if (i == m->area_count || m->areas[i].start > page) {
        return;
    }
    uint32_t rights = m->areas[i].prot & (EPCM_R | EPCM_W);
    uint64_t window = page == m->open_next ? m->open_window * WINDOW_GROWTH : 1;
    if (window > CHUNK_PAGES || is_ready(m, page)) {
        window = CHUNK_PAGES;
    }
    uint64_t end = page + window;
    uint64_t chunk_end = (page / CHUNK_PAGES + 1) * CHUNK_PAGES;
    end = end < chunk_end ? end : chunk_end;
    end = end < m->areas[i].end ? end : m->areas[i].end;
    uint64_t stop = page + 1;
    while (stop < end && (epcm_load(m, stop) & (EPCM_TYPE_BITS | EPCM_HOST_RWX)) == 0) {
        stop++;
    }
    if (protect_run(m, page, stop, rights) < 0) {
        return; /* the page stays closed; a later access syncs it or faults */
    }
    for (uint64_t p = page; p < stop; p++) {
        set_host_bits(m, p, epcm_load(m, p), rights);
    }
    m->open_next = stop;
    m->open_window = window;
    post_ahead(m, page, stop);
}

bool epcm_eaug_accept(struct machine *m, uint64_t page, uint32_t rights)
{
    epcm_t e = epcm_load(m, page);
    epcm_t open = (EPCM_R | EPCM_W) << EPCM_HOST_SHIFT;
    if (rights != (EPCM_R | EPCM_W)) {
        return false;
    }
    if ((e & (EPCM_TYPE_BITS | EPCM_HOST_RWX)) != open) {
        soft_lock(&m->lock);
        e = epcm_load(m, page);
        if ((e & (EPCM_TYPE_BITS | EPCM_HOST_RWX)) == 0 &&
            (area_prot(m, page) & (EPCM_R | EPCM_W)) == (EPCM_R | EPCM_W)) {
            open_window(m, page);
            e = epcm_load(m, page);
        }
        soft_unlock(&m->lock);
    }
    if ((e & (EPCM_TYPE_BITS | EPCM_HOST_RWX)) != open) {
        return false;
    }
    return epcm_cas(m, page, e, (epcm_t)(e | EPCM_REG | EPCM_R | EPCM_W));
}

/* ---- TCS ------------------------------------------------------------------------------------- */

struct soft_tcs *tcs_find(struct machine *m, uint64_t page)
{
    for (uint64_t i = 0; i < SOFT_TCS_MAX; i++) {
        struct soft_tcs *t = &m->tcs[(page + i) % SOFT_TCS_MAX];
        uint64_t key = __atomic_load_n(&t->page, __ATOMIC_ACQUIRE);
        if (key == page + 1) {
            return t;
        }
        if (key == 0) {
            return NULL;
        }
    }
    return NULL;
}

bool tcs_fields_ok(const struct sgx_tcs *t)
{
    const uint64_t allowed = 1; /* DBGOPTIN */
    uint8_t any = 0;
    for (size_t i = 0; i < sizeof t->reserved; i++) {
        any |= t->reserved[i];
    }
    return any == 0 && (t->flags & ~allowed) == 0 && t->cssa == 0 && t->ossa % PAGE_SIZE == 0 &&
           t->ofsbasgx % PAGE_SIZE == 0 && t->ogsbasgx % PAGE_SIZE == 0 &&
           (t->fslimit & 0xfffu) == 0xfffu && (t->gslimit & 0xfffu) == 0xfffu;
}

/* Slots are never freed: a page that becomes a TCS again finds its own. Lock held. */
struct soft_tcs *tcs_add(struct machine *m, uint64_t page, const struct sgx_tcs *content)
{
    for (uint64_t i = 0; i < SOFT_TCS_MAX; i++) {
        struct soft_tcs *t = &m->tcs[(page + i) % SOFT_TCS_MAX];
        if (t->page != 0 && t->page != page + 1) {
            continue;
        }
        t->busy = 0;
        t->cssa = 0;
        t->field.flags = content->flags;
        t->field.ossa = content->ossa;
        t->field.nssa = content->nssa;
        t->field.oentry = content->oentry;
        t->field.ofsbasgx = content->ofsbasgx;
        t->field.ogsbasgx = content->ogsbasgx;
        __atomic_store_n(&t->page, page + 1, __ATOMIC_RELEASE);
        return t;
    }
    return NULL;
}

/* ---- the driver's operations ----------------------------------------------------------------- */

static int range_pages(const struct machine *m, uint64_t offset, uint64_t size, uint64_t *ret_start,
                       uint64_t *ret_end)
{
    if (!m->initialised || size == 0 || offset % PAGE_SIZE != 0 || size % PAGE_SIZE != 0 ||
        !range_within(offset, size, m->size)) {
        return -EINVAL;
    }
    *ret_start = offset / PAGE_SIZE;
    *ret_end = (offset + size) / PAGE_SIZE;
    return 0;
}

static int set_area_and_sync(struct machine *m, uint64_t start, uint64_t end, uint32_t prot)
{
    /* Pages from before EINIT never get more than their SECINFO said, as with the kernel driver. */
    for (uint64_t page = start; page < end; page++) {
        if (page % CHUNK_PAGES == 0 && !m->chunk_used[page / CHUNK_PAGES]) {
            page += CHUNK_PAGES - 1;
            continue;
        }
        epcm_t e = epcm_load(m, page);
        if ((e & EPCM_STATIC) != 0 && (prot & ~((uint32_t)e >> EPCM_MAX_SHIFT)) != 0) {
            return -EACCES;
        }
    }
    int r = area_set(m, start, end, prot);
    return r < 0 ? r : epcm_sync(m, start, end);
}

int soft_map(struct machine *m, uint64_t offset, uint64_t size, uint64_t prot)
{
    uint64_t start, end;
    bool soon = (prot & HOSTCALL_MAP_SOON) != 0;
    prot &= ~HOSTCALL_MAP_SOON;
    int r = range_pages(m, offset, size, &start, &end);
    if (r < 0 || (prot & ~(uint64_t)EPCM_RWX) != 0) {
        return -EINVAL;
    }
    /* Below the process's lowest mappable address there is no memory to make accessible. */
    if (m->base + offset < m->reserved_start) {
        return -EINVAL;
    }
    soft_lock(&m->lock);
    if (soon) {
        soft_ahead_expect(m, start, end);
    }
    r = set_area_and_sync(m, start, end, (uint32_t)prot);
    soft_unlock(&m->lock);
    return r;
}

int soft_protect(struct machine *m, uint64_t offset, uint64_t size, uint64_t prot)
{
    return soft_map(m, offset, size, prot);
}

int soft_restrict_permissions(struct machine *m, uint64_t offset, uint64_t size, uint64_t prot)
{
    uint64_t start, end;
    int r = range_pages(m, offset, size, &start, &end);
    if (r < 0 || (prot & ~(uint64_t)EPCM_RWX) != 0 ||
        ((prot & EPCM_W) != 0 && (prot & EPCM_R) == 0)) {
        return -EINVAL;
    }
    soft_lock(&m->lock);
    /* The driver stops at the first page that refuses and reports it; callers of this table get
     * all or nothing. */
    for (uint64_t page = start; page < end && r == 0; page++) {
        epcm_t e = epcm_load(m, page);
        if ((e & EPCM_TYPE_BITS) == EPCM_NONE) {
            r = -EFAULT;
        } else if ((e & (EPCM_TYPE_BITS | EPCM_PENDING | EPCM_MODIFIED)) != EPCM_REG) {
            r = -EPERM; /* SGX_PAGE_NOT_MODIFIABLE */
        }
    }
    for (uint64_t page = start; page < end && r == 0; page++) {
        epcm_t e = epcm_load(m, page);
        epcm_t kept = (epcm_t)(e & ~EPCM_RWX);
        epcm_store(m, page, (epcm_t)(kept | (e & prot & EPCM_RWX) | EPCM_PR));
    }
    if (r == 0) {
        r = epcm_sync(m, start, end);
    }
    soft_unlock(&m->lock);
    return r;
}

static int type_change_ok(epcm_t e, enum sgx_page_type type)
{
    uint32_t now = e & EPCM_TYPE_BITS;
    if (now == EPCM_NONE) {
        return -EFAULT;
    }
    if ((e & (EPCM_PENDING | EPCM_MODIFIED)) != 0) {
        return -EPERM; /* SGX_PAGE_NOT_MODIFIABLE */
    }
    if (type == SGX_PT_TCS) {
        return now == EPCM_REG && (e & (EPCM_R | EPCM_W)) == (EPCM_R | EPCM_W) ? 0 : -EPERM;
    }
    return now == EPCM_REG || now == EPCM_TCS ? 0 : -EPERM;
}

static int make_tcs(struct machine *m, uint64_t page)
{
    /* Readable for a moment whatever the page tables said: the processor reads physical memory. */
    int r = protect_run(m, page, page + 1, EPCM_R);
    if (r < 0) {
        return r;
    }
    const struct sgx_tcs *content = (const struct sgx_tcs *)(m->base + page * PAGE_SIZE);
    struct soft_tcs *t = tcs_add(m, page, content);
    if (t == NULL) {
        r = -ENOMEM;
    } else if (!tcs_fields_ok(content)) {
        t->field.flags = UINT64_MAX; /* EACCEPT will find it malformed */
    }
    epcm_t e = epcm_load(m, page);
    epcm_store(m, page, (epcm_t)((e & ~EPCM_HOST_RWX) | (EPCM_R << EPCM_HOST_SHIFT)));
    return r;
}

int soft_modify_type(struct machine *m, uint64_t offset, uint64_t size, enum sgx_page_type type)
{
    uint64_t start, end;
    int r = range_pages(m, offset, size, &start, &end);
    if (r < 0 || (type != SGX_PT_TCS && type != SGX_PT_TRIM)) {
        return -EINVAL;
    }
    soft_lock(&m->lock);
    for (uint64_t page = start; page < end && r == 0; page++) {
        r = type_change_ok(epcm_load(m, page), type);
    }
    for (uint64_t page = start; page < end && r == 0; page++) {
        if (type == SGX_PT_TCS) {
            r = make_tcs(m, page);
        }
        epcm_t to = type == SGX_PT_TCS ? EPCM_TCS : EPCM_TRIM;
        epcm_t kept = (epcm_t)(epcm_load(m, page) & ~EPCM_STATE);
        epcm_store(m, page, (epcm_t)(kept | to | EPCM_MODIFIED));
    }
    if (r == 0) {
        r = epcm_sync(m, start, end);
    }
    soft_unlock(&m->lock);
    return r;
}

static int drop_memory(struct machine *m, uint64_t start, uint64_t end, bool is_static)
{
    long at = (long)(m->base + start * PAGE_SIZE), size = (long)((end - start) * PAGE_SIZE);
    if (!is_static) {
        return (int)raw_syscall(SYS_madvise, at, size, MADV_DONTNEED, 0, 0, 0);
    }
    long r = raw_syscall(SYS_mmap, at, size, PROT_NONE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    return r < 0 && r > -4096 ? (int)r : 0;
}

int soft_remove(struct machine *m, uint64_t offset, uint64_t size)
{
    uint64_t start, end;
    int r = range_pages(m, offset, size, &start, &end);
    if (r < 0) {
        return r;
    }
    soft_lock(&m->lock);
    for (uint64_t page = start; page < end && r == 0; page++) {
        epcm_t e = epcm_load(m, page);
        if ((e & EPCM_TYPE_BITS) == EPCM_NONE) {
            r = -EFAULT;
        } else if ((e & (EPCM_TYPE_BITS | EPCM_MODIFIED)) != EPCM_TRIM) {
            r = -EPERM;
        }
    }
    uint64_t page = start;
    while (page < end && r == 0) {
        bool is_static = (epcm_load(m, page) & EPCM_STATIC) != 0;
        uint64_t stop = page;
        while (stop < end && ((epcm_load(m, stop) & EPCM_STATIC) != 0) == is_static) {
            stop++;
        }
        r = drop_memory(m, page, stop, is_static);
        for (; page < stop && r == 0; page++) {
            epcm_store(m, page, 0); /* trimmed pages had no real access left */
        }
    }
    /* Nor is the range mapped any more: the window of a run of EACCEPTs beside it would make its
     * pages accessible, and a guard page would guard nothing. */
    if (r == 0) {
        r = area_set(m, start, end, 0);
    }
    soft_unlock(&m->lock);
    return r;
}
