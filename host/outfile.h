/* SPDX-License-Identifier: Apache-2.0 */
/* A file that appears under its name when it is complete, and otherwise leaves no trace. */
#pragma once

#include "base/diag.h"

struct outfile {
    int fd;
    char *target; /* absolute, symbolic links resolved; NULL: not open */
    char *temp;   /* beside it */
};

/* Nothing but a regular file is ever replaced: an output called /dev/null or a directory is an error
 * here, not a device less on the machine. A symbolic link keeps pointing where it did. `what` begins
 * the sentence in d. */
int outfile_open(struct outfile *ret, const char *what, const char *path, struct diag *d) MUST_USE;
int outfile_commit(struct outfile *f, struct diag *d) MUST_USE;
/* Gives up what was not committed. Safe on zeroed and on committed ones. */
void outfile_discard(struct outfile *f);
