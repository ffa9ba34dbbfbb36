/* SPDX-License-Identifier: Apache-2.0 */
/* The policy's part of quotes; see judge.h. Nothing here looks at evidence itself. */
#include "intel/judge.h"
#include "policy.h"

static bool complete_for_enclaves(const struct alcove_policy *p)
{
    return check_chosen(p->mrenclave.mode) && check_chosen(p->signer.mode) &&
           check_chosen(p->configid.mode);
}

/* A value outside its mask could never be found. */
static bool possible(const struct alcove_expect_bits *e)
{
    return e->mode == ALCOVE_EXPECT_ANY ||
           (e->mode == ALCOVE_EXPECT_VALUE && (e->value & ~e->mask) == 0);
}

static bool as_expected(const struct alcove_expect_bits *e, uint64_t found)
{
    return e->mode == ALCOVE_EXPECT_ANY || (found & e->mask) == e->value;
}

static bool complete_for_virtual_machines(const struct alcove_policy *p)
{
    bool complete = check_chosen(p->mrtd.mode) && check_chosen(p->mrseam.mode) &&
                    check_chosen(p->mrservicetd.mode) && possible(&p->td_attributes) &&
                    possible(&p->td_xfam);
    for (size_t i = 0; i < ARRAY_SIZE(p->rtmr); i++) {
        complete = complete && check_chosen(p->rtmr[i].mode);
    }
    return complete;
}

bool judge_policy(struct check *c, enum alcove_evidence_kind kind)
{
    const struct alcove_policy *p = c->policy;
    bool lists = policy_advisories_complete(&p->advisories) && policy_ids_complete(&p->fmspc) &&
                 policy_ids_complete(&p->ppid);
    bool complete = lists && check_chosen(p->report_data.mode) &&
                    (kind == ALCOVE_EVIDENCE_TDX_QUOTE ? complete_for_virtual_machines(p)
                                                       : complete_for_enclaves(p));
    check_that(c, complete, ALCOVE_REASON_POLICY_INCOMPLETE);
    check_completed(c, CHECKED_POLICY);
    return lists;
}

void judge_bare_quote(struct check *c)
{
    const struct alcove_policy *p = c->policy;
    check_that(c, p->ratls_key.mode != ALCOVE_EXPECT_VALUE, ALCOVE_REASON_RATLS_KEY);
    check_that(c, p->ratls_nonce.mode != ALCOVE_EXPECT_VALUE || p->ratls_nonce.value.size == 0,
               ALCOVE_REASON_RATLS_NONCE);
}

static bool accepts(const struct alcove_policy *p, enum alcove_tcb_status status)
{
    return (p->accepted_statuses & ALCOVE_TCB_BIT(status)) != 0;
}

/* Is the platform out of date in a way that grace covers, and for how long? The date is the oldest
 * of its parts': what lags may be the quoting enclave or the module. */
static bool in_platform_grace(const struct check *c)
{
    const struct alcove_policy *p = c->policy;
    const struct alcove_result *r = c->result;
    bool covered = r->tcb_status == ALCOVE_TCB_OUT_OF_DATE ||
                   (r->tcb_status == ALCOVE_TCB_OUT_OF_DATE_CONFIGURATION_NEEDED &&
                    accepts(p, ALCOVE_TCB_CONFIGURATION_NEEDED));
    return covered && p->platform_grace_s > 0 &&
           c->time <= policy_later(r->tcb_date, p->platform_grace_s);
}

void judge_tcb(struct check *c)
{
    struct alcove_result *r = c->result;
    bool accepted = accepts(c->policy, r->tcb_status);
    r->platform_grace_used = !accepted && in_platform_grace(c);
    check_that(c, accepted || r->platform_grace_used, ALCOVE_REASON_TCB_STATUS);
    for (size_t i = 0; i < r->advisory_count; i++) {
        check_that(c, policy_tolerates(&c->policy->advisories, r->advisories[i]),
                   ALCOVE_REASON_ADVISORY);
    }
}

void judge_platform(struct check *c)
{
    const struct alcove_policy *p = c->policy;
    const struct alcove_result *r = c->result;
    check_that(c, policy_admits(&p->fmspc, sizeof r->fmspc, r->fmspc), ALCOVE_REASON_FMSPC);
    check_that(c, policy_admits(&p->ppid, sizeof r->ppid, r->ppid), ALCOVE_REASON_PPID);
    check_that(c, !p->refuse_smt || r->smt_enabled != 1, ALCOVE_REASON_SMT);
}

static void judge_report_data(struct check *c, const uint8_t found[64])
{
    const struct alcove_expect_64 *e = &c->policy->report_data;
    check_that(c, check_expected(e->mode, e->value, found, 64), ALCOVE_REASON_REPORT_DATA);
    if (c->result->has_platform) {
        check_completed(c, CHECKED_EXPECTATIONS);
    }
}

void judge_enclave(struct check *c)
{
    const struct alcove_policy *p = c->policy;
    const struct alcove_sgx_report *r = &c->result->sgx;
    const struct alcove_expect_signer *s = &p->signer;
    check_that(c, p->allow_debug || !(r->attributes_flags & ALCOVE_SGX_FLAG_DEBUG),
               ALCOVE_REASON_DEBUG);
    check_that(c, check_expected(p->mrenclave.mode, p->mrenclave.value, r->mrenclave, 32),
               ALCOVE_REASON_MRENCLAVE);
    check_that(c, check_expected(s->mode, s->mrsigner, r->mrsigner, 32), ALCOVE_REASON_MRSIGNER);
    check_that(c, check_expected(s->mode, &s->isvprodid, &r->isvprodid, sizeof s->isvprodid),
               ALCOVE_REASON_ISVPRODID);
    check_that(c, s->mode == ALCOVE_EXPECT_ANY || r->isvsvn >= s->min_isvsvn, ALCOVE_REASON_ISVSVN);
    check_that(c, check_expected(p->configid.mode, p->configid.value, r->configid, 64),
               ALCOVE_REASON_CONFIGID);
    judge_report_data(c, r->report_data);
}

/* A body of TD 1.0 has no MRSERVICETD; it reads as zero, which is what "none is bound" expects. */
void judge_virtual_machine(struct check *c)
{
    const struct alcove_policy *p = c->policy;
    const struct alcove_td_report *r = &c->result->td;
    check_that(c, p->allow_debug || !(r->td_attributes & ALCOVE_TD_ATTRIBUTES_DEBUG),
               ALCOVE_REASON_DEBUG);
    check_that(c, p->allow_migration || !(r->td_attributes & ALCOVE_TD_ATTRIBUTES_MIGRATABLE),
               ALCOVE_REASON_MIGRATION);
    check_that(c, as_expected(&p->td_attributes, r->td_attributes), ALCOVE_REASON_TD_ATTRIBUTES);
    check_that(c, as_expected(&p->td_xfam, r->xfam), ALCOVE_REASON_XFAM);
    check_that(c, check_expected(p->mrseam.mode, p->mrseam.value, r->mrseam, 48),
               ALCOVE_REASON_MRSEAM);
    check_that(c, check_expected(p->mrservicetd.mode, p->mrservicetd.value, r->mrservicetd, 48),
               ALCOVE_REASON_MRSERVICETD);
    check_that(c, check_expected(p->mrtd.mode, p->mrtd.value, r->mrtd, 48), ALCOVE_REASON_MRTD);
    for (size_t i = 0; i < ARRAY_SIZE(p->rtmr); i++) {
        check_that(c, check_expected(p->rtmr[i].mode, p->rtmr[i].value, r->rtmr[i], 48),
                   ALCOVE_REASON_RTMR);
    }
    judge_report_data(c, r->report_data);
}
