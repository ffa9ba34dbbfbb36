# SPDX-License-Identifier: Apache-2.0
"""One call: read from file descriptor 0, answered by the script, the reply written to 1.

    call  = {"days": [* [day: uint, bstr]], "kind": "process" / "query", "format": "alcove-call-1",
             "entries": uint, "function": tstr}
    reply = {"format": "alcove-reply-1", "vector": [* int] / null, "processed": bstr / null}

Whatever goes wrong ends with status 1, a sentence or traceback on standard error, and nothing on
standard output. That is for the script's author. It protects nobody from the script, which shares
this process and may write what it likes: the custodian's reader is strict, and clips."""

import json
import os
import sys

from . import cbor
from .schema import INT64
from .script import Day, ScriptError, line_of, load, tell

CALL, REPLY = "alcove-call-1", "alcove-reply-1"
PROCESSED_MAX = 240 * 1024
READ_SIZE = 1 << 20
BYTES_MARK = b"\0"  # begins what process() returned as bytes: no JSON begins so


def read_all(fd):
    parts = []
    while part := os.read(fd, READ_SIZE):
        parts.append(part)
    return b"".join(parts)


def write_all(fd, data):
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest):]


def read_call(data):
    """The call's members, checked: a list of (day, bytes), kind, function, entries."""
    call = cbor.decode(data)
    good = (type(call) is dict and call.keys() == {"days", "kind", "format", "entries", "function"}
            and call["format"] == CALL and call["kind"] in ("process", "query")
            and type(call["entries"]) is int and type(call["function"]) is str
            and type(call["days"]) is list)
    days = call["days"] if good else []
    good = good and all(type(day) is list and len(day) == 2 and type(day[0]) is int
                        and isinstance(day[1], memoryview) for day in days)
    good = good and all(a[0] < b[0] for a, b in zip(days, days[1:]))
    if good and call["kind"] == "process":
        good = len(days) == 1 and call["function"] == "" and call["entries"] == 0
    if not good:
        raise ScriptError(f"standard input holds no {CALL}; `alcove try` runs a script by hand")
    return days, call["kind"], call["function"], call["entries"]


def _plain(value):
    """numpy's and pandas' numbers and arrays as Python's."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"a {type(value).__name__} is nothing that JSON can say")


def keep(made):
    """What is stored of a day."""
    if isinstance(made, (bytes, bytearray, memoryview)):
        return BYTES_MARK + bytes(made)
    text = json.dumps(made, allow_nan=False, ensure_ascii=False, separators=(",", ":"),
                      default=_plain)
    return text.encode()


def kept(data):
    """What process() returned, from what was stored."""
    data = bytes(data)
    return data[1:] if data.startswith(BYTES_MARK) else json.loads(data)


def _at(function):
    return function.__code__.co_filename, function.__code__.co_firstlineno


def process_day(script, path, day):
    if script.process is None:
        raise ScriptError(f"{path}: no function is marked @alcove.process")
    function = script.process
    number, raw = day
    try:
        entries = json.loads(str(raw, "utf-8"))
    except ValueError as error:
        raise ScriptError(f"the day is no JSON: {error}") from None
    two = function.__code__.co_argcount == 2
    made = function(entries, Day(number, None).date) if two else function(entries)
    try:
        data = keep(made)
    except (ValueError, TypeError, RecursionError) as error:
        raise ScriptError(f"{function.__name__} returned what cannot be kept: {error}",
                          *_at(function)) from None
    if len(data) > PROCESSED_MAX:
        raise ScriptError(f"{function.__name__} returned {len(data)} bytes; at most "
                          f"{PROCESSED_MAX} are kept of a day", *_at(function))
    return data


def answer_query(script, path, days, name, entries):
    if name not in script.queries:
        known = ", ".join(script.queries) or "none"
        raise ScriptError(f"{path}: no function is marked @alcove.query('{name}', …); there is: "
                          f"{known}")
    function, schema = script.queries[name]
    if entries != len(schema.entries):
        raise ScriptError(f"the query wants {entries} numbers, and {name} has "
                          f"{len(schema.entries)}: its document is about another version of the "
                          "script", *_at(function))
    answer = function([Day(number, kept(data)) for number, data in days])
    try:
        return schema.vector(answer)
    except ValueError as error:
        raise ScriptError(f"{name} {error}", *_at(function)) from None


def serve(path):
    """Returns the exit status. The script prints to standard error, whatever it thinks it does."""
    reply_fd = os.dup(1)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    try:
        days, kind, name, entries = read_call(read_all(0))
        script = load(path)
        reply = {"format": REPLY, "vector": None, "processed": None}
        if kind == "process":
            reply["processed"] = process_day(script, path, days[0])
        else:
            reply["vector"] = answer_query(script, path, days, name, entries)
        data = cbor.encode(reply)
    except BaseException as error:  # also sys.exit() and KeyboardInterrupt: no answer is a failure
        if isinstance(error, SystemExit):
            error = ScriptError(f"the script ended itself, with {error.code!r}", path,
                                line_of(error, path))
        sys.stderr.write(tell(error, path))
        return 1
    write_all(reply_fd, data)
    return 0
