/* SPDX-License-Identifier: Apache-2.0 */
/* How often threads and processes slept: /proc/PID/status and getrusage. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAPS 20

static long told(const char *path)
{
    char line[256];
    long n = -1, none = -1;
    FILE *f = fopen(path, "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        if (sscanf(line, "voluntary_ctxt_switches: %ld", &n) == 1) {
            continue;
        }
        sscanf(line, "nonvoluntary_ctxt_switches: %ld", &none);
    }
    if (f != NULL) {
        fclose(f);
    }
    return none < 0 ? -1 : n;
}

static long used(int who)
{
    struct rusage u;
    getrusage(who, &u);
    return u.ru_nvcsw;
}

static void nap(void)
{
    for (int i = 0; i < NAPS; i++) {
        usleep(100);
    }
}

/* At least so many, and not many more: other reasons to sleep are few. */
static const char *about(long n, long naps)
{
    return n >= naps && n < naps + 200 ? "as often as it slept" : n < naps ? "too few" : "too many";
}

static void *thread(void *unused)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/status", (int)syscall(SYS_gettid));
    const long before = told(path), own = used(RUSAGE_THREAD);
    nap();
    printf("a thread: %s, %s\n", about(told(path) - before, NAPS),
           about(used(RUSAGE_THREAD) - own, NAPS));
    return unused;
}

static void all(const char *who)
{
    const long before = told("/proc/self/status"), own = used(RUSAGE_SELF);
    nap();
    printf("%s: %s, %s\n", who, about(told("/proc/self/status") - before, NAPS),
           about(used(RUSAGE_SELF) - own, NAPS));
    pthread_t t;
    pthread_create(&t, NULL, thread, NULL);
    pthread_join(t, NULL);
    printf("with one that has ended: %s\n", about(used(RUSAGE_SELF) - own, 2 * NAPS));
    fflush(stdout);
}

int main(void)
{
    all("the first process");
    const long before = used(RUSAGE_CHILDREN);
    const pid_t child = fork();
    if (child == 0) {
        all("a child");
        _exit(0);
    }
    struct rusage u;
    wait4(child, NULL, 0, &u);
    printf("its usage: %s, of children: %s\n", about(u.ru_nvcsw, 2 * NAPS),
           about(used(RUSAGE_CHILDREN) - before, 2 * NAPS));
    printf("its memory: %s\n", u.ru_maxrss > 100 ? "counted" : "not counted");
    return 42;
}
