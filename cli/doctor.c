/* SPDX-License-Identifier: Apache-2.0 */
/* alcove doctor: what this machine has and lacks for enclaves, and the line that mends it. Each
 * check asks the machine itself, by trying, where that is possible. */
#include "cli.h"

#include <cpuid.h>
#include <errno.h>
#include <limits.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "abi/layout.h"
#include "build/debian.h"
#include "host/install.h"
#include "build/key.h"
#include "build/store.h"
#include "cli_packages.h"

const char verb_doctor_help[] =
    "usage: alcove doctor\n"
    "\n"
    "Checks what enclaves need: processor features, seccomp, address space, memory, huge pages,\n"
    "packages, and the files that come with the program; says whether there is SGX hardware. For\n"
    "what is missing it prints the line that mends it. Changes nothing.\n"
    "\n"
    "      --help     this text\n"
    "\n"
    "Exit status: 0 enclaves can be built and run here, 1 something necessary is missing, 2 wrong\n"
    "usage.\n";

enum verdict { GOOD, NOTE, BAD };

static unsigned bad_count;

/* One line of the report; mend is what to type, or NULL. */
static void report(enum verdict v, const char *what, const char *finding, const char *mend)
{
    static const char *const words[] = {"ok", "note", "MISSING"};
    printf("%-8s %-14s %s\n", words[v], what, finding);
    if (mend != NULL && v != GOOD) {
        printf("%-8s %-14s mend: %s\n", "", "", mend);
    }
    bad_count += v == BAD;
}

/* ---- processor ------------------------------------------------------------------------------- */

enum { EAX, EBX, ECX, EDX };
struct feature {
    const char *name;
    unsigned leaf, reg, bit;
    bool needed; /* else it only makes things faster */
};

static const struct feature features[] = {
    {"rdrand", 1, ECX, 30, true},   {"xsave", 1, ECX, 26, true},  {"aes", 1, ECX, 25, true},
    {"pclmulqdq", 1, ECX, 1, true}, {"sse4.2", 1, ECX, 20, true}, {"fsgsbase", 7, EBX, 0, true},
    {"avx2", 7, EBX, 5, false},     {"sha", 7, EBX, 29, false},   {"avx512f", 7, EBX, 16, false},
};

static bool has_feature(const struct feature *f)
{
    unsigned r[4] = {0};
    return __get_cpuid_count(f->leaf, 0, &r[EAX], &r[EBX], &r[ECX], &r[EDX]) != 0 &&
           (r[f->reg] >> f->bit & 1) != 0;
}

static void list_features(bool needed, bool present, char *out, size_t capacity)
{
    size_t n = 0;
    out[0] = '\0';
    for (size_t i = 0; i < ARRAY_SIZE(features) && n < capacity; i++) {
        if (features[i].needed == needed && has_feature(&features[i]) == present) {
            n += base_format(out + n, capacity - n, "%s%s", n > 0 ? ", " : "", features[i].name);
        }
    }
}

static void check_processor(void)
{
    char list[256];
    list_features(true, false, list, sizeof list);
    if (list[0] != '\0') {
        report(BAD, "processor", list, "use another machine: the runtime needs these");
    } else {
        list_features(true, true, list, sizeof list);
        report(GOOD, "processor", list, NULL);
    }
    list_features(false, false, list, sizeof list);
    if (list[0] != '\0') {
        char finding[320];
        base_format(finding, sizeof finding, "without %s some things are slower", list);
        report(NOTE, "processor", finding, NULL);
    }
    /* The kernel must allow WRFSBASE in user space (since Linux 5.9): HWCAP2 bit 1. */
    bool fsgsbase = (getauxval(AT_HWCAP2) & 2) != 0;
    report(fsgsbase ? GOOD : BAD, "fsgsbase", fsgsbase ? "enabled by the kernel" : "not enabled",
           "boot Linux 5.9 or later without 'nofsgsbase'");
}

static void check_sgx(void)
{
    unsigned a = 0, b = 0, c = 0, d = 0;
    bool cpu = __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b >> 2 & 1) != 0;
    if (access("/dev/sgx_enclave", F_OK) == 0) {
        bool allowed = access("/dev/sgx_enclave", R_OK | W_OK) == 0;
        report(allowed ? GOOD : NOTE, "SGX hardware",
               allowed ? "/dev/sgx_enclave is usable: --machine sgx (nobody has run this yet)"
                       : "/dev/sgx_enclave is there, but not for this user",
               "sudo usermod -aG sgx $USER, then log in again");
    } else {
        report(
            NOTE, "SGX hardware",
            cpu ? "the processor has it, the driver is not there (firmware setting, CONFIG_X86_SGX)"
                : "none: enclaves run on the software machine; their evidence says so",
            NULL);
    }
}

/* ---- kernel ---------------------------------------------------------------------------------- */

static void check_seccomp(void)
{
    uint32_t trap = SECCOMP_RET_TRAP;
    bool good = syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &trap) == 0;
    report(good ? GOOD : BAD, "seccomp", good ? "filters with traps" : "filters are not available",
           "use a kernel with CONFIG_SECCOMP_FILTER, and a container that permits seccomp()");
}

/* Reserves the range as the loader does, in this process. */
static void check_address_space(void)
{
    void *want = (void *)(uintptr_t)APP_BASE;
    void *got = mmap(want, ELRANGE_SIZE - APP_BASE, PROT_NONE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    char finding[128];
    if (got == want) {
        munmap(got, ELRANGE_SIZE - APP_BASE);
        base_format(finding, sizeof finding, "0x%llx to 0x%llx can be reserved",
                    (unsigned long long)APP_BASE, (unsigned long long)ELRANGE_SIZE);
        report(GOOD, "address space", finding, NULL);
        return;
    }
    const char *mend = errno == EPERM ? "sudo sysctl vm.mmap_min_addr=65536"
                       : errno == ENOMEM
                           ? "ulimit -v unlimited"
                           : "nothing else may lie there: no sanitizer, no preloading";
    base_format(finding, sizeof finding, "0x%llx to 0x%llx cannot be reserved: %s",
                (unsigned long long)APP_BASE, (unsigned long long)ELRANGE_SIZE, strerror(errno));
    report(BAD, "address space", finding, mend);
}

static void check_memory(void)
{
    struct sysinfo info;
    char finding[128];
    if (sysinfo(&info) != 0) {
        report(NOTE, "memory", strerror(errno), NULL);
        return;
    }
    uint64_t mib = (uint64_t)info.totalram * info.mem_unit >> 20;
    base_format(finding, sizeof finding, "%llu MiB", (unsigned long long)mib);
    report(mib >= 2048 ? GOOD : NOTE, "memory", finding,
           "2 GiB or more are comfortable for pandas");
}

static void check_huge_pages(void)
{
    char text[128] = "";
    FILE *f = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "re");
    bool read = f != NULL && fgets(text, sizeof text, f) != NULL;
    if (f != NULL) {
        fclose(f);
    }
    bool good = read && strstr(text, "[never]") == NULL;
    report(good ? GOOD : NOTE, "huge pages",
           good ? "transparent huge pages on demand" : "not available: programs start slower",
           read ? "echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled" : NULL);
}

/* ---- packages and files ---------------------------------------------------------------------- */

static void check_packages(void)
{
    static const char *const packages[] = {ALCOVE_PACKAGES};
    static const char *const nothing[] = {NULL};
    struct debian *installed = NULL;
    struct diag d = {""};
    char missing[1024] = "";
    size_t n = 0;
    if (debian_select("", nothing, DEBIAN_LIBRARIES, &installed, &d) != 0) {
        report(NOTE, "packages",
               "this is no Debian system: the stock layer 'python' cannot be made", NULL);
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(packages) && n < sizeof missing; i++) {
        if (!debian_has(installed, packages[i])) {
            n += base_format(missing + n, sizeof missing - n, " %s", packages[i]);
        }
    }
    debian_free(installed);
    if (n == 0) {
        report(GOOD, "packages", "all of tools/packages.txt", NULL);
    } else {
        char mend[1100];
        base_format(mend, sizeof mend, "sudo apt-get install%s", missing);
        report(BAD, "packages", missing + 1, mend);
    }
}

static void check_program_files(void)
{
    static const char *const names[] = {"alcove-microcode", "runtime.sgxs", "runtime.sig"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        char path[PATH_MAX];
        struct diag d = {""};
        bool found = host_find_file(names[i], path, &d) == 0;
        report(found ? GOOD : BAD, "program files", found ? path : d.text, "./dev build");
    }
}

static void check_own_files(void)
{
    char path[PATH_MAX], finding[PATH_MAX + 64];
    struct diag d = {""};
    if (store_path(path, &d) != 0) {
        report(BAD, "layer store", d.text, "export HOME, or ALCOVE_STORE");
    } else {
        bool there = access(path, W_OK) == 0;
        base_format(finding, sizeof finding, "%s%s", path, there ? "" : " (made at first use)");
        bool refused = !there && errno != ENOENT;
        report(refused ? BAD : GOOD, "layer store", finding, "make the folder writable");
    }
    if (key_default_path(path, &d) == 0) {
        bool there = access(path, R_OK) == 0;
        base_format(finding, sizeof finding, "%s%s", path, there ? "" : " (none yet)");
        report(there ? GOOD : NOTE, "signing key", finding, "alcove key new");
    }
}

int verb_doctor(int argc, char **argv)
{
    if (argc != 1) {
        return cli_usage("doctor", "takes no argument, got '%s'", argv[1]);
    }
    check_processor();
    check_sgx();
    check_seccomp();
    check_address_space();
    check_memory();
    check_huge_pages();
    check_packages();
    check_program_files();
    check_own_files();
    return bad_count == 0 ? CLI_OK : CLI_FAILED;
}
