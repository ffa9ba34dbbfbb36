# SPDX-License-Identifier: Apache-2.0
"""Deterministic CBOR (RFC 8949 section 4.2.1), the subset of base/include/base/cbor.h: numbers of
64 bits, byte and text strings, lists, maps with text keys, booleans and None; definite lengths,
shortest forms, keys sorted (shorter first, then bytewise) and unique. One value has one encoding,
and decode() refuses every other."""

NESTING_MAX = 8
_UINT, _NEGATIVE, _BYTES, _TEXT, _LIST, _MAP, _SIMPLE = 0, 1, 2, 3, 4, 5, 7
_FALSE, _TRUE, _NONE = 20, 21, 22


class CborError(ValueError):
    """Not a value that can be said, or not its one encoding."""


def encode(value):
    out = bytearray()
    _put(out, value, 0)
    return bytes(out)


def _head(out, kind, number):
    if number < 24:
        out.append(kind << 5 | number)
        return
    for code, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if number < 1 << 8 * size:
            out.append(kind << 5 | code)
            out += number.to_bytes(size, "big")
            return
    raise CborError("a number of more than 64 bits")


def _put(out, value, depth):
    if depth > NESTING_MAX:
        raise CborError(f"nested more than {NESTING_MAX} deep")
    if value is None or value is True or value is False:
        out.append(_SIMPLE << 5 | {None: _NONE, True: _TRUE, False: _FALSE}[value])
    elif type(value) is int:
        _head(out, *((_UINT, value) if value >= 0 else (_NEGATIVE, -1 - value)))
    elif isinstance(value, (bytes, bytearray, memoryview)):
        _head(out, _BYTES, len(value))
        out += value
    elif type(value) is str:
        text = value.encode()  # lone surrogates are refused: a ValueError
        if b"\0" in text:
            raise CborError("a NUL character in a text")
        _head(out, _TEXT, len(text))
        out += text
    elif type(value) in (list, tuple):
        _head(out, _LIST, len(value))
        for item in value:
            _put(out, item, depth + 1)
    elif type(value) is dict:
        _head(out, _MAP, len(value))
        for key, item in sorted((_key(key), item) for key, item in value.items()):
            out += key[1]
            _put(out, item, depth + 1)
    else:
        raise CborError(f"no {type(value).__name__} here")


def _key(key):
    """What keys are sorted by, unlike each other for unlike keys: their encodings."""
    if type(key) is not str:
        raise CborError(f"a key must be a text, not a {type(key).__name__}")
    out = bytearray()
    _put(out, key, 0)
    return len(out), bytes(out)


def decode(data):
    """The value that `data` is the encoding of. Byte strings are views into it."""
    reader = _Reader(memoryview(data))
    value = reader.item(0)
    if reader.at != len(reader.data):
        raise CborError(f"{len(reader.data) - reader.at} bytes too many")
    return value


class _Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, size):
        if size > len(self.data) - self.at:
            raise CborError("cut off")
        self.at += size
        return self.data[self.at - size:self.at]

    def head(self):
        first = self.take(1)[0]
        kind, number = first >> 5, first & 31
        if kind == _SIMPLE or number < 24:
            return kind, number
        if number > 27:
            raise CborError("an indefinite length, or a reserved form")
        size = 1 << number - 24
        number = int.from_bytes(self.take(size), "big")
        if number < (24 if size == 1 else 1 << 4 * size):
            raise CborError("not the shortest form")
        return kind, number

    def item(self, depth):
        if depth > NESTING_MAX:
            raise CborError(f"nested more than {NESTING_MAX} deep")
        kind, number = self.head()
        if kind == _UINT:
            return number
        if kind == _NEGATIVE:
            return -1 - number
        if kind == _BYTES:
            return self.take(number)
        if kind == _TEXT:
            return self.text(number)
        if kind == _LIST:
            return [self.item(depth + 1) for _ in range(self.count(number))]
        if kind == _MAP:
            return self.map(self.count(number), depth)
        if kind == _SIMPLE and _FALSE <= number <= _NONE:
            return {_FALSE: False, _TRUE: True, _NONE: None}[number]
        raise CborError("a tag, a float or another thing that has no place here")

    def count(self, number):
        if number > len(self.data) - self.at:  # each item has a byte at least
            raise CborError("cut off")
        return number

    def text(self, size):
        try:
            text = str(self.take(size), "utf-8")
        except UnicodeDecodeError:
            raise CborError("a text that is not UTF-8") from None
        if "\0" in text:
            raise CborError("a NUL character in a text")
        return text

    def map(self, count, depth):
        result, last = {}, (0, b"")
        for _ in range(count):
            kind, size = self.head()
            if kind != _TEXT:
                raise CborError("a key that is no text")
            key = self.text(size)
            order = _key(key)
            if order <= last:
                raise CborError(f"key '{key}' is out of order, or there twice")
            last = order
            result[key] = self.item(depth + 1)
        return result
