#!/usr/bin/python3.11
# SPDX-License-Identifier: Apache-2.0
"""CPython's own regression suite (Debian's libpython3.11-testsuite), natively and in an enclave.

    cpython.py [--build FOLDER] [--jobs N] [--timeout S] [--write FILE] [MODULE…]

Each module runs in a process of its own, on both sides with the same environment, as uid 0, without network.
Of the modules that pass natively, those that pass inside are counted; the others are listed with the last
words of their run. --write makes the table of docs/conformance.md.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
PYTHON = "/usr/bin/python3.11"
SUITE = pathlib.Path("/usr/lib/python3.11/test")
PACKAGE = "libpython3.11-testsuite"

# Reads the module's name from standard input, where the host may say which: what runs is measured all the same.
RUNNER = """
import os, sys
name = sys.stdin.readline().strip()
os.chdir("/tmp")
sys.argv = ["test", "--timeout", "0", name]
from test.libregrtest import main
main()
"""

MANIFEST = """
base: [python, {{dir: suite}}]
files: {{/app/run.py: run.py}}
entry: {python}
argv: [python3.11, -B, /app/run.py]
env: {{LC_ALL: C.UTF-8, PATH: /usr/bin:/bin, HOME: /tmp, PYTHONHASHSEED: "0"}}
user: {{uid: 0, gid: 0}}
cwd: /tmp
memory: 2 GiB
threads: 64
mounts: [{{kind: tmpfs, path: /tmp, size: 512 MiB}}]
stdin: host
stdout: host
stderr: host
"""


def suite_files():
    """What the package holds, and nothing that happened to be near it."""
    listing = subprocess.run(["dpkg", "-L", PACKAGE], text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return [pathlib.Path(line) for line in listing.stdout.splitlines() if line.startswith("/usr/lib/python3")]


def build(alcove, folder):
    suite = folder / "suite"
    for path in suite_files():
        to = suite / path.relative_to("/")
        if path.is_dir():
            to.mkdir(parents=True, exist_ok=True)
        elif path.is_file():
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, to)
    (folder / "run.py").write_text(RUNNER)
    (folder / "alcove.yaml").write_text(MANIFEST.format(python=PYTHON))
    subprocess.run([alcove, "build", folder, "-o", folder / "suite.bundle"], check=True, stdout=subprocess.DEVNULL)
    return folder / "suite.bundle"


def modules():
    names = {path.stem for path in SUITE.glob("test_*.py")}
    names |= {path.name for path in SUITE.glob("test_*") if (path / "__init__.py").exists()}
    return sorted(names)


def run(command, name, timeout, cwd=None, env=None):
    """(verdict, seconds, last words): "passed", "skipped", "failed", "timeout" or "died"."""
    begin = time.monotonic()
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=out, stderr=subprocess.STDOUT, cwd=cwd,
                                   env=env, start_new_session=True)
        try:
            process.communicate(name.encode() + b"\n", timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()
            return "timeout", time.monotonic() - begin, f"after {timeout} s"
        out.seek(0)
        text = out.read().decode(errors="replace")
    seconds = time.monotonic() - begin
    if re.search(r"^Result: SUCCESS|^Tests result: SUCCESS|== Tests result: SUCCESS", text, re.MULTILINE):
        verdict = "skipped" if re.search(r"^1 test skipped|^Result: NO TESTS", text, re.MULTILINE) else "passed"
    elif re.search(r"Tests result: (FAILURE|ENV CHANGED|INTERRUPTED)", text):
        verdict = "failed"
    elif re.search(r"Tests result: NO TEST|1 test skipped", text):
        verdict = "skipped"
    else:
        verdict = "died"
    return verdict, seconds, last_words(text)


def last_words(text):
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    causes = [line for line in lines if re.match(r"\w*(Error|Exception|Warning)\b|alcove|.*skipped -- ", line)]
    failed = [line for line in lines if line.startswith(("ERROR: ", "FAIL: "))]
    counts = f"{len(failed)} of its tests: " if failed else ""
    unique = list(dict.fromkeys(causes))
    return (counts + "; ".join(unique[:3]))[:240] or (lines[-1][:160] if lines else "nothing was printed")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", type=pathlib.Path, default=TOP / "build")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--timeout", type=int, default=300)
    parser.add_argument("--write", type=pathlib.Path)
    parser.add_argument("--inside-only", action="store_true", help="do not look whether they pass natively")
    parser.add_argument("modules", nargs="*")
    args = parser.parse_args()
    if not suite_files():
        sys.exit(f"cpython.py: {PACKAGE} is not installed")
    names = args.modules or modules()
    alcove = args.build / "cli/alcove"
    rows = {}
    with tempfile.TemporaryDirectory(prefix="alcove-cpython-") as work:
        work = pathlib.Path(work)
        bundle = build(alcove, work)
        env = {"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin", "HOME": "/tmp", "PYTHONHASHSEED": "0"}
        native = ["unshare", "--net", PYTHON, "-B", work / "run.py"]

        def both(name):
            with tempfile.TemporaryDirectory(prefix="alcove-cpython-") as cwd:
                outside = ("passed", 0, "") if args.inside_only else run(native, name, args.timeout, cwd, env)
            inside = run([alcove, "run", bundle], name, args.timeout) if outside[0] == "passed" else None
            return name, outside, inside

        with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
            for name, outside, inside in pool.map(both, names):
                rows[name] = outside, inside
                if inside is None:
                    print(f"- {name}: {outside[0]} natively", flush=True)
                else:
                    print(f"{'ok' if inside[0] == 'passed' else 'not ok'} {name}: {inside[0]} {inside[1]:.1f} s "
                          f"(natively {outside[1]:.1f} s) {'' if inside[0] == 'passed' else inside[2]}", flush=True)
    counted = [(name, inside) for name, (_, inside) in rows.items() if inside is not None]
    passed = sum(inside[0] == "passed" for _, inside in counted)
    summary = f"{passed} of {len(counted)} modules that pass natively pass inside ({100 * passed / max(1, len(counted)):.1f} %)"
    print(summary)
    if args.write:
        with args.write.open("w") as out:
            out.write(f"{summary}\n\n| module | inside | last words |\n| --- | --- | --- |\n")
            for name, inside in counted:
                if inside[0] != "passed":
                    words = inside[2].replace("|", "\\|")
                    out.write(f"| {name} | {inside[0]} | {words} |\n")


if __name__ == "__main__":
    main()
