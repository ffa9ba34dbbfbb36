/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor. Order matters: everything is opened before the enclave process is forked, the
 * enclave process builds its enclave, locks itself and runs; what it wants of the world afterwards
 * goes over one socket. If either dies, the other notices (parent-death signal, end of file). */
#include "host/run.h"
#include "enclave.h"
#include "evidence.h"
#include "volume.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Messages from the enclave process; each is answered by one struct reply. */
struct message {
    uint32_t number; /* HOSTCALL_quote_target, _quote_report, _quote, _exit; 0: a diagnosis, no answer */
    uint32_t size;
    uint64_t args[2];
    uint8_t data[HOSTCALL_DATA_MAX];
};
struct reply {
    int64_t result; /* also the size of data, unless negative */
    uint8_t data[QUOTE_SIZE_MAX];
};

static size_t reply_size(const struct reply *r)
{
    return offsetof(struct reply, data) + (r->result > 0 ? (size_t)r->result : 0);
}

struct run {
    const struct run_request *request;
    struct host_bundle bundle;
    struct host_config config;
    struct outfile output[MANIFEST_FILES_MAX];
    struct outfile evidence_file;
    int sockets[2]; /* supervisor, enclave process */
    struct evidence_maker *evidence;
    bool ended;
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

static int prepare(struct run *run, struct diag *d)
{
    const struct run_request *q = run->request;
    struct host_config *c = &run->config;
    int r = host_bundle_open(q->bundle, &run->bundle, d);
    if (r != 0) {
        return r;
    }
    if (q->trace != 0 && !run->bundle.manifest->debug) {
        return diag_fail(d, -EPERM, "tracing shows what the workload does, so only a bundle built with "
                                    "\"debug: true\" can be traced");
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
    c->image.sgxs = run->bundle.sgxs;
    c->image.manifest = run->bundle.manifest_cbor;
    c->image.debug = run->bundle.manifest->debug;
    memcpy(&c->image.sigstruct, run->bundle.sigstruct.data, sizeof c->image.sigstruct);
    c->layer_count = run->bundle.layer_count;
    memcpy(c->layers, run->bundle.layers, sizeof c->layers);
    c->trace = q->trace;
    c->want_evidence = q->evidence_path != NULL;
    c->nonce = q->nonce;
    r = prepare_files(run, d);
    if (r == 0 && q->evidence_path != NULL) {
        r = evidence_maker_open(&c->machine, c->ops, run->bundle.manifest_cbor, &run->evidence, d);
    }
    if (r == 0 && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, run->sockets) != 0) {
        r = diag_fail(d, -errno, "cannot make a socket pair: %s", strerror(errno));
    }
    return r;
}

/* ---- the enclave process ------------------------------------------------------------------------ */

static void send_diag(struct run *run, const struct diag *d)
{
    struct message m = {.number = 0, .size = (uint32_t)strlen(d->text)};
    memcpy(m.data, d->text, m.size);
    ignore_result((int)send(run->sockets[1], &m, offsetof(struct message, data) + m.size, MSG_NOSIGNAL),
                  "the supervisor is gone, nobody is left to tell");
}

static int64_t forward(void *context, unsigned number, struct hostcall_slot *slot)
{
    struct run *run = context;
    static struct message m;
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static struct reply reply;
    uint64_t to_size = slot->to_size;
    if (to_size > sizeof m.data) {
        return -EIO;
    }
    pthread_mutex_lock(&lock);
    m.number = number;
    m.size = (uint32_t)to_size;
    m.args[0] = slot->args[0];
    m.args[1] = slot->args[1];
    memcpy(m.data, slot->data, m.size);
    size_t size = offsetof(struct message, data) + m.size;
    if (send(run->sockets[1], &m, size, MSG_NOSIGNAL) == (ssize_t)size && number == HOSTCALL_exit) {
        _exit(EXIT_SUCCESS);
    }
    ssize_t n;
    do {
        n = recv(run->sockets[1], &reply, sizeof reply, 0);
    } while (n < 0 && errno == EINTR);
    if (n < (ssize_t)offsetof(struct reply, data) || (size_t)n != reply_size(&reply)) {
        _exit(EXIT_FAILURE);
    }
    int64_t result = reply.result;
    if (result > 0) {
        memcpy(slot->data, reply.data, (size_t)result);
    }
    pthread_mutex_unlock(&lock);
    return result;
}

/* What the supervisor has open is not the enclave process's: above all the way to the quoting
 * process. Its own are the standard streams, the declared files and its end of the socket. */
static void close_others(const struct run *run)
{
    int own[2 * MANIFEST_FILES_MAX + MANIFEST_MOUNTS_MAX + 1];
    size_t count = 0;
    own[count++] = run->sockets[1];
    for (size_t i = 0; i < MANIFEST_FILES_MAX; i++) {
        own[count++] = run->config.inputs[i].fd;
        own[count++] = run->config.outputs[i].fd;
    }
    for (size_t i = 0; i < MANIFEST_MOUNTS_MAX; i++) {
        own[count++] = run->config.volumes[i].fd;
    }
    unsigned from = 3;
    for (;;) {
        unsigned next = UINT_MAX; /* the lowest of our own from there on */
        for (size_t i = 0; i < count; i++) {
            next = own[i] >= (int)from && (unsigned)own[i] < next ? (unsigned)own[i] : next;
        }
        if (next > from) {
            close_range(from, next - 1, 0);
        }
        if (next == UINT_MAX) {
            return;
        }
        from = next + 1;
    }
}

static void enclave_process(struct run *run, pid_t supervisor) __attribute__((noreturn));
static void enclave_process(struct run *run, pid_t supervisor)
{
    struct host_enclave *e = NULL;
    struct diag d = {""};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != supervisor) {
        _exit(EXIT_FAILURE); /* it died before it could be watched */
    }
    prctl(PR_SET_NAME, "alcove-enclave");
    signal(SIGINT, SIG_IGN); /* the terminal's keys are the supervisor's to handle */
    signal(SIGQUIT, SIG_IGN);
    signal(SIGTERM, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
    close_others(run);
    run->config.service = forward;
    run->config.service_context = run;
    int r = host_enclave_create(&run->config, &e, &d);
    r = r != 0 ? r : host_lock_process(&d);
    r = r != 0 ? r : host_enclave_run(e, &d);
    if (r == 0) {
        diag_fail(&d, -EFAULT, "the enclave's first thread left without an exit");
    }
    send_diag(run, &d);
    _exit(EXIT_FAILURE);
}

/* ---- the supervisor ----------------------------------------------------------------------------- */

static volatile sig_atomic_t stop_signal;
static volatile pid_t child_pid;

static void on_stop_signal(int signal_number)
{
    stop_signal = signal_number;
    if (child_pid > 0) {
        kill(child_pid, SIGKILL);
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

static void answer(struct run *run, const struct message *m, struct reply *reply)
{
    struct bytes data = BYTES(m->data, m->size);
    struct diag *d = &run->result.unquoted;
    reply->result = -EIO;
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

/* Serves until the enclave process is gone. */
static int serve(struct run *run, struct diag *d)
{
    static struct message m;
    static struct reply reply;
    d->text[0] = '\0';
    for (;;) {
        ssize_t n = recv(run->sockets[0], &m, sizeof m, 0);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < (ssize_t)offsetof(struct message, data) ||
            (size_t)n != offsetof(struct message, data) + m.size) {
            if (n > 0) {
                kill(child_pid, SIGKILL); /* it speaks nonsense and may never end */
            }
            return run->ended ? 0 : -EFAULT;
        }
        if (m.number == 0) {
            return diag_fail(d, -EFAULT, "%.*s", (int)m.size, (const char *)m.data);
        }
        if (m.number == HOSTCALL_exit) {
            run->ended = true;
            run->result.kind = (enum exit_kind)m.args[0];
            run->result.value = m.args[1];
            continue;
        }
        answer(run, &m, &reply);
        ignore_result((int)send(run->sockets[0], &reply, reply_size(&reply), MSG_NOSIGNAL),
                      "if the enclave process died, the next receive says so");
    }
}

static int wait_for_child(struct run *run, int r, struct diag *d)
{
    int status = 0;
    while (waitpid(child_pid, &status, 0) < 0 && errno == EINTR) {
    }
    child_pid = 0;
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
    (void)run;
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
    outfile_discard(&run->evidence_file);
    evidence_maker_close(run->evidence);
    host_bundle_close(&run->bundle);
    free(run);
}

static int supervise(struct run *run, struct diag *d)
{
    pid_t supervisor = getpid();
    pid_t pid = fork();
    if (pid < 0) {
        return diag_fail(d, -errno, "cannot fork: %s", strerror(errno));
    }
    if (pid == 0) {
        enclave_process(run, supervisor);
    }
    child_pid = pid;
    if (stop_signal != 0) {
        kill(pid, SIGKILL);
    }
    close(run->sockets[1]);
    /* The quoting enclave gets ready while the workload's is built. If it cannot, a long run shall not
     * find out at its end. */
    int r = !run->config.want_evidence ? 0 : evidence_maker_ready(run->evidence, d);
    if (r != 0) {
        kill(pid, SIGKILL);
    }
    r = r != 0 ? r : serve(run, d);
    r = wait_for_child(run, r, d);
    if (r == 0 && run->result.kind == EXIT_STATUS && run->result.value == 0) {
        r = commit_outputs(run, d);
    }
    /* Evidence of a failed run is evidence too: its claims carry the exit status. */
    if (r == 0 && run->config.want_evidence && run->result.kind <= EXIT_SIGNAL) {
        r = evidence_maker_write(run->evidence, &run->evidence_file, d);
    }
    close(run->sockets[0]);
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
