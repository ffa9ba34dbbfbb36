#!/usr/bin/python3.11
# SPDX-License-Identifier: Apache-2.0
# timeout: 400
"""Attacks on private queries, each named after what the attacker does: the operator of the daemon, an analyst,
a researcher's script, another phone. Everything is real: phones, daemon, enclaves; what is not is the operator, who
stands between the daemon and its enclaves and does as tests/private/attack_host.py lets him.

    attacks.py [NAME…]      only the attacks whose names contain one of these
"""

import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import sys
import tempfile
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "private"))
from attack_host import AttackedWorld, Log, cbor, consistency, decode, kind, record, sha256  # noqa: E402
from world import FIRST_DAY, LAST_DAY, TOP  # noqa: E402

SCRIPT = TOP / "tests/private/attack_script.py"
RUN_MS = 1500
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
    ok(result.returncode != 0 and re.search(pattern, said), title, f"status {result.returncode}: {said}")


# ---- the world -------------------------------------------------------------------------------------------------

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
    """Ada, Ben and Cleo with a day, a lease, and a policy that lets much happen; and their operator."""

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
        self.root = re.search(r"roots:\n  - ([0-9a-f]{64})", w.cli("query", "programs", "--server", w.server).stdout)[1]
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


# ---- nothing is attacked ----------------------------------------------------------------------------------------

def nobody_attacks(s):
    before = [left(p) for p in s.people]
    q = s.query().ask()
    ok(q.answered == 3, "without an attack a query has three contributions and a result", q.said)
    costs = [b - left(p) for b, p in zip(before, s.people)]
    ok(costs[0] > 0 and costs == costs[:1] * 3, "… which cost each the same", costs)
    s.cost = costs[0]
    ok(all(len(events(p, q)) == 1 and events(p, q)[0]["sent"] for p in s.people), "… and each is told",
       [events(p, q) for p in s.people])
    ok(s.host.saw_text(b"alcove-invite-1") and s.host.saw_text(q.document), "the operator saw all of the query")
    ok(not any(s.host.saw_text(p.secret.encode()) for p in s.people), "… and nobody's day")


# ---- the host and files -----------------------------------------------------------------------------------------

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
    ok(cleo.json("status")["open"] is False, "… the owner reads that the custodian is not open", cleo.json("status"))
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
    ok(now["days"] == 2 and now["processed"] >= 1, "the newest opens (the same steps without the attack)", now)
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
        answer = clone.ask(record("advance", head=s.log.head(leaves), proof=cbor.encode(consistency(held, leaves))))
        held, held_open = answer["size"], answer["open"]
        return answer
    with host.attack(attest=to_clone, deliver=to_clone):
        cleo.phone("unlock")
    ok(advance(s.log.leaves())["open"], "clones the custodian: the phone unlocks the copy, which runs beside it")

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
    ok(said == {"original": True, "clone": False}, "the lease of one is nothing to the other: one accepts", said)
    ok(q.answered == 3 and before - left(cleo) == s.cost, "… one is charged, once, and counted", q.said)

    # The phone is made to grant the clone a lease too: the phone counts both.
    granted = cleo.json("status")["granted_week"]
    with host.attack(attest=to_clone, deliver=to_clone):
        cleo.phone("lease", "0.5")
    ok(cleo.json("status")["granted_week"] == granted + 500_000, "a lease for the clone is counted by the phone")
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
    ok(said.get("original") and said.get("clone"), "… then both accept a query, each with its own lease", said)
    again = said.get("counted", {"counted": True})
    ok(q.answered == 3 and (not again["counted"] or again["answered"] < 3),
       "… of both at most one contribution is counted", [again, q.said])
    refused(cleo.phone("lease", "0.1", check=False), "rolled back or cloned|older than what was acknowledged",
            "… and the phone, back at the first, notices that there are two")

    # Back to one.
    advance(s.log.leaves())  # where the daemon looks for it
    clone.end()
    s.kill(cleo)
    shutil.copy(copied, s.volume(cleo))
    cleo.phone("unlock")
    cleo.phone("lease", "1")


# ---- contributions ------------------------------------------------------------------------------------------------

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
    """Two aggregators for one query: whoever gets a second contribution could take the difference of noise."""
    host, second, said = s.host, {}, []
    before = [left(p) for p in s.people]

    def begins(service, message, ask):
        answer = ask(message)
        second["service"] = host.start(service.bundle)
        second["evidence"] = second["service"].ask(message)["evidence"]
        return answer

    def invites(service, message, ask):
        answer = ask(message)
        said.append((answer["accepted"], ask({**message, "evidence": second["evidence"]})["accepted"]))
        return answer

    def contributes(service, message, ask):
        second.setdefault("counted", []).append(second["service"].ask(message)["counted"])
        return ask(message)
    with host.attack(begin=begins, invite=invites, contribute=contributes):
        q = s.query().ask()
    ok(said == [(True, False)] * 3, "answers twice: of two aggregators for one query each custodian accepts one", said)
    ok(q.answered == 3 and second["counted"] == [False] * 3, "… what it sends opens for that one only",
       [second.get("counted"), q.said])
    end = second["service"].ask(record("finish"))
    ok(kind(end) == "refused", "… so the second one releases nothing", end)
    ok([b - left(p) for b, p in zip(before, s.people)] == [s.cost] * 3, "… and it cost once")
    ok(all([e["code"] for e in events(p, q)] == ["answered", "ok"] for p in s.people), "… as the owners are told",
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
    ok(len(kept) == 3 and not q.released, "re-asks after a crash: the aggregator dies with three contributions", q.said)
    fresh = host.start(begun["service"].bundle)
    evidence = fresh.ask(begun["message"])["evidence"]
    ok(not any(fresh.ask(k)["counted"] for k in kept), "… another one for the same query cannot open them")
    said = [service.ask({**message, "evidence": evidence})["accepted"] for service, message in invited.items()]
    ok(said == [False] * 3, "… and no custodian answers it again", said)
    cleo = s.people[2]
    s.kill(cleo)
    cleo.phone("unlock")
    cleo.phone("lease", "1")
    leaves, service = s.log.leaves(), host.custodian(cleo)
    size = decode(decode(begun["message"]["head"])["body"])["size"]
    message = {**invited[next(i for i in invited if i.volume == service.volume)], "evidence": evidence}
    again = service.ask({**message, "extends": cbor.encode(consistency(size, leaves[:service.held]))})
    ok(again == record("invited", accepted=False) and [e["code"] for e in events(cleo, q)] == ["answered", "ok"],
       "… nor after its own crash, with a new lease: its owner reads that it was answered before",
       [again, events(cleo, q)])
    end = fresh.ask(record("finish"))
    ok(kind(end) == "refused", "… nothing is released", end)
    fresh.end()


# ---- queries --------------------------------------------------------------------------------------------------------

def shows_users_one_query_and_runs_another(s):
    before = [left(p) for p in s.people]
    nice, nasty = s.query(question="How do you travel?"), s.query(question="Where do you sleep?", seconds=20)
    said = []

    def shows(service, message, ask):
        answer = ask({**message, "document": nice.document})
        said.append(answer["accepted"])
        return answer
    with s.host.attack(invite=shows):
        nasty.ask()
    ok(said == [False] * 3 and not nasty.released, "shows users one query and runs another: all decline", nasty.said)
    ok([events(p, nice)[0]["code"] for p in s.people] == ["document"] * 3,
       "… and are told that it is not what the aggregator runs", events(s.people[0], nice))
    begun = []

    def runs(service, message, ask):
        begun.append(ask({**message, "document": nasty.document}))
        return begun[-1]
    other = s.query()
    with s.host.attack(begin=runs):
        other.ask()
    ok(not other.released and kind(begun[0]) == "refused" and CODES[begun[0]["code"]] == "not-logged",
       "an aggregator does not begin a query whose place in the log is another's", begun)
    ok([left(p) for p in s.people] == before, "… and nobody was charged for either")
    ok(nice.ask().answered == 3, "the same query, shown as it is, is answered", nice.said)


def races_two_queries_for_one_budget(s):
    before = [left(p) for p in s.people]
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
       "races two queries for one budget: each custodian accepts exactly one", [q.said for q in queries])
    ok(sum(q.answered for q in queries) in (2, 3), "… and is counted once", [q.said for q in queries])
    ok([left(p) for p in s.people] == [0] * 3, "… the lease that paid for one is spent, not overspent", before)
    codes = [sorted(e["code"] for q in queries for e in events(p, q)) for p in s.people]
    ok(codes == [["no-lease", "ok"]] * 3, "… and the owner reads which one it was", codes)
    for person in s.people:
        person.phone("lease", "1")


ATTACKS = [nobody_attacks, rolls_back_the_volume, clones_the_custodian, replays_a_contribution, answers_twice,
           re_asks_after_a_crash_to_see_fresh_noise, shows_users_one_query_and_runs_another,
           races_two_queries_for_one_budget]


def main():
    build = pathlib.Path(os.environ.get("ALCOVE_BUILD", TOP / "build"))
    if not (build / "libexec/alcove/aggregator.bundle").exists():
        print("ok 1 - attacks # SKIP this build has no bundles of services\n1..1")
        return 0
    wanted = [a for a in ATTACKS if len(sys.argv) < 2 or a is nobody_attacks or any(n in a.__name__ for n in sys.argv[1:])]
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
                print("\n".join("# " + x for x in (pathlib.Path(folder) / "daemon.log").read_text().splitlines()[-40:]))
            scene.close()
    print(f"1..{count}")
    return failed > 0


sys.exit(main())
