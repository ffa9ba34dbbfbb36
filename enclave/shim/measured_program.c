/* SPDX-License-Identifier: Apache-2.0 */
/* The shim door's program: it is in the image, at the addresses that it was linked for, measured in
 * MRENCLAVE together with the stubs of its rewritten system calls. Nothing is loaded; the library
 * OS learns what is there and adds the zero pages behind the data.
 *
 * From here on nothing else ever becomes executable in this enclave: neither files of layers nor
 * memory of the program. So MRENCLAVE names every instruction that can run.
 *
 * The adversary: the host, which can refuse memory. The descriptor was measured; it is checked all
 * the same, because a tool's mistake should end in a sentence. */
#include "exec/program.h"

#include <errno.h>

#include "mm/mm.h"
#include "worker.h"

static const struct program_descriptor *checked_descriptor(void)
{
    struct diag d;
    const struct program_descriptor *p = rt_program();
    if (program_descriptor_check(p, &d) != 0) {
        rt_refuse("this image was not made by 'alcove build': %s", d.text);
    }
    return p;
}

uint64_t program_stubs(void)
{
    return checked_descriptor()->stubs_size;
}

static uint32_t prot_of(uint64_t rights)
{
    return ((rights & SGX_SECINFO_R) != 0 ? OS_PROT_READ : 0) |
           ((rights & SGX_SECINFO_W) != 0 ? OS_PROT_WRITE : 0) |
           ((rights & SGX_SECINFO_X) != 0 ? OS_PROT_EXEC : 0);
}

static int take_segment(const struct program_segment *s)
{
    uint32_t prot = prot_of(s->rights);
    int64_t r = s->measured == 0 ? 0 : mm_adopt(s->start, s->measured, prot);
    if (r == 0 && s->measured < s->size) {
        r = mm_map(s->start + s->measured, s->size - s->measured, prot,
                   OS_MAP_PRIVATE | OS_MAP_ANONYMOUS | OS_MAP_FIXED, NULL, 0);
    }
    return r < 0 ? (int)r : 0;
}

int program_open(const char *path, struct program_source *ret, struct diag *d)
{
    static bool opened;
    (void)path; /* a name: the program is measured, whatever the manifest calls it */
    /* A manifest for the library OS door would run a file of its layers under this program's
     * MRENCLAVE. */
    if (os.manifest->door != DOOR_SHIM) {
        return diag_fail(d, -EINVAL,
                         "this enclave is one measured program, its manifest names "
                         "another door");
    }
    if (opened) { /* execve: there is no other, and its data are what they have become */
        return diag_fail(d, -EACCES, "this enclave is one measured program");
    }
    opened = true;
    *ret = (struct program_source){.file = NULL};
    return 0;
}

void program_close(struct program_source *s)
{
    (void)s;
}

int program_load(const struct program_source *source, struct program *ret, struct diag *d)
{
    const struct program_descriptor *p = checked_descriptor();
    (void)source;
    *ret = (struct program){
        .start = p->entry, .entry = p->entry, .phdr = p->phdr, .phnum = p->phnum, .end = p->end};
    for (uint64_t i = 0; i < p->segment_count; i++) {
        const struct program_segment *s = &p->segments[i];
        int r = take_segment(s);
        if (r != 0) {
            return diag_fail(d, r,
                             "no memory for the program's %llu bytes at 0x%llx (%s): the manifest "
                             "allows %llu",
                             (unsigned long long)s->size, (unsigned long long)s->start,
                             dispatch_errno_name(-r), (unsigned long long)os.manifest->memory);
        }
        if ((s->rights & SGX_SECINFO_X) != 0 && ret->code_start == 0) {
            ret->code_start = s->start;
            ret->code_end = s->start + s->size;
        }
    }
    mm_seal_text();
    return 0;
}

/* ---- workers: not behind this door, which abi/manifest.c sees to
 * ------------------------------------------------- */

void worker_start(const struct manifest *m)
{
    REQUIRE(!m->stdin_task);
}

void worker_finish(enum exit_kind kind, uint64_t value)
{
    rt_exit(kind, value);
}

struct bytes os_task_rest(void)
{
    return BYTES(NULL, 0);
}

void os_task_advance(size_t n)
{
    REQUIRE(n == 0);
}

void os_result_put(int fd, struct bytes data)
{
    REQUIRE(fd < 0 && data.size == 0);
}
