# SPDX-License-Identifier: Apache-2.0
"""A PostgreSQL cluster in a folder, and pgbench over its socket: transactions a second, by clients.

    postgres.py FOLDER SECONDS CLIENTS…

What servers.py runs, natively and in an enclave: server, clients, a process for each, in one tree."""

import json
import os
import pathlib
import re
import subprocess
import sys
import time

BIN = pathlib.Path("/usr/lib/postgresql/15/bin")


def run(environment, name, *words):
    done = subprocess.run([BIN / name, *words], check=True, capture_output=True, text=True, env=environment)
    return done.stdout


def main():
    folder, seconds, *clients = sys.argv[1:]
    data, log = os.path.join(folder, "data"), os.path.join(folder, "log")
    environment = {**os.environ, "PGHOST": folder, "PGDATABASE": "postgres", "PGUSER": "who"}
    run(environment, "initdb", "-D", data, "-A", "trust", "-U", "who", "--no-locale", "-E", "UTF8", "-N")
    with open(log, "wb") as told, subprocess.Popen(
            [BIN / "postgres", "-D", data, "-k", folder, "-c", "listen_addresses="], env=environment,
            stdout=told, stderr=told) as server:
        for _ in range(600):
            if subprocess.run([BIN / "pg_isready", "-q"], env=environment, check=False).returncode == 0:
                break
            time.sleep(0.1)
        run(environment, "pgbench", "-i", "-s", "1", "-q")
        rates = {}
        for count in clients:
            out = run(environment, "pgbench", "-c", count, "-j", "1", "-T", seconds, "-n")
            rates[count] = float(re.search(r"tps = ([\d.]+)", out).group(1))
        run(environment, "pg_ctl", "stop", "-D", data, "-m", "fast", "-s")
        server.wait()
    print(json.dumps(rates))


main()
