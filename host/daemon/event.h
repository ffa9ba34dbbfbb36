/* SPDX-License-Identifier: Apache-2.0 */
/* What the operator reads on standard error: one line per event, names and counts, never contents.
 * Lines of several threads do not mix. */
#pragma once

#include "base/diag.h"

/* "alcoved: TEXT\n"; control characters in texts are escaped, so that one event stays one line. */
void event(const char *format, ...) PRINTF(1, 2);

/* Milliseconds of a clock that never jumps: for deadlines. */
int64_t now_ms(void);
/* Seconds since 1970. */
uint64_t now_s(void);
