#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Debian's nginx, lighttpd, memcached and redis-server: their clients cannot tell an enclave from Linux.
# timeout: 180
TOP=$(cd "$(dirname "$0")/../.." && pwd)
ALCOVE_MACHINE_DIR=$(mktemp -d "${TMPDIR:-/tmp}/alcove-servers.XXXXXX")
export ALCOVE_MACHINE_DIR
trap 'rm -rf "$ALCOVE_MACHINE_DIR"' EXIT
/usr/bin/python3.11 "$TOP/tests/yardsticks/servers.py" --build "${ALCOVE_BUILD:-$TOP/build}"
