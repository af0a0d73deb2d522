"""A docker daemon with all its state in one folder."""

import contextlib
import os
import pathlib
import shutil
import unittest

from daemon import PATH, daemon

# The first one that works; vfs works everywhere, but copies whole file systems.
STORAGE_DRIVERS = ("overlay2", "vfs")


@contextlib.contextmanager
def docker_daemon(folder):
    """Runs a daemon; yields the path of its socket. Skips the test where none can run."""
    dockerd = shutil.which("dockerd", path=PATH)
    if dockerd is None or shutil.which("docker") is None:
        raise unittest.SkipTest("docker is not installed")
    if os.geteuid() != 0:
        raise unittest.SkipTest("a docker daemon of its own needs root")
    # Short names: the path of a socket has at most 107 bytes.
    folder = pathlib.Path(folder)
    socket = folder / "d.sock"
    commands = [
        [dockerd, "--data-root", folder / "d", "--exec-root", folder / "e",
         "--pidfile", folder / "d.pid", "-H", f"unix://{socket}",
         "--storage-driver", driver, "--iptables=false", "--bridge=none"]
        for driver in STORAGE_DRIVERS
    ]  # fmt: skip
    probe = ["docker", "-H", f"unix://{socket}", "info"]
    with daemon("docker", commands, folder / "dockerd.log", socket, probe):
        yield socket
