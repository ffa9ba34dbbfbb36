/* SPDX-License-Identifier: Apache-2.0 */
/* What inotify says of files and folders, in order, as the kernel says it. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

static int set;

static const struct {
    unsigned bit;
    const char *name;
} bits[] = {
    {IN_ACCESS, "ACCESS"},           {IN_MODIFY, "MODIFY"},
    {IN_ATTRIB, "ATTRIB"},           {IN_CLOSE_WRITE, "CLOSE_WRITE"},
    {IN_CLOSE_NOWRITE, "CLOSE_NOWRITE"}, {IN_OPEN, "OPEN"},
    {IN_MOVED_FROM, "MOVED_FROM"},   {IN_MOVED_TO, "MOVED_TO"},
    {IN_CREATE, "CREATE"},           {IN_DELETE, "DELETE"},
    {IN_DELETE_SELF, "DELETE_SELF"}, {IN_MOVE_SELF, "MOVE_SELF"},
    {IN_IGNORED, "IGNORED"},         {IN_Q_OVERFLOW, "Q_OVERFLOW"},
    {IN_ISDIR, "ISDIR"},
};

static void drain(const char *after)
{
    static char buffer[1 << 16] __attribute__((aligned(8)));
    static unsigned last_cookie, moves; /* others move files, too */
    int pending = -1;
    ioctl(set, FIONREAD, &pending);
    struct pollfd p = {set, POLLIN, 0};
    int ready = poll(&p, 1, 0);
    ssize_t n = read(set, buffer, sizeof buffer);
    printf("%s: ready %d, %zd bytes, FIONREAD %d\n", after, ready, n < 0 ? (ssize_t)-errno : n, pending);
    for (ssize_t at = 0; at < n;) {
        const struct inotify_event *e = (const struct inotify_event *)(buffer + at);
        printf("  wd %d", e->wd);
        for (size_t i = 0; i < sizeof bits / sizeof bits[0]; i++) {
            if ((e->mask & bits[i].bit) != 0) {
                printf(" %s", bits[i].name);
            }
        }
        if (e->cookie != 0) {
            moves += e->cookie != last_cookie;
            last_cookie = e->cookie;
            printf(" cookie %u", moves);
        }
        printf(" len %u %s\n", e->len, e->len > 0 ? e->name : "");
        at += (ssize_t)(sizeof *e + e->len);
    }
}

static int watch(const char *path, unsigned mask)
{
    int wd = inotify_add_watch(set, path, mask);
    printf("watch %s: %d\n", path, wd < 0 ? -errno : wd);
    return wd;
}

static void write_file(const char *path, const char *text)
{
    int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0644);
    if (fd < 0 || write(fd, text, strlen(text)) < 0) {
        perror(path);
        exit(1);
    }
    close(fd);
}

static void folders(void)
{
    watch(".", IN_ALL_EVENTS);
    write_file("a", "hello");
    drain("a new file");
    write_file("a", "again");
    drain("the same once more");
    int fd = open("a", O_RDONLY);
    char text[8];
    if (read(fd, text, 2) != 2 || read(fd, text, 2) != 2) {
        printf("short\n");
    }
    close(fd);
    drain("reading");
    chmod("a", 0600);
    drain("chmod");
    if (truncate("a", 1) != 0 || link("a", "b") != 0 || symlink("a", "s") != 0) {
        printf("failed\n");
    }
    drain("truncate, link, symlink");
    mkdir("d", 0755);
    drain("mkdir");
    rename("b", "d/b");
    drain("rename out");
    rename("a", "longer-name-than-sixteen");
    drain("rename within");
    unlink("s");
    rmdir("d");
    unlink("d/b");
    rmdir("d");
    drain("unlink, rmdir");
}

static void files(void)
{
    write_file("f", "1");
    drain("made");
    int f = watch("f", IN_ALL_EVENTS);
    write_file("f", "2");
    drain("seen twice");
    rename("f", "g");
    drain("moved");
    int open_one = open("g", O_RDONLY);
    unlink("g");
    drain("unlinked while open");
    close(open_one);
    drain("closed: gone");
    printf("rm_watch %d\n", inotify_rm_watch(set, f) < 0 ? -errno : 0);
    mkdir("e", 0755);
    int e = watch("e", IN_ALL_EVENTS);
    rmdir("e");
    drain("a watched folder goes");
    printf("rm_watch %d\n", inotify_rm_watch(set, e) < 0 ? -errno : 0);
}

static void flags(void)
{
    write_file("o", "1");
    drain("made");
    watch("o", IN_MODIFY | IN_ONESHOT);
    write_file("o", "2");
    write_file("o", "3");
    drain("once");
    int w = watch("o", IN_OPEN);
    printf("the same watch: %d\n", watch("o", IN_MODIFY | IN_MASK_ADD) == w);
    printf("masks exclude: %d\n", inotify_add_watch(set, "o", IN_OPEN | IN_MASK_CREATE) < 0 ? -errno : 0);
    watch("o", IN_OPEN | IN_ONLYDIR);
    watch("absent", IN_OPEN);
    watch("o", 0);
    inotify_rm_watch(set, w);
    drain("removed");
    char small[8];
    write_file("o", "4");
    printf("too small: %d\n", read(set, small, sizeof small) < 0 ? -errno : 0);
    drain("afterwards");
    drain("empty");
    printf("not inotify: %d %d\n", inotify_add_watch(1, ".", IN_OPEN) < 0 ? -errno : 0,
           inotify_rm_watch(99, 1) < 0 ? -errno : 0);
    printf("flags: %d\n", inotify_init1(1 << 3) < 0 ? -errno : 0);
}

int main(void)
{
    char folder[] = "/tmp/inotify-XXXXXX";
    if (mkdtemp(folder) == NULL || chdir(folder) != 0) {
        return 1;
    }
    set = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    printf("fcntl %d %d\n", fcntl(set, F_GETFD), fcntl(set, F_GETFL) & O_NONBLOCK);
    folders();
    files();
    flags();
    close(set);
    return 42;
}
