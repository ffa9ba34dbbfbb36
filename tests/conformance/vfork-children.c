/* SPDX-License-Identifier: Apache-2.0 */
/* What the child of a vfork may do besides execve: fork, vfork and posix_spawn of its own. All of
 * it in the first process and in a child of it. */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static const char *self;
static volatile int private_word;
static volatile int *shared_word;

static void say(const char *text, int number)
{
    char line[128];
    const int n = snprintf(line, sizeof line, "%s: %d\n", text, number);
    write(1, line, (size_t)n);
}

static int ended(pid_t child)
{
    int status = -1;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void forks(void)
{
    private_word = *shared_word = 1;
    const pid_t outer = getpid();
    const pid_t child = vfork();
    if (child == 0) {
        private_word = 2;
        const pid_t own = getpid(), inner = fork();
        if (inner == 0) {
            say("a child of a vfork's child has that as its parent", getppid() == own);
            say("and is another process", getpid() != own && getpid() != outer);
            private_word += 10;
            *shared_word += 10;
            say("what it sees and makes of it", private_word);
            _exit(private_word);
        }
        const int status = ended(inner);
        say("forked", inner > 0 && inner != own);
        say("its status", status);
        say("private memory", private_word);
        say("shared memory", *shared_word);
        private_word += status;
        _exit(3);
    }
    say("status of the first", ended(child));
    say("what it did to its parent's memory", private_word);
}

static void leaves(void)
{
    int to[2];
    char c = 0;
    pipe(to);
    const pid_t child = vfork();
    if (child == 0) {
        const pid_t own = getpid();
        if (fork() == 0) {
            close(to[0]);
            while (getppid() == own) {
                usleep(1000);
            }
            write(to[1], "o", 1);
            _exit(0);
        }
        _exit(4);
    }
    close(to[1]);
    say("whose parent ended at once", ended(child));
    say("it tells that it is an orphan", (int)read(to[0], &c, 1) + c);
    say("and ends", (int)read(to[0], &c, 1));
    close(to[0]);
}

static void vforks(void)
{
    private_word = 0;
    const pid_t child = vfork();
    if (child == 0) {
        const pid_t own = getpid(), inner = vfork();
        if (inner == 0) {
            private_word += getppid() == own ? 1 : 100;
            const pid_t third = vfork();
            if (third == 0) {
                private_word += 2;
                execl(self, self, "11", NULL);
                _exit(1);
            }
            private_word += 4 * (ended(third) == 11);
            execl("/nowhere", "nowhere", NULL);
            private_word += 8 * (errno == ENOENT);
            _exit(12);
        }
        private_word += 16 * (ended(inner) == 12) + 32 * (getpid() == own);
        const pid_t other = vfork();
        if (other == 0) {
            kill(getpid(), SIGKILL);
            _exit(1);
        }
        private_word += 64 * (ended(other) == 1009);
        execl(self, self, "13", NULL);
        _exit(1);
    }
    say("vfork in vfork in vfork", private_word);
    say("and execve after it", ended(child));
}

static void spawns(void)
{
    private_word = 0;
    const pid_t child = vfork();
    if (child == 0) {
        char *words[] = {(char *)self, "14", NULL};
        pid_t made = -1;
        private_word += posix_spawn(&made, self, NULL, NULL, words, environ) == 0;
        private_word += 2 * (ended(made) == 14);
        private_word += 4 * (posix_spawn(&made, "/nowhere", NULL, NULL, words, environ) == ENOENT);
        _exit(5);
    }
    say("posix_spawn", private_word);
    say("its status", ended(child));
}

static volatile int told;

static void child_told(int signo)
{
    (void)signo;
    told++;
}

/* The action is the child's own: its parent's stays. */
static void actions(void)
{
    signal(SIGUSR1, SIG_IGN);
    const pid_t child = vfork();
    if (child == 0) {
        signal(SIGUSR1, child_told);
        const pid_t inner = fork();
        if (inner == 0) {
            raise(SIGUSR1);
            _exit(told);
        }
        _exit(ended(inner));
    }
    say("a handler is inherited", ended(child));
    raise(SIGUSR1);
    say("and is not the parent's", told);
    signal(SIGUSR1, SIG_DFL);
}

static void all(const char *who)
{
    say(who, 0);
    forks();
    leaves();
    vforks();
    spawns();
    actions();
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        return atoi(argv[1]);
    }
    self = argv[0][0] == '/' ? argv[0] : "/proc/self/exe";
    shared_word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    all("the first process");
    const pid_t child = fork();
    if (child == 0) {
        all("a child");
        _exit(0);
    }
    say("ended", ended(child));
    return 42;
}
