/* SPDX-License-Identifier: Apache-2.0 */
/* A hostile host for taken-page.sh, preloaded into `alcove run`: once the workload computes, a
 * thread of the enclave's own process takes the interpreter's text away and gives it back, many
 * times.
 *
 * The thread spins instead of sleeping, and looks nothing up: the host is locked to few system
 * calls. Debian's python3.11 is not position-independent, so its text is where its ELF header says.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static uintptr_t text_start, text_size;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t); /* by the vDSO */
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void spin(double seconds)
{
    double end = now() + seconds;
    while (now() < end) {
    }
}

static bool rights(int protection)
{
    return mprotect((void *)text_start, text_size, protection) == 0;
}

static void *take(void *unused)
{
    spin(3);
    for (bool ok = true; ok;) { /* until the process ends */
        for (int i = 0; i < 20; i++) {
            ok = rights(PROT_NONE) && ok;
            spin(0.002);
            ok = rights(PROT_READ | PROT_EXEC) && ok;
            spin(0.005);
        }
        const char *text = ok ? "taken 20 times\n" : "the pages are not there\n";
        ok = write(STDERR_FILENO, text, strlen(text)) > 0 && ok;
    }
    return unused;
}

/* Of each process that the command makes only the enclave's has these pages. */
static void in_child(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, take, NULL);
}

__attribute__((constructor)) static void prepare(void)
{
    const char *start = getenv("TAKE_START"), *size = getenv("TAKE_SIZE");
    if (start != NULL && size != NULL) {
        text_start = strtoul(start, NULL, 0);
        text_size = strtoul(size, NULL, 0);
        pthread_atfork(NULL, NULL, in_child);
    }
}
