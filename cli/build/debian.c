/* SPDX-License-Identifier: Apache-2.0 */
/* Reads dpkg's own records (/var/lib/dpkg: status, info/NAME.list, alternatives/NAME; formats in
 * deb-control(5), dpkg(1), update-alternatives(1)) instead of starting dpkg-query for each package.
 * Trust: the build machine's own files. */
#include "debian.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "progress.h"

#define DPKG         "/var/lib/dpkg"
#define UCF_REGISTRY "/var/lib/ucf/registry"
#define STATUS_MAX   (UINT64_C(256) << 20)
#define LIST_MAX     (UINT64_C(64) << 20)
#define PACKAGES_MAX 100000u
#define FILES_MAX    1000000u

struct package {
    char *name, *architecture, *version, *depends, *pre_depends, *provides;
    bool selected;
};

struct debian {
    const char *system; /* the root directory that paths are below; "" for this machine */
    enum debian_part part;
    char *status; /* the file's text; packages point into it */
    struct package *packages;
    size_t package_count;
    char **files; /* selected, as they are placed in the layer; sorted, each once */
    size_t file_count, file_capacity;
};

/* Managers of the machine, not part of any program. Nothing below them is followed either. */
static const char *const left_out[] = {"debconf", "dpkg", "ucf", "perl-base", "tar"};
#define LEFT_OUT_ALWAYS 3u /* the first ones; the others, when programs are not wanted */

/* What a program needs at run time lies under these. */
static const char *const kept[] = {
    "/usr/lib/",       "/usr/bin/python3",   "/usr/share/zoneinfo/", "/etc/python3",
    "/etc/mime.types", "/usr/share/python-", "/usr/share/pyshared/",
};
static const char *const dropped[] = {
    "/usr/lib/systemd/", "/usr/lib/tmpfiles.d/", "/usr/lib/dpkg/",     "/usr/lib/debug/",
    "/usr/lib/udev/",    "/usr/lib/lsb/",        "/usr/lib/valgrind/", "/usr/lib/mime/",
};
/* DEBIAN_EVERYTHING: all but these. */
static const char *const papers[] = {
    "/usr/share/doc",      "/usr/share/man/", "/usr/share/info/", "/usr/share/locale/",
    "/usr/share/lintian/", "/usr/share/bug/", "/usr/lib/debug/",  "/var/cache/",
};
/* Packages of which only a part is wanted: name, then the prefix of what is. */
static const char *const partial[][2] = {{"libc-bin", "/usr/lib/locale/C.utf8/"}};

void debian_free(struct debian *b)
{
    if (b == NULL) {
        return;
    }
    for (size_t i = 0; i < b->file_count; i++) {
        free(b->files[i]);
    }
    free(b->files);
    free(b->packages);
    free(b->status);
    free(b);
}

size_t debian_package_count(const struct debian *b)
{
    size_t n = 0;
    for (size_t i = 0; i < b->package_count; i++) {
        n += b->packages[i].selected;
    }
    return n;
}

size_t debian_file_count(const struct debian *b)
{
    return b->file_count;
}

/* ---- the status file ------------------------------------------------------------------------- */

static char *read_text(const char *path, uint64_t max, struct diag *d)
{
    struct mapped_file f;
    if (mapped_file_open(&f, path, max, d) != 0) {
        return NULL;
    }
    char *text = malloc(f.bytes.size + 1);
    if (text == NULL) {
        diag_fail(d, -ENOMEM, "%s: no memory for it", path);
    } else {
        memcpy(text, f.bytes.data, f.bytes.size);
        text[f.bytes.size] = '\0';
    }
    mapped_file_close(&f);
    return text;
}

/* The value when line is "NAME: value". */
static char *field(char *line, const char *name)
{
    size_t n = strlen(name);
    if (strncmp(line, name, n) != 0 || line[n] != ':') {
        return NULL;
    }
    char *value = line + n + 1;
    while (*value == ' ') {
        value++;
    }
    return value;
}

static void take_field(struct package *p, char *line, bool *installed)
{
    const struct {
        const char *name;
        char **to;
    } fields[] = {
        {"Package", &p->name},      {"Architecture", &p->architecture},
        {"Version", &p->version},   {"Depends", &p->depends},
        {"Provides", &p->provides}, {"Pre-Depends", &p->pre_depends},
    };
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        char *value = field(line, fields[i].name);
        if (value != NULL) {
            *fields[i].to = value;
        }
    }
    const char *status = field(line, "Status");
    if (status != NULL) {
        const char *last = strrchr(status, ' ');
        /* Pending: it is configured, and something that it waits for came while another package was
         * installed; such a package satisfies dependencies (dpkg, triggers.txt). */
        *installed = last != NULL &&
                     (strcmp(last, " installed") == 0 || strcmp(last, " triggers-pending") == 0);
    }
}

static int add_package(struct debian *b, const struct package *p, bool installed)
{
    if (!installed || p->name == NULL || p->version == NULL || p->architecture == NULL) {
        return 0;
    }
    if ((b->package_count & (b->package_count - 1)) == 0) { /* powers of two: grow */
        size_t capacity = b->package_count == 0 ? 1 : 2 * b->package_count;
        struct package *more = realloc(b->packages, capacity * sizeof *more);
        if (more == NULL || capacity > PACKAGES_MAX) {
            b->packages = more != NULL ? more : b->packages;
            return -ENOMEM;
        }
        b->packages = more;
    }
    b->packages[b->package_count++] = *p;
    return 0;
}

/* Where a path of that system is on this one. Longer than PATH_MAX: cut, and then not found. */
static const char *below(const struct debian *b, const char *path, char *buffer)
{
    base_format(buffer, PATH_MAX, "%s%s", b->system, path);
    return buffer;
}

static int read_status(struct debian *b, struct diag *d)
{
    char path[PATH_MAX];
    b->status = read_text(below(b, DPKG "/status", path), STATUS_MAX, d);
    if (b->status == NULL) {
        diag_prefix(d, "base layers are made from installed Debian packages");
        return -ENOENT;
    }
    struct package p = {0};
    bool installed = false;
    int err = 0;
    char *line = b->status;
    while (line != NULL && err == 0) {
        char *end = strchr(line, '\n');
        if (end != NULL) {
            *end++ = '\0';
        }
        if (*line == '\0') {
            err = add_package(b, &p, installed);
            p = (struct package){0};
            installed = false;
        } else {
            take_field(&p, line, &installed);
        }
        line = end;
    }
    err = err != 0 ? err : add_package(b, &p, installed);
    return err == 0 ? 0 : diag_fail(d, err, "no memory for the list of packages");
}

/* ---- dependencies ---------------------------------------------------------------------------- */

static bool is_left_out(const struct debian *b, const char *name, size_t n)
{
    size_t count = b->part == DEBIAN_EVERYTHING ? LEFT_OUT_ALWAYS : ARRAY_SIZE(left_out);
    for (size_t i = 0; i < count; i++) {
        if (strlen(left_out[i]) == n && memcmp(left_out[i], name, n) == 0) {
            return true;
        }
    }
    return false;
}

static size_t name_size(const char *text)
{
    return strcspn(text, " \t:(|,");
}

/* Does a list such as Provides name it? */
static bool names(const char *list, const char *name, size_t n)
{
    while (list != NULL && *list != '\0') {
        list += strspn(list, " \t");
        if (name_size(list) == n && memcmp(list, name, n) == 0) {
            return true;
        }
        list = strchr(list, ',');
        list = list != NULL ? list + 1 : NULL;
    }
    return false;
}

static struct package *find_package(struct debian *b, const char *name, size_t n)
{
    for (size_t i = 0; i < b->package_count; i++) {
        if (strlen(b->packages[i].name) == n && memcmp(b->packages[i].name, name, n) == 0) {
            return &b->packages[i];
        }
    }
    for (size_t i = 0; i < b->package_count; i++) {
        if (names(b->packages[i].provides, name, n)) {
            return &b->packages[i];
        }
    }
    return NULL;
}

static int select_package(struct debian *b, struct package *p, struct diag *d);

/* One entry "a (>= 1) | b": the first alternative that is installed. */
static int select_entry(struct debian *b, const char *entry, size_t n, const struct package *by,
                        struct diag *d)
{
    const char *end = entry + n;
    const char *at = entry;
    while (at < end) {
        at += strspn(at, " \t");
        size_t size = name_size(at);
        if (is_left_out(b, at, size)) {
            return 0;
        }
        struct package *p = size > 0 ? find_package(b, at, size) : NULL;
        if (p != NULL) {
            return select_package(b, p, d);
        }
        const char *bar = memchr(at, '|', (size_t)(end - at));
        at = bar != NULL ? bar + 1 : end;
    }
    return diag_fail(d, -ENOENT,
                     "package %s needs %.*s, which is not installed; repair with: "
                     "apt-get -f install",
                     by->name, (int)n, entry);
}

static int select_list(struct debian *b, const char *list, const struct package *by, struct diag *d)
{
    int err = 0;
    while (list != NULL && *list != '\0' && err == 0) {
        list += strspn(list, " \t,");
        size_t n = strcspn(list, ",");
        err = n > 0 ? select_entry(b, list, n, by, d) : 0;
        list += n;
    }
    return err;
}

static int select_package(struct debian *b, struct package *p, struct diag *d)
{
    if (p->selected) {
        return 0;
    }
    p->selected = true;
    int err = select_list(b, p->depends, p, d);
    return err != 0 ? err : select_list(b, p->pre_depends, p, d);
}

/* ---- files ----------------------------------------------------------------------------------- */

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* /lib/x is /usr/lib/x: Debian 12 is a merged-/usr system, its package lists are older. */
static int merged_path(char *ret, const char *path)
{
    static const char *const moved[] = {"/lib/", "/lib64/", "/bin/", "/sbin/"};
    const char *prefix = "";
    for (size_t i = 0; i < ARRAY_SIZE(moved); i++) {
        if (starts_with(path, moved[i])) {
            prefix = "/usr";
        }
    }
    return base_format(ret, PATH_MAX, "%s%s", prefix, path) < PATH_MAX ? 0 : -ENAMETOOLONG;
}

static bool is_wanted(const struct debian *b, const struct package *p, const char *path)
{
    if (b->part == DEBIAN_EVERYTHING) {
        bool paper = false;
        for (size_t i = 0; i < ARRAY_SIZE(papers); i++) {
            paper = paper || starts_with(path, papers[i]);
        }
        return path[0] == '/' && path[1] != '.' && path[1] != '\0' && !paper;
    }
    for (size_t i = 0; i < ARRAY_SIZE(partial); i++) {
        if (strcmp(p->name, partial[i][0]) == 0) {
            return starts_with(path, partial[i][1]);
        }
    }
    for (size_t i = 0; i < ARRAY_SIZE(dropped); i++) {
        if (starts_with(path, dropped[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
        if (starts_with(path, kept[i])) {
            return true;
        }
    }
    return strcmp(path, "/usr/lib64") == 0 || starts_with(path, "/usr/lib64/");
}

static int add_file(struct debian *b, const char *path)
{
    if (b->file_count == b->file_capacity) {
        size_t capacity = b->file_capacity == 0 ? 1024 : 2 * b->file_capacity;
        char **more = realloc(b->files, capacity * sizeof *more);
        if (more == NULL || capacity > FILES_MAX) {
            b->files = more != NULL ? more : b->files;
            return -ENOMEM;
        }
        b->files = more;
        b->file_capacity = capacity;
    }
    b->files[b->file_count] = strdup(path);
    return b->files[b->file_count++] != NULL ? 0 : -ENOMEM;
}

static char *read_file_list(const struct debian *b, const struct package *p, struct diag *d)
{
    char path[PATH_MAX];
    base_format(path, sizeof path, "%s" DPKG "/info/%s:%s.list", b->system, p->name,
                p->architecture);
    if (access(path, F_OK) != 0) { /* packages that cannot be co-installed lack the architecture */
        base_format(path, sizeof path, "%s" DPKG "/info/%s.list", b->system, p->name);
    }
    return read_text(path, LIST_MAX, d);
}

static int list_files(struct debian *b, const struct package *p, struct diag *d)
{
    char merged[PATH_MAX], host[PATH_MAX];
    struct stat st;
    char *text = read_file_list(b, p, d);
    if (text == NULL) {
        return -ENOENT;
    }
    int err = 0;
    char *rest = text;
    for (char *line; err == 0 && (line = strsep(&rest, "\n")) != NULL;) {
        err = merged_path(merged, line);
        if (err == 0 && is_wanted(b, p, merged) && lstat(below(b, merged, host), &st) == 0) {
            err = add_file(b, merged);
        }
    }
    free(text);
    return err == 0 ? 0 : diag_fail(d, err, "cannot list the files of package %s", p->name);
}

/* Configuration files that maintainer scripts put into place with ucf(1), which records a line
 * "PACKAGE PATH" for each: they are a package's as those that dpkg lists. */
static int list_configuration(struct debian *b, struct diag *d)
{
    char path[PATH_MAX];
    struct stat st;
    if (access(below(b, UCF_REGISTRY, path), F_OK) != 0) {
        return 0;
    }
    char *text = read_text(path, LIST_MAX, d);
    if (text == NULL) {
        return -EIO;
    }
    int err = 0;
    char *rest = text;
    for (char *line; err == 0 && (line = strsep(&rest, "\n")) != NULL;) {
        const char *name = strsep(&line, " \t");
        const char *file = line != NULL ? line + strspn(line, " \t") : "";
        const struct package *p = *file == '/' ? find_package(b, name, strlen(name)) : NULL;
        if (p != NULL && p->selected && strcmp(p->name, name) == 0 && is_wanted(b, p, file) &&
            lstat(below(b, file, path), &st) == 0) {
            err = add_file(b, file);
        }
    }
    free(text);
    return err == 0 ? 0 : diag_fail(d, err, "cannot list the files of " UCF_REGISTRY);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Packages share folders: sort, and keep each path once. */
static void sort_files(struct debian *b)
{
    size_t n = 0;
    if (b->file_count > 0) {
        qsort(b->files, b->file_count, sizeof *b->files, by_text);
    }
    for (size_t i = 0; i < b->file_count; i++) {
        if (n > 0 && strcmp(b->files[n - 1], b->files[i]) == 0) {
            free(b->files[i]);
        } else {
            b->files[n++] = b->files[i];
        }
    }
    b->file_count = n;
}

/* Alternatives, too, name files as they were before /bin was merged. */
static bool has_file(const struct debian *b, const char *path)
{
    char merged[PATH_MAX];
    const char *wanted = merged;
    return merged_path(merged, path) == 0 &&
           bsearch(&wanted, b->files, b->file_count, sizeof *b->files, by_text) != NULL;
}

int debian_select(const char *system, const char *const *roots, enum debian_part part,
                  struct debian **ret, struct diag *d)
{
    struct debian *b = calloc(1, sizeof *b);
    if (b == NULL) {
        return diag_fail(d, -ENOMEM, "no memory");
    }
    b->system = system;
    b->part = part;
    int err = read_status(b, d);
    for (size_t i = 0; roots[i] != NULL && err == 0; i++) {
        struct package *p = find_package(b, roots[i], strlen(roots[i]));
        err = p != NULL ? select_package(b, p, d)
                        : diag_fail(d, -ENOENT,
                                    "package %s is not installed; install it with: "
                                    "apt-get install %s",
                                    roots[i], roots[i]);
    }
    for (size_t i = 0; i < b->package_count && err == 0; i++) {
        err = b->packages[i].selected ? list_files(b, &b->packages[i], d) : 0;
    }
    err = err != 0 ? err : list_configuration(b, d);
    if (err != 0) {
        debian_free(b);
        return err;
    }
    sort_files(b);
    *ret = b;
    return 0;
}

bool debian_has(const struct debian *b, const char *name)
{
    for (size_t i = 0; i < b->package_count; i++) {
        if (strcmp(b->packages[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

int debian_key(const struct debian *b, uint8_t ret[32], struct diag *d)
{
    char line[PATH_MAX + 128], host[PATH_MAX];
    struct stat st;
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    bool good = hash != NULL && EVP_DigestInit_ex(hash, EVP_sha256(), NULL) == 1;
    for (size_t i = 0; i < b->package_count && good; i++) {
        const struct package *p = &b->packages[i];
        if (p->selected) {
            base_format(line, sizeof line, "%s %s %s\n", p->name, p->architecture, p->version);
            good = EVP_DigestUpdate(hash, line, strlen(line)) == 1;
        }
    }
    for (size_t i = 0; i < b->file_count && good; i++) {
        if (lstat(below(b, b->files[i], host), &st) != 0) {
            st = (struct stat){0};
        }
        base_format(line, sizeof line, "%s %x %llu %llu.%u\n", b->files[i], st.st_mode,
                    (unsigned long long)st.st_size, (unsigned long long)st.st_mtim.tv_sec,
                    (unsigned)st.st_mtim.tv_nsec);
        good = EVP_DigestUpdate(hash, line, strlen(line)) == 1;
    }
    good = good && EVP_DigestFinal_ex(hash, ret, NULL) == 1;
    EVP_MD_CTX_free(hash);
    return good ? 0 : diag_fail(d, -ENOMEM, "cannot hash the list of packages");
}

/* ---- alternatives ---------------------------------------------------------------------------- */

#define SLAVES_MAX 256u

/* One group of links with its choices; texts point into the record. */
struct alternative {
    char *links[SLAVES_MAX]; /* the master's, then the slaves' */
    char *best[SLAVES_MAX];  /* where they point; NULL while no choice is in the selection */
    size_t count;
    long best_priority;
};

/* Record: state, link, then (slave name, slave link)* and an empty line, then for each choice its
 * path, priority and one line per slave, and an empty line. The best choice among the selected
 * files is taken: which one the administrator preferred is no property of the packages. */
static void read_alternative(const struct debian *b, char *text, struct alternative *a)
{
    char *rest = text;
    *a = (struct alternative){0};
    strsep(&rest, "\n");
    a->links[a->count++] = strsep(&rest, "\n");
    for (char *line;
         (line = strsep(&rest, "\n")) != NULL && *line != '\0' && a->count < SLAVES_MAX;) {
        a->links[a->count++] = strsep(&rest, "\n");
    }
    for (char *path; (path = strsep(&rest, "\n")) != NULL && *path != '\0';) {
        const char *number = strsep(&rest, "\n");
        long priority = number != NULL ? strtol(number, NULL, 10) : 0;
        bool better = has_file(b, path) && (a->best[0] == NULL || priority > a->best_priority);
        if (better) {
            a->best[0] = path;
            a->best_priority = priority;
        }
        for (size_t i = 1; i < a->count; i++) {
            char *slave = strsep(&rest, "\n");
            if (better) {
                a->best[i] = slave;
            }
        }
    }
}

static int stage_alternative(const struct debian *b, struct stage *s, const char *name,
                             struct diag *d)
{
    char path[PATH_MAX];
    struct alternative a;
    base_format(path, sizeof path, "%s" DPKG "/alternatives/%s", b->system, name);
    char *text = read_text(path, LIST_MAX, d);
    if (text == NULL) {
        return -EIO;
    }
    read_alternative(b, text, &a);
    int err = 0;
    for (size_t i = 0; i < a.count && err == 0 && a.best[0] != NULL; i++) {
        if (a.links[i] != NULL && a.best[i] != NULL && has_file(b, a.best[i])) {
            err = merged_path(path, a.links[i]);
            err = err != 0 ? err : stage_symlink(s, path, a.best[i], d);
        }
    }
    free(text);
    return err;
}

static int stage_alternatives(const struct debian *b, struct stage *s, struct diag *d)
{
    char path[PATH_MAX];
    DIR *stream = opendir(below(b, DPKG "/alternatives", path));
    if (stream == NULL) {
        return errno == ENOENT ? 0 : diag_fail(d, -errno, DPKG "/alternatives: cannot be listed");
    }
    int err = 0;
    for (struct dirent *e; err == 0 && (e = readdir(stream)) != NULL;) {
        if (e->d_name[0] != '.') {
            err = stage_alternative(b, s, e->d_name, d);
        }
    }
    closedir(stream);
    return err;
}

/* A module that is a link (Debian's sitecustomize.py leads to /etc) becomes a file, because
 * bytecode belongs beside the name under which a module is imported. */
static int stage_one(const struct debian *b, struct stage *s, const char *path, struct diag *d)
{
    char host[PATH_MAX], real[PATH_MAX];
    struct stat st;
    size_t n = strlen(path);
    below(b, path, host);
    bool linked_module = n > 3 && strcmp(path + n - 3, ".py") == 0 && lstat(host, &st) == 0 &&
                         S_ISLNK(st.st_mode) && realpath(host, real) != NULL;
    return stage_copy(s, path, linked_module ? real : host, d);
}

int debian_stage(const struct debian *b, struct stage *s, struct diag *d)
{
    struct progress p;
    int err = 0;
    progress_start(&p, "copying files of packages", b->file_count);
    for (size_t i = 0; i < b->file_count && err == 0; i++) {
        err = stage_one(b, s, b->files[i], d);
        progress_add(&p, 1);
    }
    progress_end(&p);
    return err != 0 ? err : stage_alternatives(b, s, d);
}
