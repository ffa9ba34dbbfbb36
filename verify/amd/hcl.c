/* SPDX-License-Identifier: Apache-2.0 */
/* The header is not signed and has three sizes that must agree; the JSON is bound by the report,
 * but is read only after that was checked, and strictly all the same: two keys of one name would
 * let two readers believe in different ones. */
#include "amd/hcl.h"
#include "amd/report.h"
#include "verify/json.h"
#include "verify/limits.h"

#define HEADER_SIZE      32u
#define DATA_HEADER_SIZE 20u
#define DATA_AT          (HEADER_SIZE + SNP_REPORT_SIZE)
#define RUNTIME_AT       (DATA_AT + DATA_HEADER_SIZE)

#define HEADER_VERSION_MAX 2u /* 1 and 2 occur and do not differ in what stands here */
#define REQUEST_AK_CERT    2u
#define DATA_VERSION       1u
#define REPORT_TYPE_SNP    2u

static bool zero(const uint8_t *p, size_t size)
{
    uint8_t any = 0;
    for (size_t i = 0; i < size; i++) {
        any |= p[i];
    }
    return any == 0;
}

enum alcove_reason hcl_read(struct bytes b, struct hcl *ret)
{
    *ret = (struct hcl){0};
    if (b.size < RUNTIME_AT || b.size > HCL_BYTES_MAX) {
        return ALCOVE_REASON_AZURE_FORMAT;
    }
    const uint8_t *header = b.data, *data = b.data + DATA_AT;
    uint32_t version = load_le32(header + 4), size = load_le32(header + 8);
    uint32_t length = load_le32(data + 16);
    bool understood = __builtin_memcmp(header, "HCLA", 4) == 0 && version >= 1 &&
                      version <= HEADER_VERSION_MAX && load_le32(header + 12) == REQUEST_AK_CERT &&
                      load_le32(header + 16) == 0 && zero(header + 20, 12) &&
                      load_le32(data + 4) == DATA_VERSION;
    bool agree = length > 0 && length <= b.size - RUNTIME_AT &&
                 load_le32(data) == DATA_HEADER_SIZE + length && size == RUNTIME_AT + length;
    if (!understood || !agree) {
        return ALCOVE_REASON_AZURE_FORMAT;
    }
    if (load_le32(data + 8) != REPORT_TYPE_SNP) {
        return ALCOVE_REASON_AZURE_KIND;
    }
    uint32_t hash = load_le32(data + 12);
    if (hash < HCL_SHA256 || hash > HCL_SHA512) {
        return ALCOVE_REASON_AZURE_HASH_TYPE;
    }
    ret->report = BYTES(header + HEADER_SIZE, SNP_REPORT_SIZE);
    ret->runtime = BYTES(b.data + RUNTIME_AT, length);
    ret->hash = (enum hcl_hash)hash;
    ret->trailing = !zero(b.data + size, b.size - size);
    return ALCOVE_REASON_NONE;
}

/* ---- the runtime data ---- */

static int digit_of(uint8_t c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

/* base64url without padding (RFC 7515), canonical: unused bits are zero. */
static bool decode_base64url(struct bytes text, struct writer *out)
{
    uint32_t bits = 0;
    unsigned bit_count = 0;
    for (size_t i = 0; i < text.size; i++) {
        int digit = digit_of(text.data[i]);
        if (digit < 0) {
            return false;
        }
        bits = (bits << 6 | (uint32_t)digit) & 0xffff;
        bit_count += 6;
        if (bit_count >= 8) {
            bit_count -= 8;
            writer_be(out, bits >> bit_count & 0xff, 1);
        }
    }
    return bit_count < 6 && (bits & ((1u << bit_count) - 1)) == 0 && !out->failed;
}

struct jwk {
    struct bytes kid, kty, n, e;
};

static struct jwk read_jwk(struct json *j)
{
    struct jwk k = {0};
    struct json_object o = {0};
    struct bytes key;
    while (json_member(j, &o, &key)) {
        if (bytes_equal_str(key, "kid")) {
            k.kid = json_string(j);
        } else if (bytes_equal_str(key, "kty")) {
            k.kty = json_string(j);
        } else if (bytes_equal_str(key, "n")) {
            k.n = json_string(j);
        } else if (bytes_equal_str(key, "e")) {
            k.e = json_string(j);
        } else {
            (void)json_raw(j);
        }
    }
    return k;
}

/* How many keys have that name; the last of them in *ret. */
static unsigned read_keys(struct json *j, struct jwk *ret)
{
    unsigned count = 0;
    struct json_array a = {0};
    while (json_item(j, &a)) {
        struct jwk k = read_jwk(j);
        if (bytes_equal_str(k.kid, "HCLAkPub")) {
            *ret = k;
            count++;
        }
    }
    return count;
}

bool hcl_key_read(struct bytes runtime, struct hcl_key *ret)
{
    struct json j = json_of(runtime);
    struct json_object o = {0};
    struct bytes key;
    struct jwk k = {0};
    unsigned count = 0;
    *ret = (struct hcl_key){0};
    while (json_member(&j, &o, &key)) {
        if (bytes_equal_str(key, "keys")) {
            count = read_keys(&j, &k);
        } else {
            (void)json_raw(&j);
        }
    }
    if (!json_done(&j) || count != 1 || !bytes_equal_str(k.kty, "RSA") ||
        !bytes_equal_str(k.e, "AQAB")) {
        return false;
    }
    struct writer w = writer_of(ret->modulus, sizeof ret->modulus);
    bool decoded = decode_base64url(k.n, &w);
    ret->modulus_size = w.size;
    return decoded && w.size >= RSA_BYTES_MIN && ret->modulus[0] != 0 &&
           (ret->modulus[w.size - 1] & 1) != 0;
}
