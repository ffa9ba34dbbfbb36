#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A phone with the real daemon and a real custodian: what its policy does not name gets nothing, and
# what comes back is what was sent; it survives restarts, old volumes, other releases, its own loss.
# timeout: 300
# shellcheck source=tests/e2e/common.sh
. "$(dirname "$0")/common.sh"

bundles=$BUILD/libexec/alcove
if [ ! -d "$bundles/custodian.bundle" ] || [ ! -d "$bundles/aggregator.bundle" ]; then
    skip "a phone with enclaves" "this build has no bundles of services"
    tap_done
    exit
fi
readonly STATE=$WORK/state
readonly SERVER=unix:$STATE/alcoved.sock
daemon=
trap 'kill -9 ${daemon:-} 2>/dev/null || true; rm -rf "$WORK"' EXIT

# ---- programs -----------------------------------------------------------------------------------

# A later release of the custodian: the same program, more memory, hence another identity.
mkdir "$WORK/later"
cp "$BUILD/services/images/custodian" "$WORK/later/"
sed 's/^memory: 192 MiB/memory: 208 MiB/' "$TOP/services/custodian/alcove.yaml" \
    >"$WORK/later/alcove.yaml"
# A script that keeps the day in capitals, and answers queries with 1.
mkdir "$WORK/worker"
cat >"$WORK/worker/main.py" <<'END'
import sys

call = sys.stdin.buffer.read()
head = b"\xa3\x66format\x6ealcove-reply-1\x66vector"
at = call.index(b"a day")
sys.stdout.buffer.write(head + b"\xf6\x69processed\x48A DAY 0" + call[at + 7:at + 8])
END
cat >"$WORK/worker/alcove.yaml" <<'END'
base: [python]
files: {/app/main.py: main.py}
entry: /usr/bin/python3.11
argv: [python3.11, -I, -B, /app/main.py]
env: {LC_ALL: C.UTF-8}
memory: 256 MiB
threads: 8
stdin: task
stdout: result
stderr: result
network: denied
END
ok "a worker is built" build_bundle "$WORK/worker" "$WORK/worker.bundle"
ok "a later release of the custodian too" build_bundle "$WORK/later" "$WORK/later.bundle"

start() {
    setsid "$BUILD/host/daemon/alcoved" --state "$STATE" \
        --custodian "keeper=$bundles/custodian.bundle" --custodian "later=$WORK/later.bundle" \
        --aggregator "sum=$bundles/aggregator.bundle" --worker "capitals=$WORK/worker.bundle" \
        2>>"$WORK/daemon.log" </dev/null &
    daemon=$!
    for _ in $(seq 300); do
        if "$ALCOVE" phone policy --from-server "$SERVER" >"$WORK/draft.yaml" \
            2>"$WORK/draft.err"; then
            return 0
        fi
        sleep 0.1
    done
    cat "$WORK/draft.err" "$WORK/daemon.log"
    return 1
}
stop() {
    kill "$daemon"
    wait "$daemon" || true
    daemon=
}
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
# status KEY: of phone A, one member of its JSON.
status() {
    phone a status --json >"$WORK/status.json" && member "$WORK/status.json" "$1"
}
phone() {
    local name=$1
    shift
    timeout 60 "$ALCOVE" phone --phone "$WORK/phone-$name" "$@"
}

# ---- a new phone --------------------------------------------------------------------------------

ok "the daemon starts, and a policy is drafted from it" start
ok "a phone is made" phone a init
sed -n 's/^    \([a-z]\{5\}\( [a-z]\{5\}\)\{8\}\)$/\1/p' "$WORK/ok.log" >"$WORK/phrase"
ok "it prints nine words, once" same "$(wc -w <"$WORK/phrase")" 9
ok "its folder is its owner's alone" \
    same "$(stat -c %a "$WORK/phone-a" "$WORK/phone-a/key" | xargs)" "700 600"
ok "a second one in its place is refused" refused "there is a phone already" phone a init
ok "without a policy it trusts nobody" refused "no policy yet" phone a claim

"$ALCOVE" measure "$bundles/custodian.bundle" --json >"$WORK/custodian.json"
mrenclave=$(member "$WORK/custodian.json" mrenclave)
configid=$(member "$WORK/custodian.json" configid)
"$ALCOVE" measure "$WORK/later.bundle" --json >"$WORK/later.json"
ok "the draft names the custodian that \`alcove measure\` names" \
    grep -q "$configid" "$WORK/draft.yaml"
accept() { # accept PHONE FILE
    phone "$1" policy "$2" --yes
}
ok "who does not agree changes nothing" \
    refused "not accepted" phone a policy "$WORK/draft.yaml" </dev/null

# Only the later release, another root, another log: each in a phone of its own.
other=$(printf '%064d' 7)
sed "s/$configid/$other$other/" "$WORK/draft.yaml" >"$WORK/other-program.yaml"
root=$(sed -n '/^roots/,/^custodians/s/^  - "\([0-9a-f]\{64\}\)"$/\1/p' "$WORK/draft.yaml")
sed "s/$root/$other/" "$WORK/draft.yaml" >"$WORK/other-root.yaml"
openssl ecparam -name prime256v1 -genkey -noout -out "$WORK/stranger.pem"
point=$(openssl ec -in "$WORK/stranger.pem" -pubout -outform DER 2>/dev/null | tail -c 65 |
    xxd -p -c 65)
sed "s/^log_key: \"[0-9a-f]*\"/log_key: \"$point\"/" "$WORK/draft.yaml" >"$WORK/other-log.yaml"
refuses() { # refuses NAME PATTERN
    phone "$1" init && accept "$1" "$WORK/$1.yaml" && refused "$2" phone "$1" claim &&
        refused "$2" phone "$1" verify
}
ok "a program that the policy does not name gets nothing: its MRENCLAVE is said" \
    refuses other-program "does not accept this custodian: its MRENCLAVE is $mrenclave"
ok "a software root that the policy does not name neither" \
    refuses other-root "rejected: software-root"
ok "nor a log whose head another key signed" refuses other-log "signature"
verify_with_draft() { accept "$1" "$WORK/draft.yaml" && phone "$1" verify; }
# untouched NAME: under a policy that fits, that phone finds a custodian that nobody has claimed.
untouched() { grep -q "nobody's: " <(verify_with_draft "$1"); }
for name in other-program other-root; do
    ok "the custodian of $name was claimed by nobody" untouched "$name"
done
ok "with the strange log not even a custodian was asked for" \
    refused "no custodian of yours" verify_with_draft other-log

# ---- days ---------------------------------------------------------------------------------------

ok "the policy is accepted" accept a "$WORK/draft.yaml"
ok "the custodian is claimed" phone a claim
ok "it is verified, and the phone's" grep -q 'open, and yours' <(phone a verify)
ok "a second claim finds it claimed by this phone" phone a claim
for i in 1 2 3; do
    printf 'a day 0%d' $i >"$WORK/2026-10-0$i.json"
done
ok "a file without a date is refused" refused "which day is it" phone a upload "$WORK/phrase"
truncate -s 16M "$WORK/large"
ok "so is one that is too large" \
    refused "longer than" phone a upload "$WORK/large" --date 2026-10-01
ok "three days are uploaded" phone a upload "$WORK"/2026-10-0*.json
processed() { [ "$(status processed)" = "$1" ]; }
ok "they are processed" soon processed 3
ok "status knows of them" same "$(status days)" 3
phone a days --json >"$WORK/days.json"
ok "so do days" "$PYTHON" -c 'import json, sys
days = json.load(open(sys.argv[1]))["days"]
assert [d["day"] for d in days] == ["2026-10-01", "2026-10-02", "2026-10-03"], days
assert all(d["raw"] == 8 and d["processed"] == 8 and not d["failed"] for d in days), days' \
    "$WORK/days.json"
ok "everything is exported" phone a export "$WORK/export"
ok "as it was uploaded" cmp "$WORK/export/2026-10-02.uploaded" "$WORK/2026-10-02.json"
ok "and as it was processed" same "$(cat "$WORK/export/2026-10-02.processed")" "A DAY 02"
ok "for its owner alone" \
    same "$(stat -c %a "$WORK"/export "$WORK"/export/2026-10-02.uploaded | xargs)" "700 600"
ok "nobody has asked anything" grep -q 'nobody has asked' <(phone a activity)

ok "a lease is granted" phone a lease 0.02 --days 3
ok "the custodian has it" same "$(status lease_left)" 20000
ok "more than the week's budget is refused" refused "than is left this week: 0.03 of 0.05" phone a lease 0.04
ok "so is what is no cost" refused "lease 1e9" phone a lease 1e9
ok "paused" phone a pause
ok "… it says so" grep -q 'paused, until' <(phone a status)
ok "resumed" phone a resume
ok "two at once: the second one waits for its turn" refused "another 'alcove phone'" \
    flock "$WORK/phone-a/lock" "$ALCOVE" phone --phone "$WORK/phone-a" days

# ---- kill -9 of the phone ------------------------------------------------------------------------

# Twenty phones that upload or grant a little, and die after 2 to 40 ms: the folder stays usable,
# and what the custodian has been granted has been counted.
killed() {
    local i job
    for i in $(seq 20); do
        if [ $((i % 2)) -eq 0 ]; then
            "$ALCOVE" phone --phone "$WORK/phone-a" lease 0.0001 >/dev/null 2>&1 &
        else
            "$ALCOVE" phone --phone "$WORK/phone-a" upload "$WORK"/2026-10-01.json \
                >/dev/null 2>&1 &
        fi
        job=$!
        sleep "0.0$(printf '%02d' $((2 * i)))"
        kill -9 "$job" 2>/dev/null || true
        wait "$job" 2>/dev/null || true
        phone a status --json >"$WORK/status.json" || return 1
        "$PYTHON" -c 'import json, sys
s = json.load(open(sys.argv[1]))
print(s)
assert s["spent_week"] <= s["granted_week"] <= 50000' "$WORK/status.json" || return 1
    done
}
ok "killed at twenty moments, the phone remembers what it granted" killed
ok "… and its next lease is taken" phone a lease 0.0001
granted=$(status granted_week)

# ---- restarts -----------------------------------------------------------------------------------

volume=$STATE/volumes/$(status owner)
stop
ok "without a daemon the phone says so" refused "is alcoved running" phone a days
cp "$volume" "$WORK/old-volume"
ok "the daemon starts again" start
ok "the custodian is locked then" refused "is locked" phone a days
ok "a claim does not fit" refused "unlock" phone a claim
ok "it is unlocked" phone a unlock
ok "days are there, the lease is gone" same "$(status days) $(status lease)" "3 0"
ok "and it stays spent" same "$(status granted_week)" "$granted"
printf 'a day 04' >"$WORK/2026-10-04.json"
ok "another day is uploaded" phone a upload "$WORK/2026-10-04.json"
stop
cp "$volume" "$WORK/new-volume"
cp "$WORK/old-volume" "$volume"
start >/dev/null
ok "an older volume is not opened" refused "older than what was acknowledged" phone a unlock
stop
cp "$WORK/new-volume" "$volume"
start >/dev/null
ok "the newest is" phone a unlock

# ---- another release ----------------------------------------------------------------------------

ok "the custodian moves to a later release" phone a move later
ok "the days have come along" same "$(status days)" 4
ok "… and it runs that release" \
    same "$(status configid)" "$(member "$WORK/later.json" configid)"
ok "to what the server does not have it does not move" \
    refused "no custodian program" phone a move nothing

# ---- a lost phone -------------------------------------------------------------------------------

ok "a wrong phrase makes no phone" refused "word 1" phone b init --restore <<<"lost lost"
ok "the phrase makes a new phone" phone b init --restore <"$WORK/phrase"
ok "it has the same owner" \
    same "$(phone b status 2>/dev/null | grep ^owner)" "$(phone a status | grep ^owner)"
ok "with a policy it finds its custodian" accept b "$WORK/draft.yaml"
ok "… brings it its policy" phone b unlock
ok "… and sees its days" same "$(phone b days | wc -l)" 4
ok "this week is spent for it" \
    refused "what the lost phone granted this week is not known" phone b lease 0.001

# ---- the end ------------------------------------------------------------------------------------

ok "withdrawn without a word it is not" \
    refused "nothing has changed" phone b withdraw </dev/null
ok "withdrawn" phone b withdraw --yes
ok "… it says so" grep -q 'you withdrew' <(phone b status)
ok "deleted" phone b delete --yes
ok "nothing is left of the volume" \
    same "$(find "$STATE/volumes" -name "$(basename "$volume")" | wc -l)" 0
ok "nor of the custodian" refused "no custodian of yours" phone b days
ok "who wants begins anew" phone b claim
stop
tap_done
