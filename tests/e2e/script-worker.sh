#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Scripts in enclaves: the example's replies are those of a plain process, byte for byte; what fails is
# told on standard error, and nothing on standard output. Most calls come in clear here, which is
# quicker: `stdin: host` instead of `stdin: task`, and nothing else is different. Some come sealed.
# timeout: 400
# shellcheck source=tests/e2e/common.sh
. "$(dirname "$0")/common.sh"

EXAMPLE=$TOP/examples/private
MODULE=$TOP/python/alcove
DAYS=${ALCOVE_SHARED:-$TOP/../shared}/trips

# in_clear FOLDER DIR: the example's alcove.yaml with streams that a test can use.
in_clear() {
    mkdir -p "$2"
    cp -r "$MODULE" "$2/module"
    cp "$1"/*.py "$2/"
    sed -e 's/^\(stdin\|stdout\|stderr\): .*/\1: host/' \
        -e 's#dist-packages/alcove: .*#dist-packages/alcove: module#' "$1/alcove.yaml" >"$2/alcove.yaml"
}

# call KIND FUNCTION ENTRIES [DATE FILE]…: writes a call to standard output.
call() {
    "$PYTHON" -B - "$MODULE" "$@" <<'END'
import datetime, pathlib, sys
module, kind, function, entries, *rest = sys.argv[1:]
sys.path.insert(0, str(pathlib.Path(module).parent))
from alcove import cbor
days = [[datetime.date.fromisoformat(date).toordinal() - 719163, pathlib.Path(file).read_bytes()]
        for date, file in zip(rest[::2], rest[1::2])]
sys.stdout.buffer.write(cbor.encode({"days": days, "kind": kind, "format": "alcove-call-1",
                                     "entries": int(entries), "function": function}))
END
}

# processed REPLY: the bytes that are kept.
processed() {
    "$PYTHON" -B -c 'import sys; sys.path.insert(0, sys.argv[1])
from alcove import cbor
sys.stdout.buffer.write(cbor.decode(open(sys.argv[2], "rb").read())["processed"])' \
        "$(dirname "$MODULE")" "$1"
}

# both BUNDLE SCRIPT: the call in $WORK/call has the same reply inside and outside: $WORK/inside.
both() {
    "$PYTHON" -I -B "$MODULE" worker "$2" <"$WORK/call" >"$WORK/outside" &&
        "$ALCOVE" run "$1" <"$WORK/call" >"$WORK/inside" &&
        [ -s "$WORK/inside" ] && cmp "$WORK/inside" "$WORK/outside"
}

# fails_inside PATTERN BUNDLE: status 1, nothing on standard output, and this on standard error.
fails_inside() {
    local status=0
    "$ALCOVE" run "$2" <"$WORK/call" >"$WORK/out" 2>"$WORK/err" || status=$?
    cat "$WORK/err"
    [ "$status" -eq 1 ] && [ ! -s "$WORK/out" ] && grep -q -- "$1" "$WORK/err"
}

ok "the example is a worker's bundle" "$ALCOVE" build "$EXAMPLE" -o "$WORK/worker.bundle"
ok "so is the one with pandas" "$ALCOVE" build "$EXAMPLE/pandas" -o "$WORK/pandas-worker.bundle"
cp -r "$EXAMPLE" "$WORK/private"
sed -i 's#\.\./\.\./python/alcove#module#' "$WORK/private/alcove.yaml"
cp -r "$MODULE" "$WORK/private/module"
identity() { "$ALCOVE" measure "$1" --json >"$WORK/identity.json" && member "$WORK/identity.json" configid; }
ok "built elsewhere, with the module from elsewhere" "$ALCOVE" build "$WORK/private" -o "$WORK/copy.bundle"
ok "… it is the same worker" same "$(identity "$WORK/worker.bundle")" "$(identity "$WORK/copy.bundle")"
echo "# one comment more" >>"$WORK/private/module/schema.py"
ok "with a byte of the module changed" "$ALCOVE" build "$WORK/private" -o "$WORK/changed.bundle"
ok "… it is another" differ "$(identity "$WORK/worker.bundle")" "$(identity "$WORK/changed.bundle")"

in_clear "$EXAMPLE" "$WORK/clear"
ok "the bundle for this test is built" build_bundle "$WORK/clear" "$WORK/clear.bundle"
"$EXAMPLE/make_people.py" "$WORK/people" --people 1 --days 2
kept=()
for day in "$WORK"/people/person-001/*.json "$DAYS"/day-0[246].json; do
    [ -f "$day" ] || continue
    call process "" 0 2026-03-0$((${#kept[@]} / 2 + 1)) "$day" >"$WORK/call"
    ok "$(basename "$day" .json) is processed inside as outside" \
        both "$WORK/clear.bundle" "$EXAMPLE/travel.py"
    processed "$WORK/inside" >"$WORK/kept-${#kept[@]}"
    kept+=("2026-03-0$((${#kept[@]} / 2 + 1))" "$WORK/kept-${#kept[@]}")
done
[ -f "$DAYS/day-02.json" ] || skip "real days are processed inside as outside" "no days in $DAYS"
for function in mode_share:3 hours:24 longest:7 od:16; do
    call query "${function%:*}" "${function#*:}" "${kept[@]}" >"$WORK/call"
    ok "${function%:*} is answered inside as outside" both "$WORK/clear.bundle" "$EXAMPLE/travel.py"
done
call query mode_share 4 "${kept[@]}" >"$WORK/call"
ok "a query of another version is refused inside" fails_inside 'wants 4 numbers' "$WORK/clear.bundle"
echo '{"metadata": ' >"$WORK/torn"
call process "" 0 2026-03-01 "$WORK/torn" >"$WORK/call"
ok "so is a torn day" fails_inside 'the day is no JSON' "$WORK/clear.bundle"
echo '[{"metadata": {}}]' >"$WORK/odd"
call process "" 0 2026-03-01 "$WORK/odd" >"$WORK/call"
ok "what a script raises is told with its lines" \
    fails_inside 'File "/app/travel.py", line' "$WORK/clear.bundle"

in_clear "$EXAMPLE/pandas" "$WORK/pandas"
ok "the bundle with pandas is built" build_bundle "$WORK/pandas" "$WORK/pandas.bundle"
call process "" 0 2026-03-01 "$WORK/people/person-001/2026-09-28.json" >"$WORK/call"
ok "pandas processes inside as outside" both "$WORK/pandas.bundle" "$EXAMPLE/pandas/gyration.py"
processed "$WORK/inside" >"$WORK/kept"
call query gyration 6 2026-03-01 "$WORK/kept" >"$WORK/call"
ok "numpy answers inside as outside" both "$WORK/pandas.bundle" "$EXAMPLE/pandas/gyration.py"

# --- sealed, through the bundle as it is -----------------------------------------------------------------

export ALCOVE CUSTODIAN="$BUILD/tests/worker/custodian --unchecked"
# sealed HEAD: the call in $WORK/call, through a worker; the custodian's first line is HEAD, and what
# follows it, reply and standard error, is in $WORK/got.body.
sealed() {
    timeout 60 "$PYTHON" "$TOP/tests/e2e/worker_host.py" honest "$WORK/worker.bundle" "$WORK/call" \
        "$WORK/got" >"$WORK/said" || return 1
    head -n 1 "$WORK/got"
    tail -n +2 "$WORK/got" >"$WORK/got.body"
    head -n 1 "$WORK/got" | grep -q -x -E "$1"
}
carried_lacks() { [ -s "$WORK/got.carried" ] && ! LC_ALL=C grep -a -q -F -e "$1" "$WORK/got.carried"; }
call query mode_share 3 "${kept[@]}" >"$WORK/call"
"$PYTHON" -I -B "$MODULE" worker "$EXAMPLE/travel.py" <"$WORK/call" >"$WORK/outside"
ok "a sealed call is answered" sealed "end 0 0 complete 1 out $(wc -c <"$WORK/outside") err 0"
ok "… as outside" cmp "$WORK/got.body" "$WORK/outside"
ok "… and the host sees nothing of it" carried_lacks "alcove-reply-1"
call process "" 0 2026-03-01 "$WORK/odd" >"$WORK/call"
ok "a script that fails says nothing but to the owner" sealed "end 0 1 complete 1 out 0 err [0-9]+"
told_at_end() { tail -c 1024 "$WORK/got.body" | tee /dev/stderr | grep -q "KeyError: 'key'"; }
ok "… who reads why at its end" told_at_end
ok "… and the host does not" carried_lacks "KeyError"
tap_done
