#!/usr/bin/python3.11
# SPDX-License-Identifier: Apache-2.0
"""The man page of the C API names whatever the header declares, and formats without a warning.

usage: man_test.py SOURCE_ROOT

Reads verify.h roughly, as text: functions, constants, tags, and the members of structures. Rows of
the tables (reasons, statuses) are not named one by one.
"""

import pathlib
import re
import shutil
import subprocess
import sys

# Of the header's own machinery, not of its contract.
NOT_DESCRIBED = {"ALCOVE_VERIFY_API"}
COUNTS = re.compile(r"_COUNT$")


def declared(header):
    """Names that a reader of the header may ask about."""
    text = re.sub(r"/\*.*?\*/", "", header, flags=re.S)
    text = re.sub(r"^#include.*$", "", text, flags=re.M)
    names = set(re.findall(r"\b(alcove_\w+)\s*\(", text))
    names |= set(re.findall(r"^#define (ALCOVE_\w+)", text, flags=re.M))
    for tag, body in re.findall(r"^struct (\w+) \{\n(.*?)^\}", text, flags=re.M | re.S):
        names.add(tag)
        for line in re.findall(r"[^;{}]+;", body):
            line = re.sub(r"\[[^\]]*\]", "", line.strip().rstrip(";"))
            names |= {part.split()[-1].lstrip("*") for part in line.split(",") if part.split()}
    for body in re.findall(r"^enum \w+ \{\n(.*?)^\}", text, flags=re.M | re.S):
        names |= set(re.findall(r"^\s*(ALCOVE_\w+)", body, flags=re.M))
    return {n for n in names if n not in NOT_DESCRIBED and not COUNTS.search(n) and "##" not in n}


def main():
    top = pathlib.Path(sys.argv[1])
    page = top / "docs" / "man" / "alcove_verify.3"
    words = set(re.findall(r"\w+", page.read_text(encoding="utf-8")))
    header = (top / "verify" / "include" / "verify" / "verify.h").read_text(encoding="utf-8")
    failed = 0
    names = sorted(declared(header))
    missing = [n for n in names if n not in words]
    print(f"{'not ok' if missing else 'ok'} 1 - the man page names all {len(names)} names of the header")
    for name in missing:
        print(f"# missing: {name}")
    failed += bool(missing)
    if shutil.which("groff") is None:
        print("ok 2 - the man page formats # SKIP groff is not installed")
    else:
        run = subprocess.run(["groff", "-man", "-Tutf8", "-ww", page], capture_output=True, text=True)
        good = run.returncode == 0 and run.stderr == "" and "alcove_verify" in run.stdout
        print(f"{'ok' if good else 'not ok'} 2 - the man page formats without a warning")
        for line in run.stderr.splitlines()[:10]:
            print(f"# {line}")
        failed += not good
    print("1..2")
    return 1 if failed else 0


sys.exit(main())
