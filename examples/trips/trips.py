# SPDX-License-Identifier: Apache-2.0
"""Turns one day of raw phone readings into trips.

Reads the JSON array that the e-mission phone app uploads and writes a summary: each trip with
start, end, distance, duration, end points and a guessed mode, and the day's totals. It is an
ordinary pandas program: nothing in it knows about enclaves, and `trips.py DAY.json TRIPS.json` runs
it anywhere.

How a trip is found. Phones save energy while their owner stays put, in two different ways: Android
(filter "time") stops its half-minute fixes once it has not moved for some minutes, iOS (filter
"distance") reports only when it has moved some 50 m. So the pause between two trips is either a
cluster of fixes (Li et al. 2008: all within a radius for a dwell time) or silence (a long gap that
was crossed at less than a crawl). Where Android's own state machine said "stopped" and later "left
the geofence", that is a pause too. Whatever lies between two pauses is a trip.
"""

import json
import sys

import numpy as np
import pandas as pd

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
WALK_MAX_MPS = 2.6  # mean speed of a trip; above it nobody walks
BICYCLE_MAX_MPS = 7.5  # speed of the faster hops; above it nobody cycles
ACTIVITY_CONFIDENCE_MIN = 50


def read_day(path):
    """The entries, and one table each for fixes, activities and transitions, ordered by time."""
    with open(path, encoding="utf-8") as file:
        entries = json.load(file)
    if not isinstance(entries, list) or not all("metadata" in entry for entry in entries):
        raise ValueError("a day is a JSON array of entries with metadata")

    def table(key, columns):
        rows = [entry["data"] for entry in entries if entry["metadata"]["key"] == key]
        frame = pd.DataFrame(rows, columns=columns).dropna()
        return frame.sort_values("ts", kind="stable").reset_index(drop=True)

    fixes = table("background/filtered_location",
                  ["ts", "latitude", "longitude", "accuracy", "filter"])
    activities = table("background/motion_activity", ["ts", "type", "confidence"])
    transitions = table("statemachine/transition", ["ts", "transition"])
    return entries, fixes, activities, transitions


def distance_m(lat1, lon1, lat2, lon2):
    """Great-circle distance (haversine), on numbers or on columns."""
    lat1, lon1, lat2, lon2 = map(np.radians, (lat1, lon1, lat2, lon2))
    a = (np.sin((lat2 - lat1) / 2) ** 2
         + np.cos(lat1) * np.cos(lat2) * np.sin((lon2 - lon1) / 2) ** 2)
    return 2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(a))


def clean(fixes):
    """Drops fixes that are inaccurate, repeated, or cannot be."""
    fixes = fixes[fixes["accuracy"] <= ACCURACY_MAX_M]
    fixes = fixes.drop_duplicates(subset="ts").reset_index(drop=True)
    repeated = (fixes[["latitude", "longitude"]].diff() == 0).all(axis="columns")
    fixes = fixes[~repeated].reset_index(drop=True)
    while len(fixes) > 2:
        wrong = impossible(fixes)
        if not wrong.any():
            break
        fixes = fixes.drop(index=wrong.idxmax()).reset_index(drop=True)
    return fixes


def impossible(fixes):
    """Fixes that were reached too fast, or from where the phone came straight back."""
    hops = hops_between(fixes).reindex(fixes.index)  # the last fix has no hop: NaN, never true
    too_fast = (hops["metres"] / hops["seconds"] > SPEED_MAX_MPS).shift(1, fill_value=False)
    out, back = hops["metres"].shift(1), hops["metres"]
    before, after = (fixes[["latitude", "longitude"]].shift(by) for by in (1, -1))
    past = distance_m(before["latitude"], before["longitude"],
                      after["latitude"], after["longitude"])
    way = np.minimum(out, back)
    return too_fast | ((way > SPIKE_MIN_M) & (past < SPIKE_RATIO * way))


def hops_between(fixes):
    """One row per pair of consecutive fixes: metres and seconds between them."""
    here, there = (part.reset_index(drop=True) for part in (fixes.iloc[:-1], fixes.iloc[1:]))
    return pd.DataFrame({
        "metres": distance_m(here["latitude"], here["longitude"],
                             there["latitude"], there["longitude"]),
        "seconds": there["ts"] - here["ts"],
    })


def clusters(fixes, dwell):
    """(first, last) of each run of fixes that stays within the radius of its first for `dwell`."""
    ts = fixes["ts"].to_numpy()
    lat, lon = fixes["latitude"].to_numpy(), fixes["longitude"].to_numpy()
    first = 0
    while first < len(fixes):
        away = distance_m(lat[first], lon[first], lat[first:], lon[first:]) > STAY_RADIUS_M
        last = first + int(away.argmax()) - 1 if away.any() else len(fixes) - 1
        if ts[last] - ts[first] >= dwell:
            yield first, last
            first = last
        first += 1


def pauses(fixes, transitions):
    """For every hop between fixes: was the phone's owner staying rather than travelling?"""
    hops = hops_between(fixes)
    dwell = STAY_SECONDS.get(fixes["filter"].iloc[0], max(STAY_SECONDS.values()))
    crawl = STAY_RADIUS_M / dwell
    still = (hops["seconds"] >= dwell) & (hops["metres"] / hops["seconds"] < crawl)
    for first, last in clusters(fixes, dwell):
        still.iloc[first:last] = True
    if fixes["filter"].iloc[0] == "time":  # iOS wakes on pushes: its transitions come too late
        begin, end = fixes["ts"].to_numpy()[:-1], fixes["ts"].to_numpy()[1:]
        stops = transitions.loc[transitions["transition"] == STOPPED_MOVING, "ts"]
        exits = transitions.loc[transitions["transition"] == EXITED_GEOFENCE, "ts"]
        for stop in stops:
            still |= (begin < exits[exits > stop].min()) & (end > stop)
    return still


def guess_mode(path, activities):
    """What the phone sensed for most of the trip, unless the speed says that it cannot be."""
    hops = hops_between(path)
    mean = hops["metres"].sum() / hops["seconds"].sum()
    fast = (hops["metres"] / hops["seconds"]).quantile(0.75)
    during = activities[activities["ts"].between(path["ts"].iloc[0], path["ts"].iloc[-1])
                        & (activities["confidence"] >= ACTIVITY_CONFIDENCE_MIN)]
    votes = during["type"].map(ACTIVITY_MODE).dropna().value_counts()
    sensed = votes.idxmax() if len(votes) else None
    if fast > BICYCLE_MAX_MPS:
        return "vehicle"
    if mean > WALK_MAX_MPS:
        return sensed if sensed in ("vehicle", "bicycle") else "bicycle"
    return sensed or "walk"


def find_trips(fixes, activities, transitions):
    """(path, metres, mode) of each run of hops between pauses."""
    if len(fixes) < 2:
        return []
    still = pauses(fixes, transitions)
    trips = []
    for _, run in still.groupby((still != still.shift()).cumsum()):
        if run.iloc[0]:
            continue
        path = fixes.iloc[run.index[0]:run.index[-1] + 2]
        if run.index[0] > 0:
            path = leave_from(fixes.iloc[run.index[0] - 1], path)
        metres = hops_between(path)["metres"].sum()
        if metres >= TRIP_MIN_M:
            trips.append((path, metres, guess_mode(path, activities)))
    return trips


def leave_from(place, path):
    """Puts the place before the first fix: a phone notices late that it is on its way.

    The departure is set as early as the trip's own pace asks for, never before the last fix there.
    """
    hops = hops_between(path)
    pace = hops["metres"].sum() / hops["seconds"].sum()
    gap = distance_m(place["latitude"], place["longitude"],
                     path["latitude"].iloc[0], path["longitude"].iloc[0])
    if pace <= 0:
        return path
    departure = place.to_frame().T.astype(path.dtypes)
    departure["ts"] = max(place["ts"], path["ts"].iloc[0] - gap / pace)
    return pd.concat([departure, path])


def describe(path, metres, mode, zone):
    """One trip as it stands in the summary; positions to some 10 m, times to the second."""
    start, end = (pd.Timestamp(round(ts), unit="s", tz="UTC").tz_convert(zone)
                  for ts in path["ts"].iloc[[0, -1]])
    return {
        "start": start.isoformat(),
        "end": end.isoformat(),
        "duration_s": round((end - start).total_seconds()),
        "distance_m": round(metres),
        "mode": mode,
        "from": [round(float(path[axis].iloc[0]), 4) for axis in ("latitude", "longitude")],
        "to": [round(float(path[axis].iloc[-1]), 4) for axis in ("latitude", "longitude")],
    }


def summarise(entries, trips):
    first = entries[0]["metadata"] if entries else {"platform": "unknown", "time_zone": "UTC"}
    rows = [describe(*trip, first["time_zone"]) for trip in trips]
    by_mode = {}
    for row in rows:
        by_mode[row["mode"]] = by_mode.get(row["mode"], 0) + row["distance_m"]
    return {
        "format": "trips-1",
        "platform": first["platform"],
        "time_zone": first["time_zone"],
        "entries": len(entries),
        "trips": rows,
        "total": {
            "trips": len(rows),
            "distance_m": sum(row["distance_m"] for row in rows),
            "duration_s": sum(row["duration_s"] for row in rows),
            "distance_m_by_mode": by_mode,
        },
    }


def main(argv):
    source, target = argv[1:3] if len(argv) == 3 else ("/in/day.json", "/out/trips.json")
    entries, fixes, activities, transitions = read_day(source)
    summary = summarise(entries, find_trips(clean(fixes), activities, transitions))
    with open(target, "w", encoding="utf-8") as file:
        json.dump(summary, file, indent=1, sort_keys=True)
        file.write("\n")


if __name__ == "__main__":
    main(sys.argv)
