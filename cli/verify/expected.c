/* SPDX-License-Identifier: Apache-2.0 */
/* What the relying party expects of a run: an identity, and files that it holds itself. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "build/file.h"
#include "build/identity.h"
#include "request.h"
#include "verify/json.h"

#define IDENTITY_FILE_MAX 65536u

int expected_file_hash(const char *path, uint8_t ret[32], struct diag *d)
{
    uint8_t buffer[65536];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return diag_fail(d, -errno, "%s: %s", path, strerror(errno));
    }
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;
    ssize_t n = 0;
    while (ok && (n = read(fd, buffer, sizeof buffer)) != 0) {
        if (n < 0 && errno == EINTR) {
            continue;
        }
        ok = n > 0 && EVP_DigestUpdate(ctx, buffer, (size_t)n) == 1;
    }
    int err = n < 0 ? -errno : 0;
    ok = ok && EVP_DigestFinal_ex(ctx, ret, NULL) == 1;
    EVP_MD_CTX_free(ctx);
    close(fd);
    if (!ok) {
        return diag_fail(d, err ? err : -EIO, "%s: %s", path, strerror(err ? -err : EIO));
    }
    return 0;
}

static void take_layers(struct json *j, struct run_identity *ret)
{
    struct json_array layers = {0};
    while (json_item(j, &layers)) {
        struct json_object o = {0};
        struct bytes key;
        bool has_root = false;
        if (ret->layer_count == MANIFEST_LAYERS_MAX) {
            j->failed = true;
            return;
        }
        while (json_member(j, &o, &key)) {
            if (bytes_equal_str(key, "root")) {
                json_hex(j, ret->layer_roots[ret->layer_count], 32);
                has_root = true;
            } else {
                (void)json_raw(j);
            }
        }
        if (!has_root) {
            j->failed = true;
        }
        ret->layer_count++;
    }
}

static bool parse_identity(struct bytes text, struct run_identity *ret)
{
    struct json j = json_of(text);
    struct json_object o = {0};
    struct bytes key;
    unsigned seen = 0;
    while (json_member(&j, &o, &key)) {
        if (bytes_equal_str(key, "mrenclave")) {
            json_hex(&j, ret->mrenclave, sizeof ret->mrenclave);
            seen |= 1;
        } else if (bytes_equal_str(key, "mrsigner")) {
            json_hex(&j, ret->mrsigner, sizeof ret->mrsigner);
            seen |= 2;
        } else if (bytes_equal_str(key, "configid")) {
            json_hex(&j, ret->configid, sizeof ret->configid);
            seen |= 4;
        } else if (bytes_equal_str(key, "layers")) {
            take_layers(&j, ret);
            seen |= 8;
        } else {
            (void)json_raw(&j);
        }
    }
    return json_done(&j) && seen == 15;
}

static int read_identity(const char *path, struct run_identity *ret, struct diag *d)
{
    struct mapped_file f;
    int r = mapped_file_open(&f, path, IDENTITY_FILE_MAX, d);
    if (r != 0) {
        return r;
    }
    if (!parse_identity(f.bytes, ret)) {
        r = diag_fail(d, -EINVAL,
                      "%s: not an identity: needs a JSON object with mrenclave, mrsigner, configid "
                      "and layers, as 'alcove measure --json' prints",
                      path);
    }
    mapped_file_close(&f);
    return r;
}

/* A bundle's own identity.json is not read: identities come from the bytes that would run. */
int expected_identity(const char *path, struct run_identity *ret, struct diag *d)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        return diag_fail(d, -errno, "%s: %s", path, strerror(errno));
    }
    if (!S_ISDIR(st.st_mode)) {
        return read_identity(path, ret, d);
    }
    struct identity identity;
    int r = identity_of_bundle(path, false, &identity, d);
    if (r != 0) {
        return r;
    }
    memcpy(ret->mrenclave, identity.mrenclave, sizeof ret->mrenclave);
    memcpy(ret->mrsigner, identity.mrsigner, sizeof ret->mrsigner);
    memcpy(ret->configid, identity.configid, sizeof ret->configid);
    ret->layer_count = identity.layer_count;
    for (size_t i = 0; i < identity.layer_count; i++) {
        memcpy(ret->layer_roots[i], identity.layers[i].root, 32);
    }
    return 0;
}
