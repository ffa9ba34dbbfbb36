/* SPDX-License-Identifier: Apache-2.0 */
/* The library OS door's programs: an ELF file of a measured layer and its interpreter, mapped from
 * verified blocks.
 *
 * The adversary: a workload that names any file of any content as a program, and a host that
 * refuses memory. */
#include "exec/program.h"

#include <errno.h>

#include "abi/elf.h"
#include "mm/mm.h"

/* ---- looking at files ------------------------------------------------------------------------ */

static int read_image(struct file *f, struct elf_image *ret, struct diag *d)
{
    uint8_t *head = (uint8_t *)rt_alloc(ELF_HEAD_SIZE);
    uint64_t size;
    int64_t n = head == NULL ? -ENOMEM : fs_file_size(f, &size);
    if (n == 0) {
        n = fs_read_trusted(f, 0, head, ELF_HEAD_SIZE);
    }
    int r = n < 0 ? diag_fail(d, (int)n, "cannot be read: %s", dispatch_errno_name((int)-n))
                  : elf_parse(BYTES(head, (size_t)n), size, ret, d);
    rt_free(head);
    return r;
}

/* wrong: what Linux says to a file that is no ELF file, as a program or as an interpreter. */
static int open_image(const char *path, int wrong, struct file **ret_file, struct elf_image *ret,
                      struct diag *d)
{
    struct file *f = NULL;
    int r = fs_open_path(path, true, &f);
    if (r != 0) {
        return diag_fail(d, r, "%s: %s", path, dispatch_errno_name(-r));
    }
    r = fs_is_measured(f) ? 0 : diag_fail(d, -EACCES, "not a file of a measured layer");
    if (r == 0) {
        r = read_image(f, ret, d);
        r = r == -ENOEXEC ? wrong : r;
    }
    if (r != 0) {
        diag_prefix(d, "%s", path);
        file_unref(f);
        return r;
    }
    *ret_file = f;
    return 0;
}

static int interpreter_path(struct file *f, const struct elf_image *e, char ret[ELF_INTERP_MAX + 1])
{
    int64_t n = fs_read_trusted(f, e->interp_offset, ret, e->interp_size);
    if (n != (int64_t)e->interp_size || ret[n - 1] != '\0' || ret[0] != '/') {
        return -ENOEXEC;
    }
    return 0;
}

int program_open(const char *path, struct program_source *ret, struct diag *d)
{
    struct program_source s = {.file = NULL};
    char name[ELF_INTERP_MAX + 1];
    if (os.manifest->door != DOOR_LIBOS) {
        return diag_fail(d, -EINVAL,
                         "this enclave runs programs from layers, its manifest names "
                         "another door");
    }
    int r = open_image(path, -ENOEXEC, &s.file, &s.image, d);
    if (r == 0 && s.image.interp_size != 0) {
        r = interpreter_path(s.file, &s.image, name);
        r = r != 0 ? diag_fail(d, r, "%s: its interpreter has no absolute path", path)
                   : open_image(name, -ELIBBAD, &s.interpreter, &s.interpreter_image, d);
    }
    if (r != 0) {
        program_close(&s);
        return r;
    }
    *ret = s;
    return 0;
}

void program_close(struct program_source *s)
{
    file_unref(s->file);
    file_unref(s->interpreter);
    *s = (struct program_source){.file = NULL};
}

/* ---- mapping --------------------------------------------------------------------------------- */

static int map_segment(struct file *f, const struct elf_segment *s, uint64_t bias)
{
    uint64_t start = align_down(s->vaddr, PAGE_SIZE) + bias;
    uint64_t file_end = s->vaddr + bias + s->filesz;
    uint64_t file_pages = align_down(file_end + PAGE_SIZE - 1, PAGE_SIZE);
    uint64_t end = align_down(s->vaddr + bias + s->memsz + PAGE_SIZE - 1, PAGE_SIZE);
    uint32_t prot = (s->read ? OS_PROT_READ : 0) | (s->write ? OS_PROT_WRITE : 0) |
                    (s->exec ? OS_PROT_EXEC : 0);
    uint32_t flags = OS_MAP_PRIVATE | OS_MAP_FIXED;
    if (s->filesz == 0) {
        file_pages = start;
    } else {
        int64_t r =
            mm_map(start, file_end - start, prot, flags, f, align_down(s->offset, PAGE_SIZE));
        if (r < 0) {
            return (int)r;
        }
        /* ld.so's first allocations use the rest of its last data page, beyond memsz too. */
        if (s->write && zero_app(app_at(file_end), file_pages - file_end) != 0) {
            return -EFAULT;
        }
    }
    if (end > file_pages) {
        int64_t r = mm_map(file_pages, end - file_pages, prot, flags | OS_MAP_ANONYMOUS, NULL, 0);
        if (r < 0) {
            return (int)r;
        }
    }
    return 0;
}

/* at: of the first segment. ret_bias: what is added to addresses in the file. */
static int map_image(struct file *f, const struct elf_image *e, uint64_t at, uint64_t *ret_bias,
                     struct diag *d)
{
    uint64_t bias = at - e->start;
    int r = at == 0 ? -ENOMEM : 0;
    for (size_t i = 0; r == 0 && i < e->segment_count; i++) {
        r = map_segment(f, &e->segments[i], bias);
    }
    if (r != 0) {
        char path[FS_PATH_MAX];
        fs_file_path(f, path, sizeof path);
        return diag_fail(d, r, "%s: cannot be mapped at 0x%llx: %s", path, (unsigned long long)at,
                         dispatch_errno_name(-r));
    }
    *ret_bias = bias;
    return 0;
}

static void describe(const struct elf_image *e, uint64_t bias, struct program *ret)
{
    *ret = (struct program){
        .start = e->entry + bias,
        .entry = e->entry + bias,
        .phdr = e->phdr + bias,
        .phnum = e->phnum,
        .end = e->end + bias,
    };
    for (size_t i = 0; i < e->segment_count && ret->code_start == 0; i++) {
        const struct elf_segment *s = &e->segments[i];
        if (s->exec) {
            ret->code_start = s->vaddr + bias;
            ret->code_end = ret->code_start + s->filesz;
        }
    }
}

int program_load(const struct program_source *s, struct program *ret, struct diag *d)
{
    const struct elf_image *e = &s->image, *i = &s->interpreter_image;
    uint64_t bias;
    int r = map_image(s->file, e, e->fixed ? e->start : APP_PROGRAM, &bias, d);
    if (r != 0) {
        return r;
    }
    describe(e, bias, ret);
    if (s->interpreter != NULL) {
        uint64_t at = i->fixed ? i->start : mm_find_object(i->end - i->start);
        r = map_image(s->interpreter, i, at, &bias, d);
    }
    if (r == 0 && s->interpreter != NULL) {
        ret->start = i->entry + bias;
        ret->interpreter_base = i->start + bias;
    }
    return r;
}

uint64_t program_stubs(void)
{
    return 0;
}
