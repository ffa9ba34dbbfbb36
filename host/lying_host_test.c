/* SPDX-License-Identifier: Apache-2.0 */
/* The host lies. Runs the probe enclave (enclave/images/probe.c) many times, each time under a host
 * that breaks its word in one way, then under hosts that break it at random. Allowed ends: the probe's
 * own, a clean stop, or an enclave that no longer runs. Never: a crash of the process, a hang, a check
 * of the probe named UNSAFE that fails, or the workload's canary in a register or slot outside.
 *
 * The lies stand between the host library and the machine: enter() is wrapped, so what the library
 * wrote into a slot or the boot record is changed just before the enclave sees it.
 *
 *     lying_host_test PROBE.sgxs [SEED]     the random part with this seed alone, 20 times
 */
#include "host/host.h"
#include "probe_kit.h"
#include "tests/tap.h"

#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CANARY UINT64_C(0x5ec2e7ca5e5ec2e7) /* as in probe.c */

enum { END_OWN = 7, END_OTHER = 99, END_REFUSED = 102, END_STOPPED = 103, END_LEFT = 104,
       END_NOT_MADE = 105, END_LEAKED = 106 };

/* What one host lies about. Zero members are honest. */
struct lies {
    unsigned hostcall;             /* whose reply */
    bool every_time;               /* else once, */
    unsigned after;                /* after this many true ones */
    bool set_result, set_size;
    unsigned spoil; /* one plus the place of a byte of the answer that is changed */
    int64_t result;
    uint64_t size;
    void (*boot)(struct boot_record *b);
    unsigned lazy;                 /* a machine operation that does nothing: its hostcall's number */
    bool late_threads;             /* threads enter long after the enclave was told that they do not */
    bool enter_twice;              /* exceptions are shown to the enclave twice */
    bool resume_first;             /* ... or only after the faulting instruction was resumed once */
    bool boot_nowhere;             /* the boot record itself cannot be read */
    uint64_t seed;                 /* every reply is changed with a chance of 1 in 8 */
};

static struct lies lies;
static bool told; /* the one-time lie */
static unsigned true_ones;
static uint64_t random_state;

static __thread struct {
    struct hostcall_slot *slot;
    unsigned asked; /* hostcall that the next entry answers */
    bool exception;
} self;

static uint64_t next_random(void)
{
    /* xorshift64*, one thread at a time is good enough: the seed names a family of runs */
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * UINT64_C(2685821657736338717);
}

/* ---- lies about replies --------------------------------------------------------------------------- */

static void lie_at_random(struct hostcall_slot *s)
{
    static const int64_t values[] = {0, 1, -1, -4, -5, -11, -12, -22, -28, -32, -38, -110, -4095,
                                     -4096, INT64_MIN, INT64_MAX, HOSTCALL_DATA_MAX,
                                     HOSTCALL_DATA_MAX + 1, 200, 201, RUNTIME_BASE};
    if (next_random() % 8 != 0) {
        return;
    }
    int64_t value = values[next_random() % ARRAY_SIZE(values)];
    switch (next_random() % 4) {
    case 0:
        s->result = value;
        break;
    case 1:
        s->from_size = (uint64_t)value;
        break;
    case 2:
        s->result = value;
        s->from_size = (uint64_t)value;
        break;
    default:
        memset(s->data, (int)next_random(), sizeof s->data);
        break;
    }
}

static void lie_in_reply(struct hostcall_slot *s, unsigned asked)
{
    if (lies.seed != 0) {
        lie_at_random(s);
    }
    if (lies.hostcall != asked || asked == 0 || (told && !lies.every_time)) {
        return;
    }
    if (true_ones++ < lies.after) {
        return;
    }
    told = true;
    if (lies.set_result) {
        s->result = lies.result;
    }
    if (lies.set_size) {
        s->from_size = lies.size;
    }
    if (lies.spoil > 0) {
        s->data[lies.spoil - 1] ^= 1;
    }
}

/* ---- what leaves the enclave ---------------------------------------------------------------------- */

enum { X87_AND_SSE = 512, XSTATE_BV = 512, STATE_MAX = 4096 };

static bool all_zero(const uint8_t *p, size_t n)
{
    return n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
}

/* Every state component is what entry.S calls synthetic. The first eight vector registers are
 * volatile in this process's own code, which has run since; their upper halves it does not use. */
static bool synthetic(const uint8_t state[STATE_MAX])
{
    if (load_le16(state) != 0x37f || load_le32(state + 24) != 0x1fbf || !all_zero(state + 2, 22) ||
        !all_zero(state + 32, 128) || !all_zero(state + 160 + 8 * 16, 8 * 16)) {
        return false;
    }
    for (unsigned i = 2; i < 8; i++) {
        uint32_t size, offset, c, d;
        __cpuid_count(0xd, i, size, offset, c, d);
        if ((load_le64(state + XSTATE_BV) >> i & 1) != 0 && !all_zero(state + offset, size)) {
            return false;
        }
    }
    return true;
}

static uint32_t vector_components(void)
{
    uint32_t xcr0, high;
    __asm__("xgetbv" : "=a"(xcr0), "=d"(high) : "c"(0));
    return xcr0 & 0xe7;
}

/* At an entry the host's registers hold whatever it likes, the x87 unit as well. */
static __attribute__((noinline)) void dirty_vectors(void)
{
    static uint8_t junk[STATE_MAX] __attribute__((aligned(64)));
    if (junk[0] == 0) {
        memset(junk, 0x5a, sizeof junk);
        memcpy(junk, (const uint8_t[]){0x7f, 0x02, 0, 0x38, 0xff}, 5);          /* FCW, FSW, FTW */
        memcpy(junk + 24, (const uint8_t[]){0x80, 0x1f, 0, 0, 0xff, 0xff}, 6);  /* MXCSR */
        memset(junk + XSTATE_BV, 0, 64);
        junk[XSTATE_BV] = (uint8_t)vector_components();
    }
    __asm__ volatile("xrstor64 %0" : : "m"(junk), "a"(vector_components()), "d"(0));
}

static void look_for_canary(const struct hostcall_slot *slot, bool left)
{
    static __thread uint8_t state[STATE_MAX] __attribute__((aligned(64)));
    __asm__ volatile("xsave64 %0" : "+m"(state) : "a"(vector_components()), "d"(0));
    __asm__ volatile("fninit");
    uint64_t canary = CANARY;
    if (left && !synthetic(state)) {
        _exit(END_LEAKED);
    }
    if (memmem(state, sizeof state, &canary, sizeof canary) != NULL ||
        (slot != NULL && memmem(slot, sizeof *slot, &canary, sizeof canary) != NULL)) {
        _exit(END_LEAKED);
    }
}

/* ---- the wrapped machine -------------------------------------------------------------------------- */

static void first_entry(uint64_t rdi)
{
    struct boot_record *b = (struct boot_record *)rdi;
    if (b->magic == BOOT_MAGIC) {
        self.slot = (struct hostcall_slot *)b->slot_addr;
        if (lies.boot != NULL) {
            lies.boot(b);
        }
        return;
    }
    self.slot = (struct hostcall_slot *)rdi;
    if (lies.late_threads) {
        const struct timespec late = {0, 30000000};
        nanosleep(&late, NULL);
    }
}

static int lying_enter(struct machine *m, uint64_t rdi, uint64_t rsi, uint64_t rdx, unsigned leaf,
                       uint64_t r8, uint64_t r9, struct machine_run *run)
{
    if (self.slot == NULL) {
        first_entry(rdi);
        rdi = lies.boot_nowhere ? UINT64_C(0x7ffffffff000) : rdi;
    } else if (leaf == ENCLU_EENTER && !self.exception) {
        lie_in_reply(self.slot, self.asked);
    }
    dirty_vectors();
    int r = machine_soft.enter(m, rdi, rsi, rdx, leaf, r8, r9, run);
    /* An entry that handles an exception or is refused loads nothing: it sees the host's own. */
    look_for_canary(self.slot, r == 0 && !self.exception && self.slot->number != 0);
    if (r == -EFAULT && !self.exception) {
        self.exception = true;
        if (lies.resume_first) {
            r = machine_soft.enter(m, rdi, rsi, rdx, ENCLU_ERESUME, r8, r9, run);
            self.exception = r == -EFAULT;
        }
    } else if (r == 0 && self.exception) {
        if (lies.enter_twice) {
            r = machine_soft.enter(m, rdi, rsi, rdx, ENCLU_EENTER, r8, r9, run);
        }
        self.exception = false;
    }
    self.asked = r == 0 ? (unsigned)self.slot->number : 0;
    if (self.asked == HOSTCALL_thread_exit) {
        self.slot = NULL;
    }
    return r;
}

static bool lazy(unsigned hostcall)
{
    bool now = lies.lazy == hostcall && !told;
    told |= now;
    return now;
}

static int lying_map(struct machine *m, uint64_t offset, uint64_t size, uint64_t prot)
{
    return lazy(HOSTCALL_mem_map) ? 0 : machine_soft.map(m, offset, size, prot);
}

static int lying_restrict(struct machine *m, uint64_t offset, uint64_t size, uint64_t prot)
{
    return lazy(HOSTCALL_mem_restrict) ? 0 : machine_soft.restrict_permissions(m, offset, size, prot);
}

static int lying_protect(struct machine *m, uint64_t offset, uint64_t size, uint64_t prot)
{
    return lazy(HOSTCALL_mem_protect) ? 0 : machine_soft.protect(m, offset, size, prot);
}

static int lying_modify_type(struct machine *m, uint64_t offset, uint64_t size,
                             enum sgx_page_type type)
{
    return lazy(HOSTCALL_mem_type) ? 0 : machine_soft.modify_type(m, offset, size, type);
}

static int lying_remove(struct machine *m, uint64_t offset, uint64_t size)
{
    return lazy(HOSTCALL_mem_remove) ? 0 : machine_soft.remove(m, offset, size);
}

/* ---- one run -------------------------------------------------------------------------------------- */

static int64_t service(void *context, unsigned number, struct hostcall_slot *slot)
{
    (void)context;
    if (number == HOSTCALL_exit) {
        _exit(slot->args[0] == EXIT_STATUS    ? (int)slot->args[1]
              : slot->args[0] == EXIT_REFUSED ? END_REFUSED
                                              : END_STOPPED);
    }
    return probe_quote(number, slot);
}

static void run_child(const struct host_config *config, int pipe_fd) __attribute__((noreturn));
static void run_child(const struct host_config *config, int pipe_fd)
{
    struct diag d = {""};
    struct host_enclave *e = NULL;
    alarm(20);
    dup2(open("/dev/null", O_RDONLY), 0);
    dup2(pipe_fd, 2);
    int r = host_enclave_create(config, &e, &d);
    r = r != 0 ? r : host_lock_process(&d);
    if (r != 0) {
        dprintf(2, "%s\n", d.text);
        _exit(END_NOT_MADE);
    }
    r = host_enclave_run(e, &d);
    const char *why = r == 0 ? "the first thread left" : d.text;
    ignore_result(write(2, why, strlen(why)) < 0, "the status tells too"); /* stdio would ask fstat() */
    _exit(END_LEFT);
}

struct ending {
    int status;      /* exit status, or minus the signal */
    bool unsafe;     /* a failed check that must hold whatever the host does */
    char last[600];  /* last line of the probe, for diagnosis */
};

static struct ending run(const struct host_config *config, const struct lies *l)
{
    struct ending end = {.status = -1};
    char line[600];
    int fds[2], status = 0;
    fflush(stdout);
    REQUIRE(pipe(fds) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        lies = *l;
        random_state = l->seed;
        close(fds[0]);
        run_child(config, fds[1]);
    }
    close(fds[1]);
    FILE *in = fdopen(fds[0], "r");
    while (fgets(line, sizeof line, in) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        end.unsafe |= strncmp(line, "not ok", 6) == 0 && strstr(line, "UNSAFE") != NULL;
        snprintf(end.last, sizeof end.last, "%s", line);
    }
    fclose(in);
    waitpid(pid, &status, 0);
    end.status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    return end;
}

enum wanted { ENDS_WELL, STOPS, ENDS_SOMEHOW };

static bool as_wanted(const struct ending *e, enum wanted wanted)
{
    bool stopped = e->status == END_REFUSED || e->status == END_STOPPED || e->status == END_LEFT;
    bool well = e->status == END_OWN;
    bool any = well || stopped || e->status == END_OTHER;
    bool crashed = strstr(e->last, "while it handled another exception") != NULL;
    return !e->unsafe && !crashed && (wanted == ENDS_WELL ? well : wanted == STOPS ? stopped : any);
}

static void check(const struct host_config *config, enum wanted wanted, struct lies l, const char *name)
{
    static const char *const ends[] = {"the workload ends well", "the enclave stops",
                                       "nothing worse than an end"};
    struct ending e = run(config, &l);
    CHECK(as_wanted(&e, wanted), "%s: %s", name, ends[wanted]);
    if (!as_wanted(&e, wanted)) {
        printf("# status %d%s; last words: %s\n", e.status, e.unsafe ? ", unsafe" : "", e.last);
    }
}

/* ---- the table ------------------------------------------------------------------------------------ */

static void check_replies(const struct host_config *config)
{
    static const struct {
        unsigned number;
        const char *name;
    } used[] = {{HOSTCALL_mem_map, "mem_map"},
                {HOSTCALL_mem_restrict, "mem_restrict"},
                {HOSTCALL_mem_protect, "mem_protect"},
                {HOSTCALL_mem_type, "mem_type"},
                {HOSTCALL_mem_remove, "mem_remove"},
                {HOSTCALL_thread_start, "thread_start"},
                {HOSTCALL_wake, "wake"},
                {HOSTCALL_console_write, "console_write"},
                {HOSTCALL_console_read, "console_read"},
                {HOSTCALL_input_read, "input_read"},
                {HOSTCALL_quote_target, "quote_target"},
                {HOSTCALL_quote, "quote"}};
    static const int64_t never[] = {INT64_MIN, -4096, -1, INT64_MAX};
    char name[100];
    for (size_t i = 0; i < ARRAY_SIZE(used); i++) {
        for (size_t k = 0; k < ARRAY_SIZE(never); k++) {
            snprintf(name, sizeof name, "%s answers %lld", used[i].name, (long long)never[k]);
            check(config, STOPS,
                  (struct lies){.hostcall = used[i].number, .set_result = true, .result = never[k]},
                  name);
        }
    }
}

/* Memory that is refused for once, wherever that happens: in the heap, in the workload's memory, half
 * way through a new thread. */
static void check_refusals(const struct host_config *config)
{
    char name[100];
    for (unsigned after = 0; after < 10; after++) {
        snprintf(name, sizeof name, "mem_map is refused after %u times", after);
        check(config, after < 3 ? ENDS_SOMEHOW : ENDS_WELL,
              (struct lies){.hostcall = HOSTCALL_mem_map, .after = after, .set_result = true,
                            .result = -12},
              name);
    }
}

#define REPLY(h, r) {.hostcall = HOSTCALL_##h, .set_result = true, .result = (r)}

static void check_sizes_and_errors(const struct host_config *config)
{
    const struct {
        const char *name;
        enum wanted wanted;
        struct lies lies;
    } table[] = {
        {"mem_remove fails after the pages were given up", ENDS_WELL, REPLY(mem_remove, -12)},
        {"a type change is refused once", ENDS_SOMEHOW, REPLY(mem_type, -22)},
        {"console_write accepts nothing", ENDS_WELL, REPLY(console_write, 0)},
        {"console_write accepts more than there was", ENDS_WELL,
         REPLY(console_write, HOSTCALL_DATA_MAX)},
        {"a thread is refused once, though it runs", ENDS_SOMEHOW, REPLY(thread_start, -11)},
        {"threads are refused and enter later", ENDS_WELL,
         {.hostcall = HOSTCALL_thread_start, .every_time = true, .set_result = true, .result = -11,
          .late_threads = true}},
        {"threads are late", ENDS_WELL, {.late_threads = true}},
        {"an input's size is larger than its data", STOPS,
         {.hostcall = HOSTCALL_input_read, .set_size = true, .size = 201}},
        {"an input's size is enormous", STOPS,
         {.hostcall = HOSTCALL_input_read, .set_size = true, .size = UINT64_MAX}},
        {"an input brings more than was asked", STOPS,
         {.hostcall = HOSTCALL_input_read, .set_size = true, .size = 201, .set_result = true,
          .result = 201}},
        {"an input brings less than was asked", ENDS_WELL,
         {.hostcall = HOSTCALL_input_read, .set_size = true, .size = 199, .set_result = true,
          .result = 199}},
        {"standard input brings more than was asked", STOPS,
         {.hostcall = HOSTCALL_console_read, .set_size = true, .size = 257, .set_result = true,
          .result = 257}},
        {"a quoting enclave with reserved bytes", ENDS_WELL,
         {.hostcall = HOSTCALL_quote_target, .spoil = 512}},
        {"half a TARGETINFO", ENDS_WELL,
         {.hostcall = HOSTCALL_quote_target, .set_size = true, .size = 256, .set_result = true,
          .result = 256}},
        {"nobody quotes", ENDS_WELL, REPLY(quote, -19)},
        {"another version of quotes", ENDS_WELL, {.hostcall = HOSTCALL_quote, .spoil = 1}},
        {"another enclave's quote", ENDS_WELL, {.hostcall = HOSTCALL_quote, .spoil = 1 + 112}},
        {"another manifest's quote", ENDS_WELL, {.hostcall = HOSTCALL_quote, .spoil = 1 + 240}},
        {"a quote over other report data", ENDS_WELL, {.hostcall = HOSTCALL_quote, .spoil = 432}},
        {"a quote of another size than it says", ENDS_WELL,
         {.hostcall = HOSTCALL_quote, .spoil = 433}},
        {"half a quote", ENDS_WELL,
         {.hostcall = HOSTCALL_quote, .set_size = true, .size = 600, .set_result = true,
          .result = 600}},
        {"an empty quote", ENDS_WELL,
         {.hostcall = HOSTCALL_quote, .set_size = true, .size = 0, .set_result = true, .result = 0}},
        {"a quote larger than any", STOPS,
         {.hostcall = HOSTCALL_quote, .set_size = true, .size = QUOTE_SIZE_MAX + 8,
          .set_result = true, .result = QUOTE_SIZE_MAX + 8}},
        {"memory is not added", STOPS, {.lazy = HOSTCALL_mem_map}},
        {"rights are not taken away", STOPS, {.lazy = HOSTCALL_mem_restrict}},
        {"page tables do not follow", ENDS_SOMEHOW, {.lazy = HOSTCALL_mem_protect}},
        {"a page's type does not change", STOPS, {.lazy = HOSTCALL_mem_type}},
        {"a page that was given up is kept", ENDS_SOMEHOW, {.lazy = HOSTCALL_mem_remove}},
        {"every exception is shown twice", ENDS_WELL, {.enter_twice = true}},
        {"every fault is resumed before it is shown", ENDS_WELL, {.resume_first = true}},
    };
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        check(config, table[i].wanted, table[i].lies, table[i].name);
    }
}

/* ---- the boot record ------------------------------------------------------------------------------ */

#define BOOT_LIE(name, ...)                                                                        \
    static void boot_##name(struct boot_record *b)                                                 \
    {                                                                                              \
        __VA_ARGS__;                                                                               \
    }
BOOT_LIE(magic, b->magic ^= 1)
BOOT_LIE(manifest_inside, b->manifest_addr = RUNTIME_BASE)
BOOT_LIE(manifest_wraps, b->manifest_addr = UINT64_MAX - 7)
BOOT_LIE(manifest_nowhere, b->manifest_addr = UINT64_C(0x7ffffffff000))
BOOT_LIE(manifest_large, b->manifest_size = MANIFEST_SIZE_MAX + 1)
BOOT_LIE(manifest_endless, b->manifest_size = UINT64_MAX)
BOOT_LIE(manifest_short, b->manifest_size--)
BOOT_LIE(manifest_changed, ((uint8_t *)b->manifest_addr)[b->manifest_size / 2] ^= 1)
BOOT_LIE(layers, b->layer_count = 1)
BOOT_LIE(many_layers, b->layer_count = UINT64_MAX)
BOOT_LIE(inputs, b->input_count = 0)
BOOT_LIE(many_inputs, b->input_count = MANIFEST_FILES_MAX + 1)
BOOT_LIE(slot_inside, b->slot_addr = RUNTIME_HEAP)
BOOT_LIE(slot_across, b->slot_addr = ELRANGE_SIZE - 4096)
BOOT_LIE(slot_wraps, b->slot_addr = UINT64_MAX - 4095)
BOOT_LIE(slot_odd, b->slot_addr += 4)
BOOT_LIE(nonce, b->nonce_size = NONCE_MAX + 1)
BOOT_LIE(frequency, b->tsc_hz = 0)
BOOT_LIE(future, b->tsc = UINT64_MAX)
BOOT_LIE(late, b->realtime_ns = UINT64_MAX)
BOOT_LIE(no_cpuid, b->cpuid_count = 0)
BOOT_LIE(much_cpuid, b->cpuid_count = BOOT_CPUID_MAX + 1)
BOOT_LIE(old_cpu, for (size_t i = 0; i < b->cpuid_count; i++) b->cpuid[i] =
         (struct boot_cpuid){b->cpuid[i].leaf, b->cpuid[i].subleaf, 0, 0, 0, 0})
BOOT_LIE(new_cpu, for (size_t i = 0; i < b->cpuid_count; i++) b->cpuid[i] =
         (struct boot_cpuid){b->cpuid[i].leaf, b->cpuid[i].subleaf, ~0u, ~0u, ~0u, ~0u})
BOOT_LIE(processors, b->cpu_count = UINT64_MAX)

static void check_boot(const struct host_config *config)
{
    static const struct {
        const char *name;
        enum wanted wanted;
        void (*lie)(struct boot_record *b);
    } table[] = {
        {"another release's boot record", STOPS, boot_magic},
        {"the manifest lies inside the enclave", STOPS, boot_manifest_inside},
        {"the manifest wraps around", STOPS, boot_manifest_wraps},
        {"the manifest cannot be read", STOPS, boot_manifest_nowhere},
        {"the manifest is too large", STOPS, boot_manifest_large},
        {"the manifest is endless", STOPS, boot_manifest_endless},
        {"the manifest is cut", STOPS, boot_manifest_short},
        {"the manifest is changed", STOPS, boot_manifest_changed},
        {"a layer too many", STOPS, boot_layers},
        {"countless layers", STOPS, boot_many_layers},
        {"an input too few", STOPS, boot_inputs},
        {"too many inputs", STOPS, boot_many_inputs},
        {"the slot lies inside the enclave", STOPS, boot_slot_inside},
        {"the slot begins inside the enclave", STOPS, boot_slot_across},
        {"the slot wraps around", STOPS, boot_slot_wraps},
        {"the slot is not aligned", STOPS, boot_slot_odd},
        {"the nonce is too long", STOPS, boot_nonce},
        {"the counter stands still", STOPS, boot_frequency},
        {"the counter started in the future", ENDS_SOMEHOW, boot_future},
        {"the clock is at its end", STOPS, boot_late},
        {"no CPUID", STOPS, boot_no_cpuid},
        {"too much CPUID", STOPS, boot_much_cpuid},
        {"a processor without features", ENDS_SOMEHOW, boot_old_cpu},
        {"a processor with all features", ENDS_SOMEHOW, boot_new_cpu},
        {"countless processors", ENDS_WELL, boot_processors},
    };
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        check(config, table[i].wanted, (struct lies){.boot = table[i].lie}, table[i].name);
    }
    /* A fault before the first thread knows anything: its exception entry must hold already. */
    check(config, STOPS, (struct lies){.boot_nowhere = true}, "the boot record cannot be read");
}

static void check_random(const struct host_config *config, uint64_t first, unsigned count)
{
    char name[100];
    for (uint64_t seed = first; seed < first + count; seed++) {
        snprintf(name, sizeof name, "lies with seed %llu", (unsigned long long)seed);
        check(config, ENDS_SOMEHOW, (struct lies){.seed = seed * UINT64_C(0x9e3779b97f4a7c15) | 1},
              name);
    }
}

int main(int argc, char **argv)
{
    struct machine_ops ops = machine_soft;
    struct host_config config = {.ops = &ops, .service = service};
    struct diag d = {""};
    char dir[] = "/tmp/alcove-lying-XXXXXX";
    ops.enter = lying_enter;
    ops.map = lying_map;
    ops.restrict_permissions = lying_restrict;
    ops.protect = lying_protect;
    ops.modify_type = lying_modify_type;
    ops.remove = lying_remove;
    REQUIRE(mkdtemp(dir) != NULL);
    host_clock_start();
    setenv("ALCOVE_MACHINE_DIR", dir, 1);
    if (argc < 2 || host_read_file(argv[1], 1 << 26, &config.image.sgxs, &d) != 0) {
        printf("Bail out! usage: lying_host_test PROBE.sgxs [SEED] %s\n", d.text);
        return 1;
    }
    config.image.manifest = probe_manifest();
    probe_sign(&config.image.sigstruct, config.image.sgxs);
    probe_input(&config);
    if (argc > 2) {
        check_random(&config, strtoull(argv[2], NULL, 0), 20);
    } else {
        check(&config, ENDS_WELL, (struct lies){0}, "an honest host");
        check_boot(&config);
        check_sizes_and_errors(&config);
        check_replies(&config);
        check_refusals(&config);
        check_random(&config, 1, 60);
    }
    probe_remove_machine(dir);
    return tap_done();
}
