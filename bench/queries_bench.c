/* SPDX-License-Identifier: Apache-2.0 */
/* What private queries cost one core: contributions that the aggregator opens, verifies in full
 * (evidence, binding, programs, owners) and adds up, plans, and noise. The aggregator is the
 * product's own, fed with records as its host feeds it, outside an enclave; processor time of this
 * process.
 *
 *   queries_bench [--check] [--json] [--rounds N]
 *
 * Contributions are of distinct people: once all custodians run on one machine, as with one
 * operator, so that of the ECDSA signatures one is new in each; once each on a machine of its own,
 * where three are. Forged evidence has the sizes of Intel's. Each round is a query of its own, and
 * begins with an empty cache. */
#include "aggregator.h"
#include "test_query.h"

#include "query/account.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PEOPLE             400u
#define HOURS              168u /* of a week */
#define ROUNDS_MAX         101u
#define FLOOR_CONTRIBUTED  1000.0
#define FLOOR_PLANS        1000.0 /* a plan takes less than 1 ms */
#define FLOOR_SAMPLES      20000.0
#define RATE_LEAST_SECONDS 0.02

static double now(void)
{
    struct timespec t;
    REQUIRE(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) == 0);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- contributions --------------------------------------------------------------------------- */

struct people {
    struct hpke_private_key boot[PEOPLE];
    struct service_buffer evidence[PEOPLE];
};

static struct test_machine machine;
static struct test_enclave own, custodian;
static struct test_query query;
static struct people one_machine, own_machines;
static int64_t vector[HOURS];

/* Keeps the evidence: it is made when a custodian starts, and the same for all queries. */
static void person(struct people *p, size_t i, struct test_enclave *e)
{
    struct service_buffer hello = {0}, answer = {0};
    struct service_kit kit = {.env = &e->env};
    struct binding b = {.purpose = BINDING_PURPOSE_CUSTODIAN,
                        .has_owner = true,
                        .fresh = BINDING_FRESH_TIME,
                        .time = (uint64_t)e->time - 60};
    int err;
    REQUIRE(hpke_private_make(HPKE_KEM_X25519, &p->boot[i]) == 0);
    b.key = p->boot[i].public_key;
    store_le64(b.owner, i + 1);
    test_hello(e, &hello);
    REQUIRE(service_take(&kit, service_buffer_bytes(&hello), &answer, &err) == WIRE_RECORDS &&
            kit.ready && service_evidence(&kit, &b, &p->evidence[i], NULL) == 0);
    service_kit_done(&kit);
    service_buffer_done(&hello);
    service_buffer_done(&answer);
}

static void prepare(void)
{
    static struct test_machine other;
    memset(&machine, 0, sizeof machine);
    forge_defaults(&machine.spec);
    forge_real_sizes(&machine.spec);
    forge_build(&machine.spec, &machine.output);
    test_enclave_make(&own, &machine, "aggregator", 0xa9);
    test_enclave_make(&custodian, &machine, "custodian", 0xcc);
    test_query_make(&query, &custodian, &own, 2000);
    struct query_document *doc = &query.doc;
    doc->schema =
        (struct query_schema){.aggregate = QUERY_HISTOGRAM, .entry_count = HOURS, .most_total = 20};
    static char names[HOURS][8];
    for (uint32_t i = 0; i < HOURS; i++) {
        int n = snprintf(names[i], sizeof names[i], "h%u", i);
        doc->labels[i] = (struct query_label){BYTES(names[i], (size_t)n), BYTES_STR("trips")};
        doc->entries[i] = (struct query_entry){0, 20, 0};
        vector[i] = i % 12 == 0;
    }
    test_query_write(&query);
    for (size_t i = 0; i < PEOPLE; i++) {
        person(&one_machine, i, &custodian);
        test_machine_like(&machine, (int)(1000 + i), &other);
        struct test_machine *usual = custodian.machine;
        custodian.machine = &other;
        person(&own_machines, i, &custodian);
        custodian.machine = usual;
    }
}

static struct bytes ask(struct aggregator *a, enum wire_record which, const void *record,
                        struct service_buffer *answer)
{
    struct service_buffer sent = {0};
    REQUIRE(service_answer(which, record, &sent, NULL) == 0);
    REQUIRE(aggregator_serve(a, service_buffer_bytes(&sent), answer) >= 0);
    service_buffer_done(&sent);
    return service_buffer_bytes(answer);
}

static struct hpke_public_key begin(struct aggregator *a, struct service_buffer *answer)
{
    struct service_buffer hello = {0};
    struct wire_begin r;
    struct wire_evidence reply;
    struct evidence e;
    struct binding b;
    test_hello(&own, &hello);
    REQUIRE(aggregator_serve(a, service_buffer_bytes(&hello), answer) == 0);
    service_buffer_done(&hello);
    test_query_begin(&query, PEOPLE, &r);
    REQUIRE(wire_read_evidence(ask(a, WIRE_begin, &r, answer), &reply, NULL) == 0 &&
            evidence_decode(reply.evidence, &e, NULL) == 0 &&
            binding_decode(e.claims, &b, NULL) == 0);
    return b.key;
}

/* Contributions a second in one query of all these people. */
static double contributions(const struct people *p)
{
    struct service_buffer answer = {0}, records[PEOPLE] = {{0}}, sealed = {0};
    struct aggregator *a = aggregator_new(&own.env);
    struct wire_counted counted;
    REQUIRE(a != NULL);
    struct hpke_public_key to = begin(a, &answer);
    for (size_t i = 0; i < PEOPLE; i++) {
        struct test_contribution c;
        test_contribution_make(&c, &query, &to, &custodian, &p->boot[i], i + 1, vector);
        c.evidence = service_buffer_bytes(&p->evidence[i]);
        test_contribution_seal(&c, &sealed);
        const struct wire_contribute r = {.message = service_buffer_bytes(&sealed)};
        REQUIRE(service_answer(WIRE_contribute, &r, &records[i], NULL) == 0);
    }
    double start = now();
    for (size_t i = 0; i < PEOPLE; i++) {
        REQUIRE(aggregator_serve(a, service_buffer_bytes(&records[i]), &answer) == 0);
    }
    double spent = now() - start;
    REQUIRE(wire_read_counted(service_buffer_bytes(&answer), &counted, NULL) == 0 &&
            counted.counted && counted.answered == PEOPLE);
    for (size_t i = 0; i < PEOPLE; i++) {
        service_buffer_done(&records[i]);
    }
    service_buffer_done(&sealed);
    service_buffer_done(&answer);
    aggregator_free(a);
    return PEOPLE / spent;
}

static double of_one_machine(void)
{
    return contributions(&one_machine);
}

static double of_own_machines(void)
{
    return contributions(&own_machines);
}

/* ---- plans and noise ------------------------------------------------------------------------- */

static double rate(void (*work)(void))
{
    double start = now(), spent = 0;
    uint64_t calls = 0;
    for (uint64_t batch = 1; spent < RATE_LEAST_SECONDS; batch *= 2) {
        for (uint64_t i = 0; i < batch; i++) {
            work();
        }
        calls += batch;
        spent = now() - start;
    }
    return (double)calls / spent;
}

static void plan(void)
{
    struct query_plan plan;
    REQUIRE(query_document_plan(&query.doc, 1000, &plan, NULL) == 0);
}

static double plans(void)
{
    return rate(plan);
}

/* Of the widest table, with random bytes as the aggregator has them outside of an enclave. */
static void sample(void)
{
    static const struct dp_table *widest;
    struct dp_random random = {service_env_enclave.random, service_env_enclave.context};
    int64_t noise;
    for (size_t i = 0; widest == NULL && i < dp_table_count; i++) {
        widest = dp_tables[dp_table_count - 1 - i].kind == DP_GAUSSIAN
                     ? &dp_tables[dp_table_count - 1 - i]
                     : NULL;
    }
    REQUIRE(dp_sample(widest, &random, &noise) == 0);
}

static double samples(void)
{
    return rate(sample);
}

/* ---- the table ------------------------------------------------------------------------------- */

static const struct {
    const char *name, *unit;
    double (*measure)(void);
    double floor;
} rows[] = {
    {"contributions, one machine", "verified and summed a second", of_one_machine,
     FLOOR_CONTRIBUTED},
    {"contributions, each of its own machine", "verified and summed a second", of_own_machines,
     FLOOR_CONTRIBUTED},
    {"plans", "a second (floor: 1 ms each)", plans, FLOOR_PLANS},
    {"noise, widest Gaussian table", "samples a second", samples, FLOOR_SAMPLES},
};
static double measured[ARRAY_SIZE(rows)][ROUNDS_MAX];

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int show(size_t rounds, bool json)
{
    int missed = 0;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        qsort(measured[i], rounds, sizeof measured[i][0], ascending);
        double median = measured[i][rounds / 2];
        bool low = median < rows[i].floor;
        missed += low;
        if (json) {
            printf("%s{\"name\": \"%s\", \"per_second\": %.0f, \"least\": %.0f, \"most\": %.0f, "
                   "\"floor\": %.0f}%s\n",
                   i == 0 ? "[" : " ", rows[i].name, median, measured[i][0],
                   measured[i][rounds - 1], rows[i].floor, i + 1 < ARRAY_SIZE(rows) ? "," : "]");
        } else {
            printf("%-40s %9.0f %s; %.0f to %.0f%s\n", rows[i].name, median, rows[i].unit,
                   measured[i][0], measured[i][rounds - 1], low ? "; BELOW ITS FLOOR" : "");
        }
    }
    return missed;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"check", no_argument, NULL, 'c'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"rounds", required_argument, NULL, 'r'},
                                            {0}};
    bool check = false, json = false;
    unsigned long rounds = 9;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        check = check || c == 'c';
        json = json || c == 'j';
        rounds = c == 'r' ? strtoul(optarg, NULL, 10) : rounds;
        if (c == '?' || rounds == 0 || rounds > ROUNDS_MAX) {
            fprintf(stderr, "usage: queries_bench [--check] [--json] [--rounds 1..%u]\n",
                    ROUNDS_MAX);
            return 2;
        }
    }
    prepare();
    for (size_t r = 0; r < rounds; r++) {
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
            measured[i][r] = rows[i].measure();
        }
    }
    if (!json) {
        printf("one core, medians of %lu rounds; evidence of %zu bytes, vectors of %u entries, %u "
               "people in each query\n",
               rounds, one_machine.evidence[0].size, HOURS, PEOPLE);
    }
    int missed = show(rounds, json);
    return check && missed > 0 ? 1 : 0;
}
