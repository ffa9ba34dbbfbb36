/* SPDX-License-Identifier: Apache-2.0 */
/* What --collateral names: bundles, folders and single files, read into memory; which piece is what
 * is told by its content. */
#pragma once

#include "request.h"

struct collateral;

int collateral_gather(const struct verify_request *q, struct bytes evidence,
                      struct collateral **ret, struct diag *d) MUST_USE;
const struct alcove_collateral *collateral_view(const struct collateral *c);
/* Evidence whose platform cannot be read says nothing about what would fit. Then any collateral
 * shows better what is wrong with the evidence than none does. True if it is worth another look. */
bool collateral_take_any(struct collateral *c, const struct alcove_result *result) MUST_USE;
/* A sentence about what is missing, for a result that misses something; "" otherwise. Lives as long
 * as c. */
const char *collateral_note(struct collateral *c, const struct alcove_result *result);
void collateral_free(struct collateral *c);
