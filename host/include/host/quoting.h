/* SPDX-License-Identifier: Apache-2.0 */
/* Quotes for REPORTs of enclaves on this machine. The quoting enclave runs in a process of its own,
 * alcove-quoting: an enclave process is locked down, and holds one enclave.
 *
 * Trust: whoever runs this can withhold quotes, not forge them: a quote is believed for its
 * signatures. On the software machine even those are only as good as the machine's owner. */
#pragma once

#include "abi/evidence.h"
#include "machine/machine.h"

struct quoting;

/* Starts the quoting process; it gets ready while the caller goes on. -ENOSYS on the hardware
 * machine: its quotes come from the platform's quoting service, which this release does not ask. */
int quoting_open(const struct machine_ops *ops, const struct machine_config *machine,
                 struct quoting **ret, struct diag *d) MUST_USE;
/* Whom an enclave addresses its REPORT to. This and the next two: -EPIPE when the process has
 * ended. */
int quoting_get_target(struct quoting *q, struct sgx_targetinfo *ret, struct diag *d) MUST_USE;
/* A DCAP v3 quote with the PCK chain in it, appended to quote, and what a verifier needs beside it;
 * ret_collateral borrows from q until the next call or quoting_close(). -EPERM: the REPORT is not
 * for this machine's quoting enclave. */
int quoting_quote(struct quoting *q, const struct sgx_report *report, struct writer *quote,
                  struct evidence_collateral *ret_collateral, struct diag *d) MUST_USE;
/* The collateral alone, for whoever verifies this machine's quotes elsewhere; borrows likewise. */
int quoting_collateral(struct quoting *q, struct evidence_collateral *ret, struct diag *d) MUST_USE;
/* Ends the process. NULL-safe. */
void quoting_close(struct quoting *q);
