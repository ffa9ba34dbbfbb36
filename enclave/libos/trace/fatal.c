/* SPDX-License-Identifier: Apache-2.0 */
/* The last report of a workload that dies of a signal.
 *
 * The adversary: the workload's registers and stack are anything, so every word is copied with a
 * check and every walk has an end. The host gets the report of debug enclaves alone. */
#include "trace/fatal.h"

#include "trace/call_texts.h"
#include "mm/mm.h"
#include "trace/trace.h"
#include "mm/vma.h"

#define FRAMES_MAX 24u
#define SCAN_WORDS 512u /* of a stack without frame pointers */
#define WHERE_SIZE 200u

/* ---- sentences
 * ------------------------------------------------------------------------------------ */

static const char *exception_name(unsigned vector)
{
    switch (vector) {
    case 0:
        return "division error";
    case 1:
        return "debug exception";
    case 3:
        return "breakpoint";
    case 6:
        return "invalid instruction";
    case 13:
        return "general protection (an address that is none, or an instruction that may not be)";
    case 14:
        return "page fault";
    case 16:
    case 19:
        return "floating-point error";
    case 17:
        return "misaligned access";
    default:
        return "exception";
    }
}

static void say_signal(const struct os_thread *t, const struct signal_info *info)
{
    struct trace_line l = {.size = 0};
    trace_signal_name(&l, info->signo);
    trace_add(&l, " (");
    trace_names(&l, info->signo == 11 ? TRACE_segv_code : TRACE_si_code, (uint32_t)info->code);
    trace_add(&l, ")");
    rt_trace("*** process %d (%s), thread %d: ended by %s", t->process->pid, t->comm, t->tid,
             l.text);
}

static void say_exception(const struct rt_fault *fault)
{
    char where[WHERE_SIZE];
    if (fault->vector != 14) {
        rt_trace("  %s", exception_name(fault->vector));
        return;
    }
    mm_describe(fault->addr, where, sizeof where);
    rt_trace("  page fault: %s %s (error 0x%x)",
             (fault->error & 16) != 0  ? "fetched an instruction from"
             : (fault->error & 2) != 0 ? "wrote to"
                                       : "read from",
             where, fault->error);
}

/* Memory that was reserved only counts when it is touched: then no call can fail for want of it. */
static void say_if_used_up(const struct rt_fault *fault)
{
    const struct vma *v = fault->vector == 14 ? vma_of(fault->addr) : NULL;
    const struct mm_usage use = mm_usage();
    uint32_t wanted = (fault->error & 2) != 0 ? OS_PROT_WRITE : OS_PROT_READ;
    if (v != NULL && v->lazy && (v->prot & wanted) != 0 && use.charged + PAGE_STEP > use.limit) {
        rt_trace("  the memory of the manifest, %llu MiB, is used up",
                 (unsigned long long)use.limit >> 20);
    }
}

/* Memory that was asked to be executable may be data all the same (mm/map.c). */
static void say_if_data(const struct rt_frame *f, const struct rt_fault *fault)
{
    if (fault->vector == 14 && mm_private_data(f->rip) != 0) {
        rt_trace("  that is data, which never runs: jumps are followed to trampolines alone, as "
                 "libffi and nested functions of C have them");
    }
}

static void say_instruction(const struct rt_frame *f)
{
    uint8_t code[16];
    char hex[2 * sizeof code + 1], where[WHERE_SIZE];
    mm_describe(f->rip, where, sizeof where);
    if (copy_from_app(code, app_at(f->rip), sizeof code) != 0) {
        rt_trace("  at %s, which cannot be read", where);
        return;
    }
    hex_encode(hex, code, sizeof code);
    rt_trace("  at %s: %s", where, hex);
}

/* The call that a thread is in, or made last, with its arguments as they are now. */
static void say_call(const struct os_thread *t, const char *how)
{
    struct trace_line l = {.size = 0, .number = t->last_call};
    const struct rt_frame *f = t->frame;
    if (f == NULL || call_texts[l.number].name == NULL) {
        return;
    }
    const uint64_t values[6] = {f->rdi, f->rsi, f->rdx, f->r10, f->r8, f->r9};
    memcpy(l.values, values, sizeof values);
    trace_add(&l, "%s(", call_texts[l.number].name);
    for (unsigned i = 0; i < call_texts[l.number].count; i++) {
        trace_argument(&l, i, -1);
    }
    rt_trace("  %s %s)", how, l.text);
}

static void say_registers(const struct rt_frame *f)
{
    const struct {
        const char *name;
        uint64_t value;
    } r[] = {{"rip", f->rip}, {"rsp", f->rsp}, {"rbp", f->rbp},   {"rax", f->rax}, {"rbx", f->rbx},
             {"rcx", f->rcx}, {"rdx", f->rdx}, {"rsi", f->rsi},   {"rdi", f->rdi}, {"r8 ", f->r8},
             {"r9 ", f->r9},  {"r10", f->r10}, {"r11", f->r11},   {"r12", f->r12}, {"r13", f->r13},
             {"r14", f->r14}, {"r15", f->r15}, {"flg", f->rflags}};
    for (size_t i = 0; i + 2 < ARRAY_SIZE(r); i += 3) {
        rt_trace("  %s %016llx  %s %016llx  %s %016llx", r[i].name, (unsigned long long)r[i].value,
                 r[i + 1].name, (unsigned long long)r[i + 1].value, r[i + 2].name,
                 (unsigned long long)r[i + 2].value);
    }
}

/* ---- who called
 * ----------------------------------------------------------------------------------- */

static bool executable(uint64_t addr)
{
    const struct vma *v = vma_of(addr);
    return v != NULL && (v->prot & OS_PROT_EXEC) != 0;
}

static void say_caller(uint64_t addr, const char *how)
{
    char where[WHERE_SIZE];
    mm_describe(addr, where, sizeof where);
    rt_trace("    %016llx %s%s", (unsigned long long)addr, how, where);
}

/* Along the frame pointers, as long as they lead up the stack into code. Returns how many. */
static unsigned walk_frames(const struct rt_frame *f)
{
    uint64_t bp = f->rbp, frame[2];
    unsigned n = 0;
    while (n < FRAMES_MAX && bp >= f->rsp && bp % 8 == 0 &&
           copy_from_app(frame, app_at(bp), sizeof frame) == 0 && executable(frame[1])) {
        say_caller(frame[1], "");
        n++;
        if (frame[0] <= bp) {
            break;
        }
        bp = frame[0];
    }
    return n;
}

/* Most libraries keep no frame pointers: then everything on the stack that could be one. */
static void scan_stack(const struct rt_frame *f)
{
    unsigned found = 0;
    for (uint64_t i = 0; i < SCAN_WORDS && found < FRAMES_MAX; i++) {
        uint64_t word;
        if (copy_from_app(&word, app_at(align_down(f->rsp, 8) + 8 * i), sizeof word) != 0) {
            return;
        }
        if (executable(word)) {
            say_caller(word, "perhaps ");
            found++;
        }
    }
}

static void say_callers(const struct rt_frame *f)
{
    rt_trace("  called from:");
    if (walk_frames(f) < 2) {
        scan_stack(f);
    }
}

/* ---- what is around
 * ------------------------------------------------------------------------------- */

static void say_mapping(size_t i)
{
    const struct vma *v = vma_at(i);
    char path[WHERE_SIZE] = "";
    if (v->file != NULL) {
        fs_file_path(v->file, path, sizeof path);
    } else {
        base_format(path, sizeof path, "%s",
                    v->kind == VMA_HEAP    ? "[heap]"
                    : v->kind == VMA_STACK ? "[stack]"
                                           : "");
    }
    rt_trace("    %012llx-%012llx %c%c%c %08llx %s", (unsigned long long)v->start,
             (unsigned long long)v->end, (v->prot & OS_PROT_READ) != 0 ? 'r' : '-',
             (v->prot & OS_PROT_WRITE) != 0 ? 'w' : '-', (v->prot & OS_PROT_EXEC) != 0 ? 'x' : '-',
             (unsigned long long)v->offset, path);
}

static void say_mappings(const char *what, uint64_t addr)
{
    size_t at = vma_find(addr), first = at > 0 ? at - 1 : 0;
    rt_trace("  mapped around %s %012llx:", what, (unsigned long long)addr);
    for (size_t i = first; i <= at + 1 && i < vma_count(); i++) {
        say_mapping(i);
    }
}

static void say_others(const struct os_thread *me)
{
    char where[WHERE_SIZE];
    for (const struct os_thread *t = os.threads; t != NULL; t = t->next) {
        if (t == me || t->frame == NULL) {
            continue;
        }
        mm_describe(t->frame->rip, where, sizeof where);
        rt_trace("  thread %d (%s) %s, last at %s", t->tid, t->comm, t->waiting ? "sleeps" : "runs",
                 where);
        say_call(t, t->waiting ? "  in" : "  last call:");
    }
}

static void say_if_text_was_refused(void)
{
    if (os.text_refused != 0) {
        rt_trace(
            "  it asked %u times for memory to run machine code of its own from, and was refused: "
            "only measured files have text",
            os.text_refused);
    }
}

void fatal_status_report(int status)
{
    if (os.manifest->debug && status != 0 && os.text_refused != 0) {
        const struct os_thread *t = os_self();
        rt_trace("*** process %d (%s): ended with status %d", t->process->pid, t->comm, status);
        say_if_text_was_refused();
    }
}

void fatal_report(const struct os_thread *t, const struct signal_info *info,
                  const struct rt_fault *fault)
{
    const struct rt_frame *f = t->frame;
    if (!os.manifest->debug) {
        return;
    }
    say_signal(t, info);
    say_if_text_was_refused();
    if (fault != NULL) {
        say_exception(fault);
        say_if_used_up(fault);
        say_if_data(f, fault);
    }
    say_instruction(f);
    if (fault == NULL) {
        say_call(t, "in or after");
    }
    say_registers(f);
    say_callers(f);
    say_mappings("rip", f->rip);
    if (fault != NULL && fault->vector == 14 && fault->addr != f->rip) {
        say_mappings("the address", fault->addr);
    }
    say_others(t);
}

/* Without the lock, which this or another thread may hold: what other threads change meanwhile may
 * be wrong here, and no more than that. */
void fatal_stop_report(void)
{
    const struct os_thread *t = os_self();
    if (t == NULL || t->frame == NULL || t->process == NULL) {
        return; /* the program has not begun */
    }
    rt_trace("*** the runtime stopped in process %d (%s), thread %d", t->process->pid, t->comm,
             t->tid);
    say_instruction(t->frame);
    say_call(t, "in or after");
    say_registers(t->frame);
    say_callers(t->frame);
}
