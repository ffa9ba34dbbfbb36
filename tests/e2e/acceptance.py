#!/usr/bin/python3.11
# SPDX-License-Identifier: Apache-2.0
# timeout: 900
"""e-mission's own acceptance test, with phones, a daemon and an enclave for each person.

n custodians whose owners accept aggregator A: A gets n contributions; an aggregator that differs from A in
one byte of one string gets 0; what a worker that differs in one byte would say is not counted. For n = 10 and
n = 100. A third aggregator, with an identity of its own, shows what each person's vector was: the same as the
script's outside of any enclave, for real days where they are there.

    acceptance.py [N…]
"""

import json
import os
import pathlib
import re
import shutil
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "private"))
import world  # noqa: E402
from world import TOP, World  # noqa: E402

SHARED = pathlib.Path(os.environ.get("ALCOVE_SHARED", TOP.parent / "shared")) / "trips"
SCRIPT = TOP / "examples/private/travel.py"
count = failed = 0


def ok(condition, title, detail=""):
    global count, failed
    count += 1
    failed += not condition
    print(f"{'ok' if condition else 'not ok'} {count} - {title}", flush=True)
    if not condition and detail:
        print("\n".join("# " + line for line in str(detail).splitlines()[-12:]), flush=True)


def skip(title, why):
    global count
    count += 1
    print(f"ok {count} - {title} # SKIP {why}", flush=True)


def changed_program(w, name, program, config, old, new):
    """A bundle whose program differs in one byte of one string."""
    folder = w.folder / f"{name}-source"
    folder.mkdir()
    data = program.read_bytes()
    assert len(old) == len(new) and data.count(old) >= 1 and sum(a != b for a, b in zip(old, new)) == 1
    at = data.index(old)
    (folder / program.name).write_bytes(data[:at] + new + data[at + len(old):])
    shutil.copy(config, folder / "alcove.yaml")
    os.chmod(folder / program.name, 0o755)
    return w.bundle(name, folder)


def changed_script(w):
    folder = w.folder / "changed-source"
    shutil.copytree(TOP / "examples/private", folder)
    shutil.copytree(TOP / "python/alcove", w.folder / "python/alcove", dirs_exist_ok=True)
    text = (folder / "travel.py").read_text()
    (folder / "travel.py").write_text(text.replace("how many trips", "how many Trips", 1).replace(
        "How many trips", "How many Trips", 1))
    config = (folder / "alcove.yaml").read_text()
    module = str(w.folder / "python/alcove")
    (folder / "alcove.yaml").write_text(config.replace("../../python/alcove", module))
    return folder


def watched(w):
    """{owner: vector} of the last query that the watching aggregator summed."""
    found = {}
    for line in (w.folder / "daemon.log").read_text().splitlines():
        match = re.search(r"watch: ([0-9a-f]{64})((?: -?\d+)+)$", line)
        if match:
            found[match.group(1)] = [int(n) for n in match.group(2).split()]
    return found


def outside(w, files):
    """What the same script says of the same days, in an ordinary process."""
    days = [part for date, path in files for part in ("--day", path, "--date", date)]
    said = json.loads(w.cli("try", SCRIPT, *days, "--function", "mode_share", "--json").stdout)
    return [entry["sent"] for entry in said["functions"][0]["entries"]]


def days_of(w, people, days):
    """Dated files of each person: real days for the first, where they are there; made-up ones for
    the others."""
    made = w.made_up_days(people, days)
    real = sorted(SHARED.glob("day-0[0-9].json"))

    def files(number):
        if number <= len(real):
            return [(world.FIRST_DAY, str(real[number - 1]))]
        return [(pathlib.Path(path).stem, path) for path in made(number)]
    return files, min(len(real), people)


def progress(result):
    """The last line of numbers that a query that failed printed."""
    lines = [line for line in result.stderr.splitlines() if re.search(r"\d+ accepted", line)]
    return {key: int(n) for n, key in re.findall(r"(\d+) (\w+)", lines[-1])} if lines else {}


def compare(w, query, people, files, real):
    """Each person's vector as the script has it outside."""
    result = w.ask(query, check=False)
    inside = watched(w)
    wanted = {person.json("status")["owner"]: outside(w, files(number))
              for number, person in enumerate(people, 1)}
    ok(inside == wanted, f"the vectors of all {len(people)}, seen by an aggregator that only tests know, "
       "are the script's outside", f"{inside}\n{wanted}\n{result}")
    ok(any(vector != [0, 0, 0] for vector in inside.values()), "… and they say something")
    if real == 0:
        skip("with real days", "there is no ../shared/trips")


def acceptance(n, build, days):
    with tempfile.TemporaryDirectory(prefix="alcove-acceptance-") as folder, World(folder, build) as w:
        travel = w.bundle("travel", TOP / "examples/private")
        w.worker_bundles["travel"] = travel
        w.aggregators["watch"] = build / "tests/aggregator/aggregator-watch.bundle"
        w.aggregators["other"] = changed_program(
            w, "other", build / "services/images/aggregator", TOP / "services/aggregator/alcove.yaml",
            b"start another one", b"start another One")
        w.start()
        policy = w.policy(without=["other"], users_min=2, rho_week='"0.1"', rho_query='"0.03"',
                          rho_analyst='"0.1"')
        files, real = days_of(w, n, days)

        def setup(number):
            person = w.person(number)
            person.begin(policy)
            for date, path in files(number):
                person.phone("upload", path, "--date", date)
            person.phone("lease", "0.1")
            return person
        with world.concurrent.futures.ThreadPoolExecutor(4) as pool:
            people = list(pool.map(setup, range(1, n + 1)))
        for person in people:
            person.wait_processed()
        ok(True, f"{n} people have custodians, days and leases ({real} with real days)")

        result = w.ask(w.query(without=["other", "watch"], users=(n, n)), check=False)
        text = result if isinstance(result, dict) else result.stderr
        ok(isinstance(result, dict) and result["answered"] == n,
           f"aggregator A gets {n} of {n} contributions", text)
        result = w.ask(w.query(without=["aggregator", "watch"], users=(2, n), seconds=60), check=False)
        ok(not isinstance(result, dict),
           "an aggregator that differs in one byte of one string releases nothing", result)
        ok(not isinstance(result, dict) and progress(result).get("declined") == n and
           progress(result).get("answered") == 0, f"… all {n} declined it: it got 0",
           getattr(result, "stderr", ""))

        query = w.query(without=["aggregator", "other"], users=(n, n))
        if n <= 10:
            compare(w, query, people, files, real)

        # The host swaps the worker: the same place, one byte of a remark in the script.
        w.bundle("changed", changed_script(w))
        same = w.measure(travel)
        os.rename(travel, w.folder / "kept.bundle")
        os.rename(w.folder / "changed.bundle", travel)
        other = w.measure(travel)
        ok(same != other, "a script that differs in one byte is another worker", f"{same}\n{other}")
        (w.folder / "daemon.log").write_text("")
        result = w.ask(query_again(w, query), check=False)
        inside = watched(w)
        ok(len(inside) == n and all(vector == [0, 0, 0] for vector in inside.values()),
           "what it would say is not counted: all vectors are the default", f"{inside}\n{result}")
        activity = people[0].json("activity")
        ok("worker" in json.dumps(activity), "and the owner is told", activity)


def query_again(w, query):
    """The same question as another query: for the bundle that it named, whatever lies in its place now."""
    text = query.read_text()
    nonce = re.search(r"(?m)^nonce: (.*)$", text).group(1)
    path = w.folder / "again.yaml"
    path.write_text(text.replace(nonce, world.secrets.token_hex(16)))
    return path


def main():
    build = pathlib.Path(os.environ.get("ALCOVE_BUILD", TOP / "build"))
    sizes = [int(n) for n in sys.argv[1:]] or [10, 100]
    if not (build / "libexec/alcove/aggregator.bundle").exists():
        skip("acceptance", "this build has no bundles of services")
    else:
        for n in sizes:
            acceptance(n, build, 3 if n <= 10 else 1)
    print(f"1..{count}")
    return failed > 0


sys.exit(main())
