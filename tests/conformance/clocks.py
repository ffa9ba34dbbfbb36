# SPDX-License-Identifier: Apache-2.0
"""Time passes, forward, at about the right rate; nobody prints what it is."""

import datetime
import os
import time

readings = [time.monotonic_ns() for _ in range(20_000)]
print("monotonic", readings == sorted(readings))
wall, monotonic = time.time(), time.monotonic()
time.sleep(0.2)
print("slept", 0.2 <= time.monotonic() - monotonic < 5, 0.15 < time.time() - wall < 5)
print("since 2024", time.time() > 1_704_067_200)
print("process time", time.process_time() >= 0, time.thread_time() >= 0)
cpu = time.process_time()
for _ in range(3_000_000):
    pass
print("computing takes time", time.process_time() > cpu)
print("perf", time.perf_counter_ns() > 0, time.get_clock_info("monotonic").monotonic)
print(datetime.datetime.now(datetime.timezone.utc).tzinfo, time.tzname)
print("random differs", os.urandom(16) != os.urandom(16), len(os.urandom(1000)))
print("sched_yield", os.sched_yield())
