/* SPDX-License-Identifier: Apache-2.0 */
/* A workload of processes that notices: it forks, spawns, executes itself, pipes, signals and
 * waits, with canaries in what the processes keep and in what they tell each other. It ends as
 * work.c does: 0 everything as it must be, 3 something failed and said so, 4 something was wrong
 * and nobody said so.
 *
 *     procs [spawned N]     what the spawned ones and the executed ones run */
#include "canary.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RIGHT = 0, FAILED = 3, WRONG = 4, WORDS = 1024, BIG = 6144 };

static bool any_failed;
static uint64_t kept[WORDS]; /* .bss; the child's copy is its own */
static char self_path[] = "/work";

static void say(const char *how, const char *what)
{
    char line[128];
    int n = snprintf(line, sizeof line, "%s: %s\n", how, what);
    any_failed |= write(1, line, (size_t)n) != n;
}

static void failed(const char *what)
{
    any_failed = true;
    say("failed", what);
}

static void wrong(const char *what)
{
    say("wrong", what);
    _exit(WRONG);
}

static void fill(uint64_t *words, size_t count, uint64_t seed)
{
    for (size_t i = 0; i < count; i++) {
        words[i] = i % 32 == 0 ? canary('k') : seed * i;
    }
}

static void check(const uint64_t *words, size_t count, uint64_t seed, const char *what)
{
    for (size_t i = 0; i < count; i++) {
        if (words[i] != (i % 32 == 0 ? canary('k') : seed * i)) {
            wrong(what);
        }
    }
}

/* All of it, or an error, or the end because somebody is gone. */
static bool move(int fd, void *data, size_t size, bool out)
{
    char *p = data;
    for (size_t done = 0; done < size;) {
        ssize_t n = out ? write(fd, p + done, size - done) : read(fd, p + done, size - done);
        if (n == 0 || (n < 0 && errno != EINTR)) {
            return false;
        }
        done += n > 0 ? (size_t)n : 0;
    }
    return true;
}

/* A child may be killed by the host; any other end than its own is wrong, or was told by the child.
 */
static void expect(pid_t pid, int code, int sig, const char *what)
{
    int status = 0;
    pid_t r;
    do {
        r = waitpid(pid, &status, 0);
    } while (r < 0 && errno == EINTR);
    if (r < 0) {
        failed("waitpid");
        return;
    }
    if (r != pid) {
        wrong("waitpid tells of another");
    }
    if (WIFSIGNALED(status)) {
        int s = WTERMSIG(status);
        if (s == SIGBUS) { /* a layer's page that is not what it was: judged as our own */
            signal(SIGBUS, SIG_DFL);
            raise(SIGBUS);
        }
        if (s != sig && s != SIGKILL && s != SIGABRT) {
            wrong(what);
        }
        any_failed |= s != sig;
    } else if (!WIFEXITED(status) || WEXITSTATUS(status) == WRONG) {
        wrong(what);
    } else if (WEXITSTATUS(status) != code || sig != 0) {
        if (WEXITSTATUS(status) != FAILED && WEXITSTATUS(status) != 127) {
            wrong(what);
        }
        failed(what);
    }
}

/* ---- memory that both have
 * ---------------------------------------------------------------------------------------- */

static void use_shared(uint64_t round)
{
    uint64_t *words = mmap(NULL, WORDS * sizeof *words, PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (words == MAP_FAILED) {
        failed("mmap");
        return;
    }
    fill(words, WORDS, round);
    pid_t pid = fork();
    if (pid == 0) {
        check(words, WORDS, round, "shared memory, in the child");
        fill(words, WORDS, round + 1);
        _exit(7);
    }
    if (pid < 0) {
        failed("fork");
    } else {
        expect(pid, 7, 0, "a child that shares memory");
    }
    if (!any_failed) { /* else the child may have been killed halfway */
        check(words, WORDS, round + 1, "shared memory");
    }
    munmap(words, WORDS * sizeof *words);
}

/* ---- fork: memory, and a pipe each way
 * ------------------------------------------------------------------- */

static void child_answers(const int to[2], const int from[2], uint64_t round)
{
    static uint64_t words[WORDS];
    close(to[1]);
    close(from[0]);
    check(kept, WORDS, round, "the child's copy");
    if (!move(to[0], words, sizeof words, false)) {
        _exit(FAILED);
    }
    check(words, WORDS, round + 1, "what came to the child");
    fill(kept, WORDS, round + 2); /* its own */
    fill(words, WORDS, round + 3);
    _exit(move(from[1], words, sizeof words, true) ? 7 : FAILED);
}

static void use_fork(uint64_t round)
{
    static uint64_t words[WORDS];
    int to[2], from[2];
    if (pipe(to) != 0 || pipe(from) != 0) {
        failed("pipe");
        return;
    }
    fill(kept, WORDS, round);
    pid_t pid = fork();
    if (pid == 0) {
        child_answers(to, from, round);
    }
    close(to[0]);
    close(from[1]);
    fill(words, WORDS, round + 1);
    if (pid < 0) {
        failed("fork");
    } else {
        if (!move(to[1], words, sizeof words, true) || !move(from[0], words, sizeof words, false)) {
            failed("the pipes of a child");
        } else {
            check(words, WORDS, round + 3, "what came from the child");
        }
        expect(pid, 7, 0, "the end of a child");
    }
    check(kept, WORDS, round, "the parent's copy");
    close(to[1]);
    close(from[0]);
}

/* ---- a child of a child, and a file
 * ---------------------------------------------------------------------- */

static void keep_file(uint64_t seed)
{
    static uint64_t words[WORDS];
    fill(words, WORDS, seed);
    int fd = open("/tmp/kept", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || !move(fd, words, sizeof words, true) || close(fd) != 0) {
        _exit(FAILED);
    }
}

static void use_grandchild(uint64_t round)
{
    static uint64_t words[WORDS];
    pid_t pid = fork();
    if (pid == 0) {
        pid_t second = fork();
        if (second == 0) {
            keep_file(round);
            _exit(9);
        }
        if (second < 0) {
            _exit(FAILED);
        }
        expect(second, 9, 0, "the end of a grandchild");
        _exit(any_failed ? FAILED : 8);
    }
    if (pid < 0) {
        failed("fork");
        return;
    }
    expect(pid, 8, 0, "the end of a child with a child");
    int fd = open("/tmp/kept", O_RDONLY);
    if (fd < 0 || !move(fd, words, sizeof words, false)) {
        failed("a file of a grandchild");
    } else {
        check(words, WORDS, round, "a file of a grandchild");
    }
    close(fd);
    unlink("/tmp/kept");
}

/* ---- other programs
 * --------------------------------------------------------------------------------------- */

/* Says its canary down the pipe that it has as standard output. */
static int spawned(uint64_t round)
{
    static uint64_t words[BIG];
    fill(words, BIG, round);
    return move(1, words, sizeof words, true) ? 5 : FAILED;
}

static void hear_program(int fd, uint64_t round)
{
    static uint64_t words[BIG];
    if (!move(fd, words, sizeof words, false)) {
        failed("what a program says");
    } else {
        check(words, BIG, round, "what a program says");
    }
}

static void use_programs(uint64_t round, bool in_place)
{
    extern char **environ;
    char number[24];
    char *argv[] = {self_path, (char[]){"spawned"}, number, NULL};
    int pipes[2];
    snprintf(number, sizeof number, "%u", (unsigned)round);
    if (pipe(pipes) != 0) {
        failed("pipe");
        return;
    }
    pid_t pid = -1;
    if (in_place) {
        pid = fork();
        if (pid == 0) {
            dup2(pipes[1], 1);
            execv(self_path, argv);
            _exit(127);
        }
    } else {
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, pipes[1], 1);
        pid = posix_spawn(&pid, self_path, &actions, NULL, argv, environ) == 0 ? pid : -1;
        posix_spawn_file_actions_destroy(&actions);
    }
    close(pipes[1]);
    if (pid < 0) {
        failed("another program");
    } else {
        hear_program(pipes[0], round);
        expect(pid, 5, 0, "the end of a program");
    }
    close(pipes[0]);
}

/* ---- signals
 * ---------------------------------------------------------------------------------------------- */

static void use_signals(bool computes)
{
    int pipes[2];
    char ready = 0;
    if (pipe(pipes) != 0) {
        failed("pipe");
        return;
    }
    pid_t pid = fork();
    if (pid == 0) {
        volatile uint64_t place = canary('s');
        ready = 1;
        if (write(pipes[1], &ready, 1) != 1) {
            _exit(FAILED);
        }
        while (computes) {
            place ^= 0;
        }
        for (;;) {
            pause();
        }
    }
    close(pipes[1]);
    if (pid < 0) {
        failed("fork");
    } else {
        if (!move(pipes[0], &ready, 1, false)) {
            failed("a child that is to be ended");
        }
        if (kill(pid, SIGTERM) != 0) {
            failed("kill");
        }
        expect(pid, 0, SIGTERM, "the end by a signal");
    }
    close(pipes[0]);
}

int main(int argc, char **argv)
{
    volatile uint64_t on_stack[4] = {canary('s'), canary('s'), canary('s'), canary('s')};
    signal(SIGPIPE, SIG_IGN);
    if (argc > 2) {
        return spawned(strtoul(argv[2], NULL, 10));
    }
    use_fork(3);
    use_shared(11);
    use_programs(5, false);
    use_grandchild(7);
    use_programs(9, true);
    use_signals(false);
    use_signals(true);
    if (on_stack[1] != canary('s')) {
        wrong("memory changed");
    }
    return any_failed ? FAILED : RIGHT;
}
