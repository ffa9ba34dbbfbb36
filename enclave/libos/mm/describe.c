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

void os_maps_text(struct fs_text *t)
{
    for (size_t i = 0; i < vma_count(); i++) {
        const struct vma *v = vma_at(i);
        char path[FS_PATH_MAX];
        uint32_t major = 0, minor = 0;
        uint64_t ino = 0;
        if (v->file != NULL) {
            fs_file_id(v->file, &major, &minor, &ino);
            fs_file_path(v->file, path, sizeof path);
        } else {
            base_format(path, sizeof path, "%s", label_of(v));
        }
        fs_printf(
            t, "%08llx-%08llx %c%c%c%c %08llx %02x:%02x %llu%s%s\n", (unsigned long long)v->start,
            (unsigned long long)v->end, (v->prot & OS_PROT_READ) != 0 ? 'r' : '-',
            (v->prot & OS_PROT_WRITE) != 0 ? 'w' : '-', (v->prot & OS_PROT_EXEC) != 0 ? 'x' : '-',
            v->shared ? 's' : 'p', (unsigned long long)v->offset, major, minor,
            (unsigned long long)ino, path[0] != '\0' ? "                   " : "", path);
    }
}
