/* SPDX-License-Identifier: Apache-2.0 */
/* A query as people write it: YAML with the members of docs/formats/query.md under readable names.
 * It compiles to the document, and the document prints as the same YAML. Everything is written out;
 * only bounds, low and default may be left out, and are then 0.
 *
 * Trust: the text is the analyst's own; strictness is for them. Documents come from anybody. */
#pragma once

#include <stdio.h>

#include "base/diag.h"
#include "query/document.h"

/* Appends the document. -EINVAL with "PATH:LINE:COLUMN: sentence", or what the document's own rules
 * say; -ENOMEM. */
int query_yaml_compile(struct bytes text, const char *path, struct writer *out,
                       struct diag *d) MUST_USE;
/* Prints the document; query_yaml_compile() gives it back. */
void query_yaml_print(const struct query_document *doc, FILE *out);
