# SPDX-License-Identifier: Apache-2.0
"""Ports of the loopback, for the benchmarks of servers."""

import socket
import sys
import time


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


def wait_for(port):
    for _ in range(1000):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            time.sleep(0.02)
    sys.exit(f"bench: no server came up at port {port}")
