#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Workers (docs/formats/worker.md): one sealed task in, one sealed result out, for a Python program that reads
# its standard input and writes its standard output. The host between custodian and worker is worker_host.py.
# shellcheck source=tests/e2e/common.sh
. "$(dirname "$0")/common.sh"
export ALCOVE

mkdir "$WORK/w" "$WORK/c"
cat >"$WORK/w/main.py" <<'END_OF_SCRIPT'
import json
import os
import signal
import sys

raw = b""
while part := os.read(0, 1000):  # a pipe: any part, then the end, again and again
    raw += part
assert os.read(0, 1000) == b""
task = json.loads(raw)


def about_stdin():
    """What standard input is, in one line that outside and inside have to agree on."""
    try:
        os.lseek(0, 0, 0)
        seek = "seekable"
    except OSError as error:
        seek = error.strerror
    return f"{seek}, {'a terminal' if os.isatty(0) else 'no terminal'}, type {os.fstat(0).st_mode >> 12:o}"


def redirected():
    """What C libraries and tests do to the streams of a program."""
    saved = os.dup(1)
    os.dup2(2, 1)
    os.write(1, b"to the errors\n")
    os.dup2(saved, 1)
    os.close(saved)
    print("to the output", flush=True)
    with open("/dev/stdout", "w") as out, open("/proc/self/fd/2", "w") as err:
        out.write("by name\n")
        err.write("errors by name\n")


kind = task["kind"]
print("for the owner:", task["name"], file=sys.stderr, flush=True)
if kind == "answer":
    print(json.dumps({"size": len(raw), "sum": sum(task["points"]), "stdin": about_stdin()}))
elif kind == "redirected":
    redirected()
elif kind == "nothing":
    pass
elif kind == "crash":
    print("half an answer")
    raise ValueError(task["name"])
elif kind == "exit":
    print("an answer all the same")
    sys.exit(3)
elif kind == "signal":
    os.kill(os.getpid(), signal.SIGSEGV)
elif kind == "edge":
    sys.stdout.write("x" * 262144)
elif kind == "loud":
    for _ in range(1024):
        sys.stdout.write("x" * 1024)
        sys.stderr.write("y" * 1024 + "\n")
    sys.stderr.write("the end\n")
elif kind == "wild":  # a jump into the runtime, which is no function there
    import ctypes
    ctypes.CFUNCTYPE(None)(0xfc0000000 + (900 << 20))()
elif kind == "slow":
    import time
    time.sleep(60)
elif kind == "curious":
    print([name for name in ("/dev/attestation", "/dev/volumes", "/in", "/out") if os.path.exists(name)])
END_OF_SCRIPT
cat >"$WORK/w/alcove.yaml" <<'END'
base: [python]
files: {/app/main.py: main.py}
entry: /usr/bin/python3.11
argv: [python3.11, -I, -B, /app/main.py]
env: {LC_ALL: C.UTF-8}
memory: 512 MiB
threads: 4
stdin: task
stdout: result
stderr: result
END
cp "$BUILD/tests/worker/custodian-inside" "$WORK/c/custodian"
cat >"$WORK/c/alcove.yaml" <<'END'
door: shim
files: {/app/custodian: custodian}
entry: /app/custodian
memory: 128 MiB
threads: 4
stdin: host
stdout: host
stderr: host
attestation: true
END
ok "a worker is built" build_bundle "$WORK/w" "$WORK/w.bundle"
ok "and a custodian, behind the shim door" build_bundle "$WORK/c" "$WORK/c.bundle"
readonly INSIDE="$ALCOVE run $WORK/c.bundle" OUTSIDE="$BUILD/tests/worker/custodian --unchecked"

points=$(seq -s, 1 2000)
task() { printf '{"kind": "%s", "name": "a secret of Ada", "points": [%s]}' "$1" "$points" >"$WORK/task"; }
# carry CASE [BUNDLE]: one call; its facts in said, what the custodian got in got: got.head and got.body.
carry() {
    rm -f "$WORK/got"
    timeout 100 "$PYTHON" "$TOP/tests/e2e/worker_host.py" "$1" "${2:-$WORK/w.bundle}" "$WORK/task" \
        "$WORK/got" >"$WORK/said" || return 1
    cat "$WORK/said" "$WORK/got.stderr"
    [ ! -e "$WORK/got" ] || {
        head -n 1 "$WORK/got" | tee "$WORK/got.head"
        tail -n +2 "$WORK/got" >"$WORK/got.body"
    }
}
# ends CASE HEAD: the custodian's first line is HEAD, the worker's status 0.
ends() {
    carry "$1" && [ "$(cat "$WORK/got.head")" = "$2" ] && grep -q '^status 0$' "$WORK/said"
}
fact() { sed -n "s/^$1 //p" "$WORK/said"; }

# ---- a call that goes well

export CUSTODIAN=$INSIDE
task answer
outside() { "$PYTHON" -I "$WORK/w/main.py" >"$WORK/out" 2>"$WORK/err" < <(cat "$WORK/task"); }
ok "the program runs outside" outside
ok "a custodian in an enclave calls the worker" \
    ends honest "end 0 0 complete 1 out $(wc -c <"$WORK/out") err $(wc -c <"$WORK/err")"
says_the_same() { cat "$WORK/out" "$WORK/err" | cmp - "$WORK/got.body"; }
ok "its result is what the program says outside, of its standard input too" says_the_same
"$ALCOVE" measure "$WORK/w.bundle" --json >"$WORK/w.json"
ok "the worker's REPORT names what was measured" same \
    "$(member "$WORK/w.json" mrenclave) $(member "$WORK/w.json" configid) ok" \
    "$(fact mrenclave) $(fact configid) $(fact reportdata)"
size=$(fact size)
ok "the result is a megabyte" test "$size" -gt 1048576 -a "$size" -lt 1050000
carried_lacks() { [ -s "$WORK/got.carried" ] && ! LC_ALL=C grep -a -q -F -e "$1" "$WORK/got.carried"; }
ok "the host saw nothing of the task" carried_lacks "secret of Ada"
ok "nor of the result" carried_lacks '"sum"'
ok "nor a word on standard error" test ! -s "$WORK/got.stderr"
ok "a host that delivers byte by byte changes nothing" ends pieces "$(cat "$WORK/got.head")"

# ---- who is believed

refuses() { carry "$1" && grep -q "^refused: $2" "$WORK/got"; }
ok "a REPORT for another enclave is refused" refuses target "the REPORT is not of this machine"
ok "so is one with another MAC" refuses mac "the REPORT is not of this machine"
ok "and a changed one" refuses report "the REPORT is not of this machine"
ok "an answer to another nonce is refused" refuses nonce nonce
ok "a changed binding too" refuses binding binding
cp -r "$WORK/w" "$WORK/w2"
sed -i 's/for the owner/for the Owner/' "$WORK/w2/main.py"
ok "another worker is built" build_bundle "$WORK/w2" "$WORK/w2.bundle"
other() {
    EXPECTED=$WORK/w.bundle carry honest "$WORK/w2.bundle" && grep -q '^refused: manifest' "$WORK/got"
}
ok "a worker that differs in one letter is refused" other

# ---- what a host does to messages

export CUSTODIAN=$OUTSIDE
# stopped CASE WORDS: the worker ends without a result, unsuccessfully, and says why.
stopped() {
    carry "$1" && ! grep -q "^size" "$WORK/said" && grep -q '^status 125$' "$WORK/said" &&
        grep -q -e "$2" "$WORK/got.stderr"
}
ok "a changed task does not open" stopped task "does not open"
ok "nor one with another recipient" stopped header "message:"
ok "nor one that was cut" stopped truncated "not a sealed message"
ok "a task for another instance is refused" stopped foreign "sealed to another key"
ok "so is what is no message" stopped echo "not a sealed message"
ok "an empty one" stopped empty-task "not a sealed message"
ok "no task is an end" stopped no-task "before a task was there"
ok "half a task too" stopped half-task "before a task was there"
ok "one without end is refused" stopped endless-task "more than 16777792 bytes"
ok "no hello is an end, and the worker says what it is" stopped no-hello "docs/formats/worker.md"
ok "half a hello too" stopped half-hello "before a custodian's hello was there"
ok "a short hello is refused" stopped short-hello "543 bytes"
ok "a long one too" stopped long-hello "545 bytes"
ok "a frame that is too long" stopped long-frame "65537 bytes"
ok "a TARGETINFO with reserved bytes" stopped reserved "reserved bytes"
ok "a host that does not listen is told so" stopped deaf "does not take what it sends"
ok "a changed result does not open" refuses result "message: does not open"
ok "nor a cut one" refuses cut-result "message: not a sealed message"
second() {
    ends second "end 0 0 complete 1 out $(wc -c <"$WORK/out") err 31" && grep -q '^rest 0$' "$WORK/said"
}
ok "a second task is never read" second

# ---- how programs end

sizes=$size
# call KIND HEAD: one call of this kind; the result's size is remembered.
call() {
    task "$1"
    ends honest "$2" && sizes="$sizes $(fact size)"
}
ok "descriptors can be copied and opened by name" call redirected "end 0 0 complete 1 out 22 err 60"
said='to the output
by name
for the owner: a secret of Ada
to the errors
errors by name'
ok "… and go where they went" same "$said" "$(cat "$WORK/got.body")"
ok "no answer is an answer" call nothing "end 0 0 complete 1 out 0 err 31"
crashed() {
    task crash
    carry honest && grep -q '^end 0 1 complete 1 out 15 err ' "$WORK/got.head" &&
        grep -q '^status 0$' "$WORK/said" && grep -q 'ValueError: a secret of Ada' "$WORK/got.body" &&
        [ ! -s "$WORK/got.stderr" ] && sizes="$sizes $(fact size)"
}
ok "a crash is told to the custodian alone" crashed
ok "so is a status" call exit "end 0 3 complete 1 out 23 err 31"
ok "so is a signal" call signal "end 1 11 complete 1 out 0 err 31"
wild() {
    task wild
    carry honest && grep -q '^end 3 0 complete 1 out 0 ' "$WORK/got.head" &&
        grep -q '^status 0$' "$WORK/said" &&
        grep -q 'the runtime faulted' "$WORK/got.body" && [ ! -s "$WORK/got.stderr" ] &&
        sizes="$sizes $(fact size)"
}
ok "so is what stops the runtime, which says nothing to the host" wild
ok "the largest answer fits" call edge "end 0 0 complete 1 out 262144 err 31"
ok "of more there is none, and of errors the end" call loud "end 0 0 complete 0 out 0 err 16384"
ok "… which it is" same "the end" "$(tail -n 1 "$WORK/got.body")"
ok "it has no attestation, no volume, no files of the host's" call curious "end 0 0 complete 1 out 3 err 31"
one_size() { echo "$sizes" && [ "$(tr ' ' '\n' <<<"$sizes" | sort -u | wc -l)" = 1 ]; }
ok "all results have one size" one_size
task slow
killed() { carry killed && grep -q '^rest 0$' "$WORK/said"; }
ok "a worker that is killed says nothing" killed
points=$(seq -s, 1 400000)
task answer
large() { outside && ends honest "end 0 0 complete 1 out $(wc -c <"$WORK/out") err 31" && says_the_same; }
ok "a task of megabytes arrives" large

points=1
task nothing
carry times >"$WORK/times.log"
sed 's/^/# a call, from hello to result, /' "$WORK/said"

# ---- alcove run

terminal() {
    "$PYTHON" -c 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))' \
        "$ALCOVE" run "$WORK/w.bundle"
}
ok "at a terminal, alcove run says what a worker is for" refused "not a terminal" terminal
ok "a worker makes no evidence" refused "Leave out --quote" "$ALCOVE" run "$WORK/w.bundle" --quote "$WORK/q"
tap_done
