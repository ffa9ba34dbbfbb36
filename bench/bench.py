#!/usr/bin/python3.11
# SPDX-License-Identifier: Apache-2.0
"""Compares workloads in an enclave with the same work in a plain process.

Both run alternately, so that whatever else the machine does hits both; the ratio is the median of
the ratios of neighbouring runs.
Loops time themselves inside the workload; start-ups are timed from outside. The software machine
says nothing about memory encryption, EPC paging or the cost of hardware transitions.
"""

import argparse
import dataclasses
import json
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
PYTHON = "/usr/bin/python3.11"
LAYER_FILE = "/usr/lib/python3.11/os.py"  # there natively and in the base layer
DATA_SIZE = 64 << 20

MANIFEST = """\
base: [python]
files: {files}
entry: {entry}
argv: {argv}
env: {{LC_ALL: C.UTF-8, OPENBLAS_NUM_THREADS: "1"}}
memory: 1 GiB
threads: 16
mounts: [{{kind: tmpfs, path: /tmp, size: 16 MiB}}]
stdout: host
stderr: host
network: denied
"""


@dataclasses.dataclass
class Workload:
    name: str
    script: str | None  # None: the C program
    limit: float | None
    argument: str | None = None
    data: bool = False  # the layer carries the big file
    inside: bool = True  # prints its own seconds


WORKLOADS = [
    Workload("CPU-bound Python", "cpu.py", 1.05),
    Workload("os.stat of a layer file", "stat.py", 1.0, LAYER_FILE),
    Workload("trivial system call from C", None, 0.5),
    Workload("start: python3 -c pass", "empty.py", 3.0, inside=False),
    Workload("start: import numpy, pandas", "imports.py", 2.0, inside=False),
    Workload("sequential read of a layer file", "read.py", None, "/app/data.bin", data=True),
]


class Prepared:
    """A workload's folder and bundle, and the two commands that are compared."""

    def __init__(self, workload, build, alcove):
        slug = (workload.script or "getppid").removesuffix(".py")
        folder = build / "bench" / slug
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        if workload.script:
            program = folder / workload.script
            shutil.copy(HERE / workload.script, program)
            entry, argv = PYTHON, [PYTHON, "-I", "-B", f"/app/{workload.script}"]
        else:
            program = folder / "getppid"
            shutil.copy(build / "bench/bench-getppid", program)
            entry, argv = "/app/getppid", ["/app/getppid"]
        files = {f"/app/{program.name}": program.name}
        native_argument = workload.argument
        if workload.data:
            data = folder / "data.bin"
            data.write_bytes(random.Random(1).randbytes(DATA_SIZE))
            files["/app/data.bin"] = "data.bin"
            native_argument = str(data)
        if workload.argument:
            argv.append(workload.argument)
        (folder / "alcove.yaml").write_text(MANIFEST.format(
            files=json.dumps(files), entry=entry, argv=json.dumps(argv)))
        bundle = folder / "bundle"
        subprocess.run([alcove, "build", folder, "-o", bundle], check=True,
                       stdout=subprocess.DEVNULL)
        self.alcove = [alcove, "run", bundle]
        self.native = ([PYTHON, "-I", "-B", program] if workload.script else [program])
        self.native += [native_argument] if native_argument else []


def seconds(command, inside):
    """Of one run: what the workload says, or the time from start to end."""
    begin = time.perf_counter()
    ran = subprocess.run(command, check=True, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL,
                         text=True)
    outside = time.perf_counter() - begin
    return float(ran.stdout) if inside else outside


def measure(workload, prepared, rounds):
    native, alcove = [], []
    for command in (prepared.native, prepared.alcove):
        seconds(command, workload.inside)  # warm: page cache, layer store
    for _ in range(rounds):
        native.append(seconds(prepared.native, workload.inside))
        alcove.append(seconds(prepared.alcove, workload.inside))
    row = {"name": workload.name, "native_s": statistics.median(native),
           "alcove_s": statistics.median(alcove), "limit": workload.limit, "rounds": rounds}
    # Of neighbouring runs, because the machine's speed drifts by more than what is measured.
    row["ratio"] = statistics.median(a / n for a, n in zip(alcove, native))
    row["ok"] = workload.limit is None or row["ratio"] <= workload.limit
    return row


def human(value):
    for unit, scale in (("s", 1), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= scale:
            return f"{value / scale:.2f} {unit}"
    return f"{value / 1e-9:.1f} ns"


def table_line(row):
    limit = "" if row["limit"] is None else f"{row['limit']:.2f}"
    verdict = "" if row["limit"] is None else "ok" if row["ok"] else "MISSED"
    return (f"{row['name']:34} {human(row['native_s']):>11} {human(row['alcove_s']):>11} "
            f"{row['ratio']:7.2f} {limit:>6}  {verdict}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default="build")
    parser.add_argument("--rounds", type=int, default=15, help="runs of each side (default 15)")
    parser.add_argument("--only", default="", help="workloads whose name contains this")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--check", action="store_true", help="fail when a limit is missed")
    options = parser.parse_args()
    build = options.build.resolve()
    rows = []
    if not options.json:
        print(f"{'median of ' + str(options.rounds):34} {'native':>11} {'alcove':>11} "
              f"{'ratio':>7} {'limit':>6}", flush=True)
    for workload in WORKLOADS:
        if options.only not in workload.name:
            continue
        prepared = Prepared(workload, build, build / "cli/alcove")
        rows.append(measure(workload, prepared, options.rounds))
        if not options.json:
            print(table_line(rows[-1]), flush=True)
    if options.json:
        print(json.dumps(rows, indent=1))
    missed = [row["name"] for row in rows if not row["ok"]]
    if missed and options.check:
        print(f"bench: over the limit: {', '.join(missed)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
