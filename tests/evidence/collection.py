# SPDX-License-Identifier: Apache-2.0
"""A collection of evidence in a folder, and which of its files belong to a case.

Layout: EXPECTED.tsv, a folder for each case, collateral-pool/, roots/. Nothing here knows the name of a
case: files are told by what is in them, and collateral is found by whom it is about (FMSPC, issuer) and
when: in the case's folder first, then in the pool.
"""

import base64
import calendar
import csv
import dataclasses
import datetime
import functools
import itertools
import json
import pathlib
import re

PEM = re.compile(rb"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.S)
PEM_CRL = re.compile(rb"-----BEGIN X509 CRL-----(.*?)-----END X509 CRL-----", re.S)
OID_COMMON_NAME = bytes.fromhex("0603550403")
OID_FMSPC = bytes.fromhex("060a2a864886f84d010d01040406")  # and the OCTET STRING's head
CERT_TABLE_VCEK = bytes.fromhex("63da758de6644564adc5f4b93be8accd")
HCL_MAGIC = b"HCLA"
DEFAULT_TIME = calendar.timegm((2026, 6, 15, 0, 0, 0))
DAY = 86400
POOL_TRIES = 3


def unix(text):
    """Of "2025-07-04", "2021-09-09T10:19:20" and the same with a Z."""
    text = text.rstrip("Z")
    layout = "%Y-%m-%dT%H:%M:%S" if "T" in text else "%Y-%m-%d"
    return calendar.timegm(datetime.datetime.strptime(text, layout).timetuple())


# ---- As much of DER as names and dates need ------------------------------------------------------

def element(data, at):
    """(tag, where its content begins, where it ends); ValueError where there is none."""
    if at + 2 > len(data):
        raise ValueError("cut short")
    size, begin = data[at + 1], at + 2
    if size & 0x80:
        count = size & 0x7F
        size, begin = int.from_bytes(data[begin:begin + count], "big"), begin + count
    if begin + size > len(data):
        raise ValueError("cut short")
    return data[at], begin, begin + size


def elements(data, begin, end):
    while begin < end:
        tag, content, after = element(data, begin)
        yield tag, begin, content, after
        begin = after


def date(data, tag, content, end):
    text = data[content:end].decode()
    if tag == 0x17:
        text = ("19" if text[:2] >= "50" else "20") + text
    parsed = datetime.datetime.strptime(text, "%Y%m%d%H%M%SZ")
    return calendar.timegm(parsed.timetuple())


def common_name(name):
    at = name.find(OID_COMMON_NAME)
    if at < 0:
        return ""
    _, content, end = element(name, at + len(OID_COMMON_NAME))
    return name[content:end].decode(errors="replace")


@dataclasses.dataclass(frozen=True)
class Signed:
    """A certificate or a revocation list."""
    der: bytes
    issuer: bytes
    subject: bytes  # None: a list
    since: int
    until: int

    @property
    def name(self):
        return common_name(self.subject or b"")

    @property
    def signer(self):
        return common_name(self.issuer)

    @property
    def is_root(self):
        return self.issuer == self.subject

    @property
    def pem(self):
        text = base64.encodebytes(self.der).replace(b"\n", b"")
        lines = [text[i:i + 64] for i in range(0, len(text), 64)]
        return b"\n".join([b"-----BEGIN CERTIFICATE-----", *lines, b"-----END CERTIFICATE-----", b""])


def read_signed(der):
    """None if it is neither a certificate nor a list."""
    try:
        _, content, end = element(der, 0)
        tag, content, end = element(der[:end], content)
        parts = [p for p in elements(der, content, end) if p[0] != 0xA0]
        integers = [p for p in parts if p[0] == 0x02]
        names = [p for p in parts if p[0] == 0x30]
        dates = [p for p in parts if p[0] in (0x17, 0x18)]
        if dates:  # algorithm, issuer, this update, next update
            since, until = (date(der, p[0], p[2], p[3]) for p in dates[:2])
            return Signed(der, der[names[1][1]:names[1][3]], None, since, until)
        if not integers or len(names) < 5:
            return None
        _, issuer, validity, subject = names[:4]
        since, until = (date(der, t, c, e) for t, _, c, e in elements(der, validity[2], validity[3]))
        return Signed(der, der[issuer[1]:issuer[3]], der[subject[1]:subject[3]], since, until)
    except (ValueError, IndexError):
        return None


def certificates_in(data):
    """Those in PEM text, wherever it begins; else the bytes as one in DER."""
    found = []
    for text in PEM.findall(data):
        try:
            found.append(read_signed(base64.b64decode(text.replace(b"\\n", b""))))  # as in JSON
        except ValueError:
            continue
    if not found and data[:1] == b"\x30":
        found.append(read_signed(data))
    return [s for s in found if s and s.subject is not None]


def lists_in(data):
    ders = [data] if data[:1] == b"\x30" else [base64.b64decode(t) for t in PEM_CRL.findall(data)]
    return [s for s in map(read_signed, ders) if s and s.subject is None]


# ---- Files ---------------------------------------------------------------------------------------

@dataclasses.dataclass(frozen=True)
class Document:
    """A signed JSON."""
    path: pathlib.Path
    member: str  # tcbInfo, enclaveIdentity
    id: str
    fmspc: str
    version: int
    since: int
    until: int
    advisories: frozenset


def read_document(path, data):
    try:
        text = json.loads(data)
        for member in ("tcbInfo", "enclaveIdentity"):
            body = text.get(member)
            if isinstance(body, dict):
                advisories = set()
                for part in [body, *body.get("tdxModuleIdentities", [])]:
                    for level in part.get("tcbLevels", []):
                        advisories.update(level.get("advisoryIDs", []))
                return Document(path, member, body.get("id", "SGX"), body.get("fmspc", "").lower(),
                                body.get("version", 0), unix(body["issueDate"]),
                                unix(body["nextUpdate"]), frozenset(advisories))
    except (ValueError, KeyError, AttributeError, RecursionError):
        pass
    return None


class Folder:
    """The files of a folder, by what they are."""

    def __init__(self, path):
        self.path = path
        self.documents, self.certificates, self.lists, self.tables = [], [], [], []
        for file in sorted(path.iterdir()) if path.is_dir() else []:
            if not file.is_file() or file.name in ("meta.json", "quote.bin", "doc.cbor"):
                continue
            data = file.read_bytes()
            document = read_document(file, data) if data.lstrip()[:1] == b"{" else None
            if document:
                self.documents.append(document)
            elif CERT_TABLE_VCEK in data[:256]:
                self.tables.append(file)
            elif data[:1] == b"\x30" or b"-----BEGIN" in data[:64]:
                self.certificates += [(file, c) for c in certificates_in(data)]
                self.lists += [(file, c) for c in lists_in(data)]

    def certificates_of(self, file):
        return [c for f, c in self.certificates if f == file]

    def files_about(self, name):
        """Files with a certificate whose subject's common name contains this."""
        return list(dict.fromkeys(f for f, c in self.certificates if name in c.name))


@functools.lru_cache(maxsize=None)
def folder(path):
    return Folder(path)


def distance(thing, at):
    """How far a time lies outside a period, then how far from its begin."""
    return max(thing.since - at, at - thing.until, 0), abs(thing.since - at)


@dataclasses.dataclass
class Attempt:
    """One way to check a case: fields for verify_files, and which reasons the calendar explains."""
    fields: list
    own_dates: set = dataclasses.field(default_factory=set)
    pool_dates: set = dataclasses.field(default_factory=set)
    document_known: bool = True  # the TCB info that the oracle used, as far as can be told
    platform_known: bool = True  # any TCB info of this FMSPC
    what: str = ""


class Collection:
    def __init__(self, top, scratch):
        self.top, self.scratch = top, scratch
        with open(top / "EXPECTED.tsv", newline="") as f:
            self.rows = list(csv.DictReader(f, delimiter="\t"))
        pool = top / "collateral-pool"
        self.pool = [d for name in ("tcbinfo", "identity") for d in folder(pool / name).documents]
        self.crls = folder(pool / "crl").lists
        self.signers = folder(pool).certificates
        self.roots = [c for part in sorted((top / "roots").glob("*")) for c in folder(part).certificates]

    # -- what a row says

    def meta(self, row):
        path = self.top / row["case"] / "meta.json"
        return json.loads(path.read_text()) if path.exists() else {}

    def time_said(self, row):
        meta = self.meta(row)
        if "at_unix" in meta:
            return int(meta["at_unix"])
        said = re.search(r"\bat=([\dT:Z-]+)", row["details"] or "")
        text = meta.get("at") or (said and said.group(1))
        return unix(text) if text else None

    def evidence_files(self, row):
        """One, or several forms of the same, each of which has to give the row's verdict."""
        here = self.top / row["case"]
        meta = self.meta(row)
        if "cert" in meta:
            return [here / meta["cert"]]
        names = {"quote": ["quote.bin"], "snp": ["report.bin", "hcl-report.bin"], "nitro": ["doc.cbor"],
                 "ratls": ["cert.pem", "cert.der"]}[row["kind"]]
        found = [here / name for name in names if (here / name).exists()]
        return found or [f for f in sorted(here.iterdir())
                         if f.suffix in (".bin", ".crt", ".pem", ".der", ".cbor")][:1]

    # -- what belongs to it

    def attempts(self, row):
        """(what, ways to check it): each of these has to give the row's verdict in one of its ways."""
        for evidence in self.evidence_files(row):
            make = {"snp": self.amd, "nitro": self.aws}.get(row["kind"], self.intel)
            for what, tries in make(row, evidence):
                for attempt in tries:
                    attempt.fields.insert(0, ("evidence", evidence))
                yield what, tries

    def written(self, row, name, data):
        path = self.scratch / (row["case"].replace("/", "_") + "-" + name)
        path.write_bytes(data)
        return path

    def aws(self, row, evidence):
        at = self.time_said(row)
        yield "as of its own time", [Attempt([("time", max(at or 0, DEFAULT_TIME))])]
        if at is not None:
            yield "as of the given time", [Attempt([("time", at), ("nitro_time", "given")])]

    def amd_chain(self, row, vek, own):
        """The intermediate and the ARK above a VCEK or VLEK: own ones, else AMD's."""
        for source in (own, self.roots):
            ask = [c for _, c in source if c.subject == vek.issuer]
            ark = [c for _, c in source if ask and c.subject == ask[0].issuer and c.is_root]
            if ark:
                return self.written(row, "chain.pem", ask[0].pem + ark[0].pem), [ask[0], ark[0]]
        return None, []

    def amd(self, row, evidence):
        own = folder(evidence.parent)
        veks = [(f, c) for f, c in own.certificates if c.name in ("SEV-VCEK", "SEV-VLEK")]
        if not veks:
            at = self.time_said(row) or DEFAULT_TIME
            yield f"{evidence.name} by itself", [Attempt([("time", at)])]
            return
        file, vek = veks[0]
        path, chain = self.amd_chain(row, vek, own.certificates)
        at = self.time_said(row) or max(c.since for c in [vek, *chain]) + DAY
        if not file.read_bytes().startswith((b"\x30", b"-----BEGIN")):  # a service's answer around it
            file = self.written(row, "vek.pem", vek.pem)
        fields = [("time", at), ("amd_vek", file)]
        if path and len(own.certificates_of(file)) < 2:  # else the chain follows
            fields.append(("amd_chain", path))
        yield evidence.name, [Attempt(fields)]
        for table in own.tables:
            yield f"{evidence.name} with {table.name}", [
                Attempt([("time", at), ("amd_cert_table", table), ("amd_chain", path)])]

    def near(self, things, at):
        return sorted(things, key=lambda thing: distance(thing, at))

    def own_chain(self, row, own, inside):
        """For quotes without a chain: from separate files."""
        leaf = [c for _, c in own.certificates if c.name.endswith("PCK Certificate")]
        if inside or not leaf:
            return None, inside
        chain, known = [leaf[0]], [c for _, c in own.certificates + self.roots]
        while not chain[-1].is_root:
            above = [c for c in known if c.subject == chain[-1].issuer]
            if not above:
                break
            chain.append(above[0])
        return self.written(row, "pck-chain.pem", b"".join(c.pem for c in chain)), chain

    def signing_chain(self, own, at):
        """(file, its certificates): TCB signing certificate and root."""
        files = [f for f in own.files_about("TCB Signing")]
        for file in files:
            chain = certificates_in(file.read_bytes())
            if any(c.is_root for c in chain):
                return file, chain
        found = self.near([c for _, c in self.signers if "TCB Signing" in c.name], at)
        file = next((f for f, c in self.signers if found and c == found[0]), None)
        return file, certificates_in(file.read_bytes()) if file else []

    def intel(self, row, evidence):
        yield evidence.name, list(self.intel_tries(row, evidence))

    def intel_tries(self, row, evidence):
        data, own = evidence.read_bytes(), folder(evidence.parent)
        around = certificates_in(data) if row["kind"] == "ratls" else []
        data = b"".join(c.der for c in around) or data
        inside = certificates_in(data) if PEM.search(data) else []
        chain_file, chain = self.own_chain(row, own, inside)
        leaf = next((c for c in chain if OID_FMSPC in c.der), None)
        fmspc, kind = None, "TDX" if data[4:8] == b"\x81\0\0\0" else "SGX"
        if leaf:
            begin = leaf.der.find(OID_FMSPC) + len(OID_FMSPC)
            fmspc = leaf.der[begin:begin + 6].hex()
        mine = [d for d in own.documents if d.member == "tcbInfo"]
        documents = [d for d in self.pool if d.member == "tcbInfo"]
        about = [d for d in documents + mine if d.fmspc == fmspc]
        pooled = ([d for d in documents if d.fmspc == fmspc and d.id == kind]
                  or [d for d in documents if d.fmspc == fmspc]
                  or [d for d in documents if d.id == kind])
        at = self.time_said(row)
        if at is None:
            newest = max((d.since for d in mine or pooled), default=DEFAULT_TIME)
            at = max([newest, *(c.since for c in chain)]) + 3600
            for c in around:  # is itself valid for a year or so
                at = min(max(at, c.since + 3600), c.until - 3600)
        infos = mine + self.near(pooled, at)[:POOL_TRIES]
        identity_id = "TD_QE" if kind == "TDX" else "QE"
        identities = [d for d in own.documents if d.member == "enclaveIdentity"]
        identities.sort(key=lambda d: (d.id != identity_id, -d.version))
        pool_identities = [d for d in self.pool
                           if d.member == "enclaveIdentity" and d.id == identity_id]
        identities = identities[:1] + self.near(pool_identities, at)[:1]
        roots = list(evidence.parent.glob("trusted-root.*"))
        if roots:  # nobody but its own signer's documents can be under it
            infos, identities = mine, [d for d in identities if d.path.parent == evidence.parent]
        lists = self.list_choices(own, leaf.issuer if leaf else None, at)
        root_list = self.root_list(own, at)
        signer, signing = self.signing_chain(own, at)
        for info, identity, crl in itertools.product(infos or [None], identities or [None], lists):
            attempt = Attempt([("time", at)], document_known=self.known(row, fmspc, mine),
                              platform_known=bool(about))
            attempt.fields += [("root", root) for root in roots]
            parts = [("tcb_info", info and info.path), ("tcb_chain", signer),
                     ("qe_identity", identity and identity.path), ("qe_chain", signer),
                     ("pck_crl", crl and crl[0]), ("root_crl", root_list and root_list[0]),
                     ("pck_crl_chain", self.list_chain(own)), ("pck_chain", chain_file)]
            attempt.fields += [(key, path) for key, path in parts if path]
            for prefix, things, file in (
                    ("tcb-info", [info], info and info.path),
                    ("qe-identity", [identity], identity and identity.path),
                    ("pck-crl", [crl and crl[1]], crl and crl[0]),
                    ("root-crl", [root_list and root_list[1]], root_list and root_list[0]),
                    ("signer", signing, signer), ("chain", chain, evidence)):
                dates = attempt.own_dates if file and file.parent == evidence.parent else attempt.pool_dates
                for thing in things:
                    if thing and at > thing.until:
                        dates.add(prefix + "-expired")
                    if thing and at < thing.since:
                        dates.add(prefix + "-not-yet-valid")
            attempt.what = ", ".join(str(d.path.name) for d in (info, identity) if d)
            yield attempt

    def list_choices(self, own, issuer, at):
        """Own ones, then the pool's nearest, of whoever issued the leaf."""
        mine = [e for e in own.lists if "PCK" in e[1].signer]
        pooled = [e for e in self.crls if "PCK" in e[1].signer]
        theirs = [e for e in pooled if e[1].issuer == issuer] or pooled
        return (mine + sorted(theirs, key=lambda e: distance(e[1], at))[:1]) or [None]

    @staticmethod
    def list_chain(own):
        """The chain that the service sent with the PCK list: CA and root, no leaf."""
        for file in own.files_about("PCK Platform CA") + own.files_about("PCK Processor CA"):
            names = [c.name for c in own.certificates_of(file)]
            if len(names) == 2 and any("Root CA" in name for name in names):
                return file
        return None

    def root_list(self, own, at):
        def roots(entries):
            return [e for e in entries if "Root CA" in e[1].signer]
        best = sorted(roots(own.lists) or roots(self.crls), key=lambda e: distance(e[1], at))
        return best[0] if best else None

    def known(self, row, fmspc, mine):
        """Is the TCB info that a row was judged by in the collection? Some were newer than the pool's:
        then their advisories are in no document here."""
        said = re.search(r"\badv=(\S*)", row["details"] or "")
        wanted = set(filter(None, said.group(1).split(","))) if said else set()
        here = set()
        for document in [*self.pool, *mine]:
            if document.fmspc in ("", fmspc):
                here |= document.advisories
        return wanted <= here
