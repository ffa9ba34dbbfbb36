#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 180
# The aggregator in its enclave, with real evidence on both sides: contributors in another enclave, a
# host that carries records (tests/aggregator/driver.c), and what a host can do to the stream.
# shellcheck source=tests/e2e/common.sh
. "$(dirname "$0")/common.sh"

readonly TOOLS=$BUILD/tests/aggregator
readonly PRODUCT=$BUILD/libexec/alcove/aggregator.bundle
"$ALCOVE" machine init >"$WORK/init.log" 2>&1 || true

drive() { # BUNDLE PEOPLE [WHAT]
    timeout 100 "$TOOLS/aggregator_driver" "$ALCOVE" "$1" "$TOOLS/contributor.bundle" "${@:2}" \
        >"$WORK/driven" 2>"$WORK/said"
    cat "$WORK/driven" "$WORK/said"
}
says() { grep -q -x -F -e "$1" "$WORK/driven"; }

ok "ten contributors and the aggregator run a query" drive "$PRODUCT" 10
ok "all are counted" says "counted 10 of 10"
ok "the receipt fits the query, the sums the contributions" \
    says "released: the sums, within the noise's reach"
ok "it ends with its query" says "ended 0 0"
ok "it says nothing else" same "" "$(cat "$WORK/said")"
ok "everybody contributes twice" drive "$PRODUCT" 4 twice
ok "and is counted once" says "counted 4 of 4"
ok "a query for other custodians" drive "$PRODUCT" 4 other-manifest
ok "counts none of these" says "counted 0 of 4"
ok "and releases nothing" says "refused: users"
ok "a query under another root" drive "$PRODUCT" 4 other-root
ok "counts none either" says "counted 0 of 4"
ok "of four, one contributes" drive "$PRODUCT" 4 few
ok "which is too few to release anything" says "refused: users"
ok "of a million, too: there is memory for all of them" drive "$PRODUCT" 1000000 few
ok "and the one is counted" says "counted 1 of 1"

ok "the aggregator that tests look into runs the same query" drive "$TOOLS/aggregator-watch.bundle" 3
wanted="watch: 01$(printf '%062d' 0) -17 -16 -15
watch: 02$(printf '%062d' 0) -14 -12 -10
watch: 03$(printf '%062d' 0) -11 -8 -5"
ok "and says what each contributor sent" same "$wanted" "$(grep '^watch:' "$WORK/said")"
mrenclave() { member "$1/identity.json" mrenclave; }
ok "it is another program" differ "$(mrenclave "$TOOLS/aggregator-watch.bundle")" "$(mrenclave "$PRODUCT")"
ok "the product has nothing of it" lacks "watch: " "$BUILD/services/images/aggregator"
ok "… which is in the other" grep -q "watch: " "$TOOLS/aggregator-watch"

# send BYTES: what it answers to these bytes (as printf has them), and how it ends.
send() {
    local status=0
    printf '%b' "$1" | timeout 60 "$ALCOVE" run "$PRODUCT" >"$WORK/sent" 2>"$WORK/said" || status=$?
    echo "$(tr -d '\0' <"$WORK/sent" | grep -a -o -E 'alcove-[a-z]+-1' || true) $status"
}
ok "a host that says nothing ends it" same " 0" "$(send '')"
ok "an empty message is refused, and it goes on" same "alcove-refused-1
alcove-refused-1 0" "$(send '\0\0\0\0\0\0\0\0')"
ok "a frame that is too long ends it" same " 1" "$(send '\x01\0\x01\0x')"
ok "and it says why" grep -q "^aggregator: a frame has more than 65536 bytes" "$WORK/said"
ok "so does a frame without an end" same " 1" "$(send '\x05\0\0\0abc')"

measured() {
    "$PYTHON" "$TOP/bench/queries.py" --build "$BUILD" --rounds 1 --people 3 --json >"$WORK/bench.json" &&
        cat "$WORK/bench.json" &&
        "$PYTHON" -c '
import json, sys
rows = json.load(open(sys.argv[1]))
sys.exit(len(rows) < 5 or any(row["per_second"] <= 0 for row in rows))' "$WORK/bench.json"
}
ok "the benchmark measures something; its floors are for ./dev bench queries --check" measured
tap_done
