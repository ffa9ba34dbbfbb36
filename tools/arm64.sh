#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds libalcove-verify for arm64 on this machine and runs its tests under qemu's user mode.
#   arm64.sh fetch   unpacks the foreign packages of packages-arm64.txt into build-arm64-sysroot/
#   arm64.sh have    is everything there? says what is not
#   arm64.sh build   configures and compiles build-arm64/
# The foreign libcrypto is unpacked and not installed: co-installing it would bind the versions of half
# the machine's libraries to it. apt's lists for arm64 are kept apart for the same reason.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."

readonly SYSROOT=$PWD/build-arm64-sysroot LIBDIR=usr/lib/aarch64-linux-gnu LIBC=/usr/aarch64-linux-gnu
mapfile -t foreign < <(grep ':arm64$' tools/packages-arm64.txt)

have() {
    local program
    for program in aarch64-linux-gnu-gcc qemu-aarch64; do
        command -v "$program" >/dev/null || { echo "no $program; ./dev arm64 installs it"; return 1; }
    done
    [ -f "$SYSROOT/$LIBDIR/libcrypto.so" ] ||
        { echo "no libcrypto for arm64; ./dev arm64 fetches it"; return 1; }
}

fetch() {
    [ ! -f "$SYSROOT/$LIBDIR/libcrypto.so" ] || return 0
    local apt deb # scratch is global: the trap runs after this function
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    mkdir -p "$scratch/lists/partial" "$scratch/archives/partial" "$scratch/root"
    apt=(apt-get -q -o "APT::Architectures::=$(dpkg --print-architecture)" -o APT::Architectures::=arm64
        -o "Dir::State::Lists=$scratch/lists" -o "Dir::Cache::archives=$scratch/archives"
        -o "Dir::Cache::pkgcache=" -o "Dir::Cache::srcpkgcache=" -o "APT::Sandbox::User=$(id -un)"
        -o Acquire::Languages=none)
    if ! { "${apt[@]}" update && (cd "$scratch" && "${apt[@]}" download "${foreign[@]}"); } \
        >"$scratch/log" 2>&1 </dev/null; then
        cat "$scratch/log" >&2
        echo "arm64: apt-get failed, see above" >&2
        return 1
    fi
    for deb in "$scratch"/*.deb; do
        dpkg-deb -x "$deb" "$scratch/root"
    done
    rm -rf "$SYSROOT"
    mv "$scratch/root" "$SYSROOT"
}

build() {
    local build=$PWD/build-arm64
    if [ ! -f "$build/build.ninja" ]; then
        cat >"$SYSROOT/machine.cross" <<END
[built-in options]
c_args = ['-I$SYSROOT/usr/include', '-I$SYSROOT/usr/include/aarch64-linux-gnu']
c_link_args = ['-L$SYSROOT/$LIBDIR']
[properties]
pkg_config_libdir = '$SYSROOT/$LIBDIR/pkgconfig'
sys_root = '$SYSROOT'
[binaries]
exe_wrapper = ['qemu-aarch64', '-L', '$LIBC', '-E', 'LD_LIBRARY_PATH=$SYSROOT/$LIBDIR']
END
        rm -rf "$build"
        meson setup "$build" --cross-file tools/arm64.cross --cross-file "$SYSROOT/machine.cross" \
            -Donly=verify -Dwerror=true
    fi
    ninja -C "$build"
    printf '#!/bin/sh\nexec qemu-aarch64 -L %s -E LD_LIBRARY_PATH=%s %s\n' "$LIBC" "$SYSROOT/$LIBDIR" \
        "$build/verify/verify_files" >"$build/verify_files-under-qemu"
    chmod +x "$build/verify_files-under-qemu"
}

case ${1:-} in
fetch | have | build) "$1" ;;
*)
    sed -n 's/^#   //p' "$0" >&2
    exit 2
    ;;
esac
