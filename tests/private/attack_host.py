# SPDX-License-Identifier: Apache-2.0
"""The attacker of tests/e2e/attacks.py: who operates the daemon.

A Host sits between a daemon and every enclave that it starts. It sees all records, keeps all bytes, and
can change, drop, repeat, redirect and make up what it likes; it starts enclaves of its own on any volume
file and any software machine; and it has the log's key. What it does not have is what enclaves and phones
keep to themselves."""

import hashlib
import json
import os
import pathlib
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / "python"))
from alcove import cbor  # noqa: E402
from world import World  # noqa: E402

FRAME_MAX = 65536
CARRIER = pathlib.Path(__file__).resolve().parent / "attack_carrier.py"
COLLATERAL = ("tcb_info", "tcb_chain", "qe_identity", "qe_chain", "pck_crl", "pck_crl_chain",
              "root_crl")


# ---- records and frames --------------------------------------------------------------------------

def plain(value):
    """Byte strings instead of views."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return bytes(value) if isinstance(value, memoryview) else value


def decode(data):
    return plain(cbor.decode(data))


def record(name, **members):
    return {"format": f"alcove-{name}-1", **members}


def kind(message):
    return message["format"].removeprefix("alcove-").removesuffix("-1")


def sha256(data):
    return hashlib.sha256(data).digest()


class Ended(Exception):
    """The other side of a stream is gone."""


def read_exactly(fd, size):
    data = bytearray()
    while len(data) < size:
        part = os.read(fd, size - len(data))
        if not part:
            raise Ended
        data += part
    return bytes(data)


def read_message(fd):
    data = bytearray()
    while True:
        size = int.from_bytes(read_exactly(fd, 4), "little")
        if size > FRAME_MAX:
            raise Ended
        data += read_exactly(fd, size)
        if size < FRAME_MAX:
            return bytes(data)


def write_message(fd, data):
    out = bytearray()
    for at in range(0, len(data) + 1, FRAME_MAX):
        part = data[at:at + FRAME_MAX]
        out += len(part).to_bytes(4, "little") + part
    while out:
        try:
            del out[:os.write(fd, out)]
        except BrokenPipeError:
            raise Ended from None


# ---- enclaves ------------------------------------------------------------------------------------

class Service:
    """An enclave, and who carries its frames. Whoever asks has it to oneself for that record."""

    def __init__(self, host, args, env=None, stderr=None):
        self.host = host
        self.bundle = args[1]
        self.volume = args[3].removeprefix("data=") if len(args) > 3 else None
        self.role = host.role_of(self.bundle)
        self.lock = threading.RLock()
        self.hello = self.connection = None
        self.held = 0  # size of the log's head that a custodian said that it holds
        self.words = None
        if self.role == "aggregator":  # what one that tests look into says
            self.words = host.folder / f"words-{id(self)}"
            stderr = self.words.open("w")
        self.process = subprocess.Popen([str(host.alcove), *args], env=env or host.env,
                                        stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=stderr,
                                        start_new_session=True)

    def raw(self, data):
        """Bytes in, bytes out."""
        with self.lock:
            write_message(self.process.stdin.fileno(), data)
            answer = read_message(self.process.stdout.fileno())
        self.host.saw(self.role, data, answer)
        return answer

    def ask(self, message):
        answer = decode(self.raw(cbor.encode(message)))
        if kind(answer) == "held" and answer["open"]:
            self.held = answer["size"]
        return answer

    def said(self):
        return self.words.read_text() if self.words is not None else ""

    def end(self, signum=None):
        if signum is not None:
            self.process.send_signal(signum)
        for stream in (self.process.stdin, self.process.stdout):
            stream.close()
        return self.process.wait()

    @property
    def owner(self):
        """Of a custodian: hexadecimal digits, as its volume's name."""
        return pathlib.Path(self.volume).name


class Host:
    """Hooks are functions of (service, message, ask): they answer for the service, or ask it."""

    def __init__(self, folder, alcove, env):
        self.folder, self.alcove, self.env = pathlib.Path(folder), alcove, env
        self.socket = self.folder / "attacker"
        self.hooks, self.roles, self.seen = {}, {}, []
        self.services, self.own = [], []  # the daemon's, and those that no daemon knows
        self.starts = lambda args, stderr: Service(self, args, stderr=stderr)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.socket))
        self.listener.listen(64)
        threading.Thread(target=self.accept, daemon=True).start()

    def role_of(self, bundle):
        if bundle not in self.roles:
            manifest = (pathlib.Path(bundle) / "manifest.cbor").read_bytes()
            self.roles[bundle] = ("custodian" if b"custodian" in manifest else
                                  "aggregator" if b"aggregator" in manifest else
                                  "contributor" if b"contributor" in manifest else "worker")
        return self.roles[bundle]

    def saw(self, role, *data):
        self.seen.append((role, data))

    def saw_text(self, text):
        """Does it stand anywhere in what passed?"""
        return any(text in part for _, parts in self.seen for part in parts)

    # -- between a daemon and its enclaves --

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.carry, args=(connection,), daemon=True).start()

    def carry(self, connection):
        status, service, fds = 125, None, []
        try:
            data, fds, _, _ = socket.recv_fds(connection, 65536, 3)
            service = self.starts(json.loads(data[4:]), fds[2])
            service.connection = connection
            self.services.append(service)
            (self.relay if service.role != "worker" else self.relay_worker)(service, fds[0], fds[1])
        except (Ended, OSError):
            pass
        finally:
            if service is not None:
                # A daemon that killed its child finds the enclave dead; one that closed it, ended.
                gone = service.process.poll() is None and not self.is_there(connection)
                status = service.end(signal.SIGKILL if gone else None)
            for fd in fds:
                os.close(fd)
            try:
                connection.send(bytes([status & 255]))
            except OSError:
                pass
            connection.close()

    @staticmethod
    def is_there(connection):
        try:
            return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) != b""
        except BlockingIOError:
            return True
        except OSError:
            return False

    def relay(self, service, source, sink):
        while True:
            data = read_message(source)
            message = decode(data)
            if kind(message) == "hello":
                service.hello = message
            hook = self.hooks.get(kind(message))
            answer = hook(service, message,
                          service.ask) if hook is not None else service.ask(message)
            write_message(sink, answer if isinstance(answer, bytes) else cbor.encode(answer))

    def relay_worker(self, service, source, sink):
        for _ in range(2):
            write_message(sink, service.raw(read_message(source)))
        read_message(source)

    # -- what it starts itself --

    def start(self, bundle, volume=None, env=None, collateral=None):
        """An enclave that no daemon knows. Collateral: of another machine than the daemon's."""
        args = ["run", str(bundle)] + (["--volume", f"data={volume}"] if volume is not None else [])
        service = Service(self, args, env=env, stderr=subprocess.DEVNULL)
        self.own.append(service)
        known = next(s for s in self.services if s.hello is not None).hello
        manifest = (pathlib.Path(bundle) / "manifest.cbor").read_bytes()
        service.hello = {**known, **(collateral or {}), "manifest": manifest}
        assert kind(service.ask(service.hello)) == "done"
        return service

    def custodian(self, person):
        """The one of a person that runs."""
        return next(s for s in reversed(self.services) if s.role == "custodian" and
                    s.owner == person.owner and
                    s.process.poll() is None)

    def kill(self, service):
        """As a crash: the daemon finds its child ended."""
        with service.lock:
            service.process.kill()
            service.process.wait()
        try:
            service.connection.send(bytes([128 + signal.SIGKILL]))
        except OSError:
            pass

    # -- attacks one at a time --

    def attack(self, **hooks):
        return Attack(self, hooks)


class Attack:
    def __init__(self, host, hooks):
        self.host, self.hooks = host, hooks

    def __enter__(self):
        self.host.hooks.update(self.hooks)
        return self

    def __exit__(self, *_):
        for name in self.hooks:
            self.host.hooks.pop(name, None)


class AttackedWorld(World):
    """A world whose operator is the attacker."""

    def __init__(self, folder, build, workers=2):
        super().__init__(folder, build, workers)
        self.host = Host(folder, self.alcove, self.env)
        self.env["ALCOVE_ATTACKER"] = str(self.host.socket)

    def start(self):
        real, self.alcoved = self.alcoved, self.folder / "alcoved"
        self.alcoved.write_text(f'#!/bin/sh\nexec "{real}" --alcove "{CARRIER}" "$@"\n')
        self.alcoved.chmod(0o755)
        try:
            super().start()
        finally:
            self.alcoved = real

    def close(self):
        super().close()
        for service in self.host.services + self.host.own:
            if service.process.poll() is None:
                service.process.kill()
                service.process.wait()


# ---- the log, as its operator has it -------------------------------------------------------------

def split(n):
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def root_of(leaves):
    if len(leaves) < 2:
        return sha256(b"\0" + leaves[0]) if leaves else sha256(b"")
    k = split(len(leaves))
    return sha256(b"\1" + root_of(leaves[:k]) + root_of(leaves[k:]))


def consistency(size, leaves, whole=True):
    if size == 0:
        return []
    if size == len(leaves):
        return [] if whole else [root_of(leaves)]
    k = split(len(leaves))
    if size <= k:
        return consistency(size, leaves[:k], whole) + [root_of(leaves[k:])]
    return consistency(size - k, leaves[k:], False) + [root_of(leaves[:k])]


class Log:
    """Its leaves, and its key."""

    def __init__(self, world):
        self.world = world
        scalar = (world.state / "log.key").read_bytes()
        self.pem = world.folder / "log.pem"
        # SEC1 without the public point, which openssl finds itself.
        der = bytes.fromhex("30310201010420") + scalar + bytes.fromhex("a00a06082a8648ce3d030107")
        subprocess.run(["openssl", "ec", "-inform", "DER", "-out", self.pem], input=der, check=True,
                       stderr=subprocess.DEVNULL)
        public = subprocess.run(["openssl", "ec", "-in", self.pem, "-pubout", "-outform", "DER"],
                                check=True,
                                capture_output=True).stdout
        self.point = public[-65:]

    def leaves(self):
        with sqlite3.connect(f"file:{self.world.state}/alcoved.sqlite?mode=ro", uri=True) as db:
            return [bytes(row[0])
                    for row in db.execute("SELECT leaf FROM leaves ORDER BY position")]

    def statement(self, body):
        form = body["format"].encode()
        text = cbor.encode(body)
        der = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.pem], input=form + b"\0" +
                             text, check=True,
                             capture_output=True).stdout
        numbers, at = [], 2
        for _ in range(2):
            size = der[at + 1]
            numbers.append(int.from_bytes(der[at + 2:at + 2 + size], "big").to_bytes(32, "big"))
            at += 2 + size
        return cbor.encode({"body": text, "signature": b"".join(numbers)})

    def head(self, leaves, when=None):
        return self.statement({"log": sha256(self.point), "root": root_of(leaves),
                               "size": len(leaves),
                               "time": int(when or time.time()), "format": "alcove-log-head-1"})


__all__ = ["AttackedWorld", "Host", "Log", "Service", "cbor", "consistency", "decode", "kind", "record",
           "sha256"]
