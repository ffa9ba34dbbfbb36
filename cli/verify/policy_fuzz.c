/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a policy file: reading ends, a refusal always has a sentence, and what is read is a
 * policy that the library can use. */
#include <stdlib.h>

#include "policy.h"

/* The library proper has targets of its own; here it is only what the reader asks of it. */
struct alcove_policy alcove_policy_strict(void)
{
    return (struct alcove_policy){.accepted_statuses = ALCOVE_TCB_BIT(ALCOVE_TCB_UP_TO_DATE)};
}

bool alcove_root_read(struct alcove_bytes certificate, struct alcove_root *ret)
{
    (void)certificate;
    (void)ret;
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct policy_file *p = NULL;
    struct diag d = {""};
    if (policy_parse(BYTES(data, size), "policy.yaml", &p, &d) != 0) {
        if (d.text[0] == '\0' || p != NULL) {
            abort();
        }
        return 0;
    }
    const struct alcove_policy *a = &p->policy;
    bool usable = a->accepted_statuses != 0 && a->root_count <= ROOTS_MAX &&
                  (a->collateral_grace_s == 0 || a->platform_grace_s == 0) &&
                  (a->fmspc.allowed_count == 0 || a->fmspc.allowed != NULL);
    if (!usable) {
        abort();
    }
    policy_free(p);
    return 0;
}
