/* SPDX-License-Identifier: Apache-2.0 */
/* Certificate chains of exactly the two shapes that Intel uses, and their revocation:
 *   PCK certificate -> PCK Platform or Processor CA -> root     (signs quoting enclaves' reports)
 *   TCB Signing -> root                                         (signs TCB info and QE identity)
 * No path building, no trust store, no name constraints: three certificates in their places. */
#pragma once

#include "check.h"
#include "x509/certificate.h"
#include "x509/pem.h"

struct pck_chain {
    struct pem_chain pem;
    struct certificate certificates[3];                   /* in the text's order */
    const struct certificate *leaf, *intermediate, *root; /* of these, if readable */
    bool readable;
};

struct signer_chain {
    struct pem_chain pem;
    struct certificate signer, root;
    bool readable;
};

/* Whose root is this? By its key; by its name where it says that it is a software machine's. */
enum alcove_root_kind chain_root_kind(const struct certificate *root);

/* Each makes all of its checks that can be made and reports failures to `c`. */
void pck_chain_check(struct check *c, struct bytes pem, struct pck_chain *ret);
/* Under the same root key as `pck`. */
void signer_chain_check(struct check *c, struct bytes pem, const struct pck_chain *pck,
                        struct signer_chain *ret);

/* The PCK revocation list's own chain, if there is one, must be the quote's. */
void crl_chain_check(struct check *c, struct bytes pem, const struct pck_chain *pck);

/* Both lists against every certificate that they can revoke. signers may be unreadable. */
void revocation_check(struct check *c, struct bytes root_crl, struct bytes pck_crl,
                      const struct pck_chain *pck, const struct signer_chain *tcb_signer,
                      const struct signer_chain *qe_signer);
