/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel is the oracle: the same calls on a real tmpfs folder and on ours, results and errors
 * compared after each, and the whole trees at the end. First a list of cases that are easy to get
 * wrong, then long random sequences; a failing one prints its seed. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "test_host.h"
#include "tests/tap.h"

static char top[48];  /* temporary folder */
static char root[64]; /* the kernel's folder: top/r */
static int failures;
static char trail[20][200]; /* the last calls, shown when one differs */
static unsigned trail_at;
static uint64_t seed;

static uint64_t next(void)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return seed >> 33;
}

static int64_t kernel(int64_t r)
{
    return r < 0 ? -errno : r;
}

static void note(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(trail[trail_at++ % 20], 200, format, args);
    va_end(args);
}

static bool expect(int64_t want, int64_t got)
{
    if (want == got) {
        return true;
    }
    if (failures++ < 8) {
        printf("# kernel %lld, ours %lld after (seed %llu):\n", (long long)want, (long long)got,
               (unsigned long long)seed);
        for (unsigned i = trail_at < 6 ? 0 : trail_at - 6; i < trail_at; i++) {
            printf("#   %s\n", trail[i % 20]);
        }
    }
    return false;
}

/* ---- one call on both sides
 * ----------------------------------------------------------------------------- */

enum call {
    OPEN,
    MKDIR,
    RMDIR,
    UNLINK,
    RENAME,
    RENAME2,
    LINK,
    SYMLINK,
    TRUNCATE,
    CHMOD,
    STAT,
    LSTAT,
    READLINK,
    ACCESS,
    CHDIR,
    MKNOD,
    CALLS
};

static void same_stat(const struct stat *a, const struct stat *b)
{
    expect(a->st_mode, b->st_mode);
    expect((int64_t)a->st_nlink, (int64_t)b->st_nlink);
    if (!S_ISDIR(a->st_mode)) {
        expect(a->st_size, b->st_size);
    }
    expect(a->st_uid, b->st_uid);
}

static void both_stat(const char *path, bool follow)
{
    struct stat a, b;
    int64_t want = kernel(follow ? stat(path, &a) : lstat(path, &a));
    int64_t got =
        follow ? sys_stat(host_app(path), host_app(&b)) : sys_lstat(host_app(path), host_app(&b));
    if (expect(want, got) && want == 0) {
        same_stat(&a, &b);
    }
}

static void both_readlink(const char *path)
{
    char a[4096], b[4096];
    int64_t want = kernel(readlink(path, a, sizeof a));
    int64_t got = sys_readlink(host_app(path), host_app(b), sizeof b);
    if (expect(want, got) && want > 0) {
        expect(0, memcmp(a, b, (size_t)want));
    }
}

/* Opens on both sides, writes and reads a little, closes. */
static void both_open(const char *path, int flags, mode_t mode)
{
    int64_t a = kernel(open(path, flags, mode)), b = sys_open(host_app(path), flags, mode);
    if (a >= 0 && b >= 0) {
        char data[3000], back[3000];
        memset(data, 'a' + (int)(next() % 26), sizeof data);
        size_t n = 1 + next() % sizeof data;
        off_t off = (off_t)(next() % 9000);
        if (next() % 2 == 0) {
            expect(kernel(lseek((int)a, off, SEEK_SET)), sys_lseek((int)b, off, SEEK_SET));
        }
        expect(kernel(write((int)a, data, n)), sys_write((int)b, host_app(data), n));
        expect(kernel(lseek((int)a, 0, SEEK_CUR)), sys_lseek((int)b, 0, SEEK_CUR));
        int64_t want = kernel(pread((int)a, data, n, off)),
                got = sys_pread64((int)b, host_app(back), n, off);
        if (expect(want, got) && want > 0) {
            expect(0, memcmp(data, back, (size_t)want));
        }
        if (next() % 4 == 0) {
            off_t size = (off_t)(next() % 20000);
            expect(kernel(ftruncate((int)a, size)), sys_ftruncate((int)b, size));
        }
        if (next() % 8 == 0) {
            expect(kernel(fallocate((int)a, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, off, 5000)),
                   sys_fallocate((int)b, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, off, 5000));
        }
        struct stat s, t;
        expect(kernel(fstat((int)a, &s)), sys_fstat((int)b, host_app(&t)));
        same_stat(&s, &t);
    } else {
        expect(a < 0 ? a : 0, b < 0 ? b : 0);
    }
    if (a >= 0) {
        close((int)a);
    }
    if (b >= 0) {
        sys_close((int)b);
    }
}

static void both(enum call call, const char *p, const char *q, int flags, mode_t mode)
{
    note("call %d(\"%.60s\", \"%.60s\", %#x, %o)", call, p, q, flags, mode);
    app_ptr pa = host_app(p), qa = host_app(q);
    switch (call) {
    case OPEN:
        both_open(p, flags, mode);
        break;
    case MKDIR:
        expect(kernel(mkdir(p, mode)), sys_mkdir(pa, mode));
        break;
    case RMDIR:
        expect(kernel(rmdir(p)), sys_rmdir(pa));
        break;
    case UNLINK:
        expect(kernel(unlink(p)), sys_unlink(pa));
        break;
    case RENAME:
        expect(kernel(rename(p, q)), sys_rename(pa, qa));
        break;
    case RENAME2:
        expect(kernel(syscall(SYS_renameat2, AT_FDCWD, p, AT_FDCWD, q, flags)),
               sys_renameat2(AT_FDCWD, pa, AT_FDCWD, qa, (uint32_t)flags));
        break;
    case LINK:
        expect(kernel(linkat(AT_FDCWD, p, AT_FDCWD, q, flags)),
               sys_linkat(AT_FDCWD, pa, AT_FDCWD, qa, flags));
        break;
    case SYMLINK:
        expect(kernel(symlink(p, q)), sys_symlink(pa, qa));
        break;
    case TRUNCATE:
        expect(kernel(truncate(p, flags)), sys_truncate(pa, flags));
        break;
    case CHMOD:
        expect(kernel(chmod(p, mode)), sys_chmod(pa, mode));
        break;
    case STAT:
    case LSTAT:
        both_stat(p, call == STAT);
        break;
    case READLINK:
        both_readlink(p);
        break;
    case ACCESS:
        expect(kernel(faccessat(AT_FDCWD, p, flags & 7, 0)), sys_access(pa, flags & 7));
        break;
    case CHDIR: {
        char a[4096], b[4096];
        expect(kernel(chdir(p)), sys_chdir(pa));
        int64_t want = kernel(syscall(SYS_getcwd, a, sizeof a)),
                got = sys_getcwd(host_app(b), sizeof b);
        if (want > 0 && got > 0) {
            expect(0, strcmp(a + strlen(root), b + strlen("/t/r")));
        } else {
            expect(want < 0 ? want : 0, got < 0 ? got : 0);
        }
        break;
    }
    case MKNOD:
        expect(kernel(mknod(p, S_IFREG | mode, 0)), sys_mknod(pa, S_IFREG | mode, 0));
        break;
    case CALLS:
        break;
    }
}

/* ---- whole trees
 * ------------------------------------------------------------------------------------------ */

static int by_name(const void *a, const void *b)
{
    return strcmp((const char *)a, (const char *)b);
}

static void same_tree(const char *path, int depth)
{
    both_stat(path, false);
    struct stat st;
    if (depth > 12 || lstat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
        if (S_ISLNK(st.st_mode)) {
            both_readlink(path);
        }
        return;
    }
    static char names[13][2][300][256];
    size_t count[2] = {0, 0};
    DIR *d = opendir(path);
    int64_t fd = sys_open(host_app(path), O_RDONLY | O_DIRECTORY, 0);
    if (!expect(d != NULL, fd >= 0) || d == NULL) {
        return;
    }
    for (struct dirent *e; (e = readdir(d)) != NULL && count[0] < 300;) {
        snprintf(names[depth][0][count[0]++], 256, "%s", e->d_name);
    }
    closedir(d);
    uint8_t buffer[500];
    int64_t n;
    while ((n = sys_getdents64((int)fd, host_app(buffer), sizeof buffer)) > 0) {
        for (int64_t i = 0; i < n && count[1] < 300; i += load_le16(buffer + i + 16)) {
            snprintf(names[depth][1][count[1]++], 256, "%s", (const char *)buffer + i + 19);
        }
    }
    sys_close((int)fd);
    expect((int64_t)count[0], (int64_t)count[1]);
    for (int s = 0; s < 2; s++) {
        qsort(names[depth][s], count[s], 256, by_name);
    }
    for (size_t i = 0; i < count[0] && i < count[1]; i++) {
        expect(0, strcmp(names[depth][0][i], names[depth][1][i]));
        char child[4096];
        snprintf(child, sizeof child, "%s/%s", path, names[depth][0][i]);
        if (names[depth][0][i][0] != '.') {
            note("tree %s", child);
            same_tree(child, depth + 1);
        }
    }
}

/* ---- cases
 * -------------------------------------------------------------------------------------------------
 */

static char long_name[300], long_path[5000];

/* clang-format off */
static const struct {
    enum call call;
    const char *p, *q;
    int flags;
    mode_t mode;
} cases[] = {
    {MKDIR, "d", "", 0, 0755}, {MKDIR, "d", "", 0, 0755}, {MKDIR, "d/", "", 0, 0755},
    {MKDIR, "e/", "", 0, 0700}, {MKDIR, "x/y", "", 0, 0755}, {MKDIR, ".", "", 0, 0755},
    {MKDIR, "..", "", 0, 0755}, {MKDIR, "d/.", "", 0, 0755}, {MKDIR, "d/..", "", 0, 0755},
    {MKDIR, "/", "", 0, 0755}, {MKDIR, "", "", 0, 0755}, {MKDIR, "m", "", 0, 07777},
    {OPEN, "f", "", O_RDWR | O_CREAT, 0644}, {OPEN, "f", "", O_RDWR | O_CREAT | O_EXCL, 0644},
    {OPEN, "f/", "", O_RDONLY, 0}, {OPEN, "f/", "", O_RDWR | O_CREAT, 0644},
    {OPEN, "n/", "", O_RDWR | O_CREAT, 0644}, {OPEN, "n/", "", O_RDONLY, 0},
    {OPEN, "f/x", "", O_RDONLY, 0}, {OPEN, "f/x", "", O_RDWR | O_CREAT, 0644},
    {OPEN, "f/.", "", O_RDONLY, 0}, {OPEN, "f/..", "", O_RDONLY, 0}, {OPEN, "d", "", O_RDWR, 0},
    {OPEN, "d", "", O_RDONLY, 0}, {OPEN, "d", "", O_RDONLY | O_CREAT, 0644},
    {OPEN, "d/", "", O_RDONLY | O_CREAT, 0644}, {OPEN, ".", "", O_RDWR | O_CREAT, 0644},
    {OPEN, "f", "", O_RDONLY | O_DIRECTORY, 0}, {OPEN, "d", "", O_RDONLY | O_DIRECTORY, 0},
    {OPEN, "f", "", O_WRONLY | O_TRUNC, 0}, {OPEN, "f", "", O_WRONLY | O_APPEND, 0},
    {OPEN, "d", "", O_RDONLY | O_TRUNC, 0}, {OPEN, "", "", O_RDONLY, 0},
    {OPEN, "d", "", O_WRONLY | O_TMPFILE, 0600}, {OPEN, "d", "", O_RDONLY | O_TMPFILE, 0600},
    {OPEN, "f", "", O_RDWR | O_TMPFILE, 0600}, {OPEN, "none", "", O_RDWR | O_TMPFILE, 0600},
    {OPEN, long_name, "", O_RDONLY, 0}, {OPEN, long_name, "", O_RDWR | O_CREAT, 0644},
    {OPEN, long_path, "", O_RDONLY, 0}, {STAT, "d/../d/./../f", "", 0, 0},
    {STAT, "d//..//f", "", 0, 0}, {STAT, "f/", "", 0, 0}, {STAT, "d/", "", 0, 0},
    {STAT, "none/..", "", 0, 0}, {STAT, "f/..", "", 0, 0}, {STAT, "d/.", "", 0, 0},
    {SYMLINK, "f", "lf", 0, 0}, {SYMLINK, "d", "ld", 0, 0}, {SYMLINK, "none", "ln", 0, 0},
    {SYMLINK, "ll", "ll", 0, 0}, {SYMLINK, "d/", "lds", 0, 0}, {SYMLINK, "f/", "lfs", 0, 0},
    {SYMLINK, "..", "lup", 0, 0}, {SYMLINK, "x", "f", 0, 0}, {SYMLINK, "x", "d/", 0, 0},
    {SYMLINK, "x", "ns/", 0, 0}, {SYMLINK, "", "empty", 0, 0}, {SYMLINK, "x", "", 0, 0},
    {SYMLINK, "new", "lnew", 0, 0}, {SYMLINK, ".", "ldot", 0, 0},
    {STAT, "lf", "", 0, 0}, {STAT, "lf/", "", 0, 0}, {LSTAT, "lf", "", 0, 0},
    {LSTAT, "lf/", "", 0, 0}, {LSTAT, "ld/", "", 0, 0}, {STAT, "ld/.", "", 0, 0},
    {STAT, "ln", "", 0, 0}, {STAT, "ll", "", 0, 0}, {LSTAT, "ll", "", 0, 0},
    {STAT, "ll/", "", 0, 0},
    {STAT, "lds", "", 0, 0}, {STAT, "lfs", "", 0, 0}, {LSTAT, "lfs", "", 0, 0},
    {STAT, "ldot/ldot/ldot/f", "", 0, 0}, {READLINK, "lf", "", 0, 0}, {READLINK, "f", "", 0, 0},
    {READLINK, "d", "", 0, 0}, {READLINK, "lf/", "", 0, 0}, {READLINK, "ld/", "", 0, 0},
    {READLINK, "none", "", 0, 0}, {READLINK, "", "", 0, 0},
    {OPEN, "lf", "", O_RDONLY | O_NOFOLLOW, 0}, {OPEN, "ld", "", O_RDONLY | O_NOFOLLOW, 0},
    {OPEN, "ld", "", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0},
    {OPEN, "ld/", "", O_RDONLY | O_NOFOLLOW, 0}, {OPEN, "ll", "", O_RDONLY, 0},
    {OPEN, "lf", "", O_RDWR | O_CREAT | O_EXCL, 0644},
    {OPEN, "ln", "", O_RDWR | O_CREAT | O_EXCL, 0644},
    {OPEN, "lnew", "", O_RDWR | O_CREAT, 0640}, {STAT, "new", "", 0, 0},
    {OPEN, "lfs", "", O_RDWR | O_CREAT, 0640}, {OPEN, "ln", "", O_RDONLY, 0},
    {RMDIR, "f", "", 0, 0}, {RMDIR, ".", "", 0, 0}, {RMDIR, "..", "", 0, 0},
    {RMDIR, "d/.", "", 0, 0},
    {RMDIR, "d/..", "", 0, 0}, {RMDIR, "none", "", 0, 0}, {RMDIR, "ld", "", 0, 0},
    {RMDIR, "ld/", "", 0, 0}, {RMDIR, "f/", "", 0, 0}, {RMDIR, "/", "", 0, 0},
    {RMDIR, "", "", 0, 0},
    {UNLINK, "d", "", 0, 0}, {UNLINK, "d/", "", 0, 0}, {UNLINK, "f/", "", 0, 0},
    {UNLINK, ".", "", 0, 0}, {UNLINK, "..", "", 0, 0}, {UNLINK, "/", "", 0, 0},
    {UNLINK, "none/", "", 0, 0}, {UNLINK, "lf/", "", 0, 0}, {UNLINK, "ld/", "", 0, 0},
    {UNLINK, "d/..", "", 0, 0}, {UNLINK, "", "", 0, 0},
    {MKDIR, "d/s", "", 0, 0755}, {RMDIR, "d", "", 0, 0}, {RENAME, "d", "d/s/t", 0, 0},
    {RENAME, "d", "d", 0, 0}, {RENAME, "d/s", "d", 0, 0}, {RENAME, "d", "d/s", 0, 0},
    {RENAME, "f", "d", 0, 0}, {RENAME, "d", "f", 0, 0}, {RENAME, "f", "f", 0, 0},
    {RENAME, "f", "g/", 0, 0}, {RENAME, "f/", "g", 0, 0}, {RENAME, "none", "g", 0, 0},
    {RENAME, ".", "g", 0, 0}, {RENAME, "d", ".", 0, 0}, {RENAME, "d", "..", 0, 0},
    {RENAME, "d/.", "g", 0, 0}, {RENAME, "none", ".", 0, 0}, {RENAME, "/", "/g", 0, 0},
    {RENAME, "e", "d/s", 0, 0}, {RENAME, "d/s", "e/", 0, 0}, {RENAME, "e/", "q/", 0, 0},
    {RENAME, "q", "d", 0, 0}, {RENAME, "q", "m", 0, 0}, {MKDIR, "d/s", "", 0, 0755},
    {RENAME, "m", "d", 0, 0}, {RENAME, "ld/", "z", 0, 0}, {RENAME, "ld", "z", 0, 0},
    {RENAME, "z", "ld", 0, 0}, {RENAME, "f", "lf", 0, 0}, {STAT, "lf", "", 0, 0},
    {RENAME, "lf", "f", 0, 0}, {RENAME2, "f", "new", RENAME_NOREPLACE, 0},
    {RENAME2, "f", "newer", RENAME_NOREPLACE, 0}, {RENAME2, "newer", "new", RENAME_EXCHANGE, 0},
    {RENAME2, "new", "none", RENAME_EXCHANGE, 0}, {RENAME2, "newer", "f", 0x80, 0},
    {RENAME2, "newer", ".", RENAME_NOREPLACE, 0}, {RENAME2, "newer", "f", 3, 0},
    {LINK, "new", "hard", 0, 0}, {STAT, "new", "", 0, 0}, {RENAME, "new", "hard", 0, 0},
    {STAT, "new", "", 0, 0}, {LINK, "d", "hd", 0, 0}, {LINK, "none", "h", 0, 0},
    {LINK, "new", "hard", 0, 0}, {LINK, "new", "h/", 0, 0}, {LINK, "new/", "h", 0, 0},
    {LINK, "new", "none/h", 0, 0}, {LINK, "ln", "hl", 0, 0}, {LSTAT, "hl", "", 0, 0},
    {LINK, "ln", "hl2", AT_SYMLINK_FOLLOW, 0}, {LINK, "new", ".", 0, 0},
    {LINK, "new", "hard/", 0, 0},
    {LINK, "new", "hard2", 0x8000, 0}, {UNLINK, "hard", "", 0, 0}, {STAT, "new", "", 0, 0},
    {TRUNCATE, "new", "", 10000, 0}, {TRUNCATE, "new", "", 5, 0}, {TRUNCATE, "d", "", 5, 0},
    {TRUNCATE, "none", "", 5, 0}, {TRUNCATE, "new", "", -1, 0}, {TRUNCATE, "new/", "", 1, 0},
    {STAT, "new", "", 0, 0}, {CHMOD, "new", "", 0, 0}, {OPEN, "new", "", O_RDONLY, 0},
    {OPEN, "new", "", O_WRONLY, 0}, {TRUNCATE, "new", "", 0, 0}, {ACCESS, "new", "", 4, 0},
    {ACCESS, "new", "", 0, 0}, {CHMOD, "new", "", 0, 0444}, {OPEN, "new", "", O_RDWR, 0},
    {OPEN, "new", "", O_RDONLY | O_TRUNC, 0}, {CHMOD, "new", "", 0, 07777}, {STAT, "new", "", 0, 0},
    {CHMOD, "d", "", 0, 0}, {STAT, "d/s", "", 0, 0}, {OPEN, "d/x", "", O_RDWR | O_CREAT, 0644},
    {RMDIR, "d/s", "", 0, 0}, {CHMOD, "d", "", 0, 0400}, {STAT, "d/s", "", 0, 0},
    {CHMOD, "d", "", 0, 0500}, {STAT, "d/s", "", 0, 0}, {OPEN, "d/x", "", O_RDWR | O_CREAT, 0644},
    {RMDIR, "d/s", "", 0, 0}, {UNLINK, "d/none", "", 0, 0}, {CHMOD, "d", "", 0, 0755},
    {ACCESS, "none", "", 0, 0}, {ACCESS, "d", "", 7, 0}, {ACCESS, "ll", "", 0, 0},
    {CHDIR, "d", "", 0, 0}, {CHDIR, "none", "", 0, 0}, {CHDIR, "..", "", 0, 0},
    {CHDIR, "new", "", 0, 0},
    {CHDIR, "ld", "", 0, 0}, {CHDIR, "..", "", 0, 0}, {MKDIR, "gone", "", 0, 0755},
    {CHDIR, "gone", "", 0, 0}, {RMDIR, "../gone", "", 0, 0}, {STAT, ".", "", 0, 0},
    {OPEN, "file", "", O_RDWR | O_CREAT, 0644}, {MKDIR, "dir", "", 0, 0755}, {STAT, "..", "", 0, 0},
    {OPEN, ".", "", O_RDONLY, 0}, {CHDIR, ".", "", 0, 0}, {CHDIR, "..", "", 0, 0},
    {MKNOD, "node", "", 0, 0644}, {MKNOD, "node", "", 0, 0644}, {MKNOD, "nd/", "", 0, 0644},
    {STAT, "node", "", 0, 0}, {RENAME, "node", "a-much-longer-name-than-before", 0, 0},
    {STAT, "a-much-longer-name-than-before", "", 0, 0},
    {RENAME, "a-much-longer-name-than-before", "s", 0, 0}, {STAT, "s", "", 0, 0},
};
/* clang-format on */

static void test_cases(void)
{
    memset(long_name, 'n', 256);
    memset(long_path, '/', 4999);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        both(cases[i].call, cases[i].p, cases[i].q, cases[i].flags, cases[i].mode);
    }
    same_tree(".", 0);
    CHECK(failures == 0, "%zu cases of names give the kernel's results and errors",
          ARRAY_SIZE(cases));
}

/* ---- random sequences
 * ----------------------------------------------------------------------------------------- */

static const char *random_path(char *ret)
{
    static const char *const parts[] = {"a", "b", "c", "dd", "e-long-name", ".", ".."};
    size_t n = 0, dots = 0;
    unsigned count = 1 + (unsigned)(next() % 3);
    for (unsigned i = 0; i < count; i++) {
        size_t k = next() % (next() % 3 == 0 ? 7 : 4);
        if (k == 6 && (dots++ > 0 || i == 0)) {
            k = 0; /* never above the folder */
        }
        n += (size_t)sprintf(ret + n, "%s%s", i == 0 ? "" : next() % 9 == 0 ? "//" : "/", parts[k]);
    }
    if (next() % 12 == 0) {
        strcpy(ret + n, "/");
    }
    return ret;
}

static void test_random(uint64_t start, int calls)
{
    static const int open_flags[] = {O_RDONLY,
                                     O_RDWR,
                                     O_WRONLY,
                                     O_RDWR | O_CREAT,
                                     O_RDWR | O_CREAT | O_EXCL,
                                     O_WRONLY | O_CREAT | O_TRUNC,
                                     O_WRONLY | O_APPEND | O_CREAT,
                                     O_RDONLY | O_DIRECTORY,
                                     O_RDONLY | O_NOFOLLOW,
                                     O_RDWR | O_TMPFILE};
    static const mode_t modes[] = {0755, 0644, 0700, 0777, 0555, 0600, 0311};
    seed = start;
    for (int i = 0; i < calls && failures == 0; i++) {
        char p[256], q[256];
        enum call call = (enum call)(next() % CALLS);
        random_path(p);
        random_path(q);
        if (call == CHDIR) {
            continue;
        }
        int flags = call == OPEN       ? open_flags[next() % ARRAY_SIZE(open_flags)]
                    : call == TRUNCATE ? (int)(next() % 30000)
                    : call == RENAME2  ? (next() % 2 == 0 ? RENAME_NOREPLACE : 0)
                    : call == ACCESS   ? (int)(next() % 8)
                                       : 0;
        if (call == SYMLINK && strstr(p, "..") != NULL) {
            continue; /* a link up, followed by "..", leaves what is the same on both sides */
        }
        both(call, p, q, flags, modes[next() % ARRAY_SIZE(modes)]);
        if (i % 50 == 0 && failures == 0) {
            note("whole tree");
            same_tree(".", 0);
        }
    }
}

static void start(void)
{
    static struct manifest manifest;
    struct diag d;
    manifest.uid = geteuid();
    manifest.gid = getegid();
    manifest.mount_count = 1;
    manifest.mounts[0].path = BYTES_STR("/t");
    manifest.mounts[0].size = 256 << 20;
    manifest.cwd = BYTES_STR("/t");
    int err = fs_start(&manifest, &d);
    if (err != 0) {
        printf("# %s\n", d.text);
    }
    REQUIRE(err == 0);
    REQUIRE(sys_mkdir(host_app("/t/r"), 0777) == 0 && sys_chmod(host_app("/t/r"), 01777) == 0 &&
            sys_mkdir(host_app("/t/r/w"), 0777) == 0 && sys_chdir(host_app("/t/r/w")) == 0);
}

static int in_child(uint64_t first_seed)
{
    /* Never above the folder, wherever links lead. And without root's rights, which would hide all
     * permission checks of the kernel. */
    if (geteuid() == 0 && chroot(top) == 0 && chdir("/") == 0) {
        strcpy(root, "/r");
    }
    if (geteuid() == 0 &&
        (setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0)) {
        return 1;
    }
    umask(022);
    start();
    char folder[100];
    snprintf(folder, sizeof folder, "%s/w", root);
    if (mkdir(folder, 0777) != 0 || chdir(folder) != 0) {
        return 1;
    }
    if (first_seed == 0) {
        test_cases();
        return tap_failed_;
    }
    test_random(first_seed, 2500);
    return failures != 0;
}

static int run(uint64_t first_seed)
{
    strcpy(top, "/dev/shm/alcove-names-XXXXXX");
    if (mkdtemp(top) == NULL) {
        strcpy(top, "/tmp/alcove-names-XXXXXX");
        REQUIRE(mkdtemp(top) != NULL);
    }
    snprintf(root, sizeof root, "%s/r", top);
    REQUIRE(chmod(top, 0755) == 0 && mkdir(root, 0777) == 0 && chmod(root, 01777) == 0);
    REQUIRE(geteuid() != 0 || chown(root, 65534, 65534) == 0);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        int r = in_child(first_seed);
        fflush(stdout);
        _exit(r);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    char command[256];
    snprintf(command, sizeof command, "chmod -R u+rwX %s; rm -rf %s", top, top);
    ignore_result(system(command), "only temporary files");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

int main(int argc, char **argv)
{
    int r = run(0);
    tap_count_ = 1;
    tap_failed_ = r != 0;
    uint64_t base = argc > 1 ? strtoull(argv[1], NULL, 10) : (uint64_t)time(NULL) * 1000;
    int failed = 0;
    int rounds = argc > 1 ? 1 : 20;
    for (int i = 0; i < rounds && failed == 0; i++) {
        failed = run(base + (uint64_t)i);
        if (failed != 0) {
            printf("# reproduce: %s %llu\n", argv[0], (unsigned long long)(base + (uint64_t)i));
        }
    }
    CHECK(failed == 0, "random sequences of calls leave the tree that they leave on Linux");
    return tap_done();
}
