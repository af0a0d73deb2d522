"""Manifests: pushed, pulled and deleted by tag and by digest.

Sources: distribution-spec spec.md#pushing-manifests, image-spec manifest.md and image-index.md.
"""

import json
import unittest

from registry import (
    OCI_INDEX,
    OCI_MANIFEST,
    RegistryTestCase,
    descriptor,
    digest_of,
    image_manifest,
)

MAX_MANIFEST_BYTES = 4_194_304
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
REPOSITORY = "team/app"
CONFIG = b"{}"
LAYER = b"a layer"


def index_of(*manifests, **fields):
    entries = [descriptor(manifest, OCI_MANIFEST) for manifest in manifests]
    return {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries, **fields}


def padded(manifest, size):
    """The manifest as JSON of exactly this size."""
    content = json.dumps({**manifest, "annotations": {"padding": ""}}).encode()
    return content.replace(b'"padding": ""', b'"padding": "' + b"x" * (size - len(content)) + b'"')


class Manifests(RegistryTestCase):
    def setUp(self):
        super().setUp()
        for blob in (CONFIG, LAYER):
            self.client.push_blob(REPOSITORY, blob)
        self.manifest = json.dumps(image_manifest(CONFIG, [LAYER])).encode()
        self.digest = digest_of(self.manifest)

    def path(self, reference):
        return f"/v2/{REPOSITORY}/manifests/{reference}"

    # Storing and reading.

    def test_the_exact_bytes_come_back_by_tag_and_by_digest(self):
        content = b" \n" + json.dumps(image_manifest(CONFIG, [LAYER]), indent=5).encode() + b"\t\n"
        answer = self.client.put_manifest(REPOSITORY, "v1", content)
        digest = digest_of(content)
        self.assertEqual(answer.headers["Docker-Content-Digest"], digest)
        self.assertEqual(answer.headers["Location"], self.path(digest))
        for reference in ("v1", digest):
            pulled = self.client.get(self.path(reference))
            self.assertEqual(pulled.body, content)
            self.assertEqual(pulled.headers["Content-Type"], OCI_MANIFEST)
            self.assertEqual(pulled.headers["Docker-Content-Digest"], digest)
            self.assertIn(digest, pulled.headers["ETag"])

    def test_head_tells_size_type_and_digest(self):
        self.client.put_manifest(REPOSITORY, "v1", self.manifest)
        for reference in ("v1", self.digest):
            answer = self.client.head(self.path(reference))
            self.assertEqual(answer.headers["Content-Length"], str(len(self.manifest)))
            self.assertEqual(answer.headers["Content-Type"], OCI_MANIFEST)
            self.assertEqual(answer.headers["Docker-Content-Digest"], self.digest)

    def test_accept_never_converts_or_refuses(self):
        self.client.put_manifest(REPOSITORY, "v1", self.manifest)
        for accept in ("text/plain", DOCKER_LIST, OCI_INDEX, "*/*", "nonsense"):
            pulled = self.client.get(self.path("v1"), {"Accept": accept})
            self.assertEqual(pulled.body, self.manifest)
            self.assertEqual(pulled.headers["Content-Type"], OCI_MANIFEST)

    def test_the_media_type_loses_its_parameters(self):
        self.client.put_manifest(REPOSITORY, "v1", self.manifest, OCI_MANIFEST + "; charset=utf-8")
        self.assertEqual(self.client.head(self.path("v1")).headers["Content-Type"], OCI_MANIFEST)

    def test_without_content_type_the_body_tells_the_media_type(self):
        self.client.put_manifest(REPOSITORY, "v1", self.manifest, media_type=None)
        self.assertEqual(self.client.head(self.path("v1")).headers["Content-Type"], OCI_MANIFEST)

    def test_a_known_etag_is_304(self):
        self.client.put_manifest(REPOSITORY, "v1", self.manifest)
        etag = self.client.get(self.path("v1")).headers["ETag"]
        self.client.get(self.path("v1"), {"If-None-Match": etag}, expect=304)
        self.client.head(self.path("v1"), {"If-None-Match": etag}, expect=304)
        self.client.get(self.path("v1"), {"If-None-Match": '"other"'})

    def test_a_tag_moves_and_the_old_manifest_stays_by_digest(self):
        self.client.put_manifest(REPOSITORY, "v1", self.manifest)
        newer = json.dumps(image_manifest(CONFIG, [])).encode()
        self.client.put_manifest(REPOSITORY, "v1", newer)
        self.assertEqual(self.client.get(self.path("v1")).body, newer)
        self.assertEqual(self.client.get(self.path(self.digest)).body, self.manifest)

    def test_a_put_by_digest_makes_no_tag(self):
        self.client.put_manifest(REPOSITORY, self.digest, self.manifest)
        self.assertEqual(self.client.get(self.path(self.digest)).body, self.manifest)
        self.assertEqual(self.client.get(f"/v2/{REPOSITORY}/tags/list").json()["tags"], [])

    def test_a_put_by_sha512_digest_is_found_by_it(self):
        digest = digest_of(self.manifest, "sha512")
        self.client.put_manifest(REPOSITORY, digest, self.manifest)
        pulled = self.client.get(self.path(digest))
        self.assertEqual(pulled.body, self.manifest)
        self.assertEqual(pulled.headers["Docker-Content-Digest"], digest)

    def test_a_put_by_another_digest_is_400(self):
        for digest in (digest_of(b"other"), digest_of(b"other", "sha512")):
            answer = self.client.put_manifest(REPOSITORY, digest, self.manifest, expect=400)
            self.expect_error(answer, 400, "DIGEST_INVALID")

    def test_manifests_survive_a_restart(self):
        self.client.put_manifest(REPOSITORY, "v1", self.manifest)
        self.registry.restart()
        self.assertEqual(self.client.get(self.path("v1")).body, self.manifest)

    # Sizes.

    def test_4194304_bytes_are_accepted(self):
        content = padded(image_manifest(CONFIG, [LAYER]), MAX_MANIFEST_BYTES)
        self.assertEqual(len(content), MAX_MANIFEST_BYTES)
        self.client.put_manifest(REPOSITORY, "big", content)
        self.assertEqual(self.client.get(self.path("big")).body, content)

    def test_one_byte_more_is_413(self):
        content = padded(image_manifest(CONFIG, [LAYER]), MAX_MANIFEST_BYTES + 1)
        answer = self.client.put_manifest(REPOSITORY, "big", content, expect=413)
        self.expect_error(answer, 413, "MANIFEST_INVALID")

    def test_one_byte_more_is_413_also_when_chunked(self):
        content = padded(image_manifest(CONFIG, [LAYER]), MAX_MANIFEST_BYTES + 1)
        parts = (content[i : i + 100_000] for i in range(0, len(content), 100_000))
        headers = {"Content-Type": OCI_MANIFEST}
        self.expect_error(
            self.client.put(self.path("big"), parts, headers, expect=413), 413, "MANIFEST_INVALID"
        )

    # References.

    def test_missing_blobs_are_404_and_each_is_named(self):
        missing = image_manifest(b"missing config", [LAYER, b"missing layer"])
        answer = self.client.put_manifest(REPOSITORY, "v1", missing, expect=404)
        self.assertEqual(set(answer.error_codes()), {"MANIFEST_BLOB_UNKNOWN"})
        for blob in (b"missing config", b"missing layer"):
            self.assertIn(digest_of(blob), answer.body.decode())
        self.assertNotIn(digest_of(LAYER), answer.body.decode())
        self.client.get(self.path("v1"), expect=404)

    def test_a_missing_child_of_an_index_is_404(self):
        answer = self.client.put_manifest(
            REPOSITORY, "v1", index_of(b"missing"), OCI_INDEX, expect=404
        )
        self.expect_error(answer, 404, "MANIFEST_BLOB_UNKNOWN")
        self.assertIn(digest_of(b"missing"), answer.error_message())

    def test_a_multi_arch_index_and_a_nested_one_are_accepted(self):
        self.client.put_manifest(REPOSITORY, self.digest, self.manifest)
        index = json.dumps(index_of(self.manifest)).encode()
        self.client.put_manifest(REPOSITORY, "multi", index, OCI_INDEX)
        nested = json.dumps(
            {
                "schemaVersion": 2,
                "manifests": [descriptor(index, OCI_INDEX)],
            }
        ).encode()
        self.client.put_manifest(REPOSITORY, "nested", nested, OCI_INDEX)
        self.assertEqual(self.client.get(self.path("nested")).body, nested)
        self.assertEqual(self.client.get(self.path("multi")).headers["Content-Type"], OCI_INDEX)

    def test_unusual_but_valid_manifests_are_accepted(self):
        foreign = {
            "mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
            "digest": digest_of(b"kept elsewhere"),
            "size": 14,
            "urls": ["https://example.com/layer"],
        }
        self.client.push_blob(REPOSITORY, b"")
        for name, manifest, media_type in (
            ("empty-index", index_of(), OCI_INDEX),
            ("no-layers", image_manifest(CONFIG, []), OCI_MANIFEST),
            ("zero-byte-layer", image_manifest(CONFIG, [b""]), OCI_MANIFEST),
            ("foreign-layer", {**image_manifest(CONFIG, []), "layers": [foreign]}, OCI_MANIFEST),
            ("unknown-fields", image_manifest(CONFIG, [], more=[{"deep": {"er": 1}}]), OCI_MANIFEST),
            ("docker", {**image_manifest(CONFIG, [LAYER]), "mediaType": DOCKER_MANIFEST},
             DOCKER_MANIFEST),
            ("docker-list", {**index_of(), "mediaType": DOCKER_LIST}, DOCKER_LIST),
            ("buildkit-cache", {"schemaVersion": 2, "manifests": [descriptor(LAYER, "x/layer"),
             descriptor(CONFIG, "application/vnd.buildkit.cacheconfig.v0")]}, OCI_INDEX),
            ("artifact", image_manifest(CONFIG, [LAYER], artifactType="x/signature"), OCI_MANIFEST),
        ):  # fmt: skip
            with self.subTest(name):
                self.client.put_manifest(REPOSITORY, name, manifest, media_type)
                pulled = self.client.get(self.path(name))
                self.assertEqual(pulled.body, json.dumps(manifest).encode())
                self.assertEqual(pulled.headers["Content-Type"], media_type)

    def test_malformed_manifests_are_400(self):
        for content in (b"", b"{", b"[]", b"null", b'{"schemaVersion": 1}', b"\xff\xfe", b"[" * 100_000,
                        b'{"schemaVersion": 2, "config": {"digest": "x", "size": 1}}'):  # fmt: skip
            with self.subTest(content=content[:60]):
                answer = self.client.put_manifest(REPOSITORY, "v1", content, expect=400)
                self.assertIn(answer.error_codes()[0], ("MANIFEST_INVALID", "DIGEST_INVALID"))
        self.client.get(self.path("v1"), expect=404)

    def test_malformed_references_are_400_or_404(self):
        for reference in ("-x", "a" * 129, "sha256:abc", "a%20b", "%00", "..", "sha256:" + "Z" * 64):
            with self.subTest(reference=reference):
                for method in ("GET", "HEAD", "PUT", "DELETE"):
                    body = self.manifest if method == "PUT" else None
                    headers = {"Content-Type": OCI_MANIFEST}
                    answer = self.client.request(method, self.path(reference), body, headers)
                    self.assertIn(answer.status, (400, 404), answer)

    def test_an_unknown_tag_digest_or_repository_is_404(self):
        for reference in ("unknown", digest_of(b"unknown")):
            answer = self.client.get(self.path(reference), expect=404)
            self.expect_error(answer, 404, "MANIFEST_UNKNOWN")
            self.client.head(self.path(reference), expect=404)
        answer = self.client.get("/v2/no/such/repository/manifests/v1", expect=404)
        self.assertIn(answer.error_codes()[0], ("MANIFEST_UNKNOWN", "NAME_UNKNOWN"))

    # Deleting.

    def test_deleting_a_tag_leaves_the_manifest_and_other_tags(self):
        for tag in ("v1", "v2"):
            self.client.put_manifest(REPOSITORY, tag, self.manifest)
        self.client.delete(self.path("v1"))
        self.client.get(self.path("v1"), expect=404)
        for reference in ("v2", self.digest):
            self.assertEqual(self.client.get(self.path(reference)).body, self.manifest)
        self.expect_error(self.client.delete(self.path("v1"), expect=404), 404, "MANIFEST_UNKNOWN")

    def test_deleting_by_digest_takes_all_tags_along(self):
        for tag in ("v1", "v2"):
            self.client.put_manifest(REPOSITORY, tag, self.manifest)
        self.client.delete(self.path(self.digest))
        for reference in ("v1", "v2", self.digest):
            self.client.get(self.path(reference), expect=404)
        self.assertEqual(self.client.get(f"/v2/{REPOSITORY}/tags/list").json()["tags"], [])
        self.client.delete(self.path(self.digest), expect=404)

    def test_a_deleted_manifest_can_be_pushed_again(self):
        self.client.put_manifest(REPOSITORY, "v1", self.manifest)
        self.client.delete(self.path(self.digest))
        self.client.put_manifest(REPOSITORY, "v1", self.manifest)
        self.assertEqual(self.client.get(self.path("v1")).body, self.manifest)


if __name__ == "__main__":
    unittest.main()
