/* SPDX-License-Identifier: Apache-2.0 */
/* The hostile host: a test program, never part of `alcove`. Whole runs of a bundle under a host
 * that breaks its word by a table (lies.def) and a seed. docs/hostile.md says what is judged.
 *
 * hostile.c  seeds, judging, the summary
 * tree.c     the processes of one run: who starts, ends and searches them
 * run.c      one enclave process: the wrapped machine
 * lies.c     the lies themselves
 * yard.c     lies in the memory that a tree's processes share
 * scan.c     looks for the workload's canaries in what is not the enclave's */
#pragma once

#include "abi/yard.h"
#include "enclave.h"

#include <errno.h>

enum { STALL = 1, FAULT = 2, DATA = 4, DIES = 8, SIGNAL = 16 }; /* ends, see lies.def */

enum lie {
#define LIE(name, ...) LIE_##name,
#include "lies.def"
#undef LIE
    LIE_COUNT
};

/* Rows of the tally: hostcalls by number, and what is no hostcall. */
enum {
    ROW_BOOT = 56,
    ROW_EXCEPTION,
    ROW_KICK,
    ROW_LAYER,
    ROW_MEMORY,
    ROW_YARD,
    ROW_PROCESS,
    ROW_COUNT
};
/* Columns of the rows that are no hostcalls. */
enum {
    BOOT_FIELD = 0,
    EXCEPTION_TWICE = 0,
    EXCEPTION_RESUMED = 1,
    EXCEPTION_LATE = 2,
    KICK = 0,
    LAYER_BITS = 0,
    LAYER_RACE = 1,
    MEMORY_PROTECTED = 0,
    MEMORY_RESTRICTED = 1,
    MEMORY_TRIMMED = 2,
    MEMORY_REMOVED = 3
};
enum { /* of ROW_YARD */
       YARD_BITS,
       YARD_REPEATED,
       YARD_SIZE,
       YARD_COUNTER,
       YARD_WAITER,
       YARD_DEAD,
       YARD_ALIVE,
       YARD_WOKEN,
       YARD_ASLEEP,
       YARD_RACE,
       YARD_LIES
};
enum { /* of ROW_PROCESS */
       PROCESS_TWICE,
       PROCESS_OTHER,
       PROCESS_NONE,
       PROCESS_KILLED,
       PROCESS_DEAD,
       PROCESS_LIES
};

struct contract {
    const char *name; /* NULL: no such hostcall */
    uint64_t to_max, from_max;
    int64_t result_max;
    int errnos[9];
};
extern const struct contract hostile_contracts[ROW_BOOT];

struct lie_kind {
    const char *name, *sentence;
    bool reply, gentle;
    unsigned ends;
};
extern const struct lie_kind hostile_lies[LIE_COUNT];
bool hostile_fits(enum lie lie, const struct contract *c);
/* What a told lie excuses, and its name for people. */
unsigned hostile_excuse(unsigned row, unsigned lie);
const char *hostile_row_name(unsigned row);
const char *hostile_lie_name(unsigned row, unsigned lie);

/* How a run ended, as its process saw it. */
enum end {
    END_NONE,    /* it never said: it crashed, or was killed */
    END_EXIT,    /* EXIT_STATUS and EXIT_SIGNAL: value */
    END_STOP,    /* refused, stopped, or gone without a word: text has its last words */
    END_DIED,    /* the machine reports an exception that nobody handles */
    END_STALLED, /* every thread waits for the host */
    END_ENDLESS, /* it still runs when its time is over */
    END_LEAK,    /* a canary left the enclave */
    END_NOT_MADE,
    END_KILLED, /* a member, by the host */
};

#define TEXT_SIZE 240
struct hostile_ended { /* of one process, by its slot in the yard */
    uint32_t end;      /* enum end; set once */
    uint32_t inside;   /* threads */
    uint64_t kind, value;
    uint32_t vector, error; /* of the last exception, and where */
    uint64_t address;
    uint64_t machine[2]; /* from, to: the software machine's own, as a processor's inside */
    char text[TEXT_SIZE];
};
struct hostile_run { /* shared by the processes and whoever judges */
    uint64_t seed;
    bool honest, no_kicks, all_kicks; /* neither: the seed chooses */
    bool tree;                        /* the workload has processes */
    char plant; /* the host puts a canary into 'h' its own memory, 'm' a member's, 'y' the yard */
    unsigned limit_s;
    uint32_t told[ROW_COUNT][LIE_COUNT];
    uint32_t hostcalls, entries;
    uint32_t last_row, last_lie;
    uint64_t slots; /* bits: processes that there are */
    struct yard *yard;
    struct hostile_ended at[YARD_SLOTS];
};
struct hostile_request { /* of an enclave process, over its socket; the answer is an int64_t */
    uint64_t number, args[2];
};

/* ---- run.c ---- */
/* Runs the bundle in this process and stops it (SIGSTOP) when it has ended; never returns. */
void hostile_process(const struct host_bundle *bundle, struct hostile_run *shared, unsigned slot,
                     int socket) __attribute__((noreturn));
void hostile_end(enum end end, uint64_t kind, uint64_t value, const char *text);

/* ---- lies.c ---- */
struct liar { /* one thread's */
    uint64_t random;
    struct host_thread *thread;
    uint32_t asked; /* hostcall that the next entry answers */
    bool unserved, twice;
    uint64_t args[HOSTCALL_ARGS], to_size; /* as the enclave asked */
};
struct profile { /* one run's */
    uint32_t gentle_one_in, harsh_at, memory_one_in, layer_one_in;
    bool racing, kicks, exceptions, boot, layers, memory;
    uint32_t kick_us;
    bool yard, yard_gentle, processes;
    uint32_t yard_one_in, dies_at;
};
extern struct profile hostile_profile;
uint64_t hostile_random(uint64_t *state);
uint64_t hostile_odd_number(uint64_t *state);
struct profile hostile_profile_of(const struct hostile_run *run, unsigned slot);
void hostile_told(unsigned row, unsigned lie);
void hostile_told_in(struct hostile_run *run, unsigned row, unsigned lie);
void hostile_lies_start(struct host_enclave *e, struct hostile_run *shared);
void hostile_lie_in_request(struct liar *l, uint32_t nth);
void hostile_lie_in_reply(struct liar *l, uint64_t registers[3], uint32_t nth);
void hostile_lie_in_boot(struct liar *l, struct boot_record *b);
bool hostile_give_back(void); /* a page that was taken away, if one was */
bool hostile_race_start(volatile uint64_t *word, uint64_t other);
void hostile_race_stop(void);
void *hostile_racer(void *unused);

/* ---- yard.c ---- */
void hostile_lie_in_yard(struct liar *l, struct hostile_run *run);

/* ---- scan.c ---- */
/* Is one of the workload's canaries there? Its place (a letter), else 0. */
int hostile_canary_in(const void *data, size_t size);
/* Leaves a canary in this process's memory, or there. */
void hostile_plant(volatile uint64_t *at);
/* All memory of the stopped process of that slot that is neither the enclave's nor the yard. True
 * when a canary was found; where says in which mapping. */
bool hostile_scan(int pid, const struct hostile_run *shared, unsigned slot, char where[TEXT_SIZE]);
