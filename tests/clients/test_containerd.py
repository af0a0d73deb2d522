"""containerd, through ctr: push, pull, copy between repositories, a multi-arch index, and who may do what.

ctr has no login: a user name and a password go with each command.
"""

import json
import subprocess
import unittest

import client_access
from client_access import SHOP
from containerd_daemon import containerd_daemon
from images import ARCHITECTURES, PASSWORD, USER, ClientTestCase, Layout, digest_of
from registry import wait_for

LOCAL = "local/image:v1"


class ContainerdCase(ClientTestCase):
    """Base class; has no tests itself."""

    program = "ctr"

    def setUp(self):
        super().setUp()
        socket = self.enterContext(containerd_daemon(self.folder))
        self.global_flags = ("--address", socket, "--namespace", "test")
        self.layout = Layout(self.folder / "layout")
        parts = json.loads(self.layout.index)["manifests"]
        self.manifests = {part["platform"]["architecture"]: part["digest"] for part in parts}
        self.archive = self.folder / "layout.tar"
        self.write_archive()
        self.user = None

    def login(self, password=PASSWORD, succeeds=True, user=USER):
        """Logs in for the following commands."""
        self.user = f"{user}:{password}"

    def access_flags(self):
        return ("--plain-http", *(("--user", self.user) if self.user else ()))

    def remote(self, name):
        return f"{self.registry.host}/{name}"

    def write_archive(self):
        subprocess.run(["tar", "-C", self.layout.folder, "-cf", self.archive, "."], check=True)

    def import_layout(self):
        self.run_client(
            "images", "import", "--all-platforms", "--no-unpack", "--base-name", LOCAL.partition(":")[0], self.archive
        )

    def push_layout(self, name, *flags, succeeds=True):
        self.import_layout()
        return self.run_client(
            "images", "push", *self.access_flags(), *flags, self.remote(name), LOCAL, succeeds=succeeds
        )

    def forget_all(self):
        """Removes everything that was pulled or imported."""
        if names := self.run_client("images", "ls", "--quiet").split():
            self.run_client("images", "rm", "--sync", *names)
        self.assertEqual(self.run_client("content", "ls", "--quiet"), "")

    def pull(self, name, *flags, succeeds=True):
        self.forget_all()
        return self.run_client(
            "images", "pull", "--snapshotter", "native", *self.access_flags(), *flags, self.remote(name),
            succeeds=succeeds,
        )  # fmt: skip

    def reference_of(self, name):
        """The digest that a pulled name has."""
        for line in self.run_client("images", "ls").splitlines():
            if line.startswith(self.remote(name) + " "):
                return line.split()[2]
        raise AssertionError(f"ctr knows no {name}")

    def expect_blobs(self, digests):
        """containerd has exactly these, byte by byte."""
        self.assertEqual(sorted(self.run_client("content", "ls", "--quiet").split()), sorted(digests))
        for digest in digests:
            file = self.folder / "root" / "io.containerd.content.v1.content" / "blobs" / digest.replace(":", "/")
            self.assertEqual(file.read_bytes(), self.layout.blobs[digest])

    def blobs_of(self, architecture):
        """The digests of an architecture's manifest, configuration and layers."""
        digest = self.manifests[architecture]
        manifest = json.loads(self.layout.blobs[digest])
        return [digest, manifest["config"]["digest"], *(layer["digest"] for layer in manifest["layers"])]


class Containerd(ContainerdCase):
    def setUp(self):
        super().setUp()
        self.login()

    def test_a_pushed_index_has_the_digest_that_it_has_here(self):
        self.push_layout("team/app:v1")
        answer = self.client.get("/v2/team/app/manifests/v1")
        self.assertEqual(answer.headers["Docker-Content-Digest"], digest_of(self.layout.index))
        self.assertEqual(answer.body, self.layout.index)

    def test_a_multi_arch_index_comes_back_byte_by_byte(self):
        self.push_layout("team/app:v1")
        self.pull("team/app:v1", "--all-platforms")
        self.assertEqual(self.reference_of("team/app:v1"), digest_of(self.layout.index))
        self.expect_blobs(self.layout.blobs)

    def test_one_architecture_is_picked_from_an_index(self):
        self.push_layout("team/app:v1")
        for architecture in ARCHITECTURES:
            self.pull("team/app:v1", "--platform", f"linux/{architecture}")
            self.expect_blobs([digest_of(self.layout.index), *self.blobs_of(architecture)])

    def test_an_image_is_pulled_by_its_digest(self):
        self.push_layout("team/app:v1")
        name = f"team/app@{self.manifests['arm64']}"
        self.pull(name, "--platform", "linux/arm64")
        self.assertEqual(self.reference_of(name), self.manifests["arm64"])
        self.expect_blobs(self.blobs_of("arm64"))

    def test_a_pulled_image_is_mounted_into_another_repository(self):
        self.push_layout("team/app:v1")
        self.pull("team/app:v1", "--all-platforms")
        self.run_client(
            "images", "push", *self.access_flags(), self.remote("team/copy:v1"), self.remote("team/app:v1")
        )
        # containerd mounts configurations, too.
        self.assertEqual(self.mounts(), 2 * len(ARCHITECTURES))
        self.assertEqual(self.client.get("/v2/team/copy/manifests/v1").body, self.layout.index)
        self.pull("team/copy:v1", "--all-platforms")
        self.expect_blobs(self.layout.blobs)

    def test_a_deleted_image_cannot_be_pulled(self):
        self.push_layout("team/app:v1")
        self.client.delete(f"/v2/team/app/manifests/{digest_of(self.layout.index)}")
        self.assertIn("not found", self.pull("team/app:v1", succeeds=False))


class ContainerdAccess(client_access.Scenarios, ContainerdCase):
    def write_archive(self):
        """An image of one architecture: the scenarios need one manifest with its layers."""
        top = json.loads((self.layout.folder / "index.json").read_text())
        manifest = json.loads(self.layout.index)["manifests"][0]
        top["manifests"] = [{**manifest, "annotations": top["manifests"][0]["annotations"]}]
        (self.layout.folder / "index.json").write_text(json.dumps(top))
        super().write_archive()

    def logout(self):
        self.user = None

    def use_new_config(self):
        self.user = None

    def push_image(self, name, succeeds=True):
        output = self.push_layout(name, succeeds=succeeds)
        if succeeds:
            # containerd remembers the source of a layer after a pull, but not after a push.
            self.pull(name)
        return output

    def pull_image(self, name, succeeds=True):
        output = self.pull(name, "--platform", "linux/amd64", succeeds=succeeds)
        if succeeds:
            self.expect_blobs(self.blobs_of("amd64"))
        return output

    def expect_denied(self, output, *words):
        # ctr 1.6 prints only the status of a response; the registry's log has the reason.
        self.assertIn("403 Forbidden", output)
        # A line of the log may come after the response.
        wait_for(lambda: all(word in self.reasons() for word in words), f"the log to say {words}")

    def reasons(self):
        return "\n".join(line["error"] for line in self.registry.log(message="request", status=403))

    def test_the_right_password_logs_in_and_a_wrong_one_is_told(self):
        self.login_as("wendy")
        self.push_image(f"{SHOP}:v1")
        self.login_as("wendy", "wrong")
        for output in (self.push_image(f"{SHOP}:v2", succeeds=False), self.pull_image(f"{SHOP}:v1", succeeds=False)):
            self.assertIn("401 Unauthorized", output)


if __name__ == "__main__":
    unittest.main()
