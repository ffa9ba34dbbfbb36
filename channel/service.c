/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence of a service: the file is split, its quote verified, and binding and manifest judged by
 * what the quote says. The sender chose every byte of it, the collateral included, which is signed
 * by the makers of processors and checked like everything else. */
#include "channel/service.h"

#include "abi/evidence.h"

static struct alcove_bytes lend(struct bytes b)
{
    return (struct alcove_bytes){b.data, b.size};
}

static struct alcove_collateral collateral_of(const struct evidence_collateral *c)
{
    return (struct alcove_collateral){
        .tcb_info = lend(c->tcb_info),
        .tcb_chain = lend(c->tcb_chain),
        .qe_identity = lend(c->qe_identity),
        .qe_chain = lend(c->qe_chain),
        .pck_crl = lend(c->pck_crl),
        .pck_crl_chain = lend(c->pck_crl_chain),
        .root_crl = lend(c->root_crl),
    };
}

struct alcove_verdict service_verify(struct bytes evidence, const struct alcove_policy *policy,
                                     const struct alcove_collateral *collateral,
                                     struct alcove_cache *cache,
                                     const struct binding_expectation *expected, int64_t now,
                                     struct service_result *ret)
{
    struct evidence e = {0};
    struct alcove_policy p = *policy;
    __builtin_memset(ret, 0, sizeof *ret);
    ret->readable = evidence_decode(evidence, &e, NULL) == 0;
    if (p.report_data.mode == ALCOVE_EXPECT_UNSET) {
        p.report_data.mode = ALCOVE_EXPECT_ANY; /* binding_judge() compares all of it */
    }
    if (ret->readable) {
        const struct alcove_collateral in_file = collateral_of(&e.collateral);
        struct alcove_verdict v = alcove_verify_cached(
            lend(e.quote), collateral == NULL ? &in_file : collateral, &p, now, cache, &ret->quote);
        REQUIRE(v.accepted_word == ret->quote.verdict.accepted_word);
    }
    const struct binding_facts facts = binding_facts_of(&ret->quote);
    ret->verdict = binding_judge(&facts, e.manifest, e.claims, expected, now, &ret->binding);
    return ret->verdict;
}
