#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# libalcove-verify without the rest: built by gcc and by clang, installed into a folder of its own,
# and used from there by the program of docs/install-verify.md.
# timeout: 600
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

NOW=1790000000 # when forged evidence is valid (forge.h)
readonly NOW

# A machine without the other packages: pkg-config knows libcrypto only.
only_libcrypto() {
    mkdir "$WORK/pc"
    cp "$(pkg-config --variable=pcfiledir libcrypto)/libcrypto.pc" "$WORK/pc/"
}

# Whatever was compiled included nothing but the tree's own headers, and libc's, the compiler's and
# OpenSSL's.
reads_nothing_else() {
    local strange
    ninja -C "$1" -t deps | sed -n 's|^    \(/.*\)|\1|p' | xargs realpath | sort -u >"$WORK/read"
    grep -q '/openssl/' "$WORK/read" || return 1
    strange=$(xargs -a "$WORK/read" dpkg-query -S 2>/dev/null |
        sed 's/: .*//; s/:[a-z0-9]*$//' | sort -u |
        grep -Ev '^(libc6|linux-libc|libssl|libgcc-[0-9]+|libclang-common-[0-9]+)-dev$' || true)
    echo "$strange"
    [ -z "$strange" ]
}

# other_names FILE OPTION…: the defined global names of a library that are not alcove_*
other_names() {
    local strange
    strange=$(nm --defined-only --extern-only --format=posix "${@:2}" "$1" |
        awk 'NF > 1 {print $1}' | grep -v '^alcove_' || true)
    echo "$strange"
    [ -z "$strange" ]
}

# Each name that a header declares is in the library, and none besides.
declared_is_exported() {
    local lib=$1 include=$2
    grep -ho 'alcove_[a-z0-9_]*(' "$include"/verify/*.h | tr -d '(' | sort -u >"$WORK/mentioned"
    nm -D --defined-only --extern-only --format=posix "$lib" | awk '{print $1}' |
        sort -u >"$WORK/exported"
    # Inline functions and tags stand in headers too, so only the other direction is exact there.
    comm -23 "$WORK/exported" "$WORK/mentioned" |
        sed 's/^/exported, but no header declares it: /' >"$WORK/odd"
    sed -n '/^ALCOVE_VERIFY_API/,/;/p' "$include"/verify/*.h | tr '\n' ' ' |
        grep -o 'alcove_[a-z0-9_]*(' | tr -d '(' | sort -u | comm -23 - "$WORK/exported" |
        sed 's/^/declared, but not exported: /' >>"$WORK/odd"
    cat "$WORK/odd"
    [ ! -s "$WORK/odd" ] && [ -s "$WORK/exported" ]
}

# Every installed header alone, as C and as C++, and twice.
header_alone() {
    local header=$1 cc
    local strict=(-Wall -Wextra -Wpedantic -Werror "-I$2" -c -o "$WORK/alone.o")
    printf '#include <verify/%s>\n#include <verify/%s>\n' "$header" "$header" >"$WORK/alone.c"
    cp "$WORK/alone.c" "$WORK/alone.cc"
    for cc in gcc clang; do
        "$cc" -std=c11 "${strict[@]}" "$WORK/alone.c"
    done
    clang++ -std=c++11 "${strict[@]}" "$WORK/alone.cc"
    ! command -v g++ >/dev/null ||
        g++ -std=c++11 "${strict[@]}" "$WORK/alone.cc"
}

has_soname() {
    readelf -d "$1" | grep -q 'SONAME.*\[libalcove-verify\.so\.0\]'
}

# No other library than libcrypto and libc; no writable and executable segment, no stack that is.
needs_little() {
    local strange
    strange=$(readelf -d "$1" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' |
        grep -Ev '^(libcrypto\.so\.3|libc\.so\.6)$' || true)
    echo "$strange"
    [ -z "$strange" ] && ! readelf -lW "$1" | grep -q 'RWE'
}

build_and_install() {
    local cc=$1 build=$WORK/build-$1
    CC=$cc PKG_CONFIG_LIBDIR=$WORK/pc meson setup "$build" "$TOP" -Donly=verify -Dwerror=true \
        --prefix="$WORK/$cc" --libdir=lib && ninja -C "$build" &&
        meson install -C "$build" --no-rebuild
}

# The commands of the document: it has one for each kind of library.
compile_as_documented() {
    local cc=$1 kind=$2 line
    line=$(grep '^cc verify-one.c' "$TOP/docs/install-verify.md" | if [ "$kind" = static ]; then
        grep -e -static
    else
        grep -v -e -static
    fi)
    [ -n "$line" ] || return 1
    mkdir -p "$WORK/$cc/program"
    (cd "$WORK/$cc/program" && cp "$WORK/verify-one.c" . &&
        PKG_CONFIG_PATH=$WORK/$cc/lib/pkgconfig bash -c "$cc -Wall -Wextra -Werror ${line#cc }" &&
        mv verify-one "verify-one-$kind")
}

run_one() {
    local cc=$1 kind=$2
    shift 2
    LD_LIBRARY_PATH=$WORK/$cc/lib "$WORK/$cc/program/verify-one-$kind" "$@"
}

accepts() {
    run_one "$@" "$NOW" | tee "$WORK/out"
    grep -q '^accepted: UpToDate, MRENCLAVE [0-9a-f]\{64\}, good until [1-9]' "$WORK/out"
}

rejects() {
    local wanted=$1 status=0
    shift
    run_one "$@" >"$WORK/out" || status=$?
    cat "$WORK/out"
    [ "$status" -eq 1 ] && grep -q "^rejected: $wanted: " "$WORK/out"
}

only_libcrypto
# shellcheck disable=SC2016 # the backticks are the document's
sed -n '/^```c$/,/^```$/p' "$TOP/docs/install-verify.md" | sed '1d;$d' >"$WORK/verify-one.c"
for cc in gcc clang; do
    ok "$cc builds and installs it where only libcrypto is known" build_and_install "$cc"
done
mkdir "$WORK/good" "$WORK/forged"
ok "evidence is forged" "$WORK/build-gcc/verify/forge_files" "$WORK/good" intel
cp "$WORK/good"/* "$WORK/forged" && rm "$WORK/forged/root.pem"

ok "the build reads headers of libc and OpenSSL only" reads_nothing_else "$WORK/build-gcc"
for cc in gcc clang; do
    lib=$WORK/$cc/lib
    ok "$cc: the shared library shows alcove_* only" other_names "$lib/libalcove-verify.so" -D
    ok "$cc: the static library shows alcove_* only" other_names "$lib/libalcove-verify.a"
    ok "$cc: what headers declare is what the library exports" \
        declared_is_exported "$lib/libalcove-verify.so" "$WORK/$cc/include"
    ok "$cc: the shared library has its soname" has_soname "$lib/libalcove-verify.so"
    ok "$cc: it needs libcrypto and libc" needs_little "$lib/libalcove-verify.so"
done
for header in "$WORK"/gcc/include/verify/*.h; do
    name=$(basename "$header")
    ok "$name compiles alone, as C and C++" header_alone "$name" "$WORK/gcc/include"
done
man=$TOP/docs/man/alcove_verify.3
if [ -f "$man" ]; then
    ok "the man page is installed" cmp "$man" "$WORK/gcc/share/man/man3/alcove_verify.3"
else
    skip "the man page is installed" "docs/man/alcove_verify.3 is not written"
fi
for cc in gcc clang; do
    for kind in shared static; do
        ok "$cc, $kind: the documented program compiles by the documented command" \
            compile_as_documented "$cc" "$kind"
        ok "$cc, $kind: it accepts good evidence" accepts "$cc" "$kind" "$WORK/good"
        ok "$cc, $kind: it rejects evidence under a root that nobody named" \
            rejects unknown-root "$cc" "$kind" "$WORK/forged" "$NOW"
        ok "$cc, $kind: it rejects nothing at all" rejects '[a-z-]*' "$cc" "$kind" "$WORK/pc" "$NOW"
    done
done
tap_done
