/* SPDX-License-Identifier: Apache-2.0 */
/* EGETKEY and EREPORT (SDM volume 3D): keys are AES-CMACs, under a key from the machine's root
 * secret, over the key dependencies that the manual lists for each key name. Layout and choice of
 * dependencies are the manual's; the root key and the fuses are this machine's own, so values never
 * equal a processor's. */
#define OPENSSL_SUPPRESS_DEPRECATED /* machine/digest.h says why */
#include "soft/microcode.h"

#include "machine/soft.h"

#include <errno.h>
#include <string.h>

/* SDM, EGETKEY, TMP_KEYDEPENDENCIES. */
struct key_dependencies {
    uint16_t keyname, isvprodid, isvsvn;
    uint8_t owner_epoch[16];
    struct sgx_attributes attributes, attributemask;
    uint8_t mrenclave[32], mrsigner[32], keyid[32];
    uint8_t seal_fuses[16], cpusvn[16];
    uint8_t padding[352];
    uint32_t miscselect, miscmask;
    uint16_t keypolicy;
    uint8_t isvfamilyid[16], isvextprodid[16];
    uint8_t cet_attributes, cet_attributes_mask;
    uint8_t configid[64];
    uint16_t configsvn;
} __attribute__((packed));

/* HMAC (RFC 2104), for keys shorter than the hash function's block. */
void microcode_derive(const uint8_t secret[ROOT_SECRET_SIZE], const char *label, uint8_t ret[32])
{
    enum { BLOCK = 64 };
    uint8_t pad[BLOCK] = {0}, inner[32];
    SHA256_CTX ctx;
    _Static_assert(ROOT_SECRET_SIZE <= BLOCK, "a longer key would be hashed first");
    memcpy(pad, secret, ROOT_SECRET_SIZE);
    for (unsigned i = 0; i < BLOCK; i++) {
        pad[i] ^= 0x36;
    }
    bool ok = SHA256_Init(&ctx) == 1 && SHA256_Update(&ctx, pad, BLOCK) == 1 &&
              SHA256_Update(&ctx, label, strlen(label)) == 1 && SHA256_Final(inner, &ctx) == 1;
    for (unsigned i = 0; i < BLOCK; i++) {
        pad[i] ^= 0x36 ^ 0x5c;
    }
    ok = ok && SHA256_Init(&ctx) == 1 && SHA256_Update(&ctx, pad, BLOCK) == 1 &&
         SHA256_Update(&ctx, inner, sizeof inner) == 1 && SHA256_Final(ret, &ctx) == 1;
    REQUIRE(ok);
    secure_zero(pad, sizeof pad);
    secure_zero(inner, sizeof inner);
    secure_zero(&ctx, sizeof ctx);
}

static int derive_key(const struct microcode *mc, const struct key_dependencies *k, uint8_t ret[16])
{
    uint8_t root[32];
    microcode_derive(mc->secret, "alcove soft machine: SGX root key", root);
    int r = mc_cmac(root, BYTES_OF(*k), ret);
    secure_zero(root, sizeof root);
    return r;
}

static void own_fuses(const struct microcode *mc, uint8_t ret_fuses[16], uint8_t ret_epoch[16])
{
    uint8_t bytes[32];
    microcode_derive(mc->secret, "alcove soft machine: seal fuses", bytes);
    memcpy(ret_fuses, bytes, 16);
    microcode_derive(mc->secret, "alcove soft machine: owner epoch", bytes);
    memcpy(ret_epoch, bytes, 16);
    secure_zero(bytes, sizeof bytes);
}

static void own_cpusvn(uint8_t ret[16])
{
    memset(ret, SOFT_CPUSVN_BYTE, 16);
}

static bool cpusvn_beyond(const uint8_t cpusvn[16])
{
    bool beyond = false;
    for (size_t i = 0; i < 16; i++) {
        beyond |= cpusvn[i] > SOFT_CPUSVN_BYTE;
    }
    return beyond;
}

/* ---- REPORT ---------------------------------------------------------------------------------- */

static void report_dependencies(const struct microcode *mc, struct key_dependencies *k,
                                const uint8_t mrenclave[32],
                                const struct sgx_attributes *attributes, uint32_t miscselect,
                                const uint8_t configid[64], uint16_t configsvn,
                                const uint8_t keyid[32])
{
    uint8_t unused[16];
    memset(k, 0, sizeof *k);
    k->keyname = SGX_KEY_REPORT;
    own_fuses(mc, k->seal_fuses, k->owner_epoch);
    (void)unused;
    k->attributes = *attributes;
    memcpy(k->mrenclave, mrenclave, 32);
    memcpy(k->keyid, keyid, 32);
    own_cpusvn(k->cpusvn);
    k->miscselect = miscselect;
    memcpy(k->configid, configid, 64);
    k->configsvn = configsvn;
}

int mc_report(const struct microcode *mc, const struct mc_identity *id,
              const struct sgx_targetinfo *target, const uint8_t reportdata[64],
              struct sgx_report *ret)
{
    struct sgx_report r;
    memset(&r, 0, sizeof r);
    own_cpusvn(r.body.cpusvn);
    r.body.miscselect = id->secs.miscselect;
    r.body.cet_attributes = id->cet_attributes;
    memcpy(r.body.isvextprodid, id->isvextprodid, 16);
    r.body.attributes = id->secs.attributes;
    memcpy(r.body.mrenclave, id->secs.mrenclave, 32);
    memcpy(r.body.mrsigner, id->secs.mrsigner, 32);
    memcpy(r.body.configid, id->secs.configid, 64);
    r.body.isvprodid = id->secs.isvprodid;
    r.body.isvsvn = id->secs.isvsvn;
    r.body.configsvn = id->secs.configsvn;
    memcpy(r.body.isvfamilyid, id->isvfamilyid, 16);
    memcpy(r.body.reportdata, reportdata, 64);
    memcpy(r.keyid, mc->report_keyid, 32);
    struct key_dependencies k;
    report_dependencies(mc, &k, target->mrenclave, &target->attributes, target->miscselect,
                        target->configid, target->configsvn, r.keyid);
    uint8_t key[16];
    int error = derive_key(mc, &k, key);
    error = error == 0 ? mc_cmac(key, BYTES_OF(r.body), r.mac) : error;
    secure_zero(key, sizeof key);
    if (error == 0) {
        *ret = r;
    }
    return error;
}

/* ---- EGETKEY --------------------------------------------------------------------------------- */

/* What every key but REPORT has in common: versions, masked attributes, MISCSELECT. */
static void masked_dependencies(struct key_dependencies *k, const struct mc_identity *id,
                                const struct sgx_keyrequest *q)
{
    const uint64_t always = SGX_FLAGS_INIT | SGX_FLAGS_DEBUG;
    k->keyname = q->keyname;
    k->isvsvn = q->isvsvn;
    memcpy(k->cpusvn, q->cpusvn, 16);
    k->attributemask = q->attributemask;
    k->attributes.flags = (q->attributemask.flags | always) & id->secs.attributes.flags;
    k->attributes.xfrm = q->attributemask.xfrm & id->secs.attributes.xfrm;
    k->miscselect = q->miscmask & id->secs.miscselect;
    k->miscmask = q->miscmask;
    k->cet_attributes = q->cet_attributes_mask & id->cet_attributes;
    k->cet_attributes_mask = q->cet_attributes_mask;
}

static unsigned check_versions(const struct mc_identity *id, const struct sgx_keyrequest *q)
{
    if (cpusvn_beyond(q->cpusvn)) {
        return SGX_INVALID_CPUSVN;
    }
    if (q->isvsvn > id->secs.isvsvn || q->configsvn > id->secs.configsvn) {
        return SGX_INVALID_ISVSVN;
    }
    return SGX_SUCCESS;
}

static void seal_dependencies(const struct microcode *mc, struct key_dependencies *k,
                              const struct mc_identity *id, const struct sgx_keyrequest *q)
{
    masked_dependencies(k, id, q);
    own_fuses(mc, k->seal_fuses, k->owner_epoch);
    memcpy(k->keyid, q->keyid, 32);
    k->keypolicy = q->keypolicy;
    if ((q->keypolicy & SGX_KEYPOLICY_MRENCLAVE) != 0) {
        memcpy(k->mrenclave, id->secs.mrenclave, 32);
    }
    if ((q->keypolicy & SGX_KEYPOLICY_MRSIGNER) != 0) {
        memcpy(k->mrsigner, id->secs.mrsigner, 32);
    }
    if ((q->keypolicy & SGX_KEYPOLICY_NOISVPRODID) == 0) {
        k->isvprodid = id->secs.isvprodid;
    }
    if ((q->keypolicy & SGX_KEYPOLICY_ISVFAMILYID) != 0) {
        memcpy(k->isvfamilyid, id->isvfamilyid, 16);
    }
    if ((q->keypolicy & SGX_KEYPOLICY_ISVEXTPRODID) != 0) {
        memcpy(k->isvextprodid, id->isvextprodid, 16);
    }
    if ((q->keypolicy & SGX_KEYPOLICY_CONFIGID) != 0) {
        memcpy(k->configid, id->secs.configid, 64);
        k->configsvn = q->configsvn;
    }
}

/* PROVISION and PROVISION_SEAL: the signer's key, without owner epoch or key id. */
static void provision_dependencies(const struct microcode *mc, struct key_dependencies *k,
                                   const struct mc_identity *id, const struct sgx_keyrequest *q)
{
    uint8_t epoch[16];
    masked_dependencies(k, id, q);
    memcpy(k->mrsigner, id->secs.mrsigner, 32);
    k->isvprodid = id->secs.isvprodid;
    if (q->keyname == SGX_KEY_PROVISION_SEAL) {
        own_fuses(mc, k->seal_fuses, epoch);
    }
}

static void einittoken_dependencies(const struct microcode *mc, struct key_dependencies *k,
                                    const struct mc_identity *id, const struct sgx_keyrequest *q)
{
    masked_dependencies(k, id, q);
    own_fuses(mc, k->seal_fuses, k->owner_epoch);
    memcpy(k->keyid, q->keyid, 32);
    memcpy(k->mrsigner, id->secs.mrsigner, 32);
    k->isvprodid = id->secs.isvprodid;
}

int mc_getkey(const struct microcode *mc, const struct mc_identity *id,
              const struct sgx_keyrequest *q, uint8_t ret_key[16])
{
    struct key_dependencies k;
    memset(&k, 0, sizeof k);
    const uint64_t flags = id->secs.attributes.flags;
    unsigned error = SGX_SUCCESS;
    switch (q->keyname) {
    case SGX_KEY_REPORT:
        report_dependencies(mc, &k, id->secs.mrenclave, &id->secs.attributes, id->secs.miscselect,
                            id->secs.configid, id->secs.configsvn, q->keyid);
        break;
    case SGX_KEY_SEAL:
        error = check_versions(id, q);
        seal_dependencies(mc, &k, id, q);
        break;
    case SGX_KEY_PROVISION:
    case SGX_KEY_PROVISION_SEAL:
        error =
            (flags & SGX_FLAGS_PROVISIONKEY) == 0 ? SGX_INVALID_ATTRIBUTE : check_versions(id, q);
        provision_dependencies(mc, &k, id, q);
        break;
    case SGX_KEY_EINITTOKEN:
        error = (flags & SGX_FLAGS_EINITTOKEN) == 0 ? SGX_INVALID_ATTRIBUTE : check_versions(id, q);
        einittoken_dependencies(mc, &k, id, q);
        break;
    default:
        error = SGX_INVALID_KEYNAME;
        break;
    }
    if (error != SGX_SUCCESS) {
        return (int)error;
    }
    return derive_key(mc, &k, ret_key);
}
