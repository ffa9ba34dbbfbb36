/* SPDX-License-Identifier: Apache-2.0 */
/* Test tool: applies the library to files, one case per line of standard input, and prints what it
 * found, one line per case, for tests/evidence/run.py. The policy tolerates whatever is a matter of
 * policy (status, debug, migration, trailing bytes, old formats, AMD's list, a document's own
 * time), so that the answers show what was found.
 *
 * In, fields KEY=VALUE separated by tabs: `time` in seconds; `nitro_time=given`: Nitro documents as
 * of it; `evidence`; `root` (a certificate to name, any number of them); and the members of struct
 * alcove_collateral; all of them files. Out, separated by tabs: accepted or rejected, kind,
 * wrapping, status, platform's, QE's, module's, advisories, failed reasons in order, flags. Lists
 * are separated by commas, "-" stands for none.
 *
 * With `flip=MEMBER` (`evidence` or collateral) each byte of that member is changed once, by one
 * bit, and the answer is, for mutants_test.py: the verdict about the unchanged files, and the
 * offsets of changes with which they are still accepted.
 */
#include "base/bytes.h"
#include "forge/tolerant.h"
#include "verify/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_SIZE 32768
#define FILE_MAX      (4u << 20)
#define NAMED_MAX     8

static const struct {
    const char *key;
    size_t offset;
} members[] = {
#define MEMBER(name)                                                                               \
    {                                                                                              \
#name, offsetof(struct alcove_collateral, name)                                            \
    }
    MEMBER(tcb_info), MEMBER(tcb_chain), MEMBER(qe_identity),   MEMBER(qe_chain),
    MEMBER(pck_crl),  MEMBER(root_crl),  MEMBER(pck_crl_chain), MEMBER(pck_chain),
    MEMBER(amd_vek),  MEMBER(amd_chain), MEMBER(amd_crl),       MEMBER(amd_cert_table),
#undef MEMBER
};

struct job {
    int64_t time;
    struct alcove_bytes evidence;
    struct alcove_collateral collateral;
    struct alcove_root named[NAMED_MAX];
    size_t named_count;
    bool nitro_time_given;
    struct alcove_bytes *flip; /* one of the above, or NULL */
};

static struct alcove_bytes load(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        perror(path);
        exit(1);
    }
    uint8_t *data = malloc(FILE_MAX);
    size_t size = data ? fread(data, 1, FILE_MAX, f) : 0;
    /* An allocation of exactly the file's size: address sanitizers see a read behind its end. */
    uint8_t *exact = realloc(data, size ? size : 1);
    if (exact == NULL || ferror(f)) {
        perror(path);
        exit(1);
    }
    fclose(f);
    return (struct alcove_bytes){exact, size};
}

static void unload(struct alcove_bytes b)
{
    free((void *)(uintptr_t)b.data);
}

static struct alcove_policy policy_of(const struct job *j)
{
    struct alcove_policy p = tolerant_policy(j->named, j->named_count);
    p.nitro_time = j->nitro_time_given ? ALCOVE_NITRO_TIME_GIVEN : ALCOVE_NITRO_TIME_OF_DOCUMENT;
    return p;
}

static void print_flags(const struct alcove_result *r)
{
    bool debug = (r->has_sgx && (r->sgx.attributes_flags & ALCOVE_SGX_FLAG_DEBUG)) ||
                 (r->has_td && (r->td.td_attributes & ALCOVE_TD_ATTRIBUTES_DEBUG)) ||
                 (r->has_snp && (r->snp.policy & ALCOVE_SNP_POLICY_DEBUG));
    static const uint8_t zero[64];
    if (r->has_nitro) {
        debug = true;
        for (size_t i = 0; i < 3; i++) {
            debug = debug && memcmp(r->nitro.pcr[i], zero, sizeof zero) == 0;
        }
    }
    printf("\t%s\n", debug ? "debug" : "-");
}

static void print_result(const struct alcove_result *r)
{
    printf("%s\t%s\t%s\t%s\t%s\t%s\t%s\t",
           alcove_verdict_accepted(r->verdict) ? "accepted" : "rejected",
           alcove_evidence_kind_name(r->kind), alcove_wrapping_name(r->wrapping),
           alcove_tcb_status_name(r->tcb_status), alcove_tcb_status_name(r->platform_status),
           alcove_tcb_status_name(r->qe_status), alcove_tcb_status_name(r->module_status));
    for (size_t i = 0; i < r->advisory_count; i++) {
        printf("%s%s", i ? "," : "", r->advisories[i]);
    }
    printf("%s\t", r->advisory_count ? "" : "-");
    const char *separator = "";
    for (int reason = 1; reason < ALCOVE_REASON_COUNT; reason++) {
        if (alcove_result_failed(r, (enum alcove_reason)reason)) {
            printf("%s%s", separator, alcove_reason_name((enum alcove_reason)reason));
            separator = ",";
        }
    }
    printf("%s", *separator ? "" : "-");
    print_flags(r);
    fflush(stdout);
}

static void ignore_verdict(struct alcove_verdict v)
{
    (void)v; /* is in the result */
}

/* A cache changes no byte of a result: one that is filled by this call, and then one that was. */
static bool same_with_cache(const struct job *j, const struct alcove_policy *policy,
                            const struct alcove_result *r)
{
    static struct alcove_cache *cache;
    static struct alcove_result again;
    if (cache == NULL) {
        cache = alcove_cache_new(4096);
    }
    for (int i = 0; i < 2; i++) {
        ignore_verdict(
            alcove_verify_cached(j->evidence, &j->collateral, policy, j->time, cache, &again));
        if (memcmp(&again, r, sizeof again) != 0) {
            return false;
        }
    }
    return true;
}

/* Nothing that ends in a built-in root is accepted by a policy without these, and nothing at all by
 * one that leaves its expectations unset. */
static bool depends_on_policy(const struct job *j, const struct alcove_result *r)
{
    static struct alcove_result other;
    struct alcove_policy p = policy_of(j), strict = alcove_policy_strict();
    p.refuse_builtin_roots = true;
    bool named = r->root_kind == ALCOVE_ROOT_OTHER || r->root_kind == ALCOVE_ROOT_SOFTWARE;
    struct alcove_verdict v = alcove_verify(j->evidence, &j->collateral, &p, j->time, &other);
    if (alcove_verdict_accepted(v) && !named) {
        return false;
    }
    strict.roots = j->named;
    strict.root_count = j->named_count;
    v = alcove_verify(j->evidence, &j->collateral, &strict, j->time, &other);
    return !alcove_verdict_accepted(v);
}

static void run(const struct job *j)
{
    static struct alcove_result r;
    struct alcove_policy policy = policy_of(j);
    struct alcove_verdict v = alcove_verify(j->evidence, &j->collateral, &policy, j->time, &r);
    if (alcove_verdict_accepted(v) != alcove_verdict_accepted(r.verdict)) {
        abort();
    }
    if (!same_with_cache(j, &policy, &r)) {
        fprintf(stderr, "verify_files: a cache changes the result\n");
        abort();
    }
    if (!depends_on_policy(j, &r)) {
        fprintf(stderr, "verify_files: accepted against the policy\n");
        abort();
    }
    print_result(&r);
}

/* The cache saves the signatures that a change does not concern. It changes no verdict: run(). */
static void run_flipped(struct job *j)
{
    static struct alcove_result r;
    struct alcove_policy policy = policy_of(j);
    struct alcove_cache *cache = alcove_cache_new(4096);
    uint8_t *data = (uint8_t *)(uintptr_t)j->flip->data;
    bool any = false;
    if (cache == NULL) {
        abort();
    }
    ignore_verdict(alcove_verify_cached(j->evidence, &j->collateral, &policy, j->time, cache, &r));
    printf("%s\t", alcove_verdict_accepted(r.verdict) ? "accepted" : "rejected");
    for (size_t i = 0; i < j->flip->size; i++) {
        uint8_t bit = (uint8_t)(1u << i % 8);
        data[i] ^= bit;
        ignore_verdict(
            alcove_verify_cached(j->evidence, &j->collateral, &policy, j->time, cache, &r));
        data[i] ^= bit;
        if (alcove_verdict_accepted(r.verdict)) {
            printf("%s%zu", any ? "," : "", i);
            any = true;
        }
    }
    printf("%s\n", any ? "" : "-");
    fflush(stdout);
    alcove_cache_free(cache);
}

static struct alcove_bytes *member_of(struct job *j, const char *key)
{
    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        if (strcmp(key, members[i].key) == 0) {
            return (struct alcove_bytes *)(void *)((uint8_t *)&j->collateral + members[i].offset);
        }
    }
    return strcmp(key, "evidence") == 0 ? &j->evidence : NULL;
}

/* False if nobody here knows the field. */
static bool take_field(struct job *j, char *field)
{
    char *value = strchr(field, '=');
    if (value == NULL) {
        return false;
    }
    *value++ = 0;
    if (strcmp(field, "time") == 0) {
        j->time = strtoll(value, NULL, 10);
        return true;
    }
    if (strcmp(field, "nitro_time") == 0) {
        j->nitro_time_given = strcmp(value, "given") == 0;
        return j->nitro_time_given;
    }
    if (strcmp(field, "root") == 0 && j->named_count < NAMED_MAX) {
        struct alcove_bytes text = load(value);
        bool good = alcove_root_read(text, &j->named[j->named_count]);
        j->named_count += good;
        unload(text);
        return good;
    }
    if (strcmp(field, "flip") == 0) {
        j->flip = member_of(j, value);
        return j->flip != NULL;
    }
    struct alcove_bytes *b = member_of(j, field);
    if (b == NULL || b->data != NULL) {
        return false;
    }
    *b = load(value);
    return true;
}

int main(void)
{
    static char line[LINE_MAX_SIZE];
    while (fgets(line, sizeof line, stdin) != NULL) {
        struct job j = {0};
        line[strcspn(line, "\n")] = 0;
        for (char *p = line, *next; p != NULL && *p != 0; p = next) {
            next = strchr(p, '\t');
            if (next != NULL) {
                *next++ = 0;
            }
            if (!take_field(&j, p)) {
                fprintf(stderr, "verify_files: cannot use the field %s\n", p);
                return 2;
            }
        }
        if (j.flip != NULL) {
            run_flipped(&j);
        } else {
            run(&j);
        }
        unload(j.evidence);
        for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
            unload(*member_of(&j, members[i].key));
        }
    }
    return 0;
}
