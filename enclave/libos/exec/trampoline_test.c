/* SPDX-License-Identifier: Apache-2.0 */
/* Trampolines are written into memory of this process that is executable, and run: registers and
 * target are what was read from the bytes. The processor is the oracle. */
#include "exec/trampoline.h"

#include <string.h>
#include <sys/mman.h>

#include "tests/tap.h"

/* Where they lead: keeps what they set. */
void seen_target(void);
extern uint64_t seen_r10, seen_r11;
uint64_t seen_r10, seen_r11;
__asm__(".text\n"
        "seen_target:\n"
        "  endbr64\n"
        "  mov %r10, seen_r10(%rip)\n"
        "  mov %r11, seen_r11(%rip)\n"
        "  ret\n");

/* In the lowest 4 GiB, for targets of 32 bits: jmp *(%rip), to seen_target. */
static uint64_t low_target(void)
{
    static const uint8_t jump[] = {0xff, 0x25, 0, 0, 0, 0};
    uint8_t *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    if (p == MAP_FAILED) {
        perror("mmap");
        exit(1);
    }
    memcpy(p, jump, sizeof jump);
    store_le64(p + sizeof jump, (uint64_t)(uintptr_t)seen_target);
    return (uint64_t)(uintptr_t)p;
}

struct shape {
    const char *name;
    uint8_t code[TRAMPOLINE_MAX];
    size_t size;
    size_t target, target_size, chain; /* where in the bytes; chain 0: none */
};

static const struct shape shapes[] = {
    {"libffi's with endbr64",
     {0xf3, 0x0f, 0x1e, 0xfa, 0x4c, 0x8d, 0x15, 0xf5, 0xff, 0xff, 0xff, 0xff,
      0x25, 0x07, 0,    0,    0,    0x0f, 0x1f, 0x80, 0,    0,    0,    0},
     32,
     24,
     8,
     0},
    {"libffi's without endbr64",
     {0x4c, 0x8d, 0x15, 0xf9, 0xff, 0xff, 0xff, 0xff, 0x25, 0x03, 0, 0, 0, 0x0f, 0x1f, 0},
     24,
     16,
     8,
     0},
    {"a nested function's", {0x49, 0xbb, [10] = 0x49, 0xba, [20] = 0x49, 0xff, 0xe3}, 23, 2, 8, 12},
    {"a nested function's with endbr64",
     {0xf3, 0x0f, 0x1e, 0xfa, 0x49, 0xbb, [14] = 0x49, 0xba, [24] = 0x49, 0xff, 0xe3},
     27,
     6,
     8,
     16},
    {"a low nested function's",
     {0x41, 0xbb, [6] = 0x49, 0xba, [16] = 0x49, 0xff, 0xe3},
     19,
     2,
     4,
     8},
    {"a low nested function's with endbr64",
     {0xf3, 0x0f, 0x1e, 0xfa, 0x41, 0xbb, [10] = 0x49, 0xba, [20] = 0x49, 0xff, 0xe3},
     23,
     6,
     4,
     12},
};

#define CHAIN UINT64_C(0x8877665544332211)

static void fill(const struct shape *s, uint8_t *at, uint64_t target)
{
    memcpy(at, s->code, s->size);
    memcpy(at + s->target, &target, s->target_size);
    if (s->chain != 0) {
        store_le64(at + s->chain, CHAIN);
    }
}

/* Only bytes of the target and of the chain may be anything. */
static bool every_byte_counts(const struct shape *s, uint8_t *at, uint64_t target)
{
    const uint64_t address = (uint64_t)(uintptr_t)at;
    for (size_t i = 0; i < s->size; i++) {
        const bool in_target = i >= s->target && i < s->target + s->target_size;
        const bool in_chain = s->chain != 0 && i >= s->chain && i < s->chain + 8;
        for (unsigned bit = 0; bit < 8; bit++) {
            struct trampoline t;
            fill(s, at, target);
            at[i] ^= (uint8_t)(1u << bit);
            const bool read = trampoline_read(BYTES(at, s->size), address, &t);
            const bool other = read && (in_target ? t.target != target : t.r10 != CHAIN);
            /* The top bits of an address that no jump can have. */
            const bool beyond = in_target && s->target_size == 8 && (i - s->target) * 8 + bit >= 47;
            if (beyond || !(in_target || in_chain) ? read : !other) {
                printf("# byte %zu, bit %u: %d\n", i, bit, read);
                return false;
            }
        }
    }
    fill(s, at, target);
    return true;
}

static bool shorter_is_none(const struct shape *s, const uint8_t *at)
{
    for (size_t n = 0; n < s->size; n++) {
        struct trampoline t;
        if (trampoline_read(BYTES(at, n), (uint64_t)(uintptr_t)at, &t)) {
            return false;
        }
    }
    return true;
}

static bool no_middle(const struct shape *s, const uint8_t *at)
{
    for (size_t n = 1; n < s->size; n++) {
        struct trampoline t;
        const bool behind_endbr = n == 4 && s->chain != 0 && s->code[0] == 0xf3;
        if (trampoline_read(BYTES(at + n, TRAMPOLINE_MAX), (uint64_t)(uintptr_t)at + n, &t) !=
            behind_endbr) {
            return false;
        }
    }
    return true;
}

int main(void)
{
    uint8_t *page =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const uint64_t low = low_target();
    for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
        const struct shape *s = &shapes[i];
        const uint64_t target = s->target_size == 4 ? low : (uint64_t)(uintptr_t)seen_target;
        uint8_t *at = page + 64 * i + i; /* odd places are as good */
        struct trampoline t = {0};
        fill(s, at, target);
        seen_r10 = seen_r11 = 0;
        ((void (*)(void))(uintptr_t)at)();
        const bool read = trampoline_read(BYTES(at, TRAMPOLINE_MAX), (uint64_t)(uintptr_t)at, &t);
        CHECK(read && t.target == target && t.r10 == seen_r10 &&
                  (t.sets_r11 ? t.r11 == seen_r11 : s->chain == 0),
              "%s trampoline does what the processor does with it", s->name);
        CHECK(every_byte_counts(s, at, target), "%s: every bit counts", s->name);
        CHECK(shorter_is_none(s, at), "%s: a part of it is none", s->name);
        CHECK(no_middle(s, at), "%s: nobody jumps into its middle", s->name);
    }
    return tap_done();
}
