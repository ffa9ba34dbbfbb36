#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# examples/service: services that live as long as their host talks to them, behind both doors, attest each
# other over a host that carries their messages; what a host can send besides ends in an answer or an end.
# timeout: 300
# shellcheck source=tests/e2e/common.sh
. "$(dirname "$0")/common.sh"
export ALCOVE

cp -r "$TOP/examples/service" "$WORK/service"
compile() { "$ALCOVE" cc -O2 -Wall -Wextra "$WORK/service/service.c" -o "$WORK/service/service"; }
ok "the service is compiled" compile
ok "it becomes an enclave of its own" build_bundle "$WORK/service" "$WORK/c.bundle"
ok "the same in Python becomes a workload" build_bundle "$WORK/service/libos" "$WORK/python.bundle"

talk() { "$PYTHON" "$WORK/service/talk.py" "$@" >"$WORK/talk"; }
ok "a host carries messages between the two" talk "$WORK/c.bundle" "$WORK/python.bundle" "$WORK/quote"
for name in c python; do
    "$ALCOVE" measure "$WORK/$name.bundle" --json >"$WORK/$name.json"
    cat >>"$WORK/wanted" <<END
report of $(member "$WORK/$name.json" mrenclave) ok
forged no
to the wrong one no
nonsense 0
END
done
echo "ends 0 0" >>"$WORK/wanted"
ok "each believes the other's report, and no other" diff "$WORK/wanted" "$WORK/talk"
ok "two instances of one program believe each other" talk "$WORK/c.bundle" "$WORK/c.bundle"
ok "… and a report for one of them is for both: they are one identity" \
    grep -q '^to the wrong one ok$' "$WORK/talk"

"$ALCOVE" machine collateral "$WORK/collateral"
printf 'report_data: "%s"\nsgx: {mrenclave: "%s", configid: "%s", signer: any}\n' \
    "$(printf "a challenge of the other's" | xxd -p -c 100 | sed 's/$/'"$(printf '%076d' 0)"'/')" \
    "$(member "$WORK/c.json" mrenclave)" "$(member "$WORK/c.json" configid)" >"$WORK/policy.yaml"
ok "the shim door's quote over the challenge is accepted" "$ALCOVE" verify "$WORK/quote" \
    --policy "$WORK/policy.yaml" --collateral "$WORK/collateral" \
    --root "$ALCOVE_MACHINE_DIR/root.pem"

# send NAME BYTES: what the service answers to these bytes (as printf has them), and how it ends.
send() {
    local status=0
    { for byte in $2; do
        printf '%b' "\\x$byte"
        [ -z "${slow:-}" ] || sleep 0.02
    done; } | timeout 60 "$ALCOVE" run "$WORK/$1.bundle" >"$WORK/sent" || status=$?
    echo "$(xxd -p "$WORK/sent") $status"
}
for name in c python; do
    ok "$name: an empty frame has an empty answer" same "00000000 0" "$(send $name "00 00 00 00")"
    ok "$name: an unknown message too" same "00000000 0" "$(send $name "01 00 00 00 3f")"
    slow=1
    ok "$name: bytes that come one by one are one message" same "00000000 0" \
        "$(send $name "03 00 00 00 3f 3f 3f")"
    slow=
    ok "$name: a frame that is too long ends the service" same " 1" "$(send $name "01 00 01 00 3f")"
    ok "$name: a frame without an end too" same " 1" "$(send $name "00 01 00 00 74")"
    ok "$name: half a length too" same " 1" "$(send $name "00 01")"
done
tap_done
