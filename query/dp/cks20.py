# SPDX-License-Identifier: Apache-2.0
"""The oracle: the exact rejection samplers of Canonne, Kamath and Steinke (arXiv 2004.00010), and
the random bytes that other implementations' published samples were made from. Slow, obvious, exact:
integers and fractions only.
"""

from fractions import Fraction


def _rotate(lane, by):
    return (lane << by | lane >> (64 - by)) & (1 << 64) - 1 if by else lane


def _round_constants():
    """The last twelve of Keccak-f[1600]'s 24 (FIPS 202, 3.2.5: a linear feedback register)."""
    constants, register = [], 1
    for _ in range(24):
        constant = 0
        for j in range(7):
            if register & 1:
                constant |= 1 << (1 << j) - 1
            register = register << 1 ^ (0x171 if register & 0x80 else 0)
        constants.append(constant)
    return constants[12:]


def _rotations():
    offsets, x, y = [[0] * 5 for _ in range(5)], 1, 0
    for t in range(24):
        offsets[x][y] = (t + 1) * (t + 2) // 2 % 64
        x, y = y, (2 * x + 3 * y) % 5
    return offsets


CONSTANTS, ROTATIONS = _round_constants(), _rotations()


def keccak_p12(a):
    """Keccak-p[1600, 12] on lanes a[x][y]."""
    for constant in CONSTANTS:
        c = [a[x][0] ^ a[x][1] ^ a[x][2] ^ a[x][3] ^ a[x][4] for x in range(5)]
        d = [c[x - 1] ^ _rotate(c[(x + 1) % 5], 1) for x in range(5)]
        b = [[0] * 5 for _ in range(5)]
        for x in range(5):
            for y in range(5):
                b[y][(2 * x + 3 * y) % 5] = _rotate(a[x][y] ^ d[x], ROTATIONS[x][y])
        a = [[b[x][y] ^ (~b[(x + 1) % 5][y] & b[(x + 2) % 5][y]) for y in range(5)]
             for x in range(5)]
        a[0][0] ^= constant
    return a


class TurboShake128:
    """RFC 9861: rate 168, twelve rounds, a domain byte. read() squeezes on."""

    RATE = 168

    def __init__(self, message, domain):
        padded = bytearray(message + bytes([domain]))
        padded += bytes(-len(padded) % self.RATE)
        padded[-1] ^= 0x80
        self.lanes = [[0] * 5 for _ in range(5)]
        for start in range(0, len(padded), self.RATE):
            for i in range(self.RATE // 8):
                lane = int.from_bytes(padded[start + 8 * i:start + 8 * i + 8], "little")
                self.lanes[i % 5][i // 5] ^= lane
            self.lanes = keccak_p12(self.lanes)
        self.ready = b""

    def _block(self):
        return b"".join(self.lanes[i % 5][i // 5].to_bytes(8, "little")
                        for i in range(self.RATE // 8))

    def read(self, size):
        out = b""
        while len(out) < size:
            if not self.ready:
                self.ready = self._block()
                self.lanes = keccak_p12(self.lanes)
            take = size - len(out)
            out, self.ready = out + self.ready[:take], self.ready[take:]
        return out


def seeded(seed):
    """The stream of the published samples: domain 1 over an empty tag's length and the seed."""
    return TurboShake128(bytes([0, 0, len(seed)]) + seed, 1).read


class Sampler:
    """read(n) gives n random bytes."""

    def __init__(self, read):
        self.read = read

    def below(self, bound):
        """Uniform in [0, bound)."""
        bits = bound.bit_length()
        words = -(-bits // 32)
        while True:
            value = int.from_bytes(self.read(4 * words), "little")
            top = value >> 32 * (words - 1)
            if bits % 32:
                top >>= 32 - bits % 32
            value = value & (1 << 32 * (words - 1)) - 1 | top << 32 * (words - 1)
            if value < bound:
                return value

    def bernoulli(self, p):
        return 1 + self.below(p.denominator) <= p.numerator

    def bernoulli_exp1(self, gamma):
        """exp(-gamma), gamma in [0, 1]; algorithm 1."""
        k = 1
        while self.bernoulli(gamma / k):
            k += 1
        return k % 2 == 1

    def bernoulli_exp(self, gamma):
        while gamma > 1:
            if not self.bernoulli_exp1(Fraction(1)):
                return False
            gamma -= 1
        return self.bernoulli_exp1(gamma)

    def geometric(self, gamma):
        """P(k) ~ exp(-gamma k), gamma = s/t; from algorithm 2."""
        s, t = gamma.numerator, gamma.denominator
        while True:
            u = self.below(t)
            if self.bernoulli_exp(Fraction(u, t)):
                break
        v = 0
        while self.bernoulli_exp1(Fraction(1)):
            v += 1
        return (u + t * v) // s

    def laplace(self, scale):
        while True:
            negative = self.bernoulli(Fraction(1, 2))
            size = self.geometric(1 / Fraction(scale))
            if not (negative and size == 0):
                return -size if negative else size

    def gaussian(self, sigma):
        """Algorithm 3."""
        sigma = Fraction(sigma)
        t = sigma.numerator // sigma.denominator + 1
        while True:
            y = self.laplace(t)
            gamma = (abs(y) - sigma ** 2 / t) ** 2 / (2 * sigma ** 2)
            if self.bernoulli_exp(gamma):
                return y
