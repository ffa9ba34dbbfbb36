/* SPDX-License-Identifier: Apache-2.0 */
#include "test_services.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cbor.h"
#include "base/diag.h"
#include "query/log.h"
#include "wire/records.h"

#define FRAME_MAX 65536u

static uint8_t in[WIRE_RECORD_MAX], out[WIRE_RECORD_MAX];

/* ---- frames ---------------------------------------------------------------------------------- */

static bool all(ssize_t (*move)(int, void *, size_t), int fd, uint8_t *data, size_t size)
{
    while (size > 0) {
        ssize_t n = move(fd, data, size);
        if (n <= 0) {
            return false;
        }
        data += n;
        size -= (size_t)n;
    }
    return true;
}

static ssize_t put(int fd, void *data, size_t size)
{
    return write(fd, data, size);
}

static bool next(struct bytes *ret)
{
    size_t used = 0, n = FRAME_MAX;
    while (n == FRAME_MAX) {
        uint8_t head[4];
        if (!all(read, 0, head, sizeof head)) {
            return false;
        }
        n = load_le32(head);
        if (n > FRAME_MAX || n > sizeof in - used || !all(read, 0, in + used, n)) {
            exit(1);
        }
        used += n;
    }
    *ret = BYTES(in, used);
    return true;
}

static void reply(struct bytes message)
{
    size_t n = FRAME_MAX;
    while (n == FRAME_MAX) {
        uint8_t head[4];
        n = message.size < FRAME_MAX ? message.size : FRAME_MAX;
        store_le32(head, (uint32_t)n);
        if (!all(put, 1, head, sizeof head) ||
            !all(put, 1, (uint8_t *)(uintptr_t)message.data, n)) {
            exit(1);
        }
        message = BYTES(message.data + n, message.size - n);
    }
}

static void reply_record(enum wire_record which, const void *record)
{
    struct writer w = writer_of(out, sizeof out);
    REQUIRE(wire_write(which, record, &w, NULL) == 0);
    reply(BYTES(w.data, w.size));
}

static void refuse(enum wire_code code, const char *sentence)
{
    struct wire_refused r = {code, BYTES(sentence, strlen(sentence))};
    reply_record(WIRE_refused, &r);
}

static void done(void)
{
    struct wire_done d;
    memset(&d, 0, sizeof d);
    reply_record(WIRE_done, &d);
}

static int64_t ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- custodian ------------------------------------------------------------------------------- */

static struct {
    const char *volume;
    struct query_key log_key;
    struct query_log_head held;
    bool open, decline, crash_on_invite, job_out, other_log;
    unsigned days;
    const char *worker; /* what the task says */
    struct query_hash query;
    bool asked, job_done;
    int64_t ready;
} c;

static void keep_head(void)
{
    char temp[PATH_MAX];
    base_format(temp, sizeof temp, "%s.new", c.volume);
    FILE *f = fopen(temp, "we");
    REQUIRE(f != NULL && fwrite(&c.held, sizeof c.held, 1, f) == 1 && fclose(f) == 0);
    REQUIRE(rename(temp, c.volume) == 0);
}

static void load_head(void)
{
    FILE *f = fopen(c.volume, "re");
    c.held = (struct query_log_head){.tree = query_log_empty()};
    REQUIRE(query_key_id(&c.log_key, &c.held.log) == 0);
    if (f != NULL) {
        REQUIRE(fread(&c.held, sizeof c.held, 1, f) == 1 && fclose(f) == 0);
    }
}

static void advance(struct bytes message)
{
    struct wire_advance a;
    struct wire_held held = {0};
    enum query_log_reason reason;
    REQUIRE(wire_read_advance(message, &a, NULL) == 0);
    if (c.open) {
        if (c.other_log ||
            query_log_advance(&c.held, &c.log_key, a.head, a.proof, &reason, NULL) != 0) {
            refuse(WIRE_CODE_LOG, "not in this log");
            return;
        }
        keep_head();
        held = (struct wire_held){true, c.held.tree.size};
    }
    reply_record(WIRE_held, &held);
}

static bool says(struct bytes text, const char *word)
{
    return bytes_equal_str(text, word);
}

static void deliver(struct bytes message)
{
    static char text[FRAME_MAX];
    struct wire_deliver d;
    struct query_log_proof proof;
    REQUIRE(wire_read_deliver(message, &d, NULL) == 0);
    if (says(d.message, "crash")) {
        exit(7);
    }
    if (says(d.message, "nonsense")) {
        reply(BYTES("?", 1));
        return;
    }
    if (says(d.message, "refuse")) {
        refuse(WIRE_CODE_MESSAGE, "not from whom it must be");
        return;
    }
    c.open |= says(d.message, "open");
    c.other_log = says(d.message, "other-log") || (c.other_log && !says(d.message, "this-log"));
    c.days += says(d.message, "day") || says(d.message, "quick");
    c.decline = says(d.message, "decline") || (c.decline && !says(d.message, "accept"));
    c.crash_on_invite |= says(d.message, "crash-on-invite");
    c.worker = says(d.message, "slow-worker")  ? "hang"
               : says(d.message, "bad-worker") ? "die"
                                               : c.worker;
    int n = snprintf(text, sizeof text, "heard: %.*s, %zu bytes, proof %s",
                     d.message.size < 64 ? (int)d.message.size : 64, (const char *)d.message.data,
                     d.message.size, query_log_proof_decode(d.proof, &proof) == 0 ? "yes" : "no");
    struct wire_delivered r = {.message = BYTES(text, (size_t)n),
                               .work = c.days > 0,
                               .deleted = says(d.message, "delete")};
    reply_record(WIRE_delivered, &r);
}

static void invite(struct bytes message)
{
    struct wire_invite i;
    struct wire_invited r = {!c.decline};
    REQUIRE(wire_read_invite(message, &i, NULL) == 0);
    if (c.crash_on_invite) {
        exit(7);
    }
    REQUIRE(query_hash_of(i.document, &c.query) == 0);
    c.asked = r.accepted;
    c.job_done = false;
    c.ready = ms() + FAKE_RUN_MS;
    reply_record(WIRE_invited, &r);
}

static void offer(void)
{
    struct wire_job j = {.run_ms = FAKE_RUN_MS};
    if (c.days > 0) {
        j.kind = 1;
    } else if (c.asked && !c.job_done) {
        j.kind = 2;
        memcpy(j.query, c.query.data, 32);
    }
    memset(j.bundle, 0xbb, sizeof j.bundle);
    memset(j.nonce, 0x33, sizeof j.nonce);
    c.job_out = j.kind != 0;
    reply_record(WIRE_job, &j);
}

static void ended(struct bytes message)
{
    struct wire_worker_end e;
    REQUIRE(wire_read_worker_end(message, &e, NULL) == 0 && c.job_out);
    c.job_out = false;
    if (c.days > 0) {
        c.days--;
    } else {
        c.job_done = true;
    }
    done();
}

static void collect(void)
{
    char text[64];
    int64_t left = c.ready - ms();
    struct wire_collected r = {0};
    if (!c.asked) {
        refuse(WIRE_CODE_STATE, "nobody asked");
        return;
    }
    if (left > 0) {
        r.wait_ms = (uint64_t)left;
    } else {
        int n = snprintf(text, sizeof text, "contribution %d", (int)getpid());
        r.message = BYTES(text, (size_t)n);
    }
    reply_record(WIRE_collected, &r);
}

static int custodian(void)
{
    struct bytes m;
    const char *key = getenv("FAKE_LOG_KEY");
    REQUIRE(key != NULL && hex_decode(c.log_key.point, QUERY_KEY_SIZE, BYTES(key, strlen(key))));
    c.worker = "work";
    load_head();
    while (next(&m)) {
        enum wire_record which = wire_peek(m);
        if (which == WIRE_hello) {
            done();
        } else if (which == WIRE_attest) {
            struct wire_attest a;
            REQUIRE(wire_read_attest(m, &a, NULL) == 0);
            struct wire_evidence e = {a.nonce};
            reply_record(WIRE_evidence, &e);
        } else if (which == WIRE_advance) {
            advance(m);
        } else if (which == WIRE_deliver) {
            deliver(m);
        } else if (which == WIRE_invite) {
            invite(m);
        } else if (which == WIRE_work) {
            offer();
        } else if (which == WIRE_worker_hello) {
            struct wire_task t = {BYTES(c.worker, strlen(c.worker))};
            reply_record(WIRE_task, &t);
        } else if (which == WIRE_worker_end) {
            ended(m);
        } else if (which == WIRE_collect) {
            collect();
        } else {
            refuse(WIRE_CODE_FORMAT, "?");
        }
    }
    return 0;
}

/* ---- worker ---------------------------------------------------------------------------------- */

static int worker(void)
{
    struct bytes m;
    REQUIRE(next(&m) && m.size == 544 && m.data[512] == 0x33);
    memset(out, 'R', 432 + 16);
    reply(BYTES(out, 432 + 16));
    if (!next(&m)) {
        return 1;
    }
    if (says(m, "hang")) {
        sleep(100);
    } else if (says(m, "die")) {
        return 9;
    }
    reply(BYTES("result", 6));
    return 0;
}

/* ---- aggregator ------------------------------------------------------------------------------ */

static void receipt(unsigned counted)
{
    char body[64];
    uint8_t signature[64] = {1}, statement[256];
    struct writer w = writer_of(statement, sizeof statement);
    int n = snprintf(body, sizeof body, "receipt of %u", counted);
    cbor_put_map(&w, 2);
    cbor_put_str(&w, "body");
    cbor_put_bytes(&w, BYTES(body, (size_t)n));
    cbor_put_str(&w, "signature");
    cbor_put_bytes(&w, BYTES_OF(signature));
    struct wire_released r = {BYTES(w.data, w.size)};
    reply_record(WIRE_released, &r);
}

static int aggregator(void)
{
    struct bytes m;
    unsigned counted = 0;
    uint64_t users = 0;
    while (next(&m)) {
        enum wire_record which = wire_peek(m);
        if (which == WIRE_hello) {
            done();
        } else if (which == WIRE_begin) {
            struct wire_begin b;
            REQUIRE(wire_read_begin(m, &b, NULL) == 0);
            users = b.users;
            struct wire_evidence e = {BYTES("evidence of the aggregator", 26)};
            reply_record(WIRE_evidence, &e);
        } else if (which == WIRE_contribute) {
            struct wire_counted r = {.counted = counted < users, .answered = ++counted};
            reply_record(WIRE_counted, &r);
        } else if (which == WIRE_finish && counted < 2) {
            refuse(WIRE_CODE_USERS, "too few answered");
            return 0;
        } else if (which == WIRE_finish) {
            receipt(counted);
            return 0;
        } else {
            refuse(WIRE_CODE_FORMAT, "?");
        }
    }
    return 0;
}

int fake_service(int argc, char **argv)
{
    if (argc < 3 || strcmp(argv[1], "run") != 0) {
        return -1;
    }
    if (strcmp(argv[2], "fake-custodian") == 0 && argc == 5 && strncmp(argv[4], "data=", 5) == 0) {
        c.volume = argv[4] + 5;
        return custodian();
    }
    return strcmp(argv[2], "fake-worker") == 0       ? worker()
           : strcmp(argv[2], "fake-aggregator") == 0 ? aggregator()
                                                     : 127;
}
