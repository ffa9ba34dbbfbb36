#!/usr/bin/python3.11
# SPDX-License-Identifier: Apache-2.0
"""Servers of several processes: nginx with two workers under `wrk`, PostgreSQL under its pgbench.

Natively and in an enclave, by turns: what each serves a second, the median of the rounds, and the ratio.
No floors: it tells how far processes of a tree that share descriptors and memory are from Linux."""

import argparse
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

from ports import free_port, wait_for

PYTHON = "/usr/bin/python3.11"
HERE = pathlib.Path(__file__).resolve().parent
CLIENTS = ("1", "4")
NGINX = """\
daemon off;
worker_processes 2;
{user}
pid {tmp}/nginx.pid;
error_log stderr crit;
events {{ worker_connections 1024; accept_mutex off; }}
http {{
    access_log off;
    sendfile on;
    keepalive_requests 1000000;
    client_body_temp_path {tmp}/body; proxy_temp_path {tmp}/proxy; fastcgi_temp_path {tmp}/fastcgi;
    uwsgi_temp_path {tmp}/uwsgi; scgi_temp_path {tmp}/scgi;
    server {{ listen 127.0.0.1:{port}; root {www}; }}
}}
"""
MANIFEST = """\
base: [{{packages: [{packages}]}}]
files: {files}
entry: {entry}
argv: {argv}
env: {{LC_ALL: C.UTF-8}}
user: {{uid: {user}, gid: {user}}}
memory: 2 GiB
threads: 256
mounts: [{{kind: tmpfs, path: /tmp, size: 1 GiB}}, {{kind: tmpfs, path: /dev/shm, size: 256 MiB}}]
stdout: {stdout}
stderr: drop
network: {network}
"""
NOBODY = 65534


def build(alcove, folder, **of):
    (folder / "alcove.yaml").write_text(MANIFEST.format(**of))
    subprocess.run([alcove, "build", folder, "-o", folder / "bundle"], check=True, stdout=subprocess.DEVNULL)
    return [alcove, "run", folder / "bundle"]


# ---- nginx


def wrk(command, port, connections, seconds):
    quiet = subprocess.DEVNULL
    server = subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet)
    try:
        wait_for(port)
        out = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", f"http://127.0.0.1:{port}/"],
                             check=True, capture_output=True, text=True).stdout
    finally:
        server.terminate()
        server.wait()
    if re.search(r"Non-2xx", out):
        sys.exit(f"bench: the server at port {port} does not answer as it should:\n{out}")
    late = re.search(r"timeout (\d+)", out)
    return float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1)), int(late.group(1)) if late else 0


def nginx(alcove, folder, options):
    www = folder / "www"
    www.mkdir()
    (www / "index.html").write_bytes(bytes(range(256)) * 80)
    user = "user root;" if os.geteuid() == 0 else ""
    ports = free_port(), free_port()
    native, inside = folder / "native.conf", folder / "inside.conf"
    native.write_text(NGINX.format(user=user, tmp=folder, www=www, port=ports[0]))
    inside.write_text(NGINX.format(user="user root;", tmp="/tmp", www="/www", port=ports[1]))
    argv = ["nginx", "-c", "/etc/inside.conf", "-e", "stderr"]
    enclave = build(alcove, folder, packages="nginx-core", entry="/usr/sbin/nginx", argv=json.dumps(argv),
                    files="{/etc/inside.conf: inside.conf, /www: www}", user=0, stdout="host",
                    network=f'{{listen: ["127.0.0.1:{ports[1]}"]}}')
    sides = {"native": (["/usr/sbin/nginx", "-c", native, "-e", "stderr"], ports[0]),
             "alcove": (enclave, ports[1])}
    for connections in (16, 512):
        runs = {"native": [], "alcove": []}
        for _ in range(options.rounds):
            for side, (command, port) in sides.items():
                runs[side].append(wrk(command, port, connections, options.seconds))
        yield f"nginx, 2 workers, {connections} connections", runs


# ---- PostgreSQL


def postgres(alcove, folder, options):
    folder.chmod(0o755)
    shutil.copy(HERE / "postgres.py", folder / "postgres.py")
    (folder / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\n"
                                   f"nobody:x:{NOBODY}:{NOBODY}:nobody:/:/bin/sh\n")
    (folder / "group").write_text(f"root:x:0:\nnogroup:x:{NOBODY}:\n")
    words = [str(options.seconds), *CLIENTS]
    files = "{/srv/postgres.py: postgres.py, /etc/passwd: passwd, /etc/group: group}"
    enclave = build(alcove, folder, packages="python3.11, postgresql-15, postgresql-contrib, dash",
                    entry=PYTHON, argv=json.dumps([PYTHON, "/srv/postgres.py", "/tmp", *words]), files=files,
                    user=NOBODY, stdout="host", network="denied")
    as_nobody = ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"]
    runs = {"native": [], "alcove": []}
    for _ in range(options.rounds):
        # In memory, as inside: what a disk costs is not the question.
        where = pathlib.Path(tempfile.mkdtemp(prefix="alcove-bench-", dir="/dev/shm"))
        where.chmod(0o777)
        native = [PYTHON, str(folder / "postgres.py"), str(where), *words]
        try:
            for side, command in (("native", (as_nobody if os.geteuid() == 0 else []) + native),
                                  ("alcove", enclave)):
                done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd="/")
                runs[side].append(json.loads(done.stdout))
        finally:
            shutil.rmtree(where)
    for count in CLIENTS:
        yield (f"pgbench, clients: {count}",
               {side: [(rates[count], 0) for rates in measured] for side, measured in runs.items()})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default="build")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each side (default 3)")
    parser.add_argument("--seconds", type=int, default=4, help="of each run (default 4)")
    parser.add_argument("--only", default="", help="nginx or pgbench")
    options = parser.parse_args()
    alcove = options.build.resolve() / "cli/alcove"
    os.environ.setdefault("ALCOVE_LIBEXEC_DIR", str(options.build.resolve() / "libexec/alcove"))
    print(f"{'':34} {'native':>9} {'alcove':>9} {'ratio':>6}  {'answers later than 2 s':>22}", flush=True)
    for name, needs, measure in (("nginx", ("/usr/sbin/nginx", "wrk"), nginx),
                                 ("pgbench", ("/usr/lib/postgresql/15/bin/postgres",), postgres)):
        missing = [program for program in needs if shutil.which(program) is None]
        if options.only not in name:
            continue
        if missing:
            print(f"{name}: not installed: {', '.join(missing)}")
            continue
        folder = pathlib.Path(tempfile.mkdtemp(prefix="alcove-bench-"))
        try:
            for row, runs in measure(alcove, folder, options):
                rate = {side: statistics.median(r for r, _ in runs[side]) for side in runs}
                late = {side: sum(n for _, n in runs[side]) for side in runs}
                print(f"{row:34} {rate['native']:9.0f} {rate['alcove']:9.0f} "
                      f"{rate['alcove'] / rate['native']:6.2f}  {late['native']:10} {late['alcove']:11}",
                      flush=True)
        finally:
            shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
