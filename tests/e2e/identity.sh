#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Identities: what `alcove measure` computes offline is what a run's quote says, and a changed byte
# changes CONFIGID and only it.
# shellcheck source=tests/e2e/common.sh
. "$(dirname "$0")/common.sh"

identities() { "$ALCOVE" measure "$1" --json >"$2"; }

# At the offsets of a DCAP v3 quote: 48-byte header, then the report body.
quoted() { # quoted EVIDENCE OFFSET SIZE, in hexadecimal
    "$PYTHON" - "$@" <<'END'
import sys

def read(data, at=0):
    """Just enough deterministic CBOR: maps, texts, byte strings."""
    major, info = data[at] >> 5, data[at] & 31
    at += 1
    if info >= 24:
        size = 1 << (info - 24)
        info, at = int.from_bytes(data[at:at + size], "big"), at + size
    if major in (2, 3):
        value = data[at:at + info]
        return (value if major == 2 else value.decode()), at + info
    if major == 5:
        result = {}
        for _ in range(info):
            key, at = read(data, at)
            result[key], at = read(data, at)
        return result, at
    raise ValueError(f"CBOR major type {major}")

evidence, offset, size = open(sys.argv[1], "rb").read(), int(sys.argv[2]), int(sys.argv[3])
print(read(evidence)[0]["quote"][offset:offset + size].hex())
END
}
readonly BODY=48
readonly CONFIGID=$((BODY + 192)) MRENCLAVE=$((BODY + 64)) MRSIGNER=$((BODY + 128))

workload "$WORK/one" 'print("one")'
workload "$WORK/elsewhere/one" 'print("one")'
workload "$WORK/two" 'print("twp")'
touch -d '2001-02-03' "$WORK/elsewhere/one/main.py"
for name in one two; do
    build_bundle "$WORK/$name" "$WORK/$name.bundle"
    identities "$WORK/$name.bundle" "$WORK/$name.json"
done
build_bundle "$WORK/elsewhere/one" "$WORK/again.bundle"

ok "two builds in different folders give byte-identical bundles" \
    diff -r "$WORK/one.bundle" "$WORK/again.bundle"

ok "a run gives a quote" \
    "$ALCOVE" run "$WORK/one.bundle" --quote "$WORK/evidence" --nonce 00112233
for field in mrenclave:$MRENCLAVE:32 mrsigner:$MRSIGNER:32 configid:$CONFIGID:64; do
    IFS=: read -r name offset size <<<"$field"
    ok "the quote's $name is the measured one" \
        same "$(quoted "$WORK/evidence" "$offset" "$size")" "$(member "$WORK/one.json" "$name")"
done

ok "one changed byte of the script changes CONFIGID" \
    differ "$(member "$WORK/one.json" configid)" "$(member "$WORK/two.json" configid)"
ok "… and not MRENCLAVE" \
    same "$(member "$WORK/one.json" mrenclave)" "$(member "$WORK/two.json" mrenclave)"
ok "… nor MRSIGNER" \
    same "$(member "$WORK/one.json" mrsigner)" "$(member "$WORK/two.json" mrsigner)"
base_layer() { "$PYTHON" -c '
import json, sys
print([layer for layer in json.load(open(sys.argv[1]))["layers"] if layer["name"] == "python"])' "$1"; }
ok "… nor the base layer" same "$(base_layer "$WORK/one.json")" "$(base_layer "$WORK/two.json")"
tap_done
