/* SPDX-License-Identifier: Apache-2.0 */
/* From a path to a name in the tree, as Linux walks it (path_resolution(7)). Paths come from the
 * workload; texts of symbolic links from layers and from the workload. Nothing recurses: links
 * that are being followed stand on a stack of their own, at most LINKS_MAX deep. */
#include "vfs.h"

#define LINKS_MAX 40u /* MAXSYMLINKS */

struct dentry *fs_cwd(void)
{
    return os_fs()->cwd;
}

void fs_set_cwd(struct dentry *d)
{
    struct fs_context *c = os_fs();
    dentry_ref(d);
    dentry_unref(c->cwd);
    c->cwd = d;
}

size_t fs_cwd_path(char *ret_path, size_t capacity)
{
    return dentry_path(fs_cwd(), ret_path, capacity);
}

void walk_done(struct walk *w)
{
    dentry_unref(w->dir);
    dentry_unref(w->found);
    w->dir = w->found = NULL;
}

/* What is still to be walked: the rest of the path, below it the rests of paths whose links are
 * being followed. Link texts belong to their nodes, which stay: the lock is held. */
struct walker {
    struct dentry *at; /* reference */
    const char *rest[LINKS_MAX + 1];
    size_t rest_size[LINKS_MAX + 1];
    unsigned depth, links;
    bool slash;                   /* the last component, a link by now, had slashes behind it */
    struct node *held[LINKS_MAX]; /* links whose text is in use */
};

static void step_to(struct walker *k, struct dentry *take)
{
    dentry_unref(k->at);
    k->at = take;
}

/* Takes the next component off the innermost rest. False: nothing is left at all. */
static bool next_component(struct walker *k, struct bytes *ret_name, bool *ret_slash,
                           bool *ret_last)
{
    for (;;) {
        const char *p = k->rest[k->depth];
        size_t n = k->rest_size[k->depth];
        size_t start = 0;
        while (start < n && p[start] == '/') {
            start++;
        }
        if (start == n) {
            if (k->depth == 0) {
                return false;
            }
            k->depth--;
            continue;
        }
        size_t end = start;
        while (end < n && p[end] != '/') {
            end++;
        }
        size_t after = end;
        while (after < n && p[after] == '/') {
            after++;
        }
        *ret_name = BYTES(p + start, end - start);
        *ret_slash = after > end;
        k->rest[k->depth] = p + after;
        k->rest_size[k->depth] = n - after;
        *ret_last = after == n;
        for (unsigned i = 0; i < k->depth && *ret_last; i++) {
            for (size_t j = 0; j < k->rest_size[i]; j++) { /* outer rests may hold slashes only */
                if (k->rest[i][j] != '/') {
                    *ret_last = false;
                    break;
                }
            }
            if (k->rest_size[i] > 0 && *ret_last) {
                *ret_slash = true;
            }
        }
        return true;
    }
}

/* Follows the link `link`, found in k->at: its text is walked next, from k->at or the root. */
static int follow(struct walker *k, struct node *link)
{
    if (k->links >= LINKS_MAX) {
        return -ELOOP;
    }
    k->held[k->links++] = NULL;
    if (link->ops->follow != NULL) {
        struct dentry *target;
        int err = link->ops->follow(link, &target);
        if (err == 0) {
            step_to(k, target);
        }
        return err;
    }
    struct bytes text;
    int err = link->ops->readlink(link, &text);
    if (err != 0) {
        return err;
    }
    if (text.size == 0) {
        return -ENOENT;
    }
    if (text.data[0] == '/') {
        step_to(k, dentry_ref(dentry_root()));
    }
    k->held[k->links - 1] = node_ref(link);
    /* A rest that is used up needs no place: a chain of links then never grows the stack. */
    if (k->rest_size[k->depth] > 0) {
        k->depth++;
    }
    k->rest[k->depth] = (const char *)text.data;
    k->rest_size[k->depth] = text.size;
    return 0;
}

static int dots(struct walker *k, struct bytes name, enum walk_last *ret)
{
    if (name.size == 1 && name.data[0] == '.') {
        *ret = LAST_DOT;
        return 1;
    }
    if (name.size == 2 && name.data[0] == '.' && name.data[1] == '.') {
        *ret = LAST_DOTDOT;
        step_to(k, dentry_ref(k->at->parent != NULL ? k->at->parent : k->at));
        return 1;
    }
    return 0;
}

/* One component in directory k->at. 1: the walk ends here with *w filled; 0: goes on; -errno. */
static int component(struct walker *k, struct bytes name, bool slash, bool last, unsigned flags,
                     struct walk *w)
{
    if (!node_is(k->at->node, S_IFDIR)) {
        return -ENOTDIR;
    }
    int err = node_may(k->at->node, 1);
    if (err != 0) {
        return err;
    }
    slash = slash || (last && k->slash);
    w->slash = slash;
    if (dots(k, name, &w->kind) != 0) {
        return 0; /* at the end of the path, the directory reached is what was looked for */
    }
    w->kind = LAST_NAME;
    if (name.size > FS_NAME_MAX) {
        return -ENAMETOOLONG;
    }
    if (last && slash && (flags & WALK_CREATE) != 0) {
        return -EISDIR;
    }
    struct dentry *child = NULL;
    err = dentry_lookup(k->at, name, &child);
    if (err != 0 && !(err == -ENOENT && last && (flags & WALK_NEW) != 0)) {
        return err;
    }
    if (child != NULL && node_is(child->node, S_IFLNK) &&
        (!last || (slash && (flags & WALK_ANY) == 0) || (flags & WALK_FOLLOW) != 0)) {
        err = follow(k, child->node);
        dentry_unref(child);
        k->slash = k->slash || (last && slash);
        if (err == 0 && last) {
            w->kind = LAST_ROOT; /* if the link's text has no component: "/", or a jump */
        }
        return err;
    }
    if (last) {
        memcpy(w->last, name.data, name.size);
        w->last[name.size] = 0;
        w->last_size = name.size;
        w->dir = dentry_ref(k->at);
        w->found = child;
        return 1;
    }
    step_to(k, child);
    return 0;
}

static int walk_components(struct walker *k, unsigned flags, struct walk *w)
{
    struct bytes name;
    bool slash, last;
    while (next_component(k, &name, &slash, &last)) {
        int r = component(k, name, slash, last, flags, w);
        if (r != 0) {
            return r < 0 ? r : 0;
        }
    }
    w->found = dentry_ref(k->at); /* the root, a dot, or where a link jumped */
    return 0;
}

int fs_walk(struct dentry *start, const char *path, unsigned flags, struct walk *ret)
{
    size_t size = strlen(path);
    if (size == 0) {
        return -ENOENT;
    }
    if (size >= FS_PATH_MAX) {
        return -ENAMETOOLONG;
    }
    struct walker k; /* the arrays are filled as far as depth and links say */
    k.depth = k.links = 0;
    k.slash = false;
    k.rest[0] = path;
    k.rest_size[0] = size;
    k.at = dentry_ref(path[0] == '/' ? dentry_root() : start);
    struct walk w;
    w.dir = w.found = NULL;
    w.last_size = 0;
    w.kind = LAST_ROOT;
    w.slash = false;
    int err = walk_components(&k, flags, &w);
    for (unsigned i = 0; i < k.links; i++) {
        node_unref(k.held[i]);
    }
    dentry_unref(k.at);
    if (err == 0 && w.found != NULL &&
        ((w.slash && (flags & WALK_ANY) == 0) || (flags & WALK_DIRECTORY) != 0) &&
        !node_is(w.found->node, S_IFDIR)) {
        err = -ENOTDIR;
    }
    if (err != 0) {
        walk_done(&w);
        return err;
    }
    *ret = w;
    return 0;
}

int path_from_app(char to[FS_PATH_MAX], app_ptr from)
{
    int64_t n = string_from_app(to, from, FS_PATH_MAX);
    return n < 0 ? (int)n : 0;
}

static int start_of(int dirfd, const char *path, struct dentry **ret)
{
    if (path[0] == '/' || dirfd == AT_FDCWD) {
        *ret = fs_cwd();
        return 0;
    }
    struct file *f = fd_get(dirfd);
    if (f == NULL) {
        return -EBADF;
    }
    *ret = f->dentry;
    return 0;
}

int walk_at(int dirfd, app_ptr path, unsigned flags, struct walk *ret)
{
    char text[FS_PATH_MAX];
    int err = path_from_app(text, path);
    if (err != 0) {
        return err;
    }
    if (text[0] == 0) {
        return -ENOENT;
    }
    struct dentry *start;
    err = start_of(dirfd, text, &start);
    return err != 0 ? err : fs_walk(start, text, flags, ret);
}

int lookup_at(int dirfd, app_ptr path, unsigned walk_flags, bool empty_ok, struct dentry **ret)
{
    char text[FS_PATH_MAX];
    int err = path_from_app(text, path);
    if (err != 0) {
        return err;
    }
    struct dentry *start;
    if (text[0] == 0) {
        if (!empty_ok) {
            return -ENOENT;
        }
        err = start_of(dirfd, text, &start);
        if (err == 0) {
            *ret = dentry_ref(start);
        }
        return err;
    }
    err = start_of(dirfd, text, &start);
    if (err != 0) {
        return err;
    }
    struct walk w;
    err = fs_walk(start, text, walk_flags, &w);
    if (err != 0) {
        return err;
    }
    *ret = dentry_ref(w.found);
    walk_done(&w);
    return 0;
}
