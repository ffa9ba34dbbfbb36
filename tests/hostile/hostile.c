/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a bundle many times under the hostile host, one seed each, and judges every end.
 *
 *   hostile BUNDLE… [--seed N] [--count M] [--mutations M] [--seconds S] [--limit S] [--tap] [-v]
 *           [--kicks | --no-kicks] [--plant[-member | -yard]]
 *           [--other BUNDLE]
 *
 * Which runs are kicked the seed chooses, unless all or none are to be. --plant shows that the
 * search of memory finds something: the host itself leaves a canary where none may be. Blanks of
 * the bundle --other are given to a tree that they do not belong to.
 *
 * Allowed: the workload's right result (status 0), a clean error (a status of its own, an abort), a
 * stop with or without words. With the excuse of a lie that was told: other data (status 5), a
 * stall, the runtime's word that its own pages are gone. Never: status 4, by which the workload
 * says that it was given something wrong; a signal; a fault or an internal error of the runtime; a
 * crash of the process; a canary outside.
 *
 * Every seed that is judged badly is printed with the command that runs it again. */
#include "hostile.h"
#include "tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum outcome { RIGHT, OTHER_DATA, ERROR, STOPPED, STALLED, BAD, OUTCOME_COUNT };
static const char *const outcome_names[] = {"right", "other data", "error", "stop", "stall", "BAD"};

struct cell {
    uint64_t told, runs[OUTCOME_COUNT];
};
static struct cell tally[ROW_COUNT][LIE_COUNT];
static uint64_t outcomes[OUTCOME_COUNT], mutations, hostcalls, runs;
static bool verbose;
static struct host_bundle other;

static struct {
    const char *bundles[16], *other;
    size_t bundle_count;
    uint64_t seed, count, mutations;
    unsigned seconds, limit_s;
    bool tap, only_seed, no_kicks, all_kicks;
    char plant;
} options = {.seed = 1, .count = 100, .limit_s = 15};

/* ---- judging
 * -------------------------------------------------------------------------------------- */

enum status { STATUS_RIGHT = 0, STATUS_WRONG = 4, STATUS_OTHER_DATA = 5 };

static unsigned excuses(const struct hostile_run *r)
{
    unsigned all = 0;
    for (unsigned row = 0; row < ROW_COUNT; row++) {
        for (unsigned lie = 0; lie < LIE_COUNT; lie++) {
            all |= r->told[row][lie] > 0 ? hostile_excuse(row, lie) : 0;
        }
    }
    return all;
}

static enum outcome judge_exit(const struct hostile_ended *r, unsigned excuse)
{
    if (r->kind == EXIT_SIGNAL) {
        bool killed = r->value == 6 || r->value == 9 || r->value == 13; /* abort, memory, SIGPIPE */
        bool bus = r->value == 7 && (excuse & SIGNAL) != 0;
        return killed || bus ? ERROR : BAD;
    }
    switch (r->value) {
    case STATUS_RIGHT:
        return RIGHT;
    case STATUS_WRONG:
        return BAD;
    case STATUS_OTHER_DATA:
        return (excuse & DATA) != 0 ? OTHER_DATA : BAD;
    default:
        return ERROR;
    }
}

/* The runtime's own last words tell a refusal from a fault. */
static enum outcome judge_stop(const struct hostile_run *run, const struct hostile_ended *r,
                               unsigned excuse)
{
    const char *fault = strstr(r->text, "the runtime faulted: vector ");
    if (strstr(r->text, "internal error") != NULL) {
        return BAD;
    }
    if (fault == NULL) {
        return STOPPED;
    }
    const char *address = strstr(fault, "address ");
    bool own = address != NULL && strtoull(address + 8, NULL, 0) < ELRANGE_SIZE;
    return (own && (excuse & FAULT) != 0) || run->told[ROW_BOOT][0] > 0 ? STOPPED : BAD;
}

/* A process of the tree. */
static enum outcome judge(const struct hostile_run *run, const struct hostile_ended *r, int status)
{
    unsigned excuse = excuses(run);
    switch ((enum end)r->end) {
    case END_EXIT:
        return judge_exit(r, excuse);
    case END_STOP:
        return judge_stop(run, r, excuse);
    case END_STALLED:
    case END_ENDLESS:
        return (excuse & STALL) != 0 ? STALLED : BAD;
    case END_NONE: /* 134: the machine cannot go on without a running thread's SSA */
        return WIFEXITED(status) && WEXITSTATUS(status) == 134 && (excuse & DIES) != 0 ? STOPPED
                                                                                       : BAD;
    case END_KILLED:
        return STOPPED;
    case END_DIED:
        return (excuse & DIES) != 0 ? STOPPED : BAD;
    case END_LEAK:
    case END_NOT_MADE:
        break;
    }
    return BAD;
}

/* ---- one run
 * -------------------------------------------------------------------------------------- */

static struct hostile_run *shared;
static struct { /* the first member that ended badly */
    bool any;
    unsigned slot;
    int status;
    struct hostile_ended ended;
} bad_member;

/* That it ended is the tree's matter, and how it did is judged here. */
static void member_ended(unsigned slot, int status)
{
    const struct hostile_ended *e = &shared->at[slot];
    if (!bad_member.any && judge(shared, e, status) == BAD) {
        bad_member.any = true;
        bad_member.slot = slot;
        bad_member.status = status;
        bad_member.ended = *e;
    }
}

static void print_lies(const struct hostile_run *r)
{
    printf("# lies:");
    for (unsigned row = 0; row < ROW_COUNT; row++) {
        for (unsigned lie = 0; lie < LIE_COUNT; lie++) {
            if (r->told[row][lie] > 0) {
                printf(" %s/%s:%u", hostile_row_name(row), hostile_lie_name(row, lie),
                       r->told[row][lie]);
            }
        }
    }
    if (mutations > 0) {
        printf("; last %s/%s", hostile_row_name(r->last_row),
               hostile_lie_name(r->last_row, r->last_lie));
    }
    printf("\n");
}

static void report(const char *bundle, enum outcome o, unsigned slot, const struct hostile_ended *r,
                   int status)
{
    static const char *const ends[] = {"no end of its own", "exit", "stop",     "died",  "stalled",
                                       "endless",           "leak", "not made", "killed"};
    printf(
        "# seed %llu: %s: process %u: %s kind %llu value %llu, process status 0x%x, %u hostcalls: "
        "%.*s\n",
        (unsigned long long)shared->seed, outcome_names[o], slot, ends[r->end],
        (unsigned long long)r->kind, (unsigned long long)r->value, (unsigned)status,
        shared->hostcalls, (int)strcspn(r->text, "\n"), r->text);
    printf("# last exception: vector %u error 0x%x address 0x%llx\n", r->vector, r->error,
           (unsigned long long)r->address);
    print_lies(shared);
    if (o == BAD) {
        printf("# again: ./dev hostile --bundle %s --seed %llu -v\n", bundle,
               (unsigned long long)shared->seed);
    }
    fflush(stdout);
}

static enum outcome run_once(const char *name, const struct host_bundle *bundle, uint64_t seed,
                             bool honest)
{
    memset(shared, 0, sizeof *shared);
    shared->seed = seed;
    shared->honest = honest;
    shared->no_kicks = options.no_kicks;
    shared->all_kicks = options.all_kicks;
    shared->plant = options.plant;
    shared->tree = options.other != NULL;
    shared->limit_s = options.limit_s;
    bad_member.any = false;
    int status =
        hostile_tree_run(bundle, options.other != NULL ? &other : NULL, shared, member_ended);
    enum outcome o = judge(shared, &shared->at[YARD_OWNER], status);
    if (verbose || o == BAD) {
        report(name, o, YARD_OWNER, &shared->at[YARD_OWNER], status);
    }
    if (bad_member.any) {
        o = BAD;
        report(name, o, bad_member.slot, &bad_member.ended, bad_member.status);
    }
    hostcalls += shared->hostcalls;
    runs++;
    outcomes[o]++;
    for (unsigned row = 0; row < ROW_COUNT; row++) {
        for (unsigned lie = 0; lie < LIE_COUNT; lie++) {
            tally[row][lie].told += shared->told[row][lie];
            mutations += shared->told[row][lie];
            tally[row][lie].runs[o] += shared->told[row][lie] > 0;
        }
    }
    return o;
}

/* ---- all of them
 * ---------------------------------------------------------------------------------- */

static void print_summary(void)
{
    printf("# hostcall: lie                          told | runs that heard it, by their end\n");
    printf("#                                             |  right   data  error   stop  stall    "
           "BAD\n");
    for (unsigned row = 0; row < ROW_COUNT; row++) {
        for (unsigned lie = 0; lie < LIE_COUNT; lie++) {
            const struct cell *c = &tally[row][lie];
            if (c->told == 0) {
                continue;
            }
            char name[64];
            snprintf(name, sizeof name, "%s: %s", hostile_row_name(row),
                     hostile_lie_name(row, lie));
            printf("# %-36s %8llu |", name, (unsigned long long)c->told);
            for (size_t o = 0; o < OUTCOME_COUNT; o++) {
                printf(" %6llu", (unsigned long long)c->runs[o]);
            }
            printf("\n");
        }
    }
    printf("# %llu lies in %llu runs, %llu hostcalls:", (unsigned long long)mutations,
           (unsigned long long)runs, (unsigned long long)hostcalls);
    for (size_t o = 0; o < OUTCOME_COUNT; o++) {
        printf(" %llu %s%s", (unsigned long long)outcomes[o], outcome_names[o],
               o + 1 < OUTCOME_COUNT ? "," : "\n");
    }
    fflush(stdout);
}

static bool enough(time_t start, uint64_t done)
{
    if (options.only_seed) {
        return done >= 1;
    }
    return (options.seconds > 0 && time(NULL) - start >= (time_t)options.seconds) ||
           (options.mutations > 0 ? mutations >= options.mutations
                                  : options.seconds == 0 && done >= options.count);
}

static void run_all(const struct host_bundle *bundles)
{
    time_t start = time(NULL), shown = start;
    for (uint64_t i = 0; !enough(start, i); i++) {
        uint64_t seed = options.seed + i;
        size_t b = seed % options.bundle_count;
        run_once(options.bundles[b], &bundles[b], seed, false);
        if (time(NULL) - shown >= 10) {
            shown = time(NULL);
            printf("# %llu runs, %llu lies, %llu bad\n", (unsigned long long)runs,
                   (unsigned long long)mutations, (unsigned long long)outcomes[BAD]);
            fflush(stdout);
        }
    }
}

static bool read_options(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "-v") == 0) {
            verbose = true;
        } else if (strcmp(argv[i], "--tap") == 0) {
            options.tap = true;
        } else if (strcmp(argv[i], "--no-kicks") == 0) {
            options.no_kicks = true;
        } else if (strcmp(argv[i], "--kicks") == 0) {
            options.all_kicks = true;
        } else if (strcmp(argv[i], "--plant") == 0) {
            options.plant = 'h';
        } else if (strcmp(argv[i], "--plant-member") == 0) {
            options.plant = 'm';
        } else if (strcmp(argv[i], "--plant-yard") == 0) {
            options.plant = 'y';
        } else if (argv[i][0] != '-') {
            if (options.bundle_count == ARRAY_SIZE(options.bundles)) {
                return false;
            }
            options.bundles[options.bundle_count++] = argv[i];
        } else if (value == NULL) {
            return false;
        } else if (strcmp(argv[i], "--other") == 0) {
            options.other = argv[++i];
        } else {
            uint64_t n = strtoull(value, NULL, 0);
            if (strcmp(argv[i], "--seed") == 0) {
                options.seed = n;
                options.only_seed = true;
            } else if (strcmp(argv[i], "--from") == 0) {
                options.seed = n;
            } else if (strcmp(argv[i], "--count") == 0) {
                options.count = n;
            } else if (strcmp(argv[i], "--mutations") == 0) {
                options.mutations = n;
            } else if (strcmp(argv[i], "--seconds") == 0) {
                options.seconds = (unsigned)n;
            } else if (strcmp(argv[i], "--limit") == 0) {
                options.limit_s = (unsigned)n;
            } else {
                return false;
            }
            i++;
        }
    }
    return options.bundle_count > 0;
}

int main(int argc, char **argv)
{
    static struct host_bundle bundles[ARRAY_SIZE(options.bundles)];
    struct diag d = {""};
    if (!read_options(argc, argv)) {
        fprintf(stderr, "usage: hostile BUNDLE… [--seed N | --from N] [--count N] [--mutations N] "
                        "[--seconds N] [--limit SECONDS] [--kicks | --no-kicks] "
                        "[--plant[-member | -yard]] "
                        "[--other BUNDLE] [--tap] [-v]\n");
        return 2;
    }
    host_clock_start();
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(shared != MAP_FAILED);
    uint64_t honest = 0;
    if (options.other != NULL && host_bundle_open(options.other, &other, &d) != 0) {
        fprintf(stderr, "hostile: %s\n", d.text);
        return 2;
    }
    for (size_t i = 0; i < options.bundle_count; i++) {
        if (host_bundle_open(options.bundles[i], &bundles[i], &d) != 0) {
            fprintf(stderr, "hostile: %s\n", d.text);
            return 2;
        }
        honest += run_once(options.bundles[i], &bundles[i], 0, true) == RIGHT;
    }
    bool well = honest == options.bundle_count;
    if (well) {
        run_all(bundles);
    }
    print_summary();
    well = well && outcomes[BAD] == 0;
    if (options.tap) {
        printf("%sok 1 - %llu lies of a hostile host do no harm\n1..1\n", well ? "" : "not ",
               (unsigned long long)mutations);
    }
    return well ? 0 : 1;
}
