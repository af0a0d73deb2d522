"""Limits on memory for answers, on connections, and on requests a second."""

import json
import socket
import unittest

from registry import RegistryTestCase, basic, image_manifest, run_binary, wait_for

REPOSITORY = "team/app"
LARGE_BYTES = 4_190_000
# Those that want the large manifest at the same time; it fits 32 times into the budget.
READERS = 60

POLICY = """\
apiVersion: simple-registry.jlsalvador.online/v1beta1
kind: Configuration
spec: {{web: {{userRequests: 1}}}}
---
apiVersion: simple-registry.jlsalvador.online/v1beta1
kind: User
metadata: {{name: alice}}
spec: {{passwordHash: '{hash}'}}
---
apiVersion: simple-registry.jlsalvador.online/v1beta1
kind: User
metadata: {{name: bob}}
spec: {{passwordHash: '{hash}'}}
"""


class SlowReaders(RegistryTestCase):
    ctest = {"TIMEOUT": 300}

    def read_slowly(self, path):
        """Asks for it, and takes only the first bytes of the answer."""
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(60)
        sock.connect(("127.0.0.1", self.registry.port))
        self.addCleanup(sock.close)
        authorization = self.client.authorization
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization}\r\n\r\n".encode())
        return sock, sock.recv(600)

    def test_slow_readers_of_manifests_share_a_budget(self):
        config, layer = b"{}", b"a layer"
        for blob in (config, layer):
            self.client.push_blob(REPOSITORY, blob)
        small = image_manifest(config, [layer])
        large = {**small, "annotations": {"text": ""}}
        large["annotations"]["text"] = "x" * (LARGE_BYTES - len(json.dumps(large)))
        self.client.put_manifest(REPOSITORY, "small", small)
        self.client.put_manifest(REPOSITORY, "large", large)
        before = self.registry.memory_bytes("VmRSS")
        path = f"/v2/{REPOSITORY}/manifests/large"
        readers = [self.read_slowly(path) for _ in range(READERS)]

        answers = [head.partition(b"\r\n")[0] for _, head in readers]
        granted = answers.count(b"HTTP/1.1 200 OK")
        refused = answers.count(b"HTTP/1.1 503 Service Unavailable")
        self.assertEqual(granted + refused, READERS, answers)
        self.assertGreaterEqual(granted, 32)
        self.assertGreater(refused, 0)
        refusal = self.client.get(path, expect=503)
        self.assertIn("Retry-After", refusal.headers)
        self.assertIn("try again", refusal.error_message())
        grown = self.registry.memory_bytes("VmRSS") - before
        print(f"{granted} readers of {LARGE_BYTES} bytes were served, {grown} bytes more resident")

        # Others are served: a small manifest, an answer without a body, an error.
        self.client.get(f"/v2/{REPOSITORY}/manifests/small")
        self.client.head(path)
        self.client.get(f"/v2/{REPOSITORY}/manifests/gone", expect=404)
        # And whoever is gone has given back what he held.
        for sock, _ in readers:
            sock.close()
        wait_for(
            lambda: self.client.get(path, expect=None).status == 200,
            "the large manifest",
        )


class RequestRates(RegistryTestCase):
    start_at_once = False

    def ask_until_refused(self, client, path="/v2/"):
        """The first answer that is 429, of so many requests that there must be one."""
        for _ in range(500):
            response = client.get(path, expect=None)
            if response.status == 429:
                return response
        raise AssertionError("no request was refused")

    def test_an_address_has_only_so_many_requests_a_second(self):
        self.registry = self.start_registry("-clientrequests", "2", "-trustedproxies", "127.0.0.1")
        client = self.registry.client()
        self.addCleanup(client.close)
        for _ in range(10):
            client.get("/v2/")
        refusal = self.ask_until_refused(client)
        self.expect_error(refusal, 429, "TOOMANYREQUESTS")
        self.assertIn("from 127.0.0.1", refusal.error_message())
        self.assertGreaterEqual(int(refusal.headers["Retry-After"]), 1)
        # Nothing else is refused: probes, and another address behind the proxy.
        client.get("/healthz")
        client.get("/readyz")
        client.get("/v2/", headers={"X-Forwarded-For": "203.0.113.5"})
        # And it passes.
        wait_for(lambda: client.get("/v2/", expect=None).status == 200, "the next request")

    def test_a_user_has_only_so_many_requests_a_second_as_the_configuration_says(self):
        hash_ = run_binary("genhash", stdin=b"secret").stdout.decode().strip()
        cfgdir = self.folder / "cfg"
        cfgdir.mkdir()
        (cfgdir / "policy.yaml").write_text(POLICY.format(hash=hash_))
        self.registry = self.start_registry("-cfgdir", cfgdir, password=None)
        alice = self.registry.client(basic("alice", "secret"))
        bob = self.registry.client(basic("bob", "secret"))
        for client in (alice, bob):
            self.addCleanup(client.close)
        refusal = self.ask_until_refused(alice)
        self.expect_error(refusal, 429, "TOOMANYREQUESTS")
        self.assertIn("of alice", refusal.error_message())
        self.assertGreaterEqual(int(refusal.headers["Retry-After"]), 1)
        bob.get("/v2/")

    def test_an_address_has_only_so_many_connections(self):
        self.registry = self.start_registry("-clientconnections", "2")
        connections = [self.registry.connect() for _ in range(2)]
        for connection in connections:
            self.addCleanup(connection.close)
            connection.request("GET", "/v2/")
            self.assertEqual(connection.response().status, 200)
        with self.registry.connect() as third:
            refusal = third.response()
        self.expect_error(refusal, 429, "TOOMANYREQUESTS")
        self.assertIn("too many connections from 127.0.0.1", refusal.error_message())
        self.assertIn("Retry-After", refusal.headers)
        connections[0].request("GET", "/v2/")
        self.assertEqual(connections[0].response().status, 200)


if __name__ == "__main__":
    unittest.main()
