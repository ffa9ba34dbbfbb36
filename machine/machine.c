/* SPDX-License-Identifier: Apache-2.0 */
/* Finding a machine by name. */
#include "machine/machine.h"

#include <string.h>

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
