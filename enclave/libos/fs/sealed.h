/* SPDX-License-Identifier: Apache-2.0 */
/* Sealed mounts, seen from the rest of fs/. */
#pragma once

#include "vfs.h"

/* What a sealed file system keeps about a node. */
struct sealed_node;

/* Mounts a volume. With key: identity it is opened here, and *d says why it cannot be; with key:
 * program it stays empty and read-only until the program writes its key (docs/formats/
 * sealed-volume.md). number: of the manifest's mount. */
int sealed_mount(const struct manifest_mount *m, size_t number, struct diag *d) MUST_USE;
/* Acknowledges what the file system holds: after 0 every later open finds it. 0 for others. */
int sealed_commit(struct fs *fs) MUST_USE;
/* All of them; the end of the run, sync(2). The first error. */
int sealed_commit_all(struct diag *d) MUST_USE;

/* From tmpfs: a page has other content than before, or none; a node is gone. */
void sealed_touch(struct node *n, struct sealed_node **s, uint64_t page);
void sealed_forget(struct node *n, struct sealed_node *s);
