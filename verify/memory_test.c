/* SPDX-License-Identifier: Apache-2.0 */
/* The crypto library runs out of memory: at each allocation in turn, once and from there on. No
 * verdict becomes accepted that way with anything but the result it has with memory, and each
 * rejection has a reason. */
#include "forge/cases.h"

#include "tests/tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#define TRIES_MAX 60 /* of each case and manner */

static bool counting;
static size_t count, fail_at;
static bool fail_on; /* from there on */

static bool refused(void)
{
    if (!counting) {
        return false;
    }
    count++;
    return fail_at > 0 && (count == fail_at || (fail_on && count > fail_at));
}

static void *take(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return refused() ? NULL : malloc(size);
}

static void *take_again(void *p, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return refused() ? NULL : realloc(p, size);
}

static void give(void *p, const char *file, int line)
{
    (void)file;
    (void)line;
    free(p);
}

static struct forge_case evidence;
static struct alcove_policy policy;

static void judge(struct alcove_result *ret)
{
    struct alcove_collateral c = forge_case_collateral(&evidence);
    counting = true;
    count = 0;
    struct alcove_verdict v =
        alcove_verify(forge_case_evidence(&evidence), &c, &policy, evidence.now, ret);
    counting = false;
    REQUIRE(v.accepted_word == ret->verdict.accepted_word);
    ERR_clear_error();
}

/* Which allocation was missing when the result was wrong; 0: never. *ret_rejected counts. */
static size_t wrong_after(const struct alcove_result *good, size_t allocations, bool on,
                          size_t *ret_rejected)
{
    static struct alcove_result r;
    size_t step = allocations / TRIES_MAX + 1;
    for (size_t at = 1; at <= allocations; at += step) {
        fail_at = at;
        fail_on = on;
        judge(&r);
        fail_at = 0;
        bool accepted = alcove_verdict_accepted(r.verdict);
        *ret_rejected += !accepted;
        if (accepted ? memcmp(&r, good, sizeof r) != 0 : r.first_reason == ALCOVE_REASON_NONE) {
            return at;
        }
    }
    return 0;
}

int main(void)
{
    static struct alcove_result good;
    REQUIRE(CRYPTO_set_mem_functions(take, take_again, give) == 1);
    policy = forge_case_policy();
    for (size_t i = 0; i < forge_case_count(); i++) {
        REQUIRE(forge_case_build(i, NULL, 0, &evidence));
        judge(&good);
        size_t allocations = count, rejected[2] = {0, 0};
        size_t once = wrong_after(&good, allocations, false, &rejected[0]);
        size_t on = wrong_after(&good, allocations, true, &rejected[1]);
        CHECK(alcove_verdict_accepted(good.verdict), "case %zu is good while there is memory", i);
        CHECK(once == 0, "case %zu: one of %zu allocations fails (%zu)", i, allocations, once);
        CHECK(on == 0, "case %zu: all from one on fail (%zu)", i, on);
        CHECK(rejected[1] > 0, "case %zu cannot be verified without memory", i);
    }
    return tap_done();
}
