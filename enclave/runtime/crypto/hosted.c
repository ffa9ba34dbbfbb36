/* SPDX-License-Identifier: Apache-2.0 */
/* The three names of glibc that the Debian archives were compiled against, because Debian builds
 * with _FORTIFY_SOURCE and stack protectors. In host-side tests glibc has them. */
#include "base/attr.h"

void *__memcpy_chk(void *to, const void *from, size_t n, size_t room);
void *__memset_chk(void *to, int c, size_t n, size_t room);
void __stack_chk_fail(void) __attribute__((noreturn));

void *__memcpy_chk(void *to, const void *from, size_t n, size_t room)
{
    REQUIRE(n <= room);
    return __builtin_memcpy(to, from, n);
}

void *__memset_chk(void *to, int c, size_t n, size_t room)
{
    REQUIRE(n <= room);
    return __builtin_memset(to, c, n);
}

void __stack_chk_fail(void)
{
    base_require_failed("stack canary", "library code", 0);
}
