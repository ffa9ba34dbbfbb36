/* SPDX-License-Identifier: Apache-2.0 */
/* Analysts' keys, see analyst_key.h. The private key passes through this process's memory and is
 * wiped from the buffers that are ours; OpenSSL wipes its own. */
#include "query/analyst_key.h"

#include <errno.h>
#include <limits.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "build/file.h"
#include "build/key.h"

#define PEM_MAX 4096u

int analyst_key_path(char *ret_path, struct diag *d)
{
    const char *own = getenv("ALCOVE_ANALYST_KEY");
    const char *data = getenv("XDG_DATA_HOME");
    const char *home = getenv("HOME");
    size_t n;
    if (own != NULL && *own != '\0') {
        n = base_format(ret_path, PATH_MAX, "%s", own);
    } else if (data != NULL && *data == '/') {
        n = base_format(ret_path, PATH_MAX, "%s/alcove/analyst-key.pem", data);
    } else if (home != NULL && *home == '/') {
        n = base_format(ret_path, PATH_MAX, "%s/.local/share/alcove/analyst-key.pem", home);
    } else {
        return diag_fail(d, -ENOENT,
                         "no place for a key: name a file, or set ALCOVE_ANALYST_KEY or HOME");
    }
    return n < PATH_MAX ? 0 : diag_fail(d, -ENAMETOOLONG, "the key's path is too long");
}

int analyst_key_new(const char *path, struct diag *d)
{
    if (access(path, F_OK) == 0) {
        return diag_fail(d, -EEXIST, "%s exists already; keys are never overwritten", path);
    }
    EVP_PKEY *key = EVP_EC_gen("P-256");
    BIO *memory = BIO_new(BIO_s_secmem());
    char *pem = NULL;
    int err = -ENOMEM;
    if (key != NULL && memory != NULL &&
        PEM_write_bio_PrivateKey(memory, key, NULL, NULL, 0, NULL, NULL) == 1) {
        long size = BIO_get_mem_data(memory, &pem);
        err = key_store(path, BYTES(pem, (size_t)size), d);
    } else {
        diag_fail(d, err, "cannot generate a P-256 key");
    }
    BIO_free_all(memory);
    EVP_PKEY_free(key);
    return err;
}

static bool take_scalar(struct bytes pem, struct query_secret_key *ret)
{
    uint8_t scalar[32];
    char curve[32] = "";
    BIGNUM *secret = NULL;
    BIO *memory = BIO_new_mem_buf(pem.data, (int)pem.size);
    EVP_PKEY *key =
        memory != NULL ? PEM_read_bio_PrivateKey(memory, NULL, NULL, (void *)(uintptr_t) "") : NULL;
    bool good = key != NULL && EVP_PKEY_is_a(key, "EC") &&
                EVP_PKEY_get_group_name(key, curve, sizeof curve, NULL) == 1 &&
                strcmp(curve, "prime256v1") == 0 &&
                EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &secret) == 1 &&
                BN_bn2binpad(secret, scalar, sizeof scalar) == sizeof scalar &&
                query_secret_key_read(BYTES_OF(scalar), ret) == 0;
    secure_zero(scalar, sizeof scalar);
    BN_clear_free(secret);
    EVP_PKEY_free(key);
    BIO_free(memory);
    return good;
}

int analyst_key_read(const char *path, struct query_secret_key *ret, struct diag *d)
{
    struct stat st;
    struct mapped_file file;
    if (stat(path, &st) != 0) {
        return diag_fail(d, -errno, "%s: %s; make a key with: alcove query key new", path,
                         strerror(errno));
    }
    if ((st.st_mode & 077) != 0) {
        return diag_fail(d, -EACCES, "%s: others may read this key; run: chmod 600 %s", path, path);
    }
    int err = mapped_file_open(&file, path, PEM_MAX, d);
    if (err != 0) {
        return err;
    }
    if (!take_scalar(file.bytes, ret)) {
        err = diag_fail(d, -EINVAL,
                        "%s: not an unencrypted P-256 key; make one with: alcove query key new",
                        path);
    }
    mapped_file_close(&file);
    return err;
}
