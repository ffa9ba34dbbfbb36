/* SPDX-License-Identifier: Apache-2.0 */
/* Who was counted already: a set of 32-byte names, of which 16-byte tags are kept under a secret of
 * this set, so that nobody can look for names whose tags collide. 32 bytes for each name that it
 * has room for, at least, and at most twice as many. */
#pragma once

#include "base/attr.h"

struct seen {
    uint8_t secret[32]; /* random; the caller fills it in */
    uint8_t (*tags)[16];
    size_t slots; /* a power of two, at least twice `room` */
    size_t count, room;
};
/* -ENOMEM. */
int seen_make(struct seen *s, size_t room) MUST_USE;
void seen_done(struct seen *s);
/* 1: it is in the set; 0: not; -EIO when the crypto library fails. */
int seen_has(const struct seen *s, const uint8_t name[32]) MUST_USE;
/* -ENOSPC when it is full, -EEXIST, -EIO. */
int seen_add(struct seen *s, const uint8_t name[32]) MUST_USE;
