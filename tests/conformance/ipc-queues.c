/* SPDX-License-Identifier: Apache-2.0 */
/* System V message queues: types, order, sizes, full ones, who sleeps for what, and removal. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEY       0x414c5602
#define PROCESSES 4
#define TURNS     40

struct text {
    long type;
    char text[16384];
};

static struct text out, in;

static const char *name_of(long r)
{
    return r >= 0 ? "ok" : strerrorname_np(errno);
}

static const char *send(int id, long type, const char *text)
{
    out.type = type;
    strcpy(out.text, text);
    return name_of(msgsnd(id, &out, strlen(text) + 1, IPC_NOWAIT));
}

static const char *take(int id, long type, int flags)
{
    static char said[64];
    memset(&in, 0xee, sizeof in);
    long n = msgrcv(id, &in, 64, type, flags | IPC_NOWAIT);
    snprintf(said, sizeof said, n < 0 ? "%s" : "%.20s (%ld, %ld)", n < 0 ? name_of(n) : in.text,
             in.type, n);
    return said;
}

static struct msqid_ds told(int id)
{
    struct msqid_ds d;
    memset(&d, 0xee, sizeof d);
    if (msgctl(id, IPC_STAT, &d) != 0) {
        printf("IPC_STAT: %s\n", strerrorname_np(errno));
    }
    return d;
}

static void count(int id, const char *when)
{
    struct msqid_ds d = told(id);
    printf("%s: %lu messages, %lu bytes\n", when, (unsigned long)d.msg_qnum,
           (unsigned long)d.__msg_cbytes);
}

static int ended(pid_t child)
{
    int status = -1;
    waitpid(child, &status, 0);
    return status;
}

/* It sleeps by now, most likely; what is printed is the same if it does not yet. */
static void let_it_sleep(void)
{
    usleep(10000);
}

static void keys(void)
{
    printf("no such key: %s\n", name_of(msgget(KEY, 0)));
    int id = msgget(KEY, IPC_CREAT | IPC_EXCL | 0640);
    printf("made: %s\n", name_of(id));
    printf("again, only if new: %s\n", name_of(msgget(KEY, IPC_CREAT | IPC_EXCL | 0600)));
    printf("again: %d\n", msgget(KEY, 0) == id && msgget(KEY, IPC_CREAT) == id);
    struct msqid_ds d = told(id);
    printf("%lu of %lu bytes, mode %o key %d mine %d pids %d %d times %d %d %d\n",
           (unsigned long)d.__msg_cbytes, (unsigned long)d.msg_qbytes, d.msg_perm.mode,
           d.msg_perm.__key == KEY, d.msg_perm.uid == getuid(), d.msg_lspid, d.msg_lrpid,
           d.msg_stime != 0, d.msg_rtime != 0, d.msg_ctime != 0);
    d.msg_perm.mode = 0604;
    d.msg_qbytes = 100;
    printf("changed: %s", name_of(msgctl(id, IPC_SET, &d)));
    d = told(id);
    printf(", mode %o, %lu bytes\n", d.msg_perm.mode, (unsigned long)d.msg_qbytes);
    printf("sent: %s, too much: ", send(id, 1, "sixteen bytes..."));
    out.type = 1;
    printf("%s\n", name_of(msgsnd(id, &out, 84, IPC_NOWAIT)));
    d = told(id);
    printf("by me: %d, to nobody: %d\n", d.msg_lspid == getpid(), d.msg_lrpid);
    printf("pointers to nowhere: %s %s\n", name_of(msgctl(id, IPC_STAT, NULL)),
           name_of(msgctl(id, IPC_SET, (void *)8)));
    printf("no such command: %s %s\n", name_of(msgctl(id, 99, NULL)),
           name_of(msgctl(id, -1, NULL)));
    printf("removed: %s", name_of(msgctl(id, IPC_RMID, NULL)));
    printf(", twice: %s", name_of(msgctl(id, IPC_RMID, NULL)));
    printf(", used: %s %s\n", send(id, 1, ""), take(id, 0, 0));
}

static void types(void)
{
    int id = msgget(IPC_PRIVATE, 0600);
    static const struct {
        long type;
        const char *text;
    } all[] = {{5, "a five"},        {3, "a three"}, {9, "a nine"},
               {3, "another three"}, {7, ""},        {5, "another five"}};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        printf("%s ", send(id, all[i].type, all[i].text));
    }
    count(id, "sent");
    printf("of type 9: %s\n", take(id, 9, 0));
    printf("of none: %s\n", take(id, 4, 0));
    printf("of at most 4: %s\n", take(id, -4, 0));
    printf("of at most 2: %s\n", take(id, -2, 0));
    printf("of any but 5: %s\n", take(id, 5, MSG_EXCEPT));
    printf("the lowest: %s\n", take(id, INT64_MIN, 0));
    printf("the first: %s\n", take(id, 0, 0));
    count(id, "left");
    printf("not all of it: ");
    memset(&in, 'x', sizeof in);
    printf("%s", name_of(msgrcv(id, &in, 4, 0, IPC_NOWAIT)));
    long n = msgrcv(id, &in, 4, 0, IPC_NOWAIT | MSG_NOERROR);
    printf(", cut: %ld %.5s\n", n, in.text);
    printf("nothing left: %s\n", take(id, 0, 0));
    printf("types below 1: %s %s\n", send(id, 0, ""), send(id, -3, ""));
    out.type = 1;
    printf("sizes: %s %s %s\n", name_of(msgsnd(id, &out, 8193, 0)),
           name_of(msgsnd(id, &out, (size_t)-1, 0)),
           name_of(msgrcv(id, &in, (size_t)-1, 0, IPC_NOWAIT)));
    printf("nowhere: %s %s\n", name_of(msgsnd(id, (void *)8, 1, IPC_NOWAIT)),
           name_of(msgrcv(id, (void *)8, 1, 0, IPC_NOWAIT)));
    char *edge = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(edge + 4096, 4096, PROT_NONE);
    *(long *)(void *)(edge + 4080) = 77;
    printf("over an edge: %s, up to it: %s\n", name_of(msgsnd(id, edge + 4080, 9, IPC_NOWAIT)),
           name_of(msgsnd(id, edge + 4080, 8, IPC_NOWAIT)));
    printf("back: %ld\n", (long)msgrcv(id, edge + 4080, 8192, 77, IPC_NOWAIT));
    munmap(edge, 8192);
    printf("copies: %s %s %s\n", name_of(msgrcv(id, &in, 64, 0, MSG_COPY)),
           name_of(msgrcv(id, &in, 64, 0, MSG_COPY | MSG_EXCEPT | IPC_NOWAIT)),
           name_of(msgrcv(id, &in, 64, 3, MSG_COPY | IPC_NOWAIT)));
    send(id, 4, "first");
    send(id, 2, "second");
    printf("copies: %s, ", take(id, 1, MSG_COPY));
    printf("%s, ", take(id, 0, MSG_COPY));
    printf("%s\n", take(id, 2, MSG_COPY));
    count(id, "still there");
    msgctl(id, IPC_RMID, NULL);
}

static void full(void)
{
    int id = msgget(IPC_PRIVATE, 0600);
    out.type = 1;
    printf("largest ones: %s %s", name_of(msgsnd(id, &out, 8192, IPC_NOWAIT)),
           name_of(msgsnd(id, &out, 8192, IPC_NOWAIT)));
    printf(", more: %s, nothing: %s\n", name_of(msgsnd(id, &out, 1, IPC_NOWAIT)),
           name_of(msgsnd(id, &out, 0, IPC_NOWAIT)));
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        out.type = 10;
        printf("a sender of 8192: %s\n", name_of(msgsnd(id, &out, 8192, 0)));
        fflush(stdout);
        _exit(0);
    }
    let_it_sleep();
    long n = msgrcv(id, &in, 8192, 0, 0);
    printf("taken: %ld, of type %ld\n", n, in.type);
    ended(child);
    count(id, "it had room");
    int emptied = 0;
    while (msgrcv(id, &in, 8192, 0, IPC_NOWAIT) >= 0) {
        emptied++;
    }
    printf("%d taken\n", emptied);
    struct msqid_ds d = told(id);
    d.msg_qbytes = 3;
    msgctl(id, IPC_SET, &d);
    int empty = 0;
    while (msgsnd(id, &out, 0, IPC_NOWAIT) == 0) {
        empty++;
    }
    printf("%d empty ones, then %s\n", empty, name_of(-1));
    fflush(stdout);
    child = fork();
    if (child == 0) {
        printf("a sender that waited for a larger queue: %s\n", name_of(msgsnd(id, &out, 50, 0)));
        fflush(stdout);
        _exit(0);
    }
    let_it_sleep();
    d.msg_qbytes = 53;
    msgctl(id, IPC_SET, &d);
    ended(child);
    msgctl(id, IPC_RMID, NULL);
}

static void caught(int signo)
{
    (void)signo;
}

static pid_t receiver(int id, long type, size_t room)
{
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        const long n = msgrcv(id, &in, room, type, 0);
        printf("a receiver of %ld: %s (%ld)\n", type, n < 0 ? name_of(n) : in.text, n);
        fflush(stdout);
        _exit(0);
    }
    let_it_sleep();
    return child;
}

static void wanted(void)
{
    int id = msgget(IPC_PRIVATE, 0600);
    pid_t child = receiver(id, 3, 64);
    send(id, 8, "an eight");
    send(id, 3, "a three");
    ended(child);
    child = receiver(id, -5, 64);
    send(id, 6, "a six");
    send(id, 5, "a five");
    ended(child);
    count(id, "nobody wanted two");
    printf("%s, ", take(id, 0, 0));
    printf("%s\n", take(id, 0, 0));
    child = receiver(id, 0, 2);
    send(id, 1, "too long");
    ended(child);
    printf("left: %s, last by me: %d\n", take(id, 0, 0), told(id).msg_lrpid == getpid());
    msgctl(id, IPC_RMID, NULL);
}

/* Signals come until one was seen to end the call; then they are blocked. */
static void signals(void)
{
    int id = msgget(IPC_PRIVATE, 0600), status;
    sigset_t set;
    struct sigaction act = {.sa_handler = caught, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &act, NULL);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        long n = msgrcv(id, &in, 64, 1, 0);
        int error = errno;
        sigprocmask(SIG_BLOCK, &set, NULL);
        errno = error;
        printf("a signal: %s\n", name_of(n));
        fflush(stdout);
        send(id, 99, "interrupted");
        n = msgrcv(id, &in, 64, 1, 0);
        printf("stopped and continued: %ld\n", n);
        fflush(stdout);
        _exit(0);
    }
    do {
        kill(child, SIGUSR1);
        usleep(2000);
    } while (msgrcv(id, &in, 64, 99, IPC_NOWAIT) < 0);
    let_it_sleep();
    kill(child, SIGSTOP);
    waitpid(child, &status, WUNTRACED);
    kill(child, SIGCONT);
    let_it_sleep();
    send(id, 1, "one");
    ended(child);

    fflush(stdout);
    child = fork();
    if (child == 0) {
        msgrcv(id, &in, 64, 0, 0);
        _exit(0);
    }
    let_it_sleep();
    kill(child, SIGKILL);
    ended(child);
    printf("after a receiver was killed: %s, ", send(id, 1, "for somebody"));
    printf("%s\n", take(id, 0, 0));
    msgctl(id, IPC_RMID, NULL);
}

/* A process sleeps in a queue that goes away: until it did so before. */
static void removal(bool sends)
{
    int status = 0;
    for (useconds_t wait = 2000; WEXITSTATUS(status) != 7; wait *= 2) {
        int id = msgget(IPC_PRIVATE, 0600);
        out.type = 1;
        msgsnd(id, &out, 8192, 0);
        msgsnd(id, &out, 8192, 0);
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            const long r = sends ? msgsnd(id, &out, 1, 0) : msgrcv(id, &in, 64, 2, 0);
            _exit(r < 0 && errno == EIDRM ? 7 : r < 0 && errno == EINVAL ? 0 : 1);
        }
        usleep(wait);
        msgctl(id, IPC_RMID, NULL);
        status = ended(child);
        if (WEXITSTATUS(status) == 1) {
            printf("neither EIDRM nor EINVAL\n");
            return;
        }
    }
    printf("removed under a %s: EIDRM\n", sends ? "sender" : "receiver");
}

/* Questions of type 1 go one way; answers of the asker's number come back in the same queue. */
static void ask(int id, int number)
{
    struct {
        long type;
        int from, value;
    } m;
    for (int i = 0; i < TURNS; i++) {
        m.type = 1;
        m.from = number;
        m.value = i;
        if (msgsnd(id, &m, 8, 0) != 0 || msgrcv(id, &m, 8, number + 2, 0) != 8 ||
            m.value != i * 2 + number) {
            printf("%d: wrong answer %d\n", number, m.value);
        }
    }
}

static int shared_queue;

static void *ask_thread(void *number)
{
    ask(shared_queue, (int)(intptr_t)number);
    return NULL;
}

static void processes(void)
{
    int id = shared_queue = msgget(IPC_PRIVATE, 0600);
    fflush(stdout);
    pid_t server = fork();
    if (server == 0) {
        struct {
            long type;
            int from, value;
        } m;
        int served = 0;
        while (msgrcv(id, &m, 8, 1, 0) == 8 && m.from >= 0) {
            m.type = m.from + 2;
            m.value = m.value * 2 + m.from;
            msgsnd(id, &m, 8, 0);
            served++;
        }
        printf("%d served\n", served);
        fflush(stdout);
        _exit(0);
    }
    pid_t children[PROCESSES];
    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            ask(id, i);
            _exit(0);
        }
    }
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        pthread_create(&threads[i], NULL, ask_thread, (void *)(intptr_t)(PROCESSES + i));
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    for (int i = 0; i < PROCESSES; i++) {
        ended(children[i]);
    }
    struct {
        long type;
        int from, value;
    } end = {1, -1, 0};
    msgsnd(id, &end, 8, 0);
    ended(server);
    count(id, "all answered");
    msgctl(id, IPC_RMID, NULL);
}

int main(void)
{
    keys();
    types();
    full();
    wanted();
    signals();
    removal(false);
    removal(true);
    processes();
    printf("done\n");
    return 42;
}
