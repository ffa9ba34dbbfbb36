#!/usr/bin/python3.11
# SPDX-License-Identifier: Apache-2.0
"""Compares the trips example with e-mission's own pipeline on real days, in a plain process.

The days are published test data that stays outside the repository: where they are not there, this
is skipped. The demo's made-up day is checked always: it must be what make_day.py makes.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
EXAMPLE = TOP / "examples/trips"
DAYS = pathlib.Path(os.environ.get("ALCOVE_SHARED", TOP.parent / "shared")) / "trips"
TRIPS_OFF, DISTANCE_OFF = 2, 0.15
MODES_RIGHT = 0.8  # of the distance, over all days
SENSED = {"IN_VEHICLE": "vehicle", "BICYCLING": "bicycle", "ON_FOOT": "walk", "WALKING": "walk",
          "RUNNING": "walk"}

checks = 0
failures = 0


def check(good, title):
    global checks, failures
    checks += 1
    failures += not good
    print(f"{'ok' if good else 'not ok'} {checks} - {title}")


def analyse(day):
    with tempfile.TemporaryDirectory() as folder:
        result = pathlib.Path(folder) / "trips.json"
        subprocess.run(["/usr/bin/python3.11", "-I", "-B", EXAMPLE / "trips.py", day, result],
                       check=True)
        return json.loads(result.read_text())


def metres_by_mode(expected):
    """What e-mission's sections say, without those whose mode it does not know."""
    metres = {}
    for trip in expected:
        for part in trip["features"]:
            if part["type"] == "FeatureCollection":
                section = part["features"][0]["properties"]
                mode = SENSED.get(section["sensed_mode"].split(".")[-1])
                if mode:
                    metres[mode] = metres.get(mode, 0) + section["distance"]
    return metres


def real_days():
    agreed = known = 0.0
    print("# day      trips  theirs      km  theirs")
    for day in sorted(DAYS.glob("day-??.json")):
        expected = json.loads(day.with_suffix(".expected.json").read_text())["data"]
        total = analyse(day)["total"]
        km = total["distance_m"] / 1000
        km_expected = sum(trip["properties"]["distance"] for trip in expected) / 1000
        print(f"# {day.stem}   {total['trips']:5}  {len(expected):6}  {km:6.1f}  {km_expected:6.1f}")
        check(abs(total["trips"] - len(expected)) <= TRIPS_OFF,
              f"{day.stem}: as many trips as e-mission finds, give or take {TRIPS_OFF}")
        check(abs(km - km_expected) <= DISTANCE_OFF * km_expected,
              f"{day.stem}: as far as e-mission says, to within {DISTANCE_OFF:.0%}")
        theirs = metres_by_mode(expected)
        known += sum(theirs.values())
        agreed += sum(min(metres, total["distance_m_by_mode"].get(mode, 0))
                      for mode, metres in theirs.items())
    check(agreed >= MODES_RIGHT * known,
          f"the mode is e-mission's on {agreed / known:.0%} of the way, at least {MODES_RIGHT:.0%}")


def made_up_day():
    made = subprocess.run(["/usr/bin/python3.11", EXAMPLE / "make_day.py"], check=True,
                          stdout=subprocess.PIPE).stdout
    check(made == (EXAMPLE / "day.json").read_bytes(), "the demo's day is what make_day.py makes")
    modes = [trip["mode"] for trip in analyse(EXAMPLE / "day.json")["trips"]]
    check(modes == ["walk", "bicycle", "vehicle", "walk", "walk", "vehicle", "bicycle"],
          "the demo's day is found again: seven trips with the modes they were made with")


def main():
    made_up_day()
    if DAYS.is_dir():
        real_days()
    else:
        global checks
        checks += 1
        print(f"ok {checks} - real days agree with e-mission # SKIP no folder {DAYS}")
    print(f"1..{checks}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
