/* SPDX-License-Identifier: Apache-2.0 */
/* Reads TCB info and QE identity. An adversary chooses the text until the signature is checked:
 * everything is bounded, unknown members are checked for form and skipped, known ones are
 * range-checked, and every one that matters must be there. */
#include "intel/collateral.h"
#include "crypto/crypto.h"
#include "verify/json.h"

#define DOCUMENT_VERSION_MAX 100u

/* Which members an object had. */
#define SEEN(bit) (UINT32_C(1) << (bit))

static enum alcove_tcb_status take_status(struct json *j)
{
    struct bytes text = json_string(j);
    for (int s = ALCOVE_TCB_NONE + 1; s <= ALCOVE_TCB_REVOKED; s++) {
        if (bytes_equal_str(text, alcove_tcb_status_name((enum alcove_tcb_status)s))) {
            return (enum alcove_tcb_status)s;
        }
    }
    j->failed = true;
    return ALCOVE_TCB_NONE;
}

static struct bytes take_advisories(struct json *j)
{
    struct bytes here = json_here(j);
    struct json_array a = {0};
    while (json_item(j, &a)) {
        struct bytes id = json_string(j);
        if (id.size == 0 || id.size >= ALCOVE_ADVISORY_SIZE) {
            j->failed = true;
        }
    }
    return json_since(j, here);
}

/* Members that TCB levels of both documents share. True if the key was one of them. */
enum { LEVEL_TCB, LEVEL_DATE, LEVEL_STATUS, LEVEL_ADVISORIES };
static bool level_member(struct json *j, struct bytes key, struct tcb_verdict *v, uint32_t *seen)
{
    if (json_is(key, "tcbDate")) {
        v->date = json_time(j);
        *seen |= SEEN(LEVEL_DATE);
    } else if (json_is(key, "tcbStatus")) {
        v->status = take_status(j);
        *seen |= SEEN(LEVEL_STATUS);
    } else if (json_is(key, "advisoryIDs")) {
        v->advisories = take_advisories(j);
        *seen |= SEEN(LEVEL_ADVISORIES);
    } else {
        return false;
    }
    return true;
}
#define LEVEL_NEEDED (SEEN(LEVEL_TCB) | SEEN(LEVEL_DATE) | SEEN(LEVEL_STATUS))

/* [{"tcb": {"isvsvn": 5}, ...}, ...] into at most `max` levels; returns how many. */
static size_t take_svn_levels(struct json *j, struct svn_level *levels, size_t max)
{
    struct json_array a = {0};
    size_t count = 0;
    while (json_item(j, &a)) {
        struct svn_level level = {0};
        struct json_object o = {0};
        struct bytes key;
        uint32_t seen = 0;
        while (json_member(j, &o, &key)) {
            if (json_is(key, "tcb")) {
                struct json_object tcb = {0};
                while (json_member(j, &tcb, &key)) {
                    if (json_is(key, "isvsvn")) {
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
        if ((seen & LEVEL_NEEDED) != LEVEL_NEEDED || !status_ok || count == max) {
            j->failed = true;
            return 0;
        }
        levels[count++] = level;
    }
    return count;
}

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
            if (json_is(key, "svn")) {
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
enum { TCB_V3_COMPONENTS = 17, TCB_PCESVN = 18, TCB_TDX_COMPONENTS = 19 };
#define TCB_V2_NEEDED (((SEEN(17)) - 2) | SEEN(TCB_PCESVN))
#define TCB_V3_NEEDED (SEEN(TCB_V3_COMPONENTS) | SEEN(TCB_PCESVN))

#define TCB_TDX_NEEDED (TCB_V3_NEEDED | SEEN(TCB_TDX_COMPONENTS))

static void take_level_tcb(struct json *j, uint32_t needed, struct tcb_level *level)
{
    struct json_object o = {0};
    struct bytes key;
    uint32_t seen = 0;
    while (json_member(j, &o, &key)) {
        unsigned n = v2_component(key);
        if (n > 0) {
            level->components[n - 1] = (uint8_t)json_uint(j, UINT8_MAX);
            seen |= SEEN(n);
        } else if (json_is(key, "sgxtcbcomponents")) {
            take_components(j, level->components);
            seen |= SEEN(TCB_V3_COMPONENTS);
        } else if (needed == TCB_TDX_NEEDED && json_is(key, "tdxtcbcomponents")) {
            take_components(j, level->tdx_components);
            seen |= SEEN(TCB_TDX_COMPONENTS);
        } else if (json_is(key, "pcesvn")) {
            level->pcesvn = (uint16_t)json_uint(j, UINT16_MAX);
            seen |= SEEN(TCB_PCESVN);
        } else {
            (void)json_raw(j);
        }
    }
    if (seen != needed) {
        j->failed = true;
    }
}

static void take_levels(struct json *j, uint32_t needed, struct tcb_info *info)
{
    struct json_array a = {0};
    while (json_item(j, &a)) {
        struct tcb_level level = {0};
        struct json_object o = {0};
        struct bytes key;
        uint32_t seen = 0;
        while (json_member(j, &o, &key)) {
            if (json_is(key, "tcb")) {
                take_level_tcb(j, needed, &level);
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
    if (json_is(key, "version")) {
        *version = (uint32_t)json_uint(j, DOCUMENT_VERSION_MAX);
        *seen |= SEEN(BODY_VERSION);
    } else if (json_is(key, "issueDate")) {
        d->issue_date = json_time(j);
        *seen |= SEEN(BODY_ISSUE);
    } else if (json_is(key, "nextUpdate")) {
        d->next_update = json_time(j);
        *seen |= SEEN(BODY_NEXT);
    } else if (json_is(key, "tcbEvaluationDataNumber")) {
        d->evaluation_number = (uint32_t)json_uint(j, UINT32_MAX);
        *seen |= SEEN(BODY_EVALUATION);
    } else {
        return false;
    }
    return true;
}

/* In lower case, as the service writes it: nothing that is not signed may be written in two ways.
 */
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
 * there. Steps to the body, then to the end: true at the body, which has to be read. */
struct envelope {
    struct json json;
    struct json_object members;
    struct bytes body; /* where it begins */
    bool has_body, has_signature, done;
};

static bool envelope_body(struct envelope *e, const char *name, struct signed_json *ret)
{
    struct bytes key;
    if (e->has_body) {
        ret->body = json_since(&e->json, e->body);
    }
    while (json_member(&e->json, &e->members, &key)) {
        if (bytes_equal_str(key, name)) {
            e->body = json_here(&e->json);
            e->has_body = true;
            return true;
        }
        if (!json_is(key, "signature")) {
            e->json.failed = true;
            return false;
        }
        take_signature(&e->json, ret->signature);
        e->has_signature = true;
    }
    e->done = json_done(&e->json) && e->has_body && e->has_signature;
    return false;
}

enum { MODULE_MRSIGNER, MODULE_ATTRIBUTES, MODULE_MASK, MODULE_ID, MODULE_LEVELS };
#define MODULE_NEEDED   (SEEN(MODULE_ID) - 1)
#define IDENTITY_NEEDED (SEEN(MODULE_LEVELS + 1) - 1)

static uint64_t take_hex64(struct json *j)
{
    uint8_t b[8];
    json_hex(j, b, sizeof b);
    return load_le64(b);
}

static bool module_member(struct json *j, struct bytes key, struct tdx_module *m, uint32_t *seen)
{
    if (json_is(key, "mrsigner")) {
        json_hex(j, m->mrsigner, sizeof m->mrsigner);
        *seen |= SEEN(MODULE_MRSIGNER);
    } else if (json_is(key, "attributes")) {
        m->attributes = take_hex64(j);
        *seen |= SEEN(MODULE_ATTRIBUTES);
    } else if (json_is(key, "attributesMask")) {
        m->attributes_mask = take_hex64(j);
        *seen |= SEEN(MODULE_MASK);
    } else {
        return false;
    }
    return true;
}

static void take_module(struct json *j, struct tdx_module *ret)
{
    struct json_object o = {0};
    struct bytes key;
    uint32_t seen = 0;
    while (json_member(j, &o, &key)) {
        if (!module_member(j, key, ret, &seen)) {
            (void)json_raw(j);
        }
    }
    if (seen != MODULE_NEEDED) {
        j->failed = true;
    }
}

/* "TDX_01": the number is hexadecimal, in either case. */
static uint8_t take_module_id(struct json *j)
{
    static const struct bytes head = BYTES_STR("TDX_");
    struct bytes id = json_string(j);
    uint8_t version = 0;
    if (id.size != head.size + 2 || !bytes_equal(BYTES(id.data, head.size), head)) {
        j->failed = true;
        return 0;
    }
    for (size_t i = head.size; i < id.size; i++) {
        uint8_t c = id.data[i];
        bool digit = c >= '0' && c <= '9';
        uint8_t letter = c | 0x20;
        if (!digit && (letter < 'a' || letter > 'f')) {
            j->failed = true;
            return 0;
        }
        version = (uint8_t)(version << 4 | (digit ? c - '0' : letter - 'a' + 10));
    }
    return version;
}

static void take_module_identity(struct json *j, struct tdx_module_identity *ret)
{
    struct json_object o = {0};
    struct bytes key;
    uint32_t seen = 0;
    while (json_member(j, &o, &key)) {
        if (json_is(key, "id")) {
            ret->version = take_module_id(j);
            seen |= SEEN(MODULE_ID);
        } else if (json_is(key, "tcbLevels")) {
            ret->level_count = take_svn_levels(j, ret->levels, TDX_MODULE_LEVELS_MAX);
            seen |= SEEN(MODULE_LEVELS);
        } else if (!module_member(j, key, &ret->module, &seen)) {
            (void)json_raw(j);
        }
    }
    if (seen != IDENTITY_NEEDED) {
        j->failed = true;
    }
}

/* Two identities of one version would let the order decide. */
static void take_module_identities(struct json *j, struct tcb_info *info)
{
    struct json_array a = {0};
    while (json_item(j, &a)) {
        struct tdx_module_identity identity = {0};
        take_module_identity(j, &identity);
        if (info->module_count == TDX_MODULES_MAX || tdx_module_find(info, identity.version)) {
            j->failed = true;
            return;
        }
        info->modules[info->module_count++] = identity;
    }
}

enum { INFO_FMSPC = BODY_OWN, INFO_PCEID, INFO_TCB_TYPE, INFO_ID };
#define INFO_NEEDED ((SEEN(INFO_ID) - 1)) /* all but the id */

/* What a level must have depends on what was read of the document. Zero: nothing is known yet. */
static uint32_t levels_needed(uint32_t version, uint32_t seen, const struct tcb_info *info)
{
    if (version == 2) {
        return TCB_V2_NEEDED;
    }
    if (version == 3 && (seen & SEEN(INFO_ID))) {
        return info->is_tdx ? TCB_TDX_NEEDED : TCB_V3_NEEDED;
    }
    return 0;
}

static bool info_member(struct json *j, struct bytes key, struct tcb_info *ret, uint32_t *seen)
{
    if (json_is(key, "id")) {
        struct bytes id = json_string(j);
        ret->is_sgx = json_is(id, "SGX");
        ret->is_tdx = json_is(id, "TDX");
        *seen |= SEEN(INFO_ID);
    } else if (json_is(key, "fmspc")) {
        json_hex(j, ret->fmspc, sizeof ret->fmspc);
        *seen |= SEEN(INFO_FMSPC);
    } else if (json_is(key, "pceId")) {
        json_hex(j, ret->pceid, sizeof ret->pceid);
        *seen |= SEEN(INFO_PCEID);
    } else if (json_is(key, "tcbType")) {
        (void)json_uint(j, 0); /* the only kind that is defined */
        *seen |= SEEN(INFO_TCB_TYPE);
    } else if (json_is(key, "tdxModule")) {
        take_module(j, &ret->tdx_module);
        ret->has_tdx_module = true;
    } else if (json_is(key, "tdxModuleIdentities")) {
        take_module_identities(j, ret);
    } else {
        return false;
    }
    return true;
}

static bool take_info(struct json *j, struct tcb_info *ret)
{
    struct json_object o = {0};
    struct bytes key, later = {0};
    uint32_t version = 0, seen = 0;
    while (json_member(j, &o, &key)) {
        if (json_is(key, "tcbLevels")) {
            uint32_t needed = levels_needed(version, seen, ret);
            if (needed != 0) { /* the service writes version and id first */
                take_levels(j, needed, ret);
            } else {
                later = json_raw(j);
            }
            seen |= SEEN(BODY_LEVELS);
        } else if (!info_member(j, key, ret, &seen) &&
                   !body_member(j, key, &ret->document, &version, &seen)) {
            (void)json_raw(j);
        }
    }
    bool has_id = (seen & SEEN(INFO_ID)) != 0;
    uint32_t needed = levels_needed(version, seen, ret);
    if ((seen & INFO_NEEDED) != INFO_NEEDED || needed == 0 || (version == 2 && has_id)) {
        return false;
    }
    ret->is_sgx = ret->is_sgx || version == 2;
    if (later.size == 0) {
        return true;
    }
    struct json inner = json_of(later);
    take_levels(&inner, needed, ret);
    return json_done(&inner);
}

bool tcb_info_read(struct bytes text, struct tcb_info *ret)
{
    struct envelope e = {.json = json_of(text)};
    bool ok = true;
    *ret = (struct tcb_info){0};
    while (envelope_body(&e, "tcbInfo", &ret->document)) {
        ok = take_info(&e.json, ret);
    }
    return ok && e.done && crypto_sha256(ret->document.body, ret->document.body_sha256);
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
    if (json_is(key, "id")) {
        struct bytes id = json_string(j);
        ret->is_sgx_qe = bytes_equal_str(id, "QE");
        ret->is_td_qe = bytes_equal_str(id, "TD_QE");
        *seen |= SEEN(QE_ID);
    } else if (json_is(key, "miscselect")) {
        ret->miscselect = take_hex32(j);
        *seen |= SEEN(QE_MISCSELECT);
    } else if (json_is(key, "miscselectMask")) {
        ret->miscselect_mask = take_hex32(j);
        *seen |= SEEN(QE_MISCSELECT_MASK);
    } else if (json_is(key, "attributes")) {
        json_hex(j, ret->attributes, sizeof ret->attributes);
        *seen |= SEEN(QE_ATTRIBUTES);
    } else if (json_is(key, "attributesMask")) {
        json_hex(j, ret->attributes_mask, sizeof ret->attributes_mask);
        *seen |= SEEN(QE_ATTRIBUTES_MASK);
    } else if (json_is(key, "mrsigner")) {
        json_hex(j, ret->mrsigner, sizeof ret->mrsigner);
        *seen |= SEEN(QE_MRSIGNER);
    } else if (json_is(key, "isvprodid")) {
        ret->isvprodid = (uint16_t)json_uint(j, UINT16_MAX);
        *seen |= SEEN(QE_ISVPRODID);
    } else if (json_is(key, "tcbLevels")) {
        ret->level_count = take_svn_levels(j, ret->levels, TCB_LEVELS_MAX);
        *seen |= SEEN(BODY_LEVELS);
    } else {
        return false;
    }
    return true;
}

bool qe_identity_read(struct bytes text, struct qe_identity *ret)
{
    struct envelope e = {.json = json_of(text)};
    uint32_t version = 0, seen = 0;
    *ret = (struct qe_identity){0};
    while (envelope_body(&e, "enclaveIdentity", &ret->document)) {
        struct json_object o = {0};
        struct bytes key;
        while (json_member(&e.json, &o, &key)) {
            if (!qe_member(&e.json, key, ret, &seen) &&
                !body_member(&e.json, key, &ret->document, &version, &seen)) {
                (void)json_raw(&e.json);
            }
        }
    }
    return e.done && version == 2 && seen == SEEN(QE_MEMBERS) - 1 &&
           crypto_sha256(ret->document.body, ret->document.body_sha256);
}

static void move_view(struct bytes *view, uintptr_t from, struct bytes text)
{
    if (view->size > 0) {
        view->data = text.data + ((uintptr_t)view->data - from);
    }
}

static void move_levels(struct svn_level *levels, size_t count, uintptr_t from, struct bytes text)
{
    for (size_t i = 0; i < count; i++) {
        move_view(&levels[i].verdict.advisories, from, text);
    }
}

void tcb_info_move(struct tcb_info *info, uintptr_t from, struct bytes text)
{
    move_view(&info->document.body, from, text);
    for (size_t i = 0; i < info->level_count; i++) {
        move_view(&info->levels[i].verdict.advisories, from, text);
    }
    for (size_t i = 0; i < info->module_count; i++) {
        move_levels(info->modules[i].levels, info->modules[i].level_count, from, text);
    }
}

void qe_identity_move(struct qe_identity *id, uintptr_t from, struct bytes text)
{
    move_view(&id->document.body, from, text);
    move_levels(id->levels, id->level_count, from, text);
}

const struct tcb_level *tcb_level_select(const struct tcb_info *info, const uint8_t components[16],
                                         uint16_t pcesvn, const uint8_t *tee_tcb_svn)
{
    for (size_t i = 0; i < info->level_count; i++) {
        const struct tcb_level *level = &info->levels[i];
        bool reached = pcesvn >= level->pcesvn;
        for (size_t k = 0; k < 16; k++) {
            reached = reached && components[k] >= level->components[k];
        }
        size_t from = tee_tcb_svn != NULL && tee_tcb_svn[1] > 0 ? 2 : 0;
        for (size_t k = from; tee_tcb_svn != NULL && k < 16; k++) {
            reached = reached && tee_tcb_svn[k] >= level->tdx_components[k];
        }
        if (reached) {
            return level;
        }
    }
    return NULL;
}

const struct svn_level *svn_level_select(const struct svn_level *levels, size_t count,
                                         uint16_t isvsvn)
{
    const struct svn_level *best = NULL;
    for (size_t i = 0; i < count; i++) {
        if (levels[i].isvsvn <= isvsvn && (best == NULL || levels[i].isvsvn > best->isvsvn)) {
            best = &levels[i];
        }
    }
    return best;
}

const struct tdx_module_identity *tdx_module_find(const struct tcb_info *info, uint8_t version)
{
    for (size_t i = 0; i < info->module_count; i++) {
        if (info->modules[i].version == version) {
            return &info->modules[i];
        }
    }
    return NULL;
}

enum alcove_tcb_status tcb_converge(enum alcove_tcb_status platform, enum alcove_tcb_status part)
{
    if (part == ALCOVE_TCB_REVOKED) {
        return ALCOVE_TCB_REVOKED;
    }
    if (part != ALCOVE_TCB_OUT_OF_DATE) {
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

enum alcove_tcb_status tcb_relaunch(enum alcove_tcb_status launch, enum alcove_tcb_status current)
{
    bool old =
        launch == ALCOVE_TCB_OUT_OF_DATE || launch == ALCOVE_TCB_OUT_OF_DATE_CONFIGURATION_NEEDED;
    bool configure = current == ALCOVE_TCB_CONFIGURATION_NEEDED ||
                     current == ALCOVE_TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED;
    bool good = current == ALCOVE_TCB_UP_TO_DATE || current == ALCOVE_TCB_SW_HARDENING_NEEDED;
    if (!old || !(good || configure)) {
        return launch;
    }
    return configure || launch == ALCOVE_TCB_OUT_OF_DATE_CONFIGURATION_NEEDED
               ? ALCOVE_TCB_TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED
               : ALCOVE_TCB_TD_RELAUNCH_ADVISED;
}
