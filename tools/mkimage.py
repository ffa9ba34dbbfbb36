#!/usr/bin/python3.11
# SPDX-License-Identifier: Apache-2.0
"""Turns a linked enclave ELF into an SGXS stream: the pages that MRENCLAVE measures, in order.

Every PT_LOAD segment becomes pages with the segment's permissions, zero-filled to its memory size;
the page at symbol `rt_first_tcs` becomes the TCS. Writable and executable segments are refused.
Usage: mkimage.py ENCLAVE.elf OUT.sgxs --base ADDR --size BYTES [--ssa-frame-pages N]
"""
import argparse
import struct
import sys

PAGE = 4096
PT_LOAD = 1
SHT_SYMTAB = 2


def fail(message):
    sys.exit(f"mkimage: {message}")


def segments(elf):
    if elf[:6] != b"\x7fELF\x02\x01":
        fail("not a little-endian ELF64 file")
    phoff, = struct.unpack_from("<Q", elf, 32)
    phentsize, phnum = struct.unpack_from("<HH", elf, 54)
    for i in range(phnum):
        kind, flags, offset, vaddr, _, filesz, memsz, _ = struct.unpack_from(
            "<IIQQQQQQ", elf, phoff + i * phentsize)
        if kind == PT_LOAD and memsz:
            yield flags, offset, vaddr, filesz, memsz


def symbols(elf):
    shoff, = struct.unpack_from("<Q", elf, 40)
    shentsize, shnum = struct.unpack_from("<HH", elf, 58)
    headers = [struct.unpack_from("<IIQQQQIIQQ", elf, shoff + i * shentsize) for i in range(shnum)]
    for header in headers:
        if header[1] != SHT_SYMTAB:
            continue
        strings = headers[header[6]]
        for at in range(header[4], header[4] + header[5], 24):
            name, _, _, _, value, _ = struct.unpack_from("<IBBHQQ", elf, at)
            start = strings[4] + name
            yield elf[start:elf.index(b"\0", start)].decode(), value


def pages(elf, base, size):
    """address -> (permissions, content), sorted."""
    result = {}
    for flags, offset, vaddr, filesz, memsz in segments(elf):
        permissions = (flags >> 2 & 1) | (flags & 2) | (flags & 1) << 2
        if permissions & 6 == 6:
            fail(f"segment at {vaddr:#x} is writable and executable")
        if vaddr < base or vaddr + memsz > base + size:
            fail(f"segment at {vaddr:#x} lies outside the enclave's range")
        content = bytes(vaddr % PAGE) + elf[offset:offset + filesz]
        start = vaddr - vaddr % PAGE
        end = (vaddr + memsz + PAGE - 1) // PAGE * PAGE
        content = content.ljust(end - start, b"\0")
        for at in range(start, end, PAGE):
            if at in result:
                fail(f"two segments share the page at {at:#x}")
            result[at] = (permissions, content[at - start:at - start + PAGE])
    return sorted(result.items())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("elf")
    parser.add_argument("out")
    parser.add_argument("--base", type=lambda s: int(s, 0), required=True)
    parser.add_argument("--size", type=lambda s: int(s, 0), required=True)
    parser.add_argument("--ssa-frame-pages", type=int, default=1)
    args = parser.parse_args()
    with open(args.elf, "rb") as f:
        elf = f.read()
    tcs = [value for name, value in symbols(elf) if name == "rt_first_tcs"]
    if len(tcs) != 1:
        fail("symbol rt_first_tcs must be defined once")
    out = [struct.pack("<8sIQ44x", b"ECREATE\0", args.ssa_frame_pages, args.size)]
    for address, (permissions, content) in pages(elf, args.base, args.size):
        flags = 1 << 8 if address == tcs[0] else permissions | 2 << 8
        offset = address - args.base
        out.append(struct.pack("<8sQQ40x", b"EADD\0\0\0\0", offset, flags))
        for chunk in range(0, PAGE, 256):
            out.append(struct.pack("<8sQ48x", b"EEXTEND\0", offset + chunk))
            out.append(content[chunk:chunk + 256])
    with open(args.out, "wb") as f:
        f.write(b"".join(out))


if __name__ == "__main__":
    main()
