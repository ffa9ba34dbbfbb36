/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of collateral bundles (verify/bundle.h): the form of the file, and what its pieces say
 * about themselves.
 * Trust: all of it comes from anybody. */
#pragma once

#include "abi/quote.h"
#include "intel/platform.h"
#include "verify/bundle.h"
#include "verify/limits.h"
#include "x509/certificate.h"
#include "x509/crl.h"
#include "x509/pem.h"

#define BUNDLE_FORMAT "alcove-collateral-1"

/* A group of entries: an array of byte strings, shorter ones first, then bytewise, none twice. */
struct bundle_group {
    const char *key;
    enum alcove_bundle_kind kind;
    size_t max; /* bytes of an entry */
};
/* In the order of the file. */
extern const struct bundle_group bundle_groups[ALCOVE_BUNDLE_KINDS];

/* alcove_bundle_next() without reading what the entry says. */
bool bundle_step(struct bytes bundle, struct alcove_bundle_position *at,
                 enum alcove_bundle_kind *ret_kind, struct bytes *ret_content) MUST_USE;
/* What an entry says about itself; all but kind and content. */
void bundle_facts(enum alcove_bundle_kind kind, struct bytes content,
                  struct alcove_bundle_entry *ret);

/* Is this member of the signed document this string, in letters of either case? Reads no further
 * than that, so that most documents of a large bundle cost next to nothing. */
bool bundle_document_says(struct bytes text, const char *document, const char *member,
                          const char *value) MUST_USE;

/* ---- Pieces ---- */

/* A chain as stored: its certificates from the leaf up. */
struct bundle_chain {
    struct pem_chain pem;
    struct certificate certificates[CHAIN_MAX];
    size_t count;
};
bool bundle_chain_read(struct bytes pem, struct bundle_chain *ret) MUST_USE;

/* What a PCK certificate says about its platform. False if this is none. */
bool bundle_platform(const struct certificate *c, struct platform *ret) MUST_USE;
/* Does AMD issue VEKs under this name, "SEV-Milan" or "SEV-VLEK-Milan"? */
enum alcove_snp_product bundle_vek_product(const char *issuer, bool *ret_is_vlek);
/* The common name in a raw name; empty if there is none. */
void bundle_common_name(struct bytes name, char ret[COMMON_NAME_SIZE]);
