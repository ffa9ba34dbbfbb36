/* SPDX-License-Identifier: Apache-2.0 */
/* The soft machine's table of operations: opening it, building an enclave, and destroying it.
 * ECREATE, EADD, EEXTEND and EINIT are performed by the microcode helper (client.c); this side
 * keeps the EPCM, reserves ELRANGE and maps the pages that the helper measured. Host code. */
#include "soft/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#define LOWEST_ADDRESS      65536u /* below: never, whatever vm.mmap_min_addr says */
#define HWCAP2_FSGSBASE_BIT (1u << 1)

static pthread_mutex_t first_open = PTHREAD_MUTEX_INITIALIZER;
static bool process_ready;

static int prepare_process(struct diag *d)
{
    int r = 0;
    pthread_mutex_lock(&first_open);
    if (!process_ready) {
        if ((getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE_BIT) == 0) {
            r = diag_fail(d, -ENOTSUP,
                          "the soft machine needs the FSGSBASE instructions (Linux 5.9 or newer "
                          "on a processor that has them)");
        }
        r = r == 0 ? soft_threads_init(d) : r;
        r = r == 0 ? soft_signals_init(d) : r;
        process_ready = r == 0;
    }
    pthread_mutex_unlock(&first_open);
    return r;
}

static int soft_open(const struct machine_config *config, struct machine **ret, struct diag *d)
{
    static const struct machine_config defaults;
    config = config != NULL ? config : &defaults;
    int r = prepare_process(d);
    if (r < 0) {
        return r;
    }
    struct machine *m = calloc(1, sizeof *m);
    if (m == NULL) {
        return diag_fail(d, -ENOMEM, "no memory for a machine");
    }
    m->trap_only = config->trap_only;
    r = client_open(config, &m->client, d);
    if (r < 0) {
        free(m);
        return r;
    }
    *ret = m;
    return 0;
}

/* ---- ECREATE --------------------------------------------------------------------------------- */

static uint64_t lowest_address(void)
{
    uint64_t lowest = LOWEST_ADDRESS;
    FILE *f = fopen("/proc/sys/vm/mmap_min_addr", "re");
    unsigned long value;
    if (f != NULL) {
        if (fscanf(f, "%lu", &value) == 1 && value > lowest) {
            lowest = (value + PAGE_SIZE - 1) & ~(uint64_t)(PAGE_SIZE - 1);
        }
        (void)fclose(f);
    }
    return lowest;
}

static int reserve_anywhere(struct machine *m, struct diag *d)
{
    /* Twice the size holds an aligned piece, with a page for leaves behind it. */
    size_t span = 2 * m->size + PAGE_SIZE;
    uint8_t *p = mmap(NULL, span, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) {
        return diag_fail(d, -errno, "no address space for an enclave of %lu bytes",
                         (unsigned long)m->size);
    }
    uint64_t start = (uint64_t)p, end = start + span;
    m->base = (start + m->size - 1) & ~(m->size - 1);
    if (m->base > start) {
        (void)munmap(p, m->base - start);
    }
    if (end > m->base + m->size) {
        (void)munmap((void *)(m->base + m->size), end - m->base - m->size);
    }
    m->reserved_start = m->base;
    m->reserved_end = m->base + m->size;
    return 0;
}

static int reserve_at(struct machine *m, uint64_t base, struct diag *d)
{
    uint64_t lowest = lowest_address();
    m->base = base;
    m->reserved_start = base > lowest ? base : lowest;
    m->reserved_end = base + m->size;
    if (m->reserved_start >= m->reserved_end) {
        return diag_fail(d, -EINVAL, "ELRANGE lies below the lowest address that Linux maps");
    }
    void *p = mmap((void *)m->reserved_start, m->reserved_end - m->reserved_start, PROT_NONE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    if (p == MAP_FAILED) {
        int r = -errno;
        m->reserved_end = m->reserved_start;
        return diag_fail(d, r,
                         "cannot reserve the enclave's range %lx-%lx: something of this process "
                         "is there (it must be position independent), or address space is limited",
                         (unsigned long)m->reserved_start, (unsigned long)(base + m->size));
    }
    return 0;
}

static int soft_create(struct machine *m, const struct sgx_secs *secs, struct diag *d)
{
    if (m->epcm != NULL) {
        return diag_fail(d, -EINVAL, "this machine has an enclave already");
    }
    if (secs->size < 2 * PAGE_SIZE || (secs->size & (secs->size - 1)) != 0 ||
        secs->size > (UINT64_C(1) << 46)) {
        return diag_fail(d, -EINVAL, "SECS.SIZE %lx is not a power of two between 8 KiB and 64 TiB",
                         (unsigned long)secs->size);
    }
    if (secs->base != SOFT_BASE_ANY && secs->base % secs->size != 0) {
        return diag_fail(d, -EINVAL, "SECS.BASEADDR is not a multiple of SECS.SIZE");
    }
    struct sgx_secs own = *secs;
    if (own.base == SOFT_BASE_ANY) {
        own.base = 0;
    }
    int r = client_create(m->client, &own, d);
    if (r < 0) {
        return r;
    }
    m->size = secs->size;
    m->page_count = secs->size / PAGE_SIZE;
    m->attributes = secs->attributes;
    m->ssa_frame_size = secs->ssa_frame_size;
    m->xsave_size = (uint32_t)soft_xsave_size(secs->attributes.xfrm);
    m->miscselect = secs->miscselect;
    r = secs->base == SOFT_BASE_ANY ? reserve_anywhere(m, d) : reserve_at(m, secs->base, d);
    r = r == 0 ? epcm_init(m, d) : r;
    if (r == 0) {
        /* Memory that is added later may be backed by huge pages; without them it just works. */
        (void)madvise((void *)m->reserved_start, m->reserved_end - m->reserved_start,
                      MADV_HUGEPAGE);
    }
    return r;
}

/* ---- EADD, EEXTEND, EINIT -------------------------------------------------------------------- */

static int soft_add_page(struct machine *m, uint64_t offset, const struct sgx_secinfo *secinfo,
                         const void *content, struct diag *d)
{
    if (m->epcm == NULL || m->asked) {
        return diag_fail(d, -EINVAL, "EADD: no enclave that can still grow by it");
    }
    if (offset % PAGE_SIZE != 0 || !range_within(offset, PAGE_SIZE, m->size)) {
        return diag_fail(d, -EINVAL, "EADD: offset %lx is not a page of the enclave",
                         (unsigned long)offset);
    }
    uint64_t page = offset / PAGE_SIZE;
    if (m->base + offset < m->reserved_start) {
        return diag_fail(d, -EINVAL, "EADD: page %lx lies below the lowest address of this system",
                         (unsigned long)offset);
    }
    if ((epcm_load(m, page) & EPCM_TYPE_BITS) != EPCM_NONE) {
        return diag_fail(d, -EEXIST, "EADD: there is a page at %lx already", (unsigned long)offset);
    }
    uint64_t type = secinfo->flags >> 8;
    uint64_t rwx = secinfo->flags & EPCM_RWX;
    if (m->added_count == m->added_capacity) {
        size_t capacity = m->added_capacity == 0 ? 1024 : 2 * m->added_capacity;
        void *grown = realloc(m->added, capacity * sizeof m->added[0]);
        if (grown == NULL) {
            return diag_fail(d, -ENOMEM, "no memory for the list of pages");
        }
        m->added = grown;
        m->added_capacity = capacity;
    }
    int r = client_add(m->client, offset, secinfo->flags, content, d);
    if (r < 0) {
        return r;
    }
    epcm_t e = EPCM_STATIC;
    if (type == SGX_PT_TCS) {
        e |= EPCM_TCS;
        struct sgx_tcs tcs;
        memcpy(&tcs, content, sizeof tcs);
        tcs.flags &= ~UINT64_C(1); /* EADD clears DBGOPTIN */
        if (tcs_add(m, page, &tcs) == NULL) {
            return diag_fail(d, -ENOMEM, "more than %u TCS pages", SOFT_TCS_MAX);
        }
    } else {
        e |= (epcm_t)(EPCM_REG | rwx | rwx << EPCM_MAX_SHIFT);
    }
    epcm_store(m, page, e);
    m->added[m->added_count++] = (struct soft_added){page, secinfo->flags};
    return 0;
}

static int soft_extend(struct machine *m, uint64_t offset, struct diag *d)
{
    if (m->epcm == NULL || m->asked || offset % 256 != 0 || !range_within(offset, 256, m->size) ||
        (epcm_load(m, offset / PAGE_SIZE) & EPCM_TYPE_BITS) == EPCM_NONE) {
        return diag_fail(d, -EINVAL, "EEXTEND: no page at %lx", (unsigned long)offset);
    }
    return client_extend(m->client, offset, d);
}

static int prot_of_added(uint64_t flags)
{
    if (flags >> 8 != SGX_PT_REG) {
        return PROT_NONE;
    }
    return ((flags & (EPCM_R | EPCM_X)) != 0 ? PROT_READ : 0) |
           ((flags & EPCM_W) != 0 ? PROT_WRITE : 0) | ((flags & EPCM_X) != 0 ? PROT_EXEC : 0);
}

/* Maps the measured pages privately over ELRANGE, one mapping per run of equal neighbours. */
static int map_added(struct machine *m, int fd, struct diag *d)
{
    for (size_t i = 0; i < m->added_count;) {
        size_t n = 1;
        while (i + n < m->added_count && m->added[i + n].flags == m->added[i].flags &&
               m->added[i + n].page == m->added[i].page + n) {
            n++;
        }
        uint64_t page = m->added[i].page;
        uint32_t rwx = m->added[i].flags >> 8 == SGX_PT_REG ? m->added[i].flags & EPCM_RWX : 0;
        void *p = mmap((void *)(m->base + page * PAGE_SIZE), n * PAGE_SIZE,
                       prot_of_added(m->added[i].flags), MAP_PRIVATE | MAP_FIXED, fd,
                       (off_t)(i * PAGE_SIZE));
        int r = p == MAP_FAILED ? -errno : area_set(m, page, page + n, rwx);
        if (r < 0) {
            return diag_fail(d, r, "cannot map the enclave's pages: %s", strerror(-r));
        }
        for (uint64_t k = page; k < page + n; k++) {
            epcm_store(m, k, (epcm_t)(epcm_load(m, k) | rwx << EPCM_HOST_SHIFT));
        }
        i += n;
    }
    return 0;
}

/* While the helper measures the sealed pages, they are mapped here: nothing enters before EINIT. */
static int soft_init_start(struct machine *m, const struct sgx_sigstruct *sigstruct, struct diag *d)
{
    if (m->epcm == NULL || m->asked) {
        return diag_fail(d, -EINVAL, "EINIT: no enclave that waits for it");
    }
    int fd = -1;
    m->asked = true;
    int r = client_ask(m->client, sigstruct, &fd, d);
    if (r < 0) {
        return r;
    }
    r = map_added(m, fd, d);
    (void)close(fd);
    if (r == 0 && !m->trap_only) {
        soft_translate(m);
    }
    return r;
}

static int soft_init(struct machine *m, const struct sgx_sigstruct *sigstruct, struct diag *d)
{
    int r = m->asked && !m->answered ? 0 : soft_init_start(m, sigstruct, d);
    if (r == 0) {
        m->answered = true;
        r = client_answer(m->client, &m->handle, d);
        m->initialised = r == 0;
    }
    return r;
}

static void soft_close(struct machine *m)
{
    if (m == NULL) {
        return;
    }
    soft_ahead_stop(m);
    if (m->reserved_end > m->reserved_start) {
        (void)munmap((void *)m->reserved_start, m->reserved_end - m->reserved_start);
    }
    if (m->leaf_page != 0) {
        (void)munmap((void *)m->leaf_page, PAGE_SIZE);
    }
    epcm_done(m);
    client_close(m->client);
    free(m->added);
    free(m);
}

uint64_t soft_base(const struct machine *m)
{
    return m->base;
}

const struct machine_ops machine_soft = {
    .name = "soft",
    .start = client_start,
    .open = soft_open,
    .create = soft_create,
    .add_page = soft_add_page,
    .extend = soft_extend,
    .init_start = soft_init_start,
    .expect = soft_expect,
    .init = soft_init,
    .map = soft_map,
    .restrict_permissions = soft_restrict_permissions,
    .protect = soft_protect,
    .modify_type = soft_modify_type,
    .remove = soft_remove,
    .enter = soft_enter,
    .signal = soft_signal,
    .close = soft_close,
};
