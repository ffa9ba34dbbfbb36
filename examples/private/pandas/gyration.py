# SPDX-License-Identifier: Apache-2.0
"""How far around people move: the radius of gyration, with numpy and pandas.

They work in a worker as they do anywhere. Importing them takes most of a call's time, so a script
that can do without is answered sooner: ../travel.py.
"""

import numpy as np
import pandas as pd

import alcove

METRES_PER_DEGREE = 111_195
ACCURACY_MAX_M = 200
GRID_KM = [0, 1, 2, 5, 10, 20, 50]


@alcove.process
def positions(entries):
    """Where the phone was, every five minutes: [[latitude, longitude], …]. It stays where it was
    last seen for as long as nothing is heard of it."""
    rows = [entry["data"] for entry in entries
            if entry["metadata"]["key"] == "background/filtered_location"]
    fixes = pd.DataFrame(rows, columns=["ts", "latitude", "longitude", "accuracy"]).dropna()
    fixes = fixes[fixes["accuracy"] <= ACCURACY_MAX_M]
    if fixes.empty:
        return []
    fixes.index = pd.to_datetime(fixes.pop("ts"), unit="s")
    regular = fixes.sort_index().resample("5min").first().ffill()
    return regular[["latitude", "longitude"]].round(4).to_numpy()


GYRATION = alcove.quantile(GRID_KM, "km")


@alcove.query("gyration", GYRATION)
def gyration(days):
    """How far from their own centre are people, in the quadratic mean?"""
    places = np.array([place for day in days for place in day.data])
    if len(places) == 0:
        return {}
    centre = places.mean(axis=0)
    metres = (places - centre) * METRES_PER_DEGREE
    metres[:, 1] *= np.cos(np.radians(centre[0]))
    return GYRATION.cell(np.sqrt((metres ** 2).sum(axis=1).mean()) / 1000)
