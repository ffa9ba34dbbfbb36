/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a Nitro document's payload; see document.h. It was not signed by anybody yet. */
#include "aws/document.h"
#include "cbor/item.h"

/* AWS's maxima, section 2.2. Section 3.2.2.2 leaves only 512 bytes to user data and nonce, but
 * AWS's user guide says 1024 too, and hosts sign that much. */
enum { CERTIFICATE_MAX = 1024, FIELD_MAX = ALCOVE_NITRO_FIELD_MAX };
enum { MODULE_ID_MAX = sizeof((struct alcove_nitro_document *)0)->module_id - 1 };

/* Printable ASCII: what AWS sends, and what may be printed unescaped. */
static bool read_module_id(struct cursor *in, struct nitro_payload *p)
{
    struct bytes text = item_take_kind(in, ITEM_TEXT).text;
    if (text.size == 0 || text.size > MODULE_ID_MAX) {
        return false;
    }
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < 0x20 || text.data[i] > 0x7e) {
            return false;
        }
    }
    __builtin_memcpy(p->facts.module_id, text.data, text.size);
    return true;
}

static bool read_digest(struct cursor *in, struct nitro_payload *p)
{
    p->digest_is_sha384 = bytes_equal_str(item_take_kind(in, ITEM_TEXT).text, "SHA384");
    return cursor_ok(in);
}

static bool read_timestamp(struct cursor *in, struct nitro_payload *p)
{
    p->facts.timestamp_ms = item_take_kind(in, ITEM_UINT).value;
    return p->facts.timestamp_ms > 0;
}

static bool read_pcrs(struct cursor *in, struct nitro_payload *p)
{
    struct alcove_nitro_document *f = &p->facts;
    struct item map = item_take_kind(in, ITEM_MAP);
    while (item_more(in, &map)) {
        uint64_t index = item_take_kind(in, ITEM_UINT).value;
        struct bytes value = item_take_kind(in, ITEM_BYTES).text;
        if (!cursor_ok(in) || index >= ALCOVE_NITRO_PCRS || (f->pcr_present >> index & 1) != 0 ||
            (value.size != 32 && value.size != 48 && value.size != 64) ||
            (f->pcr_present != 0 && value.size != f->pcr_size)) {
            return false;
        }
        f->pcr_present |= UINT32_C(1) << index;
        f->pcr_size = (uint8_t)value.size;
        __builtin_memcpy(f->pcr[index], value.data, value.size);
    }
    return cursor_ok(in) && f->pcr_present != 0;
}

static bool read_certificate(struct cursor *in, struct bytes *ret)
{
    *ret = item_take_kind(in, ITEM_BYTES).text;
    return ret->size > 0 && ret->size <= CERTIFICATE_MAX;
}

static bool read_bundle(struct cursor *in, struct nitro_payload *p)
{
    struct item array = item_take_kind(in, ITEM_ARRAY);
    while (item_more(in, &array)) {
        if (p->bundle_count == NITRO_BUNDLE_MAX ||
            !read_certificate(in, &p->bundle[p->bundle_count])) {
            return false;
        }
        p->bundle_count++;
    }
    return cursor_ok(in) && p->bundle_count > 0;
}

/* A byte string, null, or not there at all. */
static bool read_optional(struct cursor *in, uint8_t ret[FIELD_MAX], bool *ret_has,
                          uint16_t *ret_size)
{
    struct item item = item_take(in);
    if (item.kind == ITEM_SIMPLE) {
        return item.value == ITEM_NULL && !item.is_float;
    }
    if (item.kind != ITEM_BYTES || item.text.size > FIELD_MAX) {
        return false;
    }
    *ret_has = true;
    *ret_size = (uint16_t)item.text.size;
    if (item.text.size > 0) {
        __builtin_memcpy(ret, item.text.data, item.text.size);
    }
    return true;
}

enum member {
    MODULE_ID,
    DIGEST,
    TIMESTAMP,
    PCRS,
    CERTIFICATE,
    CABUNDLE,
    REQUIRED, /* those above */
    PUBLIC_KEY = REQUIRED,
    USER_DATA,
    NONCE,
    MEMBERS,
};

static enum member member_of(struct bytes key)
{
    static const char *const names[MEMBERS] = {
        [MODULE_ID] = "module_id",
        [DIGEST] = "digest",
        [TIMESTAMP] = "timestamp",
        [PCRS] = "pcrs",
        [CERTIFICATE] = "certificate",
        [CABUNDLE] = "cabundle",
        [PUBLIC_KEY] = "public_key",
        [USER_DATA] = "user_data",
        [NONCE] = "nonce",
    };
    for (int i = 0; i < MEMBERS; i++) {
        if (bytes_equal_str(key, names[i])) {
            return (enum member)i;
        }
    }
    return MEMBERS;
}

static bool read_member(struct cursor *in, enum member member, struct nitro_payload *p)
{
    struct alcove_nitro_document *f = &p->facts;
    switch (member) {
    case MODULE_ID:
        return read_module_id(in, p);
    case DIGEST:
        return read_digest(in, p);
    case TIMESTAMP:
        return read_timestamp(in, p);
    case PCRS:
        return read_pcrs(in, p);
    case CERTIFICATE:
        return read_certificate(in, &p->certificate);
    case CABUNDLE:
        return read_bundle(in, p);
    case PUBLIC_KEY:
        return read_optional(in, f->public_key, &f->has_public_key, &f->public_key_size);
    case USER_DATA:
        return read_optional(in, f->user_data, &f->has_user_data, &f->user_data_size);
    case NONCE:
        return read_optional(in, f->nonce, &f->has_nonce, &f->nonce_size);
    case MEMBERS:
        break;
    }
    return false;
}

bool nitro_payload_read(struct bytes payload, struct nitro_payload *ret)
{
    struct cursor in = cursor_of(payload);
    struct item map = item_take_kind(&in, ITEM_MAP);
    unsigned seen = 0;
    *ret = (struct nitro_payload){0};
    while (item_more(&in, &map)) {
        enum member member = member_of(item_take_kind(&in, ITEM_TEXT).text);
        if ((seen >> member & 1) != 0 || !read_member(&in, member, ret)) {
            return false;
        }
        seen |= 1u << member;
    }
    const unsigned required = (1u << REQUIRED) - 1;
    return cursor_done(&in) && (seen & required) == required;
}
