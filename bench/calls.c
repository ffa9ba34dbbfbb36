/* SPDX-License-Identifier: Apache-2.0 */
/* The price of calls that change nothing: getppid() through libc (libc does not cache it and the
 * kernel does next to nothing for it), stat(), and open, read and close of a small file. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"

enum { TRIVIAL = 3000000, STATS = 200000, OPENS = 100000 };

static void open_read_close(const char *path)
{
    char data[4096];
    int file = open(path, O_RDONLY);
    need(file >= 0 && read(file, data, sizeof data) == (ssize_t)sizeof data, path);
    close(file);
}

int main(int argc, char **argv)
{
    struct stat st;
    if (argc != 2) {
        fprintf(stderr, "usage: calls FILE-OF-4096-BYTES\n");
        return 2;
    }
    double begin = now();
    for (int i = 0; i < TRIVIAL; i++) {
        (void)getppid();
    }
    show("trivial", (now() - begin) / TRIVIAL);

    need(stat(argv[1], &st) == 0, argv[1]);
    begin = now();
    for (int i = 0; i < STATS; i++) {
        need(stat(argv[1], &st) == 0, argv[1]);
    }
    show("stat", (now() - begin) / STATS);

    open_read_close(argv[1]);
    begin = now();
    for (int i = 0; i < OPENS; i++) {
        open_read_close(argv[1]);
    }
    show("open", (now() - begin) / OPENS);
    return 0;
}
