#!/usr/bin/python3.11
# SPDX-License-Identifier: Apache-2.0
"""`./dev demo`: ten made-up people, an enclave for each, and one question to all of them.

Shows the commands as one would type them. The operator's daemon carries everything and can read
none of it; an aggregator that was changed by one byte gets nothing; the honest one gets ten sealed
answers and releases one sum with noise.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
sys.path.insert(0, str(TOP / "tests/private"))
from world import Failed, World  # noqa: E402

PEOPLE, DAYS = 10, 3
RHO = "0.5"  # much for one question: ten people are few, and the noise has to leave something to see


class Demo:
    def __init__(self, build, work):
        self.world = World(work, build, workers=os.cpu_count())
        self.number = 0

    def step(self, text):
        self.number += 1
        print(f"\n{self.number}. {text}", flush=True)

    def shown(self, line):
        print(f"   $ {line}", flush=True)

    def indent(self, text, only=None):
        for line in text.rstrip().splitlines():
            if only is None or re.search(only, line):
                print(f"     {line}", flush=True)

    def timed(self, call, *args):
        begin = time.monotonic()
        result = call(*args)
        print(f"     {time.monotonic() - begin:.1f} s", flush=True)
        return result

    # ---- the steps -----------------------------------------------------------------------------------

    def build(self):
        w = self.world
        self.step("A researcher builds the script that turns raw days into trips and answers questions.")
        self.shown("alcove build examples/private -o travel.bundle")
        w.worker_bundles["travel"] = self.timed(w.bundle, "travel", HERE)
        print(f"     CONFIGID {w.measure(w.worker_bundles['travel'])['configid'][:32]}…: every byte of it")
        w.aggregators["changed"] = self.changed_aggregator()

    def changed_aggregator(self):
        folder = self.world.folder / "changed-source"
        folder.mkdir()
        program = (self.world.build / "services/images/aggregator").read_bytes()
        (folder / "aggregator").write_bytes(program.replace(b"start another one", b"start another One", 1))
        (folder / "aggregator").chmod(0o755)
        shutil.copy(TOP / "services/aggregator/alcove.yaml", folder)
        return self.world.bundle("changed", folder)

    def operate(self):
        w = self.world
        self.step("The operator starts the daemon. Its programs go into a public log, an honest\n"
                  "   aggregator and one that somebody changed by one byte.")
        self.shown("alcoved --state … --custodian … --aggregator … --aggregator changed=… --worker travel=…")
        w.start()
        for line in w.programs():
            match = re.search(r"mrenclave: ([0-9a-f]{20}).*# (?:bundle: [0-9a-f]+, )?(\S+), (leaf \d+)", line)
            if match:
                print(f"     {match.group(3)} of the log: {match.group(2):10} MRENCLAVE {match.group(1)}…")

    def claim(self):
        w = self.world
        self.step(f"{PEOPLE} people's phones each verify an enclave of their own, claim it, hand over\n"
                  f"   {DAYS} days, and say what answers may cost. What they accept is a file that they can\n"
                  "   read.")
        for line in ("alcove phone init", "alcove phone policy policy.yaml", "alcove phone claim",
                     "alcove phone upload 2026-09-28.json …", "alcove phone lease 0.6"):
            self.shown(line)
        policy = w.policy(without=["changed"], users_min=str(PEOPLE), rho_week='"1"', rho_query=f'"{RHO}"',
                          rho_analyst='"1"')
        days = w.made_up_days(PEOPLE, DAYS)
        begin = time.monotonic()

        def one(number):
            person = w.person(number)
            person.begin(policy)
            person.upload(*days(number))
            person.phone("lease", "0.6")
            return person
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            self.people = list(pool.map(one, range(1, PEOPLE + 1)))
        for person in self.people:
            person.wait_processed()
        print(f"     {time.monotonic() - begin:.1f} s; {PEOPLE * DAYS} days turned into trips, "
              "each in a fresh enclave")

    def ask(self, without, name):
        w = self.world
        query = w.query(without=without, users=(PEOPLE, PEOPLE), rho=RHO, run_ms=2000, seconds=120)
        text = query.read_text()
        place = w.folder / name
        place.write_text(text)
        return place

    def plan(self):
        self.step("An analyst writes a question and sees, before anybody is asked, what it will\n"
                  "   give and cost.")
        query = self.ask(["changed"], "query.yaml")
        self.shown("alcove query plan query.yaml")
        said = self.world.cli("query", "plan", query).stdout
        self.indent(said, r"^(Question|Each gives|Noise|Cost|Interval|Liars)|^ +that is")
        return query

    def deceive(self):
        w = self.world
        self.step("First she is deceived: the query names the changed aggregator.")
        query = self.ask(["aggregator"], "changed.yaml")
        self.shown("alcove query run changed.yaml --server …")
        result = w.ask(query, check=False)
        if isinstance(result, dict):
            raise AssertionError("the changed aggregator got an answer")
        lines = [line for line in result.stderr.splitlines() if "accepted" in line]
        self.indent("\n".join(lines[-1:] + result.stderr.strip().splitlines()[-1:]))
        print(f"     {PEOPLE} enclaves looked at its evidence, and none answered: 0 contributions.")

    def answer(self, query, pictures):
        w = self.world
        self.step("Then the honest one.")
        self.shown("alcove query run query.yaml --server … --svg mode-share.svg --png mode-share.png")
        out = w.folder / "result"
        said = w.cli("query", "run", query, "--server", w.server, "--out", out,
                     "--svg", pictures / "mode-share.svg", "--png", pictures / "mode-share.png",
                     timeout=300)
        text = said.stdout.split("\nQuery ")[0]
        self.indent(text)
        print(f"     the chart: {pictures / 'mode-share.svg'} (and .png)")

    def look(self):
        self.step("Each person can see who asked what, what left, and what it cost.")
        self.shown("alcove phone activity")
        self.indent(self.people[0].phone("activity").stdout)

    def run(self, pictures):
        with self.world:
            self.build()
            self.operate()
            self.claim()
            query = self.plan()
            self.deceive()
            self.answer(query, pictures)
            self.look()
        print("\nThese are SOFTWARE enclaves: programs, evidence and messages are real, protection from\n"
              "this machine's owner is not. README.md says what hardware adds.")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build"))
    build = parser.parse_args().build.resolve()
    pictures = build / "demo"
    pictures.mkdir(exist_ok=True)
    print(f"Alcove demo: {PEOPLE} people's travel, asked about without anybody seeing it.")
    with tempfile.TemporaryDirectory(prefix="alcove-demo-") as work:
        try:
            Demo(build, work).run(pictures)
        except Failed as failure:
            print(f"\ndemo: {failure}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("\ndemo: stopped, and all that it started with it", file=sys.stderr)
            return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
