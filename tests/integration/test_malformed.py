"""Malformed HTTP and JSON never crash the registry: replays the files of corpus/ against it.

corpus/http/ holds the bytes a client sends on one connection (admin's password is the one of
registry.py), corpus/json/ the bodies of manifests.
"""

import pathlib
import random
import socket
import unittest

from registry import OCI_MANIFEST, RegistryTestCase

CORPUS = pathlib.Path(__file__).with_name("corpus")


class Malformed(RegistryTestCase):
    def send(self, data):
        """Sends bytes, and reads the whole response."""
        with self.registry.connect() as connection:
            try:
                connection.send(data)
                connection.sock.shutdown(socket.SHUT_WR)
                return connection.file.read()
            except OSError:
                return b""

    def expect_sane(self, answer, what):
        """The response is empty, or HTTP without a server error; 501 is fine."""
        if answer:
            self.assertTrue(answer.startswith(b"HTTP/1.1 "), f"{what}: {answer[:200]}")
            status = int(answer.split(b" ", 2)[1])
            self.assertTrue(status < 500 or status in (501, 505), f"{what}: {answer[:500]}")

    def test_each_request_of_the_corpus_is_answered_or_cut_off(self):
        files = sorted((CORPUS / "http").iterdir())
        self.assertGreater(len(files), 20)
        for path in files:
            with self.subTest(path.name):
                self.expect_sane(self.send(path.read_bytes()), path.name)
                self.client.get("/v2/")

    def test_each_manifest_of_the_corpus_is_refused(self):
        files = sorted((CORPUS / "json").iterdir())
        self.assertGreater(len(files), 15)
        for path in files:
            with self.subTest(path.name):
                content = path.read_bytes()
                answer = self.client.put_manifest("team/app", "v1", content, OCI_MANIFEST, expect=None)
                self.assertIn(answer.status, (400, 404), answer)
        self.client.get("/v2/team/app/manifests/v1", expect=404)

    def test_requests_with_random_damage_are_answered_or_cut_off(self):
        seed = 20240229
        rng = random.Random(seed)
        originals = [path.read_bytes() for path in sorted((CORPUS / "http").iterdir())]
        for i in range(600):
            data = bytearray(rng.choice(originals))
            for _ in range(rng.randint(1, 8)):
                position = rng.randrange(len(data) + 1)
                kind = rng.randrange(3)
                if kind == 0 and position < len(data):
                    data[position] = rng.randrange(256)
                elif kind == 1:
                    data[position:position] = rng.randbytes(rng.randint(1, 20))
                else:
                    del data[position : position + rng.randint(1, 20)]
            self.expect_sane(self.send(bytes(data)), f"seed {seed}, number {i}")
        self.client.get("/v2/")


if __name__ == "__main__":
    unittest.main()
