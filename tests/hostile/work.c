/* SPDX-License-Identifier: Apache-2.0 */
/* A workload that notices. It uses what asks the host for something, plants canaries wherever it
 * keeps data, and ends with 0 (everything as it must be), 3 (something failed, with an error), 4
 * (something was wrong and nobody said so), or 5 (the host's own data were other than expected).
 *
 *     work [leak]     with `leak` it says a canary aloud, to show that the search finds it */
#include "canary.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { RIGHT = 0, FAILED = 3, WRONG = 4, OTHER_DATA = 5 };

static bool any_failed, other_data;
static uint64_t in_data = 1; /* .data */

static void say(const char *what)
{
    if (write(1, what, strlen(what)) < 0) {
        any_failed = true;
    }
}

static void failed(const char *what)
{
    any_failed = true;
    say("failed: ");
    say(what);
    say("\n");
}

static void wrong(const char *what)
{
    say("wrong: ");
    say(what);
    say("\n");
    _exit(WRONG);
}

/* ---- files and the standard streams
 * --------------------------------------------------------------- */

static bool keep_file(const char *path, uint64_t seed, size_t size)
{
    static uint64_t buffer[2][1024];
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (fd < 0) {
        return false;
    }
    for (size_t i = 0; i < 1024; i++) {
        buffer[0][i] = i % 64 == 0 ? canary('f') : seed * i;
    }
    bool ok = true;
    for (size_t at = 0; ok && at < size; at += sizeof buffer[0]) {
        ok = pwrite(fd, buffer[0], sizeof buffer[0], (off_t)at) == (ssize_t)sizeof buffer[0];
    }
    for (size_t at = 0; ok && at < size; at += sizeof buffer[0]) {
        ssize_t n = pread(fd, buffer[1], sizeof buffer[1], (off_t)at);
        ok = n == (ssize_t)sizeof buffer[1];
        if (ok && memcmp(buffer[0], buffer[1], sizeof buffer[0]) != 0) {
            wrong(path);
        }
    }
    close(fd);
    return ok;
}

static void use_volume(unsigned round)
{
    if (!keep_file("/data/kept", round + 11, 32768)) {
        failed("the volume");
        return;
    }
    int fd = open("/data/kept", O_RDONLY);
    if (fd < 0 || fsync(fd) != 0 || close(fd) != 0) {
        failed("syncing the volume");
    }
}

/* Somebody else's quote must not come through: the user's data stand in it. */
static void use_attestation(void)
{
    static uint8_t quote[16384];
    uint8_t data[64];
    memset(data, 0x5a, sizeof data);
    int fd = open("/dev/attestation/user_report_data", O_WRONLY);
    if (fd < 0 || write(fd, data, sizeof data) != (ssize_t)sizeof data || close(fd) != 0) {
        failed("report data");
        return;
    }
    fd = open("/dev/attestation/quote", O_RDONLY);
    ssize_t n = fd < 0 ? -1 : read(fd, quote, sizeof quote);
    if (n < 0) {
        failed("the quote");
    } else if (n < 432 || memcmp(quote + 48 + 320, data, sizeof data) != 0) {
        wrong("the quote is of something else");
    }
    close(fd);
}

static void use_input(void)
{
    static char buffer[20000];
    int fd = open("/in/numbers", O_RDONLY);
    if (fd < 0) {
        failed("input");
        return;
    }
    ssize_t n, at = 0;
    while ((n = read(fd, buffer, sizeof buffer)) > 0) {
        for (ssize_t i = 0; i < n; i++) {
            other_data |= buffer[i] != "0123456789abcdef"[(at + i) % 16];
        }
        at += n;
    }
    if (n < 0) {
        failed("reading the input");
    }
    other_data |= at != 200000 && n == 0;
    close(fd);
}

static void use_output(void)
{
    int fd = open("/out/result", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    static const char line[] = "a line of the result that may be seen\n";
    for (int i = 0; fd >= 0 && i < 4000; i++) {
        if (write(fd, line, sizeof line - 1) != (ssize_t)sizeof line - 1) {
            failed("output");
            break;
        }
    }
    if (fd < 0 || close(fd) != 0) {
        failed("closing the output");
    }
}

static void use_stdin(void)
{
    char buffer[300];
    for (int i = 0; i < 3; i++) {
        memset(buffer, 1, sizeof buffer);
        ssize_t n = read(0, buffer, sizeof buffer - 1);
        if (n < 0) {
            failed("standard input");
        }
        if (n > (ssize_t)sizeof buffer - 1 || buffer[sizeof buffer - 1] != 1) {
            wrong("more was read than there was room for");
        }
        for (ssize_t k = 0; k < n; k++) {
            other_data |= buffer[k] != 0;
        }
    }
}

/* ---- the network
 * ---------------------------------------------------------------------------------- */

static struct sockaddr_in peer_address(unsigned more)
{
    const char *port = getenv("PEER");
    return (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)(strtoul(port != NULL ? port : "", NULL, 10) + more)),
        .sin_addr = {htonl(INADDR_LOOPBACK)}};
}

/* Nothing waits for ever: whatever the host withholds ends in an error. */
static int peer_socket(int type)
{
    const struct timeval limit = {0, 300000};
    const struct sockaddr_in a = peer_address(0);
    int fd = socket(AF_INET, type, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0 ||
        connect(fd, (const struct sockaddr *)&a, sizeof a) != 0) {
        failed("connect");
    }
    return fd;
}

/* What is not there must stay as it was, and never more comes than there is room for. */
static void hear(int fd, const uint8_t *expected, size_t size, bool all)
{
    static uint8_t buffer[20000];
    memset(buffer, 0xee, sizeof buffer);
    ssize_t n = recv(fd, buffer, size, all ? MSG_WAITALL : 0);
    if (n > (ssize_t)size || buffer[n > 0 ? (size_t)n : 0] != 0xee) {
        wrong("more came than there was room for");
    }
    if (n < 0) {
        failed("recv");
    } else {
        other_data |= (size_t)n != size || memcmp(buffer, expected, size) != 0;
    }
}

static void use_network(unsigned round)
{
    static uint8_t data[16384];
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (uint8_t)(i * 7 + round);
    }
    int fd = peer_socket(SOCK_STREAM), datagrams = peer_socket(SOCK_DGRAM);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    if (send(fd, "echo\n", 5, MSG_NOSIGNAL) != 5 ||
        send(fd, data, sizeof data, MSG_NOSIGNAL) != (ssize_t)sizeof data || poll(&p, 1, 300) < 0) {
        failed("send");
    }
    hear(fd, data, sizeof data, true);
    if (send(datagrams, data, 1000 + round, 0) != (ssize_t)(1000 + round)) {
        failed("a datagram");
    }
    hear(datagrams, data, 1000 + round, false);
    shutdown(fd, SHUT_WR);
    close(fd);
    close(datagrams);
}

/* Somebody from outside comes in. */
static void use_server(void)
{
    const struct timeval limit = {0, 300000};
    const struct sockaddr_in a = peer_address(1);
    const int one = 1;
    char call[64];
    int listener = socket(AF_INET, SOCK_STREAM, 0), asker = peer_socket(SOCK_STREAM);
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0 ||
        bind(listener, (const struct sockaddr *)&a, sizeof a) != 0 || listen(listener, 5) != 0) {
        failed("listen"); /* another run may be there */
    }
    int n = snprintf(call, sizeof call, "call %u 4 hello\n", ntohs(a.sin_port));
    if (send(asker, call, (size_t)n, MSG_NOSIGNAL) != n) {
        failed("send");
    }
    int fd = accept(listener, NULL, NULL);
    if (fd < 0) {
        failed("accept");
    } else {
        hear(fd, (const uint8_t *)"hello", 5, true);
        if (send(fd, "goodbye", 7, MSG_NOSIGNAL) != 7) {
            failed("send");
        }
    }
    close(fd);
    close(listener);
    close(asker);
}

/* ---- memory
 * --------------------------------------------------------------------------------------- */

static void use_memory(unsigned round)
{
    size_t size = (size_t)(1 + round % 5) << 16;
    uint64_t *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        failed("mmap");
        return;
    }
    for (size_t i = 0; i < size / 8; i++) {
        if (p[i] != 0) {
            wrong("fresh memory is not zero");
        }
        p[i] = i % 512 == 0 ? canary('m') : i ^ round;
    }
    if (mprotect(p, size, PROT_READ) != 0) {
        failed("mprotect");
    }
    for (size_t i = 0; i < size / 8; i++) {
        if (p[i] != (i % 512 == 0 ? canary('m') : i ^ round)) {
            wrong("memory changed");
        }
    }
    if (munmap(p, size) != 0) {
        failed("munmap");
    }
}

static void use_heap(void)
{
    uint64_t *kept[16] = {NULL};
    for (unsigned i = 0; i < 200; i++) {
        uint64_t **k = &kept[i * 7 % 16];
        size_t words = 1 + i * 577 % 40000;
        free(*k);
        *k = malloc(words * 8);
        if (*k == NULL) {
            failed("malloc");
            continue;
        }
        (*k)[0] = (*k)[words - 1] = canary('h');
    }
    for (size_t i = 0; i < 16; i++) {
        if (kept[i] != NULL && kept[i][0] != canary('h')) {
            wrong("the heap changed");
        }
        free(kept[i]);
    }
}

/* ---- threads
 * -------------------------------------------------------------------------------------- */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t turn;
    unsigned next, rounds;
    uint64_t sum;
} shared = {.lock = PTHREAD_MUTEX_INITIALIZER, .turn = PTHREAD_COND_INITIALIZER};
enum { WORKERS = 3, ROUNDS = 20 };

static void *worker(void *argument)
{
    volatile uint64_t here[8];
    unsigned me = (unsigned)(uintptr_t)argument;
    for (size_t i = 0; i < 8; i++) {
        here[i] = canary('t');
    }
    for (unsigned i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&shared.lock);
        shared.sum += me;
        shared.rounds++;
        pthread_cond_broadcast(&shared.turn);
        pthread_mutex_unlock(&shared.lock);
        if (i % 8 == me) {
            use_memory(i);
        }
    }
    for (size_t i = 0; i < 8; i++) {
        if (here[i] != canary('t')) {
            wrong("a thread's stack changed");
        }
    }
    return argument;
}

static void use_threads(void)
{
    pthread_t threads[WORKERS];
    bool there[WORKERS];
    unsigned count = 0;
    uint64_t sum = 0;
    shared.rounds = 0;
    shared.sum = 0;
    for (unsigned i = 0; i < WORKERS; i++) {
        there[i] = pthread_create(&threads[i], NULL, worker, (void *)(uintptr_t)(i + 1)) == 0;
        count += there[i];
        sum += there[i] ? (uint64_t)ROUNDS * (i + 1) : 0;
        if (!there[i]) {
            failed("pthread_create");
        }
    }
    pthread_mutex_lock(&shared.lock);
    while (shared.rounds < count * ROUNDS) {
        pthread_cond_wait(&shared.turn, &shared.lock);
    }
    pthread_mutex_unlock(&shared.lock);
    for (unsigned i = 0; i < WORKERS; i++) {
        void *back = NULL;
        if (there[i] &&
            (pthread_join(threads[i], &back) != 0 || back != (void *)(uintptr_t)(i + 1))) {
            wrong("a thread came back with something else");
        }
    }
    if (shared.sum != sum) {
        wrong("a lock did not lock");
    }
}

/* ---- faults and registers
 * ------------------------------------------------------------------------- */

static sigjmp_buf back;
static volatile uint64_t fault_at;
static volatile int fault_signal;

static void on_fault(int sig, siginfo_t *info, void *context)
{
    (void)context;
    fault_signal = sig;
    fault_at = (uint64_t)(uintptr_t)info->si_addr;
    siglongjmp(back, 1);
}

static void use_faults(void)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGILL, &action, NULL);
    volatile uint8_t *p = mmap(NULL, 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        failed("mmap");
        return;
    }
    for (int i = 0; i < 10; i++) {
        fault_signal = 0;
        if (sigsetjmp(back, 1) == 0) {
            p[8 * i] = 1;
            wrong("a store to a page without rights");
        }
        if (fault_signal != SIGSEGV || fault_at != (uint64_t)(uintptr_t)&p[8 * i]) {
            wrong("the signal of a fault");
        }
        fault_signal = 0;
        if (sigsetjmp(back, 1) == 0) {
            __asm__ volatile("ud2");
        }
        if (fault_signal != SIGILL) {
            wrong("the signal of an illegal instruction");
        }
    }
    signal(SIGSEGV, SIG_DFL);
    signal(SIGILL, SIG_DFL);
    munmap((void *)(uintptr_t)p, 8192);
}

/* A system call, and then a long loop, with canaries in all registers that keep them. */
static void use_registers(long number, long a, long b, long c)
{
    uint64_t v = canary('r'), got = 0;
    long r = number;
    __asm__ volatile("movq %[v], %%xmm7\n\tmovq %[v], %%xmm15\n\tpunpcklqdq %%xmm15, %%xmm15\n\t"
                     "mov %[v], %%r12\n\tmov %[v], %%r13\n\tmov %[v], %%r14\n\tmov %[v], %%r8\n\t"
                     "mov %[v], %%r9\n\tmov %[v], %%r10\n\tsyscall\n\t"
                     "mov $300000, %%ecx\n1:\tdec %%ecx\n\tjnz 1b\n\t"
                     "movq %%xmm15, %[got]\n\tcmp %%r12, %[got]\n\tje 2f\n\txor %[got], %[got]\n2:"
                     : [got] "=&r"(got), "+a"(r)
                     : [v] "r"(v), "D"(a), "S"(b), "d"(c)
                     : "rcx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "xmm7", "xmm15",
                       "memory");
    if (got != v) {
        wrong("registers changed");
    }
}

/* ---- time
 * ----------------------------------------------------------------------------------------- */

static uint64_t now(clockid_t clock)
{
    struct timespec ts;
    if (clock_gettime(clock, &ts) != 0) {
        failed("clock_gettime");
        return 0;
    }
    return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void use_time(void)
{
    static uint64_t last;
    const struct timespec little = {0, 300000};
    uint64_t t = now(CLOCK_MONOTONIC);
    if (t < last) {
        wrong("time ran backwards");
    }
    if (nanosleep(&little, NULL) != 0) {
        failed("nanosleep");
    }
    last = now(CLOCK_MONOTONIC);
    if (last < t + 300000) {
        wrong("a sleep was too short");
    }
}

int main(int argc, char **argv)
{
    volatile uint64_t on_stack[4] = {canary('s'), canary('s'), canary('s'), canary('s')};
    in_data = canary('d');
    int pipes[2];
    uint64_t through_pipe = canary('p'), out = 0;
    if (argc > 1 && strcmp(argv[1], "leak") == 0) {
        say("it is: ");
        return write(1, &in_data, sizeof in_data) == 8 ? RIGHT : FAILED;
    }
    if (pipe(pipes) != 0 || write(pipes[1], &through_pipe, 8) != 8 ||
        read(pipes[0], &out, 8) != 8) {
        failed("pipe");
    } else if (out != through_pipe) {
        wrong("the pipe");
    }
    for (unsigned i = 0; i < 4; i++) {
        if (!keep_file("/tmp/kept", i + 3, 65536)) {
            failed("a file");
        }
        use_registers(39, 0, 0, 0);                          /* getpid: served inside */
        use_registers(1, 1, (long)(uintptr_t) "round\n", 6); /* write: leaves the enclave */
        use_memory(i);
        use_heap();
        use_stdin();
        use_network(i);
        use_volume(i);
        use_attestation();
        use_time();
        use_threads();
        use_faults();
    }
    use_input();
    use_output();
    use_server();
    if (on_stack[1] != canary('s') || in_data != canary('d')) {
        wrong("memory changed");
    }
    return any_failed ? FAILED : other_data ? OTHER_DATA : RIGHT;
}
