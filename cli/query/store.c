/* SPDX-License-Identifier: Apache-2.0 */
#include "query/store.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "build/file.h"
#include "query/yaml.h"

#define FILE_MODE 0644u

static int put(const char *folder, const char *name, struct bytes content, struct diag *d)
{
    char path[PATH_MAX];
    if (base_format(path, sizeof path, "%s/%s", folder, name) >= sizeof path) {
        return diag_fail(d, -ENAMETOOLONG, "%s: path is too long", folder);
    }
    return file_write(path, content, FILE_MODE, d);
}

/* The query as people write it. */
static int put_yaml(const char *folder, struct bytes document, struct diag *d)
{
    char *text = NULL;
    size_t size = 0;
    struct query_document *doc = calloc(1, sizeof *doc);
    FILE *out = open_memstream(&text, &size);
    int err = doc == NULL || out == NULL ? diag_fail(d, -ENOMEM, "no memory") : 0;
    err = err != 0 ? err : query_document_decode(document, doc, d);
    if (err == 0) {
        query_yaml_print(doc, out);
    }
    if (out != NULL && fclose(out) != 0 && err == 0) {
        err = diag_fail(d, -ENOMEM, "no memory");
    }
    err = err != 0 ? err : put(folder, "query.yaml", BYTES(text, size), d);
    free(text);
    free(doc);
    return err;
}

int store_write(const char *folder, const struct result *result, struct diag *d)
{
    uint8_t *bytes = malloc(RESULT_FILE_MAX);
    if (bytes == NULL) {
        return diag_fail(d, -ENOMEM, "no memory");
    }
    struct writer w = writer_of(bytes, RESULT_FILE_MAX);
    int err = result_write(result, &w, d);
    err = err != 0 ? err : make_folders(folder, d);
    err = err != 0 ? err : put(folder, "document.cbor", result->outcome.document, d);
    err = err != 0 ? err : put_yaml(folder, result->outcome.document, d);
    err = err != 0 ? err : put(folder, "receipt.cbor", result->outcome.receipt, d);
    err = err != 0 ? err : put(folder, "evidence.cbor", result->outcome.evidence, d);
    err = err != 0 ? err : put(folder, "head.cbor", result->outcome.head, d);
    err = err != 0 ? err : put(folder, STORE_RESULT, BYTES(bytes, w.size), d);
    free(bytes);
    return err;
}

int store_read(const char *path, struct stored *ret, struct diag *d)
{
    char inside[PATH_MAX];
    struct stat st;
    struct mapped_file file;
    *ret = (struct stored){0};
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
        if (base_format(inside, sizeof inside, "%s/" STORE_RESULT, path) >= sizeof inside) {
            return diag_fail(d, -ENAMETOOLONG, "%s: path is too long", path);
        }
        path = inside;
    }
    int err = mapped_file_open(&file, path, RESULT_FILE_MAX, d);
    if (err != 0) {
        return err;
    }
    /* A copy: what was checked must not change under a mapping. */
    size_t size = file.bytes.size;
    ret->bytes = malloc(size + 1);
    if (ret->bytes == NULL) {
        err = diag_fail(d, -ENOMEM, "no memory");
    } else {
        memcpy(ret->bytes, file.bytes.data, size);
        err = result_read(BYTES(ret->bytes, size), &ret->result, d);
        if (err != 0) {
            diag_prefix(d, "%s", path);
        }
    }
    mapped_file_close(&file);
    if (err != 0) {
        stored_done(ret);
    }
    return err;
}

void stored_done(struct stored *stored)
{
    free(stored->bytes);
    *stored = (struct stored){0};
}

static bool key_of(struct bytes text, struct query_key *ret)
{
    uint8_t point[QUERY_KEY_SIZE];
    while (text.size > 2 * sizeof point && text.data[text.size - 1] == '\n') {
        text.size--;
    }
    return hex_decode(point, sizeof point, text) && query_key_read(BYTES_OF(point), ret) == 0;
}

int store_log_key(const char *text_or_path, struct query_key *ret, struct diag *d)
{
    struct mapped_file file;
    if (key_of(BYTES(text_or_path, strlen(text_or_path)), ret)) {
        return 0;
    }
    int err = mapped_file_open(&file, text_or_path, 4096, d);
    if (err != 0) {
        diag_prefix(d, "the log's key");
        return err;
    }
    if (!key_of(file.bytes, ret) && query_key_read(file.bytes, ret) != 0) {
        err = diag_fail(d, -EINVAL,
                        "the log's key: %s holds no P-256 point: 130 hexadecimal digits, or 65 "
                        "bytes",
                        text_or_path);
    }
    mapped_file_close(&file);
    return err;
}
