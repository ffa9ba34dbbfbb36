#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# exec in Debian's bash: one process that becomes a script, another program, and a shell again; the same
# lines as on Linux. What is no file of a layer does not become a program.
# timeout: 200
# shellcheck source=tests/e2e/common.sh
. "$(dirname "$0")/common.sh"

cat >"$WORK/main.sh" <<'EOF'
#!/bin/bash
cd "$1" || exit 1
echo "start $#"
shopt -s execfail
exec ./nothing
echo "nothing: $?"
exec /etc
echo "a directory: $?"
printf 'no program\n' >text
exec ./text
echo "not executable: $?"
cat >script <<'END'
#!/bin/bash -u
echo "script ${0##*/} $# <$1> <$2> A=$A ${B-unset}"
trap '' USR1
trap 'echo never' USR2
exec 3>out 4</dev/null
exec -a another-name /usr/bin/env -i C=3 /bin/bash -c '
    echo "shell $0 <$1> A=${A-unset} C=$C"
    trap
    readlink /proc/self/fd/4 >&3
    printf "%s|" a b >&3
    exec <out
    while read -r line; do echo "line $line"; done
    echo "last $line"
    exec /usr/bin/printf "%s end\n" the' zero "o ne"
END
chmod +x script
A=1 exec ./script 'first word' ''
EOF

shell_same_as_linux() {
    mkdir "$WORK/s" "$WORK/tmp"
    cp "$WORK/main.sh" "$WORK/s/main.sh"
    cat >"$WORK/s/alcove.yaml" <<'YAML'
base: [{packages: [bash, coreutils]}]
files: {/main.sh: main.sh}
entry: /bin/bash
argv: [bash, /main.sh, /tmp]
env: {PATH: "/usr/bin:/bin"}
mounts: [{kind: tmpfs, path: /tmp, size: 16 MiB}]
memory: 1 GiB
threads: 8
stdout: host
stderr: host
network: denied
YAML
    build_bundle "$WORK/s" "$WORK/s.bundle" || return 1
    env -i PATH=/usr/bin:/bin bash "$WORK/main.sh" "$WORK/tmp" 2>&1 </dev/null |
        sed "s|$WORK||g" >"$WORK/native"
    "$ALCOVE" run "$WORK/s.bundle" >"$WORK/inside" 2>&1 </dev/null || echo "status $?"
    diff -u "$WORK/native" "$WORK/inside" && grep -q '^the end$' "$WORK/native"
}

# A copy of a layer's program is data.
copied_program_is_refused() {
    local status=0
    mkdir "$WORK/c"
    cat >"$WORK/c/main.sh" <<'SCRIPT'
cp /bin/true /tmp/true
exec /tmp/true
SCRIPT
    sed 's|/main.sh, /tmp|/main.sh|' "$WORK/s/alcove.yaml" >"$WORK/c/alcove.yaml"
    build_bundle "$WORK/c" "$WORK/c.bundle" || return 1
    "$ALCOVE" run "$WORK/c.bundle" >"$WORK/out" 2>&1 </dev/null || status=$?
    cat "$WORK/out"
    [ "$status" -eq 126 ] && grep -q 'Permission denied' "$WORK/out"
}

ok "exec in bash goes through scripts and programs as on Linux" shell_same_as_linux
ok "a program that was copied to a writable place is not executed" copied_program_is_refused
tap_done
