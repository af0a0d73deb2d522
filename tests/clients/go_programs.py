"""Go programs at pinned versions: built once next to the binary, then used by all tests.

    crane = install(CRANE)  # the path of the program, or a skipped test where there is no Go

They are built from the versions named here, whatever else is installed, so that a test that fails
today fails tomorrow, too. Run as a program, this file builds all of them ahead of the tests.
"""

import collections
import contextlib
import fcntl
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
import unittest

from images import ClientTestCase
from registry import BINARY

# `go`: the oldest version of Go that the program's go.mod accepts.
Program = collections.namedtuple("Program", "name package version go")

# From the distribution specification. It has no releases, so this is a commit of its main branch that the
# module proxy serves; it refuses some commits, such as v0.0.0-20260716174315-967efdc079b9.
CONFORMANCE = Program(
    "conformance", "github.com/opencontainers/distribution-spec/conformance",
    "v0.0.0-20260831232431-97274622c111", (1, 24),
)  # fmt: skip
CRANE = Program("crane", "github.com/google/go-containerregistry/cmd/crane", "v0.22.1", (1, 25))
REGCTL = Program("regctl", "github.com/regclient/regclient/cmd/regctl", "v0.11.7", (1, 26))
ORAS = Program("oras", "oras.land/oras/cmd/oras", "v1.3.6", (1, 26, 7))
GRPCURL = Program("grpcurl", "github.com/fullstorydev/grpcurl/cmd/grpcurl", "v1.9.4", (1, 25))

HELM = Program("helm", "helm.sh/helm/v3/cmd/helm", "v3.22.0", (1, 26))
BUILDKITD = Program("buildkitd", "github.com/moby/buildkit/cmd/buildkitd", "v0.32.2", (1, 26, 3))
BUILDCTL = Program("buildctl", "github.com/moby/buildkit/cmd/buildctl", "v0.32.2", (1, 26, 3))
COSIGN = Program("cosign", "github.com/sigstore/cosign/v3/cmd/cosign", "v3.1.3", (1, 26))

# On an idle machine with two cores most take 20 s, helm and buildkitd a minute, cosign two.
BUILD_TIMEOUT_S = 900


def install(program):
    """Returns the path of the program. Builds it if no test did before."""
    folder = pathlib.Path(BINARY).resolve().parent / "go-programs"
    # The version is part of the name: a new pin is a new folder.
    target = folder / f"{program.name}-{program.version}"
    if not target.exists():
        require_go(program)
        folder.mkdir(exist_ok=True)
        with only_one(folder / f".{program.name}.lock"):
            if not target.exists():
                build(program, target)
    return target / program.name


def require_go(program):
    """Skips the test where Go is missing or too old for the program."""
    needed = ".".join(map(str, program.go))
    if shutil.which("go") is None:
        raise unittest.SkipTest(f"Go is not installed, and {program.name} is built with Go {needed} or newer")
    found = subprocess.run(["go", "env", "GOVERSION"], capture_output=True, text=True, check=True)
    version = tuple(map(int, re.findall(r"\d+", found.stdout.split()[0])))
    if version < program.go:
        raise unittest.SkipTest(f"{program.name} needs Go {needed} or newer; here is {found.stdout.strip()}")


@contextlib.contextmanager
def only_one(path):
    """ctest runs tests in parallel: one of them builds, the others wait. A killed test releases the lock."""
    with open(path, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def build(program, target):
    # Next to the target, because a rename must not cross file systems: the program exists as a whole or not at all.
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as unfinished:
        bin_folder = pathlib.Path(unfinished) / "bin"
        bin_folder.mkdir()
        # A separate module: then no go.mod around the tests or the binary matters, and `go install` accepts
        # no program whose go.mod excludes something, as BuildKit's does.
        for command in (
            ("mod", "init", "program"),
            ("get", f"{program.package}@{program.version}"),
            ("build", "-o", bin_folder, program.package),
        ):
            done = subprocess.run(
                ["go", *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                timeout=BUILD_TIMEOUT_S, cwd=unfinished, env={**os.environ, "GOWORK": "off"},
            )  # fmt: skip
            if done.returncode != 0:
                raise AssertionError(f"{program.package}@{program.version} cannot be built:\n{done.stdout}")
        bin_folder.rename(target)


class GoClientTestCase(ClientTestCase):
    """A registry, and a Go program that talks to it, with all its state in the test's folder."""

    go_program = None

    def setUp(self):
        self.program = str(install(self.go_program))
        super().setUp()

    def environment(self):
        own = {
            "HOME": str(self.folder / "home"),
            "DOCKER_CONFIG": str(self.folder / "docker"),
            "REGCTL_CONFIG": str(self.folder / "regctl.json"),
        }
        # The tests' environment may set a proxy; a registry on this machine is not behind it.
        without_proxy = {name: "127.0.0.1" for name in ("NO_PROXY", "no_proxy")}
        return {**super().environment(), **own, **without_proxy}

    def remote(self, name):
        """`name` is REPOSITORY:TAG or REPOSITORY@DIGEST."""
        return f"{self.registry.host}/{name}"

    def expect_no_list_in_a_tag(self, repository):
        """If a registry lists no referrers, clients keep the list in a tag named sha256-DIGEST."""
        tags = self.client.get(f"/v2/{repository}/tags/list").json()["tags"]
        self.assertEqual([tag for tag in tags if tag.startswith("sha256-")], [])

    def write_files(self, folder, count):
        """Fills a new folder with different files. Returns {name: content}."""
        folder.mkdir()
        contents = {f"part-{i:03}.bin": f"part {i}\n".encode() * (i + 1) for i in range(count)}
        for name, content in contents.items():
            (folder / name).write_bytes(content)
        return contents

    def expect_files(self, folder, contents):
        """The folder has exactly these files, byte by byte."""
        found = {path.name: path.read_bytes() for path in folder.iterdir()}
        self.assertEqual(sorted(found), sorted(contents))
        self.assertEqual([n for n in contents if found[n] != contents[n]], [])


def install_all():
    """Builds the programs that are missing and prints a line for each. Failures are left to the tests."""
    programs = [value for value in globals().values() if isinstance(value, Program)]
    for program in programs:
        started = time.monotonic()
        try:
            install(program)
        except (unittest.SkipTest, AssertionError, subprocess.TimeoutExpired) as error:
            print(f"{program.name} is not there: {error}", flush=True)
        else:
            print(f"{program.name} {program.version}: {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    install_all()
