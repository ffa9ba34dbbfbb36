/* SPDX-License-Identifier: Apache-2.0 */
/* The quoting enclave: turns a REPORT, which only enclaves on the same machine can check, into a
 * DCAP v3 quote, which anybody can. It says one thing: a processor (or the software machine) MACed
 * this REPORT body for me. Whoever certifies it vouches that no other program holds its key.
 *
 * Adversary: the host calls in any order with any bytes. It can have any enclave's true REPORT
 * quoted, which is the purpose; it cannot have a forged one quoted, because the MAC's key is
 * derived from this enclave's identity by EGETKEY and never leaves. The attestation key is made
 * here and dies with the enclave. A wrong certifier only means that nobody certifies the key. */
#include "abi/quoting.h"
#define SDK_CALLS "abi/quoting.def"
#include "sdk/enclave.h"

#include <errno.h>

#include "crypto.h"

static struct {
    struct secret32 private;
    uint8_t public[P256_POINT];
    uint16_t pce_svn;
    bool there;
} key;

int ecall_get_target(const struct sdk_nothing *in, struct sgx_targetinfo *out)
{
    (void)in;
    rt_target_info(out);
    return 0;
}

static void make_key(void)
{
    SECRET32 random;
    int r;
    do {
        rt_random(random.bytes, sizeof random.bytes);
        rt_vector_begin();
        r = crypto_p256_keypair(random.bytes, key.private.bytes, key.public);
        rt_vector_end();
    } while (r == -EAGAIN);
    key.there = true;
}

int ecall_init(const struct quoting_init_in *in, struct quoting_init_out *out)
{
    uint8_t message[P256_POINT + QUOTING_AUTH_DATA];
    uint8_t report_data[64] = {0};
    make_key();
    key.pce_svn = in->pce_svn;
    memcpy(out->attestation_key, key.public, sizeof key.public);
    rt_random(out->auth_data, sizeof out->auth_data);
    memcpy(message, key.public, P256_POINT);
    memcpy(message + P256_POINT, out->auth_data, QUOTING_AUTH_DATA);
    rt_sha256(BYTES_OF(message), report_data);
    rt_report(&in->certifier, report_data, &out->report);
    return 0;
}

int ecall_quote(const struct quoting_quote_in *in, struct quoting_quote_out *out)
{
    static const uint8_t user_data[20];
    uint8_t digest[SHA256_SIZE];
    if (!key.there) {
        return -ENOKEY;
    }
    if (!rt_report_is_ours(&in->report)) {
        return -EPERM;
    }
    quote_v3_prepare(&in->report.body, rt_identity()->isvsvn, key.pce_svn, user_data, &out->body);
    rt_vector_begin();
    crypto_sha256_hash(BYTES_OF(out->body), digest);
    int r = crypto_p256_sign(key.private.bytes, digest, out->signature);
    rt_vector_end();
    return r;
}
