#!/usr/bin/python3.11
# SPDX-License-Identifier: Apache-2.0
"""A TLS client for `tls serve`, outside of the enclave: runs COMMAND, takes the server's certificate
from its standard error, and speaks TLS with its standard input and output. Whoever carries the
records (here: pipes and the loader) sees only them.

Usage: tls_client.py MIB COMMAND [ARGUMENT...]
"""
import ssl
import struct
import subprocess
import sys

FACTOR = 0x9E3779B97F4A7C15
CHUNK = 65536


def expected(index):
    return b"".join(struct.pack("<Q", (index * CHUNK + i) * FACTOR % 2**64)
                    for i in range(0, CHUNK, 8))


class Client:
    def __init__(self, process, certificate):
        self.process = process
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False  # it has no host: its certificate is the one that we trust
        context.load_verify_locations(cadata=certificate)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing)

    def do(self, action, *arguments):
        """Repeats the action until it does not want more records."""
        while True:
            wants = False
            try:
                result = action(*arguments)
            except ssl.SSLWantReadError:
                wants = True
            if self.outgoing.pending:
                self.process.stdin.write(self.outgoing.read())
                self.process.stdin.flush()
            if not wants:
                return result
            records = self.process.stdout.read1(CHUNK)
            if not records:
                sys.exit("the server closed the connection")
            self.incoming.write(records)


def main():
    mebibytes = int(sys.argv[1])
    process = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    pem = ""
    while "-----END CERTIFICATE-----" not in pem:
        line = process.stderr.readline().decode()
        if not line:
            sys.exit(f"no certificate came: {pem}")
        pem += line
    client = Client(process, pem)
    client.do(client.tls.do_handshake)
    print("handshake:", client.tls.version(), client.tls.cipher()[0])
    client.do(client.tls.write, struct.pack("<Q", mebibytes))
    for index in range(mebibytes * 1024 * 1024 // CHUNK):
        chunk = b""
        while len(chunk) < CHUNK:
            chunk += client.do(client.tls.read, CHUNK - len(chunk))
        if chunk != expected(index):
            sys.exit(f"chunk {index} is not what the server was asked for")
    print(f"received: {mebibytes} MiB, every byte as sent")
    process.stdin.close()
    sys.exit(process.wait())


if __name__ == "__main__":
    main()
