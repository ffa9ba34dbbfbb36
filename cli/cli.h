/* SPDX-License-Identifier: Apache-2.0 */
/* What every verb of the command shares: how it reports. A verb prints its error once, says what,
 * which and what to do, and returns an exit status: 0 done, 1 failed or refused, 2 wrong usage. */
#pragma once

#include "base/diag.h"

enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

#define VERB(name, summary)                                                                        \
    int verb_##name(int argc, char **argv);                                                        \
    extern const char verb_##name##_help[];
#include "verbs.def"
#undef VERB

/* Prints "alcove VERB: TEXT" to standard error; returns CLI_FAILED. */
int cli_fail(const char *verb, const struct diag *d);
/* Prints the sentence and where help is; returns CLI_USAGE. */
int cli_usage(const char *verb, const char *format, ...) PRINTF(2, 3);
