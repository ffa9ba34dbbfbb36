#!/usr/bin/python3.11
# SPDX-License-Identifier: Apache-2.0
"""The log's trees and proofs against the recursive definitions of RFC 9162 section 2.1, as TAP.

    log_oracle.py LOG_PROBE
"""

import hashlib
import subprocess
import sys


def sha256(data):
    return hashlib.sha256(data).digest()


def tree(leaves):  # MTH
    if not leaves:
        return sha256(b"")
    if len(leaves) == 1:
        return sha256(b"\0" + leaves[0])
    k = split(len(leaves))
    return sha256(b"\1" + tree(leaves[:k]) + tree(leaves[k:]))


def split(n):
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def inclusion(m, leaves):  # PATH
    if len(leaves) <= 1:
        return []
    k = split(len(leaves))
    if m < k:
        return inclusion(m, leaves[:k]) + [tree(leaves[k:])]
    return inclusion(m - k, leaves[k:]) + [tree(leaves[:k])]


def consistency(m, leaves):  # PROOF
    return subproof(m, leaves, True) if m else []


def subproof(m, leaves, whole):
    if m == len(leaves):
        return [] if whole else [tree(leaves)]
    k = split(len(leaves))
    if m <= k:
        return subproof(m, leaves[:k], whole) + [tree(leaves[k:])]
    return subproof(m - k, leaves[k:], False) + [tree(leaves[:k])]


# The example tree that implementations of RFC 6962 share.
EXAMPLE = [bytes.fromhex(x) for x in ("", "00", "10", "2021", "3031", "40414243",
                                      "5051525354555657", "606162636465666768696a6b6c6d6e6f")]
EXAMPLE_ROOT = "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


def main():
    failures, count = [], {}
    probe = subprocess.run([sys.argv[1]], check=True, capture_output=True, text=True)
    for line in probe.stdout.splitlines():
        what, n, i, *hashes = line.split()
        n, i = int(n), int(i)
        leaves = [bytes([k]) for k in range(n)]
        expected = {"root": lambda: [tree(leaves)], "inclusion": lambda: inclusion(i, leaves),
                    "consistency": lambda: consistency(i, leaves)}[what]()
        count[what] = count.get(what, 0) + 1
        if hashes != [x.hex() for x in expected]:
            failures.append(f"{what} {n} {i}")
    whole = count == {"root": 41, "inclusion": 820, "consistency": 861}
    results = [(tree(EXAMPLE).hex() == EXAMPLE_ROOT,
                "the oracle gives the well-known example tree's root"),
               (whole, f"all trees of up to 40 leaves were compared: {count}"),
               (not failures, "roots and proofs are those of the RFC's definitions")]
    for number, (good, name) in enumerate(results, 1):
        print(f"{'ok' if good else 'not ok'} {number} - {name}")
    for failure in failures[:10]:
        print(f"# {failure}")
    print(f"1..{len(results)}")
    return 0 if all(good for good, _ in results) else 1


sys.exit(main())
