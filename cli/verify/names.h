/* SPDX-License-Identifier: Apache-2.0 */
/* Every name that a verdict may hold, with its explanation: reasons, those of runs, TCB statuses.
 * From the library's tables, plus what only a command needs: what to do, and which key decides. */
#pragma once

#include "verify/run.h"

enum name_type { NAME_REASON, NAME_RUN_REASON, NAME_STATUS };

struct name_entry {
    enum name_type type;
    const char *name;
    const char *kinds;      /* of evidence that it is about: "SGX and TDX quotes" */
    const char *means;      /* a sentence without its full stop */
    const char *advice;     /* what to do */
    const char *policy_key; /* that decides; NULL if no policy does */
};

size_t name_count(void);
struct name_entry name_at(size_t i);
