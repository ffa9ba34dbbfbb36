/* SPDX-License-Identifier: Apache-2.0 */
/* See call_server.h: one request and its answer. The thread around it is in call_wait.c. */
#include "proc/call_server.h"

#include <errno.h>

#include "dispatch.h"
#include "fs/vfs.h"
#include "proc/shares.h"

/* ---- operations ------------------------------------------------------------------------------ */

static int operation(struct call_server *s, struct call_head *answer)
{
    const struct bytes in = call_ranges_find(&s->memory.in, RANGE_DATA, 0);
    size_t room = s->head.args[0] < CALL_DATA_MAX ? s->head.args[0] : CALL_DATA_MAX;
    uint8_t *place;
    int err = call_ranges_reserve(&s->memory.out, room + 1, &place);
    if (err != 0) {
        return err;
    }
    struct writer out = writer_of(place, room);
    os_lock();
    do {
        out = writer_of(place, room);
        answer->result = call_serve_op(s, in, &out);
    } while (answer->result == -EFAULT && share_bring() > 0);
    os_unlock();
    if (out.failed) {
        answer->result = -EMSGSIZE;
        out.size = 0;
    }
    answer->kind = CALL_RESULT;
    return call_ranges_add(&s->memory.out, RANGE_DATA, 0, place, out.size);
}

/* ---- system calls ---------------------------------------------------------------------------- */

/* Reading it never blocks: a read that was cut may go on. */
static bool never_blocks(uint64_t fd)
{
    os_lock();
    const struct file *f = fd_get((int)(uint32_t)fd);
    bool never = f != NULL && f->ops->poll == NULL;
    os_unlock();
    return never;
}

static int system_call(struct call_server *s, struct call_head *answer)
{
    const uint64_t *a = s->head.args;
    struct rt_frame frame = {.rdi = a[0],
                             .rsi = a[1],
                             .rdx = a[2],
                             .r10 = a[3],
                             .r8 = a[4],
                             .r9 = a[5],
                             .rax = s->head.number};
    s->thread.frame = &frame;
    rt_set_app_memory(&s->memory.operations);
    answer->result = dispatch_serve(&frame, s->head.number);
    rt_set_app_memory(NULL);
    s->thread.frame = NULL;
    if (answer->result == -EFAULT && s->memory.need.count > 0) {
        answer->kind = CALL_NEED;
        return 0;
    }
    answer->kind = CALL_RESULT;
    answer->signals = s->signals;
    answer->flags = answer->result >= (int64_t)CALL_DATA_MAX && never_blocks(a[0]) ? CALL_GO_ON : 0;
    return 0;
}

int call_serve(struct call_server *s, struct bytes request)
{
    struct call_message m;
    struct call_head answer = {.kind = 0};
    s->answer.size = 0;
    if (call_decode(request, &m) != 0) {
        return -EINVAL;
    }
    if (m.head.kind == CALL_CANCEL || m.head.kind == CALL_PENDING) {
        return 0; /* of a call that was over before */
    }
    s->head = m.head;
    s->cancelled = false;
    s->signals = 0;
    s->thread.tid = m.head.tid;
    s->thread.process = call_serve_as(s, m.head.pid);
    if (s->thread.process == NULL) {
        return -EINVAL;
    }
    answer.sequence = m.head.sequence;
    call_memory_start(&s->memory);
    int err = call_ranges_take(&s->memory.in, &m);
    if (err == 0) {
        err = m.head.kind == CALL_SYSCALL ? system_call(s, &answer)
              : m.head.kind == CALL_OP    ? operation(s, &answer)
                                          : -EINVAL;
    }
    if (err != 0) {
        return err;
    }
    answer.notices = __atomic_load_n(&s->process->notices, __ATOMIC_ACQUIRE);
    const struct call_ranges *out = answer.kind == CALL_NEED ? &s->memory.need : &s->memory.out;
    size_t size = call_encoded_size(out);
    err = call_buffer_room(&s->answer, size);
    if (err == 0) {
        call_encode(&answer, out, s->answer.data);
        s->answer.size = size;
    }
    return err;
}

void call_server_raise(struct call_server *s, int signo)
{
    s->signals |= SIGNAL_BIT(signo);
}
