#!/usr/bin/python3.11
# SPDX-License-Identifier: Apache-2.0
"""What a daemon starts in place of `alcove` when its operator attacks: it hands its arguments and streams
to the attacker (attack_host.py), and ends as the attacker says."""

import json
import os
import socket
import sys


def main():
    attacker = socket.socket(socket.AF_UNIX)
    attacker.connect(os.environ["ALCOVE_ATTACKER"])
    said = json.dumps(sys.argv[1:]).encode()
    socket.send_fds(attacker, [len(said).to_bytes(4, "big") + said], [0, 1, 2])
    for fd in (0, 1):
        os.close(fd)
    status = attacker.recv(1)
    os._exit(status[0] if status else 125)


main()
