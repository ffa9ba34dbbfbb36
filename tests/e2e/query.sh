#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# alcove query without a daemon: keys, plans, documents; results that were forged as an honest
# daemon and aggregator would make them, checked again, drawn, and refused when anything in them was
# changed. Then with a daemon, enclaves and two people: asked, left alone, come back to, fetched.
# timeout: 300
# shellcheck source=tests/e2e/common.sh
. "$(dirname "$0")/common.sh"
cd "$WORK" || exit 1
export ALCOVE_ANALYST_KEY=$WORK/analyst.pem
query() { "$ALCOVE" query "$@"; }
status_of() { "$@" >"$WORK/status.out" 2>&1; echo $?; }

# fits SCHEMA EXPRESSION COMMAND…: its JSON is what the schema says, and the expression holds for it.
fits() {
    local schema=$TOP/docs/formats/$1.schema.json expression=$2
    shift 2
    "$@" >"$WORK/out.json" || return
    "$PYTHON" - "$schema" "$WORK/out.json" "$expression" <<'PYTHON'
import json, sys
import jsonschema
schema, v = (json.load(open(path)) for path in sys.argv[1:3])
jsonschema.Draft202012Validator.check_schema(schema)
jsonschema.Draft202012Validator(schema).validate(v)
assert eval(sys.argv[3]), sys.argv[3]
PYTHON
}
says() {
    local pattern=$1
    shift
    "$@" >"$WORK/says.out" 2>&1 || return
    cat "$WORK/says.out"
    grep -E -q -- "$pattern" "$WORK/says.out"
}

# --- keys --------------------------------------------------------------------------------------------

ok "an analyst's key is made" query key new
ok "… for its owner's eyes" same "$(stat -c %a analyst.pem)" 600
ok "… and not overwritten" refused 'never overwritten' query key new
analyst=$(query key show | sed -n 's/^analyst *//p')
point() { openssl ec -in analyst.pem -pubout -outform DER 2>/dev/null | tail -c 65; }
ok "the analyst is the hash of the key" same "$analyst" "$(point | sha256sum | cut -d' ' -f1)"
openssl ecparam -name secp384r1 -genkey -noout -out wrong.pem && chmod 600 wrong.pem
ok "a key on another curve is refused" refused 'P-256' query key show wrong.pem

# --- results -----------------------------------------------------------------------------------------

mkdir results
ok "results are forged" "$BUILD/cli/query/query_test_results" results
ok "a result is checked and shown" says 'walk +26.1 +21.0 to +31.1 %' query show results/share
for pattern in '^People +200 asked, 187 answered' '^Each gives +6 numbers' '^Cost +rho 0.018635' \
    'epsilon 0.8666 at delta 1e-6' '^Liars .* 0.50, 1.00, 1.50 points' '^Log +[0-9a-f]{64}' \
    'query 2, release 4 of 5 leaves' '^Left +unknown' \
    '^Aggregator +[0-9a-f]{64}' '^Script +[0-9a-f]{64}' '^Checked .*, as of 2026-09-21T14:13:20Z'; do
    ok "… with $pattern" grep -E -q -- "$pattern" says.out
done
ok "so is its file alone" query show results/share/result.cbor
ok "a matrix tells what is suppressed" says '^Suppressed +19 of 36' query show results/od
ok "a quantile tells its median" \
    says 'half of the people lie in or below 15 to 20 min' query show results/quantile
for name in share histogram mean quantile od count week zones hostile empty; do
    ok "$name: the JSON is what its schema says" \
        fits query-result "v['answered'] == 187 and len(v['checked']) == 11" \
        query show "results/$name" --json
done
ok "numbers are exact" fits query-result "v['entries'][2] == {'name': 'bike instead of car', \
    'unit': '100 g', 'suppressed': False, 'sum': -1270, 'estimate': -6.35, \
    'interval95': [-10.01, -2.69], 'among_answered': -6.79144385}" query show results/mean --json
ok "what is suppressed has no number" \
    fits query-result "v['suppressed'] == 19 == sum(e['sum'] is None for e in v['entries'])" \
    query show results/od --json

ok "the daemon's outcome alone wants the log's key" refused log-key query show results/bare.cbor
ok "an outcome that is not there is refused" refused 'No such file' query show results/none
ok "the daemon's outcome is checked with it" query show results/bare.cbor \
    --log-key results/log-key --at 2026-09-21T15:00:00Z
ok "… and at a time when its evidence holds" refused '^alcove query: evidence:' \
    query show results/bare.cbor --log-key results/log-key --at 2026-10-21
ok "… which nobody can say later" \
    refused '^alcove query: evidence:' query show results/share --at 2027-09-21
ok "with another log's key the head is refused" refused '^alcove query: head:' \
    query show results/share --log-key "$(point | xxd -p -c 65)"

# --- tampered with -----------------------------------------------------------------------------------

# swapped MEMBER NAME: the share's result with this member of the outcome from another result.
swapped() {
    "$PYTHON" - "$1" "$2" <<'PYTHON'
import sys
def head(d, i):
    m, a = d[i] >> 5, d[i] & 31
    n = {24: 1, 25: 2, 26: 4, 27: 8}.get(a, 0)
    return m, int.from_bytes(d[i + 1:i + 1 + n], "big") if n else a, i + 1 + n
def load(d, i=0):
    m, v, i = head(d, i)
    if m in (2, 3):
        return (d[i:i + v] if m == 2 else d[i:i + v].decode()), i + v
    if m == 5:
        out = {}
        for _ in range(v):
            k, i = load(d, i)
            out[k], i = load(d, i)
        return out, i
    assert m == 0
    return v, i
def dump(x):
    def number(m, v):
        for a, n in ((24, 1), (25, 2), (26, 4), (27, 8)):
            if v < 24:
                return bytes([m << 5 | v])
            if v < 1 << 8 * n:
                return bytes([m << 5 | a]) + v.to_bytes(n, "big")
    if isinstance(x, int):
        return number(0, x)
    if isinstance(x, bytes):
        return number(2, len(x)) + x
    if isinstance(x, str):
        return number(3, len(x)) + x.encode()
    return number(5, len(x)) + b"".join(dump(k) + dump(v) for k, v in x.items())
member, name = sys.argv[1:]
mine, theirs = ({**load(open(f"results/{n}/result.cbor", "rb").read())[0]} for n in ("share", name))
outcome, other = load(mine["outcome"])[0], load(theirs["outcome"])[0]
assert dump(mine) == open("results/share/result.cbor", "rb").read()
if member in outcome:
    outcome[member] = other[member] if name != "share" else outcome[member] + 1
    mine["outcome"] = dump(outcome)
else:
    mine[member] = theirs[member]
open("swapped.cbor", "wb").write(dump(mine))
PYTHON
}
for pair in document:mean:query-leaf receipt:mean:receipt evidence:mean:evidence head:mean:query-leaf \
    query_proof:mean:query-leaf query_index:share:query-leaf release_proof:mean:release-leaf \
    release_index:share:release-leaf newest:mean:growth \
    extends:mean:growth begun:mean:growth; do
    IFS=: read -r member from part <<<"$pair"
    ok "another $member is put in" swapped "$member" "$from"
    ok "… and refused by its name" refused "^alcove query: $part:" query show swapped.cbor
done
cp results/share/result.cbor cut.cbor && truncate -s -1 cut.cbor
ok "a result that was cut off is refused" refused 'file:' query show cut.cbor
cp -r results/share damaged && flip damaged/result.cbor 4000
ok "a damaged one too" refused '^alcove query: ' query show damaged

# --- plans and documents -----------------------------------------------------------------------------

YAML=results/share/query.yaml
id=$(sha256sum <results/share/document.cbor | cut -d' ' -f1)
ok "a query compiles to its document" query compile "$YAML" -o again.cbor
ok "… the same bytes" cmp again.cbor results/share/document.cbor
ok "… and prints its id" same "$(query compile "$YAML")" "$id"
ok "asked anew it is another query" differ "$(query compile "$YAML" --new-nonce)" "$id"
ok "a plan is told" \
    says '^Interval 95 % +\+-5.1 points with 200 people asked' query plan "$YAML" --users 200
ok "… of the document too" query plan results/share/document.cbor
ok "… as JSON" fits query-result-plan "v['cost']['rho'] == 0.018635 \
    and v['intervals'][0]['liars'] == [0.5, 1, 1.5] \
    and v['intervals'][1]['users'] == 5000" query plan "$YAML" --users 200 --json
ok "… at another delta" \
    fits query-result-plan "v['cost']['delta'] == 1e-9 and v['cost']['epsilon'] > 1" \
    query plan "$YAML" --delta 1e-9 --json
SQL="SELECT mode, DP_SHARE() FROM mode_share WHERE week = '2026-W40'
    GROUP BY mode IN ('walk', 'bike') BOUND share <= 100 COST rho = 0.01 MIN USERS 50"
ok "the short form is planned over a base" \
    says '^About +2026-09-28 to 2026-10-04' query plan --sql "$SQL" --base "$YAML"
ok "… with a question of its own" says '^Question +Walk or bike' \
    query plan --sql "$SQL" --base "$YAML" --question "Walk or bike?"
ok "a mistake in it has its place" \
    refused 'sql:[0-9]+: want' query plan --sql "${SQL/BOUND/BUOND}" --base "$YAML"
sed 's/^rho: .*/rho: nan/' "$YAML" >nan.yaml
ok "a cost that is no number has its place" refused 'nan.yaml:6:6: ' query plan nan.yaml
sed 's/^rho: .*/rho: 0.000001/' "$YAML" >tiny.yaml
ok "a cost that wants too much noise is told what to do" refused 'unit about' query plan tiny.yaml
ok "too few people have no plan" refused '10' query plan "$YAML" --users 9
ok "an unknown word is refused" same "$(status_of query frobnicate)" 2
ok "--sql without a base is refused" same "$(status_of query plan --sql "$SQL")" 2
ok "a delta that is none is refused" same "$(status_of query plan "$YAML" --delta 0)" 2
ok "an option that would be ignored is refused" refused 'svg does not go with plan' \
    query plan "$YAML" --svg x.svg
ok "run wants a server" same "$(status_of query run "$YAML")" 2
ok "a server elsewhere is refused" refused 'unix:' query run "$YAML" --server http://example.org:80
ok "another analyst's query is not asked" refused "analyst: $analyst" \
    query run "$YAML" --server "unix:$WORK/none.socket"
sed "s/^analyst: .*/analyst: $analyst/" "$YAML" >mine.yaml
ok "where nobody listens that is told" refused 'none.socket' \
    query run mine.yaml --server "unix:$WORK/none.socket"

# --- pictures ----------------------------------------------------------------------------------------

# drawn NAME BARS LABELS: well-formed SVG without scripts, with so many of each, a title and a
# description; a PNG of twice its size.
drawn() {
    query show "results/$1" --svg "$1.svg" --png "$1.png" >/dev/null || return
    "$PYTHON" - "$1" "$2" "$3" "results/$1/query.yaml" <<'PYTHON'
import struct, sys
import xml.etree.ElementTree as tree
name, bars, labels = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
root = tree.parse(name + ".svg").getroot()
svg = "{http://www.w3.org/2000/svg}"
assert root.tag == svg + "svg" and root.get("role") == "img"
assert {e.tag.removeprefix(svg) for e in root.iter()} <= {"svg", "title", "desc", "rect", "path", "text"}
assert not any(key.startswith("on") or "href" in key for e in root.iter() for key in e.keys())
found = lambda role: [e for e in root.iter() if e.get("class") == role]
assert len(root.find(svg + "title").text) > 9 and len(root.find(svg + "desc").text) > 9
assert root.get("aria-labelledby").split() == [root.find(svg + t).get("id") for t in ("title", "desc")]
assert len(found("bar") + found("cell")) == bars, len(found("bar") + found("cell"))
assert len(found("label")) == labels, len(found("label"))
if name == "hostile":
    assert "<script>" in root.find(svg + "title").text
    assert found("label")[0].text == '<b onclick="x">&amp;'
data = open(name + ".png", "rb").read()
assert data[:8] == b"\x89PNG\r\n\x1a\n" and data[12:16] == b"IHDR" and data[-8:-4] == b"IEND"
width, height = struct.unpack(">II", data[16:24])
assert (width, height) == (2 * float(root.get("width")), 2 * float(root.get("height"))), (width, height)
PYTHON
}
ok "shares are bars" drawn share 6 6
ok "a histogram of 24 hours is columns" drawn histogram 24 12
ok "168 columns have a label each twelfth" drawn week 168 14
ok "signed means are bars" drawn mean 3 3
ok "a count is a bar" drawn count 1 1
ok "a quantile is steps" drawn quantile 0 13
ok "a matrix is a map" drawn od 17 12
ok "a large one too" drawn zones 427 80
ok "texts that want to be markup stay texts" drawn hostile 4 4
ok "noise alone is drawn as such" drawn empty 12 12
ok "a picture that cannot be written is a failure" \
    refused 'nowhere' query show results/share --svg nowhere/x.svg
ok "… as PNG too" refused 'nowhere' query show results/share --png nowhere/x.png

# --- with a daemon -----------------------------------------------------------------------------------

bundles=$BUILD/libexec/alcove
if [ ! -d "$bundles/custodian.bundle" ] || [ ! -d "$bundles/aggregator.bundle" ]; then
    skip "queries of a daemon with enclaves" "this build has no bundles of services"
    tap_done
    exit
fi
readonly SERVER=unix:$WORK/state/alcoved.sock
daemon=
trap 'kill -9 ${daemon:-} 2>/dev/null || true; rm -rf "$WORK"' EXIT
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
start() {
    setsid "$BUILD/host/daemon/alcoved" --state "$WORK/state" --worker "trips=$WORK/worker.bundle" \
        --custodian "keeper=$bundles/custodian.bundle" \
        --aggregator "sum=$bundles/aggregator.bundle" 2>daemon.log </dev/null &
    daemon=$!
    soon query programs --server "$SERVER"
}
phone() {
    local number=$1
    shift
    "$ALCOVE" phone --phone "$WORK/phone$number" "$@"
}
processed() { phone "$1" days | grep -v ' 0 processed' | grep ' processed'; }
person() {
    phone "$1" init && phone "$1" policy policy.yaml --yes && phone "$1" claim &&
        phone "$1" upload "people/person-00$1/"*.json && phone "$1" lease 0.02
}
ok "the example becomes a worker" build_bundle "$TOP/examples/private" worker.bundle
ok "a daemon starts" start
query programs --server "$SERVER" >offered
"$PYTHON" "$TOP/examples/private/make_people.py" people --people 2 --days 1
"$ALCOVE" phone policy --from-server "$SERVER" |
    sed 's/users_min: 50/users_min: 2/; s/rho_query: "0.01"/rho_query: "0.02"/' >policy.yaml
log_key=$(sed -n 's/^log_key: "\([0-9a-f]*\)".*/\1/p' policy.yaml)
for i in 1 2; do
    ok "person $i has a custodian, a day in it, and grants a lease" person $i
done
for i in 1 2; do
    ok "the day of person $i is processed" soon processed $i
done
{
    "$ALCOVE" try "$TOP/examples/private/travel.py" --schema mode_share
    cat <<END
format: alcove-query-1
question: "How do people travel?"
noise: gaussian
rho: 0.01
users: {min: 2, max: 10}
window: [2026-09-28, 2026-10-04]
deadline: $(date -u -d "+120 seconds" +%Y-%m-%dT%H:%M:%SZ)
run_ms: 4000
bundle: $("$ALCOVE" measure worker.bundle --json | sed -n 's/.*"configid": "\([0-9a-f]*\)".*/\1/p')
analyst: $analyst
nonce: $(openssl rand -hex 16)
END
    grep -v '^#' offered
} >asked.yaml
ok "the plan says that the server offers what is named" \
    says 'offers the aggregator, leaf' query plan asked.yaml --server "$SERVER"
ok "and that it does not, where it does not" refused 'offers NO aggregator' \
    query plan "$YAML" --server "$SERVER"
asked=$(query compile asked.yaml)
ok "a log's key that is none is told before anybody is asked" \
    refused "^alcove query: the log's key: no.such" \
    query run asked.yaml --server "$SERVER" --log-key no.such
ok "what was not asked is not known" refused 'show|know|no ' query show --server "$SERVER" "$asked"
# Left while people are asked: interrupts are ignored in what a script starts, so the other signal.
"$ALCOVE" query run asked.yaml --server "$SERVER" --log-key "$log_key" --out asked 2>run.err >run.out &
runs=$!
ok "a query is under way" soon grep -q accepted run.err
kill -TERM "$runs"
status=0
wait "$runs" || status=$?
ok "the analyst leaves" same "$status" 143
ok "… and is told how to come back" \
    grep -q "alcove query show --server $SERVER $asked --log-key $log_key\$" run.err
ok "… nothing was kept" test ! -e asked
ok "meanwhile there is no result" refused 'no result yet' query show --server "$SERVER" "$asked"
ok "asked again it is the same query, and its result" \
    query run asked.yaml --server "$SERVER" --log-key "$log_key" --out asked --svg asked.svg
ok "… which says so" says 'was asked before' \
    query run asked.yaml --server "$SERVER" --log-key "$log_key" --out asked
ok "… of two people" grep -q '2 asked, 2 answered' says.out
ok "… and what it took of this week" grep -q '^Left .* less rho 0\.00[0-9]*$' says.out
ok "… by one query in the log" grep -q ' 1 of your queries in the log' says.out
ok "… by a machine that protects nothing" grep -q 'NOT protected by hardware' says.out
ok "… and with a warning: two people are not enough" grep -q 'larger than any answer' says.out
ok "it is drawn" grep -q '</svg>' asked.svg
ok "it is kept, and shown offline" says '2 asked, 2 answered' query show asked
ok "… also to who knows the log's key" query show asked --log-key "$log_key"
ok "come back to it is as JSON what its schema says" fits query-result \
    "v['query'] == '$asked' and v['answered'] == 2 and v['log']['growth_checked'] and \
    not v['aggregator']['hardware']" query show --server "$SERVER" "$asked" --log-key "$log_key" --json
ok "without the log's key the server's word is said to be that" says 'what the server says' \
    query show --server "$SERVER" "$asked"
ok "with another log's key nothing is shown" refused '^alcove query: head:' \
    query show --server "$SERVER" "$asked" --log-key results/log-key
query key new other.pem >other
ok "another analyst does not learn how far it is" refused "another analyst" \
    query show --server "$SERVER" "$asked" --key other.pem
kill "$daemon"
wait "$daemon" || true
tap_done
