#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The benchmark runs and measures something; its limits are for `./dev bench --check`, on a quiet
# machine.
# timeout: 300
# shellcheck source=tests/e2e/common.sh
. "$(dirname "$0")/common.sh"

measured() {
    "$PYTHON" "$TOP/bench/bench.py" --build "$BUILD" --rounds 1 --small --json >"$WORK/bench.json" &&
        cat "$WORK/bench.json" &&
        "$PYTHON" -c '
import json, sys
rows = json.load(open(sys.argv[1]))
sys.exit(len(rows) != 22 or any("why" in row or row["judged"] <= 0 for row in rows))' \
            "$WORK/bench.json"
}
ok "all workloads run natively and in an enclave" measured
tap_done
