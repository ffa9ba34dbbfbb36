/* SPDX-License-Identifier: Apache-2.0 */
/* Pseudo-terminals (pty(7), ioctl_tty(2)): /dev/ptmx, /dev/pts and /dev/tty. Both ends are inside:
 * programs that want a terminal get one, and no terminal of the host's is reached this way.
 *
 * The adversary: the workload alone. Queues are bounded, numbers are few. */
#include "pty.h"

#include "events.h"
#include "tty.h"

#define PTYS_MAX     64u
#define DEVPTS_MAGIC 0x1cd1u
#define PTS_MAJOR    136u
#define STEP         256u

struct pty {
    struct node node; /* the slave's, /dev/pts/N */
    struct tty tty;
    unsigned number;
    bool locked;        /* until unlockpt() */
    bool master_open;   /* else its slaves are hung up */
    bool was_open;      /* a slave, some time */
    unsigned slaves;    /* open ones */
    int session, group; /* 0: nobody's */
    bool packet;
    bool exclusive[2];  /* TIOCEXCL, of the slave and of the master */
    struct dentry *name; /* reference, while the master is open */
    struct wait_queue changed;
};

struct master {
    struct node node;
    struct pty *pty; /* reference to its node */
};

static struct fs pts_fs;
static struct dentry *pts_dir;
static struct pty *ptys[PTYS_MAX];

static const struct file_ops slave_ops, master_ops;

static struct pty *pty_of(struct file *f)
{
    return f->ops == &master_ops ? ((struct master *)(void *)f->node)->pty
                                 : (struct pty *)(void *)f->node;
}

static struct node *master_node(struct pty *p, struct file *f)
{
    return f->ops == &master_ops ? f->node : &p->node;
}

static void changed(struct pty *p, struct file *f)
{
    master_node(p, f)->drained++;
    p->node.arrived++;
    fs_poll_changed(&p->changed);
}

/* ---- the slave
 * ------------------------------------------------------------------------------------ */

/* A reader or writer that is not in the foreground of its own terminal is stopped, or refused. */
static int in_foreground(const struct pty *p, int signal)
{
    if (p->session == 0 || p->session != os_session() || p->group == 0 || p->group == os_group()) {
        return 0;
    }
    return os_background(signal);
}

/* Waits for input as VMIN and VTIME say. Returns 0 when a read may look, or an error. */
static int wait_input(struct pty *p, struct file *f, size_t size)
{
    const struct termios *s = &p->tty.termios;
    bool canonical = (s->c_lflag & ICANON) != 0;
    unsigned least = canonical ? 1 : s->c_cc[VMIN];
    uint64_t pause = canonical ? 0 : (uint64_t)s->c_cc[VTIME] * 100000000;
    bool at_once = !canonical && least == 0;
    uint64_t deadline = pause > 0 && at_once ? rt_clock_ns(1) + pause : UINT64_MAX;
    least = least > size ? (unsigned)size : least;
    unsigned seen = p->tty.count;
    while (p->master_open && !tty_readable(&p->tty, least)) {
        if (at_once && pause == 0) {
            return 0;
        }
        if ((f->flags & O_NONBLOCK) != 0) {
            return p->tty.count > 0 && !canonical ? 0 : -EAGAIN;
        }
        if (pause > 0 && !at_once && p->tty.count != seen) { /* between characters */
            deadline = rt_clock_ns(1) + pause;
            seen = p->tty.count;
        }
        int err = os_block(&p->changed, deadline);
        if (err == -ETIMEDOUT) {
            return 0;
        }
        if (err != 0) {
            return err;
        }
    }
    return 0;
}

static int64_t slave_read(struct file *f, struct iter *to, uint64_t *pos)
{
    struct pty *p = pty_of(f);
    uint8_t buffer[STEP];
    (void)pos;
    int err = in_foreground(p, 21); /* SIGTTIN */
    err = err != 0 || to->left == 0 ? err : wait_input(p, f, to->left);
    if (err != 0 || to->left == 0) {
        return err;
    }
    int64_t done = 0;
    bool canonical = (p->tty.termios.c_lflag & ICANON) != 0;
    while (to->left > 0 && tty_readable(&p->tty, 1)) {
        size_t n = tty_take(&p->tty, buffer, to->left < STEP ? (size_t)to->left : STEP);
        err = n > 0 ? iter_put(to, buffer, n) : 0;
        if (err != 0) {
            return done > 0 ? done : err;
        }
        done += (int64_t)n;
        if (canonical && (n < STEP || buffer[n - 1] == '\n')) {
            break; /* one line */
        }
    }
    changed(p, f);
    return done;
}

static int64_t slave_write(struct file *f, struct iter *from, uint64_t *pos)
{
    struct pty *p = pty_of(f);
    (void)pos;
    if ((p->tty.termios.c_lflag & TOSTOP) != 0) {
        int err = in_foreground(p, 22); /* SIGTTOU */
        if (err != 0) {
            return err;
        }
    }
    int64_t done = 0;
    while (from->left > 0) {
        uint8_t buffer[STEP];
        if (!p->master_open) {
            return done > 0 ? done : -EIO;
        }
        /* A character may become eight. */
        size_t free = (TTY_OUTPUT_MAX - p->tty.out_count) / 8;
        size_t n = free < STEP ? free : STEP;
        n = from->left < n ? (size_t)from->left : n;
        if (n == 0 || p->tty.stopped) {
            int err = (f->flags & O_NONBLOCK) != 0 ? -EAGAIN : os_block(&p->changed, UINT64_MAX);
            if (err != 0) {
                return done > 0 ? done : err;
            }
            continue;
        }
        int err = iter_get(from, buffer, n);
        if (err != 0) {
            return done > 0 ? done : err;
        }
        for (size_t i = 0; i < n; i++) {
            REQUIRE(tty_print(&p->tty, buffer[i]));
        }
        done += (int64_t)n;
        changed(p, f);
    }
    return done;
}

static unsigned slave_poll(struct file *f)
{
    const struct pty *p = pty_of(f);
    const struct termios *s = &p->tty.termios;
    bool canonical = (s->c_lflag & ICANON) != 0;
    unsigned least = canonical || s->c_cc[VTIME] != 0 ? 1 : s->c_cc[VMIN];
    if (!p->master_open) {
        return FS_POLLIN | FS_POLLOUT | FS_POLLERR | FS_POLLHUP;
    }
    return (tty_readable(&p->tty, least) ? FS_POLLIN : 0u) |
           (p->tty.out_count < TTY_OUTPUT_MAX / 2 && !p->tty.stopped ? FS_POLLOUT : 0u);
}

static const struct file_ops no_ops = {.seekable = false};

static int slave_open(struct file *f)
{
    struct pty *p = (struct pty *)(void *)f->node;
    if (p->locked || !p->master_open || p->exclusive[0]) {
        f->ops = &no_ops; /* it was never counted */
        return p->exclusive[0] ? -EBUSY : -EIO;
    }
    p->slaves++;
    p->was_open = true;
    if ((f->flags & O_NOCTTY) == 0 && p->session == 0 && os_session() == os_pid() &&
        !pty_controls(os_session())) {
        p->session = os_session();
        p->group = os_group();
    }
    return 0;
}

static void slave_release(struct file *f)
{
    struct pty *p = pty_of(f);
    p->slaves--;
    changed(p, f);
}

/* ---- the master
 * ---------------------------------------------------------------------------------- */

static int64_t master_read(struct file *f, struct iter *to, uint64_t *pos)
{
    struct pty *p = pty_of(f);
    uint8_t buffer[STEP];
    int64_t done = 0;
    (void)pos;
    while (p->tty.out_count == 0 && to->left > 0) {
        if (p->was_open && p->slaves == 0) {
            return -EIO;
        }
        int err = (f->flags & O_NONBLOCK) != 0 ? -EAGAIN : os_block(&p->changed, UINT64_MAX);
        if (err != 0) {
            return err;
        }
    }
    if (p->packet && to->left > 0) {
        static const uint8_t data = 0; /* TIOCPKT_DATA */
        int err = iter_put(to, &data, 1);
        if (err != 0) {
            return err;
        }
        done = 1;
    }
    while (to->left > 0 && p->tty.out_count > 0) {
        size_t n = tty_take_output(&p->tty, buffer, to->left < STEP ? (size_t)to->left : STEP);
        int err = iter_put(to, buffer, n);
        if (err != 0) {
            return done > 0 ? done : err;
        }
        done += (int64_t)n;
    }
    changed(p, f);
    return done;
}

static int64_t master_write(struct file *f, struct iter *from, uint64_t *pos)
{
    struct pty *p = pty_of(f);
    int64_t done = 0;
    (void)pos;
    while (from->left > 0) {
        uint8_t c;
        bool line = (p->tty.termios.c_lflag & ICANON) != 0;
        if (p->tty.count >= TTY_INPUT_MAX - 1 && (!line || p->tty.lines > 0)) {
            int err = (f->flags & O_NONBLOCK) != 0 ? -EAGAIN : os_block(&p->changed, UINT64_MAX);
            if (err != 0) {
                return done > 0 ? done : err;
            }
            continue;
        }
        int err = iter_get(from, &c, 1);
        if (err != 0) {
            return done > 0 ? done : err;
        }
        ignore_result(tty_type(&p->tty, c), "a line that is too long loses what comes");
        if (p->tty.signal != 0 && p->group != 0) {
            os_signal_group(p->group, p->tty.signal);
        }
        p->tty.signal = 0;
        done++;
    }
    changed(p, f);
    return done;
}

static unsigned master_poll(struct file *f)
{
    const struct pty *p = pty_of(f);
    return (p->tty.out_count > 0 ? FS_POLLIN : 0u) |
           (p->was_open && p->slaves == 0 ? FS_POLLHUP : 0u) |
           (p->tty.count < TTY_INPUT_MAX - 1 ? FS_POLLOUT : 0u);
}

static void master_release(struct file *f)
{
    struct pty *p = pty_of(f);
    p->master_open = false;
    if (p->session != 0) { /* its terminal is gone: SIGHUP, and SIGCONT so that it can be heard */
        os_signal_group(p->session, 1);
        if (p->group != 0 && p->group != p->session) {
            os_signal_group(p->group, 1);
            os_signal_group(p->group, 18);
        }
        p->session = p->group = 0;
    }
    if (p->name != NULL) {
        dentry_remove(p->name);
        dentry_unref(p->name);
        p->name = NULL;
    }
    changed(p, f);
}

/* ---- what both can be asked
 * ---------------------------------------------------------------------- */

static int get_termios(const struct pty *p, app_ptr arg, bool speeds)
{
    struct termios2 s = {.c_iflag = p->tty.termios.c_iflag,
                         .c_oflag = p->tty.termios.c_oflag,
                         .c_cflag = p->tty.termios.c_cflag,
                         .c_lflag = p->tty.termios.c_lflag,
                         .c_line = p->tty.termios.c_line,
                         .c_ispeed = 38400,
                         .c_ospeed = 38400};
    memcpy(s.c_cc, p->tty.termios.c_cc, sizeof s.c_cc);
    return copy_to_app(arg, &s, speeds ? sizeof s : sizeof(struct termios));
}

static void change(struct pty *p, struct file *f, struct termios s, bool flush)
{
    bool was_line = (p->tty.termios.c_lflag & ICANON) != 0;
    if (flush) {
        tty_flush_input(&p->tty);
    }
    p->tty.termios = s;
    if (!was_line && (s.c_lflag & ICANON) != 0) {
        p->tty.lines += p->tty.count > 0 && p->tty.lines == 0; /* what was typed can be read */
        if (p->tty.count > 0 && p->tty.lines == 1) {
            p->tty.input[(p->tty.first + p->tty.count - 1) % TTY_INPUT_MAX] |= 0x100;
        }
    }
    changed(p, f);
}

static int set_termios(struct pty *p, struct file *f, app_ptr arg, bool flush)
{
    struct termios s;
    int err = copy_from_app(&s, arg, sizeof s);
    if (err == 0) {
        change(p, f, s, flush);
    }
    return err;
}

/* The older form has the lower halves of the flags, and the first characters. */
static int get_termio(const struct pty *p, app_ptr arg)
{
    const struct termios *s = &p->tty.termios;
    struct termio o = {.c_iflag = (uint16_t)s->c_iflag,
                       .c_oflag = (uint16_t)s->c_oflag,
                       .c_cflag = (uint16_t)s->c_cflag,
                       .c_lflag = (uint16_t)s->c_lflag,
                       .c_line = s->c_line};
    memcpy(o.c_cc, s->c_cc, sizeof o.c_cc);
    return copy_to_app(arg, &o, sizeof o);
}

static uint32_t lower_half(uint32_t all, uint16_t half)
{
    return (all & 0xffff0000u) | half;
}

static int set_termio(struct pty *p, struct file *f, app_ptr arg, bool flush)
{
    struct termios s = p->tty.termios;
    struct termio o;
    int err = copy_from_app(&o, arg, sizeof o);
    if (err != 0) {
        return err;
    }
    s.c_iflag = lower_half(s.c_iflag, o.c_iflag);
    s.c_oflag = lower_half(s.c_oflag, o.c_oflag);
    s.c_cflag = lower_half(s.c_cflag, o.c_cflag);
    s.c_lflag = lower_half(s.c_lflag, o.c_lflag);
    s.c_line = o.c_line;
    memcpy(s.c_cc, o.c_cc, sizeof o.c_cc);
    change(p, f, s, flush);
    return 0;
}

static int set_size(struct pty *p, app_ptr arg)
{
    uint16_t s[4];
    _Static_assert(sizeof s == sizeof p->tty.size, "struct winsize");
    int err = copy_from_app(s, arg, sizeof s);
    if (err == 0 && memcmp(s, &p->tty.size, sizeof s) != 0) {
        memcpy(&p->tty.size, s, sizeof s);
        if (p->group != 0) {
            os_signal_group(p->group, 28); /* SIGWINCH */
        }
    }
    return err;
}

static int put_int(app_ptr arg, int value)
{
    return copy_to_app(arg, &value, sizeof value);
}

static int take_int(app_ptr arg, int *ret)
{
    return copy_from_app(ret, arg, sizeof *ret);
}

/* Groups and sessions. A slave speaks of its own terminal alone, the master of the slave's. */
static int64_t job_ioctl(struct pty *p, struct file *f, uint32_t request, app_ptr arg)
{
    bool mine = f->ops == &master_ops || (p->session != 0 && p->session == os_session());
    int value;
    switch (request) {
    case TIOCSCTTY:
        if (p->session == os_session() && os_session() == os_pid()) {
            return 0;
        }
        if (os_session() != os_pid() || pty_controls(os_session()) || p->session != 0) {
            return -EPERM;
        }
        p->session = os_session();
        p->group = os_group();
        return 0;
    case TIOCNOTTY:
        if (!mine || f->ops == &master_ops) {
            return -ENOTTY;
        }
        if (os_session() == os_pid()) {
            os_signal_group(p->group, 1);
            os_signal_group(p->group, 18);
            p->session = p->group = 0;
        }
        return 0;
    case TIOCGPGRP:
        return !mine ? -ENOTTY : put_int(arg, p->group);
    case TIOCGSID:
        return !mine || p->session == 0 ? -ENOTTY : put_int(arg, p->session);
    case TIOCSPGRP: {
        int err = !mine || p->session != os_session() ? -ENOTTY : take_int(arg, &value);
        err = err != 0 ? err : value < 0 ? -EINVAL : in_foreground(p, 22);
        err = err != 0 ? err : os_group_session(value) == os_session() ? 0 : -EPERM;
        p->group = err == 0 ? value : p->group;
        return err;
    }
    default:
        return -ENOTTY;
    }
}

static int64_t flush(struct pty *p, struct file *f, uint64_t what)
{
    if (what > 2) {
        return -EINVAL;
    }
    if (what == 0 || what == 2) {
        tty_flush_input(&p->tty);
    }
    if (what == 1 || what == 2) {
        tty_flush_output(&p->tty);
    }
    changed(p, f);
    return 0;
}

static int64_t flow(struct pty *p, struct file *f, uint64_t what)
{
    if (what > 3) {
        return -EINVAL;
    }
    p->tty.stopped = what == 0 ? true : what == 1 ? false : p->tty.stopped;
    changed(p, f);
    return 0;
}

static int64_t tty_ioctl(struct file *f, uint64_t request, app_ptr arg)
{
    struct pty *p = pty_of(f);
    switch ((uint32_t)request) {
    case TCGETS:
    case TCGETS2:
        return get_termios(p, arg, (uint32_t)request == TCGETS2);
    case TCSETS:
    case TCSETSW:
    case TCSETSF:
        return set_termios(p, f, arg, (uint32_t)request == TCSETSF);
    case TCSETS2:
    case TCSETSW2:
    case TCSETSF2:
        return set_termios(p, f, arg, (uint32_t)request == TCSETSF2);
    case TCGETA:
        return get_termio(p, arg);
    case TCSETA:
    case TCSETAW:
    case TCSETAF:
        return set_termio(p, f, arg, (uint32_t)request == TCSETAF);
    case TIOCGWINSZ:
        return copy_to_app(arg, &p->tty.size, sizeof p->tty.size);
    case TIOCSWINSZ:
        return set_size(p, arg);
    case TCSBRK:
    case TCSBRKP:
        return 0; /* what was written has arrived */
    case TCFLSH:
        return flush(p, f, arg.addr);
    case TCXONC:
        return flow(p, f, arg.addr);
    case FIONREAD:
        return put_int(arg, (int)(f->ops == &master_ops ? p->tty.out_count : tty_pending(&p->tty)));
    case TIOCOUTQ:
        return put_int(arg, 0);
    case TIOCGLCKTRMIOS: { /* nothing is locked, */
        const struct termios none = {0};
        return copy_to_app(arg, &none, sizeof none);
    }
    case TIOCSLCKTRMIOS: /* nor may anybody lock it */
    case TIOCSTI:        /* or type for others */
        return -EPERM;
    case TIOCEXCL:
    case TIOCNXCL:
        p->exclusive[f->ops == &master_ops] = (uint32_t)request == TIOCEXCL;
        return 0;
    case TIOCGEXCL:
        return put_int(arg, p->exclusive[f->ops == &master_ops]);
    default:
        return job_ioctl(p, f, (uint32_t)request, arg);
    }
}

static int64_t master_ioctl(struct file *f, uint64_t request, app_ptr arg)
{
    struct pty *p = pty_of(f);
    int value = 0;
    switch ((uint32_t)request) {
    case TIOCGPTN:
        return put_int(arg, (int)p->number);
    case TIOCGPTLCK:
        return put_int(arg, p->locked);
    case TIOCGPKT:
        return put_int(arg, p->packet);
    case TIOCSPTLCK:
    case TIOCPKT: {
        int err = take_int(arg, &value);
        if (err == 0) {
            *((uint32_t)request == TIOCPKT ? &p->packet : &p->locked) = value != 0;
        }
        return err;
    }
    case TIOCGPTPEER: {
        struct file *slave;
        const uint64_t known = O_ACCMODE | O_NOCTTY | O_NONBLOCK | O_CLOEXEC;
        if ((arg.addr & ~known) != 0) {
            return -EINVAL;
        }
        int err = p->name == NULL
                      ? -EIO
                      : file_open(p->name, (uint32_t)arg.addr & ~(uint32_t)O_CLOEXEC, &slave);
        return err != 0 ? err : os_install(slave, (arg.addr & O_CLOEXEC) != 0);
    }
    default:
        return tty_ioctl(f, request, arg);
    }
}

static const struct file_ops slave_ops = {.read = slave_read,
                                          .write = slave_write,
                                          .poll = slave_poll,
                                          .ioctl = tty_ioctl,
                                          .release = slave_release};
static const struct file_ops master_ops = {.read = master_read,
                                           .write = master_write,
                                           .poll = master_poll,
                                           .ioctl = master_ioctl,
                                           .release = master_release};

/* ---- making one
 * ---------------------------------------------------------------------------------- */

static void slave_destroy(struct node *n)
{
    struct pty *p = (struct pty *)(void *)n;
    ptys[p->number] = NULL;
    rt_free(p);
}

static void master_destroy(struct node *n)
{
    struct master *m = (struct master *)(void *)n;
    node_unref(&m->pty->node);
    rt_free(m);
}

static const struct node_ops slave_node_ops = {
    .open = slave_open, .destroy = slave_destroy, .file_ops = &slave_ops};
static const struct node_ops master_node_ops = {.destroy = master_destroy, .file_ops = &master_ops};

static struct node tty_node(const struct node_ops *ops, uint64_t rdev, uint32_t mode)
{
    struct fs_time now = fs_now();
    return (struct node){.ops = ops,
                         .fs = &pts_fs,
                         .refs = 1,
                         .mode = S_IFCHR | mode,
                         .uid = fs_uid(),
                         .gid = fs_gid(),
                         .nlink = 1,
                         .ino = ++pts_fs.next_ino,
                         .rdev = rdev,
                         .atime = now,
                         .mtime = now,
                         .ctime = now};
}

static struct pty *new_pty(void)
{
    unsigned number = 0;
    while (number < PTYS_MAX && ptys[number] != NULL) {
        number++;
    }
    struct pty *p = number < PTYS_MAX ? (struct pty *)rt_alloc(sizeof *p) : NULL;
    if (p == NULL) {
        return NULL;
    }
    p->node = tty_node(&slave_node_ops, PTS_MAJOR << 8 | number, 0620);
    p->number = number;
    p->locked = p->master_open = true;
    tty_start(&p->tty);
    char name[16];
    size_t n = base_format(name, sizeof name, "%u", number);
    if (dentry_add(pts_dir, BYTES(name, n), &p->node, &p->name) != 0) {
        rt_free(p);
        return NULL;
    }
    ptys[number] = p;
    return p;
}

/* Each opening of /dev/ptmx is a terminal of its own: the description gets a node of its own. */
static int ptmx_open(struct file *f)
{
    struct master *m = (struct master *)rt_alloc(sizeof *m);
    struct pty *p = m != NULL ? new_pty() : NULL;
    if (p == NULL) {
        rt_free(m);
        return m == NULL ? -ENOMEM : -ENOSPC;
    }
    m->node = tty_node(&master_node_ops, 5 << 8 | 2, 0666);
    m->pty = p; /* new_pty()'s reference */
    node_unref(f->node);
    f->node = &m->node;
    f->ops = &master_ops;
    return 0;
}

static const struct node_ops ptmx_node_ops = {.open = ptmx_open, .file_ops = &no_ops};

bool pty_controls(int session)
{
    for (size_t i = 0; i < PTYS_MAX; i++) {
        if (ptys[i] != NULL && ptys[i]->session == session) {
            return true;
        }
    }
    return false;
}

int pty_open_controlling(struct file *f)
{
    for (size_t i = 0; i < PTYS_MAX; i++) {
        struct pty *p = ptys[i];
        if (p != NULL && p->session != 0 && p->session == os_session()) {
            p->slaves++;
            node_unref(f->node);
            f->node = node_ref(&p->node);
            f->ops = &slave_ops;
            return 0;
        }
    }
    return -ENXIO;
}

int pty_controlling(int session, int *ret_group)
{
    for (size_t i = 0; session != 0 && i < PTYS_MAX; i++) {
        if (ptys[i] != NULL && ptys[i]->session == session) {
            *ret_group = ptys[i]->group;
            return (int)(PTS_MAJOR << 8 | ptys[i]->number);
        }
    }
    *ret_group = -1;
    return 0;
}

void pty_leave_session(int session)
{
    for (size_t i = 0; i < PTYS_MAX; i++) {
        struct pty *p = ptys[i];
        if (p != NULL && p->session == session) {
            if (p->group != 0) {
                os_signal_group(p->group, 1);
                os_signal_group(p->group, 18);
            }
            p->session = p->group = 0;
        }
    }
}

int pty_start(struct dentry *dev, struct fs *dev_fs)
{
    pts_fs = (struct fs){
        .magic = DEVPTS_MAGIC, .minor = fs_new_minor(), .keeps_attributes = true, .type = "devpts"};
    struct node *root = static_dir(&pts_fs, 0755);
    int err = root == NULL ? -ENOMEM : mount_at(BYTES_STR("/dev/pts"), root, "rw");
    node_unref(root);
    err = err != 0 ? err : mount_dir_at(BYTES_STR("/dev/pts"), &pts_dir);
    struct node *n = err == 0 ? (struct node *)rt_alloc(sizeof *n) : NULL;
    if (n == NULL) {
        return err != 0 ? err : -ENOMEM;
    }
    *n = tty_node(&ptmx_node_ops, 5 << 8 | 2, 0666);
    n->fs = dev_fs;
    return static_add(dev, "ptmx", n);
}
