#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Conformance programs as children: another process starts each, in an enclave of its own, whose system calls
# about files the first enclave serves. Their output must be what it is on Linux all the same.
# timeout: 240
# shellcheck source=tests/e2e/common.sh
. "$(dirname "$0")/common.sh"

cat >"$WORK/launcher.c" <<'EOF'
#include <sys/wait.h>
#include <unistd.h>
int main(int count, char **argv)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        execv(argv[1], argv + (count > 1));
        _exit(99);
    }
    waitpid(pid, &status, 0);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
EOF
gcc -O1 -o "$WORK/launcher" "$WORK/launcher.c"

# child_same_as_linux SOURCE: a C program that ends with 42, or a script that ends with 0.
child_same_as_linux() {
    local source=$1 native=0 inside=0 wanted=42 run argv
    mkdir "$WORK/w"
    cp "$WORK/launcher" "$WORK/w/launcher"
    if [ "${source##*.}" = c ]; then
        gcc -O1 -D_GNU_SOURCE -o "$WORK/w/program" "$source" -pthread -lm || return 1
        argv='[launcher, /program]'
        run=("$WORK/w/program")
    else
        cp "$source" "$WORK/w/program"
        argv="[launcher, $PYTHON, -I, -B, /program]"
        run=("$PYTHON" -I -B "$WORK/w/program")
        wanted=0
    fi
    cat >"$WORK/w/alcove.yaml" <<EOF
base: [python]
files: {/launcher: launcher, /program: program}
entry: /launcher
argv: $argv
env: {LC_ALL: C.UTF-8, HOME: /tmp}
mounts: [{kind: tmpfs, path: /tmp, size: 64 MiB}]
memory: 1 GiB
threads: 32
stdout: host
stderr: host
network: denied
EOF
    build_bundle "$WORK/w" "$WORK/w.bundle" || return 1
    env -i LC_ALL=C.UTF-8 HOME=/tmp "$WORK/launcher" "${run[@]}" >"$WORK/native" \
        2>"$WORK/native.err" </dev/null || native=$?
    "$ALCOVE" run "$WORK/w.bundle" >"$WORK/inside" 2>"$WORK/inside.err" </dev/null || inside=$?
    rm -rf "$WORK/w" "$WORK/w.bundle"
    echo "status natively $native, inside $inside"
    diff -u "$WORK/native" "$WORK/inside" || {
        tail -n 10 "$WORK/inside.err"
        return 1
    }
    [ "$native" -eq "$wanted" ] && [ "$inside" -eq "$wanted" ]
}

for name in process.c locks.c fifo.c exec.c child-calls.c net-control.c netlink.c signalfd.c pipes.py \
    events.py threads.py; do
    ok "$name prints in a child what it prints on Linux" \
        child_same_as_linux "$TOP/tests/conformance/$name"
done
tap_done
