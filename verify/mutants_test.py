#!/usr/bin/python3.11
# SPDX-License-Identifier: Apache-2.0
"""Which byte could be another one? None that anybody signed.

usage: mutants_test.py VERIFY_FILES [COLLECTION]     COLLECTION: default $ALCOVE_SHARED/evidence

Takes real evidence of every kind that is accepted, changes each byte of it and of its collateral once, and
looks at the changes that are accepted all the same. Each must be one of those that nothing signs and that
change nothing: white space between the lines of PEM, the NUL behind it, bytes behind the evidence (which
this policy allows), and in an RA-TLS certificate the names, since one that does not name itself as its
issuer has been signed by somebody who need not be known. Where there is no collection this skips.
"""

import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests/evidence"))
from collection import Collection, certificates_in  # noqa: E402

WHITE = b"\r\n\t \0"


def family(row):
    """Kinds of evidence that are worth a case each."""
    return row["case"].split("/")[0], row["kind"]


def sizes_say(data):
    """Where the evidence ends, as its own lengths say."""
    if data[:4] == b"HCLA":
        return int.from_bytes(data[8:12], "little")
    if data[:1] in (b"\x84", b"\xd2"):
        return cose_end(data)
    if data[2:4] == b"\0\0":
        return 1184
    version, tee = data[0], data[4]
    body = {3: 384, 4: 584 if tee == 0x81 else 384}.get(version)
    at = 48 + body if body else 54 + int.from_bytes(data[50:54], "little")
    return at + 4 + int.from_bytes(data[at:at + 4], "little")


def cose_end(data):
    """Behind the fourth element: its head says that 96 bytes follow."""
    payload = data.index(b"\xa0\x59") + 1
    size = int.from_bytes(data[payload + 1:payload + 3], "big")
    return payload + 3 + size + 2 + 96


def names_in(pem):
    """The offsets in PEM text that hold bytes of the certificate's issuer and subject."""
    certificate = certificates_in(pem)[0]
    inside = set()
    for name, find in ((certificate.issuer, bytes.index), (certificate.subject, bytes.rindex)):
        at = find(certificate.der, name)  # they may be equal
        inside.update(range(at, at + len(name)))
    begin = pem.index(b"-----\n") + 6 if b"-----\n" in pem else pem.index(b"-----\r\n") + 7
    digits = [i for i in range(begin, pem.index(b"-----END")) if pem[i] not in WHITE]
    return {i for n, i in enumerate(digits) if n * 6 // 8 in inside or (n * 6 + 5) // 8 in inside}


def unexplained(member, row, data, offsets):
    text = b"-----BEGIN" in data
    end = sizes_say(data) if member == "evidence" and not data.startswith(b"-----") else len(data)
    names = names_in(data) if member == "evidence" and row["kind"] == "ratls" else set()
    return [i for i in offsets
            if i < end and not (text and data[i] in WHITE) and i not in names]


def jobs(collection):
    """(row, attempt), one of each family."""
    taken = set()
    for row in collection.rows:
        if row["result"] != "verifies" or family(row) in taken:
            continue
        for _, attempts in collection.attempts(row):
            taken.add(family(row))
            yield row, attempts[0]
            break


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    shared = pathlib.Path(os.environ.get("ALCOVE_SHARED", HERE.parents[1] / "shared"))
    top = pathlib.Path(sys.argv[2]) if len(sys.argv) == 3 else shared / "evidence"
    if not (top / "EXPECTED.tsv").exists():
        print(f"1..0 # SKIP no collection of evidence at {top}")
        return 0
    tool = subprocess.Popen([sys.argv[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    number = failures = 0
    with tempfile.TemporaryDirectory() as scratch:
        for row, attempt in jobs(Collection(top, pathlib.Path(scratch))):
            for member, path in attempt.fields:
                if member in ("time", "nitro_time", "root"):
                    continue
                fields = [*attempt.fields, ("flip", member)]
                print("\t".join(f"{key}={value}" for key, value in fields), file=tool.stdin, flush=True)
                verdict, offsets = tool.stdout.readline().rstrip("\n").split("\t")
                if verdict != "accepted":
                    break  # for its age, mostly: tests/evidence/run.py judges that
                offsets = [] if offsets == "-" else [int(i) for i in offsets.split(",")]
                left = unexplained(member, row, pathlib.Path(path).read_bytes(), offsets)
                number += 1
                failures += bool(left)
                print(f"{'not ' if left else ''}ok {number} - {row['case']}: {member}, "
                      f"{len(offsets)} changes that mean nothing" + (f", and at {left[:20]}" if left else ""),
                      flush=True)
    print(f"1..{number}")
    return 1 if failures or number == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
