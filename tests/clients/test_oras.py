"""oras: login, push, pull, copy, attach and discover, an index, tags, repositories, delete."""

import json
import unittest

from go_programs import ORAS, GoClientTestCase
from images import PASSWORD, USER, digest_of

DOCUMENT = "application/vnd.example.document"
SBOM = "application/spdx+json"
SIGNATURE = "application/vnd.example.signature"
MANY_LAYERS = 100


class Oras(GoClientTestCase):
    # The first test builds oras; the others wait for it.
    ctest = {"TIMEOUT": 600}
    go_program = ORAS

    def oras(self, *arguments, **options):
        """Runs a command that talks to the registry; it speaks HTTPS unless told otherwise."""
        return self.run_client(*arguments, "--plain-http", **options)

    def login(self, password=PASSWORD, succeeds=True):
        return self.oras(
            "login", "-u", USER, "--password-stdin", self.registry.host, stdin=password, succeeds=succeeds
        )

    def push(self, name="team/doc:v1", count=2):
        """Pushes an artifact with that many files. Returns {name: content}."""
        self.login()
        folder = self.folder / name.replace("/", "-").replace(":", "-")
        contents = self.write_files(folder, count)
        # A file's name becomes its layer's title, so push it from its own folder.
        self.working_folder = folder
        self.oras("push", "--artifact-type", DOCUMENT, self.remote(name), *contents)
        return contents

    def expect_pulled(self, name, contents):
        out = self.folder / "out"
        self.oras("pull", "--output", out, self.remote(name))
        self.expect_files(out, contents)

    def attach(self, name, artifact_type, content, *flags):
        file = self.working_folder / "attached"
        file.write_text(content)
        return self.oras("attach", "--artifact-type", artifact_type, *flags, self.remote(name), file.name)

    def discover(self, name, *flags):
        """The descriptors of its referrers."""
        found = self.oras("discover", "--format", "json", "--depth", "1", *flags, self.remote(name))
        self.expect_no_list_in_a_tag(name.partition("@")[0].partition(":")[0])
        return json.loads(found).get("referrers") or []

    def types(self, referrers):
        return sorted(part["artifactType"] for part in referrers)

    def tags(self, repository):
        return self.oras("repo", "tags", self.remote(repository)).split()

    def resolve(self, name):
        return self.oras("resolve", self.remote(name)).strip()

    def test_login_with_the_right_password(self):
        self.assertIn("Login Succeeded", self.login())

    def test_login_with_a_wrong_password_fails(self):
        self.login("wrong", succeeds=False)

    def test_without_login_nothing_can_be_pulled(self):
        self.push()
        self.run_client("logout", self.registry.host)
        self.oras("pull", "--output", self.folder / "out", self.remote("team/doc:v1"), succeeds=False)

    def test_a_pushed_artifact_comes_back_byte_by_byte(self):
        contents = self.push()
        self.expect_pulled("team/doc:v1", contents)
        manifest = json.loads(self.oras("manifest", "fetch", self.remote("team/doc:v1")))
        self.assertEqual(manifest["artifactType"], DOCUMENT)
        self.assertEqual(
            [layer["digest"] for layer in manifest["layers"]], [digest_of(c) for c in contents.values()]
        )

    def test_an_artifact_with_many_layers_comes_back_byte_by_byte(self):
        contents = self.push("team/many:v1", MANY_LAYERS)
        self.expect_pulled("team/many:v1", contents)

    def test_a_copy_between_repositories_comes_back_byte_by_byte(self):
        contents = self.push()
        self.copy("team/doc:v1", "team/copy:v1")
        self.assertEqual(self.resolve("team/copy:v1"), self.resolve("team/doc:v1"))
        self.expect_pulled("team/copy:v1", contents)

    def copy(self, source, target, *flags):
        self.run_client(
            "cp", "--from-plain-http", "--to-plain-http", *flags, self.remote(source), self.remote(target)
        )

    def test_attached_artifacts_are_discovered(self):
        self.push()
        self.assertEqual(self.discover("team/doc:v1"), [])
        self.attach("team/doc:v1", SBOM, "an SBOM", "--annotation", "org.example.by=a test")
        self.attach("team/doc:v1", SIGNATURE, "a signature")
        found = self.discover("team/doc:v1")
        self.assertEqual(self.types(found), sorted([SBOM, SIGNATURE]))
        sbom = next(part for part in found if part["artifactType"] == SBOM)
        self.assertEqual(sbom["annotations"]["org.example.by"], "a test")
        self.assertEqual(self.types(self.discover("team/doc:v1", "--artifact-type", SIGNATURE)), [SIGNATURE])
        self.expect_pulled(f"team/doc@{sbom['digest']}", {"attached": b"an SBOM"})

    def test_an_artifact_attached_to_an_attached_one_is_discovered(self):
        self.push()
        self.attach("team/doc:v1", SBOM, "an SBOM")
        sbom = self.discover("team/doc:v1")[0]["digest"]
        self.attach(f"team/doc@{sbom}", SIGNATURE, "a signature of the SBOM")
        self.assertEqual(self.types(self.discover("team/doc:v1")), [SBOM])
        self.assertEqual(self.types(self.discover(f"team/doc@{sbom}")), [SIGNATURE])
        tree = self.oras("discover", "--format", "tree", self.remote("team/doc:v1"))
        self.assertIn(SBOM, tree)
        self.assertIn(SIGNATURE, tree)

    def test_a_recursive_copy_takes_attached_artifacts_along(self):
        self.push()
        self.attach("team/doc:v1", SBOM, "an SBOM")
        self.copy("team/doc:v1", "team/copy:v1", "--recursive")
        self.assertEqual(self.types(self.discover("team/copy:v1")), [SBOM])

    def test_a_deleted_attached_artifact_is_discovered_no_more(self):
        self.push()
        self.attach("team/doc:v1", SBOM, "an SBOM")
        digest = self.discover("team/doc:v1")[0]["digest"]
        self.oras("manifest", "delete", "--force", self.remote(f"team/doc@{digest}"))
        self.assertEqual(self.discover("team/doc:v1"), [])

    def test_an_index_is_made_of_artifacts_that_are_there(self):
        self.push("team/doc:one")
        self.push("team/doc:two", 3)
        self.oras("manifest", "index", "create", self.remote("team/doc:both"), "one", "two")
        index = json.loads(self.oras("manifest", "fetch", self.remote("team/doc:both")))
        self.assertEqual(
            [part["digest"] for part in index["manifests"]],
            [self.resolve("team/doc:one"), self.resolve("team/doc:two")],
        )

    def test_a_blob_is_pushed_fetched_and_deleted(self):
        self.push()
        file = self.working_folder / "blob"
        file.write_text("some bytes\n" * 1000)
        digest = digest_of(file.read_bytes())
        blob = self.remote(f"team/doc@{digest}")
        self.oras("blob", "push", blob, file.name)
        self.oras("blob", "fetch", "--output", self.folder / "fetched", blob)
        self.assertEqual((self.folder / "fetched").read_bytes(), file.read_bytes())
        self.oras("blob", "delete", "--force", blob)
        self.oras("blob", "fetch", "--output", self.folder / "again", blob, succeeds=False)

    def test_tags_are_set_and_listed(self):
        self.push("team/doc:v1")
        self.oras("tag", self.remote("team/doc:v1"), "v10", "v2", "latest")
        self.assertEqual(self.tags("team/doc"), ["latest", "v1", "v10", "v2"])
        later = self.oras("repo", "tags", "--last", "v1", self.remote("team/doc"))
        self.assertEqual(later.split(), ["v10", "v2"])

    def test_repositories_are_listed(self):
        for name in ("team/b:v1", "team/a:v1", "alone:v1"):
            self.push(name)
        listed = self.oras("repo", "ls", self.registry.host).split()
        self.assertEqual(listed, ["alone", "team/a", "team/b"])
        later = self.oras("repo", "ls", "--last", "alone", self.registry.host).split()
        self.assertEqual(later, ["team/a", "team/b"])

    def test_a_deleted_manifest_is_gone_with_its_tags(self):
        self.push("team/doc:v1")
        self.oras("tag", self.remote("team/doc:v1"), "v2")
        digest = self.resolve("team/doc:v1")
        self.oras("manifest", "delete", "--force", self.remote("team/doc:v1"))
        self.assertEqual(self.tags("team/doc"), [])
        for name in (f"team/doc@{digest}", "team/doc:v1", "team/doc:v2"):
            self.oras("manifest", "fetch", self.remote(name), succeeds=False)


if __name__ == "__main__":
    unittest.main()
