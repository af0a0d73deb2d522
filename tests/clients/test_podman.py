"""podman: login, push, pull, copy between repositories, a multi-arch index, delete, and who may do what."""

import io
import os
import pathlib
import random
import subprocess
import tarfile
import unittest

import client_access
from images import PASSWORD, USER, BUSYBOX, ClientTestCase, Layout, file_in_saved_image


class PodmanCase(ClientTestCase):
    """Base class; has no tests itself."""

    program = "podman"

    def setUp(self):
        super().setUp()
        if os.geteuid() != 0:
            self.skipTest("podman with storage of its own needs root")
        self.use_storage("one")
        self.layout = Layout(self.folder / "layout", files={"hello": b"hello from podman\n"})
        self.auth = self.folder / "auth.json"

    def use_storage(self, name):
        """Keeps images in a folder of this test; each name is another, empty machine."""
        folder = self.folder / name
        self.global_flags = (
            "--storage-driver", "vfs", "--root", folder / "root", "--runroot", folder / "run",
            "--tmpdir", folder / "tmp", "--cgroup-manager", "cgroupfs", "--events-backend", "file",
        )  # fmt: skip

    def environment(self):
        return {**super().environment(), "REGISTRY_AUTH_FILE": str(self.auth)}

    def login(self, password=PASSWORD, succeeds=True, user=USER):
        return self.run_client(
            "login", "--tls-verify=false", "-u", user, "--password-stdin", self.registry.host,
            stdin=password, succeeds=succeeds,
        )  # fmt: skip

    def remote(self, name):
        return f"{self.registry.host}/{name}"

    def make_image(self, name):
        self.run_client("pull", f"oci:{self.layout.folder}:v1")
        image = self.run_client("images", "-q").split()[0]
        self.run_client("tag", image, self.remote(name))

    def push(self, name="team/app:v1"):
        self.login()
        self.make_image(name)
        self.run_client("push", "--tls-verify=false", self.remote(name))

    def expect_image(self, name):
        archive = self.folder / "saved.tar"
        self.run_client("save", "--format", "docker-archive", "-o", archive, self.remote(name))
        self.assertEqual(file_in_saved_image(archive, "hello"), b"hello from podman\n")
        self.assertEqual(file_in_saved_image(archive, "bin/busybox"), BUSYBOX.read_bytes())


class Podman(PodmanCase):
    def test_login_with_the_right_password(self):
        self.assertIn("Login Succeeded", self.login())

    def test_login_with_a_wrong_password_fails(self):
        self.login("wrong", succeeds=False)

    def test_a_pushed_image_is_pulled_on_another_machine(self):
        self.push()
        self.use_storage("two")
        self.run_client("pull", "--tls-verify=false", self.remote("team/app:v1"))
        self.expect_image("team/app:v1")

    def test_a_push_to_another_repository_mounts_the_layers(self):
        self.push()
        self.run_client("tag", self.remote("team/app:v1"), self.remote("team/copy:v1"))
        self.run_client("push", "--tls-verify=false", self.remote("team/copy:v1"))
        self.assertGreaterEqual(self.mounts(), 1)
        self.use_storage("two")
        self.run_client("pull", "--tls-verify=false", self.remote("team/copy:v1"))
        self.expect_image("team/copy:v1")

    def test_a_multi_arch_index_is_pushed_and_one_architecture_pulled(self):
        self.login()
        self.run_client("manifest", "create", "list", f"oci:{self.layout.folder}:v1", "--all")
        target = "docker://" + self.remote("team/app:multi")
        self.run_client("manifest", "push", "--all", "--tls-verify=false", "list", target)
        self.use_storage("two")
        self.run_client(
            "pull", "--tls-verify=false", "--arch", "arm64", self.remote("team/app:multi")
        )
        archive = self.folder / "saved.tar"
        self.run_client("save", "-o", archive, self.remote("team/app:multi"))
        self.assertEqual(file_in_saved_image(archive, "architecture"), b"arm64")

    def test_a_deleted_image_cannot_be_pulled(self):
        self.push()
        manifest = self.client.get("/v2/team/app/manifests/v1")
        digest = manifest.headers["Docker-Content-Digest"]
        self.client.delete(f"/v2/team/app/manifests/{digest}")
        self.use_storage("two")
        self.run_client("pull", "--tls-verify=false", self.remote("team/app:v1"), succeeds=False)


class PodmanAccess(client_access.Scenarios, PodmanCase):
    ctest = {"TIMEOUT": 180}

    def logout(self):
        self.run_client("logout", self.registry.host)

    def use_new_config(self):
        self.auth = self.folder / "new-auth.json"
        # podman requires it.
        self.auth.write_text("{}")

    def push_image(self, name, succeeds=True):
        self.make_image(name)
        return self.run_client("push", "--tls-verify=false", self.remote(name), succeeds=succeeds)

    def pull_image(self, name, succeeds=True):
        self.run_client("rmi", "--all", "--force")
        output = self.run_client("pull", "--tls-verify=false", self.remote(name), succeeds=succeeds)
        if succeeds:
            self.expect_image(name)
        return output


class PartialPulls(PodmanCase):
    """zstd:chunked layers: podman asks only for the files that it has not got, in up to 1,024 ranges."""

    ctest = {"TIMEOUT": 300}
    files = 3000

    def setUp(self):
        super().setUp()
        try:
            self.run_client("info")
        except AssertionError as failure:
            self.skipTest(f"partial pulls need the storage driver overlay: {failure}")

    def use_storage(self, name):
        super().use_storage(name)
        self.global_flags = tuple("overlay" if flag == "vfs" else flag for flag in self.global_flags)
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        # podman leaves a mount there.
        self.addCleanup(subprocess.run, ["umount", folder / "root" / "overlay"], capture_output=True)
        self.configuration = folder / "storage.conf"
        self.configuration.write_text(
            f'[storage]\ndriver = "overlay"\ngraphroot = "{folder}/root"\nrunroot = "{folder}/run"\n'
            "[storage.options]\n"
            'pull_options = {enable_partial_images = "true", use_hard_links = "false", ostree_repos = ""}\n'
        )

    def environment(self):
        return {**super().environment(), "CONTAINERS_STORAGE_CONF": str(self.configuration)}

    def push_chunked(self, name, files):
        """Pushes an image of one layer with these files. Returns the layer's descriptor."""
        archive = self.folder / "image.tar"
        with tarfile.open(archive, "w") as tar:
            # podman copies files at the same time, and some of them before it makes a folder that has
            # no entry; then it pulls the whole layer.
            folder = tarfile.TarInfo("data")
            folder.type = tarfile.DIRTYPE
            folder.mode = 0o755
            tar.addfile(folder)
            for path, content in files.items():
                info = tarfile.TarInfo(path)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
        self.run_client("import", archive, self.remote(name))
        self.run_client("push", "--tls-verify=false", "--compression-format", "zstd:chunked", self.remote(name))
        repository, _, tag = name.partition(":")
        return self.client.get(f"/v2/{repository}/manifests/{tag}").json()["layers"][0]

    def test_missing_files_of_a_layer_come_in_one_request_of_1024_ranges(self):
        self.login()
        random_bytes = random.Random(1).randbytes
        new = {f"data/{i:05}": random_bytes(3000) for i in range(self.files)}
        # Every other file is there already, so no two missing ones are neighbours.
        old = {path: content for path, content in new.items() if int(path[-5:]) % 2}
        self.push_chunked("team/app:old", old)
        layer = self.push_chunked("team/app:new", new)
        self.use_storage("two")
        self.run_client("pull", "--tls-verify=false", self.remote("team/app:old"))
        self.run_client("pull", "--tls-verify=false", self.remote("team/app:new"))
        answers = self.registry.logged(2, message="request", method="GET", reference=layer["digest"])
        self.assertEqual({answer["status"] for answer in answers}, {206})
        # The table of contents, and all the files at once.
        self.assertEqual(len(answers), 2)
        self.assertLess(sum(answer["bytes"] for answer in answers), 0.8 * layer["size"])
        root = pathlib.Path(self.run_client("image", "mount", self.remote("team/app:new")).strip())
        try:
            for path, content in new.items():
                self.assertEqual((root / path).read_bytes(), content)
        finally:
            self.run_client("image", "unmount", "--all")


if __name__ == "__main__":
    unittest.main()
