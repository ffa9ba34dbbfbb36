/* SPDX-License-Identifier: Apache-2.0 */
/* The volume's files over a plain folder: batches happen or do not, and what is written is as long
 * as it says. */
#include "files.h"

#include "tests/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char top[] = "/tmp/custodian-files-XXXXXX", folder[64], control[64];
static struct files files = {.folder = folder, .control = control};
static struct custodian_volume v;

static const char *path(const char *in, const char *name)
{
    static char ret[160];
    (void)snprintf(ret, sizeof ret, "%s/%s", in, name);
    return ret;
}

static void put(const char *name, const char *text)
{
    FILE *f = fopen(path(control, name), "w");
    REQUIRE(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0);
}

static bool holds(const char *in, const char *name, const char *text, size_t size)
{
    uint8_t content[256] = {0}, wanted[256] = {0};
    struct stat st;
    memcpy(wanted, text, strlen(text));
    int fd = open(path(in, name), O_RDONLY);
    bool good = fd >= 0 && read(fd, content, sizeof content) >= 0 &&
                stat(path(in, name), &st) == 0 && (size_t)st.st_size == size &&
                memcmp(content, wanted, sizeof wanted) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return good;
}

static size_t listed;
static void count(void *to, const char *name)
{
    (void)to;
    (void)name;
    listed++;
}
static size_t files_there(void)
{
    listed = 0;
    REQUIRE(v.list(v.context, count, NULL) == 0);
    return listed;
}

static void test_open(void)
{
    static const char secret[] = "a secret of thirty-two bytes ...";
    struct volume_state state, minimum = {.sequence = 7, .root = {{0xab}}};
    struct diag d;
    put("key", "");
    put("minimum", "");
    put("status", "no key yet\n");
    CHECK(v.open(v.context, (const uint8_t *)secret, &minimum, &d) == 0 &&
              holds(control, "key", secret, 32) &&
              holds(control, "minimum",
                    "7 ab00000000000000000000000000000000000000000000000000000000000000", 66),
          "opening writes minimum and key");
    put("root", "12 "
                "cd00000000000000000000000000000000000000000000000000000000000001\n");
    CHECK(v.state(v.context, &state) == 0 && state.sequence == 12 && state.root.data[0] == 0xcd &&
              state.root.data[31] == 1,
          "the state is read");
    put("root", "");
    CHECK(v.state(v.context, &state) == -EIO, "an empty one is none");
    put("root", "12 cd");
    CHECK(v.state(v.context, &state) == -EIO, "nor is a short one");
    unlink(path(control, "key"));
    CHECK(v.open(v.context, (const uint8_t *)secret, &minimum, &d) == -ENOENT &&
              strstr(d.text, "no key yet") != NULL,
          "a refusal says why");
}

static void test_change(void)
{
    static uint8_t large[100000];
    uint8_t some[8];
    size_t size;
    const struct volume_change first[] = {
        {.name = "one", .head = BYTES_STR("head,"), .data = BYTES_STR("data"), .size = 4096},
        {.name = "two", .data = BYTES_OF(large), .size = 200000},
        {.name = "three"}};
    CHECK(v.change(v.context, first, 3) == 0 && holds(folder, "one", "head,data", 4096) &&
              files_there() == 2,
          "a batch is written, with zeros behind");
    struct stat st;
    REQUIRE(stat(path(folder, "two"), &st) == 0);
    CHECK(st.st_size == 200000 && st.st_blocks * 512 >= 200000, "which are no holes");
    CHECK(v.read(v.context, "one", some, sizeof some, &size) == 0 && size == sizeof some &&
              memcmp(some, "head,dat", 8) == 0,
          "the beginning of a file is read");
    CHECK(v.read(v.context, "four", some, sizeof some, &size) == -ENOENT,
          "what is not there is not");
    struct rlimit old, small = {.rlim_cur = 65536, .rlim_max = RLIM_INFINITY};
    REQUIRE(getrlimit(RLIMIT_FSIZE, &old) == 0);
    small.rlim_max = old.rlim_max;
    REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0);
    const struct volume_change second[] = {
        {.name = "one", .data = BYTES_STR("other"), .size = 4096},
        {.name = "two"},
        {.name = "big", .data = BYTES_OF(large), .size = sizeof large}};
    CHECK(v.change(v.context, second, 3) == -ENOSPC, "what does not fit");
    REQUIRE(setrlimit(RLIMIT_FSIZE, &old) == 0);
    CHECK(holds(folder, "one", "head,data", 4096) && files_there() == 2, "changes nothing");
    const struct volume_change third[] = {{.name = "one"}, {.name = "two"}};
    CHECK(v.change(v.context, third, 2) == 0 && files_there() == 0,
          "removals alone are a batch too");
    rmdir(folder);
    CHECK(v.change(v.context, first, 3) == -EIO, "without its folder nothing is written");
}

int main(void)
{
    signal(SIGXFSZ, SIG_IGN);
    REQUIRE(mkdtemp(top) != NULL);
    (void)snprintf(folder, sizeof folder, "%s/data", top);
    (void)snprintf(control, sizeof control, "%s/control", top);
    REQUIRE(mkdir(folder, 0700) == 0 && mkdir(control, 0700) == 0);
    v = files_volume(&files);
    test_open();
    test_change();
    static const char *const left[] = {"key", "minimum", "root", "status"};
    for (size_t i = 0; i < ARRAY_SIZE(left); i++) {
        unlink(path(control, left[i]));
    }
    rmdir(control);
    rmdir(top);
    return tap_done();
}
