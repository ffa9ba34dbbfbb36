#!/usr/bin/python3.11
# SPDX-License-Identifier: Apache-2.0
"""Intel's TCB rules, written a second time and compared with the library.

usage: tcb_rules_test.py TCB_TOOL [SHARED]        (environment: ALCOVE_SHARED, TCB_RULES_SEED)

What is here was written from Intel's documents (PCS API v4, "TCB info" and the text about selecting
a TCB level; "PCK Certificate and CRL Profile"; appendices A of the quote libraries), not from the C
code: quotes, PCK certificates and both JSON documents are read here too, and the two must agree in
platform's, quoting enclave's, module's and converged status, advisories, dates, evaluation number
and in the reasons that the rules give.

Compared are thousands of random platforms and documents, which the tool forges, and, where
SHARED/evidence is, every SGX and TDX quote in it with every TCB info and identity in it, whether
they belong together or not.
"""

import base64
import calendar
import hashlib
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import threading
import time

FORGED = 4000
PAIRS = 8  # of documents, for each forged platform
FORGE_NOW = 1790000000  # as forge/forge.h says
DAY = 86400

# ---- What the tool is asked about ----

STATUSES = ("UpToDate", "SWHardeningNeeded", "ConfigurationNeeded",
            "ConfigurationAndSWHardeningNeeded", "OutOfDate", "OutOfDateConfigurationNeeded",
            "Revoked")
PART_STATUSES = ("UpToDate", "OutOfDate", "Revoked")
DATES = {"tcb-info-not-yet-valid", "tcb-info-expired", "qe-identity-not-yet-valid",
         "qe-identity-expired"}
DOCUMENTS = {"tcb-info-format", "qe-identity-format", "tcb-info-kind", "tcb-info-platform",
             "qe-identity-kind", "qe-miscselect", "qe-attributes", "qe-mrsigner", "qe-isvprodid"}
LEVELS = {"qe-not-supported", "tdx-module", "tdx-module-not-supported", "tcb-not-supported"}
UNREADABLE = {"chain-format", "quote-certification", "sgx-extension", "quote-format",
              "quote-version", "quote-key-type", "quote-tee", "quote-vendor"}


class Unreadable(Exception):
    """Evidence or a document that no rule applies to."""


def need(condition, why):
    if not condition:
        raise Unreadable(why)


# ---- Quotes and PCK certificates ----

def der(data, at=0):
    """(tag, contents, what follows)"""
    need(at + 2 <= len(data), "DER is cut")
    tag, size, start = data[at], data[at + 1], at + 2
    if size & 0x80:
        count = size & 0x7f
        size, start = int.from_bytes(data[start:start + count], "big"), start + count
    need(start + size <= len(data), "DER is cut")
    return tag, data[start:start + size], data[start + size:]


def elements(data):
    while data:
        tag, content, data = der(data)
        yield tag, content


SGX_EXTENSION = bytes.fromhex("2a864886f84d010d01")


def sgx_extension(certificate):
    """The value of the SGX extension of a certificate in DER, or None."""
    _, outer, _ = der(certificate)
    _, tbs, _ = der(outer)
    for tag, content in elements(tbs):
        if tag == 0xa3:
            for _, extension in elements(der(content)[1]):
                parts = [part for _, part in elements(extension)]
                if parts[0] == SGX_EXTENSION:
                    return parts[-1]
    return None


def platform_of(chain):
    """Components, PCESVN, FMSPC and PCE id, from the PCK certificate of a PEM chain."""
    blocks = re.findall(rb"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]*)-----END CERTIFICATE-----",
                        chain)
    values = [sgx_extension(base64.b64decode(block)) for block in blocks]
    values = [value for value in values if value is not None]
    need(len(values) == 1, "no PCK certificate")
    members = {}
    for _, pair in elements(der(values[0])[1]):
        (_, oid), (_, value) = elements(pair)
        members[oid[len(SGX_EXTENSION):]] = value
    need({b"\2", b"\3", b"\4"} <= members.keys(), "members are missing")
    tcb = {}
    for _, pair in elements(members[b"\2"]):
        (_, oid), (_, value) = elements(pair)
        tcb[oid[-1]] = value
    components = [int.from_bytes(tcb[i], "big", signed=True) for i in range(1, 17)]
    pcesvn = int.from_bytes(tcb[17], "big", signed=True)
    need(all(0 <= c <= 255 for c in components) and 0 <= pcesvn <= 65535, "SVN out of range")
    need(len(members[b"\4"]) == 6 and len(members[b"\3"]) == 2, "FMSPC or PCE id")
    return {"components": components, "pcesvn": pcesvn, "fmspc": members[b"\4"],
            "pceid": members[b"\3"]}


def le(data):
    return int.from_bytes(data, "little")


def read_quote(q):
    need(len(q) >= 48 and le(q[2:4]) == 2, "not an ECDSA quote")
    version, tee, at = le(q[:2]), le(q[4:8]), 48
    is_tdx = tee == 0x81
    need((version == 3 and tee == 0) or (version in (4, 5) and tee in (0, 0x81)), "version or TEE")
    size = 584 if is_tdx else 384
    if version == 5:
        kind, size, at = le(q[48:50]), le(q[50:54]), 54
        need((kind, size) in (((2, 584), (3, 648), (4, 885)) if is_tdx else ((1, 384),)), "body")
    body = q[at:at + size]
    at += size
    auth = q[at + 4:at + 4 + le(q[at:at + 4])]
    need(len(body) == size and len(auth) == le(q[at:at + 4]), "cut")
    rest = auth[128:]
    if version > 3:
        need(le(rest[:2]) == 6 and le(rest[2:6]) == len(rest) - 6, "QE certification data")
        rest = rest[6:]
    report, rest = rest[:384], rest[448:]
    auth_data = le(rest[:2])
    rest = rest[2 + auth_data:]
    need(len(report) == 384 and len(rest) >= 6 and le(rest[2:6]) == len(rest) - 6, "cut")
    need(le(rest[:2]) == 5, "no chain")
    facts = platform_of(rest[6:])
    facts.update(is_tdx=is_tdx, qe_misc=le(report[16:20]), qe_attributes=report[48:64],
                 qe_mrsigner=report[128:160], qe_prodid=le(report[256:258]),
                 qe_svn=le(report[258:260]))
    if is_tdx:
        facts.update(svn=body[:16], mrsignerseam=body[64:112], seam_attributes=le(body[112:120]),
                     svn_2=body[584:600] if size > 584 else None)
    return facts


# ---- Documents ----

def unique(pairs):
    names = [name for name, _ in pairs]
    need(len(names) == len(set(names)), "a member occurs twice")
    return dict(pairs)


def seconds(text):
    need(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", text), "not a date")
    try:
        return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))
    except ValueError as error:
        raise Unreadable("no such date") from error


def number(value, most):
    need(type(value) is int and 0 <= value <= most, "not a number in its range")
    return value


def bytes_of(text, size):
    need(isinstance(text, str) and re.fullmatch(f"[0-9a-fA-F]{{{2 * size}}}", text), "not hex")
    return bytes.fromhex(text)


def verdict(level, statuses):
    need(level["tcbStatus"] in statuses, "an unknown status")
    return {"status": level["tcbStatus"], "date": seconds(level["tcbDate"]),
            "advisories": set(level.get("advisoryIDs", []))}


def svn_levels(levels):
    return [{"isvsvn": number(level["tcb"]["isvsvn"], 65535), **verdict(level, PART_STATUSES)}
            for level in levels]


def module(entry):
    return {"mrsigner": bytes_of(entry["mrsigner"], 48),
            "attributes": bytes_of(entry["attributes"], 8),
            "mask": bytes_of(entry["attributesMask"], 8)}


def document(text, member):
    try:
        outer = json.loads(text, object_pairs_hook=unique)
        body = outer[member]
        need(outer.keys() == {member, "signature"}, "something beside the signed member")
        return {"version": body["version"], "id": body.get("id"), "body": body,
                "issued": seconds(body["issueDate"]), "until": seconds(body["nextUpdate"]),
                "number": number(body["tcbEvaluationDataNumber"], 2**32 - 1)}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Unreadable(f"{type(error).__name__}: {error}") from error


def tcb_level(version, is_tdx, level):
    tcb = level["tcb"]
    if version == 2:
        components = [tcb[f"sgxtcbcomp{i:02}svn"] for i in range(1, 17)]
    else:
        components = [component["svn"] for component in tcb["sgxtcbcomponents"]]
    tdx = [component["svn"] for component in tcb["tdxtcbcomponents"]] if is_tdx else None
    for list_ in [components] + [tdx] * is_tdx:
        need(len(list_) == 16 and all(number(svn, 255) == svn for svn in list_), "components")
    return {"components": components, "tdx": tdx, "pcesvn": number(tcb["pcesvn"], 65535),
            **verdict(level, STATUSES)}


def read_tcb_info(text):
    d = document(text, "tcbInfo")
    need(d["version"] in (2, 3) and (d["id"] is None) == (d["version"] == 2), "version")
    body = d["body"]
    d["kind"] = d["id"] or "SGX"
    try:
        d["fmspc"], d["pceid"] = bytes_of(body["fmspc"], 6), bytes_of(body["pceId"], 2)
        d["levels"] = [tcb_level(d["version"], d["kind"] == "TDX", level)
                       for level in body["tcbLevels"]]
        d["module"] = module(body["tdxModule"]) if "tdxModule" in body else None
        d["modules"] = {}
        for entry in body.get("tdxModuleIdentities", []):
            match = re.fullmatch("TDX_([0-9a-fA-F]{2})", entry["id"])
            need(match, "a module's id")
            version = int(match[1], 16)
            need(version not in d["modules"], "a module twice")
            d["modules"][version] = {**module(entry), "levels": svn_levels(entry["tcbLevels"])}
    except (KeyError, TypeError) as error:
        raise Unreadable(f"{type(error).__name__}: {error}") from error
    return d


def read_identity(text):
    d = document(text, "enclaveIdentity")
    need(d["version"] == 2, "version")
    body = d["body"]
    try:
        d.update(misc=bytes_of(body["miscselect"], 4),
                 misc_mask=bytes_of(body["miscselectMask"], 4),
                 attributes=bytes_of(body["attributes"], 16),
                 mask=bytes_of(body["attributesMask"], 16),
                 mrsigner=bytes_of(body["mrsigner"], 32), prodid=number(body["isvprodid"], 65535),
                 levels=svn_levels(body["tcbLevels"]))
    except (KeyError, TypeError) as error:
        raise Unreadable(f"{type(error).__name__}: {error}") from error
    return d


# ---- The rules ----

def platform_level(info, facts, svn):
    """The first level in the document's order that the PCK certificate's components and PCESVN
    reach, and for TDX those of TEE_TCB_SVN: without the first two if the module has a version of
    its own."""
    for level in info["levels"]:
        if any(mine < wanted for mine, wanted in zip(facts["components"], level["components"])):
            continue
        if facts["pcesvn"] < level["pcesvn"]:
            continue
        if svn is not None:
            start = 2 if svn[1] > 0 else 0
            if any(svn[i] < level["tdx"][i] for i in range(start, 16)):
                continue
        return level
    return None


def highest(levels, svn):
    fitting = [level for level in levels if level["isvsvn"] <= svn]
    return max(fitting, key=lambda level: level["isvsvn"]) if fitting else None


def converge(platform, parts):
    if "Revoked" in parts:
        return "Revoked"
    if "OutOfDate" not in parts:
        return platform
    return {"UpToDate": "OutOfDate", "SWHardeningNeeded": "OutOfDate",
            "ConfigurationNeeded": "OutOfDateConfigurationNeeded",
            "ConfigurationAndSWHardeningNeeded": "OutOfDateConfigurationNeeded"
            }.get(platform, platform)


def evaluate(info, identity, facts, svn):
    """Levels and status as of one TEE_TCB_SVN; None for SGX."""
    has_module = svn is not None and svn[1] > 0
    found = {"platform": platform_level(info, facts, svn),
             "qe": highest(identity["levels"], facts["qe_svn"])}
    if has_module:
        entry = info["modules"].get(svn[1])
        found["module"] = highest(entry["levels"], svn[0]) if entry else None
    if None in found.values():
        return found, "NotSupported"
    parts = {found[name]["status"] for name in found if name != "platform"}
    return found, converge(found["platform"]["status"], parts)


def relaunch(launch, current):
    if launch not in ("OutOfDate", "OutOfDateConfigurationNeeded"):
        return launch
    if current not in ("UpToDate", "SWHardeningNeeded", "ConfigurationNeeded",
                       "ConfigurationAndSWHardeningNeeded"):
        return launch
    configuration = "Configuration" in launch + current
    return "TDRelaunchAdvised" + "ConfigurationNeeded" * configuration


def module_fits(info, facts):
    version = facts["svn"][1]
    entry = info["modules"].get(version) if version > 0 else info["module"]
    return (entry is not None and entry["mrsigner"] == facts["mrsignerseam"] and
            le(entry["attributes"]) == 0 and facts["seam_attributes"] == 0)


def masked(value, mask):
    return bytes(v & m for v, m in zip(value, mask))


def check_identity(identity, facts):
    reasons = set()
    if identity["id"] != ("TD_QE" if facts["is_tdx"] else "QE"):
        reasons.add("qe-identity-kind")
    # Written as numbers, most significant digit first.
    if facts["qe_misc"] & int.from_bytes(identity["misc_mask"], "big") != \
            int.from_bytes(identity["misc"], "big"):
        reasons.add("qe-miscselect")
    if masked(facts["qe_attributes"], identity["mask"]) != identity["attributes"]:
        reasons.add("qe-attributes")
    if facts["qe_mrsigner"] != identity["mrsigner"]:
        reasons.add("qe-mrsigner")
    if facts["qe_prodid"] != identity["prodid"]:
        reasons.add("qe-isvprodid")
    return reasons


def outdated(d, now, name):
    return ({f"{name}-not-yet-valid"} if now < d["issued"] else set()) | (
        {f"{name}-expired"} if now > d["until"] else set())


def rules(facts, info, identity, now):
    """The library's answer, in the tool's terms; info and identity are None if unreadable."""
    answer = {"status": "none", "platform": "none", "qe": "none", "module": "none",
              "advisories": set(), "date": 0, "number": 0, "reasons": set()}
    reasons = answer["reasons"]
    numbers = [d["number"] for d in (info, identity) if d is not None]
    answer["number"] = min(numbers, default=0)
    if info is None:
        reasons.add("tcb-info-format")
    else:
        reasons |= outdated(info, now, "tcb-info")
        if info["kind"] != ("TDX" if facts["is_tdx"] else "SGX"):
            reasons.add("tcb-info-kind")
        if (info["fmspc"], info["pceid"]) != (facts["fmspc"], facts["pceid"]):
            reasons.add("tcb-info-platform")
    if identity is None:
        reasons.add("qe-identity-format")
    else:
        reasons |= outdated(identity, now, "qe-identity") | check_identity(identity, facts)
    if info is None or identity is None or "tcb-info-kind" in reasons:
        return answer
    svn = facts["svn"] if facts["is_tdx"] else None
    if facts["is_tdx"] and not module_fits(info, facts):
        reasons.add("tdx-module")
    found, status = evaluate(info, identity, facts, svn)
    names = {"platform": "tcb-not-supported", "qe": "qe-not-supported",
             "module": "tdx-module-not-supported"}
    for name, level in found.items():
        answer[name] = level["status"] if level else "NotSupported"
        if level is None:
            reasons.add(names[name])
    answer["status"] = status
    if status != "NotSupported":
        answer["date"] = min(level["date"] for level in found.values())
        answer["advisories"] = set().union(*(level["advisories"] for level in found.values()))
        if facts["is_tdx"] and facts["svn_2"] is not None:
            answer["status"] = relaunch(status, evaluate(info, identity, facts, facts["svn_2"])[1])
    return answer


# ---- Asking the tool ----

def ask(tool, lines):
    """The tool's answers, split into fields."""
    process = subprocess.Popen([tool], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def feed():
        with process.stdin:
            for line in lines:
                process.stdin.write(line + "\n")
    feeder = threading.Thread(target=feed)
    feeder.start()
    for line in process.stdout:
        yield line.rstrip("\n").split("\t")
    feeder.join()
    if process.wait() != 0:
        raise SystemExit(f"tcb_tool failed: {process.returncode}")


def said(fields):
    return {"status": fields[0], "platform": fields[1], "qe": fields[2], "module": fields[3],
            "advisories": set(filter(None, fields[4].split(","))), "date": int(fields[5]),
            "number": int(fields[6]), "reasons": set(filter(None, fields[7].split(",")))}


def differences(wanted, got):
    """What the two disagree about; levels only where the document is of this kind of hardware."""
    judged = DATES | DOCUMENTS
    names = ["number"]
    if "tcb-info-kind" not in wanted["reasons"]:
        judged |= LEVELS
        names += ["status", "platform", "qe", "module", "advisories", "date"]
    out = [f"{name}: rules {wanted[name]!r}, library {got[name]!r}"
           for name in names if wanted[name] != got[name]]
    rules_, library = wanted["reasons"] & judged, got["reasons"] & judged
    if rules_ != library:
        out.append(f"reasons: rules {sorted(rules_)}, library {sorted(library)}")
    return out


# ---- Random platforms and documents ----

class Forger:
    """Values lie close together, so that levels are reached and missed by one component."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def chance(self, p):
        return self.random.random() < p

    def svns(self, low, high, spread):
        base = self.random.randint(low, high)
        values = [base] * 16
        for _ in range(self.random.choice((0, 0, 0, 1, 1, 2, 4))):
            at = self.random.randrange(16)
            values[at] = max(0, min(255, base + self.random.randint(-spread, spread)))
        return values

    def date(self):
        return time.strftime("%Y-%m-%dT%H:%M:%SZ",
                             time.gmtime(FORGE_NOW - self.random.randint(1, 2000) * DAY))

    def period(self):
        def text(days):
            return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(FORGE_NOW + days * DAY))
        if self.chance(0.05):
            return text(1), text(31)
        if self.chance(0.05):
            return text(-60), text(-30)
        return text(-self.random.choice((0, 1, 29))), text(self.random.choice((0, 1, 29)))

    def advisories(self):
        count = self.random.choice((0, 0, 1, 2, 3))
        return {"advisoryIDs": [f"INTEL-SA-{self.random.randint(1, 12):05}" for _ in range(count)]
                } if count or self.chance(0.2) else {}

    def verdict(self, statuses):
        weights = [1 if status == "Revoked" else 5 for status in statuses]
        return {"tcbDate": self.date(), "tcbStatus": self.random.choices(statuses, weights)[0],
                **self.advisories()}

    def svn_levels(self, most):
        least = 0 if self.chance(0.1) else 1
        svns = self.random.sample(range(1, 9), self.random.randint(least, most))
        if self.chance(0.8):
            svns[-1:] = [0]
        if self.chance(0.7):
            svns.sort(reverse=True)
        levels = [{"tcb": {"isvsvn": svn}, **self.verdict(PART_STATUSES)} for svn in svns]
        if levels and self.chance(0.6):
            max(levels, key=lambda level: level["tcb"]["isvsvn"])["tcbStatus"] = "UpToDate"
        return levels

    def hex(self, data):
        return data.hex() if self.chance(0.3) else data.hex().upper()

    def module(self):
        signer = bytes(48) if self.chance(0.93) else b"\1" + bytes(47)
        attributes = bytes(8) if self.chance(0.95) else b"\1" + bytes(7)
        mask = bytes([255] * 8) if self.chance(0.9) else bytes(8)
        return {"mrsigner": self.hex(signer), "attributes": self.hex(attributes),
                "attributesMask": self.hex(mask)}

    def tcb_level(self, version, is_tdx, low=False):
        svns = self.svns(0, 2, 1) if low else self.svns(2, 7, 2)
        pcesvn = self.random.randint(5, 6 if low else 12)
        if version == 2:
            tcb = {f"sgxtcbcomp{i + 1:02}svn": svn for i, svn in enumerate(svns)}
            tcb["pcesvn"] = pcesvn
        else:
            tcb = {"sgxtcbcomponents": [{"svn": svn} for svn in svns], "pcesvn": pcesvn}
        if is_tdx:
            tcb["tdxtcbcomponents"] = [
                {"svn": svn} for svn in (self.svns(0, 1, 1) if low else self.svns(2, 6, 2))]
        return {"tcb": tcb, **self.verdict(STATUSES)}

    def tcb_info(self, is_tdx):
        if self.chance(0.03):
            is_tdx = not is_tdx
        version = 2 if not is_tdx and self.chance(0.3) else 3
        issued, until = self.period()
        body = {"version": version, "issueDate": issued, "nextUpdate": until,
                "fmspc": "00A06F050000" if self.chance(0.95) else "00A06F050001",
                "pceId": "0000" if self.chance(0.97) else "0001", "tcbType": 0,
                "tcbEvaluationDataNumber": self.random.randint(1, 30)}
        if version == 3:
            body["id"] = "TDX" if is_tdx else "SGX"
        if is_tdx:
            if self.chance(0.8):
                body["tdxModule"] = self.module()
            if self.chance(0.9):
                body["tdxModuleIdentities"] = [
                    {"id": f"TDX_{number:02{self.random.choice('xX')}}", **self.module(),
                     "tcbLevels": self.svn_levels(3)}
                    for number in self.random.sample((1, 2, 3, 10), self.random.choice((2, 4, 4)))]
        least, most = (0 if self.chance(0.1) else 1), (4 if is_tdx else 10)
        body["tcbLevels"] = [self.tcb_level(version, is_tdx)
                             for _ in range(self.random.randint(least, most))]
        if self.chance(0.5):  # as the service sends them: descending
            body["tcbLevels"].sort(key=lambda level: json.dumps(level["tcb"]), reverse=True)
        for level in body["tcbLevels"][1:]:
            if self.chance(0.5):
                level["tcbStatus"] = "OutOfDate"
        if self.chance(0.8):
            body["tcbLevels"].append(self.tcb_level(version, is_tdx, low=True))
        return json.dumps(body, separators=(",", ":"))

    def identity(self, is_tdx):
        names = ("TD_QE", "QE") if is_tdx else ("QE", "TD_QE")
        issued, until = self.period()
        attributes, mask = bytearray(16), bytearray(16)
        attributes[0], mask[0] = 0x11, 0xfb
        if self.chance(0.05):
            mask[0] = 0xff  # MODE64, which the forged one has, is not expected
        if self.chance(0.05):
            attributes[8] = mask[8] = 3
        if self.chance(0.03):
            attributes[15] = 1  # outside of the mask: never
        body = {"id": names[self.chance(0.05)], "version": 2, "issueDate": issued,
                "nextUpdate": until, "tcbEvaluationDataNumber": self.random.randint(1, 30),
                "miscselect": "00000000" if self.chance(0.97) else "00000001",
                "miscselectMask": self.random.choice(("FFFFFFFF", "00000000", "fffffffe")),
                "attributes": self.hex(attributes), "attributesMask": self.hex(mask),
                "mrsigner": self.hex(bytes(32) if self.chance(0.97) else b"\1" + bytes(31)),
                "isvprodid": 1 if self.chance(0.97) else 2, "tcbLevels": self.svn_levels(4)}
        return json.dumps(body, separators=(",", ":"))

    def platform(self):
        """Kind, and the tool's fields that make a platform of it."""
        kind = self.random.choice(("sgx3", "sgx4", "sgx5", "tdx4", *["tdx5"] * 4))

        def svn():
            values = self.svns(3, 7, 2)
            values[0] = self.random.randint(0, 8)
            values[1] = self.random.choice((0, 1, 1, 2, 3, 10))
            return bytearray(values)
        launch = svn()
        current = svn() if self.chance(0.3) else launch[:]
        if self.chance(0.6):  # the module was updated below a running TD
            current[0] = 8
            current[2:] = [7] * 14
        signer = bytes(48) if self.chance(0.97) else b"\1" + bytes(47)
        attributes = bytes(8) if self.chance(0.97) else b"\1" + bytes(7)
        return kind, ("forge", kind, bytes(self.svns(3, 8, 2)).hex(),
                      str(self.random.randint(5, 13)), str(self.random.randint(0, 9)),
                      launch.hex(), current.hex(), signer.hex(), attributes.hex())

    def questions(self):
        """Lines for the tool, each with its documents: a platform, and others for the same one."""
        kind, fields = self.platform()
        for i in range(PAIRS):
            tcb, identity = self.tcb_info(kind[:3] == "tdx"), self.identity(kind[:3] == "tdx")
            documents = signed("tcbInfo", tcb), signed("enclaveIdentity", identity)
            yield ("\t".join((*fields, tcb, identity) if i == 0 else ("again", *documents)),
                   *documents)


def signed(member, body):
    return f'{{"{member}":{body},"signature":"{"00" * 64}"}}'


class Tap:
    def __init__(self):
        self.count = self.failed = 0

    def check(self, good, title, remarks=()):
        self.count += 1
        self.failed += not good
        for remark in remarks:
            print(f"# {remark}")
        print(f"{'' if good else 'not '}ok {self.count} - {title}", flush=True)


def test_forged(tool, tap, seed):
    forger = Forger(seed)
    cases = [case for _ in range(FORGED // PAIRS) for case in forger.questions()]
    wrong, seen, count, facts = [], {}, 0, None
    for (line, tcb, identity), fields in zip(cases, ask(tool, (line for line, _, _ in cases))):
        count += 1
        if len(fields) > 8:
            facts = read_quote(bytes.fromhex(fields[8]))
        wanted = rules(facts, read_tcb_info(tcb), read_identity(identity), FORGE_NOW)
        different = differences(wanted, said(fields))
        for what in {wanted["status"], *wanted["reasons"]}:
            seen[what] = seen.get(what, 0) + 1
        if different:
            wrong.append(f"case {count - 1} of seed {seed}: {'; '.join(different)}\n#   {line}")
    tap.check(not wrong and count == FORGED,
              f"the library agrees about {count} forged platforms and documents", wrong[:5])
    missing = ({*STATUSES, "NotSupported", "none", "TDRelaunchAdvised",
                "TDRelaunchAdvisedConfigurationNeeded"} | DATES | DOCUMENTS | LEVELS) - seen.keys()
    missing -= {"tcb-info-format", "qe-identity-format"}
    tap.check(not missing, "and among them is every status and reason",
              [f"never: {', '.join(sorted(missing))}"] if missing else [])


# ---- The collection of evidence ----

def readable(reader, path):
    try:
        return reader(path.read_text(errors="replace"))
    except Unreadable:
        return None


def distinct(paths):
    """One path for each content."""
    found = {}
    for path in sorted(paths):
        found.setdefault(hashlib.sha256(path.read_bytes()).digest(), path)
    return list(found.values())


def pairs(infos, identities):
    """Every TCB info with some identity, and every identity with some TCB info."""
    for i, info in enumerate(infos):
        yield info, identities[i % len(identities)]
    for i, identity in enumerate(identities):
        yield infos[(7 * i + 3) % len(infos)], identity


def moment(i, info, identity):
    d = (info, identity)[i % 2] or info or identity
    if d is None:
        return FORGE_NOW
    return (d["issued"], d["issued"] - 1, d["until"], d["until"] + 1, d["issued"] + DAY)[i % 5]


def test_collection(tool, tap, folder):
    pool = folder / "collateral-pool"
    quotes = [path for path in sorted(folder.rglob("quote.bin")) if "derived" not in path.parts]
    infos = distinct([*pool.glob("tcbinfo/*.json"), *folder.rglob("tcbinfo.json")])
    identities = distinct([*pool.glob("identity/*.json"), *folder.rglob("qeidentity.json")])
    lists = [sorted(pool.glob(f"crl/*{name}*"))[-1] for name in ("Platform_CA", "Root_CA")]
    chain = pool / "tcb-signing-chain-2025.pem"
    read = {path: readable(read_tcb_info, path) for path in infos}
    read |= {path: readable(read_identity, path) for path in identities}
    # Documents that Intel signed are all readable; a rule that refused one would compare nothing.
    unread = [path for path in read if read[path] is None and "synthetic" not in path.parts]
    tap.check(not unread, "every document of Intel's is readable", unread)

    combinations = [(i, info, identity, moment(i, read[info], read[identity]))
                    for i, (info, identity) in enumerate(pairs(infos, identities))]
    lines = ("\t".join(map(str, ("pair", now, quote, info, identity, chain, *lists)))
             for quote in quotes for _, info, identity, now in combinations)
    answers = ask(tool, lines)
    agreed = 0
    for quote in quotes:
        name = quote.parent.relative_to(folder)
        try:
            facts = read_quote(quote.read_bytes())
        except Unreadable as error:
            mine, facts = str(error), None
        wrong = []
        for (_, info, identity, now), fields in zip(combinations, answers):
            got = said(fields)
            if facts is None:
                if got["status"] != "none" or not got["reasons"] & UNREADABLE:
                    wrong.append(f"rules: {mine}; library: {sorted(got['reasons'])}")
                continue
            different = differences(rules(facts, read[info], read[identity], now), got)
            if different:
                names = f"{info.relative_to(folder)}, {identity.relative_to(folder)}"
                wrong.append(f"{names} at {now}: {'; '.join(different)}")
            agreed += not different
        tap.check(not wrong, f"{name}: {'the rules agree' if facts else 'no platform to judge'}",
                  wrong[:3])
    tap.check(agreed > 0, f"{agreed} pairs of a quote with collateral were judged alike")


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    tap = Tap()
    seed = int(os.environ.get("TCB_RULES_SEED") or random.SystemRandom().randrange(2**32))
    print(f"# seed {seed}: TCB_RULES_SEED={seed} repeats these cases")
    test_forged(sys.argv[1], tap, seed)
    shared = os.environ.get("ALCOVE_SHARED") or (sys.argv[2] if len(sys.argv) > 2 else "../shared")
    folder = pathlib.Path(shared) / "evidence"
    if folder.is_dir():
        test_collection(sys.argv[1], tap, folder)
    else:
        tap.count += 1
        print(f"ok {tap.count} - the collection of evidence # SKIP no {folder}")
    print(f"1..{tap.count}")
    return 1 if tap.failed else 0


if __name__ == "__main__":
    sys.exit(main())
