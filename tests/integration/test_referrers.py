"""The list of a manifest's referrers.

Source: distribution-spec spec.md#listing-referrers, #pushing-manifests-with-subject,
#enabling-the-referrers-api.
"""

import json
import unittest
import urllib.parse

from registry import (
    OCI_INDEX,
    OCI_MANIFEST,
    RegistryTestCase,
    descriptor,
    digest_of,
    image_manifest,
)

REPOSITORY = "team/app"
CONFIG = b"{}"
# Clients stop reading at 4 MiB; the registry's limit is lower.
MAX_PAGE_BYTES = 3 * 1024 * 1024
SIGNATURE = "application/vnd.example.signature.v1+json"
SBOM = "application/vnd.example.sbom"


class Referrers(RegistryTestCase):
    def setUp(self):
        super().setUp()
        self.client.push_blob(REPOSITORY, CONFIG)
        self.subject = json.dumps(image_manifest(CONFIG, [])).encode()
        self.client.put_manifest(REPOSITORY, "v1", self.subject)

    def path(self, subject=None, repository=REPOSITORY):
        return f"/v2/{repository}/referrers/{subject or digest_of(self.subject)}"

    def push(self, repository=REPOSITORY, media_type=OCI_MANIFEST, manifest=None, **fields):
        """Pushes a manifest with the subject by its digest. Returns its bytes."""
        fields = {"subject": descriptor(self.subject, OCI_MANIFEST), **fields}
        manifest = image_manifest(CONFIG, []) if manifest is None else manifest
        content = json.dumps({**manifest, **fields}).encode()
        answer = self.client.put_manifest(repository, digest_of(content), content, media_type)
        self.assertEqual(answer.headers["OCI-Subject"], fields["subject"]["digest"])
        return content

    def listed(self, path=None):
        """The descriptors of one page, which must be an image index."""
        answer = self.client.get(path or self.path())
        self.assertEqual(answer.headers["Content-Type"], OCI_INDEX)
        index = answer.json()
        self.assertEqual(index["schemaVersion"], 2)
        self.assertEqual(index["mediaType"], OCI_INDEX)
        return index["manifests"]

    def digests(self, path=None):
        return [entry["digest"] for entry in self.listed(path)]

    def pages(self, path):
        """Follows the links; yields each answer."""
        seen = set()
        while path:
            self.assertNotIn(path, seen)
            seen.add(path)
            answer = self.client.get(path)
            yield answer
            link = answer.headers["Link"]
            if link is None:
                return
            self.assertRegex(link, r'^<[^>]+>; *rel="?next"?$')
            path = link[1 : link.index(">")]

    # Entries of the list.

    def test_without_referrers_the_list_is_an_empty_index(self):
        self.assertEqual(self.listed(), [])
        self.assertIsNone(self.client.get(self.path()).headers["Link"])

    def test_of_an_unknown_manifest_or_repository_the_list_is_an_empty_index(self):
        for digest in (digest_of(b"unknown"), digest_of(b"unknown", "sha512")):
            self.assertEqual(self.listed(self.path(digest)), [])
            self.assertEqual(self.listed(self.path(digest, "no/such")), [])

    def test_a_malformed_digest_is_400(self):
        for digest in ("v1", "sha256:abc", "md5:" + "0" * 32, "sha256:" + "Z" * 64, "sha256"):
            with self.subTest(digest=digest):
                answer = self.client.get(self.path(digest), expect=400)
                self.expect_error(answer, 400, "DIGEST_INVALID")

    def test_a_referrer_is_listed_with_type_size_and_digest(self):
        content = self.push(artifactType=SIGNATURE)
        self.assertEqual(
            self.listed(),
            [{**descriptor(content, OCI_MANIFEST), "artifactType": SIGNATURE}],
        )

    def test_without_artifact_type_the_media_type_of_the_config_is_listed(self):
        config = descriptor(CONFIG, "application/vnd.example.config.v1+json")
        self.push(config=config)
        self.assertEqual(self.listed()[0]["artifactType"], config["mediaType"])

    def test_the_artifact_type_goes_before_the_media_type_of_the_config(self):
        self.push(artifactType=SBOM, config=descriptor(CONFIG, "application/vnd.example.config"))
        self.assertEqual(self.listed()[0]["artifactType"], SBOM)

    def test_an_index_may_have_a_subject_and_has_no_config_to_fall_back_to(self):
        empty = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}
        typed = self.push(media_type=OCI_INDEX, manifest=empty, artifactType=SBOM)
        plain = self.push(media_type=OCI_INDEX, manifest=empty)
        listed = {entry["digest"]: entry for entry in self.listed()}
        self.assertEqual(
            listed[digest_of(typed)], {**descriptor(typed, OCI_INDEX), "artifactType": SBOM}
        )
        self.assertEqual(listed[digest_of(plain)], descriptor(plain, OCI_INDEX))

    def test_annotations_are_copied(self):
        annotations = {"org.example.key": "value", "ünï": 'quotes " and \\ and \n', "empty": ""}
        self.push(artifactType=SBOM, annotations=annotations)
        self.push(artifactType=SIGNATURE)
        listed = {entry["artifactType"]: entry for entry in self.listed()}
        self.assertEqual(listed[SBOM]["annotations"], annotations)
        self.assertNotIn("annotations", listed[SIGNATURE])

    def test_a_referrer_may_be_pushed_before_its_subject(self):
        later = json.dumps(image_manifest(CONFIG, [], annotations={"comes": "later"})).encode()
        content = self.push(subject=descriptor(later, OCI_MANIFEST))
        self.assertEqual(self.digests(self.path(digest_of(later))), [digest_of(content)])
        self.client.get(f"/v2/{REPOSITORY}/manifests/{digest_of(later)}", expect=404)
        self.client.put_manifest(REPOSITORY, "later", later)
        self.assertEqual(self.digests(self.path(digest_of(later))), [digest_of(content)])

    def test_a_referrer_pushed_by_tag_is_listed(self):
        manifest = image_manifest(CONFIG, [], subject=descriptor(self.subject, OCI_MANIFEST))
        answer = self.client.put_manifest(REPOSITORY, "signature", manifest)
        self.assertEqual(answer.headers["OCI-Subject"], digest_of(self.subject))
        self.assertEqual(self.digests(), [digest_of(json.dumps(manifest).encode())])

    def test_a_referrer_of_a_referrer_is_listed_there_only(self):
        signature = self.push(artifactType=SIGNATURE)
        above = self.push(artifactType=SBOM, subject=descriptor(signature, OCI_MANIFEST))
        self.assertEqual(self.digests(), [digest_of(signature)])
        self.assertEqual(self.digests(self.path(digest_of(signature))), [digest_of(above)])

    def test_a_subject_under_sha512_has_referrers_of_its_own(self):
        digest = digest_of(self.subject, "sha512")
        self.client.put_manifest(REPOSITORY, digest, self.subject)
        content = self.push(subject={**descriptor(self.subject, OCI_MANIFEST), "digest": digest})
        self.assertEqual(self.digests(self.path(digest)), [digest_of(content)])
        self.assertEqual(self.digests(), [])

    def test_the_fallback_tag_of_a_client_lives_beside_the_list(self):
        # With a registry that lacks this list, clients keep an index at the tag sha256-HEX.
        content = self.push(artifactType=SIGNATURE)
        tag = digest_of(self.subject).replace(":", "-")
        entry = {**descriptor(content, OCI_MANIFEST), "artifactType": SIGNATURE}
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]}
        self.client.put_manifest(REPOSITORY, tag, index, OCI_INDEX)
        pulled = self.client.get(f"/v2/{REPOSITORY}/manifests/{tag}")
        self.assertEqual(pulled.json(), index)
        self.assertEqual(self.listed(), [entry])
        self.client.delete(f"/v2/{REPOSITORY}/manifests/{tag}")
        self.assertEqual(self.listed(), [entry])

    def test_a_deleted_referrer_is_off_the_list(self):
        kept, gone = self.push(artifactType=SBOM), self.push(artifactType=SIGNATURE)
        self.client.delete(f"/v2/{REPOSITORY}/manifests/{digest_of(gone)}")
        self.assertEqual(self.digests(), [digest_of(kept)])

    def test_referrers_outlive_their_subject(self):
        content = self.push()
        self.client.delete(f"/v2/{REPOSITORY}/manifests/{digest_of(self.subject)}")
        self.assertEqual(self.digests(), [digest_of(content)])

    def test_referrers_of_another_repository_are_not_shown(self):
        self.client.push_blob("team/other", CONFIG)
        self.client.put_manifest("team/other", "v1", self.subject)
        content = self.push("team/other")
        self.assertEqual(self.digests(), [])
        other = self.path(repository="team/other")
        self.assertEqual(self.digests(other), [digest_of(content)])

    def test_the_same_referrer_pushed_again_is_listed_once(self):
        for _ in range(3):
            content = self.push(artifactType=SBOM)
        self.assertEqual(self.digests(), [digest_of(content)])

    def test_referrers_survive_a_restart(self):
        self.push(artifactType=SIGNATURE, annotations={"a": "b"})
        before = self.listed()
        self.registry.restart()
        self.assertEqual(self.listed(), before)

    def test_head_tells_the_length_and_sends_no_body(self):
        self.push()
        length = len(self.client.get(self.path()).body)
        answer = self.client.head(self.path())
        self.assertEqual(answer.headers["Content-Length"], str(length))
        self.assertEqual(answer.body, b"")

    # The filter.

    def test_the_filter_is_applied_and_says_so(self):
        signature = self.push(artifactType=SIGNATURE)
        self.push(artifactType=SBOM)
        self.push()
        path = f"{self.path()}?{urllib.parse.urlencode({'artifactType': SIGNATURE})}"
        self.assertEqual(self.digests(path), [digest_of(signature)])
        self.assertEqual(self.client.get(path).headers["OCI-Filters-Applied"], "artifactType")

    def test_without_a_filter_no_filter_is_claimed(self):
        self.push(artifactType=SIGNATURE)
        self.assertIsNone(self.client.get(self.path()).headers["OCI-Filters-Applied"])

    def test_a_filter_that_matches_nothing_makes_an_empty_index_and_says_so(self):
        self.push(artifactType=SIGNATURE)
        path = f"{self.path()}?artifactType=application/vnd.example.none"
        self.assertEqual(self.listed(path), [])
        self.assertEqual(self.client.get(path).headers["OCI-Filters-Applied"], "artifactType")

    def test_the_filter_finds_the_media_type_of_the_config_too(self):
        content = self.push(config=descriptor(CONFIG, "application/vnd.example.config"))
        self.push(artifactType=SBOM)
        path = f"{self.path()}?artifactType=application/vnd.example.config"
        self.assertEqual(self.digests(path), [digest_of(content)])

    # Pages.

    def test_n_limits_and_link_leads_to_the_rest(self):
        pushed = sorted(digest_of(self.push(annotations={"n": str(i)})) for i in range(7))
        for n in (1, 2, 3, 6, 7, 100):
            with self.subTest(n=n):
                pages = [answer.json()["manifests"] for answer in self.pages(f"{self.path()}?n={n}")]
                self.assertLessEqual(max(map(len, pages)), n)
                self.assertEqual(len(pages), -(-len(pushed) // n))
                listed = [entry["digest"] for page in pages for entry in page]
                self.assertEqual(sorted(listed), pushed)

    def test_the_link_keeps_the_filter(self):
        kinds = (SIGNATURE, SBOM)
        pushed = [
            self.push(artifactType=kind, annotations={"n": str(i)})
            for i in range(5)
            for kind in kinds
        ]
        wanted = sorted(digest_of(content) for content in pushed[::2])
        path = f"{self.path()}?{urllib.parse.urlencode({'artifactType': SIGNATURE, 'n': 2})}"
        listed = []
        for answer in self.pages(path):
            self.assertEqual(answer.headers["OCI-Filters-Applied"], "artifactType")
            listed += [entry["digest"] for entry in answer.json()["manifests"]]
        self.assertEqual(sorted(listed), wanted)

    def test_n_0_is_an_empty_index_without_link(self):
        self.push()
        answer = self.client.get(f"{self.path()}?n=0")
        self.assertEqual(answer.json()["manifests"], [])
        self.assertIsNone(answer.headers["Link"])

    def test_nonsense_in_n_or_last_is_no_server_error(self):
        self.push()
        for query in ("n=-1", "n=x", "n=", "n=99999999999999999999", "last=x", "last=%00", "last=%ff",
                      "artifactType=%ff", "artifactType=", "artifactType=%00"):  # fmt: skip
            with self.subTest(query=query):
                answer = self.client.get(f"{self.path()}?{query}", expect=None)
                self.assertIn(answer.status, (200, 400), answer)

    def test_a_page_is_at_most_3_mib_and_the_links_yield_each_referrer_once(self):
        # JSON escapes quotes, which doubles them: the size on the wire counts.
        texts = ("x" * 700_000, '"' * 400_000, "ü" * 300_000, "\u0001" * 120_000, "x" * 10)
        pushed = sorted(
            digest_of(self.push(annotations={"n": str(i), "text": text}))
            for i in range(4)
            for text in texts
        )
        listed = []
        pages = 0
        for answer in self.pages(self.path()):
            self.assertLessEqual(len(answer.body), MAX_PAGE_BYTES)
            page = answer.json()["manifests"]
            self.assertTrue(page)
            listed += page
            pages += 1
        self.assertGreater(pages, 2)
        self.assertEqual(sorted(entry["digest"] for entry in listed), pushed)
        for entry in listed:
            self.assertIn(entry["annotations"]["text"], texts)

    def test_one_referrer_with_annotations_of_4_mb_cannot_break_the_list(self):
        big = digest_of(self.push(annotations={"text": "x" * 4_190_000}))
        small = digest_of(self.push(annotations={"text": "small"}))
        listed = {}
        for answer in self.pages(self.path()):
            self.assertLessEqual(len(answer.body), MAX_PAGE_BYTES)
            listed.update((entry["digest"], entry) for entry in answer.json()["manifests"])
        self.assertEqual(set(listed), {big, small})
        self.assertEqual(listed[small]["annotations"], {"text": "small"})

    def test_one_referrer_with_an_artifact_type_of_4_mb_cannot_break_the_list(self):
        subject = descriptor(self.subject, OCI_MANIFEST)
        manifest = image_manifest(CONFIG, [], subject=subject, artifactType="x/" + "y" * 4_190_000)
        # No media type is that long (RFC 6838 allows 127 characters on either side).
        answer = self.client.put_manifest(REPOSITORY, "big", manifest, expect=(201, 400))
        small = digest_of(self.push(artifactType=SBOM))
        listed = []
        for page in self.pages(self.path()):
            self.assertLessEqual(len(page.body), MAX_PAGE_BYTES)
            listed += [entry["digest"] for entry in page.json()["manifests"]]
        self.assertIn(small, listed)
        self.assertEqual(len(listed), 2 if answer.status == 201 else 1)


if __name__ == "__main__":
    unittest.main()
