# SPDX-License-Identifier: Apache-2.0
"""The service of ../service.c in Python: frames in, frames out, until standard input ends."""
import struct
import sys

D = "/dev/attestation/"


def put(name, data):
    with open(D + name, "wb", buffering=0) as file:
        file.write(data)


def get(name):
    with open(D + name, "rb") as file:
        return file.read()


def serve(kind, data):
    if kind == b"t":
        return get("my_target_info")
    if kind == b"r" and len(data) == 512 + 64:
        put("target_info", data[:512])
        put("user_report_data", data[512:])
        return get("report")
    if kind == b"q" and len(data) == 64:
        put("user_report_data", data)
        return get("quote")
    if kind == b"c" and len(data) == 432:
        try:
            put("check_report", data)
            return b"ok"
        except PermissionError:
            return b"no"
    return b""


while head := sys.stdin.buffer.read(4):
    size = int.from_bytes(head, "little")
    message = sys.stdin.buffer.read(size) if len(head) == 4 and size <= 65536 else b""
    if len(head) < 4 or len(message) < size:
        sys.exit(1)
    reply = serve(message[:1], message[1:])
    sys.stdout.buffer.write(struct.pack("<I", len(reply)) + reply)
    sys.stdout.buffer.flush()
