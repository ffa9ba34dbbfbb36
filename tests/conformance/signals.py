# SPDX-License-Identifier: Apache-2.0
"""Signals to oneself: handlers, masks, waiting, timers, interrupted calls."""

import os
import signal
import threading
import time

seen = []
signal.signal(signal.SIGUSR1, lambda number, frame: seen.append(signal.Signals(number).name))
os.kill(os.getpid(), signal.SIGUSR1)
signal.raise_signal(signal.SIGUSR1)
signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
print(seen)

signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1, signal.SIGUSR2})
seen.clear()
os.kill(os.getpid(), signal.SIGUSR1)
os.kill(os.getpid(), signal.SIGUSR1)
print("blocked", seen, sorted(signal.sigpending()))
signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGUSR1})
print("unblocked", seen)
os.kill(os.getpid(), signal.SIGUSR2)
print("waited for", signal.sigwait({signal.SIGUSR2}))
print("none in time", signal.sigtimedwait({signal.SIGUSR2}, 0.01))

signal.signal(signal.SIGUSR1, signal.SIG_IGN)
os.kill(os.getpid(), signal.SIGUSR1)
print("ignored", signal.getsignal(signal.SIGUSR1))


def interrupt(number, frame):
    raise InterruptedError("out of the loop")


signal.signal(signal.SIGINT, interrupt)
try:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(1)
except InterruptedError as error:
    print(error)

signal.signal(signal.SIGALRM, lambda number, frame: seen.append("alarm"))
seen.clear()
begin = time.monotonic()
signal.setitimer(signal.ITIMER_REAL, 0.05)
time.sleep(0.3)
print(seen, 0.25 < time.monotonic() - begin < 5)


def worker():
    time.sleep(0.02)
    signal.pthread_kill(threading.main_thread().ident, signal.SIGALRM)


seen.clear()
thread = threading.Thread(target=worker)
thread.start()
thread.join()
time.sleep(0.01)
print(seen)
