# SPDX-License-Identifier: Apache-2.0
"""Threads: locks, conditions, queues, pools, thread-local data, many short lives."""

import concurrent.futures
import queue
import threading
import time

counter = 0
lock = threading.Lock()


def count():
    global counter
    for _ in range(20_000):
        with lock:
            counter += 1


threads = [threading.Thread(target=count) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("counted", counter)

work, results = queue.Queue(maxsize=3), queue.Queue()


def serve():
    while (item := work.get()) is not None:
        results.put(item * item)
    work.put(None)


servers = [threading.Thread(target=serve) for _ in range(3)]
for server in servers:
    server.start()
for item in range(200):
    work.put(item)
work.put(None)
for server in servers:
    server.join()
print("squares", sum(results.get() for _ in range(200)))

with concurrent.futures.ThreadPoolExecutor(5) as pool:
    print("pool", sum(pool.map(lambda n: n % 7, range(1000))))
    failing = pool.submit(lambda: 1 / 0)
print("exception", type(failing.exception()).__name__)

condition = threading.Condition()
turns = []


def take_turns(me):
    for turn in range(me, 40, 2):
        with condition:
            condition.wait_for(lambda: len(turns) == turn)
            turns.append(me)
            condition.notify_all()


pair = [threading.Thread(target=take_turns, args=(me,)) for me in (0, 1)]
for thread in pair:
    thread.start()
for thread in pair:
    thread.join()
print("turns", turns == [0, 1] * 20)

begin = time.monotonic()
print("timeout", threading.Event().wait(0.05), 0.05 <= time.monotonic() - begin < 5)
print("lock timeout", lock.acquire(timeout=1), lock.acquire(timeout=0.02))
lock.release()

local = threading.local()
local.value = "main"


def look(box):
    box.append(hasattr(local, "value"))


box = []
for _ in range(100):
    thread = threading.Thread(target=look, args=(box,))
    thread.start()
    thread.join()
print("local", box.count(False), local.value)
barrier = threading.Barrier(4)
order = []
waiting = [threading.Thread(target=lambda: order.append(barrier.wait())) for _ in range(4)]
for thread in waiting:
    thread.start()
for thread in waiting:
    thread.join()
print("barrier", sorted(order), threading.active_count())
timer = threading.Timer(0.01, lambda: print("timer fired"))
timer.start()
timer.join()
