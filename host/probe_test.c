/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the probe enclave (enclave/images/probe.c) on the software machine, by translation and by
 * trap, and repeats what it found as checks. */
#include "host/host.h"
#include "probe_kit.h"
#include "tests/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int64_t service(void *context, unsigned number, struct hostcall_slot *slot)
{
    (void)context;
    if (number == HOSTCALL_exit) {
        _exit(slot->args[0] == EXIT_STATUS ? (int)slot->args[1] : 100);
    }
    return probe_quote(number, slot);
}

static void run_child(const struct host_config *config, int pipe_fd) __attribute__((noreturn));
static void run_child(const struct host_config *config, int pipe_fd)
{
    struct diag d = {""};
    struct host_enclave *e = NULL;
    alarm(30);
    dup2(open("/dev/null", O_RDONLY), 0);
    dup2(pipe_fd, 2);
    int r = host_enclave_create(config, &e, &d);
    r = r != 0 ? r : host_lock_process(&d);
    r = r != 0 ? r : host_enclave_run(e, &d);
    dprintf(2, "not ok 0 - %s\n", d.text);
    _exit(101);
}

static uint64_t xfrm_wanted; /* 0: all that the processor has */

static int create(struct machine *m, const struct sgx_secs *secs, struct diag *d)
{
    struct sgx_secs less = *secs;
    less.attributes.xfrm &= xfrm_wanted == 0 ? UINT64_MAX : xfrm_wanted;
    return machine_soft.create(m, &less, d);
}

static void run_mode(struct host_config *config, bool trap_only, uint64_t xfrm)
{
    int fds[2], status = 0, lines = 0;
    char line[600];
    config->machine.trap_only = trap_only;
    xfrm_wanted = xfrm;
    char mode[60];
    snprintf(mode, sizeof mode, "%s%s", trap_only ? "by trap" : "by translation",
             xfrm == 0 ? "" : xfrm == 3 ? ", SSE alone" : ", no AVX-512");
    fflush(stdout);
    if (pipe(fds) != 0) {
        CHECK(0, "a pipe");
        return;
    }
    pid_t pid = fork();
    if (pid == 0) {
        run_child(config, fds[1]);
    }
    close(fds[1]);
    FILE *in = fdopen(fds[0], "r");
    while (fgets(line, sizeof line, in) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        const char *dash = strstr(line, " - ");
        CHECK(strncmp(line, "ok ", 3) == 0, "%s (%s)", dash == NULL ? line : dash + 3, mode);
        lines++;
    }
    fclose(in);
    waitpid(pid, &status, 0);
    CHECK(lines >= 20, "the probe ran all its checks (%s: %d)", mode, lines);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7, "the probe ended as it should (%s: %x)", mode,
          status);
}

int main(int argc, char **argv)
{
    struct machine_ops ops = machine_soft;
    struct host_config config = {.ops = &ops, .service = service};
    struct diag d = {""};
    char dir[] = "/tmp/alcove-probe-XXXXXX";
    REQUIRE(mkdtemp(dir) != NULL);
    host_clock_start();
    setenv("ALCOVE_MACHINE_DIR", dir, 1);
    if (argc != 2 || host_read_file(argv[1], 1 << 26, &config.image.sgxs, &d) != 0) {
        printf("Bail out! usage: probe_test PROBE.sgxs %s\n", d.text);
        return 1;
    }
    config.image.manifest = probe_manifest();
    probe_sign(&config.image.sigstruct, config.image.sgxs);
    probe_input(&config);
    ops.create = create;
    run_mode(&config, false, 0);
    run_mode(&config, true, 0);
    run_mode(&config, false, 7);
    run_mode(&config, false, 3);
    probe_remove_machine(dir);
    return tap_done();
}
