/* SPDX-License-Identifier: Apache-2.0 */
/* A table of code in the program's own text is mapped a second time from its file, beside a page of
 * data that the copy reads: so libffi's static trampolines (tramp.c) and others make function
 * pointers without memory that is writable and executable. Run on Linux and in an enclave. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE  4096u
#define ENTRY 16u

/* Each entry jumps to what lies one page behind itself, with what lies 8 bytes further in rsi. */
__asm__(".text\n"
        ".balign 4096\n"
        ".globl table\n"
        "table:\n"
        ".rept 256\n"
        "1: mov 1b+4096+8(%rip), %rsi\n"
        "   jmp *1b+4096(%rip)\n"
        ".balign 16\n"
        ".endr\n");
extern char table[];

static const char *err(const void *p)
{
    return p == MAP_FAILED ? strerrorname_np(errno) : "ok";
}

/* The file and the offset that an address comes from, as libffi finds them. */
static int find(uintptr_t address, char *path, unsigned long *offset)
{
    char line[512], permissions[8];
    unsigned long start, end;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps != NULL && fgets(line, sizeof line, maps) != NULL) {
        *path = '\0';
        if (sscanf(line, "%lx-%lx %4s %lx %*x:%*x %*d %255s", &start, &end, permissions, offset,
                   path) >= 4 &&
            address >= start && address < end) {
            fclose(maps);
            *offset += address - start;
            return permissions[0] == 'r' && permissions[1] == '-' && permissions[2] == 'x';
        }
    }
    return -1;
}

static long add(long a, long b)
{
    return a + b;
}

static long times(long a, long b)
{
    return a * b;
}

static uint64_t *put(char *at, unsigned i, long (*function)(long, long), long bound)
{
    uint64_t *data = (uint64_t *)(void *)(at + PAGE + i * ENTRY);
    data[0] = (uint64_t)(uintptr_t)function;
    data[1] = (uint64_t)bound;
    return data;
}

static long (*entry(char *at, unsigned i))(long)
{
    return (long (*)(long))(uintptr_t)(at + i * ENTRY);
}

int main(void)
{
    char path[256], path2[256];
    unsigned long offset = 0, offset2;
    printf("text is readable and executable: %d\n", find((uintptr_t)table, path, &offset));
    printf("in a file: %d, offset of a page: %d\n", path[0] == '/', (int)(offset % PAGE));
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    printf("open: %d\n", fd >= 0);
    for (int turn = 0; turn < 3; turn++) {
        char *at = mmap(NULL, PAGE * 2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        printf("data: %s\n", err(at));
        void *code =
            mmap(at, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, fd, (off_t)offset);
        printf("code: %s, there %d, equal %d\n", err(code), code == at,
               memcmp(at, table, PAGE) == 0);
        put(at, 0, add, 5);
        put(at, 255, times, 7);
        printf("calls: %ld %ld\n", entry(at, 0)(turn), entry(at, 255)(turn));
        put(at, 0, times, 100);
        printf("another function: %ld\n", entry(at, 0)(turn));
        printf("maps: %d", find((uintptr_t)at, path2, &offset2));
        printf(", the same file %d at the same offset %d\n", strcmp(path, path2) == 0,
               offset == offset2);
        printf("data is not executable: %d\n", find((uintptr_t)at + PAGE, path2, &offset2));
        if (turn == 1) {
            munmap(at, PAGE * 2);
        }
    }
    printf("its text cannot become writable and executable: %d\n",
           mprotect(table, PAGE, PROT_READ | PROT_EXEC));
    close(fd);
    return 42;
}
