/* SPDX-License-Identifier: Apache-2.0 */
/* The evidence of a run: a REPORT to the machine's quoting enclave over the claims. The host brings
 * the quoting enclave's TARGETINFO and may bring a wrong one: then nobody can verify the REPORT, and
 * no quote comes of it. */
#include "abi/evidence.h"
#include "thread.h"

#define ENODATA 61
#define ENOSPC  28
#define EIO     5

static struct {
    bool wanted;
    struct bytes nonce;
} evidence;

void rt_evidence_start(const struct boot_record *boot)
{
    evidence.wanted = boot->want_evidence != 0;
    evidence.nonce = BYTES(boot->nonce, boot->nonce_size);
}

static int quote(struct bytes claims)
{
    struct {
        struct sgx_report report;
        uint8_t claims[CLAIMS_SIZE_MAX];
    } message;
    uint8_t digest[64];
    rt_sha512(claims, digest);
    int r = rt_report_to_quoting(digest, &message.report);
    if (r != 0) {
        return r;
    }
    memcpy(message.claims, claims.data, claims.size);
    return (int)rt_hostcall(HOSTCALL_quote_report, (const uint64_t[HOSTCALL_ARGS]){0},
                            BYTES(&message, sizeof message.report + claims.size), NULL, 0);
}

int rt_evidence(struct run_claims *claims)
{
    uint8_t buffer[CLAIMS_SIZE_MAX];
    if (!evidence.wanted) {
        return -ENODATA;
    }
    claims->nonce = evidence.nonce;
    struct writer w = writer_of(buffer, sizeof buffer);
    struct diag d;
    if (run_claims_encode(claims, &w, &d) != 0) {
        return -ENOSPC;
    }
    return quote(BYTES(buffer, w.size));
}

int rt_input_read(size_t input, uint64_t offset, void *to, size_t n)
{
    uint8_t *at = (uint8_t *)to;
    while (n > 0) {
        size_t size = n < HOSTCALL_DATA_MAX ? n : HOSTCALL_DATA_MAX;
        int64_t r = rt_hostcall(HOSTCALL_input_read,
                                (const uint64_t[HOSTCALL_ARGS]){input, offset, size},
                                BYTES(NULL, 0), at, size);
        if (r != (int64_t)size) {
            return -EIO;
        }
        at += size;
        offset += size;
        n -= size;
    }
    return 0;
}

int rt_output_write(size_t output, uint64_t offset, struct bytes data)
{
    while (data.size > 0) {
        size_t size = data.size < HOSTCALL_DATA_MAX ? data.size : HOSTCALL_DATA_MAX;
        int64_t r = rt_hostcall(HOSTCALL_output_write,
                                (const uint64_t[HOSTCALL_ARGS]){output, offset},
                                BYTES(data.data, size), NULL, 0);
        if (r != (int64_t)size) {
            return r < 0 ? (int)r : -EIO;
        }
        data = BYTES(data.data + size, data.size - size);
        offset += size;
    }
    return 0;
}
