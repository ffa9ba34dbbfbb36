# SPDX-License-Identifier: Apache-2.0
"""Pipes within one process: order, ends, blocking and not, waiting for several."""

import errno
import os
import select
import threading

reader, writer = os.pipe()
print(os.write(writer, b"hello"), os.read(reader, 2), os.read(reader, 100))

os.set_blocking(reader, False)
try:
    os.read(reader, 1)
except BlockingIOError as error:
    print("empty", errno.errorcode[error.errno])
os.set_blocking(writer, False)
filled = 0
try:
    while True:
        filled += os.write(writer, bytes(4096))
except BlockingIOError:
    print("full after", filled)
poll = select.poll()
poll.register(reader, select.POLLIN)
poll.register(writer, select.POLLOUT)
print([event for _, event in sorted(poll.poll(0))])
drained = 0
while drained < filled:
    drained += len(os.read(reader, 65536))
print("drained", drained, [event for _, event in sorted(poll.poll(0))])
print("select", [len(ready) for ready in select.select([reader], [writer], [], 0.01)])

os.set_blocking(reader, True)
os.set_blocking(writer, True)
total = 3_000_000


def produce():
    sent = 0
    while sent < total:
        sent += os.write(writer, bytes((sent + i) & 255 for i in range(min(5000, total - sent))))
    os.close(writer)


producer = threading.Thread(target=produce)
producer.start()
got, good = 0, True
while piece := os.read(reader, 7000):
    good = good and piece[0] == got & 255 and piece[-1] == (got + len(piece) - 1) & 255
    got += len(piece)
producer.join()
print("through", got, good)
os.close(reader)

reader, writer = os.pipe()
os.close(reader)
try:
    os.write(writer, b"x")
except BrokenPipeError as error:
    print("nobody reads", errno.errorcode[error.errno])

reader, writer = os.pipe()
with os.fdopen(reader) as lines, os.fdopen(writer, "w") as out:
    out.write("one\ntwo\n")
    out.close()
    print(lines.readlines())
