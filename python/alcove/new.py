# SPDX-License-Identifier: Apache-2.0
"""A folder to begin with: a script, its alcove.yaml, and a copy of this module, which stays as it
is until the script's author changes it."""

import os
import shutil

SCRIPT = '''\
"""What a worker makes of a person's days, and what may be asked about them."""

import alcove


@alcove.process
def places(entries):
    """One day, as the phone uploaded it; returned is what later queries get of it."""
    return [[entry["data"]["latitude"], entry["data"]["longitude"]] for entry in entries
            if entry["metadata"]["key"] == "background/filtered_location"]


@alcove.query("days_outside", alcove.mean(alcove.entry("days", "days", high=7)))
def days_outside(days):
    """On how many days was a person more than a kilometre or so away from where the day began?"""
    return sum(any(abs(here - start) > 0.01 for place in day.data
                   for here, start in zip(place, day.data[0])) for day in days)
'''

YAML = '''\
# All of this is the worker's identity, CONFIGID: change a byte, and it is another worker.
base: [python]
files:
  /app/script.py: script.py
  /usr/lib/python3/dist-packages/alcove: alcove
entry: /usr/bin/python3.11
argv: [/usr/bin/python3.11, -I, -B, -m, alcove, worker, /app/script.py]
env: {LC_ALL: C.UTF-8}
mounts:
  - {kind: tmpfs, path: /tmp, size: 16 MiB}
memory: 512 MiB
threads: 4
stdin: task
stdout: result
stderr: result
network: denied
'''


def make(folder):
    """Never overwrites: a folder that is there already is refused."""
    os.mkdir(folder)
    for name, text in (("script.py", SCRIPT), ("alcove.yaml", YAML)):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(text)
    own = os.path.dirname(os.path.abspath(__file__))
    shutil.copytree(own, os.path.join(folder, "alcove"), copy_function=shutil.copyfile,
                    ignore=shutil.ignore_patterns("__pycache__"))
    return f"{folder}: script.py, alcove.yaml, and the module\n".encode()
