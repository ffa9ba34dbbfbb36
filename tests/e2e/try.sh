#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# alcove try: a researcher's script outside any enclave, judged as a custodian would: what is kept, what
# is answered, what is clipped, what is refused and why, with the script's own lines.
# shellcheck source=tests/e2e/common.sh
. "$(dirname "$0")/common.sh"

EXAMPLE=$TOP/examples/private
DAYS=${ALCOVE_SHARED:-$TOP/../shared}/trips
try() { "$ALCOVE" try "$@"; }
status_of() { "$@" >"$WORK/status.out" 2>&1 && echo 0 || echo $?; }

# ask JSON EXPRESSION: a Python expression over the object d is true; f is its functions by name.
ask() {
    "$PYTHON" - "$1" "$2" <<'END'
import json, sys
d = json.load(open(sys.argv[1]))
f = {one["function"]: one for one in d["functions"]}
if not eval(f"({sys.argv[2]})"):
    sys.exit(f"not so: {sys.argv[2]}\n{json.dumps(d, indent=1)}")
END
}

# --- the example ---------------------------------------------------------------------------------------

ok "days of made-up people are made" "$EXAMPLE/make_people.py" "$WORK/people" --people 2 --days 3
ok "the example answers about them" try "$EXAMPLE/travel.py" "$WORK"/people/person-001/*.json
try "$EXAMPLE/travel.py" "$WORK"/people/person-001/*.json --json >"$WORK/one.json"
ok "… with dates from the files' names" ask "$WORK/one.json" \
    '[day["date"] for day in d["days"]] == ["2026-09-28", "2026-09-29", "2026-09-30"]'
ok "… every day is kept, small" ask "$WORK/one.json" \
    'all(day["refused"] is None and 0 < day["kept"] < 2000 < day["uploaded"] for day in d["days"])'
ok "… shares add up to the whole" ask "$WORK/one.json" \
    'sum(entry["sent"] for entry in f["mode_share"]["entries"]) == 100'
ok "… and nothing needs to be clipped" ask "$WORK/one.json" 'd["good"] and all(
    entry["sent"] == entry["returned"] for one in f.values() for entry in one["entries"])'
ok "each aggregate has its example" ask "$WORK/one.json" '{one["aggregate"] for one in f.values()} ==
    {"count", "sum", "mean", "histogram", "share", "quantile", "od"}'
try "$EXAMPLE/travel.py" --json >"$WORK/none.json"
ok "a person without days has an answer to everything" ask "$WORK/none.json" \
    'd["good"] and all(one["refused"] is None for one in f.values())'
try "$EXAMPLE/travel.py" -f cyclists -f hours --json >"$WORK/two.json"
ok "functions can be chosen" ask "$WORK/two.json" 'list(f) == ["cyclists", "hours"]'
if [ -f "$DAYS/day-01.json" ]; then
    ok "real days are answered about" try "$EXAMPLE/travel.py" "$DAYS"/day-0?.json
else
    skip "real days are answered about" "no days in $DAYS"
fi

# --- beginning -----------------------------------------------------------------------------------------

ok "a folder to begin with is made" try --new "$WORK/begin"
ok "… whose script answers" try "$WORK/begin/script.py" "$WORK"/people/person-001/*.json
ok "… and which builds" "$ALCOVE" build "$WORK/begin" -o "$WORK/begin.bundle"
ok "a folder that is there already is refused" refused 'begin: File exists' try --new "$WORK/begin"
sed -i 's/^CALL, REPLY = .*/CALL, REPLY = "another", "thing"/' "$WORK/begin/alcove/worker.py"
ok "the module beside a script is the one that is tried" refused 'no another' try "$WORK/begin/script.py"
ok "a function's part of a query is printed" \
    diff <(try "$EXAMPLE/travel.py" --schema cyclists) - <<'END'
function: cyclists
aggregate: count
bounds: {total: 0, whole: 0, square: 0, entries: 0, threshold: 0}
entries:
  - {name: "cyclists", unit: "people", low: 0, high: 1, default: 0}
END
hex() { printf "%0$1d" "$2"; }
# in_query FUNCTION: what --schema prints is a part of a query that has a plan.
in_query() {
    {
        printf 'format: alcove-query-1\nquestion: "How?"\nnoise: gaussian\nrho: 0.01\nrun_ms: 10000\n'
        printf 'users: {min: 100, max: 2000}\nwindow: [2026-09-28, 2026-10-04]\n'
        printf 'deadline: 2026-10-13T08:30:00Z\nbundle: "%s"\nanalyst: "%s"\n' "$(hex 128 1)" "$(hex 64 2)"
        printf 'nonce: "%s"\nroots: ["%s"]\nworkers: [{mrenclave: "%s"}]\n' \
            "$(hex 32 3)" "$(hex 64 4)" "$(hex 64 5)"
        for role in custodians aggregators; do
            printf '%s: [{mrenclave: "%s", configid: "%s"}]\n' "$role" "$(hex 64 6)" "$(hex 128 7)"
        done
        try "$EXAMPLE/travel.py" --schema "$1"
    } >"$WORK/query.yaml" && "$ALCOVE" query plan "$WORK/query.yaml"
}
for function in mode_share mode_trips trips_per_day hours distance vehicle_distance cyclists longest od; do
    ok "… and $function's part makes a query" in_query "$function"
done
ok "… and what there is instead of another" refused 'there is: mode_share, ' \
    try "$EXAMPLE/travel.py" --schema motorists
ok "--schema asks nothing else" refused 'stands alone' try "$EXAMPLE/travel.py" --schema od --json

# --- a script that goes wrong in every way ---------------------------------------------------------------

cat >"$WORK/bad.py" <<'END'
import alcove, os, sys, time
print("a word")

@alcove.process
def keep(entries):
    if entries == "big":
        return "x" * 300000
    return entries["count"]

@alcove.query("shares", alcove.share(["a", "bücher"]))
def shares(days): return [150, 60]
@alcove.query("bounds", alcove.mean(alcove.entry("x", "m", 5, low=-5), alcove.entry("y", "m", 9)))
def bounds(days): return [-1 << 63, 6]
@alcove.query("cells", alcove.od(["A", "B"], high=9, most_entries=2))
def cells(days): return {"A > A": 3, "A > B": 1, "B > A": 4}
@alcove.query("slow", alcove.count())
def slow(days): time.sleep(60)
@alcove.query("loop", alcove.count())
def loop(days):
    while True: pass
@alcove.query("die", alcove.count())
def die(days): os.kill(os.getpid(), 9)
@alcove.query("nan", alcove.count())
def nan(days): return float("nan")
@alcove.query("leave", alcove.count())
def leave(days): os._exit(0)
@alcove.query("leave_children", alcove.count())
def leave_children(days):
    if os.fork() == 0:
        os.dup2(1, 9)
        time.sleep(61)
    return 1
@alcove.query("flood", alcove.count())
def flood(days):
    for fd in range(3, 20):
        try: os.write(fd, b"x" * 300000)
        except OSError: pass
    return 1
@alcove.query("spoil", alcove.count())
def spoil(days):
    for fd in range(3, 20):
        try: os.write(fd, bytes.fromhex("a3"))
        except OSError: pass
    return 1
@alcove.query("chat", alcove.count())
def chat(days): sys.stderr.buffer.write(b"\xff\x1b" * 20000); sys.stderr.flush(); return 1
@alcove.query("call", alcove.count())
def call(days):
    import socket
    socket.create_connection(("127.0.0.1", 1), 1)
@alcove.query("look", alcove.count())
def look(days): return int(os.getcwd() == "/" and list(os.environ) == ["LC_ALL"])
@alcove.query("sum_of_days", alcove.sum(alcove.entry("n", "n", 1000)))
def sum_of_days(days): return sum(day.data * day.date.day for day in days)
END
echo '{"count": 7}' >"$WORK/7.json"
echo '{"count": 20}' >"$WORK/20.json"
echo '"big"' >"$WORK/big.json"
echo '{"count": [' >"$WORK/torn.json"
ok "one that would be refused gives status 1" same 1 "$(status_of try "$WORK/bad.py" --run-ms 700 \
    "$WORK/7.json" --date 2026-03-10 "$WORK/big.json" "$WORK/torn.json" \
    --day "$WORK/20.json" --date 2026-03-01)"
cp "$WORK/status.out" "$WORK/bad.txt"
said() { cat "$WORK/bad.txt" && grep -q -E -- "$1" "$WORK/bad.txt"; }
try "$WORK/bad.py" --run-ms 700 "$WORK/7.json" --date 2026-03-10 "$WORK/big.json" "$WORK/torn.json" \
    --day "$WORK/20.json" --date 2026-03-01 --json >"$WORK/bad.json" || true
ok "days are ordered; those without a date follow the one before" ask "$WORK/bad.json" \
    '[day["date"] for day in d["days"]] == ["2026-03-01", "2026-03-10", "2026-03-11", "2026-03-12"]'
ok "a day of which too much is kept is refused" ask "$WORK/bad.json" \
    '"bad.py:4: keep returned 300002 bytes; at most 245760" in d["days"][2]["said"]'
ok "a torn day is refused" ask "$WORK/bad.json" '"is no JSON" in d["days"][3]["said"]'
ok "functions get the days that were kept, rising" ask "$WORK/bad.json" \
    'f["sum_of_days"]["entries"][0]["returned"] == 20 * 1 + 7 * 10'
ok "shares beyond the whole shrink alike" ask "$WORK/bad.json" \
    '[entry["sent"] for entry in f["shares"]["entries"]] == [63, 37]'
ok "… and people are told why" said 'adds up to 160, and 100 count'
ok "numbers are brought inside their bounds" ask "$WORK/bad.json" \
    '[entry["sent"] for entry in f["bounds"]["entries"]] == [-5, 6]'
ok "… and people see it" said '-9223372036854775808 m  of -5 to 5: counts as -5'
ok "of too many cells the largest stay" ask "$WORK/bad.json" \
    '[entry["sent"] for entry in f["cells"]["entries"]] == [3, 0, 4, 0]'
ok "… and people are told why" said '3 entries are not as the default; the 2 largest count'
ok "sleep ends at the deadline" ask "$WORK/bad.json" \
    '"still running after 700 ms" in f["slow"]["refused"] and 700 <= f["slow"]["ms"] < 5000'
ok "so does an endless loop" ask "$WORK/bad.json" '"still running" in f["loop"]["refused"]'
ok "a signal is told" ask "$WORK/bad.json" '"signal 9" in f["die"]["refused"]'
ok "NaN is refused with the function's line" ask "$WORK/bad.json" \
    '"bad.py:23: nan returned nan" in f["nan"]["said"]'
ok "an empty reply is refused" ask "$WORK/bad.json" '"no reply" in f["leave"]["refused"]'
ok "a reply that is too long is refused" ask "$WORK/bad.json" '"262144" in f["flood"]["refused"]'
ok "a spoilt reply is refused" ask "$WORK/bad.json" '"no reply" in f["spoil"]["refused"]'
ok "what is left behind keeps nobody waiting" ask "$WORK/bad.json" \
    'f["leave_children"]["refused"] is None and f["leave_children"]["ms"] < 600'
left() { ps -e -o args= | awk -v script="$WORK/bad.py" 'index($0, script) && !/awk -v/'; }
ok "… and is gone" same "" "$(left)"
ok "JSON is well-formed whatever is said, and its end is kept" ask "$WORK/bad.json" \
    'len(f["chat"]["said"]) == 16384 and f["chat"]["refused"] is None'
ok "what a script prints is shown" said 'a word'
ok "folder and environment are a worker's" ask "$WORK/bad.json" \
    'f["look"]["entries"][0]["returned"] == 1'
if ask "$WORK/bad.json" 'd["network"]' 2>/dev/null; then
    ok "where network stays, that is said" said 'does not let a program go without network'
else
    ok "there is no network" ask "$WORK/bad.json" '"unreachable" in f["call"]["said"]'
fi
ok "without an answer the default vector is what counts" ask "$WORK/bad.json" \
    'all(entry["sent"] == entry["default"] for one in f.values() if one["refused"]
         for entry in one["entries"])'

# --- mistakes ------------------------------------------------------------------------------------------

printf 'import alcove\nx = (\n' >"$WORK/syntax.py"
printf 'import alcove\n\nS = alcove.share(["a", "a"])\n' >"$WORK/schema.py"
printf 'import alcove\n@alcove.query("a", alcove.count())\ndef a(days): return 1\n' >"$WORK/query.py"
ok "a syntax error is shown where it is" refused 'syntax.py", line 2' try "$WORK/syntax.py"
ok "… and nothing of the module" lacks '__main__|alcove/script' "$WORK/refused.err"
ok "a schema that no query may have is refused at its line" refused 'schema.py:3: two entries' \
    try "$WORK/schema.py"
ok "a script that is not there is named" refused 'none.py: No such file' try "$WORK/none.py"
ok "so is a day" refused 'no-day.json: No such file' try "$WORK/query.py" "$WORK/no-day.json"
ok "so is a function" refused "no function 'b'" try "$WORK/query.py" -f b
ok "days for a script without process are refused" refused '@alcove.process' \
    try "$WORK/query.py" "$WORK/7.json"
ok "two files about one day are refused" refused 'about the same day' \
    try "$WORK/bad.py" "$WORK/7.json" --date 2026-03-10 "$WORK/20.json" --date 2026-03-10
for bad in 2026-02-29 2026-3-1 tomorrow 1999-12-31; do
    ok "--date $bad is refused" refused 'such as 2026-09-28' try "$WORK/bad.py" "$WORK/7.json" --date $bad
done
ok "a date without a file is refused" refused 'which day' try "$WORK/bad.py" --date 2026-03-10
ok "--run-ms 0 is refused" refused '1 to 600000' try "$WORK/bad.py" --run-ms 0
ok "no script is wrong usage" same 2 "$(status_of try)"
tap_done
