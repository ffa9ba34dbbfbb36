# SPDX-License-Identifier: Apache-2.0
"""worker_host.py CASE WORKER.bundle TASK-FILE OUT: one call of a worker, by an honest or lying host.

Starts `alcove run WORKER.bundle` and a custodian ($CUSTODIAN, a command: tests/worker/custodian.c), carries
their messages as docs/formats/worker.md has them, does in between what CASE says, and writes what the
custodian got to OUT: a first line about the result, then output and errors. Prints facts as "NAME VALUE".
Every byte that the worker's host sees is written to OUT.carried. For worker.sh, which says what has to
come out.
"""
import hashlib
import json
import os
import shlex
import struct
import subprocess
import sys
import threading
import time

FRAME = 65536


class Gone(Exception):
    """The other side ended its stream."""


class Party:
    def __init__(self, command, log=None, **options):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **options)
        self.log = log

    def send_raw(self, data):
        try:
            self.process.stdin.write(data)
            self.process.stdin.flush()
        except BrokenPipeError as error:
            raise Gone from error
        if self.log is not None:
            self.log.write(data)

    def send(self, message):
        for at in range(0, len(message) + 1, FRAME):
            part = message[at:at + FRAME]
            self.send_raw(struct.pack("<I", len(part)) + part)

    def take(self, n):
        data = self.process.stdout.read(n)
        if self.log is not None:
            self.log.write(data)
        if len(data) != n:
            raise Gone
        return data

    def receive(self):
        message, size = b"", FRAME
        while size == FRAME:
            size, = struct.unpack("<I", self.take(4))
            message += self.take(size)
        return message

    def end(self):
        self.process.stdin.close()
        return self.process.wait(timeout=60)


class Call:
    def __init__(self, bundle, task, out):
        self.alcove = os.environ["ALCOVE"]
        self.bundle, self.out = bundle, out
        self.carried = open(out + ".carried", "wb")
        self.errors = open(out + ".stderr", "wb")
        with open(task, "rb") as f:
            self.task = f.read()
        self.workers = []

    def worker(self):
        party = Party([self.alcove, "run", self.bundle], log=self.carried, stderr=self.errors)
        self.workers.append(party)
        return party

    def custodian(self):
        expected = os.environ.get("EXPECTED", self.bundle)  # the worker that the custodian's owner let run
        with open(f"{expected}/manifest.cbor", "rb") as f:
            manifest = f.read()
        measured = subprocess.run([self.alcove, "measure", "--json", expected], check=True,
                                  stdout=subprocess.PIPE).stdout
        party = Party(shlex.split(os.environ["CUSTODIAN"]))
        party.send(manifest)
        party.send(bytes.fromhex(json.loads(measured)["mrenclave"]))
        party.send(self.task)
        return party

    def finish(self, result, worker):
        """The custodian's last word, the worker's status, and what the host saw."""
        with open(self.out, "wb") as f:
            f.write(result)
        print("status", worker.end())
        self.carried.close()


def no_change(message):
    return message


def carry(call, hello=no_change, binding=no_change, task=no_change, result=no_change):
    worker, custodian = call.worker(), call.custodian()
    started = custodian.receive()
    before = time.monotonic()
    worker.send(hello(started))
    answer = worker.receive()
    print("mrenclave", answer[64:96].hex())
    print("configid", answer[192:256].hex())
    print("reportdata", "ok" if answer[320:384] == hashlib.sha512(answer[432:]).digest() else "no")
    custodian.send(binding(answer))
    sealed = custodian.receive()
    if not sealed.startswith(b"refused"):
        worker.send(task(sealed))
        done = worker.receive()
        print("ms", round(1000 * (time.monotonic() - before)))
        print("size", len(done))
        custodian.send(result(done))
        sealed = custodian.receive()
    call.finish(sealed, worker)
    print("custodian", custodian.end())


def flip(at):
    def change(message):
        n = at % len(message)
        return message[:n] + bytes([message[n] ^ 1]) + message[n + 1:]
    return change


def other_nonce(message):
    return message[:512] + bytes(32)


def other_task(call):
    """The task that another instance of the same bundle was sent, by another custodian."""
    worker, custodian = call.worker(), call.custodian()
    worker.send(custodian.receive())
    custodian.send(worker.receive())
    sealed = custodian.receive()
    worker.process.kill()
    custodian.process.kill()
    return sealed


def second_task(call):
    """The task twice, at once: nothing of the result changes, and nothing follows it."""
    worker, custodian = call.worker(), call.custodian()
    worker.send(custodian.receive())
    custodian.send(worker.receive())
    sealed = custodian.receive()

    def send_both():
        try:
            worker.send(sealed)
            worker.send(sealed)
        except Gone:
            pass
    sender = threading.Thread(target=send_both)
    sender.start()
    custodian.send(worker.receive())
    sender.join()
    print("rest", len(worker.process.stdout.read()))
    with open(call.out, "wb") as f:
        f.write(custodian.receive())
    try:
        worker.process.stdin.close()
    except BrokenPipeError:
        pass
    print("status", worker.process.wait(timeout=60))


def killed(call):
    """The host ends the worker while it computes; nothing comes."""
    worker, custodian = call.worker(), call.custodian()
    worker.send(custodian.receive())
    custodian.send(worker.receive())
    worker.send(custodian.receive())
    time.sleep(0.3)
    worker.process.kill()
    print("rest", len(worker.process.stdout.read()))
    custodian.process.kill()


def deaf(call):
    """The host closes its ear before the result comes."""
    worker, custodian = call.worker(), call.custodian()
    worker.send(custodian.receive())
    custodian.send(worker.receive())
    worker.process.stdout.close()
    worker.send(custodian.receive())
    print("status", worker.process.wait(timeout=60))
    custodian.process.kill()


def raw(call, data, binding=False):
    """Bytes instead of a message; of the hello, or after it."""
    worker = call.worker()
    if binding:
        worker.send(bytes(544))
        worker.receive()
    try:
        worker.send_raw(data)
        worker.process.stdin.close()
    except (Gone, BrokenPipeError):
        pass
    print("rest", len(worker.process.stdout.read()))
    print("status", worker.process.wait(timeout=60))


def in_pieces(call):
    """The host delivers bytes as it likes: here one, then seven, and so on."""
    class Slow(Party):
        def send_raw(self, data):
            sizes, at, i = (1, 7, 64, 4096, 65535), 0, 0
            while at < len(data):
                super().send_raw(data[at:at + sizes[i % len(sizes)]])
                at += sizes[i % len(sizes)]
                i += 1
                time.sleep(0.001)

    def worker():
        party = Slow([call.alcove, "run", call.bundle], log=call.carried, stderr=call.errors)
        return party
    call.worker = worker
    carry(call)


def frame(data):
    return struct.pack("<I", len(data)) + data


def times(call, count=5):
    """Milliseconds from hello to result, with a worker that is started for it and with one that waits."""
    for name, waiting in (("with a worker that waits", True), ("with its start", False)):
        spent = []
        for _ in range(count):
            custodian = call.custodian()
            hello = custodian.receive()
            if waiting:
                worker = call.worker()
                time.sleep(0.3)
            before = time.monotonic()
            if not waiting:
                worker = call.worker()
            worker.send(hello)
            custodian.send(worker.receive())
            worker.send(custodian.receive())
            worker.receive()
            spent.append(1000 * (time.monotonic() - before))
            worker.end()
            custodian.process.kill()
        print(f"{name}: {sorted(spent)[count // 2]:.0f} ms")


CASES = {
    "honest": carry,
    "pieces": in_pieces,
    "nonce": lambda c: carry(c, hello=other_nonce),
    "target": lambda c: carry(c, hello=flip(70)),
    "reserved": lambda c: raw(c, frame(bytes(511) + b"\1" + bytes(32))),
    "report": lambda c: carry(c, binding=flip(80)),
    "mac": lambda c: carry(c, binding=flip(420)),
    "binding": lambda c: carry(c, binding=flip(-30)),
    "task": lambda c: carry(c, task=flip(-100)),
    "header": lambda c: carry(c, task=flip(30)),
    "truncated": lambda c: carry(c, task=lambda m: m[:-1]),
    "foreign": lambda c: carry(c, task=lambda _: other_task(c)),
    "echo": lambda c: carry(c, task=lambda _: bytes(100)),
    "result": lambda c: carry(c, result=flip(-100)),
    "cut-result": lambda c: carry(c, result=lambda m: m[:-1]),
    "second": second_task,
    "killed": killed,
    "deaf": deaf,
    "no-hello": lambda c: raw(c, b""),
    "short-hello": lambda c: raw(c, frame(bytes(543))),
    "long-hello": lambda c: raw(c, frame(bytes(545))),
    "half-hello": lambda c: raw(c, frame(bytes(544))[:100]),
    "long-frame": lambda c: raw(c, struct.pack("<I", FRAME + 1)),
    "no-task": lambda c: raw(c, b"", True),
    "half-task": lambda c: raw(c, frame(bytes(FRAME)) + b"\1\0", True),
    "empty-task": lambda c: raw(c, frame(b""), True),
    "endless-task": lambda c: raw(c, frame(bytes(FRAME)) * 258, True),
    "times": times,
}

if __name__ == "__main__":
    the_call = Call(*sys.argv[2:5])
    try:
        CASES[sys.argv[1]](the_call)
    except Gone:
        print("gone")
        for party in the_call.workers:
            print("status", party.process.wait(timeout=60))
