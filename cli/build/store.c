/* SPDX-License-Identifier: Apache-2.0 */
/* Where layers lie on this machine, see store.h. */
#include "store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "file.h"
#include "host/host.h"
#include "interrupt.h"
#include "stage.h"

int store_path(char *ret_path, struct diag *d)
{
    return host_store_path(ret_path, PATH_MAX, d);
}

int store_find(const char *bundle, const uint8_t root[32], char *ret_path, bool *ret_in_bundle,
               struct diag *d)
{
    bool ignored;
    bool *in_bundle = ret_in_bundle != NULL ? ret_in_bundle : &ignored;
    char hex[65], store[PATH_MAX];
    hex_encode(hex, root, 32);
    *in_bundle = bundle != NULL &&
                 base_format(ret_path, PATH_MAX, "%s/layers/%s.img", bundle, hex) < PATH_MAX &&
                 access(ret_path, F_OK) == 0;
    if (*in_bundle) {
        return 0;
    }
    int err = store_path(store, d);
    if (err != 0) {
        return err;
    }
    if (base_format(ret_path, PATH_MAX, "%s/%s.img", store, hex) < PATH_MAX &&
        access(ret_path, F_OK) == 0) {
        return 0;
    }
    return diag_fail(d, -ENOENT,
                     "layer %s is neither in the bundle nor in %s; build the bundle "
                     "again on this machine",
                     hex, store);
}

/* What a build that was killed left behind; called with the lock held. */
static void remove_leftovers(const char *store)
{
    char path[PATH_MAX];
    DIR *stream = opendir(store);
    for (struct dirent *e; stream != NULL && (e = readdir(stream)) != NULL;) {
        bool ours = strncmp(e->d_name, ".stage-", 7) == 0 || strncmp(e->d_name, ".layer-", 7) == 0;
        if (ours && base_format(path, sizeof path, "%s/%s", store, e->d_name) < sizeof path) {
            remove_tree(path);
        }
    }
    if (stream != NULL) {
        closedir(stream);
    }
}

int store_lock(const char *store, struct diag *d)
{
    char path[PATH_MAX];
    int err = make_folders(store, d);
    if (err != 0) {
        return err;
    }
    if (base_format(path, sizeof path, "%s/.lock", store) >= sizeof path) {
        return diag_fail(d, -ENAMETOOLONG, "%s: path is too long", store);
    }
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        err = -errno;
        return diag_fail(d, err, "%s: %s", path, strerror(-err));
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        fprintf(stderr, "alcove build: waiting for another build to finish its layer\n");
        while (flock(fd, LOCK_EX) != 0) {
            if (interrupted() || errno != EINTR) {
                err = -errno;
                close(fd);
                return diag_fail(d, err, "%s: %s", path, strerror(-err));
            }
        }
    }
    remove_leftovers(store);
    return fd;
}
