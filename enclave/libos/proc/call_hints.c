/* SPDX-License-Identifier: Apache-2.0 */
/* See call_hints.h. */
#include "proc/call_hints.h"

#include <errno.h>

#include "proc/shares.h"

#include "trace/call_texts.h"
#include "fs/fs.h"

#define PAGE 4096u
#define DEFAULT_SIZE                                                                               \
    16u /* of what IN and INOUT point at, when nothing below says more: a timespec */
#define VECTOR_MAX  1024u /* UIO_MAXIOV: a longer one is refused before it is read */
#define CONTROL_MAX 8192u
#define TRIES       64u /* a page that came may be with another process before it is looked at */

/* ---- memory of the workload ------------------------------------------------------------------ */

static bool page_in(uint64_t addr, uint64_t size)
{
    os_lock();
    bool came = false;
    do { /* shared with other processes: what is elsewhere is brought, too */
        came = os_page_in(app_at(addr), size) || came;
    } while (share_bring() > 0);
    os_unlock();
    return came;
}

static bool copy_in(void *to, uint64_t addr, size_t n)
{
    bool done = copy_from_app(to, app_at(addr), n) == 0;
    for (unsigned i = 0; !done && i < TRIES; i++) {
        const bool came = page_in(addr, n);
        done = copy_from_app(to, app_at(addr), n) == 0;
        i = came ? i : TRIES;
    }
    return done;
}

static bool copy_out(uint64_t addr, const void *from, size_t n)
{
    bool done = copy_to_app(app_at(addr), from, n) == 0;
    for (unsigned i = 0; !done && i < TRIES; i++) {
        const bool came = page_in(addr, n);
        done = copy_to_app(app_at(addr), from, n) == 0;
        i = came ? i : TRIES;
    }
    return done;
}

int call_put(uint64_t addr, const void *from, size_t size)
{
    int err = copy_to_app(app_at(addr), from, size);
    for (size_t done = 0; err != 0 && done < size;) {
        size_t n = PAGE - (addr + done) % PAGE;
        n = n < size - done ? n : size - done;
        if (!copy_out(addr + done, (const uint8_t *)from + done, n)) {
            return err;
        }
        done += n;
        err = done == size ? 0 : err;
    }
    return err;
}

static int add_bad(struct call_ranges *out, uint64_t addr, uint64_t size)
{
    uint64_t end;
    if (!add_ok(addr, size, &end)) {
        size = UINT64_MAX - addr;
    }
    return call_ranges_add(out, RANGE_BAD, addr, NULL, size < UINT32_MAX ? size : UINT32_MAX);
}

/* At once, when all of it is there, or page by page up to the first that is not. */
int call_attach(struct call_ranges *out, uint64_t addr, uint64_t size)
{
    uint8_t *place;
    uint64_t done = 0;
    int err = size == 0 ? 0 : call_ranges_reserve(out, size, &place);
    if (size == 0 || err != 0) {
        return err;
    }
    if (copy_in(place, addr, size)) {
        return call_ranges_add(out, RANGE_DATA, addr, place, size);
    }
    while (done < size) {
        uint64_t at = addr + done, n = PAGE - at % PAGE;
        n = n < size - done ? n : size - done;
        if (!copy_in(place + done, at, n)) {
            break;
        }
        done += n;
    }
    err = done > 0 ? call_ranges_add(out, RANGE_DATA, addr, place, done) : 0;
    return err != 0 ? err : add_bad(out, addr + done, size - done);
}

static int attach_string(struct call_ranges *out, uint64_t addr)
{
    uint8_t *place;
    int err = call_ranges_reserve(out, FS_PATH_MAX, &place);
    if (err != 0) {
        return err;
    }
    int64_t n = string_from_app((char *)place, app_at(addr), FS_PATH_MAX);
    if (n == -EFAULT && page_in(addr, FS_PATH_MAX)) {
        n = string_from_app((char *)place, app_at(addr), FS_PATH_MAX);
    }
    return n >= 0 ? call_ranges_add(out, RANGE_DATA, addr, place, (size_t)n + 1)
                  : call_attach(out, addr, FS_PATH_MAX);
}

/* Is the byte's page writable? Exchanges a word for what it is. */
static bool writable(uint64_t addr)
{
    app_ptr word = app_at(addr & ~UINT64_C(3));
    uint32_t value, old;
    return load_app_u32(&value, word) == 0 && cmpxchg_app_u32(word, value, value, &old) == 0;
}

/* The owner writes nowhere before the caller can take it: a message that was received is gone. */
static int probe(struct call_ranges *out, uint64_t addr, uint64_t size)
{
    for (uint64_t done = 0; done < size;) {
        uint64_t at = addr + done, n = PAGE - at % PAGE;
        if (!writable(at) && !(page_in(at, 1) && writable(at))) {
            return add_bad(out, at, size - done);
        }
        done += n;
    }
    return 0;
}

/* ---- the table ------------------------------------------------------------------------------- */

enum hint_kind {
    READ,     /* unit * args[count] bytes are read */
    WRITE,    /* ... are written */
    SEND,     /* READ, in parts */
    RECEIVE,  /* WRITE, in parts */
    IOV_READ, /* a vector of args[count] pieces, whose bytes are read */
    IOV_WRITE,
    MSG_READ, /* unit messages, or args[count] of them: sendmsg, sendmmsg */
    MSG_WRITE,
};
#define FIXED 6u /* in place of an argument's index: `unit` bytes, or messages */

static const struct hint {
    uint16_t number;
    uint8_t arg, kind;
    uint8_t count; /* argument, or FIXED */
    uint8_t unit;
    uint32_t max; /* of bytes; 0: CALL_DATA_MAX */
} hints[] = {
    {0, 1, RECEIVE, 2, 1, 0},           /* read */
    {1, 1, SEND, 2, 1, 0},              /* write */
    {7, 0, READ, 1, 8, 0},              /* poll */
    {17, 1, RECEIVE, 2, 1, 0},          /* pread64 */
    {18, 1, SEND, 2, 1, 0},             /* pwrite64 */
    {19, 1, IOV_WRITE, 2, 0, 0},        /* readv */
    {20, 1, IOV_READ, 2, 0, 0},         /* writev */
    {42, 1, READ, 2, 1, 128},           /* connect */
    {44, 1, SEND, 2, 1, 0},             /* sendto */
    {44, 4, READ, 5, 1, 128},           /* */
    {45, 1, RECEIVE, 2, 1, 0},          /* recvfrom */
    {45, 5, READ, FIXED, 4, 0},         /* */
    {46, 1, MSG_READ, FIXED, 1, 0},     /* sendmsg */
    {47, 1, MSG_WRITE, FIXED, 1, 0},    /* recvmsg */
    {49, 1, READ, 2, 1, 128},           /* bind */
    {54, 3, READ, 4, 1, 4096},          /* setsockopt */
    {65, 1, READ, 2, 6, 0},             /* semop */
    {79, 0, WRITE, 1, 1, FS_PATH_MAX},  /* getcwd */
    {89, 1, WRITE, 2, 1, FS_PATH_MAX},  /* readlink */
    {217, 1, RECEIVE, 2, 1, 0},         /* getdents64 */
    {220, 1, READ, 2, 6, 0},            /* semtimedop */
    {220, 3, READ, FIXED, 16, 0},       /* */
    {233, 3, READ, FIXED, 12, 0},       /* epoll_ctl */
    {235, 1, READ, FIXED, 32, 0},       /* utimes */
    {261, 2, READ, FIXED, 32, 0},       /* futimesat */
    {267, 2, WRITE, 3, 1, FS_PATH_MAX}, /* readlinkat */
    {271, 0, READ, 1, 8, 0},            /* ppoll */
    {280, 2, READ, FIXED, 32, 0},       /* utimensat */
    {286, 2, READ, FIXED, 32, 0},       /* timerfd_settime */
    {295, 1, IOV_WRITE, 2, 0, 0},       /* preadv */
    {296, 1, IOV_READ, 2, 0, 0},        /* pwritev */
    {299, 1, MSG_WRITE, 2, 0, 0},       /* recvmmsg */
    {307, 1, MSG_READ, 2, 0, 0},        /* sendmmsg */
    {327, 1, IOV_WRITE, 2, 0, 0},       /* preadv2 */
    {328, 1, IOV_READ, 2, 0, 0},        /* pwritev2 */
};

/* ---- vectors and messages -------------------------------------------------------------------- */

struct piece {
    uint64_t base, size;
};

/* The vector as the owner sees it: this part of it; and the memory of its pieces. */
static int vector(struct call_request *r, uint64_t addr, uint64_t count, bool read)
{
    uint8_t *place;
    size_t size = (size_t)count * sizeof(struct piece);
    uint64_t before = 0, room = CALL_DATA_MAX;
    if (count == 0 || count > VECTOR_MAX) {
        return 0;
    }
    int err = call_ranges_reserve(r->out, size, &place);
    if (err != 0) {
        return err;
    }
    if (!copy_in(place, addr, size)) {
        return call_attach(r->out, addr, size);
    }
    struct piece *pieces = (struct piece *)rt_alloc(size);
    if (pieces == NULL) {
        return -ENOMEM;
    }
    memcpy(pieces, place, size);
    for (uint64_t i = 0; i < count; i++) {
        struct piece *p = &pieces[i];
        if ((int64_t)p->size < 0) {
            continue; /* the owner refuses it */
        }
        uint64_t whole = p->size, skip = r->done > before ? r->done - before : 0;
        skip = skip < whole ? skip : whole;
        p->base += skip;
        p->size = whole - skip < room ? whole - skip : room;
        r->more = r->more || p->size < whole - skip;
        room -= p->size;
        before = add_ok(before, whole, &before) ? before : UINT64_MAX;
    }
    r->part += CALL_DATA_MAX - room;
    err = call_ranges_add(r->out, RANGE_DATA, addr, pieces, size);
    for (uint64_t i = 0; i < count && err == 0; i++) {
        const struct piece *p = &pieces[i];
        if ((int64_t)p->size > 0) {
            err = read ? call_attach(r->out, p->base, p->size) : probe(r->out, p->base, p->size);
        }
    }
    rt_free(pieces);
    return err;
}

/* struct msghdr; in a struct mmsghdr 8 more bytes follow it. */
struct message {
    uint64_t name;
    uint32_t name_size, pad1;
    uint64_t iov, iov_count, control, control_size;
    uint32_t flags, pad2;
};
#define MMSG_SIZE 64u

static int one_message(struct call_request *r, uint64_t addr, bool read)
{
    struct message m;
    int err = call_attach(r->out, addr, sizeof m);
    if (err != 0 || !copy_in(&m, addr, sizeof m)) {
        return err;
    }
    err = vector(r, m.iov, m.iov_count, read);
    if (err == 0 && m.control != 0 && m.control_size <= CONTROL_MAX) {
        err = read ? call_attach(r->out, m.control, m.control_size)
                   : probe(r->out, m.control, m.control_size);
    }
    if (err == 0 && m.name != 0 && read) {
        err = call_attach(r->out, m.name, m.name_size < 128 ? m.name_size : 128);
    }
    return err;
}

/* As many as have room: sendmmsg and recvmmsg may do fewer than they were asked for. */
static int messages(struct call_request *r, uint64_t addr, uint64_t count, uint64_t step, bool read)
{
    int err = 0;
    for (uint64_t i = 0; i < count && i < VECTOR_MAX && err == 0; i++) {
        const struct call_mark mark = call_ranges_mark(r->out);
        err = one_message(r, addr + i * step, read);
        if (err == -ENOBUFS && i > 0) {
            call_ranges_back(r->out, mark);
            r->args[2] = i;
            err = 0;
            break;
        }
    }
    r->more = false; /* a message is not made in parts: what is too long for one is refused */
    return err;
}

/* ---- all of a call --------------------------------------------------------------------------- */

static int follow(struct call_request *r, const struct hint *h, const uint64_t args[CALL_ARGS])
{
    uint64_t addr = args[h->arg], count = h->count == FIXED ? h->unit : args[h->count], size;
    switch ((enum hint_kind)h->kind) {
    case IOV_READ:
    case IOV_WRITE:
        r->writes = h->kind == IOV_READ;
        return vector(r, addr, count, r->writes);
    case MSG_READ:
    case MSG_WRITE:
        return messages(r, addr, count, h->count == FIXED ? 0 : MMSG_SIZE, h->kind == MSG_READ);
    case READ:
    case WRITE:
    case SEND:
    case RECEIVE:
        break;
    }
    size = h->count == FIXED ? h->unit : mul_ok(count, h->unit, &size) ? size : UINT64_MAX;
    if (h->kind == SEND || h->kind == RECEIVE) {
        size = size < FS_IO_MAX ? size : FS_IO_MAX;
        size -= r->done < size ? r->done : size;
        addr += r->done;
        r->more = size > CALL_DATA_MAX;
        size = r->more ? CALL_DATA_MAX : size;
        r->part = size;
        r->writes = h->kind == SEND;
        r->args[h->arg] = addr;
        r->args[h->count] = size;
    }
    uint64_t max = h->max != 0 ? h->max : CALL_DATA_MAX;
    size = size < max ? size : max;
    return addr == 0 && h->kind != SEND         ? 0
           : h->kind == READ || h->kind == SEND ? call_attach(r->out, addr, size)
                                                : probe(r->out, addr, size);
}

/* Positions of the calls that have one, behind the parts that are done. */
static void advance(struct call_request *r)
{
    if (r->number == 17 || r->number == 18 || r->number == 295 || r->number == 296 ||
        ((r->number == 327 || r->number == 328) && r->args[3] != UINT64_MAX)) {
        r->args[3] += r->done;
    }
}

/* What three bit sets of select, a record lock and a message with its type are is told by other
 * arguments. */
static int follow_odd(struct call_request *r, const uint64_t args[CALL_ARGS])
{
    int err = 0;
    if (r->number == 23 || r->number == 270) {
        uint64_t nfds = (uint32_t)args[0] < FS_FD_MAX ? (uint32_t)args[0] : FS_FD_MAX;
        for (unsigned i = 1; i <= 3 && err == 0; i++) {
            err = args[i] != 0 ? call_attach(r->out, args[i], (nfds + 63) / 64 * 8) : 0;
        }
    } else if (r->number == 72) {
        enum { GETLK = 5, SETLKW = 7, OFD_GETLK = 36, OFD_SETLKW = 38, LOCK_SIZE = 32 };
        bool lock = (args[1] >= GETLK && args[1] <= SETLKW) ||
                    (args[1] >= OFD_GETLK && args[1] <= OFD_SETLKW);
        err = lock ? call_attach(r->out, args[2], LOCK_SIZE) : 0;
    } else if (r->number == 69 || r->number == 70) {
        enum { TYPE_SIZE = 8, MESSAGE_MAX = 8192 };
        uint64_t size = TYPE_SIZE + (args[2] < MESSAGE_MAX ? args[2] : MESSAGE_MAX);
        err = r->number == 69 ? call_attach(r->out, args[1], size) : probe(r->out, args[1], size);
    }
    return err;
}

int call_hints(struct call_request *r, const uint64_t args[CALL_ARGS])
{
    static const struct call_text unknown; /* the owner refuses it */
    const struct call_text *text = r->number < SYS_NUMBERS ? &call_texts[r->number] : &unknown;
    unsigned seen = 0; /* arguments that a hint has told about */
    memcpy(r->args, args, sizeof r->args);
    r->part = 0;
    r->writes = r->more = false;
    advance(r);
    int err = follow_odd(r, args);
    for (size_t i = 0; i < ARRAY_SIZE(hints) && err == 0; i++) {
        if (hints[i].number == r->number) {
            err = follow(r, &hints[i], args);
            seen |= 1u << hints[i].arg;
        }
    }
    for (unsigned i = 0; i < text->count && err == 0; i++) {
        if ((seen & (1u << i)) != 0 || args[i] == 0) {
            continue;
        }
        switch ((enum sys_type)text->types[i]) {
        case SYS_path:
            err = attach_string(r->out, args[i]);
            break;
        case SYS_in:
        case SYS_inout:
            err = call_attach(r->out, args[i], DEFAULT_SIZE);
            break;
        case SYS_out:
            err = probe(r->out, args[i], 1);
            break;
        case SYS_int:
        case SYS_uint:
        case SYS_fd:
        case SYS_flags:
        case SYS_mode:
        case SYS_size:
        case SYS_off:
        case SYS_u64:
        case SYS_addr:
        case SYS_sig:
        case SYS_tid:
            break;
        }
    }
    return err;
}
