# SPDX-License-Identifier: Apache-2.0
"""What private queries cost with phones, a daemon and an enclave for each person: uploads, one query
to so many people with where its time goes, and what custodians cost that nobody asks. Through the
commands that people use."""

import collections
import concurrent.futures
import os
import pathlib
import re
import statistics
import sys
import tempfile
import threading
import time

TOP = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP / "tests/private"))
from world import World  # noqa: E402

DAY_MB = 3  # about what the phones of ../shared/trips upload for their longest days
AT_ONCE = 2 * (os.cpu_count() or 1)
TICK = os.sysconf("SC_CLK_TCK")


def big_day(files, size):
    """Made-up days one after the other, as one: entries as a phone sends them."""
    entries = [pathlib.Path(path).read_text().strip().strip("[]").strip() for path in files]
    parts, total = [], 0
    while total < size:
        parts.append(entries[len(parts) % len(entries)])
        total += len(parts[-1]) + 2
    return "[\n" + ",\n".join(parts) + "\n]\n"


def upload(options):
    """Days of 3 MB each from a phone, through the daemon, sealed, into the custodian's volume; until
    the phone has the acknowledgement. Evidence is verified once for a command."""
    days, rates, busy = 8, [], []
    with tempfile.TemporaryDirectory(prefix="alcove-bench-") as folder, World(folder, options.build) as w:
        # A script that has nothing to do for days: they are not what is measured.
        source = w.folder / "idle"
        source.mkdir()
        (source / "idle.py").write_text("import alcove\n\n@alcove.process\ndef nothing(entries):\n"
                                        "    return []\n")
        text = (TOP / "examples/private/alcove.yaml").read_text()
        text = text.replace("../../python/alcove", str(TOP / "python/alcove"))
        text = text.replace("travel.py", "idle.py")
        (source / "alcove.yaml").write_text(text)
        w.worker_bundles["idle"] = w.bundle("idle", source)
        w.start()
        person = w.person(1)
        person.begin(w.policy())
        paths = []
        for day in range(1, days + 1):
            paths.append(w.folder / f"2026-09-{day:02}.json")
            paths[-1].write_text(big_day(w.made_up_days(1, 3)(1), DAY_MB << 20))
        size = sum(path.stat().st_size for path in paths)
        for _ in range(options.rounds):
            before, own = below(w.daemon.pid), os.times()
            begin = time.monotonic()
            person.upload(*paths)
            rates.append(size / 1e6 / (time.monotonic() - begin))
            after, spent = below(w.daemon.pid), os.times()
            took = cpu(before, after, "daemon") + cpu(before, after, "custodian")
            took += spent.children_user + spent.children_system
            busy.append(size / 1e6 / (took - own.children_user - own.children_system))
            person.wait_processed()
    return [{"name": name, "per_second": statistics.median(found), "least": min(found),
             "most": max(found), "floor": 0}
            for name, found in (("MB uploaded and acknowledged", rates),
                                ("MB, by processor time of all three", busy))]


# ---- many people -----------------------------------------------------------------------------

def processes():
    """{pid: (parent, name, command line, CPU seconds of its own, of its ended children)}"""
    found = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                head, _, rest = (entry / "stat").read_text().rpartition(")")
                fields = rest.split()
                found[int(entry.name)] = (
                    int(fields[1]), head.partition("(")[2], (entry / "cmdline").read_text(),
                    (int(fields[11]) + int(fields[12])) / TICK,
                    (int(fields[13]) + int(fields[14])) / TICK)
            except (OSError, IndexError):
                pass
    return found


def seconds_of(pid):
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return (int(fields[11]) + int(fields[12])) / TICK


def below(daemon):
    """{role: {pid: CPU seconds}} of the daemon and what runs below it; `ended` is what its ended
    children took."""
    all_of_them, found = processes(), collections.defaultdict(dict)
    for pid in all_of_them:
        top, path = pid, [pid]
        while top in all_of_them and all_of_them[top][0] not in (0, daemon):
            top = all_of_them[top][0]
            path.append(top)
        if pid == daemon or top not in all_of_them or all_of_them[top][0] != daemon:
            continue
        command = all_of_them[top][2]
        role = next((role for role in ("custodian", "aggregator") if f"{role}.bundle" in command),
                    "worker")
        if any(all_of_them[p][1].startswith("alcove-quoting") for p in path):
            role += "'s quoting"
        found[role][pid] = all_of_them[pid][3]
    if daemon in all_of_them:
        found["daemon"][daemon] = all_of_them[daemon][3]
        found["ended"][daemon] = all_of_them[daemon][4]
    return found


def memory(pids):
    """Mean over custodians, PSS in MB: what is shared counts once for all."""
    total = 0
    for pid in pids:
        try:
            text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += int(re.search(r"(?m)^Pss: +(\d+)", text).group(1))
        except (OSError, AttributeError):
            pass
    return total / 1000


class Watch(threading.Thread):
    """When the daemon said what of a query, and the aggregator's CPU time as long as it is there."""

    def __init__(self, world):
        super().__init__(daemon=True)
        self.world, self.over = world, False
        self.at, self.jobs, self.aggregator = {}, [], 0.0
        self.file = open(world.folder / "daemon.log")
        self.file.seek(0, os.SEEK_END)

    def run(self):
        pids = []
        while not self.over:
            for line in self.file.readlines():
                for name, pattern in (("taken", "is taken"), ("asks", r" asks \d+ people"),
                                      ("released", "is released"), ("failed", " failed: ")):
                    if re.search(pattern, line):
                        self.at[name] = time.monotonic()
                if done := re.search(r"a query is done after (\d+) ms", line):
                    self.jobs.append((time.monotonic(), int(done.group(1))))
            if "asks" in self.at and not pids:  # to look through thousands of processes takes long
                pids = list(below(self.world.daemon.pid)["aggregator"])
            self.aggregator = max(self.aggregator, sum(seconds_of(pid) for pid in pids))
            time.sleep(0.02)


def cpu(before, after, role):
    """Of processes that were there all the time."""
    return sum(seconds - before[role].get(pid, 0) for pid, seconds in after[role].items())


def idle(world, people):
    """Custodians that nobody asks: memory, and processor time over ten seconds."""
    before = below(world.daemon.pid)
    time.sleep(10)
    after = below(world.daemon.pid)
    pids = [pid for role in ("custodian", "custodian's quoting") for pid in after[role]]
    quoting = memory(after["custodian's quoting"])
    total = memory(pids)
    return {"memory_mb": total / people, "of_it_quoting_mb": quoting / people,
            "processes": len(pids) / people, "daemon_mb": memory(after["daemon"]),
            "cpu_s_in_10": cpu(before, after, "daemon") + cpu(before, after, "custodian")
            + cpu(before, after, "custodian's quoting")}


def measure(build, n, days):
    with tempfile.TemporaryDirectory(prefix="alcove-bench-") as folder, World(folder, build) as w:
        row = {"people": n}
        w.worker_bundles["travel"] = w.bundle("travel", TOP / "examples/private")
        w.start()
        policy = w.policy(users_min=2, rho_week='"0.1"', rho_query='"0.03"',
                          rho_analyst='"0.1"')
        files = w.made_up_days(min(n, 50), 1)
        spent = collections.Counter()

        def timed(name, action, *args):
            begin = time.monotonic()
            action(*args)
            spent[name] += time.monotonic() - begin

        def join(number):
            person = w.person(number)
            timed("init and policy", person.phone, "init")
            timed("init and policy", person.phone, "policy", policy, "--yes")
            timed("start and claim", person.phone, "claim")
            timed("lease", person.phone, "lease", "0.1")
            return person
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            begin = time.monotonic()
            people = list(pool.map(join, range(1, n + 1)))
            row["joined_s"] = time.monotonic() - begin
            print(f"# {n} people have joined after {row['joined_s']:.0f} s", file=sys.stderr)
            row["join_ms"] = {name: 1000 * seconds / n for name, seconds in spent.items()}
            row["idle"] = idle(w, n)
            print(f"# idle: {row['idle']}", file=sys.stderr)
            if days:
                begin = time.monotonic()
                list(pool.map(lambda p: p.upload(*files((p.number - 1) % 50 + 1)), people))
                row["uploaded_s"] = time.monotonic() - begin
                for person in reversed(people):
                    person.wait_processed(3600)
                row["processed_s"] = time.monotonic() - begin
        watch, before = Watch(w), below(w.daemon.pid)
        query = w.query(users=(n, n), run_ms=3000, seconds=3600)
        watch.start()
        begin = time.monotonic()
        answer = w.ask(query, timeout=3600, check=False)
        watch.over = True
        watch.join()
        after = below(w.daemon.pid)
        if not isinstance(answer, dict) or answer["answered"] != n:
            sys.exit(f"queries: not all {n} people answered:\n{getattr(answer, 'stderr', answer)}")
        row["query_s"] = watch.at["released"] - begin  # the analyst's command looks every 2 s
        row["gather_s"] = watch.at["asks"] - watch.at["taken"]
        row["workers_s"] = watch.jobs[-1][0] - watch.at["asks"]
        row["collect_s"] = watch.at["released"] - watch.jobs[-1][0]
        row["worker_ms"] = statistics.median(ms for _, ms in watch.jobs)
        row["cpu_s"] = {"workers": cpu(before, after, "ended") - watch.aggregator,
                        "custodians": cpu(before, after, "custodian"),
                        "their quoting": cpu(before, after, "custodian's quoting"),
                        "daemon": cpu(before, after, "daemon"), "aggregator": watch.aggregator}
        row["per_second"] = n / row["query_s"]
    return row


def show(row):
    n, i = row["people"], row["idle"]
    print(f"\n{n} people, {os.cpu_count()} cores")
    print(f"  joined    {row['joined_s']:8.1f} s   "
          + ", ".join(f"{name} {ms:.0f} ms" for name, ms in row["join_ms"].items())
          + f" each, {AT_ONCE} at once")
    print(f"  idle      {i['memory_mb']:8.1f} MB  each (PSS; {i['of_it_quoting_mb']:.1f} MB of it "
          f"quoting, {i['processes']:.0f} processes); daemon {i['daemon_mb']:.0f} MB; "
          f"{i['cpu_s_in_10']:.2f} s of processor time in 10 s")
    if "processed_s" in row:
        print(f"  days      {row['processed_s']:8.1f} s   one each, processed; all were uploaded after "
              f"{row['uploaded_s']:.1f} s")
    print(f"  query     {row['query_s']:8.1f} s   {row['per_second']:.1f} people a second")
    print(f"    gather  {row['gather_s']:8.1f} s   who is open, the aggregator's start")
    print(f"    workers {row['workers_s']:8.1f} s   invitations, and a worker for each "
          f"({row['worker_ms']:.0f} ms in the median)")
    print(f"    collect {row['collect_s']:8.1f} s   the last ones' time, contributions, the release")
    print("    of it processor time: " + ", ".join(
        f"{name} {seconds:.1f} s ({1000 * seconds / n:.0f} ms each)"
        for name, seconds in row["cpu_s"].items()))


def people(options):
    """One query to so many people; their custodians, workers and one aggregator are real enclaves."""
    rows = []
    for n in options.people:
        row = measure(options.build, n, not options.no_days)
        if not options.json:
            show(row)
        rows.append({"name": f"people asked in one query of {n}", "per_second": row["per_second"],
                     "least": row["per_second"], "most": row["per_second"], "floor": 0, "detail": row})
    return rows
