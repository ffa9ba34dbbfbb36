/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for several descriptors. All sources of one enclave are inside it, so everybody who polls
 * sleeps on one queue and looks again when anything changed: with at most THREADS_MAX sleepers that
 * is cheaper than registering with each source. */
#include "libos/syscalls.h"
#include "net/network.h"
#include "vfs.h"

#define IN_BITS  (FS_POLLIN | FS_POLLHUP | FS_POLLERR)
#define OUT_BITS (FS_POLLOUT | FS_POLLERR)
#define BAD_FD   0x20u /* POLLNVAL */

static uint64_t deadline_after(uint64_t ns)
{
    uint64_t deadline;
    return add_ok(rt_clock_ns(1), ns, &deadline) ? deadline : UINT64_MAX;
}

/* A timeout in the workload's memory: pair of seconds and fraction. NULL pointer: none. */
static int deadline_from_app(app_ptr at, uint64_t unit_ns, uint64_t *ret)
{
    *ret = UINT64_MAX;
    if (at.addr == 0) {
        return 0;
    }
    int64_t t[2];
    int err = copy_from_app(t, at, sizeof t);
    if (err != 0) {
        return err;
    }
    if (t[0] < 0 || t[1] < 0) {
        return -EINVAL;
    }
    if (unit_ns == 1 && t[1] >= 1000000000) {
        return -EINVAL;
    }
    uint64_t ns;
    if (mul_ok((uint64_t)t[0], 1000000000, &ns) && add_ok(ns, (uint64_t)t[1] * unit_ns, &ns)) {
        *ret = deadline_after(ns);
    }
    return 0;
}

/* Linux tells what is left of the time; a failure to say so does not undo the call. */
static void put_left(app_ptr at, uint64_t unit_ns, uint64_t deadline)
{
    if (at.addr == 0 || deadline == UINT64_MAX) {
        return;
    }
    uint64_t now = rt_clock_ns(1);
    uint64_t left = deadline > now ? deadline - now : 0;
    int64_t t[2] = {(int64_t)(left / 1000000000), (int64_t)(left % 1000000000 / unit_ns)};
    ignore_result(copy_to_app(at, t, sizeof t), "as Linux does");
}

static unsigned bits_of(struct file *f)
{
    return f->ops->poll != NULL ? f->ops->poll(f) : FS_POLLIN | FS_POLLOUT;
}

/* ---- poll
 * ----------------------------------------------------------------------------------------- */

static unsigned poll_one(const struct pollfd *p)
{
    if (p->fd < 0) {
        return 0;
    }
    struct file *f = fd_get(p->fd);
    if (f == NULL || (f->flags & O_PATH) != 0) {
        return BAD_FD;
    }
    unsigned bits = bits_of(f);
    unsigned all =
        bits | ((bits & FS_POLLIN) != 0 ? 0x40u : 0) | ((bits & FS_POLLOUT) != 0 ? 0x100u : 0);
    return all & ((unsigned)(uint16_t)p->events | FS_POLLERR | FS_POLLHUP);
}

static int64_t poll_loop(struct pollfd *fds, size_t count, uint64_t deadline)
{
    bool looked = network_look(false);
    for (;;) {
        int64_t ready = 0;
        for (size_t i = 0; i < count; i++) {
            fds[i].revents = (short)poll_one(&fds[i]);
            ready += fds[i].revents != 0;
        }
        if (ready == 0 && deadline == 0 && !looked && (looked = network_look(true))) {
            continue;
        }
        if (ready > 0 || deadline == 0) {
            return ready;
        }
        int err = os_block(&fs_poll_queue, deadline);
        if (err == -ETIMEDOUT) {
            deadline = 0; /* one last look */
        } else if (err != 0) {
            return err;
        }
    }
}

static int64_t do_poll(app_ptr at, uint64_t nfds, uint64_t deadline)
{
    if (nfds > fd_limit()) {
        return -EINVAL;
    }
    struct pollfd small[16], *fds = small;
    size_t size = (size_t)nfds * sizeof *fds;
    if (nfds > ARRAY_SIZE(small)) {
        fds = rt_alloc(size);
        if (fds == NULL) {
            return -ENOMEM;
        }
    }
    int64_t r = copy_from_app(fds, at, size);
    if (r == 0) {
        r = poll_loop(fds, (size_t)nfds, deadline);
    }
    if (r >= 0) {
        int err = copy_to_app(at, fds, size);
        r = err != 0 ? err : r;
    }
    if (fds != small) {
        rt_free(fds);
    }
    return r;
}

int64_t sys_poll(app_ptr fds, uint64_t nfds, int timeout_ms)
{
    uint64_t deadline = timeout_ms < 0    ? UINT64_MAX
                        : timeout_ms == 0 ? 0
                                          : deadline_after((uint64_t)timeout_ms * 1000000);
    return do_poll(fds, nfds, deadline);
}

int64_t sys_ppoll(app_ptr fds, uint64_t nfds, app_ptr timeout, app_ptr sigmask, uint64_t sigsetsize)
{
    uint64_t deadline;
    int err = deadline_from_app(timeout, 1, &deadline);
    if (err == 0 && sigmask.addr != 0) {
        err = os_temporary_sigmask(sigmask, sigsetsize);
    }
    if (err != 0) {
        return err;
    }
    int64_t r = do_poll(fds, nfds, deadline);
    put_left(timeout, 1, deadline);
    return r;
}

/* ---- select
 * ----------------------------------------------------------------------------------------- */

/* Three sets of so many descriptors that are asked for, and three that are ready. */
struct fd_bits {
    size_t words; /* of each */
    uint64_t *in, *out;
    uint64_t small[6 * 16];
};

static int bits_start(struct fd_bits *b, int nfds)
{
    b->words = ((size_t)nfds + 63) / 64;
    b->in = 6 * b->words <= ARRAY_SIZE(b->small)
                ? b->small
                : (uint64_t *)rt_alloc(6 * b->words * sizeof *b->in);
    if (b->in == NULL) {
        return -ENOMEM;
    }
    b->out = b->in + 3 * b->words;
    memset(b->in, 0, 6 * b->words * sizeof *b->in);
    return 0;
}

static void bits_done(struct fd_bits *b)
{
    if (b->in != b->small) {
        rt_free(b->in);
    }
}

static bool has(const struct fd_bits *b, unsigned set, int fd)
{
    return (b->in[set * b->words + (size_t)fd / 64] >> (fd % 64) & 1) != 0;
}

static int64_t select_scan(int nfds, struct fd_bits *b)
{
    static const unsigned want[3] = {IN_BITS, OUT_BITS, FS_POLLPRI};
    int64_t ready = 0;
    memset(b->out, 0, 3 * b->words * sizeof *b->out);
    for (int fd = 0; fd < nfds; fd++) {
        if (!has(b, 0, fd) && !has(b, 1, fd) && !has(b, 2, fd)) {
            continue;
        }
        struct file *f = fd_get(fd);
        if (f == NULL || (f->flags & O_PATH) != 0) {
            return -EBADF;
        }
        unsigned bits = bits_of(f);
        for (unsigned i = 0; i < 3; i++) {
            if (has(b, i, fd) && (bits & want[i]) != 0) {
                b->out[i * b->words + (size_t)fd / 64] |= UINT64_C(1) << (fd % 64);
                ready++;
            }
        }
    }
    return ready;
}

static int64_t select_loop(int nfds, struct fd_bits *b, uint64_t deadline)
{
    int64_t ready;
    bool looked = network_look(false);
    for (;;) {
        ready = select_scan(nfds, b);
        if (ready == 0 && deadline == 0 && !looked && (looked = network_look(true))) {
            continue;
        }
        if (ready != 0 || deadline == 0) {
            return ready;
        }
        int err = os_block(&fs_poll_queue, deadline);
        if (err == -ETIMEDOUT) {
            deadline = 0;
        } else if (err != 0) {
            return err;
        }
    }
}

/* What the table has no room for is in no set, as on Linux. */
static int64_t do_select(int nfds, const app_ptr sets[3], uint64_t deadline)
{
    struct fd_bits b;
    if (nfds < 0) {
        return -EINVAL;
    }
    nfds = (unsigned)nfds < fd_table_room(NULL) ? nfds : (int)fd_table_room(NULL);
    int err = bits_start(&b, nfds);
    if (err != 0) {
        return err;
    }
    const size_t size = b.words * sizeof *b.in;
    for (unsigned i = 0; i < 3 && err == 0; i++) {
        err = sets[i].addr != 0 ? copy_from_app(b.in + i * b.words, sets[i], size) : 0;
    }
    int64_t ready = err != 0 ? err : select_loop(nfds, &b, deadline);
    for (unsigned i = 0; i < 3 && ready >= 0; i++) {
        err = sets[i].addr != 0 ? copy_to_app(sets[i], b.out + i * b.words, size) : 0;
        ready = err != 0 ? err : ready;
    }
    bits_done(&b);
    return ready;
}

int64_t sys_select(int nfds, app_ptr readfds, app_ptr writefds, app_ptr exceptfds, app_ptr timeout)
{
    uint64_t deadline;
    int err = deadline_from_app(timeout, 1000, &deadline);
    if (err != 0) {
        return err;
    }
    app_ptr sets[3] = {readfds, writefds, exceptfds};
    int64_t r = do_select(nfds, sets, deadline);
    put_left(timeout, 1000, deadline);
    return r;
}

int64_t sys_pselect6(int nfds, app_ptr readfds, app_ptr writefds, app_ptr exceptfds,
                     app_ptr timeout, app_ptr sigmask)
{
    uint64_t deadline;
    int err = deadline_from_app(timeout, 1, &deadline);
    if (err == 0 && sigmask.addr != 0) {
        uint64_t mask[2]; /* pointer and size */
        err = copy_from_app(mask, sigmask, sizeof mask);
        if (err == 0 && mask[0] != 0) {
            err = os_temporary_sigmask(app_at(mask[0]), mask[1]);
        }
    }
    if (err != 0) {
        return err;
    }
    app_ptr sets[3] = {readfds, writefds, exceptfds};
    int64_t r = do_select(nfds, sets, deadline);
    put_left(timeout, 1, deadline);
    return r;
}
