/* SPDX-License-Identifier: Apache-2.0 */
/* See call_text.h. */
#include "proc/call_text.h"

#include <errno.h>

#include "proc/call_server.h"
#include "signals/signals.h"

#define TIDS UINT64_C(0xffffffff) /* `which` of the list of thread ids: numbers of 32 bits */

static uint64_t address_of(uint64_t which, int id)
{
    return which << 32 | (uint32_t)id;
}

#define SIGNAL UINT64_C(0xfffffffd) /* a pending signal of that number, which it takes */
#define COMM   UINT64_C(0xfffffffe) /* the name that the owner was told by a write */

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

static int attach_signal(struct call_ranges *out, uint64_t addr)
{
    struct signal_info info;
    const uint32_t signo = (uint32_t)addr;
    if (signo < 1 || signo > SIGNALS) {
        return -EFAULT;
    }
    os_lock();
    bool there = signal_take(os_self(), SIGNAL_BIT(signo), &info);
    os_unlock();
    return call_ranges_add(out, RANGE_TEXT, addr, &info, there ? sizeof info : 0);
}

int call_attach_text(struct call_ranges *out, uint64_t addr)
{
    struct fs_text t = {.data = NULL};
    if (addr >> 32 == TIDS) {
        return attach_tids(out, addr);
    }
    if (addr >> 32 == SIGNAL) {
        return attach_signal(out, addr);
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

static bool came(const struct call_memory *m, uint64_t addr, struct bytes *ret)
{
    for (uint32_t i = 0; i < m->in.count; i++) {
        const struct call_range *r = &m->in.list[i];
        if (r->kind == RANGE_TEXT && r->addr == addr) {
            *ret = BYTES(m->in.data + m->in.places[i], r->size);
            return true;
        }
    }
    return false;
}

/* *ret: the text that came; false: it did not, and was asked for. */
static bool find(struct call_server *s, uint64_t addr, struct bytes *ret)
{
    if (came(&s->memory, addr, ret)) {
        return true;
    }
    ignore_result(call_ranges_add(&s->memory.need, RANGE_NEED_TEXT, addr, NULL, 0),
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

uint64_t call_server_pending(const struct call_server *s)
{
    return s->head.own_pending | s->head.pending;
}

/* What came with the call, the next that is not in *taken. */
static const struct call_range *next_that_came(const struct call_memory *m, uint64_t set,
                                               struct bytes *ret)
{
    for (uint32_t i = 0; i < m->in.count; i++) {
        const struct call_range *r = &m->in.list[i];
        const uint32_t signo = (uint32_t)r->addr;
        if (r->kind == RANGE_TEXT && r->addr >> 32 == SIGNAL && signo >= 1 && signo <= SIGNALS &&
            (set & SIGNAL_BIT(signo)) != 0) {
            *ret = BYTES(m->in.data + m->in.places[i], r->size);
            return r;
        }
    }
    return NULL;
}

int call_server_take_signal(struct call_server *s, uint64_t set, uint64_t *taken,
                            struct signal_info *ret)
{
    struct bytes text;
    set &= ~*taken;
    const struct call_range *r = next_that_came(&s->memory, set, &text);
    if (r == NULL) {
        const uint64_t own = s->head.own_pending & set;
        const uint64_t left = own != 0 ? own : s->head.pending & set;
        return left != 0 && !find(s, address_of(SIGNAL, __builtin_ctzll(left) + 1), &text) ? -EFAULT
                                                                                           : 0;
    }
    *taken |= SIGNAL_BIT((uint32_t)r->addr);
    if (text.size != sizeof *ret) { /* another thread took it meanwhile */
        return -ERESTARTSYS;
    }
    memcpy(ret, text.data, sizeof *ret);
    return 1;
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
