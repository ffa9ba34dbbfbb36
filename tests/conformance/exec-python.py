# SPDX-License-Identifier: Apache-2.0
"""execve from Python, with threads that sleep and that compute: the interpreter starts anew."""
import os
import signal
import sys
import threading
import time

SELF = "/proc/self/exe"
STAGES = ["first", "errors", "threads", "path", "last"]


def go_on(stage, env=None):
    argv = ["python3", "-I", "-B", sys.argv[0], STAGES[STAGES.index(stage) + 1]]
    sys.stdout.flush()
    os.execve(SELF, argv, env if env is not None else dict(os.environ))


def compute():
    total = 0
    while True:
        total = (total * 31 + 7) % 1000003


def main():
    stage = sys.argv[1] if len(sys.argv) > 1 else "first"
    print("stage", stage, "pid is tid:", os.getpid() == threading.get_native_id(),
          "threads:", len(os.listdir("/proc/self/task")))
    if stage == "first":
        inherited, closed = os.dup(1), os.dup(1)
        os.set_inheritable(inherited, True)
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        signal.signal(signal.SIGUSR2, lambda *_: None)
        go_on(stage, {"INHERITED": str(inherited), "CLOSED": str(closed), "LC_ALL": "C.UTF-8", "Ä": "ö €"})
    elif stage == "errors":
        for name in "INHERITED", "CLOSED":
            try:
                print(name, "is open:", os.fstat(int(os.environ[name])).st_mode != 0)
            except OSError as error:
                print(name, error.strerror)
        print("umlauts:", os.environ["Ä"])
        print("USR1:", signal.getsignal(signal.SIGUSR1), "USR2:", signal.getsignal(signal.SIGUSR2))
        for path in "/", "/nowhere", SELF + "/x", "relative":
            try:
                os.execv(path, ["x"])
            except OSError as error:
                print(path, error.strerror)
        try:
            os.execv(SELF, ["x" * 140000])
        except OSError as error:
            print("long:", error.strerror)
        go_on(stage)
    elif stage == "threads":
        for work in compute, compute, lambda: time.sleep(1000):
            threading.Thread(target=work, daemon=True).start()
        print("threads now:", len(os.listdir("/proc/self/task")))
        go_on(stage)
    elif stage == "path":
        thread = threading.Thread(target=lambda: go_on(stage))
        thread.start()
        thread.join()
    else:
        with open("/proc/self/cmdline", "rb") as f:
            print(f.read().split(b"\0")[-2])
        print("done")


main()
