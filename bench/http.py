#!/usr/bin/python3.11
# SPDX-License-Identifier: Apache-2.0
"""HTTP under `wrk`: the same server in a plain process and in an enclave, in turns.

Throughput is what wrk says; the ratio is the median of neighbouring runs, enclave by plain process.
Processor time is that of the server's process for one request: it tells what the way in and out
costs also where wrk or another program keeps the processors busy."""

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
MANIFEST = """\
base: [python]
files: {files}
entry: {entry}
argv: {argv}
env: {{LC_ALL: C.UTF-8}}
memory: 1 GiB
threads: 64
mounts: [{{kind: tmpfs, path: /tmp, size: 16 MiB}}]
stderr: drop
network: {{listen: ["127.0.0.1:{port}"]}}
"""
FLOOR = 0.9
TAIL = """\
done = function(summary, latency, requests)
    io.write(string.format("tail %.0f %.0f\\n", latency:percentile(99), latency:percentile(99.9)))
end
"""


def processor_s(pids):
    """Threads that have ended count, too; in hundredths of a second."""
    ticks = 0
    for pid in pids:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def below(pid):
    out = subprocess.run(["ps", "-eo", "pid=,ppid="], check=True, capture_output=True, text=True)
    return [pid] + [int(a) for a, b in (line.split() for line in out.stdout.splitlines()) if int(b) == pid]


class Server:
    def __init__(self, command, port, cwd=None):
        quiet = subprocess.DEVNULL
        self.process = subprocess.Popen(command, stdout=quiet, stderr=quiet, cwd=cwd)
        self.url = f"http://127.0.0.1:{port}/"
        wait_for(port)

    def run(self, connections, seconds):
        pids = below(self.process.pid)
        before = processor_s(pids)
        with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
            script.write(TAIL)
            script.flush()
            out = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", script.name,
                                  self.url], check=True, capture_output=True, text=True).stdout
        used = processor_s(pids) - before
        requests = int(re.search(r"(\d+) requests in", out).group(1))
        p99, p999 = re.search(r"tail ([\d.]+) ([\d.]+)", out).groups()
        broken = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
        if requests == 0 or broken:
            sys.exit(f"bench: the server at {self.url} does not answer as it should:\n{out}")
        return {"rate": float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1)),
                "p99_s": float(p99) / 1e6, "p999_s": float(p999) / 1e6,
                "processor_s": used / requests}

    def stop(self):
        self.process.terminate()
        self.process.wait()


def prepare(folder, alcove, files, entry, argv, port):
    for name, source in files.items():
        shutil.copy(source, folder / pathlib.PurePath(name).name)
    listed = {name: pathlib.PurePath(name).name for name in files}
    (folder / "alcove.yaml").write_text(MANIFEST.format(
        files=json.dumps(listed), entry=entry, argv=json.dumps(argv), port=port))
    shutil.rmtree(folder / "bundle", ignore_errors=True)
    subprocess.run([alcove, "build", folder, "-o", folder / "bundle"], check=True, stdout=subprocess.DEVNULL)
    return [alcove, "run", folder / "bundle"]


def workloads(build, alcove):
    """Name, connections, native command and its port, the enclave's command and its port."""
    folder = build / "bench/http"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "c").mkdir(parents=True)
    (folder / "python").mkdir()
    native, inside = free_port(), free_port()
    server = build / "bench/bench-http_server"
    yield ("HTTP, small epoll server in C", 16, [server, str(native)], native,
           prepare(folder / "c", alcove, {"/app/server": server}, "/app/server",
                   ["/app/server", str(inside)], inside), inside)
    native, inside = free_port(), free_port()
    page = folder / "index.html"
    page.write_text("<p>hello, world</p>\n" * 50)
    serve = [PYTHON, "-I", "-m", "http.server", "--bind", "127.0.0.1", "--directory"]
    yield ("HTTP, Python's http.server", 8, serve + [str(folder), str(native)], native,
           prepare(folder / "python", alcove, {"/www/index.html": page}, PYTHON,
                   serve + ["/www", str(inside)], inside), inside)


def measure(name, connections, native, native_port, inside, inside_port, options):
    plain = Server(native, native_port)
    enclave = Server(inside, inside_port)
    runs = {"native": [], "alcove": []}
    try:
        sides = [("native", plain), ("alcove", enclave)]
        for _ in range(options.rounds + 1):
            for side, server in sides:
                runs[side].append(server.run(connections, options.seconds))
            sides.reverse()
    finally:
        plain.stop()
        enclave.stop()
    pairs = list(zip(runs["alcove"], runs["native"]))[1:]  # the first warms
    row = {"name": name, "connections": connections, "rounds": options.rounds, "floor": FLOOR}
    for key in ("rate", "p99_s", "p999_s", "processor_s"):
        row["native_" + key] = statistics.median(n[key] for _, n in pairs)
        row["alcove_" + key] = statistics.median(a[key] for a, _ in pairs)
        row[key + "_ratio"] = statistics.median(a[key] / n[key] for a, n in pairs)
    row["ok"] = row["rate_ratio"] >= FLOOR
    return row


def line(row):
    return (f"{row['name']:30} {row['native_rate']:9.0f} {row['alcove_rate']:9.0f} {row['rate_ratio']:6.2f} "
            f"{row['floor']:5.1f}  {'ok' if row['ok'] else 'MISSED':6} "
            f"{row['native_p99_s'] * 1e3:8.2f} {row['alcove_p99_s'] * 1e3:8.2f} "
            f"{row['native_p999_s'] * 1e3:8.2f} {row['alcove_p999_s'] * 1e3:8.2f} "
            f"{row['native_processor_s'] * 1e6:8.1f} {row['alcove_processor_s'] * 1e6:8.1f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default="build")
    parser.add_argument("--rounds", type=int, default=7, help="runs of each side (default 7)")
    parser.add_argument("--seconds", type=int, default=2, help="of each run (default 2)")
    parser.add_argument("--only", default="", help="servers whose name contains this")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--check", action="store_true", help="fail when a floor is missed")
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        print("bench: wrk is not installed (Debian's package wrk)", file=sys.stderr)
        return 77
    build = options.build.resolve()
    os.environ.setdefault("ALCOVE_LIBEXEC_DIR", str(build / "libexec/alcove"))
    rows = []
    if not options.json:
        heads = ("requests/s", 19), ("ratio", 6), ("floor", 5), ("", 7), ("99 % below, ms", 17), \
            ("99.9 % below, ms", 17), ("processor, µs", 17)
        print(" " * 30, *(f"{text:>{width}}" for text, width in heads))
        sides = " ".join(f"{'native':>8} {'alcove':>8}" for _ in range(3))
        of = f"median of {options.rounds}"
        print(f"{of:30} {'native':>9} {'alcove':>9} {'':20} {sides}", flush=True)
    for workload in workloads(build, build / "cli/alcove"):
        if options.only in workload[0]:
            rows.append(measure(*workload, options))
            if not options.json:
                print(line(rows[-1]), flush=True)
    if options.json:
        print(json.dumps(rows, indent=1))
    missed = [row["name"] for row in rows if not row["ok"]]
    if missed and options.check:
        print(f"bench: under the floor: {', '.join(missed)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
