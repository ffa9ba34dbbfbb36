#!/usr/bin/python3.11
# SPDX-License-Identifier: Apache-2.0
"""Speed of sealed volumes: what a program in an enclave sees, beside raw AES-256-GCM on one thread.

Writing is write(2) of the whole, then fsync(2): until the host has it in its file, by default one in
memory, so that no disk is measured. Opening is what happens when the program gives the key: the whole
volume is read, checked and decrypted. Raw is the enclave's own AES-256-GCM over 4 KiB blocks in a
plain process. All in one run, alternately; medians of the rounds.

Two numbers each. Wall: what the program's clock says, which on a machine that others use is as much
about them. Processor: the time that `alcove run` spent on a processor, kernel included, between two
lines that the program exchanges with us.

Memory that nobody used before has a price of its own: the kernel clears it, and under a hypervisor
the host has to find it. That is measured, too ("new memory"), and so writing and opening come twice:
into new memory and a growing file, and into memory and a file that are there. --check holds the
latter, which is about volumes and not about the machine, to the floor, by processor time.
"""

import argparse
import ctypes
import json
import mmap
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
FLOOR = 1.0  # GB/s by processor time
CHECKED = ("write_again", "open_again")

CONFIG = """\
base: [python]
files: {/app/main.py: main.py}
entry: /usr/bin/python3.11
argv: [python3.11, -I, -B, /app/main.py]
env: {LC_ALL: C.UTF-8}
memory: 1 GiB
threads: 4
mounts:
  - {kind: sealed, path: /data, name: bench, size: 512 MiB, key: program}
  - {kind: tmpfs, path: /tmp, size: 512 MiB}
stdin: host
stdout: host
stderr: host
"""

SCRIPT = """\
import os, sys, time
MIB = %d
SIZE = MIB << 20

def say(*words):
    print(*words, flush=True)
    return sys.stdin.readline().strip()

def timed(name, work):
    say("begin", name)
    start = time.perf_counter()
    work()
    say("end", name, time.perf_counter() - start)

def give_key():
    with open("/dev/volumes/bench/key", "wb") as file:
        file.write(b"k" * 32)

def fill(fd):
    for _ in range(MIB):
        os.write(fd, piece)

def small():
    with open("/data/small", "wb") as file:
        file.write(b"s" * 1000)
        file.flush()
        os.fsync(file.fileno())

def read():
    fd = os.open("/data/large", os.O_RDONLY)
    for _ in range(MIB):
        os.read(fd, 1 << 20)

piece = os.urandom(1 << 20)
mode = say("mode")
if mode == "write":
    give_key()
    fd = os.open("/data/large", os.O_RDWR | os.O_CREAT)
    timed("copy", lambda: fill(fd))
    timed("seal", lambda: os.fsync(fd))
    for again in range(4):
        os.lseek(fd, 0, os.SEEK_SET)
        if again == 0:  # the file grows once more: the state before stays until the next is there
            fill(fd)
            os.fsync(fd)
        else:
            timed("copy_again", lambda: fill(fd))
            timed("seal_again", lambda: os.fsync(fd))
    timed("small", lambda: [small() for _ in range(20)])
    os.close(fd)
elif mode == "open":
    timed("open", give_key)
    timed("read", read)
else:
    fd = os.open("/tmp/large", os.O_RDWR | os.O_CREAT)
    os.ftruncate(fd, SIZE)
    fill(fd)
    os.close(fd)
    os.unlink("/tmp/large")
    timed("open_again", give_key)
say("bye")
"""

TITLES = {
    "touch": "new memory, plain process",
    "copy": "write(2) into new memory", "seal": "fsync(2) to a growing file",
    "write": "both together", "open": "opening into new memory",
    "copy_again": "write(2) over it", "seal_again": "fsync(2) to the file as it is",
    "write_again": "both together", "open_again": "opening into used memory",
    "read": "read(2) once open",
}


def bundle(alcove, folder, size):
    source, target = folder / "volume", folder / "volume.bundle"
    source.mkdir()
    (source / "alcove.yaml").write_text(CONFIG)
    (source / "main.py").write_text(SCRIPT % size)
    subprocess.run([alcove, "build", source, "-o", target], check=True, stdout=subprocess.DEVNULL)
    return target


def touch(size):
    """Seconds by wall and of processor for writing to memory that is new."""
    with mmap.mmap(-1, size) as memory:
        memory.madvise(mmap.MADV_HUGEPAGE)
        address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        wall, used = time.perf_counter(), time.process_time()
        ctypes.memset(address, 1, size)
        return time.perf_counter() - wall, time.process_time() - used


def processor_seconds(pid):
    """Of `alcove run` and its children, all threads of each, kernel included: the clock that
    clock_getcpuclockid(3) names."""
    children = [int(child) for task in pathlib.Path(f"/proc/{pid}/task").iterdir()
                for child in (task / "children").read_text().split()]
    return time.clock_gettime(~pid << 3 | 2) + sum(map(processor_seconds, children))


def run(alcove, one, volume, mode):
    """[(what, seconds by wall, seconds of processor)]"""
    found = []
    with subprocess.Popen([alcove, "run", one, "--volume", f"bench={volume}"], text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=1) as process:
        before = 0.0
        for line in process.stdout:
            now = processor_seconds(process.pid)
            what, *rest = line.split()
            if what == "begin":
                before = now
            elif what == "end":
                found.append((rest[0], float(rest[1]), now - before))
            process.stdin.write(mode + "\n")
    if process.returncode != 0:
        raise SystemExit(f"the run ended with {process.returncode}")
    return found


def measure(args):
    """{what: [(seconds by wall, seconds of processor) of each round]}, [raw bytes a second]"""
    alcove, found, raw = args.build / "cli/alcove", {}, []
    with tempfile.TemporaryDirectory() as name, tempfile.TemporaryDirectory(dir=args.folder) as place:
        one = bundle(alcove, pathlib.Path(name), args.size)
        for _ in range(args.rounds):
            text = subprocess.run([args.build / "enclave/runtime/crypto/crypto_test", "speed"],
                                  check=True, text=True, stdout=subprocess.PIPE).stdout
            raw.append(1e9 * float(re.search(r"AES-256-GCM.*: ([0-9.]+) GB/s", text)[1]))
            volume = pathlib.Path(place) / "volume"
            volume.unlink(missing_ok=True)
            found.setdefault("touch", []).append(touch(args.size << 20))
            for mode in ("write", "open", "open again"):
                for what, *seconds in run(alcove, one, volume, mode):
                    found.setdefault(what, []).append(seconds)
    for again in ("", "_again"):
        found["write" + again] = [[c + s for c, s in zip(copy, seal)] for copy, seal in
                                  zip(found["copy" + again], found["seal" + again])]
    return found, raw


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=HERE.parent / "build")
    parser.add_argument("--size", type=int, default=128, metavar="MIB")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", default="/dev/shm",
                        help="where the volume's file lies (default: /dev/shm)")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--check", action="store_true",
                        help=f"fail below {FLOOR} GB/s by processor time")
    args = parser.parse_args()
    found, raw = measure(args)
    size = args.size << 20
    small = statistics.median(wall for wall, _ in found.pop("small")) / 40
    result = {what: {"wall": size / statistics.median(wall for wall, _ in seconds),
                     "processor": size / statistics.median(used for _, used in seconds)}
              for what, seconds in found.items()}
    raw = statistics.median(raw)
    slow = [what for what in CHECKED if result[what]["processor"] < FLOOR * 1e9]
    if args.json:
        print(json.dumps({"raw": raw, "small": small, **result}))
    else:
        print(f"raw AES-256-GCM, 4 KiB blocks, one thread: {raw / 1e9:.2f} GB/s")
        print(f"{'GB/s':31} {'wall':>6} {'processor':>10} {'of raw':>7}")
        for what, title in TITLES.items():
            wall, used = result[what]["wall"], result[what]["processor"]
            mark = "  below the floor" if what in slow else ""
            print(f"{title:31} {wall / 1e9:6.2f} {used / 1e9:10.2f} {used / raw:7.2f}{mark}")
        print(f"one small file: write, fsync, close {small * 2e3:.2f} ms")
    return 1 if args.check and slow else 0


if __name__ == "__main__":
    sys.exit(main())
