/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds of evidence by their first bytes; see kind.h. */
#include "kind.h"
#include "abi/quote.h"
#include "ratls/extension.h"
#include "verify/limits.h"

static bool begins_with(struct bytes b, const void *prefix, size_t size)
{
    return b.size >= size && __builtin_memcmp(b.data, prefix, size) == 0;
}

/* CBOR: an array, or tag 18. Four elements make a document; any other count is refused as a Nitro
 * document of a wrong form, not as a quote. Versions of quotes and reports are small numbers, which
 * begin with none of these bytes. */
static bool begins_as_cose(struct bytes e)
{
    return e.size > 0 && ((e.data[0] & 0xe0) == 0x80 || e.data[0] == 0xd2);
}

/* No two kinds begin alike: quotes have a key type other than zero where reports have the upper
 * half of a small version. */
enum family family_of(struct bytes e)
{
    if (begins_with(e, "HCLA", 4)) {
        return FAMILY_AZURE;
    }
    if (begins_with(e, "-----BEGIN ", 11) || begins_with(e, "\x30\x82", 2)) {
        return FAMILY_RATLS;
    }
    if (begins_as_cose(e)) {
        return FAMILY_AWS;
    }
    if (e.size >= 4 && e.data[2] == 0 && e.data[3] == 0) {
        return FAMILY_AMD;
    }
    return FAMILY_INTEL;
}

static enum alcove_evidence_kind kind_of_quote(struct bytes e)
{
    struct cursor c = cursor_of(e);
    uint64_t version = cursor_le16(&c);
    (void)cursor_le16(&c); /* the kind of key */
    uint64_t tee = cursor_le32(&c);
    if (!cursor_ok(&c) || version < QUOTE_VERSION_3 || version > QUOTE_VERSION_5) {
        return ALCOVE_EVIDENCE_NONE;
    }
    return tee == QUOTE_TEE_SGX   ? ALCOVE_EVIDENCE_SGX_QUOTE
           : tee == QUOTE_TEE_TDX ? ALCOVE_EVIDENCE_TDX_QUOTE
                                  : ALCOVE_EVIDENCE_NONE;
}

/* A certificate without evidence is still one that should carry some. */
static enum alcove_evidence_kind kind_in_certificate(struct bytes text,
                                                     enum alcove_wrapping *ret_wrapping)
{
    uint8_t storage[CERTIFICATE_SIZE_MAX];
    struct writer decoded = writer_of(storage, sizeof storage);
    struct bytes quote;
    *ret_wrapping = ALCOVE_WRAPPING_RATLS;
    return ratls_find(text, &decoded, ret_wrapping, &quote) ? kind_of_quote(quote)
                                                            : ALCOVE_EVIDENCE_NONE;
}

enum alcove_evidence_kind alcove_evidence_kind_of(struct alcove_bytes evidence,
                                                  enum alcove_wrapping *ret_wrapping)
{
    struct bytes e = BYTES(evidence.data, evidence.size);
    *ret_wrapping = ALCOVE_WRAPPING_NONE;
    switch (family_of(e)) {
    case FAMILY_INTEL:
        return kind_of_quote(e);
    case FAMILY_AMD:
        return e.data[0] != 0 && e.data[1] == 0 ? ALCOVE_EVIDENCE_SNP_REPORT : ALCOVE_EVIDENCE_NONE;
    case FAMILY_AZURE:
        *ret_wrapping = ALCOVE_WRAPPING_AZURE_HCL;
        return ALCOVE_EVIDENCE_SNP_REPORT;
    case FAMILY_AWS:
        return ALCOVE_EVIDENCE_NITRO_DOCUMENT;
    case FAMILY_RATLS:
        return kind_in_certificate(e, ret_wrapping);
    }
    return ALCOVE_EVIDENCE_NONE;
}
