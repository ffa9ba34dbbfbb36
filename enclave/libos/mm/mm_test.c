/* SPDX-License-Identifier: Apache-2.0 */
/* The address space against a model: random calls on a small range, and after each the rights and
 * the content of every page are what Linux would have left. */
#include "mm/mm.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test_shim.h"
#include "tests/tap.h"

#define RW   (OS_PROT_READ | OS_PROT_WRITE)
#define ANON (OS_MAP_PRIVATE | OS_MAP_ANONYMOUS)
#define MIB  (UINT64_C(1) << 20)

static uint64_t random_state;
static uint64_t random_below(uint64_t n)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (random_state >> 33) % n;
}

/* ---- the model: WINDOW pages at MM_ANON + 1 GiB
 * -------------------------------------------------------- */

#define WINDOW      64u
#define WINDOW_BASE (MM_ANON + (UINT64_C(1) << 30))

struct page {
    bool mapped, file;
    uint32_t prot;
    uint8_t first; /* byte at its start */
};
static struct page model[WINDOW];
static struct file library = {.id = 3, .measured = true, .size = SHIM_FILE_SIZE};

static uint8_t rights(uint32_t prot)
{
    return (uint8_t)((prot != 0 ? 1u : 0) | (prot & OS_PROT_WRITE) | (prot & OS_PROT_EXEC));
}

static bool same(void)
{
    for (unsigned i = 0; i < WINDOW; i++) {
        uint64_t at = WINDOW_BASE + i * PAGE_SIZE;
        const struct page *m = &model[i];
        if (mm_is_mapped(at) != m->mapped) {
            printf("# page %u: mapped is %d\n", i, !m->mapped);
            return false;
        }
        if (!m->mapped) {
            continue;
        }
        int r = shim_rights(at);
        if ((r < 0 ? 0 : r) != rights(m->prot)) {
            printf("# page %u: rights %d, expected %d\n", i, r, rights(m->prot));
            return false;
        }
        if (r >= 0 && *shim_at(at) != m->first) {
            printf("# page %u: content %u, expected %u\n", i, *shim_at(at), m->first);
            return false;
        }
    }
    return true;
}

static void step_map(unsigned first, unsigned n)
{
    static const uint32_t prots[] = {0, OS_PROT_READ, RW, RW, OS_PROT_READ | OS_PROT_EXEC};
    uint32_t prot = prots[random_below(5)];
    bool file = prot == (OS_PROT_READ | OS_PROT_EXEC) || random_below(3) == 0;
    uint64_t offset = random_below(4) * PAGE_SIZE;
    if (file && offset + n * PAGE_SIZE > SHIM_FILE_SIZE) {
        n = 2;
        first = first > WINDOW - 2 ? WINDOW - 2 : first;
    }
    int64_t r = mm_map(WINDOW_BASE + first * PAGE_SIZE, n * PAGE_SIZE, prot,
                       OS_MAP_FIXED | OS_MAP_PRIVATE | (file ? 0 : OS_MAP_ANONYMOUS),
                       file ? &library : NULL, file ? offset : 0);
    REQUIRE(r == (int64_t)(WINDOW_BASE + first * PAGE_SIZE));
    for (unsigned i = 0; i < n; i++) {
        model[first + i] =
            (struct page){.mapped = true,
                          .file = file,
                          .prot = prot,
                          .first = file ? shim_file_byte(library.id, offset + i * PAGE_SIZE) : 0};
    }
}

static void step_protect(unsigned first, unsigned n)
{
    uint32_t prot = random_below(2) == 0 ? RW : random_below(2) == 0 ? OS_PROT_READ : 0;
    int64_t r = sys_mprotect(WINDOW_BASE + first * PAGE_SIZE, n * PAGE_SIZE, prot);
    for (unsigned i = 0; i < n; i++) {
        if (!model[first + i].mapped) { /* done up to there */
            REQUIRE(r == -ENOMEM);
            return;
        }
        model[first + i].prot = prot;
    }
    REQUIRE(r == 0);
}

static void step_write(unsigned first, unsigned n)
{
    for (unsigned i = first; i < first + n; i++) {
        if (model[i].mapped && (model[i].prot & OS_PROT_WRITE) != 0) {
            model[i].first = (uint8_t)random_below(256);
            *shim_at(WINDOW_BASE + i * PAGE_SIZE) = model[i].first;
        }
    }
}

static void step_forget(unsigned first, unsigned n)
{
    int64_t r = sys_madvise(WINDOW_BASE + first * PAGE_SIZE, n * PAGE_SIZE, 4 /* DONTNEED */);
    bool hole = false;
    for (unsigned i = first; i < first + n; i++) {
        hole = hole || !model[i].mapped;
        model[i].first = model[i].file ? model[i].first : 0;
    }
    REQUIRE(r == (hole ? -ENOMEM : 0));
}

static bool run_steps(uint64_t seed, unsigned count)
{
    random_state = seed;
    for (unsigned s = 0; s < count; s++) {
        unsigned first = (unsigned)random_below(WINDOW),
                 n = 1 + (unsigned)random_below(WINDOW - first);
        n = n > 6 ? 1 + n % 6 : n;
        switch (random_below(6)) {
        case 0:
        case 1:
            step_map(first, n);
            break;
        case 2:
            step_protect(first, n);
            break;
        case 3:
            REQUIRE(sys_munmap(WINDOW_BASE + first * PAGE_SIZE, n * PAGE_SIZE) == 0);
            memset(&model[first], 0, n * sizeof model[0]);
            break;
        case 4:
            step_write(first, n);
            break;
        default:
            /* The model does not follow which file pages were changed before. */
            for (unsigned i = first; i < first + n; i++) {
                if (model[i].file) {
                    n = 0;
                }
            }
            if (n != 0) {
                step_forget(first, n);
            }
        }
        if (!same()) {
            printf("# seed %llu, step %u\n", (unsigned long long)seed, s);
            return false;
        }
    }
    return true;
}

static void test_model(void)
{
    bool good = true;
    for (uint64_t seed = 1; seed <= 40 && good; seed++) {
        good = run_steps(seed, 500);
    }
    os.thread_count = 2;
    for (uint64_t seed = 41; seed <= 60 && good; seed++) {
        good = run_steps(seed, 500);
    }
    os.thread_count = 1;
    CHECK(good, "thirty thousand random calls leave every page as the model says");
    REQUIRE(sys_munmap(WINDOW_BASE, WINDOW * PAGE_SIZE) == 0);
    CHECK(library.references == 0, "no reference to a file is left when its mappings are gone");
    CHECK(mm_usage().charged == 0, "no memory is charged when nothing is mapped");
}

/* ---- rules
 * ------------------------------------------------------------------------------------------- */

static void test_rules(void)
{
    struct file data = {.id = 9, .measured = false, .size = SHIM_FILE_SIZE};
    CHECK(mm_map(0, PAGE_SIZE, RW | OS_PROT_EXEC, ANON, NULL, 0) == -EACCES,
          "writable and executable memory is refused");
    CHECK(mm_map(0, PAGE_SIZE, OS_PROT_READ | OS_PROT_EXEC, ANON, NULL, 0) == -EACCES,
          "anonymous executable memory is refused");
    CHECK(mm_map(0, PAGE_SIZE, OS_PROT_READ | OS_PROT_EXEC, OS_MAP_PRIVATE, &data, 0) == -EACCES,
          "text from a file that is not measured is refused");
    int64_t at = mm_map(0, PAGE_SIZE, RW, OS_MAP_PRIVATE, &library, 0);
    CHECK(sys_mprotect((uint64_t)at, PAGE_SIZE, OS_PROT_READ | OS_PROT_EXEC) == -EACCES,
          "what was writable does not become executable");
    CHECK(sys_mprotect((uint64_t)at, PAGE_SIZE, OS_PROT_READ) == 0 &&
              sys_mprotect((uint64_t)at, PAGE_SIZE, OS_PROT_READ | OS_PROT_EXEC) == -EACCES,
          "... not even after it was made read-only");
    CHECK(sys_munmap((uint64_t)at, PAGE_SIZE) == 0, "it can be unmapped");
    CHECK(mm_map(MM_STUBS, PAGE_SIZE, RW, ANON | OS_MAP_FIXED, NULL, 0) == -ENOMEM,
          "nothing is mapped over the rewriter's stubs");
    CHECK(sys_munmap(UINT64_MAX - 4095, 8192) == -EINVAL &&
              sys_munmap(APP_END - 4096, 8192) == -EINVAL,
          "ranges that overflow or leave the workload's memory are refused");
    CHECK(mm_map(0, UINT64_MAX - 10, RW, ANON, NULL, 0) == -ENOMEM, "a huge length is refused");
    CHECK(mm_map(0x1000, PAGE_SIZE, RW, ANON | OS_MAP_FIXED, NULL, 0) == -EPERM,
          "the lowest addresses stay free");
}

static void test_limit(void)
{
    uint64_t limit = mm_usage().limit;
    CHECK(mm_map(0, limit + PAGE_SIZE, RW, ANON, NULL, 0) == -ENOMEM,
          "more than the manifest's memory is refused");
    int64_t reserve = mm_map(0, 16 * limit, 0, ANON | OS_MAP_NORESERVE, NULL, 0);
    CHECK(reserve > 0 && mm_usage().charged == 0, "a reservation without rights costs nothing");
    CHECK(sys_mprotect((uint64_t)reserve, limit + PAGE_SIZE, RW) == -ENOMEM,
          "it cannot be made usable beyond the limit");
    CHECK(sys_mprotect((uint64_t)reserve, 64 * PAGE_SIZE, RW) == 0 &&
              mm_usage().charged == 64 * PAGE_SIZE,
          "it costs what is made usable");
    CHECK(sys_munmap((uint64_t)reserve, 16 * limit) == 0 && mm_usage().charged == 0,
          "and gives it back");
    int64_t lazy = mm_map(0, 4 * limit, RW, ANON | OS_MAP_NORESERVE, NULL, 0);
    CHECK(lazy > 0 && mm_usage().charged == 0 && shim_rights((uint64_t)lazy) < 0,
          "a NORESERVE mapping is not committed");
    CHECK(mm_page_in((uint64_t)lazy + 5 * PAGE_SIZE) && mm_usage().charged > 0 &&
              shim_rights((uint64_t)lazy + 5 * PAGE_SIZE) == 3,
          "... until it is touched");
    CHECK(!mm_page_in((uint64_t)lazy + 5 * PAGE_SIZE), "a second fault at one page is a real one");
    CHECK(sys_munmap((uint64_t)lazy, 4 * limit) == 0 && mm_usage().charged == 0,
          "and is given back");
}

static void test_reuse(void)
{
    int64_t at = mm_map(0, 8 * PAGE_SIZE, RW, ANON, NULL, 0);
    memset(shim_at((uint64_t)at), 7, 8 * PAGE_SIZE);
    uint64_t commits = shim_commits, protects = shim_protects;
    REQUIRE(sys_munmap((uint64_t)at, 8 * PAGE_SIZE) == 0);
    int64_t again = mm_map(0, 8 * PAGE_SIZE, RW, ANON, NULL, 0);
    CHECK(again == at && *shim_at((uint64_t)at) == 0, "memory that is used again is zero");
    CHECK(shim_commits == commits && shim_protects == protects && shim_releases == 0,
          "and the host is not asked for it");
    REQUIRE(sys_munmap((uint64_t)again, 8 * PAGE_SIZE) == 0);
}

/* As ld.so does it: the whole object, then text, read-only data and data over it. */
static void test_object(void)
{
    struct file object = {.id = 5, .measured = true, .size = 10 * PAGE_SIZE};
    uint32_t fixed = OS_MAP_PRIVATE | OS_MAP_FIXED;
    int64_t r = mm_map(0, 14 * PAGE_SIZE, OS_PROT_READ, OS_MAP_PRIVATE, &object, 0);
    uint64_t at = (uint64_t)r;
    CHECK(r == (int64_t)MM_FILES && object.reads == 10 * PAGE_SIZE,
          "an object is read whole, once");
    CHECK(mm_map(at + 2 * PAGE_SIZE, 4 * PAGE_SIZE, OS_PROT_READ | OS_PROT_EXEC, fixed, &object,
                 2 * PAGE_SIZE) > 0 &&
              shim_rights(at + 2 * PAGE_SIZE) == 5 && object.reads == 10 * PAGE_SIZE,
          "its text becomes executable where it lies");
    CHECK(mm_map(at + 6 * PAGE_SIZE, 2 * PAGE_SIZE, OS_PROT_READ, fixed, &object, 6 * PAGE_SIZE) >
                  0 &&
              shim_rights(at + 6 * PAGE_SIZE) == 1,
          "read-only data stays where it lies");
    CHECK(mm_map(at + 9 * PAGE_SIZE, 3 * PAGE_SIZE, RW, fixed, &object, 7 * PAGE_SIZE) > 0 &&
              object.reads == 10 * PAGE_SIZE &&
              *shim_at(at + 9 * PAGE_SIZE) == shim_file_byte(5, 7 * PAGE_SIZE) &&
              *shim_at(at + 11 * PAGE_SIZE) == shim_file_byte(5, 9 * PAGE_SIZE) &&
              shim_rights(at + 9 * PAGE_SIZE) == 3,
          "data that moves is copied inside, overlapping itself");
    CHECK(mm_map(at + 12 * PAGE_SIZE, 2 * PAGE_SIZE, RW, fixed | OS_MAP_ANONYMOUS, NULL, 0) > 0 &&
              *shim_at(at + 12 * PAGE_SIZE) == 0,
          "bss is zero");
    CHECK(sys_mprotect(at + 9 * PAGE_SIZE, PAGE_SIZE, OS_PROT_READ) == 0 &&
              shim_rights(at + 9 * PAGE_SIZE) == 1 && shim_rights(at + 10 * PAGE_SIZE) == 3,
          "relocated data becomes read-only");
    struct fs_text maps = {.data = NULL};
    os_maps_text(&maps);
    CHECK(strstr(maps.data, "r-xp 00002000 00:01 5                   /file\n") != NULL,
          "the map names the file");
    free(maps.data);
    CHECK(sys_munmap(at, 14 * PAGE_SIZE) == 0 && object.references == 0 && mm_usage().charged == 0,
          "the object can be unmapped");
}

/* A loader that leaves a gap between segments takes the rights of what lies there away first. */
static void test_object_with_gap(void)
{
    struct file object = {.id = 8, .measured = true, .size = 4 * PAGE_SIZE};
    int64_t r = mm_map(0, 6 * PAGE_SIZE, OS_PROT_READ, OS_MAP_PRIVATE, &object, 0);
    uint64_t at = (uint64_t)r, reads = object.reads;
    REQUIRE(r > 0 && sys_mprotect(at + PAGE_SIZE, 5 * PAGE_SIZE, 0) == 0);
    CHECK(mm_map(at + 2 * PAGE_SIZE, 3 * PAGE_SIZE, RW, OS_MAP_PRIVATE | OS_MAP_FIXED, &object,
                 PAGE_SIZE) > 0 &&
              object.reads == reads + 3 * PAGE_SIZE &&
              *shim_at(at + 2 * PAGE_SIZE) == shim_file_byte(8, PAGE_SIZE),
          "bytes that lie in pages without rights are read again, not copied");
    REQUIRE(sys_munmap(at, 6 * PAGE_SIZE) == 0);
}

static void scribble(uint64_t addr)
{
    *shim_at(addr) ^= 1;
}

/* Does mapping text end the enclave when another thread writes to it meanwhile? */
static bool racing_write_is_fatal(struct file *object)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        (void)!freopen("/dev/null", "w", stdout);
        shim_before_protect = scribble;
        int64_t r =
            mm_map(0, 2 * PAGE_SIZE, OS_PROT_READ | OS_PROT_EXEC, OS_MAP_PRIVATE, object, 0);
        _exit(r < 0 ? 1 : 2);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void test_text_with_threads(void)
{
    struct file object = {.id = 6, .measured = true, .size = 6 * PAGE_SIZE};
    uint32_t fixed = OS_MAP_PRIVATE | OS_MAP_FIXED;
    os.thread_count = 2;
    int64_t r = mm_map(0, 6 * PAGE_SIZE, OS_PROT_READ, OS_MAP_PRIVATE, &object, 0);
    uint64_t at = (uint64_t)r;
    uint64_t reads = object.reads;
    CHECK(mm_map(at + 2 * PAGE_SIZE, 2 * PAGE_SIZE, OS_PROT_READ | OS_PROT_EXEC, fixed, &object,
                 2 * PAGE_SIZE) > 0 &&
              object.reads == reads + 2 * PAGE_SIZE && shim_rights(at + 2 * PAGE_SIZE) == 5 &&
              *shim_at(at + 3 * PAGE_SIZE) == shim_file_byte(6, 3 * PAGE_SIZE),
          "with other threads, text is read again and compared");
    reads = object.reads;
    CHECK(mm_map(at + 5 * PAGE_SIZE, PAGE_SIZE, RW, fixed, &object, 4 * PAGE_SIZE) > 0 &&
              object.reads == reads &&
              *shim_at(at + 5 * PAGE_SIZE) == shim_file_byte(6, 4 * PAGE_SIZE),
          "data is not");
    CHECK(sys_mprotect(at, PAGE_SIZE, OS_PROT_READ | OS_PROT_EXEC) == 0 && shim_rights(at) == 5,
          "a read-only mapping of a measured file becomes text");
    CHECK(racing_write_is_fatal(&object),
          "a thread that writes to text while it is made ends the run");
    REQUIRE(sys_munmap(at, 6 * PAGE_SIZE) == 0);
    os.thread_count = 1;
}

static void test_brk_and_mremap(void)
{
    mm_set_brk(0x900123);
    CHECK(sys_brk(0) == 0x900123, "brk tells where the heap ends");
    CHECK(sys_brk(0x921000) == 0x921000 && shim_rights(0x901000) == 3, "the heap grows");
    *shim_at(0x920000) = 9;
    CHECK(sys_brk(0x910000) == 0x910000 && sys_brk(0x921000) == 0x921000 && *shim_at(0x920000) == 0,
          "a heap that shrank and grew is zero again");
    CHECK(sys_brk(0x900123) == 0x900123, "and shrinks");
    int64_t at = mm_map(0, 2 * PAGE_SIZE, RW, ANON, NULL, 0);
    *shim_at((uint64_t)at + PAGE_SIZE) = 42;
    int64_t wall =
        mm_map((uint64_t)at + 4 * PAGE_SIZE, PAGE_SIZE, RW, ANON | OS_MAP_FIXED, NULL, 0);
    CHECK(sys_mremap((uint64_t)at, 2 * PAGE_SIZE, 4 * PAGE_SIZE, 0, 0) == at,
          "a mapping grows in place");
    CHECK(sys_mremap((uint64_t)at, 4 * PAGE_SIZE, 8 * PAGE_SIZE, 0, 0) == -ENOMEM,
          "but not over its neighbour");
    int64_t moved = sys_mremap((uint64_t)at, 4 * PAGE_SIZE, 8 * PAGE_SIZE, 1, 0);
    CHECK(moved > 0 && moved != at && *shim_at((uint64_t)moved + PAGE_SIZE) == 42 &&
              !mm_is_mapped((uint64_t)at),
          "it moves with its content");
    REQUIRE(sys_munmap((uint64_t)moved, 8 * PAGE_SIZE) == 0 &&
            sys_munmap((uint64_t)wall, PAGE_SIZE) == 0);
    CHECK(mm_usage().charged == 0, "nothing is charged at the end");
}

/* Pages that are there before the workload is, as the loader of a measured image leaves them. */
static void measured_page(uint64_t at, uint64_t rights)
{
    REQUIRE(rt_mem_commit(app_at(at), PAGE_SIZE) == 0 &&
            rt_mem_protect(app_at(at), PAGE_SIZE, PAGE_RW, rights) == 0);
}

static void test_adopted(void)
{
    const uint64_t text = UINT64_C(0x3f000000), data = text + PAGE_SIZE, code = 5;
    uint64_t charged = mm_usage().charged;
    measured_page(text, code);
    measured_page(data, 3);
    *shim_at(data) = 42;
    CHECK(mm_adopt(text, PAGE_SIZE, OS_PROT_READ | OS_PROT_EXEC) == 0 &&
              mm_adopt(data, PAGE_SIZE, RW) == 0 && mm_usage().charged == charged + 2 * PAGE_SIZE,
          "pages of the image become mappings, which count");
    CHECK(mm_adopt(data, PAGE_SIZE, RW) == -EINVAL, "only once");
    CHECK(sys_mprotect(text, PAGE_SIZE, RW) == -EACCES && shim_rights(text) == 5,
          "text of the image does not become writable");
    CHECK(sys_mprotect(data, PAGE_SIZE, OS_PROT_READ | OS_PROT_EXEC) == -EACCES &&
              *shim_at(data) == 42,
          "data of the image does not become executable");
    CHECK(sys_mprotect(data, PAGE_SIZE, OS_PROT_READ) == 0 && shim_rights(data) == 1 &&
              sys_mprotect(data, PAGE_SIZE, RW) == 0 && shim_rights(data) == 3,
          "data that was protected can be written again");
    CHECK(sys_madvise(text, PAGE_SIZE, 4) == 0 && shim_rights(text) == 5,
          "text that is not needed stays as it is");
    CHECK(mm_map(data, PAGE_SIZE, RW, ANON | OS_MAP_FIXED, NULL, 0) == (int64_t)data &&
              *shim_at(data) == 0 && shim_rights(data) == 3,
          "what is mapped over the image is fresh memory");
    CHECK(sys_munmap(text, PAGE_SIZE) == 0 && shim_rights(text) == -1,
          "text that is unmapped goes back to the host");
    REQUIRE(sys_munmap(data, PAGE_SIZE) == 0);
    CHECK(mm_usage().charged == charged, "and nothing of it is charged any more");
}

static void test_sealed(void)
{
    struct file object = {.id = 7, .measured = true, .size = 2 * PAGE_SIZE};
    int64_t at = mm_map(0, PAGE_SIZE, OS_PROT_READ, OS_MAP_PRIVATE, &object, 0);
    REQUIRE(at > 0);
    mm_seal_text();
    CHECK(mm_map(0, PAGE_SIZE, OS_PROT_READ | OS_PROT_EXEC, OS_MAP_PRIVATE, &object, 0) ==
                  -EACCES &&
              sys_mprotect((uint64_t)at, PAGE_SIZE, OS_PROT_READ | OS_PROT_EXEC) == -EACCES,
          "once text is sealed, measured files do not become text either");
}

int main(void)
{
    shim_start(64 * MIB);
    REQUIRE(mm_start(64 * MIB) == 0);
    test_object();
    test_object_with_gap();
    test_reuse();
    test_rules();
    test_limit();
    test_text_with_threads();
    test_brk_and_mremap();
    test_model();
    test_adopted();
    test_sealed(); /* for good: last */
    return tap_done();
}
