/* SPDX-License-Identifier: Apache-2.0 */
/* What a failed REQUIRE() does in ordinary programs. Enclaves bring their own. */
#include "base/attr.h"

#include <stdio.h>
#include <stdlib.h>

void base_require_failed(const char *expression, const char *file, int line)
{
    fprintf(stderr, "alcove: internal error: %s does not hold at %s:%d\n", expression, file, line);
    abort();
}
