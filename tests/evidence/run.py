#!/usr/bin/python3.11
# SPDX-License-Identifier: Apache-2.0
"""The library against evidence that others collected: every row of EXPECTED.tsv, of every kind.

usage: run.py [--kind KIND]… VERIFY_FILES [COLLECTION]     COLLECTION: default $ALCOVE_SHARED/evidence

One TAP line per row: the verdict, TCB status and advisories agree with the independent oracle; a refused
row gives the reason first that reasons.tsv beside this file names for it, if it has a line there; a row
that is a matter of policy gives the verdict and reason that policy.tsv says, and why. Disagreements are
printed as a table at the end, and 0 are expected. Where there is no collection this skips.

The policy tolerates what relying parties may decide either way. Dates are not tolerated: where the
collection has no document of a row's time, being out of date must be the only complaint, and must be
true by the calendar.
"""

import argparse
import collections
import csv
import os
import pathlib
import re
import subprocess
import sys
import tempfile

from collection import Collection

HERE = pathlib.Path(__file__).resolve().parent
FIELDS = ("verdict", "kind", "wrapping", "status", "platform", "qe", "module", "advisories", "reasons",
          "flags")
KINDS = {"quote": ("sgx-quote", "tdx-quote", "none"), "snp": ("snp-report", "none"),
         "nitro": ("nitro-document", "none"), "ratls": ("sgx-quote", "tdx-quote", "none")}


def table(name):
    """Rows of CASE, VALUE[, WHY]; # begins a comment."""
    with open(HERE / name) as f:
        lines = (line.rstrip("\n").split("\t") for line in f if line.strip() and line[0] != "#")
        return {line[0]: line[1:] for line in lines}


REASONS = table("reasons.tsv")
POLICY = table("policy.tsv")


class Verifier:
    """The test tool, running."""

    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, attempt):
        print("\t".join(f"{key}={value}" for key, value in attempt.fields), file=self.process.stdin,
              flush=True)
        answer = self.process.stdout.readline().rstrip("\n").split("\t")
        if len(answer) != len(FIELDS):
            sys.exit(f"verify_files ended while it checked {attempt.fields}")
        got = dict(zip(FIELDS, answer))
        for name in ("advisories", "reasons", "flags"):
            got[name] = [] if got[name] == "-" else got[name].split(",")
        return got


def expected(row):
    details = row["details"] or ""
    status = re.search(r"\bstatus=(\w+)", details)
    advisories = re.search(r"\badv=(\S*)", details)
    return (status.group(1) if status else None,
            sorted(filter(None, advisories.group(1).split(","))) if advisories else [])


def is_policy(row):
    return "policy" in (row["repo_expectation"] or "") or "policy" in (row["notes"] or "").split()


def judge_refused(row, got, attempt):
    reasons = [r for r in got["reasons"] if r not in attempt.pool_dates]
    if got["verdict"] != "rejected":
        return "accepted, but must be refused"
    if not reasons:
        return "refused for nothing but the age of a pool document"
    wanted = REASONS.get(row["case"], [reasons[0]])[0]
    return None if reasons[0] == wanted else f"first reason {reasons[0]}, expected {wanted}"


def judge_verified(row, got, attempt):
    status, advisories = expected(row)
    dates = attempt.own_dates | attempt.pool_dates
    allowed = dates | ({"tcb-not-supported"} if status == "NotSupported" else set())
    if not attempt.platform_known and status is None:
        allowed |= {"tcb-info-platform", "tcb-not-supported", "collateral-missing"}
    if set(got["reasons"]) - allowed:
        return "refused: " + ",".join(r for r in got["reasons"] if r not in allowed)
    if got["verdict"] != "accepted" and not got["reasons"]:
        return "refused for no reason"
    if got["verdict"] == "accepted" and dates:
        return "accepted out of date: " + ",".join(sorted(dates))
    if row["kind"] == "quote" and attempt.document_known:
        if got["status"] != status:
            return f"status {got['status']}, expected {status}"
        if got["advisories"] != advisories:
            return f"advisories {','.join(got['advisories'])}, expected {','.join(advisories)}"
        if ("DEBUG" in (row["details"] or "").split()) != ("debug" in got["flags"]):
            return "debug is told otherwise"
    return None


def judge_choice(row, got, attempt):
    """policy.tsv: accepted, or rejected and the first reason."""
    wanted = POLICY[row["case"]][0]
    if wanted == "accepted":
        return judge_verified(row, got, attempt)
    reasons = [r for r in got["reasons"] if r not in attempt.pool_dates]
    return None if reasons and reasons[0] == wanted else f"{got['verdict']}, {reasons}, chosen: {wanted}"


def judge(row, got, attempt):
    """None if the answer agrees with the row, else what is wrong."""
    if got["kind"] not in KINDS[row["kind"]]:
        return f"told as {got['kind']}"
    if row["case"] in POLICY:
        return judge_choice(row, got, attempt)
    if is_policy(row):
        return None if got["reasons"] or got["verdict"] == "accepted" else "refused for no reason"
    if row["result"] == "refused":
        return judge_refused(row, got, attempt)
    if row["result"] == "structure-only":  # nothing to check it with, so it cannot be accepted
        return judge_refused(row, got, attempt)
    return judge_verified(row, got, attempt)


def judge_row(collection, verifier, row):
    """(complaint or None, the first reasons given)."""
    seen = []
    for name, attempts in collection.attempts(row):
        complaints = []
        for attempt in attempts:
            got = verifier.ask(attempt)
            complaint = judge(row, got, attempt)
            complaints.append((complaint, attempt))
            if complaint is None or got["verdict"] == "accepted":
                break
        seen.append(got["reasons"][0] if got["reasons"] else got["verdict"])
        if complaint:
            first, attempt = complaints[0]
            return f"{name}: {first}" + (f" ({attempt.what})" if attempt.what else ""), seen
    return (None if seen else "no evidence in the folder"), seen


def main():
    shared = pathlib.Path(os.environ.get("ALCOVE_SHARED", HERE.parents[2] / "shared"))
    parser = argparse.ArgumentParser(description="Checks a collection of evidence.")
    parser.add_argument("--kind", action="append", choices=KINDS, help="rows of this kind only")
    parser.add_argument("program", metavar="VERIFY_FILES")
    parser.add_argument("collection", nargs="?", type=pathlib.Path, default=shared / "evidence")
    options = parser.parse_args()
    top = options.collection
    if not (top / "EXPECTED.tsv").exists():
        print(f"1..0 # SKIP no collection of evidence at {top}")
        return 0
    verifier = Verifier(options.program)
    disagreements, kinds, number = [], collections.Counter(), 0
    with tempfile.TemporaryDirectory() as scratch:
        collection = Collection(top, pathlib.Path(scratch))
        rows = [row for row in collection.rows if row["kind"] in (options.kind or KINDS)]
        for number, row in enumerate(rows, 1):
            complaint, seen = judge_row(collection, verifier, row)
            kinds[row["kind"]] += 1
            said = " ".join(seen)
            print(f"{'not ' if complaint else ''}ok {number} - {row['case']}: {row['result']} ({said})",
                  flush=True)
            if complaint:
                disagreements.append((row["case"], complaint))
    print(f"1..{number}")
    for case, complaint in disagreements:
        print(f"# {case:60} {complaint}")
    counted = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    print(f"# {number} rows ({counted}), {len(disagreements)} disagreements, "
          f"{sum(row['case'] in POLICY for row in rows)} decided by policy.tsv")
    return 1 if disagreements else 0


if __name__ == "__main__":
    sys.exit(main())
