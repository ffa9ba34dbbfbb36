#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The short tier of the hostile host (docs/hostile.md): some seeds of the C program, a few of
# Python, and a program that gives its canary away, which must be found out.
# timeout: 240
# shellcheck source=tests/e2e/common.sh
. "$(dirname "$0")/common.sh"

hostile() {
    ALCOVE_BUILD=$BUILD "$TOP/tests/hostile/run.sh" "$@"
}

gives_itself_away() {
    hostile --bundle leak --count 1 >"$WORK/leak" 2>&1 && return 1
    grep "BAD: leak.*canary 'd' in what hostcall 11 was sent" "$WORK/leak"
}

ok "a program that says its canary aloud is found out" gives_itself_away
# A fixed set of seeds: docs/hostile.md says what later ones have found and is still open.
ok "a C program under 150 seeds of lies comes to no harm" \
    hostile --no-kicks --from 1 --count 150
ok "Python under 15 seeds of lies comes to no harm" \
    hostile --bundle python --no-kicks --from 5000 --count 15
tap_done
