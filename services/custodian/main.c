/* SPDX-License-Identifier: Apache-2.0 */
/* The custodian behind the shim door: one process for one person, until the host ends it. */
#include "files.h"

#include "services/serve.h"

#include <stdio.h>

int main(void)
{
    static struct files files = {.folder = "/data", .control = "/dev/volumes/data"};
    const struct custodian_volume volume = files_volume(&files);
    struct custodian *c = custodian_new(&service_env_enclave, &volume);
    if (c == NULL) {
        fprintf(stderr, "custodian: no memory, or no random numbers\n");
        return 1;
    }
    const struct service_program program = {
        .name = "custodian", .context = c, .serve = custodian_serve};
    int status = service_main(&program);
    custodian_free(c);
    return status;
}
