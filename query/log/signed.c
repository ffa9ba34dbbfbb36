/* SPDX-License-Identifier: Apache-2.0 */
/* Signed statements, see signed.h. Whoever carries them may change every byte; the format's name
 * goes into what is signed, so that a key that signs two kinds of statements never signs one as the
 * other. */
#include "query/signed.h"

#include <errno.h>

#include "log/crypto.h"
#include "log/fields.h"

bool query_hash_equal(const struct query_hash *a, const struct query_hash *b)
{
    return ct_equal(a->data, b->data, sizeof a->data);
}

int query_hash_of(struct bytes message, struct query_hash *ret)
{
    return record_sha256(&message, 1, ret) ? 0 : -EIO;
}

int query_key_read(struct bytes point, struct query_key *ret)
{
    if (point.size != QUERY_KEY_SIZE || !record_key_valid(point.data)) {
        return -EINVAL;
    }
    __builtin_memcpy(ret->point, point.data, QUERY_KEY_SIZE);
    return 0;
}

int query_key_id(const struct query_key *key, struct query_hash *ret)
{
    return query_hash_of(BYTES_OF(key->point), ret);
}

int query_secret_key_read(struct bytes scalar, struct query_secret_key *ret)
{
    struct query_key key;
    if (scalar.size != sizeof ret->scalar || !record_public(scalar.data, key.point)) {
        return -EINVAL;
    }
    __builtin_memcpy(ret->scalar, scalar.data, sizeof ret->scalar);
    ret->key = key;
    return 0;
}

void query_secret_key_wipe(struct query_secret_key *key)
{
    secure_zero(key, sizeof *key);
}

int query_sign_with(void *secret_key, const uint8_t digest[32], uint8_t ret[QUERY_SIGNATURE_SIZE])
{
    return record_sign((const struct query_secret_key *)secret_key, digest, ret) ? 0 : -EIO;
}

static bool digest_of(const char *format, struct bytes body, struct query_hash *ret)
{
    const struct bytes parts[] = {{(const uint8_t *)format, __builtin_strlen(format) + 1}, body};
    return record_sha256(parts, ARRAY_SIZE(parts), ret);
}

int query_signed_make(const char *format, struct bytes body, const struct query_signer *signer,
                      struct writer *out, struct diag *d)
{
    struct query_hash digest;
    uint8_t signature[QUERY_SIGNATURE_SIZE];
    size_t start = out->size;
    if (!digest_of(format, body, &digest)) {
        return diag_fail(d, -EIO, "%s: the crypto library failed", format);
    }
    int err = signer->sign(signer->context, digest.data, signature);
    if (err != 0) {
        return diag_fail(d, err, "%s: could not be signed", format);
    }
    cbor_put_map(out, 2);
    cbor_put_str(out, "body");
    cbor_put_bytes(out, body);
    field_put_fixed(out, "signature", signature, sizeof signature);
    if (out->failed) {
        out->size = start;
        return diag_fail(d, -ENOSPC, "%s: does not fit", format);
    }
    return 0;
}

int query_signed_open(const char *format, struct bytes statement, size_t max,
                      const struct query_key *key, struct bytes *ret_body, struct diag *d)
{
    struct cbor_reader r = cbor_reader_of(statement);
    struct cbor_map map = field_map(&r, 2);
    uint8_t signature[QUERY_SIGNATURE_SIZE];
    struct query_hash digest;
    field_key(&r, &map, "body");
    struct bytes body = cbor_bytes(&r, 1, max);
    field_fixed(&r, &map, "signature", signature, sizeof signature);
    if (!cursor_done(&r.in)) {
        return diag_fail(d, -EINVAL, "%s: not a well-formed signed statement", format);
    }
    if (!digest_of(format, body, &digest)) {
        return diag_fail(d, -EIO, "%s: the crypto library failed", format);
    }
    if (!record_verify(key->point, digest.data, signature)) {
        return diag_fail(d, -EBADMSG, "%s: the signature is not good", format);
    }
    *ret_body = body;
    return 0;
}
