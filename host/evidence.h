/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the evidence file of a run out of the enclave's REPORT and claims. */
#pragma once

#include "host/host.h"
#include "outfile.h"

struct evidence_maker;
int evidence_maker_open(const struct machine_config *machine, const struct machine_ops *ops,
                        struct bytes manifest, struct evidence_maker **ret, struct diag *d);
/* Waits until quotes can be made, or says why they cannot. */
int evidence_maker_ready(struct evidence_maker *e, struct diag *d);
int evidence_maker_target(struct evidence_maker *e, struct sgx_targetinfo *ret, struct diag *d);
/* message: REPORT (432 bytes) and the claims behind it. */
int evidence_maker_quote(struct evidence_maker *e, struct bytes message, struct diag *d);
/* The quote alone, for the enclave itself: of the REPORT that it sent. */
int evidence_maker_attest(struct evidence_maker *e, struct bytes report, struct writer *quote,
                          struct diag *d);
/* Fills the file and commits it. */
int evidence_maker_write(struct evidence_maker *e, struct outfile *file, struct diag *d);
void evidence_maker_close(struct evidence_maker *e);
