/* SPDX-License-Identifier: Apache-2.0 */
/* Layers made by mkfs.erofs and veritysetup from a generated tree, read through the system calls
 * and compared with the tree itself, byte for byte; then with every kind of damage. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "block_cache.h"
#include "test_host.h"
#include "tests/tap.h"
#include "verity_range.h"

static char work[64]; /* temporary folder: work/a and work/b are the trees */
static struct manifest manifest;
static uint64_t seed = 1;

static uint64_t next(void)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return seed >> 33;
}

static const char *at(const char *format, ...)
{
    static char path[8][4096];
    static unsigned n;
    char *p = path[n++ % 8];
    int k = snprintf(p, 4096, "%s/", work);
    va_list args;
    va_start(args, format);
    vsnprintf(p + k, (size_t)(4096 - k), format, args);
    va_end(args);
    return p;
}

static void put_file(const char *path, size_t size)
{
    FILE *f = fopen(path, "w");
    for (size_t i = 0; i < size; i++) {
        fputc((int)(next() & 255), f);
    }
    fclose(f);
}

static void put_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    fputs(text, f);
    fclose(f);
}

/* Sizes around every boundary that the format has. */
static void make_trees(void)
{
    static const size_t sizes[] = {0,    1,    31,   100,   3000,  4000,  4064,   4095,   4096,
                                   4097, 8191, 8192, 10000, 65536, 65537, 200000, 1000000};
    mkdir(at("a"), 0755);
    mkdir(at("b"), 0755);
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        put_file(at("a/file%zu", sizes[i]), sizes[i]);
    }
    mkdir(at("a/dir"), 0750);
    mkdir(at("a/dir/empty"), 0755);
    mkdir(at("a/many"), 0755);
    for (int i = 0; i < 700; i++) { /* several directory blocks */
        put_text(
            at("a/many/name-%d-%.*s", i, i % 120,
               "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
               "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
            "x");
    }
    put_file(at("a/dir/mode"), 10);
    chmod(at("a/dir/mode"), 04755);
    char longest[256]; /* one less than NAME_MAX: mkfs.erofs 1.5 refuses that */
    memset(longest, 'n', 254);
    longest[254] = 0;
    put_text(at("a/dir/%s", longest), "longest");
    ignore_result(link(at("a/file100"), at("a/hard")), "checked by comparison");
    ignore_result(symlink("file100", at("a/link")), "");
    ignore_result(symlink("/dir/../file4097", at("a/absolute")), "");
    ignore_result(symlink("nowhere", at("a/dangling")), "");
    ignore_result(symlink("loop", at("a/loop")), "");
    ignore_result(symlink("dir", at("a/dirlink")), "");
    char target[3001];
    memset(target, 't', 3000);
    target[3000] = 0;
    ignore_result(symlink(target, at("a/longlink")), "");
    /* The upper layer: shadows a file, a directory by a file, adds, merges. */
    put_text(at("b/file100"), "upper");
    mkdir(at("b/dir"), 0755);
    put_text(at("b/dir/added"), "added");
    put_text(at("b/dir/empty"), "a file over a directory");
    mkdir(at("b/many"), 0700);
    put_text(at("b/many/name-3-xxx"), "upper name");
    mkdir(at("b/.alcove"), 0755);
    mkdir(at("b/.alcove/sites"), 0755);
    mkdir(at("b/.alcove/sites/dir"), 0755);
    put_file(at("b/.alcove/sites/dir/added"), 16 + 8 + 4800);
}

static bool is_in(const char *tree, const char *path, struct stat *ret)
{
    return lstat(at("%s%s", tree, path), ret) == 0;
}

static int64_t read_all(const char *path, size_t step, uint8_t **ret)
{
    int64_t fd = sys_open(host_app(path), O_RDONLY, 0);
    if (fd < 0) {
        return fd;
    }
    uint8_t *data = (uint8_t *)malloc(2000000);
    int64_t size = 0, n;
    while ((n = sys_read((int)fd, host_app(data + size), step)) > 0) {
        size += n;
    }
    sys_close((int)fd);
    *ret = data;
    return n < 0 ? n : size;
}

static bool same_content(const char *path, const char *host_path, size_t step)
{
    uint8_t *got;
    int64_t n = read_all(path, step, &got);
    if (n < 0) {
        return false;
    }
    FILE *f = fopen(host_path, "r");
    uint8_t *want = (uint8_t *)malloc(2000000);
    size_t size = fread(want, 1, 2000000, f);
    fclose(f);
    bool same = size == (size_t)n && memcmp(want, got, size) == 0;
    free(want);
    free(got);
    return same;
}

static unsigned compared, different;

static void compare_one(const char *path)
{
    struct stat want, got;
    const char *tree = "b";
    bool there = is_in("b", path, &want);
    /* Below a file of the upper layer nothing of the lower one shows. */
    if (!there) {
        tree = "a";
        there = is_in("a", path, &want);
    }
    int64_t err = sys_lstat(host_app(path), host_app(&got));
    bool ok =
        there && err == 0 && want.st_mode == got.st_mode &&
        (S_ISDIR(want.st_mode) || (want.st_size == got.st_size && want.st_nlink == got.st_nlink)) &&
        got.st_uid == 0 && got.st_mtime == 315619200;
    if (ok && S_ISLNK(want.st_mode)) {
        char a[4096], b[4096];
        ssize_t n = readlink(at("%s%s", tree, path), a, sizeof a);
        ok = sys_readlink(host_app(path), host_app(b), sizeof b) == n &&
             memcmp(a, b, (size_t)n) == 0;
    }
    if (ok && S_ISREG(want.st_mode)) {
        ok = same_content(path, at("%s%s", tree, path), 1000000) &&
             same_content(path, at("%s%s", tree, path), 1 + next() % 9000);
    }
    compared++;
    if (!ok) {
        printf("# differs: %.200s (%lld)\n", path, (long long)err);
        different++;
    }
}

static char seen[2000][300];

static void compare_dir(const char *path)
{
    int64_t fd = sys_open(host_app(path[0] == 0 ? "/" : path), O_RDONLY | O_DIRECTORY, 0);
    uint8_t buffer[700];
    size_t names = 0;
    int64_t n;
    while (fd >= 0 && (n = sys_getdents64((int)fd, host_app(buffer), sizeof buffer)) > 0) {
        for (int64_t i = 0; i < n; i += load_le16(buffer + i + 16)) {
            const char *name = (const char *)buffer + i + 19;
            for (size_t k = 0; k < names; k++) {
                different += strcmp(seen[k], name) == 0; /* no name twice */
            }
            snprintf(seen[names++], 300, "%s", name);
        }
    }
    sys_close((int)fd);
    size_t expected = 2;
    for (int t = 0; t < 2; t++) {
        DIR *d = opendir(at("%s%s", t == 0 ? "b" : "a", path));
        for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
            struct stat st;
            char child[4096];
            snprintf(child, sizeof child, "%s/%s", path, e->d_name);
            if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
                (t == 1 && is_in("b", child, &st))) {
                continue;
            }
            expected++;
            bool found = false;
            for (size_t k = 0; k < names; k++) {
                found = found || strcmp(seen[k], e->d_name) == 0;
            }
            different += !found;
        }
        if (d != NULL) {
            closedir(d);
        }
    }
    expected += path[0] == 0 ? 3u : 0u; /* proc, sys, dev */
    if (expected != names) {
        printf("# %s lists %zu names, not %zu\n", path, names, expected);
        different++;
    }
}

static size_t strip;

static int visit(const char *path, const struct stat *st, int kind, struct FTW *w)
{
    (void)kind, (void)w, (void)st;
    if (path[strip] != 0 && strcmp(path + strip, "/dir/empty") != 0) {
        compare_one(path + strip);
    }
    return 0;
}

static void start(size_t layers)
{
    struct diag d;
    manifest.layer_count = layers;
    manifest.cwd = host_bytes("/");
    for (size_t i = 0; i < MANIFEST_FILES_MAX; i++) {
        host_inputs[i].size = UINT64_MAX;
    }
    int err = fs_start(&manifest, &d);
    if (err != 0) {
        printf("# %s\n", d.text);
    }
    REQUIRE(err == 0);
}

static void test_tree(void)
{
    start(2);
    strip = strlen(at("a"));
    nftw(at("a"), visit, 16, FTW_PHYS);
    nftw(at("b"), visit, 16, FTW_PHYS);
    CHECK(different == 0 && compared > 700,
          "every file, link and directory of two layers reads as it "
          "was written (%u compared)",
          compared);
    different = 0;
    compare_dir("");
    compare_dir("/dir");
    compare_dir("/many");
    CHECK(different == 0, "listings of merged directories name every entry once");
    struct stat st;
    CHECK(sys_stat(host_app("/dir/empty/x"), host_app(&st)) == -ENOTDIR,
          "a file of an upper layer hides a directory below it");
    CHECK(sys_stat(host_app("/file100"), host_app(&st)) == 0 && st.st_size == 5,
          "the upper layer's file wins");
    CHECK(sys_open(host_app("/new"), O_CREAT | O_WRONLY, 0644) == -EROFS &&
              sys_mkdir(host_app("/dir/new"), 0755) == -EROFS &&
              sys_unlink(host_app("/file100")) == -EROFS &&
              sys_open(host_app("/file100"), O_RDWR, 0) == -EROFS,
          "layers cannot be written");
}

static void test_mapping(void)
{
    struct file *f;
    int bad = 0;
    static uint8_t memory[300 * 4096] __attribute__((aligned(4096)));
    static const char *const paths[] = {"/file4097",    "/file10000", "/file200000",
                                        "/file1000000", "/file4096",  "/file31"};
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        uint64_t size;
        bad += fs_open_path(paths[i], false, &f) != 0;
        bad += fs_file_size(f, &size) != 0;
        static uint8_t whole[1 << 20];
        bad += fs_read_trusted(f, 0, whole, sizeof whole) != (int64_t)size;
        for (int k = 0; k < 40; k++) {
            uint64_t off = next() % (size / 4096 + 2) * 4096;
            uint64_t n = k % 2 == 0 ? (1 + next() % 250) * 4096 : 1 + next() % 20000;
            memset(memory, 0xaa, sizeof memory);
            bad += fs_read_into_app(f, host_app(memory), n, off) != 0;
            for (uint64_t j = 0; j < n; j++) {
                uint8_t want = off + j < size ? whole[off + j] : 0;
                bad += memory[j] != want;
            }
            bad += memory[n] != 0xaa;
        }
        file_unref(f);
    }
    CHECK(bad == 0, "mappings hold the file's bytes and zeros behind its end, and nothing beyond");
    void *sites;
    size_t n = 0;
    CHECK(fs_open_path("/dir/added", false, &f) == 0 && fs_sites(f, &sites, &n) == 0 &&
              n == 16 + 8 + 4800 && fs_is_measured(f),
          "the rewriting table of a file comes from its own layer");
    rt_free(sites);
    file_unref(f);
    CHECK(fs_open_path("/file10000", false, &f) == 0 && fs_sites(f, &sites, &n) == -ENOENT,
          "a file without a table has none");
    file_unref(f);
}

static void test_speed(void)
{
    struct timespec a, b;
    struct stat st;
    const int rounds = 300000;
    const char *path = "/many/../many/./../many/name-5-xxxxx";
    clock_gettime(CLOCK_MONOTONIC, &a);
    for (int i = 0; i < rounds; i++) {
        REQUIRE(sys_stat(host_app(path), host_app(&st)) == 0);
    }
    clock_gettime(CLOCK_MONOTONIC, &b);
    double ns = ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) / rounds;
    printf("# stat of a path of seven components: %.0f ns in this build\n", ns);
}

/* ---- damage
 * ------------------------------------------------------------------------------------------ */

static int verity_of(struct verity *v, const struct manifest_layer *m)
{
    struct diag d;
    return verity_init(v, 0, host_bytes("a"), m->size, m->root, m->salt, rt_layer_span(0), &d);
}

/* Reads every data block; true when the enclave stops and the sentence names the layer. */
static bool stops(const struct manifest_layer *m)
{
    struct verity v;
    volatile bool stopped = true; /* lives across longjmp */
    block_cache_reset();
    if (verity_of(&v, m) != 0) {
        return true;
    }
    host_stop_armed = true;
    if (setjmp(host_stop) == 0) {
        for (uint64_t b = 0; b < v.layout.data_blocks; b++) {
            ignore_result(block_get(&v, b) == NULL, "a mismatch jumps");
        }
        stopped = false;
    }
    host_stop_armed = false;
    verity_done(&v);
    block_cache_reset();
    return stopped && strstr(host_stopped, "layer 0 (a)") != NULL;
}

static void test_damage(void)
{
    size_t size;
    uint8_t *image = host_map_layer(0, at("a.img"), &size);
    struct manifest_layer m = manifest.layers[0];
    CHECK(!stops(&m), "an undamaged layer is read to its end");
    int missed = 0, tree_hits = 0;
    for (int i = 0; i < 60; i++) {
        uint64_t bit = (uint64_t)next() * 2147483648u + next();
        bit %= (i % 2 == 0 ? size * 8 : (size - m.size) * 8);
        bit += i % 2 == 0 ? 0 : m.size * 8; /* half of them in the hash tree */
        image[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        host_stopped[0] = 0;
        bool ok = stops(&m);
        tree_hits += ok && strstr(host_stopped, "hash tree") != NULL;
        missed += !ok;
        image[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    CHECK(missed == 0 && tree_hits >= 30,
          "any flipped bit of data or tree stops the enclave, naming "
          "layer and block");
    struct manifest_layer other = m;
    other.root[0] ^= 1;
    CHECK(stops(&other), "another root hash is refused");
    other = m;
    other.salt = BYTES_STR("\x01\x02\x03\x05");
    CHECK(stops(&other), "another salt is refused");
    struct diag d;
    struct verity v;
    other = m;
    host_span whole = rt_layer_span(0);
    host_set_layer(0, image, size - 4096);
    CHECK(verity_init(&v, 0, host_bytes("a"), m.size, m.root, m.salt, rt_layer_span(0), &d) ==
              -EINVAL,
          "a truncated image is refused before it is read");
    host_set_layer(0, (void *)(uintptr_t)whole.addr, whole.size);
    CHECK(verity_init(&v, 0, host_bytes("a"), m.size + 1, m.root, m.salt, whole, &d) == -EINVAL &&
              verity_init(&v, 0, host_bytes("a"), 0, m.root, m.salt, whole, &d) == -EINVAL &&
              verity_init(&v, 0, host_bytes("a"), UINT64_MAX - 4095, m.root, m.salt, whole, &d) ==
                  -EINVAL,
          "sizes that are no multiple of a block, zero or absurd are refused");
    /* In-place reading leaves no unverified byte behind. */
    REQUIRE(verity_of(&v, &m) == 0);
    static uint8_t memory[VERITY_BATCH * 4096];
    uint64_t blocks[VERITY_BATCH];
    uint8_t *to[VERITY_BATCH];
    for (size_t i = 0; i < VERITY_BATCH; i++) {
        blocks[i] = i + 3;
        to[i] = memory + i * 4096;
    }
    image[(3 + 20) * 4096 + 100] ^= 4;
    uint64_t bad = 0;
    memset(memory, 0xaa, sizeof memory);
    bool clean = verity_read(&v, blocks, VERITY_BATCH, to, &bad) == -EBADMSG && bad == 23;
    for (size_t i = 0; i < sizeof memory; i++) {
        clean = clean && memory[i] == 0;
    }
    image[(3 + 20) * 4096 + 100] ^= 4;
    CHECK(clean, "a batch with one bad block is wiped and the block named");
    verity_done(&v);
}

static bool range_right(struct verity *v, uint64_t first, size_t count, uint8_t *to)
{
    uint64_t where = 0;
    int wrong = verity_read_range(v, first, count, to, &where) != 0;
    for (uint64_t i = 0; i < count; i++) {
        wrong += load_le64(to + i * 4096 + 4088) !=
                 ((first + i) * 4096 + 4088) * UINT64_C(0x9e3779b97f4a7c15);
    }
    return wrong == 0;
}

/* With the helper, whose share is the scheduler's choice; sizes around where it is woken. */
static void reads_many(struct verity *v, uint8_t *image)
{
    const size_t most = 3000;
    uint8_t *to = malloc(most * 4096);
    int wrong = 0, missed = 0;
    REQUIRE(to != NULL);
    for (int i = 0; i < 300; i++) {
        size_t count = i % 3 == 0   ? 1 + next() % 260
                       : i % 3 == 1 ? 192 + next() % 3
                                    : next() % most + 1;
        wrong += !range_right(v, next() % (v->layout.data_blocks - count), count, to);
    }
    CHECK(wrong == 0, "ranges of any size are read right by two threads");
    for (int i = 0; i < 100; i++) {
        size_t count = 193 + next() % 1000;
        uint64_t first = next() % (v->layout.data_blocks - count), bad = first + next() % count;
        uint64_t found = 0;
        uint8_t *bit = &image[bad * 4096 + next() % 4096];
        *bit ^= 1;
        missed += verity_read_range(v, first, count, to, &found) != -EBADMSG || found != bad;
        for (size_t k = 0; k < count * 4096; k += 512) {
            missed += to[k] != 0;
        }
        *bit ^= 1;
    }
    CHECK(missed == 0, "one changed bit in a range is found, and nothing of the range is left");
    free(to);
}

/* The image is destroyed in between: what still comes back was kept. */
static void keeps_what_fits(struct verity *v, uint8_t *image)
{
    uint64_t count = v->layout.data_blocks, kept = 0, least = (UINT64_C(64) << 20) / 4096;
    int bad = 0;
    block_cache_reset();
    block_cache_set_room(count * 4096 + (UINT64_C(4) << 20));
    const uint8_t *views[VERITY_BATCH];
    for (uint64_t i = 0; i < count; i += VERITY_BATCH) {
        bad += block_get_run(v, i, count - i < VERITY_BATCH ? count - i : VERITY_BATCH, views) != 0;
    }
    memset(image, 0, count * 4096);
    for (uint64_t i = 0; i < count && bad == 0; i++) {
        const uint8_t *view = block_get(v, i);
        bad += view == NULL ||
               load_le64(view + 4088) != (i * 4096 + 4088) * UINT64_C(0x9e3779b97f4a7c15);
    }
    CHECK(bad == 0 && count > least, "with room for it, a layer is read and verified once");
    block_cache_set_room(0);
    block_cache_trim();
    for (uint64_t i = 0; i < count; i++) {
        kept += block_peek(v, i) != NULL;
    }
    CHECK(kept == least, "what the workload needs is given back, down to 64 MiB");
}

/* Reads `count` blocks from `first` on by themselves. Returns how many were wrong. */
static int reads_alone(struct verity *v, uint64_t first, uint64_t count)
{
    int bad = 0;
    for (uint64_t i = first; i < first + count; i++) {
        const uint8_t *view = block_get(v, i);
        bad += view == NULL ||
               load_le64(view + 4088) != (i * 4096 + 4088) * UINT64_C(0x9e3779b97f4a7c15);
    }
    return bad;
}

static void keeps_what_comes_again(struct verity *v)
{
    const uint8_t *views[VERITY_BATCH];
    const uint64_t least = (UINT64_C(64) << 20) / 4096;
    block_cache_reset();
    block_cache_set_room(0);
    int bad = 0;
    for (uint64_t i = 0; i < least; i += VERITY_BATCH) { /* full */
        bad += block_get_run(v, i, VERITY_BATCH, views) != 0;
    }
    bad += reads_alone(v, least, 1000);
    uint64_t kept = 0;
    for (uint64_t i = 0; i < least; i++) {
        kept += block_peek(v, i) != NULL;
    }
    CHECK(bad == 0 && kept + 32 == least, "a thousand blocks that come once displace 32");
    bad += reads_alone(v, least + 100, 1);
    bad += reads_alone(v, least + 1000, 1000);
    uint64_t hashed = v->blocks_hashed;
    bad += reads_alone(v, least + 100, 1);
    CHECK(bad == 0 && v->blocks_hashed == hashed, "a block that came twice stays");
    bad += reads_alone(v, least + 1990, 10);
    CHECK(bad == 0 && v->blocks_hashed == hashed, "the last few lie there");
    bad += reads_alone(v, least + 2000, 200);
    hashed = v->blocks_hashed;
    bad += reads_alone(v, least + 1990, 10);
    CHECK(bad == 0 && v->blocks_hashed == hashed, "and stay once they were asked for there");
}

static void test_cache(void)
{
    /* More blocks than the cache holds, in an order without pattern: content stays right. */
    size_t size = (size_t)80 << 20;
    uint8_t *image = (uint8_t *)aligned_alloc(4096, size + (size >> 6));
    for (size_t i = 0; i < size; i += 8) {
        store_le64(image + i, i * UINT64_C(0x9e3779b97f4a7c15));
    }
    struct verity_layout l;
    REQUIRE(verity_layout_of(size, &l));
    uint8_t root[32];
    for (unsigned level = 0; level < l.levels; level++) {
        uint64_t below = level == 0 ? 0 : l.level_start[level - 1];
        uint64_t count = level == 0 ? l.data_blocks : l.level_blocks[level - 1];
        memset(image + l.level_start[level] * 4096, 0, l.level_blocks[level] * 4096);
        for (uint64_t i = 0; i < count; i++) {
            const void *block[1] = {image + (below + i) * 4096};
            uint8_t digest[1][32];
            rt_sha256_blocks(block, 1, BYTES(NULL, 0), digest);
            memcpy(image + l.level_start[level] * 4096 + i * 32, digest[0], 32);
        }
    }
    const void *top[1] = {image + l.level_start[l.levels - 1] * 4096};
    uint8_t digest[1][32];
    rt_sha256_blocks(top, 1, BYTES(NULL, 0), digest);
    memcpy(root, digest[0], 32);
    host_set_layer(0, image, l.total_blocks * 4096);
    struct verity v;
    struct diag d;
    REQUIRE(verity_init(&v, 0, host_bytes("big"), size, root, BYTES(NULL, 0), rt_layer_span(0),
                        &d) == 0);
    int bad = 0;
    for (int i = 0; i < 6000; i++) {
        const uint8_t *views[VERITY_BATCH];
        size_t n = 1 + next() % VERITY_BATCH;
        uint64_t first = next() % (l.data_blocks - n);
        bad += block_get_run(&v, first, n, views) != 0;
        for (size_t k = 0; k < n && bad == 0; k++) {
            bad += load_le64(views[k] + 4088) !=
                   ((first + k) * 4096 + 4088) * UINT64_C(0x9e3779b97f4a7c15);
        }
    }
    CHECK(bad == 0, "a cache smaller than the layer gives right blocks under random batches");
    const uint8_t *view[1];
    CHECK(block_get_run(&v, l.data_blocks, 1, view) == -EIO && block_get(&v, UINT64_MAX) == NULL,
          "blocks beyond the data are refused");
    keeps_what_comes_again(&v);
    reads_many(&v, image);
    keeps_what_fits(&v, image);
    verity_done(&v);
    block_cache_reset();
    free(image);
}

int main(void)
{
    umask(022);
    strcpy(work, "/tmp/alcove-layer-XXXXXX");
    REQUIRE(mkdtemp(work) != NULL);
    make_trees();
    struct manifest_layer *l = manifest.layers;
    l[0].name = host_bytes("a");
    l[1].name = host_bytes("b");
    l[0].salt = BYTES_STR("\x01\x02\x03\x04");
    int made = host_make_layer(at("a"), at("a.img"), "01020304", &l[0]);
    made = made == 0 ? host_make_layer(at("b"), at("b.img"), "-", &l[1]) : made;
    CHECK(made == 0, "mkfs.erofs and veritysetup make the layers");
    size_t size;
    if (made == 0 && host_map_layer(0, at("a.img"), &size) != NULL &&
        host_map_layer(1, at("b.img"), &size) != NULL) {
        test_tree();
        test_mapping();
        test_speed();
        test_damage();
        test_cache();
    }
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", work);
    ignore_result(system(command), "only temporary files");
    return tap_done();
}
