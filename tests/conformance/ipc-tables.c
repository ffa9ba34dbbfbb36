/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/sysvipc: its heads, and the rows of objects that were just made; limits of
 * /proc/sys/kernel. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

static void show(const char *kind, int id, pid_t parent)
{
    char path[64], line[512];
    const char *what = kind[1] == 'h'   ? "ki..pp.ooootttm."
                       : kind[1] == 'e' ? "ki..oooott"
                                        : "ki...ppooootttt";
    snprintf(path, sizeof path, "/proc/sysvipc/%s", kind);
    FILE *f = fopen(path, "r");
    if (f == NULL || fgets(line, sizeof line, f) == NULL) {
        printf("%s: cannot be read\n", path);
        exit(1);
    }
    printf("%s", line);
    while (fgets(line, sizeof line, f) != NULL) {
        char *second;
        const long key = strtol(line, &second, 10);
        if (strtol(second, NULL, 10) != id) {
            continue;
        }
        printf("%zu characters:", strlen(line));
        int column = 0;
        for (char *field = strtok(line, " \n"); field != NULL; field = strtok(NULL, " \n")) {
            const long v = atol(field);
            const char *word = field;
            switch (what[column]) {
            case 'k':
                word = key == 0 ? "private" : "key";
                break;
            case 'i':
                word = "id";
                break;
            case 'p':
                word = v == getpid() ? "mine" : v == parent ? "parent's" : field;
                break;
            case 'o':
                word = v == getuid() || v == getgid() ? "own" : field;
                break;
            case 't':
                word = v > 1000000000 ? "time" : field;
                break;
            case 'm':
                word = v > 0 ? "some" : field;
                break;
            }
            printf(" %s", word);
            column++;
        }
        printf("\n");
    }
    fclose(f);
}

static void limit(const char *name)
{
    char path[64], line[128] = "";
    snprintf(path, sizeof path, "/proc/sys/kernel/%s", name);
    FILE *f = fopen(path, "r");
    if (f == NULL || fgets(line, sizeof line, f) == NULL) {
        printf("%s: cannot be read\n", path);
        return;
    }
    fclose(f);
    printf("%s: %s", name, line);
}

int main(void)
{
    const int shm = shmget(IPC_PRIVATE, 5000, 0640);
    const int sem = semget(0x414c5604, 7, IPC_CREAT | 0604);
    const int msg = msgget(IPC_PRIVATE, 0666);
    char *p = shmat(shm, NULL, 0);
    strcpy(p, "touched");
    struct {
        long type;
        char text[10];
    } m = {1, "nine"};
    struct sembuf up = {3, 1, 0};
    msgsnd(msg, &m, 9, 0);
    show("shm", shm, -1);
    show("sem", sem, -1);
    show("msg", msg, -1);
    fflush(stdout);
    if (fork() == 0) {
        msgrcv(msg, &m, 10, 0, 0);
        semop(sem, &up, 1);
        show("sem", sem, getppid());
        show("msg", msg, getppid());
        fflush(stdout);
        _exit(0);
    }
    wait(NULL);
    shmdt(p);
    shmctl(shm, IPC_RMID, NULL);
    semctl(sem, 0, IPC_RMID);
    msgctl(msg, IPC_RMID, NULL);
    show("shm", shm, -1);
    limit("msgmax");
    limit("msgmnb");
    limit("msgmni");
    limit("shmmni");
    return 42;
}
