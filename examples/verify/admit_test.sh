#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The doorkeeper compiles against the installed library alone, and lets in whom it should.
# usage: admit_test.sh BUILD_FOLDER
# shellcheck disable=SC2317 # functions are called by name, through check
set -euo pipefail

HERE=$(dirname "$(readlink -f "$0")")
BUILD=$(readlink -f "$1")
readonly HERE BUILD
readonly NOW=1790000000 # when what is forged is valid
WORK=$(mktemp -d)
readonly WORK
trap 'rm -rf "$WORK"' EXIT

count=0
check() {
    local what=$1
    shift
    count=$((count + 1))
    if "$@" >"$WORK/log" 2>&1; then
        echo "ok $count - $what"
    else
        echo "not ok $count - $what"
        sed 's/^/# /' "$WORK/log"
        failed=1
    fi
}
failed=0

# Installed into a folder of its own; the sysroot is how pkg-config finds it there.
install_library() {
    DESTDIR=$WORK/root meson install -C "$BUILD" --no-rebuild --quiet
    pc=$(find "$WORK/root" -name alcove-verify.pc)
    [ -n "$pc" ]
}

compile() {
    local flags pc
    pc=$(find "$WORK/root" -name alcove-verify.pc)
    flags=$(PKG_CONFIG_SYSROOT_DIR=$WORK/root PKG_CONFIG_PATH=$(dirname "$pc") \
        pkg-config --cflags --libs alcove-verify)
    # shellcheck disable=SC2086 # words on purpose
    "${CC:-cc}" -std=c11 -D_GNU_SOURCE -Wall -Wextra -Wpedantic -Werror "$HERE/admit.c" $flags \
        -o "$WORK/admit"
}

admit() {
    local expected=$1 status=0 lib
    shift
    lib=$(dirname "$(find "$WORK/root" -name 'libalcove-verify.so' | head -n 1)")
    (cd "$WORK" && LD_LIBRARY_PATH=$lib "$WORK/admit" "$@") >"$WORK/out" 2>&1 || status=$?
    cat "$WORK/out"
    [ "$status" -eq "$expected" ]
}

says() {
    grep -q -e "$1" "$WORK/out"
}

bytes() { # VALUE COUNT: that byte so many times, in hexadecimal
    local i
    for ((i = 0; i < $2; i++)); do printf '%s' "$1"; done
}

quote_field() { # FOLDER OFFSET SIZE: bytes of the quote, in hexadecimal
    dd if="$WORK/$1/quote" bs=1 skip="$2" count="$3" status=none | od -An -v -tx1 | tr -d ' \n'
}

MRENCLAVE=$(bytes e1 32)
OTHER=$(bytes e2 32)
mkdir "$WORK/one" "$WORK/two" "$WORK/empty"
"$BUILD/verify/forge_files" "$WORK/one" intel
"$BUILD/verify/forge_files" "$WORK/two" software
# The two were forged by different processes, so each has a root of its own.
check "the library is installed" install_library
check "the example compiles with pkg-config's flags and nothing else" compile
NONCE=$(quote_field one $((48 + 320)) 64)
check "a machine that is known and answers is admitted" \
    admit 0 "$MRENCLAVE" "$NONCE" "$NOW" one/root.pem one
check "and until when" says 'admitted until 1790812800$'
check "another program is not" admit 1 "$OTHER" "$NONCE" "$NOW" one/root.pem one
check "and the reason is named" says '^  mrenclave: another program ran'
check "an answer to another nonce is not" \
    admit 1 "$MRENCLAVE" "$(bytes 00 64)" "$NOW" one/root.pem one
check "a root that nobody named is not" admit 1 "$MRENCLAVE" "$NONCE" "$NOW" - one
check "nor is one whose collateral has run out" \
    admit 1 "$MRENCLAVE" "$NONCE" 1790812801 one/root.pem one
check "and everything that is wrong is named" says '^  qe-identity-expired: '
check "a folder with nothing in it is refused, not an error" \
    admit 1 "$MRENCLAVE" "$NONCE" "$NOW" one/root.pem one empty one
check "the others are admitted all the same" \
    test "$(grep -c 'admitted until' "$WORK/out")" -eq 2
check "a software machine says that it is one" \
    admit 0 "$MRENCLAVE" "$(quote_field two $((48 + 320)) 64)" "$NOW" two/root.pem two
check "and how" says 'SOFTWARE machine'
echo "1..$count"
exit "$failed"
