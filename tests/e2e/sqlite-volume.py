#!/usr/bin/python3.11
# SPDX-License-Identifier: Apache-2.0
# timeout: 240
"""Debian's sqlite3 with its database on a sealed volume: the same SQL over several runs prints what it
prints on Linux, in each journal mode; and when the machine is cut off in the middle, what was committed
is there and whole."""

import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
ALCOVE = pathlib.Path(os.environ.get("ALCOVE_BUILD", TOP / "build")) / "cli/alcove"
SEED = int(os.environ.get("SEED", "5"))

MANIFEST = """
base: [{packages: [sqlite3]}]
entry: /usr/bin/sqlite3
argv: [sqlite3, -batch, /data/trips.db]
env: {LC_ALL: C.UTF-8, HOME: /tmp}
mounts:
  - {kind: tmpfs, path: /tmp, size: 64 MiB}
  - {kind: sealed, path: /data, name: db, size: 128 MiB, key: identity}
memory: 256 MiB
threads: 4
stdin: host
stdout: host
stderr: host
"""

SCHEMA = """
PRAGMA journal_mode={mode};
CREATE TABLE trips(id INTEGER PRIMARY KEY, mode TEXT NOT NULL, km REAL, note TEXT);
CREATE INDEX by_mode ON trips(mode, km);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
INSERT INTO trips SELECT i, CASE i % 3 WHEN 0 THEN 'walk' WHEN 1 THEN 'bike' ELSE 'bus' END,
  (i * 7919 % 1000) / 10.0, hex(zeroblob(i % 200)) FROM n;
SELECT mode, count(*), round(sum(km), 1) FROM trips GROUP BY mode ORDER BY mode;
"""
CHANGE = """
SELECT count(*), sum(length(note)) FROM trips;
BEGIN; DELETE FROM trips WHERE id % 7 = 0; ROLLBACK;
BEGIN; UPDATE trips SET km = km * 2 WHERE mode = 'walk';
SAVEPOINT s; DELETE FROM trips; ROLLBACK TO s; COMMIT;
CREATE TABLE big AS SELECT a.id * 5000 + b.id AS id FROM trips a, trips b WHERE a.id < 5 AND b.id < 5000;
DROP TABLE big;
ATTACH '/tmp/copy.db' AS copy; CREATE TABLE copy.t AS SELECT * FROM trips; SELECT count(*) FROM copy.t;
SELECT round(total(km), 3) FROM trips WHERE mode = 'walk';
PRAGMA integrity_check;
"""
FINISH = """
PRAGMA journal_mode;
SELECT count(*), round(total(km), 3) FROM trips;
DELETE FROM trips WHERE id > 2500; VACUUM;
SELECT count(*) FROM trips; PRAGMA page_count; PRAGMA integrity_check;
.dump trips
"""


class Report:
    def __init__(self):
        self.count = self.failed = 0

    def ok(self, good, title, *why):
        self.count += 1
        self.failed += not good
        print(f"{'ok' if good else 'not ok'} {self.count} - {title}", flush=True)
        for line in () if good else why:
            print("# " + "\n# ".join(str(line).splitlines()[-12:]))


def inside(bundle, volume, sql):
    done = subprocess.run([ALCOVE, "run", bundle, "--volume", f"db={volume}"], input=sql, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=100)
    return done.returncode, done.stdout


def natively(folder, sql):
    sql = sql.replace("/tmp/copy.db", f"{folder}/copy.db")
    done = subprocess.run(["sqlite3", "-batch", f"{folder}/trips.db"], input=sql, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=100)
    (folder / "copy.db").unlink(missing_ok=True)
    return done.returncode, done.stdout


def same_as_linux(report, bundle, work, mode):
    folder, volume = work / f"native-{mode}", work / f"volume-{mode}"
    folder.mkdir()
    parts = {"is made": SCHEMA.format(mode=mode), "is changed": CHANGE, "is packed and read": FINISH}
    for part, sql in parts.items():
        outside, within = natively(folder, sql), inside(bundle, volume, sql)
        report.ok(outside == within and outside[0] == 0, f"{mode}: a database {part} as on Linux",
                  outside, within)


def cut_off(bundle, volume, rows, choice):
    """Kills the run in the middle of its transactions. The last one that was told to be done."""
    with subprocess.Popen([ALCOVE, "run", bundle, "--volume", f"db={volume}"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as run:
        last = stop = None
        # EXTRA: a commit is over when the journal's end is on the disk, too (which is not the default).
        sql = "PRAGMA synchronous=EXTRA;"
        for _ in range(rows):
            size = choice.randrange(3000)
            sql += f"INSERT INTO done SELECT max(id) + 1, hex(randomblob({size})) FROM done;"
            sql += "SELECT max(id) FROM done;\n"
        os.set_blocking(run.stdin.fileno(), False)
        at = 0
        while stop is None or last < stop:
            try:
                at += os.write(run.stdin.fileno(), sql.encode()[at:at + 4096])
            except BlockingIOError:
                pass
            last = int(run.stdout.readline())
            stop = last + choice.randrange(5, 40) if stop is None else stop
        run.kill()
        run.stdin.close()
        for line in run.stdout:  # what it said before the end counts, too
            last = int(line) if line.endswith("\n") else last
    return last


def survives(report, bundle, work, mode, choice):
    volume = work / f"cut-{mode}"
    inside(bundle, volume, f"PRAGMA journal_mode={mode}; CREATE TABLE done(id INTEGER PRIMARY KEY, x);"
                           "INSERT INTO done VALUES(0, '');")
    for number in range(1, 4):
        last = cut_off(bundle, volume, 400, choice)
        status, text = inside(bundle, volume,
                              "PRAGMA integrity_check; SELECT max(id), count(*) - 1 FROM done;")
        lines = text.split()
        good = status == 0 and lines[0] == "ok" and len(lines) == 2
        there, count = map(int, lines[1].split("|")) if good else (-1, -1)
        report.ok(good and there == count and last <= there <= last + 1,
                  f"{mode}: killed after {last} transactions, nothing committed is lost ({number})",
                  text, last)


def main():
    if shutil.which("sqlite3") is None:
        print("1..0 # SKIP the package sqlite3 is not installed")
        return 0
    report, choice = Report(), random.Random(SEED)
    with tempfile.TemporaryDirectory(prefix="alcove-e2e-sqlite-") as work:
        work = pathlib.Path(work)
        os.environ["ALCOVE_MACHINE_DIR"] = str(work / "machine")
        (work / "w").mkdir()
        (work / "w/alcove.yaml").write_text(MANIFEST)
        subprocess.run([ALCOVE, "build", work / "w", "-o", work / "bundle"], check=True,
                       stdout=subprocess.DEVNULL)
        for mode in ("DELETE", "TRUNCATE", "WAL"):
            same_as_linux(report, work / "bundle", work, mode)
        for mode in ("DELETE", "WAL"):
            survives(report, work / "bundle", work, mode, choice)
    print(f"1..{report.count}")
    if report.failed:
        print(f"# again: SEED={SEED} {sys.argv[0]}")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
