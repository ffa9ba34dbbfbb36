#!/usr/bin/python3.11
# SPDX-License-Identifier: Apache-2.0
"""Makes one archive of the listed members of the Debian archives, and of nothing else.

Usage: pick_members.py MEMBERS.txt OUT.a --ar AR ARCHIVE...
"""
import argparse
import os
import subprocess
import sys
import tempfile


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("members")
    parser.add_argument("out")
    parser.add_argument("--ar", required=True)
    parser.add_argument("archives", nargs="+")
    args = parser.parse_args()
    archives = {os.path.basename(path): os.path.abspath(path) for path in args.archives}
    with open(args.members, encoding="ascii") as f:
        wanted = [line.split() for line in f if line.strip() and not line.startswith("#")]
    out = os.path.abspath(args.out)
    with tempfile.TemporaryDirectory() as folder:
        for archive, member in wanted:
            if archive not in archives:
                sys.exit(f"pick_members: {args.members} names {archive}, which was not given")
            subprocess.run([args.ar, "x", archives[archive], member], cwd=folder, check=True)
        temporary = os.path.join(folder, "out.a")
        subprocess.run([args.ar, "rcsD", temporary] + sorted(m for _, m in wanted),
                       cwd=folder, check=True)
        with open(temporary, "rb") as source, open(out, "wb") as sink:
            sink.write(source.read())


if __name__ == "__main__":
    main()
