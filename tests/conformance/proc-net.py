# SPDX-License-Identifier: Apache-2.0
"""/proc/net: who listens, who is connected; /proc/self/smaps and /proc/stat as far as tools read them."""

import array
import errno
import fcntl
import os
import re
import socket
import struct
import tempfile


def mine(table, held):
    inodes = {os.fstat(s.fileno()).st_ino: name for name, s in held.items()}
    rows = []
    for line in open(f"/proc/net/{table}").read().splitlines()[1:]:
        fields = line.split()
        inode = int(fields[6 if table == "unix" else 9])
        if inode in inodes:
            rows.append((inodes[inode], fields))
    return sorted(rows)


def endpoint(text, ports):
    ip, port = text.split(":")
    return ip, ports.get(int(port, 16), int(port, 16))


def show(table, held):  # 04, 05: it has said that it ends, and the other may have heard it
    ports = {}
    for name, s in held.items():
        if s.family != socket.AF_UNIX and s.getsockname()[1] != 0:
            ports[s.getsockname()[1]] = f"port of {name}" if name != "served" else "port of listener"
    for name, f in mine(table, held):
        if table == "unix":
            print(table, name, f[3], f[4], f[5], [os.path.basename(p) for p in f[7:]])
        else:
            print(table, name, endpoint(f[1], ports), endpoint(f[2], ports), "state",
                  f[3].replace("05", "04"), "uid", int(f[7]) == os.getuid())


for family, host, tables in ((socket.AF_INET, "127.0.0.1", ("tcp", "udp")),
                             (socket.AF_INET6, "::1", ("tcp6", "udp6"))):
    held = {"listener": socket.create_server((host, 0), family=family), "fresh": socket.socket(family)}
    held["client"] = socket.create_connection(held["listener"].getsockname()[:2])
    held["served"] = held["listener"].accept()[0]
    held["udp"] = socket.socket(family, socket.SOCK_DGRAM)
    held["udp"].bind((host, 0))
    held["udp to it"] = socket.socket(family, socket.SOCK_DGRAM)
    held["udp to it"].connect(held["udp"].getsockname())
    twice = held["client"].dup()
    for t in tables:
        show(t, held)
    held["client"].shutdown(socket.SHUT_WR)
    show(tables[0], held)
    twice.close()

folder = tempfile.mkdtemp()
held = {"listener": socket.socket(socket.AF_UNIX),
        "abstract": socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)}
held["listener"].bind(folder + "/name")
held["listener"].listen()
held["abstract"].bind("\0proc-net")
held["one"], held["other"] = socket.socketpair()
show("unix", held)

print(open("/proc/net/dev").read().splitlines()[:2])
print([line.split(":")[0].strip() for line in open("/proc/net/dev").read().splitlines()[2:] if "lo:" in line])
there = set(os.listdir("/proc/self/net"))
print(os.readlink("/proc/net"), sorted(there & {"dev", "tcp", "tcp6", "udp", "udp6", "unix"}))
settings = array.array("I", [1] + [0] * 20)  # ETHTOOL_GSET: what the cable can do
for name in (b"lo", b"none"):
    try:
        fcntl.ioctl(held["one"], 0x8946, struct.pack("16sP16x", name, settings.buffer_info()[0]))
        print("told")
    except OSError as e:
        print(errno.errorcode[e.errno])

# Mappings and what is there of them.
block = bytearray(8 << 20)
heads = re.compile(r"^[0-9a-f]+-[0-9a-f]+ ")
smaps = open("/proc/self/smaps").read().splitlines()
maps = open("/proc/self/maps").read().splitlines()
listed = [line for line in smaps if heads.match(line)]
print("as many as maps", abs(len(listed) - len(maps)) < 3, any("libc.so.6" in line for line in listed))


def total(name, lines):
    return sum(int(line.split()[1]) for line in lines if line.startswith(name + ":"))


for name in ("Size", "Rss", "Pss", "Private_Dirty", "Anonymous"):
    print(name, total(name, smaps) >= 8 << 10)
rollup = open("/proc/self/smaps_rollup").read().splitlines()
print(rollup[0].endswith("[rollup]"), total("Rss", rollup) >= 8 << 10,
      total("Rss", rollup) <= total("Size", smaps))
stat = {line.split()[0]: line.split()[1:] for line in open("/proc/stat")}
print(len(stat["cpu"]) == 10, sum(map(int, stat["cpu"])) > 0, "cpu0" in stat,
      [k for k in ("intr", "ctxt", "btime", "softirq") if k in stat])
print([k for k in ("pswpin", "pswpout") if k in {line.split()[0] for line in open("/proc/vmstat")}])

# Of a child, too.
read, write = os.pipe()
child = os.fork()
if child == 0:
    os.close(write)
    os.read(read, 1)
    os._exit(0)
os.close(read)
lines = open(f"/proc/{child}/smaps").read().splitlines()
print("child", any("libc.so.6" in line for line in lines), total("Rss", lines) > 0)
os.close(write)
os.waitpid(child, 0)
