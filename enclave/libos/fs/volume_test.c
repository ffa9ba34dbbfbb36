/* SPDX-License-Identifier: Apache-2.0 */
/* Sealed volumes against a host that flips, swaps, cuts, replays and stops, and against themselves:
 * what was acknowledged is there after a stop at any write. Each life of an enclave is a process of
 * its own, as it is outside: the file system keeps no state between them but the volume's file. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "catalogue.h"
#include "test_host.h"
#include "tests/tap.h"

#define FILE_MAX  (UINT64_C(64) << 20)
#define PAIRS_MAX (1u << 21)

/* Survives the lives: the volume's file and what a life reports. */
static struct shared {
    uint64_t size;
    uint64_t acknowledged; /* steps whose commit succeeded */
    uint64_t found;        /* what the life found or measured */
    int64_t result;
    char text[512];
    uint64_t sealed, repeated; /* (key, nonce) pairs over all lives of this test */
    uint64_t pairs[PAIRS_MAX]; /* their hashes, by the hash */
    uint8_t data[FILE_MAX];
} * disk;

/* Two pairs with one hash of 64 bits are no chance. */
static void note_pair(const uint8_t key[32], const uint8_t nonce[12])
{
    uint64_t h =
        load_le64(key) ^ load_le64(nonce) * UINT64_C(0x9e3779b97f4a7c15) ^ load_le64(key + 8);
    h = (h ^ h >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
    h = (h ^ h >> 32) | 1;
    size_t at = (size_t)(h >> 8) % PAIRS_MAX;
    while (disk->pairs[at] != 0 && disk->pairs[at] != h) {
        at = (at + 1) % PAIRS_MAX;
    }
    disk->repeated += disk->pairs[at] == h;
    disk->pairs[at] = h;
    disk->sealed++;
    REQUIRE(disk->sealed < PAIRS_MAX / 2);
}

static enum manifest_mount_key key_kind;
static uint64_t writes_left = UINT64_MAX, volume_size = 8 << 20;
static size_t torn;
static const char *volume_name = "data";

static app_ptr s(const char *text)
{
    return host_app(text);
}

static struct manifest *a_manifest(void)
{
    static struct manifest m;
    m.uid = m.gid = 1000;
    m.cwd = BYTES_STR("/");
    m.mount_count = 1;
    m.mounts[0] = (struct manifest_mount){.path = BYTES_STR("/data"),
                                          .size = volume_size,
                                          .kind = MOUNT_SEALED,
                                          .key = key_kind,
                                          .name = host_bytes(volume_name)};
    return &m;
}

static void exit_life(int status)
{
    disk->size = host_volumes[0].size;
    REQUIRE(disk->size <= FILE_MAX || disk->size == UINT64_MAX);
    if (host_volumes[0].data != NULL && disk->size != UINT64_MAX) {
        memcpy(disk->data, host_volumes[0].data, disk->size);
    }
    fflush(stdout);
    _exit(status);
}

/* Runs body in a process whose file system begins with what is on the disk. body's result is the
 * life's; a refusal to start is the error with the sentence in disk->text. */
static int64_t life(int64_t (*body)(void))
{
    fflush(stdout);
    disk->result = -1000;
    disk->text[0] = 0;
    pid_t pid = fork();
    if (pid == 0) {
        struct diag d = {""};
        host_volumes[0].size = disk->size;
        if (disk->size != UINT64_MAX) {
            host_volumes[0].data = malloc(disk->size + 1);
            memcpy(host_volumes[0].data, disk->data, disk->size);
        }
        host_volume_writes_left = writes_left;
        host_volume_torn = torn;
        int err = fs_start(a_manifest(), &d);
        snprintf(disk->text, sizeof disk->text, "%s", d.text);
        disk->result = err != 0 ? err : body();
        exit_life(0);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    if (status != 0) {
        printf("# a life ended with status %x\n", status);
        return -1001;
    }
    return disk->result;
}

static int64_t put(const char *path, const void *data, size_t n)
{
    int64_t fd = sys_open(s(path), O_WRONLY | O_CREAT | O_TRUNC, 0640);
    if (fd < 0) {
        return fd;
    }
    int64_t done = sys_write((int)fd, host_app(data), n);
    int64_t closed = sys_close((int)fd);
    return closed != 0 ? closed : done == (int64_t)n ? 0 : done < 0 ? done : -ENOSPC;
}

static int64_t get(const char *path, void *to, size_t n)
{
    int64_t fd = sys_open(s(path), O_RDONLY, 0);
    if (fd < 0) {
        return fd;
    }
    int64_t done = sys_read((int)fd, host_app(to), n);
    sys_close((int)fd);
    return done;
}

/* ---- the same files afterwards --------------------------------------------------------------- */

static uint8_t big[3 << 20], back[3 << 20];

static void fill(uint8_t *p, size_t n, uint64_t seed)
{
    for (size_t i = 0; i < n; i++) {
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
        p[i] = (uint8_t)(seed >> 56);
    }
}

static int64_t make_files(void)
{
    fill(big, sizeof big, 1);
    int64_t e = sys_mkdir(s("/data/dir"), 0750);
    e = e != 0 ? e : sys_mkdir(s("/data/dir/deeper"), 0700);
    e = e != 0 ? e : put("/data/secret-name", "hello", 5);
    e = e != 0 ? e : put("/data/dir/big", big, sizeof big);
    e = e != 0 ? e : put("/data/empty", "", 0);
    e = e != 0 ? e : sys_link(s("/data/secret-name"), s("/data/dir/deeper/again"));
    e = e != 0 ? e : sys_symlink(s("dir/big"), s("/data/link"));
    e = e != 0 ? e : sys_chmod(s("/data/empty"), 0601);
    int64_t fd = sys_open(s("/data/hole"), O_RDWR | O_CREAT, 0600);
    e = e != 0 ? e : sys_ftruncate((int)fd, 5 << 20);
    e = e != 0 ? e : sys_pwrite64((int)fd, s("x"), 1, 2000001) == 1 ? 0 : -1;
    e = e != 0 ? e : sys_fsync((int)fd);
    return e;
}

static int64_t check_files(void)
{
    struct stat a, b;
    char text[64] = "";
    fill(big, sizeof big, 1);
    bool good = get("/data/secret-name", text, sizeof text) == 5 && memcmp(text, "hello", 5) == 0;
    good = good && get("/data/link", back, sizeof back) == (int64_t)sizeof big &&
           memcmp(back, big, sizeof big) == 0;
    good = good && sys_stat(s("/data/secret-name"), host_app(&a)) == 0 &&
           sys_stat(s("/data/dir/deeper/again"), host_app(&b)) == 0 && a.st_ino == b.st_ino &&
           a.st_nlink == 2 && (a.st_mode & 0777) == 0640;
    good = good && sys_stat(s("/data/empty"), host_app(&a)) == 0 && a.st_size == 0 &&
           (a.st_mode & 0777) == 0601;
    good = good && sys_stat(s("/data"), host_app(&a)) == 0 && a.st_nlink == 3 &&
           sys_stat(s("/data/dir/deeper"), host_app(&a)) == 0 && a.st_nlink == 2 &&
           (a.st_mode & 0777) == 0700;
    good = good && sys_stat(s("/data/hole"), host_app(&a)) == 0 && a.st_size == 5 << 20 &&
           a.st_blocks == 8;
    int64_t fd = sys_open(s("/data/hole"), O_RDONLY, 0);
    good = good && sys_pread64((int)fd, host_app(back), 4096, 2000000) == 4096 && back[0] == 0 &&
           back[1] == 'x' && back[2] == 0;
    return good ? 0 : -1;
}

static int64_t change_files(void)
{
    char text[8];
    int64_t e = sys_rename(s("/data/dir/big"), s("/data/moved"));
    e = e != 0 ? e : sys_unlink(s("/data/link"));
    e = e != 0 ? e : sys_unlink(s("/data/secret-name"));
    e = e != 0 ? e : sys_truncate(s("/data/moved"), 600000);
    e = e != 0 ? e : sys_truncate(s("/data/hole"), 3);
    e = e != 0 ? e : sys_truncate(s("/data/hole"), 2 << 20);
    int64_t fd = sys_open(s("/data/dir"), O_RDONLY | O_DIRECTORY, 0);
    e = e != 0 ? e : sys_fsync((int)fd);
    return e != 0 ? e : get("/data/dir/deeper/again", text, sizeof text) == 5 ? 0 : -1;
}

static int64_t check_changed(void)
{
    struct stat a;
    fill(big, sizeof big, 1);
    bool good = get("/data/moved", back, sizeof back) == 600000 && memcmp(back, big, 600000) == 0;
    good = good && get("/data/hole", back, sizeof back) == 2 << 20;
    for (size_t i = 0; i < 2 << 20 && good; i++) {
        good = back[i] == 0;
    }
    good = good && sys_stat(s("/data/link"), host_app(&a)) == -ENOENT &&
           sys_stat(s("/data/dir/deeper/again"), host_app(&a)) == 0 && a.st_nlink == 1 &&
           sys_stat(s("/data/dir/big"), host_app(&a)) == -ENOENT;
    return good ? 0 : -1;
}

static int64_t nothing(void)
{
    return 0;
}

static int64_t read_root(void)
{
    int64_t n = get("/dev/volumes/data/root", disk->text, sizeof disk->text - 1);
    disk->text[n > 0 ? n - 1 : 0] = 0; /* without the end of the line */
    return n > 66 ? 0 : -1;
}

static bool has_text(const uint8_t *p, size_t n, const char *text)
{
    return memmem(p, n, text, strlen(text)) != NULL;
}

static void new_disk(void)
{
    memset(disk->data, 0, FILE_MAX);
    disk->size = 0;
}

static void test_life_after_life(void)
{
    new_disk();
    CHECK(life(make_files) == 0, "files are made in a volume that never was: %s", disk->text);
    CHECK(life(check_files) == 0, "the next enclave finds bytes, holes, links, modes, directories");
    CHECK(!has_text(disk->data, disk->size, "secret-name") &&
              !has_text(disk->data, disk->size, "hello") &&
              !has_text(disk->data, disk->size, "alcove volume"),
          "the host's file has neither names nor content");
    CHECK(disk->size % (64 << 12) == 0 || disk->size % (16 << 12) == 0,
          "its size is one of few: %llu", (unsigned long long)disk->size);
    char before[512];
    CHECK(life(read_root) == 0, "the root is told");
    memcpy(before, disk->text, sizeof before);
    CHECK(life(check_files) == 0 && life(read_root) == 0 && strcmp(before, disk->text) == 0,
          "reading makes no new state: %s", disk->text);
    CHECK(life(change_files) == 0 && life(check_changed) == 0,
          "renaming, removing and truncating last, too");
    CHECK(life(read_root) == 0 && strcmp(before, disk->text) != 0,
          "and the root is another one: %s", disk->text);
}

/* Many opens that each write: keys are given up, blocks are used again. */
static int64_t small_change(void)
{
    disk->found++;
    return put("/data/counter", &disk->found, sizeof disk->found);
}

static int64_t check_counter(void)
{
    uint64_t found = 0;
    return get("/data/counter", &found, sizeof found) == 8 && found == disk->found ? 0 : -1;
}

static void test_many_opens(void)
{
    new_disk();
    disk->found = 0;
    bool good = life(make_files) == 0;
    uint64_t size = disk->size;
    for (int i = 0; i < 200 && good; i++) {
        good = life(small_change) == 0;
    }
    CHECK(good && life(check_counter) == 0 && life(check_files) == 0,
          "after 200 opens that wrote, everything is there");
    CHECK(disk->size == size, "and the file has not grown");
}

/* ---- the host lies --------------------------------------------------------------------------- */

static uint8_t *copy_disk(void)
{
    uint8_t *copy = malloc(disk->size);
    memcpy(copy, disk->data, disk->size);
    return copy;
}

static void test_flips(void)
{
    static const struct {
        size_t at;
        const char *what;
    } fields[] = {{0, "magic"},  {8, "key kind"},   {10, "ISVSVN"},    {12, "CONFIGSVN"},
                  {14, "zeros"}, {16, "CPUSVN"},    {32, "KEYID"},     {64, "zeros"},
                  {80, "salt"},  {112, "zeros"},    {128, "tag"},      {144, "sequence"},
                  {152, "size"}, {160, "length"},   {168, "root ref"}, {200, "key map"},
                  {208, "keys"}, {2300, "padding"}, {4095, "the end"}};
    new_disk();
    REQUIRE(life(make_files) == 0);
    uint8_t *good = copy_disk();
    uint64_t size = disk->size;
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        disk->data[fields[i].at] ^= 1;
        disk->data[4096 + fields[i].at] ^= 1;
        CHECK(life(nothing) == -EKEYREJECTED &&
                  strstr(disk->text, "volume data: neither root") != NULL,
              "root records with %s flipped are refused", fields[i].what);
        memcpy(disk->data, good, size);
        disk->size = size;
    }
    size_t refused = 0, silent = 0, tried = 0;
    for (size_t block = 2; block < size / 4096; block += 7) {
        disk->data[block * 4096 + block % 4096] ^= 0x10;
        int64_t r = life(check_files);
        refused += r == -EBADMSG && strstr(disk->text, "volume data: block ") != NULL;
        silent += r == 0; /* a block that nothing refers to */
        tried++;
        disk->data[block * 4096 + block % 4096] ^= 0x10;
    }
    CHECK(refused + silent == tried && refused > tried / 3,
          "a flipped bit in any block: %zu refused by name, %zu in blocks without meaning", refused,
          silent);
    refused = 0;
    for (size_t block = 10; block < 40; block += 3) {
        uint8_t one[4096];
        memcpy(one, disk->data + block * 4096, 4096);
        memcpy(disk->data + block * 4096, disk->data + (block + 1) * 4096, 4096);
        memcpy(disk->data + (block + 1) * 4096, one, 4096);
        refused += life(nothing) == -EBADMSG;
        memcpy(disk->data, good, size);
    }
    CHECK(refused == 10, "swapped blocks are refused");
    disk->size = 20 * 4096;
    CHECK(life(nothing) == -EBADMSG && strstr(disk->text, "truncated") != NULL,
          "a truncated file is refused: %s", disk->text);
    disk->size = 5000;
    CHECK(life(nothing) == -EKEYREJECTED, "a file shorter than the records: %s", disk->text);
    disk->size = UINT64_MAX;
    CHECK(life(nothing) == -ENOENT && strstr(disk->text, "--volume data=PATH") != NULL,
          "no file: %s", disk->text);
    disk->size = size;
    memcpy(disk->data, good, size);
    host_identity = 1;
    CHECK(life(nothing) == -EKEYREJECTED, "another enclave cannot open it");
    host_identity = 0;
    volume_name = "date";
    CHECK(life(nothing) == -EKEYREJECTED, "nor can this one under another name");
    volume_name = "data";
    volume_size = 1 << 20;
    CHECK(life(nothing) < 0, "a smaller mount refuses it: %s", disk->text);
    volume_size = 8 << 20;
    CHECK(life(check_files) == 0, "unharmed it opens");
    free(good);
}

/* ---- key: program, minimum ------------------------------------------------------------------- */

static uint8_t program_key[32] = "0123456789abcdef0123456789abcde";
static char minimum[520];

static int64_t write_control(const char *path, const void *data, size_t n)
{
    int64_t fd = sys_open(s(path), O_WRONLY, 0);
    int64_t r = fd < 0 ? fd : sys_write((int)fd, host_app(data), n);
    sys_close((int)fd);
    return r == (int64_t)n ? 0 : r;
}

static int64_t give_key(void)
{
    if (minimum[0] != 0) {
        int64_t r = write_control("/dev/volumes/data/minimum", minimum, strlen(minimum));
        if (r != 0) {
            return r;
        }
    }
    return write_control("/dev/volumes/data/key", program_key, 32);
}

static int64_t with_key_make(void)
{
    int64_t early = put("/data/early", "x", 1);
    int64_t r = early == -EROFS ? write_control("/dev/volumes/data/key", program_key, 31) : -1;
    r = r == -EINVAL ? give_key() : -2;
    r = r != 0 ? r : make_files();
    r = r != 0 ? r : write_control("/dev/volumes/data/key", program_key, 32);
    return r == -EBUSY ? read_root() : -3;
}

static int64_t with_key_check(void)
{
    int64_t r = give_key();
    return r != 0 ? r : check_files();
}

static int64_t with_key_change(void)
{
    int64_t r = give_key();
    r = r != 0 ? r : put("/data/new", "new", 3);
    return r != 0 ? r : read_root();
}

static int64_t wrong_then_right(void)
{
    char text[300] = "";
    program_key[3] ^= 1;
    int64_t r = give_key();
    program_key[3] ^= 1;
    get("/dev/volumes/data/status", text, sizeof text - 1);
    return r == -EKEYREJECTED && strstr(text, "authenticates") != NULL ? with_key_check() : -1;
}

static void test_program_key(void)
{
    char old_root[512], new_root[512];
    new_disk();
    key_kind = MOUNT_KEY_PROGRAM;
    CHECK(life(with_key_make) == 0, "before its key a volume is empty and read-only, after it not");
    snprintf(old_root, sizeof old_root, "%s", disk->text);
    uint8_t *old = copy_disk();
    uint64_t old_size = disk->size;
    host_identity = 1;
    CHECK(life(with_key_check) == 0, "another enclave with the same key opens it");
    CHECK(life(wrong_then_right) == 0, "a wrong key is refused, the right one taken afterwards");
    CHECK(life(with_key_change) == 0, "and writes");
    snprintf(new_root, sizeof new_root, "%s", disk->text);
    snprintf(minimum, sizeof minimum, "%s", new_root);
    CHECK(life(with_key_check) == 0, "the state that is the minimum is good: %s", new_root);
    char *digit = &minimum[strlen(minimum) - 5];
    *digit = *digit == '0' ? '1' : '0';
    CHECK(life(with_key_check) == -ESTALE, "the same number with another root is refused");
    snprintf(minimum, sizeof minimum, "%s", old_root);
    CHECK(life(with_key_check) == 0, "a newer state than the minimum is good");
    memcpy(disk->data, old, old_size);
    disk->size = old_size;
    snprintf(minimum, sizeof minimum, "%s", new_root);
    CHECK(life(with_key_check) == -ESTALE, "an older file is refused when the minimum is known");
    minimum[0] = 0;
    CHECK(life(with_key_check) == 0, "and accepted as the older state when it is not");
    disk->size = 0;
    snprintf(minimum, sizeof minimum, "1\n");
    CHECK(life(with_key_check) == -ESTALE, "an empty file is older than any state");
    static const char *const bad[] = {"x", "1x", "1 00", " 1", "99999999999999999999999", "\n"};
    size_t refused = 0;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        snprintf(minimum, sizeof minimum, "%s", bad[i]);
        refused += life(with_key_check) == -EINVAL;
    }
    CHECK(refused == ARRAY_SIZE(bad), "minima that are none are refused");
    minimum[0] = 0;
    host_identity = 0;
    key_kind = MOUNT_KEY_IDENTITY;
    free(old);
}

/* ---- the host stops -------------------------------------------------------------------------- */

#define STEPS 12u

static int64_t step_write(uint64_t step)
{
    char path[64];
    static uint8_t data[300000];
    snprintf(path, sizeof path, "/data/file%llu", (unsigned long long)(step % 5));
    fill(data, sizeof data, step + 1);
    int64_t r = put(path, data, 1000 + (step * 7919) % (sizeof data - 1000));
    return r != 0 ? r : put("/data/step", &step, sizeof step);
}

static int64_t steps(void)
{
    disk->acknowledged = 0;
    for (uint64_t i = 1; i <= STEPS; i++) {
        if (step_write(i) != 0) {
            return i == 1 || sys_mkdir(s("/data/x"), 0700) == -EROFS ? 0 : -1;
        }
        disk->acknowledged = i;
    }
    return 0;
}

/* The state after the last acknowledged step, or any later one that was complete. */
static int64_t check_steps(void)
{
    uint64_t step = 0;
    static uint8_t want[300000], got[300001];
    int64_t r = get("/data/step", &step, sizeof step);
    if (r != (int64_t)sizeof step && !(r == -ENOENT && disk->acknowledged == 0)) {
        return -1;
    }
    if (step < disk->acknowledged || step > disk->acknowledged + 1) {
        return -2;
    }
    for (uint64_t f = 0; f < 5; f++) {
        char path[64];
        uint64_t last = 0; /* newest step that wrote that file; one more may have come through */
        for (uint64_t i = 1; i <= step; i++) {
            last = i % 5 == f ? i : last;
        }
        snprintf(path, sizeof path, "/data/file%llu", (unsigned long long)f);
        int64_t n = get(path, got, sizeof got);
        bool good = false;
        for (uint64_t i = last; i <= step + 1; i++) {
            if (i == 0) {
                good = good || n == -ENOENT;
            } else if (i % 5 == f) {
                fill(want, sizeof want, i + 1);
                int64_t size = (int64_t)(1000 + (i * 7919) % (sizeof want - 1000));
                good = good || (n == size && memcmp(want, got, (size_t)size) == 0) || n == 0;
            }
        }
        if (!good) {
            return -3;
        }
    }
    return step_write(99) == 0 ? 0 : -4; /* and it goes on from there */
}

static void test_crashes(void)
{
    uint64_t stops = 0, lost = 0, seed = 20261122;
    for (uint64_t at = 0;; at++) {
        new_disk();
        seed = seed * UINT64_C(6364136223846793005) + 1;
        writes_left = at;
        torn = (size_t)(seed >> 40) % 5000;
        torn = torn % 3 == 0 ? 0 : torn;
        int64_t r = life(steps);
        writes_left = UINT64_MAX;
        bool all = disk->acknowledged == STEPS;
        int64_t checked = life(check_steps);
        if (r != 0 || checked != 0) {
            printf("# stop at %llu, torn %zu: %lld %lld: %s\n", (unsigned long long)at, torn,
                   (long long)r, (long long)checked, disk->text);
            lost++;
        }
        stops++;
        if (all) {
            break;
        }
    }
    torn = 0;
    CHECK(lost == 0,
          "stopped at each of %llu writes, seed 20261122: all that was acknowledged is there",
          (unsigned long long)stops);
}

/* ---- no (key, nonce) twice, the catalogue's reader ------------------------------------------- */

static int64_t one_write(void)
{
    return put("/data/same", "the same bytes", 14);
}

static void test_clones(void)
{
    new_disk();
    REQUIRE(life(make_files) == 0);
    uint8_t *before = copy_disk();
    uint64_t size = disk->size;
    REQUIRE(life(one_write) == 0);
    uint8_t *one = copy_disk();
    memcpy(disk->data, before, size);
    disk->size = size;
    REQUIRE(life(one_write) == 0);
    size_t changed = 0, equal = 0;
    for (size_t b = 0; b < size / 4096; b++) {
        if (memcmp(one + b * 4096, before + b * 4096, 4096) != 0) {
            changed++;
            equal += memcmp(one + b * 4096, disk->data + b * 4096, 16) == 0 && b >= 2;
        }
    }
    CHECK(changed >= 3 && equal == 0,
          "two enclaves that go on from one file write the same under different keys");
    free(before);
    free(one);
}

static void test_catalogue(void)
{
    uint8_t buffer[512];
    struct catalogue_node n = {.mode = S_IFLNK | 0777, .size = 3, .link = BYTES_STR("abc")}, n2;
    struct catalogue_name d = {1, 2, BYTES_STR("name")}, d2;
    struct writer w = writer_of(buffer, sizeof buffer);
    catalogue_put_node(&w, &n);
    catalogue_put_name(&w, &d);
    struct cursor c = cursor_of(BYTES(buffer, w.size));
    CHECK(w.size == CATALOGUE_NODE_SIZE + 3 + CATALOGUE_NAME_SIZE + 4 &&
              catalogue_next(&c, &n2, &d2) == CATALOGUE_NODE && n2.mode == n.mode &&
              bytes_equal(n2.link, n.link) && catalogue_next(&c, &n2, &d2) == CATALOGUE_NAME &&
              d2.parent == 1 && d2.node == 2 && bytes_equal(d2.name, d.name) &&
              catalogue_next(&c, &n2, &d2) == CATALOGUE_END,
          "records read back as written");
    size_t bad = 0, cuts = 0;
    for (size_t cut = 1; cut < w.size; cut++) {
        c = cursor_of(BYTES(buffer, cut));
        enum catalogue_kind k;
        while ((k = catalogue_next(&c, &n2, &d2)) == CATALOGUE_NODE || k == CATALOGUE_NAME) {
        }
        cuts++;
        bad += k == CATALOGUE_BAD || cut == CATALOGUE_NODE_SIZE + 3;
    }
    CHECK(bad == cuts, "a catalogue cut anywhere inside a record is refused");
    static const char *const names[] = {"", ".", "..", "a/b"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        w = writer_of(buffer, sizeof buffer);
        d.name = host_bytes(names[i]);
        catalogue_put_name(&w, &d);
        c = cursor_of(BYTES(buffer, w.size));
        CHECK(catalogue_next(&c, &n2, &d2) == CATALOGUE_BAD, "\"%s\" is not a name", names[i]);
    }
}

int main(void)
{
    disk = mmap(NULL, sizeof *disk, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(disk != MAP_FAILED);
    host_on_seal = note_pair;
    test_catalogue();
    test_life_after_life();
    test_program_key();
    test_flips();
    test_clones();
    test_many_opens();
    test_crashes();
    CHECK(
        disk->repeated == 0 && disk->sealed > 10000,
        "no key met a nonce twice in any of these lives, clones and returns to older files (%llu)",
        (unsigned long long)disk->sealed);
    return tap_done();
}
