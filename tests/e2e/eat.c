/* SPDX-License-Identifier: Apache-2.0 */
/* Takes all memory that there is, in several ways, and goes on: e2e/memory-limit.sh. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MIB  (1ul << 20)
#define RW   (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

static size_t eat_heap(void)
{
    struct link {
        struct link *next;
    } *list = NULL, *block;
    size_t n = 0;
    while ((block = malloc(MIB)) != NULL) {
        memset(block, 1, MIB);
        block->next = list;
        list = block;
        n++;
    }
    printf("malloc %s\n", errno == ENOMEM ? "ENOMEM" : "strange");
    while ((block = list) != NULL) {
        list = block->next;
        free(block);
    }
    return n;
}

static size_t eat_maps(void)
{
    char *at[4096];
    size_t n = 0;
    while (n < 4096 && (at[n] = mmap(NULL, MIB, RW, ANON, -1, 0)) != MAP_FAILED) {
        memset(at[n++], 2, MIB);
    }
    printf("mmap %s\n", errno == ENOMEM ? "ENOMEM" : "strange");
    printf("brk %d, mremap %d\n", sbrk(8 * (long)MIB) == (void *)-1,
           mremap(at[0], MIB, 16 * MIB, MREMAP_MAYMOVE) == MAP_FAILED);
    munmap(at[n - 1], MIB);
    at[n - 1] = mmap(NULL, MIB, RW, ANON, -1, 0);
    printf("given back, got again %d\n", at[n - 1] != MAP_FAILED);
    char *none = mmap(NULL, 64 * MIB, PROT_NONE, ANON, -1, 0);
    printf("address space alone %d\n", none != MAP_FAILED);
    printf("not as memory %d %s\n", mprotect(none, 64 * MIB, RW), strerrorname_np(errno));
    for (size_t i = 0; i < n; i++) {
        munmap(at[i], MIB);
    }
    printf("now %d\n", mprotect(none, 64 * MIB, RW));
    memset(none, 3, 64 * MIB);
    munmap(none, 64 * MIB);
    return n;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    size_t heap = eat_heap();
    printf("%zu MiB\n", heap);
    size_t maps = eat_maps();
    printf("%zu MiB\n", maps);
    if (argc > 1 && strcmp(argv[1], "touch") == 0) {
        volatile char *p = mmap(NULL, 1024 * MIB, RW, ANON | MAP_NORESERVE, -1, 0);
        printf("reserved\n");
        for (size_t i = 0; i < 1024 * MIB; i += 4096) {
            p[i] = 1;
        }
        printf("touched\n");
    }
    return 42;
}
