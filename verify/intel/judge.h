/* SPDX-License-Identifier: Apache-2.0 */
/* What the relying party says about quotes, against what was found in them: the policy's part of
 * Intel's family, apart from reading and from signatures.
 * Trust: reads c->policy, the caller's, and c->result, which may be anybody's until it is accepted:
 * these checks can only reject. */
#pragma once

#include "check.h"

/* The policy says everything that this kind of evidence needs; completes CHECKED_POLICY. False if
 * its lists may not be read. */
bool judge_policy(struct check *c, enum alcove_evidence_kind kind) MUST_USE;
/* Who expects a certificate around the quote, by its key or nonce, is not content without one: the
 * adversary chooses what comes. */
void judge_bare_quote(struct check *c);
/* Status, advisories and dates, as they stand in the result. */
void judge_tcb(struct check *c);
/* FMSPC, PPID and configuration, as they stand in the result. */
void judge_platform(struct check *c);
/* Debug, migration, measurements, report data; complete CHECKED_EXPECTATIONS if the platform was
 * judged too. */
void judge_enclave(struct check *c);
void judge_virtual_machine(struct check *c);
