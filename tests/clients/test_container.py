"""deploy/Dockerfile: built on a base made by debootstrap, and the first steps with the image.

Compiling in the container would take minutes, so the build context holds the binary that is tested
here: the Dockerfile then compiles nothing. All else of it is what a user gets. The base is kept
beside the binary for the next run.
"""

import os
import pathlib
import shutil
import socket
import subprocess
import unittest

from docker_daemon import docker_daemon
from images import ClientTestCase
from registry import BINARY, SANITIZER, Client, basic, wait_for

ROOT = pathlib.Path(__file__).resolve().parents[2]
SUITE = "bookworm"
PASSWORD = "container secret"


def mirror():
    """The Debian mirror that this machine's apt uses, as URL."""
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(SUITE) $(CODENAME) $(COMPONENT) $(REPO_URI)",
         "Identifier: Packages"],
        capture_output=True, text=True,
    )  # fmt: skip
    for line in listed.stdout.splitlines():
        _, codename, component, uri = line.split(" ", 3)
        if (codename, component) == (SUITE, "main"):
            return uri
    raise unittest.SkipTest(f"apt knows no mirror of Debian {SUITE}: run apt-get update")


def apt_settings():
    """The apt settings that this machine needs to reach its mirror."""
    dump = subprocess.run(["apt-config", "dump"], capture_output=True, text=True).stdout
    wanted = ("Proxy", "Check-Valid-Until", "Check-Date")
    return "".join(
        f"{line}\n"
        for line in dump.splitlines()
        if line.startswith("Acquire::") and any(word in line.split()[0] for word in wanted)
    )


def debian_base():
    """A tar of a minimal Debian 12."""
    archive = pathlib.Path(BINARY).parent / "debian-base.tar"
    if archive.exists():
        return archive
    if shutil.which("debootstrap", path=os.environ["PATH"] + ":/usr/sbin") is None:
        raise unittest.SkipTest("debootstrap is not installed")
    folder = archive.with_suffix(".tmp")
    shutil.rmtree(folder, ignore_errors=True)
    uri = mirror()
    done = subprocess.run(
        ["debootstrap", "--variant=minbase", SUITE, folder, uri],
        capture_output=True, text=True, env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"},
    )  # fmt: skip
    if done.returncode != 0:
        raise unittest.SkipTest(f"debootstrap failed: {done.stdout.strip()[-300:]}")
    (folder / "etc/apt/sources.list").write_text(f"deb {uri} {SUITE} main\n")
    (folder / "etc/apt/apt.conf.d/00mirror").write_text(apt_settings())
    unfinished = archive.with_suffix(".part")
    subprocess.run(["tar", "-C", folder, "-cf", unfinished, "."], check=True)
    shutil.rmtree(folder)
    unfinished.rename(archive)
    return archive


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class Served:
    """The parts of a registry that a Client needs, for one that another program runs."""

    scheme = "http"
    ca = None

    def __init__(self, port):
        self.port = port


@unittest.skipIf(SANITIZER, "the image has no sanitizer's library")
class Container(ClientTestCase):
    ctest = {"RESOURCE_LOCK": "docker", "TIMEOUT": 600}
    program = "docker"
    start_at_once = False

    def setUp(self):
        super().setUp()
        daemon = self.enterContext(docker_daemon(self.folder))
        self.global_flags = ("-H", f"unix://{daemon}", "--config", self.folder / "config")
        self.run_client("import", debian_base(), "debian-base")

    def environment(self):
        # The builder that every docker has.
        return {**super().environment(), "DOCKER_BUILDKIT": "0"}

    def build_image(self):
        context = self.folder / "context"
        (context / "build").mkdir(parents=True)
        shutil.copy(BINARY, context / "build" / "simple-registry")
        self.run_client(
            "build", "--network", "host", "--build-arg", "BASE=debian-base",
            "-f", ROOT / "deploy" / "Dockerfile", "-t", "simple-registry", context, timeout_s=500,
        )  # fmt: skip

    def test_the_image_is_built_and_serves_with_a_hashed_password_and_a_volume(self):
        self.build_image()
        inspected = self.run_client(
            "inspect", "--format", "{{.Config.User}} {{.Config.Entrypoint}}", "simple-registry"
        )
        self.assertEqual(inspected.strip(), "65532 [/usr/local/bin/simple-registry]")

        # docker run -i simple-registry genhash > pwd.txt
        run = ("run", "--rm", "--network", "host")
        hashed = self.run_client(*run, "-i", "simple-registry", "genhash", stdin=PASSWORD)
        self.assertRegex(hashed, r"^\$2[aby]\$")
        password_file = self.folder / "pwd.txt"
        password_file.write_text(hashed)
        self.folder.chmod(0o755)

        # A volume begins with the owner that the image's folder has.
        self.run_client("volume", "create", "data")
        owner = self.run_client(
            *run, "-v", "data:/data", "--entrypoint", "stat", "simple-registry", "-c", "%u", "/data"
        )
        self.assertEqual(owner.strip(), "65532")

        port = free_port()
        serve = (
            "run", "-d", "--network", "host", "--read-only", "-v", "data:/data",
            "-v", f"{password_file}:/pwd.txt:ro", "--name", "registry", "simple-registry",
            "serve", "-adminpwdfile", "/pwd.txt", "-datadir", "/data", "-addr", f"127.0.0.1:{port}",
        )  # fmt: skip
        self.run_client(*serve)
        self.addCleanup(self.run_client, "rm", "-f", "registry")
        wait_for(lambda: "listening" in self.run_client("logs", "registry"), "the container")

        client = Client(Served(port), basic("admin", PASSWORD))
        manifest = client.push_image("team/app", "v1", [b"x" * 1_000_000])
        self.assertEqual(client.get("/v2/team/app/manifests/v1").body, manifest)

        remote = f"127.0.0.1:{port}/base:v1"
        self.run_client("login", "-u", "admin", "--password-stdin", f"127.0.0.1:{port}", stdin=PASSWORD)
        self.run_client("tag", "simple-registry", remote)
        self.run_client("push", remote)
        self.run_client("rmi", remote)
        self.run_client("pull", remote)

        # It stops on request, and the volume keeps everything for the next one.
        self.run_client("stop", "registry")
        state = self.run_client("inspect", "--format", "{{.State.ExitCode}}", "registry")
        self.assertEqual(state.strip(), "0")
        self.run_client("start", "registry")
        wait_for(lambda: self.run_client("logs", "registry").count("listening") == 2, "a restart")
        client.close()
        self.assertEqual(client.get("/v2/team/app/manifests/v1").body, manifest)
        client.close()


if __name__ == "__main__":
    unittest.main()
