# SPDX-License-Identifier: Apache-2.0
"""What work.c does, as far as Python does it: status 0, 3, 4 and 5 mean the same."""

import hashlib
import json
import os
import sys
import threading
import time

CANARY = (0x9E3779B97F4A7C15 * 0xC2B2AE3D27D4EB4F & 0xFFFFFFFFFFFFFF00) | ord("y")
failed = False
other_data = False


def wrong(what):
    os.write(1, f"wrong: {what}\n".encode())
    os._exit(4)


def attempt(work):
    global failed
    try:
        work()
    except (OSError, MemoryError, RuntimeError) as error:
        failed = True
        print("failed:", type(error).__name__, flush=True)


def compute():
    numbers = [i * i % 1009 for i in range(20000)]
    if sum(numbers) != 10086221 or json.loads(json.dumps(numbers)) != numbers:
        wrong("arithmetic")


def keep_file():
    data = CANARY.to_bytes(8, "little") * 4096
    with open("/tmp/kept", "wb") as file:
        file.write(data)
    with open("/tmp/kept", "rb") as file:
        if file.read() != data:
            wrong("a file")


def read_input():
    global other_data
    with open("/in/numbers", "rb") as file:
        data = file.read()
    other_data |= data != b"0123456789abcdef" * 12500


def write_output():
    with open("/out/result", "wb") as file:
        for i in range(200):
            file.write(hashlib.sha256(str(i).encode()).hexdigest().encode() + b"\n")


def use_threads():
    counts = []
    lock = threading.Lock()

    def work(n):
        kept = bytearray(CANARY.to_bytes(8, "little") * 100)
        for i in range(50):
            with lock:
                counts.append(n)
        if kept[:8] != CANARY.to_bytes(8, "little"):
            wrong("a thread's memory")

    threads = [threading.Thread(target=work, args=(i,)) for i in range(3)]
    started = []
    try:
        for thread in threads:
            thread.start()
            started.append(thread)
    finally:
        for thread in started:
            thread.join()
    if len(counts) != 150:
        wrong("threads")


def use_time():
    before = time.monotonic()
    time.sleep(0.002)
    if time.monotonic() < before + 0.002:
        wrong("a sleep was too short")


for step in (compute, keep_file, read_input, use_threads, use_time, write_output):
    attempt(step)
print("done", flush=True)
sys.exit(3 if failed else 5 if other_data else 0)
