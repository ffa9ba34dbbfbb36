#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A workload sees what its manifest says, and nothing else of the machine: no script that is not listed,
# no host file, environment, argument or standard input.
# shellcheck source=tests/e2e/common.sh
. "$(dirname "$0")/common.sh"

echo data >"$WORK/data"
# Folders such as /home come with the base layer; what is in them on this machine does not.
workload "$WORK/see" 'import os, sys
for path in ("/app/unlisted.py", "/etc/shadow", "/etc/machine-id", "'"$WORK/data"'", "/dev/mem"):
    try:
        os.stat(path)
        print("SEEN", path)
    except FileNotFoundError:
        pass
print("env", sorted(os.environ))
print("argv", sys.argv)
try:
    print("stdin", sys.stdin.read() if sys.stdin else None)
except OSError as error:
    print("stdin", None)'
echo 'print("unlisted")' >"$WORK/see/unlisted.py"
build_bundle "$WORK/see" "$WORK/see.bundle"
seen() {
    echo secret | SECRET=leak "$ALCOVE" run "$WORK/see.bundle" >"$WORK/seen" 2>&1
    cat "$WORK/seen"
}
ok "a program that looks around runs" seen
ok "a script that is not listed is not there, nor are the host's files" \
    lacks SEEN "$WORK/seen"
ok "the host's environment is not there" grep -q "^env \['LC_ALL'\]" "$WORK/seen"
ok "arguments are the manifest's" grep -q "^argv \['/app/main.py'\]" "$WORK/seen"
ok "standard input is not there" lacks secret "$WORK/seen"
ok "\`alcove run\` takes no program and no arguments" \
    refused 'usage|bundle|unknown' "$ALCOVE" run "$WORK/see.bundle" -c 'print(1)'
ok "an input that is not declared is refused" \
    refused 'input' "$ALCOVE" run "$WORK/see.bundle" --input "data=$WORK/data"
ok "an output that is not declared is refused" \
    refused 'output' "$ALCOVE" run "$WORK/see.bundle" --output "x=$WORK/x"
tap_done
