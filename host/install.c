/* SPDX-License-Identifier: Apache-2.0 */
/* Finds this release's own files. Nothing is trusted for lying there: an enclave carries its
 * measurement and signature, and the machine certifies the signer that it knows. */
#include "host/install.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool there(char *ret_path, const char *dir, const char *below, const char *name)
{
    return base_format(ret_path, PATH_MAX, "%s%s/%s", dir, below, name) < PATH_MAX &&
           access(ret_path, R_OK) == 0;
}

int host_find_file(const char *name, char *ret_path, struct diag *d)
{
    static const char *const places[] = {"", "/../libexec/alcove", "/../../libexec/alcove"};
    char program[PATH_MAX];
    const char *own = getenv("ALCOVE_LIBEXEC_DIR");
    if (own != NULL && *own != '\0') {
        return there(ret_path, own, "", name)
                   ? 0
                   : diag_fail(d, -ENOENT, "%s is not in ALCOVE_LIBEXEC_DIR (%s)", name, own);
    }
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    char *slash = n > 0 ? memrchr(program, '/', (size_t)n) : NULL;
    if (slash != NULL) {
        *slash = '\0';
        for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
            if (there(ret_path, program, places[i], name)) {
                return 0;
            }
        }
    }
    return diag_fail(d, -ENOENT,
                     "%s is neither beside the program nor installed; set "
                     "ALCOVE_LIBEXEC_DIR to the folder that has it",
                     name);
}
