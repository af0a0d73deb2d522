"""Memory and fairness: bodies are streamed, and a slow client slows only itself."""

import hashlib
import os
import shutil
import socket
import threading
import time
import unittest

from registry import PASSWORD, SANITIZER, USER, RegistryTestCase, basic, digest_of, with_query

REPOSITORY = "team/app"
MIB = 1 << 20
LAYER_BYTES = 3 * 1000 * MIB
MAX_BUSY_BYTES = 80 * 1000 * 1000
MAX_IDLE_BYTES = 30 * 1000 * 1000
SLOW_CLIENTS = 200
SLOW_BYTES_PER_S = 1024
FAST_BYTES = 128 * MIB


def layer():
    """Generates the bytes of a big layer on demand."""
    block = bytearray(os.urandom(MIB))
    for number in range(LAYER_BYTES // MIB):
        block[:8] = number.to_bytes(8, "big")
        yield bytes(block)


@unittest.skipIf(SANITIZER, "memory and speed are measured without sanitizers only")
class Memory(RegistryTestCase):
    ctest = {"TIMEOUT": 600, "RUN_SERIAL": True}

    def test_a_3_gb_layer_goes_up_and_down_under_80_mb(self):
        free = shutil.disk_usage(self.folder).free
        if free < 2 * LAYER_BYTES:
            self.skipTest(f"needs {2 * LAYER_BYTES} bytes of disk, there are {free}")
        hasher = hashlib.sha256()

        def hashed():
            for part in layer():
                hasher.update(part)
                yield part

        location = self.client.begin_upload(REPOSITORY)
        headers = {"Content-Length": str(LAYER_BYTES)}
        self.client.patch(location, hashed(), headers)
        digest = f"sha256:{hasher.hexdigest()}"
        self.client.put(with_query(location, digest=digest))
        up = self.registry.memory_bytes("VmHWM")

        with self.registry.connect(120) as connection:
            connection.request("GET", f"/v2/{REPOSITORY}/blobs/{digest}", {"Connection": "close"})
            while connection.file.readline() != b"\r\n":
                pass
            pulled = hashlib.sha256()
            while part := connection.file.read(MIB):
                pulled.update(part)
        self.assertEqual(f"sha256:{pulled.hexdigest()}", digest)
        down = self.registry.memory_bytes("VmHWM")
        print(f"at most {up} bytes resident while pushing, {down} after pulling")
        self.assertLess(down, MAX_BUSY_BYTES)

    def test_idle_it_is_under_30_mb(self):
        fresh = self.registry.memory_bytes("VmRSS")
        self.client.push_image(REPOSITORY, "v1")
        self.client.get(f"/v2/{REPOSITORY}/manifests/v1")
        used = self.registry.memory_bytes("VmRSS")
        print(f"{fresh} bytes resident after the start, {used} after a push and a pull")
        self.assertLess(fresh, MAX_IDLE_BYTES)
        self.assertLess(used, MAX_IDLE_BYTES)


    def test_200_slow_answers_of_1024_ranges_stay_under_80_mb(self):
        digest = self.client.push_blob(REPOSITORY, os.urandom(20 * MIB))
        # 10 MiB: more than sockets hold.
        ranges = ",".join(f"{i * 20_000}-{i * 20_000 + 10_239}" for i in range(1024))
        headers = {"Range": f"bytes={ranges}"}
        for _ in range(200):
            connection = self.registry.connect()
            self.addCleanup(connection.close)
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.request("GET", f"/v2/{REPOSITORY}/blobs/{digest}", headers)
            self.assertIn(b" 206 ", connection.file.readline())
        used = self.registry.memory_bytes("VmHWM")
        print(f"at most {used} bytes resident")
        self.assertLess(used, MAX_BUSY_BYTES)


class SlowClients(threading.Thread):
    """Connections that upload, or download, SLOW_BYTES_PER_S each, until `stop`."""

    def __init__(self, registry, locations, digest):
        super().__init__()
        self.stopping = threading.Event()
        self.failure = None
        self.connections = []
        head = f"Host: x\r\nAuthorization: {basic(USER, PASSWORD)}\r\n"
        for location in locations:
            request = f"PATCH {location} HTTP/1.1\r\n{head}Content-Length: 1000000\r\n\r\n"
            self.open(registry, request, uploads=True)
        for _ in locations:
            request = f"GET /v2/{REPOSITORY}/blobs/{digest} HTTP/1.1\r\n{head}\r\n"
            self.open(registry, request, uploads=False)

    def open(self, registry, request, uploads):
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect(("127.0.0.1", registry.port))
        sock.sendall(request.encode())
        self.connections.append((sock, uploads))

    def run(self):
        try:
            while not self.stopping.wait(1):
                for sock, uploads in self.connections:
                    if uploads:
                        sock.send(b"x" * SLOW_BYTES_PER_S)
                    elif not sock.recv(SLOW_BYTES_PER_S):
                        raise ConnectionError("a slow download was cut off")
        except OSError as error:
            self.failure = error

    def stop(self):
        self.stopping.set()
        self.join()
        for sock, _ in self.connections:
            sock.close()


@unittest.skipIf(SANITIZER, "memory and speed are measured without sanitizers only")
class Fairness(RegistryTestCase):
    ctest = {"TIMEOUT": 300, "RUN_SERIAL": True}

    def fast_transfer_s(self, data):
        """The best of three times to push and pull, so that pauses of the machine do not count."""
        best = float("inf")
        for attempt in range(3):
            data[:8] = time.time_ns().to_bytes(8, "big")
            digest = digest_of(data)
            begun = time.monotonic()
            location = self.client.begin_upload(REPOSITORY)
            self.client.put(with_query(location, digest=digest), bytes(data))
            self.assertEqual(len(self.client.get(f"/v2/{REPOSITORY}/blobs/{digest}").body), len(data))
            best = min(best, time.monotonic() - begun)
        return best

    def test_200_slow_clients_do_not_slow_a_fast_one(self):
        data = bytearray(os.urandom(FAST_BYTES))
        digest = self.client.push_blob(REPOSITORY, bytes(data[: 20 * MIB]))
        alone = self.fast_transfer_s(data)
        locations = [self.client.begin_upload(REPOSITORY) for _ in range(SLOW_CLIENTS // 2)]
        slow = SlowClients(self.registry, locations, digest)
        slow.start()
        try:
            among = self.fast_transfer_s(data)
        finally:
            slow.stop()
        print(f"{alone:.2f} s alone, {among:.2f} s among {SLOW_CLIENTS} slow clients")
        self.assertIsNone(slow.failure)
        self.assertLess(among, 2 * alone + 0.5)
        self.assertLess(self.registry.memory_bytes("VmHWM"), MAX_BUSY_BYTES)


if __name__ == "__main__":
    unittest.main()
