#!/usr/bin/python3.11
# SPDX-License-Identifier: Apache-2.0
"""The module's CBOR: one value, one encoding, nothing else is read."""

import random

from tap import cbor, done, ok, raises, same

VECTORS = [  # RFC 8949, appendix A
    (0, "00"), (23, "17"), (24, "1818"), (255, "18ff"), (256, "190100"), (65536, "1a00010000"),
    (1 << 32, "1b0000000100000000"), ((1 << 64) - 1, "1bffffffffffffffff"), (-1, "20"),
    (-100, "3863"), (-(1 << 63), "3b7fffffffffffffff"), (-(1 << 64), "3bffffffffffffffff"),
    (b"", "40"), (b"\1\2\3\4", "4401020304"), ("", "60"), ("ü", "62c3bc"), ("水", "63e6b0b4"),
    ([], "80"), ([1, [2, 3]], "8201820203"), ({}, "a0"), ({"a": 1, "b": [2]}, "a26161016162" "8102"),
    ({"b": 1, "aa": 2, "a": 3}, "a3616103" "616201" "62616102"),
    (True, "f5"), (False, "f4"), (None, "f6"),
]
REFUSED = {
    "an empty input": "", "a cut-off number": "19", "a longer form than needed": "1817",
    "a longer form than needed, of 16 bits": "190001", "… of 32": "1a0000ffff",
    "… of 64": "1b00000000ffffffff", "an indefinite length": "9fff", "an indefinite text": "7f6161ff",
    "a tag": "c001", "a float": "f93c00", "undefined": "f7", "a break": "ff", "simple values": "f818",
    "bytes behind the value": "0000", "a cut-off text": "6261", "a text that is not UTF-8": "61ff",
    "an overlong form": "62c081", "a surrogate": "63eda080", "a NUL in a text": "6100",
    "keys out of order": "a2616201616101", "a key twice": "a2616101616102",
    "longer keys before shorter ones": "a262616101616201", "a key that is a number": "a10101",
    "an array of 2^60 items": "9b1000000000000000", "nesting without end": "81" * 100 + "00",
}
SEED, ROUNDS = 20260928, 3000


def made(chance, depth=0):
    kind = chance.randrange(5 if depth == 4 else 7)
    if kind == 0:
        return chance.choice([1, -1]) * chance.getrandbits(chance.choice([3, 5, 8, 16, 33, 63]))
    if kind == 1:
        return chance.randbytes(chance.choice([0, 1, 23, 24, 300]))
    if kind == 2:
        return "".join(chr(chance.choice([0x41, 0xfc, 0x6c34, 0x1f6b2]))
                       for _ in range(chance.randrange(30)))
    if kind in (3, 4):
        return chance.choice([True, False, None])
    if kind == 5:
        return [made(chance, depth + 1) for _ in range(chance.randrange(5))]
    return {made_key(chance): made(chance, depth + 1) for _ in range(chance.randrange(5))}


def made_key(chance):
    return "".join(chance.choice("abü") for _ in range(chance.randrange(1, 30)))


def mutated(chance, data):
    data = bytearray(data)
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(data) + 1)
        step = chance.randrange(3)
        if step == 0:
            data[at:at] = chance.randbytes(1)
        elif step == 1:
            del data[at:at + chance.randrange(1, 4)]
        elif at < len(data):
            data[at] ^= 1 << chance.randrange(8)
    return bytes(data)


def plain(value):
    """Views of bytes as bytes."""
    if isinstance(value, memoryview):
        return bytes(value)
    if isinstance(value, list):
        return [plain(item) for item in value]
    return {key: plain(item) for key, item in value.items()} if isinstance(value, dict) else value


def main():
    for value, wanted in VECTORS:
        same(cbor.encode(value).hex(), wanted, f"{value!r} is written as the RFC says")
        same(plain(cbor.decode(bytes.fromhex(wanted))), value, f"{wanted} is read")
    for title, data in REFUSED.items():
        raises(cbor.CborError, "", f"{title} is refused", cbor.decode, bytes.fromhex(data))
    for title, value in {"a float": 1.0, "a number of 65 bits": 1 << 64, "a key that is no text": {1: 2},
                         "a set": {1}, "a NUL": "\0", "deep nesting": [[[[[[[[[[1]]]]]]]]]]}.items():
        raises(cbor.CborError, "", f"{title} is not written", cbor.encode, value)

    chance = random.Random(SEED)
    unlike, sloppy, accepted = [], [], 0
    for _ in range(ROUNDS):
        value = made(chance)
        data = cbor.encode(value)
        if plain(cbor.decode(data)) != value:
            unlike.append(value)
        data = mutated(chance, data)
        try:
            again = cbor.encode(cbor.decode(data))
            accepted += 1
            if again != data:
                sloppy.append(data.hex())
        except cbor.CborError:
            pass
    ok(not unlike, f"what is written is read again: {ROUNDS} values of seed {SEED}", unlike[:3])
    ok(not sloppy, f"what is read has one encoding: as many damaged ones, {accepted} of them read",
       sloppy[:3])
    ok(accepted > 100, "… and enough of those were good")
    done()


if __name__ == "__main__":
    main()
