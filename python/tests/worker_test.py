#!/usr/bin/python3.11
# SPDX-License-Identifier: Apache-2.0
"""Workers as plain processes: calls, replies, and what bad scripts and bad calls get."""

import json
import os
import pathlib
import subprocess
import tempfile

from tap import MODULE, PYTHON, TOP, call_of, cbor, done, ok, same, skip, worker

from alcove.worker import PROCESSED_MAX

EXAMPLE = TOP / "examples/private"
DAYS = pathlib.Path(os.environ.get("ALCOVE_SHARED", TOP.parent / "shared")) / "trips"
HEAD = "import alcove, os, sys\n"
KEEP = "@alcove.process\ndef keep(entries):\n    return "
ASK = "@alcove.query('ask', alcove.mean(alcove.entry('x', 'km', 9)))\ndef ask(days):\n    return "

folder = tempfile.TemporaryDirectory()


def script(text, name="script.py"):
    path = pathlib.Path(folder.name) / name
    path.write_text(HEAD + text)
    return path


def reply_of(out):
    reply = cbor.decode(out)
    return reply["vector"], None if reply["processed"] is None else bytes(reply["processed"])


def kept(text, day, wanted, title):
    status, out, err = worker(script(text), call_of([(20724, day)]))
    got = reply_of(out) if status == 0 else err
    same(got, (None, wanted), title)


def failed(ended, words, title):
    """Status 1, nothing on standard output, and this in the last line of standard error."""
    status, out, err = ended
    last = (err.rstrip().splitlines() or [""])[-1]
    ok(status == 1 and out == b"" and words in last, title, f"{status} {out[:60]!r}\n{err}")
    return err


def failed_keeping(text, words, title):
    return failed(worker(script(text), call_of([(20724, b"[1, 2]")])), words, title)


def failed_asking(text, words, title, days=((20724, b"1"),), entries=1):
    return failed(worker(script(text), call_of(days, "query", "ask", entries)), words, title)


def processing():
    kept(KEEP + "[len(entries), 'ü']", b"[1, 2]", '[2,"ü"]'.encode(), "what is made of a day is kept")
    kept(KEEP + "b'{' + bytes(len(entries))", b"[1, 2]", b"\0{\0\0", "… bytes, with a mark")
    kept("@alcove.process\ndef keep(entries, date):\n    return str(date)", b"[]", b'"2026-09-28"',
         "a second argument is the date")
    kept(KEEP + "'x' * %d" % (PROCESSED_MAX - 2), b"[]", b'"' + b"x" * (PROCESSED_MAX - 2) + b'"',
         "240 KiB are kept")
    failed_keeping(KEEP + "'x' * %d" % (PROCESSED_MAX - 1), "at most 245760", "… and no byte more")
    kept("print('hello')\n" + KEEP + "print('there') or os.system('echo shell') and 0", b"[]", b"0",
         "what a script prints does not get into its reply")
    kept("os.environ.clear()\nos.chdir('/')\n" + KEEP + "1", b"[]", b"1", "a script may tidy up")
    kept("import threading, atexit, time\nthreading.Thread(target=time.sleep, args=[99]).start()\n"
         "atexit.register(print, 'x')\n" + KEEP + "1", b"[]", b"1", "its threads keep nobody waiting")
    kept("class N:\n    def tolist(self): return [1, 2.5]\n" + KEEP + "{'n': N()}", b"[]",
         b'{"n":[1,2.5]}', "numpy's arrays become lists")

    failed_keeping(KEEP + "float('nan')", "Out of range float", "NaN is not kept")
    failed_keeping(KEEP + "{1, 2}", "set", "a set is not kept")
    failed_keeping(KEEP + "entries.append(entries) or entries", "ircular", "nor what holds itself")
    err = failed_keeping(KEEP + "entries['x']", "TypeError", "what raises is told with its traceback")
    ok(f"{folder.name}/script.py\", line 4, in keep" in err and str(MODULE) not in err,
       "… of the script's own lines", err)
    failed_keeping("x = 1\n", "no function is marked @alcove.process", "a script without process")
    failed(worker(script(KEEP + "1"), call_of([(1, b"[1,")])), "the day is no JSON", "a torn day")
    failed(worker(script(KEEP + "1"), call_of([(1, b'["\xff"]')])), "the day is no JSON", "broken UTF-8")


def asking():
    text = ASK + "{'x': sum(day.data for day in days)}"
    status, out, err = worker(script(text), call_of([(5, b"1"), (7, b"40")], "query", "ask", 1))
    same(reply_of(out) if status == 0 else err, ([41], None), "a query gets what was kept")
    text = ASK + "[(days[0].date.isoformat() == '1970-01-06' and days[0].data == b'raw') - 2]"
    status, out, err = worker(script(text), call_of([(5, b"\0raw")], "query", "ask", 1))
    same(reply_of(out) if status == 0 else err, ([-1], None), "… with dates, and bytes as bytes")
    status, out, err = worker(script(ASK + "len(days)"), call_of([], "query", "ask", 1))
    same(reply_of(out) if status == 0 else err, ([0], None), "… and perhaps no day at all")

    failed_asking(ASK + "1.0", "round() it", "a float is no answer")
    failed_asking(ASK + "float('nan')", "nan", "NaN is no answer")
    failed_asking(ASK + "True", "True", "True is no answer")
    failed_asking(ASK + "1 << 63", "64 bits", "2^63 is no answer")
    failed_asking(ASK + "[1, 2]", "2 numbers", "too many numbers are no answer")
    failed_asking(ASK + "None", "is a return missing?", "None is no answer")
    failed_asking(ASK + "1", "wants 2 numbers", "a query of another version is refused", entries=2)
    failed_asking("x = 1\n", "there is: none", "a function that is not there is named")
    err = failed_asking(ASK + "1.0", "script.py:2:", "… with the line of the function")
    failed_asking("@alcove.query('Ask', alcove.count())\ndef ask(days): pass\n", "script.py:2:",
                  "a name that no query may have, with its line")
    failed_asking("x = 1\nS = alcove.share(['a', 'a'])\n", "script.py:3: two entries",
                  "a schema that no query may have, with its line")
    failed_asking("@alcove.query\ndef ask(days): pass\n", "script.py:2:", "a forgotten schema")
    failed_asking("@alcove.process\ndef f(): pass\n", "wants one argument", "a process without a day")
    failed_asking(KEEP + "1\n" + KEEP + "2\n", "already", "a second process")
    failed_asking(ASK + "1\n" + ASK + "2\n", "ask is there twice", "a second query of that name")


def bad_endings():
    failed_asking(ASK + "1 / 0", "ZeroDivisionError", "an exception is a failure")
    failed_asking(ASK + "sys.exit(0)", "script.py:4: the script ended itself", "so is sys.exit(0)")
    failed_asking("def f: pass\n", "SyntaxError", "so is what is no Python")
    failed_asking("import nothing_like_that\n", "ModuleNotFoundError", "so is a missing module")
    failed_asking(ASK + "ask(days)", "RecursionError", "so is endless recursion")
    failed_asking(ASK + "(_ for _ in ()).throw(KeyboardInterrupt())", "KeyboardInterrupt",
                  "so is what is no Exception")
    failed_asking(ASK + "days[0].data", "ask returned 'x'", "so is data that is an answer",
                  [(1, b'"x"')])
    failed(worker(pathlib.Path(folder.name) / "none.py", call_of([], "query", "ask", 1)),
           "No such file", "so is a script that is not there")
    # Not for the module to prevent: who has the process has its reply. The reader is strict.
    status, out, _ = worker(script(ASK + "os._exit(0)"), call_of([], "query", "ask", 1))
    same((status, out), (0, b""), "os._exit(0) gives an empty reply, which no reader takes")
    text = "import ctypes\n" + ASK + "[os.write(fd, b'lie') for fd in range(3, 9) if ok(fd)] and 1\n"
    text += "def ok(fd):\n    try:\n        return os.fstat(fd)\n    except OSError:\n        pass\n"
    status, out, _ = worker(script(text), call_of([], "query", "ask", 1))
    ok(b"lie" in out and not out.startswith(b"\xa3"), "a script that writes to the reply spoils it",
       out)


def bad_calls():
    text = script(KEEP + "1\n" + ASK + "1")
    good = {"days": [[1, b"[]"]], "kind": "process", "format": "alcove-call-1", "entries": 0,
            "function": ""}
    for title, change in {
            "another format": {"format": "alcove-call-2"}, "another kind": {"kind": "delete"},
            "a further member": {"more": 1}, "two days to process": {"days": [[1, b""], [2, b""]]},
            "a function to process": {"function": "ask"}, "entries to process": {"entries": 1},
            "days that fall": {"kind": "query", "days": [[2, b"1"], [1, b"1"]]},
            "a day twice": {"kind": "query", "days": [[2, b"1"], [2, b"1"]]},
            "a day that is a text": {"days": [[1, "[]"]]}}.items():
        failed(worker(text, cbor.encode({**good, **change})), "no alcove-call-1", f"{title}: refused")
    failed(worker(text, b""), "cut off", "no call at all: refused")
    failed(worker(text, cbor.encode(good) + b"\0"), "too many", "a byte behind the call: refused")


def command(*words):
    ended = subprocess.run([PYTHON, "-I", "-B", MODULE, *words], capture_output=True, text=True)
    return ended.returncode, ended.stdout, ended.stderr


def commands():
    wanted = "function: ask\naggregate: mean\n"
    status, out, _ = command("schema", script("print(1)\n" + ASK + "1"), "ask")
    ok(status == 0 and out.startswith(wanted), "schema prints the query's part, and nothing else", out)
    status, out, err = command("schema", script(ASK + "1"), "aks")
    ok(status == 1 and "there is: ask" in err, "… or what functions there are", err)
    status, _, err = command("describe", script("x = 1\n"))
    ok(status == 1 and "no function is marked" in err, "a script without functions is refused", err)
    ok(command()[0] == command("worker")[0] == 2, "wrong usage has status 2")
    # As a worker starts it: installed as a package, found without the script's folder.
    path = f"import sys; sys.path.insert(0, {str(MODULE.parent)!r}); sys.argv[1:] = ['schema', " \
           f"{str(EXAMPLE / 'travel.py')!r}, 'od']; import runpy; runpy.run_module('alcove', {{}}, " \
           "'__main__', True)"
    ended = subprocess.run([PYTHON, "-I", "-B", "-c", path], capture_output=True, text=True)
    ok(ended.stdout.startswith("function: od\n"), "the module runs as a package, too", ended.stderr)


def trips_of(day):
    status, out, err = worker(EXAMPLE / "travel.py", call_of([(20724, day.read_bytes())]))
    if status != 0:
        ok(False, f"{day.name} is processed", err)
        return b"[]"
    return reply_of(out)[1]


def trips_with_pandas(day):
    result = pathlib.Path(folder.name) / "trips.json"
    subprocess.run([PYTHON, "-I", "-B", TOP / "examples/trips/trips.py", day, result], check=True)
    return json.loads(result.read_text())["trips"]


def answers_fit(days, title):
    described = cbor.decode(subprocess.run([PYTHON, "-I", "-B", MODULE, "describe",
                                            EXAMPLE / "travel.py"], capture_output=True).stdout)
    unfit, share = [], None
    for one in described["functions"]:
        entries = len(one["entries"])
        status, out, err = worker(EXAMPLE / "travel.py",
                                  call_of(days, "query", one["function"], entries))
        vector = reply_of(out)[0] if status == 0 else []
        share = vector if one["function"] == "mode_share" else share
        if len(vector) != entries:
            unfit.append(err)
    ok(not unfit, f"{title}: {len(described['functions'])} functions answer", "".join(unfit))
    same(sum(share), 100, "… and the shares add up to 100")


def example():
    people = pathlib.Path(folder.name) / "people"
    make = [PYTHON, "-B", EXAMPLE / "make_people.py"]
    subprocess.run([*make, people, "--people", "2", "--days", "3"], check=True)
    subprocess.run([*make, folder.name, "--people", "1", "--days", "3"], check=True)
    files = sorted((people / "person-001").iterdir())
    same([file.read_bytes() for file in files],
         [file.read_bytes() for file in sorted((pathlib.Path(folder.name) / "person-001").iterdir())],
         "made-up people are made again")
    days = [(20724 + i, trips_of(file)) for i, file in enumerate(files)]
    ok(all(len(json.loads(data)) > 1 for _, data in days), "their trips are found", days)
    answers_fit(days, "made-up days")

    real = sorted(DAYS.glob("day-??.json"))
    if not real:
        skip("real days give the trips of the pandas example", f"no days in {DAYS}")
        return
    days = []
    for i, day in enumerate(real):
        data = trips_of(day)
        days.append((17000 + i, data))
        same([(trip["end"] - trip["start"], trip["metres"], trip["hour"]) for trip in json.loads(data)],
             [(trip["duration_s"], trip["distance_m"], int(trip["start"][11:13]))
              for trip in trips_with_pandas(day)], f"{day.stem} gives the trips of the pandas example")
    answers_fit(days, "real days")


if __name__ == "__main__":
    with folder:
        processing()
        asking()
        bad_endings()
        bad_calls()
        commands()
        example()
    done()
