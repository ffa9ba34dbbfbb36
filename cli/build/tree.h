/* SPDX-License-Identifier: Apache-2.0 */
/* What every staged tree gets before it becomes an image: bytecode for its Python modules, tables
 * of rewriting sites for its programs and libraries. */
#pragma once

#include "sites.h"
#include "stage.h"

struct tree_summary {
    uint64_t files, modules;
    struct sites_stats sites;
};

int tree_finish(struct stage *s, struct tree_summary *ret, struct diag *d) MUST_USE;
/* For --verbose. */
void tree_print(const char *name, const struct tree_summary *t);
