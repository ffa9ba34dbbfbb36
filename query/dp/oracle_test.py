#!/usr/bin/python3.11
# SPDX-License-Identifier: Apache-2.0
"""The library against exact arithmetic, as TAP: `oracle_test.py QUERY_PROBE MKTABLES TABLES.C`.

What is compared: every entry of every table with the true probability, re-derived by recurrences
on integers of 700 bits (MPFR made the tables with another formula); the rejection sampler with
exact probabilities; exact (hockey-stick) delta of small mechanisms with what accounting declares;
conversions with 60 digits of decimals. Seeds are fixed. Published values: reference_test.py.
"""

import bisect
import decimal
import pathlib
import random
import subprocess
import sys
import tempfile
from decimal import Decimal
from fractions import Fraction

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from cks20 import Sampler, TurboShake128  # noqa: E402

GAUSSIAN, LAPLACE = 0, 1
BITS = 700
ONE = 1 << BITS
decimal.getcontext().prec = 60

count = failed = 0


def check(condition, sentence):
    global count, failed
    count += 1
    failed += not condition
    print(f"{'ok' if condition else 'not ok'} {count} - {sentence}", flush=True)


class Probe:
    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, bufsize=1)
        self.known = None

    def ask(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        return list(map(int, self.process.stdout.readline().split()))

    def tables(self):
        self.process.stdin.write("tables\n")
        self.process.stdin.flush()
        tables = []
        while (line := self.process.stdout.readline()) != ".\n":
            kind, num, den, entries, mass, bound, reach, draw = map(int, line.split())
            values = [int(self.process.stdout.readline(), 16) for _ in range(entries)]
            tables.append(Table(kind, Fraction(num, den), values, mass, bound, reach, draw))
        return tables

    def table(self, kind, scale):
        self.known = self.known or self.tables()
        return next(t for t in self.known if (t.kind, t.scale) == (kind, scale))

    def epsilon(self, rho, delta, samples=0):
        err, pico = self.ask("epsilon", rho.numerator, rho.denominator, delta.numerator,
                             delta.denominator, samples)
        return Fraction(pico, 10 ** 12) if err == 0 else None

    def delta(self, rho, epsilon):
        err, digits, exponent = self.ask("delta", rho.numerator, rho.denominator, epsilon.numerator,
                                         epsilon.denominator)
        return digits * Fraction(10) ** exponent if err == 0 else None

    def rho_for(self, epsilon, delta):
        err, micro = self.ask("rho", int(epsilon * 10 ** 12), delta.numerator, delta.denominator)
        return micro if err == 0 else None

    def exp_minus(self, x):
        """Bounds of e^-x, by the library's directed arithmetic."""
        low, low_bits, high, high_bits = self.ask("exp", x.numerator, x.denominator)
        return low * Fraction(2) ** low_bits, high * Fraction(2) ** high_bits


def exp_minus(x):
    """exp(-x) * 2^BITS for a fraction x >= 0: halved until small, the series, squared back."""
    halvings = max(0, (x.numerator // x.denominator).bit_length() + 4)
    small = x.numerator * (1 << BITS + 64) // (x.denominator << halvings)
    unit = 1 << BITS + 64
    total = term = unit
    k = 1
    while term:
        term = term * small // (unit * k)
        total += term if k % 2 == 0 else -term
        k += 1
    for _ in range(halvings):
        total = total * total // unit
    return total >> 64


class Table:
    def __init__(self, kind, scale, entries, mass_bits, bound95, reach, draw):
        self.kind, self.scale, self.entries = kind, scale, entries
        self.mass_bits, self.bound95, self.reach, self.draw = mass_bits, bound95, reach, draw

    def __str__(self):
        return f"{'Laplace' if self.kind else 'Gaussian'} {float(self.scale):g}"

    def true_sizes(self):
        """P(|x| = i) * 2^BITS for i = 0, 1, ... until they vanish; by recurrences."""
        weights, weight = [], ONE
        if self.kind == GAUSSIAN:
            step = exp_minus(1 / (2 * self.scale ** 2))  # w(i+1) / w(i) = step^(2 i + 1)
            ratio, square = step, step * step >> BITS
            while weight:
                weights.append(weight)
                weight, ratio = weight * ratio >> BITS, ratio * square >> BITS
        else:
            ratio = exp_minus(1 / self.scale)
            while weight >> BITS - 300:
                weights.append(weight)
                weight = weight * ratio >> BITS
        total = 2 * sum(weights) - weights[0]
        return [((w if i == 0 else 2 * w) << BITS) // total for i, w in enumerate(weights)]

    def table_sizes(self):
        """What the sampler gives, exactly: P(|x| = i) as integers over 2^127 (Gaussian)."""
        edges = [0, *self.entries, 1 << 127]
        return [b - a for a, b in zip(edges, edges[1:])]

    def distribution(self):
        """What the sampler gives, exactly: {x: probability}."""
        if self.kind == GAUSSIAN:
            sizes = self.table_sizes()
            return {x: Fraction(sizes[abs(x)], 1 << (127 if x == 0 else 128))
                    for x in range(1 - len(sizes), len(sizes))}
        geometric = [1]
        for entry in self.entries:
            geometric = [p * ((1 << 128) - entry) for p in geometric] + \
                [p * entry for p in geometric]
        unit = 1 << 256 * len(self.entries)
        size = len(geometric)
        return {x: Fraction(sum(geometric[g] * geometric[g - x]
                                for g in range(max(0, x), size + min(0, x))), unit)
                for x in range(1 - size, size)}


def test_tables(tables):
    wrong, loose, bounds = [], [], []
    for table in tables:
        true = table.true_sizes()
        if table.kind == GAUSSIAN:
            cumulated, expected = 0, []
            for p in true:
                cumulated += p
                expected.append((cumulated + (1 << BITS - 128)) >> BITS - 127)
            expected = [e for e in expected if e < 1 << 127]
            got = table.table_sizes()
            got += [0] * (len(true) - len(got))
            mass = Fraction(sum(abs((g << BITS - 127) - p) for g, p in zip(got, true)), 2 * ONE)
        else:
            q, expected, mass = exp_minus(1 / table.scale), [], Fraction(0)
            while q >> BITS - 128:
                p = (q << BITS) // (ONE + q)
                expected.append((p + (1 << BITS - 129)) >> BITS - 128)
                mass += Fraction(abs((expected[-1] << BITS - 128) - p), ONE)
                q = q * q >> BITS
            mass = 2 * (mass + Fraction(q, ONE))
        if expected != table.entries:
            wrong.append(str(table))
        if not Fraction(1, 1 << table.mass_bits + 1) < mass <= Fraction(1, 1 << table.mass_bits):
            loose.append(f"{table}: 2^-{table.mass_bits} for {float(mass):g}")
        tail, least = ONE, 0
        while tail * 20 > ONE:
            tail -= true[least]
            least += 1
        if least != table.bound95 or table.reach + 1 < table.bound95:
            bounds.append(str(table))
    entries = sum(len(t.entries) for t in tables)
    check(not wrong, f"all {entries} entries of {len(tables)} tables are the true probabilities, "
                     f"rounded {wrong}")
    check(not loose, "truncation and rounding are what each table declares, within a factor of "
                     f"two {loose}")
    check(not bounds, f"the 95 % bound of each table is the least one {bounds}")


def test_sampler_matches(tables, probe):
    """The C sampler gives the table's value for random words (its edges are noise_test's)."""
    rng, good = random.Random(3), True
    for index, table in enumerate(tables):
        for _ in range(20):
            data = rng.randbytes(table.draw)
            words = [int.from_bytes(data[i:i + 16], "little") for i in range(0, table.draw, 16)]
            if table.kind == GAUSSIAN:
                size = bisect.bisect_right(table.entries, words[0] & (1 << 127) - 1)
                expected = -size if words[0] >> 127 else size
            else:
                bits = [w < e for w, e in zip(words, table.entries * 2)]
                k = len(table.entries)
                expected = sum(b << i for i, b in enumerate(bits[:k])) - \
                    sum(b << i for i, b in enumerate(bits[k:]))
            good &= probe.ask("sample", index, data.hex()) == [0, expected]
    check(good, "the sampler reads its random bytes as documented")


def test_turboshake():
    empty = TurboShake128(b"", 0x1F).read(32).hex()
    check(empty == "1e415f1c5983aff2169217277d17bb538cd945a397ddec541f1ce41af2c1b74c",
          "TurboSHAKE128 of nothing is that of RFC 9861")


def chi_square_z(observed, expected):
    value = sum((o - e) ** 2 / e for o, e in zip(observed, expected))
    freedom = len(observed) - 1
    return ((value / freedom) ** (1 / 3) - (1 - 2 / (9 * freedom))) / (2 / (9 * freedom)) ** 0.5


def test_oracle_distribution(tables):
    """20,000 samples a scale against exact distributions; z < 4.75 fails one seed in 10^6."""
    find = {(t.kind, t.scale): t for t in tables}
    draws = 20000
    for kind, scale in ((GAUSSIAN, Fraction(1)), (GAUSSIAN, Fraction(268, 100)),
                        (LAPLACE, Fraction(2))):
        table = find[kind, scale]
        sampler = Sampler(random.Random(7).randbytes)
        counts = {}
        for _ in range(draws):
            x = sampler.gaussian(scale) if kind == GAUSSIAN else sampler.laplace(scale)
            counts[x] = counts.get(x, 0) + 1
        exact = {x: float(p) * draws for x, p in table.distribution().items()}
        common = [x for x, e in exact.items() if e >= 20]
        observed = [counts.get(x, 0) for x in common]
        expected = [exact[x] for x in common]
        z = chi_square_z([*observed, draws - sum(observed)], [*expected, draws - sum(expected)])
        check(z < 4.75, f"{table}: table and rejection sampler have one distribution (z {z:.2f})")


def hockey_stick(p, shift, factor):
    """sum of max(0, P(x) - factor P(x - shift)): the exact delta at epsilon = ln factor."""
    return sum(max(Fraction(0), v - factor * p.get(x - shift, 0)) for x, v in p.items())


def e_to(x, up):
    """A rational bound of e^x, relative error 10^-50."""
    value = Fraction(as_decimal(x).exp())
    return value * (1 + Fraction(1 if up else -1, 10 ** 50))


def test_hockey_stick(tables, probe):
    """Exact: each number that a mechanism can release, both neighbours, no sampling."""
    low, worst = [], Fraction(0)
    for table in tables:
        if table.kind != GAUSSIAN or table.scale > 40:
            continue
        p = table.distribution()
        for shift in (1, 2, 5, 20):
            rho = Fraction(shift ** 2) / (2 * table.scale ** 2)
            if rho > 8:
                continue
            for epsilon in (Fraction(0), Fraction(1, 10), Fraction(1, 2), Fraction(1), Fraction(3)):
                exact = hockey_stick(p, shift, e_to(epsilon, False))
                declared = probe.delta(rho, epsilon)
                declared += (1 + e_to(epsilon, True)) / (1 << table.mass_bits)
                worst = max(worst, exact / declared)
                if exact > declared:
                    low.append(f"{table} shift {shift} epsilon {float(epsilon)}")
    check(not low, "Gaussian: the exact delta of every mechanism is at most what accounting says "
                   f"{low} (closest {float(worst):.3f} of it)")
    low, tight = [], True
    for table in tables:
        if table.kind != LAPLACE or table.scale > 5:
            continue
        p = table.distribution()
        for shift in (1, 2, 3):
            epsilon = shift / table.scale
            exact = hockey_stick(p, shift, e_to(epsilon, True))
            if exact > (1 + e_to(epsilon, True)) / (1 << table.mass_bits):
                low.append(f"{table} shift {shift}")
            less = e_to(epsilon * Fraction(99, 100), True)
            tight &= hockey_stick(p, shift, less) > Fraction(1, 1000)
    check(not low, f"Laplace: epsilon is distance / scale, but for the declared mass {low}")
    check(tight, "Laplace: a smaller epsilon would not be true")


def test_vectors(tables, probe):
    """Two numbers released at once: every pair, exactly; what adds up is the squared distance."""
    low = []
    for table in tables:
        if table.kind != GAUSSIAN or table.scale > 2:
            continue
        p = table.distribution()
        pairs = {(x, y): p[x] * p[y] for x in p for y in p}
        for one, other in ((1, 1), (2, 1), (1, 0)):
            rho = Fraction(one ** 2 + other ** 2) / (2 * table.scale ** 2)
            for epsilon in (Fraction(0), Fraction(1, 2), Fraction(2)):
                factor = e_to(epsilon, False)
                exact = sum(max(Fraction(0), v - factor * pairs.get((x - one, y - other), 0))
                            for (x, y), v in pairs.items())
                declared = probe.delta(rho, epsilon)
                declared += (1 + e_to(epsilon, True)) * 2 / (1 << table.mass_bits)
                if exact > declared:
                    low.append(f"{table} shift {one}, {other} epsilon {float(epsilon)}")
    check(not low, f"of two numbers at once, too {low}")


def true_minus_log_delta(rho, epsilon):
    """-ln delta at the best alpha, with 60 digits: bisection on the rising derivative."""
    low, high = Decimal("1e-30"), Decimal("1e60")
    for _ in range(100):
        a = (low * high).sqrt()
        if (2 * a + 1) * rho - epsilon - (1 + 1 / a).ln() < 0:
            low = a
        else:
            high = a
    return a * epsilon + a * (1 + 1 / a).ln() + (1 + a).ln() - a * (a + 1) * rho


def true_epsilon(rho, delta):
    low, high, log = Decimal("1e-30"), Decimal("1e60"), -delta.ln()
    for _ in range(100):
        a = (low * high).sqrt()
        if a * a * rho < log - (1 + a).ln():
            low = a
        else:
            high = a
    return max(Decimal(0), (a + 1) * rho + (log - (1 + a).ln()) / a - (1 + 1 / a).ln())


def as_decimal(fraction):
    return Decimal(fraction.numerator) / Decimal(fraction.denominator)


def test_conversions(probe):
    rng = random.Random(11)
    below, far = [], []
    for _ in range(60):
        rho = Fraction(rng.randrange(1, 10 ** rng.randrange(1, 8)), 10 ** 6)
        delta = Fraction(rng.randrange(1, 10), 10 ** rng.randrange(1, 15))
        got = as_decimal(probe.epsilon(rho, delta))
        true = true_epsilon(as_decimal(rho), as_decimal(delta))
        if got < true:
            below.append(f"rho {rho} delta {delta}")
        if got - true > Decimal("2e-12") + true * Decimal("1e-15"):
            far.append(f"rho {rho} delta {delta}: {got - true}")
    check(not below, f"epsilon is never below the truth {below}")
    check(not far, f"epsilon is at most 2e-12 above it {far}")
    below, far = [], []
    for _ in range(60):
        rho = Fraction(rng.randrange(1, 10 ** rng.randrange(1, 8)), 10 ** 6)
        epsilon = Fraction(rng.randrange(0, 10 ** rng.randrange(1, 8)), 10 ** 6)
        got = as_decimal(probe.delta(rho, epsilon))
        true = min(Decimal(1), (-true_minus_log_delta(as_decimal(rho), as_decimal(epsilon))).exp())
        if got < true:
            below.append(f"rho {rho} epsilon {epsilon}")
        if got > max(Decimal("1e-6000"), true * (1 + Decimal("1e-11"))):
            far.append(f"rho {rho} epsilon {epsilon}: {got / true - 1}")
    check(not below, f"delta is never below the truth {below}")
    check(not far, f"delta is at most 10^-11 of it above, down to 10^-6000 {far}")


def test_costs(probe):
    rng, good, refused = random.Random(5), True, True
    for _ in range(300):
        distance = rng.randrange(1, 10 ** rng.randrange(1, 22))
        num, den = rng.randrange(1, 10 ** rng.randrange(1, 7)), rng.choice([1, 10, 100])
        exact = Fraction(10 ** 6 * distance * den ** 2, 2 * num ** 2)
        err, micro = probe.ask("gaussian", distance, num, den)
        if exact > 10 ** 8:
            refused &= err != 0
        else:
            good &= err == 0 and micro == -(-exact.numerator // exact.denominator)
    check(good, "a cost is the exact one, rounded up to a millionth")
    check(refused, "a cost above the largest is refused")
    check(all(probe.ask("gaussian", *bad)[0] != 0 for bad in
              ((0, 1, 1), (1, 0, 1), (1, 1, 0), (2 ** 127, 1, 100), (1, 2 ** 63, 2 ** 63))),
          "nothing is free, and nothing overflows")


def test_reproducible(mktables, built):
    with tempfile.TemporaryDirectory() as folder:
        again = pathlib.Path(folder, "tables.c")
        subprocess.run([pathlib.Path(mktables).resolve(), again], check=True, cwd="/",
                       env={"LC_ALL": "C", "TZ": "Asia/Tokyo"})
        check(again.read_bytes() == pathlib.Path(built).read_bytes(),
              "tables are the same bytes whenever they are made")


def main():
    probe = Probe(sys.argv[1])
    tables = probe.tables()
    test_reproducible(sys.argv[2], sys.argv[3])
    test_tables(tables)
    test_sampler_matches(tables, probe)
    test_turboshake()
    test_oracle_distribution(tables)
    test_hockey_stick(tables, probe)
    test_vectors(tables, probe)
    test_conversions(probe)
    test_costs(probe)
    probe.process.stdin.close()
    check(probe.process.wait() == 0, "the probe ends well")
    print(f"1..{count}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
