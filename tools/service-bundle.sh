#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# service-bundle.sh ALCOVE NAME PROGRAM ALCOVE.YAML OUT.bundle: makes the bundle of a service from
# its linked program, signed with the developer's key, which is made if there is none.
set -eu
alcove=$1 name=$2 program=$3 config=$4 out=$5
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cp "$program" "$dir/$name"
cp "$config" "$dir/alcove.yaml"
"$alcove" key new --if-missing
rm -rf "$out"
"$alcove" build "$dir" -o "$out" >/dev/null
