/* SPDX-License-Identifier: Apache-2.0 */
/* Where a query comes from: a file with YAML or with the document itself, or the short form over
 * such a file.
 *
 * Trust: files are the analyst's own or were given to them; what counts is the document that comes
 * out, which has passed its own rules. */
#pragma once

#include "base/diag.h"
#include "query/document.h"

struct query_source {
    const char *path; /* YAML or a document; NULL: sql */
    const char *sql;  /* SELECT ..., over the query in `base` */
    const char *base;
    const char *question; /* another text for the people who are asked; NULL: as it is there */
    bool anew;            /* with a nonce of its own: another query than last time */
};

/* 850 KB, on the heap. */
struct query_read {
    uint8_t cbor[QUERY_DOCUMENT_MAX];
    size_t size;
    struct query_hash id;
    struct query_document doc; /* borrows from cbor */
};

/* Errors of the files and of the forms, with their places in the sentence. Release with
 * query_read_free(), which takes NULL. */
int query_source_read(const struct query_source *source, struct query_read **ret,
                      struct diag *d) MUST_USE;
void query_read_free(struct query_read *read);
DEFINE_AUTO(query_read, query_read_free)
static inline struct bytes query_read_bytes(const struct query_read *read)
{
    return BYTES(read->cbor, read->size);
}
