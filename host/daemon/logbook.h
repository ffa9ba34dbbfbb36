/* SPDX-License-Identifier: Apache-2.0 */
/* The log's operator: its key, its leaves, heads and proofs (docs/formats/log.md). All leaf hashes
 * are held in memory, 32 bytes each.
 *
 * A leaf is in the records before any head that has it is signed, and time and size of heads never
 * fall: whoever saw a head sees only extensions of it, whatever happened to this process.
 *
 * Trust: whoever has the key file is the operator. Any thread. */
#pragma once

#include "store.h"

struct logbook;

/* Makes DIR/log.key (mode 0600) where neither it nor any leaf is there; a log without its key is
 * refused: a new key would be a fork. */
int logbook_open(struct store *store, const char *dir, struct logbook **ret,
                 struct diag *d) MUST_USE;
void logbook_close(struct logbook *l);
const struct query_key *logbook_key(const struct logbook *l);

/* A head as it was signed. */
struct signed_head {
    uint64_t size, time;
    size_t bytes_size;
    uint8_t bytes[QUERY_LOG_HEAD_MAX];
};
static inline struct bytes signed_head_bytes(const struct signed_head *h)
{
    return BYTES(h->bytes, h->bytes_size);
}
/* The newest one, at most a second old. */
int logbook_head(struct logbook *l, struct signed_head *ret, struct diag *d) MUST_USE;

/* Stores a leaf, and with it, in one transaction, what `also` stores; it gets a head that has the
 * leaf. A leaf that is there already keeps its place, and `also` runs all the same. It may ask for
 * proofs in that head's tree. NULL: nothing else. */
typedef int logbook_also(void *context, uint64_t position, const struct signed_head *head,
                         struct diag *d);
int logbook_append(struct logbook *l, const struct query_log_leaf *leaf, logbook_also *also,
                   void *context, uint64_t *ret_position, struct diag *d) MUST_USE;

/* Encoded proofs. -EINVAL unless position < size <= the log's size, or from <= size. */
struct encoded_proof {
    size_t size;
    uint8_t bytes[QUERY_LOG_PROOF_SIZE_MAX];
};
static inline struct bytes proof_bytes(const struct encoded_proof *p)
{
    return BYTES(p->bytes, p->size);
}
int logbook_prove_leaf(struct logbook *l, uint64_t position, uint64_t size,
                       struct encoded_proof *ret, struct diag *d) MUST_USE;
int logbook_prove_extension(struct logbook *l, uint64_t from, uint64_t size,
                            struct encoded_proof *ret, struct diag *d) MUST_USE;
