# SPDX-License-Identifier: Apache-2.0
"""Teaches gdb about an enclave of the software machine: `alcove run --gdb` loads this file, or
`source` it after attaching to an enclave process by hand (docs/debugging.md).

The software machine's enclave is memory of the enclave process, so gdb can stop it and read it.
What gdb does not know: that many signals are the machine's own work, where the runtime and the
workload's files are mapped, and that a thread has two stacks, the workload's and the runtime's.

Commands:
  alcove-symbols    loads symbols of what is mapped and was not known yet (done at every stop)
  alcove-threads    the workload's threads, their calls and where they stand
  alcove-bt [TID]   the workload's backtrace of a thread: the one that gdb stands in, or TID, or all
  alcove-maps       the workload's memory map
  alcove-start      goes on until the workload's first instruction

Symbols of a file come from the file of the same path on this machine if it has the build-id of what
is mapped, else out of the bundle's layers (fsck.erofs, of the package erofs-utils). $ALCOVE_GDB_BUNDLE
names the bundle, $ALCOVE_GDB_RUNTIME the runtime's ELF file, $ALCOVE_GDB_STORE the store of layers.
"""

import atexit
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile

import gdb

ENCLAVE_END = 1 << 36
RUNTIME_BASE = ENCLAVE_END - (1 << 30)  # abi/layout.h
PROT_EXEC = 4
REGISTERS = ["rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12",
             "r13", "r14", "r15", "rip"]
# Of the machine: enclave instructions and system calls inside are illegal and emulated, pages come
# when they are touched, and threads are kicked. A workload that dies of one of these stops in
# fatal_report() instead.
MACHINE_SIGNALS = "SIGSEGV SIGBUS SIGILL SIGSYS SIGFPE SIGURG"


class Files:
    """Where a file of the enclave is found on this machine."""

    def __init__(self):
        self.bundle = os.environ.get("ALCOVE_GDB_BUNDLE")
        self.store = os.environ.get("ALCOVE_GDB_STORE")
        self.found = {}
        self.unpacked = None  # folder with the layers' files, made when one is first needed

    def layers(self):
        """Images of the bundle's layers: those whose root hash the manifest holds."""
        if not self.bundle:
            return []
        manifest = pathlib.Path(self.bundle, "manifest.cbor").read_bytes()
        folders = [pathlib.Path(self.bundle, "layers")] + ([pathlib.Path(self.store)] if self.store else [])
        images = {}
        for folder in folders:
            for image in sorted(folder.glob("*.img")) if folder.is_dir() else []:
                try:
                    root = bytes.fromhex(image.stem)
                except ValueError:
                    continue
                if root in manifest:
                    images.setdefault(manifest.index(root), image)
        return [images[at] for at in sorted(images, reverse=True)]  # the top one first

    def unpack(self):
        if self.unpacked is None:
            self.unpacked = []
            for image in self.layers():
                folder = tempfile.mkdtemp(prefix="alcove-gdb.")
                status = subprocess.run(["fsck.erofs", f"--extract={folder}", "--overwrite", str(image)],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        check=False) if shutil.which("fsck.erofs") else None
                if status is None:
                    gdb.write("alcove: fsck.erofs is not there (package erofs-utils): files that are only "
                              "in layers have no symbols\n")
                self.unpacked.append(pathlib.Path(folder))
        return self.unpacked

    def find(self, path, build_id):
        if path not in self.found:
            places = [pathlib.Path(path)]
            self.found[path] = next((p for p in places if same_file(p, build_id)), None)
            if self.found[path] is None:
                places = [folder / path.lstrip("/") for folder in self.unpack()]
                self.found[path] = next((p for p in places if same_file(p, build_id)), None)
        return self.found[path]

    def forget(self):
        for folder in self.unpacked or []:
            shutil.rmtree(folder, ignore_errors=True)
        self.unpacked = None


def same_file(path, build_id):
    try:
        return path.is_file() and (build_id is None or build_id_of(path.read_bytes()) == build_id)
    except OSError:
        return False


def segments_of(elf):
    """(type, flags, offset, address, file size) of the program headers of an ELF file's bytes."""
    if elf[:4] != b"\x7fELF" or len(elf) < 64:
        return []
    at, size, count = struct.unpack_from("<Q14xHH", elf, 32)
    return [struct.unpack_from("<IIQQ8xQ", elf, at + i * size) for i in range(count)
            if at + (i + 1) * size <= len(elf)]


def build_id_of(elf):
    """Build-id of an ELF file, of which the first page may be all that there is. None: it has none."""
    for kind, _, offset, _, size in segments_of(elf):
        note = elf[offset:offset + size] if kind == 4 else b""
        while len(note) >= 12:
            name, data, number = struct.unpack_from("<III", note)
            data_at = 12 + (name + 3 & ~3)
            if number == 3 and note[12:12 + name] == b"GNU\0":
                return note[data_at:data_at + data]
            note = note[data_at + (data + 3 & ~3):]
    return None


FILES = Files()
LOADED = {}


# ---- what the runtime knows, by its own debug information ------------------------------------------


def value(expression):
    return gdb.parse_and_eval(expression)


def path_of(dentry):
    names = []
    while int(dentry) != int(dentry["parent"]) and len(names) < 64:
        names.append(dentry["name"].string(length=int(dentry["name_size"])))
        dentry = dentry["parent"]
    return "/" + "/".join(reversed(names))


def mappings():
    """(start, end, prot, offset, path or None) of the workload's memory."""
    table = value("'vma.c'::list")
    for i in range(int(table["count"])):
        v = table["v"][i]
        path = None if int(v["file"]) == 0 else path_of(v["file"]["dentry"])
        yield int(v["start"]), int(v["end"]), int(v["prot"]), int(v["offset"]), path


def os_threads():
    t = value("os.threads")
    while int(t) != 0:
        yield t
        t = t["next"]


def call_name(number):
    name = value(f"call_texts[{number}].name")
    return "?" if int(name) == 0 else name.string()


def inside():
    return int(value("(unsigned long)$pc")) < ENCLAVE_END


def current():
    """The workload's thread in which gdb stands. None: a thread of the host's own."""
    try:
        if inside():
            me = int(value(f"((struct rt_thread *){int(value('(unsigned long)$gs_base'))})->door_data"))
            return next((t for t in os_threads() if int(t) == me), None)
        host = value("'kick.c'::current")
        number = None if int(host) == 0 else int(host["number"])
        return next((t for t in os_threads() if int(t["number"]) == number), None)
    except gdb.error:
        return None


# ---- symbols ----------------------------------------------------------------------------------------


def load(start, prot, offset, path):
    """Symbols of a file whose text is mapped there."""
    if (path, start) in LOADED or not prot & PROT_EXEC:
        return
    LOADED[(path, start)] = True
    first = next((m[0] for m in mappings() if m[4] == path and m[3] == 0), None)
    head = bytes(gdb.selected_inferior().read_memory(first, 4096)) if first is not None else b""
    file = FILES.find(path, build_id_of(head))
    if file is None:
        gdb.write(f"alcove: no symbols for {path}: not here with that build-id, and in no layer\n")
        return
    text = next((s for s in segments_of(file.read_bytes()) if s[0] == 1 and s[1] & 1), None)
    if text is None:
        return
    bias = start - offset - (text[3] - text[2])
    gdb.execute(f"add-symbol-file {file} -o {bias:#x}", to_string=True)


def load_all():
    try:
        for start, _, prot, offset, path in list(mappings()):
            if path is not None:
                load(start, prot, offset, path)
    except gdb.error as error:
        gdb.write(f"alcove: the map cannot be read: {error}\n")


class Mapped(gdb.Breakpoint):
    """Text is mapped: its symbols come, so that breakpoints that wait for them find their place."""

    def __init__(self):
        super().__init__("vma_insert", internal=True)
        self.silent = True

    def stop(self):
        v = gdb.selected_frame().read_var("v")
        if int(v["file"]) != 0 and int(v["prot"]) & PROT_EXEC:
            load(int(v["start"]), int(v["prot"]), int(v["offset"]), path_of(v["file"]["dentry"]))
        return False


class Command(gdb.Command):
    def __init__(self, name, action, text):
        self.__doc__ = text
        super().__init__(name, gdb.COMMAND_USER)
        self.action = action

    def invoke(self, argument, from_tty):
        self.action(*gdb.string_to_argv(argument))


# ---- threads ----------------------------------------------------------------------------------------


def registers_of(thread):
    """The workload's registers: those of the frame that the runtime keeps while it serves the thread,
    or the processor's when it runs the workload itself. None: it has none yet."""
    frame = thread["frame"]
    return None if int(frame) == 0 else {r: int(frame[r]) for r in REGISTERS}


def runs_workload():
    return int(value("(unsigned long)$pc")) < RUNTIME_BASE


def threads():
    mine = current()
    for t in sorted(os_threads(), key=lambda t: int(t["tid"])):
        here = mine is not None and int(t) == int(mine)
        call = call_name(int(t["last_call"]))
        if here and runs_workload():
            state, place = "runs", where(int(value("(unsigned long)$pc")))
        else:
            frame = registers_of(t)
            state = f"waits in {call}" if bool(t["waiting"]) else f"last call {call}"
            place = "" if frame is None else where(frame["rip"])
        gdb.write(f"{'*' if here else ' '} {int(t['tid'])} {t['comm'].string()!r} {state}, {place}\n")


def where(address):
    symbol = gdb.execute(f"info symbol {address:#x}", to_string=True).strip()
    return f"{address:#x} " + ("" if symbol.startswith("No symbol") else symbol.split(" in section")[0])


def backtrace(tid=None):
    if tid == "all":
        for number in sorted(int(t["tid"]) for t in os_threads()):
            gdb.write(f"Thread {number}:\n")
            backtrace(number)
        return
    mine = current()
    thread = mine if tid is None else next((t for t in os_threads() if int(t["tid"]) == int(tid)), None)
    if thread is None:
        raise gdb.GdbError("no such thread of the workload: see alcove-threads")
    if mine is not None and int(thread) == int(mine) and runs_workload():
        gdb.execute("bt")
        return
    wanted = registers_of(thread)
    if wanted is None:
        raise gdb.GdbError("that thread has not run yet")
    names = REGISTERS + ["orig_rax"]
    gdb.execute("frame 0", to_string=True)
    kept = {r: int(value(f"(unsigned long)${r}")) for r in names}
    try:
        for r, v in wanted.items():
            gdb.execute(f"set ${r} = {v:#x}")
        gdb.execute("bt")
    finally:
        for r, v in kept.items():
            gdb.execute(f"set ${r} = {v:#x}")


def maps():
    for start, end, prot, offset, path in mappings():
        rights = "".join(c if prot & bit else "-" for c, bit in (("r", 1), ("w", 2), ("x", 4)))
        gdb.write(f"{start:012x}-{end:012x} {rights} {offset:08x} {path or ''}\n")


def start():
    """The runtime has loaded the program and its dynamic linker, and jumps there."""
    entry = gdb.Breakpoint("rt_resume_app", internal=True, temporary=True)
    entry.silent = True
    gdb.execute("continue")
    address = int(value("(unsigned long)((struct rt_frame *)$rdi)->rip"))
    gdb.execute(f"tbreak *{address:#x}", to_string=True)
    gdb.execute("continue")


def stopped(event):
    del event
    load_all()


def prepare():
    runtime = os.environ.get("ALCOVE_GDB_RUNTIME")
    if not runtime or not os.path.exists(runtime):
        raise gdb.GdbError("the runtime's symbols are missing: set ALCOVE_GDB_RUNTIME to runtime.elf")
    gdb.execute("set confirm off")
    gdb.execute("set pagination off")
    gdb.execute("set breakpoint pending on")
    gdb.execute(f"handle {MACHINE_SIGNALS} nostop noprint pass", to_string=True)
    gdb.execute(f"add-symbol-file {runtime}", to_string=True)
    Mapped()
    dies = gdb.Breakpoint("fatal_report", internal=False)
    dies.silent = True
    dies.commands = "printf \"\\nThe workload dies. Its stack:\\n\"\nalcove-bt"
    gdb.events.stop.connect(stopped)
    atexit.register(FILES.forget)


Command("alcove-symbols", load_all, "Load symbols of everything that is mapped in the enclave.")
Command("alcove-threads", threads, "List the workload's threads.")
Command("alcove-bt", backtrace, "alcove-bt [TID|all]: the workload's backtrace of a thread.")
Command("alcove-maps", maps, "Show the workload's memory map.")
Command("alcove-start", start, "Go on until the workload's first instruction.")
prepare()
