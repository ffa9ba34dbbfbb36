/* SPDX-License-Identifier: Apache-2.0 */
/* Reads TCB info and QE identity. An adversary chooses the text until the signature is checked:
 * everything is bounded, unknown members are checked for form and skipped, known ones are
 * range-checked, and every one that matters must be there. */
#include "collateral.h"
#include "verify/json.h"

#define DOCUMENT_VERSION_MAX 100u

/* Which members an object had. */
#define SEEN(bit) (UINT32_C(1) << (bit))

static enum alcove_tcb_status take_status(struct json *j)
{
    struct bytes text = json_string(j);
    for (int s = ALCOVE_TCB_NONE + 1; s < ALCOVE_TCB_NOT_SUPPORTED; s++) {
        if (bytes_equal_str(text, alcove_tcb_status_name((enum alcove_tcb_status)s))) {
            return (enum alcove_tcb_status)s;
        }
    }
    j->failed = true;
    return ALCOVE_TCB_NONE;
}

static struct bytes take_advisories(struct json *j)
{
    struct bytes raw = json_raw(j);
    struct json inner = json_of(raw);
    struct json_array a = {0};
    while (json_item(&inner, &a)) {
        struct bytes id = json_string(&inner);
        if (id.size == 0 || id.size >= ALCOVE_ADVISORY_SIZE) {
            inner.failed = true;
        }
    }
    if (!json_done(&inner)) {
        j->failed = true;
    }
    return raw;
}

/* Members that TCB levels of both documents share. True if the key was one of them. */
enum { LEVEL_TCB, LEVEL_DATE, LEVEL_STATUS, LEVEL_ADVISORIES };
static bool level_member(struct json *j, struct bytes key, struct tcb_verdict *v, uint32_t *seen)
{
    if (bytes_equal_str(key, "tcbDate")) {
        v->date = json_time(j);
        *seen |= SEEN(LEVEL_DATE);
    } else if (bytes_equal_str(key, "tcbStatus")) {
        v->status = take_status(j);
        *seen |= SEEN(LEVEL_STATUS);
    } else if (bytes_equal_str(key, "advisoryIDs")) {
        v->advisories = take_advisories(j);
        *seen |= SEEN(LEVEL_ADVISORIES);
    } else {
        return false;
    }
    return true;
}
#define LEVEL_NEEDED (SEEN(LEVEL_TCB) | SEEN(LEVEL_DATE) | SEEN(LEVEL_STATUS))

/* "sgxtcbcomp01svn" .. "sgxtcbcomp16svn": 1..16, else 0. */
static unsigned v2_component(struct bytes key)
{
    const struct bytes head = BYTES_STR("sgxtcbcomp"), tail = BYTES_STR("svn");
    if (key.size != head.size + 2 + tail.size || !bytes_equal(BYTES(key.data, head.size), head) ||
        !bytes_equal(BYTES(key.data + head.size + 2, tail.size), tail)) {
        return 0;
    }
    unsigned tens = key.data[head.size] - (unsigned)'0';
    unsigned ones = key.data[head.size + 1] - (unsigned)'0';
    unsigned n = tens * 10 + ones;
    return tens <= 1 && ones <= 9 && n <= 16 ? n : 0;
}

/* [{"svn": 5, ...}, ...], exactly 16 of them. */
static void take_components(struct json *j, uint8_t ret[16])
{
    struct json_array a = {0};
    while (json_item(j, &a)) {
        struct json_object o = {0};
        struct bytes key;
        bool has_svn = false;
        while (json_member(j, &o, &key)) {
            if (bytes_equal_str(key, "svn")) {
                uint8_t svn = (uint8_t)json_uint(j, UINT8_MAX);
                if (a.count <= 16) {
                    ret[a.count - 1] = svn;
                }
                has_svn = true;
            } else {
                (void)json_raw(j);
            }
        }
        if (!has_svn) {
            j->failed = true;
        }
    }
    if (a.count != 16) {
        j->failed = true;
    }
}

/* The members that version 2 or version 3 of TCB info uses; a level must have one set entirely. */
enum { TCB_V3_COMPONENTS = 17, TCB_PCESVN = 18 };
#define TCB_V2_NEEDED (((SEEN(17)) - 2) | SEEN(TCB_PCESVN))
#define TCB_V3_NEEDED (SEEN(TCB_V3_COMPONENTS) | SEEN(TCB_PCESVN))

static void take_level_tcb(struct json *j, uint32_t version, struct tcb_level *level)
{
    struct json_object o = {0};
    struct bytes key;
    uint32_t seen = 0;
    while (json_member(j, &o, &key)) {
        unsigned n = v2_component(key);
        if (n > 0) {
            level->components[n - 1] = (uint8_t)json_uint(j, UINT8_MAX);
            seen |= SEEN(n);
        } else if (bytes_equal_str(key, "sgxtcbcomponents")) {
            take_components(j, level->components);
            seen |= SEEN(TCB_V3_COMPONENTS);
        } else if (bytes_equal_str(key, "pcesvn")) {
            level->pcesvn = (uint16_t)json_uint(j, UINT16_MAX);
            seen |= SEEN(TCB_PCESVN);
        } else {
            (void)json_raw(j);
        }
    }
    if (seen != (version == 2 ? TCB_V2_NEEDED : TCB_V3_NEEDED)) {
        j->failed = true;
    }
}

static void take_levels(struct json *j, uint32_t version, struct tcb_info *info)
{
    struct json_array a = {0};
    while (json_item(j, &a)) {
        struct tcb_level level = {0};
        struct json_object o = {0};
        struct bytes key;
        uint32_t seen = 0;
        while (json_member(j, &o, &key)) {
            if (bytes_equal_str(key, "tcb")) {
                take_level_tcb(j, version, &level);
                seen |= SEEN(LEVEL_TCB);
            } else if (!level_member(j, key, &level.verdict, &seen)) {
                (void)json_raw(j);
            }
        }
        if ((seen & LEVEL_NEEDED) != LEVEL_NEEDED || info->level_count == TCB_LEVELS_MAX) {
            j->failed = true;
            return;
        }
        info->levels[info->level_count++] = level;
    }
}

/* Members that both documents share. */
enum { BODY_VERSION, BODY_ISSUE, BODY_NEXT, BODY_EVALUATION, BODY_LEVELS, BODY_OWN };
static bool body_member(struct json *j, struct bytes key, struct signed_json *d, uint32_t *version,
                        uint32_t *seen)
{
    if (bytes_equal_str(key, "version")) {
        *version = (uint32_t)json_uint(j, DOCUMENT_VERSION_MAX);
        *seen |= SEEN(BODY_VERSION);
    } else if (bytes_equal_str(key, "issueDate")) {
        d->issue_date = json_time(j);
        *seen |= SEEN(BODY_ISSUE);
    } else if (bytes_equal_str(key, "nextUpdate")) {
        d->next_update = json_time(j);
        *seen |= SEEN(BODY_NEXT);
    } else if (bytes_equal_str(key, "tcbEvaluationDataNumber")) {
        d->evaluation_number = (uint32_t)json_uint(j, UINT32_MAX);
        *seen |= SEEN(BODY_EVALUATION);
    } else {
        return false;
    }
    return true;
}

/* In lower case, as the service writes it: nothing that is not signed may be written in two ways. */
static void take_signature(struct json *j, uint8_t ret[64])
{
    struct json ahead = *j;
    struct bytes text = json_string(&ahead);
    json_hex(j, ret, 64);
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] >= 'A' && text.data[i] <= 'F') {
            j->failed = true;
        }
    }
}

/* {"<name>": body, "signature": "128 hex digits"} and nothing else: what is not signed is not
 * there. */
static bool read_envelope(struct bytes text, const char *name, struct signed_json *ret)
{
    struct json j = json_of(text);
    struct json_object o = {0};
    struct bytes key;
    bool has_signature = false;
    while (json_member(&j, &o, &key)) {
        if (bytes_equal_str(key, name)) {
            ret->body = json_raw(&j);
        } else if (bytes_equal_str(key, "signature")) {
            take_signature(&j, ret->signature);
            has_signature = true;
        } else {
            return false;
        }
    }
    return json_done(&j) && ret->body.size > 0 && has_signature;
}

enum { INFO_FMSPC = BODY_OWN, INFO_PCEID, INFO_TCB_TYPE, INFO_ID };
#define INFO_NEEDED ((SEEN(INFO_ID) - 1)) /* all but the id */

bool tcb_info_read(struct bytes text, struct tcb_info *ret)
{
    *ret = (struct tcb_info){0};
    struct signed_json *d = &ret->document;
    if (!read_envelope(text, "tcbInfo", d)) {
        return false;
    }
    struct json j = json_of(d->body);
    struct json_object o = {0};
    struct bytes key, id = {0}, levels = {0};
    uint32_t version = 0, seen = 0;
    while (json_member(&j, &o, &key)) {
        if (bytes_equal_str(key, "id")) {
            id = json_string(&j);
            seen |= SEEN(INFO_ID);
        } else if (bytes_equal_str(key, "fmspc")) {
            json_hex(&j, ret->fmspc, sizeof ret->fmspc);
            seen |= SEEN(INFO_FMSPC);
        } else if (bytes_equal_str(key, "pceId")) {
            json_hex(&j, ret->pceid, sizeof ret->pceid);
            seen |= SEEN(INFO_PCEID);
        } else if (bytes_equal_str(key, "tcbType")) {
            (void)json_uint(&j, 0); /* the only kind that is defined */
            seen |= SEEN(INFO_TCB_TYPE);
        } else if (bytes_equal_str(key, "tcbLevels")) {
            levels = json_raw(&j); /* read below: its form depends on the version */
            seen |= SEEN(BODY_LEVELS);
        } else if (!body_member(&j, key, d, &version, &seen)) {
            (void)json_raw(&j);
        }
    }
    bool form_ok =
        json_done(&j) && (seen & INFO_NEEDED) == INFO_NEEDED &&
        ((version == 2 && !(seen & SEEN(INFO_ID))) || (version == 3 && (seen & SEEN(INFO_ID))));
    if (!form_ok) {
        return false;
    }
    ret->is_sgx = version == 2 || bytes_equal_str(id, "SGX");
    struct json inner = json_of(levels);
    take_levels(&inner, version, ret);
    return json_done(&inner);
}

static void take_qe_levels(struct json *j, struct qe_identity *identity)
{
    struct json_array a = {0};
    while (json_item(j, &a)) {
        struct qe_level level = {0};
        struct json_object o = {0};
        struct bytes key;
        uint32_t seen = 0;
        while (json_member(j, &o, &key)) {
            if (bytes_equal_str(key, "tcb")) {
                struct json_object tcb = {0};
                while (json_member(j, &tcb, &key)) {
                    if (bytes_equal_str(key, "isvsvn")) {
                        level.isvsvn = (uint16_t)json_uint(j, UINT16_MAX);
                        seen |= SEEN(LEVEL_TCB);
                    } else {
                        (void)json_raw(j);
                    }
                }
            } else if (!level_member(j, key, &level.verdict, &seen)) {
                (void)json_raw(j);
            }
        }
        /* The other statuses describe platforms; convergence would drop them silently. */
        bool status_ok = level.verdict.status == ALCOVE_TCB_UP_TO_DATE ||
                         level.verdict.status == ALCOVE_TCB_OUT_OF_DATE ||
                         level.verdict.status == ALCOVE_TCB_REVOKED;
        if ((seen & LEVEL_NEEDED) != LEVEL_NEEDED || !status_ok ||
            identity->level_count == TCB_LEVELS_MAX) {
            j->failed = true;
            return;
        }
        identity->levels[identity->level_count++] = level;
    }
}

enum {
    QE_ID = BODY_OWN,
    QE_MISCSELECT,
    QE_MISCSELECT_MASK,
    QE_ATTRIBUTES,
    QE_ATTRIBUTES_MASK,
    QE_MRSIGNER,
    QE_ISVPRODID,
    QE_MEMBERS
};

/* MISCSELECT is written like the byte arrays beside it: in memory order. */
static uint32_t take_hex32(struct json *j)
{
    uint8_t b[4];
    json_hex(j, b, sizeof b);
    return load_le32(b);
}

static bool qe_member(struct json *j, struct bytes key, struct qe_identity *ret, uint32_t *seen)
{
    if (bytes_equal_str(key, "id")) {
        ret->is_sgx_qe = bytes_equal_str(json_string(j), "QE");
        *seen |= SEEN(QE_ID);
    } else if (bytes_equal_str(key, "miscselect")) {
        ret->miscselect = take_hex32(j);
        *seen |= SEEN(QE_MISCSELECT);
    } else if (bytes_equal_str(key, "miscselectMask")) {
        ret->miscselect_mask = take_hex32(j);
        *seen |= SEEN(QE_MISCSELECT_MASK);
    } else if (bytes_equal_str(key, "attributes")) {
        json_hex(j, ret->attributes, sizeof ret->attributes);
        *seen |= SEEN(QE_ATTRIBUTES);
    } else if (bytes_equal_str(key, "attributesMask")) {
        json_hex(j, ret->attributes_mask, sizeof ret->attributes_mask);
        *seen |= SEEN(QE_ATTRIBUTES_MASK);
    } else if (bytes_equal_str(key, "mrsigner")) {
        json_hex(j, ret->mrsigner, sizeof ret->mrsigner);
        *seen |= SEEN(QE_MRSIGNER);
    } else if (bytes_equal_str(key, "isvprodid")) {
        ret->isvprodid = (uint16_t)json_uint(j, UINT16_MAX);
        *seen |= SEEN(QE_ISVPRODID);
    } else if (bytes_equal_str(key, "tcbLevels")) {
        take_qe_levels(j, ret);
        *seen |= SEEN(BODY_LEVELS);
    } else {
        return false;
    }
    return true;
}

bool qe_identity_read(struct bytes text, struct qe_identity *ret)
{
    *ret = (struct qe_identity){0};
    if (!read_envelope(text, "enclaveIdentity", &ret->document)) {
        return false;
    }
    struct json j = json_of(ret->document.body);
    struct json_object o = {0};
    struct bytes key;
    uint32_t version = 0, seen = 0;
    while (json_member(&j, &o, &key)) {
        if (!qe_member(&j, key, ret, &seen) &&
            !body_member(&j, key, &ret->document, &version, &seen)) {
            (void)json_raw(&j);
        }
    }
    return json_done(&j) && version == 2 && seen == SEEN(QE_MEMBERS) - 1;
}

const struct tcb_level *tcb_level_select(const struct tcb_info *info, const uint8_t components[16],
                                         uint16_t pcesvn)
{
    for (size_t i = 0; i < info->level_count; i++) {
        const struct tcb_level *level = &info->levels[i];
        bool reached = pcesvn >= level->pcesvn;
        for (size_t k = 0; k < 16; k++) {
            reached = reached && components[k] >= level->components[k];
        }
        if (reached) {
            return level;
        }
    }
    return NULL;
}

const struct qe_level *qe_level_select(const struct qe_identity *identity, uint16_t isvsvn)
{
    const struct qe_level *best = NULL;
    for (size_t i = 0; i < identity->level_count; i++) {
        const struct qe_level *level = &identity->levels[i];
        if (level->isvsvn <= isvsvn && (best == NULL || level->isvsvn > best->isvsvn)) {
            best = level;
        }
    }
    return best;
}

enum alcove_tcb_status tcb_converge(enum alcove_tcb_status platform, enum alcove_tcb_status qe)
{
    if (qe == ALCOVE_TCB_REVOKED) {
        return ALCOVE_TCB_REVOKED;
    }
    if (qe != ALCOVE_TCB_OUT_OF_DATE) {
        return platform;
    }
    if (platform == ALCOVE_TCB_UP_TO_DATE || platform == ALCOVE_TCB_SW_HARDENING_NEEDED) {
        return ALCOVE_TCB_OUT_OF_DATE;
    }
    if (platform == ALCOVE_TCB_CONFIGURATION_NEEDED ||
        platform == ALCOVE_TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED) {
        return ALCOVE_TCB_OUT_OF_DATE_CONFIGURATION_NEEDED;
    }
    return platform;
}
