# SPDX-License-Identifier: Apache-2.0
"""A walk through the standard library: pure results, nothing of the machine."""

import base64
import bz2
import collections
import csv
import ctypes
import datetime
import decimal
import gzip
import hashlib
import hmac
import io
import json
import locale
import lzma
import math
import pickle
import random
import re
import sqlite3
import statistics
import struct
import textwrap
import unicodedata
import uuid
import xml.etree.ElementTree
import zlib
import zoneinfo

data = bytes(range(256)) * 500
for name in ("md5", "sha256", "sha512", "sha3_256", "blake2b"):
    print(name, hashlib.new(name, data).hexdigest()[:32])
print(hmac.new(b"key", data, "sha256").hexdigest()[:16])
for module in (zlib, bz2, lzma, gzip):
    print(module.__name__, module.decompress(module.compress(data)) == data)
print(base64.b85encode(data[:20]), zlib.crc32(data), struct.pack(">IHd", 1, 2, 3.5))
print(json.dumps({"π": [1.1, None, True, "ä"]}, sort_keys=True), json.loads("[1e300, -0.0]"))
print(re.sub(r"(\w+) (\w+)", r"\2 \1", "hello world"), unicodedata.name("ß"))
decimal.getcontext().prec = 60
print(decimal.Decimal(2).sqrt(), math.sin(1e10), math.gamma(7.3), math.fsum([0.1] * 10))
random.seed(7)
print(random.random(), random.sample(range(1000), 5), random.gauss(0, 1))
print(statistics.quantiles(range(100), n=4), collections.Counter("mississippi").most_common(2))
moment = datetime.datetime(2024, 3, 31, 0, 59, tzinfo=datetime.timezone.utc)
for zone in ("Europe/Berlin", "America/Los_Angeles", "Atlantic/Azores"):
    print(zone, (moment + datetime.timedelta(minutes=2)).astimezone(zoneinfo.ZoneInfo(zone)))
database = sqlite3.connect(":memory:")
database.execute("create table t(a integer, b text)")
database.executemany("insert into t values (?, ?)", [(n, str(n * n)) for n in range(1000)])
print(database.execute("select sum(a), max(b), count(*) from t where a % 3 = 0").fetchone())
table = io.StringIO()
csv.writer(table).writerows([[1, "a,b"], [2, 'q"uote']])
print(repr(table.getvalue()), pickle.loads(pickle.dumps({1: (2, 3)})))
root = xml.etree.ElementTree.fromstring("<a><b c='d'>text</b></a>")
print(root[0].attrib, root[0].text, uuid.uuid5(uuid.NAMESPACE_DNS, "example.org"))
print(textwrap.wrap("the quick brown fox jumps", 10), locale.setlocale(locale.LC_ALL))
print(ctypes.CDLL(None).abs(-5), ctypes.sizeof(ctypes.c_long))
fractions = sum(1 / n for n in range(1, 200_000))
print(repr(fractions), 2**4000 % 99991, hash((1, 2, 3)))
