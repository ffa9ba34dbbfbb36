# SPDX-License-Identifier: Apache-2.0
"""What a query function's answer looks like: a vector of whole numbers, each with a name, a unit
and bounds, under the rules of query/include/query/aggregates.def. A schema is checked where it is
written, so that a mistake shows at the first import and not when people are asked.

Numbers beyond the bounds are no mistake: the custodian clips them. The noise is as large as the
bounds are wide, so choose bounds that fit nearly everybody, and no wider."""

import collections.abc
import operator
import unicodedata

ENTRIES_MAX = 4096
VALUE_MAX = 1 << 40
NAME_MAX, UNIT_MAX = 48, 16  # bytes
INT64 = range(-(1 << 63), 1 << 63)

# Rules as in aggregates.def: (most entries, from zero, at most one, one cell, sparse, total, whole,
# threshold).
AGGREGATES = {
    "count": (1, {"from zero", "at most one"}),
    "sum": (ENTRIES_MAX, set()),
    "mean": (ENTRIES_MAX, set()),
    "histogram": (ENTRIES_MAX, {"from zero", "total"}),
    "share": (ENTRIES_MAX, {"from zero", "total", "whole"}),
    "quantile": (ENTRIES_MAX, {"from zero", "at most one", "one cell"}),
    "od": (ENTRIES_MAX, {"from zero", "sparse", "threshold"}),
}


class SchemaError(ValueError):
    """A schema that no query document may have; or an answer that does not fit its schema."""


def _require(good, sentence):
    if not good:
        raise SchemaError(sentence)


def _whole_number(value, what, low=0, high=VALUE_MAX):
    _require(type(value) is int, f"{what} must be a whole number, not {value!r}")
    _require(low <= value <= high, f"{what} is {value}; it may be {low} to {high}")
    return value


def _text(value, what, size):
    _require(type(value) is str and value != "", f"{what} must be a text, not {value!r}")
    _require(len(value.encode(errors="replace")) <= size,
             f"{what} {value!r} has more than {size} bytes")
    hidden = [c for c in value if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")
              or c in "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"]
    _require(not hidden, f"{what} {value!r} has a character that people would not see")
    return value


class Entry:
    """One number of the vector; entry() makes it."""

    __slots__ = ("name", "unit", "low", "high", "default")

    def __init__(self, name, unit, low, high, default):
        self.name = _text(name, "an entry's name", NAME_MAX)
        self.unit = _text(unit, f"the unit of '{name}'", UNIT_MAX)
        self.low = _whole_number(low, f"the low bound of '{name}'", -VALUE_MAX)
        self.high = _whole_number(high, f"the high bound of '{name}'", -VALUE_MAX)
        self.default = _whole_number(default, f"the default of '{name}'", -VALUE_MAX)
        _require(low < high, f"'{name}': the low bound {low} is not below the high one {high}")
        _require(low <= default <= high,
                 f"'{name}': the default {default} lies outside {low} to {high}")


def entry(name, unit, high, low=0, default=None):
    """A number of a sum() or mean(): whole units from low to high. `default` counts for people who
    do not answer; if it is left out, that is 0, or the bound next to 0."""
    if default is None:
        default = min(max(0, low), high) if type(low) is type(high) is int else 0
    return Entry(name, unit, low, high, default)


class Schema:
    """Entries, an aggregate and bounds of the whole vector, as the query document has them.

    total: L1, square: L2 squared, most_entries: L0, all of the difference to the default vector;
    0 is no bound. Use count(), sum(), mean(), histogram(), share(), quantile() or od()."""

    def __init__(self, aggregate, entries, total=0, square=0, most_entries=0, whole=0, threshold=0):
        _require(aggregate in AGGREGATES, f"no aggregate is called {aggregate!r}")
        self.aggregate = aggregate
        self.entries = tuple(entries)
        self.total = _whole_number(total, "the total", high=(1 << 63) - 1)
        self.square = _whole_number(square, "the square", high=(1 << 63) - 1)
        self.most_entries = _whole_number(most_entries, "the number of entries of one person",
                                          high=ENTRIES_MAX)
        self.whole = _whole_number(whole, "the whole")
        self.threshold = _whole_number(threshold, "the threshold", high=(1 << 63) - 1)
        self._check()
        self.names = {one.name for one in self.entries}
        if len(self.names) != len(self.entries):
            names = [one.name for one in self.entries]
            twice = next(name for name in names if names.count(name) > 1)
            raise SchemaError(f"two entries are called {twice!r}")

    def _check(self):
        """query_schema_check(), rule by rule."""
        name, (most, rules) = self.aggregate, AGGREGATES[self.aggregate]
        _require(1 <= len(self.entries) <= most,
                 f"a {name} has 1 to {most} entries, not {len(self.entries)}")
        for one in self.entries:
            _require(isinstance(one, Entry), f"{one!r} is no alcove.entry(...)")
            if "from zero" in rules:
                _require(one.low == 0 and one.default == 0,
                         f"'{one.name}': a {name} starts at 0, also by default")
            if "at most one" in rules:
                _require(one.high == 1, f"'{one.name}': of a {name} it is 0 or 1")
        if "one cell" in rules:
            _require(self.most_entries == 1, f"a {name} wants one cell of a person")
        if "sparse" in rules:
            _require(self.most_entries != 0,
                     f"an {name} matrix wants to know how many cells a person may fill")
        _require(self.most_entries <= len(self.entries),
                 f"a person may fill {self.most_entries} of {len(self.entries)} entries")
        if "total" in rules:
            _require(self.total != 0, f"a {name} wants to know what a person may add up to")
        if "whole" in rules:
            _require(self.whole != 0 and self.whole == self.total,
                     f"the whole of a {name} is what it may add up to, and not 0")
        else:
            _require(self.whole == 0, f"a {name} has no whole")
        if "threshold" not in rules:
            _require(self.threshold == 0, f"a {name} has no threshold")

    @property
    def from_zero(self):
        return "from zero" in AGGREGATES[self.aggregate][1]

    def vector(self, answer):
        """The list of whole numbers that an answer stands for: a dict of numbers by name, a list,
        or for a schema of one entry the number alone. Nothing is rounded and nothing clipped."""
        if isinstance(answer, collections.abc.Mapping):
            return self._by_name(answer)
        tolist = getattr(answer, "tolist", None)  # numpy's and pandas' vectors
        answer = tolist() if tolist is not None else answer
        if isinstance(answer, (list, tuple)):
            _require(len(answer) == len(self.entries),
                     f"returned {len(answer)} numbers; the schema has {len(self.entries)} entries")
            return [_integer(one.name, value) for one, value in zip(self.entries, answer)]
        if len(self.entries) == 1 and answer is not None:
            return [_integer(self.entries[0].name, answer)]
        forgot = "; is a return missing?" if answer is None else ""
        raise SchemaError(f"returned {_kind(answer)}, and not a dict or a list of numbers{forgot}")

    def _by_name(self, answer):
        for name in answer:
            _require(name in self.names,
                     f"returned an entry {name!r}, which the schema does not have")
        if not self.from_zero:  # elsewhere what is not there is 0
            missing = [one.name for one in self.entries if one.name not in answer]
            _require(not missing, f"returned nothing for {', '.join(map(repr, missing[:5]))}: a "
                     f"{self.aggregate} wants every entry")
        return [_integer(one.name, answer.get(one.name, 0)) for one in self.entries]

    def described(self):
        """As `alcove try` reads it; members of the query document."""
        return {
            "aggregate": self.aggregate,
            "bounds": {"total": self.total, "whole": self.whole, "square": self.square,
                       "entries": self.most_entries, "threshold": self.threshold},
            "entries": [[one.name, one.unit, one.low, one.high, one.default]
                        for one in self.entries],
        }

    def yaml(self, function):
        """The part of a query's YAML (docs/formats/query.md) that goes with this function."""
        bounds = ", ".join(f"{key}: {value}" for key, value in self.described()["bounds"].items())
        lines = [f"function: {function}", f"aggregate: {self.aggregate}", f"bounds: {{{bounds}}}",
                 "entries:"]
        lines += [f"  - {{name: {_quoted(one.name)}, unit: {_quoted(one.unit)}, low: {one.low}, "
                  f"high: {one.high}, default: {one.default}}}" for one in self.entries]
        return "\n".join(lines) + "\n"


def _quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _kind(value):
    return "nothing" if value is None else f"a {type(value).__name__}"


def _integer(name, value):
    """A whole number of 64 bits, Python's or numpy's. Rounding is the script's to do and to see."""
    _require(type(value).__name__ not in ("bool", "bool_"),
             f"returned {value!r} for '{name}': a number is wanted, 1 or 0")
    try:
        number = operator.index(value)
    except TypeError:
        advice = "; round() it" if isinstance(value, float) else ""
        raise SchemaError(
            f"returned {value!r} for '{name}': a whole number is wanted{advice}") from None
    _require(number in INT64, f"returned a number for '{name}' that does not fit in 64 bits")
    return number


# ---- one function per aggregate ------------------------------------------------------------------

def _entries(names, unit, high):
    return [Entry(name, unit, 0, high, 0) for name in names]


def count(name="people", unit="people"):
    """How many people: return 1 or 0."""
    return Schema("count", [Entry(name, unit, 0, 1, 0)])


def sum_(*entries, total=0, square=0, most_entries=0):
    """Sums over people, of entries that entry() makes."""
    return Schema("sum", entries, total, square, most_entries)


def mean(*entries, total=0, square=0, most_entries=0):
    """Means over people, of entries that entry() makes."""
    return Schema("mean", entries, total, square, most_entries)


def histogram(names, total, unit="trips", high=None, square=0, most_entries=0):
    """How many of a person's things fall into each class; at most `total` of them count."""
    entries = _entries(names, unit, total if high is None else high)
    return Schema("histogram", entries, total, square, most_entries)


def share(names, whole=100, unit="%", square=0, most_entries=0):
    """A person's shares of a whole; parts() makes whole numbers of them. Everybody counts alike."""
    return Schema("share", _entries(names, unit, whole), whole, square, most_entries, whole)


class _Grid(Schema):
    """A quantile's: cell() says where a value lies."""

    def cell(self, value):
        """The answer of a person whose value this is."""
        _require(value == value, "NaN lies in no cell")
        below = sum(edge <= value for edge in self.edges[1:-1])
        return {self.entries[below].name: 1}


def quantile(edges, unit):
    """A median or other quantile on a public grid: cells [e0, e1), [e1, e2), …; what lies outside
    counts in the first or the last. Return SCHEMA.cell(value); {} of a person without a value."""
    edges = list(edges)
    _require(len(edges) >= 2 and all(a < b for a, b in zip(edges, edges[1:])),
             "a grid has two rising edges at least")
    names = [f"{a} to {b}" for a, b in zip(edges, edges[1:])]
    grid = _Grid("quantile", _entries(names, unit, 1), most_entries=1)
    grid.edges = edges
    return grid


def od(zones, high, most_entries, threshold=0, unit="trips", total=0, square=0):
    """Trips between zones: entries "A > B", for all pairs. One person fills at most `most_entries`
    cells, with at most `high` in each."""
    zones = list(zones)
    names = [f"{a} > {b}" for a in zones for b in zones]
    return Schema("od", _entries(names, unit, high), total, square, most_entries,
                  threshold=threshold)


def parts(amounts, whole=100):
    """Amounts by name as whole numbers that add up to `whole` (largest remainders; of equal ones
    the first): {"walk": 1.0, "bus": 2.0} becomes {"walk": 33, "bus": 67}. All 0 if they are."""
    import fractions  # late: most calls do without, and it costs milliseconds
    exact = {name: fractions.Fraction(amount) for name, amount in amounts.items()}
    _require(all(amount >= 0 for amount in exact.values()), "an amount is negative")
    total = sum(exact.values())
    if total == 0:
        return dict.fromkeys(exact, 0)
    quotas = {name: amount * whole / total for name, amount in exact.items()}
    result = {name: int(quota) for name, quota in quotas.items()}
    left = whole - sum(result.values())
    for name in sorted(quotas, key=lambda name: result[name] - quotas[name])[:left]:
        result[name] += 1
    return result
