/* SPDX-License-Identifier: Apache-2.0 */
/* Many threads in one enclave: memory comes and goes under a storm of signals, threads end and
 * others take their place, and two TCSs that share a GS base are not taken for each other. */
#include "soft/testkit.h"
#include "tests/tap.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/time.h>

#define PAGES   200u
#define ROUNDS  60u
#define PAGE    ((uint64_t)SGX_PAGE_SIZE)
#define RW      (SGX_SECINFO_R | SGX_SECINFO_W)
#define FRESH   (RW | SGX_SECINFO_PENDING | SGX_SECINFO_TYPE(SGX_PT_REG))
#define TRIMMED (SGX_SECINFO_TYPE(SGX_PT_TRIM) | SGX_SECINFO_MODIFIED)

static const struct machine_ops *const soft = &machine_soft;
static volatile unsigned long struck;

static void strike(int sig, siginfo_t *info, void *context)
{
    (void)sig;
    (void)info;
    (void)context;
    struck++;
}

struct worker {
    struct kit_enclave *e;
    unsigned number;
    unsigned rounds;
    uint64_t failures;
};

/* SECINFOs lie in the data pages: fresh at 0, trimmed at 64. */
static uint64_t accept_run(struct worker *w, uint64_t secinfo, uint64_t start)
{
    uint64_t arg[5] = {w->e->base + KIT_DATA + secinfo, w->e->base + start, PAGES, PAGE, 0};
    int r = kit_call(w->e, w->number, KIT_ACCEPT_RUN, arg, 0, NULL);
    return arg[4] + (r != 0);
}

static void *come_and_go(void *argument)
{
    struct worker *w = argument;
    const uint64_t start = KIT_DYNAMIC + w->number * UINT64_C(0x300000) + 0x5000;
    for (unsigned round = 0; round < w->rounds; round++) {
        w->failures += soft->map(w->e->m, start, PAGES * PAGE, RW) != 0;
        w->failures += accept_run(w, 0, start);
        for (uint64_t i = 0; i < PAGES; i += 37) {
            uint64_t load[2] = {w->e->base + start + i * PAGE + 8, 1};
            uint64_t store[2] = {w->e->base + start + i * PAGE + 8, ~i};
            w->failures += kit_call(w->e, w->number, KIT_LOAD, load, 0, NULL) != 0 || load[1] != 0;
            w->failures += kit_call(w->e, w->number, KIT_STORE, store, 0, NULL) != 0;
        }
        w->failures += soft->modify_type(w->e->m, start, PAGES * PAGE, SGX_PT_TRIM) != 0;
        w->failures += accept_run(w, 64, start);
        w->failures += soft->remove(w->e->m, start, PAGES * PAGE) != 0;
    }
    return NULL;
}

static void test_memory(bool trap)
{
    struct kit_enclave e = kit_start(&(struct kit_options){.trap_only = trap});
    uint64_t secinfo[16] = {FRESH, 0, 0, 0, 0, 0, 0, 0, TRIMMED};
    kit_write(&e, KIT_DATA, secinfo, sizeof secinfo);
    struct worker workers[KIT_THREAD_COUNT];
    pthread_t threads[KIT_THREAD_COUNT];
    struct itimerval storm = {{0, 150}, {0, 150}}, calm = {{0, 0}, {0, 0}};
    struck = 0;
    CHECK(soft_signal(SIGALRM, strike, SA_RESTART) == 0, "a timer's handler");
    (void)setitimer(ITIMER_REAL, &storm, NULL);
    for (unsigned i = 0; i < KIT_THREAD_COUNT; i++) {
        workers[i] = (struct worker){&e, i, trap ? 3 : ROUNDS, 0};
        (void)pthread_create(&threads[i], NULL, come_and_go, &workers[i]);
    }
    uint64_t failures = 0;
    for (unsigned i = 0; i < KIT_THREAD_COUNT; i++) {
        (void)pthread_join(threads[i], NULL);
        failures += workers[i].failures;
    }
    (void)setitimer(ITIMER_REAL, &calm, NULL);
    CHECK(failures == 0 && struck > 0,
          "%s: four threads add, use and remove pages under %lu signals (%lu failures)",
          trap ? "trap" : "translation", struck, (unsigned long)failures);
    kit_end(&e);
}

static void *once(void *argument)
{
    struct worker *w = argument;
    w->failures = kit_call(w->e, w->number, KIT_NOTHING, NULL, 0, NULL) != 0;
    return NULL;
}

static void test_succession(void)
{
    struct kit_enclave e = kit_start(&(struct kit_options){0});
    uint64_t failures = 0;
    for (unsigned i = 0; i < 1500; i++) { /* more than there are thread blocks */
        struct worker w = {&e, i % KIT_THREAD_COUNT, 0, 0};
        pthread_t thread;
        failures += pthread_create(&thread, NULL, once, &w) != 0;
        (void)pthread_join(thread, NULL);
        failures += w.failures;
    }
    CHECK(failures == 0, "1500 threads enter and end one after the other");
    kit_end(&e);
}

/* ---- one GS base, two TCSs
 * ------------------------------------------------------------------------------ */

struct waiting {
    volatile uint64_t started, go_on;
    uint64_t rest[400];
} __attribute__((aligned(64)));

static struct waiting wait_area;
static struct kit_enclave *shared;
static uint64_t twin_tcs;

static void *wait_inside(void *unused)
{
    (void)unused;
    struct machine_run run = {.tcs = twin_tcs};
    (void)soft->enter(shared->m, KIT_REGISTERS, (uint64_t)&wait_area, 0, ENCLU_EENTER, 0, 0, &run);
    return NULL;
}

static void test_same_gs(void)
{
    struct kit_enclave e = kit_start(&(struct kit_options){0});
    const uint64_t at = KIT_DYNAMIC;
    shared = &e;
    /* A second TCS with thread 1's GS base, SSA of thread 2; its stack is thread 1's, which is
     * idle. */
    struct sgx_tcs tcs = {.ossa = KIT_THREADS + 2 * KIT_STRIDE + 0x1000,
                          .nssa = 2,
                          .oentry = KIT_CODE,
                          .ofsbasgx = KIT_DATA,
                          .ogsbasgx = KIT_THREADS + 3 * KIT_STRIDE + 0x3000,
                          .fslimit = 0xfff,
                          .gslimit = 0xfff};
    CHECK(soft->map(e.m, at, PAGE, RW) == 0 && kit_accept(&e, at, FRESH) == 0, "a page");
    kit_write(&e, at, &tcs, 80);
    CHECK(soft->modify_type(e.m, at, PAGE, SGX_PT_TCS) == 0 &&
              kit_accept(&e, at, SGX_SECINFO_TYPE(SGX_PT_TCS) | SGX_SECINFO_MODIFIED) == 0,
          "becomes a TCS with the GS base of thread 3");
    twin_tcs = e.base + at;
    pthread_t thread;
    (void)pthread_create(&thread, NULL, wait_inside, NULL);
    while (wait_area.started == 0) {
    }
    /* Thread 3 uses the same GS page while the twin waits with its state in registers only. */
    struct kit_enclu regs = {ENCLU_EREPORT, e.base + KIT_DATA + 0x2000, e.base + KIT_DATA + 0x2400,
                             e.base + KIT_DATA + 0x2800, 0};
    CHECK(kit_enclu(&e, 3, &regs, NULL) == 0, "a thread with another's GS base leaves correctly");
    wait_area.go_on = 1;
    (void)pthread_join(thread, NULL);
    CHECK(wait_area.go_on == 1, "and so does the other");
    kit_end(&e);
}

int main(void)
{
    test_memory(false);
    test_memory(true);
    test_succession();
    test_same_gs();
    return tap_done();
}
