/* SPDX-License-Identifier: Apache-2.0 */
/* The format is glibc's (sysdeps/generic/dl-cache.h, "glibc-ld.so.cache1.1"): a header, entries in
 * descending order of _dl_cache_libcmp(), strings at offsets from the start of the file. */
#include "ldcache.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC          "glibc-ld.so.cache1.1"
#define HEADER_SIZE    48u
#define ENTRY_SIZE     24u
#define LITTLE_ENDIAN_ 2u
#define X86_64_LIBC6   0x0303u

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int take_number(const char **p)
{
    int v = 0;
    while (is_digit(**p) && v < 100000000) {
        v = 10 * v + (*(*p)++ - '0');
    }
    return v;
}

/* glibc's _dl_cache_libcmp(): digits compare as numbers and come after everything else. */
static int compare_names(const char *a, const char *b)
{
    while (*a != '\0') {
        if (is_digit(*a) && is_digit(*b)) {
            int x = take_number(&a);
            int y = take_number(&b);
            if (x != y) {
                return x - y;
            }
        } else if (is_digit(*a) != is_digit(*b)) {
            return is_digit(*a) ? 1 : -1;
        } else if (*a != *b) {
            return *a - *b;
        } else {
            a++;
            b++;
        }
    }
    return *a - *b;
}

static int descending(const struct dirent **a, const struct dirent **b)
{
    return compare_names((*b)->d_name, (*a)->d_name);
}

/* What a program can need by name: libNAME.so.VERSION and the loader itself. */
static int is_library(const struct dirent *e)
{
    return (strncmp(e->d_name, "lib", 3) == 0 || strncmp(e->d_name, "ld-", 3) == 0) &&
           strstr(e->d_name, ".so.") != NULL;
}

static void put_le32(struct writer *w, uint32_t v)
{
    uint8_t le[4];
    store_le32(le, v);
    writer_put(w, BYTES(le, sizeof le));
}

/* Entries point at NAME inside "FOLDER/NAME": one string serves as key and as value. */
static void put_cache(struct writer *w, const char *folder, struct dirent **names, size_t count)
{
    size_t prefix = strlen(folder) + 1;
    size_t at = HEADER_SIZE + ENTRY_SIZE * count;
    size_t strings = 0;
    for (size_t i = 0; i < count; i++) {
        strings += prefix + strlen(names[i]->d_name) + 1;
    }
    writer_put(w, BYTES_STR(MAGIC));
    put_le32(w, (uint32_t)count);
    put_le32(w, (uint32_t)strings);
    put_le32(w, LITTLE_ENDIAN_);
    for (unsigned i = 0; i < 4; i++) {
        put_le32(w, 0); /* no extensions; reserved */
    }
    for (size_t i = 0; i < count; i++) {
        put_le32(w, X86_64_LIBC6);
        put_le32(w, (uint32_t)(at + prefix));
        put_le32(w, (uint32_t)at);
        put_le32(w, 0); /* operating system version: unused */
        put_le32(w, 0); /* hardware capabilities: none needed */
        put_le32(w, 0);
        at += prefix + strlen(names[i]->d_name) + 1;
    }
    for (size_t i = 0; i < count; i++) {
        writer_put(w, BYTES(folder, prefix - 1));
        writer_put(w, BYTES_STR("/"));
        writer_put(w, BYTES(names[i]->d_name, strlen(names[i]->d_name) + 1));
    }
}

int ldcache_stage(struct stage *s, const char *folder, struct diag *d)
{
    char host[PATH_MAX];
    struct dirent **names = NULL;
    if (base_format(host, sizeof host, "%s%s", s->root, folder) >= sizeof host) {
        return diag_fail(d, -ENAMETOOLONG, "%s: path is too long", folder);
    }
    int count = scandir(host, &names, is_library, descending);
    if (count < 0) {
        int err = -errno;
        return diag_fail(d, err, "cannot list %s: %s", host, strerror(-err));
    }
    size_t capacity = HEADER_SIZE + (size_t)count * (ENTRY_SIZE + strlen(folder) + NAME_MAX + 2);
    uint8_t *out = malloc(capacity);
    struct writer w = writer_of(out, out != NULL ? capacity : 0);
    put_cache(&w, folder, names, (size_t)count);
    int err = w.failed ? diag_fail(d, -ENOMEM, "no memory for the loader's cache")
                       : stage_bytes(s, "/etc/ld.so.cache", BYTES(out, w.size), false, d);
    for (int i = 0; i < count; i++) {
        free(names[i]);
    }
    free(names);
    free(out);
    return err;
}
