/* SPDX-License-Identifier: Apache-2.0 */
/* Named pipes: who waits for whom, and what is there when nobody has them open. And a few answers
 * about identity and scheduling that do not depend on who runs it. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char *answer(long r)
{
    static char text[4][32];
    static unsigned next;
    char *t = text[next++ % 4];
    snprintf(t, sizeof text[0], "%s", r < 0 ? strerrorname_np(errno) : r == 0 ? "0" : "more");
    return t;
}

static char path[64];

static void *write_later(void *arg)
{
    (void)arg;
    usleep(20000);
    int fd = open(path, O_WRONLY);
    (void)!write(fd, "late", 4);
    close(fd);
    return NULL;
}

static void *open_and_go(void *arg)
{
    (void)arg;
    close(open(path, O_RDONLY));
    return NULL;
}

static void pipes(void)
{
    char text[16] = "";
    struct stat st;
    pthread_t thread;
    printf("mkfifo: %s", answer(mkfifo(path, 0640)));
    printf(", again %s\n", answer(mkfifo(path, 0640)));
    stat(path, &st);
    printf("mode %o, size %ld\n", st.st_mode, (long)st.st_size);
    printf("nobody reads: %s\n", answer(open(path, O_WRONLY | O_NONBLOCK)));
    int r = open(path, O_RDONLY | O_NONBLOCK);
    struct pollfd p = {.fd = r, .events = POLLIN};
    printf("no writer: read %s", answer(read(r, text, 1)));
    printf(", poll %d", poll(&p, 1, 0));
    printf(" %x\n", p.revents);
    int w = open(path, O_WRONLY | O_NONBLOCK);
    printf("a writer, nothing: %s\n", answer(read(r, text, 1)));
    printf("write: %zd", write(w, "hello", 5));
    printf(", poll %d", poll(&p, 1, 0));
    printf(" %x\n", p.revents);
    printf("seek: %s, truncate: %s, size ", answer(lseek(r, 0, SEEK_SET)), answer(ftruncate(w, 0)));
    printf("%d\n", fcntl(r, F_GETPIPE_SZ));
    int n = 0;
    printf("FIONREAD: %d", ioctl(r, FIONREAD, &n));
    printf(" %d\n", n);
    close(w);
    printf("poll %d", poll(&p, 1, 0));
    printf(" %x\n", p.revents);
    printf("read %zd", read(r, text, sizeof text));
    printf(" %.5s, then %zd\n", text, read(r, text, 1));
    w = open(path, O_WRONLY);
    (void)!write(w, "lost", 4);
    close(r);
    printf("nobody reads any more: %s\n", answer(write(w, "x", 1)));
    close(w);
    r = open(path, O_RDONLY | O_NONBLOCK);
    printf("what was left is gone: %s\n", answer(read(r, text, 1)));
    close(r);
    r = open(path, O_RDWR);
    printf("both ways: %zd", write(r, "self", 4));
    printf(" %zd %.4s\n", read(r, text, 4), text);
    close(r);

    pthread_create(&thread, NULL, write_later, NULL);
    r = open(path, O_RDONLY); /* waits for the writer */
    printf("waited for: %zd", read(r, text, sizeof text));
    printf(" %.4s\n", text);
    pthread_join(thread, NULL);
    close(r);
    pthread_create(&thread, NULL, open_and_go, NULL);
    w = open(path, O_WRONLY); /* though the reader may have gone already */
    printf("open for writing came back: %d\n", w >= 0);
    pthread_join(thread, NULL);
    unlink(path);
    printf("unlinked, write: %s\n", answer(write(w, "x", 1)));
    close(w);
    printf("in no directory: %s, a directory: %s\n", answer(mkfifo("/tmp/no/such", 0600)),
           answer(mknod(path, S_IFDIR | 0700, 0)));
}

static void identity(void)
{
    struct sched_param none = {.sched_priority = 0}, five = {.sched_priority = 5};
    printf("set to what it is: %s %s %s %s\n", answer(setresuid(-1, getuid(), -1)),
           answer(setregid(getgid(), -1)), answer(setuid(getuid())), answer(setgid(getgid())));
    printf("fsuid: %d %d\n", (uid_t)setfsuid(-1) == getuid(), (gid_t)setfsgid(-1) == getgid());
    printf("policy: %s %s %s %s\n", answer(sched_setscheduler(0, SCHED_OTHER, &none)),
           answer(sched_setscheduler(0, SCHED_OTHER, &five)),
           answer(sched_setscheduler(0, 77, &none)),
           answer(sched_setscheduler(0, SCHED_FIFO, &none)));
    printf("parameters: %s %s %s %s\n", answer(sched_setparam(0, &none)),
           answer(sched_setparam(0, &five)), answer(sched_setparam(-1, &none)),
           answer(sched_setparam(0, NULL)));
    struct timespec slice;
    printf("slice: %s %s\n", answer(sched_rr_get_interval(0, &slice)),
           answer(sched_rr_get_interval(-1, &slice)));
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    umask(022);
    snprintf(path, sizeof path, "/tmp/fifo-%d-%ld", getpid(), (long)clock());
    pipes();
    identity();
    return 42;
}
