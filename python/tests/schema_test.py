#!/usr/bin/python3.11
# SPDX-License-Identifier: Apache-2.0
"""Schemas: what is refused where it is written, and which answers fit."""

import decimal
import random

from tap import done, ok, raises, same

import alcove  # noqa: I100: tap.py says where it is
from alcove import SchemaError, entry


class Numpy:
    """Looks as numpy's whole numbers do."""

    def __init__(self, value):
        self.value = value

    def __index__(self):
        return self.value


def refused(words, title, function, *arguments, **named):
    raises(SchemaError, words, title, function, *arguments, **named)


def bad_schemas():
    refused("whole number", "a bound that is a float is refused", entry, "x", "km", high=1.5)
    refused("whole number", "… or True", entry, "x", "km", high=True)
    refused("not below", "… or bounds without room", entry, "x", "km", high=0)
    refused("outside", "… or a default outside", entry, "x", "km", high=5, default=6)
    refused("1099511627776", "… or beyond 2^40", entry, "x", "km", high=(1 << 40) + 1)
    refused("48 bytes", "a name of 49 bytes is refused", entry, "x" * 49, "km", high=1)
    refused("16 bytes", "… and a unit of 17", entry, "x", "u" * 17, high=1)
    refused("16 bytes", "… counted as UTF-8", entry, "x", "ü" * 9, high=1)
    refused("would not see", "… and what turns writing round", entry, "x\u202ey", "km", high=1)
    refused("would not see", "… and a line feed", entry, "x\ny", "km", high=1)
    refused("a text", "… and no text", entry, "", "km", high=1)
    refused("two entries", "two entries of one name are refused", alcove.share, ["a", "b", "a"])
    refused("1 to 4096", "no entries are refused", alcove.share, [])
    refused("1 to 4096", "4097 entries are refused", alcove.share, map(str, range(4097)))
    refused("what a person may add up to", "a histogram wants a total", alcove.histogram, ["a"], 0, high=1)
    refused("add up to", "a share wants a whole", alcove.Schema, "share", [entry("x", "%", 5)])
    refused("how many cells", "an OD matrix wants a number of cells", alcove.od, ["a", "b"], 3, 0)
    refused("5 of 4", "… that it has", alcove.od, ["a", "b"], 3, 5)
    refused("no whole", "a sum has no whole", alcove.Schema, "sum", [entry("x", "km", 5)], whole=3)
    refused("no threshold", "… and no threshold", alcove.Schema, "sum", [entry("x", "km", 5)],
            threshold=3)
    refused("starts at 0", "a histogram starts at 0", alcove.Schema, "histogram",
            [entry("x", "km", 5, low=-1)], total=3)
    refused("0 or 1", "a count is 0 or 1", alcove.Schema, "count", [entry("x", "km", 5)])
    refused("one cell", "a quantile has one cell", alcove.Schema, "quantile", [entry("x", "km", 1)])
    refused("no aggregate", "an aggregate that is none is refused", alcove.Schema, "median", [])
    refused("rising", "a grid must rise", alcove.quantile, [0, 5, 5], "km")
    refused("no alcove.entry", "entries are made by entry()", alcove.mean, "distance")


def answers():
    share = alcove.share(["walk", "bike", "car"])
    same(share.vector({"car": 3}), [0, 0, 3], "what a dict leaves out of a share is 0")
    same(share.vector([1, 2, 3]), [1, 2, 3], "a list is taken as it is")
    same(share.vector((1, 2, Numpy(3))), [1, 2, 3], "whole numbers of other kinds are whole numbers")
    same(share.vector([-5, 1 << 62, 0]), [-5, 1 << 62, 0], "nothing is clipped here")
    same(alcove.count().vector(1), [1], "one entry may be a number alone")
    refused("'wlak'", "a misspelt name is refused", share.vector, {"wlak": 1})
    refused("returned 2 numbers", "too short a list is refused", share.vector, [1, 2])
    refused("round() it", "a float is refused, even a whole one", share.vector, [1, 2, 3.0])
    refused("nan", "NaN is refused", share.vector, [1, 2, float("nan")])
    refused("inf", "infinity is refused", share.vector, {"walk": float("inf")})
    refused("True", "True is refused", share.vector, [1, 2, True])
    refused("Decimal", "other numbers are refused", share.vector, [1, 2, decimal.Decimal(1)])
    refused("'3'", "texts are refused", share.vector, [1, 2, "3"])
    refused("64 bits", "2^63 is refused", share.vector, [1, 2, 1 << 63])
    same(share.vector([1, 2, -(1 << 63)])[2], -(1 << 63), "-2^63 fits")
    refused("a return missing", "None is refused", share.vector, None)
    refused("a set", "a set is refused", share.vector, {1, 2, 3})
    refused("a int", "a number for three entries is refused", share.vector, 3)
    mean = alcove.mean(entry("a", "km", 5), entry("b", "km", 5, low=-5, default=2))
    refused("'b'", "a mean wants every entry", mean.vector, {"a": 1})
    same(mean.vector({"b": 2, "a": 1}), [1, 2], "… in any order")


def builders():
    same(alcove.share(["a"], 100).described(),
         {"aggregate": "share", "entries": [["a", "%", 0, 100, 0]],
          "bounds": {"total": 100, "whole": 100, "square": 0, "entries": 0, "threshold": 0}},
         "a share is described as the query document has it")
    od = alcove.od(["A", "B"], 5, 3, threshold=75)
    same([one.name for one in od.entries], ["A > A", "A > B", "B > A", "B > B"], "OD cells have names")
    same((od.most_entries, od.threshold), (3, 75), "… and bounds")
    same(entry("x", "km", high=9, low=4).default, 4, "a default is as near to 0 as it can be")
    same(entry("x", "km", high=-4, low=-9).default, -4, "… from both sides")
    grid = alcove.quantile([0, 5, 10, 30], "min")
    same([grid.cell(value) for value in (-3, 0, 4.9, 5, 29, 30, 99)],
         [{"0 to 5": 1}] * 3 + [{"5 to 10": 1}] + [{"10 to 30": 1}] * 3, "values find their cells")
    refused("NaN", "NaN has no cell", grid.cell, float("nan"))
    yaml = alcove.mean(entry('a "b" \\', "km", 5)).yaml("far")
    same(yaml.splitlines()[-1], '  - {name: "a \\"b\\" \\\\", unit: "km", low: 0, high: 5, default: 0}',
         "names are quoted in YAML")


def shares():
    same(alcove.parts({"a": 1, "b": 1, "c": 1}), {"a": 34, "b": 33, "c": 33},
         "of equal remainders the first is rounded up")
    same(alcove.parts({"a": 0, "b": 0.0}), {"a": 0, "b": 0}, "nothing has no parts")
    refused("negative", "a negative amount has no parts", alcove.parts, {"a": -1, "b": 2})
    chance = random.Random(1)
    wrong = []
    for _ in range(500):
        amounts = {str(i): chance.choice([0, chance.random(), chance.randrange(10 ** 6)])
                   for i in range(chance.randrange(1, 9))}
        total, got = sum(amounts.values()), alcove.parts(amounts, 100)
        near = all(abs(got[name] - 100 * amount / (total or 1)) < 1 for name, amount in amounts.items())
        if sum(got.values()) != (100 if total else 0) or not near:
            wrong.append(amounts)
    ok(not wrong, "parts add up to the whole and are less than 1 off: 500 times", wrong[:2])


if __name__ == "__main__":
    bad_schemas()
    answers()
    builders()
    shares()
    done()
