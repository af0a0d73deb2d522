"""A repository shows only what was pushed or mounted to it."""

import unittest

from registry import RegistryTestCase, digest_of


class Isolation(RegistryTestCase):
    def test_a_blob_of_another_repository_is_404(self):
        digest = self.client.push_blob("team/one", b"secret layer")
        self.client.push_blob("team/two", b"something else")
        path = f"/v2/team/two/blobs/{digest}"
        self.expect_error(self.client.get(path, expect=404), 404, "BLOB_UNKNOWN")
        self.client.head(path, expect=404)
        self.client.delete(path, expect=404)
        self.assertEqual(self.client.get(f"/v2/team/one/blobs/{digest}").body, b"secret layer")

    def test_a_manifest_of_another_repository_is_404_also_by_digest(self):
        manifest = self.client.push_image("team/one", "v1")
        self.client.push_image("team/two", "v2", [b"another layer"])
        for reference in ("v1", digest_of(manifest)):
            answer = self.client.get(f"/v2/team/two/manifests/{reference}", expect=404)
            self.expect_error(answer, 404, "MANIFEST_UNKNOWN")

    def test_a_manifest_may_reference_only_blobs_of_its_repository(self):
        manifest = self.client.push_image("team/one", "v1")
        self.client.push_blob("team/two", b"a blob, so that the repository exists")
        answer = self.client.put_manifest("team/two", "v1", manifest, expect=404)
        self.expect_error(answer, 404, "MANIFEST_BLOB_UNKNOWN")

    def test_the_tags_of_a_repository_with_a_longer_name_are_its_own(self):
        self.client.push_image("team/app", "a")
        self.client.push_image("team/app/nested", "b")
        self.assertEqual(self.client.get("/v2/team/app/tags/list").json()["tags"], ["a"])
        self.assertEqual(self.client.get("/v2/team/app/nested/tags/list").json()["tags"], ["b"])

    def test_deleting_a_manifest_leaves_the_same_manifest_elsewhere(self):
        manifest = self.client.push_image("team/one", "v1")
        self.client.push_image("team/two", "v1")
        self.client.delete(f"/v2/team/one/manifests/{digest_of(manifest)}")
        self.assertEqual(self.client.get("/v2/team/two/manifests/v1").body, manifest)


if __name__ == "__main__":
    unittest.main()
