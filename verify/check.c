/* SPDX-License-Identifier: Apache-2.0 */
/* Tools of the families (check.h). */
#include "check.h"

bool check_root_named(const struct check *c, const uint8_t spki_sha256[32])
{
    const struct alcove_policy *p = c->policy;
    for (size_t i = 0; i < p->root_count; i++) {
        if (__builtin_memcmp(p->roots[i].spki_sha256, spki_sha256, 32) == 0) {
            return true;
        }
    }
    return false;
}

bool check_signature(struct check *c, const struct public_key *key,
                     const struct signature *signature, struct bytes message)
{
    return crypto_verify(&c->crypto, key, signature, message);
}
