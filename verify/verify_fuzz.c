/* SPDX-License-Identifier: Apache-2.0 */
/* The whole entry point, on evidence of every kind that was good before something was done to it.
 *
 * An input is a recipe: which good evidence, which policy, which time, and what to do to its parts.
 * Changes of the description are made before anything is signed (with the forge's keys), so they
 * reach behind every signature; changes of bytes come after. Recipes stay what they are when keys
 * or formats of the forge change. Where the environment names a folder with real evidence
 * (ALCOVE_FUZZ_REAL, made by tools/fuzz.py), recipes can start from that as well.
 *
 * What must hold for each: an accepted verdict has no failed check and all its facts; a rejection
 * has a reason; the same input gives the same result, without a cache and with a warm one; and
 * where nothing was signed anew, accepted evidence says what some untouched evidence says. */
#include "forge/cases.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

#define CASES_MAX   512
#define CHANGES_MAX 8
#define HEAD_SIZE   4 /* case, policy bits (2 bytes), time */
#define OP_HEAD     5 /* what and part, position (2 bytes), size, argument */
#define OPS         8

enum op {
    OP_DESCRIPTION, /* position, data: before signing */
    OP_OVERWRITE,
    OP_INSERT,
    OP_DELETE,
    OP_XOR,
    OP_SPLICE,  /* argument: the case whose part is taken */
    OP_SPLICE2, /* a range of it */
    OP_ADD,     /* to a little endian number */
};

struct known {
    struct forge_case evidence;
    struct alcove_result result; /* accepted, as it is */
};
static struct known *known[CASES_MAX];
static size_t known_count, forged_count;
static struct alcove_policy tolerant;
static struct alcove_cache *cache;

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "verify_fuzz: %s does not hold\n", #condition);                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* ---- verdicts and what must hold for them ---- */

static void check_result(const struct alcove_result *r, const struct alcove_policy *p, int64_t time)
{
    uint64_t failed = 0;
    for (size_t i = 0; i < ARRAY_SIZE(r->failed); i++) {
        failed |= r->failed[i];
    }
    if (!alcove_verdict_accepted(r->verdict)) {
        MUST(r->first_reason != ALCOVE_REASON_NONE);
        MUST(alcove_result_failed(r, r->first_reason));
        return;
    }
    MUST(failed == 0 && r->first_reason == ALCOVE_REASON_NONE);
    MUST(r->kind != ALCOVE_EVIDENCE_NONE && r->root_kind != ALCOVE_ROOT_NONE);
    MUST(r->has_sgx == (r->kind == ALCOVE_EVIDENCE_SGX_QUOTE));
    MUST(r->has_td == (r->kind == ALCOVE_EVIDENCE_TDX_QUOTE));
    MUST(r->has_snp == (r->kind == ALCOVE_EVIDENCE_SNP_REPORT));
    MUST(r->has_nitro == (r->kind == ALCOVE_EVIDENCE_NITRO_DOCUMENT));
    MUST(r->has_azure == (r->wrapping == ALCOVE_WRAPPING_AZURE_HCL));
    MUST(r->has_platform == (r->has_sgx || r->has_td));
    MUST(!p->refuse_builtin_roots || r->root_kind == ALCOVE_ROOT_OTHER);
    MUST(r->earliest_expiration >= time || p->collateral_grace_s > 0 ||
         p->nitro_time == ALCOVE_NITRO_TIME_OF_DOCUMENT);
    if (r->has_platform) {
        MUST((p->accepted_statuses & ALCOVE_TCB_BIT(r->tcb_status)) != 0);
    }
    if (!p->allow_debug) {
        MUST(!r->has_sgx || (r->sgx.attributes_flags & ALCOVE_SGX_FLAG_DEBUG) == 0);
        MUST(!r->has_td || (r->td.td_attributes & ALCOVE_TD_ATTRIBUTES_DEBUG) == 0);
        MUST(!r->has_snp || (r->snp.policy & ALCOVE_SNP_POLICY_DEBUG) == 0);
    }
}

/* Is what was accepted what untouched evidence says? Only what signatures cover is compared. */
static bool says_the_same(const struct alcove_result *a, const struct alcove_result *b)
{
    return a->kind == b->kind && a->wrapping == b->wrapping && a->root_kind == b->root_kind &&
           memcmp(&a->sgx, &b->sgx, sizeof a->sgx) == 0 &&
           memcmp(&a->td, &b->td, sizeof a->td) == 0 &&
           memcmp(&a->snp, &b->snp, sizeof a->snp) == 0 &&
           memcmp(&a->nitro, &b->nitro, sizeof a->nitro) == 0 &&
           memcmp(&a->azure, &b->azure, sizeof a->azure) == 0 &&
           memcmp(a->ratls.spki_sha256, b->ratls.spki_sha256, 32) == 0 &&
           memcmp(a->ratls.nonce, b->ratls.nonce, sizeof a->ratls.nonce) == 0 &&
           memcmp(a->fmspc, b->fmspc, sizeof a->fmspc) == 0 &&
           memcmp(a->tcb_components, b->tcb_components, sizeof a->tcb_components) == 0;
}

static bool known_to_somebody(const struct alcove_result *r)
{
    for (size_t i = 0; i < known_count; i++) {
        if (says_the_same(r, &known[i]->result)) {
            return true;
        }
    }
    return false;
}

/* Each part in an allocation of its own size, so that a sanitizer sees a read behind its end. */
static void lend(const struct forge_case *c, struct alcove_bytes part[CASE_PARTS])
{
    for (size_t i = 0; i < CASE_PARTS; i++) {
        size_t size = c->part[i].size;
        uint8_t *data = size > 0 ? malloc(size) : NULL;
        if (data != NULL) {
            memcpy(data, c->part[i].data, size);
        }
        part[i] = (struct alcove_bytes){data, data ? size : 0};
    }
}

static struct alcove_collateral collateral_of(const struct alcove_bytes part[CASE_PARTS])
{
    struct alcove_collateral c;
    _Static_assert(sizeof c == (CASE_PARTS - 1) * sizeof *part, "the parts are the members");
    memcpy(&c, part + 1, sizeof c);
    return c;
}

/* Signatures that a cache knows cost a tenth, so most inputs are checked with one only. */
static void judge(const struct forge_case *c, const struct alcove_policy *p, int64_t time,
                  bool also_without_cache, struct alcove_result *ret)
{
    static struct alcove_result again;
    struct alcove_bytes part[CASE_PARTS];
    lend(c, part);
    struct alcove_collateral collateral = collateral_of(part);
    struct alcove_verdict v = alcove_verify_cached(part[0], &collateral, p, time, cache, ret);
    MUST(memcmp(&v, &ret->verdict, sizeof v) == 0);
    bool accepted = alcove_verdict_accepted(v);
    for (int i = 0; i < (also_without_cache || accepted ? 2 : 1); i++) {
        memset(&again, 0x5a, sizeof again);
        v = alcove_verify_cached(part[0], &collateral, p, time, i == 0 ? cache : NULL, &again);
        MUST(memcmp(&v, &again.verdict, sizeof v) == 0);
        MUST(memcmp(&again, ret, sizeof again) == 0);
    }
    for (size_t i = 0; i < CASE_PARTS; i++) {
        free((void *)(uintptr_t)part[i].data);
    }
    check_result(ret, p, time);
}

/* ---- good evidence ---- */

/* A file is parts, each: number, size (4 bytes, little endian), bytes; 255 is the time. */
static bool read_real(const char *path, struct forge_case *ret)
{
    uint8_t head[5], time[8];
    FILE *f = fopen(path, "rb");
    bool good = f != NULL;
    while (good && fread(head, sizeof head, 1, f) == 1) {
        size_t size = head[1] | (size_t)head[2] << 8 | (size_t)head[3] << 16;
        if (head[0] == 255 && size == sizeof time) {
            good = fread(time, sizeof time, 1, f) == 1;
            memcpy(&ret->now, time, sizeof time);
        } else if (head[0] < CASE_PARTS && size <= CASE_PART_MAX) {
            good = fread(ret->part[head[0]].data, 1, size, f) == size;
            ret->part[head[0]].size = size;
        } else {
            good = false;
        }
    }
    if (f != NULL) {
        fclose(f);
    }
    return good;
}

static struct known *add(void)
{
    struct known *k = calloc(1, sizeof *k);
    MUST(k != NULL && known_count < CASES_MAX);
    return known[known_count++] = k;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void add_real(const char *folder)
{
    struct dirent **names = NULL;
    int count = scandir(folder, &names, NULL, by_name);
    for (int i = 0; i < count; i++) {
        char path[4096];
        struct known *k = NULL;
        snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
        if (names[i]->d_name[0] != '.' && known_count < CASES_MAX) {
            k = add();
            if (!read_real(path, &k->evidence)) {
                free(k);
                known_count--;
            } else {
                judge(&k->evidence, &tolerant, k->evidence.now, true, &k->result);
            }
        }
        free(names[i]);
    }
    free(names);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    tolerant = forge_case_policy();
    cache = alcove_cache_new(4096);
    for (size_t i = 0; i < forge_case_count(); i++) {
        struct known *k = add();
        MUST(forge_case_build(i, NULL, 0, &k->evidence));
        judge(&k->evidence, &tolerant, k->evidence.now, true, &k->result);
        if (!alcove_verdict_accepted(k->result.verdict)) {
            fprintf(stderr, "verify_fuzz: forged case %zu: %s\n", i,
                    alcove_reason_name(k->result.first_reason));
            abort();
        }
    }
    forged_count = known_count;
    const char *real = getenv("ALCOVE_FUZZ_REAL");
    if (real != NULL) {
        add_real(real);
        fprintf(stderr, "verify_fuzz: %zu forged and %zu real cases\n", forged_count,
                known_count - forged_count);
    }
    return 0;
}

/* ---- recipes ---- */

struct operation {
    enum op op;
    size_t part, at, size;
    uint8_t argument;
    const uint8_t *data;
};

/* The operation at the cursor; false at the end. Data that are not there are not read. */
static bool next_operation(struct bytes *rest, struct operation *ret)
{
    if (rest->size < OP_HEAD) {
        return false;
    }
    const uint8_t *d = rest->data;
    size_t left = rest->size - OP_HEAD;
    *ret = (struct operation){.op = (enum op)(d[0] % OPS),
                              .part = d[0] / OPS % CASE_PARTS,
                              .at = d[1] | (size_t)d[2] << 8,
                              .size = d[3],
                              .argument = d[4],
                              .data = d + OP_HEAD};
    bool has_data = ret->op == OP_DESCRIPTION || ret->op == OP_OVERWRITE || ret->op == OP_INSERT;
    if (has_data && ret->size > left) {
        ret->size = left;
    }
    size_t used = OP_HEAD + (has_data ? ret->size : 0);
    *rest = BYTES(d + used, rest->size - used);
    return true;
}

static const struct forge_case *other_case(uint8_t argument)
{
    return &known[argument % known_count]->evidence;
}

static void apply(struct forge_case *c, const struct operation *o)
{
    struct case_bytes *p = &c->part[o->part];
    const struct case_bytes *other = &other_case(o->argument)->part[o->part];
    size_t at = o->at % (p->size + 1), room = p->size - at;
    size_t size = o->size < room ? o->size : room;
    uint64_t number = 0;
    switch (o->op) {
    case OP_DESCRIPTION:
        return;
    case OP_OVERWRITE:
        memcpy(p->data + at, o->data, size);
        return;
    case OP_INSERT:
        if (p->size + o->size <= sizeof p->data) {
            memmove(p->data + at + o->size, p->data + at, room);
            memcpy(p->data + at, o->data, o->size);
            p->size += o->size;
        }
        return;
    case OP_DELETE:
        size = o->argument > 250 ? room : size;
        memmove(p->data + at, p->data + at + size, room - size);
        p->size -= size;
        return;
    case OP_XOR:
        if (room > 0) {
            p->data[at] ^= o->argument;
        }
        return;
    case OP_SPLICE:
        *p = *other;
        return;
    case OP_SPLICE2:
        size = size * 16 < room ? size * 16 : room;
        if (at < other->size) {
            memcpy(p->data + at, other->data + at,
                   size < other->size - at ? size : other->size - at);
        }
        return;
    case OP_ADD:
        size = 1u << (o->size & 3);
        if (room >= size) {
            memcpy(&number, p->data + at, size);
            number += (uint64_t)(int64_t)(int8_t)o->argument;
            memcpy(p->data + at, &number, size);
        }
        return;
    }
}

static void choose_policy(struct alcove_policy *p, unsigned bits)
{
    static const char *const refused[] = {"INTEL-SA-00002"};
    p->allow_debug = !(bits & 1u);
    p->allow_trailing = !(bits & 2u);
    p->allow_migration = !(bits & 4u);
    p->refuse_builtin_roots = bits & 8u;
    p->ratls_legacy = bits & 16u ? 0 : p->ratls_legacy;
    p->collateral_grace_s = bits & 32u ? 86400 * 400 : 0;
    p->platform_grace_s = bits & 64u ? 86400 * 400 : 0;
    p->accepted_statuses =
        bits & 128u ? ALCOVE_TCB_BIT(ALCOVE_TCB_UP_TO_DATE) : p->accepted_statuses;
    p->refuse_smt = bits & 256u;
    p->advisories.tolerate_mode = bits & 512u ? ALCOVE_EXPECT_VALUE : ALCOVE_EXPECT_ANY;
    if (bits & 1024u) {
        p->advisories.refused = refused;
        p->advisories.refused_count = 1;
    }
    p->revocation.amd = bits & 2048u ? ALCOVE_REVOCATION_REQUIRED : ALCOVE_REVOCATION_IF_GIVEN;
    p->nitro_time = bits & 4096u ? ALCOVE_NITRO_TIME_OF_DOCUMENT : ALCOVE_NITRO_TIME_GIVEN;
    p->mrenclave.mode = bits & 8192u ? ALCOVE_EXPECT_VALUE : ALCOVE_EXPECT_ANY;
    p->report_data.mode = bits & 16384u ? ALCOVE_EXPECT_VALUE : ALCOVE_EXPECT_ANY;
    p->mrtd.mode = bits & 32768u ? ALCOVE_EXPECT_UNSET : ALCOVE_EXPECT_ANY;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int64_t days[] = {0, -1, 1, 30, -30, 365, -365, 3650, -3650, 36500};
    static struct forge_case c;
    static struct alcove_result r;
    struct case_change changes[CHANGES_MAX];
    size_t change_count = 0;
    if (size < HEAD_SIZE || data[0] >= known_count) {
        return 0; /* of real evidence that is not here */
    }
    struct alcove_policy p = tolerant;
    choose_policy(&p, data[1] | (unsigned)data[2] << 8);
    int64_t time = 86400 * days[data[3] % ARRAY_SIZE(days)];

    struct operation o;
    struct bytes rest = BYTES(data + HEAD_SIZE, size - HEAD_SIZE);
    while (next_operation(&rest, &o) && change_count < CHANGES_MAX) {
        if (o.op == OP_DESCRIPTION && data[0] < forged_count) {
            changes[change_count++] =
                (struct case_change){o.argument, (uint16_t)o.at, (uint8_t)o.size, o.data};
        }
    }
    if (change_count == 0) {
        c = known[data[0]]->evidence;
    } else if (!forge_case_build(data[0], changes, change_count, &c)) {
        return 0;
    }
    time += c.now;
    rest = BYTES(data + HEAD_SIZE, size - HEAD_SIZE);
    while (next_operation(&rest, &o)) {
        apply(&c, &o);
    }
    judge(&c, &p, time, data[size - 1] % 8 == 0, &r);
    if (alcove_verdict_accepted(r.verdict) && change_count == 0) {
        MUST(known_to_somebody(&r));
    }
    return 0;
}

/* ---- mutations ---- */

/* A new operation with a plausible place: early in a part that is there, where the lengths are. */
static size_t make_operation(uint8_t ret[OP_HEAD + 8], uint8_t index, unsigned seed)
{
    static const uint8_t bytes[] = {0, 1, 2, 4, 6, 0x20, 0x30, 0x7f, 0x80, 0x82, 0x9f, 0xff};
    const struct forge_case *c = other_case(index);
    size_t part = seed % CASE_PARTS;
    for (size_t i = 0; i < CASE_PARTS && c->part[part].size == 0; i++) {
        part = (part + 1) % CASE_PARTS;
    }
    size_t bound = c->part[part].size + 1;
    if (seed & 0x100u && bound > 128) {
        bound = 128;
    }
    enum op op = (enum op)((seed >> 9) % OPS);
    size_t at = (seed >> 12) % bound;
    bool description = op == OP_DESCRIPTION;
    ret[0] = (uint8_t)(part * OPS + op);
    ret[1] = (uint8_t)at;
    ret[2] = (uint8_t)(description ? (seed >> 20) & 15 : at >> 8);
    ret[3] = (uint8_t)(op == OP_DELETE ? (seed >> 24) % 64 : 1 + (seed >> 24) % 4);
    ret[4] = (uint8_t)(seed >> 16);
    bool has_data = description || op == OP_OVERWRITE || op == OP_INSERT;
    for (size_t i = 0; has_data && i < ret[3]; i++) {
        ret[OP_HEAD + i] = bytes[(seed >> (4 + 5 * i)) % ARRAY_SIZE(bytes)];
    }
    return OP_HEAD + (has_data ? ret[3] : 0u);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    uint8_t op[OP_HEAD + 8];
    unsigned x = seed * 2654435761u;
    if (size < HEAD_SIZE || x % 8 == 0) {
        return LLVMFuzzerMutate(data, size, max_size);
    }
    if (x % 8 == 1) { /* other evidence, policy or time */
        data[(x >> 3) % HEAD_SIZE] = (uint8_t)(x >> 8);
        data[0] = (uint8_t)(data[0] % known_count);
        return size;
    }
    if (x % 8 == 2 && size > HEAD_SIZE) {
        return HEAD_SIZE +
               LLVMFuzzerMutate(data + HEAD_SIZE, size - HEAD_SIZE, max_size - HEAD_SIZE);
    }
    if (x % 8 == 3 && size > HEAD_SIZE + OP_HEAD) { /* without its first operation */
        struct operation o;
        struct bytes rest = BYTES(data + HEAD_SIZE, size - HEAD_SIZE);
        if (next_operation(&rest, &o)) {
            size_t left = rest.size;
            memmove(data + HEAD_SIZE, rest.data, left);
            return HEAD_SIZE + left;
        }
    }
    unsigned y = (x ^ (x >> 15)) * 2246822519u;
    size_t add_size = make_operation(op, data[0], y ^ (y >> 13));
    if (size + add_size > max_size) {
        return LLVMFuzzerMutate(data, size, max_size);
    }
    memmove(data + HEAD_SIZE + add_size, data + HEAD_SIZE, size - HEAD_SIZE);
    memcpy(data + HEAD_SIZE, op, add_size);
    return size + add_size;
}
