# SPDX-License-Identifier: Apache-2.0
"""Python functions that C calls, through ctypes and libffi: arguments of all kinds, threads, forks."""

import ctypes
import gc
import os
import signal
import sys
import threading

libc = ctypes.CDLL(None)
Compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))


def ordered(numbers, key):
    array = (ctypes.c_int * len(numbers))(*numbers)
    libc.qsort(array, len(numbers), 4, Compare(lambda a, b: key(a[0]) - key(b[0])))
    return list(array)


print(ordered([5, 3, 9, 1, 7], lambda n: n), ordered([5, -3, 9, 1, -7], lambda n: -abs(n)))


class Pair(ctypes.Structure):
    _fields_ = [("x", ctypes.c_double), ("n", ctypes.c_long)]


class Large(ctypes.Structure):
    _fields_ = [("words", ctypes.c_long * 9)]


class Floats(ctypes.Structure):
    _fields_ = [("x", ctypes.c_float), ("y", ctypes.c_float), ("z", ctypes.c_float)]


def called(result, *arguments):
    """A callback, called by its address as C would, with no Python object left of it."""
    def decorate(function):
        kind = ctypes.CFUNCTYPE(result, *arguments)
        made = kind(function)
        again = kind(ctypes.cast(made, ctypes.c_void_p).value)
        again.keep = made
        return again
    return decorate


@called(ctypes.c_double, ctypes.c_double, ctypes.c_float, ctypes.c_int, ctypes.c_longdouble)
def floats(x, y, n, z):
    return x * n + y + float(z)


@called(ctypes.c_double, *[ctypes.c_double] * 12, *[ctypes.c_long] * 10)
def many(*values):
    return sum(v * (i + 1) for i, v in enumerate(values))


@called(ctypes.c_long, Pair, Large, Floats)
def structures(pair, large, three):
    return int(pair.x * 2) + pair.n + sum(large.words) + int(three.x + three.y + three.z)


@called(ctypes.c_float, ctypes.c_float)
def half(x):
    return x / 2


@called(ctypes.c_byte, ctypes.c_byte, ctypes.c_ushort, ctypes.c_bool)
def small(a, b, c):
    return a + b + c


@called(ctypes.py_object, ctypes.py_object)
def same(thing):
    return [thing]


@called(ctypes.c_int, ctypes.c_int)
def fails(n):
    raise ValueError(n)


@called(ctypes.c_long, ctypes.c_long)
def factorial(n):
    return n * factorial(n - 1) if n > 1 else 1


print(floats(1.5, .25, 4, 8.5), many(*range(12), *range(10)), half(3.0), small(-3, 10, True))
print(structures(Pair(2.5, 4), Large((ctypes.c_long * 9)(*range(9))), Floats(1, 2, 3)))
print(same("thing"), factorial(15))
sys.unraisablehook = lambda seen: print("unraisable", seen.exc_type.__name__, seen.exc_value)
fails(7)

# More than a page of them, freed and made again.
for turn in range(3):
    many_made = [Compare(lambda a, b, k=k: k) for k in range(500)]
    one = ctypes.c_int(0)
    places = {ctypes.cast(f, ctypes.c_void_p).value for f in many_made}
    print(sum(f(one, one) for f in many_made), len(places))
    del many_made[::2]
    gc.collect()

results = [None] * 4


def sort_often(i):
    results[i] = [ordered([(k * (i + 3)) % 17 for k in range(17)], lambda n: n) for _ in range(5)]


threads = [threading.Thread(target=sort_often, args=(i,)) for i in range(4)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(all(r == list(range(17)) for each in results for r in each))

sys.stdout.flush()
child = os.fork()
if child == 0:
    @called(ctypes.c_long, ctypes.c_long)
    def new(n):
        return n + 1
    print("child", ordered([3, 1, 2], lambda n: n), factorial(5), new(4), flush=True)
    os._exit(5)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), factorial(6), ordered([3, 1, 2], lambda n: -n))

# Signals come between callbacks as between other code.
alarms = []
signal.signal(signal.SIGALRM, lambda *_: alarms.append(1))
signal.setitimer(signal.ITIMER_REAL, .005, .005)
while len(alarms) < 3:
    ordered(list(range(20)), lambda n: -n)
signal.setitimer(signal.ITIMER_REAL, 0)
print("alarms", len(alarms) >= 3)
