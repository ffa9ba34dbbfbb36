#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The running-mean example gives out means of groups and no single number. TAP.
# Usage: mean_test.sh MEAN_HOST IMAGE.sgxs SIGSTRUCT
set -u
ALCOVE_MACHINE_DIR=$(mktemp -d)
export ALCOVE_MACHINE_DIR
trap 'rm -rf "$ALCOVE_MACHINE_DIR"' EXIT

if got=$(seq 10 10 110 | "$@" 2>"$ALCOVE_MACHINE_DIR/log") && [ "$got" = "mean of 5: 30
mean of 10: 55" ]; then
    echo "ok 1 - the mean is given out for every fifth sample and no other"
else
    echo "not ok 1 - the mean is given out for every fifth sample and no other"
    echo "$got" | sed 's/^/# /'
    sed 's/^/# /' "$ALCOVE_MACHINE_DIR/log"
fi
if [ "$(grep -c 'published a mean of' "$ALCOVE_MACHINE_DIR/log")" = 2 ]; then
    echo "ok 2 - the enclave tells its host of each mean that it published"
else
    echo "not ok 2 - the enclave tells its host of each mean that it published"
fi
got=$(echo 2000000 | "$@" 2>/dev/null)
if [ "$got" = "2000000 is out of range" ]; then
    echo "ok 3 - a sample out of range is refused by name"
else
    echo "not ok 3 - a sample out of range is refused by name"
fi
echo 1..3
