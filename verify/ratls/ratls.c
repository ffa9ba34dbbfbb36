/* SPDX-License-Identifier: Apache-2.0 */
/* Not read yet: every such evidence is refused. */
#include "check.h"

void ratls_check(struct check *c, struct bytes evidence, const struct alcove_collateral *collateral)
{
    (void)evidence;
    (void)collateral;
    check_fail(c, ALCOVE_REASON_QUOTE_FORMAT);
}
