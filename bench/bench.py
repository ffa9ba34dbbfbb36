#!/usr/bin/python3.11
# SPDX-License-Identifier: Apache-2.0
"""Compares workloads in an enclave with the same work in a plain process.

Both run alternately, so that whatever else the machine does hits both; the ratio is the median of
the ratios of neighbouring runs, and its spread the range of their middle half.
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

import volume

HERE = pathlib.Path(__file__).resolve().parent
PYTHON = "/usr/bin/python3.11"
LARGE, OTHER = 512 << 20, 256 << 20  # bytes of the files that are read
START = "start"  # the value of a run that is timed from outside

MANIFEST = """\
base: [python]
files: {files}
entry: {entry}
argv: {argv}
env: {{LC_ALL: C.UTF-8, OPENBLAS_NUM_THREADS: "1"}}
memory: 2 GiB
threads: 20
mounts: [{{kind: tmpfs, path: /tmp, size: 16 MiB}}]
stdout: host
stderr: host
network: denied
"""


@dataclasses.dataclass
class Workload:
    name: str
    program: str  # a script of this folder, or a C program
    arguments: list = dataclasses.field(default_factory=list)  # "/app/…" is a file of the layer
    files: dict = dataclasses.field(default_factory=dict)  # name in /app: bytes of random content
    others: dict = dataclasses.field(default_factory=dict)  # path inside: path here
    inside: bool = True  # prints its own lines of "name seconds"
    one_cpu: bool = False
    rounds: int = 5


@dataclasses.dataclass
class Row:
    title: str
    workload: str
    value: str
    floor: float | None  # the ratio must not be above it
    aim: float | None
    size: int = 0  # of the file that is read: floor and aim are GB/s, not to be fallen short of


WORKLOADS = [
    Workload("cpu", "cpu.py"),
    Workload("linalg", "linalg.py"),
    Workload("calls", "calls", ["/app/small"], {"small": 4096}),
    Workload("raw", "raw_call"),
    Workload("reads", "reads", ["/app/large", "/app/other"], {"large": LARGE, "other": OTHER}),
    Workload("empty", "empty.py", inside=False, rounds=21),
    Workload("numpy", "numpy_import.py", inside=False, rounds=11),
    Workload("imports", "imports.py", inside=False, rounds=7),
    Workload("create", "threads", ["create"]),
    Workload("turns", "threads", ["turns"], one_cpu=True),
    Workload("fork", "processes", ["fork"]),
    Workload("large", "processes", ["large"]),
    Workload("threads", "processes", ["threads"]),
    Workload("exec", "processes", ["exec", "/bin/true"], others={"/usr/bin/true": "/usr/bin/true"}),
    Workload("spawn", "spawn.py", others={"/usr/bin/true": "/usr/bin/true"}),
]

ROWS = [
    Row("CPU-bound Python", "cpu", "cpu", 1.03, 1.0),
    Row("numpy linear algebra", "linalg", "linalg", 1.03, 1.0),
    Row("trivial call, dynamic C", "calls", "trivial", 0.3, 0.1),
    Row("trivial call, raw, static", "raw", "raw", 0.3, 0.1),
    Row("stat of a layer file", "calls", "stat", 0.8, 0.3),
    Row("open, read, close of 4 KiB", "calls", "open", 0.8, 0.3),
    Row("read 512 MiB, first time, GB/s", "reads", "first", 1.0, 3.2, size=LARGE),
    Row("read 512 MiB again", "reads", "again", 1.0, 0.5),
    Row("read 4 KiB at random", "reads", "random", 5.0, 1.5),
    Row("start: python3 -c pass", "empty", START, 1.8, 1.2),
    Row("start: import numpy", "numpy", START, 1.4, 1.0),
    Row("start: import numpy, pandas", "imports", START, None, None),
    Row("thread create and join", "create", "create", 1.5, 0.7),
    Row("futex to and fro, one CPU", "turns", "futex", 1.2, 0.5),
    Row("pipe to and fro, one CPU", "turns", "pipe", 1.2, 0.5),
    Row("fork and exit", "fork", "fork", 30.0, 10.0),
    Row("fork and exit, 256 MiB", "large", "large", 30.0, 10.0),
    Row("fork and exit, 17 threads", "threads", "threads", 30.0, 10.0),
    Row("fork and exec /bin/true", "exec", "exec", 30.0, 10.0),
    Row("subprocess.run", "spawn", "spawn", 30.0, 10.0),
]


def write_random(path, size):
    source = random.Random(path.name)
    with open(path, "wb") as file:
        for done in range(0, size, 1 << 20):
            file.write(source.randbytes(min(1 << 20, size - done)))


class Prepared:
    """A workload's folder and bundle, and the two commands that are compared."""

    def __init__(self, workload, build, alcove, shrink):
        folder = build / "bench" / workload.name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        script = workload.program.endswith(".py")
        program = folder / workload.program
        shutil.copy(HERE / program.name if script else build / "bench" / f"bench-{program.name}",
                    program)
        start = [PYTHON, "-I", "-B"] if script else []
        files = {f"/app/{program.name}": program.name}
        for name, size in workload.files.items():
            write_random(folder / name, size // shrink if size > 4096 else size)
            files[f"/app/{name}"] = name
        for place, source in workload.others.items():
            shutil.copy(source, folder / pathlib.Path(place).name)
            files[place] = pathlib.Path(place).name
        argv = [*start, f"/app/{program.name}", *workload.arguments]
        (folder / "alcove.yaml").write_text(MANIFEST.format(
            files=json.dumps(files), entry=argv[0], argv=json.dumps(argv)))
        subprocess.run([alcove, "build", folder, "-o", folder / "bundle"], check=True,
                       stdout=subprocess.DEVNULL)
        pin = ["taskset", "-c", "0"] if workload.one_cpu else []
        self.alcove = [*pin, alcove, "run", folder / "bundle"]
        self.native = [*pin, *start, program, *(
            argument.replace("/app", str(folder)) for argument in workload.arguments)]


class CannotRun(Exception):
    pass


def values_of(command, inside):
    """{value: seconds} of one run: what the workload says, or the time from start to end."""
    begin = time.perf_counter()
    ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                         stdin=subprocess.DEVNULL, text=True, check=False)
    outside = time.perf_counter() - begin
    if ran.returncode != 0:
        raise CannotRun((ran.stderr.strip().splitlines() or [f"status {ran.returncode}"])[-1])
    if not inside:
        return {START: outside}
    return {name: float(seconds) for name, seconds in map(str.split, ran.stdout.splitlines())}


def measure(workload, prepared, rounds):
    """[({value: seconds} natively, the same in an enclave) of each round]"""
    for command in (prepared.native, prepared.alcove):
        values_of(command, workload.inside)  # warm: page cache, layer store
    return [(values_of(prepared.native, workload.inside),
             values_of(prepared.alcove, workload.inside)) for _ in range(rounds)]


def judge(result, floor, least):
    """least: the floor is a least value (a speed), not a greatest one (a ratio)."""
    result["ok"] = floor is None or (result["judged"] >= floor if least else
                                     result["judged"] <= floor)
    return result


def row_of(row, found, shrink):
    native = [each[0][row.value] for each in found]
    alcove = [each[1][row.value] for each in found]
    # Of neighbouring runs, because the machine's speed drifts by more than what is measured.
    ratios = sorted(a / n for a, n in zip(alcove, native))
    quarter = len(ratios) // 4
    result = {"name": row.title, "native_s": statistics.median(native),
              "alcove_s": statistics.median(alcove), "ratio": statistics.median(ratios),
              "low": ratios[quarter], "high": ratios[-1 - quarter], "rounds": len(found),
              "floor": row.floor, "aim": row.aim}
    size = row.size / shrink
    result["judged"] = size / result["alcove_s"] / 1e9 if row.size else result["ratio"]
    return judge(result, row.floor, bool(row.size))


def absent(row, why):
    return {"name": row.title, "native_s": None, "alcove_s": None, "ratio": None, "why": why,
            "floor": row.floor, "aim": row.aim, "ok": False}


def sealed_rows(build, rounds, mib):
    """Encrypted files: bench/volume.py has the whole story, this the two numbers that count."""
    args = argparse.Namespace(build=build, size=mib, rounds=rounds, folder="/dev/shm")
    found, raw = volume.measure(args)
    for what, title in (("write_again", "encrypted file, write, GB/s"),
                        ("open_again", "encrypted file, open and read, GB/s")):
        speed = (mib << 20) / 1e9 / statistics.median(used for _, used in found[what])
        yield judge({"name": title, "native_s": None, "alcove_s": (mib << 20) / 1e9 / speed,
                     "ratio": None, "judged": speed, "rounds": rounds, "floor": 1.0,
                     "aim": statistics.median(raw) / 2e9}, 1.0, True)


def human(value):
    if value is None:
        return "–"
    for unit, scale in (("s", 1), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= scale:
            return f"{value / scale:.2f} {unit}"
    return f"{value / 1e-9:.1f} ns"


def number(value):
    return "" if value is None else f"{value:.2f}"


def table_line(row):
    if "why" in row:
        return f"{row['name']:36} not there yet: {row['why']}"
    spread = "" if row["ratio"] is None else f"{row['low']:.2f}–{row['high']:.2f}"
    verdict = "" if row["floor"] is None else "ok" if row["ok"] else "MISSED"
    return (f"{row['name']:36} {human(row['native_s']):>10} {human(row['alcove_s']):>10} "
            f"{number(row['judged']):>6} {spread:>11} {number(row['floor']):>6} "
            f"{number(row['aim']):>5}  {verdict}")


def results(options, build):
    shrink = 16 if options.small else 1
    for workload in WORKLOADS:
        rows = [row for row in ROWS if row.workload == workload.name and options.only in row.title]
        if not rows:
            continue
        try:
            prepared = Prepared(workload, build, build / "cli/alcove", shrink)
            found = measure(workload, prepared, options.rounds or workload.rounds)
        except CannotRun as why:
            yield from (absent(row, str(why)) for row in rows)
            continue
        yield from (row_of(row, found, shrink) for row in rows)
    if options.only in "encrypted file":
        yield from sealed_rows(build, min(options.rounds or 3, 3), 128 // shrink)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default="build")
    parser.add_argument("--rounds", type=int, default=0, help="runs of each side (default 3 to 21)")
    parser.add_argument("--only", default="", help="rows whose name contains this")
    parser.add_argument("--small", action="store_true", help="files of a 16th of the size")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--check", action="store_true", help="fail when a floor is missed")
    options = parser.parse_args()
    rows = []
    if not options.json:
        print(f"{'medians':36} {'native':>10} {'alcove':>10} {'ratio':>6} {'spread':>11} "
              f"{'floor':>6} {'aim':>5}", flush=True)
    for row in results(options, options.build.resolve()):
        rows.append(row)
        if not options.json:
            print(table_line(row), flush=True)
    if options.json:
        print(json.dumps(rows, indent=1))
    missed = [row["name"] for row in rows if not row["ok"]]
    if missed and options.check:
        print(f"bench: below the floor: {', '.join(missed)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
