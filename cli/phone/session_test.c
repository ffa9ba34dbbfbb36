/* SPDX-License-Identifier: Apache-2.0 */
/* A phone among liars: what an honest server and custodian let it do, and that each lie is named,
 * before anything is sent or before anything is believed. */
#include "phone/actions.h"
#include "phone/show.h"
#include "phone/test_server.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/tap.h"

static char top[] = "/tmp/phone-session-XXXXXX", folder[128];
static unsigned folders;
static struct test_server server;
static struct phone phone;
static struct diag d;
static int64_t now = FORGE_NOW;

static int64_t test_clock(void)
{
    return now;
}

static void reopen(void)
{
    phone_close(&phone);
    if (phone_open(&phone, folder, &d) != 0) {
        printf("Bail out! %s\n", d.text);
        exit(1);
    }
    phone.client = &server.client;
    phone.clock = test_clock;
}

static void accept_policy(void)
{
    char text[4096];
    test_server_policy(&server, text, sizeof text);
    if (phone_accept(&phone, BYTES(text, strlen(text)), "policy.yaml", &d) != 0) {
        printf("Bail out! %s\n", d.text);
        exit(1);
    }
    reopen();
}

/* A new phone with a policy, and a new server. */
static void begin(void)
{
    char phrase[PHRASE_MAX];
    test_server_done(&server);
    test_server_make(&server);
    phone_close(&phone);
    snprintf(folder, sizeof folder, "%s/%u", top, folders++);
    if (phone_init(folder, NULL, phrase, &d) != 0) {
        abort();
    }
    reopen();
    accept_policy();
    now = FORGE_NOW;
}

/* ... that has claimed its custodian and uploaded a day. */
static void begin_claimed(void)
{
    struct session s;
    begin();
    if (phone_claim(&phone, false, &d) != 0 || session_owned(&phone, &s, &d) != 0 ||
        session_upload(&s, 20000, BYTES_STR("[]"), &d) != 0) {
        printf("Bail out! %s\n", d.text);
        exit(1);
    }
    session_end(&s);
}

static int upload(void)
{
    struct session s;
    d = (struct diag){""};
    int err = session_owned(&phone, &s, &d);
    err = err != 0 ? err : session_upload(&s, 20001, BYTES_STR("[1]"), &d);
    session_end(&s);
    return err;
}

/* ---- Nobody lies ----------------------------------------------------------------------------- */

static void test_honest(void)
{
    struct phone_seen seen;
    begin();
    CHECK(phone_verify(&phone, &seen, &d) == 0 && !seen.owned && server.messages == 0 &&
              seen.log_size == server.leaf_count,
          "a custodian is verified, and is sent nothing");
    CHECK(upload() == -EACCES && strstr(d.text, "claim") != NULL && server.messages == 0,
          "who has claimed nothing uploads nothing: %s", d.text);
    CHECK(phone_claim(&phone, false, &d) == 0 && server.claimed && server.enrols == 1 &&
              memcmp(server.secret, phone.keys.volume, 32) == 0 && server.policy.version == 1 &&
              server.policy.cap == 50000,
          "it is claimed, with policy and secret %s", d.text);
    reopen();
    CHECK(phone.state.stage == PHONE_CLAIMED && phone.state.book.acknowledged.sequence == 1 &&
              phone.state.book.policy == 1,
          "the phone remembers, also after a restart");
    CHECK(upload() == 0 && server.uploads == 1 && server.upload_day == 20001 &&
              server.upload_size == 3,
          "a day is uploaded");
    reopen();
    CHECK(phone.state.book.acknowledged.sequence == 2, "its acknowledgement is stored");
    test_server_grow(&server, 5);
    CHECK(phone_lease(&phone, 20000, 7, &d) == 0 && server.leases == 1 &&
              server.lease.rho == 20000 && server.lease.number == 1 && server.lease.policy == 1 &&
              server.lease.volume.sequence == 3 && server.lease.head.size == server.leaf_count &&
              server.lease.not_after == server.log_time + 7 * 86400,
          "a lease is granted, for what the phone has seen %s", d.text);
    uint8_t id[32];
    CHECK(hpke_public_id(&server.boot.public_key, id) == 0 &&
              memcmp(id, server.lease.boot_key.data, 32) == 0,
          "to this boot");
    CHECK(phone_lease(&phone, 40000, 7, &d) == -EDQUOT && server.leases == 1 &&
              strstr(d.text,
                     "a lease of 0.04 of rho is more than is left this week: 0.03 of 0.05") != NULL,
          "beyond the week's cap there is none: %s", d.text);
    CHECK(phone_order(&phone, WIRE_ORDER_PAUSE, &d) == 0 && phone_push_policy(&phone, &d) == 0 &&
              server.policy.version == 2 && phone.state.book.policy == 2,
          "orders and policies arrive");
    test_server_restart(&server);
    CHECK(upload() == -EACCES && strstr(d.text, "unlock") != NULL && server.uploads == 1,
          "after a restart the phone says what to do: %s", d.text);
    uint64_t claims = server.messages;
    CHECK(phone_claim(&phone, false, &d) == -EACCES && server.messages == claims,
          "and does not claim what it has: %s", d.text);
    CHECK(phone_unlock(&phone, &d) == 0 && server.open && upload() == 0, "unlocked, it goes on");
    CHECK(phone_unlock(&phone, &d) == 0, "unlocking what is open does no harm");
    CHECK(phone_delete(&phone, false, &d) == 0 && server.deleted && !server.claimed &&
              phone.state.stage == PHONE_NEW && phone.state.book.budget.spent == 20000,
          "it is deleted, and the budget remembers");
}

/* ---- Evidence and log ------------------------------------------------------------------------ */

static const struct {
    enum lie lie;
    const char *what, *wanted;
} before_sending[] = {
    {LIE_PROGRAM, "another program", "MRENCLAVE"},
    {LIE_CONFIG, "another manifest", "CONFIGID"},
    {LIE_DEBUG, "a debug enclave", "rejected"},
    {LIE_NONCE, "evidence for another nonce", "nonce"},
    {LIE_TIME, "evidence for no nonce at all", "rejected"},
    {LIE_OWNER, "somebody else's custodian", "owner"},
    {LIE_PURPOSE, "an aggregator", "purpose"},
    {LIE_KEY, "the server's key in the custodian's place", "rejected"},
    {LIE_CONTEXT, "a context that nobody asked for", "context"},
    {LIE_OLD, "evidence that was fresh before", "nonce"},
    {LIE_GARBAGE, "no evidence", "cannot be read"},
    {LIE_HEAD_STRANGE, "a head signed by another key", "signature"},
    {LIE_HEAD_OLD, "an old head", "refused"},
    {LIE_HEAD_FORK, "as many leaves, other ones", "FORKED"},
    {LIE_HEAD_GROWN, "a longer log with another beginning", "FORKED"},
    {LIE_HEAD_SHRUNK, "a later head with fewer leaves", "FORKED"},
    {LIE_NOT_LOGGED, "a proof for another leaf", "not in the log"},
    {LIE_OTHER_LEAF, "another leaf, properly proved", "not in the log"},
    {LIE_NO_PROGRAM, "a custodian in no list", "where in the log"},
};

static void test_before_sending(void)
{
    begin_claimed();
    uint64_t messages = server.messages;
    for (size_t i = 0; i < ARRAY_SIZE(before_sending); i++) {
        const struct phone_state before = phone.state;
        server.lie = before_sending[i].lie;
        if (server.lie == LIE_HEAD_GROWN) {
            test_server_grow(&server, 5);
        }
        int err = upload();
        bool of_head = server.lie >= LIE_HEAD_OLD && server.lie <= LIE_HEAD_SHRUNK;
        CHECK(err == -EACCES && strstr(d.text, before_sending[i].wanted) != NULL &&
                  server.messages == messages &&
                  (!of_head || phone.state.book.head.tree.size == before.book.head.tree.size),
              "%s: nothing is sent. %s", before_sending[i].what, d.text);
    }
    server.lie = LIE_NONE;
    CHECK(upload() == 0 && server.messages == messages + 1, "told the truth, it goes on");
    CHECK(phone.state.forks == 3, "three forks were counted");
    /* The same for a phone that would give away its volume's secret. */
    begin();
    for (size_t i = 0; i < ARRAY_SIZE(before_sending); i++) {
        server.lie = before_sending[i].lie;
        bool known_head = server.lie == LIE_HEAD_OLD || server.lie == LIE_HEAD_FORK ||
                          server.lie == LIE_HEAD_GROWN || server.lie == LIE_HEAD_SHRUNK;
        if (!known_head && server.lie != LIE_OLD) { /* a new phone has seen nothing */
            CHECK(phone_claim(&phone, false, &d) == -EACCES && server.messages == 0,
                  "%s: not claimed", before_sending[i].what);
        }
    }
}

static void test_software_root(void)
{
    char text[4096];
    begin();
    uint8_t other[32];
    char hex[65], found[65];
    memset(other, 0x33, sizeof other);
    hex_encode(hex, other, 32);
    hex_encode(found, server.forged.root.spki_sha256, 32);
    test_server_policy(&server, text, sizeof text);
    char *at = strstr(text, found);
    memcpy(at, hex, 64);
    CHECK(phone_accept(&phone, BYTES(text, strlen(text)), "p", &d) == 0 &&
              phone_claim(&phone, false, &d) == -EACCES && server.messages == 0 &&
              strstr(d.text, "root") != NULL,
          "a root that the policy does not name is refused: %s", d.text);
}

static void test_fork_evidence(void)
{
    unsigned files = 0;
    begin_claimed();
    server.lie = LIE_HEAD_FORK;
    struct query_log_head held = phone.state.book.head;
    CHECK(upload() == -EACCES && strstr(d.text, "THE LOG HAS FORKED") != NULL &&
              strstr(d.text, folder) != NULL,
          "a fork is shouted");
    DIR *dir = opendir(folder);
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        struct stat st;
        char path[512];
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        files += strncmp(e->d_name, "fork-", 5) == 0 && stat(path, &st) == 0 &&
                 (st.st_mode & 0777) == 0600 && st.st_size > 300;
    }
    closedir(dir);
    CHECK(files == 1, "both heads are kept in the folder");
    reopen();
    CHECK(phone.state.forks == 1 &&
              query_hash_equal(&phone.state.book.head.tree.root, &held.tree.root),
          "the phone keeps its head, and remembers");
    server.lie = LIE_HEAD_OLD;
    CHECK(upload() == -EACCES && strstr(d.text, "FORKED") == NULL && phone.state.forks == 1,
          "a server that is just behind is no fork: %s", d.text);
}

/* ---- Answers --------------------------------------------------------------------------------- */

static void test_answers(void)
{
    static const struct {
        enum lie lie;
        const char *what;
    } cases[] = {
        {LIE_ANSWER_ID, "an answer to another message"},
        {LIE_ANSWER_KEY, "an answer sealed by another key"},
        {LIE_ANSWER_AGAIN, "the last answer once more"},
        {LIE_ANSWER_BASE, "an answer from nobody"},
        {LIE_ANSWER_KIND, "something that is no answer"},
        {LIE_ANSWER_CUT, "half an answer"},
    };
    begin_claimed();
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct volume_state before = phone.state.book.acknowledged;
        server.lie = cases[i].lie;
        CHECK(upload() == -EACCES && strstr(d.text, "not this custodian's answer") != NULL &&
                  phone.state.book.acknowledged.sequence == before.sequence,
              "%s is not believed", cases[i].what);
    }
    server.lie = LIE_NONE;
    CHECK(upload() == 0, "the next one is");
    uint64_t sequence = phone.state.book.acknowledged.sequence;
    server.lie = LIE_STATE_OLDER;
    CHECK(upload() == -EACCES && strstr(d.text, "rolled back") != NULL &&
              phone.state.book.acknowledged.sequence == sequence,
          "an older state is not taken for done: %s", d.text);
    server.lie = LIE_NONE;
    CHECK(upload() == 0, "and a newer one is, again");
    server.lie = LIE_STATE_OTHER;
    memset(server.state.root.data, 0x99, 32);
    sequence = phone.state.book.acknowledged.sequence;
    server.state.sequence = sequence;
    CHECK(upload() == -EACCES && strstr(d.text, "rolled back") != NULL,
          "the same number with another root is not taken either");
    server.lie = LIE_NONE;
    server.refuse = WIRE_CODE_STORAGE;
    CHECK(upload() == -EREMOTEIO && strstr(d.text, wire_code_explain(WIRE_CODE_STORAGE)) != NULL,
          "what the custodian refuses is said: %s", d.text);
}

/* ---- Lost answers, lost leases, lost phones -------------------------------------------------- */

static void test_lost(void)
{
    begin();
    server.lose_answer = true;
    CHECK(phone_claim(&phone, false, &d) == -ETIMEDOUT && server.claimed,
          "a claim's answer is lost");
    reopen();
    CHECK(phone.state.stage == PHONE_CLAIMING, "the phone knows that it does not know");
    server.lose_answer = false;
    CHECK(phone_claim(&phone, false, &d) == 0 && phone.state.stage == PHONE_CLAIMED &&
              server.messages == 2,
          "asked again, it recognises its custodian %s", d.text);
    server.lose_answer = true;
    server.keep_answers = 2; /* how far it has come, and with which policy */
    CHECK(phone_lease(&phone, 30000, 1, &d) == -ETIMEDOUT &&
              strstr(d.text, "counts as spent") != NULL,
          "a lease's answer is lost: %s", d.text);
    server.lose_answer = false;
    reopen();
    CHECK(phone.state.book.budget.spent == 30000 && phone.state.book.number == 1,
          "it counts as spent, also after a restart");
    CHECK(phone_lease(&phone, 30000, 1, &d) == -EDQUOT && phone_lease(&phone, 10000, 1, &d) == 0 &&
              server.lease.number == 2,
          "only the rest can be granted");
    server.lose_answer = true;
    for (unsigned i = 0; i < LEDGER_ACKS_MAX + 1; i++) {
        if (upload() != -ETIMEDOUT) {
            abort();
        }
    }
    server.lose_answer = false;
    CHECK(phone_lease(&phone, 10000, 1, &d) == 0 && server.lease.number == 3,
          "when all acknowledgements that a custodian remembers got lost, no lease is wasted %s",
          d.text);
    const uint64_t spent = phone.state.book.budget.spent;
    server.policy.version += 5;
    CHECK(phone_lease(&phone, 10000, 1, &d) == -EINVAL && strstr(d.text, "policy-push") != NULL &&
              server.lease.number == 3 && phone.state.book.budget.spent == spent,
          "where a second phone brought another policy, none is wasted either: %s", d.text);
}

static void test_lost_claim_then_restart(void)
{
    begin();
    server.lose_answer = true;
    if (phone_claim(&phone, false, &d) != -ETIMEDOUT) {
        abort();
    }
    server.lose_answer = false;
    test_server_restart(&server);
    CHECK(phone_claim(&phone, false, &d) == -EREMOTEIO && strstr(d.text, "unlock") != NULL &&
              phone.state.stage == PHONE_CLAIMING,
          "a claim that was lost, then a restart: the phone says what to do: %s", d.text);
    CHECK(phone_unlock(&phone, &d) == 0 && phone.state.stage == PHONE_CLAIMED &&
              server.policy.version == phone.state.book.policy,
          "unlocking finds it, and the policies agree %s", d.text);
}

static void test_new_phone(void)
{
    uint8_t seed[PHONE_SEED_SIZE];
    char phrase[PHRASE_MAX];
    begin_claimed();
    if (phone_lease(&phone, 20000, 7, &d) != 0 ||
        phone_store_get_seed(&phone.store, seed, &d) != 0) {
        abort();
    }
    struct query_hash owner = phone.keys.owner_id;
    phone_close(&phone);
    snprintf(folder, sizeof folder, "%s/%u", top, folders++);
    CHECK(phone_init(folder, seed, phrase, &d) == 0, "a new phone is made from the phrase");
    reopen();
    accept_policy();
    CHECK(query_hash_equal(&owner, &phone.keys.owner_id), "it is the same owner");
    CHECK(phone_lease(&phone, 1, 1, &d) == -EINVAL && strstr(d.text, "policy-push") != NULL,
          "before the policies agree it grants nothing: %s", d.text);
    test_server_restart(&server);
    CHECK(phone_unlock(&phone, &d) == 0 && server.policy.version == 2 && !phone.state.push &&
              phone.state.book.policy == 2,
          "it opens the custodian, and brings its policy %s", d.text);
    CHECK(phone_lease(&phone, 1, 1, &d) == -EDQUOT && strstr(d.text, "not known") != NULL,
          "this week counts as spent: %s", d.text);
    server.log_time += LEDGER_WINDOW_S;
    uint64_t messages = server.messages;
    CHECK(phone_lease(&phone, 20000, 1, &d) == -EACCES && strstr(d.text, "ahead of") != NULL &&
              server.messages == messages && phone.state.forks == 0,
          "a log that says that it is next week already is refused: %s", d.text);
    now += LEDGER_WINDOW_S;
    CHECK(phone_lease(&phone, 20000, 1, &d) == 0 && server.lease.number > 1,
          "next week it grants leases, numbered above the lost phone's %s", d.text);
    CHECK(phone_init(folder, NULL, phrase, &d) == -EBUSY, "a phone in use is not made again");
    phone_close(&phone);
    CHECK(phone_init(folder, NULL, phrase, &d) == -EEXIST, "nor is any other");
    reopen();
    now -= LEDGER_WINDOW_S;
    secure_zero(seed, sizeof seed);
}

static void test_rolled_back(void)
{
    begin_claimed();
    server.state.sequence = 1;
    test_server_restart(&server);
    CHECK(phone_unlock(&phone, &d) == -EREMOTEIO &&
              strstr(d.text, wire_code_explain(WIRE_CODE_ROLLED_BACK)) != NULL && !server.open,
          "an older volume is not opened: the phone says what it has seen: %s", d.text);
    /* A new custodian in the place of the old one: not without the person's word. */
    server.claimed = false;
    uint64_t messages = server.messages;
    CHECK(phone_claim(&phone, false, &d) == -EACCES && server.messages == messages &&
              strstr(d.text, "--again") != NULL,
          "an empty custodian in its place is not claimed: %s", d.text);
    server.state.sequence = 0;
    CHECK(phone_claim(&phone, true, &d) == 0 && phone.state.book.acknowledged.sequence == 1,
          "on the person's word it is %s", d.text);
}

/* ---- kill -9 while a lease is granted ----------------------------------------------------------
 */

static unsigned deadly_step, calls_left;
static uint64_t *granted; /* shared with the child: what the custodian got, in all */

static void die_there(unsigned step)
{
    if (step == deadly_step && calls_left-- == 0) {
        raise(SIGKILL);
    }
}

/* A process that grants three leases and dies at a step of some write of its folder. */
static bool killed_granting(unsigned step, unsigned after)
{
    int status = 0;
    phone_close(&phone);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        reopen();
        server.granted = granted;
        deadly_step = step;
        calls_left = after;
        phone_store_step = die_there;
        for (unsigned i = 0; i < 3; i++) {
            if (phone_lease(&phone, 7, 1, &d) != 0) {
                _exit(3);
            }
        }
        _exit(0);
    }
    waitpid(pid, &status, 0);
    reopen();
    return (WIFSIGNALED(status) || (WIFEXITED(status) && WEXITSTATUS(status) == 0)) &&
           phone.state.book.budget.spent >= *granted && phone.state.book.budget.spent % 7 == 0 &&
           phone.state.book.number * 7 == phone.state.book.budget.spent;
}

static void test_killed(void)
{
    begin_claimed();
    granted =
        mmap(NULL, sizeof *granted, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (granted == MAP_FAILED) {
        abort();
    }
    for (unsigned step = 0; step < PHONE_STORE_STEPS; step++) {
        bool ok = true;
        for (unsigned after = 0; after < 9; after++) {
            ok &= killed_granting(step, after);
            /* What the dead process's server had seen died with it: the custodian's state goes on.
             */
            server.state.sequence = phone.state.book.acknowledged.sequence;
        }
        CHECK(ok, "killed at step %u of each write while it grants leases: none is sent uncounted",
              step);
    }
    CHECK(*granted > 0 && phone.state.book.budget.spent > *granted &&
              phone_lease(&phone, 7, 1, &d) == 0,
          "some were wasted, and it goes on: %llu counted, %llu arrived",
          (unsigned long long)phone.state.book.budget.spent, (unsigned long long)*granted);
    munmap(granted, sizeof *granted);
}

static void test_other_log(void)
{
    char text[4096], log[131], other[131];
    uint8_t scalar[32] = {[31] = 77};
    struct query_secret_key key;
    begin_claimed();
    if (query_secret_key_read(BYTES_OF(scalar), &key) != 0) {
        abort();
    }
    hex_encode(log, server.log_key.key.point, 65);
    hex_encode(other, key.key.point, 65);
    test_server_policy(&server, text, sizeof text);
    memcpy(strstr(text, log), other, 130);
    CHECK(phone_accept(&phone, BYTES(text, strlen(text)), "p", &d) == -EINVAL &&
              strstr(d.text, "another log") != NULL,
          "a phone does not change its log: %s", d.text);
}

static void test_words(void)
{
    uint64_t day = 0;
    CHECK(strcmp(phone_date_of(20000).text, "2024-10-04") == 0 &&
              strcmp(phone_time_of(20000 * UINT64_C(86400) + 3661).text, "2024-10-04 01:01") == 0,
          "dates");
    CHECK(phone_date_in("a/2020-01-01/day-2024-10-04.json", &day) && day == 20000,
          "a file's name has its date");
    CHECK(!phone_date_in("day.json", &day) && !phone_date_in("2024-10-04_2024-10-05", &day) &&
              !phone_date_in("12024-10-04", &day) && !phone_date_in("2024-02-30", &day),
          "or none, or more than one");
    CHECK(strcmp(phone_rho_of(20000).text, "0.02") == 0 && strcmp(phone_rho_of(0).text, "0") == 0 &&
              strcmp(phone_rho_of(1500000).text, "1.5") == 0,
          "costs");
    CHECK(phone_odds(0) == 500000 && phone_odds(1) > 500000 &&
              phone_odds(10000) > phone_odds(1000) && phone_odds(DP_RHO_MAX) == 1000000,
          "odds begin at even and rise with what is spent");
}

static void remove_all(void)
{
    for (unsigned i = 0; i < folders; i++) {
        char path[512];
        snprintf(folder, sizeof folder, "%s/%u", top, i);
        DIR *dir = opendir(folder);
        for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
            snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
            unlink(path);
        }
        if (dir != NULL) {
            closedir(dir);
        }
        rmdir(folder);
    }
    rmdir(top);
}

int main(void)
{
    if (mkdtemp(top) == NULL) {
        abort();
    }
    phone.store = PHONE_STORE_NONE;
    test_honest();
    test_before_sending();
    test_software_root();
    test_fork_evidence();
    test_answers();
    test_lost();
    test_lost_claim_then_restart();
    test_new_phone();
    test_rolled_back();
    test_killed();
    test_other_log();
    test_words();
    phone_close(&phone);
    test_server_done(&server);
    remove_all();
    return tap_done();
}
