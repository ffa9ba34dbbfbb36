/* SPDX-License-Identifier: Apache-2.0 */
/* The address space in words: /proc/PID/maps, and reports. */
#include "mm/space.h"

void mm_describe(uint64_t addr, char *ret, size_t capacity)
{
    const struct vma *v = vma_of(addr);
    char path[128];
    if (addr >= MM_STUBS && addr < MM_STUBS_END) {
        base_format(ret, capacity, "a rewriting stub, 0x%llx", (unsigned long long)addr);
    } else if (v == NULL) {
        base_format(ret, capacity, "0x%llx, not mapped", (unsigned long long)addr);
    } else if (v->file == NULL && v->end <= mm.measured_end) {
        base_format(ret, capacity, "0x%llx of the program", (unsigned long long)addr);
    } else if (v->file == NULL) {
        base_format(ret, capacity, "0x%llx, anonymous memory", (unsigned long long)addr);
    } else {
        fs_file_path(v->file, path, sizeof path);
        base_format(ret, capacity, "%s+0x%llx", path,
                    (unsigned long long)(v->offset + (addr - v->start)));
    }
}

static const char *label_of(const struct vma *v)
{
    if (v->start < mm.brk && v->end > mm.brk_start && v->file == NULL) {
        return "[heap]";
    }
    return os.stack_start >= v->start && os.stack_start < v->end ? "[stack]" : "";
}

static void put_mapping(struct fs_text *t, const struct vma *v)
{
    char path[FS_PATH_MAX];
    uint32_t major = 0, minor = 0;
    uint64_t ino = 0;
    if (v->file != NULL) {
        fs_file_id(v->file, &major, &minor, &ino);
        fs_file_path(v->file, path, sizeof path);
    } else {
        base_format(path, sizeof path, "%s", label_of(v));
    }
    fs_printf(t, "%08llx-%08llx %c%c%c%c %08llx %02x:%02x %llu%s%s\n", (unsigned long long)v->start,
              (unsigned long long)v->end, (v->prot & OS_PROT_READ) != 0 ? 'r' : '-',
              (v->prot & OS_PROT_WRITE) != 0 ? 'w' : '-', (v->prot & OS_PROT_EXEC) != 0 ? 'x' : '-',
              v->shared ? 's' : 'p', (unsigned long long)v->offset, major, minor,
              (unsigned long long)ino, path[0] != '\0' ? "                   " : "", path);
}

void os_maps_text(struct fs_text *t)
{
    for (size_t i = 0; i < vma_count(); i++) {
        put_mapping(t, vma_at(i));
    }
}

/* What is there of one mapping, or of all. Nothing of it is any other process's: pages that are
 * shared are with one at a time. */
struct resident {
    uint64_t size, there, anonymous, clean;
};

static void add_resident(struct resident *r, const struct vma *v)
{
    const uint64_t there = pages_committed(v->start, v->end);
    const bool clean = v->file != NULL && (v->prot & OS_PROT_WRITE) == 0;
    r->size += v->end - v->start;
    r->there += there;
    r->anonymous += v->file == NULL ? there : 0;
    r->clean += clean ? there : 0;
}

static void put_resident(struct fs_text *t, const struct resident *r, bool rollup)
{
    const struct {
        const char *name;
        uint64_t bytes;
    } rows[] = {
        {"Rss:", r->there},
        {"Pss:", r->there},
        {"Shared_Clean:", 0},
        {"Shared_Dirty:", 0},
        {"Private_Clean:", r->clean},
        {"Private_Dirty:", r->there - r->clean},
        {"Referenced:", r->there},
        {"Anonymous:", r->anonymous},
        {"Swap:", 0},
    };
    if (!rollup) {
        fs_printf(t, "%-15s %8llu kB\nKernelPageSize: %8u kB\nMMUPageSize:    %8u kB\n",
                  "Size:", (unsigned long long)r->size / 1024, 4, 4);
    }
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        fs_printf(t, "%-15s %8llu kB\n", rows[i].name, (unsigned long long)rows[i].bytes / 1024);
    }
}

void os_smaps_text(struct fs_text *t, bool rollup)
{
    struct resident sum = {0};
    for (size_t i = 0; i < vma_count(); i++) {
        const struct vma *v = vma_at(i);
        struct resident one = {0};
        add_resident(rollup ? &sum : &one, v);
        if (!rollup) {
            put_mapping(t, v);
            put_resident(t, &one, false);
        }
    }
    if (rollup && vma_count() > 0) {
        fs_printf(t, "%08llx-%08llx ---p 00000000 00:00 0                          [rollup]\n",
                  (unsigned long long)vma_at(0)->start,
                  (unsigned long long)vma_at(vma_count() - 1)->end);
        put_resident(t, &sum, true);
    }
}
