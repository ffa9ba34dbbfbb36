/* SPDX-License-Identifier: Apache-2.0 */
/* A sealed volume as the program sees it (docs/formats/sealed-volume.md): a folder, and a folder of
 * control files beside it. Files are written under other names and renamed; the first that is
 * closed then commits everything at once. */
#pragma once

#include "custodian.h"

struct files {
    const char *folder;  /* "/data" */
    const char *control; /* "/dev/volumes/data": key, minimum, root, status */
};
/* The table for it; *files stays the caller's. */
struct custodian_volume files_volume(struct files *files);
