"""The operator's view: health, readiness, draining, the access log."""

import re
import signal
import socket
import struct
import time
import unittest

from registry import PASSWORD, RegistryTestCase, basic, digest_of, wait_for, with_query

REPOSITORY = "team/app"
BIG = b"0123456789abcdef" * 2_000_000


class Operations(RegistryTestCase):
    # Health.

    def test_healthz_and_readyz_answer_without_credential(self):
        client = self.registry.client(authorization=None)
        self.addCleanup(client.close)
        for path in ("/healthz", "/readyz"):
            client.get(path)
            client.head(path)

    # Draining.

    def test_sigterm_finishes_a_running_download(self):
        digest = self.client.push_blob(REPOSITORY, BIG)
        connection = self.registry.connect()
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        connection.request("GET", f"/v2/{REPOSITORY}/blobs/{digest}")
        first = connection.sock.recv(1000)
        self.registry.process.send_signal(signal.SIGTERM)
        self.expect_no_new_connections()
        answer = first + connection.file.read()
        self.assertEqual(digest_of(answer.partition(b"\r\n\r\n")[2]), digest)
        self.registry.wait_ended()
        connection.close()

    def test_sigterm_finishes_a_running_upload(self):
        path = with_query(self.client.begin_upload(REPOSITORY), digest=digest_of(BIG))
        connection = self.registry.connect()
        connection.request("PUT", path, {"Content-Length": len(BIG)}, BIG[:1_000_000])
        self.registry.process.send_signal(signal.SIGTERM)
        self.expect_no_new_connections()
        connection.send(BIG[1_000_000:])
        self.assertEqual(connection.response().status, 201)
        self.registry.wait_ended()
        connection.close()
        self.registry.start()
        self.assertEqual(self.client.get(f"/v2/{REPOSITORY}/blobs/{digest_of(BIG)}").body, BIG)

    def expect_no_new_connections(self):
        def refused():
            try:
                self.registry.connect(5).close()
                return False
            except (ConnectionRefusedError, ConnectionResetError):
                return True

        wait_for(refused, "new connections to be refused")

    def test_sigterm_ends_idle_connections_at_once(self):
        connections = [self.registry.connect() for _ in range(10)]
        for connection in connections[:5]:
            connection.request("GET", "/v2/")
            connection.response()
        begun = time.monotonic()
        self.registry.stop()
        self.assertLess(time.monotonic() - begun, 10)
        for connection in connections:
            connection.close()

    def test_sigint_ends_the_process_with_status_0(self):
        self.registry.process.send_signal(signal.SIGINT)
        self.registry.wait_ended()

    # The access log.

    def request_line(self, **fields):
        return self.registry.logged(message="request", **fields)[-1]

    def test_a_request_is_one_line_with_all_fields(self):
        digest = self.client.push_blob(REPOSITORY, b"hello")
        self.client.get(f"/v2/{REPOSITORY}/blobs/{digest}")
        line = self.request_line(method="GET", status=200)
        self.assertEqual(line["level"], "info")
        self.assertRegex(line["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertIn("blobs", line["route"])
        self.assertNotIn(REPOSITORY, line["route"])
        self.assertEqual(line["repository"], REPOSITORY)
        self.assertEqual(line["bytes"], 5)
        self.assertGreaterEqual(line["duration_ms"], 0)
        self.assertEqual(line["principal"], "admin")
        self.assertTrue(line["request_id"])

    def test_the_bytes_of_a_download_that_broke_are_logged(self):
        digest = self.client.push_blob(REPOSITORY, BIG)
        path = f"/v2/{REPOSITORY}/blobs/{digest}"
        connection = self.registry.connect()
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        connection.request("GET", path)
        received = len(connection.sock.recv(1_000_000, socket.MSG_WAITALL))
        # With bytes unread this resets the connection.
        connection.close()
        line = self.request_line(method="GET", reference=digest)
        self.assertGreaterEqual(line["bytes"], received - 2000)
        self.assertLess(line["bytes"], len(BIG))
        self.assertIn("connection lost", line["error"])

    def test_the_address_of_a_client_that_resets_its_connection_is_logged(self):
        for _ in range(50):
            connection = self.registry.connect()
            connection.request("GET", "/v2/")
            # Closing resets the connection, at times before the registry has looked at it.
            reset = struct.pack("ii", 1, 0)
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
            connection.file.close()
            connection.sock.close()
        self.client.get("/v2/")
        self.registry.logged(message="request", status=200)
        for line in self.registry.log(message="request"):
            self.assertEqual(line["client"], "127.0.0.1", line)

    def test_a_failed_request_says_why(self):
        self.client.get("/v2/no/such/tags/list", expect=404)
        line = self.request_line(status=404)
        self.assertIn("no/such", line["error"])

    def test_request_ids_differ_and_are_told_to_the_client(self):
        answers = [self.client.get("/v2/") for _ in range(5)]
        ids = {answer.headers["X-Request-Id"] for answer in answers}
        self.assertEqual(len(ids), 5)
        self.assertNotIn(None, ids)
        logged = wait_for(
            lambda: len(self.registry.log(message="request")) >= 5
            and {line["request_id"] for line in self.registry.log(message="request")},
            "five log lines",
        )
        self.assertLessEqual(ids, logged)

    def test_no_secret_is_logged(self):
        token = self.client.get("/token?service=registry&scope=repository:a:pull").json()["token"]
        client = self.registry.client(f"Bearer {token}")
        client.get("/v2/")
        client.close()
        self.registry.client(basic("admin", "a wrong secret")).get("/v2/", expect=401)
        self.registry.client(basic("a wrong secret", "x")).get("/v2/", expect=401)
        self.client.get(f"/v2/?password={PASSWORD.replace(' ', '+')}&token={token}")
        self.client.get("/last", expect=404)
        self.request_line(status=404)
        log = self.registry.raw_log()
        for secret in (PASSWORD, token, token.rpartition(".")[2], "wrong secret\"",
                       basic("admin", PASSWORD).split()[1]):  # fmt: skip
            self.assertNotIn(secret, log)
        self.assertIsNone(re.search(r"\$2[aby]\$", log))

    def test_a_client_cannot_forge_log_lines(self):
        self.client.get("/v2/", {"User-Agent": '"}{"level":"error"} \\'})
        self.client.get("/v2/%0a%7b%22level%22%3a%22error%22%7d/tags/list", expect=None)
        self.client.get("/last", expect=404)
        self.request_line(status=404)
        self.assertEqual(self.registry.log(level="error"), [])


if __name__ == "__main__":
    unittest.main()
