#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# sign-image.sh ALCOVE IMAGE.sgxs OUT.sig DATE ISVPRODID: signs an image that the build made, with the
# developer's key, which is made if there is none.
set -eu
"$1" key new --if-missing
"$1" sign "$2" -o "$3" --date "$4" --isvprodid "$5" --isvsvn 1 >/dev/null
