/* SPDX-License-Identifier: Apache-2.0 */
/* Sealed messages: what opens, and everything that must not. */
#include "channel/message.h"
#include "message_inner.h"
#include "primitives.h"

#include "base/cbor.h"
#include "tests/tap.h"

#include <errno.h>
#include <string.h>

#define BUFFER_SIZE (MESSAGE_SIZE_MAX + 16u)

static uint8_t *sealed, *opened, *body;

/* A custodian sends an aggregator a contribution; each case changes one thing. */
struct scene {
    struct hpke_private_key to, from, stranger;
    struct message_draft draft;
    struct message_expectation expected;
    size_t size;
    uint8_t id[MESSAGE_ID_SIZE];
};

static void scene_seal(struct scene *s)
{
    struct writer w = writer_of(sealed, BUFFER_SIZE);
    if (message_seal(&s->draft, &w, s->id, NULL) != 0 || w.size != message_sealed_size(&s->draft)) {
        abort();
    }
    s->size = w.size;
}

static void scene_make(struct scene *s, enum hpke_kem kem, enum hpke_aead aead)
{
    *s = (struct scene){0};
    if (hpke_private_make(kem, &s->to) != 0 || hpke_private_make(kem, &s->from) != 0 ||
        hpke_private_make(kem, &s->stranger) != 0) {
        abort();
    }
    s->draft = (struct message_draft){
        .kind = MESSAGE_KIND_CONTRIBUTION,
        .context_mode = MESSAGE_CONTEXT_VALUE,
        .context = BYTES_STR("hash of the query"),
        .to = &s->to.public_key,
        .from = HPKE_FROM_SELF(&s->from),
        .aead = aead,
        .evidence = BYTES_STR("evidence of the custodian"),
        .body = BYTES_STR("[1, 2, 3]"),
    };
    s->expected = (struct message_expectation){
        .kind = MESSAGE_KIND_CONTRIBUTION,
        .context_mode = MESSAGE_CONTEXT_VALUE,
        .context = BYTES_STR("hash of the query"),
        .from_mode = MESSAGE_FROM_KEY,
        .from = &s->from.public_key,
        .evidence_mode = MESSAGE_EVIDENCE_WANTED,
    };
    scene_seal(s);
}

static bool untouched(const uint8_t *data, size_t size, uint8_t value)
{
    for (size_t i = 0; i < size; i++) {
        if (data[i] != value) {
            return false;
        }
    }
    return true;
}

/* Whatever is refused leaves no plaintext, says why, and gives no message. */
static int open_message(const struct scene *s, struct message *m)
{
    struct diag d = {0};
    static const struct message nothing;
    memset(opened, 0x5a, 1u << 18);
    *m = (struct message){0};
    int r = message_open(BYTES(sealed, s->size), &s->to, &s->expected, opened, BUFFER_SIZE, m, &d);
    bool left = r != 0 && memmem(opened, 1u << 18, "[1, 2, 3]", 9) != NULL;
    if (left || (r != 0 && (d.text[0] == 0 || memcmp(m, &nothing, sizeof *m) != 0))) {
        abort();
    }
    return r;
}

static int open_it(const struct scene *s)
{
    struct message m;
    return open_message(s, &m);
}

static void test_round_trips(void)
{
    static const enum hpke_kem kems[] = {HPKE_KEM_X25519, HPKE_KEM_P256};
    static const enum hpke_aead aeads[] = {HPKE_AES_128_GCM, HPKE_AES_256_GCM};
    for (size_t i = 0; i < 4; i++) {
        struct scene s;
        struct message m;
        scene_make(&s, kems[i / 2], aeads[i % 2]);
        CHECK(open_message(&s, &m) == 0 && m.kind == MESSAGE_KIND_CONTRIBUTION &&
                  bytes_equal(m.body, s.draft.body) && bytes_equal(m.evidence, s.draft.evidence) &&
                  m.has_from && hpke_public_equal(&m.from, &s.from.public_key) &&
                  memcmp(m.id, s.id, sizeof m.id) == 0,
              "suite %zu: a message opens as it was sealed", i);
        s.draft.from = HPKE_FROM_ANYONE;
        s.draft.evidence = (struct bytes){0};
        s.draft.context_mode = s.expected.context_mode = MESSAGE_CONTEXT_NONE;
        s.draft.context = s.expected.context = (struct bytes){0};
        s.expected.from_mode = MESSAGE_FROM_ANYONE;
        s.expected.from = NULL;
        s.expected.evidence_mode = MESSAGE_EVIDENCE_NONE;
        scene_seal(&s);
        CHECK(open_message(&s, &m) == 0 && bytes_equal(m.body, s.draft.body) &&
                  m.evidence.size == 0 && !m.has_from,
              "suite %zu: so does one from anyone, without evidence and context", i);
    }
}

static void test_expectations(void)
{
    struct scene s;
    struct message m;
#define CHANGED(wanted, change, ...)                                                               \
    do {                                                                                           \
        scene_make(&s, HPKE_KEM_X25519, HPKE_AES_256_GCM);                                         \
        change;                                                                                    \
        CHECK(open_it(&s) == (wanted), __VA_ARGS__);                                               \
    } while (0)
    CHANGED(-EINVAL, s.expected = (struct message_expectation){0},
            "an expectation that nobody wrote opens nothing");
    CHANGED(-EINVAL, s.expected.kind = MESSAGE_KIND_NONE, "nor does one without a kind");
    CHANGED(-EINVAL, s.expected.kind = MESSAGE_KIND_COUNT, "nor one with a kind nobody knows");
    CHANGED(-EINVAL, s.expected.context_mode = MESSAGE_CONTEXT_UNSET, "nor one without a context");
    CHANGED(-EINVAL, s.expected.context_mode = MESSAGE_CONTEXT_NONE,
            "nor one with a context that it says is none");
    CHANGED(-EINVAL, s.expected.context.size = MESSAGE_CONTEXT_MAX + 1, "nor with a huge one");
    CHANGED(-EINVAL, s.expected.from_mode = MESSAGE_FROM_UNSET, "nor one without a sender");
    CHANGED(-EINVAL, s.expected.from = NULL, "nor one that forgets which key");
    CHANGED(-EINVAL, s.expected.from_mode = MESSAGE_FROM_ANYONE,
            "nor one that names a key and takes anyone");
    CHANGED(-EINVAL, s.expected.from_mode = MESSAGE_FROM_CLAIMED,
            "nor one that names a key and takes any other");
    CHANGED(-EINVAL, s.expected.evidence_mode = MESSAGE_EVIDENCE_UNSET,
            "nor one that does not say whether it wants evidence");

    CHANGED(-EBADMSG, s.expected.kind = MESSAGE_KIND_RESULT, "another kind does not open");
    CHANGED(-EBADMSG, s.expected.context.size--, "another context does not");
    CHANGED(-EBADMSG, (s.expected.context_mode = MESSAGE_CONTEXT_NONE, s.expected.context.size = 0),
            "none does not either");
    CHANGED(-EBADMSG, s.to = s.stranger, "it is for one key");
    CHANGED(-EBADMSG, s.expected.from = &s.stranger.public_key, "and from one key");
    CHANGED(-EBADMSG, (s.expected.from_mode = MESSAGE_FROM_ANYONE, s.expected.from = NULL),
            "a message that names its sender is not from anyone");
    CHANGED(-EBADMSG, (s.draft.from = HPKE_FROM_ANYONE, scene_seal(&s)),
            "a message from anyone is not from the expected one");
    CHANGED(0, (s.expected.from_mode = MESSAGE_FROM_CLAIMED, s.expected.from = NULL),
            "whoever has the key that it names may have sent it, where that is expected");
    CHANGED(-EBADMSG,
            (s.expected.from_mode = MESSAGE_FROM_CLAIMED, s.expected.from = NULL,
             s.draft.from = HPKE_FROM_ANYONE, scene_seal(&s)),
            "but it must name one");
    CHANGED(-EBADMSG, s.expected.evidence_mode = MESSAGE_EVIDENCE_NONE,
            "evidence that was not expected is refused");
    CHANGED(-EBADMSG, (s.draft.evidence.size = 0, scene_seal(&s)), "and so is none where it was");
    CHANGED(
        -EBADMSG,
        {
            struct hpke_private_key p256;
            if (hpke_private_make(HPKE_KEM_P256, &p256) != 0) {
                abort();
            }
            s.to = p256;
        },
        "a key of another KEM opens nothing");
#undef CHANGED
    scene_make(&s, HPKE_KEM_X25519, HPKE_AES_256_GCM);
    size_t plain = 64u * 1024;
    CHECK(message_open(BYTES(sealed, s.size), &s.to, &s.expected, opened, plain - 1, &m, NULL) ==
              -ENOSPC,
          "a buffer that is too small is refused");
    CHECK(message_open(BYTES(sealed, s.size), &s.to, &s.expected, opened, plain, &m, NULL) == 0,
          "one that is large enough is not");
}

static void test_damage(void)
{
    struct scene s;
    scene_make(&s, HPKE_KEM_X25519, HPKE_AES_256_GCM);
    bool refused = true;
    for (size_t i = 0; i < s.size; i += i < 400 ? 1 : 997) {
        for (unsigned bit = 0; bit < 8; bit += i < 400 ? 1 : 8) {
            sealed[i] ^= (uint8_t)(1 << bit);
            refused &= open_it(&s) == -EBADMSG;
            sealed[i] ^= (uint8_t)(1 << bit);
        }
    }
    CHECK(refused && open_it(&s) == 0, "with any bit of the header changed it does not open");
    size_t whole = s.size;
    refused = true;
    for (s.size = 0; s.size < whole; s.size += s.size < 400 ? 1 : 997) {
        refused &= open_it(&s) == -EBADMSG;
    }
    s.size = whole + 1;
    sealed[whole] = 0;
    refused &= open_it(&s) == -EBADMSG;
    s.size = BUFFER_SIZE;
    refused &= open_it(&s) == -EBADMSG;
    CHECK(refused, "cut anywhere, or with more behind it, it does not open");
}

/* Two messages of one pair of keys: parts of one do not fit the other. */
static void test_splices(void)
{
    struct scene s;
    struct message m;
    scene_make(&s, HPKE_KEM_X25519, HPKE_AES_256_GCM);
    uint8_t *first = malloc(s.size);
    uint8_t id[MESSAGE_ID_SIZE];
    if (first == NULL) {
        abort();
    }
    memcpy(first, sealed, s.size);
    memcpy(id, s.id, sizeof id);
    scene_seal(&s);
    CHECK(memcmp(first, sealed, s.size) != 0 && memcmp(id, s.id, sizeof id) != 0,
          "the same draft sealed twice is two messages with two ids");
    CHECK(open_message(&s, &m) == 0 && memcmp(m.id, s.id, sizeof id) == 0 &&
              open_message(&s, &m) == 0,
          "a repeated message opens again, with the id that it had");
    const size_t text = 64u * 1024 + HPKE_TAG_SIZE;
    memcpy(sealed + s.size - text, first + s.size - text, text);
    CHECK(open_it(&s) == -EBADMSG, "the text of one message under the header of another opens not");
    memcpy(sealed, first, s.size);
    struct message_header h;
    bool peeked = message_peek(BYTES(sealed, s.size), &h, NULL) == 0;
    uint8_t *enc = memmem(sealed, s.size, h.enc.data, h.enc.size);
    CHECK(peeked && enc != NULL && (enc[31] ^= 0x80, open_it(&s) == -EBADMSG),
          "the same point in another spelling does not open");
    free(first);
}

static void test_peek(void)
{
    struct scene s;
    struct message_header h, before;
    uint8_t to[32];
    scene_make(&s, HPKE_KEM_P256, HPKE_AES_128_GCM);
    CHECK(message_peek(BYTES(sealed, s.size), &h, NULL) == 0 &&
              hpke_public_id(&s.to.public_key, to) == 0 && memcmp(h.to, to, 32) == 0 &&
              h.kind == MESSAGE_KIND_CONTRIBUTION && h.has_from &&
              hpke_public_equal(&h.from, &s.from.public_key) && h.suite.kem == HPKE_KEM_P256 &&
              h.suite.aead == HPKE_AES_128_GCM && memcmp(h.id, s.id, sizeof h.id) == 0,
          "who carries a message can read its header");
    before = h;
    CHECK(message_peek(BYTES(sealed, s.size - 1), &h, NULL) == -EBADMSG &&
              memcmp(&h, &before, sizeof h) == 0,
          "and of what is none nothing is told");
}

/* ---- Headers that no honest sender writes, around a text that would open --------------------- */

struct forged {
    const char *kind, *format;
    unsigned kem, kdf, aead, suite_count, members;
    size_t to_size, from_size, plain;
    bool small_order_from, trailing, outer_trailing;
};

static const struct forged honest = {.kind = "claim",
                                     .format = "alcove-message-1",
                                     .kem = 0x20,
                                     .kdf = 1,
                                     .aead = 2,
                                     .suite_count = 3,
                                     .members = 6,
                                     .to_size = 32,
                                     .plain = 16384};

static size_t forge(const struct scene *s, const struct forged *f)
{
    uint8_t header[MESSAGE_HEADER_MAX], to[32];
    static const uint8_t zeros[64u * 1024 + 16];
    struct writer w = writer_of(header, sizeof header);
    if (hpke_public_id(&s->to.public_key, to) != 0) {
        abort();
    }
    cbor_put_map(&w, f->members);
    cbor_put_str(&w, "to");
    cbor_put_bytes(&w, BYTES(to, f->to_size));
    cbor_put_str(&w, "enc");
    cbor_put_bytes(&w, hpke_public_bytes(&s->from.public_key));
    cbor_put_str(&w, "from");
    if (f->small_order_from) {
        cbor_put_bytes(&w, BYTES(zeros, 32));
    } else if (f->from_size > 0) {
        cbor_put_bytes(&w, BYTES(s->from.public_key.data, f->from_size));
    } else {
        cbor_put_null(&w);
    }
    cbor_put_str(&w, "kind");
    cbor_put_str(&w, f->kind);
    cbor_put_str(&w, "suite");
    cbor_put_array(&w, f->suite_count);
    cbor_put_uint(&w, f->kem);
    cbor_put_uint(&w, f->kdf);
    if (f->suite_count == 3) {
        cbor_put_uint(&w, f->aead);
    }
    cbor_put_str(&w, "format");
    cbor_put_str(&w, f->format);
    if (f->trailing) {
        cbor_put_null(&w);
    }
    struct writer out = writer_of(sealed, BUFFER_SIZE);
    cbor_put_map(&out, 2);
    cbor_put_str(&out, "header");
    cbor_put_bytes(&out, BYTES(header, w.size));
    cbor_put_str(&out, "ciphertext");
    cbor_put_bytes(&out, BYTES(zeros, f->plain + 16));
    if (f->outer_trailing) {
        cbor_put_null(&out);
    }
    return out.failed || w.failed ? 0 : out.size;
}

static void test_headers(void)
{
    struct scene s;
    struct message_header h;
    scene_make(&s, HPKE_KEM_X25519, HPKE_AES_256_GCM);
    struct forged f = honest;
#define PEEK (message_peek(BYTES(sealed, forge(&s, &f)), &h, NULL))
    CHECK(PEEK == 0 && h.kind == MESSAGE_KIND_CLAIM && !h.has_from, "the forger knows the format");
#define REFUSED(change, name)                                                                      \
    do {                                                                                           \
        f = honest;                                                                                \
        f.change;                                                                                  \
        CHECK(PEEK == -EBADMSG, "a message with %s is refused", name);                             \
    } while (0)
    REFUSED(kind = "claims", "a kind nobody knows");
    REFUSED(format = "alcove-message-2", "another format");
    REFUSED(kem = 0x21, "a KEM nobody knows");
    REFUSED(kem = 0x10, "an enc that is not of its KEM");
    REFUSED(kdf = 2, "another KDF");
    REFUSED(aead = 3, "another AEAD");
    REFUSED(aead = 0xffff, "the export-only AEAD");
    REFUSED(suite_count = 2, "half a suite");
    REFUSED(members = 5, "a member more than it says");
    REFUSED(members = 7, "a member less than it says");
    REFUSED(to_size = 31, "a short recipient");
    REFUSED(from_size = 31, "a short sender");
    REFUSED(small_order_from = true, "a sender of small order");
    REFUSED(trailing = true, "something behind the header");
    REFUSED(outer_trailing = true, "something behind it");
    REFUSED(plain = 16383, "a size that is none");
    REFUSED(plain = 4096, "a size below that of its kind");
    REFUSED(plain = 65536, "a size above that of its kind");
#undef REFUSED
#undef PEEK
}

/* ---- Plaintexts that no honest sender writes --------------------------------------------------
 */

static int read_plain(size_t size, const char *text, size_t text_size, int last)
{
    static uint8_t plain[16384];
    struct bytes evidence, inner;
    memset(plain, 0, sizeof plain);
    memcpy(plain, text, text_size);
    if (last >= 0) {
        plain[size - 1] = (uint8_t)last;
    }
    return message_plain_read(BYTES(plain, size), MESSAGE_KIND_ANSWER, &evidence, &inner, NULL);
}

static void test_plaintexts(void)
{
    static const char good[] = "\xa2\x64"
                               "body\x43"
                               "abc\x68"
                               "evidence\xf6";
    CHECK(read_plain(16384, good, sizeof good - 1, -1) == 0, "the plaintext is as documented");
    CHECK(read_plain(16384, good, sizeof good - 1, 1) == -EBADMSG, "padding is zeros");
    CHECK(read_plain(4096, good, sizeof good - 1, -1) == -EBADMSG, "padding fills the bucket");
    CHECK(read_plain(16384, good, sizeof good - 2, -1) == -EBADMSG, "both members are there");
    static const char *const bad[] = {
        "\xa1\x64"
        "body\x43"
        "abc",
        "\xa2\x64"
        "body\x63"
        "abc\x68"
        "evidence\xf6",
        "\xa2\x64"
        "body\x43"
        "abc\x68"
        "evidence\x60",
        "\xa2\x68"
        "evidence\xf6\x64"
        "body\x43"
        "abc",
        "\x82\x43"
        "abc\xf6",
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        CHECK(read_plain(16384, bad[i], strlen(bad[i]), -1) == -EBADMSG,
              "plaintext %zu that is otherwise is refused", i);
    }
    CHECK(read_plain(16384,
                     "\xa2\x64"
                     "body\x43"
                     "abc\x68"
                     "evidence\x40",
                     19, -1) == -EBADMSG,
          "empty evidence is not evidence");
    static uint8_t large[65536] = {0xa2, 0x64, 'b', 'o', 'd', 'y', 0x43, 'a', 'b', 'c',
                                   0x68, 'e',  'v', 'i', 'd', 'e', 'n',  'c', 'e', 0xf6};
    struct bytes evidence, inner;
    CHECK(message_plain_read(BYTES_OF(large), MESSAGE_KIND_ANSWER, &evidence, &inner, NULL) ==
              -EBADMSG,
          "a larger bucket than needed is refused: one text has one size");
}

/* ---- Sizes ----------------------------------------------------------------------------------- */

static void test_sizes(void)
{
    struct scene s;
    struct message m;
    struct message_header h;
    scene_make(&s, HPKE_KEM_X25519, HPKE_AES_256_GCM);
    s.draft.kind = s.expected.kind = MESSAGE_KIND_ANSWER;
    s.draft.evidence.size = 0;
    s.expected.evidence_mode = MESSAGE_EVIDENCE_NONE;
    size_t previous = 0;
    unsigned sizes = 0;
    bool good = true;
    for (size_t size = 0; size <= 1u << 20; size = size < 100 ? size + 1 : size * 5 / 4) {
        s.draft.body = BYTES(body, size);
        scene_seal(&s);
        good &=
            s.size >= previous && open_message(&s, &m) == 0 && bytes_equal(m.body, s.draft.body);
        sizes += s.size != previous;
        previous = s.size;
    }
    CHECK(good && sizes == 4, "bodies up to 1 MiB have %u sizes, and open", sizes);
    static const struct {
        size_t body, plain;
    } edges[] = {
        {16384 - 19, 16384}, {16384 - 18, 65536}, {MESSAGE_PLAIN_MAX - 21, MESSAGE_PLAIN_MAX}};
    for (size_t i = 0; i < ARRAY_SIZE(edges); i++) {
        s.draft.body = BYTES(body, edges[i].body);
        scene_seal(&s);
        bool fits = message_peek(BYTES(sealed, s.size), &h, NULL) == 0 &&
                    open_message(&s, &m) == 0 && bytes_equal(m.body, s.draft.body);
        CHECK(fits && s.size > edges[i].plain && s.size <= edges[i].plain + MESSAGE_OVERHEAD_MAX,
              "a body of %zu bytes is in a message of %zu", edges[i].body, s.size);
    }
    s.draft.body = BYTES(body, MESSAGE_PLAIN_MAX - 20);
    CHECK(message_sealed_size(&s.draft) == 0, "more than the largest bucket holds is refused");
    s.draft.body.size = SIZE_MAX;
    CHECK(message_sealed_size(&s.draft) == 0, "and so is a size that no memory has");
    s.draft.kind = MESSAGE_KIND_CLAIM;
    s.draft.body = BYTES(body, 16384);
    CHECK(message_sealed_size(&s.draft) == 0, "kinds have their own largest size");
    bool floors = true;
    for (unsigned k = 1; k < MESSAGE_KIND_COUNT; k++) {
        s.draft.kind = (enum message_kind)k;
        s.draft.body = BYTES(body, 1);
        size_t small = message_sealed_size(&s.draft);
        s.draft.body = BYTES(body, 3500);
        floors &= small > 4096 && message_sealed_size(&s.draft) == small;
    }
    CHECK(floors, "of every kind, 1 byte and 3500 bytes have one size");
}

static int seal(const struct message_draft *draft, size_t capacity)
{
    struct writer w = writer_of(sealed, capacity);
    uint8_t id[MESSAGE_ID_SIZE] = {7}, before[MESSAGE_ID_SIZE] = {7};
    struct diag d = {0};
    int r = message_seal(draft, &w, id, &d);
    if (r != 0 && (w.size != 0 || memcmp(id, before, sizeof id) != 0 || d.text[0] == 0)) {
        abort();
    }
    return r;
}

static void test_drafts(void)
{
    struct scene s;
    struct hpke_private_key p256;
    struct hpke_public_key none = {0};
    scene_make(&s, HPKE_KEM_X25519, HPKE_AES_256_GCM);
    struct message_draft good = s.draft;
    if (hpke_private_make(HPKE_KEM_P256, &p256) != 0) {
        abort();
    }
    CHECK(seal(&good, s.size) == 0 && seal(&good, s.size - 1) == -ENOSPC &&
              seal(&good, 0) == -ENOSPC,
          "a message needs as much room as was said");
#define REFUSED(change, name)                                                                      \
    do {                                                                                           \
        s.draft = good;                                                                            \
        s.draft.change;                                                                            \
        CHECK(seal(&s.draft, BUFFER_SIZE) == -EINVAL, "a draft with %s is refused", name);         \
    } while (0)
    REFUSED(kind = MESSAGE_KIND_NONE, "no kind");
    REFUSED(kind = MESSAGE_KIND_COUNT, "a kind nobody knows");
    REFUSED(context_mode = MESSAGE_CONTEXT_UNSET, "no context");
    REFUSED(context_mode = MESSAGE_CONTEXT_NONE, "a context that it says is none");
    REFUSED(context.size = MESSAGE_CONTEXT_MAX + 1, "a huge context");
    REFUSED(to = NULL, "no recipient");
    REFUSED(to = &none, "a recipient without a key");
    REFUSED(aead = (enum hpke_aead)0, "no AEAD");
    REFUSED(from = HPKE_FROM_SELF(&p256), "a sender's key of another KEM");
    REFUSED(from.sender = NULL, "a sender without a key");
    REFUSED(from.mode = HPKE_MODE_BASE, "a sender in base mode");
    REFUSED(from.mode = (enum hpke_mode)1, "a mode nobody knows");
    REFUSED(evidence.size = MESSAGE_EVIDENCE_MAX + 1, "too much evidence");
#undef REFUSED
    struct writer full = writer_of(sealed, 8);
    full.failed = true;
    uint8_t id[MESSAGE_ID_SIZE];
    CHECK(message_seal(&good, &full, id, NULL) == -ENOSPC, "a full writer stays full");
    CHECK(strcmp(message_kind_name(MESSAGE_KIND_UPLOAD), "upload") == 0 &&
              message_kind_name(MESSAGE_KIND_NONE) == NULL &&
              message_kind_name(MESSAGE_KIND_COUNT) == NULL,
          "kinds have names");
}

/* ---- Who sent it? ---------------------------------------------------------------------------- */

static void test_sender(void)
{
    struct scene s;
    struct message m;
    scene_make(&s, HPKE_KEM_X25519, HPKE_AES_256_GCM);
    struct binding custodian = {.key = s.from.public_key}, other = {.key = s.stranger.public_key};
    s.expected.from_mode = MESSAGE_FROM_CLAIMED;
    s.expected.from = NULL;
    CHECK(open_message(&s, &m) == 0 && message_sent_by(&m, &custodian) &&
              !message_sent_by(&m, &other),
          "a message is from the service whose binding names its sender's key");
    /* A thief has the custodian's evidence, but not its key. */
    s.draft.from = HPKE_FROM_SELF(&s.stranger);
    scene_seal(&s);
    CHECK(open_message(&s, &m) == 0 && !message_sent_by(&m, &custodian),
          "somebody else's evidence makes nobody its sender");
    uint8_t *key = memmem(sealed, s.size, s.stranger.public_key.data, 32);
    if (key == NULL) {
        abort();
    }
    memcpy(key, s.from.public_key.data, 32);
    CHECK(open_it(&s) == -EBADMSG, "nor does naming the custodian's key");
    s.draft.from = HPKE_FROM_ANYONE;
    s.expected.from_mode = MESSAGE_FROM_ANYONE;
    scene_seal(&s);
    CHECK(open_message(&s, &m) == 0 && !message_sent_by(&m, &custodian),
          "a message from anyone is from no service");
}

int main(void)
{
    sealed = malloc(BUFFER_SIZE);
    opened = malloc(BUFFER_SIZE);
    body = malloc(BUFFER_SIZE);
    if (sealed == NULL || opened == NULL || body == NULL) {
        return 1;
    }
    memset(body, 'b', BUFFER_SIZE);
    test_round_trips();
    test_expectations();
    test_damage();
    test_splices();
    test_peek();
    test_headers();
    test_plaintexts();
    test_sizes();
    test_drafts();
    test_sender();
    CHECK(untouched(body, BUFFER_SIZE, 'b'), "nobody wrote into what was to be sealed");
    free(sealed);
    free(opened);
    free(body);
    return tap_done();
}
