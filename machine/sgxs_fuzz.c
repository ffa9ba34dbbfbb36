/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as an SGXS stream: the parser ends, stays inside, and gives a machine only operations
 * that a well-formed enclave consists of; what it measures is what it loads. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "machine/machine.h"
#include "machine/sgxs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A machine that only watches. */
struct machine {
    uint64_t size;
    uint64_t page;
    bool has_page;
};

static int watch_create(struct machine *m, const struct sgx_secs *secs, struct diag *d)
{
    (void)d;
    if (m->size != 0 || secs->size < 8192 || (secs->size & (secs->size - 1)) != 0) {
        abort();
    }
    m->size = secs->size;
    return 0;
}

static int watch_add(struct machine *m, uint64_t offset, const struct sgx_secinfo *secinfo,
                     const void *content, struct diag *d)
{
    uint8_t page[SGX_PAGE_SIZE];
    memcpy(page, content, sizeof page); /* all of it can be read */
    (void)secinfo;
    if (m->size == 0 || offset % SGX_PAGE_SIZE != 0 || offset > m->size - SGX_PAGE_SIZE) {
        abort();
    }
    m->page = offset;
    m->has_page = true;
    return page[0] == 0xee ? diag_fail(d, -EEXIST, "a machine may refuse") : 0;
}

static int watch_extend(struct machine *m, uint64_t offset, struct diag *d)
{
    (void)d;
    if (!m->has_page || offset % 256 != 0 || offset - m->page >= SGX_PAGE_SIZE) {
        abort();
    }
    return 0;
}

static const struct machine_ops watcher = {
    .name = "watcher", .create = watch_create, .add_page = watch_add, .extend = watch_extend};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct sgx_secs secs;
    struct machine m = {0};
    struct diag d = {""};
    uint8_t mrenclave[32];
    uint64_t tcs;
    int measured = sgxs_measure(BYTES(data, size), mrenclave, &d);
    if (measured != 0 && d.text[0] == '\0') {
        abort(); /* every refusal says why */
    }
    int loaded = machine_load_sgxs(&watcher, &m, BYTES(data, size), &secs, &d);
    if (loaded == 0 && measured != 0) {
        abort();
    }
    int found = sgxs_first_tcs(BYTES(data, size), &tcs, &d);
    if (found == 0 && tcs % SGX_PAGE_SIZE != 0) {
        abort();
    }
    return 0;
}
