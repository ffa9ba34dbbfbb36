/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a volume. First as a catalogue, straight into its reader. Then as the host's file
 * under an enclave whose cryptography accepts everything, so that no tag keeps the fuzzer out: root
 * record, trees and catalogue are all its own. Nothing may read outside, run long, or leak. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "catalogue.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- the runtime, and a processor that believes everything
 * ---------------------------------------------------- */

static struct bytes file;

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

void rt_random(void *to, size_t n)
{
    memset(to, 3, n);
}

void rt_sha256_init(struct rt_sha256_state *s)
{
    memset(s, 0, sizeof *s);
}

void rt_sha256_update(struct rt_sha256_state *s, struct bytes data)
{
    s->opaque[0] += data.size > 0 ? data.data[data.size - 1] : 0;
}

void rt_sha256_final(struct rt_sha256_state *s, uint8_t ret[32])
{
    memset(ret, (int)(s->opaque[0] & 0xff), 32);
}

void rt_gcm_key(struct rt_gcm_key *ret, const uint8_t key[32])
{
    memcpy(ret->opaque, key, 32);
}

void rt_gcm_seal(struct rt_gcm_job *jobs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        memmove(jobs[i].out, jobs[i].in, jobs[i].size);
    }
}

size_t rt_gcm_open(const struct rt_gcm_job *jobs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        memmove(jobs[i].out, jobs[i].in, jobs[i].size);
    }
    return count;
}

void rt_hkdf_sha256(struct bytes salt, struct bytes key, struct bytes info, void *ret, size_t size)
{
    (void)salt, (void)key, (void)info;
    memset(ret, 1, size);
}

const struct sgx_report_body *rt_identity(void)
{
    static const struct sgx_report_body self;
    return &self;
}

int rt_getkey(const struct sgx_keyrequest *request, uint8_t ret_key[16])
{
    (void)request;
    memset(ret_key, 2, 16);
    return 0;
}

int rt_volume_size(size_t volume, uint64_t *ret)
{
    (void)volume;
    *ret = file.size;
    return 0;
}

int rt_volume_read(size_t volume, uint64_t offset, void *to, size_t n)
{
    (void)volume;
    if (!range_within(offset, n, file.size)) {
        return -EIO;
    }
    memcpy(to, file.data + offset, n);
    return 0;
}

int rt_volume_write(size_t volume, uint64_t offset, struct bytes data)
{
    (void)volume, (void)offset, (void)data;
    return 0;
}

int rt_volume_sync(size_t volume)
{
    (void)volume;
    return 0;
}

int rt_volume_resize(size_t volume, uint64_t size)
{
    (void)volume, (void)size;
    return 0;
}

/* ---- the two readers ------------------------------------------------------------------------- */

static uint8_t *place(void *context, uint64_t page)
{
    return page < 64 ? (uint8_t *)context + page * VOLUME_BLOCK : NULL;
}

static void read_catalogue(struct volume *v, struct bytes catalogue)
{
    struct cursor c = cursor_of(catalogue);
    struct catalogue_node n;
    struct catalogue_name name;
    struct diag d;
    enum catalogue_kind k;
    while ((k = catalogue_next(&c, &n, &name)) == CATALOGUE_NODE || k == CATALOGUE_NAME) {
        if (k == CATALOGUE_NAME && (name.name.size == 0 || name.name.size > 255)) {
            abort();
        }
        if (k == CATALOGUE_NODE && v != NULL && n.link.size == 0) {
            struct volume_tree t;
            static uint8_t pages[64 * VOLUME_BLOCK];
            uint64_t count = n.size / VOLUME_BLOCK + (n.size % VOLUME_BLOCK != 0);
            if (volume_tree_read(v, &t, count, n.root, place, pages, &d) == 0) {
                volume_tree_touch(&t, count / 2);
                volume_tree_drop(v, &t);
            }
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct volume *v = calloc(1, sizeof *v);
    struct diag d;
    uint8_t *catalogue = NULL;
    size_t catalogue_size = 0;
    static const struct volume_minimum any;
    file = BYTES(data, size);
    read_catalogue(NULL, file);
    v->name = BYTES_STR("fuzz");
    v->blocks_max = 4096;
    if (volume_open(v, NULL, &any, &d) == 0) {
        if (volume_read_catalogue(v, &catalogue, &catalogue_size, &d) == 0) {
            read_catalogue(v, BYTES(catalogue, catalogue_size));
            free(catalogue);
        }
        volume_close(v);
    }
    free(v);
    return 0;
}
