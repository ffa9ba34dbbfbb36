/* SPDX-License-Identifier: Apache-2.0 */
/* Growing texts for /proc. */
#include "vfs.h"

#define TEXT_MAX (16u << 20) /* maps of a process with tens of thousands of mappings */

void fs_text_put(struct fs_text *t, struct bytes b)
{
    if (t->failed || b.size > TEXT_MAX - t->size) {
        t->failed = true;
        return;
    }
    if (t->size + b.size > t->capacity) {
        size_t capacity = t->capacity < 1024 ? 1024 : t->capacity * 2;
        while (capacity < t->size + b.size) {
            capacity *= 2;
        }
        char *data = rt_realloc(t->data, capacity);
        if (data == NULL) {
            t->failed = true;
            return;
        }
        t->data = data;
        t->capacity = capacity;
    }
    if (b.size > 0) {
        memcpy(t->data + t->size, b.data, b.size);
        t->size += b.size;
    }
}

void fs_printf(struct fs_text *t, const char *format, ...)
{
    char line[FS_PATH_MAX + 256];
    __builtin_va_list args;
    __builtin_va_start(args, format);
    size_t n = base_vformat(line, sizeof line, format, args);
    __builtin_va_end(args);
    if (n >= sizeof line) {
        t->failed = true;
        return;
    }
    fs_text_put(t, BYTES(line, n));
}

void text_free(struct fs_text *t)
{
    if (t != NULL) {
        rt_free(t->data);
        rt_free(t);
    }
}
