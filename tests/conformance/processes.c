/* SPDX-License-Identifier: Apache-2.0 */
/* New processes: fork, vfork, clone and posix_spawn, from the first process and from its children,
 * with what the child has of its parent and what is told of its end. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static char self[4096];
static int depth;

static void how(const char *what, pid_t pid)
{
    int status = 0;
    const pid_t w = waitpid(pid, &status, 0);
    printf("%*s%s: waited %s, ", depth * 2, "", what, w == pid ? "for it" : strerror(errno));
    if (WIFEXITED(status)) {
        printf("exit %d\n", WEXITSTATUS(status));
    } else if (WIFSIGNALED(status)) {
        printf("signal %d\n", WTERMSIG(status));
    } else {
        printf("status %x\n", status);
    }
}

static int memory = 1;

static void forks(void)
{
    char *heap = malloc(3000000);
    memset(heap, 'h', 3000000);
    const pid_t parent = getpid(), pid = fork();
    if (pid == 0) {
        const int same = memory == 1 && heap[2999999] == 'h' && getppid() == parent;
        memory = 2;
        memset(heap, 'c', 3000000);
        _exit(same ? 7 : 8);
    }
    how("fork", pid);
    printf("%*sits memory is its own: %d %c\n", depth * 2, "", memory, heap[0]);
    free(heap);
}

static void vforks(void)
{
    volatile int shared = 1;
    pid_t pid = vfork();
    if (pid == 0) {
        shared = 2;
        _exit(9);
    }
    how("vfork", pid);
    printf("%*sits memory is ours: %d\n", depth * 2, "", shared);
    pid = vfork();
    if (pid == 0) {
        execl("/nowhere", "nowhere", (char *)NULL);
        _exit(errno == ENOENT ? 10 : 11);
    }
    how("vfork that finds no program", pid);
    pid = vfork();
    if (pid == 0) {
        raise(SIGKILL);
    }
    how("vfork that is killed", pid);
}

static void spawns(void)
{
    int p[2];
    char text[100] = "";
    pid_t pid;
    posix_spawn_file_actions_t actions;
    char *argv[] = {self, (char *)"spawned", NULL}, *env[] = {(char *)"WORD=of the parent", NULL};
    if (pipe(p) != 0) {
        return;
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, p[1], 1);
    posix_spawn_file_actions_addclose(&actions, p[0]);
    printf("%*sposix_spawn: %s\n", depth * 2, "",
           strerror(posix_spawn(&pid, self, &actions, NULL, argv, env)));
    close(p[1]);
    size_t n = 0;
    for (ssize_t r = 1; r > 0 && n < sizeof text - 1; n += (size_t)(r > 0 ? r : 0)) {
        r = read(p[0], text + n, sizeof text - 1 - n);
    }
    close(p[0]);
    how("spawned", pid);
    printf("%*sit says: %s", depth * 2, "", text);
    printf("%*sno such program: %s\n", depth * 2, "",
           strerror(posix_spawn(&pid, "/nowhere", NULL, NULL, argv, env)));
    posix_spawn_file_actions_destroy(&actions);
}

static void *is_there(void *word)
{
    return word;
}

static void threads(void)
{
    const pid_t pid = fork();
    if (pid == 0) {
        pthread_t t[3];
        void *back;
        long sum = 0;
        for (long i = 0; i < 3; i++) {
            pthread_create(&t[i], NULL, is_there, (void *)(i + 1));
        }
        for (int i = 0; i < 3; i++) {
            pthread_join(t[i], &back);
            sum += (long)back;
        }
        _exit((int)sum);
    }
    how("threads of a child", pid);
}

static void signals(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        pause();
        _exit(1);
    }
    kill(pid, SIGTERM);
    how("one that is terminated", pid);
    pid = fork();
    if (pid == 0) {
        for (;;) {
        }
    }
    kill(pid, SIGKILL);
    how("one that computes and is killed", pid);
    pid = fork();
    if (pid == 0) {
        *(volatile int *)NULL = 1;
    }
    how("one that faults", pid);
}

static void clones(void)
{
    int pidfd = -1;
    const pid_t pid = (pid_t)syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, 0, &pidfd, 0, 0);
    siginfo_t info = {0};
    if (pid == 0) {
        _exit(12);
    }
    printf("%*sclone: a pidfd %s\n", depth * 2, "", pidfd >= 0 ? "came" : "did not come");
    const int r = waitid((idtype_t)3 /* P_PIDFD */, (id_t)pidfd, &info, WEXITED);
    printf("%*swaitid: %s, status %d\n", depth * 2, "",
           r == 0 && info.si_pid == pid ? "it" : strerror(errno), info.si_status);
    close(pidfd);
}

static void many(void)
{
    pid_t pids[6];
    int sum = 0, status;
    for (int i = 0; i < 6; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            _exit(i + 1);
        }
    }
    for (int i = 0; i < 6; i++) {
        waitpid(pids[i], &status, 0);
        sum += WEXITSTATUS(status);
    }
    printf("%*smany at a time: %d\n", depth * 2, "", sum);
}

static void all(void)
{
    forks();
    vforks();
    spawns();
    threads();
    signals();
    clones();
    many();
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc > 1) {
        printf("%s, %s\n", argv[1], getenv("WORD"));
        return 3;
    }
    if (readlink("/proc/self/exe", self, sizeof self - 1) < 0) {
        return 1;
    }
    all();
    fflush(stdout);
    const pid_t pid = fork();
    if (pid == 0) {
        depth = 1;
        all();
        const pid_t grandchild = fork();
        if (grandchild == 0) {
            execl(self, "program", "executed by a grandchild", (char *)NULL);
            _exit(1);
        }
        how("a grandchild", grandchild);
        exit(5);
    }
    how("the child", pid);
    return 42;
}
