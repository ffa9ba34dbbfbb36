#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What `alcove run --trace`, `--stats` and `--perf` tell of a program whose doings are known, and to
# whom: debug bundles only. Lines of calls are compared with strace's of the same program.
# timeout: 240
# shellcheck source=tests/e2e/common.sh
. "$(dirname "$0")/common.sh"

# c_workload DIR SOURCE DEBUG [LINE…]: a folder that runs a C program of tests/.
c_workload() {
    local dir=$1 source=$2 debug=$3
    shift 3
    mkdir -p "$dir"
    cp "$BUILD/tests/$source" "$dir/program"
    {
        cat <<'END'
base: [python]
files: {/app/program: program}
entry: /app/program
stdout: host
stderr: host
END
        echo "debug: $debug"
        [ $# -eq 0 ] || printf '%s\n' "$@"
    } >"$dir/alcove.yaml"
}

run() {
    local status=0
    "$ALCOVE" run "$@" >"$WORK/out" 2>"$WORK/err" || status=$?
    echo "$status" >"$WORK/status"
}

TMP='mounts: [{kind: tmpfs, path: /tmp, size: 16 MiB}]'
c_workload "$WORK/w" traced true "$TMP" 'memory: 64 MiB' 'threads: 8'
build_bundle "$WORK/w" "$WORK/debug"
c_workload "$WORK/r" traced false "$TMP" 'memory: 64 MiB' 'threads: 8'
build_bundle "$WORK/r" "$WORK/release"

# ---- lines of system calls ----

run "$WORK/debug" --trace --trace-file "$WORK/trace"
ok "a traced program ends as it would" same "$(cat "$WORK/status")" 3
ok "the trace is in its file, and nowhere else" same "$(cat "$WORK/out" "$WORK/err")" ""

# What both sides show alike: from the program's first own call on, without addresses and ids.
normal() {
    sed -E 's/^\[[0-9:]+\] //; s/^\[pid +[0-9]+\] //; s/0x[0-9a-f]{4,}/ADDR/g; s/ \([A-Z][^()]*\)$//;
        s/ +=/ =/; s/si_pid=[0-9]+, si_uid=[0-9]+/WHO/; s/tgkill\([0-9]+, [0-9]+/tgkill(ID, ID/' "$1" |
        sed -n '/alcove-traced/,$p' |
        grep -E "^($COMPARED)" |
        grep -v -E '/(etc|proc|usr|lib)/|MAP_STACK|8368128|PROT_READ\|PROT_WRITE\)|138|134217728'
}
COMPARED='openat|write|writev|lseek|read|pread64|access|fcntl|mkdir|rmdir|unlink|mprotect|madvise|munmap'
COMPARED="$COMPARED|tgkill|--- SIG|socketpair|socket|connect|pipe2|clock_nanosleep"
COMPARED="$COMPARED|rt_sigprocmask\(SIG_BLOCK, \[INT"
rm -f /tmp/alcove-traced
strace -f -o "$WORK/strace" "$WORK/w/program" 2>/dev/null || true
if [ -s "$WORK/strace" ]; then
    sed -i -E 's/^[0-9]+ +//' "$WORK/strace"
    normal "$WORK/trace" >"$WORK/ours"
    normal "$WORK/strace" >"$WORK/theirs"
    ok "lines are strace's, flags and structures included" diff "$WORK/theirs" "$WORK/ours"
    ok "and that is more than twenty lines" test "$(wc -l <"$WORK/ours")" -gt 20
else
    skip "lines are strace's" "strace is not installed or may not trace here"
fi
ok "stat shows type, mode and size" grep -q -F '{st_mode=S_IFREG|0640, st_size=21, ...}' "$WORK/trace"
ACTION='\{sa_handler=0x[0-9a-f]+, sa_mask=\[\], sa_flags=SA_RESTORER\|SA_RESETHAND, sa_restorer=0x[0-9a-f]+\}'
ok "actions of signals are decoded" \
    grep -q -E "rt_sigaction\(SIGUSR1, $ACTION, NULL, 8\) = 0" "$WORK/trace"
ok "flags of clone are named" \
    grep -q -E 'clone3?\(\{?flags=CLONE_VM\|CLONE_FS\|CLONE_FILES\|CLONE_SIGHAND\|CLONE_THREAD' "$WORK/trace"
ok "limits are named" grep -q -F 'RLIMIT_NOFILE, {rlim_cur=64, rlim_max=64}, NULL) = 0' "$WORK/trace"
ok "a thread's lines carry its number" grep -q -E '^\[1:[0-9]+\] ' "$WORK/trace"
ok "the last line of a thread is its exit" grep -q -E 'exit_group\(3\) = \?' "$WORK/trace"

# ---- choices ----

run "$WORK/debug" --trace=mkdir,sys:rmdir
others=$(grep -c -v -E '^\[[0-9:]+\] ((mkdir|rmdir)\(|--- SIG)|^not impl' "$WORK/err" || true)
ok "only the calls that are named" same "$others" 0
ok "and those" same "$(grep -c -E 'mkdir\(|rmdir\(' "$WORK/err")" 2
run "$WORK/debug" --trace=net
ok "a group of calls" grep -q 'socketpair(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0, \[' "$WORK/err"
ok "and no others" lacks 'mkdir|mmap|openat' "$WORK/err"
run "$WORK/debug" '--trace=!mmap,!mprotect'
ok "all but some" lacks 'mmap\(|mprotect\(' "$WORK/err"
ok "really all but some" grep -q 'mkdir(' "$WORK/err"
ok "a word that is none is refused" \
    refused 'neither.*system call' "$ALCOVE" run "$WORK/debug" --trace=openatt
ok "a list without a word is refused" refused 'nothing to trace' "$ALCOVE" run "$WORK/debug" --trace=
ok "a trace file without a trace is refused" \
    refused 'goes with' "$ALCOVE" run "$WORK/debug" --trace-file "$WORK/x"
ok "a file that cannot be written is refused" \
    refused 'cannot write' "$ALCOVE" run "$WORK/debug" --trace --trace-file "$WORK/no/where"
run "$WORK/debug" --trace=host
ok "hostcalls have arguments, a result and a time" \
    grep -q -E '^\[host 0:0\] mem_map\(0x[0-9a-f]+, 0x[0-9a-f]+, 3\) = 0 <[0-9]+\.[0-9]{3} us>$' "$WORK/err"
ok "and no system calls beside them" lacks 'openat' "$WORK/err"

# ---- trampolines ----

workload "$WORK/c" 'import ctypes
print(ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(lambda n: n + 1)(41))' 'debug: true'
build_bundle "$WORK/c" "$WORK/callback"
run "$WORK/callback" --trace=mm
ok "a trampoline that is followed is a line" \
    same "$(grep -c -E '^\[1\] --- trampoline at 0x[0-9a-f]+ to 0x[0-9a-f]+ ---$' "$WORK/err")" 1
run "$WORK/callback" --trace=net
ok "where calls of mmap are" lacks trampoline "$WORK/err"

# ---- to whom ----

ok "a release bundle cannot be traced" \
    refused '"debug: true" in alcove.yaml' "$ALCOVE" run "$WORK/release" --trace
ok "nor counted" refused '"debug: true" in alcove.yaml' "$ALCOVE" run "$WORK/release" --stats
run "$WORK/release" --perf
ok "of a release bundle the host counts what it did itself" grep -q -E '^ +[0-9]+ .* exit$' "$WORK/err"
ok "but no system calls" lacks 'openat|mkdir' "$WORK/err"
ok "and says why" grep -q 'debug enclaves only' "$WORK/err"

# ---- what was used ----

workload "$WORK/s" 'import mmap, os, threading
block = mmap.mmap(-1, 40 << 20)
for at in range(0, 40 << 20, 4096):
    block[at] = 1
with open("/tmp/x", "wb") as f:
    f.write(b"x" * (5 << 20))
stop = threading.Event()
threads = [threading.Thread(target=stop.wait) for _ in range(5)]
[t.start() for t in threads]
fds = [os.dup(1) for _ in range(40)]
stop.set()
[t.join() for t in threads]
for _ in range(123):
    os.getppid()' 'debug: true'
build_bundle "$WORK/s" "$WORK/used"
run "$WORK/used" --stats --perf --trace-file "$WORK/stats"

# between LOW HIGH PATTERN: the first number of the line that matches lies there.
between() {
    local value
    value=$(grep -m 1 -E "$3" "$WORK/stats" | grep -m 1 -o -E '[0-9]+(\.[0-9]+)?' | head -n 1)
    echo "$3: $value, wanted $1 to $2"
    [ -n "$value" ] && awk -v v="$value" -v lo="$1" -v hi="$2" 'BEGIN { exit !(v >= lo && v <= hi) }'
}
ok "memory at its most" between 45 140 '^  memory '
ok "threads at their most" between 6 6 '^  threads '
ok "descriptors at their most" between 43 60 '^  descriptors '
ok "a tmpfs at its most" between 5 5.5 '^  /tmp '
ok "layers were read" between 4 60 '^  layers '
ok "one process" between 1 1 '^  processes '
ok "calls by name and number" grep -q -E '^ +123 +[0-9.]+ +[0-9.]+ +[0-9.]+  getppid$' "$WORK/stats"
ok "transitions are counted" grep -q -E '^Transitions: [1-9][0-9]* entries' "$WORK/stats"

# The lines that it says to write do.
sed -n '/^Lines for/,$p' "$WORK/stats" | sed 1d >"$WORK/lines"
sed -i '/^memory:/d; /^threads:/d; /^mounts:/d' "$WORK/s/alcove.yaml"
cat "$WORK/lines" >>"$WORK/s/alcove.yaml"
build_bundle "$WORK/s" "$WORK/tight"
run "$WORK/tight"
ok "the lines that it names are enough" same "$(cat "$WORK/status")" 0
ok "and less than before" grep -q -E '^memory: ([5-9][0-9]|1[0-9][0-9]) MiB$' "$WORK/lines"

# ---- trees of processes ----

workload "$WORK/t" 'import os, signal
signal.signal(signal.SIGCHLD, lambda number, frame: None)
for status in (3, 4):
    child = os.fork()
    if child == 0:
        for _ in range(1000):
            os.getppid()
        block = bytearray(60 << 20)
        os._exit(status)
    os.waitpid(child, 0)
print("done")' 'debug: true'
build_bundle "$WORK/t" "$WORK/tree"
run "$WORK/tree" --trace=process --stats --perf --trace-file "$WORK/stats"
ok "a tree of processes runs as without a trace" same "$(cat "$WORK/out")" "done"
ok "each line says whose it is" grep -q -E '^\[[2-9][0-9]*\] exit_group\(4\) = \?$' "$WORK/stats"
ok "how children ended" grep -q -F 'WIFEXITED(s) && WEXITSTATUS(s) == 3}], 0, NULL) = ' "$WORK/stats"
ok "and their signal" \
    grep -q -E '^\[1\] --- SIGCHLD \{si_signo=SIGCHLD, si_code=CLD_EXITED, .*si_status=4\} ---$' "$WORK/stats"
ok "calls of all processes are counted together" grep -q -E '^ +2000 .*  getppid$' "$WORK/stats"
ok "and the largest of them counts" between 60 140 '^  memory '

# ---- addresses of a release ----

workload "$WORK/q" 'import mmap, os
open("/tmp/x", "wb").write(bytes(4096))
with open("/tmp/x", "r+b") as f:
    shared = mmap.mmap(f.fileno(), 4096)
shared[0] = 1
child = os.fork()
if child == 0:
    os.truncate("/tmp/x", 0)
    os._exit(shared[0])
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))'
build_bundle "$WORK/q" "$WORK/quiet"
run "$WORK/quiet"
ok "a child that reads shared memory beyond its file ends with SIGBUS" same "$(cat "$WORK/out")" "-7"
ok "and a release bundle does not say where" same "$(cat "$WORK/err")" ""
tap_done
