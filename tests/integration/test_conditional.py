"""Conditional requests: If-Match, If-None-Match and If-Range. Source: RFC 9110, section 13.

They make it safe that several clients change one index: read it, push the new one with If-Match,
and begin again after 412.
"""

import concurrent.futures
import json
import unittest

from registry import OCI_INDEX, OCI_MANIFEST, RegistryTestCase, descriptor, digest_of, image_manifest

REPOSITORY = "team/app"
CONFIG = b"{}"
BLOB = bytes(range(256)) * 100
WRITERS = 8


def quoted(digest):
    return f'"{digest}"'


class Conditional(RegistryTestCase):
    def setUp(self):
        super().setUp()
        self.client.push_blob(REPOSITORY, CONFIG)
        self.old, self.new = (
            json.dumps(image_manifest(CONFIG, [], annotations={"n": str(n)})).encode()
            for n in range(2)
        )
        self.etag = quoted(digest_of(self.old))

    def path(self, reference="v1"):
        return f"/v2/{REPOSITORY}/manifests/{reference}"

    def put(self, content, reference="v1", query="", expect=201, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        headers["Content-Type"] = OCI_MANIFEST
        return self.client.put(self.path(reference) + query, content, headers, expect)

    def expect_tag(self, content):
        self.assertEqual(self.client.get(self.path()).body, content)

    # Entity tags.

    def test_the_etag_is_the_quoted_digest(self):
        stored = self.put(self.old)
        self.assertEqual(stored.headers["ETag"], self.etag)
        for reference in ("v1", digest_of(self.old)):
            self.assertEqual(self.client.get(self.path(reference)).headers["ETag"], self.etag)
            self.assertEqual(self.client.head(self.path(reference)).headers["ETag"], self.etag)

    def test_a_304_has_etag_and_digest_and_no_body(self):
        self.put(self.old)
        for method in (self.client.get, self.client.head):
            answer = method(self.path(), {"If-None-Match": self.etag}, expect=304)
            self.assertEqual(answer.headers["ETag"], self.etag)
            self.assertEqual(answer.headers["Docker-Content-Digest"], digest_of(self.old))
            self.assertEqual(answer.body, b"")

    def test_if_none_match_takes_lists_weak_tags_and_a_star(self):
        self.put(self.old)
        for value in (f'"other", {self.etag}', f"W/{self.etag}", "*", f"{self.etag},"):
            with self.subTest(value=value):
                self.client.get(self.path(), {"If-None-Match": value}, expect=304)
        for value in ('"other"', 'W/"other"', '""', ",", "nonsense"):
            with self.subTest(value=value):
                self.client.get(self.path(), {"If-None-Match": value}, expect=200)

    def test_a_tag_that_moved_is_sent_whole(self):
        self.put(self.old)
        self.put(self.new)
        answer = self.client.get(self.path(), {"If-None-Match": self.etag})
        self.assertEqual(answer.body, self.new)

    def test_an_unknown_manifest_is_404_whatever_the_condition(self):
        self.client.get(self.path(), {"If-None-Match": "*"}, expect=404)

    # If-Match.

    def test_if_match_replaces_what_is_there(self):
        self.put(self.old)
        self.put(self.new, If_Match=self.etag)
        self.expect_tag(self.new)

    def test_if_match_on_a_tag_that_moved_is_412_and_changes_nothing(self):
        self.put(self.new)
        answer = self.put(self.old, If_Match=self.etag, expect=412)
        self.expect_error(answer, 412, "MANIFEST_INVALID")
        self.expect_tag(self.new)
        self.client.get(self.path(digest_of(self.old)), expect=404)

    def test_if_match_on_a_tag_that_is_not_there_is_412(self):
        for value in (self.etag, "*"):
            with self.subTest(value=value):
                answer = self.put(self.old, If_Match=value, expect=412)
                self.expect_error(answer, 412, "MANIFEST_INVALID")
        self.client.get(self.path(), expect=404)

    def test_if_match_takes_a_list_and_a_star(self):
        self.put(self.old)
        self.put(self.new, If_Match=f'"other", {self.etag}')
        self.put(self.old, If_Match="*")
        self.expect_tag(self.old)

    def test_a_weak_tag_never_matches_if_match(self):
        self.put(self.old)
        self.put(self.new, If_Match=f"W/{self.etag}", expect=412)
        self.expect_tag(self.old)

    def test_nonsense_in_a_condition_is_no_server_error(self):
        self.put(self.old)
        for value in ("nonsense", '"', '""', ",", "W/", 'W/"', "ü", '"\x80"', "x" * 5000):
            with self.subTest(value=value[:20]):
                headers = {"Content-Type": OCI_MANIFEST, "If-Match": value.encode("latin-1")}
                answer = self.client.put(self.path(), self.old, headers, expect=None)
                self.assertIn(answer.status, (201, 400, 412), answer)

    # If-None-Match on a change.

    def test_if_none_match_star_creates_and_never_replaces(self):
        self.put(self.old, If_None_Match="*")
        self.put(self.new, If_None_Match="*", expect=412)
        self.expect_tag(self.old)

    def test_if_none_match_with_the_tag_that_is_there_is_412(self):
        self.put(self.old)
        self.put(self.new, If_None_Match=self.etag, expect=412)
        self.put(self.new, If_None_Match='"other"')
        self.expect_tag(self.new)

    def test_a_put_by_digest_is_conditional_too(self):
        digest = digest_of(self.old)
        self.put(self.old, digest, If_Match="*", expect=412)
        self.put(self.old, digest, If_None_Match="*")
        self.put(self.old, digest, If_None_Match="*", expect=412)
        self.put(self.old, digest, If_Match=self.etag)

    def test_a_refused_put_by_digest_sets_no_tag(self):
        self.put(self.old, digest_of(self.old), "?tag=v1&tag=v2", If_Match="*", expect=412)
        for tag in ("v1", "v2"):
            self.client.get(self.path(tag), expect=404)

    # Deleting.

    def test_a_delete_with_if_match_takes_only_what_was_seen(self):
        self.put(self.old)
        self.put(self.new)
        answer = self.client.delete(self.path(), {"If-Match": self.etag}, expect=412)
        self.expect_error(answer, 412, "MANIFEST_INVALID")
        self.expect_tag(self.new)
        self.client.delete(self.path(), {"If-Match": quoted(digest_of(self.new))})
        self.client.get(self.path(), expect=404)

    def test_a_delete_by_digest_with_if_none_match_is_412(self):
        self.put(self.old)
        self.client.delete(self.path(digest_of(self.old)), {"If-None-Match": "*"}, expect=412)
        self.expect_tag(self.old)

    # Typical use.

    def test_concurrent_writers_of_an_index_lose_no_entry(self):
        def index_of(manifests):
            return json.dumps(
                {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests}
            ).encode()

        self.client.put_manifest(REPOSITORY, "index", index_of([]), OCI_INDEX)

        def add(number):
            client = self.registry.client()
            try:
                content = json.dumps(
                    image_manifest(CONFIG, [], annotations={"writer": str(number)})
                ).encode()
                client.put_manifest(REPOSITORY, digest_of(content), content)
                for _ in range(1000):
                    seen = client.get(self.path("index"))
                    entries = seen.json()["manifests"] + [descriptor(content, OCI_MANIFEST)]
                    headers = {"Content-Type": OCI_INDEX, "If-Match": seen.headers["ETag"]}
                    answer = client.put(
                        self.path("index"), index_of(entries), headers, expect=(201, 412)
                    )
                    if answer.status == 201:
                        return digest_of(content)
                raise AssertionError("never got through")
            finally:
                client.close()

        with concurrent.futures.ThreadPoolExecutor(WRITERS) as pool:
            added = set(pool.map(add, range(WRITERS)))
        entries = self.client.get(self.path("index")).json()["manifests"]
        self.assertEqual({entry["digest"] for entry in entries}, added)
        self.assertEqual(len(entries), WRITERS)

    # If-Range.

    def test_if_range_with_the_etag_sends_the_range(self):
        path = f"/v2/{REPOSITORY}/blobs/{self.client.push_blob(REPOSITORY, BLOB)}"
        etag = self.client.get(path).headers["ETag"]
        answer = self.client.get(path, {"Range": "bytes=10-19", "If-Range": etag}, expect=206)
        self.assertEqual(answer.body, BLOB[10:20])

    def test_if_range_with_anything_else_sends_the_whole_blob(self):
        path = f"/v2/{REPOSITORY}/blobs/{self.client.push_blob(REPOSITORY, BLOB)}"
        etag = self.client.get(path).headers["ETag"]
        # A weak tag is not enough (RFC 9110, 13.1.5), and there is no Last-Modified to compare with.
        for value in ('"other"', f"W/{etag}", "Wed, 21 Oct 2026 07:28:00 GMT", "nonsense"):
            with self.subTest(value=value):
                for ranges in ("bytes=10-19", "bytes=0-1,5-6", f"bytes={len(BLOB)}-"):
                    answer = self.client.get(path, {"Range": ranges, "If-Range": value})
                    self.assertEqual(answer.body, BLOB)

    def test_if_range_without_range_sends_the_whole_blob(self):
        path = f"/v2/{REPOSITORY}/blobs/{self.client.push_blob(REPOSITORY, BLOB)}"
        etag = self.client.get(path).headers["ETag"]
        self.assertEqual(self.client.get(path, {"If-Range": etag}).body, BLOB)

    def test_if_none_match_goes_before_range(self):
        path = f"/v2/{REPOSITORY}/blobs/{self.client.push_blob(REPOSITORY, BLOB)}"
        etag = self.client.get(path).headers["ETag"]
        self.client.get(path, {"Range": "bytes=10-19", "If-None-Match": etag}, expect=304)
        self.client.get(path, {"Range": "bytes=10-19", "If-None-Match": '"other"'}, expect=206)


if __name__ == "__main__":
    unittest.main()
