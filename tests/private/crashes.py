#!/usr/bin/python3.11
# SPDX-License-Identifier: Apache-2.0
"""Kills every kind of process of private queries at seeded moments, while people upload, grant, pause
and look and analysts ask; then counts.

Nothing that was acknowledged may be lost, nothing charged twice, nothing released uncharged; the log only
grows; and at the end every custodian opens and all answer a query together. The seed decides what is killed,
and when after what; what runs beside it is the machine's doing, so a seed that found something may have to
be run again.

    crashes.py [--seed N] [--kills N] [--people N] [--only KIND] [--keep]
"""

import argparse
import collections
import concurrent.futures
import datetime
import http.client
import json
import os
import pathlib
import random
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from world import TOP, World  # noqa: E402

DAYS = ["2026-09-28", "2026-09-29", "2026-09-30"]
ROLES, PARTS = ("custodian", "aggregator", "worker"), ("supervisor", "enclave", "microcode")
KINDS = [f"{role}'s {part}" for role in ROLES for part in PARTS] + [
    "quoting process", "quoting process's microcode", "alcoved", "phone", "analyst"]
LEASE, COST = "0.06", "0.01"
TARGET_S = 2  # how long to wait for a process of a kind to be there
LOOK_S = 120  # for what must come in the end
# What nobody may ever be told of an honest, if clumsy, server: it would mean that something that was
# acknowledged is gone.
NEVER = re.compile(r"rolled back|cloned|older than what|FORKED|made it up|is not what a phone wrote|"
                   r"is not a phone's key|cannot be decoded|Sanitizer", re.IGNORECASE)


def read(path):
    try:
        return pathlib.Path(path).read_text()
    except OSError:
        return ""


def children(pid):
    """Of all of its threads. To look through all processes would take longer than most of them live."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []
    return [int(child) for thread in threads for child in read(f"/proc/{pid}/task/{thread}/children").split()]


def micro(text):
    whole, _, part = text.partition(".")
    return int(whole) * 10**6 + int(part.ljust(6, "0"))


class Findings:
    """What is wrong, by check; from any thread."""

    def __init__(self):
        self.lock = threading.Lock()
        self.by_check = collections.defaultdict(list)

    def add(self, check, text):
        with self.lock:
            self.by_check[check].append(text)


class Life:
    """One person, whose commands run one after the other; what was acknowledged to them, and what may be
    true besides."""

    def __init__(self, test, number, rng):
        self.test, self.number, self.rng = test, number, rng
        self.person = test.world.person(number)
        self.days = {}        # date: what may be there; what was acknowledged last comes first
        self.paused = {False}
        self.caps = set()     # weekly caps, in millionths: they tell policies apart
        self.granted = self.tried = 0
        self.log_size = 0
        self.base = {}        # lease: what was charged before it
        self.charged = 0
        self.opened = self.done = 0
        self.events = []

    # ---- commands ---------------------------------------------------------------------------------

    def phone(self, verb, *args):
        """(status, output); killed at any moment."""
        command = [self.test.world.alcove, "phone", "--phone", self.person.folder, verb, *args]
        status, out, err = self.test.run("phone", command)
        if NEVER.search(out + err):
            self.test.findings.add("never", f"person {self.number}: {verb}: {err.strip()}")
        if status == 0:
            self.done += 1
        return status, out, err

    def see(self):
        """The status; None when it could not be had."""
        status, out, _ = self.phone("status", "--json")
        if status != 0:
            return None
        seen = json.loads(out)
        self.check_status(seen)
        return seen

    def check_status(self, seen):
        wrong, who = self.test.findings.add, f"person {self.number}"
        if seen["forks"] or seen["log_size"] < self.log_size:
            wrong("log", f"{who}: {seen['forks']} forks, {seen['log_size']} entries after {self.log_size}")
        self.log_size = max(self.log_size, seen["log_size"])
        if seen["granted_lifetime"] < self.granted or seen["granted_lifetime"] > self.tried:
            wrong("leases", f"{who}: the phone counts {seen['granted_lifetime']}, "
                  f"acknowledged {self.granted}, tried {self.tried}")
        if "paused" not in seen:
            return
        if not self.granted <= seen["spent_lifetime"] <= seen["granted_lifetime"]:
            wrong("leases", f"{who}: the custodian counts {seen['spent_lifetime']} of "
                  f"{seen['granted_lifetime']} granted, {self.granted} acknowledged")
        if seen["paused"] not in self.paused:
            wrong("orders", f"{who}: paused is {seen['paused']}, not {self.paused}")
        if seen["cap_week"] not in self.caps:
            wrong("orders", f"{who}: the cap is {seen['cap_week']}, not one of {self.caps}")
        self.paused, self.caps = {seen["paused"]}, {seen["cap_week"]}

    # ---- what people do ---------------------------------------------------------------------------

    def upload(self):
        names = self.rng.sample(DAYS, self.rng.choice((1, 1, 2)))
        paths = {}
        folder = self.person.folder.parent / f"days-{self.number}-{secrets.token_hex(4)}"
        folder.mkdir()
        for name in names:
            data = self.test.day(self.rng)
            path = folder / f"{name}.json"
            path.write_bytes(data)
            paths[name] = data
            self.days.setdefault(name, [None]).append(data)  # from now on it may be there
        _, out, _ = self.phone("upload", *(folder / f"{name}.json" for name in names))
        for name in re.findall(r"(?m)^(\d{4}-\d\d-\d\d)  \d+ bytes stored, .*\n", out):
            self.days[name] = [paths[name]]
        shutil.rmtree(folder)

    def lease(self):
        self.tried += micro(LEASE)
        if self.phone("lease", LEASE)[0] == 0:
            self.granted += micro(LEASE)

    def pause(self):
        """And resume; in the end it is one of them."""
        for verb, wanted in (("pause", True), ("resume", False)):
            self.paused.add(wanted)
            if self.phone(verb)[0] == 0:
                self.paused = {wanted}

    def policy(self):
        path, cap = self.test.policy()
        accepted = self.phone("policy", path, "--yes")[0] == 0
        self.caps.add(cap)  # may be accepted even if it was killed
        if accepted and self.phone("policy-push")[0] == 0:
            self.caps = {cap}

    def look(self):
        """What was charged: once for each query, and no more and no less than the lease says."""
        before = self.see()
        status, out, _ = self.phone("activity", "--json")
        after = self.see() if status == 0 else None
        if before is None or after is None or "lease" not in before or "lease" not in after:
            return
        self.events = json.loads(out)["events"]
        paid = [(event["query"], event["cost"]) for event in self.events if event["cost"] > 0]
        wrong, who = self.test.findings.add, f"person {self.number}"
        if len(paid) != len({query for query, _ in paid}):
            wrong("charges", f"{who}: charged twice for one query: {paid}")
        for query, cost in paid:
            if cost != self.test.cost or query not in self.test.asked:
                wrong("charges", f"{who}: charged {cost} for {query}, which nobody asked")
        total = sum(cost for _, cost in paid)
        if total < self.charged or total > after["spent_lifetime"]:
            wrong("charges", f"{who}: {total} charged, {self.charged} before, "
                  f"{after['spent_lifetime']} granted")
        self.charged = total
        lease = before["lease"]
        if lease and (lease, before["lease_left"]) == (after["lease"], after["lease_left"]):
            base = total - (before["lease_rho"] - before["lease_left"])
            if self.base.setdefault(lease, base) != base:
                wrong("charges", f"{who}: lease {lease} paid {before['lease_rho'] - before['lease_left']}; "
                      f"the activity says {total - self.base[lease]}")

    def recover(self):
        """Until it is open and has a lease; False when it is not to be had now."""
        seen = self.see()
        if seen is None:
            time.sleep(0.1)
            return False
        if not seen.get("open"):
            if self.phone("unlock")[0] != 0:
                return False
            self.opened += 1
            seen = self.see() or {}
        if seen.get("paused") and self.phone("resume")[0] == 0:
            self.paused = {False}
        if not seen.get("paused") and seen.get("lease_left", 0) < self.test.cost:
            self.lease()
        return True

    def live(self):
        doing = [self.upload] * 4 + [self.look] * 2 + [self.lease, self.pause, self.policy, self.see]
        while not self.test.over:
            if self.recover():
                self.rng.choice(doing)()

    def begin(self, path, cap):
        self.caps = {cap}
        self.person.begin(path)
        for name in DAYS:
            self.days[name] = [None]
        self.upload()
        self.lease()

    # ---- afterwards -------------------------------------------------------------------------------

    def settle(self):
        """Opens it with nobody disturbing; False when it is bricked."""
        deadline = time.monotonic() + LOOK_S
        while time.monotonic() < deadline:
            seen = self.see()
            if seen is not None and seen.get("open") is False:
                self.phone("unlock")
            elif seen is not None and "lease" in seen:
                return True
        status, _, err = self.phone("unlock")
        self.test.findings.add("bricked", f"person {self.number}: status {status}: {err.strip()}")
        return False

    def check_days(self):
        folder = self.person.folder.parent / f"export-{self.number}"
        status, _, err = self.phone("export", folder)
        if status != 0:
            self.test.findings.add("days", f"person {self.number}: no export: {err.strip()}")
            return 0
        for name, may in self.days.items():
            path = folder / f"{name}.uploaded"
            there = path.read_bytes() if path.exists() else None
            if there not in may:
                self.test.findings.add("days", f"person {self.number}: {name} is "
                                       f"{'missing' if there is None else f'{len(there)} other bytes'}")
        return sum(may[0] is not None for may in self.days.values())


class Crashes:
    def __init__(self, options, world):
        self.options, self.world = options, world
        self.rng = random.Random(options.seed)
        self.kinds = []  # whose turn it is: each once before one comes again
        self.findings = Findings()
        self.lock = threading.Lock()
        self.running = {"phone": [], "analyst": []}
        self.over = False
        self.restarting = threading.Lock()
        self.cost = micro(COST)
        self.asked, self.released = set(), []  # query ids; reports
        self.caps = 0
        self.killed = collections.Counter()
        self.leaves = b""

    def run(self, kind, command):
        process = subprocess.Popen([str(part) for part in command], env=self.world.env, text=True,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        with self.lock:
            self.running[kind].append(process)
        out, err = process.communicate()
        with self.lock:
            self.running[kind].remove(process)
        return process.returncode, out, err

    # ---- what is made up --------------------------------------------------------------------------

    def day(self, rng):
        """A day of its own: the same trips, other white space, and sometimes much of it."""
        mark = "".join(rng.choice(" \t") for _ in range(40))
        return rng.choice(self.made_up) + mark.encode() + b"\n" * rng.choice((0, 100, 70_000, 600_000))

    def policy(self):
        """A policy that differs from all others in its weekly cap: its file, and the cap."""
        with self.lock:
            self.caps += 1
            text = f"{90 + self.caps * 1e-6:.6f}"
            path = self.world.folder / f"policy-{self.caps}.yaml"
            path.write_text(self.draft.replace("RHO_WEEK", text))
        return path, micro(text)

    def prepare(self):
        w, count = self.world, self.options.people
        w.worker_bundles["travel"] = w.bundle("travel", TOP / "examples/private")
        w.aggregators["watch"] = w.build / "tests/aggregator/aggregator-watch.bundle"
        files = w.made_up_days(2, 3)
        self.made_up = [pathlib.Path(path).read_bytes() for number in (1, 2) for path in files(number)]
        w.start()
        self.template = {name: w.query(without=[other], users=(2, 1000), rho=COST, run_ms=1500).read_text()
                         for name, other in (("aggregator", "watch"), ("watch", "aggregator"))}
        self.draft = w.policy(users_min=2, rho_week='"RHO_WEEK"', rho_query='"0.02"',
                              rho_analyst='"90"').read_text()
        self.policy_first = self.policy()
        plan = json.loads(w.cli("query", "plan", self.write("aggregator", 2), "--json").stdout)
        self.cost = micro(str(plan["cost"]["rho"]))
        self.people = [Life(self, number, random.Random(f"{self.options.seed}/{number}"))
                       for number in range(1, count + 1)]
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda life: life.begin(*self.policy_first), self.people))

    # ---- queries ----------------------------------------------------------------------------------

    def write(self, aggregator, users_min, seconds=8):
        deadline = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
        text = self.template[aggregator].replace("users: {min: 2", f"users: {{min: {users_min}")
        for name, value in (("nonce", secrets.token_hex(16)),
                            ("deadline", f"{deadline:%Y-%m-%dT%H:%M:%SZ}")):
            text = re.sub(rf"(?m)^{name}: .*$", f"{name}: {value}", text)
        path = self.world.folder / f"query-{secrets.token_hex(6)}.yaml"
        path.write_text(text)
        return path

    def ask(self, path):
        w = self.world
        compiled = w.cli("query", "compile", path, "-o", path.with_suffix(".cbor")).stdout
        with self.lock:
            self.asked.add(re.search(r"[0-9a-f]{64}", compiled).group(0))
        status, out, err = self.run("analyst", [w.alcove, "query", "run", path, "--server", w.server,
                                                "--json", "--out", path.with_suffix(".result")])
        if status == 0:
            with self.lock:
                self.released.append(json.loads(out))
        return status, err

    def analyst(self, aggregator):
        while not self.over:
            self.ask(self.write(aggregator, 2))

    def outcomes(self):
        """Of those whose analyst was killed, too: fetched from the server, which has them or not."""
        for query in self.asked - {report["query"] for report in self.released}:
            shown = self.world.cli("query", "show", query, "--server", self.world.server, "--json",
                                   check=False)
            if shown.returncode == 0:
                self.released.append(json.loads(shown.stdout))

    # ---- the log ----------------------------------------------------------------------------------

    def check_log(self):
        """Reads it all again: what was there before is its beginning."""
        leaves, count = b"", 0
        while True:
            connection = http.client.HTTPConnection("localhost")
            connection.sock = socket.socket(socket.AF_UNIX)
            connection.sock.connect(str(self.world.state / "alcoved.sock"))
            connection.request("GET", f"/v1/log/leaves?from={count}")
            page = connection.getresponse().read()
            connection.close()
            at = 0
            while at < len(page):  # byte strings with a head of 1, 2 or 3 bytes
                extra = {24: 1, 25: 2}.get(page[at] & 31, 0)
                size = int.from_bytes(page[at + 1:at + 1 + extra], "big") if extra else page[at] & 31
                at += 1 + extra + size
                count += 1
            if not page:
                break
            leaves += page
        if not leaves.startswith(self.leaves):
            self.findings.add("log", "leaves that were there are not there any more")
        self.leaves = leaves
        return count

    # ---- killing ----------------------------------------------------------------------------------

    def processes(self):
        """{kind: [pid]} of what runs below the daemon."""
        found = collections.defaultdict(list)
        bundles = {"custodian": "custodian.bundle", "aggregator": "aggregator", "worker": "travel.bundle"}
        for top in children(self.world.daemon.pid):
            command = read(f"/proc/{top}/cmdline")
            role = next((role for role, name in bundles.items() if name in command), None)
            if role is None:
                continue
            found[f"{role}'s supervisor"].append(top)
            for pid in children(top):
                quoting = read(f"/proc/{pid}/comm").startswith("alcove-quoting")
                found["quoting process" if quoting else f"{role}'s enclave"].append(pid)
                found["quoting process's microcode" if quoting else f"{role}'s microcode"] += children(pid)
        return found

    def target(self, kind, pick):
        """The pid of one; for commands, of one that has just begun."""
        deadline = time.monotonic() + TARGET_S
        before = {process.pid for process in self.running.get(kind, [])}
        while time.monotonic() < deadline:
            if kind in self.running:
                with self.lock:
                    there = [p.pid for p in self.running[kind] if p.pid not in before or kind == "analyst"]
            else:
                there = self.processes()[kind]
            if there:
                return sorted(there)[int(pick * len(there))]
            time.sleep(0.005)
        return None

    def kill_daemon(self, after):
        self.world.kill(signal.SIGKILL)
        time.sleep(after)
        self.world.start()
        self.check_log()

    def kill_one(self):
        if not self.kinds:
            self.kinds = [kind for kind in KINDS if self.options.only in kind]
            self.rng.shuffle(self.kinds)
        kind, pick, after = self.kinds.pop(), self.rng.random(), self.rng.random()
        time.sleep(self.rng.uniform(0, 0.6))
        if kind == "alcoved":
            self.kill_daemon(after / 2)
            self.killed[kind] += 1
            return
        pid = self.target(kind, pick)
        if pid is None:
            return
        # A phone's commands take a tenth of a second, workers a few: anywhere in there.
        time.sleep(after * {"phone": 0.12, "analyst": 1}.get(kind, 0.25))
        try:
            os.kill(pid, signal.SIGKILL)
            self.killed[kind] += 1
        except ProcessLookupError:
            pass

    def guarded(self, action, *args):
        try:
            action(*args)
        except Exception:  # a thread's end would be seen by nobody
            self.findings.add("never", traceback.format_exc())

    def load(self):
        load = [(life.live,) for life in self.people] + [(self.analyst, name) for name in self.template]
        threads = [threading.Thread(target=self.guarded, args=action) for action in load]
        for thread in threads:
            thread.start()
        try:
            while sum(self.killed.values()) < self.options.kills:
                self.kill_one()
                if self.options.verbose and sum(self.killed.values()) % 10 == 0:
                    print(f"# {sum(self.killed.values())} killed", file=sys.stderr, flush=True)
        finally:
            self.over = True
            for thread in threads:
                thread.join()

    # ---- the reckoning ----------------------------------------------------------------------------

    def check_releases(self):
        """Each receipt's contributors have paid what it says; the watching aggregator knows them by name."""
        paid = {life.number: {event["query"]: event for event in life.events if event["cost"] > 0}
                for life in self.people}
        for report in self.released:
            payers = [events[report["query"]] for events in paid.values() if report["query"] in events]
            left = sum(event["sent"] for event in payers)
            if left < report["answered"] or len(payers) < report["answered"]:
                self.findings.add("releases", f"{report['answered']} answers in {report['query']}, paid by "
                                  f"{len(payers)}, sent by {left}")
            if any(micro(str(report["cost"]["rho"])) != event["cost"] for event in payers):
                self.findings.add("releases", f"{report['query']} cost {report['cost']['rho']}, "
                                  f"charged: {payers}")
        log = (self.world.folder / "daemon.log").read_text()
        counted = collections.Counter(re.findall(r"watch: ([0-9a-f]{64})", log))
        for life in self.people:
            owner = life.see()["owner"]
            if counted[owner] > len(paid[life.number]):
                self.findings.add("releases", f"person {life.number} was counted {counted[owner]} times and "
                                  f"paid {len(paid[life.number])} times")
        return sum(counted.values())

    def reckon(self):
        """Everything that can be seen when nobody is disturbed; the last query's error, or None."""
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            if not all(list(pool.map(Life.settle, self.people))):
                return "not all can be opened"
        self.acknowledged = sum(life.check_days() for life in self.people)
        for life in self.people:
            life.phone("resume")
            life.paused = {False}
            life.look()
            life.base = {}
            life.lease()
            life.base[life.see()["lease"]] = life.charged  # nobody asks any more: exactly what comes now
        for life in self.people:
            try:
                life.person.wait_processed(LOOK_S)
            except TimeoutError as error:
                self.findings.add("pending", str(error))
        before = len(self.released)
        status, err = self.ask(self.write("watch", len(self.people), 60))
        for life in self.people:
            life.look()
        self.outcomes()
        self.size = self.check_log()
        self.counted = self.check_releases()
        whole = any(report["answered"] == len(self.people) for report in self.released[before:])
        return None if status == 0 and whole else err or "not all answered"

    def leftovers(self):
        """What runs in the daemon's session after it has ended."""
        session = self.world.daemon.pid
        self.world.close()
        for _ in range(100):
            left = subprocess.run(["ps", "-o", "pid=,stat=,args=", "-s", str(session)], text=True,
                                  stdout=subprocess.PIPE, check=False).stdout.splitlines()
            left = "\n".join(line for line in left if line.split()[1][0] != "Z")  # which wait for init
            if not left:
                return ""
            time.sleep(0.1)
        return left


def report(test, error, left, seconds):
    checks = [
        ("days", "every upload that was acknowledged is there, byte for byte"),
        ("leases", "leases that were granted count as spent, on the phone and with the custodian"),
        ("orders", "pauses and policies that were acknowledged hold"),
        ("charges", "nothing is charged twice, and leases paid for what the activity says"),
        ("releases", "nothing is released uncharged"),
        ("log", "the log only grows"),
        ("never", "no phone sees a rollback, a clone or a fork"),
        ("bricked", "every custodian opens"),
        ("pending", "every day that waited is processed"),
    ]
    failed = 0
    for number, (check, title) in enumerate(checks, 1):
        found = test.findings.by_check[check]
        failed += bool(found)
        print(f"{'not ok' if found else 'ok'} {number} - {title}")
        for text in found[:5]:
            print("\n".join(f"# {line}" for line in text.splitlines()))
    others = [(error, "and all answer a query together"), (left, "when the daemon ends, nothing runs on")]
    for number, (found, title) in enumerate(others, len(checks) + 1):
        failed += bool(found)
        print(f"{'not ok' if found else 'ok'} {number} - {title}")
        if found:
            print("\n".join(f"# {line}" for line in str(found).splitlines()[-8:]))
    total = sum(test.killed.values())
    print(f"1..{len(checks) + 2}")
    print(f"# seed {test.options.seed}: {total} killed in {seconds:.0f} s: "
          + ", ".join(f"{kind} {test.killed[kind]}" for kind in KINDS if test.killed[kind]))
    if error != "not all can be opened":
        done, opened = (sum(getattr(life, what) for life in test.people) for what in ("done", "opened"))
        print(f"# {done} commands done, {opened} times opened again, {len(test.asked)} queries asked, "
              f"{len(test.released)} released, {test.counted} contributions seen, {test.size} log entries")
    if failed:
        only = f" --only {test.options.only!r}" if test.options.only else ""
        print(f"# again: tests/private/crashes.py --seed {test.options.seed} --kills {test.options.kills} "
              f"--people {test.options.people}{only}")
    return failed > 0


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--people", type=int, default=6)
    parser.add_argument("--build", type=pathlib.Path, default=os.environ.get("ALCOVE_BUILD", TOP / "build"))
    parser.add_argument("--only", default="", help="kinds of processes that have this in their names")
    parser.add_argument("--keep", action="store_true", help="keep the folder when something was found")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args(arguments)
    if not (options.build / "libexec/alcove/aggregator.bundle").exists():
        print("ok 1 - crashes # SKIP this build has no bundles of services\n1..1")
        return 0
    begin = time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("crashes: stopped"))  # and takes its daemon with it
    folder = tempfile.mkdtemp(prefix="alcove-crashes-")
    failed = True
    try:
        with World(folder, options.build.resolve()) as world:
            test = Crashes(options, world)
            test.prepare()
            test.load()
            error = test.reckon()
            failed = report(test, error, test.leftovers(), time.monotonic() - begin)
    finally:
        if failed and options.keep:
            print(f"# kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
