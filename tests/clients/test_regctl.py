"""regctl: login, push, pull, copy, a multi-arch index, artifacts, referrers, tags, repositories, delete."""

import json
import unittest

from go_programs import REGCTL, GoClientTestCase
from images import ARCHITECTURES, PASSWORD, USER, Layout, digest_of

SBOM = "application/spdx+json"
SIGNATURE = "application/vnd.example.signature"
MANY_LAYERS = 100


class Regctl(GoClientTestCase):
    # The first test builds regctl; the others wait for it.
    ctest = {"TIMEOUT": 600}
    go_program = REGCTL

    def setUp(self):
        super().setUp()
        self.layout = Layout(self.folder / "layout")
        # regctl speaks HTTPS unless told otherwise.
        self.run_client("registry", "set", "--tls", "disabled", self.registry.host)

    def login(self, password=PASSWORD, succeeds=True):
        return self.run_client(
            "registry", "login", "-u", USER, "--pass-stdin", self.registry.host,
            stdin=password, succeeds=succeeds,
        )  # fmt: skip

    def push(self, name="team/app:v1"):
        self.login()
        self.run_client("image", "copy", f"ocidir://{self.layout.folder}:v1", self.remote(name))

    def digest(self, name, *flags):
        return self.run_client("image", "digest", *flags, self.remote(name)).strip()

    def tags(self, repository):
        return self.run_client("tag", "ls", self.remote(repository)).split()

    def expect_layout(self, name):
        """The whole index is there, byte by byte."""
        out = self.folder / "out"
        self.run_client("image", "copy", self.remote(name), f"ocidir://{out}:pulled")
        for digest, blob in self.layout.blobs.items():
            self.assertEqual((out / "blobs" / "sha256" / digest.partition(":")[2]).read_bytes(), blob)

    def put_artifact(self, content, *flags):
        file = self.folder / "artifact"
        file.write_bytes(content)
        return self.run_client("artifact", "put", "--file", file, *flags)

    def referrers(self, name, *flags):
        """The artifact types of its referrers, sorted."""
        return sorted(part["artifactType"] for part in self.referrer_descriptors(name, *flags))

    def referrer_descriptors(self, name, *flags):
        listed = self.run_client(
            "artifact", "list", self.remote(name), "--format", "{{json .Descriptors}}", *flags
        )
        self.expect_no_list_in_a_tag(name.partition(":")[0])
        return json.loads(listed) or []

    def test_login_with_the_right_password(self):
        self.login()
        self.run_client("image", "copy", f"ocidir://{self.layout.folder}:v1", self.remote("team/app:v1"))
        self.assertEqual(self.tags("team/app"), ["v1"])

    def test_login_with_a_wrong_password_fails(self):
        self.assertIn("unauthorized", self.login("wrong", succeeds=False))

    def test_without_login_nothing_can_be_pulled(self):
        self.push()
        self.run_client("registry", "logout", self.registry.host)
        self.run_client("manifest", "get", self.remote("team/app:v1"), succeeds=False)

    def test_a_multi_arch_index_comes_back_byte_by_byte(self):
        self.push()
        body = self.run_client("manifest", "get", "--format", "raw-body", self.remote("team/app:v1"))
        self.assertEqual(body, self.layout.index.decode())
        self.expect_layout("team/app:v1")

    def test_one_architecture_is_picked_from_an_index(self):
        self.push()
        parts = {part["platform"]["architecture"]: part for part in json.loads(self.layout.index)["manifests"]}
        for architecture in ARCHITECTURES:
            found = self.digest("team/app:v1", "--platform", f"linux/{architecture}")
            self.assertEqual(found, parts[architecture]["digest"])

    def test_an_index_is_made_of_images_that_are_there(self):
        self.push()
        parts = [self.digest("team/app:v1", "--platform", f"linux/{a}") for a in ARCHITECTURES]
        refs = [flag for part in parts for flag in ("--ref", self.remote(f"team/app@{part}"))]
        self.run_client("index", "create", self.remote("team/app:made"), *refs)
        made = json.loads(
            self.run_client("manifest", "get", "--format", "raw-body", self.remote("team/app:made"))
        )
        self.assertEqual([part["digest"] for part in made["manifests"]], parts)

    def test_a_copy_between_repositories_mounts_the_layers(self):
        self.push()
        self.run_client("image", "copy", self.remote("team/app:v1"), self.remote("team/copy:v1"))
        self.assertGreaterEqual(self.mounts(), len(ARCHITECTURES))
        self.assertEqual(self.digest("team/copy:v1"), self.digest("team/app:v1"))
        self.expect_layout("team/copy:v1")

    def test_blobs_are_put_and_read_by_their_digest(self):
        self.login()
        content = "some bytes\n" * 1000
        digest = self.run_client("blob", "put", self.remote("team/app"), stdin=content).strip()
        self.assertEqual(digest, digest_of(content.encode()))
        self.assertEqual(self.run_client("blob", "get", self.remote("team/app"), digest), content)
        self.run_client("blob", "delete", self.remote("team/app"), digest)
        self.run_client("blob", "get", self.remote("team/app"), digest, succeeds=False)

    def test_referrers_are_put_listed_and_read(self):
        self.push()
        subject = ("--subject", self.remote("team/app:v1"))
        self.assertEqual(self.referrers("team/app:v1"), [])
        self.put_artifact(b"an SBOM", "--artifact-type", SBOM, *subject)
        self.put_artifact(b"a signature", "--artifact-type", SIGNATURE, *subject)
        self.assertEqual(self.referrers("team/app:v1"), [SBOM, SIGNATURE])
        self.assertEqual(self.referrers("team/app:v1", "--filter-artifact-type", SBOM), [SBOM])
        read = self.run_client("artifact", "get", *subject, "--filter-artifact-type", SBOM)
        self.assertEqual(read, "an SBOM")

    def test_a_referrer_of_one_architecture_is_no_referrer_of_the_index(self):
        self.push()
        self.put_artifact(
            b"an SBOM", "--artifact-type", SBOM, "--subject", self.remote("team/app:v1"), "--platform", "linux/arm64"
        )
        self.assertEqual(self.referrers("team/app:v1"), [])
        self.assertEqual(self.referrers("team/app:v1", "--platform", "linux/arm64"), [SBOM])

    def test_a_copy_with_referrers_takes_them_along(self):
        self.push()
        self.put_artifact(b"an SBOM", "--artifact-type", SBOM, "--subject", self.remote("team/app:v1"))
        self.run_client(
            "image", "copy", "--referrers", self.remote("team/app:v1"), self.remote("team/copy:v1")
        )
        self.assertEqual(self.referrers("team/copy:v1"), [SBOM])

    def test_a_deleted_referrer_is_listed_no_more(self):
        self.push()
        self.put_artifact(b"an SBOM", "--artifact-type", SBOM, "--subject", self.remote("team/app:v1"))
        digest = self.referrer_descriptors("team/app:v1")[0]["digest"]
        self.run_client("manifest", "delete", self.remote(f"team/app@{digest}"))
        self.assertEqual(self.referrers("team/app:v1"), [])

    def test_an_artifact_with_many_layers_comes_back_byte_by_byte(self):
        self.login()
        contents = self.write_files(self.folder / "in", MANY_LAYERS)
        part = ("--file-media-type", "application/vnd.example.part")
        files = [flag for name in contents for flag in ("--file", self.folder / "in" / name, *part)]
        self.run_client(
            "artifact", "put", "--artifact-type", "application/vnd.example.many", "--file-title",
            "--strip-dirs", *files, self.remote("team/many:v1"),
        )  # fmt: skip
        out = self.folder / "out"
        out.mkdir()
        self.run_client("artifact", "get", "--output", out, self.remote("team/many:v1"))
        self.expect_files(out, contents)

    def test_tags_are_listed(self):
        self.push("team/app:v1")
        for tag in ("v10", "v2", "latest"):
            self.run_client("image", "copy", self.remote("team/app:v1"), self.remote(f"team/app:{tag}"))
        self.assertEqual(self.tags("team/app"), ["latest", "v1", "v10", "v2"])
        page = self.run_client("tag", "ls", "--limit", "2", "--last", "latest", self.remote("team/app"))
        self.assertEqual(page.split(), ["v1", "v10"])

    def test_repositories_are_listed(self):
        for name in ("team/b:v1", "team/a:v1", "alone:v1"):
            self.push(name)
        self.assertEqual(
            self.run_client("repo", "ls", self.registry.host).split(), ["alone", "team/a", "team/b"]
        )
        page = self.run_client("repo", "ls", "--limit", "1", "--last", "alone", self.registry.host)
        self.assertEqual(page.split(), ["team/a"])

    def test_a_deleted_tag_is_gone_and_the_manifest_stays(self):
        self.push("team/app:v1")
        self.push("team/app:v2")
        digest = self.digest("team/app:v1")
        self.run_client("tag", "delete", self.remote("team/app:v1"))
        self.assertEqual(self.tags("team/app"), ["v2"])
        self.assertEqual(self.digest("team/app:v2"), digest)
        self.run_client("manifest", "head", self.remote(f"team/app@{digest}"))

    def test_a_deleted_manifest_is_gone_with_its_tags(self):
        self.push("team/app:v1")
        self.push("team/app:v2")
        digest = self.digest("team/app:v1")
        self.run_client("manifest", "delete", self.remote(f"team/app@{digest}"))
        self.assertEqual(self.tags("team/app"), [])
        for name in (f"team/app@{digest}", "team/app:v1", "team/app:v2"):
            self.run_client("manifest", "get", self.remote(name), succeeds=False)


if __name__ == "__main__":
    unittest.main()
