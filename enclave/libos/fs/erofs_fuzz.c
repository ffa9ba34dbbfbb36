/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as an image: first straight into the parser, so that no hash keeps the fuzzer out, then
 * under the hash tree, where all but a lucky guess must be refused. Nothing may read outside the
 * image, run long or recurse without bound. */
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "erofs.h"
#include "test_host.h"
#include "verity.h"

#define VISITS 400u /* directory entries looked at: directories may be cyclic */

struct image {
    const uint8_t *data;
    size_t size;
    uint8_t block[EROFS_BLOCK_SIZE]; /* a copy, so that the sanitizer sees what leaves it */
};

static const uint8_t *get(void *context, uint64_t block)
{
    struct image *i = context;
    if (!range_within(block * EROFS_BLOCK_SIZE, EROFS_BLOCK_SIZE, i->size)) {
        abort(); /* the parser promises to stay below block_count */
    }
    memcpy(i->block, i->data + block * EROFS_BLOCK_SIZE, EROFS_BLOCK_SIZE);
    return i->block;
}

static void visit(const struct erofs *e, uint64_t nid, unsigned *visits, unsigned depth)
{
    struct erofs_node n;
    if (depth > 8 || erofs_node(e, nid, &n) != 0) {
        return;
    }
    uint8_t buffer[700];
    for (uint64_t off = 0; off < n.size && off < 20000; off += sizeof buffer) {
        size_t some = n.size - off < sizeof buffer ? (size_t)(n.size - off) : sizeof buffer;
        ignore_result(erofs_pread(e, &n, off, buffer, some), "any result is fine");
    }
    if ((n.mode & 0170000) != 0040000) {
        return;
    }
    struct erofs_scan scan = {0};
    struct erofs_entry entry;
    while (*visits < VISITS && erofs_next(e, &n, &scan, &entry) > 0) {
        (*visits)++;
        uint64_t found;
        if (entry.name_size == 0 || strlen(entry.name) != entry.name_size) {
            abort();
        }
        ignore_result(erofs_lookup(e, &n, BYTES(entry.name, entry.name_size), &found), "any");
        visit(e, entry.nid, visits, depth + 1);
    }
}

static void under_verity(uint8_t *data, size_t size)
{
    if (size < 2 * VERITY_BLOCK) {
        return;
    }
    struct verity v;
    uint64_t bad;
    static uint8_t page[VERITY_BLOCK];
    uint8_t *to[1] = {page};
    uint64_t block[1] = {0};
    host_span span = {(uint64_t)(uintptr_t)data, size};
    size_t fs_size = load_le16(data) % (size / VERITY_BLOCK) * VERITY_BLOCK;
    if (verity_init(&v, 0, BYTES_STR("f"), fs_size, data + 32, BYTES(data, data[2] % 64), span,
                    NULL) == 0) {
        ignore_result(verity_read(&v, block, 1, to, &bad), "refused or a fixed point of SHA-256");
        verity_done(&v);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* The superblock's constant fields are put in place, so that short inputs get past them: the
     * input is what follows byte 1024, in whole blocks. */
    size_t blocks = (EROFS_SUPER_OFFSET + size) / EROFS_BLOCK_SIZE + 1;
    uint8_t *bytes = calloc(blocks, EROFS_BLOCK_SIZE);
    memcpy(bytes + EROFS_SUPER_OFFSET, data, size);
    struct image i = {.data = bytes, .size = blocks * EROFS_BLOCK_SIZE};
    struct erofs e;
    struct block_source source = {get, &i, blocks};
    store_le32(bytes + EROFS_SUPER_OFFSET, EROFS_MAGIC);
    bytes[EROFS_SUPER_OFFSET + 12] = EROFS_BLOCK_BITS;
    unsigned visits = 0;
    if (erofs_open(&e, source) == 0) {
        visit(&e, e.root, &visits, 0);
    }
    under_verity(bytes, i.size);
    free(bytes);
    return 0;
}
