/* SPDX-License-Identifier: Apache-2.0 */
/* splice between files and pipes, preadv2 and pwritev2. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static const char *answer(long r)
{
    static char text[4][32];
    static unsigned next;
    char *t = text[next++ % 4];
    if (r < 0) {
        return strerrorname_np(errno);
    }
    snprintf(t, sizeof text[0], "%ld", r);
    return t;
}

int main(void)
{
    char path[] = "/tmp/splice-XXXXXX", text[64] = "";
    int fd = mkstemp(path), ends[2], more[2];
    loff_t at = 6;
    (void)!write(fd, "hello splicing world", 20);
    (void)!pipe(ends);
    (void)!pipe(more);
    printf("file to pipe: %s", answer(splice(fd, &at, ends[1], NULL, 8, 0)));
    printf(", at %ld, position %ld\n", (long)at, (long)lseek(fd, 0, SEEK_CUR));
    printf("pipe to pipe: %s\n", answer(splice(ends[0], NULL, more[1], NULL, 100, 0)));
    at = 30;
    printf("pipe to file: %s", answer(splice(more[0], NULL, fd, &at, 100, 0)));
    printf(", at %ld\n", (long)at);
    printf("there: %zd %s\n", pread(fd, text, 8, 30), text);
    printf("empty pipe: %s\n", answer(splice(ends[0], NULL, fd, NULL, 5, SPLICE_F_NONBLOCK)));
    printf("nothing asked: %s\n", answer(splice(ends[0], NULL, fd, NULL, 0, 0)));
    printf("end of the file: %s\n", answer(splice(fd, &(loff_t){1000}, ends[1], NULL, 5, 0)));
    printf("no pipe: %s\n", answer(splice(fd, NULL, fd, NULL, 5, 0)));
    printf("an offset in a pipe: %s\n", answer(splice(ends[0], &at, fd, NULL, 5, 0)));
    printf("tee of nothing: %s\n", answer(tee(ends[0], more[1], 5, SPLICE_F_NONBLOCK)));
    (void)!write(ends[1], "twice over", 10);
    printf("tee: %s\n", answer(tee(ends[0], more[1], 5, 0)));
    printf("tee: %s\n", answer(tee(ends[0], more[1], 100, SPLICE_F_NONBLOCK)));
    memset(text, 0, sizeof text);
    printf("still there: %zd %s\n", read(ends[0], text, 10), text);
    memset(text, 0, sizeof text);
    printf("and there: %zd %s\n", read(more[0], text, 60), text);
    printf("tee of a file: %s, to one: %s\n", answer(tee(fd, more[1], 5, 0)),
           answer(tee(ends[0], fd, 5, 0)));
    printf("tee to itself: %s, wrong ways: %s %s\n", answer(tee(ends[0], ends[1], 5, 0)),
           answer(tee(ends[1], more[1], 5, 0)), answer(tee(ends[0], more[0], 5, 0)));
    printf("tee with flags: %s, nothing asked: %s\n", answer(tee(ends[0], more[1], 5, 64)),
           answer(tee(ends[0], more[1], 0, 0)));
    printf("a pipe to itself: %s\n", answer(splice(ends[0], NULL, ends[1], NULL, 5, 0)));
    printf("flags: %s\n", answer(splice(ends[0], NULL, fd, NULL, 5, 64)));
    printf("not open: %s, wrong ways: %s %s\n", answer(splice(99, NULL, ends[1], NULL, 5, 0)),
           answer(splice(ends[1], NULL, fd, NULL, 5, 0)),
           answer(splice(fd, NULL, ends[0], NULL, 5, 0)));
    close(ends[1]);
    printf("nobody writes: %s\n", answer(splice(ends[0], NULL, fd, NULL, 5, 0)));

    struct iovec parts[2] = {{text, 3}, {text + 10, 4}};
    lseek(fd, 2, SEEK_SET);
    printf("preadv2: %s", answer(preadv2(fd, parts, 2, -1, 0)));
    printf(" %.3s %.4s, position %ld\n", text, text + 10, (long)lseek(fd, 0, SEEK_CUR));
    printf("pwritev2: %s", answer(pwritev2(fd, parts, 2, 12, RWF_DSYNC)));
    printf(", position %ld\n", (long)lseek(fd, 0, SEEK_CUR));
    printf("unknown flag: %s, before the start: %s\n", answer(preadv2(fd, parts, 1, 0, 0x4000)),
           answer(preadv2(fd, parts, 1, -2, 0)));
    printf("sync_file_range: %s %s %s\n", answer(sync_file_range(fd, 0, 0, 7)),
           answer(sync_file_range(fd, -1, 0, 0)), answer(sync_file_range(ends[0], 0, 0, 0)));
    unlink(path);
    return 42;
}
