# SPDX-License-Identifier: Apache-2.0
"""What /proc/cpuinfo says that programs choose their code by. Run on Linux and in an enclave."""
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
