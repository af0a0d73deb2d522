"""Pulling and deleting blobs. Source: distribution-spec spec.md#pulling-blobs, RFC 9110 (ranges)."""

import email
import email.policy
import gzip
import io
import json
import struct
import tarfile
import unittest

from registry import OCI_MANIFEST, RegistryTestCase, digest_of, image_manifest

REPOSITORY = "team/app"
# Larger than any one buffer.
DATA = bytes(range(256)) * 4096
MAX_RANGES = 1024

ESTARGZ_FOOTER_BYTES = 51


def estargz_layer():
    """A layer like eStargz, and the name and bytes of one of its files.

    Each file is a gzip member of its own; then comes a table of contents, and a footer: an empty
    member whose extra field says where the table is.
    """
    files = {f"file-{i}": b"%d" % i * 10_000 for i in range(5)}
    layer, entries = b"", []
    for name, content in files.items():
        entries.append({"name": name, "type": "reg", "size": len(content), "offset": len(layer)})
        layer += gzip.compress(content)
    toc = json.dumps({"version": 1, "entries": entries}).encode()
    tar_file = io.BytesIO()
    with tarfile.open(fileobj=tar_file, mode="w") as tar:
        info = tarfile.TarInfo("stargz.index.json")
        info.size = len(toc)
        tar.addfile(info, io.BytesIO(toc))
    subfield = b"%016xSTARGZ" % len(layer)
    extra = b"SG" + struct.pack("<H", len(subfield)) + subfield
    footer = b"\x1f\x8b\x08\x04\0\0\0\0\0\xff" + struct.pack("<H", len(extra)) + extra
    footer += b"\x01\0\0\xff\xff" + b"\0" * 8
    assert len(footer) == ESTARGZ_FOOTER_BYTES, len(footer)
    return layer + gzip.compress(tar_file.getvalue()) + footer, "file-3", files["file-3"]


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

    def test_an_unsatisfiable_range_is_416(self):
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

    def test_ranges_of_the_empty_blob_are_416(self):
        path = f"/v2/{REPOSITORY}/blobs/{self.client.push_blob(REPOSITORY, b'')}"
        for value in ("bytes=0-", "bytes=0-0", "bytes=-1"):
            with self.subTest(value=value):
                answer = self.client.get(path, {"Range": value}, expect=416)
                self.assertEqual(answer.headers["Content-Range"], "bytes */0")

    def test_head_ignores_range(self):
        answer = self.client.head(self.path, {"Range": "bytes=0-9"})
        self.assertEqual(answer.headers["Content-Length"], str(len(DATA)))

    # Several ranges.

    def parts(self, answer):
        """The parts of a multipart/byteranges body: pairs of Content-Range and bytes."""
        content_type = answer.headers["Content-Type"]
        self.assertTrue(content_type.startswith("multipart/byteranges; boundary="), answer)
        self.assertEqual(answer.headers["Content-Length"], str(len(answer.body)))
        self.assertIsNone(answer.headers["Content-Range"])
        head = f"Content-Type: {content_type}\r\n\r\n".encode()
        message = email.message_from_bytes(head + answer.body, policy=email.policy.HTTP)
        self.assertFalse(message.defects)
        parts = []
        for part in message.iter_parts():
            self.assertEqual(part["Content-Type"], "application/octet-stream")
            parts.append(part["Content-Range"])
        # The parser may drop line ends, so cut the bytes out by the boundary.
        delimiter = b"\r\n--" + content_type.partition("boundary=")[2].strip('"').encode()
        preamble, *bodies, end = (b"\r\n" + answer.body).split(delimiter)
        self.assertEqual(preamble.strip(), b"")
        self.assertEqual(end, b"--\r\n")
        contents = [body.partition(b"\r\n\r\n")[2] for body in bodies]
        self.assertEqual(len(parts), len(contents))
        return list(zip(parts, contents))

    def test_several_ranges_are_multipart_byteranges(self):
        size = len(DATA)
        for value, expected in (
            ("bytes=0-0,10-19", [(0, 0), (10, 19)]),
            ("bytes=1000-200999, 500000-500000 ,-3", [(1000, 200999), (500000, 500000), (size - 3, size - 1)]),
            ("bytes=900-999,100-199", [(900, 999), (100, 199)]),
            (f"bytes=10-11,{size - 10}-{size * 2}", [(10, 11), (size - 10, size - 1)]),
            ("bytes=0-99,50-149", [(0, 99), (50, 149)]),
        ):  # fmt: skip
            with self.subTest(value=value):
                answer = self.client.get(self.path, {"Range": value}, expect=206)
                self.assertEqual(answer.headers["Docker-Content-Digest"], self.digest)
                self.assertEqual(
                    self.parts(answer),
                    [(f"bytes {a}-{b}/{size}", DATA[a : b + 1]) for a, b in expected],
                )

    def test_ranges_past_the_end_are_left_out(self):
        past = f"{len(DATA)}-"
        answer = self.client.get(self.path, {"Range": f"bytes=5-9,{past},20-29"}, expect=206)
        self.assertEqual([content for _, content in self.parts(answer)], [DATA[5:10], DATA[20:30]])
        one = self.client.get(self.path, {"Range": f"bytes={past},5-9"}, expect=206)
        self.assertEqual(one.headers["Content-Range"], f"bytes 5-9/{len(DATA)}")
        self.assertEqual(one.body, DATA[5:10])
        none = self.client.get(self.path, {"Range": f"bytes={past},{past}"}, expect=416)
        self.assertEqual(none.headers["Content-Range"], f"bytes */{len(DATA)}")

    def test_ranges_that_make_more_than_the_blob_send_it_once(self):
        last = len(DATA) - 1
        for value in (f"bytes=0-{last},0-0", "bytes=0-,0-,0-", f"bytes={last // 2}-,0-{last // 2}"):
            with self.subTest(value=value):
                answer = self.client.get(self.path, {"Range": value}, expect=200)
                self.assertEqual(answer.body, DATA)

    def test_1024_ranges_are_sent_and_one_more_sends_the_whole_blob(self):
        # As podman asks for the chunks of a zstd:chunked layer that it has not got yet.
        ranges = [f"{i * 1000}-{i * 1000 + i % 700}" for i in range(MAX_RANGES)]
        answer = self.client.get(self.path, {"Range": "bytes=" + ",".join(ranges)}, expect=206)
        self.assertEqual(
            [content for _, content in self.parts(answer)],
            [DATA[i * 1000 : i * 1000 + i % 700 + 1] for i in range(MAX_RANGES)],
        )
        ranges.append("900-904")
        answer = self.client.get(self.path, {"Range": "bytes=" + ",".join(ranges)}, expect=200)
        self.assertEqual(answer.body, DATA)

    def test_1024_ranges_of_a_10_gb_blob_fit_into_the_header(self):
        # With the largest token that the registry issues. Past the end of this blob but for one.
        ranges = ["5-9", *(f"{9_000_000_000 + i}-{9_000_000_500 + i}" for i in range(MAX_RANGES - 1))]
        headers = {"Range": "bytes=" + ",".join(ranges)}
        answer = self.client.get(self.path, headers, expect=206)
        self.assertEqual(answer.body, DATA[5:10])
        client = self.registry.client("Bearer " + "x" * 8000)
        self.addCleanup(client.close)
        self.expect_error(client.get(self.path, headers, expect=401), 401, "UNAUTHORIZED")

    def test_one_malformed_range_of_several_sends_the_whole_blob(self):
        for value in ("bytes=0-1,x", "bytes=0-1,5", "bytes=0-1,--2"):
            with self.subTest(value=value):
                self.assertEqual(self.client.get(self.path, {"Range": value}).body, DATA)

    def test_after_several_ranges_the_connection_goes_on(self):
        with self.registry.connect() as connection:
            for _ in range(3):
                connection.request("GET", self.path, {"Range": "bytes=0-9,20-29"})
                self.assertEqual(connection.response().status, 206)
            connection.request("GET", self.path, {"Range": "bytes=0-9"})
            self.assertEqual(connection.response().body, DATA[:10])

    def test_a_file_of_an_estargz_layer_is_read_by_ranges(self):
        # Reads the footer by a suffix range, then the table of contents that it names, then one file.
        layer, name, content = estargz_layer()
        digest = self.client.push_blob(REPOSITORY, layer)
        path = f"/v2/{REPOSITORY}/blobs/{digest}"

        def read(value):
            return self.client.get(path, {"Range": value}, expect=206).body

        footer = read(f"bytes=-{ESTARGZ_FOOTER_BYTES}")
        toc_offset = int(footer[16:32], 16)
        toc_bytes = read(f"bytes={toc_offset}-{len(layer) - ESTARGZ_FOOTER_BYTES - 1}")
        with tarfile.open(fileobj=io.BytesIO(gzip.decompress(toc_bytes))) as tar:
            toc = json.load(tar.extractfile("stargz.index.json"))
        entries = sorted(toc["entries"], key=lambda entry: entry["offset"])
        at = next(i for i, entry in enumerate(entries) if entry["name"] == name)
        end = entries[at + 1]["offset"] if at + 1 < len(entries) else toc_offset
        self.assertEqual(gzip.decompress(read(f"bytes={entries[at]['offset']}-{end - 1}")), content)
        # And like the snapshotter: several chunks in one request.
        ranges = [(entry["offset"], entry["offset"] + 9) for entry in entries[:3]]
        value = "bytes=" + ",".join(f"{a}-{b}" for a, b in ranges)
        answer = self.client.get(path, {"Range": value}, expect=206)
        self.assertEqual(
            [bytes_ for _, bytes_ in self.parts(answer)], [layer[a : b + 1] for a, b in ranges]
        )

    # Missing content.

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

    def test_a_blob_under_sha512_is_pulled_and_deleted_by_it(self):
        digest = self.client.push_blob(REPOSITORY, DATA, "sha512")
        path = f"/v2/{REPOSITORY}/blobs/{digest}"
        answer = self.client.get(path, {"Range": "bytes=10-19"}, expect=206)
        self.assertEqual(answer.headers["Docker-Content-Digest"], digest)
        self.assertEqual(answer.body, DATA[10:20])
        self.client.delete(path)
        self.client.get(path, expect=404)
        self.assertEqual(self.client.get(self.path).body, DATA)

    def test_a_blob_is_no_manifest_and_a_manifest_is_no_blob(self):
        manifest = self.client.push_image(REPOSITORY, "v1")
        self.client.get(f"/v2/{REPOSITORY}/manifests/{self.digest}", expect=404)
        self.client.get(f"/v2/{REPOSITORY}/blobs/{digest_of(manifest)}", expect=404)
        # Unless it was pushed as one.
        self.client.push_blob(REPOSITORY, manifest)
        self.assertEqual(
            self.client.get(f"/v2/{REPOSITORY}/blobs/{digest_of(manifest)}").body, manifest
        )
        pulled = self.client.get(f"/v2/{REPOSITORY}/manifests/v1")
        self.assertEqual(pulled.headers["Content-Type"], OCI_MANIFEST)

    def test_blobs_survive_a_restart(self):
        self.registry.restart()
        self.assertEqual(self.client.get(self.path).body, DATA)


if __name__ == "__main__":
    unittest.main()
