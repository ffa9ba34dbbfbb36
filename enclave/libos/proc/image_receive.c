/* SPDX-License-Identifier: Apache-2.0 */
/* A process's image on its way in. Every page is committed as what it is in the sender, filled
 * while only this thread is here, and gets its rights at the end, when no byte comes any more.
 *
 * The adversary: the sender's workload chose everything that a workload can choose, so lists may be
 * long and ranges strange. A sender of this measurement sends nothing that is refused here. */
#include <errno.h>

#include "fs/vfs.h"
#include "image_format.h"
#include "exec/rewrite.h"

#define FILES_MAX 4096u

struct incoming {
    uint8_t *record; /* IMAGE_RECORD_MAX */
    struct image_head head;
    struct bytes body;
    bool have_state, have_vector, done;
    struct image_state state;
    uint8_t vector[4096];
    struct file **files;
    size_t file_count;
    struct image_run *runs;
    size_t run_count;
    uint64_t bytes; /* committed */
};

static int next_record(const struct image_source *from, struct incoming *in)
{
    size_t size = 0;
    os_unlock();
    int r = from->receive(from->where, in->record, IMAGE_RECORD_MAX, &size);
    os_lock();
    if (r != 0) {
        return r;
    }
    if (size < sizeof in->head || size > IMAGE_RECORD_MAX) {
        return -EINVAL;
    }
    memcpy(&in->head, in->record, sizeof in->head);
    in->body = BYTES(in->record + sizeof in->head, size - sizeof in->head);
    return 0;
}

static int take_state(struct incoming *in)
{
    if (in->have_state || in->body.size != sizeof in->state) {
        return -EINVAL;
    }
    memcpy(&in->state, in->body.data, sizeof in->state);
    in->have_state = true;
    return 0;
}

static int take_vector(struct incoming *in)
{
    if (in->have_vector || in->body.size != rt_xstate_size() || in->body.size > sizeof in->vector) {
        return -EINVAL;
    }
    memcpy(in->vector, in->body.data, in->body.size);
    in->have_vector = true;
    return 0;
}

static int take_file(struct incoming *in)
{
    struct bytes b = in->body;
    if (b.size == 0 || b.size > FS_PATH_MAX || b.data[b.size - 1] != '\0' ||
        in->file_count == FILES_MAX) {
        return -EINVAL;
    }
    if (in->files == NULL) {
        in->files = (struct file **)rt_alloc(FILES_MAX * sizeof(struct file *));
    }
    if (in->files == NULL) {
        return -ENOMEM;
    }
    struct file *f = NULL;
    const char *path = (const char *)b.data;
    int r = fs_open_path(path, false, &f);
    if (r != 0) { /* a program may be executed and not read */
        r = fs_open_path(path, true, &f);
    }
    if (r == 0 && !fs_is_measured(f)) {
        file_unref(f);
        r = -EINVAL;
    }
    if (r == 0) {
        in->files[in->file_count++] = f;
    }
    return r == -ENOMEM ? r : r != 0 ? -EINVAL : 0;
}

static int take_share(struct incoming *in)
{
    struct bytes b = in->body;
    struct share_told t;
    if (b.size <= sizeof t || b.size > sizeof t + FS_PATH_MAX || b.data[b.size - 1] != '\0' ||
        in->file_count == FILES_MAX) {
        return -EINVAL;
    }
    memcpy(&t, b.data, sizeof t);
    if (in->files == NULL) {
        in->files = (struct file **)rt_alloc(FILES_MAX * sizeof(struct file *));
    }
    if (in->files == NULL || t.id == 0) {
        return in->files == NULL ? -ENOMEM : -EINVAL;
    }
    int r = share_stand_in(&t, (const char *)b.data + sizeof t, false,
                           &in->files[in->file_count]);
    in->file_count += r == 0;
    return r;
}

/* ---- mappings and pages ---------------------------------------------------------------------- */

static int take_mapping(const struct incoming *in, const struct image_mapping *m)
{
    if ((m->file != IMAGE_NO_FILE && m->file >= in->file_count) || m->shared > 1 ||
        m->charged > 1 || m->lazy > 1 || m->foreign > 1 || m->wipe_on_fork > 1 || m->window > 1 ||
        m->kind > VMA_STACK) {
        return -EINVAL;
    }
    const struct vma v = {
        .start = m->start,
        .end = m->end,
        .prot = m->prot,
        .shared = m->shared != 0,
        .charged = m->charged != 0,
        .lazy = m->lazy != 0,
        .foreign = m->foreign != 0,
        .window = m->window != 0,
        .wipe_on_fork = m->wipe_on_fork != 0,
        .kind = (enum vma_kind)m->kind,
        .file = m->file == IMAGE_NO_FILE ? NULL : in->files[m->file],
        .offset = m->offset,
    };
    /* Files are measured, or stand-ins, which are for shared mappings. */
    if (v.window ? v.file == NULL || fs_is_measured(v.file) || !v.file->node->remote
                 : v.file != NULL && !fs_is_measured(v.file)) {
        return -EINVAL;
    }
    return mm_restore_mapping(&v);
}

static int take_mappings(const struct incoming *in)
{
    struct image_mapping m;
    if (in->body.size != in->head.count * sizeof m) {
        return -EINVAL;
    }
    int r = 0;
    for (size_t i = 0; r == 0 && i < in->head.count; i++) {
        memcpy(&m, in->body.data + i * sizeof m, sizeof m);
        r = take_mapping(in, &m);
    }
    return r;
}

/* What a page of a mapping may be: nothing that mmap and mprotect would not have made of it. */
static bool run_ok(const struct image_run *run)
{
    uint64_t at = run->start;
    uint8_t rights = run->state & PAGE_RIGHTS;
    bool text = (rights & SGX_SECINFO_X) != 0, pure = (run->state & PAGE_PURE) != 0;
    if (at % PAGE_SIZE != 0 || run->end % PAGE_SIZE != 0 || at >= run->end ||
        (run->state & ~(PAGE_RIGHTS | PAGE_FILE | PAGE_PURE)) != 0 || (text && !pure) ||
        ((rights & SGX_SECINFO_W) != 0 && (pure || text || (run->state & PAGE_FILE) != 0))) {
        return false;
    }
    while (at < run->end) {
        const struct vma *v = vma_of(at);
        if (v == NULL || v->foreign || v->window || (rights & ~mm_rights(v->prot)) != 0 ||
            (pure && (v->file == NULL || !fs_is_measured(v->file)))) {
            return false;
        }
        at = v->end;
    }
    return true;
}

/* Neighbours are committed together, whatever they are to become. */
static int commit_runs(struct incoming *in, size_t first)
{
    for (size_t i = first; i < in->run_count;) {
        uint64_t start = in->runs[i].start, end = in->runs[i].end;
        for (i++; i < in->run_count && in->runs[i].start == end; i++) {
            end = in->runs[i].end;
        }
        in->bytes += end - start;
        int r = in->bytes > mm_usage().limit ? -ENOMEM : pages_take(start, end, true, start, end);
        if (r != 0) {
            return -ENOMEM;
        }
    }
    return 0;
}

static int take_runs(struct incoming *in)
{
    size_t n = in->head.count, first = in->run_count;
    if (in->body.size != n * sizeof *in->runs) {
        return -EINVAL;
    }
    struct image_run *runs =
        (struct image_run *)rt_realloc(in->runs, (first + n + 1) * sizeof *runs);
    if (runs == NULL) {
        return -ENOMEM;
    }
    in->runs = runs;
    memcpy(runs + first, in->body.data, in->body.size);
    for (size_t i = first; i < first + n; i++) {
        if (!run_ok(&runs[i]) || (i > 0 && runs[i].start < runs[i - 1].end)) {
            return -EINVAL;
        }
    }
    in->run_count = first + n;
    return commit_runs(in, first);
}

static int take_pages(const struct incoming *in)
{
    uint64_t at = in->head.at, size = in->body.size, end;
    const uint8_t there = PAGE_COMMITTED | PAGE_DIRTY | PAGE_RW;
    if (size == 0 || size != in->head.count * PAGE_SIZE || at % PAGE_SIZE != 0 ||
        !add_ok(at, size, &end) || end > APP_END || !vma_covers(at, end) ||
        !pages_all(at, end, there)) {
        return -EINVAL;
    }
    memcpy(app_raw(app_at(at), size), in->body.data, size);
    return 0;
}

static int take_stubs(const struct incoming *in)
{
    uint64_t start, end;
    rewrite_made(&start, &end);
    if (in->body.size == 0 || in->body.size != in->head.count * PAGE_SIZE || in->head.at != end) {
        return -EINVAL;
    }
    return rewrite_restore(in->body.data, in->body.size);
}

/* ---- the end --------------------------------------------------------------------------------- */

static int protect_runs(const struct incoming *in)
{
    for (size_t i = 0; i < in->run_count; i++) {
        const struct image_run *run = &in->runs[i];
        if ((run->state & PAGE_RIGHTS) == PAGE_RW) {
            continue;
        }
        int r = pages_protect(run->start, run->end, run->state & PAGE_RIGHTS);
        if (r != 0) {
            return r;
        }
        pages_mark(run->start, run->end, run->state & (PAGE_FILE | PAGE_PURE));
    }
    return 0;
}

/* Pages that the program before left committed are no part of this one where it has none. */
static int release_gaps(const struct incoming *in)
{
    size_t next = 0;
    for (size_t i = 0; i < vma_count(); i++) {
        const struct vma *v = vma_at(i);
        uint64_t at = v->start;
        while (at < v->end) {
            while (next < in->run_count && in->runs[next].end <= at) {
                next++;
            }
            bool more = next < in->run_count && in->runs[next].start < v->end;
            uint64_t gap_end = more ? in->runs[next].start : v->end;
            int r = at < gap_end ? pages_release(at, gap_end) : 0;
            if (r != 0) {
                return r;
            }
            at = more ? in->runs[next].end : v->end;
        }
    }
    return 0;
}

static void begin_thread(const struct image_state *s, struct rt_frame *ret_frame)
{
    struct os_thread *t = os_self();
    t->blocked = s->blocked & ~(SIGNAL_BIT(9) | SIGNAL_BIT(19));
    t->restore_blocked = false;
    t->pending = 0;
    t->alt_stack = s->alt_stack;
    t->alt_stack_size = s->alt_stack_size;
    t->alt_stack_flags = (uint32_t)s->alt_stack_flags;
    t->affinity = s->affinity;
    t->robust_list = t->clear_child_tid = 0;
    memcpy(t->comm, s->comm, sizeof t->comm);
    t->comm[COMM_SIZE - 1] = '\0';
    rt_set_fsbase(s->fsbase);
    *ret_frame = s->frame;
    ret_frame->rflags = (s->frame.rflags & UINT64_C(0x40cd5)) | UINT64_C(0x202);
    ret_frame->flags = RT_FRAME_FULL;
}

static void begin_process(const struct image_state *s)
{
    struct process *p = os.process;
    memcpy(p->actions, s->actions, sizeof p->actions);
    memcpy(p->comm, os_self()->comm, sizeof p->comm);
    p->pending = 0;
    os.stack_start = s->stack_start;
    os.code_start = s->code_start;
    os.code_end = s->code_end;
    os.args_start = s->args_start;
    os.args_size = s->args_size;
    os.env_start = s->env_start;
    os.env_size = s->env_size;
    os.auxv_start = s->auxv_start;
    os.auxv_size = s->auxv_size;
}

static int finish(struct incoming *in, struct rt_frame *ret_frame)
{
    const struct image_state *s = &in->state;
    if (!in->have_state || !in->have_vector || in->body.size != 0 || s->fsbase >= ELRANGE_SIZE) {
        return -EINVAL;
    }
    int r = protect_runs(in);
    r = r != 0 ? r : release_gaps(in);
    r = r != 0 ? r : mm_restore_done(s->brk_start, s->brk);
    r = r != 0 ? r : rt_xstate_set(in->vector);
    if (r == 0) {
        begin_thread(s, ret_frame);
        begin_process(s);
        in->done = true;
    }
    return r;
}

static int take_record(struct incoming *in, struct rt_frame *ret_frame)
{
    if (!in->have_state && in->head.kind != IMAGE_STATE) {
        return -EINVAL;
    }
    switch (in->head.kind) {
    case IMAGE_STATE:
        return take_state(in);
    case IMAGE_VECTOR:
        return take_vector(in);
    case IMAGE_FILE:
        return take_file(in);
    case IMAGE_SHARE:
        return take_share(in);
    case IMAGE_MAPPINGS:
        return take_mappings(in);
    case IMAGE_RUNS:
        return take_runs(in);
    case IMAGE_PAGES:
        return take_pages(in);
    case IMAGE_STUBS:
        return take_stubs(in);
    case IMAGE_END:
        return finish(in, ret_frame);
    default:
        return -EINVAL;
    }
}

int image_receive(const struct image_source *from, struct rt_frame *ret_frame)
{
    struct incoming *in = (struct incoming *)rt_alloc(sizeof *in);
    if (in == NULL) {
        return -ENOMEM;
    }
    in->record = (uint8_t *)rt_alloc(IMAGE_RECORD_MAX);
    int r = in->record == NULL ? -ENOMEM : 0;
    while (r == 0 && !in->done) {
        r = next_record(from, in);
        r = r != 0 ? r : take_record(in, ret_frame);
    }
    for (size_t i = 0; i < in->file_count; i++) {
        file_unref(in->files[i]); /* the mappings have theirs */
    }
    if (in->record != NULL) {
        secure_zero(in->record, IMAGE_RECORD_MAX);
    }
    rt_free(in->record);
    rt_free(in->files);
    rt_free(in->runs);
    secure_zero(in, sizeof *in);
    rt_free(in);
    return r;
}
