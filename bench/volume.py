#!/usr/bin/python3.11
# SPDX-License-Identifier: Apache-2.0
"""Speed of sealed volumes: what a program in an enclave sees, beside raw AES-256-GCM on one thread.

Writing is write(2) of the whole, then fsync(2): until the host has it in its file, by default one in
memory, so that no disk is measured. Opening is what happens when the program gives the key: the whole
volume is read, checked and decrypted. Raw is the enclave's own AES-256-GCM over 4 KiB blocks in a
plain process. All in one run, alternately; best of the rounds.
"""

import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent

CONFIG = """\
base: [python]
files: {/app/main.py: main.py}
entry: /usr/bin/python3.11
argv: [python3.11, -I, -B, /app/main.py]
env: {LC_ALL: C.UTF-8}
memory: 1 GiB
threads: 4
mounts: [{kind: sealed, path: /data, name: bench, size: 512 MiB, key: program}]
stdout: host
stderr: host
"""

SCRIPT = """\
import os, time
SIZE = %(size)d << 20

def timed(work):
    start = time.perf_counter()
    work()
    return SIZE / (time.perf_counter() - start)

def give_key():
    with open("/dev/volumes/bench/key", "wb") as file:
        file.write(b"k" * 32)

def small():
    with open("/data/small", "wb") as file:
        file.write(b"s" * 1000)
        file.flush()
        os.fsync(file.fileno())

if %(first)d:
    give_key()
    piece = os.urandom(1 << 20)
    fd = os.open("/data/large", os.O_RDWR | os.O_CREAT)
    def copy():
        for _ in range(%(size)d):
            os.write(fd, piece)
    print("copy", timed(copy))
    print("seal", timed(lambda: os.fsync(fd)))
    for _ in range(3):  # over memory and blocks of the file that are there already
        os.lseek(fd, 0, os.SEEK_SET)
        print("copy_again", timed(copy))
        print("seal_again", timed(lambda: os.fsync(fd)))
    start = time.perf_counter()
    for _ in range(20):
        small()
    print("small", (time.perf_counter() - start) / 40)
    os.close(fd)
else:
    print("open", timed(give_key))
    fd = os.open("/data/large", os.O_RDONLY)
    def read():
        for _ in range(%(size)d):
            os.read(fd, 1 << 20)
    print("read", timed(read))
"""


def output(command):
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout


def bundle(alcove, folder, first, size):
    source = folder / ("write" if first else "read")
    source.mkdir()
    (source / "alcove.yaml").write_text(CONFIG)
    # One bundle for both would do with an argument; a program's key opens the volume from both.
    (source / "main.py").write_text(SCRIPT % {"size": size, "first": first})
    target = source.with_suffix(".bundle")
    subprocess.run([alcove, "build", source, "-o", target], check=True, stdout=subprocess.DEVNULL)
    return target


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=HERE.parent / "build")
    parser.add_argument("--size", type=int, default=128, metavar="MIB")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", default="/dev/shm",
                        help="where the volume's file lies (default: /dev/shm)")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    alcove = args.build / "cli/alcove"
    found = {}
    with tempfile.TemporaryDirectory() as name, tempfile.TemporaryDirectory(dir=args.folder) as place:
        folder = pathlib.Path(name)
        write, read = (bundle(alcove, folder, first, args.size) for first in (1, 0))
        for _ in range(args.rounds):
            raw = output([args.build / "enclave/runtime/crypto/crypto_test", "speed"])
            found.setdefault("raw", []).append(
                1e9 * float(re.search(r"AES-256-GCM.*: ([0-9.]+) GB/s", raw)[1]))
            volume = pathlib.Path(place) / "volume"
            volume.unlink(missing_ok=True)
            for one in (write, read):
                for line in output([alcove, "run", one, "--volume", f"bench={volume}"]).splitlines():
                    what, value = line.split()
                    found.setdefault(what, []).append(float(value))
    result = {what: (min if what == "small" else max)(values) for what, values in found.items()}
    for again in ("", "_again"):
        result["write" + again] = 1 / (1 / result["copy" + again] + 1 / result["seal" + again])
    if args.json:
        print(json.dumps(result))
        return 0
    raw = result["raw"]
    print(f"raw AES-256-GCM, 4 KiB blocks, one thread   {raw / 1e9:6.2f} GB/s")
    for what, title in (("copy", "write(2) into new memory"), ("seal", "fsync of it to a growing file"),
                        ("copy_again", "write(2) over it"), ("seal_again", "fsync of it"),
                        ("write_again", "both together"),
                        ("open", "opening: read, check, decrypt"), ("read", "read(2) once open")):
        print(f"{title:43} {result[what] / 1e9:6.2f} GB/s   {result[what] / raw:5.2f} of raw")
    print(f"{'one small file: write, fsync, close':43} {result['small'] * 2e3:6.2f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
