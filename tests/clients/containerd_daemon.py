"""A containerd daemon with all its state in one folder."""

import contextlib
import os
import pathlib
import shutil
import unittest

from daemon import daemon

# cri needs a network configuration, and opt creates folders in /opt: pushing and pulling need neither.
CONFIGURATION = """
version = 2
root = "{folder}/root"
state = "{folder}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
[grpc]
  address = "{socket}"
"""


@contextlib.contextmanager
def containerd_daemon(folder):
    """Runs a daemon; yields the path of its socket. Skips the test where none can run."""
    if shutil.which("containerd") is None:
        raise unittest.SkipTest("containerd is not installed")
    if os.geteuid() != 0:
        raise unittest.SkipTest("a containerd of its own needs root")
    folder = pathlib.Path(folder)
    # A short name: the path of a socket has at most 107 bytes.
    socket = folder / "c.sock"
    configuration = folder / "containerd.toml"
    configuration.write_text(CONFIGURATION.format(folder=folder, socket=socket))
    with daemon(
        "containerd",
        [["containerd", "--config", configuration]],
        folder / "containerd.log",
        socket,
        ["ctr", "--address", socket, "version"],
    ):
        yield socket
