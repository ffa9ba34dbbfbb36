/* SPDX-License-Identifier: Apache-2.0 */
/* The staging tree, see stage.h. Its sources are the developer's own files; the care here is that
 * one entry's symbolic link never redirects the next entry's write out of the tree. */
#include "stage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "interrupt.h"

#define DEPTH_MAX 64u

int stage_open(struct stage *ret, const char *parent, struct diag *d)
{
    struct stage s = {.fd = -1};
    if (base_format(s.root, sizeof s.root, "%s/.stage-XXXXXX", parent) >= sizeof s.root) {
        return diag_fail(d, -ENAMETOOLONG, "%s: path is too long", parent);
    }
    if (mkdtemp(s.root) == NULL) {
        int err = -errno;
        return diag_fail(d, err, "cannot make a temporary folder in %s: %s", parent,
                         strerror(-err));
    }
    s.fd = open(s.root, O_DIRECTORY | O_CLOEXEC);
    if (s.fd < 0 || fchmod(s.fd, 0755) != 0) {
        int err = -errno;
        remove_tree(s.root);
        return diag_fail(d, err, "%s: %s", s.root, strerror(-err));
    }
    *ret = s;
    return 0;
}

void stage_close(struct stage *s)
{
    if (s->root[0] != '\0') {
        close(s->fd);
        remove_tree(s->root);
        *s = (struct stage){.fd = -1};
    }
}

/* Opens the directory that holds path, making what is missing; *ret_name is the last component. */
static int open_parent(struct stage *s, const char *path, const char **ret_name, struct diag *d)
{
    int fd = fcntl(s->fd, F_DUPFD_CLOEXEC, 3);
    const char *part = path + 1;
    for (const char *slash; fd >= 0 && (slash = strchr(part, '/')) != NULL; part = slash + 1) {
        char name[NAME_MAX + 1];
        size_t n = (size_t)(slash - part);
        int next = -1;
        if (n == 0 || n >= sizeof name) {
            errno = EINVAL;
        } else {
            memcpy(name, part, n);
            name[n] = '\0';
            if (mkdirat(fd, name, 0755) == 0) {
                fchmodat(fd, name, 0755, 0); /* whatever the umask is */
            }
            next = openat(fd, name, O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        }
        int err = errno;
        close(fd);
        errno = err;
        fd = next;
    }
    if (fd < 0) {
        int err = -errno;
        return diag_fail(d, err, "%s: cannot be placed in the layer: %s", path, strerror(-err));
    }
    *ret_name = part;
    return fd;
}

void stage_skip(struct stage *s, const char *host_path)
{
    struct stat st;
    if (stat(host_path, &st) == 0) {
        REQUIRE(s->skip_count < ARRAY_SIZE(s->skip));
        s->skip[s->skip_count++] = (struct stage_skip){st.st_dev, st.st_ino};
    }
}

int stage_dir(struct stage *s, const char *path, struct diag *d)
{
    char inside[PATH_MAX];
    const char *name;
    if (strcmp(path, "/") == 0) {
        return 0; /* the root is there from the start */
    }
    if (base_format(inside, sizeof inside, "%s/", path) >= sizeof inside) {
        return diag_fail(d, -ENAMETOOLONG, "%s: path is too long", path);
    }
    int fd = open_parent(s, inside, &name, d);
    if (fd < 0) {
        return fd;
    }
    close(fd);
    return 0;
}

/* A fresh file, empty, with its final mode. */
static int create_file(struct stage *s, const char *path, bool executable, struct diag *d)
{
    const char *name;
    int dir = open_parent(s, path, &name, d);
    if (dir < 0) {
        return dir;
    }
    unlinkat(dir, name, 0);
    int fd = openat(dir, name, O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd >= 0 && fchmod(fd, executable ? 0755 : 0644) != 0) {
        close(fd);
        fd = -1;
    }
    int err = -errno;
    close(dir);
    if (fd < 0) {
        return diag_fail(d, err, "%s: cannot be placed in the layer: %s", path, strerror(-err));
    }
    s->file_count++;
    return fd;
}

int stage_bytes(struct stage *s, const char *path, struct bytes content, bool executable,
                struct diag *d)
{
    int fd = create_file(s, path, executable, d);
    if (fd < 0) {
        return fd;
    }
    int err = 0;
    s->byte_count += content.size;
    while (content.size > 0 && err == 0) {
        ssize_t n = write(fd, content.data, content.size);
        if (n < 0) {
            err = errno == EINTR ? 0 : -errno;
        } else {
            content.data += n;
            content.size -= (size_t)n;
        }
    }
    close(fd);
    return err == 0 ? 0 : diag_fail(d, err, "%s: %s", path, strerror(-err));
}

int stage_symlink(struct stage *s, const char *path, const char *target, struct diag *d)
{
    const char *name;
    int dir = open_parent(s, path, &name, d);
    if (dir < 0) {
        return dir;
    }
    unlinkat(dir, name, 0);
    int err = symlinkat(target, dir, name) == 0 ? 0 : -errno;
    close(dir);
    return err == 0 ? 0 : diag_fail(d, err, "%s: %s", path, strerror(-err));
}

static int copy_regular(struct stage *s, const char *path, const char *source, struct diag *d)
{
    struct stat st;
    int from = open(source, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (from < 0 || fstat(from, &st) != 0) {
        int err = -errno;
        if (from >= 0) {
            close(from);
        }
        return diag_fail(d, err, "cannot read %s: %s", source, strerror(-err));
    }
    int to = create_file(s, path, (st.st_mode & 0111) != 0, d);
    int err = to < 0 ? to : 0;
    while (err == 0) {
        ssize_t n = sendfile(to, from, NULL, 1 << 30);
        if (n == 0) {
            break;
        }
        s->byte_count += n > 0 ? (uint64_t)n : 0;
        if (n < 0 && errno != EINTR) {
            err = -errno;
            err = diag_fail(d, err, "cannot copy %s: %s", source, strerror(-err));
        }
    }
    close(from);
    if (to >= 0) {
        close(to);
    }
    return err;
}

int stage_copy(struct stage *s, const char *path, const char *source, struct diag *d)
{
    struct stat st;
    char target[PATH_MAX];
    if (interrupted()) {
        return diag_fail(d, -EINTR, "interrupted");
    }
    if (lstat(source, &st) != 0) {
        int err = -errno;
        return diag_fail(d, err, "cannot read %s: %s", source, strerror(-err));
    }
    if (S_ISDIR(st.st_mode)) {
        return stage_dir(s, path, d);
    }
    if (S_ISREG(st.st_mode)) {
        return copy_regular(s, path, source, d);
    }
    if (S_ISLNK(st.st_mode)) {
        ssize_t n = readlink(source, target, sizeof target - 1);
        if (n < 0) {
            int err = -errno;
            return diag_fail(d, err, "cannot read %s: %s", source, strerror(-err));
        }
        target[n] = '\0';
        return stage_symlink(s, path, target, d);
    }
    return diag_fail(d, -EINVAL, "%s is neither a file, a folder nor a symbolic link", source);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int wanted(const struct dirent *e)
{
    return strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
}

struct listing {
    struct dirent **entries;
    int count;
};

static int listing_open(struct listing *ret, const char *dir, struct diag *d)
{
    struct listing l = {NULL, scandir(dir, &l.entries, wanted, by_name)};
    if (l.count < 0) {
        int err = -errno;
        return diag_fail(d, err, "cannot list %s: %s", dir, strerror(-err));
    }
    *ret = l;
    return 0;
}

static void listing_close(struct listing *l)
{
    for (int i = 0; i < l->count; i++) {
        free(l->entries[i]);
    }
    free(l->entries);
}

static int join(char *ret, const char *dir, const char *name, struct diag *d)
{
    const char *between = strcmp(dir, "/") == 0 ? "" : "/";
    if (base_format(ret, PATH_MAX, "%s%s%s", dir, between, name) >= PATH_MAX) {
        return diag_fail(d, -ENAMETOOLONG, "%s/%s: path is too long", dir, name);
    }
    return 0;
}

/* Runtime state of the machine that a root directory was taken from, not part of a program. */
static bool skipped(const struct stage *s, const char *host_path, const char *name)
{
    struct stat st;
    if (strcmp(name, "__pycache__") == 0) {
        return true;
    }
    if (lstat(host_path, &st) != 0) {
        return false; /* the copy will say why */
    }
    for (size_t i = 0; i < s->skip_count; i++) {
        if (st.st_dev == s->skip[i].device && st.st_ino == s->skip[i].inode) {
            return true;
        }
    }
    return !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode) && !S_ISLNK(st.st_mode);
}

static int copy_below(struct stage *s, const char *path, const char *source, unsigned depth,
                      struct diag *d)
{
    struct stat st;
    int err = stage_copy(s, path, source, d);
    if (err != 0 || lstat(source, &st) != 0 || !S_ISDIR(st.st_mode)) {
        return err;
    }
    if (depth > DEPTH_MAX) {
        return diag_fail(d, -ELOOP, "%s: more than %u folders deep", source, DEPTH_MAX);
    }
    struct listing l;
    err = listing_open(&l, source, d);
    if (err != 0) {
        return err;
    }
    char from[PATH_MAX], to[PATH_MAX];
    for (int i = 0; i < l.count && err == 0; i++) {
        const char *name = l.entries[i]->d_name;
        err = join(from, source, name, d);
        if (err == 0 && !skipped(s, from, name)) {
            err = join(to, path, name, d);
            err = err != 0 ? err : copy_below(s, to, from, depth + 1, d);
        }
    }
    listing_close(&l);
    return err;
}

int stage_copy_tree(struct stage *s, const char *path, const char *source, struct diag *d)
{
    return copy_below(s, path, source, 0, d);
}

static int walk_below(const char *path, const char *host_path, stage_visit *visit, void *context,
                      struct diag *d)
{
    struct listing l;
    int err = listing_open(&l, host_path, d);
    if (err != 0) {
        return err;
    }
    char inside[PATH_MAX], host[PATH_MAX];
    struct stat st;
    for (int i = 0; i < l.count && err == 0; i++) {
        const char *name = l.entries[i]->d_name;
        err = join(inside, path, name, d);
        err = err != 0 ? err : join(host, host_path, name, d);
        if (err != 0 || lstat(host, &st) != 0) {
            break;
        }
        if (interrupted()) {
            err = diag_fail(d, -EINTR, "interrupted");
        } else if (S_ISDIR(st.st_mode)) {
            err = walk_below(inside, host, visit, context, d);
        } else if (S_ISREG(st.st_mode)) {
            err = visit(context, inside, host, d);
        }
    }
    listing_close(&l);
    return err;
}

int stage_walk(const struct stage *s, stage_visit *visit, void *context, struct diag *d)
{
    return walk_below("/", s->root, visit, context, d);
}

static void remove_at(int dir, const char *name);

static void empty_folder(int dir, const char *name)
{
    int fd = openat(dir, name, O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
    if (stream != NULL) {
        for (struct dirent *e; (e = readdir(stream)) != NULL;) {
            if (wanted(e)) {
                remove_at(fd, e->d_name);
            }
        }
        closedir(stream);
    } else if (fd >= 0) {
        close(fd);
    }
}

static void remove_at(int dir, const char *name)
{
    enum { TRIES = 8 };
    if (unlinkat(dir, name, 0) == 0 || (errno != EISDIR && errno != EPERM)) {
        return;
    }
    for (int i = 0; i < TRIES; i++) { /* a file may have come meanwhile */
        empty_folder(dir, name);
        if (unlinkat(dir, name, AT_REMOVEDIR) == 0 || errno != ENOTEMPTY) {
            break;
        }
    }
}

void remove_tree(const char *path)
{
    remove_at(AT_FDCWD, path);
}
