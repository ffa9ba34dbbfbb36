/* SPDX-License-Identifier: Apache-2.0 */
/* The hardware machine: the Linux driver's ioctls on /dev/sgx_enclave
 * (Documentation/arch/x86/sgx.rst, asm/sgx.h) behind the same table as the soft machine. NOT YET
 * RUN ON HARDWARE: written against the documented interface, compiled, and chosen only by name
 * (--machine sgx).
 *
 * Differences that the driver imposes: a page is measured wholly or not at all, and #DB and #BP of
 * enclave code arrive as SIGTRAP at the AEP instead of through enter(). */
#include "abi/hostcall.h"
#include "sgx/driver.h"

#include <asm/sgx.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define DEVICE         "/dev/sgx_enclave"
#define PROVISION      "/dev/sgx_provision"
#define LOWEST_ADDRESS 65536u

static int open_device(const struct machine_config *config, struct machine **ret, struct diag *d)
{
    (void)config;
    int fd = open(DEVICE, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        int r = -errno;
        if (r == -ENOENT) {
            return diag_fail(d, r,
                             DEVICE
                             " is missing: this system has no SGX, or its BIOS or kernel "
                             "leaves it off (CONFIG_X86_SGX); the software machine needs none: "
                             "--machine soft");
        }
        return diag_fail(d, r, DEVICE ": %s (are you in the group that may use it, usually sgx?)",
                         strerror(-r));
    }
    if (sgx_vdso_enter() == 0) {
        (void)close(fd);
        return diag_fail(d, -ENOTSUP,
                         "the kernel has no __vdso_sgx_enter_enclave; Linux 5.11 or "
                         "newer is needed");
    }
    struct machine *m = calloc(1, sizeof *m);
    if (m == NULL) {
        (void)close(fd);
        return diag_fail(d, -ENOMEM, "no memory for a machine");
    }
    m->fd = fd;
    *ret = m;
    return 0;
}

/* The kernel lets only holders of /dev/sgx_provision make enclaves with the provisioning key. */
static int allow_provision(struct machine *m, struct diag *d)
{
    int fd = open(PROVISION, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return diag_fail(d, -errno, PROVISION ": %s", strerror(errno));
    }
    struct sgx_enclave_provision p = {.fd = (uint64_t)fd};
    int r = ioctl(m->fd, SGX_IOC_ENCLAVE_PROVISION, &p) != 0 ? -errno : 0;
    (void)close(fd);
    return r == 0 ? 0 : diag_fail(d, r, "SGX_IOC_ENCLAVE_PROVISION: %s", strerror(-r));
}

static int sgx_create(struct machine *m, const struct sgx_secs *secs, struct diag *d)
{
    if (m->created) {
        return diag_fail(d, -EINVAL, "this machine has an enclave already");
    }
    m->base = secs->base;
    m->size = secs->size;
    m->reserved_start = secs->base > LOWEST_ADDRESS ? secs->base : LOWEST_ADDRESS;
    void *p = mmap((void *)m->reserved_start, m->base + m->size - m->reserved_start, PROT_NONE,
                   MAP_SHARED | MAP_FIXED_NOREPLACE, m->fd, 0);
    if (p == MAP_FAILED) {
        return diag_fail(d, -errno, "cannot reserve the enclave's range %lx-%lx: %s",
                         (unsigned long)m->reserved_start, (unsigned long)(m->base + m->size),
                         strerror(errno));
    }
    if ((secs->attributes.flags & SGX_FLAGS_PROVISIONKEY) != 0) {
        int r = allow_provision(m, d);
        if (r < 0) {
            return r;
        }
    }
    static struct sgx_secs page __attribute__((aligned(4096)));
    page = *secs;
    struct sgx_enclave_create c = {.src = (uint64_t)&page};
    if (ioctl(m->fd, SGX_IOC_ENCLAVE_CREATE, &c) != 0) {
        return diag_fail(d, -errno,
                         "SGX_IOC_ENCLAVE_CREATE: %s (does the processor support these "
                         "ATTRIBUTES, XFRM and MISCSELECT?)",
                         strerror(errno));
    }
    m->created = true;
    return 0;
}

static int flush_page(struct machine *m, struct diag *d)
{
    if (!m->has_page) {
        return 0;
    }
    if (m->extended != 0 && m->extended != 16) {
        return diag_fail(d, -ENOTSUP,
                         "the Linux driver measures whole pages only; page %lx has %u "
                         "of 16 chunks",
                         (unsigned long)m->page.offset, m->extended);
    }
    struct sgx_secinfo info = {.flags = m->page.flags};
    struct sgx_enclave_add_pages a = {
        .src = (uint64_t)m->content,
        .offset = m->page.offset,
        .length = SGX_PAGE_SIZE,
        .secinfo = (uint64_t)&info,
        .flags = m->extended == 16 ? SGX_PAGE_MEASURE : 0,
    };
    int r;
    do {
        r = ioctl(m->fd, SGX_IOC_ENCLAVE_ADD_PAGES, &a) != 0 ? -errno : 0;
    } while (r == -EINTR || r == -EAGAIN);
    if (r < 0) {
        return diag_fail(d, r, "SGX_IOC_ENCLAVE_ADD_PAGES at %lx: %s",
                         (unsigned long)m->page.offset, strerror(-r));
    }
    m->added[m->added_count++] = m->page;
    m->has_page = false;
    return 0;
}

static int sgx_add_page(struct machine *m, uint64_t offset, const struct sgx_secinfo *secinfo,
                        const void *content, struct diag *d)
{
    int r = flush_page(m, d);
    if (r < 0) {
        return r;
    }
    if (m->added_count == m->added_capacity) {
        size_t capacity = m->added_capacity == 0 ? 1024 : 2 * m->added_capacity;
        void *grown = realloc(m->added, capacity * sizeof m->added[0]);
        if (grown == NULL) {
            return diag_fail(d, -ENOMEM, "no memory for the list of pages");
        }
        m->added = grown;
        m->added_capacity = capacity;
    }
    memcpy(m->content, content, SGX_PAGE_SIZE);
    m->page = (struct sgx_added){offset, secinfo->flags};
    m->extended = 0;
    m->has_page = true;
    return 0;
}

static int sgx_extend(struct machine *m, uint64_t offset, struct diag *d)
{
    if (!m->has_page || offset != m->page.offset + 256u * m->extended) {
        return diag_fail(d, -ENOTSUP,
                         "the Linux driver measures a page's chunks in order, right "
                         "after adding it; EEXTEND at %lx is not",
                         (unsigned long)offset);
    }
    m->extended++;
    return 0;
}

static int prot_of(uint64_t flags)
{
    return ((flags & SGX_SECINFO_R) != 0 ? PROT_READ : 0) |
           ((flags & SGX_SECINFO_W) != 0 ? PROT_WRITE : 0) |
           ((flags & SGX_SECINFO_X) != 0 ? PROT_EXEC : 0);
}

static int sgx_init(struct machine *m, const struct sgx_sigstruct *sigstruct, struct diag *d)
{
    int r = flush_page(m, d);
    if (r < 0) {
        return r;
    }
    struct sgx_enclave_init init = {.sigstruct = (uint64_t)sigstruct};
    do {
        r = ioctl(m->fd, SGX_IOC_ENCLAVE_INIT, &init);
    } while (r < 0 && errno == EINTR);
    if (r != 0) {
        r = r < 0 ? -errno : -EPERM; /* positive: EINIT's error code */
        return diag_fail(d, r, "SGX_IOC_ENCLAVE_INIT: the processor refuses the enclave: %s",
                         strerror(-r));
    }
    for (size_t i = 0; i < m->added_count;) {
        size_t n = 1;
        while (i + n < m->added_count && m->added[i + n].flags == m->added[i].flags &&
               m->added[i + n].offset == m->added[i].offset + n * SGX_PAGE_SIZE) {
            n++;
        }
        bool tcs = m->added[i].flags >> 8 == SGX_PT_TCS;
        int prot = tcs ? PROT_READ | PROT_WRITE : prot_of(m->added[i].flags);
        if (mprotect((void *)(m->base + m->added[i].offset), n * SGX_PAGE_SIZE, prot) != 0) {
            return diag_fail(d, -errno, "cannot make the enclave's pages accessible: %s",
                             strerror(errno));
        }
        i += n;
    }
    m->initialised = true;
    return 0;
}

static int sgx_protect(struct machine *m, uint64_t offset, uint64_t size, uint64_t prot)
{
    if (!range_within(offset, size, m->size) || m->base + offset < m->reserved_start) {
        return -EINVAL;
    }
    return mprotect((void *)(m->base + offset), size, prot_of(prot)) != 0 ? -errno : 0;
}

static int sgx_map(struct machine *m, uint64_t offset, uint64_t size, uint64_t prot)
{
    return sgx_protect(m, offset, size, prot & ~HOSTCALL_MAP_SOON);
}

/* The driver's page operations stop after part of a range, and say how far they came. */
static int advance(__u64 *offset, __u64 *length, __u64 *count, int result)
{
    if (result != 0 && errno != EINTR && errno != EAGAIN) {
        return -errno;
    }
    if (result == 0 && *count == 0) {
        return -EIO; /* success without progress would never end */
    }
    *offset += *count;
    *length -= *count;
    *count = 0;
    return 0;
}

static int sgx_restrict(struct machine *m, uint64_t offset, uint64_t size, uint64_t prot)
{
    struct sgx_enclave_restrict_permissions p = {
        .offset = offset, .length = size, .permissions = prot};
    for (int r = 0; p.length != 0;) {
        r = ioctl(m->fd, SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS, &p);
        r = advance(&p.offset, &p.length, &p.count, r);
        if (r < 0) {
            return r;
        }
    }
    return sgx_protect(m, offset, size, prot);
}

static int sgx_modify_type(struct machine *m, uint64_t offset, uint64_t size,
                           enum sgx_page_type type)
{
    struct sgx_enclave_modify_types p = {.offset = offset, .length = size, .page_type = type};
    for (int r = 0; p.length != 0;) {
        r = ioctl(m->fd, SGX_IOC_ENCLAVE_MODIFY_TYPES, &p);
        r = advance(&p.offset, &p.length, &p.count, r);
        if (r < 0) {
            return r;
        }
    }
    /* A TCS must be mapped readable and writable for EENTER. */
    return type == SGX_PT_TCS ? sgx_protect(m, offset, size, SGX_SECINFO_R | SGX_SECINFO_W) : 0;
}

static int sgx_remove(struct machine *m, uint64_t offset, uint64_t size)
{
    struct sgx_enclave_remove_pages p = {.offset = offset, .length = size};
    for (int r = 0; p.length != 0;) {
        r = ioctl(m->fd, SGX_IOC_ENCLAVE_REMOVE_PAGES, &p);
        r = advance(&p.offset, &p.length, &p.count, r);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

static int sgx_enter(struct machine *m, uint64_t rdi, uint64_t rsi, uint64_t rdx, unsigned leaf,
                     uint64_t r8, uint64_t r9, struct machine_run *run)
{
    if (run == NULL || !m->initialised || (leaf != ENCLU_EENTER && leaf != ENCLU_ERESUME)) {
        return -EINVAL;
    }
    struct sgx_enclave_run k = {.tcs = run->tcs};
    int r = sgx_vdso_call(rdi, rsi, rdx, leaf, r8, r9, &k, sgx_vdso_enter());
    run->function = k.function;
    run->exception_vector = k.exception_vector;
    run->exception_error_code = k.exception_error_code;
    run->exception_addr = k.exception_addr;
    return r;
}

/* The processor has left the enclave before the kernel looks at a signal: the handler finds the
 * thread at the asynchronous exit pointer inside the vDSO function. */
static int sgx_signal(int sig, void (*handler)(int sig, siginfo_t *info, void *context), int flags)
{
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};
    if (handler == NULL || (flags & ~SA_RESTART) != 0) {
        return -EINVAL;
    }
    (void)sigfillset(&action.sa_mask);
    return sigaction(sig, &action, NULL) == 0 ? 0 : -errno;
}

static void sgx_close(struct machine *m)
{
    if (m == NULL) {
        return;
    }
    if (m->reserved_start != 0) {
        (void)munmap((void *)m->reserved_start, m->base + m->size - m->reserved_start);
    }
    (void)close(m->fd);
    free(m->added);
    free(m);
}

const struct machine_ops machine_sgx = {
    .name = "sgx",
    .open = open_device,
    .create = sgx_create,
    .add_page = sgx_add_page,
    .extend = sgx_extend,
    .init = sgx_init,
    .map = sgx_map, /* all of ELRANGE is mapped from the start; the driver adds on access */
    .restrict_permissions = sgx_restrict,
    .protect = sgx_protect,
    .modify_type = sgx_modify_type,
    .remove = sgx_remove,
    .enter = sgx_enter,
    .signal = sgx_signal,
    .close = sgx_close,
};
