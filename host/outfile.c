/* SPDX-License-Identifier: Apache-2.0 */
/* See outfile.h. The user names the files; whoever can write to their folder can interfere. */
#include "outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The absolute name of a file that does not exist yet; malloc'ed. */
static char *resolve_new(const char *path)
{
    char folder[PATH_MAX], *full = NULL;
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    size_t n = slash == NULL ? 0 : (size_t)(slash - path) + 1;
    if (name[0] == '\0' || n >= sizeof folder) {
        errno = name[0] == '\0' ? EISDIR : ENAMETOOLONG;
        return NULL;
    }
    memcpy(folder, path, n);
    folder[n] = '\0';
    char *real = realpath(n == 0 ? "." : folder, NULL);
    if (real != NULL && asprintf(&full, "%s/%s", real, name) < 0) {
        full = NULL;
    }
    free(real);
    return full;
}

static char *resolve(const char *path, mode_t *ret_mode)
{
    struct stat st;
    mode_t mask = umask(0);
    umask(mask);
    *ret_mode = 0666 & ~mask;
    if (lstat(path, &st) != 0) {
        return errno == ENOENT ? resolve_new(path) : NULL;
    }
    if (stat(path, &st) != 0) {
        return NULL;
    }
    if (!S_ISREG(st.st_mode)) {
        errno = S_ISDIR(st.st_mode) ? EISDIR : EEXIST;
        return NULL;
    }
    *ret_mode = st.st_mode & 0777;
    return realpath(path, NULL);
}

int outfile_open(struct outfile *ret, const char *what, const char *path, struct diag *d)
{
    mode_t mode;
    struct outfile f = {.fd = -1, .target = resolve(path, &mode)};
    if (f.target == NULL) {
        return errno == EEXIST
                   ? diag_fail(d, -EEXIST, "%s: %s is there and is not a regular file", what, path)
                   : diag_fail(d, -errno, "%s: cannot create %s: %s", what, path, strerror(errno));
    }
    if (asprintf(&f.temp, "%s.XXXXXX", f.target) < 0) {
        free(f.target);
        return diag_fail(d, -ENOMEM, "%s: no memory", what);
    }
    f.fd = mkostemp(f.temp, O_CLOEXEC);
    if (f.fd < 0) {
        int error = errno;
        free(f.temp);
        free(f.target);
        return diag_fail(d, -error, "%s: cannot create %s: %s", what, path, strerror(error));
    }
    ignore_result(fchmod(f.fd, mode), "a stricter mode than usual is no harm");
    *ret = f;
    return 0;
}

int outfile_commit(struct outfile *f, struct diag *d)
{
    int r = close(f->fd) == 0 ? 0 : -errno; /* late write errors of network file systems */
    f->fd = -1;
    if (r == 0 && rename(f->temp, f->target) != 0) {
        r = -errno;
    }
    if (r != 0) {
        return diag_fail(d, r, "cannot write %s: %s", f->target, strerror(-r));
    }
    free(f->temp);
    f->temp = NULL;
    return 0;
}

void outfile_discard(struct outfile *f)
{
    if (f->target == NULL) {
        return;
    }
    if (f->fd >= 0) {
        close(f->fd);
    }
    if (f->temp != NULL) {
        unlink(f->temp);
    }
    free(f->temp);
    free(f->target);
    *f = (struct outfile){.fd = -1};
}
