# SPDX-License-Identifier: Apache-2.0
"""Memory: maps of many sizes, growing and shrinking, protection, what is freed comes back."""

import ctypes
import gc
import mmap

MiB = 1 << 20
for size in (1, 4096, 5000, 3 * MiB, 40 * MiB):
    with mmap.mmap(-1, size) as area:
        area[0] = area[size - 1] = 7
        print(size, sum(area[0:1]), area[size // 2] in (0, 7), len(area))
area = mmap.mmap(-1, MiB, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
area[MiB - 1] = 9
area.resize(8 * MiB)
print("grown", len(area), area[MiB - 1], area[MiB], area[8 * MiB - 1])
area.resize(4096)
print("shrunk", len(area))
area.close()

for round_number in range(20):  # 800 MiB in all, 40 MiB at once
    block = bytearray(40 * MiB)
    block[::4096] = bytes([round_number]) * (40 * MiB // 4096)
    del block
gc.collect()
print("came back")
small = [bytes([n & 255]) * 100 for n in range(200_000)]
print(len(small), sum(map(len, small)), small[77_777][:2])
small = small[::3]
gc.collect()
print(len(small), small[1000][:1])

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long]
libc.mprotect.argtypes = libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
libc.madvise.argtypes = libc.mprotect.argtypes
PRIVATE_ANONYMOUS, READ, WRITE, NONE, DONTNEED = 0x22, 1, 2, 0, 4
at = libc.mmap(None, 4 * 4096, READ | WRITE, PRIVATE_ANONYMOUS, -1, 0)
ctypes.memset(at, 65, 4 * 4096)
print(libc.mprotect(at + 4096, 4096, READ), libc.mprotect(at + 4096, 4096, READ | WRITE))
print(ctypes.string_at(at + 4095, 2), libc.mprotect(at, 4096, NONE), libc.mprotect(at, 4096, READ))
print(libc.madvise(at, 4096, DONTNEED), ctypes.string_at(at, 2), ctypes.string_at(at + 4096, 2))
print(libc.mprotect(at + 1, 4096, READ), ctypes.get_errno())
print(libc.munmap(at, 4 * 4096, 0), libc.mprotect(at, 4096, READ), ctypes.get_errno())
