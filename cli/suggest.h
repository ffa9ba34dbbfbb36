/* SPDX-License-Identifier: Apache-2.0 */
/* Suggestions for names that were misspelt. */
#pragma once

#include <stddef.h>

/* Edits (insert, delete, replace, in either case of letters) that turn a into b; SIZE_MAX for words
 * that are too long to be compared. */
size_t suggest_distance(const char *a, const char *b);

#define SUGGEST_NEAR 3u /* as many edits or more are a guess, not a typing error */
