/* SPDX-License-Identifier: Apache-2.0 */
/* See probe_kit.h. */
#include "probe_kit.h"

#include "abi/quote.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void bail_out(const char *why) __attribute__((noreturn));
static void bail_out(const char *why)
{
    printf("Bail out! %s\n", why);
    exit(1);
}

static uint8_t manifest_bytes[4096];

struct bytes probe_manifest(void)
{
    /* An SDK manifest: the probe needs no layers. */
    struct manifest m = {.door = DOOR_SDK, .stdin_host = true, .stdout_host = true, .stderr_host = true,
                         .memory = 1 << 24, .threads = 4, .argv_count = 1};
    m.entry = BYTES_STR("/probe");
    m.argv[0] = BYTES_STR("probe");
    m.cwd = BYTES_STR("/");
    m.input_count = 1;
    m.inputs[0] = (struct manifest_file){BYTES_STR("numbers"), BYTES_STR("/numbers"), 4096};
    struct writer w = writer_of(manifest_bytes, sizeof manifest_bytes);
    struct diag d = {""};
    if (manifest_encode(&m, &w, &d) != 0) {
        bail_out(d.text);
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

void probe_sign(struct sgx_sigstruct *s, struct bytes sgxs)
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
    if (sigstruct_sign(s, BYTES(pem, n), &d) != 0) {
        bail_out(d.text);
    }
}

void probe_input(struct host_config *config)
{
    uint8_t numbers[200];
    for (size_t i = 0; i < sizeof numbers; i++) {
        numbers[i] = (uint8_t)i;
    }
    int fd = memfd_create("numbers", MFD_CLOEXEC);
    if (fd < 0 || write(fd, numbers, sizeof numbers) != (ssize_t)sizeof numbers) {
        bail_out("no memory for the probe's input");
    }
    config->input_count = 1;
    config->inputs[0] = (struct host_file){fd, sizeof numbers};
}

int64_t probe_quote(unsigned number, struct hostcall_slot *slot)
{
    static const uint8_t user_data[20];
    struct quote_v3_auth auth = {.cert_type = QUOTE_CERT_PCK_CHAIN,
                                 .cert_data = BYTES_STR("no certificates")};
    struct quote_v3_signed s;
    struct sgx_report report;
    if (number == HOSTCALL_quote_target) {
        memset(slot->data, 0, sizeof(struct sgx_targetinfo));
        return sizeof(struct sgx_targetinfo);
    }
    if (number != HOSTCALL_quote || slot->to_size != sizeof report) {
        return -EIO;
    }
    memcpy(&report, slot->data, sizeof report);
    quote_v3_prepare(&report.body, 1, 1, user_data, &s);
    struct writer w = writer_of(slot->data, QUOTE_SIZE_MAX);
    return quote_v3_assemble(&s, &auth, &w) ? (int64_t)w.size : -EIO;
}

void probe_remove_machine(const char *dir)
{
    static const char *const members[] = {"root-secret", "root.pem"};
    char path[200];
    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        snprintf(path, sizeof path, "%s/%s", dir, members[i]);
        unlink(path);
    }
    if (rmdir(dir) != 0) {
        bail_out("the machine left a file that the test does not know");
    }
}
