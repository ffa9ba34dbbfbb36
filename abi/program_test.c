/* SPDX-License-Identifier: Apache-2.0 */
/* One good descriptor, and every single thing that can be wrong with it. */
#include "abi/program.h"

#include <errno.h>

#include "abi/sgx.h"
#include "tests/tap.h"

enum { R = SGX_SECINFO_R, W = SGX_SECINFO_W, X = SGX_SECINFO_X };

static struct program_descriptor good(void)
{
    return (struct program_descriptor){
        .magic = PROGRAM_MAGIC,
        .entry = 0x401010,
        .phdr = 0x400040,
        .phnum = 8,
        .end = 0x408000,
        .stubs_size = 8192,
        .segment_count = 3,
        .segments = {{0x400000, 0x1000, 0x1000, R},
                     {0x401000, 0x2000, 0x2000, R | X},
                     {0x404000, 0x1000, 0x4000, R | W}},
    };
}

static void refused(struct program_descriptor p, const char *what)
{
    struct diag d = {""};
    CHECK(program_descriptor_check(&p, &d) == -EINVAL && d.text[0] != '\0', "%s: %s", what, d.text);
}

#define REFUSED(what, member, value)                                                               \
    do {                                                                                           \
        struct program_descriptor bad = good();                                                    \
        bad.member = (value);                                                                      \
        refused(bad, what);                                                                        \
    } while (0)

int main(void)
{
    struct diag d = {""};
    struct program_descriptor p = good();
    CHECK(program_descriptor_check(&p, &d) == 0, "a program with text, constants and data is good");
    REFUSED("another magic", magic, PROGRAM_MAGIC + 1);
    REFUSED("no segments", segment_count, 0);
    REFUSED("too many segments", segment_count, PROGRAM_SEGMENTS_MAX + 1);
    REFUSED("no stubs", stubs_size, 0);
    REFUSED("half a page of stubs", stubs_size, 2048);
    REFUSED("stubs beyond their range", stubs_size, APP_STUBS_END - APP_STUBS + 4096);
    REFUSED("a start inside a page", segments[1].start, 0x401008);
    REFUSED("half a measured page", segments[2].measured, 2048);
    REFUSED("half a page", segments[2].size, 0x3800);
    REFUSED("an empty segment", segments[0], ((struct program_segment){0x400000, 0, 0, R}));
    REFUSED("more measured than there is", segments[0].measured, 0x2000);
    REFUSED("segments that overlap", segments[1].start, 0x400000);
    REFUSED("below the program's range", segments[0].start, 0x8000);
    REFUSED("above it", segments[2].size, APP_LIBRARIES);
    REFUSED("a size that overflows", segments[2].size, ~UINT64_C(0) << 12);
    REFUSED("rights that nobody has", segments[0].rights, 8 | R);
    REFUSED("no right to read", segments[2].rights, W);
    REFUSED("writable text", segments[1].rights, R | W | X);
    REFUSED("text that is not measured", segments[1].measured, 0x1000);
    REFUSED("an entry in the data", entry, 0x404000);
    REFUSED("an entry behind the text", entry, 0x403000);
    REFUSED("a heap inside the data", end, 0x407000);
    REFUSED("a heap among the libraries", end, APP_LIBRARIES + 4096);
    REFUSED("more program headers than a file can have", phnum, UINT16_MAX + 1);
    return tap_done();
}
