/* SPDX-License-Identifier: Apache-2.0 */
/* Finding a machine by name; what all of them share. */
#include "machine/machine.h"

#include <string.h>
#include <unistd.h>

const struct machine_ops *machine_by_name(const char *name)
{
    static const struct machine_ops *const machines[] = {&machine_soft, &machine_sgx};
    for (size_t i = 0; i < ARRAY_SIZE(machines); i++) {
        if (strcmp(name, machines[i]->name) == 0) {
            return machines[i];
        }
    }
    return NULL;
}

void machine_forget(struct machine_config *config)
{
    if (config->started.pid != 0) {
        (void)close(config->started.socket);
        (void)close(config->started.pages);
    }
    config->started = (struct machine_started){0};
}
