/* SPDX-License-Identifier: Apache-2.0 */
#include "query/source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "build/file.h"
#include "query/sql.h"
#include "query/yaml.h"

#define QUERY_TEXT_MAX (4u * 1024 * 1024) /* 4096 entries with a line each, and comments */

void query_read_free(struct query_read *read)
{
    free(read);
}

/* A document is a CBOR map, whose first byte no YAML has. */
static bool is_document(struct bytes file)
{
    return file.size > 0 && (file.data[0] & 0xe0) == 0xa0;
}

static int take_file(const char *path, struct query_read *to, struct diag *d)
{
    struct mapped_file file;
    int err = mapped_file_open(&file, path, QUERY_TEXT_MAX, d);
    if (err != 0) {
        return err;
    }
    struct writer w = writer_of(to->cbor, sizeof to->cbor);
    if (!is_document(file.bytes)) {
        err = query_yaml_compile(file.bytes, path, &w, d);
    } else {
        writer_put(&w, file.bytes);
        err = w.failed ? diag_fail(d, -EINVAL, "%s: larger than any query", path) : 0;
    }
    to->size = err == 0 ? w.size : 0;
    mapped_file_close(&file);
    return err;
}

/* What the short form and options change: on a copy, because *doc borrows from the bytes. */
static int change(const struct query_source *source, struct query_read *read, struct diag *d)
{
    AUTO(query_read) next = calloc(1, sizeof *next);
    if (next == NULL) {
        return diag_fail(d, -ENOMEM, "no memory");
    }
    int err = 0;
    if (source->sql != NULL) {
        err = query_sql_apply(BYTES(source->sql, strlen(source->sql)), &read->doc, d);
    }
    if (err == 0 && source->question != NULL) {
        read->doc.question = BYTES(source->question, strlen(source->question));
    }
    if (err == 0 && source->anew &&
        getrandom(read->doc.nonce, sizeof read->doc.nonce, 0) != sizeof read->doc.nonce) {
        err = diag_fail(d, -EIO, "no random bytes for the query's nonce");
    }
    struct writer w = writer_of(next->cbor, sizeof next->cbor);
    err = err != 0 ? err : query_document_encode(&read->doc, &w, d);
    if (err == 0) {
        memcpy(read->cbor, next->cbor, w.size);
        read->size = w.size;
    }
    return err;
}

static int decode(const char *path, struct query_read *read, struct diag *d)
{
    int err = query_document_decode(query_read_bytes(read), &read->doc, d);
    if (err != 0) {
        diag_prefix(d, "%s", path);
    }
    return err;
}

int query_source_read(const struct query_source *source, struct query_read **ret, struct diag *d)
{
    const char *path = source->sql != NULL ? source->base : source->path;
    AUTO(query_read) read = calloc(1, sizeof *read);
    if (read == NULL) {
        return diag_fail(d, -ENOMEM, "no memory");
    }
    int err = take_file(path, read, d);
    err = err != 0 ? err : decode(path, read, d);
    if (err == 0 && (source->sql != NULL || source->question != NULL || source->anew)) {
        err = change(source, read, d);
        err = err != 0 ? err : decode(path, read, d);
    }
    if (err == 0 && query_document_id(query_read_bytes(read), &read->id) != 0) {
        err = diag_fail(d, -EIO, "the crypto library failed");
    }
    if (err == 0) {
        *ret = STEAL(&read);
    }
    return err;
}
