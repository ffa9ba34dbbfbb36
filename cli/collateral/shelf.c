/* SPDX-License-Identifier: Apache-2.0 */
/* Opens what 'alcove collateral show' and 'check' look into. A bundle is taken as it stands, so
 * that also what no verifier can read shows. */
#include <sys/stat.h>

#include "verb.h"

#define BUNDLE_SIZE_MAX (64u * 1024 * 1024)

int shelf_open(const char *path, struct shelf *ret, struct diag *d)
{
    struct stat st;
    *ret = (struct shelf){.is_file = stat(path, &st) == 0 && S_ISREG(st.st_mode)};
    if (ret->is_file) {
        int err = mapped_file_open(&ret->file, path, BUNDLE_SIZE_MAX, d);
        if (err != 0) {
            return err;
        }
        ret->bundle = (struct alcove_bytes){ret->file.bytes.data, ret->file.bytes.size};
        if (alcove_bundle_valid(ret->bundle)) {
            return 0;
        }
        mapped_file_close(&ret->file);
        ret->is_file = false;
    }
    int err = gather_open(&ret->gather, d);
    if (err != 0) {
        return err;
    }
    err = gather_path(&ret->gather, path, d);
    err = err == 0 ? gather_encode(&ret->gather, &ret->bundle, d) : err;
    if (err != 0) {
        gather_close(&ret->gather);
    }
    return err;
}

void shelf_close(struct shelf *s)
{
    if (s->is_file) {
        mapped_file_close(&s->file);
    } else {
        gather_close(&s->gather);
    }
}
