/* SPDX-License-Identifier: Apache-2.0 */
/* The phone's policy: whom this person trusts and what queries may cost, as YAML
 * (docs/formats/phone-policy.md). The part that the custodian enforces is made from it.
 *
 * Trust: the file is the person's own, and may have been drafted from what a server says:
 * strictness and the summary are for them. */
#pragma once

#include <stdio.h>

#include "base/diag.h"
#include "net/client.h"
#include "wire/records.h"

#define PHONE_POLICY_NAME_MAX 64u

struct phone_policy {
    char server[CLIENT_URL_MAX];
    struct query_key log_key;
    size_t custodian_count;
    struct wire_identity custodians[WIRE_LIST_MAX]; /* that this phone talks to */
    struct wire_policy owner;                       /* version 0; lists sorted, each item once */
};

/* -EINVAL with "PATH:LINE:COLUMN: sentence"; *ret is then untouched. */
int phone_policy_read(struct bytes text, const char *path, struct phone_policy *ret,
                      struct diag *d) MUST_USE;
/* Appends what the custodian gets, as this version. */
int phone_policy_owner(const struct phone_policy *p, uint64_t version, struct writer *out,
                       struct diag *d) MUST_USE;

/* Writes a policy that trusts what the server says about itself, for a person to read. */
void phone_policy_draft(const char *server, const struct wire_programs *programs, FILE *out);
/* Says in plain words what accepting it means. */
void phone_policy_explain(const struct phone_policy *p, FILE *out);
