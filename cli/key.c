/* SPDX-License-Identifier: Apache-2.0 */
/* alcove key: the RSA-3072 keys (exponent 3) that sign enclave images. SHA-256 of the modulus is
 * MRSIGNER. A key that others can read signs for others, so files are made with mode 0600. */
#include "cli.h"
#include "signing_key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>

const char verb_key_help[] =
    "usage: alcove key new [--if-missing] [FILE]\n"
    "       alcove key show [FILE]\n"
    "\n"
    "new    makes a key for signing enclave images: RSA-3072 with exponent 3, as SGX wants it, in a PEM\n"
    "       file that only you can read. An existing file is never overwritten; with --if-missing it\n"
    "       is left as it is and that is no error.\n"
    "show   prints MRSIGNER, the identity that images signed with this key have.\n"
    "\n"
    "FILE is $ALCOVE_SIGNING_KEY when not given, else $XDG_DATA_HOME/alcove/signing-key.pem, else\n"
    "~/.local/share/alcove/signing-key.pem.\n";

int signing_key_default_path(char *ret_path, size_t size, struct diag *d)
{
    const char *key = getenv("ALCOVE_SIGNING_KEY");
    const char *data = getenv("XDG_DATA_HOME");
    const char *home = getenv("HOME");
    int n;
    if (key != NULL && key[0] != '\0') {
        n = snprintf(ret_path, size, "%s", key);
    } else if (data != NULL && data[0] == '/') {
        n = snprintf(ret_path, size, "%s/alcove/signing-key.pem", data);
    } else if (home != NULL && home[0] == '/') {
        n = snprintf(ret_path, size, "%s/.local/share/alcove/signing-key.pem", home);
    } else {
        return diag_fail(d, -ENOENT, "no place for the key: name a file, or set HOME");
    }
    return n < 0 || (size_t)n >= size ? diag_fail(d, -ENAMETOOLONG, "the key's path is too long") : 0;
}

static EVP_PKEY *generate(void)
{
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, NULL);
    BIGNUM *e = BN_new();
    if (ctx != NULL && e != NULL && BN_set_word(e, 3) == 1 && EVP_PKEY_keygen_init(ctx) == 1 &&
        EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 3072) == 1 &&
        EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, e) == 1) {
        EVP_PKEY_generate(ctx, &key);
    }
    BN_free(e);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

/* Makes the folders above a file that do not exist yet. */
static int make_parents(const char *path, struct diag *d)
{
    char copy[4096];
    snprintf(copy, sizeof copy, "%s", path);
    for (char *p = strchr(copy + 1, '/'); p != NULL; p = strchr(p + 1, '/')) {
        *p = '\0';
        if (mkdir(copy, 0700) != 0 && errno != EEXIST) {
            return diag_fail(d, -errno, "cannot make the folder %s: %s", copy, strerror(errno));
        }
        *p = '/';
    }
    return 0;
}

/* Complete or not there: written under a temporary name, then linked, which never overwrites. */
static int write_key(const char *path, EVP_PKEY *key, struct diag *d)
{
    char temp[4200];
    snprintf(temp, sizeof temp, "%s.XXXXXX", path);
    int fd = mkstemp(temp);
    if (fd < 0) {
        return diag_fail(d, -errno, "cannot create %s: %s", path, strerror(errno));
    }
    FILE *out = fdopen(fd, "w");
    int r = 0;
    if (PEM_write_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL) != 1 || fflush(out) != 0 ||
        fsync(fd) != 0) {
        r = diag_fail(d, -EIO, "cannot write %s", temp);
    }
    fclose(out);
    if (r == 0 && link(temp, path) != 0) {
        r = diag_fail(d, -errno, "cannot make %s: %s", path, strerror(errno));
    }
    unlink(temp);
    return r;
}

static int key_new(const char *path, bool if_missing, struct diag *d)
{
    if (access(path, F_OK) == 0) {
        return if_missing ? 0
                          : diag_fail(d, -EEXIST,
                                      "%s exists; a key that was lost cannot be made again, so it is not "
                                      "overwritten: name another file, or move this one away",
                                      path);
    }
    int r = make_parents(path, d);
    if (r != 0) {
        return r;
    }
    EVP_PKEY *key = generate();
    r = key == NULL ? diag_fail(d, -EIO, "OpenSSL could not make an RSA-3072 key") : 0;
    r = r != 0 ? r : write_key(path, key, d);
    EVP_PKEY_free(key);
    if (r == -EEXIST && if_missing) {
        return 0; /* somebody else made it meanwhile */
    }
    return r;
}

static int key_show(const char *path, struct diag *d)
{
    FILE *in = fopen(path, "re");
    if (in == NULL) {
        return diag_fail(d, -errno, "cannot open the key %s: %s; `alcove key new` makes one", path,
                         strerror(errno));
    }
    EVP_PKEY *key = PEM_read_PrivateKey(in, NULL, NULL, NULL);
    fclose(in);
    BIGNUM *n = NULL;
    uint8_t modulus[384], digest[32];
    char hex[65];
    int r = 0;
    if (key == NULL || EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) != 1 ||
        BN_bn2lebinpad(n, modulus, sizeof modulus) != (int)sizeof modulus) {
        r = diag_fail(d, -EINVAL, "%s is not an RSA-3072 private key in PEM form", path);
    } else {
        SHA256(modulus, sizeof modulus, digest);
        hex_encode(hex, digest, sizeof digest);
        printf("key       %s\nmrsigner  %s\n", path, hex);
    }
    BN_free(n);
    EVP_PKEY_free(key);
    return r;
}

int verb_key(int argc, char **argv)
{
    char path[4096];
    struct diag d = {""};
    if (argc < 2) {
        return cli_usage("key", "say new or show");
    }
    bool is_new = strcmp(argv[1], "new") == 0;
    if (!is_new && strcmp(argv[1], "show") != 0) {
        return cli_usage("key", "knows new and show, not \"%s\"", argv[1]);
    }
    int at = 2;
    bool if_missing = is_new && at < argc && strcmp(argv[at], "--if-missing") == 0;
    at += if_missing ? 1 : 0;
    if (argc - at > 1 || (at < argc && argv[at][0] == '-')) {
        return cli_usage("key", "too many arguments or an unknown option");
    }
    int r = 0;
    if (at < argc) {
        snprintf(path, sizeof path, "%s", argv[at]);
    } else {
        r = signing_key_default_path(path, sizeof path, &d);
    }
    r = r != 0 ? r : is_new ? key_new(path, if_missing, &d) : key_show(path, &d);
    if (r == 0 && is_new && !if_missing) {
        printf("made %s\n", path);
    }
    return r == 0 ? CLI_OK : cli_fail("key", &d);
}
