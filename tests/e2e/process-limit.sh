#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# More processes than a run has enclaves for: fork tells EAGAIN as Linux does it at a limit, the person at the
# terminal is told which limit it was, and when processes have ended there is room again.
# timeout: 300
# shellcheck source=tests/e2e/common.sh
. "$(dirname "$0")/common.sh"

SLOTS=$(sed -n 's/^#define YARD_SLOTS \([0-9]*\)u.*/\1/p' "$TOP/abi/include/abi/yard.h")
MOST=$((SLOTS - 1)) # beside the first one

# manifest ENTRY ARGV
manifest() {
    cat <<EOF
base: [python, {packages: [bash, coreutils]}]
entry: $1
argv: $2
env: {PATH: /usr/bin:/bin}
memory: 128 MiB
threads: 16
stdout: host
stderr: host
EOF
}

mkdir "$WORK/p" "$WORK/b"
cat >"$WORK/p/forks.c" <<'EOF'
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void)
{
    int count = 0;
    pid_t children[1000], pid;
    while (count < 1000 && (pid = fork()) > 0) {
        children[count++] = pid;
    }
    if (pid == 0) {
        pause();
        _exit(0);
    }
    printf("%d, then %s\n", count, count < 1000 ? strerrorname_np(errno) : "no end");
    for (int i = 0; i < count; i++) {
        kill(children[i], SIGKILL);
    }
    int killed = 0, status;
    while (wait(&status) > 0) {
        killed += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    }
    pid = fork();
    if (pid == 0) {
        _exit(7);
    }
    printf("%d killed, another one %d, %d\n", killed, pid > 0,
           pid > 0 && waitpid(pid, &status, 0) == pid ? WEXITSTATUS(status) : -1);
    return 0;
}
EOF
gcc -O1 -D_GNU_SOURCE -o "$WORK/p/forks" "$WORK/p/forks.c"
{
    manifest /forks '[forks]'
    echo 'files: {/forks: forks}'
} >"$WORK/p/alcove.yaml"
# What a shell does then, it does on Linux: it tries again, and gives up after 15 s, or when a child's end
# interrupts its sleep.
# shellcheck disable=SC2016 # for that shell
manifest /bin/bash '[bash, -c, "sleep 4 & for i in $(seq 400); do sleep 300 & done; wait"]' \
    >"$WORK/b/alcove.yaml"

runs() {
    build_bundle "$WORK/$1" "$WORK/$1.bundle" || return 1
    status=0
    "$ALCOVE" run "$WORK/$1.bundle" >"$WORK/out" 2>"$WORK/err" || status=$?
    echo "status $status"
    head -n 20 "$WORK/out" "$WORK/err"
}

program_meets_the_limit() {
    local status
    runs p || return 1
    printf '%s, then EAGAIN\n%s killed, another one 1, 7\n' "$MOST" "$MOST" | diff - "$WORK/out" &&
        [ "$status" -eq 0 ]
}

limit_is_told_once() {
    [ "$(grep -c "this run has $((MOST + 1)) processes, the most" "$WORK/err")" -eq 1 ]
}

shell_meets_the_limit() {
    local status
    runs b || return 1
    grep -q 'fork: retry: Resource temporarily unavailable' "$WORK/err" && limit_is_told_once &&
        [ "$status" -eq 254 ]
}

ok "fork tells EAGAIN when there is no enclave for another process, and works again later" \
    program_meets_the_limit
ok "alcove run says once which limit was met" limit_is_told_once
ok "a shell that starts too many processes says so" shell_meets_the_limit
tap_done
