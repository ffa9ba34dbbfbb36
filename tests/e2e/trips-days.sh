#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The trips example gives the same bytes inside an enclave as in a plain process: on the demo's
# made-up day always, on real days where they are available.
# timeout: 600
# shellcheck source=tests/e2e/common.sh
. "$(dirname "$0")/common.sh"

DAYS=${ALCOVE_SHARED:-$TOP/../shared}/trips
EXAMPLE=$TOP/examples/trips

same_inside_and_outside() {
    "$PYTHON" -I -B "$EXAMPLE/trips.py" "$1" "$WORK/outside.json" &&
        rm -f "$WORK/inside.json" &&
        "$ALCOVE" run "$WORK/trips.bundle" --input "day=$1" --output "trips=$WORK/inside.json" &&
        [ -s "$WORK/inside.json" ] && cmp "$WORK/inside.json" "$WORK/outside.json"
}

ok "the example builds" build_bundle "$EXAMPLE" "$WORK/trips.bundle"
ok "the made-up day gives the same bytes inside and outside" \
    same_inside_and_outside "$EXAMPLE/day.json"
found=false
for day in "$DAYS"/day-0?.json; do
    [ -f "$day" ] || continue
    found=true
    ok "$(basename "$day" .json) gives the same bytes inside and outside" \
        same_inside_and_outside "$day"
done
$found || skip "real days give the same bytes inside and outside" "no days in $DAYS"
tap_done
