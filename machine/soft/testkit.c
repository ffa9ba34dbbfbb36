/* SPDX-License-Identifier: Apache-2.0 */
/* See testkit.h. */
#include "soft/testkit.h"

#include <dirent.h>
#include <errno.h>
#include <openssl/bn.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern const uint8_t test_enclave_start[], test_enclave_end[];

static void need(bool ok, const char *what, const struct diag *d)
{
    if (!ok) {
        printf("Bail out! %s: %s\n", what, d != NULL ? d->text : strerror(errno));
        exit(1);
    }
}

static char directory[64];
static pid_t directory_owner;

static void remove_directory(void)
{
    if (getpid() != directory_owner) {
        return;
    }
    DIR *dir = opendir(directory);
    struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        char path[400];
        (void)snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        (void)unlink(path);
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    (void)rmdir(directory);
}

const char *kit_dir(void)
{
    if (directory[0] == '\0') {
        (void)snprintf(directory, sizeof directory, "/tmp/alcove-machine-test-XXXXXX");
        need(mkdtemp(directory) != NULL, "mkdtemp", NULL);
        directory_owner = getpid();
        (void)atexit(remove_directory);
    }
    return directory;
}

struct bytes kit_key(unsigned number)
{
    static struct bytes keys[2];
    if (keys[number].size == 0) {
        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, NULL);
        EVP_PKEY *key = NULL;
        BIGNUM *e = BN_new();
        need(ctx != NULL && e != NULL && BN_set_word(e, 3) == 1 && EVP_PKEY_keygen_init(ctx) == 1 &&
                 EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 3072) == 1 &&
                 EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, e) == 1 &&
                 EVP_PKEY_keygen(ctx, &key) == 1,
             "RSA key", NULL);
        BIO *bio = BIO_new(BIO_s_mem());
        need(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1, "PEM", NULL);
        char *data;
        long size = BIO_get_mem_data(bio, &data);
        uint8_t *copy = malloc((size_t)size);
        need(copy != NULL, "malloc", NULL);
        memcpy(copy, data, (size_t)size);
        keys[number] = BYTES(copy, (size_t)size);
        BIO_free(bio);
        BN_free(e);
        EVP_PKEY_free(key);
        EVP_PKEY_CTX_free(ctx);
    }
    return keys[number];
}

struct machine_config kit_config(const struct kit_options *o)
{
    return (struct machine_config){
        .state_dir = o->state_dir != NULL ? o->state_dir : kit_dir(),
        .microcode_path = getenv("ALCOVE_TEST_MICROCODE"),
        .trap_only = o->trap_only,
    };
}

static void add(struct kit_enclave *e, uint64_t offset, uint64_t flags, const void *content)
{
    struct diag d;
    struct sgx_secinfo info = {.flags = flags};
    need(machine_soft.add_page(e->m, offset, &info, content, &d) == 0, "EADD", &d);
    for (uint64_t at = 0; at < SGX_PAGE_SIZE; at += 256) {
        need(machine_soft.extend(e->m, offset + at, &d) == 0, "EEXTEND", &d);
    }
}

static void add_thread(struct kit_enclave *e, unsigned thread)
{
    static const uint8_t zero[SGX_PAGE_SIZE];
    const uint64_t at = KIT_THREADS + thread * (uint64_t)KIT_STRIDE;
    const uint64_t rw = SGX_SECINFO_R | SGX_SECINFO_W | SGX_SECINFO_TYPE(SGX_PT_REG);
    struct sgx_tcs tcs = {
        .ossa = at + 0x1000,
        .nssa = 2,
        .oentry = KIT_CODE,
        .ofsbasgx = KIT_DATA,
        .ogsbasgx = at + 0x3000,
        .fslimit = 0xfff,
        .gslimit = 0xfff,
    };
    add(e, at, SGX_SECINFO_TYPE(SGX_PT_TCS), &tcs);
    for (uint64_t page = 1; page < 6; page++) {
        add(e, at + page * SGX_PAGE_SIZE, rw, zero);
    }
}

static void add_pages(struct kit_enclave *e, uint8_t fill)
{
    static uint8_t page[SGX_PAGE_SIZE];
    size_t code_size = (size_t)(test_enclave_end - test_enclave_start);
    for (size_t at = 0; at < code_size; at += sizeof page) {
        size_t n = code_size - at < sizeof page ? code_size - at : sizeof page;
        memset(page, 0, sizeof page);
        memcpy(page, test_enclave_start + at, n);
        add(e, KIT_CODE + at, SGX_SECINFO_R | SGX_SECINFO_X | SGX_SECINFO_TYPE(SGX_PT_REG), page);
    }
    memset(page, fill, sizeof page);
    for (uint64_t i = 0; i < KIT_DATA_PAGES; i++) {
        add(e, KIT_DATA + i * SGX_PAGE_SIZE,
            SGX_SECINFO_R | SGX_SECINFO_W | SGX_SECINFO_TYPE(SGX_PT_REG), page);
    }
    add(e, KIT_READONLY, SGX_SECINFO_R | SGX_SECINFO_TYPE(SGX_PT_REG), page);
    for (unsigned i = 0; i < KIT_THREAD_COUNT; i++) {
        add_thread(e, i);
    }
}

/* The measurement, taken by opening the enclave once with a signature that cannot fit. */
static void measure(struct kit_enclave *e, const struct kit_options *o, const struct sgx_secs *secs)
{
    struct diag d;
    struct machine_config config = kit_config(o);
    struct kit_enclave probe = {0};
    need(machine_soft.open(&config, &probe.m, &d) == 0, "open", &d);
    need(machine_soft.create(probe.m, secs, &d) == 0, "ECREATE", &d);
    add_pages(&probe, o->fill);
    int r = machine_soft.init(probe.m, &e->sigstruct, &d);
    const char *at = strstr(d.text, "measures ");
    need(r == -EPERM && at != NULL && hex_decode(e->mrenclave, 32, BYTES(at + 9, 64)),
         "measuring EINIT", &d);
    machine_soft.close(probe.m);
}

struct kit_enclave kit_build(const struct kit_options *o)
{
    struct diag d;
    struct kit_enclave e = {0};
    struct sgx_secs secs = {
        .size = KIT_SIZE,
        .base = o->base != 0 ? o->base : SOFT_BASE_ANY,
        .ssa_frame_size = 1,
        .miscselect = o->no_exinfo ? 0 : SGX_MISC_EXINFO,
        .attributes = {SGX_FLAGS_MODE64BIT | o->flags,
                       o->xfrm != 0 ? o->xfrm : machine_host_xfrm()},
        .configsvn = o->configsvn,
    };
    if (o->configid != NULL) {
        memcpy(secs.configid, o->configid, sizeof secs.configid);
    }
    e.sigstruct = (struct sgx_sigstruct){
        .date = 0x20240101,
        .miscselect = secs.miscselect,
        .miscmask = UINT32_MAX,
        .attributes = secs.attributes,
        .attributemask = {UINT64_MAX & ~SGX_FLAGS_INIT, UINT64_MAX},
        .isvprodid = o->isvprodid,
        .isvsvn = o->isvsvn,
    };
    struct bytes key = o->key_pem.size != 0 ? o->key_pem : kit_key(0);
    need(sigstruct_sign(&e.sigstruct, key, &d) == 0, "sign", &d);
    measure(&e, o, &secs);
    memcpy(e.sigstruct.enclavehash, e.mrenclave, 32);
    need(sigstruct_sign(&e.sigstruct, key, &d) == 0, "sign", &d);
    need(sigstruct_verify(&e.sigstruct, e.mrsigner, &d) == 0, "verify", &d);
    struct machine_config config = kit_config(o);
    need(machine_soft.open(&config, &e.m, &d) == 0, "open", &d);
    need(machine_soft.create(e.m, &secs, &d) == 0, "ECREATE", &d);
    add_pages(&e, o->fill);
    e.base = soft_base(e.m);
    return e;
}

struct kit_enclave kit_start(const struct kit_options *o)
{
    struct diag d;
    struct kit_enclave e = kit_build(o);
    need(machine_soft.init(e.m, &e.sigstruct, &d) == 0, "EINIT", &d);
    return e;
}

void kit_end(struct kit_enclave *e)
{
    machine_soft.close(e->m);
    e->m = NULL;
}

uint64_t kit_tcs(const struct kit_enclave *e, unsigned thread)
{
    return e->base + KIT_THREADS + thread * (uint64_t)KIT_STRIDE;
}

int kit_enter(struct kit_enclave *e, unsigned thread, unsigned leaf, uint64_t rdi, uint64_t rsi,
              uint64_t rdx, struct machine_run *ret_run)
{
    struct machine_run unused;
    struct machine_run *run = ret_run != NULL ? ret_run : &unused;
    *run = (struct machine_run){.tcs = kit_tcs(e, thread)};
    return machine_soft.enter(e->m, rdi, rsi, rdx, leaf, 0, 0, run);
}

int kit_call(struct kit_enclave *e, unsigned thread, uint64_t command, void *argument, uint64_t rdx,
             struct machine_run *ret_run)
{
    return kit_enter(e, thread, ENCLU_EENTER, command, (uint64_t)argument, rdx, ret_run);
}

int kit_enclu(struct kit_enclave *e, unsigned thread, struct kit_enclu *regs,
              struct machine_run *ret_run)
{
    return kit_call(e, thread, KIT_ENCLU, regs, 0, ret_run);
}

void kit_write(struct kit_enclave *e, uint64_t offset, const void *from, size_t size)
{
    for (size_t at = 0; at < size; at += 8) {
        uint64_t arg[2] = {e->base + offset + at, 0};
        memcpy(&arg[1], (const uint8_t *)from + at, size - at < 8 ? size - at : 8);
        need(kit_call(e, 0, KIT_STORE, arg, 0, NULL) == 0, "store in the enclave", NULL);
    }
}

void kit_read(struct kit_enclave *e, uint64_t offset, void *to, size_t size)
{
    for (size_t at = 0; at < size; at += 8) {
        uint64_t arg[2] = {e->base + offset + at, 0};
        need(kit_call(e, 0, KIT_LOAD, arg, 0, NULL) == 0, "load in the enclave", NULL);
        memcpy((uint8_t *)to + at, &arg[1], size - at < 8 ? size - at : 8);
    }
}

/* After a fault at CSSA 0 the thread has used one SSA frame: the handler skips nothing and the
 * enclave leaves by its normal way when the load is repeated at another place. */
static void recover(struct kit_enclave *e, unsigned thread)
{
    /* EDECCSSA in the handler gives the frame back without resuming what faulted. */
    need(kit_enter(e, thread, ENCLU_EENTER, 3, 0, 0, NULL) == 0, "EDECCSSA after a fault", NULL);
}

bool kit_load_ok(struct kit_enclave *e, uint64_t offset, struct machine_run *ret_run)
{
    uint64_t arg[2] = {e->base + offset, 0};
    int r = kit_call(e, 0, KIT_LOAD, arg, 0, ret_run);
    if (r == -EFAULT) {
        recover(e, 0);
    }
    return r == 0;
}

bool kit_store_ok(struct kit_enclave *e, uint64_t offset, struct machine_run *ret_run)
{
    uint64_t arg[2] = {e->base + offset, 0x5707ed};
    int r = kit_call(e, 0, KIT_STORE, arg, 0, ret_run);
    if (r == -EFAULT) {
        recover(e, 0);
    }
    return r == 0;
}

uint64_t kit_page_leaf(struct kit_enclave *e, unsigned leaf, uint64_t offset, uint64_t flags,
                       uint64_t rdx)
{
    const uint64_t at = KIT_DATA + 7 * SGX_PAGE_SIZE; /* the last data page holds SECINFOs */
    uint64_t secinfo[8] = {flags};
    kit_write(e, at, secinfo, sizeof secinfo);
    struct kit_enclu regs = {leaf, e->base + at, e->base + offset, rdx, 0};
    struct machine_run run;
    int r = kit_enclu(e, 0, &regs, &run);
    if (r == -EFAULT) {
        recover(e, 0);
        return 1000u + run.exception_vector;
    }
    return regs.rax;
}

uint64_t kit_accept(struct kit_enclave *e, uint64_t offset, uint64_t flags)
{
    return kit_page_leaf(e, ENCLU_EACCEPT, offset, flags, 0);
}
