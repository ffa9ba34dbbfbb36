# SPDX-License-Identifier: Apache-2.0
"""TAP for tests of the module, and calls as a custodian makes them."""

import pathlib
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
MODULE = TOP / "python/alcove"
PYTHON = "/usr/bin/python3.11"
sys.dont_write_bytecode = True
sys.path.insert(0, str(MODULE.parent))

from alcove import cbor  # noqa: E402

checks = failures = 0


def ok(good, title, why=""):
    global checks, failures
    checks += 1
    failures += not good
    print(f"{'ok' if good else 'not ok'} {checks} - {title}")
    if not good and why != "":
        print("\n".join(f"# {line}" for line in str(why).splitlines()))


def same(got, wanted, title):
    ok(got == wanted, title, f"got    {got!r}\nwanted {wanted!r}")


def skip(title, why):
    global checks
    checks += 1
    print(f"ok {checks} - {title} # SKIP {why}")


def raises(kind, words, title, function, *arguments, **named):
    """It raises this, and the sentence has these words."""
    try:
        result = function(*arguments, **named)
    except kind as error:
        ok(words in str(error), title, f"the sentence is: {error}")
    else:
        ok(False, title, f"got {result!r}")


def done():
    print(f"1..{checks}")
    sys.exit(1 if failures else 0)


def call_of(days, kind="process", function="", entries=0):
    return cbor.encode({"days": [list(day) for day in days], "kind": kind,
                        "format": "alcove-call-1", "entries": entries, "function": function})


def worker(script, call):
    """(exit status, standard output, standard error)"""
    ended = subprocess.run([PYTHON, "-I", "-B", MODULE, "worker", script], input=call,
                           capture_output=True, timeout=60)
    return ended.returncode, ended.stdout, ended.stderr.decode(errors="replace")
