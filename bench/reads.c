/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a large file as a whole, in pieces of 1 MiB, twice; then 4 KiB at random places of another
 * one, of which nothing was read before. */
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"

enum { PIECE = 1 << 20, BLOCK = 4096, RANDOM_READS = 20000 };

static char piece[PIECE];

static double whole(const char *path)
{
    double begin = now();
    int file = open(path, O_RDONLY);
    need(file >= 0, path);
    ssize_t n;
    off_t got = 0;
    while ((n = read(file, piece, PIECE)) > 0) {
        got += n;
    }
    double seconds = now() - begin;
    struct stat st;
    need(fstat(file, &st) == 0 && got == st.st_size, path);
    close(file);
    return seconds;
}

/* Every block at most once, so that no read finds what an earlier one left: steps by a number that
 * shares no divisor with the count of blocks, far enough to defeat every read-ahead. */
static double at_random(const char *path)
{
    struct stat st;
    int file = open(path, O_RDONLY);
    need(file >= 0 && fstat(file, &st) == 0, path);
    uint64_t blocks = (uint64_t)st.st_size / BLOCK;
    uint64_t block = 0;
    double begin = now();
    for (int i = 0; i < RANDOM_READS; i++) {
        block = (block + 1000003) % blocks;
        need(pread(file, piece, BLOCK, (off_t)(block * BLOCK)) == BLOCK, path);
    }
    double seconds = (now() - begin) / RANDOM_READS;
    close(file);
    return seconds;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: reads LARGE-FILE OTHER-FILE\n");
        return 2;
    }
    show("first", whole(argv[1]));
    show("again", whole(argv[1]));
    show("random", at_random(argv[2]));
    return 0;
}
