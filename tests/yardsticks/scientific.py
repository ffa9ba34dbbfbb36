#!/usr/bin/python3.11
# SPDX-License-Identifier: Apache-2.0
"""numpy's and pandas' own test suites (in Debian's python3-numpy and python3-pandas), natively and in an
enclave.

    scientific.py [--build FOLDER] [--jobs N] [--timeout S] [--results FILE] [--write FILE] [GROUP…]

A GROUP is a folder of tests (numpy/core/tests) or one file of them; without any, all of both packages.
Each group runs in a process of its own, on both sides with the same environment and the same seeds. Every
test has to end the same way on both sides; those that do not are listed. --results keeps what was seen from
run to run; --write puts the table into docs/conformance.md.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
PYTHON = "/usr/bin/python3.11"
PACKAGES = pathlib.Path("/usr/lib/python3/dist-packages")
NEEDED = ["python3-pytest", "python3-hypothesis", "libc-bin"]
# Programs that tests start: shells, `locale`, `dpkg --print-architecture`, compilers.
PROGRAMS = ["binutils", "coreutils", "dash", "dpkg", "g++", "gcc", "gfortran", "libc6-dev", "python3.11-dev"]
# What some tests ask for; without them they are skipped on both sides.
OPTIONAL = [f"python3-{name}" for name in (
    "bottleneck", "bs4", "cffi", "charset-normalizer", "distutils", "html5lib", "jinja2", "lxml",
    "matplotlib", "numexpr", "odf", "openpyxl", "scipy", "setuptools", "tables", "tabulate", "xarray", "xlrd",
    "xlsxwriter", "zstandard")]
# What may be installed on this machine and is on neither side: numba compiles, then runs what it compiled,
# which an enclave refuses; the others bring services or much else along.
NEITHER = ["boto3", "brotli", "dask", "flask", "fsspec", "gcsfs", "geopandas", "moto", "numba", "psycopg2",
           "pyarrow", "pymysql", "requests", "s3fs", "sklearn", "snappy", "sqlalchemy", "yaml"]

# Says how each test ended, one line each, and nothing else that two runs could differ in.
RUNNER = """
import os, sys
words = sys.stdin.readline().split()
os.chdir("/tmp")
sys.modules.update(dict.fromkeys(NEITHER))  # whoever imports one is told that it is not there
os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
import pytest
class Teller:
    def pytest_runtest_logreport(self, report):
        if report.when == "call" or report.outcome != "passed":
            word = "xfailed" if hasattr(report, "wasxfail") and report.skipped else report.outcome
            print(f"\\n@ {word} {report.nodeid}", flush=True)
            if report.outcome != "passed":
                whole = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longreprtext
                errors = [line[1:].strip() for line in whole.splitlines() if line.startswith("E ")]
                print(f"@ why {next(iter(errors or whole.splitlines()), '')[:300]}", flush=True)
    def pytest_collectreport(self, report):
        if report.failed:
            print(f"\\n@ uncollected {report.nodeid}", flush=True)
code = pytest.main(["-q", "--tb=short", "-p", "no:cacheprovider", "-p", "_hypothesis_pytestplugin",
                    "--hypothesis-seed=0",
                    "--continue-on-collection-errors",
                    "-m", "not slow and not network and not db and not single_cpu", *words],
                   plugins=[Teller()])
print(f"\\n@ end {int(code)}", flush=True)
"""

from debian import installed

MANIFEST = """
base: [python, {{packages: [{needed}]}}]
files: {{/app/run.py: run.py}}
entry: {python}
argv: [python3.11, -B, /app/run.py]
env: {{LC_ALL: C.UTF-8, PATH: /usr/bin:/bin, HOME: /tmp, PYTHONHASHSEED: "0", OPENBLAS_NUM_THREADS: "2"}}
user: {{uid: 0, gid: 0}}
cwd: /tmp
memory: 20 GiB
threads: 64
mounts: [{{kind: tmpfs, path: /tmp, size: 512 MiB}}]
stdin: host
stdout: host
stderr: host
"""
MARK = "<!-- below: written by tests/yardsticks/scientific.py --write -->"


def all_groups():
    folders = {path.parent for name in ("numpy", "pandas") for path in (PACKAGES / name).rglob("test_*.py")}
    return sorted(str(folder.relative_to(PACKAGES)) for folder in folders)


def files_of(group):
    """A folder stands for its own files alone: folders below it are groups too."""
    path = PACKAGES / group
    return [str(path)] if path.is_file() else sorted(str(file) for file in path.glob("test_*.py"))


def build(alcove, folder):
    packages = NEEDED + [name for name in PROGRAMS + OPTIONAL if installed(name)]
    (folder / "run.py").write_text(f"NEITHER = {NEITHER}\n" + RUNNER)
    (folder / "alcove.yaml").write_text(MANIFEST.format(python=PYTHON, needed=", ".join(packages)))
    subprocess.run([alcove, "build", folder, "-o", folder / "suite.bundle"], check=True,
                   stdout=subprocess.DEVNULL)
    return folder / "suite.bundle"


def run(command, group, timeout, env=None, cwd=None):
    """{test: how it ended}, what went wrong with the whole ("" when nothing did), {test: why}."""
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, cwd=cwd, env=env, start_new_session=True)
    try:
        out, _ = process.communicate(" ".join(files_of(group)).encode() + b"\n", timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        out, _ = process.communicate()
        return tests_of(out), f"not done after {timeout} s", reasons_of(out)
    if not re.search(rb"^@ end [015]$", out, re.MULTILINE):
        lines = [line for line in out.decode(errors="replace").splitlines() if line.strip()]
        words = "died: " + (lines[-1][:160] if lines else "without a word")
        return tests_of(out), words, reasons_of(out)
    return tests_of(out), "", reasons_of(out)


def tests_of(out):
    ends = {}
    for word, test in re.findall(r"^@ (passed|failed|skipped|xfailed|uncollected) (.*)$",
                                 out.decode(errors="replace"), re.MULTILINE):
        if ends.get(test) != "failed":  # a test can pass and its teardown fail
            ends[test] = word
    return ends


def reasons_of(out):
    """{test: the first thing that it had to say about its end}"""
    return dict(re.findall(r"^@ (?:failed|skipped|xfailed) (.*)\n@ why (.*)$", out.decode(errors="replace"),
                           re.MULTILINE))


def reason(words):
    if "failed to map segment from shared object" in words:
        return "loads a library that it made, which is not a measured file: refused"
    return re.sub(r"/tmp/\S+|0x[0-9a-f]+", "…", words)[:160]


def counts(ends):
    found = collections.Counter(ends.values())
    words = ("passed", "failed", "skipped", "xfailed", "uncollected")
    return {word: found[word] for word in words if found[word]}


def compare(group, native, inside):
    """[file of the test, its name, how it ended inside, why] of those that passed natively alone"""
    def row(test):
        file, _, name = test.partition("::")
        return [f"{group}/{file.rpartition('/')[2]}", name, inside[0].get(test, "not run"),
                reason(inside[2].get(test, ""))]
    return sorted(row(test) for test in native[0]
                  if native[0][test] == "passed" and inside[0].get(test) != "passed")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", type=pathlib.Path, default=TOP / "build")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--timeout", type=int, default=900)
    parser.add_argument("--results", type=pathlib.Path, metavar="FILE",
                        help="what was seen before is not run again")
    parser.add_argument("--write", type=pathlib.Path, metavar="FILE")
    parser.add_argument("groups", nargs="*")
    args = parser.parse_args()
    missing = [name for name in ("pytest", "hypothesis") if not (PACKAGES / name).exists()]
    if missing:
        names = " ".join("python3-" + name for name in missing)
        sys.exit(f"scientific.py: skipped, since not installed: {names}")
    known = json.loads(args.results.read_text()) if args.results and args.results.exists() else {}
    with tempfile.TemporaryDirectory(prefix="alcove-scientific-") as work:
        work = pathlib.Path(work)
        alcove = args.build / "cli/alcove"
        bundle = build(alcove, work)
        env = {"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin", "HOME": "/tmp", "PYTHONHASHSEED": "0",
               "OPENBLAS_NUM_THREADS": "2"}

        def both(group):
            if group in known:
                return group, known[group]
            native = run([PYTHON, "-B", work / "run.py"], group, args.timeout, env)
            inside = run([alcove, "run", bundle], group, args.timeout)
            return group, {"native": counts(native[0]), "inside": counts(inside[0]), "trouble": native[1],
                           "trouble_inside": inside[1], "differences": compare(group, native, inside)}

        with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
            for group, seen in pool.map(both, args.groups or all_groups()):
                known[group] = seen
                say(group, seen)
                if args.results:
                    args.results.write_text(json.dumps(known, indent=1))
    tell({group: known[group] for group in args.groups or all_groups()}, args.write)


def say(group, seen):
    good = not seen["differences"] and not seen["trouble_inside"]
    print(f"{'ok' if good else 'not ok'} {group}: {seen['inside'].get('passed', 0)} pass inside, "
          f"{seen['native'].get('passed', 0)} natively {seen['trouble']} {seen['trouble_inside']}",
          flush=True)
    for file, name, end, why in seen["differences"][:20]:
        print(f"# {file} {name}: {end} {why}", flush=True)


def tell(groups, write):
    native = sum(seen["native"].get("passed", 0) for seen in groups.values())
    inside = sum(seen["inside"].get("passed", 0) for seen in groups.values())
    differ = collections.Counter((file, end, why) for seen in groups.values()
                                 for file, _, end, why in seen["differences"])
    summary = (f"{inside} tests of {len(groups)} groups pass inside, {native} natively; "
               f"{differ.total()} that pass natively do not inside")
    print(summary)
    if write:
        head, mark, rest = write.read_text().partition(MARK)
        tail = rest.partition("\n<!-- ")  # other tools' tables follow
        rows = "".join(f"| {file} | {count} {end} | {why.replace('|', chr(92) + '|')} |\n"
                       for (file, end, why), count in sorted(differ.items()))
        table = f"\n| tests | inside | why |\n| --- | --- | --- |\n{rows}" if rows else ""
        write.write_text(f"{head}{mark}\n\n{summary}.\n{table}" + (tail[1] + tail[2] if tail[1] else ""))


if __name__ == "__main__":
    main()
