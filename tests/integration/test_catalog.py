"""The list of repositories. Source: Docker registry HTTP API v2, "Catalog"."""

import json
import unittest

from registry import RegistryTestCase, image_manifest

# In bytewise order: "-" and "." come before "/" and letters.
REPOSITORIES = ["a", "a-b/c", "a.b", "a/b", "a/b/c", "a_b", "b", "team/app", "team/app2", "z9"]


def body_of(names):
    return {"repositories": names}


class Catalog(RegistryTestCase):
    path = "/v2/_catalog"

    def client_with(self, authorization):
        client = self.registry.client(authorization)
        self.addCleanup(client.close)
        return client

    def push_to(self, *repositories):
        manifest = json.dumps(image_manifest(b"{}", [])).encode()
        for repository in repositories:
            self.client.push_blob(repository, b"{}")
            self.client.put_manifest(repository, "v1", manifest)

    def test_of_an_empty_registry_the_list_is_empty_never_null(self):
        answer = self.client.get(self.path)
        self.assertEqual(answer.json(), body_of([]))
        self.assertIsNone(answer.headers["Link"])

    def test_all_repositories_are_listed_sorted_bytewise(self):
        self.push_to(*reversed(REPOSITORIES))
        answer = self.client.get(self.path)
        self.assertEqual(answer.json(), body_of(REPOSITORIES))
        self.assertTrue(answer.headers["Content-Type"].startswith("application/json"))
        self.assertIsNone(answer.headers["Link"])

    def test_n_limits_and_link_leads_to_the_rest(self):
        self.push_to(*REPOSITORIES)
        for n in (1, 3, 5, len(REPOSITORIES) - 1):
            with self.subTest(n=n):
                listed = []
                path = f"{self.path}?n={n}"
                while path:
                    answer = self.client.get(path)
                    page = answer.json()["repositories"]
                    self.assertLessEqual(len(page), n)
                    listed += page
                    self.assertLessEqual(len(listed), len(REPOSITORIES))
                    link = answer.headers["Link"]
                    self.assertEqual(link is None, len(listed) == len(REPOSITORIES))
                    if link is None:
                        break
                    self.assertRegex(link, r'^<[^>]+>; *rel="?next"?$')
                    path = link[1 : link.index(">")]
                self.assertEqual(listed, REPOSITORIES)

    def test_a_full_last_page_has_no_link(self):
        self.push_to("a", "b")
        answer = self.client.get(f"{self.path}?n=2")
        self.assertEqual(answer.json(), body_of(["a", "b"]))
        self.assertIsNone(answer.headers["Link"])

    def test_last_need_not_exist(self):
        self.push_to(*REPOSITORIES)
        for last, rest in (("a/b", REPOSITORIES[4:]), ("a/b/b", REPOSITORIES[4:]), ("zz", []),
                           ("", REPOSITORIES), ("NOT A NAME", REPOSITORIES)):  # fmt: skip
            with self.subTest(last=last):
                answer = self.client.get(f"{self.path}?last={last.replace(' ', '%20')}")
                self.assertEqual(answer.json(), body_of(rest))

    def test_n_0_is_an_empty_list_without_link(self):
        self.push_to("a")
        answer = self.client.get(f"{self.path}?n=0")
        self.assertEqual(answer.json(), body_of([]))
        self.assertIsNone(answer.headers["Link"])

    def test_nonsense_in_n_or_last_is_no_server_error(self):
        self.push_to("a")
        for query in ("n=-1", "n=x", "n=", "n=1.5", "n=99999999999999999999", "last=%00", "last=%ff"):
            with self.subTest(query=query):
                answer = self.client.get(f"{self.path}?{query}", expect=None)
                self.assertIn(answer.status, (200, 400), answer)

    def test_a_refused_manifest_makes_no_repository(self):
        missing = image_manifest(b"missing", [])
        self.client.put_manifest("team/refused", "v1", missing, expect=404)
        self.assertEqual(self.client.get(self.path).json(), body_of([]))
        self.client.get("/v2/team/refused/tags/list", expect=404)

    def test_an_upload_alone_makes_no_repository(self):
        location = self.client.begin_upload("team/begun")
        self.client.patch(location, b"x")
        self.assertEqual(self.client.get(self.path).json(), body_of([]))
        self.expect_error(self.client.get("/v2/team/begun/tags/list", expect=404), 404, "NAME_UNKNOWN")

    def test_a_repository_with_only_a_blob_is_listed_and_has_no_tags(self):
        self.client.push_blob("team/blob", b"x")
        self.assertEqual(self.client.get(self.path).json(), body_of(["team/blob"]))
        self.assertEqual(self.client.get("/v2/team/blob/tags/list").json()["tags"], [])

    def test_repositories_survive_a_restart(self):
        self.push_to("a", "b")
        self.registry.restart()
        self.assertEqual(self.client.get(self.path).json(), body_of(["a", "b"]))

    def test_without_credential_it_is_401_with_the_scope_it_needs(self):
        answer = self.client_with(None).get(self.path, expect=401)
        self.expect_error(answer, 401, "UNAUTHORIZED")
        self.assertIn('scope="registry:catalog:*"', answer.headers["WWW-Authenticate"])

    def test_only_a_token_for_the_catalog_opens_it(self):
        self.push_to("a")
        for scope, status in (("registry:catalog:*", 200), ("repository:a:pull", 401)):
            token = self.client.get(f"/token?service=registry&scope={scope}").json()["token"]
            answer = self.client_with(f"Bearer {token}").get(self.path, expect=status)
        self.assertIn('error="insufficient_scope"', answer.headers["WWW-Authenticate"])

    def test_a_wrong_method_is_405(self):
        for method in ("POST", "PUT", "DELETE"):
            self.expect_error(self.client.request(method, self.path), 405, "UNSUPPORTED")


if __name__ == "__main__":
    unittest.main()
