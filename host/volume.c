/* SPDX-License-Identifier: Apache-2.0 */
/* See volume.h. What passes through here is ciphertext. The slot's numbers are the enclave's, which is
 * not trusted either: they are bounded before use. */
#include "volume.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A run that was killed lets go of its volume when its last process is gone, which is a moment after its
 * first one. */
#define GONE_SOON_MS 2000
#define LOOK_AGAIN_MS 10

static bool lock_soon(int fd)
{
    for (int waited = 0;; waited += LOOK_AGAIN_MS) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
            return true;
        }
        if (waited >= GONE_SOON_MS) {
            return false;
        }
        const struct timespec pause = {0, LOOK_AGAIN_MS * 1000000L};
        nanosleep(&pause, NULL);
    }
}

int host_volume_open(const char *name, const char *path, struct host_file *ret, struct diag *d)
{
    struct stat st;
    int fd = open(path, O_RDWR | O_CREAT | O_NONBLOCK | O_CLOEXEC, 0600); /* a FIFO must not hang us */
    if (fd < 0 || fstat(fd, &st) != 0) {
        int error = errno;
        if (fd >= 0) {
            close(fd);
        }
        return diag_fail(d, -error, "volume \"%s\": cannot open %s: %s", name, path, strerror(error));
    }
    int r = 0;
    if (!S_ISREG(st.st_mode)) {
        r = diag_fail(d, -EINVAL, "volume \"%s\": %s is not a regular file", name, path);
    } else if (!lock_soon(fd)) {
        r = diag_fail(d, -EBUSY, "volume \"%s\": %s is in use by another run", name, path);
    }
    if (r != 0) {
        close(fd);
        return r;
    }
    *ret = (struct host_file){fd, (uint64_t)st.st_size};
    return 0;
}

static int64_t error_of(int error)
{
    return error == ENOSPC || error == EDQUOT ? -ENOSPC : error == EFBIG ? -EFBIG : -EIO;
}

static int64_t serve_read(const struct host_file *f, struct hostcall_slot *s)
{
    uint64_t offset = s->args[1], n = s->args[2];
    if (n > HOSTCALL_DATA_MAX || offset > INT64_MAX) {
        return -EIO;
    }
    for (size_t done = 0; done < n;) {
        ssize_t r = pread(f->fd, s->data + done, n - done, (off_t)(offset + done));
        if (r <= 0 && !(r < 0 && errno == EINTR)) {
            return -EIO;
        }
        done += r > 0 ? (size_t)r : 0;
    }
    return (int64_t)n;
}

static int64_t serve_write(const struct host_file *f, struct hostcall_slot *s)
{
    uint64_t offset = s->args[1], n = s->to_size;
    if (n > HOSTCALL_DATA_MAX || offset > INT64_MAX) {
        return -EIO;
    }
    for (size_t done = 0; done < n;) {
        ssize_t r = pwrite(f->fd, s->data + done, n - done, (off_t)(offset + done));
        if (r < 0 && errno != EINTR) {
            return error_of(errno);
        }
        done += r > 0 ? (size_t)r : 0;
    }
    return (int64_t)n;
}

static int64_t serve_resize(struct host_file *f, uint64_t size)
{
    if (size > INT64_MAX) {
        return -EFBIG;
    }
    if (size <= f->size) {
        return 0;
    }
    if (ftruncate(f->fd, (off_t)size) != 0) {
        return error_of(errno);
    }
    f->size = size;
    return 0;
}

int64_t host_volume_serve(struct host_config *c, struct hostcall_slot *s)
{
    uint64_t volume = s->args[0];
    struct host_file *f = volume < c->volume_count ? &c->volumes[volume] : NULL;
    if (f == NULL || f->fd < 0) {
        return s->number == HOSTCALL_volume_size ? -ENOENT : -EIO;
    }
    switch (s->number) {
    case HOSTCALL_volume_size:
        return (int64_t)f->size;
    case HOSTCALL_volume_read:
        return serve_read(f, s);
    case HOSTCALL_volume_write:
        return serve_write(f, s);
    case HOSTCALL_volume_sync:
        return fdatasync(f->fd) == 0 ? 0 : errno == ENOSPC || errno == EDQUOT ? -ENOSPC : -EIO;
    default:
        return serve_resize(f, s->args[1]);
    }
}
