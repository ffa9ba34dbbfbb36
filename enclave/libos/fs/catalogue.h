/* SPDX-License-Identifier: Apache-2.0 */
/* The catalogue of a sealed volume: its files, directories and names as one sequence of records
 * (docs/formats/sealed-volume.md). Pure functions over bytes: no tree, no allocation.
 *
 * Trust: the bytes were authenticated, so a correct writer made them; the reader is strict all the
 * same, because what it accepts becomes the workload's file system. */
#pragma once

#include "volume.h"

#define CATALOGUE_NODE_SIZE 100u /* without the link's text */
#define CATALOGUE_NAME_SIZE 12u  /* without the name */

struct catalogue_time {
    int64_t sec;
    uint32_t nsec;
};
struct catalogue_node {
    uint32_t mode, uid, gid;
    uint64_t ino, size;
    struct catalogue_time atime, mtime, ctime;
    struct volume_ref root; /* of regular files */
    struct bytes link;      /* of symbolic links */
};
/* Nodes are numbered in their order, from 0, the root. */
struct catalogue_name {
    uint32_t parent, node;
    struct bytes name;
};
enum catalogue_kind {
    CATALOGUE_END = 0,
    CATALOGUE_NODE = 1,
    CATALOGUE_NAME = 2,
    CATALOGUE_BAD = 3
};

void catalogue_put_node(struct writer *w, const struct catalogue_node *n);
void catalogue_put_name(struct writer *w, const struct catalogue_name *n);
/* The next record, and which of the two it is. Checks what can be seen in it alone: types, sizes,
 * names that are names; the caller checks that the numbers exist and make a tree. */
enum catalogue_kind catalogue_next(struct cursor *c, struct catalogue_node *ret_node,
                                   struct catalogue_name *ret_name);
