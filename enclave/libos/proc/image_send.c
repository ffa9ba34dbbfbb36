/* SPDX-License-Identifier: Apache-2.0 */
/* A process's image on its way out. What a list of mappings and the record of pages say was looked
 * at under the lock and stands still until the end (the caller saw to that); contents are read in
 * place, without the lock. Pages that hold only zeros are not sent, text and stubs are: reading them
 * from a layer again, hashing and rewriting them costs more than the cipher does.
 *
 * The adversary: the workload's other threads, which are held, or inside calls that may still write
 * to its memory: a page may change while it is sent, as on Linux while fork copies it. */
#include <errno.h>

#include "fs/vfs.h"
#include "image_format.h"
#include "exec/rewrite.h"

struct outgoing {
    const struct image_sink *to;
    struct image_mapping *mappings;
    size_t mapping_count;
    struct image_run *runs;
    size_t run_count, run_capacity;
    struct file **files;
    size_t file_count;
};

/* With the lock held, which is given up meanwhile. */
static int send(const struct outgoing *o, enum image_kind kind, uint32_t count, uint64_t at,
                struct bytes body)
{
    const struct image_head h = {.kind = kind, .count = count, .at = at};
    os_unlock();
    int r = o->to->send(o->to->where, BYTES_OF(h), body);
    os_lock();
    return r;
}

static int send_state(const struct outgoing *o, const struct rt_frame *frame)
{
    const struct os_thread *t = os_self();
    const struct process *p = os_current(); /* it may be the child of a vfork */
    struct image_state s = {
        .frame = *frame,
        .fsbase = rt_get_fsbase(),
        .blocked = t->restore_blocked ? t->saved_blocked : t->blocked,
        .alt_stack = t->alt_stack,
        .alt_stack_size = t->alt_stack_size,
        .alt_stack_flags = t->alt_stack_flags,
        .affinity = t->affinity,
        .stack_start = os.stack_start,
        .code_start = os.code_start,
        .code_end = os.code_end,
        .args_start = os.args_start,
        .args_size = os.args_size,
        .env_start = os.env_start,
        .env_size = os.env_size,
        .auxv_start = os.auxv_start,
        .auxv_size = os.auxv_size,
    };
    mm_brk(&s.brk_start, &s.brk);
    memcpy(s.actions, p->actions, sizeof s.actions);
    memcpy(s.comm, t->comm, sizeof s.comm);
    return send(o, IMAGE_STATE, 1, 0, BYTES_OF(s));
}

static int send_vector_state(const struct outgoing *o)
{
    uint8_t area[4096];
    REQUIRE(rt_xstate_size() <= sizeof area);
    rt_xstate_get(area);
    int r = send(o, IMAGE_VECTOR, 1, 0, BYTES(area, rt_xstate_size()));
    secure_zero(area, sizeof area);
    return r;
}

/* ---- mappings -------------------------------------------------------------------------------- */

static uint32_t number_of(struct outgoing *o, struct file *f)
{
    for (size_t i = o->file_count; i > 0; i--) { /* a library's mappings follow each other */
        if (o->files[i - 1] == f) {
            return (uint32_t)(i - 1);
        }
    }
    o->files[o->file_count] = f;
    return (uint32_t)o->file_count++;
}

/* Private mappings of files that are no layer's become anonymous ones with what is in them; what is
 * shared and can change stays here. */
static void add_mapping(struct outgoing *o, const struct vma *v)
{
    bool same_file = v->file != NULL && fs_is_measured(v->file);
    bool window = v->window && v->file->node->share != 0;
    bool foreign = v->foreign || (!window && (v->window || (v->shared && !same_file)));
    if (v->dont_fork) {
        return;
    }
    o->mappings[o->mapping_count++] = (struct image_mapping){
        .start = v->start,
        .end = v->end,
        .offset = same_file || window ? v->offset : 0,
        .file = same_file || window ? number_of(o, v->file) : IMAGE_NO_FILE,
        .prot = v->prot,
        .shared = v->shared,
        .charged = v->charged,
        .lazy = v->lazy || foreign,
        .foreign = foreign,
        .window = window,
        .wipe_on_fork = v->wipe_on_fork,
        .kind = (uint8_t)v->kind,
    };
}

static int send_share(const struct outgoing *o, struct file *f, struct bytes path)
{
    uint8_t body[sizeof(struct share_told) + FS_PATH_MAX];
    const struct share_told t = {.id = f->node->share,
                                 .size = f->node->size,
                                 .ino = f->node->ino,
                                 .may_write = fs_may_write(f),
                                 .segment = f->node->segment};
    memcpy(body, &t, sizeof t);
    memcpy(body + sizeof t, path.data, path.size);
    return send(o, IMAGE_SHARE, 1, 0, BYTES(body, sizeof t + path.size));
}

static int send_files(const struct outgoing *o)
{
    char path[FS_PATH_MAX];
    int r = 0;
    for (size_t i = 0; r == 0 && i < o->file_count; i++) {
        size_t n = fs_file_path(o->files[i], path, sizeof path);
        if (!fs_is_measured(o->files[i])) {
            r = send_share(o, o->files[i], BYTES(path, n + 1));
            continue;
        }
        r = send(o, IMAGE_FILE, 1, 0, BYTES(path, n + 1));
    }
    return r;
}

/* An array in as many records as it takes. */
static int send_array(const struct outgoing *o, enum image_kind kind, const void *items,
                      size_t count, size_t size)
{
    size_t most = IMAGE_BODY_MAX / size;
    int r = 0;
    for (size_t i = 0; r == 0 && i < count; i += most) {
        size_t n = count - i < most ? count - i : most;
        r = send(o, kind, (uint32_t)n, 0, BYTES((const uint8_t *)items + i * size, n * size));
    }
    return r;
}

/* ---- pages ----------------------------------------------------------------------------------- */

static int add_run(struct outgoing *o, uint64_t start, uint64_t end, uint8_t state)
{
    if (o->run_count == o->run_capacity) {
        size_t capacity = o->run_capacity * 2 + 256;
        struct image_run *runs = (struct image_run *)rt_realloc(o->runs, capacity * sizeof *runs);
        if (runs == NULL) {
            return -ENOMEM;
        }
        o->runs = runs;
        o->run_capacity = capacity;
    }
    o->runs[o->run_count++] = (struct image_run){.start = start, .end = end, .state = state};
    return 0;
}

/* What wipe_on_fork takes away is zeros in the child: committed, and not sent. */
static int find_runs(struct outgoing *o)
{
    const uint8_t kept = PAGE_RIGHTS | PAGE_FILE | PAGE_PURE;
    for (size_t i = 0; i < o->mapping_count; i++) {
        const struct image_mapping *m = &o->mappings[i];
        for (uint64_t a = m->start; !m->foreign && !m->window && a < m->end;) {
            uint8_t state;
            uint64_t next = pages_run(a, m->end, kept | PAGE_COMMITTED, &state);
            int r = (state & PAGE_COMMITTED) != 0 ? add_run(o, a, next, state & kept) : 0;
            if (r != 0) {
                return r;
            }
            a = next;
        }
    }
    return 0;
}

/* Pages that can be read. Without the lock. */
static int send_readable(const struct outgoing *o, uint64_t start, uint64_t end)
{
    int r = 0;
    for (uint64_t a = start; r == 0 && a < end;) {
        if (pages_is_zero(a)) {
            a += PAGE_SIZE;
            continue;
        }
        uint64_t last = a + PAGE_SIZE;
        while (last < end && last - a < IMAGE_BODY_MAX && !pages_is_zero(last)) {
            last += PAGE_SIZE;
        }
        const struct image_head h = {
            .kind = IMAGE_PAGES, .count = (uint32_t)((last - a) / PAGE_SIZE), .at = a};
        r = o->to->send(o->to->where, BYTES_OF(h), BYTES(app_raw(app_at(a), last - a), last - a));
        a = last;
    }
    return r;
}

static int send_run(const struct outgoing *o, const struct image_run *run)
{
    uint8_t rights = run->state & PAGE_RIGHTS;
    const struct vma *v = vma_of(run->start);
    if (v == NULL || v->wipe_on_fork) {
        return 0;
    }
    bool readable = (rights & SGX_SECINFO_R) != 0;
    int r = readable ? 0 : pages_protect(run->start, run->end, (uint8_t)SGX_SECINFO_R);
    if (r != 0) {
        return r;
    }
    os_unlock();
    r = send_readable(o, run->start, run->end);
    os_lock();
    if (!readable && pages_protect(run->start, run->end, rights) != 0) {
        rt_fatal("the host did not change the rights of a page");
    }
    return r;
}

static int send_stubs(const struct outgoing *o)
{
    uint64_t at, end;
    int r = 0;
    rewrite_made(&at, &end);
    while (r == 0 && at < end) {
        uint64_t n = end - at < IMAGE_BODY_MAX ? end - at : IMAGE_BODY_MAX;
        r = send(o, IMAGE_STUBS, (uint32_t)(n / PAGE_SIZE), at, BYTES(app_raw(app_at(at), n), n));
        at += n;
    }
    return r;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static int send_all(struct outgoing *o, const struct rt_frame *frame)
{
    for (size_t i = 0; i < vma_count(); i++) {
        add_mapping(o, vma_at(i));
    }
    int r = find_runs(o);
    r = r != 0 ? r : send_state(o, frame);
    r = r != 0 ? r : send_vector_state(o);
    r = r != 0 ? r : send_files(o);
    r = r != 0 ? r
               : send_array(o, IMAGE_MAPPINGS, o->mappings, o->mapping_count, sizeof *o->mappings);
    r = r != 0 ? r : send_array(o, IMAGE_RUNS, o->runs, o->run_count, sizeof *o->runs);
    for (size_t i = 0; r == 0 && i < o->run_count; i++) {
        r = send_run(o, &o->runs[i]);
    }
    r = r != 0 ? r : send_stubs(o);
    return r != 0 ? r : send(o, IMAGE_END, 0, 0, BYTES(NULL, 0));
}

int image_send(const struct image_sink *to, const struct rt_frame *frame)
{
    struct outgoing o = {.to = to};
    size_t count = vma_count() + 1;
    o.mappings = (struct image_mapping *)rt_alloc(count * sizeof *o.mappings);
    o.files = (struct file **)rt_alloc(count * sizeof(struct file *));
    int r = o.mappings == NULL || o.files == NULL ? -ENOMEM : send_all(&o, frame);
    rt_free(o.mappings);
    rt_free(o.files);
    rt_free(o.runs);
    return r;
}
