/* SPDX-License-Identifier: Apache-2.0 */
/* Writes DCAP v3 quotes. Freestanding: it runs inside the quoting enclave. It copies what the
 * caller made; nothing here decides or checks trust. */
#include "abi/quote.h"

void quote_v3_prepare(const struct sgx_report_body *report, uint16_t qe_svn, uint16_t pce_svn,
                      const uint8_t user_data[20], struct quote_v3_signed *ret)
{
    struct quote_v3_signed s = {
        .header = {.version = QUOTE_VERSION_3,
                   .att_key_type = QUOTE_KEY_ECDSA_P256,
                   .tee_type = QUOTE_TEE_SGX,
                   .qe_svn = qe_svn,
                   .pce_svn = pce_svn,
                   .qe_vendor_id = QUOTE_VENDOR_INTEL},
    };
    __builtin_memcpy(s.header.user_data, user_data, sizeof s.header.user_data);
    s.body = *report;
    *ret = s;
}

size_t quote_v3_size(const struct quote_v3_auth *a)
{
    return QUOTE_V3_FIXED_SIZE + a->qe_auth_data.size + a->cert_data.size;
}

bool quote_v3_covers(struct bytes quote, const struct sgx_report_body *body)
{
    struct quote_v3_signed s;
    if (quote.size < QUOTE_V3_FIXED_SIZE) {
        return false;
    }
    __builtin_memcpy(&s, quote.data, sizeof s);
    return s.header.version == QUOTE_VERSION_3 && s.header.att_key_type == QUOTE_KEY_ECDSA_P256 &&
           s.header.tee_type == QUOTE_TEE_SGX &&
           load_le32(quote.data + sizeof s) == quote.size - QUOTE_V3_AUTH_OFFSET &&
           bytes_equal(BYTES_OF(s.body), BYTES_OF(*body));
}

static void put_le(struct writer *w, uint64_t value, size_t byte_count)
{
    uint8_t text[8];
    store_le64(text, value);
    writer_put(w, BYTES(text, byte_count));
}

bool quote_v3_assemble(const struct quote_v3_signed *s, const struct quote_v3_auth *a,
                       struct writer *out)
{
    size_t auth_size = quote_v3_size(a) - QUOTE_V3_AUTH_OFFSET;
    if (a->qe_auth_data.size > UINT16_MAX || a->cert_data.size > UINT32_MAX ||
        auth_size > UINT32_MAX) {
        out->failed = true;
        return false;
    }
    writer_put(out, BYTES_OF(*s));
    put_le(out, auth_size, 4);
    writer_put(out, BYTES_OF(a->signature));
    writer_put(out, BYTES_OF(a->attestation_key));
    writer_put(out, BYTES_OF(a->qe_report));
    writer_put(out, BYTES_OF(a->qe_report_signature));
    put_le(out, a->qe_auth_data.size, 2);
    writer_put(out, a->qe_auth_data);
    put_le(out, a->cert_type, 2);
    put_le(out, a->cert_data.size, 4);
    writer_put(out, a->cert_data);
    return !out->failed;
}
