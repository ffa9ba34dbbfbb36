/* SPDX-License-Identifier: Apache-2.0 */
/* Enclave pages after EINIT: EAUG is the host's act, EACCEPT ours, so the host can refuse memory but
 * not slip in content or rights: EACCEPT fails unless the page is exactly what was asked for.
 * Order for changing rights: what is taken away is accepted before anything is given. */
#include "thread.h"

#define EFAULT 14
#define EACCES 13
#define ENAMETOOLONG 36
#define RIGHTS (SGX_SECINFO_R | SGX_SECINFO_W | SGX_SECINFO_X)

static void accept_range(uint64_t addr, uint64_t size, uint64_t flags, const char *what)
{
    struct sgx_secinfo info = {.flags = flags};
    for (uint64_t at = addr; at < addr + size; at += SGX_PAGE_SIZE) {
        uint64_t error = enclu_accept(&info, at);
        if (error != SGX_SUCCESS) {
            rt_fatal("%s: the page at %lx is not what the enclave asked for (EACCEPT: %lu)", what, at,
                     error);
        }
    }
}

static void extend_range(uint64_t addr, uint64_t size, uint64_t rights)
{
    struct sgx_secinfo info = {.flags = rights | SGX_SECINFO_TYPE(SGX_PT_REG)};
    for (uint64_t at = addr; at < addr + size; at += SGX_PAGE_SIZE) {
        enclu_modpe(&info, at);
    }
}

static int commit_pages(uint64_t addr, uint64_t size, uint64_t hint)
{
    int64_t r = HOSTCALL_SIMPLE(HOSTCALL_mem_map, addr, size, SGX_SECINFO_R | SGX_SECINFO_W | hint);
    if (r < 0) {
        return (int)r;
    }
    accept_range(addr, size,
                 SGX_SECINFO_R | SGX_SECINFO_W | SGX_SECINFO_PENDING | SGX_SECINFO_TYPE(SGX_PT_REG),
                 "adding memory");
    return 0;
}

int rt_pages_commit(uint64_t addr, uint64_t size)
{
    return commit_pages(addr, size, 0);
}

int rt_pages_to_tcs(uint64_t addr)
{
    int64_t r = HOSTCALL_SIMPLE(HOSTCALL_mem_type, addr, SGX_PAGE_SIZE, SGX_PT_TCS);
    if (r < 0) {
        return (int)r;
    }
    accept_range(addr, SGX_PAGE_SIZE, SGX_SECINFO_MODIFIED | SGX_SECINFO_TYPE(SGX_PT_TCS),
                 "making a thread");
    return 0;
}

static bool app_pages_ok(app_ptr at, uint64_t size)
{
    return at.addr % SGX_PAGE_SIZE == 0 && size % SGX_PAGE_SIZE == 0 && size > 0 &&
           app_range_ok(at, size);
}

int rt_mem_commit(app_ptr at, uint64_t size)
{
    REQUIRE(app_pages_ok(at, size));
    return rt_pages_commit(at.addr, size);
}

int rt_mem_commit_copies(app_ptr at, const void *const *pages, size_t count, uint64_t prot)
{
    const struct sgx_secinfo info = {.flags = prot | SGX_SECINFO_TYPE(SGX_PT_REG)};
    uint64_t size = count * SGX_PAGE_SIZE;
    REQUIRE(app_pages_ok(at, size) && (prot & SGX_SECINFO_X) == 0);
    int64_t r = HOSTCALL_SIMPLE(HOSTCALL_mem_map, at.addr, size, SGX_SECINFO_R | SGX_SECINFO_W);
    if (r < 0) {
        return (int)r;
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t page = at.addr + i * SGX_PAGE_SIZE;
        uint64_t error = enclu_acceptcopy(&info, page, pages[i]);
        if (error != SGX_SUCCESS) {
            rt_fatal("adding memory: the page at %lx is not what the enclave asked for (EACCEPTCOPY: %lu)",
                     page, error);
        }
    }
    return 0;
}

int rt_mem_protect(app_ptr at, uint64_t size, uint64_t from_prot, uint64_t to_prot)
{
    REQUIRE(app_pages_ok(at, size));
    if ((to_prot & ~RIGHTS) != 0 || (to_prot & SGX_SECINFO_W && to_prot & SGX_SECINFO_X)) {
        return -EACCES;
    }
    uint64_t kept = from_prot & to_prot;
    if (kept != from_prot) {
        int64_t r = HOSTCALL_SIMPLE(HOSTCALL_mem_restrict, at.addr, size, kept);
        if (r < 0) {
            return (int)r;
        }
        accept_range(at.addr, size, kept | SGX_SECINFO_PR | SGX_SECINFO_TYPE(SGX_PT_REG),
                     "restricting memory");
    }
    if (kept != to_prot) {
        extend_range(at.addr, size, to_prot);
        int64_t r = HOSTCALL_SIMPLE(HOSTCALL_mem_protect, at.addr, size, to_prot);
        if (r < 0) {
            return (int)r;
        }
    }
    return 0;
}

static int release_pages(uint64_t addr, uint64_t size)
{
    int64_t r = HOSTCALL_SIMPLE(HOSTCALL_mem_type, addr, size, SGX_PT_TRIM);
    if (r < 0) {
        return (int)r;
    }
    accept_range(addr, size, SGX_SECINFO_MODIFIED | SGX_SECINFO_TYPE(SGX_PT_TRIM),
                 "giving memory back");
    ignore_result(HOSTCALL_SIMPLE(HOSTCALL_mem_remove, addr, size),
                  "the pages are gone already; a host that keeps them cannot add new ones in their place");
    return 0;
}

int rt_mem_release(app_ptr at, uint64_t size, uint64_t prot)
{
    (void)prot;
    REQUIRE(app_pages_ok(at, size));
    return release_pages(at.addr, size);
}

static bool cache_pages_ok(uint64_t offset, uint64_t size)
{
    return offset % SGX_PAGE_SIZE == 0 && size % SGX_PAGE_SIZE == 0 && size > 0 &&
           size <= RUNTIME_CACHE_SIZE && offset <= RUNTIME_CACHE_SIZE - size;
}

uint8_t *rt_cache_commit(uint64_t offset, uint64_t size)
{
    REQUIRE(cache_pages_ok(offset, size));
    /* SAFETY: pages of the runtime's own range, just accepted. */
    return commit_pages(RUNTIME_CACHE + offset, size, HOSTCALL_MAP_SOON) == 0
               ? (uint8_t *)(RUNTIME_CACHE + offset)
               : NULL;
}

void rt_cache_release(uint64_t offset, uint64_t size)
{
    REQUIRE(cache_pages_ok(offset, size));
    if (release_pages(RUNTIME_CACHE + offset, size) != 0) {
        rt_fatal("the host refuses to take memory back");
    }
}

/* ---- the workload's memory -------------------------------------------------------------------- */

int rt_copy_faulting(void *to, const void *from, size_t n);
int rt_zero_faulting(void *to, size_t n);
int rt_load_byte_faulting(uint8_t *ret, const void *from);
int rt_load_u32_faulting(uint32_t *ret, const void *from);
int rt_cmpxchg_faulting(void *at, uint32_t expected, uint32_t desired, uint32_t *ret_old);

bool app_range_ok(app_ptr p, uint64_t n)
{
    return p.addr >= APP_BASE && p.addr < APP_END && n <= APP_END - p.addr;
}

/* SAFETY: the one place where a workload's address becomes a pointer; the range was checked, and
 * every access through it below may fault and is fixed up. */
static void *app_cast(app_ptr p)
{
    return (void *)p.addr;
}

void *app_raw(app_ptr p, uint64_t n)
{
    REQUIRE(app_range_ok(p, n));
    return app_cast(p);
}

void rt_set_app_memory(struct app_memory *m)
{
    rt_self()->app_memory = m;
}

/* Rare: threads of the owner of a process tree that serve a member. */
static inline bool elsewhere(void)
{
    return __builtin_expect(rt_self()->app_memory != NULL, 0);
}

static int read_elsewhere(void *to, app_ptr from, size_t n)
{
    struct app_memory *m = rt_self()->app_memory;
    return !app_range_ok(from, n) ? -EFAULT : m->read(m, to, from.addr, n);
}

static int write_elsewhere(app_ptr to, const void *from, size_t n)
{
    struct app_memory *m = rt_self()->app_memory;
    return !app_range_ok(to, n) ? -EFAULT : m->write(m, to.addr, from, n);
}

int copy_from_app(void *to, app_ptr from, size_t n)
{
    if (n == 0) {
        return 0;
    }
    if (elsewhere()) {
        return read_elsewhere(to, from, n);
    }
    return !app_range_ok(from, n) || rt_copy_faulting(to, app_cast(from), n) != 0 ? -EFAULT : 0;
}

int copy_to_app(app_ptr to, const void *from, size_t n)
{
    if (n == 0) {
        return 0;
    }
    if (elsewhere()) {
        return write_elsewhere(to, from, n);
    }
    return !app_range_ok(to, n) || rt_copy_faulting(app_cast(to), from, n) != 0 ? -EFAULT : 0;
}

int zero_app(app_ptr to, size_t n)
{
    if (n == 0) {
        return 0;
    }
    if (elsewhere()) {
        return write_elsewhere(to, NULL, n);
    }
    return !app_range_ok(to, n) || rt_zero_faulting(app_cast(to), n) != 0 ? -EFAULT : 0;
}

/* SAFETY: a measured page that nothing writes to, at an address that the release fixes. */
const struct program_descriptor *rt_program(void)
{
    return (const struct program_descriptor *)PROGRAM_DESCRIPTOR;
}

int64_t string_from_app(char *to, app_ptr from, size_t max)
{
    for (size_t i = 0; i < max; i++) {
        uint8_t c;
        app_ptr at = app_add(from, i);
        if (elsewhere() ? read_elsewhere(&c, at, 1) != 0
                        : !app_range_ok(at, 1) || rt_load_byte_faulting(&c, app_cast(at)) != 0) {
            return -EFAULT;
        }
        to[i] = (char)c;
        if (c == 0) {
            return (int64_t)i;
        }
    }
    return -ENAMETOOLONG;
}

int load_app_u32(uint32_t *ret, app_ptr p)
{
    if (elsewhere()) {
        return read_elsewhere(ret, p, sizeof *ret);
    }
    return !app_range_ok(p, 4) || rt_load_u32_faulting(ret, app_cast(p)) != 0 ? -EFAULT : 0;
}

int cmpxchg_app_u32(app_ptr p, uint32_t expected, uint32_t desired, uint32_t *ret_old)
{
    REQUIRE(!elsewhere()); /* nobody else's memory can be exchanged with */
    return !app_range_ok(p, 4) || rt_cmpxchg_faulting(app_cast(p), expected, desired, ret_old) != 0
               ? -EFAULT
               : 0;
}
