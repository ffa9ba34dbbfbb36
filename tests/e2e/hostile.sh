#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The short tier of the hostile host (docs/hostile.md): some seeds of the C program and of the tree of
# processes, a few of Python, and canaries where none may be, which must be found.
# timeout: 240
# shellcheck source=tests/e2e/common.sh
. "$(dirname "$0")/common.sh"

hostile() {
    ALCOVE_BUILD=$BUILD "$TOP/tests/hostile/run.sh" "$@"
}

gives_itself_away() {
    hostile --bundle leak --count 1 >"$WORK/leak" 2>&1 && return 1
    grep "BAD: process 0: leak.*canary 'd' in what hostcall 11 was sent" "$WORK/leak"
}

host_has_one() {
    hostile --plant --count 1 >"$WORK/plant" 2>&1 && return 1
    grep "BAD: process 0: leak.*canary 'x' in host memory" "$WORK/plant" &&
        grep "^# [0-9a-f]*: CANARY" "$WORK/plant"
}

# planted WHERE PATTERN
planted() {
    hostile --bundle procs "--plant-$1" --count 1 >"$WORK/plant" 2>&1 && return 1
    grep "BAD: process [1-9][0-9]*: leak.*canary 'x' in $2" "$WORK/plant"
}

ok "a program that says its canary aloud is found out" gives_itself_away
ok "a canary in the host's memory is found, and shown with what stands around it" host_has_one
ok "a canary in the memory of a member's host process is found" planted member "host memory"
ok "a canary in the yard is found" planted yard "the yard, slot"
# A fixed set of seeds; which of the first are kicked they choose themselves.
ok "a C program under 60 seeds of lies comes to no harm" hostile --from 1 --count 60
ok "a C program under 20 seeds of lies and kicks comes to no harm" \
    hostile --kicks --from 20001 --count 20
ok "a tree of processes under 30 seeds of lies comes to no harm" \
    hostile --bundle procs --from 1 --count 30
ok "a tree of processes under 10 seeds of lies and kicks comes to no harm" \
    hostile --bundle procs --kicks --from 20001 --count 10
ok "Python under 6 seeds of lies comes to no harm" \
    hostile --bundle python --from 5000 --count 6
ok "Python under 4 seeds of lies and kicks comes to no harm" \
    hostile --bundle python --kicks --from 6000 --count 4
tap_done
