"""Manifests: pushed, pulled and deleted by tag and by digest.

Sources: distribution-spec spec.md#pushing-manifests, image-spec manifest.md and image-index.md.
"""

import base64
import json
import unittest
import urllib.parse

from registry import (
    OCI_CONFIG,
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
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
FOREIGN_LAYER = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
MAX_TAG_PARAMETERS = 100
MAX_DESCRIPTORS = 10_000
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

    def test_ten_thousand_descriptors_are_accepted_and_one_more_is_413(self):
        for count, status in ((MAX_DESCRIPTORS, 201), (MAX_DESCRIPTORS + 1, 413)):
            manifest = image_manifest(CONFIG, [LAYER] * (count - 1))
            answer = self.client.put_manifest(REPOSITORY, "many", manifest, expect=status)
        self.expect_error(answer, 413, "MANIFEST_INVALID")
        self.assertIn("10001 descriptors; at most 10000", answer.error_message())

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

    # Further accepted manifests.

    def put_and_pull(self, reference, manifest, media_type, client_sends=True):
        """The registry returns bytes and media type as sent."""
        content = json.dumps(manifest).encode()
        sent = media_type if client_sends else None
        self.client.put_manifest(REPOSITORY, reference, content, sent)
        pulled = self.client.get(self.path(reference))
        self.assertEqual(pulled.body, content)
        self.assertEqual(pulled.headers["Content-Type"], media_type)
        return content

    def docker_manifest(self):
        return {
            "schemaVersion": 2,
            "mediaType": DOCKER_MANIFEST,
            "config": descriptor(CONFIG, DOCKER_CONFIG),
            "layers": [descriptor(LAYER, DOCKER_LAYER)],
        }

    def test_docker_schema_2_and_its_manifest_list_are_accepted(self):
        for client_sends in (True, False):
            image = self.put_and_pull("docker", self.docker_manifest(), DOCKER_MANIFEST, client_sends)
            entry = {
                **descriptor(image, DOCKER_MANIFEST),
                "platform": {"architecture": "arm", "os": "linux", "variant": "v7"},
            }
            index = {"schemaVersion": 2, "mediaType": DOCKER_LIST, "manifests": [entry]}
            self.put_and_pull("docker-list", index, DOCKER_LIST, client_sends)

    def test_missing_references_of_docker_manifests_are_404(self):
        manifest = self.docker_manifest()
        manifest["layers"].append(descriptor(b"missing", DOCKER_LAYER))
        index = {"schemaVersion": 2, "mediaType": DOCKER_LIST,
                 "manifests": [descriptor(b"missing", DOCKER_MANIFEST)]}  # fmt: skip
        for content, media_type in ((manifest, DOCKER_MANIFEST), (index, DOCKER_LIST)):
            answer = self.client.put_manifest(REPOSITORY, "v1", content, media_type, expect=404)
            self.expect_error(answer, 404, "MANIFEST_BLOB_UNKNOWN")
            self.assertIn(digest_of(b"missing"), answer.error_message())

    def test_docker_schema_1_is_refused(self):
        media_type = "application/vnd.docker.distribution.manifest.v1+prettyjws"
        manifest = {"schemaVersion": 1, "name": REPOSITORY, "tag": "v1", "fsLayers": [], "history": []}
        answer = self.client.put_manifest(REPOSITORY, "v1", manifest, media_type, expect=400)
        self.expect_error(answer, 400, "MANIFEST_INVALID")

    def test_a_buildkit_cache_index_may_name_blobs_as_manifests(self):
        cache_config = "application/vnd.buildkit.cacheconfig.v0"
        index = {
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": [
                {**descriptor(LAYER, "application/vnd.oci.image.layer.v1.tar+gzip"),
                 "annotations": {"buildkit/createdat": "2024-02-29T00:00:00Z",
                                 "containerd.io/uncompressed": digest_of(b"uncompressed")}},
                descriptor(CONFIG, cache_config),
            ],
        }  # fmt: skip
        self.put_and_pull("cache", index, OCI_INDEX)
        index["manifests"].append(descriptor(b"missing", "application/vnd.oci.image.layer.v1.tar"))
        answer = self.client.put_manifest(REPOSITORY, "cache", index, OCI_INDEX, expect=404)
        self.expect_error(answer, 404, "MANIFEST_BLOB_UNKNOWN")

    def test_a_buildkit_cache_may_be_an_image_manifest(self):
        config = descriptor(CONFIG, "application/vnd.buildkit.cacheconfig.v0")
        manifest = {**image_manifest(CONFIG, [LAYER]), "config": config}
        self.put_and_pull("cache", manifest, OCI_MANIFEST)

    def test_an_empty_index_and_indexes_in_indexes_are_accepted(self):
        content = self.put_and_pull("level-0", index_of(), OCI_INDEX)
        for level in range(1, 5):
            index = {**index_of(), "manifests": [descriptor(content, OCI_INDEX)]}
            content = self.put_and_pull(f"level-{level}", index, OCI_INDEX)

    def test_the_zero_byte_blob_may_be_config_and_layer(self):
        missing = self.client.put_manifest(
            REPOSITORY, "zero", image_manifest(b"", [b""]), expect=404
        )
        self.assertIn(digest_of(b""), missing.error_message())
        self.client.push_blob(REPOSITORY, b"")
        self.put_and_pull("zero", image_manifest(b"", [b""]), OCI_MANIFEST)
        self.assertEqual(self.client.get(f"/v2/{REPOSITORY}/blobs/{digest_of(b'')}").body, b"")

    def test_foreign_layers_need_not_be_there(self):
        for media_type in (
            FOREIGN_LAYER,
            "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
            "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
        ):
            with self.subTest(media_type=media_type):
                foreign = descriptor(media_type.encode(), media_type)
                foreign["urls"] = ["https://example.com/layer"]
                manifest = image_manifest(CONFIG, [LAYER])
                manifest["layers"].append(foreign)
                self.put_and_pull("foreign", manifest, OCI_MANIFEST)
                self.client.get(f"/v2/{REPOSITORY}/blobs/{foreign['digest']}", expect=404)

    def test_a_foreign_layer_does_not_excuse_others(self):
        manifest = image_manifest(CONFIG, [b"missing"])
        manifest["layers"].append({**descriptor(b"x", FOREIGN_LAYER), "urls": ["https://example.com/x"]})
        answer = self.client.put_manifest(REPOSITORY, "v1", manifest, expect=404)
        self.assertIn(digest_of(b"missing"), answer.error_message())
        self.assertNotIn(digest_of(b"x"), answer.error_message())

    def test_descriptors_may_hold_data(self):
        config = {**descriptor(CONFIG, OCI_CONFIG), "data": base64.b64encode(CONFIG).decode()}
        layer = {**descriptor(LAYER, "x/layer"), "data": base64.b64encode(LAYER).decode()}
        manifest = {**image_manifest(CONFIG, []), "config": config, "layers": [layer]}
        self.put_and_pull("data", manifest, OCI_MANIFEST)

    def test_an_artifact_with_the_empty_config_is_accepted(self):
        empty = {**descriptor(CONFIG, "application/vnd.oci.empty.v1+json"), "data": "e30="}
        manifest = {
            **image_manifest(CONFIG, []),
            "artifactType": "application/vnd.example.artifact",
            "config": empty,
            "layers": [empty],
            "annotations": {"org.example": "x"},
        }
        self.put_and_pull("artifact", manifest, OCI_MANIFEST)

    def test_any_other_media_type_is_accepted(self):
        for name, manifest, media_type in (
            ("helm", {**image_manifest(CONFIG, [LAYER]), "config":
             descriptor(CONFIG, "application/vnd.cncf.helm.config.v1+json")}, OCI_MANIFEST),
            ("oci-artifact", {"mediaType": "application/vnd.oci.artifact.manifest.v1+json",
             "artifactType": "x/y", "blobs": [descriptor(LAYER, "x/y")]},
             "application/vnd.oci.artifact.manifest.v1+json"),
            ("custom", {"anything": [1, 2.5, None, True, {"at": "all"}]}, "application/x.custom+json"),
        ):  # fmt: skip
            with self.subTest(name):
                self.put_and_pull(name, manifest, media_type)

    def test_a_media_type_in_the_body_must_fit_in_a_header(self):
        # Without Content-Type, it becomes a header of every response: clients give up at 64 KiB.
        for media_type in ("x/" + "y" * 1_000_000, "x/" + "y" * 70_000, "a/b\r\nX-Evil: 1", "a\tb", "ü"):
            with self.subTest(media_type=media_type[:20]):
                manifest = image_manifest(CONFIG, [], mediaType=media_type)
                answer = self.client.put_manifest(
                    REPOSITORY, "odd", manifest, media_type=None, expect=(201, 400)
                )
                if answer.status == 201:
                    pulled = self.client.get(self.path("odd"))
                    self.assertEqual(pulled.json(), manifest)
                    self.assertLess(len(pulled.headers["Content-Type"]), 1024)
                    self.assertIsNone(pulled.headers["X-Evil"])

    def test_a_media_type_that_differs_from_content_type_is_400(self):
        answer = self.client.put_manifest(REPOSITORY, "v1", self.manifest, OCI_INDEX, expect=400)
        self.expect_error(answer, 400, "MANIFEST_INVALID")

    def test_a_tag_put_stores_sha256_also_where_sha512_is_there(self):
        self.client.put_manifest(REPOSITORY, digest_of(self.manifest, "sha512"), self.manifest)
        self.client.get(self.path(self.digest), expect=404)
        answer = self.client.put_manifest(REPOSITORY, "v1", self.manifest)
        self.assertEqual(answer.headers["Docker-Content-Digest"], self.digest)
        self.client.delete(self.path(digest_of(self.manifest, "sha512")))
        self.assertEqual(self.client.get(self.path("v1")).body, self.manifest)

    # The subject.

    def test_a_missing_subject_is_accepted_and_named_in_oci_subject(self):
        for algorithm in ("sha256", "sha512"):
            digest = digest_of(b"missing", algorithm)
            subject = {"mediaType": OCI_MANIFEST, "digest": digest, "size": 7}
            for manifest, media_type in (
                (image_manifest(CONFIG, [], subject=subject), OCI_MANIFEST),
                (index_of(subject=subject), OCI_INDEX),
            ):
                answer = self.client.put_manifest(REPOSITORY, "v1", manifest, media_type)
                self.assertEqual(answer.headers["OCI-Subject"], digest)

    def test_without_subject_there_is_no_oci_subject(self):
        answer = self.client.put_manifest(REPOSITORY, "v1", self.manifest)
        self.assertIsNone(answer.headers["OCI-Subject"])

    def test_a_malformed_subject_is_400(self):
        for subject in ("x", [], {"digest": "x", "size": 1}, {"size": 1}):
            with self.subTest(subject=subject):
                manifest = image_manifest(CONFIG, [], subject=subject)
                answer = self.client.put_manifest(REPOSITORY, "v1", manifest, expect=400)
                self.expect_error(answer, 400, "MANIFEST_INVALID")

    # Tags of a push by digest.

    def tags_path(self, *tags, reference=None):
        query = urllib.parse.urlencode([("tag", tag) for tag in tags])
        return f"{self.path(reference or self.digest)}?{query}"

    def put_tags(self, *tags, reference=None, expect=201):
        path = self.tags_path(*tags, reference=reference)
        return self.client.put(path, self.manifest, {"Content-Type": OCI_MANIFEST}, expect)

    def listed_tags(self):
        return self.client.get(f"/v2/{REPOSITORY}/tags/list").json()["tags"]

    def test_tag_parameters_set_tags_and_oci_tag_names_each(self):
        answer = self.put_tags("v1", "v1.2", "latest")
        self.assertEqual(answer.headers.get_all("OCI-Tag"), ["v1", "v1.2", "latest"])
        self.assertEqual(answer.headers["Docker-Content-Digest"], self.digest)
        for reference in ("v1", "v1.2", "latest", self.digest):
            self.assertEqual(self.client.get(self.path(reference)).body, self.manifest)

    def test_tag_parameters_go_with_sha512_too(self):
        digest = digest_of(self.manifest, "sha512")
        self.put_tags("v1", reference=digest)
        self.assertEqual(self.client.head(self.path("v1")).headers["Docker-Content-Digest"], digest)

    def test_without_tag_parameters_there_is_no_oci_tag(self):
        for reference in ("v1", self.digest):
            answer = self.client.put_manifest(REPOSITORY, reference, self.manifest)
            self.assertIsNone(answer.headers["OCI-Tag"])

    def test_100_tag_parameters_are_accepted(self):
        tags = [f"t{i:03}" for i in range(MAX_TAG_PARAMETERS)]
        # Python's HTTP client accepts at most 100 headers.
        with self.registry.connect() as connection:
            headers = {"Content-Type": OCI_MANIFEST, "Content-Length": len(self.manifest)}
            connection.request("PUT", self.tags_path(*tags), headers, self.manifest)
            self.assertIn(b" 201 ", connection.file.readline())
            named = []
            while (line := connection.file.readline().strip()) != b"":
                name, _, value = line.decode().partition(": ")
                named += [value] if name.lower() == "oci-tag" else []
        self.assertEqual(named, tags)
        self.assertEqual(self.listed_tags(), tags)

    def test_one_tag_parameter_more_is_414_and_stores_nothing(self):
        tags = [f"t{i:03}" for i in range(MAX_TAG_PARAMETERS + 1)]
        self.expect_error(self.put_tags(*tags, expect=414), 414, "MANIFEST_INVALID")
        self.client.get(self.path(self.digest), expect=404)
        self.client.get(self.path("t000"), expect=404)

    def test_a_tag_parameter_beside_a_tag_in_the_path_is_400(self):
        answer = self.put_tags("v2", reference="v1", expect=400)
        self.assertTrue(answer.error_message())
        for tag in ("v1", "v2"):
            self.client.get(self.path(tag), expect=404)

    def test_a_malformed_tag_parameter_is_400_and_stores_nothing(self):
        for tag in ("-x", "a" * 129, "", "a b", "sha256:abc", "\0"):
            with self.subTest(tag=tag):
                answer = self.put_tags("good", tag, expect=400)
                self.assertTrue(answer.error_message())
        for reference in ("good", self.digest):
            self.client.get(self.path(reference), expect=404)

    def test_a_mismatching_digest_with_tag_parameters_sets_no_tag(self):
        answer = self.put_tags("v1", reference=digest_of(b"other"), expect=400)
        self.expect_error(answer, 400, "DIGEST_INVALID")
        self.client.get(self.path("v1"), expect=404)

    # Mirrors.

    def test_ns_is_accepted_on_reads(self):
        # containerd names the registry that this one mirrors.
        self.client.put_manifest(REPOSITORY, "v1", self.manifest)
        blob = f"/v2/{REPOSITORY}/blobs/{digest_of(LAYER)}"
        for path in (self.path("v1"), self.path(self.digest), blob,
                     f"/v2/{REPOSITORY}/tags/list", f"/v2/{REPOSITORY}/referrers/{self.digest}"):  # fmt: skip
            with self.subTest(path=path):
                for ns in ("docker.io", "registry.example.com:5000", ""):
                    self.assertEqual(self.client.get(f"{path}?ns={ns}").body, self.client.get(path).body)
                    self.client.head(f"{path}?ns={ns}")
        self.client.get(self.path("unknown") + "?ns=docker.io", expect=404)

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
