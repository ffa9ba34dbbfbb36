/* SPDX-License-Identifier: Apache-2.0 */
/* Stock base layers, see base.h. The machine's package database says what is in one; a digest of
 * that is the key under which the store's index remembers the root hash. */
#include "base.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "debian.h"
#include "file.h"
#include "ldcache.h"
#include "store.h"
#include "tree.h"

/* Part of the key: raise it whenever the same packages would give another layer. */
#define BUILDER_VERSION 7u

#define LIBRARIES "/usr/lib/x86_64-linux-gnu" /* empty where all programs are static */

struct stock {
    const char *name;
    const char *const *packages;
    enum debian_part part;
};
static const char *const python_packages[] = {"python3.11",     "python3",  "python3-numpy",
                                              "python3-pandas", "libc-bin", NULL};
static const struct stock stock_layers[] = {{"python", python_packages, DEBIAN_LIBRARIES}};

/* What maintainer scripts would have made. */
static const struct {
    const char *path, *text;
} made_files[] = {
    {"/etc/passwd", "root:x:0:0:root:/:/usr/sbin/nologin\n"
                    "alcove:x:1000:1000::/:/usr/sbin/nologin\n"
                    "nobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\n"},
    {"/etc/group", "root:x:0:\nalcove:x:1000:\nnogroup:x:65534:\n"},
    {"/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\nservices: files\n"},
    {"/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n"},
    {"/etc/timezone", "Etc/UTC\n"},
};
static const char *const made_links[][2] = {
    {"/bin", "usr/bin"},
    {"/sbin", "usr/sbin"},
    {"/lib", "usr/lib"},
    {"/lib64", "usr/lib64"},
    {"/etc/localtime", "/usr/share/zoneinfo/Etc/UTC"},
};
static const char *const made_folders[] = {
    "/dev",     "/etc",      "/proc",      "/run",    "/sys",     "/tmp",
    "/usr/bin", "/usr/sbin", "/usr/lib64", LIBRARIES, "/var/tmp",
};

static int stage_made(struct stage *s, struct diag *d)
{
    int err = 0;
    for (size_t i = 0; i < ARRAY_SIZE(made_folders) && err == 0; i++) {
        err = stage_dir(s, made_folders[i], d);
    }
    for (size_t i = 0; i < ARRAY_SIZE(made_links) && err == 0; i++) {
        err = stage_symlink(s, made_links[i][0], made_links[i][1], d);
    }
    for (size_t i = 0; i < ARRAY_SIZE(made_files) && err == 0; i++) {
        const char *text = made_files[i].text;
        err = stage_bytes(s, made_files[i].path, BYTES(text, strlen(text)), false, d);
    }
    return err != 0 ? err : ldcache_stage(s, LIBRARIES, d);
}

static int index_path(char *ret, const char *store, const char *name, const uint8_t *key,
                      struct diag *d)
{
    char hex[65];
    hex_encode(hex, key, 32);
    return base_format(ret, PATH_MAX, "%s/%s-%s.layer", store, name, hex) < PATH_MAX
               ? 0
               : diag_fail(d, -ENAMETOOLONG, "%s: path is too long", store);
}

/* An index entry is "ROOT SIZE\n"; one whose image is gone or short counts as none. */
static bool index_read(const char *path, struct layer_id *ret)
{
    struct mapped_file f;
    struct diag d;
    char image[PATH_MAX], text[128];
    if (mapped_file_open(&f, path, sizeof text - 1, &d) != 0) {
        return false;
    }
    memcpy(text, f.bytes.data, f.bytes.size);
    text[f.bytes.size] = '\0';
    mapped_file_close(&f);
    char *end = NULL;
    struct layer_id id = {.size = strlen(text) > 65 ? strtoull(text + 65, &end, 10) : 0};
    if (id.size == 0 || text[64] != ' ' || end == NULL || *end != '\n' ||
        !hex_decode(id.root, 32, BYTES(text, 64)) ||
        store_find(NULL, id.root, image, NULL, &d) != 0) {
        return false;
    }
    *ret = id;
    return true;
}

static int index_write(const char *path, const struct layer_id *id, struct diag *d)
{
    char hex[65], text[128];
    hex_encode(hex, id->root, 32);
    base_format(text, sizeof text, "%s %llu\n", hex, (unsigned long long)id->size);
    return file_write(path, BYTES(text, strlen(text)), 0644, d);
}

static int make_base(const struct debian *packages, const char *name, const char *store,
                     bool verbose, struct layer_id *ret, struct diag *d)
{
    struct stage s;
    struct tree_summary summary;
    int err = stage_open(&s, store, d);
    if (err != 0) {
        return err;
    }
    err = debian_stage(packages, &s, d);
    err = err != 0 ? err : stage_made(&s, d);
    err = err != 0 ? err : tree_finish(&s, &summary, d);
    err = err != 0 ? err : layer_make(&s, store, ret, d);
    if (err == 0 && verbose) {
        printf("%zu packages\n", debian_package_count(packages));
        tree_print(name, &summary);
    }
    stage_close(&s);
    return err;
}

static int find_or_make(const struct debian *packages, const struct stock *stock, bool verbose,
                        struct layer_id *ret, struct diag *d)
{
    char store[PATH_MAX], path[PATH_MAX];
    uint8_t seed[36], key[32];
    store_le32(seed, BUILDER_VERSION);
    int err = debian_key(packages, seed + 4, d);
    SHA256(seed, sizeof seed, key);
    err = err != 0 ? err : store_path(store, d);
    err = err != 0 ? err : index_path(path, store, stock->name, key, d);
    if (err != 0 || index_read(path, ret)) {
        return err;
    }
    int lock = store_lock(store, d);
    if (lock < 0) {
        return lock;
    }
    if (!index_read(path, ret)) { /* another build may have made it while this one waited */
        err = make_base(packages, stock->name, store, verbose, ret, d);
        err = err != 0 ? err : index_write(path, ret, d);
    }
    close(lock);
    return err;
}

static int stock_layer(const struct stock *stock, bool verbose, struct layer_id *ret,
                       struct diag *d)
{
    struct debian *packages = NULL;
    int err = debian_select("", stock->packages, stock->part, &packages, d);
    err = err != 0 ? err : find_or_make(packages, stock, verbose, ret, d);
    debian_free(packages);
    return err;
}

int base_packages(const char *const *names, bool verbose, struct layer_id *ret, struct diag *d)
{
    const struct stock stock = {"packages", names, DEBIAN_EVERYTHING};
    return stock_layer(&stock, verbose, ret, d);
}

int base_layer(const char *name, bool verbose, struct layer_id *ret, struct diag *d)
{
    for (size_t i = 0; i < ARRAY_SIZE(stock_layers); i++) {
        if (strcmp(stock_layers[i].name, name) == 0) {
            return stock_layer(&stock_layers[i], verbose, ret, d);
        }
    }
    return diag_fail(d, -ENOENT, "there is no stock layer '%s'; there is: python", name);
}
