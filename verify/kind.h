/* SPDX-License-Identifier: Apache-2.0 */
/* What do these bytes claim to be? Told by their beginning, before anything is verified.
 * Trust: the adversary chooses the bytes, and with them who judges them; every judge rejects what
 * is not his, and a policy that leaves his expectations unset. */
#pragma once

#include "base/bytes.h"
#include "verify/verify.h"

enum family {
    FAMILY_INTEL, /* also what begins like nothing: judged, and refused, as a quote */
    FAMILY_AMD,
    FAMILY_AZURE,
    FAMILY_AWS,
    FAMILY_RATLS,
};
enum family family_of(struct bytes evidence);
