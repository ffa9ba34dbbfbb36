# SPDX-License-Identifier: Apache-2.0
"""What the manifest does not list. denied.py LISTED UNLISTED_PEER: a port that is listed to listen at, and
one outside where somebody does listen."""

import errno
import socket
import sys

LISTED, PEER = (int(a) for a in sys.argv[1:3])


def attempt(what, f):
    try:
        f()
        print(what, "done")
    except OSError as e:
        print(what, errno.errorcode[e.errno])


def tcp(family=socket.AF_INET):
    return socket.socket(family)


def udp():
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


attempt("bind elsewhere", lambda: tcp().bind(("192.0.2.1", LISTED)))
attempt("bind elsewhere, IPv6", lambda: tcp(socket.AF_INET6).bind(("2001:db8::1", LISTED)))
attempt("datagrams elsewhere", lambda: udp().bind(("192.0.2.1", LISTED)))
attempt("connect elsewhere", lambda: tcp().connect(("192.0.2.1", 80)))
attempt("connect elsewhere, IPv6", lambda: tcp(socket.AF_INET6).connect(("2001:db8::1", 80)))
attempt("send elsewhere", lambda: udp().sendto(b"x", ("192.0.2.1", 53)))
attempt("connect datagrams elsewhere", lambda: udp().connect(("192.0.2.1", 53)))
attempt("this enclave's own loopback, where the host's has somebody",
        lambda: tcp().connect(("127.0.0.1", PEER)))
s = tcp()
attempt("bind at an unlisted port of loopback", lambda: s.bind(("127.0.0.1", PEER)))
attempt("listen there, inside", lambda: s.listen(5))
attempt("connect there, inside", lambda: socket.create_connection(("127.0.0.1", PEER)))
s = tcp()
attempt("bind where it is listed", lambda: s.bind(("127.0.0.1", LISTED)))
attempt("listen where it is listed", lambda: s.listen(5))
attempt("the same port, another protocol", lambda: udp().bind(("127.0.0.1", LISTED)))
