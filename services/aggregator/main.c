/* SPDX-License-Identifier: Apache-2.0 */
/* The aggregator of one query, behind the shim door (docs/formats/parties.md). */
#include "services/kit.h"
#include "services/serve.h"

static struct service_kit kit = {.env = &service_env_enclave};

static int serve(void *context, struct bytes record, struct service_buffer *answer)
{
    (void)context;
    int err;
    if (service_take(&kit, record, answer, &err) == WIRE_RECORDS) {
        return err;
    }
    return service_refuse(WIRE_CODE_STATE, NULL, answer);
}

int main(void)
{
    const struct service_program program = {.name = "aggregator", .serve = serve};
    return service_main(&program);
}
