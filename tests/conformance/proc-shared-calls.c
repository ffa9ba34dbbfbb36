/* SPDX-License-Identifier: Apache-2.0 */
/* System calls whose buffers lie in memory that another process has just then: what they read and
 * write, in several pages and pieces, is whole. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGES 4
#define SIZE  (PAGES * 4096)

static unsigned char *shared;
static int go[2], done[2];

/* Each page is with the other process afterwards, changed in its last byte. */
static void taker(void)
{
    char c;
    while (read(go[0], &c, 1) == 1) {
        for (int i = 0; i < PAGES; i++) {
            shared[i * 4096 + 4095]++;
        }
        if (write(done[1], "d", 1) != 1) {
            break;
        }
    }
    _exit(0);
}

static void take(void)
{
    char c;
    if (write(go[1], "g", 1) != 1 || read(done[0], &c, 1) != 1) {
        exit(1);
    }
}

static unsigned char byte(int at)
{
    return (unsigned char)(at * 7 + at / 251);
}

static int is_whole(const unsigned char *data, int size)
{
    for (int i = 0; i < size; i++) {
        if (data[i] != byte(i)) {
            return 0;
        }
    }
    return 1;
}

/* A read that blocks, while its buffer goes. */
static void blocked(int stream)
{
    enum { MUCH = 10000 };
    int pipes[2], whole = 0;
    unsigned char data[MUCH];
    for (int i = 0; i < MUCH; i++) {
        data[i] = byte(i);
    }
    if (stream ? socketpair(AF_UNIX, SOCK_STREAM, 0, pipes) : pipe(pipes)) {
        exit(1);
    }
    for (int round = 0; round < 5; round++) {
        fflush(stdout);
        pid_t reader = fork();
        if (reader == 0) {
            memset(shared, 0xaa, SIZE);
            ssize_t n = read(pipes[0], shared + 1000, MUCH);
            _exit(n == MUCH && is_whole(shared + 1000, MUCH) ? 1 : 0);
        }
        usleep(30000);
        for (int i = 0; i < PAGES; i++) {
            shared[i * 4096 + 500]++; /* here */
        }
        int status;
        if (write(pipes[1], data, MUCH) != MUCH || waitpid(reader, &status, 0) != reader) {
            exit(1);
        }
        whole += WEXITSTATUS(status);
    }
    printf("%s: %d of 5 whole\n", stream ? "a socket" : "a pipe", whole);
    close(pipes[0]);
    close(pipes[1]);
}

/* Files, from and to pages that are elsewhere. */
static void files(void)
{
    unsigned char back[SIZE];
    int fd = open("/tmp/shared-calls", O_RDWR | O_CREAT | O_TRUNC, 0600), whole[4] = {0};
    for (int round = 0; round < 10; round++) {
        char head[8] = "header:";
        memset(shared, 0, SIZE);
        for (int i = 0; i < SIZE - 4096; i++) {
            shared[300 + i] = byte(i);
        }
        for (int i = 0; i < PAGES; i++) {
            shared[i * 4096 + 4095]--; /* what the other adds */
        }
        take();
        whole[0] += pwrite(fd, shared + 300, SIZE - 4096, 0) == SIZE - 4096;
        take();
        for (int i = 0; i < PAGES; i++) {
            shared[i * 4096 + 4095]--;
        }
        take();
        struct iovec v[] = {{head, 7}, {shared + 300, 5000}, {head, 7}, {shared + 5300, 3000}};
        lseek(fd, 0, SEEK_SET);
        take();
        whole[1] += writev(fd, v, 4) == 8014;
        whole[1] += pread(fd, back, 8014, 0) == 8014 && memcmp(back, "header:", 7) == 0 &&
                    memcmp(back + 5007, "header:", 7) == 0;
        for (int i = 0; i < SIZE - 4096; i++) {
            back[i] = byte(i);
        }
        whole[2] += pwrite(fd, back, 9000, 0) == 9000;
        take();
        whole[2] += pread(fd, shared + 100, 9000, 0) == 9000 && is_whole(shared + 100, 9000);
        take();
        struct iovec into[] = {{shared + 50, 4500}, {back, 500}, {shared + 9000, 4000}};
        memset(back, 0, sizeof back);
        lseek(fd, 0, SEEK_SET);
        whole[3] += readv(fd, into, 3) == 9000 && is_whole(shared + 50, 4500) &&
                    back[0] == byte(4500) && shared[9000] == byte(5000) &&
                    shared[12999] == byte(8999);
    }
    printf("written %d, in pieces %d, read %d, in pieces %d\n", whole[0], whole[1], whole[2],
           whole[3]);
    close(fd);
    unlink("/tmp/shared-calls");
}

int main(void)
{
    shared = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED || pipe(go) != 0 || pipe(done) != 0) {
        return 1;
    }
    /* In a child, which is another process than the first. */
    pid_t child = fork();
    if (child == 0) {
        blocked(0);
        blocked(1);
        pid_t other = fork();
        if (other == 0) {
            close(go[1]);
            taker();
        }
        close(go[0]);
        files();
        close(go[1]);
        waitpid(other, NULL, 0);
        fflush(stdout);
        _exit(42);
    }
    int status;
    close(go[1]); /* its end is the other's */
    waitpid(child, &status, 0);
    return WEXITSTATUS(status);
}
