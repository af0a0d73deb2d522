"""A BuildKit daemon with all its state in one folder."""

import contextlib
import os
import pathlib
import shutil
import unittest

from daemon import PATH, daemon

# Steps of a build run with the network of this machine, so that no network has to be set up.
CONFIGURATION = """
root = "{folder}/root"
[grpc]
  address = ["unix://{socket}"]
[otel]
  socketPath = "{folder}/otel.sock"
[cdi]
  disabled = true
[worker.oci]
  enabled = true
  networkMode = "host"
  gc = false
[worker.containerd]
  enabled = false
[registry."{registry}"]
  http = true
"""


@contextlib.contextmanager
def buildkit_daemon(folder, buildkitd, buildctl, registry):
    """Runs a daemon that speaks HTTP to `registry`, HOST:PORT; yields the path of its socket.

    Skips the test where none can run.
    """
    if shutil.which("runc", path=PATH) is None:
        raise unittest.SkipTest("runc is not installed")
    if os.geteuid() != 0:
        raise unittest.SkipTest("a BuildKit of its own needs root")
    # Short names: the path of a socket has at most 107 bytes.
    folder = pathlib.Path(folder)
    folder.mkdir()
    socket = folder / "b.sock"
    configuration = folder / "buildkitd.toml"
    configuration.write_text(CONFIGURATION.format(folder=folder, socket=socket, registry=registry))
    with daemon(
        "BuildKit",
        [[buildkitd, "--config", configuration]],
        folder / "buildkitd.log",
        socket,
        [buildctl, "--addr", f"unix://{socket}", "debug", "workers"],
        TMPDIR=str(folder),
        NO_PROXY="127.0.0.1",
        no_proxy="127.0.0.1",
    ):
        yield socket
