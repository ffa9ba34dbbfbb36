/* SPDX-License-Identifier: Apache-2.0 */
/* What the file system tells those who watch (inotify.c). With the lock held; each costs one test
 * while nobody watches anything. Masks are those of inotify(7). */
#pragma once

#include <linux/inotify.h>

#include "vfs.h"

extern unsigned fs_watch_count;

void fs_notify_slow(struct dentry *d, uint32_t mask);
void fs_notify_name_slow(struct node *dir, bool is_dir, struct bytes name, uint32_t mask,
                         uint32_t cookie);
void fs_notify_node_slow(struct node *n, uint32_t mask);
void fs_notify_gone(struct node *n); /* it has no name any more and nobody has it open */
uint32_t fs_notify_cookie(void);     /* joins the two events of a rename */

/* Something happened to what d names: for who watches it, and who watches its directory. */
static inline void fs_notify(struct dentry *d, uint32_t mask)
{
    if (__builtin_expect(fs_watch_count != 0, 0)) {
        fs_notify_slow(d, mask);
    }
}
/* A name in dir came or went; is_dir: of a directory. */
static inline void fs_notify_name(struct node *dir, bool is_dir, struct bytes name, uint32_t mask,
                                  uint32_t cookie)
{
    if (__builtin_expect(fs_watch_count != 0, 0)) {
        fs_notify_name_slow(dir, is_dir, name, mask, cookie);
    }
}
/* For who watches n itself. */
static inline void fs_notify_node(struct node *n, uint32_t mask)
{
    if (__builtin_expect(fs_watch_count != 0, 0)) {
        fs_notify_node_slow(n, mask);
    }
}
