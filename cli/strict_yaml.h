/* SPDX-License-Identifier: Apache-2.0 */
/* YAML as people write it, read strictly: one document, no tags, each key known, typed and given
 * once. Every refusal is "PATH:LINE:COLUMN: sentence". The file is the reader's own; strictness is
 * for them: a misspelt key that is ignored would be a rule that nobody enforces. */
#pragma once

#include <yaml.h>

#include "base/bytes.h"
#include "base/diag.h"

struct strict_yaml {
    const char *path; /* for sentences; borrowed */
    struct diag *diag;
    yaml_document_t document; /* texts are borrowed from it */
};

/* Parses; *ret must be released with strict_yaml_close() also after a failure. */
int strict_yaml_open(struct strict_yaml *ret, struct bytes text, const char *path,
                     struct diag *d) MUST_USE;
void strict_yaml_close(struct strict_yaml *y);
const yaml_node_t *strict_yaml_root(struct strict_yaml *y);

/* Says what is wrong with this node; returns -EINVAL. */
int strict_yaml_fail(struct strict_yaml *y, const yaml_node_t *n, const char *format, ...)
    PRINTF(3, 4);

/* ---- Scalars ---- */

/* Is it this word, written without quotes? */
bool strict_yaml_is_word(const yaml_node_t *n, const char *word);
/* A text, quoted or not, without NUL characters and not empty. */
int strict_yaml_text(struct strict_yaml *y, const yaml_node_t *n, const char **ret) MUST_USE;
int strict_yaml_bool(struct strict_yaml *y, const yaml_node_t *n, bool *ret) MUST_USE;
int strict_yaml_number(struct strict_yaml *y, const yaml_node_t *n, uint64_t min, uint64_t max,
                       uint64_t *ret) MUST_USE;
/* "90s", "30m", "12h", "7d": seconds. */
int strict_yaml_duration(struct strict_yaml *y, const yaml_node_t *n, uint32_t *ret_s) MUST_USE;

/* ---- Collections ---- */

int strict_yaml_list(struct strict_yaml *y, const yaml_node_t *n, size_t max,
                     size_t *ret_count) MUST_USE;
const yaml_node_t *strict_yaml_item(struct strict_yaml *y, const yaml_node_t *list, size_t i);

/* A mapping whose keys are texts that differ. */
int strict_yaml_map(struct strict_yaml *y, const yaml_node_t *n, size_t max,
                    size_t *ret_count) MUST_USE;
struct strict_yaml_pair {
    const yaml_node_t *key, *value;
};
struct strict_yaml_pair strict_yaml_pair(struct strict_yaml *y, const yaml_node_t *map, size_t i);
const char *strict_yaml_key(const yaml_node_t *key);

/* A mapping with fixed keys: each is read by its own function, in the order of the file. */
struct strict_yaml_member {
    const char *name; /* NULL: the end of the table */
    int (*take)(void *context, const yaml_node_t *value);
};
int strict_yaml_members(struct strict_yaml *y, const yaml_node_t *n,
                        const struct strict_yaml_member *members, void *context) MUST_USE;
