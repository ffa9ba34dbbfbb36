/* SPDX-License-Identifier: Apache-2.0 */
/* A door for the runtime's own tests: no library OS, one program of a dozen instructions. It runs a
 * small "workload" that makes system calls by trap and by jump, faults, and ends, so that entry,
 * exceptions, memory and threads are exercised with nothing above them. What it found it says on
 * standard error as TAP lines. */
#include "abi/quote.h"
#include "runtime/rt.h"

#define CODE     UINT64_C(0x400000)
#define STACK    UINT64_C(0x500000)
#define CANARY   UINT64_C(0x5ec2e7ca5e5ec2e7) /* host/lying_host_test.c looks for it outside */

static unsigned checks;

static void say(bool ok, const char *sentence)
{
    char line[200];
    size_t n = base_format(line, sizeof line, "%s %u - %s\n", ok ? "ok" : "not ok", ++checks, sentence);
    ignore_result(rt_console_write(2, BYTES(line, n)) < 0, "the test that reads this counts lines");
}

/* The workload: by trap, by jump, cpuid by trap, an invalid access, an exit. */
static const uint8_t program[] = {
    0x66, 0x4d, 0x0f, 0x6e, 0xcd,                   /* movq %r13, %xmm9: the canary */
    0xb8, 0xe8, 0x03, 0x00, 0x00,                   /* mov $1000, %eax */
    0x0f, 0x05,                                     /* syscall */
    0xb8, 0xe9, 0x03, 0x00, 0x00,                   /* mov $1001, %eax */
    0x48, 0x8d, 0x0d, 0x03, 0x00, 0x00, 0x00,       /* lea 3(%rip), %rcx */
    0x41, 0xff, 0xe4,                               /* jmp *%r12 */
    0xb8, 0x00, 0x00, 0x00, 0x00,                   /* mov $0, %eax */
    0x0f, 0xa2,                                     /* cpuid */
    0x89, 0xdf,                                     /* mov %ebx, %edi */
    0xb8, 0xea, 0x03, 0x00, 0x00,                   /* mov $1002, %eax */
    0x0f, 0x05,                                     /* syscall */
    0x49, 0xc7, 0xc0, 0x00, 0x00, 0x10, 0x00,       /* mov $0x100000, %r8 */
    0x4d, 0x8b, 0x00,                               /* mov (%r8), %r8: faults */
    0x66, 0x4d, 0x0f, 0x7e, 0xce,                   /* movq %xmm9, %r14 */
    0xb8, 0xeb, 0x03, 0x00, 0x00,                   /* mov $1003, %eax */
    0x0f, 0x05,                                     /* syscall */
};

static void memory_checks(void)
{
    uint8_t small[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    say(rt_mem_commit(app_at(CODE), 0x1000) == 0, "memory is added at 0x400000");
    say(copy_to_app(app_at(CODE), small, 8) == 0, "memory that was added can be written");
    say(copy_from_app(small, app_at(0x200000), 8) == -14, "a copy from nothing is -EFAULT");
    say(copy_to_app(app_at(RUNTIME_BASE), small, 8) == -14,
        "a copy over the runtime at the workload's request is -EFAULT");
    say(copy_to_app(app_at(CODE), program, sizeof program) == 0, "the program is written");
    say(rt_mem_protect(app_at(CODE), 0x1000, SGX_SECINFO_R | SGX_SECINFO_W,
                       SGX_SECINFO_R | SGX_SECINFO_X) == 0,
        "a page loses W before it gains X");
    say(copy_to_app(app_at(CODE), small, 8) == -14, "an executable page cannot be written");
    say(rt_mem_commit(app_at(STACK), 0x4000) == 0, "a stack is added");
    say(rt_mem_release(app_at(STACK), 0x1000, SGX_SECINFO_R | SGX_SECINFO_W) == 0,
        "a page is given back");
    say(copy_to_app(app_at(STACK), small, 8) == -14, "a page that was given back is gone");
    say(rt_mem_commit(app_at(STACK), 0x1000) == 0 && copy_from_app(small, app_at(STACK), 8) == 0 &&
            small[0] == 0,
        "a page that was added again is zero");
}

static void other_checks(void)
{
    void *p = rt_alloc(100);
    void *q = rt_alloc(1000000);
    say(p != NULL && q != NULL, "the heap grows");
    rt_free(p);
    rt_free(q);
    uint64_t a = rt_clock_ns(1);
    uint64_t b = rt_clock_ns(1);
    say(b >= a && a != 0, "time runs forward");
    uint8_t digest[32];
    static const uint8_t abc[] = {0xba, 0x78, 0x16, 0xbf};
    rt_sha256(BYTES_STR("abc"), digest);
    say(memcmp(digest, abc, sizeof abc) == 0, "SHA-256 of abc is what FIPS 180-4 says");
}

/* Vector state as probe_vectors.S moves it. */
struct vectors {
    uint64_t zmm[32][8];
    uint64_t masks[8];
    uint32_t mxcsr, pad[15];
    uint8_t x87[512]; /* as of FXSAVE */
} __attribute__((aligned(64)));
_Static_assert(offsetof(struct vectors, masks) == 2048 && offsetof(struct vectors, mxcsr) == 2112 &&
                   offsetof(struct vectors, x87) == 2176,
               "probe_vectors.S");
void probe_vectors_fill(const struct vectors *from, unsigned level, bool x87);
void probe_vectors_take(struct vectors *ret, unsigned level);

static unsigned vector_level(void)
{
    uint32_t xcr0, high;
    __asm__("xgetbv" : "=a"(xcr0), "=d"(high) : "c"(0));
    xcr0 &= (uint32_t)rt_identity()->attributes.xfrm;
    return (xcr0 & 0xe0) == 0xe0 ? 2 : (xcr0 & 4) != 0 ? 1 : 0;
}

/* Hostcalls in between find and leave any state; half of the words are the canary. What is compared
 * at the end is all that was loaded. */
static bool survive_hostcalls(unsigned level, bool x87)
{
    static struct vectors pattern, before, after;
    pattern.x87[0] = 0x7f; /* FCW 0x037f, the rest zero */
    pattern.x87[1] = 0x03;
    pattern.x87[24] = 0x80; /* MXCSR 0x1f80 */
    pattern.x87[25] = 0x1f;
    pattern.mxcsr = 0x3f80; /* rounds down */
    for (unsigned i = 0; i < 32; i++) {
        for (unsigned k = 0; k < 8; k++) {
            pattern.zmm[i][k] = k % 2 == 0 ? CANARY : i * 8 + k;
        }
        pattern.masks[i % 8] = CANARY + i % 8;
    }
    probe_vectors_fill(&pattern, level, !x87);
    rt_wait(1000); /* what one way of leaving keeps is not in the way of the other's */
    probe_vectors_fill(&pattern, level, x87);
    probe_vectors_take(&before, level);
    rt_wait(1000);
    rt_wait(1000);
    probe_vectors_take(&after, level);
    bool same = memcmp(&before, &after, sizeof after) == 0 && after.zmm[15][1] == 15 * 8 + 1 &&
                after.mxcsr == 0x3f80 && (after.x87[4] != 0) == x87;
    memset(pattern.zmm, 0, sizeof pattern.zmm);
    memset(pattern.masks, 0, sizeof pattern.masks);
    pattern.mxcsr = 0x1f80;
    probe_vectors_fill(&pattern, level, false);
    return same;
}

static void vector_checks(void)
{
    const unsigned level = vector_level();
    say(survive_hostcalls(level, false), "UNSAFE unless vector state survives hostcalls");
    say(survive_hostcalls(level, true), "UNSAFE unless it does so with the x87 unit in use");
}

void door_start(const struct manifest *manifest, struct rt_frame *frame)
{
    say(manifest->entry.size > 0, "the manifest was measured and decoded");
    memory_checks();
    other_checks();
    vector_checks();
    frame->rip = CODE;
    frame->rsp = STACK + 0x4000;
    frame->r12 = rt_syscall_entry();
    frame->rbx = 42;
    frame->r13 = CANARY;
}

static volatile uint32_t thread_ran, thread_refused;

/* A host that refuses may do so half-way; what it did must not matter to the next attempt, and a
 * thread that was refused must never run: its argument is free memory then. */
static void thread_checks(void)
{
    int r = rt_thread_start((void *)0x77, 0);
    if (r != 0) {
        r = rt_thread_start((void *)0x77, 0);
    }
    __atomic_store_n(&thread_refused, r != 0, __ATOMIC_SEQ_CST);
    say(r == 0, "a thread is started");
    for (unsigned i = 0; i < 100 && __atomic_load_n(&thread_ran, __ATOMIC_SEQ_CST) == 0; i++) {
        rt_wait(1000000);
    }
    while (r == 0 && __atomic_load_n(&thread_ran, __ATOMIC_SEQ_CST) == 0) {
        rt_wait(1000000);
    }
    say(thread_ran == (r == 0 ? 0x77 : 0), "the thread ran with its argument");
}

static void input_checks(void)
{
    uint8_t buffer[256];
    bool good = true, outside = true;
    memset(buffer, 0xa5, sizeof buffer);
    int r = rt_input_read(0, 0, buffer, 200);
    for (unsigned i = 0; i < sizeof buffer; i++) {
        good = good && (i >= 200 || buffer[i] == i);
        outside = outside && (i < 200 || buffer[i] == 0xa5);
    }
    say(r == -5 || (r == 0 && good), "an input is read exactly");
    say(outside, "UNSAFE unless nothing is written behind the buffer");
    say(rt_input_read(0, 100, buffer, 200) == -5, "an input that is too short is -EIO");
    say(rt_input_read(7, 0, buffer, 1) == -5, "an input that is not there is -EIO");
    int64_t n = rt_console_read(buffer, sizeof buffer);
    say(n >= 0 && n <= (int64_t)sizeof buffer, "reading standard input gives what was asked at most");
}

static uint8_t quote[QUOTE_SIZE_MAX + 64];

static bool all_are(const uint8_t *p, size_t n, uint8_t value)
{
    uint8_t differs = 0;
    for (size_t i = 0; i < n; i++) {
        differs |= p[i] ^ value;
    }
    return differs == 0;
}

/* Whatever the host brings: it is over this enclave and these report data, or nobody sees it. */
static void quote_checks(void)
{
    struct sgx_report_body wanted = *rt_identity();
    memset(quote, 0xa5, sizeof quote);
    memset(wanted.reportdata, 0x77, sizeof wanted.reportdata);
    int64_t n = rt_quote(wanted.reportdata, quote, QUOTE_SIZE_MAX);
    say(n == -5 || n == -19 || (n > 0 && n <= QUOTE_SIZE_MAX), "a quote comes, or an error");
    say(n <= 0 || quote_v3_covers(BYTES(quote, (size_t)n), &wanted),
        "UNSAFE unless a quote is over what was asked");
    say(n > 0 || all_are(quote, sizeof quote, 0xa5) || quote[0] == 0,
        "UNSAFE unless another quote is wiped");
    say(all_are(quote + QUOTE_SIZE_MAX, 64, 0xa5), "UNSAFE unless nothing is written behind a quote");
}

static void report_checks(void)
{
    struct sgx_targetinfo target;
    struct sgx_report report;
    uint8_t key[2][16], zeros[64] = {0};
    rt_target_info(&target);
    say(rt_report_to(&target, zeros, &report) == 0 && rt_report_is_ours(&report),
        "a report to oneself is one's own");
    report.body.reportdata[63] ^= 1;
    say(!rt_report_is_ours(&report), "not with other report data");
    report.body.reportdata[63] ^= 1;
    report.mac[15] ^= 0x80;
    say(!rt_report_is_ours(&report), "not with another MAC");
    target.configsvn ^= 1;
    say(rt_report_to(&target, zeros, &report) == 0 && !rt_report_is_ours(&report),
        "nor is one for another CONFIGSVN");
    target.reserved3[383] = 1;
    say(rt_report_to(&target, zeros, &report) == -22, "a TARGETINFO with reserved bytes is refused");
    say(rt_seal_key(RT_SEAL_TO_MRENCLAVE, "one", key[0]) == 0 &&
            rt_seal_key(RT_SEAL_TO_MRENCLAVE, "two", key[1]) == 0 && memcmp(key[0], key[1], 16) != 0,
        "sealing keys differ by purpose");
    say(rt_seal_key(RT_SEAL_TO_MRSIGNER, "one", key[1]) == 0 && memcmp(key[0], key[1], 16) != 0,
        "and by whom they are for");
    say(rt_seal_key(RT_SEAL_TO_MRENCLAVE, "one", key[1]) == 0 && memcmp(key[0], key[1], 16) == 0,
        "and are the same again");
}

void door_syscall(struct rt_frame *frame)
{
    switch (frame->rax) {
    case 1000:
        say(frame->rip == CODE + 12 && frame->rbx == 42, "a system call by trap arrives");
        break;
    case 1001:
        say(frame->rip == CODE + 27, "a system call by jump arrives");
        thread_checks();
        input_checks();
        report_checks();
        quote_checks();
        break;
    case 1002:
        say(frame->rdi != 0, "cpuid by trap answers");
        break;
    case 1003:
        say(frame->r8 == 7, "a fault is handled and its instruction skipped");
        say(frame->r14 == CANARY, "UNSAFE unless vector registers survive everything");
        rt_exit(EXIT_STATUS, 7);
    default:
        rt_exit(EXIT_STATUS, 99);
    }
    frame->rax = 0;
}

void door_fault(struct rt_frame *frame, const struct rt_fault *fault)
{
    bool expected = fault->vector == 14 && fault->addr == 0x100000;
    say(expected, "a page fault names its address");
    if (!expected) {
        rt_exit(EXIT_STATUS, 99);
    }
    frame->rip += 3;
    frame->r8 = 7;
}

void door_kick(struct rt_frame *frame)
{
    (void)frame;
}

void door_thread(void *argument, struct rt_frame *frame)
{
    (void)frame;
    say(__atomic_load_n(&thread_refused, __ATOMIC_SEQ_CST) == 0,
        "UNSAFE unless only threads run that were not refused");
    /* First the call, whose answer may be a lie, then the word that lets the first thread end; that
     * one looks every millisecond. The host is asked only when it is outside, so more than once. */
    for (unsigned i = 0; i < 20; i++) {
        rt_wake(0);
        rt_wait(100000);
    }
    __atomic_store_n(&thread_ran, (uint32_t)(uintptr_t)argument, __ATOMIC_SEQ_CST);
    rt_thread_exit();
}
