"""crane: login, push, pull, copy between repositories, a multi-arch index, tags, repositories, delete."""

import json
import tarfile
import unittest

from go_programs import CRANE, GoClientTestCase
from images import ARCHITECTURES, PASSWORD, USER, Layout


class Crane(GoClientTestCase):
    # The first test builds crane; the others wait for it.
    ctest = {"TIMEOUT": 600}
    go_program = CRANE

    def setUp(self):
        super().setUp()
        self.layout = Layout(self.folder / "layout")

    def login(self, password=PASSWORD):
        # It only stores the password: the first request shows if it is correct.
        return self.run_client(
            "auth", "login", "-u", USER, "--password-stdin", self.registry.host, stdin=password
        )

    def push(self, name="team/app:v1"):
        self.login()
        self.run_client("push", self.layout.folder, self.remote(name))

    def digest(self, name, *flags):
        return self.run_client("digest", *flags, self.remote(name)).strip()

    def expect_layout(self, name):
        """The whole index is there, byte by byte."""
        out = self.folder / "out"
        self.run_client("pull", "--format=oci", self.remote(name), out)
        self.assertIn(self.digest(name).partition(":")[2], (out / "index.json").read_text())
        for digest, blob in self.layout.blobs.items():
            self.assertEqual((out / "blobs" / "sha256" / digest.partition(":")[2]).read_bytes(), blob)

    def test_after_login_with_the_right_password_crane_may_pull_and_push(self):
        self.login()
        self.run_client("push", self.layout.folder, self.remote("team/app:v1"))
        self.assertEqual(self.run_client("ls", self.remote("team/app")).split(), ["v1"])

    def test_after_login_with_a_wrong_password_all_fails(self):
        self.push()
        self.login("wrong")
        for command in (
            ("ls", self.remote("team/app")),
            ("manifest", self.remote("team/app:v1")),
            ("push", self.layout.folder, self.remote("team/app:v2")),
            ("catalog", self.registry.host),
        ):
            self.assertIn("UNAUTHORIZED", self.run_client(*command, succeeds=False))

    def test_without_login_nothing_can_be_pulled(self):
        self.push()
        self.run_client("auth", "logout", self.registry.host)
        refused = self.run_client("manifest", self.remote("team/app:v1"), succeeds=False)
        self.assertIn("UNAUTHORIZED", refused)

    def test_a_multi_arch_index_comes_back_byte_by_byte(self):
        self.push()
        self.assertEqual(self.run_client("manifest", self.remote("team/app:v1")), self.layout.index.decode())
        self.expect_layout("team/app:v1")
        self.run_client("validate", "--remote", self.remote("team/app:v1"))

    def test_one_architecture_is_picked_from_an_index(self):
        self.push()
        parts = {part["platform"]["architecture"]: part for part in json.loads(self.layout.index)["manifests"]}
        for architecture in ARCHITECTURES:
            platform = f"--platform=linux/{architecture}"
            self.assertEqual(self.digest("team/app:v1", platform), parts[architecture]["digest"])
            archive = self.folder / f"{architecture}.tar"
            self.run_client("export", platform, self.remote("team/app:v1"), archive)
            with tarfile.open(archive) as files:
                self.assertEqual(files.extractfile("architecture").read(), architecture.encode())

    def test_a_manifest_is_added_to_an_index_that_is_there(self):
        self.push("team/app:v1")
        amd64 = self.digest("team/app:v1", "--platform=linux/amd64")
        arm64 = self.digest("team/app:v1", "--platform=linux/arm64")
        self.run_client("index", "filter", self.remote("team/app:v1"), "--platform=linux/amd64",
                        "-t", self.remote("team/app:one"))  # fmt: skip
        self.assertEqual(self.children("team/app:one"), [amd64])
        self.run_client("index", "append", self.remote("team/app:one"),
                        "-m", self.remote(f"team/app@{arm64}"), "-t", self.remote("team/app:two"))  # fmt: skip
        self.assertEqual(self.children("team/app:two"), [amd64, arm64])

    def children(self, name):
        index = json.loads(self.run_client("manifest", self.remote(name)))
        return [part["digest"] for part in index["manifests"]]

    def test_a_copy_between_repositories_mounts_the_layers(self):
        self.push()
        self.run_client("copy", self.remote("team/app:v1"), self.remote("team/copy:v1"))
        self.assertGreaterEqual(self.mounts(), len(ARCHITECTURES))
        self.assertEqual(self.digest("team/copy:v1"), self.digest("team/app:v1"))
        self.expect_layout("team/copy:v1")

    def test_a_layer_is_appended_to_an_image(self):
        self.push()
        layer = self.folder / "layer.tar.gz"
        layer.write_bytes(next(blob for blob in self.layout.blobs.values() if blob.startswith(b"\x1f\x8b")))
        base = self.remote("team/app@" + self.digest("team/app:v1", "--platform=linux/amd64"))
        self.run_client("append", "-b", base, "-f", layer, "-t", self.remote("team/app:more"))
        manifest = json.loads(self.run_client("manifest", self.remote("team/app:more")))
        self.assertEqual(len(manifest["layers"]), 2)

    def test_a_blob_is_read_by_its_digest(self):
        self.push()
        digest = self.digest("team/app:v1", "--platform=linux/arm64")
        config = json.loads(self.layout.blobs[digest])["config"]["digest"]
        read = self.run_client("blob", self.remote(f"team/app@{config}"))
        self.assertEqual(read, self.layout.blobs[config].decode())

    def test_tags_are_listed(self):
        self.push("team/app:v1")
        for tag in ("v10", "v2", "latest"):
            self.run_client("tag", self.remote("team/app:v1"), tag)
        listed = self.run_client("ls", self.remote("team/app")).split()
        self.assertEqual(listed, ["latest", "v1", "v10", "v2"])

    def test_repositories_are_listed(self):
        self.push("team/b:v1")
        self.push("team/a:v1")
        self.push("alone:v1")
        self.assertEqual(
            self.run_client("catalog", self.registry.host).split(), ["alone", "team/a", "team/b"]
        )

    def test_a_deleted_tag_is_gone_and_the_manifest_stays(self):
        self.push("team/app:v1")
        self.run_client("tag", self.remote("team/app:v1"), "v2")
        digest = self.digest("team/app:v1")
        self.run_client("delete", self.remote("team/app:v1"))
        self.assertEqual(self.run_client("ls", self.remote("team/app")).split(), ["v2"])
        self.assertIn("MANIFEST_UNKNOWN", self.run_client("manifest", self.remote("team/app:v1"), succeeds=False))
        self.assertEqual(self.digest("team/app:v2"), digest)

    def test_a_deleted_manifest_is_gone_with_its_tags(self):
        self.push("team/app:v1")
        self.run_client("tag", self.remote("team/app:v1"), "v2")
        digest = self.digest("team/app:v1")
        self.run_client("delete", self.remote(f"team/app@{digest}"))
        self.assertEqual(self.run_client("ls", self.remote("team/app")).split(), [])
        for name in (f"team/app@{digest}", "team/app:v1", "team/app:v2"):
            self.run_client("manifest", self.remote(name), succeeds=False)


if __name__ == "__main__":
    unittest.main()
