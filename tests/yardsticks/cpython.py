#!/usr/bin/python3.11
# SPDX-License-Identifier: Apache-2.0
"""CPython's own regression suite (Debian's libpython3.11-testsuite), natively and in an enclave.

    cpython.py [--build FOLDER] [--jobs N] [--timeout S] [--native FILE] [--inside FILE]
               [--verbose FOLDER] [--write FILE] [MODULE…]

Each module runs in a process of its own, on both sides with the same environment, as uid 0, with no
network but loopback.
Of the modules that pass natively, those that pass inside are counted; the others are listed with the
causes of their failures. --native and --inside keep what the sides said from run to run; --verbose keeps
what failing modules printed; --write makes the table of docs/conformance.md. A MODULE may be followed by
arguments, as one word of the command line: "test_ssl -m test_rude*".
"""

import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
PYTHON = "/usr/bin/python3.11"
SUITE = pathlib.Path("/usr/lib/python3.11/test")
PACKAGE = "libpython3.11-testsuite"

# Reads the module's name from standard input, where the host may say which: what runs is measured all
# the same. Processes that multiprocessing starts import it, too, and run nothing.
RUNNER = """
import os, sys
if __name__ == "__main__":
    words = sys.stdin.readline().split()
    os.chdir("/tmp")
    sys.argv = ["test", "-v", "--timeout", "0", *words]
    from test.libregrtest import main
    main()
"""

# A network namespace begins with a loopback interface that is down; an enclave's is up.
LOOPBACK_UP = """
import fcntl, socket, struct
with socket.socket() as s:
    fcntl.ioctl(s, 0x8914, struct.pack("16sh", b"lo", 1))  # SIOCSIFFLAGS, IFF_UP
"""

from debian import installed

MANIFEST = """
base: [python, {{packages: [{packages}]}}, {{dir: suite}}]
files: {{/app/run.py: run.py}}
entry: {python}
argv: [python3.11, -B, /app/run.py]
env: {{LC_ALL: C.UTF-8, PATH: /usr/bin:/bin, HOME: /tmp, PYTHONHASHSEED: "0"}}
user: {{uid: 0, gid: 0}}
cwd: /tmp
memory: 2 GiB
threads: 256
mounts: [{{kind: tmpfs, path: /tmp, size: 512 MiB}}, {{kind: tmpfs, path: /dev/shm, size: 64 MiB}}]
stdin: host
stdout: host
stderr: host
"""


# What tests start, or look into, if it is there: a shell and its tools, lists of services, modules of Python
# that Debian packages by themselves.
TOOLS = ["bash", "binutils", "coreutils", "dash", "findutils", "g++", "gcc", "grep", "libc-bin", "libc6-dev",
         "mount", "netbase", "procps", "python3-distutils", "python3-lib2to3", "python3-pip-whl",
         "python3-setuptools-whl", "python3.11-dev", "python3.11-venv", "python3-tk", "sed", "util-linux"]

# What a module is asked with, on both sides: a connection over VSOCK waits for ever for a hypervisor.
ARGUMENTS = {"test_socket": "-i *VSOCK*"}

# In the document, what is below this line is written by --write.
MARK = "<!-- below: written by tests/yardsticks/cpython.py --write -->"


def suite_files():
    """What the package holds, and nothing that happened to be near it."""
    listing = subprocess.run(["dpkg", "-L", PACKAGE], text=True, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL)
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
    packages = ", ".join(name for name in TOOLS if installed(name))
    (folder / "alcove.yaml").write_text(MANIFEST.format(python=PYTHON, packages=packages))
    subprocess.run([alcove, "build", folder, "-o", folder / "suite.bundle"], check=True,
                   stdout=subprocess.DEVNULL)
    return folder / "suite.bundle"


def modules():
    names = {path.stem for path in SUITE.glob("test_*.py")}
    names |= {path.name for path in SUITE.glob("test_*") if (path / "__init__.py").exists()}
    return sorted(names)


def run(command, name, timeout, cwd=None, env=None, keep=None):
    """(verdict, seconds, causes): "passed", "skipped", "failed", "timeout" or "died". What it printed
    goes to the folder keep, if it did not pass."""
    begin = time.monotonic()
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=out, stderr=subprocess.STDOUT,
                                   cwd=cwd, env=env, start_new_session=True)
        try:
            process.communicate(name.encode() + b"\n", timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()
        out.seek(0)
        text = out.read().decode(errors="replace")
    seconds = time.monotonic() - begin
    verdict = "timeout" if process.returncode == -9 else verdict_of(text)
    if keep and verdict != "passed":
        keep.mkdir(parents=True, exist_ok=True)
        (keep / f"{name.split()[0]}.log").write_text(text)
    words = "" if verdict == "passed" else last_words(text)
    return verdict, seconds, f"not done after {timeout} s: {words}" if verdict == "timeout" else words


def verdict_of(text):
    if re.search(r"^Result: SUCCESS|^Tests result: SUCCESS|== Tests result: SUCCESS", text, re.MULTILINE):
        return "skipped" if re.search(r"^1 test skipped|^Result: NO TESTS", text, re.MULTILINE) else "passed"
    if re.search(r"Tests result: (FAILURE|ENV CHANGED|INTERRUPTED)", text):
        return "failed"
    if re.search(r"Tests result: NO TEST|1 test skipped", text):
        return "skipped"
    return "died"


# What is behind a failed test, looked for in this order in what it printed.
CAUSES = [
    (r"PROT_EXEC|prot=prot", "maps a file that is not measured for execution, which is refused"),
    (r"config-3\.11|pyconfig\.h|No module named '(ensurepip|distutils)|'distutils'|tkinter|lib2to3",
     "a file that the base layer does not have"),
    (r"getservbyname|service/proto|/etc/(services|protocols)", "a file that the base layer does not have"),
    (r"IPV6_RECV|RFC3542", "IPv6 ancillary data (hop limit, traffic class) is not there"),
    (r"Permission denied: .*/bin/python|in test_special_chars_bash",
     "starts a copy of the interpreter, which is not a measured file: refused"),
    (r"failed to map segment from shared object",
     "loads a library that it made, which is not a measured file: refused"),
]


def cause_of(block, text=""):
    """text: all that was printed; what a process that failed had to say lies before its block."""
    for pattern, words in CAUSES:
        if re.search(pattern, block, re.MULTILINE):
            return words
    if "CalledProcessError" in block and CAUSES[-1][0] in text:
        return CAUSES[-1][1]
    errors = [line.strip() for line in block.splitlines()
              if re.match(r"\s*[\w.]*(Error|Exception|Warning)\b", line)]
    return errors[-1][:160] if errors else ""


def last_words(text):
    """The causes of a module's failures, the commonest first, with how many tests each has."""
    skipped = re.search(r"\S+ skipped -- (.*)", text)
    blocks = [block.split("-" * 70 + "\n", 1)[-1].split("\n" + "-" * 70)[0] for block in
              re.split(r"^={70}\n", text, flags=re.MULTILINE)[1:]]
    causes = collections.Counter(cause_of(block, text) or "no error was printed" for block in blocks)
    if causes:
        return "; ".join(f"{count}: {words}" for words, count in causes.most_common(4))
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return (skipped[1] if skipped else cause_of(text)) or (lines[-1][:160] if lines else "said nothing")


class Kept(dict):
    """Results by module, in a file if there is one."""

    def __init__(self, path):
        super().__init__(json.loads(path.read_text()) if path and path.exists() else {})
        self.path = path

    def save(self):
        if self.path:
            self.path.write_text(json.dumps(dict(self), indent=1))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", type=pathlib.Path, default=TOP / "build")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--timeout", type=int, default=300)
    parser.add_argument("--write", type=pathlib.Path)
    parser.add_argument("--inside-only", action="store_true", help="do not look whether they pass natively")
    parser.add_argument("--verbose", type=pathlib.Path, metavar="FOLDER",
                        help="keep there what each module printed that did not pass inside")
    parser.add_argument("--native", type=pathlib.Path, metavar="FILE",
                        help="what the native side said: kept there, and not asked again")
    parser.add_argument("--inside", type=pathlib.Path, metavar="FILE", help="what the inside said: the same")
    parser.add_argument("--native-only", action="store_true", help="ask the native side alone")
    parser.add_argument("--bundle", type=pathlib.Path, help="built before: use it")
    parser.add_argument("modules", nargs="*")
    args = parser.parse_args()
    if not suite_files():
        sys.exit(f"cpython.py: {PACKAGE} is not installed")
    names = args.modules or modules()
    # Who starts this in the background may ignore SIGINT, and what the tests start would, too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    alcove = args.build / "cli/alcove"
    known, known_inside = Kept(args.native), Kept(args.inside)
    rows = {}
    with tempfile.TemporaryDirectory(prefix="alcove-cpython-") as work:
        work = pathlib.Path(work)
        (work / "native.py").write_text(LOOPBACK_UP + RUNNER)
        bundle = None if args.native_only else args.bundle or build(alcove, work)
        env = {"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin", "HOME": "/tmp", "PYTHONHASHSEED": "0"}
        native = ["unshare", "--net", PYTHON, "-B", work / "native.py"]

        def both(name):
            outside = known.get(name, ["passed", 0, ""])
            asked = f"{name} {ARGUMENTS.get(name, '')}"
            if name not in known and not args.inside_only:
                with tempfile.TemporaryDirectory(prefix="alcove-cpython-") as cwd:
                    outside = known[name] = run(native, asked, args.timeout, cwd, env)
                    known.save()
            if outside[0] != "passed" or args.native_only:
                return name, outside, None
            if name not in known_inside:
                known_inside[name] = run([alcove, "run", bundle], asked, args.timeout, keep=args.verbose)
                known_inside.save()
            return name, outside, known_inside[name]

        with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
            for name, outside, inside in pool.map(both, names):
                rows[name] = outside, inside
                say(name, outside, inside)
    if not args.native_only:
        tell(rows, args)


def say(name, outside, inside):
    if inside is None:
        print(f"- {name}: {outside[0]} natively {outside[2]}", flush=True)
    else:
        good = inside[0] == "passed"
        print(f"{'ok' if good else 'not ok'} {name}: {inside[0]} {inside[1]:.1f} s "
              f"(natively {outside[1]:.1f} s){'' if good else ' ' + inside[2]}", flush=True)


def tell(rows, args):
    # What skips itself inside alone was not seen natively when that side was not asked.
    counted = [(name, inside) for name, (_, inside) in rows.items()
               if inside is not None
               and not (args.inside_only and not args.native and inside[0] == "skipped")]
    passed = sum(inside[0] == "passed" for _, inside in counted)
    share = 100 * passed / max(1, len(counted))
    summary = f"{passed} of {len(counted)} modules that pass natively pass inside ({share:.1f} %)"
    print(summary)
    if args.write:
        head, mark, _ = args.write.read_text().partition(MARK) if args.write.exists() else ("", MARK, "")
        rows_text = "".join(f"| {name} | {inside[0]} | {inside[2].replace('|', chr(92) + '|')} |\n"
                            for name, inside in counted if inside[0] != "passed")
        args.write.write_text(f"{head}{MARK}\n\n{summary}.\n\n"
                              f"| module | inside | why |\n| --- | --- | --- |\n{rows_text}")


if __name__ == "__main__":
    main()
