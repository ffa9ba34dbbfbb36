# SPDX-License-Identifier: Apache-2.0
"""numpy's linear algebra on one thread: prints seconds."""

import time

import numpy

random = numpy.random.default_rng(1)
a = random.standard_normal((400, 400))


def work():
    total = 0.0
    for _ in range(6):
        total += float((a @ a).sum())
        total += float(numpy.linalg.solve(a, a[0]).sum())
        total += float(numpy.linalg.svd(a, compute_uv=False)[0])
    return total


work()
begin = time.perf_counter()
work()
print("linalg", time.perf_counter() - begin)
