#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A tmpfs that is promised more than the trusted heap has: files are told ENOSPC while there is something left
# for the library OS, so that processes go on that share memory, fork and talk over pipes.
# timeout: 180
# shellcheck source=tests/e2e/common.sh
. "$(dirname "$0")/common.sh"

mkdir "$WORK/p"
cat >"$WORK/p/fills.c" <<'EOF'
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static char block[1 << 20];
static volatile unsigned long *counters; /* of two processes, on one page */

static void counts(int who)
{
    for (int i = 0; i < 20000; i++) {
        counters[who]++;
    }
}

static int child(int who, int fd, int *go)
{
    long mib = 0;
    ssize_t n = 0;
    while (who == 0 && (n = write(fd, block, sizeof block)) > 0) {
        mib += n >> 20;
    }
    for (int i = 0, made = 0; who == 0 && made >= 0; i++) { /* and the last pieces */
        char name[32];
        snprintf(name, sizeof name, "/tmp/%d", i);
        if ((made = open(name, O_CREAT, 0600)) >= 0) {
            close(made);
        }
    }
    if (who == 0) {
        printf("full: %s, %s\n", strerrorname_np(errno), mib > 600 ? "more than 600 MiB" : "too early");
        fflush(stdout);
        counts(who);
        return write(go[1], "go", 2) != 2;
    }
    char two[2];
    int bad = read(go[0], two, 2) != 2; /* by now the other has the page, and a file has the heap */
    counts(who);
    return bad;
}

int main(void)
{
    char told[8] = "";
    int fds[2], go[2], fd = open("/tmp/file", O_RDWR | O_CREAT, 0600);
    counters = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (pipe(go) != 0) {
        return 3;
    }
    counters[3] = 1; /* there is a page for them */
    memset(block, 'x', sizeof block);
    for (int who = 0; who < 2; who++) {
        if (fork() == 0) {
            _exit(child(who, fd, go));
        }
    }
    int status, bad = 0;
    while (wait(&status) > 0) {
        bad += status != 0;
    }
    printf("ended badly: %d, counted: %lu %lu\n", bad, counters[0], counters[1]);
    fflush(stdout);
    if (pipe(fds) != 0 || fork() == 0) {
        counts(2);
        _exit(write(fds[1], "hello", 6) != 6);
    }
    printf("still: %zd ", read(fds[0], told, sizeof told));
    wait(&status);
    printf("%s\none more: %d %lu\n", told, status, counters[2]);
    return ftruncate(fd, 0) != 0 || pwrite(fd, block, sizeof block, 0) != sizeof block;
}
EOF
gcc -O1 -D_GNU_SOURCE -o "$WORK/p/fills" "$WORK/p/fills.c"
cat >"$WORK/p/alcove.yaml" <<'EOF'
base: [python]
files: {/fills: fills}
entry: /fills
argv: [fills]
memory: 64 MiB
threads: 8
mounts: [{kind: tmpfs, path: /tmp, size: 2 GiB}]
stdout: host
stderr: host
EOF

goes_on() {
    build_bundle "$WORK/p" "$WORK/p.bundle" || return 1
    local status=0
    "$ALCOVE" run "$WORK/p.bundle" >"$WORK/out" 2>&1 || status=$?
    echo "status $status"
    cat "$WORK/out"
    printf '%s\n' 'full: ENOSPC, more than 600 MiB' 'ended badly: 0, counted: 20000 20000' \
        'still: 6 hello' 'one more: 0 20000' | diff - "$WORK/out" && [ "$status" -eq 0 ]
}

ok "who fills a tmpfs is told ENOSPC, and a tree of processes goes on" goes_on
tap_done
