/* SPDX-License-Identifier: Apache-2.0 */
/* Staging, hash trees, images and lookups in them. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "erofs_view.h"
#include "file.h"
#include "layer.h"
#include "ldcache.h"
#include "stage.h"
#include "tests/tap.h"
#include "verity.h"

static char work[PATH_MAX];

static const char *at(const char *name)
{
    static char paths[4][PATH_MAX];
    static unsigned next;
    char *path = paths[next++ % 4];
    base_format(path, PATH_MAX, "%s/%s", work, name);
    return path;
}

/* ---- staging --------------------------------------------------------------------------------- */

static void test_stage(void)
{
    struct stage s;
    struct diag d;
    struct stat st;
    char path[PATH_MAX];
    mode_t old = umask(077);
    bool good = stage_open(&s, work, &d) == 0 &&
                stage_bytes(&s, "/a/b/c", BYTES_STR("x"), true, &d) == 0 &&
                stage_bytes(&s, "/a/d", BYTES_STR("y"), false, &d) == 0;
    umask(old);
    base_format(path, sizeof path, "%s/a/b", s.root);
    CHECK(good && stat(path, &st) == 0 && (st.st_mode & 07777) == 0755,
          "folders get their mode whatever the umask is");
    base_format(path, sizeof path, "%s/a/b/c", s.root);
    CHECK(stat(path, &st) == 0 && (st.st_mode & 07777) == 0755, "and so do programs");
    base_format(path, sizeof path, "%s/a/d", s.root);
    CHECK(stat(path, &st) == 0 && (st.st_mode & 07777) == 0644, "and other files");
    CHECK(stage_symlink(&s, "/out", work, &d) == 0 &&
              stage_bytes(&s, "/out/escaped", BYTES_STR("x"), false, &d) != 0 &&
              access(at("escaped"), F_OK) != 0,
          "no write leaves the tree through a symbolic link");
    CHECK(stage_copy(&s, "/null", "/dev/null", &d) == -EINVAL, "devices are refused");
    CHECK(stage_copy(&s, "/x", at("missing"), &d) == -ENOENT && strstr(d.text, "missing") != NULL,
          "a missing source is named");
    base_format(path, sizeof path, "%s", s.root);
    stage_close(&s);
    CHECK(access(path, F_OK) != 0, "closing removes the whole tree");
}

/* ---- hash trees ------------------------------------------------------------------------------ */

#define BLOCKS 300u /* three blocks of digests and one above */

static void test_verity(void)
{
    static uint8_t layer[(BLOCKS + 4) * VERITY_BLOCK];
    static const struct bytes salt = {NULL, 0};
    uint8_t *tree = NULL, root[32], other[32];
    size_t tree_size = 0;
    struct diag d;
    size_t size = (size_t)BLOCKS * VERITY_BLOCK;
    for (size_t i = 0; i < size; i++) {
        layer[i] = (uint8_t)(i * 7 + i / 4096);
    }
    CHECK(verity_build(BYTES(layer, size), salt, &tree, &tree_size, root, &d) == 0 &&
              tree_size == 4 * VERITY_BLOCK,
          "a tree over %u blocks has two levels", BLOCKS);
    memcpy(layer + size, tree, tree_size);
    struct bytes whole = BYTES(layer, size + tree_size);
    CHECK(verity_check(whole, size, salt, root, &d) == 0, "what was built is accepted");
    unsigned caught = 0, tried = 0;
    for (size_t i = 5; i < whole.size; i += 40007) {
        layer[i] ^= 0x10;
        tried++;
        caught += verity_check(whole, size, salt, root, &d) == -EBADMSG;
        layer[i] ^= 0x10;
    }
    CHECK(caught == tried, "a flipped bit anywhere in data or tree is found");
    layer[7 * VERITY_BLOCK] ^= 1;
    CHECK(verity_check(whole, size, salt, root, &d) == -EBADMSG &&
              strstr(d.text, "block 7 ") != NULL,
          "the block that is wrong is named");
    layer[7 * VERITY_BLOCK] ^= 1;
    memcpy(other, root, sizeof other);
    other[0] ^= 1;
    CHECK(verity_check(whole, size, salt, other, &d) == -EBADMSG, "another root hash is refused");
    CHECK(verity_check(whole, size, BYTES_STR("salt"), root, &d) == -EBADMSG,
          "another salt is refused");
    CHECK(verity_check(BYTES(layer, whole.size - 1), size, salt, root, &d) == -EINVAL &&
              verity_check(whole, size - VERITY_BLOCK, salt, root, &d) == -EINVAL &&
              verity_check(whole, size + 1, salt, root, &d) == -EINVAL,
          "sizes that do not fit are refused");
    free(tree);
}

/* ---- images ---------------------------------------------------------------------------------- */

static int fill(struct stage *s, bool backwards, struct diag *d)
{
    char path[64];
    int err = 0;
    for (unsigned i = 0; i < 200 && err == 0; i++) {
        unsigned k = backwards ? 199 - i : i;
        base_format(path, sizeof path, "/many/file-%u", k);
        err = stage_bytes(s, path, BYTES(path, strlen(path)), (k & 1) != 0, d);
    }
    err = err != 0 ? err : stage_bytes(s, "/usr/bin/tool", BYTES_STR("#!"), true, d);
    err = err != 0 ? err : stage_symlink(s, "/bin", "usr/bin", d);
    err = err != 0 ? err : stage_symlink(s, "/usr/bin/link", "../../bin/./tool", d);
    err = err != 0 ? err : stage_symlink(s, "/loop", "/loop", d);
    return err != 0 ? err : stage_symlink(s, "/up", "/upper/file", d);
}

static bool make(const char *dir, bool backwards, struct layer_id *ret, struct diag *d)
{
    struct stage s;
    bool good = make_folders(dir, d) == 0 && stage_open(&s, dir, d) == 0;
    if (good) {
        good = fill(&s, backwards, d) == 0 && layer_make(&s, dir, ret, d) == 0;
        stage_close(&s);
    }
    return good;
}

static bool has_mode(const struct erofs_view *v, const char *path, bool follow, uint32_t type)
{
    uint32_t mode = 0;
    return erofs_view_mode(v, path, follow, &mode) == 0 && (mode & S_IFMT) == type;
}

static void test_view(const char *lower, const char *upper)
{
    struct erofs_view v = {0};
    struct diag d;
    uint32_t mode = 0;
    CHECK(erofs_view_add(&v, lower, &d) == 0 && has_mode(&v, "/", true, S_IFDIR) &&
              has_mode(&v, "/many", true, S_IFDIR) && has_mode(&v, "/many/file-199", true, S_IFREG),
          "files of an image are found");
    CHECK(erofs_view_mode(&v, "/usr/bin/tool", true, &mode) == 0 && mode == (S_IFREG | 0755),
          "with their modes");
    CHECK(has_mode(&v, "/bin/tool", true, S_IFREG) && has_mode(&v, "/bin/link", true, S_IFREG) &&
              has_mode(&v, "/bin/link", false, S_IFLNK),
          "symbolic links are followed, relative and absolute");
    CHECK(erofs_view_mode(&v, "/loop", true, &mode) == -ELOOP, "a link to itself ends");
    CHECK(erofs_view_mode(&v, "/many/file-200", true, &mode) == -ENOENT &&
              erofs_view_mode(&v, "/bin/tool/x", true, &mode) == -ENOTDIR,
          "what is not there is not found");
    CHECK(erofs_view_mode(&v, "/up", true, &mode) == -ENOENT &&
              erofs_view_add(&v, upper, &d) == 0 && has_mode(&v, "/up", true, S_IFREG) &&
              has_mode(&v, "/many/more", true, S_IFREG) &&
              has_mode(&v, "/many/file-7", true, S_IFREG),
          "folders of two images merge, and links lead from one into the other");
    erofs_view_close(&v);
}

static void test_images(void)
{
    struct layer_id one, two, upper;
    struct diag d = {""};
    struct stage s;
    char lower_path[PATH_MAX], upper_path[PATH_MAX], hex[65];
    CHECK(make(at("one"), false, &one, &d) && make(at("two"), true, &two, &d) &&
              memcmp(one.root, two.root, 32) == 0 && one.size == two.size,
          "equal trees have equal root hashes, in whatever order they were made (%s)", d.text);
    bool good = stage_open(&s, work, &d) == 0 &&
                stage_bytes(&s, "/upper/file", BYTES_STR("x"), false, &d) == 0 &&
                stage_bytes(&s, "/many/more", BYTES_STR("x"), false, &d) == 0 &&
                layer_make(&s, work, &upper, &d) == 0;
    stage_close(&s);
    CHECK(good && upper.size >= 2 * VERITY_BLOCK, "even a small image has a tree");
    hex_encode(hex, one.root, 32);
    base_format(lower_path, sizeof lower_path, "%s/one/%s.img", work, hex);
    hex_encode(hex, upper.root, 32);
    base_format(upper_path, sizeof upper_path, "%s/%s.img", work, hex);
    struct manifest_layer expected = {.name = BYTES_STR("one"), .size = one.size};
    memcpy(expected.root, one.root, 32);
    CHECK(layer_check(lower_path, &expected, &d) == 0, "an image passes its own check");
    test_view(lower_path, upper_path);
}

static void test_cache(void)
{
    struct stage s;
    struct diag d;
    struct mapped_file f = {{NULL, 0}};
    char path[PATH_MAX];
    bool good = stage_open(&s, work, &d) == 0 &&
                stage_bytes(&s, "/lib/libb.so.2", BYTES_STR(""), false, &d) == 0 &&
                stage_bytes(&s, "/lib/libb.so.10", BYTES_STR(""), false, &d) == 0 &&
                stage_bytes(&s, "/lib/liba.so", BYTES_STR(""), false, &d) == 0 &&
                ldcache_stage(&s, "/lib", &d) == 0;
    base_format(path, sizeof path, "%s/etc/ld.so.cache", s.root);
    good = good && mapped_file_open(&f, path, 65536, &d) == 0;
    CHECK(good && f.bytes.size > 96 && memcmp(f.bytes.data, "glibc-ld.so.cache1.1", 20) == 0 &&
              load_le32(f.bytes.data + 20) == 2,
          "the loader's cache lists what has a version");
    CHECK(
        good &&
            strcmp((const char *)f.bytes.data + load_le32(f.bytes.data + 52), "libb.so.10") == 0 &&
            strcmp((const char *)f.bytes.data + load_le32(f.bytes.data + 56), "/lib/libb.so.10") ==
                0,
        "in the loader's own order, where 10 comes before 2");
    mapped_file_close(&f);
    stage_close(&s);
}

int main(void)
{
    base_format(work, sizeof work, "/tmp/alcove-layer-test.XXXXXX");
    if (mkdtemp(work) == NULL) {
        perror(work);
        return 1;
    }
    test_stage();
    test_verity();
    test_images();
    test_cache();
    remove_tree(work);
    return tap_done();
}
