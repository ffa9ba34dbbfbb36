/* SPDX-License-Identifier: Apache-2.0 */
/* Why something failed, in a sentence: what, which, and what to do. Caller-owned, fixed size, no
 * allocation, no locale. Libraries fill it in; programs print it once. */
#pragma once

#include "base/bytes.h"

#define DIAG_MAX 512

struct diag {
    char text[DIAG_MAX]; /* always NUL-terminated; control characters are escaped */
};

/* Replaces the text. d may be NULL. Conversions: %s %d %u %x %c %% with l, ll, z and widths, and
 * %.*s. Returns err, so that a refusal is one line: return diag_fail(d, -EINVAL, "...", ...). */
int diag_fail(struct diag *d, int err, const char *format, ...) PRINTF(3, 4);
/* Puts "prefix: " before what is there already: the sentence grows on the way up. */
void diag_prefix(struct diag *d, const char *format, ...) PRINTF(2, 3);

/* The bounded formatter behind it, for text in places without libc. Returns the length it wanted. */
size_t base_format(char *out, size_t capacity, const char *format, ...) PRINTF(3, 4);
size_t base_vformat(char *out, size_t capacity, const char *format, __builtin_va_list args);
