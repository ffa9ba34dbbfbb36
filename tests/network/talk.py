# SPDX-License-Identifier: Apache-2.0
"""What sockets do with a peer elsewhere (peer.py): run in an enclave and natively, the output must be
the same. talk.py TCP UDP TCP6 LISTEN LISTEN_UDP LISTEN6 CLOSED: ports of the peer, of its own, and one
where nobody listens."""

import array
import errno
import fcntl
import hashlib
import os
import select
import signal
import socket
import struct
import sys
import tempfile
import termios
import threading
import time

TCP, UDP, TCP6, LISTEN, LISTEN_UDP, LISTEN6, CLOSED = (int(a) for a in sys.argv[1:8])
HERE = "127.0.0.1"


def attempt(f):
    try:
        return f()
    except OSError as e:
        return errno.errorcode.get(e.errno, e.errno) if e.errno else type(e).__name__


def ask(text, family=socket.AF_INET):
    s = socket.socket(family)
    s.connect((HERE, TCP) if family == socket.AF_INET else ("::1", TCP6))
    s.sendall(text.encode() + b"\n")
    return s


def ready(s, events, timeout_ms=5000):
    p = select.poll()
    p.register(s, events)
    return [(bits & ~select.POLLRDNORM) for _, bits in p.poll(timeout_ms)]


def wait_until(what, seconds=5):
    end = time.monotonic() + seconds
    while not what() and time.monotonic() < end:
        time.sleep(0.002)
    return bool(what())


def echoes():
    s = ask("echo")
    s.sendall(b"hello")
    print(s.recv(5, socket.MSG_WAITALL), s.getpeername() == (HERE, TCP), s.getsockname()[0])
    data = os.urandom(1 << 16) * 64
    t = threading.Thread(target=lambda: (s.sendall(data), s.shutdown(socket.SHUT_WR)))
    t.start()
    h = hashlib.sha256()
    while piece := s.recv(1 << 18):
        h.update(piece)
    t.join()
    print(h.digest() == hashlib.sha256(data).digest())


def connecting():
    s = socket.socket()
    s.setblocking(False)
    print(s.connect_ex((HERE, TCP)) == errno.EINPROGRESS, ready(s, select.POLLOUT))
    print(s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), attempt(lambda: s.connect((HERE, TCP))))
    print(attempt(lambda: s.connect((HERE, TCP))))
    print(attempt(lambda: socket.create_connection((HERE, CLOSED))))
    s = socket.socket()
    s.setblocking(False)
    print(s.connect_ex((HERE, CLOSED)) == errno.EINPROGRESS, ready(s, select.POLLOUT))
    print(errno.errorcode[s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)])
    print(s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), attempt(s.getpeername))
    s = socket.socket()
    s.settimeout(5)
    s.connect((HERE, TCP))
    s.settimeout(None)
    s.sendall(b"echo\nagain")
    print(s.recv(5, socket.MSG_WAITALL))


def half_closed():
    s = ask("half")
    print(s.recv(100), s.recv(100), s.recv(100), ready(s, select.POLLIN | select.POLLRDHUP))
    s.sendall(b"still")
    s.shutdown(socket.SHUT_WR)
    print(attempt(lambda: s.send(b"x")))
    s = ask("echo")
    s.sendall(b"last words")
    s.shutdown(socket.SHUT_WR)
    print(s.recv(10, socket.MSG_WAITALL), s.recv(10))
    wait_until(lambda: select.POLLHUP in [b & select.POLLHUP for b in ready(s, select.POLLIN, 0)])
    print(ready(s, select.POLLIN | select.POLLOUT | select.POLLRDHUP))


def reset():
    s = ask("reset")
    print(attempt(lambda: s.recv(10)), attempt(lambda: s.recv(10)), attempt(lambda: s.send(b"x")))
    s = ask("give 502")
    print(len(s.recv(502, socket.MSG_WAITALL)), s.recv(1))
    s.send(b"nobody reads this")
    wait_until(lambda: ready(s, 0, 0))
    print(attempt(lambda: s.send(b"x")))
    s = ask("echo")
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def reading():
    s = ask("slow")
    print(s.recv(5, socket.MSG_PEEK), s.recv(6))
    print(attempt(lambda: s.recv(6, socket.MSG_DONTWAIT)), s.recv(6, socket.MSG_WAITALL))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("qq", 0, 50000))
    begin = time.monotonic()
    print(attempt(lambda: s.recv(6)), time.monotonic() - begin >= 0.05)
    s.close()
    s = ask("slow")
    print(s.recv(12, socket.MSG_WAITALL), ready(s, select.POLLIN, 20))
    count = array.array("i", [7])
    fcntl.ioctl(s, termios.FIONREAD, count)
    print(count[0])
    s = ask("give 1004")
    wait_until(lambda: len(s.recv(2000, socket.MSG_PEEK)) == 1004)
    fcntl.ioctl(s, termios.FIONREAD, count)
    buffers = [bytearray(4), bytearray(1000)]
    print(count[0], s.recvmsg_into(buffers)[0], bytes(buffers[0]), len(s.recv(10)))


def pieces():
    """More than comes with the news of it: all of it is there for who looks or counts."""
    expected = bytes(i & 0xFF for i in range(251)) * 40
    count = array.array("i", [0])
    s = ask("give 10040")
    print(ready(s, select.POLLIN))

    def there():
        fcntl.ioctl(s, termios.FIONREAD, count)
        return count[0] == len(expected)

    print(wait_until(there), s.recv(100, socket.MSG_PEEK) == expected[:100])
    print(wait_until(lambda: s.recv(20000, socket.MSG_PEEK) == expected))
    print(s.recv(5000) == expected[:5000], there(), count[0], s.recv(20000) == expected[5000:], s.recv(1))
    s = ask("unread")
    print(ready(s, select.POLLIN))
    s.close()
    s, r = ask("unread"), ask("ended")
    print(s.recv(17, socket.MSG_WAITALL), r.recv(100))
    s.close()
    print(ask("ended").recv(100))


def order():
    """While somebody polls, others read what they poll for: every byte once, and in order."""
    sockets = [ask("echo") for _ in range(4)]
    data = [os.urandom(120000) for _ in sockets]
    got, over = [b""] * len(sockets), []
    e = select.epoll()
    for s in sockets:
        e.register(s, select.EPOLLIN | select.EPOLLET)

    def poll():
        while not over:
            e.poll(0.01)

    def write(i):
        for at in range(0, len(data[i]), 600):
            sockets[i].sendall(data[i][at:at + 600])
            time.sleep(0)

    def read(i):
        k = 0
        while len(got[i]) < len(data[i]):
            k += 1
            piece = attempt(lambda: sockets[i].recv(1 + k % 700, socket.MSG_DONTWAIT if k % 3 else 0))
            if not isinstance(piece, str):
                got[i] += piece

    threads = [threading.Thread(target=f, args=(i,)) for f in (read, write) for i in range(len(sockets))]
    poller = threading.Thread(target=poll)
    for t in (poller, *threads):
        t.start()
    for t in threads:
        t.join()
    over.append(1)
    poller.join()
    print(got == data)


def full():
    s = ask("late")
    s.setblocking(False)
    sent, chunk = 0, bytes(1 << 16)
    while not isinstance(n := attempt(lambda: s.send(chunk)), str):
        sent += n
    print(n, ready(s, select.POLLOUT, 0))
    s.setblocking(True)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("qq", 0, 50000))
    n = attempt(lambda: s.send(chunk * 64))
    sent += n if isinstance(n, int) else 0
    r = ask("release")
    print(ready(s, select.POLLOUT))
    s.shutdown(socket.SHUT_WR)
    print(int(r.recv(100)) == sent)


def edges():
    s = ask("echo")
    e = select.epoll()
    e.register(s, select.EPOLLIN | select.EPOLLET | select.EPOLLRDHUP)
    print(e.poll(0.02))
    s.send(b"one")
    print([b for _, b in e.poll(5)], e.poll(0.02))
    s.send(b"two")
    print([b for _, b in e.poll(5)])
    wait_until(lambda: len(s.recv(10, socket.MSG_PEEK)) == 6)
    print(s.recv(10))
    e.modify(s, select.EPOLLIN | select.EPOLLONESHOT)
    s.send(b"three")
    print([b for _, b in e.poll(5)], e.poll(0.02))
    e.modify(s, select.EPOLLIN | select.EPOLLRDHUP)
    s.recv(10)
    s.shutdown(socket.SHUT_WR)
    print([bool(b & select.EPOLLRDHUP) for _, b in e.poll(5)])
    print([len(x) for x in select.select([s], [], [], 5)])


def server(family, port, what):
    s = socket.socket(family)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("::1" if family == socket.AF_INET6 else HERE, port))
    s.listen(300)
    r = ask(f"call {port} {6 if family == socket.AF_INET6 else 4} {what}")
    return s, r


def serving():
    s, r = server(socket.AF_INET, LISTEN, "hello")
    c, who = s.accept()
    print(c.recv(5, socket.MSG_WAITALL), who[0], c.getsockname() == (HERE, LISTEN),
          s.getsockname()[1] == LISTEN)
    print(who == c.getpeername(), s.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    c.sendall(b"goodbye")
    print(r.recv(100))
    s.setblocking(False)
    print(attempt(s.accept), ready(s, select.POLLIN, 10))
    other = socket.socket()
    print(attempt(lambda: other.bind((HERE, LISTEN))))
    s.setblocking(True)
    mine = socket.create_connection((HERE, LISTEN))  # from here to here
    c, who = s.accept()
    mine.sendall(b"inside")
    print(c.recv(6), who[1] == mine.getsockname()[1])
    s.close()
    print(attempt(lambda: socket.create_connection((HERE, LISTEN))))
    s, r = server(socket.AF_INET, LISTEN, "silent")
    c, _ = s.accept()
    print(c.recv(5))
    s.close()
    s, r = server(socket.AF_INET, LISTEN, "reset")
    c, _ = s.accept()
    print(attempt(lambda: c.recv(5)))


def crowd():
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((HERE, LISTEN))
    s.listen(300)
    s.setblocking(False)
    e = select.epoll()
    e.register(s, select.EPOLLIN)
    r = ask(f"crowd {LISTEN} 200")
    all_of_them, done = {}, 0
    while done < 200:
        for fd, _ in e.poll(10):
            if fd == s.fileno():
                while not isinstance(got := attempt(s.accept), str):
                    all_of_them[got[0].fileno()] = got[0]
                    e.register(got[0], select.EPOLLIN)
                continue
            data = all_of_them[fd].recv(100)
            if data:
                all_of_them[fd].sendall(data)
            else:
                all_of_them.pop(fd).close()
                done += 1
    print(r.recv(100))


def threads():
    """Everyone waits on a socket of their own; what comes is told to the one whom it is for."""
    sockets = [ask("echo") for _ in range(6)]
    got = [b""] * len(sockets)

    def read(i):
        got[i] = sockets[i].recv(10)

    readers = [threading.Thread(target=read, args=(i,)) for i in range(len(sockets))]
    for t in readers:
        t.start()
    for i in reversed(range(len(sockets))):
        time.sleep(0.005)
        sockets[i].sendall(b"for %d" % i)
    for t in readers:
        t.join()
    print(got)


def interrupted():
    s = ask("echo")
    signal.signal(signal.SIGUSR1, lambda *_: None)
    woken = []
    signal.signal(signal.SIGALRM, lambda *_: (woken.append(1), s.sendall(b"from the handler")))
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    print(s.recv(100), woken)


def told_by_signal():
    for s, other in ((ask("echo"), None), socket.socketpair()):
        told = []
        signal.signal(signal.SIGIO, lambda *_, told=told: told.append(1))
        fcntl.fcntl(s, fcntl.F_SETOWN, os.getpid())
        fcntl.ioctl(s, 0x5452, array.array("i", [1]))  # FIOASYNC
        (other or s).send(b"x")
        ready(s, select.POLLIN)
        print(wait_until(lambda: told), s.recv(10))
        fcntl.ioctl(s, 0x5452, array.array("i", [0]))


def processes():
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((HERE, LISTEN))
    s.listen(50)
    children = []
    for _ in range(2):
        child = os.fork()
        if child == 0:
            c, _ = s.accept()
            c.sendall(c.recv(100))
            os._exit(7)
        children.append(child)
    heard = [ask(f"call {LISTEN} 4 hello").recv(10) for _ in children]
    print(heard, [os.waitstatus_to_exitcode(os.waitpid(c, 0)[1]) for c in children])


def datagrams():
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    u.settimeout(5)
    print(u.sendto(b"one", (HERE, UDP)), u.recvfrom(10)[0], u.recvfrom_into is not None)
    u.connect((HERE, UDP))
    print(u.send(b"two"), u.recv(10), u.getpeername() == (HERE, UDP))
    data = os.urandom(60000)
    u.send(data)
    print(u.recv(65536) == data, attempt(lambda: u.send(bytes(70000))))
    u.send(b"long one")
    ready(u, select.POLLIN)
    print(u.recvmsg(4)[0::2], ready(u, select.POLLIN, 10))
    print(u.send(b""), u.recv(10))
    c = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    c.connect((HERE, CLOSED))
    c.settimeout(5)
    c.send(b"x")
    print(attempt(lambda: c.recv(10)))
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((HERE, LISTEN_UDP))
    r = ask(f"datagram {LISTEN_UDP}")
    data, who = s.recvfrom(100)
    print(data, who[0], s.sendto(b"answer", who), r.recv(100))


def six():
    s = ask("echo", socket.AF_INET6)
    s.sendall(b"six")
    print(s.recv(3, socket.MSG_WAITALL), s.getpeername()[:2] == ("::1", TCP6), s.getsockname()[0])
    listener, r = server(socket.AF_INET6, LISTEN6, "hello")
    c, who = listener.accept()
    c.sendall(c.recv(5, socket.MSG_WAITALL))
    print(who[0], r.recv(100), c.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY))


def files():
    with tempfile.TemporaryFile() as f:
        f.write(bytes(range(256)) * 1024)
        f.flush()
        s = ask("echo")
        t = threading.Thread(target=lambda: (send_all(s, f), s.shutdown(socket.SHUT_WR)))
        t.start()
        got = b""
        while data := s.recv(1 << 16):
            got += data
        t.join()
        print(got == bytes(range(256)) * 1024)
    s = ask("give 2510")
    r, w = os.pipe()
    total = 0
    while n := os.splice(s.fileno(), w, 4096):
        total += len(os.read(r, n))
    print(total)


def send_all(s, f):
    at = 0
    while n := os.sendfile(s.fileno(), f.fileno(), at, 1 << 20):
        at += n


def options():
    s = ask("echo")
    known = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE), (socket.IPPROTO_TCP, socket.TCP_NODELAY),
             (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE), (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL),
             (socket.IPPROTO_TCP, socket.TCP_KEEPCNT)]
    for level, name in known:
        before = s.getsockopt(level, name)
        s.setsockopt(level, name, 1)
        print(before, s.getsockopt(level, name))
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
    s.send(b"a")
    s.send(b"b")
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)
    print(s.recv(2, socket.MSG_WAITALL))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 10000)
    print(s.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF))


def urgent():
    s = ask("urgent")
    print(ready(s, select.POLLPRI))
    print(s.recv(1, socket.MSG_OOB), s.recv(3, socket.MSG_WAITALL), s.recv(3, socket.MSG_WAITALL))


for case in (echoes, connecting, half_closed, reset, reading, pieces, order, full, edges, serving, crowd,
             threads, interrupted, told_by_signal, processes, datagrams, six, files, options, urgent):
    print("--", case.__name__, flush=True)
    case()
sys.stdout.flush()
