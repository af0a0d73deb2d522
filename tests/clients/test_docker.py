"""docker with a real daemon: login, push, pull, copy between repositories, a multi-arch index, delete,
and who may do what."""

import unittest

import client_access
from docker_daemon import docker_daemon
from images import PASSWORD, USER, BUSYBOX, ClientTestCase, file_in_saved_image, layer_tar

HELLO = b"hello from docker\n"


class DockerCase(ClientTestCase):
    """Base class; has no tests itself."""

    program = "docker"

    def setUp(self):
        super().setUp()
        self.socket = self.enterContext(docker_daemon(self.folder))
        self.use_config("config")

    def use_config(self, name):
        self.global_flags = ("-H", f"unix://{self.socket}", "--config", self.folder / name)

    def login(self, password=PASSWORD, succeeds=True, user=USER):
        return self.run_client(
            "login", "-u", user, "--password-stdin", self.registry.host, stdin=password, succeeds=succeeds
        )

    def remote(self, name):
        return f"{self.registry.host}/{name}"

    def make_image(self, name, hello=HELLO):
        archive = self.folder / "image.tar"
        archive.write_bytes(layer_tar({"hello": hello}))
        return self.run_client("import", archive, self.remote(name)).split()[-1]

    def push(self, name="team/app:v1"):
        self.login()
        image = self.make_image(name)
        self.run_client("push", self.remote(name))
        return image

    def remove(self, *names):
        self.run_client("rmi", "-f", *map(self.remote, names))

    def expect_image(self, name):
        archive = self.folder / "saved.tar"
        self.run_client("save", "-o", archive, self.remote(name))
        self.assertEqual(file_in_saved_image(archive, "hello"), HELLO)
        self.assertEqual(file_in_saved_image(archive, "bin/busybox"), BUSYBOX.read_bytes())


class Docker(DockerCase):
    ctest = {"RESOURCE_LOCK": "docker", "TIMEOUT": 180}

    def test_login_with_the_right_password(self):
        self.assertIn("Login Succeeded", self.login())

    def test_login_with_a_wrong_password_fails(self):
        self.assertIn("unauthorized", self.login("wrong", succeeds=False).lower())

    def test_without_login_a_push_is_refused(self):
        self.make_image("team/app:v1")
        self.run_client("push", self.remote("team/app:v1"), succeeds=False)

    def test_a_pushed_image_comes_back(self):
        image = self.push()
        self.remove("team/app:v1")
        self.run_client("pull", self.remote("team/app:v1"))
        listed = self.run_client("images", "--no-trunc", "-q", self.remote("team/app"))
        self.assertEqual(listed.split(), [image])
        self.expect_image("team/app:v1")

    def test_a_push_to_another_repository_mounts_the_layers(self):
        self.push()
        self.run_client("tag", self.remote("team/app:v1"), self.remote("team/copy:v1"))
        self.assertIn("Mounted from team/app", self.run_client("push", self.remote("team/copy:v1")))
        self.assertGreaterEqual(self.mounts(), 1)
        self.remove("team/app:v1", "team/copy:v1")
        self.run_client("pull", self.remote("team/copy:v1"))
        self.expect_image("team/copy:v1")

    def test_a_multi_arch_index_is_pushed_and_pulled(self):
        self.push("team/app:amd64")
        self.make_image("team/app:arm64", b"other\n")
        self.run_client("push", self.remote("team/app:arm64"))
        index = self.remote("team/app:multi")
        parts = [self.remote("team/app:amd64"), self.remote("team/app:arm64")]
        self.run_client("manifest", "create", "--insecure", index, *parts)
        self.run_client("manifest", "annotate", "--arch", "arm64", index, parts[1])
        self.run_client("manifest", "push", "--insecure", index)
        self.remove("team/app:amd64", "team/app:arm64")
        self.run_client("pull", "--platform", "linux/amd64", index)
        self.expect_image("team/app:multi")

    def test_a_deleted_image_cannot_be_pulled(self):
        self.push()
        digest = self.client.get("/v2/team/app/manifests/v1").headers["Docker-Content-Digest"]
        self.client.delete(f"/v2/team/app/manifests/{digest}")
        self.remove("team/app:v1")
        self.run_client("pull", self.remote("team/app:v1"), succeeds=False)


class DockerAccess(client_access.Scenarios, DockerCase):
    ctest = {"RESOURCE_LOCK": "docker", "TIMEOUT": 180}

    def logout(self):
        self.run_client("logout", self.registry.host)

    def use_new_config(self):
        self.use_config("new-config")

    def push_image(self, name, succeeds=True):
        self.make_image(name)
        return self.run_client("push", self.remote(name), succeeds=succeeds)

    def pull_image(self, name, succeeds=True):
        if images := self.run_client("images", "-q").split():
            self.run_client("rmi", "-f", *images)
        output = self.run_client("pull", self.remote(name), succeeds=succeeds)
        if succeeds:
            self.expect_image(name)
        return output


if __name__ == "__main__":
    unittest.main()
