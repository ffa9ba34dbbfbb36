/* SPDX-License-Identifier: Apache-2.0 */
/* A doorkeeper: which of these machines may join? Each folder holds what one machine sent (`quote`)
 * and what Intel says about it (the other files, by the names of struct alcove_collateral). Only an
 * enclave with the given MRENCLAVE that answers the given nonce is let in.
 *
 * It shows what a relying party has to decide, that a rejection names all that is wrong, and a
 * cache for many machines. It needs libalcove-verify and nothing else: cc admit.c $(pkg-config
 * --cflags --libs alcove-verify) -o admit
 *
 * The machines may send anything; the caller's arguments are trusted. */
#include <verify/verify.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX (1u << 20)

static bool from_hex(const char *text, uint8_t *ret, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned byte;
        if (sscanf(text + 2 * i, "%2x", &byte) != 1) {
            return false;
        }
        ret[i] = (uint8_t)byte;
    }
    return strlen(text) == 2 * size;
}

/* Empty where there is no such file: then something is missing, and the library says what. */
static struct alcove_bytes load(const char *folder, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "rb");
    uint8_t *data = f != NULL ? malloc(FILE_MAX) : NULL;
    struct alcove_bytes b = {data, data != NULL ? fread(data, 1, FILE_MAX, f) : 0};
    if (f != NULL) {
        fclose(f);
    }
    return b;
}

static void unload(struct alcove_bytes b)
{
    free((void *)(uintptr_t)b.data);
}

static void print_rejection(const char *folder, const struct alcove_result *r)
{
    printf("%s: refused\n", folder);
    for (int i = ALCOVE_REASON_NONE + 1; i < ALCOVE_REASON_COUNT; i++) {
        enum alcove_reason reason = (enum alcove_reason)i;
        if (alcove_result_failed(r, reason)) {
            printf("  %s: %s\n", alcove_reason_name(reason), alcove_reason_explain(reason));
        }
    }
}

static bool admit(const char *folder, const struct alcove_policy *policy, int64_t now,
                  struct alcove_cache *cache)
{
    struct alcove_bytes quote = load(folder, "quote");
    struct alcove_collateral c = {.tcb_info = load(folder, "tcb_info"),
                                  .tcb_chain = load(folder, "tcb_chain"),
                                  .qe_identity = load(folder, "qe_identity"),
                                  .pck_crl = load(folder, "pck_crl"),
                                  .root_crl = load(folder, "root_crl")};
    c.qe_chain = c.tcb_chain; /* Intel signs both documents with one key */
    struct alcove_result r;
    bool admitted =
        alcove_verdict_accepted(alcove_verify_cached(quote, &c, policy, now, cache, &r));
    if (admitted) {
        /* Ask the machine again, with new collateral, before this one runs out. */
        printf("%s: admitted until %" PRId64 "%s\n", folder, r.earliest_expiration,
               r.root_kind == ALCOVE_ROOT_SOFTWARE ? " (a SOFTWARE machine)" : "");
    } else {
        print_rejection(folder, &r);
    }
    unload(quote);
    unload(c.tcb_info);
    unload(c.tcb_chain);
    unload(c.qe_identity);
    unload(c.pck_crl);
    unload(c.root_crl);
    return admitted;
}

int main(int argc, char **argv)
{
    struct alcove_policy policy = alcove_policy_strict();
    struct alcove_root root;
    if (argc < 6 || !from_hex(argv[1], policy.mrenclave.value, 32) ||
        !from_hex(argv[2], policy.report_data.value, 64)) {
        fprintf(stderr, "usage: admit MRENCLAVE NONCE SECONDS-SINCE-1970 ROOT|- FOLDER...\n");
        return 2;
    }
    policy.mrenclave.mode = ALCOVE_EXPECT_VALUE;
    policy.report_data.mode = ALCOVE_EXPECT_VALUE;
    policy.signer.mode = ALCOVE_EXPECT_ANY; /* MRENCLAVE says more than its signer */
    policy.configid.mode = ALCOVE_EXPECT_ANY;
    int64_t now = strtoll(argv[3], NULL, 10);
    if (strcmp(argv[4], "-") != 0) {
        struct alcove_bytes pem = load(".", argv[4]);
        if (!alcove_root_read(pem, &root)) {
            fprintf(stderr, "admit: %s is not a root certificate\n", argv[4]);
            return 2;
        }
        unload(pem);
        policy.roots = &root;
        policy.root_count = 1;
    }
    struct alcove_cache *cache = alcove_cache_new(1000); /* NULL would do, only slower */
    int refused = 0;
    for (int i = 5; i < argc; i++) {
        refused += !admit(argv[i], &policy, now, cache);
    }
    alcove_cache_free(cache);
    return refused == 0 ? 0 : 1;
}
