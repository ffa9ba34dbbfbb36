/* SPDX-License-Identifier: Apache-2.0 */
/* Calls whose lines in a trace are known: e2e/tracing.sh compares them with what strace shows of
 * the same program on this machine's kernel. Descriptors, sizes and texts are the same on both. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static void handler(int signal_number)
{
    (void)signal_number;
}

static void *in_thread(void *argument)
{
    return argument;
}

static void files(void)
{
    char buffer[64];
    struct stat st;
    char first[] = "ab", second[] = "cde";
    struct iovec v[2] = {{first, 2}, {second, 3}};
    int fd = open("/tmp/alcove-traced", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (write(fd,
              "hello\n\"world\"\1\377"
              "1",
              16) != 16 ||
        writev(fd, v, 2) != 5 || lseek(fd, 6, SEEK_SET) != 6 ||
        read(fd, buffer, sizeof buffer) != 15) {
        exit(1);
    }
    if (pread(fd, buffer, 2, 0) != 2 || fstat(fd, &st) != 0 ||
        access("/tmp/alcove-traced", R_OK | W_OK) != 0 || fcntl(fd, F_SETFD, 0) != 0 ||
        open("/tmp/no such file", O_RDONLY | O_DIRECTORY) >= 0) {
        exit(2);
    }
    if (mkdir("/tmp/alcove-dir", 0700) != 0 || rmdir("/tmp/alcove-dir") != 0 ||
        unlink("/tmp/alcove-traced") != 0) {
        exit(3);
    }
    close(fd);
}

static void memory(void)
{
    char *p = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mprotect(p, 4096, PROT_NONE) != 0 || madvise(p, 16384, MADV_DONTNEED) != 0 ||
        munmap(p, 16384) != 0) {
        exit(4);
    }
}

static void signals(void)
{
    struct sigaction action = {.sa_handler = SIG_IGN};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGRTMIN);
    sigaction(SIGUSR2, &action, NULL);
    sigprocmask(SIG_BLOCK, &set, NULL);
    action.sa_handler = handler;
    action.sa_flags = (int)SA_RESETHAND;
    sigaction(SIGUSR1, &action, NULL);
    raise(SIGUSR1);
}

static void sockets(void)
{
    int pair[2];
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/tmp/no-such-socket"};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0 ||
        send(pair[0], "x", 1, MSG_NOSIGNAL) != 1) {
        exit(5);
    }
    if (connect(socket(AF_UNIX, SOCK_DGRAM, 0), (void *)&address, sizeof address) == 0 ||
        pipe2(pair, O_NONBLOCK) != 0) {
        exit(6);
    }
}

int main(void)
{
    struct timespec moment = {0, 1000};
    struct rlimit limit = {64, 64};
    pthread_t thread;
    files();
    memory();
    signals();
    sockets();
    nanosleep(&moment, NULL);
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 ||
        pthread_create(&thread, NULL, in_thread, NULL) != 0) {
        return 7;
    }
    pthread_join(thread, NULL);
    return 3;
}
