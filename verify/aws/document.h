/* SPDX-License-Identifier: Apache-2.0 */
/* The payload of a Nitro document: AWS's "Nitro Enclaves attestation process", section 2.2.
 * Trust: the bytes come from whoever wants to be believed. */
#pragma once

#include "base/bytes.h"
#include "verify/limits.h"
#include "verify/verify.h"

struct nitro_payload {
    struct alcove_nitro_document facts;
    bool digest_is_sha384;
    struct bytes certificate;
    struct bytes bundle[NITRO_BUNDLE_MAX]; /* root first, the leaf's issuer last */
    size_t bundle_count;
};
/* False unless it is exactly one map with the members that AWS lists, each at most once, of the
 * kinds and sizes that it gives; what is optional may be null. Members that nobody knows are
 * refused: they might change the meaning of the others. */
bool nitro_payload_read(struct bytes payload, struct nitro_payload *ret) MUST_USE;
