/* SPDX-License-Identifier: Apache-2.0 */
/* Child processes of a build, see process.h. */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "interrupt.h"

/* Python's marshal format depends on hash order in places; file modes depend on the umask. */
static const char *const fixed_environment[] = {
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL=C.UTF-8",
    "TZ=UTC",
    "PYTHONHASHSEED=0",
    NULL,
};

static void become(const char *const *argv, int input, int output, int errors, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) {
        _exit(127); /* the parent died before the line above */
    }
    if (dup2(input, 0) < 0 || dup2(output, 1) < 0 || dup2(errors, 2) < 0) {
        _exit(127);
    }
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
    umask(022);
    /* SAFETY: execvpe does not write to what it is given; its type is older than const. */
    execvpe(argv[0], (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)fixed_environment);
    dprintf(2, "cannot run %s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

static void close_if_open(int fd)
{
    if (fd >= 0) {
        close(fd);
    }
}

int process_start(const char *const *argv, int input, bool want_output, struct process *ret,
                  struct diag *d)
{
    int ends[2] = {-1, -1};
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    int errors = memfd_create("errors", MFD_CLOEXEC);
    pid_t parent = getpid();
    pid_t pid = -1;
    if (nothing >= 0 && errors >= 0 && (!want_output || pipe2(ends, O_CLOEXEC) == 0)) {
        pid = fork();
    }
    if (pid == 0) {
        become(argv, input >= 0 ? input : nothing, want_output ? ends[1] : nothing, errors, parent);
    }
    int err = pid < 0 ? -errno : 0;
    close_if_open(nothing);
    close_if_open(ends[1]);
    if (err != 0) {
        close_if_open(errors);
        close_if_open(ends[0]);
        return diag_fail(d, err, "cannot start %s: %s", argv[0], strerror(-err));
    }
    *ret = (struct process){.pid = pid, .output = ends[0], .errors = errors};
    return 0;
}

/* The last line that is not empty. */
static void last_line(int fd, char *ret_text, size_t capacity)
{
    char text[4096];
    off_t size = lseek(fd, 0, SEEK_END);
    off_t start = size > (off_t)sizeof text - 1 ? size - ((off_t)sizeof text - 1) : 0;
    ssize_t n = pread(fd, text, sizeof text - 1, start);
    if (n < 0) {
        n = 0;
    }
    while (n > 0 && text[n - 1] == '\n') {
        n--;
    }
    text[n] = '\0';
    const char *line = strrchr(text, '\n');
    base_format(ret_text, capacity, "%s", line != NULL ? line + 1 : text);
}

int process_finish(struct process *p, const char *name, struct diag *d)
{
    int status = 0;
    int err = 0;
    if (interrupted()) {
        kill(p->pid, SIGKILL);
    }
    while (waitpid(p->pid, &status, 0) < 0) {
        if (errno != EINTR) {
            err = -errno;
            break;
        }
        if (interrupted()) {
            kill(p->pid, SIGKILL);
        }
    }
    if (interrupted()) {
        err = diag_fail(d, -EINTR, "interrupted");
    } else if (err != 0) {
        err = diag_fail(d, err, "cannot wait for %s: %s", name, strerror(-err));
    } else if (status != 0) {
        char line[256];
        last_line(p->errors, line, sizeof line);
        err =
            WIFSIGNALED(status)
                ? diag_fail(d, -EIO, "%s was ended by signal %d", name, WTERMSIG(status))
                : diag_fail(d, -EIO, "%s failed (status %d): %s", name, WEXITSTATUS(status), line);
    }
    close_if_open(p->output);
    close_if_open(p->errors);
    *p = (struct process){.pid = -1, .output = -1, .errors = -1};
    return err;
}

int process_run(const char *const *argv, process_tick *tick, void *context, struct diag *d)
{
    struct process p;
    int err = process_start(argv, -1, true, &p, d);
    if (err != 0) {
        return err;
    }
    /* Its end shows as the end of its output; what it says there is not wanted. */
    struct pollfd output = {.fd = p.output, .events = POLLIN};
    char ignored[4096];
    while (!interrupted()) {
        int ready = poll(&output, 1, 100);
        if (ready > 0 && read(p.output, ignored, sizeof ignored) <= 0) {
            break;
        }
        tick(context);
    }
    return process_finish(&p, argv[0], d);
}
