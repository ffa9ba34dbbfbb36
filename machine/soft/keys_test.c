/* SPDX-License-Identifier: Apache-2.0 */
/* EGETKEY: which keys are equal and which differ, between policies, enclaves, processes and
 * machines; what is refused; and the root secret behind them. */
#include "soft/testkit.h"
#include "machine/root_secret.h"
#include "tests/tap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct key {
    uint8_t bytes[16];
};

static unsigned getkey(struct kit_enclave *e, const struct sgx_keyrequest *request, struct key *ret)
{
    kit_write(e, KIT_DATA, request, sizeof *request);
    struct kit_enclu regs = {ENCLU_EGETKEY, e->base + KIT_DATA, e->base + KIT_DATA + 0x400, 0, 0};
    struct machine_run run;
    if (kit_enclu(e, 0, &regs, &run) != 0) {
        (void)kit_enter(e, 0, ENCLU_EENTER, 3, 0, 0, NULL);
        return 1000u + run.exception_vector;
    }
    bool zf = (regs.rflags & 0x40) != 0, others = (regs.rflags & 0x895) != 0;
    if (zf != (regs.rax != 0) || others) {
        return 9999;
    }
    if (regs.rax == 0) {
        kit_read(e, KIT_DATA + 0x400, ret, sizeof *ret);
    }
    return (unsigned)regs.rax;
}

static struct key seal(struct kit_enclave *e, uint16_t policy)
{
    struct key key = {{0}};
    struct sgx_keyrequest q = {.keyname = SGX_KEY_SEAL, .keypolicy = policy};
    CHECK(getkey(e, &q, &key) == 0, "a SEAL key with policy %x", policy);
    return key;
}

static bool equal(struct key a, struct key b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

static const uint8_t config_a[64] = "one configuration", config_b[64] = "another configuration";

static void test_policies(void)
{
    const struct kit_options options = {
        .flags = SGX_FLAGS_KSS, .configid = config_a, .configsvn = 2, .isvsvn = 3, .isvprodid = 1};
    struct kit_options other = options;
    struct kit_enclave a = kit_start(&options);
    struct kit_enclave again = kit_start(&options);
    other.fill = 1;
    struct kit_enclave sibling = kit_start(&other); /* same signer, other measurement */
    other = options;
    other.configid = config_b;
    struct kit_enclave configured = kit_start(&other);
    other = options;
    other.key_pem = kit_key(1);
    struct kit_enclave foreign = kit_start(&other);
    const uint16_t me = SGX_KEYPOLICY_MRENCLAVE, ms = SGX_KEYPOLICY_MRSIGNER;
    struct key own = seal(&a, me);
    CHECK(equal(own, seal(&again, me)), "the same enclave twice has one MRENCLAVE key");
    CHECK(!equal(own, seal(&sibling, me)), "another measurement has another MRENCLAVE key");
    CHECK(!equal(own, seal(&a, ms)), "MRENCLAVE and MRSIGNER keys differ");
    CHECK(equal(seal(&a, ms), seal(&sibling, ms)), "one signer's enclaves share the MRSIGNER key");
    CHECK(!equal(seal(&a, ms), seal(&foreign, ms)), "another signer has another MRSIGNER key");
    CHECK(equal(own, seal(&configured, me)),
          "without the CONFIGID policy CONFIGID does not matter");
    CHECK(!equal(seal(&a, me | SGX_KEYPOLICY_CONFIGID),
                 seal(&configured, me | SGX_KEYPOLICY_CONFIGID)),
          "with it another CONFIGID has another key");
    CHECK(!equal(seal(&a, ms), seal(&a, ms | SGX_KEYPOLICY_NOISVPRODID)),
          "NOISVPRODID gives another key");
    kit_end(&a);
    kit_end(&again);
    kit_end(&sibling);
    kit_end(&configured);
    kit_end(&foreign);
}

static void test_requests(void)
{
    struct kit_enclave e = kit_start(&(struct kit_options){.isvsvn = 3});
    struct key key, base = seal(&e, SGX_KEYPOLICY_MRSIGNER);
    struct sgx_keyrequest q = {.keyname = SGX_KEY_SEAL, .keypolicy = SGX_KEYPOLICY_MRSIGNER};
    q.isvsvn = 2;
    CHECK(getkey(&e, &q, &key) == 0 && !equal(key, base), "an older ISVSVN has another key");
    q.isvsvn = 4;
    CHECK(getkey(&e, &q, &key) == SGX_INVALID_ISVSVN, "a newer ISVSVN is refused");
    q.isvsvn = 0;
    q.cpusvn[5] = 2;
    CHECK(getkey(&e, &q, &key) == SGX_INVALID_CPUSVN, "a newer CPUSVN is refused");
    q.cpusvn[5] = 1;
    CHECK(getkey(&e, &q, &key) == 0 && !equal(key, base), "the CPUSVN asked for matters");
    q.cpusvn[5] = 0;
    q.keyid[31] = 1;
    CHECK(getkey(&e, &q, &key) == 0 && !equal(key, base), "KEYID matters");
    q.keyid[31] = 0;
    q.attributemask.flags = SGX_FLAGS_MODE64BIT;
    CHECK(getkey(&e, &q, &key) == 0 && !equal(key, base), "the attribute mask matters");
    q.attributemask.flags = 0;
    q.keyname = 7;
    CHECK(getkey(&e, &q, &key) == SGX_INVALID_KEYNAME, "an unknown key name is refused");
    q.keyname = SGX_KEY_PROVISION;
    CHECK(getkey(&e, &q, &key) == SGX_INVALID_ATTRIBUTE,
          "a provisioning key without the attribute is refused");
    q.keyname = SGX_KEY_EINITTOKEN;
    CHECK(getkey(&e, &q, &key) == SGX_INVALID_ATTRIBUTE, "an EINITTOKEN key likewise");
    q.keyname = SGX_KEY_SEAL;
    q.keypolicy = SGX_KEYPOLICY_CONFIGID;
    CHECK(getkey(&e, &q, &key) == 1013, "a KSS policy without KSS is #GP");
    q.keypolicy = 0x40;
    CHECK(getkey(&e, &q, &key) == 1013, "an unknown policy bit is #GP");
    q.keypolicy = 0;
    q.reserved2[100] = 1;
    CHECK(getkey(&e, &q, &key) == 1013, "reserved bytes of KEYREQUEST are #GP");
    struct kit_enclu regs = {ENCLU_EGETKEY, e.base + KIT_DATA + 8, e.base + KIT_DATA + 0x400, 0, 0};
    struct machine_run run;
    CHECK(kit_enclu(&e, 0, &regs, &run) == -EFAULT && run.exception_vector == 13,
          "an unaligned KEYREQUEST is #GP");
    (void)kit_enter(&e, 0, ENCLU_EENTER, 3, 0, 0, NULL);
    regs = (struct kit_enclu){ENCLU_EGETKEY, e.base + KIT_DATA, e.base + KIT_READONLY, 0, 0};
    q.reserved2[100] = 0;
    kit_write(&e, KIT_DATA, &q, sizeof q);
    CHECK(kit_enclu(&e, 0, &regs, &run) == -EFAULT && run.exception_vector == 14,
          "a key into a read-only page is #PF");
    (void)kit_enter(&e, 0, ENCLU_EENTER, 3, 0, 0, NULL);
    kit_end(&e);
}

static void test_debug_and_provision(void)
{
    struct kit_enclave plain = kit_start(&(struct kit_options){0});
    struct kit_enclave debug = kit_start(&(struct kit_options){.flags = SGX_FLAGS_DEBUG});
    struct kit_enclave prov = kit_start(&(struct kit_options){.flags = SGX_FLAGS_PROVISIONKEY});
    struct key p1, p2;
    CHECK(!equal(seal(&plain, SGX_KEYPOLICY_MRSIGNER), seal(&debug, SGX_KEYPOLICY_MRSIGNER)),
          "a debug enclave never gets the other's key, whatever the mask");
    struct sgx_keyrequest q = {.keyname = SGX_KEY_PROVISION};
    CHECK(getkey(&prov, &q, &p1) == 0, "with the attribute there is a provisioning key");
    q.keyid[0] = 9;
    CHECK(getkey(&prov, &q, &p2) == 0 && equal(p1, p2), "which KEYID does not change");
    q.keyname = SGX_KEY_PROVISION_SEAL;
    CHECK(getkey(&prov, &q, &p2) == 0 && !equal(p1, p2),
          "and the provisioning seal key is another");
    kit_end(&plain);
    kit_end(&debug);
    kit_end(&prov);
}

/* The key of a fresh process, read through a pipe. */
static struct key key_of_process(const char *state_dir)
{
    int fds[2];
    struct key key = {{0}};
    if (pipe(fds) != 0) {
        return key;
    }
    pid_t pid = fork();
    if (pid == 0) {
        struct kit_enclave e = kit_start(&(struct kit_options){.state_dir = state_dir});
        struct sgx_keyrequest q = {.keyname = SGX_KEY_SEAL, .keypolicy = SGX_KEYPOLICY_MRENCLAVE};
        struct key own = {{0}};
        (void)getkey(&e, &q, &own);
        ssize_t n = write(fds[1], &own, sizeof own);
        _exit(n == (ssize_t)sizeof own ? 0 : 1);
    }
    (void)close(fds[1]);
    ssize_t n = read(fds[0], &key, sizeof key);
    int status = -1;
    (void)waitpid(pid, &status, 0);
    (void)close(fds[0]);
    CHECK(n == (ssize_t)sizeof key && status == 0, "another process gets a key");
    return key;
}

static void test_processes(void)
{
    char dir[] = "/tmp/alcove-machine-other-XXXXXX", path[64];
    CHECK(mkdtemp(dir) != NULL, "a second machine");
    (void)kit_key(0);
    struct key a = key_of_process(NULL), b = key_of_process(NULL), c = key_of_process(dir);
    CHECK(equal(a, b), "the same enclave in two processes has one key");
    CHECK(!equal(a, c), "on another machine it has another");
    (void)snprintf(path, sizeof path, "%s/" ROOT_SECRET_FILE, dir);
    (void)unlink(path);
    (void)rmdir(dir);
}

/* ---- the root secret ------------------------------------------------------------------------- */

static void test_root_secret(void)
{
    char dir[] = "/tmp/alcove-machine-secret-XXXXXX", path[96], sub[64];
    uint8_t a[ROOT_SECRET_SIZE], b[ROOT_SECRET_SIZE];
    struct diag d;
    CHECK(mkdtemp(dir) != NULL, "a folder");
    (void)snprintf(sub, sizeof sub, "%s/x/y", dir);
    (void)snprintf(path, sizeof path, "%s/" ROOT_SECRET_FILE, sub);
    CHECK(root_secret_load(sub, a, &d) == -ENOENT && strstr(d.text, "alcove machine init") != NULL,
          "a missing secret says how to make one");
    CHECK(root_secret_make(sub, a, &d) == 0 && root_secret_make(sub, b, &d) == 0 &&
              memcmp(a, b, sizeof a) == 0,
          "it is made once");
    struct stat st;
    CHECK(stat(path, &st) == 0 && (st.st_mode & 07777) == 0600, "with mode 0600");
    CHECK(chmod(path, 0640) == 0 && root_secret_load(sub, a, &d) == -EPERM &&
              strstr(d.text, "640") != NULL && strstr(d.text, "chmod 600") != NULL,
          "a wrong mode is refused: %s", d.text);
    CHECK(chmod(path, 0600) == 0 && truncate(path, 31) == 0 &&
              root_secret_load(sub, a, &d) == -EINVAL,
          "a wrong size is refused: %s", d.text);
    struct machine_config config = {.state_dir = sub,
                                    .microcode_path = getenv("ALCOVE_TEST_MICROCODE")};
    struct machine *m;
    struct sgx_secs secs = {.size = 0x10000,
                            .base = SOFT_BASE_ANY,
                            .ssa_frame_size = 1,
                            .attributes = {SGX_FLAGS_MODE64BIT, 3}};
    struct sgx_sigstruct sig = {0};
    CHECK(machine_soft.open(&config, &m, &d) == 0 && machine_soft.create(m, &secs, &d) == 0 &&
              machine_soft.init(m, &sig, &d) == -EINVAL && strstr(d.text, "root-secret") != NULL,
          "and no enclave starts with it: %s", d.text);
    machine_soft.close(m);
    (void)unlink(path);
    CHECK(symlink("/etc/hostname", path) == 0 && root_secret_load(sub, a, &d) < 0,
          "a symbolic link is refused");
    (void)unlink(path);
    CHECK(mkdir(path, 0700) == 0 && root_secret_load(sub, a, &d) < 0, "a folder is refused");
    (void)rmdir(path);
    (void)rmdir(sub);
    (void)snprintf(sub, sizeof sub, "%s/x", dir);
    (void)rmdir(sub);
    (void)rmdir(dir);
}

int main(void)
{
    test_policies();
    test_requests();
    test_debug_and_provision();
    test_processes();
    test_root_secret();
    return tap_done();
}
