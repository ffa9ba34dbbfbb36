/* SPDX-License-Identifier: Apache-2.0 */
/* A test program prints TAP: one line per check, named by a sentence. */
#pragma once

#include <stdio.h>
#include <stdlib.h>

static int tap_count_, tap_failed_;

#define CHECK(cond, ...)                                                                           \
    do {                                                                                           \
        int tap_ok_ = !!(cond);                                                                    \
        printf("%sok %d - ", tap_ok_ ? "" : "not ", ++tap_count_);                                 \
        printf(__VA_ARGS__);                                                                       \
        printf("\n");                                                                              \
        if (!tap_ok_) {                                                                            \
            tap_failed_++;                                                                         \
            printf("# %s:%d: %s\n", __FILE__, __LINE__, #cond);                                    \
        }                                                                                          \
        fflush(stdout);                                                                            \
    } while (0)

#define SKIP(reason, ...)                                                                          \
    do {                                                                                           \
        printf("ok %d - ", ++tap_count_);                                                          \
        printf(__VA_ARGS__);                                                                       \
        printf(" # SKIP %s\n", reason);                                                            \
        fflush(stdout);                                                                            \
    } while (0)

static inline int tap_done(void)
{
    printf("1..%d\n", tap_count_);
    return tap_failed_ == 0 ? 0 : 1;
}
