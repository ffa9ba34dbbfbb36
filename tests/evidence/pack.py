#!/usr/bin/python3.11
# SPDX-License-Identifier: Apache-2.0
"""Makes one file of each case of a collection that verifies, for the fuzz target `verify` to start from.

usage: pack.py COLLECTION FOLDER

A file is parts, each: number, size (4 bytes, little endian), bytes. The numbers are those of
verify/forge/cases.h; 255 is the time.
"""

import pathlib
import sys
import tempfile

from collection import Collection

PARTS = ["evidence", "tcb_info", "tcb_chain", "qe_identity", "qe_chain", "pck_crl", "root_crl",
         "pck_crl_chain", "pck_chain", "amd_vek", "amd_chain", "amd_crl", "amd_cert_table"]
TIME = 255
PART_MAX = 32768
CASES_MAX = 230  # recipes name a case by one byte, forged ones included


def part(number, data):
    return bytes([number]) + len(data).to_bytes(4, "little") + data


def packed(fields):
    """None if a part is too large or a root has to be named."""
    text = b""
    for key, value in fields:
        if key == "time":
            text += part(TIME, value.to_bytes(8, "little", signed=True))
        elif key in PARTS:
            data = pathlib.Path(value).read_bytes()
            if len(data) > PART_MAX:
                return None
            text += part(PARTS.index(key), data)
        elif key == "root":
            return None
    return text


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[2])
    cases = {}
    with tempfile.TemporaryDirectory() as scratch:
        collection = Collection(pathlib.Path(sys.argv[1]), pathlib.Path(scratch))
        for row in collection.rows:
            if row["result"] == "verifies":
                for number, (_, attempts) in enumerate(collection.attempts(row)):
                    text = packed(attempts[0].fields)
                    if text:
                        cases[f"{row['case'].replace('/', '_')}-{number}"] = text
    for old in folder.iterdir():
        old.unlink()
    for name, text in sorted(cases.items())[:CASES_MAX]:
        (folder / name).write_bytes(text)
    print(f"pack: {min(len(cases), CASES_MAX)} cases")


if __name__ == "__main__":
    main()
