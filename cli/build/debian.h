/* SPDX-License-Identifier: Apache-2.0 */
/* Debian packages that are installed on a machine, as the content of a base layer: a set of
 * packages closed under Depends, their files, and the links that update-alternatives would make. */
#pragma once

#include "stage.h"

struct debian; /* what /var/lib/dpkg says, and a selection from it */

/* What of the packages' files is wanted. */
enum debian_part {
    DEBIAN_LIBRARIES,  /* libraries, modules and Python itself: no other programs */
    DEBIAN_EVERYTHING, /* all but documentation, translations and Debian's own tools */
};
/* system: the root directory of a Debian system, "" for this one. roots: package names, NULL at the
 * end; everything that they need, recursively, is selected. */
int debian_select(const char *system, const char *const *roots, enum debian_part part,
                  struct debian **ret, struct diag *d) MUST_USE;
void debian_free(struct debian *b);
size_t debian_package_count(const struct debian *b);
/* Is a package of that name installed, selected or not? */
bool debian_has(const struct debian *b, const char *name);
size_t debian_file_count(const struct debian *b);
/* A digest of what the selection is on this machine: versions, and size and time of each file. */
int debian_key(const struct debian *b, uint8_t ret[32], struct diag *d) MUST_USE;
/* Copies the files: no documentation, translations or maintainer scripts. */
int debian_stage(const struct debian *b, struct stage *s, struct diag *d) MUST_USE;
