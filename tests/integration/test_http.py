"""HTTP/1.1 itself: connections, framing, limits, unknown routes. Source: RFC 9110 and RFC 9112."""

import concurrent.futures
import email.utils
import socket
import time
import unittest

from registry import PASSWORD, USER, RegistryTestCase, basic, digest_of, with_query

MAX_HEADER_BYTES = 32 * 1024
REPOSITORY = "team/app"
AUTHORIZATION = f"Authorization: {basic(USER, PASSWORD)}\r\n".encode()


class Http(RegistryTestCase):
    def connect(self):
        connection = self.registry.connect()
        self.addCleanup(connection.close)
        return connection

    # The beginning of a request.

    def raw_status(self, *lines):
        connection = self.connect()
        connection.send("\r\n".join(lines).encode() + b"\r\n\r\n")
        return connection.response().status

    def test_an_absolute_target_is_answered_as_its_path(self):
        self.assertEqual(self.raw_status("GET http://registry.test/healthz HTTP/1.1", "Host: registry.test"), 200)

    def test_empty_lines_before_a_request_are_ignored(self):
        self.assertEqual(self.raw_status("", "", "GET /healthz HTTP/1.1", "Host: registry.test"), 200)

    def test_one_host_is_required_and_it_must_be_one(self):
        for hosts in ([], ["a", "b"], ["a b"], ["a/b"], ['a"b'], ["a,b"]):
            with self.subTest(hosts=hosts):
                lines = ["GET /healthz HTTP/1.1", *(f"Host: {host}" for host in hosts)]
                self.assertEqual(self.raw_status(*lines), 400)

    def test_a_transfer_coding_other_than_chunked_is_refused_and_closed(self):
        inner = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
        for coding in ("identity", "gzip", "deflate", "xchunked", "chunked, identity", "gzip, chunked"):
            with self.subTest(coding=coding):
                connection = self.connect()
                connection.request("POST", f"/v2/{REPOSITORY}/blobs/uploads/", {"Transfer-Encoding": coding}, inner)
                self.assertIn(connection.response().status, (400, 501))
                self.assertTrue(connection.closed_by_peer())

    def test_a_malformed_escape_is_400(self):
        for path in ("/v2/team/app/tags/list?last=%FF", "/v2/team/app/tags/list?last=%FF&x=%zz",
                     "/token?scope=repository:%FF:pull&x=%", "/v2/team/%zz/tags/list"):  # fmt: skip
            with self.subTest(path=path):
                self.assertEqual(self.client.get(path, expect=None).status, 400)

    # Connections.

    def test_a_connection_is_kept_for_further_requests(self):
        connection = self.connect()
        for _ in range(100):
            connection.request("GET", "/v2/")
            self.assertEqual(connection.response().status, 200)

    def test_connection_close_is_honoured(self):
        connection = self.connect()
        connection.request("GET", "/v2/", {"Connection": "close"})
        answer = connection.response()
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.headers["Connection"].lower(), "close")
        self.assertTrue(connection.closed_by_peer())

    def test_http_1_0_is_answered_and_closed(self):
        connection = self.connect()
        connection.send(b"GET /healthz HTTP/1.0\r\n\r\n")
        self.assertEqual(connection.response().status, 200)
        self.assertTrue(connection.closed_by_peer())

    def test_pipelined_requests_are_answered_in_order(self):
        digests = [self.client.push_blob(REPOSITORY, b"%d" % i * 1000) for i in range(10)]
        connection = self.connect()
        requests = b"".join(
            f"GET /v2/{REPOSITORY}/blobs/{digest} HTTP/1.1\r\nHost: x\r\n".encode()
            + AUTHORIZATION
            + b"\r\n"
            for digest in digests
        )
        connection.send(requests)
        for digest in digests:
            answer = connection.response()
            self.assertEqual(digest_of(answer.body), digest)

    def test_a_pipelined_upload_does_not_swallow_the_next_request(self):
        location = self.client.begin_upload(REPOSITORY)
        path = with_query(location, digest=digest_of(b"hello"))
        connection = self.connect()
        connection.send(
            f"PUT {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n".encode()
            + AUTHORIZATION
            + b"\r\nhelloGET /v2/ HTTP/1.1\r\nHost: x\r\n"
            + AUTHORIZATION
            + b"\r\n"
        )
        self.assertEqual(connection.response().status, 201)
        self.assertEqual(connection.response().status, 200)

    def test_a_request_may_arrive_byte_by_byte(self):
        connection = self.connect()
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b"GET /v2/ HTTP/1.1\r\nHost: x\r\n" + AUTHORIZATION + b"\r\n":
            connection.send(bytes([byte]))
        self.assertEqual(connection.response().status, 200)

    def test_an_error_does_not_close_the_connection(self):
        connection = self.connect()
        for _ in range(3):
            connection.request("GET", "/v2/no/such/tags/list")
            self.assertEqual(connection.response().status, 404)

    def test_a_client_that_leaves_in_mid_download_harms_nobody(self):
        digest = self.client.push_blob(REPOSITORY, b"x" * 20_000_000)
        for _ in range(20):
            connection = self.registry.connect()
            connection.request("GET", f"/v2/{REPOSITORY}/blobs/{digest}")
            connection.sock.recv(1000)
            connection.close()
        self.client.get("/v2/")

    def test_500_connections_are_served_at_once(self):
        connections = [self.connect() for _ in range(500)]
        for connection in connections:
            connection.request("GET", "/v2/")
        for connection in connections:
            self.assertEqual(connection.response().status, 200)

    def test_concurrent_requests_are_answered(self):
        digest = self.client.push_blob(REPOSITORY, b"x" * 100_000)

        def pull(_):
            client = self.registry.client()
            try:
                return [
                    len(client.get(f"/v2/{REPOSITORY}/blobs/{digest}").body) for _ in range(20)
                ]
            finally:
                client.close()

        with concurrent.futures.ThreadPoolExecutor(32) as pool:
            for sizes in pool.map(pull, range(32)):
                self.assertEqual(sizes, [100_000] * 20)

    # Bodies.

    def test_expect_100_continue_is_answered_before_the_body(self):
        path = with_query(self.client.begin_upload(REPOSITORY), digest=digest_of(b"hello"))
        connection = self.connect()
        connection.request("PUT", path, {"Content-Length": 5, "Expect": "100-continue"})
        self.assertEqual(connection.response().status, 100)
        connection.send(b"hello")
        self.assertEqual(connection.response().status, 201)

    def test_expect_100_continue_is_refused_without_the_body(self):
        connection = self.connect()
        headers = {"Content-Length": 5, "Expect": "100-continue"}
        connection.request("PUT", "/v2/team/app/manifests/v1", headers, authorization=None)
        self.assertEqual(connection.response().status, 401)

    def test_chunk_extensions_and_trailers_are_read_past(self):
        path = with_query(self.client.begin_upload(REPOSITORY), digest=digest_of(b"hello world"))
        connection = self.connect()
        connection.request("PUT", path, {"Transfer-Encoding": "chunked"})
        connection.send(b'6;name="value"\r\nhello \r\n5\r\nworld\r\n0\r\nTrailer: x\r\n\r\n')
        self.assertEqual(connection.response().status, 201)
        connection.request("GET", "/v2/")
        self.assertEqual(connection.response().status, 200)

    def test_a_broken_chunk_ends_the_request_and_stores_nothing(self):
        for bad in (b"zz\r\nhello\r\n", b"-5\r\nhello\r\n", b"5\r\nhelloXX0\r\n\r\n",
                    b"fffffffffffffffff\r\nhello", b"5"):  # fmt: skip
            with self.subTest(bad=bad):
                path = with_query(self.client.begin_upload(REPOSITORY), digest=digest_of(b"hello"))
                connection = self.registry.connect()
                connection.request("PUT", path, {"Transfer-Encoding": "chunked"}, bad)
                connection.sock.shutdown(socket.SHUT_WR)
                self.assertNotIn(b" 201 ", connection.file.read().split(b"\r\n")[0])
                connection.close()
                self.client.get(f"/v2/{REPOSITORY}/blobs/{digest_of(b'hello')}", expect=404)

    def test_a_malformed_body_is_a_size_invalid_400_wherever_it_is_read(self):
        for method, path in (
            ("PATCH", self.client.begin_upload(REPOSITORY)),
            ("PUT", with_query(self.client.begin_upload(REPOSITORY), digest=digest_of(b"hello"))),
            ("POST", with_query(f"/v2/{REPOSITORY}/blobs/uploads/", digest=digest_of(b"hello"))),
            ("PUT", f"/v2/{REPOSITORY}/manifests/v1"),
        ):
            for headers, body in (({"Transfer-Encoding": "chunked"}, b"zz\r\nhello\r\n"),
                                  ({"Content-Length": 5}, b"hell")):  # fmt: skip
                with self.subTest(method=method, path=path, body=body):
                    connection = self.connect()
                    connection.request(method, path, headers, body)
                    connection.sock.shutdown(socket.SHUT_WR)
                    self.expect_error(connection.response(), 400, "SIZE_INVALID")

    def test_a_refused_body_does_not_become_the_next_request(self):
        connection = self.connect()
        body = b"GET /v2/ HTTP/1.1\r\nHost: x\r\n" + AUTHORIZATION + b"\r\n"
        headers = {"Content-Length": len(body)}
        connection.request("PUT", "/v2/team/app/manifests/v1", headers, body, authorization=None)
        self.assertEqual(connection.response().status, 401)
        connection.request("GET", "/healthz")
        try:
            self.assertIn(b"ok", connection.response().body.lower() + b"ok")
        except ConnectionError:
            pass  # Closing instead of reading the body is fine.
        connection.close()
        routes = [line["route"] for line in self.registry.log(message="request", status=200)]
        self.assertNotIn("/v2/", routes)

    def test_get_with_a_body_is_answered(self):
        connection = self.connect()
        connection.request("GET", "/v2/", {"Content-Length": 5}, b"hello")
        self.assertEqual(connection.response().status, 200)
        connection.request("GET", "/v2/")
        self.assertEqual(connection.response().status, 200)

    # Limits and errors.

    def test_a_malformed_head_request_gets_no_body(self):
        connection = self.connect()
        connection.send(b"HEAD /v2/ HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n")
        head, _, body = connection.file.read().partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 400 "), head)
        self.assertEqual(body, b"")

    def test_headers_over_32_kib_are_431(self):
        connection = self.connect()
        try:
            connection.request("GET", "/v2/", {"X-Big": "x" * (MAX_HEADER_BYTES + 1000)})
        except OSError:
            pass
        answer = connection.response()
        self.assertEqual(answer.status, 431)
        self.assertTrue(answer.json()["errors"][0]["message"])

    def test_headers_of_30_kib_are_fine(self):
        self.client.get("/v2/", {"X-Big": "x" * 30_000})

    def test_an_endless_header_line_is_431(self):
        connection = self.connect()
        try:
            connection.send(b"GET /" + b"a" * (MAX_HEADER_BYTES + 1000))
        except OSError:
            pass
        self.assertIn(connection.response().status, (400, 414, 431))

    def test_unknown_routes_are_json_404(self):
        for path in ("/", "/v1/", "/v2", "/v3/", "/v2/team/app", "/v2/team/app/", "/v2/blobs/x",
                     "/v2/team/app/nonsense/x", "/v2/team/app/tags/other", "/v2//tags/list",
                     "/v2/team/app/manifests/", "/favicon.ico", "/v2/%2e%2e/%2e%2e/etc/passwd"):  # fmt: skip
            with self.subTest(path=path):
                answer = self.client.get(path, expect=None)
                self.assertIn(answer.status, (400, 404) if path != "/v2" else (200, 301, 404), answer)
                if answer.status >= 400:
                    self.assertTrue(answer.error_message())

    def test_errors_have_the_form_of_the_specification(self):
        # check_answer in registry.py checks this for every response; here are all
        # kinds in one place.
        digest = digest_of(b"unknown")
        upload = "01890a5d-ac96-774b-bcce-b302099a8057"
        base = f"/v2/{REPOSITORY}"
        manifest = {"Content-Type": "application/vnd.oci.image.manifest.v1+json"}
        self.client.push_blob(REPOSITORY, b"x")
        blob = f"{base}/blobs/{digest_of(b'x')}"
        for method, path, headers, body, status, code in (
            ("GET", f"{base}/blobs/{digest}", {}, None, 404, "BLOB_UNKNOWN"),
            ("GET", blob, {"Range": "bytes=5-"}, None, 416, "BLOB_UPLOAD_INVALID"),
            ("GET", f"{base}/blobs/uploads/{upload}", {}, None, 404, "BLOB_UPLOAD_UNKNOWN"),
            ("GET", f"{base}/blobs/sha256:x", {}, None, 400, "DIGEST_INVALID"),
            ("GET", f"{base}/manifests/unknown", {}, None, 404, "MANIFEST_UNKNOWN"),
            ("GET", f"{base}/referrers/x", {}, None, 400, "DIGEST_INVALID"),
            ("GET", "/v2/no/such/tags/list", {}, None, 404, "NAME_UNKNOWN"),
            ("GET", "/v2/NOT/tags/list", {}, None, 400, "NAME_INVALID"),
            ("PUT", f"{base}/manifests/v1", manifest, b"{", 400, "MANIFEST_INVALID"),
            ("PUT", f"{base}/manifests/v1", {**manifest, "If-Match": "*"},
             b'{"schemaVersion": 2, "layers": []}', 412, "MANIFEST_INVALID"),
            ("PUT", f"{base}/manifests/v1", manifest, b" " * 4_194_305, 413, "MANIFEST_INVALID"),
            ("POST", f"{base}/blobs/uploads/?digest-algorithm=x", {}, None, 400, None),
            ("GET", f"{base}/tags/list?n=x", {}, None, 400, "UNSUPPORTED"),
            ("GET", f"{base}/nonsense", {}, None, 404, "UNSUPPORTED"),
            ("DELETE", f"{base}/tags/list", {}, None, 405, "UNSUPPORTED"),
            ("GET", "/v2/", {"Authorization": "Basic x"}, None, 401, "UNAUTHORIZED"),
        ):  # fmt: skip
            with self.subTest(method=method, path=path, status=status):
                answer = self.client.request(method, path, body, headers)
                self.assertEqual(answer.status, status, answer)
                if code:
                    self.expect_error(answer, status, code)
                detail = answer.json()["errors"][0]["detail"]
                self.assertIsInstance(detail, dict)
                # Clients print only the message, so it must name the unknown thing, too.
                if status == 404 and "reference" in detail:
                    self.assertIn(detail["reference"], answer.error_message())

    def test_an_answer_to_a_malformed_request_has_the_headers_of_every_answer_too(self):
        for head in (b"GET /v2/ HTTP/1.1\r\nHost: a b\r\n\r\n", b"GET /v2/ HTTP/1.1\r\n\r\n",
                     b"GET /v2/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
                     b"GET /v2/ HTTP/1.1\r\nHost: a\r\nExpect: miracles\r\n\r\n"):  # fmt: skip
            with self.subTest(head=head):
                connection = self.connect()
                connection.send(head)
                answer = connection.response()
                self.assertGreaterEqual(answer.status, 400)
                self.assertEqual(answer.headers["Docker-Distribution-Api-Version"], "registry/2.0")
                self.assertTrue(answer.json()["errors"][0]["message"])
        self.client.get("/v2/")

    def test_every_answer_has_the_date_of_its_second(self):
        digest = self.client.push_blob(REPOSITORY, b"x")
        blob = f"/v2/{REPOSITORY}/blobs/{digest}"
        for head in (b"GET /v2/ HTTP/1.1\r\nHost: a\r\n\r\n", b"GET /healthz HTTP/1.0\r\n\r\n",
                     f"GET {blob} HTTP/1.1\r\nHost: a\r\n".encode() + AUTHORIZATION + b"\r\n",
                     f"HEAD {blob} HTTP/1.1\r\nHost: a\r\n".encode() + AUTHORIZATION + b"\r\n",
                     b"GET /none HTTP/1.1\r\nHost: a\r\n\r\n", b"no HTTP\r\n\r\n",
                     b"GET /v2/ HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nX: " + b"x" * 40_000):  # fmt: skip
            with self.subTest(head=head[:60]):
                connection = self.connect()
                earliest = int(time.time())
                try:
                    connection.send(head)
                except OSError:
                    pass  # Refused before all was sent.
                answer = connection.response(head.split(b" ")[0].decode())
                date = email.utils.parsedate_to_datetime(answer.headers["Date"]).timestamp()
                self.assertGreaterEqual(date, earliest)
                self.assertLessEqual(date, time.time())

    def test_a_wrong_method_is_405_with_allow(self):
        digest = digest_of(b"x")
        for method, path in (("POST", "/v2/"), ("PUT", f"/v2/team/app/blobs/{digest}"),
                             ("POST", "/v2/team/app/manifests/v1"), ("DELETE", "/v2/team/app/tags/list"),
                             ("PATCH", "/v2/team/app/blobs/uploads/"), ("DELETE", "/token"),
                             ("BREW", "/v2/")):  # fmt: skip
            with self.subTest(method=method, path=path):
                answer = self.client.request(method, path)
                self.expect_error(answer, 405, "UNSUPPORTED")
                self.assertTrue(answer.headers["Allow"], answer)

    def test_percent_encoding_in_paths_and_queries_is_decoded(self):
        digest = self.client.push_blob(REPOSITORY, b"hello")
        encoded = digest.replace(":", "%3A")
        self.client.get(f"/v2/{REPOSITORY}/blobs/{encoded}")
        self.client.post(f"/v2/team/copy/blobs/uploads/?mount={encoded}&from=team%2Fapp", expect=201)

    def test_every_answer_has_a_length_or_is_chunked(self):
        for path in ("/v2/", "/healthz", "/readyz", "/nonsense", "/v2/no/such/tags/list"):
            answer = self.client.get(path, expect=None)
            framed = answer.headers["Content-Length"] or answer.headers["Transfer-Encoding"]
            self.assertTrue(framed, answer)


if __name__ == "__main__":
    unittest.main()
