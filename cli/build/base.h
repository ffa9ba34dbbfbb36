/* SPDX-License-Identifier: Apache-2.0 */
/* Base layers: shared by all workloads of a machine, kept in the layer store by root hash. */
#pragma once

#include "layer.h"

/* The stock layer of that name ("python"), made on first use and whenever the machine's packages
 * have changed. `verbose` prints what was found and made. */
int base_layer(const char *name, bool verbose, struct layer_id *ret, struct diag *d) MUST_USE;
/* A layer of those packages and all that they need, programs included; names end with NULL. Kept as
 * the stock ones are. */
int base_packages(const char *const *names, bool verbose, struct layer_id *ret,
                  struct diag *d) MUST_USE;
