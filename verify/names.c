/* SPDX-License-Identifier: Apache-2.0 */
/* Names and explanations, from the tables. */
#include "verify/verify.h"

static const char *const reason_names[] = {
    [ALCOVE_REASON_NONE] = "none",
#define REASON(name, text, explanation) [ALCOVE_REASON_##name] = text,
#include "verify/reasons.def"
#undef REASON
};

static const char *const reason_explanations[] = {
    [ALCOVE_REASON_NONE] = "no check failed",
#define REASON(name, text, explanation) [ALCOVE_REASON_##name] = explanation,
#include "verify/reasons.def"
#undef REASON
};

static const char *const status_names[] = {
    [ALCOVE_TCB_NONE] = "none",
#define STATUS(name, text) [ALCOVE_TCB_##name] = text,
#include "verify/statuses.def"
#undef STATUS
};

const char *alcove_reason_name(enum alcove_reason reason)
{
    return (unsigned)reason < ALCOVE_REASON_COUNT ? reason_names[reason] : NULL;
}

const char *alcove_reason_explain(enum alcove_reason reason)
{
    return (unsigned)reason < ALCOVE_REASON_COUNT ? reason_explanations[reason] : NULL;
}

const char *alcove_tcb_status_name(enum alcove_tcb_status status)
{
    return (unsigned)status < ALCOVE_TCB_STATUS_COUNT ? status_names[status] : NULL;
}

enum alcove_tcb_status alcove_tcb_status_by_name(const char *name)
{
    for (int s = ALCOVE_TCB_NONE + 1; s < ALCOVE_TCB_STATUS_COUNT; s++) {
        if (__builtin_strcmp(name, status_names[s]) == 0) {
            return (enum alcove_tcb_status)s;
        }
    }
    return ALCOVE_TCB_NONE;
}
