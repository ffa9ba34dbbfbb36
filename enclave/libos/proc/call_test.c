/* SPDX-License-Identifier: Apache-2.0 */
/* System calls as a member of a process tree makes them, against the same calls made in the owner:
 * results and memory must be the same, whatever the arguments are. */
#include "proc/call_loopback.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/tap.h"

static struct manifest manifest;

/* The workload's memory: at one place in every process, with a hole that faults. */
#define MEMORY      UINT64_C(0x20000000) /* below what the sanitizers want */
#define MEMORY_SIZE (UINT64_C(2) << 20)
#define HOLE        (MEMORY + (UINT64_C(1) << 20))
#define HOLE_SIZE   8192u
#define BUFFER      (MEMORY + 65536)
static uint8_t *memory;

static void start(void)
{
    struct diag d;
    memory = (uint8_t *)mmap((void *)(uintptr_t)MEMORY, MEMORY_SIZE, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    REQUIRE(memory == (uint8_t *)(uintptr_t)MEMORY);
    host_bad_start = HOLE;
    host_bad_end = HOLE + HOLE_SIZE;
    host_good_start = MEMORY;
    host_good_end = MEMORY + MEMORY_SIZE;
    manifest.cwd = BYTES_STR("/t");
    manifest.mount_count = 1;
    manifest.mounts[0].path = BYTES_STR("/t");
    manifest.mounts[0].size = 16 << 20;
    int err = fs_start(&manifest, &d);
    if (err != 0) {
        printf("# %s\n", d.text);
    }
    REQUIRE(err == 0);
    loopback_start();
}

static int64_t remote(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    return loopback_call(true, number, (const uint64_t[CALL_ARGS]){a, b, c, d});
}

static uint64_t put(uint64_t at, const void *from, size_t n)
{
    memcpy((void *)(uintptr_t)at, from, n);
    return at;
}

static uint64_t path(const char *text)
{
    return put(MEMORY + 512, text, strlen(text) + 1);
}

/* ---- single calls ---------------------------------------------------------------------------- */

static void test_first_path(void)
{
    struct stat st;
    int64_t fd = remote(2, path("/t/a"), O_RDWR | O_CREAT, 0644, 0);
    put(BUFFER, "hello", 5);
    CHECK(fd >= 0 && remote(1, (uint64_t)fd, BUFFER, 5, 0) == 5,
          "a member opens a file of the owner's and writes to it");
    memset((void *)(uintptr_t)BUFFER, 'x', 16);
    CHECK(remote(17, (uint64_t)fd, BUFFER, 16, 0) == 5 &&
              memcmp((void *)(uintptr_t)BUFFER, "helloxxx", 8) == 0,
          "what it reads is in its memory, and nothing else of it has changed");
    CHECK(remote(4, path("/t/a"), BUFFER, 0, 0) == 0 &&
              (memcpy(&st, (void *)(uintptr_t)BUFFER, sizeof st), st.st_size == 5),
          "stat fills its structure");
    CHECK(remote(3, (uint64_t)fd, 0, 0, 0) == 0 && remote(3, (uint64_t)fd, 0, 0, 0) == -EBADF,
          "a descriptor is closed once");
    CHECK(remote(2, path("/t/none"), O_RDONLY, 0, 0) == -ENOENT && remote(999, 0, 0, 0, 0) < 0,
          "errors come back");
}

static void test_memory(void)
{
    int fds[2];
    CHECK(remote(22, BUFFER, 0, 0, 0) == 0, "pipe() tells two descriptors");
    memcpy(fds, (void *)(uintptr_t)BUFFER, sizeof fds);
    unsigned before = loopback_rounds;
    put(BUFFER, "data", 4);
    CHECK(remote(1, (uint64_t)fds[1], BUFFER, 4, 0) == 4 && loopback_rounds == before + 1,
          "a write takes one round");
    CHECK(remote(0, (uint64_t)fds[0], HOLE - 2, 4, 0) == -EFAULT &&
              remote(0, (uint64_t)fds[0], BUFFER, 9, 0) == 4,
          "a read into memory that is not there takes nothing out of a pipe");
    CHECK(remote(2, HOLE, O_RDONLY, 0, 0) == -EFAULT && remote(2, HOLE - 2, 0, 0, 0) < 0,
          "a path that cannot be read is EFAULT");
    const uint64_t iov[4] = {BUFFER, 2, BUFFER + 100, 3};
    before = loopback_rounds;
    put(MEMORY, iov, sizeof iov);
    CHECK(remote(20, (uint64_t)fds[1], MEMORY, 2, 0) == 5 && loopback_rounds == before + 1,
          "a vector comes with what it points at");
    put(BUFFER + 4096, &(int){1}, 4);
    before = loopback_rounds;
    CHECK(remote(16, (uint64_t)fds[0], 0x5421, BUFFER + 4096, 0) == 0 &&
              loopback_rounds == before + 2,
          "what was not foreseen is asked for once");
    CHECK(remote(0, (uint64_t)fds[0], BUFFER, 100, 0) == 5 &&
              remote(0, (uint64_t)fds[0], BUFFER, 100, 0) == -EAGAIN,
          "and the pipe does not block any more");
    remote(3, (uint64_t)fds[0], 0, 0, 0);
    put(BUFFER, "x", 1);
    loopback_server.signals = 0;
    host_raised = 0;
    CHECK(remote(1, (uint64_t)fds[1], BUFFER, 1, 0) == -EPIPE, "a pipe without a reader breaks");
    remote(3, (uint64_t)fds[1], 0, 0, 0);
}

static void test_proc(void)
{
    static const char *const names[] = {"/proc/self/maps", "/proc/self/stat", "/proc/self/status",
                                        "/proc/self/cmdline", "/proc/self/task/7/statm"};
    bool same = true;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        char texts[2][4096];
        int64_t n[2];
        for (int k = 0; k < 2; k++) {
            const uint64_t open[CALL_ARGS] = {path(names[i]), O_RDONLY};
            int64_t fd = loopback_call(k == 1, 2, open);
            const uint64_t read[CALL_ARGS] = {(uint64_t)fd, BUFFER, sizeof texts[0]};
            n[k] = loopback_call(k == 1, 0, read);
            memcpy(texts[k], (void *)(uintptr_t)BUFFER, sizeof texts[k]);
            remote(3, (uint64_t)fd, 0, 0, 0);
        }
        same = same && n[0] > 0 && n[0] == n[1] && memcmp(texts[0], texts[1], (size_t)n[0]) == 0;
    }
    CHECK(same, "the owner asks for what only the member knows about itself");
    int64_t fd = remote(2, path("/proc/self/maps"), O_RDONLY, 0, 0);
    unsigned before = loopback_rounds;
    CHECK(remote(0, (uint64_t)fd, BUFFER, 10, 0) == 10 && loopback_rounds == before + 2 &&
              remote(0, (uint64_t)fd, BUFFER, 10, 0) == 10 && loopback_rounds == before + 3,
          "once for each reading from the start");
    remote(3, (uint64_t)fd, 0, 0, 0);
}

static void test_large(void)
{
    int64_t fd = remote(2, path("/t/large"), O_RDWR | O_CREAT, 0644, 0);
    size_t n = HOLE - BUFFER;
    uint8_t *b = (uint8_t *)(uintptr_t)BUFFER;
    for (size_t i = 0; i < n; i++) {
        b[i] = (uint8_t)(i * 31 + i / 997);
    }
    unsigned before = loopback_rounds;
    CHECK(remote(1, (uint64_t)fd, BUFFER, n, 0) == (int64_t)n &&
              loopback_rounds - before == (n + CALL_DATA_MAX - 1) / CALL_DATA_MAX,
          "a large write is made in parts");
    memset(b, 0, n);
    bool same = remote(17, (uint64_t)fd, BUFFER, n, 0) == (int64_t)n;
    for (size_t i = 0; i < n && same; i++) {
        same = b[i] == (uint8_t)(i * 31 + i / 997);
    }
    CHECK(same, "and a large read");
    const uint64_t iov[6] = {BUFFER, 300000, BUFFER + 300000, 0, BUFFER + 300000, 400000};
    put(MEMORY, iov, sizeof iov);
    CHECK(remote(296, (uint64_t)fd, MEMORY, 3, 7) == 700000 &&
              (memset(b, 0, n), remote(295, (uint64_t)fd, MEMORY, 3, 7) == 700000) && b[600] != 0 &&
              b[699999] == (uint8_t)(699999u * 31 + 699999u / 997),
          "vectors are cut as well");
    CHECK(remote(1, (uint64_t)fd, HOLE - CALL_DATA_MAX, CALL_DATA_MAX + 4096, 0) ==
              (int64_t)CALL_DATA_MAX,
          "what can be read before a fault is written");
    remote(3, (uint64_t)fd, 0, 0, 0);
}

/* ---- random ones, both ways ------------------------------------------------------------------ */

static uint64_t seed;

static uint64_t draw(uint64_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed % below;
}

static uint64_t any_path(void)
{
    static const char *const names[] = {
        "/t/a", "b", "/t/d",  "/t/d/c", "d/../a",  "l",         "/t/d/up",   "/proc/1",
        "/",    "",  "/t/a/", "..",     "/t/none", "/dev/zero", "/dev/null", "/dev"};
    uint64_t r = draw(24);
    return r < ARRAY_SIZE(names) ? path(names[r]) : r == 20 ? 0 : r == 21 ? HOLE - 3 : path("/t/a");
}

static uint64_t any_buffer(void)
{
    switch (draw(12)) {
    case 0:
        return HOLE - draw(5000);
    case 1:
        return 0;
    case 2:
        return UINT64_MAX - draw(100);
    default:
        return BUFFER + draw(60000);
    }
}

static uint64_t any_size(void)
{
    static const uint64_t sizes[] = {0, 1, 5, 100, 4096, 5000, 65536, 70000, 262144, 300000};
    return draw(40) == 0 ? UINT64_MAX : sizes[draw(ARRAY_SIZE(sizes))];
}

static uint64_t any_fd(void)
{
    return draw(16) == 0 ? UINT64_MAX - draw(101) : draw(9);
}

static uint64_t any_iov(uint64_t *ret_count)
{
    uint64_t iov[2 * 6];
    for (size_t i = 0; i < 6; i++) {
        iov[2 * i] = any_buffer();
        iov[2 * i + 1] = draw(3) == 0 ? any_size() : draw(5000);
    }
    *ret_count = draw(30) == 0 ? 2000 : draw(7);
    return put(draw(20) == 0 ? HOLE - 40 : MEMORY + 8192, iov, sizeof iov) == 0 ? 0 : MEMORY + 8192;
}

/* Which arguments a call takes: p path, f descriptor, b buffer, s size, v a vector and its count, i
 * a small number, o open flags, m mode. */
static const struct {
    uint16_t number;
    const char *arguments;
} kinds[] = {
    {0, "fbs"},      {1, "fbs"},      {2, "pom"},    {2, "pom"},    {3, "f"},       {4, "pb"},
    {5, "fb"},       {6, "pb"},       {7, "bi0"},    {8, "fii"},    {17, "fbsi"},   {18, "fbsi"},
    {19, "fv"},      {20, "fv"},      {21, "pi"},    {22, "b"},     {32, "f"},      {33, "ff"},
    {40, "ffbs"},    {72, "fii"},     {77, "fs"},    {79, "bs"},    {80, "p"},      {82, "pp"},
    {83, "pm"},      {84, "p"},       {86, "pp"},    {87, "p"},     {88, "pp"},     {89, "pbs"},
    {90, "pm"},      {217, "fbs"},    {257, "fpom"}, {262, "fpb0"}, {265, "fpfpi"}, {267, "fpbs"},
    {280, "fpbi"},   {293, "bi"},     {295, "fvi"},  {296, "fvi"},  {316, "fpfpi"}, {332, "fpiib"},
    {326, "fbfbs0"}, {275, "fbfbs0"}, {16, "fbb"},   {23, "ibbbb"}, {436, "iii"},   {439, "fpii"},
};

static void random_call(bool remotely, uint64_t *ret_number, int64_t *ret_result)
{
    static const uint64_t open_flags[] = {O_RDONLY,
                                          O_RDWR,
                                          O_WRONLY,
                                          O_RDWR | O_CREAT,
                                          O_RDWR | O_CREAT | O_TRUNC,
                                          O_DIRECTORY,
                                          O_PATH,
                                          O_WRONLY | O_APPEND | O_CREAT};
    uint64_t args[CALL_ARGS] = {0};
    size_t k = draw(ARRAY_SIZE(kinds)), n = 0;
    for (const char *p = kinds[k].arguments; *p != '\0'; p++) {
        switch (*p) {
        case 'p': /* a second one must not take the place of the first */
            args[n] = any_path();
            if (args[n] == MEMORY + 512 && n > 1) {
                args[n] = put(MEMORY + 1024, (void *)(uintptr_t)args[n], 64);
            }
            break;
        case 'f':
            args[n] = any_fd();
            break;
        case 'b':
            args[n] = any_buffer();
            break;
        case 's':
            args[n] = any_size();
            break;
        case 'v':
            args[n] = any_iov(&args[n + 1]);
            n++;
            break;
        case 'o':
            args[n] = open_flags[draw(ARRAY_SIZE(open_flags))];
            break;
        case 'm':
            args[n] = draw(512) | 0600;
            break;
        case 'i':
            args[n] = draw(12);
            break;
        default:
            args[n] = 0;
            break;
        }
        n++;
    }
    *ret_number = kinds[k].number;
    *ret_result = loopback_call(remotely, kinds[k].number, args);
}

/* Times differ between two runs; everything else is the same. */
static void hide_times(uint64_t number)
{
    if (number == 4 || number == 5 || number == 6 || number == 262 || number == 332) {
        memset((void *)(uintptr_t)MEMORY, 0, HOLE - MEMORY);
    }
}

struct step {
    uint64_t number, hash;
    int64_t result;
};
#define STEPS 2000u

static uint64_t hash_memory(void)
{
    uint64_t h = 1469598103934665603u;
    for (uint64_t at = MEMORY; at < MEMORY + MEMORY_SIZE; at += 8) {
        uint64_t w;
        if (at < HOLE || at >= HOLE + HOLE_SIZE) {
            memcpy(&w, (void *)(uintptr_t)at, 8);
            h = (h ^ w) * 1099511628211u;
        }
    }
    return h;
}

static void run_random(bool remotely, uint64_t with_seed, int to)
{
    start();
    seed = with_seed;
    for (unsigned i = 0; i < STEPS; i++) {
        struct step s;
        random_call(remotely, &s.number, &s.result);
        hide_times(s.number);
        s.hash = i % 16 == 0 ? hash_memory() : 0;
        REQUIRE(write(to, &s, sizeof s) == (ssize_t)sizeof s);
    }
    _exit(0);
}

/* not_its: the other run's end, which must end with its reader. */
static int start_random(bool remotely, uint64_t with_seed, int not_its)
{
    int fds[2];
    REQUIRE(pipe(fds) == 0);
    fflush(stdout);
    if (fork() == 0) {
        close(not_its);
        close(fds[0]);
        run_random(remotely, with_seed, fds[1]);
    }
    close(fds[1]);
    return fds[0];
}

static bool read_step(int fd, struct step *ret)
{
    return read(fd, ret, sizeof *ret) == (ssize_t)sizeof *ret;
}

static void test_random(uint64_t with_seed)
{
    int here = start_random(false, with_seed, -1), there = start_random(true, with_seed, here);
    struct step a, b;
    unsigned same = 0, good = 0;
    while (read_step(here, &a) && read_step(there, &b) && a.number == b.number &&
           a.result == b.result && a.hash == b.hash) {
        same++;
        good += a.result >= 0;
    }
    if (same < STEPS) {
        printf("# step %u: call %llu gives %lld here and %lld there%s\n", same,
               (unsigned long long)a.number, (long long)a.result, (long long)b.result,
               a.hash != b.hash ? ", and other bytes" : "");
    }
    close(here);
    close(there);
    while (wait(NULL) > 0) {
    }
    CHECK(same == STEPS, "random calls do there what they do here (seed %llu, %u of %u succeed)",
          (unsigned long long)with_seed, good, same);
}

/* ---- bytes ----------------------------------------------------------------------------------- */

static void test_codec(void)
{
    struct call_ranges r = {.count = 0}, back = {.count = 0};
    struct call_head head = {.kind = CALL_SYSCALL, .number = 1, .sequence = 9};
    uint8_t bytes[512];
    struct call_message m;
    REQUIRE(call_ranges_add(&r, RANGE_DATA, 100, "abc", 3) == 0 &&
            call_ranges_add(&r, RANGE_DATA, 103, "defgh", 5) == 0 &&
            call_ranges_add(&r, RANGE_BAD, 4096, NULL, 10) == 0 &&
            call_ranges_add(&r, RANGE_DATA, 200, "z", 1) == 0);
    size_t n = call_encoded_size(&r);
    REQUIRE(n <= sizeof bytes - 8);
    call_encode(&head, &r, bytes);
    CHECK(call_decode(BYTES(bytes, n), &m) == 0 && m.head.range_count == 3 &&
              call_ranges_take(&back, &m) == 0 &&
              call_ranges_find(&back, RANGE_DATA, 102).size == 6 &&
              call_ranges_find(&back, RANGE_DATA, 102).data[1] == 'd' &&
              call_ranges_find(&back, RANGE_DATA, 200).data[0] == 'z' &&
              call_ranges_find(&back, RANGE_DATA, 99).size == 0 &&
              call_ranges_holds(&back, RANGE_BAD, 4090, 7) &&
              !call_ranges_holds(&back, RANGE_BAD, 4090, 6),
          "ranges that touch become one, and come back as they were");
    bool all = true;
    for (size_t k = 0; k < n; k++) {
        all = all && call_decode(BYTES(bytes, k), &m) == -EINVAL;
    }
    bytes[n] = 0;
    CHECK(all && call_decode(BYTES(bytes, n + 8), &m) == -EINVAL,
          "a message that is cut, or too long, is refused");
    bytes[n - 1] = 1; /* the padding of "z" */
    CHECK(call_decode(BYTES(bytes, n), &m) == -EINVAL, "so is one with something in its padding");
    call_ranges_free(&r);
    call_ranges_free(&back);
}

int main(int argc, char **argv)
{
    if (argc > 2) { /* "seed remote" or "seed local": one run, for a debugger */
        run_random(strcmp(argv[2], "remote") == 0, strtoull(argv[1], NULL, 10), STDOUT_FILENO);
    }
    test_codec();
    for (uint64_t s = 1; s <= (argc > 1 ? strtoull(argv[1], NULL, 10) : 6); s++) {
        test_random(s * UINT64_C(0x9e3779b97f4a7c15));
    }
    start();
    test_first_path();
    test_memory();
    test_proc();
    test_large();
    return tap_done();
}
