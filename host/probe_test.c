/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the probe enclave (enclave/images/probe.c) on the software machine, by translation and by
 * trap, and repeats what it found as checks. */
#include "host/host.h"
#include "tests/tap.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static uint8_t manifest_bytes[4096];

static struct bytes make_manifest(void)
{
    /* An SDK manifest: the probe needs no layers. */
    struct manifest m = {.door = DOOR_SDK, .stdout_host = true, .stderr_host = true,
                         .memory = 1 << 24, .threads = 4, .argv_count = 1};
    m.entry = BYTES_STR("/probe");
    m.argv[0] = BYTES_STR("probe");
    m.cwd = BYTES_STR("/");
    struct writer w = writer_of(manifest_bytes, sizeof manifest_bytes);
    struct diag d = {""};
    if (manifest_encode(&m, &w, &d) != 0) {
        printf("Bail out! %s\n", d.text);
        exit(1);
    }
    return BYTES(manifest_bytes, w.size);
}

static size_t make_key(char *pem, size_t capacity)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, NULL);
    EVP_PKEY *key = NULL;
    BIGNUM *e = BN_new();
    BN_set_word(e, 3);
    EVP_PKEY_keygen_init(ctx);
    EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 3072);
    EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, e);
    EVP_PKEY_generate(ctx, &key);
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
    int n = BIO_read(bio, pem, (int)capacity);
    BIO_free(bio);
    EVP_PKEY_free(key);
    EVP_PKEY_CTX_free(ctx);
    BN_free(e);
    return n > 0 ? (size_t)n : 0;
}

static void sign(struct sgx_sigstruct *s, struct bytes sgxs)
{
    static const uint8_t header[16] = {6, 0, 0, 0, 0xe1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0};
    static const uint8_t header2[16] = {1, 1, 0, 0, 0x60, 0, 0, 0, 0x60, 0, 0, 0, 1, 0, 0, 0};
    char pem[4096];
    struct diag d = {""};
    *s = (struct sgx_sigstruct){.date = 0x20260101, .exponent = 3};
    memcpy(s->header, header, sizeof header);
    memcpy(s->header2, header2, sizeof header2);
    s->miscselect = SGX_MISC_EXINFO;
    s->miscmask = 0xffffffff;
    s->attributes = (struct sgx_attributes){SGX_FLAGS_MODE64BIT | SGX_FLAGS_KSS, 3};
    s->attributemask = (struct sgx_attributes){~SGX_FLAGS_DEBUG, 3};
    SHA256(sgxs.data, sgxs.size, s->enclavehash);
    size_t n = make_key(pem, sizeof pem);
    CHECK(sigstruct_sign(s, BYTES(pem, n), &d) == 0, "the probe is signed: %s", d.text);
}

static int64_t service(void *context, unsigned number, struct hostcall_slot *slot)
{
    (void)context;
    if (number == HOSTCALL_exit) {
        _exit(slot->args[0] == EXIT_STATUS ? (int)slot->args[1] : 100);
    }
    return -EIO;
}

static void run_child(const struct host_config *config, int pipe_fd) __attribute__((noreturn));
static void run_child(const struct host_config *config, int pipe_fd)
{
    struct diag d = {""};
    struct host_enclave *e = NULL;
    alarm(30);
    dup2(pipe_fd, 2);
    int r = host_enclave_create(config, &e, &d);
    r = r != 0 ? r : host_lock_process(&d);
    r = r != 0 ? r : host_enclave_run(e, &d);
    dprintf(2, "not ok 0 - %s\n", d.text);
    _exit(101);
}

static void run_mode(struct host_config *config, bool trap_only)
{
    int fds[2], status = 0, lines = 0;
    char line[600];
    config->machine.trap_only = trap_only;
    const char *mode = trap_only ? "by trap" : "by translation";
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
    struct host_config config = {.ops = &machine_soft, .service = service};
    struct diag d = {""};
    char dir[] = "/tmp/alcove-probe-XXXXXX";
    REQUIRE(mkdtemp(dir) != NULL);
    host_clock_start();
    setenv("ALCOVE_MACHINE_DIR", dir, 1);
    if (argc != 2 || host_read_file(argv[1], 1 << 26, &config.image.sgxs, &d) != 0) {
        printf("Bail out! usage: probe_test PROBE.sgxs %s\n", d.text);
        return 1;
    }
    config.image.manifest = make_manifest();
    sign(&config.image.sigstruct, config.image.sgxs);
    run_mode(&config, false);
    run_mode(&config, true);
    char command[100];
    snprintf(command, sizeof command, "%s/root-secret", dir);
    unlink(command);
    rmdir(dir);
    return tap_done();
}
