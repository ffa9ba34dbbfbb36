/* SPDX-License-Identifier: Apache-2.0 */
/* Makes a bundle: layers, canonical manifest, runtime and identities in one folder that appears
 * complete or not at all. */
#pragma once

#include "base/diag.h"
#include "identity.h"

struct bundle_request {
    const char *dir;    /* with alcove.yaml */
    const char *bundle; /* the folder to make; an earlier bundle there is replaced */
    const char *key;    /* signs a program of the shim door; NULL: the default one (key.h) */
    bool verbose;
};

int bundle_make(const struct bundle_request *request, struct identity *ret,
                struct diag *d) MUST_USE;
