#!/usr/bin/python3.11
# SPDX-License-Identifier: Apache-2.0
"""talk.py ONE.bundle OTHER.bundle [QUOTE-FILE]: starts two services and carries their messages.

Each reports to the other, each checks the other's REPORT, and a forged one, and the first one is quoted.
This is the host's side: it can read and change all that it carries here, so what matters is checked inside.
"""
import os
import struct
import subprocess
import sys


class Service:
    def __init__(self, bundle):
        alcove = os.environ.get("ALCOVE", "alcove")
        self.process = subprocess.Popen([alcove, "run", bundle], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)

    def ask(self, message):
        self.process.stdin.write(struct.pack("<I", len(message)) + message)
        self.process.stdin.flush()
        size, = struct.unpack("<I", self.process.stdout.read(4))
        return self.process.stdout.read(size)

    def end(self):
        self.process.stdin.close()
        return self.process.wait()


one, other = Service(sys.argv[1]), Service(sys.argv[2])
challenge = b"a challenge of the other's".ljust(64, b"\0")
for prover, checker in (one, other), (other, one):
    report = prover.ask(b"r" + checker.ask(b"t") + challenge)
    print("report of", report[64:96].hex(), checker.ask(b"c" + report).decode())
    forged = bytearray(report)
    forged[320] ^= 1
    print("forged", checker.ask(b"c" + forged).decode())
    print("to the wrong one", prover.ask(b"c" + report).decode())
    print("nonsense", len(checker.ask(b"?" * 65536)))
quote = one.ask(b"q" + challenge)
if len(sys.argv) > 3:
    with open(sys.argv[3], "wb") as file:
        file.write(quote)
print("ends", one.end(), other.end())
