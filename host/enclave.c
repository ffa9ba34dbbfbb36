/* SPDX-License-Identifier: Apache-2.0 */
/* Makes an enclave out of an image and a manifest, and runs its first thread. */
#include "enclave.h"

#include "machine/digest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static struct sgx_secs secs_for(const struct host_image *image)
{
    struct sgx_secs secs = {0};
    secs.base = ELRANGE_BASE;
    secs.miscselect = SGX_MISC_EXINFO;
    /* The quoting enclave's SIGSTRUCT asks for the provisioning attribute. */
    secs.attributes.flags =
        SGX_FLAGS_MODE64BIT | SGX_FLAGS_KSS | (image->debug ? SGX_FLAGS_DEBUG : 0) |
        (image->sigstruct.attributes.flags & SGX_FLAGS_PROVISIONKEY);
    secs.attributes.xfrm = machine_host_xfrm();
    secs.isvprodid = image->sigstruct.isvprodid;
    secs.isvsvn = image->sigstruct.isvsvn;
    machine_sha512(image->manifest.data, image->manifest.size, secs.configid);
    return secs;
}

/* The stream's only TCS page: where the first thread enters. */
static int find_tcs(struct bytes sgxs, uint64_t *ret, struct diag *d)
{
    struct cursor c = cursor_of(sgxs);
    while (c.rest.size > 0) {
        struct bytes record = cursor_take(&c, 64);
        if (record.size != 64) {
            break;
        }
        if (memcmp(record.data, "EADD\0\0\0\0", 8) == 0 &&
            (load_le64(record.data + 16) >> 8 & 0xff) == SGX_PT_TCS) {
            *ret = ELRANGE_BASE + load_le64(record.data + 8);
            return 0;
        }
        if (memcmp(record.data, "EEXTEND\0", 8) == 0) {
            cursor_take(&c, 256);
        }
    }
    return diag_fail(d, -EINVAL, "the enclave image has no thread (TCS) page");
}

/* What the library OS fills first of all: its heap, its cache, and where libraries and the first
 * anonymous mapping go. A process that is made for later has time, and maybe never runs. */
static void expect_memory(const struct host_enclave *e)
{
    static const uint64_t first[] = {RUNTIME_HEAP, RUNTIME_CACHE, APP_LIBRARIES, APP_MMAP_BASE};
    const struct host_config *c = &e->config;
    bool more = c->ops->expect != NULL && c->layer_count > 0 && c->yard_slot == YARD_OWNER;
    for (size_t i = 0; i < ARRAY_SIZE(first) && more; i++) {
        more = c->ops->expect(e->machine, first[i] - ELRANGE_BASE, UINT64_C(2) << 20);
    }
}

int host_enclave_create(const struct host_config *config, struct host_enclave **ret, struct diag *d)
{
    struct host_enclave *e = calloc(1, sizeof *e);
    if (e == NULL) {
        return diag_fail(d, -ENOMEM, "no memory for the enclave's host data");
    }
    e->config = *config;
    pthread_mutex_init(&e->threads_lock, NULL);
    atomic_store(&e->alarm_at, UINT64_MAX);
    struct sgx_secs secs = secs_for(&config->image);
    int r = config->ops->open(&config->machine, &e->machine, d);
    r = r != 0 ? r : machine_load_sgxs(config->ops, e->machine, config->image.sgxs, &secs, d);
    r = r != 0 || config->ops->init_start == NULL
            ? r
            : config->ops->init_start(e->machine, &config->image.sigstruct, d);
    r = r != 0 ? r : find_tcs(config->image.sgxs, &e->first_tcs, d);
    host_boot_probe(e);
    if (r == 0) {
        expect_memory(e);
    }
    r = r != 0 ? r : config->ops->init(e->machine, &config->image.sigstruct, d);
    if (r == 0 && host_thread_prepare(e, 0, e->first_tcs) != 0) {
        r = diag_fail(d, -ENOMEM, "no memory for the first hostcall slot");
    }
    if (r == 0 && host_kick_start(e) != 0) {
        r = diag_fail(d, -EINVAL, "no handler can be installed for the signal that interrupts threads");
    }
    if (r != 0) {
        host_enclave_destroy(e);
        return r;
    }
    *ret = e;
    return 0;
}

int host_enclave_run(struct host_enclave *e, struct diag *d)
{
    host_boot_fill(e);
    return host_thread_enter(&e->threads[0], (uint64_t)(uintptr_t)&e->boot, d);
}

struct machine *host_enclave_machine(struct host_enclave *e)
{
    return e->machine;
}

void host_enclave_destroy(struct host_enclave *e)
{
    if (e == NULL) {
        return;
    }
    if (e->machine != NULL) {
        e->config.ops->close(e->machine);
    }
    for (size_t i = 0; i < THREADS_MAX; i++) {
        if (e->threads[i].slot != NULL) {
            munmap(e->threads[i].slot, sizeof *e->threads[i].slot);
        }
    }
    pthread_mutex_destroy(&e->threads_lock);
    free(e);
}
