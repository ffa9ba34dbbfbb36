/* SPDX-License-Identifier: Apache-2.0 */
/* Bytecode, deterministically, see bytecode.h. */
#include "bytecode.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "interrupt.h"
#include "process.h"
#include "progress.h"

#define PYTHON      "/usr/bin/python3.11"
#define WORKERS_MAX 16u

/* marshal marks an object as shared by its reference count, and identifiers are shared with all
 * else that the process has loaded: so each file is compiled in a fork of the same fresh
 * interpreter, and its bytecode depends on nothing but its text and the name it is given. A file
 * that does not compile (templates, tests of syntax errors) stays without; Python says why if ever
 * it is imported. Input: pairs of host path and path in the tree, each followed by NUL. */
static const char script[] =
    "import os, sys, py_compile, importlib.util\n"
    "names = sys.stdin.buffer.read().split(b'\\0')\n"
    "mode = py_compile.PycInvalidationMode.UNCHECKED_HASH\n"
    "os.umask(0o022)\n"
    "def compile_one(source, shown):\n"
    "    try:\n"
    "        py_compile.compile(source, cfile=importlib.util.cache_from_source(source, "
    "optimization=''),\n"
    "                           dfile=shown, doraise=True, optimize=0, invalidation_mode=mode)\n"
    "    except (py_compile.PyCompileError, SyntaxError, ValueError, RecursionError):\n"
    "        return 3\n"
    "    except BaseException as error:\n"
    "        print(f'{shown}: {error}', file=sys.stderr, flush=True)\n"
    "        return 1\n"
    "    return 0\n"
    "for i in range(0, len(names) - 1, 2):\n"
    "    child = os.fork()\n"
    "    if child == 0:\n"
    "        sys.stderr.flush()\n"
    "        os._exit(compile_one(os.fsdecode(names[i]), os.fsdecode(names[i + 1])))\n"
    "    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])\n"
    "    if status not in (0, 3):\n"
    "        sys.exit(status if status > 0 else 1)\n"
    "    os.write(1, b'.' if status == 0 else b'-')\n";

struct work {
    unsigned workers;
    unsigned next;
    uint64_t files;
    FILE *lists[WORKERS_MAX];
};

static bool is_module(const char *path)
{
    size_t n = strlen(path);
    return n > 3 && strcmp(path + n - 3, ".py") == 0;
}

/* Deals files out to the workers in turn. */
static int deal(void *context, const char *path, const char *host_path, struct diag *d)
{
    struct work *w = context;
    if (!is_module(path)) {
        return 0;
    }
    FILE *list = w->lists[w->next];
    w->next = (w->next + 1) % w->workers;
    w->files++;
    if (fputs(host_path, list) < 0 || fputc(0, list) == EOF || fputs(path, list) < 0 ||
        fputc(0, list) == EOF) {
        return diag_fail(d, -EIO, "cannot write the list of modules");
    }
    return 0;
}

static int open_lists(struct work *w, struct diag *d)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    w->workers = processors < 1 ? 1 : processors > WORKERS_MAX ? WORKERS_MAX : (unsigned)processors;
    for (unsigned i = 0; i < w->workers; i++) {
        int fd = memfd_create("modules", MFD_CLOEXEC);
        w->lists[i] = fd < 0 ? NULL : fdopen(fd, "w+");
        if (w->lists[i] == NULL) {
            return diag_fail(d, -errno, "cannot make the list of modules: %s", strerror(errno));
        }
    }
    return 0;
}

static void close_lists(struct work *w)
{
    for (unsigned i = 0; i < w->workers; i++) {
        if (w->lists[i] != NULL) {
            fclose(w->lists[i]);
        }
    }
}

/* Counts the workers' marks until all of them have closed their output. */
static void follow(struct process *workers, unsigned n, struct progress *p, uint64_t *ret_count)
{
    struct pollfd fds[WORKERS_MAX];
    unsigned left = n;
    for (unsigned i = 0; i < n; i++) {
        fds[i] = (struct pollfd){.fd = workers[i].output, .events = POLLIN};
    }
    while (left > 0 && !interrupted()) {
        if (poll(fds, n, 1000) < 0) {
            continue; /* EINTR: the loop's condition looks at it */
        }
        for (unsigned i = 0; i < n; i++) {
            char marks[256];
            if (fds[i].fd < 0 || fds[i].revents == 0) {
                continue;
            }
            ssize_t got = read(fds[i].fd, marks, sizeof marks);
            if (got <= 0) {
                fds[i].fd = -1; /* poll() ignores it from now on */
                left--;
                continue;
            }
            for (ssize_t k = 0; k < got; k++) {
                *ret_count += marks[k] == '.';
            }
            progress_add(p, (uint64_t)got);
        }
    }
}

static int run_workers(struct work *w, uint64_t *ret_count, struct diag *d)
{
    /* No site packages, no environment, no current folder: only the standard library decides. */
    static const char *const command[] = {PYTHON, "-s", "-S", "-P", "-B", "-c", script, NULL};
    struct process workers[WORKERS_MAX];
    unsigned started = 0;
    int err = 0;
    for (; started < w->workers && err == 0; started += err == 0) {
        rewind(w->lists[started]);
        err = process_start(command, fileno(w->lists[started]), true, &workers[started], d);
    }
    struct progress p;
    progress_start(&p, "compiling bytecode", w->files);
    if (err == 0) {
        follow(workers, started, &p, ret_count);
    }
    for (unsigned i = 0; i < started; i++) {
        struct diag own;
        int e = process_finish(&workers[i], PYTHON, &own);
        if (e != 0 && err == 0) {
            err = diag_fail(d, e, "%s", own.text);
        }
    }
    progress_end(&p);
    return err;
}

int bytecode_compile(const struct stage *s, uint64_t *ret_count, struct diag *d)
{
    struct work w = {0};
    uint64_t count = 0;
    int err = open_lists(&w, d);
    err = err != 0 ? err : stage_walk(s, deal, &w, d);
    for (unsigned i = 0; i < w.workers && err == 0; i++) {
        err = fflush(w.lists[i]) == 0 ? 0 : diag_fail(d, -EIO, "cannot write the list of modules");
    }
    if (err == 0 && w.files > 0) {
        err = run_workers(&w, &count, d);
    }
    close_lists(&w);
    if (err == 0) {
        *ret_count = count;
    }
    return err;
}
