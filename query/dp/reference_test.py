#!/usr/bin/python3.11
# SPDX-License-Identifier: Apache-2.0
"""The forty published reference values of differential privacy, as TAP: `reference_test.py PROBE`.

Check n is reference n. Each value is computed here from its definition, in fractions or 60 digits
of decimals, and has to be the published one to its last digit: so the oracles are shown to be
right. Where the library offers what the value is about, its answer has to be on the safe side of
it. What it does not offer (docs/decisions/009-noise.md) is shown for the oracle alone and, where
it can be, for what the library would declare of the same releases.
"""

import decimal
import json
import math
import os
import pathlib
import sys
from decimal import Decimal
from fractions import Fraction

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from cks20 import Sampler, seeded  # noqa: E402
from oracle_test import (GAUSSIAN, LAPLACE, ONE, Probe, Table, as_decimal,  # noqa: E402
                         e_to, hockey_stick, true_epsilon, true_minus_log_delta)

TOP = pathlib.Path(__file__).resolve().parents[2]
SHARED = pathlib.Path(os.environ.get("ALCOVE_SHARED", TOP.parent / "shared")) / "dp"
decimal.getcontext().prec = 60
D = Decimal
SMALL = D("1e-45")  # more than any rounding here

references = {}


def reference(number, title):
    def keep(function):
        references[number] = title, function
        return function
    return keep


class Facts:
    """What one reference consists of; says which part failed."""

    def __init__(self):
        self.wrong, self.skip = [], None

    def published(self, value, text):
        """value is the published number, which was rounded to its last digit."""
        unit = D((0, (1,), D(text).as_tuple().exponent))
        if not abs(D(value) - D(text)) <= unit / 2 + SMALL * unit:
            self.wrong.append(f"{text} is {value:.20g}")

    def cut(self, value, text):
        """value is the published number, whose further digits were left out."""
        unit = D((0, (1,), D(text).as_tuple().exponent))
        if not D(text) <= value < D(text) + unit:
            self.wrong.append(f"{text} is {value:.20g}")

    def true(self, condition, sentence):
        if not condition:
            self.wrong.append(f"not true: {sentence}")

    def declared(self, got, truth, tolerance, what):
        """What the library says is not below the truth, and not further above it."""
        if got is None or not truth <= got <= truth + tolerance:
            self.wrong.append(f"the library's {what} is {got}, the truth {truth:.20g}")


def root(falling, low, high):
    """Where a falling function of decimals crosses zero."""
    for _ in range(170):
        middle = (low + high) / 2
        low, high = (middle, high) if falling(middle) > 0 else (low, middle)
    return high


# Conversions of zCDP.

def zcdp_delta(rho, epsilon):
    return min(D(1), (-true_minus_log_delta(D(rho), D(epsilon))).exp())


def check_epsilon(facts, probe, rho, delta, text):
    truth = true_epsilon(D(rho), D(delta))
    facts.published(truth, text)
    got = probe.epsilon(Fraction(rho), Fraction(delta))
    facts.declared(as_decimal(got), truth, D("2e-12") + truth * D("1e-15"), "epsilon")


def check_delta(facts, probe, rho, epsilon, text):
    truth = zcdp_delta(rho, epsilon)
    facts.published(truth, text)
    got = probe.delta(Fraction(rho), Fraction(epsilon))
    facts.declared(as_decimal(got), truth, truth * D("1e-11"), "delta")


@reference(1, "zCDP 1/32 at delta 10^-3")
def _(facts, probe):
    check_epsilon(facts, probe, "0.03125", "1e-3", "0.6880024554878084")


@reference(2, "zCDP 1/32 at epsilon 0")
def _(facts, probe):
    check_delta(facts, probe, "0.03125", "0", "0.1508457845622861")


@reference(3, "zCDP 0.5 at epsilon 0")
def _(facts, probe):
    check_delta(facts, probe, "0.5", "0", "0.5588356393474346")


@reference(4, "zCDP 0.05 at epsilon 0.25")
def _(facts, probe):
    check_delta(facts, probe, "0.05", "0.25", "0.08177275310369552")


@reference(5, "zCDP 5e-30 at epsilon 10^-13")
def _(facts, probe):
    # Published: of the doubles nearest, cut after 14 digits. The library is asked about 5e-30.
    facts.cut(zcdp_delta(D(5e-30), D(1e-13)), "2.6196763297295e-234")
    truth = zcdp_delta("5e-30", "1e-13")
    got = as_decimal(probe.delta(Fraction(5, 10 ** 30), Fraction(1, 10 ** 13)))
    facts.declared(got, truth, truth * D("1e-11"), "delta")


@reference(6, "zCDP 0.1, and what a simple bound gives")
def _(facts, probe):
    check_epsilon(facts, probe, "0.1", "1e-5", "1.914238832")
    facts.published(D("0.1") + 2 * (D("0.1") * D("1e5").ln()).sqrt(), "2.245966")


@reference(7, "zCDP 0.5 at delta 10^-6")
def _(facts, probe):
    check_epsilon(facts, probe, "0.5", "1e-6", "5.22153444453")


@reference(8, "zCDP 1 at delta 10^-6")
def _(facts, probe):
    check_epsilon(facts, probe, "1", "1e-6", "7.76621662531")


@reference(9, "zCDP 2.63 at delta 10^-10")
def _(facts, probe):
    check_epsilon(facts, probe, "2.63", "1e-10", "17.4305844873")


def largest_rho(epsilon, delta):
    return root(lambda rho: D(epsilon) - true_epsilon(rho, D(delta)), D(0), D(1))


@reference(10, "the largest rho for (1, 10^-6)")
def _(facts, probe):
    rho = largest_rho(1, "1e-6")
    facts.published(rho, "0.0243559703595")
    facts.published(1 / (2 * rho).sqrt(), "4.530877117")
    micro = int(rho * 10 ** 6)
    facts.true(probe.rho_for(Fraction(1), Fraction(1, 10 ** 6)) == micro,
               f"the library allows {micro} millionths")
    facts.true(probe.ask("gaussian", 1, 4530877117, 10 ** 9) == [0, micro + 1],
               "the library's cost of that sigma is rounded up")


# Exact Gaussian releases.

def arcs_of(n):
    """arctan(1/n)"""
    total, power, k = D(0), D(1) / n, 0
    while power > D("1e-65"):
        total += power / (2 * k + 1) * (-1) ** k
        power, k = power / n ** 2, k + 1
    return total


PI = 4 * (4 * arcs_of(5) - arcs_of(239))


def normal(x):
    """The normal distribution function: 1/2 + density * (x + x^3/3 + x^5/(3*5) + ...)."""
    total, term, k = D(0), abs(x), 1
    while term > D("1e-65"):
        total += term
        k += 2
        term = term * x * x / k
    half = total * (-x * x / 2).exp() / (2 * PI).sqrt()
    return D("0.5") + half.copy_sign(x)


INFINITY = D("Infinity")


def gaussian_delta(sigma, distance, epsilon):
    """Balle and Wang 2018, theorem 8; at its edges, too."""
    if sigma == 0 or distance == INFINITY:
        return D(1)
    if epsilon == INFINITY:
        return D(0)
    half, far = distance / (2 * sigma), epsilon * sigma / distance
    return normal(half - far) - epsilon.exp() * normal(-half - far)


def least_sigma(epsilon, delta, distance=1):
    return root(lambda sigma: gaussian_delta(sigma, D(distance), D(epsilon)) - D(delta),
                D("0.01"), D(100))


@reference(11, "the exact Gaussian for epsilon 1")
def _(facts, probe):
    for delta, text in (("1e-6", "4.224678889"), ("1e-5", "3.730631635")):
        sigma = least_sigma(1, delta)
        facts.published(sigma, text)
        rho = probe.rho_for(Fraction(1), Fraction(delta))
        ours = (1 / (2 * D(rho) / 10 ** 6)).sqrt()
        facts.true(sigma < ours < sigma * D("1.09"),
                   f"the library asks for more noise, and for less than 9 % more ({ours:.6f})")


def check_gaussian_delta(facts, probe, sigma, distance, epsilon, text, factor):
    truth = gaussian_delta(D(sigma), D(distance), D(epsilon))
    facts.published(truth, text)
    rho = Fraction(distance) ** 2 / (2 * Fraction(sigma) ** 2)
    # A library's epsilon has 38 digits at most: rounded down, delta is rounded up.
    got = probe.delta(rho, Fraction(D(epsilon).quantize(D("1e-30"), decimal.ROUND_DOWN)))
    facts.declared(as_decimal(got), truth, truth * (factor - 1), "delta")


@reference(12, "exact delta of sigma 10 at epsilon 0.1")
def _(facts, probe):
    check_gaussian_delta(facts, probe, 10, 1, "0.1", "0.008751768145810", 3)
    table = probe.table(GAUSSIAN, 10)
    exact = as_decimal(hockey_stick(table.distribution(), 1, e_to(Fraction(1, 10), False)))
    facts.true(abs(exact - D("0.008751768145810")) < D("2e-5"), "discrete noise has nearly that")


@reference(13, "exact delta of sigma 10, distance 5")
def _(facts, probe):
    check_gaussian_delta(facts, probe, 10, 5, D(3).ln(), "0.0041597422340", 3)


@reference(14, "exact delta of sigma 0.5 at epsilon 0")
def _(facts, probe):
    check_gaussian_delta(facts, probe, "0.5", 1, "0", "0.6826894921370859", D("1.5"))


@reference(15, "exact delta at its edges")
def _(facts, probe):
    one = D(1)
    facts.true(gaussian_delta(D(0), one, one) == 1, "no noise: delta 1")
    facts.true(gaussian_delta(one, one, INFINITY) == 0, "an endless epsilon: delta 0")
    facts.true(gaussian_delta(one, INFINITY, one) == 1, "an endless distance: delta 1")
    facts.true(gaussian_delta(D("1e-3"), one, one) > 1 - D("1e-45") and
               gaussian_delta(one, D(30), one) > 1 - D("1e-40") and
               gaussian_delta(one, one, D(20)) < D("1e-50"), "which are the limits")
    facts.true(probe.ask("gaussian", 1, 0, 1)[0] != 0 and
               probe.ask("gaussian", 2 ** 127, 1, 1)[0] != 0 and
               probe.ask("delta", 1, 1, 1, 0)[0] != 0,
               "the library refuses all three instead of calculating with them")


@reference(16, "the sigma of a large delta, of 25 releases")
def _(facts, probe):
    truth = gaussian_delta(D(1) / 3, D(1), D(1))
    facts.published(truth, "0.78760074")
    declared = as_decimal(probe.delta(Fraction(9, 2), Fraction(1)))
    facts.declared(declared, truth, truth, "delta of that sigma")
    facts.true(abs(least_sigma(1, "0.78760074") - D(1) / 3) < D("1e-8"), "sigma 1/3")
    # 25 releases of distance 6 are one of distance 30.
    facts.true(abs(least_sigma(1, "0.78760074", 30) - 10) < D("1e-7"), "sigma 10")


# Laplace releases. The privacy loss of one of scale b (distance 1) is 1/b where x <= 0, -1/b where
# x >= 1, and falls evenly between; losses of several releases add up. Losses between are moved to
# the next point of a grid, all up or all down, which bounds delta from both sides.

LOSS_BITS = 96
LOSS_BYTES = 26  # one coefficient of a product: 192 bits and a carry


def product(a, b, up):
    joined = [int.from_bytes(b"".join(x.to_bytes(LOSS_BYTES, "little") for x in v), "little")
              for v in (a, b)]
    count = len(a) + len(b) - 1
    data = (joined[0] * joined[1]).to_bytes(LOSS_BYTES * count, "little")
    carry = (1 << LOSS_BITS) - 1 if up else 0
    return [int.from_bytes(data[i:i + LOSS_BYTES], "little") + carry >> LOSS_BITS
            for i in range(0, LOSS_BYTES * count, LOSS_BYTES)]


def laplace_losses(scale, cells, up):
    """Probabilities of the losses -1/b, ..., 1/b, in steps of 2/(b cells)."""
    at_most = [D("0.5") * (-(1 - D(i) / cells) / scale).exp() for i in range(cells + 1)]
    between = [b - a for a, b in zip(at_most, at_most[1:])]
    weights = [D(0), *between] if up else [*between, D(0)]
    weights[0] += at_most[0]
    weights[-1] += D("0.5")
    return [int((w * 2 ** LOSS_BITS).to_integral_value(
        decimal.ROUND_CEILING if up else decimal.ROUND_FLOOR)) for w in weights]


def laplace_delta(scale, releases, epsilon, cells, up):
    """A bound of the exact delta of so many releases, an even number."""
    losses = laplace_losses(D(scale), cells, up)
    half = [1 << LOSS_BITS]
    for bit in f"{releases // 2:b}":
        half = product(half, half, up)
        if bit == "1":
            half = product(half, losses, up)
    # delta is the sum of max(0, 1 - e^(epsilon - x - y)) over the losses x, y of both halves. For
    # each x those y count that lie beyond epsilon - x: two sums from the end.
    step, first = 2 / (D(scale) * cells), -D(releases // 2) / D(scale)
    shrink = [(-first).exp()]
    for _ in half:
        shrink.append(shrink[-1] * (-step).exp())
    delta, beyond, shrunk, j = D(0), D(0), D(0), len(half)
    for i, weight in enumerate(half):
        while j > 0 and 2 * first + (i + j - 1) * step > epsilon:
            j -= 1
            beyond += half[j]
            shrunk += half[j] * shrink[j]
        delta += weight * (beyond - epsilon.exp() * shrink[i] * shrunk)
    return delta / 2 ** (2 * LOSS_BITS)


def binomial_delta(a, releases, epsilon):
    """Exact, for discrete Laplace noise of P(x) ~ e^(-a |x|): the loss is a or -a."""
    likely = 1 / (1 + (-a).exp())
    return sum(math.comb(releases, k) * likely ** k * (1 - likely) ** (releases - k) *
               max(D(0), 1 - (epsilon - (2 * k - releases) * a).exp())
               for k in range(releases + 1))


@reference(17, "the Laplace scale of many releases")
def _(facts, probe):
    # Published with a tenth: the least that suffices.
    for releases, text, cells in ((20, "13.6", 32), (500, "71.0", 96)):
        less = D(text) - D("0.1")
        facts.true(laplace_delta(less, releases, D(1), cells, False) > D("1e-4"),
                   f"{releases} releases: scale {less} is too small")
        facts.true(laplace_delta(D(text), releases, D(1), cells, True) <= D("1e-4"),
                   f"{releases} releases: scale {text} suffices")
    facts.true(D(21) * 10 / 3 == 70, "without a delta epsilons add up: scale 70")
    # What they cost in rho gives the library's epsilon, above the true one.
    for num, releases in ((136, 20), (710, 500)):
        rho = Fraction(releases * 100, 2 * num ** 2)
        ours = probe.epsilon(rho, Fraction(1, 10 ** 4))
        facts.true(Fraction(99, 100) < ours < Fraction(3, 2), f"the library says {float(ours)}")


@reference(18, "the discrete Laplace scale of twenty releases")
def _(facts, probe):
    a = root(lambda x: D("1e-4") - binomial_delta(x, 20, D(1)), D("0.001"), D(1))
    facts.published(a, "0.0730332508")
    facts.published(a, "0.073")
    ours = probe.epsilon(Fraction(20, 2) * Fraction(73, 1000) ** 2, Fraction(1, 10 ** 4))
    facts.true(1 < ours < Fraction(3, 2), f"the library says epsilon {float(ours)}, which is more")


@reference(19, "exact delta of twenty discrete Laplace releases")
def _(facts, probe):
    for epsilon, text in (("1", "0.00239669245357"), ("0.5", "0.0382555738472")):
        truth = binomial_delta(D("0.1"), 20, D(epsilon))
        facts.published(truth, text)
        declared = as_decimal(probe.delta(Fraction(20, 200), Fraction(epsilon)))
        facts.declared(declared, truth, 3 * truth, "delta")


# Composition and accounting of mechanisms in general.

def optimal_composition(epsilon, delta, releases):
    """Kairouz, Oh and Viswanath 2015, theorem 3.3: {i: delta at (releases - 2 i) epsilon}."""
    steps = {}
    for i in range(releases // 2 + 1):
        first = sum(math.comb(releases, j) * (((releases - j) * epsilon).exp() -
                                         ((releases - 2 * i + j) * epsilon).exp())
                    for j in range(i)) / (1 + epsilon.exp()) ** releases
        steps[releases - 2 * i] = 1 - (1 - delta) ** releases * (1 - first)
    return steps


def least_multiple(steps, delta):
    return min(k for k, v in steps.items() if v <= D(delta))


@reference(20, "optimal composition with a delta")
def _(facts, probe):
    steps = optimal_composition(D(1), D("0.001"), 30)
    facts.true(least_multiple(steps, "0.06") == 22 and least_multiple(steps, "0.1") == 20,
               "epsilon 22 at delta 0.06, 20 at 0.1")
    facts.published(steps[22], "0.0492457293")
    facts.published(steps[20], "0.0861420405")


@reference(21, "optimal composition without one")
def _(facts, probe):
    steps = optimal_composition(D("0.25"), D(0), 50)
    facts.true(least_multiple(steps, "0.01") * D("0.25") == 5, "epsilon 5 at delta 0.01")
    facts.published(steps[20], "0.00863758810")
    # The same by the losses of discrete Laplace noise of a = 1/4, which is the worst of them.
    facts.true(abs(binomial_delta(D("0.25"), 50, D(5)) - steps[20]) < SMALL, "two ways, one value")
    declared = as_decimal(probe.delta(50 * Fraction(1, 32), Fraction(5)))
    facts.declared(declared, steps[20], 3 * steps[20], "delta of that")


@reference(22, "a constant Renyi bound")
def _(facts, probe):
    found = {order: D("1.1") + (1 - D(1) / order).ln() -
             (D("1e-5").ln() + D(order).ln()) / (order - 1) for order in range(2, 33)}
    best = min(found, key=found.get)
    facts.published(found[best], "1.32783806176")
    facts.true(best == 32, "at the largest order")


@reference(23, "Kullback-Leibler bound of the exponential mechanism")
def _(facts, probe):
    # The worst mechanism of bounded range 1 has two answers, of losses t and t - 1: with
    # probability (e - e^t) / (e - 1) the first. Where its mean loss is largest:
    e = D(1).exp()
    t = root(lambda x: 1 - x.exp() / (e - 1), D(0), D(1))
    worst = t - (t.exp() - 1) / (e - 1)
    facts.published(worst, "0.123301561")
    facts.true(abs(worst - (1 / (e - 1) - 1 + (e - 1).ln())) < SMALL, "in closed form, too")
    # The library has no such mechanism; what is 1-private in any way it charges as much as Laplace.
    facts.true(worst < D("0.125") and probe.ask("laplace", 1, 1, 1) == [0, 500000],
               "the library's cost of epsilon 1 is more")


@reference(24, "Renyi divergence of the discrete Gaussian")
def _(facts, probe):
    alpha, sigma, distance = D("3.14159"), D(5), 2
    bound = alpha * distance ** 2 / (2 * sigma ** 2)
    facts.published(bound, "0.2513272")
    density = {x: (-D(x * x) / (2 * sigma ** 2)).exp() for x in range(-120, 121)}
    total = sum(density.values())
    exact = (sum(v ** alpha * density[x - distance] ** (1 - alpha) for x, v in density.items()
                 if x - distance in density) / total).ln() / (alpha - 1)
    facts.true(bound - D("1e-30") < exact <= bound, "the exact divergence is no more")
    micro = probe.ask("gaussian", distance ** 2, 5, 1)
    facts.true(micro == [0, 80000] and alpha * micro[1] / 10 ** 6 == bound,
               "alpha times what the library charges")


@reference(25, "randomized response of ten answers")
def _(facts, probe):
    share = Fraction(3, 10) / 10
    facts.published(as_decimal((1 - 9 * share) / share).ln(), "3.1918471524802814")


def up_to_double(value):
    near = float(value)
    return D(near if D(near) >= value else math.nextafter(near, math.inf))


@reference(26, "a filter of epsilons")
def _(facts, probe):
    # The published filter divides and takes the logarithm in doubles, both rounded up.
    up = up_to_double(up_to_double(D(0.51) / (1 - D(0.51))).ln())
    first, other = (D(51) / 49).ln(), D(3).ln()
    facts.true(first < up < first + D("1e-16"), "ln(51/49), rounded up")
    facts.true(repr(float(up)) == "0.040005334613699206", f"{float(up)!r}")
    facts.true(repr(float(2 * up)) == "0.08001066922739841", f"{float(2 * up)!r}")
    facts.true(2 * first + other > 1, "one more of ln 3 is above 1")
    micro = [int((x * 10 ** 6).to_integral_value(decimal.ROUND_CEILING)) for x in (first, other)]
    facts.true(probe.ask("charge", 10 ** 6, micro[0], micro[0], micro[1]) ==
               [0, 0, -122, 2 * micro[0]], "the library's budget takes two and refuses the third")


# Thresholds and selection of partitions.

def laplace_threshold(epsilon, delta):
    return 1 - (2 * delta).ln() / epsilon


@reference(27, "Laplace thresholds")
def _(facts, probe):
    for epsilon, delta, text in ((D("0.5"), "0.02", "7.43775164974"),
                                 (D(3).ln(), "1e-8", "17.1363"), (D(3).ln(), "1e-4", "8.75268")):
        facts.published(laplace_threshold(epsilon, D(delta)), text)


def threshold_delta(epsilon, threshold, partitions):
    """One person alone in each partition: the chance that a noisy 1 reaches the threshold."""
    seen = (-(threshold - 1) * epsilon / partitions).exp() / 2
    return 1 - (1 - seen) ** partitions


@reference(28, "delta of Laplace thresholds")
def _(facts, probe):
    facts.cut(threshold_delta(D(3).ln(), D(10), 1), "2.5402631e-5")
    for threshold, partitions, text in ((50, 2, "2.04423e-12"), (50, 10, "0.0227296")):
        facts.published(threshold_delta(D(3).ln(), D(threshold), partitions), text)
    facts.true(abs(threshold_delta(D("0.5"), laplace_threshold(D("0.5"), D("0.02")), 1) -
                   D("0.02")) < SMALL, "the inverse of reference 27")


@reference(29, "truncated geometric selection")
def _(facts, probe):
    epsilon, delta = D("0.5"), D("0.02")
    keep = [D(0)]
    for _ in range(15):
        last = keep[-1]
        keep.append(min(epsilon.exp() * last + delta,
                        1 - (-epsilon).exp() * (1 - last - delta), D(1)))
    for users, text in ((1, "0.02"), (6, "0.58840484458"), (8, "0.86807080625")):
        facts.published(keep[users], text)
    facts.true(keep[11] < 1 and set(keep[12:]) == {1}, "15 users always, as from 12 on")
    facts.true(all(b <= epsilon.exp() * a + delta + SMALL and
                   1 - a <= epsilon.exp() * (1 - b) + delta + SMALL
                   for a, b in zip(keep, keep[1:])), "each step is (epsilon, delta)-private")


@reference(30, "a tail of 10^-223 is not less")
def _(facts, probe):
    truth = (-D("512.1")).exp() / 2
    facts.published(truth, "1.980458843721319e-223")
    low, high = probe.exp_minus(Fraction(5121, 10))
    facts.true(as_decimal(low) / 2 <= truth <= as_decimal(high) / 2, "the library's bounds hold it")
    facts.true(high <= low * (1 + Fraction(1, 10 ** 12)), "closely")


# Discrete noise.

def sizes(kind, scale):
    """P(|x| = i), exact to 200 digits."""
    return [D(p) / ONE for p in Table(kind, Fraction(scale), [], 0, 0, 0, 0).true_sizes()]


def spread(probabilities):
    return sum(i * i * p for i, p in enumerate(probabilities))


@reference(31, "discrete Gaussian of sigma 1")
def _(facts, probe):
    exact = sizes(GAUSSIAN, 1)
    facts.published(exact[0], "0.398942278266862")
    facts.published(spread(exact), "0.999999788767728")
    table = probe.table(GAUSSIAN, 1).distribution()
    facts.published(as_decimal(table[0]), "0.398942278266862")
    facts.published(as_decimal(sum(x * x * p for x, p in table.items())), "0.999999788767728")


@reference(32, "discrete Gaussians that are narrow")
def _(facts, probe):
    narrow = sizes(GAUSSIAN, "0.5")
    facts.published(narrow[0], "0.786570707")
    facts.published(spread(narrow), "0.215012675")
    facts.published(spread(sizes(GAUSSIAN, "0.2")), "7.45325e-6")
    facts.true(min(t.scale for t in probe.tables() if t.kind == GAUSSIAN) == 1,
               "no table of the library is so narrow")


@reference(33, "truncated discrete Gaussian")
def _(facts, probe):
    near = (-D("0.5")).exp()
    facts.published(near / (1 + 2 * near), "0.27406862")
    facts.published(1 / (1 + 2 * near), "0.45186276")


@reference(34, "spread of discrete Laplace noise")
def _(facts, probe):
    facts.published(sizes(LAPLACE, 1)[0], "0.46211715726")
    for scale, text in ((1, "1.84134718842"), (2, "7.83539617807"), (20, "799.8333542")):
        facts.published(spread(sizes(LAPLACE, scale)), text)
    table = probe.table(LAPLACE, 1).distribution()
    facts.published(as_decimal(table[0]), "0.46211715726")
    facts.published(as_decimal(sum(x * x * p for x, p in table.items())), "1.84134718842")


@reference(35, "privacy loss of discrete Laplace noise")
def _(facts, probe):
    p = probe.table(LAPLACE, 1).distribution()
    up = sum(v for x, v in p.items() if x <= 0)
    facts.published(as_decimal(up), "0.73105858")
    facts.published(as_decimal(1 - up), "0.26894142")
    e = D(1).exp()
    facts.true(all(abs(as_decimal(p[x] / p[x - 1]) - (e if x <= 0 else 1 / e)) < D("1e-20")
                   for x in range(-20, 21)), "losses are 1 up to zero, and -1 beyond")


@reference(36, "95 % bounds of discrete Laplace noise")
def _(facts, probe):
    for scale, bound in ((1, 4), (2, 7), (5, 16), (10, 31), (20, 61)):
        exact = sizes(LAPLACE, scale)
        tails = [1 - sum(exact[:a]) for a in (bound - 1, bound)]
        facts.true(tails[0] > D("0.05") >= tails[1], f"scale {scale}: {bound}")
        facts.true(probe.table(LAPLACE, scale).bound95 == bound, f"the library's {bound}")


@reference(37, "exponential mechanism of three answers")
def _(facts, probe):
    weights = [(D(u) / 2).exp() for u in (0, 1, 2)]
    for weight, text in zip(weights, ("0.186323723", "0.307195886", "0.506480391")):
        facts.published(weight / sum(weights), text)


# Published samples.

@reference(38, "published samples of sigma 5")
def _(facts, probe):
    zero = Sampler(seeded(bytes(32)))
    facts.true([zero.gaussian(5) for _ in range(10)] == [10, 7, 2, 1, -1, -2, -1, 3, -3, -1],
               "ten samples of sigma 5")


@reference(39, "six files of published samples")
def _(facts, probe):
    for name in ("3", "9", "100", "2.342", "41293847", "9999999999999999999999"):
        path = SHARED / f"dg_{name}.json"
        if not path.exists():
            facts.skip = f"no {path.name}"
            continue
        vector = json.loads(path.read_text())
        sampler = Sampler(seeded(bytes.fromhex(vector["seed"])))
        sigma = Fraction(vector["std_num"], vector["std_denom"])
        facts.true(len(vector["samples"]) >= 49 and
                   [sampler.gaussian(sigma) for _ in vector["samples"]] == vector["samples"],
                   f"samples of sigma {name}")


@reference(40, "52 weekly releases")
def _(facts, probe):
    check_epsilon(facts, probe, "0.52", "1e-6", "5.3387")
    facts.published(52 * true_epsilon(D("0.01"), D("1e-6")), "32.3")
    one = probe.epsilon(Fraction(1, 100), Fraction(1, 10 ** 6))
    facts.declared(as_decimal(52 * one), D("32.3"), D("0.05"), "sum")


def main():
    probe = Probe(sys.argv[1])
    failed = 0
    for number in range(1, 41):
        facts = Facts()
        title, work = references[number]
        work(facts, probe)
        failed += bool(facts.wrong)
        end = f" # SKIP {facts.skip}" if facts.skip and not facts.wrong else ""
        print(f"{'not ok' if facts.wrong else 'ok'} {number} - reference {number}: "
              f"{title}{end}", flush=True)
        for sentence in facts.wrong:
            print(f"#   {sentence}")
    print("1..40")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
