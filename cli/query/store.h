/* SPDX-License-Identifier: Apache-2.0 */
/* Where results are kept: a folder with result.cbor, which is the result, and copies of its parts
 * for other tools. */
#pragma once

#include "query/result.h"

#define STORE_RESULT "result.cbor"

/* Makes the folder and writes the result and its parts. */
int store_write(const char *folder, const struct result *result, struct diag *d) MUST_USE;

/* A result as it was stored: a folder, a result's file, or the record of an outcome. Heap. */
struct stored {
    uint8_t *bytes;
    struct result result; /* borrows from bytes */
};
int store_read(const char *path, struct stored *ret, struct diag *d) MUST_USE;
void stored_done(struct stored *stored);

/* A log's key: 130 hexadecimal digits, or a file that holds them, or its 65 bytes. */
int store_log_key(const char *text_or_path, struct query_key *ret, struct diag *d) MUST_USE;
