/* SPDX-License-Identifier: Apache-2.0 */
/* The aggregator behind the shim door: one process, one query. */
#include "aggregator.h"

#include <stdio.h>

static int serve(void *context, struct bytes record, struct service_buffer *answer)
{
    return aggregator_serve(context, record, answer);
}

int main(void)
{
    struct aggregator *a = aggregator_new(&service_env_enclave);
    if (a == NULL) {
        fprintf(stderr, "aggregator: no memory\n");
        return 1;
    }
    const struct service_program program = {.name = "aggregator", .context = a, .serve = serve};
    int status = service_main(&program);
    aggregator_free(a);
    return status;
}
