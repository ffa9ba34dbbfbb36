/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON reader. An adversary chooses every byte, before any signature was checked: depth, member
 * and item counts are bounded, every step consumes input, and time is linear in the text (times the
 * member bound, for finding duplicates). */
#include "verify/json.h"
#include "x509/civil.h"

struct json json_of(struct bytes text)
{
    return (struct json){.rest = text, .failed = text.size > JSON_SIZE_MAX};
}

static void fail(struct json *j)
{
    j->failed = true;
    j->rest = (struct bytes){0};
}

static void advance(struct json *j, size_t n)
{
    if (n > 0) { /* after failures there is no pointer to add to */
        j->rest.data += n;
        j->rest.size -= n;
    }
}

/* Leaves `rest` at `p`, which lies in it. */
static void advance_to(struct json *j, const uint8_t *p)
{
    advance(j, (size_t)(p - j->rest.data));
}

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_space(struct json *j)
{
    size_t n = 0;
    while (n < j->rest.size && is_space(j->rest.data[n])) {
        n++;
    }
    advance(j, n);
}

/* The next byte that is not white space, without consuming it; 0 at the end. */
static uint8_t peek(struct json *j)
{
    if (j->rest.size > 0 && j->rest.data[0] <= ' ') { /* seldom: the service writes none */
        skip_space(j);
    }
    return j->failed || j->rest.size == 0 ? 0 : j->rest.data[0];
}

static bool take(struct json *j, char c)
{
    if (peek(j) != (uint8_t)c) {
        fail(j);
        return false;
    }
    advance(j, 1);
    return true;
}

bool json_done(struct json *j)
{
    skip_space(j);
    return !j->failed && j->rest.size == 0;
}

static bool is_hex(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Length of the well-formed UTF-8 sequence at p (RFC 3629), 0 if there is none. */
static size_t utf8_length(const uint8_t *p, size_t size)
{
    size_t n = p[0] < 0x80   ? 1
               : p[0] < 0xc2 ? 0
               : p[0] < 0xe0 ? 2
               : p[0] < 0xf0 ? 3
               : p[0] < 0xf5 ? 4
                             : 0;
    if (n == 0 || n > size) {
        return 0;
    }
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    bool overlong = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xf0 && p[1] < 0x90);
    bool surrogate = p[0] == 0xed && p[1] >= 0xa0;
    bool too_large = p[0] == 0xf4 && p[1] >= 0x90;
    return n > 1 && (overlong || surrogate || too_large) ? 0 : n;
}

/* Length of the escape sequence at p, which starts with a backslash; 0 if it is none. */
static size_t escape_length(const uint8_t *p, size_t size)
{
    if (size < 2) {
        return 0;
    }
    if (p[1] == 'u') {
        return size >= 6 && is_hex(p[2]) && is_hex(p[3]) && is_hex(p[4]) && is_hex(p[5]) ? 6 : 0;
    }
    for (const char *s = "\"\\/bfnrt"; *s; s++) {
        if (p[1] == (uint8_t)*s) {
            return 2;
        }
    }
    return 0;
}

/* Bytes that stand for themselves in a string, each alone: ASCII without control characters, quote
 * and backslash. */
static const uint8_t plain[256] = {
    [0x20] = 1,
    1,
    [0x23 ... 0x5b] = 1,
    [0x5d ... 0x7f] = 1,
};

/* The contents of a string. */
static struct bytes take_string(struct json *j, bool escapes_allowed)
{
    if (!take(j, '"')) {
        return (struct bytes){0};
    }
    const uint8_t *start = j->rest.data, *p = start, *end = start + j->rest.size;
    for (;;) {
        while (p < end && plain[*p]) {
            p++;
        }
        if (p < end && *p == '"') {
            break;
        }
        size_t step = 0;
        if (p < end && *p == '\\') {
            step = escapes_allowed ? escape_length(p, (size_t)(end - p)) : 0;
        } else if (p < end && *p >= 0x80) {
            step = utf8_length(p, (size_t)(end - p));
        }
        if (step == 0) {
            fail(j);
            return (struct bytes){0};
        }
        p += step;
    }
    advance_to(j, p + 1);
    return BYTES(start, (size_t)(p - start));
}

struct bytes json_string(struct json *j)
{
    return take_string(j, false);
}

static bool enter(struct json *j, char open)
{
    if (j->depth >= JSON_DEPTH_MAX) {
        fail(j);
        return false;
    }
    if (!take(j, open)) {
        return false;
    }
    j->depth++;
    return true;
}

static bool leave(struct json *j)
{
    advance(j, 1);
    j->depth--;
    return false;
}

/* Keys have no escapes, so that a key that is as long as an earlier one and ends with its quote is
 * equal if its bytes are. The earlier one lies before this one: reading so far stays in the text.
 */
static bool is_repeated(const struct json_object *o, struct bytes key)
{
    for (size_t i = 0; i < o->count; i++) {
        const uint8_t *earlier = o->text + o->keys[i];
        if (earlier[0] == (key.size > 0 ? key.data[0] : (uint8_t)'"') &&
            __builtin_memcmp(earlier, key.data, key.size) == 0 && earlier[key.size] == '"') {
            return true;
        }
    }
    return false;
}

bool json_member(struct json *j, struct json_object *o, struct bytes *ret_key)
{
    *ret_key = (struct bytes){0};
    if (!o->started) {
        if (!enter(j, '{')) {
            return false;
        }
        o->started = true;
        o->text = j->rest.data;
        if (peek(j) == '}') {
            return leave(j);
        }
    } else {
        if (peek(j) == '}') {
            return leave(j);
        }
        if (!take(j, ',')) {
            return false;
        }
    }
    struct bytes key = take_string(j, false);
    if (!take(j, ':') || o->count == JSON_MEMBERS_MAX || is_repeated(o, key)) {
        fail(j);
        return false;
    }
    o->keys[o->count++] = (uint32_t)(key.data - o->text);
    *ret_key = key;
    return true;
}

bool json_item(struct json *j, struct json_array *a)
{
    if (!a->started) {
        if (!enter(j, '[')) {
            return false;
        }
        a->started = true;
        if (peek(j) == ']') {
            return leave(j);
        }
    } else {
        if (peek(j) == ']') {
            return leave(j);
        }
        if (!take(j, ',')) {
            return false;
        }
    }
    if (++a->count > JSON_ITEMS_MAX) {
        fail(j);
        return false;
    }
    return true;
}

static size_t digits(struct json *j)
{
    size_t n = 0;
    while (n < j->rest.size && j->rest.data[n] >= '0' && j->rest.data[n] <= '9') {
        n++;
    }
    advance(j, n);
    return n;
}

static bool take_if(struct json *j, char c)
{
    if (j->rest.size == 0 || j->rest.data[0] != (uint8_t)c) {
        return false;
    }
    advance(j, 1);
    return true;
}

uint64_t json_uint(struct json *j, uint64_t max)
{
    (void)peek(j);
    const uint8_t *p = j->rest.data;
    size_t n = digits(j);
    uint64_t value = 0;
    bool ok = n > 0 && !(n > 1 && p[0] == '0');
    for (size_t i = 0; ok && i < n; i++) {
        ok = mul_ok(value, 10, &value) && add_ok(value, (uint64_t)(p[i] - '0'), &value);
    }
    if (!ok || value > max) {
        fail(j);
        return 0;
    }
    return value;
}

static void skip_number(struct json *j)
{
    (void)take_if(j, '-');
    bool ok = take_if(j, '0') || digits(j) > 0;
    if (ok && take_if(j, '.')) {
        ok = digits(j) > 0;
    }
    if (ok && (take_if(j, 'e') || take_if(j, 'E'))) {
        if (!take_if(j, '+')) {
            (void)take_if(j, '-');
        }
        ok = digits(j) > 0;
    }
    if (!ok) {
        fail(j);
    }
}

static void skip_word(struct json *j, struct bytes word)
{
    if (j->rest.size < word.size || !bytes_equal(BYTES(j->rest.data, word.size), word)) {
        fail(j);
        return;
    }
    advance(j, word.size);
}

/* Recursion is bounded by JSON_DEPTH_MAX, because json_member() and json_item() are. */
static void skip_value(struct json *j)
{
    switch (peek(j)) {
    case '{': {
        struct json_object o = {0};
        struct bytes key;
        while (json_member(j, &o, &key)) {
            skip_value(j);
        }
        break;
    }
    case '[': {
        struct json_array a = {0};
        while (json_item(j, &a)) {
            skip_value(j);
        }
        break;
    }
    case '"':
        (void)take_string(j, true);
        break;
    case 't':
        skip_word(j, BYTES_STR("true"));
        break;
    case 'f':
        skip_word(j, BYTES_STR("false"));
        break;
    case 'n':
        skip_word(j, BYTES_STR("null"));
        break;
    default:
        skip_number(j);
    }
}

struct bytes json_raw(struct json *j)
{
    struct bytes start = json_here(j);
    skip_value(j);
    return json_since(j, start);
}

struct bytes json_here(struct json *j)
{
    (void)peek(j);
    return j->rest;
}

struct bytes json_since(const struct json *j, struct bytes here)
{
    return j->failed ? (struct bytes){0} : BYTES(here.data, here.size - j->rest.size);
}

void json_hex(struct json *j, void *ret, size_t n)
{
    struct bytes text = json_string(j);
    uint8_t *out = ret;
    __builtin_memset(out, 0, n);
    if (j->failed || text.size != 2 * n) {
        fail(j);
        return;
    }
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        if (!is_hex(c)) {
            fail(j);
            return;
        }
        uint8_t nibble = (uint8_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
        out[i / 2] = (uint8_t)(out[i / 2] << 4 | nibble);
    }
}

int64_t json_time(struct json *j)
{
    int64_t seconds = 0;
    if (!civil_parse(json_string(j), &seconds)) {
        fail(j);
        return 0;
    }
    return seconds;
}
