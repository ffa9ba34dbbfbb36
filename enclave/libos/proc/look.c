/* SPDX-License-Identifier: Apache-2.0 */
/* See look.h. */
#include "proc/look.h"

#include <errno.h>

#include "fs/vfs.h"
#include "proc/blank.h"
#include "proc/call_server.h"
#include "proc/member.h"
#include "proc/table.h"

#define PART_MAX 4096u

/* A caller that waits for an answer. */
struct looking {
    struct looking *next;
    uint64_t token;
    struct fs_text *text;
    bool done, there;
};

static struct {
    struct looking *list;
    uint64_t last_token;
    struct wait_queue changed;
} looks;

/* ---- where the process is -------------------------------------------------------------------- */

bool look_here(unsigned which, int id, bool stopped, struct fs_text *t)
{
    struct os_thread *self = os_self();
    struct process *process = self->process;
    struct call_server *server = self->server;
    const struct os_thread *seen = os_thread_by_tid(id != 0 ? id : os.process->pid);
    if (seen == NULL) {
        seen = os.threads; /* the first one may be over before the others */
    }
    if (seen == NULL) {
        return false;
    }
    self->process = os.process;
    self->server = NULL;
    rt_set_app_memory(NULL);
    os.looked_at = seen;
    os.looked_at_stopped = stopped;
    bool known = fs_own_text(which, id, t);
    os.looked_at = NULL;
    self->process = process;
    self->server = server;
    rt_set_app_memory(server != NULL ? &server->memory.operations : NULL);
    t->failed = false; /* memory that is not there any more is an end of the text */
    return known;
}

void look_answer(const struct notice_look *look, bool there)
{
    struct fs_text t = {.data = NULL};
    struct notice n = {.kind = NOTICE_SEEN, .u.look = *look};
    n.u.look.there = there && look_here(look->which, (int)look->id, look->stopped != 0, &t);
    size_t done = 0;
    do {
        const size_t part = t.size - done < PART_MAX ? t.size - done : PART_MAX;
        n.u.look.last = done + part == t.size;
        blank_say(BYTES(&n, NOTICE_SIZE(look)), BYTES(t.data + done, part));
        done += part;
    } while (done < t.size);
    rt_free(t.data);
}

/* ---- at the owner ---------------------------------------------------------------------------- */

void look_answered(const struct notice_look *look, struct bytes text)
{
    struct looking *l = looks.list;
    while (l != NULL && l->token != look->token) {
        l = l->next;
    }
    if (l == NULL) { /* who asked is gone */
        return;
    }
    fs_text_put(l->text, text);
    l->there = look->there != 0;
    l->done = look->last != 0;
    os_wake_all(&looks.changed);
}

void look_changed(void)
{
    os_wake_all(&looks.changed);
}

static int ask(int pid, const struct process *p, unsigned which, int id, struct fs_text *t)
{
    struct looking self = {looks.list, ++looks.last_token, t, false, false}, **at = &looks.list;
    const struct notice n = {.kind = NOTICE_LOOK,
                             .u.look = {.token = self.token,
                                        .which = which,
                                        .id = (uint32_t)id,
                                        .stopped = p->state == PROCESS_STOPPED}};
    looks.list = &self;
    int r = member_look(p, &n);
    /* The number may be another's when the process is over: its member is gone first. */
    while (r == 0 && !self.done && (p = process_by_pid(pid)) != NULL && p->member != NULL) {
        r = os_block(&looks.changed, UINT64_MAX);
    }
    while (*at != &self) {
        at = &(*at)->next;
    }
    *at = self.next;
    return r != 0 ? r : self.done && self.there;
}

int os_text_of(int pid, unsigned which, int id, struct fs_text *t)
{
    const struct process *p = process_by_pid(pid);
    if (p == NULL || p->state >= PROCESS_ZOMBIE) {
        return 0;
    }
    if (p == os.process) {
        return look_here(which, id, p->state == PROCESS_STOPPED, t);
    }
    return p->member != NULL ? ask(pid, p, which, id, t) : 0;
}

size_t os_thread_ids_of(int pid, int *ret_tids, size_t max)
{
    const struct process *p = process_by_pid(pid);
    size_t n = 0;
    if (p == NULL) {
        return 0;
    }
    if (p->member != NULL) {
        n = member_tids(p, ret_tids, max);
    }
    for (const struct os_thread *t = p == os.process ? os.threads : NULL; t != NULL; t = t->next) {
        if (n < max) {
            ret_tids[n] = t->tid;
        }
        n++;
    }
    if (n == 0 && max > 0) { /* a zombie, or in its parent's memory */
        ret_tids[n++] = pid;
    }
    return n;
}

void os_rlimit_of(int pid, unsigned resource, uint64_t *ret_soft, uint64_t *ret_hard)
{
    const struct process *p = process_by_pid(pid);
    p = p != NULL ? p : os_current();
    *ret_soft = p->limits[resource].soft;
    *ret_hard = p->limits[resource].hard;
}
