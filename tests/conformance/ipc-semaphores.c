/* SPDX-License-Identifier: Apache-2.0 */
/* System V semaphores: keys and numbers, operations on several at once, who sleeps for what, eight
 * processes, and what the ends of processes undo. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define KEY       0x414c5601
#define PROCESSES 8
#define TURNS     50

static const char *name_of(long r)
{
    return r >= 0 ? "ok" : strerrorname_np(errno);
}

static struct sembuf op(int number, int change, int flags)
{
    return (struct sembuf){(unsigned short)number, (short)change, (short)flags};
}

static int change(int id, int number, int by, int flags)
{
    struct sembuf one = op(number, by, flags);
    return semop(id, &one, 1);
}

static int value(int id, int number)
{
    return semctl(id, number, GETVAL);
}

static struct semid_ds told(int id)
{
    struct semid_ds d;
    memset(&d, 0xee, sizeof d);
    if (semctl(id, 0, IPC_STAT, &d) != 0) {
        printf("IPC_STAT: %s\n", strerrorname_np(errno));
    }
    return d;
}

static int ended(pid_t child)
{
    int status = -1;
    waitpid(child, &status, 0);
    return status;
}

/* Until so many sleep for it. */
static void until_waiting(int id, int number, int command, int count)
{
    while (semctl(id, number, command) != count) {
        usleep(500);
    }
}

static void keys(void)
{
    printf("no such key: %s\n", name_of(semget(KEY, 2, 0)));
    printf("none of them: %s, fewer: %s, too many: %s\n", name_of(semget(KEY, 0, IPC_CREAT | 0600)),
           name_of(semget(KEY, -1, IPC_CREAT | 0600)),
           name_of(semget(KEY, 32001, IPC_CREAT | 0600)));
    int id = semget(KEY, 3, IPC_CREAT | IPC_EXCL | 0640);
    printf("made: %s\n", name_of(id));
    printf("again, only if new: %s\n", name_of(semget(KEY, 3, IPC_CREAT | IPC_EXCL | 0600)));
    printf("again: %d\n", semget(KEY, 0, 0) == id && semget(KEY, 2, IPC_CREAT) == id);
    printf("more than it has: %s\n", name_of(semget(KEY, 4, 0)));
    struct semid_ds d = told(id);
    printf("%lu of them, mode %o key %d mine %d otime %ld ctime %d\n", d.sem_nsems, d.sem_perm.mode,
           d.sem_perm.__key == KEY, d.sem_perm.uid == getuid() && d.sem_perm.cgid == getgid(),
           (long)d.sem_otime, d.sem_ctime != 0);
    d.sem_perm.mode = 0604;
    printf("rights changed: %s", name_of(semctl(id, 0, IPC_SET, &d)));
    printf(", mode %o\n", told(id).sem_perm.mode);
    unsigned short values[3] = {5, 0, 7}, seen[3] = {0};
    printf("all set: %s\n", name_of(semctl(id, 0, SETALL, values)));
    printf("all got: %s", name_of(semctl(id, 0, GETALL, seen)));
    printf(": %d %d %d, by me %d\n", seen[0], seen[1], seen[2], semctl(id, 1, GETPID) == getpid());
    values[1] = 40000;
    printf("too large: %s %s, below zero: %s, outside: %s %s\n",
           name_of(semctl(id, 0, SETALL, values)), name_of(semctl(id, 0, SETVAL, 32768)),
           name_of(semctl(id, 0, SETVAL, -1)), name_of(semctl(id, 3, GETVAL)),
           name_of(semctl(id, -1, SETVAL, 1)));
    printf("pointers to nowhere: %s %s %s\n", name_of(semctl(id, 0, GETALL, (void *)8)),
           name_of(semctl(id, 0, IPC_STAT, NULL)), name_of(semctl(id, 0, IPC_SET, (void *)8)));
    printf("no such command: %s %s\n", name_of(semctl(id, 0, 99)), name_of(semctl(id, 0, -1)));
    printf("removed: %s", name_of(semctl(id, 0, IPC_RMID)));
    printf(", twice: %s, used: %s\n", name_of(semctl(id, 0, IPC_RMID)),
           name_of(change(id, 0, 1, 0)));
}

static void operations(void)
{
    int id = semget(IPC_PRIVATE, 4, 0600);
    struct sembuf several[3] = {op(0, 2, 0), op(1, 3, 0), op(2, -1, IPC_NOWAIT)};
    printf("one of three cannot: %s", name_of(semop(id, several, 3)));
    printf(", then none is made: %d %d %d\n", value(id, 0), value(id, 1), value(id, 2));
    several[2] = op(0, -1, IPC_NOWAIT);
    printf("the same twice: %s", name_of(semop(id, several, 3)));
    printf(": %d %d %d, otime %d\n", value(id, 0), value(id, 1), value(id, 2),
           told(id).sem_otime != 0);
    printf("zero: %s, not zero: %s\n", name_of(change(id, 3, 0, IPC_NOWAIT)),
           name_of(change(id, 0, 0, IPC_NOWAIT)));
    semctl(id, 3, SETVAL, 32767);
    printf("too much: %s", name_of(change(id, 3, 1, 0)));
    printf(", with what it undoes: %s", name_of(change(id, 2, 32767, SEM_UNDO)));
    printf(", of which there is too much: %s",
           name_of(change(id, 2, -32768, SEM_UNDO | IPC_NOWAIT)));
    printf(" %s\n", name_of(change(id, 2, -32767, SEM_UNDO)));
    struct sembuf many[501];
    printf("none: %s, five hundred:", name_of(semop(id, several, 0)));
    for (int i = 0; i < 501; i++) {
        many[i] = op(1, i % 2 == 0 ? 1 : -1, 0);
    }
    printf(" %s", name_of(semop(id, many, 500)));
    printf(", more: %s\n", name_of(semop(id, many, 501)));
    printf("no such semaphore: %s, no such set: %s %s, nowhere: %s\n", name_of(change(id, 4, 1, 0)),
           name_of(change(-1, 0, 1, 0)), name_of(change(INT32_MAX, 0, 1, 0)),
           name_of(semop(id, (void *)8, 1)));
    struct timespec t = {0, 20000000}, bad = {0, 1000000000}, past = {-1, 0}, now = {0, 0};
    struct sembuf down = op(2, -1, 0), up = op(2, 1, 0);
    struct timespec from, to;
    clock_gettime(CLOCK_MONOTONIC, &from);
    printf("in time: %s", name_of(semtimedop(id, &down, 1, &t)));
    clock_gettime(CLOCK_MONOTONIC, &to);
    long ms = (to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000;
    printf(" after %s, at once: %s, no time: %s %s, nowhere: %s, nothing to wait for: %s\n",
           ms >= 19 ? "20 ms" : "less", name_of(semtimedop(id, &down, 1, &now)),
           name_of(semtimedop(id, &down, 1, &bad)), name_of(semtimedop(id, &down, 1, &past)),
           name_of(semtimedop(id, &down, 1, (void *)8)), name_of(semtimedop(id, &up, 1, &now)));
    semctl(id, 0, IPC_RMID);
}

static void caught(int signo)
{
    (void)signo;
}

static void sleepers(void)
{
    int id = semget(IPC_PRIVATE, 3, 0600);
    int order[2];
    if (pipe(order) != 0) {
        exit(1);
    }
    fflush(stdout);
    pid_t children[4];
    for (int i = 0; i < 4; i++) { /* each wants a larger number than the one before */
        children[i] = fork();
        if (children[i] == 0) {
            char c = (char)('a' + i);
            struct sembuf both[2] = {op(0, -1 - i, 0), op(1, 0, 0)};
            int r = semop(id, both, 2);
            write(order[1], r == 0 ? &c : "!", 1);
            _exit(0);
        }
        until_waiting(id, 0, GETNCNT, i + 1);
    }
    printf("%d wait for more, %d for zero\n", semctl(id, 0, GETNCNT), semctl(id, 1, GETZCNT));
    semctl(id, 1, SETVAL, 1);
    semctl(id, 0, SETVAL, 3); /* now all that can wait for zero do */
    until_waiting(id, 1, GETZCNT, 3);
    printf("then %d and %d\n", semctl(id, 0, GETNCNT), semctl(id, 1, GETZCNT));
    char got[5] = {0};
    change(id, 1, -1, 0);
    for (int n = 0; n < 2; n++) {
        n += (int)read(order[0], got + n, 1) - 1;
    }
    printf("%s%s went first, %d left, last by one of them: %d\n", strchr(got, 'a') ? "a" : "?",
           strchr(got, 'b') ? "b" : "?", value(id, 0),
           semctl(id, 0, GETPID) == children[0] || semctl(id, 0, GETPID) == children[1]);
    change(id, 0, 7, 0);
    for (int i = 0; i < 4; i++) {
        ended(children[i]);
    }
    printf("all: %d left, nobody waits: %d\n", value(id, 0), semctl(id, 0, GETNCNT));

    pid_t parent = getpid();
    struct sigaction act = {.sa_handler = caught, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &act, NULL);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        until_waiting(id, 2, GETNCNT, 1);
        kill(parent, SIGUSR1);
        _exit(0);
    }
    printf("a signal: %s\n", name_of(change(id, 2, -1, 0)));
    ended(child);
    fflush(stdout);
    child = fork();
    if (child == 0) {
        printf("a signal in a child: %s\n", name_of(change(id, 2, -1, 0)));
        fflush(stdout);
        change(id, 1, 1, 0);
        printf("removed under it: %s\n", name_of(change(id, 2, -1, 0)));
        fflush(stdout);
        _exit(0);
    }
    until_waiting(id, 2, GETNCNT, 1);
    kill(child, SIGUSR1);
    change(id, 1, -1, 0);
    until_waiting(id, 2, GETNCNT, 1);
    semctl(id, 0, IPC_RMID);
    ended(child);
}

static int contended;
static volatile long *counter;

static void contend(void)
{
    for (int i = 0; i < TURNS; i++) {
        change(contended, 0, -1, SEM_UNDO);
        long was = *counter;
        *counter = was + 1;
        change(contended, 0, 1, SEM_UNDO);
    }
}

static void *contend_thread(void *unused)
{
    contend();
    return unused;
}

static void processes(void)
{
    int memory = shmget(IPC_PRIVATE, 4096, 0600);
    counter = shmat(memory, NULL, 0);
    contended = semget(IPC_PRIVATE, 2, 0600);
    semctl(contended, 0, SETVAL, 1);
    fflush(stdout);
    pid_t children[PROCESSES];
    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            change(contended, 1, 1, 0);
            change(contended, 1, -PROCESSES, IPC_NOWAIT); /* all but one fail */
            contend();
            _exit(0);
        }
    }
    for (int i = 0; i < PROCESSES; i++) {
        ended(children[i]);
    }
    printf("%d processes, %ld turns, free again: %d\n", PROCESSES, *counter, value(contended, 0));
    *counter = 0;
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        pthread_create(&threads[i], NULL, contend_thread, NULL);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    printf("4 threads, %ld turns, free again: %d\n", *counter, value(contended, 0));
    semctl(contended, 0, IPC_RMID);
    shmdt((void *)counter);
    shmctl(memory, IPC_RMID, NULL);
}

static void *take_thread(void *id)
{
    change(*(int *)id, 0, -1, SEM_UNDO);
    return NULL;
}

static void undo(const char *self)
{
    int id = semget(IPC_PRIVATE, 3, 0600);
    char number[16];
    snprintf(number, sizeof number, "%d", id);
    semctl(id, 0, SETVAL, 10);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        pthread_t t;
        pthread_create(&t, NULL, take_thread, &id);
        pthread_join(t, NULL);
        printf("a thread that has ended keeps it: %d\n", value(id, 0));
        fflush(stdout);
        change(id, 0, -2, SEM_UNDO);
        change(id, 1, 5, SEM_UNDO);
        change(id, 0, -3, 0);
        pid_t own = fork();
        if (own == 0) {
            change(id, 0, -1, SEM_UNDO);
            _exit(0);
        }
        ended(own);
        printf("its child's is undone alone: %d %d\n", value(id, 0), value(id, 1));
        fflush(stdout);
        change(id, 1, -4, 0); /* less is there than is to be taken back */
        _exit(0);
    }
    ended(child);
    printf("exit: %d %d, by the child %d\n", value(id, 0), value(id, 1),
           semctl(id, 0, GETPID) == child);

    fflush(stdout);
    child = fork();
    if (child == 0) {
        change(id, 0, -4, SEM_UNDO);
        change(id, 2, 1, 0);
        pause();
        _exit(0);
    }
    change(id, 2, -1, 0);
    printf("killed: %d", value(id, 0));
    kill(child, SIGKILL);
    int status = ended(child);
    printf(" %d, signal %d\n", value(id, 0), WTERMSIG(status));

    fflush(stdout);
    child = fork();
    if (child == 0) {
        change(id, 0, -5, SEM_UNDO);
        execl(self, self, number, NULL);
        _exit(1);
    }
    status = ended(child);
    printf("and after it: %d, status %d\n", value(id, 0), WEXITSTATUS(status));

    fflush(stdout);
    child = fork();
    if (child == 0) {
        change(id, 0, -1, SEM_UNDO);
        semctl(id, 0, SETVAL, 3);
        change(id, 1, 1, SEM_UNDO);
        unsigned short all[3] = {3, 4, 0};
        semctl(id, 0, SETALL, all);
        _exit(0);
    }
    ended(child);
    printf("values that are set are not undone: %d %d\n", value(id, 0), value(id, 1));

    fflush(stdout);
    child = fork(); /* a sleeper that is killed takes nothing */
    if (child == 0) {
        change(id, 2, -1, SEM_UNDO);
        _exit(0);
    }
    until_waiting(id, 2, GETNCNT, 1);
    kill(child, SIGKILL);
    ended(child);
    printf("killed asleep: %d waits", semctl(id, 2, GETNCNT));
    change(id, 2, 1, 0);
    printf(", %d is there\n", value(id, 2));
    fflush(stdout);
    child = fork(); /* the end of one is what another waits for */
    if (child == 0) {
        change(id, 2, -1, SEM_UNDO);
        change(id, 1, -4, 0);
        pause();
        _exit(0);
    }
    change(id, 1, 0, 0);
    pid_t next = fork();
    if (next == 0) {
        change(id, 2, -1, SEM_UNDO);
        _exit(7);
    }
    until_waiting(id, 2, GETNCNT, 1);
    kill(child, SIGKILL);
    ended(child);
    status = ended(next);
    printf("woken by an end: status %d, free again %d\n", WEXITSTATUS(status), value(id, 2));
    semctl(id, 0, IPC_RMID);
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        printf("execve keeps it: %d\n", value(atoi(argv[1]), 0));
        return 9;
    }
    keys();
    operations();
    sleepers();
    processes();
    undo(argv[0]);
    printf("done\n");
    return 42;
}
