/* SPDX-License-Identifier: Apache-2.0 */
/* /dev/attestation as a program sees it, over a stand-in for the runtime: names, sizes, when
 * content is made, what is refused. What is true of REPORTs and quotes is
 * tests/e2e/attestation-device.sh's. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "test_host.h"
#include "tests/tap.h"

#define D "/dev/attestation/"

static char buffer[QUOTE_SIZE_MAX + 1];

static int64_t open_file(const char *name, int flags)
{
    char path[100];
    snprintf(path, sizeof path, D "%s", name);
    return sys_open(host_app(path), flags, 0);
}

static int64_t read_file(const char *name)
{
    int64_t fd = open_file(name, O_RDONLY);
    memset(buffer, 0x55, sizeof buffer);
    int64_t n = fd < 0 ? fd : sys_read((int)fd, host_app(buffer), sizeof buffer);
    if (fd >= 0) {
        sys_close((int)fd);
    }
    return n;
}

static int64_t write_file(const char *name, const void *data, size_t size)
{
    int64_t fd = open_file(name, O_WRONLY | O_TRUNC);
    int64_t n = fd < 0 ? fd : sys_write((int)fd, host_app(data), size);
    if (fd >= 0) {
        sys_close((int)fd);
    }
    return n;
}

static void test_values(void)
{
    uint8_t data[513] = {1, 2, 3, 4};
    static const uint8_t zeros[512];
    CHECK(read_file("attestation_type") == 4 && memcmp(buffer, "dcap", 4) == 0,
          "attestation_type is dcap");
    CHECK(read_file("user_report_data") == 64 && memcmp(buffer, zeros, 64) == 0,
          "report data are 64 zeros at first");
    CHECK(write_file("user_report_data", data, 64) == 64 && read_file("user_report_data") == 64 &&
              memcmp(buffer, data, 64) == 0,
          "report data are read as they were written");
    CHECK(write_file("user_report_data", "ab", 2) == 2 && read_file("user_report_data") == 64 &&
              memcmp(buffer, "ab", 2) == 0 && memcmp(buffer + 2, zeros, 62) == 0,
          "shorter ones end in zeros");
    CHECK(write_file("user_report_data", data, 65) == -EINVAL &&
              read_file("user_report_data") == 64 && memcmp(buffer, "ab", 3) == 0,
          "longer ones are refused, and nothing changes");
    CHECK(write_file("user_report_data", data, 0) == 0 && read_file("user_report_data") == 64 &&
              memcmp(buffer, "ab", 3) == 0,
          "a write of nothing is none");
    CHECK(read_file("target_info") == 512 && memcmp(buffer, zeros, 512) == 0 &&
              write_file("target_info", data, 513) == -EINVAL &&
              write_file("target_info", data, 512) == 512 && read_file("target_info") == 512 &&
              memcmp(buffer, data, 512) == 0,
          "target_info is one TARGETINFO");
    CHECK(read_file("my_target_info") == 512 && read_file("keys/_sgx_mrenclave") == 16 &&
              buffer[15] == 'e' && read_file("keys/_sgx_mrsigner") == 16 && buffer[15] == 's',
          "the others have their sizes");
}

static void test_content(void)
{
    struct sgx_report report;
    uint8_t target[512] = {0};
    int64_t fd = open_file("user_report_data", O_RDWR);
    CHECK(sys_write((int)fd, host_app("xyz"), 3) == 3 && sys_lseek((int)fd, 0, SEEK_CUR) == 3 &&
              sys_pread64((int)fd, host_app(buffer), 100, 0) == 64 && memcmp(buffer, "xyz", 4) == 0,
          "what is written is read back from the same description");
    CHECK(sys_pwrite64((int)fd, host_app("n"), 1, 40) == 1 &&
              sys_pread64((int)fd, host_app(buffer), 100, 0) == 64 && memcmp(buffer, "n", 2) == 0,
          "a write replaces the value whole, wherever it goes");
    sys_close((int)fd);
    int64_t quote = open_file("quote", O_RDONLY);
    CHECK(write_file("user_report_data", "later", 5) == 5 &&
              sys_read((int)quote, host_app(buffer), 10) == 10 && memcmp(buffer, "n", 2) == 0 &&
              sys_read((int)quote, host_app(buffer), sizeof buffer) == 4990 &&
              sys_read((int)quote, host_app(buffer), 1) == 0,
          "a quote is over the data of when it was opened, and comes in pieces");
    sys_close((int)quote);
    CHECK(read_file("quote") == 5000 && memcmp(buffer, "later", 6) == 0, "the next is another one");
    memset(target, 0, sizeof target);
    target[50] = 9; /* CONFIGSVN */
    CHECK(write_file("target_info", target, 512) == 512 && read_file("report") == sizeof report,
          "a report has 432 bytes");
    memcpy(&report, buffer, sizeof report);
    CHECK(report.body.configsvn == 9 && memcmp(report.body.reportdata, "later", 6) == 0,
          "it is for that target and over those data");
    target[49] = 1; /* reserved */
    CHECK(write_file("target_info", target, 512) == 512 && read_file("report") == -EINVAL,
          "a TARGETINFO with reserved bytes set gets no report");
}

static void test_check(void)
{
    struct sgx_report good, bad;
    read_file("my_target_info");
    REQUIRE(write_file("target_info", buffer, 512) == 512);
    REQUIRE(read_file("report") == sizeof good);
    memcpy(&good, buffer, sizeof good);
    bad = good;
    bad.mac[0] ^= 1;
    CHECK(write_file("check_report", &good, sizeof good) == sizeof good,
          "a report for us is accepted");
    CHECK(write_file("check_report", &bad, sizeof bad) == -EACCES, "a forged one is not");
    CHECK(write_file("check_report", &good, 431) == -EINVAL &&
              write_file("check_report", buffer, 433) == -EINVAL,
          "nor anything of another size");
    CHECK(read_file("check_report") == -EACCES, "before a report nothing is ok");
    int64_t fd = open_file("check_report", O_RDWR);
    CHECK(sys_write((int)fd, host_app(&good), sizeof good) == sizeof good &&
              sys_read((int)fd, host_app(buffer), 10) == 3 && memcmp(buffer, "ok\n", 3) == 0 &&
              sys_read((int)fd, host_app(buffer), 10) == 0,
          "after a good one it is");
    CHECK(sys_write((int)fd, host_app(&bad), sizeof bad) == -EACCES &&
              sys_pread64((int)fd, host_app(buffer), 10, 0) == -EACCES,
          "after a bad one it is not any more");
    REQUIRE(sys_write((int)fd, host_app(&good), sizeof good) == sizeof good);
    CHECK(sys_write((int)fd, host_app(&good), 3) == -EINVAL &&
              sys_pread64((int)fd, host_app(buffer), 10, 0) == -EACCES,
          "nor after a piece of one");
    sys_close((int)fd);
}

static void test_tree(void)
{
    static const char *const read_only[] = {
        "attestation_type",    "my_target_info",    "report", "quote",
        "keys/_sgx_mrenclave", "keys/_sgx_mrsigner"};
    size_t refused = 0;
    struct stat st;
    for (size_t i = 0; i < ARRAY_SIZE(read_only); i++) {
        refused += open_file(read_only[i], O_WRONLY) == -EACCES;
    }
    CHECK(refused == ARRAY_SIZE(read_only), "what cannot be written cannot be opened for that");
    CHECK(open_file("keys/default", O_RDONLY) == -ENOENT &&
              open_file("keys/default", O_RDWR | O_CREAT) < 0 &&
              open_file("other", O_RDWR | O_CREAT) < 0,
          "no other key exists, and none can be made");
    CHECK(sys_unlink(host_app(D "quote")) < 0 && sys_mkdir(host_app(D "dir"), 0777) < 0 &&
              sys_rename(host_app(D "report"), host_app(D "quote")) < 0 &&
              read_file("report") == 432,
          "the folder is as it is");
    CHECK(sys_stat(host_app(D "quote"), host_app(&st)) == 0 && S_ISREG(st.st_mode) &&
              (st.st_mode & 0777) == 0400 && st.st_uid == 1000 && st.st_size == 0,
          "files are the workload's user's, and tell no size");
    CHECK(sys_truncate(host_app(D "user_report_data"), 0) == 0 &&
              read_file("user_report_data") == 64 && memcmp(buffer, "later", 6) == 0,
          "truncation changes nothing");
    host_quote_error = -EIO;
    CHECK(open_file("quote", O_RDONLY) == -EIO, "a quote that fails fails when it is opened");
    host_quote_error = -ENODEV;
    CHECK(open_file("quote", O_RDONLY) == -ENODEV, "and says so where nobody quotes");
}

static struct manifest manifest;

static void start(bool attestation)
{
    struct diag d;
    manifest.uid = 1000;
    manifest.gid = 1000;
    manifest.cwd = BYTES_STR("/");
    manifest.attestation = attestation;
    REQUIRE(fs_start(&manifest, &d) == 0);
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) { /* the file system starts once in a process */
        start(false);
        return open_file("quote", O_RDONLY) == -ENOENT &&
                       open_file("keys/_sgx_mrenclave", O_RDONLY) == -ENOENT &&
                       sys_open(host_app("/dev/attestation"), O_RDONLY, 0) == -ENOENT &&
                       sys_open(host_app("/dev/null"), O_RDONLY, 0) >= 0
                   ? 0
                   : 1;
    }
    char command[500];
    snprintf(command, sizeof command, "'%s' without", argv[0]);
    CHECK(system(command) == 0, "without the manifest's word nothing of it exists");
    start(true);
    test_values();
    test_content();
    test_check();
    test_tree();
    return tap_done();
}
