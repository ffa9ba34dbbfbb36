/* SPDX-License-Identifier: Apache-2.0 */
/* Seals and opens messages. All bytes of a message are the carrier's until it opens, and the
 * sender's afterwards: the header is checked before any key is used, the plaintext as strictly as
 * the header, because the sender may be an adversary too.
 *
 * The message is {"header": bytes, "ciphertext": bytes}. The header's bytes, as they stand, are the
 * associated data and, hashed, the id: they hold enc, which no two messages share. */
#include "channel/message.h"
#include "message_inner.h"
#include "primitives.h"

#include <errno.h>

#include "base/cbor.h"

#define FORMAT     "alcove-message-1"
#define INFO_LABEL "alcove message"
#define KIB(n)     ((uint32_t)(n)*1024u)
#define MIB(n)     ((uint32_t)(n)*1024u * 1024u)

/* Sizes of padded plaintexts. Each is four times the one before: eight sizes in all are what an
 * observer can tell apart. */
static const uint32_t buckets[] = {KIB(1),   KIB(4), KIB(16), KIB(64),
                                   KIB(256), MIB(1), MIB(4),  MESSAGE_PLAIN_MAX};

static const struct kind {
    const char *name;
    uint32_t smallest, largest;
} kinds[] = {
#define KIND(name, text, smallest, largest) [MESSAGE_KIND_##name] = {text, smallest, largest},
#include "channel/kinds.def"
#undef KIND
};

const char *message_kind_name(enum message_kind kind)
{
    return (unsigned)kind < MESSAGE_KIND_COUNT ? kinds[kind].name : NULL;
}

static enum message_kind kind_by_name(struct bytes name)
{
    for (unsigned i = 1; i < MESSAGE_KIND_COUNT; i++) {
        if (bytes_equal_str(name, kinds[i].name)) {
            return (enum message_kind)i;
        }
    }
    return MESSAGE_KIND_NONE;
}

/* The smallest bucket of the kind that holds so many bytes; 0 if none does. */
static size_t bucket_for(enum message_kind kind, size_t size)
{
    for (size_t i = 0; i < ARRAY_SIZE(buckets); i++) {
        if (buckets[i] >= size && buckets[i] >= kinds[kind].smallest &&
            buckets[i] <= kinds[kind].largest) {
            return buckets[i];
        }
    }
    return 0;
}

/* HPKE's info: "alcove message" 0 kind 0 SHA-256(context). Kinds have no zero byte, so that no two
 * pairs of kind and context give the same. */
static bool make_info(enum message_kind kind, struct bytes context, struct writer *info)
{
    uint8_t hash[32];
    if (!hash_sha256(context, hash)) {
        return false;
    }
    writer_put(info, BYTES(INFO_LABEL, sizeof INFO_LABEL));
    writer_put(info, BYTES(kinds[kind].name, __builtin_strlen(kinds[kind].name) + 1));
    writer_put(info, BYTES_OF(hash));
    return !info->failed;
}

static bool context_set(enum message_context mode, struct bytes context)
{
    return mode == MESSAGE_CONTEXT_NONE
               ? context.size == 0
               : mode == MESSAGE_CONTEXT_VALUE && context.size <= MESSAGE_CONTEXT_MAX;
}

/* ---- Sealing --------------------------------------------------------------------------------- */

/* CBOR's head of a byte string. */
static size_t head_size(size_t n)
{
    return n < 24 ? 1 : n < 0x100 ? 2 : n < 0x10000 ? 3 : 5;
}

static void put_bytes_head(struct writer *w, size_t n)
{
    size_t length = head_size(n) - 1;
    writer_be(w, length == 0 ? 0x40 | n : length == 1 ? 0x58 : length == 2 ? 0x59 : 0x5a, 1);
    if (length > 0) {
        writer_be(w, n, length);
    }
}

/* {"body": bytes, "evidence": bytes or null} */
static size_t plain_size(const struct message_draft *m)
{
    size_t evidence = m->evidence.size == 0 ? 1 : head_size(m->evidence.size) + m->evidence.size;
    return 1 + sizeof "body" + head_size(m->body.size) + m->body.size + sizeof "evidence" +
           evidence;
}

static void put_plain(struct writer *w, const struct message_draft *m)
{
    cbor_put_map(w, 2);
    cbor_put_str(w, "body");
    cbor_put_bytes(w, m->body);
    cbor_put_str(w, "evidence");
    if (m->evidence.size == 0) {
        cbor_put_null(w);
    } else {
        cbor_put_bytes(w, m->evidence);
    }
}

static void put_header(struct writer *w, const struct message_draft *m, const uint8_t to[32],
                       const struct hpke_public_key *enc)
{
    cbor_put_map(w, 6);
    cbor_put_str(w, "to");
    cbor_put_bytes(w, BYTES(to, 32));
    cbor_put_str(w, "enc");
    cbor_put_bytes(w, hpke_public_bytes(enc));
    cbor_put_str(w, "from");
    if (m->from.mode == HPKE_MODE_AUTH) {
        cbor_put_bytes(w, hpke_public_bytes(&m->from.sender->public_key));
    } else {
        cbor_put_null(w);
    }
    cbor_put_str(w, "kind");
    cbor_put_str(w, kinds[m->kind].name);
    cbor_put_str(w, "suite");
    cbor_put_array(w, 3);
    cbor_put_uint(w, m->to->kem);
    cbor_put_uint(w, HPKE_KDF_HKDF_SHA256);
    cbor_put_uint(w, m->aead);
    cbor_put_str(w, "format");
    cbor_put_str(w, FORMAT);
}

/* The bucket of a draft; 0 if it fits none, or is incomplete. */
static size_t draft_bucket(const struct message_draft *m)
{
    if (message_kind_name(m->kind) == NULL || !context_set(m->context_mode, m->context) ||
        m->to == NULL || m->evidence.size > MESSAGE_EVIDENCE_MAX ||
        m->body.size > MESSAGE_PLAIN_MAX ||
        (m->from.mode == HPKE_MODE_AUTH && m->from.sender == NULL)) {
        return 0;
    }
    return bucket_for(m->kind, plain_size(m));
}

static size_t outer_size(size_t header_size, size_t ciphertext_size)
{
    return 1 + sizeof "header" + head_size(header_size) + header_size + sizeof "ciphertext" +
           head_size(ciphertext_size) + ciphertext_size;
}

size_t message_sealed_size(const struct message_draft *m)
{
    size_t bucket = draft_bucket(m);
    if (bucket == 0) {
        return 0;
    }
    static const uint8_t to[32];
    uint8_t header[MESSAGE_HEADER_MAX];
    struct writer w = writer_of(header, sizeof header);
    put_header(&w, m, to, m->to); /* every enc has the size of the recipient's key */
    return w.failed ? 0 : outer_size(w.size, bucket + HPKE_TAG_SIZE);
}

/* Header in hand: the rest of the message is written and then sealed where it stands. */
static int seal_into(const struct message_draft *m, struct hpke_sender *s, struct bytes header,
                     size_t bucket, struct writer *out)
{
    size_t size = outer_size(header.size, bucket + HPKE_TAG_SIZE);
    if (out->failed || out->capacity - out->size < size) {
        out->failed = true;
        return -ENOSPC;
    }
    struct writer w = writer_of(out->data + out->size, size);
    cbor_put_map(&w, 2);
    cbor_put_str(&w, "header");
    cbor_put_bytes(&w, header);
    cbor_put_str(&w, "ciphertext");
    put_bytes_head(&w, bucket + HPKE_TAG_SIZE);
    uint8_t *plain = w.data + w.size;
    struct writer inner = writer_of(plain, bucket);
    put_plain(&inner, m);
    REQUIRE(!w.failed && !inner.failed && w.size + bucket + HPKE_TAG_SIZE == size);
    __builtin_memset(plain + inner.size, 0, bucket - inner.size);
    int r = hpke_seal(s, header, BYTES(plain, bucket), plain);
    if (r != 0) {
        secure_zero(w.data, size);
        return r;
    }
    out->size += size;
    return 0;
}

int message_seal(const struct message_draft *m, struct writer *out, uint8_t ret_id[MESSAGE_ID_SIZE],
                 struct diag *d)
{
    size_t bucket = draft_bucket(m);
    if (bucket == 0) {
        return diag_fail(d, -EINVAL,
                         "message: incomplete, or more than a message of its kind holds");
    }
    const struct hpke_suite suite = {m->to->kem, m->aead};
    uint8_t info_data[HPKE_INFO_MAX], header_data[MESSAGE_HEADER_MAX], to[32], id[MESSAGE_ID_SIZE];
    struct writer info = writer_of(info_data, sizeof info_data);
    struct writer header = writer_of(header_data, sizeof header_data);
    struct hpke_public_key enc;
    AUTO_HPKE_SENDER s = {0};
    if (hpke_public_id(m->to, to) != 0 || !make_info(m->kind, m->context, &info)) {
        return diag_fail(d, -EINVAL, "message: not a key to seal to");
    }
    int r = hpke_setup_sender(suite, m->to, m->from, BYTES(info.data, info.size), &enc, &s);
    if (r != 0) {
        return diag_fail(d, r, "message: cannot be sealed to this key, or from that one");
    }
    put_header(&header, m, to, &enc);
    REQUIRE(!header.failed);
    const struct bytes header_bytes = BYTES(header.data, header.size);
    if (!hash_sha256(header_bytes, id)) {
        return -EIO;
    }
    r = seal_into(m, &s, header_bytes, bucket, out);
    if (r != 0) {
        return diag_fail(d, r, "message: does not fit, or the crypto library failed");
    }
    __builtin_memcpy(ret_id, id, sizeof id);
    return 0;
}

/* ---- Reading --------------------------------------------------------------------------------- */

static void expect_key(struct cbor_reader *r, struct cbor_map *map, const char *key)
{
    struct bytes found = {NULL, 0};
    if (!cbor_key(r, map, &found) || !bytes_equal_str(found, key)) {
        cbor_fail(r);
    }
}

static struct cbor_map open_map(struct cbor_reader *r, size_t count)
{
    struct cbor_map map = cbor_map(r, count);
    if (map.left != count) {
        cbor_fail(r);
    }
    return map;
}

/* Bytes, or none for null. */
static struct bytes bytes_or_null(struct cbor_reader *r, size_t max)
{
    enum cbor_kind kind;
    if (cbor_peek(r, &kind) && kind == CBOR_NULL) {
        (void)cbor_skip(r);
        return (struct bytes){NULL, 0};
    }
    return cbor_bytes(r, 1, max);
}

struct outer {
    struct bytes header, ciphertext;
};

static bool read_outer(struct bytes message, struct outer *ret)
{
    struct cbor_reader r = cbor_reader_of(message);
    struct cbor_map map = open_map(&r, 2);
    expect_key(&r, &map, "header");
    struct bytes header = cbor_bytes(&r, 1, MESSAGE_HEADER_MAX);
    expect_key(&r, &map, "ciphertext");
    struct bytes ciphertext = cbor_bytes(&r, HPKE_TAG_SIZE, MESSAGE_PLAIN_MAX + HPKE_TAG_SIZE);
    *ret = (struct outer){header, ciphertext};
    return cursor_done(&r.in);
}

static void take_suite(struct cbor_reader *r, struct cbor_map *map, struct message_header *h)
{
    expect_key(r, map, "suite");
    if (cbor_array(r, 3) != 3) {
        cbor_fail(r);
    }
    h->suite.kem = (enum hpke_kem)cbor_uint(r, UINT16_MAX);
    uint64_t kdf = cbor_uint(r, UINT16_MAX);
    h->suite.aead = (enum hpke_aead)cbor_uint(r, UINT16_MAX);
    if (hpke_public_size(h->suite.kem) == 0 || kdf != HPKE_KDF_HKDF_SHA256 ||
        (h->suite.aead != HPKE_AES_128_GCM && h->suite.aead != HPKE_AES_256_GCM)) {
        cbor_fail(r);
    }
}

static bool read_header(struct bytes text, struct message_header *ret)
{
    struct cbor_reader r = cbor_reader_of(text);
    struct message_header h = {0};
    struct cbor_map map = open_map(&r, 6);
    expect_key(&r, &map, "to");
    struct bytes to = cbor_bytes(&r, sizeof h.to, sizeof h.to);
    expect_key(&r, &map, "enc");
    h.enc = cbor_bytes(&r, 1, HPKE_PUBLIC_MAX);
    expect_key(&r, &map, "from");
    struct bytes from = bytes_or_null(&r, HPKE_PUBLIC_MAX);
    expect_key(&r, &map, "kind");
    h.kind = kind_by_name(cbor_text(&r, 64));
    take_suite(&r, &map, &h);
    expect_key(&r, &map, "format");
    if (!bytes_equal_str(cbor_text(&r, 64), FORMAT) || !cursor_done(&r.in) ||
        h.kind == MESSAGE_KIND_NONE || h.enc.size != hpke_public_size(h.suite.kem)) {
        return false;
    }
    h.has_from = from.size > 0;
    if (h.has_from && hpke_public_read(h.suite.kem, from, &h.from) != 0) {
        return false;
    }
    __builtin_memcpy(h.to, to.data, sizeof h.to);
    *ret = h;
    return hash_sha256(text, ret->id);
}

/* All that can be said of a message without a key. */
static int read_message(struct bytes message, struct outer *ret_outer, struct message_header *ret,
                        struct diag *d)
{
    if (message.size > MESSAGE_SIZE_MAX || !read_outer(message, ret_outer) ||
        !read_header(ret_outer->header, ret)) {
        return diag_fail(d, -EBADMSG, "message: not a sealed message");
    }
    size_t plain = ret_outer->ciphertext.size - HPKE_TAG_SIZE;
    if (bucket_for(ret->kind, plain) != plain) {
        return diag_fail(d, -EBADMSG, "message: %zu bytes is not a size of the kind %s", plain,
                         kinds[ret->kind].name);
    }
    return 0;
}

int message_peek(struct bytes message, struct message_header *ret, struct diag *d)
{
    struct outer outer;
    struct message_header h;
    int r = read_message(message, &outer, &h, d);
    if (r == 0) {
        *ret = h;
    }
    return r;
}

int message_plain_read(struct bytes plain, enum message_kind kind, struct bytes *ret_evidence,
                       struct bytes *ret_body, struct diag *d)
{
    struct cbor_reader r = cbor_reader_of(plain);
    struct cbor_map map = open_map(&r, 2);
    expect_key(&r, &map, "body");
    struct bytes body = cbor_bytes(&r, 0, MESSAGE_PLAIN_MAX);
    expect_key(&r, &map, "evidence");
    struct bytes evidence = bytes_or_null(&r, MESSAGE_EVIDENCE_MAX);
    if (!cbor_ok(&r)) {
        return diag_fail(d, -EBADMSG, "message: what was sealed is not evidence and body");
    }
    struct bytes padding = r.in.rest;
    uint8_t any = 0;
    for (size_t i = 0; i < padding.size; i++) {
        any |= padding.data[i];
    }
    if (any != 0 || bucket_for(kind, plain.size - padding.size) != plain.size) {
        return diag_fail(d, -EBADMSG, "message: padded otherwise than its size asks for");
    }
    *ret_evidence = evidence;
    *ret_body = body;
    return 0;
}

/* ---- Opening --------------------------------------------------------------------------------- */

static bool expectation_set(const struct message_expectation *x)
{
    bool evidence =
        x->evidence_mode == MESSAGE_EVIDENCE_NONE || x->evidence_mode == MESSAGE_EVIDENCE_WANTED;
    bool from = x->from_mode == MESSAGE_FROM_KEY ? x->from != NULL
                                                 : (x->from_mode == MESSAGE_FROM_ANYONE ||
                                                    x->from_mode == MESSAGE_FROM_CLAIMED) &&
                                                       x->from == NULL;
    return message_kind_name(x->kind) != NULL && context_set(x->context_mode, x->context) &&
           evidence && from;
}

/* Is it, by its header, the message that is expected? Else a sentence. */
static int check_header(const struct message_header *h, const struct hpke_private_key *to,
                        const struct message_expectation *x, struct diag *d)
{
    uint8_t id[32];
    if (h->kind != x->kind) {
        return diag_fail(d, -EBADMSG, "message: a %s where a %s was expected", kinds[h->kind].name,
                         kinds[x->kind].name);
    }
    if (h->suite.kem != to->public_key.kem || hpke_public_id(&to->public_key, id) != 0 ||
        !bytes_equal(BYTES_OF(id), BYTES_OF(h->to))) {
        return diag_fail(d, -EBADMSG, "message: sealed to another key");
    }
    if (h->has_from != (x->from_mode != MESSAGE_FROM_ANYONE)) {
        return diag_fail(d, -EBADMSG, "message: names %s sender, which was not expected",
                         h->has_from ? "a" : "no");
    }
    if (x->from_mode == MESSAGE_FROM_KEY && !hpke_public_equal(&h->from, x->from)) {
        return diag_fail(d, -EBADMSG, "message: from another sender");
    }
    return 0;
}

/* Decrypts and reads; the caller wipes the buffer if this fails. */
static int open_into(const struct outer *outer, const struct message_header *h,
                     const struct hpke_private_key *to, const struct message_expectation *x,
                     uint8_t *buffer, struct message *ret, struct diag *d)
{
    uint8_t info_data[HPKE_INFO_MAX];
    struct writer info = writer_of(info_data, sizeof info_data);
    if (!make_info(x->kind, x->context, &info)) {
        return diag_fail(d, -EIO, "message: the crypto library failed");
    }
    struct hpke_from from = h->has_from ? HPKE_FROM_KNOWN(&h->from) : HPKE_FROM_ANYONE;
    if (hpke_open_once(h->suite, h->enc, to, from, BYTES(info.data, info.size), outer->header,
                       outer->ciphertext, buffer) != 0) {
        return diag_fail(d, -EBADMSG,
                         "message: does not open: damaged, for another context, or from "
                         "who has not the key that it names");
    }
    struct message m = {.kind = h->kind, .has_from = h->has_from, .from = h->from};
    int r = message_plain_read(BYTES(buffer, outer->ciphertext.size - HPKE_TAG_SIZE), h->kind,
                               &m.evidence, &m.body, d);
    if (r != 0) {
        return r;
    }
    if ((m.evidence.size > 0) != (x->evidence_mode == MESSAGE_EVIDENCE_WANTED)) {
        return diag_fail(d, -EBADMSG, "message: %s evidence of its sender, which was not expected",
                         m.evidence.size > 0 ? "with" : "without");
    }
    __builtin_memcpy(m.id, h->id, sizeof m.id);
    *ret = m;
    return 0;
}

int message_open(struct bytes message, const struct hpke_private_key *to,
                 const struct message_expectation *expected, uint8_t *buffer, size_t buffer_size,
                 struct message *ret, struct diag *d)
{
    struct outer outer;
    struct message_header h;
    if (!expectation_set(expected)) {
        return diag_fail(d, -EINVAL, "message: what is expected was not written out");
    }
    int r = read_message(message, &outer, &h, d);
    r = r != 0 ? r : check_header(&h, to, expected, d);
    if (r != 0) {
        return r;
    }
    size_t plain = outer.ciphertext.size - HPKE_TAG_SIZE;
    if (buffer_size < plain) {
        return diag_fail(d, -ENOSPC, "message: %zu bytes, and the buffer has %zu", plain,
                         buffer_size);
    }
    r = open_into(&outer, &h, to, expected, buffer, ret, d);
    if (r != 0) {
        secure_zero(buffer, plain);
    }
    return r;
}

bool message_sent_by(const struct message *m, const struct binding *accepted)
{
    return m->has_from && hpke_public_equal(&m->from, &accepted->key);
}
