/* SPDX-License-Identifier: Apache-2.0 */
/* See shm.h. Source: ipc/shm.c, shmget(2), shmop(2), shmctl(2).
 *
 * How often a segment is attached is counted by mappings of its first page: the owner's own are
 * looked at, those of members are told by their calls and their ends. */
#include "ipc/shm.h"

#include <errno.h>

#include "fs/vfs.h"
#include "ipc/ipc.h"
#include "mm/mm.h"
#include "mm/space.h"
#include "mm/vma.h"
#include "proc/call_client.h"
#include "proc/call_server.h"
#include "proc/member.h"
#include "proc/shares.h"

#define PAGE 4096u

#define SHM_HUGETLB 04000
#define SHM_RDONLY  010000
#define SHM_RND     020000
#define SHM_REMAP   040000
#define SHM_EXEC    0100000
#define SHM_DEST    01000u /* in a mode: goes with its last mapping */
#define SHM_LOCKED  02000u

enum { SHM_LOCK = 11, SHM_UNLOCK = 12, SHM_STAT = 13, SHM_INFO = 14, SHM_STAT_ANY = 15 };

/* asm-generic/shmbuf.h */
struct shmid64_ds {
    struct ipc_perm perm;
    uint64_t size;
    int64_t atime, dtime, ctime;
    int32_t cpid, lpid;
    uint64_t attached;
    uint64_t unused[2];
};
_Static_assert(sizeof(struct shmid64_ds) == 112, "asm-generic/shmbuf.h");

struct shminfo64 {
    uint64_t max, min, ids, segments, all, unused[4];
};
struct shm_info {
    int32_t ids, pad;
    uint64_t total, resident, swapped, attempts, successes;
};

struct segment {
    struct ipc_object object;
    struct dentry *dentry; /* its file */
    struct node *node;
    uint64_t size;
    int64_t atime, dtime, ctime;
    int32_t cpid, lpid;
};

static struct ipc_kind segments = {.max = SHM_SEGMENTS_MAX};

static struct segment *of(struct ipc_object *o)
{
    return (struct segment *)(void *)o;
}

/* ---- how often it is attached ---------------------------------------------------------------- */

static uint64_t mapped_here(const struct node *n)
{
    uint64_t count = 0;
    for (size_t i = 0; i < vma_count(); i++) {
        const struct vma *v = vma_at(i);
        count += v->file != NULL && v->file->node == n && v->offset == 0;
    }
    return count;
}

static uint64_t attached(const struct segment *s)
{
    return mapped_here(s->node) + shares_attached(s->node);
}

static bool sweep(struct segment *s)
{
    if ((s->object.perm.mode & SHM_DEST) == 0 || attached(s) != 0) {
        return false;
    }
    ipc_remove(&segments, &s->object);
    dentry_unref(s->dentry);
    node_unref(s->node);
    rt_free(s);
    return true;
}

void shm_left(const struct node *n, int pid)
{
    struct ipc_object *o = ipc_next(&segments, NULL);
    while (o != NULL && of(o)->node != n) {
        o = ipc_next(&segments, o);
    }
    if (o != NULL) {
        of(o)->dtime = fs_now().sec;
        of(o)->lpid = pid;
        sweep(of(o));
    }
}

/* The segment of that number, unless its time has come. */
static struct segment *find(int id)
{
    struct ipc_object *o = ipc_find(&segments, id);
    return o == NULL || sweep(of(o)) ? NULL : of(o);
}

/* ---- shmget ---------------------------------------------------------------------------------- */

static int64_t make(int32_t key, uint64_t size, int flags)
{
    char name[32];
    struct segment *s = (struct segment *)rt_alloc(sizeof *s);
    struct file *f = NULL;
    if ((flags & SHM_HUGETLB) != 0) {
        rt_free(s);
        return -EPERM;
    }
    base_format(name, sizeof name, "/SYSV%08x (deleted)", (uint32_t)key);
    int r = s == NULL                    ? -ENOMEM
            : size > os.manifest->memory ? -ENOMEM
                                         : share_new_memory(size, name, &f);
    if (r != 0) {
        rt_free(s);
        return r;
    }
    *s = (struct segment){.dentry = dentry_ref(f->dentry),
                          .node = node_ref(f->node),
                          .size = size,
                          .ctime = fs_now().sec,
                          .cpid = os_current()->pid};
    file_unref(f);
    r = ipc_add(&segments, &s->object, key, flags);
    if (r != 0) {
        dentry_unref(s->dentry);
        node_unref(s->node);
        rt_free(s);
        return r;
    }
    s->node->ino = (uint64_t)ipc_id(&s->object);
    s->node->segment = true;
    return ipc_id(&s->object);
}

int64_t sys_shmget(int key, uint64_t size, int flags)
{
    struct ipc_object *o;
    int r = ipc_get(&segments, key, flags, &o);
    if (r != 0) {
        return r;
    }
    if (o == NULL) {
        return size == 0 || size > INT64_MAX ? -EINVAL : make(key, size, flags);
    }
    return of(o)->size < size ? -EINVAL : ipc_id(o);
}

/* ---- shmat ----------------------------------------------------------------------------------- */

static int attach(int id, int flags, struct segment **ret)
{
    struct segment *s = find(id);
    const unsigned wanted = (flags & SHM_RDONLY) != 0 ? IPC_READ : IPC_READ | IPC_WRITE;
    if (s == NULL) {
        return -EINVAL;
    }
    *ret = s;
    return ipc_may(&s->object.perm, wanted);
}

static void note_attached(struct segment *s)
{
    s->atime = fs_now().sec;
    s->lpid = os_current()->pid;
}

/* A description of the segment's file, here or in the owner. */
static int open_segment(int id, int flags, struct file **ret)
{
    const int how = (flags & SHM_RDONLY) != 0 ? O_RDONLY : O_RDWR;
    if (os_is_member()) {
        const int32_t in[2] = {id, flags};
        return share_attach(BYTES_OF(in), how == O_RDWR, ret);
    }
    struct segment *s;
    int r = attach(id, flags, &s);
    if (r != 0) {
        return r;
    }
    *ret = file_new(s->node->ops->file_ops, s->dentry, s->node, how);
    if (*ret == NULL) {
        return -ENOMEM;
    }
    note_attached(s);
    return 0;
}

static int place(uint64_t *addr, int flags)
{
    if (*addr == 0) {
        return (flags & SHM_REMAP) != 0 ? -EINVAL : 0;
    }
    if (*addr % PAGE != 0) {
        if ((flags & SHM_RND) == 0) {
            return -EINVAL;
        }
        *addr -= *addr % PAGE;
    }
    return 0;
}

static int64_t attach_at(int id, uint64_t addr, int flags)
{
    const uint32_t prot = OS_PROT_READ | ((flags & SHM_RDONLY) != 0 ? 0 : OS_PROT_WRITE) |
                          ((flags & SHM_EXEC) != 0 ? OS_PROT_EXEC : 0);
    struct file *f = NULL;
    int64_t r = id < 0 ? -EINVAL : place(&addr, flags);
    r = r != 0 ? r : open_segment(id, flags, &f);
    if (r != 0) {
        return r;
    }
    const uint64_t size = f->node->size;
    uint64_t end;
    if (addr != 0 && (flags & SHM_REMAP) == 0 && add_ok(addr, size, &end) &&
        !vma_free_range(addr, end)) {
        r = -EINVAL;
    } else {
        r = mm_map(addr, size, prot, OS_MAP_SHARED | (addr != 0 ? OS_MAP_FIXED : 0), f, 0);
    }
    struct node *n = node_ref(f->node);
    file_unref(f);
    if (r < 0 && os_is_member()) {
        share_detached(n, mapped_here(n));
    }
    node_unref(n);
    return r;
}

int64_t sys_shmat(int id, uint64_t addr, int flags)
{
    int r = mm_begin_change();
    return r != 0 ? r : mm_end_change(attach_at(id, addr, flags));
}

int64_t remote_serve_shm_attach(struct call_server *s, struct bytes in, struct writer *out)
{
    int32_t q[2]; /* number, flags */
    struct segment *found;
    char path[64];
    if (in.size != sizeof q) {
        return -EINVAL;
    }
    memcpy(q, in.data, sizeof q);
    int r = attach(q[0], q[1], &found);
    r = r != 0 ? r : shares_attach(member_of_server(s)->process, found->node);
    if (r != 0) {
        return r;
    }
    note_attached(found);
    const struct share_told t = {
        .id = found->node->share, .size = found->node->size, .ino = found->node->ino, .segment = 1};
    const size_t size =
        base_format(path, sizeof path, "/SYSV%08x (deleted)", (uint32_t)found->object.perm.key);
    writer_put(out, BYTES_OF(t));
    writer_put(out, BYTES(path, size));
    return 0;
}

/* ---- shmdt ----------------------------------------------------------------------------------- */

static void note_detached(struct node *n)
{
    for (struct ipc_object *o = NULL; (o = ipc_next(&segments, o)) != NULL;) {
        if (of(o)->node == n) {
            of(o)->dtime = fs_now().sec;
            of(o)->lpid = os_current()->pid;
            sweep(of(o));
            return;
        }
    }
}

/* All that is mapped of the segment as it was attached at addr. */
static int unmap_all(uint64_t addr, const struct node *n)
{
    int64_t r = 0;
    const uint64_t last = addr + n->size;
    for (uint64_t at = addr; r == 0 && at < last;) {
        const size_t i = vma_find(at);
        if (i >= vma_count() || vma_at(i)->start >= last) {
            break;
        }
        const struct vma v = *vma_at(i);
        at = v.end;
        if (v.file != NULL && v.file->node == n && v.start - addr == v.offset) {
            r = sys_munmap(v.start, v.end - v.start);
        }
    }
    return (int)r;
}

int64_t sys_shmdt(uint64_t addr)
{
    const struct vma *v = addr % PAGE == 0 ? vma_of(addr) : NULL;
    if (v == NULL || v->start != addr || v->file == NULL || !v->file->node->segment ||
        v->offset != 0) {
        return -EINVAL;
    }
    struct node *n = node_ref(v->file->node);
    int r = unmap_all(addr, n);
    if (r == 0 && os_is_member()) {
        share_detached(n, mapped_here(n));
    } else if (r == 0) {
        note_detached(n);
    }
    node_unref(n);
    return r;
}

int64_t remote_serve_shm_detach(struct call_server *s, struct bytes in, struct writer *out)
{
    struct process *p = member_of_server(s)->process;
    uint64_t q[2]; /* share, how often it is attached now */
    (void)out;
    if (in.size != sizeof q) {
        return -EINVAL;
    }
    memcpy(q, in.data, sizeof q);
    struct node *n = shares_node(p, q[0]);
    if (n == NULL || !n->segment) {
        return -EINVAL;
    }
    node_ref(n);
    shares_detach(p, n, q[1]);
    note_detached(n);
    node_unref(n);
    return 0;
}

/* ---- shmctl ---------------------------------------------------------------------------------- */

static int64_t stat(struct segment *s, int command, app_ptr buffer)
{
    int r = command == SHM_STAT_ANY ? 0 : ipc_may(&s->object.perm, IPC_READ);
    if (r != 0) {
        return r;
    }
    const struct shmid64_ds d = {.perm = s->object.perm,
                                 .size = s->size,
                                 .atime = s->atime,
                                 .dtime = s->dtime,
                                 .ctime = s->ctime,
                                 .cpid = s->cpid,
                                 .lpid = s->lpid,
                                 .attached = attached(s)};
    r = copy_to_app(buffer, &d, sizeof d);
    return r != 0 ? r : command == IPC_STAT_ ? 0 : ipc_id(&s->object);
}

static int64_t set(struct segment *s, app_ptr buffer)
{
    struct shmid64_ds d;
    int r = copy_from_app(&d, buffer, sizeof d);
    r = r != 0 ? r : ipc_owns(&s->object.perm);
    if (r == 0) {
        ipc_set(&s->object.perm, &d.perm);
        s->ctime = fs_now().sec;
    }
    return r;
}

static int64_t tell_limits(app_ptr buffer)
{
    const struct shminfo64 i = {.max = os.manifest->memory,
                                .min = 1,
                                .ids = SHM_SEGMENTS_MAX,
                                .segments = SHM_SEGMENTS_MAX,
                                .all = os.manifest->memory / PAGE};
    const int r = copy_to_app(buffer, &i, sizeof i);
    return r != 0 ? r : ipc_top(&segments);
}

static int64_t tell_use(app_ptr buffer)
{
    struct shm_info i = {0};
    for (struct ipc_object *o = NULL; (o = ipc_next(&segments, o)) != NULL;) {
        i.ids++;
        i.total += of(o)->node->size / PAGE;
        i.resident += of(o)->node->blocks * 512 / PAGE;
    }
    const int r = copy_to_app(buffer, &i, sizeof i);
    return r != 0 ? r : ipc_top(&segments);
}

static int64_t lock(struct segment *s, bool lock)
{
    const int r = ipc_owns(&s->object.perm);
    if (r == 0) { /* told, and without effect, as mlock is */
        s->object.perm.mode = (s->object.perm.mode & ~SHM_LOCKED) | (lock ? SHM_LOCKED : 0);
    }
    return r;
}

static int64_t mark_removed(struct segment *s)
{
    const int r = ipc_owns(&s->object.perm);
    if (r == 0) {
        s->object.perm.mode |= SHM_DEST;
        s->object.perm.key = 0;
        sweep(s);
    }
    return r;
}

int64_t sys_shmctl(int id, int command, app_ptr buffer)
{
    if (command == IPC_INFO_ || command == SHM_INFO) {
        return command == IPC_INFO_ ? tell_limits(buffer) : tell_use(buffer);
    }
    const struct ipc_object *o =
        command == SHM_STAT || command == SHM_STAT_ANY ? ipc_at(&segments, id) : NULL;
    struct segment *s = find(o != NULL ? ipc_id(o) : id);
    if (command < 0 || id < 0 || s == NULL) {
        return -EINVAL;
    }
    switch (command) {
    case IPC_RMID_:
        return mark_removed(s);
    case IPC_SET_:
        return set(s, buffer);
    case IPC_STAT_:
    case SHM_STAT:
    case SHM_STAT_ANY:
        return stat(s, command, buffer);
    case SHM_LOCK:
    case SHM_UNLOCK:
        return lock(s, command == SHM_LOCK);
    default:
        return -EINVAL;
    }
}

/* ---- /proc ----------------------------------------------------------------------------------- */

uint64_t shm_memory_max(void)
{
    return os.manifest->memory;
}

void shm_text(struct fs_text *t)
{
    fs_printf(t, "       key      shmid perms                  size  cpid  lpid nattch   uid   gid"
                 "  cuid  cgid      atime      dtime      ctime                   rss"
                 "                  swap\n");
    for (struct ipc_object *o = NULL; (o = ipc_next(&segments, o)) != NULL;) {
        const struct segment *s = of(o);
        ipc_text_head(t, o);
        fs_printf(t, " %21llu %5u %5u  %5llu", (unsigned long long)s->size, (unsigned)s->cpid,
                  (unsigned)s->lpid, (unsigned long long)attached(s));
        ipc_text_owners(t, o);
        fs_printf(t, " %10lld %10lld %10lld %21llu %21u\n", (long long)s->atime,
                  (long long)s->dtime, (long long)s->ctime,
                  (unsigned long long)s->node->blocks * 512, 0u);
    }
}
