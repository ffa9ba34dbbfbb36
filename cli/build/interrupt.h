/* SPDX-License-Identifier: Apache-2.0 */
/* Ctrl-C and kill during a build: long steps ask interrupted() and fail with -EINTR, so that every
 * temporary file goes the ordinary way out. */
#pragma once

#include "base/attr.h"

/* From now on SIGINT, SIGTERM and SIGHUP only set a mark. */
void interrupt_arm(void);
bool interrupted(void);
/* Dies of the signal that came, if one came: what a shell expects to see. */
void interrupt_finish(void);
