/* SPDX-License-Identifier: Apache-2.0 */
/* A folder for one test's files, gone afterwards. */
#pragma once

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline int scratch_remove_one_(const char *path, const struct stat *st, int kind,
                                      struct FTW *ftw)
{
    (void)st, (void)kind, (void)ftw;
    return remove(path);
}

static inline void scratch_remove(const char *dir)
{
    if (nftw(dir, scratch_remove_one_, 8, FTW_DEPTH | FTW_PHYS) != 0) {
        printf("# %s is left behind\n", dir);
    }
}
