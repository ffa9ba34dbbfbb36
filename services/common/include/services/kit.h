/* SPDX-License-Identifier: Apache-2.0 */
/* What all services do alike: take the record `hello`, know who they are, put evidence files
 * together.
 *
 * Trust: hello comes from the host. Its manifest counts only when it is this enclave's; its
 * collateral has signatures of its own, which whoever verifies the evidence looks at. */
#pragma once

#include "channel/binding.h"
#include "services/buffer.h"
#include "services/env.h"

struct service_kit {
    const struct service_env *env;
    bool ready;                          /* hello came */
    uint8_t mrenclave[32], configid[64]; /* of this enclave, when ready */
    struct service_buffer kept;          /* hello's bytes */
    struct wire_hello hello;             /* views point into kept */
};
void service_kit_done(struct service_kit *kit);

/* Looks at a record before the core does. WIRE_RECORDS: it is answered: hello (a later one replaces
 * the first, since collateral gets old), what is no record (`format`), and whatever comes before
 * hello
 * (`state`). Else which record it is, for the core to answer. -ENOMEM and the like end the service:
 * *ret_err. */
enum wire_record service_take(struct service_kit *kit, struct bytes record,
                              struct service_buffer *answer, int *ret_err) MUST_USE;

/* An evidence file whose claims are this binding, in place of what the buffer held. -ENODEV: nobody
 * quotes on this host; -EINVAL: no binding; -EIO; -ENOMEM. */
int service_evidence(const struct service_kit *kit, const struct binding *binding,
                     struct service_buffer *ret, struct diag *d) MUST_USE;
