# SPDX-License-Identifier: Apache-2.0
"""asyncio, epoll, eventfd and socket pairs: what does not differ between Linux and an enclave."""
import asyncio
import os
import select
import socket


async def later(i):
    await asyncio.sleep(0.01 * i)
    return i


async def main(one, other):
    print(await asyncio.gather(*(later(i) for i in range(5))))
    print(await asyncio.to_thread(lambda: sum(range(1000))))
    try:
        await asyncio.wait_for(asyncio.sleep(5), 0.05)
    except asyncio.TimeoutError:
        print("timeout")
    reader, writer = await asyncio.open_connection(sock=one)
    writer.write(b"hello\n")
    await writer.drain()
    other.setblocking(True)
    print(other.recv(100))
    other.sendall(b"back\n")
    print(await reader.readline())
    other.close()
    print(await reader.read())
    writer.close()


first, second = socket.socketpair()
print(first.family, first.type, repr(first.getsockname()), repr(first.getpeername()))
asyncio.run(main(first, second))

event = os.eventfd(3)
print(os.eventfd_read(event))
os.eventfd_write(event, 5)
watch = select.epoll()
watch.register(event, select.EPOLLIN | select.EPOLLONESHOT)
print([bits for _, bits in watch.poll(1)], watch.poll(0.02))
watch.modify(event, select.EPOLLIN)
print(len(watch.poll(0)))
try:
    watch.register(event, select.EPOLLIN)
except FileExistsError:
    print("registered already")
os.close(event)
print(watch.poll(0))

first, second = socket.socketpair()
second.close()
try:
    first.send(b"1")
except BrokenPipeError:
    print("broken pipe")
print(first.recv(5))
first.shutdown(socket.SHUT_RDWR)

read_end, write_end = os.pipe()
watch.register(read_end, select.EPOLLIN)
watch.register(write_end, select.EPOLLOUT)
print([bits for _, bits in watch.poll(0)])
os.write(write_end, b"x")
print(sorted(bits for _, bits in watch.poll(0)))
os.close(write_end)
os.read(read_end, 1)
print([bits for _, bits in watch.poll(0)])
