/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing whole files, see file.h. */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail(int err, const char *path, struct diag *d)
{
    return diag_fail(d, err, "%s: %s", path, strerror(-err));
}

int mapped_file_open(struct mapped_file *ret, const char *path, uint64_t max, struct diag *d)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        int err = -errno;
        if (fd >= 0) {
            close(fd);
        }
        return fail(err, path, d);
    }
    int err = 0;
    void *at = NULL;
    if (!S_ISREG(st.st_mode)) {
        err = diag_fail(d, -EINVAL, "%s: not a regular file", path);
    } else if ((uint64_t)st.st_size > max) {
        err = diag_fail(d, -EFBIG, "%s: longer than %llu bytes", path, (unsigned long long)max);
    } else if (st.st_size > 0) {
        at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        err = at == MAP_FAILED ? fail(-errno, path, d) : 0;
    }
    close(fd);
    if (err == 0) {
        ret->bytes = BYTES(at, (size_t)st.st_size);
    }
    return err;
}

void mapped_file_close(struct mapped_file *f)
{
    if (f->bytes.size > 0) {
        /* SAFETY: this address came from mmap() above; bytes are const only to their readers. */
        munmap((void *)(uintptr_t)f->bytes.data, f->bytes.size);
    }
    f->bytes = (struct bytes){NULL, 0};
}

static int write_all(int fd, struct bytes content)
{
    while (content.size > 0) {
        ssize_t n = write(fd, content.data, content.size);
        if (n < 0 && errno != EINTR) {
            return -errno;
        }
        if (n > 0) {
            content.data += n;
            content.size -= (size_t)n;
        }
    }
    return 0;
}

int file_append(const char *path, struct bytes content, struct diag *d)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (fd < 0) {
        return fail(-errno, path, d);
    }
    int err = write_all(fd, content);
    if (close(fd) != 0 && err == 0) {
        err = -errno;
    }
    return err == 0 ? 0 : fail(err, path, d);
}

int file_commit(const char *temporary, const char *path, struct diag *d)
{
    int fd = open(temporary, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0) {
        int err = -errno;
        if (fd >= 0) {
            close(fd);
        }
        return fail(err, temporary, d);
    }
    close(fd);
    return rename(temporary, path) == 0 ? 0 : fail(-errno, path, d);
}

int file_write(const char *path, struct bytes content, unsigned mode, struct diag *d)
{
    char temporary[PATH_MAX];
    if (base_format(temporary, sizeof temporary, "%s.%d.tmp", path, (int)getpid()) >=
        sizeof temporary) {
        return fail(-ENAMETOOLONG, path, d);
    }
    unlink(temporary);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0) {
        return fail(-errno, path, d);
    }
    int err = fchmod(fd, mode) == 0 ? write_all(fd, content) : -errno;
    if (close(fd) != 0 && err == 0) {
        err = -errno;
    }
    err = err == 0 ? file_commit(temporary, path, d) : fail(err, path, d);
    if (err != 0) {
        unlink(temporary);
    }
    return err;
}

int file_copy(const char *path, const char *source, uint64_t max, struct diag *d)
{
    struct mapped_file f;
    int err = mapped_file_open(&f, source, max, d);
    if (err != 0) {
        return err;
    }
    err = file_write(path, f.bytes, 0644, d);
    mapped_file_close(&f);
    return err;
}

int make_folders(const char *path, struct diag *d)
{
    char part[PATH_MAX];
    if (base_format(part, sizeof part, "%s", path) >= sizeof part) {
        return fail(-ENAMETOOLONG, path, d);
    }
    for (char *p = part + 1; *p != '\0'; p++) {
        if (*p == '/') {
            *p = '\0';
            if (mkdir(part, 0777) != 0 && errno != EEXIST) {
                return fail(-errno, part, d);
            }
            *p = '/';
        }
    }
    return mkdir(part, 0777) == 0 || errno == EEXIST ? 0 : fail(-errno, part, d);
}
