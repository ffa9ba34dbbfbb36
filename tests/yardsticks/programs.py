#!/usr/bin/python3.11
# SPDX-License-Identifier: Apache-2.0
"""Programs of Debian's packages, natively and in an enclave: what they print and how they end is compared.

    programs.py [--build FOLDER] [--more] [--verbose] [--trace FILE] [CASE…]

Each case is a script and the packages that it needs; it runs in a folder of its own with nothing in
its environment but PATH, HOME and LC_ALL. Those in programs/ gate every change, those in more/ are run
by name or all with --more: docs/conformance.md says what is known of them. A case whose packages are not
installed is skipped, with their names. TAP.
"""

import argparse
import difflib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from debian import installed

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
CASES = pathlib.Path(__file__).resolve().parent / "programs"
MORE = CASES.parent / "more"
ENVIRONMENT = {"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "HOME": "/tmp"}
TIMEOUT = 300
SHOWN = 80  # lines of a difference

MANIFEST = """
base: [{{packages: [{packages}]}}]
files: {{/case: case}}
entry: {entry}
argv: [{name}, /case]
env: {{LC_ALL: C.UTF-8, PATH: "{path}", HOME: /tmp}}
user: {{uid: 0, gid: 0}}
cwd: /tmp
memory: {memory}
threads: 64
mounts: [{{kind: tmpfs, path: /tmp, size: 256 MiB}}]
stdout: host
stderr: host
debug: {debug}
"""


def first_lines(case):
    """The interpreter of the script, what its lines "# packages: …" and "# memory: …" say."""
    lines = case.read_text().splitlines()
    said = dict(re.findall(r"^# (packages|memory): (.*)$", "\n".join(lines[:3]), re.MULTILINE))
    return lines[0].removeprefix("#!").strip(), said["packages"].split(), said.get("memory", "1 GiB")


def run(command, **how):
    """Status, standard output, standard error."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=TIMEOUT, **how)
    except subprocess.TimeoutExpired as late:
        return "not done in time", late.stdout or b"", late.stderr or b""
    return done.returncode, done.stdout, done.stderr


def natively(case, interpreter):
    # What is /tmp inside is a folder of this run's own outside.
    script = 'mount -t tmpfs none /tmp && mkdir -p /tmp && cd /tmp && exec "$0" /dev/fd/9'
    with open(case, "rb") as source:
        os.dup2(source.fileno(), 9, inheritable=True)
        outcome = run(["unshare", "--mount", "--mount-proc", "--pid", "--fork", "--kill-child",
                       "sh", "-c", script, interpreter],
                      env=ENVIRONMENT, pass_fds=[9])
        os.close(9)
    return outcome


def inside(case, alcove, trace):
    interpreter, packages, memory = first_lines(case)
    with tempfile.TemporaryDirectory(prefix="alcove-programs-") as work:
        work = pathlib.Path(work)
        shutil.copy(case, work / "case")
        (work / "alcove.yaml").write_text(MANIFEST.format(
            packages=", ".join(packages), entry=interpreter, name=pathlib.Path(interpreter).name,
            path=ENVIRONMENT["PATH"], memory=memory, debug="true" if trace else "false"))
        built = run([alcove, "build", work, "-o", work / "bundle"])
        if built[0] != 0:
            return "not built", b"", built[2]
        how = ["--trace", "--trace-file", trace] if trace else []
        return run([alcove, "run", *how, work / "bundle"], env={**os.environ})


def difference(outside, within):
    texts = (side.decode(errors="replace").splitlines() for side in (outside, within))
    return list(difflib.unified_diff(*texts, "natively", "inside", lineterm="", n=1))


def tell(number, case, outside, within, verbose):
    good = outside[:2] == within[:2]
    print(f"{'ok' if good else 'not ok'} {number} - {case.name} prints in an enclave what it prints on Linux",
          flush=True)
    if not good or verbose:
        print(f"# status natively {outside[0]}, inside {within[0]}")
        for what, lines in (("output", difference(outside[1], within[1])),
                            ("errors", difference(outside[2], within[2]))):
            for line in lines[:SHOWN]:
                print(f"# {what}: {line}")
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", type=pathlib.Path, default=TOP / "build")
    parser.add_argument("--more", action="store_true", help="those that do not gate")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--trace", metavar="FILE", help="in a debug bundle, traced")
    parser.add_argument("cases", nargs="*")
    args = parser.parse_args()
    cases = sorted(case for folder in (CASES, MORE) for case in folder.iterdir()
                   if case.name in args.cases or not args.cases and args.more == (folder == MORE))
    if os.geteuid() != 0:
        print("1..0 # SKIP only uid 0 can give the native run a /tmp of its own")
        return 0
    failed = 0
    for number, case in enumerate(cases, 1):
        interpreter, packages, _ = first_lines(case)
        missing = [package for package in packages if not installed(package)]
        if missing:
            print(f"ok {number} - {case.name} # SKIP not installed: {' '.join(missing)}", flush=True)
            continue
        outside = natively(case, interpreter)
        within = inside(case, args.build / "cli/alcove", args.trace)
        failed += not tell(number, case, outside, within, args.verbose)
    print(f"1..{len(cases)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
