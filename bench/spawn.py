# SPDX-License-Identifier: Apache-2.0
"""subprocess.run of /bin/true: prints seconds for each."""

import subprocess
import time

COUNT = 20


def loop():
    for _ in range(COUNT):
        subprocess.run(["/bin/true"], check=True)


loop()  # the first ones fill what later ones use again
begin = time.perf_counter()
loop()
print("spawn", (time.perf_counter() - begin) / COUNT)
