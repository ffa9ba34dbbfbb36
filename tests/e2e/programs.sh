#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Programs of Debian's packages print in an enclave what they print on Linux: a shell, coreutils, gcc, perl,
# sqlite3, git, archivers with their threads, static programs of C, Go and Rust (tests/yardsticks/programs/).
# timeout: 400
# shellcheck source=tests/e2e/common.sh
. "$(dirname "$0")/common.sh"
exec "$PYTHON" "$TOP/tests/yardsticks/programs.py" --build "$BUILD"
