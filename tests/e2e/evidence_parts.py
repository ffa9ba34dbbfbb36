# SPDX-License-Identifier: Apache-2.0
"""evidence_parts.py EVIDENCE FOLDER: writes the collateral in the evidence of a run as files.

Reads just as much CBOR as docs/formats/evidence.md has: maps of text to maps or byte strings.
"""
import pathlib
import sys


def item(data, at):
    """The value at `at`, and where the next one begins."""
    major, n = data[at] >> 5, data[at] & 31
    at += 1
    if n >= 24:
        size = 1 << (n - 24)
        n = int.from_bytes(data[at:at + size], "big")
        at += size
    if major in (2, 3):
        value = data[at:at + n]
        return (value.decode() if major == 3 else value), at + n
    assert major == 5, f"major type {major}"
    members = {}
    for _ in range(n):
        key, at = item(data, at)
        members[key], at = item(data, at)
    return members, at


evidence, end = item(pathlib.Path(sys.argv[1]).read_bytes(), 0)
folder = pathlib.Path(sys.argv[2])
folder.mkdir()
for name, content in evidence["collateral"].items():
    (folder / name).write_bytes(content)
