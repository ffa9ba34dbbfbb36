/* SPDX-License-Identifier: Apache-2.0 */
/* Verified blocks of a layer. The image is host memory that may change at any instant: each block
 * is copied into the enclave once, hashed there, compared with its digest, and only then used. */
#pragma once

#include "abi/verity.h"
#include "runtime/rt.h"

struct verity {
    struct verity_layout layout;
    host_span span;
    uint8_t root[VERITY_DIGEST];
    uint8_t salt[VERITY_SALT_MAX];
    size_t salt_size;
    uint8_t *
        *tree; /* verified blocks of all levels, by position after the data; NULL: not yet read */
    unsigned number;        /* which layer, for messages and the cache */
    uint64_t blocks_hashed; /* so far */
    struct bytes name;
};

#define VERITY_BATCH 32u

/* Sets up; reads nothing yet. -EINVAL: the mapping is smaller than data and tree, or the size or
 * salt is out of bounds. root and salt are measured; span's contents are hostile. */
int verity_init(struct verity *v, unsigned number, struct bytes name, uint64_t data_size,
                const uint8_t root[VERITY_DIGEST], struct bytes salt, host_span span,
                struct diag *d) MUST_USE;
void verity_done(struct verity *v);
/* Copies count <= VERITY_BATCH data blocks to to[i] (trusted memory or app_raw()) and verifies them
 * there. All blocks must lie in the data. A mismatch anywhere, in tree or data: no byte that failed
 * stays in to[i], *ret_bad is the first bad block (of the layer, tree blocks included) and the
 * result is -EBADMSG. -ENOMEM: nothing was written. */
int verity_read(struct verity *v, const uint64_t *blocks, size_t count, uint8_t *const *to,
                uint64_t *ret_bad) MUST_USE;

/* Verifies the tree down to these data blocks: verity_read() of them only reads v afterwards. */
int verity_prepare(struct verity *v, uint64_t first, uint64_t count, uint64_t *ret_bad) MUST_USE;

/* Stops the enclave, naming layer and block. */
void verity_refuse(const struct verity *v, uint64_t bad) __attribute__((noreturn));
