/* SPDX-License-Identifier: Apache-2.0 */
/* What an enclave can prove about itself and check about others on the same processor.
 *
 * The host carries questions to the quoting enclave and brings the answers. It can withhold them. A
 * wrong TARGETINFO gives a REPORT that nobody can verify; another enclave's quote is noticed here,
 * before the caller sees it. Whether a quote's signatures are good is for whoever receives it: here
 * there is no root and no time to judge by. */
#include "abi/quote.h"
#include "thread.h"

#define EIO    5
#define EINVAL 22

void rt_target_info(struct sgx_targetinfo *ret)
{
    const struct sgx_report_body *self = rt_identity();
    /* SDM 3D, "TARGETINFO": what EREPORT derives the report key of. */
    struct sgx_targetinfo t = {.attributes = self->attributes,
                               .cet_attributes = self->cet_attributes,
                               .configsvn = self->configsvn,
                               .miscselect = self->miscselect};
    memcpy(t.mrenclave, self->mrenclave, sizeof t.mrenclave);
    memcpy(t.configid, self->configid, sizeof t.configid);
    *ret = t;
}

/* The manual wants zeros there; should EREPORT insist, its fault would be the end of the enclave.
 */
static bool reserved_is_zero(const struct sgx_targetinfo *t)
{
    uint8_t any = t->reserved1;
    for (size_t i = 0; i < sizeof t->reserved2; i++) {
        any |= t->reserved2[i];
    }
    for (size_t i = 0; i < sizeof t->reserved3; i++) {
        any |= t->reserved3[i];
    }
    return any == 0;
}

int rt_report_to(const struct sgx_targetinfo *target, const uint8_t reportdata[64],
                 struct sgx_report *ret)
{
    if (!reserved_is_zero(target)) {
        return -EINVAL;
    }
    rt_report(target, reportdata, ret);
    return 0;
}

int rt_report_to_quoting(const uint8_t reportdata[64], struct sgx_report *ret)
{
    struct sgx_targetinfo target;
    int64_t r = rt_hostcall(HOSTCALL_quote_target, (const uint64_t[HOSTCALL_ARGS]){0},
                            BYTES(NULL, 0), &target, sizeof target);
    if (r < 0) {
        return (int)r;
    }
    return r == (int64_t)sizeof target && rt_report_to(&target, reportdata, ret) == 0 ? 0 : -EIO;
}

int64_t rt_quote(const uint8_t reportdata[64], void *ret_quote, size_t size)
{
    struct sgx_report report;
    int r = rt_report_to_quoting(reportdata, &report);
    if (r != 0) {
        return r;
    }
    int64_t n = rt_hostcall(HOSTCALL_quote, (const uint64_t[HOSTCALL_ARGS]){0}, BYTES_OF(report),
                            ret_quote, size);
    if (n > 0 && !quote_v3_covers(BYTES(ret_quote, n), &report.body)) {
        memset(ret_quote, 0, (size_t)n);
        return -EIO;
    }
    return n == 0 ? -EIO : n;
}

/* SDM 3D, EREPORT: the MAC is AES-CMAC over the body with the report key of its target, which the
 * target gets by EGETKEY with the REPORT's KEYID. */
bool rt_report_is_ours(const struct sgx_report *report)
{
    struct sgx_keyrequest request = {.keyname = SGX_KEY_REPORT};
    uint8_t report_key[16], mac[16];
    memcpy(request.keyid, report->keyid, sizeof request.keyid);
    if (rt_getkey(&request, report_key) != SGX_SUCCESS) {
        return false;
    }
    rt_aes_cmac(report_key, BYTES_OF(report->body), mac);
    bool same = ct_equal(mac, report->mac, sizeof mac);
    secure_zero(report_key, sizeof report_key);
    secure_zero(mac, sizeof mac); /* the right MAC for a wrong body is what a forger wants */
    return same;
}

int rt_seal_key(enum rt_seal_to to, const char *purpose, uint8_t ret_key[16])
{
    const struct sgx_report_body *self = rt_identity();
    struct sgx_keyrequest request = {
        .keyname = SGX_KEY_SEAL,
        .keypolicy = (uint16_t)(SGX_KEYPOLICY_CONFIGID |
                                (to == RT_SEAL_TO_MRENCLAVE ? SGX_KEYPOLICY_MRENCLAVE
                                                            : SGX_KEYPOLICY_MRSIGNER)),
        .isvsvn = self->isvsvn,
        .configsvn = self->configsvn,
        /* All flags, so that a host that changes one gets another key; XFRM is the processor's. */
        .attributemask = {.flags = UINT64_MAX, .xfrm = 0},
        .cet_attributes_mask = 0xff,
        .miscmask = UINT32_MAX,
    };
    size_t n = strlen(purpose);
    REQUIRE(n <= sizeof request.keyid);
    memcpy(request.keyid, purpose, n);
    memcpy(request.cpusvn, self->cpusvn, sizeof request.cpusvn);
    if ((self->attributes.flags & SGX_FLAGS_KSS) == 0) {
        return -EINVAL; /* then CONFIGID would not be in the key, and EGETKEY faults */
    }
    return rt_getkey(&request, ret_key) == SGX_SUCCESS ? 0 : -EIO;
}
