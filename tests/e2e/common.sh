# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the end-to-end scripts share: where things are, and TAP. Sourced, never run.
set -euo pipefail

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=${ALCOVE_BUILD:-$TOP/build}
# shellcheck disable=SC2034 # for the scripts
ALCOVE=$BUILD/cli/alcove
PYTHON=/usr/bin/python3.11
WORK=$(mktemp -d "${TMPDIR:-/tmp}/alcove-e2e.XXXXXX")
trap 'rm -rf "$WORK"' EXIT

# Tests have a software machine of their own; the layer store is the user's: a base layer takes long
# to make, and its name is its content.
export ALCOVE_MACHINE_DIR=$WORK/machine

tap_count=0
tap_failed=0

# ok TITLE COMMAND…: the command succeeds. Its output is shown when it does not.
ok() {
    local title=$1
    shift
    tap_count=$((tap_count + 1))
    if "$@" >"$WORK/ok.log" 2>&1; then
        echo "ok $tap_count - $title"
    else
        tap_failed=$((tap_failed + 1))
        echo "not ok $tap_count - $title"
        sed 's/^/# /' "$WORK/ok.log" | tail -n 20
        echo "# command: $*"
    fi
}

skip() {
    tap_count=$((tap_count + 1))
    echo "ok $tap_count - $1 # SKIP $2"
}

tap_done() {
    echo "1..$tap_count"
    [ "$tap_failed" -eq 0 ]
}

# refused PATTERN COMMAND…: the command ends unsuccessfully, not by a signal, and its standard error
# matches the pattern. A refusal that names nothing helps nobody.
refused() {
    local pattern=$1 status=0
    shift
    "$@" >"$WORK/refused.out" 2>"$WORK/refused.err" || status=$?
    cat "$WORK/refused.err" "$WORK/refused.out"
    echo "status $status, wanted a refusal matching: $pattern"
    [ "$status" -ne 0 ] && [ "$status" -le 125 ] &&
        grep -E -i -q -- "$pattern" "$WORK/refused.err" "$WORK/refused.out"
}

# left_in_session SID: what still runs of a session. Ended processes that nobody reaped yet do not.
left_in_session() {
    ps -o pid=,stat=,args= -s "$1" | awk '$2 !~ /^Z/'
}

# same A B: two strings are equal.
same() {
    echo "one:   $1"
    echo "other: $2"
    [ "$1" = "$2" ]
}

differ() {
    echo "both: $1"
    [ "$1" != "$2" ]
}

# lacks PATTERN FILE: the file is there and holds no such line.
lacks() {
    [ -e "$2" ] && ! grep -E "$1" "$2"
}

# member FILE KEY: one text member of a JSON object.
member() {
    "$PYTHON" -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$1" "$2"
}

# flip FILE OFFSET: flips the lowest bit of one byte; a negative offset counts from the end.
flip() {
    "$PYTHON" - "$1" "$2" <<'END'
import sys
path, offset = sys.argv[1], int(sys.argv[2])
with open(path, "r+b") as file:
    file.seek(offset, 2 if offset < 0 else 0)
    byte = file.read(1)
    file.seek(-1, 1)
    file.write(bytes([byte[0] ^ 1]))
END
}

# workload DIR SCRIPT [LINE…]: a folder with an alcove.yaml that runs the Python program SCRIPT (text);
# further lines go into alcove.yaml, whose members they may add to.
workload() {
    local dir=$1 script=$2
    shift 2
    mkdir -p "$dir"
    printf '%s\n' "$script" >"$dir/main.py"
    cat >"$dir/alcove.yaml" <<'END'
base: [python]
files: {/app/main.py: main.py}
entry: /usr/bin/python3.11
argv: [python3.11, -I, -B, /app/main.py]
env: {LC_ALL: C.UTF-8}
mounts: [{kind: tmpfs, path: /tmp, size: 16 MiB}]
memory: 512 MiB
threads: 8
stdout: host
stderr: host
network: denied
END
    [ $# -eq 0 ] || printf '%s\n' "$@" >>"$dir/alcove.yaml"
}

build_bundle() {
    "$ALCOVE" build "$1" -o "$2" >"$WORK/build.log" 2>&1 || {
        cat "$WORK/build.log" >&2
        return 1
    }
}
