/* SPDX-License-Identifier: Apache-2.0 */
/* What sealed volumes ask of the runtime, in an ordinary process: OpenSSL's cryptography, a sealing
 * key made of the request, and a host that stops at any write. */
#include "test_host.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

struct host_volume host_volumes[MANIFEST_MOUNTS_MAX];
uint64_t host_volume_writes_left = UINT64_MAX;
size_t host_volume_torn;
uint8_t host_identity;
void (*host_on_seal)(const uint8_t key[32], const uint8_t nonce[12]);

/* ---- cryptography ---------------------------------------------------------------------------- */

void rt_gcm_key(struct rt_gcm_key *ret, const uint8_t key[32])
{
    memcpy(ret->opaque, key, 32);
}

static bool run(const struct rt_gcm_job *j, bool seal, uint8_t tag[16])
{
    static EVP_CIPHER_CTX *c;
    int n = 0;
    c = c == NULL ? EVP_CIPHER_CTX_new() : c;
    REQUIRE(EVP_CipherInit_ex(c, EVP_aes_256_gcm(), NULL, j->key->opaque, j->nonce, seal) == 1);
    REQUIRE(j->aad.size == 0 || EVP_CipherUpdate(c, NULL, &n, j->aad.data, (int)j->aad.size) == 1);
    REQUIRE(EVP_CipherUpdate(c, j->out, &n, j->in, (int)j->size) == 1);
    if (!seal) {
        EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, 16, tag);
    }
    uint8_t rest[16];
    bool good = EVP_CipherFinal_ex(c, rest, &n) == 1;
    if (seal) {
        EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, 16, tag);
    }
    return good;
}

void rt_gcm_seal(struct rt_gcm_job *jobs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        REQUIRE(run(&jobs[i], true, jobs[i].tag));
        if (host_on_seal != NULL) {
            host_on_seal(jobs[i].key->opaque, jobs[i].nonce);
        }
    }
}

size_t rt_gcm_open(const struct rt_gcm_job *jobs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t tag[16];
        memcpy(tag, jobs[i].tag, sizeof tag);
        if (!run(&jobs[i], false, tag)) {
            memset(jobs[i].out, 0, jobs[i].size);
            return i;
        }
    }
    return count;
}

void rt_hkdf_sha256(struct bytes salt, struct bytes key, struct bytes info, void *ret, size_t size)
{
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);
    REQUIRE(EVP_PKEY_derive_init(c) == 1 && EVP_PKEY_CTX_set_hkdf_md(c, EVP_sha256()) == 1 &&
            EVP_PKEY_CTX_set1_hkdf_salt(c, salt.data, (int)salt.size) == 1 &&
            EVP_PKEY_CTX_set1_hkdf_key(c, key.data, (int)key.size) == 1 &&
            EVP_PKEY_CTX_add1_hkdf_info(c, info.data, (int)info.size) == 1 &&
            EVP_PKEY_derive(c, ret, &size) == 1);
    EVP_PKEY_CTX_free(c);
}

const struct sgx_report_body *rt_identity(void)
{
    static struct sgx_report_body self;
    self.isvsvn = 3;
    memset(self.cpusvn, 5, sizeof self.cpusvn);
    return &self;
}

/* As the processor: nothing for security versions above one's own; every field counts. */
int rt_getkey(const struct sgx_keyrequest *request, uint8_t ret_key[16])
{
    uint8_t digest[32];
    struct sgx_keyrequest q = *request;
    if (q.isvsvn > rt_identity()->isvsvn || memcmp(q.cpusvn, rt_identity()->cpusvn, 16) > 0) {
        return 1;
    }
    q.reserved2[0] = host_identity;
    SHA256((const uint8_t *)&q, sizeof q, digest);
    memcpy(ret_key, digest, 16);
    return 0;
}

/* ---- the host's files ------------------------------------------------------------------------ */

int rt_volume_size(size_t volume, uint64_t *ret)
{
    if (host_volumes[volume].size == UINT64_MAX) {
        return -ENOENT;
    }
    *ret = host_volumes[volume].size;
    return 0;
}

int rt_volume_read(size_t volume, uint64_t offset, void *to, size_t n)
{
    struct host_volume *f = &host_volumes[volume];
    if (!range_within(offset, n, f->size)) {
        return -EIO;
    }
    memcpy(to, f->data + offset, n);
    return 0;
}

/* May the host do one more thing? */
static bool alive(void)
{
    if (host_volume_writes_left == 0) {
        return false;
    }
    host_volume_writes_left -= host_volume_writes_left != UINT64_MAX;
    return true;
}

int rt_volume_resize(size_t volume, uint64_t size)
{
    struct host_volume *f = &host_volumes[volume];
    if (!alive()) {
        return -EIO;
    }
    if (size > f->size) {
        f->data = (uint8_t *)realloc(f->data, size);
        memset(f->data + f->size, 0, size - f->size);
        f->size = size;
    }
    return 0;
}

int rt_volume_write(size_t volume, uint64_t offset, struct bytes data)
{
    struct host_volume *f = &host_volumes[volume];
    bool whole = alive();
    size_t n = whole ? data.size : host_volume_torn < data.size ? host_volume_torn : data.size;
    host_volume_torn = whole ? host_volume_torn : 0;
    REQUIRE(range_within(offset, data.size, f->size));
    memcpy(f->data + offset, data.data, n);
    return whole ? 0 : -EIO;
}

int rt_volume_sync(size_t volume)
{
    (void)volume;
    return alive() ? 0 : -EIO;
}
