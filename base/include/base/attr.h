/* SPDX-License-Identifier: Apache-2.0 */
/* Compiler attributes, scope-bound cleanup and the checks that stay on in release builds. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>

#define MUST_USE      __attribute__((warn_unused_result))
#define PRINTF(f, a)  __attribute__((format(printf, f, a)))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* AUTO(quote) q = NULL;  calls quote_free(q) at scope end through a generated helper. */
#define AUTO(type)                   __attribute__((cleanup(type##_cleanup))) struct type *
#define DEFINE_AUTO(type, free_func) static inline void type##_cleanup(struct type **p) { free_func(*p); }

/* Takes a pointer out of a variable whose cleanup would otherwise destroy it. */
#define STEAL(pp)                                                                                  \
    ({                                                                                             \
        __typeof__(*(pp)) stolen_ = *(pp);                                                         \
        *(pp) = NULL;                                                                              \
        stolen_;                                                                                   \
    })

/* The one way to drop a must-use result; WHY is for the reader. */
#define ignore_result(r, why) ((void)(sizeof(why)), (void)((r) == 0))

/* A condition that the program's own logic guarantees. Never for anything a host, a file or a
 * workload can influence. Each program or enclave defines what happens: base_require_failed(). */
void base_require_failed(const char *expression, const char *file, int line)
    __attribute__((noreturn));
#define REQUIRE(cond)                                                                              \
    do {                                                                                           \
        if (__builtin_expect(!(cond), 0)) {                                                        \
            base_require_failed(#cond, __FILE__, __LINE__);                                        \
        }                                                                                          \
    } while (0)
