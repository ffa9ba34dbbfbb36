/* SPDX-License-Identifier: Apache-2.0 */
/* See files.h. Adversary: the host keeps the volume. What can be told of it (another key, damage,
 * an older state than the minimum) the enclave's file system tells when the volume is opened, and
 * commits that the host refuses are errors of close(). */
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_SIZE 128
#define ASIDE     ".new" /* behind a file's name while it is written */

static void path_of(const char *folder, const char *name, const char *end, char ret[PATH_SIZE])
{
    int n = snprintf(ret, PATH_SIZE, "%s/%s%s", folder, name, end);
    REQUIRE(n > 0 && n < PATH_SIZE); /* names are the custodian's own */
}

static int read_some(const char *path, uint8_t *ret, size_t capacity, size_t *ret_size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    size_t got = 0;
    ssize_t n = 1;
    while (n > 0 && got < capacity) {
        n = read(fd, ret + got, capacity - got);
        got += n > 0 ? (size_t)n : 0;
    }
    int err = n < 0 ? -errno : 0;
    close(fd);
    *ret_size = err == 0 ? got : 0;
    return err;
}

static int write_all(int fd, const uint8_t *data, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, data, size);
        if (n <= 0 && errno != EINTR) {
            return n < 0 ? -errno : -EIO;
        }
        data += n > 0 ? n : 0;
        size -= n > 0 ? (size_t)n : 0;
    }
    return 0;
}

/* ---- opening --------------------------------------------------------------------------------- */

static int control(const struct files *f, const char *name, const void *data, size_t size)
{
    char path[PATH_SIZE];
    path_of(f->control, name, "", path);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    ssize_t n = write(fd, data, size); /* one write is one value */
    int err = n < 0 ? -errno : (size_t)n == size ? 0 : -EIO;
    close(fd);
    return err;
}

static void say_status(const struct files *f, struct diag *d)
{
    char path[PATH_SIZE];
    uint8_t text[DIAG_MAX];
    size_t size = 0;
    path_of(f->control, "status", "", path);
    if (read_some(path, text, sizeof text, &size) == 0) {
        size -= size > 0 && text[size - 1] == '\n';
        (void)diag_fail(d, 0, "%.*s", (int)size, (const char *)text);
    }
}

static int open_volume(void *context, const uint8_t secret[32], const struct volume_state *minimum,
                       struct diag *d)
{
    const struct files *f = context;
    char text[128], root[65];
    hex_encode(root, minimum->root.data, sizeof minimum->root.data);
    /* Also when there is none: an earlier try may have left another. */
    int n = minimum->sequence > 0 ? snprintf(text, sizeof text, "%llu %s",
                                             (unsigned long long)minimum->sequence, root)
                                  : snprintf(text, sizeof text, "0");
    int err = control(f, "minimum", text, (size_t)n);
    if (err != 0) {
        return diag_fail(d, err, "the volume takes no minimum: %s", strerror(-err));
    }
    err = control(f, "key", secret, 32);
    if (err != 0) {
        (void)diag_fail(d, err, "the volume does not open: %s", strerror(-err));
        say_status(f, d);
    }
    return err;
}

static int state(void *context, struct volume_state *ret)
{
    const struct files *f = context;
    char path[PATH_SIZE], *end;
    uint8_t text[128];
    size_t size = 0;
    path_of(f->control, "root", "", path);
    int err = read_some(path, text, sizeof text - 1, &size);
    if (err != 0) {
        return err;
    }
    text[size] = '\0';
    errno = 0;
    uint64_t sequence = strtoull((char *)text, &end, 10);
    struct volume_state found = {.sequence = sequence};
    if (errno != 0 || *end != ' ' || strlen(end) < 65 ||
        !hex_decode(found.root.data, 32, BYTES(end + 1, 64))) {
        return -EIO;
    }
    *ret = found;
    return 0;
}

/* ---- reading --------------------------------------------------------------------------------- */

static int list(void *context, void (*each)(void *to, const char *name), void *to)
{
    const struct files *f = context;
    DIR *folder = opendir(f->folder);
    if (folder == NULL) {
        return -errno;
    }
    errno = 0;
    for (struct dirent *e = readdir(folder); e != NULL; e = readdir(folder)) {
        if (e->d_name[0] != '.') {
            each(to, e->d_name);
        }
        errno = 0;
    }
    int err = -errno;
    closedir(folder);
    return err;
}

static int read_file(void *context, const char *name, uint8_t *ret, size_t capacity,
                     size_t *ret_size)
{
    const struct files *f = context;
    char path[PATH_SIZE];
    path_of(f->folder, name, "", path);
    return read_some(path, ret, capacity, ret_size);
}

/* ---- changing -------------------------------------------------------------------------------- */

/* Zeros are written, since what is not written takes no block, and blocks are what the host sees.
 */
static int fill(int fd, const struct volume_change *c)
{
    static const uint8_t zeros[1u << 16];
    size_t left = c->size - c->head.size - c->data.size;
    int err = write_all(fd, c->head.data, c->head.size);
    err = err != 0 ? err : write_all(fd, c->data.data, c->data.size);
    while (err == 0 && left > 0) {
        size_t n = left < sizeof zeros ? left : sizeof zeros;
        err = write_all(fd, zeros, n);
        left -= n;
    }
    return err;
}

/* Writes the file aside and leaves it open: closing would commit. */
static int write_aside(const struct files *f, const struct volume_change *c, int *ret_fd)
{
    char path[PATH_SIZE];
    path_of(f->folder, c->name, ASIDE, path);
    *ret_fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    return *ret_fd < 0 ? -errno : fill(*ret_fd, c);
}

static int put_in_place(const struct files *f, const struct volume_change *c)
{
    char from[PATH_SIZE], to[PATH_SIZE];
    path_of(f->folder, c->name, "", to);
    if (c->size == 0) {
        return unlink(to) == 0 || errno == ENOENT ? 0 : -errno;
    }
    path_of(f->folder, c->name, ASIDE, from);
    return rename(from, to) == 0 ? 0 : -errno;
}

/* Nothing has its place yet: what was written aside goes. What the closing commits is as before. */
static int take_back(const struct files *f, const struct volume_change *changes, size_t count,
                     int *fds, int err)
{
    char path[PATH_SIZE];
    for (size_t i = 0; i < count; i++) {
        path_of(f->folder, changes[i].name, ASIDE, path);
        (void)unlink(path);
    }
    for (size_t i = 0; i < count; i++) {
        if (fds[i] >= 0 && close(fds[i]) != 0) {
            err = -EIO;
        }
    }
    return err == -ENOSPC || err == -EFBIG || err == -EDQUOT || err == -ENOMEM ? -ENOSPC : -EIO;
}

/* Changes of nothing but removals have no file whose closing commits. */
static int commit_folder(const struct files *f)
{
    int fd = open(f->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int err = fd >= 0 && fsync(fd) == 0 ? 0 : -EIO;
    if (fd >= 0) {
        close(fd);
    }
    return err;
}

static int change(void *context, const struct volume_change *changes, size_t count)
{
    const struct files *f = context;
    int *fds = malloc((count + 1) * sizeof *fds);
    if (fds == NULL) {
        return -ENOSPC; /* as good as none: nothing was changed */
    }
    int err = 0;
    size_t written = 0;
    for (; written < count && err == 0; written++) {
        fds[written] = -1;
        err = changes[written].size > 0 ? write_aside(f, &changes[written], &fds[written]) : 0;
    }
    if (err != 0) {
        err = take_back(f, changes, written, fds, err);
        free(fds);
        return err;
    }
    for (size_t i = 0; i < count; i++) {
        if (put_in_place(f, &changes[i]) != 0) {
            _exit(1); /* half of it has its place: that must never be committed */
        }
    }
    bool committed = false;
    for (size_t i = 0; i < count; i++) {
        if (fds[i] >= 0) {
            err = close(fds[i]) == 0 ? err : -EIO;
            committed = true;
        }
    }
    free(fds);
    return err != 0 || committed ? err : commit_folder(f);
}

struct custodian_volume files_volume(struct files *files)
{
    return (struct custodian_volume){.context = files,
                                     .open = open_volume,
                                     .state = state,
                                     .list = list,
                                     .read = read_file,
                                     .change = change};
}
