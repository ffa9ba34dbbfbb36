/* SPDX-License-Identifier: Apache-2.0 */
#include "test_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "asking.h"
#include "custodian.h"
#include "event.h"

struct daemon g;
char state[] = "/tmp/alcoved-test-XXXXXX";
static char self[PATH_MAX];
struct query_secret_key owners[WORLD_PEOPLE], analyst, stranger;

static struct query_secret_key secret_of(uint8_t byte)
{
    uint8_t scalar[32];
    struct query_secret_key key;
    memset(scalar, byte, sizeof scalar);
    REQUIRE(query_secret_key_read(BYTES_OF(scalar), &key) == 0);
    return key;
}

/* ---- a daemon of its own --------------------------------------------------------------------- */

static void add_program(enum query_role role, const char *name, const char *bundle, uint8_t byte)
{
    struct program *p = &g.programs.list[g.programs.count++];
    *p = (struct program){.role = role};
    base_format(p->name, sizeof p->name, "%s", name);
    base_format(p->bundle, sizeof p->bundle, "%s", bundle);
    memset(p->mrenclave, byte, sizeof p->mrenclave);
    memset(p->configid, byte, sizeof p->configid);
    uint8_t *manifest = malloc(1);
    *manifest = 'm';
    p->manifest = BYTES(manifest, 1);
}

void world_start(void)
{
    const struct evidence_collateral none = {0};
    struct diag d = {""};
    memset(&g, 0, sizeof g);
    g.state = state;
    g.alcove = self;
    add_program(QUERY_ROLE_CUSTODIAN, "keeper", "fake-custodian", 0xcc);
    add_program(QUERY_ROLE_CUSTODIAN, "keeper-2", "fake-custodian", 0xc2);
    add_program(QUERY_ROLE_AGGREGATOR, "sum", "fake-aggregator", 0xaa);
    add_program(QUERY_ROLE_WORKER, "trips", "fake-worker", 0xbb);
    int r = store_open(state, &g.store, &d);
    r = r != 0 ? r : logbook_open(g.store, state, &g.log, &d);
    for (size_t i = 0; i < g.programs.count && r == 0; i++) {
        struct program *p = &g.programs.list[i];
        struct query_log_leaf leaf = {
            .kind = QUERY_LOG_IDENTITY, .role = p->role, .name = BYTES(p->name, strlen(p->name))};
        memcpy(leaf.mrenclave, p->mrenclave, sizeof leaf.mrenclave);
        r = logbook_append(g.log, &leaf, NULL, NULL, &p->log_index, &d);
    }
    r = r != 0 ? r : platform_open(&none, &g.platform, &d);
    r = r != 0 ? r : children_open(&g.children, &d);
    r = r != 0 ? r : pool_open(2, &g.workers, &d);
    r = r != 0 ? r : pool_open(4, &g.calls, &d);
    r = r != 0 ? r : custodians_open(&g, &d);
    r = r != 0 ? r : asking_open(&g, &d);
    if (r != 0) {
        printf("# %s\n", d.text);
    }
    REQUIRE(r == 0);
    char hex[2 * QUERY_KEY_SIZE + 1];
    hex_encode(hex, logbook_key(g.log)->point, QUERY_KEY_SIZE);
    setenv("FAKE_LOG_KEY", hex, 1);
}

void world_stop(void)
{
    __atomic_store_n(&g.stopping, true, __ATOMIC_RELAXED);
    children_stop(g.children, 1000);
    asking_close(g.asking);
    pool_close(g.workers);
    pool_close(g.calls);
    custodians_close(g.custodians);
    children_close(g.children);
    platform_close(g.platform);
    logbook_close(g.log);
    store_close(g.store);
    programs_free(&g.programs);
}

void world_make(void)
{
    REQUIRE(mkdtemp(state) != NULL && realpath("/proc/self/exe", self) != NULL);
    for (size_t i = 0; i < WORLD_PEOPLE; i++) {
        owners[i] = secret_of((uint8_t)(i + 1));
    }
    analyst = secret_of(0x40);
    stranger = secret_of(0x41);
}

/* ---- requests -------------------------------------------------------------------------------- */

char *path_of(const struct query_secret_key *owner, const char *rest)
{
    static char path[256];
    struct query_hash id;
    char hex[65];
    REQUIRE(query_key_id(&owner->key, &id) == 0);
    hex_encode(hex, id.data, 32);
    base_format(path, sizeof path, "/v1/custodians/%s%s", hex, rest);
    return path;
}

void sign_request(const struct query_secret_key *key, const char *method, const char *target,
                  struct bytes body, int off, struct signed_headers *ret)
{
    const struct query_signer signer = {query_sign_with, (void *)(uintptr_t)key};
    struct request q = {method, target, now_s() + (uint64_t)off, body};
    uint8_t signature[QUERY_SIGNATURE_SIZE];
    REQUIRE(request_sign(&q, &signer, signature, NULL) == 0);
    hex_encode(ret->key, key->key.point, QUERY_KEY_SIZE);
    hex_encode(ret->signature, signature, sizeof signature);
    base_format(ret->time, sizeof ret->time, "%llu", (unsigned long long)q.time);
}

struct bytes enrol_body(const struct query_secret_key *owner)
{
    static uint8_t bytes[256];
    struct writer w = writer_of(bytes, sizeof bytes);
    struct wire_enrol e;
    memcpy(e.owner_key, owner->key.point, sizeof e.owner_key);
    REQUIRE(wire_write_enrol(&e, &w, NULL) == 0);
    return BYTES(w.data, w.size);
}

/* ---- queries --------------------------------------------------------------------------------- */

static uint8_t document[QUERY_DOCUMENT_MAX];
struct query_hash query_id;

struct bytes make_document(uint8_t nonce, int seconds, uint64_t least, uint64_t most)
{
    static struct query_document doc;
    struct diag d = {""};
    struct writer w = writer_of(document, sizeof document);
    memset(&doc, 0, sizeof doc);
    doc.question = BYTES_STR("How do people travel?");
    doc.function = BYTES_STR("mode_share");
    doc.nonce[0] = nonce;
    memset(doc.bundle, 0xbb, sizeof doc.bundle);
    REQUIRE(query_key_id(&analyst.key, &doc.analyst) == 0);
    doc.root_count = doc.custodian_count = doc.worker_count = doc.aggregator_count = 1;
    doc.roots[0][0] = 9;
    memset(doc.custodians[0].program.measurement, 0xcc, 32);
    memset(doc.custodians[0].configid, 0xcc, 64);
    memset(doc.workers[0].measurement, 0xbb, 32);
    memset(doc.aggregators[0].program.measurement, 0xaa, 32);
    memset(doc.aggregators[0].configid, 0xaa, 64);
    doc.first_day = 20730;
    doc.last_day = 20736;
    doc.deadline = now_s() + (uint64_t)seconds;
    doc.run_ms = 1000;
    doc.users_min = least;
    doc.users_max = most;
    doc.cost = 10000;
    doc.noise = DP_GAUSSIAN;
    doc.schema = (struct query_schema){
        .aggregate = QUERY_SHARE, .entry_count = 2, .most_total = 100, .whole = 100};
    for (uint32_t i = 0; i < 2; i++) {
        doc.labels[i] =
            (struct query_label){i == 0 ? BYTES_STR("walk") : BYTES_STR("bus"), BYTES_STR("%")};
        doc.entries[i] = (struct query_entry){0, 100, 0};
    }
    int r = query_document_encode(&doc, &w, &d);
    if (r != 0) {
        printf("# %s\n", d.text);
    }
    REQUIRE(r == 0 && query_document_id(BYTES(w.data, w.size), &query_id) == 0);
    return BYTES(document, w.size);
}

char *query_path(const char *rest)
{
    static char path[128];
    char hex[65];
    hex_encode(hex, query_id.data, 32);
    base_format(path, sizeof path, "/v1/queries/%s%s", hex, rest);
    return path;
}
