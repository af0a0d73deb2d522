"""skopeo: login, push, pull, copy between repositories, a multi-arch index, delete, and who may do what."""

import secrets
import unittest

import client_access
from images import PASSWORD, USER, ClientTestCase, Layout


class SkopeoCase(ClientTestCase):
    """Base class; has no tests itself."""

    program = "skopeo"

    def setUp(self):
        super().setUp()
        self.layout = Layout(self.folder / "layout")
        self.auth = self.folder / "auth.json"
        self.global_flags = ("--insecure-policy",)

    def login(self, password=PASSWORD, succeeds=True, user=USER):
        return self.run_client(
            "login", "--authfile", self.auth, "--tls-verify=false", "-u", user, "--password-stdin",
            self.registry.host, stdin=password, succeeds=succeeds,
        )  # fmt: skip

    def remote(self, name):
        return f"docker://{self.registry.host}/{name}"

    def copy(self, source, target, *flags, succeeds=True):
        return self.run_client(
            "copy", "--authfile", self.auth, "--src-tls-verify=false", "--dest-tls-verify=false",
            *flags, source, target, succeeds=succeeds,
        )  # fmt: skip

    def push(self, name="team/app:v1", *flags):
        self.login()
        self.copy(f"oci:{self.layout.folder}:v1", self.remote(name), *(flags or ("--all",)))

    def expect_same_blobs(self, folder):
        """`folder`: written by `skopeo copy docker://… dir:…`."""
        files = [path for path in folder.iterdir() if len(path.name) == 64]
        self.assertGreaterEqual(len(files), 2)
        for path in files:
            self.assertEqual(path.read_bytes(), self.layout.blobs[f"sha256:{path.name}"])


class Skopeo(SkopeoCase):
    def test_login_with_the_right_password(self):
        self.assertIn("Login Succeeded", self.login())

    def test_login_with_a_wrong_password_fails(self):
        self.login("wrong", succeeds=False)

    def test_without_login_nothing_can_be_pushed_or_pulled(self):
        self.push()
        self.auth.unlink()
        self.run_client(
            "inspect", "--tls-verify=false", self.remote("team/app:v1"), succeeds=False
        )

    def test_a_pushed_image_comes_back_byte_by_byte(self):
        self.push("team/app:v1", "--override-arch=amd64")
        self.copy(self.remote("team/app:v1"), f"dir:{self.folder}/out", "--override-arch=amd64")
        self.expect_same_blobs(self.folder / "out")

    def test_a_multi_arch_index_comes_back_byte_by_byte(self):
        self.push()
        self.copy(self.remote("team/app:v1"), f"dir:{self.folder}/out", "--all")
        out = self.folder / "out"
        self.assertEqual((out / "manifest.json").read_bytes(), self.layout.index)
        self.expect_same_blobs(out)

    def test_one_architecture_is_picked_from_an_index(self):
        self.push()
        inspected = self.run_client(
            "inspect", "--authfile", self.auth, "--tls-verify=false", "--override-arch=arm64",
            "--format={{.Architecture}}", self.remote("team/app:v1"),
        )  # fmt: skip
        self.assertEqual(inspected.strip(), "arm64")

    def test_a_copy_between_repositories_mounts_the_layers(self):
        self.push()
        self.copy(self.remote("team/app:v1"), self.remote("team/copy:v1"), "--all")
        self.assertGreaterEqual(self.mounts(), 2)
        self.copy(self.remote("team/copy:v1"), f"dir:{self.folder}/out", "--all")
        self.expect_same_blobs(self.folder / "out")

    def test_pushing_again_heals_an_image_whose_files_are_gone(self):
        self.push()
        self.copy(self.remote("team/app:v1"), self.remote("team/copy:v1"), "--all")
        files = list((self.registry.datadir / "storage" / "blobs").rglob("*~sha256~*"))
        self.assertGreaterEqual(len(files), 2)
        files[0].write_bytes(b"")
        for path in files[1:]:
            path.unlink()
        self.copy(self.remote("team/app:v1"), f"dir:{self.folder}/broken", "--all", succeeds=False)
        self.push()
        for repository in ("team/app", "team/copy"):
            out = self.folder / repository.replace("/", "-")
            self.copy(self.remote(f"{repository}:v1"), f"dir:{out}", "--all")
            self.expect_same_blobs(out)

    def test_tags_are_listed_and_deleted(self):
        self.push("team/app:v1")
        self.push("team/app:v2", "--override-arch=amd64")
        flags = ("--authfile", self.auth, "--tls-verify=false")
        tags = self.run_client("list-tags", *flags, self.remote("team/app"))
        self.assertIn('"v1"', tags)
        self.assertIn('"v2"', tags)
        self.run_client("delete", *flags, self.remote("team/app:v1"))
        self.assertNotIn('"v1"', self.run_client("list-tags", *flags, self.remote("team/app")))
        self.run_client("inspect", *flags, self.remote("team/app:v1"), succeeds=False)


class SkopeoAccess(client_access.Scenarios, SkopeoCase):
    def logout(self):
        self.run_client("logout", "--authfile", self.auth, self.registry.host)

    def use_new_config(self):
        self.auth = self.folder / "new-auth.json"

    def push_image(self, name, succeeds=True):
        source = f"oci:{self.layout.folder}:v1"
        return self.copy(source, self.remote(name), "--override-arch=amd64", succeeds=succeeds)

    def pull_image(self, name, succeeds=True):
        out = self.folder / secrets.token_hex(4)
        output = self.copy(self.remote(name), f"dir:{out}", "--override-arch=amd64", succeeds=succeeds)
        if succeeds:
            self.expect_same_blobs(out)
        return output


if __name__ == "__main__":
    unittest.main()
