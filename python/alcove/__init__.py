# SPDX-License-Identifier: Apache-2.0
"""What scripts for workers are written against: docs/scripts.md is the guide.

    import alcove

    @alcove.process
    def trips(entries):                  # one day as the phone uploaded it
        return [...]                     # kept for later queries: anything that JSON can say

    @alcove.query("mode_share", alcove.share(["walk", "bicycle", "vehicle"]))
    def mode_share(days):                # the days that are asked about, rising
        for day in days:
            day.date, day.data           # a datetime.date, and what process() returned
        return {"walk": 70, "bicycle": 30}
"""

from .schema import (Schema, SchemaError, count, entry, histogram, mean, od, parts, quantile, share)
from .schema import sum_ as sum  # what the query document calls it
from .script import Day, process, query

__all__ = ["Day", "Schema", "SchemaError", "count", "entry", "histogram", "mean", "od", "parts",
           "process", "quantile", "query", "share", "sum"]
