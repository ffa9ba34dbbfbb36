/* SPDX-License-Identifier: Apache-2.0 */
/* Signing keys, see key.h. The private key passes through this process's memory and is wiped from
 * the buffers that are ours; OpenSSL wipes its own. */
#include "key.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"

#define KEY_BITS     3072
#define MODULUS_SIZE (KEY_BITS / 8)

int key_default_path(char *ret_path, struct diag *d)
{
    const char *own = getenv("ALCOVE_SIGNING_KEY");
    const char *data = getenv("XDG_DATA_HOME");
    const char *home = getenv("HOME");
    size_t n;
    if (own != NULL && *own != '\0') {
        n = base_format(ret_path, PATH_MAX, "%s", own);
    } else if (data != NULL && *data == '/') {
        n = base_format(ret_path, PATH_MAX, "%s/alcove/signing-key.pem", data);
    } else if (home != NULL && *home == '/') {
        n = base_format(ret_path, PATH_MAX, "%s/.local/share/alcove/signing-key.pem", home);
    } else {
        return diag_fail(d, -ENOENT,
                         "no place for a key: name a file, or set ALCOVE_SIGNING_KEY or HOME");
    }
    return n < PATH_MAX ? 0 : diag_fail(d, -ENAMETOOLONG, "the key's path is too long");
}

static EVP_PKEY *generate(void)
{
    EVP_PKEY *key = NULL;
    BIGNUM *three = BN_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    bool good =
        three != NULL && ctx != NULL && BN_set_word(three, 3) == 1 &&
        EVP_PKEY_keygen_init(ctx) == 1 && EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, KEY_BITS) == 1 &&
        EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, three) == 1 && EVP_PKEY_generate(ctx, &key) == 1;
    EVP_PKEY_CTX_free(ctx);
    BN_free(three);
    return good ? key : NULL;
}

/* Writes beside the final name and links: link() refuses to replace what another process made. */
int key_store(const char *path, struct bytes pem, struct diag *d)
{
    char temporary[PATH_MAX], parent[PATH_MAX];
    if (base_format(temporary, sizeof temporary, "%s.%d.new", path, (int)getpid()) >=
            sizeof temporary ||
        base_format(parent, sizeof parent, "%s", path) >= sizeof parent) {
        return diag_fail(d, -ENAMETOOLONG, "%s: path is too long", path);
    }
    int err = make_folders(dirname(parent), d);
    err = err != 0 ? err : file_write(temporary, pem, 0600, d);
    if (err != 0) {
        return err;
    }
    err = link(temporary, path) == 0 ? 0 : -errno;
    unlink(temporary);
    return err == 0 ? 0 : diag_fail(d, err, "%s: %s", path, strerror(-err));
}

int key_new(const char *path, struct diag *d)
{
    if (access(path, F_OK) == 0) {
        return diag_fail(d, -EEXIST, "%s exists already; keys are never overwritten", path);
    }
    EVP_PKEY *key = generate();
    BIO *memory = BIO_new(BIO_s_secmem());
    char *pem = NULL;
    int err = -ENOMEM;
    if (key != NULL && memory != NULL &&
        PEM_write_bio_PrivateKey(memory, key, NULL, NULL, 0, NULL, NULL) == 1) {
        long size = BIO_get_mem_data(memory, &pem);
        err = key_store(path, BYTES(pem, (size_t)size), d);
    } else {
        diag_fail(d, err, "cannot generate an RSA-%d key", KEY_BITS);
    }
    BIO_free_all(memory);
    EVP_PKEY_free(key);
    return err;
}

int key_read(const char *path, struct writer *out, struct diag *d)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        int err = -errno;
        if (fd >= 0) {
            close(fd);
        }
        return diag_fail(d, err, "%s: %s; make a key with: alcove key new", path, strerror(-err));
    }
    int err = 0;
    ssize_t n = 0;
    if (!S_ISREG(st.st_mode) || (st.st_mode & 077) != 0) {
        err = diag_fail(d, -EACCES, "%s: others may read this key; run: chmod 600 %s", path, path);
    } else if ((n = read(fd, out->data, out->capacity)) < 0 || (size_t)n == out->capacity) {
        err = diag_fail(d, -EINVAL, "%s: not a PEM file with one key", path);
    }
    close(fd);
    out->size = err == 0 ? (size_t)n : 0;
    return err;
}

int key_mrsigner(struct bytes pem, uint8_t ret[32], struct diag *d)
{
    uint8_t modulus[MODULUS_SIZE];
    BIGNUM *n = NULL, *e = NULL;
    BIO *memory = BIO_new_mem_buf(pem.data, (int)pem.size);
    EVP_PKEY *key =
        memory != NULL ? PEM_read_bio_PrivateKey(memory, NULL, NULL, (void *)(uintptr_t) "") : NULL;
    bool good = key != NULL && EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) == KEY_BITS &&
                EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) == 1 &&
                EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) == 1 && BN_is_word(e, 3) &&
                BN_bn2lebinpad(n, modulus, sizeof modulus) == MODULUS_SIZE;
    if (good) {
        SHA256(modulus, sizeof modulus, ret);
    }
    BN_free(n);
    BN_free(e);
    EVP_PKEY_free(key);
    BIO_free(memory);
    return good
               ? 0
               : diag_fail(d, -EINVAL,
                           "not an unencrypted RSA-3072 key with exponent 3; make one with: alcove "
                           "key new");
}
