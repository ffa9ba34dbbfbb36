/* SPDX-License-Identifier: Apache-2.0 */
/* Makes what a software machine consists of on disk, at first use or by `alcove machine init`. */
#include "machine/state.h"

#include "soft/pki.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

_Static_assert(ROOT_SECRET_SIZE == PKI_SECRET_SIZE, "one secret");

int machine_state_make(const char *state_dir, bool rewrite, char *ret_dir,
                       uint8_t ret_secret[ROOT_SECRET_SIZE], struct diag *d)
{
    int r = machine_dir(state_dir, ret_dir, d);
    r = r == 0 ? root_secret_make(ret_dir, ret_secret, d) : r;
    if (r < 0) {
        return r;
    }
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/" MACHINE_ROOT_FILE, ret_dir);
    if (n < 0 || n >= PATH_MAX) {
        return diag_fail(d, -ENAMETOOLONG, "%s: path too long", ret_dir);
    }
    if (!rewrite && access(path, F_OK) == 0) {
        return 0;
    }
    return pki_create(ret_dir, ret_secret, d);
}
