# SPDX-License-Identifier: Apache-2.0
"""What /proc/cpuinfo says that programs choose their code by. Run on Linux and in an enclave."""
import os
import re

# Extensions to arithmetic, strings, saving of state and random numbers, in Linux's order. An enclave does not
# tell what needs state that its XFRM lacks (AMX), nor what is told by CPUID's later subleaves.
USED = re.compile(r"avx|sse|ssse|bmi|fma|f16c|aes|vaes|gfni|sha_ni|popcnt|cx16|movbe|xsave[co]|xsave$|"
                  r"xgetbv|rd|vpclmul|pclmul|erms|fsrm|clwb|clflush")
HIDDEN = {"avx_vnni", "avx512_bf16", "avx_ifma", "avx_vnni_int8", "xgetbv1"}

text = open("/proc/cpuinfo").read()
flags = re.search(r"^flags\t\t: (.*)$", text, re.MULTILINE)[1].split()
print(" ".join(flag for flag in flags if USED.match(flag) and flag not in HIDDEN))
print(len(flags) == len(set(flags)))
print(re.findall(r"^(?:vendor_id|cpu family|model|model name|stepping)\t*: .*$", text, re.MULTILINE)[:5])

# Which processors share a core is not told inside: there, and on most small machines, each is its own.
SYSTEM = "/sys/devices/system/cpu/"
PARTS = ["core_cpus_list", "core_siblings", "package_cpus", "package_cpus_list",
         "physical_package_id", "die_id"]
there = sorted(n for n in os.listdir(SYSTEM) if re.fullmatch(r"cpu\d+", n))
print(len(there) == os.sysconf("SC_NPROCESSORS_CONF"), there[:1], os.path.exists(SYSTEM + "cpu999"))
first = {part: open(f"{SYSTEM}cpu0/topology/{part}").read() for part in PARTS}
print(sorted(first), first["physical_package_id"], first["core_cpus_list"].startswith("0"))
print(re.fullmatch(r"[0-9a-f,]+\n", first["core_siblings"]) is not None)
