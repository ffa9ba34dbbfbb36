/* SPDX-License-Identifier: Apache-2.0 */
/* The last steps before an image, see tree.h. */
#include "tree.h"

#include <stdio.h>

#include "bytecode.h"

int tree_finish(struct stage *s, struct tree_summary *ret, struct diag *d)
{
    struct tree_summary t = {.files = s->file_count};
    int err = bytecode_compile(s, &t.modules, d);
    err = err != 0 ? err : sites_stage(s, &t.sites, d);
    if (err == 0) {
        *ret = t;
    }
    return err;
}

static unsigned long long number(uint64_t n)
{
    return (unsigned long long)n;
}

void tree_print(const char *name, const struct tree_summary *t)
{
    const struct sites_stats *s = &t->sites;
    printf("layer %s: %llu files, %llu Python modules compiled\n", name, number(t->files),
           number(t->modules));
    if (s->files == 0) {
        return;
    }
    printf(
        "layer %s: %llu programs and libraries; system calls: %llu patched at their mov, %llu with "
        "neighbours moved, %llu left to trap; cpuid: %llu patched, %llu left\n",
        name, number(s->files), number(s->mov), number(s->relocated), number(s->trapped),
        number(s->cpuid), number(s->cpuid_trapped));
}
