/* SPDX-License-Identifier: Apache-2.0 */
/* The machine's root secret on disk. It plays the fuses of a processor: made once, never changed,
 * readable by its owner alone. Made under a temporary name and linked into place, so that a crash
 * leaves either no secret or a whole one, and of two makers at once one wins and both load it.
 * The adversary: another user of the system, who must not be able to plant or read it. */
#include "machine/root_secret.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

int machine_dir(const char *state_dir, char *ret, struct diag *d)
{
    const char *env = getenv("ALCOVE_MACHINE_DIR");
    const char *xdg = getenv("XDG_DATA_HOME");
    const char *home = getenv("HOME");
    int n;
    if (state_dir != NULL) {
        n = snprintf(ret, PATH_MAX, "%s", state_dir);
    } else if (env != NULL && env[0] != '\0') {
        n = snprintf(ret, PATH_MAX, "%s", env);
    } else if (xdg != NULL && xdg[0] == '/') {
        n = snprintf(ret, PATH_MAX, "%s/alcove/machine", xdg);
    } else if (home != NULL && home[0] == '/') {
        n = snprintf(ret, PATH_MAX, "%s/.local/share/alcove/machine", home);
    } else {
        return diag_fail(d, -ENOENT,
                         "no folder for the software machine's state: set ALCOVE_MACHINE_DIR");
    }
    return n > 0 && n < PATH_MAX ? 0 : diag_fail(d, -ENAMETOOLONG, "machine folder: path too long");
}

static int secret_path(const char *dir, const char *name, char ret[PATH_MAX], struct diag *d)
{
    int n = snprintf(ret, PATH_MAX, "%s/%s", dir, name);
    return n > 0 && n < PATH_MAX ? 0 : diag_fail(d, -ENAMETOOLONG, "%s: path too long", dir);
}

static int check_file(int fd, const char *path, struct diag *d)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return diag_fail(d, -errno, "%s: %s", path, strerror(errno));
    }
    if (!S_ISREG(st.st_mode)) {
        return diag_fail(d, -EPERM, "%s: the machine's root secret must be a regular file", path);
    }
    if (st.st_uid != geteuid()) {
        return diag_fail(d, -EPERM,
                         "%s: belongs to user %u, not to you: use a machine folder of "
                         "your own (ALCOVE_MACHINE_DIR)",
                         path, st.st_uid);
    }
    if ((st.st_mode & 07777) != 0600) {
        return diag_fail(
            d, -EPERM,
            "%s: has mode %03x, which lets others at the root secret; if nobody read "
            "it, run: chmod 600 %s",
            path,
            (unsigned)((st.st_mode >> 6 & 7) << 8 | (st.st_mode >> 3 & 7) << 4 | (st.st_mode & 7)),
            path);
    }
    if (st.st_size != (off_t)ROOT_SECRET_SIZE) {
        return diag_fail(d, -EINVAL,
                         "%s: has %ld bytes instead of %u, it is damaged; restore it from a "
                         "backup, or remove it and run: alcove machine init (what was sealed on "
                         "this machine is lost then)",
                         path, (long)st.st_size, ROOT_SECRET_SIZE);
    }
    return 0;
}

static int read_all(int fd, uint8_t *to, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t n = read(fd, to + done, size - done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n < 0 ? -errno : -EIO;
        }
        done += (size_t)n;
    }
    return 0;
}

int root_secret_load(const char *dir, uint8_t ret[ROOT_SECRET_SIZE], struct diag *d)
{
    char path[PATH_MAX];
    int r = secret_path(dir, ROOT_SECRET_FILE, path, d);
    if (r < 0) {
        return r;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        r = -errno;
        if (r == -ENOENT) {
            return diag_fail(d, r,
                             "%s: this machine has no root secret yet; run: alcove machine "
                             "init",
                             path);
        }
        return diag_fail(d, r,
                         "%s: cannot read the machine's root secret (%s); make it readable "
                         "for its owner alone: chmod 600 %s",
                         path, strerror(-r), path);
    }
    r = check_file(fd, path, d);
    uint8_t secret[ROOT_SECRET_SIZE];
    if (r == 0) {
        r = read_all(fd, secret, sizeof secret);
        if (r < 0) {
            (void)diag_fail(d, r, "%s: %s", path, strerror(-r));
        }
    }
    (void)close(fd);
    if (r == 0) {
        memcpy(ret, secret, sizeof secret);
    }
    secure_zero(secret, sizeof secret);
    return r;
}

/* mkdir -p; the last folder gets mode 0700. */
static int make_folders(const char *dir, struct diag *d)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s", dir);
    for (char *p = path + 1; *p != '\0'; p++) {
        if (*p == '/') {
            *p = '\0';
            (void)mkdir(path, 0777); /* the last mkdir tells whether there is a place */
            *p = '/';
        }
    }
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        return diag_fail(d, -errno, "%s: cannot make the machine's folder: %s", dir,
                         strerror(errno));
    }
    return 0;
}

static int write_secret(const char *path, struct diag *d)
{
    uint8_t secret[ROOT_SECRET_SIZE];
    if (getrandom(secret, sizeof secret, 0) != (ssize_t)sizeof secret) {
        return diag_fail(d, -EIO, "no randomness from the kernel");
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return diag_fail(d, -errno, "%s: %s", path, strerror(errno));
    }
    int r = 0;
    if (fchmod(fd, 0600) != 0 || write(fd, secret, sizeof secret) != (ssize_t)sizeof secret ||
        fsync(fd) != 0) {
        r = diag_fail(d, -EIO, "%s: cannot write the root secret: %s", path, strerror(errno));
    }
    (void)close(fd);
    secure_zero(secret, sizeof secret);
    return r;
}

int root_secret_make(const char *dir, uint8_t ret[ROOT_SECRET_SIZE], struct diag *d)
{
    int r = root_secret_load(dir, ret, d);
    if (r != -ENOENT) {
        return r;
    }
    char path[PATH_MAX], temporary[PATH_MAX], name[64];
    (void)snprintf(name, sizeof name, "." ROOT_SECRET_FILE ".%ld", (long)getpid());
    r = make_folders(dir, d);
    r = r == 0 ? secret_path(dir, ROOT_SECRET_FILE, path, d) : r;
    r = r == 0 ? secret_path(dir, name, temporary, d) : r;
    if (r < 0) {
        return r;
    }
    (void)unlink(temporary); /* of a crashed process that had our number */
    r = write_secret(temporary, d);
    if (r == 0 && link(temporary, path) != 0 && errno != EEXIST) {
        r = diag_fail(d, -errno, "%s: cannot make the root secret: %s", path, strerror(errno));
    }
    (void)unlink(temporary);
    return r == 0 ? root_secret_load(dir, ret, d) : r;
}
