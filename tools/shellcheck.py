#!/usr/bin/python3.11
# SPDX-License-Identifier: Apache-2.0
"""shellcheck over every tracked shell script, as a TAP test: one check per script."""

import pathlib
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent


def shell_scripts():
    listing = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"],
                             cwd=TOP, check=True, text=True, stdout=subprocess.PIPE).stdout
    for name in sorted(listing.splitlines()):
        path = TOP / name
        if not path.is_file():
            continue
        with path.open("rb") as file:
            first = file.readline(64)
        if first.startswith(b"#!") and (b"bash" in first or b"/sh" in first):
            yield name


def main():
    failed = 0
    count = 0
    for name in shell_scripts():
        count += 1
        check = subprocess.run(["shellcheck", "-x", "-P", "SCRIPTDIR", name], cwd=TOP, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        print(f"{'not ' if check.returncode else ''}ok {count} - {name} passes shellcheck")
        if check.returncode:
            failed += 1
            print(check.stdout, file=sys.stderr)
    print(f"1..{count}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
