/* SPDX-License-Identifier: Apache-2.0 */
/* One enclave process under the hostile host. The machine's enter() is wrapped, as the lies stand
 * between the host library and the machine; slots and layers lie between guard pages, so that an
 * access of the enclave beside its span faults; what a thread left in registers and in its slot is
 * searched for canaries after every exit. When the run has ended the process stops itself, and the
 * parent reads its memory. */
#include "hostile.h"
#include "net.h"
#include "machine/soft.h"
#include "probe_kit.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
    SLOTS = 64,
    STALL_MS = 400,
    EXIT_LIES = 3,
    EXCEPTION_LIES = 100,    /* of one thread: a page that is gone faults without end */
    EXCEPTIONS_WAITING = 64, /* without a hostcall: then a page that was taken comes back */
    EXCEPTIONS_STALLED = 5000
};

static struct hostile_run *shared;
static struct host_enclave *enclave;
static struct hostile_ended *mine; /* in shared, of this process */
static pid_t tids[THREADS_MAX];    /* of threads that may be kicked */

static __thread struct {
    struct liar liar;
    bool begun, inside, exception, kicked;
    uint32_t nth, exits, exceptions, since_hostcall;
} self;

void hostile_end(enum end end, uint64_t kind, uint64_t value, const char *text)
{
    uint32_t none = END_NONE;
    hostile_race_stop();
    if (__atomic_compare_exchange_n(&mine->end, &none, end, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_SEQ_CST)) {
        mine->kind = kind;
        mine->value = value;
        if (text != NULL) {
            snprintf(mine->text, sizeof mine->text, "%s", text);
        }
        if (shared->plant == 'h') {
            hostile_plant(NULL);
        }
        raise(SIGSTOP);
        _exit(0);
    }
    for (;;) { /* somebody else ends it */
        const struct timespec second = {1, 0};
        nanosleep(&second, NULL);
    }
}

static unsigned own_slot(void)
{
    return enclave->config.yard_slot;
}

/* ---- what leaves the enclave
 * ---------------------------------------------------------------------- */

static void leaked(int place, const char *where)
{
    char text[TEXT_SIZE];
    snprintf(text, sizeof text, "canary '%c' %s", place, where);
    hostile_end(END_LEAK, 0, 0, text);
}

enum { VECTORS = 832 }; /* x87, SSE, AVX in the standard form */

static void look_at_vectors(void)
{
    static __thread uint8_t state[4096] __attribute__((aligned(64)));
    __asm__ volatile("xsave64 %0" : "+m"(state) : "a"(7), "d"(0));
    int place = hostile_canary_in(state, VECTORS);
    if (place != 0) {
        leaked(place, "in a vector register");
    }
}

static void look_at_registers(void)
{
    look_at_vectors();
    uint64_t registers[5 + 8];
    soft_exit_registers(registers);
    soft_exit_rest(registers + 5);
    int place = hostile_canary_in(registers, sizeof registers);
    if (place != 0) {
        leaked(place, "in a register");
    }
}

/* What the machine's own code left below this frame: enter() has just returned from there, and
 * nothing ran since. Above it lies, in a handler, what the machine tells about the signal. */
static __attribute__((noinline)) void look_at_stack(size_t above)
{
    enum { BELOW = 16 << 10 };
    const uint8_t *from = (const uint8_t *)__builtin_frame_address(0) - BELOW;
    int place = hostile_canary_in(from, BELOW + above);
    if (place != 0) {
        leaked(place, "on the host's stack");
    }
}

/* A handler is called: what does the machine show of what it interrupted? */
static void look_at_context(const ucontext_t *uc)
{
    look_at_vectors();
    int place = hostile_canary_in(&uc->uc_mcontext, sizeof uc->uc_mcontext);
    if (place == 0 && uc->uc_mcontext.fpregs != NULL) {
        place = hostile_canary_in(uc->uc_mcontext.fpregs, VECTORS);
    }
    if (place != 0) {
        leaked(place, "in what a signal handler sees");
    }
}

static void look_at_slot(const struct hostcall_slot *s)
{
    uint64_t size = s->to_size <= HOSTCALL_DATA_MAX ? s->to_size : HOSTCALL_DATA_MAX;
    int place = hostile_canary_in(s, offsetof(struct hostcall_slot, reserved));
    place = place != 0 ? place : hostile_canary_in(s->data, (size + 7) & ~UINT64_C(7));
    if (place != 0) {
        char where[100];
        snprintf(where, sizeof where, "in what hostcall %lu was sent", (unsigned long)s->number);
        leaked(place, where);
    }
    if (s->number == HOSTCALL_console_write && s->args[0] == 2 && size > 0) {
        size_t n = size < TEXT_SIZE - 1 ? size : TEXT_SIZE - 1;
        memcpy(mine->text, s->data, n); /* the last words, should it stop now */
        mine->text[n] = '\0';
    }
}

/* ---- the wrapped machine
 * -------------------------------------------------------------------------- */

static void begin(uint64_t rdi)
{
    struct boot_record *b = (struct boot_record *)rdi;
    unsigned number = 0;
    if (b != &enclave->boot) {
        while (number < THREADS_MAX && (uint64_t)(uintptr_t)enclave->threads[number].slot != rdi) {
            number++;
        }
    }
    REQUIRE(number < THREADS_MAX);
    bool again = self.liar.thread != NULL;
    self.begun = true;
    self.liar.thread = &enclave->threads[number];
    if (!again) {
        self.liar.random =
            (shared->seed + ((uint64_t)own_slot() << 40)) * UINT64_C(0x2545f4914f6cdd1d) + number;
        ignore_result(soft_thread_begin(), "the first entry tries again");
        __atomic_store_n(&tids[number], (pid_t)syscall(SYS_gettid), __ATOMIC_SEQ_CST);
    }
    if (number == 0) {
        hostile_lie_in_boot(&self.liar, b);
    }
}

static int enter(struct machine *m, const uint64_t registers[3], unsigned leaf, uint64_t r8,
                 uint64_t r9, struct machine_run *run)
{
    __atomic_fetch_add(&mine->inside, 1, __ATOMIC_SEQ_CST);
    __atomic_fetch_add(&shared->entries, 1, __ATOMIC_RELAXED);
    self.inside = true;
    int r = machine_soft.enter(m, registers[0], registers[1], registers[2], leaf, r8, r9, run);
    self.inside = false;
    look_at_stack(0);
    look_at_registers();
    __atomic_fetch_sub(&mine->inside, 1, __ATOMIC_SEQ_CST);
    return r;
}

static void died(const struct machine_run *run)
{
    char text[TEXT_SIZE];
    bool refused = run->function == ENCLU_EENTER;
    snprintf(text, sizeof text, "%s: vector %u, address 0x%lx",
             refused ? "the machine refused an entry" : "an exception while one was handled",
             run->exception_vector, (unsigned long)run->exception_addr);
    hostile_end(refused ? END_STOP : END_DIED, 0, run->exception_vector, text);
}

/* The enclave has left in the ordinary way and asks for something. */
static void asks(struct host_thread *t)
{
    struct hostcall_slot *s = t->slot;
    struct liar *l = &self.liar;
    uint64_t number = s->number;
    look_at_slot(s);
    if (number == 0) {
        hostile_end(END_STOP, 0, 0, mine->text[0] != '\0' ? NULL : "it left without a word");
    }
    __atomic_fetch_add(&shared->hostcalls, 1, __ATOMIC_RELAXED);
    self.nth++;
    self.since_hostcall = 0;
    if (self.nth == hostile_profile.dies_at) {
        hostile_told(ROW_PROCESS, PROCESS_KILLED);
        hostile_end(END_KILLED, 0, 0, NULL);
    }
    if (number == HOSTCALL_thread_exit) {
        self.begun = false;
        return;
    }
    if (number >= ROW_BOOT || hostile_contracts[number].name == NULL) {
        bool elsewhere = shared->told[ROW_BOOT][BOOT_FIELD] > 0; /* its slot is not this one */
        hostile_end(elsewhere ? END_STOP : END_DIED, 0, number,
                    "it asked for a hostcall that there is not");
    }
    l->asked = (uint32_t)number;
    l->to_size = s->to_size;
    memcpy(l->args, s->args, sizeof l->args);
    if (number == HOSTCALL_exit) {
        if (shared->honest || hostile_random(&l->random) % 2 == 0 || ++self.exits > EXIT_LIES) {
            hostile_end(s->args[0] <= EXIT_SIGNAL ? END_EXIT : END_STOP, s->args[0], s->args[1],
                        NULL);
        }
        return; /* it is answered, and must say it again */
    }
    hostile_lie_in_request(l, self.nth);
}

/* An exception inside, about to be shown to the enclave, in one of the ways in which a host may. */
static int show_exception(struct machine *m, const uint64_t registers[3], uint64_t r8, uint64_t r9,
                          struct machine_run *run)
{
    mine->vector = run->exception_vector;
    mine->error = run->exception_error_code;
    mine->address = run->exception_addr;
    bool lie = hostile_profile.exceptions && ++self.exceptions <= EXCEPTION_LIES;
    unsigned how = lie ? (unsigned)(hostile_random(&self.liar.random) % 6) : 9;
    if (++self.since_hostcall % EXCEPTIONS_WAITING == 0) {
        hostile_give_back();
    }
    if (self.since_hostcall > EXCEPTIONS_STALLED) {
        hostile_end(END_STALLED, 0, 0, "it waits for a page");
    }
    if (how == EXCEPTION_RESUMED) {
        hostile_told(ROW_EXCEPTION, how);
        int r = enter(m, registers, ENCLU_ERESUME, r8, r9, run);
        if (r != -EFAULT) {
            return r; /* this time it did not fault: that was its hostcall */
        }
    } else if (how == EXCEPTION_LATE) {
        const struct timespec pause = {0, 300000};
        hostile_told(ROW_EXCEPTION, how);
        nanosleep(&pause, NULL);
    }
    struct host_thread *t = self.liar.thread;
    atomic_store(&t->handling, 1);
    int r = enter(m, registers, ENCLU_EENTER, r8, r9, run);
    if (r == 0 && how == EXCEPTION_TWICE) {
        hostile_told(ROW_EXCEPTION, how);
        r = enter(m, registers, ENCLU_EENTER, r8, r9, run);
    }
    atomic_store(&t->handling, 0);
    atomic_store(&t->resuming, 1);
    if (r == 0 && t->slot->number == 0 && atomic_exchange(&t->kick_pending, 0) != 0) {
        r = enter(m, registers, ENCLU_EENTER, r8, r9, run);
    }
    if (r == -EFAULT) {
        died(run);
    }
    return r;
}

/* One entry of the host library becomes as many as it takes until the enclave asks for something:
 * so the library never sees an exception. */
static int hostile_enter(struct machine *m, uint64_t rdi, uint64_t rsi, uint64_t rdx, unsigned leaf,
                         uint64_t r8, uint64_t r9, struct machine_run *run)
{
    uint64_t registers[3] = {rdi, rsi, rdx};
    if (self.kicked) { /* by the library, at CSSA 1 */
        return machine_soft.enter(m, rdi, rsi, rdx, leaf, r8, r9, run);
    }
    if (!self.begun) {
        begin(rdi);
    } else if (self.liar.asked != HOSTCALL_exit) {
        hostile_lie_in_reply(&self.liar, registers, self.nth);
    }
    struct host_thread *t = self.liar.thread;
    t->slot->number = 0;
    int r = enter(m, registers, leaf, r8, r9, run);
    while (r == -EFAULT) {
        if (run->function != ENCLU_ERESUME) {
            died(run);
        }
        r = show_exception(m, registers, r8, r9, run);
        if (r == 0 && t->slot->number == 0) {
            r = enter(m, registers, ENCLU_ERESUME, r8, r9, run);
        }
    }
    hostile_race_stop();
    asks(t);
    return r;
}

/* ---- kicks and the watch
 * -------------------------------------------------------------------------- */

/* Does the thread stand before ERESUME, so that the next entry is at CSSA 1? It may also have been
 * about to answer a hostcall: entries then would be taken for the answers to this and the next one,
 * which nobody has served. */
static bool is_interrupted(const ucontext_t *uc)
{
    return uc->uc_mcontext.gregs[REG_RAX] == ENCLU_ERESUME;
}

static void on_kick(int sig, siginfo_t *info, void *context)
{
    stack_t alt;
    (void)sig;
    (void)info;
    look_at_context(context);
    if (!self.inside || sigaltstack(NULL, &alt) != 0 || (alt.ss_flags & SS_ONSTACK) != 0) {
        return; /* it interrupted the host's own code */
    }
    look_at_stack(sizeof(ucontext_t) + sizeof(siginfo_t));
    if (!is_interrupted((const ucontext_t *)context)) {
        return;
    }
    struct liar *l = &self.liar;
    for (uint64_t n = 1 + hostile_random(&l->random) % 3; n > 0; n--) {
        struct machine_run run = {.tcs = l->thread->tcs};
        hostile_told(ROW_KICK, KICK);
        int r = machine_soft.enter(enclave->machine, hostile_random(&l->random), 0, RUNTIME_BASE,
                                   ENCLU_EENTER, 0, 0, &run);
        if (r == -EFAULT && run.function == ENCLU_ERESUME) {
            died(&run);
        }
        look_at_stack(0);
    }
}

/* The library's own kick, which the enclave asked for. */
static void (*library_handler)(int sig, siginfo_t *info, void *context);

static void on_library_kick(int sig, siginfo_t *info, void *context)
{
    look_at_context(context);
    self.kicked = true;
    library_handler(sig, info, context);
    self.kicked = false;
}

static int hostile_signal(int sig, void (*handler)(int sig, siginfo_t *info, void *context),
                          int flags)
{
    library_handler = handler;
    return soft_signal(sig, on_library_kick, flags);
}

static uint64_t now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void kick_somebody(uint64_t *random)
{
    pid_t tid = __atomic_load_n(&tids[hostile_random(random) % 8], __ATOMIC_SEQ_CST);
    if (tid != 0) {
        syscall(SYS_tgkill, getpid(), tid, SIGUSR1);
    }
}

static bool any_inside(void)
{
    for (unsigned i = 0; i < YARD_SLOTS; i++) {
        if (__atomic_load_n(&shared->at[i].inside, __ATOMIC_SEQ_CST) != 0) {
            return true;
        }
    }
    return false;
}

static void *watch(void *unused)
{
    uint64_t random = shared->seed ^ 0x6b69636b, start = now_ms(), quiet_us = 0;
    uint32_t entries = 0;
    for (;;) {
        uint32_t us = hostile_profile.kicks ? hostile_profile.kick_us : 5000;
        const struct timespec pause = {0, (long)us * 1000};
        nanosleep(&pause, NULL);
        if (hostile_profile.kicks) {
            kick_somebody(&random);
        }
        uint32_t now = __atomic_load_n(&shared->entries, __ATOMIC_RELAXED);
        if (own_slot() != YARD_OWNER) {
            continue; /* a member may wait; the owner's watch sees whether anybody does anything */
        }
        if (now != entries || any_inside()) {
            entries = now;
            quiet_us = 0;
        } else if ((quiet_us += us) >
                   STALL_MS * UINT64_C(1000)) { /* longer where others compute, too */
            hostile_end(END_STALLED, 0, 0, NULL);
        }
        if (now_ms() - start > shared->limit_s * UINT64_C(1000)) {
            hostile_end(END_ENDLESS, 0, 0, NULL);
        }
    }
    return unused;
}

/* ---- the process
 * ---------------------------------------------------------------------------------- */

static int supervisor_socket;

static int64_t ask_supervisor(unsigned number, const struct hostcall_slot *slot)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    const struct hostile_request q = {number, {slot->args[0], slot->args[1]}};
    int64_t result = -EIO;
    pthread_mutex_lock(&lock);
    if (send(supervisor_socket, &q, sizeof q, MSG_NOSIGNAL) == sizeof q) {
        while (recv(supervisor_socket, &result, sizeof result, 0) < 0 && errno == EINTR) {
        }
    }
    pthread_mutex_unlock(&lock);
    return result;
}

/* What the library does not answer. Quotes are of the right form, and no key made them. */
static int64_t service(void *context, unsigned number, struct hostcall_slot *slot)
{
    (void)context;
    if (number == HOSTCALL_process_start || number == HOSTCALL_process_over) {
        return ask_supervisor(number, slot);
    }
    bool done = number == HOSTCALL_quote_report || number == HOSTCALL_exit;
    return done ? 0 : probe_quote(number, slot);
}

static void *between_guards(size_t size)
{
    enum { GUARD = 16 * 4096 };
    uint8_t *p = mmap(NULL, size + 2 * GUARD, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(p != MAP_FAILED);
    return p + GUARD;
}

static void guard_slots(void)
{
    for (size_t i = 0; i < SLOTS; i++) {
        size_t size = sizeof(struct hostcall_slot);
        void *slot = between_guards(size);
        REQUIRE(mprotect(slot, size, PROT_READ | PROT_WRITE) == 0);
        if (enclave->threads[i].slot != NULL) {
            munmap(enclave->threads[i].slot, size);
        }
        enclave->threads[i].slot = slot;
    }
}

static void guard_layers(struct host_config *c)
{
    for (size_t i = 0; i < c->layer_count; i++) {
        struct host_layer *l = &c->layers[i];
        void *to = between_guards(l->size);
        void *at =
            mremap((void *)(uintptr_t)l->data, l->size, l->size, MREMAP_MAYMOVE | MREMAP_FIXED, to);
        REQUIRE(at == to);
        l->data = at;
    }
}

/* Every declared file, so that the workload has something to read and write. What members open the
 * owner opens for them. */
static void make_files(struct host_config *c, const struct manifest *m, bool owner)
{
    static const char text[] = "0123456789abcdef";
    c->input_count = m->input_count;
    c->output_count = m->output_count;
    for (size_t i = 0; i < m->input_count; i++) {
        uint64_t size = m->inputs[i].max < 200000 ? m->inputs[i].max : 200000;
        int fd = owner ? memfd_create("input", MFD_CLOEXEC) : -1;
        for (uint64_t at = 0; owner && at < size; at += 16) {
            ignore_result(write(fd, text, size - at < 16 ? size - at : 16) < 0, "then it is short");
        }
        c->inputs[i] = (struct host_file){fd, size};
    }
    for (size_t i = 0; i < m->output_count; i++) {
        c->outputs[i] = (struct host_file){owner ? memfd_create("output", MFD_CLOEXEC) : -1, 0};
    }
    c->volume_count = m->mount_count;
    for (size_t i = 0; i < m->mount_count; i++) {
        bool sealed = owner && m->mounts[i].kind == MOUNT_SEALED;
        c->volumes[i] = (struct host_file){sealed ? memfd_create("volume", MFD_CLOEXEC) : -1, 0};
    }
}

static void start_helpers(void)
{
    pthread_t thread;
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 256 * 1024);
    REQUIRE(pthread_create(&thread, &attr, watch, NULL) == 0);
    if (hostile_profile.racing) {
        REQUIRE(pthread_create(&thread, &attr, hostile_racer, NULL) == 0);
    }
    pthread_attr_destroy(&attr);
}

void hostile_process(const struct host_bundle *bundle, struct hostile_run *run, unsigned slot,
                     int socket)
{
    static struct machine_ops ops;
    struct diag d = {""};
    const bool owner = slot == YARD_OWNER;
    struct host_config c = {.ops = &ops, .service = service, .want_evidence = owner};
    shared = run;
    mine = &run->at[slot];
    supervisor_socket = socket;
    c.yard = run->yard;
    c.yard_slot = slot;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_PTRACER, getppid(), 0, 0, 0);
    int null = open("/dev/null", O_RDWR);
    int zero = open("/dev/zero", O_RDONLY);
    dup2(zero, 0); /* standard input without an end */
    dup2(null, 1);
    dup2(null, 2);
    ops = machine_soft;
    ops.enter = hostile_enter;
    ops.signal = hostile_signal;
    c.image.sgxs = bundle->sgxs;
    c.image.manifest = bundle->manifest_cbor;
    c.image.debug = bundle->manifest->debug;
    memcpy(&c.image.sigstruct, bundle->sigstruct.data, sizeof c.image.sigstruct);
    c.layer_count = bundle->layer_count;
    memcpy(c.layers, bundle->layers, sizeof c.layers);
    guard_layers(&c);
    make_files(&c, bundle->manifest, owner);
    c.net.broker = -1;
    int r = owner ? host_net_open(bundle->manifest, &c.net, &d) : 0;
    r = r != 0 ? r : host_enclave_create(&c, &enclave, &d);
    if (r == 0) {
        soft_own_memory(mine->machine);
        guard_slots();
        hostile_lies_start(enclave, run);
        r = soft_signal(SIGUSR1, on_kick, SA_RESTART);
        start_helpers();
        r = r != 0 ? r : host_net_start(&c.net, &d);
        r = r != 0 ? r : c.net.on ? host_lock_process_with_network(&d) : host_lock_process(&d);
    }
    if (r != 0) {
        hostile_end(END_NOT_MADE, 0, 0, d.text);
    }
    if (!owner && run->plant == 'm') {
        hostile_plant(NULL);
    } else if (!owner && run->plant == 'y') {
        hostile_plant((uint64_t *)(void *)(run->yard->slots[slot].stream[1].chunks[7] + 64));
    }
    __atomic_fetch_sub(&mine->inside, 1, __ATOMIC_SEQ_CST);
    r = host_enclave_run(enclave, &d);
    hostile_end(END_STOP, 0, 0, r == 0 ? NULL : d.text);
    _exit(0);
}
