#!/usr/bin/python3.11
# SPDX-License-Identifier: Apache-2.0
"""Servers of Debian's packages, natively and in an enclave: what their clients hear is compared.

    servers.py [--build FOLDER] [--verbose] [CASE…]

nginx serves files to clients of this program, in one process and in a master's two, lighttpd files
and what a process of each request says; memcached is asked with four threads; redis-server is asked by
redis-cli and redis-benchmark.
A case whose packages are not installed is skipped, with their names. TAP.
"""

import argparse
import hashlib
import os
import pathlib
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
TIMEOUT = 60

MANIFEST = """
base: [{{packages: [{package}]}}]
files: {{/etc/case.conf: case.conf, /www: www}}
entry: {entry}
argv: [{argv}]
env: {{LC_ALL: C.UTF-8}}
memory: 512 MiB
threads: 16
mounts: [{{kind: tmpfs, path: /tmp, size: 64 MiB}}]
stdout: host
stderr: host
network: {{listen: ["127.0.0.1:{port}"]}}
"""

NGINX = """
daemon off;
{master}
pid {tmp}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 256; }}
http {{
    access_log off;
    sendfile on;
    gzip on;
    client_body_temp_path {tmp}/body; proxy_temp_path {tmp}/proxy; fastcgi_temp_path {tmp}/fastcgi;
    uwsgi_temp_path {tmp}/uwsgi; scgi_temp_path {tmp}/scgi;
    types {{ text/html html; application/octet-stream bin; }}
    server {{ listen 127.0.0.1:{port}; root {www}; autoindex on; }}
}}
"""

REDIS = """
bind 127.0.0.1
port {port}
save ""
appendonly no
daemonize no
dir {tmp}
"""

REDIS_COMMANDS = """PING
SET key value
GET key
APPEND key -more
GET key
INCR counter
INCRBY counter 41
LPUSH list a b c
LRANGE list 0 -1
HSET hash one 1 two 2
HGETALL hash
ZADD scores 2 b 1 a 3 c
ZRANGE scores 0 -1 WITHSCORES
SADD set x y
SCARD set
EXPIRE key 100
PERSIST key
EVAL "return redis.call('GET', KEYS[1])" 1 key
XADD stream 1-1 field value
XRANGE stream - +
SAVE
DBSIZE
GET nothing
NOSUCHCOMMAND
FLUSHALL
DBSIZE
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


def wait_for(port, process):
    end = time.monotonic() + TIMEOUT
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return True
        except OSError:
            time.sleep(0.02)
    return False


def exchange(port, text):
    """One connection: what comes until its end."""
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT) as s:
        s.sendall(text.encode())
        data = b""
        while piece := s.recv(1 << 16):
            data += piece
    return data


def heard(data):
    """Status, the headers that do not depend on time or place, a hash of the body."""
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    kept = [x for x in lines[1:] if not re.match(r"(Date|Last-Modified|ETag):", x)]
    return [lines[0], *sorted(kept), f"{len(body)} {hashlib.sha256(body).hexdigest()[:16]}"]


def ask_nginx(port):
    close = "Host: x\r\nConnection: close\r\n"
    for what, request in (("a page", f"GET / HTTP/1.1\r\n{close}\r\n"),
                          ("a large file", f"GET /big.bin HTTP/1.1\r\n{close}\r\n"),
                          ("its head", f"HEAD /big.bin HTTP/1.1\r\n{close}\r\n"),
                          ("a part", f"GET /big.bin HTTP/1.1\r\n{close}Range: bytes=1000-70000\r\n\r\n"),
                          ("packed", f"GET /index.html HTTP/1.1\r\n{close}Accept-Encoding: gzip\r\n\r\n"),
                          ("nothing", f"GET /none HTTP/1.1\r\n{close}\r\n"),
                          ("up", f"GET /../etc/passwd HTTP/1.1\r\n{close}\r\n"),
                          ("posted", f"POST / HTTP/1.1\r\n{close}Content-Length: 3\r\n\r\nabc"),
                          ("nonsense", "NONSENSE\r\n\r\n"),
                          ("two in one", f"GET / HTTP/1.1\r\nHost: x\r\n\r\nHEAD / HTTP/1.1\r\n{close}\r\n")):
        data = exchange(port, request)
        if what == "two in one":
            data = data.split(b"\r\n\r\n", 1)[0] + b"\r\n\r\n" + str(data.count(b"HTTP/1.1 200")).encode()
        yield what, heard(data)
    yield "forty at a time", at_a_time(40, lambda: heard(exchange(
        port, f"GET /big.bin HTTP/1.1\r\n{close}\r\n"))[-1])


def ask_redis(port):
    for line in REDIS_COMMANDS.splitlines():
        out = subprocess.run(["redis-cli", "-p", str(port)], input=line + "\n", capture_output=True,
                             text=True, timeout=TIMEOUT, check=False)
        yield line, out.stdout.splitlines()
    out = subprocess.run(["redis-benchmark", "-p", str(port), "-n", "2000", "-c", "20", "-P", "4", "--csv",
                          "-t", "ping,set,get,incr,lpush,rpop,sadd,hset,spop,zadd,mset"],
                         capture_output=True, text=True, timeout=TIMEOUT, check=False)
    yield "redis-benchmark", [str(out.returncode), *(x.split(",")[0] for x in out.stdout.splitlines())]


LIGHTTPD = """
server.modules = ("mod_dirlisting", "mod_cgi", "mod_staticfile")
server.document-root = "{www}"
server.port = {port}
server.bind = "127.0.0.1"
server.upload-dirs = ("{tmp}")
index-file.names = ("index.html")
dir-listing.activate = "enable"
mimetype.assign = (".html" => "text/html", ".bin" => "application/octet-stream")
cgi.assign = (".sh" => "/bin/sh")
"""
SAY = "echo Content-Type: text/plain; echo; echo $REQUEST_METHOD $QUERY_STRING;" \
      " while read x; do echo $x; done; :\n"


def at_a_time(count, ask):
    """What many clients hear: how many answers, and which."""
    answers = []
    many = [threading.Thread(target=lambda: answers.append(ask())) for _ in range(count)]
    for t in many:
        t.start()
    for t in many:
        t.join()
    return [str(len(answers)), *sorted(set(answers))]


def ask_lighttpd(port):
    close = "Host: x\r\nConnection: close\r\n"
    for what, request in (("a page", f"GET / HTTP/1.1\r\n{close}\r\n"),
                          ("a part", f"GET /big.bin HTTP/1.1\r\n{close}Range: bytes=1000-70000\r\n\r\n"),
                          ("nothing", f"GET /none HTTP/1.1\r\n{close}\r\n"),
                          ("a process", f"GET /say.sh?a=b HTTP/1.1\r\n{close}\r\n"),
                          ("posted", f"POST /say.sh HTTP/1.1\r\n{close}Content-Length: 4\r\n\r\nabc\n")):
        yield what, heard(exchange(port, request))
    yield "twelve processes at a time", at_a_time(12, lambda: exchange(
        port, f"GET /say.sh?many HTTP/1.1\r\n{close}\r\n").decode().split("\r\n\r\n")[-1])


def ask_memcached(port):
    def say(*lines):
        return exchange(port, "".join(line + "\r\n" for line in (*lines, "quit"))).decode()

    for lines in (("set a 5 0 3", "abc", "get a", "append a 0 0 1", "d", "gets a b"),
                  ("set n 0 0 1", "9", "incr n 33", "decr n 100", "incr a 1"), ("delete a", "get a"),
                  ("set big 0 0 600000", "y" * 600000), ("nonsense",)):
        yield lines[0], say(*lines).split("\r\n")
    yield "a large one", [hashlib.sha256(say("get big").encode()).hexdigest()]
    yield "sixty at a time", at_a_time(60, lambda: say("incr n 1")[-2:] + say("get big")[:20])
    idle = [socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT) for _ in range(200)]
    for s in idle:
        s.sendall(b"get n\r\n")
    yield "two hundred that stay", sorted({s.recv(100).decode() for s in idle})
    for s in idle:
        s.close()


# Two workers that take turns with a lock, and count requests, in memory that they share.
ZONES = "limit_req_zone $server_name zone=all:1m rate=100000r/s; limit_conn_zone $server_name zone=now:1m;"
LIMITS = "limit_req zone=all burst=1000 nodelay; limit_conn now 1000;"
WORKERS = (NGINX.replace("{master}", "user root; worker_processes 2;")
           .replace("worker_connections 256;", "worker_connections 256; accept_mutex on;")
           .replace("access_log off;", "access_log off;\n    " + ZONES)
           .replace("autoindex on;", "autoindex on; " + LIMITS))


CASES = {  # package, client's packages, program, arguments, configuration, questions
    "nginx": ("nginx-core", [], "/usr/sbin/nginx", ["-c", "{conf}", "-e", "stderr"],
              NGINX.replace("{master}", "master_process off;"), ask_nginx),
    "nginx-workers": ("nginx-core", [], "/usr/sbin/nginx", ["-c", "{conf}", "-e", "stderr"], WORKERS,
                      ask_nginx),
    "lighttpd": ("lighttpd, dash", [], "/usr/sbin/lighttpd", ["-D", "-f", "{conf}"], LIGHTTPD, ask_lighttpd),
    "memcached": ("memcached", [], "/usr/bin/memcached",
                  ["-l", "127.0.0.1", "-p", "{port}", "-t", "4", "-u", "root"], "", ask_memcached),
    "redis": ("redis-server", ["redis-tools"], "/usr/bin/redis-server", ["{conf}"], REDIS, ask_redis),
}


def installed(package):
    found = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status}", package], text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return found.stdout == "installed"


def make_files(www):
    www.mkdir()
    (www / "index.html").write_text("<p>hello, world</p>\n" * 100)
    (www / "say.sh").write_text(SAY)
    (www / "big.bin").write_bytes(random.Random(1).randbytes(3 << 20))


def served(command, port, questions, errors, **how):
    """The answers of a server that runs for as long as it is asked."""
    with open(errors, "wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **how)
    try:
        if not wait_for(port, process):
            return [("no server came up", pathlib.Path(errors).read_text(errors="replace").splitlines())]
        return list(questions(port))
    finally:
        process.terminate()
        try:
            process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def compare(name, build, work):
    package, _, program, arguments, configuration, questions = CASES[name]
    make_files(work / "www")
    (work / "tmp").mkdir()
    os.chmod(work, 0o755)
    port = free_port()
    conf = work / "native.conf"
    conf.write_text(configuration.format(tmp=work / "tmp", www=work / "www", port=port))
    words = [a.format(conf=conf, port=port) for a in arguments]
    native = served([program, *words], port, questions, work / "native.log")
    port = free_port()
    (work / "case.conf").write_text(configuration.format(tmp="/tmp", www="/www", port=port))
    argv = [pathlib.Path(program).name, *(a.format(conf="/etc/case.conf", port=port) for a in arguments)]
    (work / "alcove.yaml").write_text(MANIFEST.format(package=package, entry=program, port=port,
                                                      argv=", ".join(f'"{a}"' for a in argv)))
    alcove = build / "cli/alcove"
    subprocess.run([alcove, "build", work, "-o", work / "bundle"], check=True, stdout=subprocess.DEVNULL)
    inside = served([alcove, "run", work / "bundle"], port, questions, work / "inside.log")
    return native, inside


def tell(number, name, native, inside, verbose):
    good = native == inside and len(native) > 2
    print(f"{'ok' if good else 'not ok'} {number} - clients of {name} hear from an enclave "
          "what they hear from Linux",
          flush=True)
    for (what, outside), (_, within) in zip(native, inside):
        if outside != within or verbose:
            print(f"# {what}")
            for side, lines in (("-", outside), ("+", within)):
                for line in lines[:20]:
                    print(f"# {side} {line}")
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--build", type=pathlib.Path, default=TOP / "build")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("cases", nargs="*")
    args = parser.parse_args()
    failed = 0
    names = [name for name in CASES if not args.cases or name in args.cases]
    for number, name in enumerate(names, 1):
        missing = [p for p in (*CASES[name][0].split(", "), *CASES[name][1]) if not installed(p)]
        if missing:
            print(f"ok {number} - {name} # SKIP not installed: {' '.join(missing)}", flush=True)
            continue
        work = pathlib.Path(tempfile.mkdtemp(prefix="alcove-servers-"))
        try:
            failed += not tell(number, name, *compare(name, args.build.resolve(), work), args.verbose)
        finally:
            shutil.rmtree(work)
    print(f"1..{len(names)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
