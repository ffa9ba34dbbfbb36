/* SPDX-License-Identifier: Apache-2.0 */
/* The first line of a script, as Linux's fs/binfmt_script.c reads it. Pure: bytes in, facts out. */
#pragma once

#include "base/bytes.h"

#define SCRIPT_HEAD_SIZE 256u /* BINPRM_BUF_SIZE: what is looked at of a file */

/* Views into the head. */
struct script_line {
    struct bytes interpreter; /* at least one byte, none of them NUL */
    struct bytes argument;    /* with blanks in it, if there are; size 0: none */
};

/* head: the first bytes of a file, at most SCRIPT_HEAD_SIZE (all of it when it is shorter). Does it
 * begin as a script? */
bool script_is(struct bytes head);
/* 0, or -ENOEXEC: its line names no interpreter, or a longer one than is looked at. Trust: any
 * bytes. */
int script_parse(struct bytes head, struct script_line *ret) MUST_USE;
