#!/usr/bin/python3.11
# SPDX-License-Identifier: Apache-2.0
"""The library against evidence that others collected: every quote of EXPECTED.tsv.

usage: evidence_test.py VERIFY_FILES [SHARED]

Reads SHARED/evidence (default: $ALCOVE_SHARED, else ../shared beside the source tree); skips when
it is absent. One TAP line per row: verdict, TCB status and advisories agree with the independent
oracle, and a refused row names the reason that its table below expects. Disagreements are printed
as a table at the end.

Rows without collateral of their own take it from the pool, by FMSPC, the signed document whose
period lies nearest to the row's time. Where no current document exists (the oracle says so in its
notes), being out of date must be the *only* reason to refuse.
"""

import calendar
import csv
import datetime
import itertools
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent

# Reasons that depend on nothing but the time.
DATES = {"tcb-info-expired", "tcb-info-not-yet-valid", "qe-identity-expired",
         "qe-identity-not-yet-valid", "pck-crl-expired", "pck-crl-not-yet-valid",
         "root-crl-expired", "root-crl-not-yet-valid", "signer-expired",
         "signer-not-yet-valid", "chain-expired", "chain-not-yet-valid"}

# The first reason that a refused row must give.
REASONS = {
    "sgx-v3/fortanix-raw-tcb-certtype3": "quote-certification",
    "synthetic/derived/sgx3-ak-flip": "qe-report-binding",
    "synthetic/derived/sgx3-auth-len-0": "quote-format",
    "synthetic/derived/sgx3-cd-len-minus1": "quote-format",
    "synthetic/derived/sgx3-cd-len-plus1": "quote-format",
    "synthetic/derived/sgx3-cd-type-3": "quote-certification",
    "synthetic/derived/sgx3-chain-garbage-after": "chain-format",
    "synthetic/derived/sgx3-chain-no-root": "chain-format",
    "synthetic/derived/sgx3-header-userdata": "quote-signature",
    "synthetic/derived/sgx3-qe-auth-len-max": "quote-format",
    "synthetic/derived/sgx3-qe-sig-flip": "qe-report-signature",
    "synthetic/derived/sgx3-qe-sig-zero": "qe-report-signature",
    "synthetic/derived/sgx3-report-data": "quote-signature",
    "synthetic/derived/sgx3-sig-all-zero": "quote-signature",
    "synthetic/derived/sgx3-sig-r-is-n": "quote-signature",
    "synthetic/derived/sgx3-sig-r-zero": "quote-signature",
    "synthetic/derived/sgx3-sig-s-is-n": "quote-signature",
    "synthetic/derived/sgx3-truncated-1": "quote-format",
    "synthetic/derived/sgx3-truncated-1051": "quote-format",
    "synthetic/derived/sgx3-truncated-432": "quote-format",
    "synthetic/derived/sgx3-truncated-436": "quote-format",
    "synthetic/derived/sgx3-truncated-563": "quote-format",
    "synthetic/derived/sgx3-truncated-58": "quote-format",
    "synthetic/derived/sgx3-truncated-664": "quote-format",
    "synthetic/derived/sgx3-vendor-id": "quote-vendor",
    "synthetic/derived/sgx3-version-2": "quote-version",
    "synthetic/derived/sgx3-version-6": "quote-version",
    "synthetic/derived/tdx4-attkey-3": "quote-key-type",
    "synthetic/derived/tdx4-auth-len-max": "quote-format",
    "synthetic/derived/tdx4-auth-len-minus1": "quote-format",
    "synthetic/derived/tdx4-cd-len-minus1": "quote-format",
    "synthetic/derived/tdx4-cd-type-6-inner": "quote-certification",
    "synthetic/derived/tdx4-chain-empty": "chain-format",
    "synthetic/derived/tdx4-chain-no-root": "chain-format",
    "synthetic/derived/tdx4-debug-set": "quote-signature",
    "synthetic/derived/tdx4-measurement": "quote-signature",
    "synthetic/derived/tdx4-outer-len-plus1": "quote-format",
    "synthetic/derived/tdx4-qe-sig-flip": "qe-report-signature",
    "synthetic/derived/tdx4-sig-all-zero": "quote-signature",
    "synthetic/derived/tdx4-sig-r-flip": "quote-signature",
    "synthetic/derived/tdx4-sig-s-is-n": "quote-signature",
    "synthetic/derived/tdx4-sig-s-zero": "quote-signature",
    "synthetic/derived/tdx4-tee-0x82": "quote-tee",
    "synthetic/derived/tdx4-truncated-1217": "quote-format",
    "synthetic/derived/tdx4-truncated-1219": "quote-format",
    "synthetic/derived/tdx4-truncated-1268": "quote-format",
    "synthetic/derived/tdx4-truncated-48": "quote-format",
    "synthetic/derived/tdx4-truncated-4935": "quote-format",
    "synthetic/derived/tdx4-truncated-631": "quote-format",
    "synthetic/derived/tdx4-truncated-870": "quote-format",
    "synthetic/derived/tdx4-vendor-id": "quote-vendor",
    "synthetic/derived/tdx4-version-2": "quote-version",
    "synthetic/derived/tdx5-ak-flip": "qe-report-binding",
    "synthetic/derived/tdx5-ak-x-ge-p": "qe-report-binding",
    "synthetic/derived/tdx5-ak-zero": "qe-report-binding",
    "synthetic/derived/tdx5-attkey-3": "quote-key-type",
    "synthetic/derived/tdx5-auth-len-0": "quote-format",
    "synthetic/derived/tdx5-auth-len-plus1": "quote-format",
    "synthetic/derived/tdx5-body-size-584": "quote-format",
    "synthetic/derived/tdx5-body-size-max": "quote-format",
    "synthetic/derived/tdx5-body-type-1": "quote-format",
    "synthetic/derived/tdx5-body-type-5": "quote-format",
    "synthetic/derived/tdx5-cd-len-max": "quote-format",
    "synthetic/derived/tdx5-cd-type-4": "quote-certification",
    "synthetic/derived/tdx5-cd-type-6-inner": "quote-certification",
    "synthetic/derived/tdx5-cd-type-7": "quote-certification",
    "synthetic/derived/tdx5-chain-leaf-only": "chain-format",
    "synthetic/derived/tdx5-chain-no-root": "chain-format",
    "synthetic/derived/tdx5-chain-two-leaves": "chain-format",
    "synthetic/derived/tdx5-debug-set": "quote-signature",
    "synthetic/derived/tdx5-header-userdata": "quote-signature",
    "synthetic/derived/tdx5-outer-len-max": "quote-format",
    "synthetic/derived/tdx5-outer-len-plus1": "quote-format",
    "synthetic/derived/tdx5-pck-cert-flip": "chain-names",
    "synthetic/derived/tdx5-qe-auth-flip": "qe-report-binding",
    "synthetic/derived/tdx5-qe-auth-len-plus1": "quote-format",
    "synthetic/derived/tdx5-qe-isvsvn-raised": "qe-report-signature",
    "synthetic/derived/tdx5-qe-reportdata-tail": "qe-report-signature",
    "synthetic/derived/tdx5-report-data": "quote-signature",
    "synthetic/derived/tdx5-sig-r-zero": "quote-signature",
    "synthetic/derived/tdx5-sig-s-is-n": "quote-signature",
    "synthetic/derived/tdx5-tee-swapped": "quote-format",
    "synthetic/derived/tdx5-truncated-1289": "quote-format",
    "synthetic/derived/tdx5-truncated-1323": "quote-format",
    "synthetic/derived/tdx5-truncated-1327": "quote-format",
    "synthetic/derived/tdx5-truncated-1338": "quote-format",
    "synthetic/derived/tdx5-truncated-2": "quote-format",
    "synthetic/derived/tdx5-truncated-47": "quote-format",
    "synthetic/derived/tdx5-truncated-48": "quote-format",
    "synthetic/derived/tdx5-truncated-64": "quote-format",
    "synthetic/derived/tdx5-truncated-701": "quote-format",
    "synthetic/derived/tdx5-truncated-705": "quote-format",
    "synthetic/derived/tdx5-truncated-706": "quote-format",
    "synthetic/derived/tdx5-truncated-769": "quote-format",
    "synthetic/derived/tdx5-truncated-940": "quote-format",
    "synthetic/derived/tdx5-version-2": "quote-version",
    "synthetic/pki/sgx3-crl-5000-last": "pck-revoked",
    "synthetic/pki/sgx3-crl-bad-signature": "pck-crl-signature",
    "synthetic/pki/sgx3-crl-wrong-issuer": "pck-crl-issuer",
    "synthetic/pki/sgx3-intermediate-not-ca": "chain-ca",
    "synthetic/pki/sgx3-intermediate-revoked": "intermediate-revoked",
    "synthetic/pki/sgx3-leaf-by-root-name-only": "chain-signature",
    "synthetic/pki/sgx3-no-sgx-extension": "sgx-extension",
    "synthetic/pki/sgx3-pck-expired": "chain-expired",
    "synthetic/pki/sgx3-pck-future": "chain-not-yet-valid",
    "synthetic/pki/sgx3-pck-is-ca": "chain-ca",
    "synthetic/pki/sgx3-qe-identity-qve": "qe-identity-kind",
    "synthetic/pki/sgx3-qe-prodid": "qe-isvprodid",
    "synthetic/pki/sgx3-qeid-sig": "qe-identity-signature",
    "synthetic/pki/sgx3-sgx-ext-fmspc-5": "sgx-extension",
    "synthetic/pki/sgx3-sgx-ext-svn-negative": "sgx-extension",
    "synthetic/pki/sgx3-tcbinfo-duplicate-member": "tcb-info-format",
    "synthetic/pki/sgx3-tcbinfo-expired": "tcb-info-expired",
    "synthetic/pki/sgx3-tcbinfo-reserialised": "tcb-info-signature",
    "synthetic/pki/sgx3-tcbinfo-sig": "tcb-info-signature",
    "synthetic/pki/sgx3-tcbinfo-signed-by-pck": "tcb-info-signature",
    "synthetic/pki/sgx3-tcbinfo-status-edited": "tcb-info-signature",
    "synthetic/pki/sgx3-tcbinfo-svn-256": "tcb-info-format",
    "synthetic/pki/sgx3-tcbsigning-expired": "signer-expired",
    "synthetic/pki/sgx3-tdx-tcbinfo": "tcb-info-kind",
    "synthetic/pki/sgx3-unknown-status": "tcb-info-format",
    "synthetic/pki/tdx4-module-id-missing": "tdx-module",
    "synthetic/pki/tdx4-qe-identity-sgx": "qe-identity-kind",
}

# Rows on which two verifiers may differ, and what ours does, and why.
POLICY = {
    "synthetic/derived/sgx3-chain-garbage-after": "refused: nothing may follow the certificates",
    "synthetic/pki/sgx3-tcbinfo-reserialised": "refused: the signature covers the exact bytes",
}


def unix(text):
    return calendar.timegm(datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").timetuple())


class Evidence:
    """The collection: rows, their files, and the pool."""

    def __init__(self, top):
        self.top = top
        self.scratch = tempfile.TemporaryDirectory()
        with open(top / "EXPECTED.tsv", newline="") as f:
            self.rows = list(csv.DictReader(f, delimiter="\t"))
        self.pool = {"tcbinfo": [], "identity": []}
        for kind, member in (("tcbinfo", "tcbInfo"), ("identity", "enclaveIdentity")):
            for path in sorted((top / "collateral-pool" / kind).glob("*.json")):
                body = json.loads(path.read_text()).get(member)
                if body:
                    self.pool[kind].append((path, body, unix(body["issueDate"]),
                                            unix(body["nextUpdate"])))
        self.crls = []
        for path in sorted((top / "collateral-pool/crl").glob("*.der")):
            stamp = re.search(r"-(\d{8}T\d{6})-", path.name).group(1)
            parsed = datetime.datetime.strptime(stamp, "%Y%m%dT%H%M%S")
            issued = calendar.timegm(parsed.timetuple())
            ca = re.match(r"Intel_SGX_(PCK_)?(\w+?)_CA", path.name).group(2)
            self.crls.append((path, ca.lower(), issued, issued + 30 * 86400))

    @staticmethod
    def nearest(candidates, at):
        """Of (path, ..., from, until): a current one, else the nearest one."""
        def distance(c):
            return max(c[-2] - at, at - c[-1], 0), abs(c[-2] - at)
        return min(candidates, key=distance) if candidates else None

    def told(self, row, pattern, otherwise):
        """What the row's details say, or those of a row made from the same quote."""
        family = re.match(r"synthetic/derived/\w+?-|.*", row["case"]).group(0)
        for candidate in [row] + [r for r in self.rows if r["case"].startswith(family)]:
            found = re.search(pattern, candidate["details"] or "")
            if found:
                return found.group(1)
        return otherwise

    def fmspc_of(self, row):
        return self.told(row, r"fmspc=([0-9a-f]{12})", "00606a000000")

    def has_document(self, row):
        """Is the TCB info that a row was judged by in the collection? Some were newer."""
        if "src=pool" not in (row["details"] or ""):
            return True
        fmspc = re.search(r"fmspc=(\w+)", row["details"]).group(1)
        advisories = set(filter(None, expected_of(row)[1].split(",")))
        known = set()
        for _, body, *_ in self.pool["tcbinfo"] + self.pool["identity"]:
            if body.get("fmspc", fmspc).lower() == fmspc:
                for level in body["tcbLevels"]:
                    known.update(level.get("advisoryIDs", []))
        return advisories <= known

    def signing_chain(self, at):
        year = "2018" if at < unix("2025-05-20T00:00:00Z") else "2025"
        return self.top / "collateral-pool" / f"tcb-signing-chain-{year}.pem"

    def pck_chain(self, folder):
        """For quotes without a chain: from separate files; PEM."""
        parts = [folder / "pck-cert.pem", folder / "pck-signchain.pem"]
        if not all(p.exists() for p in parts):
            return None
        certificates = re.findall(r"-----BEGIN.*?-----END CERTIFICATE-----",
                                  "\n".join(p.read_text() for p in parts), re.S)
        root = (folder / "trusted-root.pem").read_text().strip()
        ordered = [c for c in certificates if "".join(c.split()) != "".join(root.split())] + [root]
        path = pathlib.Path(self.scratch.name) / (folder.name + "-chain.pem")
        path.write_text("\n".join(ordered) + "\n")
        return path

    def case(self, row):
        """The fields that verify_files wants, as a list of alternatives to try."""
        folder = self.top / row["case"]
        meta = json.loads((folder / "meta.json").read_text())
        details = row["details"] or ""
        day = self.told(row, r"at=(\d{4}-\d\d-\d\d)", "2026-06-15")
        if "at_unix" in meta:
            at = int(meta["at_unix"])
        elif "at" in meta:
            at = unix(meta["at"])
        else:
            at = unix(day + "T00:00:00Z")
        fmspc = self.fmspc_of(row)
        tdx = "tdx" in row["case"]
        processor = "ca=processor" in details or "derived/sgx" in row["case"]
        ca = "processor" if processor else "platform"

        def own(name):
            path = folder / name
            return path if path.exists() else None

        def pooled(kind, keep):
            best = self.nearest([c for c in self.pool[kind] if keep(c[1])], at)
            return best and best[0]

        infos = [own("tcbinfo.json")] if own("tcbinfo.json") else []
        if not infos or "src=pool" in details:
            wanted = [c for c in self.pool["tcbinfo"]
                      if c[1]["fmspc"].lower() == fmspc
                      and c[1].get("id", "SGX") == ("TDX" if tdx else "SGX")]
            wanted.sort(key=lambda c: (max(c[-2] - at, at - c[-1], 0), abs(c[-2] - at)))
            infos += [c[0] for c in wanted]
        name = "TD_QE" if tdx else "QE"
        identity = own("qeidentity.json") or pooled("identity", lambda b: b["id"] == name)
        crl = own("pck-crl.der")
        pool_crl = self.nearest([c for c in self.crls if c[1] == ca], at)[0]
        crls = [c for c in (crl, pool_crl) if c]
        of_root = [c for c in self.crls if c[1] == "root"]
        root_crl = own("root-crl.der") or self.nearest(of_root, at)[0]
        chain = own("tcb-chain.pem") or self.signing_chain(at)
        root = own("trusted-root.pem")
        for info, one_crl in itertools.product(infos or [None], crls):
            yield [str(at), root, folder / "quote.bin", info, chain, identity, chain, one_crl,
                   root_crl, self.pck_chain(folder)]


def expected_of(row):
    details = row["details"] or ""
    status = re.search(r"status=(\w+)", details)
    advisories = re.search(r"adv=(\S*)", details)
    notes = row["notes"] or ""
    dates_may_fail = ("not current" in notes or "windows do not overlap" in notes
                      or "src=pool" in details)
    return (status.group(1) if status else None, advisories.group(1) if advisories else "",
            dates_may_fail)


def judge(row, got, has_document, own_lists):
    """None if the answer agrees with the row, else what is wrong. A list that came from the pool
    may be of another time."""
    verdict, status, _platform, _qe, advisories, reasons, debug = got
    borrowed = {r for r in DATES if "-crl-" in r and r.split("-")[0] not in own_lists}
    reasons = [r for r in reasons.split(",") if r and r not in borrowed]
    if row["case"] in POLICY:
        wanted = REASONS[row["case"]]
        return None if reasons and reasons[0] == wanted else f"policy row: expected {wanted}"
    if row["result"] == "refused":
        wanted = REASONS.get(row["case"])
        if verdict != "rejected":
            return "accepted, but must be refused"
        if not reasons:
            return "refused for nothing but the age of a pool document"
        return None if reasons[0] == wanted else f"first reason {reasons[0]}, expected {wanted}"
    want_status, want_advisories, dates_may_fail = expected_of(row)
    allowed = DATES if dates_may_fail else set()
    if want_status == "NotSupported":
        allowed = allowed | {"tcb-not-supported"}
    if set(reasons) - allowed:
        return "refused: " + ",".join(r for r in reasons if r not in allowed)
    if not has_document:
        return None
    if status != want_status:
        return f"status {status}, expected {want_status}"
    if advisories != want_advisories:
        return f"advisories {advisories or 'none'}, expected {want_advisories or 'none'}"
    if ("DEBUG" in row["details"]) != (debug == "debug"):
        return f"debug is {debug}"
    return None


def main():
    tool = sys.argv[1]
    shared = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else
                          os.environ.get("ALCOVE_SHARED", HERE.parent.parent / "shared"))
    top = shared / "evidence"
    if not (top / "EXPECTED.tsv").exists():
        print(f"1..0 # SKIP no collection of evidence at {top}; name it with ALCOVE_SHARED")
        return 0
    evidence = Evidence(top)
    rows = [r for r in evidence.rows if r["kind"] == "quote"
            and re.search(r"(^sgx-v3|^tdx-v[45]|/sgx[345]|/tdx[45])", r["case"])]
    lines, owner = [], []
    for i, row in enumerate(rows):
        for fields in evidence.case(row):
            lines.append("\t".join(str(f) if f else "-" for f in fields))
            owner.append(i)
    run = subprocess.run([tool], input="\n".join(lines) + "\n", capture_output=True, text=True)
    sys.stderr.write(run.stderr)
    answers = [line.split("\t") for line in run.stdout.splitlines()]
    if run.returncode != 0 or len(answers) != len(lines):
        print("Bail out! verify_files failed")
        return 1
    disagreements = []
    for i, row in enumerate(rows):
        # Rows on pool collateral do not say which document the oracle took: one of them must agree.
        here = evidence.has_document(row)
        folder = top / row["case"]
        lists = {name for name in ("pck", "root") if (folder / f"{name}-crl.der").exists()}
        problems = [judge(row, a, here, lists) for a, o in zip(answers, owner) if o == i]
        ok = None in problems
        note = "" if here else " (status unknown: the oracle's TCB info is not in the collection)"
        print(f"{'ok' if ok else 'not ok'} {i + 1} - {row['case']} is judged as expected{note}")
        if not ok:
            disagreements.append((row["case"], row["result"], problems[0]))
    print(f"1..{len(rows)}")
    print(f"# {len(rows)} rows, {len(disagreements)} disagreements")
    for case, result, problem in disagreements:
        print(f"# {case:60} {result:10} {problem}")
    return 1 if disagreements else 0


if __name__ == "__main__":
    sys.exit(main())
