"""Sparse manifests: missing references are refused, except in repositories that -sparse matches."""

import json
import unittest

from registry import (
    OCI_INDEX,
    OCI_MANIFEST,
    RegistryTestCase,
    descriptor,
    digest_of,
    image_manifest,
    run_binary,
)

CONFIG = b"{}"
LAYER = b"a layer"


def index_of(*manifests):
    entries = [descriptor(manifest, OCI_MANIFEST) for manifest in manifests]
    return {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}


class SparseCase(RegistryTestCase):
    """Base class; has no tests itself."""

    manifest = json.dumps(image_manifest(CONFIG, [LAYER])).encode()

    def refused(self, repository):
        for reference, content, media_type in (
            ("image", self.manifest, OCI_MANIFEST),
            ("index", index_of(self.manifest), OCI_INDEX),
        ):
            answer = self.client.put_manifest(repository, reference, content, media_type, expect=404)
            self.expect_error(answer, 404, "MANIFEST_BLOB_UNKNOWN")

    def accepted(self, repository):
        for reference, content, media_type in (
            ("index", json.dumps(index_of(self.manifest)).encode(), OCI_INDEX),
            ("image", self.manifest, OCI_MANIFEST),
        ):
            self.client.put_manifest(repository, reference, content, media_type)
            pulled = self.client.get(f"/v2/{repository}/manifests/{reference}")
            self.assertEqual(pulled.body, content)


class NotSparse(SparseCase):
    def test_by_default_sparse_manifests_are_refused_everywhere(self):
        for repository in ("app", "team/sparse", "sparse/team"):
            self.refused(repository)


class EverywhereSparse(SparseCase):
    flags = ("-sparse", ".")

    def test_a_dot_accepts_them_everywhere(self):
        for repository in ("a", "team/app", "team/sparse/deep"):
            self.accepted(repository)


class Sparse(SparseCase):
    flags = ("-sparse", "^mirror/|cache$")

    def test_they_are_accepted_where_the_expression_matches(self):
        for repository in ("mirror/app", "mirror/deep/app", "team/cache", "build-cache"):
            with self.subTest(repository=repository):
                self.accepted(repository)

    def test_they_are_refused_where_it_does_not_match(self):
        for repository in ("team/app", "team/mirror/app", "mirror", "team/cache/app"):
            with self.subTest(repository=repository):
                self.refused(repository)

    def test_what_is_missing_is_404_until_it_is_pushed(self):
        self.accepted("mirror/app")
        for blob in (CONFIG, LAYER):
            path = f"/v2/mirror/app/blobs/{digest_of(blob)}"
            self.expect_error(self.client.get(path, expect=404), 404, "BLOB_UNKNOWN")
            self.client.push_blob("mirror/app", blob)
            self.assertEqual(self.client.get(path).body, blob)

    def test_a_missing_child_is_404_until_it_is_pushed(self):
        self.client.put_manifest("mirror/app", "index", index_of(self.manifest), OCI_INDEX)
        path = f"/v2/mirror/app/manifests/{digest_of(self.manifest)}"
        self.expect_error(self.client.get(path, expect=404), 404, "MANIFEST_UNKNOWN")
        self.client.put_manifest("mirror/app", digest_of(self.manifest), self.manifest)
        self.assertEqual(self.client.get(path).body, self.manifest)

    def test_a_sparse_manifest_shows_no_blob_of_another_repository(self):
        for blob in (CONFIG, LAYER):
            self.client.push_blob("team/secret", blob)
        self.accepted("mirror/app")
        for blob in (CONFIG, LAYER):
            self.client.get(f"/v2/mirror/app/blobs/{digest_of(blob)}", expect=404)

    def test_what_is_malformed_is_still_400(self):
        for content in (b"{", b'{"schemaVersion": 2, "config": {"digest": "x", "size": 1}}'):
            answer = self.client.put_manifest("mirror/app", "v1", content, expect=400)
            self.expect_error(answer, 400, "MANIFEST_INVALID")

    def test_sparse_manifests_survive_a_restart_without_the_flag(self):
        self.accepted("mirror/app")
        self.registry.stop()
        registry = self.start_registry()
        self.client = registry.client()
        self.assertEqual(self.client.get("/v2/mirror/app/manifests/image").body, self.manifest)
        self.refused("mirror/other")
        self.client.close()


class SparseFlag(RegistryTestCase):
    start_at_once = False

    def test_a_bad_expression_is_status_2_and_is_named(self):
        for value in ("(", "a[", "*", "a(?=b)"):
            with self.subTest(value=value):
                done = run_binary("serve", "-adminpwd", "x", "-sparse", value, cwd=self.folder)
                self.assertEqual(done.returncode, 2, done)
                self.assertIn(b"sparse", done.stderr)
                self.assertIn(value.encode(), done.stderr)

    def test_a_bad_expression_in_the_environment_names_the_variable(self):
        env = {"SIMPLE_REGISTRY_SPARSE": "(", "SIMPLE_REGISTRY_ADMINPWD": "x"}
        done = run_binary("serve", env=env, cwd=self.folder)
        self.assertEqual(done.returncode, 2, done)
        self.assertIn(b"SIMPLE_REGISTRY_SPARSE", done.stderr)

    def test_help_names_the_flag(self):
        self.assertIn(b"-sparse", run_binary("help", "serve").stdout)


if __name__ == "__main__":
    unittest.main()
