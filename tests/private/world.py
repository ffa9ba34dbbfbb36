# SPDX-License-Identifier: Apache-2.0
"""A world of private queries for tests and the demo: a daemon, people with phones, analysts.

Everything goes through the commands that people use; nothing is reached into. A World ends its daemon when it
is closed, and everything that it made lies in one folder."""

import concurrent.futures
import datetime
import json
import os
import pathlib
import re
import secrets
import signal
import subprocess
import sys
import time

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
PYTHON = "/usr/bin/python3.11"
FIRST_DAY, LAST_DAY = "2026-09-28", "2026-09-30"


class Failed(Exception):
    """A command ended with another status than 0; the text is what it said."""

    def __init__(self, command, result):
        super().__init__(f"{' '.join(map(str, command[:4]))}…: status {result.returncode}: "
                         f"{(result.stderr or result.stdout).strip()[-800:]}")
        self.result = result


class World:
    def __init__(self, folder, build=TOP / "build", workers=2):
        self.folder = pathlib.Path(folder)
        self.build = pathlib.Path(build)
        self.alcove = self.build / "cli/alcove"
        self.alcoved = self.build / "host/daemon/alcoved"
        self.state = self.folder / "state"
        self.server = f"unix:{self.state}/alcoved.sock"
        self.workers = workers
        self.env = dict(os.environ, ALCOVE_MACHINE_DIR=str(self.folder / "machine"),
                        ALCOVE_ANALYST_KEY=str(self.folder / "analyst.pem"))
        self.custodians = {"custodian": self.build / "libexec/alcove/custodian.bundle"}
        self.aggregators = {"aggregator": self.build / "libexec/alcove/aggregator.bundle"}
        self.worker_bundles = {}
        self.daemon = None

    # ---- commands ------------------------------------------------------------------------------------

    def run(self, *command, check=True, **options):
        result = subprocess.run([str(part) for part in command], env=self.env, text=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, **options)
        if check and result.returncode != 0:
            raise Failed(command, result)
        return result

    def cli(self, *args, **options):
        return self.run(self.alcove, *args, **options)

    def bundle(self, name, source):
        """Builds a bundle from a folder with an alcove.yaml."""
        path = self.folder / f"{name}.bundle"
        self.cli("build", source, "-o", path)
        return path

    def measure(self, bundle):
        return json.loads(self.cli("measure", bundle, "--json").stdout)

    # ---- the daemon ----------------------------------------------------------------------------------

    def start(self):
        command = [self.alcoved, "--state", self.state, "--workers", self.workers]
        for option, bundles in (("--custodian", self.custodians), ("--aggregator", self.aggregators),
                                ("--worker", self.worker_bundles)):
            for name, path in bundles.items():
                command += [option, f"{name}={path}"]
        log = open(self.folder / "daemon.log", "a")
        self.daemon = subprocess.Popen([str(part) for part in command], env=self.env,
                                       stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       start_new_session=True)
        log.close()
        for _ in range(600):
            if self.cli("query", "programs", "--server", self.server, check=False).returncode == 0:
                return
            if self.daemon.poll() is not None:
                break
            time.sleep(0.05)
        raise RuntimeError("the daemon does not answer: " + (self.folder / "daemon.log").read_text()[-800:])

    def kill(self, signum=signal.SIGKILL):
        if self.daemon is not None:
            self.daemon.send_signal(signum)
            self.daemon.wait()
            self.daemon = None

    def close(self):
        self.kill(signal.SIGTERM)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # ---- people --------------------------------------------------------------------------------------

    def policy(self, without=(), **changes):
        """The policy that the server drafts for its own programs: without those whose remark is one of
        these names, and with these keys replaced."""
        draft = self.cli("phone", "policy", "--from-server", self.server).stdout
        for name in without:
            draft, count = re.subn(rf'(?m)^  - .*# {name}(:.*)?\n(    .*\n)*', "", draft)
            if count == 0:
                raise KeyError(name)
        for key, value in changes.items():
            draft, count = re.subn(rf"(?m)^{key}:.*(\n[ -].*)*", f"{key}: {value}", draft)
            if count != 1:
                raise KeyError(key)
        path = self.folder / f"policy-{abs(hash(draft)) % 10**8}.yaml"
        path.write_text(draft)
        return path

    def person(self, number):
        return Person(self, number)

    def people(self, count, policy, days=(), at_once=4):
        """So many people who claimed, uploaded, and granted a lease; days is a function of the number."""
        def make(number):
            person = self.person(number)
            person.begin(policy)
            if days:
                person.upload(*days(number))
            person.phone("lease", "0.03")
            return person
        with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
            return list(pool.map(make, range(1, count + 1)))

    def made_up_days(self, people, days=3):
        folder = self.folder / "people"
        self.run(PYTHON, "-I", TOP / "examples/private/make_people.py", folder, "--people", people,
                 "--days", days)
        return lambda number: sorted(str(path) for path in (folder / f"person-{number:03}").glob("*.json"))

    # ---- analysts ------------------------------------------------------------------------------------

    def programs(self):
        """{role: [{mrenclave, configid or bundle, name}]} as the server says."""
        text = self.cli("query", "programs", "--server", self.server).stdout
        return [line for line in text.splitlines() if not line.startswith("#")]

    def analyst(self):
        if "analyst" not in self.__dict__.setdefault("cache", {}):
            self.cli("query", "key", "new", check=False)
            shown = self.cli("query", "key", "show").stdout
            self.cache["analyst"] = re.search(r"^analyst +([0-9a-f]{64})$", shown, re.MULTILINE).group(1)
        return self.cache["analyst"]

    def query(self, function="mode_share", script=TOP / "examples/private/travel.py",
              bundle="travel", without=(), users=(2, 1000), rho="0.02", run_ms=3000,
              seconds=300, question="How do you travel?"):
        """A query document about one of the script's functions; programs whose remark names one of
        `without` are not in it. Returns the file."""
        schema = self.cli("try", script, "--schema", function).stdout
        lines = self.programs()
        configid = next(re.search(r"bundle: ([0-9a-f]{128})", line).group(1) for line in lines
                        if re.search(rf"bundle: .*[ ,]{bundle}[, ]", line))
        named = [line for line in lines if not any(re.search(rf"[#,] {name}[, ]", line) for name in without)]
        deadline = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
        path = self.folder / f"query-{secrets.token_hex(6)}.yaml"
        path.write_text("\n".join([
            "format: alcove-query-1", f'question: "{question}"', "noise: gaussian", f"rho: {rho}",
            f"users: {{min: {users[0]}, max: {users[1]}}}", f"window: [{FIRST_DAY}, {LAST_DAY}]",
            f"deadline: {deadline:%Y-%m-%dT%H:%M:%SZ}", f"run_ms: {run_ms}", f"bundle: {configid}",
            f"analyst: {self.analyst()}", f"nonce: {secrets.token_hex(16)}", schema, *named, ""]))
        return path

    def ask(self, query, *options, timeout=600, check=True):
        """Runs a query; the result's JSON."""
        out = self.folder / f"result-{time.monotonic_ns()}"
        result = self.cli("query", "run", query, "--server", self.server, "--out", out, "--json",
                          *options, check=check, timeout=timeout)
        if result.returncode != 0:
            return result
        answer = json.loads(result.stdout)
        answer["folder"] = str(out)
        return answer


class Person:
    def __init__(self, world, number):
        self.world = world
        self.number = number
        self.folder = world.folder / f"phone-{number:03}"

    def phone(self, verb, *args, **options):
        return self.world.cli("phone", "--phone", self.folder, verb, *args, **options)

    def begin(self, policy):
        self.phrase = self.phone("init").stdout
        self.phone("policy", policy, "--yes")
        self.phone("claim")

    def upload(self, *files):
        self.phone("upload", *files)

    def json(self, verb):
        return json.loads(self.phone(verb, "--json").stdout)

    def wait_processed(self, timeout=120):
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            status = self.json("status")
            if status.get("pending", 0) == 0:
                return status
            time.sleep(0.1)
        raise TimeoutError(f"person {self.number}: days are still pending")


def main():
    sys.exit("world.py is a module; see acceptance.py and demo.py")


if __name__ == "__main__":
    main()
