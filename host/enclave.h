/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the host library: an enclave, its threads and their slots. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "host/host.h"

struct host_thread {
    struct host_enclave *enclave;
    struct hostcall_slot *slot;
    unsigned number;
    uint64_t tcs;
    uint32_t *wake_word;        /* 1: a wake-up is remembered; futex word, in the yard if there is one */
    atomic_uint start_token;    /* 1: enter again from the start; futex word */
    bool running;               /* has a host thread */
    /* kick.c */
    atomic_int host_tid;        /* 0: none yet */
    atomic_int where;           /* HOST_* */
    atomic_uint handling;       /* an exception is being shown to the enclave */
    atomic_uint resuming;       /* the next entry is ERESUME, or was the last one */
    atomic_uint kick_pending;   /* kicked when the enclave could not be entered for it */
    pthread_t pthread;
};

enum { HOST_OUTSIDE, HOST_INSIDE, HOST_READING };

struct host_enclave {
    struct host_config config;
    struct machine *machine;
    struct boot_record boot;
    struct host_thread threads[THREADS_MAX];
    pthread_mutex_t threads_lock;
    uint64_t first_tcs;
    atomic_uint clock_runs, clock_changes, kick_again; /* kick.c; clock_changes: futex word */
    _Atomic uint64_t alarm_at; /* CLOCK_MONOTONIC */
    uint32_t wake_words[THREADS_MAX]; /* without a yard */
};

/* serve.c: answers the call in the thread's slot. Returns false when the thread must not enter
 * again. */
bool host_serve(struct host_thread *t);
/* threads.c */
int host_thread_prepare(struct host_enclave *e, unsigned number, uint64_t tcs);
int host_thread_start(struct host_enclave *e, unsigned number, uint64_t tcs);
int host_thread_enter(struct host_thread *t, uint64_t rdi, struct diag *d);
int64_t host_thread_wait(struct host_thread *t, uint64_t timeout_ns);
void host_thread_wake(struct host_enclave *e, uint64_t number);
/* yard.c. A word is waited for as hostcall `wait` tells, and woken by whoever shares it. */
int64_t host_word_wait(uint32_t *word, uint64_t timeout_ns);
void host_word_wake(uint32_t *word);
/* Wakes a thread of the enclave in that slot; any numbers will do, no yard as well. */
void host_yard_wake(struct yard *yard, uint64_t slot, uint64_t number);
/* The process of that slot has ended: whoever waits for something from it looks again. */
void host_yard_dead(struct yard *yard, unsigned slot);
/* Gives the slot's memory back; nobody looks at it any more. */
void host_yard_clear(struct yard *yard, unsigned slot);
/* One EENTER or ERESUME. */
int host_enter_once(struct host_thread *t, uint64_t rdi, unsigned leaf, struct machine_run *run);
void host_die(const char *why) __attribute__((noreturn));
/* kick.c. start: before the process is locked. thread_starts: on the host thread, before it enters. */
int host_kick_start(struct host_enclave *e) MUST_USE;
void host_kick_thread_starts(struct host_thread *t);
void host_kick(struct host_enclave *e, uint64_t number);
void host_alarm(struct host_enclave *e, uint64_t ns);
/* boot.c */
/* What host_boot_fill() would ask the processor; done earlier, the microcode measures meanwhile. */
void host_boot_probe(struct host_enclave *e);
void host_boot_fill(struct host_enclave *e);
