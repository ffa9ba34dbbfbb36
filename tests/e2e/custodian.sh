#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The custodian in its enclave, with a real aggregator and a real worker: claimed, killed, unlocked, asked,
# rolled back, cloned, deleted. services/custodian/drive_test.c is phone, log and host.
# timeout: 300
# shellcheck source=tests/e2e/common.sh
. "$(dirname "$0")/common.sh"

bundles=$BUILD/libexec/alcove
if [ ! -d "$bundles/custodian.bundle" ] || [ ! -d "$bundles/aggregator.bundle" ]; then
    skip "the custodian in its enclave" "this build has no bundles of services"
    tap_done
    exit
fi
ln -s "$bundles/custodian.bundle" "$bundles/aggregator.bundle" "$WORK/"

# The same program under another manifest, as a later version would be.
mkdir "$WORK/successor"
cp "$BUILD/services/images/custodian" "$WORK/successor/custodian"
sed 's/^memory: .*/memory: 200 MiB/' "$TOP/services/custodian/alcove.yaml" >"$WORK/successor/alcove.yaml"
build_bundle "$WORK/successor" "$WORK/successor.bundle"

mkdir "$WORK/nothing"
echo 'int main(void) { return 0; }' >"$WORK/nothing/nothing.c"
printf 'door: shim\nfiles: {/app/nothing: nothing}\nentry: /app/nothing\n' >"$WORK/nothing/alcove.yaml"
"$ALCOVE" cc -O2 "$WORK/nothing/nothing.c" -o "$WORK/nothing/nothing"
build_bundle "$WORK/nothing" "$WORK/nothing.bundle"
"$ALCOVE" run "$WORK/nothing.bundle" --quote "$WORK/evidence" --nonce 00ff

# The script: a day's trips are the day in capitals; every query's answer is 1, 2, 300.
mkdir "$WORK/worker"
cat >"$WORK/worker/main.py" <<'END'
import sys

call = sys.stdin.buffer.read()
head = b"\xa3\x66format\x6ealcove-reply-1\x66vector"
if b"\x64kind\x65query" in call:
    assert b"A WALK" in call
    reply = head + b"\x83\x01\x02\x19\x01\x2c\x69processed\xf6"
else:
    assert b"a walk" in call
    reply = head + b"\xf6\x69processed\x46A WALK"
sys.stdout.buffer.write(reply)
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
build_bundle "$WORK/worker" "$WORK/worker.bundle"

id() {
    "$ALCOVE" measure "$WORK/$1.bundle" --json >"$WORK/$1.json"
    member "$WORK/$1.json" mrenclave
}
root=$(openssl x509 -in "$ALCOVE_MACHINE_DIR/root.pem" -noout -pubkey |
    openssl pkey -pubin -outform DER | sha256sum | cut -d' ' -f1)
"$BUILD/services/custodian/custodian_drive" "$ALCOVE" "$WORK" "$root" \
    "$(id custodian)" "$(id aggregator)" "$(id worker)"
