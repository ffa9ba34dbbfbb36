/* SPDX-License-Identifier: Apache-2.0 */
/* The phone's folder: one at a time, nobody else's eyes, and killed at any step it is what it was
 * or what it was going to be. */
#include "phone/store.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/tap.h"

static char top[] = "/tmp/phone-store-XXXXXX", folder[64];

static struct phone_state state_of(uint64_t n)
{
    struct phone_state s = {.stage = PHONE_CLAIMED, .push = n % 2 == 0, .forks = n % 7};
    s.book.budget = (struct budget_window){.window = n, .spent = 3 * n, .lifetime = 5 * n};
    s.book.number = n;
    s.book.policy = n / 2;
    s.book.head.tree.size = n;
    s.book.head.time = 1000 + n;
    memset(s.book.head.tree.root.data, (int)(n & 0xff), 32);
    s.book.acknowledged.sequence = n;
    s.head_size = n % QUERY_LOG_HEAD_MAX;
    memset(s.signed_head, 0x77, s.head_size);
    return s;
}

static bool states_equal(const struct phone_state *a, const struct phone_state *b)
{
    uint8_t x[1024], y[1024];
    struct writer v = writer_of(x, sizeof x), w = writer_of(y, sizeof y);
    return phone_state_encode(a, &v) == 0 && phone_state_encode(b, &w) == 0 &&
           bytes_equal(BYTES(x, v.size), BYTES(y, w.size));
}

static void test_state(void)
{
    uint8_t buffer[1024];
    struct writer w = writer_of(buffer, sizeof buffer);
    struct phone_state s = state_of(201), again;
    CHECK(phone_state_encode(&s, &w) == 0 &&
              phone_state_decode(BYTES(buffer, w.size), &again) == 0 && states_equal(&s, &again),
          "what a phone remembers comes back");
    bool ok = true;
    for (size_t i = 0; i < w.size; i++) {
        ok &= phone_state_decode(BYTES(buffer, i), &again) == -EINVAL;
    }
    buffer[w.size] = 0;
    ok &= phone_state_decode(BYTES(buffer, w.size + 1), &again) == -EINVAL;
    CHECK(ok, "cut off or with more behind it is refused");
    struct writer small = writer_of(buffer, 20);
    CHECK(phone_state_encode(&s, &small) == -ENOSPC && small.size == 0, "a small buffer is said");
}

static void test_settle(void)
{
    struct phone_state s = {.restored = true};
    phone_state_settle(&s, 10 * (int64_t)LEDGER_WINDOW_S);
    CHECK(s.restored, "a restored phone without a head stays so");
    s.book.head.time = 10 * LEDGER_WINDOW_S + 5;
    s.book.budget.cap = DP_RHO_MAX;
    phone_state_settle(&s, 3);
    CHECK(
        !s.restored && budget_left(&s.book.budget, 10) == 0 &&
            budget_left(&s.book.budget, 11) == DP_RHO_MAX &&
            s.unknown_until == 11 * LEDGER_WINDOW_S && s.book.number == s.book.head.time,
        "its first week counts as spent, whatever the cap, and its leases begin above all others");
    s = (struct phone_state){.restored = true};
    s.book.head.time = 10 * LEDGER_WINDOW_S;
    s.book.budget.cap = 5;
    phone_state_settle(&s, 12 * (int64_t)LEDGER_WINDOW_S + 7);
    CHECK(budget_left(&s.book.budget, 10) == 0 && budget_left(&s.book.budget, 12) == 0 &&
              budget_left(&s.book.budget, 13) == 5,
          "a log that lags behind this device's clock does not bring the week back");
    s = state_of(3);
    struct phone_state before = s;
    phone_state_settle(&s, 99);
    CHECK(states_equal(&s, &before), "a phone that was never lost keeps its week");
}

static void test_folder(void)
{
    struct phone_store a = PHONE_STORE_NONE, b = PHONE_STORE_NONE;
    struct stat st;
    struct diag d = {""};
    uint8_t seed[PHONE_SEED_SIZE] = "sixteen bytes ..", again[PHONE_SEED_SIZE];
    char path[128];
    CHECK(phone_store_open(&a, folder, false, &d) == -ENOENT && strstr(d.text, "init") != NULL,
          "where there is no phone, the sentence says how to make one");
    umask(0);
    CHECK(phone_store_open(&a, folder, true, &d) == 0 && stat(folder, &st) == 0 &&
              (st.st_mode & 0777) == 0700,
          "the folder is made for its owner alone");
    CHECK(phone_store_open(&b, folder, true, &d) == -EBUSY && strstr(d.text, "another") != NULL,
          "two at once: the second is refused");
    CHECK(phone_store_put_seed(&a, seed, &d) == 0 && phone_store_get_seed(&a, again, &d) == 0 &&
              memcmp(seed, again, sizeof seed) == 0,
          "the seed is kept");
    snprintf(path, sizeof path, "%s/key", folder);
    CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600, "in a file for its owner alone");
    int fd = open(path, O_WRONLY | O_TRUNC);
    ignore_result(write(fd, "x", 1) == 1, "checked below");
    close(fd);
    CHECK(phone_store_get_seed(&a, again, &d) == -EINVAL && strstr(d.text, "--restore") != NULL,
          "a damaged key is said to be one, and what helps");
    phone_store_close(&a);
    chmod(folder, 0750);
    CHECK(phone_store_open(&a, folder, false, &d) == -EACCES && strstr(d.text, "chmod 700") != NULL,
          "a folder that others may read is refused");
    chmod(folder, 0700);
    snprintf(path, sizeof path, "%s/state", folder);
    ignore_result(symlink("/etc/passwd", path), "checked below");
    struct phone_state s;
    CHECK(phone_store_open(&a, folder, false, &d) == 0 &&
              phone_store_get_state(&a, &s, &d) == -ELOOP,
          "links are not followed");
    s = state_of(0);
    CHECK(phone_store_put_state(&a, &s, &d) == 0 && phone_store_get_state(&a, &s, &d) == 0,
          "writing replaces them");
    phone_store_close(&a);
}

/* ---- kill -9 --------------------------------------------------------------------------------- */

static unsigned deadly_step, calls_left;

static void die_there(unsigned step)
{
    if (step == deadly_step && calls_left-- == 0) {
        raise(SIGKILL);
    }
}

/* Writes states one after the other, says through the pipe which are stored, and dies at a step. */
static void child(int out, uint64_t from, unsigned step, unsigned after)
{
    struct phone_store store = PHONE_STORE_NONE;
    deadly_step = step;
    calls_left = after;
    phone_store_step = die_there;
    if (phone_store_open(&store, folder, false, NULL) != 0) {
        _exit(3);
    }
    for (uint64_t n = from; n < from + 64; n++) {
        struct phone_state s = state_of(n);
        if (phone_store_put_state(&store, &s, NULL) != 0 || write(out, &n, sizeof n) != sizeof n) {
            _exit(4);
        }
    }
    _exit(5);
}

static bool killed_once(uint64_t from, unsigned step, unsigned after, uint64_t *ret_stored)
{
    int pipes[2], status = 0;
    struct phone_store store = PHONE_STORE_NONE;
    struct phone_state found, wanted;
    uint64_t acknowledged = from - 1;
    if (pipe(pipes) != 0) {
        abort();
    }
    pid_t pid = fork();
    if (pid == 0) {
        child(pipes[1], from, step, after);
    }
    close(pipes[1]);
    for (uint64_t n; read(pipes[0], &n, sizeof n) == sizeof n;) {
        acknowledged = n;
    }
    close(pipes[0]);
    waitpid(pid, &status, 0);
    if (!WIFSIGNALED(status) || phone_store_open(&store, folder, false, NULL) != 0) {
        return false;
    }
    bool ok = phone_store_get_state(&store, &found, NULL) == 0;
    /* What was acknowledged, or the one that was under way. */
    wanted = state_of(found.book.number);
    ok = ok && states_equal(&found, &wanted) &&
         (found.book.number == acknowledged || found.book.number == acknowledged + 1);
    *ret_stored = found.book.number;
    phone_store_close(&store);
    return ok;
}

static void test_kill(void)
{
    struct phone_store store = PHONE_STORE_NONE;
    struct phone_state s = state_of(1);
    uint64_t at = 1;
    if (phone_store_open(&store, folder, false, NULL) != 0 ||
        phone_store_put_state(&store, &s, NULL) != 0) {
        abort();
    }
    phone_store_close(&store);
    for (unsigned step = 0; step < PHONE_STORE_STEPS; step++) {
        bool ok = true;
        for (unsigned after = 0; after < 8; after++) {
            uint64_t stored = 0;
            ok &= killed_once(at + 1, step, after, &stored);
            at = stored;
        }
        CHECK(ok,
              "killed at step %u of writing, after 0 to 7 writes: the state is the last one that "
              "was stored, or the next",
              step);
    }
}

int main(void)
{
    if (mkdtemp(top) == NULL) {
        abort();
    }
    snprintf(folder, sizeof folder, "%s/sub/phone", top);
    test_state();
    test_settle();
    test_folder();
    test_kill();
    char command[160];
    static const char *const names[] = {"sub/phone/key", "sub/phone/state", "sub/phone/state.tmp",
                                        "sub/phone/lock"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        snprintf(command, sizeof command, "%s/%s", top, names[i]);
        unlink(command);
    }
    rmdir(folder);
    snprintf(command, sizeof command, "%s/sub", top);
    rmdir(command);
    rmdir(top);
    return tap_done();
}
