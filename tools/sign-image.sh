#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# sign-image.sh ALCOVE IMAGE.sgxs OUT.sig DATE ISVPRODID [OPTION of alcove sign]...: signs an image
# that the build made, with the developer's key, which is made if there is none.
set -eu
alcove=$1 image=$2 out=$3 date=$4 isvprodid=$5
shift 5
"$alcove" key new --if-missing
"$alcove" sign "$image" -o "$out" --date "$date" --isvprodid "$isvprodid" --isvsvn 1 "$@" >/dev/null
