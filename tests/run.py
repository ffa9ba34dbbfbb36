#!/usr/bin/python3.11
# SPDX-License-Identifier: Apache-2.0
"""Runs every test there is and ends with one line: "N passed, N failed[, N skipped]".

A test is a program that prints TAP (one line per check). They come from three places: what Meson
registered in the build folder, the same programs in the sanitizer build, and the scripts here:
tests/e2e/*, the fuzz corpora, the tidy rules and shellcheck. A program that crashes, hangs, prints
no plan, or prints another number of checks than it planned counts as a failure, whatever it said.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time

TOP = pathlib.Path(__file__).resolve().parent.parent
PYTHON = "/usr/bin/python3.11"
SCRIPT_TIMEOUT_S = 300  # a script overrides it with a comment "timeout: SECONDS"
SANITIZER_SLOWDOWN = 5  # ASan and UBSan together cost 2-4x
OUTPUT_SHOWN = 60  # lines of a failing program's stderr
REMARKS_SHOWN = 20  # lines of comment ahead of a failing check

CHECK = re.compile(r"^(not )?ok\b\s*(\d+)?(?:\s*-?\s*(.*))?$")
PLAN = re.compile(r"^1\.\.(\d+)\s*(?:#\s*SKIP\b\s*(.*))?$", re.IGNORECASE)
DIRECTIVE = re.compile(r"\s#\s*(SKIP|TODO)\b\s*(.*)$", re.IGNORECASE)


@dataclasses.dataclass
class Test:
    name: str
    command: list[str]
    timeout_s: float
    tap: bool = True
    alone: bool = False  # not beside another test: measures, or uses the machine's state
    env: dict = dataclasses.field(default_factory=dict)
    cwd: str = str(TOP)


@dataclasses.dataclass
class Result:
    passed: int = 0
    failures: list[str] = dataclasses.field(default_factory=list)
    skips: list[str] = dataclasses.field(default_factory=list)
    seconds: float = 0.0
    checks: list[str] = dataclasses.field(default_factory=list)
    output: str = ""


def introspect(build, what):
    listing = subprocess.run(["meson", "introspect", what, str(build)], check=True,
                             stdout=subprocess.PIPE, cwd=TOP).stdout
    return json.loads(listing)


def meson_tests(build, suffix="", slowdown=1, helpers="libexec/alcove"):
    """The tests that Meson knows, without its runner: that one hides which check failed."""
    for entry in introspect(build, "--tests"):
        yield Test(name=entry["name"] + suffix, command=entry["cmd"],
                   timeout_s=entry["timeout"] * slowdown, tap=entry["protocol"] == "tap",
                   alone=not entry["is_parallel"],
                   env={"ALCOVE_LIBEXEC_DIR": str(build / helpers), **entry["env"]},
                   cwd=entry["workdir"] or str(build))


def script_tests():
    """Scripts that print TAP: everything executable in tests/e2e, and the repository's own rules."""
    for path in sorted((TOP / "tests/e2e").iterdir()):
        if path.suffix not in (".sh", ".py") or not os.access(path, os.X_OK):
            continue
        said = re.search(r"^# timeout: (\d+)", path.read_text(), re.MULTILINE)
        command = [PYTHON, str(path)] if path.suffix == ".py" else [str(path)]
        yield Test(name=f"e2e/{path.stem}", command=command, alone=True,
                   timeout_s=float(said.group(1)) if said else SCRIPT_TIMEOUT_S)
    yield Test("tidy", [PYTHON, str(TOP / "tools/tidy.py")], 60)
    yield Test("shellcheck", [PYTHON, str(TOP / "tools/shellcheck.py")], 120)
    yield Test("fuzz-corpora", [PYTHON, str(TOP / "tools/fuzz.py"), "replay"], 600)


def signals_at_their_defaults():
    """Who starts this in the background has some of them ignored, which tests would inherit."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)


def execute(test, environment):
    """Runs one test in a process group of its own; returns (exit status or None, stdout, stderr)."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(test.command, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                   cwd=test.cwd, env={**test.env, **environment},
                                   start_new_session=True,
                                   preexec_fn=signals_at_their_defaults)
        try:
            status = process.wait(test.timeout_s)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            try:  # what a test leaves behind must not outlive it
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()
        out.seek(0)
        err.seek(0)
        return status, out.read().decode(errors="replace"), err.read().decode(errors="replace")


def read_tap(text, result):
    """Counts the checks; returns what is wrong with the text as TAP, or None."""
    planned, count, failing, remarks = None, 0, False, []
    for line in text.splitlines():
        plan, check = PLAN.match(line), CHECK.match(line)
        if plan:
            planned = int(plan.group(1))
            if planned == 0:
                result.skips.append(plan.group(2) or "no reason given")
        elif check:
            count += 1
            failing = bool(check.group(1))
            title = check.group(3) or f"check {count}"
            directive = DIRECTIVE.search(title)
            if directive and directive.group(1).upper() == "SKIP":
                result.skips.append(f"{title[:directive.start()]}: {directive.group(2)}")
            elif failing:
                result.failures += [title, *remarks]
            else:
                result.passed += 1
            result.checks.append(line)
            remarks = []
        elif line.startswith("Bail out!"):
            return line
        elif line.startswith("#"):  # where and why, before or after the check; not counted
            remark = "  " + line
            if failing:
                result.failures.append(remark)
            else:
                remarks = [*remarks[-REMARKS_SHOWN:], remark]
    if planned is None:
        return "printed no plan (1..N)"
    if planned != count:
        return f"planned {planned} checks and made {count}"
    return None


def count_failures(result):
    return sum(1 for line in result.failures if not line.startswith("  #"))


def run_test(test, environment):
    result = Result()
    begin = time.monotonic()
    try:
        status, out, err = execute(test, environment)
    except OSError as error:
        result.failures.append(f"cannot be started: {error}")
        return result
    result.seconds = time.monotonic() - begin
    result.output = err if test.tap else out + err
    complaint = None
    if test.tap:
        complaint = read_tap(out, result)
        if complaint is None and status not in (0, None) and not result.failures:
            complaint = f"all checks passed, but the exit status is {status}"
    elif status == 77:
        result.skips.append("says so by exit status 77")
    elif status == 0:
        result.passed = 1
    else:
        complaint = f"exit status {status}"
    if status is None:
        complaint = f"still running after {test.timeout_s:.0f} s"
    elif status < 0:
        complaint = f"killed by {signal.Signals(-status).name}"
    if complaint:
        result.failures.append(complaint)
    return result


class Report:
    """Prints results as they come, from any thread, and adds them up."""

    def __init__(self, verbose):
        self.lock = threading.Lock()
        self.verbose = verbose
        self.passed = self.failed = 0
        self.skips = []

    def add(self, test, result):
        with self.lock:
            failed = count_failures(result)
            self.passed += result.passed
            self.failed += failed
            self.skips += [(test.name, reason) for reason in result.skips]
            word = "FAIL" if failed else "skip" if result.skips and not result.passed else "ok"
            print(f"{word:5}{test.name:36} {result.passed:5} passed  {result.seconds:6.1f} s")
            if self.verbose:
                print("\n".join("       " + line for line in result.checks))
            if failed:
                for line in result.failures:
                    print(f"     ! {line}")
                for line in result.output.splitlines()[-OUTPUT_SHOWN:]:
                    print(f"     | {line}")
                print(f"     again: ./dev test {shlex.quote(test.name)}")
                print(f"     or:    {shlex.join(test.command)}")
            sys.stdout.flush()

    def close(self, selected):
        if self.skips:
            print("\nskipped:")
            for name, reason in self.skips:
                print(f"  {name}: {reason}")
        if not selected:
            print("no test has that name")
            self.failed += 1
        closing = f"{self.passed} passed, {self.failed} failed"
        if self.skips:
            closing += f", {len(self.skips)} skipped"
        print(closing, flush=True)
        return 1 if self.failed else 0


def run_all(tests, environment, report):
    """Parallel ones on every CPU, then those that want the machine for themselves."""
    waiting = [test for test in tests if not test.alone]
    lock = threading.Lock()

    def worker():
        while True:
            with lock:
                if not waiting:
                    return
                test = waiting.pop(0)
            report.add(test, run_test(test, environment))

    threads = [threading.Thread(target=worker) for _ in range(os.cpu_count() or 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for test in tests:
        if test.alone:
            report.add(test, run_test(test, environment))


def list_programs(build):
    """What the tests of a build folder run, as ninja targets: what the sanitizer build makes."""
    made = {name: target["id"] for target in introspect(build, "--targets")
            for name in target["filename"]}
    needed = {part for entry in introspect(build, "--tests") for part in entry["depends"]}
    used = {str(build / part) for test in meson_tests(build) for part in test.command}
    wanted = {name for name, target in made.items() if name in used or target in needed}
    print("\n".join(sorted(os.path.relpath(name, build) for name in wanted)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="run tests whose name contains one of these")
    parser.add_argument("-v", "--verbose", action="store_true", help="show every check")
    parser.add_argument("--build", type=pathlib.Path, default="build")
    parser.add_argument("--sanitized", type=pathlib.Path, help="build folder with sanitizers")
    parser.add_argument("--list-programs", type=pathlib.Path, metavar="BUILD")
    options = parser.parse_args()
    if options.list_programs:
        list_programs((TOP / options.list_programs).resolve())
        return 0
    build = (TOP / options.build).resolve()
    tests = list(meson_tests(build))
    if options.sanitized:
        tests += meson_tests((TOP / options.sanitized).resolve(), " (sanitized)",
                             SANITIZER_SLOWDOWN, "machine")
    tests += script_tests()
    if options.names:
        tests = [test for test in tests if any(name in test.name for name in options.names)]
    environment = {"ALCOVE_SHARED": str(TOP.parent / "shared"), **os.environ,
                   "ALCOVE_BUILD": str(build), "LC_ALL": "C.UTF-8",
                   "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0",
                   "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1"}
    report = Report(options.verbose)
    run_all(tests, environment, report)
    return report.close(tests)


if __name__ == "__main__":
    sys.exit(main())
