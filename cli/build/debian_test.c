/* SPDX-License-Identifier: Apache-2.0 */
/* Selections of packages, over a small system of the test's own making. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "debian.h"
#include "tests/tap.h"

static const char status[] = "Package: program\nStatus: install ok installed\nArchitecture: amd64\n"
                             "Version: 1\nDepends: liba (>= 2), absent | virtual, debconf\n"
                             "Pre-Depends: script:any\n\n"
                             "Package: liba\nStatus: install ok installed\nArchitecture: amd64\n"
                             "Version: 2\nDepends: program\nDescription: goes\n round\n\n"
                             "Package: libb\nStatus: install ok triggers-pending\nArchitecture: amd64\n"
                             "Version: 3\nProvides: other (= 1), virtual (= 3)\n\n"
                             "Package: script\nStatus: install ok installed\nArchitecture: all\n"
                             "Version: 4\n\n"
                             "Package: unrelated\nStatus: install ok installed\nArchitecture: all\n"
                             "Version: 5\n\n"
                             "Package: removed\nStatus: deinstall ok config-files\n"
                             "Architecture: all\nVersion: 6\n\n"
                             "Package: broken\nStatus: install ok installed\nArchitecture: all\n"
                             "Version: 7\nDepends: removed | absent\n";

static const struct {
    const char *path, *text;
} files[] = {
    {"/var/lib/dpkg/status", status},
    {"/var/lib/dpkg/info/program:amd64.list",
     "/.\n/usr\n/usr/lib\n/usr/lib/program\n/usr/share/doc/program/copyright\n/usr/bin/tool\n"},
    {"/var/lib/dpkg/info/liba:amd64.list", "/.\n/lib\n/lib/liba.so.2\n/usr/lib/gone\n"},
    {"/var/lib/dpkg/info/libb:amd64.list", "/usr/lib/libb.so.low\n/usr/lib/libb.so.high\n"},
    {"/var/lib/dpkg/info/script.list", "/usr/lib/script/module.py\n"},
    {"/var/lib/dpkg/info/unrelated.list", "/usr/lib/unrelated\n"},
    {"/var/lib/dpkg/info/broken.list", ""},
    {"/var/lib/ucf/registry", "program \t /etc/program.conf\nunrelated \t /etc/unrelated.conf\n"
                              "program \t /etc/gone.conf\n\nnonsense\n"},
    {"/etc/program.conf", "c"},
    {"/etc/unrelated.conf", "u"},
    {"/usr/lib/program", "p"},
    {"/usr/share/doc/program/copyright", "c"},
    {"/usr/bin/tool", "t"},
    {"/usr/lib/liba.so.2", "a"},
    {"/usr/lib/libb.so.low", "l"},
    {"/usr/lib/libb.so.high", "h"},
    {"/usr/lib/script/module.py", "x = 1\n"},
    {"/usr/lib/unrelated", "u"},
    {"/var/lib/dpkg/alternatives/libb.so",
     "manual\n/lib/libb.so\nlibb.so.1\n/usr/lib/libb.so.1\n\n"
     "/usr/lib/elsewhere/libb.so\n99\n/usr/lib/elsewhere/libb.so.1\n"
     "/usr/lib/libb.so.high\n20\n/usr/lib/libb.so.low\n"
     "/usr/lib/libb.so.low\n10\n\n\n"},
    {"/var/lib/dpkg/alternatives/liba.so", "auto\n/lib/liba.so\n\n/lib/liba.so.2\n1\n\n"},
};

static bool exists(const struct stage *s, const char *path)
{
    char host[PATH_MAX];
    struct stat st;
    base_format(host, sizeof host, "%s%s", s->root, path);
    return lstat(host, &st) == 0;
}

static bool leads_to(const struct stage *s, const char *path, const char *target)
{
    char host[PATH_MAX], found[PATH_MAX];
    base_format(host, sizeof host, "%s%s", s->root, path);
    ssize_t n = readlink(host, found, sizeof found);
    return n == (ssize_t)strlen(target) && memcmp(found, target, (size_t)n) == 0;
}

static void test_selection(const struct stage *system)
{
    static const char *const roots[] = {"program", NULL};
    struct debian *b = NULL;
    struct stage s = {.fd = -1};
    struct diag d = {""};
    CHECK(debian_select(system->root, roots, DEBIAN_LIBRARIES, &b, &d) == 0,
          "a program is selected %s", d.text);
    if (b == NULL) {
        return;
    }
    CHECK(debian_package_count(b) == 4,
          "with what it needs: by version, by a virtual name, before installation, in a circle");
    CHECK(debian_has(b, "unrelated") && !debian_has(b, "removed"),
          "removed packages are not installed");
    bool staged = stage_open(&s, "/tmp", &d) == 0 && debian_stage(b, &s, &d) == 0;
    CHECK(staged && exists(&s, "/usr/lib/program") && exists(&s, "/usr/lib/script/module.py"),
          "its files are staged");
    CHECK(exists(&s, "/usr/lib/liba.so.2") && !exists(&s, "/lib/liba.so.2"),
          "those of /lib below /usr");
    CHECK(!exists(&s, "/usr/lib/unrelated") && !exists(&s, "/usr/share") &&
              !exists(&s, "/usr/bin/tool"),
          "nothing of other packages, no documentation, no other programs");
    CHECK(leads_to(&s, "/usr/lib/libb.so", "/usr/lib/libb.so.high") &&
              leads_to(&s, "/usr/lib/libb.so.1", "/usr/lib/libb.so.low"),
          "alternatives lead to the best choice among the selected files, slaves with it");
    CHECK(leads_to(&s, "/usr/lib/liba.so", "/lib/liba.so.2"),
          "also to one that is named below /lib");
    stage_close(&s);
    debian_free(b);
}

static void test_programs(const struct stage *system)
{
    static const char *const roots[] = {"program", NULL};
    struct debian *b = NULL;
    struct stage s = {.fd = -1};
    struct diag d = {""};
    bool staged = debian_select(system->root, roots, DEBIAN_EVERYTHING, &b, &d) == 0 &&
                  stage_open(&s, "/tmp", &d) == 0 && debian_stage(b, &s, &d) == 0;
    CHECK(staged && exists(&s, "/usr/bin/tool") && exists(&s, "/usr/lib/liba.so.2"),
          "everything: other programs too %s", d.text);
    CHECK(staged && !exists(&s, "/usr/share/doc/program"), "but no documentation");
    CHECK(staged && exists(&s, "/etc/program.conf") && !exists(&s, "/etc/unrelated.conf"),
          "and the configuration files that ucf keeps for the selected packages");
    stage_close(&s);
    debian_free(b);
}

static void test_key(struct stage *system)
{
    static const char *const roots[] = {"program", NULL};
    struct debian *b = NULL;
    struct diag d;
    uint8_t one[32], two[32], three[32];
    bool good = debian_select(system->root, roots, DEBIAN_LIBRARIES, &b, &d) == 0 &&
                debian_key(b, one, &d) == 0 && debian_key(b, two, &d) == 0;
    CHECK(good && memcmp(one, two, 32) == 0, "the key of a selection is stable");
    good = good && stage_bytes(system, "/usr/lib/program", BYTES_STR("changed"), false, &d) == 0 &&
           debian_key(b, three, &d) == 0;
    CHECK(good && memcmp(one, three, 32) != 0, "and another when a file has changed");
    debian_free(b);
}

static void refused(const struct stage *system, const char *root, const char *words,
                    const char *sentence)
{
    const char *const roots[] = {root, NULL};
    struct debian *b = NULL;
    struct diag d = {""};
    CHECK(debian_select(system->root, roots, DEBIAN_LIBRARIES, &b, &d) == -ENOENT &&
              strstr(d.text, words) != NULL,
          "%s", sentence);
}

int main(void)
{
    struct stage system, empty;
    struct diag d = {""};
    bool good = stage_open(&system, "/tmp", &d) == 0 && stage_open(&empty, "/tmp", &d) == 0;
    for (size_t i = 0; i < ARRAY_SIZE(files) && good; i++) {
        const char *text = files[i].text;
        good = stage_bytes(&system, files[i].path, BYTES(text, strlen(text)), false, &d) == 0;
    }
    CHECK(good, "a small system is made %s", d.text);
    if (!good) {
        return tap_done();
    }
    test_selection(&system);
    test_programs(&system);
    test_key(&system);
    refused(&system, "absent", "apt-get install absent", "a package that is not there is named");
    refused(&system, "removed", "apt-get install removed", "so is one that was removed");
    refused(&system, "broken", "broken needs removed | absent", "and a need that nothing fulfils");
    refused(&empty, "program", "installed Debian packages", "a system without dpkg is told apart");
    stage_close(&system);
    stage_close(&empty);
    return tap_done();
}
