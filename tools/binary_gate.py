#!/usr/bin/python3.11
# SPDX-License-Identifier: Apache-2.0
"""The binary gate: what trusted code must not contain, checked on what was really linked. TAP.

For linked enclave images (ELF executables), each by itself:
  no undefined symbol; no writable and executable segment; no TLS, interpreter or dynamic segment;
  no relocation left; no instruction that asks the kernel for something; cpuid only where listed.
For archives (.a), all of them together:
  undefined symbols that no other archive defines are in the allow-list; the same instructions.

The disassembly is linear, as objdump makes it: constants in text would only add findings, and a
`syscall` hidden inside another instruction still traps in an enclave (#UD).

Allow-list: one per line, "symbol NAME" (may stay undefined in archives) or "cpuid FUNCTION".
Usage: binary_gate.py --allow FILE [--cc X] [--objdump X] [--nm X] FILE...
With --cc the gate first shows, on an object made for that, that it finds what it looks for.
"""
import argparse
import re
import struct
import subprocess
import sys
import tempfile

PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_TLS = 1, 2, 3, 7
SHT_RELA, SHT_REL = 4, 9
PF_X, PF_W = 1, 2
FORBIDDEN = re.compile(r"\b(syscall|sysenter|int\s+\$0x80|vmcall|vmmcall)\b")
FUNCTION = re.compile(r"^[0-9a-f]+ <([^>]+)>:$")
INSTRUCTION = re.compile(r"^\s*([0-9a-f]+):\t(.*)$")

count = failed = 0


def check(findings, name):
    """One TAP line; findings are the evidence against it."""
    global count, failed
    count += 1
    findings = list(findings)
    print(f"{'not ' if findings else ''}ok {count} - {name}")
    for finding in findings[:20]:
        print(f"# {finding}")
    failed += bool(findings)


def read_allow(path):
    allow = {"symbol": set(), "cpuid": set()}
    with open(path, encoding="ascii") as f:
        for number, line in enumerate(f, 1):
            words = line.split("#")[0].split()
            if not words:
                continue
            if len(words) != 2 or words[0] not in allow:
                sys.exit(f"binary_gate: {path}:{number}: not \"symbol NAME\" or \"cpuid FUNCTION\"")
            allow[words[0]].add(words[1])
    return allow


def instructions(objdump, path):
    """(function, address, text) of every instruction."""
    listing = subprocess.run([objdump, "-d", "--no-show-raw-insn", path], check=True, text=True,
                             stdout=subprocess.PIPE).stdout
    function = "?"
    for line in listing.splitlines():
        if match := FUNCTION.match(line):
            function = match[1]
        elif match := INSTRUCTION.match(line):
            yield function, match[1], match[2].split("#")[0].split("<")[0]


def find_instructions(objdump, path, allow):
    """(findings of forbidden ones, of unlisted cpuid, number of all)."""
    forbidden, cpuid, total = [], [], 0
    for function, address, text in instructions(objdump, path):
        total += 1
        if FORBIDDEN.search(text):
            forbidden.append(f"{path}: {function} at {address}: {text.strip()}")
        if re.search(r"\bcpuid\b", text) and function not in allow["cpuid"]:
            cpuid.append(f"{path}: {function} at {address}: cpuid")
    return forbidden, cpuid, total


def check_instructions(objdump, path, allow):
    forbidden, cpuid, total = find_instructions(objdump, path, allow)
    empty = [] if total else [f"{path} has no code: nothing was checked"]
    check(empty + forbidden, f"{name_of(path)} never asks the kernel ({total} instructions)")
    check(cpuid, f"{name_of(path)} executes cpuid only where listed")


SELF_TEST = """
bad1: nop; syscall
bad2: sysenter
bad3: int $0x80
bad4: cpuid
good: int3; cpuid; ret
"""


def check_self(cc, objdump):
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/bad.o"
        subprocess.run([cc, "-x", "assembler", "-c", "-o", path, "-"], check=True, text=True,
                       input=SELF_TEST)
        forbidden, cpuid, _ = find_instructions(objdump, path, {"cpuid": {"good"}})
    found = {finding.split()[1] for finding in forbidden + cpuid}
    check(sorted({"bad1", "bad2", "bad3", "bad4"} ^ found), "the gate finds what it looks for")


def symbols(nm, path):
    """(undefined, defined) names."""
    listing = subprocess.run([nm, "--format=posix", path], check=True, text=True,
                             stdout=subprocess.PIPE).stdout
    undefined, defined = set(), set()
    for line in listing.splitlines():
        words = line.split()
        if len(words) >= 2 and len(words[1]) == 1:
            (undefined if words[1] in "Uw" else defined).add(words[0])
    return undefined, defined


def name_of(path):
    return path.rsplit("/", 1)[-1]


def check_image(path, nm):
    with open(path, "rb") as f:
        elf = f.read()
    phoff, shoff = struct.unpack_from("<QQ", elf, 32)
    phentsize, phnum, shentsize, shnum = struct.unpack_from("<HHHH", elf, 54)
    kinds = {PT_TLS: "thread-local storage", PT_DYNAMIC: "a dynamic section",
             PT_INTERP: "an interpreter"}
    both, wrong = [], []
    for i in range(phnum):
        kind, flags, _, vaddr = struct.unpack_from("<IIQQ", elf, phoff + i * phentsize)
        if kind == PT_LOAD and flags & PF_W and flags & PF_X:
            both.append(f"segment at {vaddr:#x} is writable and executable")
        if kind in kinds:
            wrong.append(f"{kinds[kind]} at {vaddr:#x}")
    for i in range(shnum):
        kind, _, _, _, size = struct.unpack_from("<IQQQQ", elf, shoff + i * shentsize + 4)
        if kind in (SHT_REL, SHT_RELA) and size:
            wrong.append(f"section {i} holds relocations")
    name = name_of(path)
    check(both, f"{name} has no writable and executable segment")
    check(wrong, f"{name} needs no loader: no TLS, interpreter, dynamic section or relocation")
    check(sorted(symbols(nm, path)[0]), f"{name} has no undefined symbol")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--allow", required=True)
    parser.add_argument("--cc")
    parser.add_argument("--objdump", default="objdump")
    parser.add_argument("--nm", default="nm")
    parser.add_argument("files", nargs="+")
    args = parser.parse_args()
    allow = read_allow(args.allow)
    if args.cc:
        check_self(args.cc, args.objdump)
    archives = [path for path in args.files if path.endswith(".a")]
    for path in args.files:
        if path not in archives:
            check_image(path, args.nm)
        check_instructions(args.objdump, path, allow)
    if archives:
        tables = [symbols(args.nm, path) for path in archives]
        defined = set().union(*(t[1] for t in tables))
        missing = set().union(*(t[0] for t in tables)) - defined
        check(sorted(missing - allow["symbol"]),
              "the archives leave only listed symbols undefined")
        check(sorted(allow["symbol"] - missing), "every listed symbol is really left undefined")
    print(f"1..{count}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
