"""The list of tags. Source: distribution-spec spec.md#listing-tags."""

import json
import unittest

from registry import RegistryTestCase, image_manifest

REPOSITORY = "team/app"
# In bytewise order.
TAGS = ["0", "10", "9", "A", "Z", "_x", "a", "a-b", "a.b", "aa", "b"]


class Tags(RegistryTestCase):
    def setUp(self):
        super().setUp()
        self.client.push_blob(REPOSITORY, b"{}")
        manifest = json.dumps(image_manifest(b"{}", [])).encode()
        for tag in reversed(TAGS):
            self.client.put_manifest(REPOSITORY, tag, manifest)
        self.path = f"/v2/{REPOSITORY}/tags/list"

    def test_all_are_listed_sorted_bytewise(self):
        answer = self.client.get(self.path)
        self.assertEqual(answer.json(), {"name": REPOSITORY, "tags": TAGS})
        self.assertTrue(answer.headers["Content-Type"].startswith("application/json"))
        self.assertIsNone(answer.headers["Link"])

    def test_n_limits_and_link_leads_to_the_rest(self):
        for n in (1, 2, 3, len(TAGS) - 1):
            with self.subTest(n=n):
                listed = []
                path = f"{self.path}?n={n}"
                while path:
                    answer = self.client.get(path)
                    page = answer.json()["tags"]
                    self.assertLessEqual(len(page), n)
                    listed += page
                    link = answer.headers["Link"]
                    self.assertLessEqual(len(listed), len(TAGS))
                    self.assertEqual(link is None, len(listed) == len(TAGS))
                    if link is None:
                        break
                    self.assertRegex(link, r'^<[^>]+>; *rel="?next"?$')
                    path = link[1 : link.index(">")]
                self.assertEqual(listed, TAGS)

    def test_a_full_last_page_has_no_link(self):
        answer = self.client.get(f"{self.path}?n={len(TAGS)}")
        self.assertEqual(answer.json()["tags"], TAGS)
        self.assertIsNone(answer.headers["Link"])

    def test_last_need_not_exist(self):
        self.assertEqual(self.client.get(f"{self.path}?last=a").json()["tags"], TAGS[7:])
        self.assertEqual(self.client.get(f"{self.path}?last=a-a").json()["tags"], TAGS[7:])
        self.assertEqual(self.client.get(f"{self.path}?n=2&last=Zz").json()["tags"], TAGS[5:7])
        self.assertEqual(self.client.get(f"{self.path}?last=zzz").json()["tags"], [])

    def test_n_0_is_an_empty_list(self):
        answer = self.client.get(f"{self.path}?n=0")
        self.assertEqual(answer.json()["tags"], [])

    def test_a_huge_n_is_lowered(self):
        self.assertEqual(self.client.get(f"{self.path}?n=1000000").json()["tags"], TAGS)

    def test_nonsense_in_n_is_no_server_error(self):
        for n in ("-1", "x", "", "1.5", "99999999999999999999", "0x10"):
            with self.subTest(n=n):
                answer = self.client.get(f"{self.path}?n={n}", expect=None)
                self.assertIn(answer.status, (200, 400), answer)

    def test_nonsense_in_last_is_no_server_error(self):
        for last in ("%00", "%ff", "%zz", "x" * 5000, "-", "../.."):
            with self.subTest(last=last[:20]):
                answer = self.client.get(f"{self.path}?last={last}", expect=None)
                self.assertIn(answer.status, (200, 400), answer)

    def test_deleted_tags_are_off_the_list(self):
        for tag in TAGS[::2]:
            self.client.delete(f"/v2/{REPOSITORY}/manifests/{tag}")
        self.assertEqual(self.client.get(self.path).json()["tags"], TAGS[1::2])

    def test_without_tags_the_list_is_empty_never_null(self):
        self.client.push_blob("team/untagged", b"{}")
        manifest = json.dumps(image_manifest(b"{}", [])).encode()
        self.client.put_manifest("team/untagged", "v1", manifest)
        self.client.delete("/v2/team/untagged/manifests/v1")
        self.assertEqual(self.client.get("/v2/team/untagged/tags/list").json()["tags"], [])

    def test_an_unknown_repository_is_404(self):
        answer = self.client.get("/v2/no/such/tags/list", expect=404)
        self.expect_error(answer, 404, "NAME_UNKNOWN")
        self.assertIn("no/such", answer.error_message())


if __name__ == "__main__":
    unittest.main()
