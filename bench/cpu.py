# SPDX-License-Identifier: Apache-2.0
"""Interpreter-bound work without a system call: prints seconds."""

import time


def work():
    table = {}
    total = 0
    for number in range(3_000_000):
        key = number % 977
        table[key] = table.get(key, 0) + number
        total += len(str(table[key])) ^ (number & 7)
    return total


begin = time.perf_counter()
work()
print("cpu", time.perf_counter() - begin)
