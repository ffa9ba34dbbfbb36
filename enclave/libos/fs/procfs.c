/* SPDX-License-Identifier: Apache-2.0 */
/* /proc and /sys, as far as what they tell is known to be true inside the enclave. What is not (the
 * host's load, its disks, its other processes) does not exist here: programs then take the way that
 * they have for systems without it. Tables below are the directories; the texts are in
 * procfs_text.c. */
#include "procfs.h"

struct proc_node {
    struct node node;
    const struct proc_entry *entry;
    int id;     /* thread or descriptor */
    int pid;    /* whose directory it is in; 0: none's */
    char *link; /* text of a link, made when read */
};

static struct fs proc_fs, sys_fs;
static const struct node_ops dir_ops, moving_dir_ops, file_ops_node, link_ops, jump_ops;

static struct proc_node *of(struct node *n)
{
    return (struct proc_node *)(void *)n;
}

static struct node *make(struct fs *fs, const struct proc_entry *entry, int id, int pid)
{
    struct proc_node *p = rt_alloc(sizeof *p);
    if (p == NULL) {
        return NULL;
    }
    struct fs_time now = fs_now();
    struct node *n = &p->node;
    *n = (struct node){.fs = fs,
                       .refs = 1,
                       .nlink = 1,
                       .ino = ++fs->next_ino,
                       .atime = now,
                       .mtime = now,
                       .ctime = now,
                       .uid = entry->own ? fs_uid() : 0,
                       .gid = entry->own ? fs_gid() : 0};
    p->entry = entry;
    p->id = id;
    p->pid = pid;
    switch (entry->kind) {
    case PROC_DIR:
    case PROC_DIR_CPU:
        n->mode = S_IFDIR | 0555;
        n->nlink = 2;
        n->ops = id != 0 || pid != 0 || entry->process != NULL ? &moving_dir_ops : &dir_ops;
        break;
    case PROC_DIR_FD:
    case PROC_DIR_FDINFO:
    case PROC_DIR_TASK:
        n->mode = S_IFDIR | (entry->kind == PROC_DIR_TASK ? 0555 : 0500);
        n->nlink = 2;
        n->ops = &moving_dir_ops;
        break;
    case PROC_FILE:
        n->mode = S_IFREG | (entry->write != NULL ? 0644u : entry->own_only ? 0400u : 0444u);
        n->ops = &file_ops_node;
        break;
    case PROC_LINK:
        n->mode = S_IFLNK | 0777;
        n->ops = entry->jump != NULL ? &jump_ops : &link_ops;
        n->size = entry->jump != NULL ? 64 : 0;
        break;
    }
    return n;
}

static void proc_destroy(struct node *n)
{
    rt_free(of(n)->link);
    rt_free(n);
}

/* ---- directories
 * ------------------------------------------------------------------------------------- */

/* Decimal without sign or leading zeros. */
static bool number_of(struct bytes name, int *ret)
{
    int v = 0;
    if (name.size == 0 || name.size > 9 || (name.data[0] == '0' && name.size > 1)) {
        return false;
    }
    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] < '0' || name.data[i] > '9') {
            return false;
        }
        v = v * 10 + (name.data[i] - '0');
    }
    *ret = v;
    return true;
}

static size_t threads_of(int pid, int *ret_tids, size_t max)
{
    return pid == proc_pid() ? os_thread_ids(ret_tids, max) : os_thread_ids_of(pid, ret_tids, max);
}

/* 0 or -ENOENT; -EFAULT as os_thread_ids() tells it. */
static int find_thread(int pid, int tid)
{
    int tids[THREADS_MAX];
    size_t n = threads_of(pid, tids, ARRAY_SIZE(tids));
    for (size_t i = 0; i < n && i < ARRAY_SIZE(tids); i++) {
        if (tids[i] == tid) {
            return 0;
        }
    }
    return n == 0 ? -EFAULT : -ENOENT;
}

static const struct fd_table *table_of(int pid)
{
    const struct fs_context *c = os_fs_of(pid);
    return c != NULL ? c->fds : NULL;
}

static int find_descriptor(int pid, int fd)
{
    const struct fd_table *t = table_of(pid);
    return t != NULL && fd_table_get(t, fd) != NULL ? 0 : -ENOENT;
}

static const struct proc_entry *entry_named(const struct proc_entry *dir, struct bytes name)
{
    for (size_t i = 0; i < dir->count; i++) {
        if (bytes_equal_str(name, dir->entries[i].name)) {
            return &dir->entries[i];
        }
    }
    return NULL;
}

/* "cpu3" */
static bool processor_of(struct bytes name, int *ret)
{
    return name.size > 3 && memcmp(name.data, "cpu", 3) == 0 &&
           number_of(BYTES(name.data + 3, name.size - 3), ret) && (unsigned)*ret < os_cpu_count();
}

static int proc_lookup(struct node *node, struct bytes name, struct node **ret)
{
    const struct proc_entry *dir = of(node)->entry;
    const struct proc_entry *found = NULL;
    int id = of(node)->id, pid = of(node)->pid, number;
    if (dir->kind == PROC_DIR_CPU) {
        found = entry_named(dir, name);
        found = found == NULL && processor_of(name, &id) ? dir->each : found;
    } else if (dir->kind == PROC_DIR) {
        found = entry_named(dir, name);
        if (found == NULL && dir->process != NULL && number_of(name, &number) &&
            os_fs_of(number) != NULL) {
            found = dir->process;
            pid = number;
        }
    } else if (number_of(name, &id)) {
        int err = dir->kind == PROC_DIR_TASK ? find_thread(pid, id) : find_descriptor(pid, id);
        if (err != 0) {
            return err;
        }
        found = dir->entries;
    }
    if (found == NULL) {
        return -ENOENT;
    }
    *ret = make(node->fs, found, id, pid);
    return *ret != NULL ? 0 : -ENOMEM;
}

static int add_number(struct listing *l, int number, unsigned type)
{
    char name[16];
    size_t n = base_format(name, sizeof name, "%d", number);
    return listing_add(l, BYTES(name, n), (uint64_t)number + 1, type);
}

static int add_processors(struct listing *l)
{
    int err = 0;
    for (unsigned i = 0; i < os_cpu_count() && err == 0; i++) {
        char name[16];
        size_t n = base_format(name, sizeof name, "cpu%u", i);
        err = listing_add(l, BYTES(name, n), 1000 + i, DT_DIR);
    }
    return err;
}

static int proc_list(struct node *node, struct listing *l)
{
    const struct proc_entry *dir = of(node)->entry;
    int err = 0, pid = of(node)->pid;
    switch (dir->kind) {
    case PROC_DIR:
    case PROC_DIR_CPU:
        err = dir->kind == PROC_DIR_CPU ? add_processors(l) : 0;
        for (size_t i = 0; i < dir->count && err == 0; i++) {
            const struct proc_entry *e = &dir->entries[i];
            unsigned type = e->kind == PROC_FILE ? DT_REG : e->kind == PROC_LINK ? DT_LNK : DT_DIR;
            err = listing_add(l, BYTES(e->name, strlen(e->name)), i + 1, type);
        }
        for (int each = os_next_pid(0); dir->process != NULL && each != 0 && err == 0;
             each = os_next_pid(each)) {
            err = add_number(l, each, DT_DIR);
        }
        break;
    case PROC_DIR_FD:
    case PROC_DIR_FDINFO:
        for (int fd = fd_table_next(table_of(pid), 0); fd >= 0 && err == 0;
             fd = fd_table_next(table_of(pid), fd + 1)) {
            err = add_number(l, fd, dir->kind == PROC_DIR_FD ? DT_LNK : DT_REG);
        }
        break;
    case PROC_DIR_TASK: {
        int tids[THREADS_MAX];
        size_t n = threads_of(pid, tids, ARRAY_SIZE(tids));
        err = n == 0 ? -EFAULT : 0;
        for (size_t i = 0; i < n && i < ARRAY_SIZE(tids) && err == 0; i++) {
            err = add_number(l, tids[i], DT_DIR);
        }
        break;
    }
    case PROC_FILE:
    case PROC_LINK:
        break;
    }
    return err;
}

/* ---- files
 * --------------------------------------------------------------------------------------------- */

static int make_text(const struct proc_node *p, struct fs_text *t)
{
    unsigned which = proc_own_text(p->entry);
    bool other = p->pid != 0 && p->pid != proc_pid();
    int r = which == 0 ? 0
            : other    ? os_text_of(p->pid, which, p->id, t)
                       : os_text_elsewhere(which, p->id, t);
    proc_view(p->pid);
    if (other && proc_files() == NULL) {
        return -ESRCH;
    }
    if (r == 0) {
        t->size = 0;
        p->entry->text(t, p->id);
    } else if (r > 0) {
        proc_put_right(p->entry, t);
    }
    return r;
}

/* The text is made when it is first read, and again after a read from its start. */
static int64_t text_read(struct file *f, struct iter *to, uint64_t *pos)
{
    struct fs_text *t = f->state;
    if (t == NULL) {
        t = rt_alloc(sizeof *t);
        if (t == NULL) {
            return -ENOMEM;
        }
        f->state = t;
    }
    if (*pos == 0 || t->data == NULL) {
        t->size = 0;
        t->failed = false;
        int elsewhere = make_text(of(f->node), t);
        if (elsewhere < 0) {
            return elsewhere;
        }
    }
    if (t->failed) {
        return -ENOMEM;
    }
    if (*pos >= t->size) {
        return 0;
    }
    size_t n = to->left < t->size - *pos ? (size_t)to->left : t->size - (size_t)*pos;
    int err = iter_put(to, t->data + *pos, n);
    if (err != 0) {
        return err;
    }
    *pos += n;
    return (int64_t)n;
}

static int64_t text_write(struct file *f, struct iter *from, uint64_t *pos)
{
    char text[64];
    const struct proc_entry *e = of(f->node)->entry;
    const int pid = of(f->node)->pid;
    if (e->write == NULL || (pid != 0 && pid != proc_pid())) {
        return -EINVAL;
    }
    size_t n = from->left < sizeof text - 1 ? (size_t)from->left : sizeof text - 1;
    int64_t all = (int64_t)from->left;
    int err = iter_get(from, text, n);
    text[n] = 0;
    if (err == 0) {
        err = e->write(text, n);
    }
    *pos += err == 0 ? (uint64_t)all : 0;
    return err != 0 ? err : all;
}

static void text_release(struct file *f)
{
    text_free(f->state);
}

/* ---- links
 * --------------------------------------------------------------------------------------------- */

static int link_read(struct node *node, struct bytes *ret)
{
    struct proc_node *p = of(node);
    if (p->link == NULL) {
        p->link = rt_alloc(FS_PATH_MAX);
        if (p->link == NULL) {
            return -ENOMEM;
        }
    }
    const struct proc_entry *e = p->entry;
    size_t n;
    if (e->jump != NULL) {
        struct dentry *d;
        proc_view(p->pid);
        int err = e->jump(p->id, &d);
        if (err != 0) {
            return err;
        }
        n = dentry_path(d, p->link, FS_PATH_MAX);
        dentry_unref(d);
    } else {
        n = e->link(p->link, FS_PATH_MAX);
    }
    *ret = BYTES(p->link, n);
    return 0;
}

static int link_follow(struct node *node, struct dentry **ret)
{
    proc_view(of(node)->pid);
    return of(node)->entry->jump(of(node)->id, ret);
}

static const struct file_ops directory_ops = {.seekable = true};
static const struct file_ops text_ops = {
    .seekable = true, .read = text_read, .write = text_write, .release = text_release};
static const struct node_ops dir_ops = {
    .lookup = proc_lookup, .list = proc_list, .destroy = proc_destroy, .file_ops = &directory_ops};
static const struct node_ops moving_dir_ops = {.lookup = proc_lookup,
                                               .list = proc_list,
                                               .volatile_names = true,
                                               .destroy = proc_destroy,
                                               .file_ops = &directory_ops};
static int no_truncate(struct node *n, uint64_t size)
{
    (void)n, (void)size;
    return 0; /* O_TRUNC before a write; there is nothing to cut */
}
static const struct node_ops file_ops_node = {
    .truncate = no_truncate, .destroy = proc_destroy, .file_ops = &text_ops};
static const struct node_ops link_ops = {
    .readlink = link_read, .destroy = proc_destroy, .file_ops = &directory_ops};
static const struct node_ops jump_ops = {.readlink = link_read,
                                         .follow = link_follow,
                                         .destroy = proc_destroy,
                                         .file_ops = &directory_ops};

int fs_process_of_directory(const struct file *f)
{
    const bool moving = f->node->ops == &moving_dir_ops;
    return moving && of(f->node)->entry == proc_root.process ? of(f->node)->pid : 0;
}

static int mount_one(struct bytes path, struct fs *fs, const struct proc_entry *root)
{
    struct node *n = make(fs, root, 0, 0);
    int err = n == NULL ? -ENOMEM : mount_at(path, n, "ro");
    node_unref(n);
    return err;
}

int proc_start(const struct manifest *m)
{
    (void)m;
    proc_fs = (struct fs){.magic = PROC_SUPER_MAGIC, .minor = fs_new_minor(), .type = "proc"};
    sys_fs = (struct fs){
        .magic = SYSFS_MAGIC, .minor = fs_new_minor(), .read_only = true, .type = "sysfs"};
    int err = mount_one(BYTES_STR("/proc"), &proc_fs, &proc_root);
    return err != 0 ? err : mount_one(BYTES_STR("/sys"), &sys_fs, &sys_root);
}
