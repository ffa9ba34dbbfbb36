#!/usr/bin/python3.11
# SPDX-License-Identifier: Apache-2.0
"""Branch coverage of verify/ by its own tests, and whether each branch without a test is explained.

usage: coverage.py BUILD [--gaps FILE]     BUILD: configured with -Db_coverage=true, inside the tree

Runs what Meson registered in BUILD, the kept inputs of the fuzz targets, and the collection of evidence,
where there is one; then prints a line per file and the total. Fails under 95 %, and for every line with a
branch that no test took and that docs/coverage.md does not explain, and for explanations of lines that are
gone. Without a collection only the percentage counts.
--gaps writes the unexplained lines into a file.
"""

import argparse
import collections
import json
import os
import pathlib
import re
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent
EXPLAINED = TOP / "docs/coverage.md"
WANTED = 95.0
NOT_PRODUCT = r".*_(test|fuzz|files|tool)\.c|.*\.def|verify/forge/.*"


def run(*command, **options):
    ran = subprocess.run([str(part) for part in command], cwd=TOP, text=True, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, **options)
    if ran.returncode:
        sys.exit(f"{ran.stdout}\ncoverage: {' '.join(map(str, command))} failed")
    return ran.stdout


def replay(build):
    """The kept inputs of the fuzz targets in verify/."""
    for line in (TOP / "tools/fuzz-targets.txt").read_text().splitlines():
        found = re.match(r"([\w-]+): (verify/\S+)_fuzz\.c", line)
        program = build / "verify" / f"replay_{found.group(2).split('/')[-1]}_fuzz" if found else None
        if program and program.exists():
            run(program, *sorted((TOP / "tests/corpus" / found.group(1)).iterdir()))


def measure(build):
    """{file: {line number: [count of each branch]}}"""
    shared = pathlib.Path(os.environ.setdefault("ALCOVE_SHARED", str(TOP.parent / "shared")))
    for old in build.rglob("*.gcda"):
        old.unlink()
    run("ninja", "-C", build)
    run("meson", "test", "-C", build, "--no-rebuild")
    if (shared / "evidence").is_dir():
        ran = subprocess.run([sys.executable, TOP / "tests/evidence/run.py", build / "verify/verify_files"],
                             stdout=subprocess.PIPE, text=True)
        print("coverage: with " + ran.stdout.splitlines()[-1].lstrip("# "))
    else:
        print(f"coverage: without the collection of evidence: there is none at {shared}")
    with_collection = (shared / "evidence").is_dir()
    replay(build)
    report = build / "coverage.json"
    run("gcovr", "--root", TOP, "--object-directory", build, "--filter", "verify/", "--exclude", NOT_PRODUCT,
        "--branches", "--json", report, build)  # without the last it searches all of TOP
    files = json.loads(report.read_text())["files"]
    return {f["file"]: {line["line_number"]: [b["count"] for b in line["branches"]]
                        for line in f["lines"] if line["branches"]} for f in files}, with_collection


def explanations():
    """{file: {text of a line: why}}: "- `text`: why" under "## file"; "every file": parts of lines."""
    told, current = collections.defaultdict(dict), None
    for line in EXPLAINED.read_text().splitlines():
        heading, item = re.match(r"## (verify/\S+|every file)$", line), re.match(r"- (`+)(.+?)\1: (.+)", line)
        if line.startswith("## "):
            current = heading and heading.group(1)
        elif item and current:
            told[current][item.group(2).strip()] = item.group(3)
    return told


def judge(measured):
    """(unexplained lines, explanations of lines that are gone, of lines that are covered)"""
    told, used, missing, present = explanations(), set(), [], set()
    everywhere = tuple(told.pop("every file", {}))
    for name, lines in sorted(measured.items()):
        source = (TOP / name).read_text().splitlines()
        present |= {(name, line.strip()) for line in source}
        for number, branches in sorted(lines.items()):
            text = source[number - 1].strip()
            if 0 in branches and (text in told[name] or any(part in text for part in everywhere)):
                used.add((name, text))
            elif 0 in branches:
                taken = len(branches) - branches.count(0)
                missing.append(f"{name}:{number}: {taken} of {len(branches)} branches: {text}")
    listed = {(name, text) for name, texts in told.items() for text in texts}
    return missing, sorted(listed - present), sorted((listed & present) - used)


def main():
    parser = argparse.ArgumentParser(description="Branch coverage of verify/ by its tests.")
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--gaps", type=pathlib.Path, help="write the unexplained lines there")
    options = parser.parse_args()
    measured, with_collection = measure((TOP / options.build).resolve())
    total = taken = 0
    for name, lines in sorted(measured.items()):
        counts = [count for branches in lines.values() for count in branches]
        here = sum(1 for count in counts if count)
        total, taken = total + len(counts), taken + here
        if counts:
            print(f"{name:44} {here:5} of {len(counts):5} branches  {100 * here / len(counts):6.1f} %")
    percent = 100 * taken / max(total, 1)
    print(f"{'all':44} {taken:5} of {total:5} branches  {percent:6.1f} %, at least {WANTED:.0f} wanted")
    missing, gone, covered = judge(measured)
    for line in missing:
        print(f"not explained in {EXPLAINED.relative_to(TOP)}: {line}")
    for name, text in gone:
        print(f"explained, but gone: {name}: {text}")
    for name, text in covered:
        print(f"explained, but covered by now: {name}: {text}")
    if options.gaps:
        options.gaps.write_text("\n".join(missing) + "\n")
    return 1 if percent < WANTED or (with_collection and (missing or gone)) else 0


if __name__ == "__main__":
    sys.exit(main())
