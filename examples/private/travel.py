# SPDX-License-Identifier: Apache-2.0
"""How people travel: what a worker makes of a person's days, and what may be asked about them.

`process` turns a raw day, as the e-mission phone app uploads it, into trips; each @alcove.query
function turns a person's days into a few whole numbers. How a trip is found is what
examples/trips/trips.py explains, without pandas: importing that takes longer than all else here.

    alcove try travel.py DAY.json…
"""

import math

import alcove

EARTH_RADIUS_M = 6_371_008.8
ACCURACY_MAX_M = 200  # worse fixes come from cell towers and jump by kilometres
SPEED_MAX_MPS = 60  # a hop faster than this is a wrong fix, not a train
SPIKE_MIN_M, SPIKE_RATIO = 100, 0.25  # out and back again, to within a quarter of the way

STAY_RADIUS_M = 100
STAY_SECONDS = {"time": 300, "distance": 600}  # by filter: how long is "stayed"
TRIP_MIN_M = 100  # less is GPS noise around a place

STOPPED_MOVING, EXITED_GEOFENCE = 2, 1  # statemachine/transition: transition

# background/motion_activity: type; the others (still, tilting, unknown) say nothing of a mode.
ACTIVITY_MODE = {0: "vehicle", 1: "bicycle", 2: "walk", 7: "walk", 8: "walk"}
MODES = ["walk", "bicycle", "vehicle"]
WALK_MAX_MPS = 2.6  # mean speed of a trip; above it nobody walks
BICYCLE_MAX_MPS = 7.5  # speed of the faster hops; above it nobody cycles
ACTIVITY_CONFIDENCE_MIN = 50


# ---- from a raw day to trips ---------------------------------------------------------------------

@alcove.process
def trips(entries):
    """[{"start", "end" (UNIX seconds), "hour" (local), "metres", "mode", "from", "to"}, …]"""
    fixes = clean(readings(entries, "background/filtered_location",
                           "ts", "latitude", "longitude", "accuracy", "filter", "fmt_time"))
    activities = readings(entries, "background/motion_activity", "ts", "type", "confidence")
    transitions = readings(entries, "statemachine/transition", "ts", "transition")
    if len(fixes) < 2:
        return []
    still = pauses(fixes, transitions)
    result = []
    first = 0
    while first < len(still):
        last = first
        while last + 1 < len(still) and still[last + 1] == still[first]:
            last += 1
        if not still[first]:
            path = fixes[first:last + 2]
            if first > 0:
                path = leave_from(fixes[first - 1], path)
            if sum(metres for metres, _ in hops_of(path)) >= TRIP_MIN_M:
                result.append(describe(path, activities))
        first = last + 1
    return result


def readings(entries, key, *columns):
    """The data of one kind of entry, ordered by time, as far as they have all columns."""
    found = [entry["data"] for entry in entries if entry["metadata"]["key"] == key]
    whole = [data for data in found if all(data.get(column) is not None for column in columns)]
    return sorted(whole, key=lambda data: data["ts"])


def metres_between(a, b):
    """Great-circle distance (haversine)."""
    lat1, lon1, lat2, lon2 = (math.radians(fix[axis]) for fix in (a, b)
                              for axis in ("latitude", "longitude"))
    h = (math.sin((lat2 - lat1) / 2) ** 2
         + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2)
    return 2 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(h)))


def hops_of(fixes):
    """(metres, seconds) between each two consecutive fixes."""
    return [(metres_between(a, b), b["ts"] - a["ts"]) for a, b in zip(fixes, fixes[1:])]


def clean(fixes):
    """Without fixes that are inaccurate, repeated, or cannot be."""
    good = []
    for fix in fixes:
        if fix["accuracy"] > ACCURACY_MAX_M or (good and fix["ts"] == good[-1]["ts"]):
            continue
        good.append(fix)
    good = [fix for i, fix in enumerate(good) if i == 0 or any(
        fix[axis] != good[i - 1][axis] for axis in ("latitude", "longitude"))]
    i = 1
    while i < len(good) and len(good) > 2:
        if impossible(good, i):
            del good[i]
            i = max(1, i - 1)  # its neighbours have new neighbours
        else:
            i += 1
    return good


def impossible(fixes, i):
    """Was it reached too fast, or did the phone come straight back from there?"""
    out = metres_between(fixes[i - 1], fixes[i])
    if out > SPEED_MAX_MPS * (fixes[i]["ts"] - fixes[i - 1]["ts"]):
        return True
    if out <= SPIKE_MIN_M or i + 1 == len(fixes):
        return False
    way = min(out, metres_between(fixes[i], fixes[i + 1]))
    return way > SPIKE_MIN_M and metres_between(fixes[i - 1], fixes[i + 1]) < SPIKE_RATIO * way


def clusters(fixes, dwell):
    """(first, last) of each run of fixes that stays within the radius of its first for `dwell`."""
    first = 0
    while first < len(fixes):
        last = first
        while (last + 1 < len(fixes)
               and metres_between(fixes[first], fixes[last + 1]) <= STAY_RADIUS_M):
            last += 1
        if fixes[last]["ts"] - fixes[first]["ts"] >= dwell:
            yield first, last
            first = last
        first += 1


def pauses(fixes, transitions):
    """For every hop between fixes: was the phone's owner staying rather than travelling?"""
    dwell = STAY_SECONDS.get(fixes[0]["filter"], max(STAY_SECONDS.values()))
    crawl = STAY_RADIUS_M / dwell
    still = [seconds >= dwell and metres / seconds < crawl for metres, seconds in hops_of(fixes)]
    for first, last in clusters(fixes, dwell):
        still[first:last] = [True] * (last - first)
    if fixes[0]["filter"] == "time":  # iOS wakes on pushes: its transitions come too late
        stops = [one["ts"] for one in transitions if one["transition"] == STOPPED_MOVING]
        exits = [one["ts"] for one in transitions if one["transition"] == EXITED_GEOFENCE]
        for stop in stops:
            left = min((ts for ts in exits if ts > stop), default=None)
            for i, (a, b) in enumerate(zip(fixes, fixes[1:])):
                still[i] = still[i] or (left is not None and a["ts"] < left and b["ts"] > stop)
    return still


def leave_from(place, path):
    """Puts the place before the first fix: a phone notices late that it is on its way.

    The departure is set as early as the trip's own pace asks for, never before the last fix there.
    """
    hops = hops_of(path)
    pace = sum(metres for metres, _ in hops) / sum(seconds for _, seconds in hops)
    if pace <= 0:
        return path
    departure = path[0]["ts"] - metres_between(place, path[0]) / pace
    return [{**place, "ts": max(place["ts"], departure)}, *path]


def quantile_75(values):
    ordered = sorted(values)
    place = 0.75 * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def guess_mode(path, activities):
    """What the phone sensed for most of the trip, unless the speed says that it cannot be."""
    hops = hops_of(path)
    mean = sum(metres for metres, _ in hops) / sum(seconds for _, seconds in hops)
    sensed = [ACTIVITY_MODE[one["type"]] for one in activities
              if path[0]["ts"] <= one["ts"] <= path[-1]["ts"] and one["type"] in ACTIVITY_MODE
              and one["confidence"] >= ACTIVITY_CONFIDENCE_MIN]
    mode = max(MODES, key=sensed.count) if sensed else None
    if quantile_75([metres / seconds for metres, seconds in hops]) > BICYCLE_MAX_MPS:
        return "vehicle"
    if mean > WALK_MAX_MPS:
        return mode if mode in ("vehicle", "bicycle") else "bicycle"
    return mode or "walk"


def hour_of(ts, fix):
    """The local hour of a moment, by the clock that a fix nearby was written with."""
    hour, minute, second = (int(fix["fmt_time"][at:at + 2]) for at in (11, 14, 17))
    return int(hour * 3600 + minute * 60 + second + ts - fix["ts"]) // 3600 % 24


def describe(path, activities):
    """One trip as it is kept: no more than the questions below need; positions to some 100 m."""
    return {
        "start": round(path[0]["ts"]),
        "end": round(path[-1]["ts"]),
        "hour": hour_of(path[0]["ts"], path[1]),
        "metres": round(sum(metres for metres, _ in hops_of(path))),
        "mode": guess_mode(path, activities),
        "from": [round(path[0][axis], 3) for axis in ("latitude", "longitude")],
        "to": [round(path[-1][axis], 3) for axis in ("latitude", "longitude")],
    }


# ---- from days to answers ------------------------------------------------------------------------

def all_trips(days):
    return [trip for day in days for trip in day.data]


@alcove.query("mode_share", alcove.share(MODES, whole=100))
def mode_share(days):
    """Of the way that a person goes, how much with each mode? Everybody counts alike."""
    metres = dict.fromkeys(MODES, 0)
    for trip in all_trips(days):
        metres[trip["mode"]] += trip["metres"]
    return alcove.parts(metres, 100)


@alcove.query("mode_trips", alcove.histogram(MODES, total=40))
def mode_trips(days):
    """How many trips with each mode?"""
    modes = [trip["mode"] for trip in all_trips(days)]
    return {mode: modes.count(mode) for mode in MODES}


@alcove.query("trips_per_day", alcove.histogram(["0", "1 or 2", "3 or 4", "5 or 6", "7 or more"],
                                                total=7, unit="days"))
def trips_per_day(days):
    """On how many days so many trips?"""
    counts = [0] * 5
    for day in days:
        counts[min((len(day.data) + 1) // 2, 4)] += 1
    return counts


@alcove.query("hours", alcove.histogram([f"{hour:02}" for hour in range(24)], total=40))
def hours(days):
    """In which hour of the day do trips begin?"""
    counts = [0] * 24
    for trip in all_trips(days):
        counts[trip["hour"]] += 1
    return counts


# Noise is counted in whole units, and at most 1000 of them wide: 500 km in a unit that is fine enough.
UNIT, UNIT_M, FAR = "5 km", 5_000, 100


@alcove.query("distance", alcove.mean(alcove.entry("distance", UNIT, high=FAR)))
def distance(days):
    """How far in all?"""
    return round(sum(trip["metres"] for trip in all_trips(days)) / UNIT_M)


@alcove.query("vehicle_distance", alcove.sum(alcove.entry("by vehicle", UNIT, high=FAR)))
def vehicle_distance(days):
    """How far in vehicles? The sum over people: what the roads carry."""
    driven = [trip["metres"] for trip in all_trips(days) if trip["mode"] == "vehicle"]
    return round(sum(driven) / UNIT_M)


@alcove.query("cyclists", alcove.count("cyclists"))
def cyclists(days):
    """How many people cycle at all?"""
    return int(any(trip["mode"] == "bicycle" for trip in all_trips(days)))


LONGEST = alcove.quantile([0, 1, 2, 5, 10, 20, 50, 100], "km")


@alcove.query("longest", LONGEST)
def longest(days):
    """How long is a person's longest trip? Medians and the like are read from the cells."""
    metres = [trip["metres"] for trip in all_trips(days)]
    return LONGEST.cell(max(metres) / 1000) if metres else {}


# Zones of the invented city of make_people.py: name, latitudes and longitudes.
ZONES = {
    "old town": (33.990, 34.010, -38.012, -37.985),
    "station": (33.980, 34.010, -37.985, -37.960),
    "hills": (34.010, 34.060, -38.060, -37.960),
    "east": (33.960, 34.060, -37.960, -37.850),
}


def zone_of(place):
    for name, (south, north, west, east) in ZONES.items():
        if south <= place[0] < north and west <= place[1] < east:
            return name
    return None


@alcove.query("od", alcove.od(ZONES, high=10, most_entries=6, threshold=20))
def od(days):
    """Who goes from where to where? Trips that leave the city are in no cell."""
    cells = {}
    for trip in all_trips(days):
        start, end = zone_of(trip["from"]), zone_of(trip["to"])
        if start and end:
            cell = f"{start} > {end}"
            cells[cell] = cells.get(cell, 0) + 1
    return cells
