#!/usr/bin/python3.11
# SPDX-License-Identifier: Apache-2.0
"""stress-ng's stressors in an enclave, each by itself, with --verify.

    stress.py [--build FOLDER] [--instances N] [--seconds S] [--keep FOLDER] [STRESSOR…]

Who ends there with another status than 0 runs natively too, as the same user in namespaces of its own. What
ends otherwise is listed with what it said. Not a gate: docs/conformance.md says how it ended. TAP.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

import others
from debian import installed

USER = "1000"
DONE, SKIPPED = "done", "skipped, or not for this user"

MANIFEST = """
base: [{packages: [stress-ng, bash, coreutils]}]
files: {/srv/case: case, /etc/passwd: passwd, /etc/group: group}
entry: /bin/bash
argv: [bash, /srv/case]
env: {LC_ALL: C.UTF-8, PATH: "/usr/bin:/bin", HOME: /tmp}
user: {uid: 1000, gid: 1000}
cwd: /tmp
memory: 2 GiB
threads: 256
inputs: {options: {path: /in/options, max: 4 KiB}}
mounts: [{kind: tmpfs, path: /tmp, size: 1 GiB}, {kind: tmpfs, path: /dev/shm, size: 256 MiB}]
stdout: host
stderr: host
debug: true
"""


def ended(status):
    """stress-ng(1), EXIT STATUS: 1 no stressor was started, 3 and 4 it lacks something."""
    return {0: DONE, 1: SKIPPED, 3: SKIPPED, 4: SKIPPED}.get(status, f"status {status}")


def said(where):
    """The first line that tells of a failure."""
    for part in (".err", ".out"):
        for line in pathlib.Path(f"{where}{part}").read_text(errors="replace").splitlines():
            told = any(word in line for word in ("fail:", "warn:", "***", "error: ["))
            if told and "No stress" not in line:
                return line.split("] ", 1)[-1][:150]
    return ""


def inside(alcove, work, name, options, timeout):
    (work / "options").write_text(options)
    return others.run([alcove, "run", work / "bundle", "--input", f"options={work / 'options'}"],
                      work / f"{name}.inside", {**os.environ}, timeout)[0]


def natively(work, name, options, timeout):
    (work / "native").mkdir(exist_ok=True)
    for account in ("passwd", "group"):
        (work / "native" / account).write_text((work / account).read_text())
    (work / "native/case").write_text(f"exec stress-ng {options}\n")
    return others.run(["unshare", "--mount", "--pid", "--net", "--ipc", "--fork", "--kill-child",
                       "--mount-proc", "sh", "-c", others.NATIVELY, "sh", USER, work / "native", "/bin/bash"],
                      work / f"{name}.native", {"LC_ALL": "C.UTF-8", "PATH": others.PATH, "HOME": "/tmp"},
                      timeout)[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--build", type=pathlib.Path, default=others.TOP / "build")
    parser.add_argument("--instances", type=int, default=2)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--keep", type=pathlib.Path, help="what they printed is left there")
    parser.add_argument("stressors", nargs="*")
    args = parser.parse_args()
    if not installed("stress-ng"):
        print("1..0 # SKIP not installed: stress-ng")
        return 0
    names = args.stressors or subprocess.run(["stress-ng", "--stressors"], check=True, text=True,
                                             stdout=subprocess.PIPE).stdout.split()
    alcove = args.build.resolve() / "cli/alcove"
    timeout = 60 + 10 * args.seconds
    counts = {}
    with tempfile.TemporaryDirectory(prefix="alcove-stress-") as folder:
        work = args.keep.resolve() if args.keep else pathlib.Path(folder)
        work.mkdir(parents=True, exist_ok=True)
        os.chmod(folder, 0o755)
        (work / "passwd").write_text(others.PASSWD)
        (work / "group").write_text(others.GROUP)
        (work / "case").write_text("exec stress-ng $(cat /in/options)\n")
        (work / "alcove.yaml").write_text(MANIFEST)
        subprocess.run([alcove, "build", work, "-o", work / "bundle"], check=True, stdout=subprocess.DEVNULL)
        for number, name in enumerate(names, 1):
            options = f"--{name} {args.instances} --timeout {args.seconds} --verify --no-rand-seed"
            here = ended(inside(alcove, work, name, options, timeout))
            there = here if here == DONE else ended(natively(work, name, options, timeout))
            counts[here, there] = counts.get((here, there), 0) + 1
            print(f"{'ok' if here == there else 'not ok'} {number} - {name}: {here}", flush=True)
            if here != there:
                print(f"# natively: {there}; inside: {said(work / f'{name}.inside')}", flush=True)
    print(f"1..{len(names)}")
    for (here, there), count in sorted(counts.items()):
        print(f"# {count}: {here}" + (f"; natively: {there}" if here != there else ""))
    return 1 if any(here != there for here, there in counts) else 0


if __name__ == "__main__":
    sys.exit(main())
