/* SPDX-License-Identifier: Apache-2.0 */
/* The first stack, made in trusted memory and copied to its place. Everything on it comes from the
 * plan (the manifest at the first start) or is made here; nothing from the host. */
#include "exec/exec_stack.h"

#include <errno.h>

#include "mm/mm.h"
#include "signals/signals.h"

#define STACK_SIZE (UINT64_C(8) << 20)
#define STACK_READY                                                                                \
    (UINT64_C(128) << 10) /* what programs use at once; the rest comes when touched */
#define STACK_GUARD (UINT64_C(1) << 20)
#define STACK_TOP   (MM_RESERVE_END - STACK_GUARD)

#define FIXED_PART      1024u /* of the first stack: vector, random bytes, platform, padding */
#define CLOCK_TICKS     100u
#define HWCAP2_FSGSBASE 2u

/* linux/auxvec.h */
enum aux_key {
    AT_NULL = 0,
    AT_PHDR = 3,
    AT_PHENT = 4,
    AT_PHNUM = 5,
    AT_PAGESZ = 6,
    AT_BASE = 7,
    AT_FLAGS = 8,
    AT_ENTRY = 9,
    AT_UID = 11,
    AT_EUID = 12,
    AT_GID = 13,
    AT_EGID = 14,
    AT_PLATFORM = 15,
    AT_HWCAP = 16,
    AT_CLKTCK = 17,
    AT_SECURE = 23,
    AT_RANDOM = 25,
    AT_HWCAP2 = 26,
    AT_EXECFN = 31,
    AT_MINSIGSTKSZ = 51,
};

/* Built from the top down in `size` bytes that stand for [STACK_TOP - size, STACK_TOP). */
struct stack_image {
    uint8_t *data;
    uint64_t size;
    uint64_t used; /* bytes from the top */
};

static uint64_t push(struct stack_image *s, const void *data, size_t n)
{
    REQUIRE(n <= s->size - s->used);
    s->used += n;
    if (n != 0) {
        memcpy(s->data + s->size - s->used, data, n);
    }
    return STACK_TOP - s->used;
}

static void push_word(struct stack_image *s, uint64_t word)
{
    push(s, &word, sizeof word);
}

static uint64_t push_string(struct stack_image *s, const char *text)
{
    return push(s, text, strlen(text) + 1);
}

/* The list of pointers to strings that lie from `at` on, and the zero behind it. */
static void push_pointers(struct stack_image *s, const struct exec_strings *strings, uint64_t at)
{
    uint64_t size = strings->count * sizeof at;
    push_word(s, 0);
    REQUIRE(size <= s->size - s->used);
    s->used += size;
    uint8_t *to = s->data + s->size - s->used;
    size_t offset = 0;
    for (size_t i = 0; i < strings->count; i++) {
        store_le64(to + i * sizeof at, at + offset);
        offset += strlen((const char *)strings->data + offset) + 1;
    }
}

static void push_auxv(struct stack_image *s, const struct program *program,
                      const uint64_t strings[3])
{
    uint32_t cpu[4] = {1, 0, 0, 0};
    rt_cpuid(cpu);
    const struct {
        uint64_t key, value;
    } aux[] = {
        {AT_HWCAP, cpu[3]},
        {AT_PAGESZ, PAGE_SIZE},
        {AT_CLKTCK, CLOCK_TICKS},
        {AT_PHDR, program->phdr},
        {AT_PHENT, 56},
        {AT_PHNUM, program->phnum},
        {AT_BASE, program->interpreter_base},
        {AT_FLAGS, 0},
        {AT_ENTRY, program->entry},
        {AT_UID, os.manifest->uid},
        {AT_EUID, os.manifest->uid},
        {AT_GID, os.manifest->gid},
        {AT_EGID, os.manifest->gid},
        {AT_SECURE, 0},
        {AT_RANDOM, strings[0]},
        {AT_HWCAP2, HWCAP2_FSGSBASE},
        {AT_EXECFN, strings[1]},
        {AT_PLATFORM, strings[2]},
        {AT_MINSIGSTKSZ, sizeof(struct signal_frame) + rt_xstate_size() + 256},
        {AT_NULL, 0},
    };
    push(s, aux, sizeof aux);
    os.auxv_start = STACK_TOP - s->used;
    os.auxv_size = sizeof aux;
}

static void build_stack(struct stack_image *s, const struct exec_plan *plan,
                        const struct program *program)
{
    uint64_t strings[3];
    uint8_t random[16];
    rt_random(random, sizeof random);
    push_word(s, 0);
    strings[1] = push_string(s, plan->name);
    os.env_start = push(s, plan->env.data, plan->env.size);
    os.env_size = plan->env.size;
    os.args_start = push(s, plan->argv.data, plan->argv.size);
    os.args_size = plan->argv.size;
    strings[2] = push_string(s, "x86_64");
    strings[0] = push(s, random, sizeof random);
    /* RSP ends as a multiple of 16 below an even number of words. */
    uint64_t words = 1 + plan->argv.count + 1 + plan->env.count + 1;
    static const uint8_t zeros[16];
    push(s, zeros, s->used % 16 == 0 ? 0 : 16 - s->used % 16);
    if (words % 2 != 0) {
        push_word(s, 0);
    }
    push_auxv(s, program, strings);
    push_pointers(s, &plan->env, os.env_start);
    push_pointers(s, &plan->argv, os.args_start);
    push_word(s, plan->argv.count);
}

int exec_make_stack(const struct exec_plan *plan, const struct program *program, uint64_t *ret_rsp)
{
    struct stack_image s = {.size = FIXED_PART + sizeof plan->name + plan->argv.size +
                                    plan->env.size +
                                    (plan->argv.count + plan->env.count) * sizeof(uint64_t)};
    if (s.size > STACK_SIZE / 2) {
        return -E2BIG;
    }
    s.data = (uint8_t *)rt_alloc(s.size);
    if (s.data == NULL) {
        return -ENOMEM;
    }
    int64_t r =
        mm_map(STACK_TOP - STACK_SIZE, STACK_SIZE, OS_PROT_READ | OS_PROT_WRITE,
               OS_MAP_PRIVATE | OS_MAP_ANONYMOUS | OS_MAP_FIXED | OS_MAP_NORESERVE, NULL, 0);
    if (r >= 0) {
        r = mm_populate(align_down(STACK_TOP - s.size - STACK_READY, PAGE_SIZE), STACK_TOP);
    }
    if (r >= 0) {
        build_stack(&s, plan, program);
        r = copy_to_app(app_at(STACK_TOP - s.used), s.data + s.size - s.used, s.used);
    }
    secure_zero(s.data, s.size);
    rt_free(s.data);
    *ret_rsp = os.stack_start = STACK_TOP - s.used;
    return r < 0 ? (int)r : 0;
}
