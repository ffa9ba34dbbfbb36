#!/usr/bin/python3.11
# SPDX-License-Identifier: Apache-2.0
"""`./dev demo`: the trips example from source to verified result, printed for a newcomer."""

import argparse
import json
import pathlib
import secrets
import shlex
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
PYTHON = "/usr/bin/python3.11"


class Failed(Exception):
    """A step that ends the demo; its message has been printed by the command itself."""


def step(number, text):
    print(f"\n{number}. {text}", flush=True)


def near(part):
    """A path as one would type it in the repository's folder."""
    return str(part).replace(f"{TOP}/", "")


def run(*command, show=True, allowed=(0,)):
    """Runs a command, prints it the way one would type it, and returns its output and seconds."""
    command = [near(part) for part in command]
    if show:
        print(f"   $ {shlex.join(['alcove', *command[1:]])}", flush=True)
    begin = time.monotonic()
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, cwd=TOP)
    if ended.returncode not in allowed:
        print(ended.stdout, end="")
        raise Failed(f"alcove {command[1]} ended with status {ended.returncode}")
    return ended.stdout, time.monotonic() - begin


def indent(text):
    print("\n".join(f"     {line}" for line in text.rstrip().splitlines()))


def show_trips(summary):
    print(f"   {'start':8} {'end':8} {'minutes':>7} {'km':>6}  mode")
    for trip in summary["trips"]:
        start, end = trip["start"][11:16], trip["end"][11:16]
        print(f"   {start:8} {end:8} {trip['duration_s'] / 60:7.0f} "
              f"{trip['distance_m'] / 1000:6.2f}  {trip['mode']}")
    total = summary["total"]
    print(f"   {total['trips']} trips{'':9} {total['duration_s'] / 60:7.0f} "
          f"{total['distance_m'] / 1000:6.2f}")


def demo(alcove, work):
    bundle, evidence, result = work / "trips.bundle", work / "evidence", work / "trips.json"
    day, nonce = HERE / "day.json", secrets.token_hex(16)

    step(1, "Build: the script, its Python and its settings become one measured bundle.")
    _, seconds = run(alcove, "build", HERE, "-o", bundle)
    identity = json.loads(run(alcove, "measure", bundle, "--json", show=False)[0])
    print(f"     {seconds:.1f} s (the Python layer is made once per machine, then reused)")

    step(2, "Identities: what a phone would compare before it hands over anything.")
    print(f"     MRENCLAVE  {identity['mrenclave']}   the runtime")
    print(f"     CONFIGID   {identity['configid'][:64]}")
    print(f"                {identity['configid'][64:]}   script, Python, settings")

    step(3, "Run: Debian's own python3.11 in an enclave, over a made-up day of travel.")
    _, seconds = run(alcove, "run", bundle, "--input", f"day={day}", "--output", f"trips={result}",
                     "--quote", evidence, "--nonce", nonce)
    print(f"     {seconds:.1f} s, {evidence.stat().st_size} bytes of evidence\n")
    show_trips(json.loads(result.read_text()))

    step(4, "Verify: did exactly this program turn exactly this day into exactly this result?")
    root = run(alcove, "machine", "show", "--root", show=False)[0].strip()
    checks = ["--expect", bundle, "--nonce", nonce, "--input", f"day={day}",
              "--output", f"trips={result}"]
    indent(run(alcove, "verify", evidence, "--root", root, *checks)[0])

    step(5, "And without naming this machine's software root, nobody believes it:")
    said, _ = run(alcove, "verify", evidence, *checks, allowed=(1,))
    indent(said.split("what the evidence says")[0])

    native = work / "native.json"
    subprocess.run([PYTHON, "-I", "-B", HERE / "trips.py", day, native], check=True)
    same = native.read_bytes() == result.read_bytes()
    print(f"\nThe same script in a plain process gives "
          f"{'the same bytes' if same else 'ANOTHER RESULT'}.")
    print("This is a SOFTWARE enclave: the path and the evidence are real, protection from this\n"
          "machine's owner is not. README.md says what hardware adds.")
    if not same:
        raise Failed("results inside and outside differ")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build"))
    build = parser.parse_args().build.resolve()
    work = build / "demo"
    work.mkdir(exist_ok=True)
    print("Alcove demo: unmodified Python analyses a day of travel inside an enclave.")
    try:
        demo(build / "cli/alcove", work)
    except Failed as failure:
        print(f"\ndemo: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
