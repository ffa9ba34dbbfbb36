#!/usr/bin/python3.11
# SPDX-License-Identifier: Apache-2.0
"""Makes days of made-up people, as the phone app would upload them, for demos and tests.

Nobody lived these days. The city lies in the open Atlantic so that it cannot be mistaken for a
place, and all that is random comes from --seed: the same files, wherever this runs. Each person is
the same whatever --people says.

    make_people.py FOLDER [--people 10] [--days 3] [--first 2026-09-28] [--seed 1]

writes FOLDER/person-001/2026-09-28.json and so on: some 30 to 60 KB a day.
"""

import argparse
import datetime
import json
import math
import pathlib
import random

CENTRE = (34.0, -38.0)  # latitude, longitude: some 800 km from any land
UTC_OFFSET = datetime.timezone(datetime.timedelta(hours=-1))
ZONE = "Atlantic/Azores"
METRES_PER_DEGREE = 111_195
STAY_S = 360  # the phone keeps measuring for so long after an arrival
IN_VEHICLE, ON_BICYCLE, ON_FOOT, STILL = 0, 1, 2, 3
EXITED_GEOFENCE, STOPPED_MOVING = 1, 2
WAITING_FOR_TRIP_START, ONGOING_TRIP = 1, 2

# Mode: activity, metres per second, seconds between fixes, up to which distance it is chosen.
MODES = {"walk": (ON_FOOT, 1.35, 60, 1_500), "bicycle": (ON_BICYCLE, 4.4, 45, 6_000),
         "vehicle": (IN_VEHICLE, 12.0, 45, 40_000)}
HABITS = [{"walk": 6, "bicycle": 1, "vehicle": 3}, {"walk": 2, "bicycle": 7, "vehicle": 1},
          {"walk": 1, "bicycle": 0, "vehicle": 9}, {"walk": 3, "bicycle": 3, "vehicle": 4}]


class Phone:
    """Writes entries as the app does."""

    def __init__(self, chance, user):
        self.chance, self.user, self.entries = chance, user, []

    def write(self, key, kind, ts, data):
        local = datetime.datetime.fromtimestamp(ts, UTC_OFFSET)
        self.entries.append({
            "_id": {"$oid": f"{self.chance.getrandbits(96):024x}"},
            "user_id": {"$uuid": self.user},
            "metadata": {"key": key, "platform": "android", "type": kind, "time_zone": ZONE,
                         "read_ts": 0, "write_ts": round(ts + 2, 3)},
            "data": {"ts": round(ts, 3), "fmt_time": local.isoformat(timespec="milliseconds"),
                     **data},
        })

    def fix(self, ts, place, speed):
        accuracy = self.chance.choice([5, 5, 10, 15, 20])
        east, north = (metres + self.chance.gauss(0, accuracy / 4) for metres in place)
        longitude = CENTRE[1] + east / (METRES_PER_DEGREE * math.cos(math.radians(CENTRE[0])))
        self.write("background/filtered_location", "sensor-data", ts, {
            "latitude": round(CENTRE[0] + north / METRES_PER_DEGREE, 6),
            "longitude": round(longitude, 6), "accuracy": accuracy, "altitude": 0, "heading": 0,
            "filter": "time", "sensed_speed": round(max(0.0, self.chance.gauss(speed, 0.2)), 2)})

    def activity(self, ts, kind):
        self.write("background/motion_activity", "sensor-data", ts,
                   {"type": kind, "confidence": self.chance.choice([62, 77, 92, 100])})

    def transition(self, ts, state, transition):
        self.write("statemachine/transition", "message", ts,
                   {"curr_state": state, "transition": transition})


class Person:
    """Where somebody lives, works and goes, and how they like to travel."""

    def __init__(self, seed, number):
        self.name = f"{seed}/{number}"
        chance = random.Random(self.name)
        self.user = f"{chance.getrandbits(128):032x}"
        self.habit = chance.choice(HABITS)
        self.home = (chance.uniform(-4_000, 2_500), chance.uniform(-900, 4_000))
        self.work = self.off(chance, self.home, chance.choice([900, 3_000, 5_000, 9_000]))
        self.haunts = [self.off(chance, self.home, 700), self.off(chance, self.work, 500),
                       (chance.uniform(-1_000, 1_000), chance.uniform(-900, 900)),
                       (chance.uniform(1_500, 3_500), chance.uniform(-900, 900))]

    @staticmethod
    def off(chance, place, metres):
        """Another place, mostly eastwards: the hills are in the west."""
        angle, far = chance.gauss(0, 0.9), metres * chance.uniform(0.7, 1.3)
        return place[0] + far * math.cos(angle), place[1] + far * math.sin(angle)

    def plan(self, chance, weekday):
        """[(hour of departure, place)], each day another one; every one ends at home."""
        if weekday < 5 and chance.random() < 0.85:
            plan = [(chance.uniform(6.8, 9), self.work)]
            if chance.random() < 0.3:
                plan += [(12.2, chance.choice(self.haunts)), (13.1, self.work)]
            if chance.random() < 0.4:
                plan.append((chance.uniform(16, 17.5), chance.choice(self.haunts)))
            return [*plan, (chance.uniform(18.6, 19.6), self.home)]
        if chance.random() < 0.15:
            return []  # stays at home
        return [(chance.uniform(10, 13), chance.choice(self.haunts)),
                (chance.uniform(15, 18), self.home)]

    def choose(self, chance, metres):
        fitting = [mode for mode, (_, _, _, reach) in MODES.items() if metres <= reach]
        weights = [self.habit[mode] + 0.2 for mode in fitting]
        return chance.choices(fitting, weights)[0]

    def day(self, date):
        """The entries of one day."""
        chance = random.Random(f"{self.name}/{date}")
        phone = Phone(chance, self.user)
        midnight = datetime.datetime.combine(date, datetime.time(), UTC_OFFSET).timestamp()
        here, free_at = self.home, 0.0
        phone.fix(midnight + 6 * 3600, here, 0)
        for hour, there in self.plan(chance, date.weekday()):
            if math.dist(here, there) < 200:
                continue
            ts = max(midnight + hour * 3600, free_at)
            free_at = travel(phone, chance, ts, here, there,
                             self.choose(chance, math.dist(here, there))) + 900
            here = there
        return phone.entries


def way(chance, start, end):
    """Street-like: three corners off the straight line."""
    (x0, y0), (x1, y1) = start, end
    points = [start]
    for share in (0.25, 0.5, 0.75):
        off = chance.uniform(-0.06, 0.06)
        points.append((x0 + share * (x1 - x0) + off * (y0 - y1),
                       y0 + share * (y1 - y0) + off * (x1 - x0)))
    return [*points, end]


def along(points, metres):
    """The place after so many metres, or None past the end."""
    for a, b in zip(points, points[1:]):
        length = math.dist(a, b)
        if metres <= length:
            return tuple(p + metres / length * (q - p) for p, q in zip(a, b))
        metres -= length
    return None


def travel(phone, chance, ts, start, end, mode):
    """Writes one trip and the stay after it; returns when the phone falls asleep."""
    activity, speed, every_s, _ = MODES[mode]
    points = way(chance, start, end)
    phone.fix(ts - 20, start, 0)
    phone.transition(ts + 100 / speed, WAITING_FOR_TRIP_START, EXITED_GEOFENCE)
    gone = 0.0
    while (place := along(points, gone)) is not None:
        phone.fix(ts, place, speed)
        if chance.random() < 0.4:
            phone.activity(ts + 3, activity)
        step = every_s + chance.uniform(-3, 3)
        gone += step * speed * chance.uniform(0.9, 1.1)
        ts += step
    arrival = ts
    while ts <= arrival + STAY_S:
        phone.fix(ts, end, 0)
        ts += STAY_S / 3
    phone.activity(ts, STILL)
    phone.transition(ts, ONGOING_TRIP, STOPPED_MOVING)
    return ts


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--people", type=int, default=10)
    parser.add_argument("--days", type=int, default=3)
    parser.add_argument("--first", type=datetime.date.fromisoformat,
                        default=datetime.date(2026, 9, 28))
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    for number in range(1, options.people + 1):
        person = Person(options.seed, number)
        folder = options.folder / f"person-{number:03}"
        folder.mkdir(parents=True, exist_ok=True)
        for i in range(options.days):
            date = options.first + datetime.timedelta(days=i)
            lines = ",\n".join(json.dumps(entry, separators=(",", ":"))
                               for entry in person.day(date))
            (folder / f"{date}.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
