#!/usr/bin/python3.11
# SPDX-License-Identifier: Apache-2.0
"""What private queries cost: contributions verified and summed, plans, noise; the same aggregator
in its enclave.

Each row is the median of several rounds, with the least and the most. --check fails where a median
misses its floor. The software machine says nothing about memory encryption, EPC paging or the cost
of hardware transitions.

PARTS is where further measurements go: a function that is given the options and returns rows. Those
with whole worlds of people are in people.py.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import people  # noqa: E402


def core(options):
    """One core, outside of an enclave: the aggregator's own code under bench/queries_bench.c."""
    program = options.build / "services/aggregator/queries_bench"
    out = subprocess.run([program, "--json", "--rounds", str(options.rounds)], check=True,
                         stdout=subprocess.PIPE).stdout
    return json.loads(out)


def enclave(options):
    """The aggregator in its enclave, with real evidence of a contributor in another one, records
    through pipes: processor time of `alcove run`, less what a query of two people takes."""
    few, many = 2, 402

    def seconds(people):
        command = [options.build / "tests/aggregator/aggregator_driver", alcove,
                   options.build / "libexec/alcove/aggregator.bundle",
                   options.build / "tests/aggregator/contributor.bundle", str(people), "speed"]
        out = subprocess.run(command, env=environment, check=True, text=True,
                             stdout=subprocess.PIPE).stdout
        if f"counted {people} of {people}" not in out:
            sys.exit(f"queries: the aggregator did not count all:\n{out}")
        return float(out.split("seconds ")[1])

    with tempfile.TemporaryDirectory() as machine:
        environment = {**os.environ, "ALCOVE_MACHINE_DIR": machine}
        alcove = options.build / "cli/alcove"
        subprocess.run([alcove, "machine", "init"], env=environment, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=False)
        rates = [(many - few) / max(seconds(many) - seconds(few), 1e-6)
                 for _ in range(options.rounds)]
    return [{"name": "contributions, one machine, in its enclave",
             "per_second": statistics.median(rates), "least": min(rates), "most": max(rates),
             "floor": 1000}]


def digits(row):
    return 1 if row["most"] < 100 else 0


PARTS = {"core": core, "enclave": enclave, "upload": people.upload, "people": people.people}


def main():
    parser = argparse.ArgumentParser(prog="./dev bench queries",
                                     description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--build", type=pathlib.Path, default="build")
    parser.add_argument("--rounds", type=int, default=9, help="of each measurement (default 9)")
    parser.add_argument("--only", choices=PARTS, help="one part")
    parser.add_argument("--people", type=lambda text: [int(n) for n in text.split(",")], default=[100],
                        metavar="N,...", help="how many are asked in one query (default 100)")
    parser.add_argument("--no-days", action="store_true", help="people: without days in their custodians")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--check", action="store_true", help="fail when a floor is missed")
    options = parser.parse_args()
    options.build = options.build.resolve()
    rows = [row for name, part in PARTS.items() if options.only in (None, name)
            for row in part(options)]
    if options.json:
        json.dump(rows, sys.stdout, indent=1)
        print()
    else:
        print(f"{'':42} {'a second':>9}  {'least':>9} {'most':>9}  floor")
        for row in rows:
            print(f"{row['name']:42} {row['per_second']:9.{digits(row)}f}  "
                  f"{row['least']:9.{digits(row)}f} {row['most']:9.{digits(row)}f}  {row['floor'] or '-'}")
    missed = [row["name"] for row in rows if row["per_second"] < row["floor"]]
    if missed:
        print(f"below its floor: {', '.join(missed)}", file=sys.stderr)
    return 1 if options.check and missed else 0


if __name__ == "__main__":
    sys.exit(main())
