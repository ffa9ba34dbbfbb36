/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of enclave/images/probe.c need to make an enclave of it. Failures end the test. */
#pragma once

#include "host/host.h"

struct bytes probe_manifest(void); /* static memory */
/* Signs with a key of this run's own. */
void probe_sign(struct sgx_sigstruct *s, struct bytes sgxs);
/* The manifest's only input: the bytes 0 to 199. */
void probe_input(struct host_config *config);
/* What a host answers to HOSTCALL_quote_target and _quote: a TARGETINFO of zeros, and a quote in form,
 * over the REPORT that came. Nobody signed it. */
int64_t probe_quote(unsigned number, struct hostcall_slot *slot);
/* Removes the state of a machine that a test made in a folder of its own. */
void probe_remove_machine(const char *dir);
