# SPDX-License-Identifier: Apache-2.0
"""A researcher's script that wants more than an answer: for tests/e2e/attacks.py, each function one
attack. Raw days are {"secret": TEXT, "wait": SECONDS}."""

import ctypes
import os
import sys
import time

import alcove

RUNTIME = 0xfc0000000  # the top GiB of the enclave


@alcove.process
def keep(day):
    return day


def attack(function):
    alcove.query(function.__name__, alcove.count())(function)
    return function


@attack
def behaves(days):
    return 1


@attack
def hangs(days):
    while True:
        pass


@attack
def crashes(days):
    ctypes.string_at(0)
    return 1


@attack
def forks(days):
    os.fork()
    return 1


@attack
def writes_a_gibibyte(days):
    block = bytes(1 << 20)
    with open("/tmp/much", "wb") as file:
        for _ in range(1024):
            file.write(block)
    return 1


@attack
def reads_keys_with_ctypes(days):
    for at in range(RUNTIME, RUNTIME + (1 << 30), 4096):
        ctypes.string_at(at, 4096)
    return 1


@attack
def claims_to_be_the_custodian(days):
    os.write(3, bytes.fromhex("20000000") + b"\xa2\x66format\x6ealcove-answer-1" * 40)
    os._exit(0)


@attack
def prints_secrets(days):
    print(days[0].data["secret"])
    print(days[0].data["secret"], file=sys.stderr)
    os.write(1, days[0].data["secret"].encode())
    return 1


@attack
def tells_by_the_time_it_takes(days):
    time.sleep(days[0].data["wait"])
    return 1
