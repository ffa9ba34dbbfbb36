/* SPDX-License-Identifier: Apache-2.0 */
/* Record locks of the process and of descriptions, and fcntl's smaller answers. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *answer(int r)
{
    static char text[4][32];
    static unsigned next;
    char *t = text[next++ % 4];
    snprintf(t, sizeof text[0], "%s", r < 0 ? strerrorname_np(errno) : r == 0 ? "0" : "more");
    return t;
}

static int lock(int fd, int cmd, short type, long start, long length)
{
    struct flock l = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
    return fcntl(fd, cmd, &l);
}

static void ask(int fd, int cmd, short type, long start, long length)
{
    struct flock l = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
    int r = fcntl(fd, cmd, &l);
    printf("asked %ld+%ld: %s", start, length, answer(r));
    if (r == 0 && l.l_type == F_UNLCK) {
        printf(", free\n");
    } else {
        printf(", type %d, whence %d, %ld+%ld, %s\n", l.l_type, l.l_whence, (long)l.l_start,
               (long)l.l_len,
               l.l_pid == -1         ? "a description"
               : l.l_pid == getpid() ? "us"
                                     : "?");
    }
}

static void *wait_for_lock(void *arg)
{
    int fd = *(int *)arg;
    printf("waited: %s\n", answer(lock(fd, F_OFD_SETLKW, F_WRLCK, 0, 10)));
    return NULL;
}

int main(void)
{
    char path[] = "/tmp/locks-XXXXXX";
    int a = mkstemp(path), b = open(path, O_RDWR), r = open(path, O_RDONLY);
    pthread_t thread;
    printf("the process: %s\n", answer(lock(a, F_SETLK, F_WRLCK, 0, 100)));
    printf("again: %s\n", answer(lock(b, F_SETLK, F_WRLCK, 50, 100)));
    ask(b, F_GETLK, F_WRLCK, 0, 0);
    ask(b, F_OFD_GETLK, F_RDLCK, 120, 0);
    printf("a description against the process: %s\n", answer(lock(b, F_OFD_SETLK, F_RDLCK, 10, 1)));
    printf("a hole: %s\n", answer(lock(a, F_SETLK, F_UNLCK, 20, 10)));
    printf("in it: %s\n", answer(lock(b, F_OFD_SETLK, F_WRLCK, 20, 10)));
    ask(a, F_GETLK, F_WRLCK, 0, 0);
    ask(r, F_OFD_GETLK, F_WRLCK, 0, 15);
    ask(r, F_OFD_GETLK, F_WRLCK, 30, 0);
    printf("beside it: %s\n", answer(lock(b, F_OFD_SETLK, F_WRLCK, 19, 3)));
    close(r); /* any close gives up the process's locks, not the description's */
    ask(b, F_OFD_GETLK, F_WRLCK, 0, 0);
    ask(a, F_GETLK, F_WRLCK, 0, 0);
    printf("shared: %s\n", answer(lock(b, F_OFD_SETLK, F_RDLCK, 0, 0)));
    printf("by two: %s\n", answer(lock(a, F_OFD_SETLK, F_RDLCK, 5, 5)));
    printf("then alone: %s\n", answer(lock(a, F_OFD_SETLK, F_WRLCK, 0, 3)));
    lock(a, F_OFD_SETLK, F_UNLCK, 0, 0);
    pthread_create(&thread, NULL, wait_for_lock, &a);
    usleep(20000);
    printf("released\n");
    fflush(stdout);
    lock(b, F_OFD_SETLK, F_UNLCK, 0, 0);
    pthread_join(thread, NULL);
    ask(b, F_OFD_GETLK, F_RDLCK, 0, 0);
    close(a);
    ask(b, F_OFD_GETLK, F_RDLCK, 0, 0);

    struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = -1};
    printf("before the start: %s\n", answer(fcntl(b, F_SETLK, &l)));
    l = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 5, .l_len = -6};
    printf("length before the start: %s\n", answer(fcntl(b, F_SETLK, &l)));
    l.l_len = -5;
    printf("length backwards: %s\n", answer(fcntl(b, F_SETLK, &l)));
    l = (struct flock){.l_type = F_WRLCK, .l_whence = 3};
    printf("whence 3: %s\n", answer(fcntl(b, F_SETLK, &l)));
    l = (struct flock){.l_type = 7, .l_whence = SEEK_SET};
    printf("type 7: %s\n", answer(fcntl(b, F_SETLK, &l)));
    l = (struct flock){
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 9, .l_len = 0x7fffffffffffffff};
    printf("beyond all numbers: %s\n", answer(fcntl(b, F_SETLK, &l)));
    l = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_pid = 1};
    printf("a pid with a description's: %s\n", answer(fcntl(b, F_OFD_SETLK, &l)));
    int w = open(path, O_WRONLY);
    printf("reading lock, writing descriptor: %s\n", answer(lock(w, F_SETLK, F_RDLCK, 0, 1)));
    printf("owner: %d\n", fcntl(b, F_GETOWN));
    printf("set: %s\n", answer(fcntl(b, F_SETOWN, getpid())));
    printf("owner is us: %d\n", fcntl(b, F_GETOWN) == getpid());
    printf("signal: %d\n", fcntl(b, F_GETSIG));
    printf("set: %s\n", answer(fcntl(b, F_SETSIG, 34)));
    printf("signal: %d\n", fcntl(b, F_GETSIG));
    printf("signal 65: %s\n", answer(fcntl(b, F_SETSIG, 65)));
    printf("nothing to notify of: %s, lease: %d\n",
           answer(fcntl(b, F_NOTIFY, (unsigned long)DN_MULTISHOT)), fcntl(b, F_GETLEASE));
    unlink(path);
    return 42;
}
