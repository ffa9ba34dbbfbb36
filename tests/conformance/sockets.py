# SPDX-License-Identifier: Apache-2.0
"""Sockets whose both ends are in one process: Unix, TCP and UDP over loopback."""

import array
import errno
import os
import select
import selectors
import socket
import socketserver
import struct
import tempfile
import threading

TIMEOUT = 10


def tell(title, call):
    try:
        print(title, call())
    except OSError as error:
        print(title, type(error).__name__, errno.errorcode[error.errno] if error.errno else error)


def tcp(family, host):
    print("== tcp", family.name)
    server = socket.socket(family, socket.SOCK_STREAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((host, 0))
    port = server.getsockname()[1]
    print(server.getsockname()[0], port > 0)
    tell("no peer yet", server.getpeername)
    tell("connect before listen", lambda: socket.create_connection((host, port), timeout=TIMEOUT))
    server.listen(5)
    print("accepting", server.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    client = socket.create_connection((host, port), timeout=TIMEOUT)
    peer, address = server.accept()
    print(address[0], address[1] == client.getsockname()[1], client.getpeername()[1] == port)
    client.sendall(b"hello " * 3)
    print(peer.recv(5), peer.recv(100, socket.MSG_PEEK), peer.recv(100))
    big = os.urandom(1 << 20)
    thread = threading.Thread(target=lambda: (peer.sendall(big), peer.shutdown(socket.SHUT_WR)))
    thread.start()
    got = bytearray()
    while chunk := client.recv(70000):
        got += chunk
    thread.join()
    print("a megabyte", bytes(got) == big, client.recv(1))
    client.send(b"still")
    print(peer.recv(10))
    peer.close()
    tell("send 1", lambda: client.send(b"x"))
    client.close()
    tell("bind taken", lambda: socket.socket(family, socket.SOCK_STREAM).bind((host, port)))
    server.close()
    tell("nobody there", lambda: socket.create_connection((host, port), timeout=TIMEOUT))


def nonblocking():
    print("== not waiting")
    server = socket.create_server(("127.0.0.1", 0))
    server.setblocking(False)
    tell("accept", server.accept)
    client = socket.socket()
    client.setblocking(False)
    print(errno.errorcode[client.connect_ex(server.getsockname())])
    print(select.select([server], [client], [], TIMEOUT)[0] == [server])
    print(client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR),
          client.connect_ex(server.getsockname()) in (0, errno.EISCONN))
    peer, _ = server.accept()
    tell("recv", lambda: client.recv(1))
    sent = 0
    try:
        while True:
            sent += client.send(b"x" * 65536)
    except BlockingIOError:
        print("full", sent > 100000)
    poll = select.poll()
    poll.register(client, select.POLLIN | select.POLLOUT)
    print("poll", poll.poll(0))
    while sent > 0:
        sent -= len(peer.recv(1 << 20))
    print("drained", sent, [bits for _, bits in poll.poll(1000)] == [select.POLLOUT])
    peer.close()
    print("closed", [bits for _, bits in poll.poll(1000)], client.recv(5))
    free = socket.socket()
    free.bind(("127.0.0.1", 0))
    refused = socket.socket()
    refused.setblocking(False)
    print(errno.errorcode[refused.connect_ex(free.getsockname())])
    select.select([], [refused], [], TIMEOUT)
    print(errno.errorcode[refused.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)])
    slow = socket.create_connection(server.getsockname())
    slow.settimeout(0.05)
    try:
        slow.recv(1)
    except TimeoutError:
        print("timed out")


def urgent():
    print("== urgent")
    server = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(server.getsockname())
    peer, _ = server.accept()
    client.send(b"in the stream!", socket.MSG_OOB)
    print(select.select([], [], [peer], TIMEOUT)[2] == [peer], peer.recv(1, socket.MSG_OOB), peer.recv(99))
    tell("no more of it", lambda: peer.recv(1, socket.MSG_OOB))


def udp():
    print("== udp")
    a, b = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    a.bind(("127.0.0.1", 0))
    b.bind(("127.0.0.1", 0))
    a.settimeout(TIMEOUT)
    b.sendto(b"one", a.getsockname())
    b.sendto(b"", a.getsockname())
    b.sendto(b"three", a.getsockname())
    for size in 10, 10, 2:
        data, address = a.recvfrom(size)
        print(data, address == b.getsockname())
    b.connect(a.getsockname())
    b.send(b"connected")
    print(a.recv(100), b.getpeername() == a.getsockname())
    a.sendto(b"x" * 5000, b.getsockname())
    data, _, flags, _ = b.recvmsg(100)
    print(len(data), flags & socket.MSG_TRUNC != 0)
    tell("too long", lambda: a.sendto(b"x" * 70000, b.getsockname()))
    tell("no peer", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).send(b"x"))
    a.close()
    b.send(b"into the void")
    tell("after it", lambda: b.send(b"again"))


def unix():
    print("== unix")
    folder = tempfile.mkdtemp()
    path = folder + "/server"
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    print(server.getsockname() == path, oct(os.stat(path).st_mode & 0o170000))
    tell("bind again", lambda: socket.socket(socket.AF_UNIX).bind(path))
    server.listen()
    client = socket.socket(socket.AF_UNIX)
    client.connect(path)
    peer, address = server.accept()
    print(repr(address), client.getpeername() == path, repr(client.getsockname()))
    pid, uid, gid = struct.unpack("3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    print("who", pid == os.getpid(), uid == os.getuid(), gid == os.getgid())
    read, write = os.pipe()
    rights = socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [write])
    client.sendmsg([b"with ", b"a descriptor"], [rights])
    data, ancillary, flags, _ = peer.recvmsg(100, socket.CMSG_SPACE(4))
    (fd,) = array.array("i", ancillary[0][2])
    os.write(fd, b"through it")
    print(data, ancillary[0][:2], flags, os.read(read, 100))
    client.close()
    print(peer.recv(1))
    tell("send to nobody", lambda: peer.send(b"x"))
    open(folder + "/file", "w").close()
    tell("a file", lambda: socket.socket(socket.AF_UNIX).connect(folder + "/file"))
    os.unlink(folder + "/file")
    tell("nothing", lambda: socket.socket(socket.AF_UNIX).connect(folder + "/nothing"))
    os.unlink(path)
    tell("unlinked", lambda: socket.socket(socket.AF_UNIX).connect(path))
    server.close()
    abstract = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    abstract.bind("\0alcove-conformance")
    other = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    other.sendto(b"abstract", "\0alcove-conformance")
    print(abstract.recvfrom(100))
    for kind in socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET:
        a, b = socket.socketpair(socket.AF_UNIX, kind)
        a.send(b"first")
        a.send(b"second")
        print(kind.name, b.recv(3), b.recv(100), a.type == kind)
        a.close()
        if kind != socket.SOCK_DGRAM:
            print(b.recv(100), b.recv(100))
    os.rmdir(folder)


def edges():
    print("== edges")
    a, b = socket.socketpair()
    epoll = select.epoll()
    epoll.register(b, select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLET)
    print(epoll.poll(0) == [(b.fileno(), select.EPOLLOUT)], epoll.poll(0))
    a.send(b"one")
    print([bits for _, bits in epoll.poll(TIMEOUT)], epoll.poll(0))
    b.recv(1)
    a.send(b"two")
    print([bits for _, bits in epoll.poll(TIMEOUT)], b.recv(100), epoll.poll(0))
    outer = select.epoll()
    outer.register(epoll, select.EPOLLIN)
    print(outer.poll(0))
    a.close()
    print(len(outer.poll(TIMEOUT)), [bits for _, bits in epoll.poll(TIMEOUT)], epoll.poll(0))
    tell("itself", lambda: epoll.register(epoll, select.EPOLLIN))
    tell("a circle", lambda: epoll.register(outer, select.EPOLLIN))


def options():
    print("== options")
    s = socket.socket()
    for level, name, value in ((socket.SOL_SOCKET, "SO_KEEPALIVE", 1), (socket.IPPROTO_TCP, "TCP_NODELAY", 1),
                               (socket.SOL_SOCKET, "SO_REUSEPORT", 1),
                               (socket.SOL_SOCKET, "SO_RCVBUF", 30000),
                               (socket.IPPROTO_TCP, "TCP_KEEPIDLE", 20), (socket.IPPROTO_IP, "IP_TTL", 9)):
        s.setsockopt(level, getattr(socket, name), value)
        print(name, s.getsockopt(level, getattr(socket, name)))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 7))
    print(struct.unpack("ii", s.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8)))
    print(s.family.name, s.type.name, s.proto, s.getsockopt(socket.SOL_SOCKET, socket.SO_DOMAIN))
    tell("unknown", lambda: s.getsockopt(socket.SOL_SOCKET, 9999))
    tell("of a file", lambda: socket.socket(fileno=os.open("/dev/null", os.O_RDONLY)).getpeername())
    tell("raw", lambda: socket.socket(99, socket.SOCK_STREAM))


def server():
    print("== socketserver")

    class Echo(socketserver.StreamRequestHandler):
        def handle(self):
            for line in self.rfile:
                self.wfile.write(line.upper())

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo) as echo:
        thread = threading.Thread(target=echo.serve_forever)
        thread.start()
        for i in range(20):
            with socket.create_connection(echo.server_address, timeout=TIMEOUT) as client:
                client.sendall(f"line {i}\n".encode())
                client.shutdown(socket.SHUT_WR)
                assert client.recv(100) == f"LINE {i}\n".encode()
        echo.shutdown()
        thread.join()
    selector = selectors.DefaultSelector()
    a, b = socket.socketpair()
    selector.register(b, selectors.EVENT_READ)
    print(type(selector).__name__, selector.select(0))
    a.send(b"x")
    print(len(selector.select(TIMEOUT)))


tcp(socket.AF_INET, "127.0.0.1")
tcp(socket.AF_INET6, "::1")
nonblocking()
urgent()
udp()
unix()
edges()
options()
server()
