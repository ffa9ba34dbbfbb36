/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions between two threads that stand for two enclaves, with a host in between that changes,
 * replays, reorders and drops. */
#include "proc/session.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "proc/test_yard.h"
#include "tests/tap.h"

enum { MEMBER = 3, BOX = YARD_BOX_CALLS + 5 };
static const uint8_t secret[32] = "a secret of owner and member";
static struct session owner, member;
static uint64_t generation; /* each pair of sessions has keys of its own */
static uint8_t text[SESSION_RECORD_MAX], got[SESSION_RECORD_MAX];

static void open_as(struct session *s, unsigned self, unsigned box)
{
    uint8_t key[32];
    session_key(secret, generation, box, key);
    test_yard_be(self, self);
    REQUIRE(session_open(s, MEMBER, box, self == YARD_OWNER ? YARD_DOWN : YARD_UP,
                         self == YARD_OWNER ? MEMBER : YARD_OWNER, key) == 0);
}

static void open_both(unsigned box)
{
    generation++;
    session_close(&owner);
    session_close(&member);
    session_reset(MEMBER, box);
    test_yard->slots[MEMBER].dead = 0;
    open_as(&member, MEMBER, box);
    open_as(&owner, YARD_OWNER, box);
}

static struct yard_chunk_head *chunk(unsigned n)
{
    return (struct yard_chunk_head *)(void *)test_yard->slots[MEMBER].calls[5][YARD_DOWN].chunks[n];
}

static struct yard_ring *ring(void)
{
    return &test_yard->slots[MEMBER].calls[5][YARD_DOWN].ring;
}

static int send_text(struct session *s, const char *what)
{
    return session_send(s, BYTES_STR("head "), BYTES(what, strlen(what)));
}

/* Does receiving stop the enclave? */
static bool stops(struct session *s)
{
    size_t n;
    test_fatal.armed = true;
    if (setjmp(test_fatal.at) != 0) {
        test_fatal.armed = false;
        return true;
    }
    ignore_result(session_receive(s, got, sizeof got, &n), "it should not come back");
    test_fatal.armed = false;
    return false;
}

static void carries(void)
{
    size_t n = 0;
    open_both(BOX);
    CHECK(!session_ready(&member), "nothing is there before it was sent");
    CHECK(send_text(&owner, "one") == 0 && send_text(&owner, "two") == 0, "two records are sent");
    CHECK(session_ready(&member), "then there is something");
    CHECK(session_receive(&member, got, sizeof got, &n) == 0 && n == 8 &&
              memcmp(got, "head one", 8) == 0,
          "the first arrives first");
    CHECK(session_receive(&member, got, 4, &n) == -EMSGSIZE, "too small a buffer is told");
    CHECK(session_receive(&member, got, sizeof got, &n) == 0 && memcmp(got, "head two", 8) == 0,
          "and nothing is lost by it");
    CHECK(send_text(&member, "back") == 0 && session_receive(&owner, got, sizeof got, &n) == 0 &&
              n == 9,
          "the other way is as good");
    CHECK(session_send(&owner, BYTES(text, 100), BYTES(text + 100, SESSION_RECORD_MAX - 100)) ==
                  0 &&
              session_receive(&member, got, sizeof got, &n) == 0 && n == SESSION_RECORD_MAX &&
              memcmp(got, text, n) == 0,
          "a record of the largest size arrives");
    CHECK(session_send(&owner, BYTES(text, 1), BYTES(text, SESSION_RECORD_MAX)) == -EMSGSIZE,
          "a larger one is refused");
    CHECK(session_send(&owner, BYTES(NULL, 0), BYTES(NULL, 0)) == 0 &&
              session_receive(&member, got, sizeof got, &n) == 0 && n == 0,
          "an empty one arrives");
}

static void hides(void)
{
    static const char marker[] = "the patient's name";
    size_t found = 0;
    open_both(BOX);
    REQUIRE(session_send(&owner, BYTES_OF(marker), BYTES_OF(marker)) == 0);
    const uint8_t *all = (const uint8_t *)chunk(0);
    for (size_t i = 0; i < YARD_CHUNK_SIZE - sizeof marker; i++) {
        found += memcmp(all + i, marker, 8) == 0;
    }
    CHECK(found == 0, "the host does not see what is sent");
    CHECK(chunk(0)->size % 64 == 0, "and sizes in steps of 64 only");
}

static void tampered(void)
{
    open_both(BOX);
    REQUIRE(send_text(&owner, "one") == 0);
    ((uint8_t *)chunk(0))[sizeof(struct yard_chunk_head) + 3] ^= 1;
    CHECK(stops(&member), "a changed byte stops the enclave: %s", test_fatal.text);
    open_both(BOX);
    REQUIRE(send_text(&owner, "one") == 0);
    chunk(0)->tag[15] ^= 0x80;
    CHECK(stops(&member), "a changed tag does");
    open_both(BOX);
    REQUIRE(session_send(&owner, BYTES(text, 100), BYTES(text, 100)) == 0);
    chunk(0)->size -= 64;
    CHECK(stops(&member), "a truncated record does");
    static const uint64_t sizes[] = {0,       63, 65, YARD_CHUNK_SIZE, UINT64_MAX & ~UINT64_C(63),
                                     1u << 31};
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        open_both(BOX);
        REQUIRE(send_text(&owner, "one") == 0);
        chunk(0)->size = sizes[i];
        CHECK(stops(&member), "a size of %lu does", (unsigned long)sizes[i]);
    }
}

static void replayed(void)
{
    static uint8_t kept[YARD_CHUNK_SIZE];
    size_t n;
    open_both(BOX);
    REQUIRE(send_text(&owner, "one") == 0);
    memcpy(kept, chunk(0), sizeof kept);
    REQUIRE(session_receive(&member, got, sizeof got, &n) == 0);
    memcpy(chunk(1), kept, sizeof kept);
    ring()->written = 2;
    CHECK(stops(&member), "a replayed record stops the enclave");

    open_both(BOX);
    REQUIRE(send_text(&owner, "one") == 0 && send_text(&owner, "two") == 0);
    memcpy(kept, chunk(0), sizeof kept);
    memcpy(chunk(0), chunk(1), sizeof kept);
    memcpy(chunk(1), kept, sizeof kept);
    CHECK(stops(&member), "records in another order do");

    open_both(BOX);
    REQUIRE(send_text(&owner, "one") == 0);
    struct yard_call_way *back = &test_yard->slots[MEMBER].calls[5][YARD_UP];
    memcpy(back->chunks[0], chunk(0), YARD_CHUNK_SIZE);
    back->ring.written = 1;
    test_yard_be(YARD_OWNER, 0);
    CHECK(stops(&owner), "one's own record, sent back, does");

    open_both(BOX);
    ring()->written = UINT64_MAX;
    CHECK(stops(&member), "a counter that promises what nobody sent does");
}

static void says_that_it_ends(void)
{
    size_t n;
    open_both(BOX);
    REQUIRE(send_text(&owner, "last") == 0);
    session_end(&owner);
    CHECK(session_receive(&member, got, sizeof got, &n) == 0 && n == 9,
          "what was sent before arrives");
    CHECK(session_receive(&member, got, sizeof got, &n) == -EPIPE,
          "an end that was told is the end");
    CHECK(session_receive(&member, got, sizeof got, &n) == -EPIPE && session_ready(&member),
          "and stays it");
}

static void other_keys(void)
{
    uint8_t a[32], b[32], c[32];
    session_key(secret, 1, BOX, a);
    session_key(secret, 2, BOX, b);
    session_key(secret, 1, BOX + 1, c);
    CHECK(memcmp(a, b, 32) != 0 && memcmp(a, c, 32) != 0,
          "another assignment, and another mailbox, have other keys");
}

static void *kill_later(void *unused)
{
    const struct timespec pause = {0, 20000000};
    nanosleep(&pause, NULL);
    test_yard_kill(MEMBER);
    return unused;
}

static void dead_peer(void)
{
    pthread_t thread;
    size_t n;
    open_both(BOX);
    REQUIRE(send_text(&member, "last words") == 0);
    pthread_create(&thread, NULL, kill_later, NULL);
    test_yard_be(YARD_OWNER, 0);
    CHECK(session_receive(&owner, got, sizeof got, &n) == 0 && n == 15, "last words arrive");
    CHECK(session_receive(&owner, got, sizeof got, &n) == -EPIPE, "a dead peer ends the wait");
    pthread_join(thread, NULL);
    CHECK(send_text(&owner, "hello?") == -EPIPE, "nothing is sent to one");
    open_both(BOX);
    REQUIRE(send_text(&owner, "one") == 0 && send_text(&owner, "two") == 0);
    pthread_create(&thread, NULL, kill_later, NULL);
    CHECK(send_text(&owner, "three") == -EPIPE, "a dead peer ends the wait for room");
    pthread_join(thread, NULL);
    CHECK(session_wait(&owner, 0) == 0, "its end is something to look at");
    open_both(BOX);
    CHECK(session_wait(&owner, 1000000) == -ETIMEDOUT, "a wait can have an end");
}

enum { MANY = 20000 };

static void *echo(void *unused)
{
    static uint8_t buffer[SESSION_RECORD_MAX];
    size_t n;
    test_yard_be(MEMBER, MEMBER);
    for (int i = 0; i < MANY; i++) {
        REQUIRE(session_receive(&member, buffer, sizeof buffer, &n) == 0);
        REQUIRE(session_send(&member, BYTES(buffer, n), BYTES(NULL, 0)) == 0);
    }
    return unused;
}

static uint64_t now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void no_wakeup_is_lost(void)
{
    pthread_t thread;
    size_t n = 0;
    bool good = true;
    open_both(BOX);
    pthread_create(&thread, NULL, echo, NULL);
    test_yard_be(YARD_OWNER, 0);
    const uint64_t start = now_ns();
    for (uint32_t i = 0; i < MANY; i++) {
        REQUIRE(session_send(&owner, BYTES_OF(i), BYTES(text, i % 300)) == 0);
        REQUIRE(session_receive(&owner, got, sizeof got, &n) == 0);
        good = good && n == 4 + i % 300 && memcmp(got, &i, 4) == 0;
    }
    const uint64_t took = now_ns() - start;
    pthread_join(thread, NULL);
    CHECK(good, "%d questions are answered", MANY);
    printf("# %lu ns for each\n", (unsigned long)(took / MANY));
}

static void *drain(void *unused)
{
    static uint8_t buffer[SESSION_RECORD_MAX];
    size_t n;
    test_yard_be(MEMBER, MEMBER);
    for (uint32_t i = 0; i < 4000; i++) {
        uint32_t number;
        REQUIRE(session_receive(&member, buffer, sizeof buffer, &n) == 0 && n == 65540);
        memcpy(&number, buffer, sizeof number);
        REQUIRE(number == i);
    }
    return unused;
}

static void streams(void)
{
    pthread_t thread;
    open_both(YARD_BOX_STREAM);
    pthread_create(&thread, NULL, drain, NULL);
    test_yard_be(YARD_OWNER, 0);
    const uint64_t start = now_ns();
    for (uint32_t i = 0; i < 4000; i++) {
        REQUIRE(session_send(&owner, BYTES_OF(i), BYTES(text, 65536)) == 0);
    }
    pthread_join(thread, NULL);
    const uint64_t took = now_ns() - start;
    CHECK(true, "a stream of 4000 records of 64 KiB arrives in order");
    printf("# %lu MB/s\n", (unsigned long)(4000ul * 65536 * 1000 / took));
}

static void *give_up(void *unused)
{
    const struct timespec pause = {0, 20000000};
    nanosleep(&pause, NULL);
    test_yard_be(MEMBER, MEMBER);
    session_end(&member);
    return unused;
}

static void nobody_reads(void)
{
    pthread_t thread;
    int r = 0, sent = 0;
    open_both(YARD_BOX_STREAM);
    pthread_create(&thread, NULL, give_up, NULL);
    test_yard_be(YARD_OWNER, 0);
    while (r == 0) {
        r = send_text(&owner, "is anybody there?");
        sent += r == 0;
    }
    pthread_join(thread, NULL);
    CHECK(r == -EPIPE && sent == YARD_STREAM_CHUNKS, "who sends learns that nobody reads any more");
}

int main(void)
{
    test_yard_start();
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = (uint8_t)(i * 7 + i / 251);
    }
    carries();
    hides();
    tampered();
    replayed();
    says_that_it_ends();
    other_keys();
    dead_peer();
    no_wakeup_is_lost();
    streams();
    nobody_reads();
    session_close(&owner);
    session_close(&member);
    test_yard_stop();
    return tap_done();
}
