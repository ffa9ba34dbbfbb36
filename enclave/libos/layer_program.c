/* SPDX-License-Identifier: Apache-2.0 */
/* The library OS door's program: an ELF file of a measured layer and its interpreter, mapped from
 * verified blocks.
 *
 * The adversary: a host that refuses memory, or a program file that is not one: both end the start
 * with a sentence. */
#include "program.h"

#include <errno.h>

#include "abi/elf.h"
#include "mm.h"

struct loaded {
    struct elf_image image;
    uint64_t bias; /* added to the addresses in the file */
};

/* ---- segments
 * ---------------------------------------------------------------------------------------- */

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

static int load(const char *path, bool program, struct loaded *ret, struct file **ret_file,
                struct diag *d)
{
    struct file *f = NULL;
    int r = fs_open_path(path, true, &f);
    if (r != 0) {
        return diag_fail(d, r, "%s: %s", path, dispatch_errno_name(-r));
    }
    r = fs_is_measured(f) ? 0 : diag_fail(d, -EACCES, "not a file of a measured layer");
    if (r == 0) {
        r = read_image(f, &ret->image, d);
    }
    if (r == 0) {
        const struct elf_image *e = &ret->image;
        uint64_t at = e->fixed  ? e->start
                      : program ? APP_PROGRAM
                                : mm_find_object(e->end - e->start);
        ret->bias = at - e->start;
        for (size_t i = 0; r == 0 && i < e->segment_count; i++) {
            r = map_segment(f, &e->segments[i], ret->bias);
        }
        if (r != 0) {
            ignore_result(diag_fail(d, r, "cannot be mapped at 0x%llx: %s", (unsigned long long)at,
                                    dispatch_errno_name(-r)),
                          "r is returned");
        }
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

/* ---- the door's part
 * -------------------------------------------------------------------------------------- */

static void describe(const struct loaded *p, struct program *ret)
{
    *ret = (struct program){
        .start = p->image.entry + p->bias,
        .entry = p->image.entry + p->bias,
        .phdr = p->image.phdr + p->bias,
        .phnum = p->image.phnum,
        .end = p->image.end + p->bias,
    };
    for (size_t i = 0; i < p->image.segment_count && ret->code_start == 0; i++) {
        const struct elf_segment *s = &p->image.segments[i];
        if (s->exec) {
            ret->code_start = s->vaddr + p->bias;
            ret->code_end = ret->code_start + s->filesz;
        }
    }
}

static int load_interpreter(struct file *f, const char *path, const struct elf_image *e,
                            struct program *program, struct diag *d)
{
    struct loaded interpreter = {.bias = 0};
    struct file *interpreter_file = NULL;
    char name[ELF_INTERP_MAX + 1];
    int r = interpreter_path(f, e, name);
    if (r != 0) {
        return diag_fail(d, r, "%s: its interpreter has no absolute path", path);
    }
    r = load(name, false, &interpreter, &interpreter_file, d);
    if (r == 0) {
        program->start = interpreter.image.entry + interpreter.bias;
        program->interpreter_base = interpreter.image.start + interpreter.bias;
        file_unref(interpreter_file);
    }
    return r;
}

int program_load(const struct manifest *m, struct program *ret, struct diag *d)
{
    struct loaded program = {.bias = 0};
    struct file *f = NULL;
    char path[MANIFEST_TEXT_MAX + 1];

    if (m->door != DOOR_LIBOS) {
        return diag_fail(d, -EINVAL,
                         "this enclave runs programs from layers, its manifest names "
                         "another door");
    }
    memcpy(path, m->entry.data, m->entry.size);
    path[m->entry.size] = '\0';
    int r = load(path, true, &program, &f, d);
    if (r != 0) {
        return r;
    }
    fs_set_exe(f);
    describe(&program, ret);
    if (program.image.interp_size != 0) {
        r = load_interpreter(f, path, &program.image, ret, d);
    }
    file_unref(f);
    return r;
}

uint64_t program_stubs(void)
{
    return 0;
}
