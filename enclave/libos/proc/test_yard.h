/* SPDX-License-Identifier: Apache-2.0 */
/* A yard in an ordinary process, whose threads stand for enclaves: what sessions ask of the
 * runtime, with OpenSSL's cryptography. For tests and fuzz targets. */
#pragma once

#include <setjmp.h>

#include "runtime/yard.h"

/* The whole yard; any byte of it may be changed, as the host can. */
extern struct yard *test_yard;
void test_yard_start(void);
void test_yard_stop(void);
/* Which enclave, and which thread of it, the calling thread is from now on. */
void test_yard_be(unsigned slot, unsigned thread);
/* As the host when the process of that slot has ended. */
void test_yard_kill(unsigned slot);

/* A thread that sets `armed` comes back to `at` from rt_fatal(), whose sentence is in `text`. */
struct test_fatal {
    bool armed;
    jmp_buf at;
    char text[256];
};
extern __thread struct test_fatal test_fatal;
