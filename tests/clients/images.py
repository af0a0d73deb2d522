"""Shared by the client tests: makes images, and runs programs."""

import gzip
import io
import json
import os
import pathlib
import shutil
import subprocess
import tarfile

from registry import (
    OCI_CONFIG,
    OCI_INDEX,
    OCI_LAYER,
    OCI_MANIFEST,
    PASSWORD,
    USER,
    RegistryTestCase,
    descriptor,
    digest_of,
)

BUSYBOX = pathlib.Path(shutil.which("busybox") or "/bin/busybox")
ARCHITECTURES = ("amd64", "arm64")


def layer_tar(files):
    """A tar with these files, {path: bytes}, and busybox as its shell."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, content in {"bin/busybox": BUSYBOX.read_bytes(), **files}.items():
            info = tarfile.TarInfo(path)
            info.size = len(content)
            info.mode = 0o755
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


class Layout:
    """An OCI image layout folder with a multi-arch image tagged `tag`."""

    def __init__(self, folder, tag="v1", files=None):
        self.folder = pathlib.Path(folder)
        self.blobs = {}
        manifests = []
        for architecture in ARCHITECTURES:
            tar = layer_tar({"architecture": architecture.encode(), **(files or {})})
            # Compressed, because clients would compress a plain tar, and so change its bytes.
            layer = gzip.compress(tar, mtime=0)
            config = json.dumps(
                {
                    "architecture": architecture,
                    "os": "linux",
                    "config": {"Cmd": ["/bin/busybox", "sh"]},
                    "rootfs": {"type": "layers", "diff_ids": [digest_of(tar)]},
                }
            ).encode()
            manifest = json.dumps(
                {
                    "schemaVersion": 2,
                    "mediaType": OCI_MANIFEST,
                    "config": descriptor(config, OCI_CONFIG),
                    "layers": [descriptor(layer, OCI_LAYER + "+gzip")],
                }
            ).encode()
            for blob in (layer, config, manifest):
                self.blobs[digest_of(blob)] = blob
            platform = {"os": "linux", "architecture": architecture}
            manifests.append({**descriptor(manifest, OCI_MANIFEST), "platform": platform})
        self.index = json.dumps(
            {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests}
        ).encode()
        self.blobs[digest_of(self.index)] = self.index
        self.write(tag)

    def write(self, tag):
        target = self.folder / "blobs" / "sha256"
        target.mkdir(parents=True)
        for digest, blob in self.blobs.items():
            (target / digest.partition(":")[2]).write_bytes(blob)
        (self.folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        annotations = {"org.opencontainers.image.ref.name": tag}
        entry = {**descriptor(self.index, OCI_INDEX), "annotations": annotations}
        top = {"schemaVersion": 2, "manifests": [entry]}
        (self.folder / "index.json").write_text(json.dumps(top))


def file_in_saved_image(archive, path):
    """The content of a file of an image saved by `docker save` or `podman save`."""
    with tarfile.open(archive) as outer:
        for member in outer:
            if not member.isfile() or not member.name.endswith(".tar"):
                continue
            with tarfile.open(fileobj=outer.extractfile(member)) as layer:
                for entry in layer:
                    if entry.isfile() and entry.name.lstrip("./") == path:
                        return layer.extractfile(entry).read()
    raise AssertionError(f"no {path} in {archive}")


class ClientTestCase(RegistryTestCase):
    """A registry, and a program that talks to it."""

    # The program that the tests need.
    program = None
    # Flags that come before its subcommand.
    global_flags = ()
    # The folder it runs in; None means the folder of the tests.
    working_folder = None

    def setUp(self):
        if shutil.which(self.program) is None:
            self.skipTest(f"{self.program} is not installed")
        if not BUSYBOX.exists():
            self.skipTest("busybox is not installed")
        super().setUp()

    def environment(self):
        return {**os.environ, "TMPDIR": str(self.folder)}

    def run_client(self, *arguments, stdin="", succeeds=True, timeout_s=120):
        """Runs the program. Returns its output and errors."""
        done = subprocess.run(
            [self.program, *map(str, self.global_flags), *map(str, arguments)],
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=timeout_s,
            env=self.environment(),
            cwd=self.working_folder,
        )
        command = f"{self.program} {' '.join(map(str, arguments))}"
        if succeeds and done.returncode != 0:
            raise AssertionError(f"{command} failed:\n{done.stdout}")
        if not succeeds and done.returncode == 0:
            raise AssertionError(f"{command} should have failed:\n{done.stdout}")
        return done.stdout

    def mounts(self):
        """The number of blobs mounted from another repository, according to the registry's log."""
        return len(
            [
                line
                for line in self.registry.log(message="request", method="POST", status=201)
                if "uploads" in line["route"]
            ]
        )


__all__ = ["ClientTestCase", "Layout", "PASSWORD", "USER", "digest_of", "file_in_saved_image", "layer_tar"]
