#!/usr/bin/python3.11
# SPDX-License-Identifier: Apache-2.0
"""Makes day.json: an invented person's day in an invented city, in the format the phone app uploads.

Nobody lived this day. The city lies in the open Atlantic so that it cannot be mistaken for a place,
and every number comes from a seeded generator: the same file, wherever this runs.
    make_day.py > day.json
"""

import datetime
import json
import math
import random
import sys
import uuid
import zoneinfo

SEED = 20240611
ZONE = "Atlantic/Azores"
MIDNIGHT = datetime.datetime(2024, 6, 11, tzinfo=zoneinfo.ZoneInfo(ZONE)).timestamp()
METRES_PER_DEGREE = 111_195
FIX_EVERY_S = 30
STILL_FOR_S = 330  # the phone keeps measuring for so long after an arrival

PLACES = {  # metres east and north of the city's invented centre
    "home": (0, 0), "school": (700, 450), "station": (1500, -300), "office": (9200, 2500),
    "canteen": (9650, 2750), "market": (2300, 900),
}
CENTRE = (34.0, -38.0)  # latitude, longitude: some 800 km from any land

# leaves at, from, to, activity (0 in vehicle, 1 bicycle, 2 on foot), metres per second
DAY = [
    ("07:52", "home", "school", 2, 1.35),
    ("08:25", "school", "station", 1, 4.6),
    ("08:48", "station", "office", 0, 13.5),
    ("12:10", "office", "canteen", 2, 1.4),
    ("12:50", "canteen", "office", 2, 1.3),
    ("17:15", "office", "market", 0, 12.0),
    ("18:05", "market", "home", 1, 4.2),
]
STILL = 3
EXITED_GEOFENCE, STOPPED_MOVING = 1, 2
WAITING_FOR_TRIP_START, ONGOING_TRIP = 1, 2


class Phone:
    """Writes entries as the app does."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.entries = []
        self.user = uuid.UUID(int=self.random.getrandbits(128), version=4).hex

    def write(self, key, kind, ts, data):
        local = datetime.datetime.fromtimestamp(ts, zoneinfo.ZoneInfo(ZONE))
        self.entries.append({
            "_id": {"$oid": f"{self.random.getrandbits(96):024x}"},
            "user_id": {"$uuid": self.user},
            "metadata": {"key": key, "platform": "android", "type": kind, "time_zone": ZONE,
                         "read_ts": 0, "write_ts": round(ts + 2, 3)},
            "data": {"ts": round(ts, 3), "fmt_time": local.isoformat(timespec="milliseconds"),
                     **data},
        })

    def fix(self, ts, east, north, speed):
        accuracy = self.random.choice([5, 5, 10, 15, 20, 30])
        noise = [self.random.gauss(0, accuracy / 4) for _ in range(2)]
        latitude = CENTRE[0] + (north + noise[0]) / METRES_PER_DEGREE
        longitude = CENTRE[1] + (east + noise[1]) / (
            METRES_PER_DEGREE * math.cos(math.radians(CENTRE[0])))
        data = {"latitude": round(latitude, 7), "longitude": round(longitude, 7),
                "accuracy": accuracy, "altitude": 0, "heading": 0, "filter": "time",
                "sensed_speed": round(max(0.0, self.random.gauss(speed, 0.2)), 2)}
        self.write("background/location", "sensor-data", ts, data)
        if self.random.random() < 0.9:
            self.write("background/filtered_location", "sensor-data", ts, data)

    def activity(self, ts, kind):
        self.write("background/motion_activity", "sensor-data", ts,
                   {"type": kind, "confidence": self.random.choice([62, 77, 92, 100])})

    def transition(self, ts, state, transition):
        self.write("statemachine/transition", "message", ts,
                   {"curr_state": state, "transition": transition})


def route(start, end, random_source):
    """A street-like way: three corners off the straight line."""
    (x0, y0), (x1, y1) = start, end
    length = math.hypot(x1 - x0, y1 - y0)
    across = ((y0 - y1) / length, (x1 - x0) / length)
    points = [start]
    for share in (0.25, 0.5, 0.75):
        off = random_source.uniform(-0.06, 0.06) * length
        points.append((x0 + share * (x1 - x0) + off * across[0],
                       y0 + share * (y1 - y0) + off * across[1]))
    return points + [end]


def along(points, metres):
    """The position after so many metres, or None past the end."""
    for (x0, y0), (x1, y1) in zip(points, points[1:]):
        length = math.dist((x0, y0), (x1, y1))
        if metres <= length:
            share = metres / length
            return x0 + share * (x1 - x0), y0 + share * (y1 - y0)
        metres -= length
    return None


def travel(phone, leaves, start, end, activity, speed):
    hours, minutes = leaves.split(":")
    ts = MIDNIGHT + int(hours) * 3600 + int(minutes) * 60
    points = route(PLACES[start], PLACES[end], phone.random)
    phone.fix(ts - 20, *PLACES[start], 0)
    phone.transition(ts + 100 / speed, WAITING_FOR_TRIP_START, EXITED_GEOFENCE)
    gone = 0.0
    while (here := along(points, gone)) is not None:
        phone.fix(ts, *here, speed)
        if phone.random.random() < 0.7:
            phone.activity(ts + 3, activity)
        step = FIX_EVERY_S + phone.random.uniform(-3, 3)
        gone += step * speed * phone.random.uniform(0.9, 1.1)
        ts += step
    arrival = ts
    while ts < arrival + STILL_FOR_S:
        phone.fix(ts, *PLACES[end], 0)
        ts += FIX_EVERY_S * 2
    phone.activity(ts, STILL)
    phone.transition(ts, ONGOING_TRIP, STOPPED_MOVING)


def main():
    phone = Phone(SEED)
    for part in DAY:
        travel(phone, *part)
    lines = ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in phone.entries)
    sys.stdout.write(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
