#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# alcoved with real enclaves: phones enrol, claim and upload, scripts run, a query is released; and it is
# killed at bad moments, refuses what it cannot use, and leaves nothing behind.
# timeout: 300
# shellcheck source=tests/e2e/common.sh
. "$(dirname "$0")/common.sh"

bundles=$BUILD/libexec/alcove
if [ ! -d "$bundles/custodian.bundle" ] || [ ! -d "$bundles/aggregator.bundle" ]; then
    skip "the daemon with enclaves" "this build has no bundles of services"
    tap_done
    exit
fi
readonly ALCOVED=$BUILD/host/daemon/alcoved STATE=$WORK/state
readonly SERVER=unix:$STATE/alcoved.sock
export ALCOVE_ANALYST_KEY=$WORK/analyst.pem
daemon=
trap 'kill -9 ${daemon:-} 2>/dev/null || true; rm -rf "$WORK"' EXIT

ok "the example becomes a worker" build_bundle "$TOP/examples/private" "$WORK/worker.bundle"
programs=(--custodian "keeper=$bundles/custodian.bundle" --aggregator "sum=$bundles/aggregator.bundle"
    --worker "trips=$WORK/worker.bundle")

# ---- starting ---------------------------------------------------------------------------------------

start() {
    setsid "$ALCOVED" --state "$STATE" "${programs[@]}" --http 0 2>>"$WORK/daemon.log" </dev/null &
    daemon=$!
    for _ in $(seq 300); do
        if "$ALCOVE" query programs --server "$SERVER" >"$WORK/programs" 2>/dev/null; then
            return 0
        fi
        sleep 0.1
    done
    tail "$WORK/daemon.log"
    return 1
}
# Until the command succeeds, or 30 seconds.
soon() {
    for _ in $(seq 300); do
        if "$@" >/dev/null 2>&1; then
            return 0
        fi
        sleep 0.1
    done
    echo "not within 30 seconds: $*"
    return 1
}
nobody_left() { [ -z "$(left_in_session "$daemon")" ]; }
says() { grep -E "$1" "$WORK/daemon.log"; }

refuses() {
    local pattern=$1
    shift
    refused "$pattern" timeout 60 "$ALCOVED" "$@"
}
ok "without a state folder it does not start" refuses 'state DIR is missing' "${programs[@]}"
ok "nor without a bundle that can be read" \
    refuses "$WORK/nothing" --state "$WORK/other" --custodian "a=$WORK/nothing"
ok "nor with a worker as custodian" \
    refuses 'is no custodian' --state "$WORK/other" --custodian "a=$WORK/worker.bundle"
ok "nor with a custodian as worker" refuses 'is no worker' --state "$WORK/other" \
    "${programs[@]:0:2}" --worker "a=$bundles/custodian.bundle"
ok "nor with a name that is none" refuses 'a name has' --state "$WORK/other" --worker "a b=$WORK"

ok "it starts, and says what it offers" start
for name in custodian aggregator; do
    "$ALCOVE" measure "$bundles/$name.bundle" --json >"$WORK/identity"
    ok "… and the $name is what \`alcove measure\` says" \
        grep -q -F "$(member "$WORK/identity" mrenclave)" "$WORK/programs"
done
ok "the log's key is its own" same "$(stat -c %a "$STATE/log.key")" 600
ok "a second daemon does not get its folder" refuses 'in use by another daemon' \
    --state "$STATE" "${programs[@]}"
ok "nor its socket" refuses 'in use by another daemon' --state "$WORK/other" "${programs[@]}" \
    --socket "$STATE/alcoved.sock"
port=$(says 'http://127.0.0.1' | sed 's/.*://')
ok "it answers on loopback as well" "$ALCOVE" query programs --server "http://127.0.0.1:$port"

# ---- people -----------------------------------------------------------------------------------------

"$PYTHON" "$TOP/examples/private/make_people.py" "$WORK/people" --people 3 --days 1
"$ALCOVE" phone policy --from-server "$SERVER" |
    sed 's/users_min: 50/users_min: 2/; s/rho_query: "0.01"/rho_query: "0.02"/
         s/rho_analyst: "0.02"/rho_analyst: "0.05"/' >"$WORK/policy.yaml"
log_key=$(sed -n 's/^log_key: "\([0-9a-f]*\)".*/\1/p' "$WORK/policy.yaml")
phone() {
    local number=$1
    shift
    "$ALCOVE" phone --phone "$WORK/phone$number" "$@"
}
processed() { phone "$1" days | grep -v ' 0 processed' | grep ' processed'; }
person() {
    phone "$1" init && phone "$1" policy "$WORK/policy.yaml" --yes && phone "$1" claim &&
        phone "$1" upload "$WORK/people/person-00$1/"*.json && phone "$1" lease 0.02
}
for i in 1 2 3; do
    ok "person $i has a custodian, a day in it, and grants a lease" person $i
done
for i in 1 2 3; do
    ok "the day of person $i is processed" soon processed $i
done

# ---- a query ----------------------------------------------------------------------------------------

"$ALCOVE" query key new "$ALCOVE_ANALYST_KEY" >/dev/null
analyst=$("$ALCOVE" query key show "$ALCOVE_ANALYST_KEY" | sed -n 's/^analyst *//p')
"$ALCOVE" measure "$WORK/worker.bundle" --json >"$WORK/identity"
bundle=$(member "$WORK/identity" configid)
# document SECONDS USERS: a query of its own.
document() {
    cat <<END
format: alcove-query-1
question: "How do people travel?"
function: mode_share
aggregate: share
noise: gaussian
rho: 0.01
users: {min: $2, max: 10}
window: [2026-09-28, 2026-10-04]
deadline: $(date -u -d "+$1 seconds" +%Y-%m-%dT%H:%M:%SZ)
run_ms: 3000
bounds: {total: 100, whole: 100}
entries:
  - {name: walk, unit: "%", high: 100}
  - {name: bicycle, unit: "%", high: 100}
  - {name: vehicle, unit: "%", high: 100}
bundle: $bundle
analyst: $analyst
nonce: $(openssl rand -hex 16)
END
    grep -v '^#' "$WORK/programs"
}
run_query() {
    "$ALCOVE" query run "$1" --server "$SERVER" --log-key "$log_key" --out "$2" >"$2.out"
}
document 120 3 >"$WORK/q1.yaml"
ok "a query is asked, answered and released" run_query "$WORK/q1.yaml" "$WORK/r1"
ok "… by all three, and the result holds" grep -q '3 asked, 3 answered' "$WORK/r1.out"
ok "the owner sees what was asked" grep -q 'How do people travel' <(phone 1 activity)
document 60 4 >"$WORK/q2.yaml"
ok "a query for more people than there are fails, and says why" \
    refused 'at least 4 people' "$ALCOVE" query run "$WORK/q2.yaml" --server "$SERVER" --out "$WORK/r2"

# ---- ends -------------------------------------------------------------------------------------------

custodian_of() { pgrep -s "$daemon" -f "run .*custodian.bundle" | head -n 1; }
kill -9 "$(custodian_of)"
ok "a custodian that is killed is noticed" soon says 'ended by signal 9'
locked() { phone "$1" status | grep 'locked'; }
any_locked() { locked 1 || locked 2 || locked 3; }
ok "… and started again for its phone, which has to unlock it" any_locked
finds() { phone "$1" unlock && processed "$1"; }
for i in 1 2 3; do
    if locked $i >/dev/null; then
        ok "… and finds its day there" finds $i
    fi
done

document 120 2 >"$WORK/q3.yaml"
id=$("$ALCOVE" query compile "$WORK/q3.yaml" -o "$WORK/q3" | grep -o '[0-9a-f]\{64\}' | head -n 1)
run_query "$WORK/q3.yaml" "$WORK/r3" 2>"$WORK/r3.err" &
analyst_waits=$!
ok "a query is under way" soon says "query ${id:0:12} asks"
kill -9 "$daemon"
wait "$daemon" 2>/dev/null || true
ok "the daemon is killed, and nothing of it runs on" soon nobody_left
ok "it starts again, over the socket that it left" start
wait "$analyst_waits" || true
ok "the query has failed: nothing was released" refused 'failed|nothing was released' \
    "$ALCOVE" query show --server "$SERVER" "$id"
ok "the phone sees the same log, grown" phone 1 verify
opens() { phone "$1" unlock && processed "$1" && phone "$1" lease 0.01; }
for i in 1 2 3; do
    ok "the custodian of person $i is there, with its day" opens $i
done
document 120 3 >"$WORK/q4.yaml"
ok "the next query is released" run_query "$WORK/q4.yaml" "$WORK/r4"

volumes() { find "$STATE/volumes" -type f | wc -l; }
ok "a person deletes everything" phone 3 delete <<<"delete"
ok "… and the volume is gone" same "$(volumes)" 2

kill "$daemon"
status=0
wait "$daemon" || status=$?
ok "SIGTERM ends it in order" same "$status" 0
ok "… with all that ran" soon nobody_left
ok "… and the socket is gone" test ! -e "$STATE/alcoved.sock"
"$PYTHON" - "$STATE/alcoved.sqlite" <<'END'
import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as db:
    db.execute("PRAGMA user_version = 2")
END
ok "records of a newer version are refused" refuses 'written by a newer one' --state "$STATE" "${programs[@]}"
tap_done
