# SPDX-License-Identifier: Apache-2.0
"""Reads a file from beginning to end in pieces of 1 MiB: prints seconds."""

import os
import sys
import time

PIECE = 1 << 20

file = os.open(sys.argv[1], os.O_RDONLY)
size = os.fstat(file).st_size
begin = time.perf_counter()
got = 0
while piece := os.read(file, PIECE):
    got += len(piece)
seconds = time.perf_counter() - begin
if got != size:
    sys.exit(f"read {got} of {size} bytes")
print(seconds)
