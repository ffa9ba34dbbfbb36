# SPDX-License-Identifier: Apache-2.0
"""os.stat of one file: prints seconds per call."""

import os
import sys
import time

COUNT = 200_000


def loop(path):
    stat = os.stat
    for _ in range(COUNT):
        stat(path)


loop(sys.argv[1])  # once to warm up whatever caches names
begin = time.perf_counter()
loop(sys.argv[1])
print((time.perf_counter() - begin) / COUNT)
