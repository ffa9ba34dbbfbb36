/* SPDX-License-Identifier: Apache-2.0 */
/* Record locks: those of a process (F_SETLK), which never conflict with each other, and those of
 * open file descriptions (F_OFD_SETLK), which conflict with everybody else's. Advisory: nobody is
 * kept from reading or writing. As on Linux, a process is known by its descriptor table.
 *
 * The adversary: the workload chooses ranges; their number per file is bounded. */
#include "vfs.h"

#define LOCKS_MAX 1024u /* of one file */

struct record_lock {
    struct record_lock *next;
    const void *owner; /* struct file or struct fd_table */
    int pid;           /* who took it; -1: a description */
    uint64_t first, last;
    bool write;
};

static const void *owner_of(const struct file *f, bool description)
{
    return description ? (const void *)f : os_fs()->fds;
}

/* The bytes that the workload's record means. Source: fs/locks.c, flock64_to_posix_lock(). */
static int range_of(const struct file *f, const struct flock *l, uint64_t *ret_first,
                    uint64_t *ret_last)
{
    int64_t base = l->l_whence == SEEK_SET   ? 0
                   : l->l_whence == SEEK_CUR ? (int64_t)f->pos
                                             : (int64_t)f->node->size;
    int64_t start, end;
    if (l->l_whence != SEEK_SET && l->l_whence != SEEK_CUR && l->l_whence != SEEK_END) {
        return -EINVAL;
    }
    if (__builtin_add_overflow(base, l->l_start, &start)) {
        return -EOVERFLOW;
    }
    if (start < 0) {
        return -EINVAL;
    }
    if (l->l_len > 0) {
        if (__builtin_add_overflow(start, l->l_len - 1, &end)) {
            return -EOVERFLOW;
        }
    } else if (l->l_len < 0) {
        end = start - 1;
        if (__builtin_add_overflow(start, l->l_len, &start) || start < 0) {
            return -EINVAL;
        }
    } else {
        end = INT64_MAX;
    }
    *ret_first = (uint64_t)start;
    *ret_last = (uint64_t)end;
    return 0;
}

static const struct record_lock *conflict(const struct node *n, const void *owner, uint64_t first,
                                          uint64_t last, bool write)
{
    for (const struct record_lock *l = n->locks; l != NULL; l = l->next) {
        if (l->owner != owner && l->first <= last && l->last >= first && (l->write || write)) {
            return l;
        }
    }
    return NULL;
}

/* Gives up what owner has of the range: at most one lock becomes two, the second of which is
 * *spare then. */
static void drop(struct node *n, const void *owner, uint64_t first, uint64_t last,
                 struct record_lock **spare)
{
    for (struct record_lock **p = &n->locks; *p != NULL;) {
        struct record_lock *l = *p;
        if (l->owner != owner || l->first > last || l->last < first) {
            p = &l->next;
        } else if (l->first < first && l->last > last) {
            struct record_lock *rest = *spare;
            *spare = NULL;
            *rest = (struct record_lock){.next = l->next,
                                         .owner = owner,
                                         .pid = l->pid,
                                         .first = last + 1,
                                         .last = l->last,
                                         .write = l->write};
            l->last = first - 1;
            l->next = rest;
            return;
        } else if (l->first < first) {
            l->last = first - 1;
            p = &l->next;
        } else if (l->last > last) {
            l->first = last + 1;
            p = &l->next;
        } else {
            *p = l->next;
            rt_free(l);
        }
    }
}

void locks_drop(struct node *n, const void *owner)
{
    if (n->locks != NULL) {
        drop(n, owner, 0, UINT64_MAX, NULL);
        os_wake_all(&fs_poll_queue);
    }
}

/* The range with what owner has beside it of the same kind: both become one lock. */
static void join(const struct node *n, const void *owner, bool write, uint64_t *first,
                 uint64_t *last)
{
    bool grown = true;
    while (grown) {
        grown = false;
        for (const struct record_lock *l = n->locks; l != NULL; l = l->next) {
            if (l->owner == owner && l->write == write && l->first <= *last + 1 &&
                l->last + 1 >= *first && (l->first < *first || l->last > *last)) {
                *first = l->first < *first ? l->first : *first;
                *last = l->last > *last ? l->last : *last;
                grown = true;
            }
        }
    }
}

static unsigned lock_count(const struct node *n)
{
    unsigned count = 0;
    for (const struct record_lock *l = n->locks; l != NULL; l = l->next) {
        count++;
    }
    return count;
}

/* type: F_RDLCK, F_WRLCK or F_UNLCK. No conflict is left. */
static int change(struct node *n, const void *owner, int pid, uint64_t first, uint64_t last,
                  int type)
{
    if (type != F_UNLCK && lock_count(n) >= LOCKS_MAX) {
        return -ENOLCK;
    }
    struct record_lock *spare = rt_alloc(sizeof *spare), *own = rt_alloc(sizeof *own);
    if (spare == NULL || own == NULL) {
        rt_free(spare);
        rt_free(own);
        return -ENOLCK;
    }
    if (type != F_UNLCK) {
        join(n, owner, type == F_WRLCK, &first, &last);
    }
    drop(n, owner, first, last, &spare);
    rt_free(spare);
    if (type == F_UNLCK) {
        rt_free(own);
    } else {
        *own = (struct record_lock){.next = n->locks,
                                    .owner = owner,
                                    .pid = pid,
                                    .first = first,
                                    .last = last,
                                    .write = type == F_WRLCK};
        n->locks = own;
    }
    os_wake_all(&fs_poll_queue);
    return 0;
}

static int tell(const struct record_lock *l, struct flock *ret)
{
    if (l == NULL) {
        ret->l_type = F_UNLCK;
        return 0;
    }
    ret->l_type = l->write ? F_WRLCK : F_RDLCK;
    ret->l_whence = SEEK_SET;
    ret->l_start = (int64_t)l->first;
    ret->l_len = l->last == INT64_MAX ? 0 : (int64_t)(l->last - l->first + 1);
    ret->l_pid = l->pid;
    return 0;
}

int64_t record_lock(struct file *f, int cmd, app_ptr arg)
{
    bool description = cmd == F_OFD_GETLK || cmd == F_OFD_SETLK || cmd == F_OFD_SETLKW;
    bool get = cmd == F_GETLK || cmd == F_OFD_GETLK;
    struct flock l;
    uint64_t first, last;
    int err = copy_from_app(&l, arg, sizeof l);
    if (err != 0) {
        return err;
    }
    if (get ? l.l_type != F_RDLCK && l.l_type != F_WRLCK
            : l.l_type != F_RDLCK && l.l_type != F_WRLCK && l.l_type != F_UNLCK) {
        return -EINVAL;
    }
    err = range_of(f, &l, &first, &last);
    if (err == 0 && description && l.l_pid != 0) {
        err = -EINVAL;
    }
    if (err != 0) {
        return err;
    }
    const void *owner = owner_of(f, description);
    bool write = l.l_type == F_WRLCK;
    if (get) {
        err = tell(conflict(f->node, owner, first, last, write), &l);
        return err != 0 ? err : copy_to_app(arg, &l, sizeof l);
    }
    if ((l.l_type == F_RDLCK && !fs_may_read(f)) || (write && !fs_may_write(f))) {
        return -EBADF;
    }
    file_ref(f);
    while (err == 0 && l.l_type != F_UNLCK &&
           conflict(f->node, owner, first, last, write) != NULL) {
        err =
            cmd == F_SETLKW || cmd == F_OFD_SETLKW ? os_block(&fs_poll_queue, UINT64_MAX) : -EAGAIN;
    }
    err =
        err != 0 ? err : change(f->node, owner, description ? -1 : os_pid(), first, last, l.l_type);
    file_unref(f);
    return err;
}
