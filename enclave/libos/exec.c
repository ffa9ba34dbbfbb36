/* SPDX-License-Identifier: Apache-2.0 */
/* Starts the manifest's program: the door puts it into memory, its first stack is made here.
 * Everything it is given, from argv to the last environment variable, comes from the measured
 * manifest; nothing from the host.
 *
 * The adversary: a host that refuses memory, or a program file that is not one: both end the start
 * with a sentence. */
#include <errno.h>

#include "futex.h"
#include "mm.h"
#include "proc/table.h"
#include "process.h"
#include "program.h"
#include "rewrite.h"
#include "signals.h"
#include "worker.h"

#define STACK_SIZE  (UINT64_C(8) << 20)
#define STACK_GUARD (UINT64_C(1) << 20)
#define STACK_TOP   (MM_RESERVE_END - STACK_GUARD)

#define START_TEXT_MAX  (UINT64_C(256) << 10) /* argv, environment and auxiliary vector */
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

/* ---- the first stack
 * ---------------------------------------------------------------------------------- */

/* Built from the top down in trusted memory that stands for [STACK_TOP - START_TEXT_MAX,
 * STACK_TOP). */
struct stack_image {
    uint8_t *data;
    uint64_t used; /* bytes from the top */
    bool full;
};

static uint64_t push(struct stack_image *s, const void *data, size_t n)
{
    if (n > START_TEXT_MAX - s->used) {
        s->full = true;
        return 0;
    }
    s->used += n;
    memcpy(s->data + START_TEXT_MAX - s->used, data, n);
    return STACK_TOP - s->used;
}

static uint64_t push_string(struct stack_image *s, struct bytes text)
{
    static const uint8_t nul;
    push(s, &nul, 1);
    return push(s, text.data, text.size);
}

static void push_word(struct stack_image *s, uint64_t word)
{
    push(s, &word, sizeof word);
}

static void push_strings(struct stack_image *s, const struct bytes *texts, size_t count,
                         uint64_t *ret_at, uint64_t *ret_start, uint64_t *ret_size)
{
    uint64_t end = STACK_TOP - s->used;
    for (size_t i = count; i > 0; i--) {
        ret_at[i - 1] = push_string(s, texts[i - 1]);
    }
    *ret_start = STACK_TOP - s->used;
    *ret_size = end - *ret_start;
}

static void push_auxv(struct stack_image *s, const struct manifest *m,
                      const struct program *program, const uint64_t strings[3])
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
        {AT_UID, m->uid},
        {AT_EUID, m->uid},
        {AT_GID, m->gid},
        {AT_EGID, m->gid},
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

static int build_stack(struct stack_image *s, const struct manifest *m,
                       const struct program *program)
{
    uint64_t argv[MANIFEST_ARGS_MAX], env[MANIFEST_ENV_MAX], strings[3];
    uint8_t random[16];
    rt_random(random, sizeof random);
    push_word(s, 0);
    strings[1] = push_string(s, m->entry);
    push_strings(s, m->env, m->env_count, env, &os.env_start, &os.env_size);
    push_strings(s, m->argv, m->argv_count, argv, &os.args_start, &os.args_size);
    strings[2] = push_string(s, BYTES_STR("x86_64"));
    strings[0] = push(s, random, sizeof random);
    /* RSP ends as a multiple of 16 below an even number of words. */
    uint64_t words = 1 + m->argv_count + 1 + m->env_count + 1;
    static const uint8_t zeros[24];
    push(s, zeros, s->used % 16 == 0 ? 0 : 16 - s->used % 16);
    if (words % 2 != 0) {
        push_word(s, 0);
    }
    push_auxv(s, m, program, strings);
    push_word(s, 0);
    push(s, env, m->env_count * sizeof env[0]);
    push_word(s, 0);
    push(s, argv, m->argv_count * sizeof argv[0]);
    push_word(s, m->argv_count);
    return s->full ? -E2BIG : 0;
}

static int make_stack(const struct manifest *m, const struct program *program, uint64_t *ret_rsp)
{
    struct stack_image s = {.data = (uint8_t *)rt_alloc(START_TEXT_MAX)};
    if (s.data == NULL) {
        return -ENOMEM;
    }
    int64_t r = mm_map(STACK_TOP - STACK_SIZE, STACK_SIZE, OS_PROT_READ | OS_PROT_WRITE,
                       OS_MAP_PRIVATE | OS_MAP_ANONYMOUS | OS_MAP_FIXED, NULL, 0);
    if (r >= 0) {
        r = build_stack(&s, m, program);
    }
    if (r >= 0) {
        r = copy_to_app(app_at(STACK_TOP - s.used), s.data + START_TEXT_MAX - s.used, s.used);
    }
    rt_free(s.data);
    *ret_rsp = os.stack_start = STACK_TOP - s.used;
    return r < 0 ? (int)r : 0;
}

/* ---- start
 * --------------------------------------------------------------------------------------------- */

static void note_program(const struct manifest *m, const struct program *p)
{
    os.code_start = p->code_start;
    os.code_end = p->code_end;
    struct bytes name = m->entry;
    for (size_t i = 0; i < m->entry.size; i++) {
        if (m->entry.data[i] == '/') {
            name = BYTES(m->entry.data + i + 1, m->entry.size - i - 1);
        }
    }
    char comm[COMM_SIZE] = "";
    memcpy(comm, name.data, name.size < COMM_SIZE - 1 ? name.size : COMM_SIZE - 1);
    os_set_comm(comm);
}

static int start_program(const struct manifest *m, struct rt_frame *frame, struct diag *d)
{
    struct program program = {.start = 0};
    int r = program_load(m, &program, d);
    if (r != 0) {
        return r;
    }
    mm_set_brk(program.end);
    note_program(m, &program);
    r = make_stack(m, &program, &frame->rsp);
    if (r != 0) {
        return diag_fail(d, r, "no room for the first stack: %s", dispatch_errno_name(-r));
    }
    frame->rip = program.start;
    return 0;
}

void door_start(const struct manifest *manifest, struct rt_frame *frame)
{
    struct diag d = {.text = ""};
    os.manifest = manifest;
    os.start_ns = rt_clock_ns(1);
    os.next_tid = FIRST_PID;
    dispatch_start();
    os_lock();
    struct os_thread *t = process_start_first(&os.process) == 0 ? os_thread_new() : NULL;
    if (t == NULL || mm_start(manifest->memory) != 0 || rewrite_start(program_stubs()) != 0) {
        rt_refuse("no memory to start: the host refused it");
    }
    rt_set_self_data(t);
    t->frame = frame;
    if (fs_start(manifest, &d) != 0) {
        rt_refuse("%s", d.text);
    }
    if (start_program(manifest, frame, &d) != 0) {
        rt_refuse("%s", d.text);
    }
    if (manifest->stdin_task) {
        worker_start(manifest);
    }
    os_unlock();
}
