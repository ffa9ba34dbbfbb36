/* SPDX-License-Identifier: Apache-2.0 */
/* What the tables of /proc/sysvipc have in common. Source: ipc/util.c, ipc/sem.c. */
#include "ipc/ipc.h"

void ipc_text_head(struct fs_text *t, const struct ipc_object *o)
{
    const uint32_t mode = o->perm.mode;
    char rights[8]; /* four octal digits, of which the first ones may be missing */
    size_t n = 0;
    for (unsigned shift = 12; n < 5; shift -= 3) {
        const bool shown = mode >> shift != 0 || shift == 0;
        rights[n++] = shown ? (char)('0' + (mode >> shift & 7)) : ' ';
    }
    fs_printf(t, "%10d %10d %.*s", o->perm.key, ipc_id(o), (int)n, rights);
}

void ipc_text_owners(struct fs_text *t, const struct ipc_object *o)
{
    fs_printf(t, " %5u %5u %5u %5u", o->perm.uid, o->perm.gid, o->perm.cuid, o->perm.cgid);
}
