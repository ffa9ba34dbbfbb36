#!/usr/bin/python3.11
# SPDX-License-Identifier: Apache-2.0
# timeout: 600
"""alcove verify over evidence that others collected: the command itself, where tests/evidence asks
the library. Its JSON is what the schema says, its exit status is the verdict, evidence is told apart,
and --collateral picks from a whole pool what fits. Where there is no collection this skips.
"""

import csv
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import jsonschema

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
ALCOVE = pathlib.Path(os.environ.get("ALCOVE_BUILD", TOP / "build")) / "cli/alcove"
EVIDENCE = pathlib.Path(os.environ.get("ALCOVE_SHARED", TOP.parent / "shared")) / "evidence"
SCHEMA = TOP / "docs/formats/verify-result.schema.json"
KINDS = {"sgx-v3": "sgx-quote", "tdx-v4": "tdx-quote", "tdx-v5": "tdx-quote", "snp": "snp-report",
         "nitro": "nitro-document", "ratls": "sgx-quote"}
NAMES = ("quote.bin", "hcl-report.bin", "report.bin", "doc.cbor", "cert.pem", "cert.der")
POLICY = """
report_data: any
allow_debug: true
allow_trailing: true
allow_migration: true
accept_statuses: [UpToDate, SWHardeningNeeded, ConfigurationNeeded, ConfigurationAndSWHardeningNeeded,
  OutOfDate, OutOfDateConfigurationNeeded, TDRelaunchAdvised, TDRelaunchAdvisedConfigurationNeeded]
advisories: {tolerate: any}
revocation: {amd: if-given}
sgx: {mrenclave: any, signer: any, configid: any}
tdx: {mrtd: any, rtmr: any, mrservicetd: any, attributes: any}
snp: {measurement: any, host_data: any, vmpl: any, min_tcb: any}
azure: {key: any}
nitro: {time: document, pcrs: {0: any, 1: any, 2: any}, nonce: any, user_data: any, public_key: any}
ratls: {nonce: any, key: any, legacy: [gramine, rats-tls]}
"""
# The collection has no collateral of just their time.
DATES = re.compile(r"-(expired|not-yet-valid)$")

checks = 0
failures = 0


def check(good, title, remark=""):
    global checks, failures
    checks += 1
    failures += not good
    print(f"{'ok' if good else 'not ok'} {checks} - {title}")
    if not good:
        print("".join(f"# {line}\n" for line in str(remark).splitlines()[:20]), end="")


def verify(evidence, at, policy):
    """Exit status, JSON and text; of the last two what was said instead where they are none."""
    command = [ALCOVE, "verify", evidence, "--policy", policy, "--at", at]
    root = evidence.parent / "trusted-root.pem"
    if root.exists():  # a made-up maker's, whose authorities have the names of the real one's
        command += ["--root", root]
    else:
        command += ["--collateral", EVIDENCE / "collateral-pool", "--collateral", EVIDENCE / "roots"]
    own = ["--collateral", evidence.parent]
    ran = subprocess.run([*command, *own, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    told = subprocess.run([*command, *own], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        return ran.returncode, json.loads(ran.stdout), told.stdout.decode()
    except ValueError:
        return ran.returncode, None, f"{ran.stdout!r}\n{ran.stderr.decode()}"


# Where no piece fits, the only one of its kind is taken as it is; a whole pool has others.
LEFT_OVER = ("pck-crl-issuer", "qe-identity-kind", "tcb-info-kind")


def check_among_others(evidence, at, policy, alone):
    """A made-up maker's pieces are found among all of the real one's, who has the same names."""
    command = [ALCOVE, "verify", evidence, "--policy", policy, "--at", at, "--json",
               "--root", evidence.parent / "trusted-root.pem"]
    folders = [EVIDENCE / "collateral-pool", EVIDENCE / "roots", evidence.parent]
    for order in (folders, folders[::-1]):
        given = [word for folder in order for word in ("--collateral", folder)]
        ran = subprocess.run([*command, *given], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            v = json.loads(ran.stdout)
        except ValueError:
            return f"{ran.stdout!r}\n{ran.stderr.decode()}"
        same_reason = v["first_reason"] == alone["first_reason"] or alone["first_reason"] in LEFT_OVER
        if v["verdict"] != alone["verdict"] or not same_reason:
            return f"{v['verdict']} {v['first_reason']}, alone {alone['verdict']} {alone['first_reason']}"
    return None


def rows():
    with open(EVIDENCE / "EXPECTED.tsv", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            group = row["case"].split("/")[0]
            folder = EVIDENCE / row["case"]
            name = next((name for name in NAMES if (folder / name).exists()), None)
            if name is not None:
                yield row, KINDS.get(group), folder / name


def check_row(row, kind, evidence, validator, policy):
    told = dict(re.findall(r"(\w+)=(\S+)", row["details"] or ""))
    at = told.get("at", "2026-08-01").split("T")[0] + "T12:00:00Z"
    if row["kind"] == "nitro":
        at = "2030-01-01"  # later than all of them; they are checked as of their own time
    status, v, said = verify(evidence, at, policy)
    title = row["case"]
    if v is None:
        check(False, f"{title} gives JSON", said)
        return None
    wrong = [f"{list(e.path)}: {e.message[:200]}" for e in validator.iter_errors(v)]
    believable = v["kind"] == kind if kind else row["result"] != "refused" or v["verdict"] == "rejected"
    check(not wrong and status == (v["verdict"] != "accepted") and believable,
          f"{title}: {v['kind']}, {v['verdict']} {v['first_reason'] or ''}", "\n".join(wrong))
    first = v["first_reason"] and v["first_reason"].replace("-", " ")
    good = said.startswith(f"rejected: {first}\n" if first else "accepted: ")
    if not good or not all(c.isprintable() or c == "\n" for c in said):
        check(False, "… and the text says the same", said)
    if (evidence.parent / "trusted-root.pem").exists():
        wrong = check_among_others(evidence, at, policy, v)
        check(wrong is None, "… and the same among the pieces of others with its names", wrong)
    if kind and "status" in told and not any(DATES.search(name) for name in v["failed"]):
        check(v["tcb"]["status"] == told["status"], f"… with the status {told['status']}",
              json.dumps(v["failed"]) + v["tcb"]["status"])
    return v


def main():
    if not (EVIDENCE / "EXPECTED.tsv").exists():
        print("1..1\nok 1 - real evidence # SKIP no collection in ../shared/evidence")
        return 0
    schema = json.loads(SCHEMA.read_text())
    validator = jsonschema.Draft202012Validator(schema)
    accepted = {}
    with tempfile.TemporaryDirectory() as folder:
        policy = pathlib.Path(folder) / "policy.yaml"
        policy.write_text(POLICY)
        for row, kind, evidence in rows():
            v = check_row(row, kind, evidence, validator, policy)
            if v is not None and kind and v["verdict"] == "accepted":
                accepted[kind] = accepted.get(kind, 0) + 1
    for kind in sorted(set(KINDS.values())):
        check(accepted.get(kind, 0) > 0, f"{accepted.get(kind, 0)} of kind {kind} were accepted")
    print(f"1..{checks}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
