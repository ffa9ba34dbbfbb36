#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What names a program of the shim door: MRENCLAVE every byte of it, CONFIGID the rest. Both are what
# `alcove measure` computes offline, what the quote says, and what `alcove verify` compares; and nobody
# gets this identity for anything else.
# shellcheck source=tests/e2e/common.sh
. "$(dirname "$0")/common.sh"

program() { # program FOLDER TEXT [LINE…]: prints TEXT and its argument
    mkdir -p "$1"
    cat >"$1/main.c" <<END
#include <stdio.h>
static const char text[] = "$2";
int main(int argc, char **argv)
{
    printf("%s %s\n", text, argc > 1 ? argv[1] : "");
    FILE *out = fopen("/out/result", "w");
    return out == NULL || fputs(text, out) < 0 || fclose(out) != 0;
}
END
    "$ALCOVE" cc -O2 "$1/main.c" -o "$1/main" || return 1
    cat >"$1/alcove.yaml" <<'END'
door: shim
files: {/app/main: main}
entry: /app/main
argv: [main, one]
memory: 16 MiB
threads: 1
outputs: {result: {path: /out/result, max: 1 KiB}}
stdout: host
END
    shift 2
    [ $# -eq 0 ] || printf '%s\n' "$@" >>"$1/alcove.yaml"
}
measured() { "$ALCOVE" measure "$WORK/$1.bundle" --json >"$WORK/$1.json"; }
make() { build_bundle "$WORK/$1" "$WORK/$1.bundle" && measured "$1"; }
of() { member "$WORK/$1.json" "$2"; }
only() { # only WHICH ONE OTHER: of the two bundles' identities just that one differs
    local id
    for id in mrenclave configid mrsigner; do
        if [ "$id" = "$1" ]; then
            differ "$(of "$2" "$id")" "$(of "$3" "$id")" || return 1
        else
            same "$(of "$2" "$id")" "$(of "$3" "$id")" || return 1
        fi
    done
}

program "$WORK/one" "the same text"
ok "a program becomes a bundle" make one
ok "… whose build says MRENCLAVE" grep -q "MRENCLAVE $(of one mrenclave)" "$WORK/build.log"
says() { "$ALCOVE" measure "$WORK/one.bundle" | grep -F "MRENCLAVE  $(of one mrenclave) (the program"; }
ok "… and whose measurement says what it names" says
ok "… without layers" test ! -e "$WORK/one.bundle/layers/"*.img
cp -r "$WORK/one" "$WORK/again"
ok "again, elsewhere" make again
ok "equal inputs give equal bytes, signature and all" diff -r "$WORK/one.bundle" "$WORK/again.bundle"

cp -r "$WORK/one" "$WORK/byte"
at=$(grep -obUa 'the same text' "$WORK/byte/main" | cut -d: -f1)
flip "$WORK/byte/main" "$at"
ok "a program with one changed byte builds" make byte
ok "one changed byte of the program changes MRENCLAVE and nothing else" only mrenclave one byte
cp -r "$WORK/one" "$WORK/argument"
sed -i 's/main, one/main, two/' "$WORK/argument/alcove.yaml"
ok "a program with another argument builds" make argument
ok "a changed argument changes CONFIGID and nothing else" only configid one argument
cp -r "$WORK/one" "$WORK/memory"
sed -i 's/memory: 16/memory: 17/' "$WORK/memory/alcove.yaml"
ok "a program with more memory builds" make memory
ok "a changed limit changes CONFIGID and nothing else" only configid one memory
"$ALCOVE" key new "$WORK/other.pem" >"$WORK/key.log"
ok "another key signs it" "$ALCOVE" build "$WORK/one" -o "$WORK/signer.bundle" --key "$WORK/other.pem"
measured signer
ok "another key changes MRSIGNER and nothing else" only mrsigner one signer

"$ALCOVE" machine init >"$WORK/machine.log"
ROOT=$ALCOVE_MACHINE_DIR/root.pem
run() {
    "$ALCOVE" run "$WORK/one.bundle" --quote "$WORK/evidence" --nonce 0011 \
        --output result="$WORK/result"
}
ok "it runs and is quoted" run
verify() {
    "$ALCOVE" verify "$WORK/evidence" --root "$ROOT" --nonce 0011 --output result="$WORK/result" "$@"
}
ok "its evidence is accepted for this bundle" verify --expect "$WORK/one.bundle"
ok "… and for its identity.json" verify --expect "$WORK/one.bundle/identity.json"
for other in byte argument memory; do
    ok "… and refused for the bundle with another $other" \
        refused 'mrenclave|configid' verify --expect "$WORK/$other.bundle"
done

cp -r "$WORK/one" "$WORK/product"
echo 'signature: {isvprodid: 258, isvsvn: 3}' >>"$WORK/product/alcove.yaml"
ok "product and security version are signed" make product
isv() { od -An -tu2 -j1024 -N4 "$1/runtime.sig" | tr -s ' '; }
ok "… and stand in SIGSTRUCT" same "$(isv "$WORK/product.bundle")" " 258 3"

# ---- nobody else's program, under this identity ----

altered() { # altered TITLE FILE OFFSET PATTERN: one flipped bit
    rm -rf "$WORK/bad.bundle"
    cp -r "$WORK/one.bundle" "$WORK/bad.bundle"
    flip "$WORK/bad.bundle/$2" "$3"
    ok "$1: 'alcove run' refuses" refused "$4" "$ALCOVE" run "$WORK/bad.bundle"
    ok "$1: 'alcove measure' refuses" refused "$4" "$ALCOVE" measure "$WORK/bad.bundle"
}
image=$WORK/one.bundle/runtime.sgxs
at=$(grep -obUa 'the same text' "$image" | cut -d: -f1)
altered "a bit flipped in the program" runtime.sgxs "$at" 'mrenclave|measure'
at=$(grep -obUa 'alcprog1' "$image" | tail -n 1 | cut -d: -f1)
altered "a bit flipped in its description" runtime.sgxs $((at + 8)) 'mrenclave|measure'
altered "a bit flipped in its stubs" runtime.sgxs -1000 'mrenclave|measure'
altered "a bit flipped in its signature" runtime.sig 600 'sig'

swapped() { # swapped TITLE IMAGE-OF MANIFEST-OF PATTERN
    rm -rf "$WORK/bad.bundle"
    cp -r "$WORK/$3.bundle" "$WORK/bad.bundle"
    cp "$WORK/$2.bundle"/runtime.{sgxs,sig} "$WORK/bad.bundle"
    ok "$1" refused "$4" "$ALCOVE" run "$WORK/bad.bundle"
    [ ! -e "$WORK/refused.out" ] || ok "… before it ran" lacks 'text|layer program' "$WORK/refused.out"
}
workload "$WORK/layered" 'print("layer program")'
build_bundle "$WORK/layered" "$WORK/layered.bundle"
swapped "a program from layers does not run under a measured program's MRENCLAVE" one layered \
    'manifest names another door'
swapped "a measured program's manifest starts nothing in the library OS's enclave" layered one \
    'manifest names another door'
tap_done
