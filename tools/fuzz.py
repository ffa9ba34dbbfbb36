#!/usr/bin/python3.11
# SPDX-License-Identifier: Apache-2.0
"""Builds and runs the fuzz targets of tools/fuzz-targets.txt with libFuzzer, ASan and UBSan.

    fuzz.py run SECONDS [NAME…]   every target for so long, as many at a time as there are CPUs
    fuzz.py long [NAME…]          10 minutes for the targets of verify/, from real evidence too where
                                  there is some; a minute for the others
    fuzz.py replay [NAME…]        the kept corpora once, as a TAP test
    fuzz.py keep [NAME…]          adds to the kept corpora what `run` found and covers something new

A corpus is tests/corpus/NAME/. What `run` discovers goes to build-fuzz/corpus/NAME; a crash goes to
tests/corpus/NAME/ as well, so that it stays a test once it is mended.
"""

import concurrent.futures
import dataclasses
import os
import pathlib
import re
import shlex
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent
BUILD = TOP / "build-fuzz"
LIST = TOP / "tools/fuzz-targets.txt"
FLAGS = ["-std=gnu17", "-D_GNU_SOURCE", "-g", "-O1", "-fno-strict-aliasing", "-w",
         "-fno-omit-frame-pointer", "-fsanitize=fuzzer,address,undefined",
         "-fno-sanitize-recover=undefined"]
INPUT_MAX = 1 << 16
KEPT_MAX = 4096  # the kept corpora are part of the repository
ONE_INPUT_TIMEOUT_S = 10
LONG_S, SHORT_S = 600, 60  # what strangers send to the verifier gets ten times as long


@dataclasses.dataclass
class Target:
    name: str
    sources: list[str]
    includes: list[str]
    libs: list[str]

    @property
    def program(self):
        return BUILD / self.name

    @property
    def corpus(self):
        return TOP / "tests/corpus" / self.name


def product_sources(folder):
    """A library's sources: all below its folder that are no tests and make nothing for tests."""
    return sorted(str(path.relative_to(TOP)) for path in (TOP / folder).rglob("*.c")
                  if not re.search(r"_(test|fuzz|files|tool)\.c$", path.name) and path.parent.name != "forge")


def read_list(names):
    """A line is NAME: SOURCES | INCLUDE FOLDERS | LIBRARIES; # begins a comment. A source that ends in a
    slash is all of a library."""
    for number, line in enumerate(LIST.read_text().splitlines(), 1):
        line = line.split("#")[0].strip()
        if not line:
            continue
        name, colon, rest = line.partition(":")
        fields = [field.split() for field in rest.split("|")]
        if not colon or len(fields) != 3:
            sys.exit(f"{LIST}:{number}: want NAME: SOURCES | INCLUDE FOLDERS | LIBRARIES")
        fields[0] = [source for given in fields[0]
                     for source in (product_sources(given) if given.endswith("/") else [given])]
        if not names or name in names:
            yield Target(name, *fields)


def build(target):
    """Compiles when a source or header of the tree is newer; returns the compiler's complaint."""
    BUILD.mkdir(exist_ok=True)
    command = ["clang", *FLAGS, *(f"-I{folder}" for folder in target.includes), *target.sources,
               "-o", str(target.program), *target.libs]
    stamp = target.program.with_suffix(".command")
    wanted = shlex.join(command)
    inputs = [TOP / source for source in target.sources]
    for folder in target.includes:
        inputs += (TOP / folder).rglob("*.[hd]*")
    for source in target.sources:
        inputs += (TOP / source).parent.glob("*.h")
    missing = [str(path) for path in inputs if not path.exists()]
    if missing:
        return f"{LIST.name} names files that are not there: {' '.join(missing)}"
    newest = max(path.stat().st_mtime for path in inputs)
    if (target.program.exists() and target.program.stat().st_mtime > newest
            and stamp.exists() and stamp.read_text() == wanted):
        return None
    compiled = subprocess.run(command, cwd=TOP, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
    if compiled.returncode:
        return f"{wanted}\n{compiled.stdout}"
    stamp.write_text(wanted)
    return None


def real_evidence():
    """A folder with cases that the target `verify` may start from, or None."""
    shared = pathlib.Path(os.environ.get("ALCOVE_SHARED", TOP.parent / "shared"))
    if not (shared / "evidence").is_dir():
        print(f"fuzz: forged evidence only: no collection at {shared}", flush=True)
        return None
    packed = BUILD / "real"
    packed.mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, TOP / "tests/evidence/pack.py", shared / "evidence", packed],
                   check=True)
    return packed


def fuzz(target, seconds, real=None):
    complaint = build(target)
    if complaint:
        return complaint
    found = BUILD / "corpus" / target.name
    for folder in (found, target.corpus):
        folder.mkdir(parents=True, exist_ok=True)
    command = [str(target.program), f"-max_total_time={seconds}", f"-max_len={INPUT_MAX}",
               f"-timeout={ONE_INPUT_TIMEOUT_S}", "-print_final_stats=1", "-rss_limit_mb=4096",
               f"-artifact_prefix={target.corpus}/", str(found), str(target.corpus)]
    environment = {**os.environ, **({"ALCOVE_FUZZ_REAL": str(real)} if real else {})}
    ran = subprocess.run(command, cwd=TOP, text=True, errors="replace", stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=environment)
    if ran.returncode:
        return "\n".join([shlex.join(command), *ran.stdout.splitlines()[-80:]])
    executed = [line.split()[-1] for line in ran.stdout.splitlines()
                if "number_of_executed_units" in line]
    print(f"fuzz: {target.name}: no finding in {executed[0] if executed else '?'} inputs",
          flush=True)
    return None


def run(seconds_of, names, real=None):
    """seconds_of: a target's time."""
    targets = list(read_list(names))
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda t: fuzz(t, seconds_of(t), real), targets)
        for target, complaint in zip(targets, results):
            if complaint:
                failed += 1
                print(f"fuzz: {target.name}: FINDING\n{complaint}", flush=True)
    total = sum(seconds_of(target) for target in targets)
    print(f"fuzz: {len(targets)} targets, {total} s together, {failed} with findings")
    return 1 if failed or not targets else 0


def run_long(names):
    def seconds_of(target):
        ours = any(source.startswith("verify/") for source in target.sources)
        return LONG_S if ours else SHORT_S
    return run(seconds_of, names, real_evidence())


def replay_one(target):
    complaint = build(target)
    inputs = sorted(path for path in target.corpus.glob("*") if path.is_file())
    if complaint or not inputs:
        return complaint, 0
    ran = subprocess.run([str(target.program), *map(str, inputs)], cwd=TOP, text=True,
                         errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return (ran.stdout if ran.returncode else None), len(inputs)


def replay(names):
    targets = list(read_list(names))
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for number, (target, (complaint, count)) in enumerate(
                zip(targets, pool.map(replay_one, targets)), 1):
            title = f"{target.name} survives the {count} inputs of its corpus"
            if complaint:
                failed += 1
                print(f"not ok {number} - {title}")
                print(f"--- {target.name}\n{complaint}", file=sys.stderr)
            elif count == 0:
                print(f"ok {number} - {title} # SKIP tests/corpus/{target.name} is empty")
            else:
                print(f"ok {number} - {title}")
    print(f"1..{len(targets)}")
    return 1 if failed else 0


def keep(names):
    for target in read_list(names):
        complaint = build(target)
        if complaint:
            sys.exit(complaint)
        target.corpus.mkdir(parents=True, exist_ok=True)
        found = BUILD / "corpus" / target.name
        subprocess.run([str(target.program), "-merge=1", f"-max_len={KEPT_MAX}",
                        str(target.corpus), str(found)], cwd=TOP, check=True,
                       stderr=subprocess.DEVNULL)
        print(f"fuzz: {target.name}: {len(list(target.corpus.iterdir()))} inputs kept")
    return 0


def main(argv):
    if len(argv) >= 2 and argv[0] == "run" and argv[1].isdigit():
        return run(lambda target: int(argv[1]), argv[2:])
    if argv and argv[0] == "long":
        return run_long(argv[1:])
    if argv and argv[0] == "replay":
        return replay(argv[1:])
    if argv and argv[0] == "keep":
        return keep(argv[1:])
    sys.exit(__doc__)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
