/* SPDX-License-Identifier: Apache-2.0 */
/* The shapes of trampolines that compilers and libffi write on x86-64.
 *
 * The adversary: the workload, which puts there what it likes, and changes it while it is looked
 * at. So this reads a copy, and what comes out is what any indirect jump of its own could do as
 * well: two registers that functions need not keep, and an address, where the processor finds
 * measured text or faults. */
#include "exec/trampoline.h"

#define ADDRESS_END (UINT64_C(1) << 47) /* a jump beyond faults in the jump */

static const uint8_t endbr64[] = {0xf3, 0x0f, 0x1e, 0xfa};

/* libffi's: the closure's own address, and a target that lies behind the code.
 * Source: libffi, src/x86/ffi64.c and ffiw64.c, ffi_prep_closure_loc(). */
static const uint8_t libffi_endbr[] = {
    0xf3, 0x0f, 0x1e, 0xfa,                   /* endbr64 */
    0x4c, 0x8d, 0x15, 0xf5, 0xff, 0xff, 0xff, /* lea -11(%rip), %r10 */
    0xff, 0x25, 0x07, 0x00, 0x00, 0x00,       /* jmp *7(%rip) */
    0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00, /* nopl 0(%rax) */
};
static const uint8_t libffi_plain[] = {
    0x4c, 0x8d, 0x15, 0xf9, 0xff, 0xff, 0xff, /* lea -7(%rip), %r10 */
    0xff, 0x25, 0x03, 0x00, 0x00, 0x00,       /* jmp *3(%rip) */
    0x0f, 0x1f, 0x00,                         /* nopl (%rax) */
};

static bool take(struct cursor *c, struct bytes expected)
{
    const struct bytes there = cursor_take(c, expected.size);
    return cursor_ok(c) && bytes_equal(there, expected);
}

/* Code to its last byte, then the target. */
static bool read_libffi(struct bytes bytes, struct bytes code, uint64_t at, struct trampoline *t)
{
    struct cursor c = cursor_of(bytes);
    *t = (struct trampoline){.r10 = at};
    return take(&c, code) && ((void)(t->target = cursor_le64(&c)), cursor_ok(&c));
}

/* gcc's and clang's nested functions: mov $target, %r11; mov $chain, %r10; jmp *%r11, the first one
 * with 32 bits where they are enough. Source: gcc, config/i386/i386.c, ix86_trampoline_init(). */
static bool read_nested(struct bytes bytes, struct trampoline *t)
{
    static const uint8_t mov_r11[] = {0x49, 0xbb}, mov_r11d[] = {0x41, 0xbb};
    static const uint8_t mov_r10[] = {0x49, 0xba}, jmp_r11[] = {0x49, 0xff, 0xe3};
    struct cursor c = cursor_of(bytes);
    const struct bytes first = cursor_take(&c, sizeof mov_r11);
    *t = (struct trampoline){.sets_r11 = true};
    if (bytes_equal(first, BYTES_OF(mov_r11))) {
        t->target = cursor_le64(&c);
    } else if (bytes_equal(first, BYTES_OF(mov_r11d))) {
        t->target = cursor_le32(&c);
    } else {
        return false;
    }
    t->r11 = t->target;
    if (!take(&c, BYTES_OF(mov_r10))) {
        return false;
    }
    t->r10 = cursor_le64(&c);
    return take(&c, BYTES_OF(jmp_r11));
}

bool trampoline_read(struct bytes code, uint64_t at, struct trampoline *ret)
{
    struct cursor c = cursor_of(code);
    struct trampoline t;
    const struct bytes behind = take(&c, BYTES_OF(endbr64)) ? c.rest : code;
    if (!read_libffi(code, BYTES_OF(libffi_endbr), at, &t) &&
        !read_libffi(code, BYTES_OF(libffi_plain), at, &t) && !read_nested(behind, &t)) {
        return false;
    }
    if (t.target >= ADDRESS_END) {
        return false;
    }
    *ret = t;
    return true;
}
