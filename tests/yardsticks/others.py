#!/usr/bin/python3.11
# SPDX-License-Identifier: Apache-2.0
"""Other servers and Python packages of Debian's, natively and in an enclave: what they print is compared.

    others.py [--build FOLDER] [--keep FOLDER] CASE…

Each case of the folder others is a program: a server and its clients in one tree, or scripts of a
package. It says which packages it needs and as whom it runs; --keep leaves what it printed there. They
gate nothing: docs/conformance.md says how each ended. TAP.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

from debian import installed

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
CASES = pathlib.Path(__file__).resolve().parent / "others"
PATH = "/usr/bin:/bin:/usr/sbin:/sbin"
TIMEOUT = 900
PASSWD = """root:x:0:0:root:/root:/bin/sh
who:x:1000:1000:who:/tmp:/bin/sh
nobody:x:65534:65534:nobody:/:/bin/false
"""
GROUP = "root:x:0:\nwho:x:1000:\nnogroup:x:65534:\n"

MANIFEST = """
base: [{{packages: [{packages}]}}]
files: {{/srv/case: case, /etc/passwd: passwd, /etc/group: group}}
entry: {entry}
argv: [{entry}, /srv/case]
env: {{LC_ALL: C.UTF-8, PATH: "{path}", HOME: /tmp}}
user: {{uid: {user}, gid: {user}}}
cwd: /tmp
memory: 2 GiB
threads: 256
mounts: [{{kind: tmpfs, path: /tmp, size: 1 GiB}}, {{kind: tmpfs, path: /dev/shm, size: 256 MiB}}]
stdout: host
stderr: host
{debug}
"""

# A /tmp, a /dev/shm, loopback and accounts of its own, as inside.
NATIVELY = """mount --bind "$2/passwd" /etc/passwd && mount --bind "$2/group" /etc/group &&
mount -t tmpfs none /srv && cp "$2/case" /srv/case && mount -t tmpfs -o mode=1777 none /tmp &&
mount -t tmpfs -o mode=1777 none /dev/shm &&
mount -t devpts -o newinstance,ptmxmode=666,mode=620 none /dev/pts && mount --bind /dev/pts/ptmx /dev/ptmx &&
ip link set lo up && cd /tmp &&
exec setpriv --reuid "$1" --regid "$1" --clear-groups --bounding-set=-all "$3" /srv/case
"""


def told(case):
    """The interpreter, packages and user that a case's first lines name."""
    lines = case.read_text().splitlines()
    found = {}
    for line in lines[:6]:
        if line.startswith("# ") and ": " in line:
            key, _, value = line[2:].partition(": ")
            found[key] = value
    return lines[0].removeprefix("#!").strip(), found["packages"].split(), found.get("user", "0")


def run(command, where, env, timeout=TIMEOUT):
    begin = time.monotonic()
    with open(f"{where}.out", "wb") as out, open(f"{where}.err", "wb") as err:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=env)
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.terminate()
            process.wait()
            status = "not done in time"
    return status, pathlib.Path(f"{where}.out").read_bytes(), time.monotonic() - begin


def compare(case, alcove, work, debug):
    interpreter, packages, user = told(case)
    shutil.copy(case, work / "case")
    (work / "passwd").write_text(PASSWD)
    (work / "group").write_text(GROUP)
    os.chmod(work, 0o755)
    (work / "alcove.yaml").write_text(MANIFEST.format(
        packages=", ".join(packages), entry=interpreter, path=PATH,
        user=user, debug="debug: true" if debug else ""))
    native = run(["unshare", "--mount", "--pid", "--net", "--ipc", "--fork", "--kill-child", "--mount-proc",
                  "sh", "-c", NATIVELY, "sh", user, work, interpreter], work / "native",
                 {"LC_ALL": "C.UTF-8", "PATH": PATH, "HOME": "/tmp"})
    subprocess.run([alcove, "build", work, "-o", work / "bundle"], check=True, stdout=subprocess.DEVNULL)
    return native, run([alcove, "run", work / "bundle"], work / "inside", {**os.environ})


def tell(number, case, native, inside, work):
    good = native[:2] == inside[:2]
    print(f"{'ok' if good else 'not ok'} {number} - {case.name} prints in an enclave what it prints on Linux "
          f"# {native[2]:.1f} s, inside {inside[2]:.1f} s", flush=True)
    if not good:
        print(f"# status natively {native[0]}, inside {inside[0]}")
        diff = subprocess.run(["diff", "-u", work / "native.out", work / "inside.out"],
                              capture_output=True, check=False)
        for lines in (diff.stdout, (work / "inside.err").read_bytes()):
            for line in lines.decode(errors="replace").splitlines()[-40:]:
                print(f"# {line[:300]}")
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--build", type=pathlib.Path, default=TOP / "build")
    parser.add_argument("--keep", type=pathlib.Path)
    parser.add_argument("--debug", action="store_true", help="a debug bundle, which says why it died")
    parser.add_argument("cases", nargs="*")
    args = parser.parse_args()
    cases = sorted(case for case in CASES.iterdir() if not args.cases or case.name in args.cases)
    failed = 0
    for number, case in enumerate(cases, 1):
        missing = [package for package in told(case)[1] if not installed(package)]
        if missing:
            print(f"ok {number} - {case.name} # SKIP not installed: {' '.join(missing)}", flush=True)
            continue
        work = pathlib.Path(tempfile.mkdtemp(prefix="alcove-others-"))
        try:
            native, inside = compare(case, args.build.resolve() / "cli/alcove", work, args.debug)
            failed += not tell(number, case, native, inside, work)
            if args.keep:
                shutil.copytree(work, args.keep / case.name, dirs_exist_ok=True)
        finally:
            shutil.rmtree(work)
    print(f"1..{len(cases)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
