/* SPDX-License-Identifier: Apache-2.0 */
/* The programs that this daemon runs, as its command line names them, and what every service is
 * told about the machine: the parts of an evidence file that no enclave has.
 *
 * Trust: bundles are the operator's files; what is measured here is what `alcove measure` prints,
 * and nobody believes it for our sake. */
#pragma once

#include "abi/evidence.h"
#include "host/host.h"
#include "query/log.h"
#include "wire/records.h"

#define PROGRAM_NAME_MAX 48u /* as a leaf's name */
#define PROGRAM_PATH_MAX 4096u

struct program {
    char name[PROGRAM_NAME_MAX + 1];
    char bundle[PROGRAM_PATH_MAX];
    enum query_role role;
    uint8_t mrenclave[32], mrsigner[32], configid[64];
    uint16_t isvprodid, isvsvn;
    struct bytes manifest; /* malloc'ed */
    uint64_t log_index;    /* of its leaf, once it has one */
};

struct programs {
    size_t count;
    struct program list[WIRE_PROGRAMS_MAX];
};

/* Adds "NAME=BUNDLE", not yet measured. -EINVAL for a form or a name that is not [A-Za-z0-9._-],
 * and a name that is there already. */
int programs_add(struct programs *p, enum query_role role, const char *text,
                 struct diag *d) MUST_USE;
/* Measures the bundle, checks that its manifest fits its role. */
int program_measure(struct program *p, struct diag *d) MUST_USE;
void programs_free(struct programs *p);
/* NULL when there is none. */
const struct program *programs_by_name(const struct programs *p, enum query_role role,
                                       const char *name);
const struct program *programs_worker(const struct programs *p, const uint8_t configid[64]);
const struct program *programs_first(const struct programs *p, enum query_role role);

/* ---- the machine ----------------------------------------------------------------------------- */

struct platform;
/* Parts that stay as they are, for tests; copied. NULL: the machine's, which its quoting enclave
 * gives, asked again after an hour. */
int platform_open(const struct evidence_collateral *fixed, struct platform **ret,
                  struct diag *d) MUST_USE;
void platform_close(struct platform *p);
/* A hello for a program with that manifest; views point into *ret_memory, which is malloc'ed. */
int platform_hello(struct platform *p, struct bytes manifest, struct wire_hello *ret,
                   void **ret_memory, struct diag *d) MUST_USE;
/* SHA-256 of the SubjectPublicKeyInfo of the root that evidence of this machine chains to; zero
 * where that is not known. */
void platform_root(struct platform *p, uint8_t ret[32]);
