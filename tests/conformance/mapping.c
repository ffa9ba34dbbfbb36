/* SPDX-License-Identifier: Apache-2.0 */
/* mmap and its relatives: hints and fixed places, every form of mremap, protection, advice, the
 * break, guard pages, reservations, locking, and the errors of all of them. Addresses are never
 * printed. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif
#ifndef MADV_COLD
#define MADV_COLD    20
#define MADV_PAGEOUT 21
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ  22
#define MADV_POPULATE_WRITE 23
#endif

#define PAGE 4096ul
#define RW   (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

static void show(const char *what, int good)
{
    printf("%s: %s\n", what, good ? "ok" : strerror(errno));
}

#define FAILS(what, call)                                                                          \
    do {                                                                                           \
        errno = 0;                                                                                 \
        long fails_result = (long)(call);                                                          \
        int fails_errno = errno;                                                                   \
        printf("%s: %s, %s\n", (what), fails_result == -1 ? "-1" : "not -1",                       \
               strerrorname_np(fails_errno));                                                      \
    } while (0)

/* glibc's mremap() hands on an address only with MREMAP_FIXED. */
static char *remap_keeping(char *p, size_t old_size, size_t new_size, int flags)
{
    return (char *)syscall(SYS_mremap, p, old_size, new_size, flags | MREMAP_DONTUNMAP, NULL);
}

static char *pages(size_t count)
{
    char *p = mmap(NULL, count * PAGE, RW, ANON, -1, 0);
    if (p == MAP_FAILED) {
        printf("no %zu pages: %m\n", count);
        exit(1);
    }
    return p;
}

/* Pages with nothing mapped around them: from the middle of what was mapped and is not any more. */
static char *hole(size_t count)
{
    char *p = mmap(NULL, (count + 2) * PAGE, PROT_NONE, ANON | MAP_NORESERVE, -1, 0);
    munmap(p, (count + 2) * PAGE);
    return p + PAGE;
}

static void fill(char *p, size_t count, char first)
{
    for (size_t i = 0; i < count; i++) {
        memset(p + i * PAGE, first + (int)i, PAGE);
    }
}

/* First letter of each page. */
static void letters(const char *what, const char *p, size_t count)
{
    printf("%s:", what);
    for (size_t i = 0; i < count; i++) {
        printf(" %c", p[i * PAGE] == 0 ? '0' : p[i * PAGE]);
    }
    printf("\n");
}

/* ---- faults ------------------------------------------------------------------------------------
 */

static sigjmp_buf back;
static volatile int expected; /* a fault: back is good */
static siginfo_t seen;

static void on_fault(int sig, siginfo_t *info, void *context)
{
    (void)sig;
    (void)context;
    if (!expected) {
        static const char text[] = "an unexpected fault\n";
        _exit(write(1, text, sizeof text - 1) > 0 ? 3 : 4);
    }
    seen = *info;
    expected = 0;
    siglongjmp(back, 1);
}

static void catch_faults(void)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
}

static void touch(const char *what, volatile char *p, int write)
{
    if (sigsetjmp(back, 1) == 0) {
        expected = 1;
        if (write) {
            *p = 'w';
        } else {
            (void)*p;
        }
        expected = 0;
        printf("%s: no fault\n", what);
        return;
    }
    printf("%s: %s, code %d, %s\n", what, sigabbrev_np(seen.si_signo), seen.si_code,
           seen.si_addr == (void *)p ? "there" : "elsewhere");
}

/* ---- places ------------------------------------------------------------------------------------
 */

static void hints(void)
{
    char *free_place = hole(64);
    char *p = mmap(free_place, 2 * PAGE, RW, ANON, -1, 0);
    show("a free hint is taken", p == free_place);
    char *q = mmap(p, PAGE, RW, ANON, -1, 0);
    show("a taken one is not", q != MAP_FAILED && q != p);
    char *r = mmap(p + PAGE, 2 * PAGE, RW, ANON, -1, 0);
    show("nor one that is half taken", r != MAP_FAILED && r != p + PAGE);
    char *s = mmap(p + 3 * PAGE + 5, PAGE, RW, ANON, -1, 0);
    show("a crooked one is rounded", s != MAP_FAILED && (uintptr_t)s % PAGE == 0);
    fill(p, 2, 'a');
    FAILS("NOREPLACE over something", mmap(p, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0));
    FAILS("NOREPLACE half over something",
          mmap(p + PAGE, 2 * PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0));
    char *t = mmap(p + 40 * PAGE, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0);
    show("NOREPLACE where nothing is", t == p + 40 * PAGE);
    munmap(t, PAGE);
    show("FIXED replaces", mmap(p + PAGE, PAGE, RW, ANON | MAP_FIXED, -1, 0) == p + PAGE);
    letters("the page beside it stays", p, 2);
    munmap(p, 2 * PAGE);
    munmap(s, PAGE);
    munmap(q, PAGE);
    munmap(r, 2 * PAGE);
}

static void bad_maps(void)
{
    int fd = open("/tmp/mapped", O_RDWR | O_CREAT | O_TRUNC, 0600), reader, writer, folder;
    if (ftruncate(fd, 3 * PAGE) != 0) {
        exit(1);
    }
    reader = open("/tmp/mapped", O_RDONLY);
    writer = open("/tmp/mapped", O_WRONLY);
    folder = open("/tmp", O_RDONLY | O_DIRECTORY);
    FAILS("length 0", mmap(NULL, 0, RW, ANON, -1, 0));
    FAILS("neither shared nor private", mmap(NULL, PAGE, RW, MAP_ANONYMOUS, -1, 0));
    FAILS("everything", mmap(NULL, SIZE_MAX - PAGE, PROT_NONE, ANON, -1, 0));
    FAILS("wraps around", mmap(NULL, SIZE_MAX, PROT_NONE, ANON, -1, 0));
    FAILS("FIXED, crooked", mmap((void *)(0x10000000ul + 1), PAGE, RW, ANON | MAP_FIXED, -1, 0));
    FAILS("FIXED beyond the end",
          mmap((void *)0x7ffffffff000ul, 16 * PAGE, RW, ANON | MAP_FIXED, -1, 0));
    FAILS("offset, crooked", mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 100));
    FAILS("no descriptor", mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, -1, 0));
    FAILS("a folder", mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, folder, 0));
    FAILS("not open for reading", mmap(NULL, PAGE, PROT_WRITE, MAP_PRIVATE, writer, 0));
    FAILS("shared writing, not open for it", mmap(NULL, PAGE, RW, MAP_SHARED, reader, 0));
    FAILS("unknown flags, validated", mmap(NULL, PAGE, RW, MAP_SHARED_VALIDATE | 0x8000000, fd, 0));
    char *p = mmap(NULL, PAGE, RW, MAP_PRIVATE, reader, 0);
    show("private writing, not open for it", p != MAP_FAILED);
    char *q = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, reader, 0);
    FAILS("nor may it be allowed later", mprotect(q, PAGE, RW));
    munmap(p, PAGE);
    munmap(q, PAGE);
    char *beyond = mmap(NULL, 5 * PAGE, RW, MAP_SHARED, fd, 0);
    touch("inside the file", beyond + 2 * PAGE, 1);
    touch("beyond its end", beyond + 3 * PAGE, 1);
    munmap(beyond, 5 * PAGE);
    p = mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0x7ffffffff000);
    show("an offset beyond every file", p != MAP_FAILED);
    munmap(p, PAGE);
    close(fd);
    close(reader);
    close(writer);
    close(folder);
    unlink("/tmp/mapped");
}

static void unmaps(void)
{
    char *p = pages(5);
    fill(p, 5, 'a');
    FAILS("munmap, crooked", munmap(p + 1, PAGE));
    FAILS("munmap of nothing", munmap(p, 0));
    FAILS("munmap that wraps", munmap(p, SIZE_MAX - PAGE));
    show("a middle goes", munmap(p + 2 * PAGE, PAGE) == 0);
    letters("below it", p, 2);
    letters("above it", p + 3 * PAGE, 2);
    show("a hole goes again", munmap(p, 5 * PAGE) == 0);
    show("a size is rounded up", munmap(pages(1), 1) == 0);
}

/* ---- mremap ------------------------------------------------------------------------------------
 */

static void remaps(void)
{
    char *p = pages(6), *q, *target;
    fill(p, 6, 'a');
    show("shrinks", mremap(p, 6 * PAGE, 3 * PAGE, 0) == p);
    show("grows into what is free", mremap(p, 3 * PAGE, 6 * PAGE, 0) == p);
    letters("with zeros", p, 6);
    mmap(p + 5 * PAGE, PAGE, RW, ANON | MAP_FIXED, -1, 0);
    mprotect(p + 5 * PAGE, PAGE, PROT_READ);
    FAILS("does not grow into what is not", mremap(p, 5 * PAGE, 6 * PAGE, 0));
    q = mremap(p, 5 * PAGE, 9 * PAGE, MREMAP_MAYMOVE);
    show("unless it may move", q != MAP_FAILED && q != p);
    letters("with its content", q, 9);
    show("the old place is free", mmap(p, 5 * PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0) == p);
    munmap(p, 6 * PAGE);
    target = hole(9);
    show("moves where it is told",
         mremap(q, 9 * PAGE, 9 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, target) == target);
    letters("all of it", target, 9);
    char *over = pages(4);
    fill(over, 4, 'p');
    show("over something, shrinking",
         mremap(target, 9 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, over + PAGE) ==
             over + PAGE);
    letters("replaces that much", over, 4);
    FAILS("onto itself",
          mremap(over, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, over + PAGE));
    FAILS("FIXED without MAYMOVE", mremap(over, PAGE, PAGE, MREMAP_FIXED, target));
    FAILS("FIXED, crooked", mremap(over, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, target + 8));
    FAILS("crooked", mremap(over + 8, PAGE, PAGE, 0));
    FAILS("to nothing", mremap(over, PAGE, 0, MREMAP_MAYMOVE));
    FAILS("unknown flags", mremap(over, PAGE, PAGE, 64));
    FAILS("nothing there", mremap(hole(1), PAGE, 2 * PAGE, MREMAP_MAYMOVE));
    FAILS("longer than its mapping", mremap(over, 64 * PAGE, 65 * PAGE, MREMAP_MAYMOVE));
    FAILS("a private one from nothing", mremap(over, 0, PAGE, MREMAP_MAYMOVE));
    munmap(over, 4 * PAGE);
}

static void remaps_of_parts(void)
{
    char *p = pages(5);
    fill(p, 5, 'a');
    char *q = mremap(p + PAGE, 2 * PAGE, 4 * PAGE, MREMAP_MAYMOVE);
    show("a part moves", q != MAP_FAILED);
    letters("it", q, 4);
    letters("before it", p, 1);
    letters("behind it", p + 3 * PAGE, 2);
    munmap(p, 5 * PAGE);
    mprotect(q, PAGE, PROT_READ);
    FAILS("two kinds of memory at once", mremap(q, 4 * PAGE, 8 * PAGE, MREMAP_MAYMOVE));
    char *r = mremap(q, PAGE, 3 * PAGE, MREMAP_MAYMOVE);
    touch("what could not be written cannot", r, 1);
    touch("nor what is new", r + 2 * PAGE, 1);
    touch("but read", r + 2 * PAGE, 0);
    munmap(q, 4 * PAGE);
    munmap(r, 3 * PAGE);
    p = pages(3);
    fill(p, 3, 'x');
    q = remap_keeping(p, 3 * PAGE, 3 * PAGE, MREMAP_MAYMOVE);
    show("DONTUNMAP", q != MAP_FAILED && q != p);
    letters("has moved", q, 3);
    letters("leaves zeros", p, 3);
    FAILS("DONTUNMAP does not grow", remap_keeping(p, PAGE, 2 * PAGE, MREMAP_MAYMOVE));
    FAILS("DONTUNMAP has to move", remap_keeping(p, PAGE, PAGE, 0));
    munmap(p, 3 * PAGE);
    munmap(q, 3 * PAGE);
}

static void remaps_of_files(void)
{
    int fd = open("/tmp/mapped", O_RDWR | O_CREAT | O_TRUNC, 0600);
    for (int i = 0; i < 4; i++) {
        char block[PAGE];
        memset(block, 'A' + i, sizeof block);
        if (write(fd, block, sizeof block) != (ssize_t)sizeof block) {
            exit(1);
        }
    }
    char *p = mmap(NULL, 2 * PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
    char *q = mremap(p, 2 * PAGE, 4 * PAGE, MREMAP_MAYMOVE);
    letters("a file's mapping grows along the file", q, 4);
    munmap(q, 4 * PAGE);
    p = mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, PAGE);
    q = mremap(p, 0, 2 * PAGE, MREMAP_MAYMOVE);
    show("a shared one from nothing is a second one", q != MAP_FAILED && q != p);
    letters("of the same", q, 2);
    p[0] = 'Z';
    letters("and stays it", q, 2);
    munmap(p, 2 * PAGE);
    munmap(q, 2 * PAGE);
    close(fd);
    unlink("/tmp/mapped");
}

/* ---- protection --------------------------------------------------------------------------------
 */

static void protection(void)
{
    char *p = pages(4);
    fill(p, 4, 'a');
    show("none", mprotect(p + PAGE, PAGE, PROT_NONE) == 0);
    touch("cannot be read", p + PAGE, 0);
    show("read", mprotect(p + PAGE, PAGE, PROT_READ) == 0);
    touch("can be read", p + PAGE, 0);
    touch("cannot be written", p + PAGE + 77, 1);
    show("written", mprotect(p, 4 * PAGE, RW) == 0);
    letters("and nothing is lost", p, 4);
    show("no bytes at all", mprotect(p, 0, PROT_READ) == 0);
    show("one byte is a page", mprotect(p, 1, PROT_READ) == 0);
    touch("all of it", p + PAGE - 1, 1);
    mprotect(p, PAGE, RW);
    FAILS("crooked", mprotect(p + 1, PAGE, PROT_READ));
    FAILS("both ways to grow", mprotect(p, PAGE, PROT_READ | PROT_GROWSDOWN | PROT_GROWSUP));
    FAILS("unknown rights", mprotect(p, PAGE, 0x80));
    munmap(p + 2 * PAGE, PAGE);
    FAILS("over a hole", mprotect(p, 4 * PAGE, PROT_READ));
    touch("before the hole it was done", p, 1);
    touch("behind it not", p + 3 * PAGE, 1);
    touch("the zero page's neighbours", NULL, 0);
    munmap(p, 4 * PAGE);
}

/* ---- advice ------------------------------------------------------------------------------------
 */

static void advice(void)
{
    char *p = pages(4);
    fill(p, 4, 'a');
    show("DONTNEED", madvise(p + PAGE, 2 * PAGE, MADV_DONTNEED) == 0);
    letters("is zeros", p, 4);
    fill(p, 4, 'a');
    mprotect(p, 2 * PAGE, PROT_READ);
    show("DONTNEED of what can only be read", madvise(p, 2 * PAGE, MADV_DONTNEED) == 0);
    letters("is zeros too", p, 4);
    mprotect(p, PAGE, PROT_NONE);
    show("DONTNEED of what cannot", madvise(p, PAGE, MADV_DONTNEED) == 0);
    mprotect(p, 2 * PAGE, RW);
    letters("is zeros", p, 4);
    fill(p, 4, 'a');
    show("FREE", madvise(p, PAGE, MADV_FREE) == 0);
    p[0] = 'n';
    letters("keeps what is written afterwards", p, 4);
    static const int hints[] = {
        MADV_NORMAL,     MADV_RANDOM,     MADV_SEQUENTIAL,    MADV_WILLNEED,      MADV_COLD,
        MADV_PAGEOUT,    MADV_DONTDUMP,   MADV_DODUMP,        MADV_DONTFORK,      MADV_DOFORK,
        MADV_WIPEONFORK, MADV_KEEPONFORK, MADV_POPULATE_READ, MADV_POPULATE_WRITE};
    for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++) {
        printf("advice %d: %d\n", hints[i], madvise(p, 4 * PAGE, hints[i]));
    }
    letters("changes nothing", p, 4);
    show("of nothing", madvise(p, 0, MADV_DONTNEED) == 0);
    FAILS("crooked", madvise(p + 1, PAGE, MADV_DONTNEED));
    FAILS("unknown", madvise(p, PAGE, 99));
    FAILS("unknown, of nothing", madvise(p, 0, 99));
    FAILS("that wraps", madvise(p, SIZE_MAX - PAGE, MADV_DONTNEED));
    FAILS("REMOVE of private memory", madvise(p, PAGE, MADV_REMOVE));
    munmap(p + PAGE, PAGE);
    FAILS("over a hole", madvise(p, 4 * PAGE, MADV_DONTNEED));
    letters("is done where it can be", p + 2 * PAGE, 2);
    FAILS("a hint over a hole", madvise(p, 4 * PAGE, MADV_WILLNEED));
    munmap(p, 4 * PAGE);
}

static void advice_on_files(void)
{
    int fd = open("/tmp/mapped", O_RDWR | O_CREAT | O_TRUNC, 0600);
    char block[2 * PAGE];
    memset(block, 'F', sizeof block);
    if (write(fd, block, sizeof block) != (ssize_t)sizeof block) {
        exit(1);
    }
    char *p = mmap(NULL, 2 * PAGE, RW, MAP_PRIVATE, fd, 0);
    p[0] = 'p';
    letters("a copy", p, 2);
    show("DONTNEED", madvise(p, 2 * PAGE, MADV_DONTNEED) == 0);
    letters("brings the file back", p, 2);
    FAILS("FREE of a file", madvise(p, PAGE, MADV_FREE));
    munmap(p, 2 * PAGE);
    p = mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0);
    p[0] = 's';
    show("DONTNEED of a shared one", madvise(p, 2 * PAGE, MADV_DONTNEED) == 0);
    letters("loses nothing", p, 2);
    munmap(p, 2 * PAGE);
    close(fd);
    unlink("/tmp/mapped");
}

/* ---- the break ---------------------------------------------------------------------------------
 */

static char *raw_brk(char *to)
{
    return (char *)syscall(SYS_brk, to);
}

static void breaks(void)
{
    char *start = raw_brk(NULL), *page = (char *)(((uintptr_t)start + PAGE - 1) / PAGE * PAGE);
    show("grows by a byte", raw_brk(start + 1) == start + 1);
    show("by pages", raw_brk(page + 4 * PAGE) == page + 4 * PAGE);
    letters("of zeros", page, 4);
    fill(page, 4, 'a');
    show("shrinks", raw_brk(page + PAGE) == page + PAGE);
    show("grows again", raw_brk(page + 4 * PAGE) == page + 4 * PAGE);
    letters("with zeros", page, 4);
    show("not below its start", raw_brk((char *)PAGE) == page + 4 * PAGE);
    show("not to the end of all memory", raw_brk((char *)0x7ffffffff000) == page + 4 * PAGE);
    char *wall = mmap(page + 8 * PAGE, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0);
    show("a wall", wall == page + 8 * PAGE);
    show("stops it", raw_brk(page + 10 * PAGE) == page + 4 * PAGE);
    show("not before", raw_brk(page + 7 * PAGE) == page + 7 * PAGE);
    munmap(wall, PAGE);
    show("back", raw_brk(start) == start);
}

/* ---- guards ------------------------------------------------------------------------------------
 */

static volatile char *deepest;

__attribute__((noinline)) static int dive(int n)
{
    volatile char room[1024];
    room[0] = (char)n;
    deepest = (volatile char *)__builtin_frame_address(0);
    return n > 1 << 20 ? 0 : dive(n + 1) + room[0];
}

static void *overflow(void *argument)
{
    stack_t alternate = {.ss_sp = argument, .ss_size = 64 * 1024};
    sigaltstack(&alternate, NULL);
    if (sigsetjmp(back, 1) == 0) {
        expected = 1;
        dive(0);
    }
    printf("overflow: %s, code %d, %s\n", sigabbrev_np(seen.si_signo), seen.si_code,
           (char *)seen.si_addr < (char *)deepest + 2048 &&
                   (char *)seen.si_addr > (char *)deepest - 8192
               ? "below the stack"
               : "elsewhere");
    alternate.ss_flags = SS_DISABLE;
    sigaltstack(&alternate, NULL);
    return NULL;
}

static void guards(void)
{
    pthread_attr_t attributes;
    pthread_t thread;
    char *alternate = pages(16);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 256 * 1024);
    pthread_attr_setguardsize(&attributes, 16 * 1024);
    if (pthread_create(&thread, &attributes, overflow, alternate) != 0) {
        exit(1);
    }
    pthread_join(thread, NULL);
    overflow(alternate); /* the first thread's stack, which the kernel made */
    munmap(alternate, 16 * PAGE);
}

/* ---- reservations ------------------------------------------------------------------------------
 */

static void reservations(void)
{
    const size_t size = 20ul << 30;
    char *p = mmap(NULL, size, PROT_NONE, ANON | MAP_NORESERVE, -1, 0);
    show("20 GiB that nothing is in", p != MAP_FAILED);
    for (size_t at = 0; at < size; at += size / 8) {
        if (mprotect(p + at, 64 * PAGE, RW) != 0) {
            printf("part at %zu: %m\n", at);
        }
        p[at] = 'r';
    }
    letters("parts of it", p + size / 8 * 7, 2);
    touch("not the rest", p + size / 2 + 64 * PAGE, 1);
    show("parts go back", madvise(p + size / 8 * 7, 64 * PAGE, MADV_DONTNEED) == 0);
    letters("to zeros", p + size / 8 * 7, 1);
    show("inside it something else",
         mmap(p + PAGE * 1024, PAGE, RW, ANON | MAP_FIXED, -1, 0) == p + PAGE * 1024);
    show("all goes", munmap(p, size) == 0);
    p = mmap(NULL, size, RW, ANON | MAP_NORESERVE, -1, 0);
    show("20 GiB that may be touched", p != MAP_FAILED);
    for (size_t at = 0; at < size; at += size / 16) {
        p[at + 12345] = 's';
    }
    printf("touched: %d %d\n", p[12345], p[size / 16 * 3]);
    show("read into it",
         read(open("/dev/zero", O_RDONLY), p + size / 2, 10 * PAGE) == 10 * (ssize_t)PAGE);
    show("all goes again", munmap(p, size) == 0);
}

/* ---- locking, looking, writing back ------------------------------------------------------------
 */

static void the_rest(void)
{
    char *p = pages(4);
    unsigned char vec[4] = {0};
    fill(p, 4, 'a');
    show("mlock", mlock(p + 5, PAGE) == 0);
    show("munlock", munlock(p, 2 * PAGE) == 0);
    show("mlock2", syscall(SYS_mlock2, p, PAGE, 1) == 0);
    FAILS("mlock2, unknown", syscall(SYS_mlock2, p, PAGE, 8));
    FAILS("mlockall of nothing", mlockall(0));
    FAILS("mlockall, unknown", mlockall(64));
    show("munlockall", munlockall() == 0);
    show("mincore", mincore(p, 4 * PAGE, vec) == 0);
    printf("%d %d %d %d\n", vec[0] & 1, vec[1] & 1, vec[2] & 1, vec[3] & 1);
    FAILS("mincore, crooked", mincore(p + 1, PAGE, vec));
    FAILS("mincore to nowhere", mincore(p, PAGE, (unsigned char *)16));
    show("msync", msync(p, PAGE, MS_SYNC) == 0);
    FAILS("msync, crooked", msync(p + 1, PAGE, MS_SYNC));
    FAILS("msync, now and later", msync(p, PAGE, MS_SYNC | MS_ASYNC));
    FAILS("msync, unknown", msync(p, PAGE, 64));
    munmap(p + 2 * PAGE, PAGE);
    FAILS("mlock over a hole", mlock(p, 4 * PAGE));
    FAILS("munlock over a hole", munlock(p, 4 * PAGE));
    FAILS("mincore over a hole", mincore(p, 4 * PAGE, vec));
    FAILS("msync over a hole", msync(p, 4 * PAGE, MS_SYNC));
    munmap(p, 4 * PAGE);
}

/* What was advised for fork holds for what mremap makes of it, in one mapping. */
static void remaps_and_fork(void)
{
    static const int advices[] = {MADV_DONTFORK, MADV_WIPEONFORK};
    for (size_t i = 0; i < 2; i++) {
        char *p = pages(4);
        memset(p, 7, 4 * PAGE);
        show("advised", madvise(p, 4 * PAGE, advices[i]) == 0);
        char *q = mremap(p, 4 * PAGE, 40 * PAGE, MREMAP_MAYMOVE); /* in place or not */
        char *r = mremap(q, 40 * PAGE, 80 * PAGE, MREMAP_MAYMOVE);
        show("grown twice", q != MAP_FAILED && r != MAP_FAILED && r[0] == 7 && r[79 * PAGE] == 0);
        memset(r, 8, 80 * PAGE);
        char *s = remap_keeping(r, 80 * PAGE, 80 * PAGE, MREMAP_MAYMOVE);
        show("moved", s != MAP_FAILED && s[60 * PAGE] == 8);
        pid_t child = fork();
        if (child == 0) {
            unsigned char in_core;
            int there = mincore(s + 60 * PAGE, PAGE, &in_core) == 0;
            _exit(there ? 10 + s[0] + s[60 * PAGE] : 1);
        }
        int status = 0;
        waitpid(child, &status, 0);
        printf("child: %d\n", WEXITSTATUS(status));
        munmap(s, 80 * PAGE);
        munmap(r, 80 * PAGE);
    }
}

int main(void)
{
    char *alternate = pages(16);
    stack_t stack = {.ss_sp = alternate, .ss_size = 16 * PAGE};
    static const struct {
        const char *name;
        void (*run)(void);
    } parts[] = {{"hints", hints},
                 {"bad maps", bad_maps},
                 {"unmaps", unmaps},
                 {"remaps", remaps},
                 {"remaps of parts", remaps_of_parts},
                 {"remaps of files", remaps_of_files},
                 {"remaps and fork", remaps_and_fork},
                 {"protection", protection},
                 {"advice", advice},
                 {"advice on files", advice_on_files},
                 {"breaks", breaks},
                 {"guards", guards},
                 {"reservations", reservations},
                 {"the rest", the_rest}};
    setvbuf(stdout, NULL, _IOLBF, 0);
    sigaltstack(&stack, NULL);
    catch_faults();
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        printf("--- %s\n", parts[i].name);
        parts[i].run();
        sigaltstack(&stack, NULL);
    }
    return 42;
}
