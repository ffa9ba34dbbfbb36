#!/usr/bin/python3.11
# SPDX-License-Identifier: Apache-2.0
# timeout: 400
"""Attacks on private queries, each named after what the attacker does: the operator of the daemon, an
analyst, a researcher's script, another phone. Everything is real: phones, daemon, enclaves. What is not
is the operator, who stands between the daemon and its enclaves (tests/private/attack_host.py).
docs/attacks.md says what each gains.

    attacks.py [NAME…]      only the attacks whose names contain one of these
"""

import base64
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "private"))
from attack_host import AttackedWorld, Log, Service  # noqa: E402
from attack_host import cbor, consistency, decode, kind, record, sha256  # noqa: E402
from world import FIRST_DAY, LAST_DAY, TOP, Failed  # noqa: E402

SCRIPT = TOP / "tests/private/attack_script.py"
RUN_MS = 800
NO_PROOF = cbor.encode([])
CODES = re.findall(r'(?m)^CODE\(\w+, "([^"]+)"', (TOP / "wire/include/wire/codes.def").read_text())
count = failed = 0


def ok(condition, title, detail=""):
    global count, failed
    count += 1
    failed += not condition
    print(f"{'ok' if condition else 'not ok'} {count} - {title}", flush=True)
    if not condition:
        print("\n".join("# " + line[:400] for line in str(detail).splitlines()[-12:]), flush=True)


def refused(result, pattern, title):
    """A command that failed, and said this."""
    said = result.stdout + result.stderr
    ok(result.returncode != 0 and re.search(pattern, said), title,
       f"status {result.returncode}: {said}")


# ---- the world -----------------------------------------------------------------------------------

class Query:
    """A document, as file and as bytes."""

    def __init__(self, world, function="behaves", change=None, **options):
        options = {"users": (2, 10), "run_ms": RUN_MS, "without": ["watch"], **options}
        self.world = world
        self.path = world.query(function, SCRIPT, "attack", **options)
        if change is not None:
            self.path.write_text(change(self.path.read_text()))
        out = self.path.with_suffix(".cbor")
        world.cli("query", "compile", self.path, "-o", out)
        self.document = out.read_bytes()
        self.id = sha256(self.document)
        self.result = None

    def ask(self):
        self.result = self.world.ask(self.path, check=False, timeout=120)
        return self

    @property
    def released(self):
        return isinstance(self.result, dict)

    @property
    def answered(self):
        return self.result["answered"] if self.released else 0

    @property
    def said(self):
        return self.result if self.released else self.result.stdout + self.result.stderr


def events(person, query):
    """What the owner is told of a query, the newest first."""
    return [e for e in person.json("activity")["events"] if e["query"] == query.id.hex()]


def left(person):
    return person.json("status")["lease_left"]


def refusal(answer):
    """The code of a refusal; None for another answer."""
    return CODES[answer["code"]] if kind(answer) == "refused" else None


def told(s, query):
    """What Ada, Ben and Cleo are told of a query, in a word each."""
    return [events(p, query)[0]["code"] for p in s.people]


def budgets(s):
    return [left(p) for p in s.people]


def advance_to(log, leaves, size):
    """The operator's word that the log has grown to these leaves, for who holds its first ones."""
    return record("advance", head=log.head(leaves), proof=cbor.encode(consistency(size, leaves)))


def begin(person, policy, rho="1"):
    person.begin(policy)
    person.owner = person.json("status")["owner"]
    if rho is not None:
        person.phone("lease", rho)
    return person


def upload(person, secret, wait=0.0, date=FIRST_DAY):
    path = person.world.folder / f"day-{person.number}-{date}.json"
    path.write_text(json.dumps({"secret": secret, "wait": wait}))
    person.phone("upload", path, "--date", date)


class Scene:
    """Ada, Ben and Cleo, with a day, a lease, and a policy that lets much happen; and an operator."""

    def __init__(self, folder, build):
        self.build = build
        self.w = w = AttackedWorld(folder, build, workers=3)
        worker = w.folder / "attack-source"
        worker.mkdir()
        shutil.copytree(TOP / "python/alcove", worker / "module")
        shutil.copy(SCRIPT, worker / "script.py")
        yaml = (TOP / "examples/private/alcove.yaml").read_text()
        (worker / "alcove.yaml").write_text(
            yaml.replace("../../python/alcove", "module").replace("travel.py", "script.py"))
        w.worker_bundles["attack"] = w.bundle("attack", worker)
        w.aggregators["watch"] = build / "tests/aggregator/aggregator-watch.bundle"
        w.start()
        self.host = w.host
        self.policy = w.policy(users_min=2, rho_week='"9"', rho_query='"0.03"', rho_analyst='"9"')
        self.log = Log(w)
        self.root = re.search(r"roots:\n  - ([0-9a-f]{64})",
                              w.cli("query", "programs", "--server", w.server).stdout)[1]
        self.people = [w.person(n) for n in (1, 2, 3)]
        for person, name, wait in zip(self.people, ("ada", "ben", "cleo"), (0, 0.7, 0.3)):
            begin(person, self.policy)
            person.secret = f"where-{name}-was-that-day"
            upload(person, person.secret, wait)
        for person in self.people:
            person.wait_processed()

    def query(self, *args, **options):
        return Query(self.w, *args, **options)

    def close(self):
        self.w.close()

    def kill(self, person):
        """Ends a custodian as a crash does, and waits until the daemon knows."""
        self.host.kill(self.host.custodian(person))

    def volume(self, person):
        return self.w.state / "volumes" / person.owner


# ---- nothing is attacked -------------------------------------------------------------------------

def nobody_attacks(s):
    before = budgets(s)
    q = s.query().ask()
    ok(q.answered == 3, "without an attack a query has three contributions and a result", q.said)
    costs = [b - left(p) for b, p in zip(before, s.people)]
    ok(costs[0] > 0 and costs == costs[:1] * 3, "… which cost each the same", costs)
    s.cost = costs[0]
    ok(all(len(events(p, q)) == 1 and events(p, q)[0]["sent"] for p in s.people),
       "… and each is told",
       [events(p, q) for p in s.people])
    ok(s.host.saw_text(b"alcove-invite-1") and s.host.saw_text(q.document),
       "the operator saw all of the query")
    ok(not any(s.host.saw_text(p.secret.encode()) for p in s.people), "… and nobody's day")


# ---- the host and files --------------------------------------------------------------------------

def rolls_back_the_volume(s):
    cleo, volume = s.people[2], s.volume(s.people[2])
    old, new = s.w.folder / "old-volume", s.w.folder / "new-volume"
    shutil.copy(volume, old)
    upload(cleo, "another-day", date=LAST_DAY)
    lease = cleo.json("status")
    s.kill(cleo)
    shutil.copy(volume, new)
    shutil.copy(old, volume)
    refused(cleo.phone("unlock", check=False), "older than what was acknowledged",
            "rolls back the volume: it is not opened")
    ok(cleo.json("status")["open"] is False, "… the owner reads that the custodian is not open",
       cleo.json("status"))
    q = s.query().ask()
    ok(q.answered == 2, "… and a query has the two others' contributions", q.said)
    s.kill(cleo)
    volume.unlink()
    refused(cleo.phone("unlock", check=False), "older than what was acknowledged",
            "puts an empty volume in its place: it is not opened")
    refused(cleo.phone("claim", check=False), "it was started again",
            "… nor claimed by a phone that has one, unless its owner begins anew")
    s.kill(cleo)
    shutil.copy(new, volume)
    cleo.phone("unlock")
    now = cleo.json("status")
    ok(now["days"] == 2 and now["processed"] >= 1,
       "the newest opens (the same steps without the attack)", now)
    ok(now["lease"] == 0 and now["spent_week"] == lease["spent_week"],
       "… and no lease came back, what was granted stays spent", f"{lease}\n{now}")
    q = s.query().ask()
    ok(q.answered == 2 and events(cleo, q)[0]["code"] == "no-lease", "… so that it answers nothing",
       [q.said, events(cleo, q)])
    cleo.phone("lease", "1")


def clones_the_custodian(s):
    cleo, host = s.people[2], s.host
    cleo.wait_processed()
    original, held_open = host.custodian(cleo), False
    held, copied = original.held, s.w.folder / "cloned" / cleo.owner
    copied.parent.mkdir()
    shutil.copy(s.volume(cleo), copied)
    clone = host.start(original.bundle, copied)

    def to_clone(service, message, ask):
        if service is not original:
            return ask(message)
        if held_open and kind(message) == "deliver":
            advance(s.log.leaves())  # as the daemon did with the original
        return clone.ask(message)

    def advance(leaves):
        nonlocal held, held_open
        answer = clone.ask(advance_to(s.log, leaves, held))
        held, held_open = answer["size"], answer["open"]
        return answer
    with host.attack(attest=to_clone, deliver=to_clone):
        cleo.phone("unlock")
    ok(advance(s.log.leaves())["open"],
       "clones the custodian: the phone unlocks the copy, which runs beside it")

    # One lease, two of them.
    said = {}

    def invite_both(service, message, ask):
        answer = ask(message)
        if service is original:
            advance(s.log.leaves())
            said["original"] = answer["accepted"]
            said["clone"] = clone.ask({**message, "extends": NO_PROOF})["accepted"]
        return answer
    before = left(cleo)
    with host.attack(invite=invite_both):
        q = s.query().ask()
    ok(said == {"original": True, "clone": False},
       "the lease of one is nothing to the other: one accepts", said)
    ok(q.answered == 3 and before - left(cleo) == s.cost, "… one is charged, once, and counted",
       q.said)

    # The phone is made to grant the clone a lease too: the phone counts both.
    granted = cleo.json("status")["granted_week"]
    with host.attack(attest=to_clone, deliver=to_clone):
        cleo.phone("lease", "0.5")
    ok(cleo.json("status")["granted_week"] == granted + 500_000,
       "a lease for the clone is counted by the phone")
    said.clear()

    def contribute(service, message, ask):
        answer = ask(message)
        if "counted" not in said and said.get("clone"):
            time.sleep(RUN_MS / 1000)
            mine = clone.ask(record("collect", query=q.id))
            other = ask(record("contribute", message=mine["message"]))
            said["sizes"] = {len(mine["message"]), len(message["message"])}
            said["counted"] = other
        return answer
    q = s.query()
    with host.attack(invite=invite_both, contribute=contribute):
        q.ask()
    ok(said.get("original") and said.get("clone"),
       "… then both accept a query, each with its own lease", said)
    again = said.get("counted", {"counted": True})
    ok(q.answered == 3 and (not again["counted"] or again["answered"] < 3),
       "… of both at most one contribution is counted", [again, q.said])
    refused(cleo.phone("lease", "0.1", check=False),
            "rolled back or cloned|older than what was acknowledged",
            "… and the phone, back at the first, notices that there are two")

    # Back to one.
    advance(s.log.leaves())  # where the daemon looks for it
    clone.end()
    s.kill(cleo)
    shutil.copy(copied, s.volume(cleo))
    cleo.phone("unlock")
    cleo.phone("lease", "1")


# ---- contributions -------------------------------------------------------------------------------

def replays_a_contribution(s):
    again, kept = [], []

    def twice(service, message, ask):
        answer = ask(message)
        kept.append(message)
        again.append(ask(message))
        return answer
    with s.host.attack(contribute=twice):
        q = s.query().ask()
    ok(len(again) == 3 and not any(a["counted"] for a in again) and q.answered == 3,
       "replays a contribution: each is counted once", again)
    later = []

    def other(service, message, ask):
        if not later:
            later.extend(ask(k) for k in kept)
        return ask(message)
    with s.host.attack(contribute=other):
        q = s.query().ask()
    ok(len(later) == 3 and not any(a["counted"] for a in later) and q.answered == 3,
       "… and not in another query", later)


def answers_twice(s):
    """Two aggregators for one query: who has two results of it has less noise than was paid for."""
    host, second, said = s.host, {}, []
    before = budgets(s)

    def begins(service, message, ask):
        answer = ask(message)
        second["service"] = host.start(service.bundle)
        second["evidence"] = second["service"].ask(message)["evidence"]
        return answer

    def invites(service, message, ask):
        answer = ask(message)
        said.append((answer["accepted"],
                     ask({**message, "evidence": second["evidence"]})["accepted"]))
        return answer

    def contributes(service, message, ask):
        second.setdefault("counted", []).append(second["service"].ask(message)["counted"])
        return ask(message)
    with host.attack(begin=begins, invite=invites, contribute=contributes):
        q = s.query().ask()
    ok(said == [(True, False)] * 3,
       "answers twice: of two aggregators for one query each custodian accepts one", said)
    ok(q.answered == 3 and second["counted"] == [False] * 3,
       "… what it sends opens for that one only",
       [second.get("counted"), q.said])
    end = second["service"].ask(record("finish"))
    ok(refusal(end), "… so the second one releases nothing", end)
    ok([b - left(p) for b, p in zip(before, s.people)] == [s.cost] * 3, "… and it cost once")
    ok(all([e["code"] for e in events(p, q)] == ["answered", "ok"] for p in s.people),
       "… as the owners are told",
       events(s.people[0], q))
    second["service"].end()


def re_asks_after_a_crash_to_see_fresh_noise(s):
    host, kept, begun, invited = s.host, [], {}, {}

    def begins(service, message, ask):
        begun.update(service=service, message=message)
        return ask(message)

    def invites(service, message, ask):
        invited[service] = message
        return ask(message)

    def contributes(service, message, ask):
        kept.append(message)
        return ask(message)

    def finishes(service, message, ask):
        host.kill(service)
        return ask(message)
    with host.attack(begin=begins, invite=invites, contribute=contributes, finish=finishes):
        q = s.query().ask()
    ok(len(kept) == 3 and not q.released,
       "re-asks after a crash: the aggregator dies with three contributions", q.said)
    fresh = host.start(begun["service"].bundle)
    evidence = fresh.ask(begun["message"])["evidence"]
    ok(not any(fresh.ask(k)["counted"] for k in kept),
       "… another one for the same query cannot open them")
    said = [service.ask({**message, "evidence": evidence})["accepted"]
            for service, message in invited.items()]
    ok(said == [False] * 3, "… and no custodian answers it again", said)
    cleo = s.people[2]
    s.kill(cleo)
    cleo.phone("unlock")
    cleo.phone("lease", "1")
    leaves, service = s.log.leaves(), host.custodian(cleo)
    size = decode(decode(begun["message"]["head"])["body"])["size"]
    message = {**invited[next(i for i in invited if i.volume == service.volume)],
               "evidence": evidence}
    again = service.ask({**message,
                         "extends": cbor.encode(consistency(size, leaves[:service.held]))})
    ok(again == record("invited", accepted=False) and
       [e["code"] for e in events(cleo, q)] == ["answered", "ok"],
       "… nor after its own crash, with a new lease: its owner reads that it was answered before",
       [again, events(cleo, q)])
    end = fresh.ask(record("finish"))
    ok(refusal(end), "… nothing is released", end)
    fresh.end()


# ---- queries -------------------------------------------------------------------------------------

def shows_users_one_query_and_runs_another(s):
    before = budgets(s)
    nice = s.query(question="How do you travel?")
    nasty = s.query(question="Where do you sleep?", seconds=20)
    said = []

    def shows(service, message, ask):
        answer = ask({**message, "document": nice.document})
        said.append(answer["accepted"])
        return answer
    with s.host.attack(invite=shows):
        nasty.ask()
    ok(said == [False] * 3 and not nasty.released,
       "shows users one query and runs another: all decline", nasty.said)
    ok(told(s, nice) == ["document"] * 3,
       "… and are told that it is not what the aggregator runs", events(s.people[0], nice))
    begun = []

    def runs(service, message, ask):
        begun.append(ask({**message, "document": nasty.document}))
        return begun[-1]
    other = s.query()
    with s.host.attack(begin=runs):
        other.ask()
    ok(not other.released and refusal(begun[0]) == "not-logged",
       "an aggregator does not begin a query whose place in the log is another's", begun)
    ok(budgets(s) == before, "… and nobody was charged for either")
    ok(nice.ask().answered == 3, "the same query, shown as it is, is answered", nice.said)


def races_two_queries_for_one_budget(s):
    before = budgets(s)
    for person in s.people:  # a new lease takes the old one's place
        person.phone("lease", f"{s.cost / 1e6:.6f}")
    accepted = {p.owner: [] for p in s.people}

    def invites(service, message, ask):
        answer = ask(message)
        if answer["accepted"]:
            accepted[service.owner].append(message["document"])
        return answer
    queries = [s.query(seconds=20), s.query(seconds=20)]
    with s.host.attack(invite=invites), concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(Query.ask, queries))
    ok([len(a) for a in accepted.values()] == [1] * 3,
       "races two queries for one budget: each custodian accepts exactly one",
       [q.said for q in queries])
    ok(sum(q.answered for q in queries) in (2, 3), "… and is counted once",
       [q.said for q in queries])
    ok(budgets(s) == [0] * 3, "… the lease that paid for one is spent, not overspent", before)
    codes = [sorted(e["code"] for q in queries for e in events(p, q)) for p in s.people]
    ok(codes == [["no-lease", "ok"]] * 3, "… and the owner reads which one it was", codes)
    for person in s.people:
        person.phone("lease", "1")


# ---- costs ---------------------------------------------------------------------------------------

def sends_nan_negative_huge_and_fractional_costs(s):
    ada, before = s.people[0], budgets(s)
    bad = [".nan", "nan", "-0.01", "0", ".inf", "1e9", "1e-3", "100.000001", "0.0000001", "0x10",
           "1/3", "'0,01'"]
    said = {}
    for rho in bad:
        try:
            s.query(rho=rho)
            said[rho] = "compiled"
        except Failed as error:
            said[rho] = error.result.stderr
    ok(all(re.search(r"\.yaml:4:6: ", text) for text in said.values()),
       "sends NaN, negative, huge and fractional costs as YAML: each is refused, with its place",
       said)

    # As a document: what stands there for its cost is another thing.
    costs = {"NaN": "f97e00", "a half": "f93800", "one, as a fraction": "f93c00",
             "infinity": "f97c00", "-1": "20",
             "-2^64": "3bffffffffffffffff", "0": "00", "100 and a millionth": "1a05f5e101",
             "2^64 - 1": "1bffffffffffffffff",
             "true": "f5", "nothing": "f6", "20000 in a longer form": "1a00004e20",
             "a list": "8119" + "4e20"}
    q = s.query(seconds=20)
    assert q.document.count(bytes.fromhex("194e20")) == 1
    forged = {name: q.document.replace(bytes.fromhex("194e20"), bytes.fromhex(text))
              for name, text in costs.items()}
    accepted, begun = {}, {}

    def begins(service, message, ask):
        begun.update({name: ask({**message, "document": text}) for name, text in forged.items()})
        return ask(message)

    def invites(service, message, ask):
        if service.owner == ada.owner:
            accepted.update({name: ask({**message, "document": text})
                             for name, text in forged.items()})
        return ask(message)
    with s.host.attack(begin=begins, invite=invites):
        q.ask()
    ok(len(begun) == len(costs) and all(refusal(a) == "document" for a in begun.values()),
       "… in a document: no aggregator begins it", begun)
    notes = {e["query"]: e for e in ada.json("activity")["events"]}
    notes = [notes.get(sha256(text).hex(), {"failure": ""}) for text in forged.values()]
    ok(len(accepted) == len(costs) and not any(a["accepted"] for a in accepted.values()) and
       all(re.match("query: (not a well-formed|cost: 1 to 100000000)", e["failure"])
           for e in notes),
       "… no custodian answers it, and its owner is told", [accepted, notes])
    ok(q.answered == 3 and before[0] - left(ada) == s.cost,
       "… the same document with its own cost is answered", q.said)
    files = {name: s.w.folder / f"forged-{n}.cbor" for n, name in enumerate(forged)}
    for name, path in files.items():
        path.write_bytes(forged[name])
    results = {name: s.w.ask(path, check=False) for name, path in files.items()}
    ok(not any(isinstance(r, dict) or r.returncode == 0 for r in results.values()),
       "… nor posted by an analyst", results)

    q = s.query(rho="0.5", seconds=20).ask()
    ok(told(s, q) == ["cost"] * 3 and not q.released,
       "a cost beyond the owners' limit is declined by all", q.said)

    granted = ada.json("status")["granted_week"]
    results = [ada.phone("lease", "--", rho, check=False) for rho in bad + ["9"]]
    ok(all(r.returncode != 0 for r in results) and ada.json("status")["granted_week"] == granted,
       "a phone grants no lease of such a cost", [r.stderr for r in results])
    policy = s.policy.read_text()
    results = []
    for rho in bad:
        path = s.w.folder / "bad-policy.yaml"
        text = rho.strip("'")
        path.write_text(policy.replace('rho_week: "9"', f'rho_week: "{text}"'))
        results.append(ada.phone("policy", path, "--yes", check=False))
    ok(all(r.returncode != 0 for r in results), "nor does it take a policy with one",
       [r.stdout for r in results])


# ---- scripts -------------------------------------------------------------------------------------

class Clock:
    """When contributions leave, as precisely as a host can tell: it asks over and over."""

    def __init__(self):
        self.rows, self.threads = {}, []

    def invite(self, service, message, ask):
        with service.lock:
            before = time.monotonic()
            answer = ask(message)
            after = time.monotonic()
        run = cbor.decode(message["document"])["run_ms"] / 1000
        row = {"earliest": before + run, "latest": after + run, "owner": service.owner, "waits": 0,
               "size": 0}
        self.rows[(sha256(message["document"]), service.owner)] = row
        if answer["accepted"]:
            thread = threading.Thread(target=self.watch,
                                      args=(service, sha256(message["document"]), row))
            self.threads.append(thread)
            thread.start()
        return answer

    @staticmethod
    def watch(service, query, row):
        """Each answer says when the contribution will leave: all of them must mean one moment."""
        row["low"], row["high"] = row["earliest"], row["latest"]
        while True:
            with service.lock:
                before = time.monotonic()
                answer = service.ask(record("collect", query=query))
                after = time.monotonic()
            if kind(answer) != "collected":
                row["refused"] = answer
                return
            if answer["message"]:
                row.update(size=len(answer["message"]), left=after)
                return
            wait = answer["wait_ms"] / 1000
            row["waits"] += 1
            row["low"] = max(row["low"], before + wait - CLOCKS_DIFFER_S)
            row["high"] = min(row["high"], after + wait + CLOCKS_DIFFER_S)
            time.sleep(min(wait, 0.05))


# The enclave counts TSC ticks in whole milliseconds, and the host's clock is slewed: in five seconds they
# part by some milliseconds. What a script could say would have to be larger.
CLOCKS_DIFFER_S = 0.01

# Function, run_ms, the number that counts, what its owner reads when it is not the script's.
SCRIPTS = [
    ("behaves", 5000, 1, None), ("hangs", 1500, 0, "did not answer in time"),
    ("crashes", 5000, 0, "ended by signal 11"),
    ("forks", 5000, 0, "os.fork.*\n.*Function not implemented"),
    ("writes_a_gibibyte", 5000, 0, "No space left on device"),
    ("reads_keys_with_ctypes", 5000, 0, "ended by signal 11"),
    ("claims_to_be_the_custodian", 5000, 0, "not what was asked for"),
    ("prints_secrets", 5000, 1, None), ("tells_by_the_time_it_takes", 5000, 1, None)]


def lets_python_misbehave(s):
    """Hang, crash, fork, write 1 GiB, print secrets, read keys with ctypes, claim to be the
    custodian, encode secrets in the time of its answer."""
    clock, begun = Clock(), {}
    s.people[2].wait_processed()

    def begins(service, message, ask):
        begun[sha256(message["document"])] = service
        return ask(message)
    queries = {name: s.query(name, run_ms=run_ms, without=["aggregator"])
               for name, run_ms, _, _ in SCRIPTS}
    pool = concurrent.futures.ThreadPoolExecutor(16)
    with pool, s.host.attack(invite=clock.invite, begin=begins):
        list(pool.map(Query.ask, queries.values()))
        for thread in clock.threads:
            thread.join()
    for name, run_ms, vector, failure in SCRIPTS:
        q = queries[name]
        said = re.findall(r"(?m)^watch: ([0-9a-f]{64}) (-?\d+)$", begun[q.id].said())
        rows = [clock.rows[(q.id, p.owner)] for p in s.people]
        ok(q.answered == 3 and sorted(said) == sorted((p.owner, str(vector)) for p in s.people),
           f"a script {name.replace('_', ' ')}: all three contribute, "
           f"{'its answer' if vector else 'the default'}",
           [q.said, said])
        ok(all(r["left"] >= r["earliest"] and r["waits"] > 0 and r["low"] <= r["high"]
               for r in rows),
           "… at the time that was fixed when the query was accepted, and not before", rows)
        notes = [events(p, q)[0] for p in s.people]
        ok(all(e["sent"] and e["fallback"] == (failure is not None) and
               re.search(failure or "^$", e["failure"])
               for e in notes),
           "… and the owner reads why" if failure else "… as the owner reads", notes)
    ok(len({r["size"] for r in clock.rows.values()}) == 1, "all contributions have one size",
       {r["size"] for r in clock.rows.values()})
    secrets = [p.secret for p in s.people]
    ok(not any(s.host.saw_text(x.encode()) or s.host.saw_text(x.encode().hex().encode())
               for x in secrets),
       "nothing of anybody's day passed the operator")
    stored = b"".join(p.read_bytes() for p in s.w.folder.rglob("*")
                      if p.is_file() and (s.w.state in p.parents or p.name in ("daemon.log",)))
    ok(len(stored) > 1 << 20 and not any(x.encode() in stored for x in secrets),
       "… or lies in its files")


# ---- contributors --------------------------------------------------------------------------------

def collateral_of(w, bundle, env):
    """What a machine's evidence needs, from a run on it."""
    path = w.folder / "evidence"
    subprocess.run([w.alcove, "run", bundle, "--quote", path, "--nonce", "00ff"], env=env,
                   stdin=subprocess.DEVNULL, check=True)
    return decode(path.read_bytes())["collateral"]


def named(bundle):
    """A change of a document: this program is a custodian, too."""
    line = f"  - {{mrenclave: {bundle['mrenclave']}, configid: {bundle['configid']}}}\n"
    return lambda text: re.sub(r"(?m)^custodians:\n", "custodians:\n" + line, text)


def forges_a_contributor(s):
    w, host, said, invited = s.w, s.host, [], {}
    known = {p.owner for p in s.people}

    def counts(service, message, ask):
        said.append(ask(message))
        return said[-1]

    # A machine of the forger's own: its root is the forger's, and so is everything that it says.
    other = {**w.env, "ALCOVE_MACHINE_DIR": str(w.folder / "other-machine")}
    contributor = s.build / "tests/aggregator/contributor.bundle"
    collateral = collateral_of(w, contributor, other)
    pem = w.run("openssl", "x509", "-in", w.folder / "other-machine/root.pem", "-noout",
                "-pubkey").stdout
    der = "".join(line for line in pem.splitlines() if "-----" not in line)
    other_root = sha256(base64.b64decode(der)).hex()

    def starts(args, stderr):
        foreign = len(args) > 3 and pathlib.Path(args[3]).name not in known
        service = Service(host, args, env=other if foreign else None, stderr=stderr)
        service.foreign = foreign
        return service

    def hello(service, message, ask):
        return ask({**message, **collateral} if getattr(service, "foreign", False) else message)
    host.starts, usual = starts, host.starts
    with host.attack(hello=hello, contribute=counts):
        eve = begin(w.person(5),
                    w.policy(users_min=2, rho_week='"9"', rho_query='"0.03"', rho_analyst='"9"',
                             roots=f'["{s.root}", "{other_root}"]'))
        ok(eve.json("status")["root"] == other_root,
           "a forger has a custodian on a machine of one's own")
        q = s.query().ask()
        wrong = [a["sentence"] for a in said if not a["counted"]]
        ok(q.released and q.result["asked"] == 4 and q.answered == 3 and len(wrong) == 1 and
           "software-root" in wrong[0],
           "forges a contributor with a machine of another root: it is not counted, the others are",
           [q.said, said])
        q = s.query(change=lambda text: text.replace(f"  - {s.root}\n",
                                                     f"  - {s.root}\n  - {other_root}\n")).ask()
        ok(q.answered == 4,
           "in a query that names that root it is (who names a root believes its machines)", q.said)
    host.starts = usual
    host.kill(host.custodian(eve))

    # An enclave of the forger's own on a machine that the query trusts.
    source = w.folder / "debug-source"
    source.mkdir()
    shutil.copy(s.build / "tests/aggregator/contributor", source)
    (source / "alcove.yaml").write_text((TOP / "tests/aggregator/contributor.yaml").read_text() +
                                        "debug: true\n")
    debug = w.bundle("debug", source)
    forgers = {bundle: host.start(bundle) for bundle in (contributor, debug)}

    def inviting(service, message, ask):
        invited.update(message)
        return ask(message)

    def contributes(service, message, ask):
        for bundle, forger in forgers.items():
            if bundle not in forged:
                made = forger.ask({**invited, "query_index": 7})
                forged[bundle] = ask(record("contribute", message=made["message"]))
        return ask(message)
    forged = {}
    with host.attack(invite=inviting, contribute=contributes):
        q = s.query(change=named(w.measure(debug))).ask()
    ok(re.match("not counted: the query does not name", forged[contributor]["sentence"]),
       "… with an enclave of one's own: not counted", forged)
    ok(re.match("not counted: .*debug", forged[debug]["sentence"]),
       "… with one that can be debugged, which the query even names: neither", forged)
    ok(q.answered == 3 and not any(a["counted"] for a in forged.values()),
       "… and the others are", [q.said, forged])
    forged.clear()
    with host.attack(invite=inviting, contribute=contributes):
        q = s.query(change=named(w.measure(contributor))).ask()
    ok(forged[contributor]["counted"] and not forged[debug]["counted"],
       "… named by the query it is: whom a query counts stands in it, for everybody to read", forged)
    for forger in forgers.values():
        forger.end()


# ---- evidence and owners -------------------------------------------------------------------------

def listening(s, **hooks):
    """How many sealed messages of phones came through, and the hooks besides."""
    came = []

    def deliver(service, message, ask):
        came.append((service, message))
        return hooks["deliver"](service, message, ask) if "deliver" in hooks else ask(message)
    return came, s.host.attack(**{**hooks, "deliver": deliver})


def replays_old_evidence(s):
    ada, kept = s.people[0], []

    def keeps(service, message, ask):
        kept.append(ask(message))
        return kept[-1]
    with s.host.attack(attest=keeps):
        ada.phone("verify")
    came, attack = listening(s, attest=lambda service, message, ask: kept[0])
    with attack:
        result = ada.phone("upload", s.w.folder / f"day-1-{FIRST_DAY}.json", "--date", FIRST_DAY,
                           check=False)
        verified = ada.phone("verify", check=False)
    refused(result, "nothing was sent", "replays old evidence to a phone: it refuses")
    ok(verified.returncode != 0 and len(kept) == 1 and not came, "… and sends nothing", came)
    ok(ada.phone("verify", check=False).returncode == 0,
       "… fresh evidence of the same custodian is accepted")

    invitations = []

    def remembers(service, message, ask):
        invitations.append(message)
        return ask(message)
    with s.host.attack(invite=remembers):
        s.query().ask()
    before = budgets(s)
    old, said = invitations[0]["evidence"], []

    def replays(service, message, ask):
        said.append(ask({**message, "evidence": old}))
        return said[-1]
    q = s.query(seconds=20)
    with s.host.attack(invite=replays):
        q.ask()
    ok([a["accepted"] for a in said] == [False] * 3 and not q.released,
       "replays an aggregator's evidence for another query: all decline", q.said)
    ok(told(s, q) == ["document"] * 3 and budgets(s) == before,
       "… their owners read that it is not what the evidence binds, and nobody is charged")


def swaps_owners(s):
    ada, ben = s.people[:2]
    a, b = s.host.custodian(ada), s.host.custodian(ben)
    day = s.w.folder / f"day-1-{FIRST_DAY}.json"
    before = [p.json("status") for p in (ada, ben)]
    came, attack = listening(s, attest=lambda service, message,
                             ask: (b if service is a else service).ask(message))
    with attack:
        result = ada.phone("upload", day, "--date", FIRST_DAY, check=False)
    refused(result, "nothing was sent",
            "swaps owners: Ben's custodian's evidence, fresh, is refused by Ada's phone")
    ok(not came, "… and nothing was sent", came)

    answers = []

    def to_ben(service, message, ask):
        answers.append(b.ask({**message, "proof": NO_PROOF}))
        return answers[-1]
    with s.host.attack(deliver=to_ben):
        result = ada.phone("upload", day, "--date", FIRST_DAY, check=False)
    refused(result, "did not take the message",
            "Ada's messages, brought to Ben's custodian, do not open")
    ok(answers and all(refusal(x) == "message" for x in answers), "… it says nothing else",
       answers)
    kept = []

    def old_answer(service, message, ask):
        kept.append(ask(message))
        return kept[0]
    with s.host.attack(deliver=old_answer):
        result = ada.phone("pause", check=False)
    refused(result, "not this custodian's answer", "an answer to another message is refused")
    ada.phone("resume")
    now = [p.json("status") for p in (ada, ben)]
    ok(all(n["days"] == o["days"] and n["lease_left"] == o["lease_left"] for n,
           o in zip(now, before)),
       "… both custodians have what they had", [before, now])

    dora = s.w.person(6)
    dora.phone("init")
    dora.phone("policy", s.policy, "--yes")
    came, attack = listening(s, attest=lambda service, message, ask: b.ask(message))
    with attack:
        result = dora.phone("claim", check=False)
    refused(result, "nothing was sent", "a new phone does not claim somebody's custodian")
    ok(not came, "… and does not say its secret", came)
    came, attack = listening(s)
    with attack:
        dora.phone("claim")
    ok(len(came) == 1, "shown a custodian of nobody's, it claims it")
    claim = came[0][1]
    again = s.host.start(came[0][0].bundle, s.w.folder / "nobodys")
    answer = again.ask(claim)
    ok(refusal(answer) == "message", "… that claim opens for no other custodian", answer)
    again.end()
    dora.phone("delete", "--yes")


# Of the SubjectPublicKeyInfo of Intel's root for SGX.
INTEL = "a0af031289f5d5d4132f9186068a7fc13628633ba235777472e29b6b6c67a49e"


def offers_a_software_root_where_hardware_is_demanded(s):
    w = s.w
    phone = w.person(7)
    phone.phone("init")
    phone.phone("policy", w.policy(users_min=2, roots=f'["{INTEL}"]'), "--yes")
    came, attack = listening(s)
    with attack:
        refused(phone.phone("claim", check=False), "software-root",
                "offers a software root where hardware is demanded: the phone refuses")
        ok(not came, "… and sends nothing", came)
        phone.phone("policy", s.policy, "--yes")
        ok(phone.phone("claim", check=False).returncode == 0 and came,
           "… with a policy that names the root it claims")
    phone.phone("delete", "--yes")

    forger = s.host.start(s.build / "tests/aggregator/contributor.bundle")
    before, said, counted, begun = budgets(s), [], [], {}

    def begins(service, message, ask):
        begun["aggregator"] = service
        return ask(message)

    def invites(service, message, ask):
        said.append(ask(message))
        if not counted:
            made = forger.ask({**message, "query_index": 7})
            counted.append(begun["aggregator"].ask(record("contribute", message=made["message"])))
        return said[-1]
    mine = named(w.measure(forger.bundle))
    q = s.query(seconds=20, change=lambda text: mine(text).replace(s.root, INTEL))
    with s.host.attack(begin=begins, invite=invites):
        q.ask()
    ok([a["accepted"] for a in said] == [False] * 3 and told(s, q) == ["evidence"] * 3,
       "a query that demands hardware, by a software aggregator: all decline", [said, q.said])
    ok(not counted[0]["counted"] and "software-root" in counted[0]["sentence"] and not q.released,
       "… and the aggregator counts nobody whose evidence is of a software machine", counted)
    ok(budgets(s) == before, "… nobody was charged")
    forger.end()


# ---- the log -------------------------------------------------------------------------------------

def forks_the_log(s):
    w, host, log = s.w, s.host, s.log
    dan = begin(w.person(4), s.policy, "0.5")
    service, granted = host.custodian(dan), dan.json("status")
    leaves = log.leaves()
    secret = cbor.encode({"kind": "query", "query": sha256(b"in secret"),
                          "analyst": sha256(b"somebody")})
    fork = leaves + [secret]
    head = service.ask(advance_to(log, fork, service.held))
    ok(head == record("held", open=True, size=len(fork)),
       "forks the log: a custodian believes a head that its key signed (who else?)", head)
    nearby = host.custodian(s.people[0])
    other = leaves + [cbor.encode({"kind": "query", "query": sha256(b"in the open"),
                                   "analyst": sha256(b"somebody")})]
    for size in (len(fork), len(leaves)):
        answer = service.ask(advance_to(log, other + leaves[:1], size))
        ok(refusal(answer) == "log", "… and no other one beside it", answer)
    s.query().ask()  # the log that phones see grows past it

    def pretends(who, message, ask):
        return record("held", open=True, size=len(log.leaves())) if who is service else ask(message)
    with host.attack(advance=pretends):
        result = dan.phone("lease", "0.5", check=False)
    refused(result, "the lease was refused", "… the custodian refuses the next lease of its phone")
    now = service.ask(advance_to(log, log.leaves(), len(leaves)))
    ok(refusal(now) == "log", "… and does not come back to the log of all", now)
    ok(nearby.ask(advance_to(log, log.leaves(), nearby.held))["open"],
       "… which the others follow")
    with host.attack(advance=pretends):
        ok(dan.json("status")["lease_rho"] == granted["lease_rho"], "… no lease was taken",
           dan.json("status"))
    host.kill(service)

    # The phones: the operator brings back another past of the same log, with the same key.
    ada = s.people[0]
    ada.phone("verify")  # it has seen the newest
    w.close()
    books = w.state / "alcoved.sqlite"
    with sqlite3.connect(books) as db:
        last = db.execute("SELECT max(position) FROM leaves").fetchone()[0]
        kept = db.execute("SELECT hash, leaf FROM leaves WHERE position = ?", (last,)).fetchone()
        db.execute("UPDATE leaves SET hash = ?, leaf = ? WHERE position = ?",
                   (sha256(b"\0" + secret), secret, last))
    w.start()
    came, attack = listening(s)
    with attack:
        refused(ada.phone("unlock", check=False), "(?i)fork",
                "shows phones another past: they say that the log has forked")
        refused(ada.phone("lease", "0.1", check=False), "(?i)fork", "… grant nothing")
        ok(not came, "… send nothing", came)
    evidence = list(ada.folder.glob("fork-*.cbor"))
    ok(evidence, "… and keep both heads, which one key signed")
    held = decode(evidence[0].read_bytes())
    bodies = [decode(decode(held[name])["body"]) for name in ("came", "held")]
    ok(bodies[0]["log"] == bodies[1]["log"] == sha256(log.point) and
       bodies[0]["root"] != bodies[1]["root"],
       "… as whoever reads that file finds", bodies)
    w.close()
    with sqlite3.connect(books) as db:
        db.execute("UPDATE leaves SET hash = ?, leaf = ? WHERE position = ?", (*kept, last))
    w.start()
    for person in s.people:
        person.phone("unlock")
        person.phone("lease", "0.5")
    ok(ada.json("status")["forks"] == len(evidence),
       "shown the log that they know they go on, and remember the fork",
       ada.json("status"))
    ok(s.query().ask().answered == 3, "… and so do queries")


def turns_the_logs_clock_forward(s):
    """Next month's budgets, now: weeks are of the log's time, which is its operator's word."""
    w, ada = s.w, s.people[0]
    w.close()
    with sqlite3.connect(w.state / "alcoved.sqlite") as db:
        now = db.execute("SELECT time FROM head").fetchone()[0]
        db.execute("UPDATE head SET time = ?", (now + 30 * 86400,))
    w.start()
    came, attack = listening(s)
    with attack:
        refused(ada.phone("unlock", check=False), "ahead of this device's clock",
                "turns the log's clock forward: phones notice")
        refused(ada.phone("lease", "9", check=False), "ahead of this device's clock",
                "… grant nothing of next month's")
    ok(not came, "… and send nothing", came)
    w.close()
    with sqlite3.connect(w.state / "alcoved.sqlite") as db:
        db.execute("UPDATE head SET time = ?", (now,))
    w.start()
    ok(ada.phone("unlock", check=False).returncode == 0, "by the right time it opens")


ATTACKS = [nobody_attacks, rolls_back_the_volume, clones_the_custodian, replays_a_contribution,
           answers_twice, re_asks_after_a_crash_to_see_fresh_noise,
           shows_users_one_query_and_runs_another, races_two_queries_for_one_budget,
           sends_nan_negative_huge_and_fractional_costs, lets_python_misbehave,
           forges_a_contributor, replays_old_evidence, swaps_owners,
           offers_a_software_root_where_hardware_is_demanded, forks_the_log,
           turns_the_logs_clock_forward]


def main():
    build = pathlib.Path(os.environ.get("ALCOVE_BUILD", TOP / "build"))
    if not (build / "libexec/alcove/aggregator.bundle").exists():
        print("ok 1 - attacks # SKIP this build has no bundles of services\n1..1")
        return 0
    wanted = [a for a in ATTACKS if len(sys.argv) < 2 or a is nobody_attacks or
              any(n in a.__name__ for n in sys.argv[1:])]
    with tempfile.TemporaryDirectory(prefix="alcove-attacks-") as folder:
        scene = Scene(folder, build)
        try:
            for attack in wanted:
                began = time.monotonic()
                try:
                    attack(scene)
                except Exception:
                    ok(False, f"{attack.__name__} ran to its end", traceback.format_exc())
                print(f"# {attack.__name__}: {time.monotonic() - began:.1f} s", flush=True)
        finally:
            if failed:
                log = (scene.w.folder / "daemon.log").read_text().splitlines()[-40:]
                print("\n".join("# " + line for line in log))
            scene.close()
    print(f"1..{count}")
    return failed > 0


sys.exit(main())
