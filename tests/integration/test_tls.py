"""HTTPS with a certificate that the test makes."""

import shutil
import socket
import ssl
import subprocess
import unittest

from registry import SANITIZER, RawConnection, RegistryTestCase, wait_for

CONNECTIONS = 300
# It would be 77,000 with the buffers of boost::asio::ssl::stream.
MAX_CONNECTION_BYTES = 40_000


def make_certificate(folder, name="server"):
    """A self-signed certificate for 127.0.0.1. Returns the paths of certificate and key."""
    certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", "/CN=registry.test", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return certificate, key


@unittest.skipUnless(shutil.which("openssl"), "openssl is not installed")
class Tls(RegistryTestCase):
    start_at_once = False

    def setUp(self):
        super().setUp()
        self.certificate, key = make_certificate(self.folder)
        self.registry = self.start_registry(
            "-cert", self.certificate, "-key", key, scheme="https", ca=str(self.certificate)
        )
        self.client = self.registry.client()
        self.addCleanup(self.client.close)

    def handshake(self, minimum, maximum):
        context = ssl.create_default_context(cafile=self.certificate)
        # Debian's OpenSSL refuses old versions itself unless the security level is lowered.
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version, context.maximum_version = minimum, maximum
        with socket.create_connection(("127.0.0.1", self.registry.port), 30) as plain:
            with context.wrap_socket(plain, server_hostname="127.0.0.1") as secure:
                return secure.version()

    def test_an_image_is_pushed_and_pulled_over_https(self):
        layer = bytes(range(256)) * 10_000
        manifest = self.client.push_image("team/app", "v1", [layer])
        self.assertEqual(self.client.get("/v2/team/app/manifests/v1").body, manifest)
        digest = self.client.push_blob("team/app", layer)
        self.assertEqual(self.client.get(f"/v2/team/app/blobs/{digest}").body, layer)

    @unittest.skipIf(SANITIZER, "memory is measured without sanitizers only")
    def test_an_open_connection_takes_little_memory(self):
        context = ssl.create_default_context(cafile=self.certificate)
        self.client.get("/v2/")
        before = self.registry.memory_bytes("VmRSS")
        for _ in range(CONNECTIONS):
            plain = socket.create_connection(("127.0.0.1", self.registry.port), 30)
            secure = context.wrap_socket(plain, server_hostname="127.0.0.1")
            self.addCleanup(secure.close)
            secure.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertTrue(secure.recv(65536).startswith(b"HTTP/1.1 200 "))
        each = (self.registry.memory_bytes("VmRSS") - before) / CONNECTIONS
        print(f"{each:.0f} bytes resident for each of {CONNECTIONS} connections")
        self.assertLess(each, MAX_CONNECTION_BYTES)

    def test_1024_ranges_are_sent_in_one_answer(self):
        blob = bytes(range(256)) * 4096
        path = f"/v2/team/app/blobs/{self.client.push_blob('team/app', blob)}"
        ranges = [(i * 1000, i * 1000 + i % 700) for i in range(1024)]
        answer = self.client.get(path, {"Range": "bytes=" + ",".join(f"{a}-{b}" for a, b in ranges)}, expect=206)
        boundary = answer.headers["Content-Type"].partition("boundary=")[2]
        expected = b"".join(
            f"\r\n--{boundary}\r\nContent-Type: application/octet-stream\r\n"
            f"Content-Range: bytes {a}-{b}/{len(blob)}\r\n\r\n".encode() + blob[a : b + 1]
            for a, b in ranges
        )
        self.assertEqual(answer.body, expected + f"\r\n--{boundary}--\r\n".encode())

    def test_the_bytes_of_a_download_that_broke_are_logged(self):
        blob = b"0123456789abcdef" * 2_000_000
        digest = self.client.push_blob("team/app", blob)
        context = ssl.create_default_context(cafile=self.certificate)
        plain = socket.create_connection(("127.0.0.1", self.registry.port), 30)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        with RawConnection(context.wrap_socket(plain, server_hostname="127.0.0.1")) as connection:
            connection.request("GET", f"/v2/team/app/blobs/{digest}")
            received = 0
            while received < 1_000_000:
                received += len(connection.sock.recv(65536))
        line = self.registry.logged(message="request", method="GET", reference=digest)[0]
        self.assertGreaterEqual(line["bytes"], received - 2000)
        self.assertLess(line["bytes"], len(blob))
        self.assertIn("connection lost", line["error"])

    def test_the_challenge_names_https(self):
        answer = self.registry.client(None).get("/v2/", expect=401)
        self.assertIn(f'realm="https://{self.registry.host}/token"', answer.headers["WWW-Authenticate"])

    def test_tls_1_2_and_1_3_are_spoken(self):
        for version, name in ((ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")):
            self.assertEqual(self.handshake(version, version), name)

    def test_tls_1_1_is_refused(self):
        for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
            with self.assertRaises((ssl.SSLError, ConnectionError)):
                self.handshake(version, version)
        self.client.get("/v2/")

    def test_plain_http_on_the_https_port_is_refused_and_harms_nobody(self):
        for noise in (b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\xff\xff" * 1000, b""):
            connection = self.registry.connect()
            try:
                connection.send(noise)
                connection.sock.shutdown(socket.SHUT_WR)
                self.assertNotIn(b"200 OK", connection.file.read())
            except OSError:
                pass
            connection.close()
        self.client.get("/v2/")

    def test_sigterm_ends_the_process_while_an_idle_client_is_connected(self):
        self.client.get("/v2/")
        self.registry.stop()

    def test_a_client_that_stalls_in_the_handshake_blocks_nobody(self):
        stalled = [self.registry.connect() for _ in range(20)]
        for connection in stalled:
            connection.send(b"\x16\x03\x01\x02\x00\x01")
        wait_for(lambda: self.client.get("/v2/").status == 200, "an answer", 5)
        for connection in stalled:
            connection.close()


if __name__ == "__main__":
    unittest.main()
