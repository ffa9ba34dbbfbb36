/* SPDX-License-Identifier: Apache-2.0 */
/* The files under sealed volumes. */
#pragma once

#include "host/host.h"

/* Opens or makes it, for this process alone: two enclaves with one file would each lose what the other
 * wrote. That is for honest hosts; the enclave does not rely on it. */
int host_volume_open(const char *name, const char *path, struct host_file *ret, struct diag *d) MUST_USE;
/* The volume_* hostcalls. */
int64_t host_volume_serve(struct host_config *c, struct hostcall_slot *s);
