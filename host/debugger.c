/* SPDX-License-Identifier: Apache-2.0 */
/* See debugger.h. The enclave process asks to be traced by anybody of this user, waits until it is,
 * and goes on; its enclave is complete by then and has not been entered. */
#include "debugger.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "host/install.h"

#define WAIT_NS 20000000

static void exec_gdb(pid_t enclave, const char *script, const char *commands)
    __attribute__((noreturn));
static void exec_gdb(pid_t enclave, const char *script, const char *commands)
{
    char pid[16];
    const char *argv[16] = {"gdb", "-q", "-nx"};
    size_t n = 3;
    snprintf(pid, sizeof pid, "%d", (int)enclave);
    if (commands[0] != '\0') {
        argv[n++] = "-batch";
    }
    const char *const rest[] = {"-p",    pid, "-x", script, commands[0] != '\0' ? "-x" : NULL,
                                commands};
    for (size_t i = 0; i < ARRAY_SIZE(rest) && rest[i] != NULL; i++) {
        argv[n++] = rest[i];
    }
    signal(SIGINT, SIG_DFL);
    execvp(argv[0], (char *const *)(uintptr_t)argv);
    fprintf(stderr, "alcove: run: cannot start gdb: %s; it is in the package gdb\n",
            strerror(errno));
    _exit(127);
}

static int set_environment(const char *bundle, char script[PATH_MAX], struct diag *d)
{
    char path[PATH_MAX];
    struct diag ignored = {""};
    int r = host_find_file("alcove-gdb.py", script, d);
    r = r != 0 ? r : host_find_file("runtime.elf", path, d);
    if (r != 0) {
        return r;
    }
    setenv("ALCOVE_GDB_RUNTIME", path, 1);
    setenv("ALCOVE_GDB_BUNDLE", bundle, 1);
    if (host_store_path(path, sizeof path, &ignored) == 0) {
        setenv("ALCOVE_GDB_STORE", path, 1);
    }
    return 0;
}

int host_debugger_start(pid_t enclave, const char *bundle, const char *commands,
                        struct host_watch *watch, pid_t *ret, struct diag *d)
{
    char script[PATH_MAX];
    int r = set_environment(bundle, script, d);
    if (r != 0) {
        return r;
    }
    pid_t watcher = fork();
    if (watcher < 0) {
        return diag_fail(d, -errno, "cannot fork: %s", strerror(errno));
    }
    if (watcher == 0) {
        signal(SIGINT, SIG_IGN); /* the terminal's ^C is gdb's */
        pid_t gdb = fork();
        if (gdb == 0) {
            exec_gdb(enclave, script, commands);
        }
        while (gdb > 0 && waitpid(gdb, NULL, 0) < 0 && errno == EINTR) {
        }
        atomic_store(&watch->debugger_over, true);
        _exit(EXIT_SUCCESS);
    }
    *ret = watcher;
    return 0;
}

static bool traced(void)
{
    char line[128];
    int tracer = 0;
    FILE *f = fopen("/proc/self/status", "re");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        if (sscanf(line, "TracerPid: %d", &tracer) == 1) {
            break;
        }
    }
    if (f != NULL) {
        fclose(f);
    }
    return tracer != 0;
}

int host_debugger_wait(struct host_watch *watch, struct diag *d)
{
    const struct timespec moment = {0, WAIT_NS};
    prctl(PR_SET_DUMPABLE, 1);
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
    while (!traced()) {
        if (atomic_load(&watch->debugger_over)) {
            return diag_fail(d, -ECHILD,
                             "gdb ended without having attached to the enclave process: is "
                             "tracing allowed here (/proc/sys/kernel/yama/ptrace_scope)?");
        }
        nanosleep(&moment, NULL);
    }
    return 0;
}
