# SPDX-License-Identifier: Apache-2.0
"""python3.11 -m alcove worker SCRIPT            serves the one call on standard input: worker.py
python3.11 -m alcove schema SCRIPT FUNCTION   prints the YAML of a query that goes with a function
python3.11 -m alcove describe SCRIPT          prints what it declares, as CBOR, for `alcove try`
python3.11 -m alcove new FOLDER               makes a folder to begin with
"""

import os
import sys

if not __package__:  # started as a folder: its parts are no modules of their own
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from alcove import cbor  # noqa: E402
from alcove.script import ScriptError, load, tell  # noqa: E402
from alcove.worker import serve, write_all  # noqa: E402

DESCRIPTION = "alcove-functions-1"


def schema_of(path, name):
    queries = load(path).queries
    if name not in queries:
        raise ScriptError(f"{path}: no function is marked @alcove.query('{name}', …); there is: "
                          f"{', '.join(queries) or 'none'}")
    return queries[name][1].yaml(name).encode()


def describe(path):
    script = load(path)
    if script.process is None and not script.queries:
        raise ScriptError(f"{path}: no function is marked @alcove.process or @alcove.query(…)")
    functions = [{"function": name, **schema.described()}
                 for name, (_, schema) in script.queries.items()]
    return cbor.encode({"format": DESCRIPTION, "process": script.process is not None,
                        "functions": functions})


def say(make, path, *names):
    """As a worker does: what the script prints does not mix with what is printed here."""
    out = os.dup(1)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    try:
        data = make(path, *names)
    except BaseException as error:
        sys.stderr.write(tell(error, path))
        return 1
    write_all(out, data)
    return 0


def main(words):
    command, count = words[0] if words else "", len(words)
    if command == "worker" and count == 2:
        status = serve(words[1])
    elif command == "schema" and count == 3:
        status = say(schema_of, *words[1:])
    elif command == "describe" and count == 2:
        status = say(describe, words[1])
    elif command == "new" and count == 2:
        from alcove.new import make
        status = say(make, words[1])
    else:
        sys.stderr.write(__doc__)
        status = 2
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    finally:  # nothing of the script runs on: no thread, no atexit, no finalizer
        os._exit(status)


if __name__ == "__main__":
    main(sys.argv[1:])
