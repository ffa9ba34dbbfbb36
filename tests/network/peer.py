#!/usr/bin/python3.11
# SPDX-License-Identifier: Apache-2.0
"""The other end of tests/network/talk.py, always outside: peer.py TCP UDP TCP6. Each connection says
in its first line what is to become of it."""

import errno
import os
import queue
import socket
import struct
import sys
import threading
import time


def line_of(s):
    text = b""
    while not text.endswith(b"\n"):
        byte = s.recv(1)
        if not byte:
            return []
        text += byte
    return text.decode().split()


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def drain(s):
    total = 0
    while data := s.recv(1 << 16):
        total += len(data)
    return total


def echo(s):
    while data := s.recv(1 << 16):
        s.sendall(data)
    s.close()


def slow(s):
    """Answers in two halves, so that who waits for all of it must wait twice."""
    s.sendall(b"first-")
    time.sleep(0.1)
    s.sendall(b"second")
    s.recv(1)
    s.close()


def give(s, size):
    s.sendall(bytes(i & 0xFF for i in range(251)) * (size // 251))
    s.close()


def half(s):
    """Says something, ends its half, and still listens."""
    s.sendall(b"over")
    s.shutdown(socket.SHUT_WR)
    total = drain(s)
    s.close()
    return total


def unread(s):
    """Says what nobody hears; how the connection ended is for who asks later."""
    s.sendall(b"nobody reads this")
    try:
        ended.put(repr(s.recv(1)))
    except OSError as e:
        ended.put(errno.errorcode[e.errno])
    s.close()


def late(s):
    """Reads nothing until it is told to, on another connection."""
    held.append(s)


def release(s):
    for other in held:
        total = 0
        other.settimeout(10)
        while data := other.recv(1 << 16):
            total += len(data)
        other.close()
        s.sendall(b"%d\n" % total)
    held.clear()
    s.close()


def call(s, port, family, what):
    """Connects to a server of the one who asks."""
    host = "::1" if family == "6" else "127.0.0.1"
    c = socket.create_connection((host, port))
    if what == "reset":
        reset(c)
    elif what == "hello":
        c.sendall(b"hello")
        got = c.recv(100)
        c.close()
        s.sendall(got)
    elif what == "silent":
        c.close()
    s.close()


def crowd(s, port, count):
    """Many connections at a time; each is answered with what it said."""
    all_of_them = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
    for i, c in enumerate(all_of_them):
        c.sendall(b"%06d" % i)
    right = sum(c.recv(6, socket.MSG_WAITALL) == b"%06d" % i for i, c in enumerate(all_of_them))
    for c in all_of_them:
        c.close()
    s.sendall(b"%d" % right)
    s.close()


def datagram(s, port):
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    u.settimeout(10)
    u.sendto(b"question", ("127.0.0.1", port))
    s.sendall(u.recvfrom(100)[0])
    s.close()


def serve(s):
    words = line_of(s)
    numbers = [int(w) if w.isdigit() and i > 0 else w for i, w in enumerate(words)]
    match numbers:
        case ["echo"]:
            echo(s)
        case ["slow"]:
            slow(s)
        case ["half"]:
            half(s)
        case ["unread"]:
            unread(s)
        case ["ended"]:
            s.sendall(ended.get(timeout=10).encode())
            s.close()
        case ["late"]:
            late(s)
        case ["release"]:
            release(s)
        case ["reset"]:
            reset(s)
        case ["give", size]:
            give(s, size)
        case ["urgent"]:
            s.sendall(b"abc")
            s.send(b"!", socket.MSG_OOB)
            time.sleep(0.05)
            s.sendall(b"def")
            s.recv(1)
            s.close()
        case ["call", port, family, what]:
            call(s, port, str(family), what)
        case ["crowd", port, count]:
            crowd(s, port, count)
        case ["datagram", port]:
            datagram(s, port)
        case _:
            s.close()


def serve_all(listener):
    while True:
        s, _ = listener.accept()
        threading.Thread(target=serve, args=(s,), daemon=True).start()


def main():
    global held, ended
    held, ended = [], queue.Queue()
    tcp, udp, tcp6 = (int(a) for a in sys.argv[1:4])
    for family, address, port in ((socket.AF_INET, "127.0.0.1", tcp), (socket.AF_INET6, "::1", tcp6)):
        listener = socket.socket(family)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(256)
        threading.Thread(target=serve_all, args=(listener,), daemon=True).start()
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    u.bind(("127.0.0.1", udp))
    print("ready", flush=True)
    while True:
        data, who = u.recvfrom(1 << 16)
        u.sendto(data, who)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        os._exit(0)
