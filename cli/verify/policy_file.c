/* SPDX-License-Identifier: Apache-2.0 */
/* Policy files and the root certificates that they name. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "build/file.h"
#include "policy.h"
#include "policy_values.h"

static int policy_new(const char *path, struct policy_file **ret, struct diag *d)
{
    struct policy_file *p = calloc(1, sizeof *p);
    if (p == NULL || (p->path = strdup(path)) == NULL) {
        policy_free(p);
        return diag_fail(d, -ENOMEM, "%s: no memory", path);
    }
    p->policy = alcove_policy_strict();
    p->policy.roots = p->roots;
    *ret = p;
    return 0;
}

int policy_strict(struct policy_file **ret, struct diag *d)
{
    return policy_new("(no policy)", ret, d);
}

int policy_parse(struct bytes text, const char *path, struct policy_file **ret, struct diag *d)
{
    struct policy_file *p;
    int err = policy_new(path, &p, d);
    if (err != 0) {
        return err;
    }
    err = strict_yaml_open(&p->yaml, text, p->path, d);
    err = err != 0 ? err : policy_take_root(p);
    if (err != 0) {
        policy_free(p);
        return err;
    }
    *ret = p;
    return 0;
}

int policy_add_root(struct policy_file *p, const char *path, const char *option, struct diag *d)
{
    struct mapped_file f;
    if (p->policy.root_count == ROOTS_MAX) {
        return diag_fail(d, -E2BIG, "%s: more than %u roots", path, ROOTS_MAX);
    }
    int err = mapped_file_open(&f, path, PEM_BYTES_MAX, d);
    if (err != 0) {
        return err;
    }
    if (!alcove_root_read((struct alcove_bytes){f.bytes.data, f.bytes.size},
                          &p->roots[p->policy.root_count])) {
        err = diag_fail(
            d, -EINVAL,
            "%s: not a root certificate; %s wants one self-signed CA certificate, PEM or DER", path,
            option);
    } else {
        p->policy.root_count++;
    }
    mapped_file_close(&f);
    return err;
}

static int read_roots(struct policy_file *p, struct diag *d)
{
    char path[PATH_MAX];
    const char *slash = strrchr(p->path, '/');
    int folder = slash != NULL ? (int)(slash - p->path) + 1 : 0;
    for (size_t i = 0; i < p->root_file_count; i++) {
        const yaml_node_t *n = p->root_files[i];
        const char *name = strict_yaml_key(n);
        size_t size = name[0] == '/'
                          ? base_format(path, sizeof path, "%s", name)
                          : base_format(path, sizeof path, "%.*s%s", folder, p->path, name);
        if (size >= sizeof path) {
            return strict_yaml_fail(&p->yaml, n, "the path is too long");
        }
        int err = policy_add_root(p, path, "'roots'", d);
        if (err != 0) {
            diag_prefix(d, "%s:%zu:%zu", p->path, n->start_mark.line + 1, n->start_mark.column + 1);
            return err;
        }
    }
    return 0;
}

int policy_read(const char *path, struct policy_file **ret, struct diag *d)
{
    struct mapped_file f;
    struct policy_file *p = NULL;
    int err = mapped_file_open(&f, path, POLICY_SIZE_MAX, d);
    if (err != 0) {
        return err;
    }
    err = policy_parse(f.bytes, path, &p, d);
    mapped_file_close(&f);
    err = err != 0 ? err : read_roots(p, d);
    if (err != 0) {
        policy_free(p);
        return err;
    }
    *ret = p;
    return 0;
}

void policy_free(struct policy_file *p)
{
    if (p == NULL) {
        return;
    }
    struct policy_ids *ids[] = {&p->fmspc, &p->ppid, &p->chip_id};
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        free(ids[i]->allowed);
        free(ids[i]->denied);
    }
    strict_yaml_close(&p->yaml);
    free(p->path);
    free(p);
}
