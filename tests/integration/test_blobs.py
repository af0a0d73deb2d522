"""Pulling and deleting blobs. Source: distribution-spec spec.md#pulling-blobs, RFC 9110 (ranges)."""

import unittest

from registry import RegistryTestCase, digest_of, image_manifest

REPOSITORY = "team/app"
# Larger than any one buffer.
DATA = bytes(range(256)) * 4096


class Blobs(RegistryTestCase):
    def setUp(self):
        super().setUp()
        self.digest = self.client.push_blob(REPOSITORY, DATA)
        self.path = f"/v2/{REPOSITORY}/blobs/{self.digest}"

    def test_head_tells_the_exact_size_and_digest(self):
        answer = self.client.head(self.path)
        self.assertEqual(answer.headers["Content-Length"], str(len(DATA)))
        self.assertEqual(answer.headers["Docker-Content-Digest"], self.digest)
        self.assertEqual(answer.headers["Accept-Ranges"], "bytes")
        self.assertEqual(answer.body, b"")

    def test_get_returns_the_bytes(self):
        answer = self.client.get(self.path)
        self.assertEqual(answer.body, DATA)
        self.assertEqual(answer.headers["Content-Length"], str(len(DATA)))
        self.assertEqual(answer.headers["Docker-Content-Digest"], self.digest)
        self.assertEqual(answer.headers["Accept-Ranges"], "bytes")
        self.assertIn(self.digest, answer.headers["ETag"])

    def test_bytes_are_never_content_encoded(self):
        answer = self.client.get(self.path, {"Accept-Encoding": "gzip, deflate, br, zstd"})
        self.assertIsNone(answer.headers["Content-Encoding"])
        self.assertEqual(answer.body, DATA)

    def test_a_known_etag_is_304(self):
        etag = self.client.get(self.path).headers["ETag"]
        answer = self.client.get(self.path, {"If-None-Match": etag}, expect=304)
        self.assertEqual(answer.body, b"")

    def test_single_ranges_are_206(self):
        size = len(DATA)
        for value, start, end in (
            ("bytes=500-1499", 500, 1499),
            ("bytes=500-", 500, size - 1),
            ("bytes=-500", size - 500, size - 1),
            ("bytes=0-", 0, size - 1),
            ("bytes=0-0", 0, 0),
            (f"bytes={size - 1}-", size - 1, size - 1),
            (f"bytes=100-{size * 10}", 100, size - 1),
            (f"bytes=-{size * 10}", 0, size - 1),
        ):
            with self.subTest(value=value):
                answer = self.client.get(self.path, {"Range": value}, expect=206)
                self.assertEqual(answer.headers["Content-Range"], f"bytes {start}-{end}/{size}")
                self.assertEqual(answer.headers["Content-Length"], str(end - start + 1))
                self.assertEqual(answer.body, DATA[start : end + 1])

    def test_a_range_that_cannot_be_is_416(self):
        for value in (f"bytes={len(DATA)}-", "bytes=500-0", f"bytes={len(DATA)}-{len(DATA)}", "bytes=-0"):
            with self.subTest(value=value):
                answer = self.client.get(self.path, {"Range": value}, expect=416)
                self.assertEqual(answer.headers["Content-Range"], f"bytes */{len(DATA)}")

    def test_nonsense_in_range_is_no_server_error(self):
        for value in ("bytes", "bytes=", "lines=1-2", "bytes=a-b", "bytes=1", "bytes=--1",
                      "bytes=99999999999999999999-", "bytes=0-99999999999999999999",
                      "bytes=" + ",".join("0-1" for _ in range(2000))):  # fmt: skip
            with self.subTest(value=value[:40]):
                answer = self.client.get(self.path, {"Range": value}, expect=None)
                self.assertIn(answer.status, (200, 206, 400, 416), answer.status)
                self.assertLessEqual(len(answer.body), len(DATA) + 4096)

    def test_an_unknown_blob_is_404(self):
        path = f"/v2/{REPOSITORY}/blobs/{digest_of(b'unknown')}"
        answer = self.client.get(path, expect=404)
        self.expect_error(answer, 404, "BLOB_UNKNOWN")
        self.assertIn(digest_of(b"unknown"), answer.error_message())
        self.client.head(path, expect=404)

    def test_a_malformed_digest_is_400_and_names_it(self):
        for digest in ("sha256:abc", "md5:abc", "nonsense"):
            with self.subTest(digest=digest):
                answer = self.client.get(f"/v2/{REPOSITORY}/blobs/{digest}", expect=None)
                self.assertIn(answer.status, (400, 404), answer)
                self.assertEqual(answer.status, 400, answer)
                self.assertEqual(answer.error_codes(), ["DIGEST_INVALID"])

    def test_a_deleted_blob_is_gone_at_once_and_again_404(self):
        self.client.delete(self.path)
        self.client.get(self.path, expect=404)
        self.client.head(self.path, expect=404)
        self.expect_error(self.client.delete(self.path, expect=404), 404, "BLOB_UNKNOWN")

    def test_a_blob_may_be_deleted_while_a_manifest_references_it(self):
        config = b"{}"
        self.client.push_blob(REPOSITORY, config)
        self.client.put_manifest(REPOSITORY, "v1", image_manifest(config, [DATA]))
        self.client.delete(self.path)
        self.client.get(self.path, expect=404)
        self.client.get(f"/v2/{REPOSITORY}/manifests/v1")

    def test_deleting_leaves_other_repositories_alone(self):
        self.client.post(
            f"/v2/team/copy/blobs/uploads/?mount={self.digest}&from={REPOSITORY}", expect=201
        )
        self.client.delete(self.path)
        self.assertEqual(self.client.get(f"/v2/team/copy/blobs/{self.digest}").body, DATA)

    def test_a_deleted_blob_can_be_pushed_again(self):
        self.client.delete(self.path)
        self.client.push_blob(REPOSITORY, DATA)
        self.assertEqual(self.client.get(self.path).body, DATA)

    def test_blobs_survive_a_restart(self):
        self.registry.restart()
        self.assertEqual(self.client.get(self.path).body, DATA)


if __name__ == "__main__":
    unittest.main()
