# SPDX-License-Identifier: Apache-2.0
"""multiprocessing over fork: what its locks, queues, pools and shared memory are made of is memory that
processes share, and futexes in it."""
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import shared_memory

multiprocessing.set_executable("/usr/bin/python3.11")


def add(value, lock, times):
    for _ in range(times):
        with lock:
            value.value += 1


def square(x):
    return x * x


def put(queue, count):
    for i in range(count):
        queue.put((count, i))


def fill(name):
    memory = shared_memory.SharedMemory(name=name)
    memory.buf[5000] = 77
    memory.close()


def tell(numbers, words):
    words["a"] = 1
    numbers.append(2)


def run(context, target, *args):
    process = context.Process(target=target, args=args)
    process.start()
    return process


def main():
    context = multiprocessing.get_context("fork")
    lock, value = context.Lock(), context.Value("i", 0, lock=False)
    processes = [run(context, add, value, lock, 100) for _ in range(3)]
    for process in processes:
        process.join()
    print("value", value.value, [process.exitcode for process in processes])
    queue = context.Queue()
    process = run(context, put, queue, 10)
    print([queue.get() for _ in range(10)])
    process.join()
    with context.Pool(3) as pool:
        print(pool.map(square, range(20)))
    with ProcessPoolExecutor(2, mp_context=context) as executor:
        print(list(executor.map(square, range(10))))
    memory = shared_memory.SharedMemory(create=True, size=8192)
    run(context, fill, memory.name).join()
    print(memory.buf[5000])
    memory.close()
    memory.unlink()
    with context.Manager() as manager:
        words, numbers = manager.dict(), manager.list([1])
        run(context, tell, numbers, words).join()
        print(dict(words), list(numbers))


if __name__ == "__main__":
    main()
