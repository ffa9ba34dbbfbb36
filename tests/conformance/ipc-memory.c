/* SPDX-License-Identifier: Apache-2.0 */
/* System V shared memory: keys and numbers, rights, attaching here and there, how often it is
 * attached over fork, exec and the end of processes, and what removal leaves. */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEY 0x414c5600

static int id;

static const char *name_of(long r)
{
    return r >= 0 ? "ok" : strerrorname_np(errno);
}

static const char *at(void *p)
{
    return p != (void *)-1 ? "ok" : strerrorname_np(errno);
}

static struct shmid_ds told(int which)
{
    struct shmid_ds d;
    memset(&d, 0xee, sizeof d);
    if (shmctl(which, IPC_STAT, &d) != 0) {
        printf("IPC_STAT: %s\n", strerrorname_np(errno));
        memset(&d, 0, sizeof d);
    }
    return d;
}

static void count(const char *when)
{
    printf("%s: attached %lu times\n", when, (unsigned long)told(id).shm_nattch);
    fflush(stdout);
}

static int ended(pid_t child)
{
    int status = -1;
    waitpid(child, &status, 0);
    return status;
}

static void keys(void)
{
    printf("no such key: %s\n", name_of(shmget(KEY, 100, 0)));
    printf("nothing: %s\n", name_of(shmget(KEY, 0, IPC_CREAT | 0600)));
    printf("far too large: %s %s\n", name_of(shmget(IPC_PRIVATE, (size_t)1 << 62, 0600)),
           name_of(shmget(IPC_PRIVATE, (size_t)1 << 63, 0600)));
    id = shmget(KEY, 5000, IPC_CREAT | IPC_EXCL | 0640);
    printf("made: %s\n", name_of(id));
    printf("again, only if new: %s\n", name_of(shmget(KEY, 5000, IPC_CREAT | IPC_EXCL | 0600)));
    printf("again: %d\n", shmget(KEY, 0, 0) == id && shmget(KEY, 4000, IPC_CREAT) == id);
    printf("larger than it is: %s\n", name_of(shmget(KEY, 5001, 0)));
    int other = shmget(IPC_PRIVATE, 1, 0600), third = shmget(IPC_PRIVATE, 1, 0600);
    printf("private ones differ: %d\n", other >= 0 && third >= 0 && other != third && other != id);
    printf("removed: %s %s\n", name_of(shmctl(other, IPC_RMID, NULL)),
           name_of(shmctl(third, IPC_RMID, NULL)));
    printf("twice: %s\n", name_of(shmctl(other, IPC_RMID, NULL)));
    printf("no such number: %s %s\n", name_of(shmctl(-1, IPC_RMID, NULL)),
           at(shmat(other, NULL, 0)));
    struct shmid_ds d = told(id);
    printf("size %lu mode %o key %d mine %d cpid %d lpid %d times %d %d %d\n",
           (unsigned long)d.shm_segsz, d.shm_perm.mode, d.shm_perm.__key == KEY,
           d.shm_perm.uid == getuid() && d.shm_perm.cgid == getgid(), d.shm_cpid == getpid(),
           d.shm_lpid, d.shm_atime != 0, d.shm_dtime != 0, d.shm_ctime != 0);
    d.shm_perm.mode = 0604;
    printf("rights changed: %s\n", name_of(shmctl(id, IPC_SET, &d)));
    printf("mode %o\n", told(id).shm_perm.mode);
    printf("a pointer to nowhere: %s\n", name_of(shmctl(id, IPC_STAT, (void *)8)));
    printf("no such command: %s\n", name_of(shmctl(id, 99, NULL)));
}

static void attaching(void)
{
    count("at first");
    char *a = shmat(id, NULL, 0), *b = shmat(id, NULL, SHM_RDONLY);
    printf("here: %s, to read: %s\n", at(a), at(b));
    count("both");
    strcpy(a + 4990, "at its end");
    printf("one memory: %s, zeros %d %d\n", b + 4990, b[0], b[8191]);
    printf("in the middle: %s\n", at(shmat(id, a + 4096, 0)));
    printf("not at a page: %s\n", at(shmat(id, a + 17, 0)));
    void *hole = mmap(NULL, 16384, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    printf("where something is: %s\n", at(shmat(id, hole, 0)));
    printf("instead of it: %d\n", shmat(id, hole, SHM_REMAP) == hole);
    munmap((char *)hole + 8192, 8192);
    printf("rounded: %d\n", shmat(id, (char *)hole + 8192 + 5, SHM_RND) == (char *)hole + 8192);
    printf("nowhere, instead: %s\n", at(shmat(id, NULL, SHM_REMAP)));
    printf("to write what is to be read: %s\n", name_of(mprotect(b, 4096, PROT_READ | PROT_WRITE)));
    count("four");
    printf("detached: %s %s %s\n", name_of(shmdt(hole)), name_of(shmdt((char *)hole + 8192)),
           name_of(shmdt(b)));
    printf("again: %s, in the middle: %s, odd: %s\n", name_of(shmdt(b)), name_of(shmdt(a + 4096)),
           name_of(shmdt(a + 3)));
    count("one");
    struct shmid_ds d = told(id);
    printf("lpid %d times %d %d\n", d.shm_lpid == getpid(), d.shm_atime != 0, d.shm_dtime != 0);
    printf("kept: %s\n", a + 4990);
    printf("detached: %s\n", name_of(shmdt(a)));
    a = shmat(id, NULL, 0);
    printf("still there: %s\n", a + 4990);
    shmdt(a);
}

static void families(void)
{
    volatile int *shared = shmat(id, NULL, 0);
    int go[2], back[2];
    char c;
    if (pipe(go) != 0 || pipe(back) != 0) {
        exit(1);
    }
    shared[0] = 0;
    count("before fork");
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        count("child");
        shared[0] = 41;
        write(back[1], "x", 1);
        read(go[0], &c, 1);
        printf("child sees %d\n", shared[1]);
        printf("child detaches: %s\n", name_of(shmdt((void *)shared)));
        count("child, after that");
        volatile int *again = shmat(id, NULL, 0), *twice = shmat(id, NULL, 0);
        printf("child has it again: %d %d\n", again[0], twice[1]);
        twice[2] = 43;
        printf("at both: %d\n", again[2]);
        count("child, twice");
        int own = shmget(IPC_PRIVATE, 100, 0600);
        int *mine = shmat(own, NULL, 0);
        *mine = 7;
        printf("the child's own: %d, lpid %d\n", *mine, told(own).shm_lpid == getpid());
        printf("removed: %s\n", name_of(shmctl(own, IPC_RMID, NULL)));
        printf("still has it: %d, marked %d\n", *mine, (told(own).shm_perm.mode & SHM_DEST) != 0);
        printf("and then: %s\n", name_of(shmdt(mine)));
        printf("gone: %s\n", at(shmat(own, NULL, 0)));
        fflush(stdout);
        _exit(3);
    }
    read(back[0], &c, 1);
    printf("parent sees %d\n", shared[0]);
    count("parent");
    shared[1] = 42;
    write(go[1], "x", 1);
    printf("status %x\n", ended(child));
    printf("from the child %d\n", shared[2]);
    count("after its end");
    fflush(stdout);
    child = fork();
    if (child == 0) {
        execl("/proc/self/exe", "program", "count", (char *)NULL);
        _exit(9);
    }
    printf("status %x\n", ended(child));
    child = fork();
    if (child == 0) {
        pause();
    }
    count("before a kill");
    kill(child, SIGKILL);
    printf("status %x\n", ended(child));
    count("after it");
    shmdt((void *)shared);
}

static void removal(void)
{
    int *shared = shmat(id, NULL, 0);
    *shared = 17;
    printf("removed: %s\n", name_of(shmctl(id, IPC_RMID, NULL)));
    printf("by key: %s\n", name_of(shmget(KEY, 1, 0)));
    printf("marked: %d, key %d\n", (told(id).shm_perm.mode & SHM_DEST) != 0,
           told(id).shm_perm.__key);
    int *second = shmat(id, NULL, 0);
    printf("by number: %s %d\n", at(second), second != (void *)-1 ? *second : 0);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        printf("child has it: %d\n", *shared);
        *shared = 18;
        fflush(stdout);
        _exit(0);
    }
    int status = ended(child);
    printf("status %x, %d\n", status, *shared);
    shmdt(shared);
    shmdt(second);
    printf("gone: %s\n", at(shmat(id, NULL, 0)));
    int next = shmget(KEY, 100, IPC_CREAT | 0600);
    shared = shmat(next, NULL, 0);
    printf("the key's next is new: %d %d\n", next != id, *shared);
    struct shm_info info;
    printf("SHM_INFO: %d\n", shmctl(0, SHM_INFO, (struct shmid_ds *)&info) >= 0);
    shmctl(next, IPC_RMID, NULL);
    shmdt(shared);
}

/* Many processes add to one counter. */
static void together(void)
{
    int mine = shmget(IPC_PRIVATE, 4096, 0600);
    int *sum = shmat(mine, NULL, 0);
    shmctl(mine, IPC_RMID, NULL);
    fflush(stdout);
    for (int i = 0; i < 3; i++) {
        if (fork() == 0) {
            for (int k = 0; k < 200; k++) {
                __atomic_add_fetch(sum, 1, __ATOMIC_SEQ_CST);
            }
            _exit(0);
        }
    }
    for (int i = 0; i < 3; i++) {
        ended(-1);
    }
    printf("sum %d\n", *sum);
}

int main(int argc, char **argv)
{
    if (argc > 1) { /* another program of the tree */
        id = shmget(KEY, 0, 0);
        for (int i = 0; i < 1000 && told(id).shm_nattch != 1; i++) {
            usleep(2000); /* that the program before it let go is told a moment later inside */
        }
        count(argv[1]);
        volatile int *shared = shmat(id, NULL, 0);
        printf("there: %d\n", shared[2]);
        count("and");
        return 0;
    }
    keys();
    attaching();
    families();
    removal();
    together();
    fflush(stdout);
    return 42;
}
