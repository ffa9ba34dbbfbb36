/* SPDX-License-Identifier: Apache-2.0 */
/* What the tables say about system calls beside how they are served: names, arguments and their
 * types. Internal to enclave/libos. */
#pragma once

#include "libos/syscalls.h"

struct call_text {
    const char *name; /* NULL: no row */
    uint8_t count;
    uint8_t types[6]; /* enum sys_type */
    const char *arguments[6];
};

extern const struct call_text call_texts[SYS_NUMBERS];
/* Of every number that Linux has assigned, also of those without a row; NULL: none. */
extern const char *const call_names[SYS_NUMBERS];
