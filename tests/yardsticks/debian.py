# SPDX-License-Identifier: Apache-2.0
"""What the yardsticks ask of Debian's records."""

import subprocess


def installed(package):
    found = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status}", package], text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return found.stdout == "installed"
