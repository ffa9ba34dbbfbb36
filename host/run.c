/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor. Order matters: everything is opened before the first enclave process is forked; what
 * an enclave process wants of the world afterwards goes over its socket (enclave_process.c). If either
 * dies, the other notices (parent-death signal, end of file). */
#include "host/run.h"
#include "debugger.h"
#include "enclave.h"
#include "evidence.h"
#include "net.h"
#include "processes.h"
#include "volume.h"
#include "watch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct run {
    const struct run_request *request;
    struct host_bundle bundle;
    struct host_config config;
    struct outfile output[MANIFEST_FILES_MAX];
    struct outfile evidence_file;
    struct processes processes;
    struct evidence_maker *evidence;
    bool ended;
    bool told_of_limit; /* of processes: once is enough */
    struct run_result result; /* unquoted from the start, the rest when ended */
};

/* A caller that closed its standard streams would have our files in their place, and the workload's
 * text in our files. */
static int fill_standard_streams(struct diag *d)
{
    for (int fd = 0; fd < 3; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd) {
            return diag_fail(d, -EBADF, "standard stream %d is closed and /dev/null cannot take its place",
                             fd);
        }
    }
    return 0;
}

/* ---- preparing ---------------------------------------------------------------------------------- */

static int find_declared(const struct manifest_file *files, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (bytes_equal_str(files[i].name, name)) {
            return (int)i;
        }
    }
    return -1;
}

static int open_input(struct run *run, const struct run_file *f, struct diag *d)
{
    const struct manifest *m = run->bundle.manifest;
    int i = find_declared(m->inputs, m->input_count, f->name);
    if (i < 0) {
        return diag_fail(d, -EINVAL, "the manifest declares no input \"%s\"", f->name);
    }
    if (run->config.inputs[i].fd >= 0) {
        return diag_fail(d, -EINVAL, "input \"%s\" is given twice", f->name);
    }
    int fd = open(f->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* a FIFO must not hang us */
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        return diag_fail(d, -errno, "input \"%s\": cannot open %s: %s", f->name, f->path,
                         strerror(errno));
    }
    run->config.inputs[i] = (struct host_file){fd, (uint64_t)st.st_size};
    if (!S_ISREG(st.st_mode)) {
        return diag_fail(d, -EINVAL, "input \"%s\": %s is not a regular file", f->name, f->path);
    }
    if ((uint64_t)st.st_size > m->inputs[i].max) {
        return diag_fail(d, -EFBIG, "input \"%s\": %s has %lu bytes, the manifest allows %lu", f->name,
                         f->path, (unsigned long)st.st_size, (unsigned long)m->inputs[i].max);
    }
    return 0;
}

static int open_output(struct run *run, const struct run_file *f, struct diag *d)
{
    const struct manifest *m = run->bundle.manifest;
    int i = find_declared(m->outputs, m->output_count, f->name);
    if (i < 0) {
        return diag_fail(d, -EINVAL, "the manifest declares no output \"%s\"", f->name);
    }
    if (run->output[i].target != NULL) {
        return diag_fail(d, -EINVAL, "output \"%s\" is given twice", f->name);
    }
    char what[NAME_MAX_BYTES + 16];
    snprintf(what, sizeof what, "output \"%s\"", f->name);
    int r = outfile_open(&run->output[i], what, f->path, d);
    if (r == 0) {
        run->config.outputs[i] = (struct host_file){run->output[i].fd, 0};
    }
    return r;
}

static int open_volume(struct run *run, const struct run_file *f, struct diag *d)
{
    const struct manifest *m = run->bundle.manifest;
    for (size_t i = 0; i < m->mount_count; i++) {
        if (m->mounts[i].kind == MOUNT_SEALED && bytes_equal_str(m->mounts[i].name, f->name)) {
            return run->config.volumes[i].fd >= 0
                       ? diag_fail(d, -EINVAL, "volume \"%s\" is given twice", f->name)
                       : host_volume_open(f->name, f->path, &run->config.volumes[i], d);
        }
    }
    return diag_fail(d, -EINVAL, "the manifest declares no volume \"%s\"", f->name);
}

/* Two of them under one name: the later would replace the earlier without a word. */
static int check_names(const struct run *run, struct diag *d)
{
    const struct outfile *all[MANIFEST_FILES_MAX + 1] = {&run->evidence_file};
    size_t count = 1;
    for (size_t i = 0; i < MANIFEST_FILES_MAX; i++) {
        for (size_t k = 0; run->output[i].target != NULL && k < count; k++) {
            if (all[k]->target != NULL && strcmp(all[k]->target, run->output[i].target) == 0) {
                return diag_fail(d, -EINVAL, "%s is named for two outputs", run->output[i].target);
            }
        }
        all[count++] = &run->output[i];
    }
    return 0;
}

static int prepare_files(struct run *run, struct diag *d)
{
    const struct run_request *q = run->request;
    int r = 0;
    run->config.input_count = run->bundle.manifest->input_count;
    run->config.output_count = run->bundle.manifest->output_count;
    for (size_t i = 0; r == 0 && i < q->input_count; i++) {
        r = open_input(run, &q->inputs[i], d);
    }
    for (size_t i = 0; r == 0 && i < q->output_count; i++) {
        r = open_output(run, &q->outputs[i], d);
    }
    run->config.volume_count = run->bundle.manifest->mount_count;
    for (size_t i = 0; r == 0 && i < q->volume_count; i++) {
        r = open_volume(run, &q->volumes[i], d);
    }
    if (r == 0 && q->evidence_path != NULL) {
        r = outfile_open(&run->evidence_file, "the evidence file", q->evidence_path, d);
    }
    return r != 0 ? r : check_names(run, d);
}

/* What a worker (docs/formats/worker.md) has to say goes to its custodian, sealed. */
static int check_worker(const struct run_request *q, struct diag *d)
{
    if (q->evidence_path != NULL) {
        return diag_fail(d, -EINVAL,
                         "a worker (stdin: task) has no evidence of its run: how it ended is for its "
                         "custodian alone. Leave out --quote");
    }
    if (isatty(STDIN_FILENO)) {
        return diag_fail(d, -EINVAL,
                         "a worker (stdin: task) reads sealed messages of a custodian on standard "
                         "input, not a terminal: alcoved starts workers (docs/formats/worker.md), "
                         "'alcove try' runs a script without any");
    }
    return 0;
}

static int open_trace(struct host_config *c, const char *path, struct diag *d)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0) {
        return diag_fail(d, -errno, "cannot write %s: %s", path, strerror(errno));
    }
    c->trace_fd = fd;
    return 0;
}

static int prepare_watch(struct run *run, struct diag *d)
{
    const struct run_request *q = run->request;
    struct host_config *c = &run->config;
    const uint64_t counted = TRACE_HOST | TRACE_STATS | TRACE_PERF;
    if (((q->trace & ~(uint64_t)TRACE_PERF) != 0 || q->gdb != NULL) && !run->bundle.manifest->debug) {
        return diag_fail(d, -EPERM,
                         "%s shows what the workload does, so it is for bundles that were built for it: "
                         "say \"debug: true\" in alcove.yaml and build again (another identity, which no "
                         "relying party accepts by default)",
                         q->gdb != NULL                                          ? "--gdb"
                         : (q->trace & ~(uint64_t)(TRACE_PERF | TRACE_STATS)) != 0 ? "--trace"
                                                                                 : "--stats");
    }
    if (q->gdb != NULL && strcmp(q->machine, "soft") != 0) {
        return diag_fail(d, -EINVAL, "--gdb is for the software machine: a hardware enclave's memory is not "
                                     "the process's");
    }
    c->debugged = q->gdb != NULL;
    c->trace = q->trace;
    memcpy(c->trace_calls, q->trace_calls, sizeof c->trace_calls);
    if (((q->trace & counted) != 0 || c->debugged) && (c->watch = host_watch_new()) == NULL) {
        return diag_fail(d, -ENOMEM, "no memory");
    }
    return q->trace_path == NULL ? 0 : open_trace(c, q->trace_path, d);
}

/* After the run, however it went. */
static void print_watch(const struct run *run)
{
    const struct host_config *c = &run->config;
    FILE *out = c->watch == NULL ? NULL : fdopen(dup(c->trace_fd > 0 ? c->trace_fd : 2), "a");
    if (out == NULL) {
        return;
    }
    if ((c->trace & TRACE_PERF) != 0) {
        host_perf_print(c->watch, run->bundle.manifest->debug, out);
    }
    if ((c->trace & TRACE_STATS) != 0) {
        host_stats_print(c->watch, run->bundle.manifest, out);
    }
    fclose(out);
}

static int prepare(struct run *run, struct diag *d)
{
    const struct run_request *q = run->request;
    struct host_config *c = &run->config;
    int r = host_bundle_open(q->bundle, &run->bundle, d);
    if (r != 0) {
        return r;
    }
    r = prepare_watch(run, d);
    if (r != 0) {
        return r;
    }
    r = run->bundle.manifest->stdin_task ? check_worker(q, d) : 0;
    if (r != 0) {
        return r;
    }
    c->ops = machine_by_name(q->machine);
    if (c->ops == NULL) {
        return diag_fail(d, -EINVAL, "unknown machine \"%s\": soft or sgx", q->machine);
    }
    c->machine.trap_only = q->trap_only;
    r = c->ops->start == NULL ? 0 : c->ops->start(&c->machine, d);
    if (r != 0) {
        return r;
    }
    c->image.sgxs = run->bundle.sgxs;
    c->image.manifest = run->bundle.manifest_cbor;
    c->image.debug = run->bundle.manifest->debug;
    memcpy(&c->image.sigstruct, run->bundle.sigstruct.data, sizeof c->image.sigstruct);
    c->layer_count = run->bundle.layer_count;
    memcpy(c->layers, run->bundle.layers, sizeof c->layers);
    c->want_evidence = q->evidence_path != NULL;
    c->nonce = q->nonce;
    r = prepare_files(run, d);
    r = r != 0 ? r : host_net_open(run->bundle.manifest, &c->net, d);
    if (r == 0 && q->evidence_path != NULL) {
        r = evidence_maker_open(&c->machine, c->ops, run->bundle.manifest_cbor, &run->evidence, d);
    }
    return r != 0 ? r : processes_open(&run->processes, c, d);
}

/* ---- the supervisor ----------------------------------------------------------------------------- */

static volatile sig_atomic_t stop_signal;
static volatile pid_t *owner_pid; /* where it stands, when there may be one */

static void on_stop_signal(int signal_number)
{
    stop_signal = signal_number;
    if (owner_pid != NULL && *owner_pid > 0) {
        kill(*owner_pid, SIGKILL);
    }
}

static void watch_signals(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    struct sigaction action = {.sa_handler = on_stop_signal};
    for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
        sigaction(signals[i], &action, NULL);
    }
    signal(SIGPIPE, SIG_IGN);
}

/* A workload that may ask for quotes of its own gets its quoting process when it first does. */
static int start_quoting(struct run *run, struct diag *d)
{
    if (run->evidence != NULL) {
        return 0;
    }
    return !run->bundle.manifest->attestation
               ? -ENODEV
               : evidence_maker_open(&run->config.machine, run->config.ops, run->bundle.manifest_cbor,
                                     &run->evidence, d);
}

static int64_t answer_target(struct run *run, struct reply *reply, struct diag *d)
{
    struct sgx_targetinfo target;
    if (evidence_maker_target(run->evidence, &target, d) != 0) {
        return -EIO;
    }
    memcpy(reply->data, &target, sizeof target);
    return sizeof target;
}

static int64_t answer_quote(struct run *run, struct bytes report, struct reply *reply, struct diag *d)
{
    struct writer w = writer_of(reply->data, sizeof reply->data);
    int r = evidence_maker_attest(run->evidence, report, &w, d);
    if (r == 0) {
        d->text[0] = '\0';
    }
    return r == 0 ? (int64_t)w.size : -EIO;
}

static void answer_quotes(struct run *run, const struct message *m, struct reply *reply)
{
    struct bytes data = BYTES(m->data, m->size);
    struct diag *d = &run->result.unquoted;
    if (start_quoting(run, d) != 0) {
        reply->result = -ENODEV;
    } else if (m->number == HOSTCALL_quote_target) {
        reply->result = answer_target(run, reply, d);
    } else if (m->number == HOSTCALL_quote) {
        reply->result = answer_quote(run, data, reply, d);
    } else if (m->number == HOSTCALL_quote_report && m->size >= sizeof(struct sgx_report)) {
        reply->result = evidence_maker_quote(run->evidence, data, d) == 0 ? 0 : -EIO;
    }
}

static int64_t answer_start(struct run *run)
{
    struct diag d = {""};
    int slot = processes_free_slot(&run->processes);
    if (slot < 0 && !run->told_of_limit) {
        run->told_of_limit = true;
        fprintf(stderr,
                "alcove: this run has %u processes, the most that one can have at a time; the "
                "workload's fork gets EAGAIN until others end\n",
                YARD_SLOTS);
    }
    return slot < 0 || processes_start(&run->processes, (unsigned)slot, &d) != 0 ? -EAGAIN : slot;
}

/* Only the owner asks for anything; a member has it for that. */
static void answer(struct run *run, unsigned slot, const struct message *m, struct reply *reply)
{
    size_t size = offsetof(struct reply, data);
    reply->result = -EIO;
    if (slot == YARD_OWNER && m->number == HOSTCALL_process_start) {
        reply->result = answer_start(run);
    } else if (slot == YARD_OWNER && m->number == HOSTCALL_process_over) {
        processes_over(&run->processes, m->args[0] < YARD_SLOTS ? (unsigned)m->args[0] : YARD_OWNER,
                       m->args[1] != 0);
        reply->result = 0;
    } else if (slot == YARD_OWNER) {
        answer_quotes(run, m, reply);
        size = reply_size(reply);
    }
    ignore_result((int)send(run->processes.at[slot].socket, reply, size, MSG_NOSIGNAL),
                  "if the enclave process died, the next receive says so");
}

/* One message of an enclave process. 0; 1 when it is gone; or negative: how the run ends. */
static int serve_one(struct run *run, unsigned slot, struct diag *d)
{
    static struct message m;
    static struct reply reply;
    ssize_t n = recv(run->processes.at[slot].socket, &m, sizeof m, 0);
    if (n < 0 && errno == EINTR) {
        return 0;
    }
    if (n < (ssize_t)offsetof(struct message, data) ||
        (size_t)n != offsetof(struct message, data) + m.size) {
        if (n > 0) {
            processes_kill(&run->processes, slot); /* it speaks nonsense and may never end */
        }
        return 1;
    }
    if (m.number == 0 && slot == YARD_OWNER) {
        return diag_fail(d, -EFAULT, "%.*s", (int)m.size, (const char *)m.data);
    }
    if (m.number == 0) {
        fprintf(stderr, "alcove: a process of the tree: %.*s\n", (int)m.size, (const char *)m.data);
    } else if (m.number != HOSTCALL_exit) {
        answer(run, slot, &m, &reply);
    } else if (slot == YARD_OWNER) {
        run->ended = true;
        run->result.kind = (enum exit_kind)m.args[0];
        run->result.value = m.args[1];
    }
    return 0;
}

/* Serves until the owner's process is gone. */
static int serve(struct run *run, struct diag *d)
{
    struct processes *p = &run->processes;
    struct pollfd polled[YARD_SLOTS];
    d->text[0] = '\0';
    for (;;) {
        for (unsigned i = 0; i < YARD_SLOTS; i++) {
            polled[i] = (struct pollfd){.fd = p->at[i].socket, .events = POLLIN};
        }
        if (poll(polled, YARD_SLOTS, -1) < 0) {
            continue; /* a signal: it has ended the owner */
        }
        for (unsigned i = 0; i < YARD_SLOTS; i++) {
            int r = polled[i].revents != 0 ? serve_one(run, i, d) : 0;
            if (r < 0 || (r == 1 && i == YARD_OWNER)) {
                return r < 0 ? r : run->ended ? 0 : -EFAULT;
            }
            if (r == 1) {
                processes_gone(p, i);
            }
        }
    }
}

static int wait_for_owner(struct run *run, int r, struct diag *d)
{
    int status = processes_gone(&run->processes, YARD_OWNER);
    if (stop_signal != 0) {
        return diag_fail(d, -EINTR, "stopped by signal %d", (int)stop_signal);
    }
    if (r == -EFAULT && d->text[0] == '\0') {
        return WIFSIGNALED(status)
                   ? diag_fail(d, r, "the enclave process was ended by signal %d (%s)",
                               WTERMSIG(status), strsignal(WTERMSIG(status)))
                   : diag_fail(d, r, "the enclave process ended with status %d before the workload did",
                               WEXITSTATUS(status));
    }
    return r;
}

static int commit_outputs(struct run *run, struct diag *d)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < run->config.output_count; i++) {
        if (run->output[i].target != NULL) {
            r = outfile_commit(&run->output[i], d);
        }
    }
    return r;
}

static void clean_up(struct run *run)
{
    processes_close(&run->processes);
    for (size_t i = 0; i < MANIFEST_FILES_MAX; i++) {
        outfile_discard(&run->output[i]);
        if (run->config.inputs[i].fd >= 0) {
            close(run->config.inputs[i].fd);
        }
    }
    for (size_t i = 0; i < MANIFEST_MOUNTS_MAX; i++) {
        if (run->config.volumes[i].fd >= 0) {
            close(run->config.volumes[i].fd);
        }
    }
    machine_forget(&run->config.machine); /* nobody was forked who needs it */
    host_net_close(&run->config.net);
    outfile_discard(&run->evidence_file);
    evidence_maker_close(run->evidence);
    host_bundle_close(&run->bundle);
    free(run);
}

static int supervise(struct run *run, struct diag *d)
{
    owner_pid = &run->processes.owner;
    int r = processes_start(&run->processes, YARD_OWNER, d);
    if (r != 0) {
        return r;
    }
    pid_t debugger = 0;
    if (run->config.debugged) {
        signal(SIGINT, SIG_IGN); /* ^C is gdb's */
        r = host_debugger_start(run->processes.owner, run->request->bundle, run->request->gdb,
                                run->config.watch, &debugger, d);
    }
    if (stop_signal != 0 || r != 0) {
        processes_kill(&run->processes, YARD_OWNER);
    }
    /* The quoting enclave gets ready while the workload's is built. If it cannot, a long run shall not
     * find out at its end. */
    r = r != 0 || !run->config.want_evidence ? r : evidence_maker_ready(run->evidence, d);
    if (r != 0) {
        processes_kill(&run->processes, YARD_OWNER);
    }
    r = r != 0 ? r : serve(run, d);
    r = wait_for_owner(run, r, d);
    owner_pid = NULL;
    while (debugger > 0 && waitpid(debugger, NULL, 0) < 0 && errno == EINTR) {
    }
    print_watch(run);
    if (r == 0 && run->result.kind == EXIT_STATUS && run->result.value == 0) {
        r = commit_outputs(run, d);
    }
    /* Evidence of a failed run is evidence too: its claims carry the exit status. */
    if (r == 0 && run->config.want_evidence && run->result.kind <= EXIT_SIGNAL) {
        r = evidence_maker_write(run->evidence, &run->evidence_file, d);
    }
    return r;
}

int host_run(const struct run_request *request, struct run_result *ret, struct diag *d)
{
    struct run *run = calloc(1, sizeof *run);
    if (run == NULL) {
        return diag_fail(d, -ENOMEM, "no memory");
    }
    run->request = request;
    for (size_t i = 0; i < MANIFEST_FILES_MAX; i++) {
        run->config.inputs[i].fd = run->config.outputs[i].fd = -1;
    }
    for (size_t i = 0; i < MANIFEST_MOUNTS_MAX; i++) {
        run->config.volumes[i].fd = -1;
    }
    host_clock_start();
    watch_signals(); /* from here on there may be temporary files to take away */
    int r = fill_standard_streams(d);
    r = r != 0 ? r : prepare(run, d);
    r = r != 0 ? r : supervise(run, d);
    if (r != 0 && stop_signal != 0) {
        r = diag_fail(d, -EINTR, "stopped by signal %d", (int)stop_signal);
    }
    if (r == 0) {
        *ret = run->result;
    } else if (r == -EINTR) {
        *ret = (struct run_result){.kind = EXIT_SIGNAL, .value = (uint64_t)stop_signal};
    }
    clean_up(run);
    return r;
}
