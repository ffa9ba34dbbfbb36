/* SPDX-License-Identifier: Apache-2.0 */
/* See test_shim.h. Workload addresses lie in one reservation; rt_mem_* keep a shadow of every
 * page's rights and REQUIRE what the processor would: no page accepted twice, rights changed only
 * from what they are, never writable and executable. */
#include "test_shim.h"

#include "proc/call_files.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "fs/block_cache.h"
#include "exec/rewrite.h"
#include "signals/signals.h"
#include "proc/shares.h"
#include "mm/windows.h"

#define PAGES (APP_END / 4096)

struct os_state os;
uint64_t shim_commits, shim_protects, shim_releases;
struct file *shim_fd;
void (*shim_before_protect)(uint64_t addr);
static uint8_t *base;
static uint8_t *shadow; /* 0: not committed; else rights | 8 */
static struct manifest manifest;
static struct process process;
static struct os_thread thread = {.process = &process};

void shim_start(uint64_t memory)
{
    base = (uint8_t *)mmap(NULL, APP_END, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                           -1, 0);
    shadow = (uint8_t *)mmap(NULL, PAGES, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    REQUIRE(base != MAP_FAILED && shadow != MAP_FAILED);
    manifest.memory = memory;
    manifest.threads = 4;
    os.manifest = &manifest;
    os.process = &process;
}

uint8_t *shim_at(uint64_t addr)
{
    return base + addr;
}

int shim_rights(uint64_t addr)
{
    return shadow[addr / 4096] == 0 ? -1 : shadow[addr / 4096] & 7;
}

uint8_t shim_file_byte(unsigned id, uint64_t offset)
{
    return (uint8_t)(1 + (offset / 4096 * 7 + offset + id * 31) % 250);
}

/* ---- pages
 * ---------------------------------------------------------------------------------------- */

static int set(app_ptr at, uint64_t size, uint8_t value, int prot)
{
    REQUIRE(at.addr % 4096 == 0 && size % 4096 == 0 && app_range_ok(at, size) && size > 0);
    memset(shadow + at.addr / 4096, value, size / 4096);
    /* Rights are checked in the shadow; here all committed memory stays accessible. */
    return mprotect(base + at.addr, size, prot);
}

int rt_mem_commit(app_ptr at, uint64_t size)
{
    for (uint64_t p = 0; p < size / 4096; p++) {
        REQUIRE(shadow[at.addr / 4096 + p] == 0);
    }
    shim_commits++;
    return set(at, size, 8 | 3, PROT_READ | PROT_WRITE);
}

int rt_mem_commit_copies(app_ptr at, const void *const *pages, size_t count, uint64_t prot)
{
    (void)pages, (void)prot;
    return rt_mem_commit(at, count * 4096);
}

int rt_mem_protect(app_ptr at, uint64_t size, uint64_t from_prot, uint64_t to_prot)
{
    for (uint64_t p = 0; p < size / 4096; p++) {
        REQUIRE(shadow[at.addr / 4096 + p] == (8 | from_prot));
    }
    REQUIRE((to_prot & 6) != 6);
    if (shim_before_protect != NULL && (from_prot & SGX_SECINFO_W) != 0) {
        shim_before_protect(at.addr);
    }
    shim_protects++;
    return set(at, size, (uint8_t)(8 | to_prot), PROT_READ | PROT_WRITE);
}

int rt_mem_release(app_ptr at, uint64_t size, uint64_t prot)
{
    for (uint64_t p = 0; p < size / 4096; p++) {
        REQUIRE(shadow[at.addr / 4096 + p] == (8 | prot));
    }
    shim_releases++;
    REQUIRE(madvise(base + at.addr, size, MADV_DONTNEED) == 0);
    return set(at, size, 0, PROT_NONE);
}

bool app_range_ok(app_ptr p, uint64_t n)
{
    return p.addr >= APP_BASE && p.addr < APP_END && n <= APP_END - p.addr;
}

void *app_raw(app_ptr p, uint64_t n)
{
    REQUIRE(app_range_ok(p, n));
    return base + p.addr;
}

static bool present(app_ptr p, uint64_t n)
{
    for (uint64_t a = p.addr & ~UINT64_C(4095); app_range_ok(p, n) && a < p.addr + n; a += 4096) {
        if (shadow[a / 4096] == 0) {
            return false;
        }
    }
    return app_range_ok(p, n);
}

int copy_from_app(void *to, app_ptr from, size_t n)
{
    if (!present(from, n)) {
        return -EFAULT;
    }
    memcpy(to, base + from.addr, n);
    return 0;
}

int copy_to_app(app_ptr to, const void *from, size_t n)
{
    if (!present(to, n)) {
        return -EFAULT;
    }
    memcpy(base + to.addr, from, n);
    return 0;
}

int zero_app(app_ptr to, size_t n)
{
    if (!present(to, n)) {
        return -EFAULT;
    }
    memset(base + to.addr, 0, n);
    return 0;
}

/* ---- the rest of the runtime
 * ------------------------------------------------------------------------ */

void block_cache_set_room(uint64_t bytes)
{
    (void)bytes;
}

void block_cache_trim(void)
{
}

void *rt_alloc(size_t n)
{
    return calloc(1, n == 0 ? 1 : n);
}

void *rt_realloc(void *p, size_t n)
{
    return realloc(p, n);
}

void rt_free(void *p)
{
    free(p);
}

uint64_t rt_syscall_entry(void)
{
    return RUNTIME_BASE + 0x100;
}

uint64_t rt_cpuid_entry(void)
{
    return RUNTIME_BASE + 0x200;
}

void rt_trace(const char *format, ...)
{
    (void)format;
}

void rt_fatal(const char *format, ...)
{
    printf("# rt_fatal: %s\n", format);
    abort();
}

bool rt_tracing(unsigned trace_class)
{
    (void)trace_class;
    return false;
}

struct os_thread *os_self(void)
{
    return &thread;
}

/* ---- the rest of the library OS: one thread, which nobody waits for ---------------------------- */

uint64_t shim_fsbase;
uint8_t shim_vector[512];

void os_lock(void)
{
}

void os_unlock(void)
{
}

int os_block(struct wait_queue *q, uint64_t deadline_ns)
{
    (void)q, (void)deadline_ns;
    return -ERESTARTSYS;
}

void os_wake_all(struct wait_queue *q)
{
    (void)q;
}

uint64_t rt_get_fsbase(void)
{
    return shim_fsbase;
}

void rt_set_fsbase(uint64_t fsbase)
{
    shim_fsbase = fsbase;
}

size_t rt_xstate_size(void)
{
    return sizeof shim_vector;
}

void rt_xstate_get(void *to)
{
    memcpy(to, shim_vector, sizeof shim_vector);
}

int rt_xstate_set(const void *from)
{
    memcpy(shim_vector, from, sizeof shim_vector);
    return 0;
}

/* ---- files
 * ------------------------------------------------------------------------------------------- */

void file_ref(struct file *f)
{
    f->references++;
}

void file_unref(struct file *f)
{
    if (f != NULL) {
        REQUIRE(f->references > 0);
        f->references--;
    }
}

struct file *fd_get(int fd)
{
    return fd < 0 ? NULL : shim_fd;
}

int fs_open_path(const char *path, bool exec, struct file **ret_f)
{
    (void)exec;
    if (strcmp(path, "/file") != 0 || shim_fd == NULL) {
        return -ENOENT;
    }
    file_ref(shim_fd);
    *ret_f = shim_fd;
    return 0;
}

int fs_file_size(struct file *f, uint64_t *ret_size)
{
    *ret_size = f->size;
    return 0;
}

int64_t fs_read_trusted(struct file *f, uint64_t off, void *to, size_t n)
{
    size_t i = 0;
    while (i < n && off + i < f->size) {
        ((uint8_t *)to)[i] = shim_file_byte(f->id, off + i);
        i++;
    }
    f->reads += i;
    return (int64_t)i;
}

int fs_read_into_app(struct file *f, app_ptr dst, uint64_t size, uint64_t off)
{
    for (uint64_t i = 0; i < size; i++) {
        REQUIRE(shadow[(dst.addr + i) / 4096] == (8 | 3));
        base[dst.addr + i] = off + i < f->size ? shim_file_byte(f->id, off + i) : 0;
    }
    f->reads += size;
    return 0;
}

enum fs_map_kind fs_map_kind(struct file *f)
{
    (void)f;
    return FS_MAP_STATIC;
}

int share_stand_in(const struct share_told *t, const char *path, bool another, struct file **ret)
{
    (void)t, (void)path, (void)another, (void)ret;
    return -ENOMEM;
}

int share_memory(uint64_t length, struct file **ret)
{
    (void)length;
    *ret = NULL;
    return 0;
}

/* No file here is one in memory: there are no windows. */
void window_open(const struct vma *v)
{
    (void)v;
    REQUIRE(!"a window");
}

bool window_page_in(const struct vma *v, uint64_t addr, uint8_t rights, uint64_t max,
                    uint64_t *ret_bytes)
{
    (void)v, (void)addr, (void)rights, (void)max, (void)ret_bytes;
    return false;
}

uint64_t window_put_back(const struct vma *v, uint64_t start, uint64_t end, bool release)
{
    (void)v, (void)start, (void)end, (void)release;
    return 0;
}

int window_sync(const struct vma *v, uint64_t start, uint64_t end)
{
    (void)v, (void)start, (void)end;
    return 0;
}

bool fs_is_measured(struct file *f)
{
    return f->measured;
}

bool fs_may_read(struct file *f)
{
    (void)f;
    return true;
}

bool fs_may_write(struct file *f)
{
    (void)f;
    return false;
}

bool fs_content_is_sealed(struct file *f)
{
    (void)f;
    return false;
}

int fs_sites(struct file *f, void **ret_data, size_t *ret_size)
{
    if (f->sites == NULL) {
        return -ENOENT;
    }
    *ret_data = malloc(f->sites_size);
    memcpy(*ret_data, f->sites, f->sites_size);
    *ret_size = f->sites_size;
    return 0;
}

size_t fs_file_path(struct file *f, char *ret_path, size_t capacity)
{
    (void)f;
    return (size_t)snprintf(ret_path, capacity, "/file");
}

void fs_file_id(struct file *f, uint32_t *ret_major, uint32_t *ret_minor, uint64_t *ret_ino)
{
    *ret_major = 0;
    *ret_minor = 1;
    *ret_ino = f->id;
}

void fs_printf(struct fs_text *t, const char *format, ...)
{
    va_list args;
    char line[FS_PATH_MAX + 128];
    va_start(args, format);
    base_vformat(line, sizeof line, format, args);
    va_end(args);
    size_t n = strlen(line);
    t->data = (char *)realloc(t->data, t->size + n + 1);
    memcpy(t->data + t->size, line, n + 1);
    t->size += n;
}

int64_t remote_mmap(uint64_t addr, uint64_t length, uint32_t prot, uint32_t flags, int fd,
                    uint64_t offset)
{
    (void)addr, (void)length, (void)prot, (void)flags, (void)fd, (void)offset;
    REQUIRE(!"a member");
}
