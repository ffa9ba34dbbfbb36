# SPDX-License-Identifier: Apache-2.0
"""Files, folders and their errors, in an empty folder of /tmp."""

import errno
import mmap
import os
import shutil
import stat
import tempfile

os.umask(0o022)
top = tempfile.mkdtemp(dir="/tmp")
os.chdir(top)


def shown(function, *arguments, **named):
    try:
        result = function(*arguments, **named)
    except OSError as error:
        result = errno.errorcode[error.errno]
    print(function.__name__, arguments[1:], "->", result)
    return result


with open("a", "wb") as file:
    file.write(b"0123456789" * 1000)
    file.seek(5)
    file.write(b"XYZ")
print(os.stat("a").st_size, stat.filemode(os.stat("a").st_mode), open("a", "rb").read(12))
os.truncate("a", 12)
os.truncate("a", 20)
print(open("a", "rb").read())
with open("a", "ab") as file:
    print(file.tell(), file.write(b"end"), file.tell())
with open("sparse", "wb") as file:
    file.seek(100_000)
    file.write(b"x")
print(os.stat("sparse").st_size, open("sparse", "rb").read(10), open("sparse", "rb").read()[-2:])

os.makedirs("d/e/f")
shutil.copy("a", "d/e/copy")
os.rename("a", "d/moved")
os.replace("d/e/copy", "d/moved")
print(sorted((root, sorted(folders), sorted(files)) for root, folders, files in os.walk(".")))
shown(os.rmdir, "d")
shown(os.rmdir, "nothing")
shown(os.unlink, "d")
shown(os.mkdir, "d")
shown(os.open, "d/moved/below", os.O_RDONLY)
shown(os.open, "d", os.O_WRONLY)
shown(os.open, "d/moved", os.O_CREAT | os.O_EXCL | os.O_WRONLY)
shown(os.open, "x" * 300, os.O_RDONLY)
shown(os.listdir, "d/moved")
shown(os.rename, "nothing", "something")
shown(os.rename, "d", "d/e/inside-itself")
shown(os.close, 1234)
shown(os.read, 1234, 1)
shown(os.lseek, os.open("d/moved", os.O_RDONLY), -1, os.SEEK_SET)
shown(os.write, os.open("d/moved", os.O_RDONLY), b"x")

os.symlink("d/moved", "link")
print(os.readlink("link"), os.path.islink("link"), open("link", "rb").read(3))
shown(os.open, "link", os.O_RDONLY | os.O_NOFOLLOW)
os.symlink("loop", "loop")
shown(os.stat, "loop")
os.unlink("loop")

handle = os.open("d/moved", os.O_RDWR)
twin = os.dup(handle)
os.lseek(handle, 4, os.SEEK_SET)
print(os.read(twin, 3), os.lseek(handle, 0, os.SEEK_CUR), os.pread(handle, 2, 0))
print(os.pwrite(handle, b"pq", 1), os.writev(handle, [b"r", b"st"]), os.pread(handle, 12, 0))
os.unlink("d/moved")
print(os.pread(handle, 3, 0), os.fstat(handle).st_nlink, os.path.exists("d/moved"))

with open("mapped", "wb+") as file:
    file.write(b"a" * 10_000)
    file.flush()
    with mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as view:
        print(len(view), view[9_998:], view.find(b"b"))
with tempfile.TemporaryFile(dir=top) as file:
    file.write(b"gone")
    file.seek(0)
    print(file.read())
with tempfile.NamedTemporaryFile(dir=top) as file:
    print(os.path.exists(file.name))
shutil.rmtree("d")
print(sorted(os.listdir(".")), [entry.is_dir() for entry in os.scandir(".")][:1])
print(oct(os.umask(0o077)), oct(os.umask(0o022)))
os.chmod("sparse", 0o640)
print(stat.filemode(os.stat("sparse").st_mode))
os.utime("sparse", (1, 2))
print(os.stat("sparse").st_mtime, os.access("sparse", os.R_OK), os.access("none", os.F_OK))
os.chdir("/")
shutil.rmtree(top)
