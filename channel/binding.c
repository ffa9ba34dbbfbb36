/* SPDX-License-Identifier: Apache-2.0 */
/* Reads and writes bindings. A binding comes from whoever wants to be believed; it counts only once
 * its SHA-512 is found in verified REPORTDATA (binding_judge.c). One value has exactly one
 * encoding, so that two bindings with the same meaning cannot have two hashes. */
#include "channel/binding.h"
#include "primitives.h"

#include <errno.h>

#include "base/cbor.h"

#define FORMAT "alcove-binding-1"

static const char *const purpose_names[] = {
#define PURPOSE(name, text, doors) [BINDING_PURPOSE_##name] = text,
#include "channel/purposes.def"
#undef PURPOSE
};

const char *binding_purpose_name(enum binding_purpose purpose)
{
    return (unsigned)purpose < BINDING_PURPOSE_COUNT ? purpose_names[purpose] : NULL;
}

static enum binding_purpose purpose_by_name(struct bytes name)
{
    for (unsigned i = 1; i < BINDING_PURPOSE_COUNT; i++) {
        if (bytes_equal_str(name, purpose_names[i])) {
            return (enum binding_purpose)i;
        }
    }
    return BINDING_PURPOSE_NONE;
}

static const char *const signing_names[] = {
    [BINDING_SIGNING_ED25519] = "ed25519",
    [BINDING_SIGNING_P256] = "p256",
};

size_t binding_signing_size(enum binding_signing kind)
{
    return kind == BINDING_SIGNING_ED25519 ? 32
           : kind == BINDING_SIGNING_P256  ? P256_POINT_SIZE
                                           : 0;
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* The first complaint stays. */
struct decoder {
    struct cbor_reader in;
    struct diag *d;
    bool refused;
};

static void refuse(struct decoder *c, const char *what)
{
    if (!c->refused) {
        c->refused = true;
        (void)diag_fail(c->d, -EINVAL, "binding: %s", what);
    }
    cbor_fail(&c->in);
}

static struct cbor_map open_map(struct decoder *c, size_t count)
{
    struct cbor_map map = cbor_map(&c->in, count);
    if (!cbor_ok(&c->in) || map.left != count) {
        refuse(c, "a map has too few or too many members");
    }
    return map;
}

/* The next key of the map must be this one. */
static void expect_key(struct decoder *c, struct cbor_map *map, const char *key)
{
    struct bytes found = {NULL, 0};
    if (!cbor_key(&c->in, map, &found) || !bytes_equal_str(found, key)) {
        (void)diag_fail(c->refused ? NULL : c->d, -EINVAL, "binding: expected the member %s", key);
        c->refused = true;
        cbor_fail(&c->in);
    }
}

static void expect_format(struct decoder *c, struct cbor_map *map)
{
    expect_key(c, map, "format");
    if (!bytes_equal_str(cbor_text(&c->in, 64), FORMAT)) {
        refuse(c, "not of format " FORMAT);
    }
}

static bool at_null(struct decoder *c)
{
    enum cbor_kind kind;
    if (!cbor_peek(&c->in, &kind) || kind != CBOR_NULL) {
        return false;
    }
    (void)cbor_skip(&c->in);
    return true;
}

static void take_hpke(struct decoder *c, struct cbor_map *map, struct binding *b)
{
    expect_key(c, map, "hpke");
    struct cbor_map inner = open_map(c, 2);
    expect_key(c, &inner, "kem");
    enum hpke_kem kem = (enum hpke_kem)cbor_uint(&c->in, UINT16_MAX);
    expect_key(c, &inner, "key");
    struct bytes key = cbor_bytes(&c->in, 1, HPKE_PUBLIC_MAX);
    if (!cbor_ok(&c->in) || hpke_public_read(kem, key, &b->key) != 0) {
        refuse(c, "hpke is not a public key of a KEM that is known");
    }
}

static void take_fresh(struct decoder *c, struct cbor_map *map, struct binding *b)
{
    expect_key(c, map, "fresh");
    struct cbor_map inner = open_map(c, 1);
    struct bytes key = {NULL, 0};
    if (cbor_key(&c->in, &inner, &key) && bytes_equal_str(key, "nonce")) {
        b->fresh = BINDING_FRESH_NONCE;
        b->nonce = cbor_bytes(&c->in, BINDING_NONCE_MIN, BINDING_NONCE_MAX);
    } else if (bytes_equal_str(key, "time")) {
        b->fresh = BINDING_FRESH_TIME;
        b->time = cbor_uint(&c->in, BINDING_TIME_MAX);
    } else {
        refuse(c, "fresh is neither a nonce nor a time");
    }
    if (!cbor_ok(&c->in)) {
        refuse(c, "nonce of 16 to 64 bytes, or time before the year 10000");
    }
}

static void take_owner(struct decoder *c, struct cbor_map *map, struct binding *b)
{
    expect_key(c, map, "owner");
    if (at_null(c)) {
        return;
    }
    struct bytes owner = cbor_bytes(&c->in, BINDING_OWNER_SIZE, BINDING_OWNER_SIZE);
    if (!cbor_ok(&c->in)) {
        refuse(c, "owner is neither null nor 32 bytes");
        return;
    }
    b->has_owner = true;
    __builtin_memcpy(b->owner, owner.data, sizeof b->owner);
}

static bool signing_key_valid(enum binding_signing kind, struct bytes key)
{
    return key.size > 0 && key.size == binding_signing_size(kind) &&
           (kind != BINDING_SIGNING_P256 || p256_point_valid(key.data));
}

static void take_signing(struct decoder *c, struct cbor_map *map, struct binding *b)
{
    expect_key(c, map, "signing");
    if (at_null(c)) {
        return;
    }
    struct cbor_map inner = open_map(c, 2);
    expect_key(c, &inner, "key");
    struct bytes key = cbor_bytes(&c->in, 1, HPKE_PUBLIC_MAX);
    expect_key(c, &inner, "kind");
    struct bytes kind = cbor_text(&c->in, 16);
    for (unsigned i = 1; i < ARRAY_SIZE(signing_names); i++) {
        if (bytes_equal_str(kind, signing_names[i])) {
            b->signing = (enum binding_signing)i;
        }
    }
    if (!cbor_ok(&c->in) || !signing_key_valid(b->signing, key)) {
        refuse(c, "signing is not a public key of a kind that is known");
        return;
    }
    __builtin_memcpy(b->signing_key, key.data, key.size);
}

int binding_decode(struct bytes cbor, struct binding *ret, struct diag *d)
{
    if (cbor.size > BINDING_SIZE_MAX) {
        return diag_fail(d, -EINVAL, "binding: %zu bytes, more than %u", cbor.size,
                         BINDING_SIZE_MAX);
    }
    struct decoder c = {.in = cbor_reader_of(cbor), .d = d};
    struct binding b = {0};
    struct cbor_map map = open_map(&c, 7);
    take_hpke(&c, &map, &b);
    take_fresh(&c, &map, &b);
    take_owner(&c, &map, &b);
    expect_format(&c, &map);
    expect_key(&c, &map, "context");
    b.context = cbor_bytes(&c.in, 0, BINDING_CONTEXT_MAX);
    if (!cbor_ok(&c.in)) {
        refuse(&c, "context is not bytes, or more than fit");
    }
    expect_key(&c, &map, "purpose");
    b.purpose = purpose_by_name(cbor_text(&c.in, 64));
    if (b.purpose == BINDING_PURPOSE_NONE) {
        refuse(&c, "not a purpose that is known");
    }
    take_signing(&c, &map, &b);
    if (!c.refused && !cursor_done(&c.in.in)) {
        refuse(&c, "bytes after its end");
    }
    if (c.refused) {
        return -EINVAL;
    }
    *ret = b;
    return 0;
}

/* ---- Writing --------------------------------------------------------------------------------- */

static bool fresh_valid(const struct binding *b)
{
    if (b->fresh == BINDING_FRESH_NONCE) {
        return b->nonce.size >= BINDING_NONCE_MIN && b->nonce.size <= BINDING_NONCE_MAX;
    }
    return b->fresh == BINDING_FRESH_TIME && b->time <= BINDING_TIME_MAX;
}

static bool encodable(const struct binding *b)
{
    struct hpke_public_key key;
    struct bytes signing_key = {b->signing_key, binding_signing_size(b->signing)};
    return binding_purpose_name(b->purpose) != NULL && fresh_valid(b) &&
           hpke_public_read(b->key.kem, hpke_public_bytes(&b->key), &key) == 0 &&
           (b->signing == BINDING_SIGNING_NONE || signing_key_valid(b->signing, signing_key)) &&
           b->context.size <= BINDING_CONTEXT_MAX;
}

static void put_fresh(struct writer *w, const struct binding *b)
{
    cbor_put_str(w, "fresh");
    cbor_put_map(w, 1);
    if (b->fresh == BINDING_FRESH_NONCE) {
        cbor_put_str(w, "nonce");
        cbor_put_bytes(w, b->nonce);
    } else {
        cbor_put_str(w, "time");
        cbor_put_uint(w, b->time);
    }
}

static void put_signing(struct writer *w, const struct binding *b)
{
    cbor_put_str(w, "signing");
    if (b->signing == BINDING_SIGNING_NONE) {
        cbor_put_null(w);
        return;
    }
    cbor_put_map(w, 2);
    cbor_put_str(w, "key");
    cbor_put_bytes(w, BYTES(b->signing_key, binding_signing_size(b->signing)));
    cbor_put_str(w, "kind");
    cbor_put_str(w, signing_names[b->signing]);
}

int binding_encode(const struct binding *b, struct writer *out, struct diag *d)
{
    if (!encodable(b)) {
        return diag_fail(d, -EINVAL, "binding: a member is missing or out of range");
    }
    cbor_put_map(out, 7);
    cbor_put_str(out, "hpke");
    cbor_put_map(out, 2);
    cbor_put_str(out, "kem");
    cbor_put_uint(out, b->key.kem);
    cbor_put_str(out, "key");
    cbor_put_bytes(out, hpke_public_bytes(&b->key));
    put_fresh(out, b);
    cbor_put_str(out, "owner");
    if (b->has_owner) {
        cbor_put_bytes(out, BYTES(b->owner, sizeof b->owner));
    } else {
        cbor_put_null(out);
    }
    cbor_put_str(out, "format");
    cbor_put_str(out, FORMAT);
    cbor_put_str(out, "context");
    cbor_put_bytes(out, b->context);
    cbor_put_str(out, "purpose");
    cbor_put_str(out, binding_purpose_name(b->purpose));
    put_signing(out, b);
    return out->failed ? diag_fail(d, -ENOSPC, "binding: does not fit") : 0;
}

int binding_report_data(struct bytes cbor, uint8_t ret[64])
{
    return hash_sha512(cbor, ret) ? 0 : -EIO;
}
