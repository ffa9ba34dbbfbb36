/* SPDX-License-Identifier: Apache-2.0 */
/* What Intel's provisioning certification enclave (PCE) and provisioning service are to hardware:
 * the software machine vouches for its quoting enclave. Its microcode helper holds the keys; the
 * request names no key and no identity, the REPORT in it proves both. */
#pragma once

#include "abi/evidence.h"
#include "machine/machine.h"

/* Whom a quoting enclave addresses the REPORT to that shall be certified. No enclave can have this
 * MRENCLAVE, so nobody but the microcode derives its report key. */
void soft_certifier(struct sgx_targetinfo *ret);

/* The PCE's security version, for quote headers. */
#define SOFT_PCE_SVN 1u

/* Room that soft_certify() needs in its storage. */
#define SOFT_CERTIFY_STORAGE (8u * 6144)

/* Has the machine behind m sign a quoting enclave's REPORT body with its PCK key, and fetches what
 * must accompany quotes. ret_pck_chain and ret_collateral borrow from storage. -EPERM: the REPORT
 * is not this machine's, or not of its quoting enclave; m is any enclave on the machine. */
int soft_certify(struct machine *m, const struct sgx_report *qe_report, uint8_t ret_signature[64],
                 struct writer *storage, struct bytes *ret_pck_chain,
                 struct evidence_collateral *ret_collateral, struct diag *d) MUST_USE;
