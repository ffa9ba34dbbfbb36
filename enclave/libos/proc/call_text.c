/* SPDX-License-Identifier: Apache-2.0 */
/* See call_text.h. */
#include "proc/call_text.h"

#include <errno.h>

#include "proc/call_server.h"

#define TIDS UINT64_C(0xffffffff) /* `which` of the list of thread ids: numbers of 32 bits */

static uint64_t address_of(uint64_t which, int id)
{
    return which << 32 | (uint32_t)id;
}

#define COMM UINT64_C(0xfffffffe) /* the name that the owner was told by a write */

/* ---- at the member --------------------------------------------------------------------------- */

void call_take_text(uint64_t which, struct bytes text)
{
    char name[COMM_SIZE] = "";
    if (which != address_of(COMM, 0)) {
        return;
    }
    memcpy(name, text.data, text.size < sizeof name ? text.size : sizeof name - 1);
    os_lock();
    os_set_comm(name);
    os_unlock();
}

static int attach_tids(struct call_ranges *out, uint64_t addr)
{
    int tids[THREADS_MAX];
    os_lock();
    size_t n = os_thread_ids(tids, ARRAY_SIZE(tids));
    os_unlock();
    n = n < ARRAY_SIZE(tids) ? n : ARRAY_SIZE(tids);
    return call_ranges_add(out, RANGE_TEXT, addr, tids, n * sizeof tids[0]);
}

int call_attach_text(struct call_ranges *out, uint64_t addr)
{
    struct fs_text t = {.data = NULL};
    if (addr >> 32 == TIDS) {
        return attach_tids(out, addr);
    }
    os_lock();
    bool known = fs_own_text((unsigned)(addr >> 32), (int)(uint32_t)addr, &t);
    os_unlock();
    int err = !known ? -EFAULT : t.failed ? -ENOMEM : 0;
    if (err == 0) {
        err = call_ranges_add(out, RANGE_TEXT, addr, t.data, t.size);
    }
    rt_free(t.data);
    return err;
}

/* ---- at the owner ---------------------------------------------------------------------------- */

/* *ret: the text that came; false: it did not, and was asked for. */
static bool find(struct call_server *s, uint64_t addr, struct bytes *ret)
{
    struct call_memory *m = &s->memory;
    for (uint32_t i = 0; i < m->in.count; i++) {
        const struct call_range *r = &m->in.list[i];
        if (r->kind == RANGE_TEXT && r->addr == addr) {
            *ret = BYTES(m->in.data + m->in.places[i], r->size);
            return true;
        }
    }
    ignore_result(call_ranges_add(&m->need, RANGE_NEED_TEXT, addr, NULL, 0),
                  "then the file cannot be read");
    return false;
}

int os_text_elsewhere(unsigned which, int id, struct fs_text *t)
{
    struct call_server *s = os_self()->server;
    struct bytes text;
    if (s == NULL) {
        return 0;
    }
    if (!find(s, address_of(which, id), &text)) {
        return -EFAULT;
    }
    fs_text_put(t, text);
    return 1;
}

void call_server_set_comm(struct call_server *s, const char *comm)
{
    ignore_result(
        call_ranges_add(&s->memory.out, RANGE_TEXT, address_of(COMM, 0), comm, strlen(comm)),
        "then the member does not hear of it, as if it had come too late");
}

size_t call_server_tids(struct call_server *s, int *ret_tids, size_t max)
{
    struct bytes text;
    if (!find(s, address_of(TIDS, 0), &text)) {
        return 0;
    }
    size_t n = text.size / sizeof *ret_tids;
    memcpy(ret_tids, text.data, (n < max ? n : max) * sizeof *ret_tids);
    return n;
}
