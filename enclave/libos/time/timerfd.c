/* SPDX-License-Identifier: Apache-2.0 */
/* timerfd: a timer whose going off can be read and waited for.
 *
 * The adversary: the workload chooses clocks and times; the host can only let a waiter sleep too
 * long. */
#include <errno.h>

#include "events.h"
#include "libos/syscalls.h"
#include "time/timers.h"

struct timerfd {
    struct node node;
    struct timer timer;
    bool realtime;
    uint64_t count; /* how often it was due and nobody has read so */
    struct wait_queue changed;
};

static struct timerfd *of_node(struct node *n)
{
    return (struct timerfd *)(void *)n;
}

static void fire_timerfd(struct timer *timer, uint64_t periods)
{
    struct timerfd *t = (struct timerfd *)(void *)((char *)timer - offsetof(struct timerfd, timer));
    t->count += periods;
    t->node.arrived++;
    fs_poll_changed(&t->changed);
}

static int64_t timerfd_read(struct file *f, struct iter *to, uint64_t *pos)
{
    struct timerfd *t = of_node(f->node);
    (void)pos;
    if (to->left < sizeof t->count) {
        return -EINVAL;
    }
    timer_check();
    while (t->count == 0) {
        int err = (f->flags & O_NONBLOCK) != 0 ? -EAGAIN : os_block(&t->changed, UINT64_MAX);
        if (err != 0) {
            return err;
        }
    }
    uint64_t got = t->count;
    int err = iter_put(to, &got, sizeof got);
    if (err != 0) {
        return err;
    }
    t->count -= got;
    return sizeof got;
}

static unsigned timerfd_poll(struct file *f)
{
    timer_check();
    return of_node(f->node)->count > 0 ? FS_POLLIN : 0u;
}

static void timerfd_destroy(struct node *n)
{
    timer_set(&of_node(n)->timer, 0, 0);
    rt_free(n);
}

static const struct file_ops timerfd_ops = {.read = timerfd_read, .poll = timerfd_poll};
static const struct node_ops timerfd_node_ops = {.destroy = timerfd_destroy,
                                                 .file_ops = &timerfd_ops};

int64_t sys_timerfd_create(int clock, int flags)
{
    enum { REALTIME = 0, MONOTONIC = 1, BOOTTIME = 7, REALTIME_ALARM = 8, BOOTTIME_ALARM = 9 };
    struct file *f;
    if ((flags & ~(O_CLOEXEC | O_NONBLOCK)) != 0) {
        return -EINVAL;
    }
    if (clock == REALTIME_ALARM || clock == BOOTTIME_ALARM) {
        return -EPERM; /* waking the machine takes CAP_WAKE_ALARM */
    }
    if (clock != REALTIME && clock != MONOTONIC && clock != BOOTTIME) {
        return -EINVAL;
    }
    struct timerfd *t = (struct timerfd *)rt_alloc(sizeof *t);
    if (t == NULL) {
        return -ENOMEM;
    }
    t->node.ops = &timerfd_node_ops;
    t->timer.fire = fire_timerfd;
    t->timer.quiet = true;
    t->realtime = clock == REALTIME;
    int err = os_anon_file(&t->node, "anon_inode:[timerfd]", (uint32_t)flags & O_NONBLOCK, &f);
    return err != 0 ? err : os_install(f, (flags & O_CLOEXEC) != 0);
}

/* Borrowed: the lock is not released before it is used. */
static int find(int fd, struct timerfd **ret)
{
    struct file *f = fd_get(fd);
    if (f == NULL) {
        return -EBADF;
    }
    if (f->ops != &timerfd_ops) {
        return -EINVAL;
    }
    *ret = of_node(f->node);
    return 0;
}

int64_t sys_timerfd_settime(int fd, int flags, app_ptr new_value, app_ptr old_value)
{
    enum { ABSTIME = 1, CANCEL_ON_SET = 2 }; /* nobody sets the clock */
    struct timerfd *t;
    uint64_t value, interval;
    int err = timer_spec_from_app(new_value, &value, &interval);
    if (err == 0 && (flags & ~(ABSTIME | CANCEL_ON_SET)) != 0) {
        err = -EINVAL;
    }
    err = err != 0 ? err : find(fd, &t);
    if (err != 0) {
        return err;
    }
    timer_check();
    err = old_value.addr != 0 ? timer_spec_to_app(old_value, &t->timer) : 0;
    if (err == 0) {
        t->count = 0;
        timer_set(&t->timer, timer_due(&t->timer, t->realtime, (flags & ABSTIME) != 0, value),
                  interval);
    }
    return err;
}

int64_t sys_timerfd_gettime(int fd, app_ptr value)
{
    struct timerfd *t;
    int err = find(fd, &t);
    timer_check();
    return err != 0 ? err : timer_spec_to_app(value, &t->timer);
}
