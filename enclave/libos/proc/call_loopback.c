/* SPDX-License-Identifier: Apache-2.0 */
/* See call_loopback.h. */
#include "proc/call_loopback.h"

#include <errno.h>
#include <stdlib.h>

#include "signals/signals.h"
#include "trace/call_texts.h"
#include "dispatch.h"

struct os_thread loopback_member;
struct call_server loopback_server;
unsigned loopback_rounds;
static struct call_client client;
static struct process process = {.pid = 7};
static struct os_thread *self = &loopback_member;

void loopback_start(void)
{
    loopback_member.process = loopback_server.process = &process;
    loopback_member.client = &client;
    loopback_server.thread.server = &loopback_server;
}

struct os_thread *os_self(void)
{
    return self;
}

int call_exchange(struct call_client *c, bool may_cancel)
{
    (void)may_cancel;
    loopback_rounds++;
    self = &loopback_server.thread;
    int err = call_serve(&loopback_server, BYTES(c->message.data, c->message.size));
    self = &loopback_member;
    REQUIRE(err == 0 && loopback_server.answer.size > 0);
    err = call_buffer_room(&c->message, loopback_server.answer.size);
    c->message.size = loopback_server.answer.size;
    memcpy(c->message.data, loopback_server.answer.data, c->message.size);
    return err;
}

void call_catch_up(uint64_t notices)
{
    (void)notices; /* nobody else sends signals here */
}

struct process *call_serve_as(struct call_server *s, int pid)
{
    return pid == s->process->pid ? s->process : NULL;
}

int64_t call_serve_op(struct call_server *s, struct bytes in, struct writer *out)
{
    (void)s;
    writer_put(out, in);
    return (int64_t)in.size;
}

void session_end(struct session *s)
{
    (void)s;
}

void session_close(struct session *s)
{
    (void)s;
}

/* ---- the rows of fs/ ------------------------------------------------------------------------- */

#define INT(x)           FROM_INT
#define MODE(x)          FROM_INT
#define FD(x)            FROM_INT
#define DIRFD(x)         FROM_INT
#define SIZE(x)          FROM_WORD
#define OFF(x)           FROM_WORD
#define FLAGS(x)         FROM_INT
#define UINT(x)          FROM_INT
#define PATH(x)          FROM_APP
#define IN(x)            FROM_APP
#define OUT(x)           FROM_APP
#define INOUT(x)         FROM_APP
#define IN_BUF(x, size)  FROM_APP
#define OUT_BUF(x, size) FROM_APP
#define FROM_INT(a)      ((int)(uint32_t)(a))
#define FROM_WORD(a)     (a)
#define FROM_APP(a)      app_at(a)

#define COUNT_(z, a, b, c, d, e, f, n, ...) n
#define COUNT(...) COUNT_(0 __VA_OPT__(, ) __VA_ARGS__, 6, 5, 4, 3, 2, 1, 0)
#define PASS0()
#define PASS1(t1)                     t1(a[0])
#define PASS2(t1, t2)                 PASS1(t1), t2(a[1])
#define PASS3(t1, t2, t3)             PASS2(t1, t2), t3(a[2])
#define PASS4(t1, t2, t3, t4)         PASS3(t1, t2, t3), t4(a[3])
#define PASS5(t1, t2, t3, t4, t5)     PASS4(t1, t2, t3, t4), t5(a[4])
#define PASS6(t1, t2, t3, t4, t5, t6) PASS5(t1, t2, t3, t4, t5), t6(a[5])
#define PASS(...)                     SYS_GLUE(PASS, COUNT(__VA_ARGS__))(__VA_ARGS__)

static int64_t make(uint64_t number, const uint64_t a[CALL_ARGS])
{
    switch (number) {
#define SYSCALL(number_, name, status, where, ...)                                                 \
    case number_:                                                                                  \
        return sys_##name(PASS(__VA_ARGS__));
#define DENIED(number_, name, error)                                                               \
    case number_:                                                                                  \
        return -(error);
#define NOTE(name, text)
#include "fs/syscalls_fs.def"
    default:
        return -ENOSYS;
    }
}

int64_t dispatch_serve(const struct rt_frame *f, uint64_t number)
{
    const uint64_t a[CALL_ARGS] = {f->rdi, f->rsi, f->rdx, f->r10, f->r8, f->r9};
    return make(number, a);
}

int64_t loopback_call(bool remote, uint64_t number, const uint64_t args[CALL_ARGS])
{
    return remote ? call_remote(&loopback_member, number, args) : make(number, args);
}

/* ---- what fs/ alone does not need of the runtime --------------------------------------------- */

int load_app_u32(uint32_t *ret, app_ptr p)
{
    return copy_from_app(ret, p, sizeof *ret);
}

int cmpxchg_app_u32(app_ptr p, uint32_t expected, uint32_t desired, uint32_t *ret_old)
{
    (void)desired;
    *ret_old = expected;
    return copy_from_app(ret_old, p, sizeof *ret_old);
}

void rt_exit(enum exit_kind kind, uint64_t value)
{
    (void)kind;
    exit((int)value);
}

bool signal_take(struct os_thread *t, uint64_t set, struct signal_info *ret)
{
    (void)t, (void)set, (void)ret;
    return false; /* the loopback has no signals: tests/conformance/signalfd.c is about them */
}
