/* SPDX-License-Identifier: Apache-2.0 */
/* What is in a mapping when it is made. A library is read and hashed once: the loader first maps a
 * whole object and then parts of it over that mapping, and the bytes that are there already are
 * used again. Text is never writable once it is executable, and executable only if its bytes came
 * from a measured file and the workload never could write them (PAGE_PURE).
 *
 * The adversary: the workload's other threads, which write to what is being filled. */
#include <errno.h>

#include "exec/rewrite.h"
#include "mm/space.h"

int mm_file_extent(const struct vma *v, uint64_t *ret_end)
{
    uint64_t size, pages;
    int r = fs_file_size(v->file, &size);
    if (r != 0) {
        return r;
    }
    if (size <= v->offset || !align_up_ok(size - v->offset, PAGE_SIZE, &pages)) {
        pages = 0;
    }
    *ret_end = pages < v->end - v->start ? v->start + pages : v->end;
    return 0;
}

/* Text that lies in its place and that nobody else can have written: rewrites its sites there. */
static int rewrite_in_place(const struct rewrite_job *job, uint64_t start, uint64_t end,
                            uint64_t offset)
{
    int r = pages_take(start, end, false, start, end);
    if (r == 0) {
        r = rewrite_apply(job, (uint8_t *)app_raw(app_at(start), end - start), start, offset);
    }
    pages_mark(start, end, PAGE_FILE | PAGE_PURE);
    return r;
}

/* Other threads run: the text is made in trusted memory, copied to its place, and compared after
 * nobody can write there any more. */
static int rewrite_beside(const struct rewrite_job *job, struct file *f, uint64_t start,
                          uint64_t end, uint64_t offset)
{
    uint64_t size = end - start;
    uint8_t *text = (uint8_t *)rt_alloc(size);
    int64_t r = text == NULL ? -ENOMEM : fs_read_trusted(f, offset, text, size);
    if (r >= 0) {
        r = job->table.count == 0 ? 0 : rewrite_apply(job, text, start, offset);
    }
    if (r == 0) {
        r = mm_take(start, end, false);
    }
    if (r == 0) {
        memcpy(app_raw(app_at(start), size), text, size);
        r = pages_protect(start, end, (uint8_t)SGX_SECINFO_R);
    }
    if (r == 0 && memcmp(app_raw(app_at(start), size), text, size) != 0) {
        rt_fatal("the workload wrote to text while it was being mapped");
    }
    pages_mark(start, end, PAGE_FILE | PAGE_PURE);
    rt_free(text);
    return (int)r;
}

int mm_make_text(struct file *f, uint64_t start, uint64_t end, uint64_t offset, bool here)
{
    struct rewrite_job job;
    bool pure = here && pages_all(start, end, PAGE_PURE | PAGE_COMMITTED);
    int r = rewrite_begin(&job, f, end - start, offset);
    if (r == 0 && (!pure || (job.table.count != 0 && os.thread_count > 1))) {
        r = rewrite_beside(&job, f, start, end, offset);
    } else if (r == 0 && job.table.count != 0) {
        r = rewrite_in_place(&job, start, end, offset);
    }
    rewrite_end(&job);
    return r;
}

/* The mappings around the place of the new one are looked at: a loader maps a whole object first.
 */
uint64_t mm_bytes_in_memory(const struct vma *v, uint64_t end)
{
    const struct vma *old = vma_of(v->start);
    /* Files in memory may have changed since; measured ones cannot. */
    if (old == NULL || old->file != v->file || !fs_is_measured(v->file) ||
        old->start + v->offset < old->offset) {
        return 0;
    }
    uint64_t shift = old->start - old->offset; /* modulo 2^64 */
    uint64_t from = v->offset + shift, from_end = from + (end - v->start);
    if (from < APP_BASE || from_end > APP_END || from_end < from || !vma_covers(from, from_end)) {
        return 0;
    }
    for (size_t i = vma_find(from); i < vma_count() && vma_at(i)->start < from_end; i++) {
        if (vma_at(i)->file != v->file || vma_at(i)->start - vma_at(i)->offset != shift ||
            (vma_at(i)->prot & OS_PROT_EXEC) != 0) { /* text may have been rewritten */
            return 0;
        }
    }
    /* What is copied from there must be readable: a loader takes the rights away between segments.
     */
    uint8_t needed = PAGE_FILE | PAGE_COMMITTED | (from != v->start ? (uint8_t)SGX_SECINFO_R : 0);
    return pages_all(from, from_end, needed) ? from : 0;
}

int mm_fill_from_file(const struct vma *v, uint64_t end, uint64_t from)
{
    uint64_t size = end - v->start;
    bool writable = (v->prot & OS_PROT_WRITE) != 0, text = (v->prot & OS_PROT_EXEC) != 0;
    bool alone = os.thread_count <= 1;
    int r = 0;
    if (size == 0) {
        return 0;
    }
    if ((from != v->start || writable) && (alone || !text)) {
        r = mm_take(v->start, end, false);
        if (r == 0 && from == 0) {
            r = fs_read_into_app(v->file, app_at(v->start), size, v->offset);
        } else if (r == 0 && from != v->start) {
            memmove(app_raw(app_at(v->start), size), app_raw(app_at(from), size), size);
        }
        if (r == 0 && !writable && fs_is_measured(v->file)) {
            pages_mark(v->start, end, alone ? PAGE_FILE | PAGE_PURE : PAGE_FILE);
        }
    }
    if (r == 0 && text) {
        r = mm_make_text(v->file, v->start, end, v->offset, alone || from == v->start);
    }
    return r == 0 ? pages_protect(v->start, end, mm_rights(v->prot)) : r;
}

int mm_fill_anonymous(const struct vma *v)
{
    if (v->prot == 0 || v->lazy) {
        return pages_release(v->start, v->end);
    }
    int r = mm_take(v->start, v->end, true);
    return r == 0 ? pages_protect(v->start, v->end, mm_rights(v->prot)) : r;
}
