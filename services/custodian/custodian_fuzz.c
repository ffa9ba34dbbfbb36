/* SPDX-License-Identifier: Apache-2.0 */
/* A life as any bytes tell it: a step is a byte and what it needs. The host's records are any
 * bytes, the owner's messages and a worker's results are well sealed around any bytes, invitations
 * are good but for one byte. Every record is answered by one; nothing of the owner's leaves in
 * clear; a query is accepted once and when it is charged. */
#include "test_world.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Plans read how wide a table's noise is; no entry is read, since nothing is released. */
const struct dp_table dp_tables[] = {
#define DP_TABLE(family, num, den) {.kind = DP_##family, .scale_num = (num), .scale_den = (den)},
#include "query/noise_tables.def"
#undef DP_TABLE
};
const size_t dp_table_count = ARRAY_SIZE(dp_tables);

#define QUERIES 3u
#define DAY     20001
static const char walked[] = "walked home, as nobody else may read";

static struct world w;
static struct asking asked[QUERIES];
static bool made[QUERIES], accepted[QUERIES];
static struct working working;
static bool tasked;

static void begin(void)
{
    if (w.custodian == NULL) {
        world_make(&w);
        return;
    }
    for (size_t i = 0; i < QUERIES; i++) {
        asking_free(&asked[i]);
        made[i] = accepted[i] = false;
    }
    working_free(&working);
    memset(&working, 0, sizeof working);
    memset(asked, 0, sizeof asked);
    tasked = false;
    disk_free(&w.volume.disk);
    w.leaf_count = 0;
    w.own.clock_ms = 0;
    world_outside(&w);
    world_boot(&w);
}

static void look_at_answer(void)
{
    struct bytes answer = service_buffer_bytes(&w.answer);
    if (wire_peek(answer) == WIRE_RECORDS ||
        memmem(answer.data, answer.size, w.secret, sizeof w.secret) != NULL ||
        memmem(answer.data, answer.size, walked, sizeof walked - 1) != NULL) {
        abort();
    }
}

static void raw_record(struct bytes record)
{
    if (w.serve(w.context, record, &w.answer) != 0) {
        abort();
    }
}

static void raw_message(uint64_t kind, struct bytes body)
{
    uint8_t id[32];
    struct message_draft draft = {.kind = (enum message_kind)(1 + kind % 5),
                                  .context_mode = MESSAGE_CONTEXT_NONE,
                                  .to = &w.boot,
                                  .from = HPKE_FROM_SELF(&w.message),
                                  .aead = HPKE_SUITE_DEFAULT.aead,
                                  .body = body};
    size_t size = message_sealed_size(&draft);
    service_buffer_reset(&w.sent);
    if (size > 0 && service_buffer_reserve(&w.sent, size) == 0) {
        struct writer out = writer_of(w.sent.data, w.sent.capacity);
        REQUIRE(message_seal(&draft, &out, id, NULL) == 0);
        w.sent.size = out.size;
        (void)phone_deliver(&w, &w.message, id, BYTES(NULL, 0));
    }
}

static void change_byte(struct bytes in, uint64_t at, uint64_t how)
{
    if (in.size > 0) {
        ((uint8_t *)(uintptr_t)in.data)[at % in.size] ^= (uint8_t)how;
    }
}

/* Good but for one byte, or good. */
static void invite(size_t i, uint64_t part, uint64_t at, uint64_t how)
{
    struct asking *a = &asked[i];
    if (w.leaf_count + 4 > LEAVES_MAX) {
        return;
    }
    if (!made[i]) {
        asking_free(a);
        asking_make(&w, i, a);
        made[i] = true;
    }
    struct wire_invite *in = &a->invite;
    struct bytes parts[] = {in->document,         in->evidence, in->query_proof,
                            in->aggregator_proof, in->extends,  {NULL, 0}};
    change_byte(parts[part % ARRAY_SIZE(parts)], at, how);
    struct wire_state before = phone_state(&w);
    bool yes = asking_invite(&w, a);
    look_at_answer();
    struct wire_state after = phone_state(&w);
    change_byte(parts[part % ARRAY_SIZE(parts)], at, how);
    if ((yes && (accepted[i] || !(after.lease_left < before.lease_left) || before.paused)) ||
        (!yes && !w.volume.crashed && after.lease_left != before.lease_left)) {
        abort();
    }
    accepted[i] = accepted[i] || yes;
}

static void work(uint64_t part, uint64_t at, uint64_t how)
{
    working_free(&working);
    tasked = false; /* an earlier one is still there for the custodian, and never ends */
    if (working_make(&w, &working) - 1 > 1) {
        return;
    }
    bool good = how == 0;
    switch (part % 3) {
    case 0:
        change_byte(BYTES_OF(working.body), at % 320, how);
        good = good || (at % 320 < 48) || at % 320 >= 256; /* not looked at */
        break;
    case 1:
        working.bad_mac = how != 0;
        break;
    default:
        working.binding.has_owner = how != 0;
    }
    tasked = working_hello(&w, &working);
    if (tasked && !good && (part % 3 != 0 || (at % 320 >= 64 && at % 320 < 96))) {
        abort();
    }
}

static void result(struct bytes out)
{
    if (tasked) {
        working.result.out = out;
        (void)working_end(&w, &working);
        tasked = false;
    }
}

static void reboot(uint64_t crash, uint64_t at)
{
    w.volume.crash = crash % 4 == 1 ? CRASH_BEFORE : crash % 4 == 2 ? CRASH_AFTER : CRASH_FULL;
    w.volume.crash_at = w.volume.changes + 1 + at % 3;
    if (crash % 4 == 0 || w.volume.crashed) {
        world_boot(&w);
        tasked = false;
    }
}

static struct bytes take(struct cursor *c)
{
    size_t size = (size_t)cursor_be(c, 2);
    return cursor_take(c, size < c->rest.size ? size : c->rest.size);
}

static void step(struct cursor *c)
{
    int64_t vector[QUERY_ENTRIES_MAX];
    uint8_t op = cursor_u8(c), x = cursor_u8(c), y = cursor_u8(c), z = cursor_u8(c);
    switch (op % 14) {
    case 0:
        raw_record(take(c));
        break;
    case 1:
        (void)phone_claim(&w);
        break;
    case 2:
        (void)phone_unlock(&w);
        break;
    case 3:
        if (budget_left(&w.book.budget, lease_window(w.log_time)) > 65536) {
            (void)phone_grant(&w, 1 + 256u * x + y);
        }
        break;
    case 4:
        (void)phone_upload(&w, DAY + x % 8, BYTES_OF(walked));
        break;
    case 5:
        (void)phone_order(&w, (enum wire_order_kind)(x % WIRE_ORDER_COUNT), DAY + y % 8, z % 2, z);
        break;
    case 6:
        raw_message(x, take(c));
        break;
    case 7:
        invite(x % QUERIES, y, 256u * z + cursor_u8(c), cursor_u8(c));
        break;
    case 8:
        work(x, 256u * y + z, cursor_u8(c));
        break;
    case 9:
        result(take(c));
        break;
    case 10:
        if (made[x % QUERIES]) {
            (void)asking_collect(&w, &asked[x % QUERIES], vector);
        }
        break;
    case 11:
        w.own.clock_ms += 256u * x + y;
        break;
    case 12:
        reboot(x, y);
        break;
    default:
        (void)phone_policy(&w);
    }
    look_at_answer();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cursor c = cursor_of(BYTES(data, size));
    begin();
    for (int steps = 0; steps < 40 && c.rest.size > 0; steps++) {
        step(&c);
    }
    return 0;
}
