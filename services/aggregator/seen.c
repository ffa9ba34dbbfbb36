/* SPDX-License-Identifier: Apache-2.0 */
#include "seen.h"

#include "query/signed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int seen_make(struct seen *s, size_t room)
{
    s->slots = 16;
    while (s->slots < 2 * room) {
        s->slots *= 2;
    }
    s->tags = calloc(s->slots, sizeof *s->tags);
    s->room = room;
    s->count = 0;
    return s->tags != NULL ? 0 : -ENOMEM;
}

void seen_done(struct seen *s)
{
    free(s->tags);
    secure_zero(s, sizeof *s);
}

/* Where the name's tag is, or belongs. */
static int find(const struct seen *s, const uint8_t name[32], uint8_t ret_tag[16], size_t *ret_slot)
{
    static const uint8_t empty[16] = {0};
    uint8_t text[64];
    struct query_hash hash;
    memcpy(text, s->secret, 32);
    memcpy(text + 32, name, 32);
    if (query_hash_of(BYTES_OF(text), &hash) != 0) {
        return -EIO;
    }
    memcpy(ret_tag, hash.data, 16);
    ret_tag[15] |= 0x80; /* never all zero: that is an empty place */
    size_t slot = (size_t)load_le64(ret_tag) & (s->slots - 1);
    while (memcmp(s->tags[slot], empty, 16) != 0 && memcmp(s->tags[slot], ret_tag, 16) != 0) {
        slot = (slot + 1) & (s->slots - 1);
    }
    *ret_slot = slot;
    return memcmp(s->tags[slot], ret_tag, 16) == 0;
}

int seen_has(const struct seen *s, const uint8_t name[32])
{
    uint8_t tag[16];
    size_t slot;
    return find(s, name, tag, &slot);
}

int seen_add(struct seen *s, const uint8_t name[32])
{
    uint8_t tag[16];
    size_t slot;
    int found = find(s, name, tag, &slot);
    if (found != 0) {
        return found < 0 ? found : -EEXIST;
    }
    if (s->count == s->room) {
        return -ENOSPC;
    }
    memcpy(s->tags[slot], tag, sizeof tag);
    s->count++;
    return 0;
}
